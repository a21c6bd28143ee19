/* Which tensors a structured value stands for. What is expected of each class is what TensorFlow 2.21 says of it:
 * [(c.dtype, c.shape) for c in nest.flatten(spec._component_specs, expand_composites=True)] */
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

#define DTYPE(of) \
  { .kind = SM_STRUCTURED_DTYPE, .dtype = (of) }
#define INT(of) \
  { .kind = SM_STRUCTURED_INT64, .int64_value = (of) }
#define UNKNOWN_SHAPE \
  { .kind = SM_STRUCTURED_SHAPE, .rank = -1 }
#define SHAPE(n, ...)                                                                   \
  {                                                                                     \
    .kind = SM_STRUCTURED_SHAPE, .rank = (n), .dims = (const int64_t[]) { __VA_ARGS__ } \
  }
#define SPEC(name, of) \
  { .kind = SM_STRUCTURED_TENSOR_SPEC, .text = (name), .dtype = (of) }
#define NONE \
  { .kind = SM_STRUCTURED_NONE }

/* "float32 [?,5], int64 [3]" */
static const char *describe(const sm_structured *const *specs, size_t n) {
  static char text[1024];
  size_t used = 0;
  text[0] = '\0';
  for (size_t i = 0; i < n; i++) {
    const sm_structured *spec = specs[i];
    const char *dtype = spec->dtype != SM_DT_INVALID ? sm_dtype_python_name(spec->dtype) : "invalid";
    used += (size_t)snprintf(text + used, sizeof text - used, "%s%s %s", i > 0 ? ", " : "", dtype,
                             spec->rank < 0 ? "?" : "[");
    for (int32_t k = 0; k < spec->rank; k++)
      used += spec->dims[k] < 0
                  ? (size_t)snprintf(text + used, sizeof text - used, "%s?", k > 0 ? "," : "")
                  : (size_t)snprintf(text + used, sizeof text - used, "%s%d", k > 0 ? "," : "", (int)spec->dims[k]);
    if (spec->rank >= 0) used += (size_t)snprintf(text + used, sizeof text - used, "]");
  }
  return text;
}

static void check(const sm_structured *value, const char *expected) {
  const sm_structured *const *specs;
  size_t n;
  assert_ok(sm_structured_flatten(&specs, &n, value, &arena, &err), err);
  assert_text(expected, describe(specs, n), expected);
}

static void structured_flatten__components(void **state) {
  (void)state;
  const struct {
    sm_type_spec_class type;
    const char *expected;
    size_t n;
    sm_structured state[5];
  } rows[] = {
      {SM_TYPE_SPEC_RAGGED_TENSOR,
       "float32 [?,5], int64 [3], int64 [?]",
       4,
       {SHAPE(4, 2, -1, -1, 5), DTYPE(SM_DT_FLOAT), INT(2), DTYPE(SM_DT_INT64)}},
      {SM_TYPE_SPEC_RAGGED_TENSOR,
       "float32 ?, int64 [?]",
       4,
       {UNKNOWN_SHAPE, DTYPE(SM_DT_FLOAT), INT(1), DTYPE(SM_DT_INT64)}},
      {SM_TYPE_SPEC_RAGGED_TENSOR,
       "float32 [?], int32 [?]",
       4,
       {SHAPE(2, -1, -1), DTYPE(SM_DT_FLOAT), INT(1), DTYPE(SM_DT_INT32)}},
      {SM_TYPE_SPEC_RAGGED_TENSOR, "int32 [3]", 4, {SHAPE(1, 3), DTYPE(SM_DT_INT32), INT(0), DTYPE(SM_DT_INT64)}},
      {SM_TYPE_SPEC_SPARSE_TENSOR, "int64 [?,2], float32 [?], int64 [2]", 2, {SHAPE(2, 3, 4), DTYPE(SM_DT_FLOAT)}},
      {SM_TYPE_SPEC_SPARSE_TENSOR, "int64 [?,?], string [?], int64 [?]", 2, {UNKNOWN_SHAPE, DTYPE(SM_DT_STRING)}},
      {SM_TYPE_SPEC_INDEXED_SLICES,
       "float32 [?,2], int64 [?]",
       5,
       {SHAPE(2, -1, 2), DTYPE(SM_DT_FLOAT), DTYPE(SM_DT_INT64), NONE, SHAPE(1, -1)}},
      {SM_TYPE_SPEC_INDEXED_SLICES,
       "float32 [3,2], int32 [3], int64 [2]",
       5,
       {SHAPE(2, 7, 2), DTYPE(SM_DT_FLOAT), DTYPE(SM_DT_INT32), DTYPE(SM_DT_INT64), SHAPE(1, 3)}},
      {SM_TYPE_SPEC_INDEXED_SLICES,
       "float32 ?, int64 [?]",
       5,
       {UNKNOWN_SHAPE, DTYPE(SM_DT_FLOAT), DTYPE(SM_DT_INT64), NONE, SHAPE(1, -1)}},
      {SM_TYPE_SPEC_DATASET, "variant []", 2, {SPEC("", SM_DT_FLOAT), {.kind = SM_STRUCTURED_SHAPE}}},
      {SM_TYPE_SPEC_DATASET, "variant [2]", 2, {SPEC("", SM_DT_FLOAT), SHAPE(1, 2)}},
      {SM_TYPE_SPEC_ITERATOR, "resource []", 1, {SPEC("", SM_DT_FLOAT)}},
      {SM_TYPE_SPEC_OPTIONAL, "variant []", 1, {SPEC("", SM_DT_FLOAT)}},
      {SM_TYPE_SPEC_TENSOR_ARRAY,
       "variant []",
       4,
       {SHAPE(1, 2),
        DTYPE(SM_DT_FLOAT),
        {.kind = SM_STRUCTURED_BOOL},
        {.kind = SM_STRUCTURED_BOOL, .bool_value = true}}},
      {SM_TYPE_SPEC_VARIABLE,
       "resource []",
       4,
       {SHAPE(1, 2), DTYPE(SM_DT_FLOAT), {.kind = SM_STRUCTURED_BOOL, .bool_value = true}, NONE}},
      {SM_TYPE_SPEC_ROW_PARTITION, "int32 [5]", 4, {SHAPE(1, 4), SHAPE(1, -1), SHAPE(1, -1), DTYPE(SM_DT_INT32)}},
      {SM_TYPE_SPEC_ROW_PARTITION, "int64 [?]", 4, {SHAPE(1, -1), SHAPE(1, -1), SHAPE(1, -1), DTYPE(SM_DT_INT64)}},
  };
  for (size_t i = 0; i < N_OF(rows); i++) {
    const sm_structured tuple = {.kind = SM_STRUCTURED_TUPLE, .items = rows[i].state, .n_items = rows[i].n};
    const sm_structured spec = {.kind = SM_STRUCTURED_TYPE_SPEC,
                                .text = "Spec",
                                .type_spec_class = rows[i].type,
                                .items = &tuple,
                                .n_items = 1};
    check(&spec, rows[i].expected);
  }
}

/* Types of programs: the specs in their state, composite ones, too; types in types. */
static void structured_flatten__registered(void **state) {
  (void)state;
  const sm_structured sparse_state[] = {SHAPE(2, 3, 4), DTYPE(SM_DT_FLOAT)};
  const sm_structured sparse_tuple = {.kind = SM_STRUCTURED_TUPLE, .items = sparse_state, .n_items = 2};
  const sm_structured inner[] = {SPEC("", SM_DT_INT8)};
  const sm_structured inner_state = {.kind = SM_STRUCTURED_LIST, .items = inner, .n_items = 1};
  const sm_structured fields[] = {
      SPEC("named", SM_DT_BOOL),
      INT(3),
      {.kind = SM_STRUCTURED_TYPE_SPEC,
       .text = "Spec",
       .type_spec_class = SM_TYPE_SPEC_SPARSE_TENSOR,
       .items = &sparse_tuple,
       .n_items = 1},
      {.kind = SM_STRUCTURED_TYPE_SPEC,
       .text = "Inner",
       .type_spec_class = SM_TYPE_SPEC_EXTENSION_TYPE,
       .items = &inner_state,
       .n_items = 1},
  };
  const sm_structured tuple = {.kind = SM_STRUCTURED_TUPLE, .items = fields, .n_items = 4};
  sm_structured spec = {.kind = SM_STRUCTURED_TYPE_SPEC,
                        .text = "Outer",
                        .type_spec_class = SM_TYPE_SPEC_REGISTERED,
                        .items = &tuple,
                        .n_items = 1,
                        .n_flat = 5};
  check(&spec, "bool [], int64 [?,2], float32 [?], int64 [2], int8 []");
  spec.n_flat = 1; /* it packs them: what the tensor is only the function knows */
  check(&spec, "invalid ?");
  spec.n_items = 0;
  spec.n_flat = 2;
  check(&spec, "invalid ?, invalid ?");
  spec.n_flat = 0; /* no tensors at all */
  check(&spec, "");
}

static void structured_flatten__refuses(void **state) {
  (void)state;
  const sm_structured *const *specs;
  size_t n;
  sm_structured spec = {
      .kind = SM_STRUCTURED_TYPE_SPEC, .text = "RaggedTensorSpec", .type_spec_class = SM_TYPE_SPEC_RAGGED_TENSOR};
  assert_status(sm_structured_flatten(&specs, &n, &spec, &arena, &err), SM_INVALID_ARGUMENT, err);
  assert_mentions(err.message, "RaggedTensorSpec does not tell of how many tensors");
  spec.n_flat = INT32_MAX;
  assert_status(sm_structured_flatten(&specs, &n, &spec, &arena, &err), SM_INVALID_ARGUMENT, err);
  assert_mentions(err.message, "2147483647 tensors; at most 1024");
  const sm_structured state_items[] = {UNKNOWN_SHAPE, DTYPE(SM_DT_FLOAT), INT(INT64_MAX), DTYPE(SM_DT_INT64)};
  const sm_structured tuple = {.kind = SM_STRUCTURED_TUPLE, .items = state_items, .n_items = 4};
  spec.n_flat = 0;
  spec.n_items = 1;
  spec.items = &tuple;
  assert_status(sm_structured_flatten(&specs, &n, &spec, &arena, &err), SM_INVALID_ARGUMENT, err);
}

static void structured_flatten__paths(void **state) {
  (void)state;
  const sm_structured sparse_state[] = {SHAPE(2, 3, 4), DTYPE(SM_DT_FLOAT)};
  const sm_structured sparse_tuple = {.kind = SM_STRUCTURED_TUPLE, .items = sparse_state, .n_items = 2};
  const sm_structured list[] = {SPEC("", SM_DT_FLOAT),
                                {.kind = SM_STRUCTURED_TYPE_SPEC,
                                 .text = "Spec",
                                 .type_spec_class = SM_TYPE_SPEC_SPARSE_TENSOR,
                                 .items = &sparse_tuple,
                                 .n_items = 1}};
  const sm_structured items[] = {{.kind = SM_STRUCTURED_LIST, .items = list, .n_items = 2}, SPEC("", SM_DT_INT8)};
  const char *const keys[] = {"deep", "z"};
  const sm_structured dict = {.kind = SM_STRUCTURED_DICT, .items = items, .n_items = 2, .keys = keys};
  static const char *const expected[] = {"d/deep/0", "d/deep/1", "d/deep/1", "d/deep/1", "d/z"};
  char path[64], shorter[8];
  check(&dict, "float32 [], int64 [?,2], float32 [?], int64 [2], int8 []");
  for (size_t i = 0; i < N_OF(expected); i++) {
    assert_ok(sm_structured_path(path, sizeof path, "d", &dict, i, &arena, &err), err);
    assert_text("path", path, expected[i]);
  }
  assert_ok(sm_structured_path(shorter, sizeof shorter, "d", &dict, 0, &arena, &err), err);
  assert_text("a path that is cut", shorter, "d/deep/");
  assert_ok(sm_structured_path(path, sizeof path, "x", &items[1], 0, &arena, &err), err);
  assert_text("a tensor itself", path, "x");
}

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test_setup_teardown(structured_flatten__components, set_up, tear_down),
      cmocka_unit_test_setup_teardown(structured_flatten__registered, set_up, tear_down),
      cmocka_unit_test_setup_teardown(structured_flatten__refuses, set_up, tear_down),
      cmocka_unit_test_setup_teardown(structured_flatten__paths, set_up, tear_down),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
