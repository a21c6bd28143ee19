/*
 * Everything in a checkpoint, once: the index from end to end, then the data files from end to end by several threads, then
 * what lies around them. Keys are kept while that goes on, so memory is that of the index, uncompressed.
 */
#include "bundle/bundle_internal.h"

typedef struct verifier {
  const sm_bundle_reader *reader;
  sm_restore_options options;
  sm_finding_fn fn;
  void *ctx;
  sm_arena arena;
  sm_buffer jobs; /* of sm_job: stored parts */
  sm_string last_key;
  sm_status status; /* of the first error */
  sm_error first;
} verifier;

/* ---- Telling ---- */

static void tell(verifier *v, sm_severity severity, const char *file, const char *place, const char *what) {
  const sm_finding defect = {.severity = severity, .file = file, .place = place, .what = what};
  if (v->fn != NULL) v->fn(v->ctx, &defect);
  if (severity != SM_SEVERITY_ERROR || v->status != SM_OK) return;
  const char *colon = *place != '\0' ? ": " : "";
  v->status = SM_FAIL(&v->first, SM_DATA_LOSS, "%s%s%s: %s", file, colon, place, what);
}

/* Messages begin with the path and the key, which defects have apart. */
static const char *without(const char *message, const char *beginning) {
  size_t size = strlen(beginning);
  bool begins = size != 0 && strncmp(message, beginning, size) == 0 && strncmp(message + size, ": ", 2) == 0;
  return begins ? message + size + 2 : message;
}

static const char *index_name(const verifier *v) {
  const char *slash = strrchr(v->reader->source.name, '/');
  return slash != NULL ? slash + 1 : v->reader->source.name;
}

static void tell_error(verifier *v, const char *file, sm_string key, const sm_error *err) {
  sm_key_text place = sm_key_text_of(key);
  char path[SM_PATH_MAX];
  if (!sm_path_join(path, sizeof path, v->reader->root.dir, file)) *path = '\0';
  tell(v, SM_SEVERITY_ERROR, file, place.text, without(without(err->message, path), place.text));
}

/* An error that is not one of the checkpoint ends it all. */
static bool is_defect(sm_status status) {
  return status == SM_DATA_LOSS || status == SM_NOT_FOUND || status == SM_UNIMPLEMENTED || status == SM_OUT_OF_RANGE ||
         status == SM_FAILED_PRECONDITION;
}

/* ---- The index ---- */

static sm_status check_text(sm_job *job, sm_error *err) {
  const verifier *v = job->ctx;
  sm_bundle_entry entry;
  SM_TRY(sm_bundle_reader_find_n(&entry, v->reader, job->part.key, err));
  return sm_strings_check(v->reader, &entry, &job->part, err);
}

static sm_status check_v1(sm_job *job, sm_error *err) {
  const verifier *v = job->ctx;
  sm_bundle_entry entry;
  sm_tensor *tensor;
  SM_TRY(sm_bundle_reader_find_n(&entry, v->reader, job->part.key, err));
  SM_TRY(sm_tensor_read(&tensor, v->reader, &entry, NULL, false, err));
  sm_tensor_free(tensor);
  return SM_OK;
}

static sm_status copy_box(const sm_extent **out, const sm_extent *box, int32_t rank, sm_arena *arena, sm_error *err) {
  sm_extent *copy = sm_arena_array(arena, sm_extent, (size_t)rank);
  if (copy == NULL) return sm_arena_fail(arena, (size_t)rank * sizeof *copy, err);
  if (rank != 0) memcpy(copy, box, (size_t)rank * sizeof *copy);
  *out = copy;
  return SM_OK;
}

/* key: a copy that stays. */
static sm_status add_part(verifier *v, const sm_part *part, sm_string key, const sm_bundle_entry *entry,
                          sm_error *err) {
  sm_job job = {.part = *part, .order_size = 1, .is_checked = true, .ctx = v};
  job.part.key = key;
  if (v->reader->v1 != NULL) {
    job.run = check_v1;
  } else if (sm_dtype_size(entry->dtype) == 0) {
    job.run = check_text;
    SM_TRY(copy_box(&job.part.box, part->box, entry->rank, &v->arena, err));
  }
  return sm_buffer_put(&v->jobs, &job, sizeof job, err);
}

static sm_status add_tensor(verifier *v, const sm_bundle_entry *entry, sm_string key, sm_error *err) {
  sm_extent wanted[SM_MAX_RANK], whole_box[SM_MAX_RANK];
  sm_part whole = {.key = key};
  sm_parts parts;
  sm_arena arena;
  if (v->reader->v1 != NULL) { /* which has no checksums but those of the table; the size is for the threads */
    size_t size;
    if (sm_shape_bytes(&size, entry->dtype, entry->dims, (size_t)entry->rank)) whole.size = size;
    return add_part(v, &whole, key, entry, err);
  }
  for (int32_t i = 0; i < entry->rank; i++) wanted[i] = (sm_extent){0, entry->dims[i]};
  sm_arena_init(&arena, v->reader->allocator, sm_reader_limit(v->reader));
  sm_status status = sm_parts_find(&parts, &whole, whole_box, v->reader, entry, wanted, &arena, err);
  for (size_t i = 0; status == SM_OK && i < parts.n; i++) status = add_part(v, &parts.items[i], key, entry, err);
  sm_arena_free(&arena);
  return status;
}

/* *is_repeated: the tensor of that name was looked at. Whoever finds a tensor by its key gets that one. */
static sm_status keep_key(sm_string *out, bool *is_repeated, verifier *v, sm_string key, sm_error *err) {
  *out = sm_arena_copy(&v->arena, key);
  if (out->data == NULL) return sm_arena_fail(&v->arena, key.size, err);
  *is_repeated = v->last_key.data != NULL && sm_string_equal(*out, v->last_key);
  if (*is_repeated)
    tell(v, SM_SEVERITY_ERROR, index_name(v), sm_key_text_of(key).text,
         "there twice: readers take the one or the other");
  v->last_key = *out;
  return SM_OK;
}

/* One step of the walk; *is_end when there are no more. */
static sm_status check_entry(bool *is_end, verifier *v, sm_bundle_iter *iter, sm_error *err) {
  const sm_bundle_entry *entry;
  sm_string key;
  bool is_repeated;
  sm_error failure;
  sm_status status = sm_bundle_iter_next(&entry, iter, &failure);
  *is_end = entry == NULL;
  if (entry != NULL) {
    SM_TRY(keep_key(&key, &is_repeated, v, entry->key, err));
    if (status == SM_OK && !is_repeated) status = add_tensor(v, entry, key, &failure);
  }
  if (status == SM_OK) return SM_OK;
  if (!is_defect(status)) {
    if (err != NULL) *err = failure;
    return status;
  }
  tell_error(v, index_name(v), entry != NULL ? key : (sm_string){"", 0}, &failure);
  return SM_OK;
}

static sm_status check_index(verifier *v, sm_error *err) {
  sm_bundle_iter *iter;
  sm_error failure;
  bool is_end = false;
  sm_status status = sm_bundle_iter_new(&iter, v->reader, NULL, &failure);
  if (status != SM_OK && is_defect(status)) {
    tell_error(v, index_name(v), (sm_string){"", 0}, &failure);
    return SM_OK;
  }
  if (status != SM_OK) {
    if (err != NULL) *err = failure;
    return status;
  }
  while (status == SM_OK && !is_end) status = check_entry(&is_end, v, iter, err);
  sm_bundle_iter_free(iter);
  return status;
}

/* ---- Slices that no tensor lists ---- */

static bool id_less(const void *a, const void *b) {
  return (uintptr_t) * (const void *const *)a < (uintptr_t) * (const void *const *)b;
}

/* Places in the index of all parts that are to be read, sorted. */
static sm_status list_ids(const void ***out, size_t *n, verifier *v, sm_error *err) {
  const sm_job *jobs = (const sm_job *)v->jobs.data;
  *n = v->jobs.size / sizeof *jobs;
  *out = sm_arena_array(&v->arena, const void *, *n);
  if (*out == NULL) return sm_arena_fail(&v->arena, *n * sizeof **out, err);
  for (size_t i = 0; i < *n; i++) (*out)[i] = jobs[i].part.id;
  sm_sort(*out, *n, sizeof **out, id_less);
  return SM_OK;
}

static bool has_id(const void *const *ids, size_t n, const void *id) {
  size_t low = 0, high = n;
  while (low < high) {
    size_t middle = low + (high - low) / 2;
    if ((uintptr_t)ids[middle] < (uintptr_t)id)
      low = middle + 1;
    else
      high = middle;
  }
  return low < n && ids[low] == id;
}

/* Slices without bytes are not among the parts that are read. */
static sm_status check_slice(verifier *v, sm_buffer *name, sm_string key, sm_string value, sm_error *err) {
  sm_extent extents[SM_MAX_RANK];
  sm_bundle_entry entry;
  int32_t rank;
  SM_TRY(sm_slice_key_parse(name, extents, &rank, key, err));
  if (rank < 0) return SM_OK;
  sm_status status = sm_entry_read(&entry, key, value, &v->reader->header, &v->reader->source, NULL);
  if (status == SM_OK && entry.size == 0) return SM_OK;
  tell(v, SM_SEVERITY_WARNING, index_name(v), sm_key_text_of((sm_string){(const char *)name->data, name->size}).text,
       "the index has a slice of it that is not in its list");
  return SM_OK;
}

/* Keys of slices begin with a NUL, so they are the first of the index. What is listed is known when all is well so far. */
static sm_status check_slices(verifier *v, sm_error *err) {
  const void **ids;
  size_t n;
  sm_table_iter iter;
  sm_buffer name;
  if (v->reader->v1 != NULL || v->status != SM_OK) return SM_OK;
  SM_TRY(list_ids(&ids, &n, v, err));
  sm_buffer_init(&name, v->reader->allocator, sm_reader_limit(v->reader));
  sm_table_iter_init(&iter, v->reader->index);
  sm_status status = sm_table_iter_seek(&iter, (sm_string){"", 1}, err);
  while (status == SM_OK && iter.is_valid && iter.key.data[0] == '\0') {
    if (!has_id(ids, n, iter.value.data)) status = check_slice(v, &name, iter.key, iter.value, err);
    if (status == SM_OK) status = sm_table_iter_next(&iter, err);
  }
  sm_table_iter_free(&iter);
  sm_buffer_free(&name);
  return status;
}

/* ---- Data files ---- */

typedef struct file_name {
  char text[SM_PATH_MAX];
} file_name;

static void name_shard(file_name *out, const verifier *v, int32_t number) {
  if (!sm_shard_name(out->text, sizeof out->text, v->reader->base, number, v->reader->header.n_shards))
    *out->text = '\0';
}

/* A file that cannot be opened is told once, not for each tensor in it: its jobs are left out. */
static sm_status open_file(bool *is_open, verifier *v, int32_t number, sm_error *err) {
  sm_shard *shard;
  sm_error failure;
  file_name name;
  sm_status status = sm_shard_get(&shard, v->reader, number, &failure);
  *is_open = status == SM_OK;
  if (status == SM_OK) return SM_OK;
  if (!is_defect(status)) {
    if (err != NULL) *err = failure;
    return status;
  }
  name_shard(&name, v, number);
  tell_error(v, name.text, (sm_string){"", 0}, &failure);
  return SM_OK;
}

static sm_status drop_missing(verifier *v, sm_error *err) {
  sm_job *jobs = (sm_job *)v->jobs.data;
  size_t n = v->jobs.size / sizeof *jobs, kept = 0;
  bool is_open = true;
  for (size_t i = 0; i < n; i++) {
    if (i == 0 || jobs[i].part.shard != jobs[i - 1].part.shard) SM_TRY(open_file(&is_open, v, jobs[i].part.shard, err));
    if (is_open) jobs[kept++] = jobs[i];
  }
  v->jobs.size = kept * sizeof *jobs;
  return SM_OK;
}

static void tell_job(verifier *v, const char *file, const sm_job *job) {
  sm_error unknown;
  if (job->status == SM_OK) return;
  (void)SM_FAIL(&unknown, job->status, "damaged");
  tell_error(v, file, job->part.key, job->error != NULL ? job->error : &unknown);
}

/* How the tensors of a file lie in it. */
typedef struct layout {
  uint64_t end;        /* of those so far */
  const sm_part *last; /* the one that reaches there */
  uint64_t n_gaps, n_gap_bytes;
} layout;

static void add_gap(layout *l, uint64_t begin) {
  l->n_gaps += begin > l->end;
  l->n_gap_bytes += begin > l->end ? begin - l->end : 0;
}

/* part begins where those before it do, or behind. */
static void lay_out(layout *l, verifier *v, const char *file, const sm_part *part) {
  if (part->offset < l->end) {
    char what[256];
    snprintf(what, sizeof what, "shares bytes with %s", sm_key_text_of(l->last->key).text);
    tell(v, SM_SEVERITY_WARNING, file, sm_key_text_of(part->key).text, what);
  }
  add_gap(l, part->offset);
  if (part->offset + part->size <= l->end) return;
  l->end = part->offset + part->size;
  l->last = part;
}

/* What the jobs of one file found, in its order. */
static void tell_file(verifier *v, const sm_job *jobs, size_t n) {
  file_name name;
  sm_shard *shard;
  layout l = {.end = 0};
  name_shard(&name, v, jobs[0].part.shard);
  if (sm_shard_get(&shard, v->reader, jobs[0].part.shard, NULL) != SM_OK) return; /* it was opened before */
  for (size_t i = 0; i < n; i++) {
    const sm_part *part = &jobs[i].part;
    tell_job(v, name.text, &jobs[i]);
    bool is_inside = part->offset <= shard->size && part->size <= shard->size - part->offset;
    if (is_inside && part->size != 0) lay_out(&l, v, name.text, part);
  }
  add_gap(&l, shard->size);
  if (l.n_gaps == 0) return;
  char what[96];
  snprintf(what, sizeof what, "%llu bytes, in %llu places, belong to no tensor", (unsigned long long)l.n_gap_bytes,
           (unsigned long long)l.n_gaps);
  tell(v, SM_SEVERITY_NOTE, name.text, "", what);
}

static sm_status check_files(verifier *v, sm_error *err) {
  sm_job *jobs = (sm_job *)v->jobs.data;
  bool is_v1 = v->reader->v1 != NULL;
  if (v->jobs.size != 0) sm_sort(jobs, v->jobs.size / sizeof *jobs, sizeof *jobs, sm_job_is_before);
  if (!is_v1) SM_TRY(drop_missing(v, err));
  size_t n = v->jobs.size / sizeof *jobs;
  SM_TRY(sm_jobs_run(jobs, n, v->reader, &v->options, err));
  for (size_t i = 0; i < n; i++)
    if (jobs[i].status != SM_OK && !is_defect(jobs[i].status)) {
      if (err != NULL && jobs[i].error != NULL) *err = *jobs[i].error;
      return jobs[i].status;
    }
  for (size_t i = 0; is_v1 && i < n; i++) tell_job(v, index_name(v), &jobs[i]);
  for (size_t i = 0, same; !is_v1 && i < n; i += same) {
    for (same = 1; i + same < n && jobs[i + same].part.shard == jobs[i].part.shard; same++) continue;
    tell_file(v, &jobs[i], same);
  }
  return SM_OK;
}

/* ---- What lies around ---- */

typedef struct listing {
  verifier *v;
  size_t n_present; /* data files of this checkpoint */
} listing;

static sm_status look_at_name(void *ctx, const sm_dir_entry *entry, sm_error *err) {
  listing *list = ctx;
  verifier *v = list->v;
  const char *base = v->reader->base;
  size_t size = strlen(base);
  int32_t shard, n_shards;
  (void)err;
  if (sm_shard_name_parse(&shard, &n_shards, base, entry->name)) {
    if (n_shards == v->reader->header.n_shards && shard < n_shards)
      list->n_present++;
    else
      tell(v, SM_SEVERITY_NOTE, entry->name, "", "left over from another save: the index does not know this file");
  } else if (strncmp(entry->name, base, size) == 0 && entry->name[size] == '.' &&
             strstr(entry->name + size, ".tempstate") != NULL) { /* tensor_bundle.cc, BundleWriter */
    tell(v, SM_SEVERITY_NOTE, entry->name, "", "left over from a save that was not finished");
  }
  return SM_OK;
}

/* Files that no tensor needs may be absent: empty parts that were merged have none. */
static sm_status check_directory(verifier *v, sm_error *err) {
  listing list = {.v = v};
  const sm_root *root = &v->reader->root;
  if (v->reader->v1 != NULL) return SM_OK;
  SM_TRY(root->fs->list(root->fs, root->dir, "", root->flags, look_at_name, &list, err));
  size_t n_shards = (size_t)v->reader->header.n_shards;
  if (list.n_present >= n_shards) return SM_OK;
  char what[96];
  snprintf(what, sizeof what, "%zu of %zu data files are not there", n_shards - list.n_present, n_shards);
  tell(v, SM_SEVERITY_WARNING, index_name(v), "", what);
  return SM_OK;
}

sm_status sm_bundle_reader_verify(const sm_bundle_reader *reader, sm_finding_fn fn, void *ctx,
                                  const sm_restore_options *options, sm_error *err) {
  verifier v = {.reader = reader, .fn = fn, .ctx = ctx, .status = SM_OK};
  SM_TRY(sm_restore_options_read(&v.options, options, err));
  sm_arena_init(&v.arena, reader->allocator, sm_reader_limit(reader));
  sm_buffer_init(&v.jobs, reader->allocator, UINT64_MAX);
  sm_status status = check_index(&v, err);
  if (status == SM_OK) status = check_slices(&v, err);
  if (status == SM_OK) status = check_files(&v, err);
  if (status == SM_OK) status = check_directory(&v, err);
  sm_jobs_free_errors((sm_job *)v.jobs.data, v.jobs.size / sizeof(sm_job), reader);
  sm_buffer_free(&v.jobs);
  sm_arena_free(&v.arena);
  if (status == SM_OK && v.status != SM_OK) {
    status = v.status;
    if (err != NULL) *err = v.first;
  }
  return status;
}
