#include "cli/float_bits.h"

#include <math.h>
#include <string.h>

#include "cli/element.h"

/* ---- Reading ---- */

static void add_floats(double *sums, const char *data, size_t n) {
  for (size_t i = 0; i < n; i++) {
    float value;
    memcpy(&value, data + i * sizeof value, sizeof value);
    sums[i] += (double)value;
  }
}

static void add_doubles(double *sums, const char *data, size_t n) {
  for (size_t i = 0; i < n; i++) {
    double value;
    memcpy(&value, data + i * sizeof value, sizeof value);
    sums[i] += value;
  }
}

/* A bfloat16 is the upper half of a float. */
static void add_bfloat16s(double *sums, const char *data, size_t n) {
  for (size_t i = 0; i < n; i++) {
    uint16_t half;
    memcpy(&half, data + i * sizeof half, sizeof half);
    uint32_t bits = (uint32_t)half << 16;
    float value;
    memcpy(&value, &bits, sizeof value);
    sums[i] += (double)value;
  }
}

/* A normal half keeps its bits, with another bias. The others are few. */
static void add_halves(double *sums, const char *data, size_t n) {
  for (size_t i = 0; i < n; i++) {
    uint16_t half;
    memcpy(&half, data + i * sizeof half, sizeof half);
    uint32_t exponent = half >> 10 & 0x1Fu;
    if (exponent == 0 || exponent == 0x1F) {
      sums[i] += element_float(SM_DT_HALF, &half);
      continue;
    }
    uint32_t bits = (uint32_t)(half & 0x8000u) << 16 | (exponent + 127 - 15) << 23 | (uint32_t)(half & 0x3FFu) << 13;
    float value;
    memcpy(&value, &bits, sizeof value);
    sums[i] += (double)value;
  }
}

static void add_bytes(double *sums, sm_dtype dtype, const char *data, size_t n) {
  double values[256];
  for (int i = 0; i < 256; i++) {
    uint8_t bits = (uint8_t)i;
    values[i] = element_float(dtype, &bits);
  }
  for (size_t i = 0; i < n; i++) sums[i] += values[(uint8_t)data[i]];
}

void float_bits_add(double *sums, sm_dtype dtype, const void *data, size_t n) {
  switch (dtype) {
    case SM_DT_FLOAT:
    case SM_DT_COMPLEX64: add_floats(sums, data, n); break;
    case SM_DT_DOUBLE:
    case SM_DT_COMPLEX128: add_doubles(sums, data, n); break;
    case SM_DT_BFLOAT16: add_bfloat16s(sums, data, n); break;
    case SM_DT_HALF: add_halves(sums, data, n); break;
    default: add_bytes(sums, dtype, data, n);
  }
}

/* ---- Writing ---- */

/* Bits of a type: a sign, an exponent, a mantissa, in element.c too. largest, infinity and not_a_number are without sign. */
typedef struct format {
  sm_dtype dtype;
  int mantissa_bits, bias;
  uint32_t sign, largest, infinity, not_a_number;
  bool has_negative_zero;
} format;

static const format formats[] = {
    {SM_DT_HALF, 10, 15, 0x8000, 0x7BFF, 0x7C00, 0x7E00, true},
    {SM_DT_BFLOAT16, 7, 127, 0x8000, 0x7F7F, 0x7F80, 0x7FC0, true},
    {SM_DT_FLOAT8_E5M2, 2, 15, 0x80, 0x7B, 0x7C, 0x7E, true},
    {SM_DT_FLOAT8_E4M3FN, 3, 7, 0x80, 0x7E, 0x7F, 0x7F, true},
    {SM_DT_FLOAT8_E4M3FNUZ, 3, 8, 0x80, 0x7F, 0x80, 0x80, false},
    {SM_DT_FLOAT8_E4M3B11FNUZ, 3, 11, 0x80, 0x7F, 0x80, 0x80, false},
    {SM_DT_FLOAT8_E5M2FNUZ, 2, 16, 0x80, 0x7F, 0x80, 0x80, false},
    {SM_DT_FLOAT4_E2M1FN, 1, 1, 0x8, 0x7, 0x7, 0x7, true},
};

/* A finite number, without its sign: rounded to the mantissa, which below the smallest normal number gets shorter. A carry
 * goes into the exponent, as it should. */
static uint64_t round_bits(const format *to, uint64_t bits) {
  const int double_bits = 52, double_bias = 1023;
  int exponent = (int)(bits >> double_bits) - double_bias + to->bias;
  uint64_t mantissa = (bits & (((uint64_t)1 << double_bits) - 1)) | (uint64_t)1 << double_bits;
  int shift = double_bits - to->mantissa_bits + (exponent < 1 ? 1 - exponent : 0);
  if (shift > double_bits + 1) return 0; /* less than half of the smallest; of doubles below the normal ones too */
  uint64_t rounded = mantissa >> shift, rest = mantissa & (((uint64_t)1 << shift) - 1),
           half = (uint64_t)1 << (shift - 1);
  rounded += rest > half || (rest == half && (rounded & 1) != 0);
  return exponent < 1 ? rounded : rounded + ((uint64_t)(exponent - 1) << to->mantissa_bits);
}

static uint32_t small_bits(const format *to, double value) {
  uint64_t bits;
  memcpy(&bits, &value, sizeof bits);
  uint32_t sign = bits >> 63 != 0 ? to->sign : 0;
  if (isnan(value)) return to->not_a_number | (to->has_negative_zero ? sign : 0);
  uint64_t rounded = isinf(value) ? UINT64_MAX : round_bits(to, bits & ~((uint64_t)1 << 63));
  if (rounded > to->largest) return to->has_negative_zero ? sign | to->infinity : to->infinity;
  return rounded == 0 && !to->has_negative_zero ? 0 : sign | (uint32_t)rounded;
}

static void put_small(char *dst, const format *to, const double *values, size_t n) {
  size_t size = sm_dtype_size(to->dtype);
  for (size_t i = 0; i < n; i++) {
    uint32_t bits = small_bits(to, values[i]);
    uint8_t one = (uint8_t)bits;
    uint16_t two = (uint16_t)bits;
    memcpy(dst + i * size, size == 1 ? (const void *)&one : (const void *)&two, size);
  }
}

static void put_floats(char *dst, const double *values, size_t n) {
  for (size_t i = 0; i < n; i++) {
    float value = (float)values[i];
    memcpy(dst + i * sizeof value, &value, sizeof value);
  }
}

void float_bits_put(void *dst, sm_dtype dtype, const double *values, size_t n) {
  if (dtype == SM_DT_FLOAT || dtype == SM_DT_COMPLEX64) {
    put_floats(dst, values, n);
  } else if (dtype == SM_DT_DOUBLE || dtype == SM_DT_COMPLEX128) {
    memcpy(dst, values, n * sizeof *values);
  } else {
    for (size_t i = 0; i < sizeof formats / sizeof formats[0]; i++)
      if (formats[i].dtype == dtype) put_small(dst, &formats[i], values, n);
  }
}
