/* What Python knows of the parameters of a function, as it is written: inspect.FullArgSpec. */
#include "support/check.h"

#include "builder/built_objects.h"

static sm_error err;
static sm_object_graph *objects;
static sm_built_parameters made;

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

static const sm_structured one = {.kind = SM_STRUCTURED_INT64, .int64_value = 1};
static const sm_structured none = {.kind = SM_STRUCTURED_NONE};

static const sm_structured *field(const char *name) {
  for (size_t i = 0; i < made.argspec.n_items; i++)
    if (strcmp(made.argspec.keys[i], name) == 0) return &made.argspec.items[i];
  fail_msg("no field %s", name);
  return NULL;
}

static void assert_names(const char *of, const char *first, const char *second) {
  const sm_structured *names = field(of);
  assert_number(of, names->kind, SM_STRUCTURED_LIST);
  assert_number(of, names->n_items, (first != NULL) + (second != NULL));
  if (first != NULL) assert_text(of, names->items[0].text, first);
  if (second != NULL) assert_text(of, names->items[1].text, second);
}

static void object_parameters__all(void **state) {
  (void)state;
  const sm_structured signature = {.kind = SM_STRUCTURED_TUPLE};
  const sm_parameter parameters[] = {{.name = "x"}, {.name = "y", .default_value = &none}};
  const sm_parameter keyword_only[] = {{.name = "k"}, {.name = "j", .default_value = &one}};
  const sm_function_spec spec = {.parameters = parameters,
                                 .n_parameters = 2,
                                 .varargs = "args",
                                 .keyword_only = keyword_only,
                                 .n_keyword_only = 2,
                                 .varkw = "kw",
                                 .input_signature = &signature,
                                 .jit_compile = SM_JIT_ON};
  static const char *const order[] = {"args",       "varargs",        "varkw",      "defaults",
                                      "kwonlyargs", "kwonlydefaults", "annotations"};
  assert_ok(sm_built_make_parameters(&made, objects, &spec, &err), err);
  assert_text("type", made.argspec.text, "FullArgSpec");
  assert_number("fields", made.argspec.n_items, N_OF(order));
  for (size_t i = 0; i < N_OF(order); i++) assert_text("field", made.argspec.keys[i], order[i]);
  assert_names("args", "x", "y");
  assert_names("kwonlyargs", "k", "j");
  assert_text("varargs", field("varargs")->text, "args");
  assert_text("varkw", field("varkw")->text, "kw");
  assert_number("defaults", field("defaults")->n_items, 1);
  assert_number("default of y", field("defaults")->items[0].kind, SM_STRUCTURED_NONE);
  assert_number("keyword defaults", field("kwonlydefaults")->n_items, 1);
  assert_text("keyword default", field("kwonlydefaults")->keys[0], "j");
  assert_number("annotations", field("annotations")->kind, SM_STRUCTURED_DICT);
  assert_number("input signature", made.input_signature.kind, SM_STRUCTURED_TUPLE);
  assert_number("jit_compile", made.jit_compile, SM_JIT_ON);
  assert_text("keyword-only", made.keyword_only[1], "j");
  assert_null(made.defaults[0]);
  assert_number("default", made.defaults[1]->kind, SM_STRUCTURED_NONE);
}

static void object_parameters__none(void **state) {
  (void)state;
  assert_ok(sm_built_make_parameters(&made, objects, &(sm_function_spec){.n_parameters = 0}, &err), err);
  assert_names("args", NULL, NULL);
  static const char *const absent[] = {"varargs", "varkw", "defaults", "kwonlydefaults"};
  for (size_t i = 0; i < N_OF(absent); i++) assert_number(absent[i], field(absent[i])->kind, SM_STRUCTURED_NONE);
  assert_number("input signature", made.input_signature.kind, SM_STRUCTURED_NONE);
}

/* A method has self, which its parameters have not; what was read is written as it was. */
static void object_parameters__self(void **state) {
  (void)state;
  const sm_parameter parameter = {.name = "x", .default_value = &one};
  sm_function_spec spec = {.parameters = &parameter, .n_parameters = 1, .is_method = true};
  assert_ok(sm_built_make_parameters(&made, objects, &spec, &err), err);
  assert_names("args", "self", "x");
  assert_number("positional names", made.n_names, 1);
  assert_non_null(made.defaults[0]);
  const sm_structured full = made.argspec;
  spec.full_argspec = &full;
  spec.is_method = false;
  assert_ok(sm_built_make_parameters(&made, objects, &spec, &err), err);
  assert_names("args", "self", "x");
}

static void object_parameters__derived(void **state) {
  (void)state;
  const sm_structured positional[] = {
      {.kind = SM_STRUCTURED_TENSOR_SPEC, .text = "0/x"}, one, {.kind = SM_STRUCTURED_TENSOR_SPEC, .text = "0/x"}};
  const char *const keys[] = {"k"};
  const sm_structured both[] = {{.kind = SM_STRUCTURED_TUPLE, .items = positional, .n_items = 3},
                                {.kind = SM_STRUCTURED_DICT, .items = &one, .n_items = 1, .keys = keys}};
  const sm_built_function first = {.inputs = {.kind = SM_STRUCTURED_TUPLE, .items = both, .n_items = 2}};
  const sm_traced_function function = {.n_traces = 1, .is_fixed = true};
  assert_ok(sm_built_derive_parameters(&made, objects, &function, &first, &err), err);
  assert_number("names", made.n_names, 3);
  assert_text("a name that Python takes", made.names[0], "arg_0_x");
  assert_text("a constant", made.names[1], "arg_1");
  assert_text("a name that is taken", made.names[2], "arg_0_x_1");
  assert_names("kwonlyargs", "k", NULL);
  assert_number("input signature", made.input_signature.n_items, 3);
}

/* Python has no function whose parameters share a name: the keyword keeps it. */
static void object_parameters__derived_beside_keywords(void **state) {
  (void)state;
  const sm_structured positional = {.kind = SM_STRUCTURED_TENSOR_SPEC, .text = "k"};
  const char *const keys[] = {"k"};
  const sm_structured both[] = {{.kind = SM_STRUCTURED_TUPLE, .items = &positional, .n_items = 1},
                                {.kind = SM_STRUCTURED_DICT, .items = &one, .n_items = 1, .keys = keys}};
  const sm_built_function first = {.inputs = {.kind = SM_STRUCTURED_TUPLE, .items = both, .n_items = 2}};
  assert_ok(sm_built_derive_parameters(&made, objects, &(sm_traced_function){.n_traces = 1}, &first, &err), err);
  assert_names("args", "k_1", NULL);
  assert_names("kwonlyargs", "k", NULL);
}

static void object_parameters__refuses(void **state) {
  (void)state;
  const sm_parameter gap[] = {{.name = "x", .default_value = &one}, {.name = "y"}}, nameless = {.name = NULL};
  const sm_parameter twice[] = {{.name = "x"}, {.name = "x"}}, alike[] = {{.name = "x/y"}, {.name = "x_y"}};
  const sm_parameter word = {.name = "class"}, self = {.name = "self"};
  const struct {
    const char *said;
    sm_function_spec spec;
  } rows[] = {
      {"x has a default, and one behind it has none", {.parameters = gap, .n_parameters = 2}},
      {"parameter 0 has no name", {.parameters = &nameless, .n_parameters = 1}},
      {"keyword-only parameter 0 has no name", {.keyword_only = &nameless, .n_keyword_only = 1}},
      {"full_argspec is no named tuple", {.full_argspec = &one}},
      {"input_signature is no tuple", {.input_signature = &one}},
      {"\"x\": there is another one", {.parameters = twice, .n_parameters = 2}},
      {"\"x_y\": there is another one", {.parameters = alike, .n_parameters = 2}},
      {"\"x\": there is another one",
       {.parameters = twice, .n_parameters = 1, .keyword_only = twice, .n_keyword_only = 1}},
      {"\"x\": there is another one", {.parameters = twice, .n_parameters = 1, .varargs = "x"}},
      {"\"x\": there is another one", {.keyword_only = twice, .n_keyword_only = 1, .varkw = "x"}},
      {"\"self\": there is another one", {.parameters = &self, .n_parameters = 1, .is_method = true}},
      {"\"class\" is called like a word of Python", {.parameters = &word, .n_parameters = 1}},
  };
  for (size_t i = 0; i < N_OF(rows); i++) {
    assert_status(sm_built_make_parameters(&made, objects, &rows[i].spec, &err), SM_INVALID_ARGUMENT, err);
    assert_mentions(err.message, rows[i].said);
  }
}

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test_setup_teardown(object_parameters__all, set_up, tear_down),
      cmocka_unit_test_setup_teardown(object_parameters__none, set_up, tear_down),
      cmocka_unit_test_setup_teardown(object_parameters__self, set_up, tear_down),
      cmocka_unit_test_setup_teardown(object_parameters__derived, set_up, tear_down),
      cmocka_unit_test_setup_teardown(object_parameters__derived_beside_keywords, set_up, tear_down),
      cmocka_unit_test_setup_teardown(object_parameters__refuses, set_up, tear_down),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
