/* Names, found among any number of others, and forgotten. */
#include "graph/name_index.h"

#include "support/check.h"
#include "support/fault_alloc.h"

enum { N = 3000, NAME_SIZE = 8 };

static char texts[N][NAME_SIZE];

/* In an order that is neither that of the names nor its reverse. */
static sm_string name_of(size_t i) {
  snprintf(texts[i], NAME_SIZE, "n%zu", i * 1237 % N);
  return sm_string_of(texts[i]);
}

static void name_index__finds(void **state) {
  (void)state;
  sm_name_index index;
  sm_error err;
  sm_name_index_init(&index, sm_allocator_or_malloc(NULL));
  assert_number("in none", sm_name_index_find(&index, sm_string_of("n1")), SIZE_MAX);
  for (size_t n = 0; n < N; n++) {
    assert_number("not yet", sm_name_index_find(&index, name_of(n)), SIZE_MAX);
    assert_ok(sm_name_index_add(&index, name_of(n), &err), err);
    for (size_t i = n % 97; i <= n; i += 97) assert_number(texts[i], sm_name_index_find(&index, name_of(i)), i);
  }
  for (size_t i = 0; i < N; i++) assert_number(texts[i], sm_name_index_find(&index, name_of(i)), i);
  sm_name_index_cut(&index, 1000);
  for (size_t i = 0; i < N; i++)
    assert_number(texts[i], sm_name_index_find(&index, name_of(i)), i < 1000 ? i : SIZE_MAX);
  assert_ok(sm_name_index_add(&index, name_of(2000), &err), err);
  assert_number("added after the cut", sm_name_index_find(&index, name_of(2000)), 1000);
  sm_name_index_free(&index);
}

static void name_index__out_of_memory(void **state) {
  (void)state;
  sm_fault_alloc fa;
  sm_name_index index;
  sm_error err;
  sm_fault_alloc_init(&fa, 1); /* the second array */
  sm_name_index_init(&index, &fa.base);
  size_t n = 0;
  while (n < N && sm_name_index_add(&index, name_of(n), &err) == SM_OK) n++;
  assert_true(n > 0 && n < N);
  assert_number("code", err.code, SM_RESOURCE_EXHAUSTED);
  for (size_t i = 0; i < n; i++) assert_number(texts[i], sm_name_index_find(&index, name_of(i)), i);
  sm_name_index_free(&index);
  assert_number("live blocks", fa.live_blocks, 0);
  sm_fault_alloc_destroy(&fa);
}

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(name_index__finds),
      cmocka_unit_test(name_index__out_of_memory),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
