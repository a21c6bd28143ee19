/* Bindings as tensors to be written. */
#include "checkpoint/checkpoint_internal.h"

/* What is bound: the caller's memory, or what restoring left in tensor. */
static sm_status view_of(sm_tensor_view *view, const char *key, const sm_binding *binding, sm_error *err) {
  if (binding->data == NULL && binding->tensor != NULL) {
    *view = *sm_tensor_get_view(binding->tensor);
    return SM_OK;
  }
  if (binding->dtype == SM_DT_INVALID || binding->rank < 0 || binding->rank > SM_MAX_RANK)
    return SM_FAIL(err, SM_INVALID_ARGUMENT, "%.200s: a dtype and a shape are needed to save it", key);
  if (binding->data == NULL && binding->size != 0)
    return SM_FAIL(err, SM_INVALID_ARGUMENT, "%.200s: there is no data to be saved", key);
  *view =
      (sm_tensor_view){.dtype = binding->dtype, .rank = binding->rank, .data = binding->data, .size = binding->size};
  if (binding->rank != 0) memcpy(view->dims, binding->dims, (size_t)binding->rank * sizeof *view->dims);
  return SM_OK;
}

sm_status sm_binding_save(sm_bundle_writer *writer, const char *key, const sm_binding *binding, sm_error *err) {
  sm_tensor_view view;
  SM_TRY(view_of(&view, key, binding, err));
  if (binding->slice == NULL) return sm_bundle_writer_add(writer, key, &view, err);
  if (binding->whole_dims == NULL)
    return SM_FAIL(err, SM_INVALID_ARGUMENT, "%.200s: saving a slice takes whole_dims", key);
  return sm_bundle_writer_add_slice(writer, key, binding->whole_dims, binding->slice, &view, err);
}
