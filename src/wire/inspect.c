#include "wire/wire_internal.h"

typedef struct frame {
  const ProtobufCMessageDescriptor *type;
  sm_wire_reader reader;
} frame;

typedef struct inspection {
  const sm_wire_source *source;
  sm_wire_oddity_fn fn;
  void *ctx;
} inspection;

/* The type of the message that field is, to go into; NULL: nothing more of it is to be seen. */
static const ProtobufCMessageDescriptor *look_at(const inspection *i, const ProtobufCMessageDescriptor *in,
                                                 const sm_wire_field *field) {
  sm_error fault;
  uint32_t number = sm_wire_number(field);
  const ProtobufCFieldDescriptor *described = protobuf_c_message_descriptor_get_field(in, number);
  if (described == NULL || sm_wire_type_of(field) == SM_WIRE_GROUP ||
      !sm_wire_type_fits(described, sm_wire_type_of(field))) {
    i->fn(i->ctx, in, number, NULL);
    return NULL;
  }
  if (described->type == PROTOBUF_C_TYPE_MESSAGE) return described->descriptor;
  if (sm_wire_check_value(described, field, i->source, &fault) != SM_OK) i->fn(i->ctx, in, number, &fault);
  return NULL;
}

static void tell_too_deep(const inspection *i, const ProtobufCMessageDescriptor *in, const sm_wire_field *field) {
  char what[64];
  sm_error fault;
  snprintf(what, sizeof what, "messages nested more than %d deep", SM_WIRE_MAX_DEPTH);
  (void)sm_wire_fail(i->source, field->bytes.data, what, &fault);
  i->fn(i->ctx, in, sm_wire_number(field), &fault);
}

void sm_wire_inspect(const ProtobufCMessageDescriptor *type, sm_span message, const sm_wire_source *source,
                     sm_wire_oddity_fn fn, void *ctx) {
  const inspection i = {source, fn, ctx};
  frame stack[SM_WIRE_MAX_DEPTH + 1]; /* the first is not nested */
  size_t depth = 1;
  stack[0] = (frame){type, sm_wire_read(message, source)};
  while (depth > 0) {
    frame *top = &stack[depth - 1];
    sm_wire_field field;
    sm_error fault;
    if (!sm_wire_next(&top->reader, &field)) {
      if (sm_wire_finish(&top->reader, &fault) != SM_OK) fn(ctx, top->type, 0, &fault);
      depth--;
      continue;
    }
    const ProtobufCMessageDescriptor *inside = look_at(&i, top->type, &field);
    if (inside == NULL) continue;
    if (depth > SM_WIRE_MAX_DEPTH)
      tell_too_deep(&i, top->type, &field);
    else
      stack[depth++] = (frame){inside, sm_wire_read(field.bytes, source)};
  }
}
