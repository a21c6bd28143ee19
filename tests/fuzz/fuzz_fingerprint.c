/*
 * A SavedModel that is the input: its canonical bytes are canonical, and its fingerprint is that of them. In a small multiple
 * of max_bytes of memory, all of which comes back.
 */
#include "fuzz.h"

#include <string.h>

#include <savedmodel/pb/saved_model.pb-c.h>

#include "base/base.h"
#include "model/fingerprint.h"
#include "support/fault_alloc.h"
#include "wire/canonical.h"

const size_t fuzz_message_at = 0;

enum { MAX_BYTES = 16 << 20, MAX_MEMORY = 4 * MAX_BYTES };

static sm_status append(void *ctx, const void *data, size_t size, sm_error *err) {
  return sm_buffer_put(ctx, data, size, err);
}

static sm_status make_canonical(sm_buffer *out, sm_span model, const sm_allocator *allocator) {
  const sm_wire_source source = {.name = "f", .bytes = model};
  sm_arena arena;
  sm_canonical writer;
  sm_arena_init(&arena, allocator, MAX_BYTES);
  sm_buffer_init(out, allocator, MAX_BYTES);
  sm_status status = sm_canonical_begin(&writer, &source, &arena, append, out, NULL);
  if (status == SM_OK)
    status = sm_canonical_put(&writer, &tensorflow__saved_model__descriptor, (sm_spans){&model, 1}, NULL);
  sm_canonical_end(&writer);
  sm_arena_free(&arena);
  return status;
}

static sm_status compute(sm_fingerprint *out, char *uuid, sm_span model, const sm_allocator *allocator) {
  const sm_wire_source source = {.name = "f", .bytes = model};
  sm_arena arena;
  sm_arena_init(&arena, allocator, MAX_BYTES);
  sm_status status = sm_fingerprint_compute(out, model, NULL, &source, &arena, NULL);
  if (status == SM_OK) snprintf(uuid, 40, "%s", out->uuid);
  sm_arena_free(&arena);
  return status;
}

static void check(sm_span model, const sm_allocator *allocator) {
  sm_buffer once, twice;
  sm_fingerprint a, b;
  char a_uuid[40], b_uuid[40];
  sm_status status = make_canonical(&once, model, allocator);
  if (status == SM_OK) {
    const sm_span canonical = {once.data, once.size};
    MUST(make_canonical(&twice, canonical, allocator) == SM_OK);
    MUST(once.size == twice.size && (once.size == 0 || memcmp(once.data, twice.data, once.size) == 0));
    sm_buffer_free(&twice);
    status = compute(&a, a_uuid, model, allocator);
    if (status == SM_OK) {
      MUST(compute(&b, b_uuid, canonical, allocator) == SM_OK);
      MUST(a.saved_model_checksum == b.saved_model_checksum && a.graph_def_program_hash == b.graph_def_program_hash);
      MUST(a.signature_def_hash == b.signature_def_hash && a.saved_object_graph_hash == b.saved_object_graph_hash);
      MUST(strcmp(a_uuid, b_uuid) == 0);
    }
  }
  MUST(status != SM_INVALID_ARGUMENT && status != SM_INTERNAL);
  sm_buffer_free(&once);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
  sm_fault_alloc memory;
  sm_fault_alloc_init(&memory, UINT64_MAX);
  check((sm_span){data, size}, &memory.base);
  MUST(memory.live_blocks == 0);
  MUST(memory.peak_bytes <= MAX_MEMORY);
  sm_fault_alloc_destroy(&memory);
  return 0;
}
