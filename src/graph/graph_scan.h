/* Every node of a graph and of its functions with what it does: the part of scan.h that needs no more than a
 * GraphDef. */
#ifndef SM_GRAPH_GRAPH_SCAN_H
#define SM_GRAPH_GRAPH_SCAN_H

#include <savedmodel/scan.h>

#include "graph/graph.h"

/* What leads into the graph. */
typedef struct sm_scan_root {
  sm_string name; /* of a tensor or an op; of a function */
  uint32_t mark;  /* sm_reached */
  bool is_function;
} sm_scan_root;

typedef struct sm_graph_scan_request {
  sm_spans graph_def;
  const sm_wire_source *source;
  const sm_scan_root *roots;
  size_t n_roots;
  sm_string saver_filename, saver_save, saver_restore; /* tensors and op of saver_def; "": there is none */
  sm_scan_options options;                             /* effects is not 0 */
  sm_finding found;                                    /* file and meta graph of all findings */
} sm_graph_scan_request;

/* What is needed meanwhile lies in arena. */
sm_status sm_graph_scan(const sm_graph_scan_request *request, sm_finding_fn fn, void *fn_ctx, sm_arena *arena,
                        sm_error *err);

#endif
