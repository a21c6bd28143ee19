/* The part of a graph that some of its tensors and functions need. */
#ifndef SM_GRAPH_PRUNE_H
#define SM_GRAPH_PRUNE_H

#include "graph/graph.h"

/* What has to stay, with all that leads to it. */
typedef struct sm_prune_roots {
  const sm_string *tensors; /* or nodes: "a:0", "a", "^a" */
  size_t n_tensors;
  const sm_string *functions;
  size_t n_functions;
} sm_prune_roots;

/*
 * Appends to out the GraphDef that is left: kept nodes and functions in their order, byte for byte. What a node is colocated
 * with stays with it. A gradient stays with its function; functions that are registered as gradients stay always.
 *
 * arena  for the time of the call.
 *
 * Errors: NOT_FOUND a root that is not there; DATA_LOSS; RESOURCE_EXHAUSTED.
 */
sm_status sm_graph_prune_to(sm_buffer *out, sm_spans graph_def, const sm_prune_roots *roots,
                            const sm_wire_source *source, sm_arena *arena, sm_error *err);

#endif
