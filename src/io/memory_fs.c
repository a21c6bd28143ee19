/*
 * Files in memory: what sm_fs_memory_add was given, and what was written.
 *
 * A name refers to a file, an open handle and a mapping do too, and the last of them frees it: what is removed or replaced
 * stays readable for whoever has it. One lock guards all; only bytes that are mapped are read without it, and these no
 * longer change.
 */
#include "base/base.h"
#include "io/io.h"
#include "io/io_internal.h"
#include "io/path_index_internal.h"

typedef struct memory_file {
  const uint8_t *borrowed; /* what sm_fs_memory_add was given, or NULL */
  sm_buffer bytes;         /* what was written */
  size_t size;
  const char *path; /* its entry in the index; NULL: it was removed */
  size_t n_refs;    /* the name, handles and mappings */
  size_t n_maps;
  bool is_written; /* by whoever created it: until it is closed nobody else can open it */
  bool is_locked;
  struct memory_file *next_mapped;
} memory_file;

typedef struct memory_fs {
  sm_fs base; /* first: a memory_fs is a sm_fs */
  const sm_allocator *allocator;
  sm_mutex lock;
  sm_path_index index; /* owns the paths; payload: a memory_file, NULL for directories */
  memory_file *mapped; /* all files that have mappings */
} memory_fs;

static memory_fs *memory_of(const sm_fs *fs) { return fs->ctx; }

static memory_file *file_of(const sm_path_entry *entry) { return (memory_file *)(uintptr_t)entry->payload; }

static const uint8_t *bytes_of(const memory_file *file) {
  return file->borrowed != NULL ? file->borrowed : file->bytes.data;
}

static void let_go(memory_fs *memory, memory_file *file) {
  if (file == NULL || --file->n_refs != 0) return;
  sm_buffer_free(&file->bytes);
  sm_free(memory->allocator, file);
}

/* ---- Reading ---- */

static sm_status memory_open(sm_file *file, const sm_fs *fs, const char *root, const char *name, unsigned flags,
                             sm_error *err) {
  (void)flags;
  memory_fs *memory = memory_of(fs);
  const sm_path_entry *found;
  sm_mutex_lock(&memory->lock);
  sm_status status = sm_path_index_find(&found, &memory->index, root, name, err);
  memory_file *opened = status == SM_OK ? file_of(found) : NULL;
  if (status == SM_OK && (opened->is_written || opened->is_locked))
    status = SM_FAIL(err, SM_FAILED_PRECONDITION, "%s: still being written", found->path);
  if (status == SM_OK) {
    opened->n_refs++;
    *file = (sm_file){.handle = opened, .size = opened->size};
  }
  sm_mutex_unlock(&memory->lock);
  return status;
}

static sm_status memory_read_at(const sm_fs *fs, const sm_file *file, uint64_t offset, void *dst, size_t dst_size,
                                sm_error *err) {
  memory_fs *memory = memory_of(fs);
  const memory_file *opened = file->handle;
  sm_mutex_lock(&memory->lock);
  uint64_t size = opened->size;
  bool fits = offset <= size && dst_size <= size - offset;
  if (fits && dst_size != 0) memcpy(dst, bytes_of(opened) + offset, dst_size);
  sm_mutex_unlock(&memory->lock);
  if (fits) return SM_OK;
  return sm_fail_at(err, SM_OUT_OF_RANGE, size, "the file ends at byte %llu, %zu bytes were to be read from %llu",
                    (unsigned long long)size, dst_size, (unsigned long long)offset);
}

static void memory_close(const sm_fs *fs, sm_file *file) {
  memory_fs *memory = memory_of(fs);
  memory_file *closed = file->handle;
  sm_mutex_lock(&memory->lock);
  closed->is_written = closed->is_locked = false; /* nobody else has it open then */
  let_go(memory, closed);
  sm_mutex_unlock(&memory->lock);
}

static sm_status memory_stat(sm_dir_entry *entry, const sm_fs *fs, const char *root, const char *name, unsigned flags,
                             sm_error *err) {
  (void)flags;
  memory_fs *memory = memory_of(fs);
  sm_mutex_lock(&memory->lock);
  sm_status status = sm_path_index_stat(entry, &memory->index, root, name, err);
  sm_mutex_unlock(&memory->lock);
  return status;
}

/* The names are collected first: fn may call the file system itself. */
typedef struct name_list {
  sm_buffer bytes; /* a sm_dir_entry and its terminated name, again and again */
} name_list;

static sm_status collect(void *ctx, const sm_dir_entry *entry, sm_error *err) {
  name_list *list = ctx;
  SM_TRY(sm_buffer_put(&list->bytes, entry, sizeof *entry, err));
  return sm_buffer_put(&list->bytes, entry->name, strlen(entry->name) + 1, err);
}

static sm_status hand_out(const name_list *list, sm_dir_fn fn, void *fn_ctx, sm_error *err) {
  for (size_t at = 0; at < list->bytes.size;) {
    sm_dir_entry entry;
    memcpy(&entry, list->bytes.data + at, sizeof entry);
    entry.name = (const char *)list->bytes.data + at + sizeof entry;
    at += sizeof entry + strlen(entry.name) + 1;
    SM_TRY(fn(fn_ctx, &entry, err));
  }
  return SM_OK;
}

static sm_status memory_list(const sm_fs *fs, const char *root, const char *name, unsigned flags, sm_dir_fn fn,
                             void *fn_ctx, sm_error *err) {
  (void)flags;
  memory_fs *memory = memory_of(fs);
  name_list list;
  sm_buffer_init(&list.bytes, memory->allocator, UINT64_MAX);
  sm_mutex_lock(&memory->lock);
  sm_status status = sm_path_index_list(&memory->index, root, name, collect, &list, err);
  sm_mutex_unlock(&memory->lock);
  if (status == SM_OK) status = hand_out(&list, fn, fn_ctx, err);
  sm_buffer_free(&list.bytes);
  return status;
}

static sm_status memory_map(const void **data, const sm_fs *fs, const sm_file *file, sm_error *err) {
  (void)err;
  memory_fs *memory = memory_of(fs);
  memory_file *mapped = file->handle;
  sm_mutex_lock(&memory->lock);
  mapped->n_refs++;
  if (mapped->n_maps++ == 0) {
    mapped->next_mapped = memory->mapped;
    memory->mapped = mapped;
  }
  *data = bytes_of(mapped);
  sm_mutex_unlock(&memory->lock);
  return SM_OK;
}

static void memory_unmap(const sm_fs *fs, const void *data, size_t size) {
  memory_fs *memory = memory_of(fs);
  sm_mutex_lock(&memory->lock);
  memory_file **at = &memory->mapped;
  while (bytes_of(*at) != data || (*at)->size != size) at = &(*at)->next_mapped;
  memory_file *file = *at;
  if (--file->n_maps == 0) *at = file->next_mapped;
  let_go(memory, file);
  sm_mutex_unlock(&memory->lock);
}

/* ---- Writing ---- */

/* Puts a name into the index: of a file, which takes over one reference to it, or of a directory (NULL). */
static sm_status add_name(memory_fs *memory, const char *path, memory_file *file, sm_error *err) {
  size_t size = strlen(path) + 1;
  char *copy = sm_alloc(memory->allocator, size);
  if (copy == NULL) return SM_FAIL_OOM(err, size);
  memcpy(copy, path, size);
  sm_path_entry entry = {.path = copy, .kind = SM_FILE_DIRECTORY};
  if (file != NULL) entry = (sm_path_entry){copy, file->size, SM_FILE_REGULAR, false, file};
  sm_status status = sm_path_index_insert(&memory->index, entry, err);
  if (status != SM_OK)
    sm_free(memory->allocator, copy);
  else if (file != NULL)
    file->path = copy;
  return status;
}

static void remove_name(memory_fs *memory, sm_path_entry *entry) {
  memory_file *file = file_of(entry);
  char *path = (char *)(uintptr_t)entry->path;
  sm_path_index_remove(&memory->index, entry);
  if (file != NULL) file->path = NULL;
  let_go(memory, file);
  sm_free(memory->allocator, path);
}

static sm_status create_file(memory_file **out, memory_fs *memory, const char *root, const char *name, sm_error *err) {
  char path[SM_PATH_MAX];
  SM_TRY(sm_path_index_join_new(path, &memory->index, root, name, err));
  memory_file *made = sm_new(memory->allocator, memory_file);
  if (made == NULL) return SM_FAIL_OOM(err, sizeof *made);
  made->n_refs = 2; /* the name and the handle */
  sm_buffer_init(&made->bytes, memory->allocator, UINT64_MAX);
  sm_status status = add_name(memory, path, made, err);
  if (status == SM_OK)
    *out = made;
  else
    sm_free(memory->allocator, made);
  return status;
}

static sm_status memory_create(sm_file *file, const sm_fs *fs, const char *root, const char *name, sm_error *err) {
  memory_fs *memory = memory_of(fs);
  memory_file *made;
  sm_mutex_lock(&memory->lock);
  sm_status status = create_file(&made, memory, root, name, err);
  if (status == SM_OK) {
    made->is_written = true;
    *file = (sm_file){.handle = made};
  }
  sm_mutex_unlock(&memory->lock);
  return status;
}

/* A file that nobody has open, or a new one. */
static sm_status lock_file(memory_file **out, memory_fs *memory, const char *root, const char *name, sm_error *err) {
  const sm_path_entry *found;
  if (sm_path_index_find(&found, &memory->index, root, name, NULL) == SM_NOT_FOUND)
    return create_file(out, memory, root, name, err);
  SM_TRY(sm_path_index_find(&found, &memory->index, root, name, err));
  *out = file_of(found);
  if ((*out)->n_refs > 1) return SM_FAIL(err, SM_ABORTED, "%s: in use by somebody else", found->path);
  (*out)->n_refs++;
  return SM_OK;
}

static sm_status memory_lock(sm_file *file, const sm_fs *fs, const char *root, const char *name, sm_error *err) {
  memory_fs *memory = memory_of(fs);
  memory_file *locked;
  sm_mutex_lock(&memory->lock);
  sm_status status = lock_file(&locked, memory, root, name, err);
  if (status == SM_OK) {
    locked->is_locked = true;
    *file = (sm_file){.handle = locked};
  }
  sm_mutex_unlock(&memory->lock);
  return status;
}

static sm_status memory_write(const sm_fs *fs, sm_file *file, const void *data, size_t size, sm_error *err) {
  memory_fs *memory = memory_of(fs);
  memory_file *written = file->handle;
  sm_mutex_lock(&memory->lock);
  sm_status status = sm_buffer_put(&written->bytes, data, size, err);
  file->size = written->size = written->bytes.size;
  if (written->path != NULL) sm_path_index_get(&memory->index, written->path)->size = written->size;
  sm_mutex_unlock(&memory->lock);
  return status;
}

static sm_status memory_sync(const sm_fs *fs, sm_file *file, sm_error *err) {
  (void)fs;
  (void)file;
  (void)err;
  return SM_OK;
}

static sm_status memory_mkdir(const sm_fs *fs, const char *root, const char *name, sm_error *err) {
  memory_fs *memory = memory_of(fs);
  char path[SM_PATH_MAX];
  sm_mutex_lock(&memory->lock);
  sm_status status = sm_path_index_join_new(path, &memory->index, root, name, err);
  if (status == SM_OK) status = add_name(memory, path, NULL, err);
  sm_mutex_unlock(&memory->lock);
  return status;
}

static sm_status memory_remove(const sm_fs *fs, const char *root, const char *name, sm_error *err) {
  memory_fs *memory = memory_of(fs);
  sm_dir_entry facts;
  size_t first, end;
  char path[SM_PATH_MAX];
  sm_mutex_lock(&memory->lock);
  sm_status status = sm_path_index_stat(&facts, &memory->index, root, name, err);
  if (status == SM_OK) status = sm_path_index_join_new(path, &memory->index, root, name, err);
  if (status == SM_OK) {
    sm_path_index_range(&first, &end, &memory->index, path);
    if (facts.kind == SM_FILE_DIRECTORY && (end != first + 1 || sm_path_index_get(&memory->index, path) == NULL))
      status = SM_FAIL(err, SM_ALREADY_EXISTS, "%s: the directory is not empty", path);
    else
      remove_name(memory, &memory->index.entries[first]);
  }
  sm_mutex_unlock(&memory->lock);
  return status;
}

/* ---- Renaming ---- */

/* New paths for the entries from first to end, which begin with from: to takes its place. NULL: no memory. */
static char **make_paths(const memory_fs *memory, size_t first, size_t end, size_t from_size, const char *to) {
  size_t n = end - first, to_size = strlen(to), made = 0;
  char **paths = sm_alloc(memory->allocator, n * sizeof *paths);
  if (paths == NULL) return NULL;
  for (; made < n; made++) {
    const char *rest = memory->index.entries[first + made].path + from_size;
    size_t rest_size = strlen(rest) + 1;
    paths[made] = sm_alloc(memory->allocator, to_size + rest_size);
    if (paths[made] == NULL) break;
    memcpy(paths[made], to, to_size);
    memcpy(paths[made] + to_size, rest, rest_size);
  }
  if (made == n) return paths;
  while (made-- > 0) sm_free(memory->allocator, paths[made]);
  sm_free(memory->allocator, paths);
  return NULL;
}

/* Whether something may be called to, that is a directory or not. */
static sm_status check_target(const memory_fs *memory, const char *from, const char *to, bool is_dir, sm_error *err) {
  sm_dir_entry found;
  size_t from_size = strlen(from);
  if (is_dir && strncmp(to, from, from_size) == 0 && to[from_size] == '/')
    return SM_FAIL(err, SM_INVALID_ARGUMENT, "%s: a directory cannot move into itself", to);
  if (sm_path_index_stat(&found, &memory->index, "", to, NULL) != SM_OK) return SM_OK;
  if (is_dir || found.kind == SM_FILE_DIRECTORY)
    return SM_FAIL(err, SM_ALREADY_EXISTS, "%s: there is such a name already", to);
  return SM_OK;
}

static sm_status rename_all(memory_fs *memory, const char *from, const char *to, sm_error *err) {
  size_t first, end;
  const char *clash;
  sm_path_index_range(&first, &end, &memory->index, from);
  char **paths = make_paths(memory, first, end, strlen(from), to);
  if (paths == NULL) return SM_FAIL_OOM(err, (end - first) * sizeof *paths);
  for (size_t i = first; i < end; i++) {
    sm_path_entry *entry = &memory->index.entries[i];
    sm_free(memory->allocator, (void *)(uintptr_t)entry->path);
    entry->path = paths[i - first];
    if (entry->payload != NULL) file_of(entry)->path = entry->path;
  }
  sm_free(memory->allocator, paths);
  sm_path_index_sort(&memory->index, &clash);
  return SM_OK;
}

static sm_status rename_path(memory_fs *memory, const char *root, const char *from, const char *to, sm_error *err) {
  char from_path[SM_PATH_MAX], to_path[SM_PATH_MAX];
  sm_dir_entry found;
  SM_TRY(sm_path_index_stat(&found, &memory->index, root, from, err));
  SM_TRY(sm_path_index_join_new(from_path, &memory->index, root, from, err));
  SM_TRY(sm_path_index_join_new(to_path, &memory->index, root, to, err));
  if (strcmp(from_path, to_path) == 0) return SM_OK;
  SM_TRY(check_target(memory, from_path, to_path, found.kind == SM_FILE_DIRECTORY, err));
  sm_path_entry *replaced = sm_path_index_get(&memory->index, to_path);
  if (replaced == NULL) return rename_all(memory, from_path, to_path, err);
  sm_path_entry *moved = sm_path_index_get(&memory->index, from_path);
  memory_file *new_file = file_of(moved), *old_file = file_of(replaced); /* two files: they change places */
  sm_path_entry held = *replaced;
  replaced->payload = new_file;
  replaced->size = new_file->size;
  new_file->path = held.path;
  moved->payload = old_file;
  old_file->path = moved->path;
  remove_name(memory, moved);
  return SM_OK;
}

static sm_status memory_rename(const sm_fs *fs, const char *root, const char *from, const char *to, sm_error *err) {
  memory_fs *memory = memory_of(fs);
  sm_mutex_lock(&memory->lock);
  sm_status status = rename_path(memory, root, from, to, err);
  sm_mutex_unlock(&memory->lock);
  return status;
}

/* ---- Making ---- */

static sm_fs functions(memory_fs *memory) {
  return (sm_fs){
      .struct_size = sizeof(sm_fs),
      .ctx = memory,
      .open = memory_open,
      .read_at = memory_read_at,
      .close = memory_close,
      .stat = memory_stat,
      .list = memory_list,
      .map = memory_map,
      .unmap = memory_unmap,
      .create = memory_create,
      .write = memory_write,
      .sync = memory_sync,
      .mkdir = memory_mkdir,
      .rename = memory_rename,
      .remove = memory_remove,
      .lock = memory_lock,
  };
}

sm_status sm_fs_memory_new(sm_fs **out, const sm_allocator *allocator, sm_error *err) {
  *out = NULL;
  allocator = sm_allocator_or_malloc(allocator);
  memory_fs *memory = sm_new(allocator, memory_fs);
  if (memory == NULL) return SM_FAIL_OOM(err, sizeof *memory);
  if (!sm_mutex_init(&memory->lock)) {
    sm_free(allocator, memory);
    return SM_FAIL(err, SM_RESOURCE_EXHAUSTED, "no mutex to be had");
  }
  memory->allocator = allocator;
  sm_path_index_init(&memory->index, "memory", allocator);
  memory->base = functions(memory);
  *out = &memory->base;
  return SM_OK;
}

sm_status sm_fs_memory_add(sm_fs *fs, const char *path, const void *data, size_t size, sm_error *err) {
  if (fs == NULL || fs->open != memory_open)
    return SM_FAIL(err, SM_INVALID_ARGUMENT, "the file system is not one of sm_fs_memory_new");
  memory_fs *memory = memory_of(fs);
  char clean[SM_PATH_MAX];
  if (*path == '\0' || !sm_path_clean(clean, sizeof clean, path) || strcmp(clean, path) != 0)
    return SM_FAIL(err, SM_INVALID_ARGUMENT, "%s: not a relative path without '.' and '..'", path);
  memory_file *file = sm_new(memory->allocator, memory_file);
  if (file == NULL) return SM_FAIL_OOM(err, sizeof *file);
  *file = (memory_file){.borrowed = data, .size = size, .n_refs = 1};
  sm_mutex_lock(&memory->lock);
  sm_status status = add_name(memory, path, file, err);
  sm_mutex_unlock(&memory->lock);
  if (status != SM_OK) sm_free(memory->allocator, file);
  return status;
}

bool sm_memory_fs_close(sm_fs *fs) {
  if (fs->open != memory_open) return false;
  memory_fs *memory = fs->ctx;
  while (memory->index.n > 0) remove_name(memory, &memory->index.entries[memory->index.n - 1]);
  sm_path_index_free(&memory->index);
  sm_mutex_destroy(&memory->lock);
  sm_free(memory->allocator, memory);
  return true;
}
