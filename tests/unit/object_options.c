/* What the options of a save change in the model, read back. Against TensorFlow: interop/options_tf.py. */
#define _DEFAULT_SOURCE /* MAP_ANONYMOUS */

#include "support/check.h"

#include <stdlib.h>
#include <sys/mman.h>
#include <unistd.h>

#include <savedmodel/pb/graph.pb-c.h>
#include <savedmodel/proto.h>
#include <savedmodel/savedmodel.h>

#include "support/fault_alloc.h"
#include "support/files.h"
#include "support/v2_objects.h"
#include "wire/text.h"

static temp_dir dir;
static sm_error err;
static sm_object_graph *objects;
static sm_export_options options;
static sm_model *model;
static v2_objects made;
static char note[256];

static void keep_note(void *ctx, const char *what) {
  (void)ctx;
  snprintf(note, sizeof note, "%s", what);
}

static int set_up(void **state) {
  (void)state;
  dir = make_temp_dir();
  model = NULL;
  *note = '\0';
  options = (sm_export_options)SM_EXPORT_OPTIONS_INIT;
  options.note = keep_note;
  assert_ok(sm_object_graph_new(&objects, NULL, &err), err);
  return 0;
}

static int tear_down(void **state) {
  (void)state;
  sm_model_close(model);
  sm_object_graph_free(objects);
  remove_temp_dir(&dir);
  return 0;
}

static sm_status save(void) {
  sm_save_options no_sync = SM_SAVE_OPTIONS_INIT;
  no_sync.no_sync = true;
  return sm_object_graph_save(objects, path_in(dir.path, "model"), &options, &no_sync, &err);
}

static const sm_meta_graph *save_and_open(void) {
  assert_ok(save(), err);
  assert_ok(sm_model_open(&model, path_in(dir.path, "model"), NULL, &err), err);
  assert_ok(sm_model_verify(model, NULL, NULL, &err), err);
  return sm_model_get_meta_graph(model, 0);
}

static void make_objects(void) { assert_ok(make_v2_objects(&made, objects, NULL, &err), err); }

/* Text of a message as bytes, to fn. */
static void with_bytes(const ProtobufCMessageDescriptor *type, const char *text,
                       sm_status (*fn)(sm_object_graph *, sm_string, sm_error *)) {
  sm_fault_alloc memory;
  sm_buffer bytes;
  sm_fault_alloc_init(&memory, UINT64_MAX);
  sm_buffer_init(&bytes, &memory.base, UINT64_MAX);
  assert_ok(sm_text_read(&bytes, type, sm_string_of(text), &err), err);
  assert_ok(fn(objects, (sm_string){(const char *)bytes.data, bytes.size}, &err), err);
  sm_buffer_free(&bytes);
  sm_fault_alloc_destroy(&memory);
}

static void add_library(const char *text) {
  with_bytes(&tensorflow__graph_def__descriptor, text, sm_object_graph_add_library);
}

static int32_t add_function(const char *name, const char *function, bool is_fixed) {
  int32_t number;
  const sm_trace trace = {.function = function};
  const sm_traced_function traced = {.traces = &trace, .n_traces = 1, .is_fixed = is_fixed};
  assert_ok(sm_object_graph_add_function(&number, objects, SM_OBJECT_ROOT, name, &traced, &err), err);
  return number;
}

/* f(x) -> y = x below the root, from a library of its own. */
static void add_identity(const char *name, const char *function, bool is_fixed, bool has_result) {
  char text[1024];
  snprintf(text, sizeof text,
           "library { function { signature { name: '%s' input_arg { name: 'x' type: DT_FLOAT } %s } %s } }", function,
           has_result ? "output_arg { name: 'y' type: DT_FLOAT }" : "",
           has_result ? "ret { key: 'y' value: 'x' }" : "");
  add_library(text);
  add_function(name, function, is_fixed);
}

static const Tensorflow__MetaGraphDef *proto_of(const sm_meta_graph *graph) {
  const Tensorflow__MetaGraphDef *proto;
  assert_ok(sm_meta_graph_get_proto(&proto, graph, &err), err);
  return proto;
}

static const Tensorflow__FunctionDef *find_def(const Tensorflow__MetaGraphDef *graph, const char *begin) {
  const Tensorflow__FunctionDefLibrary *library = graph->graph_def->library;
  for (size_t i = 0; i < library->n_function; i++)
    if (strncmp(library->function[i]->signature->name, begin, strlen(begin)) == 0) return library->function[i];
  fail_msg("no function %s", begin);
  return NULL;
}

static const Tensorflow__AttrValue *find_attr(const Tensorflow__NodeDef *node, const char *key) {
  for (size_t i = 0; i < node->n_attr; i++)
    if (strcmp(node->attr[i]->key, key) == 0) return node->attr[i]->value;
  return NULL;
}

/* ---- Tags, aliases, devices, saver ---- */

static void object_options__tags(void **state) {
  (void)state;
  options.extra_tags = (const char *[]){"b", "a"};
  options.n_extra_tags = 2;
  const sm_meta_graph *graph = save_and_open();
  assert_number("tags", sm_meta_graph_n_tags(graph), 3);
  assert_string_equal(sm_meta_graph_get_tag(graph, 0), "serve");
  assert_string_equal(sm_meta_graph_get_tag(graph, 1), "b");
  assert_string_equal(sm_meta_graph_get_tag(graph, 2), "a");
}

/* One for each trace; none for a function without. */
static void object_options__aliases(void **state) {
  (void)state;
  const sm_meta_info *info;
  int32_t untraced;
  make_objects();
  const sm_traced_function none = {.n_traces = 0};
  assert_ok(sm_object_graph_add_function(&untraced, objects, SM_OBJECT_ROOT, "g", &none, &err), err);
  const sm_function_alias_spec aliases[] = {{"nothing", untraced}, {"scaled", made.function}};
  options.function_aliases = aliases;
  options.n_function_aliases = 2;
  assert_ok(sm_meta_graph_get_info(&info, save_and_open(), &err), err);
  assert_number("aliases", info->n_function_aliases, 1);
  assert_string_equal(info->function_aliases[0].alias, "scaled");
  assert_non_null(strstr(info->function_aliases[0].function, "__inference_call_"));
}

static void object_options__aliases_of_other_things(void **state) {
  (void)state;
  make_objects();
  const sm_function_alias_spec alias = {"w", made.weight};
  options.function_aliases = &alias;
  options.n_function_aliases = 1;
  assert_status(save(), SM_INVALID_ARGUMENT, err);
  assert_string_equal(err.message, "alias w: layer/w is no function");
  assert_int_not_equal(access(path_in(dir.path, "model"), F_OK), 0);
}

static const char *device_of(const sm_meta_graph *graph) {
  const Tensorflow__SavedObjectGraph *saved = proto_of(graph)->object_graph_def;
  for (size_t i = 0; i < saved->n_nodes; i++)
    if (saved->nodes[i]->kind_case == TENSORFLOW__SAVED_OBJECT__KIND_VARIABLE) return saved->nodes[i]->variable->device;
  return NULL;
}

static void add_on_device(void) {
  static const float two = 2;
  const sm_tensor_view value = {.dtype = SM_DT_FLOAT, .data = &two, .size = sizeof two};
  const sm_variable_spec spec = {.value = &value, .device = "/device:CPU:0"};
  assert_ok(sm_object_graph_add_variable(NULL, objects, SM_OBJECT_ROOT, "v", &spec, &err), err);
}

static void object_options__devices(void **state) {
  (void)state;
  add_on_device();
  assert_string_equal(device_of(save_and_open()), "");
}

static void object_options__devices_by_policy(void **state) {
  (void)state;
  add_on_device();
  assert_ok(sm_variable_policy_parse(&options.variable_policy, "expand_distributed_variables", &err), err);
  assert_string_equal(device_of(save_and_open()), "/device:CPU:0");
}

static void object_options__no_saver(void **state) {
  (void)state;
  make_objects();
  options.skip_saver = true;
  const Tensorflow__MetaGraphDef *graph = proto_of(save_and_open());
  assert_null(graph->saver_def);
  for (size_t i = 0; i < graph->graph_def->n_node; i++)
    assert_null(strstr("SaveV2 RestoreV2", graph->graph_def->node[i]->op));
}

static void object_options__debug_info(void **state) {
  (void)state;
  uint64_t size;
  options.debug_info = (sm_string){"\x0a\x01x", 3}; /* GraphDebugInfo.files: "x" */
  save_and_open();
  assert_ok(sm_model_get_file_size(&size, model, SM_FILE_DEBUG_INFO, &err), err);
  assert_number("bytes", size, 3);
}

static void object_options__debug_ops(void **state) {
  (void)state;
  make_objects();
  options.strip_debug_ops = true;
  save_and_open(); /* there are none: nothing happens; of those there are interop/options_tf.py tells */
}

/* ---- Namespaces ---- */

static void add_namespaced(void) {
  add_library("library { function { signature { name: '__inference_g_9' } node_def { name: 'n' op: 'Other>Op' } } }");
  add_function("g", "__inference_g_9", false);
}

static void object_options__namespaces(void **state) {
  (void)state;
  add_namespaced();
  options.namespace_whitelist = (const char *[]){"Custom"};
  options.n_namespaces = 1;
  assert_status(save(), SM_INVALID_ARGUMENT, err);
  assert_string_equal(err.message,
                      "g: operation Other>Op of node n in function __inference_g_9: namespace \"Other\" is "
                      "not in the whitelist");
  assert_int_not_equal(access(path_in(dir.path, "model"), F_OK), 0);
}

/* Without a list all are allowed that somebody has defined. */
static void object_options__namespaces_and_definitions(void **state) {
  (void)state;
  add_namespaced();
  with_bytes(&tensorflow__op_list__descriptor, "op { name: 'Other>Op' }", sm_object_graph_add_op_list);
  const Tensorflow__OpList *list = proto_of(save_and_open())->meta_info_def->stripped_op_list;
  size_t n_found = 0;
  for (size_t i = 0; i < list->n_op; i++) n_found += strcmp(list->op[i]->name, "Other>Op") == 0;
  assert_number("its definition", n_found, 1);
}

/* ---- Which function is the signature ---- */

static void assert_chosen(const char *function, const char *told) {
  const sm_meta_graph *graph = save_and_open();
  assert_string_equal(note, told);
  assert_number("signatures", sm_meta_graph_n_signatures(graph), 1 + (function != NULL)); /* one is the init op */
  if (function == NULL) return;
  const Tensorflow__FunctionDef *wrapper = find_def(proto_of(graph), "__inference_signature_wrapper_serving_default");
  assert_string_equal(find_attr(wrapper->node_def[0], "f")->func->name, function);
}

static const char NONE[] = "no function can be called without a choice: the model has no signatures",
                  SEVERAL[] = "several functions have an input signature: the model has no signatures";

static void object_options__the_only_fixed_one(void **state) {
  (void)state;
  add_identity("f", "__inference_f_1", false, true);
  add_identity("g", "__inference_g_2", true, true);
  add_identity("nothing", "__inference_nothing_3", true, false); /* returns nothing, so none can ask for it */
  assert_chosen("__inference_g_2", "");
}

static void object_options__none_is_fixed(void **state) {
  (void)state;
  add_identity("f", "__inference_f_1", false, true);
  assert_chosen(NULL, NONE);
}

static void object_options__several_are_fixed(void **state) {
  (void)state;
  add_identity("f", "__inference_f_1", true, true);
  add_identity("g", "__inference_g_2", true, true);
  assert_chosen(NULL, SEVERAL);
}

static void object_options__the_one_of_that_name(void **state) {
  (void)state;
  add_identity("f", "__inference_f_1", true, true);
  add_identity("_default_save_signature", "__inference_d_2", true, true);
  add_identity("g", "__inference_g_3", true, true);
  assert_chosen("__inference_d_2", "");
}

static void object_options__no_signatures(void **state) {
  (void)state;
  add_identity("f", "__inference_f_1", true, true);
  options.no_signatures = true;
  assert_chosen(NULL, "");
}

/* ---- Large constants ---- */

static void object_options__moved_constants(void **state) {
  (void)state;
  const sm_trackable *root, *node;
  const char *key;
  make_objects();
  options.move_constants_above = sizeof(float) - 1;
  const sm_meta_graph *graph = save_and_open();
  assert_ok(sm_meta_graph_get_root(&root, graph, &err), err);
  assert_ok(sm_trackable_find(&node, root, "layer/c", &err), err);
  assert_ok(sm_trackable_get_key(&key, node, NULL, &err), err);
  assert_string_equal(key, "layer/c/.ATTRIBUTES/VARIABLE_VALUE");
  const sm_concrete_function *function;
  assert_ok(sm_trackable_find(&node, root, "layer/call", &err), err);
  assert_ok(sm_trackable_get_function(&function, node, 0, &err), err);
  const Tensorflow__FunctionDef *outer = find_def(proto_of(graph), function->name);
  assert_string_equal(outer->node_def[0]->op, "ReadVariableOp");
  assert_string_equal(outer->node_def[1]->op, "StatefulPartitionedCall");
  const Tensorflow__FunctionDef *inner = find_def(proto_of(graph), find_attr(outer->node_def[1], "f")->func->name);
  assert_number("type of what was captured", inner->signature->input_arg[2]->type, SM_DT_FLOAT);
  assert_number("type of what is captured", outer->signature->input_arg[2]->type, SM_DT_RESOURCE);
}

static void object_options__constants_that_are_not_larger(void **state) {
  (void)state;
  const sm_trackable *root, *node;
  make_objects();
  options.move_constants_above = sizeof(float);
  assert_ok(sm_meta_graph_get_root(&root, save_and_open(), &err), err);
  assert_ok(sm_trackable_find(&node, root, "layer/c", &err), err);
  assert_int_equal(sm_trackable_get_kind(node), SM_OBJECT_CONSTANT);
}

/* Zeros that nobody has, so that they cost nothing. */
enum { N_HUGE = 805306368 }; /* floats: 3 GiB */

static void *add_huge(void) {
  void *zeros =
      mmap(NULL, sizeof(float) * (size_t)N_HUGE, PROT_READ, MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
  assert_ptr_not_equal(zeros, MAP_FAILED);
  const sm_tensor_view huge = {
      .dtype = SM_DT_FLOAT, .rank = 1, .data = zeros, .size = sizeof(float) * (size_t)N_HUGE, .dims = {N_HUGE}};
  assert_ok(sm_object_graph_add_constant(NULL, objects, SM_OBJECT_ROOT, "huge", &huge, &err), err);
  return zeros;
}

static void object_options__constants_of_3_gib(void **state) {
  (void)state;
  void *zeros = add_huge();
  assert_status(save(), SM_RESOURCE_EXHAUSTED, err);
  assert_string_equal(err.message,
                      "huge: a constant of 3221225472 bytes, and a graph has less than 2 GiB: "
                      "move_constants_above makes it a variable");
  assert_int_not_equal(access(path_in(dir.path, "model"), F_OK), 0);
  munmap(zeros, sizeof(float) * (size_t)N_HUGE);
}

/* SM_TEST_LONG: 3 GiB are written. */
static void object_options__constants_of_3_gib_are_moved(void **state) {
  (void)state;
  const sm_bundle_reader *variables;
  sm_bundle_entry entry;
  if (getenv("SM_TEST_LONG") == NULL) return;
  void *zeros = add_huge();
  options.move_constants_above = 1 << 20;
  assert_ok(save(), err);
  munmap(zeros, sizeof(float) * (size_t)N_HUGE);
  assert_ok(sm_model_open(&model, path_in(dir.path, "model"), NULL, &err), err);
  assert_ok(sm_model_get_variables(&variables, model, &err), err);
  assert_ok(sm_bundle_reader_find(&entry, variables, "huge/.ATTRIBUTES/VARIABLE_VALUE", &err), err);
  assert_number("bytes", entry.size, sizeof(float) * (uint64_t)N_HUGE);
}

/* ---- Pitfalls of models written by hand ---- */

static bool is_handle(const Tensorflow__NodeDef *node) {
  return strcmp(node->op, "VarHandleOp") == 0 || strcmp(node->op, "HashTableV2") == 0 ||
         strcmp(node->op, "MutableHashTableV2") == 0;
}

/* Handles of one shared name are one variable. */
static void object_options__shared_names(void **state) {
  (void)state;
  static const char *const names[] = {"a b", "a_b", "a/b", "w", "a.b"};
  ProtobufCBinaryData found[32];
  size_t n = 0;
  make_objects();
  const sm_variable_spec spec = {.dtype = SM_DT_FLOAT, .name = "all the same"};
  static const float two = 2;
  const sm_tensor_view value = {.dtype = SM_DT_FLOAT, .data = &two, .size = sizeof two};
  for (size_t i = 0; i < N_OF(names); i++) {
    sm_variable_spec one = spec;
    one.value = &value;
    assert_ok(sm_object_graph_add_variable(NULL, objects, SM_OBJECT_ROOT, names[i], &one, &err), err);
  }
  const Tensorflow__GraphDef *graph = proto_of(save_and_open())->graph_def;
  for (size_t i = 0; i < graph->n_node; i++)
    if (is_handle(graph->node[i])) found[n++] = find_attr(graph->node[i], "shared_name")->s;
  assert_true(n >= N_OF(names) + 3); /* a variable and two tables of make_objects */
  for (size_t i = 0; i < n; i++)
    for (size_t k = 0; k < i; k++)
      assert_false(found[i].len == found[k].len && memcmp(found[i].data, found[k].data, found[i].len) == 0);
}

/* zeta - alpha: inputs are passed by name, and sorted; the function takes them as it always did. */
static void object_options__order_of_arguments(void **state) {
  (void)state;
  sm_graph *graph;
  int32_t number;
  assert_ok(sm_graph_new(&graph, NULL, &err), err);
  assert_ok(sm_graph_add_placeholder(graph, "p", SM_DT_FLOAT, NULL, 0, &err), err);
  assert_ok(sm_graph_add_placeholder(graph, "q", SM_DT_FLOAT, NULL, 0, &err), err);
  assert_ok(sm_graph_add(graph, "Sub", "d", SM_NAMES("p", "q"), &err), err);
  const sm_function_tensor inputs[] = {{.name = "zeta", .tensor = "p:0"}, {.name = "alpha", .tensor = "q:0"}};
  const sm_function_tensor output = {.name = "d", .tensor = "d:0"};
  sm_trace trace = {.inputs = inputs, .n_inputs = 2, .outputs = &output, .n_outputs = 1};
  assert_ok(sm_graph_get_def(&trace.graph_def, graph, &err), err);
  const sm_traced_function traced = {.traces = &trace, .n_traces = 1};
  assert_ok(sm_object_graph_add_function(&number, objects, SM_OBJECT_ROOT, "sub", &traced, &err), err);
  sm_graph_free(graph);
  assert_ok(sm_object_graph_set_signature(objects, "s", number, 0, &err), err);
  const Tensorflow__MetaGraphDef *saved = proto_of(save_and_open());
  const Tensorflow__FunctionDef *inner = find_def(saved, "__inference_sub_"),
                                *wrapper = find_def(saved, "__inference_signature_wrapper_s");
  assert_string_equal(inner->signature->input_arg[0]->name, "zeta");
  assert_string_equal(inner->signature->input_arg[1]->name, "alpha");
  assert_string_equal(wrapper->node_def[0]->input[0], wrapper->signature->input_arg[1]->name);
  assert_string_equal(wrapper->node_def[0]->input[1], wrapper->signature->input_arg[0]->name);
  const Tensorflow__NodeDef *call = NULL;
  for (size_t i = 0; i < saved->graph_def->n_node; i++)
    if (strcmp(saved->graph_def->node[i]->op, "StatefulPartitionedCall") == 0) call = saved->graph_def->node[i];
  assert_non_null(call);
  assert_string_equal(call->input[0], "s_alpha");
  assert_string_equal(call->input[1], "s_zeta");
}

static bool is_returned(const Tensorflow__FunctionDef *def, const char *node) {
  for (size_t i = 0; i < def->n_control_ret; i++)
    if (strcmp(def->control_ret[i]->value, node) == 0) return true;
  return false;
}

/* What is not among the control outputs tf.saved_model.load does not run. */
static void object_options__control_outputs(void **state) {
  (void)state;
  static const char *const stateful[] = {"v/Read/ReadVariableOp", "grow", "assert", "print"};
  sm_graph *graph;
  static const float zero;
  static const bool yes = true;
  const sm_tensor_view value = {.dtype = SM_DT_FLOAT, .data = &zero, .size = sizeof zero},
                       is = {.dtype = SM_DT_BOOL, .data = &yes, .size = sizeof yes};
  assert_ok(sm_graph_new(&graph, NULL, &err), err);
  assert_ok(sm_graph_add_placeholder(graph, "x", SM_DT_FLOAT, NULL, 0, &err), err);
  assert_ok(sm_graph_add_variable(graph, "v", SM_DT_FLOAT, NULL, 0, &err), err);
  assert_ok(sm_graph_add_const(graph, "yes", &is, &err), err);
  assert_ok(sm_graph_add_string(graph, "text", "hello", &err), err);
  assert_ok(sm_graph_add(graph, "Assert", "assert", SM_NAMES("yes", "x"), &err), err);
  assert_ok(sm_graph_add(graph, "PrintV2", "print", SM_NAMES("text", "^assert"), &err), err);
  assert_ok(sm_graph_add(graph, "AssignAddVariableOp", "grow", SM_NAMES("v", "x", "^print"), &err), err);
  assert_ok(sm_graph_add(graph, "Mul", "y", SM_NAMES("x", "v/Read/ReadVariableOp"), &err), err);
  int32_t variable;
  const sm_variable_spec spec = {.value = &value};
  assert_ok(sm_object_graph_add_variable(&variable, objects, SM_OBJECT_ROOT, "v", &spec, &err), err);
  const sm_function_tensor x = {.name = "x", .tensor = "x:0"}, y = {.name = "y", .tensor = "y:0"};
  const sm_function_capture capture = {"v", variable};
  sm_trace trace = {.inputs = &x,
                    .n_inputs = 1,
                    .outputs = &y,
                    .n_outputs = 1,
                    .captures = &capture,
                    .n_captures = 1,
                    .control_outputs = (const char *[]){"grow"},
                    .n_control_outputs = 1};
  assert_ok(sm_graph_get_def(&trace.graph_def, graph, &err), err);
  const sm_traced_function traced = {.traces = &trace, .n_traces = 1};
  assert_ok(sm_object_graph_add_function(NULL, objects, SM_OBJECT_ROOT, "f", &traced, &err), err);
  sm_graph_free(graph);
  const Tensorflow__FunctionDef *def = find_def(proto_of(save_and_open()), "__inference_f_");
  assert_number("control outputs", def->n_control_ret, N_OF(stateful));
  assert_number("control outputs, by name", def->signature->n_control_output, N_OF(stateful));
  for (size_t i = 0; i < N_OF(stateful); i++) assert_true(is_returned(def, stateful[i]));
}

#define CASE(name) cmocka_unit_test_setup_teardown(object_options__##name, set_up, tear_down)

int main(void) {
  const struct CMUnitTest tests[] = {
      CASE(tags),
      CASE(aliases),
      CASE(aliases_of_other_things),
      CASE(devices),
      CASE(devices_by_policy),
      CASE(no_saver),
      CASE(debug_info),
      CASE(debug_ops),
      CASE(namespaces),
      CASE(namespaces_and_definitions),
      CASE(the_only_fixed_one),
      CASE(none_is_fixed),
      CASE(several_are_fixed),
      CASE(the_one_of_that_name),
      CASE(no_signatures),
      CASE(moved_constants),
      CASE(constants_that_are_not_larger),
      CASE(constants_of_3_gib),
      CASE(constants_of_3_gib_are_moved),
      CASE(shared_names),
      CASE(order_of_arguments),
      CASE(control_outputs),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
