#include "support/fault_alloc.h"

#include <stdalign.h>
#include <stdlib.h>
#include <string.h>

/* In front of each block: how large it is. */
typedef union header {
  size_t size;
  max_align_t alignment;
} header;

static bool must_fail(sm_fault_alloc *fa) {
  bool fails = fa->n_calls == fa->fail_at || (fa->fail_all_after && fa->n_calls > fa->fail_at);
  fa->n_calls++;
  fa->fired |= fails;
  return fails;
}

static void *new_block(sm_fault_alloc *fa, size_t size) {
  header *block = size <= SIZE_MAX - sizeof(header) ? malloc(sizeof(header) + size) : NULL;
  if (block == NULL) return NULL;
  block->size = size;
  memset(block + 1, 0xA5, size); /* whoever relies on zeroes shall notice */
  fa->live_blocks++;
  fa->live_bytes += size;
  fa->total_bytes += size;
  if (fa->live_bytes > fa->peak_bytes) fa->peak_bytes = fa->live_bytes;
  return block + 1;
}

static void drop_block(sm_fault_alloc *fa, void *data) {
  if (data == NULL) return;
  header *block = (header *)data - 1;
  fa->live_blocks--;
  fa->live_bytes -= block->size;
  free(block);
}

static void *fault_alloc(void *ctx, size_t size) {
  sm_fault_alloc *fa = ctx;
  (void)pthread_mutex_lock(&fa->lock);
  void *data = must_fail(fa) ? NULL : new_block(fa, size);
  (void)pthread_mutex_unlock(&fa->lock);
  return data;
}

/* Always moves, so that pointers kept into the old block are caught. */
static void *fault_realloc(void *ctx, void *old, size_t size) {
  sm_fault_alloc *fa = ctx;
  (void)pthread_mutex_lock(&fa->lock);
  void *data = must_fail(fa) ? NULL : new_block(fa, size);
  if (data != NULL && old != NULL) {
    size_t old_size = ((header *)old - 1)->size;
    memcpy(data, old, old_size < size ? old_size : size);
    drop_block(fa, old);
  }
  (void)pthread_mutex_unlock(&fa->lock);
  return data;
}

static void fault_free(void *ctx, void *data) {
  sm_fault_alloc *fa = ctx;
  (void)pthread_mutex_lock(&fa->lock);
  drop_block(fa, data);
  (void)pthread_mutex_unlock(&fa->lock);
}

void sm_fault_alloc_init(sm_fault_alloc *fa, uint64_t fail_at) {
  *fa = (sm_fault_alloc){.base = {fault_alloc, fault_realloc, fault_free, fa}, .fail_at = fail_at};
  (void)pthread_mutex_init(&fa->lock, NULL);
}

void sm_fault_alloc_destroy(sm_fault_alloc *fa) { (void)pthread_mutex_destroy(&fa->lock); }

void sm_fault_alloc_rearm(sm_fault_alloc *fa, uint64_t fail_at) {
  fa->fail_at = fail_at;
  fa->n_calls = 0;
  fa->fired = false;
  fa->peak_bytes = fa->live_bytes;
}
