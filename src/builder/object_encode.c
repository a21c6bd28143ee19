/* The SavedObjectGraph of objects. Format: proto/saved_object_graph.proto; source of what is written:
 * python/saved_model/save.py, _serialize_object_graph. */
#include "builder/built_objects.h"
#include "objects/tracked_write.h"

enum {
  GRAPH_NODES = 1,
  GRAPH_CONCRETE_FUNCTIONS = 2,
  OBJECT_CHILDREN = 1,
  OBJECT_USER_OBJECT = 4,
  OBJECT_ASSET = 5,
  OBJECT_FUNCTION = 6,
  OBJECT_VARIABLE = 7,
  OBJECT_BARE_FUNCTION = 8,
  OBJECT_CONSTANT = 9,
  OBJECT_RESOURCE = 10,
  OBJECT_SAVEABLES = 11,
  OBJECT_REGISTERED_NAME = 13,
  USER_IDENTIFIER = 1,
  USER_VERSION = 2,
  VERSION_PRODUCER = 1,
  VERSION_MIN_CONSUMER = 2,
  ASSET_INDEX = 1,
  VARIABLE_DTYPE = 1,
  VARIABLE_SHAPE = 2,
  VARIABLE_TRAINABLE = 3,
  VARIABLE_SYNCHRONIZATION = 4,
  VARIABLE_AGGREGATION = 5,
  VARIABLE_NAME = 6,
  VARIABLE_DEVICE = 7,
  CONSTANT_OPERATION = 1,
  SAVEABLE_SAVE = 2,
  SAVEABLE_RESTORE = 3,
  ENTRY_KEY = 1,
  ENTRY_VALUE = 2
};

typedef struct encoder {
  sm_buffer *out;
  const sm_object_graph *objects;
  const sm_built_layout *layout;
  const sm_built_wrappers *wrappers;
  const sm_export_options *options;
  int32_t next_asset;
  int32_t next_id; /* of nodes that are no objects: functions of tables, then the signatures */
} encoder;

/* A table has so many nodes of its own: three that are its children, and, if it is mutable, two that save it. */
enum { TABLE_CHILDREN = 3, TABLE_SAVERS = 2 };

static sm_status put_text(sm_buffer *out, uint32_t number, const char *text, sm_error *err) {
  return sm_wire_put_bytes(out, number, text, strlen(text), err);
}

/* ---- Kinds ---- */

static sm_status put_user_object(sm_buffer *out, const char *identifier, sm_error *err) {
  size_t user_object, version;
  SM_TRY(sm_wire_open(&user_object, out, OBJECT_USER_OBJECT, err));
  SM_TRY(put_text(out, USER_IDENTIFIER, identifier, err));
  SM_TRY(sm_wire_open(&version, out, USER_VERSION, err));
  SM_TRY(sm_wire_put_varint(out, VERSION_PRODUCER, 1, err));
  SM_TRY(sm_wire_put_varint(out, VERSION_MIN_CONSUMER, 1, err));
  SM_TRY(sm_wire_close(out, version, err));
  return sm_wire_close(out, user_object, err);
}

/* Source: python/trackable/data_structures.py, at its end. */
static const char *identifier_of(sm_container container) {
  switch (container) {
    case SM_CONTAINER_LIST: return "trackable_list_wrapper";
    case SM_CONTAINER_DICT: return "trackable_dict_wrapper";
    case SM_CONTAINER_TUPLE: return "trackable_tuple_wrapper";
    default: return "_generic_user_object";
  }
}

static sm_status put_variable(encoder *e, const sm_built_object *object, sm_error *err) {
  sm_buffer *out = e->out;
  const sm_built_variable *variable = &object->variable;
  const sm_built_value *value = &object->value;
  const char *name = variable->name != NULL ? variable->name : object->path.data;
  bool has_device = e->options->variable_policy != SM_VARIABLE_POLICY_NONE && variable->device != NULL;
  size_t message;
  SM_TRY(sm_wire_open(&message, out, OBJECT_VARIABLE, err));
  SM_TRY(sm_wire_put_varint(out, VARIABLE_DTYPE, (uint64_t)value->dtype, err));
  SM_TRY(sm_shape_field_write(out, VARIABLE_SHAPE, value->shape.rank, value->shape.dims, err));
  if (!variable->not_trainable) SM_TRY(sm_wire_put_varint(out, VARIABLE_TRAINABLE, true, err));
  if (variable->synchronization != 0)
    SM_TRY(sm_wire_put_varint(out, VARIABLE_SYNCHRONIZATION, (uint64_t)variable->synchronization, err));
  if (variable->aggregation != 0)
    SM_TRY(sm_wire_put_varint(out, VARIABLE_AGGREGATION, (uint64_t)variable->aggregation, err));
  SM_TRY(put_text(out, VARIABLE_NAME, name, err));
  if (has_device) SM_TRY(put_text(out, VARIABLE_DEVICE, variable->device, err));
  return sm_wire_close(out, message, err);
}

static sm_status put_function(encoder *e, const sm_built_functions *functions, sm_error *err) {
  size_t message;
  SM_TRY(sm_wire_open(&message, e->out, OBJECT_FUNCTION, err));
  SM_TRY(sm_encode_function(e->out, functions, err));
  return sm_wire_close(e->out, message, err);
}

static sm_status put_asset(encoder *e, sm_error *err) {
  size_t message;
  SM_TRY(sm_wire_open(&message, e->out, OBJECT_ASSET, err));
  if (e->next_asset != 0) SM_TRY(sm_wire_put_varint(e->out, ASSET_INDEX, (uint64_t)e->next_asset, err));
  e->next_asset++;
  return sm_wire_close(e->out, message, err);
}

static sm_status put_constant(encoder *e, const sm_built_object *object, sm_error *err) {
  size_t message;
  SM_TRY(sm_wire_open(&message, e->out, OBJECT_CONSTANT, err));
  SM_TRY(put_text(e->out, CONSTANT_OPERATION, object->node, err));
  return sm_wire_close(e->out, message, err);
}

static sm_status put_saveable(encoder *e, int32_t save, sm_error *err) {
  size_t entry, value;
  SM_TRY(sm_wire_open(&entry, e->out, OBJECT_SAVEABLES, err));
  SM_TRY(put_text(e->out, ENTRY_KEY, "table", err));
  SM_TRY(sm_wire_open(&value, e->out, ENTRY_VALUE, err));
  SM_TRY(sm_wire_put_varint(e->out, SAVEABLE_SAVE, (uint64_t)save, err));
  SM_TRY(sm_wire_put_varint(e->out, SAVEABLE_RESTORE, (uint64_t)save + 1, err));
  SM_TRY(sm_wire_close(e->out, value, err));
  return sm_wire_close(e->out, entry, err);
}

static sm_status put_kind(encoder *e, const sm_built_object *object, sm_error *err) {
  switch (object->kind) {
    case SM_BUILT_VARIABLE: return put_variable(e, object, err);
    case SM_BUILT_CONSTANT: return put_constant(e, object, err);
    case SM_BUILT_ASSET: return put_asset(e, err);
    case SM_BUILT_TABLE: return sm_wire_put_bytes(e->out, OBJECT_RESOURCE, NULL, 0, err);
    case SM_BUILT_FUNCTION: return put_function(e, &object->functions, err);
    default: return put_user_object(e->out, identifier_of(object->container), err);
  }
}

/* ---- Objects ---- */

static sm_status put_reference(encoder *e, const char *name, int32_t id, sm_error *err) {
  return sm_reference_put(e->out, OBJECT_CHILDREN, sm_string_of(name), id, err);
}

static sm_status put_children(encoder *e, const sm_built_object *object, int32_t signatures, sm_error *err) {
  static const char *const names[TABLE_CHILDREN] = {"_create_resource", "_initialize", "_destroy_resource"};
  for (const sm_built_edge *edge = object->first_edge; edge != NULL; edge = edge->next)
    SM_TRY(put_reference(e, edge->name.data, e->objects->objects[edge->child]->id, err));
  if (object->id == 0) SM_TRY(put_reference(e, "signatures", signatures, err));
  if (object->kind != SM_BUILT_TABLE) return SM_OK;
  for (size_t i = 0; i < TABLE_CHILDREN; i++) SM_TRY(put_reference(e, names[i], e->next_id++, err));
  return SM_OK;
}

static sm_status put_object(encoder *e, const sm_built_object *object, int32_t signatures, sm_error *err) {
  size_t node;
  bool is_saved = object->kind == SM_BUILT_TABLE && object->table->spec.is_mutable;
  SM_TRY(sm_wire_open(&node, e->out, GRAPH_NODES, err));
  SM_TRY(put_children(e, object, signatures, err));
  SM_TRY(put_kind(e, object, err));
  if (is_saved) {
    SM_TRY(put_saveable(e, e->next_id, err));
    e->next_id += TABLE_SAVERS;
  }
  if (object->registered_name != NULL) SM_TRY(put_text(e->out, OBJECT_REGISTERED_NAME, object->registered_name, err));
  return sm_wire_close(e->out, node, err);
}

static sm_status put_function_node(encoder *e, const sm_built_functions *functions, sm_error *err) {
  size_t node;
  SM_TRY(sm_wire_open(&node, e->out, GRAPH_NODES, err));
  SM_TRY(put_function(e, functions, err));
  return sm_wire_close(e->out, node, err);
}

static sm_status put_bare_node(encoder *e, const sm_built_function *function, bool is_signature, sm_error *err) {
  size_t node, message;
  SM_TRY(sm_wire_open(&node, e->out, GRAPH_NODES, err));
  SM_TRY(sm_wire_open(&message, e->out, OBJECT_BARE_FUNCTION, err));
  SM_TRY(sm_encode_bare_function(e->out, function, is_signature, err));
  SM_TRY(sm_wire_close(e->out, message, err));
  return sm_wire_close(e->out, node, err);
}

static sm_status put_table_nodes(encoder *e, const sm_built_table *table, sm_error *err) {
  SM_TRY(put_function_node(e, &table->create, err));
  SM_TRY(put_function_node(e, &table->initialize, err));
  SM_TRY(put_function_node(e, &table->destroy, err));
  if (!table->spec.is_mutable) return SM_OK;
  SM_TRY(put_bare_node(e, &table->save, false, err));
  return put_bare_node(e, &table->restore, false, err);
}

static sm_status put_signatures(encoder *e, int32_t id, sm_error *err) {
  size_t node;
  SM_TRY(sm_wire_open(&node, e->out, GRAPH_NODES, err));
  for (size_t i = 0; i < e->wrappers->n; i++)
    SM_TRY(put_reference(e, e->wrappers->items[i].key.data, id + 1 + (int32_t)i, err));
  SM_TRY(put_user_object(e->out, "signature_map", err));
  SM_TRY(sm_wire_close(e->out, node, err));
  for (size_t i = 0; i < e->wrappers->n; i++) SM_TRY(put_bare_node(e, &e->wrappers->items[i].function, true, err));
  return SM_OK;
}

/* ---- Concrete functions ---- */

typedef struct function_list {
  const sm_built_function **items;
  size_t n;
} function_list;

static void collect(function_list *list, const sm_built_functions *functions) {
  for (size_t i = 0; i < functions->n; i++) list->items[list->n++] = &functions->items[i];
}

static size_t count_functions(const encoder *e) {
  enum { OF_A_TABLE = 5 };
  size_t n = e->wrappers->n;
  for (int32_t i = 0; i < e->layout->n_objects; i++) {
    const sm_built_object *object = e->objects->objects[e->layout->order[i]];
    n += object->kind == SM_BUILT_TABLE ? OF_A_TABLE : object->functions.n;
  }
  return n;
}

static void collect_all(function_list *list, const encoder *e) {
  for (int32_t i = 0; i < e->layout->n_objects; i++) {
    const sm_built_object *object = e->objects->objects[e->layout->order[i]];
    collect(list, &object->functions);
    if (object->kind != SM_BUILT_TABLE) continue;
    collect(list, &object->table->create);
    collect(list, &object->table->initialize);
    collect(list, &object->table->destroy);
    if (!object->table->spec.is_mutable) continue;
    list->items[list->n++] = &object->table->save;
    list->items[list->n++] = &object->table->restore;
  }
  for (size_t i = 0; i < e->wrappers->n; i++) list->items[list->n++] = &e->wrappers->items[i].function;
}

static bool is_name_before(const void *a, const void *b) {
  return sm_string_compare((*(const sm_built_function *const *)a)->name, (*(const sm_built_function *const *)b)->name) <
         0;
}

static sm_status put_concrete_functions(encoder *e, sm_arena *scratch, sm_error *err) {
  size_t n = count_functions(e), entry, value;
  function_list list = {.items = sm_arena_array(scratch, const sm_built_function *, n)};
  if (list.items == NULL) return sm_arena_fail(scratch, n * sizeof *list.items, err);
  collect_all(&list, e);
  sm_sort(list.items, list.n, sizeof *list.items, is_name_before);
  for (size_t i = 0; i < list.n; i++) {
    const sm_built_function *function = list.items[i];
    if (i > 0 && sm_string_equal(list.items[i - 1]->name, function->name)) continue; /* two objects may share one */
    SM_TRY(sm_wire_open(&entry, e->out, GRAPH_CONCRETE_FUNCTIONS, err));
    SM_TRY(put_text(e->out, ENTRY_KEY, function->name.data, err));
    SM_TRY(sm_wire_open(&value, e->out, ENTRY_VALUE, err));
    SM_TRY(sm_encode_concrete_function(e->out, e->objects, function, err));
    SM_TRY(sm_wire_close(e->out, value, err));
    SM_TRY(sm_wire_close(e->out, entry, err));
  }
  return SM_OK;
}

/* ---- All ---- */

static int32_t count_table_nodes(const encoder *e) {
  int32_t n = 0;
  for (int32_t i = 0; i < e->layout->n_objects; i++) {
    const sm_built_object *object = e->objects->objects[e->layout->order[i]];
    if (object->kind == SM_BUILT_TABLE) n += TABLE_CHILDREN + (object->table->spec.is_mutable ? TABLE_SAVERS : 0);
  }
  return n;
}

static sm_status encode(encoder *e, sm_error *err) {
  const sm_built_layout *layout = e->layout;
  sm_arena scratch;
  int32_t signatures = layout->n_objects + count_table_nodes(e);
  e->next_id = layout->n_objects;
  for (int32_t i = 0; i < layout->n_objects; i++)
    SM_TRY(put_object(e, e->objects->objects[layout->order[i]], signatures, err));
  for (int32_t i = 0; i < layout->n_objects; i++) {
    const sm_built_object *object = e->objects->objects[layout->order[i]];
    if (object->kind == SM_BUILT_TABLE) SM_TRY(put_table_nodes(e, object->table, err));
  }
  SM_TRY(put_signatures(e, signatures, err));
  sm_arena_init(&scratch, e->objects->allocator, UINT64_MAX);
  sm_status status = put_concrete_functions(e, &scratch, err);
  sm_arena_free(&scratch);
  return status;
}

sm_status sm_built_encode(sm_buffer *out, const sm_object_graph *objects, const sm_built_layout *layout,
                          const sm_built_wrappers *wrappers, const sm_export_options *options, sm_error *err) {
  encoder e = {.out = out, .objects = objects, .layout = layout, .wrappers = wrappers, .options = options};
  return encode(&e, err);
}
