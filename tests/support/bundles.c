#include "support/bundles.h"

#include "support/check.h"

sm_tensor_view view_of(sm_dtype dtype, const void *data, size_t size, int32_t rank, const int64_t *dims) {
  sm_tensor_view view = {.dtype = dtype, .rank = rank, .data = data, .size = size};
  for (int32_t i = 0; i < rank; i++) view.dims[i] = dims[i];
  return view;
}

/* ---- Numbered checkpoints ---- */

enum { N_LARGE = 100000, N_SMALL = 5 };

static int32_t element(int n, size_t i) { return (int32_t)(i * 2654435761u) + n; }

static void fill(int32_t *data, size_t size, int n) {
  for (size_t i = 0; i < size; i++) data[i] = element(n, i);
}

static sm_status add_numbered(sm_bundle_writer *writer, int n, sm_error *err) {
  static int32_t large[N_LARGE];
  int32_t small[2 * N_SMALL];
  char text[2][16];
  fill(large, N_LARGE, n);
  fill(small, 2 * N_SMALL, n);
  snprintf(text[0], sizeof text[0], "%d", n);
  snprintf(text[1], sizeof text[1], "number %d", n);
  sm_string strings[2] = {{text[0], strlen(text[0])}, {text[1], strlen(text[1])}};
  const int64_t large_dims[] = {N_LARGE}, small_dims[] = {N_SMALL}, two[] = {2}, sliced_dims[] = {2, N_SMALL};
  sm_tensor_view view = view_of(SM_DT_INT32, large, sizeof large, 1, large_dims);
  SM_TRY(sm_bundle_writer_add(writer, "large", &view, err));
  view = view_of(SM_DT_INT32, small, sizeof small / 2, 1, small_dims);
  SM_TRY(sm_bundle_writer_add(writer, "small", &view, err));
  view = view_of(SM_DT_STRING, strings, sizeof strings, 1, two);
  SM_TRY(sm_bundle_writer_add(writer, "strings", &view, err));
  for (int64_t row = 0; row < 2; row++) {
    const int64_t row_dims[] = {1, N_SMALL};
    const sm_extent extents[] = {{row, 1}, {0, -1}};
    const sm_slice_spec slice = {extents, 2};
    view = view_of(SM_DT_INT32, small + row * N_SMALL, sizeof small / 2, 2, row_dims);
    SM_TRY(sm_bundle_writer_add_slice(writer, "sliced", sliced_dims, &slice, &view, err));
  }
  return SM_OK;
}

sm_status save_numbered(const char *prefix, int n, const sm_save_options *options, sm_error *err) {
  sm_bundle_writer *writer;
  SM_TRY(sm_bundle_writer_open(&writer, prefix, options, err));
  sm_status status = add_numbered(writer, n, err);
  if (status == SM_OK) status = sm_bundle_writer_finish(writer, err);
  sm_bundle_writer_close(writer);
  return status;
}

static void check_numbers(const sm_bundle_reader *reader, const char *key, size_t size, int n) {
  static int32_t data[N_LARGE];
  sm_error err;
  assert_ok(sm_bundle_reader_read(reader, key, NULL, data, size * sizeof *data, &err), err);
  for (size_t i = 0; i < size; i++)
    if (data[i] != element(n, i)) assert_number(key, data[i], element(n, i));
}

int read_numbered(const char *prefix, const sm_fs *fs) {
  sm_open_options options = SM_OPEN_OPTIONS_INIT;
  sm_bundle_reader *reader;
  sm_tensor *strings;
  sm_error err;
  char text[32];
  options.fs = fs;
  sm_status status = sm_bundle_reader_open(&reader, prefix, &options, &err);
  if (status == SM_NOT_FOUND) return -1;
  assert_ok(status, err);
  assert_ok(sm_bundle_reader_read_tensor(&strings, reader, "strings", NULL, &err), err);
  const sm_string *string = sm_tensor_get_view(strings)->data;
  int n = (int)strtol(string[0].data, NULL, 10);
  snprintf(text, sizeof text, "number %d", n);
  assert_bytes("strings", string[1].data, string[1].size, text, strlen(text));
  sm_tensor_free(strings);
  check_numbers(reader, "large", N_LARGE, n);
  check_numbers(reader, "small", N_SMALL, n);
  check_numbers(reader, "sliced", 2 * N_SMALL, n);
  sm_bundle_reader_close(reader);
  return n;
}
