#include <savedmodel/proto.h>

#include "model/model_internal.h"

/* Fields of GraphDef: proto/graph.proto. */
enum { GRAPH_NODE = 1 };

/* What to unpack, and from which bytes. */
typedef struct part {
  const ProtobufCMessageDescriptor *type;
  sm_spans pieces;
} part;

static sm_status build_part(void **out, const sm_meta_graph *graph, const void *subject, sm_arena *arena,
                            sm_error *err) {
  const part *wanted = subject;
  ProtobufCMessage *message;
  if (wanted->pieces.n == 0)
    return SM_FAIL(err, SM_NOT_FOUND, "%s: the meta graph has no %s", graph->model->source.name,
                   wanted->type->short_name);
  SM_TRY(sm_wire_unpack(&message, wanted->type, wanted->pieces, &graph->model->source, arena, err));
  *out = message;
  return SM_OK;
}

static sm_status get_part(const void **out, const sm_meta_graph *graph, const sm_once *slot, part wanted,
                          sm_error *err) {
  void *made;
  sm_status status = sm_meta_graph_once(&made, graph, (sm_once *)(uintptr_t)slot, build_part, &wanted, err);
  *out = made;
  return status;
}

sm_status sm_meta_graph_get_proto(const Tensorflow__MetaGraphDef **out, const sm_meta_graph *graph, sm_error *err) {
  return get_part((const void **)out, graph, &graph->proto_value,
                  (part){&tensorflow__meta_graph_def__descriptor, {&graph->bytes, 1}}, err);
}

sm_status sm_meta_graph_get_graph_def(const Tensorflow__GraphDef **out, const sm_meta_graph *graph, sm_error *err) {
  return get_part((const void **)out, graph, &graph->graph_proto_value,
                  (part){&tensorflow__graph_def__descriptor, graph->graph}, err);
}

sm_status sm_meta_graph_get_object_graph_def(const Tensorflow__SavedObjectGraph **out, const sm_meta_graph *graph,
                                             sm_error *err) {
  return get_part((const void **)out, graph, &graph->object_graph_proto_value,
                  (part){&tensorflow__saved_object_graph__descriptor, graph->object_graph}, err);
}

/* ---- One node at a time ---- */

struct sm_node_iter {
  const sm_meta_graph *graph;
  size_t piece;
  sm_wire_reader reader;
  sm_arena arena; /* of the current node */
};

static sm_wire_reader read_piece(const sm_meta_graph *graph, size_t piece) {
  sm_span bytes = piece < graph->graph.n ? graph->graph.items[piece] : (sm_span){NULL, 0};
  return sm_wire_read(bytes, &graph->model->source);
}

sm_status sm_node_iter_new(sm_node_iter **out, const sm_meta_graph *graph, sm_error *err) {
  const sm_model *model = graph->model;
  sm_node_iter *iter = *out = sm_new(model->allocator, sm_node_iter);
  if (iter == NULL) return SM_FAIL_OOM(err, sizeof *iter);
  iter->graph = graph;
  iter->reader = read_piece(graph, 0);
  sm_arena_init(&iter->arena, model->allocator, model->arena.max_bytes);
  return SM_OK;
}

static sm_status read_next(const Tensorflow__NodeDef **out, sm_node_iter *iter, sm_error *err) {
  const sm_wire_source *source = &iter->graph->model->source;
  *out = NULL;
  sm_arena_rewind(&iter->arena, (sm_arena_mark){NULL, 0});
  for (; iter->piece < iter->graph->graph.n; iter->reader = read_piece(iter->graph, ++iter->piece)) {
    for (sm_wire_field field; sm_wire_next(&iter->reader, &field);) {
      if (field.tag != SM_WIRE_TAG(GRAPH_NODE, SM_WIRE_BYTES)) continue;
      ProtobufCMessage *node;
      SM_TRY(sm_wire_unpack(&node, &tensorflow__node_def__descriptor, (sm_spans){&field.bytes, 1}, source, &iter->arena,
                            err));
      *out = (const Tensorflow__NodeDef *)node;
      return SM_OK;
    }
    SM_TRY(sm_wire_finish(&iter->reader, err));
  }
  return SM_OK;
}

sm_status sm_node_iter_next(const Tensorflow__NodeDef **out, sm_node_iter *iter, sm_error *err) {
  sm_status status = read_next(out, iter, err);
  if (status != SM_OK) iter->piece = iter->graph->graph.n; /* the walk is over */
  return status;
}

void sm_node_iter_free(sm_node_iter *iter) {
  if (iter == NULL) return;
  const sm_allocator *allocator = iter->graph->model->allocator;
  sm_arena_free(&iter->arena);
  sm_free(allocator, iter);
}
