/*
 * Checkpoints by hand, right ones and wrong ones. Written for the tests alone, with a checksum of its own, so that it can
 * be believed. Formats: tensor_bundle.proto, LevelDB's doc/table_format.md.
 */
#ifndef SM_TESTS_SUPPORT_BUNDLE_MAKER_H
#define SM_TESTS_SUPPORT_BUNDLE_MAKER_H

#include <savedmodel/bundle.h>

#include "support/wire_writer.h"

enum { B_MAX_SHARDS = 4, B_MAX_KEY = 256 };

typedef struct b_row {
  char key[B_MAX_KEY];
  size_t key_size;
  w_buffer value;
} b_row;

/* Start with b_begin; rows may be added in any order. */
typedef struct b_bundle {
  b_row *rows;
  size_t n_rows;
  w_buffer shards[B_MAX_SHARDS];
  int32_t n_shards;
  bool no_header;
  w_buffer index; /* what b_finish makes */
} b_bundle;

/* What BundleEntryProto says; b_put_entry leaves out what is 0, as proto3 does. */
typedef struct b_entry {
  int32_t dtype, rank;
  const int64_t *dims;
  int32_t shard;
  int64_t offset, size;
  uint32_t crc32c;
} b_entry;

void b_begin(b_bundle *b, int32_t n_shards);
void b_free(b_bundle *b);

/* The masked crc32c of some bytes, a bit at a time. */
uint32_t b_crc(const void *data, size_t size);

/* A row of the index, and one that is a whole entry; slices may be put behind it with b_put_slice. Until the next row. */
w_buffer *b_row_of(b_bundle *b, const void *key, size_t key_size);
w_buffer *b_put_entry(b_bundle *b, const void *key, size_t key_size, const b_entry *entry);
void b_put_slice(w_buffer *entry, const sm_extent *extents, size_t rank);

/* Appends bytes to a shard: their offset. */
int64_t b_put_data(b_bundle *b, int32_t shard, const void *data, size_t size);

/* A whole tensor with its data. */
w_buffer *b_put_tensor(b_bundle *b, const char *key, int32_t dtype, const int64_t *dims, int32_t rank, int32_t shard,
                       const void *data, size_t size);

/* The key of a part, whose name and numbers are simple: no byte 00 or FF, numbers below 64. */
void b_slice_key(w_buffer *out, const char *key, const sm_extent *extents, int32_t rank);

/* The part of a tensor: its entry under its own key, which is not in the list of the tensor yet. */
w_buffer *b_put_part(b_bundle *b, const char *key, int32_t dtype, const sm_extent *extents, const int64_t *dims,
                     int32_t rank, int32_t shard, const void *data, size_t size);

/* Sorts and makes the index: with a header unless there is a row for "" already. */
void b_finish(b_bundle *b);

/* Into dir/name.index, dir/name.data-...; or into a memory file system, borrowed. */
void b_write(const b_bundle *b, const char *dir, const char *name);
void b_add_to(const b_bundle *b, sm_fs *fs, const char *name);

#endif
