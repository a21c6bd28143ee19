/* Names that are added one by one and looked up in between. No choice of names makes it slow. exclusive. */
#ifndef SM_GRAPH_NAME_INDEX_H
#define SM_GRAPH_NAME_INDEX_H

#include "base/base.h"

typedef struct sm_indexed_name {
  sm_string name; /* borrowed */
  size_t number;  /* in the order in which they were added, from 0 */
} sm_indexed_name;

typedef struct sm_name_index {
  const sm_allocator *allocator;
  sm_indexed_name *items; /* sorted runs, see name_index.c */
  size_t n, capacity;
} sm_name_index;

void sm_name_index_init(sm_name_index *index, const sm_allocator *allocator);
void sm_name_index_free(sm_name_index *index);

/* A name that is not in it yet. */
sm_status sm_name_index_add(sm_name_index *index, sm_string name, sm_error *err);

/* SIZE_MAX: it is not there. Cost: log n bisections. */
size_t sm_name_index_find(const sm_name_index *index, sm_string name);

/* Forgets all but the first n. */
void sm_name_index_cut(sm_name_index *index, size_t n);

#endif
