/* The variables of a graph that can be frozen, and their values. Inside builder/. */
#ifndef SM_BUILDER_FREEZE_VALUES_H
#define SM_BUILDER_FREEZE_VALUES_H

#include <savedmodel/bundle.h>

#include "graph/freeze.h"

/* One that a saver restores. */
typedef struct sm_freeze_value {
  sm_bundle_entry entry;
  sm_string slice; /* "": all of it */
  bool is_missing; /* the checkpoint lacks it: nothing but its key is known */
} sm_freeze_value;

/* The key of one, by which it is found. */
typedef struct sm_freeze_key {
  sm_string key;
  bool is_whole; /* it is all of the tensor */
  size_t value;
} sm_freeze_key;

typedef struct sm_freeze_values {
  const sm_bundle_reader *reader;
  sm_freeze_variable *variables; /* sorted by node */
  sm_freeze_value *values;       /* of each */
  sm_freeze_key *keys;           /* sorted */
  size_t n;
} sm_freeze_values;

/* What restores finds in a checkpoint; lies in arena. Errors: those of reading. */
sm_status sm_freeze_values_find(sm_freeze_values *out, const sm_restored_variable *restores, size_t n,
                                const sm_bundle_reader *reader, sm_arena *arena, sm_error *err);

/* Of a checkpoint's key; SIZE_MAX: no variable has it as a whole. */
size_t sm_freeze_values_find_key(const sm_freeze_values *values, sm_string key);

/* Is it the key of a variable, or of a part of one? */
bool sm_freeze_values_has_key(const sm_freeze_values *values, sm_string key);

/* As sm_freeze_spec.put_value; ctx: the values. Errors: NOT_FOUND it is missing; those of reading. */
sm_status sm_freeze_values_put(sm_buffer *out, void *ctx, size_t variable, sm_error *err);

#endif
