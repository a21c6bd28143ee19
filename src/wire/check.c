/*
 * protobuf-c 1.4.1 recurses once per nested message without a limit, takes any bytes for a string, cuts strings at a NUL,
 * refuses groups and fields of unexpected types, and loses values when a message field is given twice. This walk finds
 * all of that first, with a stack of its own, by the descriptors that protobuf-c generated.
 */
#include "wire/wire_internal.h"

#include "codec/varint.h"

enum { ALLOCATION_OVERHEAD = 2 * sizeof(max_align_t) };

/* What protobuf-c notes for each field while it unpacks a message: its ScannedMember, in slabs that double. */
enum { SCANNED_MEMBER_SIZE = 2 * 48 };

typedef struct frame {
  const ProtobufCMessageDescriptor *type; /* NULL: inside a message that is not described */
  sm_wire_reader reader;
  uint64_t seen; /* message fields met so far, by index; the 64th stands for all after it */
} frame;

bool sm_wire_type_fits(const ProtobufCFieldDescriptor *described, sm_wire_type type) {
  switch (described->type) {
    case PROTOBUF_C_TYPE_STRING:
    case PROTOBUF_C_TYPE_BYTES:
    case PROTOBUF_C_TYPE_MESSAGE: return type == SM_WIRE_BYTES;
    case PROTOBUF_C_TYPE_FIXED32:
    case PROTOBUF_C_TYPE_SFIXED32:
    case PROTOBUF_C_TYPE_FLOAT:
      if (type == SM_WIRE_FIXED32) return true;
      break;
    case PROTOBUF_C_TYPE_FIXED64:
    case PROTOBUF_C_TYPE_SFIXED64:
    case PROTOBUF_C_TYPE_DOUBLE:
      if (type == SM_WIRE_FIXED64) return true;
      break;
    default:
      if (type == SM_WIRE_VARINT) return true;
  }
  return described->label == PROTOBUF_C_LABEL_REPEATED && type == SM_WIRE_BYTES; /* packed */
}

static sm_status check_string(const ProtobufCFieldDescriptor *described, sm_span bytes, const sm_wire_source *source,
                              sm_error *err) {
  char what[128];
  if (!sm_utf8_is_valid(bytes.data, bytes.size)) {
    snprintf(what, sizeof what, "string field %.80s is not UTF-8", described->name);
    return sm_wire_fail(source, bytes.data, what, err);
  }
  if (bytes.size != 0 && memchr(bytes.data, '\0', bytes.size) != NULL)
    return SM_FAIL(err, SM_UNIMPLEMENTED, "%s: string field %s holds a NUL byte, which a C string cannot show",
                   source->name, described->name);
  return SM_OK;
}

/* Elements of a packed field are whole: as many bytes as their type says, or varints that end. */
static sm_status check_packed(const ProtobufCFieldDescriptor *described, sm_span bytes, const sm_wire_source *source,
                              sm_error *err) {
  size_t element = sm_wire_type_fits(described, SM_WIRE_FIXED32)   ? 4
                   : sm_wire_type_fits(described, SM_WIRE_FIXED64) ? 8
                                                                   : 0;
  const uint8_t *p = bytes.data, *end = bytes.data + bytes.size;
  if (element != 0) p = bytes.size % element == 0 ? end : NULL;
  while (p != NULL && p != end) {
    uint64_t value;
    p = sm_varint_read(p, end, &value);
  }
  return p != NULL ? SM_OK : sm_wire_fail(source, bytes.data, "a packed list ends inside an element", err);
}

/* protobuf-c takes each byte of packed booleans for one of them, and only 0 and 1. */
static bool are_odd_booleans(const ProtobufCFieldDescriptor *described, sm_span bytes) {
  bool is_odd = false;
  for (size_t i = 0; described->type == PROTOBUF_C_TYPE_BOOL && i < bytes.size; i++) is_odd |= bytes.data[i] > 1;
  return is_odd;
}

sm_status sm_wire_check_value(const ProtobufCFieldDescriptor *described, const sm_wire_field *field,
                              const sm_wire_source *source, sm_error *err) {
  if (described->type == PROTOBUF_C_TYPE_STRING) return check_string(described, field->bytes, source, err);
  bool is_packed = described->type != PROTOBUF_C_TYPE_BYTES && sm_wire_type_of(field) == SM_WIRE_BYTES;
  return is_packed ? check_packed(described, field->bytes, source, err) : SM_OK;
}

/* Notes a field of a described message. *inside is the type to go into, or NULL. */
static sm_status check_field(const ProtobufCMessageDescriptor **inside, frame *in, const sm_wire_field *field,
                             sm_wire_facts *facts, const sm_wire_source *source, sm_error *err) {
  const ProtobufCFieldDescriptor *described = protobuf_c_message_descriptor_get_field(in->type, sm_wire_number(field));
  *inside = NULL;
  if (field->bytes.size > INT32_MAX)
    return SM_FAIL(err, SM_RESOURCE_EXHAUSTED, "%s: field %u of %zu bytes: protobuf-c unpacks up to 2^31-1",
                   source->name, sm_wire_number(field), field->bytes.size);
  facts->unpacked_size += SCANNED_MEMBER_SIZE + ALLOCATION_OVERHEAD;
  if (sm_wire_type_of(field) == SM_WIRE_GROUP ||
      (described != NULL && !sm_wire_type_fits(described, sm_wire_type_of(field)))) {
    facts->needs_merge = true;
    return SM_OK;
  }
  if (described == NULL) { /* kept by protobuf-c as it is */
    facts->unpacked_size += sizeof(ProtobufCMessageUnknownField) + field->whole.size;
    return SM_OK;
  }
  if (described->type == PROTOBUF_C_TYPE_MESSAGE) {
    size_t index = (size_t)(described - in->type->fields);
    uint64_t bit = (uint64_t)1 << (index < 63 ? index : 63);
    if (described->label != PROTOBUF_C_LABEL_REPEATED) {
      if ((in->seen & bit) != 0) facts->needs_merge = true;
      in->seen |= bit;
    }
    *inside = described->descriptor;
    facts->unpacked_size += (*inside)->sizeof_message + sizeof(void *);
    return SM_OK;
  }
  /* A packed element of one byte becomes one of up to eight; strings get a terminator and a pointer. */
  facts->unpacked_size += 8 * (uint64_t)field->bytes.size + 32;
  if (sm_wire_type_of(field) == SM_WIRE_BYTES) facts->needs_merge |= are_odd_booleans(described, field->bytes);
  return sm_wire_check_value(described, field, source, err);
}

sm_status sm_wire_check(sm_wire_facts *facts, const ProtobufCMessageDescriptor *type, sm_span message,
                        const sm_wire_source *source, sm_error *err) {
  frame stack[SM_WIRE_MAX_DEPTH + 1]; /* the first is not nested */
  size_t depth = 1;
  *facts = (sm_wire_facts){.unpacked_size = type->sizeof_message + ALLOCATION_OVERHEAD};
  stack[0] = (frame){.type = type, .reader = sm_wire_read(message, source)};
  while (depth > 0) {
    frame *top = &stack[depth - 1];
    sm_wire_field field;
    if (!sm_wire_next(&top->reader, &field)) {
      SM_TRY(sm_wire_finish(&top->reader, err));
      depth--;
      continue;
    }
    const ProtobufCMessageDescriptor *inside;
    SM_TRY(check_field(&inside, top, &field, facts, source, err));
    if (inside == NULL) continue;
    if (depth == SM_WIRE_MAX_DEPTH + 1) {
      char what[64];
      snprintf(what, sizeof what, "messages nested more than %d deep", SM_WIRE_MAX_DEPTH);
      return sm_wire_fail(source, field.bytes.data, what, err);
    }
    stack[depth++] = (frame){.type = inside, .reader = sm_wire_read(field.bytes, source)};
  }
  return SM_OK;
}
