/* Which files a model will have beside saved_model.pb and its variables, until they are written. exclusive. */
#ifndef SM_BUILDER_FILE_PLAN_H
#define SM_BUILDER_FILE_PLAN_H

#include "base/base.h"
#include "io/io.h"

typedef struct sm_planned_file {
  sm_string name;      /* below the model's directory, clean */
  const sm_root *root; /* where from is; NULL: the file is data */
  sm_string from;      /* below root */
  sm_string data;      /* borrowed */
  bool may_link;
  bool is_kept;    /* the taken over model has it: in place it stays where it is */
  bool is_removed; /* one of the taken over model that goes */
} sm_planned_file;

typedef struct sm_file_plan {
  const sm_allocator *allocator;
  sm_arena *arena;        /* of names */
  sm_planned_file *files; /* in the order they were added */
  size_t n, capacity;
} sm_file_plan;

void sm_file_plan_init(sm_file_plan *plan, sm_arena *arena, const sm_allocator *allocator);
void sm_file_plan_free(sm_file_plan *plan);

/* The file of that name, unless it was removed; NULL. */
sm_planned_file *sm_file_plan_find(const sm_file_plan *plan, sm_string name);

/*
 * Adds a file, or replaces the one of its name; name and from are copied.
 *
 * Errors: INVALID_ARGUMENT the name is one that leaves the directory; RESOURCE_EXHAUSTED.
 */
sm_status sm_file_plan_put(sm_file_plan *plan, const char *name, const sm_planned_file *file, sm_error *err);

/* Removes the files whose names begin with prefix, a directory and '/', or are it. False: there were none. */
bool sm_file_plan_remove(sm_file_plan *plan, const char *prefix);

#endif
