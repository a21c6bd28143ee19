/* Gathers small writes for a sink that is slow at them. */
#ifndef SM_CLI_BUFFERED_H
#define SM_CLI_BUFFERED_H

#include <savedmodel/convert.h>

typedef struct buffered {
  sm_sink_fn sink;
  void *ctx;
  size_t used;
  char bytes[65536];
} buffered;

void buffered_begin(buffered *out, sm_sink_fn sink, void *ctx);
sm_status buffered_write(void *out, const void *data, size_t size, sm_error *err); /* a sink */
sm_status buffered_flush(buffered *out, sm_error *err);

#endif
