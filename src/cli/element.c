#include "cli/element.h"

#include <math.h>
#include <string.h>

element_class element_class_of(sm_dtype dtype) {
  switch (dtype) {
    case SM_DT_BOOL: return ELEMENT_BOOL;
    case SM_DT_INT8:
    case SM_DT_INT16:
    case SM_DT_INT32:
    case SM_DT_INT64:
    case SM_DT_INT4:
    case SM_DT_INT2:
    case SM_DT_QINT8:
    case SM_DT_QINT16:
    case SM_DT_QINT32: return ELEMENT_SIGNED;
    case SM_DT_UINT8:
    case SM_DT_UINT16:
    case SM_DT_UINT32:
    case SM_DT_UINT64:
    case SM_DT_UINT4:
    case SM_DT_UINT2:
    case SM_DT_QUINT8:
    case SM_DT_QUINT16: return ELEMENT_UNSIGNED;
    case SM_DT_HALF:
    case SM_DT_FLOAT:
    case SM_DT_DOUBLE: return ELEMENT_FLOAT;
    case SM_DT_BFLOAT16:
    case SM_DT_FLOAT8_E5M2:
    case SM_DT_FLOAT8_E4M3FN:
    case SM_DT_FLOAT8_E4M3FNUZ:
    case SM_DT_FLOAT8_E4M3B11FNUZ:
    case SM_DT_FLOAT8_E5M2FNUZ:
    case SM_DT_FLOAT4_E2M1FN: return ELEMENT_SMALL_FLOAT;
    case SM_DT_COMPLEX64:
    case SM_DT_COMPLEX128: return ELEMENT_COMPLEX;
    case SM_DT_STRING: return ELEMENT_STRING;
    default: return ELEMENT_OTHER;
  }
}

bool element_is_quantised(sm_dtype dtype) {
  return (dtype >= SM_DT_QINT8 && dtype <= SM_DT_QINT32) || dtype == SM_DT_QINT16 || dtype == SM_DT_QUINT16;
}

/* ---- Integers ---- */

uint64_t element_unsigned(sm_dtype dtype, const void *p) {
  uint8_t one;
  uint16_t two;
  uint32_t four;
  uint64_t eight;
  switch (sm_dtype_size(dtype)) {
    case 1:
      memcpy(&one, p, sizeof one);
      if (dtype == SM_DT_BOOL) return one != 0;
      return dtype == SM_DT_UINT4 ? one & 0xFu : dtype == SM_DT_UINT2 ? one & 3u : one;
    case 2: memcpy(&two, p, sizeof two); return two;
    case 4: memcpy(&four, p, sizeof four); return four;
    default: memcpy(&eight, p, sizeof eight); return eight;
  }
}

int64_t element_signed(sm_dtype dtype, const void *p) {
  int bits = dtype == SM_DT_INT4 ? 4 : dtype == SM_DT_INT2 ? 2 : 8 * (int)sm_dtype_size(dtype);
  uint64_t sign = (uint64_t)1 << (bits - 1), value = element_unsigned(dtype, p) & (2 * sign - 1);
  return (int64_t)((value ^ sign) - sign);
}

/* ---- Floating-point numbers ---- */

/* How the bits of those that C has no type for are to be read: a sign, an exponent, a mantissa. */
typedef struct small_format {
  sm_dtype dtype;
  int exponent_bits, mantissa_bits, bias;
  enum { IEEE, NO_INFINITY, ONE_NAN, ALL_FINITE } specials;
} small_format;

/* NO_INFINITY: all ones is the NaN. ONE_NAN: minus zero is. */
static const small_format small_formats[] = {
    {SM_DT_HALF, 5, 10, 15, IEEE},
    {SM_DT_BFLOAT16, 8, 7, 127, IEEE},
    {SM_DT_FLOAT8_E5M2, 5, 2, 15, IEEE},
    {SM_DT_FLOAT8_E4M3FN, 4, 3, 7, NO_INFINITY},
    {SM_DT_FLOAT8_E4M3FNUZ, 4, 3, 8, ONE_NAN},
    {SM_DT_FLOAT8_E4M3B11FNUZ, 4, 3, 11, ONE_NAN},
    {SM_DT_FLOAT8_E5M2FNUZ, 5, 2, 16, ONE_NAN},
    {SM_DT_FLOAT4_E2M1FN, 2, 1, 1, ALL_FINITE},
};

static double small_float(const small_format *format, uint64_t bits) {
  uint64_t top = (uint64_t)1 << format->exponent_bits, unit = (uint64_t)1 << format->mantissa_bits;
  uint64_t sign = top * unit, mantissa = bits & (unit - 1), exponent = bits / unit & (top - 1);
  bool is_negative = (bits & sign) != 0;
  if (format->specials == IEEE && exponent == top - 1)
    return mantissa != 0 ? (double)NAN : is_negative ? -(double)INFINITY : (double)INFINITY;
  if (format->specials == NO_INFINITY && (bits & (sign - 1)) == sign - 1) return (double)NAN;
  if (format->specials == ONE_NAN && (bits & (2 * sign - 1)) == sign) return (double)NAN;
  if (exponent == 0)
    exponent = 1; /* subnormal */
  else
    mantissa += unit;
  double value = ldexp((double)mantissa, (int)exponent - format->bias - format->mantissa_bits);
  return is_negative ? -value : value;
}

double element_float(sm_dtype dtype, const void *p) {
  float single;
  double value;
  switch (dtype) {
    case SM_DT_FLOAT:
    case SM_DT_COMPLEX64: memcpy(&single, p, sizeof single); return (double)single;
    case SM_DT_DOUBLE:
    case SM_DT_COMPLEX128: memcpy(&value, p, sizeof value); return value;
    default: break;
  }
  for (size_t i = 0; i < sizeof small_formats / sizeof small_formats[0]; i++)
    if (small_formats[i].dtype == dtype) return small_float(&small_formats[i], element_unsigned(dtype, p));
  return (double)NAN;
}

double element_imaginary(sm_dtype dtype, const void *p) {
  return element_float(dtype, (const char *)p + sm_dtype_size(dtype) / 2);
}
