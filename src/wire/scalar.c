#include "wire/canonical_internal.h"

sm_wire_type sm_wire_native_type(const ProtobufCFieldDescriptor *described) {
  switch (described->type) {
    case PROTOBUF_C_TYPE_FIXED32:
    case PROTOBUF_C_TYPE_SFIXED32:
    case PROTOBUF_C_TYPE_FLOAT: return SM_WIRE_FIXED32;
    case PROTOBUF_C_TYPE_FIXED64:
    case PROTOBUF_C_TYPE_SFIXED64:
    case PROTOBUF_C_TYPE_DOUBLE: return SM_WIRE_FIXED64;
    case PROTOBUF_C_TYPE_STRING:
    case PROTOBUF_C_TYPE_BYTES:
    case PROTOBUF_C_TYPE_MESSAGE: return SM_WIRE_BYTES;
    default: return SM_WIRE_VARINT;
  }
}

static uint64_t extend(uint64_t value) { return (uint64_t)(int64_t)(int32_t)(uint32_t)value; }

uint64_t sm_wire_decode_scalar(const ProtobufCFieldDescriptor *described, uint64_t encoded) {
  switch (described->type) {
    case PROTOBUF_C_TYPE_INT32:
    case PROTOBUF_C_TYPE_ENUM:
    case PROTOBUF_C_TYPE_SFIXED32: return extend(encoded);
    case PROTOBUF_C_TYPE_UINT32: return (uint32_t)encoded;
    case PROTOBUF_C_TYPE_SINT32: return extend((uint32_t)encoded >> 1 ^ (0 - (encoded & 1)));
    case PROTOBUF_C_TYPE_SINT64: return encoded >> 1 ^ (0 - (encoded & 1));
    case PROTOBUF_C_TYPE_BOOL: return encoded != 0;
    default: return encoded;
  }
}

/* Back to what stands in a varint, or the lower bits of a fixed number. */
static uint64_t encode_scalar(const ProtobufCFieldDescriptor *described, uint64_t decoded) {
  uint64_t sign = 0 - (decoded >> 63);
  switch (described->type) {
    case PROTOBUF_C_TYPE_SINT32: return (uint32_t)(decoded << 1 ^ sign);
    case PROTOBUF_C_TYPE_SINT64: return decoded << 1 ^ sign;
    default: return decoded;
  }
}

uint8_t *sm_wire_write_scalar(uint8_t *dst, const ProtobufCFieldDescriptor *described, uint64_t decoded) {
  uint64_t encoded = encode_scalar(described, decoded);
  sm_wire_type type = sm_wire_native_type(described);
  if (type == SM_WIRE_VARINT) return sm_varint_write(dst, encoded);
  unsigned size = type == SM_WIRE_FIXED32 ? 4 : 8;
  for (unsigned i = 0; i < size; i++) dst[i] = (uint8_t)(encoded >> (8 * i));
  return dst + size;
}

bool sm_wire_next_packed(uint64_t *decoded, const ProtobufCFieldDescriptor *described, sm_span *packed) {
  sm_wire_type type = sm_wire_native_type(described);
  const uint8_t *start = packed->data, *next = NULL;
  uint64_t encoded = 0;
  if (type == SM_WIRE_VARINT) {
    next = sm_varint_read(start, start + packed->size, &encoded);
  } else {
    unsigned size = type == SM_WIRE_FIXED32 ? 4 : 8;
    if (packed->size >= size) next = start + size;
    for (unsigned i = 0; next != NULL && i < size; i++) encoded |= (uint64_t)start[i] << (8 * i);
  }
  if (next == NULL) return false;
  packed->size -= (size_t)(next - start);
  packed->data = next;
  *decoded = sm_wire_decode_scalar(described, encoded);
  return true;
}
