/* Inside tensor/: which field of a TensorProto has the values of a dtype. */
#ifndef SM_TENSOR_TENSOR_PROTO_INTERNAL_H
#define SM_TENSOR_TENSOR_PROTO_INTERNAL_H

#include "tensor/tensor_proto.h"

/* Field numbers: proto/tensor.proto. */
enum { TENSOR_DTYPE = 1, TENSOR_SHAPE = 2, TENSOR_CONTENT = 4 };

typedef enum sm_value_kind {
  SM_VALUE_NONE,   /* there is no such field */
  SM_VALUE_FIXED,  /* floats and doubles; complex numbers take two */
  SM_VALUE_VARINT, /* numbers, sign-extended to 64 bits where is_signed */
  SM_VALUE_BYTES,  /* one bytes field, a byte for each element */
  SM_VALUE_STRINGS /* bytes or a message for each element */
} sm_value_kind;

typedef struct sm_value_field {
  uint32_t number;
  sm_value_kind kind;
  bool is_signed;
} sm_value_field;

/* All 0: none. */
sm_value_field sm_value_field_of(sm_dtype dtype);

/* Whether numbers lie in memory as they do in files, least significant byte first. */
static inline bool sm_host_is_little_endian(void) { return __BYTE_ORDER__ == __ORDER_LITTLE_ENDIAN__; }

/* What sm_copy_reordered takes for units of that many bytes, to or from a file. */
static inline size_t sm_file_order(size_t unit_size) { return sm_host_is_little_endian() ? 1 : unit_size; }

#endif
