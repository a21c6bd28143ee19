/*
 * Writes V2 models into a directory, for v2_tf.py.
 *
 *     save_objects DIR
 *
 *   objects    variables in all kinds of containers, shared, in a cycle; an optimizer's slot
 *   functions  two traces, a default, a dict with keys that are not in order, assignments that no result needs
 *   tables     from a file, from arrays, mutable; looked up by one function each
 */
#include <stdio.h>
#include <stdlib.h>

#include <savedmodel/savedmodel.h>

static sm_error err;

static void check(sm_status status, const char *what) {
  if (status == SM_OK) return;
  fprintf(stderr, "save_objects: %s: %s\n", what, err.message);
  exit(1);
}
#define CHECK(call) check((call), #call)

static sm_object_graph *begin(void) {
  sm_object_graph *objects;
  CHECK(sm_object_graph_new(&objects, NULL, &err));
  return objects;
}

static void end(sm_object_graph *objects, const char *root, const char *name, const sm_export_options *options) {
  char dir[4096];
  sm_save_options save = SM_SAVE_OPTIONS_INIT;
  save.no_sync = true;
  snprintf(dir, sizeof dir, "%s/%s", root, name);
  CHECK(sm_object_graph_save(objects, dir, options, &save, &err));
  sm_object_graph_free(objects);
}

static int32_t add_variable(sm_object_graph *objects, int32_t parent, const char *name, const float *value) {
  int32_t number;
  const sm_tensor_view view = {.dtype = SM_DT_FLOAT, .data = value, .size = sizeof *value};
  CHECK(sm_object_graph_add_variable(&number, objects, parent, name, &(sm_variable_spec){.value = &view}, &err));
  return number;
}

static int32_t add_container(sm_object_graph *objects, int32_t parent, const char *name, sm_container container) {
  int32_t number;
  CHECK(sm_object_graph_add(&number, objects, parent, name, container, &err));
  return number;
}

static void save_objects(const char *root) {
  static const float one = 1, two = 2, three = 3, four = 4, five = 5, momentum = 0.25f;
  sm_object_graph *objects = begin();
  int32_t nested = add_container(objects, SM_OBJECT_ROOT, "nested", SM_CONTAINER_OBJECT);
  int32_t list = add_container(objects, SM_OBJECT_ROOT, "list", SM_CONTAINER_LIST);
  int32_t dict = add_container(objects, nested, "dict", SM_CONTAINER_DICT);
  int32_t tuple = add_container(objects, SM_OBJECT_ROOT, "tuple", SM_CONTAINER_TUPLE);
  int32_t shared = add_variable(objects, SM_OBJECT_ROOT, "v", &one);
  add_variable(objects, list, "0", &two);
  CHECK(sm_object_graph_link(objects, list, "1", shared, &err));
  add_variable(objects, dict, "a/b.c", &three);
  add_variable(objects, tuple, "0", &four);
  add_variable(objects, tuple, "1", &five);
  CHECK(sm_object_graph_link(objects, nested, "parent", SM_OBJECT_ROOT, &err));
  int32_t optimizer = add_container(objects, SM_OBJECT_ROOT, "optimizer", SM_CONTAINER_OBJECT);
  const sm_tensor_view slot = {.dtype = SM_DT_FLOAT, .data = &momentum, .size = sizeof momentum};
  CHECK(sm_object_graph_add_slot(NULL, objects, optimizer, shared, "momentum", &slot, &err));
  sm_export_options options = SM_EXPORT_OPTIONS_INIT;
  options.extra_tags = (const char *[]){"extra"};
  options.n_extra_tags = 1;
  end(objects, root, "objects", &options);
}

/* ---- Functions ---- */

static sm_graph *make_arithmetic(void) {
  sm_graph *graph;
  CHECK(sm_graph_new(&graph, NULL, &err));
  CHECK(sm_graph_add_placeholder(graph, "x", SM_DT_FLOAT, NULL, -1, &err));
  CHECK(sm_graph_add_placeholder(graph, "y", SM_DT_FLOAT, NULL, -1, &err));
  CHECK(sm_graph_add_placeholder(graph, "factor", SM_DT_FLOAT, NULL, 0, &err));
  CHECK(sm_graph_add_variable(graph, "total", SM_DT_FLOAT, NULL, 0, &err));
  CHECK(sm_graph_add(graph, "Sub", "difference", SM_NAMES("x", "y"), &err));
  CHECK(sm_graph_add(graph, "Mul", "scaled", SM_NAMES("x", "factor"), &err));
  CHECK(sm_graph_add(graph, "AddV2", "twice", SM_NAMES("x", "x"), &err));
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

/* bump(x): total += x, and nothing is returned; times(x): x * 10, which is a constant. */
static void add_others(sm_object_graph *objects, sm_string graph_def) {
  static const float ten = 10, zero = 0;
  const sm_tensor_view value = {.dtype = SM_DT_FLOAT, .data = &ten, .size = sizeof ten};
  const sm_function_tensor scaled = {.tensor = "scaled:0", .rank = 0};
  sm_function_capture total = {.node = "total"}, factor = {.node = "factor"};
  const sm_trace bump = {.graph_def = graph_def,
                         .inputs = &x,
                         .n_inputs = 1,
                         .captures = &total,
                         .n_captures = 1,
                         .control_outputs = (const char *[]){"grow"},
                         .n_control_outputs = 1};
  const sm_trace times = {.graph_def = graph_def,
                          .inputs = &x,
                          .n_inputs = 1,
                          .outputs = &scaled,
                          .n_outputs = 1,
                          .captures = &factor,
                          .n_captures = 1};
  total.object = add_variable(objects, SM_OBJECT_ROOT, "total", &zero);
  CHECK(sm_object_graph_add_constant(&factor.object, objects, SM_OBJECT_ROOT, "factor", &value, &err));
  CHECK(sm_object_graph_add_function(NULL, objects, SM_OBJECT_ROOT, "bump",
                                     &(sm_traced_function){.traces = &bump, .n_traces = 1}, &err));
  CHECK(sm_object_graph_add_function(NULL, objects, SM_OBJECT_ROOT, "times",
                                     &(sm_traced_function){.traces = &times, .n_traces = 1}, &err));
}

static void save_functions(const char *root) {
  sm_object_graph *objects = begin();
  sm_graph *graph = make_arithmetic();
  sm_string graph_def;
  CHECK(sm_graph_get_def(&graph_def, graph, &err));
  add_scale(objects, graph_def);
  int32_t subtract = add_subtract(objects, graph_def);
  add_others(objects, graph_def);
  CHECK(sm_object_graph_set_signature(objects, "serving_default", subtract, 0, &err));
  CHECK(sm_object_graph_set_signature(objects, "a.b/c-d", subtract, 0, &err));
  sm_export_options options = SM_EXPORT_OPTIONS_INIT;
  const sm_function_alias_spec alias = {"minus", subtract};
  options.function_aliases = &alias;
  options.n_function_aliases = 1;
  end(objects, root, "functions", &options);
  sm_graph_free(graph);
}

/* ---- Tables ---- */

static void add_lookup(sm_object_graph *objects, const char *name, int32_t table, const char *op) {
  sm_graph *graph;
  const sm_attr attrs[] = {sm_attr_type("key_dtype", SM_DT_STRING), sm_attr_type("value_dtype", SM_DT_INT64)};
  const int64_t missing = -1;
  const sm_tensor_view view = {.dtype = SM_DT_INT64, .data = &missing, .size = sizeof missing};
  const int64_t dims[] = {-1};
  CHECK(sm_graph_new(&graph, NULL, &err));
  CHECK(sm_graph_add_placeholder(graph, "words", SM_DT_STRING, dims, 1, &err));
  CHECK(sm_graph_add_const(graph, "missing", &view, &err));
  CHECK(sm_graph_add_node(graph, &(sm_node_spec){.op = op, .name = "table", .attrs = attrs, .n_attrs = 2}, &err));
  CHECK(sm_graph_add(graph, "LookupTableFindV2", "found", SM_NAMES("table", "words", "missing"), &err));
  const sm_function_tensor words = {.name = "words", .tensor = "words:0", .rank = 1, .dims = dims};
  const sm_function_tensor found = {.name = "found", .tensor = "found:0", .rank = 1, .dims = dims};
  const sm_function_capture capture = {"table", table};
  sm_trace trace = {
      .inputs = &words, .n_inputs = 1, .outputs = &found, .n_outputs = 1, .captures = &capture, .n_captures = 1};
  CHECK(sm_graph_get_def(&trace.graph_def, graph, &err));
  const sm_traced_function function = {.traces = &trace, .n_traces = 1};
  int32_t number;
  CHECK(sm_object_graph_add_function(&number, objects, SM_OBJECT_ROOT, name, &function, &err));
  CHECK(sm_object_graph_set_signature(objects, name, number, 0, &err));
  sm_graph_free(graph);
}

static void save_tables(const char *root) {
  static const sm_string words[] = {{"zero", 4}, {"one", 3}};
  static const int64_t numbers[] = {0, 1};
  static const char lines[] = "zero\none\ntwo\n";
  const sm_tensor_view keys = {.dtype = SM_DT_STRING, .rank = 1, .data = words, .size = sizeof words, .dims = {2}};
  const sm_tensor_view values = {.dtype = SM_DT_INT64, .rank = 1, .data = numbers, .size = sizeof numbers, .dims = {2}};
  sm_object_graph *objects = begin();
  int32_t asset, table;
  CHECK(sm_object_graph_add_asset(&asset, objects, SM_OBJECT_ROOT, "vocabulary",
                                  &(sm_asset_spec){.data = {lines, sizeof lines - 1}, .filename = "words.txt"}, &err));
  sm_lookup_table spec = {.key_dtype = SM_DT_STRING,
                          .value_dtype = SM_DT_INT64,
                          .asset = asset,
                          .key_index = SM_TABLE_WHOLE_LINE,
                          .value_index = SM_TABLE_LINE_NUMBER};
  CHECK(sm_object_graph_add_table(&table, objects, SM_OBJECT_ROOT, "from_file", &spec, &err));
  add_lookup(objects, "find_in_file", table, "HashTableV2");
  spec = (sm_lookup_table){.key_dtype = SM_DT_STRING, .value_dtype = SM_DT_INT64, .keys = &keys, .values = &values};
  CHECK(sm_object_graph_add_table(&table, objects, SM_OBJECT_ROOT, "from_arrays", &spec, &err));
  add_lookup(objects, "find_in_arrays", table, "HashTableV2");
  spec.is_mutable = true;
  CHECK(sm_object_graph_add_table(&table, objects, SM_OBJECT_ROOT, "mutable", &spec, &err));
  add_lookup(objects, "find_in_mutable", table, "MutableHashTableV2");
  end(objects, root, "tables", NULL);
}

int main(int argc, char **argv) {
  if (argc != 2) return 2;
  save_objects(argv[1]);
  save_functions(argv[1]);
  save_tables(argv[1]);
  return 0;
}
