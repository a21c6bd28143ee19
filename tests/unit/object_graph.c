/* Saving objects: what is refused and says so, and what is derived, read back. What TensorFlow makes of the models:
 * interop/v2_tf.py; without memory: fault/objects_fault.c. */
#include "support/check.h"

#include <unistd.h>

#include <savedmodel/savedmodel.h>

#include "support/files.h"
#include "support/v2_objects.h"

static temp_dir dir;
static sm_error err;
static sm_object_graph *objects;
static v2_objects made;
static sm_graph *graph;
static sm_string graph_def;
static char path[4096];

static int set_up(void **state) {
  (void)state;
  dir = make_temp_dir();
  snprintf(path, sizeof path, "%s", path_in(dir.path, "model"));
  assert_ok(sm_object_graph_new(&objects, NULL, &err), err);
  assert_ok(make_v2_objects(&made, objects, NULL, &err), err);
  assert_ok(make_v2_graph(&graph, NULL, &err), err);
  assert_ok(sm_graph_get_def(&graph_def, graph, &err), err);
  return 0;
}

static int tear_down(void **state) {
  (void)state;
  sm_graph_free(graph);
  sm_object_graph_free(objects);
  remove_temp_dir(&dir);
  return 0;
}

/* The call fails so, and says that. */
static void assert_says(sm_status status, sm_status wanted, const char *text) {
  if (status != wanted || strstr(err.message, text) == NULL)
    fail_msg("%s \"%s\", not %s \"%s\"", sm_status_name(status), status != SM_OK ? err.message : "",
             sm_status_name(wanted), text);
}

static sm_status save(const sm_export_options *options) {
  sm_save_options no_sync = SM_SAVE_OPTIONS_INIT;
  no_sync.no_sync = true;
  return sm_object_graph_save(objects, path, options, &no_sync, &err);
}

/* ---- Objects ---- */

static void object_graph__names(void **state) {
  (void)state;
  int32_t list, tuple, dict;
  assert_says(sm_object_graph_add(NULL, objects, 0, "signatures", SM_CONTAINER_OBJECT, &err), SM_INVALID_ARGUMENT,
              "signatures");
  assert_says(sm_object_graph_add(NULL, objects, made.layer, "w", SM_CONTAINER_OBJECT, &err), SM_ALREADY_EXISTS,
              "layer: there is a child \"w\"");
  assert_says(sm_object_graph_add(NULL, objects, 99, "x", SM_CONTAINER_OBJECT, &err), SM_NOT_FOUND, "99");
  assert_says(sm_object_graph_add(NULL, objects, made.weight, "x", SM_CONTAINER_OBJECT, &err), SM_INVALID_ARGUMENT,
              "layer/w");
  assert_says(sm_object_graph_add(NULL, objects, 0, "", SM_CONTAINER_OBJECT, &err), SM_INVALID_ARGUMENT,
              "without a name");
  assert_says(sm_object_graph_add(NULL, objects, 0, "\xff", SM_CONTAINER_OBJECT, &err), SM_INVALID_ARGUMENT, "UTF-8");
  assert_ok(sm_object_graph_add(&list, objects, 0, "list", SM_CONTAINER_LIST, &err), err);
  assert_says(sm_object_graph_link(objects, list, "x", made.weight, &err), SM_INVALID_ARGUMENT, "next item is \"0\"");
  assert_ok(sm_object_graph_link(objects, list, "2", made.weight, &err), err);
  assert_says(sm_object_graph_link(objects, list, "1", made.weight, &err), SM_INVALID_ARGUMENT, "next item is \"3\"");
  assert_says(sm_object_graph_link(objects, list, "03", made.weight, &err), SM_INVALID_ARGUMENT, "not \"03\"");
  assert_ok(sm_object_graph_add(&tuple, objects, 0, "tuple", SM_CONTAINER_TUPLE, &err), err);
  assert_ok(sm_object_graph_link(objects, tuple, "0", made.weight, &err), err);
  assert_ok(sm_object_graph_link(objects, tuple, "field", made.weight, &err), err);
  assert_says(sm_object_graph_link(objects, tuple, "0", made.weight, &err), SM_INVALID_ARGUMENT, "next item is \"1\"");
  assert_says(sm_object_graph_link(objects, tuple, "", made.weight, &err), SM_INVALID_ARGUMENT, "without a name");
  assert_ok(sm_object_graph_add(&dict, objects, 0, "dict", SM_CONTAINER_DICT, &err), err);
  assert_ok(sm_object_graph_link(objects, dict, "", made.weight, &err), err);
}

static void object_graph__values(void **state) {
  (void)state;
  const int64_t unknown[] = {-1};
  const sm_tensor_view short_one = {.dtype = SM_DT_FLOAT, .rank = 1, .data = "1234", .size = 4, .dims = {2}};
  sm_variable_spec spec = {.dtype = SM_DT_FLOAT, .rank = 1, .dims = unknown};
  assert_says(sm_object_graph_add_variable(NULL, objects, made.layer, "v", &spec, &err), SM_INVALID_ARGUMENT,
              "layer/v");
  spec = (sm_variable_spec){.value = &short_one};
  assert_says(sm_object_graph_add_variable(NULL, objects, 0, "v", &spec, &err), SM_INVALID_ARGUMENT, "no tensor");
  spec = (sm_variable_spec){.dtype = SM_DT_FLOAT};
  assert_ok(sm_object_graph_add_variable(NULL, objects, made.layer, "v", &spec, &err), err);
  assert_says(save(NULL), SM_INVALID_ARGUMENT, "layer/v has no value");
  assert_int_not_equal(access(path, F_OK), 0);
}

/* A holder of a variable, to which nothing leads yet. */
static int32_t add_orphan(int32_t *variable) {
  static const float zero = 0;
  const sm_tensor_view value = {.dtype = SM_DT_FLOAT, .data = &zero, .size = sizeof zero};
  const sm_variable_spec spec = {.value = &value};
  int32_t holder;
  assert_ok(sm_object_graph_add(&holder, objects, SM_OBJECT_NONE, NULL, SM_CONTAINER_OBJECT, &err), err);
  assert_ok(sm_object_graph_add_variable(variable, objects, SM_OBJECT_NONE, NULL, &spec, &err), err);
  assert_ok(sm_object_graph_add_constant(NULL, objects, SM_OBJECT_NONE, NULL, &value, &err), err);
  assert_ok(sm_object_graph_link(objects, holder, "inner", *variable, &err), err);
  return holder;
}

/* Edges may come later than the objects. */
static void object_graph__orphans(void **state) {
  (void)state;
  const char *key;
  char text[64];
  int32_t variable, holder = add_orphan(&variable);
  assert_says(sm_object_graph_add(NULL, objects, -2, "x", SM_CONTAINER_OBJECT, &err), SM_NOT_FOUND, "-2");
  snprintf(text, sizeof text, "object %d: a child without a name", holder);
  assert_says(sm_object_graph_add(NULL, objects, holder, "", SM_CONTAINER_OBJECT, &err), SM_INVALID_ARGUMENT, text);
  assert_ok(sm_object_graph_link(objects, 0, "outer", holder, &err), err);
  assert_says(sm_object_graph_add(NULL, objects, variable, "x", SM_CONTAINER_OBJECT, &err), SM_INVALID_ARGUMENT,
              "outer/inner");
  assert_ok(save(NULL), err);
  assert_ok(sm_object_graph_get_key(&key, objects, variable, &err), err);
  assert_string_equal(key, "outer/inner/.ATTRIBUTES/VARIABLE_VALUE");
}

static void object_graph__variables_need_a_path(void **state) {
  (void)state;
  int32_t variable;
  add_orphan(&variable);
  assert_says(save(NULL), SM_INVALID_ARGUMENT, "variable inner: nothing leads to it");
  assert_int_not_equal(access(path, F_OK), 0);
}

/* ---- Functions ---- */

static sm_status add_function(const sm_trace *trace) {
  return sm_object_graph_add_function(NULL, objects, 0, "f", &(sm_traced_function){.traces = trace, .n_traces = 1},
                                      &err);
}

static const sm_function_tensor x = {.name = "x", .tensor = "x:0"}, y = {.name = "y", .tensor = "y:0"};

static void object_graph__functions(void **state) {
  (void)state;
  sm_function_capture captures[] = {{"w", made.weight}, {"c", made.constant}};
  sm_trace trace = {.graph_def = graph_def,
                    .inputs = &x,
                    .n_inputs = 1,
                    .outputs = &y,
                    .n_outputs = 1,
                    .captures = captures,
                    .n_captures = 1};
  assert_says(add_function(&trace), SM_INVALID_ARGUMENT, "c"); /* a Placeholder that is no input */
  trace.n_captures = 2;
  captures[1].object = made.layer;
  assert_says(add_function(&trace), SM_INVALID_ARGUMENT, "captures layer");
  captures[1].object = 99;
  assert_says(add_function(&trace), SM_NOT_FOUND, "99");
  captures[1].object = made.asset;
  assert_says(add_function(&trace), SM_INVALID_ARGUMENT, "f: "); /* a string for a float */
  captures[1].object = made.constant;
  const sm_function_tensor doubles = {.name = "x", .tensor = "x:0", .dtype = SM_DT_DOUBLE};
  trace.inputs = &doubles;
  assert_says(add_function(&trace), SM_INVALID_ARGUMENT, "f: ");
  trace.inputs = &x;
  assert_ok(add_function(&trace), err);
  const sm_trace absent = {.function = "__inference_g_7"};
  assert_says(add_function(&absent), SM_INVALID_ARGUMENT, "f: __inference_g_7: no library has");
}

/* ---- Signatures ---- */

static void object_graph__signatures(void **state) {
  (void)state;
  assert_says(sm_object_graph_set_signature(objects, "serving_default", made.function, 0, &err), SM_ALREADY_EXISTS,
              "serving_default");
  assert_says(sm_object_graph_set_signature(objects, SM_KEY_INIT_OP, made.function, 0, &err), SM_INVALID_ARGUMENT,
              "reserved");
  assert_says(sm_object_graph_set_signature(objects, "s", made.function, 1, &err), SM_NOT_FOUND, "layer/call");
  assert_says(sm_object_graph_set_signature(objects, "s", made.weight, 0, &err), SM_NOT_FOUND, "layer/w");
}

/* Two arguments that servers would call the same. */
static void object_graph__names_that_clash(void **state) {
  (void)state;
  const sm_structured specs[] = {{.kind = SM_STRUCTURED_TENSOR_SPEC, .text = "x"},
                                 {.kind = SM_STRUCTURED_TENSOR_SPEC, .text = "x"}};
  const sm_structured args[] = {{.kind = SM_STRUCTURED_TUPLE, .n_items = 2, .items = specs},
                                {.kind = SM_STRUCTURED_DICT}};
  const sm_structured structure = {.kind = SM_STRUCTURED_TUPLE, .n_items = 2, .items = args};
  const sm_trace trace = {.function = "__inference_sum_40", .input_structure = &structure};
  sm_graph *inner;
  int32_t number;
  static const char sum[] = /* x1 + x2, as TensorFlow writes it: FunctionDef of proto/function.proto */
      "\x0a\x2b\x0a\x12__inference_sum_40\x12\x06\x0a\x02x1\x18\x01\x12\x06\x0a\x02x2\x18\x01\x1a\x05\x0a\x01z\x18\x01"
      "\x1a\x1b\x0a\x01s\x12\x05"
      "AddV2\x1a\x02x1\x1a\x02x2*\x07\x0a\x01T\x12\x02\x30\x01"
      "\x22\x0a\x0a\x01z\x12\x05s:z:0";
  assert_ok(sm_graph_new(&inner, NULL, &err), err);
  assert_ok(sm_graph_add_function(inner, (sm_string){sum, sizeof sum - 1}, &err), err);
  sm_string library;
  assert_ok(sm_graph_get_def(&library, inner, &err), err);
  assert_ok(sm_object_graph_add_library(objects, library, &err), err);
  sm_graph_free(inner);
  assert_ok(sm_object_graph_add_function(&number, objects, 0, "sum",
                                         &(sm_traced_function){.traces = &trace, .n_traces = 1}, &err),
            err);
  assert_ok(sm_object_graph_set_signature(objects, "twice", number, 0, &err), err);
  assert_says(save(NULL), SM_INVALID_ARGUMENT, "signature twice: sum: arguments x and x_1");
}

static void keep_note(void *ctx, const char *what) { *(const char **)ctx = what; }

/* Without signatures that were set: the only function with an input signature, which the root has to have. */
static void object_graph__chosen_signature(void **state) {
  (void)state;
  const char *note = NULL;
  sm_export_options options = SM_EXPORT_OPTIONS_INIT;
  options.note = keep_note;
  options.note_ctx = &note;
  sm_object_graph *other;
  assert_ok(sm_object_graph_new(&other, NULL, &err), err);
  assert_ok(sm_object_graph_save(other, path, &options, NULL, &err), err);
  sm_object_graph_free(other);
  assert_non_null(note);
  assert_non_null(strstr(note, "no signatures"));
}

/* ---- Options ---- */

static void object_graph__options(void **state) {
  (void)state;
  sm_variable_policy policy;
  assert_ok(sm_variable_policy_parse(&policy, "Save_Variable_DEVICES", &err), err);
  assert_int_equal(policy, SM_VARIABLE_POLICY_SAVE_VARIABLE_DEVICES);
  assert_ok(sm_variable_policy_parse(&policy, NULL, &err), err);
  assert_int_equal(policy, SM_VARIABLE_POLICY_NONE);
  assert_says(sm_variable_policy_parse(&policy, "save", &err), SM_INVALID_ARGUMENT, "expand_distributed_variables");
  sm_export_options options = SM_EXPORT_OPTIONS_INIT;
  options.image_format = true;
  assert_says(save(&options), SM_UNIMPLEMENTED, "image_format");
  options.struct_size = 0;
  assert_says(save(&options), SM_INVALID_ARGUMENT, "SM_EXPORT_OPTIONS_INIT");
}

/* ---- What is derived ---- */

/* What was saved would not have it. */
static void assert_nothing_changes(void) {
  const sm_user_object user = {.identifier = "optimizer"};
  const float one = 1;
  const sm_tensor_view view = {.dtype = SM_DT_FLOAT, .data = &one, .size = sizeof one};
  const sm_string none = {"", 0};
  const sm_status all[] = {sm_object_graph_link(objects, SM_OBJECT_ROOT, "again", made.weight, NULL),
                           sm_object_graph_set_user_object(objects, made.layer, &user, NULL),
                           sm_object_graph_set_registered_name(objects, made.layer, "p>C", NULL),
                           sm_object_graph_set_user_proto(objects, made.layer, "t", none, NULL),
                           sm_object_graph_set_signature(objects, "late", made.function, 0, NULL),
                           sm_object_graph_set_signature_default(objects, "serving_default", "x", &view, NULL),
                           sm_object_graph_add_library(objects, none, NULL),
                           sm_object_graph_add_op_list(objects, none, NULL)};
  for (size_t i = 0; i < sizeof all / sizeof *all; i++) assert_int_equal(all[i], SM_FAILED_PRECONDITION);
}

static void object_graph__is_read_back(void **state) {
  (void)state;
  sm_model *model;
  const sm_trackable *root, *node;
  const char *key;
  assert_says(sm_object_graph_get_key(&key, objects, made.weight, &err), SM_FAILED_PRECONDITION, "attached");
  assert_ok(save(NULL), err);
  assert_says(save(NULL), SM_FAILED_PRECONDITION, "saved already");
  assert_nothing_changes();
  assert_ok(sm_object_graph_get_key(&key, objects, made.weight, &err), err);
  assert_string_equal(key, "layer/w/.ATTRIBUTES/VARIABLE_VALUE");
  assert_ok(sm_model_open(&model, path, NULL, &err), err);
  assert_ok(sm_model_verify(model, NULL, NULL, &err), err);
  assert_ok(sm_meta_graph_get_root(&root, sm_model_get_meta_graph(model, 0), &err), err);
  assert_ok(sm_trackable_find(&node, root, "layer/w", &err), err);
  assert_ok(sm_trackable_get_key(&key, node, NULL, &err), err);
  assert_string_equal(key, "layer/w/.ATTRIBUTES/VARIABLE_VALUE");
  const sm_concrete_function *function;
  assert_ok(sm_trackable_find(&node, root, "signatures/serving_default", &err), err);
  assert_ok(sm_trackable_get_function(&function, node, 0, &err), err);
  assert_int_equal(function->n_captures, 2);
  sm_model_close(model);
}

/* TensorFlow makes scopes of the names of variables when it saves a model again. */
static void object_graph__name_of_a_variable(void **state) {
  (void)state;
  static const float one = 1;
  const sm_tensor_view view = {.dtype = SM_DT_FLOAT, .data = &one, .size = sizeof one};
  sm_model *model;
  const sm_trackable *root, *node;
  const sm_object *info;
  assert_ok(sm_object_graph_add_variable(NULL, objects, made.layer, "gr\xc3\xb6sse",
                                         &(sm_variable_spec){.value = &view}, &err),
            err);
  assert_ok(save(NULL), err);
  assert_ok(sm_model_open(&model, path, NULL, &err), err);
  assert_ok(sm_meta_graph_get_root(&root, sm_model_get_meta_graph(model, 0), &err), err);
  assert_ok(sm_trackable_find(&node, root, "layer/gr\xc3\xb6sse", &err), err);
  assert_ok(sm_trackable_get_info(&info, node, &err), err);
  assert_string_equal(info->variable->name, "layer/gr__sse");
  sm_model_close(model);
}

/* Libraries may have functions that the model does not need. */
static void object_graph__no_function_that_nothing_calls(void **state) {
  (void)state;
  static const char unused[] = /* FunctionDef of proto/function.proto: no arguments, one node */
      "\x0a\x17\x0a\x15__inference_unused_99\x1a\x0a\x0a\x02no\x12\x04NoOp";
  const sm_graph_summary *summary;
  sm_graph *library;
  sm_string def;
  sm_model *model;
  assert_ok(sm_graph_new(&library, NULL, &err), err);
  assert_ok(sm_graph_add_function(library, (sm_string){unused, sizeof unused - 1}, &err), err);
  assert_ok(sm_graph_get_def(&def, library, &err), err);
  assert_ok(sm_object_graph_add_library(objects, def, &err), err);
  assert_ok(save(NULL), err);
  assert_ok(sm_model_open(&model, path, NULL, &err), err);
  assert_ok(sm_meta_graph_get_graph_summary(&summary, sm_model_get_meta_graph(model, 0), &err), err);
  assert_int_not_equal(summary->n_functions, 0);
  for (size_t i = 0; i < summary->n_functions; i++)
    assert_false(summary->functions[i].size == strlen("__inference_unused_99") &&
                 memcmp(summary->functions[i].data, "__inference_unused_99", summary->functions[i].size) == 0);
  sm_model_close(model);
  sm_graph_free(library);
}

#define CASE(name) cmocka_unit_test_setup_teardown(object_graph__##name, set_up, tear_down)

int main(void) {
  const struct CMUnitTest tests[] = {
      CASE(names),
      CASE(no_function_that_nothing_calls),
      CASE(values),
      CASE(orphans),
      CASE(variables_need_a_path),
      CASE(functions),
      CASE(signatures),
      CASE(options),
      CASE(names_that_clash),
      CASE(chosen_signature),
      CASE(is_read_back),
      CASE(name_of_a_variable),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
