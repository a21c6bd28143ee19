#include "objects/objects_internal.h"

size_t sm_trackable_n_functions(const sm_trackable *node) {
  const Tensorflow__SavedObject *proto = node->proto;
  if (proto->kind_case == TENSORFLOW__SAVED_OBJECT__KIND_FUNCTION) return proto->function->n_concrete_functions;
  return proto->kind_case == TENSORFLOW__SAVED_OBJECT__KIND_BARE_CONCRETE_FUNCTION ? 1 : 0;
}

/* ---- In TensorFlow's order ---- */

static sm_status build_load_order(void **out, const sm_meta_graph *graph, const void *subject, sm_arena *arena,
                                  sm_error *err) {
  (void)subject;
  sm_load_order *made = sm_arena_new(arena, sm_load_order);
  if (made == NULL) return sm_arena_fail(arena, sizeof *made, err);
  *out = made;
  return sm_load_order_new(made, sm_meta_graph_graph_bytes(graph), sm_meta_graph_info_bytes(graph),
                           sm_meta_graph_source(graph), arena, err);
}

/* Names of a FUNCTION's concrete functions, to be put in order. */
typedef struct name_list {
  const sm_trackable *node;
  const sm_load_order *order;
} name_list;

typedef struct ordered_name {
  sm_string loaded;
  const char *stored;
} ordered_name;

static bool name_less(const void *a, const void *b) {
  return sm_string_compare(((const ordered_name *)a)->loaded, ((const ordered_name *)b)->loaded) < 0;
}

static sm_status build_names(void **out, const sm_meta_graph *graph, const void *subject, sm_arena *arena,
                             sm_error *err) {
  (void)graph;
  const name_list *list = subject;
  const Tensorflow__SavedFunction *function = list->node->proto->function;
  ordered_name *names = sm_arena_array(arena, ordered_name, function->n_concrete_functions);
  if (names == NULL) return sm_arena_fail(arena, function->n_concrete_functions * sizeof *names, err);
  for (size_t i = 0; i < function->n_concrete_functions; i++) {
    const char *stored = function->concrete_functions[i];
    names[i] = (ordered_name){sm_load_order_name(list->order, sm_string_of(stored)), stored};
  }
  sm_sort(names, function->n_concrete_functions, sizeof *names, name_less);
  *out = names;
  return SM_OK;
}

static sm_status find_name(const char **out, const sm_trackable *node, size_t i, sm_error *err) {
  const Tensorflow__SavedFunction *function = node->proto->function;
  *out = function->concrete_functions[0];
  if (function->n_concrete_functions == 1) return SM_OK;
  sm_objects *objects = node->objects;
  void *order, *names;
  SM_TRY(sm_meta_graph_once(&order, objects->graph, &objects->load_order, build_load_order, NULL, err));
  name_list list = {node, order};
  SM_TRY(sm_meta_graph_once(&names, objects->graph, sm_trackable_slot(&node->ordered_names), build_names, &list, err));
  *out = ((const ordered_name *)names)[i].stored;
  return SM_OK;
}

/* ---- Concrete functions ---- */

/* A concrete function to be built. */
typedef struct function_place {
  const sm_wire_entry *entry;
  const Tensorflow__SavedBareConcreteFunction *bare; /* NULL: of a FUNCTION */
} function_place;

static sm_status build_function(void **out, const sm_meta_graph *graph, const void *subject, sm_arena *arena,
                                sm_error *err) {
  const function_place *place = subject;
  const sm_wire_source *source = sm_meta_graph_source(graph);
  sm_spans value;
  ProtobufCMessage *message;
  sm_concrete_function *made = sm_arena_new(arena, sm_concrete_function);
  if (made == NULL) return sm_arena_fail(arena, sizeof *made, err);
  SM_TRY(sm_wire_entry_value(&value, place->entry, source, arena, err));
  SM_TRY(sm_wire_unpack(&message, &tensorflow__saved_concrete_function__descriptor, value, source, arena, err));
  const Tensorflow__SavedConcreteFunction *proto = (const Tensorflow__SavedConcreteFunction *)message;
  made->name = place->entry->key.data;
  made->captures = proto->bound_inputs;
  made->n_captures = proto->n_bound_inputs;
  if (place->bare != NULL) {
    made->argument_keywords = (const char *const *)place->bare->argument_keywords;
    made->n_argument_keywords = place->bare->n_argument_keywords;
    made->allowed_positional_arguments = place->bare->allowed_positional_arguments;
  }
  SM_TRY(sm_structured_new(&made->inputs, proto->canonicalized_input_signature, arena, err));
  SM_TRY(sm_structured_new(&made->outputs, proto->output_signature, arena, err));
  *out = made;
  return SM_OK;
}

sm_status sm_trackable_get_function(const sm_concrete_function **out, const sm_trackable *node, size_t i,
                                    sm_error *err) {
  *out = NULL;
  if (i >= sm_trackable_n_functions(node))
    return SM_FAIL(err, SM_NOT_FOUND, "function %zu: there are %zu", i, sm_trackable_n_functions(node));
  sm_objects *objects = node->objects;
  bool is_bare = node->proto->kind_case == TENSORFLOW__SAVED_OBJECT__KIND_BARE_CONCRETE_FUNCTION;
  function_place place = {.bare = is_bare ? node->proto->bare_concrete_function : NULL};
  const char *name = is_bare ? place.bare->concrete_function_name : NULL;
  if (!is_bare) SM_TRY(find_name(&name, node, i, err));
  size_t found = sm_wire_map_find(&objects->functions, sm_string_of(name));
  if (found >= objects->functions.n)
    return SM_FAIL(err, SM_DATA_LOSS, "%s: function %.200s is not in the object graph",
                   sm_meta_graph_source(objects->graph)->name, name);
  place.entry = &objects->functions.entries[found];
  sm_once *slot = is_bare ? sm_trackable_slot(&node->bare_value) : &objects->function_values[found];
  void *made;
  SM_TRY(sm_meta_graph_once(&made, objects->graph, slot, build_function, &place, err));
  *out = made;
  return SM_OK;
}

/* ---- Of the whole object graph ---- */

static sm_status get_by_index(const sm_concrete_function **out, sm_objects *objects, size_t i, sm_error *err) {
  function_place place = {.entry = &objects->functions.entries[i]};
  void *made;
  SM_TRY(sm_meta_graph_once(&made, objects->graph, &objects->function_values[i], build_function, &place, err));
  *out = made;
  return SM_OK;
}

sm_status sm_meta_graph_n_concrete_functions(size_t *out, const sm_meta_graph *graph, sm_error *err) {
  sm_objects *objects;
  *out = 0;
  SM_TRY(sm_objects_get(&objects, graph, err));
  *out = objects->functions.n;
  return SM_OK;
}

sm_status sm_meta_graph_get_concrete_function(const sm_concrete_function **out, const sm_meta_graph *graph, size_t i,
                                              sm_error *err) {
  sm_objects *objects;
  *out = NULL;
  SM_TRY(sm_objects_get(&objects, graph, err));
  if (i < objects->functions.n) return get_by_index(out, objects, i, err);
  return SM_FAIL(err, SM_NOT_FOUND, "concrete function %zu: there are %zu", i, objects->functions.n);
}

sm_status sm_meta_graph_find_concrete_function(const sm_concrete_function **out, const sm_meta_graph *graph,
                                               const char *name, sm_error *err) {
  sm_objects *objects;
  *out = NULL;
  SM_TRY(sm_objects_get(&objects, graph, err));
  size_t found = sm_wire_map_find(&objects->functions, sm_string_of(name));
  if (found < objects->functions.n) return get_by_index(out, objects, found, err);
  return SM_FAIL(err, SM_NOT_FOUND, "%s: no concrete function %.200s", sm_meta_graph_source(graph)->name, name);
}
