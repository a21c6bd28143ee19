/* Inside bundle/: what its files tell each other. */
#ifndef SM_BUNDLE_BUNDLE_INTERNAL_H
#define SM_BUNDLE_BUNDLE_INTERNAL_H

#include <stdatomic.h>

#include "base/base.h"
#include "bundle/bundle.h"
#include "table/table.h"
#include "tensor/slice.h"
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
sm_status sm_header_read(sm_bundle_header *out, sm_span value, const sm_wire_source *source, sm_arena *arena,
                         sm_error *err);

/* Sets what a VersionDef says, and checks it against the version that is read here. */
sm_status sm_header_read_version(sm_bundle_header *out, sm_span version, const sm_wire_source *source, sm_arena *arena,
                                 sm_error *err);

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

/* The slices of an entry as they are listed, those of a V1 tensor in one piece too; as sm_bundle_entry_next_slice. */
sm_status sm_entry_next_slice(sm_extent *extents, const sm_bundle_entry *entry, uint64_t *position, sm_error *err);

/* ---- parts.c ---- */

/* A stored piece of a tensor: all of it, or a slice. */
typedef struct sm_part {
  sm_string key;        /* the tensor's */
  const sm_extent *box; /* what it is of the tensor */
  const void *id;       /* its entry's place in the index, which stands for it in sm_seen */
  int32_t shard;        /* the rest is not for V1 */
  uint32_t crc32c;
  uint64_t offset, size;
  sm_span values; /* V1: TensorProto with one field, the elements */
} sm_part;

typedef struct sm_parts {
  const sm_part *items;
  size_t n;
} sm_parts;

/*
 * The stored parts that have something of wanted, a box in entry's tensor: they cover it, and each element is in one of
 * them. Of a tensor that is stored whole there is one, *whole, and nothing is allocated.
 *
 * whole, whole_box  room for that part and for its entry->rank extents.
 *
 * Errors: DATA_LOSS parts are missing, overlap, or are not what the tensor needs; those of sm_box_check_cover.
 */
sm_status sm_parts_find(sm_parts *out, sm_part *whole, sm_extent *whole_box, const sm_bundle_reader *reader,
                        const sm_bundle_entry *entry, const sm_extent *wanted, sm_arena *arena, sm_error *err);

/* The part that is stored under a slice of entry's list. box, which *part points to, is the slice. scratch is for the
 * key. DATA_LOSS: it is not there, or not what the tensor needs. */
sm_status sm_part_find(sm_part *part, sm_extent *box, const sm_bundle_reader *reader, const sm_bundle_entry *entry,
                       const sm_extent *slice, sm_buffer *scratch, sm_error *err);

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

/* The data file that a part lies in; all of its bytes are inside. DATA_LOSS: they are not. */
sm_status sm_shard_of(sm_shard **out, const sm_bundle_reader *reader, const sm_part *part, sm_error *err);

/* Copies size bytes from at, counted from the part's first, and extends *crc with them unless that is NULL. */
sm_status sm_shard_read(void *dst, size_t size, uint32_t *crc, const sm_shard *shard, uint64_t at,
                        const sm_bundle_reader *reader, const sm_part *part, sm_error *err);

/* Extends *crc with size bytes from at of the part. */
sm_status sm_shard_crc(uint32_t *crc, size_t size, const sm_shard *shard, uint64_t at, const sm_bundle_reader *reader,
                       const sm_part *part, sm_error *err);

/* So much of mapped memory is read through before it is given back. */
enum { SM_SHARD_PIECE = 64 << 20 };

/* Bytes of a mapped data file that were read through, counted from its first, are given back if that is worth it. */
void sm_shard_release(const sm_shard *shard, uint64_t offset, size_t size);

/* DATA_LOSS unless crc is the part's. */
sm_status sm_part_compare(uint32_t crc, const sm_bundle_reader *reader, const sm_part *part, sm_error *err);

/* Checks a part that is mapped, unless it was before or tensors are not checked. */
sm_status sm_part_check(const sm_shard *shard, const sm_bundle_reader *reader, const sm_part *part, sm_error *err);

/* A failure in the bytes of a part: the data file, the key, and what is wrong. */
__attribute__((format(printf, 5, 6))) sm_status sm_part_fail(const sm_bundle_reader *reader, const sm_part *part,
                                                             sm_status code, sm_error *err, const char *format, ...);

/* ---- seen.c ---- */

/* A set of addresses. shared. */
enum { SM_SEEN_TABLES = 20 };
typedef struct sm_seen {
  _Atomic(atomic_uintptr_t *) tables[SM_SEEN_TABLES];
} sm_seen;

bool sm_seen_has(const sm_seen *seen, const void *address);
void sm_seen_add(sm_seen *seen, const void *address, const sm_allocator *allocator);
void sm_seen_free(sm_seen *seen, const sm_allocator *allocator);

/* ---- v1_files.c, v1_index.c, v1_values.c ---- */

/* Field numbers: proto/saved_tensor_slice.proto. */
enum {
  SLICES_META = 1,
  SLICES_DATA = 2,
  SLICE_META_TENSOR = 1,
  SLICE_META_VERSIONS = 2,
  META_NAME = 1,
  META_SHAPE = 2,
  META_TYPE = 3,
  META_SLICE = 4,
  SAVED_SLICE_DATA = 3
};

typedef struct sm_v1_tensor {
  sm_string name;
  sm_string entry; /* a BundleEntryProto with dtype, shape and slices, even of tensors in one piece */
} sm_v1_tensor;

/* An open V1 checkpoint. */
typedef struct sm_v1_index {
  sm_table **files;
  size_t n_files;
  const sm_v1_tensor *tensors; /* sorted by name */
  size_t n_tensors;
} sm_v1_index;

/* Opens the checkpoint that reader->root and base name: the file, or the files of a sharded one. Sets reader->v1 and
 * header. NOT_FOUND: there are none. */
sm_status sm_v1_open(sm_bundle_reader *reader, sm_error *err);
void sm_v1_close(sm_v1_index *v1);

/* Fills in the tensors of the files, and the versions in reader->header. */
sm_status sm_v1_index_tensors(sm_v1_index *v1, sm_bundle_reader *reader, sm_error *err);

/* Index of the first tensor whose name is not below start. */
size_t sm_v1_lower_bound(const sm_v1_index *v1, sm_string start);

/* Sets part->values to what is stored under key. NOT_FOUND, and err left alone: nothing is. */
sm_status sm_v1_find_part(sm_part *part, const sm_v1_index *v1, const sm_bundle_reader *reader, sm_string key,
                          sm_error *err);

/* Copies what a part has of wanted to dst; sm_strings point into the file. */
sm_status sm_v1_copy_part(void *dst, const sm_extent *wanted, const sm_bundle_reader *reader,
                          const sm_bundle_entry *entry, const sm_part *part, sm_error *err);

/* ---- reader.c ---- */

struct sm_bundle_reader {
  const sm_allocator *allocator;
  sm_verify verify;
  uint64_t max_bytes;    /* of the options: 0 is the default */
  sm_arena arena;        /* names; the index of V1 */
  sm_root root;          /* where the files lie */
  const char *base;      /* PREFIX without its directory */
  sm_wire_source source; /* the index; for messages */
  sm_bundle_header header;
  sm_table *index; /* of V2 */
  sm_v1_index *v1; /* of V1 */
  sm_mutex lock;   /* taken to open a data file */
  _Atomic(sm_shard *) *shards;
  atomic_uint_fast64_t n_file_bytes; /* of what is open */
  sm_seen seen;
};

/* Are tensors checked when they are used? */
static inline bool sm_reader_checks(const sm_bundle_reader *reader) {
  return reader->verify == SM_VERIFY_DEFAULT || reader->verify == SM_VERIFY_ALL;
}

/* Ceiling of memory for something made of the files that are open. */
uint64_t sm_reader_limit(const sm_bundle_reader *reader);

/* RESOURCE_EXHAUSTED: more than these files have themselves, and than the ceiling. */
sm_status sm_reader_check_limit(const sm_bundle_reader *reader, sm_string key, uint64_t size, sm_error *err);

/* Does the byte order of the numbers differ from the machine's? */
static inline bool sm_reader_turns(const sm_bundle_reader *reader) {
  return reader->header.big_endian != (__BYTE_ORDER__ == __ORDER_BIG_ENDIAN__);
}

/* ---- bundle_read.c ---- */

/* The box that slice is, NULL being all. INVALID_ARGUMENT: it is not inside, or entry is not reader's. */
sm_status sm_read_box(sm_extent *box, const sm_bundle_reader *reader, const sm_bundle_entry *entry,
                      const sm_slice_spec *slice, sm_error *err);

/* Copies the numbers in wanted, a box which parts cover. */
sm_status sm_parts_copy(void *dst, const sm_extent *wanted, const sm_bundle_reader *reader,
                        const sm_bundle_entry *entry, sm_parts parts, sm_error *err);

/* As sm_bundle_reader_read_entry_tensor; is_in_place: in the mapped file where it can be. */
sm_status sm_tensor_read(sm_tensor **out, const sm_bundle_reader *reader, const sm_bundle_entry *entry,
                         const sm_slice_spec *slice, bool is_in_place, sm_error *err);

/* ---- strings.c ---- */

/* The same of strings and variants, as a tensor. arena is for what is needed on the way. */
sm_status sm_strings_read(sm_tensor **out, const sm_extent *wanted, const sm_bundle_reader *reader,
                          const sm_bundle_entry *entry, sm_parts parts, sm_arena *arena, sm_error *err);

/* Reads them of a part as it is stored, and checks all that can be. */
sm_status sm_strings_check(const sm_bundle_reader *reader, const sm_bundle_entry *entry, const sm_part *part,
                           sm_error *err);

/* ---- pieces.c ---- */

/*
 * Work on many parts, by several threads. A large part of numbers is cut into pieces, so that all threads have something to
 * do; the checksums of these are joined.
 */
typedef struct sm_job sm_job;
struct sm_job {
  sm_part part;
  uint8_t *dst;       /* NULL: checked only */
  uint8_t order_size; /* bytes to be turned round in dst; 1: none */
  bool is_checked;    /* the checksum is compared */
  sm_status status;   /* out */
  sm_error *error;    /* out: NULL unless status is not SM_OK, and even then when there is no memory for it */
  sm_status (*run)(sm_job *job, sm_error *err); /* not NULL: called instead, for what is not one row of numbers */
  void *ctx;                                    /* run's */
};

/* Does the jobs, about in their order: that of their bytes in the files is the fastest (sm_job_is_before). Errors of jobs
 * are left in them. RESOURCE_EXHAUSTED: no memory for the list of pieces. */
sm_status sm_jobs_run(sm_job *jobs, size_t n, const sm_bundle_reader *reader, const sm_restore_options *options,
                      sm_error *err);
bool sm_job_is_before(const void *a, const void *b);
void sm_jobs_free_errors(sm_job *jobs, size_t n, const sm_bundle_reader *reader);

#endif
