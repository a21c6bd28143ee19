/* Series of checkpoints by name. Source of what is kept and removed: python/training/saver.py, _RecordLastCheckpoint and
 * _MaybeDeleteOldCheckpoints. */
#include "checkpoint/checkpoint_internal.h"

/* Defaults of tf.train.Saver. */
enum { MAX_TO_KEEP = 5, KEEP_EVERY_N_HOURS = 10000, STEP_DIGITS = 8 };

static const double seconds_per_hour = 3600;

struct sm_saver {
  const sm_allocator *allocator;
  sm_saver_options options; /* with defaults filled in */
  sm_save_options save;
  char *state_file;
  sm_recent recent;         /* what the state file lists */
  double next_checkpoint;   /* one that is saved after that is kept for good */
  char prefix[SM_PATH_MAX]; /* of the last one */
};

/* ---- Open, close ---- */

static sm_status fill_in_options(sm_saver *saver, sm_error *err) {
  sm_saver_options *known = &saver->options;
  if (known->max_to_keep == 0) known->max_to_keep = MAX_TO_KEEP;
  if (known->keep_every_n_hours == 0) known->keep_every_n_hours = KEEP_EVERY_N_HOURS;
  if (known->max_to_keep < -1 || !(known->keep_every_n_hours > 0))
    return SM_FAIL(err, SM_INVALID_ARGUMENT, "sm_saver_options: max_to_keep or keep_every_n_hours is negative");
  const char *name = known->state_file != NULL ? known->state_file : SM_FILE_CHECKPOINT_STATE;
  if (name[0] == '\0' || strchr(name, '/') != NULL)
    return SM_FAIL(err, SM_INVALID_ARGUMENT, "sm_saver_options.state_file: %.200s is not the name of a file", name);
  size_t size = strlen(name) + 1;
  saver->state_file = sm_alloc(saver->allocator, size);
  if (saver->state_file == NULL) return SM_FAIL_OOM(err, size);
  memcpy(saver->state_file, name, size);
  return SM_OK;
}

sm_status sm_saver_open(sm_saver **out, const sm_saver_options *options, sm_error *err) {
  sm_saver_options known = SM_SAVER_OPTIONS_INIT;
  sm_save_options save;
  *out = NULL;
  if (options != NULL && options->struct_size == 0)
    return SM_FAIL(err, SM_INVALID_ARGUMENT, "sm_saver_options.struct_size is 0: start from SM_SAVER_OPTIONS_INIT");
  if (options != NULL)
    memcpy(&known, options, options->struct_size < sizeof known ? options->struct_size : sizeof known);
  SM_TRY(sm_save_options_read(&save, known.save, err));
  sm_saver *saver = sm_new(save.allocator, sm_saver);
  if (saver == NULL) return SM_FAIL_OOM(err, sizeof *saver);
  saver->allocator = saver->recent.allocator = save.allocator;
  saver->options = known;
  saver->save = save;
  saver->save.overwrite = true;
  sm_status status = fill_in_options(saver, err);
  if (status == SM_OK) {
    saver->next_checkpoint = sm_clock_now(&saver->options.clock) + saver->options.keep_every_n_hours * seconds_per_hour;
    *out = saver;
  } else {
    sm_saver_close(saver);
  }
  return status;
}

void sm_saver_close(sm_saver *saver) {
  if (saver == NULL) return;
  const sm_allocator *allocator = saver->allocator;
  sm_recent_free(&saver->recent);
  if (saver->state_file != NULL) sm_free(allocator, saver->state_file);
  sm_free(allocator, saver);
}

/* ---- The series ---- */

size_t sm_saver_n_checkpoints(const sm_saver *saver) { return saver->recent.n; }

const char *sm_saver_get_checkpoint(const sm_saver *saver, size_t i) {
  return i < saver->recent.n ? saver->recent.items[i].prefix : NULL;
}

sm_status sm_saver_set_checkpoints(sm_saver *saver, const char *const *prefixes, const double *timestamps, size_t n,
                                   sm_error *err) {
  sm_recent recent = {.allocator = saver->allocator};
  double now = sm_clock_now(&saver->options.clock);
  sm_status status = SM_OK;
  for (size_t i = 0; status == SM_OK && i < n; i++)
    status = sm_recent_append(&recent, prefixes[i], timestamps != NULL ? timestamps[i] : now, err);
  if (status == SM_OK) status = sm_recent_unite(&recent, err);
  if (status == SM_OK) {
    sm_recent_free(&saver->recent);
    saver->recent = recent;
  } else {
    sm_recent_free(&recent);
  }
  return status;
}

/* ---- The state file ---- */

/* prefix as it is recorded; NULL: it lies in another directory, and relative paths do not leave theirs. */
static const char *recorded_path(const sm_saver *saver, const char *dir, const char *prefix) {
  char other[SM_PATH_MAX];
  const char *base;
  if (saver->options.absolute_paths && dir[0] == '/') return prefix;
  return sm_prefix_split(other, sizeof other, &base, prefix) && strcmp(other, dir) == 0 ? base : NULL;
}

/* Without those before the first. */
static sm_status write_state(const sm_saver *saver, const char *dir, size_t first, sm_error *err) {
  size_t size = (saver->recent.n + 1) * sizeof(const char *);
  sm_checkpoint_state state = {.latest = recorded_path(saver, dir, saver->prefix)};
  const char **paths = sm_alloc(saver->allocator, size);
  if (paths == NULL) return SM_FAIL_OOM(err, size);
  for (size_t i = first; i < saver->recent.n; i++) {
    paths[state.n_paths] = recorded_path(saver, dir, saver->recent.items[i].prefix);
    if (paths[state.n_paths] != NULL) state.n_paths++;
  }
  if (state.n_paths == 0) paths[state.n_paths++] = state.latest;
  state.paths = paths;
  sm_status status = sm_checkpoint_state_write(dir, saver->state_file, &state, &saver->save, err);
  sm_free(saver->allocator, paths);
  return status;
}

/* The oldest goes, or stays for good if enough time went by since the last one that did. */
static void remove_oldest(sm_saver *saver) {
  sm_recent_item *oldest = &saver->recent.items[0];
  oldest->fate = oldest->timestamp > saver->next_checkpoint ? SM_FATE_IS_KEPT : SM_FATE_IS_REMOVED;
  if (oldest->fate == SM_FATE_IS_KEPT)
    saver->next_checkpoint += saver->options.keep_every_n_hours * seconds_per_hour;
  else
    sm_checkpoint_remove_files(saver->save.fs, oldest->prefix, true);
  sm_recent_drop(&saver->recent);
}

static sm_status record(sm_saver *saver, const char *dir, sm_error *err) {
  if (saver->options.max_to_keep < 0) return write_state(saver, dir, 0, err);
  SM_TRY(sm_recent_put(&saver->recent, saver->prefix, sm_clock_now(&saver->options.clock), err));
  bool is_too_many = saver->recent.n > (size_t)saver->options.max_to_keep;
  SM_TRY(write_state(saver, dir, is_too_many ? 1 : 0, err));
  if (is_too_many) remove_oldest(saver);
  return SM_OK;
}

/* ---- Saving ---- */

static sm_status write_tensors(const sm_saver *saver, const sm_binding *bindings, size_t n_bindings, sm_error *err) {
  sm_bundle_writer *writer;
  SM_TRY(sm_bundle_writer_open(&writer, saver->prefix, &saver->save, err));
  sm_status status = SM_OK;
  for (size_t i = 0; status == SM_OK && i < n_bindings; i++)
    status = bindings[i].key != NULL ? sm_binding_save(writer, bindings[i].key, &bindings[i], err)
                                     : SM_FAIL(err, SM_INVALID_ARGUMENT, "binding %zu has no key", i);
  if (status == SM_OK) status = sm_bundle_writer_finish(writer, err);
  sm_bundle_writer_close(writer);
  return status;
}

static sm_status write_meta_graph(const sm_saver *saver, const char *dir, const char *base, sm_error *err) {
  char name[SM_PATH_MAX];
  const sm_string *graph = &saver->options.meta_graph_def;
  if (graph->data == NULL) return SM_OK;
  int n = snprintf(name, sizeof name, "%s.meta", base);
  if (n < 0 || (size_t)n >= sizeof name) return SM_FAIL(err, SM_INVALID_ARGUMENT, "%.200s: the name is too long", base);
  return sm_file_replace(dir, name, (sm_span){(const uint8_t *)graph->data, graph->size}, &saver->save, err);
}

static sm_status make_prefix(sm_saver *saver, const char *prefix, int64_t step, sm_error *err) {
  size_t size = strlen(prefix) + 1;
  int n_digits = saver->options.pad_step_number ? STEP_DIGITS : 1;
  bool fits = step < 0 ? size <= sizeof saver->prefix
                       : sm_numbered_prefix(saver->prefix, sizeof saver->prefix, prefix, step, n_digits);
  if (!fits) return SM_FAIL(err, SM_INVALID_ARGUMENT, "%.200s: the path is too long", prefix);
  if (step < 0) memcpy(saver->prefix, prefix, size);
  return SM_OK;
}

static sm_status save(sm_saver *saver, const sm_binding *bindings, size_t n_bindings, sm_error *err) {
  char dir[SM_PATH_MAX];
  const char *base;
  if (!sm_prefix_split(dir, sizeof dir, &base, saver->prefix))
    return SM_FAIL(err, SM_INVALID_ARGUMENT, "%.200s: the path is too long", saver->prefix);
  if (strcmp(base, saver->state_file) == 0)
    return SM_FAIL(err, SM_INVALID_ARGUMENT, "%.200s: is the name of the state file", saver->prefix);
  SM_TRY(write_tensors(saver, bindings, n_bindings, err));
  SM_TRY(write_meta_graph(saver, dir, base, err));
  return saver->options.no_state ? SM_OK : record(saver, dir, err);
}

sm_status sm_saver_save(sm_saved *saved, sm_saver *saver, const char *prefix, int64_t step, const sm_binding *bindings,
                        size_t n_bindings, sm_error *err) {
  if (saved != NULL) *saved = (sm_saved){0};
  if (prefix == NULL || prefix[0] == '\0') return SM_FAIL(err, SM_INVALID_ARGUMENT, "there is no prefix");
  if (n_bindings == 0 && saver->options.allow_empty) return SM_OK;
  if (n_bindings == 0) return SM_FAIL(err, SM_INVALID_ARGUMENT, "%.200s: nothing to save", prefix);
  SM_TRY(make_prefix(saver, prefix, step, err));
  SM_TRY(save(saver, bindings, n_bindings, err));
  if (saved == NULL) return SM_OK;
  saved->prefix = saver->prefix;
  saved->n_tensors = n_bindings;
  return sm_saved_measure(saved, saver->save.fs, saver->prefix, err);
}
