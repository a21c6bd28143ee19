#include "graph/freeze_internal.h"

#include <stdio.h>

#include "graph/reach.h"

/* Fields of GraphDef, FunctionDef, NodeDef, map entries: proto/graph.proto, function.proto, node_def.proto. */
enum { GRAPH_NODE = 1, FUNCTION_RET = 4, NODE_INPUT = 3, ENTRY_KEY = 1, ENTRY_VALUE = 2 };

/* Rounds over the nodes of one graph, and over all functions, until nothing changes: each hands handles on by one node, if
 * those stand in the wrong order, and returns them from one function. */
enum { MAX_ROUNDS = 100 };

static sm_string text_of(sm_span bytes) { return (sm_string){(const char *)bytes.data, bytes.size}; }

static bool is_op(sm_string op, const char *name) { return sm_string_equal(op, sm_string_of(name)); }

/* ---- Operations ---- */

static const struct rule {
  const char *op;
  sm_freeze_kind kind;
} rules[] = {
    {"ReadVariableOp", SM_FREEZE_READ},
    {"ResourceGather", SM_FREEZE_GATHER},
    {"ResourceGatherNd", SM_FREEZE_GATHER_ND},
    {"VariableShape", SM_FREEZE_SHAPE},
    {"Identity", SM_FREEZE_PASS},
    {"Enter", SM_FREEZE_PASS},
    {"Exit", SM_FREEZE_PASS},
    {"Merge", SM_FREEZE_PASS},
    {"NextIteration", SM_FREEZE_PASS},
    {"Switch", SM_FREEZE_PASS},
    {"RefIdentity", SM_FREEZE_PASS},
    {"RefEnter", SM_FREEZE_PASS},
    {"RefExit", SM_FREEZE_PASS},
    {"RefMerge", SM_FREEZE_PASS},
    {"RefNextIteration", SM_FREEZE_PASS},
    {"RefSwitch", SM_FREEZE_PASS},
};

static const sm_freeze_call calls[] = {
    {"PartitionedCall", 0, {"f", NULL}, "Tin", "Tout", false},
    {"StatefulPartitionedCall", 0, {"f", NULL}, "Tin", "Tout", false},
    {"If", 1, {"then_branch", "else_branch"}, "Tin", "Tout", false},
    {"StatelessIf", 1, {"then_branch", "else_branch"}, "Tin", "Tout", false},
    {"While", 0, {"body", "cond"}, "T", "T", true},
    {"StatelessWhile", 0, {"body", "cond"}, "T", "T", true},
};

static sm_freeze_kind kind_of(sm_string op) {
  for (size_t i = 0; i < sizeof rules / sizeof rules[0]; i++)
    if (is_op(op, rules[i].op)) return rules[i].kind;
  return SM_FREEZE_NOTHING;
}

static const sm_freeze_call *call_of(sm_string op) {
  for (size_t i = 0; i < sizeof calls / sizeof calls[0]; i++)
    if (is_op(op, calls[i].op)) return &calls[i];
  return NULL;
}

/* ---- Nodes and functions ---- */

sm_freeze_node *sm_freeze_find_node(const sm_freeze_scope *scope, sm_string name) {
  size_t found = sm_named_find(scope->nodes, scope->n_nodes, sizeof *scope->nodes, name);
  return found != SIZE_MAX ? &scope->nodes[found] : NULL;
}

static sm_status fail(const sm_freeze_scope *scope, const sm_freeze_node *node, const char *what, sm_error *err) {
  return SM_FAIL(err, SM_UNIMPLEMENTED, "node %.*s%s%.*s: %s", SM_SHOWN(node->name),
                 scope->name.size != 0 ? " of function " : "", SM_SHOWN(scope->name), what);
}

static void wait(sm_freeze_work *work, sm_freeze_scope *scope) {
  if (!scope->is_waiting) work->waiting[work->n_waiting++] = (size_t)(scope - work->scopes);
  scope->is_waiting = true;
}

static sm_dtype *new_dtypes(sm_freeze_work *work, size_t n) {
  return sm_arena_array(work->arena, sm_dtype, n != 0 ? n : 1);
}

static sm_status open_function(sm_freeze_work *work, size_t i, sm_error *err) {
  sm_freeze_scope *scope = &work->scopes[i];
  scope->bytes = work->library->functions[i].def;
  scope->name = work->library->functions[i].name;
  SM_TRY(sm_function_read_type(&scope->type, scope->bytes, work->source, work->arena, err));
  scope->args = new_dtypes(work, scope->type.n_inputs);
  scope->results = new_dtypes(work, scope->type.n_outputs);
  if (scope->args == NULL || scope->results == NULL)
    return sm_arena_fail(work->arena, scope->type.n_inputs * sizeof *scope->args, err);
  return SM_OK;
}

static sm_status read_node(sm_freeze_node *out, sm_freeze_work *work, const sm_freeze_scope *scope, sm_error *err) {
  sm_string op;
  const sm_freeze_spec *spec = work->spec;
  SM_TRY(sm_node_get_op(&op, out->bytes, work->source, err));
  out->call = call_of(op);
  out->variable = SIZE_MAX;
  if (scope->name.size == 0)
    out->variable = sm_named_find(spec->variables, spec->n_variables, sizeof *spec->variables, out->name);
  if (out->variable == SIZE_MAX) return SM_OK;
  out->kind = SM_FREEZE_CONST;
  out->dtype = spec->variables[out->variable].dtype;
  out->is_reference = !is_op(op, "VarHandleOp");
  return SM_OK;
}

static sm_status open_nodes(sm_freeze_work *work, sm_freeze_scope *scope, sm_error *err) {
  sm_reach_node *found;
  bool is_graph = scope->name.size == 0;
  if (scope->nodes != NULL) return SM_OK;
  SM_TRY(sm_reach_index_nodes(&found, &scope->n_nodes, is_graph ? work->graph_def : (sm_spans){&scope->bytes, 1},
                              is_graph ? GRAPH_NODE : SM_FUNCTION_NODE, work->source, work->arena, err));
  scope->nodes = sm_arena_array(work->arena, sm_freeze_node, scope->n_nodes + 1);
  if (scope->nodes == NULL) return sm_arena_fail(work->arena, scope->n_nodes * sizeof *scope->nodes, err);
  for (size_t i = 0; i < scope->n_nodes; i++) {
    scope->nodes[i] = (sm_freeze_node){.name = found[i].name, .bytes = found[i].bytes};
    SM_TRY(read_node(&scope->nodes[i], work, scope, err));
  }
  return SM_OK;
}

/* ---- Which tensors are handles ---- */

/* Of a tensor that is the handle of a variable to be frozen, or a reference to one: the type of its value. */
typedef struct handle {
  sm_dtype dtype; /* SM_DT_INVALID: it is none */
  bool is_reference;
} handle;

static handle handle_of_node(const sm_freeze_node *node, uint64_t index) {
  const handle none = {SM_DT_INVALID, false};
  switch (node->kind) {
    case SM_FREEZE_CONST: return (handle){node->dtype, node->is_reference};
    /* Merge has the number of the input that came beside it. */
    case SM_FREEZE_PASS:
      return (handle){index == 0 || node->n_outputs > 1 ? node->dtype : SM_DT_INVALID, node->is_reference};
    case SM_FREEZE_CALL: return index < node->n_outputs ? (handle){node->outputs[index], false} : none;
    default: return none;
  }
}

static handle handle_of(const sm_freeze_scope *scope, sm_string text) {
  sm_tensor_ref ref;
  const handle none = {SM_DT_INVALID, false};
  bool is_inside = scope->name.size != 0;
  if (!(is_inside ? sm_tensor_ref_parse_inside(&ref, text) : sm_tensor_ref_parse(&ref, text)) || ref.is_control)
    return none;
  if (is_inside && ref.output.size == 0)
    for (size_t i = 0; i < scope->type.n_inputs; i++)
      if (sm_string_equal(scope->type.inputs[i].name, ref.node)) return (handle){scope->args[i], false};
  const sm_freeze_node *node = sm_freeze_find_node(scope, ref.node);
  if (node == NULL) return none;
  if (is_op(ref.output, "value_index")) return none; /* of Merge: which input it was */
  return handle_of_node(node, ref.index);
}

/* ---- What takes them ---- */

/* Does the op write through its input, or only read what it refers to? */
static sm_status takes_reference(bool *out, sm_freeze_work *work, const sm_freeze_node *node, size_t input,
                                 sm_error *err) {
  const sm_op_def *def;
  sm_node_attrs attrs;
  sm_arg_place place;
  sm_string op;
  *out = false;
  SM_TRY(sm_node_get_op(&op, node->bytes, work->source, err));
  SM_TRY(sm_op_defs_find(&def, work->defs, op, err));
  if (def == NULL) return SM_OK;
  SM_TRY(sm_node_read_attrs(&attrs, def, node->bytes, work->source, err));
  bool is_there;
  SM_TRY(sm_args_place(&is_there, &place, &def->inputs, &attrs, input, work->source, err));
  *out = is_there && def->inputs.items[place.arg].proto->is_ref;
  return SM_OK;
}

/* The functions that a node calls; n of them. */
static sm_status find_called(sm_freeze_scope *out[2], size_t *n, sm_freeze_work *work, const sm_freeze_scope *scope,
                             const sm_freeze_node *node, sm_error *err) {
  *n = 0;
  for (size_t i = 0; i < 2 && node->call->functions[i] != NULL; i++) {
    sm_span attr;
    sm_string name;
    SM_TRY(sm_node_find_attr(&attr, node->bytes, node->call->functions[i], work->source, err));
    SM_TRY(sm_attr_get_func_name(&name, attr, work->source, err));
    size_t found = sm_graph_find_function(work->library, name);
    if (found == SIZE_MAX) return fail(scope, node, "calls a function that is not there", err);
    out[(*n)++] = &work->scopes[found];
  }
  return SM_OK;
}

/* A tensor becomes input of a function that is a value now. */
static sm_status hand_over(sm_freeze_work *work, const sm_freeze_scope *scope, sm_freeze_node *node, size_t at,
                           sm_dtype dtype, sm_error *err) {
  sm_freeze_scope *called[2];
  size_t n;
  SM_TRY(find_called(called, &n, work, scope, node, err));
  for (size_t i = 0; i < n; i++) {
    if (at >= called[i]->type.n_inputs) return fail(scope, node, "has more inputs than its function", err);
    if (called[i]->args[at] == dtype) continue;
    if (called[i]->args[at] != SM_DT_INVALID)
      return fail(scope, node, "its function takes variables of different types there", err);
    called[i]->args[at] = dtype;
    wait(work, called[i]);
  }
  return SM_OK;
}

static sm_status take_call(sm_freeze_work *work, sm_freeze_scope *scope, sm_freeze_node *node, size_t at,
                           sm_dtype dtype, sm_error *err) {
  if (at < node->call->n_before) return fail(scope, node, "a variable is no condition", err);
  at -= node->call->n_before;
  if (node->inputs == NULL) {
    sm_wire_reader reader = sm_wire_read(node->bytes, work->source);
    for (sm_wire_field field; sm_wire_next(&reader, &field);)
      node->n_inputs += field.tag == SM_WIRE_TAG(NODE_INPUT, SM_WIRE_BYTES);
    node->inputs = new_dtypes(work, node->n_inputs);
    if (node->inputs == NULL) return sm_arena_fail(work->arena, node->n_inputs * sizeof *node->inputs, err);
  }
  node->kind = SM_FREEZE_CALL;
  node->inputs[at] = dtype;
  return hand_over(work, scope, node, at, dtype, err);
}

static sm_status take(bool *changed, sm_freeze_work *work, sm_freeze_scope *scope, sm_freeze_node *node, size_t at,
                      handle taken, sm_error *err) {
  sm_string op;
  bool writes;
  SM_TRY(sm_node_get_op(&op, node->bytes, work->source, err));
  sm_freeze_kind kind = node->call != NULL ? SM_FREEZE_CALL : kind_of(op);
  if (taken.is_reference) {
    bool is_ref_op = op.size > 3 && memcmp(op.data, "Ref", 3) == 0;
    if (!is_ref_op || kind != SM_FREEZE_PASS) kind = SM_FREEZE_NOTHING;
    SM_TRY(takes_reference(&writes, work, node, at, err));
    if (kind == SM_FREEZE_NOTHING && !writes) return SM_OK;
  }
  if (kind == SM_FREEZE_NOTHING) {
    char what[256];
    snprintf(what, sizeof what, "%.*s does more with a variable than to read it, which a constant does not allow",
             SM_SHOWN(op));
    return fail(scope, node, what, err);
  }
  if (kind == SM_FREEZE_CALL && node->inputs != NULL && node->inputs[at - node->call->n_before] == taken.dtype)
    return SM_OK;
  if (kind != SM_FREEZE_CALL && node->kind == kind) return SM_OK;
  *changed = true;
  if (kind == SM_FREEZE_CALL) return take_call(work, scope, node, at, taken.dtype, err);
  if (kind != SM_FREEZE_PASS && at != 0) return fail(scope, node, "a variable is no index", err);
  node->kind = kind;
  node->dtype = taken.dtype;
  node->is_reference = taken.is_reference;
  node->n_outputs = is_op(op, "Switch") || is_op(op, "RefSwitch") ? 2 : 1;
  return SM_OK;
}

static sm_status visit_node(bool *changed, sm_freeze_work *work, sm_freeze_scope *scope, sm_freeze_node *node,
                            sm_error *err) {
  size_t at = 0;
  sm_wire_reader reader = sm_wire_read(node->bytes, work->source);
  for (sm_wire_field field; sm_wire_next(&reader, &field);) {
    if (field.tag != SM_WIRE_TAG(NODE_INPUT, SM_WIRE_BYTES)) continue;
    handle taken = handle_of(scope, text_of(field.bytes));
    if (taken.dtype != SM_DT_INVALID) SM_TRY(take(changed, work, scope, node, at, taken, err));
    at++;
  }
  SM_TRY(sm_wire_finish(&reader, err));
  if (node->kind != SM_FREEZE_CALL || node->outputs != NULL) return SM_OK;
  sm_freeze_scope *called[2];
  size_t n;
  SM_TRY(find_called(called, &n, work, scope, node, err));
  node->outputs = node->call->is_loop ? node->inputs : called[0]->results;
  node->n_outputs = node->call->is_loop ? node->n_inputs : called[0]->type.n_outputs;
  *changed = true;
  return SM_OK;
}

/* ---- One graph or function, and all ---- */

static sm_status find_results(bool *changed, sm_freeze_work *work, sm_freeze_scope *scope, sm_error *err) {
  sm_wire_reader reader = sm_wire_read(scope->bytes, work->source);
  for (sm_wire_field field; scope->name.size != 0 && sm_wire_next(&reader, &field);) {
    sm_span key, value;
    if (field.tag != SM_WIRE_TAG(FUNCTION_RET, SM_WIRE_BYTES)) continue;
    SM_TRY(sm_wire_find_bytes(&key, field.bytes, ENTRY_KEY, work->source, err));
    SM_TRY(sm_wire_find_bytes(&value, field.bytes, ENTRY_VALUE, work->source, err));
    handle returned = handle_of(scope, text_of(value));
    for (size_t i = 0; returned.dtype != SM_DT_INVALID && i < scope->type.n_outputs; i++) {
      if (!sm_string_equal(scope->type.outputs[i].name, text_of(key)) || scope->results[i] == returned.dtype) continue;
      scope->results[i] = returned.dtype;
      *changed = true;
    }
  }
  return sm_wire_finish(&reader, err);
}

static sm_status visit_scope(bool *returns_more, sm_freeze_work *work, sm_freeze_scope *scope, sm_error *err) {
  bool changed = true;
  scope->is_waiting = false;
  scope->was_visited = true;
  SM_TRY(open_nodes(work, scope, err));
  for (int round = 0; changed; round++) {
    changed = false;
    if (round == MAX_ROUNDS)
      return SM_FAIL(err, SM_UNIMPLEMENTED, "%s: variables go through too many nodes", work->source->name);
    for (size_t i = 0; i < scope->n_nodes; i++) SM_TRY(visit_node(&changed, work, scope, &scope->nodes[i], err));
  }
  return find_results(returns_more, work, scope, err);
}

static sm_status visit_all(sm_freeze_work *work, sm_error *err) {
  bool returns_more = true;
  wait(work, &work->scopes[work->library->n]);
  for (int round = 0; returns_more; round++) {
    returns_more = false;
    if (round == MAX_ROUNDS)
      return SM_FAIL(err, SM_UNIMPLEMENTED, "%s: variables go through too many functions", work->source->name);
    while (work->n_waiting != 0)
      SM_TRY(visit_scope(&returns_more, work, &work->scopes[work->waiting[--work->n_waiting]], err));
    for (size_t i = 0; returns_more && i <= work->library->n; i++)
      if (work->scopes[i].was_visited) wait(work, &work->scopes[i]);
  }
  return SM_OK;
}

static sm_status bind(sm_freeze_work *work, sm_error *err) {
  for (size_t i = 0; i < work->spec->n_bindings; i++) {
    const sm_freeze_binding *binding = &work->spec->bindings[i];
    size_t found = sm_graph_find_function(work->library, binding->function);
    if (found == SIZE_MAX) continue;
    sm_freeze_scope *scope = &work->scopes[found];
    if (binding->n > scope->type.n_inputs)
      return SM_FAIL(err, SM_DATA_LOSS, "%s: function %.*s has %zu arguments, and %zu are bound", work->source->name,
                     SM_SHOWN(scope->name), scope->type.n_inputs, binding->n);
    sm_dtype *args = scope->args + scope->type.n_inputs - binding->n;
    for (size_t k = 0; k < binding->n; k++)
      if (binding->dtypes[k] != SM_DT_INVALID) args[k] = binding->dtypes[k];
    wait(work, scope);
  }
  return SM_OK;
}

/* ---- Do all callers agree? ---- */

static sm_status check_call(sm_freeze_work *work, const sm_freeze_scope *scope, const sm_freeze_node *node,
                            sm_error *err) {
  sm_freeze_scope *called[2];
  size_t n;
  SM_TRY(find_called(called, &n, work, scope, node, err));
  for (size_t i = 0; i < n; i++) {
    for (size_t k = 0; k < called[i]->type.n_inputs; k++) {
      sm_dtype given = node->inputs != NULL && k < node->n_inputs ? node->inputs[k] : SM_DT_INVALID;
      if (called[i]->args[k] != given)
        return fail(scope, node, "its function takes a variable there that is frozen for some who call it", err);
    }
    if (node->call->is_loop && i != 0) continue; /* the condition returns a truth value */
    for (size_t k = 0; k < called[i]->type.n_outputs; k++)
      if (called[i]->results[k] != (node->outputs != NULL && k < node->n_outputs ? node->outputs[k] : SM_DT_INVALID))
        return fail(scope, node, "its functions do not all return the same variables", err);
  }
  return SM_OK;
}

/* Functions nobody has looked at yet may call those that were changed. */
static sm_status check_scope(sm_freeze_work *work, sm_freeze_scope *scope, sm_error *err) {
  SM_TRY(open_nodes(work, scope, err));
  for (size_t i = 0; i < scope->n_nodes; i++)
    if (scope->nodes[i].call != NULL) SM_TRY(check_call(work, scope, &scope->nodes[i], err));
  return SM_OK;
}

sm_status sm_graph_freeze(sm_buffer *out, sm_spans graph_def, const sm_graph_library *library, sm_op_defs *defs,
                          const sm_freeze_spec *spec, const sm_wire_source *source, sm_arena *arena, sm_error *err) {
  sm_freeze_work work = {
      .graph_def = graph_def, .library = library, .defs = defs, .spec = spec, .source = source, .arena = arena};
  work.scopes = sm_arena_array(arena, sm_freeze_scope, library->n + 1);
  work.waiting = sm_arena_array(arena, size_t, library->n + 1);
  if (work.scopes == NULL || work.waiting == NULL)
    return sm_arena_fail(arena, (library->n + 1) * sizeof *work.scopes, err);
  work.scopes[library->n].name = (sm_string){"", 0};
  for (size_t i = 0; i < library->n; i++) SM_TRY(open_function(&work, i, err));
  SM_TRY(bind(&work, err));
  SM_TRY(visit_all(&work, err));
  for (size_t i = 0; i <= library->n; i++) SM_TRY(check_scope(&work, &work.scopes[i], err));
  return sm_freeze_write(out, &work, err);
}
