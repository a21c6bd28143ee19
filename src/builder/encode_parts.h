/* Parts of a meta graph, from the structs that users know to bytes: fields in the order of their numbers, maps sorted, what
 * is a default left out. Format: proto/meta_graph.proto, saver.proto. */
#ifndef SM_BUILDER_ENCODE_PARTS_H
#define SM_BUILDER_ENCODE_PARTS_H

#include <savedmodel/model.h>

#include "wire/emit.h"

/*
 * Appends the fields of a SignatureDef. arena: for the time of the call.
 *
 * Errors: INVALID_ARGUMENT two inputs (outputs, defaults) of one name, text that is not UTF-8, a tensor that does not say
 *   where its value is or has no dtype, components nested more than 16 deep; DATA_LOSS a type_spec or a default that is no
 *   message; RESOURCE_EXHAUSTED.
 */
sm_status sm_encode_signature(sm_buffer *out, const sm_signature *signature, sm_arena *arena, sm_error *err);

/* Appends the fields of a SaverDef. */
sm_status sm_encode_saver(sm_buffer *out, const sm_saver_def *saver, sm_error *err);

/* Appends the fields of a CollectionDef. Errors: INVALID_ARGUMENT no such kind. */
sm_status sm_encode_collection(sm_buffer *out, const sm_collection *collection, sm_error *err);

/* Appends the fields of an AssetFileDef. */
sm_status sm_encode_asset(sm_buffer *out, const char *tensor_name, const char *filename, sm_error *err);

/* Appends a field that is a text, unless it is empty. INVALID_ARGUMENT: it is not UTF-8, or too long. */
sm_status sm_encode_text(sm_buffer *out, uint32_t number, sm_string text, sm_error *err);

#endif
