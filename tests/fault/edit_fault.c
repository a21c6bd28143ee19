/* Every allocation of a change fails once: the call says RESOURCE_EXHAUSTED, nothing leaks, nothing is left behind, and
 * the meta graph can be changed as soon as there is memory again. */
#include "support/check.h"

#include <savedmodel/savedmodel.h>

#include "support/fault_alloc.h"
#include "support/files.h"

typedef sm_status (*change_fn)(sm_builder *builder, sm_error *err);

static sm_status rename_all(sm_builder *builder, sm_error *err) {
  SM_TRY(sm_builder_rename_input(builder, 0, "serving_default", "k", "zz", err));
  SM_TRY(sm_builder_rename_output(builder, 0, "serving_default", "y", "a", err));
  SM_TRY(sm_builder_rename_signature(builder, 0, "serving_default", "other", err));
  SM_TRY(sm_builder_remove_signature(builder, 0, "bump", err));
  SM_TRY(sm_builder_set_method(builder, 0, "other", "some/method", err));
  return sm_builder_set_tags(builder, 0, (const char *[]){"a", "b"}, 2, err);
}

static sm_status change_nodes(sm_builder *builder, sm_error *err) {
  SM_TRY(sm_builder_clear_devices(builder, 0, err));
  SM_TRY(sm_builder_strip_default_attrs(builder, 0, err));
  SM_TRY(sm_builder_restore_default_attrs(builder, 0, err));
  SM_TRY(sm_builder_strip_debug_ops(builder, 0, err));
  return sm_builder_strip_debug_info(builder, err);
}

static sm_status keep(sm_builder *builder, sm_error *err) {
  return sm_builder_keep_signatures(builder, 0, (const char *[]){"serving_default"}, 1, err);
}

static sm_status freeze(sm_builder *builder, sm_error *err) { return sm_builder_freeze(builder, 0, err); }

static sm_status drop_objects(sm_builder *builder, sm_error *err) {
  SM_TRY(sm_builder_clear_devices(builder, 0, err)); /* the rest may fit into memory that is there already */
  return sm_builder_drop_object_graph(builder, 0, err);
}

static sm_status add_objects(sm_builder *builder, sm_error *err) {
  return sm_builder_add_object_graph(builder, 0, NULL, err);
}

/* Builder and change, the n-th allocation failing; false when there were fewer. */
static bool try_one(const sm_model *model, change_fn change, uint64_t n, const char *dst) {
  sm_fault_alloc fa;
  sm_error err;
  sm_builder *builder;
  sm_fault_alloc_init(&fa, UINT64_MAX);
  sm_save_options options = SM_SAVE_OPTIONS_INIT;
  options.allocator = &fa.base;
  assert_ok(sm_builder_open(&builder, dst, &options, &err), err);
  assert_ok(sm_builder_add_model(builder, model, &err), err);
  sm_fault_alloc_rearm(&fa, n);
  sm_status status = change(builder, &err);
  bool fired = fa.fired;
  assert_status(status, fired ? SM_RESOURCE_EXHAUSTED : SM_OK, err);
  sm_builder_close(builder);
  assert_number("live blocks", fa.live_blocks, 0);
  assert_false(file_exists(dst));
  sm_fault_alloc_destroy(&fa);
  return fired;
}

static void edit_fault__each_allocation(void **state) {
  (void)state;
  static const struct {
    const char *model;
    change_fn change;
  } rows[] = {{"v2/several_signatures", rename_all},
              {"v2/policy_save_devices", change_nodes},
              {"v2/several_signatures", keep},
              {"v1/control_flow_v1", keep},
              {"v1/table_main_op", keep},
              {"v2/table_asset", drop_objects},
              {"v2/one_signature", drop_objects},
              {"v1/simple_save", add_objects},
              {"v1/table_main_op", add_objects},
              {"v1/partitioned_variables", add_objects},
              {"v1/ref_and_resource_variables", add_objects},
              {"v2/one_signature", freeze},
              {"v2/table_asset", freeze},
              {"v2/mutable_tables", freeze},
              {"v1/partitioned_variables", freeze}};
  temp_dir dir = make_temp_dir();
  for (size_t i = 0; i < N_OF(rows); i++) {
    sm_model *model;
    sm_error err;
    uint64_t n = 0;
    assert_ok(sm_model_open(&model, model_dir(rows[i].model), NULL, &err), err);
    while (try_one(model, rows[i].change, n, path_in(dir.path, "made"))) n++;
    assert_true(n != 0);
    sm_model_close(model);
  }
  assert_number("left behind", count_names(dir.path), 0);
  remove_temp_dir(&dir);
}

int main(void) {
  const struct CMUnitTest tests[] = {cmocka_unit_test(edit_fault__each_allocation)};
  return cmocka_run_group_tests(tests, NULL, NULL);
}
