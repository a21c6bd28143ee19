#include "graph/asset_use.h"

/* Fields of NodeDef, AttrValue, FunctionDef, OpDef, ArgDef: proto/node_def.proto, attr_value.proto, function.proto,
 * op_def.proto; a DataType: proto/types.proto. */
enum {
  NODE_INPUT = 3,
  ATTR_TYPE = 6,
  FUNCTION_SIGNATURE = 1,
  OP_INPUT = 2,
  ARG_NAME = 1,
  ARG_NUMBER_ATTR = 5,
  ARG_TYPE_LIST_ATTR = 6,
  TYPE_STRING = 7
};

/* Names that wait to be followed; a function with more callers is not followed. */
enum { MAX_PENDING = 1024 };

/* A node that names a function. */
typedef struct sm_asset_call {
  size_t callee, caller; /* index in reach->defs; caller SIZE_MAX: the graph itself */
  sm_span node;
  uint32_t marks;   /* of a node of the graph itself */
  bool is_only_one; /* the node names no other function */
} call;

typedef struct sm_asset_function {
  size_t first_call, n_calls;
  bool is_known;  /* what follows was filled in */
  bool is_simple; /* each argument is one tensor, and nobody but nodes and the loader calls it */
  sm_spans arguments;
  sm_reach_node *nodes; /* sorted by name */
  size_t n_nodes;
} function_index;

/* An input that has to be the path of an asset. */
typedef struct pending {
  sm_string tensor;
  size_t function;
  uint32_t marks; /* what runs it, in the graph itself */
} pending;

typedef struct sm_asset_walk {
  size_t n;
  bool is_asset; /* so far */
  pending items[MAX_PENDING];
} walk;

void sm_asset_use_init(sm_asset_use *use, const sm_reach *reach, const sm_scan_root *roots, size_t n_roots,
                       uint32_t init_mark, size_t graph_size, sm_arena *arena) {
  *use = (sm_asset_use){.reach = reach, .roots = roots, .n_roots = n_roots, .init_mark = init_mark, .arena = arena};
  use->budget = ((uint64_t)1 << 20) + 4 * (uint64_t)graph_size;
}

static bool is_op(sm_string op, const char *name) { return sm_string_equal(op, sm_string_of(name)); }

/* False when too much was looked at: then it is not worth finding out. */
static bool spend(sm_asset_use *use, size_t size) {
  use->walk->is_asset &= size < use->budget;
  if (use->walk->is_asset) use->budget -= size + 1;
  return use->walk->is_asset;
}

static void follow(sm_asset_use *use, pending item) {
  walk *w = use->walk;
  if (w->n == MAX_PENDING) w->is_asset = false;
  if (w->is_asset) w->items[w->n++] = item;
}

/* Input i of a node, control inputs not counted; "" when there is none. */
static sm_status get_input(sm_string *out, sm_span node, size_t i, const sm_wire_source *source, sm_error *err) {
  *out = (sm_string){"", 0};
  sm_wire_reader reader = sm_wire_read(node, source);
  for (sm_wire_field field; sm_wire_next(&reader, &field);) {
    if (field.tag != SM_WIRE_TAG(NODE_INPUT, SM_WIRE_BYTES)) continue;
    if (field.bytes.size != 0 && field.bytes.data[0] == '^') continue;
    if (i-- == 0) *out = sm_span_text(field.bytes);
  }
  return sm_wire_finish(&reader, err);
}

static sm_status follow_input(sm_asset_use *use, sm_span node, size_t i, pending from, sm_error *err) {
  if (!spend(use, node.size)) return SM_OK;
  SM_TRY(get_input(&from.tensor, node, i, use->reach->source, err));
  use->walk->is_asset &= from.tensor.size != 0;
  follow(use, from);
  return SM_OK;
}

/* ---- In the graph itself ---- */

/* Does the tensor of an asset hold what the loader feeds, or nothing at all? */
static bool holds_asset(sm_string op, uint32_t marks, uint32_t init_mark) {
  if (is_op(op, "Placeholder")) return true;
  return (is_op(op, "Const") || is_op(op, "PlaceholderWithDefault")) && marks == init_mark;
}

static sm_status step_in_graph(sm_asset_use *use, pending item, sm_error *err) {
  const sm_reach *reach = use->reach;
  walk *w = use->walk;
  sm_string op;
  const sm_reach_node *node = sm_reach_find_node(reach, item.tensor);
  w->is_asset &= node != NULL && !node->is_input;
  if (!w->is_asset) return SM_OK;
  SM_TRY(sm_node_get_op(&op, node->bytes, reach->source, err));
  if (node->is_asset)
    w->is_asset &= holds_asset(op, item.marks, use->init_mark);
  else if (is_op(op, "Identity"))
    return follow_input(use, node->bytes, 0, item, err);
  else
    w->is_asset &= is_op(op, "ReadVariableOp") && use->variables_are_assets;
  return SM_OK;
}

/* ---- In functions ---- */

/* Of several functions with one name it is not sure which one counts. */
static bool is_only_one(const sm_graph_library *defs, size_t i) {
  const sm_graph_function *all = defs->functions;
  return (i == 0 || !sm_string_equal(all[i - 1].name, all[i].name)) &&
         (i + 1 == defs->n || !sm_string_equal(all[i + 1].name, all[i].name));
}

static sm_status check_argument(bool *is_simple, sm_span argument, const sm_wire_source *source, sm_error *err) {
  sm_wire_reader reader = sm_wire_read(argument, source);
  for (sm_wire_field field; sm_wire_next(&reader, &field);)
    *is_simple &= sm_wire_number(&field) != ARG_NUMBER_ATTR && sm_wire_number(&field) != ARG_TYPE_LIST_ATTR;
  return sm_wire_finish(&reader, err);
}

static sm_status index_function(function_index *made, const sm_asset_use *use, size_t function, sm_error *err) {
  const sm_reach *reach = use->reach;
  sm_spans signatures, def = {&reach->defs.functions[function].def, 1};
  made->is_known = true;
  made->is_simple = !reach->functions[function].is_gradient && is_only_one(&reach->defs, function);
  SM_TRY(sm_wire_collect(&signatures, def, FUNCTION_SIGNATURE, reach->source, use->arena, err));
  SM_TRY(sm_wire_collect(&made->arguments, signatures, OP_INPUT, reach->source, use->arena, err));
  for (size_t i = 0; i < made->arguments.n; i++)
    SM_TRY(check_argument(&made->is_simple, made->arguments.items[i], reach->source, err));
  return sm_reach_index_nodes(&made->nodes, &made->n_nodes, def, SM_FUNCTION_NODE, reach->source, use->arena, err);
}

/* Number of the argument of that name; SIZE_MAX: there is none. */
static sm_status find_argument(size_t *out, const function_index *f, sm_string name, const sm_wire_source *source,
                               sm_error *err) {
  *out = SIZE_MAX;
  for (size_t i = 0; *out == SIZE_MAX && i < f->arguments.n; i++) {
    sm_span found;
    SM_TRY(sm_wire_find_bytes(&found, f->arguments.items[i], ARG_NAME, source, err));
    if (sm_string_equal(sm_span_text(found), name)) *out = i;
  }
  return SM_OK;
}

/* Does the loader bind argument i of n to an asset, each time that the object graph lists the function? */
static void check_bound(sm_asset_use *use, sm_string function, size_t i, size_t n, bool *is_called) {
  size_t last = sm_named_find(use->bound, use->n_bound, sizeof *use->bound, function);
  if (last == SIZE_MAX) return;
  *is_called = true;
  for (size_t at = last + 1; at-- > 0 && sm_string_equal(use->bound[at].name, function);) {
    const sm_scan_root *root = &use->bound[at];
    use->walk->is_asset &= root->n_bound <= n && i >= n - root->n_bound && root->is_asset[i - (n - root->n_bound)];
  }
}

/* What a node that names the function hands in as argument i. */
static sm_status follow_call(sm_asset_use *use, const call *c, size_t i, sm_error *err) {
  const sm_wire_source *source = use->reach->source;
  sm_string op, called;
  sm_span attr;
  use->walk->is_asset &= c->is_only_one;
  if (!spend(use, c->node.size)) return SM_OK;
  SM_TRY(sm_node_get_op(&op, c->node, source, err));
  SM_TRY(sm_node_find_attr(&attr, c->node, "f", source, err));
  SM_TRY(sm_attr_get_func_name(&called, attr, source, err));
  use->walk->is_asset &= (is_op(op, "PartitionedCall") || is_op(op, "StatefulPartitionedCall")) &&
                         sm_string_equal(called, use->reach->defs.functions[c->callee].name);
  return follow_input(use, c->node, i, (pending){.function = c->caller, .marks = c->marks}, err);
}

static sm_status follow_argument(sm_asset_use *use, size_t function, size_t i, sm_error *err) {
  const function_index *f = &use->functions[function];
  bool is_called = f->n_calls != 0;
  check_bound(use, use->reach->defs.functions[function].name, i, f->arguments.n, &is_called);
  for (size_t at = 0; use->walk->is_asset && at < f->n_calls; at++)
    SM_TRY(follow_call(use, &use->calls[f->first_call + at], i, err));
  use->walk->is_asset &= is_called; /* else nobody knows what comes in */
  return SM_OK;
}

static sm_status step_in_function(sm_asset_use *use, pending item, sm_error *err) {
  const sm_wire_source *source = use->reach->source;
  walk *w = use->walk;
  function_index *f = &use->functions[item.function];
  if (!f->is_known) SM_TRY(index_function(f, use, item.function, err));
  w->is_asset &= f->is_simple;
  if (!spend(use, 16 * f->arguments.n)) return SM_OK;
  size_t argument, found = sm_named_find(f->nodes, f->n_nodes, sizeof *f->nodes, sm_tensor_node_name(item.tensor));
  SM_TRY(find_argument(&argument, f, item.tensor, source, err));
  w->is_asset &= (found == SIZE_MAX) != (argument == SIZE_MAX);
  if (!w->is_asset) return SM_OK;
  if (argument != SIZE_MAX) return follow_argument(use, item.function, argument, err);
  sm_string op;
  SM_TRY(sm_node_get_op(&op, f->nodes[found].bytes, source, err));
  w->is_asset &= is_op(op, "Identity");
  return follow_input(use, f->nodes[found].bytes, 0, item, err);
}

/* ---- From a name back to where it comes from ---- */

static sm_status is_asset_path(bool *out, sm_asset_use *use, sm_span node, size_t input, uint32_t marks,
                               size_t function, sm_error *err) {
  walk *w = use->walk;
  w->n = 0;
  w->is_asset = true;
  SM_TRY(follow_input(use, node, input, (pending){.function = function, .marks = marks}, err));
  while (w->is_asset && w->n > 0) {
    pending item = w->items[--w->n];
    SM_TRY(item.function == SIZE_MAX ? step_in_graph(use, item, err) : step_in_function(use, item, err));
  }
  *out = w->is_asset;
  return SM_OK;
}

/* ---- Variables of strings ---- */

/* Operations that put something into a variable of strings, the attribute that tells its type, and the input. */
static const struct writer {
  const char *op, *type;
  size_t input;
} writers[] = {{"AssignVariableOp", "dtype", 1},
               {"AssignVariableXlaConcatND", "T", SIZE_MAX},
               {"ResourceScatterNdUpdate", "T", 2},
               {"ResourceScatterUpdate", "dtype", 2},
               {"ResourceStridedSliceAssign", "T", 4}};

/* Could the type be string? It could when it is not plain to see, as in a function, where it may be an attribute. */
static sm_status may_be_string(bool *out, sm_span node, const char *name, const sm_wire_source *source, sm_error *err) {
  sm_span attr;
  *out = true;
  SM_TRY(sm_node_find_attr(&attr, node, name, source, err));
  sm_wire_reader reader = sm_wire_read(attr, source);
  for (sm_wire_field field; sm_wire_next(&reader, &field);)
    *out = field.tag != SM_WIRE_TAG(ATTR_TYPE, SM_WIRE_VARINT) || (int32_t)field.value == TYPE_STRING;
  return sm_wire_finish(&reader, err);
}

static sm_status check_writer(bool *out, sm_asset_use *use, sm_span node, uint32_t marks, size_t function,
                              sm_error *err) {
  sm_string op;
  bool writes_string, is_asset;
  SM_TRY(sm_node_get_op(&op, node, use->reach->source, err));
  for (size_t i = 0; i < sizeof writers / sizeof writers[0]; i++) {
    if (!is_op(op, writers[i].op)) continue;
    SM_TRY(may_be_string(&writes_string, node, writers[i].type, use->reach->source, err));
    if (!writes_string) return SM_OK;
    SM_TRY(is_asset_path(&is_asset, use, node, writers[i].input, marks, function, err));
    *out &= is_asset;
  }
  return SM_OK;
}

/* ---- Once, before the first question ---- */

typedef struct call_list {
  const sm_reach *reach;
  call *items; /* NULL: they are only counted */
  size_t n;
  call from;
} call_list;

static sm_status add_call(void *ctx, sm_string name, sm_error *err) {
  call_list *list = ctx;
  (void)err;
  list->from.callee = sm_graph_find_function(&list->reach->defs, name);
  if (list->from.callee == SIZE_MAX) return SM_OK;
  if (list->items != NULL) list->items[list->n] = list->from;
  list->n++;
  return SM_OK;
}

typedef sm_status (*node_fn)(void *ctx, sm_span node, uint32_t marks, size_t function, sm_error *err);

/* fn for every node of the graph and of its functions. */
static sm_status each_node(const sm_reach *reach, node_fn fn, void *ctx, sm_error *err) {
  for (size_t i = 0; i < reach->n_nodes; i++)
    SM_TRY(fn(ctx, reach->nodes[i].bytes, reach->nodes[i].marks, SIZE_MAX, err));
  for (size_t i = 0; i < reach->defs.n; i++) {
    sm_wire_reader reader = sm_wire_read(reach->defs.functions[i].def, reach->source);
    for (sm_wire_field field; sm_wire_next(&reader, &field);)
      if (field.tag == SM_WIRE_TAG(SM_FUNCTION_NODE, SM_WIRE_BYTES)) SM_TRY(fn(ctx, field.bytes, 0, i, err));
    SM_TRY(sm_wire_finish(&reader, err));
  }
  return SM_OK;
}

/* By its op, or by an attribute. */
static sm_status add_calls(void *ctx, sm_span node, uint32_t marks, size_t function, sm_error *err) {
  call_list *list = ctx;
  sm_string op;
  size_t first = list->n;
  list->from = (call){.caller = function, .node = node, .marks = marks, .is_only_one = true};
  SM_TRY(sm_node_get_op(&op, node, list->reach->source, err));
  SM_TRY(add_call(list, op, err));
  SM_TRY(sm_node_each_nested_func(node, list->reach->source, add_call, list, err));
  for (size_t i = first; list->items != NULL && i < list->n; i++) list->items[i].is_only_one = list->n == first + 1;
  return SM_OK;
}

static bool call_less(const void *a, const void *b) { return ((const call *)a)->callee < ((const call *)b)->callee; }

static sm_status index_calls(sm_asset_use *use, sm_error *err) {
  call_list list = {.reach = use->reach};
  SM_TRY(each_node(use->reach, add_calls, &list, err));
  use->calls = list.items = sm_arena_array(use->arena, call, list.n);
  if (list.items == NULL) return sm_arena_fail(use->arena, list.n * sizeof *list.items, err);
  list.n = 0;
  SM_TRY(each_node(use->reach, add_calls, &list, err));
  use->n_calls = list.n;
  sm_sort(use->calls, use->n_calls, sizeof *use->calls, call_less);
  for (size_t i = use->n_calls; i-- > 0;) {
    use->functions[use->calls[i].callee].first_call = i;
    use->functions[use->calls[i].callee].n_calls++;
  }
  return SM_OK;
}

static bool root_less(const void *a, const void *b) {
  return sm_string_compare(((const sm_scan_root *)a)->name, ((const sm_scan_root *)b)->name) < 0;
}

static sm_status index_roots(sm_asset_use *use, sm_error *err) {
  use->bound = sm_arena_array(use->arena, sm_scan_root, use->n_roots);
  if (use->bound == NULL) return sm_arena_fail(use->arena, use->n_roots * sizeof *use->bound, err);
  for (size_t i = 0; i < use->n_roots; i++)
    if (use->roots[i].kind == SM_ROOT_FUNCTION) use->bound[use->n_bound++] = use->roots[i];
  sm_sort(use->bound, use->n_bound, sizeof *use->bound, root_less);
  return SM_OK;
}

typedef struct variable_check {
  sm_asset_use *use;
  bool are_assets;
} variable_check;

static sm_status check_node(void *ctx, sm_span node, uint32_t marks, size_t function, sm_error *err) {
  variable_check *check = ctx;
  return check_writer(&check->are_assets, check->use, node, marks, function, err);
}

/* variables_are_assets is false meanwhile: what is read from one does not count when it is put into one. */
static sm_status prepare(sm_asset_use *use, sm_error *err) {
  variable_check variables = {use, true};
  use->walk = sm_arena_new(use->arena, walk); /* too large for a stack */
  use->functions = sm_arena_array(use->arena, function_index, use->reach->defs.n);
  if (use->walk == NULL || use->functions == NULL) return sm_arena_fail(use->arena, sizeof *use->walk, err);
  SM_TRY(index_calls(use, err));
  SM_TRY(index_roots(use, err));
  SM_TRY(each_node(use->reach, check_node, &variables, err));
  use->variables_are_assets = variables.are_assets;
  return SM_OK;
}

/* ---- The question ---- */

static const struct reader {
  const char *op;
  size_t input; /* the file name */
} readers[] = {{"InitializeTableFromTextFile", 1}, {"InitializeTableFromTextFileV2", 1}, {"ReadFile", 0}};

sm_status sm_asset_use_covers(bool *out, sm_asset_use *use, sm_string op, sm_span node, uint32_t marks, size_t function,
                              sm_error *err) {
  *out = false;
  for (size_t i = 0; i < sizeof readers / sizeof readers[0]; i++) {
    if (!is_op(op, readers[i].op)) continue;
    if (use->walk == NULL) SM_TRY(prepare(use, err));
    return is_asset_path(out, use, node, readers[i].input, marks, function, err);
  }
  return SM_OK;
}
