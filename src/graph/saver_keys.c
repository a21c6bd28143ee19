#include "graph/saver_keys.h"

#include "codec/varint.h"
#include "graph/reach.h"
#include "tensor/slice.h"

/* Fields of NodeDef, AttrValue, ListValue, TensorProto: proto/node_def.proto, attr_value.proto, tensor.proto. */
enum { NODE_INPUT = 3, ATTR_LIST = 1, ATTR_SHAPE = 7, ATTR_TENSOR = 8, LIST_TYPE = 6, TENSOR_STRING = 8 };

/* Inputs of RestoreV2. */
enum { RESTORE_PREFIX, RESTORE_NAMES, RESTORE_SLICES, RESTORE_INPUTS };

/* Identity nodes between a tensor that was read and the variable it goes to: savers make one. */
enum { MAX_HOPS = 4 };

/* The nodes that a RestoreV2 is among: of the graph, or of a function. */
typedef struct scope {
  const sm_reach_node *nodes;
  size_t n;
  sm_string filename; /* node; {NULL, 0}: an argument of the function */
} scope;

typedef struct finder {
  const sm_wire_source *source;
  sm_arena *arena;
  sm_reach reach;
  size_t *first;    /* by node of the graph: the first of its keys; SIZE_MAX: it reads none */
  size_t *n_read;   /* and how many these are */
  sm_buffer dtypes; /* of one node */
  sm_buffer found;  /* sm_saver_key */
} finder;

/* The first n inputs of a node; less are empty. */
static sm_status read_inputs(sm_string *inputs, size_t n, const finder *f, sm_span node, sm_error *err) {
  size_t i = 0;
  memset(inputs, 0, n * sizeof *inputs);
  sm_wire_reader reader = sm_wire_read(node, f->source);
  for (sm_wire_field field; sm_wire_next(&reader, &field);)
    if (field.tag == SM_WIRE_TAG(NODE_INPUT, SM_WIRE_BYTES) && i < n) inputs[i++] = sm_span_text(field.bytes);
  return sm_wire_finish(&reader, err);
}

static const sm_reach_node *find_node(const scope *in, sm_string tensor) {
  size_t i = sm_named_find(in->nodes, in->n, sizeof *in->nodes, sm_tensor_node_name(tensor));
  return i != SIZE_MAX ? &in->nodes[i] : NULL;
}

static sm_status is_op(bool *out, const finder *f, const sm_reach_node *node, const char *op, sm_error *err) {
  sm_string found;
  SM_TRY(sm_node_get_op(&found, node->bytes, f->source, err));
  *out = sm_string_equal(found, sm_string_of(op));
  return SM_OK;
}

/* ---- RestoreV2 ---- */

static sm_status put_dtype(finder *f, uint64_t value, sm_error *err) {
  sm_dtype dtype = (sm_dtype)(int32_t)value;
  return sm_buffer_put(&f->dtypes, &dtype, sizeof dtype, err);
}

/* The attribute dtypes, one for each output. */
static sm_status read_dtypes(finder *f, sm_span node, sm_error *err) {
  sm_span attr, list;
  f->dtypes.size = 0;
  SM_TRY(sm_node_find_attr(&attr, node, "dtypes", f->source, err));
  SM_TRY(sm_wire_find_bytes(&list, attr, ATTR_LIST, f->source, err));
  sm_wire_reader reader = sm_wire_read(list, f->source);
  for (sm_wire_field field; sm_wire_next(&reader, &field);) {
    if (field.tag == SM_WIRE_TAG(LIST_TYPE, SM_WIRE_VARINT)) SM_TRY(put_dtype(f, field.value, err));
    if (field.tag != SM_WIRE_TAG(LIST_TYPE, SM_WIRE_BYTES)) continue;
    const uint8_t *p = field.bytes.data, *end = p + field.bytes.size;
    while (p < end) {
      uint64_t value;
      p = sm_varint_read(p, end, &value);
      if (p == NULL) return sm_wire_fail(f->source, field.bytes.data, "a packed list that ends in a number", err);
      SM_TRY(put_dtype(f, value, err));
    }
  }
  return sm_wire_finish(&reader, err);
}

/* The strings of a constant, of which the last may stand for those that follow; is_const: it is one. */
static sm_status read_strings(sm_spans *out, bool *is_const, const finder *f, const scope *in, sm_string tensor,
                              sm_error *err) {
  sm_span attr, proto;
  const sm_reach_node *node = find_node(in, tensor);
  *is_const = false;
  if (node != NULL) SM_TRY(is_op(is_const, f, node, "Const", err));
  if (!*is_const) return SM_OK;
  SM_TRY(sm_node_find_attr(&attr, node->bytes, "value", f->source, err));
  SM_TRY(sm_wire_find_bytes(&proto, attr, ATTR_TENSOR, f->source, err));
  return sm_wire_collect(out, (sm_spans){&proto, 1}, TENSOR_STRING, f->source, f->arena, err);
}

static sm_string string_at(const sm_spans *strings, size_t i) {
  if (strings->n == 0) return (sm_string){"", 0};
  return sm_span_text(strings->items[i < strings->n ? i : strings->n - 1]);
}

static sm_status add_key(finder *f, sm_string key, sm_string slice_text, sm_dtype dtype, sm_error *err) {
  sm_shape_and_slice slice;
  sm_saver_key added = {.key = key, .dtype = dtype, .shape = {.rank = -1}};
  SM_TRY(sm_shape_and_slice_read(&slice, slice_text, err));
  if (slice.rank >= 0) {
    size_t n = (size_t)slice.rank;
    int64_t *dims = sm_arena_array(f->arena, int64_t, n);
    if (dims == NULL) return sm_arena_fail(f->arena, n * sizeof *dims, err);
    memcpy(dims, slice.dims, n * sizeof *dims);
    added.shape = (sm_shape){slice.rank, dims};
  }
  return sm_buffer_put(&f->found, &added, sizeof added, err);
}

static sm_status add_restore(finder *f, const scope *in, const sm_reach_node *node, sm_error *err) {
  sm_string inputs[RESTORE_INPUTS];
  sm_spans keys, slices;
  bool has_keys, has_slices;
  SM_TRY(read_inputs(inputs, RESTORE_INPUTS, f, node->bytes, err));
  bool is_savers = in->filename.data != NULL
                       ? sm_string_equal(sm_tensor_node_name(inputs[RESTORE_PREFIX]), in->filename)
                       : find_node(in, inputs[RESTORE_PREFIX]) == NULL;
  if (!is_savers) return SM_OK;
  SM_TRY(read_strings(&keys, &has_keys, f, in, inputs[RESTORE_NAMES], err));
  SM_TRY(read_strings(&slices, &has_slices, f, in, inputs[RESTORE_SLICES], err));
  if (!has_keys || !has_slices) return SM_OK;
  SM_TRY(read_dtypes(f, node->bytes, err));
  const sm_dtype *dtypes = (const sm_dtype *)(const void *)f->dtypes.data;
  for (size_t i = 0; i < f->dtypes.size / sizeof *dtypes; i++)
    SM_TRY(add_key(f, string_at(&keys, i), string_at(&slices, i), dtypes[i], err));
  return SM_OK;
}

static size_t n_found(const finder *f) { return f->found.size / sizeof(sm_saver_key); }

static sm_status find_in_graph(finder *f, const scope *graph, sm_error *err) {
  for (size_t i = 0; i < graph->n; i++) {
    bool is_restore = false;
    f->first[i] = n_found(f);
    if (graph->nodes[i].marks != 0) SM_TRY(is_op(&is_restore, f, &graph->nodes[i], "RestoreV2", err));
    if (is_restore) SM_TRY(add_restore(f, graph, &graph->nodes[i], err));
    f->n_read[i] = n_found(f) - f->first[i];
  }
  return SM_OK;
}

static sm_status find_in_functions(finder *f, sm_error *err) {
  for (size_t i = 0; i < f->reach.defs.n; i++) {
    sm_reach_node *nodes;
    scope function = {.filename = {NULL, 0}};
    if (f->reach.functions[i].marks == 0) continue;
    SM_TRY(sm_reach_index_nodes(&nodes, &function.n, (sm_spans){&f->reach.defs.functions[i].def, 1}, SM_FUNCTION_NODE,
                                f->source, f->arena, err));
    function.nodes = nodes;
    for (size_t k = 0; k < function.n; k++) {
      bool is_restore;
      SM_TRY(is_op(&is_restore, f, &nodes[k], "RestoreV2", err));
      if (is_restore) SM_TRY(add_restore(f, &function, &nodes[k], err));
    }
  }
  return SM_OK;
}

/* ---- Shapes ---- */

/* The key that a tensor was read from; NULL: nobody knows. */
static sm_status find_origin(sm_saver_key **out, const finder *f, const scope *graph, sm_string tensor, sm_error *err) {
  *out = NULL;
  for (size_t hops = 0; hops <= MAX_HOPS; hops++) {
    sm_tensor_ref ref;
    bool is_identity;
    const sm_reach_node *node = find_node(graph, tensor);
    if (node == NULL || !sm_tensor_ref_parse(&ref, tensor)) return SM_OK;
    size_t i = (size_t)(node - graph->nodes);
    if (ref.index < f->n_read[i]) {
      *out = (sm_saver_key *)(void *)f->found.data + f->first[i] + ref.index;
      return SM_OK;
    }
    SM_TRY(is_op(&is_identity, f, node, "Identity", err));
    if (!is_identity) return SM_OK;
    SM_TRY(read_inputs(&tensor, 1, f, node->bytes, err));
  }
  return SM_OK;
}

/* A tensor that is assigned to a variable has its shape. A part of one has the part's: the slice said what the whole is. */
static sm_status find_shape(const finder *f, const scope *graph, const sm_reach_node *assign, sm_error *err) {
  sm_string inputs[2];
  sm_saver_key *key;
  sm_span attr;
  sm_spans pieces;
  SM_TRY(read_inputs(inputs, 2, f, assign->bytes, err));
  SM_TRY(find_origin(&key, f, graph, inputs[1], err));
  const sm_reach_node *variable = find_node(graph, inputs[0]);
  if (key == NULL || key->shape.rank >= 0 || variable == NULL) return SM_OK;
  SM_TRY(sm_node_find_attr(&attr, variable->bytes, "shape", f->source, err));
  SM_TRY(sm_wire_collect(&pieces, (sm_spans){&attr, 1}, ATTR_SHAPE, f->source, f->arena, err));
  return pieces.n != 0 ? sm_shape_read(&key->shape, pieces, f->source, f->arena, err) : SM_OK;
}

static sm_status find_shapes(const finder *f, const scope *graph, sm_error *err) {
  for (size_t i = 0; i < graph->n; i++) {
    bool is_assign, is_resource;
    if (graph->nodes[i].marks == 0) continue;
    SM_TRY(is_op(&is_assign, f, &graph->nodes[i], "Assign", err));
    SM_TRY(is_op(&is_resource, f, &graph->nodes[i], "AssignVariableOp", err));
    if (is_assign || is_resource) SM_TRY(find_shape(f, graph, &graph->nodes[i], err));
  }
  return SM_OK;
}

/* ---- All ---- */

static sm_status find_all(finder *f, sm_spans graph_def, sm_string filename, sm_string restore_op, sm_error *err) {
  SM_TRY(sm_reach_init(&f->reach, graph_def, 0, f->source, f->arena, err));
  sm_reach_mark_tensor(&f->reach, restore_op, 1);
  SM_TRY(sm_reach_spread(&f->reach, err));
  const scope graph = {f->reach.nodes, f->reach.n_nodes, sm_tensor_node_name(filename)};
  f->first = sm_arena_array(f->arena, size_t, graph.n);
  f->n_read = sm_arena_array(f->arena, size_t, graph.n);
  if (f->first == NULL || f->n_read == NULL) return sm_arena_fail(f->arena, 2 * graph.n * sizeof(size_t), err);
  SM_TRY(find_in_graph(f, &graph, err));
  SM_TRY(find_shapes(f, &graph, err));
  return find_in_functions(f, err);
}

static sm_status keep(sm_saver_keys *out, const finder *f, sm_error *err) {
  out->items = sm_arena_alloc(f->arena, f->found.size);
  if (out->items == NULL) return sm_arena_fail(f->arena, f->found.size, err);
  if (f->found.size != 0) memcpy(out->items, f->found.data, f->found.size);
  out->n = n_found(f);
  return SM_OK;
}

sm_status sm_saver_find_keys(sm_saver_keys *out, sm_spans graph_def, sm_string filename, sm_string restore_op,
                             const sm_wire_source *source, sm_arena *arena, sm_error *err) {
  finder f = {.source = source, .arena = arena};
  *out = (sm_saver_keys){NULL, 0};
  sm_buffer_init(&f.dtypes, arena->allocator, UINT64_MAX);
  sm_buffer_init(&f.found, arena->allocator, UINT64_MAX);
  sm_status status = find_all(&f, graph_def, filename, restore_op, err);
  if (status == SM_OK) status = keep(out, &f, err);
  sm_buffer_free(&f.dtypes);
  sm_buffer_free(&f.found);
  return status;
}
