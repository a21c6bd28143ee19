/* Riegeli files by hand, whole ones and damaged ones. Positions are counted byte by byte, not with the formulas of the
 * format, so that they can be believed; the hash is the library's, which has its own test. */
#ifndef SM_TESTS_SUPPORT_RIEGELI_WRITER_H
#define SM_TESTS_SUPPORT_RIEGELI_WRITER_H

#include "support/wire_writer.h"

/* Start with {0}, then r_begin; r_free at the end. */
typedef struct r_file {
  w_buffer bytes;         /* written so far */
  w_buffer sizes, values; /* of the records of the chunk that is not written yet */
  uint64_t n_records;
  char compression; /* 0, 'b', 'z' of chunks to come */
} r_file;

void r_begin(r_file *file); /* the signature */
void r_free(r_file *file);

/* Adds to the chunk that r_flush writes. Returns the record's position. */
uint64_t r_add(r_file *file, const void *data, size_t size);
void r_flush(r_file *file);

/* A chunk of any kind, its hashes right; with block headers where they belong and padding. */
void r_chunk(r_file *file, char type, const void *data, size_t size, uint64_t n_records, uint64_t decoded_size);

/* The data of a simple chunk, to be changed before it is written. Compressed buffers get their size in front. */
void r_simple_data(w_buffer *out, char compression, const w_buffer *sizes, const w_buffer *values);

#endif
