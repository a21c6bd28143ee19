/* Expected values: design/formats.md 1.2 and 4.6, or worked out by hand from what is said there. Keys that TensorFlow
 * made are in unit/table_read. */
#include "codec/ordered_code.h"

#include "support/check.h"
#include "support/fault_alloc.h"

static sm_error err;
static sm_buffer buffer;

static int begin(void **state) {
  (void)state;
  sm_buffer_init(&buffer, sm_allocator_or_malloc(NULL), UINT64_MAX);
  return 0;
}

static int end(void **state) {
  (void)state;
  sm_buffer_free(&buffer);
  return 0;
}

#define BYTES(text) text, sizeof text - 1

/* In memory of exactly that size. */
static sm_string exactly(const char *bytes, size_t size) {
  char *copy = malloc(size != 0 ? size : 1);
  if (size != 0) memcpy(copy, bytes, size);
  return (sm_string){copy, size};
}

/* ---- Numbers ---- */

static const struct {
  uint64_t value;
  const char *code;
  size_t size;
} numbers[] = {
    {0, BYTES("\x00")},
    {1, BYTES("\x01\x01")},
    {255, BYTES("\x01\xFF")},
    {256, BYTES("\x02\x01\x00")},
    {0x123456, BYTES("\x03\x12\x34\x56")},
    {UINT32_MAX, BYTES("\x04\xFF\xFF\xFF\xFF")},
    {(uint64_t)1 << 32, BYTES("\x05\x01\x00\x00\x00\x00")},
    {(uint64_t)1 << 63, BYTES("\x08\x80\x00\x00\x00\x00\x00\x00\x00")},
    {UINT64_MAX, BYTES("\x08\xFF\xFF\xFF\xFF\xFF\xFF\xFF\xFF")},
};

static void ordered_code__numbers(void **state) {
  (void)state;
  for (size_t i = 0; i < N_OF(numbers); i++) {
    buffer.size = 0;
    assert_ok(sm_ordered_put_number(&buffer, numbers[i].value, &err), err);
    assert_bytes("number", buffer.data, buffer.size, numbers[i].code, numbers[i].size);
    assert_ok(sm_buffer_put(&buffer, "next", 4, &err), err);
    uint64_t value = 99;
    sm_string src = {(const char *)buffer.data, buffer.size};
    assert_true(sm_ordered_take_number(&value, &src));
    assert_number("taken", value, numbers[i].value);
    assert_bytes("left", src.data, src.size, "next", 4);
    for (size_t size = 0; size < numbers[i].size; size++) {
      sm_string cut = exactly(numbers[i].code, size), was = cut;
      assert_false(sm_ordered_take_number(&value, &cut));
      assert_ptr_equal(cut.data, was.data);
      free((void *)(uintptr_t)was.data);
    }
  }
}

/* ---- Signed numbers ---- */

static const struct {
  int64_t value;
  const char *code;
  size_t size;
} signed_numbers[] = {
    {INT64_MIN, BYTES("\x00\x3F\x80\x00\x00\x00\x00\x00\x00\x00")},
    {-((int64_t)1 << 62) - 1, BYTES("\x00\x3F\xBF\xFF\xFF\xFF\xFF\xFF\xFF\xFF")},
    {-((int64_t)1 << 62), BYTES("\x00\x40\x00\x00\x00\x00\x00\x00\x00")},
    {-((int64_t)1 << 55) - 1, BYTES("\x00\x7F\x7F\xFF\xFF\xFF\xFF\xFF\xFF")},
    {-((int64_t)1 << 55), BYTES("\x00\x80\x00\x00\x00\x00\x00\x00")},
    {-8193, BYTES("\x1F\xDF\xFF")},
    {-8192, BYTES("\x20\x00")},
    {-65, BYTES("\x3F\xBF")},
    {-64, BYTES("\x40")},
    {-1, BYTES("\x7F")},
    {0, BYTES("\x80")},
    {2, BYTES("\x82")},
    {63, BYTES("\xBF")},
    {64, BYTES("\xC0\x40")},
    {100, BYTES("\xC0\x64")},
    {200, BYTES("\xC0\xC8")},
    {334, BYTES("\xC1\x4E")},
    {8191, BYTES("\xDF\xFF")},
    {8192, BYTES("\xE0\x20\x00")},
    {((int64_t)1 << 55) - 1, BYTES("\xFF\x7F\xFF\xFF\xFF\xFF\xFF\xFF")},
    {(int64_t)1 << 55, BYTES("\xFF\x80\x80\x00\x00\x00\x00\x00\x00")},
    {((int64_t)1 << 62) - 1, BYTES("\xFF\xBF\xFF\xFF\xFF\xFF\xFF\xFF\xFF")},
    {(int64_t)1 << 62, BYTES("\xFF\xC0\x40\x00\x00\x00\x00\x00\x00\x00")},
    {INT64_MAX, BYTES("\xFF\xC0\x7F\xFF\xFF\xFF\xFF\xFF\xFF\xFF")},
};

static void ordered_code__signed(void **state) {
  (void)state;
  for (size_t i = 0; i < N_OF(signed_numbers); i++) {
    buffer.size = 0;
    assert_ok(sm_ordered_put_signed(&buffer, signed_numbers[i].value, &err), err);
    assert_bytes("signed", buffer.data, buffer.size, signed_numbers[i].code, signed_numbers[i].size);
    assert_ok(sm_buffer_put(&buffer, "next", 4, &err), err);
    int64_t value = 99;
    sm_string src = {(const char *)buffer.data, buffer.size};
    assert_true(sm_ordered_take_signed(&value, &src));
    assert_number("taken", value, signed_numbers[i].value);
    assert_bytes("left", src.data, src.size, "next", 4);
    for (size_t size = 0; size < signed_numbers[i].size; size++) {
      sm_string cut = exactly(signed_numbers[i].code, size), was = cut;
      assert_false(sm_ordered_take_signed(&value, &cut));
      assert_ptr_equal(cut.data, was.data);
      free((void *)(uintptr_t)was.data);
    }
  }
}

/* What it is for: bytes compare as the numbers do. At every length, from both sides. */
static void ordered_code__keeps_the_order(void **state) {
  (void)state;
  char before[16];
  size_t before_size = 0;
  int64_t last = INT64_MIN;
  for (int sign = -1; sign <= 1; sign += 2)
    for (int step = 0; step < 63; step++)
      for (int64_t delta = -1; delta <= 1; delta++) {
        int bit = sign < 0 ? 62 - step : step;
        int64_t value = sign * ((int64_t)1 << bit) + delta, again;
        if (value <= last) continue;
        buffer.size = 0;
        assert_ok(sm_ordered_put_signed(&buffer, value, &err), err);
        sm_string code = {(const char *)buffer.data, buffer.size}, src = code;
        assert_true(before_size == 0 || sm_string_compare((sm_string){before, before_size}, code) < 0);
        assert_true(sm_ordered_take_signed(&again, &src));
        assert_number("again", again, value);
        memcpy(before, buffer.data, buffer.size);
        before_size = buffer.size;
        last = value;
      }
  assert_number("last", last, ((int64_t)1 << 62) + 1);
}

static void ordered_code__refuses_numbers(void **state) {
  (void)state;
  static const struct {
    const char *what, *code;
    size_t size;
    bool is_signed;
  } rows[] = {
      {"nothing", BYTES(""), false},
      {"nine bytes", BYTES("\x09\x01\x00\x00\x00\x00\x00\x00\x00\x00"), false},
      {"a superfluous byte", BYTES("\x02\x00\x01"), false},
      {"nothing", BYTES(""), true},
      {"a superfluous byte, 0", BYTES("\xC0\x00"), true},
      {"a superfluous byte, 63", BYTES("\xC0\x3F"), true},
      {"a superfluous byte, -1", BYTES("\x3F\xFF"), true},
      {"a superfluous byte of ten", BYTES("\xFF\xC0\x3F\xFF\xFF\xFF\xFF\xFF\xFF\xFF"), true},
      {"eleven bytes", BYTES("\xFF\xE0\x00\x00\x00\x00\x00\x00\x00\x00\x00"), true},
      {"2^63", BYTES("\xFF\xC0\x80\x00\x00\x00\x00\x00\x00\x00"), true},
      {"2^64", BYTES("\xFF\xC1\x00\x00\x00\x00\x00\x00\x00\x00"), true},
      {"2^64 + 2^62", BYTES("\xFF\xC1\x40\x00\x00\x00\x00\x00\x00\x00"), true},
      {"-2^63 - 1", BYTES("\x00\x3F\x7F\xFF\xFF\xFF\xFF\xFF\xFF\xFF"), true},
      {"ones only", BYTES("\xFF\xFF\xFF\xFF\xFF\xFF\xFF\xFF\xFF\xFF\xFF\xFF"), true},
      {"zeroes only", BYTES("\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00"), true},
  };
  for (size_t i = 0; i < N_OF(rows); i++) {
    uint64_t number = 99;
    int64_t value = 99;
    sm_string src = exactly(rows[i].code, rows[i].size), was = src;
    bool taken = rows[i].is_signed ? sm_ordered_take_signed(&value, &src) : sm_ordered_take_number(&number, &src);
    assert_number(rows[i].what, taken, false);
    assert_number(rows[i].what, src.size, was.size);
    assert_int_equal(value, 99);
    assert_int_equal(number, 99);
    free((void *)(uintptr_t)was.data);
  }
}

/* ---- Strings ---- */

static void ordered_code__strings(void **state) {
  (void)state;
  static const struct {
    const char *value;
    size_t value_size;
    const char *code;
    size_t size;
  } rows[] = {
      {BYTES(""), BYTES("\x00\x01")},
      {BYTES("p"), BYTES("p\x00\x01")},
      {BYTES("\x00"), BYTES("\x00\xFF\x00\x01")},
      {BYTES("\xFF"), BYTES("\xFF\x00\x00\x01")},
      {BYTES("a\x00\xFF\x01z"), BYTES("a\x00\xFF\xFF\x00\x01z\x00\x01")},
      {BYTES("\xC3\xA4"), BYTES("\xC3\xA4\x00\x01")},
  };
  for (size_t i = 0; i < N_OF(rows); i++) {
    buffer.size = 0;
    assert_ok(sm_ordered_put_string(&buffer, (sm_string){rows[i].value, rows[i].value_size}, &err), err);
    assert_bytes("string", buffer.data, buffer.size, rows[i].code, rows[i].size);
    sm_string src = exactly(rows[i].code, rows[i].size), was = src;
    buffer.size = 0;
    assert_ok(sm_ordered_take_string(&buffer, &src, &err), err);
    assert_bytes("taken", buffer.data, buffer.size, rows[i].value, rows[i].value_size);
    assert_number("left", src.size, 0);
    free((void *)(uintptr_t)was.data);
    for (size_t size = 0; size < rows[i].size; size++) {
      sm_string cut = exactly(rows[i].code, size);
      was = cut;
      buffer.size = 0;
      assert_status(sm_ordered_take_string(&buffer, &cut, &err), SM_DATA_LOSS, err);
      assert_number("left", cut.size, was.size);
      free((void *)(uintptr_t)was.data);
    }
  }
}

static void ordered_code__refuses_strings(void **state) {
  (void)state;
  static const char *const codes[] = {"a\x00\x02\x00\x01", "a\x00\x00\x00\x01", "a\xFF\x01\x00\x01",
                                      "a\xFF\xFF\x00\x01"};
  for (size_t i = 0; i < N_OF(codes); i++) {
    sm_string src = {codes[i], 5};
    buffer.size = 0;
    assert_status(sm_ordered_take_string(&buffer, &src, &err), SM_DATA_LOSS, err);
    assert_mentions(err.message, "is followed by");
    assert_number("left", src.size, 5);
  }
}

/* The key of a slice: rows 2 and 3 of p, which has 4 rows and 6 columns. */
static void ordered_code__slice_key(void **state) {
  (void)state;
  assert_ok(sm_ordered_put_number(&buffer, 0, &err), err);
  assert_ok(sm_ordered_put_string(&buffer, sm_string_of("p"), &err), err);
  assert_ok(sm_ordered_put_number(&buffer, 2, &err), err);
  static const int64_t extents[] = {2, 2, 0, -1};
  for (size_t i = 0; i < N_OF(extents); i++) assert_ok(sm_ordered_put_signed(&buffer, extents[i], &err), err);
  assert_bytes("key", buffer.data, buffer.size, "\x00p\x00\x01\x01\x02\x82\x82\x80\x7F", 10);
}

static void ordered_code__out_of_memory(void **state) {
  (void)state;
  sm_fault_alloc fa;
  sm_buffer b;
  sm_string src = {BYTES("p\x00\x01")};
  sm_fault_alloc_init(&fa, 0);
  fa.fail_all_after = true;
  sm_buffer_init(&b, &fa.base, UINT64_MAX);
  assert_status(sm_ordered_put_number(&b, 1, &err), SM_RESOURCE_EXHAUSTED, err);
  assert_status(sm_ordered_put_signed(&b, 1, &err), SM_RESOURCE_EXHAUSTED, err);
  assert_status(sm_ordered_put_string(&b, src, &err), SM_RESOURCE_EXHAUSTED, err);
  assert_status(sm_ordered_take_string(&b, &src, &err), SM_RESOURCE_EXHAUSTED, err);
  assert_number("left", src.size, 3);
  sm_buffer_free(&b);
  sm_fault_alloc_destroy(&fa);
}

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test_setup_teardown(ordered_code__numbers, begin, end),
      cmocka_unit_test_setup_teardown(ordered_code__signed, begin, end),
      cmocka_unit_test_setup_teardown(ordered_code__keeps_the_order, begin, end),
      cmocka_unit_test_setup_teardown(ordered_code__refuses_numbers, begin, end),
      cmocka_unit_test_setup_teardown(ordered_code__strings, begin, end),
      cmocka_unit_test_setup_teardown(ordered_code__refuses_strings, begin, end),
      cmocka_unit_test_setup_teardown(ordered_code__slice_key, begin, end),
      cmocka_unit_test(ordered_code__out_of_memory),
  };
  return cmocka_run_group_tests_name("ordered_code", tests, NULL, NULL);
}
