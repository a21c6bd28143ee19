/*
 * Making fingerprints: of a model that is being written, or is there. A door of its own, for those who write.
 *
 * Five hashes of canonical bytes, and what else a fingerprint.pb has. Source: TensorFlow, cc/saved_model/fingerprinting.cc,
 * core/graph/regularization/; the way of computing is that of producer 4, TensorFlow 2.21.
 */
#ifndef SM_MODEL_FINGERPRINT_H
#define SM_MODEL_FINGERPRINT_H

#include "model/model.h"

enum { SM_FINGERPRINT_PRODUCER = 4 };

/*
 * Computes the fingerprint of a SavedModel; the first meta graph counts.
 *
 * out    its uuid lies in arena.
 * model  the whole message; canonical or not is the same.
 * index  bytes of variables.index; NULL: there is none.
 * arena  for what is needed meanwhile, too: a little for each message that is not canonical.
 *
 * Errors: FAILED_PRECONDITION there is none for this model: it has no meta graph, or a concrete function whose name does not
 *   end in a number. TensorFlow does not write one then, and neither should who calls. DATA_LOSS, RESOURCE_EXHAUSTED.
 * Cost: one or two walks over model, no copy of it.
 */
sm_status sm_fingerprint_compute(sm_fingerprint *out, sm_span model, const sm_span *index, const sm_wire_source *source,
                                 sm_arena *arena, sm_error *err);

/* Appends the bytes of a fingerprint.pb. */
sm_status sm_fingerprint_write(sm_buffer *out, const sm_fingerprint *fingerprint, sm_error *err);

#endif
