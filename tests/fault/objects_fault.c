/* Every allocation fails once while objects are made and saved: RESOURCE_EXHAUSTED, nothing leaks, and no model is there. */
#include "support/check.h"

#include <unistd.h>

#include <savedmodel/savedmodel.h>

#include "support/fault_alloc.h"
#include "support/files.h"
#include "support/v2_objects.h"

static temp_dir dir;

static int set_up(void **state) {
  (void)state;
  dir = make_temp_dir();
  return 0;
}

static int tear_down(void **state) {
  (void)state;
  remove_temp_dir(&dir);
  return 0;
}

static sm_status save(const char *path, const sm_allocator *allocator, sm_error *err) {
  sm_object_graph *objects;
  v2_objects made;
  sm_save_options options = SM_SAVE_OPTIONS_INIT;
  options.allocator = allocator;
  options.no_sync = true;
  SM_TRY(sm_object_graph_new(&objects, allocator, err));
  sm_status status = make_v2_objects(&made, objects, allocator, err);
  if (status == SM_OK) status = sm_object_graph_save(objects, path, NULL, &options, err);
  sm_object_graph_free(objects);
  return status;
}

static void objects_fault__every_allocation(void **state) {
  (void)state;
  char path[4096];
  snprintf(path, sizeof path, "%s", path_in(dir.path, "model"));
  for (uint64_t n = 0;; n++) {
    sm_fault_alloc fa;
    sm_error err;
    sm_fault_alloc_init(&fa, n);
    sm_status status = save(path, &fa.base, &err);
    assert_int_equal(fa.live_blocks, 0);
    bool fired = fa.fired;
    sm_fault_alloc_destroy(&fa);
    if (!fired) {
      assert_ok(status, err);
      assert_true(n > 100);
      break;
    }
    assert_int_equal(status, SM_RESOURCE_EXHAUSTED);
    assert_int_not_equal(access(path, F_OK), 0);
  }
}

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test_setup_teardown(objects_fault__every_allocation, set_up, tear_down),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
