/* What is wrong with small models made by hand. What TensorFlow's own make: interop/check_verify.py. */
#include "support/check.h"

#include <sys/stat.h>
#include <unistd.h>

#include <savedmodel/savedmodel.h>

#include "support/defects.h"
#include "support/files.h"
#include "support/graph_spec.h"
#include "support/models.h"

/* Field numbers: proto/saved_model.proto, meta_graph.proto, graph.proto, node_def.proto, attr_value.proto, tensor.proto,
 * op_def.proto, saved_object_graph.proto. */
enum {
  SCHEMA_VERSION = 1,
  META_GRAPH = 2,
  INFO = 1,
  GRAPH = 2,
  SIGNATURE = 5,
  OBJECTS = 7,
  TAG = 4,
  NODE = 1,
  ATTR = 5
};

static defects found;
static sm_error err;

static sm_status verify_bytes(const w_buffer *w) {
  sm_model *model = open_bytes(w);
  found = (defects){.n = 0};
  sm_status status = sm_model_verify(model, add_defect, &found, &err);
  sm_model_close(model);
  assert_status(status, found.n_errors != 0 ? SM_DATA_LOSS : SM_OK, err);
  return status;
}

/* ---- Graphs ---- */

#define NO_TAGS "note (buffer): the meta graph has no tags\n"

static const struct {
  const char *what;
  graph_spec spec;
  const char *text; /* beyond what all of them have */
} rows[] = {
    {"sound", {.nodes = {"a=Placeholder()", "b=Identity(a)", "c=Identity(b:0, ^a)"}, .signatures = {"s=c:0"}}, ""},
    {"more outputs than TensorFlow's operation has",
     {.nodes = {"a=Placeholder()", "b=Identity(a:1)"}},
     "error (buffer): node b: input a:1: the node has 1 outputs\n"},
    {"no input", {.nodes = {"a=Identity(gone:0)"}}, "error (buffer): node a: input gone:0: there is no such node\n"},
    {"no control input", {.nodes = {"a=NoOp(^gone)"}}, "error (buffer): node a: input ^gone: there is no such node\n"},
    {"control only", {.nodes = {"a=NoOp()", "b=NoOp(^)"}}, "error (buffer): node b: input \"^\" names no tensor\n"},
    {"data behind control",
     {.nodes = {"a=Placeholder()", "b=AddN(^a, a)"}},
     "error (buffer): node b: an input that is data, behind one that is control\n"},
    {"same name", {.nodes = {"a=NoOp()", "a=NoOp()"}}, "error (buffer): node a: the name is there more than once\n"},
    {"no name", {.nodes = {"=NoOp()"}}, "error (buffer): node: a node without a name\n"},
    {"a name of a tensor",
     {.nodes = {"a:b=NoOp()"}},
     "error (buffer): node a:b: the name has characters that names of nodes cannot have\n"},
    {"no op", {.nodes = {"a=()"}}, "error (buffer): node a: a node without an operation\n"},
    {"unknown op",
     {.nodes = {"a=Zork()", "b=Zork()"}},
     "warning (buffer): operation Zork: not one of TensorFlow 2.21: whoever loads it has to register it\n"},
    {"function as op", {.nodes = {"a=g()"}, .functions = {{"g", "x", {"n=Identity(x)"}}}}, ""},
    {"cycle",
     {.nodes = {"a=Identity(b)", "b=Identity(a)"}},
     "error (buffer): node a: it waits for itself, on a cycle that is no loop\n"},
    {"cycle of one",
     {.nodes = {"a=Identity(a)"}},
     "error (buffer): node a: it waits for itself, on a cycle that is no loop\n"},
    {"behind a cycle",
     {.nodes = {"a=Identity(b)", "b=Identity(c)", "c=Identity(b)"}},
     "error (buffer): node b: it waits for itself, on a cycle that is no loop\n"},
    {"loop", {.nodes = {"m=Merge(n)", "n=NextIteration(m)"}}, ""},
    {"function not there",
     {.nodes = {"a=PartitionedCall() g"}},
     "error (buffer): node a: calls function g, which is not there\n"},
    {"nested function not there",
     {.nodes = {"a=PartitionedCall() g>h"}, .functions = {{"g", NULL, {"n=NoOp()"}}}},
     "error (buffer): node a: calls function h, which is not there\n"},
    {"op as function", {.nodes = {"a=MapDefun() Identity"}}, ""},
    {"function twice",
     {.nodes = {"a=NoOp()"}, .functions = {{"g", NULL, {"n=NoOp()"}}, {"g", NULL, {"n=NoOp()"}}}},
     "note (buffer): function g: there more than once\n"},
    {"functions of one name",
     {.nodes = {"a=NoOp()"}, .functions = {{"g", NULL, {"n=NoOp()"}}, {"g", NULL, {"m=NoOp()"}}}},
     "error (buffer): function g: there more than once, and not the same\n"},
    {"inside a function",
     {.functions = {{"g", "x", {"n=Identity(x)", "m=AddN(n:output:0, y)", "n=NoOp()"}}}},
     "error (buffer): node m of function g: input y: there is no such node\n"
     "error (buffer): node n of function g: the name is there more than once\n"},
    {"signature",
     {.nodes = {"a=Placeholder()"}, .signatures = {"s=gone:0", "t<a:0"}},
     "error (buffer): signature s: output s: gone:0: no such node in the graph\n"},
    {"init op",
     {.nodes = {"a=NoOp()"}, .main_op = "gone"},
     "error (buffer): init op: it is: gone: no such node in the graph\n"},
    {"init op without output",
     {.nodes = {"a=NoOp()"}, .signatures = {"__saved_model_init_op<a"}},
     "error (buffer): init op: signature __saved_model_init_op has no output __saved_model_init_op\n"},
    {"saver",
     {.nodes = {"a=NoOp()"}, .saver = {"a:0", "gone:0", "a"}},
     "error (buffer): saver_def: save_tensor_name: gone:0: no such node in the graph\n"},
    {"no saver",
     {.nodes = {"v=VarHandleOp()", "r=RestoreV2()"}},
     "warning (buffer): no saver_def, so nothing says how the variables are restored\n"},
    {"variables without saver", {.nodes = {"v=VarHandleOp()"}}, ""},
    {"asset outside",
     {.nodes = {"a=Placeholder()"}, .assets = {"a:0=../x"}},
     "error (buffer): asset 0: asset ../x lies outside of (buffer)/assets\n"},
    {"asset fed to nothing",
     {.nodes = {"a=Placeholder()"}, .assets = {"gone:0=x"}},
     "error (buffer): asset 0: it is fed to gone:0, which is not in the graph\n"},
    {"constant without a value", {.nodes = {"a=Const()"}}, "error (buffer): node a: a constant without a value\n"},
    {"constant", {.nodes = {"a='text'"}}, ""},
    {"asset of an object",
     {.nodes = {"a=Placeholder()"}, .assets = {"a:0=x"}, .objects = {"asset 0", "asset 1"}},
     "error (buffer): object 1: it is asset 1, there are 1\n"},
    {"objects are numbered from 0",
     {.functions = {{"g", "x", {"n=NoOp()"}}}, .object_functions = {"g 1"}, .objects = {"4"}},
     "error (buffer): concrete function g: a bound input leads to object 1, there are 1\n"},
    {"objects in a row", {.objects = {"4 >1", "4 >2 >3", "4 >3", "4"}}, ""},
    {"objects in a circle",
     {.objects = {"4 >1", "4 >2", "4 >1", "4"}},
     "error (buffer): object 1: it depends on itself, by way of object 2\n"},
    {"itself", {.objects = {"4", "4 >1"}}, "error (buffer): object 1: it depends on itself, by way of object 1\n"},
    {"a function as a tensor",
     {.functions = {{"g", "x", {"n=NoOp()"}}}, .object_functions = {"g 1"}, .objects = {"4", "8 =g"}},
     "error (buffer): concrete function g: a bound input is object 1, a function, which is no tensor\n"
     "error (buffer): object 1: it depends on itself, by way of concrete function g\n"},
    {"slots of what is no variable",
     {.objects = {"4 ~1:2", "4", "10"}},
     "error (buffer): object 0: the variable of a slot is object 1, which is no variable\n"
     "error (buffer): object 0: a slot variable is object 2, which is no variable\n"},
    {"slots that lead nowhere",
     {.objects = {"4 ~9:8"}},
     "error (buffer): object 0: the variable of a slot leads to object 9, there are 1\n"
     "error (buffer): object 0: a slot variable leads to object 8, there are 1\n"},
    {"a slot of its own variable",
     {.objects = {"4 ~1:1", "7"}},
     "error (buffer): object 1: it depends on itself, by way of object 1\n"},
    {"one variable for two slots",
     {.objects = {"4 ~1:2 ~3:2", "7", "7", "7"}},
     "warning (buffer): object 0: object 2 is the variable of two slots\n"
     "error (buffer): object 2: it depends on itself, by way of object 2\n"},
    {"objects and functions",
     {.functions = {{"g", "x", {"n=NoOp()"}}}, .object_functions = {"g 0 5", "h"}, .objects = {"4"}},
     "error (buffer): concrete function g: a bound input leads to object 5, there are 1\n"
     "error (buffer): concrete function g: 2 inputs are bound, the function has 1\n"
     "error (buffer): concrete function h: the graph has no function of this name\n"},
};

static void verify_model__graphs(void **state) {
  (void)state;
  for (size_t i = 0; i < N_OF(rows); i++) {
    char expected[1024];
    w_buffer w = {0};
    w_varint(&w, SCHEMA_VERSION, 1);
    put_meta_graph(&w, &rows[i].spec);
    (void)verify_bytes(&w);
    snprintf(expected, sizeof expected, NO_TAGS "%s", rows[i].text);
    assert_text(rows[i].what, found.text, expected);
    w_free(&w);
  }
}

/* All that is wrong is told, and the first error is what the call says. */
static void verify_model__goes_on(void **state) {
  (void)state;
  w_buffer w = {0};
  put_meta_graph(&w, &(graph_spec){.nodes = {"a=Identity(x)", "b=Identity(y)"}});
  put_meta_graph(&w, &(graph_spec){.nodes = {"c=Identity(z)"}});
  assert_int_equal(verify_bytes(&w), SM_DATA_LOSS);
  assert_text("defects", found.text,
              "warning (buffer): saved_model_schema_version is 0, expected 1\n"
              "note (buffer): meta graph 0: the meta graph has no tags\n"
              "note (buffer): meta graph 1: the meta graph has no tags\n"
              "warning (buffer): meta graph 1: the same tags as meta graph 0: loaders take the first\n"
              "error (buffer): meta graph 0: node a: input x: there is no such node\n"
              "error (buffer): meta graph 0: node b: input y: there is no such node\n"
              "error (buffer): meta graph 1: node c: input z: there is no such node\n");
  assert_text("message", err.message, "(buffer): meta graph 0: node a: input x: there is no such node");
  sm_model *model = open_bytes(&w);
  assert_status(sm_model_verify(model, NULL, NULL, &err), SM_DATA_LOSS, err);
  assert_status(sm_model_verify(model, NULL, NULL, NULL), SM_DATA_LOSS, err);
  sm_model_close(model);
  w_free(&w);
}

/* ---- Outputs ---- */

/* The definition of an op: two outputs of type T, then as many as attribute N says. */
static void put_op_def(w_buffer *w) {
  size_t list = w_begin(w, 2), op = w_begin(w, 1);
  w_text(w, 1, "Unpack");
  const char *const names[] = {"x", "y", "z"};
  for (size_t i = 0; i < 3; i++) {
    size_t arg = w_begin(w, 3);
    w_text(w, 1, names[i]);
    w_text(w, 4, "T");
    if (i == 2) w_text(w, 5, "N");
    w_end(w, arg);
  }
  const char *const attrs[] = {"T", "type", "N", "int"};
  for (size_t i = 0; i < N_OF(attrs); i += 2) {
    size_t attr = w_begin(w, 4);
    w_text(w, 1, attrs[i]);
    w_text(w, 2, attrs[i + 1]);
    w_end(w, attr);
  }
  w_end(w, op);
  w_end(w, list);
}

/* A graph with a node u of that op, N of n and T of 3 (int32), and a signature that names tensor as a dtype. */
static void put_outputs(w_buffer *w, uint64_t n, const char *tensor, uint64_t dtype) {
  w_varint(w, SCHEMA_VERSION, 1);
  size_t meta_graph = w_begin(w, META_GRAPH), info = w_begin(w, INFO);
  put_op_def(w);
  w_text(w, TAG, "serve");
  w_end(w, info);
  size_t graph = w_begin(w, GRAPH), node = begin_node(w, NODE, "u=Unpack()");
  w_entry attr = w_begin_entry(w, ATTR, "N");
  w_varint(w, 3, n);
  w_end_entry(w, attr);
  attr = w_begin_entry(w, ATTR, "T");
  w_varint(w, 6, 3);
  w_end_entry(w, attr);
  w_end(w, node);
  char text[64];
  snprintf(text, sizeof text, "i=Identity(%s)", tensor);
  put_node(w, NODE, text);
  w_end(w, graph);
  w_entry signature = w_begin_entry(w, SIGNATURE, "s"), output = w_begin_entry(w, 2, "o");
  w_text(w, 1, tensor);
  w_varint(w, 2, dtype);
  w_end_entry(w, output);
  w_end_entry(w, signature);
  w_end(w, meta_graph);
}

static void verify_model__outputs(void **state) {
  (void)state;
  const struct {
    uint64_t n;
    const char *tensor;
    uint64_t dtype;
    const char *text;
  } cases[] = {
      {2, "u:0", 3, ""},
      {2, "u:3", 3, ""},
      {2, "u:3", 103, ""}, /* the reference to one */
      {2, "u:3", 1, "warning (buffer): signature s: output o: u:3: dtype 1, but the node makes dtype 3\n"},
      {2, "u:4", 3,
       "error (buffer): node i: input u:4: the node has 4 outputs\n"
       "error (buffer): signature s: output o: u:4: the node has 4 outputs\n"},
      {0, "u:2", 3,
       "error (buffer): node i: input u:2: the node has 2 outputs\n"
       "error (buffer): signature s: output o: u:2: the node has 2 outputs\n"},
      {UINT64_MAX, "u:9", 3, ""}, /* an N of -1 says nothing */
      {2, "u:99999999999", 3,
       "error (buffer): node i: input \"u:99999999999\" names no tensor\n"
       "error (buffer): signature s: output o: u:99999999999: no such node in the graph\n"},
  };
  for (size_t i = 0; i < N_OF(cases); i++) {
    w_buffer w = {0};
    put_outputs(&w, cases[i].n, cases[i].tensor, cases[i].dtype);
    (void)verify_bytes(&w);
    assert_text(cases[i].tensor, found.text, cases[i].text);
    w_free(&w);
  }
}

/* ---- Constants ---- */

/* A Const of a dtype whose value has another, a shape of n_dims times dim, and that many bytes of content. */
static void put_const(w_buffer *w, uint64_t dtype, uint64_t value_dtype, uint64_t dim, size_t n_dims, size_t content) {
  static const uint8_t zeros[64];
  w_varint(w, SCHEMA_VERSION, 1);
  size_t meta_graph = w_begin(w, META_GRAPH), info = w_begin(w, INFO);
  w_text(w, TAG, "serve");
  w_end(w, info);
  size_t graph = w_begin(w, GRAPH), node = begin_node(w, NODE, "c=Const()");
  w_entry attr = w_begin_entry(w, ATTR, "dtype");
  w_varint(w, 6, dtype);
  w_end_entry(w, attr);
  attr = w_begin_entry(w, ATTR, "value");
  size_t tensor = w_begin(w, 8);
  w_varint(w, 1, value_dtype);
  size_t shape = w_begin(w, 2);
  for (size_t i = 0; i < n_dims; i++) {
    size_t one = w_begin(w, 2);
    w_varint(w, 1, dim);
    w_end(w, one);
  }
  w_end(w, shape);
  if (content != 0) w_bytes(w, 4, zeros, content);
  w_end(w, tensor);
  w_end_entry(w, attr);
  w_end(w, node);
  w_end(w, graph);
  w_end(w, meta_graph);
}

static void verify_model__constants(void **state) {
  (void)state;
  const struct {
    const char *what;
    uint64_t dtype, value_dtype, dim;
    size_t n_dims, content;
    const char *severity; /* NULL: none */
  } cases[] = {
      {"fits", 1, 1, 4, 2, 64, NULL},
      {"zeros", 1, 1, 4, 2, 0, NULL},
      {"too short", 1, 1, 4, 2, 63, "error"},
      {"too long", 1, 1, 4, 1, 17, "error"},
      {"negative", 1, 1, UINT64_MAX, 1, 0, "error"},
      {"overflow", 1, 1, (uint64_t)1 << 40, 2, 0, "error"},
      {"255 dimensions", 1, 1, 1, 255, 0, "error"},
      {"254 dimensions", 1, 1, 1, 254, 0, NULL},
      {"huge", 1, 1, (uint64_t)1 << 40, 1, 0, "warning"},
      {"other dtype", 1, 3, 4, 2, 64, "error"},
      {"no dtype", 1, 99, 4, 1, 0, "error"},
      {"reference", 101, 101, 4, 1, 0, "error"},
      {"no resource", 20, 20, 0, 1, 0, "warning"},
      {"strings", 7, 7, 64, 1, 64, NULL},
      {"too few lengths", 7, 7, 65, 1, 64, "error"},
      {"strings past the end", 7, 7, 63, 1, 64, "error"},
      {"huge strings", 7, 7, (uint64_t)1 << 40, 1, 64, "error"},
  };
  for (size_t i = 0; i < N_OF(cases); i++) {
    char severity[16] = "";
    w_buffer w = {0};
    put_const(&w, cases[i].dtype, cases[i].value_dtype, cases[i].dim, cases[i].n_dims, cases[i].content);
    (void)verify_bytes(&w);
    sscanf(found.text, "%15[a-z] (buffer): node c", severity);
    assert_text(cases[i].what, severity, cases[i].severity != NULL ? cases[i].severity : "");
    w_free(&w);
  }
}

/* ---- Bytes ---- */

static void verify_model__bytes(void **state) {
  (void)state;
  static const uint32_t list_value[] = {51, 1};
  w_buffer w = {0}, deep = {0};
  w_varint(&w, SCHEMA_VERSION, 1);
  w_varint(&w, 1000, 1);
  w_varint(&w, 1000, 1);
  size_t meta_graph = w_begin(&w, META_GRAPH), info = w_begin(&w, INFO);
  w_text(&w, TAG, "serve");
  w_varint(&w, 5, 1); /* tensorflow_version, of another type */
  w_bytes(&w, 6, "\xff", 1);
  w_bytes(&w, 1, "a\0b", 3);
  w_end(&w, info);
  w_end(&w, w_begin(&w, GRAPH));
  size_t objects = w_begin(&w, OBJECTS), object = w_begin(&w, 1), function = w_begin(&w, 6), spec = w_begin(&w, 2);
  w_nest(&deep, list_value, 2, 60, "", 0);
  w_bytes(&w, 1, deep.data, deep.size);
  w_end(&w, spec);
  w_end(&w, function);
  w_end(&w, object);
  w_end(&w, objects);
  w_end(&w, meta_graph);
  (void)verify_bytes(&w);
  assert_int_equal(found.n_errors, 2);
  assert_mentions(found.text, "error (buffer): MetaInfoDef: byte ");
  assert_mentions(found.text, ": string field tensorflow_git_version is not UTF-8\n");
  assert_mentions(found.text, "warning (buffer): MetaInfoDef: string field meta_graph_version holds a NUL");
  assert_mentions(found.text, ": messages nested more than 100 deep\n");
  assert_mentions(found.text, "note (buffer): SavedModel: unknown field 1000, 2 times\n");
  assert_mentions(found.text, "note (buffer): MetaInfoDef: unknown field 5, 1 time\n");
  w_free(&w);
  w_free(&deep);
}

/* As many messages inside each other as protobuf allows, and one more. */
static void verify_model__depth(void **state) {
  (void)state;
  static const uint32_t list_value[] = {51, 1}, inner[] = {51};
  for (size_t more = 0; more < 2; more++) {
    w_buffer w = {0}, deep = {0}, last = {0};
    w_varint(&w, SCHEMA_VERSION, 1);
    size_t meta_graph = w_begin(&w, META_GRAPH), objects, object, function, spec; /* 1 deep */
    w_end(&w, w_begin(&w, GRAPH));
    objects = w_begin(&w, OBJECTS), object = w_begin(&w, 1), function = w_begin(&w, 6), spec = w_begin(&w, 2);
    w_nest(&last, inner, 1, more, "", 0);                   /* 1 more, or none */
    w_nest(&deep, list_value, 2, 47, last.data, last.size); /* 94: each is a list and a value */
    w_bytes(&w, 1, deep.data, deep.size);                   /* fullargspec: the 6th */
    w_end(&w, spec), w_end(&w, function), w_end(&w, object), w_end(&w, objects), w_end(&w, meta_graph);
    (void)verify_bytes(&w);
    assert_number("errors", found.n_errors, more);
    w_free(&w);
    w_free(&deep);
    w_free(&last);
  }
}

/* ---- Tags ---- */

static void verify_model__tags(void **state) {
  (void)state;
  w_buffer w = {0};
  static const char *const tags[][3] = {{"serve", "gpu", "serve"}, {"serve"}, {"gpu", "serve", NULL}};
  w_varint(&w, SCHEMA_VERSION, 1);
  for (size_t i = 0; i < N_OF(tags); i++) {
    size_t meta_graph = w_begin(&w, META_GRAPH), info = w_begin(&w, INFO);
    for (size_t k = 0; k < 3 && tags[i][k] != NULL; k++) w_text(&w, TAG, tags[i][k]);
    w_end(&w, info);
    w_end(&w, w_begin(&w, GRAPH));
    w_end(&w, meta_graph);
  }
  assert_int_equal(verify_bytes(&w), SM_OK);
  assert_text("defects", found.text,
              "note (buffer): meta graph 0: tag serve: listed more than once\n"
              "warning (buffer): meta graph 2: the same tags as meta graph 0: loaders take the first\n");
  w_free(&w);
}

/* ---- Files ---- */

static void verify_dir(const char *dir) {
  sm_model *model;
  sm_open_options options = SM_OPEN_OPTIONS_INIT;
  assert_ok(sm_model_open(&model, dir, &options, &err), err);
  found = (defects){.n = 0};
  sm_status status = sm_model_verify(model, add_defect, &found, &err);
  assert_status(status, found.n_errors != 0 ? SM_DATA_LOSS : SM_OK, err);
  sm_model_close(model);
}

static void verify_model__files(void **state) {
  (void)state;
  temp_dir dir = make_temp_dir();
  w_buffer w = {0};
  w_varint(&w, SCHEMA_VERSION, 1);
  put_meta_graph(&w, &(graph_spec){.nodes = {"a=Placeholder()", "v=VarHandleOp()"},
                                   .assets = {"a:0=there.txt", "a:0=gone.txt"},
                                   .saver = {"a:0", "a:0", "a"}});
  write_file(path_in(dir.path, "saved_model.pb"), w.data, w.size);
  write_file(path_in(dir.path, "saved_model.pbtxt"), "", 0);
  write_file(path_in(dir.path, "fingerprint.pb"), "\xff", 1);
  assert_int_equal(mkdir(path_in(dir.path, "assets"), 0777), 0);
  assert_int_equal(mkdir(path_in(dir.path, "debug"), 0777), 0);
  write_file(path_in(dir.path, "debug/saved_model_debug_info.pb"), "\x0a\x7f", 2);
  write_file(path_in(dir.path, "elsewhere"), "x", 1);
  assert_int_equal(symlink("../elsewhere", path_in(dir.path, "assets/there.txt")), 0);
  verify_dir(dir.path);
  assert_text("defects", found.text,
              "warning saved_model.pbtxt: beside saved_model.pb, which is the one that counts\n"
              "note assets/there.txt: reached through a symbolic link\n"
              "error fingerprint.pb: byte 0: a tag that does not end (0)\n"
              "error debug/saved_model_debug_info.pb: GraphDebugInfo: byte 2: 127 bytes announced, only 0 left\n"
              "note saved_model.pb: the meta graph has no tags\n"
              "error assets/gone.txt: the model lists this asset, but it is not there\n"
              "error variables/variables.index: not there, though the model has variables\n");
  w_free(&w);
  remove_temp_dir(&dir);
}

/* Variables that are objects are restored without a saver. */
static void verify_model__objects_want_variables(void **state) {
  (void)state;
  temp_dir dir = make_temp_dir();
  w_buffer w = {0};
  w_varint(&w, SCHEMA_VERSION, 1);
  put_meta_graph(&w, &(graph_spec){.nodes = {"v=VarHandleOp()"}, .objects = {"4", "7"}});
  write_file(path_in(dir.path, "saved_model.pb"), w.data, w.size);
  verify_dir(dir.path);
  assert_mentions(found.text, "error variables/variables.index: not there, though the model has variables\n");
  w_free(&w);
  remove_temp_dir(&dir);
}

/* "m.index" beside the model "m" is nothing of it. */
static void verify_model__checkpoint_beside(void **state) {
  (void)state;
  temp_dir dir = make_temp_dir();
  w_buffer w = {0};
  w_varint(&w, SCHEMA_VERSION, 1);
  put_meta_graph(&w, &(graph_spec){.nodes = {"a=NoOp()"}});
  assert_int_equal(mkdir(path_in(dir.path, "m"), 0777), 0);
  write_file(path_in(dir.path, "m/saved_model.pb"), w.data, w.size);
  write_file(path_in(dir.path, "m.index"), "x", 1);
  verify_dir(path_in(dir.path, "m"));
  assert_text("defects", found.text, "note saved_model.pb: the meta graph has no tags\n");
  w_free(&w);
  remove_temp_dir(&dir);
}

/* ---- Time and memory ---- */

/* A hundred thousand nodes that all take from the last one, which is large. */
static void verify_model__wide_graph(void **state) {
  (void)state;
  enum { N = 100000 };
  w_buffer w = {0};
  w_varint(&w, SCHEMA_VERSION, 1);
  size_t meta_graph = w_begin(&w, META_GRAPH), graph = w_begin(&w, GRAPH);
  for (unsigned i = 0; i < N; i++) {
    char text[64];
    snprintf(text, sizeof text, "n%u=Identity(%s%u)", i, i == 0 ? "x" : "n", i == 0 ? 0 : i - 1);
    put_node(&w, NODE, text);
  }
  size_t last = begin_node(&w, NODE, "x0=AddN()");
  for (unsigned i = 0; i < N; i++) w_text(&w, 3, "n99999");
  w_end(&w, last);
  w_end(&w, graph);
  w_end(&w, meta_graph);
  (void)verify_bytes(&w);
  assert_int_equal(found.n_errors, 1);
  assert_mentions(found.text, "it waits for itself");
  w_free(&w);
}

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(verify_model__graphs),
      cmocka_unit_test(verify_model__goes_on),
      cmocka_unit_test(verify_model__outputs),
      cmocka_unit_test(verify_model__constants),
      cmocka_unit_test(verify_model__bytes),
      cmocka_unit_test(verify_model__depth),
      cmocka_unit_test(verify_model__tags),
      cmocka_unit_test(verify_model__files),
      cmocka_unit_test(verify_model__objects_want_variables),
      cmocka_unit_test(verify_model__checkpoint_beside),
      cmocka_unit_test(verify_model__wide_graph),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
