/* Is a checkpoint operation the saver's ordinary one? Every model that was saved has some, so they would drown the
 * rest; but the same operations reach any file, so all of this has to hold:
 *
 *   - nothing leads to it but saver_def.save_tensor_name (to those that write) or restore_op_name (to those that read);
 *   - its file name begins with the one the saver is given, with nothing added that could lead elsewhere: a prefix that
 *     was joined with constants without "..", or made into the name of a shard;
 *   - inside a function: the saver's own node is the only one that calls it, and hands that name in as first argument.
 */
#ifndef SM_GRAPH_SAVER_USE_H
#define SM_GRAPH_SAVER_USE_H

#include "graph/reach.h"

typedef struct sm_saver_use {
  const sm_reach *reach;
  sm_arena *arena;
  sm_string filename, save, restore; /* names of nodes, of saver_def */
  uint32_t save_mark, restore_mark;
  uint64_t budget; /* bytes of nodes that may still be looked at: no graph makes this slow */
  /* The function that was looked at last. */
  size_t function; /* index in reach->defs; SIZE_MAX: none */
  bool is_savers;  /* called by the saver alone */
  sm_string argument;
  sm_reach_node *nodes;
  size_t n_nodes;
  struct sm_saver_walk *walk;
} sm_saver_use;

void sm_saver_use_init(sm_saver_use *use, const sm_reach *reach, size_t graph_size, sm_arena *arena);

/* node, of op, led to by marks, is in the function of that index; SIZE_MAX: in the graph itself. */
sm_status sm_saver_use_covers(bool *out, sm_saver_use *use, sm_string op, sm_span node, uint32_t marks, size_t function,
                              sm_error *err);

#endif
