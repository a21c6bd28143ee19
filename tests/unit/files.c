/* The other files of a model's directory. */
#include "support/check.h"

#include <sys/stat.h>
#include <unistd.h>

#include <savedmodel/model.h>

#include "support/files.h"
#include "support/models.h"

static sm_error err;
static temp_dir dir;
static sm_model *model;

/*
 * assets.extra:  b  a  sub/  sub/x  sub/deep/  sub/deep/y  sub-1  empty/  fifo  link -> a
 */
static int set_up(void **state) {
  (void)state;
  dir = make_temp_dir();
  static const char *const dirs[] = {"assets.extra", "assets.extra/sub", "assets.extra/sub/deep", "assets.extra/empty"};
  for (size_t i = 0; i < N_OF(dirs); i++)
    if (mkdir(path_in(dir.path, dirs[i]), 0777) != 0) return -1;
  write_file(path_in(dir.path, "saved_model.pb"), "", 0);
  write_file(path_in(dir.path, "assets.extra/b"), "22", 2);
  write_file(path_in(dir.path, "assets.extra/a"), "1", 1);
  write_file(path_in(dir.path, "assets.extra/sub/x"), "333", 3);
  write_file(path_in(dir.path, "assets.extra/sub/deep/y"), "4444", 4);
  write_file(path_in(dir.path, "assets.extra/sub-1"), "55555", 5);
  if (mkfifo(path_in(dir.path, "assets.extra/fifo"), 0666) != 0) return -1;
  if (symlink("a", path_in(dir.path, "assets.extra/link")) != 0) return -1;
  err.code = SM_OK;
  return sm_model_open(&model, dir.path, NULL, &err) == SM_OK ? 0 : -1;
}

static int tear_down(void **state) {
  (void)state;
  sm_model_close(model);
  remove_temp_dir(&dir);
  return 0;
}

static sm_status append(void *ctx, const sm_model_file *file, sm_error *e) {
  (void)e;
  char *text = ctx;
  size_t used = strlen(text);
  snprintf(text + used, 500 - used, "%s=%llu ", file->name, (unsigned long long)file->size);
  return SM_OK;
}

static void files__lists_sorted_and_recursively(void **state) {
  (void)state;
  static const struct {
    const char *dir, *wanted;
  } rows[] = {
      {"assets.extra", "a=1 b=2 link=1 sub-1=5 sub/deep/y=4 sub/x=3 "},
      {"assets.extra/", "a=1 b=2 link=1 sub-1=5 sub/deep/y=4 sub/x=3 "},
      {"./assets.extra/sub", "deep/y=4 x=3 "},
      {"assets.extra/empty", ""},
      {"variables", ""},      /* not there */
      {"saved_model.pb", ""}, /* no directory */
      {"",
       "assets.extra/a=1 assets.extra/b=2 assets.extra/link=1 assets.extra/sub-1=5 assets.extra/sub/deep/y=4 "
       "assets.extra/sub/x=3 saved_model.pb=0 "},
  };
  for (size_t i = 0; i < N_OF(rows); i++) {
    char found[500] = "";
    assert_ok(sm_model_list_files(model, rows[i].dir, append, found, &err), err);
    assert_text(rows[i].dir, found, rows[i].wanted);
    assert_number("err only on failure", err.code, SM_OK);
  }
}

static void files__list_refuses(void **state) {
  (void)state;
  static const char *const names[] = {"/", "/etc", "..", "assets.extra/..", "assets.extra/../.."};
  for (size_t i = 0; i < N_OF(names); i++) {
    char found[500] = "";
    assert_status(sm_model_list_files(model, names[i], append, found, &err), SM_INVALID_ARGUMENT, err);
    assert_text(names[i], found, "");
  }
}

/* Refused links are said, not passed over: a listing that is silent about them would look complete. */
static void files__list_with_links_refused(void **state) {
  (void)state;
  sm_open_options options = SM_OPEN_OPTIONS_INIT;
  options.refuse_symlinks = true;
  sm_model *strict;
  assert_ok(sm_model_open(&strict, dir.path, &options, &err), err);
  char found[500] = "";
  assert_int_equal(symlink("sub", path_in(dir.path, "assets.extra/sublink")), 0);
  assert_status(sm_model_list_files(strict, "assets.extra", append, found, &err), SM_FAILED_PRECONDITION, err);
  assert_text("nothing was handed out", found, "");
  assert_status(sm_model_list_files(strict, "assets.extra/sublink", append, found, &err), SM_FAILED_PRECONDITION, err);
  assert_ok(sm_model_list_files(strict, "assets.extra/sub", append, found, &err), err);
  assert_text("sub", found, "deep/y=4 x=3 ");
  sm_model_close(strict);
}

static sm_status stop(void *ctx, const sm_model_file *file, sm_error *e) {
  (void)file;
  e->code = SM_CANCELLED;
  return ++*(int *)ctx == 2 ? SM_CANCELLED : SM_OK;
}

static void files__list_stops_when_told(void **state) {
  (void)state;
  int n = 0;
  assert_status(sm_model_list_files(model, "assets.extra", stop, &n, &err), SM_CANCELLED, err);
  assert_int_equal(n, 2);
}

/* A link to its own directory leads in a circle: an end must come, and an error with it. */
static void files__list_with_a_circle(void **state) {
  (void)state;
  char found[500] = "";
  assert_int_equal(symlink(".", path_in(dir.path, "assets.extra/sub/again")), 0);
  sm_status status = sm_model_list_files(model, "assets.extra", append, found, &err);
  assert_true(status == SM_RESOURCE_EXHAUSTED || status == SM_FAILED_PRECONDITION);
}

static void files__list_deep(void **state) {
  (void)state;
  char path[1000], found[500] = "";
  snprintf(path, sizeof path, "%s/assets.extra/empty", dir.path);
  for (int level = 2; level <= 65; level++) { /* empty is on level 1 of assets.extra */
    snprintf(path + strlen(path), 3, "/d");
    assert_int_equal(mkdir(path, 0777), 0);
    sm_status status = sm_model_list_files(model, "assets.extra", append, found, &err);
    if (level <= 64) assert_ok(status, err);
    if (level > 64) assert_status(status, SM_RESOURCE_EXHAUSTED, err);
  }
}

static void files__sizes(void **state) {
  (void)state;
  static const struct {
    const char *name;
    sm_status status;
    uint64_t size;
  } rows[] = {
      {"assets.extra/sub-1", SM_OK, 5},
      {"./assets.extra//sub/x", SM_OK, 3},
      {"assets.extra/link", SM_OK, 1},
      {"saved_model.pb", SM_OK, 0},
      {"missing", SM_NOT_FOUND, 0},
      {"assets.extra", SM_FAILED_PRECONDITION, 0},
      {"assets.extra/fifo", SM_FAILED_PRECONDITION, 0},
      {"", SM_FAILED_PRECONDITION, 0},
      {"/etc/passwd", SM_INVALID_ARGUMENT, 0},
      {"../x", SM_INVALID_ARGUMENT, 0},
      {"assets.extra/../saved_model.pb", SM_INVALID_ARGUMENT, 0},
  };
  for (size_t i = 0; i < N_OF(rows); i++) {
    uint64_t size = 99;
    sm_status status = sm_model_get_file_size(&size, model, rows[i].name, &err);
    assert_text(rows[i].name, sm_status_name(status), sm_status_name(rows[i].status));
    assert_number(rows[i].name, size, rows[i].size);
  }
}

static void files__copies(void **state) {
  (void)state;
  static const struct {
    const char *name;
    sm_status status;
  } rows[] = {
      {"assets.extra/sub-1", SM_OK},
      {"missing", SM_NOT_FOUND},
      {"/etc/passwd", SM_INVALID_ARGUMENT},
      {"../x", SM_INVALID_ARGUMENT},
      {"assets.extra/fifo", SM_FAILED_PRECONDITION},
      {"assets.extra", SM_FAILED_PRECONDITION},
  };
  for (size_t i = 0; i < N_OF(rows); i++) {
    temp_dir out = make_temp_dir();
    sm_status status = sm_model_copy_file(model, rows[i].name, path_in(out.path, "copy"), &err);
    assert_text(rows[i].name, sm_status_name(status), sm_status_name(rows[i].status));
    assert_number("files made", count_names(out.path), status == SM_OK ? 1 : 0);
    if (status == SM_OK) {
      size_t size;
      uint8_t *copy = read_file(path_in(out.path, "copy"), &size);
      assert_bytes("copy", copy, size, "55555", 5);
      free(copy);
    }
    remove_temp_dir(&out);
  }
}

#define CASE(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)

int main(void) {
  const struct CMUnitTest tests[] = {
      CASE(files__lists_sorted_and_recursively),
      CASE(files__list_refuses),
      CASE(files__list_with_links_refused),
      CASE(files__list_stops_when_told),
      CASE(files__list_with_a_circle),
      CASE(files__list_deep),
      CASE(files__sizes),
      CASE(files__copies),
  };
  return cmocka_run_group_tests_name("files", tests, NULL, NULL);
}
