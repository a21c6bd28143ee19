/* The numbers, paths and keys that objects get. Source: python/checkpoint/graph_view.py, breadth_first_traversal;
 * python/checkpoint/util.py, serialize_slot_variables; python/saved_model/save.py, _SaveableView. */
#include "builder/built_objects.h"
#include "objects/tracked_write.h"

typedef struct numbering {
  sm_object_graph *objects;
  int32_t *saved, *tracked;
  int32_t n_saved, n_tracked;
} numbering;

/* A name that the variable can have in a graph, too: TensorFlow makes one of that name when it saves the model again. */
static sm_status name_variable(numbering *n, sm_built_object *object, sm_error *err) {
  bool is_variable = object->kind == SM_BUILT_VARIABLE || object->kind == SM_BUILT_SLOT;
  if (!is_variable || object->variable.name != NULL) return SM_OK;
  sm_string name = sm_arena_copy(&n->objects->arena, object->path);
  if (name.data == NULL) return sm_arena_fail(&n->objects->arena, object->path.size + 1, err);
  sm_built_make_plain((char *)name.data);
  object->variable.name = name.data;
  return SM_OK;
}

/* ---- Objects that the root leads to ---- */

static sm_status number_children(numbering *n, const sm_built_object *parent, sm_error *err) {
  for (const sm_built_edge *edge = parent->first_edge; edge != NULL; edge = edge->next) {
    sm_built_object *child = n->objects->objects[edge->child];
    if (child->id >= 0) continue;
    SM_TRY(sm_child_path(&child->path, parent->path, edge->name, &n->objects->arena, err));
    SM_TRY(name_variable(n, child, err));
    child->id = n->n_tracked;
    n->tracked[n->n_tracked++] = edge->child;
  }
  return SM_OK;
}

static sm_status number_from_root(numbering *n, sm_error *err) {
  sm_built_object *const *objects = n->objects->objects;
  for (int32_t i = 0; i < n->objects->n_objects; i++) objects[i]->id = -1;
  objects[SM_OBJECT_ROOT]->path = (sm_string){"", 0};
  n->tracked[0] = objects[SM_OBJECT_ROOT]->id = SM_OBJECT_ROOT;
  n->n_tracked = 1;
  for (int32_t i = 0; i < n->n_tracked; i++) SM_TRY(number_children(n, objects[n->tracked[i]], err));
  for (int32_t i = 0; i < n->objects->n_objects; i++)
    if (objects[i]->kind == SM_BUILT_VARIABLE && objects[i]->id < 0)
      return SM_FAIL(err, SM_INVALID_ARGUMENT, "variable %s: nothing leads to it from the root",
                     sm_built_place_of(n->objects, i).text);
  return SM_OK;
}

/* ---- Slot variables ---- */

/* First those that both object graphs have; of each optimizer by name, in the order of first use, then by variable. */
typedef struct ranked_slot {
  int32_t object, optimizer, variable;
  size_t rank;
  bool is_saved;
} ranked_slot;

static bool is_slot_before(const void *a, const void *b) {
  const ranked_slot *x = a, *y = b;
  if (x->is_saved != y->is_saved) return x->is_saved;
  if (x->optimizer != y->optimizer) return x->optimizer < y->optimizer;
  return x->rank != y->rank ? x->rank < y->rank : x->variable < y->variable;
}

static size_t collect_slots(ranked_slot *out, sm_built_object *const *objects, int32_t n_objects) {
  size_t n = 0;
  for (int32_t i = 0; i < n_objects; i++) {
    if (objects[i]->kind != SM_BUILT_SLOT) continue;
    const sm_built_slot *slot = &objects[i]->slot;
    const sm_built_object *optimizer = objects[slot->optimizer], *variable = objects[slot->variable];
    if (optimizer->id < 0) continue;
    out[n++] = (ranked_slot){i, optimizer->id, variable->id, slot->rank, sm_built_tells_slots(optimizer)};
  }
  return n;
}

static sm_status number_slot(numbering *n, const ranked_slot *ranked, sm_error *err) {
  sm_built_object *const *objects = n->objects->objects, *object = objects[ranked->object];
  const sm_built_slot *slot = &object->slot;
  sm_built_object *optimizer = objects[slot->optimizer];
  SM_TRY(
      sm_slot_path(&object->path, objects[slot->variable]->path, optimizer->path, slot->name, &n->objects->arena, err));
  SM_TRY(name_variable(n, object, err));
  if (optimizer->n_slots++ == 0) optimizer->slots = &n->tracked[n->n_tracked];
  object->id = n->n_tracked;
  n->tracked[n->n_tracked++] = ranked->object;
  if (ranked->is_saved) n->n_saved = n->n_tracked;
  return SM_OK;
}

static sm_status number_slots(numbering *n, sm_error *err) {
  size_t n_objects = (size_t)n->objects->n_objects;
  ranked_slot *slots = sm_arena_array(&n->objects->arena, ranked_slot, n_objects);
  if (slots == NULL) return sm_arena_fail(&n->objects->arena, n_objects * sizeof *slots, err);
  size_t n_slots = collect_slots(slots, n->objects->objects, n->objects->n_objects);
  sm_sort(slots, n_slots, sizeof *slots, is_slot_before);
  n->n_saved = n->n_tracked;
  for (size_t i = 0; i < n_slots; i++) SM_TRY(number_slot(n, &slots[i], err));
  memcpy(n->saved, n->tracked, (size_t)n->n_saved * sizeof *n->saved);
  return SM_OK;
}

/* ---- What nothing leads to ---- */

static void number_saved(numbering *n, int32_t object) {
  sm_built_object *found = n->objects->objects[object];
  if (found->id >= 0) return;
  found->id = n->n_saved;
  n->saved[n->n_saved++] = object;
}

static void number_rest(numbering *n) {
  sm_built_object *const *objects = n->objects->objects;
  for (int32_t i = 0, n_reached = n->n_saved; i < n_reached; i++) {
    const sm_built_saveable *saveable = objects[n->saved[i]]->first_saveable;
    for (; saveable != NULL; saveable = saveable->next) {
      number_saved(n, saveable->save);
      number_saved(n, saveable->restore);
    }
  }
  for (int32_t i = 0; i < n->objects->n_objects; i++)
    if (objects[i]->kind == SM_BUILT_CAPTURED_TENSOR) number_saved(n, i);
}

/* ---- Captures ---- */

static sm_status check_captures(const sm_object_graph *objects, int32_t number, sm_error *err) {
  const sm_built_function *function = objects->objects[number]->functions.items;
  for (size_t i = 0; i < function->n_captures; i++)
    if (objects->objects[function->captures[i]]->id < 0)
      return SM_FAIL(err, SM_INVALID_ARGUMENT, "%s: %.*s captures %s, to which nothing leads from the root",
                     sm_built_place_of(objects, number).text, SM_SHOWN(function->name),
                     sm_built_place_of(objects, function->captures[i]).text);
  return SM_OK;
}

/* ---- Keys ---- */

static sm_status find_keys(sm_built_object *object, sm_object_graph *objects, sm_error *err) {
  bool is_variable = object->kind == SM_BUILT_VARIABLE || object->kind == SM_BUILT_SLOT;
  if (object->id < 0) return SM_OK;
  if (is_variable) SM_TRY(sm_built_add_tensor(objects, object, SM_ATTRIBUTE_VALUE, "", &object->value, err));
  for (sm_built_tensor *tensor = object->first_tensor; tensor != NULL; tensor = tensor->next) {
    SM_TRY(sm_object_key(&tensor->attribute_key, object->path, sm_string_of(tensor->attribute), &objects->arena, err));
    tensor->key = tensor->attribute_key;
    if (*tensor->suffix != '\0')
      SM_TRY(sm_built_print(&tensor->key, &objects->arena, err, "%s%s", tensor->attribute_key, tensor->suffix));
  }
  return SM_OK;
}

/* ---- All ---- */

static sm_status number_all(numbering *n, sm_built_layout *out, sm_error *err) {
  sm_object_graph *objects = n->objects;
  SM_TRY(number_from_root(n, err));
  out->n_objects = n->n_tracked;
  SM_TRY(number_slots(n, err));
  number_rest(n);
  for (int32_t i = 0; i < objects->n_objects; i++) {
    if (sm_built_is_listed(objects->objects[i])) SM_TRY(check_captures(objects, i, err));
    SM_TRY(find_keys(objects->objects[i], objects, err));
  }
  return SM_OK;
}

sm_status sm_built_lay_out(sm_built_layout *out, sm_object_graph *objects, sm_error *err) {
  size_t n_objects = (size_t)objects->n_objects;
  numbering n = {.objects = objects,
                 .saved = sm_arena_array(&objects->arena, int32_t, n_objects),
                 .tracked = sm_arena_array(&objects->arena, int32_t, n_objects)};
  if (n.saved == NULL || n.tracked == NULL) return sm_arena_fail(&objects->arena, n_objects * sizeof *n.saved, err);
  *out = (sm_built_layout){.saved = n.saved, .tracked = n.tracked};
  SM_TRY(number_all(&n, out, err));
  out->n_saved = n.n_saved;
  out->n_tracked = n.n_tracked;
  return SM_OK;
}
