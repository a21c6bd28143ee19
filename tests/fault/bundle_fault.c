/* Every allocation and every file operation of reading a checkpoint fails once: the call that meets it says so, nothing
 * leaks or stays open, and what failed works as soon as it can. */
#include "support/check.h"

#include "support/bundle_maker.h"
#include "support/fault_alloc.h"
#include "support/fault_fs.h"
#include "support/files.h"

static const float numbers[6] = {1, 2, 3, 4, 5, 6};

/* A tensor that is whole, one in parts, strings, in two files. */
static void make(const char *dir) {
  const int64_t shape[] = {2, 3}, row[] = {1, 3}, one[] = {1};
  const sm_extent rows[][2] = {{{0, 1}, {0, -1}}, {{1, 1}, {0, -1}}};
  static const uint8_t string[] = {0x02, 0xD8, 0xD8, 0x10, 0x73, 'h', 'i'}; /* as TensorFlow writes "hi" */
  b_bundle b;
  b_begin(&b, 2);
  (void)b_put_tensor(&b, "whole", SM_DT_FLOAT, shape, 2, 0, numbers, sizeof numbers);
  w_buffer *parts = b_put_entry(&b, "parts", 5, &(b_entry){SM_DT_FLOAT, 2, shape, 0, 0, 0, 0});
  for (int i = 0; i < 2; i++) b_put_slice(parts, rows[i], 2);
  for (int i = 0; i < 2; i++) (void)b_put_part(&b, "parts", SM_DT_FLOAT, rows[i], row, 2, 1, numbers + 3 * i, 12);
  static const uint8_t taken[] = {0x02, 0, 0, 0, 0xD8, 0xD8, 0x10, 0x73, 'h', 'i'}; /* what its checksum is of */
  int64_t offset = b_put_data(&b, 1, string, sizeof string);
  (void)b_put_entry(&b, "string", 6,
                    &(b_entry){SM_DT_STRING, 1, one, 1, offset, sizeof string, b_crc(taken, sizeof taken)});
  b_finish(&b);
  b_write(&b, dir, "c");
  b_free(&b);
}

static sm_status walk(const sm_bundle_reader *reader, sm_error *err) {
  sm_bundle_iter *iter;
  const sm_bundle_entry *entry;
  SM_TRY(sm_bundle_iter_new(&iter, reader, NULL, err));
  sm_status status = sm_bundle_iter_next(&entry, iter, err);
  while (status == SM_OK && entry != NULL) status = sm_bundle_iter_next(&entry, iter, err);
  sm_bundle_iter_free(iter);
  return status;
}

static sm_status read_tensors(const sm_bundle_reader *reader, sm_error *err) {
  static const char *const keys[] = {"whole", "parts", "string"};
  float copy[6];
  const sm_extent column[] = {{0, 2}, {1, 1}};
  for (size_t i = 0; i < N_OF(keys); i++) {
    sm_tensor *tensor;
    SM_TRY(sm_bundle_reader_read_tensor(&tensor, reader, keys[i], NULL, err));
    if (i < 2) assert_bytes(keys[i], sm_tensor_get_view(tensor)->data, sizeof numbers, numbers, sizeof numbers);
    sm_tensor_free(tensor);
    if (i < 2) SM_TRY(sm_bundle_reader_read(reader, keys[i], &(sm_slice_spec){column, 2}, copy, 8, err));
    if (i < 2) assert_true(copy[0] == 2 && copy[1] == 5);
  }
  return SM_OK;
}

static sm_status restore(const sm_bundle_reader *reader, sm_error *err) {
  sm_binding bindings[] = {{.key = "whole", .rank = -1}, {.key = "parts", .rank = -1}, {.key = "string", .rank = -1}};
  sm_restore_report report;
  sm_status status = sm_bundle_reader_restore(&report, reader, bindings, 3, NULL, err);
  for (int i = 0; i < 3; i++) sm_tensor_free(bindings[i].tensor);
  return status;
}

/* All there is to do, on a reader that was just opened. */
static sm_status use(const sm_bundle_reader *reader, sm_error *err) {
  SM_TRY(walk(reader, err));
  SM_TRY(read_tensors(reader, err));
  SM_TRY(restore(reader, err));
  return sm_bundle_reader_verify(reader, NULL, NULL, NULL, err);
}

static sm_status run(const char *dir, const sm_open_options *options, sm_error *err) {
  sm_bundle_reader *reader;
  sm_status status = sm_bundle_reader_open(&reader, path_in(dir, "c"), options, err);
  if (status == SM_OK) status = use(reader, err);
  if (status != SM_OK && reader != NULL) { /* the same reader once more: nothing fails any longer */
    sm_error again;
    assert_ok(use(reader, &again), again);
  }
  sm_bundle_reader_close(reader);
  return status;
}

static void bundle_fault__memory(void **state) {
  (void)state;
  temp_dir dir = make_temp_dir();
  make(dir.path);
  for (int no_mmap = 0; no_mmap < 2; no_mmap++)
    for (uint64_t n = 0;; n++) {
      sm_fault_alloc fa;
      sm_error err;
      sm_open_options options = SM_OPEN_OPTIONS_INIT;
      sm_fault_alloc_init(&fa, n);
      options.allocator = &fa.base;
      options.no_mmap = no_mmap != 0;
      sm_status status = run(dir.path, &options, &err);
      assert_number("live blocks", fa.live_blocks, 0);
      bool fired = fa.fired;
      sm_fault_alloc_destroy(&fa);
      if (!fired) {
        assert_ok(status, err);
        assert_true(n > 20);
        break;
      }
      /* what was found right is not remembered then, and that is all */
      if (status != SM_OK) assert_status(status, SM_RESOURCE_EXHAUSTED, err);
    }
  remove_temp_dir(&dir);
}

static void bundle_fault__files(void **state) {
  (void)state;
  temp_dir dir = make_temp_dir();
  make(dir.path);
  for (int no_mmap = 0; no_mmap < 2; no_mmap++)
    for (uint64_t n = 0;; n++) {
      sm_fault_fs ff;
      sm_error err;
      sm_open_options options = SM_OPEN_OPTIONS_INIT;
      sm_fault_fs_init(&ff, sm_fs_local(), n);
      options.fs = &ff.base;
      options.no_mmap = no_mmap != 0;
      sm_status status = run(dir.path, &options, &err);
      assert_number("open files", ff.open_files, 0);
      assert_number("mapped files", ff.mapped_files, 0);
      if (!ff.fired) {
        assert_ok(status, err);
        assert_true(n > 4);
        break;
      }
      assert_status(status, SM_UNAVAILABLE, err);
    }
  remove_temp_dir(&dir);
}

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(bundle_fault__memory),
      cmocka_unit_test(bundle_fault__files),
  };
  return cmocka_run_group_tests_name("bundle_fault", tests, NULL, NULL);
}
