/* Inside bundle/: what its files tell each other. */
#ifndef SM_BUNDLE_BUNDLE_INTERNAL_H
#define SM_BUNDLE_BUNDLE_INTERNAL_H

#include <stdatomic.h>

#include "base/base.h"
#include "bundle/bundle.h"
#include "tensor/tensor.h"
#include "wire/wire.h"

/* Versions of both formats that are read here. Sources: core/public/version.h, TF_CHECKPOINT_VERSION (V1);
 * tensor_bundle.cc, kTensorBundleVersion. Nothing is too old. */
enum { CHECKPOINT_VERSION = 1 };

/* Field numbers: proto/tensor_bundle.proto, tensor_slice.proto. */
enum {
  HEADER_NUM_SHARDS = 1,
  HEADER_ENDIANNESS = 2,
  HEADER_VERSION = 3,
  ENTRY_DTYPE = 1,
  ENTRY_SHAPE = 2,
  ENTRY_SHARD_ID = 3,
  ENTRY_OFFSET = 4,
  ENTRY_SIZE = 5,
  ENTRY_CRC32C = 6,
  ENTRY_SLICES = 7
};

/* Data files of one checkpoint: their table is as long as the header says. */
enum { MAX_SHARDS = 1 << 20 };

/* ---- entry.c ---- */

/* Reads and checks the header, the value of the key "". DATA_LOSS; FAILED_PRECONDITION: made for newer readers. */
sm_status sm_header_read(sm_bundle_header *out, sm_span value, const sm_wire_source *source, sm_error *err);

/* Sets what VersionDef says, and checks it against the version that is read here. */
sm_status sm_header_read_version(sm_bundle_header *out, sm_span version, const sm_wire_source *source, sm_error *err);

/*
 * Reads and checks an entry: whatever is DATA_LOSS in sm_bundle_reader_find. source is the index, for messages and
 * sm_entry_fail, and must live as long as the entry; of it, entry holds its address and value.
 */
sm_status sm_entry_read(sm_bundle_entry *entry, sm_string key, sm_string value, const sm_bundle_header *header,
                        const sm_wire_source *source, sm_error *err);

/* DATA_LOSS: the index, the key, and what is wrong. */
__attribute__((format(printf, 3, 4))) sm_status sm_entry_fail(const sm_bundle_entry *entry, sm_error *err,
                                                              const char *format, ...);

/* A key for messages: NUL shown, cut when long. */
typedef struct sm_key_text {
  char text[160];
} sm_key_text;
sm_key_text sm_key_text_of(sm_string key);

/* ---- shards.c ---- */

/* A data file. Its mapping is shared by the reader and the tensors that lie in it; the last one to let go unmaps it. */
typedef struct sm_shard {
  const uint8_t *data; /* the whole file mapped; NULL: it is read */
  uint64_t size;
  const sm_fs *fs;
  sm_file file; /* open unless mapped */
  const sm_allocator *allocator;
  atomic_size_t n_owners;
} sm_shard;

/* The data file, opened when nobody has needed it before. Until close of the reader, or as long as it is kept. */
sm_status sm_shard_get(sm_shard **out, const sm_bundle_reader *reader, int32_t number, sm_error *err);
void sm_shard_keep(sm_shard *shard);
void sm_shard_let_go(sm_shard *shard);

/* The data file that entry, which is whole, lies in; all of its bytes are inside. DATA_LOSS: they are not. */
sm_status sm_shard_of(sm_shard **out, const sm_bundle_reader *reader, const sm_bundle_entry *entry, sm_error *err);

/* Copies bytes from inside of it, mapped or not; entry is for messages. */
sm_status sm_shard_read(void *dst, size_t size, const sm_shard *shard, uint64_t offset, const sm_bundle_reader *reader,
                        const sm_bundle_entry *entry, sm_error *err);

/* A failure in the bytes of entry: the data file, the key, and what is wrong. */
__attribute__((format(printf, 5, 6))) sm_status sm_shard_fail(const sm_bundle_reader *reader,
                                                              const sm_bundle_entry *entry, sm_status code,
                                                              sm_error *err, const char *format, ...);

/* ---- parts.c ---- */

/* The stored part of a sliced tensor as an entry of its own: its shape is that of the slice, its key the tensor's. scratch
 * is for the key. Not for V1. DATA_LOSS: it is not there, or not what the tensor needs. */
sm_status sm_part_find(sm_bundle_entry *part, const sm_bundle_reader *reader, const sm_bundle_entry *entry,
                       const sm_extent *extents, sm_buffer *scratch, sm_error *err);

#endif
