/* Protobuf bytes by hand. Written for the tests alone and shares nothing with src/, so that it can be believed. */
#ifndef SM_TESTS_SUPPORT_WIRE_WRITER_H
#define SM_TESTS_SUPPORT_WIRE_WRITER_H

#include <stddef.h>
#include <stdint.h>

/* A buffer that grows. Start with {0}; w_free at the end. Memory that is not to be had ends the program. */
typedef struct w_buffer {
  uint8_t *data;
  size_t size, capacity;
} w_buffer;

enum { W_VARINT = 0, W_FIXED64 = 1, W_BYTES = 2, W_GROUP = 3, W_GROUP_END = 4, W_FIXED32 = 5 };

void w_free(w_buffer *w);
void w_clear(w_buffer *w);

/* Without a tag. */
void w_raw(w_buffer *w, const void *data, size_t size);
void w_raw_varint(w_buffer *w, uint64_t value);

/* Fields. */
void w_tag(w_buffer *w, uint32_t number, unsigned type);
void w_varint(w_buffer *w, uint32_t number, uint64_t value);
void w_fixed32(w_buffer *w, uint32_t number, uint32_t value);
void w_fixed64(w_buffer *w, uint32_t number, uint64_t value);
void w_bytes(w_buffer *w, uint32_t number, const void *data, size_t size);
void w_text(w_buffer *w, uint32_t number, const char *text);
void w_message(w_buffer *w, uint32_t number, const w_buffer *message);

/* A message written in place: what is written between begin and end is its contents. */
size_t w_begin(w_buffer *w, uint32_t number);
void w_end(w_buffer *w, size_t begun);

/* An entry of a map with string keys whose value is a message: begin, write the value, end twice, last begun first. */
typedef struct w_entry {
  size_t entry, value;
} w_entry;
w_entry w_begin_entry(w_buffer *w, uint32_t number, const char *key);
void w_end_entry(w_buffer *w, w_entry begun);

/* Messages inside messages: levels times the field numbers of path, in turn, the outermost first; inner is the
 * innermost contents. Linear, so a hundred thousand levels are fine. */
void w_nest(w_buffer *w, const uint32_t *path, size_t path_len, size_t levels, const void *inner, size_t inner_size);

#endif
