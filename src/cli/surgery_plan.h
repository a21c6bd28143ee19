/* What becomes of each tensor of a checkpoint that another one is made of. */
#ifndef SM_CLI_SURGERY_PLAN_H
#define SM_CLI_SURGERY_PLAN_H

#include "cli/progress.h"
#include "cli/tensor_source.h"

typedef struct tensor_fate {
  char *new_key; /* NULL: its own */
  bool is_dropped;
  bool is_of_object; /* the object graph has its key */
} tensor_fate;

typedef struct surgery_plan {
  const char *path; /* as the user gave it */
  cli_storage storage;
  tensor_source in;            /* items in the order of their bytes */
  tensor_fate *fates;          /* one for each item */
  const tensor_item **by_name; /* sorted */
  size_t n_dropped, n_renamed;
  sm_trackable_graph *graph; /* NULL: there is none */
  size_t graph_item;         /* which it was read from */
  bool is_graph_changed;
} surgery_plan;

/* Opens a checkpoint, lists it and reads its object graph. Returns CLI_OK, or fails and says so. Closed in any case. */
int surgery_plan_open(surgery_plan *out, const cli_args *args, const char *path);
void surgery_plan_close(surgery_plan *plan);

/* The number of the item with that name; SIZE_MAX. */
size_t surgery_plan_find(const surgery_plan *plan, sm_string key);

/* The number of the first item, in the order of names, that is not before key; then by_name leads on. */
size_t surgery_plan_lower_bound(const surgery_plan *plan, sm_string key);

void surgery_plan_drop(surgery_plan *plan, size_t item);

/* Errors: RESOURCE_EXHAUSTED; INVALID_ARGUMENT it has got another key before, or is the object graph. */
sm_status surgery_plan_rename(surgery_plan *plan, size_t item, sm_string new_key, sm_error *err);

/* Brings the object graph in line with what becomes of the tensors. */
sm_status surgery_plan_update_graph(surgery_plan *plan, sm_error *err);

/* Removes the optimizers from the object graph, and drops what was only theirs. */
sm_status surgery_plan_drop_optimizers(surgery_plan *plan, sm_error *err);

/* Adds all tensors that stay, but for the object graph where it has changed: for that there is _write_graph. may_link: data
 * files may come over as they are. */
sm_status surgery_plan_write(surgery_plan *plan, sm_bundle_writer *out, bool may_link, bool big_endian, progress *shown,
                             sm_error *err);
sm_status surgery_plan_write_graph(surgery_plan *plan, sm_bundle_writer *out, sm_error *err);

#endif
