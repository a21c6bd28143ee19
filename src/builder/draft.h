/*
 * A message that is being made or changed: its fields, each still where it lay or replaced by new bytes. What nobody
 * touches is written as it was, byte for byte and in its place. A meta graph is one, and so is each message inside it that
 * is changed. exclusive.
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
  sm_arena *arena;              /* of the list, and of what replaces something; outlives the draft */
  const sm_wire_source *source; /* of what was there, for messages */
} sm_draft;

/* An empty message. */
void sm_draft_init(sm_draft *draft, sm_arena *arena, const sm_wire_source *source);

/* The fields of a message that is there already; its bytes are borrowed until the draft was written. */
sm_status sm_draft_read(sm_draft *draft, sm_spans message, sm_arena *arena, const sm_wire_source *source,
                        sm_error *err);

/* All values of a field of type bytes, string or message, in order. They stay what they are when the draft is changed. */
sm_status sm_draft_get(sm_spans *out, const sm_draft *draft, uint32_t number, sm_error *err);

/* The value of a field in the list; false when it is of another type than bytes, string and message. */
bool sm_draft_field_value(sm_span *out, const sm_draft *draft, const sm_draft_field *field);

/* The message in a singular field as a draft of its own; an empty one where there is none. */
sm_status sm_draft_open(sm_draft *out, const sm_draft *draft, uint32_t number, sm_error *err);

/* The message that is the value of a map's entry, as a draft of its own. found: is there one? */
sm_status sm_draft_open_entry(sm_draft *out, bool *found, const sm_draft *draft, uint32_t number, sm_string key,
                              sm_error *err);

/* ---- Changing. Values are copied, and stand where the first of the field stood, else in the order of the numbers ---- */

/* One value of type bytes, string or message in place of all of the field. {NULL, 0}: none any more. */
sm_status sm_draft_set(sm_draft *draft, uint32_t number, sm_span value, sm_error *err);

/* The same of a large value, which is not copied: it was written into a buffer of the arena's allocator, behind
 * SM_DRAFT_HEAD_SIZE bytes of any contents. The arena takes the buffer's memory; on failure it may be the buffer's still. */
enum { SM_DRAFT_HEAD_SIZE = 20 };
sm_status sm_draft_take(sm_draft *draft, uint32_t number, sm_buffer *value, sm_error *err);

/* Several. */
sm_status sm_draft_set_list(sm_draft *draft, uint32_t number, sm_spans values, sm_error *err);

/* One number (bool, enum, int32, int64) in place of all of the field. */
sm_status sm_draft_set_number(sm_draft *draft, uint32_t number, uint64_t value, sm_error *err);

/* A message that is a draft itself. */
sm_status sm_draft_set_draft(sm_draft *draft, uint32_t number, const sm_draft *value, sm_error *err);

/* One message of a repeated field, by its place in the list. */
sm_status sm_draft_replace(sm_draft *draft, size_t at, const sm_draft *value, sm_error *err);

/* One more message of a repeated field, behind the last one. */
sm_status sm_draft_add(sm_draft *draft, uint32_t number, const sm_draft *value, sm_error *err);

/* A map field with string keys: the entry of that key. value: of the entry, {NULL, 0}: remove it. A new entry comes before
 * the first one with a greater key. */
sm_status sm_draft_set_entry(sm_draft *draft, uint32_t number, sm_string key, sm_span value, sm_error *err);

sm_status sm_draft_set_entry_draft(sm_draft *draft, uint32_t number, sm_string key, const sm_draft *value,
                                   sm_error *err);

/* Removes the entries of a map whose keys are not wanted. Takes one walk, however many there are. */
typedef bool (*sm_draft_wants_fn)(void *ctx, sm_string key);
sm_status sm_draft_filter_entries(sm_draft *draft, uint32_t number, sm_draft_wants_fn wants, void *ctx, sm_error *err);

/* A list of its own for what is changed, and may be thrown away: the other draft stays what it is. */
sm_status sm_draft_copy(sm_draft *out, const sm_draft *draft, sm_error *err);

/* ---- Writing ---- */

/* Bytes of the whole; then the bytes as spans in the order they are written, neighbours joined. Each span is whole fields,
 * so that they are a message in pieces for all that reads such. The list lies in the arena. */
size_t sm_draft_size(const sm_draft *draft);
sm_status sm_draft_spans(sm_spans *out, const sm_draft *draft, sm_error *err);

/* The bytes in one piece, in the arena; never NULL. */
sm_status sm_draft_bytes(sm_span *out, const sm_draft *draft, sm_error *err);

#endif
