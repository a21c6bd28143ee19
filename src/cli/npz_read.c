#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "cli/failure.h"
#include "cli/npy.h"
#include "cli/npz.h"

enum { MAX_PATH = 4096 };

static const char suffix[] = ".npy";

bool npz_is(const void *data, size_t size) {
  return size >= 4 && (memcmp(data, "PK\3\4", 4) == 0 || memcmp(data, "PK\5\6", 4) == 0);
}

/* ---- Names ---- */

typedef struct list {
  char **names;
  size_t n, capacity;
} list;

/* What is listed: directories that have yet to be, and arrays. */
typedef struct search {
  list dirs, arrays;
  const char *dir;
} search;

static sm_status add(list *to, const char *dir, const char *name, size_t name_size, sm_error *err) {
  if (to->n == to->capacity) {
    size_t capacity = to->capacity == 0 ? 16 : 2 * to->capacity;
    char **names = realloc(to->names, capacity * sizeof *names);
    if (names == NULL) return failure_no_memory(err);
    to->names = names;
    to->capacity = capacity;
  }
  size_t dir_size = strlen(dir), size = dir_size + 1 + name_size;
  char *path = malloc(size + 1);
  if (path == NULL) return failure_no_memory(err);
  int n = snprintf(path, size + 1, "%s%s%.*s", dir, *dir != '\0' ? "/" : "", (int)name_size, name);
  if (n < 0) path[0] = '\0';
  to->names[to->n++] = path;
  return SM_OK;
}

static sm_status add_entry(void *ctx, const sm_dir_entry *entry, sm_error *err) {
  search *s = ctx;
  size_t size = strlen(entry->name), suffix_size = sizeof suffix - 1;
  if (entry->kind == SM_FILE_DIRECTORY) return add(&s->dirs, s->dir, entry->name, size, err);
  if (entry->kind != SM_FILE_REGULAR || size < suffix_size || strcmp(entry->name + size - suffix_size, suffix) != 0)
    return SM_OK;
  return add(&s->arrays, s->dir, entry->name, size - suffix_size, err);
}

static void free_list(list *in) {
  for (size_t i = 0; i < in->n; i++) free(in->names[i]);
  free(in->names);
}

static int compare_names(const void *a, const void *b) { return strcmp(*(char *const *)a, *(char *const *)b); }

/* Into one directory after the other, those found last first, so that few wait. */
static sm_status find_arrays(npz *out, sm_error *err) {
  search s = {.dir = ""};
  sm_status status = add(&s.dirs, "", "", 0, err);
  while (status == SM_OK && s.dirs.n > 0) {
    char *dir = s.dirs.names[--s.dirs.n];
    s.dir = dir;
    status = out->fs->list(out->fs, "", dir, 0, add_entry, &s, err);
    free(dir);
  }
  free_list(&s.dirs);
  out->names = s.arrays.names;
  out->n = s.arrays.n;
  if (out->n != 0) qsort(out->names, out->n, sizeof *out->names, compare_names);
  return status;
}

static sm_status check_kind(const char *path, const sm_open_options *options, sm_error *err) {
  const sm_fs *fs = options != NULL && options->fs != NULL ? options->fs : sm_fs_local();
  char first[4] = "";
  sm_file file;
  SM_TRY(fs->open(&file, fs, "", path, 0, err));
  sm_status status = file.size >= sizeof first ? fs->read_at(fs, &file, 0, first, sizeof first, err) : SM_OK;
  fs->close(fs, &file);
  if (status != SM_OK || npz_is(first, sizeof first)) return status;
  return failure(err, SM_DATA_LOSS, "%.200s: no npz file, which is a zip archive", path);
}

sm_status npz_open(npz *out, const char *path, const sm_open_options *options, sm_error *err) {
  *out = (npz){.path = path};
  SM_TRY(check_kind(path, options, err));
  SM_TRY(sm_fs_archive_open(&out->fs, path, options, err));
  return find_arrays(out, err);
}

void npz_close(npz *in) {
  free_list(&(list){.names = in->names, .n = in->n});
  sm_fs_close(in->fs);
  *in = (npz){.path = NULL};
}

size_t npz_find(const npz *in, const char *name) {
  size_t size = strlen(name), suffix_size = sizeof suffix - 1;
  for (size_t i = 0; i < in->n; i++) {
    if (strcmp(in->names[i], name) == 0) return i;
    if (size == strlen(in->names[i]) + suffix_size && strncmp(in->names[i], name, size - suffix_size) == 0 &&
        strcmp(name + size - suffix_size, suffix) == 0)
      return i;
  }
  return in->n;
}

/* ---- Elements ---- */

/* The whole member, mapped, or, where that is not possible, in memory that *memory has. */
static sm_status get_member(const void **data, size_t *size, void **memory, const npz *in, const char *member,
                            sm_error *err) {
  sm_file file;
  *memory = NULL;
  SM_TRY(in->fs->open(&file, in->fs, "", member, 0, err));
  sm_status status = SM_OK;
  *size = (size_t)file.size;
  if (file.size > SIZE_MAX - 1) {
    status = failure_no_memory(err);
  } else if (in->fs->map != NULL) {
    status = in->fs->map(data, in->fs, &file, err);
  } else {
    *data = *memory = malloc(*size + 1);
    status = *memory != NULL ? in->fs->read_at(in->fs, &file, 0, *memory, *size, err) : failure_no_memory(err);
    if (status != SM_OK) free(*memory);
  }
  in->fs->close(in->fs, &file);
  return status;
}

static bool lies_in(const void *p, const void *data, size_t size) { return (uintptr_t)p - (uintptr_t)data <= size; }

sm_status npz_read(array *out, const npz *in, size_t i, sm_dtype wanted, sm_error *err) {
  const void *data;
  void *memory;
  size_t size;
  char member[MAX_PATH], shown[600];
  *out = (array){.memory = NULL};
  snprintf(member, sizeof member, "%s%s", in->names[i], suffix);
  snprintf(shown, sizeof shown, "%.250s: member %.250s", in->path, member);
  SM_TRY(get_member(&data, &size, &memory, in, member, err));
  sm_status status = npy_read(out, shown, data, size, wanted, err);
  bool is_needed = status == SM_OK && (out->view.dtype == SM_DT_STRING || lies_in(out->view.data, data, size));
  if (memory != NULL) {
    if (is_needed)
      out->file = memory;
    else
      free(memory);
  } else if (is_needed) {
    out->fs = in->fs;
    out->map = data;
    out->map_size = size;
  } else {
    in->fs->unmap(in->fs, data, size);
  }
  return status;
}
