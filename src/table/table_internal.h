/* Inside table/: the numbers of the format, and what is inside one block. */
#ifndef SM_TABLE_TABLE_INTERNAL_H
#define SM_TABLE_TABLE_INTERNAL_H

#include "table/table.h"

enum { TRAILER_SIZE = 5, FOOTER_SIZE = 48, MAGIC_SIZE = 8, RESTART_SIZE = 4 };

enum { COMPRESSION_NONE = 0, COMPRESSION_SNAPPY = 1 };

static const uint64_t TABLE_MAGIC = 0xDB4775248B80FB57; /* format.h: kTableMagicNumber */

/* The same bytes. None of them may be at NULL, to which nothing can be added, not even 0. */
static inline sm_string sm_addressed(sm_string bytes) { return bytes.size != 0 ? bytes : (sm_string){"", 0}; }

/* The contents of a block, decompressed. */
typedef struct sm_block {
  const uint8_t *data;
  size_t size; /* of the entries; the restarts follow */
  size_t n_restarts;
} sm_block;

typedef struct sm_block_entry {
  size_t shared; /* bytes of the key before that begin this key too */
  sm_string tail;
  sm_string value;
  size_t next; /* where the entry behind begins */
} sm_block_entry;

/* Errors of all: DATA_LOSS; places in messages and in err->offset count from the beginning of the block. */

/* Finds the parts of the block; looks at none of the entries. */
sm_status sm_block_init(sm_block *out, const uint8_t *data, size_t size, sm_error *err);

/* Reads the entry at the offset at, which is below block->size. key_size: of the key before, 0 for the first. */
sm_status sm_block_read(sm_block_entry *out, const sm_block *block, size_t at, size_t key_size, sm_error *err);

/*
 * Walks over all: entries fill the block, their keys do not descend, and each restart is where one begins with its
 * whole key. So a binary search finds what a walk would.
 *
 * key       an empty buffer: the last key afterwards.
 * n         entries.
 * at_least  no key is below this one.
 */
sm_status sm_block_check(sm_buffer *key, size_t *n, const sm_block *block, sm_string at_least, sm_error *err);

/*
 * Finds the first entry whose key is not below start: the key is the first entry->shared bytes of start, then the tail.
 *
 * found  false: all are below; entry is undefined then.
 * Safe for blocks that no longer are what sm_block_check saw.
 */
sm_status sm_block_seek(sm_block_entry *entry, bool *found, const sm_block *block, sm_string start, sm_error *err);

#endif
