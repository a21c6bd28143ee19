/* Inside freeze_model.c, freeze_objects.c and freeze_checkpoint.c. */
#ifndef SM_BUILDER_FREEZE_WORK_H
#define SM_BUILDER_FREEZE_WORK_H

#include "builder/edit_keep.h"
#include "builder/freeze_values.h"

/* A meta graph whose variables become constants. */
typedef struct sm_freezing {
  sm_builder *builder;
  sm_edit edit;
  const sm_wire_source *source;
  sm_arena *arena;
  const sm_bundle_reader *reader; /* the model's variables */
  sm_spans graph_def;             /* as it was */
  sm_graph_library library;
  sm_freeze_values values;
  const sm_restored_table *tables; /* that change, and whose contents stay in the checkpoint */
  size_t n_tables;
  size_t *frozen; /* by number of an object: its variable in values; SIZE_MAX: none */
  sm_edit_objects objects;
} sm_freezing;

/* ---- freeze_objects.c ---- */

/* Fills in objects and frozen. */
sm_status sm_freeze_find_objects(sm_freezing *f, sm_error *err);

/* Marks what the object graph names in the graph. */
sm_status sm_freeze_mark_objects(const sm_freezing *f, sm_reach *reach, sm_error *err);

/* What its functions capture. */
sm_status sm_freeze_read_bindings(sm_freeze_spec *spec, const sm_freezing *f, sm_error *err);

/* The object graph as it will be. */
sm_status sm_freeze_objects(sm_freezing *f, sm_error *err);

/* ---- freeze_checkpoint.c ---- */

/* Of what was there, the new checkpoint has what is no variable. Where that fails, the builder is of no use any more. */
sm_status sm_freeze_checkpoint(sm_freezing *f, sm_error *err);

#endif
