/* What functions get for the objects that they capture. */
#include "builder/object_trace.h"

sm_dtype sm_built_capture_dtype(const sm_built_object *object) {
  switch (object->kind) {
    case SM_BUILT_VARIABLE:
    case SM_BUILT_RESOURCE: return SM_DT_RESOURCE;
    case SM_BUILT_CONSTANT: return object->value.dtype;
    case SM_BUILT_ASSET: return SM_DT_STRING;
    default: return SM_DT_INVALID;
  }
}

sm_status sm_tracing_get_capture_dtype(sm_dtype *out, const sm_tracing *t, int32_t number, sm_error *err) {
  sm_built_object *object;
  SM_TRY(sm_built_find(&object, t->objects, number, err));
  *out = sm_built_capture_dtype(object);
  if (*out != SM_DT_INVALID || object->kind == SM_BUILT_CAPTURED_TENSOR) return SM_OK;
  return SM_FAIL(err, SM_INVALID_ARGUMENT, "it captures %s, which is no variable, constant, asset or resource",
                 sm_built_place_of(t->objects, number).text);
}
