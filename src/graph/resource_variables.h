/*
 * Reference variables of TensorFlow 1 (VariableV2) made into resources, which functions can capture.
 *
 *   resource_variables.c   what becomes of each node
 *   resource_refs.c        which tensors refer to variables
 *   resource_write.c       the graph that comes of it
 *
 * Whoever takes a reference where a value is wanted reads the variable at that moment: a ReadVariableOp stands there now.
 * Operations that write through a reference have counterparts that take a handle (Assign: AssignVariableOp); those return
 * nothing, so what took the reference that came out reads the variable behind them.
 */
#ifndef SM_GRAPH_RESOURCE_VARIABLES_H
#define SM_GRAPH_RESOURCE_VARIABLES_H

#include "graph/op_defs.h"

/*
 * Appends the GraphDef, in which nodes keep their names. One without reference variables stays byte for byte.
 *
 * tensors  that others than nodes read, such as the outputs of signatures; those that are references become the names of
 *          tensors with the values, in arena.
 *
 * Errors: UNIMPLEMENTED an operation on references that resources do not have, with the name of its node; DATA_LOSS,
 *   RESOURCE_EXHAUSTED. What is needed on the way lies in arena.
 * Source: python/ops/ref_variable.py and resource_variable_ops.py, which have the same methods.
 */
sm_status sm_graph_use_resources(sm_buffer *out, sm_spans graph_def, sm_string *tensors, size_t n_tensors,
                                 sm_op_defs *defs, const sm_wire_source *source, sm_arena *arena, sm_error *err);

#endif
