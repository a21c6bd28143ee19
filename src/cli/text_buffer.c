#include "cli/text_buffer.h"

#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "cli/utf8_text.h"

char *text_reserve(text_buffer *to, size_t size) {
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

void text_put(text_buffer *to, const char *data, size_t size) {
  char *dst = size != 0 ? text_reserve(to, size) : NULL;
  if (dst == NULL) return;
  memcpy(dst, data, size);
  to->size += size;
}

void text_put_string(text_buffer *to, const char *string) { text_put(to, string, strlen(string)); }

void text_put_many(text_buffer *to, char c, size_t n) {
  char *dst = n != 0 ? text_reserve(to, n) : NULL;
  if (dst == NULL) return;
  memset(dst, c, n);
  to->size += n;
}

void text_free(text_buffer *to) {
  free(to->data);
  *to = (text_buffer){.data = NULL};
}

int text_compare(sm_string a, sm_string b) {
  size_t size = a.size < b.size ? a.size : b.size;
  int order = size != 0 ? memcmp(a.data, b.data, size) : 0;
  return order != 0 ? order : a.size < b.size ? -1 : a.size > b.size;
}

bool text_is_utf8(const char *bytes, size_t size) {
  for (size_t at = 0, n; at < size; at += n) {
    n = utf8_char_size(bytes + at, size - at);
    if (n == 0) return false;
  }
  return true;
}

size_t text_encode_utf8(char *dst, uint32_t point) {
  static const unsigned char leads[] = {0, 0, 0xC0, 0xE0, 0xF0};
  size_t n = point < 0x80 ? 1 : point < 0x800 ? 2 : point < 0x10000 ? 3 : 4;
  for (size_t i = n - 1; i > 0; i--, point >>= 6) dst[i] = (char)(0x80 | (point & 0x3F));
  dst[0] = (char)(leads[n] | point);
  return n;
}
