/* state_read.c and state_write.c: the state file. */
#include "support/check.h"

#include <savedmodel/checkpoint.h>

#include "support/fault_fs.h"

static sm_error err;

/* A directory "d" with a state file, and checkpoints d/ckpt-2, d/sub/ckpt-3 and d/ckpt-4. */
static sm_fs *make_fs(const char *text) {
  sm_fs *fs;
  assert_ok(sm_fs_memory_new(&fs, NULL, &err), err);
  if (text != NULL) assert_ok(sm_fs_memory_add(fs, "d/checkpoint", text, strlen(text), &err), err);
  assert_ok(sm_fs_memory_add(fs, "d/ckpt-2.index", "", 0, &err), err);
  assert_ok(sm_fs_memory_add(fs, "d/sub/ckpt-3.index", "", 0, &err), err);
  assert_ok(sm_fs_memory_add(fs, "d/ckpt-4.index", "", 0, &err), err);
  assert_ok(sm_fs_memory_add(fs, "outside-5.index", "", 0, &err), err);
  assert_ok(sm_fs_memory_add(fs, "d/v1-7-00000-of-00002", "", 0, &err), err);
  return fs;
}

static sm_status read_state(sm_checkpoint_state **state, const char *text) {
  sm_open_options options = SM_OPEN_OPTIONS_INIT;
  sm_fs *fs = make_fs(text);
  options.fs = fs;
  sm_status status = sm_checkpoint_state_read(state, "d", NULL, &options, &err);
  sm_fs_close(fs);
  return status;
}

static void state_read__paths_lead_into_the_directory(void **state) {
  (void)state;
  static const struct {
    const char *recorded, *found; /* NULL: refused */
  } rows[] = {
      {"ckpt-2", "ckpt-2"},
      {"./sub//ckpt-3", "sub/ckpt-3"},
      {"gone-1", "gone-1"},
      {"/somewhere/else/ckpt-2", "ckpt-2"},
      {"/somewhere/sub/ckpt-3", "sub/ckpt-3"},
      {"/somewhere/d/gone-1", "gone-1"},
      {"/outside-5", "outside-5"}, /* in d, where it is not */
      {"/a/../../ckpt-2", "ckpt-2"},
      {"../outside-5", NULL},
      {"sub/../../outside-5", NULL},
      {"/a/..", NULL},
      {"/", NULL},
      {".", NULL},
      {"a\\000b", NULL},
  };
  for (size_t i = 0; i < N_OF(rows); i++) {
    char text[200];
    sm_checkpoint_state *read;
    snprintf(text, sizeof text, "model_checkpoint_path: \"%s\"", rows[i].recorded);
    assert_status(read_state(&read, text), rows[i].found != NULL ? SM_OK : SM_DATA_LOSS, err);
    if (rows[i].found != NULL)
      assert_text(rows[i].recorded, read->latest, rows[i].found);
    else
      assert_mentions(err.message, "d/checkpoint");
    sm_checkpoint_state_free(read);
  }
}

static void state_read__all_that_it_says(void **state) {
  (void)state;
  sm_checkpoint_state *read;
  assert_ok(read_state(&read,
                       "model_checkpoint_path: \"ckpt-4\"\nall_model_checkpoint_paths: \"ckpt-2\"\n"
                       "all_model_checkpoint_paths: \"ckpt-4\"\nall_model_checkpoint_timestamps: 1.5\n"
                       "all_model_checkpoint_timestamps: 1795355767.3137708\nlast_preserved_timestamp: -0.25\n"),
            err);
  assert_number("paths", read->n_paths, 2);
  assert_text("the first", read->paths[0], "ckpt-2");
  assert_text("the second", read->paths[1], "ckpt-4");
  assert_true(read->timestamps[0] == 1.5 && read->timestamps[1] == 1795355767.3137708);
  assert_true(read->last_preserved == -0.25);
  sm_checkpoint_state_free(read);
  assert_ok(read_state(&read, "model_checkpoint_path: \"ckpt-4\""), err);
  assert_true(read->n_paths == 0 && read->timestamps == NULL && read->last_preserved == 0);
  sm_checkpoint_state_free(read);
}

/* Of a directory that was moved: the newest tells what it was called. */
static void state_read__all_paths_move_with_the_newest(void **state) {
  (void)state;
  sm_checkpoint_state *read;
  assert_ok(read_state(&read,
                       "model_checkpoint_path: \"/old/sub/ckpt-3\"\n"
                       "all_model_checkpoint_paths: [\"/old/sub/gone-1\", \"/other/sub/gone-2\""
                       "]"),
            err);
  assert_text("newest", read->latest, "sub/ckpt-3");
  assert_text("beside it", read->paths[0], "sub/gone-1");
  assert_text("from elsewhere", read->paths[1], "gone-2");
  sm_checkpoint_state_free(read);
}

static void state_read__refuses_what_is_none(void **state) {
  (void)state;
  static const struct {
    const char *text;
    sm_status expected;
    const char *mentions;
  } rows[] = {
      {NULL, SM_NOT_FOUND, "d/checkpoint"},
      {"", SM_DATA_LOSS, "no model_checkpoint_path"},
      {"model_checkpoint_path: 5", SM_DATA_LOSS, "d/checkpoint"},
      {"model_checkpoint_path: \"ckpt-2\" all_model_checkpoint_paths: \"a\" all_model_checkpoint_timestamps: [1, 2]",
       SM_DATA_LOSS, "2 timestamps of 1"},
      {"model_checkpoint_path: \"ckpt-2\" all_model_checkpoint_paths: \"../a\"", SM_DATA_LOSS, "outside"},
      {"model_checkpoint_path: \"/d/ckpt-2\" all_model_checkpoint_paths: \"/d/../a\"", SM_DATA_LOSS, "outside"},
  };
  for (size_t i = 0; i < N_OF(rows); i++) {
    sm_checkpoint_state *read;
    assert_status(read_state(&read, rows[i].text), rows[i].expected, err);
    assert_mentions(err.message, rows[i].mentions);
    assert_null(read);
  }
}

/* What TensorFlow's CheckpointManager wrote: see formats.md 6.1, and tests/data. */
static void state_write__is_what_tensorflow_writes(void **state) {
  (void)state;
  static const char expected[] =
      "model_checkpoint_path: \"ckpt-4\"\n"
      "all_model_checkpoint_paths: \"a \\\"b\\\"\"\n"
      "all_model_checkpoint_paths: \"ckpt-4\"\n"
      "all_model_checkpoint_timestamps: 1700000000.0\n"
      "all_model_checkpoint_timestamps: 1795355767.3290176\n"
      "last_preserved_timestamp: 1e-05\n";
  const sm_checkpoint_state wanted = {.latest = "ckpt-4",
                                      .paths = (const char *const[]){"a \"b\"", "ckpt-4"},
                                      .n_paths = 2,
                                      .timestamps = (const double[]){1700000000, 1795355767.3290176},
                                      .last_preserved = 1e-5};
  sm_save_options options = SM_SAVE_OPTIONS_INIT;
  sm_fs *fs = make_fs("old");
  sm_file file;
  char text[400];
  options.fs = fs;
  assert_ok(sm_checkpoint_state_write("d", NULL, &wanted, &options, &err), err);
  assert_ok(fs->open(&file, fs, "d", "checkpoint", 0, &err), err);
  assert_number("bytes", file.size, sizeof expected - 1);
  assert_ok(fs->read_at(fs, &file, 0, text, sizeof expected - 1, &err), err);
  fs->close(fs, &file);
  assert_bytes("text", text, sizeof expected - 1, expected, sizeof expected - 1);
  assert_status(sm_checkpoint_state_write("d", NULL, &(sm_checkpoint_state){0}, &options, &err), SM_INVALID_ARGUMENT,
                err);
  sm_fs_close(fs);
}

enum { MANY = 100000 };

/* A newest one and MANY paths, of which nothing is there. */
static char *list_many(void) {
  static const char first[] = "model_checkpoint_path: \"gone\"\n", line[] = "all_model_checkpoint_paths: \"gone\"\n";
  char *text = malloc(sizeof first + MANY * (sizeof line - 1));
  assert_non_null(text);
  memcpy(text, first, sizeof first);
  for (size_t i = 0; i < MANY; i++) memcpy(text + sizeof first - 1 + i * (sizeof line - 1), line, sizeof line);
  return text;
}

static void state_read__huge_lists(void **state) {
  (void)state;
  char found[64], *text = list_many();
  sm_checkpoint_state *read;
  sm_open_options options = SM_OPEN_OPTIONS_INIT;
  sm_fs *fs = make_fs(text);
  sm_fault_fs counted;
  sm_fault_fs_init(&counted, fs, UINT64_MAX);
  options.fs = &counted.base;
  assert_ok(sm_checkpoint_state_read(&read, "d", NULL, &options, &err), err);
  assert_number("paths", read->n_paths, MANY);
  sm_checkpoint_state_free(read);
  uint64_t before = counted.n_calls;
  assert_status(sm_latest_checkpoint(found, sizeof found, "d", &options, &err), SM_NOT_FOUND, err);
  assert_true(counted.n_calls - before < 1000); /* not all of them are looked for */
  options.max_bytes = 1 << 20;
  assert_status(sm_checkpoint_state_read(&read, "d", NULL, &options, &err), SM_RESOURCE_EXHAUSTED, err);
  sm_fs_close(fs);
  free(text);
}

static void state_read__the_newest_that_is_there(void **state) {
  (void)state;
  static const struct {
    const char *text, *found;
  } rows[] = {
      {"model_checkpoint_path: \"gone-9\" all_model_checkpoint_paths: [\"ckpt-2\", \"ckpt-4\", \"gone-9\"]",
       "d/ckpt-4"},
      {"model_checkpoint_path: \"v1-7-??\?\?\?-of-00002\"", "d/v1-7-??\?\?\?-of-00002"},
      {"model_checkpoint_path: \"v1-8-??\?\?\?-of-00002\"", NULL},
      {"model_checkpoint_path: \"/outside-5\"", NULL},
  };
  for (size_t i = 0; i < N_OF(rows); i++) {
    char found[64];
    sm_open_options options = SM_OPEN_OPTIONS_INIT;
    sm_fs *fs = make_fs(rows[i].text);
    options.fs = fs;
    assert_status(sm_latest_checkpoint(found, sizeof found, "d", &options, &err),
                  rows[i].found != NULL ? SM_OK : SM_NOT_FOUND, err);
    assert_text(rows[i].text, found, rows[i].found != NULL ? rows[i].found : "");
    sm_fs_close(fs);
  }
}

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(state_read__paths_lead_into_the_directory),  cmocka_unit_test(state_read__all_that_it_says),
      cmocka_unit_test(state_read__all_paths_move_with_the_newest), cmocka_unit_test(state_read__refuses_what_is_none),
      cmocka_unit_test(state_write__is_what_tensorflow_writes),     cmocka_unit_test(state_read__huge_lists),
      cmocka_unit_test(state_read__the_newest_that_is_there),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
