#include <stdio.h>

#include "graph/lift_internal.h"

/* Fields of FunctionDef, OpDef, ArgDef, NodeDef, map entries, AttrValue and its list: proto/function.proto, op_def.proto,
 * node_def.proto, attr_value.proto. */
enum {
  FUNCTION_SIGNATURE = 1,
  FUNCTION_ATTR = 5,
  OP_INPUT_ARG = 2,
  ARG_NAME = 1,
  ARG_TYPE = 3,
  NODE_OP = 2,
  NODE_INPUT = 3,
  NODE_ATTR = 5,
  ENTRY_KEY = 1,
  ENTRY_VALUE = 2,
  ATTR_LIST = 1,
  ATTR_TYPE = 6,
  LIST_TYPE = 6
};

/* A function that is being written: its nodes come in the order in which they were found. */
typedef struct writing {
  sm_buffer *out;
  const sm_lift_work *work;
  const sm_lift_function *function;
  size_t next_node, next_call;
} writing;

static sm_status put_whole(writing *w, const sm_wire_field *field, sm_error *err) {
  return sm_buffer_put(w->out, field->whole.data, field->whole.size, err);
}

static sm_status put_arg_name(writing *w, uint32_t number, size_t constant, sm_error *err) {
  char digits[24];
  size_t contents;
  int size = snprintf(digits, sizeof digits, "_%zu", constant);
  SM_TRY(sm_wire_open(&contents, w->out, number, err));
  SM_TRY(sm_buffer_put(w->out, w->work->stem, strlen(w->work->stem), err));
  SM_TRY(sm_buffer_put(w->out, digits, (size_t)size, err));
  return sm_wire_close(w->out, contents, err);
}

static sm_dtype dtype_of(const writing *w, size_t constant) { return w->work->constants[constant].value.dtype; }

/* ---- A Const ---- */

static sm_status put_type_attr(writing *w, const char *key, sm_dtype dtype, sm_error *err) {
  size_t entry, value;
  SM_TRY(sm_wire_open(&entry, w->out, NODE_ATTR, err));
  SM_TRY(sm_wire_put_bytes(w->out, ENTRY_KEY, key, strlen(key), err));
  SM_TRY(sm_wire_open(&value, w->out, ENTRY_VALUE, err));
  SM_TRY(sm_wire_put_varint(w->out, ATTR_TYPE, (uint64_t)dtype, err));
  SM_TRY(sm_wire_close(w->out, value, err));
  return sm_wire_close(w->out, entry, err);
}

/* Its own attributes go; those of no op, which begin with '_', stay. */
static sm_status put_attr(writing *w, const sm_wire_field *field, sm_error *err) {
  sm_span key;
  SM_TRY(sm_wire_find_bytes(&key, field->bytes, ENTRY_KEY, w->work->source, err));
  return key.size != 0 && key.data[0] == '_' ? put_whole(w, field, err) : SM_OK;
}

/* An Identity of the argument: its output has the name that the output of a Const has. */
static sm_status put_identity(writing *w, const sm_lift_node *node, sm_error *err) {
  static const char identity[] = "Identity";
  for (size_t part = 0; part < 2; part++) {
    sm_wire_reader reader = sm_wire_read(node->bytes, w->work->source);
    for (sm_wire_field field; sm_wire_next(&reader, &field);) {
      uint32_t number = sm_wire_number(&field);
      if ((number >= NODE_INPUT) != (part != 0)) continue;
      if (number == NODE_ATTR)
        SM_TRY(put_attr(w, &field, err));
      else if (number == NODE_OP)
        SM_TRY(sm_wire_put_bytes(w->out, NODE_OP, identity, sizeof identity - 1, err));
      else
        SM_TRY(put_whole(w, &field, err));
    }
    SM_TRY(sm_wire_finish(&reader, err));
    if (part == 0) SM_TRY(put_arg_name(w, NODE_INPUT, node->constant, err));
  }
  return put_type_attr(w, "T", dtype_of(w, node->constant), err);
}

/* ---- A call ---- */

/* What Tin has, and the types of the new inputs. */
static sm_status put_types(writing *w, const sm_lift_function *callee, sm_span old, sm_error *err) {
  sm_span list;
  size_t entry, value, types;
  SM_TRY(sm_wire_find_bytes(&list, old, ATTR_LIST, w->work->source, err));
  SM_TRY(sm_wire_open(&entry, w->out, NODE_ATTR, err));
  SM_TRY(sm_wire_put_bytes(w->out, ENTRY_KEY, "Tin", 3, err));
  SM_TRY(sm_wire_open(&value, w->out, ENTRY_VALUE, err));
  SM_TRY(sm_wire_open(&types, w->out, ATTR_LIST, err));
  SM_TRY(sm_buffer_put(w->out, list.data, list.size, err));
  for (size_t i = 0; i < callee->n_needs; i++)
    SM_TRY(sm_wire_put_varint(w->out, LIST_TYPE, (uint64_t)dtype_of(w, callee->needs[i]), err));
  SM_TRY(sm_wire_close(w->out, types, err));
  SM_TRY(sm_wire_close(w->out, value, err));
  return sm_wire_close(w->out, entry, err);
}

static sm_status put_call_field(writing *w, const sm_lift_function *callee, bool has_types, const sm_wire_field *field,
                                sm_error *err) {
  sm_span key, value;
  if (!has_types || sm_wire_number(field) != NODE_ATTR) return put_whole(w, field, err);
  SM_TRY(sm_wire_find_bytes(&key, field->bytes, ENTRY_KEY, w->work->source, err));
  if (!sm_string_equal(sm_span_text(key), sm_string_of("Tin"))) return put_whole(w, field, err);
  SM_TRY(sm_wire_find_bytes(&value, field->bytes, ENTRY_VALUE, w->work->source, err));
  return put_types(w, callee, value, err);
}

static bool is_control(const sm_wire_field *field) {
  return sm_wire_number(field) == NODE_INPUT && field->bytes.size != 0 && field->bytes.data[0] == '^';
}

/* New inputs stand behind the others, and before control inputs. */
static sm_status put_call(writing *w, const sm_lift_call *call, sm_error *err) {
  const sm_lift_function *callee = &w->work->functions[call->callee];
  sm_string op;
  SM_TRY(sm_node_get_op(&op, call->bytes, w->work->source, err));
  bool has_types = !sm_string_equal(op, w->work->spec->library->functions[call->callee].name);
  for (size_t part = 0; part < 2; part++) {
    sm_wire_reader reader = sm_wire_read(call->bytes, w->work->source);
    for (sm_wire_field field; sm_wire_next(&reader, &field);)
      if ((sm_wire_number(&field) > NODE_INPUT || is_control(&field)) == (part != 0))
        SM_TRY(put_call_field(w, callee, has_types, &field, err));
    SM_TRY(sm_wire_finish(&reader, err));
    for (size_t i = 0; part == 0 && i < callee->n_needs; i++)
      SM_TRY(put_arg_name(w, NODE_INPUT, callee->needs[i], err));
  }
  return SM_OK;
}

/* ---- The function ---- */

static sm_status put_node(writing *w, const sm_wire_field *field, sm_error *err) {
  const sm_lift_function *f = w->function;
  const sm_lift_node *node = w->next_node < f->n_nodes ? &f->nodes[w->next_node] : NULL;
  const sm_lift_call *call = w->next_call < f->n_calls ? &f->calls[w->next_call] : NULL;
  bool is_constant = node != NULL && node->bytes.data == field->bytes.data;
  bool is_call = call != NULL && call->bytes.data == field->bytes.data;
  size_t contents;
  w->next_node += is_constant;
  w->next_call += is_call;
  if (!is_constant && !(is_call && w->work->functions[call->callee].n_needs != 0)) return put_whole(w, field, err);
  SM_TRY(sm_wire_open(&contents, w->out, SM_FUNCTION_NODE, err));
  SM_TRY(is_constant ? put_identity(w, node, err) : put_call(w, call, err));
  return sm_wire_close(w->out, contents, err);
}

static sm_status put_args(writing *w, sm_error *err) {
  size_t arg;
  for (size_t i = 0; i < w->function->n_needs; i++) {
    SM_TRY(sm_wire_open(&arg, w->out, OP_INPUT_ARG, err));
    SM_TRY(put_arg_name(w, ARG_NAME, w->function->needs[i], err));
    SM_TRY(sm_wire_put_varint(w->out, ARG_TYPE, (uint64_t)dtype_of(w, w->function->needs[i]), err));
    SM_TRY(sm_wire_close(w->out, arg, err));
  }
  return SM_OK;
}

/* First what stands before the new arguments, then the rest: arguments count in the order of the file. */
static sm_status put_signature(writing *w, sm_span signature, sm_error *err) {
  size_t contents;
  SM_TRY(sm_wire_open(&contents, w->out, FUNCTION_SIGNATURE, err));
  for (size_t part = 0; part < 2; part++) {
    sm_wire_reader reader = sm_wire_read(signature, w->work->source);
    for (sm_wire_field field; sm_wire_next(&reader, &field);)
      if ((sm_wire_number(&field) > OP_INPUT_ARG) == (part != 0)) SM_TRY(put_whole(w, &field, err));
    SM_TRY(sm_wire_finish(&reader, err));
    if (part == 0) SM_TRY(put_args(w, err));
  }
  return sm_wire_close(w->out, contents, err);
}

/* "_input_shapes" has to have one for each argument, and is only a hint. */
static sm_status put_function_attr(writing *w, const sm_wire_field *field, sm_error *err) {
  sm_span key;
  SM_TRY(sm_wire_find_bytes(&key, field->bytes, ENTRY_KEY, w->work->source, err));
  return sm_string_equal(sm_span_text(key), sm_string_of("_input_shapes")) ? SM_OK : put_whole(w, field, err);
}

sm_status sm_lift_write(sm_buffer *out, const sm_lift_work *work, size_t function, sm_error *err) {
  writing w = {.out = out, .work = work, .function = &work->functions[function]};
  sm_wire_reader reader = sm_wire_read(work->spec->library->functions[function].def, work->source);
  for (sm_wire_field field; sm_wire_next(&reader, &field);) {
    switch (field.tag) {
      case SM_WIRE_TAG(FUNCTION_SIGNATURE, SM_WIRE_BYTES): SM_TRY(put_signature(&w, field.bytes, err)); break;
      case SM_WIRE_TAG(SM_FUNCTION_NODE, SM_WIRE_BYTES): SM_TRY(put_node(&w, &field, err)); break;
      case SM_WIRE_TAG(FUNCTION_ATTR, SM_WIRE_BYTES): SM_TRY(put_function_attr(&w, &field, err)); break;
      default: SM_TRY(put_whole(&w, &field, err)); break;
    }
  }
  return sm_wire_finish(&reader, err);
}
