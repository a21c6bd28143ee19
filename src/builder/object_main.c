/* The main graph of objects, which sessions run: handles of variables and tables, constants, assets, and calls. */
#include "builder/built_objects.h"

static const char CALL[] = "StatefulPartitionedCall";

typedef struct main_maker {
  sm_built_main *main;
  sm_object_graph *objects;
  const sm_built_layout *layout;
  const char **initializers; /* "^node" of calls that fill tables */
  size_t n_initializers;
} main_maker;

/* ---- Names ---- */

/* Names of nodes: [A-Za-z0-9.][A-Za-z0-9_.\\/-]* (core/framework/node_def_util.cc). */
static void make_plain(char *text) {
  for (char *p = text; *p != '\0'; p++) {
    bool is_word = (*p >= 'a' && *p <= 'z') || (*p >= 'A' && *p <= 'Z') || (*p >= '0' && *p <= '9') || *p == '.';
    bool is_inner = *p == '_' || *p == '/' || *p == '-';
    if (!is_word && !(is_inner && p != text)) *p = p == text ? 'x' : '_';
  }
}

sm_status sm_built_main_name(const char **out, sm_built_main *main, const char *wanted, sm_error *err) {
  enum { N_SMALL = 16 };
  sm_string plain = sm_arena_copy(main->arena, sm_string_of(*wanted != '\0' ? wanted : "node"));
  if (plain.data == NULL) return sm_arena_fail(main->arena, strlen(wanted) + 1, err);
  make_plain((char *)plain.data);
  *out = plain.data;
  for (size_t k = 1; sm_name_index_find(&main->names, sm_string_of(*out)) != SIZE_MAX; k++) {
    if (k == N_SMALL) k = main->names.n; /* so many have such numbers that a search would take n * n steps */
    SM_TRY(sm_built_print(out, main->arena, err, "%s_%zu", plain.data, k));
  }
  return sm_name_index_add(&main->names, sm_string_of(*out), err);
}

/* ---- Objects ---- */

static sm_status add_variable(main_maker *m, const sm_built_object *object, sm_error *err) {
  const sm_built_value *value = &object->value;
  const sm_attr attrs[] = {sm_attr_type("dtype", value->dtype),
                           sm_attr_shape("shape", value->shape.dims, value->shape.rank),
                           sm_attr_string("shared_name", object->node)};
  return sm_graph_add_node(
      m->main->graph, &(sm_node_spec){.op = "VarHandleOp", .name = object->node, .attrs = attrs, .n_attrs = 3}, err);
}

static sm_status add_table(main_maker *m, const sm_built_object *object, sm_error *err) {
  const sm_lookup_table *spec = &object->table->spec;
  const sm_attr attrs[] = {sm_attr_type("key_dtype", spec->key_dtype), sm_attr_type("value_dtype", spec->value_dtype),
                           sm_attr_string("shared_name", object->node)};
  return sm_graph_add_node(m->main->graph,
                           &(sm_node_spec){.op = spec->is_mutable ? "MutableHashTableV2" : "HashTableV2",
                                           .name = object->node,
                                           .attrs = attrs,
                                           .n_attrs = 3},
                           err);
}

static sm_status add_asset(main_maker *m, const sm_built_object *object, sm_error *err) {
  sm_asset_spec *asset = &m->main->assets[m->main->n_assets++];
  *asset = object->asset;
  SM_TRY(sm_built_print(&asset->tensor_name, m->main->arena, err, "%s:0", object->node));
  return sm_graph_add_placeholder(m->main->graph, object->node, SM_DT_STRING, NULL, 0, err);
}

static sm_status add_object(main_maker *m, sm_built_object *object, sm_error *err) {
  sm_tensor_view view;
  sm_built_kind kind = object->kind;
  if (kind == SM_BUILT_CONTAINER || kind == SM_BUILT_FUNCTION || kind == SM_BUILT_SLOT) return SM_OK;
  SM_TRY(sm_built_main_name(&object->node, m->main, object->path.data, err));
  if (kind == SM_BUILT_VARIABLE) return add_variable(m, object, err);
  if (kind == SM_BUILT_TABLE) return add_table(m, object, err);
  if (kind == SM_BUILT_ASSET) return add_asset(m, object, err);
  sm_built_view(&view, &object->value);
  return sm_graph_add_const(m->main->graph, object->node, &view, err);
}

/* ---- Calls ---- */

sm_status sm_built_main_call(const char **name, sm_built_main *main, const sm_object_graph *objects,
                             const sm_built_function *function, const char **inputs, sm_error *err) {
  sm_dtype *dtypes = sm_arena_array(main->arena, sm_dtype, function->n_out);
  if (dtypes == NULL) return sm_arena_fail(main->arena, function->n_out * sizeof *dtypes, err);
  for (size_t i = 0; i < function->n_out; i++) dtypes[i] = function->out[i]->dtype;
  for (size_t i = 0; i < function->n_captures; i++)
    inputs[function->n_in + i] = objects->objects[function->captures[i]]->node;
  const sm_attr attrs[] = {sm_attr_types("Tout", dtypes, function->n_out), sm_attr_func("f", function->name.data)};
  SM_TRY(sm_built_main_name(name, main, CALL, err));
  const sm_node_spec spec = {.op = CALL,
                             .name = *name,
                             .inputs = inputs,
                             .n_inputs = function->n_in + function->n_captures,
                             .attrs = attrs,
                             .n_attrs = 2};
  return sm_graph_add_node(main->graph, &spec, err);
}

/* ---- Filling tables ---- */

static sm_status add_initializer(main_maker *m, const sm_built_table *table, sm_error *err) {
  const sm_built_function *function = table->initialize.items;
  const char *inputs[2], *call;
  SM_TRY(sm_built_main_call(&call, m->main, m->objects, function, inputs, err));
  return sm_built_print(&m->initializers[m->n_initializers++], m->main->arena, err, "^%s", call);
}

static sm_status add_init_op(main_maker *m, sm_error *err) {
  int32_t n = m->layout->n_objects;
  m->initializers = sm_arena_array(m->main->arena, const char *, (size_t)n);
  if (m->initializers == NULL) return sm_arena_fail(m->main->arena, (size_t)n * sizeof *m->initializers, err);
  for (int32_t i = 0; i < n; i++) {
    const sm_built_object *object = m->objects->objects[m->layout->order[i]];
    if (object->kind == SM_BUILT_TABLE && !object->table->spec.is_mutable)
      SM_TRY(add_initializer(m, object->table, err));
  }
  SM_TRY(sm_built_main_name(&m->main->init_op, m->main, "NoOp", err));
  return sm_graph_add(m->main->graph, "NoOp", m->main->init_op, m->initializers, m->n_initializers, err);
}

/* ---- All ---- */

sm_status sm_built_main_make(sm_built_main *main, sm_object_graph *objects, const sm_built_layout *layout,
                             const sm_built_wrappers *wrappers, sm_error *err) {
  main_maker m = {.main = main, .objects = objects, .layout = layout};
  main->assets = sm_arena_array(main->arena, sm_asset_spec, (size_t)layout->n_objects);
  if (main->assets == NULL) return sm_arena_fail(main->arena, (size_t)layout->n_objects * sizeof *main->assets, err);
  for (int32_t i = 0; i < layout->n_objects; i++) {
    sm_built_object *object = objects->objects[layout->order[i]];
    sm_status status = add_object(&m, object, err);
    if (status == SM_OK) continue;
    sm_error_add_place(err, object->path.data);
    return status;
  }
  SM_TRY(sm_built_main_add_signatures(main, objects, wrappers, err));
  return add_init_op(&m, err);
}
