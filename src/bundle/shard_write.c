/* Small pieces are gathered so that the file system is called with a megabyte at a time; large ones go to it from where
 * they lie, in pieces of which the checksum is computed just before, while they are in the cache. */
#include "bundle/writer_internal.h"
#include "codec/crc32c.h"

/* From here on a copy costs more than a call. */
enum { LARGE = 1 << 18, PIECE = 1 << 20 };

sm_status sm_shard_out_open(sm_shard_out *shard, const sm_fs *fs, const char *dir, const char *name, uint8_t *buffer,
                            size_t capacity, sm_error *err) {
  *shard = (sm_shard_out){.fs = fs, .buffer = buffer, .capacity = capacity};
  SM_TRY(fs->create(&shard->file, fs, dir, name, err));
  shard->is_open = true;
  return SM_OK;
}

static sm_status flush(sm_shard_out *shard, sm_error *err) {
  size_t used = shard->used;
  shard->used = 0;
  return used != 0 ? shard->fs->write(shard->fs, &shard->file, shard->buffer, used, err) : SM_OK;
}

/* Into the buffer, as often as it takes. */
static sm_status gather(sm_shard_out *shard, const uint8_t *data, size_t size, bool sum_up, sm_error *err) {
  while (size != 0) {
    if (shard->used == shard->capacity) SM_TRY(flush(shard, err));
    size_t room = shard->capacity - shard->used, n = size < room ? size : room;
    if (sum_up)
      shard->crc = sm_crc32c_copy(shard->crc, shard->buffer + shard->used, data, n);
    else
      memcpy(shard->buffer + shard->used, data, n);
    shard->used += n;
    data += n;
    size -= n;
  }
  return SM_OK;
}

static sm_status pass_on(sm_shard_out *shard, const uint8_t *data, size_t size, bool sum_up, sm_error *err) {
  SM_TRY(flush(shard, err));
  while (size != 0) {
    size_t n = size < PIECE ? size : PIECE;
    if (sum_up) shard->crc = sm_crc32c_extend(shard->crc, data, n);
    SM_TRY(shard->fs->write(shard->fs, &shard->file, data, n, err));
    data += n;
    size -= n;
  }
  return SM_OK;
}

static sm_status put(sm_shard_out *shard, const void *data, size_t size, bool sum_up, sm_error *err) {
  shard->size += size;
  return size < LARGE ? gather(shard, data, size, sum_up, err) : pass_on(shard, data, size, sum_up, err);
}

sm_status sm_shard_out_put(sm_shard_out *shard, const void *data, size_t size, sm_error *err) {
  return put(shard, data, size, true, err);
}

sm_status sm_shard_out_put_known(sm_shard_out *shard, const void *data, size_t size, sm_error *err) {
  return put(shard, data, size, false, err);
}

sm_status sm_shard_out_align(sm_shard_out *shard, uint64_t alignment, sm_error *err) {
  static const uint8_t zeros[4096];
  uint64_t missing = (0 - shard->size) & (alignment - 1);
  while (missing != 0) {
    size_t n = missing < sizeof zeros ? (size_t)missing : sizeof zeros;
    SM_TRY(put(shard, zeros, n, false, err));
    missing -= n;
  }
  return SM_OK;
}

void sm_shard_out_close(sm_shard_out *shard) {
  if (shard->is_open) shard->fs->close(shard->fs, &shard->file);
  shard->is_open = false;
}

sm_status sm_shard_out_finish(sm_shard_out *shard, bool no_sync, sm_error *err) {
  sm_status status = flush(shard, err);
  if (status == SM_OK && !no_sync) status = shard->fs->sync(shard->fs, &shard->file, err);
  sm_shard_out_close(shard);
  return status;
}
