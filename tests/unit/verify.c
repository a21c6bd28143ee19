#include "support/check.h"

#include "support/bundle_maker.h"

static const float numbers[4] = {1, 2, 3, 4};
static const int64_t four[1] = {4};

typedef struct fixture {
  b_bundle b;
  sm_fs *fs;
  sm_open_options options;
  sm_error err;
  char told[4096]; /* "severity file place what\n" */
} fixture;

static void hear(void *ctx, const sm_finding *defect) {
  fixture *f = ctx;
  size_t used = strlen(f->told);
  snprintf(f->told + used, sizeof f->told - used, "%d|%s|%s|%s\n", (int)defect->severity, defect->file, defect->place,
           defect->what);
}

static void begin(fixture *f) {
  *f = (fixture){.options = SM_OPEN_OPTIONS_INIT};
  b_begin(&f->b, 1);
}

static sm_status verify(fixture *f) {
  sm_bundle_reader *reader;
  sm_restore_options options = SM_RESTORE_OPTIONS_INIT;
  options.n_threads = 2;
  if (f->b.index.size == 0) b_finish(&f->b);
  if (f->fs == NULL) assert_ok(sm_fs_memory_new(&f->fs, NULL, &f->err), f->err);
  b_add_to(&f->b, f->fs, "m/c");
  f->options.fs = f->fs;
  assert_ok(sm_bundle_reader_open(&reader, "m/c", &f->options, &f->err), f->err);
  sm_status status = sm_bundle_reader_verify(reader, hear, f, &options, &f->err);
  assert_number("with nobody to hear it", sm_bundle_reader_verify(reader, NULL, NULL, NULL, NULL), status);
  sm_bundle_reader_close(reader);
  return status;
}

static void end(fixture *f) {
  sm_fs_close(f->fs);
  b_free(&f->b);
}

static void verify__sound(void **state) {
  (void)state;
  fixture f;
  begin(&f);
  for (int i = 0; i < 20; i++) {
    char key[8];
    snprintf(key, sizeof key, "k%02d", i);
    (void)b_put_tensor(&f.b, key, SM_DT_FLOAT, four, 1, 0, numbers, sizeof numbers);
  }
  assert_ok(verify(&f), f.err);
  assert_text("told", f.told, "");
  end(&f);
}

static void verify__damaged_tensors(void **state) {
  (void)state;
  for (int no_mmap = 0; no_mmap < 2; no_mmap++)
    for (int with_none = 0; with_none < 2; with_none++) {
      fixture f;
      begin(&f);
      (void)b_put_tensor(&f.b, "a", SM_DT_FLOAT, four, 1, 0, numbers, sizeof numbers);
      (void)b_put_tensor(&f.b, "b", SM_DT_FLOAT, four, 1, 0, numbers, sizeof numbers);
      (void)b_put_entry(&f.b, "c", 1, &(b_entry){SM_DT_FLOAT, 1, four, 0, 32, 16, 1});
      (void)b_put_entry(&f.b, "d", 1, &(b_entry){SM_DT_FLOAT, 1, four, 0, 0, 15, 1});
      f.b.shards[0].data[20] ^= 1;
      f.options.no_mmap = no_mmap != 0;
      f.options.verify = with_none ? SM_VERIFY_NONE : SM_VERIFY_DEFAULT; /* it was asked for all the same */
      assert_status(verify(&f), SM_DATA_LOSS, f.err);
      assert_mentions(f.err.message, "c.index: d: ");
      assert_mentions(f.told, "2|c.index|d|byte");
      assert_mentions(f.told, "2|c.data-00000-of-00001|b|byte 16: crc32c of 16 bytes");
      assert_mentions(f.told, "2|c.data-00000-of-00001|c|byte 32: 16 bytes, but the file ends at 32");
      assert_null(strstr(f.told, "|a|"));
      end(&f);
    }
}

static void verify__what_lies_between(void **state) {
  (void)state;
  fixture f;
  begin(&f);
  (void)b_put_tensor(&f.b, "a", SM_DT_FLOAT, four, 1, 0, numbers, sizeof numbers);
  (void)b_put_data(&f.b, 0, "padding", 7);
  (void)b_put_tensor(&f.b, "b", SM_DT_FLOAT, four, 1, 0, numbers, sizeof numbers);
  (void)b_put_data(&f.b, 0, "end", 3);
  (void)b_put_entry(&f.b, "c", 1, &(b_entry){SM_DT_FLOAT, 1, four, 0, 0, 16, b_crc(numbers, sizeof numbers)});
  assert_ok(verify(&f), f.err);
  assert_mentions(f.told, "1|c.data-00000-of-00001|");
  assert_mentions(f.told, "shares bytes with");
  assert_mentions(f.told, "0|c.data-00000-of-00001||10 bytes, in 2 places, belong to no tensor");
  end(&f);
}

static void verify__other_files(void **state) {
  (void)state;
  fixture f;
  begin(&f);
  w_buffer *header = b_row_of(&f.b, "", 0);
  w_varint(header, 1, 3);
  (void)b_put_entry(&f.b, "a", 1, &(b_entry){SM_DT_FLOAT, 1, four, 0, 0, 16, b_crc(numbers, sizeof numbers)});
  (void)b_put_entry(&f.b, "b", 1, &(b_entry){SM_DT_FLOAT, 1, four, 2, 0, 16, 1});
  (void)b_put_entry(&f.b, "c", 1, &(b_entry){SM_DT_FLOAT, 1, four, 2, 0, 16, 1});
  assert_ok(sm_fs_memory_new(&f.fs, NULL, &f.err), f.err);
  assert_ok(sm_fs_memory_add(f.fs, "m/c.data-00000-of-00003", numbers, sizeof numbers, &f.err), f.err);
  assert_ok(sm_fs_memory_add(f.fs, "m/c.index.tempstate123", "", 0, &f.err), f.err);
  assert_ok(sm_fs_memory_add(f.fs, "m/cc.data-00000-of-00007", "", 0, &f.err), f.err);
  assert_status(verify(&f), SM_DATA_LOSS, f.err);
  assert_mentions(f.told, "2|c.data-00002-of-00003||");
  assert_null(strstr(strstr(f.told, "2|c.data-00002") + 1, "2|c.data-00002")); /* once for both tensors */
  assert_mentions(f.told, "0|c.data-00000-of-00001||left over");
  assert_mentions(f.told, "0|c.index.tempstate123||left over");
  assert_mentions(f.told, "1|c.index||2 of 3 data files are not there");
  assert_null(strstr(f.told, "cc.data"));
  end(&f);
}

static void verify__keys_that_are_there_twice(void **state) {
  (void)state;
  fixture f;
  begin(&f);
  for (int i = 0; i < 2; i++) (void)b_put_tensor(&f.b, "a", SM_DT_FLOAT, four, 1, 0, numbers, sizeof numbers);
  assert_status(verify(&f), SM_DATA_LOSS, f.err);
  assert_mentions(f.told, "2|c.index|a|there twice");
  end(&f);
}

/* What is checked of the second is not what is found under the key. */
static void verify__keys_that_are_there_twice_with_other_shapes(void **state) {
  (void)state;
  fixture f;
  int64_t ones[SM_MAX_RANK];
  for (size_t i = 0; i < SM_MAX_RANK; i++) ones[i] = 1;
  static const uint8_t empty_string[] = {0, 0, 0, 0, 0}; /* a length, and not its checksum */
  begin(&f);
  (void)b_put_tensor(&f.b, "a", SM_DT_STRING, ones, SM_MAX_RANK, 0, empty_string, sizeof empty_string);
  (void)b_put_tensor(&f.b, "a", SM_DT_STRING, ones, 1, 0, empty_string, sizeof empty_string);
  assert_status(verify(&f), SM_DATA_LOSS, f.err);
  assert_mentions(f.told, "2|c.index|a|there twice");
  assert_mentions(f.told, "2|c.data-00000-of-00001|a|");
  end(&f);
}

static void verify__slices(void **state) {
  (void)state;
  fixture f;
  begin(&f);
  const int64_t two[] = {2};
  const sm_extent extents[] = {{0, 2}, {2, 2}};
  w_buffer *whole = b_put_entry(&f.b, "s", 1, &(b_entry){SM_DT_FLOAT, 1, four, 0, 0, 0, 0});
  for (int i = 0; i < 2; i++) b_put_slice(whole, &extents[i], 1);
  whole = b_put_entry(&f.b, "gap", 3, &(b_entry){SM_DT_FLOAT, 1, four, 0, 0, 0, 0});
  b_put_slice(whole, &extents[0], 1);
  for (int i = 0; i < 2; i++) (void)b_put_part(&f.b, "s", SM_DT_FLOAT, &extents[i], two, 1, 0, numbers, 8);
  f.b.shards[0].data[9] ^= 1;
  assert_status(verify(&f), SM_DATA_LOSS, f.err);
  assert_mentions(f.told, "2|c.index|gap|");
  assert_mentions(f.told, "2|c.data-00000-of-00001|s|byte 8: crc32c of 8 bytes");
  assert_null(strstr(f.told, "byte 0:"));
  end(&f);
}

/* The same part of a tensor twice, once as its list has it and once spelled otherwise: the list is what counts. */
static void verify__slices_that_no_tensor_lists(void **state) {
  (void)state;
  fixture f;
  begin(&f);
  const int64_t two[] = {2};
  const sm_extent extents[] = {{0, 2}, {2, 2}, {1, 2}}, all[] = {{0, -1}};
  w_buffer *whole = b_put_entry(&f.b, "s", 1, &(b_entry){SM_DT_FLOAT, 1, four, 0, 0, 0, 0});
  for (int i = 0; i < 2; i++) b_put_slice(whole, &extents[i], 1);
  for (int i = 0; i < 3; i++) (void)b_put_part(&f.b, "s", SM_DT_FLOAT, &extents[i], two, 1, 0, numbers, 8);
  (void)b_put_part(&f.b, "no_such_tensor", SM_DT_FLOAT, all, four, 1, 0, numbers, 16); /* a tensor of a strange name */
  assert_ok(verify(&f), f.err);
  assert_text("told", f.told,
              "1|c.index|s|the index has a slice of it that is not in its list\n"
              "0|c.data-00000-of-00001||8 bytes, in 1 places, belong to no tensor\n");
  end(&f);
}

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(verify__sound),
      cmocka_unit_test(verify__damaged_tensors),
      cmocka_unit_test(verify__what_lies_between),
      cmocka_unit_test(verify__other_files),
      cmocka_unit_test(verify__keys_that_are_there_twice),
      cmocka_unit_test(verify__keys_that_are_there_twice_with_other_shapes),
      cmocka_unit_test(verify__slices),
      cmocka_unit_test(verify__slices_that_no_tensor_lists),
  };
  return cmocka_run_group_tests_name("verify", tests, NULL, NULL);
}
