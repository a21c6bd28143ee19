/* Objects that cannot be saved: each is refused before anything is written, and the message names the object and the
 * function. Values that cannot be added at all: object_graph.c. */
#include "support/check.h"

#include <unistd.h>

#include <savedmodel/pb/graph.pb-c.h>
#include <savedmodel/savedmodel.h>

#include "support/fault_alloc.h"
#include "support/files.h"
#include "wire/text.h"

static temp_dir dir;
static sm_error err;
static sm_object_graph *objects;
static sm_fault_alloc memory; /* never fails */
static sm_buffer graph;       /* serialised GraphDef of the case */
static int32_t layer, weight, constant;
static const float two = 2;

static int set_up(void **state) {
  (void)state;
  const sm_tensor_view value = {.dtype = SM_DT_FLOAT, .data = &two, .size = sizeof two};
  dir = make_temp_dir();
  sm_fault_alloc_init(&memory, UINT64_MAX);
  sm_buffer_init(&graph, &memory.base, UINT64_MAX);
  assert_ok(sm_object_graph_new(&objects, &memory.base, &err), err);
  assert_ok(sm_object_graph_add(&layer, objects, SM_OBJECT_ROOT, "layer", SM_CONTAINER_OBJECT, &err), err);
  const sm_variable_spec spec = {.value = &value};
  assert_ok(sm_object_graph_add_variable(&weight, objects, layer, "w", &spec, &err), err);
  assert_ok(sm_object_graph_add_constant(&constant, objects, layer, "c", &value, &err), err);
  return 0;
}

static int tear_down(void **state) {
  (void)state;
  sm_object_graph_free(objects);
  sm_buffer_free(&graph);
  assert_number("memory that is left", memory.live_blocks, 0);
  sm_fault_alloc_destroy(&memory);
  remove_temp_dir(&dir);
  return 0;
}

static sm_string parse(const char *text) {
  graph.size = 0;
  assert_ok(sm_text_read(&graph, &tensorflow__graph_def__descriptor, sm_string_of(text), &err), err);
  return (sm_string){(const char *)graph.data, graph.size};
}

/* The whole message; and nothing is there. */
static void assert_refused(sm_status status, sm_status wanted, const char *message) {
  if (status != wanted || strcmp(err.message, message) != 0)
    fail_msg("%s \"%s\", not %s \"%s\"", sm_status_name(status), status != SM_OK ? err.message : "",
             sm_status_name(wanted), message);
  assert_int_not_equal(access(path_in(dir.path, "model"), F_OK), 0);
  assert_int_not_equal(access(path_in(dir.path, "model.partial-model"), F_OK), 0);
}

static sm_status save(void) {
  sm_save_options no_sync = SM_SAVE_OPTIONS_INIT;
  no_sync.no_sync = true;
  return sm_object_graph_save(objects, path_in(dir.path, "model"), NULL, &no_sync, &err);
}

static sm_status add_function(const sm_trace *trace) {
  return sm_object_graph_add_function(NULL, objects, layer, "call",
                                      &(sm_traced_function){.traces = trace, .n_traces = 1}, &err);
}

#define TYPE(key, dtype) "attr { key: '" key "' value { type: " dtype " } }"
#define CALL(name, function)                                                                                          \
  "node_def { name: '" name "' op: 'PartitionedCall' input: 'x' attr { key: 'f' value { func { name: '" function      \
  "' } } } attr { key: 'Tin' value { list { type: DT_FLOAT } } } attr { key: 'Tout' value { list { type: DT_FLOAT } " \
  "} } }"
#define X_TO_Y(name) \
  "signature { name: '" name "' input_arg { name: 'x' type: DT_FLOAT } output_arg { name: 'y' type: DT_FLOAT } }"

/* ---- Captures ---- */

/* x * w, as a session has it. */
static const char PRODUCT[] =
    "node { name: 'x' op: 'Placeholder' " TYPE("dtype", "DT_FLOAT") "}"
    "node { name: 'w' op: 'VarHandleOp' " TYPE("dtype", "DT_FLOAT") "attr { key: 'shape' value { shape { } } } }"
    "node { name: 'read' op: 'ReadVariableOp' input: 'w' " TYPE("dtype", "DT_FLOAT") "}"
    "node { name: 'y' op: 'Mul' input: 'x' input: 'read' " TYPE("T", "DT_FLOAT") "}";

static const sm_function_tensor x = {.name = "x", .tensor = "x:0", .rank = -1},
                                y = {.name = "y", .tensor = "y:0", .rank = -1};

static void object_refusals__variables_that_nobody_tracks(void **state) {
  (void)state;
  const sm_trace trace = {.graph_def = parse(PRODUCT), .inputs = &x, .n_inputs = 1, .outputs = &y, .n_outputs = 1};
  assert_refused(add_function(&trace), SM_INVALID_ARGUMENT,
                 "layer/call: function __inference_call_1: needs the variable w, which is none of its captures");
}

/* Two inputs, and captures that name the argument that they are for. */
static void object_refusals__captures_for_another_argument(void **state) {
  (void)state;
  sm_function_capture capture = {"x", constant};
  const sm_trace trace = {.function = "__inference_f_1", .captures = &capture, .n_captures = 1};
  assert_ok(sm_object_graph_add_library(
                objects,
                parse("library { function { signature { name: '__inference_f_1' input_arg { name: 'x' type: DT_FLOAT } "
                      "input_arg { name: 'c' type: DT_FLOAT } output_arg { name: 'y' type: DT_FLOAT } } "
                      "ret { key: 'y' value: 'x' } } }"),
                &err),
            err);
  assert_refused(add_function(&trace), SM_INVALID_ARGUMENT,
                 "layer/call: __inference_f_1: capture 0 is for x, and that argument is c");
  capture.node = "c";
  assert_ok(add_function(&trace), err);
}

/* Specs may have one name: each input is still its own tensor. */
static void object_refusals__none_of_inputs_of_one_name(void **state) {
  (void)state;
  const sm_function_tensor inputs[] = {{.name = "x", .tensor = "a:0", .rank = -1},
                                       {.name = "x", .tensor = "b:0", .rank = -1}};
  const sm_trace trace = {
      .graph_def = parse("node { name: 'a' op: 'Placeholder' " TYPE(
          "dtype", "DT_FLOAT") "}"
                               "node { name: 'b' op: 'Placeholder' " TYPE(
                                   "dtype", "DT_FLOAT") "}"
                                                        "node { name: 'y' op: 'Sub' input: 'a' input: 'b' " TYPE(
                                                            "T", "DT_FLOAT") "}"),
      .inputs = inputs,
      .n_inputs = 2,
      .outputs = &y,
      .n_outputs = 1};
  assert_ok(add_function(&trace), err);
}

static void object_refusals__captures_of_other_objects(void **state) {
  (void)state;
  sm_function_capture capture = {"w", layer};
  const sm_trace trace = {.graph_def = parse(PRODUCT),
                          .inputs = &x,
                          .n_inputs = 1,
                          .outputs = &y,
                          .n_outputs = 1,
                          .captures = &capture,
                          .n_captures = 1};
  assert_refused(add_function(&trace), SM_INVALID_ARGUMENT,
                 "layer/call: it captures layer, which is no variable, constant, asset or resource");
  capture.object = 99;
  assert_refused(add_function(&trace), SM_NOT_FOUND, "layer/call: no object 99: there are 4");
  capture.object = constant;
  assert_refused(add_function(&trace), SM_INVALID_ARGUMENT,
                 "layer/call: function __inference_call_1: tensor w is of type resource, expected float");
  capture = (sm_function_capture){"nowhere", weight};
  assert_refused(add_function(&trace), SM_NOT_FOUND,
                 "layer/call: function __inference_call_2: tensor nowhere is not in the graph");
}

static void add_library(const char *text) { assert_ok(sm_object_graph_add_library(objects, parse(text), &err), err); }

static void object_refusals__captures_that_do_not_fit(void **state) {
  (void)state;
  add_library(
      "library { function { signature { name: '__inference_f_1' input_arg { name: 'x' type: DT_FLOAT } input_arg "
      "{ name: 'w' type: DT_RESOURCE } } } }");
  sm_function_capture captures[] = {{NULL, constant}, {NULL, weight}, {NULL, weight}};
  sm_trace trace = {.function = "__inference_f_1", .captures = captures, .n_captures = 1};
  assert_refused(add_function(&trace), SM_INVALID_ARGUMENT,
                 "layer/call: __inference_f_1: argument w is of dtype resource, and layer/c is captured for it");
  trace.n_captures = 3;
  assert_refused(add_function(&trace), SM_INVALID_ARGUMENT,
                 "layer/call: __inference_f_1: it has 2 arguments, and captures 3 objects");
  trace.inputs = &x;
  trace.n_inputs = 1;
  trace.n_captures = 2;
  assert_refused(
      add_function(&trace), SM_INVALID_ARGUMENT,
      "layer/call: __inference_f_1: it has 2 arguments and 0 results, not 1 inputs, 2 captures and 0 outputs");
}

/* ---- Calls ---- */

static void add_f(void) {
  const sm_trace trace = {.function = "__inference_f_1"};
  assert_ok(add_function(&trace), err);
}

static void object_refusals__calls_of_absent_functions(void **state) {
  (void)state;
  add_library("library { function { " X_TO_Y("__inference_f_1")
                  CALL("c", "__inference_g_2") "ret { key: 'y' value: 'c:output:0' } } }");
  add_f();
  assert_refused(save(), SM_NOT_FOUND,
                 "layer/call: function __inference_f_1: calls __inference_g_2, which is not there");
}

static void object_refusals__nested_calls_of_absent_functions(void **state) {
  (void)state;
  add_library("library { function { " X_TO_Y("__inference_f_1") CALL(
      "c", "__inference_g_2") "ret { key: 'y' value: 'c:output:0' } } function { " X_TO_Y("__inference_g_2")
                  CALL("d", "gone") "ret { key: 'y' value: 'd:output:0' } } }");
  add_f();
  assert_refused(save(), SM_NOT_FOUND, "layer/call: function __inference_g_2: calls gone, which is not there");
}

static void object_refusals__functions_that_call_themselves(void **state) {
  (void)state;
  add_library("library { function { " X_TO_Y("__inference_f_1")
                  CALL("c", "__inference_f_1") "ret { key: 'y' value: 'c:output:0' } } }");
  add_f();
  assert_refused(save(), SM_INVALID_ARGUMENT,
                 "layer/call: function __inference_f_1: calls itself, perhaps through others, which cannot be");
}

static void object_refusals__functions_that_call_each_other(void **state) {
  (void)state;
  add_library("library { function { " X_TO_Y("__inference_f_1") CALL(
      "c", "__inference_g_2") "ret { key: 'y' value: 'c:output:0' } } function { " X_TO_Y("__inference_g_2")
                  CALL("d", "__inference_f_1") "ret { key: 'y' value: 'd:output:0' } } }");
  add_f();
  assert_refused(save(), SM_INVALID_ARGUMENT,
                 "layer/call: function __inference_f_1: calls itself, perhaps through others, which cannot be");
}

static void object_refusals__calls_in_graphs(void **state) {
  (void)state;
  static const char text[] =
    "node { name: 'x' op: 'Placeholder' " TYPE("dtype", "DT_FLOAT") "}"
    "node { name: 'y' op: 'PartitionedCall' input: 'x' attr { key: 'f' value { func { name: 'g' } } } attr { key: 'Tin' value { list { type: DT_FLOAT } } } attr { key: 'Tout' value { list { type: DT_FLOAT } } } }";
  const sm_trace trace = {.graph_def = parse(text), .inputs = &x, .n_inputs = 1, .outputs = &y, .n_outputs = 1};
  assert_refused(add_function(&trace), SM_NOT_FOUND, "layer/call: function g is not there");
}

/* ---- Names ---- */

static void object_refusals__names_that_are_there_twice(void **state) {
  (void)state;
  const sm_variable_spec spec = {.dtype = SM_DT_FLOAT};
  assert_refused(sm_object_graph_add_variable(NULL, objects, layer, "w", &spec, &err), SM_ALREADY_EXISTS,
                 "layer: there is a child \"w\" already");
  const sm_trace trace = {.graph_def = parse("node { name: 'x' op: 'NoOp' } node { name: 'x' op: 'NoOp' }")};
  assert_refused(add_function(&trace), SM_INVALID_ARGUMENT, "layer/call: graph_def: node x is there twice");
  add_library("library { function { " X_TO_Y("__inference_f_1") "ret { key: 'y' value: 'x' } } }");
  sm_string other = parse("library { function { " X_TO_Y("__inference_f_1") "} }");
  assert_refused(sm_object_graph_add_library(objects, other, &err), SM_ALREADY_EXISTS,
                 "function __inference_f_1: there is another one of that name");
}

static void object_refusals__signatures_of_one_key(void **state) {
  (void)state;
  int32_t function;
  add_library("library { function { " X_TO_Y("__inference_f_1") "ret { key: 'y' value: 'x' } } }");
  const sm_trace trace = {.function = "__inference_f_1"};
  const sm_traced_function traced = {.traces = &trace, .n_traces = 1};
  assert_ok(sm_object_graph_add_function(&function, objects, layer, "call", &traced, &err), err);
  assert_ok(sm_object_graph_set_signature(objects, "s", function, 0, &err), err);
  assert_refused(sm_object_graph_set_signature(objects, "s", function, 0, &err), SM_ALREADY_EXISTS,
                 "there is a signature \"s\" already");
}

/* ---- Operations ---- */

static void object_refusals__operations_that_nobody_knows(void **state) {
  (void)state;
  const sm_trace trace = {.graph_def = parse("node { name: 'x' op: 'Placeholder' " TYPE(
                              "dtype", "DT_FLOAT") "} node { name: 'y' op: 'NobodyKnows' input: 'x' }"),
                          .inputs = &x,
                          .n_inputs = 1,
                          .outputs = &y,
                          .n_outputs = 1};
  assert_refused(add_function(&trace), SM_INVALID_ARGUMENT,
                 "layer/call: function __inference_call_1: node y: no definition of its operation NobodyKnows");
  add_library("library { function { " X_TO_Y(
      "__inference_f_1") "node_def { name: 'n' op: 'NobodyKnows' input: 'x' } ret { key: 'y' value: 'n:out:0' } } }");
  add_f();
  assert_refused(save(), SM_INVALID_ARGUMENT,
                 "layer/call: function __inference_f_1: node n: no definition of its operation NobodyKnows");
}

/* ---- Types ---- */

static void object_refusals__types_that_differ(void **state) {
  (void)state;
  sm_function_tensor doubles = x;
  doubles.dtype = SM_DT_DOUBLE;
  sm_function_capture capture = {"w", weight};
  const sm_trace trace = {.graph_def = parse(PRODUCT),
                          .inputs = &doubles,
                          .n_inputs = 1,
                          .outputs = &y,
                          .n_outputs = 1,
                          .captures = &capture,
                          .n_captures = 1};
  assert_refused(add_function(&trace), SM_INVALID_ARGUMENT,
                 "layer/call: function __inference_call_1: tensor x:0 is of type float, expected double");
  add_library("library { function { " X_TO_Y("__inference_f_1") "ret { key: 'y' value: 'x' } } }");
  const sm_trace given = {.function = "__inference_f_1", .inputs = &doubles, .n_inputs = 1};
  assert_refused(add_function(&given), SM_INVALID_ARGUMENT,
                 "layer/call: __inference_f_1: input 0, \"x\", is of dtype float32, not float64");
  doubles = y;
  doubles.dtype = SM_DT_DOUBLE;
  const sm_trace results = {.function = "__inference_f_1", .outputs = &doubles, .n_outputs = 1};
  assert_refused(add_function(&results), SM_INVALID_ARGUMENT,
                 "layer/call: __inference_f_1: output 0, \"y\", is of dtype float32, not float64");
}

/* ---- Values ---- */

static void object_refusals__variables_without_value(void **state) {
  (void)state;
  const sm_variable_spec spec = {.dtype = SM_DT_FLOAT};
  assert_ok(sm_object_graph_add_variable(NULL, objects, layer, "v", &spec, &err), err);
  assert_refused(save(), SM_INVALID_ARGUMENT, "variable layer/v has no value");
}

#define CASE(name) cmocka_unit_test_setup_teardown(object_refusals__##name, set_up, tear_down)

int main(void) {
  const struct CMUnitTest tests[] = {
      CASE(variables_that_nobody_tracks),     CASE(captures_of_other_objects),
      CASE(variables_that_nobody_tracks),     CASE(captures_for_another_argument),
      CASE(variables_that_nobody_tracks),     CASE(none_of_inputs_of_one_name),
      CASE(captures_that_do_not_fit),         CASE(calls_of_absent_functions),
      CASE(nested_calls_of_absent_functions), CASE(functions_that_call_themselves),
      CASE(functions_that_call_each_other),   CASE(calls_in_graphs),
      CASE(names_that_are_there_twice),       CASE(signatures_of_one_key),
      CASE(operations_that_nobody_knows),     CASE(types_that_differ),
      CASE(variables_without_value),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
