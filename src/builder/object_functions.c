/* Functions of objects: FunctionDefs that are given or cut out of graphs, and what Python knows of their arguments. */
#include "builder/built_objects.h"
#include "graph/regular.h"

/* A trace being taken over. */
typedef struct tracing {
  sm_object_graph *objects;
  const sm_trace *trace;
  const char *name; /* of the function, for the FunctionDef's */
  sm_built_function *out;
  sm_arena *scratch;
  sm_wire_source source;
  sm_function_type type; /* of the FunctionDef */
} tracing;

/* ---- Structures ---- */

sm_structured sm_built_spec(const char *name, sm_dtype dtype, sm_shape shape) {
  return (sm_structured){
      .kind = SM_STRUCTURED_TENSOR_SPEC, .text = name, .dtype = dtype, .rank = shape.rank, .dims = shape.dims};
}

sm_status sm_built_arguments(sm_structured *out, sm_object_graph *objects, const sm_structured *items, size_t n,
                             sm_error *err) {
  sm_structured *both = sm_arena_array(&objects->arena, sm_structured, 2);
  if (both == NULL) return sm_arena_fail(&objects->arena, 2 * sizeof *both, err);
  both[0] = (sm_structured){.kind = SM_STRUCTURED_TUPLE, .items = items, .n_items = n};
  both[1] = (sm_structured){.kind = SM_STRUCTURED_DICT};
  *out = (sm_structured){.kind = SM_STRUCTURED_TUPLE, .items = both, .n_items = 2};
  return SM_OK;
}

static sm_structured spec_of(const sm_function_tensor *tensor) {
  return sm_built_spec(tensor->name != NULL ? tensor->name : "", tensor->dtype, (sm_shape){tensor->rank, tensor->dims});
}

static sm_status specs_of(sm_structured **out, sm_object_graph *objects, const sm_function_tensor *tensors, size_t n,
                          sm_error *err) {
  *out = sm_arena_array(&objects->arena, sm_structured, n);
  if (*out == NULL) return sm_arena_fail(&objects->arena, n * sizeof **out, err);
  for (size_t i = 0; i < n; i++) (*out)[i] = spec_of(&tensors[i]);
  return SM_OK;
}

static sm_status make_inputs(tracing *t, sm_error *err) {
  sm_structured derived, *specs;
  const sm_structured *given = t->trace->input_structure;
  if (given == NULL) {
    SM_TRY(specs_of(&specs, t->objects, t->trace->inputs, t->trace->n_inputs, err));
    SM_TRY(sm_built_arguments(&derived, t->objects, specs, t->trace->n_inputs, err));
    given = &derived;
  }
  SM_TRY(sm_structured_copy(&t->out->inputs, given, &t->objects->arena, err));
  const sm_structured *copy = &t->out->inputs;
  bool is_sound = copy->kind == SM_STRUCTURED_TUPLE && copy->n_items == 2 &&
                  copy->items[0].kind == SM_STRUCTURED_TUPLE && copy->items[1].kind == SM_STRUCTURED_DICT;
  return is_sound ? SM_OK : SM_FAIL(err, SM_INVALID_ARGUMENT, "input_structure is no tuple of a tuple and a dict");
}

/* All have names: a dict. */
static sm_status make_dict(sm_structured *out, tracing *t, sm_structured *specs, sm_error *err) {
  size_t n = t->trace->n_outputs;
  const char **keys = sm_arena_array(&t->objects->arena, const char *, n);
  if (keys == NULL) return sm_arena_fail(&t->objects->arena, n * sizeof *keys, err);
  for (size_t i = 0; i < n; i++) keys[i] = t->trace->outputs[i].name;
  *out = (sm_structured){.kind = SM_STRUCTURED_DICT, .items = specs, .n_items = n, .keys = keys};
  return SM_OK;
}

static sm_status make_outputs(tracing *t, sm_error *err) {
  const sm_trace *trace = t->trace;
  sm_structured derived = {.kind = SM_STRUCTURED_NONE}, *specs;
  size_t n = trace->n_outputs, n_named = 0;
  for (size_t i = 0; i < n; i++) n_named += trace->outputs[i].name != NULL;
  if (trace->output_structure == NULL && n != 0) {
    SM_TRY(specs_of(&specs, t->objects, trace->outputs, n, err));
    if (n_named != 0 && n_named != n)
      return SM_FAIL(err, SM_INVALID_ARGUMENT, "some outputs have names, some have none");
    if (n_named != 0)
      SM_TRY(make_dict(&derived, t, specs, err));
    else
      derived = n == 1 ? specs[0] : (sm_structured){.kind = SM_STRUCTURED_TUPLE, .items = specs, .n_items = n};
  }
  const sm_structured *given = trace->output_structure != NULL ? trace->output_structure : &derived;
  return sm_structured_copy(&t->out->outputs, given, &t->objects->arena, err);
}

sm_status sm_built_flatten(sm_built_function *function, sm_object_graph *objects, sm_error *err) {
  SM_TRY(sm_structured_flatten(&function->in, &function->n_in, &function->inputs, &objects->arena, err));
  return sm_structured_flatten(&function->out, &function->n_out, &function->outputs, &objects->arena, err);
}

/* ---- Captures ---- */

sm_dtype sm_built_capture_dtype(const sm_built_object *object) {
  switch (object->kind) {
    case SM_BUILT_VARIABLE:
    case SM_BUILT_TABLE: return SM_DT_RESOURCE;
    case SM_BUILT_CONSTANT: return object->value.dtype;
    case SM_BUILT_ASSET: return SM_DT_STRING;
    default: return SM_DT_INVALID;
  }
}

static sm_status capture_dtype(sm_dtype *out, const tracing *t, int32_t number, sm_error *err) {
  sm_built_object *object;
  SM_TRY(sm_built_find(&object, t->objects, number, err));
  *out = sm_built_capture_dtype(object);
  if (*out != SM_DT_INVALID) return SM_OK;
  return SM_FAIL(err, SM_INVALID_ARGUMENT, "it captures %s, which is no variable, constant, asset or table",
                 sm_built_place_of(t->objects, number).text);
}

/* ---- FunctionDefs that are given ---- */

/* The names of dicts have to be in order, as results are. */
static sm_status name_results(sm_function_tensor *out, const tracing *t, sm_error *err) {
  for (size_t i = 0; i < t->type.n_outputs; i++) {
    const char *name = sm_arena_copy(t->scratch, t->type.outputs[i].name).data;
    if (name == NULL) return sm_arena_fail(t->scratch, t->type.outputs[i].name.size + 1, err);
    out[i] = (sm_function_tensor){.name = name, .dtype = t->type.outputs[i].dtype, .rank = -1};
  }
  return SM_OK;
}

static sm_status name_arguments(sm_function_tensor *out, const tracing *t, size_t n, sm_error *err) {
  for (size_t i = 0; i < n; i++) {
    const char *name = sm_arena_copy(t->scratch, t->type.inputs[i].name).data;
    if (name == NULL) return sm_arena_fail(t->scratch, t->type.inputs[i].name.size + 1, err);
    out[i] = (sm_function_tensor){.name = name, .dtype = t->type.inputs[i].dtype, .rank = -1};
  }
  return SM_OK;
}

static sm_status find_function(tracing *t, sm_error *err) {
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

static sm_status copy_captures(tracing *t, sm_error *err) {
  size_t n = t->trace->n_captures;
  int32_t *captures = sm_arena_array(&t->objects->arena, int32_t, n);
  if (captures == NULL) return sm_arena_fail(&t->objects->arena, n * sizeof *captures, err);
  for (size_t i = 0; i < n; i++) captures[i] = t->trace->captures[i].object;
  t->out->captures = captures;
  t->out->n_captures = n;
  return SM_OK;
}

/* Dicts that are derived are sorted: then results and arguments have to be, too. */
static sm_status check_sorted(const tracing *t, sm_error *err) {
  const sm_structured *outputs = &t->out->outputs;
  if (t->trace->output_structure != NULL || outputs->kind != SM_STRUCTURED_DICT) return SM_OK;
  for (size_t i = 1; i < t->trace->n_outputs; i++)
    if (strcmp(t->trace->outputs[i - 1].name, t->trace->outputs[i].name) > 0)
      return SM_FAIL(err, SM_INVALID_ARGUMENT,
                     "its results are not in the order of their names, as those of a dict have to be");
  return SM_OK;
}

static sm_status take_function(tracing *t, sm_error *err) {
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
  SM_TRY(make_inputs(t, err));
  SM_TRY(make_outputs(t, err));
  return check_sorted(t, err);
}

/* ---- FunctionDefs that are cut ---- */

static sm_status find_tensor(sm_cut_arg *out, const sm_function_tensor *tensors, size_t n, const sm_structured *spec,
                             size_t position, const char *what, sm_error *err) {
  size_t i = 0;
  if (*spec->text == '\0')
    i = position;
  else
    while (i < n && (tensors[i].name == NULL || strcmp(tensors[i].name, spec->text) != 0)) i++;
  if (i >= n || tensors[i].tensor == NULL)
    return SM_FAIL(err, SM_INVALID_ARGUMENT, "%s %.200s is no tensor of the graph", what, spec->text);
  *out = (sm_cut_arg){sm_string_of(spec->text), sm_string_of(tensors[i].tensor), spec->dtype};
  return SM_OK;
}

static sm_status find_tensors(const sm_cut_arg **out, tracing *t, const sm_structured *const *specs, size_t n_specs,
                              const sm_function_tensor *tensors, size_t n, const char *what, sm_error *err) {
  sm_cut_arg *args = sm_arena_array(t->scratch, sm_cut_arg, n_specs);
  if (args == NULL) return sm_arena_fail(t->scratch, n_specs * sizeof *args, err);
  if (n_specs != n) return SM_FAIL(err, SM_INVALID_ARGUMENT, "%zu %ss, and a structure of %zu", n, what, n_specs);
  for (size_t i = 0; i < n; i++) SM_TRY(find_tensor(&args[i], tensors, n, specs[i], i, what, err));
  *out = args;
  return SM_OK;
}

static sm_status list_captures(sm_cut_spec *spec, tracing *t, sm_error *err) {
  size_t n = t->trace->n_captures;
  sm_cut_arg *args = sm_arena_array(t->scratch, sm_cut_arg, n);
  if (args == NULL) return sm_arena_fail(t->scratch, n * sizeof *args, err);
  for (size_t i = 0; i < n; i++) {
    const sm_function_capture *capture = &t->trace->captures[i];
    if (capture->node == NULL) return SM_FAIL(err, SM_INVALID_ARGUMENT, "capture %zu names no node", i);
    args[i].tensor = sm_string_of(capture->node);
    SM_TRY(capture_dtype(&args[i].dtype, t, capture->object, err));
  }
  spec->captures = args;
  spec->n_captures = n;
  return SM_OK;
}

static sm_status list_controls(sm_cut_spec *spec, tracing *t, sm_error *err) {
  size_t n = t->trace->n_control_outputs;
  sm_string *controls = sm_arena_array(t->scratch, sm_string, n);
  if (controls == NULL) return sm_arena_fail(t->scratch, n * sizeof *controls, err);
  for (size_t i = 0; i < n; i++) controls[i] = sm_string_of(t->trace->control_outputs[i]);
  spec->controls = controls;
  spec->n_controls = n;
  return SM_OK;
}

/* The captures that the function was found to need. */
static sm_status keep_captures(tracing *t, const sm_cut *cut, sm_error *err) {
  int32_t *captures = sm_arena_array(&t->objects->arena, int32_t, cut->n_captures);
  if (captures == NULL) return sm_arena_fail(&t->objects->arena, cut->n_captures * sizeof *captures, err);
  for (size_t i = 0; i < cut->n_captures; i++) captures[i] = t->trace->captures[cut->captures[i]].object;
  t->out->captures = captures;
  t->out->n_captures = cut->n_captures;
  return SM_OK;
}

static sm_status cut_with(tracing *t, sm_op_defs *defs, const sm_cut_spec *spec, sm_error *err) {
  const sm_spans graph_def = {&t->source.bytes, 1};
  sm_graph_library library;
  sm_cut_graph graph;
  sm_cut cut;
  SM_TRY(sm_graph_index_functions(&library, graph_def, &t->source, t->scratch, err));
  SM_TRY(sm_op_defs_add(defs, (sm_spans){NULL, 0}, &library, &t->source, err));
  SM_TRY(sm_cut_graph_init(&graph, graph_def, &library, defs, &t->source, t->scratch, err));
  SM_TRY(sm_cut_function(&cut, &graph, spec, err));
  SM_TRY(sm_object_graph_add_library(t->objects, t->trace->graph_def, err));
  SM_TRY(sm_built_library_put(t->objects, spec->name,
                              (sm_span){(const uint8_t *)cut.function_def.data, cut.function_def.size}, err));
  t->type = cut.type;
  return keep_captures(t, &cut, err);
}

static sm_status cut_function(tracing *t, sm_error *err) {
  const sm_trace *trace = t->trace;
  sm_cut_spec spec = {.name = {NULL, 0}};
  sm_op_defs defs;
  t->source =
      (sm_wire_source){.name = "graph_def", .bytes = {(const uint8_t *)trace->graph_def.data, trace->graph_def.size}};
  SM_TRY(make_inputs(t, err));
  SM_TRY(make_outputs(t, err));
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

/* ---- Both ---- */

/* Specs without a dtype get that of the FunctionDef; the specs are ours, in the arena. */
static sm_status check_specs(const tracing *t, const sm_structured *const *specs, const sm_function_arg *args, size_t n,
                             const char *what, sm_error *err) {
  for (size_t i = 0; i < n; i++) {
    sm_structured *spec = (sm_structured *)specs[i];
    if (spec->dtype == SM_DT_INVALID) spec->dtype = args[i].dtype;
    if (spec->dtype == args[i].dtype) continue;
    return SM_FAIL(err, SM_INVALID_ARGUMENT, "function %.*s: %s %zu, \"%.100s\", is of dtype %s, not %s",
                   SM_SHOWN(t->out->name), what, i, spec->text, sm_dtype_python_name(args[i].dtype),
                   sm_dtype_python_name(spec->dtype));
  }
  return SM_OK;
}

static sm_status check_captures(const tracing *t, sm_error *err) {
  sm_dtype dtype;
  for (size_t i = 0; i < t->out->n_captures; i++) {
    const sm_function_arg *arg = &t->type.inputs[t->out->n_in + i];
    SM_TRY(capture_dtype(&dtype, t, t->out->captures[i], err));
    if (dtype == arg->dtype) continue;
    return SM_FAIL(err, SM_INVALID_ARGUMENT, "function %.*s: argument %.*s is of dtype %s, and %s is captured for it",
                   SM_SHOWN(t->out->name), SM_SHOWN(arg->name), sm_dtype_python_name(arg->dtype),
                   sm_built_place_of(t->objects, t->out->captures[i]).text);
  }
  return SM_OK;
}

static sm_status check_trace(const tracing *t, sm_error *err) {
  const sm_built_function *f = t->out;
  if (f->n_in + f->n_captures != t->type.n_inputs || f->n_out != t->type.n_outputs)
    return SM_FAIL(err, SM_INVALID_ARGUMENT,
                   "function %.*s has %zu arguments and %zu results, not %zu inputs, %zu captures and %zu outputs",
                   SM_SHOWN(f->name), t->type.n_inputs, t->type.n_outputs, f->n_in, f->n_captures, f->n_out);
  SM_TRY(check_specs(t, f->in, t->type.inputs, f->n_in, "input", err));
  SM_TRY(check_specs(t, f->out, t->type.outputs, f->n_out, "output", err));
  return check_captures(t, err);
}

static sm_status add_trace(sm_built_function *out, sm_object_graph *objects, const char *name, const sm_trace *trace,
                           sm_error *err) {
  sm_arena scratch;
  tracing t = {.objects = objects, .trace = trace, .name = name, .out = out, .scratch = &scratch};
  sm_arena_init(&scratch, objects->allocator, UINT64_MAX);
  sm_status status = trace->function != NULL ? take_function(&t, err) : cut_function(&t, err);
  if (status == SM_OK) status = sm_built_flatten(out, objects, err);
  if (status == SM_OK) status = check_trace(&t, err);
  if (status != SM_OK && trace->function != NULL) sm_error_add_place(err, trace->function);
  sm_arena_free(&scratch);
  return status;
}

/* ---- Parameters ---- */

static sm_structured text_value(const char *text) {
  return (sm_structured){.kind = SM_STRUCTURED_STRING, .text = text};
}

static sm_status fill_defaults(sm_structured *out, sm_object_graph *objects, const sm_parameter *parameters, size_t n,
                               sm_error *err) {
  size_t first = n;
  while (first > 0 && parameters[first - 1].default_value != NULL) first--;
  for (size_t i = 0; i < first; i++)
    if (parameters[i].default_value != NULL)
      return SM_FAIL(err, SM_INVALID_ARGUMENT, "parameter %.100s has a default, and one behind it has none",
                     parameters[i].name);
  if (first == n) return SM_OK;
  sm_structured *values = sm_arena_array(&objects->arena, sm_structured, n - first);
  if (values == NULL) return sm_arena_fail(&objects->arena, (n - first) * sizeof *values, err);
  for (size_t i = first; i < n; i++) values[i - first] = *parameters[i].default_value;
  *out = (sm_structured){.kind = SM_STRUCTURED_TUPLE, .items = values, .n_items = n - first};
  return SM_OK;
}

sm_status sm_built_argspec(sm_structured *out, sm_object_graph *objects, const sm_parameter *parameters, size_t n,
                           const char *const *keywords, size_t n_keywords, sm_error *err) {
  /* inspect.FullArgSpec (Python), whose fields are these. */
  static const char *const keys[] = {"args",       "varargs",        "varkw",      "defaults",
                                     "kwonlyargs", "kwonlydefaults", "annotations"};
  enum { ARGS = 0, DEFAULTS = 3, KWONLYARGS = 4, ANNOTATIONS = 6, N_FIELDS = 7 };
  sm_structured fields[N_FIELDS] = {{.kind = SM_STRUCTURED_NONE}};
  sm_structured *names = sm_arena_array(&objects->arena, sm_structured, n + n_keywords);
  if (names == NULL) return sm_arena_fail(&objects->arena, (n + n_keywords) * sizeof *names, err);
  for (size_t i = 0; i < n; i++) names[i] = text_value(parameters[i].name);
  for (size_t i = 0; i < n_keywords; i++) names[n + i] = text_value(keywords[i]);
  fields[ARGS] = (sm_structured){.kind = SM_STRUCTURED_LIST, .items = names, .n_items = n};
  fields[KWONLYARGS] = (sm_structured){.kind = SM_STRUCTURED_LIST, .items = names + n, .n_items = n_keywords};
  fields[ANNOTATIONS].kind = SM_STRUCTURED_DICT;
  SM_TRY(fill_defaults(&fields[DEFAULTS], objects, parameters, n, err));
  const sm_structured argspec = {
      .kind = SM_STRUCTURED_NAMED_TUPLE, .text = "FullArgSpec", .items = fields, .n_items = N_FIELDS, .keys = keys};
  return sm_structured_copy(out, &argspec, &objects->arena, err);
}

/* What the positional arguments of a trace are called. */
static sm_status derive_parameters(sm_parameter *out, sm_object_graph *objects, const sm_structured *positional,
                                   sm_error *err) {
  char word[128];
  for (size_t i = 0; i < positional->n_items; i++) {
    const sm_structured *item = &positional->items[i];
    bool has_name = item->kind == SM_STRUCTURED_TENSOR_SPEC && *item->text != '\0';
    sm_built_identifier(word, sizeof word, has_name ? item->text : "arg");
    SM_TRY(has_name ? sm_built_print(&out[i].name, &objects->arena, err, "%s", word)
                    : sm_built_print(&out[i].name, &objects->arena, err, "arg_%zu", i));
  }
  return SM_OK;
}

static sm_status make_argspec(sm_built_functions *out, sm_object_graph *objects, const sm_traced_function *function,
                              sm_error *err) {
  const sm_structured *inputs = &out->items[0].inputs, *keywords = &inputs->items[1];
  const sm_parameter *parameters = function->parameters;
  size_t n = function->n_parameters;
  if (parameters == NULL) {
    n = inputs->items[0].n_items;
    sm_parameter *derived = sm_arena_array(&objects->arena, sm_parameter, n);
    if (derived == NULL) return sm_arena_fail(&objects->arena, n * sizeof *derived, err);
    SM_TRY(derive_parameters(derived, objects, &inputs->items[0], err));
    parameters = derived;
  }
  return sm_built_argspec(&out->argspec, objects, parameters, n, keywords->keys, keywords->n_items, err);
}

static sm_status make_functions(sm_built_functions *out, sm_object_graph *objects, const char *name,
                                const sm_traced_function *function, sm_error *err) {
  *out = (sm_built_functions){.n = function->n_traces, .is_fixed = function->is_fixed};
  out->items = sm_arena_array(&objects->arena, sm_built_function, out->n);
  if (out->items == NULL) return sm_arena_fail(&objects->arena, out->n * sizeof *out->items, err);
  if (out->n == 0) return SM_FAIL(err, SM_INVALID_ARGUMENT, "a function without traces");
  if (out->is_fixed && out->n != 1)
    return SM_FAIL(err, SM_INVALID_ARGUMENT, "a function with an input signature, and %zu traces", out->n);
  for (size_t i = 0; i < out->n; i++) SM_TRY(add_trace(&out->items[i], objects, name, &function->traces[i], err));
  return make_argspec(out, objects, function, err);
}

sm_status sm_object_graph_add_function(int32_t *out, sm_object_graph *objects, int32_t parent, const char *name,
                                       const sm_traced_function *function, sm_error *err) {
  sm_built_object *object;
  sm_built_functions functions;
  sm_status status = make_functions(&functions, objects, name != NULL ? name : "", function, err);
  if (status == SM_OK) status = sm_built_add(&object, out, objects, parent, name, SM_BUILT_FUNCTION, err);
  if (status == SM_OK)
    object->functions = functions;
  else if (name != NULL)
    sm_error_add_place(err, name);
  return status;
}
