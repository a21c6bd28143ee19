/* Files as numpy 2.4 wrote them; tests/interop/formats_np.py has many more. */
#include "support/check.h"

#include "cli/npy.h"

/* What is written, gathered. */
typedef struct gathered {
  char bytes[1024];
  size_t size;
} gathered;

static sm_status gather(void *ctx, const void *data, size_t size, sm_error *err) {
  (void)err;
  gathered *to = ctx;
  assert_true(size <= sizeof to->bytes - to->size);
  memcpy(to->bytes + to->size, data, size);
  to->size += size;
  return SM_OK;
}

/* A file of version 1.0: numpy does not ask for padding. */
static size_t make(char *dst, const char *header, const void *data, size_t size) {
  size_t n = strlen(header);
  memcpy(dst, "\x93NUMPY\1\0", 8);
  dst[8] = (char)(n & 0xFF);
  dst[9] = (char)(n >> 8);
  memcpy(dst + 10, header, n);
  if (size != 0) memcpy(dst + 10 + n, data, size);
  return 10 + n + size;
}

#define HEADER(descr, order, shape) "{'descr': " descr ", 'fortran_order': " order ", 'shape': " shape ", }"

static void npy__headers(void **state) {
  (void)state;
  static const struct {
    const char *header;
    sm_dtype dtype;
    npy_kind kind;
    size_t element_size;
    bool is_big_endian, is_fortran;
    int32_t rank;
  } rows[] = {
      {HEADER("'<f4'", "False", "(3, 1)"), SM_DT_FLOAT, NPY_NUMBERS, 4, false, false, 2},
      {HEADER("'>f8'", "True", "(3,)"), SM_DT_DOUBLE, NPY_NUMBERS, 8, true, true, 1},
      {HEADER("'|b1'", "False", "()"), SM_DT_BOOL, NPY_NUMBERS, 1, false, false, 0},
      {HEADER("'<c16'", "False", "(0, 2, 3)"), SM_DT_COMPLEX128, NPY_NUMBERS, 16, false, false, 3},
      {HEADER("'<V2'", "False", "(1,)"), SM_DT_BFLOAT16, NPY_NUMBERS, 2, false, false, 1},
      {HEADER("'<V1'", "False", "(1,)"), SM_DT_INVALID, NPY_NUMBERS, 1, false, false, 1},
      {HEADER("[('qint32', '<i4')]", "False", "(1,)"), SM_DT_QINT32, NPY_NUMBERS, 4, false, false, 1},
      {HEADER("[('float8_e4m3fn', '<V1')]", "False", "(1,)"), SM_DT_FLOAT8_E4M3FN, NPY_NUMBERS, 1, false, false, 1},
      {HEADER("'|S5'", "False", "(1,)"), SM_DT_STRING, NPY_BYTES, 5, false, false, 1},
      {HEADER("'>U3'", "False", "(1,)"), SM_DT_STRING, NPY_UNICODE, 12, true, false, 1},
      {HEADER("'|O'", "False", "(1,)"), SM_DT_STRING, NPY_OBJECTS, 0, false, false, 1},
      {"{\"shape\":(2L,),'fortran_order':False,'descr':'|i1'}\n", SM_DT_INT8, NPY_NUMBERS, 1, false, false, 1},
  };
  for (size_t i = 0; i < N_OF(rows); i++) {
    char file[256];
    npy_header got;
    sm_error err;
    size_t size = make(file, rows[i].header, NULL, 0);
    assert_ok(npy_read_header(&got, "f.npy", file, size, &err), err);
    assert_number(rows[i].header, got.dtype, rows[i].dtype);
    assert_number(rows[i].header, got.kind, rows[i].kind);
    assert_number(rows[i].header, got.element_size, rows[i].element_size);
    assert_number(rows[i].header, got.is_fortran, rows[i].is_fortran);
    assert_number(rows[i].header, got.rank, rows[i].rank);
    assert_number(rows[i].header, got.size, size);
    if (got.element_size > 1 && got.kind != NPY_BYTES)
      assert_number(rows[i].header, got.is_foreign, rows[i].is_big_endian != array_host_is_big_endian());
  }
}

static void npy__bad_headers(void **state) {
  (void)state;
  static const struct {
    const char *header, *problem;
    sm_status status;
  } rows[] = {
      {"", "dictionary", SM_DATA_LOSS},
      {"{}", "missing", SM_DATA_LOSS},
      {HEADER("'<f4'", "False", "(1)"), "tuple", SM_DATA_LOSS},
      {HEADER("'<f4'", "False", "(-1,)"), "dimension", SM_DATA_LOSS},
      {HEADER("'<f4'", "False", "(9223372036854775808,)"), "too large", SM_DATA_LOSS},
      {HEADER("'<f4'", "0", "(1,)"), "True or False", SM_DATA_LOSS},
      {HEADER("'f4'", "False", "(1,)"), "byte order", SM_DATA_LOSS},
      {HEADER("'\\x3cf4'", "False", "(1,)"), "string", SM_DATA_LOSS},
      {HEADER("'<f4'", "False", "()") " x", "follows", SM_DATA_LOSS},
      {HEADER("'<f4'", "False", "(), 'shape': ()"), "not due", SM_DATA_LOSS},
      {HEADER("exec('x')", "False", "()"), "string is due", SM_DATA_LOSS},
      {HEADER("'<M8[ns]'", "False", "()"), "<M8[ns]", SM_UNIMPLEMENTED},
      {HEADER("'<f16'", "False", "()"), "<f16", SM_UNIMPLEMENTED},
      {HEADER("'|S0'", "False", "()"), "|S0", SM_UNIMPLEMENTED},
      {HEADER("[('a', '<f4'), ('b', '<f4')]", "False", "()"), "[...]", SM_UNIMPLEMENTED},
      {HEADER("[('qint8', '<i4')]", "False", "()"), "[...]", SM_UNIMPLEMENTED},
  };
  for (size_t i = 0; i < N_OF(rows); i++) {
    char file[256];
    npy_header got;
    sm_error err;
    assert_status(npy_read_header(&got, "f.npy", file, make(file, rows[i].header, NULL, 0), &err), rows[i].status, err);
    assert_mentions(err.message, rows[i].problem);
    assert_mentions(err.message, "f.npy");
  }
}

static void check_int16(const char *header, const void *data, size_t size, const int16_t *expected, size_t n) {
  char file[256];
  array got;
  sm_error err;
  assert_ok(npy_read(&got, "f.npy", file, make(file, header, data, size), SM_DT_INVALID, &err), err);
  assert_bytes(header, got.view.data, got.view.size, expected, n * sizeof *expected);
  array_free(&got);
}

/* numpy.arange(6).reshape(2, 3) of each order. */
static void npy__orders(void **state) {
  (void)state;
  const int16_t rows[] = {0, 1, 2, 3, 4, 5}, deep[] = {0, 1, 2, 3, 4, 5, 6, 7};
  check_int16(HEADER("'<i2'", "False", "(2, 3)"), "\0\0\1\0\2\0\3\0\4\0\5\0", 12, rows, 6);
  check_int16(HEADER("'>i2'", "False", "(2, 3)"), "\0\0\0\1\0\2\0\3\0\4\0\5", 12, rows, 6);
  check_int16(HEADER("'<i2'", "True", "(2, 3)"), "\0\0\3\0\1\0\4\0\2\0\5\0", 12, rows, 6);
  check_int16(HEADER("'>i2'", "True", "(2, 3)"), "\0\0\0\3\0\1\0\4\0\2\0\5", 12, rows, 6);
  check_int16(HEADER("'<i2'", "True", "(2, 2, 2)"), "\0\0\4\0\2\0\6\0\1\0\5\0\3\0\7\0", 16, deep, 8);
}

static void npy__numbers_stay_where_they_are(void **state) {
  (void)state;
  char file[256];
  array got;
  sm_error err;
  size_t size = make(file, HEADER("'|u1'", "True", "(3,)"), "abc", 3);
  assert_ok(npy_read(&got, "f.npy", file, size, SM_DT_INVALID, &err), err);
  assert_ptr_equal(got.view.data, file + size - 3);
  array_free(&got);
  assert_status(npy_read(&got, "f.npy", file, size - 1, SM_DT_INVALID, &err), SM_DATA_LOSS, err);
  size = make(file, HEADER("'|b1'", "False", "(3,)"), "\0\2\1", 3);
  assert_ok(npy_read(&got, "f.npy", file, size, SM_DT_INVALID, &err), err);
  assert_bytes("true is 1", got.view.data, 3, "\0\1\1", 3);
  array_free(&got);
  size = make(file, HEADER("'<V1'", "False", "(1,)"), "\x38", 1);
  assert_status(npy_read(&got, "f.npy", file, size, SM_DT_INVALID, &err), SM_UNIMPLEMENTED, err);
  assert_ok(npy_read(&got, "f.npy", file, size, SM_DT_FLOAT8_E5M2, &err), err);
  assert_number("dtype", got.view.dtype, SM_DT_FLOAT8_E5M2);
  array_free(&got);
}

static void check_strings(const char *header, const void *data, size_t size, const char *const *expected, size_t n) {
  char file[256];
  array got;
  sm_error err;
  assert_ok(npy_read(&got, "f.npy", file, make(file, header, data, size), SM_DT_INVALID, &err), err);
  assert_number("size", got.view.size, n * sizeof(sm_string));
  const sm_string *strings = got.view.data;
  for (size_t i = 0; i < n; i++)
    assert_bytes(expected[i], strings[i].data, strings[i].size, expected[i], strlen(expected[i]));
  array_free(&got);
}

static void npy__strings(void **state) {
  (void)state;
  const char *const bytes[] = {"a", "", "abc"}, *const texts[] = {"\xC3\xA9", "\xE2\x82\xAC\xF0\x9F\x98\x80"};
  check_strings(HEADER("'|S3'", "False", "(3,)"), "a\0\0\0\0\0abc", 9, bytes, 3);
  check_strings(HEADER("'<U2'", "False", "(2,)"), "\xE9\0\0\0\0\0\0\0\xAC\x20\0\0\0\xF6\1\0", 16, texts, 2);
  check_strings(HEADER("'>U2'", "False", "(2,)"), "\0\0\0\xE9\0\0\0\0\0\0\x20\xAC\0\1\xF6\0", 16, texts, 2);
}

static void check_written(const sm_tensor_view *view, bool names_bytes, const char *header, const void *data,
                          size_t size) {
  gathered got = {.size = 0};
  sm_error err;
  assert_ok(npy_write(view, names_bytes, gather, &got, &err), err);
  assert_number("size", got.size, 128 + size);
  assert_bytes("magic", got.bytes, 10, "\x93NUMPY\1\0v\0", 10);
  assert_bytes(header, got.bytes + 10, strlen(header), header, strlen(header));
  for (size_t i = 10 + strlen(header); i < 127; i++) assert_int_equal(got.bytes[i], ' ');
  assert_int_equal(got.bytes[127], '\n');
  if (size != 0) assert_bytes("data", got.bytes + 128, size, data, size);
}

static void npy__written(void **state) {
  (void)state;
  const float numbers[] = {1, 2, 3};
  const uint8_t small[] = {1, 2};
  char shown[128];
  bool is_big = array_host_is_big_endian();
  sm_tensor_view view = {.dtype = SM_DT_FLOAT, .rank = 2, .dims = {3, 1}, .data = numbers, .size = sizeof numbers};
  snprintf(shown, sizeof shown, HEADER("'%sf4'", "False", "(3, 1)"), is_big ? ">" : "<");
  check_written(&view, false, shown, numbers, sizeof numbers);
  view = (sm_tensor_view){.dtype = SM_DT_QINT8, .rank = 1, .dims = {2}, .data = small, .size = 2};
  check_written(&view, false, HEADER("[('qint8', '|i1')]", "False", "(2,)"), small, 2);
  view.dtype = SM_DT_FLOAT8_E4M3FN;
  snprintf(shown, sizeof shown, HEADER("'%sV1'", "False", "(2,)"), is_big ? ">" : "<");
  check_written(&view, false, shown, small, 2);
  snprintf(shown, sizeof shown, HEADER("[('float8_e4m3fn', '%sV1')]", "False", "(2,)"), is_big ? ">" : "<");
  check_written(&view, true, shown, small, 2);
  view = (sm_tensor_view){.dtype = SM_DT_BOOL, .data = small, .size = 1};
  check_written(&view, false, HEADER("'|b1'", "False", "()"), small, 1);
  view.dtype = SM_DT_VARIANT;
  sm_error err;
  gathered none = {.size = 0};
  assert_status(npy_write(&view, false, gather, &none, &err), SM_UNIMPLEMENTED, err);
}

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(npy__headers), cmocka_unit_test(npy__bad_headers),
      cmocka_unit_test(npy__orders),  cmocka_unit_test(npy__numbers_stay_where_they_are),
      cmocka_unit_test(npy__strings), cmocka_unit_test(npy__written),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
