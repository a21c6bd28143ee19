#include "support/check.h"

#include <stdalign.h>

#include "base/alloc.h"
#include "base/arena.h"
#include "support/fault_alloc.h"

typedef struct fixture {
  sm_fault_alloc fa;
  sm_arena arena;
} fixture;

static fixture the;

static void begin(uint64_t max_bytes) {
  sm_fault_alloc_init(&the.fa, UINT64_MAX);
  sm_arena_init(&the.arena, &the.fa.base, max_bytes);
}

static void end(void) {
  sm_arena_free(&the.arena);
  assert_number("live blocks", the.fa.live_blocks, 0);
  assert_number("arena.bytes", the.arena.bytes, 0);
  sm_fault_alloc_destroy(&the.fa);
}

static void arena__init_allocates_nothing(void **state) {
  (void)state;
  begin(UINT64_MAX);
  assert_number("calls", the.fa.n_calls, 0);
  end();
}

static void arena__pieces_are_aligned_and_apart(void **state) {
  (void)state;
  static const size_t sizes[] = {0, 1, 2, 7, 8, 15, 16, 17, 100, 4096, 5000, 100000, 3};
  begin(UINT64_MAX);
  unsigned char *pieces[N_OF(sizes)];
  for (size_t i = 0; i < N_OF(sizes); i++) {
    pieces[i] = sm_arena_alloc(&the.arena, sizes[i]);
    assert_non_null(pieces[i]);
    assert_number("alignment", (uintptr_t)pieces[i] % alignof(max_align_t), 0);
    for (size_t k = 0; k < i; k++) assert_ptr_not_equal(pieces[i], pieces[k]);
    memset(pieces[i], (int)i + 1, sizes[i]);
  }
  for (size_t i = 0; i < N_OF(sizes); i++)
    for (size_t k = 0; k < sizes[i]; k++) assert_number("byte", pieces[i][k], i + 1);
  end();
}

static void arena__calloc_zeroes_and_refuses_overflow(void **state) {
  (void)state;
  begin(UINT64_MAX);
  const unsigned char *zeroed = sm_arena_calloc(&the.arena, 10, 300);
  assert_non_null(zeroed);
  for (size_t i = 0; i < 3000; i++) assert_number("byte", zeroed[i], 0);
  assert_null(sm_arena_calloc(&the.arena, SIZE_MAX / 2, 3));
  assert_null(sm_arena_calloc(&the.arena, SIZE_MAX, 1));
  assert_null(sm_arena_alloc(&the.arena, SIZE_MAX));
  assert_null(sm_arena_alloc(&the.arena, SIZE_MAX - 20));
  assert_non_null(sm_arena_calloc(&the.arena, 0, 8)); /* empty, but a place */
  end();
}

static void arena__copy_terminates(void **state) {
  (void)state;
  begin(UINT64_MAX);
  sm_string copy = sm_arena_copy(&the.arena, (sm_string){"a\0b!", 3});
  assert_bytes("copy", copy.data, copy.size + 1, "a\0b", 4);
  copy = sm_arena_copy(&the.arena, (sm_string){NULL, 0});
  assert_non_null(copy.data);
  assert_bytes("empty", copy.data, copy.size + 1, "", 1);
  assert_null(sm_arena_copy(&the.arena, (sm_string){"", SIZE_MAX}).data);
  end();
}

/* Whatever the mix of sizes: never more memory than the limit, and nearly all of it can be had. */
static void arena__keeps_to_the_limit(void **state) {
  (void)state;
  static const uint64_t limits[] = {0, 1, 15, 16, 64, 100, 4095, 4096, 5000, 20000, 100000};
  static const size_t sizes[] = {1, 16, 100, 1000, 5000};
  for (size_t l = 0; l < N_OF(limits); l++) {
    for (size_t s = 0; s < N_OF(sizes); s++) {
      begin(limits[l]);
      uint64_t got = 0;
      while (sm_arena_alloc(&the.arena, sizes[s]) != NULL) got += sizes[s];
      assert_true(the.fa.peak_bytes <= limits[l]);
      assert_true(the.arena.bytes <= limits[l]);
      if (limits[l] >= 2 * sizes[s] + 64) assert_true(got >= sizes[s]);
      sm_error err;
      assert_status(sm_arena_fail(&the.arena, (size_t)limits[l] + 1, &err), SM_RESOURCE_EXHAUSTED, err);
      assert_mentions(err.message, "max_bytes");
      end();
    }
  }
}

/* Blocks double, so that few are needed, but only up to 1 MiB, so that little lies idle. */
static void arena__few_blocks_for_many_pieces(void **state) {
  (void)state;
#ifndef SM_ARENA_SEPARATE
  const size_t total = (size_t)20 << 20;
  begin(UINT64_MAX);
  for (size_t i = 0; i < total / 32; i++) assert_non_null(sm_arena_alloc(&the.arena, 32));
  assert_true(the.fa.n_calls < 30);
  if (the.fa.peak_bytes > total + ((size_t)2 << 20)) fail_msg("%zu bytes", the.fa.peak_bytes);
  end();
#endif
}

static void arena__rewind_takes_back(void **state) {
  (void)state;
  begin(UINT64_MAX);
  char *kept = sm_arena_alloc(&the.arena, 100);
  memset(kept, 7, 100);
  sm_arena_mark mark = sm_arena_get_mark(&the.arena);
  size_t blocks = the.fa.live_blocks;
  uint64_t bytes = the.arena.bytes;
  for (int round = 0; round < 3; round++) {
    for (size_t i = 0; i < 1000; i++) assert_non_null(sm_arena_alloc(&the.arena, 77));
    assert_true(the.arena.bytes > bytes);
    sm_arena_rewind(&the.arena, mark);
    assert_number("blocks", the.fa.live_blocks, blocks);
    assert_number("bytes", the.arena.bytes, bytes);
  }
  for (size_t i = 0; i < 100; i++) assert_number("kept", kept[i], 7);
  end();
}

static void arena__rewind_to_the_empty_arena(void **state) {
  (void)state;
  begin(4096);
  sm_arena_mark mark = sm_arena_get_mark(&the.arena);
  for (int round = 0; round < 100; round++) { /* the limit is given back too */
    assert_non_null(sm_arena_alloc(&the.arena, 3000));
    sm_arena_rewind(&the.arena, mark);
    assert_number("blocks", the.fa.live_blocks, 0);
  }
  end();
}

static void arena__takes_memory(void **state) {
  (void)state;
  begin(10000);
  char *kept = sm_arena_alloc(&the.arena, 10);
  sm_arena_mark mark = sm_arena_get_mark(&the.arena);
  size_t blocks = the.fa.live_blocks;
  uint64_t bytes = the.arena.bytes;
  for (int round = 0; round < 2; round++) {
    void *memory = sm_alloc(&the.fa.base, 3000);
    assert_true(sm_arena_take(&the.arena, memory, 3000));
    assert_true(the.arena.bytes >= bytes + 3000); /* it counts for the limit */
    memset(sm_arena_alloc(&the.arena, 100), 1, 100);
    memset(memory, 2, 3000);
    if (round == 0) sm_arena_rewind(&the.arena, mark);
    if (round == 0) assert_number("blocks", the.fa.live_blocks, blocks);
    if (round == 0) assert_number("bytes", the.arena.bytes, bytes);
  }
  memset(kept, 3, 10);
  void *refused = sm_alloc(&the.fa.base, 100);
  assert_false(sm_arena_take(&the.arena, refused, 10000)); /* as large as the limit */
  assert_false(sm_arena_take(&the.arena, refused, SIZE_MAX));
  sm_fault_alloc_rearm(&the.fa, 0);
  assert_false(sm_arena_take(&the.arena, refused, 100));
  sm_free(&the.fa.base, refused);
  end();
}

static void arena__out_of_memory(void **state) {
  (void)state;
  begin(UINT64_MAX);
  sm_fault_alloc_rearm(&the.fa, 0);
  assert_null(sm_arena_alloc(&the.arena, 10));
  sm_error err;
  assert_status(sm_arena_fail(&the.arena, 10, &err), SM_RESOURCE_EXHAUSTED, err);
  assert_mentions(err.message, "10 bytes");
  assert_non_null(sm_arena_alloc(&the.arena, 10)); /* the failure left no trace */
  sm_fault_alloc_rearm(&the.fa, 0);
  assert_null(sm_arena_calloc(&the.arena, 1000, 1000));
  sm_fault_alloc_rearm(&the.fa, 0);
  static const char large[1 << 20];
  assert_null(sm_arena_copy(&the.arena, (sm_string){large, sizeof large}).data);
  end();
}

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(arena__init_allocates_nothing),
      cmocka_unit_test(arena__pieces_are_aligned_and_apart),
      cmocka_unit_test(arena__calloc_zeroes_and_refuses_overflow),
      cmocka_unit_test(arena__copy_terminates),
      cmocka_unit_test(arena__keeps_to_the_limit),
      cmocka_unit_test(arena__few_blocks_for_many_pieces),
      cmocka_unit_test(arena__rewind_takes_back),
      cmocka_unit_test(arena__rewind_to_the_empty_arena),
      cmocka_unit_test(arena__takes_memory),
      cmocka_unit_test(arena__out_of_memory),
  };
  return cmocka_run_group_tests_name("arena", tests, NULL, NULL);
}
