#include "support/check.h"

#include "base/sort.h"

static uint64_t n_compared;

static bool less_u32(const void *a, const void *b) {
  n_compared++;
  return *(const uint32_t *)a < *(const uint32_t *)b;
}

static int compare_u32(const void *a, const void *b) {
  uint32_t left = *(const uint32_t *)a, right = *(const uint32_t *)b;
  return (left > right) - (left < right);
}

/* A generator of its own (Knuth's MMIX constants): the same numbers on every machine. */
static uint32_t next_random(uint64_t *seed) {
  *seed = *seed * 6364136223846793005u + 1442695040888963407u;
  return (uint32_t)(*seed >> 33);
}

typedef uint32_t (*pattern_fn)(size_t i, size_t n, uint64_t *seed);

static uint32_t all_equal(size_t i, size_t n, uint64_t *seed) { return (void)i, (void)n, (void)seed, 5u; }
static uint32_t ascending(size_t i, size_t n, uint64_t *seed) { return (void)n, (void)seed, (uint32_t)i; }
static uint32_t descending(size_t i, size_t n, uint64_t *seed) { return (void)seed, (uint32_t)(n - i); }
static uint32_t organ_pipe(size_t i, size_t n, uint64_t *seed) { return (void)seed, (uint32_t)(i < n / 2 ? i : n - i); }
static uint32_t sawtooth(size_t i, size_t n, uint64_t *seed) { return (void)n, (void)seed, (uint32_t)(i % 7); }
static uint32_t two_values(size_t i, size_t n, uint64_t *seed) { return (void)i, (void)n, next_random(seed) & 1; }
static uint32_t random_value(size_t i, size_t n, uint64_t *seed) { return (void)i, (void)n, next_random(seed); }
static uint32_t extremes(size_t i, size_t n, uint64_t *seed) { return (void)n, (void)seed, i % 2 ? UINT32_MAX : 0; }

static const struct {
  const char *name;
  pattern_fn fill;
} patterns[] = {{"all equal", all_equal},   {"ascending", ascending}, {"descending", descending},
                {"organ pipe", organ_pipe}, {"sawtooth", sawtooth},   {"two values", two_values},
                {"random", random_value},   {"extremes", extremes}};

/* Steps that n log n allows a heap sort: two comparisons for each level an item sinks, building included. */
static uint64_t most_comparisons(size_t n) {
  uint64_t log = 0;
  while ((size_t)1 << log < n) log++;
  return 2 * n * (log + 2);
}

static void sort__agrees_with_qsort(void **state) {
  (void)state;
  static const size_t lengths[] = {0, 1, 2, 3, 4, 5, 7, 8, 15, 16, 17, 100, 1000, 1023, 1024, 1025, 50000};
  static uint32_t items[50001], expected[50001];
  uint64_t seed = 1;
  for (size_t p = 0; p < N_OF(patterns); p++) {
    for (size_t l = 0; l < N_OF(lengths); l++) {
      size_t n = lengths[l];
      for (size_t i = 0; i < n; i++) items[i] = expected[i] = patterns[p].fill(i, n, &seed);
      items[n] = 0xDEADBEEF;
      n_compared = 0;
      sm_sort(items, n, sizeof items[0], less_u32);
      qsort(expected, n, sizeof expected[0], compare_u32);
      assert_bytes(patterns[p].name, items, n * sizeof items[0], expected, n * sizeof expected[0]);
      assert_number("the item behind the last", items[n], 0xDEADBEEF);
      if (n_compared > most_comparisons(n))
        fail_msg("%s: %llu comparisons for %zu items", patterns[p].name, (unsigned long long)n_compared, n);
    }
  }
}

/* All permutations of up to eight items. */
static void sort__all_permutations(void **state) {
  (void)state;
  for (uint32_t n = 1; n <= 8; n++) {
    uint32_t factorial = 1;
    for (uint32_t i = 2; i <= n; i++) factorial *= i;
    for (uint32_t code = 0; code < factorial; code++) {
      uint32_t items[8], rest = code;
      for (uint32_t i = 0; i < n; i++) items[i] = i;
      for (uint32_t i = n; i > 1; i--) { /* factorial number system */
        uint32_t k = rest % i, held = items[i - 1];
        rest /= i;
        items[i - 1] = items[k];
        items[k] = held;
      }
      sm_sort(items, n, sizeof items[0], less_u32);
      for (uint32_t i = 0; i < n; i++) assert_number("item", items[i], i);
    }
  }
}

typedef struct large_item {
  uint32_t key;
  unsigned char rest[SM_SORT_MAX_ITEM - sizeof(uint32_t)];
} large_item;

static void sort__moves_whole_items(void **state) {
  (void)state;
  static large_item items[500];
  for (uint32_t i = 0; i < N_OF(items); i++) {
    items[i].key = (i * 7919u) % (uint32_t)N_OF(items); /* a permutation: 7919 is prime */
    memset(items[i].rest, (int)(items[i].key % 251), sizeof items[i].rest);
  }
  sm_sort(items, N_OF(items), sizeof items[0], less_u32);
  for (uint32_t i = 0; i < N_OF(items); i++) {
    assert_number("key", items[i].key, i);
    for (size_t k = 0; k < sizeof items[i].rest; k++) assert_number("rest", items[i].rest[k], i % 251);
  }
}

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(sort__agrees_with_qsort),
      cmocka_unit_test(sort__all_permutations),
      cmocka_unit_test(sort__moves_whole_items),
  };
  return cmocka_run_group_tests_name("sort", tests, NULL, NULL);
}
