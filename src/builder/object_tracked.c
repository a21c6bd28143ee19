/* The TrackableObjectGraph of objects, which lies among their values: by it tf.saved_model.load and tf.train.Checkpoint
 * find which value is whose. Numbers are those of the SavedObjectGraph, as far as both have an object. */
#include "builder/built_objects.h"
#include "objects/tracked_write.h"

enum { GRAPH_NODES = 1, OBJECT_CHILDREN = 1 };

/* ---- Which objects have values ---- */

/* Who has each object as a child, or as a slot variable: those of number i lie at items[begin[i]] up to begin[i + 1]. */
typedef struct parents {
  int32_t *begin, *items;
} parents;

/* Calls for each edge; i, j: numbers of parent and child. */
static void each_edge(const sm_object_graph *objects, const sm_built_layout *layout, parents *p,
                      void (*visit)(parents *p, int32_t parent, int32_t child)) {
  for (int32_t i = 0; i < layout->n_tracked; i++) {
    const sm_built_object *object = objects->objects[layout->tracked[i]];
    for (const sm_built_edge *edge = object->first_edge; edge != NULL; edge = edge->next)
      visit(p, i, objects->objects[edge->child]->id);
    for (size_t k = 0; k < object->n_slots; k++) visit(p, i, objects->objects[object->slots[k]]->id);
  }
}

static void count_parent(parents *p, int32_t parent, int32_t child) {
  (void)parent;
  p->begin[child + 1]++;
}

/* Fills from the end of each range, whose begin it becomes. */
static void put_parent(parents *p, int32_t parent, int32_t child) { p->items[--p->begin[child + 1]] = parent; }

static sm_status find_parents(parents *out, const sm_object_graph *objects, const sm_built_layout *layout,
                              sm_arena *scratch, sm_error *err) {
  size_t n = (size_t)layout->n_tracked, n_edges = 0;
  out->begin = sm_arena_array(scratch, int32_t, n + 2);
  if (out->begin == NULL) return sm_arena_fail(scratch, (n + 2) * sizeof *out->begin, err);
  each_edge(objects, layout, out, count_parent);
  for (size_t i = 1; i <= n; i++) {
    n_edges += (size_t)out->begin[i];
    if (n_edges > INT32_MAX) return SM_FAIL(err, SM_RESOURCE_EXHAUSTED, "too many references between objects");
    out->begin[i] = (int32_t)n_edges;
  }
  out->items = sm_arena_array(scratch, int32_t, n_edges);
  if (out->items == NULL) return sm_arena_fail(scratch, n_edges * sizeof *out->items, err);
  each_edge(objects, layout, out, put_parent);
  out->begin[n + 1] = (int32_t)n_edges;
  out->begin++;
  return SM_OK;
}

/* A node has values when it, a child of it, or a slot variable has: python/checkpoint/util.py,
 * add_checkpoint_values_check. */
static sm_status find_values(bool *has_values, const sm_object_graph *objects, const sm_built_layout *layout,
                             sm_arena *scratch, sm_error *err) {
  parents p;
  size_t n = 0;
  int32_t *open = sm_arena_array(scratch, int32_t, (size_t)layout->n_tracked);
  if (open == NULL) return sm_arena_fail(scratch, (size_t)layout->n_tracked * sizeof *open, err);
  SM_TRY(find_parents(&p, objects, layout, scratch, err));
  for (int32_t i = 0; i < layout->n_tracked; i++)
    if (objects->objects[layout->tracked[i]]->first_tensor != NULL) {
      has_values[i] = true;
      open[n++] = i;
    }
  while (n > 0) {
    int32_t node = open[--n];
    for (int32_t k = p.begin[node]; k < p.begin[node + 1]; k++) {
      if (has_values[p.items[k]]) continue;
      has_values[p.items[k]] = true;
      open[n++] = p.items[k];
    }
  }
  return SM_OK;
}

/* ---- Nodes ---- */

/* Tensors of one attribute differ in their suffix. */
static bool begins_attribute(const sm_built_object *object, const sm_built_tensor *tensor) {
  for (const sm_built_tensor *earlier = object->first_tensor; earlier != tensor; earlier = earlier->next)
    if (strcmp(earlier->attribute, tensor->attribute) == 0) return false;
  return true;
}

static sm_status put_attributes(sm_buffer *out, const sm_built_object *object, sm_error *err) {
  const char *full_name = object->variable.name != NULL ? object->variable.name : object->path.data;
  for (const sm_built_tensor *tensor = object->first_tensor; tensor != NULL; tensor = tensor->next) {
    const sm_saved_attribute attribute = {.name = sm_string_of(tensor->attribute),
                                          .full_name = sm_string_of(full_name),
                                          .key = sm_string_of(tensor->attribute_key)};
    if (begins_attribute(object, tensor)) SM_TRY(sm_saved_attribute_put(out, &attribute, err));
  }
  return SM_OK;
}

sm_status sm_built_put_slots(sm_buffer *out, const sm_object_graph *objects, const sm_built_object *optimizer,
                             sm_error *err) {
  for (size_t i = 0; i < optimizer->n_slots; i++) {
    const sm_built_object *object = objects->objects[optimizer->slots[i]];
    const sm_slot_reference slot = {object->slot.name, objects->objects[object->slot.variable]->id, object->id};
    SM_TRY(sm_slot_reference_put(out, &slot, err));
  }
  return SM_OK;
}

static sm_status put_object(sm_buffer *out, const sm_object_graph *objects, const sm_built_object *object,
                            bool has_values, sm_error *err) {
  size_t node;
  SM_TRY(sm_wire_open(&node, out, GRAPH_NODES, err));
  for (const sm_built_edge *edge = object->first_edge; edge != NULL; edge = edge->next)
    SM_TRY(sm_reference_put(out, OBJECT_CHILDREN, edge->name, objects->objects[edge->child]->id, err));
  SM_TRY(put_attributes(out, object, err));
  SM_TRY(sm_built_put_slots(out, objects, object, err));
  SM_TRY(sm_has_values_put(out, has_values, err));
  return sm_wire_close(out, node, err);
}

static sm_status encode(sm_buffer *out, const sm_object_graph *objects, const sm_built_layout *layout,
                        sm_arena *scratch, sm_error *err) {
  size_t n = (size_t)layout->n_tracked;
  bool *has_values = sm_arena_array(scratch, bool, n);
  if (has_values == NULL) return sm_arena_fail(scratch, n, err);
  SM_TRY(find_values(has_values, objects, layout, scratch, err));
  for (size_t i = 0; i < n; i++)
    SM_TRY(put_object(out, objects, objects->objects[layout->tracked[i]], has_values[i], err));
  return SM_OK;
}

sm_status sm_built_encode_tracked(sm_buffer *out, const sm_object_graph *objects, const sm_built_layout *layout,
                                  sm_error *err) {
  sm_arena scratch;
  sm_arena_init(&scratch, objects->allocator, UINT64_MAX);
  sm_status status = encode(out, objects, layout, &scratch, err);
  sm_arena_free(&scratch);
  return status;
}
