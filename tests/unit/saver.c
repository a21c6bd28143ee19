/* saver.c, saver_restore.c, binding.c: series of checkpoints by name. Which files stay is held against TensorFlow in
 * tests/interop/checkpoint_tf.py. */
#include "support/check.h"

#include <savedmodel/checkpoint.h>

typedef struct fixture {
  sm_fs *fs;
  sm_save_options save;
  sm_open_options open;
  sm_saver_options options;
  sm_saver *saver;
  float data[6];
  sm_binding binding;
  sm_error err;
} fixture;

static const int64_t dims_2_3[] = {2, 3}, dims_6[] = {6};

static void begin(fixture *f) {
  *f = (fixture){
      .save = SM_SAVE_OPTIONS_INIT, .open = SM_OPEN_OPTIONS_INIT, .options = SM_SAVER_OPTIONS_INIT, .data = {1, 2, 3}};
  assert_ok(sm_fs_memory_new(&f->fs, NULL, &f->err), f->err);
  f->save.fs = f->open.fs = f->fs;
  f->options.save = &f->save;
  f->binding = (sm_binding){
      .key = "v", .dtype = SM_DT_FLOAT, .rank = 2, .dims = dims_2_3, .data = f->data, .size = sizeof f->data};
}

static void open_saver(fixture *f) { assert_ok(sm_saver_open(&f->saver, &f->options, &f->err), f->err); }

static void end(fixture *f) {
  sm_saver_close(f->saver);
  sm_fs_close(f->fs);
}

static bool has(const fixture *f, const char *path) {
  sm_dir_entry entry;
  return f->fs->stat(&entry, f->fs, path, "", 0, NULL) == SM_OK;
}

static void saver__keeps_the_last_ones(void **state) {
  (void)state;
  fixture f;
  sm_saved saved;
  begin(&f);
  f.options.max_to_keep = 2;
  f.options.meta_graph_def = (sm_string){"graph", 5};
  open_saver(&f);
  for (int64_t step = 1; step <= 4; step++) {
    f.data[0] = (float)step;
    assert_ok(sm_saver_save(&saved, f.saver, "d/m", step, &f.binding, 1, &f.err), f.err);
  }
  assert_text("prefix", saved.prefix, "d/m-4");
  assert_number("tensors", saved.n_tensors, 1);
  assert_number("data files", saved.n_shards, 1);
  assert_true(saved.n_bytes > sizeof f.data);
  assert_number("in the series", sm_saver_n_checkpoints(f.saver), 2);
  assert_text("the oldest", sm_saver_get_checkpoint(f.saver, 0), "d/m-3");
  assert_null(sm_saver_get_checkpoint(f.saver, 2));
  assert_false(has(&f, "d/m-2.index") || has(&f, "d/m-2.meta") || has(&f, "d/m-2.data-00000-of-00001"));
  assert_true(has(&f, "d/m-3.index") && has(&f, "d/m-4.meta"));
  end(&f);
}

static void saver__takes_over_a_series(void **state) {
  (void)state;
  fixture f;
  begin(&f);
  f.options.max_to_keep = 1;
  open_saver(&f);
  assert_ok(sm_saver_save(NULL, f.saver, "d/m", 1, &f.binding, 1, &f.err), f.err);
  sm_saver_close(f.saver);
  open_saver(&f);
  assert_ok(sm_saver_set_checkpoints(f.saver, (const char *const[]){"d/m-1"}, NULL, 1, &f.err), f.err);
  assert_ok(sm_saver_save(NULL, f.saver, "d/m", 2, &f.binding, 1, &f.err), f.err);
  assert_false(has(&f, "d/m-1.index"));
  assert_true(has(&f, "d/m-2.index"));
  end(&f);
}

static void saver__refuses_bad_arguments(void **state) {
  (void)state;
  fixture f;
  sm_saver *none;
  begin(&f);
  open_saver(&f);
  const sm_binding no_key = {.dtype = SM_DT_FLOAT, .data = f.data, .size = 4};
  const sm_binding no_shape = {.key = "v", .dtype = SM_DT_FLOAT, .rank = -1, .data = f.data, .size = 4};
  const sm_binding no_data = {.key = "v", .dtype = SM_DT_FLOAT, .size = 4};
  assert_status(sm_saver_save(NULL, f.saver, "d/m", 1, NULL, 0, &f.err), SM_INVALID_ARGUMENT, f.err);
  assert_status(sm_saver_save(NULL, f.saver, "d/m", 1, &no_key, 1, &f.err), SM_INVALID_ARGUMENT, f.err);
  assert_status(sm_saver_save(NULL, f.saver, "d/m", 1, &no_shape, 1, &f.err), SM_INVALID_ARGUMENT, f.err);
  assert_status(sm_saver_save(NULL, f.saver, "d/m", 1, &no_data, 1, &f.err), SM_INVALID_ARGUMENT, f.err);
  assert_status(sm_saver_save(NULL, f.saver, "d/checkpoint", -1, &f.binding, 1, &f.err), SM_INVALID_ARGUMENT, f.err);
  assert_false(has(&f, "d/m-1.index") || has(&f, "d/checkpoint"));
  f.options.state_file = "a/b";
  assert_status(sm_saver_open(&none, &f.options, &f.err), SM_INVALID_ARGUMENT, f.err);
  f.options = (sm_saver_options){0};
  assert_status(sm_saver_open(&none, &f.options, &f.err), SM_INVALID_ARGUMENT, f.err);
  end(&f);
}

static void saver__saves_nothing_where_that_is_allowed(void **state) {
  (void)state;
  fixture f;
  sm_saved saved;
  begin(&f);
  f.options.allow_empty = true;
  open_saver(&f);
  assert_ok(sm_saver_save(&saved, f.saver, "d/m", 1, NULL, 0, &f.err), f.err);
  assert_null(saved.prefix);
  assert_false(has(&f, "d"));
  end(&f);
}

/* Two parts of a matrix, read as one. */
static void saver__saves_slices(void **state) {
  (void)state;
  fixture f;
  float rows[2][3] = {{1, 2, 3}, {4, 5, 6}}, read[6] = {0};
  const int64_t part_dims[] = {1, 3};
  const sm_extent extents[2][2] = {{{0, 1}, {0, 3}}, {{1, 1}, {0, 3}}};
  sm_slice_spec slices[2] = {{extents[0], 2}, {extents[1], 2}};
  sm_binding parts[2];
  begin(&f);
  open_saver(&f);
  for (size_t i = 0; i < 2; i++)
    parts[i] = (sm_binding){.key = "v",
                            .dtype = SM_DT_FLOAT,
                            .rank = 2,
                            .dims = part_dims,
                            .slice = &slices[i],
                            .data = rows[i],
                            .size = sizeof rows[i]};
  assert_status(sm_saver_save(NULL, f.saver, "d/m", -1, parts, 2, &f.err), SM_INVALID_ARGUMENT, f.err);
  parts[0].whole_dims = parts[1].whole_dims = dims_2_3;
  assert_ok(sm_saver_save(NULL, f.saver, "d/m", -1, parts, 2, &f.err), f.err);
  f.binding.data = read;
  assert_ok(sm_saver_restore(NULL, "d/m", &f.binding, 1, NULL, &f.open, &f.err), f.err);
  assert_bytes("both", read, sizeof read, rows, sizeof rows);
  end(&f);
}

static void note(void *ctx, const sm_difference *difference) {
  char *text = ctx;
  size_t used = strlen(text);
  snprintf(text + used, 100 - used, "%d %s;", (int)difference->kind, difference->key);
}

/* All differences are told, and nothing is written as long as one is an error. */
static void saver__restores_all_or_nothing(void **state) {
  (void)state;
  fixture f;
  float v[6] = {-1}, w[1] = {-1};
  char seen[100] = "";
  sm_restore_report report;
  sm_restore_options options = SM_RESTORE_OPTIONS_INIT;
  begin(&f);
  open_saver(&f);
  const sm_binding saved[] = {f.binding, {.key = "x", .dtype = SM_DT_FLOAT, .data = f.data, .size = 4}};
  assert_ok(sm_saver_save(NULL, f.saver, "d/m", -1, saved, 2, &f.err), f.err);
  sm_binding bindings[] = {{.key = "v", .dtype = SM_DT_FLOAT, .rank = 1, .dims = dims_6, .data = v, .size = sizeof v},
                           {.key = "w", .dtype = SM_DT_FLOAT, .data = w, .size = sizeof w}};
  options.difference = note;
  options.difference_ctx = seen;
  options.missing = SM_POLICY_SKIP;
  assert_status(sm_saver_restore(&report, "d/m", bindings, 2, &options, &f.open, &f.err), SM_INVALID_ARGUMENT, f.err);
  assert_text("differences", seen, "2 v;1 w;3 x;");
  options.reshape = true;
  options.compare_only = true;
  assert_ok(sm_saver_restore(&report, "d/m", bindings, 2, &options, &f.open, &f.err), f.err);
  assert_true(v[0] == -1 && bindings[0].status == SM_OK && bindings[1].status == SM_NOT_FOUND);
  options.compare_only = false;
  assert_ok(sm_saver_restore(&report, "d/m", bindings, 2, &options, &f.open, &f.err), f.err);
  assert_bytes("reshaped", v, sizeof v, f.data, sizeof f.data);
  assert_true(w[0] == -1);
  assert_number("missing", report.n_missing, 1);
  end(&f);
}

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(saver__keeps_the_last_ones),   cmocka_unit_test(saver__takes_over_a_series),
      cmocka_unit_test(saver__refuses_bad_arguments), cmocka_unit_test(saver__saves_nothing_where_that_is_allowed),
      cmocka_unit_test(saver__saves_slices),          cmocka_unit_test(saver__restores_all_or_nothing),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
