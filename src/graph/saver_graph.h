/*
 * Nodes that save and restore the variables of a graph when it is run, as tf.compat.v1.train.Saver adds them: loaders of
 * V1 models, the C API's among them, know no other way to a variable's value.
 */
#ifndef SM_GRAPH_SAVER_GRAPH_H
#define SM_GRAPH_SAVER_GRAPH_H

#include "graph/graph.h"
#include "tensor/slice.h"

/* ---- Which variables there are ---- */

/* Borrows from the graph and its VariableDefs; what is not there is {NULL, 0}. */
typedef struct sm_graph_variable {
  sm_string key;          /* under which the checkpoint has it */
  sm_string node;         /* VarHandleOp, VariableV2 or Variable */
  sm_string snapshot;     /* tensor with its value, in the graph; none: the saver reads the resource */
  sm_dtype dtype;         /* not the reference type */
  sm_shape shape;         /* of the variable; of a partition: of the part */
  sm_shape full_shape;    /* of a partitioned variable, of which this is a part; rank -1: it is none */
  const int64_t *offsets; /* where the part begins: full_shape.rank of them */
  bool is_resource;
} sm_graph_variable;

typedef struct sm_graph_variables {
  const sm_graph_variable *items; /* sorted by key, parts of one by offsets */
  size_t n;
} sm_graph_variables;

/*
 * The variables that a Saver would save: those of the VariableDefs; where there are none, all nodes of the graph that are
 * variables. Handles of one resource (same container and shared_name) are one variable, the first of them.
 *
 * variable_defs  values of the collection "variables"; n 0: there is none.
 *
 * Errors: DATA_LOSS a VariableDef that names nodes which are not there or are no variables, or is damaged;
 *   FAILED_PRECONDITION two variables of one key; RESOURCE_EXHAUSTED. What it returns lies in arena.
 * Source: proto/variable.proto; names as saveable_object_util.py, op_list_to_dict: the node of the handle, or the full
 *   name of a partitioned variable.
 */
sm_status sm_graph_find_variables(sm_graph_variables *out, sm_spans graph_def, sm_spans variable_defs,
                                  const sm_wire_source *source, sm_arena *arena, sm_error *err);

/* ---- Nodes for them ---- */

typedef struct sm_saver_graph {
  sm_string nodes;  /* serialised GraphDef with nothing but nodes: put behind the graph's bytes, it is part of it */
  sm_saver_def def; /* names in arena */
} sm_saver_graph;

/*
 * Nodes below the first of "save", "save_1", ... that no node of the graph lies below. The same variables give the same
 * bytes.
 *
 * variables  at least one: without, a graph has no saver (RestoreV2 of nothing is an error).
 *
 * Errors: INVALID_ARGUMENT no variables; DATA_LOSS graph_def is damaged; RESOURCE_EXHAUSTED. What it returns lies in arena.
 * Source: BaseSaverBuilder in tensorflow/python/training/saver.py, sharded; without its test for s3:// names.
 */
sm_status sm_saver_graph_make(sm_saver_graph *out, const sm_graph_variables *variables, sm_spans graph_def,
                              const sm_wire_source *source, sm_arena *arena, sm_error *err);

#endif
