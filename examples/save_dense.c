/*
 * Saves a network of one dense layer from arrays, y = relu(x kernel + bias), as Python would save an object whose attribute
 * "dense" has kernel and bias: they can be trained further, and tf.train.Checkpoint restores them.
 *
 *     cc save_dense.c -o save_dense $(pkg-config --cflags --libs savedmodel)
 *     ./save_dense DIR
 */
#include <stdio.h>

#include <savedmodel/savedmodel.h>

static const float kernel[3][2] = {{1, 2}, {3, 4}, {5, 6}}, bias[2] = {-1, -100};

static sm_status make_graph(sm_graph *graph, sm_error *err) {
  SM_TRY(sm_graph_add_placeholder(graph, "x", SM_DT_FLOAT, (int64_t[]){-1, 3}, 2, err));
  SM_TRY(sm_graph_add_variable(graph, "kernel", SM_DT_FLOAT, (int64_t[]){3, 2}, 2, err));
  SM_TRY(sm_graph_add_variable(graph, "bias", SM_DT_FLOAT, (int64_t[]){2}, 1, err));
  SM_TRY(sm_graph_add(graph, "MatMul", "matmul", SM_NAMES("x", "kernel/Read/ReadVariableOp"), err));
  SM_TRY(sm_graph_add(graph, "AddV2", "sum", SM_NAMES("matmul", "bias/Read/ReadVariableOp"), err));
  return sm_graph_add(graph, "Relu", "y", SM_NAMES("sum"), err);
}

static sm_status add_objects(sm_object_graph *objects, sm_graph *graph, sm_error *err) {
  const sm_tensor_view k = {SM_DT_FLOAT, 2, kernel, sizeof kernel, {3, 2}},
                       b = {SM_DT_FLOAT, 1, bias, sizeof bias, {2}};
  const int64_t in[] = {-1, 3}, out[] = {-1, 2};
  const sm_function_tensor x = {"x", "x:0", SM_DT_FLOAT, 2, in}, y = {"y", "y:0", SM_DT_FLOAT, 2, out};
  sm_function_capture captures[] = {{.node = "kernel"}, {.node = "bias"}};
  sm_trace trace = {.inputs = &x, .n_inputs = 1, .outputs = &y, .n_outputs = 1, .captures = captures, .n_captures = 2};
  const sm_traced_function call = {.traces = &trace, .n_traces = 1, .is_fixed = true};
  int32_t dense;
  SM_TRY(sm_object_graph_add(&dense, objects, SM_OBJECT_ROOT, "dense", SM_CONTAINER_OBJECT, err));
  SM_TRY(sm_object_graph_add_variable(&captures[0].object, objects, dense, "kernel", &(sm_variable_spec){.value = &k},
                                      err));
  SM_TRY(
      sm_object_graph_add_variable(&captures[1].object, objects, dense, "bias", &(sm_variable_spec){.value = &b}, err));
  SM_TRY(sm_graph_get_def(&trace.graph_def, graph, err));
  return sm_object_graph_add_function(NULL, objects, SM_OBJECT_ROOT, "__call__", &call, err);
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
  if (status == SM_OK) status = add_objects(objects, graph, &err);
  if (status == SM_OK) status = sm_object_graph_save(objects, argv[1], NULL, &save, &err);
  sm_object_graph_free(objects);
  sm_graph_free(graph);
  if (status == SM_OK) return puts("written") < 0;
  fprintf(stderr, "%s (%s)\n", err.message, sm_status_name(err.code));
  return 1;
}
