/*
 * An index that grows. Models have a hundred thousand tensors and more, so an entry is 56 bytes, its key and what is said of
 * its shape, and is made a message only when it is written.
 *
 * Keys are found by a hash that nobody can foresee who does not know where the index lies in memory: keys come from files.
 */
#include "bundle/writer_internal.h"
#include "codec/highwayhash64.h"
#include "codec/varint.h"

/* Field numbers: proto/tensor_shape.proto, proto/versions.proto. */
enum { SHAPE_DIM = 2, DIM_SIZE = 1, VERSION_PRODUCER = 1, VERSION_MIN_CONSUMER = 2, VERSION_BAD_CONSUMERS = 3 };

/* A TensorSliceProto, encoded. */
struct sm_index_part {
  sm_index_part *next;
  size_t size;
  uint8_t bytes[];
};

enum { FIRST_CAPACITY = 64 };

void sm_index_init(sm_index *index, const sm_allocator *allocator) {
  *index = (sm_index){.allocator = allocator};
  sm_arena_init(&index->arena, allocator, UINT64_MAX);
  sm_buffer_init(&index->scratch, allocator, UINT64_MAX);
}

void sm_index_free(sm_index *index) {
  sm_arena_free(&index->arena);
  sm_buffer_free(&index->scratch);
  if (index->entries != NULL) sm_free(index->allocator, index->entries);
  if (index->slots != NULL) sm_free(index->allocator, index->slots);
  index->entries = NULL;
  index->slots = NULL;
  index->n = index->capacity = index->n_slots = 0;
}

static sm_string key_of(const sm_index_entry *entry) { return (sm_string){entry->bytes, entry->key_size}; }

static sm_string head_of(const sm_index_entry *entry) {
  return (sm_string){entry->bytes + entry->key_size, entry->head_size};
}

/* ---- Finding ---- */

/* The slot where key is, or where it would be put. There is always an empty one. */
static uint32_t slot_of(const sm_index *index, sm_string key) {
  const uint64_t seed[4] = {(uintptr_t)index, 0x243F6A8885A308D3u, 0x13198A2E03707344u, (uintptr_t)index->slots};
  uint32_t mask = index->n_slots - 1, slot = (uint32_t)sm_highwayhash64(seed, key.data, key.size) & mask;
  while (index->slots[slot] != 0 && !sm_string_equal(key_of(&index->entries[index->slots[slot] - 1]), key))
    slot = (slot + 1) & mask;
  return slot;
}

sm_index_entry *sm_index_find(const sm_index *index, sm_string key) {
  if (index->n_slots == 0) return NULL;
  uint32_t number = index->slots[slot_of(index, key)];
  return number != 0 ? &index->entries[number - 1] : NULL;
}

/* ---- Growing ---- */

/* Half of the slots stay empty. */
static sm_status grow_slots(sm_index *index, uint32_t capacity, sm_error *err) {
  uint32_t n_slots = 2 * capacity, *old = index->slots;
  uint32_t *slots = sm_calloc(index->allocator, n_slots * sizeof *slots);
  if (slots == NULL) return SM_FAIL_OOM(err, n_slots * sizeof *slots);
  index->slots = slots;
  index->n_slots = n_slots;
  for (uint32_t i = 0; i < index->n; i++) index->slots[slot_of(index, key_of(&index->entries[i]))] = i + 1;
  if (old != NULL) sm_free(index->allocator, old);
  return SM_OK;
}

static sm_status make_room(sm_index *index, sm_error *err) {
  if (index->n < index->capacity) return SM_OK;
  if (index->capacity > UINT32_MAX / 4) return SM_FAIL(err, SM_RESOURCE_EXHAUSTED, "more than %u tensors", index->n);
  uint32_t capacity = index->capacity == 0 ? FIRST_CAPACITY : 2 * index->capacity;
  size_t size;
  if (!sm_mul_size(capacity, sizeof *index->entries, &size)) return SM_FAIL_OOM(err, SIZE_MAX);
  sm_index_entry *entries = sm_realloc(index->allocator, index->entries, size);
  if (entries == NULL) return SM_FAIL_OOM(err, size);
  index->entries = entries;
  SM_TRY(grow_slots(index, capacity, err));
  index->capacity = capacity;
  return SM_OK;
}

/* dtype and shape, the fields of an entry that come first, behind what scratch holds. */
static sm_status put_head(sm_buffer *out, sm_dtype dtype, const int64_t *dims, int32_t rank, sm_error *err) {
  size_t shape, dim;
  SM_TRY(sm_wire_put_varint(out, ENTRY_DTYPE, (uint64_t)dtype, err));
  SM_TRY(sm_wire_open(&shape, out, ENTRY_SHAPE, err));
  for (int32_t i = 0; i < rank; i++) {
    SM_TRY(sm_wire_open(&dim, out, SHAPE_DIM, err));
    if (dims[i] != 0) SM_TRY(sm_wire_put_varint(out, DIM_SIZE, (uint64_t)dims[i], err));
    SM_TRY(sm_wire_close(out, dim, err));
  }
  return sm_wire_close(out, shape, err);
}

static sm_status fail_exists(sm_string key, sm_error *err) {
  return SM_FAIL(err, SM_ALREADY_EXISTS, "%s: there is a tensor of that name already", sm_key_text_of(key).text);
}

/* key may lie in scratch. */
static sm_status add_entry(uint32_t *number, sm_index *index, sm_string key, sm_string head, sm_error *err) {
  SM_TRY(make_room(index, err));
  uint32_t slot = slot_of(index, key);
  if (index->slots[slot] != 0) return fail_exists(key, err);
  char *bytes = sm_arena_alloc(&index->arena, key.size + head.size);
  if (bytes == NULL) return sm_arena_fail(&index->arena, key.size + head.size, err);
  if (key.size != 0) memcpy(bytes, key.data, key.size);
  memcpy(bytes + key.size, head.data, head.size);
  *number = index->n++;
  index->slots[slot] = index->n;
  index->entries[*number] =
      (sm_index_entry){.bytes = bytes, .key_size = (uint32_t)key.size, .head_size = (uint32_t)head.size};
  return SM_OK;
}

sm_status sm_index_add(uint32_t *number, sm_index *index, sm_string key, sm_dtype dtype, const int64_t *dims,
                       int32_t rank, sm_error *err) {
  if (key.size > INT32_MAX) return SM_FAIL(err, SM_INVALID_ARGUMENT, "a key of %zu bytes", key.size);
  index->scratch.size = 0;
  SM_TRY(put_head(&index->scratch, dtype, dims, rank, err));
  return add_entry(number, index, key, (sm_string){(char *)index->scratch.data, index->scratch.size}, err);
}

/* ---- Parts ---- */

/* Hangs the slice that scratch holds from its tensor. */
static sm_status add_slice(sm_index *index, uint32_t number, sm_error *err) {
  size_t size = index->scratch.size;
  sm_index_part *part = sm_arena_alloc(&index->arena, sizeof *part + size);
  if (part == NULL) return sm_arena_fail(&index->arena, sizeof *part + size, err);
  part->next = NULL;
  part->size = size;
  memcpy(part->bytes, index->scratch.data, size);
  sm_index_entry *entry = &index->entries[number];
  if (entry->last_part != NULL)
    entry->last_part->next = part;
  else
    entry->first_part = part;
  entry->last_part = part;
  return SM_OK;
}

static void take_back(sm_index *index, uint32_t number) {
  index->slots[slot_of(index, key_of(&index->entries[number]))] = 0; /* the last one put: nobody went past it since */
  index->n = number;
}

void sm_index_drop_part(sm_index *index, uint32_t number) {
  sm_index_entry *entry = &index->entries[number];
  sm_index_part *last = entry->first_part;
  if (last == entry->last_part) {
    take_back(index, number);
    return;
  }
  while (last->next != entry->last_part) last = last->next;
  last->next = NULL;
  entry->last_part = last;
}

/* Whether a part of a tensor can be added to one that is there. */
static sm_status check_parts(sm_index *index, const sm_index_entry *found, sm_dtype dtype, const int64_t *dims,
                             int32_t rank, sm_error *err) {
  if (found->first_part == NULL) return fail_exists(key_of(found), err);
  index->scratch.size = 0;
  SM_TRY(put_head(&index->scratch, dtype, dims, rank, err));
  if (sm_string_equal(head_of(found), (sm_string){(char *)index->scratch.data, index->scratch.size})) return SM_OK;
  return SM_FAIL(err, SM_INVALID_ARGUMENT, "%s: dtype or shape are not those of the parts before",
                 sm_key_text_of(key_of(found)).text);
}

sm_status sm_index_check(sm_index *index, sm_string key, sm_dtype dtype, const int64_t *dims, int32_t rank,
                         bool is_part, sm_error *err) {
  const sm_index_entry *found = sm_index_find(index, key);
  if (found == NULL) return SM_OK;
  return is_part ? check_parts(index, found, dtype, dims, rank, err) : fail_exists(key, err);
}

sm_status sm_index_add_part(uint32_t *number, sm_index *index, sm_string key, sm_dtype dtype, const int64_t *dims,
                            const sm_slice_spec *slice, sm_error *err) {
  int32_t rank = (int32_t)slice->n_extents;
  const sm_index_entry *found = sm_index_find(index, key);
  bool is_new = found == NULL;
  if (is_new) {
    SM_TRY(sm_index_add(number, index, key, dtype, dims, rank, err));
  } else {
    *number = (uint32_t)(found - index->entries);
    SM_TRY(check_parts(index, found, dtype, dims, rank, err));
  }
  index->scratch.size = 0;
  sm_status status = sm_slice_write(&index->scratch, ENTRY_SLICES, slice, err);
  if (status == SM_OK) status = add_slice(index, *number, err);
  if (status != SM_OK && is_new) take_back(index, *number);
  return status;
}

/* ---- Writing ---- */

static sm_status put_bad_consumers(sm_buffer *out, const sm_index_header *header, sm_error *err) {
  size_t packed;
  uint8_t varint[SM_VARINT_MAX_SIZE];
  if (header->n_bad_consumers == 0) return SM_OK;
  SM_TRY(sm_wire_open(&packed, out, VERSION_BAD_CONSUMERS, err));
  for (size_t i = 0; i < header->n_bad_consumers; i++) {
    size_t size = (size_t)(sm_varint_write(varint, (uint64_t)(int64_t)header->bad_consumers[i]) - varint);
    SM_TRY(sm_buffer_put(out, varint, size, err));
  }
  return sm_wire_close(out, packed, err);
}

static sm_status put_header(sm_buffer *out, const sm_index_header *header, sm_error *err) {
  size_t version;
  SM_TRY(sm_wire_put_varint(out, HEADER_NUM_SHARDS, (uint64_t)header->n_shards, err));
  if (header->big_endian) SM_TRY(sm_wire_put_varint(out, HEADER_ENDIANNESS, 1, err));
  SM_TRY(sm_wire_open(&version, out, HEADER_VERSION, err));
  if (header->producer != 0) SM_TRY(sm_wire_put_varint(out, VERSION_PRODUCER, (uint64_t)header->producer, err));
  if (header->min_consumer != 0)
    SM_TRY(sm_wire_put_varint(out, VERSION_MIN_CONSUMER, (uint64_t)header->min_consumer, err));
  SM_TRY(put_bad_consumers(out, header, err));
  return sm_wire_close(out, version, err);
}

/* A BundleEntryProto. proto3 leaves out what is 0. */
static sm_status put_entry(sm_buffer *out, const sm_index_entry *entry, const int32_t *shard_ids, sm_error *err) {
  const sm_place *place = &entry->place;
  int32_t shard = shard_ids != NULL ? shard_ids[place->shard] : place->shard;
  sm_string head = head_of(entry);
  SM_TRY(sm_buffer_put(out, head.data, head.size, err));
  if (shard != 0) SM_TRY(sm_wire_put_varint(out, ENTRY_SHARD_ID, (uint64_t)shard, err));
  if (place->offset != 0) SM_TRY(sm_wire_put_varint(out, ENTRY_OFFSET, place->offset, err));
  if (place->size != 0) SM_TRY(sm_wire_put_varint(out, ENTRY_SIZE, place->size, err));
  if (place->crc32c != 0) SM_TRY(sm_wire_put_fixed32(out, ENTRY_CRC32C, place->crc32c, err));
  for (const sm_index_part *part = entry->first_part; part != NULL; part = part->next)
    SM_TRY(sm_buffer_put(out, part->bytes, part->size, err));
  return SM_OK;
}

static bool entry_less(const void *a, const void *b) { return sm_string_compare(key_of(a), key_of(b)) < 0; }

static sm_status write_entries(sm_index *index, const sm_index_header *header, const int32_t *shard_ids,
                               sm_table_writer *table, sm_error *err) {
  sm_buffer *value = &index->scratch;
  value->size = 0;
  SM_TRY(put_header(value, header, err));
  SM_TRY(sm_table_writer_add(table, (sm_string){"", 0}, (sm_string){(char *)value->data, value->size}, err));
  for (uint32_t i = 0; i < index->n; i++) {
    value->size = 0;
    SM_TRY(put_entry(value, &index->entries[i], shard_ids, err));
    sm_string bytes = {(char *)value->data, value->size};
    SM_TRY(sm_table_writer_add(table, key_of(&index->entries[i]), bytes, err));
  }
  return sm_table_writer_finish(table, err);
}

sm_status sm_index_write(sm_index *index, const sm_index_header *header, const int32_t *shard_ids, sm_table_sink sink,
                         sm_error *err) {
  sm_table_writer *table;
  if (index->slots != NULL) sm_free(index->allocator, index->slots); /* sorting moves the entries */
  index->slots = NULL;
  index->n_slots = 0;
  if (index->n != 0) sm_sort(index->entries, index->n, sizeof *index->entries, entry_less);
  SM_TRY(sm_table_writer_new(&table, sink, index->allocator, err));
  sm_status status = write_entries(index, header, shard_ids, table, err);
  sm_table_writer_free(table);
  return status;
}
