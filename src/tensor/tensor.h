/*
 * tensor: element types, shapes, boxes cut out of tensors, tensors in memory. What is public of it is in
 * savedmodel/tensor.h. Nothing here knows of files.
 *
 *   tensor.h         dtypes and shapes: how many elements, how many bytes; making tensors
 *   slice.h          boxes: in protos and in text, copying what two have in common
 *   tensor_proto.h   tensors in messages
 */
#ifndef SM_TENSOR_TENSOR_H
#define SM_TENSOR_TENSOR_H

#include <savedmodel/tensor.h>

#include "wire/wire.h"

/* ---- Element types ---- */

/* Bytes of an element in memory: that of sm_dtype_size, or of an sm_string; 0: no tensor in memory has this dtype. */
size_t sm_element_size(sm_dtype dtype);

/* Bytes that are turned round where byte orders differ: half of a complex number, the whole of others; 1: none are. */
size_t sm_dtype_order_size(sm_dtype dtype);

/* ---- Shapes ---- */

/* A shape: rank -1 and no dims when it is unknown; dims of -1 are unknown. */
typedef struct sm_shape {
  int32_t rank;
  const int64_t *dims;
} sm_shape;

/*
 * Reads the pieces of a TensorShapeProto; dims go to arena. No pieces: a scalar, as the proto's defaults say.
 * Any rank is taken here, and any number as a dimension: what a graph may hold is wider than what a tensor can be.
 */
sm_status sm_shape_read(sm_shape *out, sm_spans pieces, const sm_wire_source *source, sm_arena *arena, sm_error *err);

/*
 * The number of elements; false when a dimension is negative (unknown), there are more than SM_MAX_RANK, or the product
 * does not fit. Multiplied from the first on, so a 0 helps those behind it only: TensorFlow's rule (tensor_shape.cc).
 */
bool sm_shape_elements(int64_t *out, const int64_t *dims, size_t rank);

/* Bytes in memory; false as above, when no tensor in memory has this dtype, or when they are more than PTRDIFF_MAX. */
bool sm_shape_bytes(size_t *out, sm_dtype dtype, const int64_t *dims, size_t rank);

/* ---- Making tensors, but for sm_tensor_new ---- */

/*
 * Of dtype DT_STRING or DT_VARIANT, all strings empty, with room for their bytes: the caller puts those into n_bytes at
 * *bytes, a NUL behind each, and lets the elements point to them. Everything is freed with the tensor.
 */
sm_status sm_tensor_new_strings(sm_tensor **out, char **bytes, size_t n_bytes, const sm_shape *shape, sm_dtype dtype,
                                const sm_allocator *allocator, sm_error *err);

/*
 * Of data that lies somewhere already, such as in a mapped file, and is not to be written. release(ctx) is called when
 * the tensor is freed, by whichever thread does that; not when this call fails. NULL: the data outlives the tensor.
 */
sm_status sm_tensor_new_in_place(sm_tensor **out, const sm_tensor_view *view, void (*release)(void *ctx), void *ctx,
                                 const sm_allocator *allocator, sm_error *err);

/* The one it was made with. */
const sm_allocator *sm_tensor_get_allocator(const sm_tensor *tensor);

#endif
