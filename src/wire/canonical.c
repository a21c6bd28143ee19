/*
 * The length of a message stands before it, so there are two walks. The first measures. It leaves a record for each message
 * and each packed list in the order in which the second meets them: the size, and whether the bytes are canonical as they
 * lie. Of a message that is, nothing inside is recorded, for the second walk does not look inside. Nearly all that was
 * written by protobuf is, so the records are few.
 */
#include "wire/canonical_internal.h"

/* A message on the way from the outermost to where the walk is. */
typedef struct sm_canonical_frame {
  sm_wire_walk walk;
  sm_arena_mark mark;                   /* before what its walk allocated */
  const ProtobufCFieldDescriptor *list; /* packed list that is open */
  /* measuring: */
  size_t record, list_record;
  uint64_t size, list_size; /* so far */
  size_t same_size;         /* of those of its fields that are canonical as they lie */
  size_t given_size;        /* of the message as it lies */
  uint32_t number;          /* of the field that it is, */
  size_t field_size;        /* and the size of that as it lies; 0: it is none, or several */
} frame;

static const uint32_t IS_SAME = (uint32_t)1 << 31; /* in a record */

/* A tag with a length or a number behind it. */
typedef struct head {
  uint8_t bytes[2 * SM_VARINT_MAX_SIZE];
  size_t size;
} head;

static head make_head(uint32_t number, uint64_t length) {
  head made;
  uint8_t *end = sm_varint_write(made.bytes, SM_WIRE_TAG(number, SM_WIRE_BYTES));
  made.size = (size_t)(sm_varint_write(end, length) - made.bytes);
  return made;
}

static head make_scalar(const ProtobufCFieldDescriptor *described, uint64_t decoded) {
  head made;
  uint8_t *end = sm_varint_write(made.bytes, SM_WIRE_TAG(described->id, sm_wire_native_type(described)));
  made.size = (size_t)(sm_wire_write_scalar(end, described, decoded) - made.bytes);
  return made;
}

static bool is_list(const sm_wire_item *item) {
  return !sm_wire_is_singular(item->described) && !sm_wire_is_text_or_bytes(item->described);
}

static bool is_packed(const ProtobufCFieldDescriptor *described) {
  return (described->flags & PROTOBUF_C_FIELD_FLAG_PACKED) != 0;
}

/* ---- Records ---- */

static sm_status add_record(size_t *record, sm_canonical *writer, sm_error *err) {
  static const uint32_t nothing;
  *record = writer->sizes.size / sizeof nothing;
  return sm_buffer_put(&writer->sizes, &nothing, sizeof nothing, err);
}

static sm_status check_size(uint64_t size, sm_error *err) {
  if (size <= INT32_MAX) return SM_OK;
  return SM_FAIL(err, SM_RESOURCE_EXHAUSTED, "a message of %llu bytes: protobuf allows 2^31-1",
                 (unsigned long long)size);
}

static sm_status set_record(sm_canonical *writer, size_t record, uint64_t size, bool is_same, sm_error *err) {
  uint32_t value = (uint32_t)size | (is_same ? IS_SAME : 0);
  SM_TRY(check_size(size, err));
  memcpy(writer->sizes.data + record * sizeof value, &value, sizeof value);
  return SM_OK;
}

static uint32_t get_record(const sm_canonical *writer, size_t record) {
  uint32_t value;
  memcpy(&value, writer->sizes.data + record * sizeof value, sizeof value);
  return value;
}

/* ---- First walk: measuring ---- */

static void count(frame *in, const sm_wire_item *item, uint64_t size, bool is_same) {
  in->size += size;
  if (is_same) in->same_size += item->field.whole.size;
}

static sm_status measure_element(sm_canonical *writer, frame *in, const sm_wire_item *item, uint64_t decoded,
                                 sm_error *err) {
  uint8_t bytes[SM_VARINT_MAX_SIZE];
  if (!is_packed(item->described)) {
    head field = make_scalar(item->described, decoded);
    bool is_same = field.size == item->field.whole.size && memcmp(field.bytes, item->field.whole.data, field.size) == 0;
    count(in, item, field.size, is_same);
    return SM_OK;
  }
  if (in->list == NULL) {
    in->list = item->described;
    in->list_size = 0;
    SM_TRY(add_record(&in->list_record, writer, err));
  }
  in->list_size += (size_t)(sm_wire_write_scalar(bytes, item->described, decoded) - bytes);
  return SM_OK;
}

/* Closes the list that is open. */
static sm_status measure_list_end(sm_canonical *writer, frame *in, sm_error *err) {
  if (in->list == NULL) return SM_OK;
  in->size += make_head(in->list->id, in->list_size).size + in->list_size;
  in->list = NULL;
  return set_record(writer, in->list_record, in->list_size, false, err);
}

/* A packed list that is one field, each element as it would be written. Others are seldom. */
static bool is_list_same(const sm_wire_item *item) {
  const ProtobufCFieldDescriptor *described = item->described;
  sm_span left = item->field.bytes;
  if (!is_packed(described) || sm_wire_type_of(&item->field) != SM_WIRE_BYTES || left.size == 0) return false;
  if (make_head(described->id, left.size).size != item->field.whole.size - left.size) return false;
  if (sm_wire_native_type(described) != SM_WIRE_VARINT) return true; /* of whole elements, as was seen */
  while (left.size != 0) {
    uint8_t bytes[SM_VARINT_MAX_SIZE];
    const uint8_t *start = left.data;
    uint64_t decoded;
    if (!sm_wire_next_packed(&decoded, described, &left)) return false;
    size_t size = (size_t)(sm_wire_write_scalar(bytes, described, decoded) - bytes);
    if (size != (size_t)(left.data - start) || memcmp(bytes, start, size) != 0) return false;
  }
  return true;
}

static sm_status measure_list(sm_canonical *writer, frame *in, const sm_wire_item *item, sm_error *err) {
  bool goes_on = in->list != NULL;
  sm_span left = item->field.bytes; /* a packed list, or one value */
  while (left.size != 0) {
    uint64_t decoded;
    if (!sm_wire_next_packed(&decoded, item->described, &left))
      return sm_wire_fail(writer->source, left.data, "a packed list ends inside an element", err);
    SM_TRY(measure_element(writer, in, item, decoded, err));
  }
  if (!goes_on && is_list_same(item)) in->same_size += item->field.whole.size;
  return SM_OK;
}

/* Anything but a message. */
static sm_status measure_value(sm_canonical *writer, frame *in, const sm_wire_item *item, sm_error *err) {
  const sm_wire_field *field = &item->field;
  if (item->described == NULL) {
    count(in, item, field->whole.size, true);
  } else if (sm_wire_is_text_or_bytes(item->described)) {
    size_t size = make_head(item->described->id, field->bytes.size).size + field->bytes.size;
    count(in, item, size, size == field->whole.size);
  } else if (is_list(item)) {
    return measure_list(writer, in, item, err);
  } else {
    return measure_element(writer, in, item, sm_wire_decode_scalar(item->described, field->value), err);
  }
  return SM_OK;
}

static sm_status enter(sm_canonical *writer, size_t *depth, const ProtobufCMessageDescriptor *type, sm_spans pieces,
                       sm_error *err) {
  const sm_wire_walker walker = {.source = writer->source, .arena = writer->arena, .keeps_unknown = true};
  if (*depth == SM_WIRE_MAX_DEPTH + 1)
    return sm_wire_fail_depth(writer->source, pieces.n != 0 ? pieces.items[0].data : NULL, err);
  frame *made = &writer->stack[(*depth)++];
  *made = (frame){.mark = sm_arena_get_mark(writer->arena), .given_size = pieces.n == 1 ? pieces.items[0].size : 0};
  return sm_wire_walk_begin(&made->walk, &walker, type, pieces, err);
}

static sm_status measure_message(sm_canonical *writer, size_t *depth, const sm_wire_item *item, sm_error *err) {
  SM_TRY(enter(writer, depth, item->described->descriptor, sm_wire_item_pieces(item), err));
  frame *made = &writer->stack[*depth - 1];
  made->number = item->described->id;
  made->field_size = item->field.whole.size;
  return add_record(&made->record, writer, err);
}

/* The innermost message was measured. */
static sm_status measure_end(sm_canonical *writer, size_t *depth, sm_error *err) {
  frame *done = &writer->stack[--*depth];
  SM_TRY(measure_list_end(writer, done, err));
  bool is_same = done->walk.is_direct && done->same_size == done->given_size;
  sm_arena_rewind(writer->arena, done->mark);
  if (is_same) writer->sizes.size = (done->record + 1) * sizeof(uint32_t);   /* nobody will look inside */
  if (*depth == 0) return set_record(writer, done->record, 0, is_same, err); /* it may be of any size */
  SM_TRY(set_record(writer, done->record, done->size, is_same, err));
  frame *around = &writer->stack[*depth - 1];
  size_t field_size = make_head(done->number, done->size).size + (size_t)done->size;
  around->size += field_size;
  if (is_same && field_size == done->field_size) around->same_size += field_size;
  return SM_OK;
}

/* The size of the outermost message is left in its frame. */
static sm_status measure(sm_canonical *writer, const ProtobufCMessageDescriptor *type, sm_spans message,
                         sm_error *err) {
  size_t depth = 0;
  writer->sizes.size = 0;
  SM_TRY(enter(writer, &depth, type, message, err));
  SM_TRY(add_record(&writer->stack[0].record, writer, err));
  while (depth > 0) {
    frame *top = &writer->stack[depth - 1];
    sm_wire_item item;
    if (!sm_wire_walk_next(&top->walk, &item)) {
      SM_TRY(measure_end(writer, &depth, err));
      continue;
    }
    if (item.described != top->list) SM_TRY(measure_list_end(writer, top, err));
    if (item.described != NULL && item.described->type == PROTOBUF_C_TYPE_MESSAGE)
      SM_TRY(measure_message(writer, &depth, &item, err));
    else
      SM_TRY(measure_value(writer, top, &item, err));
  }
  return SM_OK;
}

/* ---- Second walk: writing ---- */

static sm_status put(sm_canonical *writer, const void *data, size_t size, sm_error *err) {
  return size != 0 ? writer->sink(writer->sink_ctx, data, size, err) : SM_OK;
}

static sm_status put_head(sm_canonical *writer, uint32_t number, uint64_t length, sm_error *err) {
  head made = make_head(number, length);
  return put(writer, made.bytes, made.size, err);
}

/* next: the record of the list, if it begins here. */
static sm_status write_list(sm_canonical *writer, frame *in, const sm_wire_item *item, size_t *next, sm_error *err) {
  const ProtobufCFieldDescriptor *described = item->described;
  sm_span left = item->field.bytes;
  uint64_t decoded;
  if (is_packed(described) && left.size != 0 && in->list == NULL) {
    in->list = described;
    SM_TRY(put_head(writer, described->id, get_record(writer, (*next)++), err));
  }
  while (left.size != 0 && sm_wire_next_packed(&decoded, described, &left)) { /* the first walk found no fault */
    uint8_t bytes[SM_VARINT_MAX_SIZE];
    head field = make_scalar(described, decoded);
    size_t size = (size_t)(sm_wire_write_scalar(bytes, described, decoded) - bytes);
    SM_TRY(is_packed(described) ? put(writer, bytes, size, err) : put(writer, field.bytes, field.size, err));
  }
  return SM_OK;
}

/* Anything but a message. */
static sm_status write_value(sm_canonical *writer, frame *in, const sm_wire_item *item, size_t *next, sm_error *err) {
  const sm_wire_field *field = &item->field;
  if (item->described == NULL) return put(writer, field->whole.data, field->whole.size, err);
  if (sm_wire_is_text_or_bytes(item->described)) {
    SM_TRY(put_head(writer, item->described->id, field->bytes.size, err));
    return put(writer, field->bytes.data, field->bytes.size, err);
  }
  if (is_list(item)) return write_list(writer, in, item, next, err);
  head scalar = make_scalar(item->described, sm_wire_decode_scalar(item->described, field->value));
  return put(writer, scalar.bytes, scalar.size, err);
}

static sm_status write_message(sm_canonical *writer, size_t *depth, const sm_wire_item *item, size_t *next,
                               sm_error *err) {
  uint32_t record = get_record(writer, (*next)++);
  SM_TRY(put_head(writer, item->described->id, record & ~IS_SAME, err));
  if ((record & IS_SAME) != 0) return put(writer, item->field.bytes.data, item->field.bytes.size, err);
  return enter(writer, depth, item->described->descriptor, sm_wire_item_pieces(item), err);
}

static sm_status write_measured(sm_canonical *writer, const ProtobufCMessageDescriptor *type, sm_spans message,
                                sm_error *err) {
  size_t depth = 0, next = 1;
  if ((get_record(writer, 0) & IS_SAME) != 0) return put(writer, message.items[0].data, message.items[0].size, err);
  SM_TRY(enter(writer, &depth, type, message, err));
  while (depth > 0) {
    frame *top = &writer->stack[depth - 1];
    sm_wire_item item;
    if (!sm_wire_walk_next(&top->walk, &item)) {
      sm_arena_rewind(writer->arena, top->mark);
      depth--;
      continue;
    }
    if (item.described != top->list) top->list = NULL;
    if (item.described != NULL && item.described->type == PROTOBUF_C_TYPE_MESSAGE)
      SM_TRY(write_message(writer, &depth, &item, &next, err));
    else
      SM_TRY(write_value(writer, top, &item, &next, err));
  }
  return SM_OK;
}

/* ---- Both ---- */

sm_status sm_canonical_begin(sm_canonical *out, const sm_wire_source *source, sm_arena *arena, sm_sink_fn sink,
                             void *sink_ctx, sm_error *err) {
  size_t n = SM_WIRE_MAX_DEPTH + 1; /* the first is not nested */
  *out = (sm_canonical){.source = source, .arena = arena, .sink = sink, .sink_ctx = sink_ctx};
  sm_buffer_init(&out->sizes, arena->allocator, arena->max_bytes);
  out->stack = sm_arena_array(arena, frame, n);
  return out->stack != NULL ? SM_OK : sm_arena_fail(arena, n * sizeof *out->stack, err);
}

void sm_canonical_end(sm_canonical *writer) { sm_buffer_free(&writer->sizes); }

sm_status sm_canonical_put(sm_canonical *writer, const ProtobufCMessageDescriptor *type, sm_spans message,
                           sm_error *err) {
  SM_TRY(measure(writer, type, message, err));
  return write_measured(writer, type, message, err);
}

sm_status sm_canonical_put_field(sm_canonical *writer, uint32_t number, const ProtobufCMessageDescriptor *type,
                                 sm_spans message, sm_error *err) {
  SM_TRY(measure(writer, type, message, err));
  SM_TRY(check_size(writer->stack[0].size, err));
  SM_TRY(put_head(writer, number, writer->stack[0].size, err));
  return write_measured(writer, type, message, err);
}

/* ---- To a buffer ---- */

static sm_status append(void *ctx, const void *data, size_t size, sm_error *err) {
  return sm_buffer_put(ctx, data, size, err);
}

sm_status sm_wire_canonical(sm_buffer *out, const ProtobufCMessageDescriptor *type, sm_span message,
                            const sm_wire_source *source, sm_arena *arena, sm_error *err) {
  sm_canonical writer;
  sm_status status = sm_canonical_begin(&writer, source, arena, append, out, err);
  if (status == SM_OK) status = sm_canonical_put(&writer, type, (sm_spans){&message, 1}, err);
  sm_canonical_end(&writer);
  return status;
}
