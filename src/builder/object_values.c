/* Objects with values: variables, constants, assets, tables, slot variables. */
#include "builder/built_objects.h"

static sm_status fail(const sm_object_graph *objects, int32_t parent, const char *name, const char *what,
                      sm_error *err) {
  sm_built_place place = sm_built_place_of(objects, parent >= 0 && parent < objects->n_objects ? parent : 0);
  return SM_FAIL(err, SM_INVALID_ARGUMENT, "%s%s%.200s: %s", parent > 0 ? place.text : "", parent > 0 ? "/" : "",
                 name != NULL ? name : "", what);
}

static sm_status copy_shape(sm_built_value *out, sm_object_graph *objects, int32_t rank, const int64_t *dims,
                            sm_error *err) {
  int64_t *copy = sm_arena_array(&objects->arena, int64_t, (size_t)rank + 1);
  if (copy == NULL) return sm_arena_fail(&objects->arena, ((size_t)rank + 1) * sizeof *copy, err);
  if (rank > 0) memcpy(copy, dims, (size_t)rank * sizeof *dims);
  out->shape = (sm_shape){rank, copy};
  return SM_OK;
}

/* Of a view, or NULL. False in *is_sound: no tensor is like that. */
static sm_status copy_value(sm_built_value *out, bool *is_sound, sm_object_graph *objects, const sm_tensor_view *view,
                            sm_error *err) {
  size_t size;
  *is_sound = view != NULL && view->rank >= 0 && view->rank <= SM_MAX_RANK && view->dtype != SM_DT_RESOURCE &&
              sm_shape_bytes(&size, view->dtype, view->dims, (size_t)view->rank) && size == view->size;
  if (!*is_sound) return SM_OK;
  *out = (sm_built_value){.dtype = view->dtype, .data = view->data, .size = view->size, .is_given = true};
  return copy_shape(out, objects, view->rank, view->dims, err);
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

static sm_status read_variable(sm_built_value *out, sm_object_graph *objects, int32_t parent, const char *name,
                               const sm_variable_spec *spec, sm_error *err) {
  bool is_sound;
  size_t size;
  if (spec->value != NULL) {
    SM_TRY(copy_value(out, &is_sound, objects, spec->value, err));
    return is_sound ? SM_OK : fail(objects, parent, name, "a variable with a value that is no tensor", err);
  }
  bool is_known = spec->rank >= 0 && spec->rank <= SM_MAX_RANK && (spec->rank == 0 || spec->dims != NULL) &&
                  spec->dtype != SM_DT_RESOURCE && sm_shape_bytes(&size, spec->dtype, spec->dims, (size_t)spec->rank);
  if (!is_known) return fail(objects, parent, name, "a variable of a dtype or shape that none can have", err);
  *out = (sm_built_value){.dtype = spec->dtype};
  return copy_shape(out, objects, spec->rank, spec->dims, err);
}

sm_status sm_object_graph_add_variable(int32_t *out, sm_object_graph *objects, int32_t parent, const char *name,
                                       const sm_variable_spec *spec, sm_error *err) {
  sm_built_object *object;
  sm_built_value value;
  sm_built_variable variable = {
      .not_trainable = spec->not_trainable, .synchronization = spec->synchronization, .aggregation = spec->aggregation};
  SM_TRY(read_variable(&value, objects, parent, name, spec, err));
  SM_TRY(copy_text(&variable.name, objects, spec->name, err));
  SM_TRY(copy_text(&variable.device, objects, spec->device, err));
  SM_TRY(sm_built_add(&object, out, objects, parent, name, SM_BUILT_VARIABLE, err));
  object->value = value;
  object->variable = variable;
  return SM_OK;
}

sm_status sm_object_graph_add_slot(int32_t *out, sm_object_graph *objects, int32_t optimizer, int32_t variable,
                                   const char *slot_name, const sm_tensor_view *view, sm_error *err) {
  sm_built_object *object, *of;
  sm_built_value value;
  sm_built_slot slot = {optimizer, variable, {NULL, 0}};
  bool is_sound;
  SM_TRY(sm_built_find(&of, objects, optimizer, err));
  if (of->kind != SM_BUILT_CONTAINER)
    return fail(objects, optimizer, slot_name, "only objects have slot variables", err);
  SM_TRY(sm_built_find(&of, objects, variable, err));
  if (of->kind != SM_BUILT_VARIABLE) return fail(objects, variable, slot_name, "a slot is kept for variables", err);
  SM_TRY(copy_value(&value, &is_sound, objects, view, err));
  if (!is_sound) return fail(objects, variable, slot_name, "a slot variable with a value that is no tensor", err);
  for (int32_t i = 0; i < objects->n_objects; i++) {
    const sm_built_object *other = objects->objects[i];
    if (other->kind == SM_BUILT_SLOT && other->slot.optimizer == optimizer && other->slot.variable == variable &&
        strcmp(other->slot.name.data, slot_name) == 0)
      return SM_FAIL(err, SM_ALREADY_EXISTS, "%s has a slot \"%.200s\" already",
                     sm_built_place_of(objects, variable).text, slot_name);
  }
  SM_TRY(sm_built_copy(&slot.name, objects, slot_name, err));
  SM_TRY(sm_built_add(&object, out, objects, SM_OBJECT_NONE, slot_name, SM_BUILT_SLOT, err));
  object->value = value;
  object->slot = slot;
  return SM_OK;
}

/* ---- Constants, assets ---- */

sm_status sm_object_graph_add_constant(int32_t *out, sm_object_graph *objects, int32_t parent, const char *name,
                                       const sm_tensor_view *value, sm_error *err) {
  sm_built_object *object;
  sm_built_value copy;
  bool is_sound;
  SM_TRY(copy_value(&copy, &is_sound, objects, value, err));
  if (!is_sound) return fail(objects, parent, name, "a constant that is no tensor", err);
  SM_TRY(sm_built_add(&object, out, objects, parent, name, SM_BUILT_CONSTANT, err));
  object->value = copy;
  return SM_OK;
}

sm_status sm_object_graph_add_asset(int32_t *out, sm_object_graph *objects, int32_t parent, const char *name,
                                    const sm_asset_spec *file, sm_error *err) {
  sm_built_object *object;
  sm_asset_spec copy = {.data = file->data};
  if (file->path == NULL && file->filename == NULL)
    return fail(objects, parent, name, "an asset without path and file name", err);
  SM_TRY(copy_text(&copy.path, objects, file->path, err));
  SM_TRY(copy_text(&copy.filename, objects, file->filename, err));
  SM_TRY(sm_built_add(&object, out, objects, parent, name, SM_BUILT_ASSET, err));
  object->asset = copy;
  return SM_OK;
}

/* ---- Tables ---- */

static sm_status check_contents(sm_built_table *table, sm_object_graph *objects, int32_t parent, const char *name,
                                sm_error *err) {
  bool has_keys, has_values;
  const sm_lookup_table *spec = &table->spec;
  SM_TRY(copy_value(&table->keys, &has_keys, objects, spec->keys, err));
  SM_TRY(copy_value(&table->values, &has_values, objects, spec->values, err));
  bool has_asset = spec->asset != 0;
  if ((spec->keys != NULL && !has_keys) || (spec->values != NULL && !has_values) || has_keys != has_values)
    return fail(objects, parent, name, "a table with keys or values that are no tensors, or with one of the two", err);
  if (spec->is_mutable ? has_asset : has_asset == has_keys)
    return fail(objects, parent, name, "a table of keys and values, or of a file", err);
  if (!has_keys) return SM_OK;
  if (table->keys.dtype != spec->key_dtype || table->values.dtype != spec->value_dtype)
    return fail(objects, parent, name, "keys or values of another dtype than the table's", err);
  if (table->keys.shape.rank != 1 || table->values.shape.rank != 1 ||
      table->keys.shape.dims[0] != table->values.shape.dims[0])
    return fail(objects, parent, name, "keys and values have to be of one dimension, and as many", err);
  return SM_OK;
}

static sm_status check_table(sm_object_graph *objects, int32_t parent, const char *name, const sm_lookup_table *spec,
                             sm_error *err) {
  sm_built_object *asset;
  if (sm_dtype_name(spec->key_dtype) == NULL || sm_dtype_name(spec->value_dtype) == NULL)
    return fail(objects, parent, name, "a table without dtypes", err);
  if (spec->asset == 0) return SM_OK;
  SM_TRY(sm_built_find(&asset, objects, spec->asset, err));
  return asset->kind == SM_BUILT_ASSET ? SM_OK : fail(objects, parent, name, "its file is no asset", err);
}

sm_status sm_object_graph_add_table(int32_t *out, sm_object_graph *objects, int32_t parent, const char *name,
                                    const sm_lookup_table *spec, sm_error *err) {
  sm_built_object *object;
  int32_t number;
  sm_built_table *table = sm_arena_new(&objects->arena, sm_built_table);
  if (table == NULL) return sm_arena_fail(&objects->arena, sizeof *table, err);
  table->spec = *spec;
  SM_TRY(check_table(objects, parent, name, spec, err));
  SM_TRY(check_contents(table, objects, parent, name, err));
  SM_TRY(sm_built_add(&object, &number, objects, parent, name, SM_BUILT_TABLE, err));
  object->table = table;
  if (out != NULL) *out = number;
  return sm_built_make_table(objects, number, err);
}
