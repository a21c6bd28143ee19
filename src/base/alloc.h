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

/* A zeroed struct, or NULL. */
#define sm_new(allocator, type) ((type *)sm_calloc((allocator), sizeof(type)))

#endif
