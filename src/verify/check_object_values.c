/*
 * The variables of the object graph against the checkpoint. TensorFlow's loader of V2 models refuses another dtype or shape,
 * and may leave a variable without a value and say nothing; the others do not look at the object graph. So all are warnings.
 * Source: python/checkpoint/restore.py, python/ops/resource_variable_ops.py.
 */
#include <savedmodel/objects.h>

#include "verify/verify_internal.h"

static void take_difference(void *ctx, const sm_difference *difference) {
  const sm_place place = {.kind = "variable", .name = sm_string_of(difference->key)};
  sm_verify_tell(ctx, SM_SEVERITY_WARNING, &place, "%s", difference->what);
}

/* What is wrong with the object graph or the checkpoint as such, others tell. */
sm_status sm_check_object_values(sm_verifier *v, sm_error *err) {
  sm_status status = sm_meta_graph_check_variables(v->graph, false, take_difference, v, err);
  return sm_verify_is_defect(status) ? SM_OK : status;
}
