/* One NodeDef: op 2, attr 5 (entries: key 1, value 2). AttrValue: list 1 (func 9), func 10; NameAttrList: name 1. */
#include "support/check.h"

#include "graph/graph.h"
#include "support/wire_writer.h"

static w_buffer w;
static sm_error err;

static int tear_down(void **state) {
  (void)state;
  w_free(&w);
  return 0;
}

static sm_wire_source whole(void) { return (sm_wire_source){.name = "m", .bytes = {w.data, w.size}}; }

static void put_func(uint32_t number, const char *name) {
  size_t func = w_begin(&w, number);
  w_text(&w, 1, name);
  w_end(&w, func);
}

static void node__op(void **state) {
  (void)state;
  sm_string op;
  sm_wire_source source = whole();
  assert_ok(sm_node_get_op(&op, source.bytes, &source, &err), err);
  assert_bytes("none", op.data, op.size, "", 0);
  w_text(&w, 1, "name");
  w_text(&w, 2, "Add");
  w_text(&w, 2, "MatMul");
  source = whole();
  assert_ok(sm_node_get_op(&op, source.bytes, &source, &err), err);
  assert_bytes("the last", op.data, op.size, "MatMul", 6);
  w_raw(&w, "\x12\x05", 2);
  source = whole();
  assert_status(sm_node_get_op(&op, source.bytes, &source, &err), SM_DATA_LOSS, err);
}

static void node__attributes(void **state) {
  (void)state;
  sm_span attr;
  sm_string name;
  w_text(&w, 2, "Op");
  for (int i = 0; i < 2; i++) {
    w_entry entry = w_begin_entry(&w, 5, "f");
    put_func(10, i == 0 ? "early" : "late");
    w_end_entry(&w, entry);
  }
  w_text(&w, 5, "\x0A\x01g"); /* without value: the default */
  sm_wire_source source = whole();
  assert_ok(sm_node_find_attr(&attr, source.bytes, "f", &source, &err), err);
  assert_ok(sm_attr_get_func_name(&name, attr, &source, &err), err);
  assert_bytes("the last entry", name.data, name.size, "late", 4);
  assert_ok(sm_node_find_attr(&attr, source.bytes, "g", &source, &err), err);
  assert_non_null(attr.data);
  assert_ok(sm_attr_get_func_name(&name, attr, &source, &err), err);
  assert_number("no function", name.size, 0);
  assert_ok(sm_node_find_attr(&attr, source.bytes, "h", &source, &err), err);
  assert_null(attr.data);
}

static sm_status append(void *ctx, sm_string name, sm_error *e) {
  char *text = ctx;
  size_t used = strlen(text);
  snprintf(text + used, 100 - used, "%.*s ", (int)name.size, name.size != 0 ? name.data : "");
  if (strcmp(text, "stop ") != 0) return SM_OK;
  e->code = SM_ABORTED;
  return SM_ABORTED;
}

static void node__each_function(void **state) {
  (void)state;
  char found[100] = "";
  w_entry entry = w_begin_entry(&w, 5, "then_branch");
  put_func(10, "a");
  w_end_entry(&w, entry);
  entry = w_begin_entry(&w, 5, "branches");
  size_t list = w_begin(&w, 1);
  put_func(9, "b");
  w_text(&w, 2, "no function");
  put_func(9, "c");
  w_end(&w, list);
  w_end_entry(&w, entry);
  entry = w_begin_entry(&w, 5, "T");
  w_varint(&w, 6, 1);
  w_end_entry(&w, entry);
  sm_wire_source source = whole();
  assert_ok(sm_node_each_func(source.bytes, &source, append, found, &err), err);
  assert_text("functions", found, "a b c ");
  w_clear(&w);
  for (int i = 0; i < 2; i++) {
    entry = w_begin_entry(&w, 5, "f");
    put_func(10, "stop");
    w_end_entry(&w, entry);
  }
  found[0] = '\0';
  source = whole();
  assert_status(sm_node_each_func(source.bytes, &source, append, found, &err), SM_ABORTED, err);
  assert_text("functions", found, "stop ");
}

/* A function with an attribute that is a function with a list of functions; and one nested deeper than can be read. */
static void node__each_nested_function(void **state) {
  (void)state;
  char found[100] = "";
  w_entry entry = w_begin_entry(&w, 5, "f"), inner;
  size_t outer = w_begin(&w, 10), func, list;
  w_text(&w, 1, "a");
  inner = w_begin_entry(&w, 2, "body");
  func = w_begin(&w, 10);
  w_text(&w, 1, "b");
  w_entry branches = w_begin_entry(&w, 2, "branches");
  list = w_begin(&w, 1);
  put_func(9, "c");
  w_end(&w, list);
  w_end_entry(&w, branches);
  w_end(&w, func);
  w_end_entry(&w, inner);
  w_end(&w, outer);
  w_end_entry(&w, entry);
  sm_wire_source source = whole();
  assert_ok(sm_node_each_nested_func(source.bytes, &source, append, found, &err), err);
  assert_text("nested", found, "a b c ");
  found[0] = '\0';
  assert_ok(sm_node_each_func(source.bytes, &source, append, found, &err), err);
  assert_text("not nested", found, "a ");

  static const uint32_t path[] = {10, 2, 2}; /* func, its attr, the value */
  w_buffer deep = {0}, name = {0};
  w_text(&name, 1, "d");
  w_clear(&w);
  w_nest(&deep, path, N_OF(path), 3 * 100000 + 1, name.data, name.size);
  entry = w_begin_entry(&w, 5, "f");
  w_raw(&w, deep.data, deep.size);
  w_end_entry(&w, entry);
  found[0] = '\0';
  source = whole();
  assert_ok(sm_node_each_nested_func(source.bytes, &source, append, found, &err), err);
  assert_text("too deep", found, "");
  w_free(&deep);
  w_free(&name);
}

static void node__damage(void **state) {
  (void)state;
  static const struct {
    const char *what, *bytes;
    size_t size;
  } rows[] = {{"an entry", "\x2A\x05", 2},
              {"a key", "\x2A\x02\x0A\x05", 4},
              {"a value",
               "\x2A\x05\x0A\x01"
               "f\x12\x05",
               7},
              {"a function",
               "\x2A\x07\x0A\x01"
               "f\x12\x02\x52\x05",
               9},
              {"a function's name",
               "\x2A\x09\x0A\x01"
               "f\x12\x04\x52\x02\x0A\x05",
               11},
              {"a list",
               "\x2A\x07\x0A\x01"
               "f\x12\x02\x0A\x05",
               9},
              {"a list's function",
               "\x2A\x09\x0A\x01"
               "f\x12\x04\x0A\x02\x4A\x05",
               11}};
  for (size_t i = 0; i < N_OF(rows); i++) {
    char found[100] = "";
    w_clear(&w);
    w_raw(&w, rows[i].bytes, rows[i].size);
    sm_wire_source source = whole();
    sm_status status = sm_node_each_func(source.bytes, &source, append, found, &err);
    assert_text(rows[i].what, sm_status_name(status), "DATA_LOSS");
    assert_text(rows[i].what, found, "");
    status = sm_node_each_nested_func(source.bytes, &source, append, found, &err);
    assert_text(rows[i].what, sm_status_name(status), "DATA_LOSS");
  }
}

/* What tf.import_graph_def says of each, and a function's body of those with '_'. */
static void node__names(void **state) {
  (void)state;
  static const struct {
    const char *name;
    bool is_name, is_internal;
  } rows[] = {{"a", true, true},      {"a_", true, true},    {"a/-b", true, true},   {".a", true, true},
              {"1", true, true},      {"a>b", true, true},   {"a>.b", true, true},   {"_a", false, true},
              {"", false, false},     {"a:b", false, false}, {":y", false, false},   {"a>", false, false},
              {"a>>b", false, false}, {">a", false, false},  {"a>_b", false, false}, {"a\\b", false, false},
              {"a b", false, false},  {"-a", false, false},  {"/a", false, false},   {"\xc3\xa4", false, false}};
  for (size_t i = 0; i < N_OF(rows); i++) {
    assert_number(rows[i].name, sm_node_is_name(sm_string_of(rows[i].name), false), rows[i].is_name);
    assert_number(rows[i].name, sm_node_is_name(sm_string_of(rows[i].name), true), rows[i].is_internal);
  }
}

#define CASE(name) cmocka_unit_test_teardown(name, tear_down)

int main(void) {
  const struct CMUnitTest tests[] = {
      CASE(node__op),     CASE(node__attributes), CASE(node__each_function), CASE(node__each_nested_function),
      CASE(node__damage), CASE(node__names),
  };
  return cmocka_run_group_tests_name("node", tests, NULL, NULL);
}
