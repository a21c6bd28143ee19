/* The raw structs, and the walk over nodes. */
#include "support/check.h"

#include <savedmodel/proto.h>

#include "support/fault_alloc.h"
#include "support/models.h"

static w_buffer w;
static sm_error err;

static int tear_down(void **state) {
  (void)state;
  w_free(&w);
  return 0;
}

/* A piece of graph_def with nodes "first", "first + 1", ... */
static void put_piece(unsigned first, unsigned n, uint64_t producer) {
  size_t piece = w_begin(&w, 2);
  for (unsigned i = 0; i < n; i++) {
    char name[16];
    snprintf(name, sizeof name, "%u", first + i);
    size_t node = w_begin(&w, 1);
    w_text(&w, 1, name);
    w_text(&w, 2, "NoOp");
    w_end(&w, node);
    w_varint(&w, 1000, i); /* unknown fields between */
  }
  size_t versions = w_begin(&w, 4);
  w_varint(&w, 1, producer);
  w_end(&w, versions), w_end(&w, piece);
}

static void proto__structs(void **state) {
  (void)state;
  size_t graph = w_begin(&w, 2);
  put_piece(0, 2, 5);
  w_bytes(&w, 7, "\x0A\x00\x0A\x00", 4); /* two objects */
  put_piece(2, 3, 6);
  w_end(&w, graph);
  sm_model *model = open_bytes(&w);
  const Tensorflow__MetaGraphDef *meta_graph_def, *again;
  const Tensorflow__GraphDef *graph_def;
  const Tensorflow__SavedObjectGraph *object_graph_def;
  assert_ok(sm_meta_graph_get_proto(&meta_graph_def, only_graph(model), &err), err);
  assert_ok(sm_meta_graph_get_proto(&again, only_graph(model), &err), err);
  assert_ptr_equal(again, meta_graph_def);
  assert_ok(sm_meta_graph_get_graph_def(&graph_def, only_graph(model), &err), err);
  assert_ok(sm_meta_graph_get_object_graph_def(&object_graph_def, only_graph(model), &err), err);
  assert_number("nodes", meta_graph_def->graph_def->n_node, 5);
  assert_number("nodes", graph_def->n_node, 5); /* pieces are one message */
  assert_text("node 4", graph_def->node[4]->name, "4");
  assert_number("the last producer", graph_def->versions->producer, 6);
  assert_number("the last producer", meta_graph_def->graph_def->versions->producer, 6);
  assert_number("objects", object_graph_def->n_nodes, 2);
  sm_model_close(model);
}

static void proto__absent_parts(void **state) {
  (void)state;
  w_bytes(&w, 2, "", 0);
  sm_model *model = open_bytes(&w);
  const Tensorflow__MetaGraphDef *meta_graph_def;
  const Tensorflow__GraphDef *graph_def = (const Tensorflow__GraphDef *)&err;
  const Tensorflow__SavedObjectGraph *object_graph_def = (const Tensorflow__SavedObjectGraph *)&err;
  assert_ok(sm_meta_graph_get_proto(&meta_graph_def, only_graph(model), &err), err);
  assert_null(meta_graph_def->graph_def);
  assert_status(sm_meta_graph_get_graph_def(&graph_def, only_graph(model), &err), SM_NOT_FOUND, err);
  assert_null(graph_def);
  assert_status(sm_meta_graph_get_object_graph_def(&object_graph_def, only_graph(model), &err), SM_NOT_FOUND, err);
  assert_null(object_graph_def);
  sm_model_close(model);
}

/* What the structs cannot show is refused; the rest of the model can still be asked. */
static void proto__refuses(void **state) {
  (void)state;
  static const struct {
    const char *what, *bytes; /* of a node */
    size_t size;
    sm_status status;
  } rows[] = {{"a NUL in a name",
               "\x0A\x03"
               "a\0b",
               5, SM_UNIMPLEMENTED},
              {"not UTF-8", "\x0A\x01\xFF", 3, SM_DATA_LOSS},
              {"a length past the end",
               "\x0A\x05"
               "a",
               3, SM_DATA_LOSS}};
  for (size_t i = 0; i < N_OF(rows); i++) {
    const Tensorflow__GraphDef *graph_def;
    w_clear(&w);
    size_t graph = w_begin(&w, 2), piece = w_begin(&w, 2);
    w_bytes(&w, 1, rows[i].bytes, rows[i].size);
    w_end(&w, piece), w_end(&w, graph);
    sm_model *model = open_bytes(&w);
    sm_status status = sm_meta_graph_get_graph_def(&graph_def, only_graph(model), &err);
    assert_text(rows[i].what, sm_status_name(status), sm_status_name(rows[i].status));
    assert_null(graph_def);
    sm_model_close(model);
  }
}

static void proto__too_deep(void **state) {
  (void)state;
  static const uint32_t func_path[] = {10, 2, 2}; /* AttrValue in AttrValue */
  static const uint32_t graph_path[] = {2, 2, 1, 5,
                                        2}; /* SavedModel, MetaGraphDef, GraphDef, NodeDef.attr, its value */
  w_buffer deep = {0};
  w_nest(&deep, func_path, 3, 100000 / 3, NULL, 0);
  w_nest(&w, graph_path, 5, 1, deep.data, deep.size);
  w_free(&deep);
  sm_model *model = open_bytes(&w);
  const Tensorflow__MetaGraphDef *meta_graph_def;
  const Tensorflow__GraphDef *graph_def;
  const Tensorflow__NodeDef *node;
  const sm_graph_summary *summary;
  sm_node_iter *iter;
  assert_status(sm_meta_graph_get_proto(&meta_graph_def, only_graph(model), &err), SM_DATA_LOSS, err);
  assert_mentions(err.message, "100 deep");
  assert_status(sm_meta_graph_get_graph_def(&graph_def, only_graph(model), &err), SM_DATA_LOSS, err);
  assert_ok(sm_node_iter_new(&iter, only_graph(model), &err), err);
  assert_status(sm_node_iter_next(&node, iter, &err), SM_DATA_LOSS, err);
  sm_node_iter_free(iter);
  assert_ok(sm_meta_graph_get_graph_summary(&summary, only_graph(model), &err), err); /* does not look that deep */
  assert_number("nodes", summary->n_nodes, 1);
  sm_model_close(model);
}

static void proto__walks_over_all_pieces(void **state) {
  (void)state;
  static const unsigned pieces[][4] = {{0}, {1}, {0, 0, 3}, {2, 0, 1}, {3, 2, 4, 1}};
  for (size_t p = 0; p < N_OF(pieces); p++) {
    unsigned n = 0;
    w_clear(&w);
    size_t graph = w_begin(&w, 2);
    for (size_t i = 0; i < 4; n += pieces[p][i], i++) put_piece(n, pieces[p][i], 1);
    w_end(&w, graph);
    sm_model *model = open_bytes(&w);
    sm_node_iter *iter;
    const Tensorflow__NodeDef *node;
    assert_ok(sm_node_iter_new(&iter, only_graph(model), &err), err);
    for (unsigned i = 0; i < n; i++) {
      char name[16];
      snprintf(name, sizeof name, "%u", i);
      assert_ok(sm_node_iter_next(&node, iter, &err), err);
      assert_non_null(node);
      assert_text("name", node->name, name);
      assert_text("op", node->op, "NoOp");
    }
    for (int again = 0; again < 3; again++) {
      assert_ok(sm_node_iter_next(&node, iter, &err), err);
      assert_null(node);
    }
    sm_node_iter_free(iter);
    sm_model_close(model);
  }
  sm_node_iter_free(NULL);
}

static void proto__a_walk_ends_with_its_first_error(void **state) {
  (void)state;
  static const struct {
    const char *what, *bytes;
    size_t size;
  } rows[] = {{"a damaged node", "\x0A\x02\x0A\x05\x0A\x00", 6}, {"a damaged graph", "\x0A\x50\x0A\x00", 4}};
  for (size_t i = 0; i < N_OF(rows); i++) {
    w_clear(&w);
    size_t graph = w_begin(&w, 2);
    put_piece(0, 1, 1);
    w_bytes(&w, 2, rows[i].bytes, rows[i].size);
    put_piece(1, 1, 1);
    w_end(&w, graph);
    sm_model *model = open_bytes(&w);
    sm_node_iter *iter;
    const Tensorflow__NodeDef *node;
    assert_ok(sm_node_iter_new(&iter, only_graph(model), &err), err);
    assert_ok(sm_node_iter_next(&node, iter, &err), err);
    assert_non_null(node);
    assert_status(sm_node_iter_next(&node, iter, &err), SM_DATA_LOSS, err);
    assert_null(node);
    assert_ok(sm_node_iter_next(&node, iter, &err), err);
    assert_null(node);
    sm_node_iter_free(iter);
    sm_model_close(model);
  }
}

/* "Memory: that of one node, whatever the graph." */
static void proto__memory_of_a_walk(void **state) {
  (void)state;
  size_t graph = w_begin(&w, 2);
  put_piece(0, 20000, 1);
  w_end(&w, graph);
  sm_fault_alloc fa;
  sm_fault_alloc_init(&fa, UINT64_MAX);
  sm_open_options options = SM_OPEN_OPTIONS_INIT;
  options.allocator = &fa.base;
  sm_model *model;
  sm_node_iter *iter;
  const Tensorflow__NodeDef *node;
  size_t n = 0;
  assert_ok(sm_model_open_buffer(&model, w.data, w.size, &options, &err), err);
  assert_ok(sm_node_iter_new(&iter, only_graph(model), &err), err);
  for (;; n++) {
    assert_ok(sm_node_iter_next(&node, iter, &err), err);
    if (node == NULL) break;
  }
  assert_number("nodes", n, 20000);
  if (fa.peak_bytes > 32768) fail_msg("%zu bytes", fa.peak_bytes);
  sm_node_iter_free(iter);
  sm_model_close(model);
  assert_number("live blocks", fa.live_blocks, 0);
  sm_fault_alloc_destroy(&fa);
}

#define CASE(name) cmocka_unit_test_teardown(name, tear_down)

int main(void) {
  const struct CMUnitTest tests[] = {
      CASE(proto__structs),          CASE(proto__absent_parts),          CASE(proto__refuses),
      CASE(proto__too_deep),         CASE(proto__walks_over_all_pieces), CASE(proto__a_walk_ends_with_its_first_error),
      CASE(proto__memory_of_a_walk),
  };
  return cmocka_run_group_tests_name("proto", tests, NULL, NULL);
}
