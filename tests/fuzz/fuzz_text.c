/*
 * Text of a message, or a message to be made text of. What was read is written and read again, which must give the same
 * bytes; what was written is read and written again, which must give the same text.
 *
 *   byte 0   the message's type; the highest bit: the rest is bytes, not text
 */
#include "fuzz.h"

#include <string.h>

#include <savedmodel/pb/attr_value.pb-c.h>
#include <savedmodel/pb/graph.pb-c.h>
#include <savedmodel/pb/saved_model.pb-c.h>
#include <savedmodel/pb/struct.pb-c.h>
#include <savedmodel/pb/tensor.pb-c.h>

#include "base/buffer.h"
#include "support/fault_alloc.h"
#include "wire/text.h"

static const ProtobufCMessageDescriptor *const types[] = {
    &tensorflow__saved_model__descriptor,      &tensorflow__graph_def__descriptor,
    &tensorflow__attr_value__descriptor,       &tensorflow__tensor_proto__descriptor,
    &tensorflow__structured_value__descriptor, &tensorflow__meta_graph_def__descriptor,
};

const size_t fuzz_message_at = 1;

enum { MAX_BYTES = 16 << 20, MAX_MEMORY = 4 * MAX_BYTES, IS_BYTES = 0x80 };

static sm_status append(void *ctx, const void *data, size_t size, sm_error *err) {
  return sm_buffer_put(ctx, data, size, err);
}

static sm_status to_text(sm_buffer *text, const ProtobufCMessageDescriptor *type, sm_span message,
                         const sm_allocator *allocator) {
  sm_arena arena;
  sm_error err;
  sm_wire_source source = {.name = "message", .bytes = message};
  sm_arena_init(&arena, allocator, MAX_BYTES);
  sm_buffer_init(text, allocator, MAX_BYTES);
  sm_status status = sm_text_write(type, message, &source, &arena, append, text, &err);
  sm_arena_free(&arena);
  return status;
}

static sm_status to_bytes(sm_buffer *bytes, const ProtobufCMessageDescriptor *type, sm_string text,
                          const sm_allocator *allocator) {
  sm_error err;
  sm_buffer_init(bytes, allocator, MAX_BYTES);
  return sm_text_read(bytes, type, text, &err);
}

static sm_string text_of(const sm_buffer *b) { return (sm_string){b->size != 0 ? (const char *)b->data : "", b->size}; }

static void must_equal(const sm_buffer *a, const sm_buffer *b) {
  MUST(a->size == b->size && (a->size == 0 || memcmp(a->data, b->data, a->size) == 0));
}

static void read_write_read(const ProtobufCMessageDescriptor *type, sm_string text, const sm_allocator *allocator) {
  sm_buffer bytes, written = {0}, again = {0};
  if (to_bytes(&bytes, type, text, allocator) == SM_OK) {
    sm_status status = to_text(&written, type, (sm_span){bytes.data, bytes.size}, allocator);
    MUST(status == SM_OK || status == SM_RESOURCE_EXHAUSTED);
    if (status == SM_OK) {
      MUST(to_bytes(&again, type, text_of(&written), allocator) == SM_OK);
      must_equal(&bytes, &again);
      sm_buffer_free(&again);
    }
    sm_buffer_free(&written);
  }
  sm_buffer_free(&bytes);
}

static void write_read_write(const ProtobufCMessageDescriptor *type, sm_span message, const sm_allocator *allocator) {
  sm_buffer text, bytes = {0}, again = {0};
  if (to_text(&text, type, message, allocator) == SM_OK) {
    sm_status status = to_bytes(&bytes, type, text_of(&text), allocator);
    MUST(status == SM_OK || status == SM_RESOURCE_EXHAUSTED);
    if (status == SM_OK) {
      MUST(to_text(&again, type, (sm_span){bytes.data, bytes.size}, allocator) == SM_OK);
      must_equal(&text, &again);
      sm_buffer_free(&again);
    }
    sm_buffer_free(&bytes);
  }
  sm_buffer_free(&text);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
  if (size == 0) return 0;
  sm_fault_alloc memory;
  const ProtobufCMessageDescriptor *type = types[(data[0] & 0x7F) % (sizeof types / sizeof types[0])];
  sm_fault_alloc_init(&memory, UINT64_MAX);
  if ((data[0] & IS_BYTES) != 0)
    write_read_write(type, (sm_span){data + 1, size - 1}, &memory.base);
  else
    read_write_read(type, (sm_string){(const char *)data + 1, size - 1}, &memory.base);
  MUST(memory.live_blocks == 0);
  MUST(memory.peak_bytes <= MAX_MEMORY);
  sm_fault_alloc_destroy(&memory);
  return 0;
}
