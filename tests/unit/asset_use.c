/* Which reads of files can only be of assets, in models written by hand. */
#include "support/check.h"

#include <savedmodel/scan.h>

#include "support/fault_alloc.h"
#include "support/findings.h"
#include "support/graph_spec.h"

static w_buffer w;
static findings found;
static sm_error err;

static int tear_down(void **state) {
  (void)state;
  w_free(&w);
  w = (w_buffer){0};
  return 0;
}

static void scan_spec(const graph_spec *spec) {
  sm_model *model;
  w_clear(&w);
  put_meta_graph(&w, spec);
  found = (findings){.n = 0};
  assert_ok(sm_model_open_buffer(&model, w.data, w.size, NULL, &err), err);
  assert_ok(sm_model_scan(model, NULL, add_finding, &found, &err), err);
  sm_model_close(model);
}

/* The one read in the model is of an asset, or it is not. */
static void assert_asset(const char *what, const graph_spec *spec, bool expected) {
  scan_spec(spec);
  assert_number(what, found.n, 1);
  assert_text(what, strstr(found.text, "(asset)") != NULL ? "asset" : "any file", expected ? "asset" : "any file");
}

/* ---- The graph itself ---- */

/* As TensorFlow 1 saves a table. Feeding p, the loader runs i. */
static const graph_spec v1_table = {
    .nodes = {"p='/tmp/vocab'", "t=HashTableV2()", "r=InitializeTableFromTextFileV2(t, p)", "i=NoOp(^r)"},
    .main_op = "i",
    .assets = {"p:0=vocab"}};

static void asset_use__knows_what_the_loader_feeds(void **state) {
  (void)state;
  assert_asset("table", &v1_table, true);
  graph_spec spec = v1_table;
  spec.nodes[2] = "r=InitializeTableFromTextFile(t, p)";
  assert_asset("older table", &spec, true);
  spec.nodes[2] = "r=ReadFile(p:0)";
  assert_asset("file", &spec, true);
  spec.nodes[0] = "p=Placeholder()";
  assert_asset("placeholder", &spec, true);
  spec.nodes[0] = "p=PlaceholderWithDefault(x)";
  assert_asset("placeholder with default", &spec, true);
  spec = v1_table;
  spec.nodes[2] = "r=InitializeTableFromTextFileV2(t, q)";
  spec.nodes[4] = "q=Identity(p, ^t)";
  assert_asset("passed on", &spec, true);
}

/* A constant is fed for the init op alone. A placeholder has no value elsewhere, unless a request gives it one. */
static void asset_use__knows_when_the_loader_feeds(void **state) {
  (void)state;
  graph_spec spec = v1_table;
  spec.main_op = NULL;
  assert_asset("constant, run by nothing", &spec, false);
  spec.signatures[0] = "s=r";
  assert_asset("constant, run by a signature", &spec, false);
  spec.main_op = "i";
  assert_asset("constant, run by both", &spec, false);
  spec.nodes[0] = "p=Placeholder()";
  assert_asset("placeholder, run by both", &spec, true);
  spec.signatures[1] = "s<p:0";
  assert_asset("placeholder, fed by requests", &spec, false);
  spec = v1_table;
  spec.nodes[2] = "r=InitializeTableFromTextFileV2(t, q)";
  spec.nodes[4] = "q=Identity(p)";
  spec.signatures[0] = "s<q:0";
  assert_asset("what passes it on, fed by requests", &spec, false);
}

static void asset_use__doubts_other_names(void **state) {
  (void)state;
  static const struct {
    const char *what, *replaced, *added, *asset;
    size_t node;
  } rows[] = {
      {"another constant", "r=InitializeTableFromTextFileV2(t, q)", "q='/etc/passwd'", "p:0=vocab", 2},
      {"no asset", "p='/etc/passwd'", NULL, NULL, 0},
      {"another tensor is the asset", "p='/etc/passwd'", "q='x'", "q:0=vocab", 0},
      {"a second output", "p='/etc/passwd'", NULL, "p:1=vocab", 0},
      {"an asset that lies elsewhere", "p='x'", NULL, "p:0=../../etc/passwd", 0},
      {"an asset with an absolute path", "p='x'", NULL, "p:0=/etc/passwd", 0},
      {"made longer", "r=InitializeTableFromTextFileV2(t, q)", "q=StringJoin(p, p)", "p:0=vocab", 2},
      {"computed where it is fed", "p=StringJoin(t)", NULL, "p:0=vocab", 0},
      {"no name", "r=InitializeTableFromTextFileV2(t)", NULL, "p:0=vocab", 2},
      {"no name, and a node without one", "r=InitializeTableFromTextFileV2(t)", "=Placeholder()", ":0=vocab", 2},
      {"a control input", "r=InitializeTableFromTextFileV2(t, ^p)", NULL, "p:0=vocab", 2},
      {"a node that is not there", "r=InitializeTableFromTextFileV2(t, q)", NULL, "p:0=vocab", 2},
      {"a circle", "r=InitializeTableFromTextFileV2(t, q)", "q=Identity(q)", "p:0=vocab", 2},
      {"the table", "r=InitializeTableFromTextFileV2(p, t)", NULL, "p:0=vocab", 2},
      {"another reader", "r=WholeFileReaderV2(p, p)", NULL, "p:0=vocab", 2},
  };
  for (size_t i = 0; i < N_OF(rows); i++) {
    graph_spec spec = v1_table;
    spec.nodes[rows[i].node] = rows[i].replaced;
    spec.nodes[4] = rows[i].added;
    spec.assets[0] = rows[i].asset;
    assert_asset(rows[i].what, &spec, false);
  }
}

/* ---- Functions ---- */

/* As TensorFlow 2 saves a table: the C++ loader runs i, the Python loader calls g with object 1 as path. */
static const graph_spec v2_table = {
    .nodes = {"p=Placeholder()", "v=VarHandleOp()", "a=AssignVariableOp(v, p) #7", "n=ReadVariableOp(v, ^a)",
              "t=HashTableV2()", "c=StatefulPartitionedCall(n, t) g", "i=NoOp(^a, ^c)"},
    .functions = {{"g", "path table", {"r=InitializeTableFromTextFileV2(table, path)"}}},
    .signatures = {"__saved_model_init_op=i"},
    .assets = {"p:0=vocab"},
    .objects = {"4", "asset 0", "10"},
    .object_functions = {"g 1 2"}};

static void asset_use__follows_arguments(void **state) {
  (void)state;
  assert_asset("as saved", &v2_table, true);
  graph_spec spec = v2_table;
  spec.functions[0].nodes[0] = "r=ReadFile(path)";
  assert_asset("file", &spec, true);
  spec.functions[0].nodes[0] = "r=ReadFile(q:output:0)";
  spec.functions[0].nodes[1] = "q=Identity(path, ^table)";
  assert_asset("passed on", &spec, true);
  spec = v2_table;
  spec.nodes[5] = "c=PartitionedCall(n, t) h";
  spec.object_functions[0] = NULL;
  spec.functions[1] = (function_spec){"h", "x y", {"c=StatefulPartitionedCall(x, y) g"}};
  assert_asset("a function in between", &spec, true);
  spec = v2_table;
  spec.nodes[5] = NULL;
  assert_asset("called by the loader only", &spec, true);
  spec = v2_table;
  spec.functions[0].arguments = "request path table";
  spec.nodes[5] = "c=StatefulPartitionedCall(x, n, t) g";
  assert_asset("arguments of its own", &spec, true);
  spec = v2_table;
  spec.nodes[5] = "c=StatefulPartitionedCall(^a, n, t) g";
  assert_asset("control inputs do not count", &spec, true);
}

/* The value that is put into the variable is a constant's, and the loader feeds it for the init op. */
static void asset_use__follows_variables(void **state) {
  (void)state;
  graph_spec spec = v2_table;
  spec.nodes[0] = "p='/tmp/vocab'";
  assert_asset("constant", &spec, true);
  spec.signatures[1] = "s=a";
  assert_asset("constant, put there by a signature", &spec, false);
  spec = v2_table;
  spec.nodes[7] = "b=AssignVariableOp(v, q) #1"; /* a float */
  assert_asset("another variable", &spec, true);
}

static void asset_use__doubts_other_callers(void **state) {
  (void)state;
  static const struct {
    const char *what, *node; /* added to the graph, as the last */
    function_spec function;  /* added */
    const char *object;      /* instead of object 1 */
    const char *bound;       /* instead of "g 1 2" */
    const char *second;      /* one more function of the object graph */
    const char *gradient;
  } rows[] = {
      {.what = "another call", .node = "d=PartitionedCall(x, t) g"},
      {.what = "a call with a constant",
       .node = "d='/etc/passwd'",
       .function = {"h", NULL, {"c=PartitionedCall(x) g"}}},
      {.what = "its name as op", .node = "d=g(n, t)"},
      {.what = "a loop", .node = "d=While(n, t) g"},
      {.what = "handed to a function that may call it", .node = "d=PartitionedCall(n) h>g"},
      {.what = "handed to itself", .node = "d=PartitionedCall(n, t) g>g"},
      {.what = "called by a function nobody calls", .function = {"h", "x", {"c=PartitionedCall(x, x) g"}}},
      {.what = "called by itself", .function = {"h", "x", {"c=PartitionedCall(x, x) h", "d=PartitionedCall(x, x) g"}}},
      {.what = "a gradient", .gradient = "g"},
      {.what = "two of its name", .function = {"g", "path table", {"n=NoOp()"}}},
      {.what = "bound to something else", .object = "9"},
      {.what = "bound to another object", .bound = "g 2 1"},
      {.what = "bound to no object", .bound = "g 7 2"},
      {.what = "bound to an asset that is not there", .object = "asset 1"},
      {.what = "bound to an asset that is more", .object = "asset 0 7"},
      {.what = "not bound", .bound = "g"},
      {.what = "bound too late", .bound = "g 1"},
      {.what = "bound too often", .bound = "g 1 1 1"},
      {.what = "listed twice", .second = "g 2 2"},
      {.what = "a string put into a variable", .node = "d=AssignVariableOp(v, t) #7"},
      {.what = "something put into a variable", .node = "d=AssignVariableOp(v, t)"},
      {.what = "strings put into a variable", .node = "d=ResourceScatterUpdate(v, t, t) #7"},
      {.what = "a string put into a variable by a function", .function = {"h", "x y", {"a=AssignVariableOp(x, y) #7"}}},
      {.what = "a variable put into a variable", .node = "d=AssignVariableOp(v, n) #7"},
  };
  for (size_t i = 0; i < N_OF(rows); i++) {
    graph_spec spec = v2_table;
    spec.nodes[7] = rows[i].node;
    spec.functions[1] = rows[i].function;
    if (rows[i].object != NULL) spec.objects[1] = rows[i].object;
    if (rows[i].bound != NULL) spec.object_functions[0] = rows[i].bound;
    spec.object_functions[1] = rows[i].second;
    spec.gradient = rows[i].gradient;
    assert_asset(rows[i].what, &spec, false);
  }
}

static void asset_use__doubts_inside_of_functions(void **state) {
  (void)state;
  graph_spec spec = v2_table;
  spec.functions[0].nodes[0] = "r=InitializeTableFromTextFileV2(path, table)";
  assert_asset("the other argument", &spec, false);
  spec.functions[0].nodes[0] = "r=InitializeTableFromTextFileV2(table, path:0)";
  assert_asset("a list", &spec, false);
  spec.functions[0].nodes[0] = "r=InitializeTableFromTextFileV2(table, q:output:0)";
  spec.functions[0].nodes[1] = "q='/etc/passwd'";
  assert_asset("a constant", &spec, false);
  spec.functions[0].nodes[1] = "q=ReadVariableOp(table)";
  assert_asset("a variable, as the checkpoint filled it", &spec, false);
  spec.functions[0].nodes[0] = "r=InitializeTableFromTextFileV2(table, path)";
  spec.functions[0].nodes[1] = "path='/etc/passwd'";
  assert_asset("a node with the name of an argument", &spec, false);
  spec = v2_table;
  spec.nodes[5] = NULL;
  spec.object_functions[0] = NULL;
  assert_asset("called by nobody", &spec, false);
  spec.object_functions[0] = "g 1 2";
  spec.assets[0] = "p:0=../vocab";
  assert_asset("bound to an asset that lies elsewhere", &spec, false);
  spec = v2_table;
  spec.functions[0].arguments = "path* table";
  assert_asset("a list as argument", &spec, false);
  spec = v2_table;
  spec.signatures[1] = "s<n:0";
  assert_asset("the variable's value, fed by requests", &spec, false);
}

/* ---- Size, memory ---- */

/* Each function calls the next twice: following all ways would take 2^40 steps. */
static void asset_use__gives_up_in_time(void **state) {
  (void)state;
  size_t meta_graph = w_begin(&w, 2), graph = w_begin(&w, 2), library = w_begin(&w, 2);
  for (int i = 0; i < 40; i++) {
    char name[16], call[64];
    size_t function = w_begin(&w, 1), signature = w_begin(&w, 1), argument;
    snprintf(name, sizeof name, "f%d", i);
    w_text(&w, 1, name);
    argument = w_begin(&w, 2);
    w_text(&w, 1, "x");
    w_end(&w, argument);
    w_end(&w, signature);
    for (int k = 0; k < 2; k++) {
      if (i == 39) snprintf(call, sizeof call, "c%d=ReadFile(x)", k);
      if (i < 39) snprintf(call, sizeof call, "c%d=PartitionedCall(x) f%d", k, i + 1);
      put_node(&w, SPEC_FUNCTION_NODE, call);
    }
    w_end(&w, function);
  }
  w_end(&w, library);
  put_node(&w, SPEC_NODE, "p=Placeholder()");
  put_node(&w, SPEC_NODE, "c=PartitionedCall(p) f0");
  w_end(&w, graph);
  size_t asset = w_begin(&w, 6), info = w_begin(&w, 1);
  w_text(&w, 1, "p:0");
  w_end(&w, info);
  w_text(&w, 2, "vocab");
  w_end(&w, asset);
  w_end(&w, meta_graph);
  sm_model *model;
  found = (findings){.n = 0};
  assert_ok(sm_model_open_buffer(&model, w.data, w.size, NULL, &err), err);
  assert_ok(sm_model_scan(model, NULL, add_finding, &found, &err), err);
  sm_model_close(model);
  assert_text("findings", found.text, "file-read ReadFile :0:f39:c0\nfile-read ReadFile :0:f39:c1\n");
}

static void asset_use__survives_every_failed_allocation(void **state) {
  (void)state;
  put_meta_graph(&w, &v1_table);
  put_meta_graph(&w, &v2_table);
  for (uint64_t n = 0;; n++) {
    sm_fault_alloc fa;
    sm_fault_alloc_init(&fa, n);
    sm_open_options options = SM_OPEN_OPTIONS_INIT;
    options.allocator = &fa.base;
    sm_model *model;
    found = (findings){.n = 0};
    sm_status status = sm_model_open_buffer(&model, w.data, w.size, &options, &err);
    if (status == SM_OK) status = sm_model_scan(model, NULL, add_finding, &found, &err);
    sm_model_close(model);
    assert_int_equal(fa.live_blocks, 0);
    bool fired = fa.fired;
    sm_fault_alloc_destroy(&fa);
    if (!fired) {
      assert_status(status, SM_OK, err);
      assert_text("findings", found.text,
                  "file-read InitializeTableFromTextFileV2 :0::r init (asset)\n"
                  "file-read InitializeTableFromTextFileV2 :1:g:r init,object (asset)\n");
      break;
    }
    assert_status(status, SM_RESOURCE_EXHAUSTED, err);
  }
}

#define CASE(name) cmocka_unit_test_teardown(name, tear_down)

int main(void) {
  const struct CMUnitTest tests[] = {
      CASE(asset_use__knows_what_the_loader_feeds),
      CASE(asset_use__knows_when_the_loader_feeds),
      CASE(asset_use__doubts_other_names),
      CASE(asset_use__follows_arguments),
      CASE(asset_use__follows_variables),
      CASE(asset_use__doubts_other_callers),
      CASE(asset_use__doubts_inside_of_functions),
      CASE(asset_use__gives_up_in_time),
      CASE(asset_use__survives_every_failed_allocation),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
