/*
 * Writes V2 models whose functions take more than tensors into a directory, for structures_tf.py and v2_tf.py.
 *
 *     save_structures DIR
 *
 *   composite  a function of a ragged and a sparse tensor that returns both, and one of a registered type
 *   specs      parameters of all kinds, a function that was never called, one that is never compiled
 *   names      inputs that Python has no names for, unnamed ones in a dict, and defaults of inputs
 */
#include <stdio.h>
#include <stdlib.h>

#include <savedmodel/savedmodel.h>

static sm_error err;

static void check(sm_status status, const char *what) {
  if (status == SM_OK) return;
  fprintf(stderr, "save_structures: %s: %s\n", what, err.message);
  exit(1);
}
#define CHECK(call) check((call), #call)

static sm_object_graph *begin(void) {
  sm_object_graph *objects;
  CHECK(sm_object_graph_new(&objects, NULL, &err));
  return objects;
}

static void end(sm_object_graph *objects, const char *root, const char *name) {
  char dir[4096];
  sm_save_options save = SM_SAVE_OPTIONS_INIT;
  save.no_sync = true;
  snprintf(dir, sizeof dir, "%s/%s", root, name);
  CHECK(sm_object_graph_save(objects, dir, NULL, &save, &err));
  sm_object_graph_free(objects);
}

/* ---- Structures ---- */

#define SEQUENCE(of, ...) \
  { .kind = (of), .items = (const sm_structured[]){__VA_ARGS__}, .n_items = N(__VA_ARGS__) }
#define N(...) (sizeof((const sm_structured[]){__VA_ARGS__}) / sizeof(sm_structured))
#define PAIR(of) \
  { .kind = SM_STRUCTURED_TUPLE, .items = (of), .n_items = 2 }
#define ARGUMENTS(positional, keywords) SEQUENCE(SM_STRUCTURED_TUPLE, positional, keywords)
#define NO_KEYWORDS \
  { .kind = SM_STRUCTURED_DICT }
#define DTYPE(of) \
  { .kind = SM_STRUCTURED_DTYPE, .dtype = (of) }

static const int64_t unknown[] = {-1, -1, -1}, n_by_4[] = {-1, 4};

#define MATRIX(of) \
  { .kind = SM_STRUCTURED_SHAPE, .rank = 2, .dims = (of) }
#define VECTOR(name) \
  { .kind = SM_STRUCTURED_TENSOR_SPEC, .text = (name), .dtype = SM_DT_FLOAT, .rank = 1, .dims = unknown }

/* RaggedTensorSpec([None, None], float32, ragged_rank=1, row_splits_dtype=int64) */
static const sm_structured ragged_state = SEQUENCE(SM_STRUCTURED_TUPLE, MATRIX(unknown), DTYPE(SM_DT_FLOAT),
                                                   {.kind = SM_STRUCTURED_INT64, .int64_value = 1}, DTYPE(SM_DT_INT64));
#define RAGGED                                                                                                  \
  {                                                                                                             \
    .kind = SM_STRUCTURED_TYPE_SPEC, .text = "RaggedTensorSpec", .type_spec_class = SM_TYPE_SPEC_RAGGED_TENSOR, \
    .items = &ragged_state, .n_items = 1, .n_flat = 2                                                           \
  }

/* SparseTensorSpec([None, 4], float32) */
static const sm_structured sparse_state = SEQUENCE(SM_STRUCTURED_TUPLE, MATRIX(n_by_4), DTYPE(SM_DT_FLOAT));
#define SPARSE                                                                                                  \
  {                                                                                                             \
    .kind = SM_STRUCTURED_TYPE_SPEC, .text = "SparseTensorSpec", .type_spec_class = SM_TYPE_SPEC_SPARSE_TENSOR, \
    .items = &sparse_state, .n_items = 1                                                                        \
  }

/* An extension type of structure_models.py, structures.Segment, with two tensors and a number. */
static const sm_structured segment_begin[] = {{.kind = SM_STRUCTURED_STRING, .text = "begin"}, VECTOR("")};
static const sm_structured segment_end[] = {{.kind = SM_STRUCTURED_STRING, .text = "end"}, VECTOR("")};
static const sm_structured segment_weight[] = {{.kind = SM_STRUCTURED_STRING, .text = "weight"},
                                               {.kind = SM_STRUCTURED_FLOAT64, .float64_value = 0.5}};
static const sm_structured segment_fields[] = {PAIR(segment_begin), PAIR(segment_end), PAIR(segment_weight)};
static const sm_structured segment_state = {.kind = SM_STRUCTURED_TUPLE, .items = segment_fields, .n_items = 3};
#define SEGMENT                                                                                    \
  {                                                                                                \
    .kind = SM_STRUCTURED_TYPE_SPEC, .text = "Spec", .class_name = "structures.Segment.Spec",      \
    .type_spec_class = SM_TYPE_SPEC_REGISTERED, .items = &segment_state, .n_items = 1, .n_flat = 2 \
  }

/* ---- Functions ---- */

static int32_t add_function(sm_object_graph *objects, const char *name, const sm_trace *trace, bool is_fixed,
                            const sm_function_spec *spec) {
  int32_t number;
  const sm_traced_function function = {.traces = trace, .n_traces = 1, .is_fixed = is_fixed, .spec = spec};
  CHECK(sm_object_graph_add_function(&number, objects, SM_OBJECT_ROOT, name, &function, &err));
  return number;
}

/* change(r, s): values of r doubled, those of s halved; the other tensors stay what they are. */
static sm_graph *make_change(void) {
  static const float two = 2, half = 0.5f;
  const sm_tensor_view views[] = {{.dtype = SM_DT_FLOAT, .data = &two, .size = sizeof two},
                                  {.dtype = SM_DT_FLOAT, .data = &half, .size = sizeof half}};
  sm_graph *graph;
  CHECK(sm_graph_new(&graph, NULL, &err));
  CHECK(sm_graph_add_placeholder(graph, "values", SM_DT_FLOAT, unknown, 1, &err));
  CHECK(sm_graph_add_placeholder(graph, "splits", SM_DT_INT64, unknown, 1, &err));
  CHECK(sm_graph_add_placeholder(graph, "indices", SM_DT_INT64, unknown, 2, &err));
  CHECK(sm_graph_add_placeholder(graph, "elements", SM_DT_FLOAT, unknown, 1, &err));
  CHECK(sm_graph_add_placeholder(graph, "shape", SM_DT_INT64, unknown, 1, &err));
  CHECK(sm_graph_add_const(graph, "two", &views[0], &err));
  CHECK(sm_graph_add_const(graph, "half", &views[1], &err));
  CHECK(sm_graph_add(graph, "Mul", "doubled", SM_NAMES("values", "two"), &err));
  CHECK(sm_graph_add(graph, "Mul", "halved", SM_NAMES("elements", "half"), &err));
  CHECK(sm_graph_add(graph, "Sub", "length", SM_NAMES("elements", "values"), &err));
  return graph;
}

/* change(r, s) -> {"twice": r * 2, "half": s / 2}, with a signature. */
static void add_change(sm_object_graph *objects, sm_string graph_def) {
  const sm_structured inputs = ARGUMENTS(SEQUENCE(SM_STRUCTURED_TUPLE, RAGGED, SPARSE), NO_KEYWORDS);
  static const sm_structured results[] = {RAGGED, SPARSE};
  static const char *const keys[] = {"twice", "half"};
  static const sm_structured outputs = {.kind = SM_STRUCTURED_DICT, .items = results, .n_items = 2, .keys = keys};
  const sm_function_tensor in[] = {{.tensor = "values:0"},
                                   {.tensor = "splits:0"},
                                   {.tensor = "indices:0"},
                                   {.tensor = "elements:0"},
                                   {.tensor = "shape:0"}};
  /* In the order of the names: of "half" three, of "twice" two. */
  const sm_function_tensor out[] = {{.tensor = "indices:0"},
                                    {.tensor = "halved:0"},
                                    {.tensor = "shape:0"},
                                    {.tensor = "doubled:0"},
                                    {.tensor = "splits:0"}};
  const sm_parameter parameters[] = {{.name = "r"}, {.name = "s"}};
  const sm_structured signature = SEQUENCE(SM_STRUCTURED_TUPLE, RAGGED, SPARSE);
  const sm_function_spec spec = {.parameters = parameters, .n_parameters = 2, .input_signature = &signature};
  const sm_trace trace = {.graph_def = graph_def,
                          .inputs = in,
                          .n_inputs = 5,
                          .outputs = out,
                          .n_outputs = 5,
                          .input_structure = &inputs,
                          .output_structure = &outputs};
  int32_t number = add_function(objects, "change", &trace, true, &spec);
  CHECK(sm_object_graph_set_signature(objects, "serving_default", number, 0, &err));
}

/* length(segment) -> end - begin, and its like with both ends changed. */
static void add_length(sm_object_graph *objects, sm_string graph_def) {
  const sm_structured inputs = ARGUMENTS(SEQUENCE(SM_STRUCTURED_TUPLE, SEGMENT), NO_KEYWORDS);
  const sm_structured outputs = SEQUENCE(SM_STRUCTURED_TUPLE, VECTOR(""), SEGMENT);
  const sm_function_tensor in[] = {{.tensor = "values:0"}, {.tensor = "elements:0"}};
  const sm_function_tensor out[] = {{.tensor = "length:0"}, {.tensor = "doubled:0"}, {.tensor = "halved:0"}};
  const sm_parameter parameter = {.name = "segment"};
  const sm_function_spec spec = {.parameters = &parameter, .n_parameters = 1};
  const sm_trace trace = {.graph_def = graph_def,
                          .inputs = in,
                          .n_inputs = 2,
                          .outputs = out,
                          .n_outputs = 3,
                          .input_structure = &inputs,
                          .output_structure = &outputs};
  add_function(objects, "length", &trace, false, &spec);
}

static void save_composite(const char *root) {
  sm_object_graph *objects = begin();
  sm_graph *graph = make_change();
  sm_string graph_def;
  CHECK(sm_graph_get_def(&graph_def, graph, &err));
  add_change(objects, graph_def);
  add_length(objects, graph_def);
  end(objects, root, "composite");
  sm_graph_free(graph);
}

/* ---- Parameters ---- */

static sm_graph *make_sums(void) {
  sm_graph *graph;
  CHECK(sm_graph_new(&graph, NULL, &err));
  CHECK(sm_graph_add_placeholder(graph, "a", SM_DT_FLOAT, unknown, 1, &err));
  CHECK(sm_graph_add_placeholder(graph, "b", SM_DT_FLOAT, unknown, 1, &err));
  CHECK(sm_graph_add_placeholder(graph, "c", SM_DT_FLOAT, unknown, 1, &err));
  CHECK(sm_graph_add(graph, "AddV2", "ab", SM_NAMES("a", "b"), &err));
  CHECK(sm_graph_add(graph, "AddV2", "abc", SM_NAMES("ab", "c"), &err));
  CHECK(sm_graph_add(graph, "Sub", "a_minus_b", SM_NAMES("a", "b"), &err));
  return graph;
}

static const sm_function_tensor ab[] = {{.tensor = "a:0", .rank = 1, .dims = unknown},
                                        {.tensor = "b:0", .rank = 1, .dims = unknown}};
static const sm_function_tensor minus = {
    .name = "y", .tensor = "a_minus_b:0", .dtype = SM_DT_FLOAT, .rank = 1, .dims = unknown};

/* every(x, flag=True, *more, k=3, z, **others): traced as every(x, True, a, k=3, z=z) -> x + a + z */
static void add_every(sm_object_graph *objects, sm_string graph_def) {
  static const sm_structured yes = {.kind = SM_STRUCTURED_BOOL, .bool_value = true};
  static const sm_structured three = {.kind = SM_STRUCTURED_INT64, .int64_value = 3};
  const sm_structured positional[] = {VECTOR("x"), yes, VECTOR("more_0")};
  const sm_structured named[] = {three, VECTOR("z")};
  const char *const keys[] = {"k", "z"};
  const sm_structured both[] = {
      {.kind = SM_STRUCTURED_TUPLE, .items = positional, .n_items = 3},
      {.kind = SM_STRUCTURED_DICT, .items = named, .n_items = 2, .keys = keys},
  };
  const sm_structured inputs = {.kind = SM_STRUCTURED_TUPLE, .items = both, .n_items = 2};
  const sm_function_tensor in[] = {
      {.name = "x", .tensor = "a:0"}, {.name = "more_0", .tensor = "b:0"}, {.name = "z", .tensor = "c:0"}};
  const sm_function_tensor sum = {.tensor = "abc:0", .rank = 1, .dims = unknown};
  const sm_parameter parameters[] = {{.name = "x"}, {.name = "flag", .default_value = &yes}};
  const sm_parameter keyword_only[] = {{.name = "z"}, {.name = "k", .default_value = &three}};
  const sm_function_spec spec = {.parameters = parameters,
                                 .n_parameters = 2,
                                 .varargs = "more",
                                 .keyword_only = keyword_only,
                                 .n_keyword_only = 2,
                                 .varkw = "others"};
  const sm_trace trace = {
      .graph_def = graph_def, .inputs = in, .n_inputs = 3, .outputs = &sum, .n_outputs = 1, .input_structure = &inputs};
  add_function(objects, "every", &trace, false, &spec);
}

static void save_specs(const char *root) {
  sm_object_graph *objects = begin();
  sm_graph *graph = make_sums();
  sm_trace trace = {.inputs = ab, .n_inputs = 2, .outputs = &minus, .n_outputs = 1};
  const sm_parameter parameters[] = {{.name = "p"}, {.name = "q"}};
  const sm_function_spec method = {
      .parameters = parameters, .n_parameters = 2, .is_method = true, .jit_compile = SM_JIT_OFF};
  CHECK(sm_graph_get_def(&trace.graph_def, graph, &err));
  add_every(objects, trace.graph_def);
  add_function(objects, "method", &trace, false, &method);
  const sm_function_spec never = {.parameters = parameters, .n_parameters = 1};
  CHECK(sm_object_graph_add_function(NULL, objects, SM_OBJECT_ROOT, "never", &(sm_traced_function){.spec = &never},
                                     &err));
  end(objects, root, "specs");
  sm_graph_free(graph);
}

/* ---- Names of inputs ---- */

/* A function of "a" and "0/discount": for Python that is arg_0_discount, which is behind a. */
static void add_odd_names(sm_object_graph *objects, sm_string graph_def) {
  const sm_function_tensor in[] = {{.name = "a", .tensor = "a:0", .rank = 1, .dims = unknown},
                                   {.name = "0/discount", .tensor = "b:0", .rank = 1, .dims = unknown}};
  const sm_trace trace = {.graph_def = graph_def, .inputs = in, .n_inputs = 2, .outputs = &minus, .n_outputs = 1};
  int32_t number = add_function(objects, "odd", &trace, false, NULL);
  CHECK(sm_object_graph_set_signature(objects, "odd", number, 0, &err));
}

/* A function of a dict with specs that have no names: TensorFlow calls them d and d_1. */
static void add_unnamed(sm_object_graph *objects, sm_string graph_def) {
  static const sm_structured specs[] = {VECTOR(""), VECTOR("")};
  static const char *const keys[] = {"first", "second"};
  static const sm_structured dict = {.kind = SM_STRUCTURED_DICT, .items = specs, .n_items = 2, .keys = keys};
  const sm_structured both[] = {{.kind = SM_STRUCTURED_TUPLE, .items = &dict, .n_items = 1}, NO_KEYWORDS};
  const sm_structured inputs = {.kind = SM_STRUCTURED_TUPLE, .items = both, .n_items = 2};
  const sm_parameter parameter = {.name = "d"};
  const sm_function_spec spec = {.parameters = &parameter, .n_parameters = 1};
  const sm_trace trace = {.graph_def = graph_def,
                          .inputs = ab,
                          .n_inputs = 2,
                          .outputs = &minus,
                          .n_outputs = 1,
                          .input_structure = &inputs};
  int32_t number = add_function(objects, "unnamed", &trace, false, &spec);
  CHECK(sm_object_graph_set_signature(objects, "unnamed", number, 0, &err));
}

/* subtract(x, k=tf.constant([1.0])) with an input signature; and with a default that only the signature has. */
static void add_defaults(sm_object_graph *objects, sm_string graph_def) {
  static const uint8_t one[] = {0x08, 0x01, 0x12, 0x04, 0x12, 0x02, 0x08, 0x01, 0x2a, 0x04, 0x00, 0x00, 0x80, 0x3f};
  static const sm_structured value = {.kind = SM_STRUCTURED_TENSOR, .proto = {(const char *)one, sizeof one}};
  static const float ten = 10;
  const sm_tensor_view view = {.dtype = SM_DT_FLOAT, .rank = 1, .data = &ten, .size = sizeof ten, .dims = {1}};
  const sm_structured signature = SEQUENCE(SM_STRUCTURED_TUPLE, VECTOR("x"), VECTOR("k"));
  const sm_parameter parameters[] = {{.name = "x"}, {.name = "k", .default_value = &value}};
  const sm_function_spec spec = {.parameters = parameters, .n_parameters = 2, .input_signature = &signature};
  const sm_function_tensor in[] = {{.name = "x", .tensor = "a:0", .rank = 1, .dims = unknown},
                                   {.name = "k", .tensor = "b:0", .rank = 1, .dims = unknown}};
  const sm_trace trace = {.graph_def = graph_def, .inputs = in, .n_inputs = 2, .outputs = &minus, .n_outputs = 1};
  int32_t number = add_function(objects, "subtract", &trace, true, &spec);
  CHECK(sm_object_graph_set_signature(objects, "own_default", number, 0, &err));
  CHECK(sm_object_graph_set_signature(objects, "both_defaults", number, 0, &err));
  CHECK(sm_object_graph_set_signature_default(objects, "both_defaults", "x", &view, &err));
}

static void save_names(const char *root) {
  sm_object_graph *objects = begin();
  sm_graph *graph = make_sums();
  sm_string graph_def;
  CHECK(sm_graph_get_def(&graph_def, graph, &err));
  add_odd_names(objects, graph_def);
  add_unnamed(objects, graph_def);
  add_defaults(objects, graph_def);
  end(objects, root, "names");
  sm_graph_free(graph);
}

int main(int argc, char **argv) {
  if (argc != 2) return 2;
  save_composite(argv[1]);
  save_specs(argv[1]);
  save_names(argv[1]);
  return 0;
}
