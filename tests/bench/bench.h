/* What the measuring programs share: an allocator that counts, resident memory, clocks. Each program prints JSON itself. */
#ifndef SM_TESTS_BENCH_BENCH_H
#define SM_TESTS_BENCH_BENCH_H

#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/resource.h>
#include <time.h>

#include <savedmodel/status.h>

/* Ends the program when a call failed. */
static inline void bench_check(const char *program, sm_status status, const sm_error *error) {
  if (status == SM_OK) return;
  fprintf(stderr, "%s: %s\n", program, error->message);
  exit(1);
}

/* ---- Memory ---- */

/* Bytes that are allocated, and the most that were at one time. Start with {0, 0}. */
typedef struct bench_counter {
  size_t live, peak;
} bench_counter;

/* In front of each block: its size. */
typedef union bench_header {
  size_t size;
  long double align;
} bench_header;

static inline void *bench_realloc(void *ctx, void *block, size_t size) {
  bench_counter *c = ctx;
  bench_header *old = block != NULL ? (bench_header *)block - 1 : NULL;
  size_t old_size = old != NULL ? old->size : 0;
  bench_header *made = realloc(old, sizeof *made + size);
  if (made == NULL) return NULL;
  made->size = size;
  c->live += size - old_size;
  if (c->live > c->peak) c->peak = c->live;
  return made + 1;
}

static inline void *bench_alloc(void *ctx, size_t size) { return bench_realloc(ctx, NULL, size); }

static inline void bench_free(void *ctx, void *block) {
  bench_counter *c = ctx;
  if (block == NULL) return;
  c->live -= ((bench_header *)block - 1)->size;
  free((bench_header *)block - 1);
}

static inline sm_allocator bench_allocator(bench_counter *counter) {
  return (sm_allocator){bench_alloc, bench_realloc, bench_free, counter};
}

/* The most that was resident, mapped files included. */
static inline long bench_peak_rss_kib(void) {
  struct rusage usage;
  (void)getrusage(RUSAGE_SELF, &usage);
  return usage.ru_maxrss;
}

/* ---- Times, in milliseconds ---- */

static inline double bench_ms_of(clockid_t clock) {
  struct timespec t;
  (void)clock_gettime(clock, &t);
  return (double)t.tv_sec * 1e3 + (double)t.tv_nsec * 1e-6;
}

static inline double bench_now(void) { return bench_ms_of(CLOCK_MONOTONIC); }

typedef struct bench_instant {
  double cpu, wall; /* cpu: user + system, of the process */
} bench_instant;

static inline bench_instant bench_instant_now(void) {
  return (bench_instant){bench_ms_of(CLOCK_PROCESS_CPUTIME_ID), bench_now()};
}

static inline int bench_by_value(const void *a, const void *b) {
  double x = *(const double *)a, y = *(const double *)b;
  return (x > y) - (x < y);
}

typedef struct bench_result {
  double min, median;
} bench_result;

/* Sorts times. */
static inline bench_result bench_summary(double *times, size_t n) {
  qsort(times, n, sizeof *times, bench_by_value);
  return (bench_result){times[0], times[n / 2]};
}

#endif
