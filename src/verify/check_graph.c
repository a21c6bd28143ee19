/* Nodes: of the graph, and of each function of its library. */
#include <savedmodel/pb/versions.pb-c.h>

#include "graph/name_set.h"
#include "graph/op_effects.h"
#include "verify/verify_internal.h"

/* Fields of MetaInfoDef, GraphDef, FunctionDef, OpDef, ArgDef, NodeDef: proto/meta_graph.proto, graph.proto,
 * function.proto, op_def.proto, node_def.proto. */
enum {
  INFO_STRIPPED_OP_LIST = 2,
  GRAPH_NODE = 1,
  GRAPH_VERSIONS = 4,
  FUNCTION_SIGNATURE = 1,
  FUNCTION_RET = 4,
  FUNCTION_CONTROL_RET = 6,
  OP_INPUT_ARG = 2,
  ARG_NAME = 1,
  ENTRY_VALUE = 2,
  NODE_NAME = 1,
  NODE_OP = 2,
  NODE_INPUT = 3
};

/* TF_GRAPH_DEF_VERSION of TensorFlow 2.21 (core/public/release_version.h): what it can be a consumer of. */
enum { GRAPH_DEF_VERSION = 2474 };

/* ---- Looking up ---- */

const sm_node_place *sm_node_index_find(const sm_node_index *index, sm_string name) {
  size_t i = sm_named_find(index->nodes, index->n, sizeof *index->nodes, name);
  return i != SIZE_MAX ? &index->nodes[i] : NULL;
}

/* ---- Index ---- */

static bool node_less(const void *a, const void *b) {
  const sm_node_place *left = a, *right = b;
  int order = sm_string_compare(left->name, right->name);
  return order != 0 ? order < 0 : left->position < right->position;
}

/* All that a walk over one graph needs. */
typedef struct walk {
  sm_verifier *v;
  sm_graph_facts *facts;
  sm_node_index *index; /* of what is being walked */
  sm_name_set *odd_ops; /* that nobody knows */
  sm_buffer edges;      /* of edge */
} walk;

typedef struct edge {
  size_t from, to; /* by index */
} edge;

static sm_place place_of(const walk *w, const sm_node_place *node) {
  return (sm_place){
      .kind = node->bytes.data != NULL ? "node" : "argument", .name = node->name, .function = w->index->function};
}

/* Bytes that cannot be read are passed over: what can be is left. */
static sm_status collect(sm_spans *out, sm_spans message, uint32_t number, sm_verifier *v, sm_error *err) {
  sm_status status = sm_wire_collect(out, message, number, v->source, &v->arena, err);
  if (!sm_verify_is_defect(status)) return status;
  *out = (sm_spans){NULL, 0};
  return SM_OK;
}

static sm_status read_node(sm_node_place *out, walk *w, sm_span bytes, sm_error *err) {
  sm_wire_reader reader = sm_wire_read(bytes, w->v->source);
  *out = (sm_node_place){.name = {"", 0}, .op = {"", 0}, .bytes = bytes, .n_outputs = -1};
  for (sm_wire_field field; sm_wire_next(&reader, &field);) {
    if (field.tag == SM_WIRE_TAG(NODE_NAME, SM_WIRE_BYTES)) out->name = sm_text_of(field.bytes);
    if (field.tag == SM_WIRE_TAG(NODE_OP, SM_WIRE_BYTES)) out->op = sm_text_of(field.bytes);
  }
  if (out->bytes.data == NULL) out->bytes.data = (const uint8_t *)"";
  const sm_op_def *def;
  SM_TRY(sm_op_defs_find(&def, &w->v->ops, out->op, err));
  sm_status status = sm_node_count_outputs(&out->n_outputs, def, bytes, w->v->source, err);
  return sm_verify_is_defect(status) ? SM_OK : status;
}

static sm_status index_nodes(walk *w, sm_spans nodes, sm_spans arguments, sm_error *err) {
  sm_node_index *index = w->index;
  index->n = nodes.n + arguments.n;
  index->nodes = sm_arena_array(&w->v->arena, sm_node_place, index->n);
  if (index->nodes == NULL) return sm_arena_fail(&w->v->arena, index->n * sizeof *index->nodes, err);
  for (size_t i = 0; i < nodes.n; i++) SM_TRY(read_node(&index->nodes[i], w, nodes.items[i], err));
  for (size_t i = 0; i < arguments.n; i++) {
    sm_span name;
    if (sm_wire_find_bytes(&name, arguments.items[i], ARG_NAME, w->v->source, NULL) != SM_OK) name.size = 0;
    index->nodes[nodes.n + i] = (sm_node_place){.name = sm_text_of(name), .op = {"", 0}, .n_outputs = -1};
  }
  for (size_t i = 0; i < index->n; i++) index->nodes[i].position = i;
  sm_sort(index->nodes, index->n, sizeof *index->nodes, node_less);
  return SM_OK;
}

/* ---- One node ---- */

static bool is_loop_end(sm_string op) {
  return sm_string_equal(op, sm_string_of("NextIteration")) || sm_string_equal(op, sm_string_of("RefNextIteration"));
}

/* In a function "node:output:0" names an output by the name that the op gives it. */
static sm_string name_in_function(sm_string text) {
  const char *colon = text.size != 0 ? memchr(text.data, ':', text.size) : NULL;
  return colon != NULL ? (sm_string){text.data, (size_t)(colon - text.data)} : text;
}

static bool parse_input(sm_tensor_ref *out, const walk *w, sm_string text) {
  if (w->index->function.size == 0 || (text.size != 0 && text.data[0] == '^')) return sm_tensor_ref_parse(out, text);
  *out = (sm_tensor_ref){.node = name_in_function(text)};
  return out->node.size != 0;
}

/* The node that an input comes from; NULL: told that there is none. */
static const sm_node_place *find_input(walk *w, const sm_place *place, sm_string text) {
  sm_tensor_ref ref;
  if (!parse_input(&ref, w, text)) {
    sm_verify_tell(w->v, SM_SEVERITY_ERROR, place, "input \"%.*s\" names no tensor", SM_SHOWN(text));
    return NULL;
  }
  const sm_node_place *from = sm_node_index_find(w->index, ref.node);
  if (from == NULL)
    sm_verify_tell(w->v, SM_SEVERITY_ERROR, place, "input %.*s: there is no such node", SM_SHOWN(text));
  else if (!ref.is_control && from->n_outputs >= 0 && w->index->function.size == 0 &&
           ref.index >= (uint64_t)from->n_outputs)
    sm_verify_tell(w->v, SM_SEVERITY_ERROR, place, "input %.*s: the node has %lld outputs", SM_SHOWN(text),
                   (long long)from->n_outputs);
  return from;
}

static sm_status check_inputs(walk *w, const sm_node_place *node, sm_error *err) {
  const sm_place place = place_of(w, node);
  bool saw_control = false, is_mixed = false;
  sm_wire_reader reader = sm_wire_read(node->bytes, w->v->source);
  for (sm_wire_field field; sm_wire_next(&reader, &field);) {
    if (field.tag != SM_WIRE_TAG(NODE_INPUT, SM_WIRE_BYTES)) continue;
    sm_string text = sm_text_of(field.bytes);
    bool is_control = text.size != 0 && text.data[0] == '^';
    is_mixed |= saw_control && !is_control;
    saw_control |= is_control;
    const sm_node_place *from = find_input(w, &place, text);
    if (from == NULL || is_loop_end(from->op)) continue;
    const edge added = {(size_t)(from - w->index->nodes), (size_t)(node - w->index->nodes)};
    SM_TRY(sm_buffer_put(&w->edges, &added, sizeof added, err));
  }
  if (is_mixed) sm_verify_tell(w->v, SM_SEVERITY_ERROR, &place, "an input that is data, behind one that is control");
  return SM_OK;
}

static bool is_function(const walk *w, sm_string name) {
  return sm_graph_find_function(&w->facts->library, name) != SIZE_MAX;
}

static bool is_op(sm_string name) {
  const char *reason;
  return (sm_op_find_effects(&reason, name) & SM_EFFECT_UNKNOWN) == 0;
}

typedef struct caller {
  walk *w;
  sm_place place;
} caller;

/* An operation can be named where a function is expected. */
static sm_status check_called(void *ctx, sm_string name, sm_error *err) {
  const caller *c = ctx;
  (void)err;
  if (name.size != 0 && !is_function(c->w, name) && !is_op(name))
    sm_verify_tell(c->w->v, SM_SEVERITY_ERROR, &c->place, "calls function %.*s, which is not there", SM_SHOWN(name));
  return SM_OK;
}

static const char *const variable_ops[] = {"VarHandleOp", "Variable", "VariableV2"};
static const char *const restore_ops[] = {"RestoreV2", "Restore", "RestoreSlice"};

static void note_op(sm_graph_facts *facts, sm_string op) {
  for (size_t i = 0; i < sizeof variable_ops / sizeof variable_ops[0]; i++)
    facts->has_variables |= sm_string_equal(op, sm_string_of(variable_ops[i]));
  for (size_t i = 0; i < sizeof restore_ops / sizeof restore_ops[0]; i++)
    facts->has_restore |= sm_string_equal(op, sm_string_of(restore_ops[i]));
}

static sm_status check_op(walk *w, const sm_node_place *node, sm_error *err) {
  bool was_recent;
  const sm_place place = place_of(w, node);
  if (node->name.size == 0) sm_verify_tell(w->v, SM_SEVERITY_ERROR, &place, "a node without a name");
  if (node->op.size == 0) sm_verify_tell(w->v, SM_SEVERITY_ERROR, &place, "a node without an operation");
  note_op(w->facts, node->op);
  if (node->op.size == 0 || is_op(node->op) || is_function(w, node->op)) return SM_OK;
  return sm_name_set_add(&was_recent, w->odd_ops, node->op, err);
}

static sm_status check_node(walk *w, const sm_node_place *node, sm_error *err) {
  caller c = {w, place_of(w, node)};
  bool was_twice = node > w->index->nodes && sm_string_equal(node[-1].name, node->name);
  if (was_twice) sm_verify_tell(w->v, SM_SEVERITY_ERROR, &c.place, "the name is there more than once");
  if (node->bytes.data == NULL) return SM_OK;
  SM_TRY(check_op(w, node, err));
  SM_TRY(check_inputs(w, node, err));
  sm_status status = sm_node_each_nested_func(node->bytes, w->v->source, check_called, &c, err);
  if (status != SM_OK && !sm_verify_is_defect(status)) return status;
  return sm_check_values(w->v, node, w->index->function, err);
}

/* ---- Cycles ---- */

/* Takes away what waits for nothing, again and again. What is left lies on a cycle or behind one. */
typedef struct order {
  size_t *waits;   /* inputs of each node that are left */
  size_t *first;   /* where the edges of a node begin in targets */
  size_t *targets; /* sorted by where they come from */
  size_t *ready;
} order;

static sm_status new_order(order *o, const walk *w, size_t n_edges, sm_error *err) {
  size_t n = w->index->n;
  sm_arena *arena = &w->v->arena;
  *o = (order){sm_arena_array(arena, size_t, n), sm_arena_array(arena, size_t, n + 1),
               sm_arena_array(arena, size_t, n_edges), sm_arena_array(arena, size_t, n)};
  if (o->waits == NULL || o->first == NULL || o->targets == NULL || o->ready == NULL)
    return sm_arena_fail(arena, (3 * n + n_edges) * sizeof(size_t), err);
  return SM_OK;
}

static void sort_edges(order *o, const edge *edges, size_t n_edges, size_t n) {
  for (size_t i = 0; i < n_edges; i++) {
    o->waits[edges[i].to]++;
    o->first[edges[i].from + 1]++;
  }
  for (size_t i = 0; i < n; i++) o->first[i + 1] += o->first[i];
  for (size_t i = 0; i < n; i++) o->ready[i] = o->first[i]; /* not needed before */
  for (size_t i = 0; i < n_edges; i++) o->targets[o->ready[edges[i].from]++] = edges[i].to;
}

/* How many nodes could be taken away. */
static size_t take_away(order *o, size_t n) {
  size_t n_ready = 0, n_done = 0;
  for (size_t i = 0; i < n; i++)
    if (o->waits[i] == 0) o->ready[n_ready++] = i;
  while (n_done < n_ready) {
    size_t node = o->ready[n_done++];
    for (size_t i = o->first[node]; i < o->first[node + 1]; i++)
      if (--o->waits[o->targets[i]] == 0) o->ready[n_ready++] = o->targets[i];
  }
  return n_done;
}

/* A node on a cycle: backwards from any that is left, as many steps as there are nodes. */
static const sm_node_place *find_on_cycle(order *o, const walk *w, const edge *edges, size_t n_edges) {
  size_t *before = o->ready, at = 0;
  for (size_t i = 0; i < n_edges; i++)
    if (o->waits[edges[i].from] != 0) before[edges[i].to] = edges[i].from;
  while (o->waits[at] == 0) at++;
  for (size_t i = 0; i < w->index->n; i++) at = before[at];
  return &w->index->nodes[at];
}

static sm_status check_cycles(walk *w, sm_error *err) {
  order o;
  size_t n_edges = w->edges.size / sizeof(edge);
  const edge *edges = (const edge *)(const void *)w->edges.data;
  SM_TRY(new_order(&o, w, n_edges, err));
  sort_edges(&o, edges, n_edges, w->index->n);
  if (take_away(&o, w->index->n) == w->index->n) return SM_OK;
  const sm_place place = place_of(w, find_on_cycle(&o, w, edges, n_edges));
  sm_verify_tell(w->v, SM_SEVERITY_ERROR, &place, "it waits for itself, on a cycle that is no loop");
  return SM_OK;
}

/* ---- A graph, a function ---- */

static sm_status check_nodes(walk *w, sm_error *err) {
  sm_arena_mark mark = sm_arena_get_mark(&w->v->arena);
  w->edges.size = 0;
  for (size_t i = 0; i < w->index->n; i++) SM_TRY(check_node(w, &w->index->nodes[i], err));
  SM_TRY(check_cycles(w, err));
  sm_arena_rewind(&w->v->arena, mark);
  return SM_OK;
}

/* Values of the maps ret and control_ret: what the function returns. */
static sm_status check_returns(walk *w, sm_span def, uint32_t number, sm_error *err) {
  sm_spans entries;
  sm_span value;
  SM_TRY(collect(&entries, (sm_spans){&def, 1}, number, w->v, err));
  for (size_t i = 0; i < entries.n; i++) {
    if (sm_wire_find_bytes(&value, entries.items[i], ENTRY_VALUE, w->v->source, NULL) != SM_OK) continue;
    if (sm_node_index_find(w->index, name_in_function(sm_text_of(value))) != NULL) continue;
    const sm_place place = {.kind = "function", .name = w->index->function};
    sm_verify_tell(w->v, SM_SEVERITY_ERROR, &place, "returns %.*s, which is not in it", SM_SHOWN(sm_text_of(value)));
  }
  return SM_OK;
}

static sm_status check_function(walk *w, const sm_graph_function *function, sm_error *err) {
  sm_spans nodes, arguments;
  sm_span signature;
  sm_node_index index = {.function = function->name};
  sm_arena_mark mark = sm_arena_get_mark(&w->v->arena);
  w->index = &index;
  if (sm_wire_find_bytes(&signature, function->def, FUNCTION_SIGNATURE, w->v->source, NULL) != SM_OK) return SM_OK;
  SM_TRY(collect(&nodes, (sm_spans){&function->def, 1}, SM_FUNCTION_NODE, w->v, err));
  SM_TRY(collect(&arguments, (sm_spans){&signature, 1}, OP_INPUT_ARG, w->v, err));
  SM_TRY(index_nodes(w, nodes, arguments, err));
  SM_TRY(check_nodes(w, err));
  SM_TRY(check_returns(w, function->def, FUNCTION_RET, err));
  SM_TRY(check_returns(w, function->def, FUNCTION_CONTROL_RET, err));
  sm_arena_rewind(&w->v->arena, mark);
  return SM_OK;
}

/* TensorFlow takes a function that comes twice when both are the same. */
static void check_function_name(walk *w, size_t i) {
  const sm_graph_function *functions = w->facts->library.functions;
  const sm_place place = {.kind = "function", .name = functions[i].name};
  if (functions[i].name.size == 0) sm_verify_tell(w->v, SM_SEVERITY_ERROR, &place, "a function without a name");
  if (i == 0 || !sm_string_equal(functions[i - 1].name, functions[i].name)) return;
  bool is_same = sm_string_equal(sm_text_of(functions[i - 1].def), sm_text_of(functions[i].def));
  sm_verify_tell(w->v, is_same ? SM_SEVERITY_NOTE : SM_SEVERITY_ERROR, &place, "there more than once%s",
                 is_same ? "" : ", and not the same");
}

static sm_status check_all_functions(walk *w, sm_error *err) {
  for (size_t i = 0; i < w->facts->library.n; i++) {
    check_function_name(w, i);
    SM_TRY(check_function(w, &w->facts->library.functions[i], err));
  }
  return SM_OK;
}

static sm_status check_versions(walk *w, sm_spans graph_def, sm_error *err) {
  sm_spans found;
  ProtobufCMessage *message;
  SM_TRY(collect(&found, graph_def, GRAPH_VERSIONS, w->v, err));
  sm_status status =
      sm_wire_unpack(&message, &tensorflow__version_def__descriptor, found, w->v->source, &w->v->arena, err);
  if (status != SM_OK) return sm_verify_is_defect(status) ? SM_OK : status;
  const Tensorflow__VersionDef *versions = (const Tensorflow__VersionDef *)message;
  bool is_refused = versions->min_consumer > GRAPH_DEF_VERSION;
  if (is_refused)
    sm_verify_tell(w->v, SM_SEVERITY_ERROR, NULL, "the graph wants a consumer of version %d; TensorFlow 2.21 is %d",
                   versions->min_consumer, GRAPH_DEF_VERSION);
  for (size_t i = 0; !is_refused && i < versions->n_bad_consumers; i++) {
    is_refused = versions->bad_consumers[i] == GRAPH_DEF_VERSION;
    if (is_refused)
      sm_verify_tell(w->v, SM_SEVERITY_ERROR, NULL, "the graph does not want a consumer of version %d, TensorFlow 2.21",
                     GRAPH_DEF_VERSION);
  }
  return SM_OK;
}

static void tell_odd_ops(const walk *w) {
  sm_name_set_finish(w->odd_ops);
  for (size_t i = 0; i < w->odd_ops->n; i++) {
    const sm_place place = {.kind = "operation", .name = w->odd_ops->names[i]};
    sm_verify_tell(w->v, SM_SEVERITY_WARNING, &place,
                   "not one of TensorFlow 2.21: whoever loads it has to register it");
  }
}

static sm_status check_parts(walk *w, sm_error *err) {
  sm_verifier *v = w->v;
  sm_spans nodes, op_lists, graph_def = sm_meta_graph_graph_bytes(v->graph);
  if (graph_def.n == 0) sm_verify_tell(v, SM_SEVERITY_WARNING, NULL, "the meta graph has no graph");
  sm_status status = sm_graph_index_functions(&w->facts->library, graph_def, v->source, &v->arena, err);
  if (status != SM_OK && !sm_verify_is_defect(status)) return status;
  SM_TRY(collect(&op_lists, sm_meta_graph_info_bytes(v->graph), INFO_STRIPPED_OP_LIST, v, err));
  SM_TRY(sm_op_defs_add(&v->ops, op_lists, &w->facts->library, v->source, err));
  SM_TRY(check_versions(w, graph_def, err));
  SM_TRY(collect(&nodes, graph_def, GRAPH_NODE, v, err));
  w->index = &w->facts->nodes;
  SM_TRY(index_nodes(w, nodes, (sm_spans){NULL, 0}, err));
  SM_TRY(check_nodes(w, err));
  SM_TRY(check_all_functions(w, err));
  tell_odd_ops(w);
  return SM_OK;
}

sm_status sm_check_graph(sm_graph_facts *out, sm_verifier *v, sm_error *err) {
  sm_name_set odd_ops;
  walk w = {.v = v, .facts = out, .odd_ops = &odd_ops};
  *out = (sm_graph_facts){.has_variables = false};
  sm_name_set_init(&odd_ops, v->arena.allocator);
  sm_buffer_init(&w.edges, v->arena.allocator, v->arena.max_bytes);
  sm_status status = check_parts(&w, err);
  sm_name_set_free(&odd_ops);
  sm_buffer_free(&w.edges);
  return status;
}
