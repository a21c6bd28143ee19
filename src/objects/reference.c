#include "objects/reference.h"

/* Fields of ObjectReference and of SlotVariableReference. */
enum { REFERENCE_ID = 1, REFERENCE_NAME = 2, SLOT_VARIABLE = 1, SLOT_NAME = 2, SLOT_ID = 3 };

sm_status sm_name_read(sm_string *out, sm_span bytes, const sm_wire_source *source, sm_error *err) {
  if (!sm_utf8_is_valid(bytes.data, bytes.size)) return sm_wire_fail(source, bytes.data, "a string is not UTF-8", err);
  *out = (sm_string){(const char *)bytes.data, bytes.size};
  return SM_OK;
}

sm_status sm_reference_read(sm_reference *out, sm_span message, const sm_wire_source *source, sm_error *err) {
  *out = (sm_reference){.name = {(const char *)message.data, 0}};
  sm_wire_reader reader = sm_wire_read(message, source);
  for (sm_wire_field field; sm_wire_next(&reader, &field);) {
    if (field.tag == SM_WIRE_TAG(REFERENCE_ID, SM_WIRE_VARINT)) out->id = (int32_t)(uint32_t)field.value;
    if (field.tag == SM_WIRE_TAG(REFERENCE_NAME, SM_WIRE_BYTES))
      SM_TRY(sm_name_read(&out->name, field.bytes, source, err));
  }
  return sm_wire_finish(&reader, err);
}

sm_status sm_slot_reference_read(sm_slot_reference *out, sm_span message, const sm_wire_source *source, sm_error *err) {
  *out = (sm_slot_reference){.name = {(const char *)message.data, 0}};
  sm_wire_reader reader = sm_wire_read(message, source);
  for (sm_wire_field field; sm_wire_next(&reader, &field);) {
    if (field.tag == SM_WIRE_TAG(SLOT_VARIABLE, SM_WIRE_VARINT)) out->variable = (int32_t)(uint32_t)field.value;
    if (field.tag == SM_WIRE_TAG(SLOT_ID, SM_WIRE_VARINT)) out->id = (int32_t)(uint32_t)field.value;
    if (field.tag == SM_WIRE_TAG(SLOT_NAME, SM_WIRE_BYTES)) SM_TRY(sm_name_read(&out->name, field.bytes, source, err));
  }
  return sm_wire_finish(&reader, err);
}
