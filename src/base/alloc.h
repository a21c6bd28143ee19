/* Memory through sm_allocator. alloc.c is the only file that calls malloc. */
#ifndef SM_BASE_ALLOC_H
#define SM_BASE_ALLOC_H

#include <savedmodel/status.h>

/* allocator, or the one that calls malloc when it is NULL. */
const sm_allocator *sm_allocator_or_malloc(const sm_allocator *allocator);

void *sm_alloc(const sm_allocator *allocator, size_t size);
void *sm_calloc(const sm_allocator *allocator, size_t size); /* zeroed */
void *sm_realloc(const sm_allocator *allocator, void *block, size_t size);
void sm_free(const sm_allocator *allocator, void *block);

/* An array with room for twice as many items as before, or for some; *capacity is how many. NULL: no memory, and nothing
 * has changed. */
void *sm_grow(const sm_allocator *allocator, void *items, size_t *capacity, size_t item_size);

/* A zeroed struct, or NULL. */
#define sm_new(allocator, type) ((type *)sm_calloc((allocator), sizeof(type)))

#endif
