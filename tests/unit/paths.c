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

/* Edges of an object graph of user objects. */
typedef struct edge {
  int from, to;
  const char *name;
} edge;

static sm_model *open_edges(const edge *edges, size_t n_edges, int n_nodes) {
  w_clear(&w);
  size_t meta_graph = w_begin(&w, 2), graph = w_begin(&w, 7);
  for (int node = 0; node < n_nodes; node++) {
    size_t object = w_begin(&w, 1);
    for (size_t i = 0; i < n_edges; i++) {
      if (edges[i].from != node) continue;
      size_t child = w_begin(&w, 1);
      w_varint(&w, 1, (uint64_t)(int64_t)edges[i].to);
      w_text(&w, 2, edges[i].name);
      w_end(&w, child);
    }
    w_bytes(&w, SM_OBJECT_USER_OBJECT, "", 0);
    w_end(&w, object);
  }
  w_end(&w, graph);
  w_end(&w, meta_graph);
  return open_bytes(&w);
}

static const sm_trackable *root_of(const sm_model *model) {
  const sm_trackable *root;
  assert_ok(sm_meta_graph_get_root(&root, only_graph(model), &err), err);
  return root;
}

/* Names with the two characters that mean something, and with what they are written as. */
static void paths__escapes(void **state) {
  (void)state;
  static const edge edges[] = {{0, 1, "a/b"}, {0, 2, "a.b"}, {0, 3, ".S"}, {1, 4, ""}, {4, 5, "..//x"}};
  static const struct {
    int id;
    const char *path;
  } rows[] = {{0, ""},
              {1, "a.Sb"},
              {2, "a..b"},
              {3, "..S"},
              {4, "a.Sb/"},
              {5,
               "a.Sb/"
               "/"
               "...."
               ".S.S"
               "x"}};
  const sm_trackable *node, *found;
  const char *path;
  sm_model *model = open_edges(edges, N_OF(edges), 6);
  for (size_t i = 0; i < N_OF(rows); i++) {
    assert_ok(sm_meta_graph_get_object(&node, only_graph(model), rows[i].id, &err), err);
    assert_int_equal(sm_trackable_get_id(node), rows[i].id);
    assert_ok(sm_trackable_get_path(&path, node, &err), err);
    assert_text("path", path, rows[i].path);
    assert_ok(sm_trackable_find(&found, root_of(model), path, &err), err);
    assert_ptr_equal(found, node);
  }
  sm_model_close(model);
}

static void paths__not_found(void **state) {
  (void)state;
  static const edge edges[] = {{0, 1, "a"}, {0, 1, "b"}, {1, 2, "c.d"}, {1, 99, "lost"}};
  static const struct {
    const char *path;
    sm_status status;
    const char *words;
  } rows[] = {{"x", SM_NOT_FOUND, "has no child \"x\"; there are: a, b"},
              {"a/x", SM_NOT_FOUND, "object \"a\" has no child \"x\"; there are: c.d, lost"},
              {"a/c.d", SM_NOT_FOUND, "\"c.d\""}, /* not escaped */
              {"a/", SM_NOT_FOUND, "has no child \"\""},
              {"a/c..", SM_NOT_FOUND, ""},
              {"a/lost", SM_DATA_LOSS, "99"}};
  const sm_trackable *found;
  sm_model *model = open_edges(edges, N_OF(edges), 3);
  for (size_t i = 0; i < N_OF(rows); i++) {
    found = root_of(model);
    assert_status(sm_trackable_find(&found, root_of(model), rows[i].path, &err), rows[i].status, err);
    assert_null(found);
    assert_mentions(err.message, rows[i].words);
  }
  sm_model_close(model);
}

/* The way with the fewest edges, then the first in the file; cycles, and two children of one name. */
static void paths__shortest_and_first(void **state) {
  (void)state;
  static const edge edges[] = {{0, 1, "long"}, {1, 2, "way"}, {0, 2, "short"}, {0, 2, "later"},   {2, 0, "up"},
                               {2, 2, "self"}, {0, 3, "dup"}, {0, 4, "dup"},   {5, 6, "orphan's"}};
  static const char *const wanted[] = {"", "long", "short", "dup", "dup", NULL, NULL};
  const sm_trackable *node;
  const char *path;
  sm_model *model = open_edges(edges, N_OF(edges), 7);
  for (int id = 0; id < 7; id++) {
    assert_ok(sm_meta_graph_get_object(&node, only_graph(model), id, &err), err);
    assert_status(sm_trackable_get_path(&path, node, &err), wanted[id] != NULL ? SM_OK : SM_NOT_FOUND, err);
    if (wanted[id] != NULL) assert_text("path", path, wanted[id]);
  }
  assert_ok(sm_trackable_find(&node, root_of(model), "dup", &err), err);
  assert_int_equal(sm_trackable_get_id(node), 4); /* the last, as of attributes that are set twice */
  assert_ok(sm_trackable_find(&node, root_of(model), "short/up/long/way/self", &err), err);
  assert_int_equal(sm_trackable_get_id(node), 2);
  sm_model_close(model);
}

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(paths__escapes),
      cmocka_unit_test(paths__not_found),
      cmocka_unit_test(paths__shortest_and_first),
  };
  return cmocka_run_group_tests(tests, NULL, tear_down);
}
