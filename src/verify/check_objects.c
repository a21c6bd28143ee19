/* The object graph: ids that lead somewhere, functions that are there. */
#include <stdarg.h>
#include <stdio.h>

#include <savedmodel/pb/saved_object_graph.pb-c.h>

#include "verify/verify_internal.h"

/* Fields of SavedObjectGraph: proto/saved_object_graph.proto; of FunctionDef, OpDef and ArgDef. */
enum { OBJECT_GRAPH_NODE = 1, OBJECT_GRAPH_FUNCTION = 2, FUNCTION_SIGNATURE = 1, OP_INPUT_ARG = 2, ARG_TYPE = 3 };

/* The oneof of SavedObject, whose members have these numbers; 11 is a map among them. */
enum { FIRST_KIND = 4, LAST_KIND = 12, SAVEABLE_OBJECTS = 11 };

typedef struct object_walk {
  sm_verifier *v;
  const sm_graph_facts *facts;
  sm_spans nodes;
  sm_wire_map functions; /* SavedConcreteFunction, by name */
  uint8_t *kinds;        /* of the nodes; 0: none, or damaged */
  bool *is_slot;         /* of a slot that was met */
  sm_place place;
} object_walk;

__attribute__((format(printf, 2, 3))) static void tell(object_walk *w, const char *format, ...) {
  char text[256];
  va_list args;
  va_start(args, format);
  vsnprintf(text, sizeof text, format, args);
  va_end(args);
  sm_verify_tell(w->v, SM_SEVERITY_ERROR, &w->place, "%s", text);
}

/* Is there such an object? */
static bool check_id(object_walk *w, const char *what, int64_t id) {
  if (id >= 0 && (uint64_t)id < w->nodes.n) return true;
  tell(w, "%s leads to object %lld, there are %zu", what, (long long)id, w->nodes.n);
  return false;
}

/* And is it of that kind? */
static void check_kind_of(object_walk *w, const char *what, int64_t id, uint8_t kind, const char *kind_name) {
  if (check_id(w, what, id) && w->kinds[id] != kind)
    tell(w, "%s is object %lld, which is no %s", what, (long long)id, kind_name);
}

static void check_function_name(object_walk *w, const char *name) {
  if (sm_wire_map_find(&w->functions, sm_string_of(name)) == SIZE_MAX)
    tell(w, "concrete function %.150s is not in the object graph", name);
}

/* ---- Objects ---- */

static void check_asset(object_walk *w, const Tensorflow__SavedAsset *asset) {
  size_t n = sm_meta_graph_n_assets(w->v->graph);
  if (asset->asset_file_def_index < 0 || (size_t)asset->asset_file_def_index >= n)
    tell(w, "it is asset %d, there are %zu", asset->asset_file_def_index, n);
}

static void check_constant(object_walk *w, const Tensorflow__SavedConstant *constant) {
  if (sm_node_index_find(&w->facts->nodes, sm_string_of(constant->operation)) == NULL)
    tell(w, "it is the constant %.150s, which is not in the graph", constant->operation);
}

static void check_kind(object_walk *w, const Tensorflow__SavedObject *object) {
  switch (object->kind_case) {
    case TENSORFLOW__SAVED_OBJECT__KIND__NOT_SET: tell(w, "nothing says what kind of object it is"); break;
    case TENSORFLOW__SAVED_OBJECT__KIND_ASSET: check_asset(w, object->asset); break;
    case TENSORFLOW__SAVED_OBJECT__KIND_CONSTANT: check_constant(w, object->constant); break;
    case TENSORFLOW__SAVED_OBJECT__KIND_FUNCTION:
      for (size_t i = 0; i < object->function->n_concrete_functions; i++)
        check_function_name(w, object->function->concrete_functions[i]);
      break;
    case TENSORFLOW__SAVED_OBJECT__KIND_BARE_CONCRETE_FUNCTION:
      check_function_name(w, object->bare_concrete_function->concrete_function_name);
      break;
    case TENSORFLOW__SAVED_OBJECT__KIND_CAPTURED_TENSOR:
      check_function_name(w, object->captured_tensor->concrete_function);
      break;
    default: break;
  }
}

/* Loaders make a slot by the optimizer's method, for a variable: optimizer.add_slot of Keras. */
static void check_slots(object_walk *w, const Tensorflow__SavedObject *object) {
  enum { VARIABLE = TENSORFLOW__SAVED_OBJECT__KIND_VARIABLE };
  if (object->n_slot_variables != 0 && object->kind_case != TENSORFLOW__SAVED_OBJECT__KIND_USER_OBJECT)
    tell(w, "it has slot variables, and is no optimizer");
  for (size_t i = 0; i < object->n_slot_variables; i++) {
    int32_t id = object->slot_variables[i]->slot_variable_node_id;
    check_kind_of(w, "the variable of a slot", object->slot_variables[i]->original_variable_node_id, VARIABLE,
                  "variable");
    check_kind_of(w, "a slot variable", id, VARIABLE, "variable");
    if (id < 0 || (size_t)id >= w->nodes.n) continue;
    if (w->is_slot[id])
      sm_verify_tell(w->v, SM_SEVERITY_WARNING, &w->place, "object %d is the variable of two slots", id);
    w->is_slot[id] = true;
  }
}

static void check_edges(object_walk *w, const Tensorflow__SavedObject *object) {
  char what[160];
  for (size_t i = 0; i < object->n_children; i++) {
    snprintf(what, sizeof what, "child %.140s", object->children[i]->local_name);
    check_id(w, what, object->children[i]->node_id);
  }
  for (size_t i = 0; i < object->n_dependencies; i++) check_id(w, "a dependency", object->dependencies[i]->node_id);
  check_slots(w, object);
  for (size_t i = 0; i < object->n_saveable_objects; i++) {
    enum { FUNCTION = TENSORFLOW__SAVED_OBJECT__KIND_BARE_CONCRETE_FUNCTION };
    const Tensorflow__SaveableObject *saveable = object->saveable_objects[i]->value;
    if (saveable == NULL) continue;
    check_kind_of(w, "a save function", saveable->save_function, FUNCTION, "concrete function");
    check_kind_of(w, "a restore function", saveable->restore_function, FUNCTION, "concrete function");
  }
}

static sm_status check_object(bool *is_variable, object_walk *w, size_t id, sm_error *err) {
  char number[24];
  ProtobufCMessage *message;
  sm_arena *arena = &w->v->arena;
  sm_arena_mark mark = sm_arena_get_mark(arena);
  *is_variable = false;
  sm_status status = sm_wire_unpack(&message, &tensorflow__saved_object__descriptor, (sm_spans){&w->nodes.items[id], 1},
                                    w->v->source, arena, err);
  if (status != SM_OK) return sm_verify_is_defect(status) ? SM_OK : status;
  const Tensorflow__SavedObject *object = (const Tensorflow__SavedObject *)message;
  snprintf(number, sizeof number, "%zu", id);
  w->place = (sm_place){.kind = "object", .name = sm_string_of(number)};
  check_kind(w, object);
  check_edges(w, object);
  *is_variable = object->kind_case == TENSORFLOW__SAVED_OBJECT__KIND_VARIABLE;
  sm_arena_rewind(arena, mark);
  return SM_OK;
}

/* ---- Concrete functions ---- */

static sm_status list_arguments(sm_spans *out, const object_walk *w, const sm_graph_function *function, sm_error *err) {
  sm_span signature;
  SM_TRY(sm_wire_find_bytes(&signature, function->def, FUNCTION_SIGNATURE, w->v->source, err));
  return sm_wire_collect(out, (sm_spans){&signature, 1}, OP_INPUT_ARG, w->v->source, &w->v->arena, err);
}

static int64_t argument_dtype(const object_walk *w, sm_span argument) {
  int64_t dtype = SM_DT_INVALID;
  sm_wire_reader reader = sm_wire_read(argument, w->v->source);
  for (sm_wire_field field; sm_wire_next(&reader, &field);)
    if (field.tag == SM_WIRE_TAG(ARG_TYPE, SM_WIRE_VARINT)) dtype = (int64_t)field.value;
  return dtype;
}

/* Does an object give what the argument takes? What a user's class gives nobody knows. A function gives nothing: TensorFlow
 * refuses the model ("Cannot convert node"); another dtype shows when the function is called. */
static void check_capture(object_walk *w, int32_t id, sm_span argument) {
  int64_t dtype = argument_dtype(w, argument);
  switch (w->kinds[id]) {
    case TENSORFLOW__SAVED_OBJECT__KIND_FUNCTION:
    case TENSORFLOW__SAVED_OBJECT__KIND_BARE_CONCRETE_FUNCTION:
      tell(w, "a bound input is object %d, a function, which is no tensor", id);
      return;
    case TENSORFLOW__SAVED_OBJECT__KIND_VARIABLE:
    case TENSORFLOW__SAVED_OBJECT__KIND_RESOURCE:
      if (dtype == SM_DT_RESOURCE || dtype == SM_DT_INVALID) return;
      break;
    case TENSORFLOW__SAVED_OBJECT__KIND_ASSET:
      if (dtype == SM_DT_STRING || dtype == SM_DT_INVALID) return;
      break;
    default: return;
  }
  const char *name = sm_dtype_name((sm_dtype)dtype);
  sm_verify_tell(w->v, SM_SEVERITY_WARNING, &w->place, "object %d is bound to an input of dtype %s", id,
                 name != NULL ? name : "that there is not");
}

static sm_status check_bound_inputs(object_walk *w, const Tensorflow__SavedConcreteFunction *concrete, sm_error *err) {
  sm_spans arguments;
  size_t found = sm_graph_find_function(&w->facts->library, w->place.name), n = concrete->n_bound_inputs;
  if (found == SIZE_MAX) {
    for (size_t i = 0; i < n; i++) check_id(w, "a bound input", concrete->bound_inputs[i]);
    tell(w, "the graph has no function of this name");
    return SM_OK;
  }
  SM_TRY(list_arguments(&arguments, w, &w->facts->library.functions[found], err));
  for (size_t i = 0; i < n; i++)
    if (check_id(w, "a bound input", concrete->bound_inputs[i]) && n <= arguments.n)
      check_capture(w, concrete->bound_inputs[i], arguments.items[arguments.n - n + i]);
  if (n > arguments.n) tell(w, "%zu inputs are bound, the function has %zu", n, arguments.n);
  return SM_OK;
}

static sm_status check_function(object_walk *w, const sm_wire_entry *entry, sm_error *err) {
  sm_spans value;
  ProtobufCMessage *message;
  sm_arena *arena = &w->v->arena;
  sm_arena_mark mark = sm_arena_get_mark(arena);
  w->place = (sm_place){.kind = "concrete function", .name = entry->key};
  sm_status status = sm_wire_entry_value(&value, entry, w->v->source, arena, err);
  if (status == SM_OK)
    status =
        sm_wire_unpack(&message, &tensorflow__saved_concrete_function__descriptor, value, w->v->source, arena, err);
  if (status == SM_OK) status = check_bound_inputs(w, (const Tensorflow__SavedConcreteFunction *)message, err);
  sm_arena_rewind(arena, mark);
  return status == SM_OK || sm_verify_is_defect(status) ? SM_OK : status;
}

static uint8_t kind_of(sm_span object, const sm_wire_source *source) {
  uint8_t kind = 0;
  sm_wire_reader reader = sm_wire_read(object, source);
  for (sm_wire_field field; sm_wire_next(&reader, &field);) {
    uint32_t number = sm_wire_number(&field);
    bool is_kind = number >= FIRST_KIND && number <= LAST_KIND && number != SAVEABLE_OBJECTS;
    if (is_kind && sm_wire_type_of(&field) == SM_WIRE_BYTES) kind = (uint8_t)number;
  }
  return kind;
}

static sm_status index_objects(object_walk *w, sm_error *err) {
  sm_spans bytes = sm_meta_graph_object_graph_bytes(w->v->graph);
  const sm_wire_source *source = w->v->source;
  SM_TRY(sm_wire_collect(&w->nodes, bytes, OBJECT_GRAPH_NODE, source, &w->v->arena, err));
  w->kinds = sm_arena_array(&w->v->arena, uint8_t, w->nodes.n);
  w->is_slot = sm_arena_array(&w->v->arena, bool, w->nodes.n);
  if (w->kinds == NULL || w->is_slot == NULL) return sm_arena_fail(&w->v->arena, 2 * w->nodes.n, err);
  for (size_t i = 0; i < w->nodes.n; i++) w->kinds[i] = kind_of(w->nodes.items[i], source);
  return sm_wire_index_map(&w->functions, bytes, OBJECT_GRAPH_FUNCTION, source, &w->v->arena, err);
}

sm_status sm_check_objects(size_t *n_variables, sm_verifier *v, const sm_graph_facts *facts, sm_error *err) {
  object_walk w = {.v = v, .facts = facts};
  bool is_variable;
  *n_variables = 0;
  sm_status status = index_objects(&w, err);
  if (status != SM_OK) return sm_verify_is_defect(status) ? SM_OK : status;
  for (size_t i = 0; i < w.nodes.n; i++) {
    SM_TRY(check_object(&is_variable, &w, i, err));
    *n_variables += is_variable;
  }
  for (size_t i = 0; i < w.functions.n; i++) SM_TRY(check_function(&w, &w.functions.entries[i], err));
  SM_TRY(sm_check_dependencies(v, err));
  return sm_check_object_values(v, err);
}
