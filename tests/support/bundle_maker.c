#include "support/bundle_maker.h"

#include "support/check.h"
#include "support/files.h"

/* ---- Checksum ---- */

uint32_t b_crc(const void *data, size_t size) {
  const uint8_t *p = data;
  uint32_t crc = 0xFFFFFFFFu, of_byte[256];
  for (uint32_t i = 0; i < 256; i++) {
    of_byte[i] = i;
    for (int bit = 0; bit < 8; bit++) of_byte[i] = of_byte[i] >> 1 ^ (of_byte[i] & 1 ? 0x82F63B78u : 0);
  }
  for (size_t i = 0; i < size; i++) crc = crc >> 8 ^ of_byte[(crc ^ p[i]) & 0xFF];
  crc = ~crc;
  return (crc >> 15 | crc << 17) + 0xA282EAD8u;
}

/* ---- Rows ---- */

void b_begin(b_bundle *b, int32_t n_shards) {
  *b = (b_bundle){.n_shards = n_shards};
  assert_true(n_shards <= B_MAX_SHARDS);
}

void b_free(b_bundle *b) {
  for (size_t i = 0; i < b->n_rows; i++) w_free(&b->rows[i].value);
  for (int i = 0; i < B_MAX_SHARDS; i++) w_free(&b->shards[i]);
  w_free(&b->index);
  free(b->rows);
}

w_buffer *b_row_of(b_bundle *b, const void *key, size_t key_size) {
  assert_true(key_size <= B_MAX_KEY);
  if ((b->n_rows & (b->n_rows - 1)) == 0) {
    b->rows = realloc(b->rows, (b->n_rows == 0 ? 1 : 2 * b->n_rows) * sizeof *b->rows);
    assert_non_null(b->rows);
  }
  b_row *row = &b->rows[b->n_rows++];
  memset(row, 0, sizeof *row);
  if (key_size != 0) memcpy(row->key, key, key_size);
  row->key_size = key_size;
  return &row->value;
}

w_buffer *b_put_entry(b_bundle *b, const void *key, size_t key_size, const b_entry *entry) {
  w_buffer *value = b_row_of(b, key, key_size);
  w_varint(value, 1, (uint64_t)(int64_t)entry->dtype);
  size_t shape = w_begin(value, 2);
  for (int32_t i = 0; i < entry->rank; i++) {
    size_t dim = w_begin(value, 2);
    if (entry->dims[i] != 0) w_varint(value, 1, (uint64_t)entry->dims[i]);
    w_end(value, dim);
  }
  w_end(value, shape);
  if (entry->shard != 0) w_varint(value, 3, (uint64_t)(int64_t)entry->shard);
  if (entry->offset != 0) w_varint(value, 4, (uint64_t)entry->offset);
  if (entry->size != 0) w_varint(value, 5, (uint64_t)entry->size);
  if (entry->crc32c != 0) w_fixed32(value, 6, entry->crc32c);
  return value;
}

void b_put_slice(w_buffer *entry, const sm_extent *extents, size_t rank) {
  size_t slice = w_begin(entry, 7);
  for (size_t i = 0; i < rank; i++) {
    size_t extent = w_begin(entry, 1);
    if (extents[i].start != 0) w_varint(entry, 1, (uint64_t)extents[i].start);
    if (extents[i].length != -1) w_varint(entry, 2, (uint64_t)extents[i].length);
    w_end(entry, extent);
  }
  w_end(entry, slice);
}

int64_t b_put_data(b_bundle *b, int32_t shard, const void *data, size_t size) {
  int64_t offset = (int64_t)b->shards[shard].size;
  w_raw(&b->shards[shard], data, size);
  return offset;
}

w_buffer *b_put_tensor(b_bundle *b, const char *key, int32_t dtype, const int64_t *dims, int32_t rank, int32_t shard,
                       const void *data, size_t size) {
  const b_entry entry = {dtype, rank, dims, shard, b_put_data(b, shard, data, size), (int64_t)size, b_crc(data, size)};
  return b_put_entry(b, key, strlen(key), &entry);
}

void b_slice_key(w_buffer *out, const char *key, const sm_extent *extents, int32_t rank) {
  const uint8_t end[] = {0x00, 0x01, 0x01, (uint8_t)rank}, end_of_scalar[] = {0x00, 0x01, 0x00};
  w_raw(out, "", 1);
  w_raw(out, key, strlen(key));
  if (rank != 0)
    w_raw(out, end, sizeof end);
  else
    w_raw(out, end_of_scalar, sizeof end_of_scalar);
  for (int32_t i = 0; i < rank; i++) {
    assert_true(extents[i].start < 64 && extents[i].length < 64);
    const uint8_t pair[] = {(uint8_t)(0x80 + extents[i].start), (uint8_t)(0x80 + extents[i].length)};
    w_raw(out, pair, sizeof pair);
  }
}

w_buffer *b_put_part(b_bundle *b, const char *key, int32_t dtype, const sm_extent *extents, const int64_t *dims,
                     int32_t rank, int32_t shard, const void *data, size_t size) {
  w_buffer encoded = {0};
  b_slice_key(&encoded, key, extents, rank);
  const b_entry entry = {dtype, rank, dims, shard, b_put_data(b, shard, data, size), (int64_t)size, b_crc(data, size)};
  w_buffer *value = b_put_entry(b, encoded.data, encoded.size, &entry);
  w_free(&encoded);
  return value;
}

/* ---- Table: every key in full, a block for each eight rows ---- */

enum { ROWS_PER_BLOCK = 8 };

static void put_u32(w_buffer *w, uint32_t value) {
  for (int i = 0; i < 4; i++) w_raw(w, &(uint8_t){(uint8_t)(value >> 8 * i)}, 1);
}

/* Appends a block and its trailer to out; handle: where it is. */
static void put_block(w_buffer *out, w_buffer *handle, const b_row *rows, size_t n) {
  w_buffer block = {0}, restarts = {0};
  for (size_t i = 0; i < n; i++) {
    put_u32(&restarts, (uint32_t)block.size);
    w_raw_varint(&block, 0);
    w_raw_varint(&block, rows[i].key_size);
    w_raw_varint(&block, rows[i].value.size);
    w_raw(&block, rows[i].key, rows[i].key_size);
    w_raw(&block, rows[i].value.data, rows[i].value.size);
  }
  if (n == 0) put_u32(&restarts, 0);
  w_raw(&block, restarts.data, restarts.size);
  put_u32(&block, (uint32_t)(n == 0 ? 1 : n));
  w_raw_varint(handle, out->size);
  w_raw_varint(handle, block.size);
  w_raw(&block, "", 1); /* not compressed */
  put_u32(&block, b_crc(block.data, block.size));
  w_raw(out, block.data, block.size);
  w_free(&block);
  w_free(&restarts);
}

static int compare_rows(const void *a, const void *b) {
  const b_row *x = a, *y = b;
  size_t shorter = x->key_size < y->key_size ? x->key_size : y->key_size;
  int order = memcmp(x->key, y->key, shorter);
  return order != 0 ? order : (x->key_size > y->key_size) - (x->key_size < y->key_size);
}

void b_finish(b_bundle *b) {
  static const uint8_t magic[] = {0x57, 0xFB, 0x80, 0x8B, 0x24, 0x75, 0x47, 0xDB};
  bool has_header = b->no_header;
  for (size_t i = 0; i < b->n_rows; i++) has_header |= b->rows[i].key_size == 0;
  if (!has_header) {
    w_buffer *header = b_row_of(b, "", 0);
    w_varint(header, 1, (uint64_t)b->n_shards);
    size_t version = w_begin(header, 3);
    w_varint(header, 1, 1);
    w_end(header, version);
  }
  qsort(b->rows, b->n_rows, sizeof *b->rows, compare_rows);
  size_t n_blocks = (b->n_rows + ROWS_PER_BLOCK - 1) / ROWS_PER_BLOCK;
  b_row *blocks = calloc(n_blocks, sizeof *blocks);
  for (size_t i = 0; i < n_blocks; i++) {
    size_t n = b->n_rows - i * ROWS_PER_BLOCK;
    if (n > ROWS_PER_BLOCK) n = ROWS_PER_BLOCK;
    const b_row *last = &b->rows[i * ROWS_PER_BLOCK + n - 1];
    put_block(&b->index, &blocks[i].value, &b->rows[i * ROWS_PER_BLOCK], n);
    memcpy(blocks[i].key, last->key, last->key_size);
    blocks[i].key_size = last->key_size;
  }
  w_buffer footer = {0};
  put_block(&b->index, &footer, NULL, 0); /* metaindex */
  put_block(&b->index, &footer, blocks, n_blocks);
  while (footer.size < 40) w_raw(&footer, "", 1);
  w_raw(&footer, magic, sizeof magic);
  w_raw(&b->index, footer.data, footer.size);
  w_free(&footer);
  for (size_t i = 0; i < n_blocks; i++) w_free(&blocks[i].value);
  free(blocks);
}

/* ---- Files ---- */

void b_write(const b_bundle *b, const char *dir, const char *name) {
  char file[256];
  snprintf(file, sizeof file, "%s.index", name);
  write_file(path_in(dir, file), b->index.data, b->index.size);
  for (int32_t i = 0; i < b->n_shards; i++) {
    snprintf(file, sizeof file, "%s.data-%05d-of-%05d", name, i, b->n_shards);
    write_file(path_in(dir, file), b->shards[i].data, b->shards[i].size);
  }
}

void b_add_to(const b_bundle *b, sm_fs *fs, const char *name) {
  sm_error err;
  char file[256];
  snprintf(file, sizeof file, "%s.index", name);
  assert_ok(sm_fs_memory_add(fs, file, b->index.data, b->index.size, &err), err);
  for (int32_t i = 0; i < b->n_shards; i++) {
    snprintf(file, sizeof file, "%s.data-%05d-of-%05d", name, i, b->n_shards);
    assert_ok(sm_fs_memory_add(fs, file, b->shards[i].data, b->shards[i].size, &err), err);
  }
}
