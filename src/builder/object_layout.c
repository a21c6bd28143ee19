/* The numbers, paths and keys that objects get. Source: python/checkpoint/graph_view.py, breadth_first_traversal;
 * python/checkpoint/util.py, serialize_slot_variables. */
#include "builder/built_objects.h"
#include "objects/tracked_write.h"

/* The key's attribute of a table: python/ops/lookup_ops.py, MutableHashTable. */
static const char TABLE_ATTRIBUTE[] = "table";

static sm_status number_children(sm_object_graph *objects, sm_built_object *parent, int32_t *order, int32_t *n,
                                 sm_error *err) {
  for (const sm_built_edge *edge = parent->first_edge; edge != NULL; edge = edge->next) {
    sm_built_object *child = objects->objects[edge->child];
    if (child->id >= 0) continue;
    SM_TRY(sm_child_path(&child->path, parent->path, edge->name, &objects->arena, err));
    child->id = *n;
    order[(*n)++] = edge->child;
  }
  return SM_OK;
}

/* The object and all that it leads to. */
static sm_status number_from(sm_built_layout *layout, sm_object_graph *objects, int32_t *order, int32_t object,
                             sm_error *err) {
  int32_t i = layout->n_objects;
  objects->objects[object]->id = i;
  order[layout->n_objects++] = object;
  for (; i < layout->n_objects; i++)
    SM_TRY(number_children(objects, objects->objects[order[i]], order, &layout->n_objects, err));
  return SM_OK;
}

/* What the root does not lead to comes behind the rest: constants that are captured, functions that save. */
static sm_status number_all(sm_built_layout *layout, sm_object_graph *objects, int32_t *order, sm_error *err) {
  objects->objects[SM_OBJECT_ROOT]->path = (sm_string){"", 0};
  SM_TRY(number_from(layout, objects, order, SM_OBJECT_ROOT, err));
  int32_t n_reached = layout->n_objects;
  for (int32_t i = 0; i < objects->n_objects; i++) {
    sm_built_object *object = objects->objects[i];
    if (object->id >= 0 || object->kind == SM_BUILT_SLOT) continue;
    object->path = object->name;
    SM_TRY(number_from(layout, objects, order, i, err));
  }
  for (int32_t i = n_reached; i < layout->n_objects; i++)
    if (objects->objects[order[i]]->kind == SM_BUILT_VARIABLE)
      return SM_FAIL(err, SM_INVALID_ARGUMENT, "variable %s: nothing leads to it from the root",
                     sm_built_place_of(objects, order[i]).text);
  return SM_OK;
}

/* By optimizer, then by name in the order of first use, then by variable. */
typedef struct ranked_slot {
  int32_t object, optimizer, variable;
  int32_t rank; /* number of the first slot of that name */
} ranked_slot;

static bool is_slot_before(const void *a, const void *b) {
  const ranked_slot *x = a, *y = b;
  if (x->optimizer != y->optimizer) return x->optimizer < y->optimizer;
  return x->rank != y->rank ? x->rank < y->rank : x->variable < y->variable;
}

static size_t collect_slots(ranked_slot *out, const sm_object_graph *objects) {
  size_t n = 0;
  for (int32_t i = 0; i < objects->n_objects; i++) {
    const sm_built_object *object = objects->objects[i];
    if (object->kind != SM_BUILT_SLOT) continue;
    ranked_slot slot = {.object = i,
                        .optimizer = objects->objects[object->slot.optimizer]->id,
                        .variable = objects->objects[object->slot.variable]->id,
                        .rank = i};
    for (size_t k = 0; k < n && slot.rank == i; k++)
      if (out[k].optimizer == slot.optimizer &&
          sm_string_equal(objects->objects[out[k].object]->slot.name, object->slot.name))
        slot.rank = out[k].rank;
    out[n++] = slot;
  }
  return n;
}

static sm_status number_slots(sm_built_layout *layout, sm_object_graph *objects, int32_t *order, sm_error *err) {
  ranked_slot *slots = sm_arena_array(&objects->arena, ranked_slot, (size_t)objects->n_objects);
  if (slots == NULL) return sm_arena_fail(&objects->arena, (size_t)objects->n_objects * sizeof *slots, err);
  size_t n = collect_slots(slots, objects);
  sm_sort(slots, n, sizeof *slots, is_slot_before);
  for (size_t i = 0; i < n; i++) {
    sm_built_object *object = objects->objects[slots[i].object];
    const sm_built_slot *slot = &object->slot;
    SM_TRY(sm_slot_path(&object->path, objects->objects[slot->variable]->path, objects->objects[slot->optimizer]->path,
                        slot->name, &objects->arena, err));
    object->id = layout->n_objects + (int32_t)i;
    order[object->id] = slots[i].object;
  }
  layout->n_slots = (int32_t)n;
  return SM_OK;
}

static sm_status find_key(sm_built_object *object, sm_object_graph *objects, sm_error *err) {
  bool is_table = object->kind == SM_BUILT_TABLE && object->table->spec.is_mutable;
  bool has_value = object->kind == SM_BUILT_VARIABLE || object->kind == SM_BUILT_SLOT || is_table;
  if (!has_value || object->id < 0) return SM_OK;
  return sm_object_key(&object->key, object->path, sm_string_of(is_table ? TABLE_ATTRIBUTE : SM_ATTRIBUTE_VALUE),
                       &objects->arena, err);
}

sm_status sm_built_lay_out(sm_built_layout *out, sm_object_graph *objects, sm_error *err) {
  int32_t *order = sm_arena_array(&objects->arena, int32_t, (size_t)objects->n_objects);
  if (order == NULL) return sm_arena_fail(&objects->arena, (size_t)objects->n_objects * sizeof *order, err);
  *out = (sm_built_layout){.order = order};
  for (int32_t i = 0; i < objects->n_objects; i++) objects->objects[i]->id = -1;
  SM_TRY(number_all(out, objects, order, err));
  SM_TRY(number_slots(out, objects, order, err));
  for (int32_t i = 0; i < objects->n_objects; i++) SM_TRY(find_key(objects->objects[i], objects, err));
  return SM_OK;
}
