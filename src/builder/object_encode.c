/* The SavedObjectGraph of objects. Format: proto/saved_object_graph.proto; source of what is written:
 * python/saved_model/save.py, _serialize_object_graph. */
#include "builder/built_objects.h"
#include "objects/tracked_write.h"

enum {
  GRAPH_NODES = 1,
  GRAPH_CONCRETE_FUNCTIONS = 2,
  OBJECT_CHILDREN = 1,
  OBJECT_SAVEABLES = 11,
  OBJECT_REGISTERED_NAME = 13,
  OBJECT_USER_PROTO = 14,
  OBJECT_DEPENDENCIES = 15,
  ANY_TYPE = 1,
  ANY_VALUE = 2,
  SAVEABLE_SAVE = 2,
  SAVEABLE_RESTORE = 3,
  ENTRY_KEY = 1,
  ENTRY_VALUE = 2
};

typedef struct encoder {
  sm_buffer *out;
  const sm_object_graph *objects;
  const sm_export_options *options;
} encoder;

static sm_status put_text(encoder *e, uint32_t number, const char *text, sm_error *err) {
  return sm_wire_put_bytes(e->out, number, text, strlen(text), err);
}

static int32_t id_of(const encoder *e, int32_t object) { return e->objects->objects[object]->id; }

/* ---- Objects ---- */

static sm_status put_edges(encoder *e, uint32_t number, const sm_built_object *object, sm_error *err) {
  for (const sm_built_edge *edge = object->first_edge; edge != NULL; edge = edge->next)
    SM_TRY(sm_reference_put(e->out, number, edge->name, id_of(e, edge->child), err));
  return SM_OK;
}

static sm_status put_saveable(encoder *e, const sm_built_saveable *saveable, sm_error *err) {
  size_t entry, value;
  SM_TRY(sm_wire_open(&entry, e->out, OBJECT_SAVEABLES, err));
  SM_TRY(put_text(e, ENTRY_KEY, saveable->name, err));
  SM_TRY(sm_wire_open(&value, e->out, ENTRY_VALUE, err));
  SM_TRY(sm_wire_put_varint(e->out, SAVEABLE_SAVE, (uint64_t)id_of(e, saveable->save), err));
  SM_TRY(sm_wire_put_varint(e->out, SAVEABLE_RESTORE, (uint64_t)id_of(e, saveable->restore), err));
  SM_TRY(sm_wire_close(e->out, value, err));
  return sm_wire_close(e->out, entry, err);
}

static sm_status put_user_proto(encoder *e, const sm_built_object *object, sm_error *err) {
  size_t any;
  if (object->user_proto_type == NULL) return SM_OK;
  SM_TRY(sm_wire_open(&any, e->out, OBJECT_USER_PROTO, err));
  SM_TRY(put_text(e, ANY_TYPE, object->user_proto_type, err));
  SM_TRY(sm_wire_put_bytes(e->out, ANY_VALUE, object->user_proto.data, object->user_proto.size, err));
  return sm_wire_close(e->out, any, err);
}

/* Functions depend on their children: Function._deserialization_dependencies, and that of ConcreteFunction
 * (python/eager/polymorphic_function). */
static sm_status put_dependencies(encoder *e, const sm_built_object *object, sm_error *err) {
  bool depends = object->kind == SM_BUILT_FUNCTION || object->kind == SM_BUILT_CONCRETE_FUNCTION;
  return depends ? put_edges(e, OBJECT_DEPENDENCIES, object, err) : SM_OK;
}

static sm_status put_object(encoder *e, const sm_built_object *object, sm_error *err) {
  size_t node;
  SM_TRY(sm_wire_open(&node, e->out, GRAPH_NODES, err));
  SM_TRY(put_edges(e, OBJECT_CHILDREN, object, err));
  if (sm_built_tells_slots(object)) SM_TRY(sm_built_put_slots(e->out, e->objects, object, err));
  SM_TRY(sm_encode_kind(e->out, object, e->options, err));
  for (const sm_built_saveable *saveable = object->first_saveable; saveable != NULL; saveable = saveable->next)
    SM_TRY(put_saveable(e, saveable, err));
  if (object->registered_name != NULL) SM_TRY(put_text(e, OBJECT_REGISTERED_NAME, object->registered_name, err));
  SM_TRY(put_user_proto(e, object, err));
  SM_TRY(put_dependencies(e, object, err));
  return sm_wire_close(e->out, node, err);
}

/* ---- Concrete functions ---- */

/* One of an object. */
typedef struct listed_function {
  const sm_built_function *function;
  int32_t object;
} listed_function;

static bool is_name_before(const void *a, const void *b) {
  const listed_function *x = a, *y = b;
  int order = sm_string_compare(x->function->name, y->function->name);
  return order != 0 ? order < 0 : x->object < y->object;
}

static size_t list_functions(listed_function *list, const encoder *e) {
  size_t n = 0;
  for (int32_t i = 0; i < e->objects->n_objects; i++) {
    const sm_built_object *object = e->objects->objects[i];
    if (sm_built_is_listed(object)) list[n++] = (listed_function){object->functions.items, i};
  }
  return n;
}

static sm_status put_concrete_function(encoder *e, const sm_built_function *function, size_t *begin, sm_error *err) {
  size_t entry, value;
  *begin = e->out->size;
  SM_TRY(sm_wire_open(&entry, e->out, GRAPH_CONCRETE_FUNCTIONS, err));
  SM_TRY(put_text(e, ENTRY_KEY, function->name.data, err));
  SM_TRY(sm_wire_open(&value, e->out, ENTRY_VALUE, err));
  SM_TRY(sm_encode_concrete_function(e->out, e->objects, function, err));
  SM_TRY(sm_wire_close(e->out, value, err));
  return sm_wire_close(e->out, entry, err);
}

/* Several objects may have one function: then they agree on what it captures, takes and returns. Of the two entries at
 * the end the second goes. */
static sm_status drop_double(encoder *e, const listed_function *list, size_t first, size_t second, sm_error *err) {
  size_t size = e->out->size - second;
  bool is_same = second - first == size && memcmp(e->out->data + first, e->out->data + second, size) == 0;
  e->out->size = second;
  if (is_same) return SM_OK;
  return SM_FAIL(err, SM_INVALID_ARGUMENT, "function %.*s: %s and %s have it, with other captures, inputs or outputs",
                 SM_SHOWN(list[1].function->name), sm_built_place_of(e->objects, list[0].object).text,
                 sm_built_place_of(e->objects, list[1].object).text);
}

static sm_status put_concrete_functions(encoder *e, sm_arena *scratch, sm_error *err) {
  size_t n_objects = (size_t)e->objects->n_objects, first = 0, begin;
  listed_function *list = sm_arena_array(scratch, listed_function, n_objects);
  if (list == NULL) return sm_arena_fail(scratch, n_objects * sizeof *list, err);
  size_t n = list_functions(list, e);
  sm_sort(list, n, sizeof *list, is_name_before);
  for (size_t i = 0; i < n; i++) {
    SM_TRY(put_concrete_function(e, list[i].function, &begin, err));
    if (i > 0 && sm_string_equal(list[i - 1].function->name, list[i].function->name))
      SM_TRY(drop_double(e, &list[i - 1], first, begin, err));
    else
      first = begin;
  }
  return SM_OK;
}

/* ---- All ---- */

sm_status sm_built_encode(sm_buffer *out, const sm_object_graph *objects, const sm_built_layout *layout,
                          const sm_export_options *options, sm_error *err) {
  encoder e = {.out = out, .objects = objects, .options = options};
  sm_arena scratch;
  for (int32_t i = 0; i < layout->n_saved; i++) SM_TRY(put_object(&e, objects->objects[layout->saved[i]], err));
  sm_arena_init(&scratch, objects->allocator, UINT64_MAX);
  sm_status status = put_concrete_functions(&e, &scratch, err);
  sm_arena_free(&scratch);
  return status;
}
