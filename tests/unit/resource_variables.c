/* Graphs whose reference variables become resources, both in protobuf text. What goes with a handle is what the definitions of
 * the operations say (fixtures: op_list.pb); that it computes the same, interop/convert_tf.py shows. */
#include "graph/resource_variables.h"

#include <savedmodel/pb/graph.pb-c.h>

#include "support/check.h"
#include "support/fault_alloc.h"
#include "wire/text.h"

static sm_error err;
static sm_fault_alloc allocator;

#define T(name, type) " attr { key: '" name "' value { type: " type " } }"
#define S(name, text) " attr { key: '" name "' value { s: '" text "' } }"
#define SHAPE " attr { key: 'shape' value { shape { } } }"
#define VARIABLE(name) "node { name: '" name "' op: 'VariableV2'" T("dtype", "DT_FLOAT") SHAPE " }"
#define HANDLE(name) \
  "node { name: '" name "' op: 'VarHandleOp'" T("dtype", "DT_FLOAT") SHAPE S("shared_name", name) " }"
#define READ(name, inputs) "node { name: '" name "' op: 'ReadVariableOp' " inputs T("dtype", "DT_FLOAT") " }"

/* A graph, and what it becomes or what is said of it. fetched: a tensor that others read, and what they read then. */
typedef struct row {
  const char *what, *graph, *made, *says, *fetched, *value;
} row;

static const row rows[] = {
    {"nothing to do", "node { name: 'h' op: 'VarHandleOp' } node { name: 'n' op: 'NoOp' input: '^h' }",
     "node { name: 'h' op: 'VarHandleOp' } node { name: 'n' op: 'NoOp' input: '^h' }", NULL, NULL, NULL},
    {"a variable has its own name, or the one that it was given",
     "node { name: 'v' op: 'Variable' device: '/cpu:0'" T("dtype", "DT_FLOAT") SHAPE S("container", "c")
         S("shared_name", "") " attr { key: '_output_shapes' value { } } attr { key: '_class' value { } } }"
                              "node { name: 'w' op: 'VariableV2'" T("dtype", "DT_INT64") S("shared_name", "other") " }",
     "node { name: 'v' op: 'VarHandleOp' device: '/cpu:0'" T("dtype", "DT_FLOAT") SHAPE S("container", "c") S(
         "shared_name", "v") " attr { key: '_class' value { } } }"
                             "node { name: 'w' op: 'VarHandleOp'" T("dtype", "DT_INT64") S("shared_name", "other") " }",
     NULL, NULL, NULL},
    {"Identity reads",
     VARIABLE("v") "node { name: 'v/read' op: 'Identity' input: 'v' input: '^v'" T(
         "T", "DT_FLOAT") " attr { key: '_output_shapes' value { } } }",
     HANDLE("v") READ("v/read", "input: 'v' input: '^v'"), NULL, NULL, NULL},
    {"whoever wants a value reads it himself, when he is allowed to",
     VARIABLE("v") "node { name: 'm' op: 'Mul' input: 'v:0' input: 'v' input: '^n'" T(
         "T", "DT_FLOAT") " }"
                          "node { name: 'm/ReadVariableOp_1' op: 'NoOp' } node { name: 'n' op: 'NoOp' }",
     HANDLE("v") "node { name: 'm' op: 'Mul' input: 'm/ReadVariableOp_0' input: 'm/ReadVariableOp_1_' input: '^n'" T(
         "T",
         "DT_"
         "FLOA"
         "T") " } node { name: 'm/ReadVariableOp_1' op: 'NoOp' } node { name: 'n' op: 'NoOp' }" READ("m/"
                                                                                                     "ReadVariableOp_0",
                                                                                                     "input: 'v:0' "
                                                                                                     "input: '^n'")
         READ("m/ReadVariableOp_1_", "input: 'v' input: '^n'"),
     NULL, NULL, NULL},
    {"one of a list of tensors",
     VARIABLE("v") "node { name: 'x' op: 'Const' } node { name: 'p' op: 'Pack' input: 'x' input: 'v'" T(
         "T", "DT_FLOAT") " attr { key: 'N' value { i: 2 } } }",
     HANDLE("v") "node { name: 'x' op: 'Const' } node { name: 'p' op: 'Pack' input: 'x' input: 'p/ReadVariableOp_1'" T(
         "T", "DT_FLOAT") " attr { key: 'N' value { i: 2 } } }" READ("p/ReadVariableOp_1", "input: 'v'"),
     NULL, NULL, NULL},
    {"assigned",
     VARIABLE("v") "node { name: 'x' op: 'Const' } node { name: 'a' op: 'Assign' input: 'v' input: 'x' input: '^x'" T(
         "T", "DT_FLOAT") " attr { key: 'use_locking' value { b: true } } attr { key: 'validate_shape' value { b: true "
                          "} } }",
     HANDLE("v") "node { name: 'x' op: 'Const' } node { name: 'a' op: 'AssignVariableOp' input: 'v' input: 'x' input: "
                 "'^x'" T("dtype", "DT_FLOAT") " }",
     NULL, NULL, NULL},
    {"what was assigned is read behind it, and assigned again behind it",
     VARIABLE("v") "node { name: 'x' op: 'Const' } node { name: 'a' op: 'AssignAdd' input: 'v' input: 'x'" T(
         "T", "DT_FLOAT") " }"
                          "node { name: 'b' op: 'AssignSub' input: 'a' input: 'x'" T(
                              "T", "DT_FLOAT") " }"
                                               "node { name: 'i' op: 'Identity' input: 'b'" T(
                                                   "T", "DT_FLOAT") " }"
                                                                    "node { name: 'n' op: 'Neg' input: 'a'" T(
                                                                        "T", "DT_FLOAT") " }",
     HANDLE("v") "node { name: 'x' op: 'Const' } node { name: 'a' op: 'AssignAddVariableOp' input: 'v' input: 'x'" T(
         "dtype",
         "DT_FLOAT") " }"
                     "node { name: 'b' op: 'AssignSubVariableOp' input: 'v' input: 'x' input: '^a'" T(
                         "dtype",
                         "DT_FLOAT") " }" READ("i",
                                               "input: 'v' input: '^b'") "node { name: 'n' op: 'Neg' input: "
                                                                         "'n/ReadVariableOp_0'" T(
                                                                             "T",
                                                                             "DT_FLOAT") " }" READ("n/ReadVariableOp_0",
                                                                                                   "input: 'v' input: "
                                                                                                   "'^a'"),
     NULL, NULL, NULL},
    {"in parts",
     VARIABLE("v") "node { name: 'x' op: 'Const' }"
                   "node { name: 's' op: 'ScatterUpdate' input: 'v' input: 'x' input: 'x'" T("T", "DT_FLOAT")
                       T("Tindices", "DT_INT32") " attr { key: 'use_locking' value { b: true } } }",
     HANDLE("v") "node { name: 'x' op: 'Const' }"
                 "node { name: 's' op: 'ResourceScatterUpdate' input: 'v' input: 'x' input: 'x'" T("dtype", "DT_FLOAT")
                     T("Tindices", "DT_INT32") " }",
     NULL, NULL, NULL},
    {"by an optimizer, with its slots",
     VARIABLE("v") VARIABLE("m") "node { name: 'x' op: 'Const' }"
                                 "node { name: 'a' op: 'ApplyMomentum' input: 'v' input: 'm' input: 'x' input: 'x' "
                                 "input: 'x'" T("T", "DT_FLOAT") " attr { key: 'use_locking' value { b: true } } }",
     HANDLE("v") HANDLE("m") "node { name: 'x' op: 'Const' }"
                             "node { name: 'a' op: 'ResourceApplyMomentum' input: 'v' input: 'm' input: 'x' input: 'x' "
                             "input: 'x'" T("T", "DT_FLOAT") " attr { key: 'use_locking' value { b: true } } }",
     NULL, NULL, NULL},
    {"is there a value?",
     VARIABLE("v") "node { name: 'q' op: 'IsVariableInitialized' input: 'v'" T("dtype", "DT_FLOAT") " }",
     HANDLE("v") "node { name: 'q' op: 'VarIsInitializedOp' input: 'v' }", NULL, NULL, NULL},
    {"into a loop of TensorFlow 1, and read there",
     VARIABLE("v") "node { name: 'e' op: 'RefEnter' input: 'v'" T("T", "DT_FLOAT")
         S("frame_name", "f") " }"
                              "node { name: 'r' op: 'Identity' input: 'e'" T("T", "DT_FLOAT") " }",
     HANDLE("v") "node { name: 'e' op: 'Enter' input: 'v'" T("T", "DT_RESOURCE")
         S("frame_name", "f") " }" READ("r", "input: 'e'"),
     NULL, NULL, NULL},
    {"both ways of a branch",
     VARIABLE("v") "node { name: 'p' op: 'Const' } node { name: 's' op: 'RefSwitch' input: 'v' input: 'p'" T(
         "T",
         "DT_FLOAT") " } node { name: 'm' op: 'RefMerge' input: 's' input: 's:1'" T("T",
                                                                                    "DT_FLOAT") " attr { key: 'N' "
                                                                                                "value { i: 2 } } } "
                                                                                                "node { name: 'r' op: "
                                                                                                "'Identity' input: "
                                                                                                "'m'" T(
                                                                                                    "T",
                                                                                                    "DT_FLOAT") " }"
                                                                                                                " n"
                                                                                                                "od"
                                                                                                                "e "
                                                                                                                "{ "
                                                                                                                "na"
                                                                                                                "me"
                                                                                                                ": "
                                                                                                                "'i"
                                                                                                                "' "
                                                                                                                "op"
                                                                                                                ": "
                                                                                                                "'I"
                                                                                                                "de"
                                                                                                                "nt"
                                                                                                                "it"
                                                                                                                "y'"
                                                                                                                " i"
                                                                                                                "np"
                                                                                                                "ut"
                                                                                                                ": "
                                                                                                                "'m"
                                                                                                                ":1"
                                                                                                                "'" T(
                                                                                                                    "T",
                                                                                                                    "DT"
                                                                                                                    "_I"
                                                                                                                    "NT"
                                                                                                                    "3"
                                                                                                                    "2") " }",
     HANDLE("v") "node { name: 'p' op: 'Const' } node { name: 's' op: 'Switch' input: 'v' input: 'p'" T(
         "T",
         "DT_RESOURCE") " } node { name: 'm' op: 'Merge' input: 's' input: 's:1'" T("T",
                                                                                    "DT_RESOURCE") " attr { key: 'N' "
                                                                                                   "value { i: 2 } } "
                                                                                                   "}" READ(
                                                                                                       "r",
                                                                                                       "input: "
                                                                                                       "'m'") "nod"
                                                                                                              "e "
                                                                                                              "{ "
                                                                                                              "nam"
                                                                                                              "e: "
                                                                                                              "'i'"
                                                                                                              " op"
                                                                                                              ": "
                                                                                                              "'Id"
                                                                                                              "ent"
                                                                                                              "ity"
                                                                                                              "' "
                                                                                                              "inp"
                                                                                                              "ut:"
                                                                                                              " '"
                                                                                                              "m:"
                                                                                                              "1"
                                                                                                              "'" T(
                                                                                                                  "T",
                                                                                                                  "DT_"
                                                                                                                  "INT3"
                                                                                                                  "2") " }",
     NULL, NULL, NULL},
    {"a variable that is fetched", VARIABLE("v"), HANDLE("v") READ("v/ReadVariableOp", "input: 'v:0'"), NULL, "v:0",
     "v/ReadVariableOp:0"},
    {"what was assigned is fetched",
     VARIABLE("v") "node { name: 'x' op: 'Const' } node { name: 'a' op: 'Assign' input: 'v' input: 'x'" T(
         "T", "DT_FLOAT") " }",
     HANDLE("v") "node { name: 'x' op: 'Const' } node { name: 'a' op: 'AssignVariableOp' input: 'v' input: 'x'" T(
         "dtype", "DT_FLOAT") " }" READ("a/ReadVariableOp", "input: 'v' input: '^a'"),
     NULL, "a:0", "a/ReadVariableOp:0"},
    {"no reference is fetched", VARIABLE("v") "node { name: 'x' op: 'Const' }",
     HANDLE("v") "node { name: 'x' op: 'Const' }", NULL, "x:0", "x:0"},
    {"references that are none of variables",
     "node { name: 't' op: 'HashTable' } node { name: 'f' op: 'LookupTableFind' input: 't' }",
     "node { name: 't' op: 'HashTable' } node { name: 'f' op: 'LookupTableFind' input: 't' }", NULL, NULL, NULL},
    {"a circle",
     "node { name: 'a' op: 'RefNextIteration' input: 'b' } node { name: 'b' op: 'RefNextIteration' input: 'a' }",
     "node { name: 'a' op: 'RefNextIteration' input: 'b' } node { name: 'b' op: 'RefNextIteration' input: 'a' }", NULL,
     NULL, NULL},
    {"an operation that resources do not have",
     VARIABLE("v") "node { name: 's' op: 'RefSelect' input: 'x' input: 'v' attr { key: 'N' value { i: 1 } } }", NULL,
     "node s: RefSelect does what variables that are resources do not have", NULL, NULL},
    {"a branch of a reference to a variable and of another",
     VARIABLE("v") "node { name: 't' op: 'TemporaryVariable' } node { name: 'm' op: 'RefMerge' input: 'v' input: 't' "
                   "attr { key: 'N' value { i: 2 } } }",
     NULL, "node m: RefMerge takes references to variables and to others", NULL, NULL},
    {"a branch that is fetched", VARIABLE("v") "node { name: 's' op: 'RefIdentity' input: 'v'" T("T", "DT_FLOAT") " }",
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

static void read_text(sm_buffer *out, const char *text) {
  sm_buffer_init(out, &allocator.base, UINT64_MAX);
  assert_ok(sm_text_read(out, &tensorflow__graph_def__descriptor, sm_string_of(text), &err), err);
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

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test_setup_teardown(resource_variables__graphs, set_up, tear_down),
      cmocka_unit_test_setup_teardown(resource_variables__no_memory, set_up, tear_down),
      cmocka_unit_test_setup_teardown(resource_variables__many_writes, set_up, tear_down),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
