#include "support/check.h"

#include "base/utf8.h"

/* Independent of src/base/utf8.c: decodes by the definition (RFC 3629, section 3), then looks at the code point. */
static size_t decoded_size(const unsigned char *p, size_t left) {
  size_t n;
  uint32_t point;
  if (p[0] < 0x80) return 1;
  if ((p[0] & 0xE0) == 0xC0)
    n = 2, point = p[0] & 0x1Fu;
  else if ((p[0] & 0xF0) == 0xE0)
    n = 3, point = p[0] & 0x0Fu;
  else if ((p[0] & 0xF8) == 0xF0)
    n = 4, point = p[0] & 0x07u;
  else
    return 0;
  if (left < n) return 0;
  for (size_t i = 1; i < n; i++) {
    if (p[i] / 64 != 2) return 0;
    point = point * 64 + p[i] % 64;
  }
  size_t shortest = point < 0x80 ? 1 : point < 0x800 ? 2 : point < 0x10000 ? 3 : 4;
  bool is_surrogate = point >= 0xD800 && point <= 0xDFFF;
  return n == shortest && !is_surrogate && point <= 0x10FFFF ? n : 0;
}

static bool decoder_accepts(const unsigned char *p, size_t size) {
  for (size_t at = 0, n; at < size; at += n)
    if ((n = decoded_size(p + at, size - at)) == 0) return false;
  return true;
}

/* Every sequence of up to three bytes, and of four with a boundary byte in front. */
static void utf8__agrees_with_the_definition(void **state) {
  (void)state;
  unsigned char text[4];
  uint64_t n_wrong = 0;
  for (uint32_t value = 0; value < 1u << 24; value++) {
    for (size_t i = 0; i < 3; i++) text[i] = (unsigned char)(value >> (16 - 8 * i));
    size_t from = (value & 0xFFFF) == 0 ? 1 : (value & 0xFF) == 0 ? 2 : 3; /* shorter ones come once */
    for (size_t n = from; n <= 3; n++) n_wrong += sm_utf8_is_valid(text, n) != decoder_accepts(text, n);
    n_wrong += sm_utf8_char_size(text, text + 3) != decoded_size(text, 3);
  }
  assert_number("sequences of up to three bytes judged differently", n_wrong, 0);
  static const unsigned char leads[] = {0xEF, 0xF0, 0xF1, 0xF3, 0xF4, 0xF5, 0xF7, 0xF8, 0xFF};
  for (size_t l = 0; l < N_OF(leads); l++) {
    text[0] = leads[l];
    for (uint32_t second = 0; second < 256; second++)
      for (uint32_t third = 0x7E; third < 0xC2; third++)
        for (uint32_t fourth = 0x7E; fourth < 0xC2; fourth++) {
          text[1] = (unsigned char)second, text[2] = (unsigned char)third, text[3] = (unsigned char)fourth;
          n_wrong += sm_utf8_is_valid(text, 4) != decoder_accepts(text, 4);
        }
  }
  assert_number("sequences of four bytes judged differently", n_wrong, 0);
}

/* The corners, spelled out: The Unicode Standard, table 3-7. */
static void utf8__boundaries(void **state) {
  (void)state;
  static const struct {
    const char *what, *text;
    bool valid;
  } rows[] = {
      {"U+0080, the first of two bytes", "\xC2\x80", true},
      {"U+07FF, the last of two bytes", "\xDF\xBF", true},
      {"U+0000 in two bytes", "\xC0\x80", false},
      {"U+007F in two bytes", "\xC1\xBF", false},
      {"U+0800, the first of three bytes", "\xE0\xA0\x80", true},
      {"U+07FF in three bytes", "\xE0\x9F\xBF", false},
      {"U+D7FF, before the surrogates", "\xED\x9F\xBF", true},
      {"U+D800, the first surrogate", "\xED\xA0\x80", false},
      {"U+DFFF, the last surrogate", "\xED\xBF\xBF", false},
      {"U+E000, after the surrogates", "\xEE\x80\x80", true},
      {"U+FFFF, the last of three bytes", "\xEF\xBF\xBF", true},
      {"U+10000, the first of four bytes", "\xF0\x90\x80\x80", true},
      {"U+FFFF in four bytes", "\xF0\x8F\xBF\xBF", false},
      {"U+10FFFF, the last of all", "\xF4\x8F\xBF\xBF", true},
      {"U+110000, one too many", "\xF4\x90\x80\x80", false},
      {"lead F5", "\xF5\x80\x80\x80", false},
      {"lead F8 of five bytes", "\xF8\x88\x80\x80\x80", false},
      {"lead FE", "\xFE", false},
      {"a continuation alone", "\x80", false},
      {"one byte of two", "\xC3", false},
      {"two bytes of three", "\xE2\x82", false},
      {"three bytes of four", "\xF0\x9F\x98", false},
      {"a lead in place of a continuation", "\xE2\x82\xC3", false},
  };
  for (size_t i = 0; i < N_OF(rows); i++)
    assert_number(rows[i].what, sm_utf8_is_valid(rows[i].text, strlen(rows[i].text)), rows[i].valid);
  assert_true(sm_utf8_is_valid("", 0));
  assert_true(sm_utf8_is_valid("a\0b", 3)); /* a NUL is a character */
}

/* Eight bytes are looked at together when they are ASCII: a fault at each place of longer texts is still found, and
 * nothing behind the end is looked at. */
static void utf8__faults_at_every_place(void **state) {
  (void)state;
  for (size_t size = 1; size <= 40; size++) {
    unsigned char *text = malloc(size); /* exactly as long: the address sanitizer guards its end */
    for (size_t at = 0; at < size; at++) {
      memset(text, 'a', size);
      assert_true(sm_utf8_is_valid(text, size));
      text[at] = 0xC3;
      assert_number("a lead without continuation", sm_utf8_is_valid(text, size), false);
      if (at + 1 < size) text[at + 1] = 0xBC;
      assert_number("whole where there is room", sm_utf8_is_valid(text, size), at + 1 < size);
    }
    free(text);
  }
}

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(utf8__agrees_with_the_definition),
      cmocka_unit_test(utf8__boundaries),
      cmocka_unit_test(utf8__faults_at_every_place),
  };
  return cmocka_run_group_tests_name("utf8", tests, NULL, NULL);
}
