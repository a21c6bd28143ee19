/* The main graph of objects, which sessions run: handles of variables and resources, constants, assets, and calls. */
#include "builder/built_objects.h"

static const char CALL[] = "StatefulPartitionedCall";

typedef struct main_maker {
  sm_built_main *main;
  sm_object_graph *objects;
  const sm_built_layout *layout;
  const char **initializers; /* "^node" of what the init op runs: paths of assets are kept, resources filled */
  size_t n_initializers;
} main_maker;

/* ---- Objects ---- */

static sm_status add_variable(main_maker *m, const sm_built_object *object, sm_error *err) {
  const sm_built_value *value = &object->value;
  const sm_shape *shape = &object->variable.shape;
  const sm_attr attrs[] = {sm_attr_type("dtype", value->dtype), sm_attr_shape("shape", shape->dims, shape->rank),
                           sm_attr_string("shared_name", object->node)};
  return sm_graph_add_node(
      m->main->graph, &(sm_node_spec){.op = "VarHandleOp", .name = object->node, .attrs = attrs, .n_attrs = 3}, err);
}

static sm_status add_table(main_maker *m, const sm_built_object *object, sm_error *err) {
  const sm_lookup_table *spec = object->resource.table;
  const sm_attr attrs[] = {sm_attr_type("key_dtype", spec->key_dtype), sm_attr_type("value_dtype", spec->value_dtype),
                           sm_attr_string("shared_name", object->node)};
  return sm_graph_add_node(m->main->graph,
                           &(sm_node_spec){.op = spec->is_mutable ? "MutableHashTableV2" : "HashTableV2",
                                           .name = object->node,
                                           .attrs = attrs,
                                           .n_attrs = 3},
                           err);
}

/* A loader feeds the path to the init op alone, so that functions called later read it from a variable: asset.py,
 * _export_to_saved_model_graph (python/trackable). */
static sm_status keep_path(main_maker *m, sm_built_object *object, sm_error *err) {
  const char *handle, *assign;
  object->fed = object->node;
  SM_TRY(sm_built_print(&handle, m->main->arena, err, "%s/Path", object->fed));
  SM_TRY(sm_built_main_name(&handle, m->main, handle, err));
  SM_TRY(sm_built_print(&assign, m->main->arena, err, "%s/Assign", handle));
  SM_TRY(sm_built_main_name(&assign, m->main, assign, err));
  SM_TRY(sm_built_print(&object->node, m->main->arena, err, "%s/Read/ReadVariableOp", handle));
  SM_TRY(sm_built_main_name(&object->node, m->main, object->node, err));
  const sm_attr attrs[] = {sm_attr_type("dtype", SM_DT_STRING), sm_attr_shape("shape", NULL, 0),
                           sm_attr_string("shared_name", handle)};
  const sm_node_spec variable = {.op = "VarHandleOp", .name = handle, .attrs = attrs, .n_attrs = 3};
  const sm_node_spec read = {"ReadVariableOp", object->node, &handle, 1, attrs, 1, NULL};
  SM_TRY(sm_graph_add_node(m->main->graph, &variable, err));
  SM_TRY(sm_graph_add(m->main->graph, "AssignVariableOp", assign, SM_NAMES(handle, object->fed), err));
  SM_TRY(sm_graph_add_node(m->main->graph, &read, err));
  return sm_built_print(&m->initializers[m->n_initializers++], m->main->arena, err, "^%s", assign);
}

static sm_status add_asset(main_maker *m, sm_built_object *object, sm_error *err) {
  object->asset_index = (int32_t)m->main->n_assets;
  sm_asset_spec *asset = &m->main->assets[m->main->n_assets++];
  *asset = object->asset;
  SM_TRY(sm_built_print(&asset->tensor_name, m->main->arena, err, "%s:0", object->node));
  SM_TRY(sm_graph_add_placeholder(m->main->graph, object->node, SM_DT_STRING, NULL, 0, err));
  return keep_path(m, object, err);
}

static sm_status add_constant(main_maker *m, const sm_built_object *object, sm_error *err) {
  sm_tensor_view view;
  if (object->value.size > INT32_MAX)
    return SM_FAIL(err, SM_RESOURCE_EXHAUSTED,
                   "a constant of %zu bytes, and a graph has less than 2 GiB: move_constants_above makes it a variable",
                   object->value.size);
  sm_built_view(&view, &object->value);
  return sm_graph_add_const(m->main->graph, object->node, &view, err);
}

static bool has_node(const sm_built_object *object) {
  switch (object->kind) {
    case SM_BUILT_VARIABLE:
    case SM_BUILT_CONSTANT:
    case SM_BUILT_ASSET:
    case SM_BUILT_SLOT: return true;
    case SM_BUILT_RESOURCE: return object->resource.table != NULL; /* the others are called for */
    default: return false;
  }
}

static sm_status add_object(main_maker *m, sm_built_object *object, sm_error *err) {
  if (!has_node(object)) return SM_OK;
  SM_TRY(sm_built_main_name(&object->node, m->main, object->path.data, err));
  switch (object->kind) {
    case SM_BUILT_RESOURCE: return add_table(m, object, err);
    case SM_BUILT_ASSET: return add_asset(m, object, err);
    case SM_BUILT_CONSTANT: return add_constant(m, object, err);
    default: return add_variable(m, object, err);
  }
}

/* ---- Calls ---- */

/* A call of a function that is passed nothing. */
static sm_status add_plain_call(const char **name, main_maker *m, const sm_built_function *function, const char *wanted,
                                sm_error *err) {
  const char **inputs = sm_arena_array(m->main->arena, const char *, function->n_captures);
  if (inputs == NULL) return sm_arena_fail(m->main->arena, function->n_captures * sizeof *inputs, err);
  return sm_built_main_call(name, m->main, m->objects, function, wanted, inputs, err);
}

/* The handle of a resource is what its function returns. */
static sm_status add_resource(main_maker *m, sm_built_object *object, sm_error *err) {
  const sm_built_object *maker = sm_built_child(m->objects, object, "_create_resource");
  if (object->kind != SM_BUILT_RESOURCE || object->resource.table != NULL) return SM_OK;
  return add_plain_call(&object->node, m, maker->functions.items, object->path.data, err);
}

/* ---- Filling resources ---- */

static sm_status add_initializer(main_maker *m, const sm_built_object *object, sm_error *err) {
  const char *call;
  const sm_built_object *initializer = sm_built_child(m->objects, object, "_initialize");
  if (initializer == NULL || initializer->functions.n == 0) return SM_OK;
  SM_TRY(add_plain_call(&call, m, initializer->functions.items, CALL, err));
  return sm_built_print(&m->initializers[m->n_initializers++], m->main->arena, err, "^%s", call);
}

static sm_status add_init_op(main_maker *m, sm_error *err) {
  m->main->is_filling = true;
  for (int32_t i = 0; i < m->layout->n_objects; i++) {
    const sm_built_object *object = m->objects->objects[m->layout->saved[i]];
    if (object->kind == SM_BUILT_RESOURCE) SM_TRY(add_initializer(m, object, err));
  }
  m->main->is_filling = false;
  SM_TRY(sm_built_main_name(&m->main->init_op, m->main, "NoOp", err));
  return sm_graph_add(m->main->graph, "NoOp", m->main->init_op, m->initializers, m->n_initializers, err);
}

/* ---- All ---- */

static sm_status add_objects(main_maker *m, sm_status (*add)(main_maker *m, sm_built_object *object, sm_error *err),
                             sm_error *err) {
  for (int32_t i = 0; i < m->layout->n_saved; i++) {
    sm_built_object *object = m->objects->objects[m->layout->saved[i]];
    sm_status status = add(m, object, err);
    if (status == SM_OK) continue;
    sm_error_add_place(err, object->path.data);
    return status;
  }
  return SM_OK;
}

sm_status sm_built_main_make(sm_built_main *main, sm_object_graph *objects, const sm_built_layout *layout,
                             const sm_built_wrappers *wrappers, sm_error *err) {
  main_maker m = {.main = main, .objects = objects, .layout = layout};
  main->assets = sm_arena_array(main->arena, sm_asset_spec, (size_t)layout->n_objects);
  m.initializers = sm_arena_array(main->arena, const char *, (size_t)layout->n_objects);
  if (main->assets == NULL || m.initializers == NULL)
    return sm_arena_fail(main->arena, (size_t)layout->n_objects * sizeof *main->assets, err);
  SM_TRY(add_objects(&m, add_object, err));
  SM_TRY(add_objects(&m, add_resource, err));
  SM_TRY(sm_built_main_add_signatures(main, objects, wrappers, err));
  return add_init_op(&m, err);
}
