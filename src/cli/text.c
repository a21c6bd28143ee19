#include "cli/text.h"

#include <stdint.h>
#include <stdlib.h>
#include <string.h>

char *text_reserve(text *to, size_t size) {
  if (to->data != NULL && size <= to->capacity - to->size) return to->data + to->size;
  size_t capacity = to->capacity > SIZE_MAX / 4 ? SIZE_MAX : 2 * to->capacity + 64;
  if (size > SIZE_MAX - to->size) return NULL;
  if (capacity < to->size + size) capacity = to->size + size;
  char *data = realloc(to->data, capacity);
  to->is_short |= data == NULL;
  if (data == NULL) return NULL;
  to->data = data;
  to->capacity = capacity;
  return data + to->size;
}

void text_put(text *to, const char *data, size_t size) {
  char *dst = size != 0 ? text_reserve(to, size) : NULL;
  if (dst == NULL) return;
  memcpy(dst, data, size);
  to->size += size;
}

void text_put_string(text *to, const char *string) { text_put(to, string, strlen(string)); }

void text_put_many(text *to, char c, size_t n) {
  char *dst = n != 0 ? text_reserve(to, n) : NULL;
  if (dst == NULL) return;
  memset(dst, c, n);
  to->size += n;
}

void text_free(text *to) {
  free(to->data);
  *to = (text){.data = NULL};
}
