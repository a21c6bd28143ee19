/*
 * The variables of the object graph against the checkpoint. TensorFlow's loader of V2 models refuses another dtype or shape,
 * and may leave a variable without a value and say nothing; the others do not look at the object graph. So all are warnings.
 * Source: python/checkpoint/restore.py, python/ops/resource_variable_ops.py.
 */
#include <savedmodel/objects.h>

#include "verify/verify_internal.h"

/* Do all dimensions that are known agree? */
static bool fits(const sm_variable_object *variable, const sm_bundle_entry *entry) {
  if (variable->rank < 0) return true;
  if (variable->rank != entry->rank) return false;
  for (int32_t i = 0; i < entry->rank; i++)
    if (variable->dims[i] >= 0 && variable->dims[i] != entry->dims[i]) return false;
  return true;
}

static sm_status check_variable(sm_verifier *v, const sm_bundle_reader *reader, const sm_variable *variable,
                                sm_error *err) {
  const sm_trackable *node;
  const sm_object *info;
  sm_bundle_entry entry;
  const sm_place place = {.kind = "variable",
                          .name = sm_string_of(variable->path != NULL ? variable->path : variable->name)};
  if (variable->key == NULL) {
    sm_verify_tell(v, SM_SEVERITY_WARNING, &place, "the checkpoint has no value for it");
    return SM_OK;
  }
  SM_TRY(sm_bundle_reader_find(&entry, reader, variable->key, err));
  SM_TRY(sm_meta_graph_get_object(&node, v->graph, variable->id, err));
  SM_TRY(sm_trackable_get_info(&info, node, err));
  const char *wanted = sm_dtype_name(info->variable->dtype), *found = sm_dtype_name(entry.dtype);
  if (info->variable->dtype != entry.dtype)
    sm_verify_tell(v, SM_SEVERITY_WARNING, &place, "it is %s, its value in the checkpoint %s",
                   wanted != NULL ? wanted : "of no dtype", found != NULL ? found : "of no dtype");
  else if (!fits(info->variable, &entry))
    sm_verify_tell(v, SM_SEVERITY_WARNING, &place, "its value in the checkpoint has another shape");
  return SM_OK;
}

sm_status sm_check_object_values(sm_verifier *v, sm_error *err) {
  const sm_bundle_reader *reader;
  size_t n;
  if (sm_meta_graph_object_graph_bytes(v->graph).n == 0) return SM_OK;
  sm_status status = sm_model_get_variables(&reader, v->model, err); /* what is wrong with it check_variables.c tells */
  if (status == SM_OK) status = sm_meta_graph_n_variables(&n, v->graph, err);
  for (size_t i = 0; status == SM_OK && i < n; i++) {
    const sm_variable *variable;
    status = sm_meta_graph_get_variable(&variable, v->graph, i, err);
    if (status == SM_OK) status = check_variable(v, reader, variable, err);
    if (sm_verify_is_defect(status)) status = SM_OK; /* a key that is not there, too */
  }
  return sm_verify_is_defect(status) ? SM_OK : status;
}
