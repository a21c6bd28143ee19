/*
 * Both ways the work is one multiplication: of a 64-bit number by a power of ten, of which 128 bits are known. Where the
 * error of that could change the last digit or bit, which is rare, the C library decides; it is asked in a form in which
 * no locale has a say.
 */
#include "codec/decimal.h"

#include <float.h>
#include <math.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

__extension__ typedef unsigned __int128 uint128;

/* ---- Powers of ten ---- */

/* (high * 2^64 + low) * 2^exponent, cut off below; the top bit of high is set. */
typedef struct power {
  uint64_t high, low;
  int exponent;
} power;

enum { FIRST_POWER = -352, LAST_POWER = 367, POWER_STEP = 16, LAST_EXACT_POWER = 55 /* 5^55 < 2^128 */ };

/* Every 16th power of ten from FIRST_POWER on. unit/decimal holds them against the C library. */
static const power coarse_powers[] = {
    {0xcd42a11346f34f7du, 0x0092757bf2623727u, -1297}, {0xe3e27a444d8d98b7u, 0xfd1b1b2308169b25u, -1244},
    {0xfd00b897478238d0u, 0x8920b098955522b4u, -1191}, {0x8c71dcd9ba0b4925u, 0x9ff0c08b7f1d0b14u, -1137},
    {0x9becce62836ac577u, 0x4ee367f9430aec32u, -1084}, {0xad1c8eab5ee43b66u, 0xda3243650005eecfu, -1031},
    {0xc0314325637a1939u, 0xfa911155fefb5308u, -978},  {0xd5605fcdcf32e1d6u, 0xfb1e4a9a90880a64u, -925},
    {0xece53cec4a314ebdu, 0xa4f8bf5635246428u, -872},  {0x8380dea93da4bc60u, 0x4247cb9e59f71e6du, -818},
    {0x91ff83775423cc06u, 0x7b6306a34627ddcfu, -765},  {0xa21727db38cb002fu, 0xb8ada00e5a506a7cu, -712},
    {0xb3f4e093db73a093u, 0x59ed216765690f56u, -659},  {0xc7caba6e7c5382c8u, 0xfe64a52ee96b8fc0u, -606},
    {0xddd0467c64bce4a0u, 0xac7cb3f6d05ddbdeu, -553},  {0xf64335bcf065d37du, 0x4d4617b5ff4a16d5u, -500},
    {0x88b402f7fd75539bu, 0x11dbcb0218ebb414u, -446},  {0x97c560ba6b0919a5u, 0xdccd879fc967d41au, -393},
    {0xa87fea27a539e9a5u, 0x3f2398d747b36224u, -340},  {0xbb127c53b17ec159u, 0x5560c018580d5d52u, -287},
    {0xcfb11ead453994bau, 0x67de18eda5814af2u, -234},  {0xe69594bec44de15bu, 0x4c2ebe687989a9b3u, -181},
    {0x8000000000000000u, 0x0000000000000000u, -127},  {0x8e1bc9bf04000000u, 0x0000000000000000u, -74},
    {0x9dc5ada82b70b59du, 0xf020000000000000u, -21},   {0xaf298d050e4395d6u, 0x9670b12b7f410000u, 32},
    {0xc2781f49ffcfa6d5u, 0x3cbf6b71c76b25fbu, 85},    {0xd7e77a8f87daf7fbu, 0xdc33745ec97be906u, 138},
    {0xefb3ab16c59b14a2u, 0xc5cfe94ef3ea101eu, 191},   {0x850fadc09923329eu, 0x03e2cf6bc604ddb0u, 245},
    {0x93ba47c980e98cdfu, 0xc66f336c36b10137u, 298},   {0xa402b9c5a8d3a6e7u, 0x5f16206c9c6209a6u, 351},
    {0xb616a12b7fe617aau, 0x577b986b314d6009u, 404},   {0xca28a291859bbf93u, 0x7d7b8f7503cfdcfeu, 457},
    {0xe070f78d3927556au, 0x85bbe253f47b1417u, 510},   {0xf92e0c3537826145u, 0xa7709a56ccdf8a82u, 563},
    {0x8a5296ffe33cc92fu, 0x82bd6b70d99aaa6fu, 617},   {0x9991a6f3d6bf1765u, 0xacca6da1e0a8ef29u, 670},
    {0xaa7eebfb9df9de8du, 0xddbb901b98feeab7u, 723},   {0xbd49d14aa79dbc82u, 0x4b2d8644d8a74e18u, 776},
    {0xd226fc195c6a2f8cu, 0x73832eec6fff3111u, 829},   {0xe950df20247c83fdu, 0x47c6b82ef32a2069u, 882},
    {0x81842f29f2cce375u, 0xe6a1158300d46640u, 936},   {0x8fcac257558ee4e6u, 0x213a4f0aa5e8a7b1u, 989},
    {0x9fa42700db900ad2u, 0x5ebf18b6d27795ffu, 1042},
};

static const uint64_t fine_powers[] = {1u,
                                       10u,
                                       100u,
                                       1000u,
                                       10000u,
                                       100000u,
                                       1000000u,
                                       10000000u,
                                       100000000u,
                                       1000000000u,
                                       10000000000u,
                                       100000000000u,
                                       1000000000000u,
                                       10000000000000u,
                                       100000000000000u,
                                       1000000000000000u,
                                       10000000000000000u,
                                       100000000000000000u,
                                       1000000000000000000u,
                                       10000000000000000000u};

/* A product of 64 by 128 bits: words from the highest to the lowest, times 2^exponent. */
typedef struct product {
  uint64_t high, middle, low;
  int exponent;
} product;

static product multiply(uint64_t a, const power *b) {
  uint128 by_low = (uint128)a * b->low, by_high = (uint128)a * b->high + (uint64_t)(by_low >> 64);
  return (product){(uint64_t)(by_high >> 64), (uint64_t)by_high, (uint64_t)by_low, b->exponent};
}

/* With the top bit of high set. p is not 0. */
static product normalize(product p) {
  if (p.high == 0) {
    p = (product){p.middle, p.low, 0, p.exponent - 64};
  }
  int shift = __builtin_clzll(p.high);
  if (shift == 0) return p;
  p.high = p.high << shift | p.middle >> (64 - shift);
  p.middle = p.middle << shift | p.low >> (64 - shift);
  p.low <<= shift;
  p.exponent -= shift;
  return p;
}

/* 10^n; exact from 0 to LAST_EXACT_POWER, elsewhere less than two units of low too small. */
static power power_of_ten(int n) {
  unsigned at = (unsigned)(n - FIRST_POWER);
  product p = normalize(multiply(fine_powers[at % POWER_STEP], &coarse_powers[at / POWER_STEP]));
  return (power){p.high, p.middle, p.exponent + 64};
}

static bool is_exact_power(int n) { return n >= 0 && n <= LAST_EXACT_POWER; }

/*
 * Whether to round up: +1 yes, 0 no, -1 not known. fraction: the first 64 bits behind the last one that is kept; rest: what
 * follows them; a product is less than four units of its middle word too small unless it is exact.
 */
static int round_up(uint64_t fraction, uint64_t rest, bool is_exact, bool is_odd) {
  const uint64_t half = (uint64_t)1 << 63;
  if (!is_exact) return fraction - (half - 8) > 16 ? fraction >= half : -1;
  if (fraction != half || rest != 0) return fraction >= half;
  return is_odd;
}

/* ---- Reading ---- */

enum { MAX_DIGITS = 19, DOUBLE_BITS = 53 };

/* digits * 10^exponent where that is sure; digits is not 0. */
static bool compose(double *value, uint64_t digits, int exponent) {
  if (digits < (uint64_t)1 << DOUBLE_BITS && exponent >= -22 && exponent <= 22 && FLT_EVAL_METHOD == 0) {
    static const double exact[] = {1e0,  1e1,  1e2,  1e3,  1e4,  1e5,  1e6,  1e7,  1e8,  1e9,  1e10, 1e11,
                                   1e12, 1e13, 1e14, 1e15, 1e16, 1e17, 1e18, 1e19, 1e20, 1e21, 1e22};
    *value = exponent < 0 ? (double)digits / exact[-exponent] : (double)digits * exact[exponent];
    return true;
  }
  if (exponent < -326 || exponent > 308) return false;
  int shift = __builtin_clzll(digits);
  power ten = power_of_ten(exponent);
  product p = normalize(multiply(digits << shift, &ten));
  uint64_t mantissa = p.high >> (64 - DOUBLE_BITS), fraction = p.high << DOUBLE_BITS | p.middle >> (64 - DOUBLE_BITS);
  uint64_t rest = p.middle << DOUBLE_BITS | p.low;
  int up = round_up(fraction, rest, is_exact_power(exponent), mantissa & 1);
  int binary = p.exponent - shift + 128 + 64 - DOUBLE_BITS; /* of mantissa's last bit */
  if (up < 0 || binary < DBL_MIN_EXP - DBL_MANT_DIG || binary >= DBL_MAX_EXP - DBL_MANT_DIG) return false;
  mantissa += (uint64_t)up; /* 2^53 is fine: the next power of two */
  uint64_t bits = ((uint64_t)(binary - DBL_MIN_EXP + DBL_MANT_DIG) << (DOUBLE_BITS - 1)) + mantissa;
  memcpy(value, &bits, sizeof bits);
  return true;
}

/* A number in text, and what of it fits. */
typedef struct number {
  bool is_negative;
  const char *first, *end; /* of all its digits and the point */
  uint64_t digits;         /* the first of them that are not 0, at most MAX_DIGITS */
  size_t n_digits;         /* how many there are: more than MAX_DIGITS do not fit */
  size_t n_fraction;       /* of all digits, those behind the point */
  int64_t exponent;        /* as it is written */
} number;

static bool is_digit(char c) { return c >= '0' && c <= '9'; }

static const char *scan_digits(number *out, const char *p, const char *end) {
  for (; p != end && is_digit(*p); p++) {
    if (out->n_digits == 0 && *p == '0') continue;
    if (out->n_digits++ < MAX_DIGITS) out->digits = 10 * out->digits + (uint64_t)(*p - '0');
  }
  return p;
}

static bool scan_exponent(number *out, const char *p, const char *end) {
  if (p == end) return true;
  if (*p++ != 'e' && p[-1] != 'E') return false;
  bool is_negative = p != end && *p == '-';
  if (p != end && (*p == '-' || *p == '+')) p++;
  if (p == end) return false;
  for (; p != end; p++) {
    if (!is_digit(*p)) return false;
    if (out->exponent < INT32_MAX) out->exponent = 10 * out->exponent + (*p - '0');
  }
  if (is_negative) out->exponent = -out->exponent;
  return true;
}

static bool scan_number(number *out, const char *p, const char *end) {
  *out = (number){.is_negative = p != end && *p == '-'};
  if (p != end && (*p == '-' || *p == '+')) p++;
  out->first = p;
  p = scan_digits(out, p, end);
  size_t n = (size_t)(p - out->first);
  if (p != end && *p == '.') {
    const char *point = p++;
    p = scan_digits(out, p, end);
    out->n_fraction = (size_t)(p - point) - 1;
    n += out->n_fraction;
  }
  out->end = p;
  return n != 0 && scan_exponent(out, p, end);
}

/* What the C library makes of it, given as an integer and an exponent, so without a decimal point. No double, and no middle
 * between two, has more than 768 digits (that of 2^-1075), so a digit in place of all the rest is enough. */
static double read_slowly(const number *in) {
  enum { ENOUGH = 780 };
  char text[ENOUGH + 32];
  size_t used = 0;
  const char *p = in->first;
  for (; p != in->end && used < ENOUGH; p++)
    if (*p != '.' && (used != 0 || *p != '0')) text[used++] = *p;
  int64_t dropped = (int64_t)(in->n_digits - used);
  while (p != in->end && (*p == '0' || *p == '.')) p++;
  if (p != in->end) {
    text[used++] = '1';
    dropped--;
  }
  int64_t exponent = in->exponent - (int64_t)in->n_fraction + dropped;
  if (exponent > 100000) exponent = 100000;
  if (exponent < -100000) exponent = -100000;
  snprintf(text + used, sizeof text - used, "e%d", (int)exponent);
  return strtod(text, NULL);
}

bool sm_decimal_read(double *value, const char *text, size_t size) {
  number in;
  if (!scan_number(&in, text, text + size)) return false;
  int64_t exponent = in.exponent - (int64_t)in.n_fraction;
  double result = 0;
  bool is_sure = in.n_digits == 0;
  if (!is_sure && in.n_digits <= MAX_DIGITS && exponent > -1000 && exponent < 1000)
    is_sure = compose(&result, in.digits, (int)exponent);
  if (!is_sure) result = read_slowly(&in);
  *value = in.is_negative ? -result : result;
  return true;
}

/* ---- Printing ---- */

/* A number of so many digits: digits * 10^(exponent - (n_digits - 1)). */
typedef struct decimal {
  uint64_t digits;
  int n_digits;
  int exponent; /* of the first digit */
} decimal;

/* The same from the C library. Between the first digit and the others stands the point of the locale, whatever it is. */
static void round_slowly(decimal *out, double value) {
  char text[64];
  snprintf(text, sizeof text, "%.*e", out->n_digits - 1, value);
  char *e = strchr(text, 'e');
  out->digits = (uint64_t)(text[0] - '0');
  for (const char *p = e - (out->n_digits - 1); p != e; p++) out->digits = 10 * out->digits + (uint64_t)(*p - '0');
  out->exponent = (int)strtol(e + 1, NULL, 10);
}

/* value, positive and finite, as mantissa * 2^binary; the top bit of the mantissa is set. */
static uint64_t mantissa_of(double value, int *binary) {
  uint64_t bits;
  memcpy(&bits, &value, sizeof bits);
  int biased = (int)(bits >> (DOUBLE_BITS - 1));
  uint64_t mantissa = bits & (((uint64_t)1 << (DOUBLE_BITS - 1)) - 1);
  if (biased != 0)
    mantissa |= (uint64_t)1 << (DOUBLE_BITS - 1);
  else
    biased = 1; /* subnormal */
  int shift = __builtin_clzll(mantissa);
  *binary = biased + DBL_MIN_EXP - 1 - DBL_MANT_DIG - shift;
  return mantissa << shift;
}

/* Rounds value, positive and finite, to out->n_digits digits. */
static void round_to(decimal *out, double value) {
  int binary;
  uint64_t mantissa = mantissa_of(value, &binary);
  int exponent = (binary + 63) * 78913 >> 18; /* times log10(2): right or one too small */
  for (;; exponent++) {
    int scale = out->n_digits - 1 - exponent;
    power ten = power_of_ten(scale);
    product p = multiply(mantissa, &ten);
    int shift = -(p.exponent + binary) - 128; /* bits of high behind the point */
    uint64_t digits = p.high >> shift, first = p.high << (64 - shift) | p.middle >> shift;
    if (digits >= fine_powers[out->n_digits]) continue;
    int up = round_up(first, p.middle << (64 - shift) | p.low, is_exact_power(scale), digits & 1);
    if (up < 0) {
      round_slowly(out, value);
      return;
    }
    bool carries = digits + (uint64_t)up == fine_powers[out->n_digits];
    out->digits = carries ? fine_powers[out->n_digits - 1] : digits + (uint64_t)up;
    out->exponent = exponent + carries;
    return;
  }
}

static double value_of(const decimal *in) {
  double value;
  int exponent = in->exponent - (in->n_digits - 1);
  if (compose(&value, in->digits, exponent)) return value;
  char text[SM_DECIMAL_MAX_SIZE];
  snprintf(text, sizeof text, "%llue%d", (unsigned long long)in->digits, exponent);
  return strtod(text, NULL);
}

static char *put_digits(char *dst, uint64_t digits, int n) {
  for (int i = n - 1; i >= 0; i--, digits /= 10) dst[i] = (char)('0' + digits % 10);
  return dst + n;
}

static char *put_integer(char *dst, uint64_t value) {
  int n = 1;
  while (n < 20 && value >= fine_powers[n]) n++;
  return put_digits(dst, value, n);
}

static char *put_scientific(char *dst, const char *digits, int n, int exponent) {
  *dst++ = digits[0];
  if (n > 1) {
    *dst++ = '.';
    memcpy(dst, digits + 1, (size_t)n - 1);
    dst += n - 1;
  }
  *dst++ = 'e';
  *dst++ = exponent < 0 ? '-' : '+';
  unsigned size = (unsigned)(exponent < 0 ? -exponent : exponent);
  return put_digits(dst, size, size < 100 ? 2 : 3);
}

/* As %g does, with as many digits as in has: zeros at the end of a fraction are left out. */
static char *put_decimal(char *dst, const decimal *in) {
  char digits[20];
  int n = in->n_digits, exponent = in->exponent;
  (void)put_digits(digits, in->digits, n);
  bool is_fixed = exponent >= -4 && exponent < in->n_digits;
  while (n > 1 && digits[n - 1] == '0') n--;
  if (!is_fixed) return put_scientific(dst, digits, n, exponent);
  if (exponent < 0) {
    memcpy(dst, "0.0000", 6);
    dst += 1 - exponent;
    memcpy(dst, digits, (size_t)n);
    return dst + n;
  }
  for (int i = 0; i < n || i <= exponent; i++) {
    if (i == exponent + 1) *dst++ = '.';
    *dst++ = i < n ? digits[i] : '0';
  }
  return dst;
}

static size_t put_word(char *dst, const char *word) {
  size_t size = strlen(word);
  memcpy(dst, word, size);
  return size;
}

/* value, with few digits if they do, else with many. */
static size_t print(char *dst, double value, int few, int many, bool is_float) {
  if (isnan(value)) return put_word(dst, "nan");
  if (isinf(value)) return put_word(dst, value < 0 ? "-inf" : "inf");
  char *end = dst;
  if (signbit(value)) *end++ = '-';
  value = fabs(value);
  if (value < (double)fine_powers[few] && value == (double)(uint64_t)value)
    return (size_t)(put_integer(end, (uint64_t)value) - dst);
  decimal text = {.n_digits = few};
  round_to(&text, value);
  double back = value_of(&text);
  if (is_float) back = (double)(float)back;
  if (back != value) {
    text.n_digits = many;
    round_to(&text, value);
  }
  return (size_t)(put_decimal(end, &text) - dst);
}

size_t sm_float_print(char *dst, float value) { return print(dst, (double)value, FLT_DIG, FLT_DIG + 3, true); }

size_t sm_double_print(char *dst, double value) { return print(dst, value, DBL_DIG, DBL_DIG + 2, false); }
