/* Objects with values: variables, constants, assets, slot variables, and tensors inside functions. */
#include "builder/built_objects.h"

sm_status sm_built_fail(const sm_object_graph *objects, int32_t parent, const char *name, const char *what,
                        sm_error *err) {
  return SM_FAIL(err, SM_INVALID_ARGUMENT, "%s: %s",
                 sm_built_place_below(objects, parent, name != NULL ? name : "").text, what);
}

static sm_status copy_shape(sm_shape *out, sm_object_graph *objects, int32_t rank, const int64_t *dims, sm_error *err) {
  size_t n = rank > 0 ? (size_t)rank : 0;
  int64_t *copy = sm_arena_array(&objects->arena, int64_t, n + 1);
  if (copy == NULL) return sm_arena_fail(&objects->arena, (n + 1) * sizeof *copy, err);
  if (n != 0) memcpy(copy, dims, n * sizeof *dims);
  *out = (sm_shape){rank, copy};
  return SM_OK;
}

sm_status sm_built_copy_value(sm_built_value *out, bool *is_sound, sm_object_graph *objects, const sm_tensor_view *view,
                              sm_error *err) {
  size_t size;
  *is_sound = view != NULL && view->rank >= 0 && view->rank <= SM_MAX_RANK && view->dtype != SM_DT_RESOURCE &&
              sm_shape_bytes(&size, view->dtype, view->dims, (size_t)view->rank) && size == view->size;
  if (!*is_sound) return SM_OK;
  *out = (sm_built_value){.dtype = view->dtype, .data = view->data, .size = view->size, .is_given = true};
  return copy_shape(&out->shape, objects, view->rank, view->dims, err);
}

void sm_built_view(sm_tensor_view *out, const sm_built_value *value) {
  out->dtype = value->dtype;
  out->rank = value->shape.rank;
  out->data = value->data;
  out->size = value->size;
  if (value->shape.rank > 0)
    memcpy(out->dims, value->shape.dims, (size_t)value->shape.rank * sizeof *value->shape.dims);
}

static sm_status copy_text(const char **out, sm_object_graph *objects, const char *text, sm_error *err) {
  sm_string copy = {NULL, 0};
  if (text != NULL) SM_TRY(sm_built_copy(&copy, objects, text, err));
  *out = copy.data;
  return SM_OK;
}

/* ---- Variables ---- */

/* Can a variable with that value say that it has this shape? */
static bool fits(const sm_variable_spec *spec, const sm_tensor_view *value) {
  if (spec->rank < 0) return true;
  if (spec->rank != value->rank) return false;
  for (int32_t i = 0; i < spec->rank; i++)
    if (spec->dims[i] >= 0 && spec->dims[i] != value->dims[i]) return false;
  return true;
}

static bool is_shape(const sm_variable_spec *spec) {
  if (spec->rank < -1 || spec->rank > SM_MAX_RANK || (spec->rank > 0 && spec->dims == NULL)) return false;
  for (int32_t i = 0; i < spec->rank; i++)
    if (spec->dims[i] < -1) return false;
  return true;
}

static sm_status read_variable(sm_built_value *out, sm_shape *shape, sm_object_graph *objects, int32_t parent,
                               const char *name, const sm_variable_spec *spec, sm_error *err) {
  bool is_sound;
  size_t size;
  if (spec->has_own_shape && !is_shape(spec))
    return sm_built_fail(objects, parent, name, "a variable of a shape that none can have", err);
  if (spec->has_own_shape) SM_TRY(copy_shape(shape, objects, spec->rank, spec->dims, err));
  if (spec->value != NULL) {
    SM_TRY(sm_built_copy_value(out, &is_sound, objects, spec->value, err));
    if (!is_sound) return sm_built_fail(objects, parent, name, "a variable with a value that is no tensor", err);
    if (spec->has_own_shape && !fits(spec, spec->value))
      return sm_built_fail(objects, parent, name, "a variable with a value of another shape", err);
    if (!spec->has_own_shape) *shape = out->shape;
    return SM_OK;
  }
  bool is_known = spec->rank >= 0 && spec->rank <= SM_MAX_RANK && (spec->rank == 0 || spec->dims != NULL) &&
                  sm_shape_bytes(&size, spec->dtype, spec->dims, (size_t)spec->rank);
  if (spec->dtype == SM_DT_RESOURCE || (!spec->has_own_shape && !is_known) || sm_dtype_name(spec->dtype) == NULL)
    return sm_built_fail(objects, parent, name, "a variable of a dtype or shape that none can have", err);
  *out = (sm_built_value){.dtype = spec->dtype};
  if (!spec->has_own_shape) SM_TRY(copy_shape(shape, objects, spec->rank, spec->dims, err));
  out->shape = *shape;
  return SM_OK;
}

static sm_status copy_components(sm_built_variable *out, sm_object_graph *objects, const sm_variable_spec *spec,
                                 sm_error *err) {
  size_t n = spec->n_components;
  sm_variable_component *components = sm_arena_array(&objects->arena, sm_variable_component, n);
  if (components == NULL) return sm_arena_fail(&objects->arena, n * sizeof *components, err);
  for (size_t i = 0; i < n; i++) {
    SM_TRY(copy_text(&components[i].name, objects, spec->components[i].name, err));
    SM_TRY(copy_text(&components[i].device, objects, spec->components[i].device, err));
  }
  out->components = components;
  out->n_components = n;
  return SM_OK;
}

static sm_status copy_variable(sm_built_value *value, sm_built_variable *out, sm_object_graph *objects, int32_t parent,
                               const char *name, const sm_variable_spec *spec, sm_error *err) {
  *out = (sm_built_variable){
      .not_trainable = spec->not_trainable, .synchronization = spec->synchronization, .aggregation = spec->aggregation};
  SM_TRY(read_variable(value, &out->shape, objects, parent, name, spec, err));
  SM_TRY(copy_text(&out->name, objects, spec->name, err));
  SM_TRY(copy_text(&out->device, objects, spec->device, err));
  return copy_components(out, objects, spec, err);
}

sm_status sm_object_graph_add_variable(int32_t *out, sm_object_graph *objects, int32_t parent, const char *name,
                                       const sm_variable_spec *spec, sm_error *err) {
  sm_built_object *object;
  sm_built_value value;
  sm_built_variable variable;
  SM_TRY(copy_variable(&value, &variable, objects, parent, name, spec, err));
  SM_TRY(sm_built_add(&object, out, objects, parent, name, SM_BUILT_VARIABLE, err));
  object->value = value;
  object->variable = variable;
  return SM_OK;
}

/* ---- Slot variables ---- */

static sm_status check_slot(const sm_object_graph *objects, int32_t optimizer, int32_t variable, const char *name,
                            sm_error *err) {
  sm_built_object *of;
  SM_TRY(sm_built_find(&of, objects, optimizer, err));
  if (of->kind != SM_BUILT_CONTAINER)
    return sm_built_fail(objects, optimizer, name, "only objects have slot variables", err);
  SM_TRY(sm_built_find(&of, objects, variable, err));
  if (of->kind == SM_BUILT_VARIABLE) return SM_OK;
  return sm_built_fail(objects, variable, name, "a slot is kept for variables", err);
}

/* The number that its name has among those of the optimizer's slots, in the order of first use. */
static sm_status rank_slot(sm_built_slot *slot, sm_object_graph *objects, sm_error *err) {
  const char *whole, *name;
  SM_TRY(sm_built_print(&whole, &objects->arena, err, "%d/%d/%s", (int)slot->optimizer, (int)slot->variable,
                        slot->name.data));
  SM_TRY(sm_built_print(&name, &objects->arena, err, "%d/%s", (int)slot->optimizer, slot->name.data));
  if (sm_name_index_find(&objects->slots, sm_string_of(whole)) != SIZE_MAX)
    return SM_FAIL(err, SM_ALREADY_EXISTS, "%s has a slot \"%.200s\" already",
                   sm_built_place_of(objects, slot->variable).text, slot->name.data);
  SM_TRY(sm_name_index_add(&objects->slots, sm_string_of(whole), err));
  slot->rank = sm_name_index_find(&objects->slot_names, sm_string_of(name));
  if (slot->rank != SIZE_MAX) return SM_OK;
  slot->rank = objects->slot_names.n;
  return sm_name_index_add(&objects->slot_names, sm_string_of(name), err);
}

sm_status sm_object_graph_add_slot(int32_t *out, sm_object_graph *objects, int32_t optimizer, int32_t variable,
                                   const char *slot_name, const sm_variable_spec *spec, sm_error *err) {
  sm_built_object *object;
  sm_built_value value;
  sm_built_variable copy;
  sm_built_slot slot = {optimizer, variable, {NULL, 0}, 0};
  SM_TRY(check_slot(objects, optimizer, variable, slot_name, err));
  SM_TRY(copy_variable(&value, &copy, objects, variable, slot_name, spec, err));
  SM_TRY(sm_built_copy(&slot.name, objects, slot_name, err));
  SM_TRY(rank_slot(&slot, objects, err));
  SM_TRY(sm_built_add(&object, out, objects, SM_OBJECT_NONE, slot_name, SM_BUILT_SLOT, err));
  object->value = value;
  object->variable = copy;
  object->slot = slot;
  return SM_OK;
}

/* ---- Constants, assets ---- */

sm_status sm_object_graph_add_constant(int32_t *out, sm_object_graph *objects, int32_t parent, const char *name,
                                       const sm_tensor_view *value, sm_error *err) {
  sm_built_object *object;
  sm_built_value copy;
  bool is_sound;
  SM_TRY(sm_built_copy_value(&copy, &is_sound, objects, value, err));
  if (!is_sound) return sm_built_fail(objects, parent, name, "a constant that is no tensor", err);
  SM_TRY(sm_built_add(&object, out, objects, parent, name, SM_BUILT_CONSTANT, err));
  object->value = copy;
  return SM_OK;
}

sm_status sm_object_graph_add_asset(int32_t *out, sm_object_graph *objects, int32_t parent, const char *name,
                                    const sm_asset_spec *file, sm_error *err) {
  sm_built_object *object;
  sm_asset_spec copy = {.data = file->data};
  if (file->path == NULL && file->filename == NULL)
    return sm_built_fail(objects, parent, name, "an asset without path and file name", err);
  SM_TRY(copy_text(&copy.path, objects, file->path, err));
  SM_TRY(copy_text(&copy.filename, objects, file->filename, err));
  SM_TRY(sm_built_add(&object, out, objects, parent, name, SM_BUILT_ASSET, err));
  object->asset = copy;
  return SM_OK;
}

/* ---- Tensors inside functions ---- */

enum { NODE_NAME = 1 };

/* Is there a node of that name? */
static sm_status find_node(bool *out, const sm_graph_function *function, sm_string name, sm_error *err) {
  const sm_wire_source source = {.name = function->name.data, .bytes = function->def};
  sm_wire_reader reader = sm_wire_read(function->def, &source);
  sm_span found;
  *out = false;
  for (sm_wire_field field; !*out && sm_wire_next(&reader, &field);) {
    if (field.tag != SM_WIRE_TAG(SM_FUNCTION_NODE, SM_WIRE_BYTES)) continue;
    SM_TRY(sm_wire_find_bytes(&found, field.bytes, NODE_NAME, &source, err));
    *out = sm_string_equal((sm_string){(const char *)found.data, found.size}, name);
  }
  return *out ? SM_OK : sm_wire_finish(&reader, err);
}

static sm_status find_tensor(bool *out, const sm_object_graph *objects, const sm_graph_function *function,
                             sm_string name, sm_error *err) {
  const sm_wire_source source = {.name = function->name.data, .bytes = function->def};
  sm_function_type type;
  sm_arena scratch;
  sm_arena_init(&scratch, objects->allocator, UINT64_MAX);
  sm_status status = sm_function_read_type(&type, function->def, &source, &scratch, err);
  *out = false;
  for (size_t i = 0; status == SM_OK && i < type.n_inputs; i++) *out |= sm_string_equal(type.inputs[i].name, name);
  sm_arena_free(&scratch);
  return status != SM_OK || *out ? status : find_node(out, function, name, err);
}

sm_status sm_object_graph_add_captured_tensor(int32_t *out, sm_object_graph *objects, const char *function,
                                              const char *tensor, sm_error *err) {
  sm_built_object *object;
  sm_built_captured_tensor captured;
  bool is_there;
  const char *colon = strrchr(tensor, ':');
  const sm_string node = {tensor, colon != NULL ? (size_t)(colon - tensor) : strlen(tensor)};
  size_t i = sm_name_index_find(&objects->function_names, sm_string_of(function));
  if (i == SIZE_MAX)
    return SM_FAIL(err, SM_INVALID_ARGUMENT, "tensor %.200s: there is no function %.200s", tensor, function);
  SM_TRY(find_tensor(&is_there, objects, &objects->functions[i], node, err));
  if (!is_there || colon == NULL)
    return SM_FAIL(err, SM_INVALID_ARGUMENT, "tensor %.200s: function %.200s has none of that name", tensor, function);
  captured.function = objects->functions[i].name;
  SM_TRY(sm_built_copy(&captured.name, objects, tensor, err));
  SM_TRY(sm_built_add(&object, out, objects, SM_OBJECT_NONE, tensor, SM_BUILT_CAPTURED_TENSOR, err));
  object->captured = captured;
  return SM_OK;
}
