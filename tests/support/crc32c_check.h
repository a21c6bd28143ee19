/* What every form of crc32c has to give. Without cmocka and the rest of the library, so that it also runs where those
 * are not: under an emulator of another CPU. */
#ifndef SM_TESTS_SUPPORT_CRC32C_CHECK_H
#define SM_TESTS_SUPPORT_CRC32C_CHECK_H

#include "codec/crc32c_internal.h"

/* One thing that is checked of a form. Returns how many cases failed; prints them, the first few. */
typedef struct crc32c_check {
  const char *name;
  int (*check)(const sm_crc32c_form *form);
} crc32c_check;

enum { N_CRC32C_CHECKS = 6 };
extern const crc32c_check crc32c_checks[N_CRC32C_CHECKS];

/* sm_crc32c_combine, which has one form. */
int check_crc32c_combine(void);

/* One bit at a time, from the polynomial: the register after size bytes more. The crc of data is
 * ~crc32c_slow(UINT32_MAX, data, size). */
uint32_t crc32c_slow(uint32_t reg, const void *data, size_t size);

#endif
