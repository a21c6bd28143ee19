/*
 * table: sorted string tables. The index of every tensor bundle is one, and a checkpoint of version 1 as a whole. Keys
 * and values are bytes; what they mean is for others to know.
 *
 *   file      := data_block* metaindex_block index_block footer
 *   block     := contents type:u8 crc:u32                  crc32c, masked, of contents and type; type 1: snappy
 *   contents  := entry* restart:u32* n_restarts:u32        restarts: where entries begin that have their whole key
 *   entry     := shared unshared value_size key_tail value three varints; shared: bytes of the key before
 *   footer    := metaindex_handle index_handle padding magic:u64         48 bytes
 *   handle    := offset size                               two varints; of the contents
 *
 * The index block has an entry for each data block: a key that is not below its last one and below the first of the
 * next, and its handle. Integers are little-endian. Sources: tsl/lib/io/table_builder.cc, block_builder.cc, block.cc,
 * format.cc, table.cc; LevelDB, doc/table_format.md.
 *
 *   block.c        what is inside one block
 *   table_read.c   opening, finding, walking
 *   table_write.c  writing, with the bytes that TensorFlow writes
 */
#ifndef SM_TABLE_TABLE_H
#define SM_TABLE_TABLE_H

#include "base/base.h"
#include "io/io.h"

/* ---- Reading ---- */

/* An open table. shared. */
typedef struct sm_table sm_table;

typedef struct sm_table_options {
  sm_verify verify;              /* SM_VERIFY_NONE: checksums are not looked at; all else is checked all the same */
  uint64_t max_bytes;            /* of decompressed blocks and the list of blocks together; 0: sm_default_max_bytes */
  const sm_allocator *allocator; /* NULL: malloc */
} sm_table_options;

/*
 * Opens the table that is in file, which belongs to the table from then on; when this fails it stays the caller's.
 *
 * path     for messages; copied.
 * options  NULL: defaults.
 *
 * Cost: reads the footer and the index block, one entry for 256 KiB of file. A data block is checked when it is first
 *   used: its checksum, its entries, their order; what is compressed is decompressed then, and kept. One that is
 *   damaged fails whoever needs it, each time, and nobody else.
 * Errors, of all that read: DATA_LOSS, with the block and the place in the file; RESOURCE_EXHAUSTED.
 */
sm_status sm_table_open(sm_table **out, sm_bytes *file, const char *path, const sm_table_options *options,
                        sm_error *err);
void sm_table_close(sm_table *table);

/*
 * The value of key, of the first when there are several.
 *
 * value  borrowed until sm_table_close, not terminated; {NULL, 0} when this fails.
 *
 * NOT_FOUND leaves err alone: the caller knows better what is missing, and looking for what may not be there is cheap.
 */
sm_status sm_table_find(sm_string *value, const sm_table *table, sm_string key, sm_error *err);

/* Where a value lies in the file; SM_NO_OFFSET in a block that was compressed. */
uint64_t sm_table_value_offset(const sm_table *table, sm_string value);

/*
 * A walk over the entries in the order of their keys, in memory for one key. exclusive; any number at a time.
 *
 *   sm_table_iter iter;
 *   sm_table_iter_init(&iter, table);
 *   sm_status status = sm_table_iter_seek(&iter, start, err);
 *   for (; status == SM_OK && iter.is_valid; status = sm_table_iter_next(&iter, err)) use(iter.key, iter.value);
 *   sm_table_iter_free(&iter);
 *
 * Whoever copies keys out must limit the sum of their sizes: prefixes are shared, so it can be the square of the
 * file's.
 */
typedef struct sm_table_iter {
  bool is_valid;   /* at an entry; false before seek, behind the last entry and after an error */
  sm_string key;   /* until the next call; not terminated */
  sm_string value; /* until sm_table_close; not terminated */

  /* the iterator's own */
  const sm_table *table;
  size_t block, next; /* the entry behind this one: which block, and where in it */
  sm_buffer key_bytes;
} sm_table_iter;

/* Allocates nothing. */
void sm_table_iter_init(sm_table_iter *iter, const sm_table *table);
void sm_table_iter_free(sm_table_iter *iter);

/* To the first entry whose key is not below start; "" is the first of all. */
sm_status sm_table_iter_seek(sm_table_iter *iter, sm_string start, sm_error *err);

/* To the entry behind a valid one; does nothing when there is none. */
sm_status sm_table_iter_next(sm_table_iter *iter, sm_error *err);

/* ---- Writing ---- */

/* Where the bytes of a table go, in order: a file, memory. */
typedef struct sm_table_sink {
  sm_status (*write)(void *ctx, const void *data, size_t size, sm_error *err);
  void *ctx;
} sm_table_sink;

/* A table that is being written, with the bytes that TensorFlow's writers give the same entries: no compression, blocks
 * of 256 KiB. exclusive. Memory: one block, and an index entry for each. */
typedef struct sm_table_writer sm_table_writer;

/* allocator  NULL: malloc. */
sm_status sm_table_writer_new(sm_table_writer **out, sm_table_sink sink, const sm_allocator *allocator, sm_error *err);

/* Whatever was not finished is left as it is in the sink. */
void sm_table_writer_free(sm_table_writer *writer);

/*
 * Adds an entry behind all others.
 *
 * Errors: INVALID_ARGUMENT key is not above the last one, or key or value has 4 GiB or more: nothing was added, go on;
 *   RESOURCE_EXHAUSTED, those of the sink: the table is spoilt, and every further call fails the same way.
 */
sm_status sm_table_writer_add(sm_table_writer *writer, sm_string key, sm_string value, sm_error *err);

/* Writes what is left, the index and the footer. The last call but for free. */
sm_status sm_table_writer_finish(sm_table_writer *writer, sm_error *err);

#endif
