#include "objects/objects_internal.h"

/* Fields of SavedObjectGraph: proto/saved_object_graph.proto. */
enum { OBJECT_GRAPH_NODE = 1, OBJECT_GRAPH_FUNCTION = 2 };

/* ---- The graph ---- */

static sm_status build_objects(void **out, const sm_meta_graph *graph, const void *subject, sm_arena *arena,
                               sm_error *err) {
  (void)subject;
  const sm_wire_source *source = sm_meta_graph_source(graph);
  sm_spans bytes = sm_meta_graph_object_graph_bytes(graph);
  if (bytes.n == 0) return SM_FAIL(err, SM_NOT_FOUND, "%s: the meta graph has no object graph", source->name);
  sm_objects *made = sm_arena_new(arena, sm_objects);
  if (made == NULL) return sm_arena_fail(arena, sizeof *made, err);
  made->graph = graph;
  SM_TRY(sm_wire_collect(&made->nodes, bytes, OBJECT_GRAPH_NODE, source, arena, err));
  SM_TRY(sm_wire_index_map(&made->functions, bytes, OBJECT_GRAPH_FUNCTION, source, arena, err));
  made->node_values = sm_arena_array(arena, sm_once, made->nodes.n);
  made->function_values = sm_arena_array(arena, sm_once, made->functions.n);
  if (made->node_values == NULL || made->function_values == NULL)
    return sm_arena_fail(arena, (made->nodes.n + made->functions.n) * sizeof(sm_once), err);
  *out = made;
  return SM_OK;
}

/* ---- Nodes ---- */

/* A node to be built: its place in the object graph. */
typedef struct node_place {
  sm_objects *objects;
  size_t id;
} node_place;

static sm_status build_node(void **out, const sm_meta_graph *graph, const void *subject, sm_arena *arena,
                            sm_error *err) {
  const node_place *place = subject;
  ProtobufCMessage *message;
  SM_TRY(sm_wire_unpack(&message, &tensorflow__saved_object__descriptor,
                        (sm_spans){&place->objects->nodes.items[place->id], 1}, sm_meta_graph_source(graph), arena,
                        err));
  sm_trackable *made = sm_arena_new(arena, sm_trackable);
  if (made == NULL) return sm_arena_fail(arena, sizeof *made, err);
  made->objects = place->objects;
  made->id = (int32_t)place->id;
  made->proto = (const Tensorflow__SavedObject *)message;
  *out = made;
  return SM_OK;
}

sm_status sm_objects_get_node(const sm_trackable **out, sm_objects *objects, int64_t id, sm_error *err) {
  void *made;
  *out = NULL;
  if (id < 0 || (uint64_t)id >= objects->nodes.n)
    return SM_FAIL(err, SM_DATA_LOSS, "%s: object %lld, but the object graph has %zu",
                   sm_meta_graph_source(objects->graph)->name, (long long)id, objects->nodes.n);
  node_place place = {objects, (size_t)id};
  SM_TRY(sm_meta_graph_once(&made, objects->graph, &objects->node_values[id], build_node, &place, err));
  *out = made;
  return SM_OK;
}

sm_status sm_objects_get(sm_objects **out, const sm_meta_graph *graph, sm_error *err) {
  void *objects;
  *out = NULL;
  SM_TRY(sm_meta_graph_once(&objects, graph, sm_meta_graph_objects_slot(graph), build_objects, NULL, err));
  *out = objects;
  return SM_OK;
}

sm_status sm_meta_graph_n_objects(size_t *out, const sm_meta_graph *graph, sm_error *err) {
  sm_objects *objects;
  *out = 0;
  SM_TRY(sm_objects_get(&objects, graph, err));
  *out = objects->nodes.n;
  return SM_OK;
}

sm_status sm_meta_graph_get_object(const sm_trackable **out, const sm_meta_graph *graph, int64_t id, sm_error *err) {
  sm_objects *objects;
  *out = NULL;
  SM_TRY(sm_objects_get(&objects, graph, err));
  return sm_objects_get_node(out, objects, id, err);
}

sm_status sm_meta_graph_get_root(const sm_trackable **out, const sm_meta_graph *graph, sm_error *err) {
  return sm_meta_graph_get_object(out, graph, 0, err);
}

int32_t sm_trackable_get_id(const sm_trackable *node) { return node->id; }

sm_object_kind sm_trackable_get_kind(const sm_trackable *node) { return (sm_object_kind)node->proto->kind_case; }

size_t sm_trackable_n_children(const sm_trackable *node) { return node->proto->n_children; }

sm_status sm_trackable_get_child(const sm_trackable **out, const char **name, const sm_trackable *node, size_t i,
                                 sm_error *err) {
  if (out != NULL) *out = NULL;
  if (name != NULL) *name = NULL;
  if (i >= node->proto->n_children)
    return SM_FAIL(err, SM_NOT_FOUND, "child %zu: there are %zu", i, node->proto->n_children);
  if (name != NULL) *name = node->proto->children[i]->local_name;
  return out != NULL ? sm_objects_get_node(out, node->objects, node->proto->children[i]->node_id, err) : SM_OK;
}

int64_t sm_trackable_find_child(const sm_trackable *node, sm_string name) {
  for (size_t i = node->proto->n_children; i-- != 0;)
    if (sm_string_equal(sm_string_of(node->proto->children[i]->local_name), name))
      return node->proto->children[i]->node_id;
  return -1;
}
