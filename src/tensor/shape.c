#include "tensor/tensor.h"

/* Field numbers: proto/tensor_shape.proto. */
enum { SHAPE_DIM = 2, SHAPE_UNKNOWN_RANK = 3, DIM_SIZE = 1 };

static sm_status read_dim(int64_t *out, sm_span dim, const sm_wire_source *source, sm_error *err) {
  *out = 0;
  sm_wire_reader reader = sm_wire_read(dim, source);
  for (sm_wire_field field; sm_wire_next(&reader, &field);)
    if (field.tag == SM_WIRE_TAG(DIM_SIZE, SM_WIRE_VARINT)) *out = (int64_t)field.value;
  return sm_wire_finish(&reader, err);
}

static sm_status count_dims(size_t *n_dims, bool *unknown_rank, sm_spans pieces, const sm_wire_source *source,
                            sm_error *err) {
  *n_dims = 0;
  *unknown_rank = false;
  for (size_t i = 0; i < pieces.n; i++) {
    sm_wire_reader reader = sm_wire_read(pieces.items[i], source);
    for (sm_wire_field field; sm_wire_next(&reader, &field);) {
      if (field.tag == SM_WIRE_TAG(SHAPE_DIM, SM_WIRE_BYTES)) ++*n_dims;
      if (field.tag == SM_WIRE_TAG(SHAPE_UNKNOWN_RANK, SM_WIRE_VARINT)) *unknown_rank = field.value != 0;
    }
    SM_TRY(sm_wire_finish(&reader, err));
  }
  return SM_OK;
}

sm_status sm_shape_read(sm_shape *out, sm_spans pieces, const sm_wire_source *source, sm_arena *arena, sm_error *err) {
  size_t n_dims;
  bool unknown_rank;
  SM_TRY(count_dims(&n_dims, &unknown_rank, pieces, source, err));
  *out = (sm_shape){.rank = -1};
  if (unknown_rank) return SM_OK;
  if (n_dims > INT32_MAX) return SM_FAIL(err, SM_DATA_LOSS, "%s: a shape of %zu dimensions", source->name, n_dims);
  int64_t *dims = sm_arena_array(arena, int64_t, n_dims);
  if (dims == NULL) return sm_arena_fail(arena, n_dims * sizeof *dims, err);
  size_t at = 0;
  for (size_t i = 0; i < pieces.n; i++) {
    sm_wire_reader reader = sm_wire_read(pieces.items[i], source);
    for (sm_wire_field field; sm_wire_next(&reader, &field);)
      if (field.tag == SM_WIRE_TAG(SHAPE_DIM, SM_WIRE_BYTES)) SM_TRY(read_dim(&dims[at++], field.bytes, source, err));
  }
  *out = (sm_shape){(int32_t)n_dims, dims};
  return SM_OK;
}

bool sm_shape_elements(int64_t *out, const int64_t *dims, size_t rank) {
  *out = 1;
  if (rank > SM_MAX_RANK) return false;
  for (size_t i = 0; i < rank; i++)
    if (dims[i] < 0 || __builtin_mul_overflow(*out, dims[i], out)) return false;
  return true;
}

bool sm_shape_bytes(size_t *out, sm_dtype dtype, const int64_t *dims, size_t rank) {
  int64_t n;
  size_t element_size = sm_element_size(dtype);
  return element_size != 0 && sm_shape_elements(&n, dims, rank) &&
         !__builtin_mul_overflow((uint64_t)n, element_size, out) && *out <= PTRDIFF_MAX;
}
