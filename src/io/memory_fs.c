/* Files in memory: a sorted array of paths; directories are what lies before a '/'. */
#include "base/base.h"
#include "io/io.h"

typedef struct memory_file {
  char *path;
  const void *data;
  size_t size;
} memory_file;

typedef struct memory_fs {
  sm_fs base; /* first: a memory_fs is a sm_fs */
  const sm_allocator *allocator;
  memory_file *files; /* sorted by path */
  size_t n_files;
  size_t capacity;
} memory_fs;

static const memory_fs *memory_of(const sm_fs *fs) { return (const memory_fs *)fs->ctx; }

/* ---- Finding ---- */

/* Index of the first file whose path is not below path. */
static size_t lower_bound(const memory_fs *memory, const char *path) {
  size_t low = 0, high = memory->n_files;
  while (low < high) {
    size_t middle = low + (high - low) / 2;
    if (strcmp(memory->files[middle].path, path) < 0)
      low = middle + 1;
    else
      high = middle;
  }
  return low;
}

static bool is_below(const char *path, const char *dir, size_t dir_size) {
  return dir_size == 0 || (strncmp(path, dir, dir_size) == 0 && path[dir_size] == '/');
}

/* First file below directory path; n_files when there is none. Paths such as "a-b" sort between "a" and "a/b". */
static size_t first_below(const memory_fs *memory, const char *path) {
  size_t size = strlen(path), i = lower_bound(memory, path);
  while (i < memory->n_files && strncmp(memory->files[i].path, path, size) == 0) {
    if (is_below(memory->files[i].path, path, size)) return i;
    i++;
  }
  return memory->n_files;
}

static const memory_file *find_file(const memory_fs *memory, const char *path) {
  size_t i = lower_bound(memory, path);
  return i < memory->n_files && strcmp(memory->files[i].path, path) == 0 ? &memory->files[i] : NULL;
}

/* root and name as one path without leading "./" and trailing '/'. */
static sm_status join(char *path, const char *root, const char *name, sm_error *err) {
  while (root[0] == '.' && (root[1] == '/' || root[1] == '\0')) root += root[1] == '/' ? 2 : 1;
  if (!sm_path_join(path, SM_PATH_MAX, root, name))
    return SM_FAIL(err, SM_INVALID_ARGUMENT, "%.200s: the path is longer than %d bytes", root, SM_PATH_MAX - 1);
  size_t size = strlen(path);
  while (size > 0 && path[size - 1] == '/') path[--size] = '\0';
  return SM_OK;
}

static sm_status fail_not_found(sm_error *err, const char *path) {
  return SM_FAIL(err, SM_NOT_FOUND, "%s: no such file in memory", path);
}

/* ---- sm_fs ---- */

static sm_status memory_open(sm_file *file, const sm_fs *fs, const char *root, const char *name, unsigned flags,
                             sm_error *err) {
  (void)flags;
  char path[SM_PATH_MAX];
  SM_TRY(join(path, root, name, err));
  const memory_file *found = find_file(memory_of(fs), path);
  if (found != NULL) {
    *file = (sm_file){.handle = (void *)(uintptr_t)found, .size = found->size};
    return SM_OK;
  }
  if (first_below(memory_of(fs), path) < memory_of(fs)->n_files)
    return SM_FAIL(err, SM_FAILED_PRECONDITION, "%s: not a regular file", path);
  return fail_not_found(err, path);
}

static sm_status memory_read_at(const sm_fs *fs, const sm_file *file, uint64_t offset, void *dst, size_t dst_size,
                                sm_error *err) {
  (void)fs;
  const memory_file *found = file->handle;
  if (offset > found->size || dst_size > found->size - offset)
    return sm_fail_at(err, SM_OUT_OF_RANGE, found->size, "%s: %zu bytes, %zu were to be read from %llu", found->path,
                      found->size, dst_size, (unsigned long long)offset);
  if (dst_size != 0) memcpy(dst, (const char *)found->data + offset, dst_size);
  return SM_OK;
}

static void memory_close(const sm_fs *fs, sm_file *file) {
  (void)fs;
  (void)file;
}

static sm_status memory_stat(sm_dir_entry *entry, const sm_fs *fs, const char *root, const char *name, unsigned flags,
                             sm_error *err) {
  (void)flags;
  char path[SM_PATH_MAX];
  SM_TRY(join(path, root, name, err));
  const memory_file *found = find_file(memory_of(fs), path);
  if (found != NULL)
    *entry = (sm_dir_entry){.name = name, .size = found->size, .kind = SM_FILE_REGULAR};
  else if (first_below(memory_of(fs), path) < memory_of(fs)->n_files)
    *entry = (sm_dir_entry){.name = name, .kind = SM_FILE_DIRECTORY};
  else
    return fail_not_found(err, path);
  return SM_OK;
}

static sm_status memory_list(const sm_fs *fs, const char *root, const char *name, unsigned flags, sm_dir_fn fn,
                             void *fn_ctx, sm_error *err) {
  (void)flags;
  const memory_fs *memory = memory_of(fs);
  char path[SM_PATH_MAX], child[SM_PATH_MAX] = "";
  SM_TRY(join(path, root, name, err));
  size_t path_size = strlen(path), i = first_below(memory, path);
  if (i == memory->n_files) return fail_not_found(err, path);
  for (; i < memory->n_files && strncmp(memory->files[i].path, path, path_size) == 0; i++) {
    if (!is_below(memory->files[i].path, path, path_size)) continue;
    const char *rest = memory->files[i].path + path_size + (path_size != 0);
    size_t size = strcspn(rest, "/");
    bool is_dir = rest[size] == '/';
    if (is_dir && strncmp(child, rest, size) == 0 && child[size] == '\0') continue; /* its other files */
    memcpy(child, rest, size);
    child[size] = '\0';
    sm_dir_entry entry = {.name = child, .kind = is_dir ? SM_FILE_DIRECTORY : SM_FILE_REGULAR};
    if (!is_dir) entry.size = memory->files[i].size;
    SM_TRY(fn(fn_ctx, &entry, err));
  }
  return SM_OK;
}

static sm_status memory_map(const void **data, const sm_fs *fs, const sm_file *file, sm_error *err) {
  (void)fs;
  (void)err;
  *data = ((const memory_file *)file->handle)->data;
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

static sm_status grow(memory_fs *memory, sm_error *err) {
  if (memory->n_files < memory->capacity) return SM_OK;
  size_t capacity = memory->capacity == 0 ? 8 : 2 * memory->capacity, size;
  if (!sm_mul_size(capacity, sizeof *memory->files, &size)) return SM_FAIL_OOM(err, SIZE_MAX);
  memory_file *files = sm_realloc(memory->allocator, memory->files, size);
  if (files == NULL) return SM_FAIL_OOM(err, size);
  memory->files = files;
  memory->capacity = capacity;
  return SM_OK;
}

/* True when path is a file or directory already, or lies below a file. */
static bool is_taken(const memory_fs *memory, const char *path) {
  if (find_file(memory, path) != NULL || first_below(memory, path) < memory->n_files) return true;
  char dir[SM_PATH_MAX];
  for (const char *slash = strchr(path, '/'); slash != NULL; slash = strchr(slash + 1, '/')) {
    memcpy(dir, path, (size_t)(slash - path));
    dir[slash - path] = '\0';
    if (find_file(memory, dir) != NULL) return true;
  }
  return false;
}

sm_status sm_fs_memory_add(sm_fs *fs, const char *path, const void *data, size_t size, sm_error *err) {
  if (fs == NULL || fs->open != memory_open)
    return SM_FAIL(err, SM_INVALID_ARGUMENT, "the file system is not one of sm_fs_memory_new");
  memory_fs *memory = fs->ctx;
  char clean[SM_PATH_MAX];
  size_t path_size = strlen(path);
  if (path_size == 0 || !sm_path_clean(clean, sizeof clean, path) || strcmp(clean, path) != 0)
    return SM_FAIL(err, SM_INVALID_ARGUMENT, "%s: not a relative path without '.' and '..'", path);
  if (is_taken(memory, path)) return SM_FAIL(err, SM_ALREADY_EXISTS, "%s: there is such a name already", path);
  SM_TRY(grow(memory, err));
  char *copy = sm_alloc(memory->allocator, path_size + 1);
  if (copy == NULL) return SM_FAIL_OOM(err, path_size + 1);
  memcpy(copy, path, path_size + 1);
  size_t at = lower_bound(memory, path);
  memmove(memory->files + at + 1, memory->files + at, (memory->n_files - at) * sizeof *memory->files);
  memory->files[at] = (memory_file){.path = copy, .data = data, .size = size};
  memory->n_files++;
  return SM_OK;
}

void sm_fs_close(sm_fs *fs) {
  if (fs == NULL || fs->open != memory_open) return;
  memory_fs *memory = fs->ctx;
  const sm_allocator *allocator = memory->allocator;
  for (size_t i = 0; i < memory->n_files; i++) sm_free(allocator, memory->files[i].path);
  sm_free(allocator, memory->files);
  sm_free(allocator, memory);
}
