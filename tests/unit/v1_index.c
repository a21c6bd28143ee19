/* v1_files.c, v1_index.c, v1_values.c: checkpoints of version 1. Formats: saved_tensor_slice.proto. */
#include "support/check.h"

#include "support/bundle_maker.h"
#include "support/files.h"

/* One file of one: rows by hand, the metas last. */
typedef struct v1_file {
  b_bundle b;
  w_buffer meta; /* SavedTensorSliceMeta */
} v1_file;

static void begin(v1_file *file) {
  *file = (v1_file){0};
  b_begin(&file->b, 0);
  file->b.no_header = true;
}

static void put_meta(v1_file *file, const char *name, sm_dtype dtype, const int64_t *dims, int32_t rank,
                     const sm_extent *slice) {
  w_buffer slices = {0};
  size_t tensor = w_begin(&file->meta, 1);
  w_text(&file->meta, 1, name);
  size_t shape = w_begin(&file->meta, 2);
  for (int32_t i = 0; i < rank; i++) {
    size_t dim = w_begin(&file->meta, 2);
    w_varint(&file->meta, 1, (uint64_t)dims[i]);
    w_end(&file->meta, dim);
  }
  w_end(&file->meta, shape);
  w_varint(&file->meta, 3, dtype);
  b_put_slice(&slices, slice, (size_t)rank); /* as field 7 */
  slices.data[0] = 4 << 3 | 2;
  w_raw(&file->meta, slices.data, slices.size);
  w_end(&file->meta, tensor);
  w_free(&slices);
}

/* values: the fields of the TensorProto. */
static void put_values(v1_file *file, const char *name, const sm_extent *slice, int32_t rank, const w_buffer *values) {
  w_buffer key = {0};
  b_slice_key(&key, name, slice, rank);
  w_buffer *value = b_row_of(&file->b, key.data, key.size);
  size_t data = w_begin(value, 2);
  w_text(value, 1, name);
  w_message(value, 3, values);
  w_end(value, data);
  w_free(&key);
}

static void finish(v1_file *file, const char *path) {
  w_buffer *value = b_row_of(&file->b, "", 0);
  size_t meta = w_begin(value, 1);
  w_raw(value, file->meta.data, file->meta.size);
  w_end(value, meta);
  b_finish(&file->b);
  write_file(path, file->b.index.data, file->b.index.size);
  b_free(&file->b);
  w_free(&file->meta);
}

static void put_floats(w_buffer *w, const float *values, size_t n) { w_bytes(w, 5, values, n * sizeof *values); }

static const float numbers[] = {0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11};
static const int64_t four_by_three[] = {4, 3};

/* ---- Tensors ---- */

static void v1_index__whole_and_in_slices(void **state) {
  (void)state;
  temp_dir dir = make_temp_dir();
  v1_file file;
  w_buffer values = {0};
  static const sm_extent all[] = {{0, -1}, {0, -1}}, top[] = {{0, 1}, {0, -1}}, rest[] = {{1, 3}, {0, -1}};
  begin(&file);
  put_floats(&values, numbers, 12);
  put_meta(&file, "whole", SM_DT_FLOAT, four_by_three, 2, all);
  put_values(&file, "whole", all, 2, &values);
  put_meta(&file, "parts", SM_DT_FLOAT, four_by_three, 2, rest);
  put_meta(&file, "parts", SM_DT_FLOAT, four_by_three, 2, top); /* two messages of one tensor */
  w_clear(&values);
  put_floats(&values, numbers, 3);
  put_values(&file, "parts", top, 2, &values);
  w_clear(&values);
  put_floats(&values, numbers + 3, 9);
  put_values(&file, "parts", rest, 2, &values);
  w_free(&values);
  finish(&file, path_in(dir.path, "model"));

  sm_error err;
  sm_bundle_reader *reader;
  sm_bundle_entry entry;
  float copy[12];
  assert_ok(sm_bundle_reader_open(&reader, path_in(dir.path, "model"), NULL, &err), err);
  assert_number("format", sm_bundle_reader_get_header(reader)->format, 1);
  static const char *const keys[] = {"parts", "whole"};
  for (size_t i = 0; i < 2; i++) {
    assert_ok(sm_bundle_reader_find(&entry, reader, keys[i], &err), err);
    assert_number("slices", entry.n_slices, i == 0 ? 2 : 1);
    assert_number("shard", entry.shard, -1);
    assert_ok(sm_bundle_reader_read(reader, keys[i], NULL, copy, sizeof copy, &err), err);
    assert_bytes(keys[i], copy, sizeof copy, numbers, sizeof numbers);
    const sm_extent column[] = {{0, 4}, {1, 1}};
    assert_ok(sm_bundle_reader_read(reader, keys[i], &(sm_slice_spec){column, 2}, copy, 16, &err), err);
    for (int row = 0; row < 4; row++) assert_true(copy[row] == numbers[3 * row + 1]);
  }
  assert_status(sm_bundle_reader_find(&entry, reader, "other", &err), SM_NOT_FOUND, err);
  sm_bundle_iter *iter;
  const sm_bundle_entry *next;
  assert_ok(sm_bundle_iter_new(&iter, reader, "q", &err), err);
  assert_ok(sm_bundle_iter_next(&next, iter, &err), err);
  assert_bytes("next", next->key.data, next->key.size, "whole", 5);
  assert_ok(sm_bundle_iter_next(&next, iter, &err), err);
  assert_null(next);
  sm_bundle_iter_free(iter);
  assert_ok(sm_bundle_reader_verify(reader, NULL, NULL, NULL, &err), err);
  sm_bundle_reader_close(reader);
  remove_temp_dir(&dir);
}

/* In a tensor bundle the empty key is the header's. */
static void v1_index__tensor_without_a_name(void **state) {
  (void)state;
  temp_dir dir = make_temp_dir();
  v1_file file;
  w_buffer values = {0};
  static const sm_extent all[] = {{0, -1}, {0, -1}};
  begin(&file);
  put_floats(&values, numbers, 12);
  put_meta(&file, "", SM_DT_FLOAT, four_by_three, 2, all);
  put_values(&file, "", all, 2, &values);
  w_free(&values);
  finish(&file, path_in(dir.path, "model"));

  sm_error err;
  sm_bundle_reader *reader;
  sm_bundle_iter *iter;
  const sm_bundle_entry *entry;
  float copy[12];
  assert_ok(sm_bundle_reader_open(&reader, path_in(dir.path, "model"), NULL, &err), err);
  assert_ok(sm_bundle_iter_new(&iter, reader, NULL, &err), err);
  assert_ok(sm_bundle_iter_next(&entry, iter, &err), err);
  assert_non_null(entry);
  assert_number("size of the name", entry->key.size, 0);
  sm_bundle_iter_free(iter);
  assert_ok(sm_bundle_reader_read(reader, "", NULL, copy, sizeof copy, &err), err);
  assert_bytes("values", copy, sizeof copy, numbers, sizeof numbers);
  assert_ok(sm_bundle_reader_verify(reader, NULL, NULL, NULL, &err), err);
  sm_bundle_reader_close(reader);
  remove_temp_dir(&dir);
}

/* Numbers as protobuf has them, packed and one by one, to what they are in memory. */
static void v1_index__values_of_all_kinds(void **state) {
  (void)state;
  static const struct {
    sm_dtype dtype;
    uint32_t field;
    unsigned type;
    uint64_t values[2];
    const char *expected;
    size_t size;
  } rows[] = {
      {SM_DT_FLOAT, 5, W_FIXED32, {0x3F800000, 0xC0000000}, "\0\0\x80\x3F\0\0\0\xC0", 8},
      {SM_DT_DOUBLE, 6, W_FIXED64, {0x3FF0000000000000, 1}, "\0\0\0\0\0\0\xF0\x3F\1\0\0\0\0\0\0\0", 16},
      {SM_DT_INT32, 7, W_VARINT, {UINT64_MAX, 7}, "\xFF\xFF\xFF\xFF\7\0\0\0", 8},
      {SM_DT_INT8, 7, W_VARINT, {UINT64_MAX, 7}, "\xFF\7", 2},
      {SM_DT_QUINT16, 7, W_VARINT, {65535, 7}, "\xFF\xFF\7\0", 4},
      {SM_DT_INT64, 10, W_VARINT, {UINT64_MAX, 1}, "\xFF\xFF\xFF\xFF\xFF\xFF\xFF\xFF\1\0\0\0\0\0\0\0", 16},
      {SM_DT_BOOL, 11, W_VARINT, {2, 0}, "\1\0", 2},
      {SM_DT_HALF, 13, W_VARINT, {0x3C00, 0x8000}, "\0\x3C\0\x80", 4},
      {SM_DT_UINT64, 17, W_VARINT, {UINT64_MAX, 0}, "\xFF\xFF\xFF\xFF\xFF\xFF\xFF\xFF\0\0\0\0\0\0\0\0", 16},
  };
  const int64_t two[] = {2};
  const sm_extent all[] = {{0, -1}};
  for (int packed = 0; packed < 2; packed++)
    for (size_t i = 0; i < N_OF(rows); i++) {
      temp_dir dir = make_temp_dir();
      v1_file file;
      w_buffer values = {0}, raw = {0};
      begin(&file);
      for (int k = 0; k < 2; k++) {
        w_buffer *w = packed ? &raw : &values;
        if (rows[i].type == W_VARINT) w_varint(w, rows[i].field, rows[i].values[k]);
        if (rows[i].type == W_FIXED32) w_fixed32(w, rows[i].field, (uint32_t)rows[i].values[k]);
        if (rows[i].type == W_FIXED64) w_fixed64(w, rows[i].field, rows[i].values[k]);
      }
      if (packed) { /* without the tags, which all are two bytes or one */
        size_t tag = rows[i].field > 15 ? 2 : 1, half = 0;
        w_buffer first = {0};
        if (rows[i].type == W_VARINT) w_varint(&first, rows[i].field, rows[i].values[0]);
        half = rows[i].type == W_VARINT ? first.size : raw.size / 2;
        size_t list = w_begin(&values, rows[i].field);
        w_raw(&values, raw.data + tag, half - tag);
        w_raw(&values, raw.data + half + tag, raw.size - half - tag);
        w_end(&values, list);
        w_free(&first);
      }
      put_meta(&file, "v", rows[i].dtype, two, 1, all);
      put_values(&file, "v", all, 1, &values);
      finish(&file, path_in(dir.path, "m"));
      w_free(&values);
      w_free(&raw);
      sm_error err;
      sm_bundle_reader *reader;
      char copy[16];
      assert_ok(sm_bundle_reader_open(&reader, path_in(dir.path, "m"), NULL, &err), err);
      assert_ok(sm_bundle_reader_read(reader, "v", NULL, copy, rows[i].size, &err), err);
      assert_bytes(sm_dtype_name(rows[i].dtype), copy, rows[i].size, rows[i].expected, rows[i].size);
      sm_bundle_reader_close(reader);
      remove_temp_dir(&dir);
    }
}

static void v1_index__strings(void **state) {
  (void)state;
  temp_dir dir = make_temp_dir();
  v1_file file;
  w_buffer values = {0};
  const int64_t three[] = {3};
  const sm_extent all[] = {{0, -1}}, last[] = {{1, 2}};
  begin(&file);
  w_text(&values, 8, "");
  w_text(&values, 8, "abc");
  w_bytes(&values, 8, "nul\0in", 6);
  put_meta(&file, "s", SM_DT_STRING, three, 1, all);
  put_values(&file, "s", all, 1, &values);
  w_free(&values);
  finish(&file, path_in(dir.path, "m"));
  sm_error err;
  sm_bundle_reader *reader;
  sm_tensor *tensor;
  assert_ok(sm_bundle_reader_open(&reader, path_in(dir.path, "m"), NULL, &err), err);
  assert_ok(sm_bundle_reader_read_tensor(&tensor, reader, "s", &(sm_slice_spec){last, 1}, &err), err);
  sm_bundle_reader_close(reader);
  const sm_string *strings = sm_tensor_get_view(tensor)->data;
  assert_bytes("first", strings[0].data, strings[0].size, "abc", 3);
  assert_bytes("second", strings[1].data, strings[1].size, "nul\0in", 6);
  sm_tensor_free(tensor);
  remove_temp_dir(&dir);
}

/* Fewer and more values than elements, a shape that is too large, a slice that is not there. */
static void v1_index__values_that_do_not_fit(void **state) {
  (void)state;
  static const size_t n_values[] = {0, 11, 13};
  static const int64_t huge[] = {(int64_t)1 << 40, 3};
  const sm_extent all[] = {{0, -1}, {0, -1}};
  for (size_t i = 0; i < N_OF(n_values) + 2; i++) {
    temp_dir dir = make_temp_dir();
    v1_file file;
    w_buffer values = {0};
    float many[13] = {0};
    begin(&file);
    put_floats(&values, many, i < N_OF(n_values) ? n_values[i] : 12);
    put_meta(&file, "v", SM_DT_FLOAT, i == N_OF(n_values) ? huge : four_by_three, 2, all);
    if (i <= N_OF(n_values)) put_values(&file, "v", all, 2, &values);
    finish(&file, path_in(dir.path, "m"));
    w_free(&values);
    sm_error err;
    sm_bundle_reader *reader;
    sm_tensor *tensor;
    assert_ok(sm_bundle_reader_open(&reader, path_in(dir.path, "m"), NULL, &err), err);
    sm_status status = sm_bundle_reader_read_tensor(&tensor, reader, "v", NULL, &err);
    assert_number("status", status, SM_DATA_LOSS);
    assert_mentions(err.message, "v");
    assert_status(sm_bundle_reader_verify(reader, NULL, NULL, NULL, &err), SM_DATA_LOSS, err);
    sm_bundle_reader_close(reader);
    remove_temp_dir(&dir);
  }
}

/* ---- Files ---- */

static void write_shard(const char *dir, const char *name, int first) {
  v1_file file;
  w_buffer values = {0};
  const sm_extent rows[] = {{first, 2}, {0, -1}};
  begin(&file);
  put_floats(&values, numbers + 3 * first, 6);
  put_meta(&file, "v", SM_DT_FLOAT, four_by_three, 2, rows);
  put_values(&file, "v", rows, 2, &values);
  w_free(&values);
  finish(&file, path_in(dir, name));
}

static sm_status open_and_read(const char *dir, const char *prefix) {
  sm_error err;
  sm_bundle_reader *reader;
  float copy[12];
  sm_status status = sm_bundle_reader_open(&reader, path_in(dir, prefix), NULL, &err);
  if (status == SM_OK) status = sm_bundle_reader_read(reader, "v", NULL, copy, sizeof copy, &err);
  if (status == SM_OK) assert_bytes("v", copy, sizeof copy, numbers, sizeof numbers);
  sm_bundle_reader_close(reader);
  return status;
}

static void v1_index__several_files(void **state) {
  (void)state;
  temp_dir dir = make_temp_dir();
  write_shard(dir.path, "model-00000-of-00002", 0);
  assert_number("half of it", open_and_read(dir.path, "model"), SM_DATA_LOSS);
  write_shard(dir.path, "model-00001-of-00002", 2);
  assert_number("all of it", open_and_read(dir.path, "model"), SM_OK);
  assert_number("pattern",
                open_and_read(dir.path,
                              "model-?????"
                              "-of-00002"),
                SM_OK);
  assert_number("stars", open_and_read(dir.path, "mod*-of-00002"), SM_OK);
  assert_number("one file", open_and_read(dir.path, "model-00001-of-00002"), SM_DATA_LOSS);
  assert_number("none", open_and_read(dir.path, "mode"), SM_NOT_FOUND);
  write_shard(dir.path, "model-00000-of-00003", 0);
  assert_number("of two saves", open_and_read(dir.path, "model"), SM_DATA_LOSS);
  assert_number("one of them",
                open_and_read(dir.path,
                              "model-?????"
                              "-of-00002"),
                SM_OK);
  remove_temp_dir(&dir);
}

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(v1_index__whole_and_in_slices),    cmocka_unit_test(v1_index__tensor_without_a_name),
      cmocka_unit_test(v1_index__values_of_all_kinds),    cmocka_unit_test(v1_index__strings),
      cmocka_unit_test(v1_index__values_that_do_not_fit), cmocka_unit_test(v1_index__several_files),
  };
  return cmocka_run_group_tests_name("v1_index", tests, NULL, NULL);
}
