#include "base/arena.h"

#include <stdalign.h>
#include <string.h>

#include "base/alloc.h"
#include "base/error.h"
#include "base/size.h"

enum { FIRST_BLOCK = 4096, LARGEST_BLOCK = 1 << 20 };

struct sm_arena_block {
  sm_arena_block *older;
  size_t size; /* of data, or of taken */
  size_t used;
  void *taken; /* memory that others made, in place of data; NULL: none */
  alignas(max_align_t) unsigned char data[];
};

void sm_arena_init(sm_arena *arena, const sm_allocator *allocator, uint64_t max_bytes) {
  *arena = (sm_arena){.allocator = allocator, .max_bytes = max_bytes};
}

static void drop_newest(sm_arena *arena) {
  sm_arena_block *block = arena->newest;
  arena->newest = block->older;
  arena->bytes -= sizeof *block + block->size;
  if (block->taken != NULL) sm_free(arena->allocator, block->taken);
  sm_free(arena->allocator, block);
}

void sm_arena_free(sm_arena *arena) {
  while (arena->newest != NULL) drop_newest(arena);
}

/* Room for at least size bytes. Under SM_ARENA_SEPARATE each piece is a block of its own, so that the address sanitizer
 * sees a step outside of it. */
static sm_arena_block *add_block(sm_arena *arena, size_t size) {
  size_t wanted = size;
#ifndef SM_ARENA_SEPARATE
  size_t doubled = arena->newest == NULL ? FIRST_BLOCK : 2 * arena->newest->size;
  if (doubled > LARGEST_BLOCK) doubled = LARGEST_BLOCK;
  if (wanted < doubled) wanted = doubled;
#endif
  uint64_t left = arena->max_bytes - arena->bytes;
  size_t total;
  if (!sm_add_size(sizeof(sm_arena_block), wanted, &total)) return NULL;
  if (total > left) { /* near the limit: just what is needed */
    if (!sm_add_size(sizeof(sm_arena_block), size, &total) || total > left) return NULL;
    wanted = size;
  }
  sm_arena_block *block = sm_alloc(arena->allocator, total);
  if (block == NULL) return NULL;
  *block = (sm_arena_block){.older = arena->newest, .size = wanted};
  arena->newest = block;
  arena->bytes += total;
  return block;
}

void *sm_arena_alloc(sm_arena *arena, size_t size) {
  size_t rounded;
  if (!sm_add_size(size != 0 ? size : 1, alignof(max_align_t) - 1, &rounded)) return NULL;
  rounded &= ~(size_t)(alignof(max_align_t) - 1);
#ifdef SM_ARENA_SEPARATE
  rounded = size != 0 ? size : 1;
#endif
  sm_arena_block *block = arena->newest;
  if (block == NULL || block->size - block->used < rounded) block = add_block(arena, rounded);
  if (block == NULL) return NULL;
  void *piece = block->data + block->used;
  block->used += rounded;
  return piece;
}

void *sm_arena_calloc(sm_arena *arena, size_t count, size_t size) {
  size_t total;
  if (!sm_mul_size(count, size, &total)) return NULL;
  void *piece = sm_arena_alloc(arena, total);
  if (piece != NULL) memset(piece, 0, total);
  return piece;
}

sm_string sm_arena_copy(sm_arena *arena, sm_string bytes) {
  size_t total;
  char *copy = sm_add_size(bytes.size, 1, &total) ? sm_arena_alloc(arena, total) : NULL;
  if (copy == NULL) return (sm_string){NULL, 0};
  if (bytes.size != 0) memcpy(copy, bytes.data, bytes.size);
  copy[bytes.size] = '\0';
  return (sm_string){copy, bytes.size};
}

bool sm_arena_take(sm_arena *arena, void *memory, size_t size) {
  size_t total;
  if (!sm_add_size(sizeof(sm_arena_block), size, &total) || total > arena->max_bytes - arena->bytes) return false;
  sm_arena_block *block = sm_alloc(arena->allocator, sizeof *block);
  if (block == NULL) return false;
  *block = (sm_arena_block){.older = arena->newest, .size = size, .used = size, .taken = memory};
  arena->newest = block;
  arena->bytes += total;
  return true;
}

sm_arena_mark sm_arena_get_mark(const sm_arena *arena) {
  return (sm_arena_mark){arena->newest, arena->newest != NULL ? arena->newest->used : 0};
}

void sm_arena_rewind(sm_arena *arena, sm_arena_mark mark) {
  while (arena->newest != mark.block) drop_newest(arena);
  if (arena->newest != NULL) arena->newest->used = mark.used;
}

sm_status sm_arena_fail(const sm_arena *arena, size_t size, sm_error *err) {
  if (arena->max_bytes - arena->bytes < size)
    return SM_FAIL(err, SM_RESOURCE_EXHAUSTED, "%zu bytes more would pass the limit of %llu bytes (max_bytes)", size,
                   (unsigned long long)arena->max_bytes);
  return SM_FAIL_OOM(err, size);
}
