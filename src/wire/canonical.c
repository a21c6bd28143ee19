#include "wire/canonical_internal.h"

/* A message being written. */
typedef struct frame {
  sm_wire_walk walk;
  sm_arena_mark mark; /* before what its walk allocated */
  size_t contents;
  sm_wire_run run;
} frame;

static sm_status put_list(frame *in, sm_buffer *out, const sm_wire_item *item, const sm_wire_source *source,
                          sm_error *err) {
  const ProtobufCFieldDescriptor *described = item->described;
  bool packs = (described->flags & PROTOBUF_C_FIELD_FLAG_PACKED) != 0;
  sm_span left = item->field.bytes; /* a packed list, or one value */
  if (packs && left.size != 0) SM_TRY(sm_wire_run_open(&in->run, out, described, err));
  while (left.size != 0) {
    uint64_t decoded;
    if (!sm_wire_next_packed(&decoded, described, &left))
      return sm_wire_fail(source, left.data, "a packed list ends inside an element", err);
    if (!packs) SM_TRY(sm_wire_put_tag(out, described->id, sm_wire_native_type(described), err));
    SM_TRY(sm_wire_put_scalar(out, described, decoded, err));
  }
  return SM_OK;
}

/* Anything but a message. */
static sm_status put_value(frame *in, sm_buffer *out, const sm_wire_item *item, const sm_wire_source *source,
                           sm_error *err) {
  const ProtobufCFieldDescriptor *described = item->described;
  if (sm_wire_is_text_or_bytes(described)) {
    size_t contents;
    SM_TRY(sm_wire_open(&contents, out, described->id, err));
    SM_TRY(sm_buffer_put(out, item->field.bytes.data, item->field.bytes.size, err));
    return sm_wire_close(out, contents, err);
  }
  if (!sm_wire_is_singular(described)) return put_list(in, out, item, source, err);
  SM_TRY(sm_wire_put_tag(out, described->id, sm_wire_native_type(described), err));
  return sm_wire_put_scalar(out, described, sm_wire_decode_scalar(described, item->field.value), err);
}

sm_status sm_wire_canonical(sm_buffer *out, const ProtobufCMessageDescriptor *type, sm_span message,
                            const sm_wire_source *source, sm_arena *arena, sm_error *err) {
  frame *stack = sm_arena_array(arena, frame, SM_WIRE_MAX_DEPTH + 1); /* the first is not nested */
  if (stack == NULL) return sm_arena_fail(arena, (SM_WIRE_MAX_DEPTH + 1) * sizeof *stack, err);
  size_t depth = 1;
  stack[0].mark = sm_arena_get_mark(arena);
  SM_TRY(sm_wire_walk_begin(&stack[0].walk, type, (sm_spans){&message, 1}, source, arena, err));
  while (depth > 0) {
    frame *top = &stack[depth - 1];
    sm_wire_item item;
    if (!sm_wire_walk_next(&top->walk, &item)) {
      SM_TRY(sm_wire_run_close(&top->run, out, err));
      if (--depth > 0) SM_TRY(sm_wire_close(out, top->contents, err));
      sm_arena_rewind(arena, top->mark);
      continue;
    }
    if (item.described != top->run.described) SM_TRY(sm_wire_run_close(&top->run, out, err));
    if (item.described->type != PROTOBUF_C_TYPE_MESSAGE) {
      SM_TRY(put_value(top, out, &item, source, err));
      continue;
    }
    if (depth == SM_WIRE_MAX_DEPTH + 1) return sm_wire_fail_depth(source, item.field.bytes.data, err);
    frame *made = &stack[depth++];
    *made = (frame){.mark = sm_arena_get_mark(arena)};
    SM_TRY(sm_wire_open(&made->contents, out, item.described->id, err));
    SM_TRY(sm_wire_walk_begin(&made->walk, item.described->descriptor, sm_wire_item_pieces(&item), source, arena, err));
  }
  return SM_OK;
}
