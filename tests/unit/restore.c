/* restore.c and pieces.c: many tensors at once. */
#include "support/check.h"

#include "support/bundle_maker.h"
#include "support/fault_alloc.h"

enum { N_TENSORS = 40, LARGE = (20 << 20) + 12 }; /* of the last one: three pieces, the last of them odd */

typedef struct fixture {
  b_bundle b;
  sm_fs *fs;
  sm_open_options options;
  sm_bundle_reader *reader;
  sm_error err;
  uint8_t *large;
  char keys[N_TENSORS + 1][16];
  sm_binding bindings[N_TENSORS + 1];
} fixture;

static const int64_t large_dims[] = {LARGE / 4};

static void put_all(fixture *f) {
  for (int i = 0; i < N_TENSORS; i++) {
    const float values[4] = {(float)i, 1, 2, 3};
    const int64_t dims[] = {2, 2};
    snprintf(f->keys[i], sizeof f->keys[i], "k%02d", N_TENSORS - 1 - i); /* stored in another order than listed */
    (void)b_put_tensor(&f->b, f->keys[i], SM_DT_FLOAT, dims, 2, i % 2, values, sizeof values);
  }
  f->large = malloc(LARGE);
  for (size_t i = 0; i < LARGE; i++) f->large[i] = (uint8_t)(i * 2654435761u >> 13);
  snprintf(f->keys[N_TENSORS], sizeof f->keys[N_TENSORS], "large");
  (void)b_put_tensor(&f->b, "large", SM_DT_INT32, large_dims, 1, 1, f->large, LARGE);
}

static void begin(fixture *f, bool no_mmap) {
  *f = (fixture){.options = SM_OPEN_OPTIONS_INIT};
  b_begin(&f->b, 2);
  put_all(f);
  b_finish(&f->b);
  assert_ok(sm_fs_memory_new(&f->fs, NULL, &f->err), f->err);
  b_add_to(&f->b, f->fs, "c");
  f->options.fs = f->fs;
  f->options.no_mmap = no_mmap;
  assert_ok(sm_bundle_reader_open(&f->reader, "c", &f->options, &f->err), f->err);
  for (int i = 0; i <= N_TENSORS; i++) f->bindings[i] = (sm_binding){.key = f->keys[i], .rank = -1};
}

static void end(fixture *f) {
  for (int i = 0; i <= N_TENSORS; i++) sm_tensor_free(f->bindings[i].tensor);
  sm_bundle_reader_close(f->reader);
  sm_fs_close(f->fs);
  b_free(&f->b);
  free(f->large);
}

static void check_value(const fixture *f, int i, const void *data) {
  const float values[4] = {(float)i, 1, 2, 3};
  if (i == N_TENSORS)
    assert_true(memcmp(data, f->large, LARGE) == 0);
  else
    assert_bytes(f->keys[i], data, sizeof values, values, sizeof values);
}

/* Every way of giving memory, mapped and read, by one thread and by four. */
static void restore__everything(void **state) {
  (void)state;
  for (unsigned mode = 0; mode < 12; mode++) {
    fixture f;
    sm_restore_report report;
    sm_restore_options options = SM_RESTORE_OPTIONS_INIT;
    begin(&f, (mode & 1) != 0);
    options.n_threads = (mode & 2) != 0 ? 4 : 0;
    bool is_callers = mode / 4 == 0;
    options.in_place = mode / 4 == 1;
    uint8_t *memory = malloc(LARGE + 16 * N_TENSORS);
    for (int i = 0; i <= N_TENSORS; i++) {
      if (is_callers) f.bindings[i].data = memory + 16 * i;
      f.bindings[i].size = i == N_TENSORS ? LARGE : 16;
    }
    assert_ok(sm_bundle_reader_restore(&report, f.reader, f.bindings, N_TENSORS + 1, &options, &f.err), f.err);
    assert_number("restored", report.n_restored, N_TENSORS + 1);
    assert_number("unused", report.n_unused, 0);
    assert_number("bytes", report.n_bytes, LARGE + 16 * N_TENSORS);
    for (int i = 0; i <= N_TENSORS; i++) {
      assert_number(f.keys[i], f.bindings[i].status, SM_OK);
      assert_true((f.bindings[i].tensor == NULL) == is_callers);
      const sm_tensor *tensor = f.bindings[i].tensor;
      check_value(&f, i, is_callers ? f.bindings[i].data : sm_tensor_get_view(tensor)->data);
      if (is_callers) continue;
      bool is_mapped = options.in_place && (mode & 1) == 0;
      assert_true((sm_tensor_get_data(f.bindings[i].tensor) == NULL) == is_mapped);
    }
    free(memory);
    end(&f);
  }
}

/* ---- Memory ---- */

typedef struct counting_fs {
  sm_fs base; /* first: what its functions get is this */
  uint64_t n_released;
} counting_fs;

static void count_released(const sm_fs *fs, const void *data, size_t size) {
  (void)data;
  ((counting_fs *)(uintptr_t)fs)->n_released += size;
}

/* What was copied or checked need not stay in memory; what is handed out in place does. */
static void restore__gives_mapped_memory_back(void **state) {
  static const struct {
    bool no_mmap, in_place, verifies;
    uint64_t expected;
  } cases[] = {
      {false, false, false, LARGE}, {false, false, true, LARGE}, {false, true, false, 0}, {true, false, false, 0}};
  (void)state;
  for (size_t i = 0; i < N_OF(cases); i++) {
    fixture f;
    sm_restore_options options = SM_RESTORE_OPTIONS_INIT;
    begin(&f, cases[i].no_mmap);
    counting_fs fs = {*f.fs, 0};
    fs.base.release = count_released;
    options.in_place = cases[i].in_place;
    sm_bundle_reader_close(f.reader);
    f.options.fs = &fs.base;
    assert_ok(sm_bundle_reader_open(&f.reader, "c", &f.options, &f.err), f.err);
    sm_status status = cases[i].verifies
                           ? sm_bundle_reader_verify(f.reader, NULL, NULL, &options, &f.err)
                           : sm_bundle_reader_restore(NULL, f.reader, f.bindings, N_TENSORS + 1, &options, &f.err);
    assert_ok(status, f.err);
    assert_number("bytes given back", fs.n_released, cases[i].expected);
    end(&f);
  }
}

/* A byte in the last piece of the large one, and one of a small one: these two fail, the others are there. */
static void restore__damaged_data(void **state) {
  (void)state;
  for (unsigned mode = 0; mode < 4; mode++) {
    fixture f;
    sm_restore_report report;
    sm_restore_options options = SM_RESTORE_OPTIONS_INIT;
    begin(&f, (mode & 1) != 0);
    options.n_threads = (mode & 2) != 0 ? 4 : 0;
    f.b.shards[1].data[f.b.shards[1].size - 1] ^= 1;
    f.b.shards[0].data[5] ^= 1;
    assert_status(sm_bundle_reader_restore(&report, f.reader, f.bindings, N_TENSORS + 1, &options, &f.err),
                  SM_DATA_LOSS, f.err);
    assert_mentions(f.err.message, "c.data-00000-of-00002: k39: byte 0: crc32c"); /* the first in the files */
    assert_number("restored", report.n_restored, N_TENSORS - 1);
    for (int i = 0; i <= N_TENSORS; i++) {
      bool is_damaged = i == 0 || i == N_TENSORS;
      assert_number(f.keys[i], f.bindings[i].status, is_damaged ? SM_DATA_LOSS : SM_OK);
      assert_true((f.bindings[i].tensor == NULL) == is_damaged);
      if (!is_damaged) check_value(&f, i, sm_tensor_get_view(f.bindings[i].tensor)->data);
    }
    end(&f);
  }
}

static void restore__policies(void **state) {
  (void)state;
  static const struct {
    sm_policy missing, mismatched;
    bool refuse_unused;
    sm_status expected;
    const char *mentions;
  } rows[] = {{SM_POLICY_ERROR, SM_POLICY_SKIP, false, SM_NOT_FOUND, "no tensor gone; 1 missing"},
              {SM_POLICY_SKIP, SM_POLICY_ERROR, false, SM_INVALID_ARGUMENT, "k00: DT_FLOAT in the checkpoint"},
              {SM_POLICY_SKIP, SM_POLICY_SKIP, true, SM_FAILED_PRECONDITION, "k01; 38 unused"},
              {SM_POLICY_SKIP, SM_POLICY_SKIP, false, SM_OK, NULL}};
  for (size_t i = 0; i < N_OF(rows); i++) {
    fixture f;
    sm_restore_report report;
    sm_restore_options options = SM_RESTORE_OPTIONS_INIT;
    begin(&f, false);
    options.missing = rows[i].missing;
    options.mismatched = rows[i].mismatched;
    options.refuse_unused = rows[i].refuse_unused;
    float untouched[4] = {9, 9, 9, 9};
    const int64_t wrong[] = {4};
    sm_binding bindings[] = {{.key = "k39", .rank = -1, .data = untouched, .size = sizeof untouched},
                             {.key = "gone", .rank = -1},
                             {.key = "k00", .dtype = SM_DT_INT32, .rank = -1},
                             {.key = "large", .rank = 1, .dims = wrong}};
    assert_status(sm_bundle_reader_restore(&report, f.reader, bindings, 4, &options, &f.err), rows[i].expected, f.err);
    assert_number("missing", report.n_missing, 1);
    assert_number("mismatched", report.n_mismatched, 2);
    assert_number("unused", report.n_unused, N_TENSORS + 1 - 3);
    assert_number("restored", report.n_restored, rows[i].expected == SM_OK);
    assert_number("gone", bindings[1].status, SM_NOT_FOUND);
    assert_number("dtype", bindings[2].status, SM_INVALID_ARGUMENT);
    assert_number("shape", bindings[3].status, SM_INVALID_ARGUMENT);
    assert_number("the good one", bindings[0].status, rows[i].expected == SM_OK ? SM_OK : SM_CANCELLED);
    assert_true(untouched[0] == (rows[i].expected == SM_OK ? 0.0f : 9.0f));
    if (rows[i].mentions != NULL) assert_mentions(f.err.message, rows[i].mentions);
    end(&f);
  }
}

static void restore__what_does_not_match(void **state) {
  (void)state;
  static const int64_t right[] = {2, 2}, wrong[] = {2, 3};
  static const sm_extent row[] = {{1, 1}, {0, -1}}, outside[] = {{2, 1}, {0, -1}};
  static const int64_t of_row[] = {1, 2};
  static const sm_slice_spec slice = {row, 2}, no_slice = {outside, 2};
  float memory[4];
  const struct {
    sm_binding binding;
    sm_status expected;
  } rows[] = {{{.key = "k00", .rank = 2, .dims = right}, SM_OK},
              {{.key = "k00", .dtype = SM_DT_FLOAT, .rank = 2, .dims = right, .data = memory, .size = 16}, SM_OK},
              {{.key = "k00", .rank = 2, .dims = of_row, .slice = &slice, .data = memory, .size = 8}, SM_OK},
              {{.key = "k00", .rank = 2, .dims = right, .slice = &slice}, SM_INVALID_ARGUMENT},
              {{.key = "k00", .rank = -1, .slice = &no_slice}, SM_INVALID_ARGUMENT},
              {{.key = "k00", .rank = 2, .dims = wrong}, SM_INVALID_ARGUMENT},
              {{.key = "k00", .rank = 1, .dims = right}, SM_INVALID_ARGUMENT},
              {{.key = "k00", .rank = -1, .data = memory, .size = 15}, SM_INVALID_ARGUMENT},
              {{.key = NULL, .rank = -1}, SM_INVALID_ARGUMENT}};
  fixture f;
  begin(&f, false);
  for (size_t i = 0; i < N_OF(rows); i++) {
    sm_binding binding = rows[i].binding;
    assert_status(sm_bundle_reader_restore(NULL, f.reader, &binding, 1, NULL, &f.err), rows[i].expected, f.err);
    sm_tensor_free(binding.tensor);
  }
  sm_restore_options options = {.struct_size = 0};
  assert_status(sm_bundle_reader_restore(NULL, f.reader, NULL, 0, &options, &f.err), SM_INVALID_ARGUMENT, f.err);
  assert_ok(sm_bundle_reader_restore(NULL, f.reader, NULL, 0, NULL, &f.err), f.err);
  end(&f);
}

/* Tasks run by the caller's executor, the last one first. */
static void run_backwards(void *ctx, size_t n_tasks, void (*task)(void *task_ctx, size_t index), void *task_ctx) {
  *(size_t *)ctx += n_tasks;
  while (n_tasks > 0) task(task_ctx, --n_tasks);
}

static void restore__by_an_executor(void **state) {
  (void)state;
  fixture f;
  size_t n_tasks = 0;
  const sm_executor executor = {run_backwards, &n_tasks};
  sm_restore_options options = SM_RESTORE_OPTIONS_INIT;
  options.executor = &executor;
  begin(&f, false);
  assert_ok(sm_bundle_reader_restore(NULL, f.reader, f.bindings, N_TENSORS + 1, &options, &f.err), f.err);
  assert_true(n_tasks >= 3); /* the large one is cut */
  for (int i = 0; i <= N_TENSORS; i++) check_value(&f, i, sm_tensor_get_view(f.bindings[i].tensor)->data);
  end(&f);
}

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(restore__everything),     cmocka_unit_test(restore__damaged_data),
      cmocka_unit_test(restore__policies),       cmocka_unit_test(restore__what_does_not_match),
      cmocka_unit_test(restore__by_an_executor), cmocka_unit_test(restore__gives_mapped_memory_back),
  };
  return cmocka_run_group_tests_name("restore", tests, NULL, NULL);
}
