/* Signatures: which functions are, and for each one a function that takes inputs and returns outputs by name, which calls the
 * other. Source: python/saved_model/signature_serialization.py. */
#include "builder/built_objects.h"

static const char CALL[] = "StatefulPartitionedCall", DEFAULT_FUNCTION[] = "_default_save_signature";

/* ---- Choosing ---- */

sm_status sm_object_graph_set_signature(sm_object_graph *objects, const char *key, int32_t function, size_t trace,
                                        sm_error *err) {
  sm_built_object *object;
  sm_built_signature signature = {.function = function, .trace = trace};
  SM_TRY(sm_built_find(&object, objects, function, err));
  if (object->kind != SM_BUILT_FUNCTION || trace >= object->functions.n)
    return SM_FAIL(err, SM_NOT_FOUND, "signature %.200s: %s is no function with a trace %zu", key,
                   sm_built_place_of(objects, function).text, trace);
  if (*key == '\0' || strcmp(key, SM_KEY_INIT_OP) == 0 || strcmp(key, SM_KEY_TRAIN_OP) == 0)
    return SM_FAIL(err, SM_INVALID_ARGUMENT, "signature \"%.200s\": the key is reserved", key);
  for (size_t i = 0; i < objects->n_signatures; i++)
    if (strcmp(objects->signatures[i].key.data, key) == 0)
      return SM_FAIL(err, SM_ALREADY_EXISTS, "there is a signature \"%.200s\" already", key);
  SM_TRY(sm_built_copy(&signature.key, objects, key, err));
  if (objects->n_signatures == objects->signatures_capacity) {
    void *grown =
        sm_grow(objects->allocator, objects->signatures, &objects->signatures_capacity, sizeof *objects->signatures);
    if (grown == NULL) return SM_FAIL_OOM(err, objects->signatures_capacity * sizeof *objects->signatures);
    objects->signatures = grown;
  }
  objects->signatures[objects->n_signatures++] = signature;
  return SM_OK;
}

/* Children of the root that could be called without a choice of arguments; n of them, *found the last, or the one that is
 * named for it. */
static size_t find_default(int32_t *found, const sm_object_graph *objects) {
  size_t n = 0;
  for (const sm_built_edge *edge = objects->objects[SM_OBJECT_ROOT]->first_edge; edge != NULL; edge = edge->next) {
    const sm_built_object *child = objects->objects[edge->child];
    if (child->kind != SM_BUILT_FUNCTION) continue;
    if (strcmp(edge->name.data, DEFAULT_FUNCTION) == 0) {
      *found = edge->child;
      return 1;
    }
    if (!child->functions.is_fixed) continue;
    *found = edge->child;
    n++;
  }
  return n;
}

/* python/saved_model/signature_serialization.py, find_function_to_export. */
static sm_status choose(sm_object_graph *objects, const sm_export_options *options, sm_error *err) {
  int32_t function = -1;
  if (objects->n_signatures != 0 || options->no_signatures) return SM_OK;
  size_t n = find_default(&function, objects);
  if (n == 1) return sm_object_graph_set_signature(objects, SM_KEY_SERVING_DEFAULT, function, 0, err);
  if (options->note != NULL)
    options->note(options->note_ctx, n == 0 ? "no function has an input signature: the model has no signatures"
                                            : "several functions have an input signature: the model has no signatures");
  return SM_OK;
}

/* ---- One signature ---- */

/* An input or output of it, and where the inner function has it. */
typedef struct named_tensor {
  const char *name;
  const sm_structured *spec;
  size_t inner;
  const char *part; /* what it is called inside the wrapper */
} named_tensor;

typedef struct wrapping {
  sm_object_graph *objects;
  sm_built_wrapper *out;
  const sm_built_function *inner;
  named_tensor *inputs, *outputs; /* sorted by name */
  sm_function_part *parts;        /* inputs, captures, outputs */
  const char **names;             /* of all parts */
} wrapping;

static bool is_before(const void *a, const void *b) {
  const named_tensor *x = a, *y = b;
  int order = strcmp(x->name, y->name);
  return order != 0 ? order < 0 : x->inner < y->inner;
}

static sm_status name_inputs(wrapping *w, sm_error *err) {
  for (size_t i = 0; i < w->inner->n_in; i++) {
    const sm_structured *spec = w->inner->in[i];
    if (*spec->text == '\0') return SM_FAIL(err, SM_INVALID_ARGUMENT, "input %zu has no name", i);
    w->inputs[i] = (named_tensor){.name = spec->text, .spec = spec, .inner = i};
  }
  sm_sort(w->inputs, w->inner->n_in, sizeof *w->inputs, is_before);
  for (size_t i = 1; i < w->inner->n_in; i++)
    if (strcmp(w->inputs[i - 1].name, w->inputs[i].name) == 0)
      return SM_FAIL(err, SM_INVALID_ARGUMENT, "arguments %zu and %zu of the function have one name, \"%.100s\"",
                     w->inputs[i - 1].inner, w->inputs[i].inner, w->inputs[i].name);
  return SM_OK;
}

static sm_status name_outputs(wrapping *w, sm_error *err) {
  const sm_structured *outputs = &w->inner->outputs;
  bool has_keys = outputs->kind == SM_STRUCTURED_DICT || outputs->kind == SM_STRUCTURED_NAMED_TUPLE;
  bool is_one = outputs->kind == SM_STRUCTURED_TENSOR_SPEC;
  if (w->inner->n_out != (is_one ? 1 : outputs->n_items))
    return SM_FAIL(err, SM_INVALID_ARGUMENT, "it returns more than a dict, a list or a tensor");
  for (size_t i = 0; i < w->inner->n_out; i++) {
    w->outputs[i] = (named_tensor){.spec = w->inner->out[i], .inner = i};
    if (has_keys)
      w->outputs[i].name = outputs->keys[i];
    else
      SM_TRY(sm_built_print(&w->outputs[i].name, &w->objects->arena, err, "output_%zu", i));
  }
  sm_sort(w->outputs, w->inner->n_out, sizeof *w->outputs, is_before);
  return SM_OK;
}

/* A dict of specs, with the names that servers use. */
static sm_status make_dict(sm_structured *out, wrapping *w, const named_tensor *tensors, size_t n, sm_error *err) {
  sm_structured *items = sm_arena_array(&w->objects->arena, sm_structured, n);
  const char **keys = sm_arena_array(&w->objects->arena, const char *, n);
  if (items == NULL || keys == NULL) return sm_arena_fail(&w->objects->arena, n * sizeof *items, err);
  for (size_t i = 0; i < n; i++) {
    items[i] = *tensors[i].spec;
    items[i].text = keys[i] = tensors[i].name;
  }
  const sm_structured dict = {.kind = SM_STRUCTURED_DICT, .items = items, .n_items = n, .keys = keys};
  return sm_structured_copy(out, &dict, &w->objects->arena, err);
}

static sm_status describe(wrapping *w, sm_error *err) {
  sm_built_function *f = &w->out->function;
  sm_structured both[2] = {{.kind = SM_STRUCTURED_TUPLE}};
  const sm_structured inputs = {.kind = SM_STRUCTURED_TUPLE, .items = both, .n_items = 2};
  SM_TRY(make_dict(&both[1], w, w->inputs, w->inner->n_in, err));
  SM_TRY(sm_structured_copy(&f->inputs, &inputs, &w->objects->arena, err));
  SM_TRY(make_dict(&f->outputs, w, w->outputs, w->inner->n_out, err));
  f->captures = w->inner->captures;
  f->n_captures = w->inner->n_captures;
  return SM_OK;
}

/* ---- Its FunctionDef ---- */

static sm_status name_parts(wrapping *w, sm_error *err) {
  sm_arena *arena = &w->objects->arena;
  const sm_built_function *inner = w->inner;
  for (size_t i = 0; i < inner->n_in; i++) SM_TRY(sm_built_print(&w->inputs[i].part, arena, err, "input_%zu", i));
  for (size_t i = 0; i < inner->n_in; i++)
    w->parts[i] = (sm_function_part){.name = w->inputs[i].part, .dtype = w->inputs[i].spec->dtype};
  for (size_t i = 0; i < inner->n_captures; i++) {
    sm_function_part *part = &w->parts[inner->n_in + i];
    part->dtype = sm_built_capture_dtype(w->objects->objects[inner->captures[i]]);
    SM_TRY(sm_built_print(&part->name, arena, err, "capture_%zu", i));
  }
  for (size_t i = 0; i < inner->n_out; i++) {
    sm_function_part *part = &w->parts[inner->n_in + inner->n_captures + i];
    part->dtype = w->outputs[i].spec->dtype;
    SM_TRY(sm_built_print(&part->name, arena, err, "identity_%zu", i));
    SM_TRY(sm_built_print(&part->value, arena, err, "Identity_%zu:output:0", i));
  }
  return SM_OK;
}

/* The call: arguments as the inner function has them. */
static sm_status make_call(sm_node_spec *out, wrapping *w, sm_attr *attrs, sm_error *err) {
  const sm_built_function *inner = w->inner;
  size_t n = inner->n_in + inner->n_captures;
  const char **inputs = sm_arena_array(&w->objects->arena, const char *, n);
  sm_dtype *dtypes = sm_arena_array(&w->objects->arena, sm_dtype, n + inner->n_out);
  if (inputs == NULL || dtypes == NULL) return sm_arena_fail(&w->objects->arena, n * sizeof *inputs, err);
  for (size_t i = 0; i < inner->n_in; i++) inputs[w->inputs[i].inner] = w->inputs[i].part;
  for (size_t i = 0; i < inner->n_in; i++) dtypes[i] = inner->in[i]->dtype;
  for (size_t i = inner->n_in; i < n; i++) {
    inputs[i] = w->parts[i].name;
    dtypes[i] = w->parts[i].dtype;
  }
  for (size_t i = 0; i < inner->n_out; i++) dtypes[n + i] = inner->out[i]->dtype;
  attrs[0] = sm_attr_types("Tin", dtypes, n);
  attrs[1] = sm_attr_types("Tout", dtypes + n, inner->n_out);
  attrs[2] = sm_attr_func("f", inner->name.data);
  *out = (sm_node_spec){.op = CALL, .name = CALL, .inputs = inputs, .n_inputs = n, .attrs = attrs, .n_attrs = 3};
  return SM_OK;
}

static sm_status make_identity(sm_node_spec *out, wrapping *w, sm_attr *attr, size_t i, sm_error *err) {
  const char **input = sm_arena_new(&w->objects->arena, const char *);
  if (input == NULL) return sm_arena_fail(&w->objects->arena, sizeof *input, err);
  *attr = sm_attr_type("T", w->outputs[i].spec->dtype);
  *out = (sm_node_spec){.op = "Identity", .inputs = input, .n_inputs = 1, .attrs = attr, .n_attrs = 1};
  SM_TRY(sm_built_print(input, &w->objects->arena, err, "%s:output:%zu", CALL, w->outputs[i].inner));
  return sm_built_print(&out->name, &w->objects->arena, err, "Identity_%zu", i);
}

static sm_status make_wrapper(wrapping *w, sm_error *err) {
  enum { CALL_ATTRS = 3 };
  const sm_built_function *inner = w->inner;
  size_t n_args = inner->n_in + inner->n_captures, n_nodes = 1 + inner->n_out;
  const char *stem;
  sm_node_spec *nodes = sm_arena_array(&w->objects->arena, sm_node_spec, n_nodes);
  sm_attr *attrs = sm_arena_array(&w->objects->arena, sm_attr, CALL_ATTRS + inner->n_out);
  if (nodes == NULL || attrs == NULL) return sm_arena_fail(&w->objects->arena, n_nodes * sizeof *nodes, err);
  SM_TRY(name_parts(w, err));
  SM_TRY(make_call(&nodes[0], w, attrs, err));
  for (size_t i = 0; i < inner->n_out; i++) SM_TRY(make_identity(&nodes[1 + i], w, &attrs[CALL_ATTRS + i], i, err));
  SM_TRY(sm_built_print(&stem, &w->objects->arena, err, "signature_wrapper_%s", w->out->key.data));
  SM_TRY(sm_built_name_function(&w->out->function.name, w->objects, stem, err));
  const sm_function_parts parts = {.name = w->out->function.name.data,
                                   .inputs = w->parts,
                                   .n_inputs = n_args,
                                   .outputs = w->parts + n_args,
                                   .n_outputs = inner->n_out,
                                   .nodes = nodes,
                                   .n_nodes = n_nodes,
                                   .control = CALL};
  return sm_built_make_function(&w->out->function, w->objects, &parts, err);
}

static sm_status wrap(sm_built_wrapper *out, sm_object_graph *objects, const sm_built_signature *signature,
                      sm_error *err) {
  const sm_built_functions *functions = &objects->objects[signature->function]->functions;
  wrapping w = {.objects = objects, .out = out, .inner = &functions->items[signature->trace]};
  size_t n_in = w.inner->n_in, n_out = w.inner->n_out, n = n_in + n_out + w.inner->n_captures;
  w.inputs = sm_arena_array(&objects->arena, named_tensor, n_in);
  w.outputs = sm_arena_array(&objects->arena, named_tensor, n_out);
  w.parts = sm_arena_array(&objects->arena, sm_function_part, n);
  if (w.inputs == NULL || w.outputs == NULL || w.parts == NULL)
    return sm_arena_fail(&objects->arena, n * sizeof *w.parts, err);
  out->key = signature->key;
  out->inner = w.inner;
  SM_TRY(name_inputs(&w, err));
  SM_TRY(name_outputs(&w, err));
  SM_TRY(describe(&w, err));
  return make_wrapper(&w, err);
}

/* ---- All ---- */

static bool is_key_before(const void *a, const void *b) {
  return strcmp(((const sm_built_signature *)a)->key.data, ((const sm_built_signature *)b)->key.data) < 0;
}

sm_status sm_built_wrap(sm_built_wrappers *out, sm_object_graph *objects, const sm_export_options *options,
                        sm_error *err) {
  char place[256];
  SM_TRY(choose(objects, options, err));
  size_t n = objects->n_signatures;
  *out = (sm_built_wrappers){.items = sm_arena_array(&objects->arena, sm_built_wrapper, n), .n = n};
  if (out->items == NULL) return sm_arena_fail(&objects->arena, n * sizeof *out->items, err);
  sm_sort(objects->signatures, n, sizeof *objects->signatures, is_key_before);
  for (size_t i = 0; i < n; i++) {
    const sm_built_signature *signature = &objects->signatures[i];
    sm_status status = wrap(&out->items[i], objects, signature, err);
    if (status == SM_OK) continue;
    snprintf(place, sizeof place, "signature %.60s: %s", signature->key.data,
             sm_built_place_of(objects, signature->function).text);
    sm_error_add_place(err, place);
    return status;
  }
  return SM_OK;
}
