/* Removing a directory with all that is in it. Links go, what they lead to stays. */
#include "base/base.h"
#include "io/io.h"

typedef struct tree_level {
  const sm_fs *fs;
  const char *root, *path;
  char next[SM_PATH_MAX]; /* a directory in it, which has to be emptied first; "": none */
} tree_level;

static sm_status remove_entry(void *ctx, const sm_dir_entry *entry, sm_error *err) {
  tree_level *level = ctx;
  char path[SM_PATH_MAX];
  bool is_dir = entry->kind == SM_FILE_DIRECTORY && !entry->is_symlink;
  if (is_dir && *level->next != '\0') return SM_OK;
  if (!sm_path_join(path, sizeof path, level->path, entry->name))
    return SM_FAIL(err, SM_INVALID_ARGUMENT, "%.200s/%.200s: the path is too long", level->path, entry->name);
  if (!is_dir) return level->fs->remove(level->fs, level->root, path, err);
  memcpy(level->next, path, strlen(path) + 1);
  return SM_OK;
}

/* To the directory above; "" is the root. */
static void cut_last_part(char *path) {
  char *slash = strrchr(path, '/');
  *(slash != NULL ? slash : path) = '\0';
}

sm_status sm_tree_remove(const sm_fs *fs, const char *root, const char *name, sm_error *err) {
  tree_level level = {.fs = fs, .root = root};
  char path[SM_PATH_MAX];
  sm_dir_entry found;
  sm_status status = fs->stat(&found, fs, root, name, 0, err);
  if (status != SM_OK && status != SM_NOT_FOUND) return status; /* a link that leads nowhere is not found, but there */
  if (status != SM_OK || found.kind != SM_FILE_DIRECTORY || found.is_symlink) return fs->remove(fs, root, name, err);
  if (!sm_path_join(path, sizeof path, name, "")) return SM_FAIL(err, SM_INVALID_ARGUMENT, "%.200s: too long", name);
  for (;;) {
    level.path = path;
    *level.next = '\0';
    SM_TRY(fs->list(fs, root, path, 0, remove_entry, &level, err));
    if (*level.next != '\0') {
      memcpy(path, level.next, strlen(level.next) + 1);
      continue;
    }
    SM_TRY(fs->remove(fs, root, path, err));
    if (strcmp(path, name) == 0) return SM_OK;
    cut_last_part(path);
  }
}
