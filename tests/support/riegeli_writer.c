#include "support/riegeli_writer.h"

#include <stdlib.h>
#include <string.h>

#include "codec/highwayhash64.h"

#ifdef SM_HAVE_BROTLI
#include <brotli/encode.h>
#endif
#ifdef SM_HAVE_ZSTD
#include <zstd.h>
#endif

enum { BLOCK = 65536, BLOCK_HEADER = 24 };

static uint64_t hash(const void *data, size_t size) {
  uint64_t key[4];
  memcpy(key, "Riegeli/records\nRiegeli/records\n", sizeof key);
  return sm_highwayhash64(key, data, size);
}

static void put_u64(uint8_t *at, uint64_t value) {
  for (int i = 0; i < 8; i++) at[i] = (uint8_t)(value >> (8 * i));
}

void r_free(r_file *file) {
  w_free(&file->bytes);
  w_free(&file->sizes);
  w_free(&file->values);
}

static size_t find_chunk_end(size_t begin, size_t n_contents, uint64_t n_records) {
  size_t at = begin;
  for (size_t i = 0; i < n_contents; i++) at += at % BLOCK == 0 ? BLOCK_HEADER + 1 : 1;
  while (at - begin < n_records || (at % BLOCK >= 1 && at % BLOCK <= BLOCK_HEADER)) at++;
  return at;
}

static void put_block_header(w_buffer *out, size_t chunk_begin, size_t chunk_end) {
  uint8_t header[BLOCK_HEADER];
  put_u64(header + 8, out->size - chunk_begin);
  put_u64(header + 16, chunk_end - out->size);
  put_u64(header, hash(header + 8, 16));
  w_raw(out, header, sizeof header);
}

void r_chunk(r_file *file, char type, const void *data, size_t size, uint64_t n_records, uint64_t decoded_size) {
  uint8_t header[40];
  w_buffer contents = {0};
  put_u64(header + 8, size);
  put_u64(header + 16, hash(data, size));
  put_u64(header + 24, n_records << 8 | (uint8_t)type);
  put_u64(header + 32, decoded_size);
  put_u64(header, hash(header + 8, 32));
  w_raw(&contents, header, sizeof header);
  w_raw(&contents, data, size);
  const size_t begin = file->bytes.size, end = find_chunk_end(begin, contents.size, n_records);
  for (size_t i = 0; file->bytes.size < end;) {
    static const uint8_t padding[BLOCK];
    if (file->bytes.size % BLOCK == 0) put_block_header(&file->bytes, begin, end);
    size_t room = BLOCK - file->bytes.size % BLOCK,
           left = i < contents.size ? contents.size - i : end - file->bytes.size;
    size_t n = left < room ? left : room;
    w_raw(&file->bytes, i < contents.size ? contents.data + i : padding, n);
    i += n;
  }
  w_free(&contents);
}

void r_begin(r_file *file) { r_chunk(file, 's', "", 0, 0, 0); }

/* The bytes, compressed, behind their size. */
static void put_compressed(w_buffer *out, char compression, const w_buffer *bytes) {
  size_t room = bytes->size + bytes->size / 2 + 1024, size = room;
  uint8_t *made = malloc(room);
  if (made == NULL) abort();
  w_raw_varint(out, bytes->size);
  (void)compression;
#ifdef SM_HAVE_BROTLI
  if (compression == 'b' &&
      !BrotliEncoderCompress(5, BROTLI_DEFAULT_WINDOW, BROTLI_DEFAULT_MODE, bytes->size, bytes->data, &size, made))
    abort();
#endif
#ifdef SM_HAVE_ZSTD
  if (compression == 'z') size = ZSTD_compress(made, room, bytes->data, bytes->size, 3);
#endif
  if (size >= room) abort();
  w_raw(out, made, size);
  free(made);
}

static void put_buffer(w_buffer *out, char compression, const w_buffer *bytes) {
  if (compression == 0)
    w_raw(out, bytes->data, bytes->size);
  else
    put_compressed(out, compression, bytes);
}

void r_simple_data(w_buffer *out, char compression, const w_buffer *sizes, const w_buffer *values) {
  w_buffer packed = {0};
  put_buffer(&packed, compression, sizes);
  w_raw(out, &compression, 1);
  w_raw_varint(out, packed.size);
  w_raw(out, packed.data, packed.size);
  put_buffer(out, compression, values);
  w_free(&packed);
}

uint64_t r_add(r_file *file, const void *data, size_t size) {
  w_raw_varint(&file->sizes, size);
  w_raw(&file->values, data, size);
  return file->bytes.size + file->n_records++;
}

void r_flush(r_file *file) {
  w_buffer data = {0};
  if (file->n_records == 0) return;
  r_simple_data(&data, file->compression, &file->sizes, &file->values);
  r_chunk(file, 'r', data.data, data.size, file->n_records, file->values.size);
  w_free(&data);
  w_clear(&file->sizes);
  w_clear(&file->values);
  file->n_records = 0;
}
