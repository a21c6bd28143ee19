/* Checkpoints in the order in which they were saved. */
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

static void take_out(sm_recent *recent, size_t i) {
  recent->n--;
  memmove(&recent->items[i], &recent->items[i + 1], (recent->n - i) * sizeof *recent->items);
}

void sm_recent_drop_first(sm_recent *recent) {
  sm_free(recent->allocator, recent->items[0].prefix);
  take_out(recent, 0);
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

sm_status sm_recent_put(sm_recent *recent, const char *prefix, double timestamp, sm_error *err) {
  for (size_t i = 0; i < recent->n; i++) {
    if (strcmp(recent->items[i].prefix, prefix) != 0) continue;
    char *same = recent->items[i].prefix;
    take_out(recent, i);
    recent->items[recent->n++] = (sm_recent_item){same, timestamp};
    return SM_OK;
  }
  SM_TRY(make_room(recent, err));
  size_t size = strlen(prefix) + 1;
  char *copy = sm_alloc(recent->allocator, size);
  if (copy == NULL) return SM_FAIL_OOM(err, size);
  memcpy(copy, prefix, size);
  recent->items[recent->n++] = (sm_recent_item){copy, timestamp};
  return SM_OK;
}
