#include "bundle/bundle_internal.h"

_Static_assert(sizeof(sm_job) <= SM_SORT_MAX_ITEM, "jobs are sorted");

sm_status sm_restore_options_read(sm_restore_options *out, const sm_restore_options *options, sm_error *err) {
  *out = (sm_restore_options)SM_RESTORE_OPTIONS_INIT;
  if (options == NULL) return SM_OK;
  if (options->struct_size == 0)
    return SM_FAIL(err, SM_INVALID_ARGUMENT, "sm_restore_options.struct_size is 0: start from SM_RESTORE_OPTIONS_INIT");
  memcpy(out, options, options->struct_size < sizeof *out ? options->struct_size : sizeof *out);
  return SM_OK;
}

typedef struct restore {
  const sm_bundle_reader *reader;
  sm_restore_options options;
  sm_binding *bindings;
  size_t n_bindings;
  sm_job *jobs; /* at most one for each binding; ctx is a target */
  size_t n_jobs;
  struct target *targets;
  sm_restore_report report;
  const char *first_missing, *first_unused;
  sm_error first_mismatch;
} restore;

/* What a job is for. */
typedef struct target {
  const restore *whole;
  sm_binding *binding;
} target;

/* ---- Comparing ---- */

/* The dims that a binding gets: of the tensor, or of the slice. */
static sm_status shape_of(int64_t *dims, const sm_binding *binding, const sm_bundle_reader *reader,
                          const sm_bundle_entry *entry, sm_error *err) {
  sm_extent box[SM_MAX_RANK];
  SM_TRY(sm_read_box(box, reader, entry, binding->slice, err));
  for (int32_t i = 0; i < entry->rank; i++) dims[i] = box[i].length;
  return SM_OK;
}

static sm_status fail_mismatch(const sm_binding *binding, sm_error *err, const char *what, long long expected,
                               long long found) {
  return SM_FAIL(err, SM_INVALID_ARGUMENT, "%s: %s %lld in the checkpoint, %lld expected",
                 sm_key_text_of(sm_string_of(binding->key)).text, what, found, expected);
}

/* Has the binding as many elements? Not of slices, which say where they are. */
static bool is_reshaped(const sm_binding *binding, const sm_bundle_entry *entry) {
  int64_t wanted, stored;
  return binding->slice == NULL && binding->rank >= 0 &&
         sm_shape_elements(&wanted, binding->dims, (size_t)binding->rank) &&
         sm_shape_elements(&stored, entry->dims, (size_t)entry->rank) && wanted == stored;
}

static sm_status compare_dims(const sm_binding *binding, const int64_t *dims, int32_t rank, sm_error *err) {
  if (binding->rank < 0) return SM_OK;
  if (binding->rank != rank) return fail_mismatch(binding, err, "rank", binding->rank, rank);
  for (int32_t i = 0; i < rank; i++)
    if (binding->dims[i] != dims[i]) return fail_mismatch(binding, err, "a dimension", binding->dims[i], dims[i]);
  return SM_OK;
}

/* INVALID_ARGUMENT: they differ. */
static sm_status compare(const sm_binding *binding, const restore *r, const sm_bundle_entry *entry, sm_error *err) {
  int64_t dims[SM_MAX_RANK];
  size_t size;
  const char *name = sm_dtype_name(binding->dtype);
  if (binding->dtype != SM_DT_INVALID && binding->dtype != entry->dtype)
    return SM_FAIL(err, SM_INVALID_ARGUMENT, "%s: %s in the checkpoint, %s expected", sm_key_text_of(entry->key).text,
                   sm_dtype_name(entry->dtype), name != NULL ? name : "no dtype");
  SM_TRY(shape_of(dims, binding, r->reader, entry, err));
  if (!r->options.reshape || !is_reshaped(binding, entry)) SM_TRY(compare_dims(binding, dims, entry->rank, err));
  if (binding->data == NULL) return SM_OK;
  if (sm_dtype_size(entry->dtype) == 0)
    return SM_FAIL(err, SM_INVALID_ARGUMENT, "%s: %s cannot be read into memory of the caller",
                   sm_key_text_of(entry->key).text, sm_dtype_name(entry->dtype));
  (void)sm_shape_bytes(&size, entry->dtype, dims, (size_t)entry->rank);
  return binding->size == size ? SM_OK
                               : fail_mismatch(binding, err, "bytes", (long long)binding->size, (long long)size);
}

/* ---- What is to be done ---- */

static sm_status run_target(sm_job *job, sm_error *err) {
  const target *t = job->ctx;
  sm_binding *binding = t->binding;
  const sm_bundle_reader *reader = t->whole->reader;
  sm_bundle_entry entry;
  SM_TRY(sm_bundle_reader_find(&entry, reader, binding->key, err));
  if (binding->data != NULL)
    return sm_bundle_reader_read_entry(reader, &entry, binding->slice, binding->data, binding->size, err);
  return sm_tensor_read(&binding->tensor, reader, &entry, binding->slice, t->whole->options.in_place, err);
}

/* Numbers that lie in one piece are copied by the library's threads together; the rest by one thread each. */
static sm_status add_plain(sm_job *job, restore *r, sm_binding *binding, const sm_bundle_entry *entry, sm_error *err) {
  sm_shard *shard;
  job->part = (sm_part){.key = sm_string_of(binding->key),
                        .id = entry->reserved[0].data,
                        .shard = entry->shard,
                        .crc32c = entry->crc32c,
                        .offset = entry->offset,
                        .size = entry->size};
  SM_TRY(sm_shard_of(&shard, r->reader, &job->part, err)); /* before memory of that size is allocated */
  if (binding->data == NULL)
    SM_TRY(sm_tensor_new(&binding->tensor, entry->dtype, entry->dims, entry->rank, r->reader->allocator, err));
  job->dst = binding->data != NULL ? binding->data : sm_tensor_get_data(binding->tensor);
  job->order_size = sm_reader_turns(r->reader) ? (uint8_t)sm_dtype_order_size(entry->dtype) : 1;
  job->is_checked = sm_reader_checks(r->reader);
  return SM_OK;
}

static sm_status add_job(restore *r, sm_binding *binding, const sm_bundle_entry *entry, sm_error *err) {
  sm_job *job = &r->jobs[r->n_jobs];
  target *t = &r->targets[r->n_jobs];
  bool is_mapped = binding->data == NULL && r->options.in_place;
  bool is_plain = binding->slice == NULL && entry->n_slices == 0 && r->reader->v1 == NULL && !is_mapped &&
                  entry->size != 0 && sm_dtype_size(entry->dtype) != 0;
  *t = (target){r, binding};
  *job = (sm_job){.ctx = t};
  r->n_jobs++;
  if (is_plain) return add_plain(job, r, binding, entry, err);
  size_t size; /* about: enough to see how much work it is */
  if (entry->size != 0 || !sm_shape_bytes(&size, entry->dtype, entry->dims, (size_t)entry->rank)) size = 0;
  job->part = (sm_part){
      .key = sm_string_of(binding->key), .shard = entry->shard, .offset = entry->offset, .size = entry->size + size};
  job->run = run_target;
  return SM_OK;
}

static void tell(const restore *r, sm_difference_kind kind, const char *key, const sm_binding *binding,
                 const char *what) {
  const sm_difference difference = {.kind = kind, .key = key, .binding = binding, .what = what};
  if (r->options.difference != NULL) r->options.difference(r->options.difference_ctx, &difference);
}

/* Looks at all bindings; nothing is written yet. */
static sm_status compare_all(restore *r, sm_error *err) {
  for (size_t i = 0; i < r->n_bindings; i++) {
    sm_binding *binding = &r->bindings[i];
    sm_bundle_entry entry;
    sm_error failure;
    binding->status = sm_bundle_reader_find(&entry, r->reader, binding->key, &failure);
    if (binding->status == SM_NOT_FOUND) {
      if (r->report.n_missing++ == 0) r->first_missing = binding->key;
      tell(r, SM_DIFFERENCE_MISSING, binding->key, binding, "not in the checkpoint");
    } else if (binding->status == SM_OK) {
      binding->status = compare(binding, r, &entry, &failure);
      if (binding->status == SM_OK) continue;
      if (r->report.n_mismatched++ == 0) r->first_mismatch = failure;
      tell(r, SM_DIFFERENCE_MISMATCHED, binding->key, binding, failure.message);
    } else {
      if (err != NULL) *err = failure;
      return binding->status;
    }
  }
  return SM_OK;
}

static sm_status add_all(restore *r, sm_error *err) {
  for (size_t i = 0; i < r->n_bindings; i++) {
    sm_bundle_entry entry;
    if (r->bindings[i].status != SM_OK) continue;
    SM_TRY(sm_bundle_reader_find(&entry, r->reader, r->bindings[i].key, err));
    SM_TRY(add_job(r, &r->bindings[i], &entry, err));
  }
  sm_sort(r->jobs, r->n_jobs, sizeof *r->jobs, sm_job_is_before);
  return SM_OK;
}

/* ---- Tensors that nobody asked for ---- */

static bool is_key_before(const void *a, const void *b) {
  return sm_string_compare(*(const sm_string *)a, *(const sm_string *)b) < 0;
}

static sm_status count_unused(restore *r, sm_arena *arena, sm_error *err) {
  sm_string *keys = sm_arena_array(arena, sm_string, r->n_bindings);
  if (keys == NULL) return sm_arena_fail(arena, r->n_bindings * sizeof *keys, err);
  for (size_t i = 0; i < r->n_bindings; i++) keys[i] = sm_string_of(r->bindings[i].key);
  sm_sort(keys, r->n_bindings, sizeof *keys, is_key_before);
  sm_bundle_iter *iter;
  const sm_bundle_entry *entry;
  SM_TRY(sm_bundle_iter_new(&iter, r->reader, NULL, err));
  sm_status status = SM_OK;
  for (size_t next = 0; status == SM_OK;) { /* both are in order */
    status = sm_bundle_iter_next(&entry, iter, err);
    if (entry != NULL && status == SM_DATA_LOSS) status = SM_OK; /* unused or not, it has a key */
    if (entry == NULL) break;
    while (next < r->n_bindings && sm_string_compare(keys[next], entry->key) < 0) next++;
    if (next < r->n_bindings && sm_string_equal(keys[next], entry->key)) continue;
    bool is_first = r->report.n_unused++ == 0;
    if (!is_first && r->options.difference == NULL) continue;
    sm_arena_mark mark = sm_arena_get_mark(arena);
    const char *key = sm_arena_copy(arena, entry->key).data;
    if (key == NULL)
      status = sm_arena_fail(arena, entry->key.size, err);
    else
      tell(r, SM_DIFFERENCE_UNUSED, key, NULL, "nobody asked for it");
    if (is_first)
      r->first_unused = key;
    else
      sm_arena_rewind(arena, mark);
  }
  sm_bundle_iter_free(iter);
  return status;
}

/* ---- All of it ---- */

static sm_status check_policies(const restore *r, sm_error *err) {
  const sm_restore_report *report = &r->report;
  const char *name = r->reader->source.name;
  if (report->n_missing != 0 && r->options.missing == SM_POLICY_ERROR)
    return SM_FAIL(err, SM_NOT_FOUND, "%s: no tensor %s; %zu missing in all", name,
                   sm_key_text_of(sm_string_of(r->first_missing)).text, report->n_missing);
  if (report->n_mismatched != 0 && r->options.mismatched == SM_POLICY_ERROR)
    return SM_FAIL(err, SM_INVALID_ARGUMENT, "%s: %s; %zu mismatched in all", name, r->first_mismatch.message,
                   report->n_mismatched);
  if (report->n_unused != 0 && r->options.refuse_unused)
    return SM_FAIL(err, SM_FAILED_PRECONDITION, "%s: nobody asked for %s; %zu unused in all", name,
                   sm_key_text_of(sm_string_of(r->first_unused)).text, report->n_unused);
  return SM_OK;
}

/* What jobs gave, into bindings and report. *err is the first failure in the order of the files. */
static sm_status collect(restore *r, sm_error *err) {
  sm_status first = SM_OK;
  for (size_t i = 0; i < r->n_jobs; i++) {
    const sm_job *job = &r->jobs[i];
    sm_binding *binding = ((const target *)job->ctx)->binding;
    binding->status = job->status;
    if (job->status == SM_OK) {
      r->report.n_restored++;
      r->report.n_bytes += binding->data != NULL ? binding->size : sm_tensor_get_view(binding->tensor)->size;
      continue;
    }
    if (first == SM_OK) {
      first = job->status;
      if (job->error == NULL)
        (void)SM_FAIL(err, job->status, "%s: %s", r->reader->source.name, sm_key_text_of(job->part.key).text);
      else if (err != NULL)
        *err = *job->error;
    }
  }
  return first;
}

static sm_status run(restore *r, bool wants_unused, sm_arena *arena, sm_error *err) {
  SM_TRY(compare_all(r, err));
  wants_unused = wants_unused || r->options.refuse_unused || r->options.difference != NULL;
  if (wants_unused) SM_TRY(count_unused(r, arena, err));
  SM_TRY(check_policies(r, err));
  if (r->options.compare_only) return SM_OK;
  r->jobs = sm_arena_array(arena, sm_job, r->n_bindings);
  r->targets = sm_arena_array(arena, target, r->n_bindings);
  if (r->jobs == NULL || r->targets == NULL) return sm_arena_fail(arena, r->n_bindings * sizeof *r->jobs, err);
  SM_TRY(add_all(r, err));
  SM_TRY(sm_jobs_run(r->jobs, r->n_jobs, r->reader, &r->options, err));
  return collect(r, err);
}

/* After a failure: tensors of what was not read, and statuses of what was not even tried. */
static void clean(restore *r) {
  bool was_run = r->report.n_restored != 0;
  for (size_t i = 0; i < r->n_bindings; i++) {
    sm_binding *binding = &r->bindings[i];
    if (!was_run && binding->status == SM_OK) binding->status = SM_CANCELLED;
    if (binding->status == SM_OK) continue;
    sm_tensor_free(binding->tensor);
    binding->tensor = NULL;
  }
}

sm_status sm_bundle_reader_restore(sm_restore_report *report, const sm_bundle_reader *reader, sm_binding *bindings,
                                   size_t n_bindings, const sm_restore_options *options, sm_error *err) {
  restore r = {.reader = reader, .bindings = bindings, .n_bindings = n_bindings};
  if (report != NULL) *report = r.report;
  SM_TRY(sm_restore_options_read(&r.options, options, err));
  for (size_t i = 0; i < n_bindings; i++) {
    if (bindings[i].key == NULL) return SM_FAIL(err, SM_INVALID_ARGUMENT, "binding %zu has no key", i);
    bindings[i].tensor = NULL;
  }
  sm_arena arena;
  sm_arena_init(&arena, reader->allocator, UINT64_MAX);
  sm_status status = run(&r, report != NULL, &arena, err);
  if (status != SM_OK) clean(&r);
  sm_jobs_free_errors(r.jobs, r.n_jobs, reader);
  sm_arena_free(&arena);
  if (report != NULL) *report = r.report;
  return status;
}
