/* The function that servers call for a signature: it takes inputs and returns outputs by name, and calls the one that the
 * signature was given. Source: python/saved_model/signature_serialization.py, canonicalize_signatures. */
#include "builder/built_objects.h"
#include "tensor/tensor_proto.h"

static const char CALL[] = "StatefulPartitionedCall";

/* What the inner function returns for a name: a tensor, or the components of a composite one. */
typedef struct named_output {
  const char *name;
  const sm_structured *value;
  size_t first, n; /* tensors of the inner function */
} named_output;

typedef struct wrapping {
  sm_object_graph *objects;
  sm_built_wrapper *out;
  const sm_built_function *inner;
  const sm_built_parameters *parameters;
  const char *const *keywords;      /* of a concrete function; NULL: it is a trace of another */
  const sm_built_argument **inputs; /* sorted by keyword */
  const sm_built_argument *arguments;
  named_output *outputs; /* sorted by name */
  size_t n_outputs;
  sm_function_part *parts; /* inputs, captures, tensors of outputs */
} wrapping;

/* ---- Inputs ---- */

/* The names that TensorFlow saves: those that operations may have (core/framework/node_def_util.cc), and no scope. */
static bool is_input_name(const char *name) {
  static const char letters[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789._\\/>-";
  size_t n = strlen(name);
  return n != 0 && strchr("_\\/>-", *name) == NULL && strspn(name, letters) == n && name[n - 1] != '/';
}

static bool is_keyword_before(const void *a, const void *b) {
  return strcmp((*(const sm_built_argument *const *)a)->keyword, (*(const sm_built_argument *const *)b)->keyword) < 0;
}

static size_t index_of(const wrapping *w, const sm_built_argument *argument) {
  return (size_t)(argument - w->arguments);
}

static sm_status name_inputs(wrapping *w, sm_error *err) {
  sm_built_argument *arguments;
  size_t n = w->inner->n_in;
  SM_TRY(sm_built_name_arguments(&arguments, w->objects, w->inner, w->parameters, w->keywords, err));
  w->arguments = arguments;
  for (size_t i = 0; i < n; i++) {
    if (!is_input_name(arguments[i].name))
      return SM_FAIL(
          err, SM_INVALID_ARGUMENT,
          "input \"%.100s\": TensorFlow takes letters, digits and \"._\\/>-\" in names of inputs, of which the "
          "first is a letter, a digit or '.'",
          arguments[i].name);
    if (w->inner->in[i]->dtype == SM_DT_RESOURCE)
      return SM_FAIL(err, SM_INVALID_ARGUMENT, "input \"%.100s\" is a variable or another resource", arguments[i].name);
    w->inputs[i] = &arguments[i];
  }
  sm_sort(w->inputs, n, sizeof *w->inputs, is_keyword_before);
  return SM_OK;
}

/* ---- Outputs ---- */

static bool is_tensor(const sm_structured *value) {
  return value->kind == SM_STRUCTURED_TENSOR_SPEC || value->kind == SM_STRUCTURED_BOUNDED_TENSOR_SPEC ||
         value->kind == SM_STRUCTURED_TYPE_SPEC;
}

static bool is_output_before(const void *a, const void *b) {
  const named_output *x = a, *y = b;
  int order = strcmp(x->name, y->name);
  return order != 0 ? order < 0 : x->first < y->first;
}

static sm_status name_output(named_output *out, const wrapping *w, const sm_structured *of, size_t i, sm_error *err) {
  if (sm_structured_has_keys(of))
    out->name = of->keys[i];
  else
    SM_TRY(sm_built_print(&out->name, &w->objects->arena, err, "output_%zu", i));
  if (is_tensor(out->value)) return SM_OK;
  return SM_FAIL(err, SM_INVALID_ARGUMENT,
                 "output \"%.100s\" is no tensor: a signature returns a tensor, a list of tensors or a dict of them",
                 out->name);
}

static sm_status name_outputs(wrapping *w, sm_error *err) {
  const sm_structured *of = &w->inner->outputs, *const * specs;
  bool is_one = is_tensor(of) || !sm_structured_has_items(of);
  size_t n = is_one ? 1 : of->n_items, first = 0;
  w->outputs = sm_arena_array(&w->objects->arena, named_output, n);
  if (w->outputs == NULL) return sm_arena_fail(&w->objects->arena, n * sizeof *w->outputs, err);
  w->n_outputs = n;
  for (size_t i = 0; i < n; i++) {
    named_output *output = &w->outputs[i];
    *output = (named_output){.value = is_one ? of : &of->items[i], .first = first};
    SM_TRY(name_output(output, w, of, i, err));
    SM_TRY(sm_structured_flatten(&specs, &output->n, output->value, &w->objects->arena, err));
    first += output->n;
  }
  sm_sort(w->outputs, n, sizeof *w->outputs, is_output_before);
  return SM_OK;
}

const sm_built_default *sm_built_find_default(const sm_built_signature *signature, const char *input) {
  for (const sm_built_default *d = signature->defaults; d != NULL; d = d->next)
    if (strcmp(d->input.data, input) == 0) return d;
  return NULL;
}

bool sm_built_can_wrap(const sm_built_function *function) {
  const sm_structured *outputs = &function->outputs;
  if (function->n_out == 0) return false;
  for (size_t i = 0; i < function->n_in; i++)
    if (function->in[i]->dtype == SM_DT_RESOURCE) return false;
  if (is_tensor(outputs)) return true;
  for (size_t i = 0; i < outputs->n_items; i++)
    if (!is_tensor(&outputs->items[i])) return false;
  return true;
}

/* ---- What it is to Python ---- */

static sm_status describe_inputs(wrapping *w, sm_error *err) {
  size_t n = w->inner->n_in;
  sm_structured *items = sm_arena_array(&w->objects->arena, sm_structured, n),
                both[2] = {{.kind = SM_STRUCTURED_TUPLE}};
  const char **keys = sm_arena_array(&w->objects->arena, const char *, n);
  if (items == NULL || keys == NULL) return sm_arena_fail(&w->objects->arena, n * sizeof *items, err);
  for (size_t i = 0; i < n; i++) {
    const sm_structured *spec = w->inner->in[index_of(w, w->inputs[i])];
    items[i] = sm_built_spec(w->inputs[i]->name, spec->dtype, (sm_shape){spec->rank, spec->dims});
    keys[i] = w->inputs[i]->keyword;
  }
  both[1] = (sm_structured){.kind = SM_STRUCTURED_DICT, .items = items, .n_items = n, .keys = keys};
  const sm_structured inputs = {.kind = SM_STRUCTURED_TUPLE, .items = both, .n_items = 2};
  SM_TRY(sm_structured_copy(&w->out->function.inputs, &inputs, &w->objects->arena, err));
  return sm_built_describe_trace(&w->out->parameters, w->objects, &w->out->function, NULL, err);
}

static sm_status describe_outputs(wrapping *w, sm_error *err) {
  size_t n = w->n_outputs;
  sm_structured *items = sm_arena_array(&w->objects->arena, sm_structured, n);
  const char **keys = sm_arena_array(&w->objects->arena, const char *, n);
  if (items == NULL || keys == NULL) return sm_arena_fail(&w->objects->arena, n * sizeof *items, err);
  for (size_t i = 0; i < n; i++) {
    items[i] = *w->outputs[i].value;
    if (items[i].kind != SM_STRUCTURED_TYPE_SPEC) items[i].text = w->outputs[i].name;
    keys[i] = w->outputs[i].name;
  }
  const sm_structured dict = {.kind = SM_STRUCTURED_DICT, .items = items, .n_items = n, .keys = keys};
  return sm_structured_copy(&w->out->function.outputs, &dict, &w->objects->arena, err);
}

/* ---- Its FunctionDef ---- */

static sm_status name_parts(wrapping *w, sm_error *err) {
  sm_arena *arena = &w->objects->arena;
  const sm_built_function *inner = w->inner;
  sm_function_part *part = w->parts;
  for (size_t i = 0; i < inner->n_in; i++, part++) {
    part->dtype = inner->in[index_of(w, w->inputs[i])]->dtype;
    SM_TRY(sm_built_print(&part->name, arena, err, "input_%zu", i));
  }
  for (size_t i = 0; i < inner->n_captures; i++, part++) {
    part->dtype = sm_built_capture_dtype(w->objects->objects[inner->captures[i]]);
    if (part->dtype == SM_DT_INVALID)
      return SM_FAIL(err, SM_INVALID_ARGUMENT, "it captures a tensor inside a function, which servers have not");
    SM_TRY(sm_built_print(&part->name, arena, err, "capture_%zu", i));
  }
  for (size_t i = 0, k = 0; i < w->n_outputs; i++) {
    for (size_t j = 0; j < w->outputs[i].n; j++, k++, part++) {
      part->dtype = inner->out[w->outputs[i].first + j]->dtype;
      SM_TRY(sm_built_print(&part->name, arena, err, "identity_%zu", k));
      SM_TRY(sm_built_print(&part->value, arena, err, "Identity_%zu:output:0", k));
    }
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
  for (size_t i = 0; i < inner->n_in; i++) inputs[index_of(w, w->inputs[i])] = w->parts[i].name;
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

/* Tensor k of the outputs. inner: which it is of the call's. */
static sm_status make_identity(sm_node_spec *out, wrapping *w, sm_attr *attr, size_t k, size_t inner, sm_error *err) {
  const char **input = sm_arena_new(&w->objects->arena, const char *);
  if (input == NULL) return sm_arena_fail(&w->objects->arena, sizeof *input, err);
  *attr = sm_attr_type("T", w->inner->out[inner]->dtype);
  *out = (sm_node_spec){.op = "Identity", .inputs = input, .n_inputs = 1, .attrs = attr, .n_attrs = 1};
  SM_TRY(sm_built_print(input, &w->objects->arena, err, "%s:output:%zu", CALL, inner));
  return sm_built_print(&out->name, &w->objects->arena, err, "Identity_%zu", k);
}

static sm_status make_nodes(sm_node_spec *nodes, wrapping *w, sm_error *err) {
  enum { CALL_ATTRS = 3 };
  size_t n = w->inner->n_out, k = 0;
  sm_attr *attrs = sm_arena_array(&w->objects->arena, sm_attr, CALL_ATTRS + n);
  if (attrs == NULL) return sm_arena_fail(&w->objects->arena, (CALL_ATTRS + n) * sizeof *attrs, err);
  SM_TRY(make_call(nodes, w, attrs, err));
  for (size_t i = 0; i < w->n_outputs; i++)
    for (size_t j = 0; j < w->outputs[i].n; j++, k++)
      SM_TRY(make_identity(&nodes[1 + k], w, &attrs[CALL_ATTRS + k], k, w->outputs[i].first + j, err));
  return SM_OK;
}

static sm_status make_function(wrapping *w, sm_error *err) {
  const sm_built_function *inner = w->inner;
  size_t n_args = inner->n_in + inner->n_captures, n_nodes = 1 + inner->n_out;
  const char *stem;
  sm_node_spec *nodes = sm_arena_array(&w->objects->arena, sm_node_spec, n_nodes);
  if (nodes == NULL) return sm_arena_fail(&w->objects->arena, n_nodes * sizeof *nodes, err);
  SM_TRY(name_parts(w, err));
  SM_TRY(make_nodes(nodes, w, err));
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

/* ---- Default values ---- */

/* That of a parameter of the function; {NULL, 0}: it has none that is a tensor. */
static sm_string default_of(const wrapping *w, const sm_built_argument *argument) {
  const sm_built_parameters *parameters = w->parameters;
  if (!argument->is_whole || argument->item >= parameters->n_names) return (sm_string){NULL, 0};
  const sm_structured *value = parameters->defaults[argument->item];
  return value != NULL && value->kind == SM_STRUCTURED_TENSOR ? value->proto : (sm_string){NULL, 0};
}

/* Does a value of that dtype and shape fit? */
static bool fits(const sm_structured *spec, const sm_tensor_proto *proto) {
  if (spec->dtype != proto->dtype) return false;
  if (spec->rank < 0) return true;
  if (spec->rank != proto->shape.rank) return false;
  for (int32_t i = 0; i < spec->rank; i++)
    if (spec->dims[i] >= 0 && spec->dims[i] != proto->shape.dims[i]) return false;
  return true;
}

static sm_status check_default(const wrapping *w, size_t i, sm_string bytes, sm_error *err) {
  sm_tensor_proto proto;
  sm_arena scratch;
  const sm_wire_source source = {.name = "default value", .bytes = {(const uint8_t *)bytes.data, bytes.size}};
  sm_arena_init(&scratch, w->objects->allocator, UINT64_MAX);
  sm_status status = sm_tensor_proto_read(&proto, (sm_spans){&source.bytes, 1}, &source, &scratch, err);
  if (status == SM_OK && !fits(w->out->function.in[i], &proto))
    status = SM_FAIL(err, SM_INVALID_ARGUMENT,
                     "input \"%.100s\": its default, of dtype %d and rank %d, is none of its values",
                     w->inputs[i]->name, (int)proto.dtype, (int)proto.shape.rank);
  sm_arena_free(&scratch);
  return status;
}

static sm_status take_defaults(wrapping *w, const sm_built_signature *signature, bool has_own, sm_error *err) {
  size_t n = w->inner->n_in, n_found = 0;
  sm_string *defaults = sm_arena_array(&w->objects->arena, sm_string, n);
  if (defaults == NULL) return sm_arena_fail(&w->objects->arena, n * sizeof *defaults, err);
  for (size_t i = 0; i < n; i++) {
    if (has_own) defaults[i] = default_of(w, w->inputs[i]);
    const sm_built_default *given = sm_built_find_default(signature, w->inputs[i]->name);
    n_found += given != NULL;
    if (given != NULL) defaults[i] = given->proto;
    if (defaults[i].data != NULL) SM_TRY(check_default(w, i, defaults[i], err));
  }
  w->out->defaults = defaults;
  return n_found == signature->n_defaults
             ? SM_OK
             : SM_FAIL(err, SM_INVALID_ARGUMENT, "%zu of its default values are for inputs that it has not",
                       signature->n_defaults - n_found);
}

/* ---- All ---- */

/* Is it a concrete function that is called as those of signatures are, with names alone, and that returns a dict whose
 * tensors know their names? Then none is needed around it. */
static bool is_for_servers(const wrapping *w, const sm_built_object *object) {
  const sm_structured *inputs = &w->inner->inputs, *outputs = &w->inner->outputs;
  if (object->kind != SM_BUILT_CONCRETE_FUNCTION || inputs->items[0].n_items != 0) return false;
  if (inputs->items[1].n_items != w->inner->n_in || outputs->kind != SM_STRUCTURED_DICT) return false;
  for (size_t i = 0; i < w->inner->n_in; i++)
    if (index_of(w, w->inputs[i]) != i || strcmp(w->inner->in[i]->text, w->inputs[i]->name) != 0) return false;
  for (size_t i = 0; i < outputs->n_items; i++)
    if (outputs->items[i].kind != SM_STRUCTURED_TYPE_SPEC && strcmp(outputs->items[i].text, outputs->keys[i]) != 0)
      return false;
  return true;
}

sm_status sm_built_wrap_one(sm_built_wrapper *out, sm_object_graph *objects, const sm_built_signature *signature,
                            sm_error *err) {
  const sm_built_object *object = objects->objects[signature->function];
  const sm_built_functions *functions = &object->functions;
  wrapping w = {.objects = objects,
                .out = out,
                .inner = &functions->items[signature->trace],
                .parameters = &functions->parameters,
                .keywords = object->kind == SM_BUILT_CONCRETE_FUNCTION ? object->calling.keywords : NULL};
  size_t n = w.inner->n_in + w.inner->n_out + w.inner->n_captures;
  w.inputs = sm_arena_array(&objects->arena, const sm_built_argument *, w.inner->n_in);
  w.parts = sm_arena_array(&objects->arena, sm_function_part, n);
  if (w.inputs == NULL || w.parts == NULL) return sm_arena_fail(&objects->arena, n * sizeof *w.parts, err);
  out->key = signature->key;
  out->inner = w.inner;
  out->function.captures = w.inner->captures;
  out->function.n_captures = w.inner->n_captures;
  SM_TRY(name_inputs(&w, err));
  SM_TRY(name_outputs(&w, err));
  if (is_for_servers(&w, object)) {
    out->object = signature->function;
    out->function = *w.inner;
    out->parameters = *w.parameters;
    return take_defaults(&w, signature, false, err);
  }
  SM_TRY(describe_inputs(&w, err));
  SM_TRY(describe_outputs(&w, err));
  SM_TRY(make_function(&w, err));
  return take_defaults(&w, signature, functions->is_fixed, err);
}
