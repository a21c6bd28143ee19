#include "io/staging.h"

#include "base/base.h"

/* ---- Directories ---- */

static bool is_dir(const sm_fs *fs, const char *dir) {
  sm_dir_entry found;
  return fs->stat(&found, fs, dir, "", 0, NULL) == SM_OK && found.kind == SM_FILE_DIRECTORY;
}

/* The part of dir that ends before its i-th byte. */
static void cut(char *dst, const char *dir, size_t i) {
  memcpy(dst, dir, i);
  dst[i] = '\0';
}

/* Makes what is missing of dir, from the top down. */
static sm_status make_dirs(sm_staging *staging, sm_error *err) {
  const sm_fs *fs = staging->fs;
  const char *dir = staging->dir;
  char part[SM_PATH_MAX];
  if (*dir == '\0' || is_dir(fs, dir)) return SM_OK;
  for (size_t i = 1; i <= strlen(dir); i++) {
    if ((dir[i] != '/' && dir[i] != '\0') || dir[i - 1] == '/') continue;
    cut(part, dir, i);
    if (is_dir(fs, part)) continue;
    sm_error failure;
    sm_status status = fs->mkdir(fs, part, "", &failure);
    if (status == SM_ALREADY_EXISTS && is_dir(fs, part)) continue; /* somebody else was faster */
    if (status != SM_OK) {
      if (err != NULL) *err = failure;
      return status;
    }
    if (staging->made_size == 0) staging->made_size = i;
  }
  return SM_OK;
}

/* From the bottom up, as long as they are empty. */
static void remove_dirs_made(const sm_staging *staging) {
  char part[SM_PATH_MAX];
  size_t size = strlen(staging->dir);
  for (size_t i = size; staging->made_size != 0 && i >= staging->made_size; i--) {
    if ((staging->dir[i] != '/' && staging->dir[i] != '\0') || staging->dir[i - 1] == '/') continue;
    cut(part, staging->dir, i);
    if (staging->fs->remove(staging->fs, part, "", NULL) != SM_OK) return;
  }
}

sm_status sm_staging_sync(const sm_staging *staging, sm_error *err) {
  const sm_fs *fs = staging->fs;
  char part[SM_PATH_MAX];
  if (fs->sync_dir == NULL) return SM_OK;
  SM_TRY(fs->sync_dir(fs, staging->dir, "", err));
  for (size_t size = strlen(staging->dir); staging->made_size != 0 && size >= staging->made_size;) {
    while (size > 0 && staging->dir[size - 1] != '/') size--; /* to the directory above */
    while (size > 1 && staging->dir[size - 1] == '/') size--;
    cut(part, staging->dir, size);
    SM_TRY(fs->sync_dir(fs, part, "", err));
    if (size <= 1) break;
  }
  return SM_OK;
}

/* ---- Names ---- */

static const char suffix[] = ".partial";

bool sm_staging_name(char *dst, size_t dst_size, const sm_staging *staging, const char *what) {
  int n = snprintf(dst, dst_size, "%s%s%s%s", staging->base, suffix, *what != '\0' ? "-" : "", what);
  return n >= 0 && (size_t)n < dst_size;
}

static bool is_staged(const sm_staging *staging, const char *name) {
  size_t base_size = strlen(staging->base), suffix_size = sizeof suffix - 1;
  if (strncmp(name, staging->base, base_size) != 0 || strncmp(name + base_size, suffix, suffix_size) != 0) return false;
  const char *what = name + base_size + suffix_size;
  if (*what++ != '-') return false;
  size_t n_digits = strspn(what, "0123456789"), n_letters = strspn(what, "abcdefghijklmnopqrstuvwxyz");
  return (n_digits != 0 && what[n_digits] == '\0') || (n_letters != 0 && what[n_letters] == '\0');
}

/* ---- Leftovers ---- */

static sm_status remove_leftover(void *ctx, const sm_dir_entry *entry, sm_error *err) {
  sm_staging *staging = ctx;
  if (!is_staged(staging, entry->name)) return SM_OK;
  staging->had_leftovers = true;
  return sm_tree_remove(staging->fs, staging->dir, entry->name, err);
}

/* ---- The lock ---- */

static sm_status take_lock(sm_staging *staging, const char *name, sm_error *err) {
  const sm_fs *fs = staging->fs;
  sm_dir_entry found;
  bool was_there = fs->stat(&found, fs, staging->dir, name, 0, NULL) == SM_OK;
  sm_status status = SM_UNIMPLEMENTED;
  if (fs->lock != NULL) status = fs->lock(&staging->lock, fs, staging->dir, name, err);
  if (status == SM_UNIMPLEMENTED) {
    status = fs->create(&staging->lock, fs, staging->dir, name, err);
    if (status == SM_ALREADY_EXISTS)
      return SM_FAIL(err, SM_ABORTED,
                     "%s/%s: another save is under way, or one was interrupted: then this file has to be removed",
                     staging->dir, name);
  }
  if (status == SM_ABORTED) return SM_FAIL(err, status, "%s/%s: another save is under way", staging->dir, name);
  staging->is_open = status == SM_OK;
  staging->had_leftovers = was_there;
  return status;
}

sm_status sm_staging_open(sm_staging *staging, const sm_fs *fs, const char *dir, const char *base, sm_error *err) {
  char name[SM_PATH_MAX];
  *staging = (sm_staging){.fs = fs, .base = base};
  if (!sm_path_join(staging->dir, sizeof staging->dir, dir, "") || !sm_staging_name(name, sizeof name, staging, ""))
    return SM_FAIL(err, SM_INVALID_ARGUMENT, "%.200s/%.200s: the path is too long", dir, base);
  if (fs->create == NULL || fs->write == NULL || fs->sync == NULL || fs->mkdir == NULL || fs->rename == NULL ||
      fs->remove == NULL)
    return SM_FAIL(err, SM_UNIMPLEMENTED, "%s/%s: the file system is read-only", dir, base);
  sm_status status = make_dirs(staging, err);
  if (status == SM_OK) status = take_lock(staging, name, err);
  if (status == SM_OK) status = fs->list(fs, staging->dir, "", 0, remove_leftover, staging, err);
  if (status != SM_OK) sm_staging_close(staging, true);
  return status;
}

void sm_staging_close(sm_staging *staging, bool remove_dirs) {
  char name[SM_PATH_MAX];
  if (staging->is_open) { /* removed while it is held: nobody can have taken it by then */
    if (sm_staging_name(name, sizeof name, staging, ""))
      (void)staging->fs->remove(staging->fs, staging->dir, name, NULL);
    staging->fs->close(staging->fs, &staging->lock);
  }
  if (remove_dirs && staging->fs != NULL) remove_dirs_made(staging);
  staging->is_open = false;
  staging->made_size = 0;
}
