/* What tables hold, as make_fixtures.py made them. */
#include "support/check.h"

#include <savedmodel/objects.h>

#include "support/models.h"

static sm_error err;

static const sm_trackable *find(const sm_model *model, const char *path) {
  const sm_trackable *root, *node;
  assert_ok(sm_meta_graph_get_root(&root, only_graph(model), &err), err);
  assert_ok(sm_trackable_find(&node, root, path, &err), err);
  return node;
}

/* Lines of vocab.txt to their numbers. */
static void table_contents__lines_of_an_asset(void **state) {
  (void)state;
  static const char *const wanted[] = {"apple", "banana", "cherry"};
  sm_tensor *keys, *values;
  sm_model *model = open_data("v2/table_asset");
  assert_ok(sm_trackable_read_table(&keys, &values, find(model, "table"), &err), err);
  const sm_tensor_view *key = sm_tensor_get_view(keys), *value = sm_tensor_get_view(values);
  assert_int_equal(key->dtype, SM_DT_STRING);
  assert_int_equal(value->dtype, SM_DT_INT64);
  assert_int_equal(key->dims[0], 3);
  for (size_t i = 0; i < 3; i++) {
    const sm_string *strings = key->data;
    assert_bytes("key", strings[i].data, strings[i].size, wanted[i], strlen(wanted[i]));
    assert_int_equal(((const int64_t *)value->data)[i], i);
  }
  sm_tensor_free(keys);
  sm_tensor_free(values);
  sm_model_close(model);
}

/* {1: "one", 2: "two"}, which are constants that the initialiser captures. */
static void table_contents__constants(void **state) {
  (void)state;
  sm_tensor *keys, *values;
  sm_model *model = open_data("v2/table_asset");
  const sm_trackable *fixed = find(model, "fixed");
  err = (sm_error){.code = SM_OK};
  assert_ok(sm_trackable_read_table(&keys, &values, fixed, &err), err);
  assert_int_equal(err.code, SM_OK); /* that the checkpoint has nothing of it is no failure */
  const sm_tensor_view *key = sm_tensor_get_view(keys), *value = sm_tensor_get_view(values);
  const sm_string *strings = value->data;
  assert_int_equal(key->dims[0], 2);
  assert_int_equal(((const int64_t *)key->data)[0], 1);
  assert_int_equal(((const int64_t *)key->data)[1], 2);
  assert_bytes("one", strings[0].data, strings[0].size, "one", 3);
  assert_bytes("two", strings[1].data, strings[1].size, "two", 3);
  sm_tensor_free(keys);
  sm_tensor_free(values);
  sm_model_close(model);
}

static void table_contents__other_objects(void **state) {
  (void)state;
  sm_tensor *keys, *values, *value;
  sm_model *model = open_data("v2/table_asset");
  const sm_trackable *function = find(model, "ids");
  assert_status(sm_trackable_read_table(&keys, &values, function, &err), SM_INVALID_ARGUMENT, err);
  assert_null(keys);
  assert_null(values);
  assert_status(sm_trackable_read_constant(&value, function, &err), SM_INVALID_ARGUMENT, err);
  assert_null(value);
  sm_model_close(model);
}

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(table_contents__lines_of_an_asset),
      cmocka_unit_test(table_contents__constants),
      cmocka_unit_test(table_contents__other_objects),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
