/* Rotation of checkpoints. Source of what is kept and removed: python/checkpoint/checkpoint_management.py,
 * CheckpointManager.__init__ and _sweep. */
#include <math.h>

#include "checkpoint/checkpoint_tree.h"

static const double seconds_per_hour = 3600;

struct sm_checkpoint_manager {
  const sm_allocator *allocator;
  sm_checkpoint *tree;
  sm_manager_options options;
  sm_save_options save;
  sm_open_options open;
  char *dir, *prefix; /* DIR/NAME */
  size_t name_at;     /* where names begin that are relative to dir */
  sm_recent recent;   /* those that may be removed one day */
  char *latest;       /* NULL: none */
  sm_retention retention;
  const char **removals; /* what was listed last; NULL: nothing */
  bool has_last_step;
  int64_t last_step; /* of the last save */
};

/* ---- What an earlier manager left ---- */

static sm_status copy_text(char **out, const sm_allocator *allocator, const char *text, sm_error *err) {
  size_t size = strlen(text) + 1;
  char *copy = sm_alloc(allocator, size);
  if (copy == NULL) return SM_FAIL_OOM(err, size);
  memcpy(copy, text, size);
  if (*out != NULL) sm_free(allocator, *out);
  *out = copy;
  return SM_OK;
}

static sm_status join_dir(char *dst, const sm_checkpoint_manager *manager, const char *name, sm_error *err) {
  if (sm_path_join(dst, SM_PATH_MAX, manager->dir, name)) return SM_OK;
  return SM_FAIL(err, SM_INVALID_ARGUMENT, "%.200s: the path is too long", manager->dir);
}

/* Reads the scores. One that is older than what is kept for good was among the best, if it has one; else it is kept,
 * too. */
static sm_status take_over_scores(sm_checkpoint_manager *manager, sm_error *err) {
  for (size_t i = 0; i < manager->recent.n; i++) {
    sm_recent_item *item = &manager->recent.items[i];
    SM_TRY(sm_checkpoint_read_score(&item->score, item->prefix, &manager->open, err));
    if (isnan(item->score) && !(item->timestamp > manager->retention.last_preserved)) item->fate = SM_FATE_IS_KEPT;
  }
  sm_recent_drop(&manager->recent);
  return SM_OK;
}

/* Times in the future are taken for now, so that nothing is removed because a clock was wrong. */
static sm_status take_over(sm_checkpoint_manager *manager, const sm_checkpoint_state *state, double now,
                           sm_error *err) {
  char path[SM_PATH_MAX];
  const sm_root root = sm_state_root(manager->dir, &manager->open);
  manager->retention.last_preserved = state->last_preserved < now ? state->last_preserved : now;
  SM_TRY(join_dir(path, manager, sm_state_pick(state, &root), err));
  SM_TRY(copy_text(&manager->latest, manager->allocator, path, err));
  for (size_t i = 0; state->timestamps != NULL && i < state->n_paths; i++) {
    double timestamp = state->timestamps[i] < now ? state->timestamps[i] : now;
    if (!(timestamp > manager->retention.last_preserved) && manager->retention.keep_best == 0) continue;
    SM_TRY(join_dir(path, manager, state->paths[i], err));
    SM_TRY(sm_recent_append(&manager->recent, path, timestamp, err));
  }
  SM_TRY(sm_recent_unite(&manager->recent, err));
  return manager->retention.keep_best != 0 ? take_over_scores(manager, err) : SM_OK;
}

static sm_status recover(sm_checkpoint_manager *manager, sm_error *err) {
  double now = sm_clock_now(&manager->options.clock);
  sm_checkpoint_state *state;
  sm_status status = sm_checkpoint_state_read(&state, manager->dir, NULL, &manager->open, err);
  if (status == SM_NOT_FOUND) {
    manager->retention.last_preserved = now - 1; /* for clocks that do not move between this and the first save */
    return SM_OK;
  }
  SM_TRY(status);
  status = take_over(manager, state, now, err);
  sm_checkpoint_state_free(state);
  return status;
}

/* ---- Open, close ---- */

static sm_status read_options(sm_manager_options *out, const sm_manager_options *options, sm_error *err) {
  *out = (sm_manager_options)SM_MANAGER_OPTIONS_INIT;
  if (options != NULL && options->struct_size == 0)
    return SM_FAIL(err, SM_INVALID_ARGUMENT, "sm_manager_options.struct_size is 0: start from SM_MANAGER_OPTIONS_INIT");
  if (options != NULL) memcpy(out, options, options->struct_size < sizeof *out ? options->struct_size : sizeof *out);
  if (out->checkpoint_name == NULL) out->checkpoint_name = "ckpt";
  if (!(out->keep_every_n_hours >= 0) || out->checkpoint_interval < 0)
    return SM_FAIL(err, SM_INVALID_ARGUMENT, "sm_manager_options: a negative number of hours or steps");
  if (out->checkpoint_interval != 0 && out->step_counter == NULL)
    return SM_FAIL(err, SM_INVALID_ARGUMENT, "sm_manager_options: checkpoint_interval needs step_counter");
  if (out->keep_best != 0 && out->score == NULL)
    return SM_FAIL(err, SM_INVALID_ARGUMENT, "sm_manager_options: keep_best needs score");
  return SM_OK;
}

static sm_status set_up(sm_checkpoint_manager *manager, const char *dir, sm_error *err) {
  char name[SM_PATH_MAX], prefix[SM_PATH_MAX];
  const char *wanted = manager->options.checkpoint_name;
  if (!sm_path_clean(name, sizeof name, wanted) || name[0] == '\0')
    return SM_FAIL(err, SM_INVALID_ARGUMENT, "sm_manager_options.checkpoint_name: %.200s leads out of the directory",
                   wanted);
  SM_TRY(copy_text(&manager->dir, manager->allocator, dir, err));
  SM_TRY(join_dir(prefix, manager, name, err));
  SM_TRY(copy_text(&manager->prefix, manager->allocator, prefix, err));
  manager->name_at = strlen(prefix) - strlen(name);
  return recover(manager, err);
}

sm_status sm_checkpoint_manager_open(sm_checkpoint_manager **out, sm_checkpoint *checkpoint, const char *dir,
                                     const sm_manager_options *options, sm_error *err) {
  sm_manager_options known;
  sm_save_options save;
  *out = NULL;
  if (checkpoint == NULL || dir == NULL)
    return SM_FAIL(err, SM_INVALID_ARGUMENT, "a manager needs a checkpoint and a directory");
  SM_TRY(read_options(&known, options, err));
  SM_TRY(sm_save_options_read(&save, known.save, err));
  sm_checkpoint_manager *manager = sm_new(save.allocator, sm_checkpoint_manager);
  if (manager == NULL) return SM_FAIL_OOM(err, sizeof *manager);
  manager->allocator = manager->recent.allocator = save.allocator;
  manager->tree = checkpoint;
  manager->options = known;
  manager->save = save;
  manager->save.overwrite = true;
  manager->retention = (sm_retention){.max_to_keep = known.max_to_keep,
                                      .keep_best = known.keep_best,
                                      .keep_every = known.keep_every_n_hours * seconds_per_hour};
  sm_status status = sm_options_read(&manager->open, known.open, err);
  if (known.open == NULL) {
    manager->open.allocator = save.allocator;
    manager->open.fs = save.fs;
  }
  if (status == SM_OK) status = set_up(manager, dir, err);
  if (status == SM_OK)
    *out = manager;
  else
    sm_checkpoint_manager_close(manager);
  return status;
}

void sm_checkpoint_manager_close(sm_checkpoint_manager *manager) {
  if (manager == NULL) return;
  const sm_allocator *allocator = manager->allocator;
  char *texts[] = {manager->dir, manager->prefix, manager->latest};
  for (size_t i = 0; i < sizeof texts / sizeof *texts; i++)
    if (texts[i] != NULL) sm_free(allocator, texts[i]);
  if (manager->removals != NULL) sm_free(allocator, manager->removals);
  sm_recent_free(&manager->recent);
  sm_free(allocator, manager);
}

/* ---- The checkpoints ---- */

const char *sm_checkpoint_manager_get_latest(const sm_checkpoint_manager *manager) { return manager->latest; }

size_t sm_checkpoint_manager_n_checkpoints(const sm_checkpoint_manager *manager) { return manager->recent.n; }

const char *sm_checkpoint_manager_get_checkpoint(const sm_checkpoint_manager *manager, size_t i) {
  return i < manager->recent.n ? manager->recent.items[i].prefix : NULL;
}

/* ---- Recording ---- */

static sm_status record(const sm_checkpoint_manager *manager, sm_error *err) {
  const sm_recent *recent = &manager->recent;
  size_t size = recent->n * (sizeof(const char *) + sizeof(double));
  sm_checkpoint_state state = {.latest = manager->latest + manager->name_at,
                               .n_paths = recent->n,
                               .last_preserved = manager->retention.last_preserved};
  const char **paths = sm_alloc(manager->allocator, size);
  if (paths == NULL) return SM_FAIL_OOM(err, size);
  double *timestamps = (double *)(void *)(paths + recent->n);
  for (size_t i = 0; i < recent->n; i++) {
    paths[i] = recent->items[i].prefix + manager->name_at;
    timestamps[i] = recent->items[i].timestamp;
  }
  state.paths = paths;
  state.timestamps = timestamps;
  sm_status status = sm_checkpoint_state_write(manager->dir, NULL, &state, &manager->save, err);
  sm_free(manager->allocator, paths);
  return status;
}

static sm_status sweep(sm_checkpoint_manager *manager, sm_error *err) {
  SM_TRY(sm_retention_decide(&manager->retention, &manager->recent, NULL, err));
  for (size_t i = 0; i < manager->recent.n; i++)
    if (manager->recent.items[i].fate == SM_FATE_IS_REMOVED)
      sm_checkpoint_remove_files(manager->save.fs, manager->recent.items[i].prefix, false);
  sm_recent_drop(&manager->recent);
  return SM_OK;
}

/* What is to be removed is removed only when the new one is recorded: who reads the state file finds it. */
static sm_status record_and_sweep(sm_checkpoint_manager *manager, const char *prefix, double score, sm_error *err) {
  SM_TRY(copy_text(&manager->latest, manager->allocator, prefix, err));
  SM_TRY(sm_recent_put(&manager->recent, prefix, sm_clock_now(&manager->options.clock), err));
  manager->recent.items[manager->recent.n - 1].score = score;
  SM_TRY(record(manager, err));
  size_t n = manager->recent.n;
  SM_TRY(sweep(manager, err));
  return manager->recent.n != n ? record(manager, err) : SM_OK;
}

/* ---- Saving ---- */

static bool is_too_soon(const sm_checkpoint_manager *manager, bool ignores_interval) {
  if (manager->options.checkpoint_interval == 0 || !manager->has_last_step) return false;
  int64_t step = *manager->options.step_counter, next;
  if (step == manager->last_step) return true;
  bool is_never = __builtin_add_overflow(manager->last_step, manager->options.checkpoint_interval, &next);
  return !ignores_interval && (is_never || step < next);
}

static void note_step(sm_checkpoint_manager *manager) {
  if (manager->options.checkpoint_interval == 0) return;
  manager->has_last_step = true;
  manager->last_step = *manager->options.step_counter;
}

static sm_status make_prefix(char *dst, sm_checkpoint_manager *manager, int64_t number, sm_error *err) {
  SM_TRY(sm_tree_make_counter(manager->tree, err));
  if (number < 0) number = manager->tree->counter + 1;
  if (sm_numbered_prefix(dst, SM_PATH_MAX, manager->prefix, number, 1)) return SM_OK;
  return SM_FAIL(err, SM_INVALID_ARGUMENT, "%.200s: the path is too long", manager->prefix);
}

sm_status sm_checkpoint_manager_save(sm_saved *saved, sm_checkpoint_manager *manager, int64_t number,
                                     bool ignores_interval, sm_error *err) {
  char prefix[SM_PATH_MAX];
  sm_checkpoint *tree = manager->tree;
  if (saved != NULL) *saved = (sm_saved){0};
  if (is_too_soon(manager, ignores_interval)) return SM_OK;
  SM_TRY(make_prefix(prefix, manager, number, err));
  double score = manager->options.score != NULL ? *manager->options.score : NAN;
  tree->counter++;
  sm_status status =
      sm_tree_write(saved, tree, prefix, manager->options.score != NULL ? &score : NULL, &manager->save, err);
  if (status != SM_OK) tree->counter--;
  SM_TRY(status);
  note_step(manager);
  return record_and_sweep(manager, prefix, score, err);
}

/* ---- What a save would remove ---- */

static sm_status list_removed(sm_checkpoint_manager *manager, size_t *n_removed, sm_error *err) {
  const sm_recent *recent = &manager->recent;
  size_t size = recent->n * sizeof *manager->removals; /* less than the items have */
  if (size == 0) return SM_OK;
  const char **removals = sm_realloc(manager->allocator, (void *)manager->removals, size);
  if (removals == NULL) return SM_FAIL_OOM(err, size);
  manager->removals = removals;
  for (size_t i = 0; i < recent->n; i++)
    if (recent->items[i].fate == SM_FATE_IS_REMOVED) removals[(*n_removed)++] = recent->items[i].prefix;
  return SM_OK;
}

sm_status sm_checkpoint_manager_list_removals(const char *const **prefixes, size_t *n_prefixes,
                                              sm_checkpoint_manager *manager, int64_t number, bool ignores_interval,
                                              sm_error *err) {
  char prefix[SM_PATH_MAX];
  sm_retention retention = manager->retention;
  *prefixes = NULL;
  *n_prefixes = 0;
  if (is_too_soon(manager, ignores_interval)) return SM_OK;
  SM_TRY(make_prefix(prefix, manager, number, err));
  SM_TRY(sm_retention_decide(&retention, &manager->recent, prefix, err));
  SM_TRY(list_removed(manager, n_prefixes, err));
  *prefixes = manager->removals;
  return SM_OK;
}

/* ---- Restoring ---- */

sm_status sm_checkpoint_manager_restore_or_initialize(const char **prefix, sm_checkpoint_manager *manager,
                                                      const sm_restore_options *options, sm_error *err) {
  if (prefix != NULL) *prefix = NULL;
  if (manager->latest == NULL)
    return manager->options.init != NULL ? manager->options.init(manager->options.init_ctx, err) : SM_OK;
  SM_TRY(sm_checkpoint_restore(NULL, manager->tree, manager->latest, options, &manager->open, err));
  note_step(manager);
  if (prefix != NULL) *prefix = manager->latest;
  return SM_OK;
}
