/* FunctionSpec: what Python calls a function with. Source: python/saved_model/function_deserialization.py,
 * _deserialize_function_spec_as_nonmethod; inspect.FullArgSpec of Python. */
#include <savedmodel/pb/struct.pb-c.h>

#include "objects/objects_internal.h"

/* A FullArgSpec while it is taken apart. */
typedef struct argspec {
  const sm_structured *tuple;
  sm_arena *arena;
  sm_error *err;
} argspec;

static sm_status fail(const argspec *a, const char *field, const char *expected) {
  return SM_FAIL(a->err, SM_DATA_LOSS, "fullargspec: %s is not %s", field, expected);
}

/* A field; None where there is no such field. */
static const sm_structured *find_field(const argspec *a, const char *name) {
  static const sm_structured none = {.kind = SM_STRUCTURED_NONE, .text = ""};
  for (size_t i = 0; i < a->tuple->n_items; i++)
    if (strcmp(a->tuple->keys[i], name) == 0) return &a->tuple->items[i];
  return &none;
}

static bool is_sequence(const sm_structured *value) {
  return value->kind == SM_STRUCTURED_LIST || value->kind == SM_STRUCTURED_TUPLE;
}

static sm_status read_name(const char **out, const argspec *a, const char *field) {
  const sm_structured *value = find_field(a, field);
  if (value->kind == SM_STRUCTURED_STRING) *out = value->text;
  return value->kind == SM_STRUCTURED_STRING || value->kind == SM_STRUCTURED_NONE ? SM_OK
                                                                                  : fail(a, field, "a name, or None");
}

/* A list of names as parameters without defaults. */
static sm_status read_names(sm_parameter **out, size_t *n, const argspec *a, const char *field) {
  const sm_structured *names = find_field(a, field);
  *n = names->n_items;
  if (!is_sequence(names) && names->kind != SM_STRUCTURED_NONE) return fail(a, field, "a list of names");
  *out = sm_arena_array(a->arena, sm_parameter, *n);
  if (*out == NULL) return sm_arena_fail(a->arena, *n * sizeof **out, a->err);
  for (size_t i = 0; i < *n; i++) {
    if (names->items[i].kind != SM_STRUCTURED_STRING) return fail(a, field, "a list of names");
    (*out)[i].name = names->items[i].text;
  }
  return SM_OK;
}

/* Those of the last parameters. */
static sm_status read_defaults(sm_parameter *parameters, size_t n, const argspec *a) {
  const sm_structured *defaults = find_field(a, "defaults");
  if (defaults->kind == SM_STRUCTURED_NONE) return SM_OK;
  if (!is_sequence(defaults)) return fail(a, "defaults", "a tuple, or None");
  if (defaults->n_items > n) return fail(a, "defaults", "as long as args, or shorter");
  for (size_t i = 0; i < defaults->n_items; i++)
    parameters[n - defaults->n_items + i].default_value = &defaults->items[i];
  return SM_OK;
}

/* Both are as long as the file makes them, so neither is searched for each of the other. */
static bool parameter_less(const void *a, const void *b) {
  return strcmp((*(sm_parameter *const *)a)->name, (*(sm_parameter *const *)b)->name) < 0;
}

static sm_status read_keyword_defaults(sm_parameter *parameters, size_t n, const argspec *a) {
  const sm_structured *defaults = find_field(a, "kwonlydefaults"); /* sorted by key */
  if (defaults->kind == SM_STRUCTURED_NONE) return SM_OK;
  if (defaults->kind != SM_STRUCTURED_DICT) return fail(a, "kwonlydefaults", "a dict, or None");
  sm_parameter **sorted = sm_arena_array(a->arena, sm_parameter *, n);
  if (sorted == NULL) return sm_arena_fail(a->arena, n * sizeof *sorted, a->err);
  for (size_t i = 0; i < n; i++) sorted[i] = &parameters[i];
  sm_sort(sorted, n, sizeof *sorted, parameter_less);
  for (size_t i = 0, d = 0; i < n && d < defaults->n_items;) {
    int order = strcmp(sorted[i]->name, defaults->keys[d]);
    if (order == 0) sorted[i]->default_value = &defaults->items[d];
    i += order <= 0;
    d += order > 0;
  }
  return SM_OK;
}

static sm_status drop_self(sm_function_spec *spec, const argspec *a) {
  bool is_named_self = spec->n_parameters != 0 && strcmp(spec->parameters[0].name, "self") == 0;
  if (!spec->is_method && !is_named_self) return SM_OK;
  if (spec->n_parameters == 0) return fail(a, "args", "the one of a method, which has at least self");
  spec->parameters++;
  spec->n_parameters--;
  return SM_OK;
}

static sm_status read_argspec(sm_function_spec *spec, const argspec *a) {
  sm_parameter *parameters, *keyword_only;
  if (a->tuple->kind != SM_STRUCTURED_NAMED_TUPLE) return fail(a, "it", "a named tuple");
  SM_TRY(read_names(&parameters, &spec->n_parameters, a, "args"));
  SM_TRY(read_defaults(parameters, spec->n_parameters, a));
  SM_TRY(read_names(&keyword_only, &spec->n_keyword_only, a, "kwonlyargs"));
  SM_TRY(read_keyword_defaults(keyword_only, spec->n_keyword_only, a));
  SM_TRY(read_name(&spec->varargs, a, "varargs"));
  SM_TRY(read_name(&spec->varkw, a, "varkw"));
  const sm_structured *annotations = find_field(a, "annotations");
  if (annotations->kind == SM_STRUCTURED_DICT) spec->annotations = annotations;
  spec->parameters = parameters;
  spec->keyword_only = keyword_only;
  return drop_self(spec, a);
}

sm_status sm_function_spec_new(const sm_function_spec **out, const Tensorflow__FunctionSpec *proto, sm_arena *arena,
                               sm_error *err) {
  *out = NULL;
  if (proto == NULL) return SM_OK;
  sm_function_spec *made = sm_arena_new(arena, sm_function_spec);
  if (made == NULL) return sm_arena_fail(arena, sizeof *made, err);
  made->is_method = proto->is_method != 0;
  made->jit_compile = (sm_jit_compile)proto->jit_compile;
  SM_TRY(sm_structured_new(&made->full_argspec, proto->fullargspec, arena, err));
  SM_TRY(sm_structured_new(&made->input_signature, proto->input_signature, arena, err));
  if (made->input_signature != NULL && made->input_signature->kind == SM_STRUCTURED_NONE) made->input_signature = NULL;
  if (made->full_argspec != NULL && made->full_argspec->kind != SM_STRUCTURED_NONE)
    SM_TRY(read_argspec(made, &(argspec){made->full_argspec, arena, err}));
  *out = made;
  return SM_OK;
}
