/* Libraries may hold more functions than a model needs, such as those that saved the model they come from. TensorFlow
 * begins a model's library with its concrete functions, too: python/saved_model/save.py, _fill_meta_graph_def. */
#include "builder/built_objects.h"
#include "graph/prune.h"

/* Fields of GraphDef, NodeDef and SavedObjectGraph: proto/graph.proto, node_def.proto, saved_object_graph.proto. */
enum { GRAPH_NODE = 1, NODE_NAME = 1, GRAPH_CONCRETE_FUNCTIONS = 2 };

static sm_status list_nodes(sm_prune_roots *roots, sm_span graph_def, const sm_wire_source *source, sm_arena *arena,
                            sm_error *err) {
  sm_spans nodes;
  SM_TRY(sm_wire_collect(&nodes, (sm_spans){&graph_def, 1}, GRAPH_NODE, source, arena, err));
  sm_string *names = sm_arena_array(arena, sm_string, nodes.n);
  if (names == NULL) return sm_arena_fail(arena, nodes.n * sizeof *names, err);
  for (size_t i = 0; i < nodes.n; i++) {
    sm_span name;
    SM_TRY(sm_wire_find_bytes(&name, nodes.items[i], NODE_NAME, source, err));
    names[i] = sm_span_text(name);
  }
  roots->tensors = names;
  roots->n_tensors = nodes.n;
  return SM_OK;
}

static sm_status list_functions(sm_prune_roots *roots, sm_span saved, sm_arena *arena, sm_error *err) {
  const sm_wire_source source = {.name = "object_graph_def", .bytes = saved};
  sm_wire_map functions;
  SM_TRY(sm_wire_index_map(&functions, (sm_spans){&saved, 1}, GRAPH_CONCRETE_FUNCTIONS, &source, arena, err));
  sm_string *names = sm_arena_array(arena, sm_string, functions.n);
  if (names == NULL) return sm_arena_fail(arena, functions.n * sizeof *names, err);
  for (size_t i = 0; i < functions.n; i++) names[i] = functions.entries[i].key;
  roots->functions = names;
  roots->n_functions = functions.n;
  return SM_OK;
}

static sm_status prune(sm_buffer *out, sm_span graph_def, sm_span saved, sm_arena *scratch, sm_error *err) {
  const sm_wire_source source = {.name = "graph_def", .bytes = graph_def};
  sm_prune_roots roots;
  SM_TRY(list_nodes(&roots, graph_def, &source, scratch, err));
  SM_TRY(list_functions(&roots, saved, scratch, err));
  return sm_graph_prune_to(out, (sm_spans){&graph_def, 1}, &roots, &source, scratch, err);
}

sm_status sm_built_prune(sm_buffer *out, const sm_buffer *graph_def, const sm_buffer *saved, sm_error *err) {
  sm_arena scratch;
  sm_arena_init(&scratch, out->allocator, UINT64_MAX);
  sm_status status =
      prune(out, (sm_span){graph_def->data, graph_def->size}, (sm_span){saved->data, saved->size}, &scratch, err);
  sm_arena_free(&scratch);
  return status;
}
