/*
 * A table: the first byte of the input says whether checksums count, the rest is the file. Keys do not descend, each one
 * is found, the walk from a key begins there, a second walk sees the same, memory stays within max_bytes and all comes
 * back. A table without equal keys is written again, and the new one has the same entries.
 */
#include "fuzz.h"

#include "support/fault_alloc.h"
#include "table/table.h"

const size_t fuzz_message_at = NO_MESSAGE;

enum { IGNORE_CHECKSUMS = 1 };

/* Of the table; a key or two of the walks come on top. */
enum { MAX_BYTES = 1 << 20, MAX_MEMORY = 4 * MAX_BYTES };

static uint64_t hash_more(uint64_t hash, sm_string bytes) {
  hash = (hash ^ bytes.size) * 0x100000001B3u;
  for (size_t i = 0; i < bytes.size; i++) hash = (hash ^ (uint8_t)bytes.data[i]) * 0x100000001B3u;
  return hash;
}

/* The entries up to the first block that is damaged. */
typedef struct summary {
  uint64_t hash;
  size_t n;
  size_t key_bytes;
  bool has_equal_keys;
  sm_status status;
} summary;

static void look_up(const sm_table *table, const sm_table_iter *iter, bool is_first) {
  sm_string value;
  sm_table_iter other;
  MUST(sm_table_find(&value, table, iter->key, NULL) == SM_OK);
  if (is_first) MUST(value.data == iter->value.data && value.size == iter->value.size);
  sm_table_iter_init(&other, table);
  MUST(sm_table_iter_seek(&other, iter->key, NULL) == SM_OK && other.is_valid);
  MUST(sm_string_equal(other.key, iter->key));
  sm_table_iter_free(&other);
}

static summary walk(const sm_table *table, sm_table_writer *writer) {
  summary s = {.hash = 14695981039346656037u};
  sm_table_iter iter;
  sm_buffer last;
  sm_buffer_init(&last, sm_allocator_or_malloc(NULL), UINT64_MAX);
  sm_table_iter_init(&iter, table);
  s.status = sm_table_iter_seek(&iter, (sm_string){"", 0}, NULL);
  while (s.status == SM_OK && iter.is_valid && s.key_bytes < MAX_BYTES) {
    sm_string last_key = {(const char *)last.data, last.size};
    int order = s.n != 0 ? sm_string_compare(last_key, iter.key) : -1;
    MUST(order <= 0);
    s.has_equal_keys |= order == 0;
    if (s.n < 200) look_up(table, &iter, order < 0);
    s.hash = hash_more(hash_more(s.hash, iter.key), iter.value);
    s.n++;
    s.key_bytes += iter.key.size;
    if (writer != NULL) MUST((sm_table_writer_add(writer, iter.key, iter.value, NULL) == SM_OK) == (order < 0));
    last.size = 0;
    MUST(sm_buffer_put(&last, iter.key.data, iter.key.size, NULL) == SM_OK);
    s.status = sm_table_iter_next(&iter, NULL);
  }
  sm_table_iter_free(&iter);
  sm_buffer_free(&last);
  return s;
}

static sm_status put(void *ctx, const void *data, size_t size, sm_error *err) {
  return sm_buffer_put(ctx, data, size, err);
}

static sm_table *open_table(const uint8_t *data, size_t size, sm_verify verify, const sm_allocator *allocator) {
  sm_table *table;
  sm_error err;
  sm_bytes file = {.data = data, .size = size}; /* borrowed */
  sm_table_options options = {.verify = verify, .max_bytes = MAX_BYTES, .allocator = allocator};
  if (sm_table_open(&table, &file, "table", &options, &err) == SM_OK) return table;
  MUST(table == NULL && (err.code == SM_DATA_LOSS || err.code == SM_RESOURCE_EXHAUSTED));
  return NULL;
}

static void walk_all(const sm_table *table) {
  sm_buffer made;
  sm_table_writer *writer;
  sm_buffer_init(&made, sm_allocator_or_malloc(NULL), UINT64_MAX);
  MUST(sm_table_writer_new(&writer, (sm_table_sink){put, &made}, NULL, NULL) == SM_OK);
  summary first = walk(table, writer), second = walk(table, NULL);
  MUST(first.hash == second.hash && first.n == second.n && first.status == second.status);
  MUST(sm_table_writer_finish(writer, NULL) == SM_OK);
  sm_table *again = open_table(made.data, made.size, SM_VERIFY_ALL, NULL);
  if (!first.has_equal_keys) MUST(again != NULL && walk(again, NULL).hash == first.hash);
  sm_table_close(again);
  sm_table_writer_free(writer);
  sm_buffer_free(&made);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
  if (size == 0) return 0;
  sm_fault_alloc memory;
  sm_fault_alloc_init(&memory, UINT64_MAX);
  sm_verify verify = (data[0] & IGNORE_CHECKSUMS) != 0 ? SM_VERIFY_NONE : SM_VERIFY_ALL;
  sm_table *table = open_table(data + 1, size - 1, verify, &memory.base);
  if (table != NULL) walk_all(table);
  sm_table_close(table);
  MUST(memory.live_blocks == 0);
  MUST(memory.peak_bytes <= MAX_MEMORY);
  sm_fault_alloc_destroy(&memory);
  return 0;
}
