#include "wire/wire_internal.h"

sm_status sm_wire_copy_string(sm_string *out, sm_span bytes, const sm_wire_source *source, sm_arena *arena,
                              sm_error *err) {
  if (!sm_utf8_is_valid(bytes.data, bytes.size)) return sm_wire_fail(source, bytes.data, "a string is not UTF-8", err);
  sm_string copy = sm_arena_copy(arena, (sm_string){(const char *)bytes.data, bytes.size});
  if (copy.data == NULL) return sm_arena_fail(arena, bytes.size + 1, err);
  *out = copy;
  return SM_OK;
}

/* ---- protobuf-c's allocator on an arena ---- */

static void *arena_alloc(void *ctx, size_t size) { return sm_arena_alloc(ctx, size); }

static void arena_free(void *ctx, void *block) { /* all at once, with the arena */
  (void)ctx;
  (void)block;
}

/* The pieces of a message put together, which is their merge. */
static sm_status join(sm_span *out, sm_spans message, sm_arena *arena, sm_error *err) {
  if (message.n <= 1) {
    *out = message.n == 1 ? message.items[0] : (sm_span){NULL, 0};
    return SM_OK;
  }
  size_t total = 0;
  for (size_t i = 0; i < message.n; i++)
    if (!sm_add_size(total, message.items[i].size, &total)) return SM_FAIL_OOM(err, SIZE_MAX);
  uint8_t *data = sm_arena_alloc(arena, total);
  if (data == NULL) return sm_arena_fail(arena, total, err);
  *out = (sm_span){data, total};
  for (size_t i = 0; i < message.n; i++) {
    if (message.items[i].size != 0) memcpy(data, message.items[i].data, message.items[i].size);
    data += message.items[i].size;
  }
  return SM_OK;
}

sm_status sm_wire_unpack(ProtobufCMessage **out, const ProtobufCMessageDescriptor *type, sm_spans message,
                         const sm_wire_source *source, sm_arena *arena, sm_error *err) {
  sm_wire_facts facts;
  sm_span bytes;
  SM_TRY(join(&bytes, message, arena, err));
  SM_TRY(sm_wire_check(&facts, type, bytes, source, err));
  if (facts.unpacked_size > arena->max_bytes - arena->bytes)
    return SM_FAIL(err, SM_RESOURCE_EXHAUSTED,
                   "%s: %s of %zu bytes would take up to %llu bytes, the limit is %llu (max_bytes)", source->name,
                   type->name, bytes.size, (unsigned long long)facts.unpacked_size,
                   (unsigned long long)arena->max_bytes);
  if (facts.needs_merge) SM_TRY(sm_wire_merge(&bytes, type, bytes, arena, err));
  ProtobufCAllocator allocator = {.alloc = arena_alloc, .free = arena_free, .allocator_data = arena};
  *out = protobuf_c_message_unpack(type, &allocator, bytes.size, bytes.data);
  if (*out != NULL) return SM_OK;
  return sm_arena_fail(arena, bytes.size, err); /* the bytes were checked, so only memory can be what failed */
}
