/* Code in the JSON of Keras, in every disguise that Python's json would see through. */
#include "support/check.h"

#include "model/keras_metadata.h"
#include "support/fault_alloc.h"
#include "support/findings.h"

static sm_error err;

static sm_status scan_text(findings *out, const char *json, const sm_allocator *allocator) {
  sm_arena arena;
  sm_arena_init(&arena, sm_allocator_or_malloc(allocator), UINT64_MAX);
  sm_scan_finding place = {.file = "f", .node = {"n", 1}, .function = {"", 0}};
  *out = (findings){.n = 0};
  sm_status status =
      sm_keras_metadata_scan((sm_span){(const uint8_t *)json, strlen(json)}, &place, add_finding, out, &arena, &err);
  sm_arena_free(&arena);
  return status;
}

/* What Keras 2 and 3 write for Lambda layers (tf_keras: lambda_layer.py, serialization_lib.py) and variations. */
static void keras_metadata__finds_code(void **state) {
  (void)state;
  static const struct {
    const char *json, *found;
  } rows[] = {
      {"{\"class_name\": \"Lambda\"}", "code Lambda"},
      {"{\"class_name\":\n\t \"Lambda\"}", "code Lambda"},
      {"{\"class_name\" : \"\\u004cambda\"}", "code Lambda"},
      {"{\"\\u0063lass_name\": \"Lam\\u0062da\"}", "code Lambda"},
      {"{\"config\": {\"layers\": [{\"a\": [[{\"class_name\": \"Lambda\"}]]}]}}", "code Lambda"},
      {"{\"config\": \"{\\\"class_name\\\": \\\"Lambda\\\"}\"}", "code Lambda"},
      {"{\"c\": \"{\\\"c\\\": \\\"{\\\\\\\"class_name\\\\\\\": \\\\\\\"Lambda\\\\\\\"}\\\"}\"}", "code Lambda"},
      {"{\"class_name\": \"__lambda__\"}", "code __lambda__"},
      {"{\"function_type\": \"lambda\"}", "code lambda"},
      {"{\"items\": [\"4wEAAAAAAAAAAAAAAAEAAAACAAAA\\n\", null]}", "code 4wEAAAAAAAAAAAAAAAEAAAACAAAA\n"},
      {"{\"items\": [\"YwEAAAAAAAAAAAAAAAEAAAACAAAA\"]}", "code YwEAAAAAAAAAAAAAAAEAAAACAAAA"},
      {"{\"module\": \"os\", \"class_name\": \"system\"}", "code os"},
      {"{\"module\": \"kerasx\"}", "code kerasx"},
      {"{\"module\": \"builtins\"}", "code builtins"},
      {"{\"config\": {\"function\": \"io.write_file\"}}", "code io.write_file"},
      {"{\"registered_name\": \"Custom>MyLayer\"}", "pure Custom>MyLayer"},
      {"garbage } ] \"class_name\": \"Lambda", "code Lambda"},
  };
  for (size_t i = 0; i < N_OF(rows); i++) {
    char expected[128];
    findings found;
    assert_ok(scan_text(&found, rows[i].json, NULL), err);
    snprintf(expected, sizeof expected, "%s f:::n\n", rows[i].found);
    assert_text(rows[i].json, found.text, expected);
  }
}

static void keras_metadata__passes_ordinary_layers(void **state) {
  (void)state;
  static const char *const rows[] = {
      "",
      "\"",
      "{\"name\": \"Lambda\", \"class_name\": \"Dense\", \"config\": {\"module\": \"keras.layers\", "
      "\"registered_name\": null}}",
      "{\"class_name\": \"GlorotUniform\", \"module\": \"tf_keras.src.initializers\", \"function\": \"math.multiply\"}",
      "{\"class_name\": \"LambdaCallback\"}",
      "{\"class_name\": \"a\\\\\"}",
      "{\"module\": null, \"function_type\": \"function\", \"x\": [\"Lambda\"]}",
      "{\"text\": \"say \\\"Lambda\\\"\"}",
      "{\"text\": \"4wEAAAAA\"}",
      "{\"c\": \"\\u\"}",
      "{\"c\": \"\\",
  };
  for (size_t i = 0; i < N_OF(rows); i++) {
    findings found;
    assert_ok(scan_text(&found, rows[i], NULL), err);
    assert_text(rows[i], found.text, "");
  }
}

/* A megabyte of nothing but quotes and backslashes ends soon. */
static void keras_metadata__is_linear(void **state) {
  (void)state;
  enum { SIZE = 1 << 20 };
  static const char *const patterns[] = {"\\\"", "\"", "\\", "\"\\\"\":", "{\"a\":\"\\\"\","};
  char *text = malloc(SIZE + 1);
  assert_non_null(text);
  for (size_t i = 0; i < N_OF(patterns); i++) {
    size_t size = strlen(patterns[i]);
    for (size_t at = 0; at < SIZE; at++) text[at] = patterns[i][at % size];
    text[0] = '"';
    text[SIZE] = '\0';
    sm_fault_alloc fa;
    sm_fault_alloc_init(&fa, UINT64_MAX);
    findings found;
    assert_ok(scan_text(&found, text, &fa.base), err);
    assert_true(fa.peak_bytes < 64u * SIZE);
    sm_fault_alloc_destroy(&fa);
  }
  free(text);
}

static void keras_metadata__survives_every_failed_allocation(void **state) {
  (void)state;
  for (uint64_t n = 0;; n++) {
    sm_fault_alloc fa;
    sm_fault_alloc_init(&fa, n);
    findings found;
    sm_status status = scan_text(&found, "{\"c\": \"{\\\"class_name\\\": \\\"Lambda\\\"}\"}", &fa.base);
    assert_int_equal(fa.live_blocks, 0);
    bool fired = fa.fired;
    sm_fault_alloc_destroy(&fa);
    assert_int_equal(status, fired ? SM_RESOURCE_EXHAUSTED : SM_OK);
    if (!fired) break;
  }
}

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(keras_metadata__finds_code),
      cmocka_unit_test(keras_metadata__passes_ordinary_layers),
      cmocka_unit_test(keras_metadata__is_linear),
      cmocka_unit_test(keras_metadata__survives_every_failed_allocation),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
