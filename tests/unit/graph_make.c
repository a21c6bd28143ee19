/* Graphs made node by node: what is refused, and that a failure leaves the graph as it was. What TensorFlow makes of the
 * rest is in interop/graph_tf.py. */
#include <savedmodel/graph.h>

#include "support/check.h"
#include "support/fault_alloc.h"
#include "support/wire_writer.h"

static sm_graph *graph;
static sm_error err;
static w_buffer w;

static int set_up(void **state) {
  (void)state;
  w = (w_buffer){0};
  return sm_graph_new(&graph, NULL, &err) == SM_OK ? 0 : -1;
}

static int tear_down(void **state) {
  (void)state;
  sm_graph_free(graph);
  w_free(&w);
  return 0;
}

/* ---- The bytes ---- */

static void put_type(const char *key, uint64_t dtype) {
  w_entry entry = w_begin_entry(&w, 5, key);
  w_varint(&w, 6, dtype);
  w_end_entry(&w, entry);
}

static void put_versions(void) {
  size_t versions = w_begin(&w, 4);
  w_varint(&w, 1, 2474);
  w_varint(&w, 2, 12);
  w_end(&w, versions);
}

static void assert_def(const char *what) {
  sm_string def;
  assert_ok(sm_graph_get_def(&def, graph, &err), err);
  assert_bytes(what, def.data, def.size, w.data, w.size);
}

/* Fields by number, attributes by name, "x:0" as "x". */
static void graph_make__bytes(void **state) {
  (void)state;
  put_versions();
  assert_def("empty");
  w_clear(&w);
  size_t node = w_begin(&w, 1);
  w_text(&w, 1, "x");
  w_text(&w, 2, "Placeholder");
  put_type("dtype", 1);
  w_entry shape = w_begin_entry(&w, 5, "shape");
  size_t proto = w_begin(&w, 7), dim = w_begin(&w, 2);
  w_varint(&w, 1, UINT64_MAX);
  w_end(&w, dim);
  w_end(&w, proto);
  w_end_entry(&w, shape);
  w_end(&w, node);
  node = w_begin(&w, 1);
  w_text(&w, 1, "y");
  w_text(&w, 2, "Neg");
  w_text(&w, 3, "x");
  w_text(&w, 3, "^x");
  put_type("T", 1);
  w_end(&w, node);
  put_versions();
  assert_ok(sm_graph_add_placeholder(graph, "x", SM_DT_FLOAT, (int64_t[]){-1}, 1, &err), err);
  assert_ok(sm_graph_add(graph, "Neg", "y", SM_NAMES("x:0", "^x"), &err), err);
  assert_def("two nodes");
  assert_def("again");
}

/* ---- Refused ---- */

typedef struct refusal {
  const char *op, *name;
  const char *inputs[4];
  sm_attr attrs[2];
  sm_status status;
  const char *message;
} refusal;

#define TYPE(text, value) \
  { .name = (text), .kind = SM_ATTR_TYPE, .type = (value) }
#define INT(text, value) \
  { .name = (text), .kind = SM_ATTR_INT, .i = (value) }

static const refusal refusals[] = {
    {"Neg", "x", {"f"}, {{0}}, SM_ALREADY_EXISTS, "node x is in the graph already"},
    {"Zork", "n", {NULL}, {{0}}, SM_INVALID_ARGUMENT, "node n: no operation Zork"},
    {NULL, "n", {NULL}, {{0}}, SM_INVALID_ARGUMENT, "no operation"},
    {"NoOp", "", {NULL}, {{0}}, SM_INVALID_ARGUMENT, "\"\" is no name"},
    {"NoOp", NULL, {NULL}, {{0}}, SM_INVALID_ARGUMENT, "\"\" is no name"},
    {"NoOp", "_n", {NULL}, {{0}}, SM_INVALID_ARGUMENT, "\"_n\" is no name"},
    {"NoOp", "a b", {NULL}, {{0}}, SM_INVALID_ARGUMENT, "\"a b\" is no name"},
    {"NoOp", "a:0", {NULL}, {{0}}, SM_INVALID_ARGUMENT, "\"a:0\" is no name"},
    {"Neg", "n", {"nowhere"}, {{0}}, SM_INVALID_ARGUMENT, "input nowhere is not in the graph yet"},
    {"Neg", "n", {"f", "^nowhere"}, {{0}}, SM_INVALID_ARGUMENT, "^nowhere is not in the graph yet"},
    {"Neg", "n", {"f:1"}, {{0}}, SM_INVALID_ARGUMENT, "f:1 has no such output"},
    {"Neg", "n", {"f:z"}, {{0}}, SM_INVALID_ARGUMENT, "f:z has no such output"},
    {"Neg", "n", {"f:99999999999999999999"}, {{0}}, SM_INVALID_ARGUMENT, "has no such output"},
    {"Neg", "n", {"group"}, {{0}}, SM_INVALID_ARGUMENT, "group has no such output"},
    {"Neg", "n", {"^f", "f"}, {{0}}, SM_INVALID_ARGUMENT, "behind a control input"},
    {"Neg", "n", {NULL}, {{0}}, SM_INVALID_ARGUMENT, "0 inputs are not what Neg takes"},
    {"Neg", "n", {"f", "f"}, {{0}}, SM_INVALID_ARGUMENT, "2 inputs are not what Neg takes"},
    {"Sub",
     "n",
     {"f", "x"},
     {{0}},
     SM_INVALID_ARGUMENT,
     "input 1 is DT_INT32, but Sub takes DT_FLOAT by its attribute T"},
    {"Neg", "n", {"f"}, {TYPE("T", SM_DT_HALF)}, SM_INVALID_ARGUMENT, "input 0 is DT_FLOAT, but Neg takes DT_HALF"},
    {"LogicalNot", "n", {"f"}, {{0}}, SM_INVALID_ARGUMENT, "input 0 is DT_FLOAT, but LogicalNot takes DT_BOOL"},
    {"Assign", "n", {"f", "f"}, {{0}}, SM_INVALID_ARGUMENT, "Assign writes to it: it takes a reference"},
    {"AddN", "n", {"f", "f"}, {INT("N", 3)}, SM_INVALID_ARGUMENT, "2 inputs are not what AddN takes"},
    {"AddN", "n", {"f", "f"}, {INT("N", INT64_MAX)}, SM_INVALID_ARGUMENT, "2 inputs are not what AddN takes"},
    {"AddN", "n", {"f", "f"}, {INT("N", -1)}, SM_INVALID_ARGUMENT, "AddN"},
    {"AddN", "n", {"f", "x"}, {{0}}, SM_INVALID_ARGUMENT, "input 1 is DT_INT32"},
    {"AddN", "n", {NULL}, {{0}}, SM_INVALID_ARGUMENT, "node n: Value for attr 'N' of 0 must be at least minimum 1"},
    {"Cast", "n", {"f"}, {{0}}, SM_INVALID_ARGUMENT, "node n: NodeDef missing attr"},
    {"Cast", "n", {"f"}, {INT("DstT", 1)}, SM_INVALID_ARGUMENT, "attribute DstT is a int, but Cast takes a type"},
    {"Cast", "n", {"f"}, {{.name = "DstT", .kind = SM_ATTR_PROTO}}, SM_INVALID_ARGUMENT, "DstT is a message"},
    {"LeakyRelu", "n", {"x"}, {{0}}, SM_INVALID_ARGUMENT, "node n: Value for attr 'T' of int32 is not in the list"},
    {"Neg", "n", {"f"}, {INT("zork", 1)}, SM_INVALID_ARGUMENT, "Neg has no attribute zork"},
    {"Neg", "n", {"f"}, {INT("_a", 1), INT("_a", 1)}, SM_INVALID_ARGUMENT, "attribute _a is given twice"},
    {"Neg", "n", {"f"}, {{.name = "T", .kind = 99}}, SM_INVALID_ARGUMENT, "attribute 0 has no name or value"},
    {"Const", "n", {NULL}, {{.name = "value", .kind = SM_ATTR_TENSOR}}, SM_INVALID_ARGUMENT, "has no name or value"},
};

static void add_basis(void) {
  assert_ok(sm_graph_add_placeholder(graph, "f", SM_DT_FLOAT, NULL, 0, &err), err);
  assert_ok(sm_graph_add_placeholder(graph, "x", SM_DT_INT32, NULL, -1, &err), err);
  assert_ok(sm_graph_add(graph, "NoOp", "group", NULL, 0, &err), err);
}

static sm_status add_refused(const refusal *r) {
  sm_node_spec spec = {.op = r->op, .name = r->name, .inputs = r->inputs, .attrs = r->attrs};
  while (spec.n_inputs < N_OF(r->inputs) && r->inputs[spec.n_inputs] != NULL) spec.n_inputs++;
  while (spec.n_attrs < N_OF(r->attrs) && r->attrs[spec.n_attrs].name != NULL) spec.n_attrs++;
  return sm_graph_add_node(graph, &spec, &err);
}

static void graph_make__refuses(void **state) {
  (void)state;
  sm_string before, after;
  add_basis();
  assert_ok(sm_graph_get_def(&before, graph, &err), err);
  w_raw(&w, before.data, before.size);
  for (size_t i = 0; i < N_OF(refusals); i++) {
    assert_status(add_refused(&refusals[i]), refusals[i].status, err);
    assert_mentions(err.message, refusals[i].message);
    assert_ok(sm_graph_get_def(&after, graph, &err), err);
    assert_bytes(refusals[i].message, after.data, after.size, w.data, w.size);
  }
  assert_ok(sm_graph_add(graph, "Neg", "n", SM_NAMES("f"), &err), err); /* the name is still free */
}

static void graph_make__refuses_variables_and_tables(void **state) {
  (void)state;
  const float value = 0;
  const sm_tensor_view view = {.dtype = SM_DT_FLOAT, .data = &value, .size = sizeof value};
  size_t n;
  assert_status(sm_graph_add_variable(graph, "v", SM_DT_FLOAT, (int64_t[]){-1}, 1, &err), SM_INVALID_ARGUMENT, err);
  assert_status(sm_graph_add_variable(graph, "v", SM_DT_RESOURCE, NULL, 0, &err), SM_INVALID_ARGUMENT, err);
  assert_status(sm_graph_add_variable(graph, NULL, SM_DT_FLOAT, NULL, 0, &err), SM_INVALID_ARGUMENT, err);
  assert_ok(sm_graph_add(graph, "NoOp", "v/Read/ReadVariableOp", NULL, 0, &err), err); /* comes last */
  assert_status(sm_graph_add_variable(graph, "v", SM_DT_FLOAT, NULL, 0, &err), SM_ALREADY_EXISTS, err);
  (void)sm_graph_get_collections(&n, graph);
  assert_number("collections", n, 0);
  assert_ok(sm_graph_add(graph, "NoOp", "v", NULL, 0, &err), err);
  assert_ok(sm_graph_add(graph, "NoOp", "v/Initializer/zeros", NULL, 0, &err), err);
  const sm_table_spec tables[] = {{.name = "t"},
                                  {.name = "t", .keys = &view},
                                  {.name = "t", .keys = &view, .values = &view, .file = "v"},
                                  {.name = "t", .file = "nowhere"},
                                  {.keys = &view, .values = &view}};
  for (size_t i = 0; i < N_OF(tables); i++)
    assert_status(sm_graph_add_table(graph, &tables[i], &err), SM_INVALID_ARGUMENT, err);
  assert_ok(sm_graph_add(graph, "NoOp", "t", NULL, 0, &err), err);
}

/* ---- Types of outputs ---- */

/* A node of op takes the output, or it does not. */
static void assert_output(const char *tensor, const char *op, sm_status expected) {
  static int n;
  char name[32];
  (void)snprintf(name, sizeof name, "use%d", n++);
  sm_status status = sm_graph_add(graph, op, name, SM_NAMES(tensor), &err);
  if (status != expected) fail_msg("%s of %s: %s", op, tensor, sm_status_name(status));
}

/* Of a list of types, and of more outputs than their node has bytes. LogicalNot takes bool, StringLength string, Neg numbers. */
static void graph_make__types_of_outputs(void **state) {
  (void)state;
  enum { N = 600 };
  static sm_dtype types[N];
  for (size_t i = 0; i < N; i++) types[i] = i % 3 == 0 ? SM_DT_BOOL : i % 3 == 1 ? SM_DT_STRING : SM_DT_FLOAT;
  const sm_attr restored = sm_attr_types("dtypes", types, N), split = sm_attr_int("num_split", N);
  assert_ok(sm_graph_add_placeholder(graph, "text", SM_DT_STRING, NULL, 0, &err), err);
  assert_ok(sm_graph_add_placeholder(graph, "list", SM_DT_STRING, (int64_t[]){N}, 1, &err), err);
  assert_ok(sm_graph_add_placeholder(graph, "axis", SM_DT_INT32, NULL, 0, &err), err);
  assert_ok(sm_graph_add_placeholder(graph, "value", SM_DT_BOOL, NULL, -1, &err), err);
  const char *keys[] = {"text", "list", "list"}, *values[] = {"axis", "value"};
  const sm_node_spec restore = {"RestoreV2", "restore", keys, 3, &restored, 1, NULL};
  assert_ok(sm_graph_add_node(graph, &restore, &err), err);
  assert_ok(sm_graph_add_node(graph, &(sm_node_spec){"Split", "split", values, 2, &split, 1, NULL}, &err), err);
  for (int i = 0; i < N; i += 37) {
    char tensor[32];
    (void)snprintf(tensor, sizeof tensor, "restore:%d", i);
    assert_output(tensor, "LogicalNot", i % 3 == 0 ? SM_OK : SM_INVALID_ARGUMENT);
    assert_output(tensor, "StringLength", i % 3 == 1 ? SM_OK : SM_INVALID_ARGUMENT);
    assert_output(tensor, "Neg", i % 3 == 2 ? SM_OK : SM_INVALID_ARGUMENT);
    (void)snprintf(tensor, sizeof tensor, "split:%d", i);
    assert_output(tensor, "LogicalNot", SM_OK);
    assert_output(tensor, "StringLength", SM_INVALID_ARGUMENT);
  }
  assert_output("restore:599", "Neg", SM_OK);
  assert_output("restore:600", "Neg", SM_INVALID_ARGUMENT);
  assert_output("split:599", "LogicalNot", SM_OK);
  assert_output("split:600", "LogicalNot", SM_INVALID_ARGUMENT);
}

/* ---- Functions ---- */

/* f(x: float) -> (a: float, b: int64) */
static sm_string function_def(const char *name) {
  w_clear(&w);
  size_t signature = w_begin(&w, 1);
  w_text(&w, 1, name);
  static const char *const args[] = {"x", "a", "b"};
  for (size_t i = 0; i < N_OF(args); i++) {
    size_t arg = w_begin(&w, i == 0 ? 2 : 3);
    w_text(&w, 1, args[i]);
    w_varint(&w, 3, i == 2 ? 9 : 1);
    w_end(&w, arg);
  }
  w_end(&w, signature);
  return (sm_string){(const char *)w.data, w.size};
}

static void graph_make__functions(void **state) {
  (void)state;
  sm_string def;
  assert_ok(sm_graph_add_placeholder(graph, "x", SM_DT_FLOAT, NULL, 0, &err), err);
  assert_status(sm_graph_add(graph, "f", "call", SM_NAMES("x"), &err), SM_INVALID_ARGUMENT, err);
  assert_ok(sm_graph_add_function(graph, function_def("f"), &err), err);
  assert_status(sm_graph_add_function(graph, function_def("f"), &err), SM_ALREADY_EXISTS, err);
  assert_status(sm_graph_add_function(graph, function_def("Neg"), &err), SM_INVALID_ARGUMENT, err);
  assert_status(sm_graph_add_function(graph, function_def(""), &err), SM_INVALID_ARGUMENT, err);
  assert_status(sm_graph_add_function(graph, (sm_string){"\x0A\xFF", 2}, &err), SM_DATA_LOSS, err);
  assert_ok(sm_graph_add(graph, "f", "call", SM_NAMES("x"), &err), err);
  assert_ok(sm_graph_add(graph, "Neg", "a", SM_NAMES("call"), &err), err);
  assert_ok(sm_graph_add(graph, "BitwiseAnd", "b", SM_NAMES("call:1", "call:1"), &err), err);
  assert_status(sm_graph_add(graph, "Neg", "c", SM_NAMES("call:2"), &err), SM_INVALID_ARGUMENT, err);
  assert_ok(sm_graph_add_function(graph, function_def("g"), &err), err);
  assert_ok(sm_graph_add(graph, "g", "other", SM_NAMES("call"), &err), err);
  assert_ok(sm_graph_get_def(&def, graph, &err), err);
}

/* ---- Memory ---- */

static sm_status make_all(sm_graph *g) {
  static const int64_t numbers[] = {1, 2};
  const sm_tensor_view view = {.dtype = SM_DT_INT64, .rank = 1, .dims = {2}, .data = numbers, .size = sizeof numbers};
  sm_string def;
  SM_TRY(sm_graph_add_function(g, function_def("f"), &err));
  SM_TRY(sm_graph_add_placeholder(g, "x", SM_DT_FLOAT, NULL, 0, &err));
  for (char name[] = "a"; name[0] <= 't'; name[0]++)
    SM_TRY(sm_graph_add_variable(g, name, SM_DT_FLOAT, (int64_t[]){3, 2}, 2, &err));
  SM_TRY(sm_graph_add(g, "f", "call", SM_NAMES("a/Read/ReadVariableOp"), &err));
  SM_TRY(sm_graph_add_string(g, "file", "words", &err));
  SM_TRY(sm_graph_add_table(g, &(sm_table_spec){.name = "t1", .keys = &view, .values = &view}, &err));
  SM_TRY(sm_graph_add_init_op(g, "init", &err));
  return sm_graph_get_def(&def, g, &err);
}

static void graph_make__out_of_memory(void **state) {
  (void)state;
  for (uint64_t n = 0;; n++) {
    sm_fault_alloc fa;
    sm_graph *g;
    sm_fault_alloc_init(&fa, n);
    sm_status status = sm_graph_new(&g, &fa.base, &err);
    if (status == SM_OK) status = make_all(g);
    sm_graph_free(g);
    assert_number("status", status, fa.fired ? SM_RESOURCE_EXHAUSTED : SM_OK);
    assert_number("live blocks", fa.live_blocks, 0);
    bool fired = fa.fired;
    sm_fault_alloc_destroy(&fa);
    if (!fired) break;
  }
}

/* A call that fails leaves nothing, so it can be made again. */
static void graph_make__can_be_retried(void **state) {
  (void)state;
  sm_string wanted, is;
  assert_ok(sm_graph_add_variable(graph, "v", SM_DT_FLOAT, NULL, 0, &err), err);
  assert_ok(sm_graph_get_def(&wanted, graph, &err), err);
  for (uint64_t n = 0;; n++) {
    sm_fault_alloc fa;
    sm_graph *g;
    sm_fault_alloc_init(&fa, UINT64_MAX);
    assert_ok(sm_graph_new(&g, &fa.base, &err), err);
    sm_fault_alloc_rearm(&fa, n);
    sm_status status = sm_graph_add_variable(g, "v", SM_DT_FLOAT, NULL, 0, &err);
    bool fired = fa.fired;
    assert_number("status", status, fired ? SM_RESOURCE_EXHAUSTED : SM_OK);
    if (fired) assert_ok(sm_graph_add_variable(g, "v", SM_DT_FLOAT, NULL, 0, &err), err);
    assert_ok(sm_graph_get_def(&is, g, &err), err);
    assert_bytes("the same", is.data, is.size, wanted.data, wanted.size);
    sm_graph_free(g);
    sm_fault_alloc_destroy(&fa);
    if (!fired) break;
  }
}

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test_setup_teardown(graph_make__bytes, set_up, tear_down),
      cmocka_unit_test_setup_teardown(graph_make__refuses, set_up, tear_down),
      cmocka_unit_test_setup_teardown(graph_make__refuses_variables_and_tables, set_up, tear_down),
      cmocka_unit_test_setup_teardown(graph_make__types_of_outputs, set_up, tear_down),
      cmocka_unit_test_setup_teardown(graph_make__functions, set_up, tear_down),
      cmocka_unit_test_setup_teardown(graph_make__out_of_memory, set_up, tear_down),
      cmocka_unit_test_setup_teardown(graph_make__can_be_retried, set_up, tear_down),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
