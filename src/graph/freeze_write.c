/* Functions, and the graph as a whole. */
#include "graph/freeze_internal.h"
#include "wire/emit.h"

/* Fields of GraphDef, FunctionDefLibrary, FunctionDef, OpDef, ArgDef, NodeDef, map entries: proto/graph.proto,
 * function.proto, op_def.proto, node_def.proto. */
enum {
  GRAPH_NODE = 1,
  GRAPH_LIBRARY = 2,
  LIBRARY_FUNCTION = 1,
  FUNCTION_SIGNATURE = 1,
  FUNCTION_RET = 4,
  FUNCTION_ATTR = 5,
  FUNCTION_ARG_ATTR = 7,
  FUNCTION_ARG_UNIQUE_ID = 8,
  OP_NAME = 1,
  OP_INPUT_ARG = 2,
  OP_OUTPUT_ARG = 3,
  ARG_TYPE = 3,
  ARG_HANDLE_DATA = 7,
  ARG_FULL_TYPE = 17,
  NODE_NAME = 1,
  NODE_INPUT = 3,
  ENTRY_KEY = 1,
  ENTRY_VALUE = 2
};

static sm_status put_whole(sm_buffer *out, const sm_wire_field *field, sm_error *err) {
  return sm_buffer_put(out, field->whole.data, field->whole.size, err);
}

/* ---- Nodes that stay ---- */

static bool reads_frozen(const sm_freeze_scope *scope, const sm_freeze_node *node) {
  for (size_t i = 0; i < node->n_inputs; i++) {
    const sm_freeze_input *input = &node->inputs[i];
    if (input->is_argument || input->at == SIZE_MAX) continue;
    sm_freeze_kind kind = scope->nodes[input->at].kind;
    if (kind == SM_FREEZE_READ || kind == SM_FREEZE_TRUE) return true;
  }
  return false;
}

/* In a function its inputs may have got other names. */
static sm_status put_same_node(sm_buffer *out, const sm_freeze_work *work, const sm_freeze_scope *scope,
                               const sm_freeze_node *node, const sm_wire_field *whole, sm_error *err) {
  size_t contents;
  if (scope->name.size == 0 || !reads_frozen(scope, node)) return put_whole(out, whole, err);
  SM_TRY(sm_wire_open(&contents, out, sm_wire_number(whole), err));
  sm_wire_reader reader = sm_wire_read(node->bytes, work->source);
  for (sm_wire_field field; sm_wire_next(&reader, &field);)
    SM_TRY(field.tag == SM_WIRE_TAG(NODE_INPUT, SM_WIRE_BYTES)
               ? sm_freeze_put_tensor(out, NODE_INPUT, scope, sm_span_text(field.bytes), err)
               : put_whole(out, &field, err));
  return sm_wire_close(out, contents, err);
}

static sm_status put_any_node(sm_buffer *out, const sm_freeze_work *work, const sm_freeze_scope *scope,
                              const sm_wire_field *field, sm_error *err) {
  sm_span name;
  SM_TRY(sm_wire_find_bytes(&name, field->bytes, NODE_NAME, work->source, err));
  const sm_freeze_node *node = sm_freeze_find_node(scope, sm_span_text(name));
  if (node == NULL || node->bytes.data != field->bytes.data) return put_whole(out, field, err);
  if (node->kind == SM_FREEZE_NOTHING) return put_same_node(out, work, scope, node, field, err);
  return sm_freeze_put_node(out, work, scope, node, sm_wire_number(field), err);
}

/* ---- Functions ---- */

static sm_status put_arg(sm_buffer *out, const sm_freeze_work *work, const sm_wire_field *field, sm_dtype dtype,
                         sm_error *err) {
  size_t contents;
  if (dtype == SM_DT_INVALID) return put_whole(out, field, err);
  SM_TRY(sm_wire_open(&contents, out, sm_wire_number(field), err));
  sm_wire_reader reader = sm_wire_read(field->bytes, work->source);
  for (sm_wire_field part; sm_wire_next(&reader, &part);) {
    uint32_t number = sm_wire_number(&part);
    if (number == ARG_TYPE) SM_TRY(sm_wire_put_varint(out, ARG_TYPE, (uint64_t)dtype, err));
    if (number != ARG_TYPE && number != ARG_HANDLE_DATA && number != ARG_FULL_TYPE) SM_TRY(put_whole(out, &part, err));
  }
  SM_TRY(sm_wire_finish(&reader, err));
  return sm_wire_close(out, contents, err);
}

static sm_status put_signature(sm_buffer *out, const sm_freeze_work *work, const sm_freeze_scope *scope,
                               sm_span signature, sm_error *err) {
  size_t contents, n_inputs = 0, n_outputs = 0;
  SM_TRY(sm_wire_open(&contents, out, FUNCTION_SIGNATURE, err));
  sm_wire_reader reader = sm_wire_read(signature, work->source);
  for (sm_wire_field field; sm_wire_next(&reader, &field);) {
    if (field.tag == SM_WIRE_TAG(OP_INPUT_ARG, SM_WIRE_BYTES))
      SM_TRY(put_arg(out, work, &field, scope->args[n_inputs++], err));
    else if (field.tag == SM_WIRE_TAG(OP_OUTPUT_ARG, SM_WIRE_BYTES))
      SM_TRY(put_arg(out, work, &field, scope->results[n_outputs++], err));
    else
      SM_TRY(put_whole(out, &field, err));
  }
  SM_TRY(sm_wire_finish(&reader, err));
  return sm_wire_close(out, contents, err);
}

static sm_status put_result(sm_buffer *out, const sm_freeze_work *work, const sm_freeze_scope *scope, sm_span entry,
                            sm_error *err) {
  size_t contents;
  sm_span key, value;
  SM_TRY(sm_wire_find_bytes(&key, entry, ENTRY_KEY, work->source, err));
  SM_TRY(sm_wire_find_bytes(&value, entry, ENTRY_VALUE, work->source, err));
  SM_TRY(sm_wire_open(&contents, out, FUNCTION_RET, err));
  SM_TRY(sm_wire_put_bytes(out, ENTRY_KEY, key.data, key.size, err));
  SM_TRY(sm_freeze_put_tensor(out, ENTRY_VALUE, scope, sm_span_text(value), err));
  return sm_wire_close(out, contents, err);
}

/* Is an entry of arg_attr or resource_arg_unique_id about an argument that changed? */
static sm_status is_of_changed(bool *out, const sm_freeze_work *work, const sm_freeze_scope *scope, sm_span entry,
                               sm_error *err) {
  uint64_t argument = 0;
  sm_wire_reader reader = sm_wire_read(entry, work->source);
  for (sm_wire_field field; sm_wire_next(&reader, &field);)
    if (field.tag == SM_WIRE_TAG(ENTRY_KEY, SM_WIRE_VARINT)) argument = (uint32_t)field.value;
  *out = argument < scope->type.n_inputs && scope->args[argument] != SM_DT_INVALID;
  return sm_wire_finish(&reader, err);
}

static sm_status put_function_field(sm_buffer *out, const sm_freeze_work *work, const sm_freeze_scope *scope,
                                    const sm_wire_field *field, sm_error *err) {
  sm_span key;
  bool is_gone = false;
  switch (field->tag) {
    case SM_WIRE_TAG(FUNCTION_SIGNATURE, SM_WIRE_BYTES): return put_signature(out, work, scope, field->bytes, err);
    case SM_WIRE_TAG(SM_FUNCTION_NODE, SM_WIRE_BYTES): return put_any_node(out, work, scope, field, err);
    case SM_WIRE_TAG(FUNCTION_RET, SM_WIRE_BYTES): return put_result(out, work, scope, field->bytes, err);
    case SM_WIRE_TAG(FUNCTION_ATTR, SM_WIRE_BYTES):
      SM_TRY(sm_wire_find_bytes(&key, field->bytes, ENTRY_KEY, work->source, err));
      is_gone = sm_string_equal(sm_span_text(key), sm_string_of("_input_shapes"));
      break;
    case SM_WIRE_TAG(FUNCTION_ARG_ATTR, SM_WIRE_BYTES):
    case SM_WIRE_TAG(FUNCTION_ARG_UNIQUE_ID, SM_WIRE_BYTES):
      SM_TRY(is_of_changed(&is_gone, work, scope, field->bytes, err));
      break;
    default: break;
  }
  return is_gone ? SM_OK : put_whole(out, field, err);
}

/* Of several functions of one name only the last is changed: the others are never called. */
static sm_status put_function(sm_buffer *out, const sm_freeze_work *work, const sm_wire_field *field, sm_error *err) {
  sm_span signature, name;
  size_t contents;
  SM_TRY(sm_wire_find_bytes(&signature, field->bytes, FUNCTION_SIGNATURE, work->source, err));
  SM_TRY(sm_wire_find_bytes(&name, signature, OP_NAME, work->source, err));
  size_t found = sm_graph_find_function(work->library, sm_span_text(name));
  const sm_freeze_scope *scope = found != SIZE_MAX ? &work->scopes[found] : NULL;
  if (scope == NULL || scope->bytes.data != field->bytes.data || !scope->was_visited) return put_whole(out, field, err);
  SM_TRY(sm_wire_open(&contents, out, LIBRARY_FUNCTION, err));
  sm_wire_reader reader = sm_wire_read(field->bytes, work->source);
  for (sm_wire_field part; sm_wire_next(&reader, &part);) SM_TRY(put_function_field(out, work, scope, &part, err));
  SM_TRY(sm_wire_finish(&reader, err));
  return sm_wire_close(out, contents, err);
}

static sm_status put_library(sm_buffer *out, const sm_freeze_work *work, sm_span library, sm_error *err) {
  size_t contents;
  SM_TRY(sm_wire_open(&contents, out, GRAPH_LIBRARY, err));
  sm_wire_reader reader = sm_wire_read(library, work->source);
  for (sm_wire_field field; sm_wire_next(&reader, &field);)
    SM_TRY(field.tag == SM_WIRE_TAG(LIBRARY_FUNCTION, SM_WIRE_BYTES) ? put_function(out, work, &field, err)
                                                                     : put_whole(out, &field, err));
  SM_TRY(sm_wire_finish(&reader, err));
  return sm_wire_close(out, contents, err);
}

/* ---- All ---- */

static sm_status put_graph_field(sm_buffer *out, const sm_freeze_work *work, const sm_wire_field *field,
                                 sm_error *err) {
  const sm_freeze_scope *graph = &work->scopes[work->library->n];
  switch (field->tag) {
    case SM_WIRE_TAG(GRAPH_NODE, SM_WIRE_BYTES): return put_any_node(out, work, graph, field, err);
    case SM_WIRE_TAG(GRAPH_LIBRARY, SM_WIRE_BYTES): return put_library(out, work, field->bytes, err);
    default: return put_whole(out, field, err);
  }
}

sm_status sm_freeze_write(sm_buffer *out, const sm_freeze_work *work, sm_error *err) {
  for (size_t i = 0; i < work->graph_def.n; i++) {
    sm_wire_reader reader = sm_wire_read(work->graph_def.items[i], work->source);
    for (sm_wire_field field; sm_wire_next(&reader, &field);) SM_TRY(put_graph_field(out, work, &field, err));
    SM_TRY(sm_wire_finish(&reader, err));
  }
  return SM_OK;
}
