/* What `saved_model_cli show` says of a graph: its ops, its functions, how many nodes, which versions. */
#include <savedmodel/pb/versions.pb-c.h>

#include "graph/graph.h"
#include "graph/name_set.h"

/* Fields of GraphDef: proto/graph.proto. */
enum { GRAPH_NODE = 1, GRAPH_LIBRARY = 2, GRAPH_VERSIONS = 4 };

/* The pieces of a field, gathered while the nodes pass by; newest first. */
typedef struct piece {
  struct piece *older;
  sm_span bytes;
} piece;

typedef struct pieces {
  piece *newest;
  size_t n;
} pieces;

typedef struct walk {
  const sm_wire_source *source;
  sm_spans graph_def;
  sm_arena scratch;
  pieces libraries, versions;
  sm_name_set ops;
  sm_graph_library library;
  size_t *reached; /* functions whose nodes are to be walked, by index */
  size_t n_reached;
  bool *was_reached;
  size_t n_nodes;
} walk;

static sm_status add_piece(walk *w, pieces *list, sm_span bytes, sm_error *err) {
  piece *added = sm_arena_new(&w->scratch, piece);
  if (added == NULL) return sm_arena_fail(&w->scratch, sizeof *added, err);
  *added = (piece){list->newest, bytes};
  list->newest = added;
  list->n++;
  return SM_OK;
}

static sm_status in_order(sm_spans *out, const pieces *list, sm_arena *arena, sm_error *err) {
  sm_span *items = sm_arena_array(arena, sm_span, list->n);
  if (items == NULL) return sm_arena_fail(arena, list->n * sizeof *items, err);
  size_t i = list->n;
  for (const piece *p = list->newest; p != NULL; p = p->older) items[--i] = p->bytes;
  *out = (sm_spans){items, list->n};
  return SM_OK;
}

static sm_status index_functions(walk *w, sm_error *err) {
  sm_spans libraries;
  SM_TRY(in_order(&libraries, &w->libraries, &w->scratch, err));
  SM_TRY(sm_graph_index_libraries(&w->library, libraries, w->source, &w->scratch, err));
  w->reached = sm_arena_array(&w->scratch, size_t, w->library.n);
  w->was_reached = sm_arena_array(&w->scratch, bool, w->library.n);
  return w->reached != NULL && w->was_reached != NULL ? SM_OK : sm_arena_fail(&w->scratch, w->library.n, err);
}

static void reach(walk *w, sm_string name) {
  size_t found = sm_graph_find_function(&w->library, name);
  if (found >= w->library.n || w->was_reached[found]) return;
  w->was_reached[found] = true;
  w->reached[w->n_reached++] = found;
}

static sm_status mark_used(walk *w, sm_string op, sm_error *err) {
  bool was_recent;
  SM_TRY(sm_name_set_add(&was_recent, &w->ops, op, err));
  if (was_recent) return SM_OK;
  if (!sm_utf8_is_valid(op.data, op.size))
    return sm_wire_fail(w->source, (const uint8_t *)op.data, "the name of an op is not UTF-8", err);
  reach(w, op); /* no function is known while the graph's own nodes pass by: visit_all makes up for it */
  return SM_OK;
}

/* As ops_used_by_graph_def in tensorflow/python/framework/meta_graph.py: of the ops that call functions only these two. */
static bool is_call(sm_string op) {
  return sm_string_equal(op, sm_string_of("PartitionedCall")) ||
         sm_string_equal(op, sm_string_of("StatefulPartitionedCall"));
}

static sm_status visit_node(walk *w, sm_span node, sm_error *err) {
  sm_string op, called;
  sm_span attr;
  SM_TRY(sm_node_get_op(&op, node, w->source, err));
  SM_TRY(mark_used(w, op, err));
  if (!is_call(op)) return SM_OK;
  SM_TRY(sm_node_find_attr(&attr, node, "f", w->source, err));
  SM_TRY(sm_attr_get_func_name(&called, attr, w->source, err));
  return mark_used(w, called, err);
}

/* Nodes that have passed by need not stay in memory: the walk takes the same for a graph of any size. */
static void release_passed(const walk *w, const uint8_t **passed, const uint8_t *now) {
  enum { STEP = 4 << 20 };
  if (now - *passed < STEP || w->source->release == NULL) return;
  w->source->release(w->source->ctx, (sm_span){*passed, (size_t)(now - *passed)});
  *passed = now;
}

static sm_status visit_graph(walk *w, sm_span message, sm_error *err) {
  sm_wire_reader reader = sm_wire_read(message, w->source);
  const uint8_t *passed = message.data;
  for (sm_wire_field field; sm_wire_next(&reader, &field);) {
    release_passed(w, &passed, field.whole.data);
    switch (field.tag) {
      case SM_WIRE_TAG(GRAPH_NODE, SM_WIRE_BYTES):
        w->n_nodes++;
        SM_TRY(visit_node(w, field.bytes, err));
        break;
      case SM_WIRE_TAG(GRAPH_LIBRARY, SM_WIRE_BYTES): SM_TRY(add_piece(w, &w->libraries, field.bytes, err)); break;
      case SM_WIRE_TAG(GRAPH_VERSIONS, SM_WIRE_BYTES): SM_TRY(add_piece(w, &w->versions, field.bytes, err)); break;
      default: break;
    }
  }
  return sm_wire_finish(&reader, err);
}

static sm_status visit_function(walk *w, sm_span function_def, sm_error *err) {
  sm_wire_reader reader = sm_wire_read(function_def, w->source);
  for (sm_wire_field field; sm_wire_next(&reader, &field);)
    if (field.tag == SM_WIRE_TAG(SM_FUNCTION_NODE, SM_WIRE_BYTES)) SM_TRY(visit_node(w, field.bytes, err));
  return sm_wire_finish(&reader, err);
}

/* The graph is read once, which counts when it is larger than the caches: its library comes after its nodes. */
static sm_status visit_all(walk *w, sm_error *err) {
  for (size_t i = 0; i < w->graph_def.n; i++) SM_TRY(visit_graph(w, w->graph_def.items[i], err));
  SM_TRY(index_functions(w, err));
  sm_name_set_finish(&w->ops);
  for (size_t i = 0; i < w->ops.n; i++) reach(w, w->ops.names[i]);
  while (w->n_reached > 0) {
    size_t next = w->reached[--w->n_reached];
    SM_TRY(visit_function(w, w->library.functions[next].def, err));
  }
  return SM_OK;
}

/* ---- The result ---- */

static sm_status copy_name(sm_string *out, sm_string name, sm_arena *arena, sm_error *err) {
  *out = sm_arena_copy(arena, name);
  return out->data != NULL ? SM_OK : sm_arena_fail(arena, name.size + 1, err);
}

static sm_status copy_functions(sm_graph_summary *out, const walk *w, sm_arena *arena, sm_error *err) {
  sm_string *names = sm_arena_array(arena, sm_string, w->library.n);
  if (names == NULL) return sm_arena_fail(arena, w->library.n * sizeof *names, err);
  for (size_t i = 0; i < w->library.n; i++) SM_TRY(copy_name(&names[i], w->library.functions[i].name, arena, err));
  out->functions = names;
  out->n_functions = w->library.n;
  return SM_OK;
}

static sm_status copy_ops(sm_graph_summary *out, walk *w, sm_arena *arena, sm_error *err) {
  sm_name_set_finish(&w->ops);
  sm_string *names = sm_arena_array(arena, sm_string, w->ops.n);
  if (names == NULL) return sm_arena_fail(arena, w->ops.n * sizeof *names, err);
  for (size_t i = 0; i < w->ops.n; i++)
    if (sm_graph_find_function(&w->library, w->ops.names[i]) == SIZE_MAX)
      SM_TRY(copy_name(&names[out->n_ops++], w->ops.names[i], arena, err));
  out->ops = names;
  return SM_OK;
}

static sm_status read_versions(sm_graph_summary *out, walk *w, sm_arena *arena, sm_error *err) {
  sm_spans found;
  ProtobufCMessage *message;
  SM_TRY(in_order(&found, &w->versions, arena, err));
  SM_TRY(sm_wire_unpack(&message, &tensorflow__version_def__descriptor, found, w->source, arena, err));
  const Tensorflow__VersionDef *versions = (const Tensorflow__VersionDef *)message;
  out->producer = versions->producer;
  out->min_consumer = versions->min_consumer;
  out->bad_consumers = versions->bad_consumers;
  out->n_bad_consumers = versions->n_bad_consumers;
  return SM_OK;
}

sm_status sm_graph_summarise(sm_graph_summary *out, sm_spans graph_def, const sm_wire_source *source, sm_arena *arena,
                             sm_error *err) {
  walk w = {.source = source, .graph_def = graph_def};
  *out = (sm_graph_summary){0};
  sm_arena_init(&w.scratch, arena->allocator, arena->max_bytes);
  sm_name_set_init(&w.ops, arena->allocator);
  sm_status status = visit_all(&w, err);
  if (status == SM_OK) status = copy_functions(out, &w, arena, err);
  if (status == SM_OK) status = copy_ops(out, &w, arena, err);
  if (status == SM_OK) status = read_versions(out, &w, arena, err);
  out->n_nodes = w.n_nodes;
  sm_name_set_free(&w.ops);
  sm_arena_free(&w.scratch);
  return status;
}
