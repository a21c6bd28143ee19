/* Decimal digits of a binary floating-point number, rounded as numpy rounds them; exact, whatever the number. */
#ifndef SM_CLI_DIGITS_H
#define SM_CLI_DIGITS_H

#include <stdbool.h>
#include <stdint.h>

/* More than any double has: 767. */
enum { DIGITS_MAX = 800 };

/* mantissa * 2^exponent. */
typedef struct binary {
  uint64_t mantissa;
  int exponent;
  bool is_closer_below; /* the next number below is half as far away as the next one above */
} binary;

/* Which of its digits. Numbers of digits count those behind the point (of_fraction) or all of them; -1: no matter. */
typedef struct digits_wanted {
  bool is_shortest; /* as many as tell it from its neighbours; else all there are */
  bool of_fraction;
  int least; /* of shortest ones */
  int most;
} digits_wanted;

/* d.ddd * 10^exponent. Zeros may stand at the end, and are missing where the number has no more digits. */
typedef struct decimal {
  int exponent;
  int n;
  char digits[DIGITS_MAX]; /* '0' to '9' */
} decimal;

void digits_of(decimal *out, const binary *value, const digits_wanted *wanted);

/* A format of floating-point numbers, as far as it tells how close neighbours are. */
typedef struct float_type {
  int bits;         /* of the mantissa, the hidden one included */
  int min_exponent; /* of the last bit of the smallest numbers */
} float_type;

extern const float_type float_type_half, float_type_single, float_type_double;

/* |value|, finite and exactly of that type. */
binary binary_of(double value, const float_type *type);

#endif
