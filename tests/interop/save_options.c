/*
 * Writes a V2 model with the options of its command line, for options_tf.py and v2_tf.py.
 *
 *     save_options DIR [WORD VALUE]...
 *
 *   v        variable, 2, on a device
 *   c        constant of 400 floats: 0, 1, ...
 *   huge     with the word huge: a constant of so many zeros of float
 *   f(x)     v * x + c + 10, where x is checked and printed, and the tens are a constant inside; has an input signature
 *   lib      with the words library and function: that function of that GraphDef; captures: what it captures, "c,v"
 *
 * "streamed 1" adds v without a value, which is then written in pieces.
 */
#define _DEFAULT_SOURCE /* MAP_ANONYMOUS */

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>

#include <savedmodel/savedmodel.h>

enum { SIZE = 400, MAX_LIST = 8 };

static sm_error err;

static void check(sm_status status) {
  if (status == SM_OK) return;
  printf("%s: %s\n", sm_status_name(status), err.message);
  exit(1);
}

/* ---- The command line ---- */

static char **words;
static int n_words;

/* The value of a word; NULL: it is not there. */
static char *value_of(const char *word) {
  for (int i = 2; i + 1 < n_words; i += 2)
    if (strcmp(words[i], word) == 0) return words[i + 1];
  return NULL;
}

/* "a,b", taken apart in place; "" is none. */
static size_t split(const char **items, const char *word) {
  size_t n = 0;
  char *text = value_of(word);
  for (char *item = text != NULL ? strtok(text, ",") : NULL; item != NULL && n < MAX_LIST; item = strtok(NULL, ","))
    items[n++] = item;
  return n;
}

static sm_string read_file(const char *path) {
  sm_string file = {NULL, 0};
  if (path == NULL) return file;
  FILE *stream = fopen(path, "rb");
  if (stream == NULL || fseek(stream, 0, SEEK_END) != 0) exit(2);
  file.size = (size_t)ftell(stream);
  char *data = malloc(file.size + 1);
  rewind(stream);
  if (data == NULL || fread(data, 1, file.size, stream) != file.size) exit(2);
  fclose(stream);
  file.data = data;
  return file;
}

/* ---- The model ---- */

static float counted[SIZE], tens[SIZE];
static const float two = 2;
static int32_t variable, constant, function;

static sm_tensor_view vector(const float *data) {
  return (sm_tensor_view){.dtype = SM_DT_FLOAT, .rank = 1, .data = data, .size = SIZE * sizeof *data, .dims = {SIZE}};
}

static void add_values(sm_object_graph *objects) {
  for (int i = 0; i < SIZE; i++) {
    counted[i] = (float)i;
    tens[i] = 10;
  }
  const sm_tensor_view value = {.dtype = SM_DT_FLOAT, .data = &two, .size = sizeof two}, c = vector(counted);
  const sm_variable_spec spec = {.value = value_of("streamed") == NULL ? &value : NULL,
                                 .dtype = SM_DT_FLOAT,
                                 .device = "/job:localhost/replica:0/task:0/device:CPU:0"};
  check(sm_object_graph_add_variable(&variable, objects, SM_OBJECT_ROOT, "v", &spec, &err));
  check(sm_object_graph_add_constant(&constant, objects, SM_OBJECT_ROOT, "c", &c, &err));
}

/* Zeros that nobody has, so that they cost nothing; until the program ends. */
static void add_huge(sm_object_graph *objects) {
  sm_tensor_view view = {.dtype = SM_DT_FLOAT, .rank = 1};
  if (value_of("huge") == NULL) return;
  view.dims[0] = strtoll(value_of("huge"), NULL, 10);
  view.size = (size_t)view.dims[0] * sizeof(float);
  view.data = mmap(NULL, view.size, PROT_READ, MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
  if (view.data == MAP_FAILED) exit(2);
  check(sm_object_graph_add_constant(NULL, objects, SM_OBJECT_ROOT, "huge", &view, &err));
}

static sm_graph *make_graph(void) {
  sm_graph *graph;
  const bool yes = true;
  const sm_string hello = {"hello", 5};
  const sm_tensor_view value = vector(tens), is = {.dtype = SM_DT_BOOL, .data = &yes, .size = sizeof yes},
                       text = {.dtype = SM_DT_STRING, .data = &hello, .size = sizeof hello};
  const sm_attr message = sm_attr_string("message", "x is bad");
  check(sm_graph_new(&graph, NULL, &err));
  check(sm_graph_add_placeholder(graph, "x", SM_DT_FLOAT, NULL, -1, &err));
  check(sm_graph_add_placeholder(graph, "c", SM_DT_FLOAT, NULL, -1, &err));
  check(sm_graph_add_variable(graph, "v", SM_DT_FLOAT, NULL, 0, &err));
  check(sm_graph_add_const(graph, "inner", &value, &err));
  check(sm_graph_add_const(graph, "yes", &is, &err));
  check(sm_graph_add_const(graph, "text", &text, &err));
  check(sm_graph_add_node(graph,
                          &(sm_node_spec){.op = "CheckNumerics",
                                          .name = "checked",
                                          .inputs = (const char *[]){"x"},
                                          .n_inputs = 1,
                                          .attrs = &message,
                                          .n_attrs = 1},
                          &err));
  check(sm_graph_add(graph, "Assert", "assert", SM_NAMES("yes", "x"), &err));
  check(sm_graph_add(graph, "PrintV2", "print", SM_NAMES("text"), &err));
  check(sm_graph_add(graph, "Mul", "vx", SM_NAMES("v/Read/ReadVariableOp", "checked", "^assert", "^print"), &err));
  check(sm_graph_add(graph, "AddV2", "vxc", SM_NAMES("vx", "c"), &err));
  check(sm_graph_add(graph, "AddV2", "y", SM_NAMES("vxc", "inner"), &err));
  return graph;
}

static void add_function(sm_object_graph *objects) {
  sm_graph *graph = make_graph();
  const sm_function_tensor x = {.name = "x", .tensor = "x:0", .rank = -1},
                           y = {.name = "y", .tensor = "y:0", .rank = -1};
  const sm_function_capture captures[] = {{"v", variable}, {"c", constant}};
  sm_trace trace = {.inputs = &x, .n_inputs = 1, .outputs = &y, .n_outputs = 1, .captures = captures, .n_captures = 2};
  check(sm_graph_get_def(&trace.graph_def, graph, &err));
  const sm_traced_function traced = {.traces = &trace, .n_traces = 1, .is_fixed = true};
  check(sm_object_graph_add_function(&function, objects, SM_OBJECT_ROOT, "f", &traced, &err));
  sm_graph_free(graph);
}

static void add_library(sm_object_graph *objects) {
  const char *names[MAX_LIST];
  sm_function_capture captures[MAX_LIST] = {{NULL, 0}};
  sm_string library = read_file(value_of("library"));
  if (library.data == NULL) return;
  check(sm_object_graph_add_library(objects, library, &err));
  size_t n = split(names, "captures");
  for (size_t i = 0; i < n; i++) captures[i].object = strcmp(names[i], "v") == 0 ? variable : constant;
  const sm_trace trace = {.function = value_of("function"), .captures = captures, .n_captures = n};
  const sm_traced_function traced = {.traces = &trace, .n_traces = 1};
  if (trace.function != NULL) check(sm_object_graph_add_function(NULL, objects, SM_OBJECT_ROOT, "lib", &traced, &err));
  free((void *)(uintptr_t)library.data);
}

/* ---- Saving ---- */

static void tell(void *ctx, const char *what) { fprintf(ctx, "note: %s\n", what); }

static bool is_on(const char *word) { return value_of(word) != NULL; }

/* A value in pieces, as it may come from elsewhere. */
static void stream(sm_object_graph *objects, sm_builder *builder) {
  sm_bundle_writer *writer;
  const char *key;
  check(sm_builder_get_variables(&writer, builder, &err));
  check(sm_object_graph_get_key(&key, objects, variable, &err));
  check(sm_bundle_writer_begin(writer, key, SM_DT_FLOAT, NULL, 0, &err));
  check(sm_bundle_writer_append(writer, &two, 3, &err));
  check(sm_bundle_writer_append(writer, (const char *)&two + 3, 1, &err));
}

static void save(sm_object_graph *objects, const char *dir) {
  const char *namespaces[MAX_LIST], *tags[MAX_LIST];
  sm_builder *builder;
  sm_export_options options = SM_EXPORT_OPTIONS_INIT;
  sm_save_options layout = SM_SAVE_OPTIONS_INIT;
  const sm_function_alias_spec alias = {value_of("alias"), function};
  layout.no_sync = true;
  if (is_on("shard_size")) layout.max_shard_size = strtoull(value_of("shard_size"), NULL, 10);
  options.n_namespaces = split(namespaces, "namespaces");
  options.namespace_whitelist = is_on("namespaces") ? namespaces : NULL;
  options.debug_info = read_file(value_of("debug_info"));
  options.function_aliases = &alias;
  options.n_function_aliases = alias.alias != NULL;
  options.io_device = value_of("io_device");
  check(sm_variable_policy_parse(&options.variable_policy, value_of("variable_policy"), &err));
  options.no_custom_gradients = is_on("no_custom_gradients");
  options.strip_debug_ops = is_on("strip_debug_ops");
  options.skip_saver = is_on("skip_saver");
  options.n_extra_tags = split(tags, "extra_tags");
  options.extra_tags = tags;
  options.no_signatures = is_on("no_signatures");
  options.note = tell;
  options.note_ctx = stdout;
  if (is_on("move_constants_above"))
    options.move_constants_above = strtoull(value_of("move_constants_above"), NULL, 10);
  check(sm_builder_open(&builder, dir, &layout, &err));
  check(sm_object_graph_attach(NULL, objects, builder, &options, &err));
  if (is_on("streamed")) stream(objects, builder);
  check(sm_builder_finish(builder, &err));
  sm_builder_close(builder);
  free((void *)(uintptr_t)options.debug_info.data);
}

int main(int argc, char **argv) {
  sm_object_graph *objects;
  if (argc < 2 || argc % 2 != 0) return 2;
  words = argv;
  n_words = argc;
  check(sm_object_graph_new(&objects, NULL, &err));
  add_values(objects);
  add_huge(objects);
  add_function(objects);
  add_library(objects);
  save(objects, argv[1]);
  sm_object_graph_free(objects);
  return 0;
}
