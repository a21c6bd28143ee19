/* Models inside archives. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "cli/cli.h"

/* How deep a model is looked for, the top being the first level, and how many are named when there are several. */
enum { MAX_LEVELS = 4, MAX_SHOWN = 8 };

bool cli_is_model(const sm_fs *fs, const char *dir) {
  if (fs == NULL) fs = sm_fs_local();
  static const char *const names[] = {SM_FILE_SAVED_MODEL_PB, SM_FILE_SAVED_MODEL_PBTXT, SM_FILE_SAVED_MODEL_CPB};
  sm_dir_entry entry;
  for (size_t i = 0; i < sizeof names / sizeof names[0]; i++)
    if (fs->stat(&entry, fs, dir, names[i], 0, NULL) == SM_OK && entry.kind == SM_FILE_REGULAR) return true;
  return false;
}

/* Directories found so far, those of one level behind those of the one above. */
typedef struct search {
  const sm_fs *fs;
  char **dirs;
  size_t n, capacity;
  const char *parent; /* of those that are being listed */
} search;

static bool join(char *dst, size_t dst_size, const char *dir, const char *name) {
  int n = snprintf(dst, dst_size, "%s%s%s", dir, *dir != '\0' && *name != '\0' ? "/" : "", name);
  return n >= 0 && (size_t)n < dst_size;
}

/* False: no memory. */
static bool add_dir(search *s, const char *dir) {
  if (s->n == s->capacity) {
    size_t capacity = s->capacity == 0 ? 16 : 2 * s->capacity;
    char **dirs = realloc(s->dirs, capacity * sizeof *dirs);
    if (dirs == NULL) return false;
    s->dirs = dirs;
    s->capacity = capacity;
  }
  size_t size = strlen(dir) + 1;
  char *copy = malloc(size);
  if (copy == NULL) return false;
  memcpy(copy, dir, size);
  s->dirs[s->n++] = copy;
  return true;
}

static sm_status add_child(void *ctx, const sm_dir_entry *entry, sm_error *err) {
  search *s = ctx;
  char dir[sizeof((cli_storage *)0)->dir];
  if (entry->kind != SM_FILE_DIRECTORY || !join(dir, sizeof dir, s->parent, entry->name)) return SM_OK;
  if (add_dir(s, dir)) return SM_OK;
  *err = (sm_error){.code = SM_RESOURCE_EXHAUSTED, .offset = UINT64_MAX, .message = "out of memory"};
  return SM_RESOURCE_EXHAUSTED;
}

static int refuse_several(const search *s, const size_t *found, size_t n, const char *path) {
  char list[1024] = "";
  size_t used = 0;
  for (size_t i = 0; i < n && i < MAX_SHOWN; i++) {
    int size = snprintf(list + used, sizeof list - used, "%s%.100s", i != 0 ? ", " : "", s->dirs[found[i]]);
    if (size > 0) used += (size_t)size; /* eight times a hundred bytes fit */
  }
  return cli_fail("%s holds several models: %s%s; name one of them, as %s/%s", path, list, n > MAX_SHOWN ? ", ..." : "",
                  path, s->dirs[found[0]]);
}

/* The directory that holds a model and is not below as many others as the rest are. Left "" when there is none. */
static int find_model(search *s, char *dir, size_t dir_size, bool *is_found, const char *path) {
  sm_error err;
  size_t begin = 0;
  *is_found = false;
  if (!add_dir(s, "")) return cli_fail("out of memory");
  for (unsigned level = 0; level < MAX_LEVELS; level++) {
    size_t end = s->n, found[MAX_SHOWN + 1], n = 0;
    for (size_t i = begin; i < end && n <= MAX_SHOWN; i++)
      if (cli_is_model(s->fs, s->dirs[i])) found[n++] = i;
    if (n > 1) return refuse_several(s, found, n, path);
    *is_found = n == 1;
    if (n == 1) return join(dir, dir_size, s->dirs[found[0]], "") ? CLI_OK : CLI_FAILED;
    for (size_t i = begin; i < end; i++) {
      s->parent = s->dirs[i];
      if (s->fs->list(s->fs, s->parent, "", 0, add_child, s, &err) != SM_OK) return cli_fail_status(&err);
    }
    begin = end;
  }
  return CLI_OK;
}

/* The part of path that is a file on disk: its length, 0 when there is none. */
static size_t file_part(const char *path) {
  char part[sizeof((cli_storage *)0)->dir];
  size_t size = strlen(path);
  if (size >= sizeof part) return 0;
  memcpy(part, path, size + 1);
  for (;;) {
    sm_dir_entry entry;
    sm_status status = sm_fs_local()->stat(&entry, sm_fs_local(), part, "", 0, NULL);
    if (status == SM_OK) return entry.kind == SM_FILE_REGULAR ? size : 0;
    while (size > 0 && part[size - 1] != '/') size--;
    while (size > 0 && part[size - 1] == '/') size--;
    if (size == 0 || status != SM_NOT_FOUND) return 0;
    part[size] = '\0';
  }
}

int cli_storage_open(cli_storage *storage, const char *path) {
  sm_error err;
  char file[sizeof storage->dir];
  size_t size = file_part(path);
  if (size == 0) return CLI_OK;
  memcpy(file, path, size);
  file[size] = '\0';
  sm_status status = sm_fs_archive_open(&storage->fs, file, NULL, &err);
  if (status == SM_INVALID_ARGUMENT) return CLI_OK; /* no archive: what is wrong with path is said by who opens it */
  if (status != SM_OK) return cli_fail_status(&err);
  bool is_found = true;
  int code = CLI_OK;
  const char *inner = path + size + strspn(path + size, "/");
  if (*inner != '\0') {
    (void)join(storage->dir, sizeof storage->dir, inner, "");
  } else {
    search s = {.fs = storage->fs};
    code = find_model(&s, storage->dir, sizeof storage->dir, &is_found, path);
    for (size_t i = 0; i < s.n; i++) free(s.dirs[i]);
    free(s.dirs);
  }
  (void)join(storage->shown_dir, sizeof storage->shown_dir, file, storage->dir); /* has room for both */
  if (*storage->dir == '\0') memcpy(storage->dir, ".", 2);                       /* reads better in messages */
  if (code != CLI_OK || !is_found) cli_storage_close(storage);
  return code;
}

void cli_storage_close(cli_storage *storage) {
  sm_fs_close(storage->fs);
  storage->fs = NULL;
}
