/* The functions that the objects' graph will have: the caller's, and those that are made here. */
#include "builder/built_objects.h"
#include "graph/regular.h"

/* Fields of GraphDef, FunctionDefLibrary and RegisteredGradient: proto/graph.proto, function.proto. */
enum { GRAPH_LIBRARY = 2, LIBRARY_GRADIENT = 2, LIBRARY_REGISTERED_GRADIENT = 3 };

sm_status sm_built_library_put(sm_object_graph *objects, sm_string name, sm_span def, sm_error *err) {
  int64_t uid;
  size_t i = sm_name_index_find(&objects->function_names, name);
  if (i != SIZE_MAX) {
    sm_span there = objects->functions[i].def;
    if (there.size == def.size && memcmp(there.data, def.data, def.size) == 0) return SM_OK;
    return SM_FAIL(err, SM_ALREADY_EXISTS, "function %.*s: there is another one of that name", SM_SHOWN(name));
  }
  if (objects->function_names.n == objects->functions_capacity) {
    void *grown =
        sm_grow(objects->allocator, objects->functions, &objects->functions_capacity, sizeof *objects->functions);
    if (grown == NULL) return SM_FAIL_OOM(err, objects->functions_capacity * sizeof *objects->functions);
    objects->functions = grown;
  }
  sm_string copy = sm_arena_copy(&objects->arena, name);
  sm_string bytes = sm_arena_copy(&objects->arena, (sm_string){(const char *)def.data, def.size});
  if (copy.data == NULL || bytes.data == NULL) return sm_arena_fail(&objects->arena, def.size + name.size, err);
  SM_TRY(sm_name_index_add(&objects->function_names, copy, err));
  objects->functions[objects->function_names.n - 1] =
      (sm_graph_function){.name = copy, .def = {(const uint8_t *)bytes.data, bytes.size}};
  if (sm_function_get_uid(&uid, name) && uid > objects->last_uid) objects->last_uid = uid;
  return SM_OK;
}

sm_status sm_built_name_function(sm_string *out, sm_object_graph *objects, const char *stem, sm_error *err) {
  char word[128];
  const char *name;
  if (objects->last_uid == INT64_MAX)
    return SM_FAIL(err, SM_INVALID_ARGUMENT, "a function has the greatest number that there is");
  sm_built_identifier(word, sizeof word, stem);
  SM_TRY(sm_built_print(&name, &objects->arena, err, "__inference_%s_%lld", word, (long long)++objects->last_uid));
  *out = sm_string_of(name);
  return SM_OK;
}

sm_status sm_built_make_function(sm_built_function *out, sm_object_graph *objects, const sm_function_parts *parts,
                                 sm_error *err) {
  sm_buffer def;
  sm_buffer_init(&def, objects->allocator, UINT64_MAX);
  sm_status status = sm_function_write(&def, parts, err);
  if (status == SM_OK)
    status = sm_built_library_put(objects, sm_string_of(parts->name), (sm_span){def.data, def.size}, err);
  sm_buffer_free(&def);
  return status == SM_OK ? sm_built_flatten(out, objects, err) : status;
}

static bool is_name_before(const void *a, const void *b) {
  return sm_string_compare(((const sm_graph_function *)a)->name, ((const sm_graph_function *)b)->name) < 0;
}

sm_status sm_built_sort_library(sm_graph_library *out, const sm_object_graph *objects, sm_arena *arena, sm_error *err) {
  size_t n = objects->function_names.n;
  sm_graph_function *sorted = sm_arena_array(arena, sm_graph_function, n);
  if (sorted == NULL) return sm_arena_fail(arena, n * sizeof *sorted, err);
  for (size_t i = 0; i < n; i++) {
    sorted[i] = objects->functions[i];
    sorted[i].position = i;
  }
  sm_sort(sorted, n, sizeof *sorted, is_name_before);
  *out = (sm_graph_library){sorted, n};
  return SM_OK;
}

static size_t list_names(sm_string *out, const sm_object_graph *objects) {
  size_t n = 0;
  for (int32_t i = 0; i < objects->n_objects; i++) {
    const sm_built_functions *functions = &objects->objects[i]->functions;
    for (size_t k = 0; k < functions->n; k++, n++)
      if (out != NULL) out[n] = functions->items[k].name;
  }
  return n;
}

sm_status sm_built_find_called(sm_graph_library *out, const sm_object_graph *objects, const sm_graph_library *library,
                               sm_arena *arena, sm_error *err) {
  const sm_wire_source source = {.name = "library"};
  const size_t *called;
  size_t n, n_names = list_names(NULL, objects);
  sm_string *names = sm_arena_array(arena, sm_string, n_names);
  if (names == NULL) return sm_arena_fail(arena, n_names * sizeof *names, err);
  list_names(names, objects);
  SM_TRY(sm_functions_check_calls(&called, &n, names, n_names, library, &source, arena, err));
  sm_graph_function *functions = sm_arena_array(arena, sm_graph_function, n);
  if (functions == NULL) return sm_arena_fail(arena, n * sizeof *functions, err);
  for (size_t i = 0; i < n; i++) functions[i] = library->functions[called[i]];
  *out = (sm_graph_library){functions, n};
  return SM_OK;
}

static sm_status add_gradients(sm_object_graph *objects, sm_spans libraries, const sm_wire_source *source,
                               sm_error *err) {
  sm_wire_field field;
  for (size_t i = 0; i < libraries.n; i++) {
    sm_wire_reader reader = sm_wire_read(libraries.items[i], source);
    while (sm_wire_next(&reader, &field))
      if (field.tag == SM_WIRE_TAG(LIBRARY_GRADIENT, SM_WIRE_BYTES) ||
          field.tag == SM_WIRE_TAG(LIBRARY_REGISTERED_GRADIENT, SM_WIRE_BYTES))
        SM_TRY(sm_buffer_put(&objects->gradients, field.whole.data, field.whole.size, err));
    SM_TRY(sm_wire_finish(&reader, err));
  }
  return SM_OK;
}

static sm_status add_library(sm_object_graph *objects, sm_span graph_def, sm_arena *scratch, sm_error *err) {
  const sm_wire_source source = {.name = "graph_def", .bytes = graph_def};
  sm_graph_library library;
  sm_spans libraries;
  SM_TRY(sm_wire_collect(&libraries, (sm_spans){&graph_def, 1}, GRAPH_LIBRARY, &source, scratch, err));
  SM_TRY(sm_graph_index_libraries(&library, libraries, &source, scratch, err));
  for (size_t i = 0; i < library.n; i++)
    SM_TRY(sm_built_library_put(objects, library.functions[i].name, library.functions[i].def, err));
  return add_gradients(objects, libraries, &source, err);
}

sm_status sm_object_graph_add_library(sm_object_graph *objects, sm_string graph_def, sm_error *err) {
  sm_arena scratch;
  SM_TRY(sm_built_check_open(objects, err));
  sm_arena_init(&scratch, objects->allocator, UINT64_MAX);
  sm_status status = add_library(objects, (sm_span){(const uint8_t *)graph_def.data, graph_def.size}, &scratch, err);
  sm_arena_free(&scratch);
  return status;
}

sm_status sm_object_graph_add_op_list(sm_object_graph *objects, sm_string op_list, sm_error *err) {
  const sm_span bytes = {(const uint8_t *)op_list.data, op_list.size};
  const sm_wire_source source = {.name = "op_list", .bytes = bytes};
  sm_wire_reader reader = sm_wire_read(bytes, &source);
  SM_TRY(sm_built_check_open(objects, err));
  for (sm_wire_field field; sm_wire_next(&reader, &field);) continue;
  SM_TRY(sm_wire_finish(&reader, err));
  return sm_buffer_put(&objects->op_list, bytes.data, bytes.size, err);
}
