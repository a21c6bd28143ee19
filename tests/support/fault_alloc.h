/* An allocator that counts, and that fails on demand. concurrent. */
#ifndef SM_TESTS_SUPPORT_FAULT_ALLOC_H
#define SM_TESTS_SUPPORT_FAULT_ALLOC_H

#include <pthread.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include <savedmodel/status.h>

typedef struct sm_fault_alloc {
  sm_allocator base;   /* ctx is this struct: it must not move */
  uint64_t fail_at;    /* number of the allocation that fails, from 0; UINT64_MAX: none */
  bool fail_all_after; /* and so do all that follow it */
  uint64_t n_calls;    /* of alloc and realloc so far */
  bool fired;          /* one has failed */
  size_t live_blocks;  /* neither freed nor moved */
  size_t live_bytes;
  size_t peak_bytes;
  uint64_t total_bytes; /* ever handed out */
  pthread_mutex_t lock;
} sm_fault_alloc;

void sm_fault_alloc_init(sm_fault_alloc *fa, uint64_t fail_at);
void sm_fault_alloc_destroy(sm_fault_alloc *fa);

/* From here on the n-th allocation fails, counted anew; peak_bytes starts at what is alive. */
void sm_fault_alloc_rearm(sm_fault_alloc *fa, uint64_t fail_at);

#endif
