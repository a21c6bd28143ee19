#include "support/crc32c_check.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "codec/crc32c.h"

#define LEN(array) (sizeof(array) / sizeof((array)[0]))

/* Around all sizes at which a form changes what it does. */
static const size_t sizes[] = {0,    1,    7,    8,    9,    63,   64,   65,    255,   256,  257,  383,
                               384,  385,  1023, 1024, 1025, 1055, 1056, 1087,  1279,  1280, 1281, 4031,
                               4032, 4033, 4096, 4415, 4416, 4417, 8064, 12095, 12096, 12097};
enum { LARGEST_OF_SIZES = 12097, LARGE = 3000017, GUARD = 64 };

uint32_t crc32c_slow(uint32_t reg, const void *data, size_t size) {
  const uint8_t *p = data;
  for (size_t i = 0; i < size; i++) {
    reg ^= p[i];
    for (int bit = 0; bit < 8; bit++) reg = reg & 1 ? (reg >> 1) ^ 0x82F63B78u : reg >> 1;
  }
  return reg;
}

static uint64_t random_number(uint64_t *seed) { /* xorshift64 */
  *seed ^= *seed << 13;
  *seed ^= *seed >> 7;
  return *seed ^= *seed << 17;
}

static uint8_t *random_bytes(size_t size, uint64_t seed) {
  uint8_t *bytes = malloc(size);
  if (bytes == NULL) abort();
  for (size_t i = 0; i < size; i++) bytes[i] = (uint8_t)random_number(&seed);
  return bytes;
}

/* 1, and a line about it when it is one of the first few; 0 when both are equal. */
static int differs(const char *what, size_t size, size_t where, uint32_t actual, uint32_t expected) {
  static int n_printed;
  if (actual == expected) return 0;
  if (n_printed++ < 20)
    printf("%s, %zu bytes, at %zu: %08x, expected %08x\n", what, size, where, (unsigned)actual, (unsigned)expected);
  return 1;
}

/* RFC 3720 (iSCSI), appendix B.4; the check value of the Rocksoft model; the float 1 as TensorFlow stores it. */
static int check_published(const sm_crc32c_form *form) {
  static const uint8_t read_command[48] = {0x01, 0xC0, 0x00, 0x00, 0x00, 0x00, 0x00, 0x00, 0x00, 0x00, 0x00, 0x00,
                                           0x00, 0x00, 0x00, 0x00, 0x14, 0x00, 0x00, 0x00, 0x00, 0x00, 0x04, 0x00,
                                           0x00, 0x00, 0x00, 0x14, 0x00, 0x00, 0x00, 0x18, 0x28, 0x00, 0x00, 0x00,
                                           0x00, 0x00, 0x00, 0x00, 0x02, 0x00, 0x00, 0x00, 0x00, 0x00, 0x00, 0x00};
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
      {"SCSI read command", read_command, 48, 0xD9963A56},
      {"123456789", "123456789", 9, 0xE3069283},
      {"the float 1", "\x00\x00\x80\x3F", 4, 0xDD54C4AB},
  };
  int n_failed = 0;
  for (size_t i = 0; i < LEN(rows); i++)
    n_failed += differs(rows[i].what, rows[i].size, 0, form->extend(0, rows[i].data, rows[i].size), rows[i].crc);
  return n_failed;
}

static int check_every_size(const sm_crc32c_form *form) {
  enum { LARGEST = 2100 };
  uint8_t *bytes = random_bytes(LARGEST, 1);
  uint32_t reg = UINT32_MAX;
  int n_failed = 0;
  for (size_t size = 0; size <= LARGEST; size++) {
    n_failed += differs("every size", size, 0, form->extend(0, bytes, size), ~reg);
    if (size < LARGEST) reg = crc32c_slow(reg, bytes + size, 1);
  }
  free(bytes);
  return n_failed;
}

static int check_alignments(const sm_crc32c_form *form) {
  uint8_t *bytes = random_bytes(LARGEST_OF_SIZES + 64, 2);
  int n_failed = 0;
  for (size_t start = 0; start < 64; start++) {
    uint32_t reg = UINT32_MAX;
    for (size_t i = 0, done = 0; i < LEN(sizes); done = sizes[i++]) {
      reg = crc32c_slow(reg, bytes + start + done, sizes[i] - done);
      n_failed += differs("alignment", sizes[i], start, form->extend(0, bytes + start, sizes[i]), ~reg);
    }
  }
  free(bytes);
  return n_failed;
}

static int check_pieces(const sm_crc32c_form *form) {
  enum { SIZE = 50000, LARGEST_PIECE = 6000 };
  uint8_t *bytes = random_bytes(SIZE, 3);
  uint64_t seed = 4;
  int n_failed = 0;
  uint32_t wanted = ~crc32c_slow(UINT32_MAX, bytes, SIZE);
  for (int round = 0; round < 200; round++) {
    uint32_t crc = 0;
    size_t n_pieces = 0;
    for (size_t at = 0, n; at < SIZE; at += n, n_pieces++) {
      n = (size_t)(random_number(&seed) % (random_number(&seed) % LARGEST_PIECE + 1));
      if (n > SIZE - at) n = SIZE - at;
      crc = form->extend(crc, bytes + at, n);
    }
    n_failed += differs("pieces", SIZE, n_pieces, crc, wanted);
  }
  free(bytes);
  return n_failed;
}

static int check_large(const sm_crc32c_form *form) {
  static const size_t large[] = {65535, 65536, 65537, 786431, 786432, 786433, LARGE};
  uint8_t *bytes = random_bytes(LARGE, 5), *copy = malloc(LARGE);
  if (copy == NULL) abort();
  uint32_t reg = UINT32_MAX;
  int n_failed = 0;
  for (size_t i = 0, done = 0; i < LEN(large); done = large[i++]) {
    reg = crc32c_slow(reg, bytes + done, large[i] - done);
    memset(copy, 0, LARGE);
    n_failed += differs("large", large[i], 0, form->extend(0, bytes, large[i]), ~reg);
    n_failed += differs("large copy", large[i], 0, sm_crc32c_copy_with(form, 0, copy, bytes, large[i]), ~reg);
    n_failed += differs("large copied bytes", large[i], 0, memcmp(copy, bytes, large[i]) != 0, 0);
  }
  free(copy);
  free(bytes);
  return n_failed;
}

/* Copies to and from any alignment, continuing some other crc; all bytes arrive, none beside them changes. */
static int check_copy(const sm_crc32c_form *form) {
  enum { ROOM = LARGEST_OF_SIZES + 64 + 2 * GUARD };
  uint8_t *bytes = random_bytes(LARGEST_OF_SIZES + 64, 6), *dst = malloc(ROOM), *wanted = malloc(ROOM);
  if (dst == NULL || wanted == NULL) abort();
  int n_failed = 0;
  for (size_t i = 0; i < LEN(sizes); i++) {
    for (size_t start = 0; start < 64; start += 3) {
      size_t to = GUARD + (start * 7) % 64;
      memset(dst, 0xA5, ROOM);
      memset(wanted, 0xA5, ROOM);
      memcpy(wanted + to, bytes + start, sizes[i]);
      uint32_t crc = sm_crc32c_copy_with(form, 0x12345678, dst + to, bytes + start, sizes[i]);
      n_failed += differs("copy", sizes[i], start, crc, ~crc32c_slow(~0x12345678u, bytes + start, sizes[i]));
      n_failed += differs("copied bytes", sizes[i], start, memcmp(dst, wanted, ROOM) != 0, 0);
    }
  }
  free(wanted);
  free(dst);
  free(bytes);
  return n_failed;
}

const crc32c_check crc32c_checks[N_CRC32C_CHECKS] = {
    {"published values", check_published},
    {"every size", check_every_size},
    {"alignments", check_alignments},
    {"pieces", check_pieces},
    {"large", check_large},
    {"copy", check_copy},
};

/* By halves of random bytes; then zeroes in numbers that no machine holds, by joining them with themselves: n of them
 * and n of them are 2 n of them, and n behind 2 n are 2 n behind n. */
int check_crc32c_combine(void) {
  uint8_t *bytes = random_bytes(LARGEST_OF_SIZES, 7);
  uint32_t reg = UINT32_MAX, zero = ~crc32c_slow(UINT32_MAX, "", 1);
  int n_failed = 0;
  for (size_t i = 0, done = 0; i < LEN(sizes); done = sizes[i++]) {
    reg = crc32c_slow(reg, bytes + done, sizes[i] - done);
    uint32_t second = ~crc32c_slow(UINT32_MAX, bytes + sizes[i], LARGEST_OF_SIZES - sizes[i]);
    uint32_t joined = sm_crc32c_combine(~reg, second, LARGEST_OF_SIZES - sizes[i]);
    n_failed += differs("combine", sizes[i], 0, joined, ~crc32c_slow(UINT32_MAX, bytes, LARGEST_OF_SIZES));
  }
  for (unsigned n = 0; n < 63; n++) {
    uint64_t size = UINT64_C(1) << n;
    uint32_t twice = sm_crc32c_combine(zero, zero, size);
    uint32_t thrice = sm_crc32c_combine(twice, zero, size);
    n_failed += differs("combine zeroes", n, 0, sm_crc32c_combine(zero, twice, 2 * size), thrice);
    if (n == 11) n_failed += differs("4096 zeroes", n, 0, twice, ~crc32c_slow(UINT32_MAX, (uint8_t[4096]){0}, 4096));
    zero = twice;
  }
  free(bytes);
  return n_failed;
}
