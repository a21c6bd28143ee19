/*
 * rewrite_structures: are structured values that were read and written again what they were? For check_structures.py.
 *
 *     rewrite_structures MODEL
 *
 * Looks at inputs and outputs of concrete functions and at the specs of functions in the object graphs of a model, prints a
 * line for each that comes out differently, and last how many there were. Bytes are compared in canonical form.
 */
#include <stdio.h>
#include <stdlib.h>

#include <savedmodel/pb/saved_object_graph.pb-c.h>
#include <savedmodel/proto.h>

#include "objects/objects_internal.h"
#include "objects/structured_write.h"
#include "wire/canonical.h"

static sm_error err;
static size_t n_same, n_different;

static void check(sm_status status) {
  if (status == SM_OK) return;
  fprintf(stderr, "rewrite_structures: %s\n", err.message);
  exit(1);
}

static void make_canonical(sm_buffer *out, sm_span bytes, sm_arena *arena) {
  const sm_wire_source source = {.name = "structured value", .bytes = bytes};
  sm_buffer_init(out, arena->allocator, UINT64_MAX);
  check(sm_wire_canonical(out, &tensorflow__structured_value__descriptor, bytes, &source, arena, &err));
}

static sm_span pack(const Tensorflow__StructuredValue *value, sm_arena *arena) {
  size_t size = protobuf_c_message_get_packed_size(&value->base);
  uint8_t *bytes = sm_arena_alloc(arena, size + 1);
  if (bytes == NULL) exit(1);
  protobuf_c_message_pack(&value->base, bytes);
  return (sm_span){bytes, size};
}

static void compare(const char *function, const char *what, const Tensorflow__StructuredValue *value) {
  sm_arena arena;
  sm_buffer written, before, after;
  const sm_structured *read;
  sm_structured copy;
  if (value == NULL) return;
  sm_arena_init(&arena, sm_allocator_or_malloc(NULL), UINT64_MAX);
  sm_buffer_init(&written, arena.allocator, UINT64_MAX);
  check(sm_structured_new(&read, value, &arena, &err));
  check(sm_structured_copy(&copy, read, &arena, &err));
  check(sm_structured_write(&written, &copy, &err));
  make_canonical(&before, pack(value, &arena), &arena);
  make_canonical(&after, (sm_span){written.data, written.size}, &arena);
  bool is_same = before.size == after.size && (after.size == 0 || memcmp(before.data, after.data, after.size) == 0);
  if (!is_same) printf("%s: %s\n", function, what);
  n_same += is_same;
  n_different += !is_same;
  sm_buffer_free(&before);
  sm_buffer_free(&after);
  sm_buffer_free(&written);
  sm_arena_free(&arena);
}

static void compare_spec(const char *function, const Tensorflow__FunctionSpec *spec) {
  if (spec == NULL) return;
  compare(function, "fullargspec", spec->fullargspec);
  compare(function, "input_signature", spec->input_signature);
}

static void compare_node(const Tensorflow__SavedObject *node) {
  if (node->kind_case == TENSORFLOW__SAVED_OBJECT__KIND_FUNCTION) {
    const char *name = node->function->n_concrete_functions != 0 ? node->function->concrete_functions[0] : "no traces";
    compare_spec(name, node->function->function_spec);
  }
  if (node->kind_case == TENSORFLOW__SAVED_OBJECT__KIND_BARE_CONCRETE_FUNCTION)
    compare_spec(node->bare_concrete_function->concrete_function_name, node->bare_concrete_function->function_spec);
}

static void compare_graph(const Tensorflow__SavedObjectGraph *graph) {
  for (size_t i = 0; i < graph->n_nodes; i++) compare_node(graph->nodes[i]);
  for (size_t i = 0; i < graph->n_concrete_functions; i++) {
    const char *name = graph->concrete_functions[i]->key;
    const Tensorflow__SavedConcreteFunction *function = graph->concrete_functions[i]->value;
    if (function == NULL) continue;
    compare(name, "canonicalized_input_signature", function->canonicalized_input_signature);
    compare(name, "output_signature", function->output_signature);
  }
}

int main(int argc, char **argv) {
  sm_model *model;
  if (argc != 2) return 2;
  check(sm_model_open(&model, argv[1], NULL, &err));
  for (size_t i = 0; i < sm_model_n_meta_graphs(model); i++) {
    const Tensorflow__SavedObjectGraph *graph;
    sm_status status = sm_meta_graph_get_object_graph_def(&graph, sm_model_get_meta_graph(model, i), &err);
    if (status != SM_NOT_FOUND) check(status);
    if (status == SM_OK) compare_graph(graph);
  }
  sm_model_close(model);
  printf("%zu same, %zu different\n", n_same, n_different);
  return n_different != 0;
}
