/*
 * Digits come out one by one from a fraction of two big integers, value/scale, beside which half the distances to the
 * neighbouring numbers are kept: G. L. Steele and J. L. White, "How to Print Floating-Point Numbers Accurately" (1990), with
 * the bounds counting as the number's own where its mantissa is even (R. G. Burger and R. K. Dybvig, 1996). numpy does the
 * same, so that digits agree also where they are cut off.
 */
#include "cli/digits.h"

#include <limits.h>
#include <math.h>
#include <string.h>

/* ---- Big integers ---- */

/* Enough for 2^1076, and for a mantissa times 10^325. */
enum { MAX_WORDS = 40 };

typedef struct big {
  int n; /* words up to the highest that is not 0 */
  uint32_t words[MAX_WORDS];
} big;

static void set_shifted(big *out, uint64_t value, int shift) {
  int at = shift / 32;
  unsigned rest = (unsigned)shift % 32;
  memset(out->words, 0, sizeof out->words);
  uint64_t low = (value & UINT32_MAX) << rest, high = (value >> 32 << rest) + (low >> 32);
  out->words[at] = (uint32_t)low;
  out->words[at + 1] = (uint32_t)high;
  out->words[at + 2] = (uint32_t)(high >> 32);
  for (out->n = at + 3; out->n > 0 && out->words[out->n - 1] == 0;) out->n--;
}

static void multiply(big *value, uint32_t factor) {
  uint64_t carry = 0;
  for (int i = 0; i < value->n; i++) {
    carry += (uint64_t)value->words[i] * factor;
    value->words[i] = (uint32_t)carry;
    carry >>= 32;
  }
  if (carry != 0) value->words[value->n++] = (uint32_t)carry;
}

static void multiply_by_power_of_ten(big *value, int power) {
  for (; power >= 9; power -= 9) multiply(value, 1000000000);
  for (; power > 0; power--) multiply(value, 10);
}

static int compare(const big *a, const big *b) {
  if (a->n != b->n) return a->n < b->n ? -1 : 1;
  for (int i = a->n - 1; i >= 0; i--)
    if (a->words[i] != b->words[i]) return a->words[i] < b->words[i] ? -1 : 1;
  return 0;
}

/* Compares a + b with c. */
static int compare_sum(const big *a, const big *b, const big *c) {
  big sum = a->n >= b->n ? *a : *b;
  const big *other = a->n >= b->n ? b : a;
  uint64_t carry = 0;
  for (int i = 0; i < sum.n; i++) {
    carry += (uint64_t)sum.words[i] + (i < other->n ? other->words[i] : 0);
    sum.words[i] = (uint32_t)carry;
    carry >>= 32;
  }
  if (carry != 0) sum.words[sum.n++] = (uint32_t)carry;
  return compare(&sum, c);
}

/* value modulo scale; returns value / scale, which is below ten. */
static int divide(big *value, const big *scale) {
  int quotient = 0;
  for (; compare(value, scale) >= 0; quotient++) {
    int64_t borrow = 0;
    for (int i = 0; i < value->n; i++) {
      borrow += (int64_t)value->words[i] - (i < scale->n ? scale->words[i] : 0);
      value->words[i] = (uint32_t)borrow;
      borrow = borrow < 0 ? -1 : 0;
    }
    while (value->n > 0 && value->words[value->n - 1] == 0) value->n--;
  }
  return quotient;
}

/* ---- Digits ---- */

typedef struct fraction {
  big value, scale;
  big below, above; /* half the distances to the neighbours */
  int exponent;     /* of the digit in front of the one that comes next */
  bool is_even;
} fraction;

static int bit_length(uint64_t value) {
  int n = 0;
  for (; value != 0; value >>= 1) n++;
  return n;
}

static void multiply_all(fraction *f, int power) {
  multiply_by_power_of_ten(&f->value, power);
  multiply_by_power_of_ten(&f->below, power);
  multiply_by_power_of_ten(&f->above, power);
}

/* Leaves value / scale below ten, and not below one unless the first wanted digit is of a higher place. */
static void start(fraction *f, const binary *value, const digits_wanted *wanted) {
  int up = value->exponent > 0 ? value->exponent : 0, down = up - value->exponent;
  int room = value->is_closer_below ? 2 : 1;
  set_shifted(&f->value, value->mantissa, up + room);
  set_shifted(&f->scale, 1, down + room);
  set_shifted(&f->below, 1, up);
  set_shifted(&f->above, 1, up + room - 1);
  f->is_even = value->mantissa % 2 == 0;

  /* times log10(2): right or one too small */
  f->exponent = ((bit_length(value->mantissa) - 1 + value->exponent) * 78913 >> 18) + 1;
  if (wanted->of_fraction && wanted->most >= 0 && f->exponent <= -wanted->most) f->exponent = 1 - wanted->most;
  if (f->exponent > 0)
    multiply_by_power_of_ten(&f->scale, f->exponent);
  else
    multiply_all(f, -f->exponent);
  if (compare(&f->value, &f->scale) >= 0)
    f->exponent++;
  else
    multiply_all(f, 1);
}

/* Which way the digits end: what is left of value does not reach the middle to a neighbour any more. */
typedef struct ends {
  bool below, above;
} ends;

static ends ends_of(const fraction *f) {
  int low = compare(&f->value, &f->below), high = compare_sum(&f->value, &f->above, &f->scale);
  return f->is_even ? (ends){low <= 0, high >= 0} : (ends){low<0, high> 0};
}

static bool rounds_up(const fraction *f, ends at, int digit) {
  if (at.below != at.above) return at.above;
  int half = compare_sum(&f->value, &f->value, &f->scale);
  return half > 0 || (half == 0 && digit % 2 == 1);
}

static void put_last(decimal *out, int digit, bool is_up) {
  digit += is_up;
  while (digit == 10 && out->n > 0) digit = out->digits[--out->n] - '0' + 1;
  if (digit == 10) {
    digit = 1;
    out->exponent++;
  }
  out->digits[out->n++] = (char)('0' + digit);
}

void digits_of(decimal *out, const binary *value, const digits_wanted *wanted) {
  fraction f;
  *out = (decimal){.n = 1, .digits = "0"};
  if (value->mantissa == 0) return;
  start(&f, value, wanted);
  int first = f.exponent, most = INT_MIN, least = first;
  if (wanted->most >= 0) most = wanted->of_fraction ? -wanted->most : first - wanted->most;
  if (wanted->least >= 0) least = wanted->of_fraction ? -wanted->least : first - wanted->least;
  if (least > first) least = first;
  out->exponent = first - 1;
  for (out->n = 0;; multiply_all(&f, 1)) {
    f.exponent--;
    int digit = divide(&f.value, &f.scale);
    ends at = wanted->is_shortest ? ends_of(&f) : (ends){false, false};
    bool is_enough = ((at.below || at.above) && f.exponent <= least) || f.value.n == 0;
    if (is_enough || f.exponent == most || out->n == DIGITS_MAX - 1) {
      put_last(out, digit, rounds_up(&f, at, digit));
      return;
    }
    out->digits[out->n++] = (char)('0' + digit);
  }
}

/* ---- Numbers ---- */

const float_type float_type_half = {11, -24}, float_type_single = {24, -149}, float_type_double = {53, -1074};

binary binary_of(double value, const float_type *type) {
  binary out = {.exponent = type->min_exponent};
  int exponent;
  (void)frexp(value, &exponent);
  if (value != 0 && exponent - type->bits > out.exponent) out.exponent = exponent - type->bits;
  out.mantissa = (uint64_t)ldexp(fabs(value), -out.exponent);
  out.is_closer_below = out.mantissa == (uint64_t)1 << (type->bits - 1) && out.exponent > type->min_exponent;
  return out;
}
