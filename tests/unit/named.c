#include "support/check.h"

#include "base/bytes.h"
#include "base/named.h"

typedef struct item {
  sm_string name;
  int value;
} item;

static void named__finds_the_last_of_a_name(void **state) {
  (void)state;
  static const char *const names[] = {"", "a", "a", "a", "ab", "b", "b\xC3", "c"};
  item items[N_OF(names)];
  for (size_t i = 0; i < N_OF(names); i++) items[i] = (item){sm_string_of(names[i]), (int)i};
  static const struct {
    const char *name;
    size_t at;
  } rows[] = {{"", 0},           {"a", 3},         {"ab", 4},           {"b", 5},
              {"b\xC3", 6},      {"c", 7},         {"A", SIZE_MAX},     {"aa", SIZE_MAX},
              {"abc", SIZE_MAX}, {"bb", SIZE_MAX}, {"b\xC4", SIZE_MAX}, {"d", SIZE_MAX}};
  for (size_t i = 0; i < N_OF(rows); i++)
    assert_number(rows[i].name, sm_named_find(items, N_OF(items), sizeof items[0], sm_string_of(rows[i].name)),
                  rows[i].at);
  assert_number("in nothing", sm_named_find(NULL, 0, sizeof items[0], sm_string_of("a")), SIZE_MAX);
  for (size_t n = 0; n <= N_OF(items); n++) /* whatever the number of items */
    for (size_t i = 0; i < N_OF(names); i++) {
      size_t wanted = SIZE_MAX;
      for (size_t k = 0; k < n; k++)
        if (strcmp(names[k], names[i]) == 0) wanted = k;
      assert_number(names[i], sm_named_find(items, n, sizeof items[0], sm_string_of(names[i])), wanted);
    }
}

int main(void) {
  const struct CMUnitTest tests[] = {cmocka_unit_test(named__finds_the_last_of_a_name)};
  return cmocka_run_group_tests_name("named", tests, NULL, NULL);
}
