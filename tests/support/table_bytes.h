/* Tables by hand, sound and damaged ones. Written for the tests alone and shares nothing with src/, so that it can be
 * believed. Format: src/table/table.h. */
#ifndef SM_TESTS_SUPPORT_TABLE_BYTES_H
#define SM_TESTS_SUPPORT_TABLE_BYTES_H

#include "support/wire_writer.h"

typedef struct t_handle {
  uint64_t offset, size;
} t_handle;

enum { T_PLAIN = 0, T_SNAPPY = 1, T_TRAILER_SIZE = 5, T_FOOTER_SIZE = 48 };

/* Contents of a block: entries, then their end. */
void t_entry(w_buffer *block, uint64_t shared, const void *tail, size_t tail_size, const void *value,
             size_t value_size);
void t_text(w_buffer *block, uint64_t shared, const char *tail, const char *value);
void t_index(w_buffer *block, uint64_t shared, const char *tail, t_handle handle);
void t_le32(w_buffer *block, uint32_t value);
void t_restarts(w_buffer *block, const uint32_t *restarts, size_t n);
void t_one_restart(w_buffer *block); /* at 0 */

/* Puts a block and its trailer at the end of file, and makes contents empty. The checksum is right. */
t_handle t_block(w_buffer *file, w_buffer *contents, uint8_t type);

/* Contents as a snappy block of literals. */
void t_compress(w_buffer *contents);

/* An empty metaindex block, the index block and the footer. */
void t_finish(w_buffer *file, w_buffer *index);
void t_footer(w_buffer *file, t_handle metaindex, t_handle index);

/* A table of one data block with that key in the index; contents are empty afterwards. */
void t_table(w_buffer *file, w_buffer *contents, const char *bound);

/* Makes the checksum of a block right again. */
void t_repair(w_buffer *file, t_handle handle);

#endif
