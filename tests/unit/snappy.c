/* Expected values are worked out by hand from google/snappy's format_description.txt. Blocks that snappy itself made:
 * interop/tables. */
#include "codec/snappy.h"

#include "support/check.h"
#include "support/wire_writer.h"

static sm_error err;

/* In memory of exactly the sizes, so that a sanitizer sees a byte too far. */
static sm_status decompress(uint8_t **dst, size_t *dst_size, const void *src, size_t src_size) {
  uint8_t *exact = malloc(src_size != 0 ? src_size : 1);
  if (src_size != 0) memcpy(exact, src, src_size);
  *dst = NULL;
  sm_status status = sm_snappy_size(dst_size, exact, src_size, &err);
  if (status == SM_OK) {
    *dst = malloc(*dst_size != 0 ? *dst_size : 1);
    status = sm_snappy_decompress(*dst, *dst_size, exact, src_size, &err);
  }
  free(exact);
  return status;
}

#define BYTES(text) text, sizeof text - 1

static void snappy__elements(void **state) {
  (void)state;
  static const struct {
    const char *what, *src;
    size_t src_size;
    const char *dst;
    size_t dst_size;
  } rows[] = {
      {"nothing", BYTES("\x00"), BYTES("")},
      {"a size longer than needed", BYTES("\x81\x80\x00\x00x"), BYTES("x")},
      {"a literal",
       BYTES("\x03\x08"
             "abc"),
       BYTES("abc")},
      {"two of them",
       BYTES("\x03\x00"
             "a\x04"
             "bc"),
       BYTES("abc")},
      {"its length in 1 byte",
       BYTES("\x03\xF0\x02"
             "abc"),
       BYTES("abc")},
      {"in 2 bytes",
       BYTES("\x03\xF4\x02\x00"
             "abc"),
       BYTES("abc")},
      {"in 3 bytes",
       BYTES("\x03\xF8\x02\x00\x00"
             "abc"),
       BYTES("abc")},
      {"in 4 bytes",
       BYTES("\x03\xFC\x02\x00\x00\x00"
             "abc"),
       BYTES("abc")},
      {"4 bytes again, from 4 back",
       BYTES("\x08\x0C"
             "abcd\x01\x04"),
       BYTES("abcdabcd")},
      {"11 bytes again, overlapping by 1",
       BYTES("\x0C\x00"
             "a\x1D\x01"),
       BYTES("aaaaaaaaaaaa")},
      {"2-byte offset, 1 byte",
       BYTES("\x04\x08"
             "abc\x02\x02\x00"),
       BYTES("abcb")},
      {"2-byte offset, overlapping by 3",
       BYTES("\x0A\x08"
             "abc\x1A\x03\x00"),
       BYTES("abcabcabca")},
      {"4-byte offset",
       BYTES("\x05\x08"
             "abc\x07\x03\x00\x00\x00"),
       BYTES("abcab")},
      {"repeating what was repeated",
       BYTES("\x0A\x04"
             "ab\x01\x02\x01\x02"),
       BYTES("ababababab")},
  };
  for (size_t i = 0; i < N_OF(rows); i++) {
    uint8_t *dst;
    size_t size;
    assert_ok(decompress(&dst, &size, rows[i].src, rows[i].src_size), err);
    assert_bytes(rows[i].what, dst, size, rows[i].dst, rows[i].dst_size);
    free(dst);
  }
}

/* An offset of 11 bits, of which three are in the tag; one of 16 and one of 32; a literal as long as three bytes say. */
static void snappy__far_back(void **state) {
  (void)state;
  static const struct {
    size_t literal, offset;
    const char *element;
    size_t element_size, length;
  } rows[] = {
      {2047, 2047, BYTES("\xE1\xFF"), 4},
      {0x123, 0x123, BYTES("\x3D\x23"), 11},
      {0x8001, 0x8000, BYTES("\xFE\x00\x80"), 64},
      {0x20000, 0x1FFFE, BYTES("\xFF\xFE\xFF\x01\x00"), 64},
  };
  for (size_t i = 0; i < N_OF(rows); i++) {
    w_buffer src = {0}, plain = {0};
    for (size_t n = 0; n < rows[i].literal; n++) w_raw(&plain, &(uint8_t){(uint8_t)(n * 7 + n / 251)}, 1);
    w_raw_varint(&src, rows[i].literal + rows[i].length);
    size_t n = rows[i].literal - 1;
    w_raw(&src, (const uint8_t[]){0xF8, (uint8_t)n, (uint8_t)(n >> 8), (uint8_t)(n >> 16)}, 4);
    w_raw(&src, plain.data, plain.size);
    w_raw(&src, rows[i].element, rows[i].element_size);
    for (n = 0; n < rows[i].length; n++) w_raw(&plain, &(uint8_t){plain.data[plain.size - rows[i].offset]}, 1);
    uint8_t *dst;
    size_t size;
    assert_ok(decompress(&dst, &size, src.data, src.size), err);
    assert_bytes(rows[i].element, dst, size, plain.data, plain.size);
    free(dst);
    w_free(&src);
    w_free(&plain);
  }
}

/* features.md 3a S3. */
static void snappy__damage(void **state) {
  (void)state;
  static const struct {
    const char *what, *src;
    size_t src_size;
    const char *message;
  } rows[] = {
      {"nothing at all", BYTES(""), "does not begin with a size"},
      {"a size that does not end", BYTES("\xFF\xFF"), "does not begin with a size"},
      {"one of six bytes", BYTES("\x81\x80\x80\x80\x80\x00\x00x"), "does not begin with a size"},
      {"one of 33 bits", BYTES("\x80\x80\x80\x80\x10\x00x"), "does not begin with a size"},
      {"4 GiB in 5 bytes", BYTES("\xFF\xFF\xFF\xFF\x0F"), "announces 4294967295 bytes"},
      {"64 bytes in 2", BYTES("\x40\xFE\x01"), "announces 64 bytes, which 2 bytes cannot make"},
      {"more than announced, literal",
       BYTES("\x02\x08"
             "abc"),
       "makes more than was announced"},
      {"more than announced, repeated",
       BYTES("\x04\x0C"
             "abcd\x01\x04"),
       "makes more than was announced"},
      {"anything after all",
       BYTES("\x03\x08"
             "abc\x00"
             "d"),
       "makes more than was announced"},
      {"less than announced",
       BYTES("\x04\x08"
             "abc"),
       "ends 1 bytes before"},
      {"a literal past the end",
       BYTES("\x03\x08"
             "ab"),
       "literal is cut off"},
      {"a literal of 4 GiB",
       BYTES("\x06\xFC\xFF\xFF\xFF\xFF"
             "ab"),
       "makes more than was announced"},
      {"its length cut off", BYTES("\x03\xF4\x02"), "it is cut off"},
      {"offset 0",
       BYTES("\x08\x0C"
             "abcd\x01\x00"),
       "repeats what was not there"},
      {"offset 0 of 2 bytes",
       BYTES("\x08\x0C"
             "abcd\x0E\x00\x00"),
       "repeats what was not there"},
      {"one too far back",
       BYTES("\x08\x0C"
             "abcd\x01\x05"),
       "repeats what was not there"},
      {"4 GiB back",
       BYTES("\x08\x0C"
             "abcd\x0F\xFF\xFF\xFF\xFF"),
       "repeats what was not there"},
      {"before anything", BYTES("\x04\x01\x01"), "repeats what was not there"},
      {"offset of 1 byte cut off",
       BYTES("\x08\x0C"
             "abcd\x01"),
       "it is cut off"},
      {"offset of 2 bytes cut off",
       BYTES("\x08\x0C"
             "abcd\x0E\x04"),
       "it is cut off"},
      {"offset of 4 bytes cut off",
       BYTES("\x08\x0C"
             "abcd\x0F\x04\x00\x00"),
       "it is cut off"},
  };
  for (size_t i = 0; i < N_OF(rows); i++) {
    uint8_t *dst;
    size_t size;
    assert_number(rows[i].what, decompress(&dst, &size, rows[i].src, rows[i].src_size), SM_DATA_LOSS);
    assert_mentions(err.message, rows[i].message);
    free(dst);
  }
}

/* The densest block there can be is within what is believed. */
static void snappy__densest(void **state) {
  (void)state;
  w_buffer src = {0};
  w_raw_varint(&src, 1 + 64 * 1000);
  w_raw(&src, "\x00x", 2);
  for (int i = 0; i < 1000; i++) w_raw(&src, "\xFE\x01\x00", 3);
  uint8_t *dst;
  size_t size;
  assert_ok(decompress(&dst, &size, src.data, src.size), err);
  assert_number("size", size, 64001);
  for (size_t i = 0; i < size; i++) assert_int_equal(dst[i], 'x');
  free(dst);
  w_free(&src);
}

static void snappy__another_size(void **state) {
  (void)state;
  uint8_t dst[4];
  assert_status(sm_snappy_decompress(dst, 4,
                                     BYTES("\x03\x08"
                                           "abc"),
                                     &err),
                SM_DATA_LOSS, err);
  assert_status(sm_snappy_decompress(dst, 2,
                                     BYTES("\x03\x08"
                                           "abc"),
                                     &err),
                SM_DATA_LOSS, err);
  assert_status(sm_snappy_decompress(dst, 3,
                                     BYTES("\x04\x08"
                                           "abc"),
                                     &err),
                SM_DATA_LOSS, err);
}

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(snappy__elements), cmocka_unit_test(snappy__far_back),     cmocka_unit_test(snappy__damage),
      cmocka_unit_test(snappy__densest),  cmocka_unit_test(snappy__another_size),
  };
  return cmocka_run_group_tests_name("snappy", tests, NULL, NULL);
}
