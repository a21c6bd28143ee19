/*
 * One message, of the type that the first byte says. What passes sm_wire_check is unpacked by protobuf-c alone, within the
 * memory that the check foretold; rewriting it by sm_wire_merge changes nothing but what there was to be merged.
 *
 *   byte 0   the message's type
 *   byte 1   where it is cut in two pieces, in 256ths
 */
#include "fuzz.h"

#include <string.h>

#include <savedmodel/pb/attr_value.pb-c.h>
#include <savedmodel/pb/fingerprint.pb-c.h>
#include <savedmodel/pb/node_def.pb-c.h>
#include <savedmodel/pb/saved_model.pb-c.h>
#include <savedmodel/pb/saved_object_graph.pb-c.h>
#include <savedmodel/pb/struct.pb-c.h>
#include <savedmodel/pb/tensor.pb-c.h>

#include "wire/wire_internal.h"

static const ProtobufCMessageDescriptor *const types[] = {
    &tensorflow__saved_model__descriptor,        &tensorflow__meta_graph_def__descriptor,
    &tensorflow__saved_object_graph__descriptor, &tensorflow__attr_value__descriptor,
    &tensorflow__structured_value__descriptor,   &tensorflow__node_def__descriptor,
    &tensorflow__tensor_proto__descriptor,       &tensorflow__fingerprint_def__descriptor,
};

const size_t fuzz_message_at = 2;

enum { MAX_BYTES = 64 << 20 };

/* ---- The scanner ---- */

/* Fields lie one after the other and cover what comes before a fault. */
static void scan(sm_span message, const sm_wire_source *source) {
  sm_wire_reader reader = sm_wire_read(message, source);
  const uint8_t *at = message.data, *end = message.data + message.size;
  sm_error err = {.code = SM_OK};
  for (sm_wire_field field; sm_wire_next(&reader, &field);) {
    MUST(sm_wire_number(&field) != 0);
    MUST(field.whole.data == at && field.whole.size != 0 && field.whole.size <= (size_t)(end - at));
    at += field.whole.size;
    MUST(field.bytes.data >= field.whole.data && field.bytes.size <= (size_t)(at - field.bytes.data));
  }
  if (sm_wire_finish(&reader, &err) == SM_OK) {
    MUST(at == end);
  } else {
    MUST(err.code == SM_DATA_LOSS && err.offset <= message.size);
  }
}

/* Every number that a map or a repeated message has in the schemas, in one piece and in two. */
static void index_fields(sm_spans message, const sm_wire_source *source) {
  for (uint32_t number = 1; number <= 10; number++) {
    sm_arena arena;
    sm_spans values;
    sm_wire_map map;
    sm_error err;
    sm_arena_init(&arena, sm_allocator_or_malloc(NULL), MAX_BYTES);
    (void)sm_wire_collect(&values, message, number, source, &arena, &err);
    if (sm_wire_index_map(&map, message, number, source, &arena, &err) == SM_OK) {
      for (size_t i = 0; i < map.n; i++) {
        MUST(sm_wire_map_find(&map, map.entries[i].key) == i);
        (void)sm_wire_entry_value(&values, &map.entries[i], source, &arena, &err);
      }
    }
    sm_arena_free(&arena);
  }
}

/* ---- protobuf-c on its own, its memory counted ---- */

static void *count_alloc(void *ctx, size_t size) {
  *(uint64_t *)ctx += size;
  return malloc(size);
}

static void count_free(void *ctx, void *block) {
  (void)ctx;
  free(block);
}

/* What it makes of a message that was checked, packed again. */
static uint8_t *repack(size_t *size, const ProtobufCMessageDescriptor *type, sm_span message, uint64_t *taken) {
  ProtobufCAllocator allocator = {.alloc = count_alloc, .free = count_free, .allocator_data = taken};
  *taken = 0;
  ProtobufCMessage *unpacked = protobuf_c_message_unpack(type, &allocator, message.size, message.data);
  MUST(unpacked != NULL);
  *size = protobuf_c_message_get_packed_size(unpacked);
  uint8_t *packed = malloc(*size + 1);
  MUST(packed != NULL);
  MUST(protobuf_c_message_pack(unpacked, packed) == *size);
  protobuf_c_message_free_unpacked(unpacked, &allocator);
  return packed;
}

/* facts are those of message, which is as protobuf-c takes it. */
static void compare_merged(const ProtobufCMessageDescriptor *type, sm_span message, const sm_wire_facts *facts,
                           sm_span merged) {
  size_t size, merged_size;
  uint64_t taken;
  uint8_t *packed = repack(&size, type, message, &taken);
  MUST(taken <= facts->unpacked_size);
  uint8_t *merged_packed = repack(&merged_size, type, merged, &taken);
  MUST(size == merged_size && memcmp(packed, merged_packed, size) == 0);
  free(packed);
  free(merged_packed);
}

static void merge(const ProtobufCMessageDescriptor *type, sm_span message, const sm_wire_facts *facts) {
  sm_arena arena;
  sm_error err;
  sm_span merged;
  sm_wire_facts merged_facts;
  sm_arena_init(&arena, sm_allocator_or_malloc(NULL), MAX_BYTES);
  sm_status status = sm_wire_merge(&merged, type, message, &arena, &err);
  MUST(status == SM_OK || status == SM_RESOURCE_EXHAUSTED);
  if (status == SM_OK) {
    sm_wire_source source = {.name = "merged", .bytes = merged};
    MUST(sm_wire_check(&merged_facts, type, merged, &source, &err) == SM_OK);
    MUST(!merged_facts.needs_merge);
    if (facts->needs_merge)
      compare_merged(type, merged, &merged_facts, merged);
    else
      compare_merged(type, message, facts, merged);
  }
  sm_arena_free(&arena);
}

static void unpack(const ProtobufCMessageDescriptor *type, sm_spans message, const sm_wire_source *source) {
  sm_arena arena;
  sm_error err;
  sm_wire_facts facts;
  ProtobufCMessage *unpacked;
  sm_status checked = sm_wire_check(&facts, type, source->bytes, source, &err);
  sm_arena_init(&arena, sm_allocator_or_malloc(NULL), MAX_BYTES);
  sm_status status = sm_wire_unpack(&unpacked, type, message, source, &arena, &err);
  MUST(status == checked || (checked == SM_OK && status == SM_RESOURCE_EXHAUSTED));
  MUST(arena.bytes <= MAX_BYTES);
  sm_arena_free(&arena);
  if (checked == SM_OK) merge(type, source->bytes, &facts);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
  if (size < 2) return 0;
  const ProtobufCMessageDescriptor *type = types[data[0] % (sizeof types / sizeof types[0])];
  sm_span message = {data + 2, size - 2};
  sm_wire_source source = {.name = "message", .bytes = message};
  size_t cut = message.size * data[1] / 256;
  sm_span pieces[] = {{message.data, cut}, {message.data + cut, message.size - cut}};
  scan(message, &source);
  index_fields((sm_spans){&message, 1}, &source);
  index_fields((sm_spans){pieces, 2}, &source);
  unpack(type, (sm_spans){pieces, 2}, &source);
  return 0;
}
