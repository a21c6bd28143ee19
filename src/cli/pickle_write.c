#include <string.h>

#include "cli/pickle.h"

/* Instructions of protocol 4, without frames and memo, which readers do not need. */
enum { BATCH = 1000 /* items appended to a list at once, as Python does */ };

/* numpy.core is where numpy 1 has it, and numpy 2 too for old pickles. */
static const char head[] =
    "\x80\x04"
    "cnumpy.core.multiarray\n_reconstruct\n"
    "cnumpy\nndarray\n"
    "K\0\x85"
    "C\1b"
    "\x87R"
    "(K\1";
static const char type[] =
    "cnumpy\ndtype\n"
    "\x8c\2O8"
    "\x89\x88\x87R"
    "(K\3"
    "\x8c\1|"
    "NNN"
    "J\xff\xff\xff\xff"
    "J\xff\xff\xff\xff"
    "K?"
    "tb"
    "\x89]";
static const char tail[] = "tb.";

/* code, then number in n_bytes. */
static sm_status write_number(int code, uint64_t number, unsigned n_bytes, sm_sink_fn sink, void *ctx, sm_error *err) {
  unsigned char bytes[9] = {(unsigned char)code};
  for (unsigned i = 1; i <= n_bytes; i++, number >>= 8) bytes[i] = (unsigned char)number;
  return sink(ctx, bytes, 1 + n_bytes, err);
}

/* A tuple; its numbers are LONG1 of eight bytes. */
static sm_status write_shape(const sm_tensor_view *view, sm_sink_fn sink, void *ctx, sm_error *err) {
  SM_TRY(sink(ctx, "(", 1, err));
  for (int32_t i = 0; i < view->rank; i++) {
    SM_TRY(sink(ctx, "\x8a", 1, err));
    SM_TRY(write_number(8, (uint64_t)view->dims[i], 8, sink, ctx, err));
  }
  return sink(ctx, "t", 1, err);
}

static sm_status write_bytes(sm_string bytes, sm_sink_fn sink, void *ctx, sm_error *err) {
  if (bytes.size <= UINT8_MAX)
    SM_TRY(write_number('C', bytes.size, 1, sink, ctx, err));
  else if (bytes.size <= UINT32_MAX)
    SM_TRY(write_number('B', bytes.size, 4, sink, ctx, err));
  else
    SM_TRY(write_number(0x8e, bytes.size, 8, sink, ctx, err));
  return bytes.size != 0 ? sink(ctx, bytes.data, bytes.size, err) : SM_OK;
}

sm_status pickle_write(const sm_tensor_view *strings, sm_sink_fn sink, void *ctx, sm_error *err) {
  const sm_string *items = strings->data;
  size_t n = strings->size / sizeof *items;
  SM_TRY(sink(ctx, head, sizeof head - 1, err));
  SM_TRY(write_shape(strings, sink, ctx, err));
  SM_TRY(sink(ctx, type, sizeof type - 1, err));
  for (size_t i = 0; i < n; i++) {
    if (i % BATCH == 0) SM_TRY(sink(ctx, "(", 1, err));
    SM_TRY(write_bytes(items[i], sink, ctx, err));
    if (i % BATCH == BATCH - 1 || i == n - 1) SM_TRY(sink(ctx, "e", 1, err));
  }
  return sink(ctx, tail, sizeof tail - 1, err);
}
