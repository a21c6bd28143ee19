#include "base/utf8.h"

#include <stdint.h>
#include <string.h>

/* Length by the first byte, and the range of the second (The Unicode Standard 15.0, table 3-7). */
static size_t size_by_lead(unsigned char lead, unsigned char *low, unsigned char *high) {
  *low = 0x80;
  *high = 0xBF;
  if (lead >= 0xC2 && lead <= 0xDF) return 2;
  if (lead >= 0xE0 && lead <= 0xEF) {
    if (lead == 0xE0) *low = 0xA0;  /* no overlong forms */
    if (lead == 0xED) *high = 0x9F; /* no surrogates */
    return 3;
  }
  if (lead >= 0xF0 && lead <= 0xF4) {
    if (lead == 0xF0) *low = 0x90;
    if (lead == 0xF4) *high = 0x8F; /* nothing above U+10FFFF */
    return 4;
  }
  return 0;
}

size_t sm_utf8_char_size(const unsigned char *p, const unsigned char *end) {
  if (*p < 0x80) return 1;
  unsigned char low, high;
  size_t n = size_by_lead(*p, &low, &high);
  if (n == 0 || (size_t)(end - p) < n || p[1] < low || p[1] > high) return 0;
  for (size_t i = 2; i < n; i++)
    if ((p[i] & 0xC0) != 0x80) return 0;
  return n;
}

bool sm_utf8_is_valid(const void *data, size_t size) {
  if (size == 0) return true; /* data may be NULL then */
  const unsigned char *p = data, *end = p + size;
  while (p != end) {
    uint64_t eight;
    if (end - p >= 8 && (memcpy(&eight, p, 8), (eight & 0x8080808080808080u) == 0)) {
      p += 8;
      continue;
    }
    size_t n = sm_utf8_char_size(p, end);
    if (n == 0) return false;
    p += n;
  }
  return true;
}
