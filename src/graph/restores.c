/* Reading what a restore op does, in the graph or in the function that it calls: Assign(variable, Identity(RestoreV2:i)),
 * LookupTableImportV2(table, RestoreV2:i, RestoreV2:k). */
#include "graph/freeze.h"

#include "graph/cut_function.h"
#include "graph/reach.h"
#include "tensor/tensor_proto.h"

/* Fields of GraphDef, NodeDef, AttrValue: proto/graph.proto, node_def.proto, attr_value.proto. */
enum { GRAPH_NODE = 1, NODE_INPUT = 3, ATTR_TENSOR = 8 };

/* Nodes between a variable or RestoreV2 and the assignment: copies between devices, casts. */
enum { MAX_HOPS = 16 };

enum { RESTORED = 1 };

typedef struct walk {
  const sm_wire_source *source;
  sm_arena *arena;
  const sm_reach_node *nodes; /* of the graph, or of the function, sorted by name */
  size_t n_nodes;
  const sm_function_type *type; /* NULL: in the graph */
  sm_spans call_inputs;         /* that the function's arguments are */
  const sm_reach_node *restore; /* whose names are in names and slices */
  sm_tensor *names, *slices;
  sm_restored_variable *found;
  size_t n_found;
  sm_restored_table *tables;
  size_t n_tables;
  bool is_strict; /* whatever else is restored is an error */
} walk;

static sm_string text_of(sm_span bytes) { return (sm_string){(const char *)bytes.data, bytes.size}; }

static bool is_op(sm_string op, const char *name) { return sm_string_equal(op, sm_string_of(name)); }

static sm_status get_input(sm_string *out, const walk *w, sm_span node, size_t wanted, sm_error *err) {
  size_t at = 0;
  *out = (sm_string){"", 0};
  sm_wire_reader reader = sm_wire_read(node, w->source);
  for (sm_wire_field field; sm_wire_next(&reader, &field);)
    if (field.tag == SM_WIRE_TAG(NODE_INPUT, SM_WIRE_BYTES) && at++ == wanted) *out = text_of(field.bytes);
  return sm_wire_finish(&reader, err);
}

/* The node that a tensor comes from, through those that hand it on; NULL: none of the nodes, perhaps an argument. */
static sm_status find_origin(const sm_reach_node **out, sm_string *op, sm_string *tensor, const walk *w,
                             sm_error *err) {
  *op = (sm_string){"", 0};
  for (int hop = 0; hop < MAX_HOPS; hop++) {
    size_t at = sm_named_find(w->nodes, w->n_nodes, sizeof *w->nodes, sm_tensor_node_name(*tensor));
    *out = at != SIZE_MAX ? &w->nodes[at] : NULL;
    if (*out == NULL) return SM_OK;
    SM_TRY(sm_node_get_op(op, (*out)->bytes, w->source, err));
    if (!is_op(*op, "Identity") && !is_op(*op, "Cast")) return SM_OK;
    SM_TRY(get_input(tensor, w, (*out)->bytes, 0, err));
  }
  *out = NULL;
  return SM_OK;
}

/* ---- Names in RestoreV2 ---- */

/* *out NULL: they are not constant. */
static sm_status read_strings(sm_tensor **out, const walk *w, sm_string tensor, sm_error *err) {
  const sm_reach_node *node;
  sm_string op;
  sm_span attr, bytes;
  sm_tensor_proto proto;
  *out = NULL;
  SM_TRY(find_origin(&node, &op, &tensor, w, err));
  if (node == NULL || !is_op(op, "Const")) return SM_OK;
  SM_TRY(sm_node_find_attr(&attr, node->bytes, "value", w->source, err));
  SM_TRY(sm_wire_find_bytes(&bytes, attr, ATTR_TENSOR, w->source, err));
  SM_TRY(sm_tensor_proto_read(&proto, (sm_spans){&bytes, 1}, w->source, w->arena, err));
  if (proto.dtype != SM_DT_STRING) return SM_OK;
  return sm_tensor_proto_decode(out, &proto, w->arena->max_bytes, w->arena->allocator, err);
}

static void forget_names(walk *w) {
  sm_tensor_free(w->names);
  sm_tensor_free(w->slices);
  w->names = w->slices = NULL;
  w->restore = NULL;
}

static sm_status read_names(walk *w, const sm_reach_node *restore, sm_error *err) {
  sm_string names, slices;
  if (w->restore == restore) return SM_OK;
  forget_names(w);
  SM_TRY(get_input(&names, w, restore->bytes, 1, err));
  SM_TRY(get_input(&slices, w, restore->bytes, 2, err));
  SM_TRY(read_strings(&w->names, w, names, err));
  SM_TRY(read_strings(&w->slices, w, slices, err));
  w->restore = restore;
  return SM_OK;
}

/* "" where there is none of that number. */
static sm_status copy_string(sm_string *out, const walk *w, const sm_tensor *from, uint64_t at, sm_error *err) {
  const sm_tensor_view *view = from != NULL ? sm_tensor_get_view(from) : NULL;
  *out = (sm_string){"", 0};
  if (view == NULL || at >= view->size / sizeof(sm_string)) return SM_OK;
  *out = sm_arena_copy(w->arena, ((const sm_string *)view->data)[at]);
  return out->data != NULL ? SM_OK : sm_arena_fail(w->arena, view->size, err);
}

/* What is restored to a tensor. *is_restored: is anything? key is "" then where that cannot be told. */
typedef struct restored {
  sm_string key, slice;
  bool is_restored;
} restored;

static sm_status read_restored(restored *out, walk *w, sm_string tensor, sm_error *err) {
  const sm_reach_node *restore;
  sm_string op;
  sm_tensor_ref ref;
  *out = (restored){.is_restored = false};
  SM_TRY(find_origin(&restore, &op, &tensor, w, err));
  if (restore == NULL || !is_op(op, "RestoreV2")) return SM_OK;
  if (!sm_tensor_ref_parse_inside(&ref, tensor) || ref.is_control) return SM_OK;
  out->is_restored = true;
  SM_TRY(read_names(w, restore, err));
  SM_TRY(copy_string(&out->key, w, w->names, ref.index, err));
  return copy_string(&out->slice, w, w->slices, ref.index, err);
}

/* ---- Assignments ---- */

/* The node of the graph that a handle or reference is of; "": it cannot be told. */
static sm_status find_variable(sm_string *out, const walk *w, sm_string tensor, sm_error *err) {
  const sm_reach_node *node;
  sm_string op;
  SM_TRY(find_origin(&node, &op, &tensor, w, err));
  *out = node != NULL && w->type == NULL ? node->name : (sm_string){"", 0};
  for (size_t i = 0; node == NULL && w->type != NULL && i < w->type->n_inputs && i < w->call_inputs.n; i++)
    if (sm_string_equal(w->type->inputs[i].name, tensor)) *out = sm_tensor_node_name(text_of(w->call_inputs.items[i]));
  return SM_OK;
}

static sm_status visit_assignment(walk *w, sm_span assignment, sm_error *err) {
  sm_string variable, value, node;
  restored from;
  SM_TRY(get_input(&variable, w, assignment, 0, err));
  SM_TRY(get_input(&value, w, assignment, 1, err));
  SM_TRY(find_variable(&node, w, variable, err));
  SM_TRY(read_restored(&from, w, value, err));
  if (node.size != 0 && from.key.size != 0) w->found[w->n_found++] = (sm_restored_variable){node, from.key, from.slice};
  return SM_OK;
}

static sm_status visit_import(walk *w, sm_span import, sm_error *err) {
  sm_string table, tensors[2], node;
  restored keys, values;
  SM_TRY(get_input(&table, w, import, 0, err));
  SM_TRY(get_input(&tensors[0], w, import, 1, err));
  SM_TRY(get_input(&tensors[1], w, import, 2, err));
  SM_TRY(find_variable(&node, w, table, err));
  SM_TRY(read_restored(&keys, w, tensors[0], err));
  SM_TRY(read_restored(&values, w, tensors[1], err));
  if (node.size != 0 && keys.key.size != 0 && values.key.size != 0)
    w->tables[w->n_tables++] = (sm_restored_table){node, keys.key, values.key};
  return SM_OK;
}

/* Something else that gets what was restored: what becomes of it, nobody knows. */
static sm_status check_other(walk *w, const sm_reach_node *node, sm_string op, sm_error *err) {
  if (is_op(op, "Identity") || is_op(op, "Cast")) return SM_OK;
  sm_wire_reader reader = sm_wire_read(node->bytes, w->source);
  for (sm_wire_field field; sm_wire_next(&reader, &field);) {
    restored from;
    if (field.tag != SM_WIRE_TAG(NODE_INPUT, SM_WIRE_BYTES)) continue;
    SM_TRY(read_restored(&from, w, sm_span_text(field.bytes), err));
    if (from.is_restored)
      return SM_FAIL(err, SM_UNIMPLEMENTED, "node %.*s: %.*s is neither variable nor table, and is restored from %.*s",
                     SM_SHOWN(node->name), SM_SHOWN(op), SM_SHOWN(from.key));
  }
  return sm_wire_finish(&reader, err);
}

static sm_status visit_node(walk *w, const sm_reach_node *node, sm_error *err) {
  sm_string op;
  SM_TRY(sm_node_get_op(&op, node->bytes, w->source, err));
  if (is_op(op, "AssignVariableOp") || is_op(op, "Assign")) return visit_assignment(w, node->bytes, err);
  if (is_op(op, "LookupTableImportV2")) return visit_import(w, node->bytes, err);
  return w->is_strict ? check_other(w, node, op, err) : SM_OK;
}

static sm_status visit_nodes(walk *w, sm_error *err) {
  w->found = sm_arena_array(w->arena, sm_restored_variable, w->n_nodes);
  w->tables = sm_arena_array(w->arena, sm_restored_table, w->n_nodes);
  if (w->found == NULL || w->tables == NULL) return sm_arena_fail(w->arena, w->n_nodes * sizeof *w->tables, err);
  for (size_t i = 0; i < w->n_nodes; i++)
    if (w->nodes[i].marks != 0) SM_TRY(visit_node(w, &w->nodes[i], err));
  return SM_OK;
}

/* ---- The restore op ---- */

static sm_status open_function(walk *w, sm_function_type *type, const sm_graph_library *library,
                               const sm_reach_node *call, sm_string function, sm_error *err) {
  sm_reach_node *nodes;
  size_t found = sm_graph_find_function(library, function);
  if (found == SIZE_MAX) return SM_OK;
  const sm_span *def = &library->functions[found].def;
  SM_TRY(sm_function_read_type(type, *def, w->source, w->arena, err));
  SM_TRY(sm_reach_index_nodes(&nodes, &w->n_nodes, (sm_spans){def, 1}, SM_FUNCTION_NODE, w->source, w->arena, err));
  for (size_t i = 0; i < w->n_nodes; i++) nodes[i].marks = RESTORED;
  w->nodes = nodes;
  w->type = type;
  return sm_wire_collect(&w->call_inputs, (sm_spans){&call->bytes, 1}, NODE_INPUT, w->source, w->arena, err);
}

static bool table_less(const void *a, const void *b) {
  return sm_string_compare(((const sm_restored_table *)a)->node, ((const sm_restored_table *)b)->node) < 0;
}

static bool restored_less(const void *a, const void *b) {
  return sm_string_compare(((const sm_restored_variable *)a)->node, ((const sm_restored_variable *)b)->node) < 0;
}

static sm_status find_all(walk *w, sm_spans graph_def, const sm_graph_library *library, sm_string restore_op,
                          sm_error *err) {
  sm_reach reach;
  sm_function_type type;
  sm_span attr;
  sm_string function;
  SM_TRY(sm_reach_init(&reach, graph_def, 0, w->source, w->arena, err));
  sm_reach_mark_tensor(&reach, restore_op, RESTORED);
  SM_TRY(sm_reach_spread(&reach, err));
  const sm_reach_node *node = sm_reach_find_node(&reach, restore_op);
  if (node == NULL) return SM_OK;
  w->nodes = reach.nodes;
  w->n_nodes = reach.n_nodes;
  SM_TRY(sm_node_find_attr(&attr, node->bytes, "f", w->source, err));
  SM_TRY(sm_attr_get_func_name(&function, attr, w->source, err));
  if (function.size != 0) SM_TRY(open_function(w, &type, library, node, function, err));
  SM_TRY(visit_nodes(w, err));
  sm_sort(w->found, w->n_found, sizeof *w->found, restored_less);
  sm_sort(w->tables, w->n_tables, sizeof *w->tables, table_less);
  return SM_OK;
}

sm_status sm_graph_find_restores(const sm_restored_variable **out, size_t *n, sm_spans graph_def,
                                 const sm_graph_library *library, sm_string restore_op, const sm_wire_source *source,
                                 sm_arena *arena, sm_error *err) {
  walk w = {.source = source, .arena = arena};
  sm_status status = find_all(&w, graph_def, library, restore_op, err);
  forget_names(&w);
  *out = w.found;
  *n = w.n_found;
  return status;
}

sm_status sm_graph_find_restored_tables(const sm_restored_table **out, size_t *n, sm_spans graph_def,
                                        const sm_graph_library *library, sm_string restore_op,
                                        const sm_wire_source *source, sm_arena *arena, sm_error *err) {
  walk w = {.source = source, .arena = arena, .is_strict = true};
  sm_status status = find_all(&w, graph_def, library, restore_op, err);
  forget_names(&w);
  *out = w.tables;
  *n = w.n_tables;
  return status;
}
