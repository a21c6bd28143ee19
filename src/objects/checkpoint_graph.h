/*
 * The object graph of a checkpoint: which objects were saved, and under which keys. It is a string in the checkpoint; the
 * name-based checkpoints of TensorFlow 1 have none.
 *
 * Objects are matched by the names on the way from the root, never by number: those of a SavedModel, or of a program, are
 * numbered otherwise.
 *
 * Format: proto/trackable_object_graph.proto. Source: python/checkpoint/graph_view.py, python/checkpoint/restore.py.
 */
#ifndef SM_OBJECTS_CHECKPOINT_GRAPH_H
#define SM_OBJECTS_CHECKPOINT_GRAPH_H

#include <savedmodel/bundle.h>
#include <savedmodel/trackable_graph.h>

#include "objects/reference.h"
#include "wire/wire.h"

/* The attribute that variables have. Source: python/trackable/base.py, VARIABLE_VALUE_KEY. */
#define SM_ATTRIBUTE_VALUE "VARIABLE_VALUE"

/* A value that an object was saved as. Strings here are not terminated, UTF-8, and part of the graph's bytes. */
typedef struct sm_saved_attribute {
  sm_string name;      /* SM_ATTRIBUTE_VALUE; what other objects chose */
  sm_string full_name; /* that of a checkpoint of TensorFlow 1; "" */
  sm_string key;       /* in the checkpoint; tables have -keys and -values behind it */
  sm_span message;     /* all of it */
} sm_saved_attribute;

/* Lists are in the order of the file, until they are sorted. */
typedef struct sm_saved_object {
  sm_reference *children;
  size_t n_children;
  sm_saved_attribute *attributes;
  size_t n_attributes;
  sm_slot_reference *slots;
  size_t n_slots;
  sm_string saver;        /* registered saver, whose files begin with PREFIX-saver; "" */
  sm_string saver_object; /* which of its objects */
  bool says_values;       /* has_values is in the file */
  bool has_values;        /* it, or what is below it */
  sm_span message;        /* all of it */
} sm_saved_object;

typedef struct sm_checkpoint_graph {
  sm_saved_object *objects; /* 0 is the root; all numbers of children and slots are below n */
  size_t n;
  sm_tensor *bytes;
} sm_checkpoint_graph;

/*
 * Reads the graph of a checkpoint, sorted. arena has the result but for the strings: sm_checkpoint_graph_free ends those.
 * Errors: NOT_FOUND it has none; DATA_LOSS; RESOURCE_EXHAUSTED; those of reading.
 */
sm_status sm_checkpoint_graph_read(sm_checkpoint_graph *out, const sm_bundle_reader *reader, sm_arena *arena,
                                   sm_error *err);
void sm_checkpoint_graph_free(sm_checkpoint_graph *graph);

/* The same of bytes that outlive the graph, and which source names; not sorted. */
sm_status sm_checkpoint_graph_parse(sm_checkpoint_graph *out, sm_span bytes, const sm_wire_source *source,
                                    sm_arena *arena, sm_error *err);

/* Sorts children by name and slots by variable and name, for the look-ups below. Of two alike the last of the file counts. */
void sm_checkpoint_graph_sort(sm_checkpoint_graph *graph);

/* The child of that name; -1: there is none. By bisection. */
int32_t sm_saved_object_find_child(const sm_saved_object *object, sm_string name);

/* The slot variable of that name which the object, an optimizer, keeps for a variable; -1: there is none. */
int32_t sm_saved_object_find_slot(const sm_saved_object *object, int32_t variable, sm_string name);

/* The attribute of that name; NULL: there is none. */
const sm_saved_attribute *sm_saved_object_find_attribute(const sm_saved_object *object, sm_string name);

#endif
