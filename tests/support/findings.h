/* What a scan finds, as text that a test can compare. */
#ifndef SM_TESTS_SUPPORT_FINDINGS_H
#define SM_TESTS_SUPPORT_FINDINGS_H

#include <savedmodel/scan.h>

typedef struct findings {
  char text
      [8192]; /* a line for each: "class[,class] op file:meta_graph:function:node reached[,reached]" + " (saver)", " (asset)" */
  size_t n;
} findings;

/* A sm_scan_fn; ctx is a zeroed struct findings. */
sm_status add_finding(void *ctx, const sm_scan_finding *finding, sm_error *err);

#endif
