/* Definitions of operations: TensorFlow's, a model's own, its functions. All of TensorFlow's: interop/op_defs_tf.py. */
#include "graph/op_defs.h"

#include "support/check.h"
#include "support/wire_writer.h"

/* Field numbers: proto/op_def.proto, function.proto, graph.proto, attr_value.proto. */
enum { LIST_OP = 1, NAME = 1, INPUT = 2, OUTPUT = 3, ATTR = 4, ARG_TYPE = 3, TYPE_ATTR = 4, NUMBER_ATTR = 5 };
enum { ATTR_DEFAULT = 3, VALUE_S = 2 };

static w_buffer w;
static sm_op_defs defs;
static sm_error err;

static int set_up(void **state) {
  (void)state;
  w = (w_buffer){0};
  sm_op_defs_init(&defs, sm_allocator_or_malloc(NULL), UINT64_MAX);
  return 0;
}

static int tear_down(void **state) {
  (void)state;
  sm_op_defs_free(&defs);
  w_free(&w);
  return 0;
}

static const sm_op_def *find(const char *op) {
  const sm_op_def *def;
  assert_ok(sm_op_defs_find(&def, &defs, sm_string_of(op), &err), err);
  return def;
}

static void op_defs__table_is_sorted(void **state) {
  (void)state;
  assert_number("operations of TensorFlow 2.21", sm_op_table_size(), 1462);
  for (size_t i = 0; i < sm_op_table_size(); i++) {
    if (i > 0) assert_true(sm_string_compare(sm_op_table_name(i - 1), sm_op_table_name(i)) < 0);
    assert_number("found", sm_op_table_find(sm_op_table_name(i)), i);
  }
  static const char *const none[] = {"", "A", "AddV", "AddV22", "zzz"};
  for (size_t i = 0; i < N_OF(none); i++) assert_number(none[i], sm_op_table_find(sm_string_of(none[i])), SIZE_MAX);
}

static void op_defs__arguments_and_attributes(void **state) {
  (void)state;
  const sm_op_def *def = find("ConcatV2");
  assert_text("name", def->name.data, "ConcatV2");
  assert_number("inputs", def->inputs.n, 2);
  assert_text("input", def->inputs.items[0].name.data, "values");
  assert_number("N", def->inputs.items[0].number_attr, sm_op_def_find_attr(def, sm_string_of("N")));
  assert_number("T", def->inputs.items[0].type_attr, sm_op_def_find_attr(def, sm_string_of("T")));
  assert_number("lists", def->inputs.n_lists, 1);
  assert_number("outputs", def->outputs.n, 1);
  size_t index = sm_op_def_find_attr(def, sm_string_of("Tidx"));
  assert_bytes("default", def->attrs[index].default_value.data, def->attrs[index].default_value.size, "\x30\x03", 2);
  assert_null(def->attrs[sm_op_def_find_attr(def, sm_string_of("N"))].default_value.data);
  assert_number("no attribute", sm_op_def_find_attr(def, sm_string_of("M")), SM_NO_ATTR);
  assert_true(find("VarHandleOp")->proto->is_stateful);
  assert_number("deprecated", (uint64_t)find("BatchCholesky")->proto->deprecation->version, 13);
}

static void op_defs__found_once(void **state) {
  (void)state;
  assert_ptr_equal(find("AddV2"), find("AddV2"));
  assert_null(find("Zork"));
}

static void put_op(const char *name, const char *output) {
  size_t op = w_begin(&w, LIST_OP);
  w_text(&w, NAME, name);
  size_t arg = w_begin(&w, OUTPUT);
  w_text(&w, NAME, output);
  w_varint(&w, ARG_TYPE, SM_DT_FLOAT);
  w_end(&w, arg);
  w_end(&w, op);
}

static void add_own(const sm_graph_library *library) {
  const sm_span list = {w.data, w.size};
  static sm_wire_source source;
  source = (sm_wire_source){.name = "m", .bytes = list};
  assert_ok(sm_op_defs_add(&defs, (sm_spans){&list, 1}, library, &source, &err), err);
}

static void op_defs__a_model_comes_first(void **state) {
  (void)state;
  put_op("AddV2", "own");
  put_op("Zork", "z");
  put_op("Zork", "last");
  add_own(NULL);
  assert_text("own", find("AddV2")->outputs.items[0].name.data, "own");
  assert_text("custom", find("Zork")->outputs.items[0].name.data, "last");
  assert_text("TensorFlow's", find("Neg")->outputs.items[0].name.data, "y");
}

static void op_defs__functions_come_before_all(void **state) {
  (void)state;
  w_buffer def = {0};
  size_t signature = w_begin(&def, 1);
  w_text(&def, NAME, "Neg");
  w_end(&def, signature);
  put_op("Neg", "listed");
  const sm_graph_function function = {.name = sm_string_of("Neg"), .def = {def.data, def.size}};
  add_own(&(sm_graph_library){&function, 1});
  assert_number("outputs of the function", find("Neg")->outputs.n, 0);
  w_free(&def);
}

static void op_defs__senseless_ones_stay_unknown(void **state) {
  (void)state;
  size_t op = w_begin(&w, LIST_OP); /* an attribute that it does not have */
  w_text(&w, NAME, "AddV2");
  size_t arg = w_begin(&w, INPUT);
  w_text(&w, TYPE_ATTR, "T");
  w_end(&w, arg);
  w_end(&w, op);
  op = w_begin(&w, LIST_OP); /* more attributes than there may be */
  w_text(&w, NAME, "Wide");
  for (int i = 0; i <= SM_OP_MAX_ATTRS; i++) w_text(&w, ATTR, "\x0A\x01x");
  w_end(&w, op);
  static const char big[SM_OP_MAX_ATTRS_SIZE];
  op = w_begin(&w, LIST_OP); /* more bytes of attributes */
  w_text(&w, NAME, "Big");
  size_t attr = w_begin(&w, ATTR);
  w_text(&w, NAME, "x");
  size_t value = w_begin(&w, ATTR_DEFAULT);
  w_bytes(&w, VALUE_S, big, sizeof big);
  w_end(&w, value);
  w_end(&w, attr);
  w_end(&w, op);
  op = w_begin(&w, LIST_OP); /* more lists */
  w_text(&w, NAME, "Lists");
  w_text(&w, ATTR, "\x0A\x01N");
  for (int i = 0; i <= SM_OP_MAX_LISTS; i++) {
    arg = w_begin(&w, INPUT);
    w_text(&w, NUMBER_ATTR, "N");
    w_end(&w, arg);
  }
  w_end(&w, op);
  op = w_begin(&w, LIST_OP); /* damaged */
  w_text(&w, NAME, "Damaged");
  w_text(&w, INPUT, "\x0A\x09x");
  w_end(&w, op);
  add_own(NULL);
  static const char *const ops[] = {"AddV2", "Wide", "Big", "Lists", "Damaged"};
  for (size_t i = 0; i < N_OF(ops); i++) assert_null(find(ops[i]));
}

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(op_defs__table_is_sorted),
      cmocka_unit_test_setup_teardown(op_defs__arguments_and_attributes, set_up, tear_down),
      cmocka_unit_test_setup_teardown(op_defs__found_once, set_up, tear_down),
      cmocka_unit_test_setup_teardown(op_defs__a_model_comes_first, set_up, tear_down),
      cmocka_unit_test_setup_teardown(op_defs__functions_come_before_all, set_up, tear_down),
      cmocka_unit_test_setup_teardown(op_defs__senseless_ones_stay_unknown, set_up, tear_down),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
