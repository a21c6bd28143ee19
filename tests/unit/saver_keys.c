/* What a saver restores. TensorFlow's own savers: interop/rebuild_tf.py; what comes of it: builder.c. */
#include "graph/saver_keys.h"

#include "support/check.h"
#include "support/fault_alloc.h"
#include "support/graph_spec.h"

static w_buffer w;
static sm_arena arena;
static sm_error err;

static int set_up(void **state) {
  (void)state;
  w = (w_buffer){0};
  sm_arena_init(&arena, sm_allocator_or_malloc(NULL), UINT64_MAX);
  return 0;
}

static int tear_down(void **state) {
  (void)state;
  sm_arena_free(&arena);
  w_free(&w);
  return 0;
}

/* ---- Graphs ---- */

enum { INT64 = 9, FLOAT = 1, IN_GRAPH = SPEC_NODE, IN_FUNCTION = SPEC_FUNCTION_NODE };

/* A constant of one string, or of two. */
static void put_strings(uint32_t number, const char *name, const char *first, const char *second) {
  char text[128];
  snprintf(text, sizeof text, "%s=Const()", name);
  size_t node = begin_node(&w, number, text);
  w_entry value = w_begin_entry(&w, 5, "value");
  size_t tensor = w_begin(&w, 8);
  w_text(&w, 8, first);
  if (second != NULL) w_text(&w, 8, second);
  w_end(&w, tensor);
  w_end_entry(&w, value);
  w_end(&w, node);
}

/* A RestoreV2 of two tensors. */
static void put_restore(uint32_t number, const char *text, bool is_packed) {
  static const uint8_t dtypes[] = {FLOAT, INT64};
  size_t node = begin_node(&w, number, text);
  w_entry attr = w_begin_entry(&w, 5, "dtypes");
  size_t list = w_begin(&w, 1);
  if (is_packed) w_bytes(&w, 6, dtypes, sizeof dtypes);
  for (size_t i = 0; !is_packed && i < sizeof dtypes; i++) w_varint(&w, 6, dtypes[i]);
  w_end(&w, list);
  w_end_entry(&w, attr);
  w_end(&w, node);
}

/* A variable of shape [2, ?]. */
static void put_variable(const char *text) {
  size_t node = begin_node(&w, IN_GRAPH, text);
  w_entry attr = w_begin_entry(&w, 5, "shape");
  size_t shape = w_begin(&w, 7);
  for (int i = 0; i < 2; i++) {
    size_t dim = w_begin(&w, 2);
    w_varint(&w, 1, i == 0 ? 2 : UINT64_MAX);
    w_end(&w, dim);
  }
  w_end(&w, shape);
  w_end_entry(&w, attr);
  w_end(&w, node);
}

static void put_graph(const char *slices) {
  put_strings(IN_GRAPH, "file", "model", NULL);
  put_strings(IN_GRAPH, "keys", "a", "b");
  put_strings(IN_GRAPH, "slices", slices, NULL);
  put_restore(IN_GRAPH, "restore=RestoreV2(file,keys,slices)", false);
  put_variable("a=VariableV2()");
  put_variable("b=VarHandleOp()");
  put_node(&w, IN_GRAPH, "again=Identity(restore:1)");
  put_node(&w, IN_GRAPH, "assign=Assign(a,restore)");
  put_node(&w, IN_GRAPH, "assign_1=AssignVariableOp(b,again)");
  put_node(&w, IN_GRAPH, "all=NoOp(^assign,^assign_1)");
}

static sm_status find(sm_saver_keys *out, sm_arena *in) {
  const sm_span bytes = {w.data, w.size};
  const sm_wire_source source = {.name = "test", .bytes = bytes};
  return sm_saver_find_keys(out, (sm_spans){&bytes, 1}, sm_string_of("file:0"), sm_string_of("all"), &source, in, &err);
}

static void is_key(const sm_saver_key *key, const char *name, sm_dtype dtype, int32_t rank, int64_t first) {
  assert_int_equal(key->key.size, strlen(name));
  assert_memory_equal(key->key.data, name, key->key.size);
  assert_number("dtype", key->dtype, dtype);
  assert_int_equal(key->shape.rank, rank);
  if (rank > 0) assert_number("dimension", key->shape.dims[0], first);
}

/* ---- Cases ---- */

static void saver_keys__of_a_graph(void **state) {
  (void)state;
  sm_saver_keys keys;
  put_graph("");
  assert_ok(find(&keys, &arena), err);
  assert_number("keys", keys.n, 2);
  is_key(&keys.items[0], "a", SM_DT_FLOAT, 2, 2);
  is_key(&keys.items[1], "b", SM_DT_INT64, 2, 2);
  assert_int_equal(keys.items[1].shape.dims[1], -1);
}

/* The last string of a constant stands for those that follow. What a slice says of the whole comes before the variable. */
static void saver_keys__of_slices(void **state) {
  (void)state;
  sm_saver_keys keys;
  put_graph("6 4 2,2:-");
  assert_ok(find(&keys, &arena), err);
  assert_number("keys", keys.n, 2);
  is_key(&keys.items[0], "a", SM_DT_FLOAT, 2, 6);
  is_key(&keys.items[1], "b", SM_DT_INT64, 2, 6);
}

static void saver_keys__of_a_function(void **state) {
  (void)state;
  sm_saver_keys keys;
  put_strings(IN_GRAPH, "file", "model", NULL);
  put_node(&w, IN_GRAPH, "all=StatefulPartitionedCall(file) g");
  size_t library = w_begin(&w, 2), function = w_begin(&w, 1), signature = w_begin(&w, 1);
  w_text(&w, 1, "g");
  w_end(&w, signature);
  put_strings(IN_FUNCTION, "keys", "k", "l");
  put_strings(IN_FUNCTION, "slices", "", NULL);
  put_strings(IN_FUNCTION, "elsewhere", "/etc/other", NULL);
  put_restore(IN_FUNCTION, "a=RestoreV2(prefix,keys:output:0,slices:output:0)", true);
  put_restore(IN_FUNCTION, "b=RestoreV2(elsewhere:output:0,keys:output:0,slices:output:0)", true);
  w_end(&w, function);
  w_end(&w, library);
  assert_ok(find(&keys, &arena), err);
  assert_number("keys", keys.n, 2);
  is_key(&keys.items[0], "k", SM_DT_FLOAT, -1, 0);
  is_key(&keys.items[1], "l", SM_DT_INT64, -1, 0);
}

/* Read from another file, with computed keys, or by nodes that restoring does not run: not the saver's. */
static void saver_keys__of_others(void **state) {
  (void)state;
  sm_saver_keys keys;
  put_strings(IN_GRAPH, "file", "model", NULL);
  put_strings(IN_GRAPH, "other", "warm", NULL);
  put_strings(IN_GRAPH, "keys", "a", NULL);
  put_node(&w, IN_GRAPH, "computed=StringJoin(keys)");
  put_node(&w, IN_GRAPH, "loop=Identity(loop)");
  put_variable("v=VariableV2()");
  put_node(&w, IN_GRAPH, "assign=Assign(v,loop)");
  put_restore(IN_GRAPH, "a=RestoreV2(other,keys,keys)", true);
  put_restore(IN_GRAPH, "b=RestoreV2(file,computed,keys)", true);
  put_restore(IN_GRAPH, "c=RestoreV2(file,keys,gone)", true);
  put_restore(IN_GRAPH, "unused=RestoreV2(file,keys,keys)", true);
  put_node(&w, IN_GRAPH, "all=NoOp(^a,^b,^c,^assign)");
  assert_ok(find(&keys, &arena), err);
  assert_number("keys", keys.n, 0);
}

static void saver_keys__refuses(void **state) {
  (void)state;
  sm_saver_keys keys;
  put_graph("6 4 2,9:-");
  assert_status(find(&keys, &arena), SM_INVALID_ARGUMENT, err);
  w_clear(&w);
  put_graph("");
  for (size_t size = 1; size < w.size; size++) {
    const sm_span bytes = {w.data, size};
    const sm_wire_source source = {.name = "test", .bytes = bytes};
    sm_status status = sm_saver_find_keys(&keys, (sm_spans){&bytes, 1}, sm_string_of("file"), sm_string_of("all"),
                                          &source, &arena, &err);
    if (status != SM_OK) assert_status(status, SM_DATA_LOSS, err);
    if (status == SM_OK) assert_number("keys", keys.n, 0);
  }
}

static void saver_keys__memory(void **state) {
  (void)state;
  put_graph("6 4 2,2:-");
  bool fired = true;
  for (uint64_t n = 0; fired; n++) {
    sm_fault_alloc fa;
    sm_arena in;
    sm_saver_keys keys;
    sm_fault_alloc_init(&fa, n);
    sm_arena_init(&in, &fa.base, UINT64_MAX);
    sm_status status = find(&keys, &in);
    sm_arena_free(&in);
    fired = fa.fired;
    assert_number("live blocks", fa.live_blocks, 0);
    assert_status(status, fired ? SM_RESOURCE_EXHAUSTED : SM_OK, err);
    sm_fault_alloc_destroy(&fa);
  }
}

int main(void) {
#define CASE(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)
  const struct CMUnitTest tests[] = {
      CASE(saver_keys__of_a_graph), CASE(saver_keys__of_slices), CASE(saver_keys__of_a_function),
      CASE(saver_keys__of_others),  CASE(saver_keys__refuses),   CASE(saver_keys__memory),
  };
  return cmocka_run_group_tests_name("saver_keys", tests, NULL, NULL);
}
