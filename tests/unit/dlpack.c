/* The numbers are those of dlpack.h; interop/dlpack_numpy.py hands such tensors to NumPy. */
#include "support/check.h"

#include <stddef.h>

#include "support/fault_alloc.h"
#include "tensor/dlpack_internal.h"
#include "tensor/tensor.h"

static sm_error err;

static void dlpack__layout(void **state) {
  (void)state;
  assert_number("version", offsetof(DLManagedTensorVersioned, version), 0);
  assert_number("manager_ctx", offsetof(DLManagedTensorVersioned, manager_ctx), 8);
  assert_number("deleter", offsetof(DLManagedTensorVersioned, deleter), 16);
  assert_number("flags", offsetof(DLManagedTensorVersioned, flags), 24);
  assert_number("dl_tensor", offsetof(DLManagedTensorVersioned, dl_tensor), 32);
  assert_number("data", offsetof(DLTensor, data), 0);
  assert_number("device", offsetof(DLTensor, device), 8);
  assert_number("ndim", offsetof(DLTensor, ndim), 16);
  assert_number("dtype", offsetof(DLTensor, dtype), 20);
  assert_number("shape", offsetof(DLTensor, shape), 24);
  assert_number("strides", offsetof(DLTensor, strides), 32);
  assert_number("byte_offset", offsetof(DLTensor, byte_offset), 40);
  assert_number("DLTensor", sizeof(DLTensor), 48);
  assert_number("DLDataType", sizeof(DLDataType), 4);
}

static void dlpack__takes(void **state) {
  (void)state;
  static const int64_t dims[] = {2, 3, 4};
  static const int64_t strides[] = {12, 4, 1};
  sm_fault_alloc fa;
  sm_fault_alloc_init(&fa, UINT64_MAX);
  sm_tensor *tensor;
  DLManagedTensorVersioned *out;
  assert_ok(sm_tensor_new(&tensor, SM_DT_FLOAT, dims, 3, &fa.base, &err), err);
  assert_ok(sm_tensor_take_dlpack(&out, tensor, &err), err);
  assert_number("major", out->version.major, 1);
  assert_number("flags", out->flags, 0);
  assert_true(out->dl_tensor.data == sm_tensor_get_data(tensor));
  assert_number("device", out->dl_tensor.device.device_type, 1);
  assert_number("rank", out->dl_tensor.ndim, 3);
  assert_bytes("shape", out->dl_tensor.shape, sizeof dims, dims, sizeof dims);
  assert_bytes("strides", out->dl_tensor.strides, sizeof dims, strides, sizeof dims);
  assert_number("offset", out->dl_tensor.byte_offset, 0);
  out->deleter(out);
  assert_number("live blocks", fa.live_blocks, 0);
  sm_fault_alloc_destroy(&fa);
}

static void dlpack__dtypes(void **state) {
  (void)state;
  static const struct {
    sm_dtype dtype;
    int code, bits; /* kDLInt 0, UInt 1, Float 2, Bfloat 4, Complex 5, Bool 6, ...: enum DLDataTypeCode */
  } rows[] = {
      {SM_DT_FLOAT, 2, 32},         {SM_DT_DOUBLE, 2, 64},
      {SM_DT_HALF, 2, 16},          {SM_DT_BFLOAT16, 4, 16},
      {SM_DT_INT8, 0, 8},           {SM_DT_INT16, 0, 16},
      {SM_DT_INT32, 0, 32},         {SM_DT_INT64, 0, 64},
      {SM_DT_UINT8, 1, 8},          {SM_DT_UINT16, 1, 16},
      {SM_DT_UINT32, 1, 32},        {SM_DT_UINT64, 1, 64},
      {SM_DT_COMPLEX64, 5, 64},     {SM_DT_COMPLEX128, 5, 128},
      {SM_DT_BOOL, 6, 8},           {SM_DT_FLOAT8_E4M3B11FNUZ, 9, 8},
      {SM_DT_FLOAT8_E4M3FN, 10, 8}, {SM_DT_FLOAT8_E4M3FNUZ, 11, 8},
      {SM_DT_FLOAT8_E5M2, 12, 8},   {SM_DT_FLOAT8_E5M2FNUZ, 13, 8},
      {SM_DT_INT4, 0, 4},           {SM_DT_UINT4, 1, 4},
      {SM_DT_INT2, 0, 2},           {SM_DT_UINT2, 1, 2},
      {SM_DT_FLOAT4_E2M1FN, 17, 4},
  };
  for (size_t i = 0; i < N_OF(rows); i++) {
    sm_tensor *tensor;
    DLManagedTensorVersioned *out;
    assert_ok(sm_tensor_new(&tensor, rows[i].dtype, NULL, 0, NULL, &err), err);
    assert_ok(sm_tensor_take_dlpack(&out, tensor, &err), err);
    assert_number(sm_dtype_name(rows[i].dtype), out->dl_tensor.dtype.code, rows[i].code);
    assert_number(sm_dtype_name(rows[i].dtype), out->dl_tensor.dtype.bits, rows[i].bits);
    assert_number("lanes", out->dl_tensor.dtype.lanes, 1);
    assert_number("padded", out->flags, rows[i].bits < 8 ? 4 : 0); /* DLPACK_FLAG_BITMASK_IS_SUBBYTE_TYPE_PADDED */
    out->deleter(out);
  }
  static const sm_dtype none[] = {SM_DT_STRING, SM_DT_VARIANT, SM_DT_QINT8, SM_DT_QUINT8,
                                  SM_DT_QINT16, SM_DT_QUINT16, SM_DT_QINT32};
  for (size_t i = 0; i < N_OF(none); i++) {
    sm_tensor *tensor;
    DLManagedTensorVersioned *out;
    assert_ok(sm_tensor_new(&tensor, none[i], NULL, 0, NULL, &err), err);
    assert_status(sm_tensor_take_dlpack(&out, tensor, &err), SM_UNIMPLEMENTED, err);
    assert_mentions(err.message, sm_dtype_python_name(none[i]));
    assert_null(out);
    sm_tensor_free(tensor); /* still the caller's */
  }
  assert_number("dtypes", N_OF(rows) + N_OF(none) + 1, SM_DT_FLOAT4_E2M1FN); /* and DT_RESOURCE: no tensor has it */
}

static void count(void *ctx) { ++*(int *)ctx; }

static void dlpack__mapped_memory_is_read_only(void **state) {
  (void)state;
  static const uint8_t byte = 7;
  int n_released = 0;
  sm_tensor_view view = {.dtype = SM_DT_UINT8, .data = &byte, .size = 1};
  sm_tensor *tensor;
  DLManagedTensorVersioned *out;
  assert_ok(sm_tensor_new_in_place(&tensor, &view, count, &n_released, NULL, &err), err);
  assert_ok(sm_tensor_take_dlpack(&out, tensor, &err), err);
  assert_number("flags", out->flags, 1); /* DLPACK_FLAG_BITMASK_READ_ONLY */
  assert_true(out->dl_tensor.data == &byte);
  out->deleter(out);
  assert_int_equal(n_released, 1);
}

static void dlpack__dimensions_of_nothing(void **state) {
  (void)state;
  static const int64_t dims[] = {0, INT64_MAX, INT64_MAX};
  sm_tensor *tensor;
  DLManagedTensorVersioned *out;
  assert_ok(sm_tensor_new(&tensor, SM_DT_DOUBLE, dims, 3, NULL, &err), err);
  assert_ok(sm_tensor_take_dlpack(&out, tensor, &err), err);
  assert_bytes("shape", out->dl_tensor.shape, sizeof dims, dims, sizeof dims);
  out->deleter(out);
}

static void dlpack__without_memory(void **state) {
  (void)state;
  sm_fault_alloc fa;
  sm_fault_alloc_init(&fa, 1); /* the tensor comes first */
  sm_tensor *tensor;
  DLManagedTensorVersioned *out;
  assert_ok(sm_tensor_new(&tensor, SM_DT_FLOAT, NULL, 0, &fa.base, &err), err);
  assert_status(sm_tensor_take_dlpack(&out, tensor, &err), SM_RESOURCE_EXHAUSTED, err);
  sm_tensor_free(tensor);
  assert_number("live blocks", fa.live_blocks, 0);
  sm_fault_alloc_destroy(&fa);
}

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(dlpack__layout),
      cmocka_unit_test(dlpack__takes),
      cmocka_unit_test(dlpack__dtypes),
      cmocka_unit_test(dlpack__mapped_memory_is_read_only),
      cmocka_unit_test(dlpack__dimensions_of_nothing),
      cmocka_unit_test(dlpack__without_memory),
  };
  return cmocka_run_group_tests_name("dlpack", tests, NULL, NULL);
}
