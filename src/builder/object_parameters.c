/* What Python knows of the parameters of a function. Source: python/saved_model/function_serialization.py,
 * _serialize_function_spec; inspect.FullArgSpec of Python. */
#include "builder/built_objects.h"
#include "builder/parameter_name.h"

/* inspect.FullArgSpec, whose fields are these. */
enum { ARGS, VARARGS, VARKW, DEFAULTS, KWONLYARGS, KWONLYDEFAULTS, ANNOTATIONS, N_FIELDS };
static const char *const FIELDS[N_FIELDS] = {
    [ARGS] = "args",
    [VARARGS] = "varargs",
    [VARKW] = "varkw",
    [DEFAULTS] = "defaults",
    [KWONLYARGS] = "kwonlyargs",
    [KWONLYDEFAULTS] = "kwonlydefaults",
    [ANNOTATIONS] = "annotations",
};

static const char SELF[] = "self"; /* which methods have before their parameters */

static sm_structured text_value(const char *text) {
  return (sm_structured){.kind = text != NULL ? SM_STRUCTURED_STRING : SM_STRUCTURED_NONE, .text = text};
}

static sm_status check_names(const sm_parameter *parameters, size_t n, const char *what, sm_error *err) {
  for (size_t i = 0; i < n; i++)
    if (parameters[i].name == NULL || *parameters[i].name == '\0')
      return SM_FAIL(err, SM_INVALID_ARGUMENT, "%s %zu has no name", what, i);
  return SM_OK;
}

/* Is the name one that a function can have beside those before it? TensorFlow calls inspect.Parameter with what it makes of
 * it, and refuses to load what that refuses. */
static sm_status take_name(sm_name_index *names, const char *name, sm_arena *arena, sm_error *err) {
  sm_string word;
  if (name == NULL) return SM_OK;
  if (sm_is_python_keyword(sm_string_of(name)))
    return SM_FAIL(err, SM_INVALID_ARGUMENT, "parameter \"%.100s\" is called like a word of Python", name);
  SM_TRY(sm_parameter_name(&word, sm_string_of(name), arena, err));
  if (sm_name_index_find(names, word) == SIZE_MAX) return sm_name_index_add(names, word, err);
  return SM_FAIL(err, SM_INVALID_ARGUMENT, "parameter \"%.100s\": there is another one that Python calls %.100s", name,
                 word.data);
}

static sm_status take_names(sm_name_index *names, const sm_function_spec *spec, sm_arena *arena, sm_error *err) {
  if (spec->is_method) SM_TRY(take_name(names, SELF, arena, err));
  for (size_t i = 0; i < spec->n_parameters; i++) SM_TRY(take_name(names, spec->parameters[i].name, arena, err));
  for (size_t i = 0; i < spec->n_keyword_only; i++) SM_TRY(take_name(names, spec->keyword_only[i].name, arena, err));
  SM_TRY(take_name(names, spec->varargs, arena, err));
  return take_name(names, spec->varkw, arena, err);
}

static sm_status check_distinct(const sm_function_spec *spec, sm_arena *arena, sm_error *err) {
  sm_name_index names;
  sm_name_index_init(&names, arena->allocator);
  sm_status status = take_names(&names, spec, arena, err);
  sm_name_index_free(&names);
  return status;
}

/* first: a name before those of the parameters; NULL: none. */
static sm_status list_names(sm_structured *out, const char *first, const sm_parameter *parameters, size_t n,
                            sm_arena *arena, sm_error *err) {
  size_t n_first = first != NULL;
  sm_structured *names = sm_arena_array(arena, sm_structured, n_first + n);
  if (names == NULL) return sm_arena_fail(arena, (n_first + n) * sizeof *names, err);
  if (first != NULL) names[0] = text_value(first);
  for (size_t i = 0; i < n; i++) names[n_first + i] = text_value(parameters[i].name);
  *out = (sm_structured){.kind = SM_STRUCTURED_LIST, .items = names, .n_items = n_first + n};
  return SM_OK;
}

/* Those of the last parameters. */
static sm_status list_defaults(sm_structured *out, const sm_function_spec *spec, sm_arena *arena, sm_error *err) {
  size_t n = spec->n_parameters, first = n;
  while (first > 0 && spec->parameters[first - 1].default_value != NULL) first--;
  for (size_t i = 0; i < first; i++)
    if (spec->parameters[i].default_value != NULL)
      return SM_FAIL(err, SM_INVALID_ARGUMENT, "parameter %.100s has a default, and one behind it has none",
                     spec->parameters[i].name);
  if (first == n) return SM_OK;
  sm_structured *values = sm_arena_array(arena, sm_structured, n - first);
  if (values == NULL) return sm_arena_fail(arena, (n - first) * sizeof *values, err);
  for (size_t i = first; i < n; i++) values[i - first] = *spec->parameters[i].default_value;
  *out = (sm_structured){.kind = SM_STRUCTURED_TUPLE, .items = values, .n_items = n - first};
  return SM_OK;
}

static sm_status list_keyword_defaults(sm_structured *out, const sm_function_spec *spec, sm_arena *arena,
                                       sm_error *err) {
  size_t n = 0;
  sm_structured *values = sm_arena_array(arena, sm_structured, spec->n_keyword_only);
  const char **keys = sm_arena_array(arena, const char *, spec->n_keyword_only);
  if (values == NULL || keys == NULL) return sm_arena_fail(arena, spec->n_keyword_only * sizeof *values, err);
  for (size_t i = 0; i < spec->n_keyword_only; i++) {
    const sm_parameter *parameter = &spec->keyword_only[i];
    if (parameter->default_value == NULL) continue;
    keys[n] = parameter->name;
    values[n++] = *parameter->default_value;
  }
  if (n != 0) *out = (sm_structured){.kind = SM_STRUCTURED_DICT, .items = values, .n_items = n, .keys = keys};
  return SM_OK;
}

static sm_status make_argspec(sm_structured *out, const sm_function_spec *spec, sm_arena *arena, sm_error *err) {
  sm_structured fields[N_FIELDS] = {{.kind = SM_STRUCTURED_NONE}};
  const char *self = spec->is_method ? SELF : NULL;
  SM_TRY(check_distinct(spec, arena, err));
  SM_TRY(list_names(&fields[ARGS], self, spec->parameters, spec->n_parameters, arena, err));
  SM_TRY(list_names(&fields[KWONLYARGS], NULL, spec->keyword_only, spec->n_keyword_only, arena, err));
  SM_TRY(list_defaults(&fields[DEFAULTS], spec, arena, err));
  SM_TRY(list_keyword_defaults(&fields[KWONLYDEFAULTS], spec, arena, err));
  fields[VARARGS] = text_value(spec->varargs);
  fields[VARKW] = text_value(spec->varkw);
  fields[ANNOTATIONS] = spec->annotations != NULL ? *spec->annotations : (sm_structured){.kind = SM_STRUCTURED_DICT};
  const sm_structured argspec = {
      .kind = SM_STRUCTURED_NAMED_TUPLE, .text = "FullArgSpec", .items = fields, .n_items = N_FIELDS, .keys = FIELDS};
  return sm_structured_copy(out, &argspec, arena, err);
}

/* Where the copied argspec has the defaults, which are those of the last parameters. */
static sm_status find_defaults(sm_built_parameters *out, sm_object_graph *objects, sm_error *err) {
  const sm_structured *argspec = &out->argspec, **defaults;
  defaults = sm_arena_array(&objects->arena, const sm_structured *, out->n_names);
  if (defaults == NULL) return sm_arena_fail(&objects->arena, out->n_names * sizeof *defaults, err);
  for (size_t i = 0; i < argspec->n_items; i++) {
    const sm_structured *values = &argspec->items[i];
    if (strcmp(argspec->keys[i], FIELDS[DEFAULTS]) != 0) continue;
    for (size_t k = 1; k <= values->n_items && k <= out->n_names; k++)
      defaults[out->n_names - k] = &values->items[values->n_items - k];
  }
  out->defaults = defaults;
  return SM_OK;
}

static sm_status copy_names(const char *const **out, sm_object_graph *objects, const sm_parameter *parameters, size_t n,
                            sm_error *err) {
  sm_string copy;
  const char **names = sm_arena_array(&objects->arena, const char *, n);
  if (names == NULL) return sm_arena_fail(&objects->arena, n * sizeof *names, err);
  for (size_t i = 0; i < n; i++) {
    SM_TRY(sm_built_copy(&copy, objects, parameters[i].name, err));
    names[i] = copy.data;
  }
  *out = names;
  return SM_OK;
}

/* What arguments without a name of their own are called by. */
static sm_status keep_names(sm_built_parameters *out, sm_object_graph *objects, const sm_function_spec *spec,
                            sm_error *err) {
  sm_string varargs;
  out->n_names = spec->n_parameters;
  out->n_keyword_only = spec->n_keyword_only;
  SM_TRY(copy_names(&out->names, objects, spec->parameters, spec->n_parameters, err));
  SM_TRY(copy_names(&out->keyword_only, objects, spec->keyword_only, spec->n_keyword_only, err));
  SM_TRY(find_defaults(out, objects, err));
  if (spec->varargs == NULL) return SM_OK;
  SM_TRY(sm_built_copy(&varargs, objects, spec->varargs, err));
  out->varargs = varargs.data;
  return SM_OK;
}

sm_status sm_built_make_parameters(sm_built_parameters *out, sm_object_graph *objects, const sm_function_spec *spec,
                                   sm_error *err) {
  sm_arena *arena = &objects->arena;
  const sm_structured *signature = spec->input_signature;
  *out = (sm_built_parameters){.is_method = spec->is_method, .jit_compile = spec->jit_compile};
  SM_TRY(check_names(spec->parameters, spec->n_parameters, "parameter", err));
  SM_TRY(check_names(spec->keyword_only, spec->n_keyword_only, "keyword-only parameter", err));
  if (spec->full_argspec == NULL)
    SM_TRY(make_argspec(&out->argspec, spec, arena, err));
  else if (spec->full_argspec->kind == SM_STRUCTURED_NAMED_TUPLE)
    SM_TRY(sm_structured_copy(&out->argspec, spec->full_argspec, arena, err));
  else
    return SM_FAIL(err, SM_INVALID_ARGUMENT, "full_argspec is no named tuple");
  if (signature != NULL && signature->kind != SM_STRUCTURED_TUPLE && signature->kind != SM_STRUCTURED_LIST)
    return SM_FAIL(err, SM_INVALID_ARGUMENT, "input_signature is no tuple");
  if (signature != NULL) SM_TRY(sm_structured_copy(&out->input_signature, signature, arena, err));
  return keep_names(out, objects, spec, err);
}

/* ---- Where Python is not asked ---- */

/* What a positional argument of a trace is called: as its spec, with a number where that is taken. */
static sm_status derive_name(const char **out, sm_name_index *names, sm_object_graph *objects,
                             const sm_structured *item, size_t i, sm_error *err) {
  enum { N_SMALL = 16 };
  sm_string word;
  bool has_name = item->kind == SM_STRUCTURED_TENSOR_SPEC && *item->text != '\0';
  SM_TRY(sm_parameter_name(&word, sm_string_of(has_name ? item->text : "arg"), &objects->arena, err));
  *out = word.data;
  if (!has_name) SM_TRY(sm_built_print(out, &objects->arena, err, "arg_%zu", i));
  for (size_t k = 1; sm_name_index_find(names, sm_string_of(*out)) != SIZE_MAX; k++) {
    if (k == N_SMALL) k = names->n; /* so many have such numbers that a search would take n * n steps */
    SM_TRY(sm_built_print(out, &objects->arena, err, "%s_%zu", word.data, k));
  }
  return sm_name_index_add(names, sm_string_of(*out), err);
}

/* Keywords keep their names; two that are one are refused when parameters are made of them. */
static sm_status take_keywords(sm_name_index *names, sm_object_graph *objects, const sm_structured *keywords,
                               sm_error *err) {
  sm_string word;
  for (size_t i = 0; i < keywords->n_items; i++) {
    SM_TRY(sm_parameter_name(&word, sm_string_of(keywords->keys[i]), &objects->arena, err));
    if (sm_name_index_find(names, word) == SIZE_MAX) SM_TRY(sm_name_index_add(names, word, err));
  }
  return SM_OK;
}

static sm_status derive_positional(sm_parameter *out, sm_object_graph *objects, const sm_structured *positional,
                                   const sm_structured *keywords, sm_error *err) {
  sm_name_index names;
  sm_name_index_init(&names, objects->allocator);
  sm_status status = take_keywords(&names, objects, keywords, err);
  for (size_t i = 0; i < positional->n_items && status == SM_OK; i++)
    status = derive_name(&out[i].name, &names, objects, &positional->items[i], i, err);
  sm_name_index_free(&names);
  return status;
}

sm_status sm_built_derive_parameters(sm_built_parameters *out, sm_object_graph *objects,
                                     const sm_traced_function *function, const sm_built_function *first,
                                     sm_error *err) {
  static const sm_structured none[2] = {{.kind = SM_STRUCTURED_TUPLE}, {.kind = SM_STRUCTURED_DICT}};
  const sm_structured *both = first != NULL ? first->inputs.items : none, *keywords = &both[1];
  size_t n_positional = function->parameters != NULL ? 0 : both[0].n_items;
  sm_parameter *derived = sm_arena_array(&objects->arena, sm_parameter, n_positional + keywords->n_items);
  if (derived == NULL) return sm_arena_fail(&objects->arena, keywords->n_items * sizeof *derived, err);
  if (n_positional != 0) SM_TRY(derive_positional(derived, objects, &both[0], keywords, err));
  for (size_t i = 0; i < keywords->n_items; i++) derived[n_positional + i].name = keywords->keys[i];
  const sm_function_spec spec = {
      .parameters = function->parameters != NULL ? function->parameters : derived,
      .n_parameters = function->parameters != NULL ? function->n_parameters : n_positional,
      .keyword_only = derived + n_positional,
      .n_keyword_only = keywords->n_items,
      .input_signature = function->is_fixed ? &both[0] : NULL,
  };
  return sm_built_make_parameters(out, objects, &spec, err);
}
