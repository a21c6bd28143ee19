#include "support/check.h"

#include <savedmodel/objects.h>

#include "support/models.h"

static sm_error err;

/* The root's child of that name. */
static const sm_trackable *child_of_root(const sm_model *model, const char *wanted) {
  const sm_trackable *root, *child;
  const char *name;
  assert_status(sm_meta_graph_get_root(&root, only_graph(model), &err), SM_OK, err);
  for (size_t i = 0; i < sm_trackable_n_children(root); i++) {
    assert_status(sm_trackable_get_child(&child, &name, root, i, &err), SM_OK, err);
    if (strcmp(name, wanted) == 0) return child;
  }
  fail_msg("no child %s", wanted);
  return NULL;
}

static const sm_concrete_function *function_of(const sm_model *model, const char *child, size_t i) {
  const sm_concrete_function *function;
  assert_status(sm_trackable_get_function(&function, child_of_root(model, child), i, &err), SM_OK, err);
  return function;
}

/* The order in which TensorFlow's tool printed them (cli_show_all.txt), by the names that truth.json has for them. It
 * sorts by the names it gives them while loading: many_traces_23, _5, _63, _67 and with_defaults_111, _51. */
static void functions__order_of_tensorflow(void **state) {
  (void)state;
  static const struct {
    const char *child;
    size_t n;
    const char *names[4];
  } rows[] = {
      {"many_traces",
       4,
       {"__inference_many_traces_102", "__inference_many_traces_106", "__inference_many_traces_96",
        "__inference_many_traces_90"}},
      {"with_defaults", 2, {"__inference_with_defaults_122", "__inference_with_defaults_114"}},
      {"from_list", 1, {"__inference_from_list_61"}},
  };
  sm_model *model = open_data("v2/input_structures");
  for (size_t i = 0; i < N_OF(rows); i++) {
    assert_int_equal(sm_trackable_n_functions(child_of_root(model, rows[i].child)), rows[i].n);
    for (size_t f = 0; f < rows[i].n; f++) {
      const sm_concrete_function *function = function_of(model, rows[i].child, f);
      assert_text(rows[i].child, function->name, rows[i].names[f]);
    }
  }
  sm_model_close(model);
}

/* f(x, 5.0, "text", True, None, tf.int64, *, extra=1, k=7), as truth.json has it. */
static void functions__arguments(void **state) {
  (void)state;
  sm_model *model = open_data("v2/input_structures");
  const sm_structured *inputs = function_of(model, "with_defaults", 0)->inputs;
  assert_non_null(inputs);
  assert_int_equal(inputs->kind, SM_STRUCTURED_TUPLE);
  assert_int_equal(inputs->n_items, 2);
  const sm_structured *args = &inputs->items[0], *kwargs = &inputs->items[1];
  assert_int_equal(args->n_items, 6);
  assert_int_equal(args->items[0].kind, SM_STRUCTURED_TENSOR_SPEC);
  assert_string_equal(args->items[0].text, "x");
  assert_int_equal(args->items[0].dtype, SM_DT_FLOAT);
  assert_int_equal(args->items[0].rank, 1);
  assert_int_equal(args->items[0].dims[0], -1);
  assert_int_equal(args->items[1].kind, SM_STRUCTURED_FLOAT64);
  assert_true(args->items[1].float64_value == 5.0);
  assert_int_equal(args->items[2].kind, SM_STRUCTURED_STRING);
  assert_string_equal(args->items[2].text, "text");
  assert_int_equal(args->items[3].kind, SM_STRUCTURED_BOOL);
  assert_true(args->items[3].bool_value);
  assert_int_equal(args->items[4].kind, SM_STRUCTURED_NONE);
  assert_int_equal(args->items[5].kind, SM_STRUCTURED_DTYPE);
  assert_int_equal(args->items[5].dtype, SM_DT_INT64);
  assert_int_equal(kwargs->kind, SM_STRUCTURED_DICT);
  assert_int_equal(kwargs->n_items, 2);
  assert_string_equal(kwargs->keys[0], "extra");
  assert_int_equal(kwargs->items[0].int64_value, 1);
  assert_string_equal(kwargs->keys[1], "k");
  assert_int_equal(kwargs->items[1].int64_value, 7);
  sm_model_close(model);
}

/* Pair(left, right) and {"n": [n0, (n1, {"deep": n2})]}: nesting of every kind. */
static void functions__nested_arguments(void **state) {
  (void)state;
  sm_model *model = open_data("v2/input_structures");
  const sm_structured *pair = &function_of(model, "from_namedtuple", 0)->inputs->items[0].items[0];
  assert_int_equal(pair->kind, SM_STRUCTURED_NAMED_TUPLE);
  assert_string_equal(pair->text, "Pair");
  assert_int_equal(pair->n_items, 2);
  assert_string_equal(pair->keys[0], "left");
  assert_string_equal(pair->keys[1], "right");
  assert_string_equal(pair->items[1].text, "r");
  const sm_structured *list = &function_of(model, "from_nested", 0)->inputs->items[0].items[0].items[0];
  assert_int_equal(list->kind, SM_STRUCTURED_LIST);
  assert_int_equal(list->items[1].kind, SM_STRUCTURED_TUPLE);
  const sm_structured *deep = &list->items[1].items[1];
  assert_int_equal(deep->kind, SM_STRUCTURED_DICT);
  assert_string_equal(deep->keys[0], "deep");
  assert_string_equal(deep->items[0].text, "n2");
  sm_model_close(model);
}

static void functions__type_specs(void **state) {
  (void)state;
  static const struct {
    const char *child, *class_name;
    size_t n_state; /* items of the state it was made from */
  } rows[] = {{"ragged", "RaggedTensorSpec", 4},
              {"sparse", "SparseTensorSpec", 2},
              {"dataset", "DatasetSpec", 2},
              {"optional", "OptionalSpec", 1},
              {"indexed", "IndexedSlicesSpec", 5}};
  sm_model *model = open_data("v2/type_specs");
  for (size_t i = 0; i < N_OF(rows); i++) {
    const sm_structured *spec = &function_of(model, rows[i].child, 0)->inputs->items[0].items[0];
    assert_int_equal(spec->kind, SM_STRUCTURED_TYPE_SPEC);
    assert_text(rows[i].child, spec->text, rows[i].class_name);
    assert_int_equal(spec->items[0].n_items, rows[i].n_state);
  }
  sm_model_close(model);
}

static void functions__faults(void **state) {
  (void)state;
  const sm_concrete_function *function;
  sm_model *model = open_data("broken/concrete_function_missing");
  const sm_trackable *root, *child;
  size_t n_missing = 0;
  assert_status(sm_meta_graph_get_root(&root, only_graph(model), &err), SM_OK, err);
  for (size_t i = 0; i < sm_trackable_n_children(root); i++) {
    assert_status(sm_trackable_get_child(&child, NULL, root, i, &err), SM_OK, err);
    for (size_t f = 0; f < sm_trackable_n_functions(child); f++)
      if (sm_trackable_get_function(&function, child, f, &err) != SM_OK) {
        assert_int_equal(err.code, SM_DATA_LOSS);
        assert_non_null(strstr(err.message, "__inference_missing_1"));
        n_missing++;
      }
    assert_status(sm_trackable_get_function(&function, child, sm_trackable_n_functions(child), &err), SM_NOT_FOUND,
                  err);
  }
  assert_int_equal(n_missing, 2); /* f and read both name it */
  sm_model_close(model);
}

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(functions__order_of_tensorflow),
      cmocka_unit_test(functions__arguments),
      cmocka_unit_test(functions__nested_arguments),
      cmocka_unit_test(functions__type_specs),
      cmocka_unit_test(functions__faults),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
