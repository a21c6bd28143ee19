#include "codec/varint.h"
#include "tensor/slice.h"
#include "tensor/tensor_proto_internal.h"

enum { SHAPE_DIM = 2, DIM_SIZE = 1 };

static sm_status check(const sm_tensor_view *view, sm_error *err) {
  size_t size;
  if (sm_value_field_of(view->dtype).kind == SM_VALUE_NONE)
    return SM_FAIL(err, SM_INVALID_ARGUMENT, "dtype %d: no tensor in a message has it", (int)view->dtype);
  if (view->rank < 0 || !sm_shape_bytes(&size, view->dtype, view->dims, (size_t)view->rank) || size != view->size)
    return SM_FAIL(err, SM_INVALID_ARGUMENT, "a tensor of %zu bytes, which is not what its shape takes", view->size);
  return SM_OK;
}

static sm_status write_shape(sm_buffer *out, const sm_tensor_view *view, sm_error *err) {
  size_t shape, dim;
  SM_TRY(sm_wire_open(&shape, out, TENSOR_SHAPE, err));
  for (int32_t i = 0; i < view->rank; i++) {
    SM_TRY(sm_wire_open(&dim, out, SHAPE_DIM, err));
    if (view->dims[i] != 0) SM_TRY(sm_wire_put_varint(out, DIM_SIZE, (uint64_t)view->dims[i], err));
    SM_TRY(sm_wire_close(out, dim, err));
  }
  return sm_wire_close(out, shape, err);
}

/* Elements as they are in files. */
static sm_status write_bytes(sm_buffer *out, uint32_t number, const sm_tensor_view *view, sm_error *err) {
  size_t order = sm_file_order(sm_dtype_order_size(view->dtype));
  SM_TRY(sm_wire_put_bytes(out, number, view->data, view->size, err));
  if (order != 1) sm_copy_reordered(out->data + out->size - view->size, view->data, view->size, order);
  return SM_OK;
}

/* The upper bits of a number of 2 or 4 bits are whatever its maker left there: TensorFlow sign-extends, NumPy does not. */
static unsigned bits_of(sm_dtype dtype) {
  switch (dtype) {
    case SM_DT_INT4:
    case SM_DT_UINT4: return 4;
    case SM_DT_INT2:
    case SM_DT_UINT2: return 2;
    default: return 8 * (unsigned)sm_dtype_size(dtype);
  }
}

static uint64_t load(const uint8_t *at, size_t size, unsigned bits, bool is_signed) {
  uint8_t u8;
  uint16_t u16;
  uint32_t u32;
  uint64_t value, sign = (uint64_t)1 << (bits - 1);
  switch (size) {
    case 1: memcpy(&u8, at, 1), value = u8; break;
    case 2: memcpy(&u16, at, 2), value = u16; break;
    case 4: memcpy(&u32, at, 4), value = u32; break;
    default: memcpy(&value, at, 8);
  }
  value &= sign | (sign - 1);
  return is_signed ? (value ^ sign) - sign : value;
}

static sm_status write_varints(sm_buffer *out, sm_value_field values, const sm_tensor_view *view, sm_error *err) {
  const uint8_t *data = view->data;
  size_t contents, size = sm_dtype_size(view->dtype);
  unsigned bits = bits_of(view->dtype);
  SM_TRY(sm_wire_open(&contents, out, values.number, err));
  for (size_t at = 0; at < view->size; at += size) {
    SM_TRY(sm_buffer_reserve(out, SM_VARINT_MAX_SIZE, err));
    uint64_t value = load(data + at, size, bits, values.is_signed);
    out->size = (size_t)(sm_varint_write(out->data + out->size, value) - out->data);
  }
  return sm_wire_close(out, contents, err);
}

static sm_status write_strings(sm_buffer *out, uint32_t number, const sm_tensor_view *view, sm_error *err) {
  const sm_string *strings = view->data;
  for (size_t i = 0; i < view->size / sizeof *strings; i++)
    SM_TRY(sm_wire_put_bytes(out, number, strings[i].data, strings[i].size, err));
  return SM_OK;
}

static sm_status write_values(sm_buffer *out, const sm_tensor_view *view, sm_error *err) {
  sm_value_field values = sm_value_field_of(view->dtype);
  if (view->size == 0) return SM_OK; /* an empty list is no list */
  if (values.kind == SM_VALUE_STRINGS) return write_strings(out, values.number, view, err);
  if (values.kind == SM_VALUE_VARINT) return write_varints(out, values, view, err);
  return write_bytes(out, values.number, view, err); /* packed fixed numbers are the elements' own bytes */
}

/* _TENSOR_CONTENT_TYPES of tensor_util.py is all but these. */
static bool python_writes_values(sm_dtype dtype) {
  switch (dtype) {
    case SM_DT_BOOL:
    case SM_DT_UINT16:
    case SM_DT_COMPLEX64:
    case SM_DT_COMPLEX128:
    case SM_DT_INT4:
    case SM_DT_UINT4:
    case SM_DT_INT2:
    case SM_DT_UINT2: return true;
    default: return false;
  }
}

static bool is_content(const sm_tensor_view *view, sm_tensor_proto_form form) {
  if (view->size == 0 || sm_value_field_of(view->dtype).kind == SM_VALUE_STRINGS) return false;
  if (form == SM_TENSOR_PROTO_CONTENT) return true;
  return form == SM_TENSOR_PROTO_PYTHON && view->size > sm_dtype_size(view->dtype) &&
         !python_writes_values(view->dtype);
}

sm_status sm_tensor_proto_write(sm_buffer *out, const sm_tensor_view *view, sm_tensor_proto_form form, sm_error *err) {
  SM_TRY(check(view, err));
  SM_TRY(sm_wire_put_varint(out, TENSOR_DTYPE, (uint64_t)view->dtype, err));
  SM_TRY(write_shape(out, view, err));
  return is_content(view, form) ? write_bytes(out, TENSOR_CONTENT, view, err) : write_values(out, view, err);
}

sm_status sm_tensor_proto_write_values(sm_buffer *out, const sm_tensor_view *view, sm_error *err) {
  SM_TRY(check(view, err));
  return write_values(out, view, err);
}
