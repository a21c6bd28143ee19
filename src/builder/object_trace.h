/* A trace being taken over: between object_trace.c, which checks it, and those that find out its structures and its function. */
#ifndef SM_BUILDER_OBJECT_TRACE_H
#define SM_BUILDER_OBJECT_TRACE_H

#include "builder/built_objects.h"

typedef struct sm_tracing {
  sm_object_graph *objects;
  const sm_trace *trace;
  const char *name; /* of the function, for the FunctionDef's */
  sm_built_function *out;
  sm_arena *scratch;
  sm_wire_source source;
  sm_function_type type; /* of the FunctionDef */
} sm_tracing;

/* ---- object_structures.c ---- */

/* What Python passes and gets, as the trace says or as its tensors are listed. */
sm_status sm_tracing_make_inputs(sm_tracing *t, sm_error *err);
sm_status sm_tracing_make_outputs(sm_tracing *t, sm_error *err);

/* ---- object_cut.c ---- */

/* Makes a FunctionDef of the trace's graph. */
sm_status sm_tracing_cut(sm_tracing *t, sm_error *err);

/* ---- object_trace.c ---- */

sm_status sm_tracing_get_capture_dtype(sm_dtype *out, const sm_tracing *t, int32_t object, sm_error *err);

#endif
