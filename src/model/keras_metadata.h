/* What the JSON that Keras keeps in a SavedModel would have a program run. */
#ifndef SM_MODEL_KERAS_METADATA_H
#define SM_MODEL_KERAS_METADATA_H

#include <savedmodel/scan.h>

#include "wire/wire.h"

/*
 * Looks through one layer's metadata, JSON text. found has the file, meta graph and node of all findings.
 *
 * The text is not parsed: whatever a string of it says counts, at any level, escaped in any way, also JSON inside of
 * strings. So nothing is missed that Keras would find, in documents that it would refuse too. arena is for what is
 * decoded.
 */
sm_status sm_keras_metadata_scan(sm_span json, const sm_scan_finding *found, sm_scan_fn fn, void *fn_ctx,
                                 sm_arena *arena, sm_error *err);

#endif
