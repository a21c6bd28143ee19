/* Constants that become arguments, in protobuf text; interop/options_tf.py runs what comes of it. */
#include "graph/lift_constants.h"

#include <savedmodel/pb/graph.pb-c.h>

#include "support/check.h"
#include "support/fault_alloc.h"
#include "wire/text.h"

static sm_error err;
static sm_fault_alloc memory;
static sm_arena arena;
static sm_buffer graph;
static sm_graph_library library;
static sm_lifted lifted;
static bool is_fixed[8];

static int set_up(void **state) {
  (void)state;
  sm_fault_alloc_init(&memory, UINT64_MAX);
  sm_arena_init(&arena, &memory.base, UINT64_MAX);
  sm_buffer_init(&graph, &memory.base, UINT64_MAX);
  memset(is_fixed, 0, sizeof is_fixed);
  return 0;
}

static int tear_down(void **state) {
  (void)state;
  sm_arena_free(&arena);
  sm_buffer_free(&graph);
  assert_number("memory that is left", memory.live_blocks, 0);
  sm_fault_alloc_destroy(&memory);
  return 0;
}

static void open_library(const char *text) {
  graph.size = 0;
  assert_ok(sm_text_read(&graph, &tensorflow__graph_def__descriptor, sm_string_of(text), &err), err);
  const sm_span bytes = {graph.data, graph.size};
  static sm_wire_source source;
  source = (sm_wire_source){.name = "graph", .bytes = bytes};
  assert_ok(sm_graph_index_functions(&library, (sm_spans){&bytes, 1}, &source, &arena, &err), err);
}

static sm_status lift(uint64_t above) {
  const sm_lift_spec spec = {&library, is_fixed, above};
  return sm_graph_lift_constants(&lifted, &spec, &arena, &err);
}

static sm_status put(void *ctx, const void *data, size_t size, sm_error *e) {
  return sm_buffer_put(ctx, data, size, e);
}

/* The function of that name is what the text says; NULL: it stayed as it was. */
static void assert_function(const char *name, const char *text) {
  sm_buffer wanted, shown[2];
  size_t i = sm_graph_find_function(&library, sm_string_of(name));
  assert_true(i != SIZE_MAX);
  sm_string def = lifted.functions[i].def;
  if (text == NULL) assert_null(def.data);
  if (text == NULL) return;
  sm_buffer_init(&wanted, &memory.base, UINT64_MAX);
  assert_ok(sm_text_read(&wanted, &tensorflow__function_def__descriptor, sm_string_of(text), &err), err);
  const sm_span messages[2] = {{(const uint8_t *)def.data, def.size}, {wanted.data, wanted.size}};
  for (size_t k = 0; k < 2; k++) {
    const sm_wire_source source = {.name = name, .bytes = messages[k]};
    sm_buffer_init(&shown[k], &memory.base, UINT64_MAX);
    assert_ok(sm_text_write(&tensorflow__function_def__descriptor, messages[k], &source, &arena, put, &shown[k], &err),
              err);
  }
  assert_bytes(name, shown[0].data, shown[0].size, shown[1].data, shown[1].size);
  sm_buffer_free(&shown[0]);
  sm_buffer_free(&shown[1]);
  sm_buffer_free(&wanted);
}

#define TYPE(key, dtype) "attr { key: '" key "' value { type: " dtype " } }"
#define TYPES(key, dtypes) "attr { key: '" key "' value { list { type: [" dtypes "] } } }"
/* Three floats, 12 bytes. */
#define CONST(name, more, content) \
  "node_def { name: '" name "' op: 'Const' " more TYPE("dtype", "DT_FLOAT") "attr { key: 'value' value { tensor { " \
  "dtype: DT_FLOAT tensor_shape { dim { size: 3 } } " content " } } } }"
#define ABC "tensor_content: 'aaaabbbbcccc'"
#define CALL(name, function, inputs, types)                                                                     \
  "node_def { name: '" name "' op: 'PartitionedCall' " inputs "attr { key: 'f' value { func { name: '" function \
  "' } } }" TYPES("Tin", types) TYPES("Tout", "DT_FLOAT") "}"
#define ARG(name) "input_arg { name: '" name "' type: DT_FLOAT }"
#define X ARG("x")

/* ---- One function ---- */

static void lift_constants__become_arguments(void **state) {
  (void)state;
  open_library(
      "library { function { signature { name: 'f' description: 'd' " X
      "output_arg { name: 'y' type: DT_FLOAT } }"
      "attr { key: '_input_shapes' value { list { shape { } } } } attr { key: 'kept' value { b: true } }" CONST(
          "c", "input: '^x' device: '/cpu:0' attr { key: '_class' value { s: 'k' } }", ABC)
          CONST("small", "", "float_val: 1") "ret { key: 'y' value: 'c:output:0' } } }");
  assert_ok(lift(11), err);
  assert_number("constants", lifted.n_constants, 1);
  assert_bytes("node", lifted.constants[0].node.data, lifted.constants[0].node.size, "c", 1);
  assert_bytes("value", lifted.constants[0].value.content.data, lifted.constants[0].value.content.size, "aaaabbbbcccc",
               12);
  assert_number("arguments", lifted.functions[0].n_constants, 1);
  assert_function("f",
                  "signature { name: 'f' description: 'd' " X ARG("constant_0") "output_arg { name: 'y' type: DT_FLOAT } }"
                  "attr { key: 'kept' value { b: true } }"
                  "node_def { name: 'c' op: 'Identity' input: 'constant_0' input: '^x' device: '/cpu:0' attr { key: "
                  "'_class' value { s: 'k' } }" TYPE("T", "DT_FLOAT") "}" CONST("small", "", "float_val: 1")
                  "ret { key: 'y' value: 'c:output:0' }");
}

static void lift_constants__of_that_size_stay(void **state) {
  (void)state;
  open_library("library { function { signature { name: 'f' } " CONST("c", "", ABC) "} }");
  assert_ok(lift(12), err);
  assert_number("constants", lifted.n_constants, 0);
  assert_function("f", NULL);
}

/* One number may stand for any number of elements, which nobody stores; values one by one are as good as content. */
static void lift_constants__values_of_all_kinds(void **state) {
  (void)state;
  open_library("library { function { signature { name: 'f' } " CONST("repeated", "", "float_val: 1")
                   CONST("listed", "", "float_val: [1, 2, 3]") "node_def { name: 'text' op: 'Const' " TYPE(
                       "dtype", "DT_STRING") "attr { key: 'value' value { tensor { dtype: DT_STRING string_val: "
                                             "'a text of some length' } } } } } }");
  assert_ok(lift(4), err);
  assert_number("constants", lifted.n_constants, 1);
  assert_bytes("node", lifted.constants[0].node.data, lifted.constants[0].node.size, "listed", 6);
}

/* ---- Several ---- */

/* f calls g twice and h, both of which have the same value; new inputs stand before control inputs. */
static void lift_constants__are_handed_on(void **state) {
  (void)state;
  open_library("library { function { signature { name: 'f' " X "}" CALL("g1", "g", "input: 'x' input: '^n'", "DT_FLOAT")
                   CALL("g2", "g", "input: 'g1:output:0'", "DT_FLOAT") "node_def { name: 'h' op: 'h' input: '^g1' }"
               "node_def { name: 'n' op: 'NoOp' } }"
               "function { signature { name: 'g' " X "}" CONST("c", "", ABC) "}"
               "function { signature { name: 'h' }" CONST("d", "", ABC) CONST("e", "", "tensor_content: 'eeeeffffgggg'")
               "} }");
  assert_ok(lift(4), err);
  assert_number("constants", lifted.n_constants, 2);
  assert_function("f", "signature { name: 'f' " X ARG("constant_0") ARG("constant_1") "}"
                       CALL("g1", "g", "input: 'x' input: 'constant_0' input: '^n'", "DT_FLOAT, DT_FLOAT")
                       CALL("g2", "g", "input: 'g1:output:0' input: 'constant_0'", "DT_FLOAT, DT_FLOAT")
                       "node_def { name: 'h' op: 'h' input: 'constant_0' input: 'constant_1' input: '^g1' }"
                       "node_def { name: 'n' op: 'NoOp' }");
  assert_function("g", "signature { name: 'g' " X ARG("constant_0") "} node_def { name: 'c' op: 'Identity' input: "
                       "'constant_0' " TYPE("T", "DT_FLOAT") "}");
}

/* A loop calls g, and g calls h: both stay, and so does what others make of h. */
static void lift_constants__stay_where_nobody_can_hand_them_on(void **state) {
  (void)state;
  open_library("library { function { signature { name: 'f' " X "} node_def { name: 'w' op: 'While' input: 'x' "
               "attr { key: 'cond' value { func { name: 'h' } } } attr { key: 'body' value { func { name: 'g' } } } }"
               CALL("h1", "h", "input: 'x'", "DT_FLOAT") "}"
               "function { signature { name: 'g' " X "}" CALL("k1", "k", "input: 'x'", "DT_FLOAT") "}"
               "function { signature { name: 'h' " X "}" CONST("c", "", ABC) "}"
               "function { signature { name: 'k' " X "}" CONST("c", "", ABC) "} }");
  assert_ok(lift(4), err);
  assert_number("constants that stay", lifted.n_kept, 2);
  for (size_t i = 0; i < library.n; i++) assert_null(lifted.functions[i].def.data);
  is_fixed[0] = true;
  open_library("library { function { signature { name: 'f' }" CONST("c", "", ABC) "} }");
  assert_ok(lift(4), err);
  assert_function("f", NULL);
}

static void lift_constants__names_that_are_taken(void **state) {
  (void)state;
  open_library("library { function { signature { name: 'f' } " CONST(
      "constant_0", "",
      ABC) "} function { signature { "
           "name: 'g' " ARG("constant__0") "} } }");
  assert_ok(lift(4), err);
  assert_function("f", "signature { name: 'f' " ARG("constant____0") "} node_def { name: 'constant_0' op: 'Identity' "
                       "input: 'constant____0' " TYPE("T", "DT_FLOAT") "}");
}

static void lift_constants__refused(void **state) {
  (void)state;
  open_library("library { function { signature { name: 'f' } node_def { name: 'n' op: 'f' } } }");
  assert_status(lift(4), SM_INVALID_ARGUMENT, err);
  assert_mentions(err.message, "function f: calls itself");
}

static void lift_constants__no_memory(void **state) {
  (void)state;
  open_library("library { function { signature { name: 'f' " X "}" CALL(
      "g1", "g", "input: 'x'",
      "DT_FLOAT") "}"
                  "function { signature { name: 'g' " X "}" CONST("c", "", ABC) "} }");
  for (uint64_t n = 0;; n++) {
    sm_fault_alloc failing;
    sm_arena small;
    const sm_lift_spec spec = {&library, is_fixed, 4};
    sm_fault_alloc_init(&failing, n);
    sm_arena_init(&small, &failing.base, UINT64_MAX);
    sm_status status = sm_graph_lift_constants(&lifted, &spec, &small, &err);
    sm_arena_free(&small);
    bool has_failed = failing.fired;
    assert_number("memory that is left", failing.live_blocks, 0);
    sm_fault_alloc_destroy(&failing);
    assert_int_equal(status, has_failed ? SM_RESOURCE_EXHAUSTED : SM_OK);
    if (!has_failed) break;
  }
}

#define CASE(name) cmocka_unit_test_setup_teardown(lift_constants__##name, set_up, tear_down)

int main(void) {
  const struct CMUnitTest tests[] = {
      CASE(become_arguments),
      CASE(of_that_size_stay),
      CASE(values_of_all_kinds),
      CASE(are_handed_on),
      CASE(stay_where_nobody_can_hand_them_on),
      CASE(names_that_are_taken),
      CASE(refused),
      CASE(no_memory),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
