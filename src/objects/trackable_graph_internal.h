/* Inside objects/: the object graph of a checkpoint while it is changed. */
#ifndef SM_OBJECTS_TRACKABLE_GRAPH_INTERNAL_H
#define SM_OBJECTS_TRACKABLE_GRAPH_INTERNAL_H

#include <savedmodel/trackable_graph.h>

#include "base/base.h"
#include "wire/wire.h"

/* Field numbers: proto/trackable_object_graph.proto. */
enum {
  OBJECT_GRAPH_NODES = 1,
  OBJECT_CHILDREN = 1,
  OBJECT_ATTRIBUTES = 2,
  OBJECT_SLOT_VARIABLES = 3,
  OBJECT_REGISTERED_SAVER = 4,
  OBJECT_HAS_CHECKPOINT_VALUES = 5,
  REFERENCE_NODE_ID = 1,
  REFERENCE_LOCAL_NAME = 2,
  TENSOR_NAME = 1,
  TENSOR_CHECKPOINT_KEY = 3,
  SLOT_ORIGINAL_VARIABLE = 1,
  SLOT_NAME = 2,
  SLOT_VARIABLE = 3
};

typedef struct sm_object_edge {
  uint32_t node;
  sm_string name;
} sm_object_edge;

typedef struct sm_object_value {
  sm_string name;
  sm_string key;
  sm_span message; /* of which the other fields are written as they are */
} sm_object_value;

typedef struct sm_object_slot {
  uint32_t variable, slot; /* nodes */
  sm_string name;
} sm_object_slot;

typedef struct sm_object {
  sm_object_edge *children;
  size_t n_children;
  sm_object_value *values;
  size_t n_values;
  sm_object_slot *slots;
  size_t n_slots;
  sm_span rest; /* its other fields */
  bool has_saver;
  bool says_values; /* has_checkpoint_values is there */
} sm_object;

struct sm_trackable_graph {
  const sm_allocator *allocator;
  sm_arena arena;
  sm_wire_source source;
  sm_object *objects;
  size_t n;
  sm_buffer written;
};

#endif
