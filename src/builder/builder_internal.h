/*
 * Inside builder/: what a model that is being written is made of.
 *
 *   builder.c        opening, the variables, finishing, closing
 *   transaction.c    the directory, from staged files to the name that it gets
 *   file_plan.c      which files the model will have, and where they come from
 *   add_graph.c      meta graphs of specs          spec_check.c    what is wrong with a spec
 *   variables_check.c   are the variables there that they restore
 *   simple_save.c       one meta graph and its variables in one call
 *   add_model.c      those of a model there is
 *   draft.c          a meta graph, field by field    edit_*.c        changes to it
 */
#ifndef SM_BUILDER_BUILDER_INTERNAL_H
#define SM_BUILDER_BUILDER_INTERNAL_H

#include "builder/builder.h"
#include "builder/draft.h"
#include "builder/file_plan.h"
#include "builder/transaction.h"
#include "model/model.h"
#include "wire/emit.h"
#include "wire/text.h"

#include <savedmodel/pb/saved_model.pb-c.h>

/* Fields of SavedModel, MetaGraphDef and MetaInfoDef: proto/saved_model.proto, meta_graph.proto. */
enum {
  SM_SAVED_MODEL_SCHEMA_VERSION = 1,
  SM_SAVED_MODEL_META_GRAPH = 2,
  SM_META_GRAPH_INFO = 1,
  SM_META_GRAPH_GRAPH = 2,
  SM_META_GRAPH_SAVER = 3,
  SM_META_GRAPH_COLLECTION = 4,
  SM_META_GRAPH_SIGNATURE = 5,
  SM_META_GRAPH_ASSET = 6,
  SM_META_GRAPH_OBJECT_GRAPH = 7,
  SM_META_INFO_STRIPPED_OP_LIST = 2,
  SM_META_INFO_TAG = 4,
  SM_META_INFO_STRIPPED_DEFAULT_ATTRS = 7
};

/* A meta graph that will be written, unless it was removed. */
typedef struct sm_built_graph {
  sm_draft draft;        /* MetaGraphDef */
  sm_wire_source source; /* of a graph that was made: the spec's GraphDef, under a name for messages */
  bool is_removed;       /* its number is not given to another */
  bool is_changed;       /* it is not what it was in the model that was taken over */
  bool is_frozen;        /* its variables are constants */
  bool wants_variables;  /* what its saver restores has to be there */
} sm_built_graph;

struct sm_builder {
  const sm_allocator *allocator;
  sm_save_options options;
  sm_arena arena; /* what was added and what replaces something: until close */
  sm_transaction transaction;
  sm_file_plan files;
  const sm_model *model;   /* that was taken over; NULL: none */
  sm_built_graph **graphs; /* in arena, each */
  size_t n_graphs, graphs_capacity;
  sm_root local;               /* where files to be added are */
  sm_bundle_writer *variables; /* new ones; NULL: none */
  sm_bundle_reader *linked;    /* of another checkpoint; NULL */
  bool is_over;                /* finish was called */
  bool is_damaged;             /* a change failed halfway: nothing may be made of what is left */
};

/*
 * For the functions that change something: the meta graph of that number; what replaces its parts comes from builder->arena.
 *
 * Errors: NOT_FOUND there is none, or it was removed; FAILED_PRECONDITION finish was called.
 */
sm_status sm_builder_find_graph(sm_built_graph **out, sm_builder *builder, size_t graph, sm_error *err);

/* The same for changes that are of no meta graph. */
sm_status sm_builder_check_open(const sm_builder *builder, sm_error *err);

/* One more meta graph, which the caller adds to builder->graphs, where there is room for it, when it is filled in. */
sm_status sm_builder_new_graph(sm_built_graph **out, sm_builder *builder, sm_error *err);

/* The name below assets/ that an asset gets. */
const char *sm_asset_filename(const sm_asset_spec *asset);

/* All of them will be written, or none. Errors: as sm_builder_add_meta_graph. */
sm_status sm_builder_plan_assets(sm_builder *builder, const sm_asset_spec *assets, size_t n, sm_error *err);

/* FAILED_PRECONDITION: there are some, or they stay where they are. */
sm_status sm_builder_check_no_variables(const sm_builder *builder, sm_error *err);

/* Where the variables are until the model appears, as a bundle's prefix. */
sm_status sm_builder_get_prefix(char prefix[SM_PATH_MAX], const sm_builder *builder, sm_error *err);

/* Are the variables, once they are staged, what the savers of meta graphs that want them restore? FAILED_PRECONDITION: not
 * all are there, or some are of another dtype or shape. */
sm_status sm_builder_check_variables(const sm_builder *builder, sm_error *err);

#endif
