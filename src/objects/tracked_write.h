/*
 * Object graphs, written: paths and keys of objects, references between them, and what a checkpoint's object graph says of
 * a value. Format: proto/trackable_object_graph.proto.
 */
#ifndef SM_OBJECTS_TRACKED_WRITE_H
#define SM_OBJECTS_TRACKED_WRITE_H

#include "objects/checkpoint_graph.h"
#include "wire/emit.h"

/* ---- Keys ---- */

/* name with '.' and '/' written otherwise; its data is NULL when there is no memory. Source:
 * python/trackable/trackable_utils.py, escape_local_name. */
sm_string sm_escape_name(sm_arena *arena, sm_string name);

/* The path of a child: that of its parent ("" the root's) and its name, which is escaped. */
sm_status sm_child_path(sm_string *out, sm_string parent, sm_string name, sm_arena *arena, sm_error *err);

/* The path of a slot variable. */
sm_status sm_slot_path(sm_string *out, sm_string variable, sm_string optimizer, sm_string slot, sm_arena *arena,
                       sm_error *err);

/* The key of a value of the object at the end of a path; attribute as object graphs have it. */
sm_status sm_object_key(const char **out, sm_string path, sm_string attribute, sm_arena *arena, sm_error *err);

/* ---- Messages; the field that they are of is given, where it is not that of TrackableObject ---- */

sm_status sm_reference_put(sm_buffer *out, uint32_t number, sm_string name, int32_t id, sm_error *err);
sm_status sm_slot_reference_put(sm_buffer *out, const sm_slot_reference *slot, sm_error *err);
sm_status sm_saved_attribute_put(sm_buffer *out, const sm_saved_attribute *attribute, sm_error *err);
sm_status sm_registered_saver_put(sm_buffer *out, sm_string name, sm_string object, sm_error *err);
sm_status sm_has_values_put(sm_buffer *out, bool has_values, sm_error *err); /* there even when it is false */

#endif
