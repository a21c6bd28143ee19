/* Models whose variables become constants. That they give what they gave is in interop/freeze_tf.py. */
#include "support/check.h"

#include <sys/stat.h>

#include <savedmodel/savedmodel.h>

#include "support/fault_alloc.h"
#include "support/files.h"

static temp_dir dir;
static sm_error err;

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

/* Freezes meta graph after meta graph of those in which; saves as "made" in dir. */
static void freeze(const char *name, const size_t *which, size_t n) {
  sm_model *model;
  sm_builder *builder;
  assert_ok(sm_model_open(&model, model_dir(name), NULL, &err), err);
  assert_ok(sm_builder_open(&builder, path_in(dir.path, "made"), NULL, &err), err);
  assert_ok(sm_builder_add_model(builder, model, &err), err);
  for (size_t i = 0; i < n; i++) assert_ok(sm_builder_freeze(builder, which[i], &err), err);
  assert_ok(sm_builder_finish(builder, &err), err);
  sm_builder_close(builder);
  sm_model_close(model);
}

/* The keys of the checkpoint, one behind the other; "": there is none. */
static const char *list_keys(const char *path) {
  static char keys[1024];
  sm_model *model;
  const sm_bundle_reader *reader;
  sm_bundle_iter *iter;
  size_t used = 0;
  keys[0] = '\0';
  assert_ok(sm_model_open(&model, path, NULL, &err), err);
  if (sm_model_get_variables(&reader, model, NULL) == SM_OK) {
    assert_ok(sm_bundle_iter_new(&iter, reader, NULL, &err), err);
    for (const sm_bundle_entry *entry;;) {
      assert_ok(sm_bundle_iter_next(&entry, iter, &err), err);
      if (entry == NULL) break;
      used += (size_t)snprintf(keys + used, sizeof keys - used, "%s%.*s", used != 0 ? " " : "", (int)entry->key.size,
                               entry->key.data);
    }
    sm_bundle_iter_free(iter);
  }
  sm_model_close(model);
  return keys;
}

/* Has the graph nodes of that op? */
static bool has_op(const char *path, size_t graph, const char *op) {
  sm_model *model;
  const sm_graph_summary *summary;
  bool found = false;
  assert_ok(sm_model_open(&model, path, NULL, &err), err);
  assert_ok(sm_meta_graph_get_graph_summary(&summary, sm_model_get_meta_graph(model, graph), &err), err);
  for (size_t i = 0; i < summary->n_ops; i++)
    found |= summary->ops[i].size == strlen(op) && memcmp(summary->ops[i].data, op, strlen(op)) == 0;
  sm_model_close(model);
  return found;
}

static void freeze_model__what_is_left_of_the_checkpoint(void **state) {
  (void)state;
  static const struct {
    const char *model, *keys;
  } rows[] = {{"v1/simple_save", ""},
              {"v1/partitioned_variables", ""},
              {"v2/one_signature", "_CHECKPOINTABLE_OBJECT_GRAPH"},
              {"v2/table_asset", "_CHECKPOINTABLE_OBJECT_GRAPH"},
              {"v2/mutable_tables",
               "_CHECKPOINTABLE_OBJECT_GRAPH d/.ATTRIBUTES/table-keys d/.ATTRIBUTES/table-values "
               "t/.ATTRIBUTES/table-keys t/.ATTRIBUTES/table-values"}};
  for (size_t i = 0; i < N_OF(rows); i++) {
    freeze(rows[i].model, (size_t[]){0, 0}, 2); /* the second time there is nothing to be done */
    assert_text(rows[i].model, list_keys(path_in(dir.path, "made")), rows[i].keys);
    assert_false(has_op(path_in(dir.path, "made"), 0, "RestoreV2") !=
                 (strcmp(rows[i].model, "v2/mutable_tables") == 0));
    tear_down(NULL);
    set_up(NULL);
  }
}

/* The graph for training writes to its variables, and goes on to restore them. */
static void freeze_model__one_of_several(void **state) {
  (void)state;
  freeze("v1/several_meta_graphs", (size_t[]){1}, 1);
  const char *made = path_in(dir.path, "made");
  char keys[1024];
  snprintf(keys, sizeof keys, "%s", list_keys(model_dir("v1/several_meta_graphs")));
  assert_text("keys", list_keys(made), keys);
  assert_true(has_op(made, 0, "RestoreV2"));
  assert_false(has_op(made, 1, "RestoreV2"));
  assert_true(has_op(made, 2, "RestoreV2"));
}

static void freeze_model__refuses(void **state) {
  (void)state;
  sm_model *model;
  sm_builder *builder;
  assert_ok(sm_model_open(&model, model_dir("v1/several_meta_graphs"), NULL, &err), err);
  assert_ok(sm_builder_open(&builder, path_in(dir.path, "made"), NULL, &err), err);
  assert_status(sm_builder_freeze(builder, 0, &err), SM_NOT_FOUND, err);
  assert_ok(sm_builder_add_model(builder, model, &err), err);
  assert_status(sm_builder_freeze(builder, 3, &err), SM_NOT_FOUND, err);
  assert_status(sm_builder_freeze(builder, 0, &err), SM_UNIMPLEMENTED, err);
  assert_mentions(err.message, "node Momentum: AssignAdd does more with a variable than to read it");
  sm_builder_close(builder);
  sm_model_close(model);
}

/* Without them it would be a model of nothing. */
static void freeze_model__variables_are_lost(void **state) {
  (void)state;
  sm_model *model;
  sm_builder *builder;
  size_t size;
  uint8_t *bytes = read_file(path_in(model_dir("v2/one_signature"), "saved_model.pb"), &size);
  assert_int_equal(mkdir(path_in(dir.path, "lone"), 0777), 0);
  write_file(path_in(path_in(dir.path, "lone"), "saved_model.pb"), bytes, size);
  free(bytes);
  assert_ok(sm_model_open(&model, path_in(dir.path, "lone"), NULL, &err), err);
  assert_ok(sm_builder_open(&builder, path_in(dir.path, "made"), NULL, &err), err);
  assert_ok(sm_builder_add_model(builder, model, &err), err);
  assert_status(sm_builder_freeze(builder, 0, &err), SM_NOT_FOUND, err);
  sm_builder_close(builder);
  sm_model_close(model);
}

/* What failed after the checkpoint had been given up is not saved without. */
static void freeze_model__failed_halfway(void **state) {
  (void)state;
  sm_model *model;
  bool failed_halfway = false;
  assert_ok(sm_model_open(&model, model_dir("v2/mutable_tables"), NULL, &err), err);
  for (uint64_t n = 0;; n++) {
    sm_fault_alloc fa;
    sm_builder *builder;
    sm_save_options options = SM_SAVE_OPTIONS_INIT;
    sm_fault_alloc_init(&fa, UINT64_MAX);
    options.allocator = &fa.base;
    assert_ok(sm_builder_open(&builder, path_in(dir.path, "made"), &options, &err), err);
    assert_ok(sm_builder_add_model(builder, model, &err), err);
    sm_fault_alloc_rearm(&fa, n);
    sm_status status = sm_builder_freeze(builder, 0, &err);
    sm_fault_alloc_rearm(&fa, UINT64_MAX);
    if (status != SM_OK && sm_builder_finish(builder, &err) != SM_OK) {
      assert_mentions(err.message, "the model lost its variables when a change failed");
      failed_halfway = true;
    } else if (status != SM_OK) {
      assert_true(strlen(list_keys(path_in(dir.path, "made"))) > 0);
    }
    sm_builder_close(builder);
    sm_fault_alloc_destroy(&fa);
    if (status == SM_OK) break;
    tear_down(NULL);
    set_up(NULL);
  }
  assert_true(failed_halfway);
  sm_model_close(model);
}

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test_setup_teardown(freeze_model__what_is_left_of_the_checkpoint, set_up, tear_down),
      cmocka_unit_test_setup_teardown(freeze_model__one_of_several, set_up, tear_down),
      cmocka_unit_test_setup_teardown(freeze_model__refuses, set_up, tear_down),
      cmocka_unit_test_setup_teardown(freeze_model__variables_are_lost, set_up, tear_down),
      cmocka_unit_test_setup_teardown(freeze_model__failed_halfway, set_up, tear_down),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
