/*
 * Riegeli/records files, which saved_model.cpb is one of. Format: google/riegeli, doc/riegeli_records_file_format.md.
 *
 *   file    chunks, the first of them a signature; every 64 KiB a block header interrupts whatever lies there
 *   block   header_hash u64 | previous_chunk u64 | next_chunk u64 | ... (64 KiB with the header)
 *   chunk   header_hash u64 | data_size u64 | data_hash u64 | type u8 | num_records u56 | decoded_data_size u64
 *           | data | padding
 *   data    of a simple chunk: compression u8 | size varint | sizes of the records, varints | records
 *
 * Block headers serve seeking and recovery; here they are skipped.
 */
#ifndef SM_WIRE_RIEGELI_H
#define SM_WIRE_RIEGELI_H

#include "wire/wire.h"

typedef struct sm_riegeli_record {
  uint64_t position; /* its number in the file: where its chunk begins, plus which record of the chunk it is */
  sm_span bytes;     /* in the file, or in the arena */
} sm_riegeli_record;

typedef struct sm_riegeli_records {
  const sm_riegeli_record *items; /* in the order of the file, which is that of positions */
  size_t n;
} sm_riegeli_records;

/*
 * All records of a file. Hashes are verified, and sizes are compared with what there is before memory is taken from arena.
 * Errors: DATA_LOSS; UNIMPLEMENTED transposed chunks, or a compression that this build is without; RESOURCE_EXHAUSTED.
 */
sm_status sm_riegeli_read(sm_riegeli_records *out, const sm_wire_source *file, sm_arena *arena, sm_error *err);

/* The record at that position; NULL. */
const sm_riegeli_record *sm_riegeli_find(const sm_riegeli_records *records, uint64_t position);

#endif
