/* Operations that hand inputs to functions, or on to their outputs: which inputs go where. */
#include "graph/freeze_internal.h"

/* Fields of AttrValue, its list, NameAttrList: proto/attr_value.proto. */
enum { ATTR_LIST = 1, ATTR_FUNC = 10, LIST_TYPE = 6, LIST_FUNC = 9, FUNC_NAME = 1 };

/* Functions of datasets get elements first, then what was captured: those inputs are their last arguments.
 * Source: arguments and attributes in tensorflow/core/ops/{array,functional,dataset,experimental_dataset,batch}_ops.cc. */
static const sm_freeze_call calls[] = {
    {"IdentityN", 0, {{"T", {NULL}}}, "T", true},
    {"PartitionedCall", 0, {{"Tin", {"f"}}}, "Tout", false},
    {"StatefulPartitionedCall", 0, {{"Tin", {"f"}}}, "Tout", false},
    {"RemoteCall", 1, {{"Tin", {"f"}}}, "Tout", false},
    {"If", 1, {{"Tin", {"then_branch", "else_branch"}}}, "Tout", false},
    {"StatelessIf", 1, {{"Tin", {"then_branch", "else_branch"}}}, "Tout", false},
    {"Case", 1, {{"Tin", {"branches"}}}, "Tout", false},
    {"StatelessCase", 1, {{"Tin", {"branches"}}}, "Tout", false},
    {"While", 0, {{"T", {"body", "cond"}}}, "T", true},
    {"StatelessWhile", 0, {{"T", {"body", "cond"}}}, "T", true},
    {"For", 3, {{"T", {"body"}}}, "T", true},
    {"MapDefun", 0, {{"Targuments", {NULL}}, {"Tcaptured", {"f"}}}, NULL, false},
    {"BatchFunction", 0, {{"Tin", {NULL}}, {"Tcaptured", {"f"}}}, NULL, false},
    {"MapDataset", 1, {{"Targuments", {"f"}}}, NULL, false},
    {"ParallelMapDataset", 1, {{"Targuments", {"f"}}}, NULL, false},
    {"ParallelMapDatasetV2", 1, {{"Targuments", {"f"}}}, NULL, false},
    {"MapAndBatchDataset", 1, {{"Targuments", {"f"}}}, NULL, false},
    {"ExperimentalMapAndBatchDataset", 1, {{"Targuments", {"f"}}}, NULL, false},
    {"FlatMapDataset", 1, {{"Targuments", {"f"}}}, NULL, false},
    {"InterleaveDataset", 1, {{"Targuments", {"f"}}}, NULL, false},
    {"ParallelInterleaveDataset", 1, {{"Targuments", {"f"}}}, NULL, false},
    {"ParallelInterleaveDatasetV2", 1, {{"Targuments", {"f"}}}, NULL, false},
    {"ParallelInterleaveDatasetV3", 1, {{"Targuments", {"f"}}}, NULL, false},
    {"ParallelInterleaveDatasetV4", 1, {{"Targuments", {"f"}}}, NULL, false},
    {"LegacyParallelInterleaveDatasetV2", 1, {{"Targuments", {"f"}}}, NULL, false},
    {"FilterDataset", 1, {{"Targuments", {"predicate"}}}, NULL, false},
    {"TakeWhileDataset", 1, {{"Targuments", {"predicate"}}}, NULL, false},
    {"ExperimentalTakeWhileDataset", 1, {{"Targuments", {"predicate"}}}, NULL, false},
    {"ReduceDataset", 1, {{"Tstate", {NULL}}, {"Targuments", {"f"}}}, NULL, false},
    {"ScanDataset", 1, {{"Tstate", {NULL}}, {"Targuments", {"f"}}}, NULL, false},
    {"ExperimentalScanDataset", 1, {{"Tstate", {NULL}}, {"Targuments", {"f"}}}, NULL, false},
    {"GeneratorDataset",
     0,
     {{"Tinit_func_args", {"init_func"}},
      {"Tnext_func_args", {"next_func"}},
      {"Tfinalize_func_args", {"finalize_func"}}},
     NULL,
     false},
    {"GroupByWindowDataset",
     1,
     {{"Tkey_func_other_arguments", {"key_func"}},
      {"Treduce_func_other_arguments", {"reduce_func"}},
      {"Twindow_size_func_other_arguments", {"window_size_func"}}},
     NULL,
     false},
    {"GroupByReducerDataset",
     1,
     {{"Tkey_func_other_arguments", {"key_func"}},
      {"Tinit_func_other_arguments", {"init_func"}},
      {"Treduce_func_other_arguments", {"reduce_func"}},
      {"Tfinalize_func_other_arguments", {"finalize_func"}}},
     NULL,
     false},
};

/* A function's name as an op, as TensorFlow 1 calls them. */
static const sm_freeze_call function_as_op = {NULL, 0, {{NULL, {NULL}}}, NULL, false};

static const sm_freeze_call *find_call(sm_string op, const sm_graph_library *library) {
  for (size_t i = 0; i < sizeof calls / sizeof calls[0]; i++)
    if (sm_freeze_is_op(op, calls[i].op)) return &calls[i];
  return sm_graph_find_function(library, op) != SIZE_MAX ? &function_as_op : NULL;
}

/* ---- Lists ---- */

/* How many types there are in an attribute: packed, or one by one. */
static sm_status count_types(size_t *out, sm_span node, const char *name, const sm_wire_source *source, sm_error *err) {
  sm_span attr, list;
  *out = 0;
  SM_TRY(sm_node_find_attr(&attr, node, name, source, err));
  SM_TRY(sm_wire_find_bytes(&list, attr, ATTR_LIST, source, err));
  sm_wire_reader reader = sm_wire_read(list, source);
  for (sm_wire_field field; sm_wire_next(&reader, &field);) {
    *out += field.tag == SM_WIRE_TAG(LIST_TYPE, SM_WIRE_VARINT);
    if (field.tag != SM_WIRE_TAG(LIST_TYPE, SM_WIRE_BYTES)) continue;
    for (size_t i = 0; i < field.bytes.size; i++) *out += (field.bytes.data[i] & 0x80) == 0; /* the last of a number */
  }
  return sm_wire_finish(&reader, err);
}

sm_status sm_freeze_find_list(const sm_freeze_list **out, size_t *first, const sm_freeze_node *node, sm_string attr,
                              const sm_wire_source *source, sm_error *err) {
  const sm_freeze_list *lists = node->call->lists;
  *out = NULL;
  *first = 0;
  for (size_t i = 0; i < SM_FREEZE_MAX_LISTS && lists[i].types != NULL; i++) {
    size_t n;
    if (sm_freeze_is_op(attr, lists[i].types)) {
      *out = &lists[i];
      return SM_OK;
    }
    SM_TRY(count_types(&n, node->bytes, lists[i].types, source, err));
    *first += n;
  }
  return SM_OK;
}

/* ---- Functions ---- */

/* Names in an attribute that is a function, or a list of them. */
static sm_status collect_names(sm_spans *out, const sm_freeze_node *node, const char *name, const sm_freeze_work *work,
                               sm_error *err) {
  sm_span attr;
  sm_spans lists, functions;
  SM_TRY(sm_node_find_attr(&attr, node->bytes, name, work->source, err));
  SM_TRY(sm_wire_collect(&lists, (sm_spans){&attr, 1}, ATTR_LIST, work->source, work->arena, err));
  SM_TRY(sm_wire_collect(&functions, lists, LIST_FUNC, work->source, work->arena, err));
  if (lists.n == 0)
    SM_TRY(sm_wire_collect(&functions, (sm_spans){&attr, 1}, ATTR_FUNC, work->source, work->arena, err));
  return sm_wire_collect(out, functions, FUNC_NAME, work->source, work->arena, err);
}

/* The functions of a node, list by list. */
typedef struct called {
  sm_spans names[SM_FREEZE_MAX_LISTS][SM_FREEZE_MAX_FUNCTIONS];
  size_t n_types[SM_FREEZE_MAX_LISTS];
  size_t n;
} called;

static sm_status read_lists(called *out, const sm_freeze_node *node, const sm_freeze_work *work, sm_error *err) {
  const sm_freeze_list *lists = node->call->lists;
  *out = (called){.n = 0};
  for (size_t i = 0; i < SM_FREEZE_MAX_LISTS && lists[i].types != NULL; i++) {
    SM_TRY(count_types(&out->n_types[i], node->bytes, lists[i].types, work->source, err));
    for (size_t k = 0; k < SM_FREEZE_MAX_FUNCTIONS && lists[i].functions[k] != NULL; k++) {
      SM_TRY(collect_names(&out->names[i][k], node, lists[i].functions[k], work, err));
      out->n += out->names[i][k].n;
    }
  }
  return SM_OK;
}

static sm_status add_callees(sm_freeze_callee *out, size_t *n, sm_spans names, sm_freeze_callee callee,
                             const sm_freeze_node *node, const sm_freeze_work *work, const sm_freeze_scope *scope,
                             sm_error *err) {
  for (size_t i = 0; i < names.n; i++) {
    size_t found = sm_graph_find_function(work->library, sm_span_text(names.items[i]));
    if (found == SIZE_MAX) return sm_freeze_fail(scope, node, "calls a function that is not there", err);
    callee.scope = &work->scopes[found];
    out[(*n)++] = callee;
  }
  return SM_OK;
}

/* What a loop's condition returns is no output. */
static sm_status find_callees(sm_freeze_node *node, const called *c, const sm_freeze_work *work,
                              const sm_freeze_scope *scope, sm_error *err) {
  sm_freeze_callee *callees = sm_arena_array(work->arena, sm_freeze_callee, c->n);
  if (callees == NULL) return sm_arena_fail(work->arena, c->n * sizeof *callees, err);
  for (size_t i = 0; i < SM_FREEZE_MAX_LISTS; i++) {
    for (size_t k = 0; k < SM_FREEZE_MAX_FUNCTIONS; k++) {
      bool returns = node->call->outputs != NULL && (k == 0 || !node->call->returns_inputs);
      const sm_freeze_callee callee = {.first = node->n_types, .n = c->n_types[i], .returns = returns};
      SM_TRY(add_callees(callees, &node->n_callees, c->names[i][k], callee, node, work, scope, err));
    }
    node->n_types += c->n_types[i];
  }
  node->callees = callees;
  return SM_OK;
}

/* All its arguments are the node's inputs. */
static sm_status call_op(sm_freeze_node *node, const sm_freeze_work *work, sm_error *err) {
  sm_freeze_callee *callee = sm_arena_array(work->arena, sm_freeze_callee, 1);
  if (callee == NULL) return sm_arena_fail(work->arena, sizeof *callee, err);
  callee->scope = &work->scopes[sm_graph_find_function(work->library, node->op)];
  callee->n = callee->scope->type.n_inputs;
  callee->returns = true;
  node->callees = callee;
  node->n_callees = 1;
  node->n_types = callee->n;
  return SM_OK;
}

sm_status sm_freeze_find_calls(sm_freeze_node *node, sm_freeze_work *work, const sm_freeze_scope *scope,
                               sm_error *err) {
  called c;
  node->call = find_call(node->op, work->library);
  if (node->call == NULL) return SM_OK;
  if (node->call->op == NULL) return call_op(node, work, err);
  SM_TRY(read_lists(&c, node, work, err));
  return find_callees(node, &c, work, scope, err);
}

/* ---- Do all callers agree? ---- */

static sm_dtype type_at(const sm_dtype *types, size_t n, size_t i) {
  return types != NULL && i < n ? types[i] : SM_DT_INVALID;
}

static sm_status check_callee(const sm_freeze_scope *scope, const sm_freeze_node *node, const sm_freeze_callee *callee,
                              sm_error *err) {
  const sm_freeze_scope *to = callee->scope;
  size_t n_args = to->type.n_inputs, n_before = n_args < callee->n ? 0 : n_args - callee->n;
  for (size_t i = 0; i < n_args; i++) {
    sm_dtype given = i < n_before ? SM_DT_INVALID : type_at(node->types, node->n_types, callee->first + i - n_before);
    if (to->args[i] != given)
      return sm_freeze_fail(scope, node, "its function takes a variable there that is frozen for some who call it",
                            err);
  }
  for (size_t i = 0; i < to->type.n_outputs && callee->returns; i++)
    if (to->results[i] != type_at(node->results, node->n_results, i))
      return sm_freeze_fail(scope, node, "its functions do not all return the same variables", err);
  return SM_OK;
}

static bool has_types(const sm_dtype *types, size_t n) {
  for (size_t i = 0; i < n; i++)
    if (types[i] != SM_DT_INVALID) return true;
  return false;
}

typedef struct caller {
  const sm_freeze_work *work;
  const sm_freeze_scope *scope;
  const sm_freeze_node *node;
} caller;

/* A function that a node names in another way than this file knows. */
static sm_status check_named(void *ctx, sm_string name, sm_error *err) {
  const caller *c = ctx;
  size_t found = sm_graph_find_function(c->work->library, name);
  if (found == SIZE_MAX) return SM_OK;
  const sm_freeze_scope *to = &c->work->scopes[found];
  for (size_t i = 0; i < c->node->n_callees; i++)
    if (c->node->callees[i].scope == to) return SM_OK;
  if (!has_types(to->args, to->type.n_inputs) && !has_types(to->results, to->type.n_outputs)) return SM_OK;
  return sm_freeze_fail(c->scope, c->node, "how it calls a function with a variable is not known", err);
}

sm_status sm_freeze_check_calls(sm_freeze_work *work, const sm_freeze_scope *scope, sm_error *err) {
  for (size_t i = 0; i < scope->n_nodes; i++) {
    const sm_freeze_node *node = &scope->nodes[i];
    caller c = {work, scope, node};
    for (size_t k = 0; k < node->n_callees; k++) SM_TRY(check_callee(scope, node, &node->callees[k], err));
    SM_TRY(sm_node_each_func(node->bytes, work->source, check_named, &c, err));
  }
  return SM_OK;
}
