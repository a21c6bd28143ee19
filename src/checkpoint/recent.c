/* Checkpoints in the order in which they were saved. */
#include <math.h>
#include <time.h>

#include "checkpoint/checkpoint_internal.h"

double sm_clock_now(const sm_clock *clock) {
  struct timespec now = {0};
  if (clock->now != NULL) return clock->now(clock->ctx);
  (void)timespec_get(&now, TIME_UTC);
  return (double)now.tv_sec + (double)now.tv_nsec / 1e9;
}

void sm_recent_free(sm_recent *recent) {
  for (size_t i = 0; i < recent->n; i++) sm_free(recent->allocator, recent->items[i].prefix);
  if (recent->items != NULL) sm_free(recent->allocator, recent->items);
  recent->items = NULL;
  recent->n = recent->capacity = 0;
}

void sm_recent_drop(sm_recent *recent) {
  size_t n = 0;
  for (size_t i = 0; i < recent->n; i++) {
    if (recent->items[i].fate == SM_FATE_STAYS)
      recent->items[n++] = recent->items[i];
    else
      sm_free(recent->allocator, recent->items[i].prefix);
  }
  recent->n = n;
}

static sm_status make_room(sm_recent *recent, sm_error *err) {
  size_t capacity = recent->capacity == 0 ? 8 : recent->capacity, size;
  if (recent->n < recent->capacity) return SM_OK;
  if (!sm_mul_size(capacity, 2 * sizeof *recent->items, &size)) return SM_FAIL_OOM(err, SIZE_MAX);
  sm_recent_item *items = sm_realloc(recent->allocator, recent->items, size);
  if (items == NULL) return SM_FAIL_OOM(err, size);
  recent->items = items;
  recent->capacity = 2 * capacity;
  return SM_OK;
}

sm_status sm_recent_append(sm_recent *recent, const char *prefix, double timestamp, sm_error *err) {
  SM_TRY(make_room(recent, err));
  size_t size = strlen(prefix) + 1;
  char *copy = sm_alloc(recent->allocator, size);
  if (copy == NULL) return SM_FAIL_OOM(err, size);
  memcpy(copy, prefix, size);
  recent->items[recent->n++] = (sm_recent_item){.prefix = copy, .timestamp = timestamp, .score = NAN};
  return SM_OK;
}

sm_status sm_recent_put(sm_recent *recent, const char *prefix, double timestamp, sm_error *err) {
  for (size_t i = 0; i < recent->n; i++) {
    if (strcmp(recent->items[i].prefix, prefix) != 0) continue;
    char *same = recent->items[i].prefix;
    memmove(&recent->items[i], &recent->items[i + 1], (recent->n - i - 1) * sizeof *recent->items);
    recent->items[recent->n - 1] = (sm_recent_item){.prefix = same, .timestamp = timestamp, .score = NAN};
    return SM_OK;
  }
  return sm_recent_append(recent, prefix, timestamp, err);
}

/* ---- Each once ---- */

static bool item_less(const void *a, const void *b) {
  const sm_recent_item *left = *(sm_recent_item *const *)a, *right = *(sm_recent_item *const *)b;
  int order = strcmp(left->prefix, right->prefix);
  return order != 0 ? order < 0 : left < right;
}

/* sorted: by prefix, those that are the same in their order. All but the first of these lose their prefix. */
static void unite_sorted(sm_recent_item **sorted, size_t n, const sm_allocator *allocator) {
  sm_recent_item *first = sorted[0];
  for (size_t i = 1; i < n; i++) {
    if (strcmp(sorted[i]->prefix, first->prefix) != 0) {
      first = sorted[i];
      continue;
    }
    first->timestamp = sorted[i]->timestamp;
    sm_free(allocator, sorted[i]->prefix);
    sorted[i]->prefix = NULL;
  }
}

sm_status sm_recent_unite(sm_recent *recent, sm_error *err) {
  size_t size = recent->n * sizeof(sm_recent_item *), n = 0; /* less than the items have */
  if (recent->n < 2) return SM_OK;
  sm_recent_item **sorted = sm_alloc(recent->allocator, size);
  if (sorted == NULL) return SM_FAIL_OOM(err, size);
  for (size_t i = 0; i < recent->n; i++) sorted[i] = &recent->items[i];
  sm_sort(sorted, recent->n, sizeof *sorted, item_less);
  unite_sorted(sorted, recent->n, recent->allocator);
  for (size_t i = 0; i < recent->n; i++)
    if (recent->items[i].prefix != NULL) recent->items[n++] = recent->items[i];
  recent->n = n;
  sm_free(recent->allocator, sorted);
  return SM_OK;
}
