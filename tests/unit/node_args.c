/* What a node makes of the arguments of its definition. */
#include "support/check.h"

#include "graph/op_defs.h"
#include "support/wire_writer.h"

/* Field numbers: proto/op_def.proto, node_def.proto, attr_value.proto. */
enum { NAME = 1, OUTPUT = 3, ATTR = 4, NODE_ATTR = 5, VALUE_LIST = 1, VALUE_I = 3, VALUE_TYPE = 6, PLACEHOLDER = 9 };

static w_buffer list, node;
static sm_op_defs defs;
static sm_wire_source source;
static sm_error err;

static void put_arg(const char *name, uint32_t number, const char *attr, const char *type_attr) {
  size_t arg = w_begin(&list, OUTPUT);
  w_text(&list, NAME, name);
  if (number == 3) w_varint(&list, 3, SM_DT_INT64);
  if (number != 3) w_text(&list, number, attr);
  if (type_attr != NULL) w_text(&list, 4, type_attr);
  w_end(&list, arg);
}

static void put_attr_def(const char *name, const char *type) {
  size_t attr = w_begin(&list, ATTR);
  w_text(&list, NAME, name);
  w_text(&list, 2, type);
  w_end(&list, attr);
}

/* An op with outputs a: T; b: N * T; c: of types; d: int64. */
static int set_up(void **state) {
  (void)state;
  list = node = (w_buffer){0};
  size_t op = w_begin(&list, 1);
  w_text(&list, NAME, "Op");
  put_arg("a", 4, "T", NULL);
  put_arg("b", 5, "N", "T");
  put_arg("c", 6, "types", NULL);
  put_arg("d", 3, NULL, NULL);
  put_attr_def("T", "type");
  put_attr_def("N", "int");
  put_attr_def("types", "list(type)");
  w_end(&list, op);
  sm_op_defs_init(&defs, sm_allocator_or_malloc(NULL), UINT64_MAX);
  return 0;
}

static int tear_down(void **state) {
  (void)state;
  sm_op_defs_free(&defs);
  w_free(&list);
  w_free(&node);
  return 0;
}

static void put_number(const char *attr, uint32_t member, uint64_t number) {
  w_entry entry = w_begin_entry(&node, NODE_ATTR, attr);
  w_varint(&node, member, number);
  w_end_entry(&node, entry);
}

/* The types of packed, and one more that is not packed. */
static void put_types(const char *attr, const char *packed, size_t n, uint64_t last) {
  w_entry entry = w_begin_entry(&node, NODE_ATTR, attr);
  size_t types = w_begin(&node, VALUE_LIST);
  w_bytes(&node, VALUE_TYPE, packed, n);
  w_varint(&node, VALUE_TYPE, last);
  w_end(&node, types);
  w_end_entry(&node, entry);
}

static const sm_op_def *read_attrs(sm_node_attrs *attrs) {
  const sm_op_def *def;
  const sm_span bytes = {list.data, list.size};
  source = (sm_wire_source){.name = "m", .bytes = {node.data, node.size}};
  if (defs.n_own == 0) assert_ok(sm_op_defs_add(&defs, (sm_spans){&bytes, 1}, NULL, &source, &err), err);
  assert_ok(sm_op_defs_find(&def, &defs, sm_string_of("Op"), &err), err);
  assert_non_null(def);
  assert_ok(sm_node_read_attrs(attrs, def, source.bytes, &source, &err), err);
  return def;
}

/* Tensors in order: name of the argument, index in it, type. */
static const struct {
  const char *arg;
  uint64_t index;
  sm_dtype type;
} tensors[] = {{"a", 0, SM_DT_HALF},  {"b", 0, SM_DT_HALF},   {"b", 1, SM_DT_HALF}, {"c", 0, SM_DT_FLOAT},
               {"c", 1, SM_DT_INT32}, {"c", 2, SM_DT_STRING}, {"d", 0, SM_DT_INT64}};

static void node_args__each_tensor(void **state) {
  (void)state;
  sm_node_attrs attrs;
  int64_t n;
  bool is_there;
  put_number("T", VALUE_TYPE, SM_DT_HALF);
  put_number("N", VALUE_I, 2);
  put_types("types", "\x01\x03", 2, SM_DT_STRING);
  const sm_op_def *def = read_attrs(&attrs);
  assert_ok(sm_args_count(&n, &def->outputs, &attrs, &source, &err), err);
  assert_number("tensors", (uint64_t)n, N_OF(tensors));
  for (size_t i = 0; i < N_OF(tensors); i++) {
    sm_arg_place place;
    uint64_t flat;
    sm_dtype type;
    assert_ok(sm_args_place(&is_there, &place, &def->outputs, &attrs, i, &source, &err), err);
    assert_true(is_there);
    assert_text("argument", def->outputs.items[place.arg].name.data, tensors[i].arg);
    assert_number("index", place.index, tensors[i].index);
    assert_ok(sm_args_flat(&is_there, &flat, &def->outputs, &attrs, sm_string_of(tensors[i].arg), tensors[i].index,
                           &source, &err),
              err);
    assert_true(is_there);
    assert_number("flat", flat, i);
    assert_ok(sm_node_find_output_dtype(&type, def, source.bytes, i, &source, &err), err);
    assert_number("type", (uint64_t)type, (uint64_t)tensors[i].type);
  }
  sm_arg_place place;
  assert_ok(sm_args_place(&is_there, &place, &def->outputs, &attrs, N_OF(tensors), &source, &err), err);
  assert_false(is_there);
  uint64_t flat;
  assert_ok(sm_args_flat(&is_there, &flat, &def->outputs, &attrs, sm_string_of("b"), 2, &source, &err), err);
  assert_false(is_there);
  assert_ok(sm_args_flat(&is_there, &flat, &def->outputs, &attrs, sm_string_of("e"), 0, &source, &err), err);
  assert_false(is_there);
}

static void node_args__all_types_at_once(void **state) {
  (void)state;
  sm_node_attrs attrs;
  sm_buffer types;
  put_number("T", VALUE_TYPE, SM_DT_HALF);
  put_number("N", VALUE_I, 2);
  put_types("types", "\x01\x03", 2, SM_DT_STRING);
  const sm_op_def *def = read_attrs(&attrs);
  for (size_t max = 0; max <= N_OF(tensors) + 1; max++) {
    size_t expected = max < N_OF(tensors) ? max : N_OF(tensors);
    sm_buffer_init(&types, sm_allocator_or_malloc(NULL), UINT64_MAX);
    assert_ok(sm_args_dtypes(&types, &def->outputs, &attrs, max, &source, &err), err);
    assert_number("types", types.size / sizeof(sm_dtype), expected);
    for (size_t i = 0; i < expected; i++)
      assert_number("type", (uint64_t)((const sm_dtype *)(const void *)types.data)[i], (uint64_t)tensors[i].type);
    sm_buffer_free(&types);
  }
}

static void assert_count(const char *what, int64_t expected) {
  sm_node_attrs attrs;
  int64_t n;
  const sm_op_def *def = read_attrs(&attrs);
  assert_ok(sm_args_count(&n, &def->outputs, &attrs, &source, &err), err);
  assert_number(what, (uint64_t)n, (uint64_t)expected);
}

static void node_args__what_nobody_can_count(void **state) {
  (void)state;
  assert_count("no attributes", -1);
  put_types("types", "", 0, SM_DT_STRING);
  put_number("N", VALUE_I, 0);
  assert_count("an empty list", 3);
  put_number("N", VALUE_TYPE, 2);
  assert_count("of another kind", -1);
  put_number("N", VALUE_I, (uint64_t)-1);
  assert_count("negative", -1);
  put_number("N", VALUE_I, UINT64_C(1) << 40);
  assert_count("absurd", -1);
  w_entry entry = w_begin_entry(&node, NODE_ATTR, "N");
  w_text(&node, PLACEHOLDER, "n");
  w_end_entry(&node, entry);
  assert_count("of whoever calls the function", -1);
}

static void node_args__damaged(void **state) {
  (void)state;
  sm_node_attrs attrs;
  const sm_op_def *def = read_attrs(&attrs);
  w_text(&node, NODE_ATTR, "\x0A\x09x");
  source.bytes = (sm_span){node.data, node.size};
  assert_status(sm_node_read_attrs(&attrs, def, source.bytes, &source, &err), SM_DATA_LOSS, err);
}

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test_setup_teardown(node_args__each_tensor, set_up, tear_down),
      cmocka_unit_test_setup_teardown(node_args__all_types_at_once, set_up, tear_down),
      cmocka_unit_test_setup_teardown(node_args__what_nobody_can_count, set_up, tear_down),
      cmocka_unit_test_setup_teardown(node_args__damaged, set_up, tear_down),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
