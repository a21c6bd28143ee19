#include <stdio.h>

#include "graph/freeze_internal.h"
#include "wire/emit.h"

/* Fields of GraphDef, FunctionDefLibrary, FunctionDef, OpDef, ArgDef, NodeDef, map entries, AttrValue and its list,
 * TensorProto: proto/graph.proto, function.proto, op_def.proto, node_def.proto, attr_value.proto, tensor.proto. */
enum {
  GRAPH_NODE = 1,
  GRAPH_LIBRARY = 2,
  LIBRARY_FUNCTION = 1,
  FUNCTION_SIGNATURE = 1,
  FUNCTION_RET = 4,
  FUNCTION_ATTR = 5,
  FUNCTION_ARG_ATTR = 7,
  FUNCTION_ARG_UNIQUE_ID = 8,
  OP_INPUT_ARG = 2,
  OP_OUTPUT_ARG = 3,
  ARG_TYPE = 3,
  ARG_HANDLE_DATA = 7,
  ARG_FULL_TYPE = 17,
  NODE_NAME = 1,
  NODE_OP = 2,
  NODE_INPUT = 3,
  NODE_ATTR = 5,
  NODE_FULL_TYPE = 7,
  ENTRY_KEY = 1,
  ENTRY_VALUE = 2,
  ATTR_LIST = 1,
  ATTR_TYPE = 6,
  ATTR_TENSOR = 8,
  LIST_TYPE = 6,
  TENSOR_DTYPE = 1,
  TENSOR_SHAPE = 2,
  TENSOR_INT = 7
};

static sm_string text_of(sm_span bytes) { return (sm_string){(const char *)bytes.data, bytes.size}; }

static sm_status put_whole(sm_buffer *out, const sm_wire_field *field, sm_error *err) {
  return sm_buffer_put(out, field->whole.data, field->whole.size, err);
}

static sm_status put_text(sm_buffer *out, uint32_t number, sm_string text, sm_error *err) {
  return sm_wire_put_bytes(out, number, text.data, text.size, err);
}

/* ---- Attributes ---- */

static sm_status begin_attr(size_t *entry, size_t *value, sm_buffer *out, sm_string name, sm_error *err) {
  SM_TRY(sm_wire_open(entry, out, NODE_ATTR, err));
  SM_TRY(put_text(out, ENTRY_KEY, name, err));
  return sm_wire_open(value, out, ENTRY_VALUE, err);
}

static sm_status end_attr(sm_buffer *out, size_t entry, size_t value, sm_error *err) {
  SM_TRY(sm_wire_close(out, value, err));
  return sm_wire_close(out, entry, err);
}

static sm_status put_type_attr(sm_buffer *out, const char *name, sm_dtype dtype, sm_error *err) {
  size_t entry, value;
  SM_TRY(begin_attr(&entry, &value, out, sm_string_of(name), err));
  SM_TRY(sm_wire_put_varint(out, ATTR_TYPE, (uint64_t)dtype, err));
  return end_attr(out, entry, value, err);
}

/* A list of types, some of them changed: packed, as protobuf writes it. */
static sm_status put_types(sm_buffer *out, sm_string name, sm_span attr, const sm_dtype *changed, size_t n_changed,
                           const sm_wire_source *source, sm_error *err) {
  size_t entry, value, list, types, at = 0;
  sm_span old;
  SM_TRY(sm_wire_find_bytes(&old, attr, ATTR_LIST, source, err));
  SM_TRY(begin_attr(&entry, &value, out, name, err));
  SM_TRY(sm_wire_open(&list, out, ATTR_LIST, err));
  SM_TRY(sm_wire_open(&types, out, LIST_TYPE, err));
  sm_wire_reader reader = sm_wire_read(old, source);
  for (sm_wire_field field; sm_wire_next(&reader, &field);) {
    if (sm_wire_number(&field) != LIST_TYPE) continue;
    const uint8_t *p = field.bytes.data, *end = p + field.bytes.size;
    while (p < end) { /* one number, or many: the form differs, the numbers do not */
      uint64_t type = 0;
      for (unsigned shift = 0; p < end; shift += 7) {
        uint8_t byte = *p++;
        if (shift < 64) type |= (uint64_t)(byte & 0x7f) << shift;
        if ((byte & 0x80) == 0) break;
      }
      if (at < n_changed && changed[at] != SM_DT_INVALID) type = (uint64_t)changed[at];
      at++;
      SM_TRY(sm_wire_put_raw_varint(out, type, err));
    }
  }
  SM_TRY(sm_wire_finish(&reader, err));
  SM_TRY(sm_wire_close(out, types, err));
  SM_TRY(sm_wire_close(out, list, err));
  return end_attr(out, entry, value, err);
}

/* ---- Nodes that change ---- */

/* An attribute of the old op, and of the new one; to NULL: it has none such. */
typedef struct attr_change {
  const char *from, *to;
  bool is_dtype; /* of the value */
} attr_change;

/* What a node becomes. */
static const struct change {
  const char *op; /* NULL: its own */
  attr_change attrs[5];
} changes[] = {
    [SM_FREEZE_READ] = {"Identity", {{"dtype", "T", true}}},
    [SM_FREEZE_PASS] = {NULL, {{"T", "T", true}}},
    [SM_FREEZE_GATHER] = {"GatherV2", {{"dtype", "Tparams", true}, {"validate_indices", NULL, false}}},
    [SM_FREEZE_GATHER_ND] = {"GatherNd", {{"dtype", "Tparams", true}}},
    [SM_FREEZE_SHAPE] = {"Shape", {{"out_type", "out_type", false}}},
};

/* Hints about shapes: those of handles, which values do not have. */
static bool is_hint(sm_string name) {
  static const char *const hints[] = {"_output_shapes", "_handle_dtypes", "_handle_shapes",
                                      "_read_only_resource_inputs", "_input_shapes"};
  for (size_t i = 0; i < sizeof hints / sizeof hints[0]; i++)
    if (sm_string_equal(name, sm_string_of(hints[i]))) return true;
  return false;
}

static bool has_changed(const sm_dtype *dtypes, size_t n) {
  for (size_t i = 0; dtypes != NULL && i < n; i++)
    if (dtypes[i] != SM_DT_INVALID) return true;
  return false;
}

static sm_status put_call_attr(sm_buffer *out, const sm_freeze_work *work, const sm_freeze_node *node,
                               const sm_wire_field *field, sm_string name, sm_error *err) {
  sm_span attr;
  bool has_outputs = has_changed(node->outputs, node->n_outputs);
  if (sm_string_equal(name, sm_string_of("_read_only_resource_inputs"))) return SM_OK;
  if (has_outputs && (is_hint(name) || sm_string_equal(name, sm_string_of("output_shapes")))) return SM_OK;
  SM_TRY(sm_wire_find_bytes(&attr, field->bytes, ENTRY_VALUE, work->source, err));
  if (sm_string_equal(name, sm_string_of(node->call->inputs)))
    return put_types(out, name, attr, node->inputs, node->n_inputs, work->source, err);
  if (has_outputs && sm_string_equal(name, sm_string_of(node->call->outputs)))
    return put_types(out, name, attr, node->outputs, node->n_outputs, work->source, err);
  return put_whole(out, field, err);
}

static sm_status put_attr(sm_buffer *out, const sm_freeze_work *work, const sm_freeze_node *node,
                          const sm_wire_field *field, sm_error *err) {
  sm_span key, attr;
  SM_TRY(sm_wire_find_bytes(&key, field->bytes, ENTRY_KEY, work->source, err));
  sm_string name = text_of(key);
  if (node->kind == SM_FREEZE_CALL) return put_call_attr(out, work, node, field, name, err);
  if (node->kind == SM_FREEZE_CONST)
    return name.size != 0 && name.data[0] == '_' && !is_hint(name) ? put_whole(out, field, err) : SM_OK;
  if (node->kind == SM_FREEZE_PASS && is_hint(name)) return SM_OK;
  const attr_change *attrs = changes[node->kind].attrs;
  for (size_t i = 0; i < sizeof changes[0].attrs / sizeof changes[0].attrs[0] && attrs[i].from != NULL; i++) {
    if (!sm_string_equal(name, sm_string_of(attrs[i].from))) continue;
    if (attrs[i].to == NULL || attrs[i].is_dtype) return SM_OK; /* that one comes at the end */
    return put_whole(out, field, err);
  }
  SM_TRY(sm_wire_find_bytes(&attr, field->bytes, ENTRY_VALUE, work->source, err));
  return put_whole(out, field, err);
}

/* The op's own name; of a RefSwitch and the like that of the op for values. */
static sm_status put_op(sm_buffer *out, const sm_freeze_node *node, sm_string op, sm_error *err) {
  if (node->kind == SM_FREEZE_CONST) return put_text(out, NODE_OP, sm_string_of("Const"), err);
  if (node->kind == SM_FREEZE_CALL) return put_text(out, NODE_OP, op, err);
  if (changes[node->kind].op != NULL) return put_text(out, NODE_OP, sm_string_of(changes[node->kind].op), err);
  if (op.size > 3 && memcmp(op.data, "Ref", 3) == 0) op = (sm_string){op.data + 3, op.size - 3};
  return put_text(out, NODE_OP, op, err);
}

/* ReadVariableOp has "value", Identity "output". */
static sm_status put_tensor(sm_buffer *out, uint32_t number, const sm_freeze_scope *scope, sm_string text,
                            sm_error *err) {
  static const char output[] = ":output:0";
  sm_tensor_ref ref;
  size_t contents;
  bool is_output = scope->name.size != 0 && sm_tensor_ref_parse_inside(&ref, text) && ref.output.size != 0;
  const sm_freeze_node *node = is_output ? sm_freeze_find_node(scope, ref.node) : NULL;
  if (node == NULL || node->kind != SM_FREEZE_READ) return put_text(out, number, text, err);
  SM_TRY(sm_wire_open(&contents, out, number, err));
  SM_TRY(sm_buffer_put(out, ref.node.data, ref.node.size, err));
  SM_TRY(sm_buffer_put(out, output, sizeof output - 1, err));
  return sm_wire_close(out, contents, err);
}

static const char AXIS[] = "/axis";

static sm_status put_axis_name(sm_buffer *out, uint32_t number, const sm_freeze_node *node, const char *output,
                               sm_error *err) {
  size_t contents;
  SM_TRY(sm_wire_open(&contents, out, number, err));
  SM_TRY(sm_buffer_put(out, node->name.data, node->name.size, err));
  SM_TRY(sm_buffer_put(out, AXIS, sizeof AXIS - 1, err));
  SM_TRY(sm_buffer_put(out, output, strlen(output), err));
  return sm_wire_close(out, contents, err);
}

/* The third input of GatherV2: the scalar 0. */
static sm_status put_axis(sm_buffer *out, const sm_freeze_scope *scope, const sm_freeze_node *node, sm_error *err) {
  size_t contents, entry, value, tensor;
  SM_TRY(sm_wire_open(&contents, out, scope->name.size != 0 ? SM_FUNCTION_NODE : GRAPH_NODE, err));
  SM_TRY(put_axis_name(out, NODE_NAME, node, "", err));
  SM_TRY(put_text(out, NODE_OP, sm_string_of("Const"), err));
  SM_TRY(put_type_attr(out, "dtype", SM_DT_INT32, err));
  SM_TRY(begin_attr(&entry, &value, out, sm_string_of("value"), err));
  SM_TRY(sm_wire_open(&tensor, out, ATTR_TENSOR, err));
  SM_TRY(sm_wire_put_varint(out, TENSOR_DTYPE, SM_DT_INT32, err));
  SM_TRY(sm_wire_put_bytes(out, TENSOR_SHAPE, "", 0, err));
  SM_TRY(sm_wire_put_varint(out, TENSOR_INT, 0, err));
  SM_TRY(sm_wire_close(out, tensor, err));
  SM_TRY(end_attr(out, entry, value, err));
  return sm_wire_close(out, contents, err);
}

static sm_status put_field(sm_buffer *out, const sm_freeze_work *work, const sm_freeze_scope *scope,
                           const sm_freeze_node *node, const sm_wire_field *field, sm_error *err) {
  switch (field->tag) {
    case SM_WIRE_TAG(NODE_OP, SM_WIRE_BYTES): return put_op(out, node, text_of(field->bytes), err);
    case SM_WIRE_TAG(NODE_INPUT, SM_WIRE_BYTES): return put_tensor(out, NODE_INPUT, scope, text_of(field->bytes), err);
    case SM_WIRE_TAG(NODE_ATTR, SM_WIRE_BYTES): return put_attr(out, work, node, field, err);
    case SM_WIRE_TAG(NODE_FULL_TYPE, SM_WIRE_BYTES): return SM_OK; /* of a handle */
    default: return put_whole(out, field, err);
  }
}

/* What the new op needs beside what the old one had. */
static sm_status put_more(sm_buffer *out, const sm_freeze_work *work, const sm_freeze_node *node, sm_error *err) {
  size_t entry, value, tensor;
  switch (node->kind) {
    case SM_FREEZE_CONST:
      SM_TRY(put_type_attr(out, "dtype", node->dtype, err));
      SM_TRY(begin_attr(&entry, &value, out, sm_string_of("value"), err));
      SM_TRY(sm_wire_open(&tensor, out, ATTR_TENSOR, err));
      SM_TRY(work->spec->put_value(out, work->spec->ctx, node->variable, err));
      SM_TRY(sm_wire_close(out, tensor, err));
      return end_attr(out, entry, value, err);
    case SM_FREEZE_GATHER: SM_TRY(put_type_attr(out, "Taxis", SM_DT_INT32, err)); /* fall through */
    case SM_FREEZE_GATHER_ND: return put_type_attr(out, "Tparams", node->dtype, err);
    case SM_FREEZE_READ:
    case SM_FREEZE_PASS:
    case SM_FREEZE_SHAPE: return put_type_attr(out, "T", node->dtype, err);
    default: return SM_OK;
  }
}

/* Inputs stand before control inputs: the axis comes behind the two that a gather has. */
static sm_status put_node(sm_buffer *out, const sm_freeze_work *work, const sm_freeze_scope *scope,
                          const sm_freeze_node *node, uint32_t number, sm_error *err) {
  size_t contents, n_inputs = 0;
  SM_TRY(sm_wire_open(&contents, out, number, err));
  sm_wire_reader reader = sm_wire_read(node->bytes, work->source);
  for (sm_wire_field field; sm_wire_next(&reader, &field);) {
    SM_TRY(put_field(out, work, scope, node, &field, err));
    n_inputs += field.tag == SM_WIRE_TAG(NODE_INPUT, SM_WIRE_BYTES);
    if (node->kind != SM_FREEZE_GATHER || n_inputs != 2 || sm_wire_number(&field) != NODE_INPUT) continue;
    SM_TRY(put_axis_name(out, NODE_INPUT, node, scope->name.size != 0 ? ":output:0" : "", err));
  }
  SM_TRY(sm_wire_finish(&reader, err));
  SM_TRY(put_more(out, work, node, err));
  SM_TRY(sm_wire_close(out, contents, err));
  return node->kind == SM_FREEZE_GATHER ? put_axis(out, scope, node, err) : SM_OK;
}

static bool reads_frozen(const sm_freeze_work *work, const sm_freeze_scope *scope, const sm_freeze_node *node) {
  sm_wire_reader reader = sm_wire_read(node->bytes, work->source);
  for (sm_wire_field field; sm_wire_next(&reader, &field);) {
    sm_tensor_ref ref;
    if (field.tag != SM_WIRE_TAG(NODE_INPUT, SM_WIRE_BYTES)) continue;
    if (!sm_tensor_ref_parse_inside(&ref, text_of(field.bytes)) || ref.output.size == 0) continue;
    const sm_freeze_node *from = sm_freeze_find_node(scope, ref.node);
    if (from != NULL && from->kind == SM_FREEZE_READ) return true;
  }
  return false;
}

/* A node that stays; in a function its inputs may have got other names. */
static sm_status put_same_node(sm_buffer *out, const sm_freeze_work *work, const sm_freeze_scope *scope,
                               const sm_freeze_node *node, const sm_wire_field *whole, sm_error *err) {
  size_t contents;
  if (scope->name.size == 0 || !reads_frozen(work, scope, node)) return put_whole(out, whole, err);
  SM_TRY(sm_wire_open(&contents, out, sm_wire_number(whole), err));
  sm_wire_reader reader = sm_wire_read(node->bytes, work->source);
  for (sm_wire_field field; sm_wire_next(&reader, &field);)
    SM_TRY(field.tag == SM_WIRE_TAG(NODE_INPUT, SM_WIRE_BYTES)
               ? put_tensor(out, NODE_INPUT, scope, text_of(field.bytes), err)
               : put_whole(out, &field, err));
  return sm_wire_close(out, contents, err);
}

static sm_status put_any_node(sm_buffer *out, const sm_freeze_work *work, const sm_freeze_scope *scope,
                              const sm_wire_field *field, sm_error *err) {
  sm_span name;
  SM_TRY(sm_wire_find_bytes(&name, field->bytes, NODE_NAME, work->source, err));
  const sm_freeze_node *node = sm_freeze_find_node(scope, text_of(name));
  if (node == NULL) return put_whole(out, field, err);
  if (node->kind == SM_FREEZE_NOTHING) return put_same_node(out, work, scope, node, field, err);
  return put_node(out, work, scope, node, sm_wire_number(field), err);
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
  SM_TRY(put_text(out, ENTRY_KEY, text_of(key), err));
  SM_TRY(put_tensor(out, ENTRY_VALUE, scope, text_of(value), err));
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
      is_gone = sm_string_equal(text_of(key), sm_string_of("_input_shapes"));
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
  SM_TRY(sm_wire_find_bytes(&name, signature, 1, work->source, err));
  size_t found = sm_graph_find_function(work->library, text_of(name));
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
