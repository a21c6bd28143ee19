/*
 * Inside bundle/: what writing a checkpoint is made of.
 *
 *   index_build.c   the entries until they are written: kept small, sorted at the end
 *   shard_write.c   a data file: gathers small pieces, passes large ones on, sums up checksums
 *   encode.c        a tensor as bytes of a data file
 *   cut.c           tensors cut so that data files stay below a size
 *   commit.c        names: from those of staging to those of a checkpoint
 *   shard_link.c    data files that are there already, taken over
 *   bundle_merge.c  several checkpoints become one
 *   writer.c        opening, finishing, closing
 *   writer_add.c    adding
 *   writer_copy.c   adding what another checkpoint has
 */
#ifndef SM_BUNDLE_WRITER_INTERNAL_H
#define SM_BUNDLE_WRITER_INTERNAL_H

#include "bundle/bundle_internal.h"
#include "io/staging.h"
#include "table/table.h"
#include "tensor/slice.h"

/* ---- index_build.c ---- */

/* Where a tensor's bytes lie. */
typedef struct sm_place {
  int32_t shard;
  uint32_t crc32c; /* masked */
  uint64_t offset;
  uint64_t size;
} sm_place;

typedef struct sm_index_part sm_index_part;

/* An entry. Its bytes are the key, then fields dtype and shape as they will be written. */
typedef struct sm_index_entry {
  const char *bytes;
  uint32_t key_size;
  uint32_t head_size;
  sm_place place;
  sm_index_part *first_part, *last_part; /* what a tensor was saved in; NULL: it is whole */
} sm_index_entry;

typedef struct sm_index {
  const sm_allocator *allocator;
  sm_arena arena; /* keys, heads, parts */
  sm_index_entry *entries;
  uint32_t n, capacity;
  uint32_t *slots; /* by the hash of the key: number of the entry + 1, or 0 */
  uint32_t n_slots;
  sm_buffer scratch; /* for keys, heads and values that are being made */
} sm_index;

void sm_index_init(sm_index *index, const sm_allocator *allocator);
void sm_index_free(sm_index *index);

/* The entry of that key; NULL. */
sm_index_entry *sm_index_find(const sm_index *index, sm_string key);

/*
 * Adds an entry, its place still to be filled in; until more are added *number leads to it.
 *
 * Errors: ALREADY_EXISTS there is one of that key; INVALID_ARGUMENT the key is too long; RESOURCE_EXHAUSTED. The index is
 *   then as it was.
 */
sm_status sm_index_add(uint32_t *number, sm_index *index, sm_string key, sm_dtype dtype, const int64_t *dims,
                       int32_t rank, sm_error *err);

/* What the adding of a tensor, or of a part of one, would fail with but for memory. */
sm_status sm_index_check(sm_index *index, sm_string key, sm_dtype dtype, const int64_t *dims, int32_t rank,
                         bool is_part, sm_error *err);

/* Adds a tensor that is saved in parts, unless it is there with the same dtype and shape, and to it a part; the part's own
 * entry is for the caller to add. Errors: as above; ALREADY_EXISTS it is there as a whole; INVALID_ARGUMENT it differs. */
sm_status sm_index_add_part(uint32_t *number, sm_index *index, sm_string key, sm_dtype dtype, const int64_t *dims,
                            const sm_slice_spec *slice, sm_error *err);

/* Takes back the last part that was added, and the tensor when it has no other. */
void sm_index_drop_part(sm_index *index, uint32_t number);

/* What the header says. */
typedef struct sm_index_header {
  int32_t n_shards;
  bool big_endian;
  int32_t producer, min_consumer;
  const int32_t *bad_consumers;
  size_t n_bad_consumers;
} sm_index_header;

/* Writes the table. shard_ids: what the numbers of shards become; NULL: they stay. */
sm_status sm_index_write(sm_index *index, const sm_index_header *header, const int32_t *shard_ids, sm_table_sink sink,
                         sm_error *err);

/* ---- shard_write.c ---- */

/* A data file that is being written. exclusive. */
typedef struct sm_shard_out {
  const sm_fs *fs;
  sm_file file;
  bool is_open;
  uint64_t size; /* bytes so far, those in the buffer too */
  uint32_t crc;  /* of what was put since it was set to 0 */
  uint8_t *buffer;
  size_t used, capacity; /* of the buffer */
} sm_shard_out;

/* Makes the file. buffer stays the caller's. */
sm_status sm_shard_out_open(sm_shard_out *shard, const sm_fs *fs, const char *dir, const char *name, uint8_t *buffer,
                            size_t capacity, sm_error *err);

/* Appends bytes, and extends the crc by them. */
sm_status sm_shard_out_put(sm_shard_out *shard, const void *data, size_t size, sm_error *err);

/* The same with bytes whose crc the caller knows: crc is left alone. */
sm_status sm_shard_out_put_known(sm_shard_out *shard, const void *data, size_t size, sm_error *err);

/* Zeros, up to a multiple of alignment, that no crc counts. */
sm_status sm_shard_out_align(sm_shard_out *shard, uint64_t alignment, sm_error *err);

/* Writes what the buffer holds, syncs (or not) and closes. */
sm_status sm_shard_out_finish(sm_shard_out *shard, bool no_sync, sm_error *err);
void sm_shard_out_close(sm_shard_out *shard);

/* ---- encode.c ---- */

/* How tensors become bytes. scratch: for what is turned round or gathered; SM_SCRATCH_SIZE bytes. */
typedef struct sm_encoder {
  bool big_endian;
  uint8_t *scratch;
} sm_encoder;

enum { SM_SCRATCH_SIZE = 1 << 18 };

/* Refuses what cannot be stored: dtype, shape, and size that does not fit it; variants where big_endian. */
sm_status sm_encoder_check(const sm_encoder *encoder, const sm_tensor_view *tensor, sm_error *err);

/* Appends the part of tensor that lies in box (NULL: all), and leaves its crc, not masked, in shard->crc. */
sm_status sm_encode_tensor(const sm_encoder *encoder, sm_shard_out *shard, const sm_tensor_view *tensor,
                           const sm_extent *box, sm_error *err);

/* The same for numbers that come in pieces, cut anywhere. */
typedef struct sm_gatherer {
  const sm_encoder *encoder;
  sm_shard_out *shard;
  size_t order_size; /* 1: nothing is turned round */
  size_t used;       /* of scratch */
} sm_gatherer;

void sm_gatherer_begin(sm_gatherer *gatherer, const sm_encoder *encoder, sm_shard_out *shard, sm_dtype dtype);
sm_status sm_gatherer_put(sm_gatherer *gatherer, sm_span piece, sm_error *err);
sm_status sm_gatherer_finish(sm_gatherer *gatherer, sm_error *err);

/* ---- cut.c ---- */

/* Which data file the next piece goes to. */
typedef struct sm_cutter {
  uint64_t max_size; /* of a data file */
  uint64_t left;     /* in the present one */
  bool needs_next;   /* which is still to be begun */
} sm_cutter;

/* A tensor that is being cut: what is left is the box from at to the end of every dimension. */
typedef struct sm_cut {
  const int64_t *dims;
  int32_t rank;
  bool is_done;
  uint64_t left;         /* bytes */
  uint64_t element_size; /* as the policy counts it: strings as the longest of them */
  int64_t at[SM_MAX_RANK];
} sm_cut;

typedef enum sm_cut_target {
  SM_CUT_SAME,  /* the present data file */
  SM_CUT_NEXT,  /* a new one, which is the present one from then on */
  SM_CUT_ALONE, /* one of its own, for this piece only */
} sm_cut_target;

void sm_cutter_init(sm_cutter *cutter, uint64_t max_size);

/* key decides too: the policy takes the object graph for nothing. */
void sm_cut_begin(sm_cut *cut, sm_string key, const sm_tensor_view *tensor);

/* The next piece, whose extents box gets: all of the tensor when it is not cut. False when there are no more. */
bool sm_cut_next(sm_cutter *cutter, sm_cut *cut, sm_extent *box, sm_cut_target *target);

/* Where so many bytes go that cannot be cut. */
sm_cut_target sm_cutter_place(sm_cutter *cutter, uint64_t size);

/* ---- commit.c ---- */

/* Writes the index, for so many data files, into a staged file. */
typedef sm_status (*sm_index_fn)(void *ctx, int32_t n_shards, sm_table_sink sink, sm_error *err);

/* Staged data files, whole and synced, become a checkpoint. */
typedef struct sm_commit {
  sm_staging *staging;
  int32_t n_shards;
  const int32_t *shard_ids; /* what the number of a staged file becomes; NULL: it stays */
  bool overwrite, no_sync;
  sm_index_fn write_index;
  void *ctx;
} sm_commit;

/* ALREADY_EXISTS: there is a checkpoint, or data files without an index that no interrupted save has left. */
sm_status sm_commit_check(const sm_staging *staging, sm_error *err);

sm_status sm_commit_run(const sm_commit *commit, sm_error *err);

/* Removes staged files, of which some may not be there. */
void sm_commit_remove_staged(const sm_staging *staging, int32_t n_shards);

/* The name of the staged data file of that number. */
bool sm_staged_shard_name(char *dst, size_t dst_size, const sm_staging *staging, int32_t number);

/* ---- shard_link.c ---- */

/* Gives a data file of reader's checkpoint the staged name of that number too, or copies it where a file has one name only.
 * scratch: for copies. */
sm_status sm_shard_stage(const sm_staging *staging, int32_t number, const sm_bundle_reader *reader, int32_t shard,
                         bool no_sync, sm_buffer *scratch, sm_error *err);

/* ---- writer.c ---- */

/* A data file of the writer: one that it writes, or one of another checkpoint that it takes over. */
typedef struct sm_writer_shard {
  sm_shard_out out;
  const sm_bundle_reader *linked; /* whose it is; NULL: the writer's own */
  int32_t linked_shard;
  bool is_alone; /* holds one piece that is larger than data files should be: comes behind all others */
} sm_writer_shard;

struct sm_bundle_writer {
  const sm_allocator *allocator;
  sm_save_options options;
  char *base;
  sm_staging staging;
  sm_index index;
  sm_encoder encoder;
  sm_cutter cutter; /* max_size 0: nothing is cut */
  sm_writer_shard *shards;
  int32_t n_shards, shards_capacity;
  bool has_own;    /* when tensors are not cut: the data files were made */
  int32_t current; /* the data file that is being filled, when tensors are cut; -1: none */
  uint8_t *buffers;
  size_t buffer_size;
  sm_buffer key;     /* of a slice */
  sm_buffer scratch; /* for data files that are copied */
  bool is_finished;

  sm_status failed; /* what every call says from now on */
  sm_error failure;

  /* between begin and the last append */
  bool is_pending;
  uint32_t pending;
  uint64_t missing; /* bytes */
  sm_gatherer gatherer;
};

/* Makes the next data file, under its staged name. */
sm_status sm_writer_open_shard(sm_bundle_writer *writer, uint8_t *buffer, bool is_alone, sm_error *err);

/* Makes the data files that there are when tensors are not cut. */
sm_status sm_writer_open_own(sm_bundle_writer *writer, sm_error *err);

/* The number of a data file of another checkpoint, which is taken over when it was not before. */
sm_status sm_writer_link_shard(int32_t *number, sm_bundle_writer *writer, const sm_bundle_reader *reader, int32_t shard,
                               sm_error *err);

/* Begins every call but append: fails when an earlier one has, or a tensor is not whole. */
sm_status sm_writer_enter(sm_bundle_writer *writer, sm_error *err);

/* Ends a call that has begun to write: a failure is final. */
sm_status sm_writer_leave(sm_bundle_writer *writer, sm_status status, const sm_error *failure, sm_error *err);

/* ---- writer_add.c ---- */

/* What is added: a tensor, or a part of one. */
typedef struct sm_position {
  sm_string key;
  const int64_t *dims;        /* of the whole tensor */
  const sm_slice_spec *slice; /* NULL: it is no part */
} sm_position;

/* The data file with the least in it, so that they come out alike. The first call makes them, when tensors are not cut. */
sm_status sm_writer_least_filled(int32_t *number, sm_bundle_writer *writer, sm_error *err);

/* The entries of what is added, of which dims are the shape. Errors: those of sm_index_add and sm_index_add_part. */
sm_status sm_writer_add_entry(uint32_t *number, sm_bundle_writer *writer, const sm_position *at, sm_dtype dtype,
                              const int64_t *dims, int32_t rank, sm_error *err);

#endif
