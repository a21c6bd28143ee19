/* What a saver restores, in protobuf text. */
#include "graph/freeze.h"
#include "graph/saver_graph.h"

#include <savedmodel/pb/graph.pb-c.h>

#include "support/check.h"
#include "wire/text.h"

static sm_error err;

static void read_text(sm_buffer *out, const char *text) {
  sm_buffer_init(out, sm_allocator_or_malloc(NULL), UINT64_MAX);
  assert_ok(sm_text_read(out, &tensorflow__graph_def__descriptor, sm_string_of(text), &err), err);
}

#define STRINGS(name, values)                                                                                    \
  "node { name: '" name                                                                                          \
  "' op: 'Const' attr { key: 'value' value { tensor { dtype: DT_STRING tensor_shape { dim { size: 2 } } " values \
  " } } } }"

static const char RESTORES[] =
    "node { name: 'w' op: 'VarHandleOp' } node { name: 'v' op: 'VariableV2' } node { name: 'prefix' op: 'Const' }"
    STRINGS("keys", "string_val: 'a/w' string_val: 'v'") STRINGS("slices", "string_val: '' string_val: '4 0,2'")
    "node { name: 'from' op: 'RestoreV2' input: 'prefix' input: 'keys' input: 'slices' }"
    "node { name: 'copy' op: 'Identity' input: 'from' }"
    "node { name: 'to_w' op: 'AssignVariableOp' input: 'w' input: 'copy' }"
    "node { name: 'to_v' op: 'Assign' input: 'v' input: 'from:1' }"
    "node { name: 'init' op: 'Assign' input: 'v' input: 'prefix' }"
    "node { name: 'restore' op: 'NoOp' input: '^to_w' input: '^to_v' input: '^init' }";

static void restores__variables(void **state) {
  (void)state;
  const sm_restored_variable *found;
  size_t n;
  sm_buffer graph;
  sm_arena arena;
  sm_graph_library library = {NULL, 0};
  read_text(&graph, RESTORES);
  const sm_span bytes = {graph.data, graph.size};
  const sm_wire_source source = {.name = "graph", .bytes = bytes};
  sm_arena_init(&arena, sm_allocator_or_malloc(NULL), UINT64_MAX);
  assert_ok(sm_graph_find_restores(&found, &n, (sm_spans){&bytes, 1}, &library, (sm_string){"restore", 7}, &source,
                                   &arena, &err),
            err);
  assert_number("restored", n, 2);
  assert_bytes("node", found[0].node.data, found[0].node.size, "v", 1);
  assert_text("its key", found[0].key.data, "v");
  assert_text("its slice", found[0].slice.data, "4 0,2");
  assert_bytes("node", found[1].node.data, found[1].node.size, "w", 1);
  assert_text("its key", found[1].key.data, "a/w");
  assert_text("its slice", found[1].slice.data, "");
  sm_arena_free(&arena);
  sm_buffer_free(&graph);
}

/* A saver of two tables, as it is found again. */
static void restores__tables(void **state) {
  (void)state;
  static const sm_graph_table tables[] = {{{"t", 1}, {"t-keys", 6}, {"t-values", 8}, SM_DT_INT64, SM_DT_STRING},
                                          {{"u", 1}, {"k", 1}, {"v", 1}, SM_DT_STRING, SM_DT_FLOAT}};
  const sm_graph_variables saved = {.tables = tables, .n_tables = N_OF(tables)};
  const sm_restored_table *found;
  const sm_restored_variable *variables;
  const sm_wire_source source = {.name = "graph"};
  const sm_graph_library library = {NULL, 0};
  sm_saver_graph made;
  sm_arena arena;
  size_t n;
  sm_arena_init(&arena, sm_allocator_or_malloc(NULL), UINT64_MAX);
  assert_ok(sm_saver_graph_make(&made, &saved, (sm_spans){NULL, 0}, &source, &arena, &err), err);
  const sm_span nodes = {(const uint8_t *)made.nodes.data, made.nodes.size};
  const sm_string restore = sm_string_of(made.def.restore_op_name);
  assert_ok(sm_graph_find_restored_tables(&found, &n, (sm_spans){&nodes, 1}, &library, restore, &source, &arena, &err),
            err);
  assert_number("tables", n, 0); /* their nodes are not there */
  sm_buffer graph;
  read_text(&graph, "node { name: 'u' op: 'MutableHashTableV2' } node { name: 't' op: 'MutableHashTableV2' }");
  const sm_span pieces[] = {{graph.data, graph.size}, nodes};
  assert_ok(sm_graph_find_restored_tables(&found, &n, (sm_spans){pieces, 2}, &library, restore, &source, &arena, &err),
            err);
  assert_number("tables", n, 2);
  for (size_t i = 0; i < n; i++) {
    assert_bytes("node", found[i].node.data, found[i].node.size, tables[i].node.data, tables[i].node.size);
    assert_text("keys", found[i].keys.data, tables[i].keys.data);
    assert_text("values", found[i].values.data, tables[i].values.data);
  }
  assert_ok(sm_graph_find_restores(&variables, &n, (sm_spans){pieces, 2}, &library, restore, &source, &arena, &err),
            err);
  assert_number("variables", n, 0);
  sm_buffer_free(&graph);
  sm_arena_free(&arena);
}

static void restores__something_else(void **state) {
  (void)state;
  static const char more[] =
      "node { name: 'print' op: 'PrintV2' input: 'copy' } node { name: 'r' op: 'NoOp' input: '^restore' input: "
      "'^print' }";
  const sm_restored_table *found;
  const sm_graph_library library = {NULL, 0};
  const sm_wire_source source = {.name = "graph"};
  sm_buffer graph, rest;
  sm_arena arena;
  size_t n;
  read_text(&graph, RESTORES);
  read_text(&rest, more);
  sm_arena_init(&arena, sm_allocator_or_malloc(NULL), UINT64_MAX);
  const sm_span pieces[] = {{graph.data, graph.size}, {rest.data, rest.size}};
  assert_status(sm_graph_find_restored_tables(&found, &n, (sm_spans){pieces, 2}, &library, (sm_string){"r", 1}, &source,
                                              &arena, &err),
                SM_UNIMPLEMENTED, err);
  assert_mentions(err.message, "node print: PrintV2 is neither variable nor table, and is restored from a/w");
  sm_arena_free(&arena);
  sm_buffer_free(&rest);
  sm_buffer_free(&graph);
}

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(restores__variables),
      cmocka_unit_test(restores__tables),
      cmocka_unit_test(restores__something_else),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
