/* Looking at the object graph of a checkpoint, without changing it. */
#include "objects/trackable_graph_internal.h"

size_t sm_trackable_graph_n_objects(const sm_trackable_graph *graph) { return graph->n; }

static sm_status find_object(const sm_saved_object **out, const sm_trackable_graph *graph, size_t object,
                             sm_error *err) {
  if (object >= graph->n)
    return SM_FAIL(err, SM_OUT_OF_RANGE, "%s: there is no object %zu, there are %zu", graph->source.name, object,
                   graph->n);
  *out = &graph->objects[object];
  return SM_OK;
}

static sm_status check_index(const sm_trackable_graph *graph, const char *what, size_t object, size_t i, size_t n,
                             sm_error *err) {
  if (i < n) return SM_OK;
  return SM_FAIL(err, SM_OUT_OF_RANGE, "%s: object %zu has no %s %zu, it has %zu", graph->source.name, object, what, i,
                 n);
}

sm_status sm_trackable_graph_get_object(sm_saved_object_info *out, const sm_trackable_graph *graph, size_t object,
                                        sm_error *err) {
  const sm_saved_object *from = NULL;
  SM_TRY(find_object(&from, graph, object, err));
  *out = (sm_saved_object_info){from->n_children, from->n_attributes, from->n_slots, from->saver, from->saver_object};
  return SM_OK;
}

sm_status sm_trackable_graph_get_child(sm_saved_child *out, const sm_trackable_graph *graph, size_t object, size_t i,
                                       sm_error *err) {
  const sm_saved_object *from = NULL;
  SM_TRY(find_object(&from, graph, object, err));
  SM_TRY(check_index(graph, "child", object, i, from->n_children, err));
  *out = (sm_saved_child){from->children[i].name, (size_t)from->children[i].id};
  return SM_OK;
}

sm_status sm_trackable_graph_get_value(sm_saved_value *out, const sm_trackable_graph *graph, size_t object, size_t i,
                                       sm_error *err) {
  const sm_saved_object *from = NULL;
  SM_TRY(find_object(&from, graph, object, err));
  SM_TRY(check_index(graph, "value", object, i, from->n_attributes, err));
  const sm_saved_attribute *value = &from->attributes[i];
  *out = (sm_saved_value){value->name, value->full_name, value->key};
  return SM_OK;
}

sm_status sm_trackable_graph_get_slot(sm_saved_slot *out, const sm_trackable_graph *graph, size_t object, size_t i,
                                      sm_error *err) {
  const sm_saved_object *from = NULL;
  SM_TRY(find_object(&from, graph, object, err));
  SM_TRY(check_index(graph, "slot variable", object, i, from->n_slots, err));
  const sm_slot_reference *slot = &from->slots[i];
  *out = (sm_saved_slot){slot->name, (size_t)slot->variable, (size_t)slot->id};
  return SM_OK;
}

/* ---- Paths ---- */

static const sm_reference *children_of_saved(size_t *n, const void *objects, int32_t id) {
  const sm_saved_object *object = &((const sm_saved_object *)objects)[id];
  *n = object->n_children;
  return object->children;
}

static sm_status make_tree(sm_trackable_graph *graph, sm_error *err) {
  sm_object_tree *tree = sm_arena_new(&graph->arena, sm_object_tree);
  if (tree == NULL) return sm_arena_fail(&graph->arena, sizeof *tree, err);
  graph->paths = sm_arena_array(&graph->arena, const char *, graph->n);
  if (graph->paths == NULL) return sm_arena_fail(&graph->arena, graph->n * sizeof *graph->paths, err);
  SM_TRY(sm_object_tree_build(tree, graph->objects, graph->n, children_of_saved, &graph->arena, err));
  for (size_t i = 0; i < graph->n; i++) {
    const sm_reference *edge = tree->edges[i];
    if (edge != NULL && memchr(edge->name.data, '\0', edge->name.size) != NULL)
      return SM_FAIL(err, SM_UNIMPLEMENTED, "%s: the name of a child holds a NUL", graph->source.name);
  }
  graph->tree = tree;
  return SM_OK;
}

sm_status sm_trackable_graph_get_path(const char **out, sm_trackable_graph *graph, size_t object, sm_error *err) {
  const sm_saved_object *from = NULL;
  *out = NULL;
  SM_TRY(find_object(&from, graph, object, err));
  if (graph->tree == NULL) SM_TRY(make_tree(graph, err));
  const char **path = &graph->paths[object];
  if (*path == NULL) SM_TRY(sm_object_tree_path(path, graph->tree, (int32_t)object, &graph->arena, err));
  if (*path == NULL)
    return SM_FAIL(err, SM_NOT_FOUND, "%s: object %zu is no child of any, or of none that the root leads to",
                   graph->source.name, object);
  *out = *path;
  return SM_OK;
}
