#include "graph/function_write.h"

/* Fields of FunctionDef, OpDef and ArgDef, and of entries of maps: proto/function.proto, op_def.proto. */
enum {
  FUNCTION_SIGNATURE = 1,
  FUNCTION_NODE = 3,
  FUNCTION_RET = 4,
  FUNCTION_CONTROL_RET = 6,
  OP_NAME = 1,
  OP_INPUT = 2,
  OP_OUTPUT = 3,
  OP_IS_STATEFUL = 17,
  OP_CONTROL_OUTPUT = 20,
  ARG_NAME = 1,
  ARG_TYPE = 3,
  ENTRY_KEY = 1,
  ENTRY_VALUE = 2
};

static sm_status put_text(sm_buffer *out, uint32_t number, const char *text, sm_error *err) {
  return sm_wire_put_bytes(out, number, text, strlen(text), err);
}

static sm_status put_args(sm_buffer *out, uint32_t number, const sm_function_part *args, size_t n, sm_error *err) {
  size_t arg;
  for (size_t i = 0; i < n; i++) {
    SM_TRY(sm_wire_open(&arg, out, number, err));
    SM_TRY(put_text(out, ARG_NAME, args[i].name, err));
    SM_TRY(sm_wire_put_varint(out, ARG_TYPE, (uint64_t)args[i].dtype, err));
    SM_TRY(sm_wire_close(out, arg, err));
  }
  return SM_OK;
}

static sm_status put_signature(sm_buffer *out, const sm_function_parts *parts, sm_error *err) {
  size_t signature;
  SM_TRY(sm_wire_open(&signature, out, FUNCTION_SIGNATURE, err));
  SM_TRY(put_text(out, OP_NAME, parts->name, err));
  SM_TRY(put_args(out, OP_INPUT, parts->inputs, parts->n_inputs, err));
  SM_TRY(put_args(out, OP_OUTPUT, parts->outputs, parts->n_outputs, err));
  if (parts->control != NULL) {
    SM_TRY(sm_wire_put_varint(out, OP_IS_STATEFUL, true, err));
    SM_TRY(put_text(out, OP_CONTROL_OUTPUT, parts->control, err));
  }
  return sm_wire_close(out, signature, err);
}

static sm_status put_entry(sm_buffer *out, uint32_t number, const char *key, const char *value, sm_error *err) {
  size_t entry;
  SM_TRY(sm_wire_open(&entry, out, number, err));
  SM_TRY(put_text(out, ENTRY_KEY, key, err));
  SM_TRY(put_text(out, ENTRY_VALUE, value, err));
  return sm_wire_close(out, entry, err);
}

sm_status sm_function_write(sm_buffer *out, const sm_function_parts *parts, sm_error *err) {
  size_t node;
  SM_TRY(put_signature(out, parts, err));
  for (size_t i = 0; i < parts->n_nodes; i++) {
    SM_TRY(sm_wire_open(&node, out, FUNCTION_NODE, err));
    SM_TRY(sm_node_write(out, &parts->nodes[i], err));
    SM_TRY(sm_wire_close(out, node, err));
  }
  for (size_t i = 0; i < parts->n_outputs; i++)
    SM_TRY(put_entry(out, FUNCTION_RET, parts->outputs[i].name, parts->outputs[i].value, err));
  return parts->control != NULL ? put_entry(out, FUNCTION_CONTROL_RET, parts->control, parts->control, err) : SM_OK;
}
