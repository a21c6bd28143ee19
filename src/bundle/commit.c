/*
 * From names of staging to those of a checkpoint. The index is what makes one, so it gets its name last, and by one rename.
 *
 * A checkpoint of as many data files that is there already would lose them to the new ones before it loses its index.
 * Then the new data files first get names that are free, those of a larger number of files, with an index that says so:
 *
 *   BASE.data-00000-of-00002   new            BASE.data-00000-of-00001   old, then new
 *   BASE.index                 old, then new with 2 files, then new with 1 file
 *
 * At each step BASE.index leads to files that belong to it. The second names are links; where there are no links, the new
 * checkpoint keeps the larger number, of which some files are not there, as nothing lies in them.
 *
 * When no_sync is not set, each step reaches the disk before the next one.
 */
#include "bundle/writer_internal.h"

/* ---- What is there ---- */

typedef struct scan {
  const char *base;
  int32_t n_shards;
  bool has_index, has_data;
  bool has_same;     /* data files of that number of files */
  int32_t max_count; /* the largest number of files that a name has */
} scan;

static sm_status look_at(void *ctx, const sm_dir_entry *entry, sm_error *err) {
  scan *s = ctx;
  int32_t shard, n_shards;
  char index[SM_PATH_MAX];
  (void)err;
  if (sm_index_name(index, sizeof index, s->base) && strcmp(entry->name, index) == 0) s->has_index = true;
  if (!sm_shard_name_parse(&shard, &n_shards, s->base, entry->name)) return SM_OK;
  s->has_data = true;
  if (n_shards == s->n_shards) s->has_same = true;
  if (n_shards > s->max_count) s->max_count = n_shards;
  return SM_OK;
}

static sm_status scan_dir(scan *out, const sm_staging *staging, int32_t n_shards, sm_error *err) {
  *out = (scan){.base = staging->base, .n_shards = n_shards};
  return staging->fs->list(staging->fs, staging->dir, "", 0, look_at, out, err);
}

static sm_status check_free(const scan *found, const sm_staging *staging, sm_error *err) {
  if (found->has_index)
    return SM_FAIL(err, SM_ALREADY_EXISTS, "%s/%s: there is such a checkpoint already", staging->dir, staging->base);
  if (found->has_data && !staging->had_leftovers)
    return SM_FAIL(err, SM_ALREADY_EXISTS, "%s/%s: there are data files already, without an index", staging->dir,
                   staging->base);
  return SM_OK;
}

sm_status sm_commit_check(const sm_staging *staging, sm_error *err) {
  scan found;
  SM_TRY(scan_dir(&found, staging, 0, err));
  return check_free(&found, staging, err);
}

/* ---- Names ---- */

bool sm_staged_shard_name(char *dst, size_t dst_size, const sm_staging *staging, int32_t number) {
  char digits[16];
  snprintf(digits, sizeof digits, "%05d", (int)number);
  return sm_staging_name(dst, dst_size, staging, digits);
}

typedef struct shard_names {
  char staged[SM_PATH_MAX], final[SM_PATH_MAX];
} shard_names;

static sm_status name_shard(shard_names *out, const sm_commit *commit, int32_t number, int32_t n_shards,
                            sm_error *err) {
  const sm_staging *staging = commit->staging;
  int32_t shard = commit->shard_ids != NULL ? commit->shard_ids[number] : number;
  if (sm_staged_shard_name(out->staged, sizeof out->staged, staging, number) &&
      sm_shard_name(out->final, sizeof out->final, staging->base, shard, n_shards))
    return SM_OK;
  return SM_FAIL(err, SM_INVALID_ARGUMENT, "%.200s: the name is too long", staging->base);
}

static sm_status sync_names(const sm_commit *commit, sm_error *err) {
  return commit->no_sync ? SM_OK : sm_staging_sync(commit->staging, err);
}

static sm_status rename_shards(const sm_commit *commit, int32_t n_shards, int32_t *n_renamed, sm_error *err) {
  const sm_fs *fs = commit->staging->fs;
  shard_names names;
  for (*n_renamed = 0; *n_renamed < commit->n_shards; ++*n_renamed) {
    SM_TRY(name_shard(&names, commit, *n_renamed, n_shards, err));
    SM_TRY(fs->rename(fs, commit->staging->dir, names.staged, names.final, err));
  }
  return sync_names(commit, err);
}

/* Gives the data files called SHARD-of-n_from their other names, those of so many files as there are. */
static sm_status link_shards(const sm_commit *commit, int32_t n_from, sm_error *err) {
  const sm_staging *staging = commit->staging;
  const sm_fs *fs = staging->fs;
  if (fs->link == NULL) return SM_FAIL(err, SM_UNIMPLEMENTED, "a file has one name only");
  shard_names from, to;
  for (int32_t i = 0; i < commit->n_shards; i++) {
    SM_TRY(name_shard(&from, commit, i, n_from, err));
    SM_TRY(name_shard(&to, commit, i, commit->n_shards, err));
    SM_TRY(fs->link(fs, staging->dir, from.final, staging->dir, to.staged, err)); /* a link replaces nothing, */
    SM_TRY(fs->rename(fs, staging->dir, to.staged, to.final, err));               /* a rename does */
  }
  return sync_names(commit, err);
}

/* ---- The index ---- */

typedef struct file_sink {
  const sm_fs *fs;
  sm_file file;
} file_sink;

static sm_status write_file(void *ctx, const void *data, size_t size, sm_error *err) {
  file_sink *sink = ctx;
  return sink->fs->write(sink->fs, &sink->file, data, size, err);
}

static const char index_what[] = "index";

static sm_status stage_index(const sm_commit *commit, int32_t n_shards, sm_error *err) {
  const sm_fs *fs = commit->staging->fs;
  file_sink sink = {.fs = fs};
  char staged[SM_PATH_MAX];
  if (!sm_staging_name(staged, sizeof staged, commit->staging, index_what))
    return SM_FAIL(err, SM_INVALID_ARGUMENT, "%.200s: the name is too long", commit->staging->base);
  SM_TRY(fs->create(&sink.file, fs, commit->staging->dir, staged, err));
  sm_status status = commit->write_index(commit->ctx, n_shards, (sm_table_sink){write_file, &sink}, err);
  if (status == SM_OK && !commit->no_sync) status = fs->sync(fs, &sink.file, err);
  fs->close(fs, &sink.file);
  return status;
}

static sm_status rename_index(const sm_commit *commit, sm_error *err) {
  const sm_staging *staging = commit->staging;
  char staged[SM_PATH_MAX], name[SM_PATH_MAX];
  if (!sm_staging_name(staged, sizeof staged, staging, index_what) || !sm_index_name(name, sizeof name, staging->base))
    return SM_FAIL(err, SM_INVALID_ARGUMENT, "%.200s: the name is too long", staging->base);
  return staging->fs->rename(staging->fs, staging->dir, staged, name, err);
}

/* ---- What is not needed any more ---- */

static void remove_name(const sm_staging *staging, const char *name) {
  (void)staging->fs->remove(staging->fs, staging->dir, name, NULL);
}

typedef struct sweep {
  const sm_commit *commit;
  int32_t n_shards; /* data files of so many stay */
} sweep;

static sm_status sweep_name(void *ctx, const sm_dir_entry *entry, sm_error *err) {
  const sweep *s = ctx;
  int32_t shard, n_shards;
  (void)err;
  if (sm_shard_name_parse(&shard, &n_shards, s->commit->staging->base, entry->name) &&
      (n_shards != s->n_shards || shard >= s->commit->n_shards))
    remove_name(s->commit->staging, entry->name);
  return SM_OK;
}

/* Data files of checkpoints that were here before. They are not in the way: what cannot be removed stays. */
static void sweep_others(const sm_commit *commit, int32_t n_shards) {
  const sm_staging *staging = commit->staging;
  sweep s = {commit, n_shards};
  (void)staging->fs->list(staging->fs, staging->dir, "", 0, sweep_name, &s, NULL);
}

void sm_commit_remove_staged(const sm_staging *staging, int32_t n_shards) {
  char name[SM_PATH_MAX];
  if (!staging->is_open) return;
  if (sm_staging_name(name, sizeof name, staging, index_what)) remove_name(staging, name);
  for (int32_t i = 0; i < n_shards; i++)
    if (sm_staged_shard_name(name, sizeof name, staging, i)) remove_name(staging, name);
}

/* ---- All together ---- */

/* From here on there is the new checkpoint, when this succeeds, with n_shards in its names. */
static sm_status appear(const sm_commit *commit, int32_t n_shards, sm_error *err) {
  int32_t n_renamed = 0;
  SM_TRY(stage_index(commit, n_shards, err));
  sm_status status = rename_shards(commit, n_shards, &n_renamed, err);
  if (status == SM_OK) status = rename_index(commit, err);
  if (status == SM_OK) return sync_names(commit, err);
  shard_names names;
  while (n_renamed-- > 0)
    if (name_shard(&names, commit, n_renamed, n_shards, NULL) == SM_OK) remove_name(commit->staging, names.final);
  return status;
}

/* The checkpoint is there, with n_from in its names, and is to have the number that there are. *n_now is what the index says
 * then; when this fails both may be what comes back after a crash. */
static sm_status settle(const sm_commit *commit, int32_t n_from, int32_t *n_now) {
  *n_now = n_from;
  SM_TRY(link_shards(commit, n_from, NULL));
  SM_TRY(stage_index(commit, commit->n_shards, NULL));
  SM_TRY(rename_index(commit, NULL));
  *n_now = commit->n_shards;
  return sync_names(commit, NULL);
}

sm_status sm_commit_run(const sm_commit *commit, sm_error *err) {
  scan found;
  int32_t n_shards = commit->n_shards;
  SM_TRY(scan_dir(&found, commit->staging, n_shards, err));
  if (!commit->overwrite) SM_TRY(check_free(&found, commit->staging, err));
  bool is_taken = found.has_index && found.has_same;
  if (is_taken) n_shards = found.max_count + 1;
  if (n_shards > MAX_SHARDS)
    return SM_FAIL(err, SM_RESOURCE_EXHAUSTED, "%s/%s: %d data files, the limit is %d", commit->staging->dir,
                   commit->staging->base, (int)n_shards, (int)MAX_SHARDS);
  SM_TRY(appear(commit, n_shards, err));
  int32_t n_now = n_shards;
  bool is_settled = !is_taken || settle(commit, n_shards, &n_now) == SM_OK;
  if (found.has_data && (is_settled || n_now == n_shards)) sweep_others(commit, n_now);
  return SM_OK;
}
