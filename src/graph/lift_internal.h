/* Inside lift_constants.c and lift_write.c. */
#ifndef SM_GRAPH_LIFT_INTERNAL_H
#define SM_GRAPH_LIFT_INTERNAL_H

#include "graph/lift_constants.h"

/* A Const that will be an argument. */
typedef struct sm_lift_node {
  sm_span bytes;
  size_t function, constant; /* by index */
} sm_lift_node;

/* A node that calls a function of the library, which may take more arguments. */
typedef struct sm_lift_call {
  sm_span bytes;
  size_t caller, callee;
} sm_lift_call;

typedef struct sm_lift_function {
  bool is_fixed;
  const size_t *needs; /* constants that it takes, ascending */
  size_t n_needs;
  const sm_lift_node *nodes; /* in the order of its nodes */
  size_t n_nodes;
  const sm_lift_call *calls; /* likewise */
  size_t n_calls;
} sm_lift_function;

typedef struct sm_lift_work {
  const sm_lift_spec *spec;
  sm_arena *arena;
  const sm_wire_source *source;
  const sm_lifted_constant *constants;
  sm_lift_function *functions; /* by index in the library */
  const char *stem; /* no node and no argument has a name that begins so: new arguments are called STEM_0 ... */
} sm_lift_work;

/* Appends the FunctionDef that a function becomes. */
sm_status sm_lift_write(sm_buffer *out, const sm_lift_work *work, size_t function, sm_error *err);

#endif
