/*
 * A meta graph that is being made or changed: its fields, each still where it lay or replaced by new bytes. What nobody
 * touches is written as it was, byte for byte and in its place.
 */
#ifndef SM_BUILDER_DRAFT_H
#define SM_BUILDER_DRAFT_H

#include "base/base.h"
#include "wire/wire.h"

/* A field as it is written: tag and value. */
typedef struct sm_draft_field {
  uint32_t number;
  sm_span whole;
} sm_draft_field;

typedef struct sm_draft {
  sm_draft_field *fields; /* in the order they are written */
  size_t n, capacity;
  sm_arena *arena;              /* of what replaces something; outlives the draft */
  const sm_wire_source *source; /* of what was there, for messages */
} sm_draft;

/* An empty message. */
void sm_draft_init(sm_draft *draft, sm_arena *arena, const sm_wire_source *source);

/* The fields of a message that is there already; its bytes are borrowed until the draft was written. */
sm_status sm_draft_read(sm_draft *draft, sm_spans message, sm_arena *arena, const sm_wire_source *source,
                        sm_error *err);

/* All values of a field of type bytes, string or message, in order. Until the draft is changed. */
sm_status sm_draft_get(sm_spans *out, const sm_draft *draft, uint32_t number, sm_error *err);

/* One value (borrowed) in place of all values of the field; where there was none, in the order of the numbers. {NULL, 0}:
 * none any more. */
sm_status sm_draft_set(sm_draft *draft, uint32_t number, sm_span value, sm_error *err);

/* The same for a map field with string keys: the entry of that key. value: of the entry, {NULL, 0}: remove it. */
sm_status sm_draft_set_entry(sm_draft *draft, uint32_t number, sm_string key, sm_span value, sm_error *err);

/* Bytes of the whole; then the bytes as spans in the order they are written, neighbours joined. */
size_t sm_draft_size(const sm_draft *draft);
sm_status sm_draft_spans(sm_spans *out, const sm_draft *draft, sm_error *err);

#endif
