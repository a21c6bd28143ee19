/* V1 models that get an object graph: what its objects are called, where their values lie, what is refused. That TensorFlow
 * loads them, and computes the same, interop/convert_tf.py shows. */
#include "support/check.h"

#include <savedmodel/savedmodel.h>

#include "support/files.h"
#include "support/models.h"

static temp_dir dir;
static sm_error err;
static sm_model *model, *made;
static sm_builder *builder;

static int set_up(void **state) {
  (void)state;
  dir = make_temp_dir();
  model = made = NULL;
  builder = NULL;
  return 0;
}

static int tear_down(void **state) {
  (void)state;
  sm_builder_close(builder);
  sm_model_close(made);
  sm_model_close(model);
  remove_temp_dir(&dir);
  return 0;
}

static void begin(const char *name) {
  assert_ok(sm_model_open(&model, name[0] == '/' ? name : model_dir(name), NULL, &err), err);
  assert_ok(sm_builder_open(&builder, path_in(dir.path, "made"), NULL, &err), err);
  assert_ok(sm_builder_add_model(builder, model, &err), err);
}

static const sm_meta_graph *finish(void) {
  assert_ok(sm_builder_finish(builder, &err), err);
  assert_ok(sm_model_open(&made, path_in(dir.path, "made"), NULL, &err), err);
  return sm_model_get_meta_graph(made, 0);
}

static const sm_meta_graph *convert(const char *name) {
  begin(name);
  assert_ok(sm_builder_add_object_graph(builder, 0, NULL, &err), err);
  return finish();
}

static const sm_trackable *find(const sm_meta_graph *graph, const char *path) {
  const sm_trackable *node;
  assert_ok(sm_meta_graph_get_root(&node, graph, &err), err);
  assert_ok(sm_trackable_find(&node, node, path, &err), err);
  return node;
}

static void assert_kind(const sm_meta_graph *graph, const char *path, sm_object_kind kind) {
  assert_number(path, sm_trackable_get_kind(find(graph, path)), kind);
}

/* A variable's key, and the other key of the same bytes. */
static void assert_shared(const char *key, const char *other) {
  const sm_bundle_reader *reader;
  sm_bundle_entry a, b;
  assert_ok(sm_model_get_variables(&reader, made, &err), err);
  assert_ok(sm_bundle_reader_find(&a, reader, key, &err), err);
  assert_ok(sm_bundle_reader_find(&b, reader, other, &err), err);
  assert_number(key, (uint64_t)a.shard, (uint64_t)b.shard);
  assert_number(key, a.offset, b.offset);
  assert_number(key, a.crc32c, b.crc32c);
}

static void to_v2__variables(void **state) {
  (void)state;
  const sm_meta_graph *graph = convert("v1/simple_save");
  const sm_variable *variable;
  size_t n;
  assert_kind(graph, "linear", SM_OBJECT_USER_OBJECT);
  assert_kind(graph, "linear/w", SM_OBJECT_VARIABLE);
  assert_kind(graph, "variables/1", SM_OBJECT_VARIABLE);
  assert_kind(graph, "signatures/serving_default", SM_OBJECT_BARE_CONCRETE_FUNCTION);
  assert_shared("linear/w/.ATTRIBUTES/VARIABLE_VALUE", "linear/w");
  assert_shared("linear/b/.ATTRIBUTES/VARIABLE_VALUE", "linear/b");
  assert_ok(sm_meta_graph_n_variables(&n, graph, &err), err);
  assert_number("variables", n, 2);
  for (size_t i = 0; i < n; i++) {
    assert_ok(sm_meta_graph_get_variable(&variable, graph, i, &err), err);
    assert_true(variable->trainable && variable->key != NULL);
  }
}

static void to_v2__flat_names(void **state) {
  (void)state;
  sm_objects_options options = SM_OBJECTS_OPTIONS_INIT;
  options.flat_names = true;
  begin("v1/simple_save");
  assert_ok(sm_builder_add_object_graph(builder, 0, &options, &err), err);
  const sm_meta_graph *graph = finish();
  assert_kind(graph, "linear.Sw", SM_OBJECT_VARIABLE);
  assert_shared("linear.Sw/.ATTRIBUTES/VARIABLE_VALUE", "linear/w");
}

/* A V1 model of variables of these names, each of which is what a signature returns. */
static void make_model(const char *path, const char *const *names, size_t n) {
  static const float value = 1;
  static const sm_tensor_view view = {.dtype = SM_DT_FLOAT, .data = &value, .size = sizeof value};
  sm_simple_variable variables[8];
  sm_graph *graph;
  assert_ok(sm_graph_new(&graph, NULL, &err), err);
  for (size_t i = 0; i < n; i++) {
    assert_ok(sm_graph_add_variable(graph, names[i], SM_DT_FLOAT, NULL, 0, &err), err);
    variables[i] = (sm_simple_variable){names[i], &view};
  }
  const sm_simple_model simple = {.graph = graph, .variables = variables, .n_variables = n};
  assert_ok(sm_simple_save(path, &simple, NULL, &err), err);
  sm_graph_free(graph);
}

/* Variables hold no others, and "signatures" has another meaning at the root. */
static void to_v2__names_that_clash(void **state) {
  (void)state;
  static const char *const names[] = {"a", "a/b", "a/b/c", "a/d/e", "signatures/s", "variables"};
  make_model(path_in(dir.path, "v1"), names, N_OF(names));
  const sm_meta_graph *graph = convert(path_in(dir.path, "v1"));
  assert_shared("a/.ATTRIBUTES/VARIABLE_VALUE", "a");
  assert_shared("a.Sb/.ATTRIBUTES/VARIABLE_VALUE", "a/b");
  assert_shared("a.Sb.Sc/.ATTRIBUTES/VARIABLE_VALUE", "a/b/c");
  assert_shared("a.Sd/e/.ATTRIBUTES/VARIABLE_VALUE", "a/d/e");
  assert_shared("signatures_/s/.ATTRIBUTES/VARIABLE_VALUE", "signatures/s");
  assert_kind(graph, "variables", SM_OBJECT_VARIABLE);
  assert_kind(graph, "trainable_variables/5", SM_OBJECT_VARIABLE);
}

/* An object for each '/' would take the square of the name's length. */
static void to_v2__deep_names(void **state) {
  (void)state;
  enum { N = 3000, MOST = 150 };
  static char name[2 * N + 2];
  const char *const names[] = {name};
  size_t n;
  for (size_t i = 0; i < N; i++) memcpy(name + 2 * i, "a/", 2);
  name[2 * N] = 'b';
  make_model(path_in(dir.path, "v1"), names, N_OF(names));
  const sm_meta_graph *graph = convert(path_in(dir.path, "v1"));
  assert_ok(sm_meta_graph_n_objects(&n, graph, &err), err);
  assert_true(n < MOST);
  assert_kind(graph, "variables/0", SM_OBJECT_VARIABLE);
}

/* Values that are constants now are in no checkpoint. */
static void to_v2__frozen(void **state) {
  (void)state;
  const sm_bundle_reader *reader;
  sm_bundle_entry entry;
  begin("v1/simple_save");
  assert_ok(sm_builder_freeze(builder, 0, &err), err);
  assert_ok(sm_builder_add_object_graph(builder, 0, NULL, &err), err);
  assert_kind(finish(), "signatures/serving_default", SM_OBJECT_BARE_CONCRETE_FUNCTION);
  assert_ok(sm_model_get_variables(&reader, made, &err), err);
  assert_status(sm_bundle_reader_find(&entry, reader, "linear/w", &err), SM_NOT_FOUND, err);
}

static void to_v2__references(void **state) {
  (void)state;
  const sm_meta_graph *graph = convert("v1/classify_regress_predict");
  const sm_graph_summary *summary;
  bool has_reference = false;
  assert_ok(sm_meta_graph_get_graph_summary(&summary, graph, &err), err);
  for (size_t i = 0; i < summary->n_ops; i++)
    has_reference |= strncmp(summary->ops[i].data, "VariableV2", summary->ops[i].size) == 0;
  assert_false(has_reference);
}

/* Parts of one variable are variables of their own. */
static void to_v2__parts(void **state) {
  (void)state;
  convert("v1/partitioned_variables");
  const sm_bundle_reader *reader;
  sm_tensor *part;
  assert_ok(sm_model_get_variables(&reader, made, &err), err);
  assert_ok(sm_bundle_reader_read_tensor(&part, reader, "emb/part_1/.ATTRIBUTES/VARIABLE_VALUE", NULL, &err), err);
  const sm_tensor_view *view = sm_tensor_get_view(part);
  assert_number("rank", (uint64_t)view->rank, 2);
  assert_number("elements in a row", (uint64_t)view->dims[1], 3);
  assert_true(((const float *)view->data)[0] ==
              12.0f); /* numbers from 0; the first of three parts of ten rows has four rows of three */
  sm_tensor_free(part);
}

static void to_v2__tables_and_assets(void **state) {
  (void)state;
  const sm_meta_graph *graph = convert("v1/table_main_op");
  const sm_trackable *table = NULL;
  sm_tensor *keys, *values;
  size_t n;
  assert_kind(graph, "asset_paths/0", SM_OBJECT_ASSET);
  assert_ok(sm_meta_graph_n_objects(&n, graph, &err), err);
  for (size_t i = 0; i < n && table == NULL; i++) {
    assert_ok(sm_meta_graph_get_object(&table, graph, (int32_t)i, &err), err);
    if (sm_trackable_get_kind(table) != SM_OBJECT_RESOURCE) table = NULL;
  }
  assert_non_null(table);
  assert_ok(sm_trackable_read_table(&keys, &values, table, &err), err);
  assert_true(sm_tensor_get_view(keys)->dims[0] > 0);
  sm_tensor_free(keys);
  sm_tensor_free(values);
}

/* Local variables are in no checkpoint. */
static void to_v2__init_op(void **state) {
  (void)state;
  const sm_meta_graph *graph = convert("v1/ref_and_resource_variables");
  const char *key;
  assert_kind(graph, "initializer/_initialize", SM_OBJECT_FUNCTION);
  assert_kind(graph, "local", SM_OBJECT_VARIABLE);
  assert_status(sm_trackable_get_key(&key, find(graph, "local"), NULL, &err), SM_NOT_FOUND, err);
}

/* There and back and there. */
static void to_v2__again(void **state) {
  (void)state;
  convert("v1/simple_save");
  sm_model *first = made;
  sm_builder_close(builder);
  assert_ok(sm_builder_open(&builder, path_in(dir.path, "v1"), NULL, &err), err);
  assert_ok(sm_builder_add_model(builder, first, &err), err);
  assert_ok(sm_builder_drop_object_graph(builder, 0, &err), err);
  assert_ok(sm_builder_finish(builder, &err), err);
  sm_builder_close(builder);
  sm_model_close(model);
  assert_ok(sm_model_open(&model, path_in(dir.path, "v1"), NULL, &err), err);
  assert_ok(sm_builder_open(&builder, path_in(dir.path, "again"), NULL, &err), err);
  assert_ok(sm_builder_add_model(builder, model, &err), err);
  assert_ok(sm_builder_add_object_graph(builder, 0, NULL, &err), err);
  assert_ok(sm_builder_finish(builder, &err), err);
  assert_ok(sm_model_open(&made, path_in(dir.path, "again"), NULL, &err), err);
  sm_model_close(first);
  assert_kind(sm_model_get_meta_graph(made, 0), "linear/w", SM_OBJECT_VARIABLE);
  assert_shared("linear/w/.ATTRIBUTES/VARIABLE_VALUE", "linear/w");
}

static void to_v2__nothing_to_do(void **state) {
  (void)state;
  begin("v2/one_signature");
  assert_ok(sm_builder_add_object_graph(builder, 0, NULL, &err), err);
  finish();
  size_t sizes[2];
  uint8_t *is = read_file(path_in(path_in(dir.path, "made"), "saved_model.pb"), &sizes[0]);
  uint8_t *was = read_file(path_in(model_dir("v2/one_signature"), "saved_model.pb"), &sizes[1]);
  assert_number("bytes", sizes[0], sizes[1]);
  assert_memory_equal(is, was, sizes[0]);
  free(is);
  free(was);
}

static void assert_refused(const sm_objects_options *options, sm_status status, const char *says) {
  assert_status(sm_builder_add_object_graph(builder, 0, options, &err), status, err);
  assert_mentions(err.message, says);
  sm_builder_close(builder);
  sm_model_close(model);
  builder = NULL;
  model = NULL;
  assert_number("left behind", count_names(dir.path), 0);
}

static void to_v2__refused(void **state) {
  (void)state;
  static const sm_objects_options uninitialised = {0};
  begin("v1/several_meta_graphs");
  assert_refused(NULL, SM_FAILED_PRECONDITION, "there is another meta graph, 1");
  begin("v1/sparse_signature");
  assert_refused(NULL, SM_UNIMPLEMENTED, "signature serving_default: sp is no plain tensor");
  begin("v1/simple_save");
  assert_refused(&uninitialised, SM_INVALID_ARGUMENT, "SM_OBJECTS_OPTIONS_INIT");
}

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test_setup_teardown(to_v2__variables, set_up, tear_down),
      cmocka_unit_test_setup_teardown(to_v2__flat_names, set_up, tear_down),
      cmocka_unit_test_setup_teardown(to_v2__names_that_clash, set_up, tear_down),
      cmocka_unit_test_setup_teardown(to_v2__deep_names, set_up, tear_down),
      cmocka_unit_test_setup_teardown(to_v2__frozen, set_up, tear_down),
      cmocka_unit_test_setup_teardown(to_v2__references, set_up, tear_down),
      cmocka_unit_test_setup_teardown(to_v2__parts, set_up, tear_down),
      cmocka_unit_test_setup_teardown(to_v2__tables_and_assets, set_up, tear_down),
      cmocka_unit_test_setup_teardown(to_v2__init_op, set_up, tear_down),
      cmocka_unit_test_setup_teardown(to_v2__again, set_up, tear_down),
      cmocka_unit_test_setup_teardown(to_v2__nothing_to_do, set_up, tear_down),
      cmocka_unit_test_setup_teardown(to_v2__refused, set_up, tear_down),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
