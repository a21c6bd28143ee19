/* The newest checkpoint of a directory. */
#include "support/check.h"

#include <savedmodel/checkpoint.h>

static sm_error err;

/* A directory "d" with the state file text (NULL: none) and checkpoints d/ckpt-2 (V2) and d/model-3 (V1). */
static sm_status latest(char *dst, size_t dst_size, const char *text, const sm_allocator *allocator) {
  sm_fs *fs;
  sm_open_options options = SM_OPEN_OPTIONS_INIT;
  assert_ok(sm_fs_memory_new(&fs, NULL, &err), err);
  if (text != NULL) assert_ok(sm_fs_memory_add(fs, "d/checkpoint", text, strlen(text), &err), err);
  assert_ok(sm_fs_memory_add(fs, "d/ckpt-2.index", "", 0, &err), err);
  assert_ok(sm_fs_memory_add(fs, "d/model-3", "", 0, &err), err);
  assert_ok(sm_fs_memory_add(fs, "d/folder-4/x", "", 0, &err), err);
  options.fs = fs;
  options.allocator = allocator;
  sm_status status = sm_latest_checkpoint(dst, dst_size, "d", &options, &err);
  sm_fs_close(fs);
  return status;
}

static void latest__finds_what_the_state_names(void **state) {
  (void)state;
  static const struct {
    const char *text;
    sm_status expected;
    const char *found; /* or what the message mentions */
  } rows[] = {
      {"model_checkpoint_path: \"ckpt-2\"\n", SM_OK, "d/ckpt-2"},
      {"all_model_checkpoint_paths: \"ckpt-1\"\nmodel_checkpoint_path: \"model-3\"\n", SM_OK, "d/model-3"},
      {"model_checkpoint_path: \"/moved/from/here/ckpt-2\"", SM_OK, "d/ckpt-2"},
      {"model_checkpoint_path: \"ckpt-1\"", SM_NOT_FOUND, "ckpt-1"},
      {"model_checkpoint_path: \"folder-4\"", SM_NOT_FOUND, "folder-4"}, /* a directory is no V1 checkpoint */
      {"all_model_checkpoint_paths: \"ckpt-2\"", SM_DATA_LOSS, "no model_checkpoint_path"},
      {"model_checkpoint_path: \"a\\000b\"", SM_DATA_LOSS, "no path"},
      {"model_checkpoint: \"ckpt-2\"", SM_DATA_LOSS, "d/checkpoint"},
      {"\x01\x02", SM_DATA_LOSS, "d/checkpoint"},
      {NULL, SM_NOT_FOUND, "d/checkpoint"},
  };
  for (size_t i = 0; i < N_OF(rows); i++) {
    char found[64];
    assert_status(latest(found, sizeof found, rows[i].text, NULL), rows[i].expected, err);
    if (rows[i].expected == SM_OK)
      assert_text(rows[i].text, found, rows[i].found);
    else
      assert_mentions(err.message, rows[i].found);
  }
}

static void latest__does_not_overrun(void **state) {
  (void)state;
  char found[16] = "untouched";
  assert_status(latest(found, 8, "model_checkpoint_path: \"ckpt-2\"", NULL), SM_OUT_OF_RANGE, err);
  assert_mentions(err.message, "9 bytes");
  assert_ok(latest(found, 9, "model_checkpoint_path: \"ckpt-2\"", NULL), err);
  assert_text("exactly", found, "d/ckpt-2");
}

static void latest__refuses_a_null_directory(void **state) {
  (void)state;
  char found[16];
  assert_status(sm_latest_checkpoint(found, sizeof found, NULL, NULL, &err), SM_INVALID_ARGUMENT, err);
}

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(latest__finds_what_the_state_names),
      cmocka_unit_test(latest__does_not_overrun),
      cmocka_unit_test(latest__refuses_a_null_directory),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
