/*
 * The forms of crc32c: one for any machine, and those that use what some CPUs have.
 *
 * What they share is arithmetic with polynomials over one bit, modulo P = 0x82F63B78. All numbers are reflected: in a
 * word of n bits, bit n - 1 is the coefficient of x^0. The register, ~crc, is the remainder of all bytes so far. More
 * bytes behind them multiply it by x^8 each, so bytes can be taken in any order and the parts moved to where they
 * belong.
 */
#ifndef SM_CODEC_CRC32C_INTERNAL_H
#define SM_CODEC_CRC32C_INTERNAL_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

typedef struct sm_crc32c_form {
  const char *name;
  bool (*is_there)(void); /* has this CPU, with this system, the instructions? */
  uint32_t (*extend)(uint32_t crc, const void *data, size_t size);
  uint32_t (*copy)(uint32_t crc, void *dst, const void *src, size_t size); /* NULL: cannot read and copy at once */
} sm_crc32c_form;

/* The forms that were compiled, slowest first, there or not; the first is always there. NULL from the last one on. */
const sm_crc32c_form *sm_crc32c_form_at(size_t index);

/* What the door's functions use: the fastest of those that are there. */
const sm_crc32c_form *sm_crc32c_chosen(void);

/* sm_crc32c_copy with this form, whether it has a copy of its own or not. */
uint32_t sm_crc32c_copy_with(const sm_crc32c_form *form, uint32_t crc, void *dst, const void *src, size_t size);

/* crc32c_x86.c and crc32c_arm.c, of which one at most has contents. */
#if defined(__x86_64__)
#define SM_CRC32C_X86 1
enum { SM_CRC32C_N_CPU_FORMS = 4 };
#elif defined(__aarch64__)
#define SM_CRC32C_ARM 1
enum { SM_CRC32C_N_CPU_FORMS = 2 };
#else
enum { SM_CRC32C_N_CPU_FORMS = 0 };
#endif
#if defined(SM_CRC32C_X86) || defined(SM_CRC32C_ARM)
extern const sm_crc32c_form sm_crc32c_cpu_forms[SM_CRC32C_N_CPU_FORMS];
#endif

/*
 * A crc instruction waits two or three cycles for the one before it, but the CPU can start one in each cycle. So three
 * chains run side by side through three lanes of bytes that follow each other, and are joined at the end:
 *
 *   | lane a | lane b | lane c |      a * x^(16 size)  ^  b * x^(8 size)  ^  c
 *
 * One multiplication without carries and one crc instruction make such a product. Reflected, the product of two words
 * comes out multiplied by x too, and the crc instruction multiplies 64 bits by x^32: the factors are 33 powers less.
 */
typedef struct sm_crc32c_lane {
  size_t size;
  size_t ahead;                /* bytes from what is read to what the memory system is asked for */
  uint32_t past_one, past_two; /* x^(8 size - 33), x^(16 size - 33) modulo P */
} sm_crc32c_lane;

/* Longest first; multiples of a cache line. */
enum { SM_CRC32C_N_LANES = 3, SM_CRC32C_CACHE_LINE = 64 };
extern const sm_crc32c_lane sm_crc32c_lanes[SM_CRC32C_N_LANES];

/* Asks for the cache line that far behind p, which need not exist. */
static inline void sm_crc32c_prefetch(const uint8_t *p, size_t ahead) {
  __builtin_prefetch((const void *)((uintptr_t)p + ahead));
}

#endif
