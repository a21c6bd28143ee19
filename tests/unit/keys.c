/* Keys of variables, and the list of them. Expected keys are TensorFlow's rules: formats.md of object-based checkpoints,
 * python/checkpoint/graph_view.py. */
#include "support/check.h"

#include <savedmodel/objects.h>

#include "support/bundle_maker.h"
#include "support/files.h"
#include "support/models.h"

static sm_error err;
static temp_dir dir;
static w_buffer model_bytes, graph_bytes;

static int set_up(void **state) {
  (void)state;
  dir = make_temp_dir();
  return 0;
}

static int tear_down(void **state) {
  (void)state;
  remove_temp_dir(&dir);
  w_free(&model_bytes);
  w_free(&graph_bytes);
  return 0;
}

static void put_reference(w_buffer *w, uint64_t id, const char *name) {
  size_t begun = w_begin(w, 1);
  w_varint(w, 1, id);
  w_text(w, 2, name);
  w_end(w, begun);
}

static void put_slot(w_buffer *w, uint64_t variable, const char *name, uint64_t id) {
  size_t begun = w_begin(w, 3);
  w_varint(w, 1, variable);
  w_text(w, 2, name);
  w_varint(w, 3, id);
  w_end(w, begun);
}

static void put_variable(w_buffer *w, const char *name) {
  size_t object = w_begin(w, 1), variable = w_begin(w, SM_OBJECT_VARIABLE);
  w_varint(w, 1, SM_DT_FLOAT);
  w_text(w, 6, name);
  w_end(w, variable);
  w_end(w, object);
}

/* root {v: 1, opt: 2, lost: 3}; opt keeps slot 4 of v. */
static void write_model(void) {
  w_clear(&model_bytes);
  size_t meta_graph = w_begin(&model_bytes, 2), graph = w_begin(&model_bytes, 7), object = w_begin(&model_bytes, 1);
  put_reference(&model_bytes, 1, "v");
  put_reference(&model_bytes, 2, "opt");
  put_reference(&model_bytes, 3, "lost");
  w_bytes(&model_bytes, SM_OBJECT_USER_OBJECT, "", 0);
  w_end(&model_bytes, object);
  put_variable(&model_bytes, "name_of_v");
  object = w_begin(&model_bytes, 1);
  put_slot(&model_bytes, 1, "m", 4);
  w_bytes(&model_bytes, SM_OBJECT_USER_OBJECT, "", 0);
  w_end(&model_bytes, object);
  put_variable(&model_bytes, "name_of_lost");
  put_variable(&model_bytes, "name_of_slot");
  w_end(&model_bytes, graph);
  w_end(&model_bytes, meta_graph);
  write_file(path_in(dir.path, "saved_model.pb"), model_bytes.data, model_bytes.size);
}

static void put_saved(const char *key) {
  size_t object = w_begin(&graph_bytes, 1), attribute = w_begin(&graph_bytes, 2);
  w_text(&graph_bytes, 1, "VARIABLE_VALUE");
  w_text(&graph_bytes, 3, key);
  w_end(&graph_bytes, attribute);
  w_end(&graph_bytes, object);
}

/* The same objects, numbered otherwise, without what "lost" was; and a variable that the model does not have. */
static void make_graph(void) {
  w_clear(&graph_bytes);
  size_t object = w_begin(&graph_bytes, 1);
  put_reference(&graph_bytes, 3, "opt");
  put_reference(&graph_bytes, 1, "more");
  put_reference(&graph_bytes, 4, "v");
  w_end(&graph_bytes, object);
  put_saved("more/.ATTRIBUTES/VARIABLE_VALUE");
  put_saved("v/.OPTIMIZER_SLOT/opt/m/.ATTRIBUTES/VARIABLE_VALUE");
  object = w_begin(&graph_bytes, 1);
  put_slot(&graph_bytes, 1, "m", 1);
  put_slot(&graph_bytes, 4, "m", 2);
  w_end(&graph_bytes, object);
  put_saved("v/.ATTRIBUTES/VARIABLE_VALUE");
}

/* The checkpoint: with that object graph, and a tensor of each of these keys. */
static void write_checkpoint(bool has_graph, const char *const *keys) {
  sm_bundle_writer *writer;
  const float value = 1;
  sm_tensor_view view = {.dtype = SM_DT_FLOAT, .data = &value, .size = sizeof value};
  assert_ok(sm_bundle_writer_open(&writer, path_in(dir.path, "variables/variables"), NULL, &err), err);
  for (; *keys != NULL; keys++) assert_ok(sm_bundle_writer_add(writer, *keys, &view, &err), err);
  const sm_string text = {(const char *)graph_bytes.data, graph_bytes.size};
  view = (sm_tensor_view){.dtype = SM_DT_STRING, .data = &text, .size = sizeof text};
  if (has_graph) assert_ok(sm_bundle_writer_add(writer, "_CHECKPOINTABLE_OBJECT_GRAPH", &view, &err), err);
  assert_ok(sm_bundle_writer_finish(writer, &err), err);
  sm_bundle_writer_close(writer);
}

static sm_model *open_it(void) {
  sm_model *model;
  assert_ok(sm_model_open(&model, dir.path, NULL, &err), err);
  return model;
}

/* Keys by id; NULL: there is none. */
static void check_keys(const sm_model *model, const char *const wanted[5]) {
  const sm_trackable *node;
  const char *key;
  for (int id = 0; id < 5; id++) {
    assert_ok(sm_meta_graph_get_object(&node, only_graph(model), id, &err), err);
    assert_status(sm_trackable_get_key(&key, node, NULL, &err), wanted[id] != NULL ? SM_OK : SM_NOT_FOUND, err);
    if (wanted[id] != NULL) assert_text("key", key, wanted[id]);
    if (wanted[id] == NULL) assert_null(key);
  }
}

static void keys__matched_by_names(void **state) {
  (void)state;
  static const char *const none[] = {NULL};
  static const char *const wanted[] = {NULL, "v/.ATTRIBUTES/VARIABLE_VALUE", NULL, NULL,
                                       "v/.OPTIMIZER_SLOT/opt/m/.ATTRIBUTES/VARIABLE_VALUE"};
  const sm_trackable *node;
  const char *key;
  write_model();
  make_graph();
  write_checkpoint(true, none);
  sm_model *model = open_it();
  check_keys(model, wanted);
  assert_ok(sm_meta_graph_get_object(&node, only_graph(model), 1, &err), err);
  assert_ok(sm_trackable_get_key(&key, node, "VARIABLE_VALUE", &err), err);
  assert_text("key", key, wanted[1]);
  assert_status(sm_trackable_get_key(&key, node, "OTHER", &err), SM_NOT_FOUND, err);
  sm_model_close(model);
}

/* A name-based checkpoint in a V2 model. */
static void keys__by_name(void **state) {
  (void)state;
  static const char *const keys[] = {"name_of_slot", "name_of_v", NULL};
  static const char *const wanted[] = {NULL, "name_of_v", NULL, NULL, "name_of_slot"};
  write_model();
  write_checkpoint(false, keys);
  sm_model *model = open_it();
  check_keys(model, wanted);
  sm_model_close(model);
}

static void keys__without_a_checkpoint(void **state) {
  (void)state;
  static const char *const wanted[5] = {NULL};
  const sm_variable *variable;
  size_t n;
  write_model();
  sm_model *model = open_it();
  check_keys(model, wanted);
  err = (sm_error){.code = SM_OK};
  assert_ok(sm_meta_graph_n_variables(&n, only_graph(model), &err), err); /* which need no values */
  assert_int_equal(err.code, SM_OK);                                      /* nobody is told of a failure that is none */
  assert_int_equal(n, 3);
  assert_ok(sm_meta_graph_get_variable(&variable, only_graph(model), 1, &err), err);
  assert_text("name", variable->name, "name_of_lost");
  assert_text("path", variable->path, "lost");
  assert_null(variable->key);
  sm_model_close(model);
}

static void keys__damaged_graph(void **state) {
  (void)state;
  static const char *const none[] = {NULL};
  const sm_trackable *root;
  const char *key;
  size_t n;
  write_model();
  make_graph();
  graph_bytes.size--;
  write_checkpoint(true, none);
  sm_model *model = open_it();
  assert_ok(sm_meta_graph_get_root(&root, only_graph(model), &err), err);
  assert_status(sm_trackable_get_key(&key, root, NULL, &err), SM_DATA_LOSS, err);
  assert_mentions(err.message, "_CHECKPOINTABLE_OBJECT_GRAPH");
  assert_status(sm_meta_graph_n_variables(&n, only_graph(model), &err), SM_DATA_LOSS, err);
  sm_model_close(model);
}

/* What TensorFlow's own models have: tf.Variables at the root, one of them under two names. */
static void keys__list_of_variables(void **state) {
  (void)state;
  const sm_bundle_reader *reader;
  sm_model *model = open_data("v2/variables");
  size_t n;
  assert_ok(sm_model_get_variables(&reader, model, &err), err);
  assert_ok(sm_meta_graph_n_variables(&n, only_graph(model), &err), err);
  assert_true(n > 0);
  for (size_t i = 0; i < n; i++) {
    const sm_variable *variable;
    const sm_trackable *root, *node;
    const sm_object *info;
    sm_bundle_entry entry;
    assert_ok(sm_meta_graph_get_variable(&variable, only_graph(model), i, &err), err);
    assert_ok(sm_meta_graph_get_root(&root, only_graph(model), &err), err);
    assert_ok(sm_trackable_find(&node, root, variable->path, &err), err);
    assert_int_equal(sm_trackable_get_id(node), variable->id);
    assert_ok(sm_trackable_get_info(&info, node, &err), err);
    assert_ok(sm_bundle_reader_find(&entry, reader, variable->key, &err), err);
    assert_int_equal(entry.dtype, info->variable->dtype);
    assert_text("name", variable->name, info->variable->name);
    assert_null(variable->def);
  }
  sm_model_close(model);
}

/* ---- V1 ---- */

/* MetaGraphDef.collection_def (4), CollectionDef.bytes_list (2), BytesList.value (1): VariableDef. */
static void put_collection(const char *key, const char *const *names, const char *full_name) {
  w_entry entry = w_begin_entry(&model_bytes, 4, key);
  size_t list = w_begin(&model_bytes, 2);
  for (; *names != NULL; names++) {
    size_t def = w_begin(&model_bytes, 1);
    w_text(&model_bytes, 1, *names);
    size_t slice = full_name != NULL ? w_begin(&model_bytes, 4) : 0;
    if (full_name != NULL) w_text(&model_bytes, 1, full_name);
    if (full_name != NULL) w_end(&model_bytes, slice);
    w_end(&model_bytes, def);
  }
  w_end(&model_bytes, list);
  w_end_entry(&model_bytes, entry);
}

static void keys__v1_disagreement(void **state) {
  (void)state;
  static const char *const all[] = {"a:0", "b:0", NULL}, *const trainable[] = {"b:0", "c:0", NULL};
  static const char *const keys[] = {"a", "c", "only", NULL};
  static const struct {
    const char *name, *key;
    bool trainable, has_def;
  } wanted[] = {{"a", "a", false, true},
                {"b", NULL, true, true}, /* not in the checkpoint */
                {"c", "c", true, true},  /* in one collection alone */
                {"only", "only", false, false}};
  size_t n;
  w_clear(&model_bytes);
  size_t meta_graph = w_begin(&model_bytes, 2);
  put_collection("variables", all, NULL);
  put_collection("trainable_variables", trainable, NULL);
  w_end(&model_bytes, meta_graph);
  write_file(path_in(dir.path, "saved_model.pb"), model_bytes.data, model_bytes.size);
  write_checkpoint(false, keys);
  sm_model *model = open_it();
  assert_ok(sm_meta_graph_n_variables(&n, only_graph(model), &err), err);
  assert_int_equal(n, N_OF(wanted));
  for (size_t i = 0; i < n; i++) {
    const sm_variable *variable;
    assert_ok(sm_meta_graph_get_variable(&variable, only_graph(model), i, &err), err);
    assert_text("name", variable->name, wanted[i].name);
    assert_int_equal(variable->key != NULL, wanted[i].key != NULL);
    if (wanted[i].key != NULL) assert_text("key", variable->key, wanted[i].key);
    assert_int_equal(variable->trainable, wanted[i].trainable);
    assert_int_equal(variable->def != NULL, wanted[i].has_def);
    assert_int_equal(variable->id, -1);
    assert_null(variable->path);
  }
  const sm_variable *beyond;
  assert_status(sm_meta_graph_get_variable(&beyond, only_graph(model), n, &err), SM_NOT_FOUND, err);
  sm_model_close(model);
}

/* emb is saved as a whole: its three parts have the one key. */
static void keys__v1_parts(void **state) {
  (void)state;
  size_t n;
  sm_model *model = open_data("v1/partitioned_variables");
  assert_ok(sm_meta_graph_n_variables(&n, only_graph(model), &err), err);
  size_t n_parts = 0;
  for (size_t i = 0; i < n; i++) {
    const sm_variable *variable;
    assert_ok(sm_meta_graph_get_variable(&variable, only_graph(model), i, &err), err);
    if (strcmp(variable->key, "emb") != 0) continue;
    assert_int_equal(variable->def->slice_rank, 2);
    assert_text("full name", variable->def->full_name, "emb");
    assert_int_equal(variable->def->full_shape[0], 10);
    n_parts++;
  }
  assert_int_equal(n_parts, 3);
  sm_model_close(model);
}

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test_setup_teardown(keys__matched_by_names, set_up, tear_down),
      cmocka_unit_test_setup_teardown(keys__by_name, set_up, tear_down),
      cmocka_unit_test_setup_teardown(keys__without_a_checkpoint, set_up, tear_down),
      cmocka_unit_test_setup_teardown(keys__damaged_graph, set_up, tear_down),
      cmocka_unit_test(keys__list_of_variables),
      cmocka_unit_test_setup_teardown(keys__v1_disagreement, set_up, tear_down),
      cmocka_unit_test(keys__v1_parts),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
