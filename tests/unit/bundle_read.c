/* parts.c, bundle_read.c and strings.c: tensors in slices, slices of tensors, strings. */
#include "support/check.h"

#include "support/bundle_maker.h"
#include "support/fault_alloc.h"

enum { ROWS = 6, COLUMNS = 8 };
static const int64_t shape[2] = {ROWS, COLUMNS};

typedef struct fixture {
  b_bundle b;
  sm_fs *fs;
  sm_open_options options;
  sm_bundle_reader *reader;
  sm_error err;
} fixture;

static void begin(fixture *f) {
  *f = (fixture){.options = SM_OPEN_OPTIONS_INIT};
  b_begin(&f->b, 2);
}

static void open_it(fixture *f) {
  sm_error err;
  if (f->b.index.size == 0) b_finish(&f->b);
  if (f->fs == NULL) {
    assert_ok(sm_fs_memory_new(&f->fs, NULL, &err), err);
    b_add_to(&f->b, f->fs, "c");
  }
  f->options.fs = f->fs;
  assert_ok(sm_bundle_reader_open(&f->reader, "c", &f->options, &f->err), f->err);
}

static void end(fixture *f) {
  sm_bundle_reader_close(f->reader);
  sm_fs_close(f->fs);
  b_free(&f->b);
}

/* Element (i, j) is 100 i + j, of every size. */
static void put_element(uint8_t *dst, size_t size, int64_t row, int64_t column) {
  uint64_t value = (uint64_t)(100 * row + column);
  memset(dst, 0, size);
  memcpy(dst, &value, size < 8 ? size : 8);
}

static uint8_t *make_box(const sm_extent *box, size_t element_size) {
  uint8_t *data = malloc((size_t)(box[0].length * box[1].length) * element_size + 1), *p = data;
  for (int64_t i = 0; i < box[0].length; i++)
    for (int64_t j = 0; j < box[1].length; j++, p += element_size)
      put_element(p, element_size, box[0].start + i, box[1].start + j);
  return data;
}

/* Four parts, as a grid of unequal boxes; lengths as they are listed, so that some are -1 in a tensor of one column. */
static const sm_extent grid[][2] = {{{0, 4}, {0, 5}}, {{0, 4}, {5, 3}}, {{4, 2}, {0, 5}}, {{4, 2}, {5, 3}}};

static void put_grid(fixture *f, const char *key, sm_dtype dtype, size_t n_listed, size_t n_stored) {
  size_t size = sm_dtype_size(dtype);
  w_buffer *whole = b_put_entry(&f->b, key, strlen(key), &(b_entry){dtype, 2, shape, 0, 0, 0, 0});
  for (size_t i = 0; i < n_listed; i++) b_put_slice(whole, grid[i], 2);
  for (size_t i = 0; i < n_stored; i++) {
    const int64_t dims[] = {grid[i][0].length, grid[i][1].length};
    uint8_t *data = make_box(grid[i], size);
    (void)b_put_part(&f->b, key, dtype, grid[i], dims, 2, (int32_t)i % 2, data, (size_t)(dims[0] * dims[1]) * size);
    free(data);
  }
}

static void check_slice(fixture *f, const char *key, const sm_extent *box, size_t size) {
  const sm_slice_spec slice = {box, 2};
  sm_tensor *tensor;
  size_t n = (size_t)(box[0].length * box[1].length) * size;
  uint8_t *expected = make_box(box, size), *copy = malloc(n + 1);
  assert_ok(sm_bundle_reader_read(f->reader, key, &slice, copy, n, &f->err), f->err);
  assert_bytes(key, copy, n, expected, n);
  assert_ok(sm_bundle_reader_read_tensor(&tensor, f->reader, key, &slice, &f->err), f->err);
  assert_bytes(key, sm_tensor_get_view(tensor)->data, sm_tensor_get_view(tensor)->size, expected, n);
  sm_tensor_free(tensor);
  free(expected);
  free(copy);
}

/* Every box there is, of tensors of every size of element, in parts and whole, mapped and read. */
static void bundle_read__every_slice(void **state) {
  (void)state;
  static const sm_dtype dtypes[] = {SM_DT_UINT8, SM_DT_HALF, SM_DT_FLOAT, SM_DT_INT64, SM_DT_COMPLEX128};
  for (unsigned mode = 0; mode < 4; mode++) {
    fixture f;
    begin(&f);
    const sm_extent all[] = {{0, ROWS}, {0, COLUMNS}};
    for (size_t d = 0; d < N_OF(dtypes); d++) {
      char key[16];
      snprintf(key, sizeof key, "parts%zu", d);
      put_grid(&f, key, dtypes[d], 4, 4);
      snprintf(key, sizeof key, "whole%zu", d);
      size_t size = sm_dtype_size(dtypes[d]);
      uint8_t *data = make_box(all, size);
      (void)b_put_tensor(&f.b, key, (int32_t)dtypes[d], shape, 2, 0, data, ROWS * COLUMNS * size);
      free(data);
    }
    f.options.no_mmap = (mode & 1) != 0;
    f.options.verify = (mode & 2) != 0 ? SM_VERIFY_ALL : SM_VERIFY_DEFAULT;
    open_it(&f);
    for (size_t d = 0; d < N_OF(dtypes); d++)
      for (int64_t i = 0; i < ROWS; i++)
        for (int64_t j = 0; j < COLUMNS; j++)
          for (int64_t n = 1; n <= ROWS - i; n++)
            for (int64_t m = 1; m <= COLUMNS - j; m += 2) {
              const sm_extent box[] = {{i, n}, {j, m}};
              char key[16];
              snprintf(key, sizeof key, "parts%zu", d);
              check_slice(&f, key, box, sm_dtype_size(dtypes[d]));
              snprintf(key, sizeof key, "whole%zu", d);
              check_slice(&f, key, box, sm_dtype_size(dtypes[d]));
            }
    end(&f);
  }
}

static void bundle_read__slices_that_do_not_fit(void **state) {
  (void)state;
  static const struct {
    sm_extent extents[2];
    size_t n;
    size_t size;
    sm_status expected;
  } rows[] = {{{{0, -1}, {0, -1}}, 2, 192, SM_OK},
              {{{0, 0}, {0, -1}}, 2, 0, SM_OK},
              {{{5, 2}, {0, -1}}, 2, 64, SM_INVALID_ARGUMENT},
              {{{-1, 2}, {0, -1}}, 2, 64, SM_INVALID_ARGUMENT},
              {{{0, -2}, {0, -1}}, 2, 64, SM_INVALID_ARGUMENT},
              {{{INT64_MAX, 2}, {0, -1}}, 2, 64, SM_INVALID_ARGUMENT},
              {{{0, 2}}, 1, 64, SM_INVALID_ARGUMENT},
              {{{0, 2}, {0, -1}}, 2, 63, SM_INVALID_ARGUMENT},
              {{{0, 2}, {0, -1}}, 2, 65, SM_INVALID_ARGUMENT}};
  fixture f;
  begin(&f);
  put_grid(&f, "v", SM_DT_FLOAT, 4, 4);
  open_it(&f);
  for (size_t i = 0; i < N_OF(rows); i++) {
    uint8_t copy[192];
    const sm_slice_spec slice = {rows[i].extents, rows[i].n};
    assert_status(sm_bundle_reader_read(f.reader, "v", &slice, copy, rows[i].size, &f.err), rows[i].expected, f.err);
  }
  end(&f);
}

static void bundle_read__gaps(void **state) {
  (void)state;
  fixture f;
  float copy[ROWS * COLUMNS];
  begin(&f);
  put_grid(&f, "unlisted", SM_DT_FLOAT, 3, 4);
  put_grid(&f, "absent", SM_DT_FLOAT, 4, 3);
  open_it(&f);
  const sm_extent inside[] = {{0, 4}, {2, 6}}, outside[] = {{0, 5}, {2, 6}};
  static const char *const keys[] = {"unlisted", "absent"};
  for (size_t i = 0; i < 2; i++) {
    check_slice(&f, keys[i], inside, sizeof(float));
    assert_status(sm_bundle_reader_read(f.reader, keys[i], &(sm_slice_spec){outside, 2}, copy, 120, &f.err),
                  SM_DATA_LOSS, f.err);
    assert_mentions(f.err.message, keys[i]);
    assert_status(sm_bundle_reader_read(f.reader, keys[i], NULL, copy, sizeof copy, &f.err), SM_DATA_LOSS, f.err);
  }
  end(&f);
}

static void bundle_read__parts_that_cannot_be(void **state) {
  (void)state;
  static const int64_t other[] = {5, 4};
  fixture f;
  float copy[ROWS * COLUMNS] = {0};
  sm_tensor_view view;
  const sm_extent all[] = {{0, -1}, {0, -1}};
  begin(&f);
  static const char *const keys[] = {"dtype", "shape", "nested", "twice"};
  for (size_t i = 0; i < N_OF(keys); i++) {
    w_buffer *whole = b_put_entry(&f.b, keys[i], strlen(keys[i]), &(b_entry){SM_DT_FLOAT, 2, shape, 0, 0, 0, 0});
    b_put_slice(whole, all, 2);
    if (i == 3) b_put_slice(whole, all, 2);
    w_buffer *part = b_put_part(&f.b, keys[i], i == 0 ? SM_DT_INT32 : SM_DT_FLOAT, all, i == 1 ? other : shape, 2, 0,
                                copy, i == 1 ? 80 : sizeof copy);
    if (i == 2) b_put_slice(part, all, 2);
  }
  open_it(&f);
  for (size_t i = 0; i < N_OF(keys); i++) {
    assert_status(sm_bundle_reader_read(f.reader, keys[i], NULL, copy, sizeof copy, &f.err), SM_DATA_LOSS, f.err);
    assert_mentions(f.err.message, keys[i]);
    assert_status(sm_bundle_reader_view(&view, f.reader, keys[i], &f.err), SM_FAILED_PRECONDITION, f.err);
  }
  end(&f);
}

/* Parts that are read whole are checked; of others nothing is known, unless everything is to be checked. */
static void bundle_read__checksums_of_parts(void **state) {
  (void)state;
  for (unsigned mode = 0; mode < 4; mode++) {
    fixture f;
    float copy[ROWS * COLUMNS];
    const sm_extent exact[] = {{0, 4}, {0, 5}}, column[] = {{0, 6}, {0, 1}};
    begin(&f);
    put_grid(&f, "v", SM_DT_FLOAT, 4, 4);
    f.b.shards[0].data[1] ^= 1; /* of the first part */
    f.options.no_mmap = (mode & 1) != 0;
    f.options.verify = (mode & 2) != 0 ? SM_VERIFY_ALL : SM_VERIFY_DEFAULT;
    open_it(&f);
    assert_status(sm_bundle_reader_read(f.reader, "v", NULL, copy, sizeof copy, &f.err), SM_DATA_LOSS, f.err);
    assert_status(sm_bundle_reader_read(f.reader, "v", &(sm_slice_spec){exact, 2}, copy, 80, &f.err), SM_DATA_LOSS,
                  f.err);
    assert_mentions(f.err.message, "c.data-00000-of-00002: v: byte 0: crc32c");
    assert_status(sm_bundle_reader_read(f.reader, "v", &(sm_slice_spec){column, 2}, copy, 24, &f.err),
                  (mode & 2) != 0 ? SM_DATA_LOSS : SM_OK, f.err);
    end(&f);
  }
}

/* Parts that all take the same bytes, of a tensor much larger than any file: refused before it is allocated. */
static void bundle_read__larger_than_its_files(void **state) {
  (void)state;
  enum { N = 63 };
  fixture f;
  sm_tensor *tensor;
  sm_fault_alloc fa;
  static uint8_t data[1 << 16];
  const int64_t dims[] = {N, 1 << 16}, part_dims[] = {1, 1 << 16};
  begin(&f);
  sm_fault_alloc_init(&fa, UINT64_MAX);
  w_buffer *whole = b_put_entry(&f.b, "v", 1, &(b_entry){SM_DT_UINT8, 2, dims, 0, 0, 0, 0});
  for (int i = 0; i < N; i++) b_put_slice(whole, (const sm_extent[]){{i, 1}, {0, -1}}, 2);
  (void)b_put_data(&f.b, 0, data, sizeof data);
  for (int i = 0; i < N; i++) {
    w_buffer key = {0};
    b_slice_key(&key, "v", (const sm_extent[]){{i, 1}, {0, -1}}, 2);
    (void)b_put_entry(&f.b, key.data, key.size,
                      &(b_entry){SM_DT_UINT8, 2, part_dims, 0, 0, sizeof data, b_crc(data, sizeof data)});
    w_free(&key);
  }
  f.options.max_bytes = 1 << 20;
  f.options.allocator = &fa.base;
  open_it(&f);
  assert_status(sm_bundle_reader_read_tensor(&tensor, f.reader, "v", NULL, &f.err), SM_RESOURCE_EXHAUSTED, f.err);
  assert_mentions(f.err.message, "max_bytes");
  assert_true(fa.peak_bytes < 1 << 19);
  end(&f);
  sm_fault_alloc_destroy(&fa);
}

/* ---- Strings ---- */

static void put_crc(w_buffer *w, uint32_t masked) {
  for (int i = 0; i < 4; i++) w_raw(w, &(uint8_t){(uint8_t)(masked >> 8 * i)}, 1);
}

/* As TensorFlow writes them (tensor_bundle.cc, WriteStringTensor); *crc is the entry's. */
static void put_strings(w_buffer *w, uint32_t *crc, const sm_string *strings, size_t n) {
  w_buffer taken = {0}; /* what the checksum is of */
  for (size_t i = 0; i < n; i++) {
    w_raw_varint(w, strings[i].size);
    put_crc(&taken, (uint32_t)strings[i].size);
  }
  uint32_t of_lengths = b_crc(taken.data, taken.size);
  put_crc(w, of_lengths);
  put_crc(&taken, of_lengths);
  for (size_t i = 0; i < n; i++) {
    w_raw(w, strings[i].data, strings[i].size);
    w_raw(&taken, strings[i].data, strings[i].size);
  }
  *crc = b_crc(taken.data, taken.size);
  w_free(&taken);
}

static const sm_string words[] = {{"", 0}, {"abc", 3}, {"nul\0in", 6}, {"\xFF", 1}};
static const int64_t four[] = {4};

static void check_words(const sm_tensor *tensor, size_t first, size_t n) {
  const sm_tensor_view *view = sm_tensor_get_view(tensor);
  const sm_string *strings = view->data;
  assert_number("strings", view->size, n * sizeof(sm_string));
  for (size_t i = 0; i < n; i++) {
    assert_bytes("word", strings[i].data, strings[i].size, words[first + i].data, words[first + i].size);
    assert_number("terminated", strings[i].data[strings[i].size], '\0');
  }
}

static void bundle_read__strings(void **state) {
  (void)state;
  for (int no_mmap = 0; no_mmap < 2; no_mmap++) {
    fixture f;
    w_buffer stored = {0};
    uint32_t crc;
    sm_tensor *tensor;
    sm_tensor_view view;
    char copy[64];
    begin(&f);
    put_strings(&stored, &crc, words, 4);
    int64_t offset = b_put_data(&f.b, 0, stored.data, stored.size);
    (void)b_put_entry(&f.b, "s", 1, &(b_entry){SM_DT_STRING, 1, four, 0, offset, (int64_t)stored.size, crc});
    f.options.no_mmap = no_mmap != 0;
    open_it(&f);
    assert_ok(sm_bundle_reader_read_tensor(&tensor, f.reader, "s", NULL, &f.err), f.err);
    assert_status(sm_bundle_reader_view(&view, f.reader, "s", &f.err), SM_FAILED_PRECONDITION, f.err);
    assert_status(sm_bundle_reader_read(f.reader, "s", NULL, copy, 64, &f.err), SM_INVALID_ARGUMENT, f.err);
    sm_tensor *part;
    const sm_extent middle[] = {{1, 2}};
    assert_ok(sm_bundle_reader_read_tensor(&part, f.reader, "s", &(sm_slice_spec){middle, 1}, &f.err), f.err);
    end(&f);
    check_words(tensor, 0, 4);
    check_words(part, 1, 2);
    sm_tensor_free(tensor);
    sm_tensor_free(part);
    w_free(&stored);
  }
}

/* TensorFlow 2.21's bytes of ["", "abc", "x" * 300], and of nothing, with and without a checksum. */
static void bundle_read__strings_of_tensorflow(void **state) {
  (void)state;
  uint8_t stored[311] = {0x00, 0x03, 0xAC, 0x02, 0x25, 0x09, 0x2B, 0x70, 'a', 'b', 'c'};
  memset(stored + 11, 'x', 300);
  static const uint8_t nothing[] = {0xD8, 0xEA, 0x82, 0xA2};
  const int64_t three[] = {3}, zero[] = {0};
  fixture f;
  sm_tensor *tensor;
  begin(&f);
  f.options.verify = SM_VERIFY_NONE; /* the entries' checksums are not recorded */
  (void)b_put_tensor(&f.b, "s", SM_DT_STRING, three, 1, 0, stored, sizeof stored);
  (void)b_put_tensor(&f.b, "with", SM_DT_STRING, zero, 1, 0, nothing, sizeof nothing);
  (void)b_put_tensor(&f.b, "without", SM_DT_STRING, zero, 1, 0, "", 0);
  open_it(&f);
  assert_ok(sm_bundle_reader_read_tensor(&tensor, f.reader, "s", NULL, &f.err), f.err);
  const sm_string *strings = sm_tensor_get_view(tensor)->data;
  assert_number("first", strings[0].size, 0);
  assert_bytes("second", strings[1].data, strings[1].size, "abc", 3);
  assert_bytes("third", strings[2].data, strings[2].size, stored + 11, 300);
  sm_tensor_free(tensor);
  static const char *const empty[] = {"with", "without"};
  for (size_t i = 0; i < 2; i++) {
    assert_ok(sm_bundle_reader_read_tensor(&tensor, f.reader, empty[i], NULL, &f.err), f.err);
    assert_number(empty[i], sm_tensor_get_view(tensor)->size, 0);
    sm_tensor_free(tensor);
  }
  end(&f);
}

/* Each byte changed in turn is found; without checksums whatever is read stays inside. */
static void bundle_read__damaged_strings(void **state) {
  (void)state;
  w_buffer stored = {0};
  uint32_t crc;
  put_strings(&stored, &crc, words, 4);
  for (int checked = 0; checked < 2; checked++)
    for (size_t i = 0; i < stored.size; i++)
      for (int value = 0; value < 256; value += 5) {
        fixture f;
        sm_tensor *tensor;
        begin(&f);
        int64_t offset = b_put_data(&f.b, 0, stored.data, stored.size);
        (void)b_put_entry(&f.b, "s", 1, &(b_entry){SM_DT_STRING, 1, four, 0, offset, (int64_t)stored.size, crc});
        bool is_same = f.b.shards[0].data[i] == (uint8_t)value;
        f.b.shards[0].data[i] = (uint8_t)value;
        f.options.verify = checked ? SM_VERIFY_DEFAULT : SM_VERIFY_NONE;
        open_it(&f);
        sm_status status = sm_bundle_reader_read_tensor(&tensor, f.reader, "s", NULL, &f.err);
        if (checked) assert_status(status, is_same ? SM_OK : SM_DATA_LOSS, f.err);
        assert_true(status == SM_OK || status == SM_DATA_LOSS);
        sm_tensor_free(tensor);
        end(&f);
      }
  w_free(&stored);
}

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(bundle_read__every_slice),
      cmocka_unit_test(bundle_read__slices_that_do_not_fit),
      cmocka_unit_test(bundle_read__gaps),
      cmocka_unit_test(bundle_read__parts_that_cannot_be),
      cmocka_unit_test(bundle_read__checksums_of_parts),
      cmocka_unit_test(bundle_read__larger_than_its_files),
      cmocka_unit_test(bundle_read__strings),
      cmocka_unit_test(bundle_read__strings_of_tensorflow),
      cmocka_unit_test(bundle_read__damaged_strings),
  };
  return cmocka_run_group_tests_name("bundle_read", tests, NULL, NULL);
}
