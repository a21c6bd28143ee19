/* Opening models for a test. Failing calls end the test. */
#ifndef SM_TESTS_SUPPORT_MODELS_H
#define SM_TESTS_SUPPORT_MODELS_H

#include <savedmodel/savedmodel.h>

#include "support/wire_writer.h"

/* The bytes of a SavedModel; they must outlive the model. */
sm_model *open_bytes(const w_buffer *w);

/* A model of tests/data/models, "v2/strings". */
sm_model *open_data(const char *name);

/* Meta graph 0. */
const sm_meta_graph *only_graph(const sm_model *model);

/*
 * Looks up everything a model holds: tags, signatures, assets, collections, info, saver, ops, summary, protos, nodes,
 * fingerprint, debug info, files, object graph. What is not there, or damaged, is passed over.
 *
 * Returns the first status that says memory or the file system failed (RESOURCE_EXHAUSTED, UNAVAILABLE), else SM_OK;
 * and in *digest a number that depends on all that was found, in the order it was found (NULL: not wanted).
 */
sm_status look_up_everything(const sm_model *model, uint64_t *digest);

/* The same, each look-up made again at once when memory or the file system failed it, which must mend it. */
sm_status look_up_everything_twice(const sm_model *model, uint64_t *digest);

#endif
