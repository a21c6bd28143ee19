#include "graph/cut_function.h"

#include "graph/graph_check.h"

/* Functions that are still to be looked at, and who calls whom among those that were. */
typedef struct calls {
  const sm_graph_library *library;
  const sm_wire_source *source;
  size_t *waiting, n_waiting;
  bool *is_called; /* by index in the library */
  size_t n_called;
  size_t caller;   /* SIZE_MAX: nobody of the library */
  sm_buffer edges; /* of sm_node_edge */
} calls;

static sm_status note_call(void *ctx, sm_string name, sm_error *err) {
  calls *c = ctx;
  size_t found = sm_graph_find_function(c->library, name);
  sm_string caller = c->caller != SIZE_MAX ? c->library->functions[c->caller].name : (sm_string){"", 0};
  if (found == SIZE_MAX && caller.size != 0)
    return SM_FAIL(err, SM_NOT_FOUND, "function %.*s: calls %.*s, which is not there", SM_SHOWN(caller),
                   SM_SHOWN(name));
  if (found == SIZE_MAX) return SM_FAIL(err, SM_NOT_FOUND, "function %.*s is not there", SM_SHOWN(name));
  if (!c->is_called[found]) {
    c->is_called[found] = true;
    c->n_called++;
    c->waiting[c->n_waiting++] = found;
  }
  if (c->caller == SIZE_MAX) return SM_OK;
  return sm_buffer_put(&c->edges, &(sm_node_edge){found, c->caller}, sizeof(sm_node_edge), err);
}

/* A function is called by an attribute, or as the op of a node. */
static sm_status visit_node(calls *c, sm_span node, sm_error *err) {
  sm_string op;
  SM_TRY(sm_node_get_op(&op, node, c->source, err));
  if (sm_graph_find_function(c->library, op) != SIZE_MAX) SM_TRY(note_call(c, op, err));
  return sm_node_each_nested_func(node, c->source, note_call, c, err);
}

static sm_status visit_function(calls *c, size_t function, sm_error *err) {
  c->caller = function;
  sm_wire_reader reader = sm_wire_read(c->library->functions[function].def, c->source);
  for (sm_wire_field field; sm_wire_next(&reader, &field);)
    if (field.tag == SM_WIRE_TAG(SM_FUNCTION_NODE, SM_WIRE_BYTES)) SM_TRY(visit_node(c, field.bytes, err));
  return sm_wire_finish(&reader, err);
}

static sm_status check_order(const calls *c, sm_arena *arena, sm_error *err) {
  size_t found;
  const sm_node_edge *edges = (const sm_node_edge *)(const void *)c->edges.data;
  SM_TRY(sm_node_find_cycle(&found, edges, c->edges.size / sizeof *edges, c->library->n, arena, err));
  if (found == SIZE_MAX) return SM_OK;
  return SM_FAIL(err, SM_INVALID_ARGUMENT, "function %.*s: calls itself, perhaps through others, which cannot be",
                 SM_SHOWN(c->library->functions[found].name));
}

static sm_status check_calls(calls *c, const sm_string *functions, size_t n, sm_arena *arena, sm_error *err) {
  for (size_t i = 0; i < n; i++) SM_TRY(note_call(c, functions[i], err));
  while (c->n_waiting != 0) SM_TRY(visit_function(c, c->waiting[--c->n_waiting], err));
  return check_order(c, arena, err);
}

sm_status sm_functions_check_calls(const size_t **called, size_t *n_called, const sm_string *functions,
                                   size_t n_functions, const sm_graph_library *library, const sm_wire_source *source,
                                   sm_arena *arena, sm_error *err) {
  calls c = {.library = library, .source = source, .caller = SIZE_MAX};
  c.waiting = sm_arena_array(arena, size_t, library->n);
  c.is_called = sm_arena_array(arena, bool, library->n);
  if (c.waiting == NULL || c.is_called == NULL) return sm_arena_fail(arena, library->n * sizeof *c.waiting, err);
  sm_buffer_init(&c.edges, arena->allocator, UINT64_MAX);
  sm_status status = check_calls(&c, functions, n_functions, arena, err);
  sm_buffer_free(&c.edges);
  if (status != SM_OK) return status;
  size_t n = 0;
  for (size_t i = 0; i < library->n; i++)
    if (c.is_called[i]) c.waiting[n++] = i;
  *called = c.waiting;
  *n_called = n;
  return SM_OK;
}
