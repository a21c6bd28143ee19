/* Models of several kinds, for builder_tf.py.
 *
 *     save_models DIR        DIR/resource, DIR/reference, ...
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <savedmodel/proto.h>
#include <savedmodel/savedmodel.h>

static sm_error err;
static const char *out_dir;

static void check(sm_status status) {
  if (status == SM_OK) return;
  fprintf(stderr, "%s (%s)\n", err.message, sm_status_name(err.code));
  exit(1);
}

static const int64_t two[] = {2}, any_two[] = {-1, 2}, any[] = {-1};

static sm_tensor_view floats(const float *data, size_t n, int32_t rank) {
  sm_tensor_view view = {.dtype = SM_DT_FLOAT, .rank = rank, .data = data, .size = n * sizeof *data};
  if (rank == 1) view.dims[0] = (int64_t)n;
  return view;
}

static sm_builder *open_builder(const char *name, const sm_save_options *options) {
  sm_builder *builder;
  char path[4096];
  snprintf(path, sizeof path, "%s/%s", out_dir, name);
  check(sm_builder_open(&builder, path, options, &err));
  return builder;
}

static void finish(sm_builder *builder) {
  check(sm_builder_finish(builder, &err));
  sm_builder_close(builder);
}

/* w = [1, 2] */
static void add_values(sm_builder *builder, const char *key) {
  static const float values[] = {1, 2};
  sm_bundle_writer *variables;
  sm_tensor_view view = floats(values, 2, 1);
  check(sm_builder_get_variables(&variables, builder, &err));
  check(sm_bundle_writer_add(variables, key, &view, &err));
}

/* A graph that is one signature, from x to y. */
static void add_graph(sm_builder *builder, sm_graph *graph, const sm_meta_graph_spec *more, const char *key) {
  sm_tensor_info x = {.name = "x", .tensor_name = "x:0", .dtype = SM_DT_FLOAT, .rank = 2, .dims = any_two};
  sm_tensor_info y = {.name = "y", .tensor_name = "y:0", .dtype = SM_DT_FLOAT, .rank = 2, .dims = any_two};
  if (more->n_assets != 0) {
    x = (sm_tensor_info){.name = "x", .tensor_name = "x:0", .dtype = SM_DT_STRING, .rank = 1, .dims = any};
    y = (sm_tensor_info){.name = "y", .tensor_name = "y:0", .dtype = SM_DT_INT64, .rank = 1, .dims = any};
  }
  const sm_tensor_info *inputs[] = {&x}, *outputs[] = {&y};
  sm_signature signature = {.key = key,
                            .method_name = SM_METHOD_PREDICT,
                            .n_inputs = 1,
                            .inputs = inputs,
                            .n_outputs = 1,
                            .outputs = outputs};
  const sm_signature *signatures[] = {&signature};
  sm_meta_graph_spec spec = *more;
  spec.signatures = signatures;
  spec.n_signatures = 1;
  if (spec.n_collections == 0) spec.collections = sm_graph_get_collections(&spec.n_collections, graph);
  check(sm_graph_get_def(&spec.graph_def, graph, &err));
  check(sm_builder_add_meta_graph(NULL, builder, &spec, &err));
}

static const char *const serve[] = {SM_TAG_SERVE}, *const serve_gpu[] = {SM_TAG_SERVE, SM_TAG_GPU};

static sm_meta_graph_spec spec_of(const char *const *tags, size_t n_tags) {
  sm_meta_graph_spec spec = SM_META_GRAPH_SPEC_INIT;
  spec.tags = tags;
  spec.n_tags = n_tags;
  return spec;
}

/* y = op(x, w) */
static sm_graph *make_resource_graph(const char *op) {
  sm_graph *graph;
  check(sm_graph_new(&graph, NULL, &err));
  check(sm_graph_add_placeholder(graph, "x", SM_DT_FLOAT, any_two, 2, &err));
  check(sm_graph_add_variable(graph, "w", SM_DT_FLOAT, two, 1, &err));
  check(sm_graph_add(graph, op, "y", SM_NAMES("x", "w/Read/ReadVariableOp"), &err));
  return graph;
}

static void save_resource(const char *name, const sm_save_options *options) {
  sm_builder *builder = open_builder(name, options);
  sm_graph *graph = make_resource_graph("Mul");
  sm_meta_graph_spec spec = spec_of(serve, 1);
  add_graph(builder, graph, &spec, SM_KEY_SERVING_DEFAULT);
  add_values(builder, "w");
  finish(builder);
  sm_graph_free(graph);
}

static void save_reference(void) {
  sm_builder *builder = open_builder("reference", NULL);
  sm_graph *graph;
  const sm_attr attrs[] = {sm_attr_type("dtype", SM_DT_FLOAT), sm_attr_shape("shape", two, 1)};
  const sm_node_spec variable = {.op = "VariableV2", .name = "w", .attrs = attrs, .n_attrs = 2};
  sm_meta_graph_spec spec = spec_of(serve, 1);
  check(sm_graph_new(&graph, NULL, &err));
  check(sm_graph_add_placeholder(graph, "x", SM_DT_FLOAT, any_two, 2, &err));
  check(sm_graph_add_node(graph, &variable, &err));
  check(sm_graph_add(graph, "Identity", "w/read", SM_NAMES("w"), &err));
  check(sm_graph_add(graph, "Mul", "y", SM_NAMES("x", "w/read"), &err));
  add_graph(builder, graph, &spec, SM_KEY_SERVING_DEFAULT);
  add_values(builder, "w");
  finish(builder);
  sm_graph_free(graph);
}

/* A variable of TensorFlow 1 in two parts, which the checkpoint has as slices of one tensor. */
static void add_part(sm_graph *graph, int part, sm_string *def) {
  static const int64_t one[] = {1};
  static const float zero = 0;
  const sm_tensor_view value = floats(&zero, 1, 1);
  const sm_attr attrs[] = {sm_attr_type("dtype", SM_DT_FLOAT), sm_attr_shape("shape", one, 1)};
  char name[16], zeros[32], assign[32], read[32], tensor[32], snapshot[40];
  snprintf(name, sizeof name, "w/part_%d", part);
  snprintf(zeros, sizeof zeros, "%s/zeros", name);
  snprintf(assign, sizeof assign, "%s/Assign", name);
  snprintf(read, sizeof read, "%s/read", name);
  snprintf(tensor, sizeof tensor, "%s:0", name);
  snprintf(snapshot, sizeof snapshot, "%s:0", read);
  const sm_node_spec variable = {.op = "VariableV2", .name = name, .attrs = attrs, .n_attrs = 2};
  check(sm_graph_add_node(graph, &variable, &err));
  check(sm_graph_add_const(graph, zeros, &value, &err));
  check(sm_graph_add(graph, "Assign", assign, SM_NAMES(name, zeros), &err));
  check(sm_graph_add(graph, "Identity", read, SM_NAMES(name), &err));
  Tensorflow__SaveSliceInfoDef slice;
  Tensorflow__VariableDef message;
  int64_t full = 2, offset = part, size = 1;
  tensorflow__save_slice_info_def__init(&slice);
  tensorflow__variable_def__init(&message);
  slice.full_name = "w";
  slice.n_full_shape = slice.n_var_offset = slice.n_var_shape = 1;
  slice.full_shape = &full;
  slice.var_offset = &offset;
  slice.var_shape = &size;
  message.variable_name = tensor;
  message.initializer_name = assign;
  message.initial_value_name = zeros;
  message.snapshot_name = snapshot;
  message.trainable = true;
  message.save_slice_info_def = &slice;
  uint8_t *bytes = malloc(tensorflow__variable_def__get_packed_size(&message));
  if (bytes == NULL) abort();
  *def = (sm_string){(const char *)bytes, tensorflow__variable_def__pack(&message, bytes)};
}

static void save_partitioned(void) {
  static const float values[] = {1, 2};
  static const int32_t zero = 0;
  const sm_tensor_view axis = {.dtype = SM_DT_INT32, .data = &zero, .size = sizeof zero};
  sm_builder *builder = open_builder("partitioned", NULL);
  sm_bundle_writer *variables;
  sm_graph *graph;
  sm_string defs[2];
  const sm_collection collection = {.key = "variables", .kind = SM_COLLECTION_BYTES, .n = 2, .strings = defs};
  sm_meta_graph_spec spec = spec_of(serve, 1);
  check(sm_graph_new(&graph, NULL, &err));
  check(sm_graph_add_placeholder(graph, "x", SM_DT_FLOAT, any_two, 2, &err));
  for (int part = 0; part < 2; part++) add_part(graph, part, &defs[part]);
  check(sm_graph_add_const(graph, "axis", &axis, &err));
  check(sm_graph_add(graph, "ConcatV2", "w", SM_NAMES("w/part_0/read", "w/part_1/read", "axis"), &err));
  check(sm_graph_add(graph, "Mul", "y", SM_NAMES("x", "w"), &err));
  spec.collections = &collection;
  spec.n_collections = 1;
  add_graph(builder, graph, &spec, SM_KEY_SERVING_DEFAULT);
  check(sm_builder_get_variables(&variables, builder, &err));
  for (int64_t part = 0; part < 2; part++) {
    const sm_extent extent = {.start = part, .length = 1};
    const sm_slice_spec slice = {.extents = &extent, .n_extents = 1};
    const sm_tensor_view view = floats(&values[part], 1, 1);
    check(sm_bundle_writer_add_slice(variables, "w", two, &slice, &view, &err));
  }
  finish(builder);
  sm_graph_free(graph);
  for (int part = 0; part < 2; part++) free((char *)(uintptr_t)defs[part].data);
}

/* Two meta graphs over one checkpoint; devices and defaults go from the second. */
static void save_several(void) {
  sm_builder *builder = open_builder("several", NULL);
  sm_graph *first = make_resource_graph("Mul"), *second = make_resource_graph("AddV2");
  sm_meta_graph_spec spec = spec_of(serve, 1), other = spec_of(serve_gpu, 2);
  other.clear_devices = true;
  other.strip_default_attrs = true;
  add_graph(builder, first, &spec, SM_KEY_SERVING_DEFAULT);
  add_graph(builder, second, &other, "sum");
  add_values(builder, "w");
  finish(builder);
  sm_graph_free(first);
  sm_graph_free(second);
}

static void save_table(void) {
  sm_builder *builder = open_builder("table", NULL);
  sm_graph *graph;
  static const int64_t missing = -1;
  const sm_tensor_view none = {.dtype = SM_DT_INT64, .data = &missing, .size = sizeof missing};
  const sm_table_spec table = {.name = "table",
                               .file = "vocab:0",
                               .key_dtype = SM_DT_STRING,
                               .value_dtype = SM_DT_INT64,
                               .key_index = SM_TABLE_WHOLE_LINE,
                               .value_index = SM_TABLE_LINE_NUMBER};
  static const char words[] = "zero\none\ntwo\n";
  const sm_asset_spec assets[] = {
      {.tensor_name = "vocab:0", .data = {words, sizeof words - 1}, .filename = "vocab.txt"}};
  sm_meta_graph_spec spec = spec_of(serve, 1);
  spec.assets = assets;
  spec.n_assets = 1;
  spec.init_op = "init_all_tables";
  check(sm_graph_new(&graph, NULL, &err));
  check(sm_graph_add_placeholder(graph, "x", SM_DT_STRING, any, 1, &err));
  check(sm_graph_add_string(graph, "vocab", "vocab.txt", &err));
  check(sm_graph_add_table(graph, &table, &err));
  check(sm_graph_add_const(graph, "missing", &none, &err));
  check(sm_graph_add(graph, "LookupTableFindV2", "y", SM_NAMES("table", "x", "missing"), &err));
  check(sm_graph_add_init_op(graph, "init_all_tables", &err));
  add_graph(builder, graph, &spec, SM_KEY_SERVING_DEFAULT);
  finish(builder);
  sm_graph_free(graph);
}

static void save_no_variables(void) {
  sm_builder *builder = open_builder("no_variables", NULL);
  static const float one_and_two[] = {1, 2};
  sm_tensor_view view = floats(one_and_two, 2, 1);
  sm_graph *graph;
  sm_meta_graph_spec spec = spec_of(serve, 1);
  check(sm_graph_new(&graph, NULL, &err));
  check(sm_graph_add_placeholder(graph, "x", SM_DT_FLOAT, any_two, 2, &err));
  check(sm_graph_add_const(graph, "w", &view, &err));
  check(sm_graph_add(graph, "Mul", "y", SM_NAMES("x", "w"), &err));
  add_graph(builder, graph, &spec, SM_KEY_SERVING_DEFAULT);
  finish(builder);
  sm_graph_free(graph);
}

int main(int argc, char **argv) {
  if (argc != 2) return 2;
  out_dir = argv[1];
  sm_save_options as_text = SM_SAVE_OPTIONS_INIT;
  as_text.as_text = true;
  save_resource("resource", NULL);
  save_resource("as_text", &as_text);
  save_reference();
  save_partitioned();
  save_several();
  save_table();
  save_no_variables();
  return 0;
}
