/* Rounding, against what every code of a type means (element.h): the nearest of them has to come out. */
#include "support/check.h"

#include <math.h>

#include "cli/element.h"
#include "cli/float_bits.h"

static const sm_dtype dtypes[] = {SM_DT_HALF,
                                  SM_DT_BFLOAT16,
                                  SM_DT_FLOAT8_E5M2,
                                  SM_DT_FLOAT8_E4M3FN,
                                  SM_DT_FLOAT8_E4M3FNUZ,
                                  SM_DT_FLOAT8_E4M3B11FNUZ,
                                  SM_DT_FLOAT8_E5M2FNUZ,
                                  SM_DT_FLOAT4_E2M1FN};

static uint32_t n_codes(sm_dtype dtype) {
  return dtype == SM_DT_FLOAT4_E2M1FN ? 16 : sm_dtype_size(dtype) == 1 ? 256 : 65536;
}

static double value_of(sm_dtype dtype, uint32_t code) {
  uint8_t one = (uint8_t)code;
  uint16_t two = (uint16_t)code;
  return element_float(dtype, sm_dtype_size(dtype) == 1 ? (const void *)&one : (const void *)&two);
}

static uint32_t code_of(sm_dtype dtype, double value) {
  uint8_t one = 0;
  uint16_t two = 0;
  bool is_one = sm_dtype_size(dtype) == 1;
  float_bits_put(is_one ? (void *)&one : (void *)&two, dtype, &value, 1);
  return is_one ? one : two;
}

static void float_bits__gives_every_number_back(void **state) {
  (void)state;
  for (size_t i = 0; i < N_OF(dtypes); i++)
    for (uint32_t code = 0; code < n_codes(dtypes[i]); code++) {
      double value = value_of(dtypes[i], code);
      if (isnan(value))
        assert_true(isnan(value_of(dtypes[i], code_of(dtypes[i], value))));
      else
        assert_number(sm_dtype_name(dtypes[i]), code_of(dtypes[i], value), code);
    }
}

/* Between two neighbours: the nearer one, in the middle the even one; both signs. Codes of one sign are in order. */
static void check_between(sm_dtype dtype, uint32_t code, uint32_t sign) {
  double low = value_of(dtype, code), high = value_of(dtype, code + 1), middle = (low + high) / 2;
  if (isnan(low) || isnan(high) || isinf(high)) return;
  uint32_t even = code % 2 == 0 ? code : code + 1;
  for (uint32_t s = 0; s <= sign; s += sign) {
    double f = s != 0 ? -1 : 1;
    uint32_t zero_sign = even == 0 && isnan(value_of(dtype, sign)) ? 0 : s; /* types without -0.0 */
    assert_number("the middle", code_of(dtype, f * middle), even | zero_sign);
    assert_number("above", code_of(dtype, f * nextafter(middle, INFINITY)), (code + 1) | s);
    zero_sign = code == 0 && isnan(value_of(dtype, sign)) ? 0 : s;
    assert_number("below", code_of(dtype, f * nextafter(middle, 0)), code | zero_sign);
  }
}

static void float_bits__rounds_to_the_nearest(void **state) {
  (void)state;
  for (size_t i = 0; i < N_OF(dtypes); i++) {
    uint32_t sign = n_codes(dtypes[i]) / 2;
    for (uint32_t code = 0; code + 1 < sign; code++) check_between(dtypes[i], code, sign);
  }
}

static void float_bits__has_an_end(void **state) {
  (void)state;
  static const struct {
    sm_dtype dtype;
    double value, wanted; /* NAN: none */
  } cases[] = {
      {SM_DT_HALF, 65519.99, 65504},           {SM_DT_HALF, 65520, INFINITY},
      {SM_DT_HALF, -1e300, -INFINITY},         {SM_DT_HALF, INFINITY, INFINITY},
      {SM_DT_BFLOAT16, 1e300, INFINITY},       {SM_DT_FLOAT8_E5M2, 61439, 57344},
      {SM_DT_FLOAT8_E5M2, 61440, INFINITY},    {SM_DT_FLOAT8_E4M3FN, 464, 448},
      {SM_DT_FLOAT8_E4M3FN, 465, NAN},         {SM_DT_FLOAT8_E4M3FN, INFINITY, NAN},
      {SM_DT_FLOAT8_E4M3FNUZ, 240, 240},       {SM_DT_FLOAT8_E4M3FNUZ, 1000, NAN},
      {SM_DT_FLOAT8_E5M2FNUZ, -INFINITY, NAN}, {SM_DT_FLOAT4_E2M1FN, 100, 6},
      {SM_DT_FLOAT4_E2M1FN, -100, -6},         {SM_DT_HALF, 5e-324, 0},
  };
  for (size_t i = 0; i < N_OF(cases); i++) {
    double got = value_of(cases[i].dtype, code_of(cases[i].dtype, cases[i].value));
    if (isnan(cases[i].wanted))
      assert_true(isnan(got));
    else
      assert_true(got == cases[i].wanted);
  }
}

/* Adding goes by other ways than element.h for types that come in masses. */
static void float_bits__adds_what_is_there(void **state) {
  (void)state;
  for (size_t i = 0; i < N_OF(dtypes); i++)
    for (uint32_t code = 0; code < n_codes(dtypes[i]); code++) {
      uint8_t one = (uint8_t)code;
      uint16_t two = (uint16_t)code;
      double sum = 0.25, value = value_of(dtypes[i], code);
      float_bits_add(&sum, dtypes[i], sm_dtype_size(dtypes[i]) == 1 ? (const void *)&one : (const void *)&two, 1);
      assert_true(isnan(value) ? isnan(sum) : sum == 0.25 + value);
    }
}

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(float_bits__gives_every_number_back),
      cmocka_unit_test(float_bits__rounds_to_the_nearest),
      cmocka_unit_test(float_bits__has_an_end),
      cmocka_unit_test(float_bits__adds_what_is_there),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
