/* A manager that saves, and one that restores, when something fails: each call of the file system and each allocation in
 * turn, or the process. At every moment the state file leads to a whole checkpoint, and the next save works. */
#include "support/check.h"

#include <savedmodel/checkpoint.h>

#include "support/fault_alloc.h"
#include "support/fault_fs.h"

enum { N_BEFORE = 3 }; /* saves before the one in which something fails; the last and the best are kept */

typedef struct run {
  sm_checkpoint *tree;
  sm_checkpoint_manager *manager;
  float values[4], registered;
  sm_binding bindings[2];
  double now, score;
} run;

static double tell_time(void *ctx) { return ((const run *)ctx)->now; }

static const int64_t dims[] = {4};

static sm_status save_registered(void *ctx, sm_bundle_writer *writer, const char *file_prefix,
                                 const sm_registered_object *objects, size_t n_objects, sm_error *err) {
  const sm_tensor_view view = {.dtype = SM_DT_FLOAT, .data = objects->object, .size = sizeof(float)};
  (void)ctx, (void)file_prefix, (void)n_objects;
  return sm_bundle_writer_add(writer, objects->name, &view, err);
}

static sm_status restore_registered(void *ctx, const sm_bundle_reader *reader, const char *file_prefix,
                                    const sm_registered_object *objects, size_t n_objects, sm_error *err) {
  (void)ctx, (void)file_prefix, (void)n_objects;
  return sm_bundle_reader_read(reader, objects->name, NULL, objects->object, sizeof(float), err);
}

static const sm_registered_saver registered_saver = {"Test.Saver", NULL, save_registered, restore_registered};

/* Two values, one of them in a slot of an optimizer, and an object with a saver of its own. */
static sm_status build(run *r, const sm_allocator *allocator, sm_error *err) {
  int32_t v, optimizer, slot, registered;
  r->bindings[0] = (sm_binding){
      .key = "v", .dtype = SM_DT_FLOAT, .rank = 1, .dims = dims, .data = r->values, .size = sizeof r->values};
  r->bindings[1] = (sm_binding){.dtype = SM_DT_FLOAT, .data = &r->values[3], .size = sizeof(float)};
  SM_TRY(sm_checkpoint_new(&r->tree, allocator, err));
  SM_TRY(sm_checkpoint_add(&v, r->tree, 0, "v", err));
  SM_TRY(sm_checkpoint_add(&optimizer, r->tree, 0, "optimizer", err));
  SM_TRY(sm_checkpoint_add_slot(&slot, r->tree, optimizer, v, "m", err));
  SM_TRY(sm_checkpoint_add(&registered, r->tree, 0, "registered", err));
  SM_TRY(sm_checkpoint_register(r->tree, registered, &registered_saver, &r->registered, err));
  SM_TRY(sm_checkpoint_bind(r->tree, v, NULL, &r->bindings[0], err));
  return sm_checkpoint_bind(r->tree, slot, NULL, &r->bindings[1], err);
}

static sm_status begin(run *r, const sm_fs *fs, const sm_allocator *allocator, double now, sm_error *err) {
  sm_save_options save = SM_SAVE_OPTIONS_INIT;
  sm_manager_options options = SM_MANAGER_OPTIONS_INIT;
  *r = (run){.now = now};
  save.fs = fs;
  save.allocator = allocator;
  options.save = &save;
  options.max_to_keep = 1; /* the old one must not go before the new one is recorded */
  options.clock = (sm_clock){tell_time, r};
  options.keep_best = 1;
  options.score = &r->score;
  SM_TRY(build(r, allocator, err));
  SM_TRY(sm_checkpoint_manager_open(&r->manager, r->tree, "d", &options, err));
  return sm_checkpoint_manager_restore_or_initialize(NULL, r->manager, NULL, err);
}

static void end(run *r) {
  sm_checkpoint_manager_close(r->manager);
  sm_checkpoint_free(r->tree);
}

static sm_status save(run *r, sm_error *err) {
  const char *const *removals;
  size_t n_removals;
  r->now++;
  r->registered = (float)(sm_checkpoint_get_save_counter(r->tree) + 1);
  for (size_t i = 0; i < 4; i++) r->values[i] = (float)(sm_checkpoint_get_save_counter(r->tree) + 1);
  r->score = -r->values[0]; /* the first is the best */
  SM_TRY(sm_checkpoint_manager_list_removals(&removals, &n_removals, r->manager, -1, false, err));
  return sm_checkpoint_manager_save(NULL, r->manager, -1, false, err);
}

static sm_fs *make_fs(void) {
  sm_fs *fs;
  run r;
  sm_error err;
  assert_ok(sm_fs_memory_new(&fs, NULL, &err), err);
  assert_ok(begin(&r, fs, NULL, 1e9, &err), err);
  for (int i = 0; i < N_BEFORE; i++) assert_ok(save(&r, &err), err);
  end(&r);
  return fs;
}

/* A new process finds a whole checkpoint, saves, and is in charge of one. Returns the number of what it found. */
static int go_on(const sm_fs *fs) {
  run r;
  sm_error err;
  assert_ok(begin(&r, fs, NULL, 1.1e9, &err), err);
  int found = (int)r.values[0];
  assert_number("number of saves", sm_checkpoint_get_save_counter(r.tree), found);
  assert_true(r.values[3] == r.values[0] && r.registered == r.values[0]);
  assert_ok(save(&r, &err), err);
  assert_number("kept", sm_checkpoint_manager_n_checkpoints(r.manager), 2);
  assert_text("best", sm_checkpoint_manager_get_checkpoint(r.manager, 0), "d/ckpt-1");
  end(&r);
  return found;
}

static sm_status open_and_save(const sm_fs *fs, const sm_allocator *allocator, sm_error *err) {
  run r;
  sm_status status = begin(&r, fs, allocator, 1.05e9, err);
  if (status == SM_OK) status = save(&r, err);
  end(&r);
  return status;
}

static void manager_fault__io(void **state) {
  (void)state;
  for (int is_death = 0; is_death < 2; is_death++) {
    bool fired = true;
    for (uint64_t n = 0; fired; n++) {
      sm_fs *fs = make_fs();
      sm_fault_fs ff;
      sm_error err;
      sm_fault_fs_init(&ff, fs, n);
      ff.fail_all_after = is_death != 0;
      sm_status status = open_and_save(&ff.base, NULL, &err);
      fired = ff.fired;
      assert_number("open files", ff.open_files, 0);
      assert_number("mapped files", ff.mapped_files, 0);
      int found = go_on(fs);
      assert_true(found == N_BEFORE || found == N_BEFORE + 1);
      if (status == SM_OK) assert_number("what was saved", found, N_BEFORE + 1);
      if (!fired) assert_ok(status, err);
      if (!fired) assert_true(n > 20);
      sm_fs_close(fs);
    }
  }
}

static void manager_fault__memory(void **state) {
  (void)state;
  bool fired = true;
  for (uint64_t n = 0; fired; n++) {
    sm_fs *fs = make_fs();
    sm_fault_alloc fa;
    sm_error err;
    sm_fault_alloc_init(&fa, n);
    sm_status status = open_and_save(fs, &fa.base, &err);
    fired = fa.fired;
    assert_number("live blocks", fa.live_blocks, 0);
    sm_fault_alloc_destroy(&fa);
    if (status != SM_OK) assert_status(status, SM_RESOURCE_EXHAUSTED, err);
    int found = go_on(fs);
    assert_true(found == N_BEFORE || found == N_BEFORE + 1);
    if (!fired) assert_ok(status, err);
    sm_fs_close(fs);
  }
}

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(manager_fault__io),
      cmocka_unit_test(manager_fault__memory),
  };
  return cmocka_run_group_tests_name("manager_fault", tests, NULL, NULL);
}
