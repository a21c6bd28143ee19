/* Tensors: element types, shapes, slices, their bytes in memory. */
#ifndef SAVEDMODEL_TENSOR_H
#define SAVEDMODEL_TENSOR_H

#include <stdbool.h>

#include <savedmodel/status.h>

SM_BEGIN_DECLS

/* Number of dimensions a tensor can have; TensorFlow's limit too (tensor_shape.h: kMaxDimensions). */
#define SM_MAX_RANK 254

/*
 * Element types: TensorFlow's number, bytes an element takes in a tensor bundle (0: variable or not storable), and the
 * name Python shows. Sub-byte types are stored one to a byte. Source: proto/types.proto.
 */
#define SM_DTYPE_LIST(X)                             \
  X(FLOAT, 1, 4, "float32")                          \
  X(DOUBLE, 2, 8, "float64")                         \
  X(INT32, 3, 4, "int32")                            \
  X(UINT8, 4, 1, "uint8")                            \
  X(INT16, 5, 2, "int16")                            \
  X(INT8, 6, 1, "int8")                              \
  X(STRING, 7, 0, "string")                          \
  X(COMPLEX64, 8, 8, "complex64")                    \
  X(INT64, 9, 8, "int64")                            \
  X(BOOL, 10, 1, "bool")                             \
  X(QINT8, 11, 1, "qint8")                           \
  X(QUINT8, 12, 1, "quint8")                         \
  X(QINT32, 13, 4, "qint32")                         \
  X(BFLOAT16, 14, 2, "bfloat16")                     \
  X(QINT16, 15, 2, "qint16")                         \
  X(QUINT16, 16, 2, "quint16")                       \
  X(UINT16, 17, 2, "uint16")                         \
  X(COMPLEX128, 18, 16, "complex128")                \
  X(HALF, 19, 2, "float16")                          \
  X(RESOURCE, 20, 0, "resource")                     \
  X(VARIANT, 21, 0, "variant")                       \
  X(UINT32, 22, 4, "uint32")                         \
  X(UINT64, 23, 8, "uint64")                         \
  X(FLOAT8_E5M2, 24, 1, "float8_e5m2")               \
  X(FLOAT8_E4M3FN, 25, 1, "float8_e4m3fn")           \
  X(FLOAT8_E4M3FNUZ, 26, 1, "float8_e4m3fnuz")       \
  X(FLOAT8_E4M3B11FNUZ, 27, 1, "float8_e4m3b11fnuz") \
  X(FLOAT8_E5M2FNUZ, 28, 1, "float8_e5m2fnuz")       \
  X(INT4, 29, 1, "int4")                             \
  X(UINT4, 30, 1, "uint4")                           \
  X(INT2, 31, 1, "int2")                             \
  X(UINT2, 32, 1, "uint2")                           \
  X(FLOAT4_E2M1FN, 33, 1, "float4_e2m1fn")

typedef enum sm_dtype {
  SM_DT_INVALID = 0,
#define SM_DTYPE_ENUM_(name, number, size, python) SM_DT_##name = number,
  SM_DTYPE_LIST(SM_DTYPE_ENUM_)
#undef SM_DTYPE_ENUM_
      SM_DT_REF_OFFSET = 100 /* dtype + 100: the reference type of V1 graphs */
} sm_dtype;

/** Bytes of one element; 0 for strings, variants, resources, reference types and numbers that are no dtype. */
SM_API size_t sm_dtype_size(sm_dtype dtype);

/** TensorFlow's enum name, "DT_FLOAT", "DT_FLOAT_REF"; NULL for a number that is no dtype. Static storage, any thread. */
SM_API const char *sm_dtype_name(sm_dtype dtype);

/** The name TensorFlow's Python shows, "float32", "float32_ref"; NULL for a number that is no dtype. Static storage. */
SM_API const char *sm_dtype_python_name(sm_dtype dtype);

/**
 * A tensor in memory that belongs to somebody else: row-major, without gaps, in the byte order of the machine.
 *
 * Elements take sm_dtype_size(dtype) bytes; booleans are 0 or 1, complex numbers two floats. Elements of DT_STRING and
 * DT_VARIANT are sm_string (a variant's: a serialised VariantTensorDataProto). Whoever hands out a view says how long it
 * is good. Plain data: copying the struct copies the view.
 */
typedef struct sm_tensor_view {
  sm_dtype dtype;
  int32_t rank;
  const void *data; /* may be NULL when size is 0 */
  size_t size;      /* bytes at data: number of elements times the size of one */
  int64_t dims[SM_MAX_RANK];
} sm_tensor_view;

/** A part of one dimension. */
typedef struct sm_extent {
  int64_t start;
  int64_t length; /* -1: the whole dimension, start is then 0 */
} sm_extent;

/** A box in a tensor: one extent for each dimension. */
typedef struct sm_slice_spec {
  const sm_extent *extents;
  size_t n_extents; /* the tensor's rank */
} sm_slice_spec;

/* A tensor that owns its memory, or shares a mapped file with others. shared, but for sm_tensor_get_data. */
typedef struct sm_tensor sm_tensor;

/**
 * Make a tensor. Numbers are not initialised; strings are empty, and what is put in their place through
 * sm_tensor_get_data stays the caller's.
 *
 * out        freed with sm_tensor_free.
 * dims       rank numbers; NULL when rank is 0.
 * allocator  NULL: malloc. Memory is aligned to 64 bytes, on huge pages where that helps.
 *
 * Errors: INVALID_ARGUMENT rank outside 0..SM_MAX_RANK, a negative dimension, more elements than fit, or a dtype that
 *   tensors do not have; RESOURCE_EXHAUSTED.
 */
SM_API sm_status sm_tensor_new(sm_tensor **out, sm_dtype dtype, const int64_t *dims, int32_t rank,
                               const sm_allocator *allocator, sm_error *err);

/**
 * Make a tensor of a serialised TensorProto, such as the default of a signature's input or the value of a Const node.
 *
 * out        freed with sm_tensor_free.
 * proto      borrowed for the call.
 * max_bytes  of the tensor, which may be any number of times larger than proto: the last value repeats. 0: max(1 GiB,
 *            64 x proto.size); UINT64_MAX: no limit.
 * allocator  NULL: malloc.
 *
 * Errors: DATA_LOSS damaged, or a dtype or shape that no tensor has; UNIMPLEMENTED handles of resources;
 *   RESOURCE_EXHAUSTED.
 * Format: tensorflow/core/framework/tensor.proto. Result as TF 2.21 Tensor::FromProto.
 */
SM_API sm_status sm_tensor_read_proto(sm_tensor **out, sm_string proto, uint64_t max_bytes,
                                      const sm_allocator *allocator, sm_error *err);

/** What is in it; until sm_tensor_free. */
SM_API const sm_tensor_view *sm_tensor_get_view(const sm_tensor *tensor);

/** Its memory for writing; NULL when it lies in a mapped file. exclusive. */
SM_API void *sm_tensor_get_data(sm_tensor *tensor);

struct DLManagedTensorVersioned; /* of DLPack 1, dlpack.h */

/**
 * Hand a tensor to another library, without a copy, as DLPack: on success the tensor belongs to *out, whose deleter
 * frees it. A tensor in a mapped file is flagged read-only, and may be less aligned than its dtype; numbers of less than a
 * byte are flagged as padded, for they take one each.
 *
 * Errors: UNIMPLEMENTED the dtype has no equal in DLPack (strings, variants, quantised numbers).
 */
SM_API sm_status sm_tensor_take_dlpack(struct DLManagedTensorVersioned **out, sm_tensor *tensor, sm_error *err);

/** Free; NULL is left alone. */
SM_API void sm_tensor_free(sm_tensor *tensor);

SM_END_DECLS

#endif
