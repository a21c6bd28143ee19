#include "support/check.h"

#include <pthread.h>

#include "bundle/bundle_internal.h"
#include "support/fault_alloc.h"

static const void *address(size_t i) { return (const void *)(uintptr_t)(0x10000 + 24 * i); }

static void seen__has_what_was_added(void **state) {
  (void)state;
  enum { N = 100000 };
  sm_fault_alloc fa;
  sm_seen seen = {0};
  sm_fault_alloc_init(&fa, UINT64_MAX);
  assert_false(sm_seen_has(&seen, address(0)));
  assert_number("no memory for nothing", fa.live_bytes, 0);
  for (size_t i = 0; i < N; i += 2) sm_seen_add(&seen, address(i), &fa.base);
  for (size_t i = 0; i < N; i++) assert_number("there", sm_seen_has(&seen, address(i)), i % 2 == 0);
  assert_true(fa.live_bytes < 8 * 8 * N / 2); /* eight places for each at most */
  size_t bytes = fa.live_bytes;
  for (size_t i = 0; i < N; i += 2) sm_seen_add(&seen, address(i), &fa.base);
  assert_number("added again", fa.live_bytes, bytes);
  sm_seen_free(&seen, &fa.base);
  assert_number("live blocks", fa.live_blocks, 0);
  sm_fault_alloc_destroy(&fa);
}

static void seen__forgets_without_memory(void **state) {
  (void)state;
  sm_fault_alloc fa;
  sm_seen seen = {0};
  sm_fault_alloc_init(&fa, 0);
  sm_seen_add(&seen, address(1), &fa.base);
  assert_false(sm_seen_has(&seen, address(1)));
  sm_seen_add(&seen, address(1), &fa.base);
  assert_true(sm_seen_has(&seen, address(1)));
  sm_seen_free(&seen, &fa.base);
  sm_fault_alloc_destroy(&fa);
}

typedef struct adder {
  pthread_t thread;
  sm_seen *seen;
  const sm_allocator *allocator;
  size_t first;
} adder;

enum { N_THREADS = 4, N_EACH = 5000 };

static void *add_many(void *ctx) {
  const adder *a = ctx;
  for (size_t i = 0; i < N_EACH; i++) sm_seen_add(a->seen, address(a->first + i), a->allocator);
  return NULL;
}

/* Every other address is added by two of them. */
static void seen__several_threads(void **state) {
  (void)state;
  sm_fault_alloc fa;
  sm_seen seen = {0};
  adder adders[N_THREADS];
  sm_fault_alloc_init(&fa, UINT64_MAX);
  for (size_t i = 0; i < N_THREADS; i++) {
    adders[i] = (adder){.seen = &seen, .allocator = &fa.base, .first = i * N_EACH / 2};
    assert_int_equal(pthread_create(&adders[i].thread, NULL, add_many, &adders[i]), 0);
  }
  for (size_t i = 0; i < N_THREADS; i++) assert_int_equal(pthread_join(adders[i].thread, NULL), 0);
  const size_t n = (N_THREADS - 1) * N_EACH / 2 + N_EACH;
  for (size_t i = 0; i < 2 * n; i++) assert_number("there", sm_seen_has(&seen, address(i)), i < n);
  sm_seen_free(&seen, &fa.base);
  assert_number("live blocks", fa.live_blocks, 0);
  sm_fault_alloc_destroy(&fa);
}

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(seen__has_what_was_added),
      cmocka_unit_test(seen__forgets_without_memory),
      cmocka_unit_test(seen__several_threads),
  };
  return cmocka_run_group_tests_name("seen", tests, NULL, NULL);
}
