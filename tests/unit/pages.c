#include "support/check.h"

#include "base/pages.h"

static void pages__aligned_zeroed_and_apart(void **state) {
  (void)state;
  static const size_t sizes[] = {1, 4095, 4096, 65537, 2 << 20, (2 << 20) + 1, 9 << 20};
  uint8_t *blocks[N_OF(sizes)];
  for (size_t i = 0; i < N_OF(sizes); i++) {
    blocks[i] = sm_pages_alloc(sizes[i]);
    assert_non_null(blocks[i]);
    assert_number("alignment", (uintptr_t)blocks[i] % (2 << 20), 0);
    for (size_t k = 0; k < sizes[i]; k++)
      if (blocks[i][k] != 0) fail_msg("byte %zu is %d", k, blocks[i][k]);
    memset(blocks[i], (int)i + 1, sizes[i]);
  }
  for (size_t i = 0; i < N_OF(sizes); i++) {
    assert_number("first", blocks[i][0], i + 1);
    assert_number("last", blocks[i][sizes[i] - 1], i + 1);
    sm_pages_free(blocks[i], sizes[i]);
  }
}

static size_t mapped_kib(void) {
  size_t pages = 0;
  FILE *file = fopen("/proc/self/statm", "r");
  if (file == NULL) return 0;
  if (fscanf(file, "%zu", &pages) != 1) pages = 0;
  fclose(file);
  return pages * 4;
}

/* What is cut off at both ends is given back, and so is the rest. */
static void pages__nothing_stays(void **state) {
  (void)state;
  sm_pages_free(sm_pages_alloc(1), 1);
  size_t before = mapped_kib();
  for (int i = 0; i < 1000; i++) {
    void *block = sm_pages_alloc((size_t)i * 4321 + 1);
    assert_non_null(block);
    sm_pages_free(block, (size_t)i * 4321 + 1);
  }
  assert_true(mapped_kib() < before + (16 << 10));
}

static void pages__more_than_there_is(void **state) {
  (void)state;
  static const size_t sizes[] = {SIZE_MAX, SIZE_MAX - 4096, SIZE_MAX - (1 << 20), PTRDIFF_MAX};
  for (size_t i = 0; i < N_OF(sizes); i++) assert_null(sm_pages_alloc(sizes[i]));
}

/* Wherever in it a block of malloc's begins, what it holds stays, and so does what is around it. */
static void pages__advice_changes_nothing(void **state) {
  (void)state;
  enum { SIZE = 9 << 20 };
  uint8_t *block = malloc(SIZE);
  assert_non_null(block);
  memset(block, 7, SIZE);
  for (size_t from = 0; from < 3 << 20; from += (1 << 20) - 1)
    for (size_t size = 0; size <= SIZE - from; size += 1 << 20) sm_pages_advise(block + from, size);
  for (size_t i = 0; i < SIZE; i++)
    if (block[i] != 7) fail_msg("byte %zu is %d", i, block[i]);
  free(block);
  sm_pages_advise(NULL, SIZE);
}

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(pages__aligned_zeroed_and_apart),
      cmocka_unit_test(pages__nothing_stays),
      cmocka_unit_test(pages__more_than_there_is),
      cmocka_unit_test(pages__advice_changes_nothing),
  };
  return cmocka_run_group_tests_name("pages", tests, NULL, NULL);
}
