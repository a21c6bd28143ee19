/* The object graph: ids that lead somewhere, functions that are there. */
#include <stdarg.h>
#include <stdio.h>

#include <savedmodel/pb/saved_object_graph.pb-c.h>

#include "verify/verify_internal.h"

/* Fields of SavedObjectGraph: proto/saved_object_graph.proto; of FunctionDef and OpDef. */
enum { OBJECT_GRAPH_NODE = 1, OBJECT_GRAPH_FUNCTION = 2, FUNCTION_SIGNATURE = 1, OP_INPUT_ARG = 2 };

typedef struct object_walk {
  sm_verifier *v;
  const sm_graph_facts *facts;
  sm_spans nodes;
  sm_wire_map functions; /* SavedConcreteFunction, by name */
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

static void check_id(object_walk *w, const char *what, int64_t id) {
  if (id < 0 || (uint64_t)id >= w->nodes.n)
    tell(w, "%s leads to object %lld, there are %zu", what, (long long)id, w->nodes.n);
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

static void check_edges(object_walk *w, const Tensorflow__SavedObject *object) {
  char what[160];
  for (size_t i = 0; i < object->n_children; i++) {
    snprintf(what, sizeof what, "child %.140s", object->children[i]->local_name);
    check_id(w, what, object->children[i]->node_id);
  }
  for (size_t i = 0; i < object->n_dependencies; i++) check_id(w, "a dependency", object->dependencies[i]->node_id);
  for (size_t i = 0; i < object->n_slot_variables; i++) {
    check_id(w, "the variable of a slot", object->slot_variables[i]->original_variable_node_id);
    check_id(w, "a slot variable", object->slot_variables[i]->slot_variable_node_id);
  }
  for (size_t i = 0; i < object->n_saveable_objects; i++) {
    const Tensorflow__SaveableObject *saveable = object->saveable_objects[i]->value;
    if (saveable == NULL) continue;
    check_id(w, "a save function", saveable->save_function);
    check_id(w, "a restore function", saveable->restore_function);
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

static size_t count_arguments(const object_walk *w, const sm_graph_function *function) {
  sm_span signature;
  size_t n = 0;
  if (sm_wire_find_bytes(&signature, function->def, FUNCTION_SIGNATURE, w->v->source, NULL) != SM_OK) return SIZE_MAX;
  sm_wire_reader reader = sm_wire_read(signature, w->v->source);
  for (sm_wire_field field; sm_wire_next(&reader, &field);) n += field.tag == SM_WIRE_TAG(OP_INPUT_ARG, SM_WIRE_BYTES);
  return n;
}

static void check_bound_inputs(object_walk *w, const Tensorflow__SavedConcreteFunction *concrete) {
  size_t found = sm_graph_find_function(&w->facts->library, w->place.name);
  for (size_t i = 0; i < concrete->n_bound_inputs; i++) check_id(w, "a bound input", concrete->bound_inputs[i]);
  if (found == SIZE_MAX) {
    tell(w, "the graph has no function of this name");
    return;
  }
  size_t n = count_arguments(w, &w->facts->library.functions[found]);
  if (concrete->n_bound_inputs > n) tell(w, "%zu inputs are bound, the function has %zu", concrete->n_bound_inputs, n);
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
  if (status == SM_OK) check_bound_inputs(w, (const Tensorflow__SavedConcreteFunction *)message);
  sm_arena_rewind(arena, mark);
  return status == SM_OK || sm_verify_is_defect(status) ? SM_OK : status;
}

static sm_status index_objects(object_walk *w, sm_error *err) {
  sm_spans bytes = sm_meta_graph_object_graph_bytes(w->v->graph);
  const sm_wire_source *source = w->v->source;
  SM_TRY(sm_wire_collect(&w->nodes, bytes, OBJECT_GRAPH_NODE, source, &w->v->arena, err));
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
  return SM_OK;
}
