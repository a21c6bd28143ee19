/* A GraphDef that is being made: what it has, and taking that out. Nodes are added by make_node.c. */
#include <savedmodel/pb/function.pb-c.h>

#include "codec/varint.h"
#include "graph/graph_internal.h"
#include "wire/emit.h"

/* Fields of GraphDef, FunctionDefLibrary, FunctionDef, OpDef, VersionDef: proto/graph.proto, function.proto,
 * op_def.proto, versions.proto. */
enum {
  GRAPH_LIBRARY = 2,
  GRAPH_VERSIONS = 4,
  LIBRARY_FUNCTION = 1,
  FUNCTION_SIGNATURE = 1,
  OP_NAME = 1,
  VERSIONS_PRODUCER = 1,
  VERSIONS_MIN_CONSUMER = 2
};

/* TF_GRAPH_DEF_VERSION and TF_GRAPH_DEF_VERSION_MIN_CONSUMER of TensorFlow 2.21 as it writes them. */
enum { PRODUCER = 2474, MIN_CONSUMER = 12 };

enum { FIRST_CAPACITY = 16 };

/* ---- Life ---- */

sm_status sm_graph_new(sm_graph **out, const sm_allocator *allocator, sm_error *err) {
  allocator = sm_allocator_or_malloc(allocator);
  sm_graph *graph = *out = sm_new(allocator, sm_graph);
  if (graph == NULL) return SM_FAIL_OOM(err, sizeof *graph);
  graph->allocator = allocator;
  graph->source = (sm_wire_source){.name = "graph"};
  sm_arena_init(&graph->arena, allocator, UINT64_MAX);
  sm_op_defs_init(&graph->defs, allocator, UINT64_MAX);
  sm_buffer_init(&graph->bytes, allocator, UINT64_MAX);
  sm_buffer_init(&graph->output_types, allocator, UINT64_MAX);
  sm_buffer_init(&graph->library, allocator, UINT64_MAX);
  sm_name_index_init(&graph->names, allocator);
  sm_name_index_init(&graph->function_names, allocator);
  return SM_OK;
}

void sm_graph_free(sm_graph *graph) {
  if (graph == NULL) return;
  for (size_t i = 0; i < graph->n_functions; i++) sm_op_defs_free(&graph->functions[i].defs);
  sm_free(graph->allocator, graph->functions);
  sm_name_index_free(&graph->function_names);
  sm_free(graph->allocator, graph->variables.items);
  sm_free(graph->allocator, graph->trainable.items);
  sm_free(graph->allocator, graph->initializers.items);
  sm_free(graph->allocator, graph->nodes);
  sm_name_index_free(&graph->names);
  sm_buffer_free(&graph->library);
  sm_buffer_free(&graph->output_types);
  sm_buffer_free(&graph->bytes);
  sm_op_defs_free(&graph->defs);
  sm_arena_free(&graph->arena);
  sm_free(graph->allocator, graph);
}

/* ---- What several calls use ---- */

sm_graph_mark sm_graph_get_mark(const sm_graph *graph) {
  return (sm_graph_mark){.n_nodes = graph->n_nodes,
                         .nodes_size = graph->nodes_size,
                         .types_size = graph->output_types.size,
                         .n_variables = graph->variables.n,
                         .n_trainable = graph->trainable.n,
                         .n_initializers = graph->initializers.n,
                         .arena = sm_arena_get_mark(&graph->arena)};
}

void sm_graph_rewind(sm_graph *graph, sm_graph_mark mark) {
  if (graph->names.n != mark.n_nodes) sm_name_index_cut(&graph->names, mark.n_nodes);
  graph->n_nodes = mark.n_nodes;
  graph->bytes.size = graph->nodes_size = mark.nodes_size;
  graph->output_types.size = mark.types_size;
  graph->variables.n = mark.n_variables;
  graph->trainable.n = mark.n_trainable;
  graph->initializers.n = mark.n_initializers;
  sm_arena_rewind(&graph->arena, mark.arena);
}

sm_status sm_graph_make_room(const sm_graph *graph, void **items, size_t n, size_t *capacity, size_t item_size,
                             sm_error *err) {
  size_t wanted = *capacity != 0 ? 2 * *capacity : FIRST_CAPACITY, size;
  if (n < *capacity) return SM_OK;
  if (!sm_mul_size(wanted, item_size, &size)) return SM_FAIL_OOM(err, SIZE_MAX);
  void *grown = sm_realloc(graph->allocator, *items, size);
  if (grown == NULL) return SM_FAIL_OOM(err, size);
  *items = grown;
  *capacity = wanted;
  return SM_OK;
}

sm_status sm_graph_list_add(sm_graph *graph, sm_string_list *list, sm_string string, sm_error *err) {
  void *items = list->items;
  SM_TRY(sm_graph_make_room(graph, &items, list->n, &list->capacity, sizeof *list->items, err));
  list->items = items;
  list->items[list->n] = sm_arena_copy(&graph->arena, string);
  if (list->items[list->n].data == NULL) return sm_arena_fail(&graph->arena, string.size + 1, err);
  list->n++;
  return SM_OK;
}

sm_status sm_graph_join(const char **out, sm_graph *graph, const char *name, const char *suffix, sm_error *err) {
  size_t size = strlen(name) + strlen(suffix) + 1;
  char *text = sm_arena_alloc(&graph->arena, size);
  if (text == NULL) return sm_arena_fail(&graph->arena, size, err);
  snprintf(text, size, "%s%s", name, suffix);
  *out = text;
  return SM_OK;
}

/* ---- Functions ---- */

sm_status sm_graph_find_op(const sm_op_def **out, sm_graph *graph, const char *op, sm_error *err) {
  size_t i = sm_name_index_find(&graph->function_names, sm_string_of(op));
  if (i == SIZE_MAX) return sm_op_defs_find(out, &graph->defs, sm_string_of(op), err);
  *out = graph->functions[i].def;
  return SM_OK;
}

/* A FunctionDef is sound as a whole before its signature is taken from it. */
static sm_status check_function(const sm_graph *graph, sm_span bytes, const sm_wire_source *source, sm_error *err) {
  ProtobufCMessage *message;
  sm_arena scratch;
  sm_arena_init(&scratch, graph->allocator, UINT64_MAX);
  sm_status status =
      sm_wire_unpack(&message, &tensorflow__function_def__descriptor, (sm_spans){&bytes, 1}, source, &scratch, err);
  sm_arena_free(&scratch);
  return status;
}

static sm_status check_function_name(sm_graph *graph, sm_string name, sm_error *err) {
  if (name.size == 0) return SM_FAIL(err, SM_INVALID_ARGUMENT, "a function without a name");
  if (sm_op_table_find(name) != SIZE_MAX)
    return SM_FAIL(err, SM_INVALID_ARGUMENT, "function %s: an operation has that name", name.data);
  if (sm_name_index_find(&graph->function_names, name) != SIZE_MAX)
    return SM_FAIL(err, SM_ALREADY_EXISTS, "function %s is in the graph already", name.data);
  return SM_OK;
}

/* name: in the graph's arena. The signature is read from bytes, which are borrowed, and copied. */
static sm_status read_signature(sm_made_function *out, sm_string name, sm_span bytes, const sm_wire_source *source,
                                sm_error *err) {
  sm_graph_function function = {.name = name, .def = bytes};
  const sm_graph_library library = {&function, 1};
  SM_TRY(sm_op_defs_add(&out->defs, (sm_spans){NULL, 0}, &library, source, err));
  SM_TRY(sm_op_defs_find(&out->def, &out->defs, name, err));
  if (out->def == NULL)
    return SM_FAIL(err, SM_INVALID_ARGUMENT, "function %s: its signature makes no sense", name.data);
  return SM_OK;
}

static sm_status add_function(sm_graph *graph, sm_span bytes, sm_made_function *made, sm_error *err) {
  const sm_wire_source source = {.name = "FunctionDef", .bytes = bytes};
  sm_span signature, found;
  void *functions = graph->functions;
  SM_TRY(check_function(graph, bytes, &source, err));
  SM_TRY(sm_wire_find_bytes(&signature, bytes, FUNCTION_SIGNATURE, &source, err));
  SM_TRY(sm_wire_find_bytes(&found, signature, OP_NAME, &source, err));
  const sm_string name = sm_arena_copy(&graph->arena, (sm_string){(const char *)found.data, found.size});
  if (name.data == NULL) return sm_arena_fail(&graph->arena, found.size + 1, err);
  SM_TRY(check_function_name(graph, name, err));
  SM_TRY(read_signature(made, name, bytes, &source, err));
  SM_TRY(sm_graph_make_room(graph, &functions, graph->n_functions, &graph->functions_capacity, sizeof *made, err));
  graph->functions = functions;
  SM_TRY(sm_buffer_reserve(&graph->library, bytes.size + 2 * SM_VARINT_MAX_SIZE, err));
  SM_TRY(sm_name_index_add(&graph->function_names, name, err));
  graph->functions[graph->n_functions++] = *made;
  return sm_wire_put_bytes(&graph->library, LIBRARY_FUNCTION, bytes.data, bytes.size, err); /* there is room */
}

sm_status sm_graph_add_function(sm_graph *graph, sm_string function_def, sm_error *err) {
  sm_made_function made = {.def = NULL};
  const sm_graph_mark mark = sm_graph_get_mark(graph);
  if (function_def.size > INT32_MAX)
    return SM_FAIL(err, SM_INVALID_ARGUMENT, "a FunctionDef of %zu bytes", function_def.size);
  sm_op_defs_init(&made.defs, graph->allocator, UINT64_MAX);
  sm_status status = add_function(graph, (sm_span){(const uint8_t *)function_def.data, function_def.size}, &made, err);
  if (status == SM_OK) return SM_OK;
  sm_op_defs_free(&made.defs);
  sm_graph_rewind(graph, mark);
  return status;
}

/* ---- Taking it out ---- */

static sm_status put_tail(sm_graph *graph, sm_error *err) {
  size_t versions;
  sm_buffer *out = &graph->bytes;
  if (graph->n_functions != 0)
    SM_TRY(sm_wire_put_bytes(out, GRAPH_LIBRARY, graph->library.data, graph->library.size, err));
  SM_TRY(sm_wire_open(&versions, out, GRAPH_VERSIONS, err));
  SM_TRY(sm_wire_put_varint(out, VERSIONS_PRODUCER, PRODUCER, err));
  SM_TRY(sm_wire_put_varint(out, VERSIONS_MIN_CONSUMER, MIN_CONSUMER, err));
  return sm_wire_close(out, versions, err);
}

sm_status sm_graph_get_def(sm_string *out, sm_graph *graph, sm_error *err) {
  *out = (sm_string){NULL, 0};
  graph->bytes.size = graph->nodes_size;
  SM_TRY(put_tail(graph, err));
  if (graph->bytes.size > INT32_MAX)
    return SM_FAIL(err, SM_RESOURCE_EXHAUSTED, "a graph of %zu bytes: protobuf allows 2^31-1", graph->bytes.size);
  size_t size = graph->bytes.size;
  SM_TRY(sm_buffer_put(&graph->bytes, "", 1, err)); /* terminated */
  *out = (sm_string){(const char *)graph->bytes.data, size};
  return SM_OK;
}

const sm_collection *sm_graph_get_collections(size_t *n, sm_graph *graph) {
  *n = 0;
  if (graph->trainable.n != 0)
    graph->collections[(*n)++] = (sm_collection){.key = "trainable_variables",
                                                 .kind = SM_COLLECTION_BYTES,
                                                 .n = graph->trainable.n,
                                                 .strings = graph->trainable.items};
  if (graph->variables.n != 0)
    graph->collections[(*n)++] = (sm_collection){
        .key = "variables", .kind = SM_COLLECTION_BYTES, .n = graph->variables.n, .strings = graph->variables.items};
  return graph->collections;
}
