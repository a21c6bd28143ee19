/* Inside objects/: the object graph of a checkpoint while it is changed. */
#ifndef SM_OBJECTS_TRACKABLE_GRAPH_INTERNAL_H
#define SM_OBJECTS_TRACKABLE_GRAPH_INTERNAL_H

#include "base/base.h"
#include "objects/checkpoint_graph.h"
#include "objects/objects_internal.h"

struct sm_trackable_graph {
  const sm_allocator *allocator;
  sm_arena arena;
  sm_wire_source source;
  sm_saved_object *objects; /* in the order of the file; fields that have no place here are in their messages */
  size_t n;
  sm_buffer written;
  const sm_object_tree *tree; /* and paths by number; NULL: not asked for since the edges changed */
  const char **paths;
};

/* To be called when objects or edges have changed. */
static inline void sm_trackable_graph_forget_paths(sm_trackable_graph *graph) { graph->tree = NULL; }

#endif
