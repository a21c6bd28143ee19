/* Text that grows. */
#ifndef SM_CLI_TEXT_H
#define SM_CLI_TEXT_H

#include <stdbool.h>
#include <stddef.h>

typedef struct text {
  char *data; /* not terminated */
  size_t size, capacity;
  bool is_short; /* there was no memory for all of it */
} text;

void text_put(text *to, const char *data, size_t size);
void text_put_string(text *to, const char *string);
void text_put_many(text *to, char c, size_t n);

/* Room for size more bytes behind what is there; NULL: no memory. The caller adds to size what it fills in. */
char *text_reserve(text *to, size_t size);

void text_free(text *to);

#endif
