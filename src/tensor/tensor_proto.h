/*
 * TensorProto (proto/tensor.proto), both ways: the values of constants in graphs, of default inputs, and of tensors in V1
 * checkpoints. A few bytes can stand for any number of elements, for the last value repeats; so there are two steps: read
 * finds where everything lies, decode makes a tensor of it, of limited size.
 */
#ifndef SM_TENSOR_TENSOR_PROTO_H
#define SM_TENSOR_TENSOR_PROTO_H

#include "tensor/tensor.h"
#include "wire/emit.h"

/* ---- Reading ---- */

/* Borrows the message and its source. In V1 checkpoints a message has neither dtype nor shape: whoever reads those sets
 * them before it is decoded. */
typedef struct sm_tensor_proto {
  sm_dtype dtype;
  sm_shape shape;
  sm_span content; /* tensor_content; empty: the values are in the field that dtype has */
  sm_spans message;
  const sm_wire_source *source;
} sm_tensor_proto;

/* Errors: DATA_LOSS the message is damaged; RESOURCE_EXHAUSTED. Whether it makes sense is seen when it is decoded. */
sm_status sm_tensor_proto_read(sm_tensor_proto *out, sm_spans message, const sm_wire_source *source, sm_arena *arena,
                               sm_error *err);

/* Values in the field that its dtype has, a complex number being one. Errors: DATA_LOSS damaged; those of check. */
sm_status sm_tensor_proto_n_values(uint64_t *out, const sm_tensor_proto *proto, sm_error *err);

/*
 * Makes a tensor, as TensorFlow does (tensor.cc, FromProto): content wins if there is any, and has to be of the right size;
 * of too few values the last one repeats, of none there are zeros and empty strings; of too many the rest is ignored; what
 * does not fit the dtype loses its upper bits.
 *
 * max_bytes  of the tensor. Bytes of a repeated string are there once.
 *
 * Errors: DATA_LOSS a dtype or shape that no tensor has, content that does not fit, damage; UNIMPLEMENTED handles of
 *   resources, which mean something only in the process that made them; RESOURCE_EXHAUSTED more than max_bytes.
 */
sm_status sm_tensor_proto_decode(sm_tensor **out, const sm_tensor_proto *proto, uint64_t max_bytes,
                                 const sm_allocator *allocator, sm_error *err);

/* The same into memory of the caller's: dst_size bytes, which the tensor takes exactly; not for strings and variants. */
sm_status sm_tensor_proto_decode_into(void *dst, size_t dst_size, const sm_tensor_proto *proto, sm_error *err);

/* The tensor where it lies; FAILED_PRECONDITION: it does not lie there as it is in memory. Else the errors of decode. */
sm_status sm_tensor_proto_view(sm_tensor_view *out, const sm_tensor_proto *proto, sm_error *err);

/* ---- Writing ---- */

typedef enum sm_tensor_proto_form {
  SM_TENSOR_PROTO_CONTENT, /* numbers as tensor_content, strings as values: what the operation SerializeTensor writes */
  SM_TENSOR_PROTO_VALUES,  /* in the field of the dtype: Tensor::AsProtoField */
  SM_TENSOR_PROTO_PYTHON   /* tf.make_tensor_proto of an array: as content if there are two elements and the dtype is
                              usual, else as values */
} sm_tensor_proto_form;

/* Appends the fields of the message, without a tag and length of its own. Errors: INVALID_ARGUMENT view's size does not
 * fit its shape, or it has no dtype for this; RESOURCE_EXHAUSTED. */
sm_status sm_tensor_proto_write(sm_buffer *out, const sm_tensor_view *view, sm_tensor_proto_form form, sm_error *err);

/* The values alone, as V1 checkpoints have them. */
sm_status sm_tensor_proto_write_values(sm_buffer *out, const sm_tensor_view *view, sm_error *err);

#endif
