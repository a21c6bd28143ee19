/* What the tensors are called that a trace is passed. Source: python/eager/polymorphic_function/tracing_compilation.py,
 * _set_arg_keywords. */
#include "builder/built_objects.h"
#include "builder/parameter_name.h"

typedef struct naming {
  sm_object_graph *objects;
  const sm_built_function *function;
  const sm_built_parameters *parameters;
  const char *const *keywords; /* NULL: they are made of names of specs and parameters */
  sm_built_argument *arguments;
  size_t n;
  sm_arena *scratch;
} naming;

/* An argument: positional ones, then those that only keywords have. */
static const sm_structured *item_of(const naming *w, size_t item) {
  const sm_structured *positional = &w->function->inputs.items[0], *keywords = &w->function->inputs.items[1];
  return item < positional->n_items ? &positional->items[item] : &keywords->items[item - positional->n_items];
}

/* What Python calls it: of what *args takes, the name with a number. */
static sm_status item_name(const char **out, const naming *w, size_t item, sm_error *err) {
  const sm_structured *positional = &w->function->inputs.items[0], *keywords = &w->function->inputs.items[1];
  const sm_built_parameters *parameters = w->parameters;
  size_t n = parameters != NULL ? parameters->n_names : 0;
  if (item >= positional->n_items) {
    *out = keywords->keys[item - positional->n_items];
    return SM_OK;
  }
  if (item < n) {
    *out = parameters->names[item];
    return SM_OK;
  }
  if (parameters != NULL && parameters->varargs != NULL)
    return sm_built_print(out, &w->objects->arena, err, "%s_%zu", parameters->varargs, item - n);
  return sm_built_print(out, &w->objects->arena, err, "arg_%zu", item);
}

/* Names the tensors of an argument: by their specs; those of specs without names by the argument, numbered. */
static sm_status name_item(naming *w, size_t item, sm_error *err) {
  const sm_structured *const *specs;
  const char *base;
  sm_string keyword;
  size_t n, n_unnamed = 0;
  SM_TRY(item_name(&base, w, item, err));
  SM_TRY(sm_structured_flatten(&specs, &n, item_of(w, item), w->scratch, err));
  for (size_t i = 0; i < n; i++) {
    sm_built_argument *argument = &w->arguments[w->n++];
    bool has_name = *specs[i]->text != '\0';
    *argument = (sm_built_argument){
        .base = has_name ? specs[i]->text : base, .item = item, .part = i, .is_whole = specs[i] == item_of(w, item)};
    if (w->keywords != NULL)
      argument->name = w->keywords[w->n - 1];
    else if (has_name || n_unnamed++ == 0)
      argument->name = argument->base;
    else
      SM_TRY(sm_built_print(&argument->name, &w->objects->arena, err, "%s_%zu", base, n_unnamed - 1));
    SM_TRY(sm_parameter_name(&keyword, sm_string_of(argument->name), &w->objects->arena, err));
    argument->keyword = keyword.data;
  }
  return SM_OK;
}

/* ---- Clashes ---- */

typedef struct argument_path {
  char text[160];
} argument_path;

static sm_status path_of(argument_path *out, const naming *w, const sm_built_argument *argument, sm_error *err) {
  const char *name;
  SM_TRY(item_name(&name, w, argument->item, err));
  return sm_structured_path(out->text, sizeof out->text, name, item_of(w, argument->item), argument->part, w->scratch,
                            err);
}

static bool is_before(const void *a, const void *b) {
  const sm_built_argument *x = *(sm_built_argument *const *)a, *y = *(sm_built_argument *const *)b;
  int order = strcmp(x->keyword, y->keyword);
  return order != 0 ? order < 0 : x < y;
}

static sm_status fail_clash(const naming *w, const sm_built_argument *first, const sm_built_argument *second,
                            sm_error *err) {
  argument_path paths[2];
  SM_TRY(path_of(&paths[0], w, first, err));
  SM_TRY(path_of(&paths[1], w, second, err));
  if (strcmp(first->name, second->name) == 0)
    return SM_FAIL(err, SM_INVALID_ARGUMENT, "arguments %s and %s have one name, \"%.60s\"", paths[0].text,
                   paths[1].text, first->name);
  return SM_FAIL(err, SM_INVALID_ARGUMENT, "arguments %s and %s, \"%.60s\" and \"%.60s\", are both \"%.60s\" to Python",
                 paths[0].text, paths[1].text, first->name, second->name, first->keyword);
}

static sm_status check_names(const naming *w, sm_error *err) {
  const sm_built_argument **sorted = sm_arena_array(w->scratch, const sm_built_argument *, w->n);
  if (sorted == NULL) return sm_arena_fail(w->scratch, w->n * sizeof *sorted, err);
  for (size_t i = 0; i < w->n; i++) sorted[i] = &w->arguments[i];
  sm_sort(sorted, w->n, sizeof *sorted, is_before);
  for (size_t i = 1; i < w->n; i++)
    if (strcmp(sorted[i - 1]->keyword, sorted[i]->keyword) == 0) return fail_clash(w, sorted[i - 1], sorted[i], err);
  return SM_OK;
}

/* ---- All ---- */

/* The keyword of that name, in a dict that is sorted; n_items: there is none. */
static size_t find_keyword(const sm_structured *keywords, const char *name) {
  size_t begin = 0, end = keywords->n_items;
  while (begin < end) {
    size_t middle = begin + (end - begin) / 2;
    if (strcmp(keywords->keys[middle], name) < 0)
      begin = middle + 1;
    else
      end = middle;
  }
  return begin < keywords->n_items && strcmp(keywords->keys[begin], name) == 0 ? begin : keywords->n_items;
}

/* In the order in which they are declared, then those that **kwargs takes, by name. */
static sm_status list_keywords(sm_parameter *out, sm_object_graph *objects, const sm_structured *keywords,
                               const sm_built_parameters *parameters, sm_error *err) {
  size_t n = 0, n_declared = parameters != NULL ? parameters->n_keyword_only : 0;
  bool *is_listed = sm_arena_array(&objects->arena, bool, keywords->n_items);
  if (is_listed == NULL) return sm_arena_fail(&objects->arena, keywords->n_items, err);
  for (size_t i = 0; i < n_declared; i++) {
    size_t found = find_keyword(keywords, parameters->keyword_only[i]);
    if (found == keywords->n_items || is_listed[found]) continue;
    is_listed[found] = true;
    out[n++].name = keywords->keys[found];
  }
  for (size_t i = 0; i < keywords->n_items; i++)
    if (!is_listed[i]) out[n++].name = keywords->keys[i];
  return SM_OK;
}

/* Source: python/saved_model/function_serialization.py, get_preinitialized_function_spec. */
sm_status sm_built_describe_trace(sm_built_parameters *out, sm_object_graph *objects, const sm_built_function *function,
                                  const sm_built_parameters *parameters, sm_error *err) {
  static const sm_structured nothing = {.kind = SM_STRUCTURED_TUPLE};
  const naming w = {.objects = objects, .function = function, .parameters = parameters};
  const sm_structured *keywords = &function->inputs.items[1];
  size_t n_positional = function->inputs.items[0].n_items, n = n_positional + keywords->n_items;
  sm_parameter *items = sm_arena_array(&objects->arena, sm_parameter, n);
  if (items == NULL) return sm_arena_fail(&objects->arena, n * sizeof *items, err);
  for (size_t i = 0; i < n_positional; i++) SM_TRY(item_name(&items[i].name, &w, i, err));
  SM_TRY(list_keywords(items + n_positional, objects, keywords, parameters, err));
  const sm_function_spec spec = {.parameters = items,
                                 .n_parameters = n_positional,
                                 .keyword_only = items + n_positional,
                                 .n_keyword_only = keywords->n_items,
                                 .input_signature = n == 0 ? &nothing : NULL};
  return sm_built_make_parameters(out, objects, &spec, err);
}

static sm_status name_items(naming *w, sm_error *err) {
  size_t n_items = w->function->inputs.items[0].n_items + w->function->inputs.items[1].n_items;
  w->arguments = sm_arena_array(&w->objects->arena, sm_built_argument, w->function->n_in);
  if (w->arguments == NULL) return sm_arena_fail(&w->objects->arena, w->function->n_in * sizeof *w->arguments, err);
  for (size_t i = 0; i < n_items; i++) SM_TRY(name_item(w, i, err));
  return SM_OK;
}

static sm_status name_all(sm_built_argument **out, naming *w, bool are_distinct, sm_error *err) {
  sm_arena scratch;
  sm_arena_init(&scratch, w->objects->allocator, UINT64_MAX);
  w->scratch = &scratch;
  sm_status status = name_items(w, err);
  if (status == SM_OK && are_distinct) status = check_names(w, err);
  sm_arena_free(&scratch);
  *out = w->arguments;
  return status;
}

sm_status sm_built_name_arguments(sm_built_argument **out, sm_object_graph *objects, const sm_built_function *function,
                                  const sm_built_parameters *parameters, const char *const *keywords, sm_error *err) {
  naming w = {.objects = objects, .function = function, .parameters = parameters, .keywords = keywords};
  return name_all(out, &w, true, err);
}

sm_status sm_built_list_arguments(sm_built_argument **out, sm_object_graph *objects, const sm_built_function *function,
                                  const sm_built_parameters *parameters, sm_error *err) {
  naming w = {.objects = objects, .function = function, .parameters = parameters};
  return name_all(out, &w, false, err);
}
