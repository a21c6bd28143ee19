#include "cli/buffered.h"

#include <string.h>

void buffered_begin(buffered *out, sm_sink_fn sink, void *ctx) {
  out->sink = sink;
  out->ctx = ctx;
  out->used = 0;
}

sm_status buffered_flush(buffered *out, sm_error *err) {
  size_t size = out->used;
  out->used = 0;
  return size != 0 ? out->sink(out->ctx, out->bytes, size, err) : SM_OK;
}

sm_status buffered_write(void *ctx, const void *data, size_t size, sm_error *err) {
  buffered *out = ctx;
  if (size > sizeof out->bytes - out->used) SM_TRY(buffered_flush(out, err));
  if (size >= sizeof out->bytes) return out->sink(out->ctx, data, size, err);
  if (size != 0) memcpy(out->bytes + out->used, data, size);
  out->used += size;
  return SM_OK;
}
