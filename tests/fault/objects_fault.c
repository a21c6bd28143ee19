/* Every allocation fails once while objects are made and saved: RESOURCE_EXHAUSTED, nothing leaks, and no model is there. */
#include "support/check.h"

#include <unistd.h>

#include <savedmodel/savedmodel.h>

#include "support/fault_alloc.h"
#include "support/files.h"
#include "support/v2_objects.h"

static temp_dir dir;

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

/* change(r, x=constant) of a ragged tensor and a vector, which returns both; a signature with a default. */
static sm_status add_composite(sm_object_graph *objects, sm_string graph_def, sm_error *err) {
  static const int64_t dims[] = {-1, -1};
  static const uint8_t bytes[] = {0x08, 1, 0x12, 4, 0x12, 2, 0x08, 1}; /* TensorProto: DT_FLOAT, [1] */
  static const sm_structured value = {.kind = SM_STRUCTURED_TENSOR, .proto = {(const char *)bytes, sizeof bytes}};
  const sm_structured items[] = {{.kind = SM_STRUCTURED_SHAPE, .rank = 2, .dims = dims},
                                 {.kind = SM_STRUCTURED_DTYPE, .dtype = SM_DT_FLOAT},
                                 {.kind = SM_STRUCTURED_INT64, .int64_value = 1},
                                 {.kind = SM_STRUCTURED_DTYPE, .dtype = SM_DT_INT64}};
  const sm_structured tuple = {.kind = SM_STRUCTURED_TUPLE, .items = items, .n_items = 4};
  const sm_structured both[] = {{.kind = SM_STRUCTURED_TYPE_SPEC,
                                 .text = "RaggedTensorSpec",
                                 .type_spec_class = SM_TYPE_SPEC_RAGGED_TENSOR,
                                 .items = &tuple,
                                 .n_items = 1},
                                {.kind = SM_STRUCTURED_TENSOR_SPEC, .text = "x", .dtype = SM_DT_FLOAT, .rank = -1}};
  const sm_structured positional = {.kind = SM_STRUCTURED_TUPLE, .items = both, .n_items = 2};
  const sm_structured arguments[] = {positional, {.kind = SM_STRUCTURED_DICT}};
  const sm_structured inputs = {.kind = SM_STRUCTURED_TUPLE, .items = arguments, .n_items = 2};
  const sm_function_tensor tensors[] = {{.tensor = "values:0"}, {.tensor = "splits:0"}, {.name = "x", .tensor = "x:0"}};
  const sm_parameter parameters[] = {{.name = "r"}, {.name = "x", .default_value = &value}};
  const sm_function_spec spec = {.parameters = parameters, .n_parameters = 2, .input_signature = &positional};
  const sm_trace trace = {.graph_def = graph_def,
                          .inputs = tensors,
                          .n_inputs = 3,
                          .outputs = tensors,
                          .n_outputs = 3,
                          .input_structure = &inputs,
                          .output_structure = &positional};
  const sm_traced_function function = {.traces = &trace, .n_traces = 1, .spec = &spec};
  int32_t number;
  SM_TRY(sm_object_graph_add_function(&number, objects, SM_OBJECT_ROOT, "change", &function, err));
  SM_TRY(sm_object_graph_set_signature(objects, "change", number, 0, err));
  static const float one = 1;
  const sm_tensor_view again = {.dtype = SM_DT_FLOAT, .rank = 1, .data = &one, .size = sizeof one, .dims = {1}};
  return sm_object_graph_set_signature_default(objects, "change", "x", &again, err);
}

static sm_status make_composite(sm_object_graph *objects, const sm_allocator *allocator, sm_error *err) {
  sm_graph *graph;
  sm_string graph_def;
  SM_TRY(sm_graph_new(&graph, allocator, err));
  sm_status status = sm_graph_add_placeholder(graph, "values", SM_DT_FLOAT, NULL, -1, err);
  if (status == SM_OK) status = sm_graph_add_placeholder(graph, "splits", SM_DT_INT64, NULL, -1, err);
  if (status == SM_OK) status = sm_graph_add_placeholder(graph, "x", SM_DT_FLOAT, NULL, -1, err);
  if (status == SM_OK) status = sm_graph_get_def(&graph_def, graph, err);
  if (status == SM_OK) status = add_composite(objects, graph_def, err);
  sm_graph_free(graph);
  return status;
}

static sm_status save(const char *path, const sm_allocator *allocator, sm_error *err) {
  sm_object_graph *objects;
  v2_objects made;
  sm_save_options options = SM_SAVE_OPTIONS_INIT;
  options.allocator = allocator;
  options.no_sync = true;
  SM_TRY(sm_object_graph_new(&objects, allocator, err));
  sm_status status = make_v2_objects(&made, objects, allocator, err);
  if (status == SM_OK) status = make_composite(objects, allocator, err);
  if (status == SM_OK) status = sm_object_graph_save(objects, path, NULL, &options, err);
  sm_object_graph_free(objects);
  return status;
}

static void objects_fault__every_allocation(void **state) {
  (void)state;
  char path[4096];
  snprintf(path, sizeof path, "%s", path_in(dir.path, "model"));
  for (uint64_t n = 0;; n++) {
    sm_fault_alloc fa;
    sm_error err;
    sm_fault_alloc_init(&fa, n);
    sm_status status = save(path, &fa.base, &err);
    assert_int_equal(fa.live_blocks, 0);
    bool fired = fa.fired;
    sm_fault_alloc_destroy(&fa);
    if (!fired) {
      assert_ok(status, err);
      assert_true(n > 100);
      break;
    }
    assert_int_equal(status, SM_RESOURCE_EXHAUSTED);
    assert_int_not_equal(access(path, F_OK), 0);
  }
}

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test_setup_teardown(objects_fault__every_allocation, set_up, tear_down),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
