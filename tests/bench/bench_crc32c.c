/*
 * bench_crc32c: the speed of every form of crc32c that this CPU has, in GB for each second of CPU.
 *
 *     bench_crc32c [ROUNDS]
 *
 * Prints a line of JSON for each: "cache" is 64 KiB again and again, "block" 4 KiB (as blocks of a table are), "memory"
 * a quarter of a GiB in tensors of 4 MiB, "copy" the same copied into memory that is present, with its crc. Beside them
 * are two that compute no crc: "floor: three chains" (x86-64) runs the crc instruction through the thirds of the tensor
 * and does not join them, "floor: memcpy" only copies. All take turns, and the best of ROUNDS (5) counts.
 */
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "codec/crc32c.h"
#include "codec/crc32c_internal.h"

#ifdef SM_CRC32C_X86
#include <immintrin.h>
#endif

enum { MEMORY = 256 << 20, TENSOR = 4 << 20, CACHE = 64 << 10, BLOCK = 4 << 10, ALIGNMENT = 2 << 20, MAX_FORMS = 8 };

typedef struct rates {
  double cache, block, memory, copy; /* bytes per second */
} rates;

static volatile uint32_t sink;

static double now(void) {
  struct timespec t;
  (void)clock_gettime(CLOCK_THREAD_CPUTIME_ID, &t);
  return (double)t.tv_sec + (double)t.tv_nsec * 1e-9;
}

/* ---- Floors ---- */

static bool always(void) { return true; }

#ifdef SM_CRC32C_X86
static bool has_instruction(void) { return __builtin_cpu_supports("sse4.2") != 0; }

__attribute__((target("sse4.2"))) static uint32_t three_chains(uint32_t crc, const void *data, size_t size) {
  size_t third = size / 24 * 8;
  const uint8_t *p = data, *q = p + third, *r = q + third;
  uint64_t a = crc, b = 0, c = 0;
  for (size_t i = 0; i < third; i += 8) {
    uint64_t x, y, z;
    memcpy(&x, p + i, 8);
    memcpy(&y, q + i, 8);
    memcpy(&z, r + i, 8);
    a = _mm_crc32_u64(a, x);
    b = _mm_crc32_u64(b, y);
    c = _mm_crc32_u64(c, z);
  }
  return (uint32_t)(a ^ b ^ c);
}
#endif

static uint32_t only_copy(uint32_t crc, void *dst, const void *src, size_t size) {
  memcpy(dst, src, size);
  return crc + *(const uint8_t *)dst;
}

static const sm_crc32c_form floors[] = {
#ifdef SM_CRC32C_X86
    {"floor: three chains", has_instruction, three_chains, NULL},
#endif
    {"floor: memcpy", always, NULL, only_copy},
};

/* ---- Measuring ---- */

static void keep_best(double *best, size_t bytes, double seconds) {
  if ((double)bytes / seconds > *best) *best = (double)bytes / seconds;
}

/* Reads the first size bytes until it has read as much as a tensor, many times over. */
static void measure_small(double *best, const sm_crc32c_form *form, const uint8_t *data, size_t size) {
  enum { TOTAL = 16 * TENSOR };
  double start = now();
  for (size_t done = 0; done < TOTAL; done += size) sink = form->extend(sink, data, size);
  keep_best(best, TOTAL, now() - start);
}

static void measure(rates *best, const sm_crc32c_form *form, uint8_t *dst, const uint8_t *src) {
  if (form->extend != NULL) {
    measure_small(&best->cache, form, src, CACHE);
    measure_small(&best->block, form, src, BLOCK);
    double start = now();
    for (size_t at = 0; at < MEMORY; at += TENSOR) sink = form->extend(sink, src + at, TENSOR);
    keep_best(&best->memory, MEMORY, now() - start);
  }
  double start = now();
  for (size_t at = 0; at < MEMORY; at += TENSOR) sink = sm_crc32c_copy_with(form, sink, dst + at, src + at, TENSOR);
  keep_best(&best->copy, MEMORY, now() - start);
}

static uint8_t *touched_memory(uint64_t seed) {
  uint8_t *bytes = aligned_alloc(ALIGNMENT, MEMORY);
  if (bytes == NULL) exit(1);
  for (size_t i = 0; i < MEMORY; i += 8) {
    seed = seed * 6364136223846793005u + 1442695040888963407u;
    memcpy(bytes + i, &seed, 8);
  }
  return bytes;
}

static size_t list_forms(const sm_crc32c_form *forms[MAX_FORMS]) {
  size_t n = 0;
  for (size_t i = 0; i < sizeof floors / sizeof floors[0]; i++)
    if (floors[i].is_there()) forms[n++] = &floors[i];
  for (size_t i = 0; sm_crc32c_form_at(i) != NULL && n < MAX_FORMS; i++)
    if (sm_crc32c_form_at(i)->is_there()) forms[n++] = sm_crc32c_form_at(i);
  return n;
}

int main(int argc, char **argv) {
  long rounds = argc > 1 ? strtol(argv[1], NULL, 10) : 5;
  const sm_crc32c_form *forms[MAX_FORMS];
  size_t n = list_forms(forms);
  rates best[MAX_FORMS] = {{0}};
  uint8_t *src = touched_memory(1), *dst = touched_memory(2);
  for (long round = 0; round < rounds; round++)
    for (size_t i = 0; i < n; i++) measure(&best[i], forms[i], dst, src);
  for (size_t i = 0; i < n; i++) {
    printf("{\"form\":\"%s\",\"chosen\":%d,", forms[i]->name, forms[i] == sm_crc32c_chosen());
    printf("\"cache\":%.1f,\"block\":%.1f,\"memory\":%.1f,\"copy\":%.1f}\n", best[i].cache * 1e-9, best[i].block * 1e-9,
           best[i].memory * 1e-9, best[i].copy * 1e-9);
  }
  free(dst);
  free(src);
  return 0;
}
