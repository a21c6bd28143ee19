/* Ops, functions and versions of a graph. The rule for ops is TensorFlow's ops_used_by_graph_def
 * (tensorflow/python/framework/meta_graph.py). */
#include "support/check.h"

#include "graph/graph.h"
#include "support/fault_alloc.h"
#include "support/wire_writer.h"

static sm_fault_alloc fa;
static sm_arena arena;
static w_buffer w;
static sm_error err;

static int set_up(void **state) {
  (void)state;
  sm_fault_alloc_init(&fa, UINT64_MAX);
  sm_arena_init(&arena, &fa.base, UINT64_MAX);
  w = (w_buffer){0};
  return 0;
}

static int tear_down(void **state) {
  (void)state;
  sm_arena_free(&arena);
  w_free(&w);
  return fa.live_blocks == 0 ? 0 : -1;
}

/* A node (field number of its parent) of an op, with attribute "f" naming a function, unless it is NULL. */
static void put_node(uint32_t number, const char *op, const char *function) {
  size_t node = w_begin(&w, number);
  w_text(&w, 1, "name");
  if (op != NULL) w_text(&w, 2, op);
  if (function != NULL) {
    w_entry other = w_begin_entry(&w, 5, "g"); /* another attribute is no call */
    size_t func = w_begin(&w, 10);
    w_text(&w, 1, "not_called");
    w_end(&w, func);
    w_end_entry(&w, other);
    w_entry entry = w_begin_entry(&w, 5, "f");
    func = w_begin(&w, 10);
    w_text(&w, 1, function);
    w_end(&w, func);
    w_end_entry(&w, entry);
  }
  w_end(&w, node);
}

typedef struct function_spec {
  const char *name;
  const char *ops[4]; /* "op" or "op>function" */
} function_spec;

static void put_nodes(uint32_t number, const char *const *ops, size_t n) {
  for (size_t i = 0; i < n && ops[i] != NULL; i++) {
    char op[64];
    snprintf(op, sizeof op, "%s", ops[i]);
    char *function = strchr(op, '>');
    if (function != NULL) *function++ = '\0';
    put_node(number, op, function);
  }
}

static void put_library(const function_spec *functions, size_t n) {
  size_t library = w_begin(&w, 2);
  for (size_t i = 0; i < n; i++) {
    size_t function = w_begin(&w, 1), signature = w_begin(&w, 1);
    w_text(&w, 1, functions[i].name);
    w_end(&w, signature);
    put_nodes(3, functions[i].ops, N_OF(functions[i].ops));
    w_end(&w, function);
  }
  w_end(&w, library);
}

static sm_status summarise(sm_graph_summary *out) {
  sm_wire_source source = {.name = "m", .bytes = {w.data, w.size}};
  return sm_graph_summarise(out, (sm_spans){&source.bytes, 1}, &source, &arena, &err);
}

static void assert_names(const char *what, const sm_string *names, size_t n, const char *wanted) {
  char text[1000] = "";
  for (size_t i = 0; i < n; i++) {
    size_t used = strlen(text);
    snprintf(text + used, sizeof text - used, "%s%.*s", i == 0 ? "" : " ", (int)names[i].size, names[i].data);
    assert_number("terminated", (unsigned char)names[i].data[names[i].size], 0);
  }
  assert_text(what, text, wanted);
}

static void summary__ops_and_functions(void **state) {
  (void)state;
  static const struct {
    const char *what;
    const char *nodes[4];
    function_spec functions[4];
    size_t n_functions;
    const char *ops, *names;
  } rows[] = {
      {"nothing", {NULL}, {{0}}, 0, "", ""},
      {"plain nodes", {"MatMul", "Add", "MatMul"}, {{0}}, 0, "Add MatMul", ""},
      {"a function nobody calls", {"Add"}, {{"f", {"Sub"}}}, 1, "Add", "f"},
      {"called by the op's name", {"f"}, {{"f", {"Sub"}}}, 1, "Sub", "f"},
      {"called by PartitionedCall", {"PartitionedCall>f"}, {{"f", {"Sub"}}}, 1, "PartitionedCall Sub", "f"},
      {"called by StatefulPartitionedCall",
       {"StatefulPartitionedCall>f"},
       {{"f", {"Sub"}}},
       1,
       "StatefulPartitionedCall Sub",
       "f"},
      {"other calls are not followed",
       {"While>f", "If>f", "MapDataset>f"},
       {{"f", {"Sub"}}},
       1,
       "If MapDataset While",
       "f"},
      {"through functions",
       {"PartitionedCall>f"},
       {{"g", {"Mul"}}, {"f", {"PartitionedCall>g", "Sub"}}, {"h", {"Div"}}},
       3,
       "Mul PartitionedCall Sub",
       "f g h"},
      {"functions that call each other", {"f"}, {{"f", {"g", "Sub"}}, {"g", {"f", "Mul"}}}, 2, "Mul Sub", "f g"},
      /* of one size, first, middle and last byte: they push each other out of the set's cache */
      {"in circles, with names the cache cannot hold",
       {"xa_x"},
       {{"xa_x", {"xb_x", "xa_x", "xb_x"}}, {"xb_x", {"xa_x", "Mul", "xa_x"}}},
       2,
       "Mul",
       "xa_x xb_x"},
      {"a function that calls itself", {"f"}, {{"f", {"PartitionedCall>f"}}}, 1, "PartitionedCall", "f"},
      {"an absent function counts as an op", {"PartitionedCall>nowhere"}, {{0}}, 0, "PartitionedCall nowhere", ""},
      {"of two functions of one name the last", {"f"}, {{"f", {"Early"}}, {"f", {"Late"}}}, 2, "Late", "f f"},
  };
  for (size_t i = 0; i < N_OF(rows); i++) {
    for (int library_first = 0; library_first < 2; library_first++) {
      sm_graph_summary summary;
      w_clear(&w);
      if (library_first) put_library(rows[i].functions, rows[i].n_functions);
      put_nodes(1, rows[i].nodes, N_OF(rows[i].nodes));
      if (!library_first) put_library(rows[i].functions, rows[i].n_functions);
      assert_ok(summarise(&summary), err);
      size_t n_nodes = 0;
      while (n_nodes < 4 && rows[i].nodes[n_nodes] != NULL) n_nodes++;
      assert_number(rows[i].what, summary.n_nodes, n_nodes);
      assert_names(rows[i].what, summary.ops, summary.n_ops, rows[i].ops);
      assert_names(rows[i].what, summary.functions, summary.n_functions, rows[i].names);
    }
  }
}

/* A node without op, and a call without function: TensorFlow counts the empty name. */
static void summary__empty_names(void **state) {
  (void)state;
  sm_graph_summary summary;
  put_node(1, NULL, NULL);
  assert_ok(summarise(&summary), err);
  assert_number("ops", summary.n_ops, 1);
  assert_number("its length", summary.ops[0].size, 0);
  w_clear(&w);
  put_node(1, "PartitionedCall", NULL);
  assert_ok(summarise(&summary), err);
  assert_number("ops", summary.n_ops, 2);
  assert_number("its length", summary.ops[0].size, 0);
}

static void summary__versions(void **state) {
  (void)state;
  sm_graph_summary summary;
  assert_ok(summarise(&summary), err);
  assert_int_equal(summary.producer, 0);
  size_t versions = w_begin(&w, 4);
  w_varint(&w, 1, 2467);
  w_varint(&w, 2, 12);
  w_bytes(&w, 3, "\x01\x80\x01", 3);
  w_end(&w, versions);
  versions = w_begin(&w, 4); /* given twice: merged */
  w_varint(&w, 2, 13);
  w_varint(&w, 3, 7);
  w_end(&w, versions);
  assert_ok(summarise(&summary), err);
  assert_int_equal(summary.producer, 2467);
  assert_int_equal(summary.min_consumer, 13);
  static const int32_t bad[] = {1, 128, 7};
  assert_number("bad_consumers", summary.n_bad_consumers, N_OF(bad));
  for (size_t i = 0; i < N_OF(bad); i++) assert_int_equal(summary.bad_consumers[i], bad[i]);
}

static void summary__over_several_pieces(void **state) {
  (void)state;
  static const function_spec first[] = {{"f", {"Sub"}}}, second[] = {{"g", {"Mul"}}};
  put_node(1, "f", NULL);
  put_library(first, 1);
  size_t split = w.size;
  put_node(1, "g", NULL);
  put_library(second, 1);
  sm_wire_source source = {.name = "m", .bytes = {w.data, w.size}};
  const sm_span pieces[] = {{w.data, split}, {w.data + split, w.size - split}};
  sm_graph_summary summary;
  assert_ok(sm_graph_summarise(&summary, (sm_spans){pieces, 2}, &source, &arena, &err), err);
  assert_number("nodes", summary.n_nodes, 2);
  assert_names("ops", summary.ops, summary.n_ops, "Mul Sub");
  assert_names("functions", summary.functions, summary.n_functions, "f g");
}

static void summary__damage(void **state) {
  (void)state;
  static const struct {
    const char *what, *bytes;
    size_t size;
  } rows[] = {
      {"a node past the end", "\x0A\x05", 2},
      {"an op past the end of its node", "\x0A\x02\x12\x05", 4},
      {"an op that is not UTF-8", "\x0A\x03\x12\x01\xFF", 5},
      {"a function past the end", "\x12\x02\x0A\x05", 4},
      {"a function's name that is not UTF-8", "\x12\x07\x0A\x05\x0A\x03\x0A\x01\xFF", 9},
      {"versions that do not end", "\x22\x02\x08\x80", 4},
      {"field number 0", "\x00\x00", 2},
  };
  for (size_t i = 0; i < N_OF(rows); i++) {
    sm_graph_summary summary;
    w_clear(&w);
    w_raw(&w, rows[i].bytes, rows[i].size);
    sm_status status = summarise(&summary);
    assert_text(rows[i].what, sm_status_name(status), "DATA_LOSS");
  }
}

/* Functions that form a chain of calls, a hundred thousand long: no recursion, and no quadratic search. */
static void summary__long_chain_of_calls(void **state) {
  (void)state;
  enum { N = 100000 };
  w_buffer library = {0};
  for (unsigned i = 0; i < N; i++) {
    char name[16], called[16];
    snprintf(name, sizeof name, "f%u", i);
    snprintf(called, sizeof called, "f%u", i + 1);
    size_t function = w_begin(&library, 1), signature = w_begin(&library, 1);
    w_text(&library, 1, name);
    w_end(&library, signature);
    size_t node = w_begin(&library, 3);
    w_text(&library, 2, i + 1 < N ? called : "Last");
    w_end(&library, node);
    w_end(&library, function);
  }
  put_node(1, "f0", NULL);
  w_message(&w, 2, &library);
  w_free(&library);
  sm_graph_summary summary;
  assert_ok(summarise(&summary), err);
  assert_names("ops", summary.ops, summary.n_ops, "Last");
  assert_number("functions", summary.n_functions, N);
}

/* "memory depends on the number of functions and distinct ops, not of nodes" */
static void summary__memory_is_not_that_of_nodes(void **state) {
  (void)state;
  for (int i = 0; i < 200000; i++)
    w_raw(&w,
          "\x0A\x05\x12\x03"
          "Add",
          7);
  sm_graph_summary summary;
  assert_ok(summarise(&summary), err);
  assert_number("nodes", summary.n_nodes, 200000);
  if (fa.peak_bytes > 65536) fail_msg("%zu bytes for one op", fa.peak_bytes);
}

#define CASE(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)

int main(void) {
  const struct CMUnitTest tests[] = {
      CASE(summary__ops_and_functions),           CASE(summary__empty_names), CASE(summary__versions),
      CASE(summary__over_several_pieces),         CASE(summary__damage),      CASE(summary__long_chain_of_calls),
      CASE(summary__memory_is_not_that_of_nodes),
  };
  return cmocka_run_group_tests_name("summary", tests, NULL, NULL);
}
