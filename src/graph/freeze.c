#include "graph/freeze_internal.h"

#include <stdio.h>

/* Fields of FunctionDef and of map entries: proto/function.proto. */
enum { FUNCTION_RET = 4, ENTRY_KEY = 1, ENTRY_VALUE = 2 };

/* Rounds over the nodes of one graph, and over all functions, until nothing changes: each hands handles on by one node, if
 * those stand in the wrong order, and returns them from one function. */
enum { MAX_ROUNDS = 100 };

/* ---- Operations on one variable ---- */

static const struct rule {
  const char *op;
  sm_freeze_kind kind;
} rules[] = {
    {"ReadVariableOp", SM_FREEZE_READ},
    {"ResourceGather", SM_FREEZE_GATHER},
    {"ResourceGatherNd", SM_FREEZE_GATHER_ND},
    {"VariableShape", SM_FREEZE_SHAPE},
    {"VarIsInitializedOp", SM_FREEZE_TRUE},
    {"IsVariableInitialized", SM_FREEZE_TRUE},
    {"DisableCopyOnRead", SM_FREEZE_NO_OP},
    {"Identity", SM_FREEZE_PASS},
    {"Enter", SM_FREEZE_PASS},
    {"Exit", SM_FREEZE_PASS},
    {"Merge", SM_FREEZE_PASS},
    {"NextIteration", SM_FREEZE_PASS},
    {"Switch", SM_FREEZE_PASS},
    {"_SwitchN", SM_FREEZE_PASS},
    {"RefIdentity", SM_FREEZE_PASS},
    {"RefEnter", SM_FREEZE_PASS},
    {"RefExit", SM_FREEZE_PASS},
    {"RefMerge", SM_FREEZE_PASS},
    {"RefNextIteration", SM_FREEZE_PASS},
    {"RefSwitch", SM_FREEZE_PASS},
};

static sm_freeze_kind kind_of(const sm_freeze_node *node) {
  if (node->call != NULL) return SM_FREEZE_CALL;
  for (size_t i = 0; i < sizeof rules / sizeof rules[0]; i++)
    if (sm_freeze_is_op(node->op, rules[i].op)) return rules[i].kind;
  return SM_FREEZE_NOTHING;
}

/* ---- Which tensors are handles ---- */

/* Of a tensor that is the handle of a variable to be frozen, or a reference to one: the type of its value. */
typedef struct handle {
  sm_dtype dtype; /* SM_DT_INVALID: it is none */
  bool is_reference;
} handle;

static handle handle_of(const sm_freeze_scope *scope, const sm_freeze_input *input) {
  const handle none = {SM_DT_INVALID, false};
  if (input->at == SIZE_MAX) return none;
  if (input->is_argument) return (handle){scope->args[input->at], false};
  const sm_freeze_node *node = &scope->nodes[input->at];
  switch (node->kind) {
    case SM_FREEZE_CONST: return (handle){node->dtype, node->is_reference};
    /* Merge has the number of the input that came beside it. */
    case SM_FREEZE_PASS:
      return input->output == 0 || node->has_branches ? (handle){node->dtype, node->is_reference} : none;
    case SM_FREEZE_CALL: return input->output < node->n_results ? (handle){node->results[input->output], false} : none;
    default: return none;
  }
}

/* ---- What takes them ---- */

static sm_status fail_write(const sm_freeze_scope *scope, const sm_freeze_node *node, sm_error *err) {
  char what[256];
  snprintf(what, sizeof what, "%.*s does more with a variable than to read it, which a constant does not allow",
           SM_SHOWN(node->op));
  return sm_freeze_fail(scope, node, what, err);
}

/* Does the op write through its input, or only read what it refers to? An unknown one could. */
static sm_status takes_reference(bool *out, sm_freeze_work *work, const sm_freeze_node *node, size_t input,
                                 sm_error *err) {
  const sm_op_def *def;
  sm_node_attrs attrs;
  sm_arg_place place;
  bool is_there;
  *out = true;
  SM_TRY(sm_op_defs_find(&def, work->defs, node->op, err));
  if (def == NULL) return SM_OK;
  *out = false;
  if (!sm_args_have_refs(&def->inputs)) return SM_OK;
  SM_TRY(sm_node_read_attrs(&attrs, def, node->bytes, work->source, err));
  SM_TRY(sm_args_place(&is_there, &place, &def->inputs, &attrs, input, work->source, err));
  *out = is_there && def->inputs.items[place.arg].proto->is_ref;
  return SM_OK;
}

static void wait(sm_freeze_work *work, sm_freeze_scope *scope) {
  if (!scope->is_waiting) work->waiting[work->n_waiting++] = (size_t)(scope - work->scopes);
  scope->is_waiting = true;
}

/* A tensor becomes argument of a function that is a value now. */
static sm_status hand_over(sm_freeze_work *work, const sm_freeze_scope *scope, const sm_freeze_node *node, size_t at,
                           sm_dtype dtype, sm_error *err) {
  for (size_t i = 0; i < node->n_callees; i++) {
    const sm_freeze_callee *callee = &node->callees[i];
    size_t n_args = callee->scope->type.n_inputs;
    if (at < callee->first || at - callee->first >= callee->n) continue;
    if (callee->n > n_args) return sm_freeze_fail(scope, node, "has more inputs than its function", err);
    sm_dtype *arg = &callee->scope->args[n_args - callee->n + at - callee->first];
    if (*arg != dtype && *arg != SM_DT_INVALID)
      return sm_freeze_fail(scope, node, "its function takes variables of different types there", err);
    if (*arg != dtype) wait(work, callee->scope);
    *arg = dtype;
  }
  return SM_OK;
}

static const sm_freeze_callee *find_returning(const sm_freeze_node *node) {
  for (size_t i = 0; i < node->n_callees; i++)
    if (node->callees[i].returns) return &node->callees[i];
  return NULL;
}

/* The types of a call's inputs that change, and of its outputs: what is in its lists, or what its function returns. */
static sm_status open_call(sm_freeze_work *work, sm_freeze_node *node, sm_error *err) {
  const sm_freeze_callee *returning = find_returning(node);
  node->types = sm_arena_array(work->arena, sm_dtype, node->n_types);
  if (node->types == NULL) return sm_arena_fail(work->arena, node->n_types * sizeof *node->types, err);
  node->kind = SM_FREEZE_CALL;
  if (node->call->returns_inputs) {
    node->results = node->types;
    node->n_results = node->n_types;
  } else if (returning != NULL) {
    node->results = returning->scope->results;
    node->n_results = returning->scope->type.n_outputs;
  }
  return SM_OK;
}

static sm_status take_call(bool *changed, sm_freeze_work *work, const sm_freeze_scope *scope, sm_freeze_node *node,
                           size_t at, sm_dtype dtype, sm_error *err) {
  size_t n_before = node->call->n_before;
  if (at < n_before || at - n_before >= node->n_types)
    return sm_freeze_fail(scope, node, "a variable is not what it takes there", err);
  at -= n_before;
  if (node->types == NULL) SM_TRY(open_call(work, node, err));
  if (node->types[at] == dtype) return SM_OK;
  *changed = true;
  node->types[at] = dtype;
  return hand_over(work, scope, node, at, dtype, err);
}

static sm_status take(bool *changed, sm_freeze_work *work, sm_freeze_scope *scope, sm_freeze_node *node, size_t at,
                      handle taken, sm_error *err) {
  sm_freeze_kind kind = kind_of(node);
  bool writes = true;
  if (taken.is_reference && kind != SM_FREEZE_TRUE && !(kind == SM_FREEZE_PASS && sm_freeze_is_ref_op(node->op))) {
    SM_TRY(takes_reference(&writes, work, node, at, err));
    if (!writes) return SM_OK; /* the value that it refers to */
    kind = SM_FREEZE_NOTHING;
  }
  if (kind == SM_FREEZE_NOTHING) return fail_write(scope, node, err);
  if (kind == SM_FREEZE_CALL) return take_call(changed, work, scope, node, at, taken.dtype, err);
  if (node->kind == kind) return SM_OK;
  if (kind != SM_FREEZE_PASS && at != 0) return sm_freeze_fail(scope, node, "a variable is no index", err);
  *changed = true;
  node->kind = kind;
  node->dtype = taken.dtype;
  node->is_reference = taken.is_reference;
  node->has_branches = sm_freeze_is_op(node->op, "Switch") || sm_freeze_is_op(node->op, "RefSwitch") ||
                       sm_freeze_is_op(node->op, "_SwitchN");
  return SM_OK;
}

/* ---- One graph or function, and all ---- */

static sm_status visit_node(bool *changed, sm_freeze_work *work, sm_freeze_scope *scope, sm_freeze_node *node,
                            sm_error *err) {
  for (size_t i = 0; i < node->n_inputs; i++) {
    handle taken = handle_of(scope, &node->inputs[i]);
    if (taken.dtype != SM_DT_INVALID) SM_TRY(take(changed, work, scope, node, i, taken, err));
  }
  return SM_OK;
}

static sm_status find_results(bool *changed, sm_freeze_work *work, sm_freeze_scope *scope, sm_error *err) {
  sm_wire_reader reader = sm_wire_read(scope->bytes, work->source);
  for (sm_wire_field field; scope->name.size != 0 && sm_wire_next(&reader, &field);) {
    sm_span key, value;
    if (field.tag != SM_WIRE_TAG(FUNCTION_RET, SM_WIRE_BYTES)) continue;
    SM_TRY(sm_wire_find_bytes(&key, field.bytes, ENTRY_KEY, work->source, err));
    SM_TRY(sm_wire_find_bytes(&value, field.bytes, ENTRY_VALUE, work->source, err));
    const sm_freeze_input from = sm_freeze_find_input(scope, sm_span_text(value));
    handle returned = handle_of(scope, &from);
    size_t i = sm_freeze_find_result(scope, sm_span_text(key));
    if (returned.dtype == SM_DT_INVALID || i == SIZE_MAX || scope->results[i] == returned.dtype) continue;
    scope->results[i] = returned.dtype;
    *changed = true;
  }
  return sm_wire_finish(&reader, err);
}

static sm_status visit_scope(bool *returns_more, sm_freeze_work *work, sm_freeze_scope *scope, sm_error *err) {
  bool changed = true;
  scope->is_waiting = false;
  scope->was_visited = true;
  SM_TRY(sm_freeze_open_nodes(work, scope, err));
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

/* Functions nobody has looked at yet may call those that were changed. */
static sm_status check_scope(sm_freeze_work *work, sm_freeze_scope *scope, sm_error *err) {
  SM_TRY(sm_freeze_open_nodes(work, scope, err));
  return sm_freeze_check_calls(work, scope, err);
}

/* Room for all of it: growing to it step by step would copy the values several times. Bounded, for who knows what sizes
 * a file claims. */
static sm_status reserve(sm_buffer *out, const sm_freeze_work *work, sm_error *err) {
  enum { MOST = 1 << 28 };
  const sm_freeze_scope *graph = &work->scopes[work->library->n];
  uint64_t size = 1;
  for (size_t i = 0; i < work->graph_def.n; i++)
    size += work->graph_def.items[i].size + work->graph_def.items[i].size / 4; /* names, attributes */
  for (size_t i = 0; i < graph->n_nodes && size <= INT32_MAX; i++) {
    const sm_freeze_node *node = &graph->nodes[i];
    if (node->kind != SM_FREEZE_CONST) continue;
    uint64_t more = work->spec->variables[node->variable].size;
    size = more <= INT32_MAX ? size + more : more;
  }
  if (size > INT32_MAX)
    return SM_FAIL(err, SM_RESOURCE_EXHAUSTED,
                   "%s: more than 2^31-1 bytes with its variables, which is all that protobuf "
                   "allows",
                   work->source->name);
  return sm_buffer_reserve(out, size < MOST ? (size_t)size : MOST, err);
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
  for (size_t i = 0; i < library->n; i++) SM_TRY(sm_freeze_open_function(&work, i, err));
  SM_TRY(bind(&work, err));
  SM_TRY(visit_all(&work, err));
  for (size_t i = 0; i <= library->n; i++) SM_TRY(check_scope(&work, &work.scopes[i], err));
  SM_TRY(reserve(out, &work, err));
  return sm_freeze_write(out, &work, err);
}
