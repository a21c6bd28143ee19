#include "base/buffer.h"

#include "base/alloc.h"
#include "base/error.h"
#include "base/size.h"

enum { FIRST_CAPACITY = 256 };

void sm_buffer_init(sm_buffer *buffer, const sm_allocator *allocator, uint64_t max_size) {
  *buffer = (sm_buffer){.allocator = allocator, .max_size = max_size};
}

void sm_buffer_free(sm_buffer *buffer) {
  if (buffer->data != NULL) sm_free(buffer->allocator, buffer->data);
  buffer->data = NULL;
  buffer->size = buffer->capacity = 0;
}

sm_status sm_buffer_grow(sm_buffer *buffer, size_t more, sm_error *err) {
  size_t needed, wanted;
  if (!sm_add_size(buffer->size, more, &needed)) return SM_FAIL_OOM(err, SIZE_MAX);
  if (needed > buffer->max_size)
    return SM_FAIL(err, SM_RESOURCE_EXHAUSTED, "%zu bytes would pass the limit of %llu bytes (max_bytes)", needed,
                   (unsigned long long)buffer->max_size);
  if (!sm_add_size(buffer->capacity, buffer->capacity / 2, &wanted) || wanted < needed) wanted = needed;
  if (wanted < FIRST_CAPACITY) wanted = FIRST_CAPACITY;
  if (wanted > buffer->max_size) wanted = (size_t)buffer->max_size;
  uint8_t *data = sm_realloc(buffer->allocator, buffer->data, wanted);
  if (data == NULL) return SM_FAIL_OOM(err, wanted);
  buffer->data = data;
  buffer->capacity = wanted;
  return SM_OK;
}
