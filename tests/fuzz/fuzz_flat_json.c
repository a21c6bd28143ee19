/* JSON that is one object of strings: what is read is sorted, is written as text that is read to the same again. */
#include "fuzz.h"

#include <string.h>

#include "codec/flat_json.h"
#include "support/fault_alloc.h"

const size_t fuzz_message_at = NO_MESSAGE;

enum { MAX_FIXED = 64 << 10, MAX_FACTOR = 100 };

static void read_again(const sm_json_pairs *pairs, const sm_allocator *allocator) {
  sm_arena arena;
  sm_buffer text;
  sm_json_pairs again;
  sm_arena_init(&arena, allocator, UINT64_MAX);
  sm_buffer_init(&text, allocator, UINT64_MAX);
  MUST(sm_flat_json_write(&text, pairs, NULL) == SM_OK);
  MUST(sm_flat_json_read(&again, (sm_string){(const char *)text.data, text.size}, &arena, NULL) == SM_OK);
  MUST(again.n == pairs->n);
  for (size_t i = 0; i < pairs->n; i++) {
    MUST(sm_string_equal(again.items[i].key, pairs->items[i].key));
    MUST(sm_string_equal(again.items[i].value, pairs->items[i].value));
    MUST(i == 0 || sm_string_compare(pairs->items[i - 1].key, pairs->items[i].key) < 0);
  }
  sm_buffer_free(&text);
  sm_arena_free(&arena);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
  sm_fault_alloc memory;
  sm_arena arena;
  sm_json_pairs pairs;
  sm_fault_alloc_init(&memory, UINT64_MAX);
  sm_arena_init(&arena, &memory.base, UINT64_MAX);
  sm_status status = sm_flat_json_read(&pairs, (sm_string){(const char *)data, size}, &arena, NULL);
  MUST(status == SM_OK || status == SM_DATA_LOSS);
  if (status == SM_OK) read_again(&pairs, &memory.base);
  sm_arena_free(&arena);
  MUST(memory.live_blocks == 0);
  MUST(memory.peak_bytes <= MAX_FIXED + (uint64_t)MAX_FACTOR * size);
  sm_fault_alloc_destroy(&memory);
  return 0;
}
