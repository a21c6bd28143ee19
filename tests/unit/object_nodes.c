/* Nodes of all kinds in a model that is saved: how they are numbered and what is recorded of them, read back; what does not
 * fit is refused, and nothing is written. What TensorFlow makes of them: interop/v2_tf.py. */
#include "support/check.h"

#include <unistd.h>

#include <savedmodel/savedmodel.h>

#include "support/files.h"
#include "support/v2_objects.h"

static temp_dir dir;
static sm_error err;
static sm_object_graph *objects;
static v2_objects made;
static v2_nodes nodes;
static char path[4096];

static int set_up(void **state) {
  (void)state;
  dir = make_temp_dir();
  snprintf(path, sizeof path, "%s", path_in(dir.path, "model"));
  assert_ok(sm_object_graph_new(&objects, NULL, &err), err);
  assert_ok(make_v2_objects(&made, objects, NULL, &err), err);
  return 0;
}

static int tear_down(void **state) {
  (void)state;
  sm_object_graph_free(objects);
  remove_temp_dir(&dir);
  return 0;
}

static void add_nodes(void) { assert_ok(add_v2_nodes(&nodes, objects, &made, NULL, &err), err); }

/* The call fails so, and says that. */
static void assert_says(sm_status status, sm_status wanted, const char *text) {
  if (status != wanted || strstr(err.message, text) == NULL)
    fail_msg("%s \"%s\", not %s \"%s\"", sm_status_name(status), status != SM_OK ? err.message : "",
             sm_status_name(wanted), text);
}

static sm_status save(void) {
  sm_save_options no_sync = SM_SAVE_OPTIONS_INIT;
  no_sync.no_sync = true;
  return sm_object_graph_save(objects, path, NULL, &no_sync, &err);
}

static void assert_refused(const char *text) {
  assert_says(save(), SM_INVALID_ARGUMENT, text);
  assert_int_not_equal(access(path, F_OK), 0);
}

/* ---- Read back ---- */

static const sm_meta_graph *open_saved(sm_model **model) {
  assert_ok(save(), err);
  assert_ok(sm_model_open(model, path, NULL, &err), err);
  assert_ok(sm_model_verify(*model, NULL, NULL, &err), err);
  return sm_model_get_meta_graph(*model, 0);
}

static const sm_object *info_at(const sm_meta_graph *graph, int64_t id) {
  const sm_trackable *node;
  const sm_object *info;
  assert_ok(sm_meta_graph_get_object(&node, graph, id, &err), err);
  assert_ok(sm_trackable_get_info(&info, node, &err), err);
  return info;
}

static const sm_trackable *find(const sm_meta_graph *graph, const char *name) {
  const sm_trackable *root, *node;
  assert_ok(sm_meta_graph_get_root(&root, graph, &err), err);
  assert_ok(sm_trackable_find(&node, root, name, &err), err);
  return node;
}

/* Breadth first over children; slot variables; functions that save; tensors inside functions. formats.md: the order of
 * python/saved_model/save.py, _SaveableView. */
static void object_nodes__order(void **state) {
  (void)state;
  static const char *const paths[] = {/* of the root */ "",
                                      "layer",
                                      "optimizer",
                                      "lines",
                                      "table",
                                      "mutable",
                                      "resource",
                                      "concrete",
                                      "teller",
                                      "signatures",
                                      /* of these */ "layer/w",
                                      "layer/c",
                                      "layer/call",
                                      "table/_create_resource",
                                      "table/_initialize",
                                      "table/_destroy_resource",
                                      "mutable/_create_resource",
                                      "mutable/_initialize",
                                      "mutable/_destroy_resource",
                                      "resource/_create_resource",
                                      "resource/_initialize",
                                      "signatures/serving_default",
                                      /* of those */ "layer/call/trace_0",
                                      "table/_create_resource/trace_0"};
  sm_model *model;
  const char *found;
  const sm_trackable *node;
  add_nodes();
  const sm_meta_graph *graph = open_saved(&model);
  for (size_t i = 0; i < N_OF(paths); i++) {
    assert_ok(sm_meta_graph_get_object(&node, graph, (int64_t)i, &err), err);
    assert_ok(sm_trackable_get_path(&found, node, &err), err);
    assert_string_equal(found, paths[i]);
  }
  size_t n;
  assert_ok(sm_meta_graph_n_objects(&n, graph, &err), err);
  enum { TRACES = 9, SLOTS = 1, SAVERS = 4, INSIDE = 1 };
  size_t first_slot = 22 + TRACES;
  assert_number("objects", n, first_slot + SLOTS + SAVERS + INSIDE);
  assert_int_equal(info_at(graph, (int64_t)first_slot)->kind, SM_OBJECT_VARIABLE);
  for (size_t i = 0; i < SAVERS; i++)
    assert_int_equal(info_at(graph, (int64_t)(first_slot + SLOTS + i))->kind, SM_OBJECT_BARE_CONCRETE_FUNCTION);
  assert_int_equal(info_at(graph, (int64_t)n - 1)->kind, SM_OBJECT_CAPTURED_TENSOR);
  sm_model_close(model);
}

static void object_nodes__resource(void **state) {
  (void)state;
  sm_model *model;
  const sm_object *info;
  const sm_concrete_function *function;
  const char *key;
  add_nodes();
  const sm_meta_graph *graph = open_saved(&model);
  const sm_trackable *table = find(graph, "resource");
  assert_ok(sm_trackable_get_info(&info, table, &err), err);
  assert_string_equal(info->device, "/device:CPU:0");
  assert_number("saveables", info->n_saveables, 1);
  assert_string_equal(info->saveables[0].name, ".TENSORS");
  assert_number("restore", (size_t)info->saveables[0].restore_function, (size_t)info->saveables[0].save_function + 1);
  const sm_trackable *save_node;
  assert_ok(sm_meta_graph_get_object(&save_node, graph, info->saveables[0].save_function, &err), err);
  assert_ok(sm_trackable_get_function(&function, save_node, 0, &err), err);
  assert_number("captures", function->n_captures, 1);
  assert_int_equal(function->captures[0], sm_trackable_get_id(table));
  assert_ok(sm_trackable_get_key(&key, table, "values", &err), err);
  assert_string_equal(key, "resource/.ATTRIBUTES/values");
  sm_model_close(model);
}

static void object_nodes__edges(void **state) {
  (void)state;
  sm_model *model;
  const sm_object *info;
  add_nodes();
  const sm_meta_graph *graph = open_saved(&model);
  const sm_trackable *constant = find(graph, "layer/c"), *concrete = find(graph, "concrete");
  assert_ptr_equal(find(graph, "concrete/capture_1"), constant); /* capture 0 is the variable, which is no child */
  assert_number("children", sm_trackable_n_children(concrete), 1);
  assert_ok(sm_trackable_get_info(&info, concrete, &err), err);
  assert_number("dependencies", info->n_dependencies, 1);
  assert_string_equal(info->dependencies[0].name, "capture_1");
  assert_int_equal(info->dependencies[0].id, sm_trackable_get_id(constant));
  assert_ok(sm_trackable_get_info(&info, find(graph, "layer/call"), &err), err);
  assert_number("dependencies", info->n_dependencies, 1);
  assert_string_equal(info->dependencies[0].name, "trace_0");
  assert_ok(sm_trackable_get_info(&info, find(graph, "layer"), &err), err);
  assert_number("dependencies", info->n_dependencies, 0);
  sm_model_close(model);
}

/* One optimizer's class makes slot variables; the other's are in the checkpoint alone. */
static void object_nodes__optimizer(void **state) {
  (void)state;
  sm_model *model;
  const sm_object *info;
  const char *key;
  add_nodes();
  const sm_meta_graph *graph = open_saved(&model);
  assert_ok(sm_trackable_get_info(&info, find(graph, "teller"), &err), err);
  assert_string_equal(info->user_object->identifier, "tf_deprecated_optimizer");
  assert_string_equal(info->user_object->metadata, "{}");
  assert_int_equal(info->user_object->producer, 2);
  assert_int_equal(info->user_object->min_consumer, 1);
  assert_number("bad consumers", info->user_object->n_bad_consumers, 2);
  assert_int_equal(info->user_object->bad_consumers[1], 8);
  assert_string_equal(info->user_proto_type, "type.googleapis.com/a.B");
  assert_number("user proto", info->user_proto.size, 2);
  assert_number("slots", info->n_slot_variables, 1);
  assert_string_equal(info->slot_variables[0].name, "m");
  assert_int_equal(info->slot_variables[0].variable, sm_trackable_get_id(find(graph, "layer/w")));
  assert_ok(sm_object_graph_get_key(&key, objects, nodes.slot, &err), err);
  assert_string_equal(key, "layer/w/.OPTIMIZER_SLOT/teller/m/.ATTRIBUTES/VARIABLE_VALUE");
  assert_ok(sm_trackable_get_info(&info, find(graph, "optimizer"), &err), err);
  assert_number("slots", info->n_slot_variables, 0);
  sm_model_close(model);
}

/* Tensors of two saveables in turns: each attribute is said once. */
static void object_nodes__tensors_in_turns(void **state) {
  (void)state;
  enum { SAVE = 4, RESTORE = 5 }; /* a mutable table's functions follow it: those that make it, then these */
  static const char *const names[] = {"a", "b"}, *const suffixes[] = {"-keys", "-values"};
  const sm_lookup_table spec = {.key_dtype = SM_DT_INT64, .value_dtype = SM_DT_INT64, .is_mutable = true};
  const sm_tensor_view none = {.dtype = SM_DT_INT64, .rank = 1, .dims = {0}};
  sm_model *model;
  const sm_bundle_reader *variables;
  sm_tensor *bytes;
  sm_trackable_graph *graph;
  sm_saved_object_info info;
  int32_t thing, table;
  assert_ok(sm_object_graph_add(&thing, objects, 0, "thing", SM_CONTAINER_OBJECT, &err), err);
  for (size_t i = 0; i < 2; i++) {
    assert_ok(sm_object_graph_add_table(&table, objects, 0, names[i], &spec, &err), err);
    assert_ok(sm_object_graph_add_saveable(objects, thing, names[i], table + SAVE, table + RESTORE, &err), err);
  }
  for (size_t i = 0; i < 4; i++)
    assert_ok(sm_object_graph_add_saved_tensor(objects, thing, names[i % 2], suffixes[i / 2], &none, &err), err);
  (void)open_saved(&model);
  assert_ok(sm_model_get_variables(&variables, model, &err), err);
  assert_ok(sm_bundle_reader_read_tensor(&bytes, variables, "_CHECKPOINTABLE_OBJECT_GRAPH", NULL, &err), err);
  assert_ok(sm_trackable_graph_read(&graph, *(const sm_string *)sm_tensor_get_view(bytes)->data, NULL, &err), err);
  size_t n_values = 0;
  for (size_t i = 0; i < sm_trackable_graph_n_objects(graph); i++) {
    const char *where;
    assert_ok(sm_trackable_graph_get_object(&info, graph, i, &err), err);
    bool has_path = sm_trackable_graph_get_path(&where, graph, i, &err) == SM_OK; /* functions alone have none */
    if (has_path && strcmp(where, "thing") == 0) n_values += info.n_values;
  }
  assert_number("values", n_values, 2);
  sm_trackable_graph_free(graph);
  sm_tensor_free(bytes);
  sm_model_close(model);
}

static void object_nodes__tensor_inside(void **state) {
  (void)state;
  sm_model *model;
  const sm_concrete_function *function;
  add_nodes();
  const sm_meta_graph *graph = open_saved(&model);
  assert_ok(sm_meta_graph_find_concrete_function(&function, graph, "__inference_sum_40", &err), err);
  assert_number("captures", function->n_captures, 1);
  const sm_object *info = info_at(graph, function->captures[0]);
  assert_int_equal(info->kind, SM_OBJECT_CAPTURED_TENSOR);
  assert_string_equal(info->name, "s:0");
  assert_string_equal(info->function, "__inference_sum_40");
  sm_model_close(model);
}

/* ---- What does not fit ---- */

static void object_nodes__resources_that_cannot_be_made(void **state) {
  (void)state;
  int32_t number;
  assert_ok(sm_object_graph_add_resource(&number, objects, 0, "none", NULL, &err), err);
  assert_refused("none: a resource has a function \"_create_resource\"");
}

static void object_nodes__makers_that_return_something_else(void **state) {
  (void)state;
  int32_t number;
  assert_ok(sm_object_graph_add_resource(&number, objects, 0, "odd", NULL, &err), err);
  assert_ok(sm_object_graph_link(objects, number, "_create_resource", made.function, &err), err);
  assert_refused("odd: ");
}

static void object_nodes__saveables(void **state) {
  (void)state;
  const float one = 1;
  const sm_tensor_view view = {.dtype = SM_DT_FLOAT, .data = &one, .size = sizeof one};
  const sm_tensor_view short_one = {.dtype = SM_DT_FLOAT, .rank = 1, .data = &one, .size = 1, .dims = {1}};
  add_nodes();
  assert_says(sm_object_graph_add_saveable(objects, nodes.table, ".TENSORS", nodes.save, nodes.restore, &err),
              SM_ALREADY_EXISTS, "resource: there is a saveable \".TENSORS\"");
  assert_says(sm_object_graph_add_saveable(objects, nodes.table, "s", made.function, nodes.restore, &err),
              SM_INVALID_ARGUMENT, "no concrete function, but layer/call");
  assert_says(sm_object_graph_add_saveable(objects, nodes.table, "s", nodes.save, 99, &err), SM_NOT_FOUND, "99");
  assert_says(sm_object_graph_add_saveable(objects, made.weight, "s", nodes.save, nodes.restore, &err),
              SM_INVALID_ARGUMENT, "layer/w");
  assert_says(sm_object_graph_add_saved_tensor(objects, nodes.table, "keys", "", &view, &err), SM_ALREADY_EXISTS,
              "\"keys\"");
  assert_says(sm_object_graph_add_saved_tensor(objects, nodes.table, "ke", "ys", &view, &err), SM_ALREADY_EXISTS,
              "\"keys\""); /* one key, and one item of the dict */
  assert_says(sm_object_graph_add_saved_tensor(objects, nodes.table, "", "x", &view, &err), SM_INVALID_ARGUMENT,
              "without attribute");
  assert_says(sm_object_graph_add_saved_tensor(objects, nodes.table, "x", NULL, &short_one, &err), SM_INVALID_ARGUMENT,
              "no tensor");
  assert_ok(sm_object_graph_add_saved_tensor(objects, nodes.table, "third", "-x", &view, &err), err);
  assert_refused("resource: saved tensor \"third-x\", float32, is not what");
}

static void object_nodes__tensors_that_are_saved_twice(void **state) {
  (void)state;
  enum { SAVE = 4, RESTORE = 5 }; /* a mutable table's functions follow it: those that make it, then these */
  const sm_lookup_table spec = {.key_dtype = SM_DT_INT64, .value_dtype = SM_DT_INT64, .is_mutable = true};
  int32_t table;
  add_nodes();
  assert_ok(sm_object_graph_add_table(&table, objects, 0, "t", &spec, &err), err);
  assert_ok(sm_object_graph_add_saveable(objects, nodes.table, "keys", table + SAVE, table + RESTORE, &err), err);
  assert_refused("resource: \".TENSORS\" and \"keys\" both save tensor \"keys\"");
}

static void object_nodes__tensors_that_nothing_saves(void **state) {
  (void)state;
  const float one = 1;
  const sm_tensor_view view = {.dtype = SM_DT_FLOAT, .data = &one, .size = sizeof one};
  assert_ok(sm_object_graph_add_saved_tensor(objects, made.layer, "a", NULL, &view, &err), err);
  assert_refused("layer: no function saves tensor \"a\"");
}

/* Functions that save two tensors, and an object that has none. */
static void object_nodes__tensors_that_are_missing(void **state) {
  (void)state;
  add_nodes();
  assert_ok(sm_object_graph_add_saveable(objects, made.layer, ".TENSORS", nodes.save, nodes.restore, &err), err);
  assert_refused("layer: \".TENSORS\" has 0 saved tensors; ");
}

static void object_nodes__tensors_inside(void **state) {
  (void)state;
  int32_t number;
  add_nodes();
  assert_says(sm_object_graph_add_captured_tensor(&number, objects, "__inference_none_1", "s:0", &err),
              SM_INVALID_ARGUMENT, "there is no function __inference_none_1");
  assert_says(sm_object_graph_add_captured_tensor(&number, objects, "__inference_sum_40", "t:0", &err),
              SM_INVALID_ARGUMENT, "tensor t:0: function __inference_sum_40 has none");
  assert_says(sm_object_graph_add_captured_tensor(&number, objects, "__inference_sum_40", "s", &err),
              SM_INVALID_ARGUMENT, "tensor s: ");
  assert_ok(sm_object_graph_add_captured_tensor(&number, objects, "__inference_sum_40", "x1:0", &err), err);
}

static void object_nodes__calls(void **state) {
  (void)state;
  static const char *const keywords[] = {"a", "b"};
  const sm_function_capture capture = {.object = made.weight};
  sm_bare_function function = {
      .trace = {.function = "__inference_sum_40"}, .argument_keywords = keywords, .n_argument_keywords = 1};
  add_nodes();
  assert_says(sm_object_graph_add_concrete_function(NULL, objects, 0, "f", &function, &err), SM_INVALID_ARGUMENT,
              "1 keywords for 2 arguments");
  function.n_argument_keywords = 2;
  function.allowed_positional_arguments = 3;
  assert_says(sm_object_graph_add_concrete_function(NULL, objects, 0, "f", &function, &err), SM_INVALID_ARGUMENT,
              "f: __inference_sum_40: 3 arguments may go without");
  function.trace.captures = &capture;
  function.trace.n_captures = 1;
  assert_says(sm_object_graph_add_concrete_function(NULL, objects, 0, "f", &function, &err), SM_INVALID_ARGUMENT,
              "layer/w is captured for it");
}

/* The other one captures a tensor for an argument that is an input here. */
static void object_nodes__one_function_two_ways(void **state) {
  (void)state;
  const sm_bare_function function = {.trace = {.function = "__inference_sum_40"}};
  add_nodes();
  assert_ok(sm_object_graph_add_concrete_function(NULL, objects, 0, "f", &function, &err), err);
  assert_refused("__inference_sum_40");
}

static void object_nodes__classes(void **state) {
  (void)state;
  sm_user_object user = {.identifier = "x"};
  assert_says(sm_object_graph_set_user_object(objects, made.weight, &user, &err), SM_INVALID_ARGUMENT, "layer/w");
  user.identifier = "";
  assert_says(sm_object_graph_set_user_object(objects, made.layer, &user, &err), SM_INVALID_ARGUMENT,
              "layer: a class without identifier");
  assert_says(sm_object_graph_set_user_object(objects, 99, &user, &err), SM_NOT_FOUND, "99");
}

/* ---- Shapes of variables ---- */

static void object_nodes__open_shapes(void **state) {
  (void)state;
  static const float values[] = {1, 2};
  const int64_t unknown[] = {-1}, three[] = {3};
  const sm_tensor_view view = {.dtype = SM_DT_FLOAT, .rank = 1, .data = values, .size = sizeof values, .dims = {2}};
  sm_variable_spec spec = {.value = &view, .rank = 1, .dims = three, .has_own_shape = true};
  assert_says(sm_object_graph_add_variable(NULL, objects, 0, "v", &spec, &err), SM_INVALID_ARGUMENT,
              "v: a variable with a value of another shape");
  spec.dims = unknown;
  assert_ok(sm_object_graph_add_variable(NULL, objects, 0, "v", &spec, &err), err);
  spec.rank = -1;
  assert_ok(sm_object_graph_add_variable(NULL, objects, 0, "any", &spec, &err), err);
  spec.rank = -2;
  assert_says(sm_object_graph_add_variable(NULL, objects, 0, "w", &spec, &err), SM_INVALID_ARGUMENT, "w: ");
  sm_model *model;
  const sm_object *info;
  const sm_meta_graph *graph = open_saved(&model);
  assert_ok(sm_trackable_get_info(&info, find(graph, "v"), &err), err);
  assert_int_equal(info->variable->rank, 1);
  assert_int_equal(info->variable->dims[0], -1);
  assert_ok(sm_trackable_get_info(&info, find(graph, "any"), &err), err);
  assert_int_equal(info->variable->rank, -1);
  sm_model_close(model);
}

/* ---- What nothing leads to ---- */

static void object_nodes__captured_alone(void **state) {
  (void)state;
  const float one = 1;
  const sm_tensor_view view = {.dtype = SM_DT_FLOAT, .data = &one, .size = sizeof one};
  sm_function_capture capture = {.node = NULL};
  const sm_bare_function function = {
      .trace = {.function = "__inference_sum_40", .captures = &capture, .n_captures = 1}};
  int32_t number;
  add_nodes();
  assert_ok(sm_object_graph_add_constant(&capture.object, objects, SM_OBJECT_NONE, NULL, &view, &err), err);
  assert_ok(sm_object_graph_add_concrete_function(&number, objects, SM_OBJECT_NONE, NULL, &function, &err), err);
  assert_refused("to which nothing leads");
}

#define CASE(name) cmocka_unit_test_setup_teardown(object_nodes__##name, set_up, tear_down)

int main(void) {
  const struct CMUnitTest tests[] = {
      CASE(order),
      CASE(resource),
      CASE(edges),
      CASE(optimizer),
      CASE(tensors_in_turns),
      CASE(tensor_inside),
      CASE(resources_that_cannot_be_made),
      CASE(makers_that_return_something_else),
      CASE(saveables),
      CASE(tensors_that_are_saved_twice),
      CASE(tensors_that_nothing_saves),
      CASE(tensors_that_are_missing),
      CASE(tensors_inside),
      CASE(calls),
      CASE(one_function_two_ways),
      CASE(classes),
      CASE(open_shapes),
      CASE(captured_alone),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
