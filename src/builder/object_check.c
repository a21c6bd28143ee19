/* Are the functions that objects have whole? What is wrong with one may be found far from the object that calls it: the
 * messages have both. */
#include "builder/built_objects.h"

enum { NODE_NAME = 1 };

typedef struct checking {
  const sm_object_graph *objects;
  sm_graph_library library;
  sm_wire_source source;
  sm_arena *arena;
} checking;

/* ---- Which object ---- */

static sm_status find_called(const size_t **out, size_t *n, const checking *c, sm_string function, sm_error *err) {
  return sm_functions_check_calls(out, n, &function, 1, &c->library, &c->source, c->arena, err);
}

static bool is_among(const size_t *numbers, size_t n, size_t wanted) {
  size_t i = 0;
  while (i < n && numbers[i] != wanted) i++;
  return i < n;
}

/* An object whose function is that one of the library, or calls it; or of which that cannot be told, as something that it
 * calls is not there. -1: none. */
static int32_t find_object(const checking *c, size_t function) {
  const size_t *called;
  size_t n;
  for (int32_t i = 0; i < c->objects->n_objects; i++) {
    const sm_built_functions *functions = &c->objects->objects[i]->functions;
    for (size_t k = 0; k < functions->n; k++) {
      sm_arena_mark mark = sm_arena_get_mark(c->arena);
      sm_status status = find_called(&called, &n, c, functions->items[k].name, NULL);
      bool is_found = status == SM_OK ? is_among(called, n, function) : status != SM_RESOURCE_EXHAUSTED;
      sm_arena_rewind(c->arena, mark);
      if (is_found) return i;
    }
  }
  return -1;
}

static bool is_word_part(char c) {
  return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '_';
}

/* Is the name somewhere in a message, and not as the beginning of another one? */
static bool is_named(const char *message, sm_string name) {
  for (const char *at = message; name.size != 0 && (at = strstr(at, name.data)) != NULL; at++)
    if (!is_word_part(at[name.size]) && (at == message || !is_word_part(at[-1]))) return true;
  return false;
}

static void add_object(sm_error *err, const checking *c) {
  size_t function = 0;
  if (err == NULL || err->code == SM_RESOURCE_EXHAUSTED) return;
  while (function < c->library.n && !is_named(err->message, c->library.functions[function].name)) function++;
  int32_t object = function < c->library.n ? find_object(c, function) : -1;
  if (object >= 0) sm_error_add_place(err, sm_built_place_of(c->objects, object).text);
}

/* ---- Operations ---- */

static sm_status check_node(sm_op_defs *defs, sm_span node, const sm_graph_function *function,
                            const sm_wire_source *source, sm_error *err) {
  const sm_op_def *def;
  sm_string op;
  sm_span name;
  SM_TRY(sm_node_get_op(&op, node, source, err));
  SM_TRY(sm_op_defs_find(&def, defs, op, err));
  if (def != NULL) return SM_OK;
  SM_TRY(sm_wire_find_bytes(&name, node, NODE_NAME, source, err));
  return SM_FAIL(err, SM_INVALID_ARGUMENT, "function %.*s: node %.*s: no definition of its operation %.*s",
                 SM_SHOWN(function->name), SM_SHOWN(sm_span_text(name)), SM_SHOWN(op));
}

static sm_status check_operations(const checking *c, const sm_graph_library *called, sm_op_defs *defs,
                                  const sm_export_options *options, sm_error *err) {
  const sm_span op_list = {c->objects->op_list.data, c->objects->op_list.size};
  SM_TRY(sm_op_defs_add(defs, (sm_spans){&op_list, 1}, &c->library, &c->source, err));
  for (size_t i = 0; i < called->n; i++) {
    const sm_graph_function *function = &called->functions[i];
    const sm_wire_source source = {.name = function->name.data, .bytes = function->def};
    sm_wire_reader reader = sm_wire_read(function->def, &source);
    for (sm_wire_field field; sm_wire_next(&reader, &field);) {
      if (field.tag != SM_WIRE_TAG(SM_FUNCTION_NODE, SM_WIRE_BYTES)) continue;
      SM_TRY(sm_built_check_namespace(field.bytes, function, options, &source, err));
      SM_TRY(check_node(defs, field.bytes, function, &source, err));
    }
    SM_TRY(sm_wire_finish(&reader, err));
  }
  return SM_OK;
}

/* ---- All ---- */

static sm_status begin(checking *c, const sm_object_graph *objects, sm_arena *arena, sm_error *err) {
  *c = (checking){.objects = objects, .arena = arena, .source = {.name = "library"}};
  sm_arena_init(arena, objects->allocator, UINT64_MAX);
  return sm_built_sort_library(&c->library, objects, arena, err);
}

sm_status sm_built_check_functions(const sm_object_graph *objects, const sm_export_options *options, sm_error *err) {
  checking c;
  sm_graph_library called;
  sm_arena arena;
  sm_op_defs defs;
  sm_op_defs_init(&defs, objects->allocator, UINT64_MAX);
  sm_status status = begin(&c, objects, &arena, err);
  if (status == SM_OK) status = sm_built_find_called(&called, objects, &c.library, &arena, err);
  if (status == SM_OK) status = check_operations(&c, &called, &defs, options, err);
  if (status != SM_OK) add_object(err, &c);
  sm_op_defs_free(&defs);
  sm_arena_free(&arena);
  return status;
}

void sm_built_add_object(sm_error *err, const sm_object_graph *objects) {
  checking c;
  sm_arena arena;
  if (begin(&c, objects, &arena, NULL) == SM_OK) add_object(err, &c);
  sm_arena_free(&arena);
}
