/* One block. What is read is checked every time and not only at first, for a mapped file may change under our hands. */
#include "codec/little_endian.h"
#include "codec/varint.h"
#include "table/table_internal.h"

enum { VARINT32_MAX_SIZE = 5 };

sm_status sm_block_init(sm_block *out, const uint8_t *data, size_t size, sm_error *err) {
  if (size < RESTART_SIZE)
    return sm_fail_at(err, SM_DATA_LOSS, 0, "%zu bytes are too few for the number of restarts", size);
  size_t n = sm_read_le32(data + size - RESTART_SIZE), room = size / RESTART_SIZE - 1;
  if (n > room)
    return sm_fail_at(err, SM_DATA_LOSS, size - RESTART_SIZE, "%zu restarts, and there is room for %zu", n, room);
  *out = (sm_block){data, n != 0 ? size - (1 + n) * RESTART_SIZE : 0, n}; /* no restarts: no entries, as in block.cc */
  return SM_OK;
}

static size_t restart_at(const sm_block *block, size_t i) {
  return sm_read_le32(block->data + block->size + i * RESTART_SIZE);
}

/* ---- Entries ---- */

/* Reads a varint of 32 bits; NULL when there is none. */
static const uint8_t *read_size(size_t *value, const uint8_t *p, const uint8_t *end) {
  if (p != end && *p < 0x80) { /* most have one byte */
    *value = *p;
    return p + 1;
  }
  uint64_t wide;
  p = sm_varint_read(p, end - p > VARINT32_MAX_SIZE ? p + VARINT32_MAX_SIZE : end, &wide);
  if (p == NULL || wide > UINT32_MAX) return NULL;
  *value = (size_t)wide;
  return p;
}

sm_status sm_block_read(sm_block_entry *out, const sm_block *block, size_t at, size_t key_size, sm_error *err) {
  const uint8_t *p = block->data + at, *end = block->data + block->size;
  p = read_size(&out->shared, p, end);
  if (p != NULL) p = read_size(&out->tail.size, p, end);
  if (p != NULL) p = read_size(&out->value.size, p, end);
  if (p == NULL) return sm_fail_at(err, SM_DATA_LOSS, at, "entry at byte %zu: the sizes in it are damaged", at);
  if (out->shared > key_size)
    return sm_fail_at(err, SM_DATA_LOSS, at, "entry at byte %zu: it shares %zu bytes with a key of %zu", at,
                      out->shared, key_size);
  size_t left = (size_t)(end - p);
  if (out->tail.size > left || out->value.size > left - out->tail.size)
    return sm_fail_at(err, SM_DATA_LOSS, at, "entry at byte %zu: a key tail of %zu bytes and a value of %zu, %zu left",
                      at, out->tail.size, out->value.size, left);
  out->tail.data = (const char *)p;
  out->value.data = out->tail.data + out->tail.size;
  out->next = (size_t)(p - block->data) + out->tail.size + out->value.size;
  return SM_OK;
}

/* ---- Checking ---- */

static sm_status check_key(sm_buffer *key, const sm_block_entry *entry, size_t at, sm_string at_least, sm_error *err) {
  sm_string before = at_least;
  if (at != 0) { /* what they share need not be compared */
    before = sm_addressed((sm_string){(const char *)key->data, key->size});
    before = (sm_string){before.data + entry->shared, before.size - entry->shared};
  }
  if (sm_string_compare(entry->tail, before) < 0)
    return sm_fail_at(err, SM_DATA_LOSS, at, "entry at byte %zu: its key is below the one before", at);
  key->size = entry->shared;
  return sm_buffer_put(key, entry->tail.data, entry->tail.size, err);
}

sm_status sm_block_check(sm_buffer *key, size_t *n, const sm_block *block, sm_string at_least, sm_error *err) {
  size_t restart = 0;
  *n = 0;
  for (size_t at = 0; at != block->size; ++*n) {
    sm_block_entry entry;
    SM_TRY(sm_block_read(&entry, block, at, key->size, err));
    if (restart < block->n_restarts && restart_at(block, restart) == at && entry.shared == 0) restart++;
    SM_TRY(check_key(key, &entry, at, at_least, err));
    at = entry.next;
  }
  if (block->size == 0 && block->n_restarts != 0 && restart_at(block, 0) == 0) restart = 1; /* of an empty block */
  if (restart == block->n_restarts) return SM_OK;
  return sm_fail_at(err, SM_DATA_LOSS, block->size + restart * RESTART_SIZE,
                    "restart %zu is byte %zu, where no entry with its whole key begins", restart,
                    restart_at(block, restart));
}

/* ---- Searching ---- */

/* The whole key that is at a restart. */
static sm_status read_restart(sm_string *key, const sm_block *block, size_t i, sm_error *err) {
  sm_block_entry entry;
  size_t at = restart_at(block, i);
  *key = (sm_string){"", 0};
  if (at >= block->size)
    return sm_fail_at(err, SM_DATA_LOSS, block->size + i * RESTART_SIZE, "restart %zu is byte %zu of %zu", i, at,
                      block->size);
  SM_TRY(sm_block_read(&entry, block, at, 0, err));
  *key = entry.tail;
  return SM_OK;
}

/* The last restart whose key is below start, or the first one. */
static sm_status find_restart(size_t *at, const sm_block *block, sm_string start, sm_error *err) {
  size_t low = 0, high = block->n_restarts - 1;
  while (low < high) {
    sm_string key;
    size_t middle = low + (high - low + 1) / 2;
    SM_TRY(read_restart(&key, block, middle, err));
    if (sm_string_compare(key, start) < 0)
      low = middle;
    else
      high = middle - 1;
  }
  *at = low != 0 ? restart_at(block, low) : 0;
  return SM_OK;
}

static size_t common_size(sm_string a, sm_string b) {
  size_t n = 0, shorter = a.size < b.size ? a.size : b.size;
  while (n < shorter && a.data[n] == b.data[n]) n++;
  return n;
}

/* Keys are compared without being put together. The key before is below start and has `same` bytes in common with it.
 * One that shares more with that key than these is below start for the same reason; else it is as start up to its
 * tail. */
sm_status sm_block_seek(sm_block_entry *entry, bool *found, const sm_block *block, sm_string start, sm_error *err) {
  size_t at = 0, same = 0, key_size = 0;
  *found = false;
  if (block->size != 0) SM_TRY(find_restart(&at, block, start, err));
  while (at < block->size) {
    SM_TRY(sm_block_read(entry, block, at, key_size, err));
    if (entry->shared <= same) {
      sm_string tail = entry->tail, rest = {start.data + entry->shared, start.size - entry->shared};
      size_t n = common_size(tail, rest);
      *found = n == rest.size || (n < tail.size && (uint8_t)tail.data[n] > (uint8_t)rest.data[n]);
      if (*found) return SM_OK;
      same = entry->shared + n;
    }
    key_size = entry->shared + entry->tail.size;
    at = entry->next;
  }
  return SM_OK;
}
