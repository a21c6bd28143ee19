/* manager.c: rotation. Which files stay is held against TensorFlow in tests/interop/checkpoint_tf.py. */
#include "support/check.h"

#include <math.h>

#include <savedmodel/checkpoint.h>

typedef struct fixture {
  sm_fs *fs;
  sm_save_options save;
  sm_manager_options options;
  sm_checkpoint *tree;
  sm_checkpoint_manager *manager;
  float value;
  sm_binding binding;
  double now;
  int64_t step;
  double score;
  int n_inits;
  sm_error err;
} fixture;

static double tell_time(void *ctx) { return ((const fixture *)ctx)->now; }

static sm_status count_init(void *ctx, sm_error *err) {
  (void)err;
  ((fixture *)ctx)->n_inits++;
  return SM_OK;
}

static void new_tree(fixture *f) {
  sm_checkpoint_manager_close(f->manager);
  sm_checkpoint_free(f->tree);
  f->manager = NULL;
  assert_ok(sm_checkpoint_new(&f->tree, NULL, &f->err), f->err);
  int32_t node;
  assert_ok(sm_checkpoint_add(&node, f->tree, 0, "v", &f->err), f->err);
  assert_ok(sm_checkpoint_bind(f->tree, node, NULL, &f->binding, &f->err), f->err);
}

static void begin(fixture *f) {
  *f = (fixture){.save = SM_SAVE_OPTIONS_INIT, .options = SM_MANAGER_OPTIONS_INIT, .now = 1e9};
  assert_ok(sm_fs_memory_new(&f->fs, NULL, &f->err), f->err);
  f->save.fs = f->fs;
  f->options.save = &f->save;
  f->options.clock = (sm_clock){tell_time, f};
  f->options.max_to_keep = 2;
  f->options.init = count_init;
  f->options.init_ctx = f;
  f->binding = (sm_binding){.dtype = SM_DT_FLOAT, .data = &f->value, .size = sizeof f->value};
  new_tree(f);
}

static void open_manager(fixture *f) {
  sm_checkpoint_manager_close(f->manager);
  assert_ok(sm_checkpoint_manager_open(&f->manager, f->tree, "d", &f->options, &f->err), f->err);
}

static void save(fixture *f, float value) {
  f->value = value;
  f->now++;
  assert_ok(sm_checkpoint_manager_save(NULL, f->manager, -1, false, &f->err), f->err);
}

static bool has(const fixture *f, const char *path) {
  sm_dir_entry entry;
  return f->fs->stat(&entry, f->fs, path, "", 0, NULL) == SM_OK;
}

static void end(fixture *f) {
  sm_checkpoint_manager_close(f->manager);
  sm_checkpoint_free(f->tree);
  sm_fs_close(f->fs);
}

static void manager__goes_on_where_another_one_ended(void **state) {
  (void)state;
  fixture f;
  const char *prefix;
  begin(&f);
  open_manager(&f);
  assert_ok(sm_checkpoint_manager_restore_or_initialize(&prefix, f.manager, NULL, &f.err), f.err);
  assert_null(prefix);
  assert_number("calls of init", f.n_inits, 1);
  for (int i = 1; i <= 3; i++) save(&f, (float)i);
  new_tree(&f);
  f.value = 0;
  open_manager(&f);
  assert_text("newest", sm_checkpoint_manager_get_latest(f.manager), "d/ckpt-3");
  assert_number("in charge of", sm_checkpoint_manager_n_checkpoints(f.manager), 2);
  assert_ok(sm_checkpoint_manager_restore_or_initialize(&prefix, f.manager, NULL, &f.err), f.err);
  assert_text("restored", prefix, "d/ckpt-3");
  assert_true(f.value == 3);
  assert_number("calls of init", f.n_inits, 1);
  save(&f, 4);
  assert_text("newest", sm_checkpoint_manager_get_latest(f.manager), "d/ckpt-4");
  assert_text("oldest", sm_checkpoint_manager_get_checkpoint(f.manager, 0), "d/ckpt-3");
  assert_null(sm_checkpoint_manager_get_checkpoint(f.manager, 2));
  assert_false(has(&f, "d/ckpt-2.index"));
  end(&f);
}

/* The newest one was lost: the one before is restored. */
static void manager__falls_back_to_what_is_there(void **state) {
  (void)state;
  fixture f;
  const char *prefix;
  begin(&f);
  open_manager(&f);
  save(&f, 1);
  save(&f, 2);
  assert_ok(f.fs->remove(f.fs, "d", "ckpt-2.index", &f.err), f.err);
  open_manager(&f);
  assert_ok(sm_checkpoint_manager_restore_or_initialize(&prefix, f.manager, NULL, &f.err), f.err);
  assert_text("restored", prefix, "d/ckpt-1");
  assert_true(f.value == 1);
  assert_ok(f.fs->remove(f.fs, "d", "ckpt-1.index", &f.err), f.err);
  open_manager(&f);
  assert_status(sm_checkpoint_manager_restore_or_initialize(&prefix, f.manager, NULL, &f.err), SM_NOT_FOUND, f.err);
  end(&f);
}

static void manager__saves_every_so_many_steps(void **state) {
  (void)state;
  static const struct {
    int64_t step;
    bool ignores_interval, is_saved;
  } rows[] = {{0, false, true},   {0, true, false},  {9, false, false},        {9, true, true},
              {18, false, false}, {19, false, true}, {INT64_MAX, false, true}, {INT64_MAX - 1, false, false}};
  fixture f;
  sm_saved saved;
  begin(&f);
  f.options.checkpoint_interval = 10;
  assert_status(sm_checkpoint_manager_open(&f.manager, f.tree, "d", &f.options, &f.err), SM_INVALID_ARGUMENT, f.err);
  f.options.step_counter = &f.step;
  open_manager(&f);
  for (size_t i = 0; i < N_OF(rows); i++) {
    f.step = rows[i].step;
    assert_ok(sm_checkpoint_manager_save(&saved, f.manager, -1, rows[i].ignores_interval, &f.err), f.err);
    assert_number("saved", saved.prefix != NULL, rows[i].is_saved);
  }
  end(&f);
}

static void manager__refuses_bad_arguments(void **state) {
  (void)state;
  fixture f;
  begin(&f);
  f.options.checkpoint_name = "../out";
  assert_status(sm_checkpoint_manager_open(&f.manager, f.tree, "d", &f.options, &f.err), SM_INVALID_ARGUMENT, f.err);
  f.options.checkpoint_name = NULL;
  f.options.keep_every_n_hours = -1;
  assert_status(sm_checkpoint_manager_open(&f.manager, f.tree, "d", &f.options, &f.err), SM_INVALID_ARGUMENT, f.err);
  f.options = (sm_manager_options){0};
  assert_status(sm_checkpoint_manager_open(&f.manager, f.tree, "d", &f.options, &f.err), SM_INVALID_ARGUMENT, f.err);
  assert_status(sm_checkpoint_manager_open(&f.manager, NULL, "d", NULL, &f.err), SM_INVALID_ARGUMENT, f.err);
  assert_ok(sm_fs_memory_add(f.fs, "d/checkpoint", "model_checkpoint_path: \"../x\"", 28, &f.err), f.err);
  f.options = (sm_manager_options)SM_MANAGER_OPTIONS_INIT;
  f.options.save = &f.save;
  assert_status(sm_checkpoint_manager_open(&f.manager, f.tree, "d", &f.options, &f.err), SM_DATA_LOSS, f.err);
  end(&f);
}

static bool has_checkpoint(const fixture *f, int number) {
  char path[32];
  snprintf(path, sizeof path, "d/ckpt-%d.index", number);
  return has(f, path);
}

/* Saves with a score. What is listed before, and nothing else, is then removed. */
static void save_scored(fixture *f, double score) {
  enum { MAX = 16 };
  const char *const *listed;
  size_t n;
  bool remains[MAX];
  assert_ok(sm_checkpoint_manager_list_removals(&listed, &n, f->manager, -1, false, &f->err), f->err);
  for (int i = 0; i < MAX; i++) remains[i] = has_checkpoint(f, i);
  for (size_t i = 0; i < n; i++) remains[atoi(listed[i] + strlen("d/ckpt-"))] = false;
  remains[sm_checkpoint_get_save_counter(f->tree) + 1] = true;
  f->score = score;
  save(f, 0);
  for (int i = 0; i < MAX; i++) assert_number("is there", has_checkpoint(f, i), remains[i]);
}

static void check_kept(const fixture *f, const char *const *names) {
  size_t n = 0;
  for (; names[n] != NULL; n++) assert_text("kept", sm_checkpoint_manager_get_checkpoint(f->manager, n), names[n]);
  assert_number("kept", sm_checkpoint_manager_n_checkpoints(f->manager), n);
}

/* Two recent ones, and of the others two: of three with one score the newer, never those that are no number. A
 * manager that does not ask for the best removes them as old ones. */
static void manager__keeps_the_best(void **state) {
  (void)state;
  static const double scores[] = {3, 7, NAN, 7, 1, 7, 2, NAN, NAN};
  fixture f;
  begin(&f);
  f.options.keep_best = 2;
  assert_status(sm_checkpoint_manager_open(&f.manager, f.tree, "d", &f.options, &f.err), SM_INVALID_ARGUMENT, f.err);
  f.options.score = &f.score;
  open_manager(&f);
  for (size_t i = 0; i < 5; i++) save_scored(&f, scores[i]);
  check_kept(&f, (const char *[]){"d/ckpt-1", "d/ckpt-2", "d/ckpt-4", "d/ckpt-5", NULL});
  for (size_t i = 5; i < N_OF(scores); i++) save_scored(&f, scores[i]);
  check_kept(&f, (const char *[]){"d/ckpt-4", "d/ckpt-6", "d/ckpt-8", "d/ckpt-9", NULL});
  f.options.keep_best = 0;
  open_manager(&f);
  save_scored(&f, 0);
  check_kept(&f, (const char *[]){"d/ckpt-9", "d/ckpt-10", NULL});
  end(&f);
}

/* The scores are those of the checkpoints, also of one that is older than what is kept for good. */
static void manager__best_of_an_earlier_manager(void **state) {
  (void)state;
  fixture f;
  begin(&f);
  f.options.keep_best = 1;
  f.options.score = &f.score;
  f.options.keep_every_n_hours = 4.5 / 3600.;
  open_manager(&f);
  for (int i = 1; i <= 7; i++) save_scored(&f, i == 1 ? 9 : i);
  check_kept(&f, (const char *[]){"d/ckpt-1", "d/ckpt-6", "d/ckpt-7", NULL});
  assert_true(has(&f, "d/ckpt-4.index")); /* for good */
  open_manager(&f);
  save_scored(&f, 0);
  check_kept(&f, (const char *[]){"d/ckpt-1", "d/ckpt-7", "d/ckpt-8", NULL});
  end(&f);
}

/* Nothing is written, and nothing would go when nothing is saved, or one that is there is saved again. */
static void manager__lists_what_a_save_would_remove(void **state) {
  (void)state;
  fixture f;
  const char *const *listed;
  size_t n;
  begin(&f);
  f.options.checkpoint_interval = 10;
  f.options.step_counter = &f.step;
  open_manager(&f);
  for (; f.step < 30; f.step += 10) save(&f, 1);
  f.step = 21;
  assert_ok(sm_checkpoint_manager_list_removals(&listed, &n, f.manager, -1, false, &f.err), f.err);
  assert_number("too soon", n, 0);
  assert_ok(sm_checkpoint_manager_list_removals(&listed, &n, f.manager, -1, true, &f.err), f.err);
  assert_number("to be removed", n, 1);
  assert_text("to be removed", listed[0], "d/ckpt-2");
  assert_ok(sm_checkpoint_manager_list_removals(&listed, &n, f.manager, 2, true, &f.err), f.err);
  assert_number("saved again", n, 0);
  f.options.max_to_keep = 1;
  open_manager(&f);
  assert_ok(sm_checkpoint_manager_list_removals(&listed, &n, f.manager, 2, true, &f.err), f.err);
  assert_number("the oldest is saved again", n, 1);
  assert_text("to be removed", listed[0], "d/ckpt-3");
  assert_true(has(&f, "d/ckpt-2.index"));
  assert_false(has(&f, "d/ckpt-4.index"));
  assert_number("number of saves", sm_checkpoint_get_save_counter(f.tree), 3);
  end(&f);
}

/* Of a checkpoint that is recorded twice: CheckpointManager.__init__ fills an OrderedDict. */
static void manager__recorded_twice(void **state) {
  (void)state;
  fixture f;
  begin(&f);
  const sm_checkpoint_state recorded = {.latest = "b",
                                        .n_paths = 6,
                                        .paths = (const char *[]){"c", "a", "b", "c", "a", "c"},
                                        .timestamps = (const double[]){10, 20, 30, 40, 50, 60},
                                        .last_preserved = 5};
  f.options.keep_every_n_hours = 40 / 3600.; /* of c, but not of a, from 5 to its last time */
  assert_ok(sm_checkpoint_state_write("d", NULL, &recorded, &f.save, &f.err), f.err);
  open_manager(&f);
  static const char *const kept[] = {"d/c", "d/a", "d/b"};
  assert_int_equal(sm_checkpoint_manager_n_checkpoints(f.manager), N_OF(kept));
  for (size_t i = 0; i < N_OF(kept); i++)
    assert_string_equal(sm_checkpoint_manager_get_checkpoint(f.manager, i), kept[i]);
  save(&f, 1);
  assert_int_equal(sm_checkpoint_manager_n_checkpoints(f.manager), 2);
  assert_string_equal(sm_checkpoint_manager_get_checkpoint(f.manager, 0), "d/b");
  sm_checkpoint_state *written;
  const sm_open_options in_memory = {.struct_size = sizeof in_memory, .fs = f.fs};
  assert_ok(sm_checkpoint_state_read(&written, "d", NULL, &in_memory, &f.err), f.err);
  assert_true(written->last_preserved == 60);
  sm_checkpoint_state_free(written);
  end(&f);
}

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(manager__recorded_twice),
      cmocka_unit_test(manager__keeps_the_best),
      cmocka_unit_test(manager__best_of_an_earlier_manager),
      cmocka_unit_test(manager__lists_what_a_save_would_remove),
      cmocka_unit_test(manager__goes_on_where_another_one_ended),
      cmocka_unit_test(manager__falls_back_to_what_is_there),
      cmocka_unit_test(manager__saves_every_so_many_steps),
      cmocka_unit_test(manager__refuses_bad_arguments),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
