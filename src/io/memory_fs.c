/* Files in memory: what sm_fs_memory_add was given, under the paths it was given. */
#include "base/base.h"
#include "io/io.h"
#include "io/io_internal.h"
#include "io/path_index_internal.h"

typedef struct memory_fs {
  sm_fs base; /* first: a memory_fs is a sm_fs */
  const sm_allocator *allocator;
  sm_path_index index; /* owns the paths; payload: the file's bytes */
} memory_fs;

static const memory_fs *memory_of(const sm_fs *fs) { return (const memory_fs *)fs->ctx; }

/* ---- sm_fs ---- */

static sm_status memory_open(sm_file *file, const sm_fs *fs, const char *root, const char *name, unsigned flags,
                             sm_error *err) {
  (void)flags;
  const sm_path_entry *found;
  SM_TRY(sm_path_index_find(&found, &memory_of(fs)->index, root, name, err));
  *file = (sm_file){.handle = (void *)(uintptr_t)found->payload, .size = found->size};
  return SM_OK;
}

static sm_status memory_read_at(const sm_fs *fs, const sm_file *file, uint64_t offset, void *dst, size_t dst_size,
                                sm_error *err) {
  (void)fs;
  if (offset > file->size || dst_size > file->size - offset)
    return sm_fail_at(err, SM_OUT_OF_RANGE, file->size,
                      "the file ends at byte %llu, %zu bytes were to be read from %llu", (unsigned long long)file->size,
                      dst_size, (unsigned long long)offset);
  if (dst_size != 0) memcpy(dst, (const char *)file->handle + offset, dst_size);
  return SM_OK;
}

static void memory_close(const sm_fs *fs, sm_file *file) {
  (void)fs;
  (void)file;
}

static sm_status memory_stat(sm_dir_entry *entry, const sm_fs *fs, const char *root, const char *name, unsigned flags,
                             sm_error *err) {
  (void)flags;
  return sm_path_index_stat(entry, &memory_of(fs)->index, root, name, err);
}

static sm_status memory_list(const sm_fs *fs, const char *root, const char *name, unsigned flags, sm_dir_fn fn,
                             void *fn_ctx, sm_error *err) {
  (void)flags;
  return sm_path_index_list(&memory_of(fs)->index, root, name, fn, fn_ctx, err);
}

static sm_status memory_map(const void **data, const sm_fs *fs, const sm_file *file, sm_error *err) {
  (void)fs;
  (void)err;
  *data = file->handle;
  return SM_OK;
}

static void memory_unmap(const sm_fs *fs, const void *data, size_t size) {
  (void)fs;
  (void)data;
  (void)size;
}

/* ---- Making ---- */

sm_status sm_fs_memory_new(sm_fs **out, const sm_allocator *allocator, sm_error *err) {
  *out = NULL;
  allocator = sm_allocator_or_malloc(allocator);
  memory_fs *memory = sm_new(allocator, memory_fs);
  if (memory == NULL) return SM_FAIL_OOM(err, sizeof *memory);
  memory->allocator = allocator;
  sm_path_index_init(&memory->index, "memory", allocator);
  memory->base = (sm_fs){
      .struct_size = sizeof(sm_fs),
      .ctx = memory,
      .open = memory_open,
      .read_at = memory_read_at,
      .close = memory_close,
      .stat = memory_stat,
      .list = memory_list,
      .map = memory_map,
      .unmap = memory_unmap,
  };
  *out = &memory->base;
  return SM_OK;
}

sm_status sm_fs_memory_add(sm_fs *fs, const char *path, const void *data, size_t size, sm_error *err) {
  if (fs == NULL || fs->open != memory_open)
    return SM_FAIL(err, SM_INVALID_ARGUMENT, "the file system is not one of sm_fs_memory_new");
  memory_fs *memory = fs->ctx;
  char clean[SM_PATH_MAX];
  size_t path_size = strlen(path);
  if (path_size == 0 || !sm_path_clean(clean, sizeof clean, path) || strcmp(clean, path) != 0)
    return SM_FAIL(err, SM_INVALID_ARGUMENT, "%s: not a relative path without '.' and '..'", path);
  char *copy = sm_alloc(memory->allocator, path_size + 1);
  if (copy == NULL) return SM_FAIL_OOM(err, path_size + 1);
  memcpy(copy, path, path_size + 1);
  sm_path_entry entry = {.path = copy, .size = size, .kind = SM_FILE_REGULAR, .payload = data};
  sm_status status = sm_path_index_insert(&memory->index, entry, err);
  if (status != SM_OK) sm_free(memory->allocator, copy);
  return status;
}

bool sm_memory_fs_close(sm_fs *fs) {
  if (fs->open != memory_open) return false;
  memory_fs *memory = fs->ctx;
  const sm_allocator *allocator = memory->allocator;
  for (size_t i = 0; i < memory->index.n; i++) sm_free(allocator, (void *)(uintptr_t)memory->index.entries[i].path);
  sm_path_index_free(&memory->index);
  sm_free(allocator, memory);
  return true;
}
