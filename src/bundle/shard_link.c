/* Data files of a checkpoint that exists, among the staged ones of a checkpoint that is being made. */
#include "bundle/writer_internal.h"

enum { COPY_SIZE = 1 << 20 };

static sm_status copy_bytes(const sm_fs *to, sm_file *dst, const sm_fs *from, const sm_file *src, sm_buffer *scratch,
                            sm_error *err) {
  SM_TRY(sm_buffer_reserve(scratch, COPY_SIZE, err));
  for (uint64_t at = 0; at < src->size;) {
    size_t n = src->size - at < COPY_SIZE ? (size_t)(src->size - at) : COPY_SIZE;
    SM_TRY(from->read_at(from, src, at, scratch->data, n, err));
    SM_TRY(to->write(to, dst, scratch->data, n, err));
    at += n;
  }
  return SM_OK;
}

static sm_status copy_file(const sm_staging *staging, const char *staged, const sm_root *root, const char *name,
                           bool no_sync, sm_buffer *scratch, sm_error *err) {
  const sm_fs *to = staging->fs, *from = root->fs;
  sm_file src, dst;
  SM_TRY(from->open(&src, from, root->dir, name, 0, err));
  sm_status status = to->create(&dst, to, staging->dir, staged, err);
  if (status != SM_OK) goto done;
  scratch->size = 0;
  status = copy_bytes(to, &dst, from, &src, scratch, err);
  if (status == SM_OK && !no_sync) status = to->sync(to, &dst, err);
  to->close(to, &dst);
done:
  from->close(from, &src);
  return status;
}

sm_status sm_shard_stage(const sm_staging *staging, int32_t number, const sm_bundle_reader *reader, int32_t shard,
                         bool no_sync, sm_buffer *scratch, sm_error *err) {
  const sm_fs *fs = staging->fs;
  const sm_root *root = &reader->root;
  char name[SM_PATH_MAX], staged[SM_PATH_MAX];
  sm_error failure;
  if (!sm_shard_name(name, sizeof name, reader->base, shard, reader->header.n_shards) ||
      !sm_staged_shard_name(staged, sizeof staged, staging, number))
    return SM_FAIL(err, SM_INVALID_ARGUMENT, "%.200s: the name is too long", reader->base);
  sm_status status = SM_UNIMPLEMENTED;
  if (fs->link != NULL && fs == root->fs) status = fs->link(fs, root->dir, name, staging->dir, staged, &failure);
  if (status == SM_UNIMPLEMENTED) return copy_file(staging, staged, root, name, no_sync, scratch, err);
  if (status != SM_OK && err != NULL) *err = failure;
  return status;
}
