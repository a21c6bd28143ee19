/*
 * Arrays as numpy prints them: str(array) of numpy 2, with the options of numpy.set_printoptions.
 *
 *   array_text.c    the brackets, lines and dots; integers, booleans, strings
 *   float_text.c    floating-point numbers and complex ones
 *   digits.c        their digits
 *   element.c       elements in memory
 */
#ifndef SM_CLI_ARRAY_TEXT_H
#define SM_CLI_ARRAY_TEXT_H

#include <stdio.h>

#include <savedmodel/tensor.h>

typedef enum array_floatmode {
  ARRAY_MAXPREC = 0, /* the default, whatever its documentation says */
  ARRAY_FIXED,
  ARRAY_UNIQUE,
  ARRAY_MAXPREC_EQUAL
} array_floatmode;

/* Printing as older versions of numpy, of which some differ here. */
enum { ARRAY_LEGACY_OLDEST = 1, ARRAY_LEGACY_1_13 = 113, ARRAY_LEGACY_2_2 = 202, ARRAY_LEGACY_NONE = INT32_MAX };

/* Names and meaning are numpy's. */
typedef struct array_text_options {
  int64_t precision; /* 0 or more */
  int64_t threshold;
  int64_t edgeitems; /* 0 or more */
  int64_t linewidth;
  bool suppress;
  const char *nanstr, *infstr;
  array_floatmode floatmode;
  char sign; /* '-', '+', ' ' */
  int legacy;
} array_text_options;

#define ARRAY_TEXT_OPTIONS_INIT                                                                                        \
  {                                                                                                                    \
    .precision = 8, .threshold = 1000, .edgeitems = 3, .linewidth = 75, .nanstr = "nan", .infstr = "inf", .sign = '-', \
    .legacy = ARRAY_LEGACY_NONE                                                                                        \
  }

/*
 * Sets an option from text as inspect_checkpoint --printoptions does; value is borrowed. NULL, or what is wrong: static
 * text that goes on after "'NAME' is ", as "not a valid printoption".
 */
const char *array_text_set_option(array_text_options *options, const char *name, const char *value);

/*
 * Prints array to `to`, without a line feed at the end. given: options; NULL: defaults.
 *
 * Memory: that of the longest element's text.
 *
 * Errors: UNIMPLEMENTED numpy has no such elements (variants, resources); RESOURCE_EXHAUSTED. That `to` failed shows in
 *   ferror(to).
 */
sm_status array_text_print(FILE *to, const sm_tensor_view *array, const array_text_options *given, sm_error *err);

#endif
