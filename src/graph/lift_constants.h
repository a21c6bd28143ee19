/*
 * Large constants taken out of functions: they become arguments, which callers hand on. Whoever calls the outermost
 * functions passes the values, such as those of variables, which unlike constants need not fit into a GraphDef.
 *
 *   lift_constants.c  which constants, and which functions need them
 *   lift_write.c      the functions that come of it
 *
 * PartitionedCall, StatefulPartitionedCall, and nodes whose op is the function, can hand values on. Functions that anything
 * else names (loops, datasets), and those they call, keep their constants.
 */
#ifndef SM_GRAPH_LIFT_CONSTANTS_H
#define SM_GRAPH_LIFT_CONSTANTS_H

#include "graph/graph.h"
#include "tensor/tensor_proto.h"

typedef struct sm_lift_spec {
  const sm_graph_library *library;
  const bool *is_fixed; /* by index in library: somebody outside names it, who cannot pass more */
  uint64_t above;       /* constants with more bytes of values than that */
} sm_lift_spec;

/* A value that was taken out; equal ones are taken out once. */
typedef struct sm_lifted_constant {
  sm_string node; /* the first that had it */
  sm_tensor_proto value;
} sm_lifted_constant;

/* What became of a function of the library. */
typedef struct sm_lifted_function {
  sm_string def;           /* data NULL: it stays as it was */
  const size_t *constants; /* that it takes now, behind its other arguments, by index */
  size_t n_constants;
} sm_lifted_function;

typedef struct sm_lifted {
  const sm_lifted_constant *constants;
  size_t n_constants;
  const sm_lifted_function *functions; /* by index in the library */
  size_t n_kept;                       /* constants of that size that stay where they are */
} sm_lifted;

/*
 * All of the result lies in arena, or is borrowed from the library.
 *
 * Errors: those of sm_functions_check_calls, for the whole library; DATA_LOSS, RESOURCE_EXHAUSTED.
 */
sm_status sm_graph_lift_constants(sm_lifted *out, const sm_lift_spec *spec, sm_arena *arena, sm_error *err);

#endif
