/* Renaming, leaving out and putting together what an object graph has. Nothing follows the graph by recursion. */
#include "objects/trackable_graph_internal.h"

/* ---- Keys ---- */

static sm_status map_value(bool *keep, sm_saved_attribute *value, sm_trackable_graph *graph, sm_object_key_fn fn,
                           void *ctx, sm_error *err) {
  sm_string key = value->key;
  SM_TRY(fn(ctx, &key, err));
  *keep = key.data != NULL;
  if (!*keep || key.data == value->key.data) return SM_OK;
  value->key = sm_arena_copy(&graph->arena, key);
  return value->key.data != NULL ? SM_OK : sm_arena_fail(&graph->arena, key.size, err);
}

/* Slots whose variables have nothing left. */
static void forget_empty_slots(sm_trackable_graph *graph) {
  for (size_t i = 0; i < graph->n; i++) {
    sm_saved_object *object = &graph->objects[i];
    size_t n = 0;
    for (size_t s = 0; s < object->n_slots; s++) {
      const sm_saved_object *slot = &graph->objects[object->slots[s].id];
      if (slot->n_attributes != 0 || slot->n_children != 0 || slot->saver.size != 0)
        object->slots[n++] = object->slots[s];
    }
    object->n_slots = n;
  }
}

sm_status sm_trackable_graph_map_keys(sm_trackable_graph *graph, sm_object_key_fn fn, void *ctx, sm_error *err) {
  bool is_less = false;
  for (size_t i = 0; i < graph->n; i++) {
    sm_saved_object *object = &graph->objects[i];
    size_t n = 0;
    for (size_t v = 0; v < object->n_attributes; v++) {
      bool keep;
      SM_TRY(map_value(&keep, &object->attributes[v], graph, fn, ctx, err));
      if (keep) object->attributes[n++] = object->attributes[v];
    }
    is_less |= n < object->n_attributes;
    object->n_attributes = n;
  }
  if (is_less) forget_empty_slots(graph);
  return SM_OK;
}

/* ---- Optimizers ---- */

static bool has_child(const sm_saved_object *object, const char *name) {
  for (size_t i = 0; i < object->n_children; i++)
    if (sm_string_equal(object->children[i].name, sm_string_of(name))) return true;
  return false;
}

static bool is_called_optimizer(sm_string name) {
  return sm_string_equal(name, sm_string_of("optimizer")) || sm_string_equal(name, sm_string_of("_optimizer"));
}

static void mark_optimizers(bool *is_optimizer, const sm_trackable_graph *graph) {
  for (size_t i = 0; i < graph->n; i++) {
    const sm_saved_object *object = &graph->objects[i];
    is_optimizer[i] |= object->n_slots != 0 || has_child(object, "_iterations") ||
                       (has_child(object, "iter") && has_child(object, "learning_rate"));
    for (size_t c = 0; c < object->n_children; c++)
      if (is_called_optimizer(object->children[c].name)) is_optimizer[object->children[c].id] = true;
  }
}

/* numbers: of the objects that stay, what the root leads to but for optimizers; -1: it goes. Returns how many stay.
 * queue: room for all. */
static int32_t number_objects(int32_t *numbers, int32_t *queue, const bool *is_optimizer,
                              const sm_trackable_graph *graph) {
  int32_t n_queued = 0, n = 0;
  for (size_t i = 0; i < graph->n; i++) numbers[i] = -1;
  if (graph->n == 0) return 0;
  numbers[0] = 0;
  queue[n_queued++] = 0;
  for (int32_t at = 0; at < n_queued; at++) {
    const sm_saved_object *object = &graph->objects[queue[at]];
    for (size_t c = 0; c < object->n_children; c++) {
      int32_t child = object->children[c].id;
      if (numbers[child] != -1 || is_optimizer[child]) continue;
      numbers[child] = 0;
      queue[n_queued++] = child;
    }
  }
  for (size_t i = 0; i < graph->n; i++) /* in the order they have */
    if (numbers[i] != -1) numbers[i] = n++;
  return n;
}

static void renumber(sm_trackable_graph *graph, const int32_t *numbers, int32_t n) {
  for (size_t i = 0; i < graph->n; i++) {
    if (numbers[i] == -1) continue;
    sm_saved_object object = graph->objects[i];
    size_t n_children = 0;
    for (size_t c = 0; c < object.n_children; c++) {
      int32_t child = numbers[object.children[c].id];
      if (child != -1) object.children[n_children++] = (sm_reference){object.children[c].name, child};
    }
    object.n_children = n_children;
    graph->objects[numbers[i]] = object;
  }
  graph->n = n;
}

sm_status sm_trackable_graph_drop_optimizers(size_t *n_dropped, sm_trackable_graph *graph, sm_error *err) {
  bool *is_optimizer = sm_arena_array(&graph->arena, bool, graph->n);
  int32_t *numbers = sm_arena_array(&graph->arena, int32_t, graph->n);
  int32_t *queue = sm_arena_array(&graph->arena, int32_t, graph->n);
  size_t n_optimizers = 0;
  if (is_optimizer == NULL || numbers == NULL || queue == NULL)
    return sm_arena_fail(&graph->arena, graph->n * (sizeof *is_optimizer + sizeof *numbers + sizeof *queue), err);
  mark_optimizers(is_optimizer, graph);
  for (size_t i = 0; i < graph->n; i++) {
    if (i == 0) is_optimizer[i] = false; /* of a checkpoint of nothing else, something has to be left */
    n_optimizers += is_optimizer[i];
  }
  sm_trackable_graph_forget_paths(graph);
  if (graph->n != 0) graph->objects[0].n_slots = 0;
  renumber(graph, numbers, number_objects(numbers, queue, is_optimizer, graph));
  if (n_dropped != NULL) *n_dropped = n_optimizers;
  return SM_OK;
}

/* ---- Two graphs ---- */

typedef struct joining {
  sm_trackable_graph *graph;
  const sm_trackable_graph *other;
  int32_t *numbers; /* of other's objects in graph; -1: not met yet */
  int32_t *queue;   /* those met, in order */
  int32_t n_queued;
} joining;

static sm_status fail_twice(const char *what, sm_string name, sm_error *err) {
  return SM_FAIL(err, SM_INVALID_ARGUMENT, "%s: %.*s: two checkpoints have different %s of that name",
                 SM_KEY_OBJECT_GRAPH, SM_SHOWN(name), what);
}

/* An object of other that has none to be one with. */
static void add_object(joining *j, int32_t number) {
  const sm_saved_object *object = &j->other->objects[number];
  j->numbers[number] = (int32_t)j->graph->n;
  j->graph->objects[j->graph->n++] =
      (sm_saved_object){.saver = object->saver, /* what else it has follows when visited */
                        .saver_object = object->saver_object,
                        .says_values = object->says_values,
                        .message = object->message};
}

/* What an object has, by name, sorted: objects with very many children are found in files. */
typedef struct joint {
  sm_string name;
  int32_t variable; /* of a slot; else 0 */
  int32_t node;     /* where an edge or a slot leads */
  sm_string key;    /* of a value */
} joint;

static int compare_joints(const joint *a, const joint *b) {
  int order = sm_string_compare(a->name, b->name);
  return order != 0 ? order : (a->variable > b->variable) - (a->variable < b->variable);
}

static bool joint_less(const void *a, const void *b) { return compare_joints(a, b) < 0; }

static sm_status new_joints(joint **out, joining *j, size_t n, sm_error *err) {
  *out = sm_arena_array(&j->graph->arena, joint, n);
  return *out != NULL ? SM_OK : sm_arena_fail(&j->graph->arena, n * sizeof **out, err);
}

static const joint *find_joint(const joint *joints, size_t n, sm_string name, int32_t variable) {
  const joint wanted = {.name = name, .variable = variable};
  size_t begin = 0, end = n;
  while (begin < end) {
    size_t middle = begin + (end - begin) / 2;
    if (compare_joints(&joints[middle], &wanted) < 0)
      begin = middle + 1;
    else
      end = middle;
  }
  return begin < n && compare_joints(&joints[begin], &wanted) == 0 ? &joints[begin] : NULL;
}

/* The end of other's edge in graph: what an edge of that name leads to there, or a new object. */
static sm_status meet(joining *j, const sm_reference *edge, const joint *same, sm_error *err) {
  int32_t *number = &j->numbers[edge->id];
  if (*number != -1) return same == NULL || same->node == *number ? SM_OK : fail_twice("objects", edge->name, err);
  if (same != NULL)
    *number = same->node;
  else
    add_object(j, edge->id);
  j->queue[j->n_queued++] = edge->id;
  return SM_OK;
}

static sm_status join_children(joining *j, sm_saved_object *into, const sm_saved_object *from, sm_error *err) {
  size_t n = into->n_children;
  sm_reference *children = sm_arena_array(&j->graph->arena, sm_reference, n + from->n_children);
  joint *joints;
  if (children == NULL) return sm_arena_fail(&j->graph->arena, (n + from->n_children) * sizeof *children, err);
  SM_TRY(new_joints(&joints, j, n, err));
  for (size_t i = 0; i < n; i++) {
    children[i] = into->children[i];
    joints[i] = (joint){.name = children[i].name, .node = children[i].id};
  }
  if (n != 0) sm_sort(joints, n, sizeof *joints, joint_less);
  for (size_t i = 0; i < from->n_children; i++) {
    const sm_reference *edge = &from->children[i];
    const joint *same = find_joint(joints, into->n_children, edge->name, 0);
    SM_TRY(meet(j, edge, same, err));
    if (same == NULL) children[n++] = (sm_reference){edge->name, j->numbers[edge->id]};
  }
  into->children = children;
  into->n_children = n;
  return SM_OK;
}

static sm_status join_attributes(joining *j, sm_saved_object *into, const sm_saved_object *from, sm_error *err) {
  size_t n = into->n_attributes;
  sm_saved_attribute *values = sm_arena_array(&j->graph->arena, sm_saved_attribute, n + from->n_attributes);
  joint *joints;
  if (values == NULL) return sm_arena_fail(&j->graph->arena, (n + from->n_attributes) * sizeof *values, err);
  SM_TRY(new_joints(&joints, j, n, err));
  for (size_t i = 0; i < n; i++) {
    values[i] = into->attributes[i];
    joints[i] = (joint){.name = values[i].name, .key = values[i].key};
  }
  if (n != 0) sm_sort(joints, n, sizeof *joints, joint_less);
  for (size_t i = 0; i < from->n_attributes; i++) {
    const sm_saved_attribute *value = &from->attributes[i];
    const joint *same = find_joint(joints, into->n_attributes, value->name, 0);
    if (same != NULL && !sm_string_equal(same->key, value->key)) return fail_twice("values", value->key, err);
    if (same == NULL) values[n++] = *value;
  }
  into->attributes = values;
  into->n_attributes = n;
  return SM_OK;
}

/* Slot variables are met after all that children lead to: most are reached by nothing else. */
static sm_status join_slots(joining *j, sm_saved_object *into, const sm_saved_object *from, sm_error *err) {
  size_t n = into->n_slots;
  sm_slot_reference *slots = sm_arena_array(&j->graph->arena, sm_slot_reference, n + from->n_slots);
  joint *joints;
  if (slots == NULL) return sm_arena_fail(&j->graph->arena, (n + from->n_slots) * sizeof *slots, err);
  SM_TRY(new_joints(&joints, j, n, err));
  for (size_t i = 0; i < n; i++) {
    slots[i] = into->slots[i];
    joints[i] = (joint){.name = slots[i].name, .variable = slots[i].variable, .node = slots[i].id};
  }
  if (n != 0) sm_sort(joints, n, sizeof *joints, joint_less);
  for (size_t i = 0; i < from->n_slots; i++) {
    sm_slot_reference slot = from->slots[i];
    slot.variable = j->numbers[slot.variable];
    if (slot.variable == -1) continue; /* of a variable that nothing leads to */
    const joint *same = find_joint(joints, into->n_slots, slot.name, slot.variable);
    const sm_reference edge = {slot.name, slot.id};
    SM_TRY(meet(j, &edge, same, err));
    slot.id = j->numbers[slot.id];
    if (same == NULL) slots[n++] = slot;
  }
  into->slots = slots;
  into->n_slots = n;
  return SM_OK;
}

/* Visits what was met and not visited yet, and what is met on the way. */
static sm_status visit(joining *j, int32_t *at, sm_error *err) {
  for (; *at < j->n_queued; ++*at) {
    const sm_saved_object *from = &j->other->objects[j->queue[*at]];
    sm_saved_object *into = &j->graph->objects[j->numbers[j->queue[*at]]];
    SM_TRY(join_attributes(j, into, from, err));
    SM_TRY(join_children(j, into, from, err));
  }
  return SM_OK;
}

static sm_status join(joining *j, sm_error *err) {
  int32_t at = 0;
  if (j->other->n == 0) return SM_OK;
  if (j->graph->n == 0) {
    add_object(j, 0);
  } else {
    j->numbers[0] = 0;
  }
  j->queue[j->n_queued++] = 0;
  SM_TRY(visit(j, &at, err));
  for (int32_t i = 0; i < j->n_queued; i++)
    SM_TRY(join_slots(j, &j->graph->objects[j->numbers[j->queue[i]]], &j->other->objects[j->queue[i]], err));
  return visit(j, &at, err);
}

sm_status sm_trackable_graph_merge(sm_trackable_graph *graph, const sm_trackable_graph *other, sm_error *err) {
  size_t n = graph->n + other->n;
  joining j = {.graph = graph, .other = other};
  if (n > INT32_MAX) return SM_FAIL(err, SM_INVALID_ARGUMENT, "%zu objects, node_id cannot tell them", n);
  sm_saved_object *objects = sm_arena_array(&graph->arena, sm_saved_object, n);
  j.numbers = sm_arena_array(&graph->arena, int32_t, other->n);
  j.queue = sm_arena_array(&graph->arena, int32_t, other->n);
  if (objects == NULL || j.numbers == NULL || j.queue == NULL)
    return sm_arena_fail(&graph->arena, n * (sizeof *objects + sizeof *j.numbers + sizeof *j.queue), err);
  if (graph->n != 0) memcpy(objects, graph->objects, graph->n * sizeof *objects);
  for (size_t i = 0; i < other->n; i++) j.numbers[i] = -1;
  graph->objects = objects;
  sm_trackable_graph_forget_paths(graph);
  return join(&j, err);
}
