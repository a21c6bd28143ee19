/* Entries go into one block in memory, which is written when it is full. Where blocks end and what keys the index has
 * is not free to choose: the bytes are TensorFlow's. */
#include "codec/crc32c.h"
#include "codec/little_endian.h"
#include "codec/varint.h"
#include "table/table_internal.h"

/* Source: tsl/lib/io/table_options.h, table_builder.cc. */
enum { BLOCK_SIZE = 262144, LARGE_ENTRY = 2 * BLOCK_SIZE, DATA_RESTART_INTERVAL = 16, INDEX_RESTART_INTERVAL = 1 };

enum { HANDLE_MAX_SIZE = 2 * SM_VARINT_MAX_SIZE };

/* A block that grows. */
typedef struct block_builder {
  sm_buffer entries;
  sm_buffer restarts; /* as they are written */
  size_t n, restart_interval;
} block_builder;

typedef struct handle {
  uint64_t offset, size;
} handle;

struct sm_table_writer {
  const sm_allocator *allocator;
  sm_table_sink sink;
  sm_status status; /* of everything so far */
  uint64_t offset;  /* bytes written */
  uint64_t n;       /* entries */
  block_builder data, index;
  sm_buffer last_key;
  bool has_pending; /* a block was written, and waits for its entry in the index until the next key is known */
  handle pending;
};

/* ---- Blocks ---- */

static void builder_init(block_builder *b, const sm_allocator *allocator, size_t restart_interval) {
  *b = (block_builder){.restart_interval = restart_interval};
  sm_buffer_init(&b->entries, allocator, UINT64_MAX);
  sm_buffer_init(&b->restarts, allocator, UINT64_MAX);
}

static void builder_free(block_builder *b) {
  sm_buffer_free(&b->entries);
  sm_buffer_free(&b->restarts);
}

static void builder_clear(block_builder *b) { b->n = b->entries.size = b->restarts.size = 0; }

/* What the block would take in the file, without its trailer. An empty one has a restart as well. */
static size_t builder_size(const block_builder *b) {
  return b->entries.size + (b->n != 0 ? b->restarts.size : RESTART_SIZE) + RESTART_SIZE;
}

static sm_status put_le32(sm_buffer *dst, size_t value, sm_error *err) {
  uint8_t bytes[4];
  if (value > UINT32_MAX) return SM_FAIL(err, SM_RESOURCE_EXHAUSTED, "a table block of more than 4 GiB");
  sm_write_le32(bytes, (uint32_t)value);
  return sm_buffer_put(dst, bytes, sizeof bytes, err);
}

/* key: above last_key, the one that was added before. */
static sm_status builder_add(block_builder *b, sm_string last_key, sm_string key, sm_string value, sm_error *err) {
  uint8_t sizes[3 * SM_VARINT_MAX_SIZE], *p = sizes;
  size_t shared = 0;
  if (b->n % b->restart_interval == 0)
    SM_TRY(put_le32(&b->restarts, b->entries.size, err));
  else
    while (shared < last_key.size && shared < key.size && last_key.data[shared] == key.data[shared]) shared++;
  p = sm_varint_write(p, shared);
  p = sm_varint_write(p, key.size - shared);
  p = sm_varint_write(p, value.size);
  SM_TRY(sm_buffer_put(&b->entries, sizes, (size_t)(p - sizes), err));
  SM_TRY(sm_buffer_put(&b->entries, key.data + shared, key.size - shared, err));
  SM_TRY(sm_buffer_put(&b->entries, value.data, value.size, err));
  b->n++;
  return SM_OK;
}

/* ---- Writing ---- */

static sm_status write_bytes(sm_table_writer *w, const void *data, size_t size, sm_error *err) {
  SM_TRY(w->sink.write(w->sink.ctx, data, size, err));
  w->offset += size;
  return SM_OK;
}

/* Writes the block with its trailer, and makes it an empty one. */
static sm_status write_block(handle *out, sm_table_writer *w, block_builder *b, sm_error *err) {
  uint8_t trailer[TRAILER_SIZE] = {COMPRESSION_NONE};
  if (b->n == 0) SM_TRY(put_le32(&b->restarts, 0, err));
  SM_TRY(sm_buffer_put(&b->entries, b->restarts.data, b->restarts.size, err));
  SM_TRY(put_le32(&b->entries, b->restarts.size / RESTART_SIZE, err));
  uint32_t crc = sm_crc32c_extend(sm_crc32c_extend(0, b->entries.data, b->entries.size), trailer, 1);
  sm_write_le32(trailer + 1, sm_crc32c_mask(crc));
  *out = (handle){w->offset, b->entries.size};
  SM_TRY(write_bytes(w, b->entries.data, b->entries.size, err));
  builder_clear(b);
  return write_bytes(w, trailer, sizeof trailer, err);
}

static sm_status flush(sm_table_writer *w, sm_error *err) {
  if (w->data.n == 0) return SM_OK;
  w->has_pending = true;
  return write_block(&w->pending, w, &w->data, err);
}

static uint8_t *write_handle(uint8_t *dst, handle h) { return sm_varint_write(sm_varint_write(dst, h.offset), h.size); }

/* ---- Index ---- */

/* Makes the last key of a block its key in the index: where possible shorter, and still below the first of the next.
 * Source: BytewiseComparatorImpl::FindShortestSeparator, FindShortSuccessor. */
static void shorten_before(sm_buffer *key, sm_string next) {
  size_t i = 0;
  while (i < key->size && i < next.size && key->data[i] == (uint8_t)next.data[i]) i++;
  if (i == key->size || i == next.size) return;          /* one begins with the other */
  if (key->data[i] + 1 >= (uint8_t)next.data[i]) return; /* FF is never below it */
  key->data[i]++;
  key->size = i + 1;
}

static void shorten_last(sm_buffer *key) {
  size_t i = 0;
  while (i < key->size && key->data[i] == 0xFF) i++;
  if (i == key->size) return;
  key->data[i]++;
  key->size = i + 1;
}

static sm_string last_key_of(const sm_table_writer *w) {
  return sm_addressed((sm_string){(const char *)w->last_key.data, w->last_key.size});
}

/* The last key of the pending block is shortened by now. */
static sm_status add_pending(sm_table_writer *w, sm_error *err) {
  uint8_t bytes[HANDLE_MAX_SIZE];
  sm_string key = last_key_of(w);
  sm_string value = {(const char *)bytes, (size_t)(write_handle(bytes, w->pending) - bytes)};
  w->has_pending = false;
  return builder_add(&w->index, key, key, value, err);
}

/* ---- The door ---- */

sm_status sm_table_writer_new(sm_table_writer **out, sm_table_sink sink, const sm_allocator *allocator, sm_error *err) {
  allocator = sm_allocator_or_malloc(allocator);
  *out = sm_new(allocator, sm_table_writer);
  if (*out == NULL) return SM_FAIL_OOM(err, sizeof **out);
  sm_table_writer *w = *out;
  w->allocator = allocator;
  w->sink = sink;
  builder_init(&w->data, allocator, DATA_RESTART_INTERVAL);
  builder_init(&w->index, allocator, INDEX_RESTART_INTERVAL);
  sm_buffer_init(&w->last_key, allocator, UINT64_MAX);
  return SM_OK;
}

void sm_table_writer_free(sm_table_writer *writer) {
  if (writer == NULL) return;
  builder_free(&writer->data);
  builder_free(&writer->index);
  sm_buffer_free(&writer->last_key);
  sm_free(writer->allocator, writer);
}

static sm_status add(sm_table_writer *w, sm_string key, sm_string value, sm_error *err) {
  if ((uint64_t)key.size + value.size >= LARGE_ENTRY) SM_TRY(flush(w, err));
  if (w->has_pending) {
    shorten_before(&w->last_key, key);
    SM_TRY(add_pending(w, err));
  }
  sm_string last_key = last_key_of(w);
  SM_TRY(builder_add(&w->data, last_key, key, value, err));
  w->n++;
  w->last_key.size = 0;
  SM_TRY(sm_buffer_put(&w->last_key, key.data, key.size, err));
  return builder_size(&w->data) >= BLOCK_SIZE ? flush(w, err) : SM_OK;
}

static sm_status check_key(const sm_table_writer *w, sm_string key, sm_string value, sm_error *err) {
  sm_string last_key = last_key_of(w);
  if (key.size > UINT32_MAX || value.size > UINT32_MAX)
    return SM_FAIL(err, SM_INVALID_ARGUMENT,
                   "a table entry with a key of %zu bytes and a value of %zu, less than 4 GiB fit", key.size,
                   value.size);
  if (w->n != 0 && sm_string_compare(key, last_key) <= 0)
    return SM_FAIL(err, SM_INVALID_ARGUMENT, "the key of table entry %llu is not above the one before",
                   (unsigned long long)w->n);
  return SM_OK;
}

static sm_status check_status(const sm_table_writer *w, sm_error *err) {
  if (w->status == SM_OK) return SM_OK;
  return SM_FAIL(err, w->status, "the table is finished, or writing it failed before");
}

sm_status sm_table_writer_add(sm_table_writer *writer, sm_string key, sm_string value, sm_error *err) {
  SM_TRY(check_status(writer, err));
  SM_TRY(check_key(writer, key, value, err));
  writer->status = add(writer, sm_addressed(key), sm_addressed(value), err);
  return writer->status;
}

static sm_status finish(sm_table_writer *w, sm_error *err) {
  handle metaindex, index;
  uint8_t footer[FOOTER_SIZE] = {0};
  SM_TRY(flush(w, err));
  SM_TRY(write_block(&metaindex, w, &w->data, err)); /* an empty one */
  if (w->has_pending) {
    shorten_last(&w->last_key);
    SM_TRY(add_pending(w, err));
  }
  SM_TRY(write_block(&index, w, &w->index, err));
  (void)write_handle(write_handle(footer, metaindex), index);
  sm_write_le64(footer + FOOTER_SIZE - MAGIC_SIZE, TABLE_MAGIC);
  return write_bytes(w, footer, sizeof footer, err);
}

sm_status sm_table_writer_finish(sm_table_writer *writer, sm_error *err) {
  SM_TRY(check_status(writer, err));
  writer->status = finish(writer, err);
  if (writer->status != SM_OK) return writer->status;
  writer->status = SM_FAILED_PRECONDITION; /* for whoever goes on */
  return SM_OK;
}
