#include "bundle/bundle.h"

#include "support/check.h"

static void names__of_files(void **state) {
  (void)state;
  char name[64];
  assert_true(sm_index_name(name, sizeof name, "variables"));
  assert_text("index", name, "variables.index");
  assert_true(sm_shard_name(name, sizeof name, "ckpt-4", 0, 1));
  assert_text("shard", name, "ckpt-4.data-00000-of-00001");
  assert_true(sm_shard_name(name, sizeof name, "c", 123456, 1234567));
  assert_text("many shards", name, "c.data-123456-of-1234567");
  assert_false(sm_shard_name(name, 20, "ckpt-4", 0, 1));
  assert_false(sm_index_name(name, 6, ".index"));
}

static void names__split_prefixes(void **state) {
  (void)state;
  static const struct {
    const char *prefix, *dir, *base;
  } rows[] = {{"a/b/c", "a/b", "c"}, {"c", "", "c"},    {"/c", "/", "c"},
              {"a/", "a", ""},       {"//c", "/", "c"}, {"", "", ""}};
  for (size_t i = 0; i < N_OF(rows); i++) {
    char dir[8];
    const char *base;
    assert_true(sm_prefix_split(dir, sizeof dir, &base, rows[i].prefix));
    assert_text(rows[i].prefix, dir, rows[i].dir);
    assert_text(rows[i].prefix, base, rows[i].base);
  }
  char small[3];
  const char *base;
  assert_false(sm_prefix_split(small, sizeof small, &base, "a/b/c"));
}

static void names__are_parsed(void **state) {
  (void)state;
  static const struct {
    const char *name;
    int32_t shard, n_shards; /* 0: it is none */
  } rows[] = {{"c.data-00001-of-00003", 1, 3},
              {"c.data-100000-of-2147483647", 100000, INT32_MAX},
              {"c.data-00001-of-2147483648", 0, 0},
              {"c.data-00001-of-99999999999999999999999", 0, 0},
              {"c.data-0001-of-00003", 0, 0},
              {"c.data-000001-of-00003", 0, 0}, /* %05d does not write that */
              {"c.data-00001-of-00003.tempstate17", 0, 0},
              {"c.data-00001-of-", 0, 0},
              {"c.data--0001-of-00003", 0, 0},
              {"cc.data-00001-of-00003", 0, 0},
              {"c-00001-of-00003", 0, 0},
              {"", 0, 0}};
  for (size_t i = 0; i < N_OF(rows); i++) {
    int32_t shard, n_shards;
    bool is_one = sm_shard_name_parse(&shard, &n_shards, "c", rows[i].name);
    assert_number(rows[i].name, is_one, rows[i].n_shards != 0);
    if (!is_one) continue;
    assert_number(rows[i].name, shard, rows[i].shard);
    assert_number(rows[i].name, n_shards, rows[i].n_shards);
  }
  int32_t shard, n_shards;
  assert_true(sm_v1_name_parse(&shard, &n_shards, "c", "c-00001-of-00002"));
  assert_number("V1", shard, 1);
  assert_false(sm_v1_name_parse(&shard, &n_shards, "c", "c.data-00001-of-00002"));
}

static void names__match_patterns(void **state) {
  (void)state;
  static const struct {
    const char *name, *pattern;
    bool matches;
  } rows[] = {{"model-00000-of-00002",
               "model-?????"
               "-of-00002",
               true},
              {"model-00000-of-00002", "model-*-of-*", true},
              {"model-00000-of-00002",
               "model-????"
               "-of-00002",
               false},
              {"model", "model", true},
              {"model", "*", true},
              {"model", "m**l", true},
              {"model", "m*del?", false},
              {"mississippi", "m*iss*pi", true},
              {"mississippi", "m*iss*ps", false},
              {"", "*", true},
              {"", "?", false}};
  for (size_t i = 0; i < N_OF(rows); i++)
    assert_number(rows[i].pattern, sm_name_matches(rows[i].name, rows[i].pattern), rows[i].matches);
}

/* What would take exponential time in a matcher that tries everything. */
static void names__match_in_bounded_time(void **state) {
  (void)state;
  char name[2048], pattern[2048];
  memset(name, 'a', sizeof name);
  name[sizeof name - 1] = '\0';
  for (size_t i = 0; i + 2 < sizeof pattern; i += 2) memcpy(pattern + i, "*a", 2);
  memcpy(pattern + sizeof pattern - 3, "*b", 3);
  assert_false(sm_name_matches(name, pattern));
}

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(names__of_files),
      cmocka_unit_test(names__split_prefixes),
      cmocka_unit_test(names__are_parsed),
      cmocka_unit_test(names__match_patterns),
      cmocka_unit_test(names__match_in_bounded_time),
  };
  return cmocka_run_group_tests_name("names", tests, NULL, NULL);
}
