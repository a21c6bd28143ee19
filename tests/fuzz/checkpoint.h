/* What fuzz_bundle and fuzz_v1 share: tables made of messages, and a checkpoint read in every way there is. */
#ifndef SM_TESTS_FUZZ_CHECKPOINT_H
#define SM_TESTS_FUZZ_CHECKPOINT_H

#include <savedmodel/bundle.h>

#include "fuzz.h"
#include "support/wire_writer.h"
#include "wire/wire.h"

/* ---- Tables ---- */

/* An entry of a table; in the input a message of key = 1, value = 2 and a TensorSliceProto = 3, which is there if the key
 * is that of a slice: chance would not find these. */
typedef struct table_entry {
  w_buffer key, value;
} table_entry;

enum { MAX_ENTRIES = 128 };

typedef struct table_entries {
  table_entry items[MAX_ENTRIES];
  size_t n;
} table_entries;

enum { ENTRY_KEY = 1, ENTRY_VALUE = 2, ENTRY_SLICE = 3 };

void entries_add(table_entries *entries, sm_span message);
void entries_free(table_entries *entries);

/* Appends a sound table, with that many entries to a block. */
void entries_write(w_buffer *file, table_entries *entries, size_t per_block, bool is_compressed);

/* Puts the checksums of a table's blocks right, as far as they can be found. */
void table_repair(uint8_t *data, size_t size);

/* The parts of a message. */
sm_wire_reader parts_of(sm_span message, sm_wire_source *source);

/* ---- Reading ---- */

/* The checkpoint "c/m" in fs: opened, listed, read, viewed, read in slices, verified, copied; mapped and not. What is
 * wrong ends the program. how: an sm_verify in the lowest bits, all of it by chance. */
void read_checkpoint(const sm_fs *fs, unsigned how);

#endif
