#include "support/check.h"

#include "base/error.h"

/* The numbers and names of google.rpc.Code (googleapis: google/rpc/code.proto), which TensorFlow uses too. */
static void error__codes_are_those_of_grpc(void **state) {
  (void)state;
  static const struct {
    int number;
    const char *name;
  } codes[] = {{0, "OK"},
               {1, "CANCELLED"},
               {2, "UNKNOWN"},
               {3, "INVALID_ARGUMENT"},
               {4, "DEADLINE_EXCEEDED"},
               {5, "NOT_FOUND"},
               {6, "ALREADY_EXISTS"},
               {7, "PERMISSION_DENIED"},
               {8, "RESOURCE_EXHAUSTED"},
               {9, "FAILED_PRECONDITION"},
               {10, "ABORTED"},
               {11, "OUT_OF_RANGE"},
               {12, "UNIMPLEMENTED"},
               {13, "INTERNAL"},
               {14, "UNAVAILABLE"},
               {15, "DATA_LOSS"},
               {16, "UNAUTHENTICATED"}};
  for (size_t i = 0; i < N_OF(codes); i++)
    assert_text(codes[i].name, sm_status_name((sm_status)codes[i].number), codes[i].name);
  assert_text("17", sm_status_name((sm_status)17), "UNKNOWN");
  assert_text("-1", sm_status_name((sm_status)-1), "UNKNOWN");
}

static void error__fills_all_fields(void **state) {
  (void)state;
  sm_error err;
  memset(&err, 0xFF, sizeof err);
  assert_int_equal(sm_fail_at(&err, SM_DATA_LOSS, 4096, "%s: %d left", "m/saved_model.pb", 41), SM_DATA_LOSS);
  assert_int_equal(err.code, SM_DATA_LOSS);
  assert_int_equal(err.reserved, 0);
  assert_number("offset", err.offset, 4096);
  assert_text("message", err.message, "m/saved_model.pb: 41 left");
  assert_int_equal(SM_FAIL(&err, SM_NOT_FOUND, "gone"), SM_NOT_FOUND);
  assert_number("offset", err.offset, UINT64_MAX);
}

static void error__null_is_not_wanted(void **state) {
  (void)state;
  assert_int_equal(SM_FAIL(NULL, SM_ABORTED, "nobody reads %s", "this"), SM_ABORTED);
  assert_int_equal(SM_FAIL_OOM(NULL, 7), SM_RESOURCE_EXHAUSTED);
}

static void error__long_messages_are_cut(void **state) {
  (void)state;
  sm_error err;
  char text[2000];
  memset(text, 'x', sizeof text);
  text[sizeof text - 1] = '\0';
  SM_FAIL(&err, SM_INTERNAL, "%s", text);
  size_t size = strnlen(err.message, sizeof err.message);
  assert_true(size < sizeof err.message);
  assert_true(size > sizeof err.message - 8); /* no more is lost than need be */
}

/* What a terminal would act on must not come through, and neither what is not UTF-8. */
static void error__shows_names_safely(void **state) {
  (void)state;
  static const struct {
    const char *raw, *shown;
  } rows[] = {
      {"plain \"quoted\" \\", "plain \"quoted\" \\"},
      {"\x1B[31mred", "\\x1B[31mred"},
      {"a\nb\tc\r", "a\\x0Ab\\x09c\\x0D"},
      {"\x7F", "\\x7F"},
      {"\xC2\x9B"
       "31m",
       "\\xC2\\x9B31m"},                            /* C1 control: CSI as one character */
      {"\xC2\xA0", "\xC2\xA0"},                     /* the first that is none */
      {"gr\xC3\xBC\xC3\x9F", "gr\xC3\xBC\xC3\x9F"}, /* well-formed text stays */
      {"\xF0\x9F\x98\x80", "\xF0\x9F\x98\x80"},
      {"\xFF\xFE", "\\xFF\\xFE"},
      {"\xC3", "\\xC3"},
      {"\xED\xA0\x80", "\\xED\\xA0\\x80"}, /* a surrogate */
  };
  for (size_t i = 0; i < N_OF(rows); i++) {
    sm_error err;
    SM_FAIL(&err, SM_DATA_LOSS, "%s", rows[i].raw);
    assert_text(rows[i].shown, err.message, rows[i].shown);
  }
}

/* Wherever the end of the buffer falls, the message stays UTF-8 without half characters or half escapes. */
static void error__cut_messages_stay_whole(void **state) {
  (void)state;
  for (int padding = 480; padding < 497; padding++) {
    sm_error err;
    SM_FAIL(&err, SM_DATA_LOSS, "%*s\xC3\xBC\xF0\x9F\x98\x80\x01\xE2\x82\xAC", padding, "");
    const char *tail = err.message + padding;
    size_t size = strlen(err.message);
    assert_true(size < sizeof err.message);
    static const char *const parts[] = {"\xC3\xBC", "\xF0\x9F\x98\x80", "\\x01", "\xE2\x82\xAC"};
    for (size_t i = 0; (size_t)(tail - err.message) < size; i++) {
      if (strncmp(tail, "\\x", 2) == 0 && strncmp(tail, parts[i < 4 ? i : 3], 4) != 0) {
        assert_true(strlen(tail) % 4 == 0); /* bytes of a character that was cut by the format, each escaped whole */
        break;
      }
      assert_true(i < N_OF(parts));
      assert_memory_equal(tail, parts[i], strlen(parts[i]));
      tail += strlen(parts[i]);
    }
  }
}

static void error__passed_on_only_when_it_is_one(void **state) {
  (void)state;
  sm_error err = {.code = SM_NOT_FOUND}, failure;
  SM_FAIL(&failure, SM_DATA_LOSS, "damaged");
  assert_int_equal(sm_error_pass(&err, SM_OK, &failure), SM_OK);
  assert_int_equal(err.code, SM_NOT_FOUND);
  assert_int_equal(sm_error_pass(NULL, SM_DATA_LOSS, &failure), SM_DATA_LOSS);
  assert_int_equal(sm_error_pass(&err, SM_DATA_LOSS, &failure), SM_DATA_LOSS);
  assert_string_equal(err.message, "damaged");
}

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(error__codes_are_those_of_grpc),
      cmocka_unit_test(error__fills_all_fields),
      cmocka_unit_test(error__null_is_not_wanted),
      cmocka_unit_test(error__long_messages_are_cut),
      cmocka_unit_test(error__shows_names_safely),
      cmocka_unit_test(error__cut_messages_stay_whole),
      cmocka_unit_test(error__passed_on_only_when_it_is_one),
  };
  return cmocka_run_group_tests_name("error", tests, NULL, NULL);
}
