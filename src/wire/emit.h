/* wire, writing: fields of a message, one after the other, at the end of a buffer. A second door, for those who write. */
#ifndef SM_WIRE_EMIT_H
#define SM_WIRE_EMIT_H

#include "wire/wire.h"

sm_status sm_wire_put_tag(sm_buffer *out, uint32_t number, sm_wire_type type, sm_error *err);

/* A number without a tag, as in a packed list. */
sm_status sm_wire_put_raw_varint(sm_buffer *out, uint64_t value, sm_error *err);

/* Fields. Negative numbers of type int32 and int64 are passed as (uint64_t)(int64_t)n. */
sm_status sm_wire_put_varint(sm_buffer *out, uint32_t number, uint64_t value, sm_error *err);
sm_status sm_wire_put_fixed32(sm_buffer *out, uint32_t number, uint32_t value, sm_error *err);
sm_status sm_wire_put_bytes(sm_buffer *out, uint32_t number, const void *data, size_t size, sm_error *err);

/* Tag, and room for a length; what is put until close is the contents. *contents: where they begin. */
sm_status sm_wire_open(size_t *contents, sm_buffer *out, uint32_t number, sm_error *err);
sm_status sm_wire_close(sm_buffer *out, size_t contents, sm_error *err);

/* The same for up to SM_WIRE_MAX_CLOSED messages, each inside the one before it, that all end here: what is large is moved
 * once for all of them. */
enum { SM_WIRE_MAX_CLOSED = 8 };
sm_status sm_wire_close_all(sm_buffer *out, const size_t *contents, size_t n, sm_error *err);

#endif
