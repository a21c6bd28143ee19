/* What a node records, as plain structs. Strings stay in the unpacked message, which lives as long. */
#include <stdio.h>

#include "objects/objects_internal.h"

/* ---- Variables ---- */

/* Components that are still to be filled: nesting in a file is not nesting of calls. */
typedef struct waiting {
  struct waiting *next;
  const Tensorflow__SavedVariable *from;
  sm_variable_object *to;
} waiting;

static sm_status copy_shape(sm_variable_object *to, const Tensorflow__TensorShapeProto *shape, sm_arena *arena,
                            sm_error *err) {
  to->rank = shape != NULL && shape->unknown_rank ? -1 : 0;
  if (shape == NULL || shape->unknown_rank) return SM_OK;
  int64_t *dims = sm_arena_array(arena, int64_t, shape->n_dim);
  if (dims == NULL) return sm_arena_fail(arena, shape->n_dim * sizeof *dims, err);
  for (size_t i = 0; i < shape->n_dim; i++) dims[i] = shape->dim[i]->size;
  to->dims = dims;
  to->rank = (int32_t)shape->n_dim;
  return SM_OK;
}

static sm_status fill_variable(waiting **first, const waiting *item, sm_arena *arena, sm_error *err) {
  const Tensorflow__SavedVariable *from = item->from;
  size_t n = from->n_experimental_distributed_variable_components;
  sm_variable_object *components = sm_arena_array(arena, sm_variable_object, n);
  waiting *waits = sm_arena_array(arena, waiting, n);
  if (components == NULL || waits == NULL) return sm_arena_fail(arena, n * sizeof *components, err);
  for (size_t i = 0; i < n; i++) {
    waits[i] = (waiting){*first, from->experimental_distributed_variable_components[i], &components[i]};
    *first = &waits[i];
  }
  *item->to = (sm_variable_object){.name = from->name,
                                   .device = from->device,
                                   .dtype = (sm_dtype)from->dtype,
                                   .trainable = from->trainable != 0,
                                   .synchronization = (sm_synchronization)from->synchronization,
                                   .aggregation = (sm_aggregation)from->aggregation,
                                   .n_components = n,
                                   .components = components};
  return copy_shape(item->to, from->shape, arena, err);
}

static sm_status copy_variable(const sm_variable_object **out, const Tensorflow__SavedVariable *from, sm_arena *arena,
                               sm_error *err) {
  sm_variable_object *made = sm_arena_new(arena, sm_variable_object);
  if (made == NULL) return sm_arena_fail(arena, sizeof *made, err);
  waiting root = {NULL, from, made}, *first = &root;
  while (first != NULL) {
    const waiting *item = first;
    first = item->next;
    SM_TRY(fill_variable(&first, item, arena, err));
  }
  *out = made;
  return SM_OK;
}

/* ---- Other kinds ---- */

static sm_status copy_user_object(const sm_user_object **out, const Tensorflow__SavedUserObject *from, sm_arena *arena,
                                  sm_error *err) {
  sm_user_object *made = sm_arena_new(arena, sm_user_object);
  if (made == NULL) return sm_arena_fail(arena, sizeof *made, err);
  made->identifier = from->identifier;
#pragma GCC diagnostic push
#pragma GCC diagnostic ignored "-Wdeprecated-declarations" /* TensorFlow's word for: only old models have it */
  made->metadata = from->metadata;
#pragma GCC diagnostic pop
  if (from->version != NULL) {
    made->producer = from->version->producer;
    made->min_consumer = from->version->min_consumer;
    made->bad_consumers = from->version->bad_consumers;
    made->n_bad_consumers = from->version->n_bad_consumers;
  }
  *out = made;
  return SM_OK;
}

static sm_status copy_kind(sm_object *to, const Tensorflow__SavedObject *from, sm_arena *arena, sm_error *err) {
  switch (from->kind_case) {
    case TENSORFLOW__SAVED_OBJECT__KIND_USER_OBJECT:
      return copy_user_object(&to->user_object, from->user_object, arena, err);
    case TENSORFLOW__SAVED_OBJECT__KIND_VARIABLE: return copy_variable(&to->variable, from->variable, arena, err);
    case TENSORFLOW__SAVED_OBJECT__KIND_ASSET: to->asset = from->asset->asset_file_def_index; return SM_OK;
    case TENSORFLOW__SAVED_OBJECT__KIND_CONSTANT: to->name = from->constant->operation; return SM_OK;
    case TENSORFLOW__SAVED_OBJECT__KIND_RESOURCE: to->device = from->resource->device; return SM_OK;
    case TENSORFLOW__SAVED_OBJECT__KIND_CAPTURED_TENSOR:
      to->name = from->captured_tensor->name;
      to->function = from->captured_tensor->concrete_function;
      return SM_OK;
    case TENSORFLOW__SAVED_OBJECT__KIND_FUNCTION:
      to->concrete_functions = (const char *const *)from->function->concrete_functions;
      to->n_concrete_functions = from->function->n_concrete_functions;
      return sm_function_spec_new(&to->function_spec, from->function->function_spec, arena, err);
    case TENSORFLOW__SAVED_OBJECT__KIND_BARE_CONCRETE_FUNCTION:
      to->concrete_functions = (const char *const *)&from->bare_concrete_function->concrete_function_name;
      to->n_concrete_functions = 1;
      return sm_function_spec_new(&to->function_spec, from->bare_concrete_function->function_spec, arena, err);
    default: return SM_OK;
  }
}

/* ---- Lists ---- */

static sm_status copy_slots(sm_object *to, const Tensorflow__SavedObject *from, sm_arena *arena, sm_error *err) {
  size_t n = from->n_slot_variables;
  sm_slot_variable *slots = sm_arena_array(arena, sm_slot_variable, n);
  if (slots == NULL) return sm_arena_fail(arena, n * sizeof *slots, err);
  for (size_t i = 0; i < n; i++)
    slots[i] =
        (sm_slot_variable){from->slot_variables[i]->slot_name, from->slot_variables[i]->original_variable_node_id,
                           from->slot_variables[i]->slot_variable_node_id};
  to->slot_variables = slots;
  to->n_slot_variables = n;
  return SM_OK;
}

static sm_status copy_dependencies(sm_object *to, const Tensorflow__SavedObject *from, sm_arena *arena, sm_error *err) {
  size_t n = from->n_dependencies;
  sm_dependency *dependencies = sm_arena_array(arena, sm_dependency, n);
  if (dependencies == NULL) return sm_arena_fail(arena, n * sizeof *dependencies, err);
  for (size_t i = 0; i < n; i++)
    dependencies[i] = (sm_dependency){from->dependencies[i]->local_name, from->dependencies[i]->node_id};
  to->dependencies = dependencies;
  to->n_dependencies = n;
  return SM_OK;
}

typedef struct saveable_entry {
  const Tensorflow__SavedObject__SaveableObjectsEntry *entry;
  size_t position;
} saveable_entry;

static bool saveable_less(const void *a, const void *b) {
  const saveable_entry *left = a, *right = b;
  int order = strcmp(left->entry->key, right->entry->key);
  return order != 0 ? order < 0 : left->position < right->position;
}

/* A map: sorted by key, of those with one key the last counts. */
static sm_status copy_saveables(sm_object *to, const Tensorflow__SavedObject *from, sm_arena *arena, sm_error *err) {
  size_t n = from->n_saveable_objects;
  saveable_entry *sorted = sm_arena_array(arena, saveable_entry, n);
  sm_saveable *saveables = sm_arena_array(arena, sm_saveable, n);
  if (sorted == NULL || saveables == NULL) return sm_arena_fail(arena, n * sizeof *saveables, err);
  for (size_t i = 0; i < n; i++) sorted[i] = (saveable_entry){from->saveable_objects[i], i};
  sm_sort(sorted, n, sizeof *sorted, saveable_less);
  for (size_t i = 0; i < n; i++) {
    const Tensorflow__SaveableObject *value = sorted[i].entry->value;
    if (i + 1 < n && strcmp(sorted[i].entry->key, sorted[i + 1].entry->key) == 0) continue;
    sm_saveable *saveable = &saveables[to->n_saveables++];
    saveable->name = sorted[i].entry->key;
    saveable->save_function = value != NULL ? value->save_function : 0;
    saveable->restore_function = value != NULL ? value->restore_function : 0;
  }
  to->saveables = saveables;
  return SM_OK;
}

/* ---- The whole ---- */

static sm_status build_info(void **out, const sm_meta_graph *graph, const void *subject, sm_arena *arena,
                            sm_error *err) {
  const Tensorflow__SavedObject *from = subject;
  sm_object *made = sm_arena_new(arena, sm_object);
  (void)graph;
  if (made == NULL) return sm_arena_fail(arena, sizeof *made, err);
  *made = (sm_object){.kind = (sm_object_kind)from->kind_case,
                      .asset = -1,
                      .device = "",
                      .name = "",
                      .function = "",
                      .registered_name = from->registered_name,
                      .registered_saver = from->registered_saver,
                      .user_proto_type = ""};
  if (from->serialized_user_proto != NULL) {
    made->user_proto_type = from->serialized_user_proto->type_url;
    made->user_proto =
        (sm_string){(const char *)from->serialized_user_proto->value.data, from->serialized_user_proto->value.len};
  }
  SM_TRY(copy_kind(made, from, arena, err));
  SM_TRY(copy_slots(made, from, arena, err));
  SM_TRY(copy_dependencies(made, from, arena, err));
  SM_TRY(copy_saveables(made, from, arena, err));
  *out = made;
  return SM_OK;
}

sm_status sm_trackable_get_info(const sm_object **out, const sm_trackable *node, sm_error *err) {
  void *made;
  *out = NULL;
  sm_status status =
      sm_meta_graph_once(&made, node->objects->graph, sm_trackable_slot(&node->info), build_info, node->proto, err);
  if (status == SM_DATA_LOSS) {
    char place[32];
    snprintf(place, sizeof place, "object %d", node->id);
    sm_error_add_place(err, place);
  }
  SM_TRY(status);
  *out = made;
  return SM_OK;
}
