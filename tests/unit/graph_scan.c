/* Which nodes are found and what leads to them, in models written by hand. */
#include "support/check.h"

#include <savedmodel/scan.h>

#include "support/fault_alloc.h"
#include "support/findings.h"
#include "support/graph_spec.h"

/* Field numbers: proto/saved_model.proto, meta_graph.proto. */
enum { META_GRAPH = 2, GRAPH = 2, SAVER = 3 };

static w_buffer w;
static findings found;
static sm_error err;

static int set_up(void **state) {
  (void)state;
  w = (w_buffer){0};
  found = (findings){.n = 0};
  return 0;
}

static int tear_down(void **state) {
  (void)state;
  w_free(&w);
  return 0;
}

static void scan_bytes(findings *out, const sm_scan_options *options) {
  sm_model *model;
  *out = (findings){.n = 0};
  assert_ok(sm_model_open_buffer(&model, w.data, w.size, NULL, &err), err);
  assert_ok(sm_model_scan(model, options, add_finding, out, &err), err);
  sm_model_close(model);
}

static void assert_finds(const char *what, const graph_spec *spec, const char *expected) {
  w_clear(&w);
  put_meta_graph(&w, spec);
  scan_bytes(&found, NULL);
  assert_text(what, found.text, expected);
}

/* ---- Where ---- */

static void graph_scan__finds_what_nothing_calls(void **state) {
  (void)state;
  assert_finds("top level", &(graph_spec){.nodes = {"a=Add()", "r=ReadFile()"}}, "file-read ReadFile :0::r\n");
  assert_finds("function", &(graph_spec){.functions = {{"g", NULL, {"w=WriteFile()"}}}},
               "file-write WriteFile :0:g:w\n");
  assert_finds("custom", &(graph_spec){.nodes = {"z=Zork()"}}, "unknown Zork :0::z\n");
  assert_finds("no op", &(graph_spec){.nodes = {"z=()"}}, "unknown  :0::z\n");
}

static void graph_scan__looks_at_every_meta_graph(void **state) {
  (void)state;
  put_meta_graph(&w, &(graph_spec){.nodes = {"a=Add()"}});
  put_meta_graph(&w, &(graph_spec){.nodes = {"p=PyFunc()"}});
  scan_bytes(&found, NULL);
  assert_text("findings", found.text, "code PyFunc :1::p\n");
}

/* A function with the name twice: whichever of them TensorFlow takes, it is found, and counts as reached. */
static void graph_scan__looks_at_functions_of_one_name(void **state) {
  (void)state;
  const graph_spec spec = {.nodes = {"c=PartitionedCall() g"},
                           .functions = {{"g", NULL, {"r=ReadFile()", "c=PartitionedCall() h"}},
                                         {"g", NULL, {"w=WriteFile()"}},
                                         {"h", NULL, {"a=Abort()"}}},
                           .signatures = {"s=c:0"}};
  assert_finds("all", &spec,
               "file-read ReadFile :0:g:r signature\nfile-write WriteFile :0:g:w signature\n"
               "process Abort :0:h:a signature\n");
}

/* ---- What leads there ---- */

static void graph_scan__tells_what_leads_to_a_node(void **state) {
  (void)state;
  const graph_spec inputs = {.nodes = {"w=WriteFile()", "a=Add(x:0, b:1)", "b=Identity(^w)"}, .signatures = {"s=a:0"}};
  assert_finds("inputs, control inputs", &inputs, "file-write WriteFile :0::w signature\n");
  const graph_spec init = {.nodes = {"w=WriteFile()", "i=NoOp(^w)"}, .signatures = {"__saved_model_init_op=i"}};
  assert_finds("init op", &init, "file-write WriteFile :0::w init\n");
  const graph_spec main_op = {.nodes = {"w=WriteFile()", "i=NoOp(^w)"}, .main_op = "i"};
  assert_finds("main op", &main_op, "file-write WriteFile :0::w init\n");
  const graph_spec train = {.nodes = {"w=WriteFile()"}, .signatures = {"__saved_model_train_op=w", "s=w:0"}};
  assert_finds("train op and signature", &train, "file-write WriteFile :0::w signature,train\n");
  const graph_spec object = {.functions = {{"g", NULL, {"w=WriteFile()"}}}, .object_functions = {"g"}};
  assert_finds("object", &object, "file-write WriteFile :0:g:w object\n");
}

static void graph_scan__follows_calls(void **state) {
  (void)state;
  const graph_spec body = {.nodes = {"l=While(x)"},
                           .functions = {{"g", NULL, {"n=Add()", "c=Case() h"}}, {"h", NULL, {"w=WriteFile()"}}}};
  graph_spec loop = body;
  loop.nodes[0] = "l=While(x) g";
  loop.signatures[0] = "s=l:0";
  assert_finds("loop body, case in it", &loop, "file-write WriteFile :0:h:w signature\n");
  assert_finds("not called", &body, "file-write WriteFile :0:h:w\n");
  const graph_spec by_op = {.nodes = {"c=g()"}, .functions = {{"g", NULL, {"w=WriteFile()"}}}, .signatures = {"s=c:0"}};
  assert_finds("named as op", &by_op, "file-write WriteFile :0:g:w signature\n");
  const graph_spec circle = {
      .nodes = {"c=If() g"}, .functions = {{"g", NULL, {"c=If() g", "a=Abort()"}}}, .signatures = {"s=c"}};
  assert_finds("recursion", &circle, "process Abort :0:g:a signature\n");
}

/* ---- The saver ---- */

static const char v1_findings[] =
    "file-read,file-write MergeV2Checkpoints :0::m save (saver)\nfile-write SaveV2 :0::s save (saver)\n"
    "file-read RestoreV2 :0::r restore (saver)\n";

/* As tf.compat.v1.train.Saver(sharded=True) makes it. */
static const graph_spec v1_saver = {
    .nodes = {"f='model'", "p='_temp_1/part'", "j=StringJoin(f, p)", "n=ShardedFilename(j, x, x)", "k=Pack(n, ^s)",
              "m=MergeV2Checkpoints(k, f)", "s=SaveV2(n, x)", "i=Identity(f, ^m)", "r=RestoreV2(f, x)", "a=NoOp(^r)"},
    .saver = {"f:0", "i:0", "a"}};

static void graph_scan__knows_the_saver_of_v1(void **state) {
  (void)state;
  assert_finds("saver", &v1_saver, v1_findings);
}

/* Ways to use it for other files: none of them is taken for ordinary. */
static void graph_scan__doubts_other_uses_of_the_saver(void **state) {
  (void)state;
  static const struct {
    const char *what;
    size_t node;
    const char *replaced; /* by this one */
    const char *signature;
    const char *ordinary; /* those that still are */
  } rows[] = {
      {"climbs out", 1, "p='/../../x'", NULL, "r"},
      {"another prefix", 2, "j=StringJoin(p, f)", NULL, "r"},
      {"other name", 8, "r=RestoreV2(p, x)", NULL, "ms"},
      {"name from elsewhere", 8, "r=RestoreV2(z, x)", NULL, "ms"},
      {"name made by an op", 4, "k=StringLower(n, ^s)", NULL, "sr"},
      {"control input as name", 8, "r=RestoreV2(^f, x)", NULL, "ms"},
      {"no name", 8, "r=RestoreV2()", NULL, "ms"},
      {"writes on restore", 9, "a=NoOp(^r, ^s)", NULL, "mr"},
      {"reached by a signature", 9, "a=NoOp(^r)", "s=r:0", "ms"},
      {"reached by the init op", 9, "a=NoOp(^r)", "__saved_model_init_op=m", "r"},
      {"in a circle", 4, "k=Identity(k, ^s)", NULL, "r"}, /* s: the budget of the graph is used up */
  };
  for (size_t i = 0; i < N_OF(rows); i++) {
    char ordinary[8] = "";
    graph_spec spec = v1_saver;
    spec.nodes[rows[i].node] = rows[i].replaced;
    spec.signatures[0] = rows[i].signature;
    w_clear(&w);
    put_meta_graph(&w, &spec);
    scan_bytes(&found, NULL);
    assert_number(rows[i].what, found.n, 3);
    for (char *line = strtok(found.text, "\n"); line != NULL; line = strtok(NULL, "\n"))
      if (strstr(line, "(saver)") != NULL) strncat(ordinary, strstr(line, ":0::") + 4, 1);
    assert_text(rows[i].what, ordinary, rows[i].ordinary);
  }
}

/* "/../" between the prefix and a harmless name. */
static void graph_scan__doubts_a_separator(void **state) {
  (void)state;
  static const struct {
    const char *separator;
    bool is_ordinary;
  } rows[] = {{"", true}, {"/../", false}};
  for (size_t i = 0; i < N_OF(rows); i++) {
    w_clear(&w);
    size_t meta_graph = w_begin(&w, META_GRAPH), graph = w_begin(&w, GRAPH);
    put_node(&w, SPEC_NODE, "f='model'");
    put_node(&w, SPEC_NODE, "p='x'");
    size_t join = begin_node(&w, SPEC_NODE, "j=StringJoin(f, p)");
    put_attr_text(&w, "separator", rows[i].separator);
    w_end(&w, join);
    put_node(&w, SPEC_NODE, "r=RestoreV2(j, x)");
    w_end(&w, graph);
    size_t saver = w_begin(&w, SAVER);
    w_text(&w, 1, "f:0");
    w_text(&w, 3, "r");
    w_end(&w, saver);
    w_end(&w, meta_graph);
    scan_bytes(&found, NULL);
    assert_text(
        rows[i].separator, found.text,
        rows[i].is_ordinary ? "file-read RestoreV2 :0::r restore (saver)\n" : "file-read RestoreV2 :0::r restore\n");
  }
}

/* As TensorFlow 2 saves: in functions that get the name as first argument. */
static const graph_spec v2_saver = {
    .nodes = {"f=Placeholder()", "s=StatefulPartitionedCall(f, x) sf", "r=StatefulPartitionedCall(f) rf"},
    .functions = {{"rf", "file_prefix", {"r=RestoreV2(file_prefix, x)"}},
                  {"sf",
                   "file_prefix",
                   {"p='.part'", "q='_temp/part'", "c=StaticRegexFullMatch(file_prefix)",
                    "e=Select(c:output:0, p:output:0, q:output:0)", "j=StringJoin(file_prefix, e:output:0)",
                    "n=ShardedFilename(j:output:0, x, y)", "w=SaveV2(n:filename:0, x)"}}},
    .saver = {"f:0", "s:0", "r"}};

static void graph_scan__knows_the_saver_of_v2(void **state) {
  (void)state;
  assert_finds("saver", &v2_saver,
               "file-read RestoreV2 :0:rf:r restore (saver)\nfile-write SaveV2 :0:sf:w save (saver)\n");
}

static void graph_scan__doubts_other_callers_of_the_saver(void **state) {
  (void)state;
  graph_spec other_name = v2_saver;
  other_name.nodes[2] = "r=StatefulPartitionedCall(x) rf";
  assert_finds("other name", &other_name,
               "file-read RestoreV2 :0:rf:r restore\nfile-write SaveV2 :0:sf:w save (saver)\n");
  graph_spec twice = v2_saver;
  twice.nodes[2] = "r=StatefulPartitionedCall(f, ^r2) rf";
  twice.nodes[3] = "r2=StatefulPartitionedCall(x) rf";
  assert_finds("called twice", &twice, "file-read RestoreV2 :0:rf:r restore\nfile-write SaveV2 :0:sf:w save (saver)\n");
  graph_spec handed_on = v2_saver;
  handed_on.nodes[3] = "c=PartitionedCall(x) h>rf";
  handed_on.signatures[0] = "s=c:0";
  assert_finds("handed to a function that may call it", &handed_on,
               "file-read RestoreV2 :0:rf:r signature,restore\nfile-write SaveV2 :0:sf:w save (saver)\n");
  graph_spec object = v2_saver;
  object.object_functions[0] = "sf";
  assert_finds("for anyone to call", &object,
               "file-read RestoreV2 :0:rf:r restore (saver)\nfile-write SaveV2 :0:sf:w object,save\n");
  graph_spec second = v2_saver;
  second.functions[0].nodes[0] = "r=RestoreV2(other, x)";
  assert_finds("not the argument", &second,
               "file-read RestoreV2 :0:rf:r restore\nfile-write SaveV2 :0:sf:w save (saver)\n");
}

/* ---- Options, damage, memory ---- */

static void graph_scan__reports_what_is_asked_for(void **state) {
  (void)state;
  put_meta_graph(&w, &(graph_spec){.nodes = {"a=Add()", "v=VarHandleOp()", "w=WriteFile()"}});
  sm_scan_options options = SM_SCAN_OPTIONS_INIT;
  options.effects = SM_EFFECT_STATE;
  scan_bytes(&found, &options);
  assert_text("state", found.text, "state VarHandleOp :0::v\n");
  options.all_ops = true;
  scan_bytes(&found, &options);
  assert_text("all", found.text, "pure Add :0::a\nstate VarHandleOp :0::v\nfile-write WriteFile :0::w\n");
}

static sm_status stop(void *ctx, const sm_scan_finding *finding, sm_error *error) {
  (void)ctx;
  (void)finding;
  *error = (sm_error){.code = SM_CANCELLED};
  return SM_CANCELLED;
}

static void graph_scan__ends_when_it_is_told_to(void **state) {
  (void)state;
  put_meta_graph(&w, &(graph_spec){.nodes = {"w=WriteFile()"}});
  sm_model *model;
  sm_scan_options zero = {0};
  assert_ok(sm_model_open_buffer(&model, w.data, w.size, NULL, &err), err);
  assert_status(sm_model_scan(model, NULL, stop, NULL, &err), SM_CANCELLED, err);
  assert_status(sm_model_scan(model, &zero, stop, NULL, &err), SM_INVALID_ARGUMENT, err);
  sm_model_close(model);
}

static void graph_scan__refuses_damage(void **state) {
  (void)state;
  size_t meta_graph = w_begin(&w, META_GRAPH), graph = w_begin(&w, GRAPH), node = w_begin(&w, SPEC_NODE);
  w_raw(&w, "\x12\x7F", 2); /* an op of 127 bytes that are not there */
  w_end(&w, node);
  w_end(&w, graph);
  w_end(&w, meta_graph);
  sm_model *model;
  assert_ok(sm_model_open_buffer(&model, w.data, w.size, NULL, &err), err);
  assert_status(sm_model_scan(model, NULL, add_finding, &found, &err), SM_DATA_LOSS, err);
  sm_model_close(model);
}

static void graph_scan__survives_every_failed_allocation(void **state) {
  (void)state;
  put_meta_graph(&w, &v1_saver);
  put_meta_graph(&w, &v2_saver);
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
      assert_number("findings", found.n, 5);
      break;
    }
    assert_status(status, SM_RESOURCE_EXHAUSTED, err);
  }
}

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test_setup_teardown(graph_scan__finds_what_nothing_calls, set_up, tear_down),
      cmocka_unit_test_setup_teardown(graph_scan__looks_at_every_meta_graph, set_up, tear_down),
      cmocka_unit_test_setup_teardown(graph_scan__looks_at_functions_of_one_name, set_up, tear_down),
      cmocka_unit_test_setup_teardown(graph_scan__tells_what_leads_to_a_node, set_up, tear_down),
      cmocka_unit_test_setup_teardown(graph_scan__follows_calls, set_up, tear_down),
      cmocka_unit_test_setup_teardown(graph_scan__knows_the_saver_of_v1, set_up, tear_down),
      cmocka_unit_test_setup_teardown(graph_scan__doubts_other_uses_of_the_saver, set_up, tear_down),
      cmocka_unit_test_setup_teardown(graph_scan__doubts_a_separator, set_up, tear_down),
      cmocka_unit_test_setup_teardown(graph_scan__knows_the_saver_of_v2, set_up, tear_down),
      cmocka_unit_test_setup_teardown(graph_scan__doubts_other_callers_of_the_saver, set_up, tear_down),
      cmocka_unit_test_setup_teardown(graph_scan__reports_what_is_asked_for, set_up, tear_down),
      cmocka_unit_test_setup_teardown(graph_scan__ends_when_it_is_told_to, set_up, tear_down),
      cmocka_unit_test_setup_teardown(graph_scan__refuses_damage, set_up, tear_down),
      cmocka_unit_test_setup_teardown(graph_scan__survives_every_failed_allocation, set_up, tear_down),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
