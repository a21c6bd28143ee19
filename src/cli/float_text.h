/* Floating-point numbers as numpy prints them, alone and in an array. */
#ifndef SM_CLI_FLOAT_TEXT_H
#define SM_CLI_FLOAT_TEXT_H

#include "cli/array_text.h"
#include "cli/digits.h"
#include "cli/text_buffer.h"

/* What is to be known of all numbers shown before the first is printed, filled in by looking at them twice. */
typedef struct float_text {
  const array_text_options *options;
  const float_type *type;
  array_floatmode mode;
  char sign; /* as option, after what other options make of it */
  /* first look */
  bool has_finite, has_negative, has_other, has_negative_infinity;
  double largest, smallest; /* of those that are not 0, without sign; 0: there are none */
  /* then */
  bool is_scientific, is_shortest, keeps_zeros;
  int precision, min_digits; /* behind the point; -1: no matter */
  /* second look */
  int whole_size, fraction_size, exponent_size; /* the longest; sign with the whole, without "e+" */
  int pad_left, pad_right;
} float_text;

/* mode, sign: instead of those in options. */
void float_text_begin(float_text *out, const array_text_options *options, array_floatmode mode, char sign,
                      const float_type *type);
void float_text_look(float_text *out, double value);
void float_text_decide(float_text *out);
void float_text_look_again(float_text *out, double value);
void float_text_finish(float_text *out);

/* Then each number, padded as the others need it. */
void float_text_put(text_buffer *to, const float_text *format, double value);

/* str of a scalar; of a complex one; of one of ml_dtypes, in arrays too. */
void float_scalar_put(text_buffer *to, double value, const float_type *type, int legacy);
void complex_scalar_put(text_buffer *to, double real, double imaginary, const float_type *type, int legacy);
void small_float_put(text_buffer *to, double value);

#endif
