/* The files of a checkpoint. */
#include <inttypes.h>

#include "checkpoint/checkpoint_internal.h"
#include "io/staging.h"

/* ---- Names ---- */

bool sm_numbered_prefix(char *dst, size_t dst_size, const char *prefix, int64_t number, int n_digits) {
  int n = snprintf(dst, dst_size, "%s-%0*" PRId64, prefix, n_digits, number);
  return n >= 0 && (size_t)n < dst_size;
}

/* ---- Which there are ---- */

typedef struct measure {
  const char *base;
  sm_saved *saved;
} measure;

static sm_status count_file(void *ctx, const sm_dir_entry *entry, sm_error *err) {
  measure *m = ctx;
  int32_t shard, n_shards;
  char index[SM_PATH_MAX];
  (void)err;
  bool is_shard = sm_shard_name_parse(&shard, &n_shards, m->base, entry->name);
  if (is_shard) m->saved->n_shards++;
  if (is_shard || (sm_index_name(index, sizeof index, m->base) && strcmp(entry->name, index) == 0))
    m->saved->n_bytes += entry->size;
  return SM_OK;
}

sm_status sm_saved_measure(sm_saved *saved, const sm_fs *fs, const char *prefix, sm_error *err) {
  char dir[SM_PATH_MAX];
  measure m = {.saved = saved};
  saved->n_bytes = 0;
  saved->n_shards = 0;
  if (!sm_prefix_split(dir, sizeof dir, &m.base, prefix))
    return SM_FAIL(err, SM_INVALID_ARGUMENT, "%.200s: the path is too long", prefix);
  return fs->list(fs, dir, "", 0, count_file, &m, err);
}

/* ---- Removing them ---- */

typedef struct removal {
  const sm_fs *fs;
  const char *dir, *base;
} removal;

static sm_status remove_shard(void *ctx, const sm_dir_entry *entry, sm_error *err) {
  const removal *r = ctx;
  int32_t shard, n_shards;
  (void)err;
  if (sm_shard_name_parse(&shard, &n_shards, r->base, entry->name))
    (void)r->fs->remove(r->fs, r->dir, entry->name, NULL);
  return SM_OK;
}

void sm_checkpoint_remove_files(const sm_fs *fs, const char *prefix, bool has_meta) {
  char dir[SM_PATH_MAX], name[SM_PATH_MAX];
  removal r = {.fs = fs, .dir = dir};
  if (!sm_prefix_split(dir, sizeof dir, &r.base, prefix)) return;
  if (sm_index_name(name, sizeof name, r.base)) (void)fs->remove(fs, dir, name, NULL);
  (void)fs->list(fs, dir, "", 0, remove_shard, &r, NULL);
  int n = snprintf(name, sizeof name, "%s.meta", r.base);
  if (has_meta && n > 0 && (size_t)n < sizeof name) (void)fs->remove(fs, dir, name, NULL);
}

/* ---- Files that are replaced whole ---- */

static sm_status stage(const sm_staging *staging, const char *staged, sm_span bytes, bool no_sync, sm_error *err) {
  const sm_fs *fs = staging->fs;
  sm_file file;
  SM_TRY(fs->create(&file, fs, staging->dir, staged, err));
  sm_status status = fs->write(fs, &file, bytes.data, bytes.size, err);
  if (status == SM_OK && !no_sync) status = fs->sync(fs, &file, err);
  fs->close(fs, &file);
  return status;
}

sm_status sm_file_replace(const char *dir, const char *name, sm_span bytes, const sm_save_options *options,
                          sm_error *err) {
  const sm_fs *fs = options->fs;
  sm_staging staging;
  char staged[SM_PATH_MAX];
  SM_TRY(sm_staging_open(&staging, fs, dir, name, err));
  sm_status status = sm_staging_name(staged, sizeof staged, &staging, "new")
                         ? stage(&staging, staged, bytes, options->no_sync, err)
                         : SM_FAIL(err, SM_INVALID_ARGUMENT, "%.200s: the name is too long", name);
  if (status == SM_OK) status = fs->rename(fs, staging.dir, staged, name, err);
  if (status != SM_OK) (void)fs->remove(fs, staging.dir, staged, NULL);
  if (status == SM_OK && !options->no_sync) status = sm_staging_sync(&staging, err);
  sm_staging_close(&staging, status != SM_OK);
  return status;
}
