/* reader.c, shards.c and bundle_iter.c: checkpoints in memory and in files, right and wrong ones. */
#include "support/check.h"

#include "support/bundle_maker.h"
#include "support/fault_alloc.h"
#include "support/fault_fs.h"
#include "support/files.h"

static const float numbers[6] = {1, 2, 3, 4, 5, 6};
static const int64_t two_by_three[2] = {2, 3};

/* One in memory, and a reader of it. */
typedef struct fixture {
  b_bundle b;
  sm_fs *fs;
  sm_open_options options;
  sm_bundle_reader *reader;
  sm_error err;
} fixture;

static void begin(fixture *f, int32_t n_shards) {
  *f = (fixture){.options = SM_OPEN_OPTIONS_INIT};
  b_begin(&f->b, n_shards);
}

static void fill(fixture *f) {
  sm_error err;
  b_finish(&f->b);
  assert_ok(sm_fs_memory_new(&f->fs, NULL, &err), err);
  b_add_to(&f->b, f->fs, "m/c");
  f->options.fs = f->fs;
}

static void open_it(fixture *f) {
  fill(f);
  assert_ok(sm_bundle_reader_open(&f->reader, "m/c", &f->options, &f->err), f->err);
}

static void end(fixture *f) {
  sm_bundle_reader_close(f->reader);
  sm_fs_close(f->fs);
  b_free(&f->b);
}

/* ---- Opening and finding ---- */

static void reader__finds(void **state) {
  (void)state;
  fixture f;
  sm_bundle_entry entry;
  begin(&f, 2);
  for (int i = 0; i < 100; i++) {
    char key[16];
    snprintf(key, sizeof key, "k%03d", i);
    (void)b_put_tensor(&f.b, key, SM_DT_FLOAT, two_by_three, 2, i % 2, numbers, sizeof numbers);
  }
  open_it(&f);
  const sm_bundle_header *header = sm_bundle_reader_get_header(f.reader);
  assert_number("format", header->format, 2);
  assert_number("shards", header->n_shards, 2);
  for (int i = 0; i < 100; i++) {
    char key[16];
    snprintf(key, sizeof key, "k%03d", i);
    assert_ok(sm_bundle_reader_find(&entry, f.reader, key, &f.err), f.err);
    assert_number("shard", entry.shard, i % 2);
    assert_number("offset", entry.offset, i / 2 * sizeof numbers);
    assert_text("key", entry.key.data, key);
  }
  static const char *const absent[] = {"", "k", "k0000", "k100", "a", "z", "\xFF"};
  for (size_t i = 0; i < N_OF(absent); i++)
    assert_status(sm_bundle_reader_find(&entry, f.reader, absent[i], &f.err), SM_NOT_FOUND, f.err);
  end(&f);
}

static void reader__keys_of_any_bytes(void **state) {
  (void)state;
  fixture f;
  sm_bundle_entry entry;
  static const sm_string keys[] = {{"nul\0inside", 10}, {"\0", 1}, {"\0\1", 2}, {"\xFF\xFE not UTF-8", 12}};
  begin(&f, 1);
  for (size_t i = 0; i < N_OF(keys); i++)
    (void)b_put_entry(&f.b, keys[i].data, keys[i].size, &(b_entry){.dtype = SM_DT_BOOL, .size = 1, .crc32c = 1});
  open_it(&f);
  for (size_t i = 0; i < N_OF(keys); i++) assert_ok(sm_bundle_reader_find_n(&entry, f.reader, keys[i], &f.err), f.err);
  assert_status(sm_bundle_reader_find_n(&entry, f.reader, (sm_string){"nul\0insidE", 10}, &f.err), SM_NOT_FOUND, f.err);
  assert_mentions(f.err.message, "nul\\x00insidE");
  sm_bundle_iter *iter;
  const sm_bundle_entry *next;
  assert_ok(sm_bundle_iter_new(&iter, f.reader, NULL, &f.err), f.err);
  for (size_t i = 0; i < N_OF(keys); i++) {
    assert_ok(sm_bundle_iter_next(&next, iter, &f.err), f.err);
    assert_non_null(next);
  }
  assert_ok(sm_bundle_iter_next(&next, iter, &f.err), f.err);
  assert_null(next);
  sm_bundle_iter_free(iter);
  end(&f);
}

static void reader__prefixes(void **state) {
  (void)state;
  static const struct {
    const char *prefix;
    sm_status expected;
  } rows[] = {{"m/c", SM_OK},
              {"m", SM_NOT_FOUND},
              {"m/", SM_NOT_FOUND},
              {"m/c.index", SM_DATA_LOSS},
              {"", SM_NOT_FOUND},
              {"nowhere/c", SM_NOT_FOUND},
              {"s", SM_OK},
              {"s/", SM_OK},
              {"s/variables/variables", SM_OK},
              {"s/variables", SM_NOT_FOUND}};
  fixture f;
  begin(&f, 1);
  (void)b_put_tensor(&f.b, "v", SM_DT_FLOAT, two_by_three, 2, 0, numbers, sizeof numbers);
  fill(&f);
  b_add_to(&f.b, f.fs, "s/variables/variables");
  for (size_t i = 0; i < N_OF(rows); i++) {
    sm_status status = sm_bundle_reader_open(&f.reader, rows[i].prefix, &f.options, &f.err);
    assert_number(rows[i].prefix, status, rows[i].expected);
    assert_true((f.reader != NULL) == (status == SM_OK));
    sm_bundle_reader_close(f.reader);
  }
  f.reader = NULL;
  assert_status(sm_bundle_reader_open(&f.reader, NULL, &f.options, &f.err), SM_INVALID_ARGUMENT, f.err);
  end(&f);
}

static void reader__without_header(void **state) {
  (void)state;
  fixture f;
  begin(&f, 1);
  (void)b_put_tensor(&f.b, "v", SM_DT_FLOAT, two_by_three, 2, 0, numbers, sizeof numbers);
  f.b.no_header = true;
  fill(&f);
  assert_status(sm_bundle_reader_open(&f.reader, "m/c", &f.options, &f.err), SM_DATA_LOSS, f.err);
  assert_mentions(f.err.message, "m/c.index: no header");
  end(&f);
}

/* ---- Reading ---- */

static void check_floats(const void *data, size_t size) { assert_bytes("floats", data, size, numbers, sizeof numbers); }

static void reader__reads(void **state) {
  (void)state;
  for (int no_mmap = 0; no_mmap < 2; no_mmap++) {
    fixture f;
    float copy[6];
    sm_tensor_view view;
    sm_tensor *tensor;
    begin(&f, 1);
    (void)b_put_data(&f.b, 0, "x", 1); /* so that it is not aligned */
    (void)b_put_tensor(&f.b, "v", SM_DT_FLOAT, two_by_three, 2, 0, numbers, sizeof numbers);
    f.options.no_mmap = no_mmap != 0;
    open_it(&f);
    assert_ok(sm_bundle_reader_read(f.reader, "v", NULL, copy, sizeof copy, &f.err), f.err);
    check_floats(copy, sizeof copy);
    sm_status status = sm_bundle_reader_view(&view, f.reader, "v", &f.err);
    assert_number("view", status, no_mmap ? SM_FAILED_PRECONDITION : SM_OK);
    if (status == SM_OK) {
      check_floats(view.data, view.size);
      assert_number("in the file", (const uint8_t *)view.data - f.b.shards[0].data, 1);
    }
    assert_ok(sm_bundle_reader_read_tensor(&tensor, f.reader, "v", NULL, &f.err), f.err);
    assert_status(sm_bundle_reader_read(f.reader, "v", NULL, copy, 23, &f.err), SM_INVALID_ARGUMENT, f.err);
    assert_status(sm_bundle_reader_read(f.reader, "w", NULL, copy, 24, &f.err), SM_NOT_FOUND, f.err);
    sm_bundle_reader_close(f.reader);
    f.reader = NULL;
    check_floats(sm_tensor_get_view(tensor)->data, sm_tensor_get_view(tensor)->size); /* it outlives the reader */
    assert_number("rank", sm_tensor_get_view(tensor)->rank, 2);
    sm_tensor_free(tensor);
    end(&f);
  }
}

/* The mapping of a local file lives as long as anybody needs it, and no longer. */
static void reader__mappings_are_counted(void **state) {
  (void)state;
  temp_dir dir = make_temp_dir();
  b_bundle b;
  sm_fault_fs ff;
  sm_error err;
  sm_bundle_reader *reader;
  sm_tensor *tensors[2];
  sm_open_options options = SM_OPEN_OPTIONS_INIT;
  b_begin(&b, 1);
  (void)b_put_tensor(&b, "v", SM_DT_FLOAT, two_by_three, 2, 0, numbers, sizeof numbers);
  b_finish(&b);
  b_write(&b, dir.path, "c");
  sm_fault_fs_init(&ff, sm_fs_local(), UINT64_MAX);
  options.fs = &ff.base;
  assert_ok(sm_bundle_reader_open(&reader, path_in(dir.path, "c"), &options, &err), err);
  assert_number("index only", ff.mapped_files, 1);
  for (int i = 0; i < 2; i++) assert_ok(sm_bundle_reader_read_tensor(&tensors[i], reader, "v", NULL, &err), err);
  assert_number("and the data", ff.mapped_files, 2);
  sm_bundle_reader_close(reader);
  assert_number("the data", ff.mapped_files, 1);
  sm_tensor_free(tensors[0]);
  check_floats(sm_tensor_get_view(tensors[1])->data, sizeof numbers);
  sm_tensor_free(tensors[1]);
  assert_number("nothing", ff.mapped_files, 0);
  assert_number("open files", ff.open_files, 0);
  b_free(&b);
  remove_temp_dir(&dir);
}

static void reader__checksums(void **state) {
  (void)state;
  static const struct {
    sm_verify verify;
    sm_status expected;
  } rows[] = {{SM_VERIFY_DEFAULT, SM_DATA_LOSS},
              {SM_VERIFY_ALL, SM_DATA_LOSS},
              {SM_VERIFY_INDEX, SM_OK},
              {SM_VERIFY_NONE, SM_OK}};
  for (int no_mmap = 0; no_mmap < 2; no_mmap++)
    for (size_t i = 0; i < N_OF(rows); i++) {
      fixture f;
      float copy[6];
      sm_tensor_view view;
      sm_tensor *tensor;
      begin(&f, 1);
      (void)b_put_tensor(&f.b, "v", SM_DT_FLOAT, two_by_three, 2, 0, numbers, sizeof numbers);
      f.b.shards[0].data[17] ^= 4;
      f.options.verify = rows[i].verify;
      f.options.no_mmap = no_mmap != 0;
      open_it(&f);
      assert_status(sm_bundle_reader_read(f.reader, "v", NULL, copy, sizeof copy, &f.err), rows[i].expected, f.err);
      if (rows[i].expected != SM_OK) assert_mentions(f.err.message, "m/c.data-00000-of-00001: v: byte 0: crc32c");
      for (int again = 0; again < 2 && no_mmap == 0; again++) /* a wrong one is not remembered as a right one */
        assert_status(sm_bundle_reader_view(&view, f.reader, "v", &f.err), rows[i].expected, f.err);
      assert_status(sm_bundle_reader_read_tensor(&tensor, f.reader, "v", NULL, &f.err), rows[i].expected, f.err);
      sm_tensor_free(tensor);
      end(&f);
    }
}

/* Checked when it is first viewed: what changes afterwards is not seen, and that is how we know. */
static void reader__views_are_checked_once(void **state) {
  (void)state;
  fixture f;
  sm_tensor_view view;
  begin(&f, 1);
  (void)b_put_tensor(&f.b, "v", SM_DT_FLOAT, two_by_three, 2, 0, numbers, sizeof numbers);
  (void)b_put_tensor(&f.b, "w", SM_DT_FLOAT, two_by_three, 2, 0, numbers, sizeof numbers);
  open_it(&f);
  assert_ok(sm_bundle_reader_view(&view, f.reader, "v", &f.err), f.err);
  f.b.shards[0].data[3] ^= 1;
  f.b.shards[0].data[sizeof numbers + 3] ^= 1;
  assert_ok(sm_bundle_reader_view(&view, f.reader, "v", &f.err), f.err);
  assert_status(sm_bundle_reader_view(&view, f.reader, "w", &f.err), SM_DATA_LOSS, f.err);
  float copy[6]; /* copies are checked each time */
  assert_status(sm_bundle_reader_read(f.reader, "v", NULL, copy, sizeof copy, &f.err), SM_DATA_LOSS, f.err);
  end(&f);
}

static void reader__data_outside_of_the_file(void **state) {
  (void)state;
  static const int64_t offsets[] = {1, 24, 25, INT64_MAX - 24};
  for (int no_mmap = 0; no_mmap < 2; no_mmap++)
    for (size_t i = 0; i < N_OF(offsets); i++) {
      fixture f;
      float copy[6];
      begin(&f, 1);
      (void)b_put_data(&f.b, 0, numbers, sizeof numbers);
      (void)b_put_entry(&f.b, "v", 1, &(b_entry){SM_DT_FLOAT, 2, two_by_three, 0, offsets[i], sizeof numbers, 1});
      f.options.no_mmap = no_mmap != 0;
      open_it(&f);
      assert_status(sm_bundle_reader_read(f.reader, "v", NULL, copy, sizeof copy, &f.err), SM_DATA_LOSS, f.err);
      assert_mentions(f.err.message, "ends at 24");
      end(&f);
    }
}

static void reader__missing_data_file(void **state) {
  (void)state;
  fixture f;
  float copy[6];
  sm_bundle_entry entry;
  begin(&f, 1);
  (void)b_put_entry(&f.b, "v", 1, &(b_entry){SM_DT_FLOAT, 2, two_by_three, 2, 0, sizeof numbers, 1});
  w_buffer *header = b_row_of(&f.b, "", 0);
  w_varint(header, 1, 3);
  open_it(&f);
  assert_ok(sm_bundle_reader_find(&entry, f.reader, "v", &f.err), f.err);
  assert_status(sm_bundle_reader_read(f.reader, "v", NULL, copy, sizeof copy, &f.err), SM_NOT_FOUND, f.err);
  assert_mentions(f.err.message, "c.data-00002-of-00003");
  end(&f);
}

static void reader__big_endian(void **state) {
  (void)state;
  static const uint8_t shorts[] = {0x12, 0x34, 0x00, 0x01}, complexes[] = {0x3F, 0x80, 0, 0, 0xC0, 0, 0, 0};
  static const uint8_t bytes[] = {1, 2};
  const int64_t two[] = {2};
  for (int no_mmap = 0; no_mmap < 2; no_mmap++) {
    fixture f;
    uint16_t read_shorts[2];
    float read_complex[2];
    sm_tensor_view view;
    begin(&f, 1);
    w_buffer *header = b_row_of(&f.b, "", 0);
    w_varint(header, 1, 1);
    w_varint(header, 2, 1);
    (void)b_put_tensor(&f.b, "s", SM_DT_UINT16, two, 1, 0, shorts, sizeof shorts);
    (void)b_put_tensor(&f.b, "c", SM_DT_COMPLEX64, two, 0, 0, complexes, sizeof complexes);
    (void)b_put_tensor(&f.b, "b", SM_DT_UINT8, two, 1, 0, bytes, sizeof bytes);
    f.options.no_mmap = no_mmap != 0;
    open_it(&f);
    assert_true(sm_bundle_reader_get_header(f.reader)->big_endian);
    assert_ok(sm_bundle_reader_read(f.reader, "s", NULL, read_shorts, sizeof read_shorts, &f.err), f.err);
    assert_number("first", read_shorts[0], 0x1234);
    assert_number("second", read_shorts[1], 1);
    assert_ok(sm_bundle_reader_read(f.reader, "c", NULL, read_complex, sizeof read_complex, &f.err), f.err);
    assert_true(read_complex[0] == 1.0f && read_complex[1] == -2.0f);
    assert_status(sm_bundle_reader_view(&view, f.reader, "s", &f.err), SM_FAILED_PRECONDITION, f.err);
    assert_number("bytes have no order", sm_bundle_reader_view(&view, f.reader, "b", &f.err),
                  no_mmap ? SM_FAILED_PRECONDITION : SM_OK);
    end(&f);
  }
}

static void reader__nothing_in_it(void **state) {
  (void)state;
  fixture f;
  sm_tensor_view view;
  sm_tensor *tensor;
  const int64_t dims[] = {3, 0};
  begin(&f, 1);
  (void)b_put_tensor(&f.b, "empty", SM_DT_FLOAT, dims, 2, 0, "", 0);
  (void)b_put_entry(&f.b, "wrong", 5, &(b_entry){SM_DT_FLOAT, 2, dims, 0, 0, 0, 1});
  open_it(&f);
  assert_ok(sm_bundle_reader_view(&view, f.reader, "empty", &f.err), f.err);
  assert_number("size", view.size, 0);
  assert_ok(sm_bundle_reader_read(f.reader, "empty", NULL, NULL, 0, &f.err), f.err);
  assert_ok(sm_bundle_reader_read_tensor(&tensor, f.reader, "empty", NULL, &f.err), f.err);
  sm_tensor_free(tensor);
  assert_status(sm_bundle_reader_view(&view, f.reader, "wrong", &f.err), SM_DATA_LOSS, f.err);
  assert_status(sm_bundle_reader_read(f.reader, "wrong", NULL, NULL, 0, &f.err), SM_DATA_LOSS, f.err);
  end(&f);
}

static void reader__entries_of_other_readers(void **state) {
  (void)state;
  fixture f, g;
  sm_bundle_entry entry;
  float copy[6];
  begin(&f, 1);
  begin(&g, 1);
  (void)b_put_tensor(&f.b, "v", SM_DT_FLOAT, two_by_three, 2, 0, numbers, sizeof numbers);
  open_it(&f);
  open_it(&g);
  assert_ok(sm_bundle_reader_find(&entry, f.reader, "v", &f.err), f.err);
  assert_ok(sm_bundle_reader_read_entry(f.reader, &entry, NULL, copy, sizeof copy, &f.err), f.err);
  assert_status(sm_bundle_reader_read_entry(g.reader, &entry, NULL, copy, sizeof copy, &f.err), SM_INVALID_ARGUMENT,
                f.err);
  end(&f);
  end(&g);
}

/* ---- Walking ---- */

static void reader__walks(void **state) {
  (void)state;
  fixture f;
  sm_bundle_iter *iter;
  const sm_bundle_entry *entry;
  begin(&f, 1);
  for (int i = 0; i < 30; i++) {
    char key[16];
    snprintf(key, sizeof key, "k%02d", i);
    (void)b_put_tensor(&f.b, key, SM_DT_FLOAT, two_by_three, 2, 0, numbers, sizeof numbers);
  }
  (void)b_put_entry(&f.b, "k10x", 4, &(b_entry){99, 0, NULL, 0, 0, 0, 0}); /* damaged: told, and gone past */
  open_it(&f);
  assert_ok(sm_bundle_iter_new(&iter, f.reader, "k05x", &f.err), f.err);
  for (int i = 6; i < 30; i++) {
    char key[16];
    snprintf(key, sizeof key, "k%02d", i);
    assert_ok(sm_bundle_iter_next(&entry, iter, &f.err), f.err);
    assert_bytes("key", entry->key.data, entry->key.size, key, 3);
    if (i != 10) continue;
    assert_status(sm_bundle_iter_next(&entry, iter, &f.err), SM_DATA_LOSS, f.err);
    assert_bytes("key", entry->key.data, entry->key.size, "k10x", 4);
  }
  for (int i = 0; i < 2; i++) {
    assert_ok(sm_bundle_iter_next(&entry, iter, &f.err), f.err);
    assert_null(entry);
  }
  sm_bundle_iter_free(iter);
  end(&f);
}

/* A block in the middle is damaged: what is in it cannot be had, what is before it can, and a walk ends there. */
static void reader__damaged_block(void **state) {
  (void)state;
  fixture f;
  sm_bundle_iter *iter;
  const sm_bundle_entry *entry;
  sm_bundle_entry found;
  begin(&f, 1);
  for (int i = 0; i < 30; i++) {
    char key[16];
    snprintf(key, sizeof key, "k%02d", i);
    (void)b_put_tensor(&f.b, key, SM_DT_FLOAT, two_by_three, 2, 0, numbers, sizeof numbers);
  }
  b_finish(&f.b);
  for (size_t i = 0; i + 3 < f.b.index.size; i++)
    if (memcmp(f.b.index.data + i, "k10", 3) == 0) {
      f.b.index.data[i + 2] ^= 1;
      break;
    }
  assert_ok(sm_fs_memory_new(&f.fs, NULL, &f.err), f.err);
  b_add_to(&f.b, f.fs, "m/c");
  f.options.fs = f.fs;
  assert_ok(sm_bundle_reader_open(&f.reader, "m/c", &f.options, &f.err), f.err);
  assert_ok(sm_bundle_reader_find(&found, f.reader, "k03", &f.err), f.err);
  assert_status(sm_bundle_reader_find(&found, f.reader, "k12", &f.err), SM_DATA_LOSS, f.err);
  assert_ok(sm_bundle_reader_find(&found, f.reader, "k29", &f.err), f.err);
  assert_ok(sm_bundle_iter_new(&iter, f.reader, NULL, &f.err), f.err);
  sm_status status;
  int n = 0;
  while ((status = sm_bundle_iter_next(&entry, iter, &f.err)) == SM_OK && entry != NULL) n++;
  assert_status(status, SM_DATA_LOSS, f.err);
  assert_null(entry);
  assert_number("before it", n, 7); /* the header is the eighth row of the first block */
  assert_status(sm_bundle_iter_next(&entry, iter, &f.err), SM_DATA_LOSS, f.err);
  sm_bundle_iter_free(iter);
  end(&f);
}

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(reader__finds),
      cmocka_unit_test(reader__keys_of_any_bytes),
      cmocka_unit_test(reader__prefixes),
      cmocka_unit_test(reader__without_header),
      cmocka_unit_test(reader__reads),
      cmocka_unit_test(reader__mappings_are_counted),
      cmocka_unit_test(reader__checksums),
      cmocka_unit_test(reader__views_are_checked_once),
      cmocka_unit_test(reader__data_outside_of_the_file),
      cmocka_unit_test(reader__missing_data_file),
      cmocka_unit_test(reader__big_endian),
      cmocka_unit_test(reader__nothing_in_it),
      cmocka_unit_test(reader__entries_of_other_readers),
      cmocka_unit_test(reader__walks),
      cmocka_unit_test(reader__damaged_block),
  };
  return cmocka_run_group_tests_name("reader", tests, NULL, NULL);
}
