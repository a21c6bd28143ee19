/*
 * JSON that is one object of strings: {"key": "value", ...}. Pure functions on bytes.
 * Format: RFC 8259.
 */
#ifndef SM_CODEC_FLAT_JSON_H
#define SM_CODEC_FLAT_JSON_H

#include "base/base.h"

typedef struct sm_json_pair {
  sm_string key, value; /* UTF-8, without NUL; terminated when they were read */
} sm_json_pair;

typedef struct sm_json_pairs {
  sm_json_pair *items;
  size_t n;
} sm_json_pairs;

/*
 * Reads such an object; of values with one key the last counts. out lies in arena, sorted by key.
 *
 * Errors: DATA_LOSS it is something else, with the offset; RESOURCE_EXHAUSTED.
 */
sm_status sm_flat_json_read(sm_json_pairs *out, sm_string text, sm_arena *arena, sm_error *err);

/* Appends it as text: a line for each pair, in the order given, as Python's json.dumps(..., indent=2, ensure_ascii=False). */
sm_status sm_flat_json_write(sm_buffer *out, const sm_json_pairs *pairs, sm_error *err);

#endif
