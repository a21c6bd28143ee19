/*
 * What a checkpoint must have for a saver to restore it: the tensors that the RestoreV2 nodes behind restore_op_name read
 * from the file that the saver is given. Loaders run these nodes; what is missing is found out when the model is loaded.
 */
#ifndef SM_GRAPH_SAVER_KEYS_H
#define SM_GRAPH_SAVER_KEYS_H

#include "graph/graph.h"
#include "tensor/tensor.h"

typedef struct sm_saver_key {
  sm_string key;
  sm_dtype dtype;
  sm_shape shape; /* of the whole tensor; rank -1, and dims of -1: nobody knows */
} sm_saver_key;

typedef struct sm_saver_keys {
  sm_saver_key *items; /* in the order of the nodes' names; a partitioned variable is there once for each part */
  size_t n;
} sm_saver_keys;

/*
 * Those of the graph and, as savers of V2 models restore inside of one, of functions. Shapes are those of the variables
 * that the tensors are assigned to, or of the slices that are read. Not looked at: nodes whose keys, or file names, are
 * computed; Restore and RestoreSlice, which no saver of TensorFlow 1.0 or newer makes.
 *
 * filename, restore_op  filename_tensor_name and restore_op_name of the SaverDef.
 *
 * Errors: DATA_LOSS the graph is damaged; INVALID_ARGUMENT a slice that is none; RESOURCE_EXHAUSTED. What it returns lies
 *   in arena and borrows from the graph.
 * Cost: n log n for n nodes.
 * Source: the ops RestoreV2, Assign, AssignVariableOp; python/training/saver.py.
 */
sm_status sm_saver_find_keys(sm_saver_keys *out, sm_spans graph_def, sm_string filename, sm_string restore_op,
                             const sm_wire_source *source, sm_arena *arena, sm_error *err);

#endif
