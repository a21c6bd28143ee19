/* The other files of a model's directory. */
#include "model/model_internal.h"

static sm_status check_dir(const sm_model *model, const char *name, sm_error *err) {
  if (model->dir != NULL) return SM_OK;
  return SM_FAIL(err, SM_NOT_FOUND, "%s: the model was opened from a buffer, which has no files beside it", name);
}

static sm_status clean_name(char *clean, const char *name, sm_error *err) {
  if (sm_path_clean(clean, SM_PATH_MAX, name)) return SM_OK;
  return SM_FAIL(err, SM_INVALID_ARGUMENT, "%.200s: not a name inside the model's directory", name);
}

sm_status sm_model_get_file_size(uint64_t *out, const sm_model *model, const char *name, sm_error *err) {
  char clean[SM_PATH_MAX];
  sm_dir_entry entry;
  const sm_root *root = &model->root;
  *out = 0;
  SM_TRY(check_dir(model, name, err));
  SM_TRY(clean_name(clean, name, err));
  SM_TRY(root->fs->stat(&entry, root->fs, root->dir, clean, root->flags, err));
  if (entry.kind != SM_FILE_REGULAR)
    return SM_FAIL(err, SM_FAILED_PRECONDITION, "%s/%s: not a regular file", root->dir, clean);
  *out = entry.size;
  return SM_OK;
}

sm_status sm_model_copy_file(const sm_model *model, const char *name, const char *dst_path, sm_error *err) {
  char clean[SM_PATH_MAX];
  SM_TRY(check_dir(model, name, err));
  SM_TRY(clean_name(clean, name, err));
  return sm_file_copy(&model->root, clean, sm_fs_local(), dst_path, err);
}

/* ---- Listing ---- */

/* Links may lead in circles, and two of them in one directory make a tree without end. */
enum { MAX_LEVELS = 64, MAX_LISTED = 1 << 18 };

static const size_t NONE = SIZE_MAX;

typedef struct listed {
  sm_string name; /* relative to the listed directory */
  uint64_t size;
  bool is_dir, is_symlink;
  unsigned level;
} listed;

/* Names found so far; directories among them are opened in turn. */
typedef struct listing {
  const sm_allocator *allocator;
  sm_arena arena;
  listed *items;
  size_t n, capacity;
  size_t parent; /* index of the directory being read; NONE: the first */
} listing;

static sm_status make_room(listing *l, sm_error *err) {
  if (l->n < l->capacity) return SM_OK;
  size_t capacity = l->capacity == 0 ? 32 : 2 * l->capacity, size;
  if (!sm_mul_size(capacity, sizeof *l->items, &size)) return SM_FAIL_OOM(err, SIZE_MAX);
  listed *items = sm_realloc(l->allocator, l->items, size);
  if (items == NULL) return SM_FAIL_OOM(err, size);
  l->items = items;
  l->capacity = capacity;
  return SM_OK;
}

static sm_status add_entry(void *ctx, const sm_dir_entry *entry, sm_error *err) {
  listing *l = ctx;
  const listed *parent = l->parent != NONE ? &l->items[l->parent] : NULL;
  char name[SM_PATH_MAX];
  if (entry->kind == SM_FILE_OTHER) return SM_OK;
  if (!sm_path_join(name, sizeof name, parent != NULL ? parent->name.data : "", entry->name))
    return SM_FAIL(err, SM_INVALID_ARGUMENT, "%.200s: the path is too long", entry->name);
  listed made = {.size = entry->size, .is_dir = entry->kind == SM_FILE_DIRECTORY};
  made.level = parent != NULL ? parent->level + 1 : 1;
  made.is_symlink = entry->is_symlink || (parent != NULL && parent->is_symlink);
  if (made.level > MAX_LEVELS)
    return SM_FAIL(err, SM_RESOURCE_EXHAUSTED, "%.200s: more than %d directories deep", name, MAX_LEVELS);
  if (l->n == MAX_LISTED) return SM_FAIL(err, SM_RESOURCE_EXHAUSTED, "%.200s: more than %d files", name, MAX_LISTED);
  made.name = sm_arena_copy(&l->arena, sm_string_of(name));
  if (made.name.data == NULL) return sm_arena_fail(&l->arena, strlen(name) + 1, err);
  SM_TRY(make_room(l, err));
  l->items[l->n++] = made;
  return SM_OK;
}

static bool listed_less(const void *a, const void *b) {
  return sm_string_compare(((const listed *)a)->name, ((const listed *)b)->name) < 0;
}

static sm_status list_all(listing *l, const sm_root *root, const char *dir, sm_error *err) {
  sm_error failure;
  sm_status status = root->fs->list(root->fs, root->dir, dir, root->flags, add_entry, l, &failure);
  if (status == SM_NOT_FOUND) return SM_OK; /* no directory, no files */
  SM_TRY(sm_error_pass(err, status, &failure));
  for (size_t i = 0; i < l->n; i++) {
    char path[SM_PATH_MAX];
    if (!l->items[i].is_dir) continue;
    if (!sm_path_join(path, sizeof path, dir, l->items[i].name.data))
      return SM_FAIL(err, SM_INVALID_ARGUMENT, "%.200s: the path is too long", l->items[i].name.data);
    l->parent = i;
    SM_TRY(root->fs->list(root->fs, root->dir, path, root->flags, add_entry, l, err));
  }
  sm_sort(l->items, l->n, sizeof *l->items, listed_less);
  return SM_OK;
}

sm_status sm_model_list_files(const sm_model *model, const char *dir, sm_model_file_fn fn, void *fn_ctx,
                              sm_error *err) {
  char clean[SM_PATH_MAX];
  if (model->dir == NULL) return SM_OK;
  SM_TRY(clean_name(clean, dir, err));
  listing l = {.allocator = model->allocator, .parent = NONE};
  sm_arena_init(&l.arena, model->allocator, model->arena.max_bytes);
  sm_status status = list_all(&l, &model->root, clean, err);
  for (size_t i = 0; status == SM_OK && i < l.n; i++) {
    sm_model_file file = {l.items[i].name.data, l.items[i].size, l.items[i].is_symlink};
    if (!l.items[i].is_dir) status = fn(fn_ctx, &file, err);
  }
  sm_free(l.allocator, l.items);
  sm_arena_free(&l.arena);
  return status;
}
