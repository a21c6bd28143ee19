/* Every call of the file system fails once: the call in which it does says so, no file stays open or mapped, and what
 * failed works as soon as the file system does. Copies, which write: unit/io.c. */
#include "support/check.h"

#include <savedmodel/model.h>

#include "support/defects.h"
#include "support/fault_alloc.h"
#include "support/fault_fs.h"
#include "support/files.h"
#include "support/models.h"

static const char *const models[] = {"v1/assets_extra_warmup", "v2/several_signatures", "v2/debug_info"};

static void io_fault__open(void **state) {
  (void)state;
  for (size_t m = 0; m < N_OF(models); m++)
    for (int no_mmap = 0; no_mmap < 2; no_mmap++)
      for (uint64_t n = 0;; n++) {
        sm_fault_fs ff;
        sm_fault_alloc fa;
        sm_model *model;
        sm_error err;
        sm_open_options options = SM_OPEN_OPTIONS_INIT;
        sm_fault_fs_init(&ff, sm_fs_local(), n);
        sm_fault_alloc_init(&fa, UINT64_MAX);
        options.fs = &ff.base;
        options.allocator = &fa.base;
        options.no_mmap = no_mmap != 0;
        sm_status status = sm_model_open(&model, model_dir(models[m]), &options, &err);
        assert_status(status, ff.fired ? SM_UNAVAILABLE : SM_OK, err);
        if (ff.fired) assert_null(model);
        sm_model_close(model);
        assert_number("open files", ff.open_files, 0);
        assert_number("mapped files", ff.mapped_files, 0);
        assert_number("live blocks", fa.live_blocks, 0);
        sm_fault_alloc_destroy(&fa);
        if (!ff.fired) {
          assert_number("calls to open a model", n, 2); /* open, map or read_at */
          break;
        }
      }
}

static void io_fault__look_up(void **state) {
  (void)state;
  for (size_t m = 0; m < N_OF(models); m++) {
    uint64_t wanted, digest, n;
    sm_model *model = open_data(models[m]);
    assert_int_equal(look_up_everything_twice(model, &wanted), SM_OK);
    sm_model_close(model);
    for (n = 0;; n++) {
      sm_fault_fs ff;
      sm_error err;
      sm_open_options options = SM_OPEN_OPTIONS_INIT;
      sm_fault_fs_init(&ff, sm_fs_local(), UINT64_MAX);
      options.fs = &ff.base;
      assert_ok(sm_model_open(&model, model_dir(models[m]), &options, &err), err);
      sm_fault_fs_rearm(&ff, n);
      sm_status status = look_up_everything_twice(model, &digest);
      assert_number("status", status, ff.fired ? SM_UNAVAILABLE : SM_OK);
      assert_number("what was found", digest, wanted);
      assert_number("open files", ff.open_files, 0);
      sm_model_close(model);
      assert_number("mapped files", ff.mapped_files, 0);
      if (!ff.fired) break;
    }
    assert_true(n >= 5); /* fingerprint, a listing of several directories, stat */
  }
}

/* A file that is shorter than it was when it was opened: read_at says so, and so does the model. */
static sm_status short_read(const sm_fs *fs, const sm_file *file, uint64_t offset, void *dst, size_t dst_size,
                            sm_error *err) {
  const sm_fs *local = sm_fs_local();
  (void)fs;
  return local->read_at(local, file, offset + 1, dst, dst_size, err);
}

static void io_fault__file_gets_shorter(void **state) {
  (void)state;
  sm_fs shrinking = *sm_fs_local();
  sm_open_options options = SM_OPEN_OPTIONS_INIT;
  sm_model *model;
  sm_error err;
  shrinking.read_at = short_read;
  options.fs = &shrinking;
  options.no_mmap = true;
  assert_status(sm_model_open(&model, model_dir(models[0]), &options, &err), SM_OUT_OF_RANGE, err);
  assert_null(model);
}

/* Verifying: what cannot be read just now is no defect of the model. */
static void io_fault__verify(void **state) {
  (void)state;
  for (size_t m = 0; m < N_OF(models); m++)
    for (uint64_t n = 0;; n++) {
      sm_fault_fs ff;
      sm_model *model;
      sm_error err;
      defects found = {.n = 0};
      sm_open_options options = SM_OPEN_OPTIONS_INIT;
      sm_fault_fs_init(&ff, sm_fs_local(), UINT64_MAX);
      options.fs = &ff.base;
      assert_ok(sm_model_open(&model, model_dir(models[m]), &options, &err), err);
      sm_fault_fs_rearm(&ff, n);
      sm_status status = sm_model_verify(model, add_defect, &found, &err);
      assert_status(status, ff.fired ? SM_UNAVAILABLE : SM_OK, err);
      assert_text(models[m], found.text, "");
      bool fired = ff.fired;
      if (fired) assert_ok(sm_model_verify(model, add_defect, &found, &err), err);
      sm_model_close(model);
      assert_number("open files", ff.open_files, 0);
      assert_number("mapped files", ff.mapped_files, 0);
      if (fired) continue;
      assert_true(n >= 8); /* forms, listings, fingerprint, debug info, index, data */
      break;
    }
}

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(io_fault__open),
      cmocka_unit_test(io_fault__look_up),
      cmocka_unit_test(io_fault__file_gets_shorter),
      cmocka_unit_test(io_fault__verify),
  };
  return cmocka_run_group_tests_name("io_fault", tests, NULL, NULL);
}
