#include <stdarg.h>

#include "bundle/bundle_internal.h"
#include "codec/crc32c.h"

/* ---- Messages ---- */

/* Where a data file lies, for messages; cut when long. */
typedef struct shard_path {
  char text[256];
} shard_path;

static shard_path path_of(const sm_bundle_reader *reader, int32_t number) {
  shard_path out;
  char name[SM_PATH_MAX];
  if (!sm_shard_name(name, sizeof name, reader->base, number, reader->header.n_shards)) *name = '\0';
  if (!sm_path_join(out.text, sizeof out.text, reader->root.dir, name)) { /* the end of it says more */
    size_t size = strlen(name), room = sizeof out.text - 1;
    memcpy(out.text, name + (size > room ? size - room : 0), (size > room ? room : size) + 1);
  }
  return out;
}

sm_status sm_part_fail(const sm_bundle_reader *reader, const sm_part *part, sm_status code, sm_error *err,
                       const char *format, ...) {
  char what[192];
  va_list args;
  va_start(args, format);
  vsnprintf(what, sizeof what, format, args);
  va_end(args);
  if (reader->v1 != NULL)
    return SM_FAIL(err, code, "%s: %s: %s", reader->source.name, sm_key_text_of(part->key).text, what);
  return sm_fail_at(err, code, part->offset, "%s: %s: byte %llu: %s", path_of(reader, part->shard).text,
                    sm_key_text_of(part->key).text, (unsigned long long)part->offset, what);
}

/* ---- Opening ---- */

static sm_status load(sm_shard *shard, const sm_root *root, const char *name, sm_error *err) {
  const sm_fs *fs = root->fs;
  SM_TRY(fs->open(&shard->file, fs, root->dir, name, root->flags, err));
  shard->size = shard->file.size;
  if (root->no_mmap || fs->map == NULL || shard->size == 0) return SM_OK;
  const void *data = NULL;
  sm_status status = fs->map(&data, fs, &shard->file, err);
  fs->close(fs, &shard->file);
  if (status != SM_OK) { /* the file system knew only the open file */
    sm_error_add_place(err, name);
    sm_error_add_place(err, root->dir);
    return status;
  }
  shard->data = data;
  return SM_OK;
}

static sm_status open_shard(sm_shard **out, const sm_bundle_reader *reader, int32_t number, sm_error *err) {
  char name[SM_PATH_MAX];
  if (!sm_shard_name(name, sizeof name, reader->base, number, reader->header.n_shards))
    return SM_FAIL(err, SM_INVALID_ARGUMENT, "%.200s: the path is too long", reader->base);
  sm_shard *shard = sm_new(reader->allocator, sm_shard);
  if (shard == NULL) return SM_FAIL_OOM(err, sizeof *shard);
  shard->fs = reader->root.fs;
  shard->allocator = reader->allocator;
  atomic_init(&shard->n_owners, 1);
  sm_status status = load(shard, &reader->root, name, err);
  if (status != SM_OK)
    sm_free(reader->allocator, shard);
  else
    *out = shard;
  return status;
}

sm_status sm_shard_get(sm_shard **out, const sm_bundle_reader *reader, int32_t number, sm_error *err) {
  sm_bundle_reader *writable = (sm_bundle_reader *)(uintptr_t)reader; /* its atomics and its lock */
  *out = atomic_load_explicit(&reader->shards[number], memory_order_acquire);
  if (*out != NULL) return SM_OK;
  sm_status status = SM_OK;
  sm_mutex_lock(&writable->lock);
  *out = atomic_load_explicit(&reader->shards[number], memory_order_acquire);
  if (*out == NULL) {
    status = open_shard(out, reader, number, err);
    if (status == SM_OK) {
      (void)atomic_fetch_add_explicit(&writable->n_file_bytes, (*out)->size, memory_order_relaxed);
      atomic_store_explicit(&writable->shards[number], *out, memory_order_release);
    }
  }
  sm_mutex_unlock(&writable->lock);
  return status;
}

void sm_shard_keep(sm_shard *shard) { (void)atomic_fetch_add_explicit(&shard->n_owners, 1, memory_order_relaxed); }

void sm_shard_let_go(sm_shard *shard) {
  if (shard == NULL || atomic_fetch_sub_explicit(&shard->n_owners, 1, memory_order_acq_rel) != 1) return;
  if (shard->data != NULL)
    shard->fs->unmap(shard->fs, shard->data, (size_t)shard->size);
  else
    shard->fs->close(shard->fs, &shard->file);
  sm_free(shard->allocator, shard);
}

/* ---- Reading ---- */

sm_status sm_shard_of(sm_shard **out, const sm_bundle_reader *reader, const sm_part *part, sm_error *err) {
  SM_TRY(sm_shard_get(out, reader, part->shard, err));
  if (part->offset <= (*out)->size && part->size <= (*out)->size - part->offset) return SM_OK;
  return sm_part_fail(reader, part, SM_DATA_LOSS, err, "%llu bytes, but the file ends at %llu",
                      (unsigned long long)part->size, (unsigned long long)(*out)->size);
}

/* Bytes read at once where the file is not mapped, so that they are still in the cache when their crc is computed. */
enum { READ_BLOCK = 256 << 10 };

static sm_status read_file(void *dst, size_t size, const sm_shard *shard, uint64_t offset,
                           const sm_bundle_reader *reader, const sm_part *part, sm_error *err) {
  sm_status status = shard->fs->read_at(shard->fs, &shard->file, offset, dst, size, err);
  if (status == SM_OUT_OF_RANGE) return sm_part_fail(reader, part, SM_DATA_LOSS, err, "the file became shorter");
  if (status != SM_OK) sm_error_add_place(err, path_of(reader, part->shard).text);
  return status;
}

/* Mapped memory that was read through counts as ours until it is given back: without this, a checkpoint would take its
 * size twice while it is copied. Views of it cost a page fault more. */
void sm_shard_release(const sm_shard *shard, uint64_t offset, size_t size) {
  enum { WORTH_A_CALL = 1 << 20 };
  if (size >= WORTH_A_CALL && shard->fs->release != NULL) shard->fs->release(shard->fs, shard->data + offset, size);
}

sm_status sm_shard_read(void *dst, size_t size, uint32_t *crc, const sm_shard *shard, uint64_t at,
                        const sm_bundle_reader *reader, const sm_part *part, sm_error *err) {
  uint8_t *p = dst;
  uint64_t offset = part->offset + at;
  if (size == 0) return SM_OK;
  if (shard->data != NULL) {
    if (crc != NULL)
      *crc = sm_crc32c_copy(*crc, p, shard->data + offset, size);
    else
      memcpy(p, shard->data + offset, size);
    sm_shard_release(shard, offset, size);
    return SM_OK;
  }
  for (size_t done = 0, n; done < size; done += n) {
    n = crc == NULL || size - done < READ_BLOCK ? size - done : READ_BLOCK;
    SM_TRY(read_file(p + done, n, shard, offset + done, reader, part, err));
    if (crc != NULL) *crc = sm_crc32c_extend(*crc, p + done, n);
  }
  return SM_OK;
}

sm_status sm_shard_crc(uint32_t *crc, size_t size, const sm_shard *shard, uint64_t at, const sm_bundle_reader *reader,
                       const sm_part *part, sm_error *err) {
  if (size == 0) return SM_OK;
  if (shard->data != NULL) {
    *crc = sm_crc32c_extend(*crc, shard->data + part->offset + at, size);
    sm_shard_release(shard, part->offset + at, size);
    return SM_OK;
  }
  size_t block_size = size < READ_BLOCK ? size : READ_BLOCK;
  uint8_t *block = sm_alloc(reader->allocator, block_size);
  if (block == NULL) return SM_FAIL_OOM(err, block_size);
  sm_status status = SM_OK;
  for (size_t done = 0, n; status == SM_OK && done < size; done += n) {
    n = size - done < block_size ? size - done : block_size;
    status = sm_shard_read(block, n, crc, shard, at + done, reader, part, err);
  }
  sm_free(reader->allocator, block);
  return status;
}

/* ---- Checksums ---- */

sm_status sm_part_compare(uint32_t crc, const sm_bundle_reader *reader, const sm_part *part, sm_error *err) {
  uint32_t masked = sm_crc32c_mask(crc);
  if (masked == part->crc32c) return SM_OK;
  return sm_part_fail(reader, part, SM_DATA_LOSS, err, "crc32c of %llu bytes is 0x%08x, the index says 0x%08x",
                      (unsigned long long)part->size, (unsigned)masked, (unsigned)part->crc32c);
}

/* A large part is given back piece by piece: whoever uses it next is not sure to want all of it at once. */
static uint32_t crc_of_mapped(const sm_shard *shard, const sm_part *part) {
  uint32_t crc = 0;
  for (uint64_t at = 0; at < part->size;) {
    size_t n = part->size - at < SM_SHARD_PIECE ? (size_t)(part->size - at) : SM_SHARD_PIECE;
    crc = sm_crc32c_extend(crc, shard->data + part->offset + at, n);
    if (part->size > SM_SHARD_PIECE) sm_shard_release(shard, part->offset + at, n);
    at += n;
  }
  return crc;
}

sm_status sm_part_check(const sm_shard *shard, const sm_bundle_reader *reader, const sm_part *part, sm_error *err) {
  if (!sm_reader_checks(reader) || sm_seen_has(&reader->seen, part->id)) return SM_OK;
  SM_TRY(sm_part_compare(crc_of_mapped(shard, part), reader, part, err));
  sm_seen_add(&((sm_bundle_reader *)(uintptr_t)reader)->seen, part->id, reader->allocator);
  return SM_OK;
}
