/* What Python passes to a trace, and what it gets. */
#include "builder/object_trace.h"

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

sm_status sm_tracing_make_inputs(sm_tracing *t, sm_error *err) {
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
static sm_status make_dict(sm_structured *out, sm_tracing *t, sm_structured *specs, sm_error *err) {
  size_t n = t->trace->n_outputs;
  const char **keys = sm_arena_array(&t->objects->arena, const char *, n);
  if (keys == NULL) return sm_arena_fail(&t->objects->arena, n * sizeof *keys, err);
  for (size_t i = 0; i < n; i++) keys[i] = t->trace->outputs[i].name;
  *out = (sm_structured){.kind = SM_STRUCTURED_DICT, .items = specs, .n_items = n, .keys = keys};
  return SM_OK;
}

sm_status sm_tracing_make_outputs(sm_tracing *t, sm_error *err) {
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
