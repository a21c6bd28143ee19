/* Functions that are cut out of the graph of a trace. */
#include "builder/object_trace.h"

static bool is_called(const sm_function_tensor *tensor, const char *name) {
  return tensor->name != NULL && strcmp(tensor->name, name) == 0;
}

static sm_status find_tensor(sm_cut_arg *out, const sm_function_tensor *tensors, size_t n, const sm_structured *spec,
                             size_t position, const char *what, sm_error *err) {
  size_t i = 0;
  if (*spec->text == '\0' || (position < n && is_called(&tensors[position], spec->text)))
    i = position; /* several may have one name */
  else
    while (i < n && !is_called(&tensors[i], spec->text)) i++;
  if (i >= n || tensors[i].tensor == NULL)
    return SM_FAIL(err, SM_INVALID_ARGUMENT, "%s %.200s is no tensor of the graph", what, spec->text);
  *out = (sm_cut_arg){sm_string_of(spec->text), sm_string_of(tensors[i].tensor), spec->dtype};
  return SM_OK;
}

static sm_status find_tensors(const sm_cut_arg **out, sm_tracing *t, const sm_structured *const *specs, size_t n_specs,
                              const sm_function_tensor *tensors, size_t n, const char *what, sm_error *err) {
  sm_cut_arg *args = sm_arena_array(t->scratch, sm_cut_arg, n_specs);
  if (args == NULL) return sm_arena_fail(t->scratch, n_specs * sizeof *args, err);
  if (n_specs != n) return SM_FAIL(err, SM_INVALID_ARGUMENT, "%zu %ss, and a structure of %zu", n, what, n_specs);
  for (size_t i = 0; i < n; i++) SM_TRY(find_tensor(&args[i], tensors, n, specs[i], i, what, err));
  *out = args;
  return SM_OK;
}

static sm_status list_captures(sm_cut_spec *spec, sm_tracing *t, sm_error *err) {
  size_t n = t->trace->n_captures;
  sm_cut_arg *args = sm_arena_array(t->scratch, sm_cut_arg, n);
  if (args == NULL) return sm_arena_fail(t->scratch, n * sizeof *args, err);
  for (size_t i = 0; i < n; i++) {
    const sm_function_capture *capture = &t->trace->captures[i];
    if (capture->node == NULL) return SM_FAIL(err, SM_INVALID_ARGUMENT, "capture %zu names no node", i);
    args[i].tensor = sm_string_of(capture->node);
    SM_TRY(sm_tracing_get_capture_dtype(&args[i].dtype, t, capture->object, err));
  }
  spec->captures = args;
  spec->n_captures = n;
  return SM_OK;
}

static sm_status list_controls(sm_cut_spec *spec, sm_tracing *t, sm_error *err) {
  size_t n = t->trace->n_control_outputs;
  sm_string *controls = sm_arena_array(t->scratch, sm_string, n);
  if (controls == NULL) return sm_arena_fail(t->scratch, n * sizeof *controls, err);
  for (size_t i = 0; i < n; i++) controls[i] = sm_string_of(t->trace->control_outputs[i]);
  spec->controls = controls;
  spec->n_controls = n;
  return SM_OK;
}

/* The captures that the function was found to need. */
static sm_status keep_captures(sm_tracing *t, const sm_cut *cut, sm_error *err) {
  int32_t *captures = sm_arena_array(&t->objects->arena, int32_t, cut->n_captures);
  if (captures == NULL) return sm_arena_fail(&t->objects->arena, cut->n_captures * sizeof *captures, err);
  for (size_t i = 0; i < cut->n_captures; i++) captures[i] = t->trace->captures[cut->captures[i]].object;
  t->out->captures = captures;
  t->out->n_captures = cut->n_captures;
  return SM_OK;
}

static sm_status cut_with(sm_tracing *t, sm_op_defs *defs, const sm_cut_spec *spec, sm_error *err) {
  const sm_spans graph_def = {&t->source.bytes, 1};
  const sm_span op_list = {t->objects->op_list.data, t->objects->op_list.size};
  sm_graph_library library;
  sm_cut_graph graph;
  sm_cut cut;
  SM_TRY(sm_graph_index_functions(&library, graph_def, &t->source, t->scratch, err));
  SM_TRY(sm_op_defs_add(defs, (sm_spans){&op_list, 1}, &library, &t->source, err));
  SM_TRY(sm_cut_graph_init(&graph, graph_def, &library, defs, &t->source, t->scratch, err));
  SM_TRY(sm_cut_function(&cut, &graph, spec, err));
  SM_TRY(sm_object_graph_add_library(t->objects, t->trace->graph_def, err));
  SM_TRY(sm_built_library_put(t->objects, spec->name,
                              (sm_span){(const uint8_t *)cut.function_def.data, cut.function_def.size}, err));
  t->type = cut.type;
  return keep_captures(t, &cut, err);
}

sm_status sm_tracing_cut(sm_tracing *t, sm_error *err) {
  const sm_trace *trace = t->trace;
  sm_cut_spec spec = {.name = {NULL, 0}};
  sm_op_defs defs;
  t->source =
      (sm_wire_source){.name = "graph_def", .bytes = {(const uint8_t *)trace->graph_def.data, trace->graph_def.size}};
  SM_TRY(sm_tracing_make_inputs(t, err));
  SM_TRY(sm_tracing_make_outputs(t, err));
  SM_TRY(sm_built_flatten(t->out, t->objects, err));
  SM_TRY(find_tensors(&spec.inputs, t, t->out->in, t->out->n_in, trace->inputs, trace->n_inputs, "input", err));
  SM_TRY(find_tensors(&spec.outputs, t, t->out->out, t->out->n_out, trace->outputs, trace->n_outputs, "output", err));
  spec.n_inputs = t->out->n_in;
  spec.n_outputs = t->out->n_out;
  SM_TRY(list_captures(&spec, t, err));
  SM_TRY(list_controls(&spec, t, err));
  SM_TRY(sm_built_name_function(&t->out->name, t->objects, t->name, err));
  spec.name = t->out->name;
  sm_op_defs_init(&defs, t->objects->allocator, UINT64_MAX);
  sm_status status = cut_with(t, &defs, &spec, err);
  sm_op_defs_free(&defs);
  return status;
}
