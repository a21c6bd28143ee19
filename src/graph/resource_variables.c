#include "graph/resource_internal.h"

#include <stdio.h>

#include "graph/reach.h"

/* Fields of GraphDef and NodeDef: proto/graph.proto, node_def.proto. */
enum { GRAPH_NODE = 1, NODE_INPUT = 3 };

/* ---- Operations ---- */

/* Operations on references, and those on handles that do the same. Others ("ApplyAdam") have the name of the same with
 * "Resource" before it. */
static const struct rule {
  const char *op, *new_op;
  sm_resource_kind kind;
} rules[] = {
    {"Variable", "VarHandleOp", SM_RESOURCE_VARIABLE},
    {"VariableV2", "VarHandleOp", SM_RESOURCE_VARIABLE},
    {"Assign", "AssignVariableOp", SM_RESOURCE_WRITE},
    {"AssignAdd", "AssignAddVariableOp", SM_RESOURCE_WRITE},
    {"AssignSub", "AssignSubVariableOp", SM_RESOURCE_WRITE},
    {"IsVariableInitialized", "VarIsInitializedOp", SM_RESOURCE_WRITE},
    {"RefIdentity", "Identity", SM_RESOURCE_PASS},
    {"RefEnter", "Enter", SM_RESOURCE_PASS},
    {"RefExit", "Exit", SM_RESOURCE_PASS},
    {"RefMerge", "Merge", SM_RESOURCE_PASS},
    {"RefNextIteration", "NextIteration", SM_RESOURCE_PASS},
    {"RefSwitch", "Switch", SM_RESOURCE_PASS},
};

static const struct rule *find_rule(sm_string op) {
  for (size_t i = 0; i < sizeof rules / sizeof rules[0]; i++)
    if (sm_string_equal(op, sm_string_of(rules[i].op))) return &rules[i];
  return NULL;
}

static bool is_variable(const sm_resource_node *node) { return node->kind == SM_RESOURCE_VARIABLE; }

static sm_status refuse(const sm_resource_node *node, const char *what, sm_error *err) {
  return SM_FAIL(err, SM_UNIMPLEMENTED, "node %.*s: %.*s %s", SM_SHOWN(node->name), SM_SHOWN(node->def->name), what);
}

/* ---- Nodes ---- */

static sm_status read_nodes(sm_resource_work *work, sm_spans graph_def, sm_error *err) {
  sm_reach_node *found;
  SM_TRY(sm_reach_index_nodes(&found, &work->n_nodes, graph_def, GRAPH_NODE, work->source, work->arena, err));
  work->nodes = sm_arena_array(work->arena, sm_resource_node, work->n_nodes);
  if (work->nodes == NULL) return sm_arena_fail(work->arena, work->n_nodes * sizeof *work->nodes, err);
  for (size_t i = 0; i < work->n_nodes; i++) {
    sm_string op;
    sm_resource_node *node = &work->nodes[i];
    *node = (sm_resource_node){.name = found[i].name, .bytes = found[i].bytes};
    SM_TRY(sm_node_get_op(&op, node->bytes, work->source, err));
    SM_TRY(sm_op_defs_find(&node->def, work->defs, op, err));
    const struct rule *rule = find_rule(op);
    if (rule == NULL || rule->kind != SM_RESOURCE_VARIABLE) continue;
    node->kind = rule->kind;
    SM_TRY(sm_op_defs_find(&node->new_def, work->defs, sm_string_of(rule->new_op), err));
  }
  return SM_OK;
}

/* ---- Which tensors are references ---- */

static sm_status first_input(sm_string *out, const sm_resource_work *work, const sm_resource_node *node,
                             sm_error *err) {
  *out = (sm_string){"", 0};
  sm_wire_reader reader = sm_wire_read(node->bytes, work->source);
  for (sm_wire_field field; sm_wire_next(&reader, &field);) {
    if (field.tag != SM_WIRE_TAG(NODE_INPUT, SM_WIRE_BYTES)) continue;
    *out = (sm_string){(const char *)field.bytes.data, field.bytes.size};
    return SM_OK;
  }
  return sm_wire_finish(&reader, err);
}

/* The node whose reference this one hands on: every operation of TensorFlow that does so has it as first input. NULL: none. */
static sm_status find_origin(sm_resource_node **out, const sm_resource_work *work, const sm_resource_node *node,
                             sm_error *err) {
  sm_string input;
  *out = NULL;
  if (is_variable(node) || node->def == NULL || node->def->inputs.n == 0) return SM_OK;
  if (!node->def->inputs.items[0].proto->is_ref) return SM_OK;
  SM_TRY(first_input(&input, work, node, err));
  *out = sm_resource_find_node(work, sm_tensor_node_name(input));
  return SM_OK;
}

/* Each node is walked over twice, however long the ways to the variables are. */
static sm_status trace(sm_resource_work *work, sm_resource_node *node, sm_error *err) {
  sm_resource_node *end = node, *next;
  while (!end->was_traced && !is_variable(end)) {
    end->was_traced = true; /* a circle without a variable ends where it was entered */
    SM_TRY(find_origin(&next, work, end, err));
    if (next == NULL) break;
    end = next;
  }
  const sm_resource_node *variable = is_variable(end) ? end : end->variable;
  for (; node != end; node = next) {
    node->variable = variable;
    SM_TRY(find_origin(&next, work, node, err));
  }
  return SM_OK;
}

static sm_status trace_all(sm_resource_work *work, sm_error *err) {
  for (size_t i = 0; i < work->n_nodes; i++)
    if (is_variable(&work->nodes[i])) work->nodes[i].variable = &work->nodes[i];
  for (size_t i = 0; i < work->n_nodes; i++) SM_TRY(trace(work, &work->nodes[i], err));
  return SM_OK;
}

/* The handle behind writes: what the last of them wrote is there then. All on the way get it. */
static sm_status find_handle(sm_resource_work *work, sm_resource_node *node, sm_error *err) {
  sm_string input = {"", 0};
  sm_resource_node *end = node;
  while (end != NULL && end->kind == SM_RESOURCE_WRITE && end->handle.size == 0) {
    SM_TRY(first_input(&input, work, end, err));
    end = sm_resource_find_node(work, sm_tensor_node_name(input));
  }
  if (end != NULL && end->kind == SM_RESOURCE_WRITE) input = end->handle;
  const sm_string handle = input;
  while (node != end) {
    node->handle = handle;
    SM_TRY(first_input(&input, work, node, err));
    node = sm_resource_find_node(work, sm_tensor_node_name(input));
  }
  return SM_OK;
}

/* ---- What becomes of nodes ---- */

static sm_status find_counterpart(sm_resource_node *node, sm_resource_work *work, sm_error *err) {
  char name[256];
  const struct rule *rule = find_rule(node->def->name);
  snprintf(name, sizeof name, "Resource%.*s", SM_SHOWN(node->def->name));
  node->kind = rule != NULL ? rule->kind : SM_RESOURCE_WRITE;
  SM_TRY(sm_op_defs_find(&node->new_def, work->defs, sm_string_of(rule != NULL ? rule->new_op : name), err));
  if (node->new_def == NULL || node->new_def->inputs.n != node->def->inputs.n)
    return refuse(node, "does what variables that are resources do not have", err);
  return SM_OK;
}

/* All arguments that are references have to become handles. */
static sm_status check_refs(sm_resource_work *work, const sm_resource_node *node, size_t n_refs, sm_error *err) {
  size_t wanted = 0;
  bool takes_ref = true;
  while (takes_ref) {
    SM_TRY(sm_resource_takes_ref(&takes_ref, work, node, wanted, err));
    wanted += takes_ref;
  }
  if (wanted == n_refs) return SM_OK;
  return refuse(node, "takes references to variables and to others", err);
}

static sm_status decide(sm_resource_work *work, sm_resource_node *node, sm_error *err) {
  size_t i = 0, n_refs = 0, n_values = 0;
  sm_wire_reader reader = sm_wire_read(node->bytes, work->source);
  for (sm_wire_field field; sm_wire_next(&reader, &field);) {
    sm_resource_ref ref;
    bool takes_ref;
    if (field.tag != SM_WIRE_TAG(NODE_INPUT, SM_WIRE_BYTES)) continue;
    SM_TRY(sm_resource_find_ref(&ref, work, (sm_string){(const char *)field.bytes.data, field.bytes.size}, err));
    SM_TRY(sm_resource_takes_ref(&takes_ref, work, node, i++, err));
    n_refs += ref.variable != NULL && takes_ref;
    n_values += ref.variable != NULL && !takes_ref;
  }
  SM_TRY(sm_wire_finish(&reader, err));
  if (n_refs != 0) {
    SM_TRY(find_counterpart(node, work, err));
    return check_refs(work, node, n_refs, err);
  }
  if (n_values == 0 || node->def == NULL || !sm_string_equal(node->def->name, sm_string_of("Identity"))) return SM_OK;
  node->kind = SM_RESOURCE_READ;
  return sm_op_defs_find(&node->new_def, work->defs, sm_string_of("ReadVariableOp"), err);
}

/* ---- All ---- */

/* Tensors that are no inputs. */
static sm_status find_values(sm_string *tensors, size_t n, sm_resource_work *work, sm_error *err) {
  for (size_t i = 0; i < n; i++) {
    sm_resource_ref ref;
    SM_TRY(sm_resource_find_ref(&ref, work, tensors[i], err));
    if (ref.variable == NULL) continue;
    sm_resource_node *node = sm_resource_find_node(work, sm_tensor_node_name(tensors[i]));
    if (node->kind == SM_RESOURCE_PASS) return refuse(node, "is fetched, and is a reference to a variable", err);
    SM_TRY(sm_resource_read_for(&tensors[i], work, node, &ref, err));
  }
  return SM_OK;
}

static sm_status use_resources(sm_buffer *out, sm_spans graph_def, sm_string *tensors, size_t n_tensors,
                               sm_resource_work *work, sm_error *err) {
  SM_TRY(read_nodes(work, graph_def, err));
  SM_TRY(trace_all(work, err));
  for (size_t i = 0; i < work->n_nodes; i++) SM_TRY(decide(work, &work->nodes[i], err));
  for (size_t i = 0; i < work->n_nodes; i++)
    if (work->nodes[i].kind == SM_RESOURCE_WRITE) SM_TRY(find_handle(work, &work->nodes[i], err));
  SM_TRY(find_values(tensors, n_tensors, work, err));
  return sm_resource_write(out, graph_def, work, err);
}

/* A node that reads has all control inputs of the node that it reads for: a graph with many of both would become many times
 * what it was. No model of TensorFlow comes near. */
static uint64_t limit_reads(sm_spans graph_def) {
  enum { LEAST = 1 << 20, MAX_FACTOR = 100 };
  uint64_t size = LEAST;
  for (size_t i = 0; i < graph_def.n; i++) size += (uint64_t)MAX_FACTOR * graph_def.items[i].size;
  return size;
}

sm_status sm_graph_use_resources(sm_buffer *out, sm_spans graph_def, sm_string *tensors, size_t n_tensors,
                                 sm_op_defs *defs, const sm_wire_source *source, sm_arena *arena, sm_error *err) {
  sm_resource_work work = {.defs = defs, .source = source, .arena = arena};
  sm_buffer_init(&work.reads, arena->allocator, limit_reads(graph_def));
  sm_buffer_init(&work.waits, arena->allocator, UINT64_MAX);
  sm_buffer_init(&work.controls, arena->allocator, UINT64_MAX);
  sm_status status = use_resources(out, graph_def, tensors, n_tensors, &work, err);
  sm_buffer_free(&work.controls);
  sm_buffer_free(&work.waits);
  sm_buffer_free(&work.reads);
  return status;
}
