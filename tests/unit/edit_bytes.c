/* GraphDefs, changed and checked as bytes. Against TensorFlow: interop/op_defs_tf.py, interop/graph_check_tf.py. */
#include "support/check.h"

#include <savedmodel/graph.h>

#include "support/wire_writer.h"

/* Field numbers: proto/graph.proto, function.proto, node_def.proto, attr_value.proto. */
enum { NODE = 1, LIBRARY = 2, FUNCTION = 1, FUNCTION_NODE = 3, ATTR = 5, VALUE_I = 3, VALUE_B = 5, VALUE_TYPE = 6 };

static w_buffer graph, expected;
static sm_error err;

static int set_up(void **state) {
  (void)state;
  graph = expected = (w_buffer){0};
  return 0;
}

static int tear_down(void **state) {
  (void)state;
  w_free(&graph);
  w_free(&expected);
  return 0;
}

static void put_attr(w_buffer *w, const char *key, uint32_t member, uint64_t value) {
  w_entry entry = w_begin_entry(w, ATTR, key);
  w_varint(w, member, value);
  w_end_entry(w, entry);
}

static size_t begin_node(w_buffer *w, uint32_t number, const char *name, const char *op) {
  size_t node = w_begin(w, number);
  w_text(w, 1, name);
  w_text(w, 2, op);
  return node;
}

/* A MatMul whose attributes are values of transpose_a and transpose_b; below 0: not there. */
static void put_matmul(w_buffer *w, uint32_t number, const char *name, int a, int b) {
  size_t node = begin_node(w, number, name, "MatMul");
  put_attr(w, "T", VALUE_TYPE, SM_DT_FLOAT);
  if (a >= 0) put_attr(w, "transpose_a", VALUE_B, (uint64_t)a);
  if (b >= 0) put_attr(w, "transpose_b", VALUE_B, (uint64_t)b);
  w_end(w, node);
}

static void put_in_function(w_buffer *w, const char *function, int a, int b) {
  size_t library = w_begin(w, LIBRARY), def = w_begin(w, FUNCTION), signature = w_begin(w, 1);
  w_text(w, 1, function);
  w_end(w, signature);
  put_matmul(w, FUNCTION_NODE, "m", a, b);
  w_end(w, def);
  w_end(w, library);
}

static sm_string bytes_of(const w_buffer *w) { return (sm_string){(const char *)w->data, w->size}; }

static void assert_strips(const char *what) {
  sm_string out;
  assert_ok(sm_graph_strip_defaults(&out, bytes_of(&graph), NULL, &err), err);
  assert_bytes(what, out.data, out.size, expected.data, expected.size);
  sm_graph_free_def(&out, NULL);
}

static void edit_bytes__strips_defaults(void **state) {
  (void)state;
  put_matmul(&graph, NODE, "a", 0, 1);
  put_matmul(&graph, NODE, "b", 0, 0);
  put_in_function(&graph, "f", 0, 0);
  put_matmul(&expected, NODE, "a", -1, 1);
  put_matmul(&expected, NODE, "b", -1, -1);
  put_in_function(&expected, "f", -1, -1);
  assert_strips("stripped");
}

/* Lengths of more bytes than they need, fields that nobody knows. */
static void edit_bytes__keeps_what_does_not_change(void **state) {
  (void)state;
  w_raw(&graph, "\x0A\x87\x00\x0A\x01q\x12\x02No", 10);
  w_text(&graph, 99, "unknown");
  put_in_function(&graph, "f", 1, 1);
  w_raw(&expected, graph.data, graph.size);
  assert_strips("the same");
}

/* The name of a function hides the operation. */
static void edit_bytes__leaves_calls_alone(void **state) {
  (void)state;
  put_matmul(&graph, NODE, "a", 0, 0);
  put_in_function(&graph, "MatMul", 0, 0);
  w_raw(&expected, graph.data, graph.size);
  assert_strips("calls");
}

/* Of two attributes of one name the last counts. */
static void edit_bytes__attributes_given_twice(void **state) {
  (void)state;
  for (uint64_t last = 0; last < 2; last++) {
    size_t node = begin_node(&graph, NODE, "a", "MatMul");
    put_attr(&graph, "transpose_a", VALUE_B, !last);
    put_attr(&graph, "transpose_a", VALUE_B, last);
    w_end(&graph, node);
  }
  size_t node = begin_node(&expected, NODE, "a", "MatMul");
  w_end(&expected, node);
  node = begin_node(&expected, NODE, "a", "MatMul");
  put_attr(&expected, "transpose_a", VALUE_B, 0);
  put_attr(&expected, "transpose_a", VALUE_B, 1);
  w_end(&expected, node);
  assert_strips("twice");
}

/* ImageSummary's bad_color is the one default that is a tensor: 255, 0, 0, 255 as uint8. */
static void edit_bytes__tensors_are_compared_by_value(void **state) {
  (void)state;
  for (int i = 0; i < 2; i++) {
    size_t node = begin_node(&graph, NODE, "a", "ImageSummary");
    w_entry entry = w_begin_entry(&graph, ATTR, "bad_color");
    size_t tensor = w_begin(&graph, 8);
    w_varint(&graph, 1, SM_DT_UINT8);
    w_bytes(&graph, 2, "\x12\x02\x08\x04", 4);
    w_bytes(&graph, 4, i == 0 ? "\xFF\0\0\xFF" : "\xFF\0\1\xFF", 4); /* tensor_content; the default has int_val */
    w_end(&graph, tensor);
    w_end_entry(&graph, entry);
    w_end(&graph, node);
  }
  w_end(&expected, begin_node(&expected, NODE, "a", "ImageSummary"));
  sm_string out;
  assert_ok(sm_graph_strip_defaults(&out, bytes_of(&graph), NULL, &err), err);
  size_t one = graph.size / 2;
  assert_number("size", out.size, expected.size + one);
  assert_bytes("the default", out.data, expected.size, expected.data, expected.size);
  assert_bytes("another color", out.data + expected.size, one, graph.data + one, one);
  sm_graph_free_def(&out, NULL);
}

static void edit_bytes__restores_defaults(void **state) {
  (void)state;
  sm_string out;
  put_matmul(&graph, NODE, "a", 0, -1);
  put_in_function(&graph, "f", -1, -1);
  size_t node = begin_node(&expected, NODE, "a", "MatMul");
  put_attr(&expected, "T", VALUE_TYPE, SM_DT_FLOAT);
  put_attr(&expected, "transpose_a", VALUE_B, 0);
  put_attr(&expected, "transpose_b", VALUE_B, 0); /* then what TensorFlow 2.21 has besides */
  put_attr(&expected, "grad_a", VALUE_B, 0);
  put_attr(&expected, "grad_b", VALUE_B, 0);
  w_end(&expected, node);
  assert_ok(sm_graph_restore_defaults(&out, bytes_of(&graph), NULL, &err), err);
  assert_true(out.size > expected.size);
  assert_bytes("restored", out.data, expected.size, expected.data, expected.size);
  sm_graph_free_def(&out, NULL);
}

static void edit_bytes__damaged(void **state) {
  (void)state;
  sm_string out;
  w_raw(&graph, "\x0A\x09x", 3);
  assert_status(sm_graph_strip_defaults(&out, bytes_of(&graph), NULL, &err), SM_DATA_LOSS, err);
  assert_null(out.data);
  assert_status(sm_graph_clear_devices(&out, bytes_of(&graph), true, NULL, &err), SM_DATA_LOSS, err);
  assert_status(sm_graph_list_ops(&out, bytes_of(&graph), (sm_string){NULL, 0}, NULL, &err), SM_DATA_LOSS, err);
  assert_status(sm_graph_strip_defaults(&out, (sm_string){NULL, 1}, NULL, &err), SM_INVALID_ARGUMENT, err);
  assert_status(sm_graph_list_devices(bytes_of(&graph), NULL, NULL, NULL, &err), SM_INVALID_ARGUMENT, err);
}

/* ---- Devices ---- */

static void put_placed(w_buffer *w, uint32_t number, const char *name, const char *device) {
  size_t node = begin_node(w, number, name, "NoOp");
  if (device != NULL) w_text(w, 4, device);
  w_end(w, node);
}

static void put_placed_graph(w_buffer *w, const char *a, const char *b, const char *inside) {
  put_placed(w, NODE, "a", a);
  put_placed(w, NODE, "b", b);
  size_t library = w_begin(w, LIBRARY), def = w_begin(w, FUNCTION);
  put_placed(w, FUNCTION_NODE, "c", inside);
  w_end(w, def);
  w_end(w, library);
}

static void append_name(void *ctx, sm_string name) {
  char *text = ctx;
  size_t used = strlen(text);
  snprintf(text + used, 100 - used, "%s;", name.data);
}

static void edit_bytes__devices(void **state) {
  (void)state;
  sm_string out;
  char names[100] = "";
  put_placed_graph(&graph, "/gpu:0", "/cpu:0", "/gpu:0");
  put_placed_graph(&expected, NULL, NULL, "/gpu:0");
  assert_ok(sm_graph_list_devices(bytes_of(&graph), append_name, names, NULL, &err), err);
  assert_text("devices", names, "/cpu:0;/gpu:0;");
  assert_ok(sm_graph_clear_devices(&out, bytes_of(&graph), false, NULL, &err), err);
  assert_bytes("of the graph", out.data, out.size, expected.data, expected.size);
  sm_graph_free_def(&out, NULL);
  w_clear(&expected);
  put_placed_graph(&expected, NULL, NULL, NULL);
  assert_ok(sm_graph_clear_devices(&out, bytes_of(&graph), true, NULL, &err), err);
  assert_bytes("of functions, too", out.data, out.size, expected.data, expected.size);
  sm_graph_free_def(&out, NULL);
}

/* ---- Op lists ---- */

static void edit_bytes__own_operations(void **state) {
  (void)state;
  sm_string out;
  put_placed(&graph, NODE, "a", NULL);
  size_t node = begin_node(&graph, NODE, "z", "Zork");
  w_end(&graph, node);
  w_bytes(&expected, 1, "\x0A\x04Zork", 6);
  assert_ok(sm_graph_list_ops(&out, bytes_of(&graph), (sm_string){NULL, 0}, NULL, &err), err);
  assert_bytes("TensorFlow's", out.data, out.size, "\x0A\x06\x0A\x04NoOp", 8);
  sm_graph_free_def(&out, NULL);
  assert_ok(sm_graph_list_ops(&out, bytes_of(&graph), bytes_of(&expected), NULL, &err), err);
  assert_bytes("and the model's", out.data, out.size, "\x0A\x06\x0A\x04NoOp\x0A\x06\x0A\x04Zork", 16);
  sm_graph_free_def(&out, NULL);
  const sm_string nowhere = {NULL, 6};
  assert_status(sm_graph_list_ops(&out, bytes_of(&graph), nowhere, NULL, &err), SM_INVALID_ARGUMENT, err);
  assert_null(out.data);
  assert_status(sm_graph_check(bytes_of(&graph), nowhere, NULL, NULL, NULL, &err), SM_INVALID_ARGUMENT, err);
  assert_mentions(err.message, "own_ops");
}

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test_setup_teardown(edit_bytes__strips_defaults, set_up, tear_down),
      cmocka_unit_test_setup_teardown(edit_bytes__keeps_what_does_not_change, set_up, tear_down),
      cmocka_unit_test_setup_teardown(edit_bytes__leaves_calls_alone, set_up, tear_down),
      cmocka_unit_test_setup_teardown(edit_bytes__attributes_given_twice, set_up, tear_down),
      cmocka_unit_test_setup_teardown(edit_bytes__tensors_are_compared_by_value, set_up, tear_down),
      cmocka_unit_test_setup_teardown(edit_bytes__restores_defaults, set_up, tear_down),
      cmocka_unit_test_setup_teardown(edit_bytes__damaged, set_up, tear_down),
      cmocka_unit_test_setup_teardown(edit_bytes__devices, set_up, tear_down),
      cmocka_unit_test_setup_teardown(edit_bytes__own_operations, set_up, tear_down),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
