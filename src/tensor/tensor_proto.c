/* Where the parts of a TensorProto lie, and which of its fields are whose. */
#include "tensor/tensor_proto_internal.h"

#define INT \
  { 7, SM_VALUE_VARINT, true }
#define UINT \
  { 7, SM_VALUE_VARINT, false }
#define HALF \
  { 13, SM_VALUE_VARINT, false }
#define FLOAT8 \
  { 18, SM_VALUE_BYTES, false }

/* The numbers are those of proto/tensor.proto; that float4 is in float8_val and 4-bit integers are in int_val, with
 * nothing masked, is what TensorFlow 2.21 does (interop/tensor_proto_tf.py). */
static const sm_value_field fields[] = {
    [SM_DT_FLOAT] = {5, SM_VALUE_FIXED, false},
    [SM_DT_DOUBLE] = {6, SM_VALUE_FIXED, false},
    [SM_DT_INT32] = INT,
    [SM_DT_UINT8] = UINT,
    [SM_DT_INT16] = INT,
    [SM_DT_INT8] = INT,
    [SM_DT_STRING] = {8, SM_VALUE_STRINGS, false},
    [SM_DT_COMPLEX64] = {9, SM_VALUE_FIXED, false},
    [SM_DT_INT64] = {10, SM_VALUE_VARINT, true},
    [SM_DT_BOOL] = {11, SM_VALUE_VARINT, false},
    [SM_DT_QINT8] = INT,
    [SM_DT_QUINT8] = UINT,
    [SM_DT_QINT32] = INT,
    [SM_DT_BFLOAT16] = HALF,
    [SM_DT_QINT16] = INT,
    [SM_DT_QUINT16] = UINT,
    [SM_DT_UINT16] = UINT,
    [SM_DT_COMPLEX128] = {12, SM_VALUE_FIXED, false},
    [SM_DT_HALF] = HALF,
    [SM_DT_VARIANT] = {15, SM_VALUE_STRINGS, false},
    [SM_DT_UINT32] = {16, SM_VALUE_VARINT, false},
    [SM_DT_UINT64] = {17, SM_VALUE_VARINT, false},
    [SM_DT_FLOAT8_E5M2] = FLOAT8,
    [SM_DT_FLOAT8_E4M3FN] = FLOAT8,
    [SM_DT_FLOAT8_E4M3FNUZ] = FLOAT8,
    [SM_DT_FLOAT8_E4M3B11FNUZ] = FLOAT8,
    [SM_DT_FLOAT8_E5M2FNUZ] = FLOAT8,
    [SM_DT_INT4] = INT,
    [SM_DT_UINT4] = UINT,
    [SM_DT_INT2] = INT,
    [SM_DT_UINT2] = UINT,
    [SM_DT_FLOAT4_E2M1FN] = FLOAT8,
};

sm_value_field sm_value_field_of(sm_dtype dtype) {
  static const sm_value_field none;
  return (size_t)dtype < sizeof fields / sizeof fields[0] ? fields[dtype] : none;
}

sm_status sm_tensor_proto_read(sm_tensor_proto *out, sm_spans message, const sm_wire_source *source, sm_arena *arena,
                               sm_error *err) {
  sm_spans shape;
  *out = (sm_tensor_proto){.message = message, .source = source};
  for (size_t i = 0; i < message.n; i++) {
    sm_wire_reader reader = sm_wire_read(message.items[i], source);
    for (sm_wire_field field; sm_wire_next(&reader, &field);) {
      if (field.tag == SM_WIRE_TAG(TENSOR_DTYPE, SM_WIRE_VARINT)) out->dtype = (sm_dtype)(int32_t)field.value;
      if (field.tag == SM_WIRE_TAG(TENSOR_CONTENT, SM_WIRE_BYTES)) out->content = field.bytes;
    }
    SM_TRY(sm_wire_finish(&reader, err));
  }
  SM_TRY(sm_wire_collect(&shape, message, TENSOR_SHAPE, source, arena, err));
  return sm_shape_read(&out->shape, shape, source, arena, err);
}
