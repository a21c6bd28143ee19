/* What is wrong with a spec of a meta graph: TensorFlow finds out when the model is loaded, or run. */
#ifndef SM_BUILDER_SPEC_CHECK_H
#define SM_BUILDER_SPEC_CHECK_H

#include "builder/builder_internal.h"

/*
 * Checks nodes and functions, and whether what the spec names is in the graph and of the dtype it says: tensors of
 * signatures, assets and saver, init op and train op.
 *
 * graph_def  as it will be, in pieces.
 * saver      NULL: none.
 * arena      for the time of the call.
 *
 * Errors: INVALID_ARGUMENT, in TensorFlow's words where it has some; RESOURCE_EXHAUSTED.
 */
sm_status sm_spec_check(const sm_meta_graph_spec *spec, sm_spans graph_def, const sm_saver_def *saver,
                        const sm_wire_source *source, sm_arena *arena, sm_error *err);

/*
 * Checks one signature against a graph there is, in which other things may be wrong.
 *
 * meta_info_def  whose op lists come before what TensorFlow says of ops; n 0: none.
 *
 * Errors: as above.
 */
sm_status sm_spec_check_signature(const sm_signature *signature, sm_spans graph_def, sm_spans meta_info_def,
                                  const sm_wire_source *source, sm_arena *arena, sm_error *err);

#endif
