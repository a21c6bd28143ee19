/* Writes a SavedModel that computes y = a * x + b, with variables a and b: the one that TensorFlow Serving's documentation
 * begins with. Predict takes x; Classify and Regress take tf.Examples that have it: save_half_plus_two DIR */
#include <stdio.h>

#include <savedmodel/savedmodel.h>

/* x is read from the examples: a feature of one float, which each of them has to have. */
static sm_status add_parser(sm_graph *graph, sm_error *err) {
  const sm_string x = {"x", 1}, one = {"\x0a\x06\x3a\x04\x12\x02\x08\x01", 8}; /* AttrValue: list of one shape, [1] */
  const sm_tensor_view keys = {.dtype = SM_DT_STRING, .rank = 1, .dims = {1}, .data = &x, .size = sizeof x};
  const sm_tensor_view none = {.dtype = SM_DT_STRING, .rank = 1}, no_default = {.dtype = SM_DT_FLOAT, .rank = 1};
  const sm_attr attrs[] = {sm_attr_int("num_sparse", 0), sm_attr_types("sparse_types", NULL, 0),
                           sm_attr_types("ragged_value_types", NULL, 0), sm_attr_types("ragged_split_types", NULL, 0),
                           sm_attr_proto("dense_shapes", one)};
  const char *const inputs[] = {"tf_example", "none", "none", "keys", "none", "no_default"};
  SM_TRY(sm_graph_add_placeholder(graph, "tf_example", SM_DT_STRING, (int64_t[]){-1}, 1, err));
  SM_TRY(sm_graph_add_const(graph, "none", &none, err));
  SM_TRY(sm_graph_add_const(graph, "keys", &keys, err));
  SM_TRY(sm_graph_add_const(graph, "no_default", &no_default, err));
  return sm_graph_add_node(graph, &(sm_node_spec){"ParseExampleV2", "x", inputs, 6, attrs, 5, NULL}, err);
}

static sm_status save(const char *dir, sm_graph *graph, sm_error *err) {
#define INFO(k, t, d, r)                                                                  \
  (const sm_tensor_info *[]) {                                                            \
    &(sm_tensor_info) { .name = k, .tensor_name = t, .dtype = d, .rank = r, .dims = any } \
  }
#define SIGNATURE(k, m, in, out) \
  &(sm_signature) { .key = k, .method_name = m, .n_inputs = 1, .inputs = in, .n_outputs = 1, .outputs = out }
  const int64_t any[] = {-1, 1};
  const sm_tensor_info *const *x = INFO("x", "x:0", SM_DT_FLOAT, 2), *const *y = INFO("y", "y:0", SM_DT_FLOAT, 2);
  const sm_tensor_info *const *examples = INFO(SM_KEY_REGRESS_INPUTS, "tf_example:0", SM_DT_STRING, 1);
  const sm_tensor_info *const *scores = INFO(SM_KEY_CLASSIFY_OUTPUT_SCORES, "y:0", SM_DT_FLOAT, 2);
  const sm_tensor_info *const *outputs = INFO(SM_KEY_REGRESS_OUTPUTS, "y:0", SM_DT_FLOAT, 2);
  const sm_signature *signatures[] = {SIGNATURE(SM_KEY_SERVING_DEFAULT, SM_METHOD_PREDICT, x, y),
                                      SIGNATURE("classify_x_to_y", SM_METHOD_CLASSIFY, examples, scores),
                                      SIGNATURE("regress_x_to_y", SM_METHOD_REGRESS, examples, outputs)};
  const sm_tensor_view a = {.dtype = SM_DT_FLOAT, .data = &(float){0.5f}, .size = sizeof(float)};
  const sm_tensor_view b = {.dtype = SM_DT_FLOAT, .data = &(float){2.0f}, .size = sizeof(float)};
  const sm_simple_variable variables[] = {{"a", &a}, {"b", &b}};
  SM_TRY(add_parser(graph, err));
  SM_TRY(sm_graph_add_variable(graph, "a", SM_DT_FLOAT, NULL, 0, err));
  SM_TRY(sm_graph_add_variable(graph, "b", SM_DT_FLOAT, NULL, 0, err));
  SM_TRY(sm_graph_add(graph, "Mul", "ax", SM_NAMES("x", "a/Read/ReadVariableOp"), err));
  SM_TRY(sm_graph_add(graph, "AddV2", "y", SM_NAMES("ax", "b/Read/ReadVariableOp"), err));
  const sm_simple_model model = {graph, signatures, 3, variables, 2, NULL, 0, NULL};
  const sm_save_options options = {.struct_size = sizeof options, .overwrite = true};
  return sm_simple_save(dir, &model, &options, err); /* it is there as a whole, or not at all */
}

int main(int argc, char **argv) {
  sm_error err;
  sm_graph *graph = NULL;
  if (argc != 2) return 2;
  sm_status status = sm_graph_new(&graph, NULL, &err);
  if (status == SM_OK) status = save(argv[1], graph, &err);
  sm_graph_free(graph);
  if (status == SM_OK) return puts("written") < 0;
  return fprintf(stderr, "%s (%s)\n", err.message, sm_status_name(err.code)), 1;
}
