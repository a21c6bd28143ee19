#include "support/wire_writer.h"

#include <stdlib.h>
#include <string.h>

static void reserve(w_buffer *w, size_t more) {
  if (w->capacity - w->size >= more) return;
  size_t capacity = w->capacity != 0 ? 2 * w->capacity : 256;
  while (capacity - w->size < more) capacity *= 2;
  uint8_t *data = realloc(w->data, capacity);
  if (data == NULL) abort();
  w->data = data;
  w->capacity = capacity;
}

void w_free(w_buffer *w) {
  free(w->data);
  *w = (w_buffer){0};
}

void w_clear(w_buffer *w) { w->size = 0; }

void w_raw(w_buffer *w, const void *data, size_t size) {
  reserve(w, size + 1);
  if (size != 0) memcpy(w->data + w->size, data, size);
  w->size += size;
}

static size_t put_varint(uint8_t *dst, uint64_t value) {
  size_t n = 0;
  do {
    dst[n] = (uint8_t)(value % 128 + (value >= 128 ? 128 : 0));
    value /= 128;
    n++;
  } while (value != 0);
  return n;
}

void w_raw_varint(w_buffer *w, uint64_t value) {
  uint8_t bytes[10];
  w_raw(w, bytes, put_varint(bytes, value));
}

void w_tag(w_buffer *w, uint32_t number, unsigned type) { w_raw_varint(w, (uint64_t)number * 8 + type); }

void w_varint(w_buffer *w, uint32_t number, uint64_t value) {
  w_tag(w, number, W_VARINT);
  w_raw_varint(w, value);
}

void w_fixed32(w_buffer *w, uint32_t number, uint32_t value) {
  w_tag(w, number, W_FIXED32);
  for (int i = 0; i < 4; i++) w_raw(w, &(uint8_t){(uint8_t)(value >> (8 * i))}, 1);
}

void w_fixed64(w_buffer *w, uint32_t number, uint64_t value) {
  w_tag(w, number, W_FIXED64);
  for (int i = 0; i < 8; i++) w_raw(w, &(uint8_t){(uint8_t)(value >> (8 * i))}, 1);
}

void w_bytes(w_buffer *w, uint32_t number, const void *data, size_t size) {
  w_tag(w, number, W_BYTES);
  w_raw_varint(w, size);
  w_raw(w, data, size);
}

void w_text(w_buffer *w, uint32_t number, const char *text) { w_bytes(w, number, text, strlen(text)); }

void w_message(w_buffer *w, uint32_t number, const w_buffer *message) {
  w_bytes(w, number, message->data, message->size);
}

size_t w_begin(w_buffer *w, uint32_t number) {
  w_tag(w, number, W_BYTES);
  return w->size;
}

/* Moves the contents to make room for their length. */
void w_end(w_buffer *w, size_t begun) {
  uint8_t length[10];
  size_t size = w->size - begun, n = put_varint(length, size);
  reserve(w, n);
  memmove(w->data + begun + n, w->data + begun, size);
  memcpy(w->data + begun, length, n);
  w->size += n;
}

w_entry w_begin_entry(w_buffer *w, uint32_t number, const char *key) {
  size_t entry = w_begin(w, number);
  w_text(w, 1, key);
  return (w_entry){entry, w_begin(w, 2)};
}

void w_end_entry(w_buffer *w, w_entry begun) {
  w_end(w, begun.value);
  w_end(w, begun.entry);
}

/* Written from the end to the front, where all lengths are known. */
void w_nest(w_buffer *w, const uint32_t *path, size_t path_len, size_t levels, const void *inner, size_t inner_size) {
  size_t n = levels * path_len, capacity = n * 20 + inner_size;
  uint8_t *made = malloc(capacity + 1);
  if (made == NULL) abort();
  size_t at = capacity - inner_size;
  if (inner_size != 0) memcpy(made + at, inner, inner_size);
  for (size_t i = n; i-- > 0;) {
    uint8_t head[20];
    size_t head_size = put_varint(head, (uint64_t)path[i % path_len] * 8 + W_BYTES);
    head_size += put_varint(head + head_size, capacity - at);
    at -= head_size;
    memcpy(made + at, head, head_size);
  }
  w_raw(w, made + at, capacity - at);
  free(made);
}
