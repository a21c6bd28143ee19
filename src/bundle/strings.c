/*
 * Strings and variants as data files hold them. Source: tensor_bundle.cc, WriteStringTensor, WriteVariantTensor.
 *
 *   strings    length_0:varint .. length_n-1:varint  crc:u32  bytes_0 .. bytes_n-1
 *   variants   (length:varint  bytes  crc:u32) * n                        bytes: a VariantTensorDataProto
 *
 * A checksum takes in lengths as numbers, of a string u32 where that is enough, of a variant always u64; it is stored,
 * masked, and then goes on over its own bytes. The entry has the one of everything. Numbers are in the byte order of the
 * checkpoint, but varints.
 */
#include "bundle/bundle_internal.h"
#include "codec/crc32c.h"
#include "codec/varint.h"

enum { CRC_SIZE = 4 };

/* The bytes of a part that are still to be read. */
typedef struct cursor {
  const uint8_t *p, *end;
  const uint8_t *begin;
  uint32_t crc;
  bool is_checked;
  const sm_bundle_reader *reader;
  const sm_part *part;
} cursor;

static sm_status fail(const cursor *at, const char *what, sm_error *err) {
  return sm_part_fail(at->reader, at->part, SM_DATA_LOSS, err, "%s, at byte %llu of the tensor", what,
                      (unsigned long long)(at->p - at->begin));
}

/* ---- Checksums ---- */

/* A number as the checkpoint's machine had it in memory. */
static void put_number(uint8_t *dst, uint64_t value, size_t size, bool big_endian) {
  for (size_t i = 0; i < size; i++) dst[i] = (uint8_t)(value >> 8 * (big_endian ? size - 1 - i : i));
}

/* Lengths are taken in by the block: one by one, four bytes at a time would be most of the time. */
typedef struct length_block {
  uint8_t bytes[1024];
  size_t used;
} length_block;

static void flush_lengths(length_block *block, cursor *at) {
  at->crc = sm_crc32c_extend(at->crc, block->bytes, block->used);
  block->used = 0;
}

static void add_length(length_block *block, cursor *at, uint64_t length) {
  size_t size = length <= UINT32_MAX ? 4 : 8;
  if (sizeof block->bytes - block->used < size) flush_lengths(block, at);
  put_number(block->bytes + block->used, length, size, at->reader->header.big_endian);
  block->used += size;
}

/* The stored checksum of what was before it. */
static sm_status take_crc(cursor *at, const char *what, sm_error *err) {
  uint8_t expected[CRC_SIZE];
  if (at->end - at->p < CRC_SIZE) return fail(at, "cut off", err);
  put_number(expected, sm_crc32c_mask(at->crc), CRC_SIZE, at->reader->header.big_endian);
  if (at->is_checked && memcmp(at->p, expected, CRC_SIZE) != 0) return fail(at, what, err);
  at->crc = sm_crc32c_extend(at->crc, at->p, CRC_SIZE);
  at->p += CRC_SIZE;
  return SM_OK;
}

static sm_status take_length(uint64_t *length, cursor *at, sm_error *err) {
  const uint8_t *next = sm_varint_read(at->p, at->end, length);
  if (next == NULL) return fail(at, "a length that does not end", err);
  if (*length > (uint64_t)(at->end - next)) return fail(at, "a length past the end", err);
  at->p = next;
  return SM_OK;
}

/* ---- One part ---- */

static sm_status parse_strings(sm_string *out, size_t n, cursor *at, sm_error *err) {
  length_block block;
  block.used = 0;
  for (size_t i = 0; i < n; i++) {
    uint64_t length;
    SM_TRY(take_length(&length, at, err));
    out[i].size = (size_t)length;
    add_length(&block, at, length);
  }
  flush_lengths(&block, at);
  SM_TRY(take_crc(at, "the checksum of the lengths differs", err));
  const uint8_t *bytes = at->p;
  for (size_t i = 0; i < n; i++) {
    if (out[i].size > (size_t)(at->end - at->p)) return fail(at, "strings past the end", err);
    out[i].data = (const char *)at->p;
    at->p += out[i].size;
  }
  if (at->is_checked) at->crc = sm_crc32c_extend(at->crc, bytes, (size_t)(at->p - bytes));
  return SM_OK;
}

static sm_status parse_variants(sm_string *out, size_t n, cursor *at, sm_error *err) {
  for (size_t i = 0; i < n; i++) {
    uint64_t length;
    uint8_t number[8];
    SM_TRY(take_length(&length, at, err));
    put_number(number, length, sizeof number, at->reader->header.big_endian);
    at->crc = sm_crc32c_extend(at->crc, number, sizeof number);
    out[i] = (sm_string){(const char *)at->p, (size_t)length};
    at->crc = sm_crc32c_extend(at->crc, at->p, (size_t)length);
    at->p += length;
    SM_TRY(take_crc(at, "the checksum of a variant differs", err));
  }
  return SM_OK;
}

/* Sets out, n strings, to where they lie in bytes, which are the part's. */
static sm_status parse(sm_string *out, size_t n, const uint8_t *bytes, sm_dtype dtype, bool is_checked,
                       const sm_bundle_reader *reader, const sm_part *part, sm_error *err) {
  cursor at = {
      .p = bytes, .end = bytes + part->size, .begin = bytes, .is_checked = is_checked, .reader = reader, .part = part};
  sm_status status = SM_OK;
  if (part->size != 0) /* else no strings at all: not even their checksum need be there */
    status = dtype == SM_DT_STRING ? parse_strings(out, n, &at, err) : parse_variants(out, n, &at, err);
  SM_TRY(status);
  if (at.p != at.end) return fail(&at, "bytes behind the last element", err);
  return is_checked ? sm_part_compare(at.crc, reader, part, err) : SM_OK;
}

/* The bytes of a part: where they are mapped, or a copy in arena. */
static sm_status load_part(const uint8_t **out, const sm_bundle_reader *reader, const sm_part *part, sm_arena *arena,
                           sm_error *err) {
  static const uint8_t nothing[1];
  sm_shard *shard;
  *out = nothing;
  SM_TRY(sm_shard_of(&shard, reader, part, err));
  if (part->size == 0) return SM_OK;
  if (shard->data != NULL) {
    *out = shard->data + part->offset;
    return SM_OK;
  }
  uint8_t *copy = sm_arena_alloc(arena, (size_t)part->size);
  if (copy == NULL) return sm_arena_fail(arena, (size_t)part->size, err);
  *out = copy;
  return sm_shard_read(copy, (size_t)part->size, NULL, shard, 0, reader, part, err);
}

/* ---- All of them ---- */

/* The elements of a part, in arena. */
static sm_status load_strings(sm_string **out, bool is_checked, const sm_bundle_reader *reader,
                              const sm_bundle_entry *entry, const sm_part *part, sm_arena *arena, sm_error *err) {
  int64_t n;
  size_t size;
  const uint8_t *bytes;
  if (!sm_box_elements(&n, part->box, (size_t)entry->rank) || !sm_mul_size((size_t)n, sizeof **out, &size))
    return SM_FAIL_OOM(err, SIZE_MAX);
  *out = sm_arena_alloc(arena, size);
  if (*out == NULL) return sm_arena_fail(arena, size, err);
  SM_TRY(load_part(&bytes, reader, part, arena, err));
  return parse(*out, (size_t)n, bytes, entry->dtype, is_checked, reader, part, err);
}

static sm_status read_part(sm_string *dst, const sm_extent *wanted, const sm_bundle_reader *reader,
                           const sm_bundle_entry *entry, const sm_part *part, sm_arena *arena, sm_error *err) {
  sm_string *strings;
  SM_TRY(load_strings(&strings, sm_reader_checks(reader), reader, entry, part, arena, err));
  sm_box_copy(dst, wanted, strings, part->box, (size_t)entry->rank, sizeof *strings, 1);
  return SM_OK;
}

sm_status sm_strings_check(const sm_bundle_reader *reader, const sm_bundle_entry *entry, const sm_part *part,
                           sm_error *err) {
  sm_arena arena;
  sm_string *strings;
  sm_arena_init(&arena, reader->allocator, sm_reader_limit(reader));
  sm_status status = load_strings(&strings, true, reader, entry, part, &arena, err);
  sm_arena_free(&arena);
  return status;
}

static void fill(sm_tensor *tensor, char *bytes, const sm_string *strings, size_t n) {
  sm_string *elements = sm_tensor_get_data(tensor);
  for (size_t i = 0; i < n; i++) {
    if (strings[i].size != 0) memcpy(bytes, strings[i].data, strings[i].size);
    bytes[strings[i].size] = '\0';
    elements[i] = (sm_string){bytes, strings[i].size};
    bytes += strings[i].size + 1;
  }
}

static sm_status make_tensor(sm_tensor **out, const sm_extent *wanted, const sm_bundle_reader *reader,
                             const sm_bundle_entry *entry, const sm_string *strings, size_t n, sm_error *err) {
  int64_t dims[SM_MAX_RANK];
  size_t n_bytes = n; /* a NUL behind each */
  char *bytes;
  for (int32_t i = 0; i < entry->rank; i++) dims[i] = wanted[i].length;
  for (size_t i = 0; i < n; i++)
    if (!sm_add_size(n_bytes, strings[i].size, &n_bytes)) return SM_FAIL_OOM(err, SIZE_MAX);
  SM_TRY(sm_reader_check_limit(reader, entry->key, n_bytes, err));
  const sm_shape shape = {entry->rank, dims};
  SM_TRY(sm_tensor_new_strings(out, &bytes, n_bytes, &shape, entry->dtype, reader->allocator, err));
  fill(*out, bytes, strings, n);
  return SM_OK;
}

sm_status sm_strings_read(sm_tensor **out, const sm_extent *wanted, const sm_bundle_reader *reader,
                          const sm_bundle_entry *entry, sm_parts parts, sm_arena *arena, sm_error *err) {
  int64_t n;
  uint64_t n_stored = 0;
  (void)sm_box_elements(&n, wanted, (size_t)entry->rank);
  for (size_t i = 0; i < parts.n; i++) n_stored += parts.items[i].size;
  SM_TRY(sm_reader_check_limit(reader, entry->key, n_stored, err)); /* parts may be the same bytes again and again */
  SM_TRY(sm_reader_check_limit(reader, entry->key, (uint64_t)n, err));
  sm_string *strings = sm_arena_array(arena, sm_string, (size_t)n);
  if (strings == NULL) return sm_arena_fail(arena, (size_t)n, err);
  for (size_t i = 0; i < parts.n; i++) {
    if (reader->v1 != NULL)
      SM_TRY(sm_v1_copy_part(strings, wanted, reader, entry, &parts.items[i], err));
    else
      SM_TRY(read_part(strings, wanted, reader, entry, &parts.items[i], arena, err));
  }
  return make_tensor(out, wanted, reader, entry, strings, (size_t)n, err);
}
