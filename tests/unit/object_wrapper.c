/* Signatures: what is refused, what TensorFlow would choose, and what is in the SignatureDefs. That they can be called:
 * interop/structures_tf.py. */
#include "support/check.h"

#include <savedmodel/savedmodel.h>

#include "support/files.h"

static temp_dir dir;
static sm_error err;
static sm_object_graph *objects;
static sm_graph *graph;
static sm_string graph_def;
static char path[4096];

/* Two vectors, and their difference. */
static int set_up(void **state) {
  (void)state;
  const int64_t unknown = -1;
  dir = make_temp_dir();
  snprintf(path, sizeof path, "%s", path_in(dir.path, "model"));
  assert_ok(sm_object_graph_new(&objects, NULL, &err), err);
  assert_ok(sm_graph_new(&graph, NULL, &err), err);
  assert_ok(sm_graph_add_placeholder(graph, "a", SM_DT_FLOAT, &unknown, 1, &err), err);
  assert_ok(sm_graph_add_placeholder(graph, "b", SM_DT_FLOAT, &unknown, 1, &err), err);
  assert_ok(sm_graph_add_placeholder(graph, "splits", SM_DT_INT64, &unknown, 1, &err), err);
  assert_ok(sm_graph_add(graph, "Sub", "y", SM_NAMES("a", "b"), &err), err);
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

static const int64_t unknown_length = -1;
#define VECTOR(text, node) \
  { .name = (text), .tensor = (node), .dtype = SM_DT_FLOAT, .rank = 1, .dims = &unknown_length }

static int32_t add(const char *name, const sm_trace *trace, bool is_fixed) {
  int32_t number;
  const sm_traced_function function = {.traces = trace, .n_traces = 1, .is_fixed = is_fixed};
  assert_ok(sm_object_graph_add_function(&number, objects, 0, name, &function, &err), err);
  return number;
}

static int32_t add_difference(const char *name, const char *first, const char *second, bool is_fixed) {
  const sm_function_tensor in[] = {VECTOR(first, "a:0"), VECTOR(second, "b:0")}, out = VECTOR("y", "y:0");
  return add(name, &(sm_trace){.graph_def = graph_def, .inputs = in, .n_inputs = 2, .outputs = &out, .n_outputs = 1},
             is_fixed);
}

static sm_status save(void) {
  sm_save_options no_sync = SM_SAVE_OPTIONS_INIT;
  no_sync.no_sync = no_sync.overwrite = true;
  return sm_object_graph_save(objects, path, NULL, &no_sync, &err);
}

static const sm_signature *read_back(sm_model **model, const char *key) {
  const sm_signature *signature;
  assert_ok(sm_model_open(model, path, NULL, &err), err);
  assert_ok(sm_meta_graph_find_signature(&signature, sm_model_get_meta_graph(*model, 0), key, &err), err);
  return signature;
}

/* ---- Inputs ---- */

static void object_wrapper__names(void **state) {
  (void)state;
  assert_ok(sm_object_graph_set_signature(objects, "s", add_difference("f", "x y", "b", false), 0, &err), err);
  assert_status(save(), SM_INVALID_ARGUMENT, err);
  assert_mentions(err.message, "signature s: f: input \"x y\": TensorFlow takes");
}

/* They are in the order of what Python calls them: "0/z" is arg_0_z, and behind a. */
static void object_wrapper__order(void **state) {
  (void)state;
  sm_model *model;
  const sm_concrete_function *function;
  assert_ok(sm_object_graph_set_signature(objects, "s", add_difference("f", "0/z", "a", false), 0, &err), err);
  assert_ok(save(), err);
  const sm_signature *signature = read_back(&model, "s");
  assert_text("first input", signature->inputs[0]->name, "0/z");
  assert_text("its tensor", signature->inputs[0]->tensor_name, "s_0_z:0");
  const sm_trackable *node;
  assert_ok(sm_meta_graph_get_root(&node, sm_model_get_meta_graph(model, 0), &err), err);
  assert_ok(sm_trackable_find(&node, node, "signatures/s", &err), err);
  assert_ok(sm_trackable_get_function(&function, node, 0, &err), err);
  const sm_structured *keywords = &function->inputs->items[1];
  assert_text("first keyword", keywords->keys[0], "a");
  assert_text("second keyword", keywords->keys[1], "arg_0_z");
  assert_text("its spec", keywords->items[1].text, "0/z");
  assert_text("what it may be called by", function->argument_keywords[1], "0/z");
  sm_model_close(model);
}

/* ---- Outputs ---- */

static void object_wrapper__outputs(void **state) {
  (void)state;
  const sm_structured spec = {.kind = SM_STRUCTURED_TENSOR_SPEC, .text = "", .dtype = SM_DT_FLOAT, .rank = -1};
  const sm_structured list = {.kind = SM_STRUCTURED_LIST, .items = &spec, .n_items = 1};
  const sm_structured nested = {.kind = SM_STRUCTURED_TUPLE, .items = &list, .n_items = 1};
  const sm_function_tensor in[] = {VECTOR("a", "a:0"), VECTOR("b", "b:0")}, out = {.tensor = "y:0"};
  sm_trace trace = {.graph_def = graph_def,
                    .inputs = in,
                    .n_inputs = 2,
                    .outputs = &out,
                    .n_outputs = 1,
                    .output_structure = &nested};
  assert_ok(sm_object_graph_set_signature(objects, "nested", add("nested", &trace, false), 0, &err), err);
  assert_status(save(), SM_INVALID_ARGUMENT, err);
  assert_mentions(err.message, "signature nested: nested: output \"output_0\" is no tensor");
}

static void object_wrapper__no_output(void **state) {
  (void)state;
  const sm_function_tensor in = VECTOR("a", "a:0");
  const sm_trace trace = {.graph_def = graph_def, .inputs = &in, .n_inputs = 1};
  assert_ok(sm_object_graph_set_signature(objects, "none", add("none", &trace, false), 0, &err), err);
  assert_status(save(), SM_INVALID_ARGUMENT, err);
  assert_mentions(err.message, "output \"output_0\" is no tensor");
}

/* A ragged tensor, as TensorFlow writes it (fixture composite_arguments). */
static void object_wrapper__composite(void **state) {
  (void)state;
  const int64_t dims[] = {-1, -1};
  const sm_structured items[] = {{.kind = SM_STRUCTURED_SHAPE, .rank = 2, .dims = dims},
                                 {.kind = SM_STRUCTURED_DTYPE, .dtype = SM_DT_FLOAT},
                                 {.kind = SM_STRUCTURED_INT64, .int64_value = 1},
                                 {.kind = SM_STRUCTURED_DTYPE, .dtype = SM_DT_INT64}};
  const sm_structured tuple = {.kind = SM_STRUCTURED_TUPLE, .items = items, .n_items = 4};
  const sm_structured ragged = {.kind = SM_STRUCTURED_TYPE_SPEC,
                                .text = "RaggedTensorSpec",
                                .type_spec_class = SM_TYPE_SPEC_RAGGED_TENSOR,
                                .n_flat = 2,
                                .items = &tuple,
                                .n_items = 1};
  const sm_structured both[] = {{.kind = SM_STRUCTURED_TUPLE, .items = &ragged, .n_items = 1},
                                {.kind = SM_STRUCTURED_DICT}};
  const sm_structured inputs = {.kind = SM_STRUCTURED_TUPLE, .items = both, .n_items = 2};
  const sm_function_tensor tensors[] = {{.tensor = "a:0"}, {.tensor = "splits:0"}};
  const sm_trace trace = {.graph_def = graph_def,
                          .inputs = tensors,
                          .n_inputs = 2,
                          .outputs = tensors,
                          .n_outputs = 2,
                          .input_structure = &inputs,
                          .output_structure = &ragged};
  sm_model *model;
  assert_ok(sm_object_graph_set_signature(objects, "s", add("f", &trace, false), 0, &err), err);
  assert_ok(save(), err);
  const sm_signature *signature = read_back(&model, "s");
  assert_number("inputs", signature->n_inputs, 2);
  assert_text("values", signature->inputs[0]->name, "arg_0");
  assert_text("splits", signature->inputs[1]->name, "arg_0_1");
  assert_number("dtype of splits", signature->inputs[1]->dtype, SM_DT_INT64);
  const sm_tensor_info *output = signature->outputs[0];
  assert_text("output", output->name, "output_0");
  assert_number("kind", output->kind, SM_TENSOR_COMPOSITE);
  assert_number("components", output->n_components, 2);
  assert_text("values", output->components[0]->tensor_name, "StatefulPartitionedCall:0");
  assert_text("splits", output->components[1]->tensor_name, "StatefulPartitionedCall:1");
  static const uint8_t begin[] = {0x08, 3}, end[] = {0x20, 2}; /* RAGGED_TENSOR_SPEC ... of two tensors */
  assert_true(output->type_spec.size > sizeof begin + sizeof end);
  assert_memory_equal(output->type_spec.data, begin, sizeof begin);
  assert_memory_equal(output->type_spec.data + output->type_spec.size - sizeof end, end, sizeof end);
  sm_model_close(model);
}

/* ---- Defaults ---- */

static const float values[] = {1, 2};

static void object_wrapper__defaults(void **state) {
  (void)state;
  sm_tensor_view value = {.dtype = SM_DT_FLOAT, .rank = 1, .data = values, .size = sizeof values, .dims = {2}};
  sm_model *model;
  assert_ok(sm_object_graph_set_signature(objects, "s", add_difference("f", "a", "b", false), 0, &err), err);
  assert_status(sm_object_graph_set_signature_default(objects, "t", "a", &value, &err), SM_NOT_FOUND, err);
  assert_ok(sm_object_graph_set_signature_default(objects, "s", "b", &value, &err), err);
  assert_status(sm_object_graph_set_signature_default(objects, "s", "b", &value, &err), SM_ALREADY_EXISTS, err);
  assert_ok(save(), err);
  const sm_signature *signature = read_back(&model, "s");
  assert_number("defaults", signature->n_defaults, 1);
  assert_text("input", signature->defaults[0]->name, "b");
  assert_number("dtype", signature->defaults[0]->dtype, SM_DT_FLOAT);
  assert_number("length", signature->defaults[0]->dims[0], 2);
  sm_model_close(model);
}

static void object_wrapper__defaults_that_do_not_fit(void **state) {
  (void)state;
  const sm_tensor_view rows[] = {{.dtype = SM_DT_FLOAT, .data = values, .size = sizeof *values},
                                 {.dtype = SM_DT_INT32, .rank = 1, .data = values, .size = sizeof values, .dims = {2}}};
  for (size_t i = 0; i < N_OF(rows); i++) {
    char name[] = {(char)('f' + i), '\0'};
    assert_ok(sm_object_graph_set_signature(objects, name, add_difference(name, "a", "b", false), 0, &err), err);
    assert_ok(sm_object_graph_set_signature_default(objects, name, "b", &rows[i], &err), err);
    assert_status(save(), SM_INVALID_ARGUMENT, err);
    assert_mentions(err.message, "input \"b\": its default");
    sm_object_graph_free(objects);
    assert_ok(sm_object_graph_new(&objects, NULL, &err), err);
  }
  assert_ok(sm_object_graph_set_signature(objects, "s", add_difference("f", "a", "b", false), 0, &err), err);
  assert_ok(sm_object_graph_set_signature_default(objects, "s", "c", &rows[0], &err), err);
  assert_status(save(), SM_INVALID_ARGUMENT, err);
  assert_mentions(err.message, "inputs that it has not");
}

/* ---- The choice ---- */

/* Of functions with an input signature those that return nothing cannot be it; concrete functions can. */
static void object_wrapper__choice(void **state) {
  (void)state;
  sm_model *model;
  const sm_function_tensor in[] = {VECTOR("a", "a:0"), VECTOR("b", "b:0")}, out = VECTOR("y", "y:0");
  const sm_trace nothing = {.graph_def = graph_def, .inputs = in, .n_inputs = 1};
  add("nothing", &nothing, true);
  add_difference("free", "a", "b", false);
  const sm_bare_function concrete = {
      .trace = {.graph_def = graph_def, .inputs = in, .n_inputs = 2, .outputs = &out, .n_outputs = 1},
      .argument_keywords = (const char *[]){"first", "second"},
      .n_argument_keywords = 2,
      .allowed_positional_arguments = 2};
  assert_ok(sm_object_graph_add_concrete_function(NULL, objects, 0, "concrete", &concrete, &err), err);
  assert_ok(save(), err);
  const sm_signature *signature = read_back(&model, SM_KEY_SERVING_DEFAULT);
  assert_text("input", signature->inputs[0]->name, "first");
  assert_text("input", signature->inputs[1]->name, "second");
  sm_model_close(model);
}

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test_setup_teardown(object_wrapper__names, set_up, tear_down),
      cmocka_unit_test_setup_teardown(object_wrapper__order, set_up, tear_down),
      cmocka_unit_test_setup_teardown(object_wrapper__outputs, set_up, tear_down),
      cmocka_unit_test_setup_teardown(object_wrapper__no_output, set_up, tear_down),
      cmocka_unit_test_setup_teardown(object_wrapper__composite, set_up, tear_down),
      cmocka_unit_test_setup_teardown(object_wrapper__defaults, set_up, tear_down),
      cmocka_unit_test_setup_teardown(object_wrapper__defaults_that_do_not_fit, set_up, tear_down),
      cmocka_unit_test_setup_teardown(object_wrapper__choice, set_up, tear_down),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
