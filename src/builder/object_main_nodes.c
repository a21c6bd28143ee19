/* Nodes of the main graph: names for them, and calls of functions. */
#include "builder/built_objects.h"

static const char CALL[] = "StatefulPartitionedCall";

/* ---- Names ---- */

/* Names of nodes: [A-Za-z0-9.][A-Za-z0-9_.\\/-]* (core/framework/node_def_util.cc). */
void sm_built_make_plain(char *text) {
  for (char *p = text; *p != '\0'; p++) {
    bool is_word = (*p >= 'a' && *p <= 'z') || (*p >= 'A' && *p <= 'Z') || (*p >= '0' && *p <= '9') || *p == '.';
    bool is_inner = *p == '_' || *p == '/' || *p == '-';
    if (!is_word && !(is_inner && p != text)) *p = p == text ? 'x' : '_';
  }
}

sm_status sm_built_main_name(const char **out, sm_built_main *main, const char *wanted, sm_error *err) {
  enum { N_SMALL = 16 };
  sm_string plain = sm_arena_copy(main->arena, sm_string_of(*wanted != '\0' ? wanted : "node"));
  if (plain.data == NULL) return sm_arena_fail(main->arena, strlen(wanted) + 1, err);
  sm_built_make_plain((char *)plain.data);
  *out = plain.data;
  for (size_t k = 1; sm_name_index_find(&main->names, sm_string_of(*out)) != SIZE_MAX; k++) {
    if (k == N_SMALL) k = main->names.n; /* so many have such numbers that a search would take n * n steps */
    SM_TRY(sm_built_print(out, main->arena, err, "%s_%zu", plain.data, k));
  }
  return sm_name_index_add(&main->names, sm_string_of(*out), err);
}

/* ---- Calls ---- */

sm_status sm_built_main_call(const char **name, sm_built_main *main, const sm_object_graph *objects,
                             const sm_built_function *function, const char *wanted, const char **inputs,
                             sm_error *err) {
  sm_dtype *dtypes = sm_arena_array(main->arena, sm_dtype, function->n_out);
  if (dtypes == NULL) return sm_arena_fail(main->arena, function->n_out * sizeof *dtypes, err);
  for (size_t i = 0; i < function->n_out; i++) dtypes[i] = function->out[i]->dtype;
  for (size_t i = 0; i < function->n_captures; i++) {
    const sm_built_object *captured = objects->objects[function->captures[i]];
    inputs[function->n_in + i] = main->is_filling && captured->fed != NULL ? captured->fed : captured->node;
    if (inputs[function->n_in + i] == NULL)
      return SM_FAIL(err, SM_INVALID_ARGUMENT, "%.*s captures %s, which no session can hand it",
                     SM_SHOWN(function->name), sm_built_place_of(objects, function->captures[i]).text);
  }
  const sm_attr attrs[] = {sm_attr_types("Tout", dtypes, function->n_out), sm_attr_func("f", function->name.data)};
  SM_TRY(sm_built_main_name(name, main, wanted, err));
  const sm_node_spec spec = {.op = CALL,
                             .name = *name,
                             .inputs = inputs,
                             .n_inputs = function->n_in + function->n_captures,
                             .attrs = attrs,
                             .n_attrs = 2};
  return sm_graph_add_node(main->graph, &spec, err);
}
