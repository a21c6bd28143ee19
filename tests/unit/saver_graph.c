/* Which variables a graph has, and what saves them. That it saves and restores is in interop/graph_tf.py. */
#include "graph/saver_graph.h"

#include <savedmodel/graph.h>

#include "support/check.h"
#include "support/fault_alloc.h"
#include "support/graph_spec.h"

static w_buffer w, defs;
static sm_arena arena;
static sm_error err;
static sm_graph_variables variables;

static int set_up(void **state) {
  (void)state;
  w = defs = (w_buffer){0};
  sm_arena_init(&arena, sm_allocator_or_malloc(NULL), UINT64_MAX);
  return 0;
}

static int tear_down(void **state) {
  (void)state;
  sm_arena_free(&arena);
  w_free(&w);
  w_free(&defs);
  return 0;
}

/* ---- Graphs ---- */

/* A variable node: shape is NULL for none at all. */
static void put_variable(const char *name, const char *op, uint64_t dtype, const char *shared_name,
                         const int64_t *shape, size_t rank) {
  char text[128];
  snprintf(text, sizeof text, "%s=%s()", name, op);
  size_t node = begin_node(&w, SPEC_NODE, text);
  w_entry entry = w_begin_entry(&w, 5, "dtype");
  w_varint(&w, 6, dtype);
  w_end_entry(&w, entry);
  if (shape != NULL) {
    entry = w_begin_entry(&w, 5, "shape");
    size_t proto = w_begin(&w, 7);
    for (size_t i = 0; i < rank; i++) {
      size_t dim = w_begin(&w, 2);
      w_varint(&w, 1, (uint64_t)shape[i]);
      w_end(&w, dim);
    }
    w_end(&w, proto);
    w_end_entry(&w, entry);
  }
  if (shared_name != NULL) put_attr_text(&w, "shared_name", shared_name);
  w_end(&w, node);
}

/* A VariableDef; a part of full_name where that is not NULL, all numbers of rank. */
static void put_def(const char *name, const char *snapshot, const char *full_name, size_t rank, const int64_t *full,
                    const int64_t *offset, const int64_t *shape) {
  size_t def = w_begin(&defs, 1);
  w_text(&defs, 1, name);
  if (snapshot != NULL) w_text(&defs, 3, snapshot);
  if (full_name != NULL) {
    size_t slice = w_begin(&defs, 4);
    w_text(&defs, 1, full_name);
    for (size_t i = 0; i < rank; i++) w_varint(&defs, 2, (uint64_t)full[i]);
    for (size_t i = 0; i < rank; i++) w_varint(&defs, 3, (uint64_t)offset[i]);
    for (size_t i = 0; i < rank; i++) w_varint(&defs, 4, (uint64_t)shape[i]);
    w_end(&defs, slice);
  }
  w_end(&defs, def);
}

static sm_status find(sm_arena *in) {
  const sm_span graph = {w.data, w.size}, list = {defs.data, defs.size};
  const sm_wire_source source = {.name = "m", .bytes = graph};
  sm_spans values;
  SM_TRY(sm_wire_collect(&values, (sm_spans){&list, 1}, 1, &source, in, &err));
  return sm_graph_find_variables(&variables, (sm_spans){&graph, 1}, values, &source, in, &err);
}

/* "key=node<value dtype [shape] full_shape@offsets", one to a line; "-" for what is not known. */
static const char *describe(void) {
  static char text[2048];
  size_t at = 0;
  text[0] = '\0';
  for (size_t i = 0; i < variables.n; i++) {
    const sm_graph_variable *v = &variables.items[i];
    at += (size_t)snprintf(text + at, sizeof text - at, "%.*s=%.*s<%.*s %d%s [", (int)v->key.size, v->key.data,
                           (int)v->node.size, v->node.data, v->value.data != NULL ? (int)v->value.size : 1,
                           v->value.data != NULL ? v->value.data : "-", (int)v->dtype, v->is_resource ? "R" : "");
    for (int32_t k = 0; k < v->shape.rank; k++)
      at += (size_t)snprintf(text + at, sizeof text - at, "%s%lld", k != 0 ? "," : "", (long long)v->shape.dims[k]);
    at += (size_t)snprintf(text + at, sizeof text - at, v->shape.rank < 0 ? "-]" : "]");
    for (int32_t k = 0; k < v->full_shape.rank; k++)
      at += (size_t)snprintf(text + at, sizeof text - at, " %lld@%lld", (long long)v->full_shape.dims[k],
                             (long long)v->offsets[k]);
    at += (size_t)snprintf(text + at, sizeof text - at, "\n");
  }
  return text;
}

/* ---- Finding ---- */

static void saver_graph__finds_variables_by_their_nodes(void **state) {
  (void)state;
  const int64_t shape[] = {2, 3};
  put_variable("z", "VariableV2", 1, NULL, shape, 2);
  put_node(&w, SPEC_NODE, "other=Add(z, z)");
  put_variable("b", "VarHandleOp", 3, "same", shape, 0);
  put_variable("a", "VarHandleOp", 3, "same", shape, 0);
  put_variable("c", "VarHandleOp", 9, NULL, NULL, 0);
  put_node(&w, SPEC_NODE, "b/Read/ReadVariableOp=ReadVariableOp(b)");
  put_node(&w, SPEC_NODE, "c/Read/ReadVariableOp=Identity(z)");
  put_variable("old", "Variable", 2, "same too", shape, 1);
  put_variable("auto", "AutoReloadVariable", 2, NULL, shape, 1);
  put_variable("temporary", "TemporaryVariable", 2, NULL, shape, 1);
  assert_ok(find(&arena), err);
  assert_text(
      "variables", describe(),
      "auto=auto<auto 2 [2]\nb=b<b/Read/ReadVariableOp 3R []\nc=c<- 9R [-]\nold=old<old 2 [2]\nz=z<z 1 [2,3]\n");
}

static void saver_graph__finds_variables_by_their_defs(void **state) {
  (void)state;
  const int64_t part[] = {2, 3}, full[] = {4, 3}, first[] = {0, 0}, second[] = {2, 0};
  put_variable("p1", "VariableV2", 1, NULL, part, 2);
  put_variable("p0", "VarHandleOp", 1, "p0", part, 2);
  put_variable("v", "VarHandleOp", 1, "v", part, 1);
  put_variable("unlisted", "VarHandleOp", 1, "u", part, 1);
  put_node(&w, SPEC_NODE, "read=ReadVariableOp(v)");
  put_def("v:0", "read:0", NULL, 0, NULL, NULL, NULL);
  put_def("p1:0", "p1/read:0", "p", 2, full, second, part);
  put_def("p0:0", "nowhere:0", "p", 2, full, first, part);
  assert_ok(find(&arena), err);
  assert_text("variables", describe(), "p=p0<- 1R [2,3] 4@0 3@0\np=p1<p1 1 [2,3] 4@2 3@0\nv=v<read:0 1R [2]\n");
}

/* ---- Refused ---- */

typedef struct bad_part {
  const char *what;
  size_t rank;
  int64_t full[2], offset[2], shape[2];
} bad_part;

static void saver_graph__refuses_bad_defs(void **state) {
  (void)state;
  static const bad_part parts[] = {{"another rank", 1, {4}, {0}, {2}},
                                   {"past the end", 2, {4, 3}, {3, 0}, {2, 3}},
                                   {"before the start", 2, {4, 3}, {-1, 0}, {2, 3}},
                                   {"nothing", 2, {4, 3}, {0, 0}, {0, 3}},
                                   {"no shape", 2, {INT64_MIN, 3}, {0, 0}, {2, 3}},
                                   {"far out", 2, {4, 3}, {INT64_MAX, 0}, {2, 3}}};
  const int64_t shape[] = {2, 3};
  put_variable("v", "VarHandleOp", 1, NULL, shape, 2);
  put_node(&w, SPEC_NODE, "a=Add()");
  for (size_t i = 0; i < N_OF(parts); i++) {
    w_clear(&defs);
    put_def("v:0", NULL, "p", parts[i].rank, parts[i].full, parts[i].offset, parts[i].shape);
    assert_status(find(&arena), SM_DATA_LOSS, err);
    assert_mentions(err.message, "its part of p");
  }
  w_clear(&defs);
  put_def("nowhere:0", NULL, NULL, 0, NULL, NULL, NULL);
  assert_status(find(&arena), SM_DATA_LOSS, err);
  assert_mentions(err.message, "nowhere:0 is not in the graph");
  w_clear(&defs);
  put_def("a:0", NULL, NULL, 0, NULL, NULL, NULL);
  assert_status(find(&arena), SM_DATA_LOSS, err);
  assert_mentions(err.message, "a:0 is a Add, no variable");
  w_clear(&defs);
  put_def("v:0", NULL, NULL, 0, NULL, NULL, NULL);
  put_def("v:0", NULL, NULL, 0, NULL, NULL, NULL);
  assert_status(find(&arena), SM_FAILED_PRECONDITION, err);
  assert_mentions(err.message, "both saved as \"v\"");
}

/* ---- Names of the saver ---- */

static void assert_scope(const char *node, const char *filename) {
  sm_saver_graph saver;
  char text[64];
  const int64_t shape[] = {1};
  w_clear(&w);
  put_variable("v", "VarHandleOp", 1, NULL, shape, 1);
  snprintf(text, sizeof text, "%s=NoOp()", node);
  put_node(&w, SPEC_NODE, text);
  const sm_span graph = {w.data, w.size};
  const sm_wire_source source = {.name = "m", .bytes = graph};
  assert_ok(find(&arena), err);
  assert_ok(sm_saver_graph_make(&saver, &variables, (sm_spans){&graph, 1}, &source, &arena, &err), err);
  assert_text(node, saver.def.filename_tensor_name, filename);
}

static void saver_graph__finds_a_free_scope(void **state) {
  (void)state;
  static const char *const rows[][2] = {{"a", "save/Const:0"},        {"save", "save_1/Const:0"},
                                        {"save/x", "save_1/Const:0"}, {"save_1/x", "save/Const:0"},
                                        {"saved/x", "save/Const:0"},  {"save_x", "save/Const:0"},
                                        {"a/save/x", "save/Const:0"}, {"save_99999999999999999999", "save/Const:0"}};
  for (size_t i = 0; i < N_OF(rows); i++) assert_scope(rows[i][0], rows[i][1]);
}

static void saver_graph__needs_variables(void **state) {
  (void)state;
  sm_saver_graph saver;
  const sm_graph_variables none = {.n = 0};
  const sm_wire_source source = {.name = "m"};
  assert_status(sm_saver_graph_make(&saver, &none, (sm_spans){NULL, 0}, &source, &arena, &err), SM_INVALID_ARGUMENT,
                err);
}

/* ---- Memory ---- */

static sm_status find_and_make(sm_arena *in) {
  sm_saver_graph saver;
  const sm_span graph = {w.data, w.size};
  const sm_wire_source source = {.name = "m", .bytes = graph};
  SM_TRY(find(in));
  return sm_saver_graph_make(&saver, &variables, (sm_spans){&graph, 1}, &source, in, &err);
}

static void saver_graph__out_of_memory(void **state) {
  (void)state;
  const int64_t part[] = {2}, full[] = {4}, second[] = {2};
  put_variable("p", "VarHandleOp", 1, NULL, part, 1);
  put_variable("v", "VariableV2", 1, NULL, part, 1);
  put_def("p:0", NULL, "full", 1, full, second, part);
  put_def("v:0", NULL, NULL, 0, NULL, NULL, NULL);
  for (uint64_t n = 0;; n++) {
    sm_fault_alloc fa;
    sm_arena in;
    sm_fault_alloc_init(&fa, n);
    sm_arena_init(&in, &fa.base, UINT64_MAX);
    sm_status status = find_and_make(&in);
    sm_arena_free(&in);
    assert_number("status", status, fa.fired ? SM_RESOURCE_EXHAUSTED : SM_OK);
    assert_number("live blocks", fa.live_blocks, 0);
    bool fired = fa.fired;
    sm_fault_alloc_destroy(&fa);
    if (!fired) break;
  }
}

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test_setup_teardown(saver_graph__finds_variables_by_their_nodes, set_up, tear_down),
      cmocka_unit_test_setup_teardown(saver_graph__finds_variables_by_their_defs, set_up, tear_down),
      cmocka_unit_test_setup_teardown(saver_graph__refuses_bad_defs, set_up, tear_down),
      cmocka_unit_test_setup_teardown(saver_graph__finds_a_free_scope, set_up, tear_down),
      cmocka_unit_test_setup_teardown(saver_graph__needs_variables, set_up, tear_down),
      cmocka_unit_test_setup_teardown(saver_graph__out_of_memory, set_up, tear_down),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
