/* Traces: FunctionDefs that are given or cut out of graphs, with what Python passes them. */
#include "builder/object_trace.h"
#include "graph/regular.h"

/* ---- FunctionDefs that are given ---- */

/* The names of dicts have to be in order, as results are. */
static sm_status name_results(sm_function_tensor *out, const sm_tracing *t, sm_error *err) {
  for (size_t i = 0; i < t->type.n_outputs; i++) {
    const char *name = sm_arena_copy(t->scratch, t->type.outputs[i].name).data;
    if (name == NULL) return sm_arena_fail(t->scratch, t->type.outputs[i].name.size + 1, err);
    out[i] = (sm_function_tensor){.name = name, .dtype = t->type.outputs[i].dtype, .rank = -1};
  }
  return SM_OK;
}

static sm_status name_arguments(sm_function_tensor *out, const sm_tracing *t, size_t n, sm_error *err) {
  for (size_t i = 0; i < n; i++) {
    const char *name = sm_arena_copy(t->scratch, t->type.inputs[i].name).data;
    if (name == NULL) return sm_arena_fail(t->scratch, t->type.inputs[i].name.size + 1, err);
    out[i] = (sm_function_tensor){.name = name, .dtype = t->type.inputs[i].dtype, .rank = -1};
  }
  return SM_OK;
}

static sm_status find_function(sm_tracing *t, sm_error *err) {
  int64_t uid;
  sm_string name = sm_string_of(t->trace->function);
  size_t i = sm_name_index_find(&t->objects->function_names, name);
  if (i == SIZE_MAX) return SM_FAIL(err, SM_INVALID_ARGUMENT, "no library has such a function");
  if (!sm_function_get_uid(&uid, name))
    return SM_FAIL(err, SM_INVALID_ARGUMENT, "the name does not end in \"_NUMBER\", as fingerprints want it");
  const sm_graph_function *function = &t->objects->functions[i];
  t->source = (sm_wire_source){.name = function->name.data, .bytes = function->def};
  t->out->name = function->name;
  return sm_function_read_type(&t->type, function->def, &t->source, t->scratch, err);
}

static sm_status copy_captures(sm_tracing *t, sm_error *err) {
  size_t n = t->trace->n_captures;
  int32_t *captures = sm_arena_array(&t->objects->arena, int32_t, n);
  if (captures == NULL) return sm_arena_fail(&t->objects->arena, n * sizeof *captures, err);
  for (size_t i = 0; i < n; i++) captures[i] = t->trace->captures[i].object;
  t->out->captures = captures;
  t->out->n_captures = n;
  return SM_OK;
}

/* Dicts that are derived are sorted: then results and arguments have to be, too. */
static sm_status check_sorted(const sm_tracing *t, sm_error *err) {
  const sm_structured *outputs = &t->out->outputs;
  if (t->trace->output_structure != NULL || outputs->kind != SM_STRUCTURED_DICT) return SM_OK;
  for (size_t i = 1; i < t->trace->n_outputs; i++)
    if (strcmp(t->trace->outputs[i - 1].name, t->trace->outputs[i].name) > 0)
      return SM_FAIL(err, SM_INVALID_ARGUMENT,
                     "its results are not in the order of their names, as those of a dict have to be");
  return SM_OK;
}

static sm_status take_function(sm_tracing *t, sm_error *err) {
  SM_TRY(find_function(t, err));
  SM_TRY(copy_captures(t, err));
  sm_trace *known = sm_arena_new(t->scratch, sm_trace);
  sm_function_tensor *names = sm_arena_array(t->scratch, sm_function_tensor, t->type.n_inputs + t->type.n_outputs);
  if (known == NULL || names == NULL) return sm_arena_fail(t->scratch, sizeof *known, err);
  *known = *t->trace;
  if (t->type.n_inputs < known->n_captures)
    return SM_FAIL(err, SM_INVALID_ARGUMENT, "it has %zu arguments, and captures %zu objects", t->type.n_inputs,
                   known->n_captures);
  if (known->inputs == NULL && known->input_structure == NULL) {
    known->n_inputs = t->type.n_inputs - known->n_captures;
    SM_TRY(name_arguments(names, t, known->n_inputs, err));
    known->inputs = names;
  }
  if (known->outputs == NULL && known->output_structure == NULL) {
    known->n_outputs = t->type.n_outputs;
    SM_TRY(name_results(names + t->type.n_inputs, t, err));
    known->outputs = names + t->type.n_inputs;
  }
  t->trace = known;
  SM_TRY(sm_tracing_make_inputs(t, err));
  SM_TRY(sm_tracing_make_outputs(t, err));
  return check_sorted(t, err);
}

/* ---- Both ---- */

/* Specs without a dtype get that of the FunctionDef; the specs are ours, in the arena. */
static sm_status check_specs(const sm_structured *const *specs, const sm_function_arg *args, size_t n, const char *what,
                             sm_error *err) {
  for (size_t i = 0; i < n; i++) {
    sm_structured *spec = (sm_structured *)specs[i];
    if (spec->dtype == SM_DT_INVALID) spec->dtype = args[i].dtype;
    if (spec->dtype == args[i].dtype) continue;
    return SM_FAIL(err, SM_INVALID_ARGUMENT, "%s %zu, \"%.100s\", is of dtype %s, not %s", what, i, spec->text,
                   sm_dtype_python_name(args[i].dtype), sm_dtype_python_name(spec->dtype));
  }
  return SM_OK;
}

static sm_status check_captures(const sm_tracing *t, sm_error *err) {
  sm_dtype dtype;
  for (size_t i = 0; i < t->out->n_captures; i++) {
    const sm_function_arg *arg = &t->type.inputs[t->out->n_in + i];
    const char *named = t->trace->function != NULL ? t->trace->captures[i].node : NULL;
    if (named != NULL && !sm_string_equal(arg->name, sm_string_of(named)))
      return SM_FAIL(err, SM_INVALID_ARGUMENT, "capture %zu is for %.100s, and that argument is %.*s", i, named,
                     SM_SHOWN(arg->name));
    SM_TRY(sm_tracing_get_capture_dtype(&dtype, t, t->out->captures[i], err));
    if (dtype == arg->dtype || dtype == SM_DT_INVALID) continue;
    return SM_FAIL(err, SM_INVALID_ARGUMENT, "argument %.*s is of dtype %s, and %s is captured for it",
                   SM_SHOWN(arg->name), sm_dtype_python_name(arg->dtype),
                   sm_built_place_of(t->objects, t->out->captures[i]).text);
  }
  return SM_OK;
}

static sm_status check_trace(const sm_tracing *t, sm_error *err) {
  const sm_built_function *f = t->out;
  if (f->n_in + f->n_captures != t->type.n_inputs || f->n_out != t->type.n_outputs)
    return SM_FAIL(err, SM_INVALID_ARGUMENT,
                   "it has %zu arguments and %zu results, not %zu inputs, %zu captures and %zu outputs",
                   t->type.n_inputs, t->type.n_outputs, f->n_in, f->n_captures, f->n_out);
  SM_TRY(check_specs(f->in, t->type.inputs, f->n_in, "input", err));
  SM_TRY(check_specs(f->out, t->type.outputs, f->n_out, "output", err));
  return check_captures(t, err);
}

sm_status sm_built_add_trace(sm_built_function *out, sm_object_graph *objects, const char *name, const sm_trace *trace,
                             sm_error *err) {
  sm_arena scratch;
  sm_tracing t = {.objects = objects, .trace = trace, .name = name, .out = out, .scratch = &scratch};
  sm_arena_init(&scratch, objects->allocator, UINT64_MAX);
  bool is_given = trace->function != NULL;
  sm_status status = is_given ? take_function(&t, err) : sm_tracing_cut(&t, err);
  bool is_named = status != SM_OK && !is_given; /* what cannot be cut says so itself */
  if (status == SM_OK) status = sm_built_flatten(out, objects, err);
  if (status == SM_OK) status = check_trace(&t, err);
  if (status != SM_OK && !is_named) sm_error_add_place(err, is_given ? trace->function : out->name.data);
  sm_arena_free(&scratch);
  return status;
}
