#include "builder/transaction.h"

#include <savedmodel/model.h>

/* ---- Names ---- */

static const char STAGED[] = "model", OLD[] = "old-model"; /* words of names of staging; one that it does not remove */

static sm_status fail_too_long(const sm_transaction *t, sm_error *err) {
  return SM_FAIL(err, SM_INVALID_ARGUMENT, "%.200s: the path is too long", t->dir);
}

/* parent and t->name of t->dir. */
static sm_status split_dir(char *parent, sm_transaction *t, sm_error *err) {
  size_t size = strlen(t->dir);
  while (size > 1 && t->dir[size - 1] == '/') t->dir[--size] = '\0';
  const char *slash = strrchr(t->dir, '/'), *last = slash != NULL ? slash + 1 : t->dir;
  if (*last == '\0' || strcmp(last, ".") == 0 || strcmp(last, "..") == 0)
    return SM_FAIL(err, SM_INVALID_ARGUMENT, "\"%.200s\": a directory is wanted that has a name of its own", t->dir);
  size_t parent_size = slash == NULL ? 0 : slash == t->dir ? 1 : (size_t)(slash - t->dir);
  memcpy(parent, t->dir, parent_size);
  parent[parent_size] = '\0';
  memcpy(t->name, last, strlen(last) + 1);
  return SM_OK;
}

/* The path of a staged name of that kind. */
static sm_status staged_path(char *dst, const sm_transaction *t, const char *what, sm_error *err) {
  char name[SM_PATH_MAX];
  if (sm_staging_name(name, sizeof name, &t->staging, what) && sm_path_join(dst, SM_PATH_MAX, t->staging.dir, name))
    return SM_OK;
  return fail_too_long(t, err);
}

/* ---- What is there ---- */

typedef struct dir_facts {
  bool is_there, is_dir, is_empty, is_model;
} dir_facts;

static sm_status look_at(void *ctx, const sm_dir_entry *entry, sm_error *err) {
  static const char *const of_models[] = {SM_FILE_SAVED_MODEL_PB, SM_FILE_SAVED_MODEL_PBTXT, SM_FILE_SAVED_MODEL_CPB,
                                          SM_DIR_VARIABLES};
  dir_facts *facts = ctx;
  (void)err;
  facts->is_empty = false;
  for (size_t i = 0; i < sizeof of_models / sizeof of_models[0]; i++)
    if (strcmp(entry->name, of_models[i]) == 0) facts->is_model = true;
  return SM_OK;
}

static sm_status find_dir(dir_facts *out, const sm_fs *fs, const char *dir, sm_error *err) {
  sm_dir_entry found;
  sm_error failure;
  *out = (dir_facts){.is_empty = true};
  sm_status status = fs->stat(&found, fs, dir, "", 0, &failure);
  if (status == SM_NOT_FOUND) return SM_OK;
  SM_TRY(sm_error_pass(err, status, &failure));
  out->is_there = true;
  out->is_dir = found.kind == SM_FILE_DIRECTORY;
  return out->is_dir ? fs->list(fs, dir, "", 0, look_at, out, err) : SM_OK;
}

/* Nobody's files are lost who has not asked for it. */
static sm_status check_target(const sm_transaction *t, sm_error *err) {
  dir_facts found;
  SM_TRY(find_dir(&found, t->fs, t->dir, err));
  if (!found.is_there) return SM_OK;
  if (!found.is_dir) return SM_FAIL(err, SM_ALREADY_EXISTS, "%s: there is a file of that name", t->dir);
  if (found.is_empty) return SM_OK;
  if (t->kind == SM_TRANSACTION_NEW)
    return SM_FAIL(err, SM_ALREADY_EXISTS, "%s: there is such a directory already, and it is not empty", t->dir);
  if (!found.is_model)
    return SM_FAIL(err, SM_FAILED_PRECONDITION, "%s: holds no SavedModel that could be overwritten", t->dir);
  return SM_OK;
}

/* ---- Opening ---- */

/* A process has ended between the two renames: the old directory gets its name back. */
static sm_status put_back_old(const sm_transaction *t, sm_error *err) {
  char old[SM_PATH_MAX];
  dir_facts old_facts, facts;
  SM_TRY(staged_path(old, t, OLD, err));
  SM_TRY(find_dir(&old_facts, t->fs, old, err));
  if (!old_facts.is_there) return SM_OK;
  SM_TRY(find_dir(&facts, t->fs, t->dir, err));
  return facts.is_there ? sm_tree_remove(t->fs, old, "", err) : t->fs->rename(t->fs, "", old, t->dir, err);
}

static sm_status open_beside(sm_transaction *t, sm_error *err) {
  char parent[SM_PATH_MAX];
  SM_TRY(split_dir(parent, t, err));
  SM_TRY(sm_staging_open(&t->staging, t->fs, parent, t->name, err));
  SM_TRY(put_back_old(t, err));
  SM_TRY(check_target(t, err));
  SM_TRY(staged_path(t->staged, t, STAGED, err));
  SM_TRY(t->fs->mkdir(t->fs, t->staged, "", err));
  t->has_staged_dir = true;
  return SM_OK;
}

static sm_status open_in_place(sm_transaction *t, sm_error *err) {
  sm_dir_entry found;
  memcpy(t->staged, t->dir, strlen(t->dir) + 1);
  SM_TRY(t->fs->stat(&found, t->fs, t->dir, "", 0, err));
  return sm_staging_open(&t->staging, t->fs, t->dir, SM_FILE_SAVED_MODEL_PB, err);
}

sm_status sm_transaction_open(sm_transaction *t, const char *dir, sm_transaction_kind kind,
                              const sm_transaction_options *options, sm_error *err) {
  *t = (sm_transaction){.fs = options->fs, .allocator = options->allocator, .kind = kind, .no_sync = options->no_sync};
  sm_arena_init(&t->arena, t->allocator, UINT64_MAX);
  sm_name_index_init(&t->dirs, t->allocator);
  if (!sm_path_join(t->dir, sizeof t->dir, dir, "")) return SM_FAIL(err, SM_INVALID_ARGUMENT, "the path is too long");
  sm_status status = kind == SM_TRANSACTION_IN_PLACE ? open_in_place(t, err) : open_beside(t, err);
  if (status != SM_OK) sm_transaction_close(t);
  return status;
}

/* ---- Closing ---- */

static bool number_staged(char *dst, const sm_transaction *t, uint32_t number) {
  char digits[16];
  snprintf(digits, sizeof digits, "%u", (unsigned)number);
  return sm_staging_name(dst, SM_PATH_MAX, &t->staging, digits);
}

/* Files that have not got their names. */
static void remove_staged_files(const sm_transaction *t) {
  char name[SM_PATH_MAX];
  for (uint32_t i = 0; i < t->n_staged; i++)
    if (number_staged(name, t, i)) (void)t->fs->remove(t->fs, t->dir, name, NULL);
}

void sm_transaction_close(sm_transaction *t) {
  if (t->fs == NULL) return;
  sm_staging_close(&t->guard, false);
  if (t->has_staged_dir) (void)sm_tree_remove(t->fs, t->staged, "", NULL);
  remove_staged_files(t);
  sm_staging_close(&t->staging, !t->is_done);
  sm_free(t->allocator, t->steps);
  sm_name_index_free(&t->dirs);
  sm_arena_free(&t->arena);
  t->fs = NULL;
}

/* ---- Putting ---- */

static sm_status copy_name(sm_string *out, sm_transaction *t, const char *name, size_t size, sm_error *err) {
  *out = sm_arena_copy(&t->arena, (sm_string){name, size});
  return out->data != NULL ? SM_OK : sm_arena_fail(&t->arena, size + 1, err);
}

/* The directory of that name: its names will have to reach the disk. */
static sm_status note_dir(sm_transaction *t, const char *name, size_t size, sm_error *err) {
  sm_string copy;
  if (sm_name_index_find(&t->dirs, (sm_string){name, size}) != SIZE_MAX) return SM_OK;
  SM_TRY(copy_name(&copy, t, name, size, err));
  return sm_name_index_add(&t->dirs, copy, err);
}

/* Makes a directory, and all that name puts above it, where they are not there. */
static sm_status make_dir(const sm_transaction *t, const char *name, sm_error *err) {
  sm_dir_entry found;
  sm_error failure;
  char part[SM_PATH_MAX];
  for (size_t i = 1; *name != '\0' && i <= strlen(name); i++) {
    if (name[i] != '/' && name[i] != '\0') continue;
    memcpy(part, name, i);
    part[i] = '\0';
    if (t->fs->stat(&found, t->fs, t->staged, part, 0, NULL) == SM_OK && found.kind == SM_FILE_DIRECTORY) continue;
    sm_status status = t->fs->mkdir(t->fs, t->staged, part, &failure);
    SM_TRY(sm_error_pass(err, status, &failure));
  }
  return SM_OK;
}

/* All directories that name lies in. */
static sm_status note_dirs_of(sm_transaction *t, const char *name, sm_error *err) {
  SM_TRY(note_dir(t, "", 0, err));
  for (const char *slash = strchr(name, '/'); slash != NULL; slash = strchr(slash + 1, '/'))
    SM_TRY(note_dir(t, name, (size_t)(slash - name), err));
  return SM_OK;
}

static sm_status make_parent(const sm_transaction *t, const char *name, sm_error *err) {
  char parent[SM_PATH_MAX];
  const char *slash = strrchr(name, '/');
  if (slash == NULL) return SM_OK;
  memcpy(parent, name, (size_t)(slash - name));
  parent[slash - name] = '\0';
  return make_dir(t, parent, err);
}

static sm_status add_step(sm_transaction *t, const char *name, sm_transaction_step step, sm_error *err) {
  if (t->n_steps == t->steps_capacity) {
    sm_transaction_step *steps = sm_grow(t->allocator, t->steps, &t->steps_capacity, sizeof *steps);
    if (steps == NULL) return SM_FAIL_OOM(err, 2 * t->steps_capacity * sizeof *steps);
    t->steps = steps;
  }
  SM_TRY(copy_name(&step.name, t, name, strlen(name), err));
  t->steps[t->n_steps++] = step;
  return SM_OK;
}

/* Where a file is written: target->name is in buffer. */
static sm_status begin_put(sm_file_target *target, char *buffer, sm_transaction *t, const char *name, bool is_key,
                           sm_error *err) {
  *target = (sm_file_target){.fs = t->fs, .dir = t->staged, .name = buffer, .no_sync = t->no_sync};
  SM_TRY(note_dirs_of(t, name, err));
  if (t->kind != SM_TRANSACTION_IN_PLACE) {
    if (!sm_path_join(buffer, SM_PATH_MAX, name, "")) return fail_too_long(t, err);
    return make_parent(t, name, err);
  }
  if (!number_staged(buffer, t, t->n_staged)) return fail_too_long(t, err);
  SM_TRY(add_step(t, name, (sm_transaction_step){.staged_number = t->n_staged, .is_key = is_key}, err));
  t->n_staged++;
  return SM_OK;
}

sm_status sm_transaction_put(sm_transaction *t, const char *name, sm_string data, bool is_key, sm_error *err) {
  sm_file_target target;
  char buffer[SM_PATH_MAX];
  SM_TRY(begin_put(&target, buffer, t, name, is_key, err));
  return sm_file_write(&target, data, err);
}

sm_status sm_transaction_put_file(sm_transaction *t, const char *name, const sm_root *from_root, const char *from,
                                  bool may_link, sm_error *err) {
  sm_file_target target;
  char buffer[SM_PATH_MAX];
  SM_TRY(begin_put(&target, buffer, t, name, false, err));
  target.may_link = may_link;
  return sm_file_take(from_root, from, &target, err);
}

sm_status sm_transaction_make_dir(sm_transaction *t, const char *name, sm_error *err) {
  SM_TRY(note_dirs_of(t, name, err));
  SM_TRY(note_dir(t, name, strlen(name), err));
  return make_dir(t, name, err);
}

sm_status sm_transaction_remove(sm_transaction *t, const char *name, sm_error *err) {
  return add_step(t, name, (sm_transaction_step){.is_removal = true}, err);
}

/* ---- Committing ---- */

static sm_status sync_dirs(const sm_transaction *t, sm_error *err) {
  if (t->no_sync || t->fs->sync_dir == NULL) return SM_OK;
  for (size_t i = 0; i < t->dirs.n; i++) SM_TRY(t->fs->sync_dir(t->fs, t->staged, t->dirs.items[i].name.data, err));
  return SM_OK;
}

static sm_status take_step(const sm_transaction *t, const sm_transaction_step *step, sm_error *err) {
  char staged[SM_PATH_MAX];
  sm_error failure;
  if (!step->is_removal) {
    if (!number_staged(staged, t, step->staged_number)) return fail_too_long(t, err);
    SM_TRY(make_parent(t, step->name.data, err));
    return t->fs->rename(t->fs, t->dir, staged, step->name.data, err);
  }
  sm_status status = sm_tree_remove(t->fs, t->dir, step->name.data, &failure);
  if (status == SM_NOT_FOUND) return SM_OK;
  return sm_error_pass(err, status, &failure);
}

/* What comes before the key is on the disk when the key gets its name. */
static sm_status commit_in_place(sm_transaction *t, sm_error *err) {
  for (size_t i = 0; i < t->n_steps; i++) {
    if (t->steps[i].is_key) SM_TRY(sync_dirs(t, err));
    SM_TRY(take_step(t, &t->steps[i], err));
    if (t->steps[i].is_key) SM_TRY(sync_dirs(t, err));
  }
  return sync_dirs(t, err);
}

/* Where nothing is, or an empty directory. */
static sm_status appear(sm_transaction *t, sm_error *err) {
  sm_error failure;
  sm_status status = t->fs->rename(t->fs, "", t->staged, t->dir, &failure);
  if (status == SM_ALREADY_EXISTS && t->fs->remove(t->fs, t->dir, "", NULL) == SM_OK)
    status = t->fs->rename(t->fs, "", t->staged, t->dir, &failure);
  t->has_staged_dir = status != SM_OK;
  return sm_error_pass(err, status, &failure);
}

static sm_status replace_in_two_steps(sm_transaction *t, sm_error *err) {
  char old[SM_PATH_MAX];
  SM_TRY(staged_path(old, t, OLD, err));
  SM_TRY(t->fs->rename(t->fs, "", t->dir, old, err));
  sm_status status = t->fs->rename(t->fs, "", t->staged, t->dir, err);
  if (status != SM_OK) {
    (void)t->fs->rename(t->fs, "", old, t->dir, NULL);
    return status;
  }
  memcpy(t->staged, old, strlen(old) + 1);
  return SM_OK;
}

/* The lock inside the old directory goes with it. */
static void move_guard(sm_transaction *t) { memcpy(t->guard.dir, t->staged, strlen(t->staged) + 1); }

/* t->staged is the old directory afterwards, which close removes. */
static sm_status replace(sm_transaction *t, sm_error *err) {
  sm_error failure;
  sm_status status = SM_UNIMPLEMENTED;
  SM_TRY(sm_staging_open(&t->guard, t->fs, t->dir, SM_FILE_SAVED_MODEL_PB, err));
  if (t->fs->exchange != NULL) status = t->fs->exchange(t->fs, "", t->staged, t->dir, &failure);
  if (status == SM_UNIMPLEMENTED) status = replace_in_two_steps(t, &failure);
  if (status != SM_OK && err != NULL) *err = failure;
  if (status == SM_OK) move_guard(t);
  return status;
}

static sm_status commit_beside(sm_transaction *t, sm_error *err) {
  dir_facts found;
  SM_TRY(note_dir(t, "", 0, err));
  SM_TRY(sync_dirs(t, err));
  SM_TRY(check_target(t, err));
  SM_TRY(find_dir(&found, t->fs, t->dir, err));
  SM_TRY(found.is_there && !found.is_empty ? replace(t, err) : appear(t, err));
  t->is_done = true;
  return t->no_sync ? SM_OK : sm_staging_sync(&t->staging, err);
}

sm_status sm_transaction_commit(sm_transaction *t, sm_error *err) {
  if (t->kind != SM_TRANSACTION_IN_PLACE) return commit_beside(t, err);
  SM_TRY(commit_in_place(t, err));
  t->is_done = true;
  return SM_OK;
}
