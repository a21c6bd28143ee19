#include "graph/prune.h"

#include <savedmodel/graph.h>

#include "graph/reach.h"
#include "wire/emit.h"

/* Fields of GraphDef, FunctionDefLibrary, FunctionDef, OpDef, GradientDef, NodeDef: proto/graph.proto, function.proto,
 * op_def.proto, node_def.proto. */
enum {
  GRAPH_NODE = 1,
  GRAPH_LIBRARY = 2,
  LIBRARY_FUNCTION = 1,
  LIBRARY_GRADIENT = 2,
  LIBRARY_REGISTERED_GRADIENT = 3,
  FUNCTION_SIGNATURE = 1,
  OP_NAME = 1,
  GRADIENT_OF = 1,
  REGISTERED_GRADIENT_FUNCTION = 1,
  NODE_NAME = 1
};

/* What leads to something that has to stay. */
enum { KEPT = 1 };

typedef struct pruning {
  sm_reach reach;
  const sm_wire_source *source;
  sm_buffer *out;
} pruning;

/* ---- What stays ---- */

static sm_status mark_registered_gradients(pruning *p, sm_spans graph_def, sm_arena *arena, sm_error *err) {
  sm_spans libraries, registered;
  SM_TRY(sm_wire_collect(&libraries, graph_def, GRAPH_LIBRARY, p->source, arena, err));
  SM_TRY(sm_wire_collect(&registered, libraries, LIBRARY_REGISTERED_GRADIENT, p->source, arena, err));
  for (size_t i = 0; i < registered.n; i++) {
    sm_span name;
    SM_TRY(sm_wire_find_bytes(&name, registered.items[i], REGISTERED_GRADIENT_FUNCTION, p->source, err));
    sm_reach_mark_function(&p->reach, sm_span_text(name), KEPT);
  }
  return SM_OK;
}

static sm_status mark_roots(pruning *p, const sm_prune_roots *roots, sm_error *err) {
  for (size_t i = 0; i < roots->n_tensors; i++) {
    sm_string name = roots->tensors[i];
    if (sm_reach_find_node(&p->reach, name) == NULL)
      return SM_FAIL(err, SM_NOT_FOUND, "%s: \"%.*s\" is not in the graph", p->source->name, SM_SHOWN(name));
    sm_reach_mark_tensor(&p->reach, name, KEPT);
  }
  for (size_t i = 0; i < roots->n_functions; i++) {
    sm_string name = roots->functions[i];
    if (sm_graph_find_function(&p->reach.defs, name) == SIZE_MAX)
      return SM_FAIL(err, SM_NOT_FOUND, "%s: the graph has no function \"%.*s\"", p->source->name, SM_SHOWN(name));
    sm_reach_mark_function(&p->reach, name, KEPT);
  }
  return SM_OK;
}

static bool keeps_node(const pruning *p, sm_string name) {
  const sm_reach_node *node = sm_reach_find_node(&p->reach, name);
  return node != NULL && node->marks != 0;
}

static bool keeps_function(const pruning *p, sm_string name) {
  size_t found = sm_graph_find_function(&p->reach.defs, name);
  return found != SIZE_MAX && p->reach.functions[found].marks != 0;
}

/* ---- Nodes ---- */

static sm_status put_node(pruning *p, const sm_wire_field *field, sm_error *err) {
  sm_span name;
  SM_TRY(sm_wire_find_bytes(&name, field->bytes, NODE_NAME, p->source, err));
  return keeps_node(p, sm_span_text(name)) ? sm_buffer_put(p->out, field->whole.data, field->whole.size, err) : SM_OK;
}

/* ---- Functions ---- */

static sm_status keeps_in_library(bool *out, const pruning *p, const sm_wire_field *field, sm_error *err) {
  sm_span message = field->bytes, name;
  *out = true;
  switch (field->tag) {
    case SM_WIRE_TAG(LIBRARY_FUNCTION, SM_WIRE_BYTES):
      SM_TRY(sm_wire_find_bytes(&message, message, FUNCTION_SIGNATURE, p->source, err));
      SM_TRY(sm_wire_find_bytes(&name, message, OP_NAME, p->source, err));
      *out = keeps_function(p, sm_span_text(name));
      return SM_OK;
    case SM_WIRE_TAG(LIBRARY_GRADIENT, SM_WIRE_BYTES):
      SM_TRY(sm_wire_find_bytes(&name, message, GRADIENT_OF, p->source, err));
      *out = keeps_function(p, sm_span_text(name));
      return SM_OK;
    default: return SM_OK;
  }
}

static sm_status put_library(pruning *p, sm_span library, sm_error *err) {
  size_t contents, before = p->out->size;
  SM_TRY(sm_wire_open(&contents, p->out, GRAPH_LIBRARY, err));
  sm_wire_reader reader = sm_wire_read(library, p->source);
  for (sm_wire_field field; sm_wire_next(&reader, &field);) {
    bool keeps;
    SM_TRY(keeps_in_library(&keeps, p, &field, err));
    if (keeps) SM_TRY(sm_buffer_put(p->out, field.whole.data, field.whole.size, err));
  }
  SM_TRY(sm_wire_finish(&reader, err));
  if (p->out->size != contents) return sm_wire_close(p->out, contents, err);
  p->out->size = before; /* nothing is left of it */
  return SM_OK;
}

/* ---- The graph ---- */

static sm_status put_graph(pruning *p, sm_span message, sm_error *err) {
  sm_wire_reader reader = sm_wire_read(message, p->source);
  for (sm_wire_field field; sm_wire_next(&reader, &field);) {
    if (field.tag == SM_WIRE_TAG(GRAPH_NODE, SM_WIRE_BYTES))
      SM_TRY(put_node(p, &field, err));
    else if (field.tag == SM_WIRE_TAG(GRAPH_LIBRARY, SM_WIRE_BYTES))
      SM_TRY(put_library(p, field.bytes, err));
    else
      SM_TRY(sm_buffer_put(p->out, field.whole.data, field.whole.size, err));
  }
  return sm_wire_finish(&reader, err);
}

static sm_status prune(pruning *p, sm_spans graph_def, const sm_prune_roots *roots, sm_arena *arena, sm_error *err) {
  enum { NO_MARK = 0 };
  SM_TRY(sm_reach_init(&p->reach, graph_def, NO_MARK, p->source, arena, err));
  SM_TRY(sm_reach_follow_gradients(&p->reach, graph_def, arena, err));
  p->reach.follows_colocations = true;
  SM_TRY(mark_registered_gradients(p, graph_def, arena, err));
  SM_TRY(mark_roots(p, roots, err));
  SM_TRY(sm_reach_spread(&p->reach, err));
  for (size_t i = 0; i < graph_def.n; i++) SM_TRY(put_graph(p, graph_def.items[i], err));
  return SM_OK;
}

sm_status sm_graph_prune_to(sm_buffer *out, sm_spans graph_def, const sm_prune_roots *roots,
                            const sm_wire_source *source, sm_arena *arena, sm_error *err) {
  pruning p = {.source = source, .out = out};
  return prune(&p, graph_def, roots, arena, err);
}

/* ---- For users ---- */

static sm_status prune_names(sm_buffer *out, sm_span graph_def, const char *const *names, size_t n_names,
                             sm_arena *arena, sm_error *err) {
  const sm_wire_source source = {.name = "GraphDef", .bytes = graph_def};
  sm_string *tensors = sm_arena_array(arena, sm_string, n_names);
  if (tensors == NULL) return sm_arena_fail(arena, n_names * sizeof *tensors, err);
  for (size_t i = 0; i < n_names; i++) {
    if (names[i] == NULL) return SM_FAIL(err, SM_INVALID_ARGUMENT, "name %zu is NULL", i);
    tensors[i] = sm_string_of(names[i]);
  }
  const sm_prune_roots roots = {.tensors = tensors, .n_tensors = n_names};
  SM_TRY(sm_graph_prune_to(out, (sm_spans){&graph_def, 1}, &roots, &source, arena, err));
  return sm_buffer_put(out, "", 1, err); /* terminated */
}

sm_status sm_graph_prune(sm_string *out, sm_string graph_def, const char *const *names, size_t n_names,
                         const sm_allocator *allocator, sm_error *err) {
  sm_arena arena;
  sm_buffer bytes;
  *out = (sm_string){NULL, 0};
  if (graph_def.data == NULL && graph_def.size != 0) return SM_FAIL(err, SM_INVALID_ARGUMENT, "graph_def is NULL");
  if (names == NULL && n_names != 0) return SM_FAIL(err, SM_INVALID_ARGUMENT, "names is NULL");
  allocator = sm_allocator_or_malloc(allocator);
  sm_arena_init(&arena, allocator, UINT64_MAX); /* what is allocated depends on the bytes that are there */
  sm_buffer_init(&bytes, allocator, UINT64_MAX);
  sm_span whole = {(const uint8_t *)graph_def.data, graph_def.size};
  sm_status status = prune_names(&bytes, whole, names, n_names, &arena, err);
  if (status == SM_OK)
    *out = (sm_string){(const char *)bytes.data, bytes.size - 1};
  else
    sm_buffer_free(&bytes);
  sm_arena_free(&arena);
  return status;
}

void sm_graph_free_def(sm_string *graph_def, const sm_allocator *allocator) {
  if (graph_def->data != NULL) sm_free(sm_allocator_or_malloc(allocator), (void *)(uintptr_t)graph_def->data);
  *graph_def = (sm_string){NULL, 0};
}
