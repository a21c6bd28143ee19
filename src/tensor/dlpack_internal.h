/*
 * The part of DLPack's interface that is needed to hand out a tensor of the CPU. Declared from the specification of DLPack
 * (dlpack.h 1.1, "DLPack: Open In Memory Tensor Structure"); the names are its own, so that *out of sm_tensor_take_dlpack
 * is what users of the original header expect.
 */
#ifndef SM_TENSOR_DLPACK_INTERNAL_H
#define SM_TENSOR_DLPACK_INTERNAL_H

#include <stdint.h>

/* A consumer refuses another major version. 1.1 is what brought the 8-bit floats and DLPACK_PADDED. */
enum { DLPACK_MAJOR = 1, DLPACK_MINOR = 1 };

typedef struct DLPackVersion {
  uint32_t major, minor;
} DLPackVersion;

typedef struct DLDevice {
  int32_t device_type, device_id;
} DLDevice;

enum { DLPACK_CPU = 1 };

typedef struct DLDataType {
  uint8_t code, bits;
  uint16_t lanes;
} DLDataType;

typedef enum dlpack_code {
  DLPACK_INT = 0,
  DLPACK_UINT = 1,
  DLPACK_FLOAT = 2,
  DLPACK_BFLOAT = 4,
  DLPACK_COMPLEX = 5,
  DLPACK_BOOL = 6,
  DLPACK_FLOAT8_E4M3B11FNUZ = 9,
  DLPACK_FLOAT8_E4M3FN = 10,
  DLPACK_FLOAT8_E4M3FNUZ = 11,
  DLPACK_FLOAT8_E5M2 = 12,
  DLPACK_FLOAT8_E5M2FNUZ = 13,
  DLPACK_FLOAT4_E2M1FN = 17
} dlpack_code;

typedef struct DLTensor {
  void *data;
  DLDevice device;
  int32_t ndim;
  DLDataType dtype;
  int64_t *shape;
  int64_t *strides; /* in elements */
  uint64_t byte_offset;
} DLTensor;

typedef struct DLManagedTensorVersioned {
  DLPackVersion version;
  void *manager_ctx;
  void (*deleter)(struct DLManagedTensorVersioned *self);
  uint64_t flags;
  DLTensor dl_tensor;
} DLManagedTensorVersioned;

enum {
  DLPACK_READ_ONLY = 1 << 0,
  DLPACK_PADDED = 1 << 2 /* elements of less than a byte take one each */
};

#endif
