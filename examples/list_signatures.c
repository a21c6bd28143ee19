/*
 * Lists what can be called in a SavedModel: for each meta graph its tags, its signatures, their inputs and outputs.
 *
 *     cc list_signatures.c -o list_signatures $(pkg-config --cflags --libs savedmodel)
 *     ./list_signatures MODEL_DIR
 */
#include <inttypes.h>
#include <stdio.h>

#include <savedmodel/savedmodel.h>

static void print_tensor(const char *direction, const sm_tensor_info *info) {
  const char *dtype = sm_dtype_python_name(info->dtype);
  printf("    %s %s: %s", direction, info->name, dtype != NULL ? dtype : "no dtype");
  if (info->rank < 0) {
    printf(", any shape\n");
    return;
  }
  printf(" [");
  for (int32_t i = 0; i < info->rank; i++) {
    if (i > 0) printf(", ");
    if (info->dims[i] < 0) {
      printf("?"); /* unknown, such as the size of a batch */
    } else {
      printf("%" PRId64, info->dims[i]);
    }
  }
  printf("]\n");
}

static void print_signature(const sm_signature *signature) {
  printf("  %s\n", signature->key);
  for (size_t i = 0; i < signature->n_inputs; i++) print_tensor("in ", signature->inputs[i]);
  for (size_t i = 0; i < signature->n_outputs; i++) print_tensor("out", signature->outputs[i]);
}

static sm_status list_meta_graph(const sm_meta_graph *graph, sm_error *err) {
  printf("tags:");
  for (size_t i = 0; i < sm_meta_graph_n_tags(graph); i++) printf(" %s", sm_meta_graph_get_tag(graph, i));
  printf("\n");

  for (size_t i = 0; i < sm_meta_graph_n_signatures(graph); i++) {
    const sm_signature *signature; /* the model's; nothing to free */
    SM_TRY(sm_meta_graph_get_signature(&signature, graph, i, err));
    print_signature(signature);
  }
  return SM_OK;
}

static sm_status list_model(const char *dir, sm_error *err) {
  sm_model *model;
  SM_TRY(sm_model_open(&model, dir, NULL, err));

  sm_status status = SM_OK;
  for (size_t i = 0; status == SM_OK && i < sm_model_n_meta_graphs(model); i++)
    status = list_meta_graph(sm_model_get_meta_graph(model, i), err);

  sm_model_close(model);
  return status;
}

int main(int argc, char **argv) {
  if (argc != 2) {
    fprintf(stderr, "usage: %s MODEL_DIR\n", argv[0]);
    return 2;
  }
  sm_error err; /* filled in when something fails */
  if (list_model(argv[1], &err) != SM_OK) {
    fprintf(stderr, "%s (%s)\n", err.message, sm_status_name(err.code));
    return 1;
  }
  return 0;
}
