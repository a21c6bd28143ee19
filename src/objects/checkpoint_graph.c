#include "objects/checkpoint_graph.h"

/* Fields of TrackableObjectGraph, TrackableObject, SerializedTensor, RegisteredSaver, BoolValue. */
enum {
  GRAPH_NODE = 1,
  NODE_CHILD = 1,
  NODE_ATTRIBUTE = 2,
  NODE_SLOT = 3,
  NODE_SAVER = 4,
  NODE_HAS_VALUES = 5,
  ATTRIBUTE_NAME = 1,
  ATTRIBUTE_FULL_NAME = 2,
  ATTRIBUTE_KEY = 3,
  SAVER_NAME = 1,
  SAVER_OBJECT = 2,
  BOOL_VALUE = 1
};

/* The lists of all objects lie one behind the other: they are counted first, then filled. */
typedef struct parser {
  const sm_wire_source *source;
  sm_saved_object *objects;
  sm_reference *children;
  sm_saved_attribute *attributes;
  sm_slot_reference *slots;
  size_t n_objects, n_children, n_attributes, n_slots;
} parser;

/* ---- Counting ---- */

static sm_status count_object(parser *p, sm_span bytes, sm_error *err) {
  sm_wire_reader reader = sm_wire_read(bytes, p->source);
  for (sm_wire_field field; sm_wire_next(&reader, &field);) {
    p->n_children += field.tag == SM_WIRE_TAG(NODE_CHILD, SM_WIRE_BYTES);
    p->n_attributes += field.tag == SM_WIRE_TAG(NODE_ATTRIBUTE, SM_WIRE_BYTES);
    p->n_slots += field.tag == SM_WIRE_TAG(NODE_SLOT, SM_WIRE_BYTES);
  }
  return sm_wire_finish(&reader, err);
}

static sm_status allocate(parser *p, sm_arena *arena, sm_error *err) {
  p->objects = sm_arena_array(arena, sm_saved_object, p->n_objects);
  if (p->objects == NULL) return sm_arena_fail(arena, p->n_objects * sizeof *p->objects, err);
  p->children = sm_arena_array(arena, sm_reference, p->n_children);
  if (p->children == NULL) return sm_arena_fail(arena, p->n_children * sizeof *p->children, err);
  p->attributes = sm_arena_array(arena, sm_saved_attribute, p->n_attributes);
  if (p->attributes == NULL) return sm_arena_fail(arena, p->n_attributes * sizeof *p->attributes, err);
  p->slots = sm_arena_array(arena, sm_slot_reference, p->n_slots);
  return p->slots != NULL ? SM_OK : sm_arena_fail(arena, p->n_slots * sizeof *p->slots, err);
}

/* ---- Filling ---- */

static sm_status read_attribute(sm_saved_attribute *out, sm_span bytes, const sm_wire_source *source, sm_error *err) {
  const sm_string nothing = {(const char *)bytes.data, 0};
  *out = (sm_saved_attribute){nothing, nothing, nothing, bytes};
  sm_wire_reader reader = sm_wire_read(bytes, source);
  for (sm_wire_field field; sm_wire_next(&reader, &field);) {
    switch (field.tag) {
      case SM_WIRE_TAG(ATTRIBUTE_NAME, SM_WIRE_BYTES):
        SM_TRY(sm_name_read(&out->name, field.bytes, source, err));
        break;
      case SM_WIRE_TAG(ATTRIBUTE_FULL_NAME, SM_WIRE_BYTES):
        SM_TRY(sm_name_read(&out->full_name, field.bytes, source, err));
        break;
      case SM_WIRE_TAG(ATTRIBUTE_KEY, SM_WIRE_BYTES): SM_TRY(sm_name_read(&out->key, field.bytes, source, err)); break;
      default: break;
    }
  }
  return sm_wire_finish(&reader, err);
}

static sm_status read_saver(sm_saved_object *out, sm_span bytes, const sm_wire_source *source, sm_error *err) {
  sm_wire_reader reader = sm_wire_read(bytes, source);
  for (sm_wire_field field; sm_wire_next(&reader, &field);) {
    if (field.tag == SM_WIRE_TAG(SAVER_NAME, SM_WIRE_BYTES))
      SM_TRY(sm_name_read(&out->saver, field.bytes, source, err));
    if (field.tag == SM_WIRE_TAG(SAVER_OBJECT, SM_WIRE_BYTES))
      SM_TRY(sm_name_read(&out->saver_object, field.bytes, source, err));
  }
  return sm_wire_finish(&reader, err);
}

static sm_status read_has_values(sm_saved_object *out, sm_span bytes, const sm_wire_source *source, sm_error *err) {
  out->says_values = true;
  sm_wire_reader reader = sm_wire_read(bytes, source);
  for (sm_wire_field field; sm_wire_next(&reader, &field);)
    if (field.tag == SM_WIRE_TAG(BOOL_VALUE, SM_WIRE_VARINT)) out->has_values = field.value != 0;
  return sm_wire_finish(&reader, err);
}

static sm_status check_id(const parser *p, size_t object, const char *what, sm_string name, int32_t id, sm_error *err) {
  if (id >= 0 && (size_t)id < p->n_objects) return SM_OK;
  return SM_FAIL(err, SM_DATA_LOSS, "%s: %s %.*s of object %zu leads to object %d, there are %zu", p->source->name,
                 what, name.size < 140 ? (int)name.size : 140, name.data, object, id, p->n_objects);
}

static sm_status read_child(parser *p, sm_saved_object *to, size_t object, sm_span bytes, sm_error *err) {
  sm_reference *child = &p->children[to->n_children++];
  SM_TRY(sm_reference_read(child, bytes, p->source, err));
  return check_id(p, object, "child", child->name, child->id, err);
}

static sm_status read_slot(parser *p, sm_saved_object *to, size_t object, sm_span bytes, sm_error *err) {
  sm_slot_reference *slot = &p->slots[to->n_slots++];
  SM_TRY(sm_slot_reference_read(slot, bytes, p->source, err));
  SM_TRY(check_id(p, object, "slot", slot->name, slot->id, err));
  return check_id(p, object, "the variable of slot", slot->name, slot->variable, err);
}

static sm_status read_object(parser *p, size_t object, sm_span bytes, sm_error *err) {
  sm_saved_object *to = &p->objects[object];
  to->children = p->children;
  to->attributes = p->attributes;
  to->slots = p->slots;
  to->message = bytes;
  sm_wire_reader reader = sm_wire_read(bytes, p->source);
  for (sm_wire_field field; sm_wire_next(&reader, &field);) {
    switch (field.tag) {
      case SM_WIRE_TAG(NODE_CHILD, SM_WIRE_BYTES): SM_TRY(read_child(p, to, object, field.bytes, err)); break;
      case SM_WIRE_TAG(NODE_ATTRIBUTE, SM_WIRE_BYTES):
        SM_TRY(read_attribute(&p->attributes[to->n_attributes++], field.bytes, p->source, err));
        break;
      case SM_WIRE_TAG(NODE_SLOT, SM_WIRE_BYTES): SM_TRY(read_slot(p, to, object, field.bytes, err)); break;
      case SM_WIRE_TAG(NODE_SAVER, SM_WIRE_BYTES): SM_TRY(read_saver(to, field.bytes, p->source, err)); break;
      case SM_WIRE_TAG(NODE_HAS_VALUES, SM_WIRE_BYTES): SM_TRY(read_has_values(to, field.bytes, p->source, err)); break;
      default: break;
    }
  }
  p->children += to->n_children;
  p->attributes += to->n_attributes;
  p->slots += to->n_slots;
  return sm_wire_finish(&reader, err);
}

sm_status sm_checkpoint_graph_parse(sm_checkpoint_graph *out, sm_span bytes, const sm_wire_source *source,
                                    sm_arena *arena, sm_error *err) {
  parser p = {.source = source};
  sm_spans objects;
  *out = (sm_checkpoint_graph){NULL, 0, NULL};
  SM_TRY(sm_wire_collect(&objects, (sm_spans){&bytes, 1}, GRAPH_NODE, source, arena, err));
  p.n_objects = objects.n;
  for (size_t i = 0; i < objects.n; i++) SM_TRY(count_object(&p, objects.items[i], err));
  SM_TRY(allocate(&p, arena, err));
  for (size_t i = 0; i < objects.n; i++) SM_TRY(read_object(&p, i, objects.items[i], err));
  *out = (sm_checkpoint_graph){p.objects, p.n_objects, NULL};
  return SM_OK;
}

/* ---- Of a checkpoint ---- */

sm_status sm_checkpoint_graph_read(sm_checkpoint_graph *out, const sm_bundle_reader *reader, sm_arena *arena,
                                   sm_error *err) {
  sm_tensor *tensor;
  sm_bundle_entry entry;
  *out = (sm_checkpoint_graph){NULL, 0, NULL};
  SM_TRY(sm_bundle_reader_find(&entry, reader, SM_KEY_OBJECT_GRAPH, err));
  if (entry.dtype != SM_DT_STRING || entry.rank != 0)
    return SM_FAIL(err, SM_DATA_LOSS, "%s: it is not one string", SM_KEY_OBJECT_GRAPH);
  SM_TRY(sm_bundle_reader_read_entry_tensor(&tensor, reader, &entry, NULL, err));
  const sm_string *text = sm_tensor_get_view(tensor)->data;
  const sm_wire_source source = {.name = SM_KEY_OBJECT_GRAPH, .bytes = {(const uint8_t *)text->data, text->size}};
  sm_status status = sm_checkpoint_graph_parse(out, source.bytes, &source, arena, err);
  if (status != SM_OK) {
    sm_tensor_free(tensor);
    return status;
  }
  sm_checkpoint_graph_sort(out);
  out->bytes = tensor;
  return SM_OK;
}

void sm_checkpoint_graph_free(sm_checkpoint_graph *graph) {
  sm_tensor_free(graph->bytes);
  *graph = (sm_checkpoint_graph){NULL, 0, NULL};
}

/* ---- Looking up ---- */

/* Of one name the last stands last: the names lie in the order of the file. */
static bool child_less(const void *a, const void *b) {
  const sm_reference *left = a, *right = b;
  int order = sm_string_compare(left->name, right->name);
  return order != 0 ? order < 0 : left->name.data < right->name.data;
}

static int compare_slots(int32_t variable, sm_string name, const sm_slot_reference *slot) {
  int order = sm_string_compare(name, slot->name);
  return variable != slot->variable ? (variable > slot->variable) - (variable < slot->variable) : order;
}

static bool slot_less(const void *a, const void *b) {
  const sm_slot_reference *left = a, *right = b;
  int order = compare_slots(left->variable, left->name, right);
  return order != 0 ? order < 0 : left->name.data < right->name.data;
}

void sm_checkpoint_graph_sort(sm_checkpoint_graph *graph) {
  for (size_t i = 0; i < graph->n; i++) {
    sm_saved_object *object = &graph->objects[i];
    sm_sort(object->children, object->n_children, sizeof *object->children, child_less);
    sm_sort(object->slots, object->n_slots, sizeof *object->slots, slot_less);
  }
}

int32_t sm_saved_object_find_child(const sm_saved_object *object, sm_string name) {
  size_t i = sm_named_find(object->children, object->n_children, sizeof *object->children, name);
  return i < object->n_children ? object->children[i].id : -1;
}

int32_t sm_saved_object_find_slot(const sm_saved_object *object, int32_t variable, sm_string name) {
  size_t low = 0, high = object->n_slots; /* the first behind those that are equal */
  while (low < high) {
    size_t middle = low + (high - low) / 2;
    if (compare_slots(variable, name, &object->slots[middle]) < 0)
      high = middle;
    else
      low = middle + 1;
  }
  bool is_found = low != 0 && compare_slots(variable, name, &object->slots[low - 1]) == 0;
  return is_found ? object->slots[low - 1].id : -1;
}

const sm_saved_attribute *sm_saved_object_find_attribute(const sm_saved_object *object, sm_string name) {
  for (size_t i = 0; i < object->n_attributes; i++)
    if (sm_string_equal(object->attributes[i].name, name)) return &object->attributes[i];
  return NULL;
}
