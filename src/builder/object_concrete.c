/* Concrete functions that are objects, and how they are called. Source: python/eager/polymorphic_function/
 * polymorphic_function.py, Function.get_concrete_function, where _arg_keywords and _num_positional_args are set. */
#include "builder/built_objects.h"

/* The name of an argument, with the first number that makes it another one than those before it. */
static sm_status name_argument(const char **out, sm_name_index *names, sm_object_graph *objects, const char *wanted,
                               sm_error *err) {
  enum { N_SMALL = 16 };
  *out = wanted;
  for (size_t k = 1; sm_name_index_find(names, sm_string_of(*out)) != SIZE_MAX; k++) {
    if (k == N_SMALL) k = names->n; /* so many have such numbers that a search would take n * n steps */
    SM_TRY(sm_built_print(out, &objects->arena, err, "%s_%zu", wanted, k));
  }
  return sm_name_index_add(names, sm_string_of(*out), err);
}

static sm_status number_arguments(const char **out, sm_name_index *names, sm_object_graph *objects,
                                  const sm_built_argument *arguments, size_t n, sm_error *err) {
  for (size_t i = 0; i < n; i++) SM_TRY(name_argument(&out[i], names, objects, arguments[i].base, err));
  return SM_OK;
}

sm_status sm_built_call(sm_built_calling *out, sm_object_graph *objects, const sm_built_function *function,
                        const sm_built_parameters *parameters, sm_error *err) {
  sm_name_index names;
  sm_built_argument *arguments;
  const char **keywords = sm_arena_array(&objects->arena, const char *, function->n_in);
  if (keywords == NULL) return sm_arena_fail(&objects->arena, function->n_in * sizeof *keywords, err);
  SM_TRY(sm_built_list_arguments(&arguments, objects, function, parameters, err));
  sm_name_index_init(&names, objects->allocator);
  sm_status status = number_arguments(keywords, &names, objects, arguments, function->n_in, err);
  sm_name_index_free(&names);
  *out = (sm_built_calling){.keywords = keywords, .n_positional = function->n_in};
  return status;
}

static sm_status copy_calling(sm_built_calling *out, sm_object_graph *objects, const sm_built_function *function,
                              const sm_built_parameters *parameters, const sm_bare_function *given, sm_error *err) {
  size_t n = given->n_argument_keywords;
  if (given->argument_keywords == NULL) return sm_built_call(out, objects, function, parameters, err);
  if (n != function->n_in)
    return SM_FAIL(err, SM_INVALID_ARGUMENT, "%.*s: %zu keywords for %zu arguments", SM_SHOWN(function->name), n,
                   function->n_in);
  if (given->allowed_positional_arguments < 0 || (uint64_t)given->allowed_positional_arguments > n)
    return SM_FAIL(err, SM_INVALID_ARGUMENT, "%.*s: %lld arguments may go without a name, and there are %zu",
                   SM_SHOWN(function->name), (long long)given->allowed_positional_arguments, n);
  const char **keywords = sm_arena_array(&objects->arena, const char *, n);
  if (keywords == NULL) return sm_arena_fail(&objects->arena, n * sizeof *keywords, err);
  for (size_t i = 0; i < n; i++) {
    sm_string copy;
    SM_TRY(sm_built_copy(&copy, objects, given->argument_keywords[i], err));
    keywords[i] = copy.data;
  }
  *out = (sm_built_calling){.keywords = keywords, .n_positional = (size_t)given->allowed_positional_arguments};
  return SM_OK;
}

static sm_status make_function(sm_built_functions *out, sm_built_calling *calling, sm_object_graph *objects,
                               const char *name, const sm_bare_function *function, sm_error *err) {
  sm_built_function *made = sm_arena_new(&objects->arena, sm_built_function);
  if (made == NULL) return sm_arena_fail(&objects->arena, sizeof *made, err);
  *out = (sm_built_functions){.items = made, .n = 1};
  SM_TRY(sm_built_add_trace(made, objects, name, &function->trace, err));
  SM_TRY(function->spec != NULL
             ? sm_built_make_parameters(&out->parameters, objects, function->spec, err)
             : sm_built_derive_parameters(&out->parameters, objects, &(sm_traced_function){.n_traces = 1}, made, err));
  return copy_calling(calling, objects, made, &out->parameters, function, err);
}

sm_status sm_object_graph_add_concrete_function(int32_t *out, sm_object_graph *objects, int32_t parent,
                                                const char *name, const sm_bare_function *function, sm_error *err) {
  sm_built_object *object;
  sm_built_functions functions;
  sm_built_calling calling;
  if (name == NULL) name = "";
  sm_status status = make_function(&functions, &calling, objects, name, function, err);
  if (status != SM_OK) sm_error_add_place(err, sm_built_place_below(objects, parent, name).text);
  SM_TRY(status);
  SM_TRY(sm_built_add(&object, out, objects, parent, name, SM_BUILT_CONCRETE_FUNCTION, err));
  object->functions = functions;
  object->calling = calling;
  if (function->spec != NULL) object->calling.parameters = &object->functions.parameters;
  return SM_OK;
}
