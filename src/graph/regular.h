/*
 * What of a graph varies by chance between two models that were made in the same way, and goes away before a graph is
 * hashed. Source: TensorFlow, core/graph/regularization/{util,simple_delete}.cc.
 */
#ifndef SM_GRAPH_REGULAR_H
#define SM_GRAPH_REGULAR_H

#include "graph/graph.h"

/*
 * The number at the end of a function's name, such as 12 in "__inference_f_12": what int64_t stands behind the last '_', or
 * is all of the name; blanks around it and a sign are fine. False: there is none.
 */
bool sm_function_get_uid(int64_t *out, sm_string name);

/* The name without it, "__inference_f_"; as it is where the number is written in another way than "%d" would. */
sm_string sm_function_without_uid(sm_string name, int64_t uid);

/*
 * Pieces of the node without what varies: the uid in the name of the function that a (Stateful)PartitionedCall calls, its
 * configuration, and the value of a Const of strings. Nearly always it is the node as it lies. The result lies in arena.
 */
sm_status sm_node_make_regular(sm_spans *out, const sm_span *node, const sm_wire_source *source, sm_arena *arena,
                               sm_error *err);

#endif
