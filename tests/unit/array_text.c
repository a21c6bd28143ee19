/* What numpy 2.4 prints, recorded; tests/interop/array_text_np.py compares at length. */
#include "support/check.h"

#include <math.h>

#include "cli/array_text.h"

/* options: "name=value name=value". */
static char *printed(const sm_tensor_view *view, const char *options) {
  array_text_options own = ARRAY_TEXT_OPTIONS_INIT;
  char words[256], *rest = words, *word;
  snprintf(words, sizeof words, "%s", options);
  while ((word = strtok_r(rest, " ", &rest)) != NULL) {
    char *value = strchr(word, '=');
    *value++ = '\0';
    assert_null(array_text_set_option(&own, word, value));
  }
  char *text;
  size_t size;
  sm_error err;
  FILE *to = open_memstream(&text, &size);
  assert_non_null(to);
  assert_ok(array_text_print(to, view, &own, &err), err);
  fclose(to);
  return text;
}

static void check(const sm_tensor_view *view, const char *options, const char *expected) {
  char *text = printed(view, options);
  assert_text(expected, text, expected);
  free(text);
}

#define VECTOR(type, array) \
  { .dtype = (type), .rank = 1, .dims = {(int64_t)N_OF(array)}, .data = (array), .size = sizeof(array) }
#define SCALAR(type, array) \
  { .dtype = (type), .data = (array), .size = sizeof(array) }

static void array_text__floats(void **state) {
  (void)state;
  const float plain[] = {1, 2.5, 3}, tiny[] = {0.1F, 1.0F / 3, 1e10F}, big[] = {3},
              odd[] = {NAN, INFINITY, -INFINITY, 1};
  const double range[] = {0.001, 1.5}, nearly[] = {99999999, 1e6}, all[] = {1e8, 1e6}, wide[] = {1, 1e100};
  const uint16_t halves[] = {0x63D0, 0x3C00}; /* 1000, 1 */
  check(&(sm_tensor_view)VECTOR(SM_DT_FLOAT, plain), "", "[1.  2.5 3. ]");
  check(&(sm_tensor_view)VECTOR(SM_DT_FLOAT, tiny), "", "[1.0000000e-01 3.3333334e-01 1.0000000e+10]");
  check(&(sm_tensor_view)VECTOR(SM_DT_FLOAT, big), "", "[3.]");
  check(&(sm_tensor_view)VECTOR(SM_DT_FLOAT, odd), "", "[ nan  inf -inf   1.]");
  check(&(sm_tensor_view)VECTOR(SM_DT_DOUBLE, range), "", "[1.0e-03 1.5e+00]");
  check(&(sm_tensor_view)VECTOR(SM_DT_DOUBLE, range), "suppress=true", "[0.001 1.5  ]");
  check(&(sm_tensor_view)VECTOR(SM_DT_DOUBLE, range), "suppress=1 precision=2", "[0.  1.5]");
  check(&(sm_tensor_view)VECTOR(SM_DT_DOUBLE, nearly), "", "[99999999.  1000000.]");
  check(&(sm_tensor_view)VECTOR(SM_DT_DOUBLE, all), "", "[1.e+08 1.e+06]");
  check(&(sm_tensor_view)VECTOR(SM_DT_DOUBLE, wide), "", "[1.e+000 1.e+100]");
  check(&(sm_tensor_view)VECTOR(SM_DT_HALF, halves), "", "[1.e+03 1.e+00]");
  check(&(sm_tensor_view)VECTOR(SM_DT_HALF, halves), "legacy=2.2", "[1000.    1.]");
  check(&(sm_tensor_view)VECTOR(SM_DT_FLOAT, plain), "floatmode=fixed precision=3", "[1.000 2.500 3.000]");
  check(&(sm_tensor_view)VECTOR(SM_DT_FLOAT, plain), "floatmode=maxprec_equal sign=+", "[+1.0 +2.5 +3.0]");
  check(&(sm_tensor_view)VECTOR(SM_DT_FLOAT, odd), "nanstr=- infstr=Infinity",
        "[        -  Infinity -Infinity        1.]");
  check(&(sm_tensor_view)VECTOR(SM_DT_FLOAT, plain), "legacy=1.13", "[ 1.   2.5  3. ]");
}

static void array_text__scalars(void **state) {
  (void)state;
  const float tenth[] = {0.1F}, three[] = {3}, large[] = {150000}, larger[] = {1e6F}, complex_number[] = {3, 0};
  const float imaginary[] = {0, 1};
  const int64_t four[] = {4};
  const uint8_t yes[] = {1};
  const uint16_t half[] = {0x63D0};
  const sm_string word[] = {{"ab", 2}};
  check(&(sm_tensor_view)SCALAR(SM_DT_INT64, four), "", "4");
  check(&(sm_tensor_view)SCALAR(SM_DT_BOOL, yes), "", "True");
  check(&(sm_tensor_view)SCALAR(SM_DT_FLOAT, tenth), "", "0.1");
  check(&(sm_tensor_view)SCALAR(SM_DT_FLOAT, three), "", "3.0");
  check(&(sm_tensor_view)SCALAR(SM_DT_FLOAT, large), "", "150000.0");
  check(&(sm_tensor_view)SCALAR(SM_DT_FLOAT, larger), "", "1e+06");
  check(&(sm_tensor_view)SCALAR(SM_DT_HALF, half), "", "1e+03");
  check(&(sm_tensor_view)SCALAR(SM_DT_COMPLEX64, complex_number), "", "(3+0j)");
  check(&(sm_tensor_view)SCALAR(SM_DT_COMPLEX64, imaginary), "", "1j");
  check(&(sm_tensor_view)SCALAR(SM_DT_STRING, word), "", "b'ab'");
  check(&(sm_tensor_view)SCALAR(SM_DT_QINT8, yes), "", "(1,)");
}

static void array_text__other_types(void **state) {
  (void)state;
  const int32_t numbers[] = {1, -20, 300};
  const uint8_t flags[] = {1, 0}, nibbles[] = {0x01, 0x0F}, eights[] = {0x38, 0x7F};
  const uint16_t brain[] = {0x3F80, 0x4020, 0x3DCD};
  const float pairs[] = {1, 2, 3.5F, -1};
  const sm_string words[] = {{"ab", 2}, {"c\xC3", 2}};
  const int8_t quantised[] = {1, -22};
  check(&(sm_tensor_view)VECTOR(SM_DT_INT32, numbers), "", "[  1 -20 300]");
  check(&(sm_tensor_view)VECTOR(SM_DT_BOOL, flags), "", "[ True False]");
  check(&(sm_tensor_view)VECTOR(SM_DT_INT4, nibbles), "", "[1 -1]");
  check(&(sm_tensor_view)VECTOR(SM_DT_FLOAT8_E4M3FN, eights), "", "[1 nan]");
  check(&(sm_tensor_view)VECTOR(SM_DT_BFLOAT16, brain), "", "[1 2.5 0.100098]");
  check(&(sm_tensor_view)VECTOR(SM_DT_STRING, words), "", "[b'ab' b'c\\xc3']");
  check(&(sm_tensor_view)VECTOR(SM_DT_QINT8, quantised), "", "[(  1,) (-22,)]");
  check(&(sm_tensor_view){.dtype = SM_DT_COMPLEX64, .rank = 1, .dims = {2}, .data = pairs, .size = sizeof pairs}, "",
        "[1. +2.j 3.5-1.j]");
}

static void array_text__brackets_and_lines(void **state) {
  (void)state;
  int32_t numbers[2000];
  for (int32_t i = 0; i < 2000; i++) numbers[i] = i;
  sm_tensor_view view = VECTOR(SM_DT_INT32, numbers);
  check(&view, "", "[   0    1    2 ... 1997 1998 1999]");
  check(&view, "edgeitems=1 threshold=5", "[   0 ... 1999]");
  check(&view, "edgeitems=0", "[... 1999]");
  view.rank = 2, view.dims[0] = 2, view.dims[1] = 3;
  check(&view, "", "[[0 1 2]\n [3 4 5]]");
  check(&view, "linewidth=7", "[[0 1\n  2]\n [3 4\n  5]]");
  check(&view, "edgeitems=1 threshold=2", "[[0 ... 2]\n [3 ... 5]]");
  view.rank = 3, view.dims[0] = 2, view.dims[1] = 1, view.dims[2] = 2;
  check(&view, "", "[[[0 1]]\n\n [[2 3]]]");
  view.dims[0] = 5;
  check(&view, "edgeitems=1 threshold=1", "[[[0 1]]\n\n ...\n\n [[8 9]]]");
  view.dims[1] = 0;
  check(&view, "", "[]");
  view.rank = SM_MAX_RANK; /* no recursion */
  for (int32_t i = 0; i < SM_MAX_RANK; i++) view.dims[i] = 1;
  char *text = printed(&view, "");
  assert_number("size", strlen(text), 2 * SM_MAX_RANK + 1);
  free(text);
}

static void array_text__options(void **state) {
  (void)state;
  static const struct {
    const char *name, *value, *problem;
  } rows[] = {{"foo", "1", "not a valid printoption"}, {"precision", "x", "no integer"},
              {"precision", "", "no integer"},         {"precision", "-1", "too small"},
              {"suppress", "maybe", "neither"},        {"sign", "x", "none of"},
              {"floatmode", "exact", "none of"},       {"formatter", "x", "cannot be set"},
              {"legacy", "1.0", "no version"},         {"threshold", "99999999999999999999", "no integer"}};
  for (size_t i = 0; i < N_OF(rows); i++) {
    array_text_options options = ARRAY_TEXT_OPTIONS_INIT;
    const char *problem = array_text_set_option(&options, rows[i].name, rows[i].value);
    assert_non_null(problem);
    assert_mentions(problem, rows[i].problem);
  }
}

static void array_text__what_numpy_has_not(void **state) {
  (void)state;
  sm_error err;
  sm_tensor_view view = {.dtype = SM_DT_VARIANT};
  assert_status(array_text_print(stdout, &view, NULL, &err), SM_UNIMPLEMENTED, err);
  assert_mentions(err.message, "DT_VARIANT");
}

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(array_text__floats),      cmocka_unit_test(array_text__scalars),
      cmocka_unit_test(array_text__other_types), cmocka_unit_test(array_text__brackets_and_lines),
      cmocka_unit_test(array_text__options),     cmocka_unit_test(array_text__what_numpy_has_not),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
