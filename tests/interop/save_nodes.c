/* Nodes of kinds that Python makes of classes of its own: resources with functions, concrete functions, tensors inside
 * functions, optimizers. Functions: save_nodes.pbtxt. */
#include "written_objects.h"

static const int64_t unknown[] = {-1};
static const sm_structured none = {.kind = SM_STRUCTURED_DICT};

/* ---- Resources ---- */

/* A function that is passed nothing, and returns a tensor. */
static void add_plain(sm_object_graph *objects, int32_t resource, const char *name, const char *function) {
  const sm_function_tensor result = {.rank = 0};
  const sm_trace trace = {.function = function, .outputs = &result, .n_outputs = 1};
  add_function(objects, resource, name, &trace, NULL);
}

static int32_t add_bare(sm_object_graph *objects, const sm_trace *trace) {
  int32_t number;
  const sm_bare_function function = {.trace = *trace};
  CHECK(sm_object_graph_add_concrete_function(&number, objects, SM_OBJECT_NONE, NULL, &function, &err));
  return number;
}

/* [{"name", "slice_spec", "tensor"}] of keys and values. */
static void save_as_list(sm_object_graph *objects, int32_t table) {
  static const char *const keys[] = {"name", "slice_spec", "tensor"};
  const sm_structured text = {.kind = SM_STRUCTURED_TENSOR_SPEC, .dtype = SM_DT_STRING};
  const sm_structured items[] = {text, text, {.kind = SM_STRUCTURED_TENSOR_SPEC, .dtype = SM_DT_INT64, .rank = -1},
                                 text, text, {.kind = SM_STRUCTURED_TENSOR_SPEC, .dtype = SM_DT_FLOAT, .rank = -1}};
  const sm_structured dicts[] = {{.kind = SM_STRUCTURED_DICT, .items = items, .n_items = 3, .keys = keys},
                                 {.kind = SM_STRUCTURED_DICT, .items = items + 3, .n_items = 3, .keys = keys}};
  const sm_structured list = {.kind = SM_STRUCTURED_LIST, .items = dicts, .n_items = 2};
  const sm_function_capture capture = {.object = table};
  const sm_function_tensor key = {.name = "checkpoint_key", .rank = 0};
  const sm_function_tensor done = {.rank = 0};
  const sm_function_tensor tensors[] = {{.name = "keys", .rank = -1}, {.name = "values", .rank = -1}};
  const sm_trace save = {.function = "__inference_save_dense_3",
                         .inputs = &key,
                         .n_inputs = 1,
                         .captures = &capture,
                         .n_captures = 1,
                         .output_structure = &list};
  const sm_trace restore = {.function = "__inference_restore_dense_4",
                            .inputs = tensors,
                            .n_inputs = 2,
                            .outputs = &done,
                            .n_outputs = 1,
                            .captures = &capture,
                            .n_captures = 1};
  int32_t save_function = add_bare(objects, &save);
  CHECK(sm_object_graph_add_saveable(objects, table, "table", save_function, add_bare(objects, &restore), &err));
}

/* TensorFlow saves all buckets of such tables, with a dimension more than keys and values have. */
static void add_dense_table(sm_object_graph *objects) {
  static const int64_t keys[] = {-1, -1, -1, -1, -1, 5, -1, 7}; /* each where its hash, itself, says */
  static const float values[] = {0, 0, 0, 0, 0, 0.5f, 0, 0.75f}, minus = -1;
  const sm_tensor_view key_view = {.dtype = SM_DT_INT64, .rank = 2, .data = keys, .size = sizeof keys, .dims = {8, 1}};
  const sm_tensor_view value_view = {
      .dtype = SM_DT_FLOAT, .rank = 2, .data = values, .size = sizeof values, .dims = {8, 1}};
  const sm_tensor_view missing = scalar(SM_DT_FLOAT, &minus, sizeof minus);
  int32_t table;
  sm_function_capture captures[2];
  CHECK(sm_object_graph_add_resource(&table, objects, SM_OBJECT_ROOT, "dense", NULL, &err));
  add_plain(objects, table, "_create_resource", "__inference_make_dense_1");
  add_plain(objects, table, "_initialize", "__inference_done_2");
  add_plain(objects, table, "_destroy_resource", "__inference_done_2");
  save_as_list(objects, table);
  CHECK(sm_object_graph_add_saved_tensor(objects, table, "table", "-keys", &key_view, &err));
  CHECK(sm_object_graph_add_saved_tensor(objects, table, "table", "-values", &value_view, &err));
  captures[0] = (sm_function_capture){.object = table};
  captures[1] = (sm_function_capture){.node = NULL};
  CHECK(sm_object_graph_add_constant(&captures[1].object, objects, SM_OBJECT_NONE, NULL, &missing, &err));
  const sm_function_tensor input = {.name = "keys", .rank = 1, .dims = unknown};
  const sm_trace find = {
      .function = "__inference_find_dense_5", .inputs = &input, .n_inputs = 1, .captures = captures, .n_captures = 2};
  add_function(objects, SM_OBJECT_ROOT, "find_dense", &find, "find_dense");
}

/* Saved as a dict. */
static void add_counts(sm_object_graph *objects) {
  static const int64_t keys[] = {5, 7}, values[] = {50, 70}, minus = -1;
  static const char *const names[] = {"keys", "values"};
  const sm_tensor_view key_view = {.dtype = SM_DT_INT64, .rank = 1, .data = keys, .size = sizeof keys, .dims = {2}};
  const sm_tensor_view value_view = {
      .dtype = SM_DT_INT64, .rank = 1, .data = values, .size = sizeof values, .dims = {2}};
  const sm_tensor_view minus_view = scalar(SM_DT_INT64, &minus, sizeof minus);
  const sm_structured specs[] = {
      {.kind = SM_STRUCTURED_TENSOR_SPEC, .text = "keys", .dtype = SM_DT_INT64, .rank = 1, .dims = unknown},
      {.kind = SM_STRUCTURED_TENSOR_SPEC, .text = "values", .dtype = SM_DT_INT64, .rank = 1, .dims = unknown}};
  const sm_structured dict = {.kind = SM_STRUCTURED_DICT, .items = specs, .n_items = 2, .keys = names};
  const sm_structured both[] = {{.kind = SM_STRUCTURED_TUPLE, .items = &dict, .n_items = 1}, none};
  const sm_structured arguments = {.kind = SM_STRUCTURED_TUPLE, .items = both, .n_items = 2};
  int32_t table;
  sm_function_capture captures[2] = {{.node = NULL}};
  CHECK(sm_object_graph_add_resource(&table, objects, SM_OBJECT_ROOT, "counts", "", &err));
  add_plain(objects, table, "_create_resource", "__inference_make_counts_11");
  captures[1].object = table;
  add_plain(objects, table, "_initialize", "__inference_done_2");
  const sm_trace save = {
      .function = "__inference_save_counts_13", .captures = &captures[1], .n_captures = 1, .output_structure = &dict};
  const sm_function_tensor same_keys = {.rank = 1, .dims = unknown};
  const sm_trace restore = {.function = "__inference_restore_counts_14",
                            .outputs = &same_keys,
                            .n_outputs = 1,
                            .captures = &captures[1],
                            .n_captures = 1,
                            .input_structure = &arguments};
  int32_t save_function = add_bare(objects, &save);
  CHECK(sm_object_graph_add_saveable(objects, table, ".TENSORS", save_function, add_bare(objects, &restore), &err));
  CHECK(sm_object_graph_add_saved_tensor(objects, table, "keys", NULL, &key_view, &err));
  CHECK(sm_object_graph_add_saved_tensor(objects, table, "values", NULL, &value_view, &err));
  captures[0].object = table;
  CHECK(sm_object_graph_add_constant(&captures[1].object, objects, SM_OBJECT_NONE, NULL, &minus_view, &err));
  const sm_function_tensor input = {.name = "keys", .rank = 1, .dims = unknown};
  const sm_trace find = {
      .function = "__inference_find_count_15", .inputs = &input, .n_inputs = 1, .captures = captures, .n_captures = 2};
  add_function(objects, SM_OBJECT_ROOT, "find_count", &find, "find_count");
}

/* ---- Gradients ---- */

/* The registered gradient of bend captures two tensors of its body. */
static void add_bend(sm_object_graph *objects) {
  static const float three = 3;
  sm_function_capture captures[2] = {{.object = add_variable(objects, SM_OBJECT_ROOT, "v", &three)}};
  const sm_structured spec = {.kind = SM_STRUCTURED_TENSOR_SPEC, .dtype = SM_DT_FLOAT};
  const sm_structured gradients[] = {{.kind = SM_STRUCTURED_NONE}, spec, spec};
  const sm_structured both[] = {{.kind = SM_STRUCTURED_TUPLE, .items = gradients, .n_items = 3}, none};
  const sm_structured arguments = {.kind = SM_STRUCTURED_TUPLE, .items = both, .n_items = 2};
  const sm_structured slopes = {.kind = SM_STRUCTURED_LIST, .items = gradients, .n_items = 2};
  const sm_function_tensor x = {.name = "x", .rank = 0};
  const sm_trace bend = {
      .function = "__inference_bend_21", .inputs = &x, .n_inputs = 1, .captures = captures, .n_captures = 1};
  add_function(objects, SM_OBJECT_ROOT, "bend", &bend, "bend");
  captures[0].node = captures[1].node = NULL;
  CHECK(sm_object_graph_add_captured_tensor(&captures[0].object, objects, bend.function, "product:0", &err));
  CHECK(sm_object_graph_add_captured_tensor(&captures[1].object, objects, bend.function, "x:0", &err));
  add_bare(objects, &(sm_trace){.function = "__inference_bend_gradient_22",
                                .captures = captures,
                                .n_captures = 2,
                                .input_structure = &arguments,
                                .output_structure = &slopes});
}

/* ---- Concrete functions ---- */

/* As an attribute, and as a signature: what servers call can be called as it is. */
static void add_subtract(sm_object_graph *objects) {
  static const char *const keywords[] = {"left", "right"};
  const sm_function_tensor inputs[] = {{.name = "left", .rank = 0}, {.name = "right", .rank = 0}};
  const sm_structured specs[] = {{.kind = SM_STRUCTURED_TENSOR_SPEC, .text = "left", .dtype = SM_DT_FLOAT},
                                 {.kind = SM_STRUCTURED_TENSOR_SPEC, .text = "right", .dtype = SM_DT_FLOAT}};
  const sm_structured both[] = {{.kind = SM_STRUCTURED_TUPLE},
                                {.kind = SM_STRUCTURED_DICT, .items = specs, .n_items = 2, .keys = keywords}};
  const sm_structured arguments = {.kind = SM_STRUCTURED_TUPLE, .items = both, .n_items = 2};
  sm_bare_function function = {.trace = {.function = "__inference_subtract_31", .input_structure = &arguments},
                               .argument_keywords = keywords,
                               .n_argument_keywords = 2};
  int32_t number;
  CHECK(sm_object_graph_add_concrete_function(&number, objects, SM_OBJECT_ROOT, "concrete", &function, &err));
  CHECK(sm_object_graph_set_signature(objects, "subtract", number, 0, &err));
  function = (sm_bare_function){.trace = {.function = "__inference_less_32", .inputs = inputs, .n_inputs = 2}};
  CHECK(sm_object_graph_add_concrete_function(&number, objects, SM_OBJECT_ROOT, "less", &function, &err));
  CHECK(sm_object_graph_set_signature(objects, "less", number, 0, &err));
}

/* ---- Variables, classes ---- */

static void add_variables(sm_object_graph *objects) {
  static const float values[] = {1, 2};
  const sm_tensor_view view = {.dtype = SM_DT_FLOAT, .rank = 1, .data = values, .size = sizeof values, .dims = {2}};
  const sm_variable_component components[] = {{"spread", "/device:CPU:0"}, {"spread/replica_1", "/device:CPU:1"}};
  const sm_variable_spec open = {.value = &view, .rank = 1, .dims = unknown, .has_own_shape = true};
  const sm_variable_spec spread = {.value = &view,
                                   .device = "/device:CPU:0",
                                   .synchronization = SM_SYNCHRONIZATION_ON_WRITE,
                                   .components = components,
                                   .n_components = 2};
  CHECK(sm_object_graph_add_variable(NULL, objects, SM_OBJECT_ROOT, "open", &open, &err));
  CHECK(sm_object_graph_add_variable(NULL, objects, SM_OBJECT_ROOT, "spread", &spread, &err));
}

/* An optimizer whose class can make the slot variables of v and w. */
static void save_slots(const char *root) {
  static const float one = 1, two = 2, slots[] = {0.125f, 0.25f, 0.5f};
  sm_object_graph *objects = begin();
  const sm_user_object user = {.identifier = "tf_deprecated_optimizer", .producer = 1, .min_consumer = 1};
  int32_t v = add_variable(objects, SM_OBJECT_ROOT, "v", &one), w = add_variable(objects, SM_OBJECT_ROOT, "w", &two);
  int32_t optimizer = add_container(objects, SM_OBJECT_ROOT, "optimizer", SM_CONTAINER_OBJECT);
  CHECK(sm_object_graph_set_user_object(objects, optimizer, &user, &err));
  for (size_t i = 0; i < 3; i++) {
    const sm_tensor_view view = scalar(SM_DT_FLOAT, &slots[i], sizeof slots[i]);
    const sm_variable_spec spec = {.value = &view, .not_trainable = true};
    CHECK(sm_object_graph_add_slot(NULL, objects, optimizer, i == 1 ? w : v, i < 2 ? "m" : "n", &spec, &err));
  }
  end(objects, root, "slots");
}

void save_nodes(const char *root) {
  sm_export_options options = SM_EXPORT_OPTIONS_INIT;
  sm_object_graph *objects = begin();
  sm_string graph_def = read_graph(SAVE_NODES_TEXT);
  CHECK(sm_object_graph_add_library(objects, graph_def, &err));
  add_dense_table(objects);
  add_counts(objects);
  add_bend(objects);
  add_subtract(objects);
  add_variables(objects);
  options.variable_policy = SM_VARIABLE_POLICY_EXPAND_DISTRIBUTED_VARIABLES;
  end_with(objects, root, "nodes", &options, NULL);
  sm_convert_free(&graph_def, NULL);
  save_slots(root);
}
