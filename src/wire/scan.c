#include "codec/varint.h"
#include "wire/wire.h"

static const uint32_t MAX_FIELD_NUMBER = (1u << 29) - 1;

/* Of tags and lengths: longer forms are refused by every protobuf runtime, protobuf-c among them. */
enum { MAX_VARINT32_SIZE = 5 };

sm_wire_reader sm_wire_read(sm_span message, const sm_wire_source *source) {
  static const uint8_t nothing[1]; /* NULL + 0 is undefined in C */
  const uint8_t *p = message.data != NULL ? message.data : nothing;
  return (sm_wire_reader){.p = p, .end = p + message.size, .source = source};
}

static bool stop(sm_wire_reader *reader, const uint8_t *at, const char *fault, uint64_t size) {
  reader->fault = fault;
  reader->fault_at = at;
  reader->fault_size = size;
  reader->end = reader->p; /* what follows is not to be trusted */
  return false;
}

static bool read_tag(sm_wire_reader *reader, uint32_t *tag) {
  const uint8_t *start = reader->p;
  if (*start < 0x80 && *start >= 8) { /* field numbers 1 to 15, nearly all */
    *tag = *start;
    reader->p++;
    return true;
  }
  uint64_t value;
  const uint8_t *next = sm_varint_read(start, reader->end, &value);
  if (next == NULL || next - start > MAX_VARINT32_SIZE) return stop(reader, start, "a tag that does not end", 0);
  if (value >> 3 == 0 || value >> 3 > MAX_FIELD_NUMBER) return stop(reader, start, "no such field number", value >> 3);
  *tag = (uint32_t)value;
  reader->p = next;
  return true;
}

static const char PAST_THE_END[] = "length past the end";

static bool take(sm_wire_reader *reader, sm_wire_field *field, uint64_t size) {
  uint64_t left = (uint64_t)(reader->end - reader->p);
  if (size > left) {
    reader->fault_left = left;
    return stop(reader, reader->p, PAST_THE_END, size);
  }
  field->bytes = (sm_span){reader->p, (size_t)size};
  reader->p += size;
  return true;
}

static bool read_value(sm_wire_reader *reader, sm_wire_field *field) {
  const uint8_t *start = reader->p, *next;
  uint64_t size;
  field->value = 0;
  switch (field->tag & 7) {
    case SM_WIRE_VARINT:
      next = sm_varint_read(start, reader->end, &field->value);
      if (next == NULL) return stop(reader, start, "a varint that does not end", 0);
      return take(reader, field, (uint64_t)(next - start));
    case SM_WIRE_FIXED64:
      if (!take(reader, field, 8)) return false;
      for (unsigned i = 0; i < 8; i++) field->value |= (uint64_t)start[i] << (8 * i);
      return true;
    case SM_WIRE_FIXED32:
      if (!take(reader, field, 4)) return false;
      for (unsigned i = 0; i < 4; i++) field->value |= (uint64_t)start[i] << (8 * i);
      return true;
    case SM_WIRE_BYTES:
      next = sm_varint_read(start, reader->end, &size);
      if (next == NULL || next - start > MAX_VARINT32_SIZE) return stop(reader, start, "a length that does not end", 0);
      reader->p = next;
      return take(reader, field, size);
    default: return stop(reader, start, "no such wire type", field->tag & 7);
  }
}

/* A group, which TensorFlow never writes: everything up to the end tag of the same number. */
static bool skip_group(sm_wire_reader *reader, sm_wire_field *field) {
  uint32_t open[SM_WIRE_MAX_DEPTH]; /* numbers of the groups that are not closed yet */
  unsigned depth = 0;
  const uint8_t *start = reader->p, *before;
  open[depth++] = field->tag >> 3;
  do {
    before = reader->p;
    sm_wire_field inner;
    if (reader->p == reader->end) return stop(reader, start, "a group that does not end", depth);
    if (!read_tag(reader, &inner.tag)) return false;
    if ((inner.tag & 7) == SM_WIRE_GROUP_END) {
      if (inner.tag >> 3 != open[--depth]) return stop(reader, before, "the end of another group", inner.tag >> 3);
    } else if ((inner.tag & 7) == SM_WIRE_GROUP) {
      if (depth == SM_WIRE_MAX_DEPTH) return stop(reader, before, "groups nested too deeply", depth);
      open[depth++] = inner.tag >> 3;
    } else if (!read_value(reader, &inner)) {
      return false;
    }
  } while (depth > 0);
  field->bytes = (sm_span){start, (size_t)(before - start)};
  return true;
}

bool sm_wire_next(sm_wire_reader *reader, sm_wire_field *field) {
  const uint8_t *start = reader->p;
  if (start == reader->end || !read_tag(reader, &field->tag)) return false;
  switch (field->tag & 7) {
    case SM_WIRE_GROUP:
      if (!skip_group(reader, field)) return false;
      break;
    case SM_WIRE_GROUP_END: return stop(reader, start, "the end of a group that was not begun", field->tag >> 3);
    default:
      if (!read_value(reader, field)) return false;
  }
  field->whole = (sm_span){start, (size_t)(reader->p - start)};
  return true;
}

static bool offset_in(const sm_wire_source *source, const uint8_t *at, uint64_t *offset) {
  if (source->bytes.data == NULL) return false; /* where at lies is not known; to NULL C adds nothing, not even 0 */
  if (at < source->bytes.data || at > source->bytes.data + source->bytes.size) return false; /* in a merged copy */
  *offset = (uint64_t)(at - source->bytes.data);
  return true;
}

sm_status sm_wire_fail(const sm_wire_source *source, const uint8_t *at, const char *what, sm_error *err) {
  uint64_t offset;
  if (!offset_in(source, at, &offset)) return SM_FAIL(err, SM_DATA_LOSS, "%s: %s", source->name, what);
  return sm_fail_at(err, SM_DATA_LOSS, offset, "%s: byte %llu: %s", source->name, (unsigned long long)offset, what);
}

sm_status sm_wire_finish(const sm_wire_reader *reader, sm_error *err) {
  if (reader->fault == NULL) return SM_OK;
  char what[96];
  unsigned long long size = reader->fault_size, left = reader->fault_left;
  if (reader->fault == PAST_THE_END)
    snprintf(what, sizeof what, "%llu bytes announced, only %llu left", size, left);
  else
    snprintf(what, sizeof what, "%s (%llu)", reader->fault, size);
  return sm_wire_fail(reader->source, reader->fault_at, what, err);
}

sm_status sm_wire_find_bytes(sm_span *out, sm_span message, uint32_t number, const sm_wire_source *source,
                             sm_error *err) {
  *out = (sm_span){NULL, 0};
  sm_wire_reader reader = sm_wire_read(message, source);
  for (sm_wire_field field; sm_wire_next(&reader, &field);)
    if (field.tag == SM_WIRE_TAG(number, SM_WIRE_BYTES)) *out = field.bytes;
  return sm_wire_finish(&reader, err);
}

/* Copies the values to items, unless it is NULL, and counts them. */
static sm_status list_values(sm_span *items, size_t *n, sm_spans message, uint32_t number, const sm_wire_source *source,
                             sm_error *err) {
  *n = 0;
  for (size_t i = 0; i < message.n; i++) {
    sm_wire_reader reader = sm_wire_read(message.items[i], source);
    for (sm_wire_field field; sm_wire_next(&reader, &field);) {
      if (field.tag != SM_WIRE_TAG(number, SM_WIRE_BYTES)) continue;
      if (items != NULL) items[*n] = field.bytes;
      ++*n;
    }
    SM_TRY(sm_wire_finish(&reader, err));
  }
  return SM_OK;
}

sm_status sm_wire_collect(sm_spans *out, sm_spans message, uint32_t number, const sm_wire_source *source,
                          sm_arena *arena, sm_error *err) {
  size_t n;
  *out = (sm_spans){NULL, 0};
  SM_TRY(list_values(NULL, &n, message, number, source, err));
  if (n == 0) return SM_OK;
  sm_span *items = sm_arena_array(arena, sm_span, n);
  if (items == NULL) return sm_arena_fail(arena, n * sizeof *items, err);
  SM_TRY(list_values(items, &n, message, number, source, err));
  *out = (sm_spans){items, n};
  return SM_OK;
}
