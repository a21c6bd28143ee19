/* Lookup tables: resources with functions that are made here. Python calls them when a model is loaded:
 * TrackableResource._create_resource, _initialize and _destroy_resource (python/trackable/resource.py); mutable tables are
 * saved by others (python/ops/lookup_ops.py). */
#include "builder/built_objects.h"

typedef struct table_maker {
  sm_object_graph *objects;
  int32_t number;
  const sm_lookup_table *table;
  sm_built_value keys, values; /* of a table without, that it has nothing */
  const char *name;            /* stem of its functions' names */
} table_maker;

static const sm_function_part TABLE = {.name = "table", .dtype = SM_DT_RESOURCE};

/* How mutable tables are saved: python/ops/lookup_ops.py, MutableHashTable._Saveable. */
static const char SAVEABLE[] = "table", KEYS[] = "-keys", VALUES[] = "-values";

/* ---- Pieces ---- */

static sm_status begin(sm_built_function *out, sm_string *name, table_maker *m, const char *verb, sm_error *err) {
  const char *stem;
  SM_TRY(sm_built_print(&stem, &m->objects->arena, err, "%s_%s", m->name, verb));
  SM_TRY(sm_built_name_function(name, m->objects, stem, err));
  out->name = *name;
  return sm_built_arguments(&out->inputs, m->objects, NULL, 0, err);
}

static sm_status capture(sm_built_function *out, table_maker *m, int32_t first, int32_t second, sm_error *err) {
  int32_t *captures = sm_arena_array(&m->objects->arena, int32_t, 2);
  if (captures == NULL) return sm_arena_fail(&m->objects->arena, 2 * sizeof *captures, err);
  captures[0] = first;
  captures[1] = second;
  out->captures = captures;
  out->n_captures = second >= 0 ? 2 : 1;
  return SM_OK;
}

/* A Const that says that it is done; tables return 1. */
static const int32_t ONE = 1;

static sm_tensor_view *scalar(sm_tensor_view *view, sm_dtype dtype, const void *data, size_t size) {
  view->dtype = dtype;
  view->rank = 0;
  view->data = data;
  view->size = size;
  return view;
}

static const sm_shape SCALAR = {.rank = 0}, UNKNOWN = {.rank = -1};

/* A concrete function that nothing leads to. */
static sm_status add_bare(sm_built_object **out, int32_t *number, table_maker *m, sm_error *err) {
  sm_built_function *function = sm_arena_new(&m->objects->arena, sm_built_function);
  if (function == NULL) return sm_arena_fail(&m->objects->arena, sizeof *function, err);
  SM_TRY(sm_built_add(out, number, m->objects, SM_OBJECT_NONE, m->name, SM_BUILT_CONCRETE_FUNCTION, err));
  (*out)->functions = (sm_built_functions){.items = function, .n = 1};
  return SM_OK;
}

static sm_status no_text(sm_structured *value, sm_object_graph *objects, sm_error *err) {
  sm_structured copy = *value;
  return sm_structured_copy(value, &copy, &objects->arena, err);
}

/* A function of nodes, the first of which is the Const "one" that it returns; the last is the control output. */
static sm_status finish(sm_built_function *out, table_maker *m, sm_function_parts *parts, sm_error *err) {
  sm_structured inputs = out->inputs;
  SM_TRY(sm_structured_copy(&out->inputs, &inputs, &m->objects->arena, err));
  SM_TRY(no_text(&out->outputs, m->objects, err));
  return sm_built_make_function(out, m->objects, parts, err);
}

/* ---- Making and unmaking ---- */

static sm_status make_create(table_maker *m, sm_error *err) {
  const sm_lookup_table *spec = m->table;
  sm_built_function *out;
  sm_string name;
  SM_TRY(sm_built_add_plain_function(&out, m->objects, m->number, "_create_resource", err));
  SM_TRY(begin(out, &name, m, "create_resource", err));
  out->outputs = sm_built_spec("", SM_DT_RESOURCE, SCALAR);
  const char *shared_name = name.data + strspn(name.data, "_"); /* which may not begin with one: resource_mgr.cc */
  const sm_attr attrs[] = {sm_attr_type("key_dtype", spec->key_dtype), sm_attr_string("shared_name", shared_name),
                           sm_attr_type("value_dtype", spec->value_dtype)};
  const sm_node_spec node = {
      .op = spec->is_mutable ? "MutableHashTableV2" : "HashTableV2", .name = "make", .attrs = attrs, .n_attrs = 3};
  const sm_function_part handle = {"handle", SM_DT_RESOURCE, "make:table_handle:0"};
  sm_function_parts parts = {
      .name = name.data, .outputs = &handle, .n_outputs = 1, .nodes = &node, .n_nodes = 1, .control = "make"};
  return finish(out, m, &parts, err);
}

/* Returns 1; nodes: of which the first is for that. */
static sm_status make_done(sm_built_function *out, table_maker *m, sm_string name, const sm_function_part *inputs,
                           size_t n_inputs, sm_node_spec *nodes, size_t n_nodes, sm_error *err) {
  sm_tensor_view view;
  const sm_attr attrs[] = {sm_attr_type("dtype", SM_DT_INT32),
                           sm_attr_tensor("value", scalar(&view, SM_DT_INT32, &ONE, sizeof ONE))};
  const sm_function_part result = {"done", SM_DT_INT32, "one:output:0"};
  out->outputs = sm_built_spec("", SM_DT_INT32, SCALAR);
  nodes[0] = (sm_node_spec){.op = "Const", .name = "one", .attrs = attrs, .n_attrs = 2};
  sm_function_parts parts = {.name = name.data,
                             .inputs = inputs,
                             .n_inputs = n_inputs,
                             .outputs = &result,
                             .n_outputs = 1,
                             .nodes = nodes,
                             .n_nodes = n_nodes,
                             .control = n_nodes > 1 ? nodes[n_nodes - 1].name : NULL};
  return finish(out, m, &parts, err);
}

static sm_status make_destroy(table_maker *m, sm_error *err) {
  sm_built_function *out;
  sm_node_spec node;
  sm_string name;
  SM_TRY(sm_built_add_plain_function(&out, m->objects, m->number, "_destroy_resource", err));
  SM_TRY(begin(out, &name, m, "destroy_resource", err));
  return make_done(out, m, name, NULL, 0, &node, 1, err);
}

/* ---- Filling ---- */

static sm_status make_from_file(sm_built_function *out, table_maker *m, sm_string name, sm_error *err) {
  const sm_lookup_table *spec = m->table;
  const char delimiter[] = {spec->delimiter != 0 ? spec->delimiter : '\t', '\0'};
  const sm_attr attrs[] = {sm_attr_string("delimiter", delimiter), sm_attr_int("key_index", spec->key_index),
                           sm_attr_int("value_index", spec->value_index)};
  const sm_function_part inputs[] = {{.name = "filename", .dtype = SM_DT_STRING}, TABLE};
  sm_node_spec nodes[] = {{.op = NULL},
                          {.op = "InitializeTableFromTextFileV2",
                           .name = "fill",
                           .inputs = (const char *[]){"table", "filename"},
                           .n_inputs = 2,
                           .attrs = attrs,
                           .n_attrs = 3}};
  SM_TRY(capture(out, m, spec->asset, m->number, err));
  return make_done(out, m, name, inputs, 2, nodes, 2, err);
}

static sm_status make_from_pairs(sm_built_function *out, table_maker *m, sm_string name, sm_error *err) {
  sm_tensor_view keys, values;
  sm_built_view(&keys, &m->keys);
  sm_built_view(&values, &m->values);
  const sm_attr key_attrs[] = {sm_attr_type("dtype", keys.dtype), sm_attr_tensor("value", &keys)};
  const sm_attr value_attrs[] = {sm_attr_type("dtype", values.dtype), sm_attr_tensor("value", &values)};
  const sm_attr attrs[] = {sm_attr_type("Tin", keys.dtype), sm_attr_type("Tout", values.dtype)};
  sm_node_spec nodes[] = {{.op = NULL},
                          {.op = "Const", .name = "keys", .attrs = key_attrs, .n_attrs = 2},
                          {.op = "Const", .name = "values", .attrs = value_attrs, .n_attrs = 2},
                          {.op = "LookupTableImportV2",
                           .name = "fill",
                           .inputs = (const char *[]){"table", "keys:output:0", "values:output:0"},
                           .n_inputs = 3,
                           .attrs = attrs,
                           .n_attrs = 2}};
  SM_TRY(capture(out, m, m->number, -1, err));
  return make_done(out, m, name, &TABLE, 1, nodes, 4, err);
}

static sm_status make_initialize(table_maker *m, sm_error *err) {
  sm_built_function *out;
  sm_node_spec node;
  sm_string name;
  SM_TRY(sm_built_add_plain_function(&out, m->objects, m->number, "_initialize", err));
  SM_TRY(begin(out, &name, m, "initialize", err));
  if (m->table->is_mutable) return make_done(out, m, name, NULL, 0, &node, 1, err); /* the checkpoint fills it */
  return m->table->asset != 0 ? make_from_file(out, m, name, err) : make_from_pairs(out, m, name, err);
}

/* ---- Saving, of mutable tables ---- */

/* A list of two dicts {name, slice_spec, tensor}: how python/ops/lookup_ops.py has saveables returned. */
static sm_status save_outputs(sm_structured *out, table_maker *m, sm_error *err) {
  static const char *const keys[] = {"name", "slice_spec", "tensor"};
  const sm_lookup_table *spec = m->table;
  sm_structured specs[] = {sm_built_spec("", SM_DT_STRING, SCALAR),     sm_built_spec("", SM_DT_STRING, SCALAR),
                           sm_built_spec("", spec->key_dtype, UNKNOWN), sm_built_spec("", SM_DT_STRING, SCALAR),
                           sm_built_spec("", SM_DT_STRING, SCALAR),     sm_built_spec("", spec->value_dtype, UNKNOWN)};
  sm_structured dicts[] = {{.kind = SM_STRUCTURED_DICT, .items = specs, .n_items = 3, .keys = keys},
                           {.kind = SM_STRUCTURED_DICT, .items = specs + 3, .n_items = 3, .keys = keys}};
  const sm_structured list = {.kind = SM_STRUCTURED_LIST, .items = dicts, .n_items = 2};
  return sm_structured_copy(out, &list, &m->objects->arena, err);
}

static sm_status make_save(sm_built_function *out, table_maker *m, sm_error *err) {
  const sm_lookup_table *spec = m->table;
  sm_string name;
  const sm_string texts[] = {sm_string_of(KEYS), sm_string_of(VALUES), {"", 0}};
  sm_tensor_view views[3];
  const sm_attr string = sm_attr_type("dtype", SM_DT_STRING), two = sm_attr_int("N", 2);
  sm_attr consts[3][2];
  for (size_t i = 0; i < 3; i++) {
    consts[i][0] = string;
    consts[i][1] = sm_attr_tensor("value", scalar(&views[i], SM_DT_STRING, &texts[i], sizeof texts[i]));
  }
  const sm_attr types[] = {sm_attr_type("Tkeys", spec->key_dtype), sm_attr_type("Tvalues", spec->value_dtype)};
  const sm_node_spec nodes[] = {
      {.op = "Const", .name = "key_suffix", .attrs = consts[0], .n_attrs = 2},
      {.op = "Const", .name = "value_suffix", .attrs = consts[1], .n_attrs = 2},
      {.op = "Const", .name = "whole", .attrs = consts[2], .n_attrs = 2},
      {"StringJoin", "key_name", (const char *[]){"checkpoint_key", "key_suffix:output:0"}, 2, &two, 1, NULL},
      {"StringJoin", "value_name", (const char *[]){"checkpoint_key", "value_suffix:output:0"}, 2, &two, 1, NULL},
      {"LookupTableExportV2", "export", (const char *[]){"table"}, 1, types, 2, NULL}};
  const sm_function_part inputs[] = {{.name = "checkpoint_key", .dtype = SM_DT_STRING}, TABLE};
  const sm_function_part results[] = {
      {"keys_name", SM_DT_STRING, "key_name:output:0"}, {"keys_slice", SM_DT_STRING, "whole:output:0"},
      {"keys", spec->key_dtype, "export:keys:0"},       {"values_name", SM_DT_STRING, "value_name:output:0"},
      {"values_slice", SM_DT_STRING, "whole:output:0"}, {"values", spec->value_dtype, "export:values:0"}};
  SM_TRY(begin(out, &name, m, "save_fn", err));
  const sm_structured key = sm_built_spec("checkpoint_key", SM_DT_STRING, SCALAR);
  SM_TRY(sm_built_arguments(&out->inputs, m->objects, &key, 1, err));
  SM_TRY(capture(out, m, m->number, -1, err));
  SM_TRY(save_outputs(&out->outputs, m, err));
  sm_function_parts parts = {.name = name.data,
                             .inputs = inputs,
                             .n_inputs = 2,
                             .outputs = results,
                             .n_outputs = 6,
                             .nodes = nodes,
                             .n_nodes = 6,
                             .control = "export"};
  return finish(out, m, &parts, err);
}

static sm_status make_restore(sm_built_function *out, table_maker *m, sm_error *err) {
  const sm_lookup_table *spec = m->table;
  sm_string name;
  const sm_attr attrs[] = {sm_attr_type("Tin", spec->key_dtype), sm_attr_type("Tout", spec->value_dtype)};
  const sm_function_part inputs[] = {{.name = "restored_tensors_0", .dtype = spec->key_dtype},
                                     {.name = "restored_tensors_1", .dtype = spec->value_dtype},
                                     TABLE};
  sm_node_spec nodes[] = {{.op = NULL},
                          {.op = "LookupTableImportV2",
                           .name = "fill",
                           .inputs = (const char *[]){"table", "restored_tensors_0", "restored_tensors_1"},
                           .n_inputs = 3,
                           .attrs = attrs,
                           .n_attrs = 2}};
  SM_TRY(begin(out, &name, m, "restore_fn", err));
  const sm_structured specs[] = {sm_built_spec("restored_tensors_0", spec->key_dtype, UNKNOWN),
                                 sm_built_spec("restored_tensors_1", spec->value_dtype, UNKNOWN)};
  SM_TRY(sm_built_arguments(&out->inputs, m->objects, specs, 2, err));
  SM_TRY(capture(out, m, m->number, -1, err));
  return make_done(out, m, name, inputs, 3, nodes, 2, err);
}

static sm_status make_saveable(table_maker *m, sm_error *err) {
  sm_built_object *save, *restore, *table = m->objects->objects[m->number];
  int32_t numbers[2];
  SM_TRY(add_bare(&save, &numbers[0], m, err));
  SM_TRY(make_save(save->functions.items, m, err));
  SM_TRY(sm_built_call(&save->calling, m->objects, save->functions.items, NULL, err));
  SM_TRY(add_bare(&restore, &numbers[1], m, err));
  SM_TRY(make_restore(restore->functions.items, m, err));
  SM_TRY(sm_built_call(&restore->calling, m->objects, restore->functions.items, NULL, err));
  SM_TRY(sm_object_graph_add_saveable(m->objects, m->number, SAVEABLE, numbers[0], numbers[1], err));
  SM_TRY(sm_built_add_tensor(m->objects, table, SAVEABLE, KEYS, &m->keys, err));
  return sm_built_add_tensor(m->objects, table, SAVEABLE, VALUES, &m->values, err);
}

/* ---- Tables ---- */

static sm_status check_contents(table_maker *m, int32_t parent, const char *name, const sm_lookup_table *spec,
                                sm_error *err) {
  bool has_keys, has_values;
  static const int64_t none[] = {0};
  sm_object_graph *objects = m->objects;
  SM_TRY(sm_built_copy_value(&m->keys, &has_keys, objects, spec->keys, err));
  SM_TRY(sm_built_copy_value(&m->values, &has_values, objects, spec->values, err));
  bool has_asset = spec->asset != 0;
  if ((spec->keys != NULL && !has_keys) || (spec->values != NULL && !has_values) || has_keys != has_values)
    return sm_built_fail(objects, parent, name,
                         "a table with keys or values that are no tensors, or with one of the two", err);
  if (spec->is_mutable ? has_asset : has_asset == has_keys)
    return sm_built_fail(objects, parent, name, "a table of keys and values, or of a file", err);
  if (!has_keys) {
    m->keys = (sm_built_value){.dtype = spec->key_dtype, .shape = {1, none}, .is_given = true};
    m->values = (sm_built_value){.dtype = spec->value_dtype, .shape = {1, none}, .is_given = true};
  }
  if (m->keys.dtype != spec->key_dtype || m->values.dtype != spec->value_dtype)
    return sm_built_fail(objects, parent, name, "keys or values of another dtype than the table's", err);
  if (m->keys.shape.rank != 1 || m->values.shape.rank != 1 || m->keys.shape.dims[0] != m->values.shape.dims[0])
    return sm_built_fail(objects, parent, name, "keys and values have to be of one dimension, and as many", err);
  return SM_OK;
}

static sm_status check_table(sm_object_graph *objects, int32_t parent, const char *name, const sm_lookup_table *spec,
                             sm_error *err) {
  sm_built_object *asset;
  if (sm_dtype_name(spec->key_dtype) == NULL || sm_dtype_name(spec->value_dtype) == NULL)
    return sm_built_fail(objects, parent, name, "a table without dtypes", err);
  if (spec->asset == 0) return SM_OK;
  SM_TRY(sm_built_find(&asset, objects, spec->asset, err));
  return asset->kind == SM_BUILT_ASSET ? SM_OK : sm_built_fail(objects, parent, name, "its file is no asset", err);
}

static sm_status make_functions(table_maker *m, sm_error *err) {
  SM_TRY(make_create(m, err));
  SM_TRY(make_initialize(m, err));
  SM_TRY(make_destroy(m, err));
  return m->table->is_mutable ? make_saveable(m, err) : SM_OK;
}

sm_status sm_object_graph_add_table(int32_t *out, sm_object_graph *objects, int32_t parent, const char *name,
                                    const sm_lookup_table *spec, sm_error *err) {
  sm_built_object *object;
  table_maker m = {.objects = objects, .name = name != NULL ? name : "table"};
  sm_lookup_table *table = sm_arena_new(&objects->arena, sm_lookup_table);
  if (table == NULL) return sm_arena_fail(&objects->arena, sizeof *table, err);
  m.table = table;
  *table = *spec;
  SM_TRY(check_table(objects, parent, name, spec, err));
  SM_TRY(check_contents(&m, parent, name, spec, err));
  SM_TRY(sm_built_add(&object, &m.number, objects, parent, name, SM_BUILT_RESOURCE, err));
  object->resource.table = table;
  if (out != NULL) *out = m.number;
  return make_functions(&m, err);
}
