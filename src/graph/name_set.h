/* A set of names that lie in a file: sorted in the end, and in memory that depends on the distinct ones only. */
#ifndef SM_GRAPH_NAME_SET_H
#define SM_GRAPH_NAME_SET_H

#include "base/base.h"

enum { SM_NAME_CACHE_SIZE = 256 };

typedef struct sm_name_set {
  const sm_allocator *allocator;
  sm_string *names; /* the first n_sorted are sorted and distinct, the others as they came */
  size_t n, n_sorted, capacity;
  sm_string recent[SM_NAME_CACHE_SIZE]; /* lets most of those already in pass quickly */
} sm_name_set;

void sm_name_set_init(sm_name_set *set, const sm_allocator *allocator);
void sm_name_set_free(sm_name_set *set);

/* The bytes of name are borrowed. *was_recent: the same name was added a moment ago, so nothing was done. */
sm_status sm_name_set_add(bool *was_recent, sm_name_set *set, sm_string name, sm_error *err);

/* After this names holds the n distinct names in order. */
void sm_name_set_finish(sm_name_set *set);

#endif
