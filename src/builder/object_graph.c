/* Objects that will be saved: those that hold others, and edges. */
#include <stdarg.h>
#include <stdio.h>

#include "builder/built_objects.h"

static const char RESERVED[] = "signatures"; /* python/saved_model/save.py: signature_serialization */

/* ---- Life ---- */

sm_status sm_object_graph_new(sm_object_graph **out, const sm_allocator *allocator, sm_error *err) {
  sm_built_object *root;
  allocator = sm_allocator_or_malloc(allocator);
  sm_object_graph *objects = *out = sm_new(allocator, sm_object_graph);
  if (objects == NULL) return SM_FAIL_OOM(err, sizeof *objects);
  objects->allocator = allocator;
  sm_arena_init(&objects->arena, allocator, UINT64_MAX);
  sm_name_index_init(&objects->edges, allocator);
  sm_name_index_init(&objects->slots, allocator);
  sm_name_index_init(&objects->slot_names, allocator);
  sm_name_index_init(&objects->function_names, allocator);
  sm_buffer_init(&objects->gradients, allocator, UINT64_MAX);
  sm_buffer_init(&objects->op_list, allocator, UINT64_MAX);
  sm_status status = sm_built_add(&root, NULL, objects, SM_OBJECT_NONE, "", SM_BUILT_CONTAINER, err);
  if (status == SM_OK) return SM_OK;
  sm_object_graph_free(objects);
  *out = NULL;
  return status;
}

void sm_object_graph_free(sm_object_graph *objects) {
  if (objects == NULL) return;
  sm_free(objects->allocator, objects->objects);
  sm_free(objects->allocator, objects->functions);
  sm_free(objects->allocator, objects->signatures);
  sm_buffer_free(&objects->gradients);
  sm_buffer_free(&objects->op_list);
  sm_name_index_free(&objects->function_names);
  sm_name_index_free(&objects->slot_names);
  sm_name_index_free(&objects->slots);
  sm_name_index_free(&objects->edges);
  sm_arena_free(&objects->arena);
  sm_free(objects->allocator, objects);
}

/* ---- Text ---- */

sm_status sm_built_copy(sm_string *out, sm_object_graph *objects, const char *text, sm_error *err) {
  size_t size = strlen(text);
  if (!sm_utf8_is_valid((const uint8_t *)text, size))
    return SM_FAIL(err, SM_INVALID_ARGUMENT, "%.200s: not UTF-8", text);
  *out = sm_arena_copy(&objects->arena, (sm_string){text, size});
  return out->data != NULL ? SM_OK : sm_arena_fail(&objects->arena, size + 1, err);
}

sm_status sm_built_print(const char **out, sm_arena *arena, sm_error *err, const char *format, ...) {
  va_list args, again;
  va_start(args, format);
  va_copy(again, args);
  int size = vsnprintf(NULL, 0, format, args);
  char *text = size >= 0 ? sm_arena_alloc(arena, (size_t)size + 1) : NULL;
  if (text != NULL) vsnprintf(text, (size_t)size + 1, format, again);
  va_end(again);
  va_end(args);
  *out = text;
  return text != NULL ? SM_OK : sm_arena_fail(arena, (size_t)size + 1, err);
}

void sm_built_identifier(char *dst, size_t dst_size, const char *text) {
  size_t n = 0;
  if (*text >= '0' && *text <= '9' && n + 1 < dst_size) dst[n++] = '_';
  for (; *text != '\0' && n + 1 < dst_size; text++) {
    char c = *text;
    bool is_word = (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9');
    dst[n++] = is_word ? c : '_';
  }
  dst[n] = '\0';
}

sm_built_place sm_built_place_of(const sm_object_graph *objects, int32_t object) {
  sm_built_place place;
  size_t begin = sizeof place.text - 1;
  int32_t last = object;
  if (object == SM_OBJECT_ROOT) return (sm_built_place){"the root"};
  place.text[begin] = '\0';
  for (; object > 0; object = objects->objects[object]->parent) {
    sm_string name = objects->objects[object]->name;
    bool is_last = place.text[begin] == '\0';
    if (name.size == 0 || name.size + 1 > begin) break;
    if (!is_last) place.text[--begin] = '/';
    begin -= name.size;
    memcpy(place.text + begin, name.data, name.size);
  }
  if (place.text[begin] == '\0') {
    snprintf(place.text, sizeof place.text, "object %d", (int)last);
    return place;
  }
  memmove(place.text, place.text + begin, sizeof place.text - begin);
  return place;
}

/* ---- Objects ---- */

sm_status sm_built_find(sm_built_object **out, const sm_object_graph *objects, int32_t object, sm_error *err) {
  *out = NULL;
  if (object < 0 || object >= objects->n_objects)
    return SM_FAIL(err, SM_NOT_FOUND, "no object %d: there are %d", (int)object, (int)objects->n_objects);
  *out = objects->objects[object];
  return SM_OK;
}

sm_built_place sm_built_place_below(const sm_object_graph *objects, int32_t parent, const char *name) {
  sm_built_place place, above;
  bool has_parent = parent > SM_OBJECT_ROOT && parent < objects->n_objects;
  if (has_parent) above = sm_built_place_of(objects, parent);
  snprintf(place.text, sizeof place.text, "%.100s%s%.50s", has_parent ? above.text : "", has_parent ? "/" : "", name);
  return place;
}

/* The number of an item; -1: the name is none. */
static int32_t item_number(const char *name) {
  enum { MAX_DIGITS = 9 };
  int32_t number = 0;
  size_t size = strlen(name);
  if (size == 0 || size > MAX_DIGITS || (*name == '0' && size > 1)) return -1;
  for (; *name >= '0' && *name <= '9'; name++) number = number * 10 + (*name - '0');
  return *name == '\0' ? number : -1;
}

/* Source: python/trackable/data_structures.py, set_list_item, set_tuple_item. */
static bool can_hold(const sm_built_object *to, const char *name) {
  int32_t number = item_number(name);
  switch (to->container) {
    case SM_CONTAINER_LIST: return number >= to->next_item;
    case SM_CONTAINER_TUPLE: return number >= to->next_item || (number < 0 && *name != '\0');
    case SM_CONTAINER_DICT: return true;
    default: return *name != '\0';
  }
}

sm_status sm_built_check_open(const sm_object_graph *objects, sm_error *err) {
  if (!objects->is_attached) return SM_OK;
  return SM_FAIL(err, SM_FAILED_PRECONDITION, "the objects were saved already, or could not be");
}

static sm_status check_name(const sm_object_graph *objects, int32_t parent, const char *name, sm_error *err) {
  sm_built_object *to;
  SM_TRY(sm_built_find(&to, objects, parent, err));
  sm_built_place place = sm_built_place_of(objects, parent);
  if (to->kind != SM_BUILT_CONTAINER && to->kind != SM_BUILT_RESOURCE)
    return SM_FAIL(err, SM_INVALID_ARGUMENT, "%s: an object of that kind has no children", place.text);
  if (name == NULL) return SM_FAIL(err, SM_INVALID_ARGUMENT, "%s: a child without a name", place.text);
  if (parent == SM_OBJECT_ROOT && strcmp(name, RESERVED) == 0)
    return SM_FAIL(err, SM_INVALID_ARGUMENT, "the root has \"%s\" for what servers call: choose another name",
                   RESERVED);
  if (can_hold(to, name)) return SM_OK;
  if (*name == '\0') return SM_FAIL(err, SM_INVALID_ARGUMENT, "%s: a child without a name", place.text);
  return SM_FAIL(err, SM_INVALID_ARGUMENT, "%s: its next item is \"%d\", or one behind it, not \"%.100s\"", place.text,
                 (int)to->next_item, name);
}

sm_status sm_built_add_edge(sm_object_graph *objects, int32_t parent, const char *name, int32_t child, sm_error *err) {
  const char *indexed;
  sm_built_edge *edge = sm_arena_new(&objects->arena, sm_built_edge);
  sm_built_object *to = objects->objects[parent];
  if (edge == NULL) return sm_arena_fail(&objects->arena, sizeof *edge, err);
  edge->child = child;
  SM_TRY(sm_built_copy(&edge->name, objects, name, err));
  SM_TRY(sm_built_print(&indexed, &objects->arena, err, "%d/%s", (int)parent, name));
  if (sm_name_index_find(&objects->edges, sm_string_of(indexed)) != SIZE_MAX)
    return SM_FAIL(err, SM_ALREADY_EXISTS, "%s: there is a child \"%.200s\" already",
                   sm_built_place_of(objects, parent).text, name);
  SM_TRY(sm_name_index_add(&objects->edges, sm_string_of(indexed), err));
  *(to->last_edge != NULL ? &to->last_edge->next : &to->first_edge) = edge;
  to->last_edge = edge;
  if (item_number(name) >= to->next_item) to->next_item = item_number(name) + 1;
  return SM_OK;
}

/* The last object, below parent if there is one. On failure nothing has changed but the arena. */
static sm_status add_object(sm_built_object **out, sm_object_graph *objects, int32_t parent, const char *name,
                            sm_built_kind kind, sm_error *err) {
  if (objects->n_objects == INT32_MAX) return SM_FAIL(err, SM_RESOURCE_EXHAUSTED, "too many objects");
  if ((size_t)objects->n_objects == objects->capacity) {
    void *grown = sm_grow(objects->allocator, objects->objects, &objects->capacity, sizeof *objects->objects);
    if (grown == NULL) return SM_FAIL_OOM(err, objects->capacity * sizeof *objects->objects);
    objects->objects = grown;
  }
  sm_built_object *object = sm_arena_new(&objects->arena, sm_built_object);
  if (object == NULL) return sm_arena_fail(&objects->arena, sizeof *object, err);
  *object = (sm_built_object){.kind = kind, .parent = parent, .id = -1};
  SM_TRY(sm_built_copy(&object->name, objects, name != NULL ? name : "", err));
  if (parent != SM_OBJECT_NONE) SM_TRY(sm_built_add_edge(objects, parent, name, objects->n_objects, err));
  objects->objects[objects->n_objects++] = object;
  *out = object;
  return SM_OK;
}

sm_status sm_built_add(sm_built_object **out, int32_t *number, sm_object_graph *objects, int32_t parent,
                       const char *name, sm_built_kind kind, sm_error *err) {
  SM_TRY(sm_built_check_open(objects, err));
  if (parent != SM_OBJECT_NONE) SM_TRY(check_name(objects, parent, name, err));
  SM_TRY(add_object(out, objects, parent, name, kind, err));
  if (number != NULL) *number = objects->n_objects - 1;
  return SM_OK;
}

sm_status sm_built_add_derived(sm_built_object **out, sm_object_graph *objects, int32_t parent, const char *name,
                               sm_built_kind kind, sm_error *err) {
  return add_object(out, objects, parent, name, kind, err);
}

sm_built_object *sm_built_child(const sm_object_graph *objects, const sm_built_object *object, const char *name) {
  for (const sm_built_edge *edge = object->first_edge; edge != NULL; edge = edge->next)
    if (strcmp(edge->name.data, name) == 0) return objects->objects[edge->child];
  return NULL;
}

sm_status sm_object_graph_add(int32_t *out, sm_object_graph *objects, int32_t parent, const char *name,
                              sm_container container, sm_error *err) {
  sm_built_object *object = NULL;
  SM_TRY(sm_built_add(&object, out, objects, parent, name, SM_BUILT_CONTAINER, err));
  object->container = container;
  return SM_OK;
}

sm_status sm_object_graph_link(sm_object_graph *objects, int32_t parent, const char *name, int32_t child,
                               sm_error *err) {
  sm_built_object *object;
  SM_TRY(sm_built_check_open(objects, err));
  SM_TRY(check_name(objects, parent, name, err));
  SM_TRY(sm_built_find(&object, objects, child, err));
  if (object->kind == SM_BUILT_SLOT)
    return SM_FAIL(err, SM_INVALID_ARGUMENT, "a slot variable is no child of anything");
  SM_TRY(sm_built_add_edge(objects, parent, name, child, err));
  if (object->parent == SM_OBJECT_NONE && child != SM_OBJECT_ROOT) {
    object->parent = parent;
    object->name = objects->objects[parent]->last_edge->name;
  }
  return SM_OK;
}

sm_status sm_object_graph_set_registered_name(sm_object_graph *objects, int32_t object, const char *name,
                                              sm_error *err) {
  sm_built_object *found;
  sm_string copy;
  SM_TRY(sm_built_check_open(objects, err));
  SM_TRY(sm_built_find(&found, objects, object, err));
  SM_TRY(sm_built_copy(&copy, objects, name, err));
  found->registered_name = copy.data;
  return SM_OK;
}

sm_status sm_object_graph_set_user_proto(sm_object_graph *objects, int32_t object, const char *type_url,
                                         sm_string bytes, sm_error *err) {
  sm_built_object *found;
  sm_string type;
  SM_TRY(sm_built_check_open(objects, err));
  SM_TRY(sm_built_find(&found, objects, object, err));
  SM_TRY(sm_built_copy(&type, objects, type_url, err));
  sm_string copy = sm_arena_copy(&objects->arena, bytes);
  if (copy.data == NULL) return sm_arena_fail(&objects->arena, bytes.size + 1, err);
  found->user_proto_type = type.data;
  found->user_proto = copy;
  return SM_OK;
}

/* ---- Classes ---- */

static sm_status copy_user(sm_user_object *out, sm_object_graph *objects, const sm_user_object *user, sm_error *err) {
  sm_string identifier, metadata;
  size_t n = user->n_bad_consumers;
  int32_t *bad_consumers = sm_arena_array(&objects->arena, int32_t, n);
  if (bad_consumers == NULL) return sm_arena_fail(&objects->arena, n * sizeof *bad_consumers, err);
  if (n != 0) memcpy(bad_consumers, user->bad_consumers, n * sizeof *bad_consumers);
  SM_TRY(sm_built_copy(&identifier, objects, user->identifier, err));
  SM_TRY(sm_built_copy(&metadata, objects, user->metadata != NULL ? user->metadata : "", err));
  *out = *user;
  out->identifier = identifier.data;
  out->metadata = metadata.data;
  out->bad_consumers = bad_consumers;
  return SM_OK;
}

sm_status sm_object_graph_set_user_object(sm_object_graph *objects, int32_t object, const sm_user_object *user,
                                          sm_error *err) {
  sm_built_object *found;
  SM_TRY(sm_built_check_open(objects, err));
  SM_TRY(sm_built_find(&found, objects, object, err));
  sm_built_place place = sm_built_place_of(objects, object);
  if (found->kind != SM_BUILT_CONTAINER)
    return SM_FAIL(err, SM_INVALID_ARGUMENT, "%s: an object of that kind has no class of its own", place.text);
  if (user->identifier == NULL || *user->identifier == '\0')
    return SM_FAIL(err, SM_INVALID_ARGUMENT, "%s: a class without identifier", place.text);
  sm_user_object *copy = sm_arena_new(&objects->arena, sm_user_object);
  if (copy == NULL) return sm_arena_fail(&objects->arena, sizeof *copy, err);
  SM_TRY(copy_user(copy, objects, user, err));
  found->user = copy;
  return SM_OK;
}

/* Source of the names: tf_keras/src/optimizers/legacy/optimizer_v2.py and python/keras/optimizer_v2/optimizer_v2.py, at
 * their ends. */
bool sm_built_tells_slots(const sm_built_object *optimizer) {
  static const char *const identifiers[] = {"optimizer", "tf_keras_optimizer", "tf_deprecated_optimizer"};
  if (optimizer->user == NULL) return false;
  for (size_t i = 0; i < sizeof identifiers / sizeof *identifiers; i++)
    if (strcmp(optimizer->user->identifier, identifiers[i]) == 0) return true;
  return false;
}

/* ---- Keys ---- */

sm_status sm_object_graph_get_key(const char **out, const sm_object_graph *objects, int32_t object, sm_error *err) {
  sm_built_object *found;
  SM_TRY(sm_built_find(&found, objects, object, err));
  if (!objects->is_attached) return SM_FAIL(err, SM_FAILED_PRECONDITION, "objects have keys when they are attached");
  if (found->first_tensor == NULL || found->first_tensor->key == NULL)
    return SM_FAIL(err, SM_NOT_FOUND, "%s has no value in the checkpoint", sm_built_place_of(objects, object).text);
  *out = found->first_tensor->attribute_key;
  return SM_OK;
}
