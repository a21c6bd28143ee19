/* A graph or function that is frozen: its nodes by name, and where their inputs come from. */
#include "graph/freeze_internal.h"

#include "graph/reach.h"

/* Fields of GraphDef and NodeDef: proto/graph.proto, node_def.proto. */
enum { GRAPH_NODE = 1, NODE_INPUT = 3 };

static bool is_function(const sm_freeze_scope *scope) { return scope->name.size != 0; }

/* ---- Arguments and results ---- */

static bool arg_less(const void *a, const void *b) {
  return sm_string_compare(((const sm_freeze_arg *)a)->name, ((const sm_freeze_arg *)b)->name) < 0;
}

static sm_status sort_names(sm_freeze_arg **out, const sm_function_arg *args, size_t n, sm_arena *arena,
                            sm_error *err) {
  *out = sm_arena_array(arena, sm_freeze_arg, n);
  if (*out == NULL) return sm_arena_fail(arena, n * sizeof **out, err);
  for (size_t i = 0; i < n; i++) (*out)[i] = (sm_freeze_arg){args[i].name, i};
  sm_sort(*out, n, sizeof **out, arg_less);
  return SM_OK;
}

sm_status sm_freeze_open_function(sm_freeze_work *work, size_t function, sm_error *err) {
  sm_freeze_scope *scope = &work->scopes[function];
  scope->bytes = work->library->functions[function].def;
  scope->name = work->library->functions[function].name;
  SM_TRY(sm_function_read_type(&scope->type, scope->bytes, work->source, work->arena, err));
  size_t n_args = scope->type.n_inputs, n_results = scope->type.n_outputs;
  scope->args = sm_arena_array(work->arena, sm_dtype, n_args);
  scope->results = sm_arena_array(work->arena, sm_dtype, n_results);
  if (scope->args == NULL || scope->results == NULL)
    return sm_arena_fail(work->arena, (n_args + n_results) * sizeof *scope->args, err);
  SM_TRY(sort_names(&scope->arg_names, scope->type.inputs, n_args, work->arena, err));
  return sort_names(&scope->result_names, scope->type.outputs, n_results, work->arena, err);
}

size_t sm_freeze_find_result(const sm_freeze_scope *scope, sm_string name) {
  size_t found = sm_named_find(scope->result_names, scope->type.n_outputs, sizeof *scope->result_names, name);
  return found != SIZE_MAX ? scope->result_names[found].at : SIZE_MAX;
}

/* ---- Inputs ---- */

sm_freeze_node *sm_freeze_find_node(const sm_freeze_scope *scope, sm_string name) {
  size_t found = sm_named_find(scope->nodes, scope->n_nodes, sizeof *scope->nodes, name);
  return found != SIZE_MAX ? &scope->nodes[found] : NULL;
}

/* Among all outputs of the node: only what functions return has names that tell them apart. */
static uint64_t number_of_output(const sm_freeze_node *node, const sm_tensor_ref *ref) {
  if (node->call == NULL || node->call->op != NULL || node->n_callees == 0) return ref->index;
  size_t result = sm_freeze_find_result(node->callees[0].scope, ref->output);
  return result != SIZE_MAX ? result : ref->index;
}

sm_freeze_input sm_freeze_find_input(const sm_freeze_scope *scope, sm_string tensor) {
  sm_tensor_ref ref;
  const sm_freeze_input nowhere = {.at = SIZE_MAX};
  bool is_inside = is_function(scope);
  if (!(is_inside ? sm_tensor_ref_parse_inside(&ref, tensor) : sm_tensor_ref_parse(&ref, tensor))) return nowhere;
  if (ref.is_control) return nowhere;
  if (is_inside && ref.output.size == 0) {
    size_t found = sm_named_find(scope->arg_names, scope->type.n_inputs, sizeof *scope->arg_names, ref.node);
    if (found != SIZE_MAX) return (sm_freeze_input){.at = scope->arg_names[found].at, .is_argument = true};
  }
  const sm_freeze_node *node = sm_freeze_find_node(scope, ref.node);
  if (node == NULL) return nowhere;
  if (sm_freeze_is_op(ref.output, "value_index")) return nowhere; /* of Merge: which input it was */
  uint64_t output = is_inside ? number_of_output(node, &ref) : ref.index;
  return (sm_freeze_input){.at = (size_t)(node - scope->nodes), .output = output};
}

static sm_status find_inputs(sm_freeze_node *node, const sm_freeze_work *work, const sm_freeze_scope *scope,
                             sm_error *err) {
  sm_spans names;
  SM_TRY(sm_wire_collect(&names, (sm_spans){&node->bytes, 1}, NODE_INPUT, work->source, work->arena, err));
  sm_freeze_input *inputs = sm_arena_array(work->arena, sm_freeze_input, names.n);
  if (inputs == NULL) return sm_arena_fail(work->arena, names.n * sizeof *inputs, err);
  for (size_t i = 0; i < names.n; i++) inputs[i] = sm_freeze_find_input(scope, sm_span_text(names.items[i]));
  node->inputs = inputs;
  node->n_inputs = names.n;
  return SM_OK;
}

/* ---- Nodes ---- */

static void find_variable(sm_freeze_node *node, const sm_freeze_spec *spec) {
  node->variable = sm_named_find(spec->variables, spec->n_variables, sizeof *spec->variables, node->name);
  if (node->variable == SIZE_MAX) return;
  node->kind = SM_FREEZE_CONST;
  node->dtype = spec->variables[node->variable].dtype;
  node->is_reference = !sm_freeze_is_op(node->op, "VarHandleOp");
}

sm_status sm_freeze_open_nodes(sm_freeze_work *work, sm_freeze_scope *scope, sm_error *err) {
  sm_reach_node *found;
  const bool is_graph = !is_function(scope);
  if (scope->nodes != NULL) return SM_OK;
  const sm_spans message = is_graph ? work->graph_def : (sm_spans){&scope->bytes, 1};
  SM_TRY(sm_reach_index_nodes(&found, &scope->n_nodes, message, is_graph ? GRAPH_NODE : SM_FUNCTION_NODE, work->source,
                              work->arena, err));
  scope->nodes = sm_arena_array(work->arena, sm_freeze_node, scope->n_nodes + 1);
  if (scope->nodes == NULL) return sm_arena_fail(work->arena, scope->n_nodes * sizeof *scope->nodes, err);
  for (size_t i = 0; i < scope->n_nodes; i++) {
    sm_freeze_node *node = &scope->nodes[i];
    *node = (sm_freeze_node){.name = found[i].name, .bytes = found[i].bytes};
    SM_TRY(sm_node_get_op(&node->op, node->bytes, work->source, err));
    SM_TRY(sm_freeze_find_calls(node, work, scope, err));
    if (is_graph) find_variable(node, work->spec);
  }
  for (size_t i = 0; i < scope->n_nodes; i++) SM_TRY(find_inputs(&scope->nodes[i], work, scope, err));
  return SM_OK;
}
