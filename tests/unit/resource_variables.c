/* Graphs whose reference variables become resources, both in protobuf text. What goes with a handle is what the definitions of
 * the operations say (fixtures: op_list.pb); that it computes the same, interop/convert_tf.py shows. */
#include "graph/resource_variables.h"

#include <savedmodel/pb/graph.pb-c.h>

#include "support/check.h"
#include "support/fault_alloc.h"
#include "wire/text.h"

static sm_error err;
static sm_fault_alloc allocator;

/* A graph, and what it becomes or what is said of it; @D, @R, @S and @T are attributes, see attr_of.
 * fetched: a tensor that others read, and what they read then. */
typedef struct row {
  const char *what, *graph, *made, *says, *fetched, *value;
} row;

static const row rows[] = {
    {"nothing to do",
     "node { name: 'h' op: 'VarHandleOp' } "
     "node { name: 'n' op: 'NoOp' input: '^h' }",
     "node { name: 'h' op: 'VarHandleOp' } "
     "node { name: 'n' op: 'NoOp' input: '^h' }",
     NULL, NULL, NULL},
    {"a variable has its own name, or the one that it was given",
     "node { name: 'v' op: 'Variable' device: '/cpu:0' @D @S attr { key: 'container' value { s: 'c' } } attr { key: "
     "'shared_name' value { s: '' } } attr { key: '_output_shapes' value { } } attr { key: '_class' value { } } } "
     "node { name: 'w' op: 'VariableV2' attr { key: 'dtype' value { type: DT_INT64 } } attr { key: 'shared_name' value "
     "{ s: 'other' } } }",
     "node { name: 'v' op: 'VarHandleOp' device: '/cpu:0' @D @S attr { key: 'container' value { s: 'c' } } attr { key: "
     "'shared_name' value { s: 'v' } } attr { key: '_class' value { } } } "
     "node { name: 'w' op: 'VarHandleOp' attr { key: 'dtype' value { type: DT_INT64 } } attr { key: 'shared_name' "
     "value { s: 'other' } } }",
     NULL, NULL, NULL},
    {"Identity reads",
     "node { name: 'v' op: 'VariableV2' @D @S } "
     "node { name: 'v/read' op: 'Identity' input: 'v' input: '^v' @T attr { key: '_output_shapes' value { } } }",
     "node { name: 'v' op: 'VarHandleOp' @D @S attr { key: 'shared_name' value { s: 'v' } } } "
     "node { name: 'v/read' op: 'ReadVariableOp' input: 'v' input: '^v' @D }",
     NULL, NULL, NULL},
    {"whoever wants a value reads it himself, when he is allowed to",
     "node { name: 'v' op: 'VariableV2' @D @S } "
     "node { name: 'm' op: 'Mul' input: 'v:0' input: 'v' input: '^n' @T } "
     "node { name: 'm/ReadVariableOp_1' op: 'NoOp' } "
     "node { name: 'n' op: 'NoOp' }",
     "node { name: 'v' op: 'VarHandleOp' @D @S attr { key: 'shared_name' value { s: 'v' } } } "
     "node { name: 'm' op: 'Mul' input: 'm/ReadVariableOp_0' input: 'm/ReadVariableOp_1_' input: '^n' @T } "
     "node { name: 'm/ReadVariableOp_1' op: 'NoOp' } "
     "node { name: 'n' op: 'NoOp' } "
     "node { name: 'm/ReadVariableOp_0' op: 'ReadVariableOp' input: 'v:0' input: '^n' @D } "
     "node { name: 'm/ReadVariableOp_1_' op: 'ReadVariableOp' input: 'v' input: '^n' @D }",
     NULL, NULL, NULL},
    {"one of a list of tensors",
     "node { name: 'v' op: 'VariableV2' @D @S } "
     "node { name: 'x' op: 'Const' } "
     "node { name: 'p' op: 'Pack' input: 'x' input: 'v' @T attr { key: 'N' value { i: 2 } } }",
     "node { name: 'v' op: 'VarHandleOp' @D @S attr { key: 'shared_name' value { s: 'v' } } } "
     "node { name: 'x' op: 'Const' } "
     "node { name: 'p' op: 'Pack' input: 'x' input: 'p/ReadVariableOp_1' @T attr { key: 'N' value { i: 2 } } } "
     "node { name: 'p/ReadVariableOp_1' op: 'ReadVariableOp' input: 'v' @D }",
     NULL, NULL, NULL},
    {"assigned",
     "node { name: 'v' op: 'VariableV2' @D @S } "
     "node { name: 'x' op: 'Const' } "
     "node { name: 'a' op: 'Assign' input: 'v' input: 'x' input: '^x' @T attr { key: 'use_locking' value { b: true } } "
     "attr { key: 'validate_shape' value { b: true } } }",
     "node { name: 'v' op: 'VarHandleOp' @D @S attr { key: 'shared_name' value { s: 'v' } } } "
     "node { name: 'x' op: 'Const' } "
     "node { name: 'a' op: 'AssignVariableOp' input: 'v' input: 'x' input: '^x' @D }",
     NULL, NULL, NULL},
    {"what was assigned is read behind it, and assigned again behind it",
     "node { name: 'v' op: 'VariableV2' @D @S } "
     "node { name: 'x' op: 'Const' } "
     "node { name: 'a' op: 'AssignAdd' input: 'v' input: 'x' @T } "
     "node { name: 'b' op: 'AssignSub' input: 'a' input: 'x' @T } "
     "node { name: 'i' op: 'Identity' input: 'b' @T } "
     "node { name: 'n' op: 'Neg' input: 'a' @T }",
     "node { name: 'v' op: 'VarHandleOp' @D @S attr { key: 'shared_name' value { s: 'v' } } } "
     "node { name: 'x' op: 'Const' } "
     "node { name: 'a' op: 'AssignAddVariableOp' input: 'v' input: 'x' @D } "
     "node { name: 'b' op: 'AssignSubVariableOp' input: 'v' input: 'x' input: '^a' @D } "
     "node { name: 'i' op: 'ReadVariableOp' input: 'v' input: '^b' @D } "
     "node { name: 'n' op: 'Neg' input: 'n/ReadVariableOp_0' @T } "
     "node { name: 'n/ReadVariableOp_0' op: 'ReadVariableOp' input: 'v' input: '^a' @D }",
     NULL, NULL, NULL},
    {"in parts",
     "node { name: 'v' op: 'VariableV2' @D @S } "
     "node { name: 'x' op: 'Const' } "
     "node { name: 's' op: 'ScatterUpdate' input: 'v' input: 'x' input: 'x' @T attr { key: 'Tindices' value { type: "
     "DT_INT32 } } attr { key: 'use_locking' value { b: true } } }",
     "node { name: 'v' op: 'VarHandleOp' @D @S attr { key: 'shared_name' value { s: 'v' } } } "
     "node { name: 'x' op: 'Const' } "
     "node { name: 's' op: 'ResourceScatterUpdate' input: 'v' input: 'x' input: 'x' @D attr { key: 'Tindices' value { "
     "type: DT_INT32 } } }",
     NULL, NULL, NULL},
    {"by an optimizer, with its slots",
     "node { name: 'v' op: 'VariableV2' @D @S } "
     "node { name: 'm' op: 'VariableV2' @D @S } "
     "node { name: 'x' op: 'Const' } "
     "node { name: 'a' op: 'ApplyMomentum' input: 'v' input: 'm' input: 'x' input: 'x' input: 'x' @T attr { key: "
     "'use_locking' value { b: true } } }",
     "node { name: 'v' op: 'VarHandleOp' @D @S attr { key: 'shared_name' value { s: 'v' } } } "
     "node { name: 'm' op: 'VarHandleOp' @D @S attr { key: 'shared_name' value { s: 'm' } } } "
     "node { name: 'x' op: 'Const' } "
     "node { name: 'a' op: 'ResourceApplyMomentum' input: 'v' input: 'm' input: 'x' input: 'x' input: 'x' @T attr { "
     "key: 'use_locking' value { b: true } } }",
     NULL, NULL, NULL},
    {"is there a value?",
     "node { name: 'v' op: 'VariableV2' @D @S } "
     "node { name: 'q' op: 'IsVariableInitialized' input: 'v' @D }",
     "node { name: 'v' op: 'VarHandleOp' @D @S attr { key: 'shared_name' value { s: 'v' } } } "
     "node { name: 'q' op: 'VarIsInitializedOp' input: 'v' }",
     NULL, NULL, NULL},
    {"into a loop of TensorFlow 1, and read there",
     "node { name: 'v' op: 'VariableV2' @D @S } "
     "node { name: 'e' op: 'RefEnter' input: 'v' @T attr { key: 'frame_name' value { s: 'f' } } } "
     "node { name: 'r' op: 'Identity' input: 'e' @T }",
     "node { name: 'v' op: 'VarHandleOp' @D @S attr { key: 'shared_name' value { s: 'v' } } } "
     "node { name: 'e' op: 'Enter' input: 'v' @R attr { key: 'frame_name' value { s: 'f' } } } "
     "node { name: 'r' op: 'ReadVariableOp' input: 'e' @D }",
     NULL, NULL, NULL},
    {"both ways of a branch",
     "node { name: 'v' op: 'VariableV2' @D @S } "
     "node { name: 'p' op: 'Const' } "
     "node { name: 's' op: 'RefSwitch' input: 'v' input: 'p' @T } "
     "node { name: 'm' op: 'RefMerge' input: 's' input: 's:1' @T attr { key: 'N' value { i: 2 } } } "
     "node { name: 'r' op: 'Identity' input: 'm' @T } "
     "node { name: 'i' op: 'Identity' input: 'm:1' attr { key: 'T' value { type: DT_INT32 } } }",
     "node { name: 'v' op: 'VarHandleOp' @D @S attr { key: 'shared_name' value { s: 'v' } } } "
     "node { name: 'p' op: 'Const' } "
     "node { name: 's' op: 'Switch' input: 'v' input: 'p' @R } "
     "node { name: 'm' op: 'Merge' input: 's' input: 's:1' @R attr { key: 'N' value { i: 2 } } } "
     "node { name: 'r' op: 'ReadVariableOp' input: 'm' @D } "
     "node { name: 'i' op: 'Identity' input: 'm:1' attr { key: 'T' value { type: DT_INT32 } } }",
     NULL, NULL, NULL},
    {"a variable that is fetched", "node { name: 'v' op: 'VariableV2' @D @S }",
     "node { name: 'v' op: 'VarHandleOp' @D @S attr { key: 'shared_name' value { s: 'v' } } } "
     "node { name: 'v/ReadVariableOp' op: 'ReadVariableOp' input: 'v:0' @D }",
     NULL, "v:0", "v/ReadVariableOp:0"},
    {"what was assigned is fetched",
     "node { name: 'v' op: 'VariableV2' @D @S } "
     "node { name: 'x' op: 'Const' } "
     "node { name: 'a' op: 'Assign' input: 'v' input: 'x' @T }",
     "node { name: 'v' op: 'VarHandleOp' @D @S attr { key: 'shared_name' value { s: 'v' } } } "
     "node { name: 'x' op: 'Const' } "
     "node { name: 'a' op: 'AssignVariableOp' input: 'v' input: 'x' @D } "
     "node { name: 'a/ReadVariableOp' op: 'ReadVariableOp' input: 'v' input: '^a' @D }",
     NULL, "a:0", "a/ReadVariableOp:0"},
    {"no reference is fetched",
     "node { name: 'v' op: 'VariableV2' @D @S } "
     "node { name: 'x' op: 'Const' }",
     "node { name: 'v' op: 'VarHandleOp' @D @S attr { key: 'shared_name' value { s: 'v' } } } "
     "node { name: 'x' op: 'Const' }",
     NULL, "x:0", "x:0"},
    {"references that are none of variables",
     "node { name: 't' op: 'HashTable' } "
     "node { name: 'f' op: 'LookupTableFind' input: 't' }",
     "node { name: 't' op: 'HashTable' } "
     "node { name: 'f' op: 'LookupTableFind' input: 't' }",
     NULL, NULL, NULL},
    {"a circle",
     "node { name: 'a' op: 'RefNextIteration' input: 'b' } "
     "node { name: 'b' op: 'RefNextIteration' input: 'a' }",
     "node { name: 'a' op: 'RefNextIteration' input: 'b' } "
     "node { name: 'b' op: 'RefNextIteration' input: 'a' }",
     NULL, NULL, NULL},
    {"an operation that resources do not have",
     "node { name: 'v' op: 'VariableV2' @D @S } "
     "node { name: 's' op: 'RefSelect' input: 'x' input: 'v' attr { key: 'N' value { i: 1 } } }",
     NULL, "node s: RefSelect does what variables that are resources do not have", NULL, NULL},
    {"a branch of a reference to a variable and of another",
     "node { name: 'v' op: 'VariableV2' @D @S } "
     "node { name: 't' op: 'TemporaryVariable' } "
     "node { name: 'm' op: 'RefMerge' input: 'v' input: 't' attr { key: 'N' value { i: 2 } } }",
     NULL, "node m: RefMerge takes references to variables and to others", NULL, NULL},
    {"a branch that is fetched",
     "node { name: 'v' op: 'VariableV2' @D @S } "
     "node { name: 's' op: 'RefIdentity' input: 'v' @T }",
     NULL, "node s: RefIdentity is fetched", "s:0", NULL},
};

static sm_status use_resources(sm_buffer *out, sm_string *fetched, const sm_buffer *graph, sm_arena *arena) {
  const sm_span bytes = {graph->data, graph->size};
  const sm_wire_source source = {.name = "graph", .bytes = bytes};
  sm_op_defs defs;
  sm_op_defs_init(&defs, &allocator.base, UINT64_MAX);
  sm_status status =
      sm_graph_use_resources(out, (sm_spans){&bytes, 1}, fetched, fetched->size != 0, &defs, &source, arena, &err);
  sm_op_defs_free(&defs);
  return status;
}

/* Attributes that are written short in the rows. */
static const char *attr_of(char letter) {
  switch (letter) {
    case 'D': return "attr { key: 'dtype' value { type: DT_FLOAT } }";
    case 'R': return "attr { key: 'T' value { type: DT_RESOURCE } }";
    case 'S': return "attr { key: 'shape' value { shape { } } }";
    default: return "attr { key: 'T' value { type: DT_FLOAT } }";
  }
}

static void read_text(sm_buffer *out, const char *text) {
  sm_buffer full;
  sm_buffer_init(&full, &allocator.base, UINT64_MAX);
  sm_buffer_init(out, &allocator.base, UINT64_MAX);
  for (; *text != '\0'; text++) {
    bool is_short = *text == '@';
    const char *piece = is_short ? attr_of(*++text) : text;
    assert_ok(sm_buffer_put(&full, piece, is_short ? strlen(piece) : 1, &err), err);
  }
  const sm_string all = {(const char *)full.data, full.size};
  assert_ok(sm_text_read(out, &tensorflow__graph_def__descriptor, all, &err), err);
  sm_buffer_free(&full);
}

static sm_status put(void *ctx, const void *data, size_t size, sm_error *e) {
  return sm_buffer_put(ctx, data, size, e);
}

static void write_text(sm_buffer *out, const sm_buffer *graph) {
  const sm_wire_source source = {.name = "graph", .bytes = {graph->data, graph->size}};
  sm_arena arena;
  sm_arena_init(&arena, &allocator.base, UINT64_MAX);
  sm_buffer_init(out, &allocator.base, UINT64_MAX);
  assert_ok(sm_text_write(&tensorflow__graph_def__descriptor, source.bytes, &source, &arena, put, out, &err), err);
  assert_ok(sm_buffer_put(out, "", 1, &err), err);
  sm_arena_free(&arena);
}

static int set_up(void **state) {
  (void)state;
  sm_fault_alloc_init(&allocator, UINT64_MAX);
  return 0;
}

static int tear_down(void **state) {
  (void)state;
  assert_number("memory that is left", allocator.live_blocks, 0);
  sm_fault_alloc_destroy(&allocator);
  return 0;
}

static void compare(const row *r, const sm_buffer *out, sm_string fetched) {
  sm_buffer wanted, shown[2];
  char value[64];
  read_text(&wanted, r->made);
  write_text(&shown[0], out);
  write_text(&shown[1], &wanted);
  assert_text(r->what, (const char *)shown[0].data, (const char *)shown[1].data);
  snprintf(value, sizeof value, "%.*s", SM_SHOWN(fetched));
  assert_text(r->what, value, r->value != NULL ? r->value : "");
  sm_buffer_free(&shown[0]);
  sm_buffer_free(&shown[1]);
  sm_buffer_free(&wanted);
}

static void resource_variables__graphs(void **state) {
  (void)state;
  for (size_t i = 0; i < N_OF(rows); i++) {
    sm_buffer graph, out;
    sm_arena arena;
    sm_string fetched = sm_string_of(rows[i].fetched != NULL ? rows[i].fetched : "");
    read_text(&graph, rows[i].graph);
    sm_arena_init(&arena, &allocator.base, UINT64_MAX);
    sm_buffer_init(&out, &allocator.base, UINT64_MAX);
    sm_status status = use_resources(&out, &fetched, &graph, &arena);
    assert_status(status, rows[i].made != NULL ? SM_OK : SM_UNIMPLEMENTED, err);
    if (rows[i].made != NULL)
      compare(&rows[i], &out, fetched);
    else
      assert_mentions(err.message, rows[i].says);
    sm_buffer_free(&out);
    sm_arena_free(&arena);
    sm_buffer_free(&graph);
  }
}

static void resource_variables__no_memory(void **state) {
  (void)state;
  for (size_t i = 0; i < N_OF(rows); i++) {
    sm_buffer graph, out;
    sm_status status = SM_RESOURCE_EXHAUSTED;
    read_text(&graph, rows[i].graph);
    for (uint64_t n = 0; status == SM_RESOURCE_EXHAUSTED; n++) {
      sm_arena arena;
      sm_string fetched = sm_string_of(rows[i].fetched != NULL ? rows[i].fetched : "");
      sm_arena_init(&arena, &allocator.base, UINT64_MAX);
      sm_buffer_init(&out, &allocator.base, UINT64_MAX);
      sm_fault_alloc_rearm(&allocator, n);
      status = use_resources(&out, &fetched, &graph, &arena);
      sm_buffer_free(&out);
      sm_arena_free(&arena);
    }
    assert_number(rows[i].what, status, rows[i].made != NULL ? SM_OK : SM_UNIMPLEMENTED);
    sm_fault_alloc_rearm(&allocator, UINT64_MAX);
    sm_buffer_free(&graph);
  }
}

/* Writes in a row, the last of them first in the file: each is walked over twice, not as often as there are some behind it. */
static void resource_variables__many_writes(void **state) {
  (void)state;
  enum { N = 20000 };
  sm_buffer text, graph, out;
  sm_arena arena;
  char node[128];
  sm_string fetched = {"", 0};
  sm_buffer_init(&text, &allocator.base, UINT64_MAX);
  for (int i = N; i > 0; i--) {
    snprintf(node, sizeof node, "node { name: 'a%d' op: 'Assign' input: 'a%d' input: 'x' } ", i, i - 1);
    assert_ok(sm_buffer_put(&text, node, strlen(node), &err), err);
  }
  assert_ok(
      sm_buffer_put(&text, "node { name: 'a0' op: 'VariableV2' }", sizeof "node { name: 'a0' op: 'VariableV2' }", &err),
      err);
  read_text(&graph, (const char *)text.data);
  sm_arena_init(&arena, &allocator.base, UINT64_MAX);
  sm_buffer_init(&out, &allocator.base, UINT64_MAX);
  assert_ok(use_resources(&out, &fetched, &graph, &arena), err);
  sm_buffer_free(&out);
  sm_arena_free(&arena);
  sm_buffer_free(&graph);
  sm_buffer_free(&text);
}

/* The attributes that count the inputs stand behind all of these, and are not looked for once for each. */
static void resource_variables__many_inputs(void **state) {
  (void)state;
  enum { N = 50000 };
  static const char *const begins[] = {"node { name: 'v' op: 'VariableV2' } node { name: 'm' op: 'RefMerge' ",
                                       "node { name: 'v' op: 'VariableV2' } node { name: 'm' op: 'AddN' "};
  for (size_t i = 0; i < N_OF(begins); i++) {
    sm_buffer text, graph, out;
    sm_arena arena;
    sm_string fetched = {"", 0};
    sm_buffer_init(&text, &allocator.base, UINT64_MAX);
    assert_ok(sm_buffer_put(&text, begins[i], strlen(begins[i]), &err), err);
    for (int k = 0; k < N; k++) assert_ok(sm_buffer_put(&text, "input: 'v' ", strlen("input: 'v' "), &err), err);
    static const char end[] = "attr { key: 'N' value { i: 50000 } } }";
    assert_ok(sm_buffer_put(&text, end, sizeof end, &err), err);
    read_text(&graph, (const char *)text.data);
    sm_arena_init(&arena, &allocator.base, UINT64_MAX);
    sm_buffer_init(&out, &allocator.base, UINT64_MAX);
    assert_ok(use_resources(&out, &fetched, &graph, &arena), err);
    sm_buffer_free(&out);
    sm_arena_free(&arena);
    sm_buffer_free(&graph);
    sm_buffer_free(&text);
  }
}

/* A read for each of N inputs would wait for N nodes. */
static void resource_variables__many_inputs_and_controls(void **state) {
  (void)state;
  enum { N = 20000 };
  sm_buffer text, graph, out;
  sm_arena arena;
  sm_string fetched = {"", 0};
  static const char begin[] = "node { name: 'v' op: 'VariableV2' } node { name: 'm' op: 'AddN' ";
  sm_buffer_init(&text, &allocator.base, UINT64_MAX);
  assert_ok(sm_buffer_put(&text, begin, strlen(begin), &err), err);
  for (int k = 0; k < N; k++) assert_ok(sm_buffer_put(&text, "input: 'v' ", strlen("input: 'v' "), &err), err);
  for (int k = 0; k < N; k++) assert_ok(sm_buffer_put(&text, "input: '^v' ", strlen("input: '^v' "), &err), err);
  assert_ok(sm_buffer_put(&text, "}", sizeof "}", &err), err);
  read_text(&graph, (const char *)text.data);
  sm_arena_init(&arena, &allocator.base, UINT64_MAX);
  sm_buffer_init(&out, &allocator.base, UINT64_MAX);
  assert_status(use_resources(&out, &fetched, &graph, &arena), SM_RESOURCE_EXHAUSTED, err);
  sm_buffer_free(&out);
  sm_arena_free(&arena);
  sm_buffer_free(&graph);
  sm_buffer_free(&text);
}

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test_setup_teardown(resource_variables__graphs, set_up, tear_down),
      cmocka_unit_test_setup_teardown(resource_variables__no_memory, set_up, tear_down),
      cmocka_unit_test_setup_teardown(resource_variables__many_writes, set_up, tear_down),
      cmocka_unit_test_setup_teardown(resource_variables__many_inputs, set_up, tear_down),
      cmocka_unit_test_setup_teardown(resource_variables__many_inputs_and_controls, set_up, tear_down),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
