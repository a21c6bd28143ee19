#include "support/check.h"

#include "cli/npz.h"
#include "support/files.h"

#ifdef SM_HAVE_ZLIB
enum { HAS_ZLIB = 1 };
#else
enum { HAS_ZLIB = 0 };
#endif

typedef struct gathered {
  char *bytes;
  size_t size, capacity;
} gathered;

static sm_status gather(void *ctx, const void *data, size_t size, sm_error *err) {
  (void)err;
  gathered *to = ctx;
  if (to->capacity - to->size < size) {
    to->capacity = 2 * (to->capacity + size);
    to->bytes = realloc(to->bytes, to->capacity);
    assert_non_null(to->bytes);
  }
  memcpy(to->bytes + to->size, data, size);
  to->size += size;
  return SM_OK;
}

static const float numbers[] = {1, 2, 3, 4};
static const sm_tensor_view matrix = {
    .dtype = SM_DT_FLOAT, .rank = 2, .dims = {2, 2}, .data = numbers, .size = sizeof numbers};

static sm_string string(const char *text) { return (sm_string){text, strlen(text)}; }

/* An archive in memory, open. */
typedef struct opened {
  sm_fs *fs;
  npz in;
} opened;

static sm_status open_bytes(opened *out, const gathered *bytes, bool no_mmap, sm_error *err) {
  sm_open_options options = SM_OPEN_OPTIONS_INIT;
  assert_int_equal(sm_fs_memory_new(&out->fs, NULL, err), SM_OK);
  assert_int_equal(sm_fs_memory_add(out->fs, "a.npz", bytes->bytes, bytes->size, err), SM_OK);
  options.fs = out->fs;
  options.no_mmap = no_mmap;
  return npz_open(&out->in, "a.npz", &options, err);
}

static void close_bytes(opened *in) {
  npz_close(&in->in);
  sm_fs_close(in->fs);
}

static void npz__written_is_read(void **state) {
  (void)state;
  gathered to = {.size = 0};
  npz_writer w;
  sm_error err;
  const sm_string strings[] = {{"ab", 2}, {"", 0}};
  sm_tensor_view words = {.dtype = SM_DT_STRING, .rank = 1, .dims = {2}, .data = strings, .size = sizeof strings};
  npz_writer_begin(&w, gather, &to);
  assert_ok(npz_writer_add(&w, string("z"), &matrix, &err), err);
  assert_ok(npz_writer_add(&w, string("a/.b/c"), &words, &err), err);
  assert_ok(npz_writer_add(&w, string("\xC3\xA9"), &matrix, &err), err);
  assert_ok(npz_writer_finish(&w, &err), err);
  npz_writer_free(&w);
  for (int no_mmap = 0; no_mmap < 2; no_mmap++) {
    opened o;
    array got;
    assert_ok(open_bytes(&o, &to, no_mmap, &err), err);
    assert_number("arrays", o.in.n, 3);
    assert_text("sorted", o.in.names[0], "a/.b/c");
    assert_text("sorted", o.in.names[1], "z");
    assert_text("sorted", o.in.names[2], "\xC3\xA9");
    assert_number("find", npz_find(&o.in, "z"), 1);
    assert_number("find with ending", npz_find(&o.in, "z.npy"), 1);
    assert_number("find nothing", npz_find(&o.in, "y"), 3);
    assert_ok(npz_read(&got, &o.in, 1, SM_DT_INVALID, &err), err);
    assert_bytes("z", got.view.data, got.view.size, numbers, sizeof numbers);
    array_free(&got);
    assert_ok(npz_read(&got, &o.in, 0, SM_DT_INVALID, &err), err);
    const sm_string *word = got.view.data;
    assert_number("strings", got.view.size, sizeof strings);
    assert_bytes("ab", word->data, word->size, "ab", 2);
    array_free(&got);
    close_bytes(&o);
  }
  free(to.bytes);
}

static void npz__names_that_cannot_be(void **state) {
  (void)state;
  static const char *const names[] = {"", "/a", "a/", "a//b", ".", "a/../b", "..", "./a", "\xC3", "\xED\xA0\x80"};
  gathered to = {.size = 0};
  npz_writer w;
  sm_error err;
  char longest[4100];
  memset(longest, 'x', sizeof longest);
  npz_writer_begin(&w, gather, &to);
  for (size_t i = 0; i < N_OF(names); i++)
    assert_status(npz_writer_add(&w, string(names[i]), &matrix, &err), SM_INVALID_ARGUMENT, err);
  assert_status(npz_writer_add(&w, (sm_string){"a\0b", 3}, &matrix, &err), SM_INVALID_ARGUMENT, err);
  assert_status(npz_writer_add(&w, (sm_string){longest, 4001}, &matrix, &err), SM_INVALID_ARGUMENT, err);
  assert_ok(npz_writer_add(&w, (sm_string){longest, 4000}, &matrix, &err), err);
  assert_ok(npz_writer_finish(&w, &err), err);
  npz_writer_free(&w);
  free(to.bytes);
}

static void npz__names_in_each_others_way(void **state) {
  (void)state;
  static const char *const pairs[][2] = {{"a", "a"}, {"a", "a.npy/b"}, {"a.npy/b/c", "a"}};
  for (size_t i = 0; i < N_OF(pairs); i++) {
    gathered to = {.size = 0};
    npz_writer w;
    sm_error err;
    npz_writer_begin(&w, gather, &to);
    assert_ok(npz_writer_add(&w, string(pairs[i][0]), &matrix, &err), err);
    assert_ok(npz_writer_add(&w, string("b"), &matrix, &err), err);
    assert_ok(npz_writer_add(&w, string(pairs[i][1]), &matrix, &err), err);
    assert_status(npz_writer_finish(&w, &err), SM_INVALID_ARGUMENT, err);
    assert_mentions(err.message, "'a.npy");
    npz_writer_free(&w);
    free(to.bytes);
  }
}

/* More members than fit into sixteen bits. */
static void npz__many(void **state) {
  (void)state;
  enum { N = 65536 };
  const uint8_t one = 1;
  sm_tensor_view view = {.dtype = SM_DT_UINT8, .data = &one, .size = 1};
  gathered to = {.size = 0};
  npz_writer w;
  sm_error err;
  npz_writer_begin(&w, gather, &to);
  for (int i = 0; i < N; i++) {
    char name[16];
    snprintf(name, sizeof name, "%d", i);
    assert_ok(npz_writer_add(&w, string(name), &view, &err), err);
  }
  assert_ok(npz_writer_finish(&w, &err), err);
  npz_writer_free(&w);
  opened o;
  assert_ok(open_bytes(&o, &to, false, &err), err);
  assert_number("arrays", o.in.n, N);
  close_bytes(&o);
  free(to.bytes);
}

static void npz__sink_fails(void **state) {
  (void)state;
  npz_writer w;
  sm_error err;
  sm_tensor_view variant = {.dtype = SM_DT_VARIANT};
  gathered to = {.size = 0};
  npz_writer_begin(&w, gather, &to);
  assert_status(npz_writer_add(&w, string("v"), &variant, &err), SM_UNIMPLEMENTED, err);
  assert_number("nothing of it is written", to.size, 0);
  npz_writer_free(&w);
  free(to.bytes);
}

static void npz__no_archive(void **state) {
  (void)state;
  static const char *const files[] = {"", "PK", "\x93NUMPY\1\0", "PK\3\4 and no more"};
  for (size_t i = 0; i < N_OF(files); i++) {
    gathered bytes = {.bytes = (char *)(uintptr_t)files[i], .size = strlen(files[i])};
    opened o;
    sm_error err;
    assert_status(open_bytes(&o, &bytes, false, &err), SM_DATA_LOSS, err);
    close_bytes(&o);
  }
}

/* What a tool that was built without zlib says. */
static void npz__needs_zlib(void **state) {
  (void)state;
  gathered bytes = {.bytes = NULL};
  npz_writer writer;
  sm_error err;
  npz_writer_begin(&writer, gather, &bytes);
  assert_status(npz_writer_add(&writer, string("a"), &matrix, &err), SM_UNIMPLEMENTED, err);
  assert_mentions(err.message, "zlib");
  npz_writer_free(&writer);
  free(bytes.bytes);
}

int main(void) {
  const struct CMUnitTest without_zlib[] = {
      cmocka_unit_test(npz__needs_zlib),
      cmocka_unit_test(npz__no_archive),
  };
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(npz__written_is_read),
      cmocka_unit_test(npz__names_that_cannot_be),
      cmocka_unit_test(npz__names_in_each_others_way),
      cmocka_unit_test(npz__many),
      cmocka_unit_test(npz__sink_fails),
      cmocka_unit_test(npz__no_archive),
  };
  return HAS_ZLIB ? cmocka_run_group_tests(tests, NULL, NULL) : cmocka_run_group_tests(without_zlib, NULL, NULL);
}
