/*
 * Rewrites a message so that protobuf-c reads it as the specification says: a message field given twice becomes one field
 * with both contents, an overridden member of a oneof goes, and so do groups and fields of unexpected types. Packed
 * booleans, of which protobuf-c takes each byte for one, become a byte each.
 *
 * Lengths are not known before a message is written, so each gets five bytes: a varint may be longer than it need be.
 */
#include "wire/wire_internal.h"

#include "codec/varint.h"

enum { LENGTH_SIZE = 5 };

/* Which member of a oneof counts: the last one, from where it is not interrupted by others. */
typedef struct oneof_run {
  unsigned oneof; /* quantifier_offset, which its members share */
  const ProtobufCFieldDescriptor *member;
  size_t start; /* ordinal of its first field */
} oneof_run;

enum { MAX_ONEOFS = 12 }; /* in one message; PredictRequest.RequestOptions has the most */

/* A message being rewritten: its pieces, and how far it has come in them. */
typedef struct frame {
  const ProtobufCMessageDescriptor *type;
  const sm_span *pieces;
  size_t n_pieces;
  size_t piece;   /* the one that reader reads */
  size_t ordinal; /* of the next field */
  sm_wire_reader reader;
  uint64_t written;  /* singular message fields written so far, by index */
  uint8_t *contents; /* where its bytes begin; LENGTH_SIZE bytes before them hold their number */
  oneof_run runs[MAX_ONEOFS];
  size_t n_runs;
} frame;

static const sm_wire_source no_source = {.name = ""}; /* the bytes were checked: no faults to report */

static bool next_field(frame *in, sm_wire_field *field) {
  while (!sm_wire_next(&in->reader, field)) {
    if (in->piece + 1 >= in->n_pieces) return false;
    in->reader = sm_wire_read(in->pieces[++in->piece], &no_source);
  }
  in->ordinal++;
  return true;
}

/* NULL: not described, or not of the type it should have. */
static const ProtobufCFieldDescriptor *described_field(const frame *in, const sm_wire_field *field) {
  const ProtobufCFieldDescriptor *described = protobuf_c_message_descriptor_get_field(in->type, sm_wire_number(field));
  return described != NULL && sm_wire_type_fits(described, sm_wire_type_of(field)) ? described : NULL;
}

static oneof_run *find_run(frame *in, const ProtobufCFieldDescriptor *member) {
  if ((member->flags & PROTOBUF_C_FIELD_FLAG_ONEOF) == 0) return NULL;
  for (size_t i = 0; i < in->n_runs; i++)
    if (in->runs[i].oneof == member->quantifier_offset) return &in->runs[i];
  if (in->n_runs == MAX_ONEOFS) return NULL;
  in->runs[in->n_runs] = (oneof_run){.oneof = member->quantifier_offset};
  return &in->runs[in->n_runs++];
}

static void rewind_frame(frame *in) {
  in->piece = in->ordinal = 0;
  in->reader = sm_wire_read(in->pieces[0], &no_source);
}

static void begin(frame *made, const ProtobufCMessageDescriptor *type, const sm_span *pieces, size_t n_pieces,
                  uint8_t *contents) {
  *made = (frame){.type = type, .pieces = pieces, .n_pieces = n_pieces, .contents = contents};
  rewind_frame(made);
  for (sm_wire_field field; next_field(made, &field);) {
    const ProtobufCFieldDescriptor *member = described_field(made, &field);
    oneof_run *run = member != NULL ? find_run(made, member) : NULL;
    if (run != NULL && run->member != member) *run = (oneof_run){run->oneof, member, made->ordinal};
  }
  rewind_frame(made);
}

/* True when another member of the field's oneof comes later. in has just read the field. */
static bool is_overridden(frame *in, const ProtobufCFieldDescriptor *member) {
  const oneof_run *run = find_run(in, member);
  return run != NULL && in->ordinal < run->start;
}

/* The field that in has just read, and those of its number that follow. */
static sm_status gather(const sm_span **out, size_t *n_out, const frame *in, const ProtobufCFieldDescriptor *wanted,
                        sm_span first, sm_arena *arena, sm_error *err) {
  size_t n = 1;
  frame walk = *in;
  for (sm_wire_field field; next_field(&walk, &field);) n += described_field(&walk, &field) == wanted;
  sm_span *pieces = sm_arena_array(arena, sm_span, n);
  if (pieces == NULL) return sm_arena_fail(arena, n * sizeof *pieces, err);
  pieces[0] = first;
  n = 1;
  walk = *in;
  for (sm_wire_field field; next_field(&walk, &field);)
    if (described_field(&walk, &field) == wanted) pieces[n++] = field.bytes;
  *out = pieces;
  *n_out = n;
  return SM_OK;
}

/* Writes tag and room for the length; returns where the contents go. */
static uint8_t *open_message(uint8_t *at, uint32_t tag) { return sm_varint_write(at, tag) + LENGTH_SIZE; }

static void close_message(uint8_t *contents, const uint8_t *end) {
  uint64_t size = (uint64_t)(end - contents);
  for (int i = 0; i < LENGTH_SIZE; i++)
    contents[i - LENGTH_SIZE] = (uint8_t)((size >> (7 * i) & 0x7F) | (i < LENGTH_SIZE - 1 ? 0x80 : 0));
}

/* A field that is no message; described is NULL for an unknown one. */
static uint8_t *copy_field(uint8_t *at, const sm_wire_field *field, const ProtobufCFieldDescriptor *described) {
  if (described == NULL || described->type != PROTOBUF_C_TYPE_BOOL || sm_wire_type_of(field) != SM_WIRE_BYTES) {
    memcpy(at, field->whole.data, field->whole.size);
    return at + field->whole.size;
  }
  uint8_t *contents = at = open_message(at, field->tag);
  const uint8_t *p = field->bytes.data, *end = p + field->bytes.size;
  for (uint64_t value = 0; p != end; *at++ = value != 0) p = sm_varint_read(p, end, &value);
  close_message(contents, at);
  return at;
}

/* Each message grows by the longer length at most. */
static sm_status new_buffer(uint8_t **out, sm_span message, sm_arena *arena, sm_error *err) {
  size_t size;
  if (message.size >= UINT32_MAX)
    return SM_FAIL(err, SM_RESOURCE_EXHAUSTED, "a message of %zu bytes is too large to be merged", message.size);
  if (!sm_mul_size(message.size, 1 + LENGTH_SIZE / 2, &size)) return SM_FAIL_OOM(err, SIZE_MAX);
  *out = sm_arena_alloc(arena, size + LENGTH_SIZE);
  return *out != NULL ? SM_OK : sm_arena_fail(arena, size + LENGTH_SIZE, err);
}

/* Pieces of the message field that in has just read; none when it was written with an earlier one. */
static sm_status pieces_of(const sm_span **pieces, size_t *n_pieces, frame *in,
                           const ProtobufCFieldDescriptor *described, sm_span bytes, sm_arena *arena, sm_error *err) {
  *n_pieces = 0;
  if (described->label == PROTOBUF_C_LABEL_REPEATED) {
    sm_span *piece = sm_arena_new(arena, sm_span);
    if (piece == NULL) return sm_arena_fail(arena, sizeof *piece, err);
    *piece = bytes;
    *pieces = piece;
    *n_pieces = 1;
    return SM_OK;
  }
  size_t index = (size_t)(described - in->type->fields);
  uint64_t bit = index < 64 ? (uint64_t)1 << index : 0;
  if ((in->written & bit) != 0) return SM_OK;
  in->written |= bit;
  return gather(pieces, n_pieces, in, described, bytes, arena, err);
}

/* Messages inside each other, the one being rewritten last. Not of the arena, which would keep them. */
typedef struct frames {
  frame *items;
  size_t n, capacity;
} frames;

static sm_status push(frame **out, frames *stack, const sm_allocator *allocator, sm_error *err) {
  if (stack->n == stack->capacity) { /* at most SM_WIRE_MAX_DEPTH + 1, as deep as sm_wire_check goes */
    size_t capacity = stack->capacity == 0 ? 8 : 2 * stack->capacity;
    frame *items = sm_realloc(allocator, stack->items, capacity * sizeof *items);
    if (items == NULL) return SM_FAIL_OOM(err, capacity * sizeof *items);
    stack->items = items;
    stack->capacity = capacity;
  }
  *out = &stack->items[stack->n++];
  return SM_OK;
}

/* Rewrites what the first frame has begun. *at is where its bytes go, and then the byte behind them. */
static sm_status rewrite(uint8_t **at, frames *stack, sm_arena *arena, sm_error *err) {
  while (stack->n > 0) {
    frame *top = &stack->items[stack->n - 1];
    sm_wire_field field;
    if (!next_field(top, &field)) {
      if (--stack->n > 0) close_message(top->contents, *at);
      continue;
    }
    const ProtobufCFieldDescriptor *described = described_field(top, &field);
    bool is_unknown = protobuf_c_message_descriptor_get_field(top->type, sm_wire_number(&field)) == NULL;
    if (sm_wire_type_of(&field) == SM_WIRE_GROUP || (described == NULL && !is_unknown)) continue;
    if (described != NULL && is_overridden(top, described)) continue;
    if (is_unknown || described->type != PROTOBUF_C_TYPE_MESSAGE) {
      *at = copy_field(*at, &field, described);
      continue;
    }
    const sm_span *pieces = NULL;
    size_t n_pieces;
    SM_TRY(pieces_of(&pieces, &n_pieces, top, described, field.bytes, arena, err));
    if (n_pieces == 0) continue;
    SM_TRY(push(&top, stack, arena->allocator, err));
    *at = open_message(*at, field.tag);
    begin(top, described->descriptor, pieces, n_pieces, *at);
  }
  return SM_OK;
}

sm_status sm_wire_merge(sm_span *out, const ProtobufCMessageDescriptor *type, sm_span message, sm_arena *arena,
                        sm_error *err) {
  uint8_t *start;
  frames stack = {NULL, 0, 0};
  frame *first = NULL;
  SM_TRY(new_buffer(&start, message, arena, err));
  SM_TRY(push(&first, &stack, arena->allocator, err));
  begin(first, type, &message, 1, start);
  uint8_t *end = start;
  sm_status status = rewrite(&end, &stack, arena, err);
  sm_free(arena->allocator, stack.items);
  if (status == SM_OK) *out = (sm_span){start, (size_t)(end - start)};
  return status;
}
