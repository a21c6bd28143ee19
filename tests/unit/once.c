/* What is decoded on first use. That it may be used from many threads: fault/threads.c. */
#include "support/check.h"

#include <savedmodel/proto.h>

#include "support/fault_alloc.h"
#include "support/models.h"

static sm_error err;

static void once__the_same_ever_after(void **state) {
  (void)state;
  sm_model *model = open_data("v2/signature_defaults");
  const sm_meta_graph *graph = only_graph(model);
  const sm_signature *signatures[2];
  const sm_meta_info *infos[2];
  const sm_graph_summary *summaries[2];
  const sm_trackable *roots[2];
  const sm_collection *collections[2] = {NULL, NULL};
  const Tensorflow__GraphDef *graph_defs[2];
  for (int i = 0; i < 2; i++) {
    assert_ok(sm_meta_graph_get_signature(&signatures[i], graph, 0, &err), err);
    assert_ok(sm_meta_graph_get_info(&infos[i], graph, &err), err);
    assert_ok(sm_meta_graph_get_graph_summary(&summaries[i], graph, &err), err);
    assert_ok(sm_meta_graph_get_root(&roots[i], graph, &err), err);
    assert_ok(sm_meta_graph_get_graph_def(&graph_defs[i], graph, &err), err);
    (void)sm_meta_graph_get_collection(&collections[i], graph, 0, &err);
  }
  assert_ptr_equal(signatures[0], signatures[1]);
  assert_ptr_equal(infos[0], infos[1]);
  assert_ptr_equal(summaries[0], summaries[1]);
  assert_ptr_equal(roots[0], roots[1]);
  assert_ptr_equal(graph_defs[0], graph_defs[1]);
  assert_ptr_equal(collections[0], collections[1]);
  sm_model_close(model);
}

/* What could not be decoded is tried again each time, and leaves nothing behind: a caller that asks for ever has the
 * memory of one who asked once. */
static void once__failures_leave_no_memory(void **state) {
  (void)state;
  w_buffer w = {0};
  size_t graph = w_begin(&w, 2);
  w_entry entry = w_begin_entry(&w, 5, "s");
  for (int i = 0; i < 100; i++) w_end_entry(&w, w_begin_entry(&w, 1, "x"));
  w_raw(&w, "\x12\x50", 2); /* damage behind a hundred inputs */
  w_end_entry(&w, entry);
  w_bytes(&w, 6, "\x12\x03../", 5);
  w_end(&w, graph);
  sm_fault_alloc fa;
  sm_open_options options = SM_OPEN_OPTIONS_INIT;
  sm_model *model;
  sm_fault_alloc_init(&fa, UINT64_MAX);
  options.allocator = &fa.base;
  assert_ok(sm_model_open_buffer(&model, w.data, w.size, &options, &err), err);
  size_t before = fa.live_bytes, after_one = 0;
  for (int i = 0; i < 1000; i++) {
    const sm_signature *signature;
    const sm_asset *asset;
    assert_status(sm_meta_graph_get_signature(&signature, only_graph(model), 0, &err), SM_DATA_LOSS, err);
    assert_status(sm_meta_graph_get_asset(&asset, only_graph(model), 0, &err), SM_DATA_LOSS, err);
    if (i == 0) after_one = fa.live_bytes;
    assert_number("bytes", fa.live_bytes, after_one);
  }
  assert_number("bytes", after_one, before);
  sm_model_close(model);
  sm_fault_alloc_destroy(&fa);
  w_free(&w);
}

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(once__the_same_ever_after),
      cmocka_unit_test(once__failures_leave_no_memory),
  };
  return cmocka_run_group_tests_name("once", tests, NULL, NULL);
}
