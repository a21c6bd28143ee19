/* Reading what a restore op does: Assign(variable, Identity(RestoreV2:i)), in the graph or in the function that it calls. */
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
  sm_string variable, value, op;
  sm_tensor_ref ref;
  const sm_reach_node *restore;
  sm_restored_variable found;
  SM_TRY(get_input(&variable, w, assignment, 0, err));
  SM_TRY(get_input(&value, w, assignment, 1, err));
  SM_TRY(find_variable(&found.node, w, variable, err));
  SM_TRY(find_origin(&restore, &op, &value, w, err));
  if (found.node.size == 0 || restore == NULL || !is_op(op, "RestoreV2")) return SM_OK;
  if (!sm_tensor_ref_parse_inside(&ref, value)) return SM_OK;
  SM_TRY(read_names(w, restore, err));
  SM_TRY(copy_string(&found.key, w, w->names, ref.index, err));
  SM_TRY(copy_string(&found.slice, w, w->slices, ref.index, err));
  if (found.key.size != 0) w->found[w->n_found++] = found;
  return SM_OK;
}

static sm_status visit_nodes(walk *w, sm_error *err) {
  w->found = sm_arena_array(w->arena, sm_restored_variable, w->n_nodes);
  if (w->found == NULL) return sm_arena_fail(w->arena, w->n_nodes * sizeof *w->found, err);
  for (size_t i = 0; i < w->n_nodes; i++) {
    sm_string op;
    if (w->nodes[i].marks == 0) continue;
    SM_TRY(sm_node_get_op(&op, w->nodes[i].bytes, w->source, err));
    if (is_op(op, "AssignVariableOp") || is_op(op, "Assign")) SM_TRY(visit_assignment(w, w->nodes[i].bytes, err));
  }
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
