/*
 * Saves the Adder of TensorFlow's reference of tf.saved_model.save: an object with one function, add(x) = x + x, for x of any
 * shape. In Python: tf.saved_model.load(DIR).add(3.0), or .signatures["serving_default"](x=...).
 *
 *     cc save_adder.c -o save_adder $(pkg-config --cflags --libs savedmodel)
 *     ./save_adder DIR
 */
#include <stdio.h>

#include <savedmodel/savedmodel.h>

/* x -> x + x, as a graph; the library cuts the function out of it. */
static sm_status make_graph(sm_graph *graph, sm_error *err) {
  SM_TRY(sm_graph_add_placeholder(graph, "x", SM_DT_FLOAT, NULL, -1, err));
  return sm_graph_add(graph, "AddV2", "sum", SM_NAMES("x", "x"), err);
}

static sm_status add_function(sm_object_graph *objects, sm_graph *graph, sm_error *err) {
  const sm_function_tensor x = {.name = "x", .tensor = "x:0", .rank = -1}, sum = {.tensor = "sum:0", .rank = -1};
  sm_trace trace = {.inputs = &x, .n_inputs = 1, .outputs = &sum, .n_outputs = 1};
  SM_TRY(sm_graph_get_def(&trace.graph_def, graph, err));
  /* is_fixed: tf.function(input_signature=...). Being the only such function, it becomes the signature serving_default. */
  const sm_traced_function add = {.traces = &trace, .n_traces = 1, .is_fixed = true};
  return sm_object_graph_add_function(NULL, objects, SM_OBJECT_ROOT, "add", &add, err);
}

int main(int argc, char **argv) {
  sm_error err;
  sm_graph *graph = NULL;
  sm_object_graph *objects = NULL;
  sm_save_options save = SM_SAVE_OPTIONS_INIT;
  save.overwrite = true;
  if (argc != 2) return 2;
  sm_status status = sm_graph_new(&graph, NULL, &err);
  if (status == SM_OK) status = sm_object_graph_new(&objects, NULL, &err);
  if (status == SM_OK) status = make_graph(graph, &err);
  if (status == SM_OK) status = add_function(objects, graph, &err);
  if (status == SM_OK) status = sm_object_graph_save(objects, argv[1], NULL, &save, &err);
  sm_object_graph_free(objects);
  sm_graph_free(graph);
  if (status == SM_OK)
    printf("written\n");
  else
    fprintf(stderr, "%s (%s)\n", err.message, sm_status_name(err.code));
  return status == SM_OK ? 0 : 1;
}
