/*
 * An arena: many small pieces of memory that are freed together. exclusive.
 *
 * Pieces come from blocks that double in size. What could not be finished is taken back with a mark, so a call that
 * fails leaves the arena as it found it.
 */
#ifndef SM_BASE_ARENA_H
#define SM_BASE_ARENA_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include <savedmodel/status.h>

typedef struct sm_arena_block sm_arena_block;

typedef struct sm_arena {
  const sm_allocator *allocator;
  sm_arena_block *newest;
  uint64_t max_bytes; /* of all blocks */
  uint64_t bytes;     /* of all blocks */
} sm_arena;

typedef struct sm_arena_mark {
  sm_arena_block *block;
  size_t used;
} sm_arena_mark;

/* max_bytes: UINT64_MAX for no limit. Allocates nothing. */
void sm_arena_init(sm_arena *arena, const sm_allocator *allocator, uint64_t max_bytes);
void sm_arena_free(sm_arena *arena);

/* Aligned for any type; NULL when there is no memory or the limit is met. */
void *sm_arena_alloc(sm_arena *arena, size_t size);
void *sm_arena_calloc(sm_arena *arena, size_t count, size_t size); /* zeroed */

/* A terminated copy of bytes; its data is NULL when there is no memory. */
sm_string sm_arena_copy(sm_arena *arena, sm_string bytes);

/* Memory that the arena's allocator made becomes the arena's, and is freed with it; false: over the limit, or no memory, and
 * it stays the caller's. */
bool sm_arena_take(sm_arena *arena, void *memory, size_t size);

sm_arena_mark sm_arena_get_mark(const sm_arena *arena);
void sm_arena_rewind(sm_arena *arena, sm_arena_mark mark);

/* Fills err with the reason of a NULL: over the limit, or out of memory. */
sm_status sm_arena_fail(const sm_arena *arena, size_t size, sm_error *err);

#define sm_arena_new(arena, type) ((type *)sm_arena_calloc((arena), 1, sizeof(type)))
#define sm_arena_array(arena, type, count) ((type *)sm_arena_calloc((arena), (count), sizeof(type)))

#endif
