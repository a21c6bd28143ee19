#include "graph/reach.h"

/* Fields of GraphDef, FunctionDefLibrary, GradientDef, RegisteredGradient, NodeDef, AttrValue, ListValue:
 * proto/graph.proto, function.proto, node_def.proto, attr_value.proto. */
enum {
  GRAPH_NODE = 1,
  GRAPH_LIBRARY = 2,
  LIBRARY_GRADIENT = 2,
  LIBRARY_REGISTERED_GRADIENT = 3,
  GRADIENT_OF = 1,
  GRADIENT_FUNCTION = 2,
  REGISTERED_GRADIENT_FUNCTION = 1,
  NODE_NAME = 1,
  NODE_INPUT = 3,
  ATTR_LIST = 1,
  LIST_STRING = 2
};

sm_string sm_tensor_node_name(sm_string tensor) {
  if (tensor.size != 0 && tensor.data[0] == '^') tensor = (sm_string){tensor.data + 1, tensor.size - 1};
  const char *colon = tensor.size != 0 ? memchr(tensor.data, ':', tensor.size) : NULL;
  if (colon != NULL) tensor.size = (size_t)(colon - tensor.data);
  return tensor;
}

/* ---- Index ---- */

static bool node_less(const void *a, const void *b) {
  return sm_string_compare(((const sm_reach_node *)a)->name, ((const sm_reach_node *)b)->name) < 0;
}

sm_status sm_reach_index_nodes(sm_reach_node **out, size_t *n, sm_spans message, uint32_t number,
                               const sm_wire_source *source, sm_arena *arena, sm_error *err) {
  sm_spans found;
  SM_TRY(sm_wire_collect(&found, message, number, source, arena, err));
  sm_reach_node *nodes = sm_arena_array(arena, sm_reach_node, found.n);
  if (nodes == NULL) return sm_arena_fail(arena, found.n * sizeof *nodes, err);
  for (size_t i = 0; i < found.n; i++) {
    sm_span name;
    SM_TRY(sm_wire_find_bytes(&name, found.items[i], NODE_NAME, source, err));
    nodes[i].name = sm_span_text(name);
    nodes[i].bytes = found.items[i];
  }
  sm_sort(nodes, found.n, sizeof *nodes, node_less);
  *out = nodes;
  *n = found.n;
  return SM_OK;
}

/* Marks the functions that are named by field name_number in the messages of field number. */
static sm_status mark_gradients(sm_reach *reach, sm_spans libraries, uint32_t number, uint32_t name_number,
                                uint32_t mark, sm_arena *arena, sm_error *err) {
  sm_spans gradients;
  SM_TRY(sm_wire_collect(&gradients, libraries, number, reach->source, arena, err));
  for (size_t i = 0; i < gradients.n; i++) {
    sm_span name;
    SM_TRY(sm_wire_find_bytes(&name, gradients.items[i], name_number, reach->source, err));
    size_t found = sm_graph_find_function(&reach->defs, sm_span_text(name));
    if (found != SIZE_MAX) reach->functions[found].is_gradient = true;
    sm_reach_mark_function(reach, sm_span_text(name), mark);
  }
  return SM_OK;
}

sm_status sm_reach_init(sm_reach *out, sm_spans graph_def, uint32_t gradient_mark, const sm_wire_source *source,
                        sm_arena *arena, sm_error *err) {
  sm_spans libraries;
  *out = (sm_reach){.source = source};
  SM_TRY(sm_reach_index_nodes(&out->nodes, &out->n_nodes, graph_def, GRAPH_NODE, source, arena, err));
  SM_TRY(sm_graph_index_functions(&out->defs, graph_def, source, arena, err));
  out->functions = sm_arena_array(arena, sm_reach_function, out->defs.n);
  out->waiting = sm_arena_array(arena, size_t, out->n_nodes + out->defs.n);
  if (out->functions == NULL || out->waiting == NULL) return sm_arena_fail(arena, out->n_nodes * sizeof(size_t), err);
  for (size_t i = 0; i < out->defs.n; i++) out->functions[i].gradient = SIZE_MAX;
  SM_TRY(sm_wire_collect(&libraries, graph_def, GRAPH_LIBRARY, source, arena, err));
  SM_TRY(mark_gradients(out, libraries, LIBRARY_GRADIENT, GRADIENT_FUNCTION, gradient_mark, arena, err));
  return mark_gradients(out, libraries, LIBRARY_REGISTERED_GRADIENT, REGISTERED_GRADIENT_FUNCTION, gradient_mark, arena,
                        err);
}

sm_status sm_reach_follow_gradients(sm_reach *reach, sm_spans graph_def, sm_arena *arena, sm_error *err) {
  sm_spans libraries, gradients;
  SM_TRY(sm_wire_collect(&libraries, graph_def, GRAPH_LIBRARY, reach->source, arena, err));
  SM_TRY(sm_wire_collect(&gradients, libraries, LIBRARY_GRADIENT, reach->source, arena, err));
  for (size_t i = 0; i < gradients.n; i++) {
    sm_span of, name;
    SM_TRY(sm_wire_find_bytes(&of, gradients.items[i], GRADIENT_OF, reach->source, err));
    SM_TRY(sm_wire_find_bytes(&name, gradients.items[i], GRADIENT_FUNCTION, reach->source, err));
    size_t found = sm_graph_find_function(&reach->defs, sm_span_text(of));
    if (found != SIZE_MAX) reach->functions[found].gradient = sm_graph_find_function(&reach->defs, sm_span_text(name));
  }
  return SM_OK;
}

/* ---- Marks ---- */

sm_reach_node *sm_reach_find_node(const sm_reach *reach, sm_string tensor) {
  size_t found = sm_named_find(reach->nodes, reach->n_nodes, sizeof *reach->nodes, sm_tensor_node_name(tensor));
  return found != SIZE_MAX ? &reach->nodes[found] : NULL;
}

void sm_reach_mark_tensor(sm_reach *reach, sm_string tensor, uint32_t mark) {
  sm_reach_node *node = sm_reach_find_node(reach, tensor);
  if (node == NULL || (node->marks | mark) == node->marks) return;
  node->marks |= mark;
  if (!node->is_waiting) reach->waiting[reach->n_waiting++] = (size_t)(node - reach->nodes);
  node->is_waiting = true;
}

void sm_reach_mark_function(sm_reach *reach, sm_string name, uint32_t mark) {
  size_t found = sm_graph_find_function(&reach->defs, name);
  if (found == SIZE_MAX) return;
  sm_reach_function *function = &reach->functions[found];
  if ((function->marks | mark) == function->marks) return;
  function->marks |= mark;
  if (!function->is_waiting) reach->waiting[reach->n_waiting++] = reach->n_nodes + found;
  function->is_waiting = true;
}

/* A node that calls. */
typedef struct caller {
  sm_reach *reach;
  uint32_t marks;
  bool is_new; /* not counted among the callers yet */
} caller;

static sm_status mark_called(void *ctx, sm_string name, sm_error *err) {
  caller *c = ctx;
  (void)err;
  size_t found = sm_graph_find_function(&c->reach->defs, name);
  if (found != SIZE_MAX && c->is_new) c->reach->functions[found].n_callers++;
  sm_reach_mark_function(c->reach, name, c->marks);
  return SM_OK;
}

/* Into the functions a node calls: those its attributes name, and the one that is its op. */
static sm_status spread_calls(sm_reach *reach, sm_span node, uint32_t marks, bool is_new, sm_error *err) {
  caller c = {reach, marks, is_new};
  sm_string op;
  SM_TRY(sm_node_get_op(&op, node, reach->source, err));
  SM_TRY(mark_called(&c, op, err));
  return sm_node_each_nested_func(node, reach->source, mark_called, &c, err);
}

/* The attribute _class is a list of "loc:@NAME". */
static sm_status spread_colocations(sm_reach *reach, sm_span node, uint32_t marks, sm_error *err) {
  static const char PREFIX[] = "loc:@";
  enum { PREFIX_SIZE = sizeof PREFIX - 1 };
  sm_span attr, list;
  SM_TRY(sm_node_find_attr(&attr, node, "_class", reach->source, err));
  SM_TRY(sm_wire_find_bytes(&list, attr, ATTR_LIST, reach->source, err));
  sm_wire_reader reader = sm_wire_read(list, reach->source);
  for (sm_wire_field field; sm_wire_next(&reader, &field);) {
    sm_string value = sm_span_text(field.bytes);
    if (field.tag != SM_WIRE_TAG(LIST_STRING, SM_WIRE_BYTES)) continue;
    if (value.size < PREFIX_SIZE || memcmp(value.data, PREFIX, PREFIX_SIZE) != 0) continue;
    sm_reach_mark_tensor(reach, (sm_string){value.data + PREFIX_SIZE, value.size - PREFIX_SIZE}, marks);
  }
  return sm_wire_finish(&reader, err);
}

static sm_status spread_node(sm_reach *reach, sm_reach_node *node, sm_error *err) {
  bool is_new = !node->was_visited;
  node->was_visited = true;
  node->is_waiting = false;
  SM_TRY(spread_calls(reach, node->bytes, node->marks, is_new, err));
  if (reach->follows_colocations) SM_TRY(spread_colocations(reach, node->bytes, node->marks, err));
  sm_wire_reader reader = sm_wire_read(node->bytes, reach->source);
  for (sm_wire_field field; sm_wire_next(&reader, &field);)
    if (field.tag == SM_WIRE_TAG(NODE_INPUT, SM_WIRE_BYTES))
      sm_reach_mark_tensor(reach, sm_span_text(field.bytes), node->marks);
  return sm_wire_finish(&reader, err);
}

/* The library may hold several of one name, which are next to each other; index is that of the last. */
static sm_status spread_function(sm_reach *reach, size_t index, sm_error *err) {
  const sm_graph_function *functions = reach->defs.functions;
  sm_reach_function *function = &reach->functions[index];
  bool is_new = !function->was_visited;
  function->was_visited = true;
  function->is_waiting = false;
  if (function->gradient != SIZE_MAX)
    sm_reach_mark_function(reach, functions[function->gradient].name, function->marks);
  for (size_t i = index + 1; i-- > 0 && sm_string_equal(functions[i].name, functions[index].name);) {
    sm_wire_reader reader = sm_wire_read(functions[i].def, reach->source);
    for (sm_wire_field field; sm_wire_next(&reader, &field);)
      if (field.tag == SM_WIRE_TAG(SM_FUNCTION_NODE, SM_WIRE_BYTES))
        SM_TRY(spread_calls(reach, field.bytes, function->marks, is_new, err));
    SM_TRY(sm_wire_finish(&reader, err));
  }
  return SM_OK;
}

sm_status sm_reach_spread(sm_reach *reach, sm_error *err) {
  while (reach->n_waiting > 0) {
    size_t next = reach->waiting[--reach->n_waiting];
    if (next < reach->n_nodes)
      SM_TRY(spread_node(reach, &reach->nodes[next], err));
    else
      SM_TRY(spread_function(reach, next - reach->n_nodes, err));
  }
  return SM_OK;
}
