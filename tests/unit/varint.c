#include "support/check.h"

#include "codec/varint.h"

/* Encodings worked out by hand from the protobuf specification ("Base 128 Varints"). */
static const struct {
  const char *bytes;
  size_t size;
  uint64_t value;
  bool is_shortest;
} encodings[] = {
    {"\x00", 1, 0, true},
    {"\x01", 1, 1, true},
    {"\x7F", 1, 127, true},
    {"\x80\x01", 2, 128, true},
    {"\x96\x01", 2, 150, true}, /* the example of the specification */
    {"\xFF\x7F", 2, 16383, true},
    {"\x80\x80\x01", 3, 16384, true},
    {"\xFF\xFF\xFF\xFF\x0F", 5, UINT32_MAX, true},
    {"\x80\x80\x80\x80\x10", 5, (uint64_t)1 << 32, true},
    {"\xFF\xFF\xFF\xFF\xFF\xFF\xFF\xFF\x7F", 9, INT64_MAX, true},
    {"\x80\x80\x80\x80\x80\x80\x80\x80\x80\x01", 10, (uint64_t)1 << 63, true},
    {"\xFF\xFF\xFF\xFF\xFF\xFF\xFF\xFF\xFF\x01", 10, UINT64_MAX, true}, /* -1 */
    {"\xFE\xFF\xFF\xFF\xFF\xFF\xFF\xFF\xFF\x01", 10, UINT64_MAX - 1, true},
    {"\x80\x00", 2, 0, false}, /* longer than needed */
    {"\xFF\x80\x00", 3, 127, false},
    {"\x81\x80\x80\x80\x80\x80\x80\x80\x80\x00", 10, 1, false},
    {"\xFF\xFF\xFF\xFF\xFF\xFF\xFF\xFF\xFF\x7F", 10, UINT64_MAX, false}, /* bits above the 64th are dropped */
    {"\x80\x80\x80\x80\x80\x80\x80\x80\x80\x02", 10, 0, false},
};

static void varint__reads(void **state) {
  (void)state;
  for (size_t i = 0; i < N_OF(encodings); i++) {
    uint8_t bytes[12] = {0};
    memcpy(bytes, encodings[i].bytes, encodings[i].size);
    uint64_t value = 99;
    const uint8_t *next = sm_varint_read(bytes, bytes + sizeof bytes, &value);
    assert_ptr_equal(next, bytes + encodings[i].size);
    assert_number(encodings[i].bytes, value, encodings[i].value);
    next = sm_varint_read(bytes, bytes + encodings[i].size, &value); /* just enough */
    assert_ptr_equal(next, bytes + encodings[i].size);
  }
}

static void varint__writes_the_shortest_form(void **state) {
  (void)state;
  for (size_t i = 0; i < N_OF(encodings); i++) {
    uint8_t bytes[SM_VARINT_MAX_SIZE];
    if (!encodings[i].is_shortest) continue;
    size_t size = (size_t)(sm_varint_write(bytes, encodings[i].value) - bytes);
    assert_bytes(encodings[i].bytes, bytes, size, encodings[i].bytes, encodings[i].size);
  }
}

static void varint__refuses_what_does_not_end(void **state) {
  (void)state;
  uint64_t value = 99;
  uint8_t *bytes = malloc(SM_VARINT_MAX_SIZE + 1);
  memset(bytes, 0x80, SM_VARINT_MAX_SIZE + 1);
  for (size_t size = 0; size <= SM_VARINT_MAX_SIZE + 1; size++)
    assert_null(sm_varint_read(bytes, bytes + size, &value));
  bytes[SM_VARINT_MAX_SIZE] = 0x01; /* eleven bytes */
  assert_null(sm_varint_read(bytes, bytes + SM_VARINT_MAX_SIZE + 1, &value));
  free(bytes);
  for (size_t i = 0; i < N_OF(encodings); i++)
    for (size_t size = 0; size < encodings[i].size; size++) {
      uint8_t *cut = malloc(size + 1);
      memcpy(cut, encodings[i].bytes, size);
      assert_null(sm_varint_read(cut, cut + size, &value));
      free(cut);
    }
  assert_number("value", value, 99); /* untouched */
}

static void varint__round_trip(void **state) {
  (void)state;
  for (unsigned bit = 0; bit < 64; bit++) {
    for (uint64_t delta = 0; delta < 3; delta++) {
      uint64_t wanted = ((uint64_t)1 << bit) + delta - 1, value = ~wanted;
      uint8_t bytes[SM_VARINT_MAX_SIZE];
      uint8_t *end = sm_varint_write(bytes, wanted);
      assert_ptr_equal(sm_varint_read(bytes, end, &value), end);
      assert_number("value", value, wanted);
    }
  }
}

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(varint__reads),
      cmocka_unit_test(varint__writes_the_shortest_form),
      cmocka_unit_test(varint__refuses_what_does_not_end),
      cmocka_unit_test(varint__round_trip),
  };
  return cmocka_run_group_tests_name("varint", tests, NULL, NULL);
}
