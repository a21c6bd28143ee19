/*
 * References between objects, which the object graphs of models and of checkpoints write alike: to children and
 * dependencies by name, to slot variables by variable and name.
 * Format: ObjectReference and SlotVariableReference of proto/trackable_object_graph.proto.
 */
#ifndef SM_OBJECTS_REFERENCE_H
#define SM_OBJECTS_REFERENCE_H

#include "wire/wire.h"

/* Names are not terminated, UTF-8, and where they were read. */
typedef struct sm_reference {
  sm_string name;
  int32_t id; /* as it is in the file: nothing says that there is such an object */
} sm_reference;

typedef struct sm_slot_reference {
  sm_string name;   /* of the slot, "momentum" */
  int32_t variable; /* which the optimizer keeps it for */
  int32_t id;       /* of the slot variable */
} sm_slot_reference;

/* Errors: DATA_LOSS. */
sm_status sm_reference_read(sm_reference *out, sm_span message, const sm_wire_source *source, sm_error *err);
sm_status sm_slot_reference_read(sm_slot_reference *out, sm_span message, const sm_wire_source *source, sm_error *err);

/* A proto3 string where it lies. Errors: DATA_LOSS it is not UTF-8. */
sm_status sm_name_read(sm_string *out, sm_span bytes, const sm_wire_source *source, sm_error *err);

#endif
