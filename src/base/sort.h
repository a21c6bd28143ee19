/* Sorting in place, in n log n steps whatever the input: what is sorted comes from files. Not stable. */
#ifndef SM_BASE_SORT_H
#define SM_BASE_SORT_H

#include <stdbool.h>
#include <stddef.h>

typedef bool (*sm_less_fn)(const void *a, const void *b);

enum { SM_SORT_MAX_ITEM = 128 };

/* items: n of item_size bytes; larger ones than SM_SORT_MAX_ITEM do not compile. */
#define sm_sort(items, n, item_size, less) \
  sm_sort_items(items, n, (item_size) * sizeof(char[(item_size) <= SM_SORT_MAX_ITEM ? 1 : -1]), less)

void sm_sort_items(void *items, size_t n, size_t item_size, sm_less_fn less);

#endif
