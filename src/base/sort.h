/* Sorting in place, in n log n steps whatever the input: what is sorted comes from files. Not stable. */
#ifndef SM_BASE_SORT_H
#define SM_BASE_SORT_H

#include <stdbool.h>
#include <stddef.h>

typedef bool (*sm_less_fn)(const void *a, const void *b);

/* items: n of item_size bytes, at most SM_SORT_MAX_ITEM. */
void sm_sort(void *items, size_t n, size_t item_size, sm_less_fn less);

enum { SM_SORT_MAX_ITEM = 128 };

#endif
