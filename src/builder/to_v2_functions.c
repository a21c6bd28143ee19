#include "builder/to_v2.h"

#include <savedmodel/pb/meta_graph.pb-c.h>

#include "builder/parameter_name.h"

enum { NODE_NAME = 1 }; /* field of NodeDef: proto/node_def.proto */

/* ---- Captures ---- */

void sm_convert_capture(sm_conversion *c, sm_string tensor, int32_t object) {
  c->captures[c->n_captures] = (sm_cut_arg){.tensor = tensor};
  c->captured[c->n_captures++] = object;
  sm_reach_node *node = sm_reach_find_node(&c->reach, tensor);
  if (node != NULL) node->is_input = true;
}

static sm_status keep_captures(sm_built_function *out, const sm_conversion *c, const sm_cut *cut, sm_error *err) {
  int32_t *captures = sm_arena_array(c->arena, int32_t, cut->n_captures);
  if (captures == NULL) return sm_arena_fail(c->arena, cut->n_captures * sizeof *captures, err);
  for (size_t i = 0; i < cut->n_captures; i++) {
    captures[i] = c->captured[cut->captures[i]];
    if (captures[i] >= 0) continue;
    return SM_FAIL(err, SM_INVALID_ARGUMENT, "it needs the variable %.*s, which nothing restores",
                   SM_SHOWN(c->captures[cut->captures[i]].tensor));
  }
  out->captures = captures;
  out->n_captures = cut->n_captures;
  return SM_OK;
}

/* ---- Functions ---- */

/* Graphs say of which version they are, and may have operations that are no more; TensorFlow takes functions for new ones. */
static sm_status check_ops(sm_conversion *c, sm_span def, sm_error *err) {
  sm_wire_reader reader = sm_wire_read(def, c->source);
  for (sm_wire_field field; sm_wire_next(&reader, &field);) {
    const sm_op_def *op_def;
    sm_string op;
    sm_span name;
    if (field.tag != SM_WIRE_TAG(SM_FUNCTION_NODE, SM_WIRE_BYTES)) continue;
    SM_TRY(sm_node_get_op(&op, field.bytes, c->source, err));
    SM_TRY(sm_op_defs_find(&op_def, &c->defs, op, err));
    if (op_def == NULL || op_def->proto->deprecation == NULL) continue;
    SM_TRY(sm_wire_find_bytes(&name, field.bytes, NODE_NAME, c->source, err));
    return SM_FAIL(err, SM_UNIMPLEMENTED, "node %.*s: graphs have no %.*s since version %d, and functions have none",
                   SM_SHOWN(sm_text_of(name)), SM_SHOWN(op), (int)op_def->proto->deprecation->version);
  }
  return sm_wire_finish(&reader, err);
}

sm_status sm_convert_cut(sm_built_function *out, sm_conversion *c, const char *stem, sm_cut_spec *spec, sm_error *err) {
  sm_cut cut;
  SM_TRY(sm_built_name_function(&out->name, c->objects, stem, err));
  spec->name = out->name;
  SM_TRY(sm_cut_function(&cut, &c->cut, spec, err));
  SM_TRY(keep_captures(out, c, &cut, err));
  const sm_span def = {(const uint8_t *)cut.function_def.data, cut.function_def.size};
  SM_TRY(check_ops(c, def, err));
  SM_TRY(sm_built_library_put(c->objects, out->name, def, err));
  const sm_structured inputs = out->inputs, outputs = out->outputs;
  SM_TRY(sm_structured_copy(&out->inputs, &inputs, c->arena, err));
  SM_TRY(sm_structured_copy(&out->outputs, &outputs, c->arena, err));
  return sm_built_flatten(out, c->objects, err);
}

/* ---- Signatures ---- */

/* An input or output. */
typedef struct named_tensor {
  sm_string key; /* that it is sorted by: its name, or what Python makes of it */
  const char *name;
  const Tensorflow__TensorInfo *info;
} named_tensor;

static bool key_less(const void *a, const void *b) {
  return sm_string_compare(((const named_tensor *)a)->key, ((const named_tensor *)b)->key) < 0;
}

static sm_status check_tensors(const named_tensor *tensors, size_t n, sm_error *err) {
  for (size_t i = 0; i < n; i++) {
    if (tensors[i].info == NULL || tensors[i].info->encoding_case != TENSORFLOW__TENSOR_INFO__ENCODING_NAME)
      return SM_FAIL(err, SM_UNIMPLEMENTED, "%.100s is no plain tensor", tensors[i].name);
    if (i > 0 && sm_string_equal(tensors[i].key, tensors[i - 1].key))
      return SM_FAIL(err, SM_UNIMPLEMENTED, "%.100s and %.100s are one name in Python", tensors[i - 1].name,
                     tensors[i].name);
  }
  return SM_OK;
}

static sm_status read_shape(sm_shape *out, sm_conversion *c, const Tensorflow__TensorInfo *info, sm_error *err) {
  const Tensorflow__TensorShapeProto *shape = info->tensor_shape;
  *out = (sm_shape){.rank = -1};
  if (shape == NULL || shape->unknown_rank || shape->n_dim > SM_MAX_RANK) return SM_OK;
  int64_t *dims = sm_arena_array(c->arena, int64_t, shape->n_dim);
  if (dims == NULL) return sm_arena_fail(c->arena, shape->n_dim * sizeof *dims, err);
  for (size_t i = 0; i < shape->n_dim; i++) dims[i] = shape->dim[i]->size;
  *out = (sm_shape){.rank = (int32_t)shape->n_dim, .dims = dims};
  return SM_OK;
}

/* Of the value, where the signature says that it is a reference to a variable. */
static sm_dtype dtype_of(const Tensorflow__TensorInfo *info) {
  return (sm_dtype)((int)info->dtype > SM_DT_REF_OFFSET ? info->dtype - SM_DT_REF_OFFSET : info->dtype);
}

/* The dict that the function takes, or returns, and where in the graph its tensors are. */
static sm_status make_dict(sm_structured *out, const sm_cut_arg **args, sm_conversion *c, const named_tensor *tensors,
                           size_t n, sm_error *err) {
  sm_structured *items = sm_arena_array(c->arena, sm_structured, n);
  const char **keys = sm_arena_array(c->arena, const char *, n);
  sm_cut_arg *cut = sm_arena_array(c->arena, sm_cut_arg, n);
  if (items == NULL || keys == NULL || cut == NULL) return sm_arena_fail(c->arena, n * sizeof *items, err);
  for (size_t i = 0; i < n; i++) {
    sm_shape shape;
    const Tensorflow__TensorInfo *info = tensors[i].info;
    SM_TRY(read_shape(&shape, c, info, err));
    keys[i] = tensors[i].key.data;
    items[i] = sm_built_spec(tensors[i].name, dtype_of(info), shape);
    cut[i] = (sm_cut_arg){.name = sm_string_of(tensors[i].name), .tensor = sm_string_of(info->name)};
    cut[i].dtype = dtype_of(info);
  }
  *out = (sm_structured){.kind = SM_STRUCTURED_DICT, .items = items, .n_items = n, .keys = keys};
  *args = cut;
  return SM_OK;
}

static sm_status list_inputs(named_tensor **out, sm_conversion *c, const Tensorflow__SignatureDef *signature,
                             sm_error *err) {
  *out = sm_arena_array(c->arena, named_tensor, signature->n_inputs);
  if (*out == NULL) return sm_arena_fail(c->arena, signature->n_inputs * sizeof **out, err);
  for (size_t i = 0; i < signature->n_inputs; i++) {
    (*out)[i] = (named_tensor){.name = signature->inputs[i]->key, .info = signature->inputs[i]->value};
    SM_TRY(sm_parameter_name(&(*out)[i].key, sm_string_of((*out)[i].name), c->arena, err));
  }
  sm_sort(*out, signature->n_inputs, sizeof **out, key_less);
  return check_tensors(*out, signature->n_inputs, err);
}

static sm_status list_outputs(named_tensor **out, sm_conversion *c, const Tensorflow__SignatureDef *signature,
                              sm_error *err) {
  *out = sm_arena_array(c->arena, named_tensor, signature->n_outputs);
  if (*out == NULL) return sm_arena_fail(c->arena, signature->n_outputs * sizeof **out, err);
  for (size_t i = 0; i < signature->n_outputs; i++)
    (*out)[i] = (named_tensor){.key = sm_string_of(signature->outputs[i]->key),
                               .name = signature->outputs[i]->key,
                               .info = signature->outputs[i]->value};
  sm_sort(*out, signature->n_outputs, sizeof **out, key_less);
  return check_tensors(*out, signature->n_outputs, err);
}

/* They have names alone. */
static sm_status name_parameters(sm_built_wrapper *out, const sm_conversion *c, const sm_structured *inputs,
                                 sm_error *err) {
  sm_parameter *parameters = sm_arena_array(c->arena, sm_parameter, inputs->n_items);
  if (parameters == NULL) return sm_arena_fail(c->arena, inputs->n_items * sizeof *parameters, err);
  for (size_t i = 0; i < inputs->n_items; i++) parameters[i].name = inputs->keys[i];
  const sm_function_spec spec = {.keyword_only = parameters, .n_keyword_only = inputs->n_items};
  return sm_built_make_parameters(&out->parameters, c->objects, &spec, err);
}

static sm_status convert_signature(sm_built_wrapper *out, sm_conversion *c, const Tensorflow__SignatureDef *signature,
                                   sm_error *err) {
  named_tensor *inputs, *outputs;
  const char *stem;
  sm_structured both[2] = {{.kind = SM_STRUCTURED_TUPLE}};
  sm_cut_spec spec = {.n_inputs = signature->n_inputs,
                      .n_outputs = signature->n_outputs,
                      .captures = c->captures,
                      .n_captures = c->n_captures};
  SM_TRY(list_inputs(&inputs, c, signature, err));
  SM_TRY(list_outputs(&outputs, c, signature, err));
  SM_TRY(make_dict(&both[1], &spec.inputs, c, inputs, spec.n_inputs, err));
  SM_TRY(make_dict(&out->function.outputs, &spec.outputs, c, outputs, spec.n_outputs, err));
  out->function.inputs = (sm_structured){.kind = SM_STRUCTURED_TUPLE, .items = both, .n_items = 2};
  SM_TRY(name_parameters(out, c, &both[1], err));
  SM_TRY(sm_built_print(&stem, c->arena, err, "signature_%s", out->key.data));
  return sm_convert_cut(&out->function, c, stem, &spec, err);
}

static bool is_callable(sm_string key) {
  return !sm_string_equal(key, sm_string_of(SM_KEY_INIT_OP)) && !sm_string_equal(key, sm_string_of(SM_KEY_TRAIN_OP));
}

static sm_status convert_entry(sm_conversion *c, const sm_wire_entry *entry, sm_error *err) {
  ProtobufCMessage *message;
  sm_spans value;
  char place[256];
  sm_built_wrapper *out = &c->signatures.items[c->signatures.n++];
  out->key = sm_arena_copy(c->arena, entry->key);
  if (out->key.data == NULL) return sm_arena_fail(c->arena, entry->key.size, err);
  SM_TRY(sm_wire_entry_value(&value, entry, c->source, c->arena, err));
  SM_TRY(sm_wire_unpack(&message, &tensorflow__signature_def__descriptor, value, c->source, c->arena, err));
  sm_status status = convert_signature(out, c, (const Tensorflow__SignatureDef *)message, err);
  if (status == SM_OK) return SM_OK;
  snprintf(place, sizeof place, "signature %.100s", out->key.data);
  sm_error_add_place(err, place);
  return status;
}

sm_status sm_convert_signatures(sm_conversion *c, sm_error *err) {
  sm_spans message;
  sm_wire_map map;
  SM_TRY(sm_draft_spans(&message, &c->edit.draft, err));
  SM_TRY(sm_wire_index_map(&map, message, SM_META_GRAPH_SIGNATURE, c->source, c->arena, err));
  c->signatures.items = sm_arena_array(c->arena, sm_built_wrapper, map.n);
  if (c->signatures.items == NULL) return sm_arena_fail(c->arena, map.n * sizeof *c->signatures.items, err);
  for (size_t i = 0; i < map.n; i++)
    if (is_callable(map.entries[i].key)) SM_TRY(convert_entry(c, &map.entries[i], err));
  return SM_OK;
}
