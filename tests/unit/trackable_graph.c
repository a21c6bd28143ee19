#include "support/check.h"

#include <savedmodel/trackable_graph.h>

#include "support/fault_alloc.h"
#include "support/wire_writer.h"

/* TrackableObjectGraph by hand: objects are numbered as they are written. */
static w_buffer w, other;
static sm_trackable_graph *graph;
static sm_error err;

static int set_up(void **state) {
  (void)state;
  w_clear(&w);
  w_clear(&other);
  graph = NULL;
  return 0;
}

static int tear_down(void **state) {
  (void)state;
  sm_trackable_graph_free(graph);
  w_free(&w);
  w_free(&other);
  return 0;
}

/* ---- Writing one ---- */

static void put_child(w_buffer *to, uint64_t node, const char *name) {
  size_t child = w_begin(to, 1);
  if (node != 0) w_varint(to, 1, node);
  w_text(to, 2, name);
  w_end(to, child);
}

static void put_value(w_buffer *to, const char *name, const char *key) {
  size_t value = w_begin(to, 2);
  w_text(to, 1, name);
  w_text(to, 2, "full/name");
  w_text(to, 3, key);
  w_end(to, value);
}

static void put_slot(w_buffer *to, uint64_t variable, const char *name, uint64_t slot) {
  size_t message = w_begin(to, 3);
  w_varint(to, 1, variable);
  w_text(to, 2, name);
  w_varint(to, 3, slot);
  w_end(to, message);
}

static void put_has_values(w_buffer *to, bool value) {
  size_t message = w_begin(to, 5);
  if (value) w_varint(to, 1, 1);
  w_end(to, message);
}

/*
 * 0 root -> 1 model -> 3 w, 4 config
 *        -> 2 optimizer -> 5 iter; slot of 3: 6
 * as TensorFlow writes it.
 */
static void put_trained(w_buffer *to, const char *w_key) {
  size_t node = w_begin(to, 1);
  put_child(to, 1, "model");
  put_child(to, 2, "optimizer");
  put_has_values(to, true);
  w_end(to, node);
  node = w_begin(to, 1);
  put_child(to, 3, "w");
  put_child(to, 4, "config");
  put_has_values(to, true);
  w_end(to, node);
  node = w_begin(to, 1);
  put_child(to, 5, "iter");
  put_slot(to, 3, "m", 6);
  put_has_values(to, true);
  w_end(to, node);
  node = w_begin(to, 1);
  put_value(to, "VARIABLE_VALUE", w_key);
  put_has_values(to, true);
  w_end(to, node);
  node = w_begin(to, 1);
  put_has_values(to, false);
  w_end(to, node);
  node = w_begin(to, 1);
  put_value(to, "VARIABLE_VALUE", "optimizer/iter");
  put_has_values(to, true);
  w_end(to, node);
  node = w_begin(to, 1);
  put_value(to, "VARIABLE_VALUE", "w/m");
  put_has_values(to, true);
  w_end(to, node);
}

static sm_string string_of(const w_buffer *from) { return (sm_string){(const char *)from->data, from->size}; }

static void read_graph(const w_buffer *from) {
  assert_ok(sm_trackable_graph_read(&graph, string_of(from), NULL, &err), err);
}

static void check_written(const w_buffer *wanted) {
  sm_string bytes;
  assert_ok(sm_trackable_graph_write(&bytes, graph, &err), err);
  assert_bytes("graph", bytes.data, bytes.size, wanted->data, wanted->size);
}

/* ---- Looking ---- */

static void check_string(const char *what, sm_string got, const char *wanted) {
  assert_bytes(what, got.data, got.size, wanted, strlen(wanted));
}

static void trackable_graph__tells_what_there_is(void **state) {
  (void)state;
  sm_saved_object_info info;
  sm_saved_child child;
  sm_saved_value value;
  sm_saved_slot slot;
  put_trained(&w, "w");
  size_t node = w_begin(&w, 1), saver = w_begin(&w, 4);
  w_text(&w, 1, "Custom.Saver");
  w_text(&w, 2, "its name");
  w_end(&w, saver);
  w_end(&w, node);
  read_graph(&w);
  assert_number("objects", sm_trackable_graph_n_objects(graph), 8);
  assert_ok(sm_trackable_graph_get_object(&info, graph, 2, &err), err);
  assert_number("children", info.n_children, 1);
  assert_number("values", info.n_values, 0);
  assert_number("slots", info.n_slots, 1);
  check_string("saver", info.saver, "");
  assert_ok(sm_trackable_graph_get_child(&child, graph, 0, 1, &err), err);
  check_string("child", child.name, "optimizer");
  assert_number("child", child.object, 2);
  assert_ok(sm_trackable_graph_get_value(&value, graph, 3, 0, &err), err);
  check_string("attribute", value.attribute, "VARIABLE_VALUE");
  check_string("full name", value.full_name, "full/name");
  check_string("key", value.key, "w");
  assert_ok(sm_trackable_graph_get_slot(&slot, graph, 2, 0, &err), err);
  check_string("slot", slot.name, "m");
  assert_number("variable", slot.variable, 3);
  assert_number("slot variable", slot.object, 6);
  assert_ok(sm_trackable_graph_get_object(&info, graph, 7, &err), err);
  check_string("saver", info.saver, "Custom.Saver");
  check_string("its object", info.saver_object, "its name");
  assert_status(sm_trackable_graph_get_object(&info, graph, 8, &err), SM_OUT_OF_RANGE, err);
  assert_status(sm_trackable_graph_get_child(&child, graph, 0, 2, &err), SM_OUT_OF_RANGE, err);
  assert_status(sm_trackable_graph_get_value(&value, graph, 3, 1, &err), SM_OUT_OF_RANGE, err);
  assert_status(sm_trackable_graph_get_slot(&slot, graph, 2, SIZE_MAX, &err), SM_OUT_OF_RANGE, err);
}

static void check_path(size_t object, const char *wanted) {
  const char *path;
  assert_ok(sm_trackable_graph_get_path(&path, graph, object, &err), err);
  assert_string_equal(path, wanted);
}

/* Of slot variables there is none; where optimizers go, the numbers change. */
static void trackable_graph__finds_paths(void **state) {
  (void)state;
  const char *path;
  put_trained(&w, "w");
  read_graph(&w);
  check_path(0, "");
  check_path(4, "model/config");
  check_path(5, "optimizer/iter");
  assert_status(sm_trackable_graph_get_path(&path, graph, 6, &err), SM_NOT_FOUND, err);
  assert_status(sm_trackable_graph_get_path(&path, graph, 7, &err), SM_OUT_OF_RANGE, err);
  assert_ok(sm_trackable_graph_drop_optimizers(NULL, graph, &err), err);
  check_path(2, "model/w");
  assert_status(sm_trackable_graph_get_path(&path, graph, 4, &err), SM_OUT_OF_RANGE, err);
}

/* A way back to the root, the same object twice, names that are escaped. */
static void trackable_graph__paths_of_cycles(void **state) {
  (void)state;
  size_t node = w_begin(&w, 1);
  put_child(&w, 1, "a.b/c");
  put_child(&w, 1, "again");
  w_end(&w, node);
  node = w_begin(&w, 1);
  put_child(&w, 0, "parent");
  put_child(&w, 1, "self");
  w_end(&w, node);
  read_graph(&w);
  check_path(0, "");
  check_path(1, "a..b.Sc");
}

static void trackable_graph__refuses_names_with_nul(void **state) {
  (void)state;
  const char *path;
  size_t node = w_begin(&w, 1), child = w_begin(&w, 1);
  w_varint(&w, 1, 1);
  size_t name = w_begin(&w, 2);
  w_raw(&w, "a\0b", 3);
  w_end(&w, name);
  w_end(&w, child);
  w_end(&w, node);
  node = w_begin(&w, 1);
  w_end(&w, node);
  read_graph(&w);
  assert_status(sm_trackable_graph_get_path(&path, graph, 1, &err), SM_UNIMPLEMENTED, err);
}

/* ---- Keys ---- */

/* "OLD" to "NEW", "OLD" to NULL: it goes. */
typedef struct change {
  const char *from, *to;
} change;

static sm_status apply_change(void *ctx, sm_string *key, sm_error *e) {
  const change *c = ctx;
  (void)e;
  if (key->size != strlen(c->from) || memcmp(key->data, c->from, key->size) != 0) return SM_OK;
  *key = c->to != NULL ? (sm_string){c->to, strlen(c->to)} : (sm_string){NULL, 0};
  return SM_OK;
}

static void trackable_graph__stays_as_it_was(void **state) {
  (void)state;
  put_trained(&w, "w");
  read_graph(&w);
  check_written(&w);
}

/* What the schema does not know is written where it was, a saver too. */
static void trackable_graph__keeps_other_fields(void **state) {
  (void)state;
  size_t node = w_begin(&w, 1);
  size_t saver = w_begin(&w, 4);
  w_text(&w, 1, "Custom.Saver");
  w_text(&w, 2, "name");
  w_end(&w, saver);
  w_varint(&w, 900, 5);
  w_fixed32(&w, 901, 6);
  w_end(&w, node);
  read_graph(&w);
  check_written(&w);
}

static void trackable_graph__renames(void **state) {
  (void)state;
  change c = {"w", "a longer key"};
  put_trained(&w, "w");
  put_trained(&other, "a longer key");
  read_graph(&w);
  assert_ok(sm_trackable_graph_map_keys(graph, apply_change, &c, &err), err);
  check_written(&other);
}

/* The slot variable is forgotten by the optimizer, and its object has nothing to tell. */
static void trackable_graph__forgets_slots(void **state) {
  (void)state;
  change c = {"w/m", NULL}, d = {"optimizer/iter", NULL};
  size_t node = w_begin(&w, 1);
  put_child(&w, 1, "v");
  put_child(&w, 2, "optimizer");
  put_has_values(&w, true);
  w_end(&w, node);
  node = w_begin(&w, 1);
  put_value(&w, "VARIABLE_VALUE", "v");
  w_end(&w, node);
  node = w_begin(&w, 1);
  put_slot(&w, 1, "m", 3);
  put_has_values(&w, true);
  w_end(&w, node);
  node = w_begin(&w, 1);
  put_value(&w, "VARIABLE_VALUE", "w/m");
  w_end(&w, node);

  node = w_begin(&other, 1);
  put_child(&other, 1, "v");
  put_child(&other, 2, "optimizer");
  put_has_values(&other, true);
  w_end(&other, node);
  node = w_begin(&other, 1);
  put_value(&other, "VARIABLE_VALUE", "v");
  w_end(&other, node);
  node = w_begin(&other, 1);
  put_has_values(&other, false);
  w_end(&other, node);
  node = w_begin(&other, 1);
  w_end(&other, node);

  read_graph(&w);
  assert_ok(sm_trackable_graph_map_keys(graph, apply_change, &c, &err), err);
  assert_ok(sm_trackable_graph_map_keys(graph, apply_change, &d, &err), err);
  check_written(&other);
}

static sm_status refuse_key(void *ctx, sm_string *key, sm_error *e) {
  (void)ctx;
  (void)key;
  *e = (sm_error){.code = SM_CANCELLED, .message = "no"};
  return SM_CANCELLED;
}

static void trackable_graph__hands_on_refusals(void **state) {
  (void)state;
  put_trained(&w, "w");
  read_graph(&w);
  assert_status(sm_trackable_graph_map_keys(graph, refuse_key, NULL, &err), SM_CANCELLED, err);
}

/* ---- Optimizers ---- */

static void trackable_graph__drops_optimizers(void **state) {
  (void)state;
  size_t n = 0;
  put_trained(&w, "w");
  size_t node = w_begin(&other, 1);
  put_child(&other, 1, "model");
  put_has_values(&other, true);
  w_end(&other, node);
  node = w_begin(&other, 1);
  put_child(&other, 2, "w");
  put_child(&other, 3, "config");
  put_has_values(&other, true);
  w_end(&other, node);
  node = w_begin(&other, 1);
  put_value(&other, "VARIABLE_VALUE", "w");
  put_has_values(&other, true);
  w_end(&other, node);
  node = w_begin(&other, 1);
  put_has_values(&other, false);
  w_end(&other, node);
  read_graph(&w);
  assert_ok(sm_trackable_graph_drop_optimizers(&n, graph, &err), err);
  assert_number("optimizers", n, 1);
  check_written(&other);
}

/* Each of these names tells an optimizer, and so does the name that others give it. */
static void trackable_graph__knows_optimizers(void **state) {
  (void)state;
  static const struct {
    const char *edge, *children[2];
    bool is_optimizer;
  } cases[] = {
      {"o", {"_iterations", "x"}, true}, {"o", {"iter", "learning_rate"}, true},
      {"optimizer", {"x", "y"}, true},   {"_optimizer", {"x", "y"}, true},
      {"o", {"iter", "x"}, false},       {"o", {"learning_rate", "x"}, false},
      {"optimizers", {"x", "y"}, false},
  };
  for (size_t i = 0; i < N_OF(cases); i++) {
    size_t n = 9;
    w_clear(&w);
    size_t node = w_begin(&w, 1);
    put_child(&w, 1, cases[i].edge);
    w_end(&w, node);
    node = w_begin(&w, 1);
    for (size_t c = 0; c < 2; c++) put_child(&w, 2, cases[i].children[c]);
    w_end(&w, node);
    node = w_begin(&w, 1);
    w_end(&w, node);
    read_graph(&w);
    assert_ok(sm_trackable_graph_drop_optimizers(&n, graph, &err), err);
    assert_number(cases[i].edge, n, cases[i].is_optimizer);
    sm_trackable_graph_free(graph);
    graph = NULL;
  }
}

/* ---- Two ---- */

/* A root with one child that has a value, or a cycle back to the root. */
static void put_small(w_buffer *to, const char *child, const char *value, const char *key) {
  size_t node = w_begin(to, 1);
  put_child(to, 1, child);
  w_end(to, node);
  node = w_begin(to, 1);
  put_child(to, 0, "parent");
  put_value(to, value, key);
  w_end(to, node);
}

static sm_status merge_small(const char *child, const char *value, const char *key) {
  sm_trackable_graph *second;
  put_small(&w, "a", "x", "a/x");
  put_small(&other, child, value, key);
  read_graph(&w);
  assert_ok(sm_trackable_graph_read(&second, string_of(&other), NULL, &err), err);
  sm_status status = sm_trackable_graph_merge(graph, second, &err);
  if (status == SM_OK) { /* what is of the other stays until the graph goes */
    sm_string bytes;
    assert_ok(sm_trackable_graph_write(&bytes, graph, &err), err);
    w_buffer copy = {0};
    w_raw(&copy, bytes.data, bytes.size);
    w_clear(&w);
    w_raw(&w, copy.data, copy.size);
    w_free(&copy);
  }
  sm_trackable_graph_free(second);
  return status;
}

static void trackable_graph__merges_others(void **state) {
  (void)state;
  assert_ok(merge_small("b", "y", "b/y"), err);
  w_clear(&other);
  size_t node = w_begin(&other, 1);
  put_child(&other, 1, "a");
  put_child(&other, 2, "b");
  w_end(&other, node);
  node = w_begin(&other, 1);
  put_child(&other, 0, "parent");
  put_value(&other, "x", "a/x");
  w_end(&other, node);
  node = w_begin(&other, 1);
  put_child(&other, 0, "parent");
  put_value(&other, "y", "b/y");
  w_end(&other, node);
  assert_bytes("merged", w.data, w.size, other.data, other.size);
}

static void trackable_graph__merges_the_same(void **state) {
  (void)state;
  assert_ok(merge_small("a", "y", "a/y"), err);
  w_clear(&other);
  size_t node = w_begin(&other, 1);
  put_child(&other, 1, "a");
  w_end(&other, node);
  node = w_begin(&other, 1);
  put_child(&other, 0, "parent");
  put_value(&other, "x", "a/x");
  put_value(&other, "y", "a/y");
  w_end(&other, node);
  assert_bytes("merged", w.data, w.size, other.data, other.size);
}

static void trackable_graph__refuses_two_values(void **state) {
  (void)state;
  assert_status(merge_small("a", "x", "another/key"), SM_INVALID_ARGUMENT, err);
}

/* Slot variables that only slots lead to come over with their values. */
static void trackable_graph__merges_slots(void **state) {
  (void)state;
  sm_trackable_graph *second;
  sm_string bytes;
  put_trained(&w, "w");
  read_graph(&w);
  assert_ok(sm_trackable_graph_read(&second, string_of(&w), NULL, &err), err);
  assert_ok(sm_trackable_graph_merge(graph, second, &err), err);
  check_written(&w); /* all of it was there */
  sm_trackable_graph_free(graph);
  size_t node = w_begin(&other, 1);
  w_end(&other, node);
  read_graph(&other);
  assert_ok(sm_trackable_graph_merge(graph, second, &err), err);
  assert_ok(sm_trackable_graph_write(&bytes, graph, &err), err);
  bool has_slot = false;
  for (size_t i = 0; i + 3 <= bytes.size; i++) has_slot |= memcmp(bytes.data + i, "w/m", 3) == 0;
  assert_true(has_slot);
  sm_trackable_graph_free(graph);
  graph = NULL;
  sm_trackable_graph_free(second);
}

/* ---- What is damaged ---- */

static void trackable_graph__refuses_numbers_of_no_object(void **state) {
  (void)state;
  static const uint64_t numbers[] = {1, 2, INT32_MAX, UINT32_MAX, (uint64_t)-1};
  for (size_t i = 0; i < N_OF(numbers); i++)
    for (int field = 0; field < 3; field++) {
      w_clear(&w);
      size_t node = w_begin(&w, 1);
      if (field == 0) put_child(&w, numbers[i], "x");
      if (field == 1) put_slot(&w, numbers[i], "x", 0);
      if (field == 2) put_slot(&w, 0, "x", numbers[i]);
      w_end(&w, node);
      assert_status(sm_trackable_graph_read(&graph, string_of(&w), NULL, &err), SM_DATA_LOSS, err);
      assert_null(graph);
    }
}

/* Every beginning of one is read or refused. */
static void trackable_graph__reads_beginnings(void **state) {
  (void)state;
  put_trained(&w, "w");
  for (size_t size = 0; size <= w.size; size++) {
    sm_string bytes;
    sm_status status = sm_trackable_graph_read(&graph, (sm_string){(const char *)w.data, size}, NULL, &err);
    if (status == SM_OK) assert_ok(sm_trackable_graph_write(&bytes, graph, &err), err);
    if (status != SM_OK) assert_status(status, SM_DATA_LOSS, err);
    sm_trackable_graph_free(graph);
    graph = NULL;
  }
}

static sm_status do_all(const sm_open_options *options) {
  sm_trackable_graph *first = NULL, *second = NULL;
  sm_string bytes;
  const char *path;
  change c = {"w", "another"};
  sm_status status = sm_trackable_graph_read(&first, string_of(&w), options, &err);
  if (status == SM_OK) status = sm_trackable_graph_read(&second, string_of(&other), options, &err);
  if (status == SM_OK) status = sm_trackable_graph_merge(first, second, &err);
  if (status == SM_OK) status = sm_trackable_graph_map_keys(first, apply_change, &c, &err);
  if (status == SM_OK) status = sm_trackable_graph_drop_optimizers(NULL, first, &err);
  if (status == SM_OK) status = sm_trackable_graph_get_path(&path, first, 1, &err);
  if (status == SM_OK) status = sm_trackable_graph_write(&bytes, first, &err);
  sm_trackable_graph_free(first);
  sm_trackable_graph_free(second);
  return status;
}

static void trackable_graph__without_memory(void **state) {
  (void)state;
  put_trained(&w, "w");
  put_small(&other, "a", "x", "a/x");
  bool fired = true;
  for (uint64_t n = 0; fired; n++) {
    sm_fault_alloc fa;
    sm_open_options options = SM_OPEN_OPTIONS_INIT;
    sm_fault_alloc_init(&fa, n);
    options.allocator = &fa.base;
    sm_status status = do_all(&options);
    fired = fa.fired;
    assert_number("live blocks", fa.live_blocks, 0);
    assert_status(status, fired ? SM_RESOURCE_EXHAUSTED : SM_OK, err);
    sm_fault_alloc_destroy(&fa);
  }
}

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test_setup_teardown(trackable_graph__stays_as_it_was, set_up, tear_down),
      cmocka_unit_test_setup_teardown(trackable_graph__keeps_other_fields, set_up, tear_down),
      cmocka_unit_test_setup_teardown(trackable_graph__tells_what_there_is, set_up, tear_down),
      cmocka_unit_test_setup_teardown(trackable_graph__finds_paths, set_up, tear_down),
      cmocka_unit_test_setup_teardown(trackable_graph__paths_of_cycles, set_up, tear_down),
      cmocka_unit_test_setup_teardown(trackable_graph__refuses_names_with_nul, set_up, tear_down),
      cmocka_unit_test_setup_teardown(trackable_graph__renames, set_up, tear_down),
      cmocka_unit_test_setup_teardown(trackable_graph__forgets_slots, set_up, tear_down),
      cmocka_unit_test_setup_teardown(trackable_graph__hands_on_refusals, set_up, tear_down),
      cmocka_unit_test_setup_teardown(trackable_graph__drops_optimizers, set_up, tear_down),
      cmocka_unit_test_setup_teardown(trackable_graph__knows_optimizers, set_up, tear_down),
      cmocka_unit_test_setup_teardown(trackable_graph__merges_others, set_up, tear_down),
      cmocka_unit_test_setup_teardown(trackable_graph__merges_the_same, set_up, tear_down),
      cmocka_unit_test_setup_teardown(trackable_graph__refuses_two_values, set_up, tear_down),
      cmocka_unit_test_setup_teardown(trackable_graph__merges_slots, set_up, tear_down),
      cmocka_unit_test_setup_teardown(trackable_graph__refuses_numbers_of_no_object, set_up, tear_down),
      cmocka_unit_test_setup_teardown(trackable_graph__reads_beginnings, set_up, tear_down),
      cmocka_unit_test_setup_teardown(trackable_graph__without_memory, set_up, tear_down),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
