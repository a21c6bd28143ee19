#include "graph/resource_internal.h"

#include <stdio.h>

#include "graph/graph_edit.h"
#include "graph/node_write.h"

/* Fields of GraphDef, NodeDef, map entries, AttrValue: proto/graph.proto, node_def.proto, attr_value.proto. */
enum {
  GRAPH_NODE = 1,
  NODE_NAME = 1,
  NODE_OP = 2,
  NODE_INPUT = 3,
  NODE_ATTR = 5,
  ENTRY_KEY = 1,
  ENTRY_VALUE = 2,
  ATTR_STRING = 2,
  ATTR_TYPE = 6
};

/* ---- Nodes that read ---- */

/* Where in the name "NODE/ReadVariableOp_1" a number stands. */
enum { NO_INPUT = -1 };

/* A name for a node that reads for input i of another, or for a tensor of it: no other is made of the same. */
static sm_status make_name(sm_string *out, const sm_resource_work *work, sm_string node, int i, sm_error *err) {
  enum { ROOM = 64, MAX_TRIES = 20 };
  char *text = sm_arena_alloc(work->arena, node.size + ROOM);
  if (text == NULL) return sm_arena_fail(work->arena, node.size + ROOM, err);
  int size = snprintf(text, node.size + ROOM, "%.*s/ReadVariableOp", (int)node.size, node.data);
  if (i != NO_INPUT) size += snprintf(text + size, ROOM / 2, "_%d", i);
  for (int tries = 0; tries < MAX_TRIES; tries++, text[size++] = '_', text[size] = '\0') {
    *out = (sm_string){text, (size_t)size};
    if (sm_resource_find_node(work, *out) == NULL) return SM_OK;
  }
  return SM_FAIL(err, SM_UNIMPLEMENTED, "node %.*s: all names for a node that reads for it are taken", SM_SHOWN(node));
}

static sm_status put_control(sm_buffer *out, sm_string node, sm_error *err) {
  size_t input;
  SM_TRY(sm_wire_open(&input, out, NODE_INPUT, err));
  SM_TRY(sm_buffer_put(out, "^", 1, err));
  SM_TRY(sm_buffer_put(out, node.data, node.size, err));
  return sm_wire_close(out, input, err);
}

/* What has to happen before a node takes the reference happens before it is read for the node. One with many inputs has many
 * reads: its control inputs are looked for once. */
static sm_status find_waits(sm_resource_work *work, const sm_resource_node *node, sm_error *err) {
  if (work->waits_of == node) return SM_OK;
  work->waits_of = node;
  work->waits.size = 0;
  sm_wire_reader reader = sm_wire_read(node->bytes, work->source);
  for (sm_wire_field field; sm_wire_next(&reader, &field);)
    if (field.tag == SM_WIRE_TAG(NODE_INPUT, SM_WIRE_BYTES) && field.bytes.size != 0 && field.bytes.data[0] == '^')
      SM_TRY(sm_buffer_put(&work->waits, field.whole.data, field.whole.size, err));
  return sm_wire_finish(&reader, err);
}

static sm_status put_attr(sm_buffer *out, const sm_attr *attr, sm_error *err) {
  size_t entry, value;
  SM_TRY(sm_wire_open(&entry, out, NODE_ATTR, err));
  SM_TRY(sm_wire_put_bytes(out, ENTRY_KEY, attr->name, strlen(attr->name), err));
  SM_TRY(sm_wire_open(&value, out, ENTRY_VALUE, err));
  SM_TRY(sm_attr_write(out, attr, err));
  SM_TRY(sm_wire_close(out, value, err));
  return sm_wire_close(out, entry, err);
}

static sm_status put_string(sm_buffer *out, uint32_t number, sm_string text, sm_error *err) {
  return sm_wire_put_bytes(out, number, text.data, text.size, err);
}

/* user: who took the reference; NULL: no node. */
static sm_status add_read(sm_resource_work *work, sm_string name, const sm_resource_ref *ref,
                          const sm_resource_node *user, sm_error *err) {
  size_t node, entry;
  sm_span dtype;
  sm_buffer *out = &work->reads;
  SM_TRY(sm_node_find_attr(&dtype, ref->variable->bytes, "dtype", work->source, err));
  SM_TRY(sm_wire_open(&node, out, GRAPH_NODE, err));
  SM_TRY(put_string(out, NODE_NAME, name, err));
  SM_TRY(put_string(out, NODE_OP, sm_string_of("ReadVariableOp"), err));
  SM_TRY(put_string(out, NODE_INPUT, ref->handle, err));
  if (ref->after.size != 0) SM_TRY(put_control(out, ref->after, err));
  if (user != NULL) SM_TRY(find_waits(work, user, err));
  if (user != NULL) SM_TRY(sm_buffer_put(out, work->waits.data, work->waits.size, err));
  SM_TRY(sm_wire_open(&entry, out, NODE_ATTR, err));
  SM_TRY(put_string(out, ENTRY_KEY, sm_string_of("dtype"), err));
  SM_TRY(sm_wire_put_bytes(out, ENTRY_VALUE, dtype.data, dtype.size, err));
  SM_TRY(sm_wire_close(out, entry, err));
  return sm_wire_close(out, node, err);
}

sm_status sm_resource_read_for(sm_string *out, sm_resource_work *work, sm_resource_node *node,
                               const sm_resource_ref *ref, sm_error *err) {
  if (node->value.data == NULL) {
    sm_string name;
    SM_TRY(make_name(&name, work, node->name, NO_INPUT, err));
    SM_TRY(add_read(work, name, ref, NULL, err));
    char *tensor = sm_arena_alloc(work->arena, name.size + sizeof ":0");
    if (tensor == NULL) return sm_arena_fail(work->arena, name.size + sizeof ":0", err);
    node->value = (sm_string){tensor, (size_t)snprintf(tensor, name.size + sizeof ":0", "%s:0", name.data)};
  }
  *out = node->value;
  return SM_OK;
}

/* ---- Inputs ---- */

typedef struct node_writer {
  sm_resource_work *work;
  const sm_resource_node *node;
  int n_inputs;
} node_writer;

static sm_status put_input(sm_buffer *out, bool *is_same, node_writer *w, const sm_wire_field *field, sm_error *err) {
  sm_resource_ref ref;
  sm_string name;
  bool takes_ref;
  int i = w->n_inputs++;
  SM_TRY(sm_resource_find_ref(&ref, w->work, (sm_string){(const char *)field->bytes.data, field->bytes.size}, err));
  if (ref.variable == NULL) return sm_buffer_put(out, field->whole.data, field->whole.size, err);
  SM_TRY(sm_resource_takes_ref(&takes_ref, w->work, w->node, (size_t)i, err));
  *is_same = false;
  if (takes_ref || w->node->kind == SM_RESOURCE_READ) {
    if (ref.after.size != 0) SM_TRY(put_control(&w->work->controls, ref.after, err));
    return put_string(out, NODE_INPUT, ref.handle, err);
  }
  SM_TRY(make_name(&name, w->work, w->node->name, i, err));
  SM_TRY(add_read(w->work, name, &ref, w->node, err));
  return put_string(out, NODE_INPUT, name, err);
}

/* ---- Attributes ---- */

static bool is_key(sm_span key, const char *name) {
  return sm_string_equal((sm_string){(const char *)key.data, key.size}, sm_string_of(name));
}

/* Of the new op: "T" is called "dtype" by operations on variables. What it does not have is left out, and so is what was
 * said of the shapes of outputs, which are others. */
static sm_status put_entry(sm_buffer *out, node_writer *w, const sm_wire_field *field, sm_error *err) {
  const sm_resource_node *node = w->node;
  sm_span key, value;
  size_t entry;
  SM_TRY(sm_wire_find_bytes(&key, field->bytes, ENTRY_KEY, w->work->source, err));
  SM_TRY(sm_wire_find_bytes(&value, field->bytes, ENTRY_VALUE, w->work->source, err));
  const sm_string name = {(const char *)key.data, key.size};
  bool is_type = is_key(key, "T");
  if (is_type && node->kind == SM_RESOURCE_PASS) {
    const sm_attr handle = sm_attr_type("T", SM_DT_RESOURCE);
    return put_attr(out, &handle, err);
  }
  /* Its default in AssignVariableOp is another, and older TensorFlows do not have it there. */
  if (is_key(key, "_output_shapes") || is_key(key, "validate_shape")) return SM_OK;
  if (node->kind == SM_RESOURCE_VARIABLE && is_key(key, "shared_name")) return SM_OK;
  bool is_known = sm_op_def_find_attr(node->new_def, name) != SM_NO_ATTR;
  if (is_known || (name.size != 0 && name.data[0] == '_'))
    return sm_buffer_put(out, field->whole.data, field->whole.size, err);
  if (!is_type || sm_op_def_find_attr(node->new_def, sm_string_of("dtype")) == SM_NO_ATTR) return SM_OK;
  SM_TRY(sm_wire_open(&entry, out, NODE_ATTR, err));
  SM_TRY(put_string(out, ENTRY_KEY, sm_string_of("dtype"), err));
  SM_TRY(sm_wire_put_bytes(out, ENTRY_VALUE, value.data, value.size, err));
  return sm_wire_close(out, entry, err);
}

/* Without one, all resources of a container would be the same: a reference variable without one is known by its node. */
static sm_status put_shared_name(sm_buffer *out, const node_writer *w, sm_error *err) {
  sm_span attr, given;
  size_t entry, value;
  SM_TRY(sm_node_find_attr(&attr, w->node->bytes, "shared_name", w->work->source, err));
  SM_TRY(sm_wire_find_bytes(&given, attr, ATTR_STRING, w->work->source, err));
  sm_string name = given.size != 0 ? (sm_string){(const char *)given.data, given.size} : w->node->name;
  SM_TRY(sm_wire_open(&entry, out, NODE_ATTR, err));
  SM_TRY(put_string(out, ENTRY_KEY, sm_string_of("shared_name"), err));
  SM_TRY(sm_wire_open(&value, out, ENTRY_VALUE, err));
  SM_TRY(put_string(out, ATTR_STRING, name, err));
  SM_TRY(sm_wire_close(out, value, err));
  return sm_wire_close(out, entry, err);
}

/* ---- Nodes ---- */

static sm_status put_field(sm_buffer *out, bool *is_same, node_writer *w, const sm_wire_field *field, sm_error *err) {
  bool is_other = w->node->new_def != NULL;
  if (field->tag == SM_WIRE_TAG(NODE_INPUT, SM_WIRE_BYTES)) return put_input(out, is_same, w, field, err);
  if (is_other && field->tag == SM_WIRE_TAG(NODE_OP, SM_WIRE_BYTES))
    return put_string(out, NODE_OP, w->node->new_def->name, err);
  if (is_other && field->tag == SM_WIRE_TAG(NODE_ATTR, SM_WIRE_BYTES)) return put_entry(out, w, field, err);
  return sm_buffer_put(out, field->whole.data, field->whole.size, err);
}

static sm_status write_node(bool *is_same, sm_buffer *out, void *ctx, sm_span bytes, sm_error *err) {
  sm_span name;
  node_writer w = {.work = ctx};
  w.work->controls.size = 0;
  SM_TRY(sm_wire_find_bytes(&name, bytes, NODE_NAME, w.work->source, err));
  w.node = sm_resource_find_node(w.work, (sm_string){(const char *)name.data, name.size});
  *is_same = w.node == NULL || w.node->new_def == NULL;
  if (w.node == NULL) return SM_OK;
  sm_wire_reader reader = sm_wire_read(bytes, w.work->source);
  for (sm_wire_field field; sm_wire_next(&reader, &field);) SM_TRY(put_field(out, is_same, &w, &field, err));
  SM_TRY(sm_wire_finish(&reader, err));
  SM_TRY(sm_buffer_put(out, w.work->controls.data, w.work->controls.size, err));
  return w.node->kind == SM_RESOURCE_VARIABLE ? put_shared_name(out, &w, err) : SM_OK;
}

sm_status sm_resource_write(sm_buffer *out, sm_spans graph_def, sm_resource_work *work, sm_error *err) {
  SM_TRY(sm_graph_rewrite(out, graph_def, false, write_node, work, work->source, err));
  return sm_buffer_put(out, work->reads.data, work->reads.size, err);
}
