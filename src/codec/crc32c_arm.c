/* crc32c with what 64-bit ARM CPUs have for it: CRC32 an instruction, PMULL multiplication without carries. Both are
 * written in assembly, for compilers do not agree on how else one function has them and the rest of the program not. */
#include "codec/crc32c_internal.h"

#ifdef SM_CRC32C_ARM

#include <string.h>
#ifdef __linux__
#include <sys/auxv.h>
#endif

#define INLINE static inline __attribute__((always_inline))

/* Other systems are not asked, but the compiler may know that all their machines have it. */
static bool has_chain(void) {
#if defined(__ARM_FEATURE_CRC32)
  return true;
#elif defined(__linux__)
  return (getauxval(AT_HWCAP) & HWCAP_CRC32) != 0;
#else
  return false;
#endif
}

static bool has_chains(void) {
#if defined(__ARM_FEATURE_CRC32) && defined(__ARM_FEATURE_AES)
  return true;
#elif defined(__linux__)
  return has_chain() && (getauxval(AT_HWCAP) & HWCAP_PMULL) != 0;
#else
  return false;
#endif
}

INLINE uint64_t read_64(const uint8_t *p) {
  uint64_t word;
  memcpy(&word, p, sizeof word);
#if __BYTE_ORDER__ == __ORDER_BIG_ENDIAN__
  word = __builtin_bswap64(word);
#endif
  return word;
}

/* ---- The instructions ---- */

INLINE uint32_t crc_64(uint32_t reg, uint64_t word) {
  uint32_t result;
  __asm__(".arch_extension crc\n\tcrc32cx %w0, %w1, %x2" : "=r"(result) : "r"(reg), "r"(word));
  return result;
}

INLINE uint32_t crc_8(uint32_t reg, uint8_t byte) {
  uint32_t result;
  __asm__(".arch_extension crc\n\tcrc32cb %w0, %w1, %w2" : "=r"(result) : "r"(reg), "r"((uint32_t)byte));
  return result;
}

/* The low half of the product. */
INLINE uint64_t multiply(uint64_t a, uint64_t b) {
  uint64_t result;
  __asm__(".arch_extension aes\n\tpmull %0.1q, %1.1d, %2.1d" : "=w"(result) : "w"(a), "w"(b));
  return result;
}

/* ---- One chain. These work on the register, which is ~crc ---- */

INLINE uint32_t chain(uint32_t reg, const uint8_t *p, size_t size) {
  for (; size >= 8; p += 8, size -= 8) reg = crc_64(reg, read_64(p));
  for (; size != 0; p++, size--) reg = crc_8(reg, *p);
  return reg;
}

static uint32_t extend_by_chain(uint32_t crc, const void *data, size_t size) { return ~chain(~crc, data, size); }

/* ---- Three chains ---- */

/* reg * x^(n + 33), where factor is x^n. */
INLINE uint32_t move(uint32_t reg, uint32_t factor) { return crc_64(0, multiply(reg, factor)); }

/* Takes three lanes at p. */
INLINE uint32_t three_lanes(uint32_t a, const uint8_t *p, const sm_crc32c_lane *lane) {
  const uint8_t *q = p + lane->size, *r = q + lane->size;
  uint32_t b = 0, c = 0;
  for (size_t line = 0; line < lane->size; line += SM_CRC32C_CACHE_LINE) {
    sm_crc32c_prefetch(p + line, lane->ahead);
    sm_crc32c_prefetch(q + line, lane->ahead);
    sm_crc32c_prefetch(r + line, lane->ahead);
    for (size_t i = line; i < line + SM_CRC32C_CACHE_LINE; i += 8) {
      a = crc_64(a, read_64(p + i));
      b = crc_64(b, read_64(q + i));
      c = crc_64(c, read_64(r + i));
    }
  }
  return move(a, lane->past_two) ^ move(b, lane->past_one) ^ c;
}

static uint32_t extend_by_chains(uint32_t crc, const void *data, size_t size) {
  const uint8_t *p = data;
  uint32_t reg = ~crc;
  for (const sm_crc32c_lane *lane = sm_crc32c_lanes; lane != sm_crc32c_lanes + SM_CRC32C_N_LANES; lane++)
    for (; size >= 3 * lane->size; p += 3 * lane->size, size -= 3 * lane->size) reg = three_lanes(reg, p, lane);
  return ~chain(reg, p, size);
}

const sm_crc32c_form sm_crc32c_cpu_forms[SM_CRC32C_N_CPU_FORMS] = {
    {"CRC32, one chain", has_chain, extend_by_chain, NULL},
    {"CRC32 and PMULL, three chains", has_chains, extend_by_chains, NULL},
};

#endif
