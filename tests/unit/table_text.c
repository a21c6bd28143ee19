#include "support/check.h"

#include "objects/table_text.h"

static sm_error err;

static sm_status read(sm_tensor **out, const char *text, int64_t vocab_size, int64_t index, sm_dtype dtype) {
  const sm_table_text table = {.text = {(const uint8_t *)text, strlen(text)},
                               .name = "vocab.txt",
                               .vocab_size = vocab_size,
                               .offset = 100,
                               .delimiter = ','};
  return sm_table_text_read(out, &table, index, dtype, NULL, &err);
}

/* As TensorFlow's InitializeTableFromTextFileV2 takes them; so are what it refuses, and numbers. */
static void table_text__strings(void **state) {
  (void)state;
  static const struct {
    const char *text;
    int64_t vocab_size, index;
    size_t n;
    const char *values[3];
  } rows[] = {{"a\nb\n", -1, -2, 2, {"a", "b"}},
              {"a\nb", -1, -2, 2, {"a", "b"}},
              {"a\r\nb,c\r\n", -1, -2, 2, {"a", "b,c"}},
              {"a\nb\nc\n", 2, -2, 2, {"a", "b"}},
              {"x,1\ny,2,z\n", -1, 0, 2, {"x", "y"}},
              {"x,1\ny,2,z\n", -1, 1, 2, {"1", "2"}},
              {",\n,q", -1, 1, 2, {"", "q"}},
              {"a\rb\r\r\nc\r", -1, -2, 2, {"a\rb\r", "c"}}};
  for (size_t i = 0; i < N_OF(rows); i++) {
    sm_tensor *tensor;
    assert_ok(read(&tensor, rows[i].text, rows[i].vocab_size, rows[i].index, SM_DT_STRING), err);
    const sm_tensor_view *view = sm_tensor_get_view(tensor);
    assert_int_equal(view->rank, 1);
    assert_number(rows[i].text, view->dims[0], rows[i].n);
    const sm_string *values = view->data;
    for (size_t k = 0; k < rows[i].n; k++)
      assert_bytes(rows[i].text, values[k].data, values[k].size, rows[i].values[k], strlen(rows[i].values[k]));
    sm_tensor_free(tensor);
  }
}

static void table_text__numbers(void **state) {
  (void)state;
  static const struct {
    const char *text;
    int64_t index, first, second;
  } rows[] = {{"a\nb\n", -1, 100, 101},
              {"x,+1\ny,-2", 1, 1, -2},
              {"9223372036854775807\n -9223372036854775808 ", -2, INT64_MAX, INT64_MIN}};
  for (size_t i = 0; i < N_OF(rows); i++) {
    sm_tensor *tensor;
    assert_ok(read(&tensor, rows[i].text, -1, rows[i].index, SM_DT_INT64), err);
    const sm_tensor_view *view = sm_tensor_get_view(tensor);
    const int64_t *values = view->data;
    assert_number(rows[i].text, view->dims[0], 2);
    assert_number(rows[i].text, values[0], rows[i].first);
    assert_number(rows[i].text, values[1], rows[i].second);
    sm_tensor_free(tensor);
  }
}

static void table_text__refused(void **state) {
  (void)state;
  static const struct {
    const char *text;
    int64_t vocab_size, index;
    sm_dtype dtype;
    sm_status status;
    const char *words;
  } rows[] = {{"", -1, -2, SM_DT_STRING, SM_DATA_LOSS, "no lines"},
              {"a\n", 0, -2, SM_DT_STRING, SM_DATA_LOSS, "no lines"},
              {"a\n\nb\n", -1, -2, SM_DT_STRING, SM_DATA_LOSS, "vocab.txt: line 2 is empty"},
              {"a\n\r\nb\n", -1, -2, SM_DT_STRING, SM_DATA_LOSS, "line 2 is empty"},
              {"a\nb\n", 3, -2, SM_DT_STRING, SM_DATA_LOSS, "2 lines, the table wants 3"},
              {"a,b\nc\n", -1, 1, SM_DT_STRING, SM_DATA_LOSS, "line 2 has too few columns"},
              {"1\nx\n", -1, -2, SM_DT_INT64, SM_DATA_LOSS, "line 2 has no number"},
              {"9223372036854775808\n", -1, -2, SM_DT_INT64, SM_DATA_LOSS, "line 1 has no number"},
              {"1\n-\n", -1, -2, SM_DT_INT64, SM_DATA_LOSS, "line 2"},
              {"a\n", -1, -1, SM_DT_STRING, SM_UNIMPLEMENTED, "dtype 7"},
              {"a\n", -1, -3, SM_DT_STRING, SM_UNIMPLEMENTED, "-3"},
              {"1\n", -1, -2, SM_DT_FLOAT, SM_UNIMPLEMENTED, "dtype 1"}};
  for (size_t i = 0; i < N_OF(rows); i++) {
    sm_tensor *tensor;
    assert_status(read(&tensor, rows[i].text, rows[i].vocab_size, rows[i].index, rows[i].dtype), rows[i].status, err);
    assert_mentions(err.message, rows[i].words);
    assert_null(tensor);
  }
}

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(table_text__strings),
      cmocka_unit_test(table_text__numbers),
      cmocka_unit_test(table_text__refused),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
