#include "support/check.h"

#include <savedmodel/objects.h>

#include "support/models.h"

static w_buffer w;
static sm_error err;

static int tear_down(void **state) {
  (void)state;
  w_free(&w);
  return 0;
}

/* SavedObject.children (1): ObjectReference {node_id = 1, local_name = 2}. */
static void put_child(int64_t id, const char *name) {
  size_t child = w_begin(&w, 1);
  w_varint(&w, 1, (uint64_t)id);
  w_text(&w, 2, name);
  w_end(&w, child);
}

/* The object graph of a model: it begins in SavedModel.meta_graphs (2), MetaGraphDef.object_graph_def (7). */
typedef struct graph_place {
  size_t meta_graph, object_graph;
} graph_place;

static graph_place begin_graph(void) {
  graph_place place;
  w_clear(&w);
  place.meta_graph = w_begin(&w, 2);
  place.object_graph = w_begin(&w, 7);
  return place;
}

static void end_graph(graph_place place) {
  w_end(&w, place.object_graph);
  w_end(&w, place.meta_graph);
}

/* Each kind is the number of a field of SavedObject. */
static void nodes__kinds(void **state) {
  (void)state;
  static const sm_object_kind kinds[] = {SM_OBJECT_USER_OBJECT, SM_OBJECT_ASSET,    SM_OBJECT_FUNCTION,
                                         SM_OBJECT_VARIABLE,    SM_OBJECT_CONSTANT, SM_OBJECT_BARE_CONCRETE_FUNCTION,
                                         SM_OBJECT_RESOURCE,    SM_OBJECT_UNKNOWN,  SM_OBJECT_CAPTURED_TENSOR};
  for (size_t i = 0; i < N_OF(kinds); i++) {
    graph_place place = begin_graph();
    size_t node = w_begin(&w, 1);
    if (kinds[i] != SM_OBJECT_UNKNOWN) w_bytes(&w, (uint32_t)kinds[i], "", 0);
    w_end(&w, node);
    end_graph(place);
    const sm_trackable *root;
    sm_model *model = open_bytes(&w);
    assert_status(sm_meta_graph_get_root(&root, only_graph(model), &err), SM_OK, err);
    assert_int_equal(sm_trackable_get_kind(root), kinds[i]);
    assert_int_equal(sm_trackable_n_children(root), 0);
    sm_model_close(model);
  }
}

static void nodes__children_and_cycles(void **state) {
  (void)state;
  graph_place place = begin_graph();
  size_t root_bytes = w_begin(&w, 1);
  put_child(1, "b");
  put_child(0, "self");
  put_child(2, "out of range");
  put_child(-1, "negative");
  w_end(&w, root_bytes);
  size_t second = w_begin(&w, 1);
  put_child(0, "up");
  w_end(&w, second);
  end_graph(place);
  const sm_trackable *root, *child, *back;
  const char *name;
  sm_model *model = open_bytes(&w);
  assert_status(sm_meta_graph_get_root(&root, only_graph(model), &err), SM_OK, err);
  assert_int_equal(sm_trackable_n_children(root), 4);
  assert_status(sm_trackable_get_child(&child, &name, root, 0, &err), SM_OK, err);
  assert_string_equal(name, "b");
  assert_status(sm_trackable_get_child(&back, NULL, child, 0, &err), SM_OK, err);
  assert_ptr_equal(back, root);
  assert_status(sm_trackable_get_child(&back, NULL, root, 1, &err), SM_OK, err);
  assert_ptr_equal(back, root);
  for (size_t i = 2; i < 4; i++) {
    assert_status(sm_trackable_get_child(&child, &name, root, i, &err), SM_DATA_LOSS, err);
    assert_null(child);
  }
  assert_status(sm_trackable_get_child(NULL, &name, root, 3, &err), SM_OK, err); /* the name alone */
  assert_string_equal(name, "negative");
  assert_status(sm_trackable_get_child(&child, &name, root, 4, &err), SM_NOT_FOUND, err);
  sm_model_close(model);
}

static void nodes__no_object_graph(void **state) {
  (void)state;
  const sm_trackable *root;
  sm_model *model = open_data("v1/simple_save");
  assert_status(sm_meta_graph_get_root(&root, only_graph(model), &err), SM_NOT_FOUND, err);
  assert_null(root);
  sm_model_close(model);
  end_graph(begin_graph()); /* one without nodes has no root */
  model = open_bytes(&w);
  assert_status(sm_meta_graph_get_root(&root, only_graph(model), &err), SM_DATA_LOSS, err);
  sm_model_close(model);
}

/* Children as truth.json lists them. */
static void nodes__of_a_real_model(void **state) {
  (void)state;
  static const char *const names[] = {"from_dict",  "from_list",   "from_namedtuple", "from_nested",
                                      "from_tuple", "many_traces", "with_defaults",   "signatures"};
  const sm_trackable *root, *child;
  const char *name;
  sm_model *model = open_data("v2/input_structures");
  assert_status(sm_meta_graph_get_root(&root, only_graph(model), &err), SM_OK, err);
  assert_int_equal(sm_trackable_get_kind(root), SM_OBJECT_USER_OBJECT);
  assert_int_equal(sm_trackable_n_children(root), N_OF(names));
  for (size_t i = 0; i < N_OF(names); i++) {
    assert_status(sm_trackable_get_child(&child, &name, root, i, &err), SM_OK, err);
    assert_string_equal(name, names[i]);
    assert_int_equal(sm_trackable_get_kind(child), i < 7 ? SM_OBJECT_FUNCTION : SM_OBJECT_USER_OBJECT);
  }
  sm_model_close(model);
}

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(nodes__kinds),
      cmocka_unit_test(nodes__children_and_cycles),
      cmocka_unit_test(nodes__no_object_graph),
      cmocka_unit_test(nodes__of_a_real_model),
  };
  return cmocka_run_group_tests(tests, NULL, tear_down);
}
