/* Inside wire/: what check.c finds out for unpack.c. */
#ifndef SM_WIRE_WIRE_INTERNAL_H
#define SM_WIRE_WIRE_INTERNAL_H

#include "wire/wire.h"

typedef struct sm_wire_facts {
  uint64_t unpacked_size; /* about what protobuf-c will allocate, never less */
  bool needs_merge;       /* a message field given twice, a group, a known field of an unexpected type, odd booleans */
} sm_wire_facts;

/* DATA_LOSS: framing, UTF-8, deeper than SM_WIRE_MAX_DEPTH; UNIMPLEMENTED: a string with a NUL; RESOURCE_EXHAUSTED: a
 * field larger than protobuf-c takes. */
sm_status sm_wire_check(sm_wire_facts *facts, const ProtobufCMessageDescriptor *type, sm_span message,
                        const sm_wire_source *source, sm_error *err);

/* The same message in bytes that protobuf-c reads rightly. message was checked. */
sm_status sm_wire_merge(sm_span *out, const ProtobufCMessageDescriptor *type, sm_span message, sm_arena *arena,
                        sm_error *err);

/* The value of a field that is no message: UTF-8 (else DATA_LOSS), a NUL (UNIMPLEMENTED), packed lists. */
sm_status sm_wire_check_value(const ProtobufCFieldDescriptor *described, const sm_wire_field *field,
                              const sm_wire_source *source, sm_error *err);

/* True when protobuf-c takes a field of this type for the described one. */
bool sm_wire_type_fits(const ProtobufCFieldDescriptor *described, sm_wire_type type);

#endif
