/* The values of a V1 checkpoint: a TensorProto with nothing but the one field that its dtype has. How many elements there
 * are the slice says. Source: core/util/saved_tensor_slice_util.h, SaveTypeTraits. */
#include "bundle/bundle_internal.h"
#include "codec/varint.h"

/* Field numbers: proto/tensor.proto. */
typedef struct value_field {
  uint8_t number;
  uint8_t per_element; /* values: complex numbers have two */
  sm_wire_type type;   /* of one value */
} value_field;

static const value_field fields[] = {
    [SM_DT_FLOAT] = {5, 1, SM_WIRE_FIXED32},       [SM_DT_DOUBLE] = {6, 1, SM_WIRE_FIXED64},
    [SM_DT_INT32] = {7, 1, SM_WIRE_VARINT},        [SM_DT_UINT8] = {7, 1, SM_WIRE_VARINT},
    [SM_DT_INT16] = {7, 1, SM_WIRE_VARINT},        [SM_DT_INT8] = {7, 1, SM_WIRE_VARINT},
    [SM_DT_UINT16] = {7, 1, SM_WIRE_VARINT},       [SM_DT_QINT8] = {7, 1, SM_WIRE_VARINT},
    [SM_DT_QUINT8] = {7, 1, SM_WIRE_VARINT},       [SM_DT_QINT16] = {7, 1, SM_WIRE_VARINT},
    [SM_DT_QUINT16] = {7, 1, SM_WIRE_VARINT},      [SM_DT_QINT32] = {7, 1, SM_WIRE_VARINT},
    [SM_DT_STRING] = {8, 1, SM_WIRE_BYTES},        [SM_DT_COMPLEX64] = {9, 2, SM_WIRE_FIXED32},
    [SM_DT_INT64] = {10, 1, SM_WIRE_VARINT},       [SM_DT_BOOL] = {11, 1, SM_WIRE_VARINT},
    [SM_DT_COMPLEX128] = {12, 2, SM_WIRE_FIXED64}, [SM_DT_HALF] = {13, 1, SM_WIRE_VARINT},
    [SM_DT_BFLOAT16] = {13, 1, SM_WIRE_VARINT},    [SM_DT_UINT32] = {16, 1, SM_WIRE_VARINT},
    [SM_DT_UINT64] = {17, 1, SM_WIRE_VARINT},
};

/* Values on their way into memory. */
typedef struct value_sink {
  uint8_t *p;
  size_t n_left;
  size_t size; /* of a value in memory */
  bool is_bool;
} value_sink;

static bool put_value(value_sink *sink, uint64_t value) {
  if (sink->n_left == 0) return false;
  if (sink->is_bool) value = value != 0;
  switch (sink->size) { /* what a protobuf number has more of is its sign */
    case 1: *sink->p = (uint8_t)value; break;
    case 2: memcpy(sink->p, &(uint16_t){(uint16_t)value}, 2); break;
    case 4: memcpy(sink->p, &(uint32_t){(uint32_t)value}, 4); break;
    default: memcpy(sink->p, &value, 8);
  }
  sink->p += sink->size;
  sink->n_left--;
  return true;
}

static uint64_t read_fixed(const uint8_t *p, size_t size) {
  uint64_t value = 0;
  for (size_t i = 0; i < size; i++) value |= (uint64_t)p[i] << 8 * i;
  return value;
}

/* False: damaged, or too many. */
static bool put_packed(value_sink *sink, sm_span packed, sm_wire_type type) {
  const uint8_t *p = packed.data, *end = p + packed.size;
  if (type != SM_WIRE_VARINT) {
    size_t size = type == SM_WIRE_FIXED32 ? 4 : 8;
    if (packed.size % size != 0) return false;
    for (; p != end; p += size)
      if (!put_value(sink, read_fixed(p, size))) return false;
    return true;
  }
  while (p != end) {
    uint64_t value;
    p = sm_varint_read(p, end, &value);
    if (p == NULL || !put_value(sink, value)) return false;
  }
  return true;
}

static bool put_string(value_sink *sink, sm_span bytes) {
  if (sink->n_left == 0) return false;
  memcpy(sink->p, &(sm_string){(const char *)bytes.data, bytes.size}, sizeof(sm_string));
  sink->p += sizeof(sm_string);
  sink->n_left--;
  return true;
}

static sm_status fail_values(const sm_bundle_reader *reader, const sm_part *part, int64_t n, sm_error *err) {
  return sm_part_fail(reader, part, SM_DATA_LOSS, err, "a slice of %lld elements has another number of values",
                      (long long)n);
}

/* n elements to dst. */
static sm_status decode(void *dst, int64_t n, const sm_bundle_reader *reader, const sm_bundle_entry *entry,
                        const sm_part *part, sm_error *err) {
  const value_field *expected = &fields[entry->dtype];
  size_t n_values = (size_t)n * expected->per_element; /* the bytes of n elements fit */
  value_sink sink = {dst, n_values, sm_element_size(entry->dtype) / expected->per_element, entry->dtype == SM_DT_BOOL};
  sm_wire_reader proto = sm_wire_read(part->values, &reader->source);
  for (sm_wire_field field; sm_wire_next(&proto, &field);) {
    if (sm_wire_number(&field) != expected->number) continue;
    bool is_good = true;
    if (expected->type == SM_WIRE_BYTES && sm_wire_type_of(&field) == SM_WIRE_BYTES)
      is_good = put_string(&sink, field.bytes);
    else if (sm_wire_type_of(&field) == expected->type)
      is_good = put_value(&sink, field.value);
    else if (sm_wire_type_of(&field) == SM_WIRE_BYTES)
      is_good = put_packed(&sink, field.bytes, expected->type);
    if (!is_good) return fail_values(reader, part, n, err);
  }
  SM_TRY(sm_wire_finish(&proto, err));
  return sink.n_left == 0 ? SM_OK : fail_values(reader, part, n, err);
}

/* Is that all there is of the other? */
static bool is_same_box(const sm_extent *a, const sm_extent *b, size_t rank) {
  for (size_t i = 0; i < rank; i++)
    if (a[i].start != b[i].start || a[i].length != b[i].length) return false;
  return true;
}

sm_status sm_v1_copy_part(void *dst, const sm_extent *wanted, const sm_bundle_reader *reader,
                          const sm_bundle_entry *entry, const sm_part *part, sm_error *err) {
  int64_t n;
  size_t size = sm_element_size(entry->dtype), rank = (size_t)entry->rank;
  if ((size_t)entry->dtype >= sizeof fields / sizeof fields[0] || fields[entry->dtype].number == 0)
    return sm_part_fail(reader, part, SM_UNIMPLEMENTED, err, "%s in a checkpoint of version 1",
                        sm_dtype_name(entry->dtype));
  (void)sm_box_elements(&n, part->box, rank); /* no more than the values have bytes: parts.c */
  if (is_same_box(wanted, part->box, rank)) return decode(dst, n, reader, entry, part, err);
  if (!sm_mul_size(size, (size_t)n, &size)) return SM_FAIL_OOM(err, SIZE_MAX);
  uint8_t *all = sm_alloc(reader->allocator, size);
  if (all == NULL) return SM_FAIL_OOM(err, size);
  sm_status status = decode(all, n, reader, entry, part, err);
  if (status == SM_OK) sm_box_copy(dst, wanted, all, part->box, rank, sm_element_size(entry->dtype), 1);
  sm_free(reader->allocator, all);
  return status;
}
