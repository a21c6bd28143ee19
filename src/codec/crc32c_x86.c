/* crc32c with what x86-64 CPUs have for it: SSE 4.2 an instruction, PCLMULQDQ and VPCLMULQDQ multiplication without
 * carries. Functions are compiled for their CPUs one by one; none is called before the CPU was asked. */
#include "codec/crc32c_internal.h"

#ifdef SM_CRC32C_X86

#include <immintrin.h>
#include <string.h>

#define FOR_CHAIN __attribute__((target("sse4.2")))
#define FOR_CHAINS __attribute__((target("sse4.2,pclmul")))
#define FOR_FOLD_256 __attribute__((target("sse4.2,pclmul,avx2,vpclmulqdq")))
#define FOR_FOLD_512 __attribute__((target("sse4.2,pclmul,avx2,avx512f,vpclmulqdq")))
#define INLINE static inline __attribute__((always_inline))

/* Knows whether the system keeps the wide registers too. */
#define CPU_HAS(feature) (__builtin_cpu_init(), __builtin_cpu_supports(feature) != 0)

static bool has_chain(void) { return CPU_HAS("sse4.2"); }
static bool has_chains(void) { return has_chain() && CPU_HAS("pclmul"); }
static bool has_fold_256(void) { return has_chains() && CPU_HAS("avx2") && CPU_HAS("vpclmulqdq"); }
static bool has_fold_512(void) { return has_fold_256() && CPU_HAS("avx512f"); }

INLINE uint64_t read_64(const uint8_t *p) {
  uint64_t word;
  memcpy(&word, p, sizeof word);
  return word;
}

/* ---- One chain. These work on the register, which is ~crc ---- */

FOR_CHAIN INLINE uint64_t chain(uint64_t reg, const uint8_t *p, size_t size) {
  for (; size >= 8; p += 8, size -= 8) reg = _mm_crc32_u64(reg, read_64(p));
  for (; size != 0; p++, size--) reg = _mm_crc32_u8((uint32_t)reg, *p);
  return reg;
}

FOR_CHAIN static uint32_t extend_by_chain(uint32_t crc, const void *data, size_t size) {
  return ~(uint32_t)chain(~crc, data, size);
}

/* ---- Three chains ---- */

/* reg * x^(n + 33), where factor is x^n. */
FOR_CHAINS INLINE uint64_t move(uint64_t reg, uint32_t factor) {
  __m128i product = _mm_clmulepi64_si128(_mm_cvtsi64_si128((long long)reg), _mm_cvtsi64_si128(factor), 0);
  return _mm_crc32_u64(0, (uint64_t)_mm_cvtsi128_si64(product));
}

/* Takes three lanes at p. */
FOR_CHAINS INLINE uint64_t three_lanes(uint64_t a, const uint8_t *p, const sm_crc32c_lane *lane) {
  const uint8_t *q = p + lane->size, *r = q + lane->size;
  uint64_t b = 0, c = 0;
  for (size_t line = 0; line < lane->size; line += SM_CRC32C_CACHE_LINE) {
    sm_crc32c_prefetch(p + line, lane->ahead);
    sm_crc32c_prefetch(q + line, lane->ahead);
    sm_crc32c_prefetch(r + line, lane->ahead);
    for (size_t i = line; i < line + SM_CRC32C_CACHE_LINE; i += 8) {
      a = _mm_crc32_u64(a, read_64(p + i));
      b = _mm_crc32_u64(b, read_64(q + i));
      c = _mm_crc32_u64(c, read_64(r + i));
    }
  }
  return move(a, lane->past_two) ^ move(b, lane->past_one) ^ c;
}

FOR_CHAINS static uint64_t chains(uint64_t reg, const uint8_t *p, size_t size) {
  for (const sm_crc32c_lane *lane = sm_crc32c_lanes; lane != sm_crc32c_lanes + SM_CRC32C_N_LANES; lane++)
    for (; size >= 3 * lane->size; p += 3 * lane->size, size -= 3 * lane->size) reg = three_lanes(reg, p, lane);
  return chain(reg, p, size);
}

FOR_CHAINS static uint32_t extend_by_chains(uint32_t crc, const void *data, size_t size) {
  return ~(uint32_t)chains(~crc, data, size);
}

/* ---- Folding ----
 *
 * Vectors hold the first bytes. Each 16 of them are multiplied by what moves them over the bytes behind, and are added
 * to those 16 that they land on: fewer bytes are left, and their remainder is the same.
 *
 *   | x[0] | x[1] | x[2] | x[3] | bytes 256.. |      x[i] = x[i] * x^(8 * 256) + bytes
 *
 * A product of 64 by 32 bits fits in the 128 it is added to. So the two halves of the 16 bytes are moved each by
 * itself; the first half comes 64 powers of x earlier. Its factor for a move over n bytes is x^(8 n + 32), that of the
 * second x^(8 n - 32): the factor in the low half of a word counts x^32 more. Reflected products come out multiplied by
 * x, for which the factors are shifted by one.
 */

enum {
  FOLD_STEP = 256,
  FOLD_AHEAD = 4096,   /* prefetched so far ahead; CPUs stop guessing at the end of a page */
  FOLD_MIN_SIZE = 1024 /* below, it is not worth waking the wide half of the CPU, which may cost it clock rate */
};

typedef struct factors {
  uint64_t first, second;
} factors;

static const factors over_32 = {0x1384AA63A, 0x0BA4FC28E};
static const factors over_64 = {0x0740EEF02, 0x09E4ADDF8};
static const factors over_256 = {0x0DCB17AA4, 0x0B9E02B86};

FOR_FOLD_256 INLINE __m256i spread_256(factors f) {
  return _mm256_broadcastsi128_si256(_mm_set_epi64x((long long)f.second, (long long)f.first));
}

FOR_FOLD_256 INLINE __m256i fold_256(__m256i x, __m256i factor, __m256i bytes) {
  __m256i first = _mm256_clmulepi64_epi128(x, factor, 0x00), second = _mm256_clmulepi64_epi128(x, factor, 0x11);
  return _mm256_xor_si256(_mm256_xor_si256(first, second), bytes);
}

/* The next 32 bytes; copied too, unless dst is NULL. */
FOR_FOLD_256 INLINE __m256i take_256(const uint8_t *src, uint8_t *dst, size_t at) {
  __m256i bytes = _mm256_loadu_si256((const __m256i *)(const void *)(src + at));
  if (dst != NULL) _mm256_storeu_si256((__m256i *)(void *)(dst + at), bytes);
  return bytes;
}

/* Takes size bytes, at least FOLD_STEP, but for the last few; returns how many it took. */
FOR_FOLD_256 INLINE size_t front_256(uint64_t *reg, const uint8_t *src, uint8_t *dst, size_t size) {
  __m256i x[8], step = spread_256(over_256), one = spread_256(over_32);
  for (size_t i = 0; i < 8; i++) x[i] = take_256(src, dst, 32 * i);
  x[0] = _mm256_xor_si256(x[0], _mm256_zextsi128_si256(_mm_cvtsi64_si128((long long)*reg)));
  size_t at = FOLD_STEP;
  for (; size - at >= FOLD_STEP; at += FOLD_STEP) {
    for (size_t i = 0; i < FOLD_STEP; i += SM_CRC32C_CACHE_LINE) sm_crc32c_prefetch(src + at + i, FOLD_AHEAD);
    for (size_t i = 0; i < 8; i++) x[i] = fold_256(x[i], step, take_256(src, dst, at + 32 * i));
  }
  for (size_t i = 1; i < 8; i++) x[0] = fold_256(x[0], one, x[i]);
  for (; size - at >= 32; at += 32) x[0] = fold_256(x[0], one, take_256(src, dst, at));
  uint8_t front[32];
  memcpy(front, x, sizeof front);
  *reg = chain(0, front, sizeof front);
  return at;
}

FOR_FOLD_256 static uint32_t extend_by_fold_256(uint32_t crc, const void *data, size_t size) {
  uint64_t reg = ~crc;
  size_t at = size >= FOLD_MIN_SIZE ? front_256(&reg, data, NULL, size) : 0;
  return ~(uint32_t)chains(reg, (const uint8_t *)data + at, size - at);
}

FOR_FOLD_256 static uint32_t copy_by_fold_256(uint32_t crc, void *dst, const void *src, size_t size) {
  uint64_t reg = ~crc;
  size_t at = size >= FOLD_MIN_SIZE ? front_256(&reg, src, dst, size) : 0;
  memcpy((uint8_t *)dst + at, (const uint8_t *)src + at, size - at);
  return ~(uint32_t)chains(reg, (const uint8_t *)dst + at, size - at);
}

/* The same with vectors twice as wide. */

FOR_FOLD_512 INLINE __m512i spread_512(factors f) {
  return _mm512_broadcast_i32x4(_mm_set_epi64x((long long)f.second, (long long)f.first));
}

FOR_FOLD_512 INLINE __m512i fold_512(__m512i x, __m512i factor, __m512i bytes) {
  enum { XOR_OF_THREE = 0x96 }; /* as a table of truth */
  __m512i first = _mm512_clmulepi64_epi128(x, factor, 0x00), second = _mm512_clmulepi64_epi128(x, factor, 0x11);
  return _mm512_ternarylogic_epi64(first, second, bytes, XOR_OF_THREE);
}

FOR_FOLD_512 INLINE __m512i take_512(const uint8_t *src, uint8_t *dst, size_t at) {
  __m512i bytes = _mm512_loadu_si512(src + at);
  if (dst != NULL) _mm512_storeu_si512(dst + at, bytes);
  return bytes;
}

FOR_FOLD_512 INLINE size_t front_512(uint64_t *reg, const uint8_t *src, uint8_t *dst, size_t size) {
  __m512i x[4], step = spread_512(over_256), one = spread_512(over_64);
  for (size_t i = 0; i < 4; i++) x[i] = take_512(src, dst, 64 * i);
  x[0] = _mm512_xor_si512(x[0], _mm512_zextsi128_si512(_mm_cvtsi64_si128((long long)*reg)));
  size_t at = FOLD_STEP;
  for (; size - at >= FOLD_STEP; at += FOLD_STEP) {
    for (size_t i = 0; i < FOLD_STEP; i += SM_CRC32C_CACHE_LINE) sm_crc32c_prefetch(src + at + i, FOLD_AHEAD);
    for (size_t i = 0; i < 4; i++) x[i] = fold_512(x[i], step, take_512(src, dst, at + 64 * i));
  }
  for (size_t i = 1; i < 4; i++) x[0] = fold_512(x[0], one, x[i]);
  for (; size - at >= 64; at += 64) x[0] = fold_512(x[0], one, take_512(src, dst, at));
  uint8_t front[64];
  memcpy(front, x, sizeof front);
  *reg = chain(0, front, sizeof front);
  return at;
}

FOR_FOLD_512 static uint32_t extend_by_fold_512(uint32_t crc, const void *data, size_t size) {
  uint64_t reg = ~crc;
  size_t at = size >= FOLD_MIN_SIZE ? front_512(&reg, data, NULL, size) : 0;
  return ~(uint32_t)chains(reg, (const uint8_t *)data + at, size - at);
}

FOR_FOLD_512 static uint32_t copy_by_fold_512(uint32_t crc, void *dst, const void *src, size_t size) {
  uint64_t reg = ~crc;
  size_t at = size >= FOLD_MIN_SIZE ? front_512(&reg, src, dst, size) : 0;
  memcpy((uint8_t *)dst + at, (const uint8_t *)src + at, size - at);
  return ~(uint32_t)chains(reg, (const uint8_t *)dst + at, size - at);
}

const sm_crc32c_form sm_crc32c_cpu_forms[SM_CRC32C_N_CPU_FORMS] = {
    {"SSE 4.2, one chain", has_chain, extend_by_chain, NULL},
    {"SSE 4.2, three chains", has_chains, extend_by_chains, NULL},
    {"VPCLMULQDQ, 256 bits", has_fold_256, extend_by_fold_256, copy_by_fold_256},
    {"VPCLMULQDQ, 512 bits", has_fold_512, extend_by_fold_512, copy_by_fold_512},
};

#endif
