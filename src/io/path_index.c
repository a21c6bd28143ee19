#include "base/base.h"
#include "io/io.h"
#include "io/path_index_internal.h"

void sm_path_index_init(sm_path_index *index, const char *where, const sm_allocator *allocator) {
  *index = (sm_path_index){.where = where, .allocator = allocator};
}

void sm_path_index_free(sm_path_index *index) {
  sm_free(index->allocator, index->entries);
  index->entries = NULL;
  index->n = index->capacity = 0;
}

/* ---- The order ---- */

/* The end of a path comes first, then '/', then the other bytes. */
static unsigned rank(unsigned char byte) { return byte == '/' ? 1 : byte != '\0' && byte < '/' ? byte + 1u : byte; }

/* Compares the terminated a with b. */
static int compare(const char *a, sm_string b) {
  size_t i = 0;
  while (i < b.size && a[i] == b.data[i]) i++; /* a ends here at the latest: b holds no NUL */
  unsigned left = rank((unsigned char)a[i]), right = i < b.size ? rank((unsigned char)b.data[i]) : 0;
  return (left > right) - (left < right);
}

/* Everything is below "". */
static bool is_below(const char *path, sm_string dir) {
  return dir.size == 0 ? *path != '\0' : strncmp(path, dir.data, dir.size) == 0 && path[dir.size] == '/';
}

static bool entry_less(const void *a, const void *b) {
  return compare(((const sm_path_entry *)a)->path, sm_string_of(((const sm_path_entry *)b)->path)) < 0;
}

/* ---- Finding ---- */

/* Index of the first entry that does not come before path. */
static size_t lower_bound(const sm_path_index *index, sm_string path) {
  size_t low = 0, high = index->n;
  while (low < high) {
    size_t middle = low + (high - low) / 2;
    if (compare(index->entries[middle].path, path) < 0)
      low = middle + 1;
    else
      high = middle;
  }
  return low;
}

/* Index of the first entry, from low on, that comes after path and all that is below it. */
static size_t upper_bound(const sm_path_index *index, size_t low, sm_string path) {
  size_t high = index->n;
  while (low < high) {
    size_t middle = low + (high - low) / 2;
    const char *found = index->entries[middle].path;
    if (compare(found, path) <= 0 || is_below(found, path))
      low = middle + 1;
    else
      high = middle;
  }
  return low;
}

static const sm_path_entry *find_entry(const sm_path_index *index, sm_string path) {
  size_t i = lower_bound(index, path);
  return i < index->n && compare(index->entries[i].path, path) == 0 ? &index->entries[i] : NULL;
}

sm_path_entry *sm_path_index_get(const sm_path_index *index, const char *path) {
  return (sm_path_entry *)(uintptr_t)find_entry(index, sm_string_of(path));
}

void sm_path_index_range(size_t *first, size_t *end, const sm_path_index *index, const char *path) {
  *first = lower_bound(index, sm_string_of(path));
  *end = upper_bound(index, *first, sm_string_of(path));
}

/* Index of the first entry below path; n when there is none. */
static size_t first_below(const sm_path_index *index, sm_string path) {
  size_t i = lower_bound(index, path);
  if (i < index->n && compare(index->entries[i].path, path) == 0) i++;
  return i < index->n && is_below(index->entries[i].path, path) ? i : index->n;
}

/* Whether a directory of that name is there, of which entry is what find_entry gave: the top always is, others are
 * entries or have something below them. */
static bool is_directory(const sm_path_index *index, sm_string path, const sm_path_entry *entry) {
  if (entry != NULL) return entry->kind == SM_FILE_DIRECTORY;
  return path.size == 0 || first_below(index, path) < index->n;
}

/* ---- Making ---- */

static sm_status make_room(sm_path_index *index, sm_error *err) {
  if (index->n < index->capacity) return SM_OK;
  size_t capacity = index->capacity == 0 ? 8 : 2 * index->capacity, size;
  if (!sm_mul_size(capacity, sizeof *index->entries, &size)) return SM_FAIL_OOM(err, SIZE_MAX);
  sm_path_entry *entries = sm_realloc(index->allocator, index->entries, size);
  if (entries == NULL) return SM_FAIL_OOM(err, size);
  index->entries = entries;
  index->capacity = capacity;
  return SM_OK;
}

static bool is_taken(const sm_path_index *index, sm_string path) {
  if (find_entry(index, path) != NULL || first_below(index, path) < index->n) return true;
  for (size_t i = 1; i < path.size; i++) {
    if (path.data[i] != '/') continue;
    const sm_path_entry *parent = find_entry(index, (sm_string){path.data, i});
    if (parent != NULL && parent->kind != SM_FILE_DIRECTORY) return true;
  }
  return false;
}

sm_status sm_path_index_insert(sm_path_index *index, sm_path_entry entry, sm_error *err) {
  sm_string path = sm_string_of(entry.path);
  if (is_taken(index, path)) return SM_FAIL(err, SM_ALREADY_EXISTS, "%s: there is such a name already", entry.path);
  SM_TRY(make_room(index, err));
  size_t at = lower_bound(index, path);
  memmove(index->entries + at + 1, index->entries + at, (index->n - at) * sizeof *index->entries);
  index->entries[at] = entry;
  index->n++;
  return SM_OK;
}

void sm_path_index_remove(sm_path_index *index, sm_path_entry *entry) {
  size_t at = (size_t)(entry - index->entries);
  index->n--;
  memmove(entry, entry + 1, (index->n - at) * sizeof *entry);
}

sm_status sm_path_index_append(sm_path_index *index, sm_path_entry entry, sm_error *err) {
  SM_TRY(make_room(index, err));
  index->entries[index->n++] = entry;
  return SM_OK;
}

void sm_path_index_sort(sm_path_index *index, const char **clash) {
  size_t kept = 0;
  *clash = NULL;
  sm_sort(index->entries, index->n, sizeof *index->entries, entry_less);
  for (size_t i = 0; i < index->n; i++) {
    const sm_path_entry *entry = &index->entries[i], *last = kept > 0 ? &index->entries[kept - 1] : NULL;
    bool is_same = last != NULL && strcmp(last->path, entry->path) == 0;
    bool both_dirs = is_same && last->kind == SM_FILE_DIRECTORY && entry->kind == SM_FILE_DIRECTORY;
    bool below_file =
        last != NULL && last->kind != SM_FILE_DIRECTORY && is_below(entry->path, sm_string_of(last->path));
    if (((is_same && !both_dirs) || below_file) && *clash == NULL) *clash = entry->path;
    if (!both_dirs) index->entries[kept++] = *entry;
  }
  index->n = kept;
}

/* ---- Answering ---- */

/* root and name as one path without leading "./" and trailing '/'. */
static sm_status join(char *path, const char *root, const char *name, sm_error *err) {
  while (root[0] == '.' && (root[1] == '/' || root[1] == '\0')) root += root[1] == '/' ? 2 : 1;
  if (!sm_path_join(path, SM_PATH_MAX, root, name))
    return SM_FAIL(err, SM_INVALID_ARGUMENT, "%.200s: the path is longer than %d bytes", root, SM_PATH_MAX - 1);
  size_t size = strlen(path);
  while (size > 0 && path[size - 1] == '/') path[--size] = '\0';
  return SM_OK;
}

static sm_status fail_not_found(const sm_path_index *index, const char *path, sm_error *err) {
  return SM_FAIL(err, SM_NOT_FOUND, "%s: no such file in %s", path, index->where);
}

sm_status sm_path_index_find(const sm_path_entry **out, const sm_path_index *index, const char *root, const char *name,
                             sm_error *err) {
  char path[SM_PATH_MAX];
  SM_TRY(join(path, root, name, err));
  const sm_path_entry *found = find_entry(index, sm_string_of(path));
  if (found == NULL && !is_directory(index, sm_string_of(path), found)) return fail_not_found(index, path, err);
  if (found == NULL || found->kind != SM_FILE_REGULAR)
    return SM_FAIL(err, SM_FAILED_PRECONDITION, "%s: not a regular file in %s", path, index->where);
  *out = found;
  return SM_OK;
}

sm_status sm_path_index_join_new(char *path, const sm_path_index *index, const char *root, const char *name,
                                 sm_error *err) {
  SM_TRY(join(path, root, name, err));
  const char *slash = strrchr(path, '/');
  sm_string parent = {path, slash != NULL ? (size_t)(slash - path) : 0};
  if (*path == '\0') return SM_FAIL(err, SM_INVALID_ARGUMENT, "the top of the file system cannot be changed");
  if (is_directory(index, parent, find_entry(index, parent))) return SM_OK;
  return SM_FAIL(err, SM_NOT_FOUND, "%s: there is no such directory in %s", path, index->where);
}

sm_status sm_path_index_stat(sm_dir_entry *entry, const sm_path_index *index, const char *root, const char *name,
                             sm_error *err) {
  char path[SM_PATH_MAX];
  SM_TRY(join(path, root, name, err));
  const sm_path_entry *found = find_entry(index, sm_string_of(path));
  if (found == NULL && !is_directory(index, sm_string_of(path), found)) return fail_not_found(index, path, err);
  *entry = (sm_dir_entry){.name = name, .kind = SM_FILE_DIRECTORY};
  if (found != NULL) *entry = (sm_dir_entry){name, found->size, found->kind, found->is_symlink};
  return SM_OK;
}

/* The name right below the directory of which entry i is part: the entry itself, or a directory it lies in. Moves *i
 * behind all that is below that name. */
static sm_dir_entry next_child(char *child, const sm_path_index *index, size_t dir_size, size_t *i) {
  const sm_path_entry *first = &index->entries[*i];
  const char *rest = first->path + dir_size + (dir_size != 0);
  size_t size = strcspn(rest, "/");
  memcpy(child, rest, size);
  child[size] = '\0';
  *i = upper_bound(index, *i, (sm_string){first->path, (size_t)(rest - first->path) + size});
  if (rest[size] == '/') return (sm_dir_entry){.name = child, .kind = SM_FILE_DIRECTORY};
  return (sm_dir_entry){child, first->size, first->kind, first->is_symlink};
}

sm_status sm_path_index_list(const sm_path_index *index, const char *root, const char *name, sm_dir_fn fn, void *fn_ctx,
                             sm_error *err) {
  char path[SM_PATH_MAX], child[SM_PATH_MAX];
  SM_TRY(join(path, root, name, err));
  sm_string dir = sm_string_of(path);
  const sm_path_entry *itself = find_entry(index, dir);
  if (itself != NULL && itself->kind != SM_FILE_DIRECTORY)
    return SM_FAIL(err, SM_FAILED_PRECONDITION, "%s: not a directory in %s", path, index->where);
  if (!is_directory(index, dir, itself)) return fail_not_found(index, path, err);
  for (size_t i = first_below(index, dir); i < index->n && is_below(index->entries[i].path, dir);) {
    sm_dir_entry entry = next_child(child, index, dir.size, &i);
    SM_TRY(fn(fn_ctx, &entry, err));
  }
  return SM_OK;
}
