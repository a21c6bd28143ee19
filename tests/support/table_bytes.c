#include "support/table_bytes.h"

#include <string.h>

/* One bit at a time, masked: CRC-32C, tsl/lib/hash/crc32c.h. */
static uint32_t masked_crc(const uint8_t *data, size_t size) {
  uint32_t crc = UINT32_MAX;
  for (size_t i = 0; i < size; i++) {
    crc ^= data[i];
    for (int bit = 0; bit < 8; bit++) crc = crc & 1 ? (crc >> 1) ^ 0x82F63B78u : crc >> 1;
  }
  crc = ~crc;
  return ((crc >> 15) | (crc << 17)) + 0xA282EAD8u;
}

void t_le32(w_buffer *block, uint32_t value) {
  uint8_t bytes[4] = {(uint8_t)value, (uint8_t)(value >> 8), (uint8_t)(value >> 16), (uint8_t)(value >> 24)};
  w_raw(block, bytes, sizeof bytes);
}

void t_entry(w_buffer *block, uint64_t shared, const void *tail, size_t tail_size, const void *value,
             size_t value_size) {
  w_raw_varint(block, shared);
  w_raw_varint(block, tail_size);
  w_raw_varint(block, value_size);
  w_raw(block, tail, tail_size);
  w_raw(block, value, value_size);
}

void t_text(w_buffer *block, uint64_t shared, const char *tail, const char *value) {
  t_entry(block, shared, tail, strlen(tail), value, strlen(value));
}

void t_index(w_buffer *block, uint64_t shared, const char *tail, t_handle handle) {
  w_buffer value = {0};
  w_raw_varint(&value, handle.offset);
  w_raw_varint(&value, handle.size);
  t_entry(block, shared, tail, strlen(tail), value.data, value.size);
  w_free(&value);
}

void t_restarts(w_buffer *block, const uint32_t *restarts, size_t n) {
  for (size_t i = 0; i < n; i++) t_le32(block, restarts[i]);
  t_le32(block, (uint32_t)n);
}

void t_one_restart(w_buffer *block) { t_restarts(block, (const uint32_t[]){0}, 1); }

t_handle t_block(w_buffer *file, w_buffer *contents, uint8_t type) {
  t_handle handle = {file->size, contents->size};
  w_raw(file, contents->data, contents->size);
  w_raw(file, &type, 1);
  t_le32(file, 0);
  t_repair(file, handle);
  w_clear(contents);
  return handle;
}

void t_repair(w_buffer *file, t_handle handle) {
  uint8_t *data = file->data + handle.offset;
  uint32_t crc = masked_crc(data, handle.size + 1);
  for (int i = 0; i < 4; i++) data[handle.size + 1 + i] = (uint8_t)(crc >> (8 * i));
}

void t_compress(w_buffer *contents) {
  w_buffer out = {0};
  w_raw_varint(&out, contents->size);
  for (size_t at = 0; at < contents->size;) {
    size_t n = contents->size - at < 60 ? contents->size - at : 60;
    w_raw(&out, &(uint8_t){(uint8_t)((n - 1) << 2)}, 1);
    w_raw(&out, contents->data + at, n);
    at += n;
  }
  w_free(contents);
  *contents = out;
}

void t_footer(w_buffer *file, t_handle metaindex, t_handle index) {
  size_t begin = file->size;
  w_raw_varint(file, metaindex.offset);
  w_raw_varint(file, metaindex.size);
  w_raw_varint(file, index.offset);
  w_raw_varint(file, index.size);
  while (file->size - begin < 40) w_raw(file, "", 1);
  w_raw(file, "\x57\xFB\x80\x8B\x24\x75\x47\xDB", 8);
}

void t_finish(w_buffer *file, w_buffer *index) {
  w_buffer empty = {0};
  t_one_restart(&empty);
  t_handle metaindex = t_block(file, &empty, T_PLAIN);
  t_footer(file, metaindex, t_block(file, index, T_PLAIN));
  w_free(&empty);
}

void t_table(w_buffer *file, w_buffer *contents, const char *bound) {
  w_buffer index = {0};
  t_handle data = t_block(file, contents, T_PLAIN);
  t_index(&index, 0, bound, data);
  t_one_restart(&index);
  t_finish(file, &index);
  w_free(&index);
}
