/* Text that grows, and UTF-8. */
#ifndef SM_CLI_TEXT_BUFFER_H
#define SM_CLI_TEXT_BUFFER_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include <savedmodel/status.h>

typedef struct text_buffer {
  char *data; /* not terminated */
  size_t size, capacity;
  bool is_short; /* there was no memory for all of it */
} text_buffer;

void text_put(text_buffer *to, const char *data, size_t size);
void text_put_string(text_buffer *to, const char *string);
void text_put_many(text_buffer *to, char c, size_t n);

/* Room for size more bytes behind what is there; NULL: no memory. The caller adds to size what it fills in. */
char *text_reserve(text_buffer *to, size_t size);

void text_free(text_buffer *to);

/* By their bytes: below 0, 0, above 0. */
int text_compare(sm_string a, sm_string b);

/* Strict UTF-8: no overlong forms, no surrogates. */
bool text_is_utf8(const char *bytes, size_t size);

/* Writes a character, at most four bytes; returns how many. */
size_t text_encode_utf8(char *dst, uint32_t point);

#endif
