/* Debug nodes that do nothing any more; interop/options_tf.py holds it against TensorFlow. */
#include "support/check.h"

#include <savedmodel/pb/graph.pb-c.h>

#include "graph/graph_edit.h"
#include "support/fault_alloc.h"
#include "wire/text.h"

static sm_error err;
static sm_fault_alloc memory; /* never fails */

static int set_up(void **state) {
  (void)state;
  sm_fault_alloc_init(&memory, UINT64_MAX);
  return 0;
}

static int tear_down(void **state) {
  (void)state;
  assert_number("memory that is left", memory.live_blocks, 0);
  sm_fault_alloc_destroy(&memory);
  return 0;
}

/* Text as the bytes of a GraphDef. */
static void parse(sm_buffer *out, const char *text) {
  sm_buffer_init(out, &memory.base, UINT64_MAX);
  assert_ok(sm_text_read(out, &tensorflow__graph_def__descriptor, sm_string_of(text), &err), err);
}

static sm_status strip(sm_buffer *out, const sm_buffer *graph) {
  const sm_span bytes = {graph->data, graph->size};
  const sm_wire_source source = {.name = "graph", .bytes = bytes};
  return sm_debug_ops_strip(out, (sm_spans){&bytes, 1}, &source, &err);
}

/* The same bytes, so the order of fields is kept, too. */
static void assert_strips(const char *what, const char *text, const char *wanted_text) {
  sm_buffer graph, wanted, out;
  parse(&graph, text);
  parse(&wanted, wanted_text);
  sm_buffer_init(&out, &memory.base, UINT64_MAX);
  assert_ok(strip(&out, &graph), err);
  assert_bytes(what, out.data, out.size, wanted.data, wanted.size);
  sm_buffer_free(&graph);
  sm_buffer_free(&wanted);
  sm_buffer_free(&out);
}

#define ATTR(key, value) "attr { key: '" key "' value { " value " } }"

static void strip_debug__nodes_that_return_nothing(void **state) {
  (void)state;
  assert_strips("Assert",
                "node { name: 'a' op: 'Assert' input: 'all' input: 'x:1' input: '^b' device: '/cpu:0' " ATTR(
                    "T", "list { type: DT_FLOAT }") ATTR("_class", "list { s: 'loc:@x' }") "}",
                "node { name: 'a' op: 'NoOp' input: '^all' input: '^x' input: '^b' device: '/cpu:0' " ATTR(
                    "_class", "list { s: 'loc:@x' }") "}");
  assert_strips("PrintV2", "node { name: 'p' op: 'PrintV2' input: 's' " ATTR("end", "s: '!'") "}",
                "node { name: 'p' op: 'NoOp' input: '^s' }");
}

static void strip_debug__nodes_that_return_what_they_got(void **state) {
  (void)state;
  assert_strips("CheckNumerics",
                "node { name: 'c' op: 'CheckNumerics' input: 'x:1' input: '^a' " ATTR("T", "type: DT_HALF")
                    ATTR("_class", "list { s: 'loc:@x' }") ATTR("message", "s: 'bad'") "}",
                "node { name: 'c' op: 'Identity' input: 'x:1' input: '^a' " ATTR("T", "type: DT_HALF") "}");
  assert_strips("Print",
                "node { name: 'p' op: 'Print' input: 'x' input: 'y:2' input: 'x' " ATTR("T", "type: DT_FLOAT")
                    ATTR("U", "list { type: [DT_INT32, DT_FLOAT] }") "}",
                "node { name: 'p' op: 'Identity' input: 'x' input: '^y' input: '^x' " ATTR("T", "type: DT_FLOAT") "}");
}

/* Control outputs name nodes, which are still there. */
static void strip_debug__functions(void **state) {
  (void)state;
#define FUNCTION(node)                                                                                         \
  "node { name: 'x' op: 'NoOp' } library { function { signature { name: 'f' control_output: 'a' is_stateful: " \
  "true } node_def { " node " } control_ret { key: 'a' value: 'a' } } }"
  assert_strips("function", FUNCTION("name: 'a' op: 'Assert' input: 'all:output:0' input: 'x'"),
                FUNCTION("name: 'a' op: 'NoOp' input: '^all' input: '^x'"));
}

static void strip_debug__leaves_others_alone(void **state) {
  (void)state;
  static const char graph[] =
      "node { name: 'x' op: 'AssertNextDataset' input: 'y' }"
      "node { name: 'y' op: 'CheckNumericsV2' input: 'x' }";
  assert_strips("others", graph, graph);
}

static void strip_debug__without_memory(void **state) {
  (void)state;
  sm_buffer graph;
  parse(&graph, "node { name: 'a' op: 'Assert' input: 'x' } node { name: 'x' op: 'Print' input: 'y' input: 'z' }");
  for (uint64_t n = 0;; n++) {
    sm_fault_alloc allocator;
    sm_buffer out;
    sm_fault_alloc_init(&allocator, n);
    sm_buffer_init(&out, &allocator.base, UINT64_MAX);
    sm_status status = strip(&out, &graph);
    sm_buffer_free(&out);
    bool has_failed = allocator.fired;
    assert_number("memory that is left", allocator.live_blocks, 0);
    sm_fault_alloc_destroy(&allocator);
    assert_int_equal(status, has_failed ? SM_RESOURCE_EXHAUSTED : SM_OK);
    if (!has_failed) break;
  }
  sm_buffer_free(&graph);
}

#define CASE(name) cmocka_unit_test_setup_teardown(strip_debug__##name, set_up, tear_down)

int main(void) {
  const struct CMUnitTest tests[] = {
      CASE(nodes_that_return_nothing),
      CASE(nodes_that_return_what_they_got),
      CASE(functions),
      CASE(leaves_others_alone),
      CASE(without_memory),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
