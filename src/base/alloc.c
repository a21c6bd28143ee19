#include "base/alloc.h"

#include <stdlib.h>
#include <string.h>

#include "base/pages.h"
#include "base/size.h"

/* Half of what it costs to fill a large block is that its pages are touched for the first time. */
static void *with_large_pages(void *block, size_t size) {
  sm_pages_advise(block, size);
  return block;
}

static void *malloc_alloc(void *ctx, size_t size) {
  (void)ctx;
  return with_large_pages(malloc(size), size);
}

static void *malloc_realloc(void *ctx, void *block, size_t size) {
  (void)ctx;
  return with_large_pages(realloc(block, size), size);
}

static void malloc_free(void *ctx, void *block) {
  (void)ctx;
  free(block);
}

static const sm_allocator malloc_allocator = {malloc_alloc, malloc_realloc, malloc_free, NULL};

const sm_allocator *sm_allocator_or_malloc(const sm_allocator *allocator) {
  return allocator != NULL ? allocator : &malloc_allocator;
}

void *sm_alloc(const sm_allocator *allocator, size_t size) {
  return allocator->alloc(allocator->ctx, size != 0 ? size : 1);
}

void *sm_calloc(const sm_allocator *allocator, size_t size) {
  void *block = sm_alloc(allocator, size);
  if (block != NULL) memset(block, 0, size);
  return block;
}

void *sm_realloc(const sm_allocator *allocator, void *block, size_t size) {
  return allocator->realloc(allocator->ctx, block, size != 0 ? size : 1);
}

void sm_free(const sm_allocator *allocator, void *block) { allocator->free(allocator->ctx, block); }

void *sm_grow(const sm_allocator *allocator, void *items, size_t *capacity, size_t item_size) {
  size_t count = *capacity != 0 ? *capacity : 4, size;
  if (!sm_mul_size(count, 2 * item_size, &size)) return NULL;
  void *grown = sm_realloc(allocator, items, size);
  if (grown != NULL) *capacity = 2 * count;
  return grown;
}
