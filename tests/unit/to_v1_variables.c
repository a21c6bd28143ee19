/* V2 models that lose their object graph: how their variables are listed. That TensorFlow saves them again,
 * interop/convert_tf.py shows. */
#include "support/check.h"

#include <savedmodel/proto.h>
#include <savedmodel/savedmodel.h>

#include "support/files.h"
#include "support/models.h"

static temp_dir dir;
static sm_error err;
static sm_model *model, *made;

static int set_up(void **state) {
  (void)state;
  dir = make_temp_dir();
  model = made = NULL;
  return 0;
}

static int tear_down(void **state) {
  (void)state;
  sm_model_close(made);
  sm_model_close(model);
  remove_temp_dir(&dir);
  return 0;
}

static const sm_meta_graph *convert(const char *name) {
  sm_builder *builder;
  model = open_data(name);
  assert_ok(sm_builder_open(&builder, path_in(dir.path, "made"), NULL, &err), err);
  assert_ok(sm_builder_add_model(builder, model, &err), err);
  assert_ok(sm_builder_drop_object_graph(builder, 0, &err), err);
  assert_ok(sm_builder_finish(builder, &err), err);
  sm_builder_close(builder);
  assert_ok(sm_model_open(&made, path_in(dir.path, "made"), NULL, &err), err);
  return sm_model_get_meta_graph(made, 0);
}

static void assert_node(const sm_meta_graph *graph, const char *tensor, const char *op) {
  char name[256];
  const Tensorflow__GraphDef *def;
  const char *found = "no node";
  snprintf(name, sizeof name, "%s", tensor);
  char *colon = strchr(name, ':');
  if (colon != NULL) *colon = '\0';
  assert_ok(sm_meta_graph_get_graph_def(&def, graph, &err), err);
  for (size_t i = 0; i < def->n_node; i++)
    if (strcmp(def->node[i]->name, name) == 0) found = def->node[i]->op;
  assert_text(tensor, found, op);
}

/* Each has nodes that read it and that would initialise it; what was trained is trained still. */
static void to_v1_variables__lists_all(void **state) {
  (void)state;
  const sm_meta_graph *graph = convert("v2/variables");
  const sm_meta_graph *before = sm_model_get_meta_graph(model, 0);
  size_t n, n_before, n_listed = 0, n_trainable = 0, n_trained = 0;
  const sm_variable *variable;
  assert_ok(sm_meta_graph_n_variables(&n_before, before, &err), err);
  for (size_t i = 0; i < n_before; i++) {
    assert_ok(sm_meta_graph_get_variable(&variable, before, i, &err), err);
    n_trained += variable->trainable;
  }
  assert_ok(sm_meta_graph_n_variables(&n, graph, &err), err);
  for (size_t i = 0; i < n; i++) {
    assert_ok(sm_meta_graph_get_variable(&variable, graph, i, &err), err);
    if (variable->def == NULL) continue; /* keys of the checkpoint are paths, and not the names of variables */
    n_listed++;
    n_trainable += variable->trainable;
    assert_true(variable->def->is_resource);
    assert_node(graph, variable->def->variable_name, "VarHandleOp");
    assert_node(graph, variable->def->snapshot_name, "ReadVariableOp");
    assert_node(graph, variable->def->initializer_name, "AssignVariableOp");
    assert_node(graph, variable->def->initial_value_name, "Const");
  }
  assert_number("variables", n_listed, n_before);
  assert_number("trained", n_trainable, n_trained);
}

/* Without variables there is nothing to be listed; the init op moves to where V1 models have it. */
static void to_v1_variables__without(void **state) {
  (void)state;
  const sm_meta_graph *graph = convert("v2/table_asset");
  const sm_collection *collection;
  const sm_signature *signature;
  assert_status(sm_meta_graph_find_collection(&collection, graph, "variables", &err), SM_NOT_FOUND, err);
  assert_ok(sm_meta_graph_find_collection(&collection, graph, SM_KEY_MAIN_OP, &err), err);
  assert_status(sm_meta_graph_find_signature(&signature, graph, SM_KEY_INIT_OP, &err), SM_NOT_FOUND, err);
}

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test_setup_teardown(to_v1_variables__lists_all, set_up, tear_down),
      cmocka_unit_test_setup_teardown(to_v1_variables__without, set_up, tear_down),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
