/* The functions of tables, which Python calls when a model is loaded: TrackableResource._create_resource, _initialize and
 * _destroy_resource (python/trackable/resource.py); how mutable tables are saved (python/ops/lookup_ops.py). */
#include "builder/built_objects.h"

typedef struct table_maker {
  sm_object_graph *objects;
  int32_t number;
  sm_built_table *table;
  const char *name; /* stem of its functions' names */
} table_maker;

static const sm_function_part TABLE = {.name = "table", .dtype = SM_DT_RESOURCE};

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

/* As a tf.function without arguments. */
static sm_status single(sm_built_functions *out, table_maker *m, sm_error *err) {
  out->n = 1;
  out->items = sm_arena_new(&m->objects->arena, sm_built_function);
  if (out->items == NULL) return sm_arena_fail(&m->objects->arena, sizeof *out->items, err);
  return sm_built_make_parameters(&out->parameters, m->objects, &(sm_function_spec){.n_parameters = 0}, err);
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
  const sm_lookup_table *spec = &m->table->spec;
  sm_string name;
  SM_TRY(single(&m->table->create, m, err));
  sm_built_function *out = m->table->create.items;
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
  sm_node_spec node;
  sm_string name;
  SM_TRY(single(&m->table->destroy, m, err));
  SM_TRY(begin(m->table->destroy.items, &name, m, "destroy_resource", err));
  return make_done(m->table->destroy.items, m, name, NULL, 0, &node, 1, err);
}

/* ---- Filling ---- */

static sm_status make_from_file(sm_built_function *out, table_maker *m, sm_string name, sm_error *err) {
  const sm_lookup_table *spec = &m->table->spec;
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
  const sm_built_table *table = m->table;
  sm_tensor_view keys, values;
  sm_built_view(&keys, &table->keys);
  sm_built_view(&values, &table->values);
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
  sm_node_spec node;
  sm_string name;
  SM_TRY(single(&m->table->initialize, m, err));
  sm_built_function *out = m->table->initialize.items;
  SM_TRY(begin(out, &name, m, "initialize", err));
  if (m->table->spec.is_mutable) return make_done(out, m, name, NULL, 0, &node, 1, err); /* the checkpoint fills it */
  return m->table->spec.asset != 0 ? make_from_file(out, m, name, err) : make_from_pairs(out, m, name, err);
}

/* ---- Saving, of mutable tables ---- */

/* A list of two dicts {name, slice_spec, tensor}: how python/ops/lookup_ops.py has saveables returned. */
static sm_status save_outputs(sm_structured *out, table_maker *m, sm_error *err) {
  static const char *const keys[] = {"name", "slice_spec", "tensor"};
  const sm_lookup_table *spec = &m->table->spec;
  sm_structured specs[] = {sm_built_spec("", SM_DT_STRING, SCALAR),     sm_built_spec("", SM_DT_STRING, SCALAR),
                           sm_built_spec("", spec->key_dtype, UNKNOWN), sm_built_spec("", SM_DT_STRING, SCALAR),
                           sm_built_spec("", SM_DT_STRING, SCALAR),     sm_built_spec("", spec->value_dtype, UNKNOWN)};
  sm_structured dicts[] = {{.kind = SM_STRUCTURED_DICT, .items = specs, .n_items = 3, .keys = keys},
                           {.kind = SM_STRUCTURED_DICT, .items = specs + 3, .n_items = 3, .keys = keys}};
  const sm_structured list = {.kind = SM_STRUCTURED_LIST, .items = dicts, .n_items = 2};
  return sm_structured_copy(out, &list, &m->objects->arena, err);
}

static sm_status make_save(table_maker *m, sm_error *err) {
  const sm_lookup_table *spec = &m->table->spec;
  sm_built_function *out = &m->table->save;
  sm_string name;
  const sm_string texts[] = {sm_string_of("-keys"), sm_string_of("-values"), {"", 0}};
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

static sm_status make_restore(table_maker *m, sm_error *err) {
  const sm_lookup_table *spec = &m->table->spec;
  sm_built_function *out = &m->table->restore;
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

sm_status sm_built_make_table(sm_object_graph *objects, int32_t number, sm_error *err) {
  sm_built_object *object = objects->objects[number];
  table_maker m = {.objects = objects, .number = number, .table = object->table, .name = object->name.data};
  SM_TRY(make_create(&m, err));
  SM_TRY(make_initialize(&m, err));
  SM_TRY(make_destroy(&m, err));
  if (!object->table->spec.is_mutable) return SM_OK;
  SM_TRY(make_save(&m, err));
  return make_restore(&m, err);
}
