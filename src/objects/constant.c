/* Values of constants: of nodes in the graph. */
#include "objects/objects_internal.h"
#include "tensor/tensor_proto.h"

/* Fields of GraphDef, NodeDef, AttrValue. */
enum { GRAPH_NODE = 1, NODE_NAME = 1, ATTR_TENSOR = 8 };

/* The nodes of the graph by name. */
typedef struct named_node {
  sm_string name;
  sm_span bytes;
} named_node;

typedef struct sm_node_names {
  const named_node *nodes;
  size_t n;
} sm_node_names;

static bool node_less(const void *a, const void *b) {
  return sm_string_compare(((const named_node *)a)->name, ((const named_node *)b)->name) < 0;
}

static sm_status build_names(void **out, const sm_meta_graph *graph, const void *subject, sm_arena *arena,
                             sm_error *err) {
  sm_spans bytes;
  const sm_wire_source *source = sm_meta_graph_source(graph);
  (void)subject;
  SM_TRY(sm_wire_collect(&bytes, sm_meta_graph_graph_bytes(graph), GRAPH_NODE, source, arena, err));
  sm_node_names *made = sm_arena_new(arena, sm_node_names);
  named_node *nodes = sm_arena_array(arena, named_node, bytes.n);
  if (made == NULL || nodes == NULL) return sm_arena_fail(arena, bytes.n * sizeof *nodes, err);
  for (size_t i = 0; i < bytes.n; i++) {
    sm_span name;
    SM_TRY(sm_wire_find_bytes(&name, bytes.items[i], NODE_NAME, source, err));
    nodes[i] = (named_node){{(const char *)name.data, name.size}, bytes.items[i]};
  }
  sm_sort(nodes, bytes.n, sizeof *nodes, node_less);
  *made = (sm_node_names){nodes, bytes.n};
  *out = made;
  return SM_OK;
}

static sm_status decode(sm_tensor **out, sm_span value, const sm_wire_source *source, sm_arena *scratch,
                        sm_error *err) {
  sm_span bytes;
  sm_tensor_proto proto;
  SM_TRY(sm_wire_find_bytes(&bytes, value, ATTR_TENSOR, source, err));
  SM_TRY(sm_tensor_proto_read(&proto, (sm_spans){&bytes, 1}, source, scratch, err));
  return sm_tensor_proto_decode(out, &proto, scratch->max_bytes, scratch->allocator, err);
}

sm_status sm_const_node_read(sm_tensor **out, sm_span node, const sm_meta_graph *graph, sm_error *err) {
  const sm_wire_source *source = sm_meta_graph_source(graph);
  sm_span value;
  sm_string op;
  sm_arena scratch;
  *out = NULL;
  SM_TRY(sm_node_get_op(&op, node, source, err));
  SM_TRY(sm_node_find_attr(&value, node, "value", source, err));
  if (!sm_string_equal(op, sm_string_of("Const")) || value.data == NULL)
    return SM_FAIL(err, SM_DATA_LOSS, "%s: the node of a constant is %.*s, expected Const with a value", source->name,
                   op.size < 60 ? (int)op.size : 60, op.size != 0 ? op.data : "");
  sm_model_init_arena(&scratch, sm_meta_graph_get_model(graph));
  sm_status status = decode(out, value, source, &scratch, err);
  sm_arena_free(&scratch);
  return status;
}

sm_status sm_trackable_read_constant(sm_tensor **out, const sm_trackable *node, sm_error *err) {
  const Tensorflow__SavedObject *proto = node->proto;
  sm_objects *objects = node->objects;
  void *made;
  *out = NULL;
  if (proto->kind_case != TENSORFLOW__SAVED_OBJECT__KIND_CONSTANT)
    return SM_FAIL(err, SM_INVALID_ARGUMENT, "object %d is no constant", node->id);
  SM_TRY(sm_meta_graph_once(&made, objects->graph, &objects->names, build_names, NULL, err));
  const sm_node_names *names = made;
  size_t i = sm_named_find(names->nodes, names->n, sizeof *names->nodes, sm_string_of(proto->constant->operation));
  if (i < names->n) return sm_const_node_read(out, names->nodes[i].bytes, objects->graph, err);
  return SM_FAIL(err, SM_DATA_LOSS, "%s: object %d is the constant %.200s, which is not in the graph",
                 sm_meta_graph_source(objects->graph)->name, node->id, proto->constant->operation);
}
