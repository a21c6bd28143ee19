/*
 * Which form an array's numbers take is decided by all that are shown: numpy, _core/arrayprint.py, FloatingFormat. Scalars:
 * numpy, _core/src/multiarray/scalartypes.c.src. tests/interop/array_text_np.py holds all of it against numpy.
 */
#include "cli/float_text.h"

#include <math.h>
#include <string.h>

/* numpy prints no more, and no double has more. */
enum { MAX_PRECISION = 1100 };

/* What is done with zeros at the end of a fraction. */
typedef enum trim { KEEP, DROP, DROP_TO_ONE, DROP_AND_POINT } trim;

/* How one number is printed. */
typedef struct form {
  bool is_scientific, is_shortest;
  trim trim;
  int precision, min_digits; /* as in float_text */
  char sign;
} form;

/* One number, taken apart. */
typedef struct parts {
  decimal digits;
  char sign; /* '\0': none */
  int whole_size, fraction_size, exponent_size;
} parts;

static char digit_at(const decimal *in, int place) {
  int at = in->exponent - place;
  return at >= 0 && at < in->n ? in->digits[at] : '0';
}

static int decimal_size(int value) {
  int size = 1;
  for (; value >= 10; value /= 10) size++;
  return size;
}

static void take_apart(parts *out, double value, const float_type *type, const form *how) {
  binary number = binary_of(value, type);
  int more = how->is_scientific ? 1 : 0;
  digits_wanted wanted = {.is_shortest = how->is_shortest,
                          .of_fraction = !how->is_scientific,
                          .least = how->min_digits < 0 ? -1 : how->min_digits + more,
                          .most = how->precision < 0 ? -1 : how->precision + more};
  digits_of(&out->digits, &number, &wanted);
  out->sign = signbit(value) ? '-' : how->sign == '+' ? '+' : '\0';

  const decimal *digits = &out->digits;
  int point = how->is_scientific ? digits->exponent : 0; /* the place in front of it */
  out->whole_size = digits->exponent > point ? digits->exponent + 1 : 1;
  out->fraction_size = digits->n - 1 - (digits->exponent - point);
  if (out->fraction_size < 0) out->fraction_size = 0;
  while (how->trim != KEEP && out->fraction_size > 0 && digit_at(digits, point - out->fraction_size) == '0')
    out->fraction_size--;
  int due = how->trim == DROP_TO_ONE ? 1 : how->trim != KEEP ? 0 : how->is_shortest ? how->min_digits : how->precision;
  if (out->fraction_size < due) out->fraction_size = due;
  out->exponent_size = decimal_size(digits->exponent < 0 ? -digits->exponent : digits->exponent);
  if (out->exponent_size < 2) out->exponent_size = 2;
}

static void put_digits(text_buffer *to, const decimal *digits, int place, int n) {
  char *dst = text_reserve(to, (size_t)n);
  if (dst == NULL) return;
  for (int i = 0; i < n; i++) dst[i] = digit_at(digits, place - i);
  to->size += (size_t)n;
}

static void put_exponent(text_buffer *to, int exponent, int size) {
  char digits[16];
  unsigned left = (unsigned)(exponent < 0 ? -exponent : exponent);
  for (int i = size - 1; i >= 0; i--, left /= 10) digits[i] = (char)('0' + left % 10);
  text_put_string(to, exponent < 0 ? "e-" : "e+");
  text_put(to, digits, (size_t)size);
}

static void put_together(text_buffer *to, const parts *in, const form *how) {
  int point = how->is_scientific ? in->digits.exponent : 0;
  if (in->sign != '\0') text_put(to, &in->sign, 1);
  put_digits(to, &in->digits, point + in->whole_size - 1, in->whole_size);
  if (in->fraction_size > 0 || how->trim != DROP_AND_POINT) text_put(to, ".", 1);
  put_digits(to, &in->digits, point - 1, in->fraction_size);
  if (how->is_scientific) put_exponent(to, in->digits.exponent, in->exponent_size);
}

/* ---- An array's numbers ---- */

void float_text_begin(float_text *out, const array_text_options *options, array_floatmode mode, char sign,
                      const float_type *type) {
  *out = (float_text){.options = options, .type = type, .mode = mode, .sign = sign};
  if (options->legacy <= ARRAY_LEGACY_1_13 && sign == '-') out->sign = ' ';
}

void float_text_look(float_text *out, double value) {
  double size = fabs(value);
  if (!isfinite(value)) {
    out->has_other = true;
    out->has_negative_infinity |= isinf(value) && value < 0;
    return;
  }
  out->has_finite = true;
  out->has_negative |= signbit(value) != 0;
  if (size > out->largest) out->largest = size;
  if (size != 0 && (out->smallest == 0 || size < out->smallest)) out->smallest = size;
}

/* numpy compares in the type of the numbers. */
static bool has_wide_range(const float_text *in) {
  if (in->type == &float_type_half) {
    const double least = 0x1.a38p-14; /* 0.0001 as a half */
    const float too_many = 1000.25F;  /* what is not above it becomes 1000 */
    return in->smallest < least || (float)in->largest / (float)in->smallest > too_many;
  }
  if (in->type == &float_type_single)
    return (float)in->smallest < 0.0001F || (float)in->largest / (float)in->smallest > 1000.0F;
  return in->smallest < 0.0001 || in->largest / in->smallest > 1000.0;
}

static double largest_positional(const float_text *in) {
  if (in->options->legacy <= ARRAY_LEGACY_2_2) return 1e8;
  return in->type == &float_type_half ? 1e3 : in->type == &float_type_single ? 1e6 : 1e8;
}

void float_text_decide(float_text *out) {
  const array_text_options *options = out->options;
  bool is_old = options->legacy <= ARRAY_LEGACY_1_13;
  if (out->largest != 0)
    out->is_scientific = out->largest >= largest_positional(out) || (!options->suppress && has_wide_range(out));
  out->precision = options->precision < MAX_PRECISION ? (int)options->precision : MAX_PRECISION;
  out->keeps_zeros = out->mode == ARRAY_FIXED || (out->is_scientific && is_old);
  out->is_shortest = !out->keeps_zeros;
  if (out->mode == ARRAY_UNIQUE && out->is_shortest) out->precision = -1;
  out->min_digits = -1;
}

static form form_of(const float_text *in) {
  return (form){.is_scientific = in->is_scientific,
                .is_shortest = in->is_shortest,
                .trim = in->keeps_zeros ? KEEP : DROP,
                .precision = in->precision,
                .min_digits = in->min_digits,
                .sign = in->sign};
}

static void keep_larger(int *largest, int value) {
  if (value > *largest) *largest = value;
}

void float_text_look_again(float_text *out, double value) {
  if (!isfinite(value)) return;
  parts number;
  form how = form_of(out);
  take_apart(&number, value, out->type, &how);
  bool is_old = out->options->legacy <= ARRAY_LEGACY_1_13; /* counts a sign everywhere */
  keep_larger(&out->whole_size, number.whole_size + (is_old || number.sign != '\0'));
  keep_larger(&out->fraction_size, number.fraction_size);
  keep_larger(&out->exponent_size, number.exponent_size);
}

static int text_width(const char *string) {
  int width = 0;
  for (; *string != '\0'; string++) width += (*string & 0xC0) != 0x80;
  return width;
}

void float_text_finish(float_text *out) {
  const array_text_options *options = out->options;
  bool is_old = options->legacy <= ARRAY_LEGACY_1_13;
  out->pad_left = out->whole_size;
  out->pad_right = out->fraction_size;
  if (out->is_scientific) {
    if (is_old) out->pad_left = 3;
    out->pad_right += out->exponent_size + 2;
  }
  if (out->has_finite && (out->is_scientific || out->mode == ARRAY_FIXED || out->mode == ARRAY_MAXPREC_EQUAL)) {
    out->precision = out->min_digits = out->fraction_size;
    out->keeps_zeros = true;
  } else {
    out->min_digits = 0;
  }
  if (!is_old && out->sign == ' ' && !out->has_negative) out->pad_left++;
  if (!out->has_other) return;
  int signed_infinity = out->sign != '-' || out->has_negative_infinity;
  keep_larger(&out->pad_left, text_width(options->nanstr) - out->pad_right - 1);
  keep_larger(&out->pad_left, text_width(options->infstr) + signed_infinity - out->pad_right - 1);
}

static void pad(text_buffer *to, int n) {
  if (n > 0) text_put_many(to, ' ', (size_t)n);
}

static void put_other(text_buffer *to, const float_text *format, double value) {
  const char *name = isnan(value) ? format->options->nanstr : format->options->infstr;
  const char *sign = !isnan(value) && value < 0 ? "-" : format->sign == '+' ? "+" : "";
  pad(to, format->pad_left + format->pad_right + 1 - text_width(sign) - text_width(name));
  text_put_string(to, sign);
  text_put_string(to, name);
}

void float_text_put(text_buffer *to, const float_text *format, double value) {
  if (!isfinite(value)) {
    put_other(to, format, value);
    return;
  }
  parts number;
  form how = form_of(format);
  take_apart(&number, value, format->type, &how);
  keep_larger(&number.exponent_size, format->exponent_size);
  pad(to, format->pad_left - number.whole_size - (number.sign != '\0'));
  put_together(to, &number, &how);
  if (!how.is_scientific) pad(to, format->pad_right - number.fraction_size);
}

/* ---- Scalars ---- */

static void put_other_alone(text_buffer *to, double value, char sign) {
  if (sign == '+' && !(value < 0)) text_put(to, "+", 1);
  text_put_string(to, isnan(value) ? "nan" : value < 0 ? "-inf" : "inf");
}

static void put_alone(text_buffer *to, double value, const float_type *type, form how, int legacy) {
  double size = fabs(value), too_large = 1e16;
  if (!isfinite(value)) {
    put_other_alone(to, value, how.sign);
    return;
  }
  if (legacy > ARRAY_LEGACY_2_2)
    too_large = type == &float_type_half ? 1e3 : type == &float_type_single ? 1e6 : too_large;
  how.is_scientific = size != 0 && (size < 1e-4 || size >= too_large);
  if (how.is_scientific) how.trim = DROP_AND_POINT;
  parts number;
  take_apart(&number, value, type, &how);
  put_together(to, &number, &how);
}

/* C's %g with so many digits, in any locale. */
static void put_general(text_buffer *to, double value, int significant, char sign) {
  form how = {
      .is_scientific = true, .trim = DROP_AND_POINT, .precision = significant - 1, .min_digits = -1, .sign = sign};
  if (!isfinite(value)) {
    put_other_alone(to, value, sign);
    return;
  }
  parts number;
  take_apart(&number, value, &float_type_double, &how);
  int exponent = number.digits.exponent;
  if (exponent >= -4 && exponent < significant) {
    how.is_scientific = false;
    how.precision = significant - 1 - exponent;
    take_apart(&number, value, &float_type_double, &how);
  }
  put_together(to, &number, &how);
}

void small_float_put(text_buffer *to, double value) { put_general(to, value, 6, '-'); }

static const form shortest_form = {
    .is_shortest = true, .trim = DROP_TO_ONE, .precision = -1, .min_digits = -1, .sign = '-'};

/* Digits that numpy up to 1.13 gives a scalar; 0: not so old. */
static int old_digits(const float_type *type, int legacy) {
  return legacy > ARRAY_LEGACY_1_13 ? 0 : type == &float_type_double ? 12 : 6;
}

void float_scalar_put(text_buffer *to, double value, const float_type *type, int legacy) {
  int digits = old_digits(type, legacy);
  if (digits == 0) {
    put_alone(to, value, type, shortest_form, legacy);
    return;
  }
  size_t start = to->size;
  put_general(to, value, digits, '-');
  if (to->is_short || !isfinite(value)) return;
  for (size_t i = start; i < to->size; i++)
    if (to->data[i] == '.' || to->data[i] == 'e') return;
  text_put_string(to, ".0");
}

void complex_scalar_put(text_buffer *to, double real, double imaginary, const float_type *type, int legacy) {
  form how = shortest_form;
  how.trim = DROP_AND_POINT;
  bool has_real = real != 0 || signbit(real);
  int digits = old_digits(type, legacy);
  if (has_real) text_put(to, "(", 1);
  if (has_real && digits == 0) put_alone(to, real, type, how, legacy);
  if (has_real && digits != 0) put_general(to, real, digits, '-');
  if (has_real) how.sign = '+';
  if (digits == 0)
    put_alone(to, imaginary, type, how, legacy);
  else
    put_general(to, imaginary, digits, how.sign);
  if (digits != 0 && !isfinite(imaginary)) text_put(to, "*", 1);
  text_put_string(to, has_real ? "j)" : "j");
}
