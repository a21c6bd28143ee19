/*
 * Which checksums were found right: a set of addresses that grows, of entries in the index, which stay where they are until
 * the reader is closed. Threads read and add without a lock.
 *
 * Tables double in size. An address may stand in a few places of each, and goes to the first free one of the smallest table
 * that has any; nothing is ever removed, so a free place met first says that it is in no larger one. What fits nowhere, or
 * finds no memory, is not remembered: its checksum is computed again.
 */
#include "bundle/bundle_internal.h"

enum { FIRST_SIZE_LOG2 = 6, N_PLACES = 8 };

static size_t hash_of(const void *address, unsigned table) {
  uint64_t mixed = ((uint64_t)(uintptr_t)address + table) * 0x9E3779B97F4A7C15u; /* 2^64 / golden ratio */
  return (size_t)(mixed >> (64 - FIRST_SIZE_LOG2 - table));
}

static size_t size_of(unsigned table) { return (size_t)1 << (FIRST_SIZE_LOG2 + table); }

static atomic_uintptr_t *get_table(sm_seen *seen, unsigned i, const sm_allocator *allocator) {
  atomic_uintptr_t *table = atomic_load_explicit(&seen->tables[i], memory_order_acquire);
  if (table != NULL || allocator == NULL) return table;
  atomic_uintptr_t *made = sm_calloc(allocator, size_of(i) * sizeof *made);
  if (made == NULL) return NULL;
  if (atomic_compare_exchange_strong_explicit(&seen->tables[i], &table, made, memory_order_acq_rel,
                                              memory_order_acquire))
    return made;
  sm_free(allocator, made); /* another thread was first */
  return table;
}

/* Looks for address; with an allocator, puts it where it is not. */
static bool search(sm_seen *seen, const void *address, const sm_allocator *allocator) {
  for (unsigned i = 0; i < SM_SEEN_TABLES; i++) {
    atomic_uintptr_t *table = get_table(seen, i, allocator);
    if (table == NULL) return false;
    size_t hash = hash_of(address, i);
    for (size_t k = 0; k < N_PLACES; k++) {
      atomic_uintptr_t *place = &table[(hash + k) & (size_of(i) - 1)];
      uintptr_t found = atomic_load_explicit(place, memory_order_acquire);
      if (found == 0 && allocator == NULL) return false;
      if (found == 0 && atomic_compare_exchange_strong_explicit(place, &found, (uintptr_t)address, memory_order_acq_rel,
                                                                memory_order_acquire))
        return true;
      if (found == (uintptr_t)address) return true;
    }
  }
  return false;
}

bool sm_seen_has(const sm_seen *seen, const void *address) { return search((sm_seen *)(uintptr_t)seen, address, NULL); }

void sm_seen_add(sm_seen *seen, const void *address, const sm_allocator *allocator) {
  (void)search(seen, address, allocator);
}

void sm_seen_free(sm_seen *seen, const sm_allocator *allocator) {
  for (unsigned i = 0; i < SM_SEEN_TABLES; i++) sm_free(allocator, atomic_load(&seen->tables[i]));
}
