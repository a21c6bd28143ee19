/* Which variables a graph has: as its VariableDefs say, or as its nodes are. */
#include <savedmodel/pb/variable.pb-c.h>

#include "graph/reach.h"
#include "graph/saver_graph.h"

/* Fields of GraphDef, NodeDef, AttrValue: proto/graph.proto, node_def.proto, attr_value.proto. */
enum { GRAPH_NODE = 1, NODE_NAME = 1, NODE_INPUT = 3, ATTR_STRING = 2, ATTR_TYPE = 6, ATTR_SHAPE = 7 };

typedef struct found_variable {
  sm_graph_variable v;
  sm_string resource; /* variables of one resource are one */
  size_t position;
} found_variable;

typedef struct finder {
  const sm_wire_source *source;
  sm_arena *arena;
  sm_reach_node *nodes; /* sorted by name */
  size_t n_nodes;
  found_variable *found;
  size_t n;
} finder;

static bool is_op(sm_string op, const char *name) { return sm_string_equal(op, sm_string_of(name)); }

/* _VARIABLE_OPS in saveable_object_util.py. */
static bool is_variable(sm_string op, bool *is_resource) {
  *is_resource = is_op(op, "VarHandleOp");
  return *is_resource || is_op(op, "VariableV2") || is_op(op, "Variable") || is_op(op, "AutoReloadVariable");
}

static const sm_reach_node *find_node(const finder *f, sm_string tensor) {
  size_t i = sm_named_find(f->nodes, f->n_nodes, sizeof *f->nodes, sm_tensor_node_name(tensor));
  return i != SIZE_MAX ? &f->nodes[i] : NULL;
}

/* ---- A variable, as its node is ---- */

static sm_status read_dtype(sm_dtype *out, const finder *f, sm_span node, sm_error *err) {
  sm_span attr;
  *out = SM_DT_INVALID;
  SM_TRY(sm_node_find_attr(&attr, node, "dtype", f->source, err));
  sm_wire_reader reader = sm_wire_read(attr, f->source);
  for (sm_wire_field field; sm_wire_next(&reader, &field);)
    if (field.tag == SM_WIRE_TAG(ATTR_TYPE, SM_WIRE_VARINT)) *out = (sm_dtype)(int32_t)field.value;
  return sm_wire_finish(&reader, err);
}

/* No shape at all is an unknown one, which no proto says. */
static sm_status read_shape(sm_shape *out, const finder *f, sm_span node, sm_error *err) {
  sm_span attr;
  sm_spans pieces;
  *out = (sm_shape){.rank = -1};
  SM_TRY(sm_node_find_attr(&attr, node, "shape", f->source, err));
  SM_TRY(sm_wire_collect(&pieces, (sm_spans){&attr, 1}, ATTR_SHAPE, f->source, f->arena, err));
  return pieces.n != 0 ? sm_shape_read(out, pieces, f->source, f->arena, err) : SM_OK;
}

/* NAME/Read/ReadVariableOp, if that is what it is called. */
static sm_status find_read(sm_string *out, const finder *f, sm_string name, sm_error *err) {
  static const char READ[] = "/Read/ReadVariableOp";
  sm_string op;
  *out = (sm_string){NULL, 0};
  char *text = sm_arena_alloc(f->arena, name.size + sizeof READ);
  if (text == NULL) return sm_arena_fail(f->arena, name.size + sizeof READ, err);
  if (name.size != 0) memcpy(text, name.data, name.size);
  memcpy(text + name.size, READ, sizeof READ);
  const sm_string wanted = {text, name.size + sizeof READ - 1};
  const sm_reach_node *node = find_node(f, wanted);
  if (node == NULL) return SM_OK;
  SM_TRY(sm_node_get_op(&op, node->bytes, f->source, err));
  if (is_op(op, "ReadVariableOp")) *out = wanted;
  return SM_OK;
}

/* The resource that a handle or a reference stands for: shared_name, or else the name of the node. */
static sm_status find_resource(sm_string *out, const finder *f, sm_string name, sm_span node, sm_error *err) {
  sm_span attr, shared;
  SM_TRY(sm_node_find_attr(&attr, node, "shared_name", f->source, err));
  SM_TRY(sm_wire_find_bytes(&shared, attr, ATTR_STRING, f->source, err));
  *out = shared.size != 0 ? sm_span_text(shared) : name;
  return SM_OK;
}

static sm_status add_variable(finder *f, sm_string name, sm_span node, bool is_resource, sm_error *err) {
  found_variable *found = &f->found[f->n];
  *found = (found_variable){.position = f->n};
  found->v = (sm_graph_variable){.key = name, .node = name, .is_resource = is_resource, .full_shape = {.rank = -1}};
  SM_TRY(read_dtype(&found->v.dtype, f, node, err));
  SM_TRY(read_shape(&found->v.shape, f, node, err));
  SM_TRY(find_resource(&found->resource, f, name, node, err));
  found->v.value = name;
  if (is_resource) SM_TRY(find_read(&found->v.value, f, name, err));
  f->n++;
  return SM_OK;
}

static sm_status add_from_nodes(finder *f, sm_spans graph_def, sm_error *err) {
  sm_spans nodes;
  SM_TRY(sm_wire_collect(&nodes, graph_def, GRAPH_NODE, f->source, f->arena, err));
  for (size_t i = 0; i < nodes.n; i++) {
    sm_string op;
    sm_span name;
    bool is_resource;
    SM_TRY(sm_node_get_op(&op, nodes.items[i], f->source, err));
    if (!is_variable(op, &is_resource)) continue;
    SM_TRY(sm_wire_find_bytes(&name, nodes.items[i], NODE_NAME, f->source, err));
    SM_TRY(add_variable(f, sm_span_text(name), nodes.items[i], is_resource, err));
  }
  return SM_OK;
}

static size_t count_variables(const finder *f) {
  size_t n = 0;
  for (size_t i = 0; i < f->n_nodes; i++) {
    sm_string op;
    bool is_resource;
    if (sm_node_get_op(&op, f->nodes[i].bytes, f->source, NULL) == SM_OK) n += is_variable(op, &is_resource);
  }
  return n;
}

static bool resource_less(const void *a, const void *b) {
  const found_variable *left = a, *right = b;
  int order = sm_string_compare(left->resource, right->resource);
  return order != 0 ? order < 0 : left->position < right->position;
}

/* Of several handles of a resource the first stays. */
static void drop_doubles(finder *f) {
  size_t kept = 0;
  sm_sort(f->found, f->n, sizeof *f->found, resource_less);
  for (size_t i = 0; i < f->n; i++)
    if (i == 0 || !sm_string_equal(f->found[i].resource, f->found[kept - 1].resource)) f->found[kept++] = f->found[i];
  f->n = kept;
}

/* ---- A variable, as its VariableDef says ---- */

static sm_status read_slice(sm_graph_variable *out, const Tensorflow__SaveSliceInfoDef *slice, sm_error *err) {
  size_t rank = slice->n_full_shape;
  if (rank > SM_MAX_RANK || slice->n_var_offset != rank || slice->n_var_shape != rank || out->shape.rank != (int)rank)
    return SM_FAIL(err, SM_DATA_LOSS, "variable %.*s: its part of %s has not the rank of both", SM_SHOWN(out->node),
                   slice->full_name);
  for (size_t i = 0; i < rank; i++)
    if (slice->var_offset[i] < 0 || slice->var_shape[i] < 1 || slice->full_shape[i] < slice->var_shape[i] ||
        slice->var_offset[i] > slice->full_shape[i] - slice->var_shape[i])
      return SM_FAIL(err, SM_DATA_LOSS, "variable %.*s: its part of %s is not inside it", SM_SHOWN(out->node),
                     slice->full_name);
  out->key = sm_string_of(slice->full_name);
  out->full_shape = (sm_shape){(int32_t)rank, slice->full_shape};
  out->shape.dims = slice->var_shape;
  out->offsets = slice->var_offset;
  return SM_OK;
}

static sm_status add_from_def(finder *f, sm_span def, sm_error *err) {
  ProtobufCMessage *message;
  sm_string op;
  bool is_resource;
  SM_TRY(
      sm_wire_unpack(&message, &tensorflow__variable_def__descriptor, (sm_spans){&def, 1}, f->source, f->arena, err));
  const Tensorflow__VariableDef *variable = (const Tensorflow__VariableDef *)message;
  const sm_reach_node *node = find_node(f, sm_string_of(variable->variable_name));
  if (node == NULL)
    return SM_FAIL(err, SM_DATA_LOSS, "collection variables: %s is not in the graph", variable->variable_name);
  SM_TRY(sm_node_get_op(&op, node->bytes, f->source, err));
  if (!is_variable(op, &is_resource))
    return SM_FAIL(err, SM_DATA_LOSS, "collection variables: %s is a %.*s, no variable", variable->variable_name,
                   SM_SHOWN(op));
  SM_TRY(add_variable(f, node->name, node->bytes, is_resource, err));
  sm_graph_variable *added = &f->found[f->n - 1].v;
  sm_string snapshot = sm_string_of(variable->snapshot_name);
  if (is_resource && snapshot.size != 0 && find_node(f, snapshot) != NULL) added->value = snapshot;
  return variable->save_slice_info_def != NULL ? read_slice(added, variable->save_slice_info_def, err) : SM_OK;
}

/* ---- All ---- */

static int compare_offsets(const sm_graph_variable *a, const sm_graph_variable *b) {
  for (int32_t i = 0; i < a->full_shape.rank && i < b->full_shape.rank; i++)
    if (a->offsets[i] != b->offsets[i]) return a->offsets[i] < b->offsets[i] ? -1 : 1;
  return a->full_shape.rank - b->full_shape.rank;
}

static bool key_less(const void *a, const void *b) {
  const sm_graph_variable *left = a, *right = b;
  int order = sm_string_compare(left->key, right->key);
  return order != 0 ? order < 0 : compare_offsets(left, right) < 0;
}

/* Only parts of one variable may share a key. */
static sm_status check_keys(const sm_graph_variable *variables, size_t n, sm_error *err) {
  for (size_t i = 1; i < n; i++) {
    const sm_graph_variable *a = &variables[i - 1], *b = &variables[i];
    if (!sm_string_equal(a->key, b->key)) continue;
    if (a->full_shape.rank >= 0 && a->full_shape.rank == b->full_shape.rank && compare_offsets(a, b) != 0) continue;
    return SM_FAIL(err, SM_FAILED_PRECONDITION, "two variables are both saved as \"%.*s\": %.*s and %.*s",
                   SM_SHOWN(a->key), SM_SHOWN(a->node), SM_SHOWN(b->node));
  }
  return SM_OK;
}

static sm_status find_all(finder *f, sm_spans graph_def, sm_spans variable_defs, sm_error *err) {
  size_t n = variable_defs.n != 0 ? variable_defs.n : count_variables(f);
  f->found = sm_arena_array(f->arena, found_variable, n);
  if (f->found == NULL) return sm_arena_fail(f->arena, n * sizeof *f->found, err);
  for (size_t i = 0; i < variable_defs.n; i++) SM_TRY(add_from_def(f, variable_defs.items[i], err));
  if (variable_defs.n == 0) SM_TRY(add_from_nodes(f, graph_def, err));
  if (variable_defs.n == 0) drop_doubles(f);
  return SM_OK;
}

sm_status sm_graph_find_variables(sm_graph_variables *out, sm_spans graph_def, sm_spans variable_defs,
                                  const sm_wire_source *source, sm_arena *arena, sm_error *err) {
  finder f = {.source = source, .arena = arena};
  SM_TRY(sm_reach_index_nodes(&f.nodes, &f.n_nodes, graph_def, GRAPH_NODE, source, arena, err));
  SM_TRY(find_all(&f, graph_def, variable_defs, err));
  sm_graph_variable *variables = sm_arena_array(arena, sm_graph_variable, f.n);
  if (variables == NULL) return sm_arena_fail(arena, f.n * sizeof *variables, err);
  for (size_t i = 0; i < f.n; i++) variables[i] = f.found[i].v;
  sm_sort(variables, f.n, sizeof *variables, key_less);
  SM_TRY(check_keys(variables, f.n, err));
  *out = (sm_graph_variables){.items = variables, .n = f.n};
  return SM_OK;
}
