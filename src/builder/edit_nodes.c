/* Changes to every node of the graph and of its functions, and to the object graph's variables and resources. */
#include "builder/edit_internal.h"

#include "graph/graph_edit.h"

/* Fields of SavedVariable and SavedResource: proto/saved_object_graph.proto. */
enum { VARIABLE_DEVICE = 7, VARIABLE_COMPONENT = 8, RESOURCE_DEVICE = 1 };

/* ---- The graph ---- */

/* Appends a changed GraphDef. */
typedef sm_status (*change_fn)(sm_buffer *out, sm_spans graph_def, const sm_draft *meta_graph, sm_error *err);

static sm_status change_graph(sm_draft *meta_graph, change_fn change, sm_error *err) {
  sm_buffer out;
  sm_spans graph;
  SM_TRY(sm_draft_get(&graph, meta_graph, SM_META_GRAPH_GRAPH, err));
  if (graph.n == 0) return SM_OK;
  sm_buffer_init(&out, meta_graph->arena->allocator, UINT64_MAX);
  sm_status status = sm_buffer_reserve(&out, 1, err); /* an empty graph is one */
  if (status == SM_OK) status = change(&out, graph, meta_graph, err);
  if (status == SM_OK) status = sm_draft_set(meta_graph, SM_META_GRAPH_GRAPH, (sm_span){out.data, out.size}, err);
  sm_buffer_free(&out);
  return status;
}

/* ---- Operations ---- */

sm_status sm_edit_list_ops(sm_draft *meta_graph, sm_error *err) {
  sm_graph_summary summary;
  sm_draft info;
  sm_spans lists, graph_def;
  sm_buffer out;
  SM_TRY(sm_draft_open(&info, meta_graph, SM_META_GRAPH_INFO, err));
  SM_TRY(sm_draft_get(&lists, &info, SM_META_INFO_STRIPPED_OP_LIST, err));
  if (lists.n == 0) return SM_OK;
  SM_TRY(sm_draft_get(&graph_def, meta_graph, SM_META_GRAPH_GRAPH, err));
  SM_TRY(sm_graph_summarise(&summary, graph_def, info.source, info.arena, err));
  sm_buffer_init(&out, info.arena->allocator, UINT64_MAX);
  sm_status status = sm_buffer_reserve(&out, 1, err); /* an empty list is one */
  if (status == SM_OK) status = sm_op_list_put(&out, summary.ops, summary.n_ops, lists, info.source, err);
  if (status == SM_OK) status = sm_draft_set(&info, SM_META_INFO_STRIPPED_OP_LIST, (sm_span){out.data, out.size}, err);
  sm_buffer_free(&out);
  SM_TRY(status);
  return sm_draft_set_draft(meta_graph, SM_META_GRAPH_INFO, &info, err);
}

/* ---- Devices ---- */

/* Takes a field out of the messages that a repeated field holds; those that lack it are not touched. */
static sm_status remove_in_each(bool *changed, sm_draft *draft, uint32_t repeated, uint32_t number, sm_error *err) {
  for (size_t i = 0; i < draft->n; i++) {
    sm_span bytes;
    sm_draft message;
    if (draft->fields[i].number != repeated || !sm_draft_field_value(&bytes, draft, &draft->fields[i])) continue;
    SM_TRY(sm_draft_read(&message, (sm_spans){&bytes, 1}, draft->arena, draft->source, err));
    size_t n = message.n;
    SM_TRY(sm_draft_set(&message, number, (sm_span){NULL, 0}, err));
    if (message.n == n) continue;
    SM_TRY(sm_draft_replace(draft, i, &message, err));
    *changed = true;
  }
  return SM_OK;
}

/* The copies of a distributed variable have devices, too. They have no copies themselves. */
static sm_status clear_components(bool *changed, sm_draft *node, sm_error *err) {
  for (size_t i = 0; i < node->n; i++) {
    sm_span bytes;
    sm_draft variable;
    bool is_changed = false;
    if (node->fields[i].number != SM_NODE_VARIABLE || !sm_draft_field_value(&bytes, node, &node->fields[i])) continue;
    SM_TRY(sm_draft_read(&variable, (sm_spans){&bytes, 1}, node->arena, node->source, err));
    SM_TRY(remove_in_each(&is_changed, &variable, VARIABLE_COMPONENT, VARIABLE_DEVICE, err));
    if (is_changed) SM_TRY(sm_draft_replace(node, i, &variable, err));
    *changed = *changed || is_changed;
  }
  return SM_OK;
}

static sm_status clear_objects(sm_draft *meta_graph, sm_error *err) {
  sm_edit_objects objects;
  bool changed = false;
  SM_TRY(sm_edit_open_objects(&objects, meta_graph, err));
  for (size_t id = 0; id < objects.n_nodes; id++) {
    sm_draft node;
    bool is_changed = false;
    SM_TRY(sm_edit_open_node(&node, &objects, (int64_t)id, err));
    SM_TRY(remove_in_each(&is_changed, &node, SM_NODE_VARIABLE, VARIABLE_DEVICE, err));
    SM_TRY(remove_in_each(&is_changed, &node, SM_NODE_RESOURCE, RESOURCE_DEVICE, err));
    SM_TRY(clear_components(&is_changed, &node, err));
    if (is_changed) SM_TRY(sm_draft_replace(&objects.draft, objects.nodes[id], &node, err));
    changed = changed || is_changed;
  }
  return changed ? sm_draft_set_draft(meta_graph, SM_META_GRAPH_OBJECT_GRAPH, &objects.draft, err) : SM_OK;
}

static sm_status clear_nodes(sm_buffer *out, sm_spans graph_def, const sm_draft *meta_graph, sm_error *err) {
  return sm_devices_clear(out, graph_def, true, meta_graph->source, err);
}

sm_status sm_builder_clear_devices(sm_builder *builder, size_t graph, sm_error *err) {
  sm_edit edit;
  SM_TRY(sm_edit_begin(&edit, builder, graph, err));
  SM_TRY(change_graph(&edit.draft, clear_nodes, err));
  SM_TRY(clear_objects(&edit.draft, err));
  sm_edit_commit(&edit);
  return SM_OK;
}

/* ---- Attributes at their defaults ---- */

typedef sm_status (*attrs_fn)(sm_buffer *out, sm_spans graph_def, sm_op_defs *defs, const sm_graph_library *library,
                              const sm_wire_source *source, sm_error *err);

/* With what TensorFlow knows of operations, and what the model itself says of them. */
static sm_status change_attrs(sm_buffer *out, sm_spans graph_def, const sm_draft *meta_graph, attrs_fn change,
                              sm_error *err) {
  sm_draft info;
  sm_spans op_lists;
  sm_op_defs defs;
  sm_graph_library library;
  sm_arena *arena = meta_graph->arena;
  SM_TRY(sm_draft_open(&info, meta_graph, SM_META_GRAPH_INFO, err));
  SM_TRY(sm_draft_get(&op_lists, &info, SM_META_INFO_STRIPPED_OP_LIST, err));
  SM_TRY(sm_graph_index_functions(&library, graph_def, meta_graph->source, arena, err));
  sm_op_defs_init(&defs, arena->allocator, UINT64_MAX);
  sm_status status = sm_op_defs_add(&defs, op_lists, &library, meta_graph->source, err);
  if (status == SM_OK) status = change(out, graph_def, &defs, &library, meta_graph->source, err);
  sm_op_defs_free(&defs);
  return status;
}

static sm_status strip_attrs(sm_buffer *out, sm_spans graph_def, const sm_draft *meta_graph, sm_error *err) {
  return change_attrs(out, graph_def, meta_graph, sm_default_attrs_strip, err);
}

static sm_status restore_attrs(sm_buffer *out, sm_spans graph_def, const sm_draft *meta_graph, sm_error *err) {
  return change_attrs(out, graph_def, meta_graph, sm_default_attrs_restore, err);
}

static sm_status change_all_attrs(sm_builder *builder, size_t graph, bool is_stripped, sm_error *err) {
  sm_edit edit;
  sm_draft info;
  SM_TRY(sm_edit_begin(&edit, builder, graph, err));
  SM_TRY(change_graph(&edit.draft, is_stripped ? strip_attrs : restore_attrs, err));
  SM_TRY(sm_draft_open(&info, &edit.draft, SM_META_GRAPH_INFO, err));
  SM_TRY(is_stripped ? sm_draft_set_number(&info, SM_META_INFO_STRIPPED_DEFAULT_ATTRS, true, err)
                     : sm_draft_set(&info, SM_META_INFO_STRIPPED_DEFAULT_ATTRS, (sm_span){NULL, 0}, err));
  SM_TRY(sm_draft_set_draft(&edit.draft, SM_META_GRAPH_INFO, &info, err));
  sm_edit_commit(&edit);
  return SM_OK;
}

sm_status sm_builder_strip_default_attrs(sm_builder *builder, size_t graph, sm_error *err) {
  return change_all_attrs(builder, graph, true, err);
}

sm_status sm_builder_restore_default_attrs(sm_builder *builder, size_t graph, sm_error *err) {
  return change_all_attrs(builder, graph, false, err);
}

/* ---- Debug nodes ---- */

static sm_status strip_ops(sm_buffer *out, sm_spans graph_def, const sm_draft *meta_graph, sm_error *err) {
  return sm_debug_ops_strip(out, graph_def, meta_graph->source, err);
}

sm_status sm_builder_strip_debug_ops(sm_builder *builder, size_t graph, sm_error *err) {
  sm_edit edit;
  SM_TRY(sm_edit_begin(&edit, builder, graph, err));
  SM_TRY(change_graph(&edit.draft, strip_ops, err));
  SM_TRY(sm_edit_list_ops(&edit.draft, err));
  sm_edit_commit(&edit);
  return SM_OK;
}

/* ---- Debug info ---- */

static sm_status forget_origin(bool *is_same, sm_buffer *out, void *ctx, sm_span node, sm_error *err) {
  sm_wire_reader reader = sm_wire_read(node, ctx);
  *is_same = true;
  for (sm_wire_field field; sm_wire_next(&reader, &field);) {
    if (sm_wire_number(&field) == SM_NODE_DEF_DEBUG_INFO)
      *is_same = false;
    else
      SM_TRY(sm_buffer_put(out, field.whole.data, field.whole.size, err));
  }
  return sm_wire_finish(&reader, err);
}

static sm_status forget_origins(sm_buffer *out, sm_spans graph_def, const sm_draft *meta_graph, sm_error *err) {
  void *source = (void *)(uintptr_t)meta_graph->source;
  return sm_graph_rewrite(out, graph_def, true, forget_origin, source, meta_graph->source, err);
}

sm_status sm_edit_strip_debug_info(sm_builder *builder, size_t graph, sm_error *err) {
  sm_edit edit;
  sm_draft def;
  SM_TRY(sm_edit_begin(&edit, builder, graph, err));
  SM_TRY(change_graph(&edit.draft, forget_origins, err));
  SM_TRY(sm_draft_open(&def, &edit.draft, SM_META_GRAPH_GRAPH, err));
  size_t n = def.n;
  SM_TRY(sm_draft_set(&def, SM_GRAPH_DEBUG_INFO, (sm_span){NULL, 0}, err));
  if (def.n != n) SM_TRY(sm_draft_set_draft(&edit.draft, SM_META_GRAPH_GRAPH, &def, err));
  sm_edit_commit(&edit);
  return SM_OK;
}
