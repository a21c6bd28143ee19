/* Functions that are cut out of one graph: what Python knows of their arguments, the order of these, what they share. */
#include "written_objects.h"

static sm_graph *make_arithmetic(void) {
  sm_graph *graph;
  CHECK(sm_graph_new(&graph, NULL, &err));
  CHECK(sm_graph_add_placeholder(graph, "x", SM_DT_FLOAT, NULL, -1, &err));
  CHECK(sm_graph_add_placeholder(graph, "y", SM_DT_FLOAT, NULL, -1, &err));
  CHECK(sm_graph_add_placeholder(graph, "x2", SM_DT_FLOAT, NULL, -1, &err));
  CHECK(sm_graph_add_placeholder(graph, "y2", SM_DT_FLOAT, NULL, -1, &err));
  CHECK(sm_graph_add_placeholder(graph, "factor", SM_DT_FLOAT, NULL, 0, &err));
  CHECK(sm_graph_add_variable(graph, "total", SM_DT_FLOAT, NULL, 0, &err));
  CHECK(sm_graph_add(graph, "Sub", "difference", SM_NAMES("x", "y"), &err));
  CHECK(sm_graph_add(graph, "Sub", "difference2", SM_NAMES("x2", "y2"), &err));
  CHECK(sm_graph_add(graph, "Mul", "scaled", SM_NAMES("x", "factor"), &err));
  CHECK(sm_graph_add(graph, "AddV2", "twice", SM_NAMES("x", "x"), &err));
  CHECK(sm_graph_add(graph, "AddV2", "sum", SM_NAMES("scaled", "total/Read/ReadVariableOp"), &err));
  CHECK(sm_graph_add(graph, "AssignAddVariableOp", "grow", SM_NAMES("total", "x"), &err));
  return graph;
}

static const sm_function_tensor x = {.name = "x", .tensor = "x:0", .dtype = SM_DT_FLOAT, .rank = 0};

/* scale(x, y=2.0): one trace with two tensors, one with the default. */
static void add_scale(sm_object_graph *objects, sm_string graph_def) {
  static const sm_structured two = {.kind = SM_STRUCTURED_FLOAT64, .float64_value = 2};
  static const sm_structured none = {.kind = SM_STRUCTURED_DICT};
  const sm_function_tensor both[] = {x, {.name = "y", .tensor = "y:0", .dtype = SM_DT_FLOAT, .rank = 0}};
  const sm_function_tensor difference = {.tensor = "difference:0", .rank = 0};
  const sm_function_tensor twice = {.tensor = "twice:0", .rank = 0};
  const sm_structured positional[] = {{.kind = SM_STRUCTURED_TENSOR_SPEC, .text = "x", .dtype = SM_DT_FLOAT}, two};
  const sm_structured args[] = {{.kind = SM_STRUCTURED_TUPLE, .n_items = 2, .items = positional}, none};
  const sm_structured structure = {.kind = SM_STRUCTURED_TUPLE, .n_items = 2, .items = args};
  const sm_trace traces[] = {
      {.graph_def = graph_def, .inputs = both, .n_inputs = 2, .outputs = &difference, .n_outputs = 1},
      {.graph_def = graph_def,
       .inputs = &x,
       .n_inputs = 1,
       .outputs = &twice,
       .n_outputs = 1,
       .input_structure = &structure}};
  const sm_parameter parameters[] = {{.name = "x"}, {.name = "y", .default_value = &two}};
  const sm_traced_function function = {.traces = traces, .n_traces = 2, .parameters = parameters, .n_parameters = 2};
  CHECK(sm_object_graph_add_function(NULL, objects, SM_OBJECT_ROOT, "scale", &function, &err));
}

/* subtract(zeta, alpha) -> {"z": zeta - alpha, "a": 2 zeta}: neither is in the order of the names. */
static int32_t add_subtract(sm_object_graph *objects, sm_string graph_def) {
  int32_t number;
  const sm_function_tensor inputs[] = {{.name = "zeta", .tensor = "x:0", .rank = -1},
                                       {.name = "alpha", .tensor = "y:0", .rank = -1}};
  const sm_function_tensor outputs[] = {{.name = "z", .tensor = "difference:0", .rank = -1},
                                        {.name = "a", .tensor = "twice:0", .rank = -1}};
  const sm_trace trace = {.graph_def = graph_def, .inputs = inputs, .n_inputs = 2, .outputs = outputs, .n_outputs = 2};
  const sm_traced_function function = {.traces = &trace, .n_traces = 1, .is_fixed = true};
  CHECK(sm_object_graph_add_function(&number, objects, SM_OBJECT_ROOT, "subtract", &function, &err));
  return number;
}

/* mix((p, q), *, z, a) -> [p - q, {"second": z - a, "first": 2 p}]: what is given is in no order. */
static void add_mix(sm_object_graph *objects, sm_string graph_def) {
#define SPEC(name) \
  { .kind = SM_STRUCTURED_TENSOR_SPEC, .text = name, .dtype = SM_DT_FLOAT, .rank = -1 }
  const sm_structured pair[] = {SPEC("p"), SPEC("q")}, options[] = {SPEC("z"), SPEC("a")};
  const sm_structured positional = {.kind = SM_STRUCTURED_TUPLE, .n_items = 2, .items = pair};
  const sm_structured arguments[] = {
      {.kind = SM_STRUCTURED_TUPLE, .n_items = 1, .items = &positional},
      {.kind = SM_STRUCTURED_DICT, .n_items = 2, .items = options, .keys = (const char *[]){"z", "a"}}};
  const sm_structured results[] = {SPEC("second"), SPEC("first")};
  const sm_structured returned[] = {
      SPEC("difference"),
      {.kind = SM_STRUCTURED_DICT, .n_items = 2, .items = results, .keys = (const char *[]){"second", "first"}}};
#undef SPEC
  const sm_structured in = {.kind = SM_STRUCTURED_TUPLE, .n_items = 2, .items = arguments};
  const sm_structured out = {.kind = SM_STRUCTURED_LIST, .n_items = 2, .items = returned};
  const sm_function_tensor inputs[] = {{.name = "z", .tensor = "x2:0", .rank = -1},
                                       {.name = "q", .tensor = "y:0", .rank = -1},
                                       {.name = "a", .tensor = "y2:0", .rank = -1},
                                       {.name = "p", .tensor = "x:0", .rank = -1}};
  const sm_function_tensor outputs[] = {{.name = "second", .tensor = "difference2:0", .rank = -1},
                                        {.name = "first", .tensor = "twice:0", .rank = -1},
                                        {.name = "difference", .tensor = "difference:0", .rank = -1}};
  const sm_trace trace = {.graph_def = graph_def,
                          .inputs = inputs,
                          .n_inputs = 4,
                          .outputs = outputs,
                          .n_outputs = 3,
                          .input_structure = &in,
                          .output_structure = &out};
  const sm_parameter pair_parameter = {.name = "pair"};
  const sm_traced_function function = {
      .traces = &trace, .n_traces = 1, .parameters = &pair_parameter, .n_parameters = 1};
  CHECK(sm_object_graph_add_function(NULL, objects, SM_OBJECT_ROOT, "mix", &function, &err));
}

/* bump(x): total += x, and nothing is returned; times(x): x * 10, which is a constant; layer(x): x * 10 + total. */
static void add_others(sm_object_graph *objects, sm_string graph_def) {
  static const float ten = 10, zero = 0;
  const sm_tensor_view value = scalar(SM_DT_FLOAT, &ten, sizeof ten);
  const sm_function_tensor scaled = {.tensor = "scaled:0", .rank = 0}, sum = {.tensor = "sum:0", .rank = 0};
  sm_function_capture captures[] = {{.node = "total"}, {.node = "factor"}};
  int32_t layer = add_container(objects, SM_OBJECT_ROOT, "layer", SM_CONTAINER_OBJECT);
  captures[0].object = add_variable(objects, SM_OBJECT_ROOT, "total", &zero);
  CHECK(sm_object_graph_add_constant(&captures[1].object, objects, SM_OBJECT_ROOT, "factor", &value, &err));
  sm_trace trace = {.graph_def = graph_def,
                    .inputs = &x,
                    .n_inputs = 1,
                    .outputs = &scaled,
                    .n_outputs = 1,
                    .captures = captures,
                    .n_captures = 2};
  add_function(objects, SM_OBJECT_ROOT, "times", &trace, NULL);
  trace.outputs = &sum;
  add_function(objects, layer, "__call__", &trace, "layer");
  trace.n_outputs = 0;
  trace.control_outputs = (const char *[]){"grow"};
  trace.n_control_outputs = 1;
  add_function(objects, SM_OBJECT_ROOT, "bump", &trace, NULL);
}

/* Names that Python cannot write, and those that no node can have: of a function, of what it takes and returns, of the
 * signature. Of inputs TensorFlow wants names of nodes. */
static void add_foreign(sm_object_graph *objects, sm_string graph_def) {
  const sm_function_tensor inputs[] = {{.name = "z/in-put", .tensor = "x", .rank = -1},
                                       {.name = "a.b", .tensor = "y", .rank = -1}};
  const sm_function_tensor outputs[] = {{.name = "h\xc3\xb6he", .tensor = "difference", .rank = -1},
                                        {.name = "a b:c", .tensor = "twice", .rank = -1}};
  const sm_trace trace = {.graph_def = graph_def, .inputs = inputs, .n_inputs = 2, .outputs = outputs, .n_outputs = 2};
  add_function(objects, SM_OBJECT_ROOT, "h\xc3\xb6her", &trace, "ma\xc3\x9f");
}

/* Variables with the names that nodes of the main graph would have. */
static void add_clashes(sm_object_graph *objects) {
  static const char *const names[] = {"NoOp",      "StatefulPartitionedCall",  "serving_default_zeta", "saver_filename",
                                      "RestoreV2", "StatefulPartitionedCall_1"};
  static const float values[] = {1, 2, 3, 4, 5, 6};
  for (size_t i = 0; i < sizeof values / sizeof *values; i++)
    add_variable(objects, SM_OBJECT_ROOT, names[i], &values[i]);
}

void save_functions(const char *root) {
  sm_object_graph *objects = begin();
  sm_graph *graph = make_arithmetic();
  sm_string graph_def = def_of(graph);
  add_scale(objects, graph_def);
  int32_t subtract = add_subtract(objects, graph_def);
  add_mix(objects, graph_def);
  add_others(objects, graph_def);
  add_clashes(objects);
  add_foreign(objects, graph_def);
  CHECK(sm_object_graph_set_signature(objects, "serving_default", subtract, 0, &err));
  CHECK(sm_object_graph_set_signature(objects, "a.b/c-d", subtract, 0, &err));
  sm_export_options options = SM_EXPORT_OPTIONS_INIT;
  const sm_function_alias_spec alias = {"minus", subtract};
  options.function_aliases = &alias;
  options.n_function_aliases = 1;
  end_with(objects, root, "functions", &options, NULL);
  sm_graph_free(graph);
}
