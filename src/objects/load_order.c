/*
 * The order in which saved_model_cli lists the concrete functions of a function.
 *
 * TensorFlow's loader renames every function of the library to __inference_NAME_NUMBER, and the tool sorts by that text.
 * NUMBER is a counter of the process which goes up by one for each graph, each tensor and each name made, so the number of
 * a function depends on all functions loaded before it, and "10" sorts before "9". To list in the same order is to count
 * along. Shown by: python/saved_model/function_deserialization.py (load_function_def_library, _sort_function_defs,
 * fix_node_def), python/eager/polymorphic_function/concrete_function.py (_inference_name), python/framework/ops.py (uid).
 * Pinned by: tests/interop/check_models.py, input_structures among others.
 */
#include <savedmodel/pb/op_def.pb-c.h>

#include "graph/graph.h"
#include "objects/objects_internal.h"

/* Fields of MetaInfoDef, OpList, FunctionDef, OpDef, GraphDef, FunctionDefLibrary, RegisteredGradient, NodeDef, AttrValue. */
enum {
  INFO_STRIPPED_OP_LIST = 2,
  OP_LIST_OP = 1,
  FUNCTION_SIGNATURE = 1,
  OP_NAME = 1,
  OP_INPUT = 2,
  OP_OUTPUT = 3,
  GRAPH_LIBRARY = 2,
  LIBRARY_GRADIENT = 3,
  GRADIENT_FUNCTION = 1,
  GRADIENT_OP_TYPE = 2,
  ATTR_S = 2,
  ATTR_B = 5
};

/* Where the tool's counter stands when it comes to the functions: it has made one graph and one suffix. */
enum { FIRST_NUMBER = 2 };

typedef struct sm_loaded_function {
  sm_string stored, loaded;
} loaded_function;

/* An op of the model's own list of definitions. */
typedef struct op_outputs {
  sm_string name;
  const Tensorflow__OpDef *def;
} op_outputs;

/* A gradient function, by the type that nodes name it with. */
typedef struct gradient {
  sm_string type, function;
  size_t position;
} gradient;

typedef struct edge {
  size_t from, to; /* to calls from */
} edge;

/* Definitions with more arguments are no op of TensorFlow; counting along with them could be made to take for ever. */
enum { MAX_ARGS = 256 };

typedef struct loader {
  const sm_wire_source *source;
  sm_arena scratch;
  sm_spans graph_def;
  sm_graph_library library; /* by name */
  size_t *by_position;      /* index in library of the function at each place in the file */
  op_outputs *ops;          /* sorted by name */
  size_t n_ops;
  gradient *gradients; /* sorted by type */
  size_t n_gradients;
  uint64_t *n_outputs; /* of each function, by index in library */
  edge *edges;         /* sorted by from, then by place of to in the file */
  size_t n_edges, edge_capacity;
  size_t *n_waits; /* calls of each function that are not loaded yet */
  size_t caller;   /* the function whose calls are being listed */
  bool is_loadable;
  uint64_t number;
  uint64_t *numbers; /* by index in library; 0: not loaded yet */
} loader;

/* ---- Definitions of ops ---- */

static bool op_less(const void *a, const void *b) {
  return sm_string_compare(((const op_outputs *)a)->name, ((const op_outputs *)b)->name) < 0;
}

static sm_status read_ops(loader *l, sm_spans meta_info, sm_error *err) {
  sm_spans lists, ops;
  SM_TRY(sm_wire_collect(&lists, meta_info, INFO_STRIPPED_OP_LIST, l->source, &l->scratch, err));
  SM_TRY(sm_wire_collect(&ops, lists, OP_LIST_OP, l->source, &l->scratch, err));
  l->ops = sm_arena_array(&l->scratch, op_outputs, ops.n);
  if (l->ops == NULL) return sm_arena_fail(&l->scratch, ops.n * sizeof *l->ops, err);
  for (size_t i = 0; i < ops.n; i++) {
    ProtobufCMessage *message;
    SM_TRY(sm_wire_unpack(&message, &tensorflow__op_def__descriptor, (sm_spans){&ops.items[i], 1}, l->source,
                          &l->scratch, err));
    const Tensorflow__OpDef *def = (const Tensorflow__OpDef *)message;
    if (def->n_output_arg > MAX_ARGS || def->n_attr > MAX_ARGS) continue;
    l->ops[l->n_ops++] = (op_outputs){sm_string_of(def->name), def};
  }
  sm_sort(l->ops, l->n_ops, sizeof *l->ops, op_less);
  return SM_OK;
}

static const Tensorflow__OpDef *find_op(const loader *l, sm_string name) {
  size_t i = sm_named_find(l->ops, l->n_ops, sizeof *l->ops, name);
  return i < l->n_ops ? l->ops[i].def : NULL;
}

/* ---- Counting tensors ---- */

static sm_status count_fields(uint64_t *n, sm_span message, uint32_t number, const sm_wire_source *source,
                              sm_error *err) {
  sm_wire_reader reader = sm_wire_read(message, source);
  for (sm_wire_field field; sm_wire_next(&reader, &field);) *n += sm_wire_number(&field) == number;
  return sm_wire_finish(&reader, err);
}

/* An integer attribute, or the length of a list of types: of the node, else the default of the op's definition. */
static sm_status read_count(uint64_t *out, loader *l, sm_span node, const Tensorflow__OpDef *def, const char *name,
                            sm_error *err) {
  sm_span value;
  *out = 0;
  SM_TRY(sm_node_find_attr(&value, node, name, l->source, err));
  if (value.data == NULL) {
    for (size_t i = 0; i < def->n_attr; i++) {
      const Tensorflow__AttrValue *absent = def->attr[i]->default_value;
      if (strcmp(def->attr[i]->name, name) != 0 || absent == NULL) continue;
      if (absent->value_case == TENSORFLOW__ATTR_VALUE__VALUE_I) *out = (uint64_t)absent->i;
      if (absent->value_case == TENSORFLOW__ATTR_VALUE__VALUE_LIST) *out = absent->list->n_type;
    }
    return SM_OK;
  }
  ProtobufCMessage *message;
  sm_arena_mark mark = sm_arena_get_mark(&l->scratch);
  SM_TRY(sm_wire_unpack(&message, &tensorflow__attr_value__descriptor, (sm_spans){&value, 1}, l->source, &l->scratch,
                        err));
  const Tensorflow__AttrValue *attr = (const Tensorflow__AttrValue *)message;
  if (attr->value_case == TENSORFLOW__ATTR_VALUE__VALUE_I) *out = (uint64_t)attr->i;
  if (attr->value_case == TENSORFLOW__ATTR_VALUE__VALUE_LIST) *out = attr->list->n_type;
  sm_arena_rewind(&l->scratch, mark);
  return SM_OK;
}

/* Outputs of a node: of the function it is named after, or by its op's definition; one where that is not known. */
static sm_status count_outputs(uint64_t *n, loader *l, sm_span node, sm_error *err) {
  sm_string op;
  SM_TRY(sm_node_get_op(&op, node, l->source, err));
  size_t function = sm_graph_find_function(&l->library, op);
  if (function < l->library.n) {
    *n += l->n_outputs[function];
    return SM_OK;
  }
  const Tensorflow__OpDef *def = find_op(l, op);
  if (def == NULL) ++*n;
  for (size_t i = 0; def != NULL && i < def->n_output_arg; i++) {
    const Tensorflow__OpDef__ArgDef *output = def->output_arg[i];
    const char *counted_by = *output->number_attr != '\0' ? output->number_attr : output->type_list_attr;
    uint64_t count = 1;
    if (*counted_by != '\0') SM_TRY(read_count(&count, l, node, def, counted_by, err));
    *n += count;
  }
  return SM_OK;
}

/* Before 2.x shared table resources by node name, a table node gets a number of its own. */
static sm_status count_table_fix(uint64_t *n, const loader *l, sm_span node, sm_error *err) {
  sm_string op;
  sm_span sharing;
  SM_TRY(sm_node_get_op(&op, node, l->source, err));
  if (!sm_string_equal(op, sm_string_of("HashTableV2"))) return SM_OK;
  SM_TRY(sm_node_find_attr(&sharing, node, "use_node_name_sharing", l->source, err));
  bool is_shared = false;
  sm_wire_reader reader = sm_wire_read(sharing, l->source);
  for (sm_wire_field field; sm_wire_next(&reader, &field);)
    if (field.tag == SM_WIRE_TAG(ATTR_B, SM_WIRE_VARINT)) is_shared = field.value != 0;
  SM_TRY(sm_wire_finish(&reader, err));
  if (!is_shared) ++*n;
  return SM_OK;
}

/* What the counter goes up by while a function is loaded, up to its name: its graph, and every tensor in it. */
static sm_status count_function(uint64_t *n, loader *l, sm_span def, sm_error *err) {
  sm_span signature;
  *n = 1;
  SM_TRY(sm_wire_find_bytes(&signature, def, FUNCTION_SIGNATURE, l->source, err));
  SM_TRY(count_fields(n, signature, OP_INPUT, l->source, err));
  sm_wire_reader reader = sm_wire_read(def, l->source);
  for (sm_wire_field field; sm_wire_next(&reader, &field);) {
    if (field.tag != SM_WIRE_TAG(SM_FUNCTION_NODE, SM_WIRE_BYTES)) continue;
    SM_TRY(count_table_fix(n, l, field.bytes, err));
    SM_TRY(count_outputs(n, l, field.bytes, err));
  }
  return sm_wire_finish(&reader, err);
}

/* ---- Which function calls which ---- */

static sm_status add_edge(loader *l, size_t from, sm_error *err) {
  if (l->n_edges == l->edge_capacity) {
    size_t capacity = l->edge_capacity == 0 ? 256 : 2 * l->edge_capacity;
    edge *edges = sm_arena_array(&l->scratch, edge, capacity);
    if (edges == NULL) return sm_arena_fail(&l->scratch, capacity * sizeof *edges, err);
    if (l->n_edges != 0) memcpy(edges, l->edges, l->n_edges * sizeof *edges);
    l->edges = edges;
    l->edge_capacity = capacity;
  }
  l->edges[l->n_edges++] = (edge){from, l->caller};
  return SM_OK;
}

static sm_status add_call(void *ctx, sm_string name, sm_error *err) {
  loader *l = ctx;
  size_t called = sm_graph_find_function(&l->library, name);
  if (called >= l->library.n) {
    l->is_loadable = false;
    return SM_OK;
  }
  return add_edge(l, called, err);
}

static bool gradient_less(const void *a, const void *b) {
  const gradient *left = a, *right = b;
  int order = sm_string_compare(left->type, right->type);
  return order != 0 ? order < 0 : left->position < right->position;
}

static sm_status read_gradients(loader *l, sm_spans libraries, sm_error *err) {
  sm_spans found;
  SM_TRY(sm_wire_collect(&found, libraries, LIBRARY_GRADIENT, l->source, &l->scratch, err));
  l->gradients = sm_arena_array(&l->scratch, gradient, found.n);
  if (l->gradients == NULL) return sm_arena_fail(&l->scratch, found.n * sizeof *l->gradients, err);
  for (size_t i = 0; i < found.n; i++) {
    sm_span type, function;
    SM_TRY(sm_wire_find_bytes(&type, found.items[i], GRADIENT_OP_TYPE, l->source, err));
    SM_TRY(sm_wire_find_bytes(&function, found.items[i], GRADIENT_FUNCTION, l->source, err));
    if (type.size != 0) l->gradients[l->n_gradients++] = (gradient){sm_span_text(type), sm_span_text(function), i};
  }
  sm_sort(l->gradients, l->n_gradients, sizeof *l->gradients, gradient_less);
  return SM_OK;
}

/* The function registered last as the gradient that a node names; NULL when it names none. */
static sm_status find_gradient(const gradient **out, const loader *l, sm_span node, sm_error *err) {
  sm_span attr, type;
  *out = NULL;
  SM_TRY(sm_node_find_attr(&attr, node, "_gradient_op_type", l->source, err));
  SM_TRY(sm_wire_find_bytes(&type, attr, ATTR_S, l->source, err));
  size_t i = sm_named_find(l->gradients, l->n_gradients, sizeof *l->gradients, sm_span_text(type));
  if (i < l->n_gradients) *out = &l->gradients[i];
  return SM_OK;
}

static sm_status add_calls_of_node(loader *l, sm_span node, sm_error *err) {
  sm_string op;
  const gradient *registered = NULL;
  SM_TRY(sm_node_get_op(&op, node, l->source, err));
  if (sm_graph_find_function(&l->library, op) < l->library.n) return add_call(l, op, err);
  bool is_call = sm_string_equal(op, sm_string_of("PartitionedCall")) ||
                 sm_string_equal(op, sm_string_of("StatefulPartitionedCall"));
  if (!is_call && l->n_gradients != 0) SM_TRY(find_gradient(&registered, l, node, err));
  if (registered != NULL) return add_call(l, registered->function, err);
  return sm_node_each_func(node, l->source, add_call, l, err);
}

static bool edge_less(const void *a, const void *b) {
  const edge *left = a, *right = b;
  return left->from != right->from ? left->from < right->from : left->to < right->to;
}

/* Edges once each. While they are sorted, to is a place in the file. */
static sm_status list_edges(loader *l, sm_error *err) {
  for (size_t place = 0; place < l->library.n; place++) {
    l->caller = place;
    sm_wire_reader reader = sm_wire_read(l->library.functions[l->by_position[place]].def, l->source);
    for (sm_wire_field field; sm_wire_next(&reader, &field);)
      if (field.tag == SM_WIRE_TAG(SM_FUNCTION_NODE, SM_WIRE_BYTES)) SM_TRY(add_calls_of_node(l, field.bytes, err));
    SM_TRY(sm_wire_finish(&reader, err));
  }
  sm_sort(l->edges, l->n_edges, sizeof *l->edges, edge_less);
  size_t kept = 0;
  for (size_t i = 0; i < l->n_edges; i++) {
    bool is_repeated =
        kept > 0 && l->edges[kept - 1].from == l->edges[i].from && l->edges[kept - 1].to == l->edges[i].to;
    if (!is_repeated) l->edges[kept++] = l->edges[i];
  }
  l->n_edges = kept;
  for (size_t i = 0; i < l->n_edges; i++) l->n_waits[l->by_position[l->edges[i].to]]++;
  return SM_OK;
}

static size_t first_edge(const loader *l, size_t from) {
  size_t low = 0, high = l->n_edges;
  while (low < high) {
    size_t middle = low + (high - low) / 2;
    if (l->edges[middle].from < from)
      low = middle + 1;
    else
      high = middle;
  }
  return low;
}

/* ---- Loading ---- */

static sm_status number_functions(loader *l, sm_error *err) {
  size_t n_ready = 0, n_loaded = 0;
  size_t *ready = sm_arena_array(&l->scratch, size_t, l->library.n);
  if (ready == NULL) return sm_arena_fail(&l->scratch, l->library.n * sizeof *ready, err);
  for (size_t place = 0; place < l->library.n; place++)
    if (l->n_waits[l->by_position[place]] == 0) ready[n_ready++] = l->by_position[place];
  for (; n_ready > 0; n_loaded++) {
    size_t next = ready[--n_ready];
    uint64_t count;
    SM_TRY(count_function(&count, l, l->library.functions[next].def, err));
    l->number += count;
    l->numbers[next] = l->number++;
    for (size_t i = first_edge(l, next); i < l->n_edges && l->edges[i].from == next; i++) {
      size_t caller = l->by_position[l->edges[i].to];
      if (--l->n_waits[caller] == 0) ready[n_ready++] = caller;
    }
  }
  if (n_loaded < l->library.n) l->is_loadable = false;
  return SM_OK;
}

/* NAME of __inference_NAME_123; the whole when it is of another form. */
static sm_string clean_name(sm_string name) {
  static const char prefix[] = "__inference_";
  const size_t prefix_size = sizeof prefix - 1;
  size_t end = name.size;
  while (end > 0 && name.data[end - 1] >= '0' && name.data[end - 1] <= '9') end--;
  bool has_number = end > prefix_size && end < name.size && name.data[end - 1] == '_';
  if (!has_number || memcmp(name.data, prefix, prefix_size) != 0) return name;
  return (sm_string){name.data + prefix_size, end - 1 - prefix_size};
}

static sm_status copy_result(sm_load_order *out, const loader *l, sm_arena *arena, sm_error *err) {
  loaded_function *functions = sm_arena_array(arena, loaded_function, l->library.n);
  if (functions == NULL) return sm_arena_fail(arena, l->library.n * sizeof *functions, err);
  for (size_t i = 0; i < l->library.n; i++) {
    sm_string clean = clean_name(l->library.functions[i].name);
    size_t size = clean.size + sizeof "__inference__18446744073709551615";
    char *loaded = sm_arena_alloc(arena, size);
    functions[i].stored = sm_arena_copy(arena, l->library.functions[i].name);
    if (loaded == NULL || functions[i].stored.data == NULL) return sm_arena_fail(arena, size, err);
    int length =
        snprintf(loaded, size, "__inference_%.*s_%llu", (int)clean.size, clean.data, (unsigned long long)l->numbers[i]);
    functions[i].loaded = (sm_string){loaded, (size_t)length};
  }
  *out = (sm_load_order){functions, l->library.n};
  return SM_OK;
}

static sm_status prepare(loader *l, sm_spans meta_info, sm_error *err) {
  sm_spans libraries;
  SM_TRY(sm_graph_index_functions(&l->library, l->graph_def, l->source, &l->scratch, err));
  SM_TRY(sm_wire_collect(&libraries, l->graph_def, GRAPH_LIBRARY, l->source, &l->scratch, err));
  SM_TRY(read_gradients(l, libraries, err));
  SM_TRY(read_ops(l, meta_info, err));
  size_t n = l->library.n;
  l->by_position = sm_arena_array(&l->scratch, size_t, n);
  l->n_waits = sm_arena_array(&l->scratch, size_t, n);
  l->numbers = sm_arena_array(&l->scratch, uint64_t, n);
  l->n_outputs = sm_arena_array(&l->scratch, uint64_t, n);
  if (l->by_position == NULL || l->n_waits == NULL || l->numbers == NULL || l->n_outputs == NULL)
    return sm_arena_fail(&l->scratch, n * sizeof(size_t), err);
  for (size_t i = 0; i < n; i++) {
    sm_span signature;
    l->by_position[l->library.functions[i].position] = i;
    SM_TRY(sm_wire_find_bytes(&signature, l->library.functions[i].def, FUNCTION_SIGNATURE, l->source, err));
    SM_TRY(count_fields(&l->n_outputs[i], signature, OP_OUTPUT, l->source, err));
  }
  l->number = FIRST_NUMBER + l->n_gradients;
  return SM_OK;
}

sm_status sm_load_order_new(sm_load_order *out, sm_spans graph_def, sm_spans meta_info, const sm_wire_source *source,
                            sm_arena *arena, sm_error *err) {
  loader l = {.source = source, .graph_def = graph_def, .is_loadable = true};
  *out = (sm_load_order){NULL, 0};
  sm_arena_init(&l.scratch, arena->allocator, arena->max_bytes);
  sm_status status = prepare(&l, meta_info, err);
  if (status == SM_OK) status = list_edges(&l, err);
  if (status == SM_OK) status = number_functions(&l, err);
  if (status == SM_OK && l.is_loadable) status = copy_result(out, &l, arena, err);
  sm_arena_free(&l.scratch);
  return status;
}

sm_string sm_load_order_name(const sm_load_order *order, sm_string stored) {
  size_t i = sm_named_find(order->functions, order->n, sizeof *order->functions, stored);
  return i < order->n ? order->functions[i].loaded : stored;
}
