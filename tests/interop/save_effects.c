/* Functions whose operations no result needs, cut out of a graph: an assignment, an assertion, a print. */
#include "written_objects.h"

static const int64_t zero = 0;

static void add_text(sm_graph *graph, const char *name, const char *text) {
  CHECK(sm_graph_add_string(graph, name, text, &err));
}

static sm_graph *make_effects(void) {
  static const int64_t one = 1;
  static const float nothing = 0;
  sm_graph *graph;
  const sm_tensor_view one_more = scalar(SM_DT_INT64, &one, sizeof one);
  const sm_tensor_view least = scalar(SM_DT_FLOAT, &nothing, sizeof nothing);
  const sm_attr types = sm_attr_types("T", (sm_dtype[]){SM_DT_STRING}, 1);
  CHECK(sm_graph_new(&graph, NULL, &err));
  CHECK(sm_graph_add_placeholder(graph, "x", SM_DT_FLOAT, NULL, 0, &err));
  CHECK(sm_graph_add_variable(graph, "count", SM_DT_INT64, NULL, 0, &err));
  CHECK(sm_graph_add_const(graph, "one", &one_more, &err));
  CHECK(sm_graph_add_const(graph, "least", &least, &err));
  add_text(graph, "complaint", "x is not positive");
  add_text(graph, "word", "checked");
  CHECK(sm_graph_add(graph, "Greater", "positive", SM_NAMES("x", "least"), &err));
  CHECK(sm_graph_add_node(graph,
                          &(sm_node_spec){.op = "Assert",
                                          .name = "assert",
                                          .inputs = (const char *[]){"positive", "complaint"},
                                          .n_inputs = 2,
                                          .attrs = &types,
                                          .n_attrs = 1},
                          &err));
  CHECK(sm_graph_add(graph, "PrintV2", "print", SM_NAMES("word", "^assert"), &err));
  CHECK(sm_graph_add(graph, "AssignAddVariableOp", "grow", SM_NAMES("count", "one", "^print"), &err));
  CHECK(sm_graph_add(graph, "AddV2", "twice", SM_NAMES("x", "x"), &err));
  CHECK(sm_graph_add(graph, "Identity", "then", SM_NAMES("twice", "^grow"), &err));
  return graph;
}

/*
 *   listed() -> count
 *   checked(x) -> 2 x, if x is positive; prints and counts it: operations that are named
 *   linked(x) -> the same: operations that the result waits for
 */
void save_effects(const char *root) {
  sm_object_graph *objects = begin();
  sm_graph *graph = make_effects();
  const sm_function_tensor x = {.name = "x", .tensor = "x:0", .rank = 0};
  const sm_function_tensor twice = {.name = "y", .tensor = "twice", .rank = 0};
  const sm_function_tensor then = {.name = "y", .tensor = "then", .rank = 0};
  const sm_function_tensor count = {.name = "count", .tensor = "count/Read/ReadVariableOp", .rank = 0};
  const sm_tensor_view view = scalar(SM_DT_INT64, &zero, sizeof zero);
  sm_function_capture capture = {.node = "count"};
  CHECK(sm_object_graph_add_variable(&capture.object, objects, SM_OBJECT_ROOT, "count",
                                     &(sm_variable_spec){.value = &view}, &err));
  sm_trace trace = {
      .graph_def = def_of(graph), .outputs = &count, .n_outputs = 1, .captures = &capture, .n_captures = 1};
  add_function(objects, SM_OBJECT_ROOT, "listed", &trace, "listed");
  trace.inputs = &x;
  trace.n_inputs = 1;
  trace.outputs = &then;
  add_function(objects, SM_OBJECT_ROOT, "linked", &trace, "linked");
  trace.outputs = &twice;
  trace.control_outputs = (const char *[]){"grow"};
  trace.n_control_outputs = 1;
  add_function(objects, SM_OBJECT_ROOT, "checked", &trace, "checked");
  end(objects, root, "effects");
  sm_graph_free(graph);
}
