/* The graph that functions are cut out of: its nodes, their outputs, and which of these are arguments. */
#include "graph/cut_internal.h"

#include <stdarg.h>
#include <stdio.h>

/* Fields of GraphDef and NodeDef: proto/graph.proto, node_def.proto. */
enum { GRAPH_NODE = 1, NODE_NAME = 1 };

/* ---- The graph ---- */

static bool node_less(const void *a, const void *b) {
  const sm_cut_node *left = a, *right = b;
  return sm_string_compare(left->name, right->name) < 0;
}

static const char *const placeholders[] = {"Placeholder", "PlaceholderV2"};
static const char *const variables[] = {"VarHandleOp", "VariableV2", "Variable"};

static bool is_one_of(sm_string op, const char *const *names, size_t n) {
  for (size_t i = 0; i < n; i++)
    if (sm_string_equal(op, sm_string_of(names[i]))) return true;
  return false;
}

static sm_status read_node(sm_cut_node *out, sm_span bytes, size_t position, const sm_wire_source *source,
                           sm_error *err) {
  sm_span name;
  sm_string op;
  SM_TRY(sm_wire_find_bytes(&name, bytes, NODE_NAME, source, err));
  SM_TRY(sm_node_get_op(&op, bytes, source, err));
  *out = (sm_cut_node){.name = sm_span_text(name), .bytes = bytes, .position = position, .first_place = SIZE_MAX};
  out->is_placeholder = is_one_of(op, placeholders, sizeof placeholders / sizeof *placeholders);
  out->is_variable = is_one_of(op, variables, sizeof variables / sizeof *variables);
  return SM_OK;
}

sm_status sm_cut_graph_init(sm_cut_graph *out, sm_spans graph_def, const sm_graph_library *library, sm_op_defs *defs,
                            const sm_wire_source *source, sm_arena *arena, sm_error *err) {
  sm_spans found;
  *out = (sm_cut_graph){.library = library, .defs = defs, .source = source, .arena = arena};
  SM_TRY(sm_wire_collect(&found, graph_def, GRAPH_NODE, source, arena, err));
  out->nodes = sm_arena_array(arena, sm_cut_node, found.n);
  if (out->nodes == NULL) return sm_arena_fail(arena, found.n * sizeof *out->nodes, err);
  for (size_t i = 0; i < found.n; i++) SM_TRY(read_node(&out->nodes[i], found.items[i], i, source, err));
  out->n_nodes = found.n;
  sm_sort(out->nodes, found.n, sizeof *out->nodes, node_less);
  for (size_t i = 1; i < found.n; i++)
    if (sm_string_equal(out->nodes[i].name, out->nodes[i - 1].name))
      return SM_FAIL(err, SM_INVALID_ARGUMENT, "%s: node %.*s is there twice", source->name,
                     SM_SHOWN(out->nodes[i].name));
  return SM_OK;
}

sm_cut_node *sm_cut_find_node(const sm_cut_graph *graph, sm_string name) {
  size_t found = sm_named_find(graph->nodes, graph->n_nodes, sizeof *graph->nodes, name);
  return found != SIZE_MAX ? &graph->nodes[found] : NULL;
}

/* ---- Nodes and their outputs ---- */

/* ---- Errors ---- */

sm_status sm_cut_fail(const sm_cut_work *work, sm_error *err, sm_status code, const char *format, ...) {
  char what[sizeof((sm_error *)0)->message];
  va_list args;
  va_start(args, format);
  vsnprintf(what, sizeof what, format, args);
  va_end(args);
  return SM_FAIL(err, code, "function %.*s: %s", SM_SHOWN(work->spec->name), what);
}

/* ---- Nodes and their outputs ---- */

sm_status sm_cut_define(sm_cut_work *work, sm_cut_node *node, sm_error *err) {
  sm_string op;
  if (node->def != NULL) return SM_OK;
  SM_TRY(sm_node_get_op(&op, node->bytes, work->graph->source, err));
  SM_TRY(sm_op_defs_find(&node->def, work->graph->defs, op, err));
  if (node->def != NULL) return SM_OK;
  return sm_cut_fail(work, err, SM_INVALID_ARGUMENT, "node %.*s: no definition of its operation %.*s",
                     SM_SHOWN(node->name), SM_SHOWN(op));
}

sm_status sm_cut_read_attrs(sm_cut_work *work, sm_cut_node *node, sm_error *err) {
  const sm_cut_graph *graph = work->graph;
  SM_TRY(sm_cut_define(work, node, err));
  if (node->attrs != NULL) return SM_OK;
  node->attrs = sm_arena_new(graph->arena, sm_node_attrs);
  if (node->attrs == NULL) return sm_arena_fail(graph->arena, sizeof *node->attrs, err);
  SM_TRY(sm_node_read_attrs(node->attrs, node->def, node->bytes, graph->source, err));
  return sm_args_count(&node->n_outputs, &node->def->outputs, node->attrs, graph->source, err);
}

/* Most operations have no lists among their outputs, or one list that is all of them: nothing has to be counted there. */
sm_status sm_cut_find_output(sm_arg_place *out, sm_cut_work *work, sm_cut_node *node, uint64_t index, sm_error *err) {
  bool is_there;
  SM_TRY(sm_cut_define(work, node, err));
  const sm_op_args *outputs = &node->def->outputs;
  if (outputs->n_lists == 0) {
    *out = (sm_arg_place){.arg = (size_t)index};
    is_there = index < outputs->n;
  } else {
    SM_TRY(sm_cut_read_attrs(work, node, err));
    *out = (sm_arg_place){.index = index};
    is_there = node->n_outputs >= 0 && index < (uint64_t)node->n_outputs;
    if (is_there && outputs->n != 1)
      SM_TRY(sm_args_place(&is_there, out, outputs, node->attrs, index, work->graph->source, err));
  }
  if (is_there) return SM_OK;
  return sm_cut_fail(work, err, SM_INVALID_ARGUMENT, "node %.*s has no output %llu", SM_SHOWN(node->name),
                     (unsigned long long)index);
}

/* ---- Arguments ---- */

sm_cut_place *sm_cut_find_place(const sm_cut_work *work, const sm_cut_node *node, uint64_t index) {
  for (size_t i = node->first_place; i != SIZE_MAX; i = work->places[i].next)
    if (work->places[i].index == index) return &work->places[i];
  return NULL;
}

bool sm_cut_keeps_control(const sm_cut_work *work, const sm_cut_node *node) {
  if (node->first_place == SIZE_MAX) return true;
  return !node->is_placeholder && work->places[node->first_place].is_input;
}
