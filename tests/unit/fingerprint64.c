/* Expected values: TensorFlow's, in data/fingerprint64.tsv, whose maker tells which bytes they are of. */
#include "codec/fingerprint64.h"

#include "support/check.h"
#include "support/files.h"

static uint8_t *make_bytes(size_t n) {
  uint8_t *bytes = malloc(n + 1);
  assert_non_null(bytes);
  for (uint64_t i = 0; i < n; i++) bytes[i] = (uint8_t)((31 * i * i + 7 * i + n) % 251);
  return bytes;
}

typedef void (*check_fn)(const char *what, const uint8_t *bytes, size_t n, uint64_t expected);

/* fn for each row of the table. */
static void each_row(check_fn fn) {
  size_t size, n_rows = 0;
  char *text = (char *)read_file(SM_TEST_DATA "/fingerprint64.tsv", &size);
  for (char *line = text; line != NULL && *line != '\0'; line = strchr(line, '\n'), line += line != NULL) {
    char what[32], *end;
    size_t n = strtoull(line, &end, 10);
    if (end == line || *end != '\t') continue; /* a comment, the names of the columns */
    uint8_t *bytes = make_bytes(n);
    snprintf(what, sizeof what, "%zu bytes", n);
    fn(what, bytes, n, strtoull(end, NULL, 16));
    free(bytes);
    n_rows++;
  }
  free(text);
  assert_number("rows", n_rows, 314);
}

static void check_whole(const char *what, const uint8_t *bytes, size_t n, uint64_t expected) {
  assert_number(what, sm_fingerprint64(bytes, n), expected);
}

static void fingerprint64__as_tensorflow(void **state) {
  (void)state;
  each_row(check_whole);
}

/* In two pieces, at every place or, where it is long, some; the fingerprint of the first piece may be asked for, too. */
static void check_two(const char *what, const uint8_t *bytes, size_t n, uint64_t expected) {
  size_t step = n <= 1025 ? 1 : n / 97;
  for (size_t cut = 0; cut <= n; cut += step) {
    sm_fingerprint64_stream stream;
    sm_fingerprint64_begin(&stream);
    sm_fingerprint64_add(&stream, bytes, cut);
    assert_number(what, sm_fingerprint64_end(&stream), sm_fingerprint64(bytes, cut));
    sm_fingerprint64_add(&stream, bytes + cut, n - cut);
    assert_number(what, sm_fingerprint64_end(&stream), expected);
  }
}

static void fingerprint64__in_two_pieces(void **state) {
  (void)state;
  each_row(check_two);
}

/* In many pieces of many lengths. */
static void check_many(const char *what, const uint8_t *bytes, size_t n, uint64_t expected) {
  for (size_t longest = 1; longest < 200; longest += 37) {
    sm_fingerprint64_stream stream;
    sm_fingerprint64_begin(&stream);
    for (size_t i = 0, k = 0, piece; i < n; i += piece, k++) {
      piece = k * 29 % (longest + 1);
      if (piece > n - i) piece = n - i;
      sm_fingerprint64_add(&stream, bytes + i, piece);
    }
    assert_number(what, sm_fingerprint64_end(&stream), expected);
  }
}

static void fingerprint64__in_many_pieces(void **state) {
  (void)state;
  each_row(check_many);
}

static void fingerprint64__nothing_to_hash(void **state) {
  (void)state;
  sm_fingerprint64_stream stream;
  sm_fingerprint64_begin(&stream);
  sm_fingerprint64_add(&stream, NULL, 0);
  assert_number("stream", sm_fingerprint64_end(&stream), 0x9AE16A3B2F90404F);
  assert_number("whole", sm_fingerprint64(NULL, 0), 0x9AE16A3B2F90404F);
}

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(fingerprint64__as_tensorflow),
      cmocka_unit_test(fingerprint64__in_two_pieces),
      cmocka_unit_test(fingerprint64__in_many_pieces),
      cmocka_unit_test(fingerprint64__nothing_to_hash),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
