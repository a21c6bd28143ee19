#include "support/check.h"

#include <savedmodel/objects.h>

#include "support/models.h"

static w_buffer w;
static sm_error err;

static int tear_down(void **state) {
  (void)state;
  w_free(&w);
  return 0;
}

/* Fields of StructuredValue. */
enum { NONE_VALUE = 1, INT64_VALUE = 12, STRING_VALUE = 13, LIST = 51, TUPLE = 52, DICT = 53, NAMED_TUPLE = 54 };

static void put_none(uint32_t field) {
  size_t value = w_begin(&w, field);
  w_bytes(&w, NONE_VALUE, "", 0);
  w_end(&w, value);
}

static void put_text(uint32_t field, const char *text) {
  size_t value = w_begin(&w, field);
  w_text(&w, STRING_VALUE, text);
  w_end(&w, value);
}

static void put_int(uint32_t field, uint64_t number) {
  size_t value = w_begin(&w, field);
  w_varint(&w, INT64_VALUE, 2 * number); /* zigzag */
  w_end(&w, value);
}

/* A member of FullArgSpec: PairValue {key = 1, value = 2}; begun and ended around what value holds. */
typedef struct member {
  size_t pair, value, list;
} member;

static member begin_member(const char *key, uint32_t kind) {
  member m;
  m.pair = w_begin(&w, 2);
  w_text(&w, 1, key);
  m.value = w_begin(&w, 2);
  m.list = w_begin(&w, kind);
  return m;
}

static void end_member(member m) {
  w_end(&w, m.list);
  w_end(&w, m.value);
  w_end(&w, m.pair);
}

static void put_names(const char *key, const char *const *names) {
  member m = begin_member(key, LIST);
  for (; *names != NULL; names++) put_text(1, *names);
  end_member(m);
}

static void put_member_text(const char *key, const char *text) {
  size_t pair = w_begin(&w, 2);
  w_text(&w, 1, key);
  if (text != NULL)
    put_text(2, text);
  else
    put_none(2);
  w_end(&w, pair);
}

static void put_defaults(const uint64_t *numbers, size_t n) {
  member m = begin_member("defaults", TUPLE);
  for (size_t i = 0; i < n; i++) put_int(1, numbers[i]);
  end_member(m);
}

static void put_keyword_default(const char *key, uint64_t number) {
  member m = begin_member("kwonlydefaults", DICT);
  size_t entry = w_begin(&w, 1);
  w_text(&w, 1, key);
  put_int(2, number);
  w_end(&w, entry);
  end_member(m);
}

/* A model whose root is a function: what is written in between is in its FullArgSpec. */
typedef struct place {
  size_t parts[6];
} place;

static place begin_spec(void) {
  place p;
  w_clear(&w);
  p.parts[0] = w_begin(&w, 2);
  p.parts[1] = w_begin(&w, 7);
  p.parts[2] = w_begin(&w, 1);
  p.parts[3] = w_begin(&w, SM_OBJECT_FUNCTION);
  p.parts[4] = w_begin(&w, 2); /* function_spec */
  p.parts[5] = w_begin(&w, 1); /* fullargspec */
  return p;
}

static sm_model *end_spec(place p, bool is_method) {
  w_end(&w, p.parts[5]);
  if (is_method) w_varint(&w, 2, 1);
  for (size_t i = 5; i-- != 0;) w_end(&w, p.parts[i]);
  return open_bytes(&w);
}

static sm_status get_info(const sm_object **out, const sm_model *model) {
  const sm_trackable *root;
  assert_ok(sm_meta_graph_get_root(&root, only_graph(model), &err), err);
  return sm_trackable_get_info(out, root, &err);
}

/* def f(a, b=1, c=2, *rest, k, l=7, **more) */
static void function_spec__everything(void **state) {
  (void)state;
  static const char *const args[] = {"a", "b", "c", NULL}, *const keyword_only[] = {"l", "k", NULL};
  const sm_object *info;
  place p = begin_spec();
  size_t tuple = w_begin(&w, NAMED_TUPLE);
  w_text(&w, 1, "FullArgSpec");
  put_names("args", args);
  put_member_text("varargs", "rest");
  put_member_text("varkw", "more");
  put_defaults((const uint64_t[]){1, 2}, 2);
  put_names("kwonlyargs", keyword_only);
  put_keyword_default("l", 7);
  w_end(&w, tuple);
  sm_model *model = end_spec(p, false);
  assert_ok(get_info(&info, model), err);
  const sm_function_spec *spec = info->function_spec;
  assert_int_equal(spec->n_parameters, 3);
  assert_text("a", spec->parameters[0].name, "a");
  assert_null(spec->parameters[0].default_value);
  assert_int_equal(spec->parameters[1].default_value->int64_value, 1);
  assert_int_equal(spec->parameters[2].default_value->int64_value, 2);
  assert_text("varargs", spec->varargs, "rest");
  assert_text("varkw", spec->varkw, "more");
  assert_int_equal(spec->n_keyword_only, 2);
  assert_text("first", spec->keyword_only[0].name, "l"); /* in the order of the file */
  assert_int_equal(spec->keyword_only[0].default_value->int64_value, 7);
  assert_null(spec->keyword_only[1].default_value);
  assert_null(spec->input_signature);
  assert_int_equal(spec->jit_compile, SM_JIT_DEFAULT);
  sm_model_close(model);
}

/* The first parameter of a method is left out, and of what was one and is told by its name. */
static void function_spec__self(void **state) {
  (void)state;
  static const char *const self[] = {"self", "x", NULL}, *const other[] = {"this", "x", NULL}, *const none[] = {NULL};
  static const struct {
    const char *const *args;
    bool is_method;
    sm_status status;
    size_t n;
  } rows[] = {{self, true, SM_OK, 1},   {self, false, SM_OK, 1}, {other, true, SM_OK, 1},
              {other, false, SM_OK, 2}, {none, false, SM_OK, 0}, {none, true, SM_DATA_LOSS, 0}};
  const sm_object *info;
  for (size_t i = 0; i < N_OF(rows); i++) {
    place p = begin_spec();
    size_t tuple = w_begin(&w, NAMED_TUPLE);
    put_names("args", rows[i].args);
    w_end(&w, tuple);
    sm_model *model = end_spec(p, rows[i].is_method);
    assert_status(get_info(&info, model), rows[i].status, err);
    if (rows[i].status == SM_OK) assert_number("parameters", info->function_spec->n_parameters, rows[i].n);
    if (rows[i].n != 0) assert_text("x", info->function_spec->parameters[rows[i].n - 1].name, "x");
    sm_model_close(model);
  }
}

static void function_spec__nonsense(void **state) {
  (void)state;
  static const char *const args[] = {"a", NULL};
  const sm_object *info;
  for (int i = 0; i < 5; i++) {
    place p = begin_spec();
    size_t tuple = w_begin(&w, i == 4 ? LIST : NAMED_TUPLE);
    if (i < 4) put_names("args", args);
    if (i == 0) put_defaults((const uint64_t[]){1, 2}, 2); /* more than args */
    if (i == 1) put_member_text("kwonlyargs", "no list");
    if (i == 2) put_defaults((const uint64_t[]){1}, 1), put_member_text("kwonlydefaults", "no dict");
    if (i == 3) end_member(begin_member("varargs", LIST));
    w_end(&w, tuple);
    sm_model *model = end_spec(p, false);
    assert_status(get_info(&info, model), SM_DATA_LOSS, err);
    assert_mentions(err.message, "object 0: fullargspec: ");
    assert_null(info);
    sm_model_close(model);
  }
}

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(function_spec__everything),
      cmocka_unit_test(function_spec__self),
      cmocka_unit_test(function_spec__nonsense),
  };
  return cmocka_run_group_tests(tests, NULL, tear_down);
}
