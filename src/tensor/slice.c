/* TensorSliceProto, and boxes as such. */
#include "tensor/slice.h"

/* Field numbers: proto/tensor_slice.proto. */
enum { SLICE_EXTENT = 1, EXTENT_START = 1, EXTENT_LENGTH = 2 };

static const sm_extent whole = {0, -1};

/* An extent with start 0 and length -1 written out is a whole dimension to TensorFlow too. */
static bool is_storable(const sm_extent *extent) {
  int64_t end;
  if (extent->start == whole.start && extent->length == whole.length) return true;
  return extent->start >= 0 && extent->length > 0 && !__builtin_add_overflow(extent->start, extent->length, &end);
}

static sm_status read_extent(sm_extent *out, sm_span bytes, const sm_wire_source *source, sm_error *err) {
  *out = whole;
  sm_wire_reader reader = sm_wire_read(bytes, source);
  for (sm_wire_field field; sm_wire_next(&reader, &field);) {
    if (field.tag == SM_WIRE_TAG(EXTENT_START, SM_WIRE_VARINT)) out->start = (int64_t)field.value;
    if (field.tag == SM_WIRE_TAG(EXTENT_LENGTH, SM_WIRE_VARINT)) out->length = (int64_t)field.value;
  }
  SM_TRY(sm_wire_finish(&reader, err));
  return is_storable(out) ? SM_OK : sm_wire_fail(source, bytes.data, "a slice of a dimension that cannot be", err);
}

sm_status sm_slice_read(sm_extent *extents, size_t rank, sm_spans pieces, const sm_wire_source *source, sm_error *err) {
  size_t n = 0;
  for (size_t i = 0; i < pieces.n; i++) {
    sm_wire_reader reader = sm_wire_read(pieces.items[i], source);
    for (sm_wire_field field; sm_wire_next(&reader, &field);) {
      if (field.tag != SM_WIRE_TAG(SLICE_EXTENT, SM_WIRE_BYTES)) continue;
      if (n < rank) SM_TRY(read_extent(&extents[n], field.bytes, source, err));
      n++;
    }
    SM_TRY(sm_wire_finish(&reader, err));
  }
  if (n == rank) return SM_OK;
  return SM_FAIL(err, SM_DATA_LOSS, "%s: a slice of %zu dimensions, the tensor has %zu", source->name, n, rank);
}

static sm_status write_extent(sm_buffer *out, const sm_extent *extent, sm_error *err) {
  size_t contents;
  SM_TRY(sm_wire_open(&contents, out, SLICE_EXTENT, err));
  if (extent->start != 0) SM_TRY(sm_wire_put_varint(out, EXTENT_START, (uint64_t)extent->start, err));
  if (extent->length != whole.length) SM_TRY(sm_wire_put_varint(out, EXTENT_LENGTH, (uint64_t)extent->length, err));
  return sm_wire_close(out, contents, err);
}

sm_status sm_slice_write(sm_buffer *out, uint32_t number, const sm_slice_spec *slice, sm_error *err) {
  size_t contents;
  SM_TRY(sm_wire_open(&contents, out, number, err));
  for (size_t i = 0; i < slice->n_extents; i++) SM_TRY(write_extent(out, &slice->extents[i], err));
  return sm_wire_close(out, contents, err);
}

sm_status sm_box_of(sm_extent *box, const sm_slice_spec *slice, const int64_t *dims, size_t rank, sm_status failure,
                    sm_error *err) {
  if (slice != NULL && slice->n_extents != rank)
    return SM_FAIL(err, failure, "a slice of %zu dimensions, the tensor has %zu", slice->n_extents, rank);
  for (size_t i = 0; i < rank; i++) {
    sm_extent extent = slice != NULL ? slice->extents[i] : whole;
    if (extent.length == whole.length && extent.start == whole.start) extent.length = dims[i];
    if (extent.start < 0 || extent.length < 0 || extent.start > dims[i] || extent.length > dims[i] - extent.start)
      return SM_FAIL(err, failure, "slice %lld,%lld is not inside dimension %zu, of length %lld",
                     (long long)extent.start, (long long)extent.length, i, (long long)dims[i]);
    box[i] = extent;
  }
  return SM_OK;
}

bool sm_box_elements(int64_t *out, const sm_extent *box, size_t rank) {
  *out = 1;
  for (size_t i = 0; i < rank; i++)
    if (__builtin_mul_overflow(*out, box[i].length, out)) return false;
  return true;
}

bool sm_box_intersect(sm_extent *out, const sm_extent *a, const sm_extent *b, size_t rank) {
  for (size_t i = 0; i < rank; i++) {
    int64_t start = a[i].start > b[i].start ? a[i].start : b[i].start;
    int64_t a_end = a[i].start + a[i].length, b_end = b[i].start + b[i].length;
    int64_t end = a_end < b_end ? a_end : b_end;
    if (start >= end) return false;
    out[i] = (sm_extent){start, end - start};
  }
  return true;
}
