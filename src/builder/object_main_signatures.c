/* Signatures in the main graph: placeholders, a call of the function that servers call, and the SignatureDef that names them.
 * Source: python/saved_model/save.py, _generate_signatures; utils_impl.py, build_tensor_info_internal. */
#include "builder/built_objects.h"

typedef struct signing {
  sm_built_main *main;
  sm_object_graph *objects;
  const sm_built_wrapper *wrapper;
  const char *call; /* node */
} signing;

/* ---- Inputs ---- */

/* A Const and a PlaceholderWithDefault. */
static sm_status add_with_default(const char *name, signing *s, const sm_structured *spec, sm_string proto,
                                  sm_error *err) {
  enum { ATTR_TENSOR = 8 };
  const char *wanted, *value;
  sm_buffer tensor;
  SM_TRY(sm_built_print(&wanted, s->main->arena, err, "%s/input", name));
  SM_TRY(sm_built_main_name(&value, s->main, wanted, err));
  sm_buffer_init(&tensor, s->objects->allocator, UINT64_MAX);
  sm_status status = sm_wire_put_bytes(&tensor, ATTR_TENSOR, proto.data, proto.size, err);
  if (status == SM_OK) {
    const sm_attr attrs[] = {sm_attr_type("dtype", spec->dtype),
                             sm_attr_proto("value", (sm_string){(const char *)tensor.data, tensor.size})};
    status = sm_graph_add_node(s->main->graph,
                               &(sm_node_spec){.op = "Const", .name = value, .attrs = attrs, .n_attrs = 2}, err);
  }
  sm_buffer_free(&tensor);
  if (status != SM_OK) return status;
  const sm_attr attrs[] = {sm_attr_type("dtype", spec->dtype), sm_attr_shape("shape", spec->dims, spec->rank)};
  const sm_node_spec node = {
      .op = "PlaceholderWithDefault", .name = name, .inputs = &value, .n_inputs = 1, .attrs = attrs, .n_attrs = 2};
  return sm_graph_add_node(s->main->graph, &node, err);
}

static sm_status make_info(sm_tensor_info *out, const signing *s, const sm_structured *spec, const char *node,
                           size_t output, sm_error *err) {
  *out = (sm_tensor_info){.name = spec->text, .dtype = spec->dtype, .rank = spec->rank, .dims = spec->dims};
  return sm_built_print(&out->tensor_name, s->main->arena, err, "%s:%zu", node, output);
}

/* "serving_default_x"; a '/' would be a scope: python/saved_model/save.py, _to_safe_name_scope. */
static sm_status name_placeholder(const char **out, signing *s, const char *input, sm_error *err) {
  const char *wanted;
  SM_TRY(sm_built_print(&wanted, s->main->arena, err, "%s_%s", s->wrapper->key.data, input));
  for (char *p = (char *)(uintptr_t)wanted; *p != '\0'; p++)
    if (*p == '/') *p = '_';
  return sm_built_main_name(out, s->main, wanted, err);
}

static sm_status add_input(const sm_tensor_info **out, const char **node, signing *s, size_t i, sm_error *err) {
  const sm_structured *spec = s->wrapper->function.in[i];
  const sm_string proto = s->wrapper->defaults[i];
  sm_tensor_info *info = sm_arena_new(s->main->arena, sm_tensor_info);
  if (info == NULL) return sm_arena_fail(s->main->arena, sizeof *info, err);
  SM_TRY(name_placeholder(node, s, spec->text, err));
  SM_TRY(proto.data != NULL
             ? add_with_default(*node, s, spec, proto, err)
             : sm_graph_add_placeholder(s->main->graph, *node, spec->dtype, spec->dims, spec->rank, err));
  *out = info;
  return make_info(info, s, spec, *node, 0, err);
}

/* ---- Outputs ---- */

static sm_status make_components(sm_tensor_info *out, const signing *s, size_t first, size_t n, sm_error *err) {
  const sm_tensor_info **components = sm_arena_array(s->main->arena, const sm_tensor_info *, n);
  sm_tensor_info *infos = sm_arena_array(s->main->arena, sm_tensor_info, n);
  if (components == NULL || infos == NULL) return sm_arena_fail(s->main->arena, n * sizeof *infos, err);
  for (size_t i = 0; i < n; i++) {
    SM_TRY(make_info(&infos[i], s, s->wrapper->function.out[first + i], s->call, first + i, err));
    components[i] = &infos[i];
  }
  out->components = components;
  out->n_components = n;
  return SM_OK;
}

/* indices, values and dense_shape, which the message has in another order. */
static void make_coo_sparse(sm_tensor_info *info, const sm_structured *value) {
  enum { INDICES, VALUES, DENSE_SHAPE };
  const sm_tensor_info **parts = (const sm_tensor_info **)(uintptr_t)info->components;
  const sm_tensor_info *indices = parts[INDICES];
  const sm_structured *shape = &value->items[0].items[0]; /* of the state: (shape, dtype) */
  parts[INDICES] = parts[VALUES];
  parts[VALUES] = indices;
  info->kind = SM_TENSOR_COO_SPARSE;
  info->dtype = parts[0]->dtype;
  info->rank = shape->rank;
  info->dims = shape->dims;
}

static bool is_sparse(const sm_structured *value, size_t n) {
  enum { N_COMPONENTS = 3 };
  return value->type_spec_class == SM_TYPE_SPEC_SPARSE_TENSOR && n == N_COMPONENTS && value->n_items == 1 &&
         value->items[0].n_items != 0 && value->items[0].items[0].kind == SM_STRUCTURED_SHAPE;
}

static sm_status make_composite(sm_tensor_info *info, const signing *s, const sm_structured *value, sm_error *err) {
  sm_buffer spec;
  sm_buffer_init(&spec, s->objects->allocator, UINT64_MAX);
  sm_status status = sm_type_spec_write(&spec, value, err);
  if (status == SM_OK) {
    info->type_spec = sm_arena_copy(s->main->arena, (sm_string){(const char *)spec.data, spec.size});
    if (info->type_spec.data == NULL) status = sm_arena_fail(s->main->arena, spec.size + 1, err);
  }
  sm_buffer_free(&spec);
  info->kind = SM_TENSOR_COMPOSITE;
  info->rank = 0;
  return status;
}

/* first: of the call's outputs; moved past those of this one. */
static sm_status make_output(const sm_tensor_info **out, const signing *s, size_t i, size_t *first, sm_error *err) {
  const sm_structured *outputs = &s->wrapper->function.outputs, *value = &outputs->items[i], *const * specs;
  sm_tensor_info *info = sm_arena_new(s->main->arena, sm_tensor_info);
  size_t n, begin = *first;
  if (info == NULL) return sm_arena_fail(s->main->arena, sizeof *info, err);
  *out = info;
  SM_TRY(sm_structured_flatten(&specs, &n, value, s->main->arena, err));
  *first += n;
  if (value->kind != SM_STRUCTURED_TYPE_SPEC) return make_info(info, s, value, s->call, begin, err);
  info->name = outputs->keys[i];
  SM_TRY(make_components(info, s, begin, n, err));
  if (!is_sparse(value, n)) return make_composite(info, s, value, err);
  make_coo_sparse(info, value);
  return SM_OK;
}

/* ---- SignatureDefs ---- */

static sm_status list_defaults(sm_signature *out, const signing *s, sm_error *err) {
  const sm_built_function *function = &s->wrapper->function;
  sm_signature_default *values = sm_arena_array(s->main->arena, sm_signature_default, function->n_in);
  const sm_signature_default **list = sm_arena_array(s->main->arena, const sm_signature_default *, function->n_in);
  if (values == NULL || list == NULL) return sm_arena_fail(s->main->arena, function->n_in * sizeof *values, err);
  for (size_t i = 0; i < function->n_in; i++) {
    if (s->wrapper->defaults[i].data == NULL) continue;
    values[i] = (sm_signature_default){.name = function->in[i]->text, .tensor_proto = s->wrapper->defaults[i]};
    list[out->n_defaults++] = &values[i];
  }
  out->defaults = list;
  return SM_OK;
}

static sm_status add_signature(const sm_signature **out, signing *s, sm_error *err) {
  const sm_built_function *function = &s->wrapper->function;
  size_t n_in = function->n_in, n_out = function->outputs.n_items, first = 0;
  sm_signature *signature = sm_arena_new(s->main->arena, sm_signature);
  const sm_tensor_info **infos = sm_arena_array(s->main->arena, const sm_tensor_info *, n_in + n_out);
  const char **nodes = sm_arena_array(s->main->arena, const char *, n_in + function->n_captures);
  if (signature == NULL || infos == NULL || nodes == NULL)
    return sm_arena_fail(s->main->arena, (n_in + n_out) * sizeof *infos, err);
  for (size_t i = 0; i < n_in; i++) SM_TRY(add_input(&infos[i], &nodes[i], s, i, err));
  SM_TRY(sm_built_main_call(&s->call, s->main, s->objects, function, "StatefulPartitionedCall", nodes, err));
  for (size_t i = 0; i < n_out; i++) SM_TRY(make_output(&infos[n_in + i], s, i, &first, err));
  *signature = (sm_signature){.key = s->wrapper->key.data,
                              .method_name = SM_METHOD_PREDICT,
                              .inputs = infos,
                              .n_inputs = n_in,
                              .outputs = infos + n_in,
                              .n_outputs = n_out};
  *out = signature;
  return list_defaults(signature, s, err);
}

sm_status sm_built_main_add_signatures(sm_built_main *main, sm_object_graph *objects, const sm_built_wrappers *wrappers,
                                       sm_error *err) {
  main->signatures = sm_arena_array(main->arena, const sm_signature *, wrappers->n);
  if (main->signatures == NULL) return sm_arena_fail(main->arena, wrappers->n * sizeof *main->signatures, err);
  main->n_signatures = wrappers->n;
  for (size_t i = 0; i < wrappers->n; i++) {
    signing s = {.main = main, .objects = objects, .wrapper = &wrappers->items[i]};
    SM_TRY(add_signature(&main->signatures[i], &s, err));
  }
  return SM_OK;
}
