/* What the tensors are called that a trace is passed. Expected names are those that TensorFlow 2.21 gives (concrete._arg_keywords,
 * and what sanitize_arg_name makes of them). */
#include "support/check.h"

#include "builder/built_objects.h"

static sm_error err;
static sm_object_graph *objects;

static int set_up(void **state) {
  (void)state;
  assert_ok(sm_object_graph_new(&objects, NULL, &err), err);
  return 0;
}

static int tear_down(void **state) {
  (void)state;
  sm_object_graph_free(objects);
  return 0;
}

#define SPEC(name) \
  { .kind = SM_STRUCTURED_TENSOR_SPEC, .text = (name), .dtype = SM_DT_FLOAT }

static const sm_structured sparse_state[] = {{.kind = SM_STRUCTURED_SHAPE, .rank = -1},
                                             {.kind = SM_STRUCTURED_DTYPE, .dtype = SM_DT_FLOAT}};
static const sm_structured sparse_tuple = {.kind = SM_STRUCTURED_TUPLE, .items = sparse_state, .n_items = 2};
#define SPARSE                                                                                        \
  {                                                                                                   \
    .kind = SM_STRUCTURED_TYPE_SPEC, .text = "Sparse", .type_spec_class = SM_TYPE_SPEC_SPARSE_TENSOR, \
    .items = &sparse_tuple, .n_items = 1                                                              \
  }

/* Python's function has the parameters a and b, and *args. */
static const sm_parameter two[] = {{.name = "a"}, {.name = "b"}};
static const sm_function_spec spec = {.parameters = two, .n_parameters = 2, .varargs = "args"};

static sm_status name(sm_built_argument **out, sm_built_function *function, const sm_structured *positional, size_t n,
                      const sm_structured *keywords) {
  sm_built_parameters parameters;
  const sm_structured both[] = {{.kind = SM_STRUCTURED_TUPLE, .items = positional, .n_items = n}, *keywords};
  const sm_structured inputs = {.kind = SM_STRUCTURED_TUPLE, .items = both, .n_items = 2};
  *function = (sm_built_function){.outputs = {.kind = SM_STRUCTURED_NONE}};
  assert_ok(sm_structured_copy(&function->inputs, &inputs, &objects->arena, &err), err);
  assert_ok(sm_built_flatten(function, objects, &err), err);
  assert_ok(sm_built_make_parameters(&parameters, objects, &spec, &err), err);
  return sm_built_name_arguments(out, objects, function, &parameters, NULL, &err);
}

static const sm_structured no_keywords = {.kind = SM_STRUCTURED_DICT};

static void object_arguments__names(void **state) {
  (void)state;
  const sm_structured list[] = {SPEC(""), SPEC("own"), SPEC(""), {.kind = SM_STRUCTURED_INT64}};
  const sm_structured positional[] = {
      {.kind = SM_STRUCTURED_LIST, .items = list, .n_items = 4}, SPARSE, SPEC(""), SPEC("s")};
  const sm_structured named[] = {SPEC("")};
  const char *const keys[] = {"k"};
  const sm_structured keywords = {.kind = SM_STRUCTURED_DICT, .items = named, .n_items = 1, .keys = keys};
  static const char *const expected[] = {"a", "own", "a_1", "b", "b_1", "b_2", "args_0", "s", "k"};
  sm_built_function function;
  sm_built_argument *arguments;
  assert_ok(name(&arguments, &function, positional, 4, &keywords), err);
  assert_number("arguments", function.n_in, N_OF(expected));
  for (size_t i = 0; i < N_OF(expected); i++) {
    assert_text("name", arguments[i].name, expected[i]);
    assert_text("keyword", arguments[i].keyword, expected[i]);
    assert_number(expected[i], arguments[i].is_whole, i >= 6);
  }
}

static void object_arguments__keywords(void **state) {
  (void)state;
  static const char *const rows[][2] = {{"0/discount", "arg_0_discount"},
                                        {".x", "arg__x"},
                                        {"x-y", "x_y"},
                                        {"x//z", "x__z"},
                                        {"9", "arg_9"},
                                        {"X", "X"},
                                        {"in", "arg_in"},
                                        {"\xc3\xbc", "\xc3\xbc"}};
  for (size_t i = 0; i < N_OF(rows); i++) {
    const sm_structured positional = SPEC(rows[i][0]);
    sm_built_function function;
    sm_built_argument *arguments;
    assert_ok(name(&arguments, &function, &positional, 1, &no_keywords), err);
    assert_text("name", arguments[0].name, rows[i][0]);
    assert_text(rows[i][0], arguments[0].keyword, rows[i][1]);
  }
}

static void object_arguments__clashes(void **state) {
  (void)state;
  const sm_structured items[] = {SPEC("x"), SPEC("x_1")};
  const char *const keys[] = {"deep", "deeper"};
  const sm_structured dict = {.kind = SM_STRUCTURED_DICT, .items = items, .n_items = 2, .keys = keys};
  const struct {
    const char *said;
    sm_structured positional[3];
  } rows[] = {
      {"arguments a and b have one name, \"x\"", {SPEC("x"), SPEC("x"), {.kind = SM_STRUCTURED_NONE}}},
      {"arguments a/deep and args_0 have one name, \"x\"", {dict, SPEC("y"), SPEC("x")}},
      {"arguments a and b, \"x/y\" and \"x_y\", are both \"x_y\" to Python", {SPEC("x/y"), SPEC("x_y"), SPEC("z")}},
      {"arguments a and b have one name, \"b_1\"", {SPEC("b_1"), SPARSE, SPEC("z")}},
  };
  for (size_t i = 0; i < N_OF(rows); i++) {
    sm_built_function function;
    sm_built_argument *arguments;
    assert_status(name(&arguments, &function, rows[i].positional, 3, &no_keywords), SM_INVALID_ARGUMENT, err);
    assert_text("message", err.message, rows[i].said);
  }
}

/* The spec of a trace: each argument is a parameter; keywords as they are declared, then the others. */
static void object_arguments__of_a_trace(void **state) {
  (void)state;
  const sm_parameter declared[] = {{.name = "z"}, {.name = "k"}};
  const sm_function_spec all = {
      .parameters = two, .n_parameters = 1, .varargs = "args", .keyword_only = declared, .n_keyword_only = 2};
  const sm_structured positional[] = {SPEC("x"), {.kind = SM_STRUCTURED_BOOL}, SPEC("y")}, named[4] = {SPEC("")};
  const char *const keys[] = {"b", "k", "other", "z"};
  const sm_structured both[] = {{.kind = SM_STRUCTURED_TUPLE, .items = positional, .n_items = 3},
                                {.kind = SM_STRUCTURED_DICT, .items = named, .n_items = 4, .keys = keys}};
  const sm_built_function function = {.inputs = {.kind = SM_STRUCTURED_TUPLE, .items = both, .n_items = 2}};
  static const char *const names[] = {"a", "args_0", "args_1"}, *const keywords[] = {"z", "k", "b", "other"};
  sm_built_parameters parameters, made;
  assert_ok(sm_built_make_parameters(&parameters, objects, &all, &err), err);
  assert_ok(sm_built_describe_trace(&made, objects, &function, &parameters, &err), err);
  assert_number("positional", made.n_names, N_OF(names));
  for (size_t i = 0; i < N_OF(names); i++) assert_text("positional", made.names[i], names[i]);
  assert_number("keywords", made.n_keyword_only, N_OF(keywords));
  for (size_t i = 0; i < N_OF(keywords); i++) assert_text("keyword", made.keyword_only[i], keywords[i]);
  assert_number("input signature", made.input_signature.kind, SM_STRUCTURED_NONE);
}

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test_setup_teardown(object_arguments__names, set_up, tear_down),
      cmocka_unit_test_setup_teardown(object_arguments__keywords, set_up, tear_down),
      cmocka_unit_test_setup_teardown(object_arguments__clashes, set_up, tear_down),
      cmocka_unit_test_setup_teardown(object_arguments__of_a_trace, set_up, tear_down),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
