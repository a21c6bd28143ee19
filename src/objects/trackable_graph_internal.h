/* Inside objects/: the object graph of a checkpoint while it is changed. */
#ifndef SM_OBJECTS_TRACKABLE_GRAPH_INTERNAL_H
#define SM_OBJECTS_TRACKABLE_GRAPH_INTERNAL_H

#include "base/base.h"
#include "objects/checkpoint_graph.h"

struct sm_trackable_graph {
  const sm_allocator *allocator;
  sm_arena arena;
  sm_wire_source source;
  sm_saved_object *objects; /* in the order of the file; fields that have no place here are in their messages */
  size_t n;
  sm_buffer written;
};

#endif
