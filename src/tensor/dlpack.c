#include "tensor/dlpack_internal.h"
#include "tensor/tensor.h"

/* bits 0: no equal. Quantised numbers are none: what they mean is not in their bits. */
static const DLDataType types[] = {
    [SM_DT_FLOAT] = {DLPACK_FLOAT, 32, 1},
    [SM_DT_DOUBLE] = {DLPACK_FLOAT, 64, 1},
    [SM_DT_INT32] = {DLPACK_INT, 32, 1},
    [SM_DT_UINT8] = {DLPACK_UINT, 8, 1},
    [SM_DT_INT16] = {DLPACK_INT, 16, 1},
    [SM_DT_INT8] = {DLPACK_INT, 8, 1},
    [SM_DT_COMPLEX64] = {DLPACK_COMPLEX, 64, 1},
    [SM_DT_INT64] = {DLPACK_INT, 64, 1},
    [SM_DT_BOOL] = {DLPACK_BOOL, 8, 1},
    [SM_DT_BFLOAT16] = {DLPACK_BFLOAT, 16, 1},
    [SM_DT_UINT16] = {DLPACK_UINT, 16, 1},
    [SM_DT_COMPLEX128] = {DLPACK_COMPLEX, 128, 1},
    [SM_DT_HALF] = {DLPACK_FLOAT, 16, 1},
    [SM_DT_UINT32] = {DLPACK_UINT, 32, 1},
    [SM_DT_UINT64] = {DLPACK_UINT, 64, 1},
    [SM_DT_FLOAT8_E5M2] = {DLPACK_FLOAT8_E5M2, 8, 1},
    [SM_DT_FLOAT8_E4M3FN] = {DLPACK_FLOAT8_E4M3FN, 8, 1},
    [SM_DT_FLOAT8_E4M3FNUZ] = {DLPACK_FLOAT8_E4M3FNUZ, 8, 1},
    [SM_DT_FLOAT8_E4M3B11FNUZ] = {DLPACK_FLOAT8_E4M3B11FNUZ, 8, 1},
    [SM_DT_FLOAT8_E5M2FNUZ] = {DLPACK_FLOAT8_E5M2FNUZ, 8, 1},
    [SM_DT_INT4] = {DLPACK_INT, 4, 1},
    [SM_DT_UINT4] = {DLPACK_UINT, 4, 1},
    [SM_DT_INT2] = {DLPACK_INT, 2, 1},
    [SM_DT_UINT2] = {DLPACK_UINT, 2, 1},
    [SM_DT_FLOAT4_E2M1FN] = {DLPACK_FLOAT4_E2M1FN, 4, 1},
};

/* What the consumer holds, and the arrays it points to. */
typedef struct handle {
  DLManagedTensorVersioned managed;
  int64_t numbers[]; /* shape, then strides */
} handle;

static void delete (DLManagedTensorVersioned *managed) {
  sm_tensor *tensor = managed->manager_ctx;
  const sm_allocator *allocator = sm_tensor_get_allocator(tensor);
  sm_tensor_free(tensor);
  sm_free(allocator, managed);
}

/* Row-major. A product that a dimension of 0 would hide may be too large: no element is ever at such a place. */
static void fill_strides(int64_t *strides, const int64_t *dims, int32_t rank) {
  uint64_t stride = 1;
  for (int32_t i = rank; i-- > 0;) {
    strides[i] = (int64_t)stride;
    stride *= (uint64_t)dims[i];
  }
}

sm_status sm_tensor_take_dlpack(struct DLManagedTensorVersioned **out, sm_tensor *tensor, sm_error *err) {
  *out = NULL;
  const sm_tensor_view *view = sm_tensor_get_view(tensor);
  DLDataType type = (size_t)view->dtype < sizeof types / sizeof types[0] ? types[view->dtype] : (DLDataType){0, 0, 0};
  if (type.bits == 0) return SM_FAIL(err, SM_UNIMPLEMENTED, "DLPack has no %s", sm_dtype_python_name(view->dtype));
  const sm_allocator *allocator = sm_tensor_get_allocator(tensor);
  size_t rank = (size_t)view->rank, size = sizeof(handle) + 2 * rank * sizeof(int64_t);
  handle *made = sm_calloc(allocator, size);
  if (made == NULL) return SM_FAIL_OOM(err, size);
  if (rank != 0) memcpy(made->numbers, view->dims, rank * sizeof(int64_t));
  fill_strides(made->numbers + rank, view->dims, view->rank);
  made->managed = (DLManagedTensorVersioned){
      .version = {DLPACK_MAJOR, DLPACK_MINOR},
      .manager_ctx = tensor,
      .deleter = delete,
      .flags = (sm_tensor_get_data(tensor) == NULL ? DLPACK_READ_ONLY : 0) | (type.bits < 8 ? DLPACK_PADDED : 0),
      .dl_tensor = {.data = (void *)(uintptr_t)view->data,
                    .device = {DLPACK_CPU, 0},
                    .ndim = view->rank,
                    .dtype = type,
                    .shape = made->numbers,
                    .strides = made->numbers + rank}};
  *out = &made->managed;
  return SM_OK;
}
