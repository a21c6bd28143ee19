/* Two tensors of one dtype and shape, element by element. */
#ifndef SM_CLI_TENSOR_COMPARE_H
#define SM_CLI_TENSOR_COMPARE_H

#include <savedmodel/bundle.h>

typedef struct tensor_difference {
  uint64_t n_elements;
  uint64_t n_different; /* by their bytes, so that a NaN equals itself and 0.0 is not -0.0 */
  bool has_distance;    /* they are numbers */
  double distance;      /* the largest between two of them; NaN: there is a NaN where the other has none */
} tensor_difference;

/* Do both have one dtype and shape? */
bool tensor_has_form_of(const sm_bundle_entry *a, const sm_bundle_entry *b);

/* A tensor and where it is. fs NULL: local files. */
typedef struct tensor_place {
  const sm_bundle_reader *reader;
  const sm_fs *fs;
  const sm_bundle_entry *entry;
} tensor_place;

/* Memory: constant but for strings, variants and V1 checkpoints, of which one tensor each is in memory. Errors: those of
 * sm_bundle_reader_read. */
sm_status tensor_compare(tensor_difference *out, const tensor_place *a, const tensor_place *b, sm_error *err);

#endif
