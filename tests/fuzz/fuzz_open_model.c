/*
 * A model whose saved_model.pb and fingerprint.pb are the input, opened and asked for everything. Looking twice gives the
 * same, memory stays within a small multiple of max_bytes, and all of it comes back.
 */
#include "fuzz.h"

#include <savedmodel/savedmodel.h>

#include "support/fault_alloc.h"
#include "support/models.h"

const size_t fuzz_message_at = 0;

/* Of the model, and of what one call needs while it lasts. */
enum { MAX_BYTES = 16 << 20, MAX_MEMORY = 4 * MAX_BYTES };

static sm_fs *directory_of(const uint8_t *data, size_t size) {
  sm_fs *fs;
  MUST(sm_fs_memory_new(&fs, NULL, NULL) == SM_OK);
  MUST(sm_fs_memory_add(fs, "m/" SM_FILE_SAVED_MODEL_PB, data, size, NULL) == SM_OK);
  MUST(sm_fs_memory_add(fs, "m/" SM_FILE_FINGERPRINT, data, size, NULL) == SM_OK);
  return fs;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
  sm_fault_alloc memory;
  sm_model *model;
  sm_error err;
  uint64_t first = 0, second = 0;
  sm_fault_alloc_init(&memory, UINT64_MAX);
  sm_open_options options = SM_OPEN_OPTIONS_INIT;
  sm_fs *fs = directory_of(data, size);
  options.fs = fs;
  options.allocator = &memory.base;
  options.max_bytes = MAX_BYTES;
  if (sm_model_open(&model, "m", &options, &err) == SM_OK) {
    sm_status status = look_up_everything(model, &first);
    if (look_up_everything(model, &second) == SM_OK && status == SM_OK) MUST(first == second);
    sm_model_close(model);
  } else {
    MUST(model == NULL);
  }
  MUST(memory.live_blocks == 0);
  MUST(memory.peak_bytes <= MAX_MEMORY);
  sm_fault_alloc_destroy(&memory);
  sm_fs_close(fs);
  return 0;
}
