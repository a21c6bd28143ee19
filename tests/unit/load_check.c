/* Which models tf.saved_model.load takes: what is expected here, tests/interop/objects_tf.py has TensorFlow say as well. */
#include "support/check.h"

#include <savedmodel/savedmodel.h>

#include "support/files.h"
#include "support/models.h"

static sm_error err;
static temp_dir dir;
static w_buffer bytes;

static int set_up(void **state) {
  (void)state;
  dir = make_temp_dir();
  return 0;
}

static int tear_down(void **state) {
  (void)state;
  remove_temp_dir(&dir);
  w_free(&bytes);
  return 0;
}

/* A float variable of n numbers. */
static void put_variable(const char *name, uint64_t n) {
  size_t object = w_begin(&bytes, 1), variable = w_begin(&bytes, SM_OBJECT_VARIABLE), shape, dim;
  w_varint(&bytes, 1, SM_DT_FLOAT);
  shape = w_begin(&bytes, 2);
  dim = w_begin(&bytes, 2);
  w_varint(&bytes, 1, n);
  w_end(&bytes, dim);
  w_end(&bytes, shape);
  w_text(&bytes, 6, name);
  w_end(&bytes, variable);
  w_end(&bytes, object);
}

/* root {v: 1, w: 2} of two and three numbers; nothing leads to variable 3, "lost". */
static void write_model(void) {
  static const char *const names[] = {"v", "w"};
  w_clear(&bytes);
  size_t meta_graph = w_begin(&bytes, 2), graph = w_begin(&bytes, 7), object = w_begin(&bytes, 1);
  for (size_t i = 0; i < N_OF(names); i++) {
    size_t child = w_begin(&bytes, 1);
    w_varint(&bytes, 1, i + 1);
    w_text(&bytes, 2, names[i]);
    w_end(&bytes, child);
  }
  w_bytes(&bytes, SM_OBJECT_USER_OBJECT, "", 0);
  w_end(&bytes, object);
  put_variable("v", 2);
  put_variable("w", 3);
  put_variable("lost", 1);
  w_end(&bytes, graph);
  w_end(&bytes, meta_graph);
  write_file(path_in(dir.path, "saved_model.pb"), bytes.data, bytes.size);
}

/* A value in the checkpoint: name NULL is the end of them. */
typedef struct value {
  const char *name;
  sm_dtype dtype;
  int64_t n;
} value;

static void write_checkpoint(const value *values) {
  static const float numbers[4];
  sm_checkpoint *tree;
  int32_t node;
  assert_ok(sm_checkpoint_new(&tree, NULL, &err), err);
  sm_binding bindings[4] = {{0}};
  for (size_t i = 0; values[i].name != NULL; i++) {
    bindings[i] =
        (sm_binding){.dtype = values[i].dtype, .rank = 1, .dims = &values[i].n, .data = (void *)(uintptr_t)numbers};
    bindings[i].size = (size_t)values[i].n * 4;
    assert_ok(sm_checkpoint_add(&node, tree, 0, values[i].name, &err), err);
    assert_ok(sm_checkpoint_bind(tree, node, NULL, &bindings[i], &err), err);
  }
  assert_ok(sm_checkpoint_write(NULL, tree, path_in(dir.path, "variables/variables"), NULL, &err), err);
  sm_checkpoint_free(tree);
}

/* "missing w; mismatched v; " */
static void note(void *ctx, const sm_difference *difference) {
  char *text = ctx;
  size_t used = strlen(text);
  assert_null(difference->binding);
  snprintf(text + used, 200 - used, "%s %s; ", difference->kind == SM_DIFFERENCE_MISSING ? "missing" : "mismatched",
           difference->key);
}

static void load_check__what_tensorflow_takes(void **state) {
  (void)state;
  static const struct {
    value values[4];
    sm_status whole, partial;
    const char *differences, *words;
  } rows[] = {
      {{{"v", SM_DT_FLOAT, 2}, {"w", SM_DT_FLOAT, 3}}, SM_OK, SM_OK, "missing lost; ", NULL},
      {{{"v", SM_DT_FLOAT, 2}},
       SM_FAILED_PRECONDITION,
       SM_OK,
       "missing w; missing lost; ",
       "variable w: the checkpoint has no value for it"},
      {{{"other", SM_DT_FLOAT, 2}},
       SM_FAILED_PRECONDITION,
       SM_FAILED_PRECONDITION,
       "missing v; missing w; missing lost; ",
       "variable v: the checkpoint has no value for it"},
      {{{"v", SM_DT_FLOAT, 2}, {"w", SM_DT_FLOAT, 4}},
       SM_FAILED_PRECONDITION,
       SM_FAILED_PRECONDITION,
       "mismatched w; missing lost; ",
       "variable w: its value in the checkpoint has another shape"},
      {{{"v", SM_DT_INT32, 2}, {"w", SM_DT_FLOAT, 3}},
       SM_FAILED_PRECONDITION,
       SM_FAILED_PRECONDITION,
       "mismatched v; missing lost; ",
       "variable v: it is DT_FLOAT, its value in the checkpoint DT_INT32"},
  };
  for (size_t i = 0; i < N_OF(rows); i++) {
    char text[200] = "";
    sm_model *model;
    write_model();
    (void)remove(path_in(dir.path, "variables/variables.index"));
    write_checkpoint(rows[i].values);
    assert_ok(sm_model_open(&model, dir.path, NULL, &err), err);
    assert_status(sm_meta_graph_check_variables(only_graph(model), false, note, text, &err), rows[i].whole, err);
    assert_text("differences", text, rows[i].differences);
    if (rows[i].words != NULL) assert_mentions(err.message, rows[i].words);
    assert_status(sm_meta_graph_check_variables(only_graph(model), true, NULL, NULL, &err), rows[i].partial, err);
    sm_model_close(model);
  }
}

/* experimental_skip_checkpoint: nothing of it is needed, until somebody asks for it. */
static void load_check__without_a_checkpoint(void **state) {
  (void)state;
  const sm_variable *variable;
  sm_model *model;
  size_t n;
  write_model();
  assert_ok(sm_model_open(&model, dir.path, NULL, &err), err);
  assert_ok(sm_meta_graph_n_variables(&n, only_graph(model), &err), err);
  assert_int_equal(n, 3);
  assert_ok(sm_meta_graph_get_variable(&variable, only_graph(model), 0, &err), err);
  assert_null(variable->key);
  assert_status(sm_meta_graph_check_variables(only_graph(model), true, NULL, NULL, &err), SM_NOT_FOUND, err);
  sm_model_close(model);
}

/* experimental_load_function_aliases: of the functions that go by another name, those of the object graph are there. The
 * graph's library has more, what the first ones were made from. */
static void load_check__function_aliases(void **state) {
  (void)state;
  const sm_meta_info *info;
  const sm_concrete_function *function;
  sm_model *model = open_data("v2/function_aliases");
  size_t n_found = 0;
  assert_ok(sm_meta_graph_get_info(&info, only_graph(model), &err), err);
  for (size_t i = 0; i < info->n_function_aliases; i++) {
    const sm_function_alias *alias = &info->function_aliases[i];
    assert_text("alias", alias->alias, "double");
    n_found += sm_meta_graph_find_concrete_function(&function, only_graph(model), alias->function, NULL) == SM_OK;
  }
  assert_int_equal(n_found, 2); /* trace_0, trace_1 */
  sm_model_close(model);
}

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test_setup_teardown(load_check__what_tensorflow_takes, set_up, tear_down),
      cmocka_unit_test_setup_teardown(load_check__without_a_checkpoint, set_up, tear_down),
      cmocka_unit_test_setup_teardown(load_check__function_aliases, set_up, tear_down),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
