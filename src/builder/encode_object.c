/* What a SavedObjectGraph says of the kinds of objects. Format: proto/saved_object_graph.proto. */
#include "builder/built_objects.h"

enum {
  OBJECT_USER_OBJECT = 4,
  OBJECT_ASSET = 5,
  OBJECT_FUNCTION = 6,
  OBJECT_VARIABLE = 7,
  OBJECT_BARE_FUNCTION = 8,
  OBJECT_CONSTANT = 9,
  OBJECT_RESOURCE = 10,
  OBJECT_CAPTURED_TENSOR = 12,
  USER_IDENTIFIER = 1,
  USER_VERSION = 2,
  USER_METADATA = 3,
  VERSION_PRODUCER = 1,
  VERSION_MIN_CONSUMER = 2,
  VERSION_BAD_CONSUMERS = 3,
  ASSET_INDEX = 1,
  VARIABLE_DTYPE = 1,
  VARIABLE_SHAPE = 2,
  VARIABLE_TRAINABLE = 3,
  VARIABLE_SYNCHRONIZATION = 4,
  VARIABLE_AGGREGATION = 5,
  VARIABLE_NAME = 6,
  VARIABLE_DEVICE = 7,
  VARIABLE_COMPONENTS = 8,
  CONSTANT_OPERATION = 1,
  RESOURCE_DEVICE = 1,
  TENSOR_NAME = 1,
  TENSOR_FUNCTION = 2
};

static sm_status put_text(sm_buffer *out, uint32_t number, const char *text, sm_error *err) {
  return sm_wire_put_bytes(out, number, text, strlen(text), err);
}

/* As proto3 writes a number: not where it is 0. */
static sm_status put_number(sm_buffer *out, uint32_t number, int64_t value, sm_error *err) {
  return value != 0 ? sm_wire_put_varint(out, number, (uint64_t)value, err) : SM_OK;
}

/* ---- Objects that have others ---- */

/* Source: python/trackable/data_structures.py, at its end. */
static const char *identifier_of(sm_container container) {
  switch (container) {
    case SM_CONTAINER_LIST: return "trackable_list_wrapper";
    case SM_CONTAINER_DICT: return "trackable_dict_wrapper";
    case SM_CONTAINER_TUPLE: return "trackable_tuple_wrapper";
    default: return "_generic_user_object";
  }
}

static sm_status put_bad_consumers(sm_buffer *out, const sm_user_object *user, sm_error *err) {
  size_t packed;
  if (user->n_bad_consumers == 0) return SM_OK;
  SM_TRY(sm_wire_open(&packed, out, VERSION_BAD_CONSUMERS, err));
  for (size_t i = 0; i < user->n_bad_consumers; i++)
    SM_TRY(sm_wire_put_raw_varint(out, (uint64_t)(int64_t)user->bad_consumers[i], err));
  return sm_wire_close(out, packed, err);
}

static sm_status put_user_object(sm_buffer *out, const sm_built_object *object, sm_error *err) {
  const sm_user_object usual = {
      .identifier = identifier_of(object->container), .metadata = "", .producer = 1, .min_consumer = 1};
  const sm_user_object *user = object->user != NULL ? object->user : &usual;
  size_t version;
  SM_TRY(put_text(out, USER_IDENTIFIER, user->identifier, err));
  SM_TRY(sm_wire_open(&version, out, USER_VERSION, err));
  SM_TRY(put_number(out, VERSION_PRODUCER, user->producer, err));
  SM_TRY(put_number(out, VERSION_MIN_CONSUMER, user->min_consumer, err));
  SM_TRY(put_bad_consumers(out, user, err));
  SM_TRY(sm_wire_close(out, version, err));
  return *user->metadata != '\0' ? put_text(out, USER_METADATA, user->metadata, err) : SM_OK;
}

/* ---- Variables ---- */

static sm_status put_component(sm_buffer *out, const sm_variable_component *component, sm_error *err) {
  size_t message;
  SM_TRY(sm_wire_open(&message, out, VARIABLE_COMPONENTS, err));
  if (component->name != NULL) SM_TRY(put_text(out, VARIABLE_NAME, component->name, err));
  if (component->device != NULL) SM_TRY(put_text(out, VARIABLE_DEVICE, component->device, err));
  return sm_wire_close(out, message, err);
}

/* What the policy keeps of where a variable lies: python/saved_model/save_options.py. */
static sm_status put_devices(sm_buffer *out, const sm_built_variable *variable, const sm_export_options *options,
                             sm_error *err) {
  if (options->variable_policy == SM_VARIABLE_POLICY_NONE) return SM_OK;
  if (variable->device != NULL) SM_TRY(put_text(out, VARIABLE_DEVICE, variable->device, err));
  if (options->variable_policy != SM_VARIABLE_POLICY_EXPAND_DISTRIBUTED_VARIABLES) return SM_OK;
  for (size_t i = 0; i < variable->n_components; i++) SM_TRY(put_component(out, &variable->components[i], err));
  return SM_OK;
}

static sm_status put_variable(sm_buffer *out, const sm_built_object *object, const sm_export_options *options,
                              sm_error *err) {
  const sm_built_variable *variable = &object->variable;
  SM_TRY(put_number(out, VARIABLE_DTYPE, object->value.dtype, err));
  SM_TRY(sm_shape_field_write(out, VARIABLE_SHAPE, variable->shape.rank, variable->shape.dims, err));
  SM_TRY(put_number(out, VARIABLE_TRAINABLE, !variable->not_trainable, err));
  SM_TRY(put_number(out, VARIABLE_SYNCHRONIZATION, variable->synchronization, err));
  SM_TRY(put_number(out, VARIABLE_AGGREGATION, variable->aggregation, err));
  SM_TRY(put_text(out, VARIABLE_NAME, variable->name, err));
  return put_devices(out, variable, options, err);
}

/* ---- Others ---- */

static sm_status put_captured_tensor(sm_buffer *out, const sm_built_captured_tensor *captured, sm_error *err) {
  SM_TRY(put_text(out, TENSOR_NAME, captured->name.data, err));
  return put_text(out, TENSOR_FUNCTION, captured->function.data, err);
}

static sm_status put_resource(sm_buffer *out, const sm_built_resource *resource, sm_error *err) {
  return resource->device != NULL ? put_text(out, RESOURCE_DEVICE, resource->device, err) : SM_OK;
}

static uint32_t field_of(sm_built_kind kind) {
  switch (kind) {
    case SM_BUILT_VARIABLE:
    case SM_BUILT_SLOT: return OBJECT_VARIABLE;
    case SM_BUILT_CONSTANT: return OBJECT_CONSTANT;
    case SM_BUILT_ASSET: return OBJECT_ASSET;
    case SM_BUILT_RESOURCE: return OBJECT_RESOURCE;
    case SM_BUILT_FUNCTION: return OBJECT_FUNCTION;
    case SM_BUILT_CONCRETE_FUNCTION: return OBJECT_BARE_FUNCTION;
    case SM_BUILT_CAPTURED_TENSOR: return OBJECT_CAPTURED_TENSOR;
    default: return OBJECT_USER_OBJECT;
  }
}

static sm_status put_fields(sm_buffer *out, const sm_built_object *object, const sm_export_options *options,
                            sm_error *err) {
  switch (object->kind) {
    case SM_BUILT_VARIABLE:
    case SM_BUILT_SLOT: return put_variable(out, object, options, err);
    case SM_BUILT_CONSTANT: return put_text(out, CONSTANT_OPERATION, object->node, err);
    case SM_BUILT_ASSET: return put_number(out, ASSET_INDEX, object->asset_index, err);
    case SM_BUILT_RESOURCE: return put_resource(out, &object->resource, err);
    case SM_BUILT_FUNCTION: return sm_encode_function(out, &object->functions, err);
    case SM_BUILT_CONCRETE_FUNCTION:
      return sm_encode_bare_function(out, object->functions.items, &object->calling, err);
    case SM_BUILT_CAPTURED_TENSOR: return put_captured_tensor(out, &object->captured, err);
    default: return put_user_object(out, object, err);
  }
}

sm_status sm_encode_kind(sm_buffer *out, const sm_built_object *object, const sm_export_options *options,
                         sm_error *err) {
  size_t message;
  SM_TRY(sm_wire_open(&message, out, field_of(object->kind), err));
  SM_TRY(put_fields(out, object, options, err));
  return sm_wire_close(out, message, err);
}
