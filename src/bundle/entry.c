#include <stdarg.h>

#include "bundle/bundle_internal.h"
#include "codec/varint.h"

/* ---- Messages ---- */

sm_key_text sm_key_text_of(sm_string key) {
  static const char cut[] = "...", nul[] = "\\x00";
  sm_key_text out;
  size_t used = 0, room = sizeof out.text - sizeof cut;
  size_t i = 0;
  for (; i < key.size && used + sizeof nul <= room; i++) {
    if (key.data[i] != '\0') {
      out.text[used++] = key.data[i];
    } else {
      memcpy(out.text + used, nul, sizeof nul - 1);
      used += sizeof nul - 1;
    }
  }
  if (i < key.size) {
    memcpy(out.text + used, cut, sizeof cut - 1);
    used += sizeof cut - 1;
  }
  out.text[used] = '\0';
  return out;
}

static const sm_wire_source *source_of(const sm_bundle_entry *entry) { return (const void *)entry->reserved[1].data; }

/* The place of a value in the index; none when it was compressed. */
static uint64_t offset_of(const sm_bundle_entry *entry) {
  sm_span file = source_of(entry)->bytes;
  uintptr_t begin = (uintptr_t)file.data, at = (uintptr_t)entry->reserved[0].data;
  return at >= begin && at - begin <= file.size ? at - begin : SM_NO_OFFSET;
}

sm_status sm_entry_fail(const sm_bundle_entry *entry, sm_error *err, const char *format, ...) {
  char what[256], place[40] = "";
  uint64_t offset = offset_of(entry);
  va_list args;
  va_start(args, format);
  vsnprintf(what, sizeof what, format, args);
  va_end(args);
  if (offset != SM_NO_OFFSET) snprintf(place, sizeof place, "byte %llu: ", (unsigned long long)offset);
  return sm_fail_at(err, SM_DATA_LOSS, offset, "%s: %s: %s%s", source_of(entry)->name, sm_key_text_of(entry->key).text,
                    place, what);
}

/* Puts the key into a message of those who know nothing of keys. */
static sm_status add_key(const sm_bundle_entry *entry, sm_status status, sm_error *err) {
  if (status == SM_OK || err == NULL) return status;
  char message[sizeof err->message];
  const char *name = source_of(entry)->name;
  size_t size = strlen(name);
  memcpy(message, err->message, sizeof message);
  bool is_named = strncmp(message, name, size) == 0 && strncmp(message + size, ": ", 2) == 0;
  return sm_fail_at(err, err->code, err->offset, "%s: %s: %s", name, sm_key_text_of(entry->key).text,
                    message + (is_named ? size + 2 : 0));
}

/* ---- Header ---- */

enum { VERSION_PRODUCER = 1, VERSION_MIN_CONSUMER = 2, VERSION_BAD_CONSUMERS = 3 };

/* bad_consumers is repeated: packed or one by one. NULL: they are counted only. */
static sm_status add_consumers(int32_t *consumers, size_t *n, sm_span packed, const sm_wire_source *source,
                               sm_error *err) {
  const uint8_t *p = packed.data, *end = p + packed.size;
  while (p != end) {
    uint64_t value;
    const uint8_t *next = sm_varint_read(p, end, &value);
    if (next == NULL) return sm_wire_fail(source, p, "a varint that does not end", err);
    if (consumers != NULL) consumers[*n] = (int32_t)value;
    ++*n;
    p = next;
  }
  return SM_OK;
}

static sm_status list_consumers(int32_t *consumers, size_t *n, sm_span version, const sm_wire_source *source,
                                sm_error *err) {
  *n = 0;
  sm_wire_reader reader = sm_wire_read(version, source);
  for (sm_wire_field field; sm_wire_next(&reader, &field);)
    if (field.tag == SM_WIRE_TAG(VERSION_BAD_CONSUMERS, SM_WIRE_VARINT) ||
        field.tag == SM_WIRE_TAG(VERSION_BAD_CONSUMERS, SM_WIRE_BYTES))
      SM_TRY(add_consumers(consumers, n, field.bytes, source, err));
  return sm_wire_finish(&reader, err);
}

static sm_status check_version(const sm_bundle_header *header, const sm_wire_source *source, sm_error *err) {
  bool is_bad = false;
  for (size_t i = 0; i < header->n_bad_consumers; i++) is_bad |= header->bad_consumers[i] == CHECKPOINT_VERSION;
  if (header->producer < 0)
    return SM_FAIL(err, SM_DATA_LOSS, "%s: made by version %d of the format", source->name, (int)header->producer);
  if (header->min_consumer > CHECKPOINT_VERSION)
    return SM_FAIL(err, SM_FAILED_PRECONDITION, "%s: for readers of version %d of the format and above, this is %d",
                   source->name, (int)header->min_consumer, (int)CHECKPOINT_VERSION);
  if (is_bad)
    return SM_FAIL(err, SM_FAILED_PRECONDITION, "%s: not for readers of version %d of the format, which this is",
                   source->name, (int)CHECKPOINT_VERSION);
  return SM_OK;
}

sm_status sm_header_read_version(sm_bundle_header *out, sm_span version, const sm_wire_source *source, sm_arena *arena,
                                 sm_error *err) {
  sm_wire_reader reader = sm_wire_read(version, source);
  for (sm_wire_field field; sm_wire_next(&reader, &field);) {
    if (field.tag == SM_WIRE_TAG(VERSION_PRODUCER, SM_WIRE_VARINT)) out->producer = (int32_t)field.value;
    if (field.tag == SM_WIRE_TAG(VERSION_MIN_CONSUMER, SM_WIRE_VARINT)) out->min_consumer = (int32_t)field.value;
  }
  SM_TRY(sm_wire_finish(&reader, err));
  size_t n;
  SM_TRY(list_consumers(NULL, &n, version, source, err));
  int32_t *consumers = sm_arena_array(arena, int32_t, n);
  if (consumers == NULL) return sm_arena_fail(arena, n * sizeof *consumers, err);
  SM_TRY(list_consumers(consumers, &n, version, source, err));
  out->bad_consumers = consumers;
  out->n_bad_consumers = n;
  return check_version(out, source, err);
}

sm_status sm_header_read(sm_bundle_header *out, sm_span value, const sm_wire_source *source, sm_arena *arena,
                         sm_error *err) {
  int32_t endianness = 0;
  *out = (sm_bundle_header){.format = 2};
  sm_wire_reader reader = sm_wire_read(value, source);
  for (sm_wire_field field; sm_wire_next(&reader, &field);) {
    switch (field.tag) {
      case SM_WIRE_TAG(HEADER_NUM_SHARDS, SM_WIRE_VARINT): out->n_shards = (int32_t)field.value; break;
      case SM_WIRE_TAG(HEADER_ENDIANNESS, SM_WIRE_VARINT): endianness = (int32_t)field.value; break;
      case SM_WIRE_TAG(HEADER_VERSION, SM_WIRE_BYTES):
        SM_TRY(sm_header_read_version(out, field.bytes, source, arena, err));
        break;
      default: break;
    }
  }
  SM_TRY(sm_wire_finish(&reader, err));
  if (endianness != 0 && endianness != 1)
    return SM_FAIL(err, SM_DATA_LOSS, "%s: header: byte order %d, expected 0 or 1", source->name, (int)endianness);
  if (out->n_shards < 1)
    return SM_FAIL(err, SM_DATA_LOSS, "%s: header: %d data files", source->name, (int)out->n_shards);
  if (out->n_shards > MAX_SHARDS)
    return SM_FAIL(err, SM_RESOURCE_EXHAUSTED, "%s: header: %d data files, the limit is %d", source->name,
                   (int)out->n_shards, (int)MAX_SHARDS);
  out->big_endian = endianness == 1;
  return SM_OK;
}

/* ---- Entries ---- */

/* Field numbers: proto/tensor_shape.proto. */
enum { SHAPE_DIM = 2, SHAPE_UNKNOWN_RANK = 3, DIM_SIZE = 1 };

/* A shape given twice is the two put together, as of every message. */
static sm_status add_shape(sm_bundle_entry *entry, sm_span shape, const sm_wire_source *source, sm_error *err) {
  sm_wire_reader dims = sm_wire_read(shape, source);
  for (sm_wire_field dim; sm_wire_next(&dims, &dim);) {
    if (dim.tag == SM_WIRE_TAG(SHAPE_UNKNOWN_RANK, SM_WIRE_VARINT) && dim.value != 0)
      return sm_entry_fail(entry, err, "the shape has no rank");
    if (dim.tag != SM_WIRE_TAG(SHAPE_DIM, SM_WIRE_BYTES)) continue;
    if (entry->rank == SM_MAX_RANK) return sm_entry_fail(entry, err, "more than %d dimensions", SM_MAX_RANK);
    int64_t size = 0;
    sm_wire_reader sizes = sm_wire_read(dim.bytes, source);
    for (sm_wire_field field; sm_wire_next(&sizes, &field);)
      if (field.tag == SM_WIRE_TAG(DIM_SIZE, SM_WIRE_VARINT)) size = (int64_t)field.value;
    SM_TRY(add_key(entry, sm_wire_finish(&sizes, err), err));
    entry->dims[entry->rank++] = size;
  }
  return add_key(entry, sm_wire_finish(&dims, err), err);
}

/* What the fields say, taken as it is. */
static sm_status read_fields(sm_bundle_entry *entry, int64_t *offset, int64_t *size, const sm_wire_source *source,
                             sm_error *err) {
  sm_span value = {(const uint8_t *)entry->reserved[0].data, entry->reserved[0].size};
  sm_wire_reader reader = sm_wire_read(value, source);
  for (sm_wire_field field; sm_wire_next(&reader, &field);) {
    switch (field.tag) {
      case SM_WIRE_TAG(ENTRY_DTYPE, SM_WIRE_VARINT): entry->dtype = (sm_dtype)(int32_t)field.value; break;
      case SM_WIRE_TAG(ENTRY_SHAPE, SM_WIRE_BYTES): SM_TRY(add_shape(entry, field.bytes, source, err)); break;
      case SM_WIRE_TAG(ENTRY_SHARD_ID, SM_WIRE_VARINT): entry->shard = (int32_t)field.value; break;
      case SM_WIRE_TAG(ENTRY_OFFSET, SM_WIRE_VARINT): *offset = (int64_t)field.value; break;
      case SM_WIRE_TAG(ENTRY_SIZE, SM_WIRE_VARINT): *size = (int64_t)field.value; break;
      case SM_WIRE_TAG(ENTRY_CRC32C, SM_WIRE_FIXED32): entry->crc32c = (uint32_t)field.value; break;
      case SM_WIRE_TAG(ENTRY_SLICES, SM_WIRE_BYTES): entry->n_slices++; break;
      default: break;
    }
  }
  return add_key(entry, sm_wire_finish(&reader, err), err);
}

static sm_status check_type(const sm_bundle_entry *entry, sm_error *err) {
  bool is_stored = sm_dtype_size(entry->dtype) != 0 || entry->dtype == SM_DT_STRING || entry->dtype == SM_DT_VARIANT;
  if (is_stored) return SM_OK;
  const char *name = sm_dtype_name(entry->dtype);
  return sm_entry_fail(entry, err, "dtype %d (%s), which no checkpoint holds", (int)entry->dtype,
                       name != NULL ? name : "unknown");
}

/* The bytes of n elements: exactly (least == most), or what a list of strings at least takes (core/util/tensor_bundle:
 * WriteStringTensor: a length of one byte each, a checksum; WriteVariantTensor: a length and a checksum each). */
static bool size_fits(const sm_bundle_entry *entry, uint64_t n, uint64_t size) {
  const uint64_t crc_size = 4, least_variant = 1 + crc_size;
  if (entry->dtype == SM_DT_STRING)
    return n == 0 ? size == crc_size || size == 0 : size >= crc_size && size - crc_size >= n;
  if (entry->dtype == SM_DT_VARIANT) return n == 0 ? size == 0 : size / least_variant >= n;
  uint64_t expected;
  return !__builtin_mul_overflow(n, (uint64_t)sm_dtype_size(entry->dtype), &expected) && size == expected;
}

static sm_status check_place(sm_bundle_entry *entry, int64_t n, int64_t offset, int64_t size,
                             const sm_bundle_header *header, sm_error *err) {
  if (entry->shard < 0 || entry->shard >= header->n_shards)
    return sm_entry_fail(entry, err, "in data file %d of %d", (int)entry->shard, (int)header->n_shards);
  if (offset < 0 || size < 0 || size > INT64_MAX - offset)
    return sm_entry_fail(entry, err, "%lld bytes at %lld of the data file", (long long)size, (long long)offset);
  if (!size_fits(entry, (uint64_t)n, (uint64_t)size))
    return sm_entry_fail(entry, err, "%lld bytes, which is not the size of %lld elements of %s", (long long)size,
                         (long long)n, sm_dtype_name(entry->dtype));
  entry->offset = (uint64_t)offset;
  entry->size = (uint64_t)size;
  return SM_OK;
}

/* ---- Slices ---- */

static sm_status read_slice(sm_extent *extents, const sm_bundle_entry *entry, sm_span slice, sm_error *err) {
  sm_extent box[SM_MAX_RANK];
  const sm_slice_spec spec = {extents, (size_t)entry->rank};
  sm_status status = sm_slice_read(extents, spec.n_extents, (sm_spans){&slice, 1}, source_of(entry), err);
  if (status == SM_OK) status = sm_box_of(box, &spec, entry->dims, spec.n_extents, SM_DATA_LOSS, err);
  return add_key(entry, status, err);
}

sm_status sm_entry_next_slice(sm_extent *extents, const sm_bundle_entry *entry, uint64_t *position, sm_error *err) {
  sm_string value = entry->reserved[0];
  if (*position > value.size) return SM_FAIL(err, SM_INVALID_ARGUMENT, "a position that no call has given");
  sm_span rest = {(const uint8_t *)value.data + *position, value.size - (size_t)*position};
  sm_wire_reader reader = sm_wire_read(rest, source_of(entry));
  for (sm_wire_field field; sm_wire_next(&reader, &field);) {
    if (field.tag != SM_WIRE_TAG(ENTRY_SLICES, SM_WIRE_BYTES)) continue;
    *position = (uint64_t)(reader.p - (const uint8_t *)value.data);
    return read_slice(extents, entry, field.bytes, err);
  }
  SM_TRY(add_key(entry, sm_wire_finish(&reader, err), err));
  return SM_FAIL(err, SM_OUT_OF_RANGE, "no more slices");
}

sm_status sm_bundle_entry_next_slice(sm_extent *extents, const sm_bundle_entry *entry, uint64_t *position,
                                     sm_error *err) {
  if (entry->n_slices == 0) return SM_FAIL(err, SM_OUT_OF_RANGE, "no slices");
  return sm_entry_next_slice(extents, entry, position, err);
}

/* Checks all of them. */
static sm_status check_slices(const sm_bundle_entry *entry, sm_error *err) {
  sm_extent extents[SM_MAX_RANK];
  uint64_t position = 0;
  for (size_t i = 0; i < entry->n_slices; i++) SM_TRY(sm_entry_next_slice(extents, entry, &position, err));
  return SM_OK;
}

/* ---- Whole entries ---- */

static sm_status count_elements(int64_t *n, const sm_bundle_entry *entry, sm_error *err) {
  for (int32_t i = 0; i < entry->rank; i++)
    if (entry->dims[i] < 0) return sm_entry_fail(entry, err, "dimension %d is %lld", (int)i, (long long)entry->dims[i]);
  size_t n_bytes;
  if (sm_shape_elements(n, entry->dims, (size_t)entry->rank) &&
      sm_shape_bytes(&n_bytes, entry->dtype, entry->dims, (size_t)entry->rank))
    return SM_OK;
  return sm_entry_fail(entry, err, "a shape of more bytes than can be");
}

sm_status sm_entry_read(sm_bundle_entry *entry, sm_string key, sm_string value, const sm_bundle_header *header,
                        const sm_wire_source *source, sm_error *err) {
  int64_t offset = 0, size = 0, n;
  entry->key = key;
  entry->dtype = SM_DT_INVALID;
  entry->rank = 0;
  entry->shard = 0;
  entry->crc32c = 0;
  entry->offset = entry->size = 0;
  entry->n_slices = 0;
  entry->reserved[0] = value;
  entry->reserved[1] = (sm_string){(const void *)source, 0};
  SM_TRY(read_fields(entry, &offset, &size, source, err));
  SM_TRY(check_type(entry, err));
  SM_TRY(count_elements(&n, entry, err));
  if (entry->n_slices == 0 && header->format == 2) return check_place(entry, n, offset, size, header, err);
  entry->shard = -1; /* where it lies, the slices say; a merge leaves a number here all the same */
  entry->crc32c = 0;
  return check_slices(entry, err);
}
