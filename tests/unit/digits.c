#include "support/check.h"

#include <math.h>

#include "cli/digits.h"

static decimal shortest(double value, const float_type *type) {
  decimal out;
  binary number = binary_of(value, type);
  digits_of(&out, &number, &(digits_wanted){.is_shortest = true, .least = -1, .most = -1});
  out.digits[out.n] = '\0';
  return out;
}

/* Python's repr of these, and numpy.format_float_scientific(numpy.float32(x)), numpy.float16(x). */
static void digits__shortest(void **state) {
  (void)state;
  static const struct {
    double value;
    const float_type *type;
    const char *digits;
    int exponent;
  } rows[] = {
      {0, &float_type_double, "0", 0},
      {1, &float_type_double, "1", 0},
      {0.1, &float_type_double, "1", -1},
      {1.0 / 3, &float_type_double, "3333333333333333", -1},
      {5e-324, &float_type_double, "5", -324},
      {1.7976931348623157e308, &float_type_double, "17976931348623157", 308},
      {2.2250738585072014e-308, &float_type_double, "22250738585072014", -308},
      {9007199254740993.0, &float_type_double, "9007199254740992", 15},
      {123456789012345680.0, &float_type_double, "12345678901234568", 17},
      {(double)0.1F, &float_type_single, "1", -1},
      {(double)3.4028235e38F, &float_type_single, "34028235", 38},
      {(double)1e-45F, &float_type_single, "1", -45},
      {(double)16777216.0F, &float_type_single, "16777216", 7},
      {0.0999755859375, &float_type_half, "1", -1},
      {65504, &float_type_half, "655", 4},
      {5.9604644775390625e-08, &float_type_half, "6", -8},
  };
  for (size_t i = 0; i < N_OF(rows); i++) {
    decimal got = shortest(rows[i].value, rows[i].type);
    assert_text(rows[i].digits, got.digits, rows[i].digits);
    assert_number(rows[i].digits, got.exponent, rows[i].exponent);
  }
}

static double random_double(uint64_t *state) {
  double value;
  do {
    *state = *state * 6364136223846793005u + 1442695040888963407u;
    uint64_t bits = *state ^ *state >> 32;
    memcpy(&value, &bits, sizeof value);
  } while (!isfinite(value));
  return fabs(value);
}

/* The C library rounds exactly too. */
static void digits__of_any_number_agree_with_printf(void **state) {
  (void)state;
  uint64_t seed = 2017;
  for (int i = 0; i < 20000; i++) {
    double value = random_double(&seed);
    int n = 1 + i % 40;
    char expected[128], got[128];
    decimal out;
    binary number = binary_of(value, &float_type_double);
    digits_of(&out, &number, &(digits_wanted){.least = -1, .most = n});
    for (; out.n < n; out.n++) out.digits[out.n] = '0';
    snprintf(expected, sizeof expected, "%.*e", n - 1, value);
    snprintf(got, sizeof got, "%c%s%.*se%c%02d", out.digits[0], n > 1 ? "." : "", n - 1, out.digits + 1,
             out.exponent < 0 ? '-' : '+', abs(out.exponent));
    assert_text("%.*e", got, expected);
  }
}

/* Shortest digits read back as the number, and one digit fewer does not. */
static void digits__shortest_of_any_number(void **state) {
  (void)state;
  uint64_t seed = 57;
  for (int i = 0; i < 20000; i++) {
    double value = i < 2098 ? ldexp(1, i - 1074) : random_double(&seed);
    decimal out = shortest(value, &float_type_double);
    char text[DIGITS_MAX + 16];
    snprintf(text, sizeof text, "%se%d", out.digits, out.exponent - (out.n - 1));
    assert_true(strtod(text, NULL) == value);
    snprintf(text, sizeof text, "%.*e", out.n - 2, value);
    if (out.n > 1) assert_false(strtod(text, NULL) == value);
  }
}

/* Digits behind the point: halves go to the even digit, and what is below the last place may round up to it. */
static void digits__of_a_fraction(void **state) {
  (void)state;
  static const struct {
    double value;
    int most;
    const char *digits;
    int exponent;
  } rows[] = {{0.5, 0, "0", 0},  {1.5, 0, "2", 0},    {2.5, 0, "2", 0},   {0.06, 1, "1", -1}, {0.04, 1, "0", -1},
              {9.96, 1, "1", 1}, {1e-10, 3, "0", -3}, {99.99, 1, "1", 2}, {0.25, 1, "2", -1}};
  for (size_t i = 0; i < N_OF(rows); i++) {
    decimal out;
    binary number = binary_of(rows[i].value, &float_type_double);
    digits_of(&out, &number, &(digits_wanted){.of_fraction = true, .least = -1, .most = rows[i].most});
    out.digits[out.n] = '\0';
    while (out.n > 1 && out.digits[out.n - 1] == '0' && rows[i].digits[out.n - 1] == '\0') out.digits[--out.n] = '\0';
    assert_text("digits", out.digits, rows[i].digits);
    assert_number(rows[i].digits, out.exponent, rows[i].exponent);
  }
}

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(digits__shortest),
      cmocka_unit_test(digits__of_any_number_agree_with_printf),
      cmocka_unit_test(digits__shortest_of_any_number),
      cmocka_unit_test(digits__of_a_fraction),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
