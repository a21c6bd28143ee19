#include "codec/decimal.h"

#include <locale.h>
#include <math.h>

#include "support/check.h"

static void check_read(const char *text, double expected) {
  double value = -12345;
  assert_true(sm_decimal_read(&value, text, strlen(text)));
  assert_bytes(text, &value, sizeof value, &expected, sizeof expected);
}

static void check_double(double value, const char *expected) {
  char text[SM_DECIMAL_MAX_SIZE];
  assert_bytes(expected, text, sm_double_print(text, value), expected, strlen(expected));
}

static void check_float(float value, const char *expected) {
  char text[SM_DECIMAL_MAX_SIZE];
  assert_bytes(expected, text, sm_float_print(text, value), expected, strlen(expected));
}

/* The values are those of the C compiler, which reads the same texts. */
static void decimal__reads(void **state) {
  (void)state;
#define ROW(text) \
  { #text, text }
  static const struct {
    const char *text;
    double value;
  } rows[] = {ROW(0.),
              ROW(-0.),
              ROW(1.),
              ROW(.5),
              ROW(5.),
              ROW(1e22),
              ROW(1e23),
              ROW(123456789012345678.),
              ROW(4.9406564584124654e-324),
              ROW(2.4703282292062328e-324),
              ROW(2.2250738585072014e-308),
              ROW(2.2250738585072011e-308),
              ROW(1.7976931348623157e308),
              ROW(9007199254740993.),
              ROW(9007199254740993.00000000000000000000000000000001),
              ROW(9007199254740992.99999),
              ROW(8.5e-310),
              ROW(0.000000000000000000000000000000000000000000000000000000000001),
              ROW(3.1415926535897932384626433832795028841971693993751),
              ROW(00012.5E+01)};
#undef ROW
  for (size_t i = 0; i < N_OF(rows); i++) check_read(rows[i].text, rows[i].value);
  check_read("1e-400", 0);
  check_read("2.4703282292062327e-324", 0); /* just below half of the smallest number */
  check_read("+7", 7);
  check_read("1e99999999999999999999", (double)INFINITY);
  check_read("-1e309", -(double)INFINITY);
  check_read("0e99999999999999999999", 0);
  check_read("1e-99999999999999999999", 0);
}

static void decimal__refuses(void **state) {
  (void)state;
  static const char *const texts[] = {"",   "-",  "+",   ".",   "e5",  "1e", "1e+", "--1",  "+-1", "1.2.3",
                                      "1 ", " 1", "0x1", "inf", "nan", "1f", "1_0", "1e5.", ",5",  "1,5"};
  double value = 42;
  for (size_t i = 0; i < N_OF(texts); i++)
    if (sm_decimal_read(&value, texts[i], strlen(texts[i]))) fail_msg("%s was read", texts[i]);
  assert_true(value == 42);
}

/* Halfway between two doubles there are 768 digits; what stands after them decides. */
static void decimal__many_digits(void **state) {
  (void)state;
  enum { ZEROS = 5000 };
  static char text[ZEROS + 64];
  int n = snprintf(text, sizeof text, "9007199254740993.");
  memset(text + n, '0', ZEROS);
  text[n + ZEROS] = '\0';
  check_read(text, 9007199254740992.);
  text[n + ZEROS - 1] = '1';
  check_read(text, 9007199254740994.);
  memset(text, '7', ZEROS);
  snprintf(text + ZEROS, sizeof text - ZEROS, "e-%d", ZEROS);
  check_read(text, 7. / 9);
}

static void decimal__prints(void **state) {
  (void)state;
  check_float(0, "0");
  check_float(-0.f, "-0");
  check_float(1, "1");
  check_float(999999, "999999");
  check_float(1e6f, "1e+06");
  check_float(16777216, "16777216");
  check_float(0.1f, "0.1");
  check_float(0.0001f, "0.0001");
  check_float(0.00001f, "1e-05");
  check_float(1.f / 3, "0.333333343");
  check_float(3.4e38f, "3.4e+38");
  check_float(1e-45f, "1.4013e-45");
  check_float(INFINITY, "inf");
  check_float(-INFINITY, "-inf");
  check_float(-NAN, "nan");
  check_double(0.1, "0.1");
  check_double(1. / 3, "0.33333333333333331");
  check_double(1e22, "1e+22");
  check_double(123456789012345, "123456789012345");
  check_double(1234567890123456, "1234567890123456");
  check_double(12345678901234568, "12345678901234568");
  check_double(1.7976931348623157e308, "1.7976931348623157e+308");
  check_double(5e-324, "4.94065645841247e-324");
  check_double(-(double)INFINITY, "-inf");
}

/* ---- Against the C library ---- */

static uint64_t next_random(uint64_t *seed) {
  *seed ^= *seed << 13;
  *seed ^= *seed >> 7;
  return *seed ^= *seed << 17;
}

static void check_double_bits(uint64_t bits) {
  char ours[SM_DECIMAL_MAX_SIZE + 1], theirs[64];
  double value, back = 0;
  memcpy(&value, &bits, sizeof value);
  if (isnan(value)) return;
  snprintf(theirs, sizeof theirs, "%.15g", value);
  if (strtod(theirs, NULL) != value) snprintf(theirs, sizeof theirs, "%.17g", value);
  ours[sm_double_print(ours, value)] = '\0';
  if (strcmp(ours, theirs) != 0) fail_msg("%a: \"%s\", expected \"%s\"", value, ours, theirs);
  if (!isinf(value) && (!sm_decimal_read(&back, ours, strlen(ours)) || back != value))
    fail_msg("%s: %a, expected %a", ours, back, value);
}

static void check_float_bits(uint32_t bits) {
  char ours[SM_DECIMAL_MAX_SIZE + 1], theirs[64];
  float value;
  double back = 0;
  memcpy(&value, &bits, sizeof value);
  if (isnan(value)) return;
  snprintf(theirs, sizeof theirs, "%.6g", (double)value);
  if (strtof(theirs, NULL) != value) snprintf(theirs, sizeof theirs, "%.9g", (double)value);
  ours[sm_float_print(ours, value)] = '\0';
  if (strcmp(ours, theirs) != 0) fail_msg("%a: \"%s\", expected \"%s\"", (double)value, ours, theirs);
  if (!isinf(value) && (!sm_decimal_read(&back, ours, strlen(ours)) || (float)back != value))
    fail_msg("%s: %a, expected %a", ours, back, (double)value);
}

static void check_text(uint64_t digits, int exponent) {
  char text[64];
  double ours = 0;
  int n = snprintf(text, sizeof text, "%llue%d", (unsigned long long)digits, exponent);
  double theirs = strtod(text, NULL);
  if (!sm_decimal_read(&ours, text, (size_t)n) || ours != theirs) fail_msg("%s: %a, expected %a", text, ours, theirs);
}

/* Bits at random, short decimals, and numbers near powers of two. SM_TEST_LONG: 10 million of each. */
static void decimal__random(void **state) {
  (void)state;
  size_t n = getenv("SM_TEST_LONG") != NULL ? 10000000 : 200000;
  uint64_t seed = 88172645463325252u;
  for (size_t i = 0; i < n; i++) {
    uint64_t bits = next_random(&seed), shift = next_random(&seed) % 64;
    check_double_bits(bits);
    check_float_bits((uint32_t)bits);
    check_double_bits((bits & ~(uint64_t)0 << 52) + next_random(&seed) % 5 - 2);
    check_text(bits >> shift, (int)(next_random(&seed) % 700) - 350);
    check_text(bits % 1000000, (int)(next_random(&seed) % 100) - 50);
  }
}

/* Every exponent and the bounds of each. */
static void decimal__all_exponents(void **state) {
  (void)state;
  for (uint64_t exponent = 0; exponent < 2048; exponent++)
    for (uint64_t low = 0; low < 3; low++) check_double_bits((exponent << 52) + low - 1);
  for (uint32_t exponent = 0; exponent < 256; exponent++)
    for (uint32_t low = 0; low < 3; low++) check_float_bits((exponent << 23) + low - 1);
  for (int exponent = -400; exponent < 400; exponent++)
    for (uint64_t digits = 1; digits < 10000; digits = 3 * digits + 1) check_text(digits, exponent);
}

/* With a decimal comma. */
static void decimal__locale(void **state) {
  (void)state;
  static const char *const names[] = {"de_DE.UTF-8", "fr_FR.UTF-8", "de_DE.utf8", "ps_AF"};
  for (size_t i = 0; i < N_OF(names); i++)
    if (setlocale(LC_NUMERIC, names[i]) != NULL) break;
  check_double(1. / 3, "0.33333333333333331");
  check_double(0.5, "0.5");
  check_double(5e-324, "4.94065645841247e-324"); /* the ways through the C library */
  check_read("2.2250738585072011e-308", 2.2250738585072011e-308);
  check_read("4.9406564584124654e-324", 5e-324);
  setlocale(LC_NUMERIC, "C");
}

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(decimal__reads),  cmocka_unit_test(decimal__refuses), cmocka_unit_test(decimal__many_digits),
      cmocka_unit_test(decimal__prints), cmocka_unit_test(decimal__random),  cmocka_unit_test(decimal__all_exponents),
      cmocka_unit_test(decimal__locale),
  };
  return cmocka_run_group_tests_name("decimal", tests, NULL, NULL);
}
