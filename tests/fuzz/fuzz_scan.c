/*
 * A model, and files beside it that may be models or metadata of Keras, looked through for what they would do. Twice
 * gives the same number of findings, memory stays within a small multiple of max_bytes, and all of it comes back.
 */
#include "fuzz.h"

#include <savedmodel/savedmodel.h>

#include "support/fault_alloc.h"

const size_t fuzz_message_at = 0;

enum { MAX_BYTES = 16 << 20, MAX_MEMORY = 4 * MAX_BYTES };

typedef struct findings {
  size_t n;
  uint64_t bytes;
} findings;

static sm_status count(void *ctx, const sm_scan_finding *finding, sm_error *err) {
  (void)err;
  findings *found = ctx;
  const sm_string texts[] = {finding->op, finding->node, finding->function};
  found->n++;
  for (size_t t = 0; t < 3; t++)
    for (size_t i = 0; i < texts[t].size; i++) found->bytes += (uint8_t)texts[t].data[i];
  return SM_OK;
}

static void scan(const sm_model *model, bool all_ops) {
  findings first = {0}, second = {0};
  sm_error err;
  sm_scan_options options = SM_SCAN_OPTIONS_INIT;
  options.all_ops = all_ops;
  sm_status status = sm_model_scan(model, &options, count, &first, &err);
  MUST(sm_model_scan(model, &options, count, &second, &err) == status);
  MUST(first.n == second.n && first.bytes == second.bytes);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
  sm_fault_alloc memory;
  sm_fs *fs;
  sm_model *model;
  sm_error err;
  sm_fault_alloc_init(&memory, UINT64_MAX);
  MUST(sm_fs_memory_new(&fs, NULL, NULL) == SM_OK);
  MUST(sm_fs_memory_add(fs, "m/" SM_FILE_SAVED_MODEL_PB, data, size, NULL) == SM_OK);
  MUST(sm_fs_memory_add(fs, "m/keras_metadata.pb", data, size, NULL) == SM_OK);
  MUST(sm_fs_memory_add(fs, "m/assets.extra/other", data, size, NULL) == SM_OK);
  sm_open_options options = SM_OPEN_OPTIONS_INIT;
  options.fs = fs;
  options.allocator = &memory.base;
  options.max_bytes = MAX_BYTES;
  if (sm_model_open(&model, "m", &options, &err) == SM_OK) {
    scan(model, true);
    scan(model, false);
    sm_model_close(model);
  }
  MUST(memory.live_blocks == 0);
  MUST(memory.peak_bytes <= MAX_MEMORY);
  sm_fault_alloc_destroy(&memory);
  sm_fs_close(fs);
  return 0;
}
