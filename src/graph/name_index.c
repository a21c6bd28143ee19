/* The items are sorted runs whose lengths are the powers of two that n is the sum of, the longest first. An item that is
 * added makes a run of one, and runs of one length are merged to one twice as long, as digits are carried when counting.
 * Behind the items there is room for half as many, through which they are merged. */
#include "graph/name_index.h"

enum { FIRST_CAPACITY = 16 };

void sm_name_index_init(sm_name_index *index, const sm_allocator *allocator) {
  *index = (sm_name_index){.allocator = allocator};
}

void sm_name_index_free(sm_name_index *index) { sm_free(index->allocator, index->items); }

/* Two sorted runs of n, from their ends: what is taken from the second has to be out of the way. */
static void merge(sm_indexed_name *runs, size_t n, sm_indexed_name *room) {
  if (sm_string_compare(runs[n - 1].name, runs[n].name) < 0) return;
  memcpy(room, runs + n, n * sizeof *runs);
  for (size_t first = n, second = n; second != 0;) {
    bool is_first = first != 0 && sm_string_compare(runs[first - 1].name, room[second - 1].name) > 0;
    const sm_indexed_name greatest = is_first ? runs[--first] : room[--second];
    runs[first + second] = greatest;
  }
}

static void append(sm_name_index *index, sm_indexed_name item) {
  index->items[index->n++] = item;
  size_t last_run = index->n & (~index->n + 1); /* the lowest bit */
  for (size_t run = 1; run != last_run; run *= 2)
    merge(index->items + index->n - 2 * run, run, index->items + index->capacity);
}

sm_status sm_name_index_add(sm_name_index *index, sm_string name, sm_error *err) {
  if (index->n == index->capacity) {
    size_t capacity = index->capacity != 0 ? 2 * index->capacity : FIRST_CAPACITY, size;
    if (!sm_mul_size(capacity + capacity / 2, sizeof *index->items, &size)) return SM_FAIL_OOM(err, SIZE_MAX);
    sm_indexed_name *items = sm_realloc(index->allocator, index->items, size);
    if (items == NULL) return SM_FAIL_OOM(err, size);
    index->items = items;
    index->capacity = capacity;
  }
  append(index, (sm_indexed_name){name, index->n});
  return SM_OK;
}

size_t sm_name_index_find(const sm_name_index *index, sm_string name) {
  size_t run = 1, begin = 0;
  while (run <= index->n / 2) run *= 2;
  for (; run != 0; run /= 2) {
    if ((index->n & run) == 0) continue;
    size_t found = sm_named_find(index->items + begin, run, sizeof *index->items, name);
    if (found != SIZE_MAX) return index->items[begin + found].number;
    begin += run;
  }
  return SIZE_MAX;
}

void sm_name_index_cut(sm_name_index *index, size_t n) {
  size_t n_before = index->n;
  index->n = 0;
  for (size_t i = 0; i < n_before; i++)
    if (index->items[i].number < n) append(index, index->items[i]);
}
