#include "builder/edit_internal.h"

/* Fields of SavedFunction and CapturedTensor: proto/saved_object_graph.proto. */
enum { FUNCTION_CONCRETE = 1, CAPTURED_FUNCTION = 2 };

sm_status sm_edit_open_objects(sm_edit_objects *out, const sm_draft *meta_graph, sm_error *err) {
  *out = (sm_edit_objects){0};
  SM_TRY(sm_draft_open(&out->draft, meta_graph, SM_META_GRAPH_OBJECT_GRAPH, err));
  out->nodes = sm_arena_array(out->draft.arena, size_t, out->draft.n);
  if (out->nodes == NULL) return sm_arena_fail(out->draft.arena, out->draft.n * sizeof *out->nodes, err);
  for (size_t i = 0; i < out->draft.n; i++) {
    sm_span node;
    if (out->draft.fields[i].number == SM_OBJECTS_NODE &&
        sm_draft_field_value(&node, &out->draft, &out->draft.fields[i]))
      out->nodes[out->n_nodes++] = i;
  }
  return SM_OK;
}

sm_status sm_edit_read_edge(sm_edit_edge *out, sm_span edge, const sm_wire_source *source, sm_error *err) {
  *out = (sm_edit_edge){0};
  sm_wire_reader reader = sm_wire_read(edge, source);
  for (sm_wire_field field; sm_wire_next(&reader, &field);) {
    if (field.tag == SM_WIRE_TAG(SM_EDGE_NODE_ID, SM_WIRE_VARINT)) out->node_id = (int32_t)(uint32_t)field.value;
    if (field.tag == SM_WIRE_TAG(SM_EDGE_NAME, SM_WIRE_BYTES)) out->name = sm_text_of(field.bytes);
  }
  return sm_wire_finish(&reader, err);
}

sm_status sm_edit_open_node(sm_draft *out, const sm_edit_objects *objects, int64_t id, sm_error *err) {
  sm_span node;
  const sm_draft *draft = &objects->draft;
  if (id < 0 || (uint64_t)id >= objects->n_nodes)
    return SM_FAIL(err, SM_DATA_LOSS, "%s: object %lld, but the object graph has %zu", draft->source->name,
                   (long long)id, objects->n_nodes);
  sm_draft_field_value(&node, draft, &draft->fields[objects->nodes[id]]);
  return sm_draft_read(out, (sm_spans){&node, 1}, draft->arena, draft->source, err);
}

/* An edge of a draft of a node; false for other fields. */
static bool get_edge(sm_edit_edge *out, const sm_draft *node, size_t at) {
  sm_span edge;
  const sm_draft_field *field = &node->fields[at];
  bool is_edge = field->number == SM_NODE_CHILD || field->number == SM_NODE_DEPENDENCY;
  return is_edge && sm_draft_field_value(&edge, node, field) &&
         sm_edit_read_edge(out, edge, node->source, NULL) == SM_OK;
}

sm_status sm_edit_find_child(int64_t *out, const sm_draft *node, sm_string name, sm_error *err) {
  sm_spans children;
  *out = -1;
  SM_TRY(sm_draft_get(&children, node, SM_NODE_CHILD, err));
  for (size_t i = 0; i < children.n; i++) {
    sm_edit_edge edge;
    SM_TRY(sm_edit_read_edge(&edge, children.items[i], node->source, err));
    if (sm_string_equal(edge.name, name)) *out = edge.node_id;
  }
  return SM_OK;
}

sm_status sm_edit_find_signatures(int64_t *out, const sm_edit_objects *objects, sm_error *err) {
  sm_draft root;
  *out = -1;
  if (objects->n_nodes == 0) return SM_OK;
  SM_TRY(sm_edit_open_node(&root, objects, 0, err));
  return sm_edit_find_child(out, &root, sm_string_of("signatures"), err);
}

static sm_status rename_edge(sm_draft *node, size_t at, sm_string new_name, sm_error *err) {
  sm_span bytes = {NULL, 0};
  sm_draft edge;
  sm_draft_field_value(&bytes, node, &node->fields[at]);
  SM_TRY(sm_draft_read(&edge, (sm_spans){&bytes, 1}, node->arena, node->source, err));
  SM_TRY(sm_draft_set(&edge, SM_EDGE_NAME, sm_span_of(new_name), err));
  return sm_draft_replace(node, at, &edge, err);
}

sm_status sm_edit_rename_child(sm_edit_objects *objects, int64_t parent, sm_string name, sm_string new_name,
                               sm_error *err) {
  sm_draft node;
  SM_TRY(sm_edit_open_node(&node, objects, parent, err));
  size_t kept = 0;
  for (size_t i = 0; i < node.n; i++) {
    sm_edit_edge edge;
    bool is_meant = get_edge(&edge, &node, i) && sm_string_equal(edge.name, name);
    if (is_meant && new_name.data == NULL) continue;
    if (is_meant) SM_TRY(rename_edge(&node, i, new_name, err));
    node.fields[kept++] = node.fields[i];
  }
  node.n = kept;
  return sm_draft_replace(&objects->draft, objects->nodes[parent], &node, err);
}

sm_status sm_edit_move_child(sm_edit_objects *objects, int64_t parent, sm_string name, int64_t id, sm_error *err) {
  sm_draft node, changed;
  SM_TRY(sm_edit_open_node(&node, objects, parent, err));
  for (size_t i = 0; i < node.n; i++) {
    sm_edit_edge edge;
    sm_span bytes;
    if (!get_edge(&edge, &node, i) || !sm_string_equal(edge.name, name)) continue;
    sm_draft_field_value(&bytes, &node, &node.fields[i]);
    SM_TRY(sm_draft_read(&changed, (sm_spans){&bytes, 1}, node.arena, node.source, err));
    SM_TRY(sm_draft_set_number(&changed, SM_EDGE_NODE_ID, (uint64_t)id, err));
    SM_TRY(sm_draft_replace(&node, i, &changed, err));
  }
  return sm_draft_replace(&objects->draft, objects->nodes[parent], &node, err);
}

/* ---- Who else uses it ---- */

sm_status sm_edit_count_edges(size_t *out, const sm_edit_objects *objects, int64_t to, sm_error *err) {
  *out = 0;
  for (size_t id = 0; id < objects->n_nodes; id++) {
    sm_span bytes = {NULL, 0};
    sm_draft_field_value(&bytes, &objects->draft, &objects->draft.fields[objects->nodes[id]]);
    sm_wire_reader reader = sm_wire_read(bytes, objects->draft.source);
    for (sm_wire_field field; sm_wire_next(&reader, &field);) {
      sm_edit_edge edge;
      if (field.tag != SM_WIRE_TAG(SM_NODE_CHILD, SM_WIRE_BYTES)) continue;
      SM_TRY(sm_edit_read_edge(&edge, field.bytes, objects->draft.source, err));
      *out += edge.node_id == to;
    }
    SM_TRY(sm_wire_finish(&reader, err));
  }
  return SM_OK;
}

/* The field of a kind of node that names concrete functions; 0: it names none. */
static uint32_t naming_field(uint32_t kind) {
  switch (kind) {
    case SM_WIRE_TAG(SM_NODE_FUNCTION, SM_WIRE_BYTES): return FUNCTION_CONCRETE;
    case SM_WIRE_TAG(SM_NODE_BARE_FUNCTION, SM_WIRE_BYTES): return SM_BARE_NAME;
    case SM_WIRE_TAG(SM_NODE_CAPTURED_TENSOR, SM_WIRE_BYTES): return CAPTURED_FUNCTION;
    default: return 0;
  }
}

static sm_status count_names(size_t *n, const sm_edit_objects *objects, const sm_wire_field *kind, sm_string function,
                             sm_error *err) {
  uint32_t number = naming_field(kind->tag);
  if (number == 0) return SM_OK;
  sm_wire_reader reader = sm_wire_read(kind->bytes, objects->draft.source);
  for (sm_wire_field field; sm_wire_next(&reader, &field);)
    if (field.tag == SM_WIRE_TAG(number, SM_WIRE_BYTES) && sm_string_equal(sm_text_of(field.bytes), function)) ++*n;
  return sm_wire_finish(&reader, err);
}

sm_status sm_edit_count_function_users(size_t *out, const sm_edit_objects *objects, sm_string function, sm_error *err) {
  *out = 0;
  for (size_t id = 0; id < objects->n_nodes; id++) {
    sm_span bytes = {NULL, 0};
    sm_draft_field_value(&bytes, &objects->draft, &objects->draft.fields[objects->nodes[id]]);
    sm_wire_reader reader = sm_wire_read(bytes, objects->draft.source);
    for (sm_wire_field field; sm_wire_next(&reader, &field);) SM_TRY(count_names(out, objects, &field, function, err));
    SM_TRY(sm_wire_finish(&reader, err));
  }
  return SM_OK;
}
