/*
 * wire, canonical bytes: a third door. Of messages that say the same the canonical bytes are the same. Fields stand by
 * number; of what was given more than once there is what counts: the last scalar, all of a message, the last member of a
 * oneof, the last map entry of a key. Maps are sorted by key, their entries have both key and value; repeated numbers are
 * packed where the schema packs; scalars at an implicit default are left out; what the schema does not know comes last.
 *
 * These are the bytes that C++ protobuf serialises deterministically, and that Python's does but for maps with integer keys.
 */
#ifndef SM_WIRE_CANONICAL_H
#define SM_WIRE_CANONICAL_H

#include <savedmodel/convert.h>

#include "wire/wire.h"

/* Writes canonical bytes of one message after the other. exclusive. */
typedef struct sm_canonical {
  const sm_wire_source *source;
  sm_arena *arena;
  sm_sink_fn sink;
  void *sink_ctx;
  struct sm_canonical_frame *stack; /* in arena */
  sm_buffer sizes;                  /* of what a message holds; see canonical.c */
} sm_canonical;

/* source: of all messages. sm_canonical_end is called whether this fails or not. */
sm_status sm_canonical_begin(sm_canonical *out, const sm_wire_source *source, sm_arena *arena, sm_sink_fn sink,
                             void *sink_ctx, sm_error *err);
void sm_canonical_end(sm_canonical *writer);

/*
 * Canonical bytes of a message to sink; with a number as a field of that number: tag, length, message.
 *
 * message  pieces of it. What is canonical already goes to sink as it lies, without another look and without a copy.
 *
 * Errors: DATA_LOSS, also nested more than SM_WIRE_MAX_DEPTH deep; RESOURCE_EXHAUSTED; those of sink. Strings may be
 *   anything.
 */
sm_status sm_canonical_put(sm_canonical *writer, const ProtobufCMessageDescriptor *type, sm_spans message,
                           sm_error *err);
sm_status sm_canonical_put_field(sm_canonical *writer, uint32_t number, const ProtobufCMessageDescriptor *type,
                                 sm_spans message, sm_error *err);

/* Appends the canonical bytes of one message to a buffer. Errors: as above. */
sm_status sm_wire_canonical(sm_buffer *out, const ProtobufCMessageDescriptor *type, sm_span message,
                            const sm_wire_source *source, sm_arena *arena, sm_error *err);

#endif
