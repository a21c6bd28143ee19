/*
 * A SavedModel that is the input, verified: it ends, in a small multiple of max_bytes of memory, all of which comes back;
 * what it returns fits what it told, and it tells the same twice.
 */
#include "fuzz.h"

#include <string.h>

#include <savedmodel/savedmodel.h>

#include "support/fault_alloc.h"

const size_t fuzz_message_at = 0;

enum { MAX_BYTES = 16 << 20, MAX_MEMORY = 4 * MAX_BYTES };

typedef struct told {
  size_t n, n_errors, size;
} told;

static void count(void *ctx, const sm_finding *defect) {
  told *t = ctx;
  t->n++;
  t->n_errors += defect->severity == SM_SEVERITY_ERROR;
  t->size += strlen(defect->file) + strlen(defect->place) + strlen(defect->what);
}

static void verify(const sm_model *model) {
  told first = {0}, second = {0};
  sm_status status = sm_model_verify(model, count, &first, NULL);
  MUST(status == SM_RESOURCE_EXHAUSTED || (status == SM_DATA_LOSS) == (first.n_errors != 0));
  if (status == SM_RESOURCE_EXHAUSTED) return;
  MUST(sm_model_verify(model, count, &second, NULL) == status);
  MUST(first.n == second.n && first.n_errors == second.n_errors && first.size == second.size);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
  sm_fault_alloc memory;
  sm_model *model;
  sm_open_options options = SM_OPEN_OPTIONS_INIT;
  sm_fault_alloc_init(&memory, UINT64_MAX);
  options.allocator = &memory.base;
  options.max_bytes = MAX_BYTES;
  if (sm_model_open_buffer(&model, data, size, &options, NULL) == SM_OK) verify(model);
  sm_model_close(model);
  MUST(memory.live_blocks == 0);
  MUST(memory.peak_bytes <= MAX_MEMORY);
  sm_fault_alloc_destroy(&memory);
  return 0;
}
