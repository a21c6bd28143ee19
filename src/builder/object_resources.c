/* Resources, which functions make, and objects that functions save. Sources: python/trackable/resource.py;
 * python/saved_model/tracing_utils.py; python/training/saving/trace_saveable_util.py. */
#include "builder/built_objects.h"

/* The saveable of objects that hand out a dict of tensors (SERIALIZE_TO_TENSORS_NAME of
 * python/trackable/trackable_utils.py). Those of other names return a list of dicts. */
static const char TO_TENSORS[] = ".TENSORS";

sm_status sm_object_graph_add_resource(int32_t *out, sm_object_graph *objects, int32_t parent, const char *name,
                                       const char *device, sm_error *err) {
  sm_built_object *object;
  sm_string copy = {NULL, 0};
  if (device != NULL) SM_TRY(sm_built_copy(&copy, objects, device, err));
  SM_TRY(sm_built_add(&object, out, objects, parent, name, SM_BUILT_RESOURCE, err));
  object->resource.device = copy.data;
  return SM_OK;
}

sm_status sm_built_add_plain_function(sm_built_function **out, sm_object_graph *objects, int32_t resource,
                                      const char *name, sm_error *err) {
  sm_built_object *object;
  sm_built_functions functions = {.n = 1};
  *out = functions.items = sm_arena_new(&objects->arena, sm_built_function);
  if (*out == NULL) return sm_arena_fail(&objects->arena, sizeof **out, err);
  SM_TRY(sm_built_make_parameters(&functions.parameters, objects, &(sm_function_spec){.n_parameters = 0}, err));
  SM_TRY(sm_built_arguments(&(*out)->inputs, objects, NULL, 0, err));
  SM_TRY(sm_built_add(&object, NULL, objects, resource, name, SM_BUILT_FUNCTION, err));
  object->functions = functions;
  return SM_OK;
}

/* ---- What is saved ---- */

static sm_status find_saved(sm_built_object **out, const sm_object_graph *objects, int32_t object, sm_error *err) {
  SM_TRY(sm_built_find(out, objects, object, err));
  SM_TRY(sm_built_check_open(objects, err));
  if ((*out)->kind == SM_BUILT_RESOURCE || (*out)->kind == SM_BUILT_CONTAINER) return SM_OK;
  return SM_FAIL(err, SM_INVALID_ARGUMENT, "%s: functions save resources, and objects with children",
                 sm_built_place_of(objects, object).text);
}

static sm_status check_concrete(const sm_object_graph *objects, int32_t object, int32_t function, const char *what,
                                sm_error *err) {
  sm_built_object *found;
  SM_TRY(sm_built_find(&found, objects, function, err));
  if (found->kind == SM_BUILT_CONCRETE_FUNCTION) return SM_OK;
  return SM_FAIL(err, SM_INVALID_ARGUMENT, "%s: what %s it is no concrete function, but %s",
                 sm_built_place_of(objects, object).text, what, sm_built_place_of(objects, function).text);
}

sm_status sm_object_graph_add_saveable(sm_object_graph *objects, int32_t object, const char *name,
                                       int32_t save_function, int32_t restore_function, sm_error *err) {
  sm_built_object *saved;
  sm_string copy;
  SM_TRY(find_saved(&saved, objects, object, err));
  SM_TRY(check_concrete(objects, object, save_function, "saves", err));
  SM_TRY(check_concrete(objects, object, restore_function, "restores", err));
  sm_built_saveable **next = &saved->first_saveable; /* sorted, as maps are written */
  while (*next != NULL && strcmp((*next)->name, name) < 0) next = &(*next)->next;
  if (*next != NULL && strcmp((*next)->name, name) == 0)
    return SM_FAIL(err, SM_ALREADY_EXISTS, "%s: there is a saveable \"%.200s\" already",
                   sm_built_place_of(objects, object).text, name);
  sm_built_saveable *saveable = sm_arena_new(&objects->arena, sm_built_saveable);
  if (saveable == NULL) return sm_arena_fail(&objects->arena, sizeof *saveable, err);
  SM_TRY(sm_built_copy(&copy, objects, name, err));
  *saveable = (sm_built_saveable){*next, copy.data, save_function, restore_function};
  *next = saveable;
  return SM_OK;
}

sm_status sm_built_add_tensor(sm_object_graph *objects, sm_built_object *object, const char *attribute,
                              const char *suffix, const sm_built_value *value, sm_error *err) {
  sm_built_tensor *tensor = sm_arena_new(&objects->arena, sm_built_tensor);
  if (tensor == NULL) return sm_arena_fail(&objects->arena, sizeof *tensor, err);
  *tensor = (sm_built_tensor){.attribute = attribute, .suffix = suffix, .value = *value};
  *(object->last_tensor != NULL ? &object->last_tensor->next : &object->first_tensor) = tensor;
  object->last_tensor = tensor;
  return SM_OK;
}

/* Attribute and suffix are one in keys and dicts. */
static bool is_called(const sm_built_tensor *tensor, const char *name) {
  size_t n = strlen(tensor->attribute);
  return strncmp(name, tensor->attribute, n) == 0 && strcmp(name + n, tensor->suffix) == 0;
}

sm_status sm_object_graph_add_saved_tensor(sm_object_graph *objects, int32_t object, const char *attribute,
                                           const char *suffix, const sm_tensor_view *view, sm_error *err) {
  sm_built_object *saved;
  sm_built_value value;
  sm_string copies[2];
  const char *whole;
  bool is_sound;
  SM_TRY(find_saved(&saved, objects, object, err));
  if (attribute == NULL || *attribute == '\0')
    return sm_built_fail(objects, object, "", "a saved tensor without attribute", err);
  SM_TRY(sm_built_copy_value(&value, &is_sound, objects, view, err));
  if (!is_sound) return sm_built_fail(objects, object, attribute, "a saved tensor that is no tensor", err);
  SM_TRY(sm_built_copy(&copies[0], objects, attribute, err));
  SM_TRY(sm_built_copy(&copies[1], objects, suffix != NULL ? suffix : "", err));
  SM_TRY(sm_built_print(&whole, &objects->arena, err, "%s%s", copies[0].data, copies[1].data));
  for (const sm_built_tensor *other = saved->first_tensor; other != NULL; other = other->next)
    if (is_called(other, whole))
      return SM_FAIL(err, SM_ALREADY_EXISTS, "%s: there is a saved tensor \"%.200s\" already",
                     sm_built_place_of(objects, object).text, whole);
  return sm_built_add_tensor(objects, saved, copies[0].data, copies[1].data, &value, err);
}

/* ---- Do functions and tensors fit each other? ---- */

/* A saveable whose tensors are being found. */
typedef struct matching {
  const sm_built_saveable *saveable;
  const sm_built_function *save, *restore;
  bool is_dict;
  size_t n; /* tensors so far */
} matching;

enum { DICT_ITEMS = 3, TENSOR_ITEM = 2 }; /* {"name", "slice_spec", "tensor"}, sorted */

static bool begin_match(matching *m, const sm_object_graph *objects, const sm_built_saveable *saveable) {
  *m = (matching){.saveable = saveable,
                  .save = objects->objects[saveable->save]->functions.items,
                  .restore = objects->objects[saveable->restore]->functions.items,
                  .is_dict = strcmp(saveable->name, TO_TENSORS) == 0};
  const sm_structured *outputs = &m->save->outputs;
  if (m->is_dict)
    return outputs->kind == SM_STRUCTURED_DICT && outputs->n_items == m->save->n_out && m->save->n_in == 0;
  return outputs->kind == SM_STRUCTURED_LIST && outputs->n_items * DICT_ITEMS == m->save->n_out && m->save->n_in == 1 &&
         m->save->in[0]->dtype == SM_DT_STRING;
}

/* The dict's item of the tensor's name. */
static size_t find_item(const sm_structured *dict, const sm_built_tensor *tensor) {
  for (size_t i = 0; i < dict->n_items; i++)
    if (is_called(tensor, dict->keys[i])) return i;
  return SIZE_MAX;
}

static bool is_saved_by(const matching *m, const sm_built_tensor *tensor) {
  return m->is_dict || strcmp(m->saveable->name, tensor->attribute) == 0;
}

static bool match(matching *m, sm_built_tensor *tensor) {
  size_t i = m->is_dict ? find_item(&m->save->outputs, tensor) : m->n;
  size_t result = m->is_dict ? i : i * DICT_ITEMS + TENSOR_ITEM;
  if (i == SIZE_MAX || result >= m->save->n_out || i >= m->restore->n_in) return false;
  tensor->saveable = m->saveable;
  tensor->result = result;
  tensor->argument = i;
  m->n++;
  return m->save->out[result]->dtype == tensor->value.dtype && m->restore->in[i]->dtype == tensor->value.dtype;
}

static sm_status match_tensor(matching *m, sm_built_tensor *tensor, const char *place, sm_error *err) {
  if (!is_saved_by(m, tensor)) return SM_OK;
  if (tensor->saveable != NULL)
    return SM_FAIL(err, SM_INVALID_ARGUMENT, "%s: \"%.100s\" and \"%.100s\" both save tensor \"%.100s%.100s\"", place,
                   tensor->saveable->name, m->saveable->name, tensor->attribute, tensor->suffix);
  if (match(m, tensor)) return SM_OK;
  return SM_FAIL(err, SM_INVALID_ARGUMENT, "%s: saved tensor \"%.100s%.100s\", %s, is not what %.*s and %.*s handle",
                 place, tensor->attribute, tensor->suffix, sm_dtype_python_name(tensor->value.dtype),
                 SM_SHOWN(m->save->name), SM_SHOWN(m->restore->name));
}

static sm_status check_saveable(const sm_object_graph *objects, int32_t number, const sm_built_saveable *saveable,
                                sm_error *err) {
  matching m;
  sm_built_object *object = objects->objects[number];
  sm_built_place place = sm_built_place_of(objects, number);
  if (!begin_match(&m, objects, saveable))
    return SM_FAIL(err, SM_INVALID_ARGUMENT, "%s: what %.*s takes and returns is not what \"%.100s\" saves", place.text,
                   SM_SHOWN(m.save->name), saveable->name);
  for (sm_built_tensor *tensor = object->first_tensor; tensor != NULL; tensor = tensor->next)
    SM_TRY(match_tensor(&m, tensor, place.text, err));
  if (m.n == m.restore->n_in && m.n == m.save->outputs.n_items) return SM_OK;
  return SM_FAIL(err, SM_INVALID_ARGUMENT, "%s: \"%.100s\" has %zu saved tensors; %.*s returns %zu, %.*s takes %zu",
                 place.text, saveable->name, m.n, SM_SHOWN(m.save->name), m.save->outputs.n_items,
                 SM_SHOWN(m.restore->name), m.restore->n_in);
}

static sm_status check_saved(const sm_object_graph *objects, int32_t number, sm_error *err) {
  const sm_built_object *object = objects->objects[number];
  for (const sm_built_saveable *saveable = object->first_saveable; saveable != NULL; saveable = saveable->next)
    SM_TRY(check_saveable(objects, number, saveable, err));
  for (const sm_built_tensor *tensor = object->first_tensor; tensor != NULL; tensor = tensor->next)
    if (tensor->saveable == NULL)
      return SM_FAIL(err, SM_INVALID_ARGUMENT, "%s: no function saves tensor \"%.100s%.100s\"",
                     sm_built_place_of(objects, number).text, tensor->attribute, tensor->suffix);
  return SM_OK;
}

/* ---- Can resources be made? ---- */

static sm_status check_maker(const sm_object_graph *objects, int32_t number, sm_error *err) {
  const sm_built_object *maker = sm_built_child(objects, objects->objects[number], "_create_resource");
  sm_built_place place = sm_built_place_of(objects, number);
  if (maker == NULL || maker->functions.n == 0)
    return SM_FAIL(err, SM_INVALID_ARGUMENT, "%s: a resource has a function \"_create_resource\" that makes it",
                   place.text);
  const sm_built_function *function = &maker->functions.items[0];
  if (function->n_in == 0 && function->outputs.kind == SM_STRUCTURED_TENSOR_SPEC &&
      function->outputs.dtype == SM_DT_RESOURCE)
    return SM_OK;
  return SM_FAIL(err, SM_INVALID_ARGUMENT,
                 "%s: %.*s makes it, and has to return a resource without being passed anything", place.text,
                 SM_SHOWN(function->name));
}

static sm_status check_initializer(const sm_object_graph *objects, int32_t number, sm_error *err) {
  const sm_built_object *initializer = sm_built_child(objects, objects->objects[number], "_initialize");
  if (initializer == NULL || initializer->functions.n == 0 || initializer->functions.items[0].n_in == 0) return SM_OK;
  return SM_FAIL(err, SM_INVALID_ARGUMENT, "%s/_initialize: %.*s takes arguments, and there are none",
                 sm_built_place_of(objects, number).text, SM_SHOWN(initializer->functions.items[0].name));
}

sm_status sm_built_check_resources(sm_object_graph *objects, sm_error *err) {
  for (int32_t i = 0; i < objects->n_objects; i++) {
    SM_TRY(check_saved(objects, i, err));
    if (objects->objects[i]->kind != SM_BUILT_RESOURCE) continue;
    SM_TRY(check_maker(objects, i, err));
    SM_TRY(check_initializer(objects, i, err));
  }
  return SM_OK;
}
