#include "graph/cut_internal.h"

#include <stdio.h>

#include "wire/emit.h"

/* Fields of FunctionDef, OpDef, ArgDef, NodeDef, map entries, AttrValue and its list: proto/function.proto, op_def.proto,
 * node_def.proto, attr_value.proto. */
enum {
  FUNCTION_SIGNATURE = 1,
  FUNCTION_RET = 4,
  FUNCTION_CONTROL_RET = 6,
  OP_NAME = 1,
  OP_INPUT_ARG = 2,
  OP_OUTPUT_ARG = 3,
  OP_IS_STATEFUL = 17,
  OP_CONTROL_OUTPUT = 20,
  ARG_NAME = 1,
  ARG_TYPE = 3,
  NODE_NAME = 1,
  NODE_INPUT = 3,
  NODE_ATTR = 5,
  ENTRY_KEY = 1,
  ENTRY_VALUE = 2,
  ATTR_LIST = 1,
  LIST_STRING = 2
};

static const char COLOCATION[] = "loc:@";
enum { COLOCATION_SIZE = sizeof COLOCATION - 1 };

static sm_string name_of(const sm_cut_node *node) { return node->new_name.data != NULL ? node->new_name : node->name; }

static sm_status put_text(sm_buffer *out, sm_string text, sm_error *err) {
  return sm_buffer_put(out, text.data, text.size, err);
}

static sm_status put_name(sm_buffer *out, uint32_t number, sm_string name, sm_error *err) {
  return sm_wire_put_bytes(out, number, name.data, name.size, err);
}

/* ---- References ---- */

/* "x" for an argument, "node:output:0" for what a node makes. */
static sm_status put_tensor(sm_buffer *out, uint32_t number, sm_cut_work *work, const sm_tensor_ref *ref,
                            sm_error *err) {
  sm_cut_node *node = sm_cut_find_node(work->graph, ref->node);
  const sm_cut_place *place = sm_cut_find_place(work, node, ref->index);
  sm_arg_place output;
  char index[24];
  size_t contents;
  if (place != NULL) return put_name(out, number, place->arg.name, err);
  SM_TRY(sm_cut_find_output(&output, work, node, ref->index, err));
  int size = snprintf(index, sizeof index, ":%llu", (unsigned long long)output.index);
  SM_TRY(sm_wire_open(&contents, out, number, err));
  SM_TRY(put_text(out, name_of(node), err));
  SM_TRY(put_text(out, (sm_string){":", 1}, err));
  SM_TRY(put_text(out, node->def->outputs.items[output.arg].name, err));
  SM_TRY(put_text(out, (sm_string){index, (size_t)size}, err));
  return sm_wire_close(out, contents, err);
}

static sm_status put_input(sm_buffer *out, sm_cut_work *work, sm_string text, sm_error *err) {
  sm_tensor_ref ref;
  size_t contents;
  sm_tensor_ref_parse(&ref, text); /* what could not be parsed was refused */
  if (!ref.is_control) return put_tensor(out, NODE_INPUT, work, &ref, err);
  const sm_cut_node *node = sm_cut_find_node(work->graph, ref.node);
  if (!sm_cut_keeps_control(work, node)) return SM_OK;
  SM_TRY(sm_wire_open(&contents, out, NODE_INPUT, err));
  SM_TRY(put_text(out, (sm_string){"^", 1}, err));
  SM_TRY(put_text(out, name_of(node), err));
  return sm_wire_close(out, contents, err);
}

/* ---- Nodes ---- */

/* What a node is colocated with has to be in the function, too: TensorFlow refuses unknown names. */
static sm_status put_colocation(sm_buffer *out, const sm_cut_work *work, const sm_wire_field *field, sm_error *err) {
  sm_string text = sm_span_text(field->bytes);
  size_t contents;
  if (text.size < COLOCATION_SIZE || memcmp(text.data, COLOCATION, COLOCATION_SIZE) != 0)
    return sm_buffer_put(out, field->whole.data, field->whole.size, err);
  const sm_cut_node *node =
      sm_cut_find_node(work->graph, (sm_string){text.data + COLOCATION_SIZE, text.size - COLOCATION_SIZE});
  if (node == NULL || !node->is_inside) return SM_OK;
  SM_TRY(sm_wire_open(&contents, out, LIST_STRING, err));
  SM_TRY(put_text(out, (sm_string){COLOCATION, COLOCATION_SIZE}, err));
  SM_TRY(put_text(out, name_of(node), err));
  return sm_wire_close(out, contents, err);
}

static sm_status put_class(sm_buffer *out, const sm_cut_work *work, sm_span entry, sm_error *err) {
  size_t contents, value, list, before = out->size;
  sm_span attr, old;
  SM_TRY(sm_wire_find_bytes(&attr, entry, ENTRY_VALUE, work->graph->source, err));
  SM_TRY(sm_wire_find_bytes(&old, attr, ATTR_LIST, work->graph->source, err));
  SM_TRY(sm_wire_open(&contents, out, NODE_ATTR, err));
  SM_TRY(put_name(out, ENTRY_KEY, sm_string_of("_class"), err));
  SM_TRY(sm_wire_open(&value, out, ENTRY_VALUE, err));
  SM_TRY(sm_wire_open(&list, out, ATTR_LIST, err));
  sm_wire_reader reader = sm_wire_read(old, work->graph->source);
  for (sm_wire_field field; sm_wire_next(&reader, &field);)
    if (field.tag == SM_WIRE_TAG(LIST_STRING, SM_WIRE_BYTES)) SM_TRY(put_colocation(out, work, &field, err));
  SM_TRY(sm_wire_finish(&reader, err));
  if (out->size == list) {
    out->size = before; /* nothing is left of it */
    return SM_OK;
  }
  SM_TRY(sm_wire_close(out, list, err));
  SM_TRY(sm_wire_close(out, value, err));
  return sm_wire_close(out, contents, err);
}

static sm_status put_field(sm_buffer *out, sm_cut_work *work, const sm_cut_node *node, const sm_wire_field *field,
                           sm_error *err) {
  sm_span key;
  switch (field->tag) {
    case SM_WIRE_TAG(NODE_NAME, SM_WIRE_BYTES): return put_name(out, NODE_NAME, name_of(node), err);
    case SM_WIRE_TAG(NODE_INPUT, SM_WIRE_BYTES): return put_input(out, work, sm_span_text(field->bytes), err);
    case SM_WIRE_TAG(NODE_ATTR, SM_WIRE_BYTES):
      SM_TRY(sm_wire_find_bytes(&key, field->bytes, ENTRY_KEY, work->graph->source, err));
      if (sm_string_equal(sm_span_text(key), sm_string_of("_class"))) return put_class(out, work, field->bytes, err);
      break;
    default: break;
  }
  return sm_buffer_put(out, field->whole.data, field->whole.size, err);
}

static sm_status put_node(sm_buffer *out, sm_cut_work *work, const sm_cut_node *node, sm_error *err) {
  size_t contents;
  SM_TRY(sm_wire_open(&contents, out, SM_FUNCTION_NODE, err));
  sm_wire_reader reader = sm_wire_read(node->bytes, work->graph->source);
  for (sm_wire_field field; sm_wire_next(&reader, &field);) SM_TRY(put_field(out, work, node, &field, err));
  SM_TRY(sm_wire_finish(&reader, err));
  return sm_wire_close(out, contents, err);
}

/* ---- The function ---- */

static sm_status put_arg(sm_buffer *out, uint32_t number, const sm_function_arg *arg, sm_error *err) {
  size_t contents;
  SM_TRY(sm_wire_open(&contents, out, number, err));
  SM_TRY(put_name(out, ARG_NAME, arg->name, err));
  SM_TRY(sm_wire_put_varint(out, ARG_TYPE, (uint64_t)arg->dtype, err));
  return sm_wire_close(out, contents, err);
}

/* All that has effects runs whenever the function does; but what is behind a Switch only when the outputs need it: a control
 * output that does not run would keep what comes after the call from running. */
static bool is_control_output(const sm_cut_node *node) {
  return node->def->proto->is_stateful && (!node->is_conditional || node->is_control);
}

static sm_status put_signature(sm_buffer *out, const sm_cut_work *work, sm_error *err) {
  size_t contents;
  bool is_stateful = false;
  SM_TRY(sm_wire_open(&contents, out, FUNCTION_SIGNATURE, err));
  SM_TRY(put_name(out, OP_NAME, work->spec->name, err));
  for (size_t i = 0; i < work->n_places; i++)
    if (work->places[i].is_needed) SM_TRY(put_arg(out, OP_INPUT_ARG, &work->places[i].arg, err));
  for (size_t i = 0; i < work->spec->n_outputs; i++) SM_TRY(put_arg(out, OP_OUTPUT_ARG, &work->outputs[i], err));
  for (size_t i = 0; i < work->n_body; i++) is_stateful |= work->body[i]->def->proto->is_stateful;
  if (is_stateful) SM_TRY(sm_wire_put_varint(out, OP_IS_STATEFUL, 1, err));
  for (size_t i = 0; i < work->n_body; i++)
    if (is_control_output(work->body[i])) SM_TRY(put_name(out, OP_CONTROL_OUTPUT, name_of(work->body[i]), err));
  return sm_wire_close(out, contents, err);
}

static sm_status put_results(sm_buffer *out, sm_cut_work *work, sm_error *err) {
  size_t contents;
  for (size_t i = 0; i < work->spec->n_outputs; i++) {
    sm_tensor_ref ref;
    sm_tensor_ref_parse(&ref, work->spec->outputs[i].tensor);
    SM_TRY(sm_wire_open(&contents, out, FUNCTION_RET, err));
    SM_TRY(put_name(out, ENTRY_KEY, work->outputs[i].name, err));
    SM_TRY(put_tensor(out, ENTRY_VALUE, work, &ref, err));
    SM_TRY(sm_wire_close(out, contents, err));
  }
  for (size_t i = 0; i < work->n_body; i++) {
    if (!is_control_output(work->body[i])) continue;
    SM_TRY(sm_wire_open(&contents, out, FUNCTION_CONTROL_RET, err));
    SM_TRY(put_name(out, ENTRY_KEY, name_of(work->body[i]), err));
    SM_TRY(put_name(out, ENTRY_VALUE, name_of(work->body[i]), err));
    SM_TRY(sm_wire_close(out, contents, err));
  }
  return SM_OK;
}

sm_status sm_cut_write(sm_buffer *out, sm_cut_work *work, sm_error *err) {
  SM_TRY(put_signature(out, work, err));
  for (size_t i = 0; i < work->n_body; i++) SM_TRY(put_node(out, work, work->body[i], err));
  return put_results(out, work, err);
}
