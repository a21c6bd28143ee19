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
  const sm_variable_spec slot = {.value = &m, .not_trainable = true};
  return sm_object_graph_add_slot(NULL, objects, optimizer, out->weight, "momentum", &slot, err);
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

/* ---- Nodes of other kinds ---- */

static const char sum[] = /* x1 + x2, as TensorFlow writes it: FunctionDef of proto/function.proto */
    "\x0a\x2b\x0a\x12__inference_sum_40\x12\x06\x0a\x02x1\x18\x01\x12\x06\x0a\x02x2\x18\x01\x1a\x05\x0a\x01z\x18\x01"
    "\x1a\x1b\x0a\x01s\x12\x05"
    "AddV2\x1a\x02x1\x1a\x02x2*\x07\x0a\x01T\x12\x02\x30\x01"
    "\x22\x0a\x0a\x01z\x12\x05s:z:0";

static sm_status fill_table_graph(sm_graph *graph, sm_error *err) {
  static const int64_t dims[] = {-1};
  static const int32_t one = 1;
  const sm_tensor_view view = {.dtype = SM_DT_INT32, .data = &one, .size = sizeof one};
  const sm_attr types[] = {sm_attr_type("key_dtype", SM_DT_INT64), sm_attr_type("value_dtype", SM_DT_INT64),
                           sm_attr_string("shared_name", "numbers")};
  const sm_attr exported[] = {sm_attr_type("Tkeys", SM_DT_INT64), sm_attr_type("Tvalues", SM_DT_INT64)};
  const char *const table = "table";
  SM_TRY(sm_graph_add_function(graph, (sm_string){sum, sizeof sum - 1}, err));
  SM_TRY(sm_graph_add_const(graph, "one", &view, err));
  SM_TRY(sm_graph_add_node(
      graph, &(sm_node_spec){.op = "MutableHashTableV2", .name = table, .attrs = types, .n_attrs = 3}, err));
  SM_TRY(sm_graph_add_node(graph, &(sm_node_spec){"LookupTableExportV2", "export", &table, 1, exported, 2, NULL}, err));
  SM_TRY(sm_graph_add_placeholder(graph, "keys", SM_DT_INT64, dims, 1, err));
  SM_TRY(sm_graph_add_placeholder(graph, "values", SM_DT_INT64, dims, 1, err));
  return sm_graph_add(graph, "LookupTableImportV2", "import", SM_NAMES("table", "keys", "values"), err);
}

static sm_status add_makers(const v2_nodes *nodes, sm_object_graph *objects, sm_string graph_def, sm_error *err) {
  const sm_function_tensor handle = {.tensor = "table:0"}, one = {.tensor = "one:0"};
  sm_trace trace = {.graph_def = graph_def, .outputs = &handle, .n_outputs = 1};
  const sm_traced_function function = {.traces = &trace, .n_traces = 1};
  SM_TRY(sm_object_graph_add_function(NULL, objects, nodes->table, "_create_resource", &function, err));
  trace.outputs = &one;
  return sm_object_graph_add_function(NULL, objects, nodes->table, "_initialize", &function, err);
}

static sm_status add_savers(v2_nodes *out, sm_object_graph *objects, sm_string graph_def, sm_error *err) {
  const sm_function_tensor saved[] = {{.name = "keys", .tensor = "export:0"}, {.name = "values", .tensor = "export:1"}};
  const sm_function_tensor restored[] = {{.name = "keys", .tensor = "keys:0"},
                                         {.name = "values", .tensor = "values:0"}};
  const sm_function_capture capture = {"table", out->table};
  const sm_bare_function save = {
      .trace = {.graph_def = graph_def, .outputs = saved, .n_outputs = 2, .captures = &capture, .n_captures = 1}};
  const sm_bare_function restore = {.trace = {.graph_def = graph_def,
                                              .inputs = restored,
                                              .n_inputs = 2,
                                              .captures = &capture,
                                              .n_captures = 1,
                                              .control_outputs = (const char *[]){"import"},
                                              .n_control_outputs = 1}};
  const sm_tensor_view k = pair(keys), v = pair(values);
  SM_TRY(sm_object_graph_add_concrete_function(&out->save, objects, SM_OBJECT_NONE, "save", &save, err));
  SM_TRY(sm_object_graph_add_concrete_function(&out->restore, objects, SM_OBJECT_NONE, "restore", &restore, err));
  SM_TRY(sm_object_graph_add_saveable(objects, out->table, ".TENSORS", out->save, out->restore, err));
  SM_TRY(sm_object_graph_add_saved_tensor(objects, out->table, "keys", NULL, &k, err));
  return sm_object_graph_add_saved_tensor(objects, out->table, "values", NULL, &v, err);
}

static sm_status add_gradient(v2_nodes *out, sm_object_graph *objects, sm_error *err) {
  sm_function_capture capture = {NULL, 0};
  const sm_bare_function gradient = {
      .trace = {.function = "__inference_sum_40", .captures = &capture, .n_captures = 1}};
  SM_TRY(sm_object_graph_add_captured_tensor(&out->inside, objects, gradient.trace.function, "s:0", err));
  capture.object = out->inside;
  return sm_object_graph_add_concrete_function(&out->gradient, objects, SM_OBJECT_NONE, NULL, &gradient, err);
}

static sm_status add_concrete(v2_nodes *out, sm_object_graph *objects, const v2_objects *made, sm_string graph_def,
                              sm_error *err) {
  const sm_function_tensor x = {.name = "x", .tensor = "x:0"}, y = {.name = "y", .tensor = "y:0"};
  const sm_function_capture captures[] = {{"w", made->weight}, {"c", made->constant}};
  const sm_bare_function function = {.trace = {.graph_def = graph_def,
                                               .inputs = &x,
                                               .n_inputs = 1,
                                               .outputs = &y,
                                               .n_outputs = 1,
                                               .captures = captures,
                                               .n_captures = 2}};
  return sm_object_graph_add_concrete_function(&out->concrete, objects, SM_OBJECT_ROOT, "concrete", &function, err);
}

static sm_status add_optimizer(v2_nodes *out, sm_object_graph *objects, const v2_objects *made, sm_error *err) {
  static const int32_t bad[] = {7, 8};
  const sm_user_object user = {.identifier = "tf_deprecated_optimizer",
                               .metadata = "{}",
                               .producer = 2,
                               .min_consumer = 1,
                               .bad_consumers = bad,
                               .n_bad_consumers = 2};
  const sm_tensor_view m = scalar(&momentum);
  SM_TRY(sm_object_graph_add(&out->optimizer, objects, SM_OBJECT_ROOT, "teller", SM_CONTAINER_OBJECT, err));
  SM_TRY(sm_object_graph_set_user_object(objects, out->optimizer, &user, err));
  SM_TRY(
      sm_object_graph_set_user_proto(objects, out->optimizer, "type.googleapis.com/a.B", (sm_string){"\0x", 2}, err));
  const sm_variable_spec slot = {.value = &m};
  return sm_object_graph_add_slot(&out->slot, objects, out->optimizer, made->weight, "m", &slot, err);
}

static sm_status add_nodes(v2_nodes *out, sm_object_graph *objects, const v2_objects *made, sm_graph *tables,
                           sm_graph *arithmetic, sm_error *err) {
  sm_string graph_def;
  SM_TRY(fill_table_graph(tables, err));
  SM_TRY(sm_graph_get_def(&graph_def, tables, err));
  SM_TRY(sm_object_graph_add_resource(&out->table, objects, SM_OBJECT_ROOT, "resource", "/device:CPU:0", err));
  SM_TRY(add_makers(out, objects, graph_def, err));
  SM_TRY(add_savers(out, objects, graph_def, err));
  SM_TRY(add_gradient(out, objects, err));
  SM_TRY(sm_graph_get_def(&graph_def, arithmetic, err));
  SM_TRY(add_concrete(out, objects, made, graph_def, err));
  return add_optimizer(out, objects, made, err);
}

sm_status add_v2_nodes(v2_nodes *out, sm_object_graph *objects, const v2_objects *made, const sm_allocator *allocator,
                       sm_error *err) {
  sm_graph *tables, *arithmetic;
  SM_TRY(sm_graph_new(&tables, allocator, err));
  sm_status status = make_v2_graph(&arithmetic, allocator, err);
  if (status == SM_OK) {
    status = add_nodes(out, objects, made, tables, arithmetic, err);
    sm_graph_free(arithmetic);
  }
  sm_graph_free(tables);
  return status;
}
