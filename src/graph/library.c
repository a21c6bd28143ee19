#include "graph/graph.h"

/* Fields of GraphDef, FunctionDefLibrary, FunctionDef, OpDef: proto/graph.proto, function.proto, op_def.proto. */
enum { GRAPH_LIBRARY = 2, LIBRARY_FUNCTION = 1, FUNCTION_SIGNATURE = 1, OP_NAME = 1 };

static sm_status find_name(sm_string *name, sm_span function_def, const sm_wire_source *source, sm_error *err) {
  sm_span signature, found;
  SM_TRY(sm_wire_find_bytes(&signature, function_def, FUNCTION_SIGNATURE, source, err));
  SM_TRY(sm_wire_find_bytes(&found, signature, OP_NAME, source, err));
  if (!sm_utf8_is_valid(found.data, found.size))
    return sm_wire_fail(source, found.data, "the name of a function is not UTF-8", err);
  *name = (sm_string){(const char *)found.data, found.size};
  return SM_OK;
}

static bool function_less(const void *a, const void *b) {
  const sm_graph_function *left = a, *right = b;
  int order = sm_string_compare(left->name, right->name);
  return order != 0 ? order < 0 : left->position < right->position;
}

sm_status sm_graph_index_functions(sm_graph_library *out, sm_spans graph_def, const sm_wire_source *source,
                                   sm_arena *arena, sm_error *err) {
  sm_spans libraries;
  SM_TRY(sm_wire_collect(&libraries, graph_def, GRAPH_LIBRARY, source, arena, err));
  return sm_graph_index_libraries(out, libraries, source, arena, err);
}

sm_status sm_graph_index_libraries(sm_graph_library *out, sm_spans libraries, const sm_wire_source *source,
                                   sm_arena *arena, sm_error *err) {
  sm_spans defs;
  SM_TRY(sm_wire_collect(&defs, libraries, LIBRARY_FUNCTION, source, arena, err));
  sm_graph_function *functions = sm_arena_array(arena, sm_graph_function, defs.n);
  if (functions == NULL) return sm_arena_fail(arena, defs.n * sizeof *functions, err);
  for (size_t i = 0; i < defs.n; i++) {
    functions[i] = (sm_graph_function){.def = defs.items[i], .position = i};
    SM_TRY(find_name(&functions[i].name, defs.items[i], source, err));
  }
  sm_sort(functions, defs.n, sizeof *functions, function_less);
  *out = (sm_graph_library){functions, defs.n};
  return SM_OK;
}

size_t sm_graph_find_function(const sm_graph_library *library, sm_string name) {
  return sm_named_find(library->functions, library->n, sizeof *library->functions, name);
}
