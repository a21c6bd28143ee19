/* FunctionDefs that the library makes itself: from plain structs to bytes. Nothing is checked here. */
#ifndef SM_GRAPH_FUNCTION_WRITE_H
#define SM_GRAPH_FUNCTION_WRITE_H

#include "graph/node_write.h"

/* An argument or a result. */
typedef struct sm_function_part {
  const char *name;
  sm_dtype dtype;
  const char *value; /* of a result: the tensor, "add:z:0" */
} sm_function_part;

typedef struct sm_function_parts {
  const char *name;
  const sm_function_part *inputs, *outputs;
  size_t n_inputs, n_outputs;
  const sm_node_spec *nodes; /* inputs as functions have them: "argument", "node:output:0", "^node" */
  size_t n_nodes;
  const char *control; /* a node that runs even if no result needs it; NULL: none. The function is stateful then */
} sm_function_parts;

/* Appends the fields of a FunctionDef (proto/function.proto). Errors: those of sm_node_write. */
sm_status sm_function_write(sm_buffer *out, const sm_function_parts *parts, sm_error *err);

#endif
