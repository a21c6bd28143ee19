/* Saving models when something fails: each call of the file system and each allocation in turn, or the process. At every
 * moment there is the old model or the new one, never a mixture, and the next save works and tidies up. */
#include "support/check.h"

#include <sys/wait.h>
#include <unistd.h>

#include <savedmodel/savedmodel.h>

#include "support/bundles.h"
#include "support/fault_alloc.h"
#include "support/fault_fs.h"
#include "support/files.h"
#include "support/save_faults.h"

/* ---- Models that say everywhere which number they have ---- */

static const char graph_def[] =
    "\x0a\x09\x0a\x01"
    "c"
    "\x12\x04"
    "NoOp"; /* a node c of op NoOp */

typedef struct save_way {
  const char *name;
  bool has_old, overwrite, in_place;
  bool is_taken_over; /* of a model that is there */
} save_way;

static const save_way ways[] = {
    {"new", false, false, false, false},
    {"overwrite", true, true, false, false},
    {"in place", true, false, true, true},
    {"taken over", false, false, false, true},
    {"taken over, overwrite", true, true, false, true},
};

static sm_status add_parts(sm_builder *builder, int n, sm_error *err) {
  char text[32];
  sm_bundle_writer *variables;
  const float value = (float)n;
  const sm_tensor_view view = view_of(SM_DT_FLOAT, &value, sizeof value, 0, NULL);
  snprintf(text, sizeof text, "n%d", n);
  const char *tags[] = {text};
  sm_meta_graph_spec spec = SM_META_GRAPH_SPEC_INIT;
  spec.tags = tags;
  spec.n_tags = 1;
  spec.graph_def = (sm_string){graph_def, sizeof graph_def - 1};
  spec.no_saver = true;
  SM_TRY(sm_builder_add_meta_graph(NULL, builder, &spec, err));
  SM_TRY(sm_builder_set_metadata(builder, "number", text, err));
  SM_TRY(sm_builder_get_variables(&variables, builder, err));
  SM_TRY(sm_bundle_writer_add(variables, "number", &view, err));
  return sm_builder_finish(builder, err);
}

static sm_save_options options_of(bool overwrite, bool in_place, const sm_fs *fs, const sm_allocator *allocator) {
  sm_save_options options = SM_SAVE_OPTIONS_INIT;
  options.overwrite = overwrite;
  options.in_place = in_place;
  options.fs = fs;
  options.allocator = allocator;
  return options;
}

static sm_status save(const char *dir, int n, const sm_save_options *options, sm_error *err) {
  sm_builder *builder;
  SM_TRY(sm_builder_open(&builder, dir, options, err));
  sm_status status = add_parts(builder, n, err);
  sm_builder_close(builder);
  return status;
}

/* Gives the model of one directory other tags and other metadata, in another one or in place. */
static sm_status change(const char *from, const char *dir, int n, const sm_save_options *options, sm_error *err) {
  sm_model *model;
  sm_builder *builder;
  char text[32];
  const char *tags[] = {text};
  sm_open_options reading = SM_OPEN_OPTIONS_INIT;
  reading.fs = options->fs;
  reading.allocator = options->allocator;
  snprintf(text, sizeof text, "n%d", n);
  SM_TRY(sm_model_open(&model, from, &reading, err));
  sm_status status = sm_builder_open(&builder, dir, options, err);
  if (status == SM_OK) {
    status = sm_builder_add_model(builder, model, err);
    if (status == SM_OK) status = sm_builder_set_tags(builder, 0, tags, 1, err);
    if (status == SM_OK) status = sm_builder_set_metadata(builder, "number", text, err);
    if (status == SM_OK) status = sm_builder_finish(builder, err);
    sm_builder_close(builder);
  }
  sm_model_close(model);
  return status;
}

static int number_in(const char *text) {
  int n = -2;
  assert_int_equal(sscanf(text, "n%d", &n), 1);
  return n;
}

/* The number of a whole model; -1: there is none. Anything else ends the test. A model that was changed in place may have
 * other metadata already, and has the variables that it had. */
static int read_model(const char *dir, const sm_fs *fs, bool was_changed) {
  sm_model *model;
  sm_error err;
  sm_open_options options = SM_OPEN_OPTIONS_INIT;
  sm_dir_entry found;
  const sm_bundle_reader *variables;
  const sm_metadata_entry *entries;
  size_t n_entries;
  float value;
  options.fs = fs;
  if (fs->stat(&found, fs, dir, "", 0, NULL) != SM_OK) return -1;
  assert_ok(sm_model_open(&model, dir, &options, &err), err);
  int n = number_in(sm_meta_graph_get_tag(sm_model_get_meta_graph(model, 0), 0));
  assert_ok(sm_model_get_metadata(&entries, &n_entries, model, &err), err);
  assert_number("metadata", n_entries, 1);
  assert_ok(sm_model_get_variables(&variables, model, &err), err);
  assert_ok(sm_bundle_reader_read(variables, "number", NULL, &value, sizeof value, &err), err);
  if (!was_changed) assert_number("metadata", number_in(entries[0].value), n);
  if (!was_changed) assert_number("variables", (int)value, n);
  sm_model_close(model);
  return n;
}

/* ---- Scenarios ---- */

static const char *target(const char *dir) { return path_in(dir, "m"); }

/* Model 1 in place of what will be written, if there is one; model 7 beside it. */
static void set_up(const save_way *way, const char *dir, const sm_fs *fs) {
  sm_error err;
  const sm_save_options options = options_of(false, false, fs, NULL);
  if (way->has_old) assert_ok(save(target(dir), 1, &options, &err), err);
  assert_ok(save(path_in(dir, "source"), 7, &options, &err), err);
}

static sm_status run(const save_way *way, const char *dir, const sm_fs *fs, const sm_allocator *allocator,
                     sm_error *err) {
  const sm_save_options options = options_of(way->overwrite, way->in_place, fs, allocator);
  if (!way->is_taken_over) return save(target(dir), 2, &options, err);
  return change(way->in_place ? target(dir) : path_in(dir, "source"), target(dir), 2, &options, err);
}

static sm_status count_partial(void *ctx, const sm_dir_entry *entry, sm_error *err) {
  size_t *n = ctx;
  (void)err;
  if (strstr(entry->name, ".partial") != NULL) ++*n;
  return SM_OK;
}

static size_t count_staged(const char *dir, const sm_fs *fs) {
  size_t n = 0;
  (void)fs->list(fs, dir, "", 0, count_partial, &n, NULL);
  (void)fs->list(fs, target(dir), "", 0, count_partial, &n, NULL);
  return n;
}

/* may_be_gone: between the two renames where names cannot change places. */
static int check_state(const save_way *way, const char *dir, const sm_fs *fs, bool may_be_gone) {
  int n = read_model(target(dir), fs, way->is_taken_over);
  if (n == -1 && way->has_old && may_be_gone) return n;
  if (n != 2) assert_number(way->name, n, way->has_old ? 1 : -1);
  assert_number("the source", read_model(path_in(dir, "source"), fs, false), 7);
  return n;
}

static void check_next_save(const char *dir, const sm_fs *fs) {
  sm_error err;
  const sm_save_options options = options_of(true, false, fs, NULL);
  assert_ok(save(target(dir), 3, &options, &err), err);
  assert_number("the next one", read_model(target(dir), fs, false), 3);
  assert_number("staged names after the next one", count_staged(dir, fs), 0);
}

/* ---- The file system ---- */

static bool one_io_fault(const void *scenario, const sm_fs *inner, const char *dir, uint64_t n, bool is_death) {
  const save_way *way = scenario;
  sm_fault_fs ff;
  sm_fault_alloc fa;
  sm_error err;
  set_up(way, dir, inner);
  sm_fault_fs_init(&ff, inner, n);
  sm_fault_alloc_init(&fa, UINT64_MAX);
  ff.fail_all_after = is_death;
  sm_status status = run(way, dir, &ff.base, &fa.base, &err);
  bool fired = ff.fired;
  assert_number("open files", ff.open_files, 0);
  assert_number("mapped files", ff.mapped_files, 0);
  assert_number("live blocks", fa.live_blocks, 0);
  sm_fault_alloc_destroy(&fa);
  int found = check_state(way, dir, inner, is_death && inner->exchange == NULL);
  if (status == SM_OK) assert_number("what was saved", found, 2);
  if (!fired) assert_ok(status, err);
  if (!is_death && (status != SM_OK || !fired)) assert_number("staged names", count_staged(dir, inner), 0);
  check_next_save(dir, inner);
  return fired;
}

static void builder_fault__io(void **state) {
  (void)state;
  const sm_fs fast = fast_fs();
  for (size_t i = 0; i < N_OF(ways); i++) fail_each_call(one_io_fault, &ways[i], &fast);
}

/* Where names cannot change places in one step. */
static void builder_fault__io_without_exchange(void **state) {
  (void)state;
  sm_fs fast = fast_fs();
  fast.exchange = NULL;
  for (size_t i = 0; i < N_OF(ways); i++) fail_each_call(one_io_fault, &ways[i], &fast);
}

static void builder_fault__io_in_memory(void **state) {
  (void)state;
  for (size_t i = 0; i < N_OF(ways); i++) fail_each_call_in_memory(one_io_fault, &ways[i]);
}

/* ---- Memory ---- */

static void builder_fault__memory(void **state) {
  (void)state;
  const sm_fs fast = fast_fs();
  for (size_t i = 0; i < N_OF(ways); i++) {
    bool fired = true;
    for (uint64_t n = 0; fired; n++) {
      temp_dir dir = make_temp_dir();
      sm_fault_alloc fa;
      sm_error err;
      set_up(&ways[i], dir.path, &fast);
      sm_fault_alloc_init(&fa, n);
      sm_status status = run(&ways[i], dir.path, &fast, &fa.base, &err);
      fired = fa.fired;
      assert_number("live blocks", fa.live_blocks, 0);
      sm_fault_alloc_destroy(&fa);
      int found = check_state(&ways[i], dir.path, &fast, false);
      if (status != SM_OK) assert_status(status, SM_RESOURCE_EXHAUSTED, err);
      if (status == SM_OK) assert_number("what was saved", found, 2);
      if (!fired) assert_ok(status, err);
      assert_number("staged names", count_staged(dir.path, &fast), 0);
      remove_temp_dir(&dir);
    }
  }
}

/* ---- The process ---- */

/* Saves one model after the other, numbered from first on, over the one before, until it is killed. */
static void save_until_killed(const char *dir, int first) {
  const sm_fs fast = fast_fs();
  for (int n = first;; n++) {
    const sm_save_options options = options_of(true, false, &fast, NULL);
    sm_error err;
    if (save(dir, n, &options, &err) != SM_OK) _exit(1);
  }
}

static int read_whole(const char *dir) { return read_model(dir, sm_fs_local(), false); }

static void builder_fault__killed(void **state) {
  (void)state;
  const unsigned n_kills = n_or_long(100, 1000);
  temp_dir dir = make_temp_dir();
  char kept[4096];
  snprintf(kept, sizeof kept, "%s", target(dir.path));
  int last = kill_while_saving(kept, n_kills, save_until_killed, read_whole);
  check_next_save(dir.path, sm_fs_local());
  print_message("killed %u times, %d models saved\n", n_kills, last);
  remove_temp_dir(&dir);
}

/* Two processes save to one directory: each time one of them does, or both one after the other. */
static void builder_fault__two_at_once(void **state) {
  (void)state;
  enum { N_SAVES = 50 };
  const sm_fs fast = fast_fs();
  const sm_save_options options = options_of(true, false, &fast, NULL);
  temp_dir dir = make_temp_dir();
  char kept[4096];
  sm_error err;
  snprintf(kept, sizeof kept, "%s", target(dir.path));
  pid_t child = fork();
  for (int n = 1; n <= N_SAVES; n++) {
    sm_status status = save(kept, child == 0 ? n : 1000 + n, &options, &err);
    if (child == 0 && status != SM_OK && status != SM_ABORTED) _exit(1);
    if (child != 0 && status != SM_OK) assert_status(status, SM_ABORTED, err);
  }
  if (child == 0) _exit(0);
  int how;
  assert_int_equal(waitpid(child, &how, 0), child);
  assert_true(WIFEXITED(how) && WEXITSTATUS(how) == 0);
  assert_true(read_model(kept, &fast, false) > 0);
  check_next_save(dir.path, &fast);
  remove_temp_dir(&dir);
}

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(builder_fault__io),           cmocka_unit_test(builder_fault__io_without_exchange),
      cmocka_unit_test(builder_fault__io_in_memory), cmocka_unit_test(builder_fault__memory),
      cmocka_unit_test(builder_fault__killed),       cmocka_unit_test(builder_fault__two_at_once),
  };
  return cmocka_run_group_tests_name("builder_fault", tests, NULL, NULL);
}
