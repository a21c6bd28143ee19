#include "support/check.h"

#include "graph/name_set.h"
#include "support/fault_alloc.h"

static sm_error err;

static void add(sm_name_set *set, const char *name) {
  bool was_recent;
  assert_ok(sm_name_set_add(&was_recent, set, sm_string_of(name), &err), err);
}

static void name_set__sorted_and_distinct(void **state) {
  (void)state;
  static const char *const given[] = {"b", "a", "b", "", "ab", "b", "a", "", "Add", "\xC3\xBC", "a"};
  static const char *const wanted[] = {"", "Add", "a", "ab", "b", "\xC3\xBC"};
  sm_name_set set;
  sm_name_set_init(&set, sm_allocator_or_malloc(NULL));
  sm_name_set_finish(&set);
  assert_number("empty", set.n, 0);
  for (size_t i = 0; i < N_OF(given); i++) add(&set, given[i]);
  for (int again = 0; again < 2; again++) {
    sm_name_set_finish(&set);
    assert_number("names", set.n, N_OF(wanted));
    for (size_t i = 0; i < set.n; i++)
      assert_bytes(wanted[i], set.names[i].data, set.names[i].size, wanted[i], strlen(wanted[i]));
  }
  sm_name_set_free(&set);
}

static void name_set__knows_the_recent_ones(void **state) {
  (void)state;
  bool was_recent;
  sm_name_set set;
  sm_name_set_init(&set, sm_allocator_or_malloc(NULL));
  assert_ok(sm_name_set_add(&was_recent, &set, sm_string_of("MatMul"), &err), err);
  assert_false(was_recent);
  char elsewhere[] = "MatMul"; /* equal bytes, another place */
  assert_ok(sm_name_set_add(&was_recent, &set, (sm_string){elsewhere, 6}, &err), err);
  assert_true(was_recent);
  assert_ok(sm_name_set_add(&was_recent, &set, (sm_string){elsewhere, 3}, &err), err);
  assert_false(was_recent);
  sm_name_set_free(&set);
}

/* Names that all fall on one place of the cache: same size, first, middle and last byte. A million of them, of which
 * only few are distinct, need memory for the few. */
static void name_set__memory_is_that_of_the_distinct(void **state) {
  (void)state;
  enum { DISTINCT = 500, ROUNDS = 2000 };
  static char names[DISTINCT][12];
  sm_fault_alloc fa;
  sm_name_set set;
  sm_fault_alloc_init(&fa, UINT64_MAX);
  sm_name_set_init(&set, &fa.base);
  for (int i = 0; i < DISTINCT; i++) snprintf(names[i], sizeof names[i], "x%03d_____x", i);
  for (int round = 0; round < ROUNDS; round++)
    for (int i = 0; i < DISTINCT; i++) add(&set, names[i]);
  sm_name_set_finish(&set);
  assert_number("names", set.n, DISTINCT);
  for (int i = 0; i < DISTINCT; i++) assert_bytes(names[i], set.names[i].data, set.names[i].size, names[i], 10);
  if (fa.peak_bytes > 16 * DISTINCT * sizeof(sm_string)) fail_msg("%zu bytes", fa.peak_bytes);
  sm_name_set_free(&set);
  assert_number("live blocks", fa.live_blocks, 0);
  sm_fault_alloc_destroy(&fa);
}

static void name_set__no_memory(void **state) {
  (void)state;
  for (uint64_t n = 0;; n++) {
    sm_fault_alloc fa;
    sm_name_set set;
    sm_status status = SM_OK;
    char names[300][8];
    sm_fault_alloc_init(&fa, n);
    sm_name_set_init(&set, &fa.base);
    for (int i = 0; i < 300 && status == SM_OK; i++) {
      bool was_recent;
      snprintf(names[i], sizeof names[i], "n%d", i);
      status = sm_name_set_add(&was_recent, &set, sm_string_of(names[i]), &err);
    }
    sm_name_set_free(&set);
    assert_number("live blocks", fa.live_blocks, 0);
    bool fired = fa.fired;
    sm_fault_alloc_destroy(&fa);
    if (!fired) {
      assert_ok(status, err);
      break;
    }
    assert_status(status, SM_RESOURCE_EXHAUSTED, err);
  }
}

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(name_set__sorted_and_distinct),
      cmocka_unit_test(name_set__knows_the_recent_ones),
      cmocka_unit_test(name_set__memory_is_that_of_the_distinct),
      cmocka_unit_test(name_set__no_memory),
  };
  return cmocka_run_group_tests_name("name_set", tests, NULL, NULL);
}
