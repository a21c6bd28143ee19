/* Pickles as Python wrote them: pickletools.dis of each is what the pieces say. */
#include "support/check.h"

#include "cli/pickle.h"

#define RECONSTRUCT                                                \
  "cnumpy.core.multiarray\n_reconstruct\ncnumpy\nndarray\nK\0\x85" \
  "C\1b\x87R"
#define STATE_2 "(K\1K\2\x85"
#define OBJECTS "cnumpy\ndtype\nX\2\0\0\0O8\x89\x88\x87R(K\3X\1\0\0\0|NNNJ\xff\xff\xff\xffJ\xff\xff\xff\xffK?tb\x89"
#define END "tb."

static void pickle__strings(void **state) {
  (void)state;
  static const char data[] = "\x80\3" RECONSTRUCT STATE_2 OBJECTS "](C\2abq\0X\3\0\0\0\xc3\xa9ze" END "more";
  pickled_strings got;
  sm_error err;
  assert_ok(pickle_read(&got, data, sizeof data - 1, &err), err);
  assert_number("rank", got.rank, 1);
  assert_number("dims", got.dims[0], 2);
  assert_number("n", got.n, 2);
  assert_bytes("bytes", got.strings[0].data, got.strings[0].size, "ab", 2);
  assert_bytes("text", got.strings[1].data, got.strings[1].size, "\xc3\xa9z", 3);
  free(got.strings);
  free(got.bytes);
}

/* Protocol 2 writes bytes as a text to be encoded, and shares what it wrote before. */
static void pickle__encoded_bytes(void **state) {
  (void)state;
  static const char data[] =
      "\x80\2" RECONSTRUCT STATE_2 OBJECTS "](c_codecs\nencode\nX\4\0\0\0a\xc3\xbf\0X\6\0\0\0latin1\x86Rq\0h\0e" END;
  pickled_strings got;
  sm_error err;
  assert_ok(pickle_read(&got, data, sizeof data - 1, &err), err);
  assert_number("n", got.n, 2);
  for (size_t i = 0; i < 2; i++) assert_bytes("bytes", got.strings[i].data, got.strings[i].size, "a\xff\0", 3);
  free(got.strings);
  free(got.bytes);
}

static void pickle__refused(void **state) {
  (void)state;
  static const struct {
    sm_string data;
    sm_status status;
    const char *problem;
  } rows[] = {
#define ROW(data, status, problem) {{data, sizeof(data) - 1}, status, problem}
      ROW("", SM_DATA_LOSS, "STOP"),
      ROW("cposix\nsystem\n(X\2\0\0\0lstR.", SM_UNIMPLEMENTED, "posix.system"),
      ROW("\x8c\5posix\x8c\6system\x93.", SM_UNIMPLEMENTED, "posix.system"),
      ROW("cnumpy\nndarray\n)R.", SM_DATA_LOSS, "calls what numpy does not"),
      ROW("}.", SM_UNIMPLEMENTED, "EMPTY_DICT"),
      ROW("iposix\nsystem\n.", SM_UNIMPLEMENTED, "INST"),
      ROW("\x81.", SM_UNIMPLEMENTED, "NEWOBJ"),
      ROW("P1\n.", SM_UNIMPLEMENTED, "PERSID"),
      ROW("\xfe", SM_DATA_LOSS, "0xfe"),
      ROW("K\1.", SM_UNIMPLEMENTED, "an int"),
      ROW(".", SM_DATA_LOSS, "empty stack"),
      ROW("(.", SM_DATA_LOSS, "empty stack"),
      ROW("(K\1\x86.", SM_DATA_LOSS, "empty stack"),
      ROW("K\1(K\1\x87.", SM_DATA_LOSS, "mark"),
      ROW("t.", SM_DATA_LOSS, "no mark"),
      ROW("K\1K\2a.", SM_DATA_LOSS, "no list"),
      ROW("K\1K\2b.", SM_DATA_LOSS, "state"),
      ROW("h\0.", SM_DATA_LOSS, "memo"),
      ROW("K\1r\xff\xff\xff\x7f.", SM_DATA_LOSS, "memo"),
      ROW("C\5ab", SM_DATA_LOSS, "too early"),
      ROW("\x8e\xff\xff\xff\xff\xff\xff\xff\xff"
          "a",
          SM_DATA_LOSS, "too early"),
      ROW("cnumpy\ndtype\nX\2\0\0\0f4\x89\x88\x87R.", SM_UNIMPLEMENTED, "'f4'"),
      ROW(RECONSTRUCT ".", SM_DATA_LOSS, "state"),
      ROW(RECONSTRUCT STATE_2 OBJECTS "](C\1ae" END, SM_DATA_LOSS, "as many"),
      ROW(RECONSTRUCT STATE_2 OBJECTS "](C\1aK\1e" END, SM_UNIMPLEMENTED, "element 1 of the array is an int"),
      ROW(RECONSTRUCT STATE_2 OBJECTS "](C\1aNe" END, SM_UNIMPLEMENTED, "None"),
      ROW("c_codecs\nencode\nX\2\0\0\0\xc4\x80X\6\0\0\0latin1\x86R.", SM_DATA_LOSS, "latin1"),
      ROW("c_codecs\nencode\nX\1\0\0\0aX\4\0\0\0utf8\x86R.", SM_DATA_LOSS, "otherwise"),
#undef ROW
  };
  for (size_t i = 0; i < N_OF(rows); i++) {
    pickled_strings got;
    sm_error err;
    assert_status(pickle_read(&got, rows[i].data.data, rows[i].data.size, &err), rows[i].status, err);
    assert_mentions(err.message, rows[i].problem);
    assert_null(got.strings);
  }
}

/* Lists in lists in lists, and one that holds itself: neither is followed. */
static void pickle__depth(void **state) {
  (void)state;
  enum { DEPTH = 200000 };
  char *data = malloc(2 * DEPTH + 1);
  assert_non_null(data);
  memset(data, ']', DEPTH);
  memset(data + DEPTH, 'a', DEPTH - 1);
  data[2 * DEPTH - 1] = '.';
  pickled_strings got;
  sm_error err;
  assert_status(pickle_read(&got, data, 2 * DEPTH, &err), SM_UNIMPLEMENTED, err);
  free(data);
  assert_status(pickle_read(&got, "]q\0h\0a.", 7, &err), SM_UNIMPLEMENTED, err);
}

/* One text, to be encoded over and over. */
static void pickle__bomb(void **state) {
  (void)state;
  static const char data[] =
      "c_codecs\nencode\nq\0X\100\0\0\0"
      "0123456789abcdef0123456789abcdef0123456789abcdef0123456789abcdef"
      "X\6\0\0\0latin1\x86q\1R"
      "h\0h\1R"
      "h\0h\1R"
      "h\0h\1R";
  pickled_strings got;
  sm_error err;
  assert_status(pickle_read(&got, data, sizeof data - 1, &err), SM_DATA_LOSS, err);
  assert_mentions(err.message, "again and again");
}

typedef struct gathered {
  char bytes[70000];
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

/* That numpy reads it is seen in formats_np.py. */
static void pickle__written_is_read(void **state) {
  (void)state;
  static gathered to;
  sm_string strings[1001];
  for (size_t i = 0; i < N_OF(strings); i++) strings[i] = (sm_string){"0123456789abcdef\0", i % 18};
  sm_tensor_view view = {
      .dtype = SM_DT_STRING, .rank = 3, .dims = {7, 11, 13}, .data = strings, .size = sizeof strings};
  pickled_strings got;
  sm_error err;
  assert_ok(pickle_write(&view, gather, &to, &err), err);
  assert_ok(pickle_read(&got, to.bytes, to.size, &err), err);
  assert_number("rank", got.rank, 3);
  assert_bytes("dims", got.dims, 3 * sizeof got.dims[0], view.dims, 3 * sizeof got.dims[0]);
  assert_number("n", got.n, N_OF(strings));
  for (size_t i = 0; i < got.n; i++)
    assert_bytes("string", got.strings[i].data, got.strings[i].size, strings[i].data, strings[i].size);
  free(got.strings);
  free(got.bytes);
}

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(pickle__strings), cmocka_unit_test(pickle__encoded_bytes),
      cmocka_unit_test(pickle__refused), cmocka_unit_test(pickle__depth),
      cmocka_unit_test(pickle__bomb),    cmocka_unit_test(pickle__written_is_read),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
