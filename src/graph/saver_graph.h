/*
 * Nodes that save and restore the variables of a graph when it is run, as tf.compat.v1.train.Saver adds them: loaders of
 * V1 models, the C API's among them, know no other way to a variable's value.
 */
#ifndef SM_GRAPH_SAVER_GRAPH_H
#define SM_GRAPH_SAVER_GRAPH_H

#include "graph/graph.h"
#include "tensor/slice.h"

/* ---- Which variables there are ---- */

/* Borrows from the graph and its VariableDefs. */
typedef struct sm_graph_variable {
  sm_string key;          /* under which the checkpoint has it */
  sm_string node;         /* VarHandleOp, or VariableV2 and its predecessors */
  sm_string value;        /* tensor with its value; {NULL, 0}: a resource that nothing in the graph is known to read */
  sm_dtype dtype;         /* of the value */
  sm_shape shape;         /* of the value */
  sm_shape full_shape;    /* of the partitioned variable that this is a part of; rank -1: it is whole */
  const int64_t *offsets; /* where the part begins: full_shape.rank of them */
  bool is_resource;
} sm_graph_variable;

/* A table that changes. */
typedef struct sm_graph_table {
  sm_string node;         /* of its handle */
  sm_string keys, values; /* keys under which the checkpoint has them */
  sm_dtype key_dtype, value_dtype;
} sm_graph_table;

typedef struct sm_graph_variables {
  const sm_graph_variable *items; /* sorted by key, parts of one by offsets */
  size_t n;
  const sm_graph_table *tables; /* that are saved as well */
  size_t n_tables;
} sm_graph_variables;

/*
 * The variables that a Saver would save, and no tables: those of the VariableDefs; where there are none, all nodes of the
 * graph that are variables. Of several handles of one resource (shared_name) the first counts.
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
 * variables  at least one, or a table: without, a graph has no saver (RestoreV2 of nothing is an error).
 *
 * Errors: INVALID_ARGUMENT neither variables nor tables; DATA_LOSS graph_def is damaged; RESOURCE_EXHAUSTED. What it returns lies in arena.
 * Source: BaseSaverBuilder in tensorflow/python/training/saver.py, sharded; without its test for s3:// names.
 */
sm_status sm_saver_graph_make(sm_saver_graph *out, const sm_graph_variables *variables, sm_spans graph_def,
                              const sm_wire_source *source, sm_arena *arena, sm_error *err);

#endif
