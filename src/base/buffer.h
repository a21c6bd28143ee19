/* Bytes that grow at their end, up to a maximum. */
#ifndef SM_BASE_BUFFER_H
#define SM_BASE_BUFFER_H

#include <stdbool.h>
#include <string.h>

#include <savedmodel/status.h>

typedef struct sm_buffer {
  uint8_t *data;
  size_t size, capacity;
  const sm_allocator *allocator;
  uint64_t max_size;
} sm_buffer;

/* max_size: UINT64_MAX for no limit. Allocates nothing. */
void sm_buffer_init(sm_buffer *buffer, const sm_allocator *allocator, uint64_t max_size);
void sm_buffer_free(sm_buffer *buffer);

/* Makes room for that many bytes more. RESOURCE_EXHAUSTED: over the maximum, or no memory; the contents stay. */
sm_status sm_buffer_grow(sm_buffer *buffer, size_t more, sm_error *err);

static inline sm_status sm_buffer_reserve(sm_buffer *buffer, size_t more, sm_error *err) {
  return buffer->capacity - buffer->size >= more ? SM_OK : sm_buffer_grow(buffer, more, err);
}

/* Appends. */
static inline sm_status sm_buffer_put(sm_buffer *buffer, const void *data, size_t size, sm_error *err) {
  SM_TRY(sm_buffer_reserve(buffer, size, err));
  if (size != 0) memcpy(buffer->data + buffer->size, data, size);
  buffer->size += size;
  return SM_OK;
}

#endif
