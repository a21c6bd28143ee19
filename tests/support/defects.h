/* What a verification tells, as text. */
#ifndef SM_TESTS_SUPPORT_DEFECTS_H
#define SM_TESTS_SUPPORT_DEFECTS_H

#include <savedmodel/bundle.h>

/* "error saved_model.pb: node a: what is wrong\n" for each; what does not fit is left out. */
typedef struct defects {
  size_t n, n_errors;
  char text[8192];
} defects;

/* An sm_finding_fn; ctx is a defects. */
void add_defect(void *ctx, const sm_finding *defect);

#endif
