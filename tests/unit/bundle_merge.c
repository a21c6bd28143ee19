/* Merging. With TensorFlow, byte by byte: interop/bundle_tf.py; when something fails: fault/save_fault.c. */
#include "support/check.h"

#include <sys/wait.h>
#include <unistd.h>

#include "support/bundles.h"
#include "support/files.h"

enum { N_PARTS = 8, N_ROWS = 4 };

static temp_dir dir;
static sm_error err;
static sm_save_options options;

static int set_up(void **state) {
  (void)state;
  dir = make_temp_dir();
  options = (sm_save_options)SM_SAVE_OPTIONS_INIT;
  options.no_sync = true;
  return 0;
}

static int tear_down(void **state) {
  (void)state;
  remove_temp_dir(&dir);
  return 0;
}

static const char *part_prefix(int number) {
  char name[32];
  snprintf(name, sizeof name, "parts/p%d", number);
  return path_in(dir.path, name);
}

/* One row of "table" and a tensor of its own. */
static sm_status add_part(sm_bundle_writer *writer, int number) {
  const int64_t dims[] = {N_PARTS, N_ROWS}, row_dims[] = {1, N_ROWS};
  int32_t row[N_ROWS];
  char key[16];
  for (int i = 0; i < N_ROWS; i++) row[i] = 100 * number + i;
  const sm_extent extents[] = {{number, 1}, {0, -1}};
  const sm_slice_spec slice = {extents, 2};
  sm_tensor_view view = view_of(SM_DT_INT32, row, sizeof row, 2, row_dims);
  SM_TRY(sm_bundle_writer_add_slice(writer, "table", dims, &slice, &view, &err));
  snprintf(key, sizeof key, "own%d", number);
  view = view_of(SM_DT_INT32, &number, sizeof number, 0, NULL);
  return sm_bundle_writer_add(writer, key, &view, &err);
}

static sm_status save_part(int number) {
  sm_bundle_writer *writer;
  SM_TRY(sm_bundle_writer_open(&writer, part_prefix(number), &options, &err));
  sm_status status = add_part(writer, number);
  if (status == SM_OK) status = sm_bundle_writer_finish(writer, &err);
  sm_bundle_writer_close(writer);
  return status;
}

static void check_merged(const char *prefix, int n_files) {
  sm_bundle_reader *reader;
  int32_t table[N_PARTS * N_ROWS], own;
  assert_ok(sm_bundle_reader_open(&reader, prefix, NULL, &err), err);
  assert_number("files", sm_bundle_reader_get_header(reader)->n_shards, n_files);
  assert_ok(sm_bundle_reader_read(reader, "table", NULL, table, sizeof table, &err), err);
  for (int i = 0; i < N_PARTS * N_ROWS; i++) assert_number("table", table[i], 100 * (i / N_ROWS) + i % N_ROWS);
  for (int i = 0; i < N_PARTS; i++) {
    char key[16];
    snprintf(key, sizeof key, "own%d", i);
    assert_ok(sm_bundle_reader_read(reader, key, NULL, &own, sizeof own, &err), err);
    assert_number(key, own, i);
  }
  sm_bundle_reader_close(reader);
}

static sm_status merge(const char *prefix, int n_parts) {
  char prefixes[N_PARTS][300], target[300];
  const char *parts[N_PARTS];
  snprintf(target, sizeof target, "%s", prefix); /* which path_in will use again */
  for (int i = 0; i < n_parts; i++) {
    snprintf(prefixes[i], sizeof prefixes[i], "%s", part_prefix(i));
    parts[i] = prefixes[i];
  }
  return sm_bundle_merge(target, parts, (size_t)n_parts, &options, &err);
}

/* Each part by a process of its own, all at once. */
static void bundle_merge__of_processes(void **state) {
  (void)state;
  pid_t children[N_PARTS];
  for (int i = 0; i < N_PARTS; i++) {
    children[i] = fork();
    if (children[i] == 0) _exit(save_part(i) == SM_OK ? 0 : 1);
  }
  for (int i = 0; i < N_PARTS; i++) {
    int how;
    assert_int_equal(waitpid(children[i], &how, 0), children[i]);
    assert_true(WIFEXITED(how) && WEXITSTATUS(how) == 0);
  }
  assert_ok(merge(path_in(dir.path, "m"), N_PARTS), err);
  check_merged(path_in(dir.path, "m"), N_PARTS);
  assert_number("parts that are left", count_names(path_in(dir.path, "parts")), 0);
  assert_number("names in the directory", count_names(dir.path), 1 + N_PARTS + 1);
}

static void save_all_parts(void) {
  for (int i = 0; i < N_PARTS; i++) assert_ok(save_part(i), err);
}

static void bundle_merge__refuses(void **state) {
  (void)state;
  save_all_parts();
  const char *first = path_in(dir.path, "parts/p0"), *dotted = path_in(dir.path, "parts/./p0");
  const char *same[] = {first, dotted}, *missing[] = {first, path_in(dir.path, "none")};
  const char *target = path_in(dir.path, "m");
  char held[4][300];
  snprintf(held[0], sizeof held[0], "%s", first);
  snprintf(held[1], sizeof held[1], "%s", dotted);
  snprintf(held[2], sizeof held[2], "%s", missing[1]);
  snprintf(held[3], sizeof held[3], "%s", target);
  same[0] = missing[0] = held[0];
  same[1] = held[1];
  missing[1] = held[2];
  target = held[3];
  assert_status(sm_bundle_merge(target, NULL, 0, &options, &err), SM_INVALID_ARGUMENT, err);
  assert_status(sm_bundle_merge(target, same, 2, &options, &err), SM_INVALID_ARGUMENT, err);
  assert_mentions(err.message, "another part has");
  assert_status(sm_bundle_merge(target, missing, 2, &options, &err), SM_NOT_FOUND, err);
  options.overwrite = true; /* into one of the parts, whatever it is called */
  assert_status(sm_bundle_merge(held[0], same + 1, 1, &options, &err), SM_INVALID_ARGUMENT, err);
  options.overwrite = false;
  assert_number("names of the parts", count_names(path_in(dir.path, "parts")), 2 * N_PARTS);
  assert_ok(merge(target, N_PARTS), err); /* nothing of all that has hurt */
  check_merged(target, N_PARTS);
}

static void bundle_merge__headers_must_agree(void **state) {
  (void)state;
  char prefixes[2][300];
  const char *parts[2] = {prefixes[0], prefixes[1]};
  for (int i = 0; i < 2; i++) {
    options.big_endian = i != 0;
    snprintf(prefixes[i], sizeof prefixes[i], "%s", part_prefix(i));
    assert_ok(save_part(i), err);
  }
  assert_status(sm_bundle_merge(path_in(dir.path, "m"), parts, 2, &options, &err), SM_INVALID_ARGUMENT, err);
  assert_number("names of the parts", count_names(path_in(dir.path, "parts")), 4);
}

/* TensorFlow cannot read what it makes of an empty part (formats of this library: num_shards). */
static void bundle_merge__empty_parts(void **state) {
  (void)state;
  sm_bundle_writer *writer;
  char empty[300], merged[300];
  snprintf(empty, sizeof empty, "%s", path_in(dir.path, "empty"));
  snprintf(merged, sizeof merged, "%s", path_in(dir.path, "merged"));
  save_all_parts();
  assert_ok(merge(merged, N_PARTS), err);
  for (int i = 0; i < 2; i++) { /* alone, then before another one */
    assert_ok(sm_bundle_writer_open(&writer, empty, &options, &err), err);
    assert_ok(sm_bundle_writer_finish(writer, &err), err);
    sm_bundle_writer_close(writer);
    const char *parts[] = {empty, merged};
    char target[300];
    snprintf(target, sizeof target, "%s", path_in(dir.path, i == 0 ? "e" : "m"));
    assert_ok(sm_bundle_merge(target, parts, i == 0 ? 1 : 2, &options, &err), err);
    assert_false(file_exists(path_in(dir.path, "empty.index")));
  }
  check_merged(path_in(dir.path, "m"), N_PARTS);
  assert_true(file_exists(path_in(dir.path, "e.data-00000-of-00001")));
}

#define CASE(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)

int main(void) {
  const struct CMUnitTest tests[] = {
      CASE(bundle_merge__of_processes),
      CASE(bundle_merge__refuses),
      CASE(bundle_merge__headers_must_agree),
      CASE(bundle_merge__empty_parts),
  };
  return cmocka_run_group_tests_name("bundle_merge", tests, NULL, NULL);
}
