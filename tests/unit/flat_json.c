/* JSON that is one object of strings. Expected values from RFC 8259, and from Python's json module. */
#include "support/check.h"

#include "codec/flat_json.h"
#include "support/fault_alloc.h"

static sm_error err;

static sm_status read_text(sm_json_pairs *out, sm_arena *arena, const char *text) {
  return sm_flat_json_read(out, sm_string_of(text), arena, &err);
}

static void flat_json__reads(void **state) {
  (void)state;
  const struct {
    const char *text, *key, *value; /* of the first pair */
    size_t n;
  } rows[] = {
      {"{}", NULL, NULL, 0},
      {" \t\r\n{ } \n", NULL, NULL, 0},
      {"{\"a\":\"b\"}", "a", "b", 1},
      {"{ \"b\" : \"1\" , \"a\" : \"2\" }", "a", "2", 2},
      {"{\"a\":\"1\",\"a\":\"2\"}", "a", "2", 1},
      {"{\"\":\"\"}", "", "", 1},
      {"{\"\\\"\\\\\\/\\b\\f\\n\\r\\t\":\"\\u00e4\\u20ac\\ud83d\\ude00\"}", "\"\\/\b\f\n\r\t",
       "\xc3\xa4\xe2\x82\xac\xf0\x9f\x98\x80", 1},
      {"{\"\xc3\xa4\":\"x\"}", "\xc3\xa4", "x", 1},
  };
  for (size_t i = 0; i < N_OF(rows); i++) {
    sm_arena arena;
    sm_json_pairs pairs;
    sm_arena_init(&arena, sm_allocator_or_malloc(NULL), UINT64_MAX);
    assert_ok(read_text(&pairs, &arena, rows[i].text), err);
    assert_number(rows[i].text, pairs.n, rows[i].n);
    if (pairs.n != 0) assert_text(rows[i].text, pairs.items[0].key.data, rows[i].key);
    if (pairs.n != 0) assert_text(rows[i].text, pairs.items[0].value.data, rows[i].value);
    sm_arena_free(&arena);
  }
}

static void flat_json__refuses(void **state) {
  (void)state;
  static const char *const texts[] = {"",
                                      "[]",
                                      "{",
                                      "{\"a\"}",
                                      "{\"a\":1}",
                                      "{\"a\":\"b\"",
                                      "{\"a\":\"b",
                                      "{\"a\":\"b\",}",
                                      "{\"a\":\"b\"}x",
                                      "{\"a\":\"\\x\"}",
                                      "{\"a\":\"\\u12\"}",
                                      "{\"a\":\"\\u0000\"}",
                                      "{\"a\":\"\\ud800\"}",
                                      "{\"a\":\"\\ud800\\u0041\"}",
                                      "{\"a\":\"\\udc00\"}",
                                      "{\"a\":\"\n\"}",
                                      "{\"a\":\"\xff\"}",
                                      "{\"a\":{\"b\":\"c\"}}",
                                      "null",
                                      "{\"a\":\"\\"};
  for (size_t i = 0; i < N_OF(texts); i++) {
    sm_arena arena;
    sm_json_pairs pairs;
    sm_arena_init(&arena, sm_allocator_or_malloc(NULL), UINT64_MAX);
    assert_status(read_text(&pairs, &arena, texts[i]), SM_DATA_LOSS, err);
    sm_arena_free(&arena);
  }
}

int main(void) {
  const struct CMUnitTest tests[] = {cmocka_unit_test(flat_json__reads), cmocka_unit_test(flat_json__refuses)};
  return cmocka_run_group_tests_name("flat_json", tests, NULL, NULL);
}
