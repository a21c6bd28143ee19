/* Every node of a graph and of its functions with what it does: the part of scan.h that needs no more than a
 * GraphDef. */
#ifndef SM_GRAPH_GRAPH_SCAN_H
#define SM_GRAPH_GRAPH_SCAN_H

#include <savedmodel/scan.h>

#include "graph/graph.h"

/* How the world outside comes into the graph. */
typedef enum sm_root_kind {
  SM_ROOT_TENSOR,   /* a tensor, or an op, that is asked for */
  SM_ROOT_FUNCTION, /* a function that is called */
  SM_ROOT_INPUT,    /* a tensor that takes a value of a request */
  SM_ROOT_ASSET     /* a tensor that the loader feeds with the path of an asset, when it runs the init op */
} sm_root_kind;

typedef struct sm_scan_root {
  sm_string name;
  sm_root_kind kind;
  uint32_t mark;        /* sm_reached: TENSOR and FUNCTION */
  const bool *is_asset; /* FUNCTION: n_bound, the last arguments, which the loader binds to objects; is it an asset? */
  size_t n_bound;
} sm_scan_root;

typedef struct sm_graph_scan_request {
  sm_spans graph_def;
  const sm_wire_source *source;
  const sm_scan_root *roots;
  size_t n_roots;
  sm_string saver_filename, saver_save, saver_restore; /* tensors and op of saver_def; "": there is none */
  sm_scan_options options;                             /* effects is not 0 */
  sm_scan_finding found;                               /* file and meta graph of all findings */
} sm_graph_scan_request;

/* What is needed meanwhile lies in arena. */
sm_status sm_graph_scan(const sm_graph_scan_request *request, sm_scan_fn fn, void *fn_ctx, sm_arena *arena,
                        sm_error *err);

#endif
