/* Nodes as they are in the frozen graph. */
#include <stdio.h>

#include "codec/varint.h"
#include "graph/freeze_internal.h"
#include "graph/reach.h"
#include "wire/emit.h"

/* Fields of NodeDef, map entries, AttrValue and its list, TensorProto: proto/node_def.proto,
 * attr_value.proto, tensor.proto. */
enum {
  NODE_NAME = 1,
  NODE_OP = 2,
  NODE_INPUT = 3,
  NODE_ATTR = 5,
  NODE_FULL_TYPE = 7,
  ENTRY_KEY = 1,
  ENTRY_VALUE = 2,
  ATTR_LIST = 1,
  ATTR_INT = 3,
  ATTR_TYPE = 6,
  ATTR_TENSOR = 8,
  LIST_TYPE = 6,
  TENSOR_DTYPE = 1,
  TENSOR_SHAPE = 2,
  TENSOR_INT = 7,
  TENSOR_BOOL = 11
};

static sm_status put_text(sm_buffer *out, uint32_t number, sm_string text, sm_error *err) {
  return sm_wire_put_bytes(out, number, text.data, text.size, err);
}

static sm_status put_field_as_is(sm_buffer *out, const sm_wire_field *field, sm_error *err) {
  return sm_buffer_put(out, field->whole.data, field->whole.size, err);
}

/* ---- What it becomes ---- */

static const struct change {
  const char *op;         /* NULL: its own */
  const char *dtype;      /* attribute with the type of the value; NULL: none */
  const char *dropped[2]; /* attributes that the new op does not have, or that are put anew */
  bool is_other;          /* nothing is left of the old op's attributes and inputs */
} changes[] = {
    [SM_FREEZE_CONST] = {"Const", "dtype", {NULL}, true},
    [SM_FREEZE_READ] = {"Identity", "T", {"dtype"}, false},
    [SM_FREEZE_PASS] = {NULL, "T", {"T"}, false},
    [SM_FREEZE_GATHER] = {"GatherV2", "Tparams", {"dtype", "validate_indices"}, false},
    [SM_FREEZE_GATHER_ND] = {"GatherNd", "Tparams", {"dtype"}, false},
    [SM_FREEZE_SHAPE] = {"Shape", "T", {NULL}, false},
    [SM_FREEZE_TRUE] = {"Const", NULL, {NULL}, true},
    [SM_FREEZE_NO_OP] = {"NoOp", NULL, {NULL}, true},
    [SM_FREEZE_CALL] = {NULL, NULL, {NULL}, false},
};

/* The op's own name; of a RefSwitch and the like that of the op for values. */
static sm_status put_op(sm_buffer *out, const sm_freeze_node *node, sm_error *err) {
  sm_string op = node->op;
  if (changes[node->kind].op != NULL)
    op = sm_string_of(changes[node->kind].op);
  else if (node->kind == SM_FREEZE_PASS && sm_freeze_is_ref_op(op))
    op = (sm_string){op.data + 3, op.size - 3};
  return put_text(out, NODE_OP, op, err);
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

/* The attributes of a Const that is a scalar; field: of TensorProto, where its value is. */
static sm_status put_scalar(sm_buffer *out, sm_dtype dtype, uint32_t field, uint64_t scalar, sm_error *err) {
  size_t entry, value, tensor;
  SM_TRY(put_type_attr(out, "dtype", dtype, err));
  SM_TRY(begin_attr(&entry, &value, out, sm_string_of("value"), err));
  SM_TRY(sm_wire_open(&tensor, out, ATTR_TENSOR, err));
  SM_TRY(sm_wire_put_varint(out, TENSOR_DTYPE, (uint64_t)dtype, err));
  SM_TRY(sm_wire_put_bytes(out, TENSOR_SHAPE, "", 0, err));
  SM_TRY(sm_wire_put_varint(out, field, scalar, err));
  SM_TRY(sm_wire_close(out, tensor, err));
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
    const uint8_t *p = field.bytes.data, *end = p + field.bytes.size;
    bool is_packed = field.tag == SM_WIRE_TAG(LIST_TYPE, SM_WIRE_BYTES);
    if (!is_packed && field.tag != SM_WIRE_TAG(LIST_TYPE, SM_WIRE_VARINT)) continue;
    for (bool more = true; more; more = is_packed && p != NULL && p != end) {
      uint64_t type = field.value;
      if (is_packed && (p == end || (p = sm_varint_read(p, end, &type)) == NULL)) break;
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

/* Hints about shapes: those of handles, which values do not have. */
static bool is_hint(sm_string name) {
  static const char *const hints[] = {"_output_shapes", "_handle_dtypes", "_handle_shapes",
                                      "_read_only_resource_inputs", "_input_shapes"};
  for (size_t i = 0; i < sizeof hints / sizeof hints[0]; i++)
    if (sm_freeze_is_op(name, hints[i])) return true;
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
  size_t first;
  const sm_freeze_list *list;
  const char *outputs = node->call->outputs;
  bool returns = has_changed(node->results, node->n_results);
  if (sm_freeze_is_op(name, "_read_only_resource_inputs")) return SM_OK;
  if (returns && (is_hint(name) || sm_freeze_is_op(name, "output_shapes"))) return SM_OK;
  SM_TRY(sm_wire_find_bytes(&attr, field->bytes, ENTRY_VALUE, work->source, err));
  SM_TRY(sm_freeze_find_list(&list, &first, node, name, work->source, err));
  if (list != NULL) return put_types(out, name, attr, node->types + first, node->n_types - first, work->source, err);
  if (returns && outputs != NULL && sm_freeze_is_op(name, outputs))
    return put_types(out, name, attr, node->results, node->n_results, work->source, err);
  return put_field_as_is(out, field, err);
}

static sm_status put_attr(sm_buffer *out, const sm_freeze_work *work, const sm_freeze_node *node,
                          const sm_wire_field *field, sm_error *err) {
  sm_span key;
  const struct change *change = &changes[node->kind];
  SM_TRY(sm_wire_find_bytes(&key, field->bytes, ENTRY_KEY, work->source, err));
  sm_string name = sm_span_text(key);
  if (node->kind == SM_FREEZE_CALL) return put_call_attr(out, work, node, field, name, err);
  if (change->is_other && (name.size == 0 || name.data[0] != '_')) return SM_OK;
  if ((change->is_other || node->kind == SM_FREEZE_PASS) && is_hint(name)) return SM_OK;
  for (size_t i = 0; i < sizeof change->dropped / sizeof change->dropped[0] && change->dropped[i] != NULL; i++)
    if (sm_freeze_is_op(name, change->dropped[i])) return SM_OK;
  return put_field_as_is(out, field, err);
}

/* ---- Inputs ---- */

/* "output" is what Identity and Const call theirs; what they were calls it "value" or "is_initialized". */
sm_status sm_freeze_put_tensor(sm_buffer *out, uint32_t number, const sm_freeze_scope *scope, sm_string tensor,
                               sm_error *err) {
  static const char output[] = ":output:0";
  sm_tensor_ref ref;
  size_t contents;
  bool is_output = scope->name.size != 0 && sm_tensor_ref_parse_inside(&ref, tensor) && ref.output.size != 0;
  const sm_freeze_node *node = is_output ? sm_freeze_find_node(scope, ref.node) : NULL;
  if (node == NULL || (node->kind != SM_FREEZE_READ && node->kind != SM_FREEZE_TRUE))
    return put_text(out, number, tensor, err);
  SM_TRY(sm_wire_open(&contents, out, number, err));
  SM_TRY(sm_buffer_put(out, ref.node.data, ref.node.size, err));
  SM_TRY(sm_buffer_put(out, output, sizeof output - 1, err));
  return sm_wire_close(out, contents, err);
}

static sm_status put_control(sm_buffer *out, sm_string node, sm_error *err) {
  size_t contents;
  SM_TRY(sm_wire_open(&contents, out, NODE_INPUT, err));
  SM_TRY(sm_buffer_put(out, "^", 1, err));
  SM_TRY(sm_buffer_put(out, node.data, node.size, err));
  return sm_wire_close(out, contents, err);
}

/* What has no inputs any more waits for them all the same: a constant belongs to the loop that its user is in. Arguments
 * are there already. */
static sm_status put_input(sm_buffer *out, const sm_freeze_scope *scope, const sm_freeze_node *node, sm_string tensor,
                           sm_error *err) {
  if (!changes[node->kind].is_other || (tensor.size != 0 && tensor.data[0] == '^'))
    return sm_freeze_put_tensor(out, NODE_INPUT, scope, tensor, err);
  if (sm_freeze_find_input(scope, tensor).is_argument) return SM_OK;
  return put_control(out, sm_tensor_node_name(tensor), err);
}

/* ---- The third input of GatherV2: the scalar 0, or as many as are batch dimensions ---- */

/* A name that no node has, in arena. */
static sm_status make_axis_name(sm_string *out, const sm_freeze_work *work, const sm_freeze_scope *scope,
                                const sm_freeze_node *node, sm_error *err) {
  enum { MORE = 32 };
  size_t size = node->name.size + MORE;
  char *name = sm_arena_alloc(work->arena, size);
  if (name == NULL) return sm_arena_fail(work->arena, size, err);
  memcpy(name, node->name.data, node->name.size);
  for (size_t i = 0;; i++) {
    int more = i == 0 ? snprintf(name + node->name.size, MORE, "/axis")
                      : snprintf(name + node->name.size, MORE, "/axis_%zu", i);
    *out = (sm_string){name, node->name.size + (size_t)more};
    if (sm_freeze_find_node(scope, *out) == NULL) return SM_OK;
  }
}

static sm_status put_axis_input(sm_buffer *out, const sm_freeze_scope *scope, sm_string axis, sm_error *err) {
  static const char output[] = ":output:0";
  size_t contents;
  SM_TRY(sm_wire_open(&contents, out, NODE_INPUT, err));
  SM_TRY(sm_buffer_put(out, axis.data, axis.size, err));
  if (scope->name.size != 0) SM_TRY(sm_buffer_put(out, output, sizeof output - 1, err));
  return sm_wire_close(out, contents, err);
}

static sm_status put_axis(sm_buffer *out, const sm_freeze_work *work, const sm_freeze_scope *scope,
                          const sm_freeze_node *node, sm_string axis, uint32_t number, sm_error *err) {
  size_t contents;
  uint64_t batch_dims = 0;
  sm_span attr;
  SM_TRY(sm_node_find_attr(&attr, node->bytes, "batch_dims", work->source, err));
  sm_wire_reader reader = sm_wire_read(attr, work->source);
  for (sm_wire_field field; sm_wire_next(&reader, &field);)
    if (field.tag == SM_WIRE_TAG(ATTR_INT, SM_WIRE_VARINT)) batch_dims = field.value;
  SM_TRY(sm_wire_finish(&reader, err));
  SM_TRY(sm_wire_open(&contents, out, number, err));
  SM_TRY(put_text(out, NODE_NAME, axis, err));
  SM_TRY(put_text(out, NODE_OP, sm_string_of("Const"), err));
  if (scope->name.size == 0 && node->n_inputs != 0 && node->inputs[0].at != SIZE_MAX) /* in the same loop */
    SM_TRY(put_control(out, scope->nodes[node->inputs[0].at].name, err));
  SM_TRY(put_scalar(out, SM_DT_INT32, TENSOR_INT, batch_dims, err));
  return sm_wire_close(out, contents, err);
}

/* ---- A node ---- */

/* The last attribute of a node that begins at contents, and its end: these are the variable's bytes, which move once. */
static sm_status put_variable(sm_buffer *out, const sm_freeze_work *work, const sm_freeze_node *node, size_t contents,
                              sm_error *err) {
  size_t open[] = {contents, 0, 0, 0};
  SM_TRY(begin_attr(&open[1], &open[2], out, sm_string_of("value"), err));
  SM_TRY(sm_wire_open(&open[3], out, ATTR_TENSOR, err));
  SM_TRY(work->spec->put_value(out, work->spec->ctx, node->variable, err));
  return sm_wire_close_all(out, open, sizeof open / sizeof open[0], err);
}

/* What the new op needs beside what the old one had; and the end of the node. */
static sm_status put_more(sm_buffer *out, const sm_freeze_work *work, const sm_freeze_node *node, size_t contents,
                          sm_error *err) {
  const char *dtype = changes[node->kind].dtype;
  if (node->kind == SM_FREEZE_TRUE) SM_TRY(put_scalar(out, SM_DT_BOOL, TENSOR_BOOL, true, err));
  if (node->kind == SM_FREEZE_GATHER) SM_TRY(put_type_attr(out, "Taxis", SM_DT_INT32, err));
  if (dtype != NULL) SM_TRY(put_type_attr(out, dtype, node->dtype, err));
  if (node->kind == SM_FREEZE_CONST) return put_variable(out, work, node, contents, err);
  return sm_wire_close(out, contents, err);
}

static sm_status put_field(sm_buffer *out, const sm_freeze_work *work, const sm_freeze_scope *scope,
                           const sm_freeze_node *node, const sm_wire_field *field, sm_error *err) {
  switch (field->tag) {
    case SM_WIRE_TAG(NODE_OP, SM_WIRE_BYTES): return put_op(out, node, err);
    case SM_WIRE_TAG(NODE_INPUT, SM_WIRE_BYTES): return put_input(out, scope, node, sm_span_text(field->bytes), err);
    case SM_WIRE_TAG(NODE_ATTR, SM_WIRE_BYTES): return put_attr(out, work, node, field, err);
    case SM_WIRE_TAG(NODE_FULL_TYPE, SM_WIRE_BYTES): return SM_OK; /* of a handle */
    default: return put_field_as_is(out, field, err);
  }
}

/* Inputs stand before control inputs: the axis comes behind the two that a gather has. */
sm_status sm_freeze_put_node(sm_buffer *out, const sm_freeze_work *work, const sm_freeze_scope *scope,
                             const sm_freeze_node *node, uint32_t number, sm_error *err) {
  size_t contents, n_inputs = 0;
  sm_string axis = {"", 0};
  bool is_gather = node->kind == SM_FREEZE_GATHER;
  if (is_gather) SM_TRY(make_axis_name(&axis, work, scope, node, err));
  SM_TRY(sm_wire_open(&contents, out, number, err));
  sm_wire_reader reader = sm_wire_read(node->bytes, work->source);
  for (sm_wire_field field; sm_wire_next(&reader, &field);) {
    bool is_input = field.tag == SM_WIRE_TAG(NODE_INPUT, SM_WIRE_BYTES);
    SM_TRY(put_field(out, work, scope, node, &field, err));
    n_inputs += is_input;
    if (is_gather && is_input && n_inputs == 2) SM_TRY(put_axis_input(out, scope, axis, err));
  }
  SM_TRY(sm_wire_finish(&reader, err));
  SM_TRY(put_more(out, work, node, contents, err));
  return is_gather ? put_axis(out, work, scope, node, axis, number, err) : SM_OK;
}
