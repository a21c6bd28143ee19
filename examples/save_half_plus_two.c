/*
 * Writes a SavedModel that computes y = a * x + b, with variables a and b: the model that TensorFlow Serving's
 * documentation begins with. saved_model_cli, TensorFlow Serving and every other loader of TensorFlow take it.
 *
 *     cc save_half_plus_two.c -o save_half_plus_two $(pkg-config --cflags --libs savedmodel)
 *     ./save_half_plus_two DIR
 */
#include <stdio.h>

#include <savedmodel/savedmodel.h>

static sm_status make_graph(sm_graph *graph, sm_error *err) {
  SM_TRY(sm_graph_add_placeholder(graph, "x", SM_DT_FLOAT, (int64_t[]){-1, 1}, 2, err));
  SM_TRY(sm_graph_add_variable(graph, "a", SM_DT_FLOAT, NULL, 0, err));
  SM_TRY(sm_graph_add_variable(graph, "b", SM_DT_FLOAT, NULL, 0, err));
  SM_TRY(sm_graph_add(graph, "Mul", "ax", SM_NAMES("x", "a/Read/ReadVariableOp"), err));
  return sm_graph_add(graph, "AddV2", "y", SM_NAMES("ax", "b/Read/ReadVariableOp"), err);
}

static sm_status add_meta_graph(sm_builder *builder, sm_graph *graph, sm_error *err) {
  const int64_t dims[] = {-1, 1};
  const sm_tensor_info x = {.name = "x", .tensor_name = "x:0", .dtype = SM_DT_FLOAT, .rank = 2, .dims = dims};
  const sm_tensor_info y = {.name = "y", .tensor_name = "y:0", .dtype = SM_DT_FLOAT, .rank = 2, .dims = dims};
  const sm_tensor_info *inputs[] = {&x}, *outputs[] = {&y};
  const sm_signature predict = {SM_KEY_SERVING_DEFAULT, SM_METHOD_PREDICT, 1, inputs, 1, outputs, 0, NULL, 0, 0};
  sm_meta_graph_spec spec = SM_META_GRAPH_SPEC_INIT;
  spec.tags = (const char *[]){SM_TAG_SERVE};
  spec.n_tags = 1;
  spec.signatures = (const sm_signature *[]){&predict};
  spec.n_signatures = 1;
  spec.collections = sm_graph_get_collections(&spec.n_collections, graph);
  SM_TRY(sm_graph_get_def(&spec.graph_def, graph, err));
  return sm_builder_add_meta_graph(NULL, builder, &spec, err);
}

static sm_status add_variables(sm_builder *builder, sm_error *err) {
  const float half = 0.5f, two = 2.0f;
  const sm_tensor_view a = {.dtype = SM_DT_FLOAT, .data = &half, .size = sizeof half};
  const sm_tensor_view b = {.dtype = SM_DT_FLOAT, .data = &two, .size = sizeof two};
  sm_bundle_writer *variables;
  SM_TRY(sm_builder_get_variables(&variables, builder, err));
  SM_TRY(sm_bundle_writer_add(variables, "a", &a, err));
  return sm_bundle_writer_add(variables, "b", &b, err);
}

int main(int argc, char **argv) {
  sm_error err;
  sm_graph *graph = NULL;
  sm_builder *builder = NULL;
  sm_save_options options = SM_SAVE_OPTIONS_INIT;
  options.overwrite = true;
  if (argc != 2) return 2;
  sm_status status = sm_graph_new(&graph, NULL, &err);
  if (status == SM_OK) status = make_graph(graph, &err);
  if (status == SM_OK) status = sm_builder_open(&builder, argv[1], &options, &err);
  if (status == SM_OK) status = add_meta_graph(builder, graph, &err);
  if (status == SM_OK) status = add_variables(builder, &err);
  if (status == SM_OK) status = sm_builder_finish(builder, &err); /* now it is there, whole */
  sm_builder_close(builder);
  sm_graph_free(graph);
  if (status == SM_OK)
    printf("written\n");
  else
    fprintf(stderr, "%s (%s)\n", err.message, sm_status_name(err.code));
  return status == SM_OK ? 0 : 1;
}
