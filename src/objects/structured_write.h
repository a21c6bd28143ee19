/* Structured values, the other way: copied, taken apart, and to bytes. Format: proto/struct.proto. */
#ifndef SM_OBJECTS_STRUCTURED_WRITE_H
#define SM_OBJECTS_STRUCTURED_WRITE_H

#include <savedmodel/objects.h>

#include "wire/emit.h"

/* Levels below each other. A level of a dict is three messages, and a structured value lies seven deep in a SavedModel: more
 * levels would not be read again (SM_WIRE_MAX_DEPTH). */
enum { SM_STRUCTURED_MAX_DEPTH = 30 };

/* Tensors of one composite tensor: far more than any class of TensorFlow's has. */
enum { SM_STRUCTURED_MAX_FLAT = 1024 };

/* Does a value of that kind hold others? */
static inline bool sm_structured_has_items(const sm_structured *value) {
  switch (value->kind) {
    case SM_STRUCTURED_LIST:
    case SM_STRUCTURED_TUPLE:
    case SM_STRUCTURED_DICT:
    case SM_STRUCTURED_NAMED_TUPLE:
    case SM_STRUCTURED_TYPE_SPEC: return true;
    default: return false;
  }
}

static inline bool sm_structured_has_keys(const sm_structured *value) {
  return value->kind == SM_STRUCTURED_DICT || value->kind == SM_STRUCTURED_NAMED_TUPLE;
}

/* ---- structured_copy.c ---- */

/* A copy in arena whose dicts are sorted by key. Errors: INVALID_ARGUMENT too deep, names that are missing or not UTF-8, a
 * key that is there twice; DATA_LOSS a constant that is no TensorProto; RESOURCE_EXHAUSTED. */
sm_status sm_structured_copy(sm_structured *out, const sm_structured *value, sm_arena *arena, sm_error *err);

/* ---- structured_flatten.c ---- */

/* Specs of tensors in a copied value, in the order in which they are passed: depth first, dicts by key. A composite tensor
 * is passed as its components, whose specs have no name; where its class does not tell them they have neither dtype nor
 * rank. Lies in arena. Errors: INVALID_ARGUMENT a type spec that does not tell how many they are, or too many. */
sm_status sm_structured_flatten(const sm_structured *const **out, size_t *n, const sm_structured *value,
                                sm_arena *arena, sm_error *err);

/* Where tensor i of those is, for messages: "d/0/deep" in the argument "d". Errors: as above. */
sm_status sm_structured_path(char *dst, size_t dst_size, const char *name, const sm_structured *value, size_t i,
                             sm_arena *arena, sm_error *err);

/* ---- structured_write.c ---- */

/* Appends the fields of a StructuredValue, which was copied before. */
sm_status sm_structured_write(sm_buffer *out, const sm_structured *value, sm_error *err);

/* Appends the fields of a TypeSpecProto: those of a TYPE_SPEC without the StructuredValue around it. */
sm_status sm_type_spec_write(sm_buffer *out, const sm_structured *value, sm_error *err);

/* Appends a field that is a TensorShapeProto; rank -1: unknown. */
sm_status sm_shape_field_write(sm_buffer *out, uint32_t number, int32_t rank, const int64_t *dims, sm_error *err);

#endif
