/* What every test includes: cmocka, and assertions that print both values and which row of a table they came from. */
#ifndef SM_TESTS_SUPPORT_CHECK_H
#define SM_TESTS_SUPPORT_CHECK_H

#include <setjmp.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include <savedmodel/status.h>

/* call returns expected; err is the sm_error that was passed to it, and is shown when it does not. */
#define assert_status(call, expected, err) check_status_((call), (expected), &(err), #call, __FILE__, __LINE__)
#define assert_ok(call, err) assert_status((call), SM_OK, (err))

/* Equal, or both are printed under the name what (such as the row of a table). */
#define assert_number(what, actual, expected) \
  check_number_((what), (uint64_t)(actual), (uint64_t)(expected), __FILE__, __LINE__)
#define assert_text(what, actual, expected) check_text_((what), (actual), (expected), __FILE__, __LINE__)
#define assert_bytes(what, actual, actual_size, expected, expected_size) \
  check_bytes_((what), (actual), (actual_size), (expected), (expected_size), __FILE__, __LINE__)

/* text has part in it. */
#define assert_mentions(text, part) check_mentions_((text), (part), __FILE__, __LINE__)

#define N_OF(array) (sizeof(array) / sizeof((array)[0]))

void check_status_(sm_status actual, sm_status expected, const sm_error *err, const char *call, const char *file,
                   int line);
void check_number_(const char *what, uint64_t actual, uint64_t expected, const char *file, int line);
void check_text_(const char *what, const char *actual, const char *expected, const char *file, int line);
void check_bytes_(const char *what, const void *actual, size_t actual_size, const void *expected, size_t expected_size,
                  const char *file, int line);
void check_mentions_(const char *text, const char *part, const char *file, int line);

#endif
