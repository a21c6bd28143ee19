/* Every allocation fails once while a GraphDef is changed and checked: RESOURCE_EXHAUSTED, and nothing leaks. */
#include "support/check.h"

#include <savedmodel/graph.h>

#include "support/fault_alloc.h"
#include "support/graph_spec.h"

static const graph_spec spec = {
    .nodes = {"x=Placeholder() #1", "m=MatMul(x, x)", "y=PartitionedCall(x) f", "z=Zork(y:0, ^m)", "l=Neg(gone)"},
    .functions = {{"f", "a", {"n=MatMul(a, a)", "o=Identity(n:product:0)"}}},
};

static w_buffer w;
static sm_string graph_def;

/* The GraphDef lies at the end of the only meta graph. */
static int set_up(void **state) {
  (void)state;
  put_meta_graph(&w, &spec);
  const uint8_t *p = w.data, *end = w.data + w.size;
  for (int level = 0; level < 2; level++) {
    size_t size = 0;
    assert_int_equal(*p++, 8 * 2 + W_BYTES); /* META_GRAPH, then GRAPH */
    for (unsigned shift = 0;; shift += 7) {
      size |= (size_t)(*p & 0x7F) << shift;
      if (*p++ < 0x80) break;
    }
    end = p + size;
  }
  graph_def = (sm_string){(const char *)p, (size_t)(end - p)};
  return 0;
}

static int tear_down(void **state) {
  (void)state;
  w_free(&w);
  return 0;
}

static void ignore_name(void *ctx, sm_string name) {
  (void)ctx;
  (void)name;
}

/* One call after the other; the first that fails ends it. */
static sm_status use_graph(const sm_allocator *allocator, sm_error *err) {
  const sm_string none = {NULL, 0};
  sm_string out;
  SM_TRY(sm_graph_strip_defaults(&out, graph_def, allocator, err));
  sm_graph_free_def(&out, allocator);
  SM_TRY(sm_graph_restore_defaults(&out, graph_def, allocator, err));
  sm_graph_free_def(&out, allocator);
  SM_TRY(sm_graph_clear_devices(&out, graph_def, true, allocator, err));
  sm_graph_free_def(&out, allocator);
  SM_TRY(sm_graph_list_ops(&out, graph_def, none, allocator, err));
  sm_graph_free_def(&out, allocator);
  SM_TRY(sm_graph_list_devices(graph_def, ignore_name, NULL, allocator, err));
  sm_status status = sm_graph_check(graph_def, none, NULL, NULL, allocator, err);
  return status == SM_DATA_LOSS ? SM_OK : status; /* there is something to be found */
}

static void graph_fault__each_allocation(void **state) {
  (void)state;
  uint64_t n = 0;
  for (bool fired = true; fired; n++) {
    sm_error err;
    sm_fault_alloc fa;
    sm_fault_alloc_init(&fa, n);
    sm_status status = use_graph(&fa.base, &err);
    fired = fa.fired;
    assert_status(status, fired ? SM_RESOURCE_EXHAUSTED : SM_OK, err);
    assert_number("live blocks", fa.live_blocks, 0);
    sm_fault_alloc_destroy(&fa);
  }
  assert_true(n > 50);
}

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test_setup_teardown(graph_fault__each_allocation, set_up, tear_down),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
