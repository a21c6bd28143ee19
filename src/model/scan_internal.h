/* Between scan_model.c, scan_roots.c and scan_files.c. */
#ifndef SM_MODEL_SCAN_INTERNAL_H
#define SM_MODEL_SCAN_INTERNAL_H

#include <savedmodel/scan.h>

#include "graph/graph_scan.h"

sm_status sm_scan_check_options(sm_scan_options *out, const sm_scan_options *options, sm_error *err);

/* sm_meta_graph_scan of a model that lies in that file; options were checked. */
sm_status sm_meta_graph_scan_as(const sm_meta_graph *graph, const char *file, const sm_scan_options *options,
                                sm_scan_fn fn, void *fn_ctx, sm_error *err);

typedef struct sm_scan_roots {
  const sm_allocator *allocator;
  sm_scan_root *items; /* owned, from the allocator; what they point to is not */
  size_t n, capacity;
} sm_scan_roots;

/* Adds what leads into the graph, and fills in the saver of the request. On failure too, items are to be freed. */
sm_status sm_scan_roots_find(sm_scan_roots *roots, sm_graph_scan_request *request, const sm_meta_graph *graph,
                             sm_arena *arena, sm_error *err);

/* The file in the directory that the model was read from. */
const char *sm_model_file_name(const sm_model *model);

#endif
