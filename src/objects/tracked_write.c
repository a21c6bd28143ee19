#include "objects/tracked_write.h"

/* Fields of TrackableObject and of what it has. */
enum {
  OBJECT_ATTRIBUTES = 2,
  OBJECT_SLOTS = 3,
  OBJECT_SAVER = 4,
  OBJECT_HAS_VALUES = 5,
  REFERENCE_ID = 1,
  REFERENCE_NAME = 2,
  ATTRIBUTE_NAME = 1,
  ATTRIBUTE_FULL_NAME = 2,
  ATTRIBUTE_KEY = 3,
  SLOT_VARIABLE = 1,
  SLOT_NAME = 2,
  SLOT_ID = 3,
  SAVER_NAME = 1,
  SAVER_OBJECT = 2,
  BOOL_VALUE = 1
};

/* Source: python/trackable/trackable_utils.py, OBJECT_ATTRIBUTES_NAME and _OPTIMIZER_SLOTS_NAME. */
static const char attributes_part[] = ".ATTRIBUTES", slot_part[] = ".OPTIMIZER_SLOT";

/* ---- Keys ---- */

sm_string sm_escape_name(sm_arena *arena, sm_string name) {
  size_t size = 0, n_escaped = 0;
  for (size_t i = 0; i < name.size; i++) n_escaped += name.data[i] == '.' || name.data[i] == '/';
  char *text = n_escaped < SIZE_MAX - name.size ? sm_arena_alloc(arena, name.size + n_escaped + 1) : NULL;
  if (text == NULL) return (sm_string){NULL, 0};
  for (size_t i = 0; i < name.size; i++) {
    char c = name.data[i];
    text[size++] = c == '/' ? '.' : c;
    if (c == '.' || c == '/') text[size++] = c == '.' ? '.' : 'S';
  }
  text[size] = '\0';
  return (sm_string){text, size};
}

/* The parts with '/' between them. */
static sm_status join(sm_string *out, const sm_string *parts, size_t n, sm_arena *arena, sm_error *err) {
  size_t size = n;
  *out = (sm_string){"", 0};
  for (size_t i = 0; i < n; i++)
    if (!sm_add_size(size, parts[i].size, &size)) return SM_FAIL_OOM(err, SIZE_MAX);
  char *text = sm_arena_alloc(arena, size);
  if (text == NULL) return sm_arena_fail(arena, size, err);
  *out = (sm_string){text, size - 1};
  for (size_t i = 0; i < n; i++) {
    if (parts[i].size != 0) memcpy(text, parts[i].data, parts[i].size);
    text += parts[i].size;
    *text++ = i + 1 < n ? '/' : '\0';
  }
  return SM_OK;
}

static sm_status escape(sm_string *out, sm_string name, sm_arena *arena, sm_error *err) {
  *out = sm_escape_name(arena, name);
  return out->data != NULL ? SM_OK : sm_arena_fail(arena, name.size + 1, err);
}

sm_status sm_child_path(sm_string *out, sm_string parent, sm_string name, sm_arena *arena, sm_error *err) {
  sm_string parts[2] = {parent};
  SM_TRY(escape(&parts[1], name, arena, err));
  return parent.size == 0 ? join(out, parts + 1, 1, arena, err) : join(out, parts, 2, arena, err);
}

sm_status sm_slot_path(sm_string *out, sm_string variable, sm_string optimizer, sm_string slot, sm_arena *arena,
                       sm_error *err) {
  sm_string parts[4] = {variable, sm_string_of(slot_part), optimizer};
  SM_TRY(escape(&parts[3], slot, arena, err));
  return join(out, parts, 4, arena, err);
}

sm_status sm_object_key(const char **out, sm_string path, sm_string attribute, sm_arena *arena, sm_error *err) {
  sm_string escaped, key;
  SM_TRY(escape(&escaped, attribute, arena, err)); /* once more: see save_util.py, _get_tensors_from_trackable */
  const sm_string parts[] = {path, sm_string_of(attributes_part), escaped};
  SM_TRY(join(&key, parts, 3, arena, err));
  *out = key.data;
  return SM_OK;
}

/* ---- Messages ---- */

static sm_status put_id(sm_buffer *out, uint32_t number, int32_t id, sm_error *err) {
  return id != 0 ? sm_wire_put_varint(out, number, (uint64_t)id, err) : SM_OK;
}

static sm_status put_text(sm_buffer *out, uint32_t number, sm_string text, sm_error *err) {
  return text.size != 0 ? sm_wire_put_bytes(out, number, text.data, text.size, err) : SM_OK;
}

sm_status sm_reference_put(sm_buffer *out, uint32_t number, sm_string name, int32_t id, sm_error *err) {
  size_t reference;
  SM_TRY(sm_wire_open(&reference, out, number, err));
  SM_TRY(put_id(out, REFERENCE_ID, id, err));
  SM_TRY(put_text(out, REFERENCE_NAME, name, err));
  return sm_wire_close(out, reference, err);
}

sm_status sm_slot_reference_put(sm_buffer *out, const sm_slot_reference *slot, sm_error *err) {
  size_t reference;
  SM_TRY(sm_wire_open(&reference, out, OBJECT_SLOTS, err));
  SM_TRY(put_id(out, SLOT_VARIABLE, slot->variable, err));
  SM_TRY(put_text(out, SLOT_NAME, slot->name, err));
  SM_TRY(put_id(out, SLOT_ID, slot->id, err));
  return sm_wire_close(out, reference, err);
}

sm_status sm_saved_attribute_put(sm_buffer *out, const sm_saved_attribute *attribute, sm_error *err) {
  size_t message;
  SM_TRY(sm_wire_open(&message, out, OBJECT_ATTRIBUTES, err));
  SM_TRY(put_text(out, ATTRIBUTE_NAME, attribute->name, err));
  SM_TRY(put_text(out, ATTRIBUTE_FULL_NAME, attribute->full_name, err));
  SM_TRY(put_text(out, ATTRIBUTE_KEY, attribute->key, err));
  return sm_wire_close(out, message, err);
}

sm_status sm_registered_saver_put(sm_buffer *out, sm_string name, sm_string object, sm_error *err) {
  size_t message;
  SM_TRY(sm_wire_open(&message, out, OBJECT_SAVER, err));
  SM_TRY(put_text(out, SAVER_NAME, name, err));
  SM_TRY(put_text(out, SAVER_OBJECT, object, err));
  return sm_wire_close(out, message, err);
}

sm_status sm_has_values_put(sm_buffer *out, bool has_values, sm_error *err) {
  size_t message;
  SM_TRY(sm_wire_open(&message, out, OBJECT_HAS_VALUES, err));
  if (has_values) SM_TRY(sm_wire_put_varint(out, BOOL_VALUE, true, err));
  return sm_wire_close(out, message, err);
}
