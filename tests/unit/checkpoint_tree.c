/* checkpoint_tree.c, tree_*.c: trees of objects. Whole ones are held against TensorFlow in interop/checkpoint_tf.py. */
#include "support/check.h"

#include <savedmodel/checkpoint.h>

typedef struct fixture {
  sm_fs *fs;
  sm_save_options save;
  sm_open_options open;
  sm_checkpoint *tree;
  float values[8];
  sm_binding bindings[8];
  sm_error err;
} fixture;

static void new_tree(fixture *f) {
  sm_checkpoint_free(f->tree);
  assert_ok(sm_checkpoint_new(&f->tree, NULL, &f->err), f->err);
}

static void begin(fixture *f) {
  *f = (fixture){.save = SM_SAVE_OPTIONS_INIT, .open = SM_OPEN_OPTIONS_INIT};
  assert_ok(sm_fs_memory_new(&f->fs, NULL, &f->err), f->err);
  f->save.fs = f->open.fs = f->fs;
  for (int i = 0; i < 8; i++) {
    f->values[i] = (float)(i + 1);
    f->bindings[i] = (sm_binding){.dtype = SM_DT_FLOAT, .data = &f->values[i], .size = sizeof(float)};
  }
  new_tree(f);
}

static void end(fixture *f) {
  sm_checkpoint_free(f->tree);
  sm_fs_close(f->fs);
}

static int32_t add(fixture *f, int32_t parent, const char *name) {
  int32_t node;
  assert_ok(sm_checkpoint_add(&node, f->tree, parent, name, &f->err), f->err);
  return node;
}

static void bind(fixture *f, int32_t node, const char *attribute, int i) {
  assert_ok(sm_checkpoint_bind(f->tree, node, attribute, &f->bindings[i], &f->err), f->err);
}

static float stored(fixture *f, const char *prefix, const char *key) {
  sm_bundle_reader *reader;
  float value;
  assert_ok(sm_bundle_reader_open(&reader, prefix, &f->open, &f->err), f->err);
  assert_ok(sm_bundle_reader_read(reader, key, NULL, &value, sizeof value, &f->err), f->err);
  sm_bundle_reader_close(reader);
  return value;
}

/* The table of formats.md 6.4: keys as TensorFlow makes them. */
static void checkpoint_tree__keys(void **state) {
  (void)state;
  fixture f;
  int32_t slot;
  sm_saved saved;
  begin(&f);
  int32_t d = add(&f, 0, "d"), opt = add(&f, 0, "opt");
  bind(&f, add(&f, 0, "v"), NULL, 0);
  bind(&f, add(&f, d, "a/b"), NULL, 1);
  bind(&f, add(&f, d, "s.t"), NULL, 2);
  bind(&f, add(&f, d, "table"), "table-keys", 3);
  bind(&f, 0, "state", 4);
  assert_ok(sm_checkpoint_add_slot(&slot, f.tree, opt, 3, "mom/entum", &f.err), f.err);
  bind(&f, slot, NULL, 5);
  assert_ok(sm_checkpoint_link(f.tree, 0, "same", 3, &f.err), f.err);
  assert_ok(sm_checkpoint_save(&saved, f.tree, "d/c", &f.save, &f.err), f.err);
  assert_text("prefix", saved.prefix, "d/c-1");
  assert_number("tensors", saved.n_tensors, 8);
  static const char *const keys[] = {"v/.ATTRIBUTES/VARIABLE_VALUE",
                                     "d/a.Sb/.ATTRIBUTES/VARIABLE_VALUE",
                                     "d/s..t/.ATTRIBUTES/VARIABLE_VALUE",
                                     "d/table/.ATTRIBUTES/table-keys",
                                     "/.ATTRIBUTES/state",
                                     "v/.OPTIMIZER_SLOT/opt/mom.Sentum/.ATTRIBUTES/VARIABLE_VALUE"};
  for (size_t i = 0; i < N_OF(keys); i++) assert_true(stored(&f, "d/c-1", keys[i]) == (float)(i + 1));
  end(&f);
}

static void checkpoint_tree__refuses_bad_arguments(void **state) {
  (void)state;
  fixture f;
  int32_t slot, node;
  begin(&f);
  int32_t v = add(&f, 0, "v");
  assert_status(sm_checkpoint_add(&node, f.tree, 0, "v", &f.err), SM_ALREADY_EXISTS, f.err);
  assert_status(sm_checkpoint_add(&node, f.tree, 9, "x", &f.err), SM_NOT_FOUND, f.err);
  assert_status(sm_checkpoint_link(f.tree, 0, "x", -1, &f.err), SM_NOT_FOUND, f.err);
  assert_ok(sm_checkpoint_add_slot(&slot, f.tree, 0, v, "m", &f.err), f.err);
  assert_status(sm_checkpoint_add_slot(&node, f.tree, 0, v, "m", &f.err), SM_ALREADY_EXISTS, f.err);
  assert_status(sm_checkpoint_add_slot(&node, f.tree, 0, slot, "m", &f.err), SM_INVALID_ARGUMENT, f.err);
  assert_status(sm_checkpoint_add(&node, f.tree, slot, "x", &f.err), SM_INVALID_ARGUMENT, f.err);
  bind(&f, v, NULL, 0);
  assert_status(sm_checkpoint_bind(f.tree, v, NULL, &f.bindings[1], &f.err), SM_ALREADY_EXISTS, f.err);
  assert_status(sm_checkpoint_check_match(f.tree, SM_MATCH_CONSUMED, NULL, NULL, &f.err), SM_FAILED_PRECONDITION,
                f.err);
  f.bindings[0].rank = -1;
  assert_status(sm_checkpoint_save(NULL, f.tree, "d/c", &f.save, &f.err), SM_INVALID_ARGUMENT, f.err);
  assert_number("saves", sm_checkpoint_get_save_counter(f.tree), 0);
  end(&f);
}

static void note(void *ctx, const sm_difference *difference) {
  char *text = ctx;
  size_t used = strlen(text);
  snprintf(text + used, 200 - used, "%d %s;", (int)difference->kind, difference->key);
}

/* Saves v = 1 and w = 2 to d/c-1. */
static void save_two(fixture *f) {
  bind(f, add(f, 0, "v"), NULL, 0);
  bind(f, add(f, 0, "w"), NULL, 1);
  assert_ok(sm_checkpoint_save(NULL, f->tree, "d/c", &f->save, &f->err), f->err);
  new_tree(f);
  for (int i = 0; i < 8; i++) f->values[i] = -1;
}

static void checkpoint_tree__restores_all_or_nothing(void **state) {
  (void)state;
  fixture f;
  char seen[200] = "";
  sm_restore_report report;
  sm_restore_options options = SM_RESTORE_OPTIONS_INIT;
  begin(&f);
  save_two(&f);
  options.difference = note;
  options.difference_ctx = seen;
  bind(&f, add(&f, 0, "v"), NULL, 0);
  bind(&f, add(&f, 0, "x"), NULL, 1);
  assert_status(sm_checkpoint_restore(&report, f.tree, "d/c-1", &options, &f.open, &f.err), SM_NOT_FOUND, f.err);
  assert_text("differences", seen, "1 x/.ATTRIBUTES/VARIABLE_VALUE;3 w/.ATTRIBUTES/VARIABLE_VALUE;");
  assert_true(f.values[0] == -1);
  assert_true(report.n_missing == 1 && report.n_unused == 1 && report.n_restored == 0);
  options.missing = SM_POLICY_SKIP;
  options.refuse_unused = true;
  assert_status(sm_checkpoint_restore(&report, f.tree, "d/c-1", &options, &f.open, &f.err), SM_FAILED_PRECONDITION,
                f.err);
  assert_true(f.values[0] == -1);
  options.refuse_unused = false;
  assert_ok(sm_checkpoint_restore(&report, f.tree, "d/c-1", &options, &f.open, &f.err), f.err);
  assert_true(f.values[0] == 1 && f.values[1] == -1);
  assert_true(f.bindings[0].status == SM_OK && f.bindings[1].status == SM_NOT_FOUND);
  assert_number("saves", sm_checkpoint_get_save_counter(f.tree), 1);
  f.bindings[0].dtype = SM_DT_INT32;
  f.values[0] = -1;
  assert_status(sm_checkpoint_restore(&report, f.tree, "d/c-1", &options, &f.open, &f.err), SM_INVALID_ARGUMENT, f.err);
  assert_true(f.values[0] == -1 && report.n_mismatched == 1);
  end(&f);
}

static void checkpoint_tree__reads_what_is_bound_later(void **state) {
  (void)state;
  fixture f;
  char seen[200] = "";
  begin(&f);
  save_two(&f);
  assert_ok(sm_checkpoint_restore(NULL, f.tree, "d/c-1", NULL, &f.open, &f.err), f.err);
  assert_ok(sm_checkpoint_check_match(f.tree, SM_MATCH_EXISTING, NULL, NULL, &f.err), f.err);
  assert_status(sm_checkpoint_check_match(f.tree, SM_MATCH_CONSUMED, note, seen, &f.err), SM_FAILED_PRECONDITION,
                f.err);
  assert_text("unused", seen, "3 v/.ATTRIBUTES/VARIABLE_VALUE;3 w/.ATTRIBUTES/VARIABLE_VALUE;");
  int32_t v = add(&f, 0, "v"), w = add(&f, 0, "w");
  bind(&f, w, NULL, 1);
  assert_true(f.values[1] == 2 && f.bindings[1].status == SM_OK);
  f.bindings[0].dtype = SM_DT_INT32;
  assert_status(sm_checkpoint_bind(f.tree, v, NULL, &f.bindings[0], &f.err), SM_INVALID_ARGUMENT, f.err);
  bind(&f, v, NULL, 2); /* the one before was not taken */
  assert_true(f.values[2] == 1);
  assert_ok(sm_checkpoint_check_match(f.tree, SM_MATCH_CONSUMED, NULL, NULL, &f.err), f.err);
  bind(&f, v, "other", 3);
  assert_true(f.bindings[3].status == SM_NOT_FOUND);
  assert_status(sm_checkpoint_check_match(f.tree, SM_MATCH_EXISTING, NULL, NULL, &f.err), SM_FAILED_PRECONDITION,
                f.err);
  end(&f);
}

/* Part of a tree that has values, linked to a place where the checkpoint has some; and a slot variable. */
static void checkpoint_tree__reads_what_is_linked_later(void **state) {
  (void)state;
  fixture f;
  int32_t slot;
  sm_restore_options options = SM_RESTORE_OPTIONS_INIT;
  begin(&f);
  int32_t a = add(&f, 0, "a"), b = add(&f, a, "b"), opt = add(&f, 0, "opt");
  bind(&f, b, NULL, 0);
  assert_ok(sm_checkpoint_add_slot(&slot, f.tree, opt, b, "m", &f.err), f.err);
  bind(&f, slot, NULL, 1);
  assert_ok(sm_checkpoint_write(NULL, f.tree, "d/c", &f.save, &f.err), f.err);
  new_tree(&f);
  for (int i = 0; i < 8; i++) f.values[i] = -1;
  int32_t elsewhere = add(&f, 0, "elsewhere");
  b = add(&f, elsewhere, "b");
  opt = add(&f, 0, "opt");
  bind(&f, b, NULL, 0);
  assert_ok(sm_checkpoint_add_slot(&slot, f.tree, opt, b, "m", &f.err), f.err);
  bind(&f, slot, NULL, 1);
  options.missing = SM_POLICY_SKIP;
  assert_ok(sm_checkpoint_read(NULL, f.tree, "d/c", &options, &f.open, &f.err), f.err);
  assert_true(f.values[0] == -1 && f.values[1] == -1);
  assert_ok(sm_checkpoint_link(f.tree, 0, "a", elsewhere, &f.err), f.err);
  assert_true(f.values[0] == 1 && f.values[1] == 2);
  assert_ok(sm_checkpoint_check_match(f.tree, SM_MATCH_CONSUMED, NULL, NULL, &f.err), f.err);
  end(&f);
}

/* The values that restoring allocates are saved again as they are. */
static void checkpoint_tree__saves_what_was_allocated(void **state) {
  (void)state;
  fixture f;
  begin(&f);
  save_two(&f);
  f.bindings[0] = (sm_binding){.rank = -1};
  bind(&f, add(&f, 0, "v"), NULL, 0);
  assert_ok(sm_checkpoint_restore(NULL, f.tree, "d/c-1", NULL, &f.open, &f.err), f.err);
  assert_ok(sm_checkpoint_save(NULL, f.tree, "d/c", &f.save, &f.err), f.err);
  assert_true(stored(&f, "d/c-2", "v/.ATTRIBUTES/VARIABLE_VALUE") == 1);
  sm_tensor_free(f.bindings[0].tensor);
  end(&f);
}

/* ---- Registered savers ---- */

/* What its functions were told. */
typedef struct told {
  char text[400];
  bool fails;
} told;

static void note_call(told *t, const char *what, const char *file_prefix, const sm_registered_object *objects,
                      size_t n) {
  size_t used = strlen(t->text);
  used += (size_t)snprintf(t->text + used, sizeof t->text - used, "%s %s:", what, file_prefix);
  for (size_t i = 0; i < n; i++)
    used += (size_t)snprintf(t->text + used, sizeof t->text - used, " %s", objects[i].name);
  snprintf(t->text + used, sizeof t->text - used, ";");
}

static sm_status save_registered(void *ctx, sm_bundle_writer *writer, const char *file_prefix,
                                 const sm_registered_object *objects, size_t n, sm_error *err) {
  told *t = ctx;
  sm_status status = t->fails ? SM_ABORTED : SM_OK;
  note_call(t, "save", file_prefix, objects, n);
  for (size_t i = 0; i < n && status == SM_OK; i++) {
    const sm_tensor_view view = {.dtype = SM_DT_FLOAT, .data = objects[i].object, .size = sizeof(float)};
    status = sm_bundle_writer_add(writer, objects[i].name, &view, err);
  }
  return status;
}

static sm_status restore_registered(void *ctx, const sm_bundle_reader *reader, const char *file_prefix,
                                    const sm_registered_object *objects, size_t n, sm_error *err) {
  told *t = ctx;
  sm_status status = t->fails ? SM_ABORTED : SM_OK;
  note_call(t, "restore", file_prefix, objects, n);
  for (size_t i = 0; i < n && status == SM_OK; i++)
    status = sm_bundle_reader_read(reader, objects[i].name, NULL, objects[i].object, sizeof(float), err);
  return status;
}

static void register_with(fixture *f, int32_t node, const sm_registered_saver *saver, int i) {
  assert_ok(sm_checkpoint_register(f->tree, node, saver, &f->values[i], &f->err), f->err);
}

/* Saves a = 1 and b/c = 2 by saver, and v = 3, to d/c. */
static void save_registered_objects(fixture *f, const sm_registered_saver *saver) {
  register_with(f, add(f, 0, "a"), saver, 0);
  register_with(f, add(f, add(f, 0, "b"), "c"), saver, 1);
  bind(f, add(f, 0, "v"), NULL, 2);
  assert_ok(sm_checkpoint_write(NULL, f->tree, "d/c", &f->save, &f->err), f->err);
  new_tree(f);
  for (int i = 0; i < 8; i++) f->values[i] = -1;
}

static void checkpoint_tree__calls_registered_savers(void **state) {
  (void)state;
  fixture f;
  told t = {"", false};
  const sm_registered_saver saver = {"Test.Saver", &t, save_registered, restore_registered};
  sm_restore_report report;
  begin(&f);
  save_registered_objects(&f, &saver);
  assert_text("saving", t.text, "save d/c-Test.Saver: a b/c;");
  *t.text = '\0';
  register_with(&f, add(&f, 0, "a"), &saver, 0);
  bind(&f, add(&f, 0, "v"), NULL, 2);
  assert_ok(sm_checkpoint_read(&report, f.tree, "d/c", NULL, &f.open, &f.err), f.err);
  assert_text("restoring", t.text, "restore d/c-Test.Saver: a;");
  assert_true(f.values[0] == 1 && f.values[2] == 3 && report.n_restored == 2 && report.n_unused == 1);
  assert_ok(sm_checkpoint_check_match(f.tree, SM_MATCH_EXISTING, NULL, NULL, &f.err), f.err);
  assert_status(sm_checkpoint_check_match(f.tree, SM_MATCH_CONSUMED, NULL, NULL, &f.err), SM_FAILED_PRECONDITION,
                f.err);
  register_with(&f, add(&f, add(&f, 0, "b"), "c"), &saver, 1);
  assert_text("restoring later", t.text, "restore d/c-Test.Saver: a;restore d/c-Test.Saver: b/c;");
  assert_true(f.values[1] == 2);
  assert_ok(sm_checkpoint_check_match(f.tree, SM_MATCH_CONSUMED, NULL, NULL, &f.err), f.err);
  end(&f);
}

static void checkpoint_tree__tells_what_registered_savers_miss(void **state) {
  (void)state;
  fixture f;
  told t = {"", false};
  char seen[200] = "";
  const sm_registered_saver saver = {"Test.Saver", &t, save_registered, restore_registered},
                            other = {"Test.Other", &t, save_registered, restore_registered};
  sm_restore_options options = SM_RESTORE_OPTIONS_INIT;
  begin(&f);
  save_registered_objects(&f, &saver);
  *t.text = '\0';
  options.difference = note;
  options.difference_ctx = seen;
  register_with(&f, add(&f, 0, "a"), &other, 0);
  register_with(&f, add(&f, 0, "v"), &other, 1); /* it was saved with a value */
  assert_status(sm_checkpoint_read(NULL, f.tree, "d/c", &options, &f.open, &f.err), SM_NOT_FOUND, f.err);
  assert_text("differences", seen, "1 a;3 a;3 b/c;");
  assert_text("calls", t.text, "");
  options.missing = SM_POLICY_SKIP;
  options.compare_only = true;
  assert_ok(sm_checkpoint_read(NULL, f.tree, "d/c", &options, &f.open, &f.err), f.err);
  assert_text("calls", t.text, "");
  options.compare_only = false;
  assert_ok(sm_checkpoint_read(NULL, f.tree, "d/c", &options, &f.open, &f.err), f.err);
  assert_text("calls", t.text, "restore d/c-Test.Other: v/.ATTRIBUTES/VARIABLE_VALUE;");
  assert_true(f.values[0] == -1 && f.values[1] == 3);
  end(&f);
}

static void checkpoint_tree__refuses_bad_registered_savers(void **state) {
  (void)state;
  fixture f;
  told t = {"", true};
  int32_t slot;
  const sm_registered_saver saver = {"Test.Saver", &t, save_registered, restore_registered}, same = saver,
                            bad = {"a/b", &t, save_registered, restore_registered}, none = {"a", &t, NULL, NULL};
  begin(&f);
  int32_t a = add(&f, 0, "a"), v = add(&f, 0, "v");
  bind(&f, v, NULL, 0);
  assert_ok(sm_checkpoint_add_slot(&slot, f.tree, 0, v, "m", &f.err), f.err);
  register_with(&f, a, &saver, 1);
  assert_status(sm_checkpoint_register(f.tree, 9, &saver, NULL, &f.err), SM_NOT_FOUND, f.err);
  assert_status(sm_checkpoint_register(f.tree, a, &saver, NULL, &f.err), SM_ALREADY_EXISTS, f.err);
  assert_status(sm_checkpoint_register(f.tree, v, &saver, NULL, &f.err), SM_ALREADY_EXISTS, f.err);
  assert_status(sm_checkpoint_bind(f.tree, a, NULL, &f.bindings[2], &f.err), SM_ALREADY_EXISTS, f.err);
  assert_status(sm_checkpoint_register(f.tree, slot, &saver, NULL, &f.err), SM_INVALID_ARGUMENT, f.err);
  assert_status(sm_checkpoint_register(f.tree, 0, &same, NULL, &f.err), SM_INVALID_ARGUMENT, f.err);
  assert_status(sm_checkpoint_register(f.tree, 0, &bad, NULL, &f.err), SM_INVALID_ARGUMENT, f.err);
  assert_status(sm_checkpoint_register(f.tree, 0, &none, NULL, &f.err), SM_INVALID_ARGUMENT, f.err);
  assert_status(sm_checkpoint_register(f.tree, 0, NULL, NULL, &f.err), SM_INVALID_ARGUMENT, f.err);
  assert_int_equal(sm_checkpoint_write(NULL, f.tree, "d/c", &f.save, &f.err), SM_ABORTED);
  assert_int_equal(sm_checkpoint_read(NULL, f.tree, "d/c", NULL, &f.open, &f.err), SM_NOT_FOUND); /* nothing was left */
  t.fails = false;
  assert_ok(sm_checkpoint_write(NULL, f.tree, "d/c", &f.save, &f.err), f.err);
  t.fails = true;
  assert_int_equal(sm_checkpoint_read(NULL, f.tree, "d/c", NULL, &f.open, &f.err), SM_ABORTED);
  end(&f);
}

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(checkpoint_tree__keys),
      cmocka_unit_test(checkpoint_tree__refuses_bad_arguments),
      cmocka_unit_test(checkpoint_tree__restores_all_or_nothing),
      cmocka_unit_test(checkpoint_tree__reads_what_is_bound_later),
      cmocka_unit_test(checkpoint_tree__reads_what_is_linked_later),
      cmocka_unit_test(checkpoint_tree__saves_what_was_allocated),
      cmocka_unit_test(checkpoint_tree__calls_registered_savers),
      cmocka_unit_test(checkpoint_tree__tells_what_registered_savers_miss),
      cmocka_unit_test(checkpoint_tree__refuses_bad_registered_savers),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
