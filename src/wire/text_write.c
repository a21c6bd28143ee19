/* One pass; what is kept is the messages around the one being written. */
#include "codec/decimal.h"
#include "wire/canonical_internal.h"
#include "wire/text.h"

enum { PIECE_SIZE = 1 << 16, MAX_PUT = 64 /* what one put writes at most, indentation and bytes of strings apart */ };

typedef struct printer {
  sm_sink_fn sink;
  void *sink_ctx;
  const sm_wire_source *source;
  char *piece; /* not handed out yet */
  size_t used;
  size_t depth;
} printer;

/* ---- Pieces ---- */

static sm_status flush(printer *p, sm_error *err) {
  size_t size = p->used;
  p->used = 0;
  return size != 0 ? p->sink(p->sink_ctx, p->piece, size, err) : SM_OK;
}

/* Room for MAX_PUT bytes. */
static inline sm_status make_room(printer *p, sm_error *err) {
  return PIECE_SIZE - p->used >= MAX_PUT ? SM_OK : flush(p, err);
}

static sm_status put(printer *p, const char *text, size_t size, sm_error *err) {
  while (size > PIECE_SIZE - p->used) {
    size_t n = PIECE_SIZE - p->used;
    memcpy(p->piece + p->used, text, n);
    p->used += n;
    text += n;
    size -= n;
    SM_TRY(flush(p, err));
  }
  if (size != 0) memcpy(p->piece + p->used, text, size);
  p->used += size;
  return SM_OK;
}

static sm_status put_indent(printer *p, sm_error *err) {
  size_t size = 2 * (p->depth - 1); /* at most 2 * SM_WIRE_MAX_DEPTH */
  if (PIECE_SIZE - p->used < size) SM_TRY(flush(p, err));
  memset(p->piece + p->used, ' ', size);
  p->used += size;
  return SM_OK;
}

/* ---- Values ---- */

/* How many bytes from data on stand for themselves. In a string, UTF-8 does. */
static size_t plain_size(const uint8_t *data, size_t size, bool is_string) {
  size_t i = 0;
  while (i < size && data[i] != '"' && data[i] != '\'' && data[i] != '\\' &&
         ((data[i] >= 0x20 && data[i] < 0x7F) || (is_string && data[i] >= 0x80)))
    i++;
  return i;
}

static sm_status put_escape(printer *p, uint8_t byte, sm_error *err) {
  static const char meanings[] = "\n\r\t\"'\\", letters[] = "nrt\"'\\";
  SM_TRY(make_room(p, err));
  char *at = p->piece + p->used;
  const char *letter = byte != 0 ? strchr(meanings, byte) : NULL;
  *at++ = '\\';
  if (letter != NULL) {
    *at++ = letters[letter - meanings];
  } else {
    for (int shift = 6; shift >= 0; shift -= 3) *at++ = (char)('0' + (byte >> shift & 7));
  }
  p->used = (size_t)(at - p->piece);
  return SM_OK;
}

static sm_status put_string(printer *p, sm_span bytes, bool is_string, sm_error *err) {
  SM_TRY(put(p, "\"", 1, err));
  while (bytes.size != 0) {
    size_t n = plain_size(bytes.data, bytes.size, is_string);
    SM_TRY(put(p, (const char *)bytes.data, n, err));
    if (n != bytes.size) SM_TRY(put_escape(p, bytes.data[n++], err));
    bytes = (sm_span){bytes.data + n, bytes.size - n};
  }
  return put(p, "\"", 1, err);
}

static size_t print_unsigned(char *dst, uint64_t value) {
  char digits[20];
  size_t n = 0;
  do digits[n++] = (char)('0' + value % 10);
  while ((value /= 10) != 0);
  for (size_t i = 0; i < n; i++) dst[i] = digits[n - 1 - i];
  return n;
}

static size_t print_signed(char *dst, uint64_t value) {
  if (value >> 63 == 0) return print_unsigned(dst, value);
  *dst = '-';
  return 1 + print_unsigned(dst + 1, 0 - value);
}

static size_t print_floating(char *dst, uint64_t bits, bool is_double) {
  double value;
  float narrow;
  uint32_t narrow_bits = (uint32_t)bits;
  memcpy(&value, &bits, sizeof value);
  memcpy(&narrow, &narrow_bits, sizeof narrow);
  return is_double ? sm_double_print(dst, value) : sm_float_print(dst, narrow);
}

static sm_status put_enum(printer *p, const ProtobufCEnumDescriptor *type, uint64_t decoded, sm_error *err) {
  const ProtobufCEnumValue *value = protobuf_c_enum_descriptor_get_value(type, (int)(int64_t)decoded);
  if (value != NULL) return put(p, value->name, strlen(value->name), err);
  SM_TRY(make_room(p, err));
  p->used += print_signed(p->piece + p->used, decoded);
  return SM_OK;
}

static sm_status put_scalar(printer *p, const ProtobufCFieldDescriptor *described, uint64_t decoded, sm_error *err) {
  SM_TRY(make_room(p, err));
  char *at = p->piece + p->used;
  switch (described->type) {
    case PROTOBUF_C_TYPE_ENUM: return put_enum(p, described->descriptor, decoded, err);
    case PROTOBUF_C_TYPE_BOOL: return decoded != 0 ? put(p, "true", 4, err) : put(p, "false", 5, err);
    case PROTOBUF_C_TYPE_FLOAT:
    case PROTOBUF_C_TYPE_DOUBLE:
      p->used += print_floating(at, decoded, described->type == PROTOBUF_C_TYPE_DOUBLE);
      break;
    case PROTOBUF_C_TYPE_UINT32:
    case PROTOBUF_C_TYPE_UINT64:
    case PROTOBUF_C_TYPE_FIXED32:
    case PROTOBUF_C_TYPE_FIXED64: p->used += print_unsigned(at, decoded); break;
    default: p->used += print_signed(at, decoded); break;
  }
  return SM_OK;
}

/* ---- Fields ---- */

static sm_status put_name(printer *p, const ProtobufCFieldDescriptor *described, const char *after, sm_error *err) {
  SM_TRY(put_indent(p, err));
  SM_TRY(put(p, described->name, strlen(described->name), err));
  return put(p, after, 2, err);
}

static sm_status put_text_field(printer *p, const sm_wire_item *item, sm_error *err) {
  bool is_string = item->described->type == PROTOBUF_C_TYPE_STRING;
  sm_span bytes = item->field.bytes;
  if (is_string && !sm_utf8_is_valid(bytes.data, bytes.size)) {
    char what[128];
    snprintf(what, sizeof what, "string field %.80s is not UTF-8", item->described->name);
    return sm_wire_fail(p->source, bytes.data, what, err);
  }
  SM_TRY(put_name(p, item->described, ": ", err));
  SM_TRY(put_string(p, bytes, is_string, err));
  return put(p, "\n", 1, err);
}

static sm_status put_number_field(printer *p, const ProtobufCFieldDescriptor *described, uint64_t decoded,
                                  sm_error *err) {
  SM_TRY(put_name(p, described, ": ", err));
  SM_TRY(put_scalar(p, described, decoded, err));
  return put(p, "\n", 1, err);
}

/* Anything but a message. */
static sm_status put_field(printer *p, const sm_wire_item *item, sm_error *err) {
  const ProtobufCFieldDescriptor *described = item->described;
  if (sm_wire_is_text_or_bytes(described)) return put_text_field(p, item, err);
  if (sm_wire_is_singular(described))
    return put_number_field(p, described, sm_wire_decode_scalar(described, item->field.value), err);
  for (sm_span left = item->field.bytes; left.size != 0;) { /* a packed list, or one value */
    uint64_t decoded;
    if (!sm_wire_next_packed(&decoded, described, &left))
      return sm_wire_fail(p->source, left.data, "a packed list ends inside an element", err);
    SM_TRY(put_number_field(p, described, decoded, err));
  }
  return SM_OK;
}

/* ---- Messages ---- */

typedef struct frame {
  sm_wire_walk walk;
  sm_arena_mark mark; /* before what its walk allocated */
} frame;

static sm_status write_all(printer *p, frame *stack, const sm_wire_walker *walker, sm_error *err) {
  while (p->depth > 0) {
    frame *top = &stack[p->depth - 1];
    sm_wire_item item;
    if (!sm_wire_walk_next(&top->walk, &item)) {
      sm_arena_rewind(walker->arena, top->mark);
      if (--p->depth == 0) break;
      SM_TRY(put_indent(p, err));
      SM_TRY(put(p, "}\n", 2, err));
      continue;
    }
    if (item.described->type != PROTOBUF_C_TYPE_MESSAGE) {
      SM_TRY(put_field(p, &item, err));
      continue;
    }
    if (p->depth == SM_WIRE_MAX_DEPTH + 1) return sm_wire_fail_depth(p->source, item.field.bytes.data, err);
    SM_TRY(put_name(p, item.described, " {", err));
    SM_TRY(put(p, "\n", 1, err));
    frame *made = &stack[p->depth++];
    made->mark = sm_arena_get_mark(walker->arena);
    SM_TRY(sm_wire_walk_begin(&made->walk, walker, item.described->descriptor, sm_wire_item_pieces(&item), err));
  }
  return flush(p, err);
}

sm_status sm_text_write(const ProtobufCMessageDescriptor *type, sm_span message, const sm_wire_source *source,
                        sm_arena *arena, sm_sink_fn sink, void *sink_ctx, sm_error *err) {
  frame stack[SM_WIRE_MAX_DEPTH + 1]; /* the first is not nested */
  printer p = {.sink = sink, .sink_ctx = sink_ctx, .source = source, .depth = 1};
  p.piece = sm_arena_alloc(arena, PIECE_SIZE);
  if (p.piece == NULL) return sm_arena_fail(arena, PIECE_SIZE, err);
  stack[0].mark = sm_arena_get_mark(arena);
  const sm_wire_walker walker = {.source = source, .arena = arena};
  SM_TRY(sm_wire_walk_begin(&stack[0].walk, &walker, type, (sm_spans){&message, 1}, err));
  return write_all(&p, stack, &walker, err);
}
