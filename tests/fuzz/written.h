/* What targets write and read again: a sink of limited size, and arrays that must be the same. */
#ifndef SM_TESTS_FUZZ_WRITTEN_H
#define SM_TESTS_FUZZ_WRITTEN_H

#include <string.h>

#include <savedmodel/tensor.h>

#include "fuzz.h"

enum { MAX_WRITTEN = 1 << 20 };

typedef struct written {
  char *bytes; /* room for MAX_WRITTEN */
  size_t size;
} written;

static inline written written_new(void) {
  written made = {.bytes = malloc(MAX_WRITTEN)};
  MUST(made.bytes != NULL);
  return made;
}

/* A sm_sink_fn; ctx is a written. */
static inline sm_status written_take(void *ctx, const void *data, size_t size, sm_error *err) {
  (void)err;
  written *to = ctx;
  MUST(size <= MAX_WRITTEN - to->size);
  memcpy(to->bytes + to->size, data, size);
  to->size += size;
  return SM_OK;
}

static inline void must_be_same_array(const sm_tensor_view *a, const sm_tensor_view *b) {
  MUST(a->dtype == b->dtype && a->rank == b->rank && a->size == b->size);
  MUST(memcmp(a->dims, b->dims, (size_t)a->rank * sizeof a->dims[0]) == 0);
  if (a->dtype != SM_DT_STRING) {
    MUST(a->size == 0 || memcmp(a->data, b->data, a->size) == 0);
    return;
  }
  const sm_string *x = a->data, *y = b->data;
  for (size_t i = 0; i < a->size / sizeof *x; i++)
    MUST(x[i].size == y[i].size && (x[i].size == 0 || memcmp(x[i].data, y[i].data, x[i].size) == 0));
}

/* About what the array takes when it is written. Strings of a pickle may be many where it is short: one that is put many
 * times. */
static inline size_t written_size_of(const sm_tensor_view *view) {
  size_t size = view->size;
  const sm_string *strings = view->data;
  if (view->dtype != SM_DT_STRING) return size;
  for (size_t i = 0; i < view->size / sizeof *strings && size < MAX_WRITTEN; i++) size += strings[i].size + 10;
  return size;
}

#endif
