/*
 * Variables of a graph made into constants, so that nothing has to be restored. In functions, arguments that were handles
 * become values.
 *
 *   freeze.c        which tensors are handles of these variables, and what is done with them
 *   freeze_scope.c  nodes of a graph or function, and where their inputs come from
 *   freeze_calls.c  functions that get the inputs of nodes
 *   freeze_write.c  the graph that comes of it; freeze_node.c: a node of it
 *   restores.c      which variable is restored from which key
 *
 * Result: as convert_variables_to_constants_v2 (tensorflow/python/framework/convert_to_constants.py), but that functions
 * stay what they are.
 */
#ifndef SM_GRAPH_FREEZE_H
#define SM_GRAPH_FREEZE_H

#include "graph/op_defs.h"

/* A variable to be frozen: VarHandleOp, or VariableV2 and its predecessors. */
typedef struct sm_freeze_variable {
  sm_string node;
  sm_dtype dtype; /* of the value */
  uint64_t size;  /* about how many bytes put_value puts */
} sm_freeze_variable;

/* Arguments that somebody else than a node of the graph hands to a function: its last ones. */
typedef struct sm_freeze_binding {
  sm_string function;
  const sm_dtype *dtypes; /* SM_DT_INVALID: not the handle of a variable that is frozen */
  size_t n;
} sm_freeze_binding;

typedef struct sm_freeze_spec {
  const sm_freeze_variable *variables; /* sorted by node */
  size_t n_variables;
  const sm_freeze_binding *bindings;
  size_t n_bindings;
  /* Appends the fields of the TensorProto that is the variable's value. */
  sm_status (*put_value)(sm_buffer *out, void *ctx, size_t variable, sm_error *err);
  void *ctx;
} sm_freeze_spec;

/*
 * Appends the frozen GraphDef. Nodes that have nothing to do with it stay byte for byte.
 *
 * defs, library  of graph_def.
 *
 * Errors: UNIMPLEMENTED a node does something else with a variable than to read it (with its name and its function's);
 *   an argument of a function is a frozen variable for some callers and not for others, or nobody knows how it is called;
 *   RESOURCE_EXHAUSTED the variables make it larger than a protobuf can be: no value was asked for then. Those of put_value; DATA_LOSS,
 *   RESOURCE_EXHAUSTED. What is needed on the way lies in arena.
 */
sm_status sm_graph_freeze(sm_buffer *out, sm_spans graph_def, const sm_graph_library *library, sm_op_defs *defs,
                          const sm_freeze_spec *spec, const sm_wire_source *source, sm_arena *arena, sm_error *err);

/* ---- What a saver restores ---- */

typedef struct sm_restored_variable {
  sm_string node;  /* of the variable */
  sm_string key;   /* in the checkpoint */
  sm_string slice; /* "4 2 0,2:-", the part of the tensor that it is; "": all */
} sm_restored_variable;

/*
 * *out, in arena and sorted by node: the variables that a restore op assigns from a checkpoint, in the graph or in the
 * function it calls. What it does otherwise is passed over; a variable that is restored twice is there twice.
 *
 * restore_op  of saver_def.
 *
 * Errors: DATA_LOSS, RESOURCE_EXHAUSTED.
 */
sm_status sm_graph_find_restores(const sm_restored_variable **out, size_t *n, sm_spans graph_def,
                                 const sm_graph_library *library, sm_string restore_op, const sm_wire_source *source,
                                 sm_arena *arena, sm_error *err);

/* A table whose contents are restored. */
typedef struct sm_restored_table {
  sm_string node;         /* of the graph */
  sm_string keys, values; /* keys in the checkpoint */
} sm_restored_table;

/* The same for tables. Errors: UNIMPLEMENTED something else is restored than variables and tables. */
sm_status sm_graph_find_restored_tables(const sm_restored_table **out, size_t *n, sm_spans graph_def,
                                        const sm_graph_library *library, sm_string restore_op,
                                        const sm_wire_source *source, sm_arena *arena, sm_error *err);

#endif
