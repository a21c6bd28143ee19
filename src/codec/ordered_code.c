#include "codec/ordered_code.h"

enum { NUMBER_MAX_SIZE = 8, SIGNED_MAX_SIZE = 10 };

enum { ESCAPED_00 = 0xFF, ESCAPED_FF = 0x00, END_OF_STRING = 0x01 }; /* what follows 00, FF, 00 */

static sm_string rest_of(sm_string bytes, size_t skipped) {
  return (sm_string){bytes.data + skipped, bytes.size - skipped};
}

/* Bytes up to the first 00 or FF. */
static size_t plain_size(sm_string bytes) {
  size_t n = 0;
  while (n < bytes.size && bytes.data[n] != '\x00' && bytes.data[n] != '\xFF') n++;
  return n;
}

/* ---- Strings ---- */

sm_status sm_ordered_put_string(sm_buffer *dst, sm_string value, sm_error *err) {
  static const uint8_t escaped_00[] = {0x00, ESCAPED_00}, escaped_ff[] = {0xFF, ESCAPED_FF}, end[] = {0, END_OF_STRING};
  for (;;) {
    size_t n = plain_size(value);
    SM_TRY(sm_buffer_put(dst, value.data, n, err));
    if (n == value.size) return sm_buffer_put(dst, end, sizeof end, err);
    SM_TRY(sm_buffer_put(dst, value.data[n] == '\x00' ? escaped_00 : escaped_ff, 2, err));
    value = rest_of(value, n + 1);
  }
}

sm_status sm_ordered_take_string(sm_buffer *dst, sm_string *src, sm_error *err) {
  for (sm_string left = *src;;) {
    size_t n = plain_size(left);
    SM_TRY(sm_buffer_put(dst, left.data, n, err));
    if (left.size - n < 2) return SM_FAIL(err, SM_DATA_LOSS, "ordered code: a string does not end");
    uint8_t first = (uint8_t)left.data[n], second = (uint8_t)left.data[n + 1];
    left = rest_of(left, n + 2);
    if (first == 0x00 && second == END_OF_STRING) {
      *src = left;
      return SM_OK;
    }
    if (second != (first == 0x00 ? ESCAPED_00 : ESCAPED_FF))
      return SM_FAIL(err, SM_DATA_LOSS, "ordered code: %02X is followed by %02X in a string", first, second);
    SM_TRY(sm_buffer_put(dst, &first, 1, err));
  }
}

/* ---- Numbers ---- */

sm_status sm_ordered_put_number(sm_buffer *dst, uint64_t value, sm_error *err) {
  uint8_t bytes[1 + NUMBER_MAX_SIZE];
  unsigned n = 0;
  while (n < NUMBER_MAX_SIZE && value >> (8 * n) != 0) n++;
  bytes[0] = (uint8_t)n;
  for (unsigned i = 0; i < n; i++) bytes[n - i] = (uint8_t)(value >> (8 * i));
  return sm_buffer_put(dst, bytes, 1 + n, err);
}

bool sm_ordered_take_number(uint64_t *value, sm_string *src) {
  const uint8_t *bytes = (const uint8_t *)src->data;
  if (src->size == 0 || bytes[0] > NUMBER_MAX_SIZE || src->size - 1 < bytes[0]) return false;
  unsigned n = bytes[0];
  if (n != 0 && bytes[1] == 0) return false; /* superfluous */
  *value = 0;
  for (unsigned i = 1; i <= n; i++) *value = *value << 8 | bytes[i];
  *src = rest_of(*src, 1 + n);
  return true;
}

/* ---- Signed numbers ---- */

/* Into SIGNED_MAX_SIZE bytes; returns how many were needed. */
static unsigned encode_signed(uint8_t *dst, int64_t value) {
  uint64_t bits = value < 0 ? ~(uint64_t)value : (uint64_t)value; /* negative: all is inverted in the end */
  unsigned n = 1;
  while (n < SIGNED_MAX_SIZE && bits >> (7 * n - 1) != 0) n++;
  for (unsigned i = 0; i < n; i++) {
    unsigned shift = 8 * (n - 1 - i);
    dst[i] = shift < 64 ? (uint8_t)(bits >> shift) : 0;
  }
  for (unsigned i = 0; i < n; i++) dst[i / 8] |= (uint8_t)(0x80 >> (i % 8));
  for (unsigned i = 0; value < 0 && i < n; i++) dst[i] = (uint8_t)~dst[i];
  return n;
}

sm_status sm_ordered_put_signed(sm_buffer *dst, int64_t value, sm_error *err) {
  uint8_t bytes[SIGNED_MAX_SIZE];
  return sm_buffer_put(dst, bytes, encode_signed(bytes, value), err);
}

/* How many bits in front are ones, or zeroes if the first one is; counts up to 11. */
static unsigned leading_bits(const uint8_t *bytes, size_t size) {
  unsigned n = 1, first = bytes[0] >> 7;
  while (n <= SIGNED_MAX_SIZE && n / 8 < size && (bytes[n / 8] >> (7 - n % 8) & 1u) == first) n++;
  return n;
}

bool sm_ordered_take_signed(int64_t *value, sm_string *src) {
  const uint8_t *bytes = (const uint8_t *)src->data;
  if (src->size == 0) return false;
  unsigned n = leading_bits(bytes, src->size);
  bool is_negative = bytes[0] < 0x80;
  if (n > SIGNED_MAX_SIZE || n > src->size) return false;
  uint64_t bits = 0;
  for (unsigned i = 0; i < n; i++) {
    uint8_t ones = i < n / 8 ? 0xFF : i == n / 8 ? (uint8_t) ~(0xFFu >> n % 8) : 0; /* the header in this byte */
    bits = bits << 8 | (uint8_t)((is_negative ? ~bytes[i] : bytes[i]) ^ ones);
  }
  if (bits >> 63 != 0) return false;
  int64_t decoded = is_negative ? -1 - (int64_t)bits : (int64_t)bits;
  uint8_t again[SIGNED_MAX_SIZE];
  if (encode_signed(again, decoded) != n || memcmp(again, bytes, n) != 0) return false; /* superfluous bytes */
  *value = decoded;
  *src = rest_of(*src, n);
  return true;
}
