/* What safetensors 0.8.0 writes; tests/interop/formats_np.py has more, and what it refuses. */
#include "support/check.h"

#include "cli/safetensors.h"

/* safetensors.numpy.save({"b": numpy.uint8([1, 2, 3]), "a": numpy.float32([1]), "é\n": numpy.array(2, numpy.float32)}, {"k": "v"}) */
static const char recorded[] =
    "\xc0\0\0\0\0\0\0\0"
    "{\"__metadata__\":{\"k\":\"v\"},\"a\":{\"dtype\":\"F32\",\"shape\":[1],\"data_offsets\":[0,4]},"
    "\"\xc3\xa9\\n\":{\"dtype\":\"F32\",\"shape\":[],\"data_offsets\":[4,8]},"
    "\"b\":{\"dtype\":\"U8\",\"shape\":[3],\"data_offsets\":[8,11]}}     "
    "\0\0\x80\x3f"
    "\0\0\0\x40"
    "\1\2\3";

static void safetensors__read(void **state) {
  (void)state;
  safetensors in;
  array got;
  sm_error err;
  const float one = 1;
  assert_ok(safetensors_open(&in, "f", recorded, sizeof recorded - 1, &err), err);
  assert_number("arrays", in.n, 3);
  assert_text("sorted", in.entries[0].name.data, "a");
  assert_text("sorted", in.entries[1].name.data, "b");
  assert_text("sorted", in.entries[2].name.data, "\xC3\xA9\n");
  assert_number("notes", in.n_notes, 1);
  assert_text("note", in.notes[0].key.data, "k");
  assert_text("note", in.notes[0].value.data, "v");
  assert_number("find", safetensors_find(&in, (sm_string){"b", 1}), 1);
  assert_number("find nothing", safetensors_find(&in, (sm_string){"c", 1}), 3);
  assert_ok(safetensors_read(&got, &in, 0, &err), err);
  assert_number("dtype", got.view.dtype, SM_DT_FLOAT);
  assert_number("rank", got.view.rank, 1);
  assert_number("dims", got.view.dims[0], 1);
  assert_bytes("a", got.view.data, got.view.size, &one, sizeof one);
  array_free(&got);
  safetensors_close(&in);
}

static sm_status open_text(safetensors *out, char *file, const char *json, size_t n_bytes, sm_error *err) {
  size_t size = strlen(json);
  memset(file, 0, 8);
  file[0] = (char)(size & 0xFF);
  file[1] = (char)(size >> 8);
  memcpy(file + 8, json, size);
  memset(file + 8 + size, 0, n_bytes);
  return safetensors_open(out, "f.safetensors", file, 8 + size + n_bytes, err);
}

#define ENTRY(type, shape, offsets) "{\"dtype\":\"" type "\",\"shape\":" shape ",\"data_offsets\":" offsets "}"

static void safetensors__refused(void **state) {
  (void)state;
  static const struct {
    const char *json;
    size_t n_bytes;
    const char *problem;
  } rows[] = {
      {"", 0, "'{' is due"},
      {"{", 0, "'\"' is due"},
      {"{} x", 0, "follows"},
      {"{}", 1, "header speaks of 0"},
      {"{\"a\":" ENTRY("U8", "[1]", "[0,1]") ",}", 1, "is due"},
      {"{\"a\":" ENTRY("U8", "[1]", "[1,2]") "}", 2, "does not begin"},
      {"{\"a\":" ENTRY("U8", "[1]", "[0,1]") "}", 2, "2 bytes"},
      {"{\"a\":" ENTRY("U8", "[2]", "[0,1]") "}", 1, "does not fit"},
      {"{\"a\":" ENTRY("U8", "[0]", "[1,0]") "}", 0, "does not begin"},
      {"{\"a\":" ENTRY("F4", "[3]", "[0,1]") "}", 1, "does not fit"},
      {"{\"a\":" ENTRY("U8", "[1.0]", "[0,1]") "}", 1, "not natural"},
      {"{\"a\":" ENTRY("U8", "[01]", "[0,1]") "}", 1, "natural number is due"},
      {"{\"a\":" ENTRY("U8", "[18446744073709551616]", "[0,1]") "}", 1, "too large"},
      {"{\"a\":" ENTRY("U8", "[9223372036854775808]", "[0,1]") "}", 1, "too large"},
      {"{\"a\":" ENTRY("F32", "[4294967296,4294967296,4294967296]", "[0,0]") "}", 0, "does not fit"},
      {"{\"a\":" ENTRY("U8", "[1]", "[0,1]") ",\"b\":" ENTRY("U8", "[1]", "[0,1]") "}", 1, "does not begin"},
      {"{\"a\":" ENTRY("U8", "[1]", "[0,1]") ",\"\\u0061\":" ENTRY("U8", "[1]", "[1,2]") "}", 2, "two of this name"},
      {"{\"a\":{\"dtype\":\"U8\",\"shape\":[]}}", 1, "missing"},
      {"{\"a\":{\"dtype\":\"U8\",\"dtype\":\"U8\"}}", 1, "not due"},
      {"{\"a\":{\"x\":\"U8\"}}", 1, "not due"},
      {"{\"a\":{\"dtype\":\"U8\\u0000\"}}", 1, "NUL"},
      {"{\"__metadata__\":{},\"__metadata__\":{}}", 0, "twice"},
      {"{\"__metadata__\":{\"a\":1}}", 0, "'\"' is due"},
      {"{\"\\ud800\":{}}", 0, "wrong escape"},
      {"{\"\\ud800\\u0041\":{}}", 0, "wrong escape"},
      {"{\"\\x\":{}}", 0, "wrong escape"},
      {"{\"\n\":{}}", 0, "control character"},
      {"{\"\xff\":{}}", 0, "UTF-8"},
      {"{\"a", 0, "does not end"},
  };
  for (size_t i = 0; i < N_OF(rows); i++) {
    char file[512];
    safetensors in;
    sm_error err;
    assert_status(open_text(&in, file, rows[i].json, rows[i].n_bytes, &err), SM_DATA_LOSS, err);
    assert_mentions(err.message, rows[i].problem);
    assert_mentions(err.message, "f.safetensors");
    safetensors_close(&in);
  }
}

static void safetensors__types(void **state) {
  (void)state;
  static const char *const unsupported[] = {"F4", "F8_E8M0", "F6_E2M3"};
  for (size_t i = 0; i < N_OF(unsupported); i++) {
    char file[512], json[128];
    safetensors in;
    array got;
    sm_error err;
    size_t size = i == 0 ? 2 : i == 1 ? 4 : 3;
    snprintf(json, sizeof json, "{\"a\":" ENTRY("%s", "[4]", "[0,%zu]") "}", unsupported[i], size);
    assert_ok(open_text(&in, file, json, size, &err), err);
    assert_status(safetensors_read(&got, &in, 0, &err), SM_UNIMPLEMENTED, err);
    assert_mentions(err.message, unsupported[i]);
    safetensors_close(&in);
  }
}

static void safetensors__lengths(void **state) {
  (void)state;
  static const struct {
    const char *bytes;
    size_t size;
  } rows[] = {{"", 0}, {"\2\0\0\0\0\0\0", 7}, {"\3\0\0\0\0\0\0\0{}", 10}, {"\xff\xff\xff\xff\xff\xff\xff\xff{}", 10}};
  for (size_t i = 0; i < N_OF(rows); i++) {
    safetensors in;
    sm_error err;
    assert_status(safetensors_open(&in, "f", rows[i].bytes, rows[i].size, &err), SM_DATA_LOSS, err);
    safetensors_close(&in);
  }
}

typedef struct gathered {
  char bytes[512];
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

static sm_status get(void *ctx, size_t i, sm_tensor_view *out, sm_error *err) {
  (void)err;
  *out = ((const sm_tensor_view *)ctx)[i];
  return SM_OK;
}

static sm_status write_views(gathered *to, const sm_string *names, sm_tensor_view *views, size_t n, sm_error *err) {
  safetensors_item items[4];
  safetensors_note note = {{"k", 1}, {"v", 1}};
  for (size_t i = 0; i < n; i++) items[i] = (safetensors_item){names[i], views[i].dtype, views[i].rank, views[i].dims};
  return safetensors_write(items, n, &note, 1, get, views, gather, to, err);
}

static void safetensors__written(void **state) {
  (void)state;
  const uint8_t bytes[] = {1, 2, 3};
  const float one = 1, two = 2;
  const sm_string names[] = {{"b", 1}, {"\xC3\xA9\n", 3}, {"a", 1}};
  sm_tensor_view views[] = {{.dtype = SM_DT_UINT8, .rank = 1, .dims = {3}, .data = bytes, .size = 3},
                            {.dtype = SM_DT_FLOAT, .data = &two, .size = 4},
                            {.dtype = SM_DT_FLOAT, .rank = 1, .dims = {1}, .data = &one, .size = 4}};
  gathered to = {.size = 0};
  sm_error err;
  assert_ok(write_views(&to, names, views, 3, &err), err);
  assert_bytes("file", to.bytes, to.size, recorded, sizeof recorded - 1);
}

static void safetensors__not_written(void **state) {
  (void)state;
  static const struct {
    sm_string first, second;
    sm_dtype dtype;
    sm_status status;
    const char *problem;
  } rows[] = {{{"a", 1}, {"a", 1}, SM_DT_UINT8, SM_INVALID_ARGUMENT, "twice"},
              {{"a", 1}, {"\xFF", 1}, SM_DT_UINT8, SM_INVALID_ARGUMENT, "UTF-8"},
              {{"__metadata__", 12}, {"a", 1}, SM_DT_UINT8, SM_INVALID_ARGUMENT, "itself"},
              {{"a", 1}, {"b", 1}, SM_DT_STRING, SM_UNIMPLEMENTED, "DT_STRING"},
              {{"a", 1}, {"b", 1}, SM_DT_COMPLEX128, SM_UNIMPLEMENTED, "DT_COMPLEX128"},
              {{"a", 1}, {"b", 1}, SM_DT_QINT8, SM_UNIMPLEMENTED, "DT_QINT8"},
              {{"a", 1}, {"b", 1}, SM_DT_FLOAT, SM_INVALID_ARGUMENT, "announced"}};
  for (size_t i = 0; i < N_OF(rows); i++) {
    const uint8_t byte = 0;
    sm_string names[] = {rows[i].first, rows[i].second};
    sm_tensor_view view = {.dtype = rows[i].dtype, .data = &byte, .size = 1}, views[] = {view, view};
    gathered to = {.size = 0};
    sm_error err;
    assert_status(write_views(&to, names, views, 2, &err), rows[i].status, err);
    assert_mentions(err.message, rows[i].problem);
  }
}

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(safetensors__read),    cmocka_unit_test(safetensors__refused),
      cmocka_unit_test(safetensors__types),   cmocka_unit_test(safetensors__lengths),
      cmocka_unit_test(safetensors__written), cmocka_unit_test(safetensors__not_written),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
