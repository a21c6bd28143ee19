/* Structured values, the other way: copied, taken apart, and to bytes. Format: proto/struct.proto. */
#ifndef SM_OBJECTS_STRUCTURED_WRITE_H
#define SM_OBJECTS_STRUCTURED_WRITE_H

#include <savedmodel/objects.h>

#include "wire/emit.h"

/* Levels below each other; TensorFlow nests tuples, dicts and specs. */
enum { SM_STRUCTURED_MAX_DEPTH = 24 };

/* A copy in arena whose dicts are sorted by key. Errors: INVALID_ARGUMENT too deep, names that are missing or not UTF-8, a
 * key that is there twice; UNIMPLEMENTED constant tensors and types of composite tensors; RESOURCE_EXHAUSTED. */
sm_status sm_structured_copy(sm_structured *out, const sm_structured *value, sm_arena *arena, sm_error *err);

/* Specs of tensors in a copied value, in the order in which they are passed: depth first, dicts by key. Lies in arena. */
sm_status sm_structured_flatten(const sm_structured *const **out, size_t *n, const sm_structured *value,
                                sm_arena *arena, sm_error *err);

/* Appends the fields of a StructuredValue, which was copied before. */
sm_status sm_structured_write(sm_buffer *out, const sm_structured *value, sm_error *err);

/* Appends a field that is a TensorShapeProto; rank -1: unknown. */
sm_status sm_shape_field_write(sm_buffer *out, uint32_t number, int32_t rank, const int64_t *dims, sm_error *err);

#endif
