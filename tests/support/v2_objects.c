#include "support/v2_objects.h"

static const float weight = 2, constant = 1, momentum = 0.5f;
static const int64_t keys[] = {1, 2}, values[] = {10, 20};
static const char lines[] = "a\nb\n";

static sm_tensor_view scalar(const float *value) {
  return (sm_tensor_view){.dtype = SM_DT_FLOAT, .data = value, .size = sizeof *value};
}

static sm_tensor_view pair(const int64_t *data) {
  return (sm_tensor_view){.dtype = SM_DT_INT64, .rank = 1, .data = data, .size = 2 * sizeof *data, .dims = {2}};
}

static sm_status fill_graph(sm_graph *graph, sm_error *err) {
  SM_TRY(sm_graph_add_placeholder(graph, "x", SM_DT_FLOAT, NULL, 0, err));
  SM_TRY(sm_graph_add_placeholder(graph, "c", SM_DT_FLOAT, NULL, 0, err));
  SM_TRY(sm_graph_add_variable(graph, "w", SM_DT_FLOAT, NULL, 0, err));
  SM_TRY(sm_graph_add(graph, "Mul", "xw", SM_NAMES("x", "w/Read/ReadVariableOp"), err));
  return sm_graph_add(graph, "AddV2", "y", SM_NAMES("xw", "c"), err);
}

sm_status make_v2_graph(sm_graph **out, const sm_allocator *allocator, sm_error *err) {
  SM_TRY(sm_graph_new(out, allocator, err));
  sm_status status = fill_graph(*out, err);
  if (status == SM_OK) return SM_OK;
  sm_graph_free(*out);
  *out = NULL;
  return status;
}

static sm_status add_values(v2_objects *out, sm_object_graph *objects, sm_error *err) {
  const sm_tensor_view w = scalar(&weight), c = scalar(&constant), m = scalar(&momentum);
  int32_t optimizer;
  SM_TRY(sm_object_graph_add(&out->layer, objects, SM_OBJECT_ROOT, "layer", SM_CONTAINER_OBJECT, err));
  SM_TRY(sm_object_graph_add(&optimizer, objects, SM_OBJECT_ROOT, "optimizer", SM_CONTAINER_OBJECT, err));
  SM_TRY(sm_object_graph_add_variable(&out->weight, objects, out->layer, "w", &(sm_variable_spec){.value = &w}, err));
  SM_TRY(sm_object_graph_add_constant(&out->constant, objects, out->layer, "c", &c, err));
  return sm_object_graph_add_slot(NULL, objects, optimizer, out->weight, "momentum", &m, err);
}

static sm_status add_tables(v2_objects *out, sm_object_graph *objects, sm_error *err) {
  const sm_tensor_view k = pair(keys), v = pair(values);
  const sm_asset_spec file = {.data = {lines, sizeof lines - 1}, .filename = "lines.txt"};
  SM_TRY(sm_object_graph_add_asset(&out->asset, objects, SM_OBJECT_ROOT, "lines", &file, err));
  const sm_lookup_table from_file = {.key_dtype = SM_DT_STRING,
                                     .value_dtype = SM_DT_INT64,
                                     .asset = out->asset,
                                     .key_index = SM_TABLE_WHOLE_LINE,
                                     .value_index = SM_TABLE_LINE_NUMBER};
  const sm_lookup_table changing = {
      .key_dtype = SM_DT_INT64, .value_dtype = SM_DT_INT64, .is_mutable = true, .keys = &k, .values = &v};
  SM_TRY(sm_object_graph_add_table(NULL, objects, SM_OBJECT_ROOT, "table", &from_file, err));
  return sm_object_graph_add_table(NULL, objects, SM_OBJECT_ROOT, "mutable", &changing, err);
}

static sm_status add_function(v2_objects *out, sm_object_graph *objects, sm_graph *graph, sm_error *err) {
  const sm_function_tensor x = {.name = "x", .tensor = "x:0"}, y = {.name = "y", .tensor = "y:0"};
  const sm_function_capture captures[] = {{"w", out->weight}, {"c", out->constant}};
  sm_trace trace = {.inputs = &x, .n_inputs = 1, .outputs = &y, .n_outputs = 1, .captures = captures, .n_captures = 2};
  const sm_traced_function function = {.traces = &trace, .n_traces = 1, .is_fixed = true};
  SM_TRY(sm_graph_get_def(&trace.graph_def, graph, err));
  return sm_object_graph_add_function(&out->function, objects, out->layer, "call", &function, err);
}

sm_status make_v2_objects(v2_objects *out, sm_object_graph *objects, const sm_allocator *allocator, sm_error *err) {
  sm_graph *graph;
  SM_TRY(add_values(out, objects, err));
  SM_TRY(add_tables(out, objects, err));
  SM_TRY(make_v2_graph(&graph, allocator, err));
  sm_status status = add_function(out, objects, graph, err);
  sm_graph_free(graph);
  SM_TRY(status);
  return sm_object_graph_set_signature(objects, SM_KEY_SERVING_DEFAULT, out->function, 0, err);
}
