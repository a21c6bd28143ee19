#include "base/sort.h"

#include <assert.h>
#include <string.h>

typedef struct heap {
  char *items;
  size_t item_size;
  sm_less_fn less;
} heap;

static char *at(const heap *h, size_t i) { return h->items + i * h->item_size; }

static void swap(const heap *h, size_t a, size_t b) {
  char held[SM_SORT_MAX_ITEM];
  memcpy(held, at(h, a), h->item_size);
  memcpy(at(h, a), at(h, b), h->item_size);
  memcpy(at(h, b), held, h->item_size);
}

/* Lets item i sink until no child of it is greater, in a heap of n. */
static void sink(const heap *h, size_t i, size_t n) {
  for (size_t child; (child = 2 * i + 1) < n; i = child) {
    if (child + 1 < n && h->less(at(h, child), at(h, child + 1))) child++;
    if (!h->less(at(h, i), at(h, child))) return;
    swap(h, i, child);
  }
}

void sm_sort(void *items, size_t n, size_t item_size, sm_less_fn less) {
  assert(item_size <= SM_SORT_MAX_ITEM);
  heap h = {items, item_size, less};
  for (size_t i = n / 2; i-- > 0;) sink(&h, i, n);
  for (size_t last = n; last-- > 1;) {
    swap(&h, 0, last);
    sink(&h, 0, last);
  }
}
