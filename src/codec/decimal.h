/* Floating-point numbers as decimal text and back, the same in every locale. */
#ifndef SM_CODEC_DECIMAL_H
#define SM_CODEC_DECIMAL_H

#include <stdbool.h>
#include <stddef.h>

enum { SM_DECIMAL_MAX_SIZE = 32 };

/*
 * Writes value at dst, which has room for SM_DECIMAL_MAX_SIZE bytes, without a terminator; returns the bytes written.
 *
 * The text is printf's %.6g for a float and %.15g for a double where that reads back as value, else %.9g and %.17g:
 * what protobuf's runtimes print (upb, round_trip.c; C++, SimpleFtoa). "inf", "-inf"; "nan" for every NaN.
 */
size_t sm_float_print(char *dst, float value);
size_t sm_double_print(char *dst, double value);

/*
 * The double nearest to the decimal number that text is: a sign or none, digits with or without a point, an exponent or
 * none. Too large: an infinity. False when text is anything else.
 */
bool sm_decimal_read(double *value, const char *text, size_t size);

#endif
