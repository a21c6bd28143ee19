/* Objects that are saved when something fails. Every allocation in turn: RESOURCE_EXHAUSTED, nothing leaks, no model is there.
 * Every call of the file system: there is the model that was there, or all of the new one; nothing else is left. */
#include "support/check.h"

#include <unistd.h>

#include <savedmodel/savedmodel.h>

#include "support/fault_alloc.h"
#include "support/fault_fs.h"
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
  v2_nodes nodes;
  sm_save_options options = SM_SAVE_OPTIONS_INIT;
  sm_export_options effects = SM_EXPORT_OPTIONS_INIT;
  effects.strip_debug_ops = true;
  effects.move_constants_above = 1;
  options.allocator = allocator;
  options.no_sync = true;
  SM_TRY(sm_object_graph_new(&objects, allocator, err));
  sm_status status = make_v2_objects(&made, objects, allocator, err);
  if (status == SM_OK) status = add_v2_nodes(&nodes, objects, &made, allocator, err);
  if (status == SM_OK) status = make_composite(objects, allocator, err);
  if (status == SM_OK) status = sm_object_graph_save(objects, path, &effects, &options, err);
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

/* ---- Files ---- */

/* The value of the variable tells which model it is. */
static sm_status save_numbered(float number, const sm_fs *fs, const sm_allocator *allocator, sm_error *err) {
  sm_object_graph *objects;
  sm_save_options options = SM_SAVE_OPTIONS_INIT;
  const sm_tensor_view view = {.dtype = SM_DT_FLOAT, .data = &number, .size = sizeof number};
  const sm_asset_spec file = {.data = {"lines", 5}, .filename = "lines.txt"};
  options.fs = fs;
  options.allocator = allocator;
  options.overwrite = true;
  SM_TRY(sm_object_graph_new(&objects, allocator, err));
  sm_status status =
      sm_object_graph_add_variable(NULL, objects, SM_OBJECT_ROOT, "number", &(sm_variable_spec){.value = &view}, err);
  if (status == SM_OK) status = sm_object_graph_add_asset(NULL, objects, SM_OBJECT_ROOT, "file", &file, err);
  if (status == SM_OK) status = sm_object_graph_save(objects, "d/m", NULL, &options, err);
  sm_object_graph_free(objects);
  return status;
}

/* The number of the whole model there; 0: there is none. */
static int read_number(const sm_fs *fs) {
  sm_model *model;
  sm_error err;
  sm_dir_entry found;
  const sm_bundle_reader *variables;
  float number;
  sm_open_options options = SM_OPEN_OPTIONS_INIT;
  options.fs = fs;
  if (fs->stat(&found, fs, "d/m", "", 0, NULL) != SM_OK) return 0;
  assert_ok(sm_model_open(&model, "d/m", &options, &err), err);
  assert_ok(sm_model_verify(model, NULL, NULL, &err), err);
  assert_ok(sm_model_get_variables(&variables, model, &err), err);
  assert_ok(sm_bundle_reader_read(variables, "number/.ATTRIBUTES/VARIABLE_VALUE", NULL, &number, sizeof number, &err),
            err);
  sm_model_close(model);
  return (int)number;
}

static sm_status count_entry(void *ctx, const sm_dir_entry *entry, sm_error *err) {
  (void)entry, (void)err;
  ++*(size_t *)ctx;
  return SM_OK;
}

static size_t count_entries(const sm_fs *fs) {
  size_t n = 0;
  (void)fs->list(fs, "d", "", 0, count_entry, &n, NULL);
  return n;
}

/* The n-th call fails, and all behind it if the process dies then; false: there were fewer. */
static bool fail_one(uint64_t n, bool has_old, bool is_death) {
  sm_fs *fs;
  sm_fault_fs ff;
  sm_fault_alloc fa;
  sm_error err;
  assert_ok(sm_fs_memory_new(&fs, NULL, &err), err);
  assert_ok(fs->mkdir(fs, "", "d", &err), err);
  if (has_old) assert_ok(save_numbered(1, fs, NULL, &err), err);
  sm_fault_fs_init(&ff, fs, n);
  sm_fault_alloc_init(&fa, UINT64_MAX);
  ff.fail_all_after = is_death;
  sm_status status = save_numbered(2, &ff.base, &fa.base, &err);
  bool fired = ff.fired;
  assert_number("open and mapped files", ff.open_files + ff.mapped_files, 0);
  assert_number("live blocks", fa.live_blocks, 0);
  sm_fault_alloc_destroy(&fa);
  int found = read_number(fs);
  if (!fired) assert_ok(status, err);
  if (status == SM_OK) assert_number("what was saved", found, 2);
  bool may_be_gone = is_death && found == 0; /* between two renames: names cannot change places in memory */
  if (found != 2 && !may_be_gone) assert_number("what is there still", found, has_old);
  if (!is_death && (status != SM_OK || !fired)) assert_number("names in the directory", count_entries(fs), found != 0);
  assert_ok(save_numbered(3, fs, NULL, &err), err);
  assert_number("the next one", read_number(fs), 3);
  assert_number("names after the next one", count_entries(fs), 1);
  sm_fs_close(fs);
  return fired;
}

static void objects_fault__every_call_of_the_file_system(void **state) {
  (void)state;
  for (int way = 0; way < 4; way++) {
    uint64_t n = 0;
    while (fail_one(n, (way & 1) != 0, (way & 2) != 0)) n++;
    assert_true(n > 12);
  }
}

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test_setup_teardown(objects_fault__every_allocation, set_up, tear_down),
      cmocka_unit_test(objects_fault__every_call_of_the_file_system),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
