/* Variables of a graph that become constants, in protobuf text. */
#include "graph/freeze.h"

#include <savedmodel/pb/graph.pb-c.h>

#include "support/check.h"
#include "support/fault_alloc.h"
#include "wire/text.h"

static sm_error err;
static sm_fault_alloc allocator;

#define T(name, type) " attr { key: '" name "' value { type: " type " } }"
#define TYPES(name, types) " attr { key: '" name "' value { list { type: [" types "] } } }"
#define CALLS(name) " attr { key: 'f' value { func { name: '" name "' } } }"
#define VALUE " attr { key: 'value' value { tensor { dtype: DT_FLOAT tensor_shape { } float_val: 7 } } }"

#define TRUE \
  T("dtype", "DT_BOOL") " attr { key: 'value' value { tensor { dtype: DT_BOOL tensor_shape { } bool_val: true } } }"

/* A graph, frozen: what it becomes, or what is said of it. Variables are w and v; the last argument of function bound is bound
 * to one. */
typedef struct row {
  const char *what, *graph, *frozen, *says;
} row;

static const row rows[] = {
    {"a read, a hint about the handle, a control input",
     "node { name: 'w' op: 'VarHandleOp' device: '/cpu:0'" T(
         "dtype", "DT_FLOAT") " attr { key: '_output_shapes' value { } } }"
                              "node { name: 'r' op: 'ReadVariableOp' input: 'w' input: '^w'" T(
                                  "dtype", "DT_FLOAT") " attr { key: '_x' value { i: 1 } } }"
                                                       "versions { producer: 5 }",
     "node { name: 'w' op: 'Const' device: '/cpu:0'" T("dtype", "DT_FLOAT") VALUE
     " }"
     "node { name: 'r' op: 'Identity' input: 'w' input: '^w' attr { key: '_x' value { i: 1 } }" T(
         "T", "DT_FLOAT") " }"
                          "versions { producer: 5 }",
     NULL},
    {"through Identity, gathered",
     "node { name: 'w' op: 'VarHandleOp' }"
     "node { name: 'i' op: 'Identity' input: 'w'" T(
         "T", "DT_RESOURCE") " }"
                             "node { name: 'n' op: 'Const' }"
                             "node { name: 'g' op: 'ResourceGather' input: 'i' input: 'n' input: '^n'" T("dtype",
                                                                                                         "DT_FLOAT")
                                 T("Tindices", "DT_INT32") " }"
                                                           "node { name: 's' op: 'VariableShape' input: 'i'" T(
                                                               "out_type", "DT_INT64") " }",
     "node { name: 'w' op: 'Const'" T("dtype", "DT_FLOAT") VALUE
     " }"
     "node { name: 'i' op: 'Identity' input: 'w'" T(
         "T", "DT_FLOAT") " }"
                          "node { name: 'n' op: 'Const' }"
                          "node { name: 'g' op: 'GatherV2' input: 'i' input: 'n' input: 'g/axis' input: '^n'" T(
                              "Tindices", "DT_INT32") T("Taxis", "DT_INT32")
                              T("Tparams", "DT_FLOAT") " }"
                                                       "node { name: 'g/axis' op: 'Const' input: '^i'" T(
                                                           "dtype",
                                                           "DT_INT32") " attr { key: 'value' value { tensor { dtype: "
                                                                       "DT_INT32 tensor_shape { } int_val: 0 } } } }"
                                                                       "node { name: 's' op: 'Shape' input: 'i'" T(
                                                                           "out_type", "DT_INT64")
                                                                           T("T", "DT_FLOAT") " }",
     NULL},
    {"a function: its argument, its results, who uses what was read",
     "node { name: 'x' op: 'Placeholder' } node { name: 'w' op: 'VarHandleOp' }"
     "node { name: 'c' op: 'StatefulPartitionedCall' input: 'x' input: 'w'" CALLS("f")
         TYPES("Tin", "DT_FLOAT, DT_RESOURCE") TYPES(
             "Tout",
             "DT_FLOAT") "  attr { key: '_read_only_resource_inputs' value { list { i: 1 } } } }"
                         "library { function { signature { name: 'f' input_arg { name: 'x' type: DT_FLOAT } input_arg "
                         "{ name: 'h' type: DT_RESOURCE } output_arg { name: 'y' type: DT_FLOAT } }"
                         "  node_def { name: 'r' op: 'ReadVariableOp' input: 'h'" T(
                             "dtype",
                             "DT_FLOAT") " }"
                                         "  node_def { name: 'm' op: 'Mul' input: 'x' input: 'r:value:0' }"
                                         "  ret { key: 'y' value: 'r:value:0' } control_ret { key: 'r' value: 'r' }"
                                         "  attr { key: '_input_shapes' value { } } arg_attr { key: 1 value { } } "
                                         "arg_attr { key: 0 value { } } } }",
     "node { name: 'x' op: 'Placeholder' } node { name: 'w' op: 'Const'" T("dtype", "DT_FLOAT") VALUE
     " }"
     "node { name: 'c' op: 'StatefulPartitionedCall' input: 'x' input: 'w'" CALLS("f")
         TYPES("Tin", "DT_FLOAT, DT_FLOAT")
             TYPES("Tout",
                   "DT_FLOAT") " }"
                               "library { function { signature { name: 'f' input_arg { name: 'x' type: DT_FLOAT } "
                               "input_arg { name: 'h' type: DT_FLOAT } output_arg { name: 'y' type: DT_FLOAT } }"
                               "  node_def { name: 'r' op: 'Identity' input: 'h'" T(
                                   "T", "DT_FLOAT") " }"
                                                    "  node_def { name: 'm' op: 'Mul' input: 'x' input: 'r:output:0' }"
                                                    "  ret { key: 'y' value: 'r:output:0' } control_ret { key: 'r' "
                                                    "value: 'r' } arg_attr { key: 0 value { } } } }",
     NULL},
    {"a reference",
     "node { name: 'w' op: 'VariableV2'" T("dtype", "DT_FLOAT") " } node { name: 'r' op: 'Identity' input: 'w'" T(
         "T", "DT_FLOAT") " }"
                          "node { name: 'n' op: 'Neg' input: 'w'" T(
                              "T", "DT_FLOAT") " } node { name: 's' op: 'RefIdentity' input: 'w'" T("T",
                                                                                                    "DT_FLOAT") " }",
     "node { name: 'w' op: 'Const'" T("dtype", "DT_FLOAT") VALUE " } node { name: 'r' op: 'Identity' input: 'w'" T(
         "T", "DT_FLOAT") " }"
                          "node { name: 'n' op: 'Neg' input: 'w'" T(
                              "T", "DT_FLOAT") " } node { name: 's' op: 'Identity' input: 'w'" T("T", "DT_FLOAT") " }",
     NULL},
    {"bound by the object graph alone",
     "library { function { signature { name: 'bound' input_arg { name: 'h' type: DT_RESOURCE } output_arg { name: 'o' "
     "type: DT_RESOURCE } } ret { key: 'o' value: 'h' } } }",
     "library { function { signature { name: 'bound' input_arg { name: 'h' type: DT_FLOAT } output_arg { name: 'o' "
     "type: DT_FLOAT } } ret { key: 'o' value: 'h' } } }",
     NULL},
    {"a gather of batches; the name of its axis is taken",
     "node { name: 'w' op: 'VarHandleOp' } node { name: 'n' op: 'Const' } node { name: 'g/axis' op: 'NoOp' }"
     "node { name: 'g' op: 'ResourceGather' input: 'w' input: 'n' attr { key: 'batch_dims' value { i: 2 } } }",
     "node { name: 'w' op: 'Const'" T("dtype", "DT_FLOAT") VALUE
     " } node { name: 'n' op: 'Const' }"
     "node { name: 'g/axis' op: 'NoOp' }"
     "node { name: 'g' op: 'GatherV2' input: 'w' input: 'n' input: 'g/axis_1' attr { key: 'batch_dims' value { i: 2 } "
     "}" T("Taxis", "DT_INT32")
         T("Tparams", "DT_FLOAT") " }"
                                  "node { name: 'g/axis_1' op: 'Const' input: '^w'" T(
                                      "dtype", "DT_INT32") " attr { key: 'value' value { tensor { dtype: DT_INT32 "
                                                           "tensor_shape { } int_val: 2 } } } }",
     NULL},
    {"questions about the handle",
     "node { name: 'w' op: 'VarHandleOp' } node { name: 'v' op: 'VariableV2' }"
     "node { name: 'q' op: 'VarIsInitializedOp' input: 'w' input: '^v' }"
     "node { name: 'r' op: 'IsVariableInitialized' input: 'v'" T(
         "dtype", "DT_FLOAT") " }"
                              "node { name: 'd' op: 'DisableCopyOnRead' input: 'w:0' device: '/cpu:0' }",
     "node { name: 'w' op: 'Const'" T("dtype", "DT_FLOAT") VALUE " } node { name: 'v' op: 'Const'" T(
         "dtype", "DT_FLOAT") VALUE " }"
                                    "node { name: 'q' op: 'Const' input: '^w' input: '^v'" TRUE " }"
                                    "node { name: 'r' op: 'Const' input: '^v'" TRUE " }"
                                    "node { name: 'd' op: 'NoOp' input: '^w' device: '/cpu:0' }",
     NULL},
    {"references in a loop and a branch",
     "node { name: 'v' op: 'VariableV2' } node { name: 'p' op: 'Placeholder' }"
     "node { name: 'e' op: 'RefEnter' input: 'v'" T(
         "T", "DT_FLOAT") " }"
                          "node { name: 's' op: 'RefSwitch' input: 'e' input: 'p'" T(
                              "T", "DT_FLOAT") " }"
                                               "node { name: 'a' op: 'RefIdentity' input: 's:1'" T(
                                                   "T", "DT_FLOAT") " }"
                                                                    "node { name: 'n' op: 'Neg' input: 'a'" T(
                                                                        "T", "DT_FLOAT") " }",
     "node { name: 'v' op: 'Const'" T("dtype", "DT_FLOAT") VALUE
     " } node { name: 'p' op: 'Placeholder' }"
     "node { name: 'e' op: 'Enter' input: 'v'" T(
         "T", "DT_FLOAT") " }"
                          "node { name: 's' op: 'Switch' input: 'e' input: 'p'" T(
                              "T", "DT_FLOAT") " }"
                                               "node { name: 'a' op: 'Identity' input: 's:1'" T(
                                                   "T", "DT_FLOAT") " }"
                                                                    "node { name: 'n' op: 'Neg' input: 'a'" T(
                                                                        "T", "DT_FLOAT") " }",
     NULL},
    {"several at once through IdentityN",
     "node { name: 'w' op: 'VarHandleOp' } node { name: 'x' op: 'Placeholder' }"
     "node { name: 'i' op: 'IdentityN' input: 'x' input: 'w'" TYPES(
         "T", "DT_INT64, DT_RESOURCE") " }"
                                       "node { name: 'r' op: 'ReadVariableOp' input: 'i:1'" T(
                                           "dtype", "DT_FLOAT") " }"
                                                                "node { name: 'n' op: 'Neg' input: 'i' }",
     "node { name: 'w' op: 'Const'" T("dtype", "DT_FLOAT") VALUE
     " } node { name: 'x' op: 'Placeholder' }"
     "node { name: 'i' op: 'IdentityN' input: 'x' input: 'w'" TYPES(
         "T", "DT_INT64, DT_FLOAT") " }"
                                    "node { name: 'r' op: 'Identity' input: 'i:1'" T(
                                        "T", "DT_FLOAT") " }"
                                                         "node { name: 'n' op: 'Neg' input: 'i' }",
     NULL},
    {"branches of a Case, one of which asks",
     "node { name: 'w' op: 'VarHandleOp' } node { name: 'k' op: 'Placeholder' }"
     "node { name: 'c' op: 'Case' input: 'k' input: 'w'"
     " attr { key: 'branches' value { list { func { name: 'f' } func { name: 'h' } } } }" TYPES(
         "Tin", "DT_RESOURCE") " }"
                               "library { function { signature { name: 'f' input_arg { name: 'a' type: DT_RESOURCE } }"
                               "  node_def { name: 'q' op: 'VarIsInitializedOp' input: 'a' }"
                               "  ret { key: 'y' value: 'q:is_initialized:0' } }"
                               "function { signature { name: 'h' input_arg { name: 'b' type: DT_RESOURCE } }"
                               "  node_def { name: 'r' op: 'ReadVariableOp' input: 'b' } node_def { name: 'n' op: "
                               "'Neg' input: 'r:value:0' } } }",
     "node { name: 'w' op: 'Const'" T("dtype", "DT_FLOAT") VALUE
     " } node { name: 'k' op: 'Placeholder' }"
     "node { name: 'c' op: 'Case' input: 'k' input: 'w'"
     " attr { key: 'branches' value { list { func { name: 'f' } func { name: 'h' } } } }" TYPES(
         "Tin", "DT_FLOAT") " }"
                            "library { function { signature { name: 'f' input_arg { name: 'a' type: DT_FLOAT } }"
                            "  node_def { name: 'q' op: 'Const'" TRUE " } ret { key: 'y' value: 'q:output:0' } }"
                            "function { signature { name: 'h' input_arg { name: 'b' type: DT_FLOAT } }"
                            "  node_def { name: 'r' op: 'Identity' input: 'b'" T(
                                "T", "DT_FLOAT") " } node_def { name: 'n' op: 'Neg' input: 'r:output:0' } } }",
     NULL},
    {"captured by the functions of datasets, whose last arguments they are",
     "node { name: 'w' op: 'VarHandleOp' } node { name: 'd' op: 'RangeDataset' } node { name: 's' op: 'Const' }"
     "node { name: 'm' op: 'ReduceDataset' input: 'd' input: 's' input: 'w'" CALLS("f") TYPES("Tstate", "DT_FLOAT")
         TYPES("Targuments",
               "DT_RESOURCE") " }"
                              "library { function { signature { name: 'f' input_arg { name: 'state' type: DT_FLOAT }"
                              "  input_arg { name: 'element' type: DT_INT64 } input_arg { name: 'a' type: DT_RESOURCE "
                              "} } } }",
     "node { name: 'w' op: 'Const'" T("dtype", "DT_FLOAT") VALUE
     " } node { name: 'd' op: 'RangeDataset' } node { name: 's' op: 'Const' }"
     "node { name: 'm' op: 'ReduceDataset' input: 'd' input: 's' input: 'w'" CALLS("f") TYPES("Tstate", "DT_FLOAT")
         TYPES(
             "Targuments",
             "DT_FLOAT") " }"
                         "library { function { signature { name: 'f' input_arg { name: 'state' type: DT_FLOAT }"
                         "  input_arg { name: 'element' type: DT_INT64 } input_arg { name: 'a' type: DT_FLOAT } } } }",
     NULL},
    {"a function that is an op, and returns the variable",
     "node { name: 'w' op: 'VarHandleOp' } node { name: 'c' op: 'f' input: 'w' }"
     "node { name: 'r' op: 'ReadVariableOp' input: 'c:1' }"
     "library { function { signature { name: 'f' input_arg { name: 'a' type: DT_RESOURCE }"
     "  output_arg { name: 'x' type: DT_FLOAT } output_arg { name: 'y' type: DT_RESOURCE } } ret { key: 'y' value: 'a' "
     "} } }",
     "node { name: 'w' op: 'Const'" T("dtype", "DT_FLOAT") VALUE
     " } node { name: 'c' op: 'f' input: 'w' }"
     "node { name: 'r' op: 'Identity' input: 'c:1'" T(
         "T", "DT_FLOAT") " }"
                          "library { function { signature { name: 'f' input_arg { name: 'a' type: DT_FLOAT }"
                          "  output_arg { name: 'x' type: DT_FLOAT } output_arg { name: 'y' type: DT_FLOAT } } ret { "
                          "key: 'y' value: 'a' } } }",
     NULL},
    {"the same function in another way",
     "node { name: 'w' op: 'VarHandleOp' } node { name: 'c' op: 'PartitionedCall' input: 'w'" CALLS("f")
         TYPES("Tin", "DT_RESOURCE") " }"
                                     "node { name: 'g' op: 'SymbolicGradient' input: 'w'" CALLS(
                                         "f") " }"
                                              "library { function { signature { name: 'f' input_arg { name: 'a' type: "
                                              "DT_RESOURCE } } } }",
     NULL, "node g: SymbolicGradient does more"},
    {"the same function, nobody knows how",
     "node { name: 'w' op: 'VarHandleOp' } node { name: 'c' op: 'PartitionedCall' input: 'w'" CALLS("f")
         TYPES("Tin", "DT_RESOURCE") " } node { name: 'g' op: 'SomeOp'" CALLS(
             "f") " }"
                  "library { function { signature { name: 'f' input_arg { name: 'a' type: DT_RESOURCE } } } }",
     NULL, "node g: how it calls a function with a variable is not known"},
    {"a reference, taken by what nobody knows",
     "node { name: 'v' op: 'VariableV2' } node { name: 'u' op: 'SomeOp' input: 'v' }", NULL,
     "node u: SomeOp does more"},
    {"a variable as condition",
     "node { name: 'w' op: 'VarHandleOp' } node { name: 'c' op: 'If' input: 'w'" TYPES("Tin", "") " }", NULL,
     "node c: a variable is not what it takes there"},
    {"written", "node { name: 'w' op: 'VarHandleOp' } node { name: 'a' op: 'AssignVariableOp' input: 'w' input: 'w' }",
     NULL, "node a: AssignVariableOp does more with a variable than to read it"},
    {"a reference that is written",
     "node { name: 'w' op: 'VariableV2' } node { name: 'a' op: 'Assign' input: 'w' input: 'w'" T("T", "DT_FLOAT") " }",
     NULL, "node a: Assign does more"},
    {"written in a function",
     "library { function { signature { name: 'bound' input_arg { name: 'h' type: DT_RESOURCE } } node_def { name: 'a' "
     "op: 'AssignAddVariableOp' input: 'h' } } }",
     NULL, "node a of function bound: AssignAddVariableOp does more"},
    {"a function that others call with what is not frozen",
     "node { name: 'w' op: 'VarHandleOp' } node { name: 't' op: 'VarHandleOp' }"
     "node { name: 'c' op: 'PartitionedCall' input: 'w'" CALLS("f")
         TYPES("Tin", "DT_RESOURCE") " }"
                                     "node { name: 'd' op: 'PartitionedCall' input: 't'" CALLS("f")
                                         TYPES("Tin", "DT_RESOURCE") " }"
                                                                     "library { function { signature { name: 'f' "
                                                                     "input_arg { name: 'h' type: DT_RESOURCE } } } }",
     NULL, "node d: its function takes a variable there that is frozen for some who call it"},
    {"more inputs than the function has",
     "node { name: 'w' op: 'VarHandleOp' } node { name: 'c' op: 'PartitionedCall' input: 'w'" CALLS("f")
         TYPES("Tin", "DT_RESOURCE") " }"
                                     "library { function { signature { name: 'f' } } }",
     NULL, "node c: has more inputs than its function"},
    {"an absent function",
     "node { name: 'w' op: 'VarHandleOp' } node { name: 'c' op: 'PartitionedCall' input: 'w'" CALLS("f") " }", NULL,
     "node c: calls a function that is not there"},
};

static sm_status put_value(sm_buffer *out, void *ctx, size_t variable, sm_error *e) {
  static const uint8_t seven[] = {0x08, 0x01, 0x12, 0x00, 0x2a, 0x04, 0x00, 0x00, 0xe0, 0x40};
  (void)ctx;
  (void)variable;
  return sm_buffer_put(out, seven, sizeof seven, e);
}

/* w_size: that the variable w is said to have. */
static sm_status freeze_sized(sm_buffer *out, const sm_buffer *graph, uint64_t w_size) {
  const sm_freeze_variable variables[] = {{{"v", 1}, SM_DT_FLOAT, 4}, {{"w", 1}, SM_DT_FLOAT, w_size}};
  static const sm_dtype bound[] = {SM_DT_FLOAT};
  static const sm_freeze_binding bindings[] = {{{"bound", 5}, bound, 1}};
  const sm_freeze_spec spec = {variables, 2, bindings, 1, put_value, NULL};
  const sm_span bytes = {graph->data, graph->size};
  const sm_wire_source source = {.name = "graph", .bytes = bytes};
  sm_arena arena;
  sm_op_defs defs;
  sm_graph_library library;
  sm_arena_init(&arena, &allocator.base, UINT64_MAX);
  sm_op_defs_init(&defs, &allocator.base, UINT64_MAX);
  sm_status status = sm_graph_index_functions(&library, (sm_spans){&bytes, 1}, &source, &arena, &err);
  if (status == SM_OK) status = sm_op_defs_add(&defs, (sm_spans){NULL, 0}, &library, &source, &err);
  if (status == SM_OK)
    status = sm_graph_freeze(out, (sm_spans){&bytes, 1}, &library, &defs, &spec, &source, &arena, &err);
  sm_op_defs_free(&defs);
  sm_arena_free(&arena);
  return status;
}

static sm_status freeze(sm_buffer *out, const sm_buffer *graph) { return freeze_sized(out, graph, 4); }

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

static void freeze__graphs(void **state) {
  (void)state;
  for (size_t i = 0; i < N_OF(rows); i++) {
    sm_buffer graph, out, wanted, shown[2];
    read_text(&graph, rows[i].graph);
    sm_buffer_init(&out, &allocator.base, UINT64_MAX);
    if (rows[i].frozen == NULL) {
      assert_status(freeze(&out, &graph), SM_UNIMPLEMENTED, err);
      assert_mentions(err.message, rows[i].says);
    } else {
      assert_ok(freeze(&out, &graph), err);
      read_text(&wanted, rows[i].frozen);
      write_text(&shown[0], &out);
      write_text(&shown[1], &wanted);
      assert_text(rows[i].what, (const char *)shown[0].data, (const char *)shown[1].data);
      sm_buffer_free(&shown[0]);
      sm_buffer_free(&shown[1]);
      sm_buffer_free(&wanted);
    }
    sm_buffer_free(&graph);
    sm_buffer_free(&out);
  }
}

static void freeze__no_memory(void **state) {
  (void)state;
  for (size_t i = 0; i < N_OF(rows); i++) {
    sm_buffer graph, out;
    sm_status status = SM_RESOURCE_EXHAUSTED;
    read_text(&graph, rows[i].graph);
    for (uint64_t n = 0; status == SM_RESOURCE_EXHAUSTED; n++) {
      sm_buffer_init(&out, &allocator.base, UINT64_MAX);
      sm_fault_alloc_rearm(&allocator, n);
      status = freeze(&out, &graph);
      sm_buffer_free(&out);
    }
    assert_number(rows[i].what, status, rows[i].frozen != NULL ? SM_OK : SM_UNIMPLEMENTED);
    sm_fault_alloc_rearm(&allocator, UINT64_MAX);
    sm_buffer_free(&graph);
  }
}

/* Nothing is written, though it would be only now that it does not fit. */
static void freeze__too_large(void **state) {
  (void)state;
  static const uint64_t sizes[] = {INT32_MAX, UINT64_C(1) << 40, UINT64_MAX};
  sm_buffer graph, out;
  read_text(&graph, "node { name: 'v' op: 'VarHandleOp' } node { name: 'w' op: 'VarHandleOp' }");
  for (size_t i = 0; i < N_OF(sizes); i++) {
    sm_buffer_init(&out, &allocator.base, UINT64_MAX);
    assert_status(freeze_sized(&out, &graph, sizes[i]), SM_RESOURCE_EXHAUSTED, err);
    assert_mentions(err.message, "2^31-1");
    assert_number("bytes", out.size, 0);
    sm_buffer_free(&out);
  }
  sm_buffer_free(&graph);
  read_text(&graph, "node { name: 'v' op: 'VarHandleOp' }"); /* w is not there */
  sm_buffer_init(&out, &allocator.base, UINT64_MAX);
  assert_ok(freeze_sized(&out, &graph, UINT64_MAX), err);
  sm_buffer_free(&out);
  sm_buffer_free(&graph);
}

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test_setup_teardown(freeze__graphs, set_up, tear_down),
      cmocka_unit_test_setup_teardown(freeze__no_memory, set_up, tear_down),
      cmocka_unit_test_setup_teardown(freeze__too_large, set_up, tear_down),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
