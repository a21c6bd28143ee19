/*
 * model: a SavedModel directory as sm_model.
 *
 *   open.c       finds and maps saved_model.pb, indexes the top levels of its meta graphs, closes
 *   once.c       what is decoded on first use and then shared
 *   tags.c       choosing a meta graph
 *   signature.c  SignatureDefs as plain structs
 *   facts.c      what else a meta graph records: assets, collections, saver, init op, versions
 *   fingerprint_file.c  what fingerprint.pb says
 *   fingerprint.c  computing the fingerprint: model/fingerprint.h
 *   files.c      the other files of the directory
 *   variables.c  its bundle
 *   chunked.c    saved_model.cpb: which chunks go where    join.c   puts them there
 *   debug_info.c which source lines made a node
 *   proto.c      the raw protobuf-c structs
 *   scan_model.c, scan_roots.c, scan_files.c, keras_metadata.c, alias_fs.c   what the model would do: savedmodel/scan.h
 *
 * Here is what the modules above need of it. The public side is savedmodel/model.h.
 */
#ifndef SM_MODEL_MODEL_H
#define SM_MODEL_MODEL_H

#include <savedmodel/model.h>

#include "io/io.h"
#include "wire/wire.h"

/* A thing that is built on first use and then shared: NULL until it is published. */
typedef _Atomic(void *) sm_once;

/* Builds the thing in arena. arena is the model's, locked for the call: a failure takes back what was allocated. */
typedef sm_status (*sm_build_fn)(void **out, const sm_meta_graph *graph, const void *subject, sm_arena *arena,
                                 sm_error *err);

/* The thing in slot; made by build when it is not there yet. build must not call sm_meta_graph_once. */
sm_status sm_meta_graph_once(void **out, const sm_meta_graph *graph, sm_once *slot, sm_build_fn build,
                             const void *subject, sm_error *err);

/* Bytes of the parts of a MetaGraphDef; no pieces: there is none. */
sm_spans sm_meta_graph_info_bytes(const sm_meta_graph *graph);
sm_spans sm_meta_graph_graph_bytes(const sm_meta_graph *graph);
sm_spans sm_meta_graph_object_graph_bytes(const sm_meta_graph *graph);
const sm_wire_source *sm_meta_graph_source(const sm_meta_graph *graph);

const sm_model *sm_meta_graph_get_model(const sm_meta_graph *graph);

/* The bytes of the whole SavedModel, and the file that they are from. */
const sm_wire_source *sm_model_get_source(const sm_model *model);

/* Where the model lies; dir is NULL when it was opened from a buffer. */
const sm_root *sm_model_get_root(const sm_model *model);

/* An arena with the allocator and the limit of the model, for what need not live as long as it. */
void sm_model_init_arena(sm_arena *arena, const sm_model *model);

/* Where objects/ keeps what it made of the object graph. */
sm_once *sm_meta_graph_objects_slot(const sm_meta_graph *graph);
sm_once *sm_meta_graph_variables_slot(const sm_meta_graph *graph); /* the variables of a V1 graph */

#endif
