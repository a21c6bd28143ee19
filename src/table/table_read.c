/*
 * Opening checks the index block and lists the data blocks; each of these is checked by whoever needs it first. Checks
 * change nothing, so two threads may do the same one at once; only decompressing is done under a lock, so that it
 * happens once and max_bytes is kept exactly.
 */
#include <stdatomic.h>

#include "codec/crc32c.h"
#include "codec/little_endian.h"
#include "codec/snappy.h"
#include "codec/varint.h"
#include "table/table_internal.h"

/* Index keys that share prefixes are put together; valid ones take no more than this many times the block (D7). */
enum { MAX_EXPANSION = 64 };

/* Where the contents of a block lie in the file. They and their trailer are inside of it. */
typedef struct handle {
  size_t offset, size;
} handle;

enum block_state { UNCHECKED = 0, IN_FILE, DECOMPRESSED };

typedef struct data_block {
  sm_string bound; /* from the index: no key of the block is above, none of the next below */
  handle where;
  atomic_uchar state;   /* what follows is set before it becomes DECOMPRESSED */
  const uint8_t *plain; /* in the arena */
  size_t plain_size;
} data_block;

struct sm_table {
  const sm_allocator *allocator;
  sm_bytes file;
  const char *path; /* in the arena, as all that follows points to */
  sm_verify verify;
  data_block *blocks;
  size_t n_blocks;
  sm_mutex lock; /* for the arena, once the table is open */
  sm_arena arena;
};

/* ---- Messages ---- */

/* Puts the block in front of the message, and makes a place in it one in the file if there is such a place. */
static sm_status fail_in_block(const sm_table *table, handle where, bool is_in_file, sm_status status, sm_error *err) {
  if (err == NULL) return status;
  char place[sizeof err->message];
  snprintf(place, sizeof place, "%s: block at %zu", table->path, where.offset);
  if (err->offset == SM_NO_OFFSET || !is_in_file) err->offset = 0;
  err->offset += where.offset;
  sm_error_add_place(err, place);
  return status;
}

/* ---- Blocks ---- */

/* Reads a handle; returns the byte behind it, NULL when there is none. */
static const uint8_t *read_handle(uint64_t named[2], const uint8_t *p, const uint8_t *end) {
  p = sm_varint_read(p, end, &named[0]);
  return p != NULL ? sm_varint_read(p, end, &named[1]) : NULL;
}

/* The block that a handle names has to end before the footer. at: where the handle is, for err. */
static sm_status locate(handle *out, const sm_table *table, const uint64_t named[2], uint64_t at, sm_error *err) {
  uint64_t limit = table->file.size - FOOTER_SIZE;
  if (limit < TRAILER_SIZE || named[0] > limit - TRAILER_SIZE || named[1] > limit - TRAILER_SIZE - named[0])
    return sm_fail_at(err, SM_DATA_LOSS, at, "a block of %llu bytes at %llu does not end before the footer at %llu",
                      (unsigned long long)named[1], (unsigned long long)named[0], (unsigned long long)limit);
  *out = (handle){(size_t)named[0], (size_t)named[1]};
  return SM_OK;
}

/* Checks the trailer. */
static sm_status get_type(uint8_t *type, const sm_table *table, handle where, sm_error *err) {
  const uint8_t *data = table->file.data + where.offset, *trailer = data + where.size;
  *type = *trailer;
  if (table->verify != SM_VERIFY_NONE) {
    uint32_t crc = sm_crc32c_extend(0, data, where.size + 1), stored = sm_crc32c_unmask(sm_read_le32(trailer + 1));
    if (crc != stored)
      return sm_fail_at(err, SM_DATA_LOSS, where.size + 1, "crc32c 0x%08x, its trailer says 0x%08x", crc, stored);
  }
  if (*type == COMPRESSION_NONE || *type == COMPRESSION_SNAPPY) return SM_OK;
  return sm_fail_at(err, SM_DATA_LOSS, where.size, "compression %u is not known", *type);
}

/* Into the arena. */
static sm_status decompress(uint8_t **plain, size_t *plain_size, sm_table *table, handle where, sm_error *err) {
  const uint8_t *data = table->file.data + where.offset;
  SM_TRY(sm_snappy_size(plain_size, data, where.size, err));
  *plain = sm_arena_alloc(&table->arena, *plain_size);
  if (*plain == NULL) return sm_arena_fail(&table->arena, *plain_size, err);
  return sm_snappy_decompress(*plain, *plain_size, data, where.size, err);
}

/* Keys of data block i lie between those of the index. */
static sm_status check_contents(const sm_table *table, size_t i, const uint8_t *data, size_t size, sm_error *err) {
  sm_block block;
  sm_buffer key;
  size_t n;
  SM_TRY(sm_block_init(&block, data, size, err));
  sm_string at_least = i != 0 ? table->blocks[i - 1].bound : (sm_string){"", 0};
  sm_buffer_init(&key, table->allocator, table->arena.max_bytes);
  sm_status status = sm_block_check(&key, &n, &block, at_least, err);
  sm_string last = {(const char *)key.data, key.size};
  if (status == SM_OK && n != 0 && sm_string_compare(last, table->blocks[i].bound) > 0)
    status = sm_fail_at(err, SM_DATA_LOSS, 0, "its last key is above its key in the index");
  sm_buffer_free(&key);
  return status;
}

/* Under the lock. */
static sm_status decompress_data_block(sm_table *table, size_t i, sm_error *err) {
  data_block *b = &table->blocks[i];
  if (atomic_load_explicit(&b->state, memory_order_relaxed) != UNCHECKED) return SM_OK; /* another one was first */
  uint8_t *plain;
  size_t plain_size;
  sm_arena_mark mark = sm_arena_get_mark(&table->arena);
  sm_status status = decompress(&plain, &plain_size, table, b->where, err);
  if (status == SM_OK) status = check_contents(table, i, plain, plain_size, err);
  if (status != SM_OK) {
    sm_arena_rewind(&table->arena, mark);
    return status;
  }
  b->plain = plain;
  b->plain_size = plain_size;
  atomic_store_explicit(&b->state, DECOMPRESSED, memory_order_release);
  return SM_OK;
}

/* First use of a data block. */
static sm_status check_data_block(sm_table *table, size_t i, sm_error *err) {
  data_block *b = &table->blocks[i];
  uint8_t type;
  sm_status status = get_type(&type, table, b->where, err);
  if (status != SM_OK) return fail_in_block(table, b->where, true, status, err);
  if (type == COMPRESSION_NONE) {
    status = check_contents(table, i, table->file.data + b->where.offset, b->where.size, err);
    if (status == SM_OK) atomic_store_explicit(&b->state, IN_FILE, memory_order_release);
  } else {
    sm_mutex_lock(&table->lock);
    status = decompress_data_block(table, i, err);
    sm_mutex_unlock(&table->lock);
  }
  return status == SM_OK ? SM_OK : fail_in_block(table, b->where, type == COMPRESSION_NONE, status, err);
}

static sm_status get_data_block(sm_block *out, const sm_table *table, size_t i, sm_error *err) {
  data_block *b = &table->blocks[i];
  unsigned char state = atomic_load_explicit(&b->state, memory_order_acquire);
  if (state == UNCHECKED) {
    SM_TRY(
        check_data_block((sm_table *)(uintptr_t)table, i, err)); /* only what is behind atomics and the lock changes */
    state = atomic_load_explicit(&b->state, memory_order_acquire);
  }
  bool is_in_file = state == IN_FILE;
  const uint8_t *data = is_in_file ? table->file.data + b->where.offset : b->plain;
  sm_status status = sm_block_init(out, data, is_in_file ? b->where.size : b->plain_size, err);
  return status == SM_OK ? SM_OK : fail_in_block(table, b->where, is_in_file, status, err);
}

/* ---- Opening ---- */

/* The key of index entry i, whole. */
static sm_status get_bound(sm_string *out, sm_table *table, size_t i, const sm_block_entry *entry, sm_error *err) {
  *out = entry->tail; /* nothing is shared in what TensorFlow writes */
  if (entry->shared == 0) return SM_OK;
  size_t size = entry->shared + entry->tail.size;
  char *key = sm_arena_alloc(&table->arena, size);
  if (key == NULL) return sm_arena_fail(&table->arena, size, err);
  memcpy(key, table->blocks[i - 1].bound.data, entry->shared);
  memcpy(key + entry->shared, entry->tail.data, entry->tail.size);
  *out = (sm_string){key, size};
  return SM_OK;
}

/* Adds the block of an index entry to the list. Blocks may not overlap: a small file could have many large ones. */
static sm_status add_data_block(sm_table *table, const sm_block_entry *entry, sm_error *err) {
  uint64_t named[2];
  size_t i = table->n_blocks;
  data_block *b = &table->blocks[i];
  const uint8_t *value = (const uint8_t *)entry->value.data;
  if (read_handle(named, value, value + entry->value.size) == NULL)
    return SM_FAIL(err, SM_DATA_LOSS, "the handle of data block %zu is damaged", i);
  SM_TRY(locate(&b->where, table, named, 0, err));
  size_t end_before = i != 0 ? b[-1].where.offset + b[-1].where.size + TRAILER_SIZE : 0;
  if (b->where.offset < end_before)
    return SM_FAIL(err, SM_DATA_LOSS, "data block %zu begins at %zu, before the one in front of it ends at %zu", i,
                   b->where.offset, end_before);
  SM_TRY(get_bound(&b->bound, table, i, entry, err));
  atomic_init(&b->state, UNCHECKED);
  table->n_blocks++;
  return SM_OK;
}

static sm_status list_data_blocks(sm_table *table, const sm_block *index, sm_error *err) {
  size_t n, n_shared = 0;
  sm_block_entry entry;
  sm_buffer key;
  sm_buffer_init(&key, table->allocator, table->arena.max_bytes);
  sm_status status = sm_block_check(&key, &n, index, (sm_string){"", 0}, err);
  sm_buffer_free(&key);
  SM_TRY(status);
  table->blocks = sm_arena_array(&table->arena, data_block, n);
  if (table->blocks == NULL) return sm_arena_fail(&table->arena, n * sizeof(data_block), err);
  for (size_t at = 0, size = 0; at < index->size && table->n_blocks < n; at = entry.next) {
    SM_TRY(sm_block_read(&entry, index, at, size, err));
    n_shared += entry.shared;
    if (n_shared / MAX_EXPANSION > index->size)
      return SM_FAIL(err, SM_RESOURCE_EXHAUSTED, "the keys of the index are more than %d times as large as it is",
                     MAX_EXPANSION);
    SM_TRY(add_data_block(table, &entry, err));
    size = entry.shared + entry.tail.size;
  }
  return SM_OK;
}

static sm_status read_index(sm_table *table, handle where, sm_error *err) {
  uint8_t type, *plain;
  sm_block index;
  const uint8_t *data = table->file.data + where.offset;
  size_t size = where.size;
  sm_status status = get_type(&type, table, where, err);
  if (status != SM_OK) return fail_in_block(table, where, true, status, err);
  if (type == COMPRESSION_SNAPPY) {
    status = decompress(&plain, &size, table, where, err);
    data = plain;
  }
  if (status == SM_OK) status = sm_block_init(&index, data, size, err);
  if (status == SM_OK) status = list_data_blocks(table, &index, err);
  return status == SM_OK ? SM_OK : fail_in_block(table, where, type == COMPRESSION_NONE, status, err);
}

/* Nothing is read of the metaindex block: there is none but empty ones. */
static sm_status read_footer(handle *index, const sm_table *table, sm_error *err) {
  uint64_t metaindex_named[2], index_named[2];
  if (table->file.size < FOOTER_SIZE)
    return sm_fail_at(err, SM_DATA_LOSS, 0, "%zu bytes are too few for a table, which ends with %d", table->file.size,
                      FOOTER_SIZE);
  const uint8_t *end = table->file.data + table->file.size, *footer = end - FOOTER_SIZE, *magic = end - MAGIC_SIZE;
  if (sm_read_le64(magic) != TABLE_MAGIC)
    return sm_fail_at(err, SM_DATA_LOSS, table->file.size - MAGIC_SIZE,
                      "not a table: the last 8 bytes are 0x%016llx instead of 0x%016llx",
                      (unsigned long long)sm_read_le64(magic), (unsigned long long)TABLE_MAGIC);
  const uint8_t *p = read_handle(metaindex_named, footer, magic);
  if (p != NULL) p = read_handle(index_named, p, magic);
  if (p == NULL)
    return sm_fail_at(err, SM_DATA_LOSS, table->file.size - FOOTER_SIZE, "the handles in the footer are damaged");
  return locate(index, table, index_named, table->file.size - FOOTER_SIZE, err);
}

static sm_status read_table(sm_table *table, const char *path, sm_error *err) {
  handle index = {0, 0};
  table->path = sm_arena_copy(&table->arena, sm_string_of(path)).data;
  if (table->path == NULL) return sm_arena_fail(&table->arena, strlen(path) + 1, err);
  sm_status status = read_footer(&index, table, err);
  if (status != SM_OK) {
    sm_error_add_place(err, path);
    return status;
  }
  return read_index(table, index, err);
}

sm_status sm_table_open(sm_table **out, sm_bytes *file, const char *path, const sm_table_options *options,
                        sm_error *err) {
  static const sm_table_options defaults = {0};
  *out = NULL;
  if (options == NULL) options = &defaults;
  const sm_allocator *allocator = sm_allocator_or_malloc(options->allocator);
  uint64_t max_bytes = options->max_bytes != 0 ? options->max_bytes : sm_default_max_bytes(file->size);
  sm_table *table = sm_new(allocator, sm_table);
  if (table == NULL) return SM_FAIL_OOM(err, sizeof *table);
  table->allocator = allocator;
  table->verify = options->verify;
  sm_arena_init(&table->arena, allocator, max_bytes);
  if (!sm_mutex_init(&table->lock)) {
    sm_free(allocator, table);
    return SM_FAIL(err, SM_RESOURCE_EXHAUSTED, "no lock to be had");
  }
  table->file = *file;
  sm_status status = read_table(table, path, err);
  if (status != SM_OK) {
    table->file = (sm_bytes){0}; /* stays the caller's */
    sm_table_close(table);
    return status;
  }
  *file = (sm_bytes){0};
  *out = table;
  return SM_OK;
}

void sm_table_close(sm_table *table) {
  if (table == NULL) return;
  sm_bytes_unload(&table->file);
  sm_arena_free(&table->arena);
  sm_mutex_destroy(&table->lock);
  sm_free(table->allocator, table);
}

/* ---- Finding ---- */

/* The first block that may have a key that is not below start; n_blocks: none. */
static size_t find_block(const sm_table *table, sm_string start) {
  size_t low = 0, high = table->n_blocks;
  while (low < high) {
    size_t middle = low + (high - low) / 2;
    if (sm_string_compare(table->blocks[middle].bound, start) < 0)
      low = middle + 1;
    else
      high = middle;
  }
  return low;
}

/* The first entry whose key is not below start; *i is n_blocks when there is none. */
static sm_status seek(size_t *i, sm_block_entry *entry, const sm_table *table, sm_string start, sm_error *err) {
  for (*i = find_block(table, start); *i != table->n_blocks;
       ++*i) { /* a second time when start is between two blocks */
    sm_block block;
    bool found;
    SM_TRY(get_data_block(&block, table, *i, err));
    sm_status status = sm_block_seek(entry, &found, &block, start, err);
    if (status != SM_OK) return fail_in_block(table, table->blocks[*i].where, false, status, err);
    if (found) return SM_OK;
  }
  return SM_OK;
}

sm_status sm_table_find(sm_string *value, const sm_table *table, sm_string key, sm_error *err) {
  size_t i;
  sm_block_entry entry;
  *value = (sm_string){NULL, 0};
  key = sm_addressed(key);
  SM_TRY(seek(&i, &entry, table, key, err));
  if (i == table->n_blocks || entry.shared + entry.tail.size != key.size) return SM_NOT_FOUND;
  if (memcmp(entry.tail.data, key.data + entry.shared, entry.tail.size) != 0) return SM_NOT_FOUND;
  *value = entry.value;
  return SM_OK;
}

uint64_t sm_table_value_offset(const sm_table *table, sm_string value) {
  uintptr_t begin = (uintptr_t)table->file.data, at = (uintptr_t)value.data;
  return at >= begin && at - begin < table->file.size ? at - begin : SM_NO_OFFSET;
}

/* ---- Walking ---- */

void sm_table_iter_init(sm_table_iter *iter, const sm_table *table) {
  *iter = (sm_table_iter){.table = table};
  sm_buffer_init(&iter->key_bytes, table->allocator, table->arena.max_bytes);
}

void sm_table_iter_free(sm_table_iter *iter) {
  sm_buffer_free(&iter->key_bytes);
  iter->is_valid = false;
}

/* Stands on entry, whose key begins with what is in key_bytes already. */
static sm_status stand_on(sm_table_iter *iter, size_t i, const sm_block_entry *entry, sm_error *err) {
  SM_TRY(sm_buffer_put(&iter->key_bytes, entry->tail.data, entry->tail.size, err));
  iter->key = sm_addressed((sm_string){(const char *)iter->key_bytes.data, iter->key_bytes.size});
  iter->value = entry->value;
  iter->block = i;
  iter->next = entry->next;
  iter->is_valid = true;
  return SM_OK;
}

sm_status sm_table_iter_seek(sm_table_iter *iter, sm_string start, sm_error *err) {
  size_t i;
  sm_block_entry entry;
  iter->is_valid = false;
  SM_TRY(seek(&i, &entry, iter->table, sm_addressed(start), err));
  if (i == iter->table->n_blocks) return SM_OK;
  iter->key_bytes.size = 0;
  SM_TRY(sm_buffer_put(&iter->key_bytes, start.data, entry.shared, err));
  return stand_on(iter, i, &entry, err);
}

sm_status sm_table_iter_next(sm_table_iter *iter, sm_error *err) {
  const sm_table *table = iter->table;
  if (!iter->is_valid) return SM_OK;
  iter->is_valid = false;
  for (size_t i = iter->block, at = iter->next; i != table->n_blocks; i++, at = 0) {
    sm_block block;
    sm_block_entry entry;
    SM_TRY(get_data_block(&block, table, i, err));
    if (at >= block.size) continue;
    sm_status status = sm_block_read(&entry, &block, at, at != 0 ? iter->key_bytes.size : 0, err);
    if (status != SM_OK) return fail_in_block(table, table->blocks[i].where, false, status, err);
    iter->key_bytes.size = entry.shared;
    return stand_on(iter, i, &entry, err);
  }
  return SM_OK;
}
