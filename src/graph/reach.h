/* What of a graph is led to by what: marks that spread from signatures, init ops and the like backwards along
 * inputs, and into the functions that are called. A function that is called counts as a whole. */
#ifndef SM_GRAPH_REACH_H
#define SM_GRAPH_REACH_H

#include "graph/graph.h"

typedef struct sm_reach_node {
  sm_string name;
  sm_span bytes;
  uint32_t marks;
  bool was_visited, is_waiting;
  bool is_input, is_asset; /* for others to set and to use */
} sm_reach_node;

typedef struct sm_reach_function {
  uint32_t marks;
  size_t n_callers; /* nodes that name it, among those led to */
  bool was_visited, is_waiting;
  bool is_gradient; /* may be called as one */
  size_t gradient;  /* index of the function that is its gradient; SIZE_MAX: none, or not to be followed */
} sm_reach_function;

typedef struct sm_reach {
  const sm_wire_source *source;
  sm_reach_node *nodes; /* of the graph, sorted by name */
  size_t n_nodes;
  sm_graph_library defs;        /* of the functions */
  sm_reach_function *functions; /* by index in defs; of those of one name only the last is used */
  bool follows_colocations;     /* marks go to the nodes of the graph that one is colocated with, too */
  size_t *waiting, n_waiting;   /* nodes whose marks have to go on, by index; functions after them */
} sm_reach;

/* Nothing is marked yet but what registered gradients lead to, with gradient_mark. Lies in arena. */
sm_status sm_reach_init(sm_reach *out, sm_spans graph_def, uint32_t gradient_mark, const sm_wire_source *source,
                        sm_arena *arena, sm_error *err);

/* From here on marks go from a function to its gradient (GradientDef) too. */
sm_status sm_reach_follow_gradients(sm_reach *reach, sm_spans graph_def, sm_arena *arena, sm_error *err);

/* The node of the graph that makes a tensor, "name:0", "name" or "^name"; NULL when there is none. */
sm_reach_node *sm_reach_find_node(const sm_reach *reach, sm_string tensor);

/* What is not there is passed over. */
void sm_reach_mark_tensor(sm_reach *reach, sm_string tensor, uint32_t mark);
void sm_reach_mark_function(sm_reach *reach, sm_string name, uint32_t mark);

/* Takes the marks to all that they lead to. */
sm_status sm_reach_spread(sm_reach *reach, sm_error *err);

/* The nodes of a message (GraphDef, FunctionDef) whose field is number, sorted by name. */
sm_status sm_reach_index_nodes(sm_reach_node **out, size_t *n, sm_spans message, uint32_t number,
                               const sm_wire_source *source, sm_arena *arena, sm_error *err);

/* The name of the node in "name:0", "name:out:0" (as in functions), "name" and "^name". */
sm_string sm_tensor_node_name(sm_string tensor);

#endif
