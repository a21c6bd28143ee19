/* How much memory reading may take. */
#include "bundle/bundle_internal.h"

static uint64_t open_bytes(const sm_bundle_reader *reader) {
  return atomic_load_explicit(&reader->n_file_bytes, memory_order_relaxed);
}

uint64_t sm_reader_limit(const sm_bundle_reader *reader) {
  return reader->max_bytes != 0 ? reader->max_bytes : sm_default_max_bytes(open_bytes(reader));
}

sm_status sm_reader_check_limit(const sm_bundle_reader *reader, sm_string key, uint64_t size, sm_error *err) {
  uint64_t limit = sm_reader_limit(reader);
  if (size <= limit || size <= open_bytes(reader)) return SM_OK;
  return SM_FAIL(err, SM_RESOURCE_EXHAUSTED, "%s: %s: %llu bytes, the limit is %llu (max_bytes)", reader->source.name,
                 sm_key_text_of(key).text, (unsigned long long)size, (unsigned long long)limit);
}
