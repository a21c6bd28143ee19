/* Does an operation read a file of the model's own, one of its assets? Its file name has to be, through Identity and
 * the arguments of functions, wherever they are called from:
 *
 *   - a tensor that the loader feeds with the path of an asset. It does so for the init op alone: elsewhere a
 *     Placeholder has no value, but a constant has its own, which may be any path;
 *   - an argument that the loader binds to an asset, as the object graph says;
 *   - or a variable of strings, when all that is ever put into one, in the whole graph, is such a name.
 *
 * And no signature may have any of it as an input, because then whoever sends a request chooses the file. */
#ifndef SM_GRAPH_ASSET_USE_H
#define SM_GRAPH_ASSET_USE_H

#include "graph/graph_scan.h"
#include "graph/reach.h"

typedef struct sm_asset_use {
  const sm_reach *reach;
  const sm_scan_root *roots;
  size_t n_roots;
  uint32_t init_mark;
  sm_arena *arena;
  uint64_t budget; /* bytes that may still be looked at: no graph makes this slow */
  /* From here on made by the first question. */
  struct sm_asset_walk *walk; /* NULL: nobody has asked */
  struct sm_asset_call *calls;
  struct sm_asset_function *functions; /* by index in reach->defs */
  sm_scan_root *bound;                 /* roots that are functions, sorted by name */
  size_t n_calls, n_bound;
  bool variables_are_assets;
} sm_asset_use;

void sm_asset_use_init(sm_asset_use *use, const sm_reach *reach, const sm_scan_root *roots, size_t n_roots,
                       uint32_t init_mark, size_t graph_size, sm_arena *arena);

/* node, of op, led to by marks, is in the function of that index; SIZE_MAX: in the graph itself. */
sm_status sm_asset_use_covers(bool *out, sm_asset_use *use, sm_string op, sm_span node, uint32_t marks, size_t function,
                              sm_error *err);

#endif
