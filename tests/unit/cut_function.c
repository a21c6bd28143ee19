/* Functions cut out of graphs, both in protobuf text. */
#include "graph/cut_function.h"

#include <savedmodel/pb/graph.pb-c.h>

#include "support/check.h"
#include "support/fault_alloc.h"
#include "wire/text.h"

static sm_error err;
static sm_fault_alloc allocator;

/* What leads from x and the variable w to y; the lookup in a table; a print that nothing needs. */
static const char GRAPH[] =
    "node { name: 'X' op: 'Placeholder' attr { key: 'dtype' value { type: DT_FLOAT } } }"
    "node { name: 'z' op: 'Placeholder' attr { key: 'dtype' value { type: DT_FLOAT } } }"
    "node { name: 'a/W' op: 'VarHandleOp' attr { key: 'dtype' value { type: DT_FLOAT } } attr { key: 'shape' value { "
    "shape { } } } }"
    "node { name: 'read' op: 'ReadVariableOp' input: 'a/W' attr { key: 'dtype' value { type: DT_FLOAT } } }"
    "node { name: 'x' op: 'Mul' input: 'X' input: 'read:0' input: '^X' input: '^a/W' input: '^print' device: '/cpu:0'"
    "  attr { key: 'T' value { type: DT_FLOAT } }"
    "  attr { key: '_class' value { list { s: 'loc:@read' s: 'loc:@z' } } } }"
    "node { name: 'print' op: 'PrintV2' input: 'text' attr { key: '_class' value { list { s: 'loc:@z' } } } }"
    "node { name: 'text' op: 'Const' attr { key: 'dtype' value { type: DT_STRING } } attr { key: 'value' value { "
    "tensor { dtype: DT_STRING tensor_shape { } string_val: 'hi' } } } }"
    "node { name: 'split' op: 'Split' input: 'dim' input: 'x' attr { key: 'T' value { type: DT_FLOAT } } attr { key: "
    "'num_split' value { i: 2 } } }"
    "node { name: 'dim' op: 'Const' attr { key: 'dtype' value { type: DT_INT32 } } attr { key: 'value' value { tensor "
    "{ dtype: DT_INT32 tensor_shape { } int_val: 0 } } } }"
    "node { name: 'y' op: 'Neg' input: 'split:1' attr { key: 'T' value { type: DT_FLOAT } } }"
    "node { name: 'both' op: 'AddV2' input: 'y' input: 'z' attr { key: 'T' value { type: DT_FLOAT } } }"
    "node { name: 'call' op: 'PartitionedCall' input: 'X' attr { key: 'f' value { func { name: 'outer' } } }"
    "  attr { key: 'Tin' value { list { type: DT_FLOAT } } } attr { key: 'Tout' value { list { type: [DT_FLOAT, "
    "DT_INT32] } } } }"
    "node { name: 'loop' op: 'PartitionedCall' attr { key: 'f' value { func { name: 'endless' } } } attr { key: 'Tin' "
    "value { list { } } } attr { key: 'Tout' value { list { type: DT_FLOAT } } } }"
    "node { name: 'lost' op: 'PartitionedCall' attr { key: 'f' value { func { name: 'nowhere' } } } attr { key: 'Tin' "
    "value { list { } } } attr { key: 'Tout' value { list { type: DT_FLOAT } } } }"
    "node { name: 'odd' op: 'NobodyKnowsThis' }"
    "node { name: 'v' op: 'VariableV2' attr { key: 'dtype' value { type: DT_FLOAT } } attr { key: 'shape' value { "
    "shape { } } } }"
    "node { name: 'dangling' op: 'Neg' input: 'gone' attr { key: 'T' value { type: DT_FLOAT } } }"
    "library {"
    "  function { signature { name: 'outer' } node_def { name: 'n' op: 'inner' } }"
    "  function { signature { name: 'inner' } }"
    "  function { signature { name: 'endless' } node_def { name: 'n' op: 'PartitionedCall' attr { key: 'f' value { "
    "func { name: 'back' } } } } }"
    "  function { signature { name: 'back' } node_def { name: 'n' op: 'endless' } }"
    "}";

typedef struct cutting {
  sm_arena arena;
  sm_op_defs defs;
  sm_buffer bytes;
  sm_wire_source source;
  sm_graph_library library;
  sm_cut_graph graph;
} cutting;

static cutting c;

/* From bytes that are in c already. */
static sm_status begin(void) {
  const sm_spans graph = {&c.source.bytes, 1};
  sm_arena_init(&c.arena, &allocator.base, UINT64_MAX);
  sm_op_defs_init(&c.defs, &allocator.base, UINT64_MAX);
  SM_TRY(sm_graph_index_functions(&c.library, graph, &c.source, &c.arena, &err));
  SM_TRY(sm_op_defs_add(&c.defs, (sm_spans){NULL, 0}, &c.library, &c.source, &err));
  return sm_cut_graph_init(&c.graph, graph, &c.library, &c.defs, &c.source, &c.arena, &err);
}

static void end(void) {
  sm_op_defs_free(&c.defs);
  sm_arena_free(&c.arena);
}

static int set_up(void **state) {
  (void)state;
  sm_fault_alloc_init(&allocator, UINT64_MAX);
  sm_buffer_init(&c.bytes, &allocator.base, UINT64_MAX);
  sm_string text = {GRAPH, sizeof GRAPH - 1};
  assert_ok(sm_text_read(&c.bytes, &tensorflow__graph_def__descriptor, text, &err), err);
  c.source = (sm_wire_source){.name = "graph", .bytes = {c.bytes.data, c.bytes.size}};
  assert_ok(begin(), err);
  return 0;
}

static int tear_down(void **state) {
  (void)state;
  end();
  sm_buffer_free(&c.bytes);
  assert_number("memory that is left", allocator.live_blocks, 0);
  sm_fault_alloc_destroy(&allocator);
  return 0;
}

#define TEXT(text) \
  { "" text, sizeof("" text) - 1 }

static sm_status put(void *ctx, const void *data, size_t size, sm_error *e) {
  return sm_buffer_put(ctx, data, size, e);
}

/* The function is what the text says. */
static void assert_function(const char *what, sm_string function, const char *text) {
  sm_buffer wanted, shown[2];
  sm_buffer_init(&wanted, &allocator.base, UINT64_MAX);
  assert_ok(sm_text_read(&wanted, &tensorflow__function_def__descriptor, sm_string_of(text), &err), err);
  const sm_span messages[2] = {{(const uint8_t *)function.data, function.size}, {wanted.data, wanted.size}};
  for (size_t i = 0; i < 2; i++) {
    sm_wire_source source = {.name = what, .bytes = messages[i]};
    sm_buffer_init(&shown[i], &allocator.base, UINT64_MAX);
    assert_ok(
        sm_text_write(&tensorflow__function_def__descriptor, messages[i], &source, &c.arena, put, &shown[i], &err),
        err);
    assert_ok(sm_buffer_put(&shown[i], "", 1, &err), err);
  }
  assert_text(what, (const char *)shown[0].data, (const char *)shown[1].data);
  sm_buffer_free(&shown[0]);
  sm_buffer_free(&shown[1]);
  sm_buffer_free(&wanted);
}

/* ---- Cuts ---- */

static const sm_cut_arg x = {TEXT("X"), TEXT("X:0"), SM_DT_FLOAT};
static const sm_cut_arg captures[] = {{TEXT(""), TEXT("text"), SM_DT_STRING}, {TEXT(""), TEXT("a/W"), SM_DT_RESOURCE}};

/* Arguments are in lower case, a node that has an argument's name gets another, references name outputs; z is not in the
 * function, so nothing is colocated with it. */
static const char Y_OF_X[] =
    "signature { name: 'f' input_arg { name: 'x' type: DT_FLOAT } input_arg { name: 'text' type: DT_STRING }"
    "  input_arg { name: 'a_w' type: DT_RESOURCE } output_arg { name: 'y' type: DT_FLOAT } output_arg { name: 'x_2' "
    "type: DT_FLOAT }"
    "  is_stateful: true control_output: 'read' control_output: 'print' }"
    "node_def { name: 'read' op: 'ReadVariableOp' input: 'a_w' attr { key: 'dtype' value { type: DT_FLOAT } } }"
    "node_def { name: 'x_1' op: 'Mul' input: 'x' input: 'read:value:0' input: '^print' device: '/cpu:0'"
    "  attr { key: 'T' value { type: DT_FLOAT } } attr { key: '_class' value { list { s: 'loc:@read' } } } }"
    "node_def { name: 'print' op: 'PrintV2' input: 'text' }"
    "node_def { name: 'split' op: 'Split' input: 'dim:output:0' input: 'x_1:z:0' attr { key: 'T' value { type: "
    "DT_FLOAT } } attr { key: 'num_split' value { i: 2 } } }"
    "node_def { name: 'dim' op: 'Const' attr { key: 'dtype' value { type: DT_INT32 } } attr { key: 'value' value { "
    "tensor { dtype: DT_INT32 tensor_shape { } int_val: 0 } } } }"
    "node_def { name: 'y' op: 'Neg' input: 'split:output:1' attr { key: 'T' value { type: DT_FLOAT } } }"
    "ret { key: 'y' value: 'y:y:0' } ret { key: 'x_2' value: 'x' }"
    "control_ret { key: 'read' value: 'read' } control_ret { key: 'print' value: 'print' }";

static void cut_function__whole(void **state) {
  (void)state;
  sm_cut cut;
  const sm_cut_arg outputs[] = {{TEXT("y"), TEXT("y:0"), SM_DT_FLOAT}, {TEXT("X"), TEXT("X"), SM_DT_INVALID}};
  const sm_cut_spec spec = {.name = TEXT("f"),
                            .inputs = &x,
                            .n_inputs = 1,
                            .captures = captures,
                            .n_captures = 2,
                            .outputs = outputs,
                            .n_outputs = 2};
  for (int i = 0; i < 2; i++) { /* the first leaves no traces for the second */
    assert_ok(sm_cut_function(&cut, &c.graph, &spec, &err), err);
    assert_function("y of x", cut.function_def, Y_OF_X);
    assert_number("captures", cut.n_captures, 2);
    assert_number("calls", cut.n_called, 0);
    assert_true(cut.type.is_stateful);
  }
}

/* A capture that nothing needs is left out; an input that nothing needs stays; what only a control needs is in. */
static void cut_function__parts(void **state) {
  (void)state;
  sm_cut cut;
  const sm_cut_arg z = {TEXT(""), TEXT("z"), SM_DT_INVALID}, out = {TEXT("out"), TEXT("z:0"), SM_DT_INVALID};
  const sm_string print = TEXT("^print");
  sm_cut_spec spec = {.name = TEXT("g"),
                      .inputs = (sm_cut_arg[]){x, z},
                      .n_inputs = 2,
                      .captures = captures,
                      .n_captures = 2,
                      .outputs = &out,
                      .n_outputs = 1};
  assert_ok(sm_cut_function(&cut, &c.graph, &spec, &err), err);
  assert_function("no node", cut.function_def,
                  "signature { name: 'g' input_arg { name: 'x' type: DT_FLOAT } input_arg { name: 'z' type: DT_FLOAT }"
                  "  output_arg { name: 'out' type: DT_FLOAT } } ret { key: 'out' value: 'z' }");
  assert_false(cut.type.is_stateful);
  spec.controls = &print;
  spec.n_controls = 1;
  spec.n_outputs = 0;
  assert_ok(sm_cut_function(&cut, &c.graph, &spec, &err), err);
  assert_function("a control", cut.function_def,
                  "signature { name: 'g' input_arg { name: 'x' type: DT_FLOAT } input_arg { name: 'z' type: DT_FLOAT }"
                  "  input_arg { name: 'text' type: DT_STRING } is_stateful: true control_output: 'print' }"
                  "node_def { name: 'print' op: 'PrintV2' input: 'text' } control_ret { key: 'print' value: 'print' }");
  assert_number("captures", cut.n_captures, 1);
  assert_number("which", cut.captures[0], 0);
}

/* In the middle of the graph: an output of many is an argument, the others are not touched. */
static void cut_function__in_the_middle(void **state) {
  (void)state;
  sm_cut cut;
  const sm_cut_arg half = {TEXT(""), TEXT("split:1"), SM_DT_FLOAT}, out = {TEXT("y"), TEXT("y"), SM_DT_FLOAT};
  const sm_cut_spec spec = {.name = TEXT("h"), .inputs = &half, .n_inputs = 1, .outputs = &out, .n_outputs = 1};
  assert_ok(sm_cut_function(&cut, &c.graph, &spec, &err), err);
  assert_function(
      "half", cut.function_def,
      "signature { name: 'h' input_arg { name: 'split' type: DT_FLOAT } output_arg { name: 'y' type: DT_FLOAT } }"
      "node_def { name: 'y' op: 'Neg' input: 'split' attr { key: 'T' value { type: DT_FLOAT } } }"
      "ret { key: 'y' value: 'y:y:0' }");
}

/* A branch of TensorFlow 1: what is in it runs when the result needs it, and is no control output; what is before it is one. */
static void cut_function__branches(void **state) {
  (void)state;
  static const char graph[] =
      "node { name: 'p' op: 'Placeholder' attr { key: 'dtype' value { type: DT_BOOL } } }"
      "node { name: 'm' op: 'Merge' input: 'u' input: 's' attr { key: 'N' value { i: 2 } } attr { key: 'T' value { "
      "type: "
      "DT_INT32 } } }"
      "node { name: 'u' op: 'RandomUniformInt' input: 's:1' input: 'r' input: 'r' attr { key: 'T' value { type: "
      "DT_INT32 } "
      "} attr { key: 'Tout' value { type: DT_INT32 } } }"
      "node { name: 's' op: 'Switch' input: 'r' input: 'p' attr { key: 'T' value { type: DT_INT32 } } }"
      "node { name: 'r' op: 'ReadVariableOp' input: 'w' attr { key: 'dtype' value { type: DT_INT32 } } }"
      "node { name: 'w' op: 'VarHandleOp' attr { key: 'dtype' value { type: DT_INT32 } } attr { key: 'shape' value { "
      "shape "
      "{ } } } }";
  static const char *const controls[] = {"", "u"};
  for (size_t i = 0; i < N_OF(controls); i++) {
    sm_cut cut;
    const sm_string control = sm_string_of(controls[i]);
    const sm_cut_arg in = {TEXT("p"), TEXT("p"), SM_DT_BOOL}, out = {TEXT("m"), TEXT("m"), SM_DT_INT32};
    const sm_cut_arg capture = {TEXT(""), TEXT("w"), SM_DT_RESOURCE};
    const sm_cut_spec spec = {.name = TEXT("f"),
                              .inputs = &in,
                              .n_inputs = 1,
                              .captures = &capture,
                              .n_captures = 1,
                              .outputs = &out,
                              .n_outputs = 1,
                              .controls = &control,
                              .n_controls = i};
    end();
    c.bytes.size = 0;
    assert_ok(sm_text_read(&c.bytes, &tensorflow__graph_def__descriptor, sm_string_of(graph), &err), err);
    c.source.bytes = (sm_span){c.bytes.data, c.bytes.size};
    assert_ok(begin(), err);
    assert_ok(sm_cut_function(&cut, &c.graph, &spec, &err), err);
    Tensorflow__FunctionDef *def =
        tensorflow__function_def__unpack(NULL, cut.function_def.size, (const uint8_t *)cut.function_def.data);
    assert_non_null(def);
    assert_number(controls[i], def->n_control_ret, 1 + i);
    assert_text("the first", def->control_ret[i]->value, "r");
    if (i == 1) assert_text("the other", def->control_ret[0]->value, "u");
    tensorflow__function_def__free_unpacked(def, NULL);
  }
}

static void cut_function__calls(void **state) {
  (void)state;
  sm_cut cut;
  const sm_cut_arg out = {TEXT("n"), TEXT("call:1"), SM_DT_INT32};
  const sm_cut_spec spec = {.name = TEXT("f"), .inputs = &x, .n_inputs = 1, .outputs = &out, .n_outputs = 1};
  assert_ok(sm_cut_function(&cut, &c.graph, &spec, &err), err);
  assert_number("calls", cut.n_called, 1);
  assert_bytes("called", cut.called[0].data, cut.called[0].size, "outer", 5);
  assert_number("type of the result", cut.type.outputs[0].dtype, SM_DT_INT32);
}

/* ---- Refused ---- */

typedef struct refusal {
  sm_string output;
  sm_dtype dtype; /* that it is to have */
  sm_status code;
  const char *says;
} refusal;

static const refusal refusals[] = {
    {TEXT("both"), SM_DT_INVALID, SM_INVALID_ARGUMENT, "function f: needs the Placeholder z"},
    {TEXT("z"), SM_DT_INVALID, SM_INVALID_ARGUMENT, "needs the Placeholder z"},
    {TEXT("nope:0"), SM_DT_INVALID, SM_NOT_FOUND, "nope:0 is not in the graph"},
    {TEXT("^y"), SM_DT_INVALID, SM_NOT_FOUND, "^y is not in the graph"},
    {TEXT("y:1"), SM_DT_INVALID, SM_INVALID_ARGUMENT, "node y has no output 1"},
    {TEXT("split:2"), SM_DT_INVALID, SM_INVALID_ARGUMENT, "node split has no output 2"},
    {TEXT("call:2"), SM_DT_INVALID, SM_INVALID_ARGUMENT, "node call has no output 2"},
    {TEXT("y:0"), SM_DT_INT32, SM_INVALID_ARGUMENT, "y:0 is of type float, expected int32"},
    {TEXT("loop"), SM_DT_INVALID, SM_INVALID_ARGUMENT, "calls itself"},
    {TEXT("lost"), SM_DT_INVALID, SM_NOT_FOUND, "function nowhere is not there"},
    {TEXT("odd"), SM_DT_INVALID, SM_INVALID_ARGUMENT, "node odd: no definition of its operation NobodyKnowsThis"},
    {TEXT("v"), SM_DT_INVALID, SM_INVALID_ARGUMENT, "function f: needs the variable v, which is none of its captures"},
    {TEXT("dangling"), SM_DT_INVALID, SM_INVALID_ARGUMENT, "node dangling: its input gone is not in the graph"},
};

static void cut_function__refused(void **state) {
  (void)state;
  sm_cut cut;
  for (size_t i = 0; i < N_OF(refusals); i++) {
    const sm_cut_arg out = {TEXT("out"), refusals[i].output, refusals[i].dtype};
    const sm_cut_spec spec = {.name = TEXT("f"),
                              .inputs = &x,
                              .n_inputs = 1,
                              .captures = captures,
                              .n_captures = 2,
                              .outputs = &out,
                              .n_outputs = 1};
    assert_status(sm_cut_function(&cut, &c.graph, &spec, &err), refusals[i].code, err);
    assert_mentions(err.message, refusals[i].says);
    assert_mentions(err.message, "function ");
  }
  const sm_cut_spec twice = {.name = TEXT("f"), .inputs = (sm_cut_arg[]){x, x}, .n_inputs = 2};
  assert_status(sm_cut_function(&cut, &c.graph, &twice, &err), SM_INVALID_ARGUMENT, err);
  assert_mentions(err.message, "function f: tensor X:0 is given twice");
}

static void cut_function__references(void **state) {
  (void)state;
  sm_cut cut;
  const sm_cut_arg v = {TEXT("v"), TEXT("v:0"), SM_DT_INVALID};
  const sm_cut_spec spec = {.name = TEXT("f"), .inputs = &v, .n_inputs = 1};
  assert_status(sm_cut_function(&cut, &c.graph, &spec, &err), SM_INVALID_ARGUMENT, err);
  assert_mentions(err.message, "v:0 is a reference to a variable");
}

/* ---- Types ---- */

static void cut_function__use(void **state) {
  (void)state;
  const sm_function_arg inputs[] = {{TEXT("x"), SM_DT_FLOAT}, {TEXT("w"), SM_DT_RESOURCE}};
  const sm_function_arg output = {TEXT("y"), SM_DT_FLOAT};
  const sm_function_type type = {
      .name = TEXT("f"), .inputs = inputs, .n_inputs = 2, .outputs = &output, .n_outputs = 1};
  const sm_dtype number[] = {SM_DT_FLOAT}, handle[] = {SM_DT_RESOURCE}, string[] = {SM_DT_STRING};
  assert_ok(sm_function_check_use(&type, &(sm_function_use){number, 1, handle, 1, number, 1}, &err), err);
  assert_status(sm_function_check_use(&type, &(sm_function_use){number, 1, handle, 0, number, 1}, &err),
                SM_INVALID_ARGUMENT, err);
  assert_mentions(err.message, "function f: takes 2 arguments, got 1 and 0 captures");
  assert_status(sm_function_check_use(&type, &(sm_function_use){number, 1, handle, 1, number, 0}, &err),
                SM_INVALID_ARGUMENT, err);
  assert_mentions(err.message, "has 1 results, expected 0");
  assert_status(sm_function_check_use(&type, &(sm_function_use){number, 1, string, 1, number, 1}, &err),
                SM_INVALID_ARGUMENT, err);
  assert_mentions(err.message, "capture w is of type resource, expected string");
}

static void cut_function__read_type(void **state) {
  (void)state;
  sm_function_type type;
  sm_buffer bytes;
  sm_buffer_init(&bytes, &allocator.base, UINT64_MAX);
  assert_ok(sm_text_read(&bytes, &tensorflow__function_def__descriptor, sm_string_of(Y_OF_X), &err), err);
  assert_ok(sm_function_read_type(&type, (sm_span){bytes.data, bytes.size}, &c.source, &c.arena, &err), err);
  assert_number("inputs", type.n_inputs, 3);
  assert_number("a handle", type.inputs[2].dtype, SM_DT_RESOURCE);
  assert_number("outputs", type.n_outputs, 2);
  assert_true(type.is_stateful);
  sm_buffer_free(&bytes);
}

/* ---- No memory ---- */

static void cut_function__no_memory(void **state) {
  (void)state;
  const sm_cut_arg outputs[] = {{TEXT("y"), TEXT("y:0"), SM_DT_FLOAT}, {TEXT("n"), TEXT("call:1"), SM_DT_INVALID}};
  const sm_cut_spec spec = {.name = TEXT("f"),
                            .inputs = &x,
                            .n_inputs = 1,
                            .captures = captures,
                            .n_captures = 2,
                            .outputs = outputs,
                            .n_outputs = 2};
  sm_status status = SM_RESOURCE_EXHAUSTED;
  for (uint64_t i = 0; status == SM_RESOURCE_EXHAUSTED; i++) {
    sm_cut cut;
    end();
    sm_fault_alloc_rearm(&allocator, i);
    status = begin();
    if (status == SM_OK) status = sm_cut_function(&cut, &c.graph, &spec, &err);
    assert_true(status == SM_OK || status == SM_RESOURCE_EXHAUSTED);
  }
  sm_fault_alloc_rearm(&allocator, UINT64_MAX);
}

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test_setup_teardown(cut_function__whole, set_up, tear_down),
      cmocka_unit_test_setup_teardown(cut_function__parts, set_up, tear_down),
      cmocka_unit_test_setup_teardown(cut_function__in_the_middle, set_up, tear_down),
      cmocka_unit_test_setup_teardown(cut_function__branches, set_up, tear_down),
      cmocka_unit_test_setup_teardown(cut_function__calls, set_up, tear_down),
      cmocka_unit_test_setup_teardown(cut_function__refused, set_up, tear_down),
      cmocka_unit_test_setup_teardown(cut_function__references, set_up, tear_down),
      cmocka_unit_test_setup_teardown(cut_function__use, set_up, tear_down),
      cmocka_unit_test_setup_teardown(cut_function__read_type, set_up, tear_down),
      cmocka_unit_test_setup_teardown(cut_function__no_memory, set_up, tear_down),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
