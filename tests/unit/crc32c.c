#include "support/check.h"

#include "codec/crc32c.h"

/* RFC 3720 (iSCSI), appendix B.4; the check value of the Rocksoft model; design/formats.md 1.1 for the others. */
static void crc32c__known_values(void **state) {
  (void)state;
  uint8_t zeroes[32] = {0}, ones[32], up[32], down[32];
  memset(ones, 0xFF, sizeof ones);
  for (uint8_t i = 0; i < 32; i++) up[i] = i, down[i] = (uint8_t)(31 - i);
  const struct {
    const char *what;
    const void *data;
    size_t size;
    uint32_t crc;
  } rows[] = {
      {"nothing", "", 0, 0},
      {"32 zeroes", zeroes, 32, 0x8A9136AA},
      {"32 times FF", ones, 32, 0x62A8AB43},
      {"ascending", up, 32, 0x46DD794E},
      {"descending", down, 32, 0x113FDB5C},
      {"123456789", "123456789", 9, 0xE3069283},
      {"the float 1", "\x00\x00\x80\x3F", 4, 0xDD54C4AB},
  };
  for (size_t i = 0; i < N_OF(rows); i++)
    assert_number(rows[i].what, sm_crc32c_extend(0, rows[i].data, rows[i].size), rows[i].crc);
}

static void crc32c__mask(void **state) {
  (void)state;
  static const struct { uint32_t crc, masked; } rows[] = {{0, 0xA282EAD8}, {0xDD54C4AB, 0x2BDAA581}};
  for (size_t i = 0; i < N_OF(rows); i++) {
    assert_number("mask", sm_crc32c_mask(rows[i].crc), rows[i].masked);
    assert_number("unmask", sm_crc32c_unmask(rows[i].masked), rows[i].crc);
  }
  for (uint32_t crc = 1; crc != 0; crc <<= 1)
    assert_number("there and back", sm_crc32c_unmask(sm_crc32c_mask(crc)), crc);
}

/* One bit at a time, from the polynomial. */
static uint32_t slow_crc(const uint8_t *data, size_t size) {
  uint32_t crc = UINT32_MAX;
  for (size_t i = 0; i < size; i++) {
    crc ^= data[i];
    for (int bit = 0; bit < 8; bit++) crc = crc & 1 ? (crc >> 1) ^ 0x82F63B78u : crc >> 1;
  }
  return ~crc;
}

static void crc32c__in_any_pieces(void **state) {
  (void)state;
  uint8_t data[300];
  for (size_t i = 0; i < sizeof data; i++) data[i] = (uint8_t)(i * i * 31 + i / 3);
  for (size_t size = 0; size <= sizeof data; size += 7)
    for (size_t split = 0; split <= size; split++)
      assert_number("in two pieces", sm_crc32c_extend(sm_crc32c_extend(0, data, split), data + split, size - split),
                    slow_crc(data, size));
  for (size_t start = 0; start < 64; start++) /* whatever the alignment */
    assert_number("from an odd place", sm_crc32c_extend(0, data + start, sizeof data - start),
                  slow_crc(data + start, sizeof data - start));
}

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(crc32c__known_values),
      cmocka_unit_test(crc32c__mask),
      cmocka_unit_test(crc32c__in_any_pieces),
  };
  return cmocka_run_group_tests_name("crc32c", tests, NULL, NULL);
}
