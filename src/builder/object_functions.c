/* Functions of objects: their traces, and what Python knows of their parameters. */
#include "builder/built_objects.h"

static sm_status make_functions(sm_built_functions *out, sm_object_graph *objects, const char *name,
                                const sm_traced_function *function, sm_error *err) {
  const sm_function_spec *spec = function->spec;
  bool is_fixed = spec != NULL ? spec->input_signature != NULL : function->is_fixed;
  *out = (sm_built_functions){.n = function->n_traces, .is_fixed = is_fixed};
  out->items = sm_arena_array(&objects->arena, sm_built_function, out->n);
  if (out->items == NULL) return sm_arena_fail(&objects->arena, out->n * sizeof *out->items, err);
  if (spec == NULL && is_fixed && out->n != 1)
    return SM_FAIL(err, SM_INVALID_ARGUMENT, "a function with an input signature, and %zu traces", out->n);
  for (size_t i = 0; i < out->n; i++)
    SM_TRY(sm_built_add_trace(&out->items[i], objects, name, &function->traces[i], err));
  if (spec != NULL) return sm_built_make_parameters(&out->parameters, objects, spec, err);
  return sm_built_derive_parameters(&out->parameters, objects, function, out->n != 0 ? out->items : NULL, err);
}

sm_status sm_object_graph_add_function(int32_t *out, sm_object_graph *objects, int32_t parent, const char *name,
                                       const sm_traced_function *function, sm_error *err) {
  sm_built_object *object;
  sm_built_functions functions;
  if (name == NULL) name = "";
  sm_status status = make_functions(&functions, objects, name, function, err);
  if (status != SM_OK) sm_error_add_place(err, sm_built_place_below(objects, parent, name).text);
  SM_TRY(status);
  SM_TRY(sm_built_add(&object, out, objects, parent, name, SM_BUILT_FUNCTION, err));
  object->functions = functions;
  return SM_OK;
}
