/* Objects that follow from those that were added: the traces of functions, the constants and assets that they capture,
 * and the signatures. Sources: Function._trackable_children (python/eager/polymorphic_function/polymorphic_function.py),
 * ConcreteFunction._trackable_children (concrete_function.py), python/saved_model/signature_serialization.py. */
#include "builder/built_objects.h"

static sm_status add_concrete(sm_object_graph *objects, int32_t parent, const char *name, sm_built_function *function,
                              const sm_built_calling *calling, sm_error *err) {
  sm_built_object *object;
  SM_TRY(sm_built_add_derived(&object, objects, parent, name, SM_BUILT_CONCRETE_FUNCTION, err));
  object->functions = (sm_built_functions){.items = function, .n = 1};
  object->calling = *calling;
  return SM_OK;
}

static sm_status add_traces(sm_object_graph *objects, int32_t number, sm_error *err) {
  char name[32];
  const sm_built_functions *functions = &objects->objects[number]->functions;
  for (size_t i = 0; i < functions->n; i++) {
    sm_built_calling calling;
    sm_built_parameters *parameters = sm_arena_new(&objects->arena, sm_built_parameters);
    if (parameters == NULL) return sm_arena_fail(&objects->arena, sizeof *parameters, err);
    snprintf(name, sizeof name, "trace_%zu", i);
    SM_TRY(sm_built_call(&calling, objects, &functions->items[i], &functions->parameters, err));
    SM_TRY(sm_built_describe_trace(parameters, objects, &functions->items[i], &functions->parameters, err));
    calling.parameters = parameters;
    SM_TRY(add_concrete(objects, number, name, &functions->items[i], &calling, err));
  }
  return SM_OK;
}

static sm_status add_captures(sm_object_graph *objects, int32_t number, sm_error *err) {
  char name[32];
  const sm_built_function *function = &objects->objects[number]->functions.items[0];
  for (size_t i = 0; i < function->n_captures; i++) {
    sm_built_kind kind = objects->objects[function->captures[i]]->kind;
    if (kind != SM_BUILT_CONSTANT && kind != SM_BUILT_ASSET) continue;
    snprintf(name, sizeof name, "capture_%zu", i);
    SM_TRY(sm_built_add_edge(objects, number, name, function->captures[i], err));
  }
  return SM_OK;
}

/* Functions that servers call have arguments with names alone; one argument may go without. */
static sm_status add_signature(sm_object_graph *objects, int32_t parent, const sm_built_wrapper *wrapper,
                               sm_error *err) {
  sm_built_calling calling;
  if (wrapper->object != 0) return sm_built_add_edge(objects, parent, wrapper->key.data, wrapper->object, err);
  sm_built_function *function = sm_arena_new(&objects->arena, sm_built_function);
  if (function == NULL) return sm_arena_fail(&objects->arena, sizeof *function, err);
  *function = wrapper->function;
  SM_TRY(sm_built_call(&calling, objects, function, NULL, err));
  calling.n_positional = function->n_in == 1;
  calling.parameters = &wrapper->parameters;
  return add_concrete(objects, parent, wrapper->key.data, function, &calling, err);
}

static sm_status add_signatures(sm_object_graph *objects, const sm_built_wrappers *wrappers, sm_error *err) {
  static const sm_user_object signature_map = {
      .identifier = "signature_map", .metadata = "", .producer = 1, .min_consumer = 1};
  sm_built_object *object;
  int32_t number = objects->n_objects;
  SM_TRY(sm_built_add_derived(&object, objects, SM_OBJECT_ROOT, "signatures", SM_BUILT_CONTAINER, err));
  object->user = &signature_map;
  for (size_t i = 0; i < wrappers->n; i++) SM_TRY(add_signature(objects, number, &wrappers->items[i], err));
  return SM_OK;
}

sm_status sm_built_complete(sm_object_graph *objects, const sm_built_wrappers *wrappers, sm_error *err) {
  SM_TRY(add_signatures(objects, wrappers, err));
  for (int32_t i = 0; i < objects->n_objects; i++) { /* traces are added at the end */
    sm_built_kind kind = objects->objects[i]->kind;
    if (kind == SM_BUILT_FUNCTION) SM_TRY(add_traces(objects, i, err));
    if (kind == SM_BUILT_CONCRETE_FUNCTION) SM_TRY(add_captures(objects, i, err));
  }
  return SM_OK;
}
