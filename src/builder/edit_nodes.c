/* Changes to every node of the graph and of its functions, and to the object graph's variables and resources. */
#include "builder/edit_internal.h"

#include "graph/graph.h"

/* Fields of SavedVariable and SavedResource: proto/saved_object_graph.proto. */
enum { VARIABLE_DEVICE = 7, VARIABLE_COMPONENT = 8, RESOURCE_DEVICE = 1 };

static bool has_field(sm_span message, uint32_t number, const sm_wire_source *source) {
  sm_wire_reader reader = sm_wire_read(message, source);
  for (sm_wire_field field; sm_wire_next(&reader, &field);)
    if (sm_wire_number(&field) == number) return true;
  return false;
}

/* Takes a field out of the messages that a repeated field holds; those that lack it are not touched. */
static sm_status remove_in_each(bool *changed, sm_draft *draft, uint32_t repeated, uint32_t number, sm_error *err) {
  for (size_t i = 0; i < draft->n; i++) {
    sm_span bytes;
    sm_draft message;
    if (draft->fields[i].number != repeated || !sm_draft_field_value(&bytes, draft, &draft->fields[i])) continue;
    if (!has_field(bytes, number, draft->source)) continue;
    SM_TRY(sm_draft_read(&message, (sm_spans){&bytes, 1}, draft->arena, draft->source, err));
    SM_TRY(sm_draft_set(&message, number, (sm_span){NULL, 0}, err));
    SM_TRY(sm_draft_replace(draft, i, &message, err));
    *changed = true;
  }
  return SM_OK;
}

static sm_status remove_in_functions(bool *changed, sm_draft *library, uint32_t number, sm_error *err) {
  for (size_t i = 0; i < library->n; i++) {
    sm_span bytes;
    sm_draft function;
    bool is_changed = false;
    if (library->fields[i].number != SM_LIBRARY_FUNCTION) continue;
    if (!sm_draft_field_value(&bytes, library, &library->fields[i])) continue;
    SM_TRY(sm_draft_read(&function, (sm_spans){&bytes, 1}, library->arena, library->source, err));
    SM_TRY(remove_in_each(&is_changed, &function, SM_FUNCTION_NODE, number, err));
    if (is_changed) SM_TRY(sm_draft_replace(library, i, &function, err));
    *changed = *changed || is_changed;
  }
  return SM_OK;
}

/* Takes a field out of all NodeDefs. */
static sm_status remove_in_nodes(sm_draft *meta_graph, uint32_t number, sm_error *err) {
  sm_edit_library parts;
  bool changed = false;
  SM_TRY(sm_edit_open_library(&parts, meta_graph, err));
  SM_TRY(remove_in_functions(&changed, &parts.library, number, err));
  if (changed) SM_TRY(sm_draft_set_draft(&parts.graph, SM_GRAPH_LIBRARY, &parts.library, err));
  SM_TRY(remove_in_each(&changed, &parts.graph, SM_GRAPH_NODE, number, err));
  return changed ? sm_draft_set_draft(meta_graph, SM_META_GRAPH_GRAPH, &parts.graph, err) : SM_OK;
}

/* ---- Devices ---- */

/* The copies of a distributed variable have devices, too. They have no copies themselves. */
static sm_status clear_variable(bool *changed, sm_draft *variable, sm_error *err) {
  sm_draft without;
  SM_TRY(sm_draft_copy(&without, variable, err));
  SM_TRY(sm_draft_set(&without, VARIABLE_DEVICE, (sm_span){NULL, 0}, err));
  *changed = *changed || without.n != variable->n;
  *variable = without;
  return remove_in_each(changed, variable, VARIABLE_COMPONENT, VARIABLE_DEVICE, err);
}

static sm_status clear_object(bool *changed, sm_draft *node, sm_error *err) {
  sm_draft kind;
  bool is_changed = false;
  for (size_t i = 0; i < node->n; i++) {
    sm_span bytes;
    uint32_t number = node->fields[i].number;
    if (number == SM_NODE_RESOURCE) SM_TRY(remove_in_each(changed, node, SM_NODE_RESOURCE, RESOURCE_DEVICE, err));
    if (number != SM_NODE_VARIABLE || !sm_draft_field_value(&bytes, node, &node->fields[i])) continue;
    SM_TRY(sm_draft_read(&kind, (sm_spans){&bytes, 1}, node->arena, node->source, err));
    SM_TRY(clear_variable(&is_changed, &kind, err));
    if (is_changed) SM_TRY(sm_draft_replace(node, i, &kind, err));
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
    SM_TRY(clear_object(&is_changed, &node, err));
    if (is_changed) SM_TRY(sm_draft_replace(&objects.draft, objects.nodes[id], &node, err));
    changed = changed || is_changed;
  }
  return changed ? sm_draft_set_draft(meta_graph, SM_META_GRAPH_OBJECT_GRAPH, &objects.draft, err) : SM_OK;
}

sm_status sm_builder_clear_devices(sm_builder *builder, size_t graph, sm_error *err) {
  sm_edit edit;
  SM_TRY(sm_edit_begin(&edit, builder, graph, err));
  SM_TRY(remove_in_nodes(&edit.draft, SM_NODE_DEF_DEVICE, err));
  SM_TRY(clear_objects(&edit.draft, err));
  sm_edit_commit(&edit);
  return SM_OK;
}

/* ---- Debug info ---- */

sm_status sm_edit_strip_debug_info(sm_builder *builder, size_t graph, sm_error *err) {
  sm_edit edit;
  sm_draft def;
  size_t n;
  SM_TRY(sm_edit_begin(&edit, builder, graph, err));
  SM_TRY(remove_in_nodes(&edit.draft, SM_NODE_DEF_DEBUG_INFO, err));
  SM_TRY(sm_draft_open(&def, &edit.draft, SM_META_GRAPH_GRAPH, err));
  n = def.n;
  SM_TRY(sm_draft_set(&def, SM_GRAPH_DEBUG_INFO, (sm_span){NULL, 0}, err));
  if (def.n != n) SM_TRY(sm_draft_set_draft(&edit.draft, SM_META_GRAPH_GRAPH, &def, err));
  sm_edit_commit(&edit);
  return SM_OK;
}
