/* The TrackableObjectGraph of objects, which lies among their values: by it tf.saved_model.load and tf.train.Checkpoint
 * find which value is whose. Numbers are those of the SavedObjectGraph, as far as both have an object. */
#include "builder/built_objects.h"
#include "objects/tracked_write.h"

enum { GRAPH_NODES = 1, OBJECT_CHILDREN = 1 };

static int32_t id_at(const sm_built_layout *layout, const sm_object_graph *objects, const sm_built_object **object,
                     int32_t i) {
  *object = objects->objects[layout->order[i]];
  return (*object)->id;
}

/* A node has values when it or a child of it has: as tree_write.c of checkpoint/ finds them. */
static void find_values(bool *has_values, const sm_object_graph *objects, const sm_built_layout *layout) {
  const sm_built_object *object;
  for (int32_t i = 0; i < layout->n_objects + layout->n_slots; i++) {
    int32_t id = id_at(layout, objects, &object, i);
    has_values[id] = object->key != NULL;
    if (object->kind == SM_BUILT_SLOT) has_values[objects->objects[object->slot.optimizer]->id] = true;
  }
  for (bool is_changed = true; is_changed;) {
    is_changed = false;
    for (int32_t i = layout->n_objects; i-- > 0;) {
      int32_t id = id_at(layout, objects, &object, i);
      bool has = has_values[id];
      for (const sm_built_edge *edge = object->first_edge; edge != NULL && !has; edge = edge->next)
        has = has_values[objects->objects[edge->child]->id];
      is_changed = is_changed || has != has_values[id];
      has_values[id] = has;
    }
  }
}

static sm_status put_attribute(sm_buffer *out, const sm_built_object *object, sm_error *err) {
  bool is_table = object->kind == SM_BUILT_TABLE;
  const char *full_name = object->variable.name != NULL ? object->variable.name : object->path.data;
  const sm_saved_attribute attribute = {.name = sm_string_of(is_table ? "table" : SM_ATTRIBUTE_VALUE),
                                        .full_name = sm_string_of(full_name),
                                        .key = sm_string_of(object->key)};
  return sm_saved_attribute_put(out, &attribute, err);
}

static sm_status put_slots(sm_buffer *out, const sm_object_graph *objects, const sm_built_layout *layout,
                           int32_t optimizer, sm_error *err) {
  for (int32_t i = layout->n_objects; i < layout->n_objects + layout->n_slots; i++) {
    const sm_built_object *object = objects->objects[layout->order[i]];
    if (object->slot.optimizer != optimizer) continue;
    const sm_slot_reference slot = {object->slot.name, objects->objects[object->slot.variable]->id, object->id};
    SM_TRY(sm_slot_reference_put(out, &slot, err));
  }
  return SM_OK;
}

static sm_status put_object(sm_buffer *out, const sm_object_graph *objects, const sm_built_layout *layout, int32_t i,
                            bool has_values, sm_error *err) {
  size_t node;
  const sm_built_object *object = objects->objects[layout->order[i]];
  SM_TRY(sm_wire_open(&node, out, GRAPH_NODES, err));
  for (const sm_built_edge *edge = object->first_edge; edge != NULL; edge = edge->next)
    SM_TRY(sm_reference_put(out, OBJECT_CHILDREN, edge->name, objects->objects[edge->child]->id, err));
  if (object->key != NULL) SM_TRY(put_attribute(out, object, err));
  if (object->kind == SM_BUILT_CONTAINER) SM_TRY(put_slots(out, objects, layout, layout->order[i], err));
  SM_TRY(sm_has_values_put(out, has_values, err));
  return sm_wire_close(out, node, err);
}

sm_status sm_built_encode_tracked(sm_buffer *out, const sm_object_graph *objects, const sm_built_layout *layout,
                                  sm_error *err) {
  int32_t n = layout->n_objects + layout->n_slots;
  bool *has_values = sm_calloc(objects->allocator, (size_t)n);
  if (has_values == NULL) return SM_FAIL_OOM(err, n);
  find_values(has_values, objects, layout);
  sm_status status = SM_OK;
  for (int32_t i = 0; i < n && status == SM_OK; i++) status = put_object(out, objects, layout, i, has_values[i], err);
  sm_free(objects->allocator, has_values);
  return status;
}
