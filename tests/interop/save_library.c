/* Functions of save_library.pbtxt: those that are given, and those that are cut out of its nodes and call others. */
#include "written_objects.h"

/* Two objects have one FunctionDef. */
static void add_given(sm_object_graph *objects, int32_t total) {
  const sm_function_capture capture = {.object = total};
  sm_trace trace = {.function = "__inference_count_101", .captures = &capture, .n_captures = 1};
  add_function(objects, SM_OBJECT_ROOT, "count", &trace, "count");
  add_function(objects, SM_OBJECT_ROOT, "count_too", &trace, NULL);
  trace.function = "__inference_twice_counted_102";
  add_function(objects, SM_OBJECT_ROOT, "twice_counted", &trace, "twice_counted");
  trace.function = "__inference_quietly_counted_103";
  add_function(objects, SM_OBJECT_ROOT, "quietly_counted", &trace, "quietly_counted");
}

static void add_cut(sm_object_graph *objects, int32_t total, sm_string graph_def) {
  const sm_function_tensor x = {.name = "x", .tensor = "x", .rank = 0}, n = {.name = "n", .tensor = "n", .rank = 0};
  const sm_function_tensor flag = {.name = "flag", .tensor = "flag", .rank = 0};
  const sm_function_tensor power[] = {x, n}, choose[] = {flag, x};
  const sm_function_tensor product = {.name = "y", .tensor = "loop:2", .rank = 0};
  const sm_function_tensor either = {.name = "y", .tensor = "either", .rank = 0};
  const sm_function_capture capture = {"total", total};
  sm_trace trace = {.graph_def = graph_def, .inputs = power, .n_inputs = 2, .outputs = &product, .n_outputs = 1};
  add_function(objects, SM_OBJECT_ROOT, "power", &trace, "power");
  trace.inputs = choose;
  trace.outputs = &either;
  trace.captures = &capture;
  trace.n_captures = 1;
  add_function(objects, SM_OBJECT_ROOT, "choose", &trace, "choose");
}

void save_library(const char *root) {
  static const float zero = 0;
  sm_object_graph *objects = begin();
  sm_string graph_def = read_graph(SAVE_LIBRARY_TEXT);
  int32_t total = add_variable(objects, SM_OBJECT_ROOT, "total", &zero);
  CHECK(sm_object_graph_add_library(objects, graph_def, &err));
  add_given(objects, total);
  add_cut(objects, total, graph_def);
  end(objects, root, "library");
  sm_convert_free(&graph_def, NULL);
}
