/* Lookup tables and the files that they and functions read. */
#include "written_objects.h"

static sm_graph *new_graph(void) {
  sm_graph *graph;
  CHECK(sm_graph_new(&graph, NULL, &err));
  return graph;
}

static void add_table_node(sm_graph *graph, const char *op, sm_dtype key, sm_dtype value) {
  const sm_attr attrs[] = {sm_attr_type("key_dtype", key), sm_attr_type("value_dtype", value)};
  CHECK(sm_graph_add_node(graph, &(sm_node_spec){.op = op, .name = "table", .attrs = attrs, .n_attrs = 2}, &err));
}

static const int64_t dims[] = {-1};

/* name(words) -> what the table has for each, or -1. */
static void add_lookup(sm_object_graph *objects, const char *name, int32_t table, const char *op) {
  const int64_t missing = -1;
  const sm_tensor_view view = scalar(SM_DT_INT64, &missing, sizeof missing);
  sm_graph *graph = new_graph();
  CHECK(sm_graph_add_placeholder(graph, "words", SM_DT_STRING, dims, 1, &err));
  CHECK(sm_graph_add_const(graph, "missing", &view, &err));
  add_table_node(graph, op, SM_DT_STRING, SM_DT_INT64);
  CHECK(sm_graph_add(graph, "LookupTableFindV2", "found", SM_NAMES("table", "words", "missing"), &err));
  const sm_function_tensor words = {.name = "words", .tensor = "words:0", .rank = 1, .dims = dims};
  const sm_function_tensor found = {.name = "found", .tensor = "found:0", .rank = 1, .dims = dims};
  const sm_function_capture capture = {"table", table};
  const sm_trace trace = {.graph_def = def_of(graph),
                          .inputs = &words,
                          .n_inputs = 1,
                          .outputs = &found,
                          .n_outputs = 1,
                          .captures = &capture,
                          .n_captures = 1};
  add_function(objects, SM_OBJECT_ROOT, name, &trace, name);
  sm_graph_free(graph);
}

/* insert(keys, values): returns nothing; count() -> how many there are. */
static void add_growing(sm_object_graph *objects) {
  int32_t table;
  const sm_lookup_table spec = {.key_dtype = SM_DT_INT64, .value_dtype = SM_DT_FLOAT, .is_mutable = true};
  sm_graph *graph = new_graph();
  CHECK(sm_object_graph_add_table(&table, objects, SM_OBJECT_ROOT, "growing", &spec, &err));
  add_table_node(graph, "MutableHashTableV2", SM_DT_INT64, SM_DT_FLOAT);
  CHECK(sm_graph_add_placeholder(graph, "keys", SM_DT_INT64, dims, 1, &err));
  CHECK(sm_graph_add_placeholder(graph, "values", SM_DT_FLOAT, dims, 1, &err));
  CHECK(sm_graph_add(graph, "LookupTableInsertV2", "insert", SM_NAMES("table", "keys", "values"), &err));
  CHECK(sm_graph_add(graph, "LookupTableSizeV2", "size", SM_NAMES("table"), &err));
  CHECK(sm_graph_add(graph, "LookupTableSizeV2", "size_then", SM_NAMES("table", "^insert"), &err));
  const sm_function_tensor both[] = {{.name = "keys", .tensor = "keys", .rank = 1, .dims = dims},
                                     {.name = "values", .tensor = "values", .rank = 1, .dims = dims}};
  const sm_function_tensor size = {.name = "size", .tensor = "size", .rank = 0};
  const sm_function_tensor size_then = {.name = "size", .tensor = "size_then", .rank = 0};
  const sm_function_capture capture = {"table", table};
  sm_trace trace = {
      .graph_def = def_of(graph), .outputs = &size, .n_outputs = 1, .captures = &capture, .n_captures = 1};
  add_function(objects, SM_OBJECT_ROOT, "count", &trace, "count");
  trace.inputs = both;
  trace.n_inputs = 2;
  trace.outputs = &size_then;
  add_function(objects, SM_OBJECT_ROOT, "insert", &trace, "insert");
  sm_graph_free(graph);
}

/* read() -> the bytes of a file. */
static void add_reader(sm_object_graph *objects, int32_t asset) {
  sm_graph *graph = new_graph();
  CHECK(sm_graph_add_placeholder(graph, "path", SM_DT_STRING, NULL, 0, &err));
  CHECK(sm_graph_add(graph, "ReadFile", "bytes", SM_NAMES("path"), &err));
  const sm_function_tensor bytes = {.name = "bytes", .tensor = "bytes", .rank = 0};
  const sm_function_capture capture = {"path", asset};
  const sm_trace trace = {
      .graph_def = def_of(graph), .outputs = &bytes, .n_outputs = 1, .captures = &capture, .n_captures = 1};
  add_function(objects, SM_OBJECT_ROOT, "read", &trace, "read");
  sm_graph_free(graph);
}

static int32_t add_asset(sm_object_graph *objects, int32_t parent, const char *name, const char *filename,
                         const char *text, size_t size) {
  int32_t asset;
  const sm_asset_spec spec = {.data = {text, size}, .filename = filename};
  CHECK(sm_object_graph_add_asset(&asset, objects, parent, name, &spec, &err));
  return asset;
}

/* Two tables of one file, one of another. */
static void add_from_files(sm_object_graph *objects) {
  static const char lines[] = "zero\none\ntwo\n", columns[] = "7|seven\n1|one\n";
  int32_t files = add_container(objects, SM_OBJECT_ROOT, "files", SM_CONTAINER_DICT), table;
  int32_t inner = add_container(objects, files, "inner", SM_CONTAINER_DICT);
  int32_t words = add_asset(objects, files, "words", "words.txt", lines, sizeof lines - 1);
  int32_t numbers = add_asset(objects, inner, "numbers", "numbers.txt", columns, sizeof columns - 1);
  sm_lookup_table spec = {.key_dtype = SM_DT_STRING,
                          .value_dtype = SM_DT_INT64,
                          .asset = words,
                          .key_index = SM_TABLE_WHOLE_LINE,
                          .value_index = SM_TABLE_LINE_NUMBER};
  CHECK(sm_object_graph_add_table(&table, objects, SM_OBJECT_ROOT, "from_file", &spec, &err));
  add_lookup(objects, "find_in_file", table, "HashTableV2");
  CHECK(sm_object_graph_add_table(&table, objects, SM_OBJECT_ROOT, "from_same_file", &spec, &err));
  add_lookup(objects, "find_in_same_file", table, "HashTableV2");
  spec.asset = numbers;
  spec.key_index = 1;
  spec.value_index = 0;
  spec.delimiter = '|';
  CHECK(sm_object_graph_add_table(&table, objects, SM_OBJECT_ROOT, "from_columns", &spec, &err));
  add_lookup(objects, "find_in_columns", table, "HashTableV2");
  add_reader(objects, numbers);
}

static void add_from_arrays(sm_object_graph *objects) {
  static const sm_string words[] = {{"zero", 4}, {"one", 3}};
  static const int64_t numbers[] = {0, 1};
  const sm_tensor_view keys = {.dtype = SM_DT_STRING, .rank = 1, .data = words, .size = sizeof words, .dims = {2}};
  const sm_tensor_view values = {.dtype = SM_DT_INT64, .rank = 1, .data = numbers, .size = sizeof numbers, .dims = {2}};
  sm_lookup_table spec = {.key_dtype = SM_DT_STRING, .value_dtype = SM_DT_INT64, .keys = &keys, .values = &values};
  int32_t table;
  CHECK(sm_object_graph_add_table(&table, objects, SM_OBJECT_ROOT, "from_arrays", &spec, &err));
  add_lookup(objects, "find_in_arrays", table, "HashTableV2");
  spec.is_mutable = true;
  CHECK(sm_object_graph_add_table(&table, objects, SM_OBJECT_ROOT, "mutable", &spec, &err));
  add_lookup(objects, "find_in_mutable", table, "MutableHashTableV2");
}

void save_tables(const char *root) {
  sm_object_graph *objects = begin();
  add_from_files(objects);
  add_from_arrays(objects);
  add_growing(objects);
  end(objects, root, "tables");
}
