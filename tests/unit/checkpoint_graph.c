#include "support/check.h"

#include "objects/checkpoint_graph.h"
#include "support/wire_writer.h"

static w_buffer w;
static sm_error err;
static sm_arena arena;

static int set_up(void **state) {
  (void)state;
  sm_arena_init(&arena, sm_allocator_or_malloc(NULL), UINT64_MAX);
  w_clear(&w);
  return 0;
}

static int tear_down(void **state) {
  (void)state;
  sm_arena_free(&arena);
  w_free(&w);
  return 0;
}

static void put_reference(uint32_t field, int64_t id, const char *name) {
  size_t begun = w_begin(&w, field);
  w_varint(&w, 1, (uint64_t)id);
  w_text(&w, 2, name);
  w_end(&w, begun);
}

static void put_slot(int64_t variable, const char *name, int64_t id) {
  size_t begun = w_begin(&w, 3);
  w_varint(&w, 1, (uint64_t)variable);
  w_text(&w, 2, name);
  w_varint(&w, 3, (uint64_t)id);
  w_end(&w, begun);
}

static sm_status parse(sm_checkpoint_graph *out) {
  const sm_wire_source source = {.name = "graph", .bytes = {w.data, w.size}};
  sm_status status = sm_checkpoint_graph_parse(out, source.bytes, &source, &arena, &err);
  if (status == SM_OK) sm_checkpoint_graph_sort(out);
  return status;
}

static sm_string text(const char *t) { return sm_string_of(t); }

static void checkpoint_graph__everything(void **state) {
  (void)state;
  sm_checkpoint_graph graph;
  size_t node = w_begin(&w, 1);
  put_reference(1, 2, "z");
  put_reference(1, 1, "a");
  put_reference(1, 0, "a"); /* the last of a name counts */
  put_slot(2, "m", 1);
  put_slot(1, "v", 2);
  put_slot(1, "m", 0);
  w_end(&w, node);
  node = w_begin(&w, 1);
  size_t attribute = w_begin(&w, 2);
  w_text(&w, 1, "VARIABLE_VALUE");
  w_text(&w, 2, "old/name");
  w_text(&w, 3, "a/.ATTRIBUTES/VARIABLE_VALUE");
  w_end(&w, attribute);
  size_t has_values = w_begin(&w, 5);
  w_varint(&w, 1, 1);
  w_end(&w, has_values);
  w_end(&w, node);
  node = w_begin(&w, 1);
  size_t saver = w_begin(&w, 4);
  w_text(&w, 1, "my.Saver");
  w_text(&w, 2, "object");
  w_end(&w, saver);
  w_end(&w, node);
  assert_ok(parse(&graph), err);
  assert_int_equal(graph.n, 3);
  const sm_saved_object *root = &graph.objects[0], *variable = &graph.objects[1], *saved = &graph.objects[2];
  assert_int_equal(sm_saved_object_find_child(root, text("a")), 0);
  assert_int_equal(sm_saved_object_find_child(root, text("z")), 2);
  assert_int_equal(sm_saved_object_find_child(root, text("b")), -1);
  assert_int_equal(sm_saved_object_find_slot(root, 1, text("m")), 0);
  assert_int_equal(sm_saved_object_find_slot(root, 1, text("v")), 2);
  assert_int_equal(sm_saved_object_find_slot(root, 2, text("m")), 1);
  assert_int_equal(sm_saved_object_find_slot(root, 2, text("v")), -1);
  assert_int_equal(sm_saved_object_find_slot(root, 0, text("m")), -1);
  const sm_saved_attribute *value = sm_saved_object_find_attribute(variable, text(SM_ATTRIBUTE_VALUE));
  assert_non_null(value);
  assert_bytes("key", value->key.data, value->key.size, "a/.ATTRIBUTES/VARIABLE_VALUE", 28);
  assert_bytes("full name", value->full_name.data, value->full_name.size, "old/name", 8);
  assert_null(sm_saved_object_find_attribute(variable, text("other")));
  assert_true(variable->has_values);
  assert_true(variable->says_values);
  assert_false(root->has_values);
  assert_false(root->says_values);
  assert_bytes("saver", saved->saver.data, saved->saver.size, "my.Saver", 8);
  assert_bytes("object", saved->saver_object.data, saved->saver_object.size, "object", 6);
}

static void checkpoint_graph__numbers_that_lead_nowhere(void **state) {
  (void)state;
  static const struct {
    int64_t child, variable, slot;
    const char *words;
  } rows[] = {{1, 0, 0, "child c of object 0 leads to object 1, there are 1"},
              {-1, 0, 0, "child c of object 0 leads to object -1"},
              {0, 7, 0, "the variable of slot s of object 0 leads to object 7"},
              {0, 0, INT32_MAX, "slot s of object 0 leads to object 2147483647"}};
  sm_checkpoint_graph graph;
  for (size_t i = 0; i < N_OF(rows); i++) {
    w_clear(&w);
    size_t node = w_begin(&w, 1);
    put_reference(1, rows[i].child, "c");
    put_slot(rows[i].variable, "s", rows[i].slot);
    w_end(&w, node);
    assert_status(parse(&graph), SM_DATA_LOSS, err);
    assert_mentions(err.message, rows[i].words);
    assert_int_equal(graph.n, 0);
  }
}

static void checkpoint_graph__damage(void **state) {
  (void)state;
  sm_checkpoint_graph graph;
  size_t node = w_begin(&w, 1);
  put_reference(1, 0, "\xff");
  w_end(&w, node);
  assert_status(parse(&graph), SM_DATA_LOSS, err);
  assert_mentions(err.message, "UTF-8");
  w_clear(&w);
  assert_ok(parse(&graph), err); /* no objects at all */
  assert_int_equal(graph.n, 0);
  node = w_begin(&w, 1);
  put_reference(1, 0, "self");
  w_end(&w, node);
  for (size_t size = 1; size < w.size; size++) {
    const sm_span part = {w.data, size};
    const sm_wire_source source = {.name = "graph", .bytes = part};
    assert_status(sm_checkpoint_graph_parse(&graph, part, &source, &arena, &err), SM_DATA_LOSS, err);
  }
}

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test_setup_teardown(checkpoint_graph__everything, set_up, tear_down),
      cmocka_unit_test_setup_teardown(checkpoint_graph__numbers_that_lead_nowhere, set_up, tear_down),
      cmocka_unit_test_setup_teardown(checkpoint_graph__damage, set_up, tear_down),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
