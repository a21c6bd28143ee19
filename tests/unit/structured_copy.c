#include "support/check.h"

#include "objects/structured_write.h"

static sm_error err;
static sm_arena arena;

static int set_up(void **state) {
  (void)state;
  sm_arena_init(&arena, sm_allocator_or_malloc(NULL), UINT64_MAX);
  return 0;
}

static int tear_down(void **state) {
  (void)state;
  sm_arena_free(&arena);
  return 0;
}

/* DT_FLOAT, a scalar. */
static const char proto[] = {0x08, 0x01, 0x12, 0x00};

static void structured_copy__dicts_are_sorted(void **state) {
  (void)state;
  const sm_structured items[] = {
      {.kind = SM_STRUCTURED_BOOL}, {.kind = SM_STRUCTURED_INT64}, {.kind = SM_STRUCTURED_STRING}};
  const char *const keys[] = {"z", "a", "m"};
  sm_structured value = {.kind = SM_STRUCTURED_DICT, .items = items, .n_items = 3, .keys = keys}, copy;
  assert_ok(sm_structured_copy(&copy, &value, &arena, &err), err);
  assert_text("first key", copy.keys[0], "a");
  assert_int_equal(copy.items[0].kind, SM_STRUCTURED_INT64);
  assert_text("last key", copy.keys[2], "z");
  assert_int_equal(copy.items[2].kind, SM_STRUCTURED_BOOL);
  assert_text("a text that is absent", copy.items[1].text, "");
  value.kind = SM_STRUCTURED_NAMED_TUPLE;
  assert_ok(sm_structured_copy(&copy, &value, &arena, &err), err);
  assert_text("first key of a named tuple", copy.keys[0], "z");
}

/* Nothing of the original is in the copy. */
static void structured_copy__is_deep(void **state) {
  (void)state;
  char text[] = "RaggedTensorSpec", name[] = "tf.Ragged", bytes[sizeof proto];
  int64_t dims[] = {2, -1};
  memcpy(bytes, proto, sizeof bytes);
  const sm_string bound = {bytes, sizeof bytes};
  const sm_structured items[] = {{.kind = SM_STRUCTURED_SHAPE, .rank = 2, .dims = dims},
                                 {.kind = SM_STRUCTURED_TENSOR, .proto = bound},
                                 {.kind = SM_STRUCTURED_BOUNDED_TENSOR_SPEC, .minimum = bound}};
  const sm_structured tuple = {.kind = SM_STRUCTURED_TUPLE, .items = items, .n_items = 3};
  const sm_structured value = {.kind = SM_STRUCTURED_TYPE_SPEC,
                               .text = text,
                               .class_name = name,
                               .type_spec_class = SM_TYPE_SPEC_RAGGED_TENSOR,
                               .n_flat = 2,
                               .items = &tuple,
                               .n_items = 1};
  sm_structured copy;
  assert_ok(sm_structured_copy(&copy, &value, &arena, &err), err);
  text[0] = name[0] = bytes[0] = '?';
  dims[0] = 99;
  assert_text("text", copy.text, "RaggedTensorSpec");
  assert_text("class", copy.class_name, "tf.Ragged");
  const sm_structured *state_items = copy.items[0].items;
  assert_number("dimension", state_items[0].dims[0], 2);
  assert_bytes("constant", state_items[1].proto.data, state_items[1].proto.size, proto, sizeof proto);
  assert_bytes("minimum", state_items[2].minimum.data, state_items[2].minimum.size, proto, sizeof proto);
  assert_null(state_items[2].maximum.data);
}

static void structured_copy__refuses(void **state) {
  (void)state;
  static const int64_t below = -2;
  const sm_structured two[] = {{.kind = SM_STRUCTURED_NONE}, {.kind = SM_STRUCTURED_NONE}};
  const char *const twice[] = {"k", "k"}, *const missing[] = {"k", NULL};
  const struct {
    const char *said;
    sm_status status;
    sm_structured value;
  } rows[] = {
      {"two items of the key k",
       SM_INVALID_ARGUMENT,
       {.kind = SM_STRUCTURED_DICT, .items = two, .n_items = 2, .keys = twice}},
      {"without a key", SM_INVALID_ARGUMENT, {.kind = SM_STRUCTURED_DICT, .items = two, .n_items = 2, .keys = missing}},
      {"without a key", SM_INVALID_ARGUMENT, {.kind = SM_STRUCTURED_NAMED_TUPLE, .items = two, .n_items = 2}},
      {"UTF-8", SM_INVALID_ARGUMENT, {.kind = SM_STRUCTURED_STRING, .text = "\xff"}},
      {"no dimensions", SM_INVALID_ARGUMENT, {.kind = SM_STRUCTURED_SHAPE, .rank = 2}},
      {"dimension 0 of", SM_INVALID_ARGUMENT, {.kind = SM_STRUCTURED_SHAPE, .rank = 1, .dims = &below}},
      {"a rank of -2", SM_INVALID_ARGUMENT, {.kind = SM_STRUCTURED_TENSOR_SPEC, .rank = -2}},
      {"a rank of 255", SM_INVALID_ARGUMENT, {.kind = SM_STRUCTURED_TENSOR_SPEC, .rank = 255, .dims = &below}},
      {"-1 tensors", SM_INVALID_ARGUMENT, {.kind = SM_STRUCTURED_TYPE_SPEC, .n_flat = -1}},
      {"2 states", SM_INVALID_ARGUMENT, {.kind = SM_STRUCTURED_TYPE_SPEC, .items = two, .n_items = 2}},
      {"a constant", SM_DATA_LOSS, {.kind = SM_STRUCTURED_TENSOR, .proto = {"\x08", 1}}},
      {"a constant", SM_DATA_LOSS, {.kind = SM_STRUCTURED_NUMPY, .proto = {"\x12\x05", 2}}},
      {"a constant", SM_DATA_LOSS, {.kind = SM_STRUCTURED_BOUNDED_TENSOR_SPEC, .maximum = {"\x12\x05", 2}}},
  };
  for (size_t i = 0; i < N_OF(rows); i++) {
    sm_structured copy;
    assert_status(sm_structured_copy(&copy, &rows[i].value, &arena, &err), rows[i].status, err);
    assert_mentions(err.message, rows[i].said);
  }
}

/* As deep as can be written, and a level more. */
static void structured_copy__depth(void **state) {
  (void)state;
  sm_structured levels[SM_STRUCTURED_MAX_DEPTH + 1] = {{.kind = SM_STRUCTURED_NONE}}, copy;
  for (int i = 1; i <= SM_STRUCTURED_MAX_DEPTH; i++)
    levels[i] = (sm_structured){.kind = SM_STRUCTURED_TUPLE, .items = &levels[i - 1], .n_items = 1};
  assert_ok(sm_structured_copy(&copy, &levels[SM_STRUCTURED_MAX_DEPTH - 1], &arena, &err), err);
  assert_status(sm_structured_copy(&copy, &levels[SM_STRUCTURED_MAX_DEPTH], &arena, &err), SM_INVALID_ARGUMENT, err);
  assert_mentions(err.message, "nested more than 30 deep");
}

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test_setup_teardown(structured_copy__dicts_are_sorted, set_up, tear_down),
      cmocka_unit_test_setup_teardown(structured_copy__is_deep, set_up, tear_down),
      cmocka_unit_test_setup_teardown(structured_copy__refuses, set_up, tear_down),
      cmocka_unit_test_setup_teardown(structured_copy__depth, set_up, tear_down),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
