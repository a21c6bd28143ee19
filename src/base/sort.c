#include "base/sort.h"

#include <stdalign.h>
#include <string.h>

typedef struct heap {
  char *items;
  size_t item_size;
  sm_less_fn less;
} heap;

static char *at(const heap *h, size_t i) { return h->items + i * h->item_size; }

/* Makes a heap of what is below i and the item at i, in a heap of n. Comparing is what costs: the gap that the item leaves
 * goes down to a leaf, one step for each comparison of children, and up again to where the item fits, which is near. */
static void sink(const heap *h, size_t i, size_t n) {
  alignas(max_align_t) char held[SM_SORT_MAX_ITEM]; /* as items are: it is compared */
  const size_t top = i;
  memcpy(held, at(h, i), h->item_size);
  for (size_t child; (child = 2 * i + 1) < n; i = child) {
    if (child + 1 < n && h->less(at(h, child), at(h, child + 1))) child++;
    memcpy(at(h, i), at(h, child), h->item_size);
  }
  for (size_t parent; i != top && h->less(at(h, parent = (i - 1) / 2), held); i = parent)
    memcpy(at(h, i), at(h, parent), h->item_size);
  memcpy(at(h, i), held, h->item_size);
}

static void swap(const heap *h, size_t a, size_t b) {
  char held[SM_SORT_MAX_ITEM];
  memcpy(held, at(h, a), h->item_size);
  memcpy(at(h, a), at(h, b), h->item_size);
  memcpy(at(h, b), held, h->item_size);
}

static bool is_sorted(const heap *h, size_t n) {
  for (size_t i = 1; i < n; i++)
    if (h->less(at(h, i), at(h, i - 1))) return false;
  return true;
}

void sm_sort_items(void *items, size_t n, size_t item_size, sm_less_fn less) {
  heap h = {items, item_size, less};
  if (is_sorted(&h, n)) return; /* as much is that is written by others who sort */
  for (size_t i = n / 2; i-- > 0;) sink(&h, i, n);
  for (size_t last = n; last-- > 1;) {
    swap(&h, 0, last);
    sink(&h, 0, last);
  }
}
