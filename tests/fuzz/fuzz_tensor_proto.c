/*
 * A TensorProto. What is decoded is what is decoded into memory and what lies in place; encoded again, in each form, it
 * decodes to the same, but that values lose the upper bits of numbers smaller than a byte.
 *
 *   byte 0   where it is cut in two pieces, in 256ths
 */
#include "fuzz.h"

#include <string.h>

#include "tensor/tensor_proto.h"

const size_t fuzz_message_at = 1;

enum { MAX_BYTES = 1 << 16 };

static bool is_text(const sm_tensor_view *view) { return view->dtype == SM_DT_STRING || view->dtype == SM_DT_VARIANT; }

static bool is_small(sm_dtype dtype) {
  return dtype == SM_DT_INT4 || dtype == SM_DT_UINT4 || dtype == SM_DT_INT2 || dtype == SM_DT_UINT2;
}

static void must_be_same(const sm_tensor_view *a, const sm_tensor_view *b) {
  MUST(a->dtype == b->dtype && a->rank == b->rank && a->size == b->size);
  MUST(memcmp(a->dims, b->dims, (size_t)a->rank * sizeof *a->dims) == 0);
  if (!is_text(a)) {
    MUST(a->size == 0 || memcmp(a->data, b->data, a->size) == 0);
    return;
  }
  const sm_string *x = a->data, *y = b->data;
  for (size_t i = 0; i < a->size / sizeof *x; i++) MUST(sm_string_equal(x[i], y[i]));
}

static void check_again(const sm_tensor_view *view, sm_tensor_proto_form form) {
  sm_buffer bytes;
  sm_tensor *tensor;
  sm_error err;
  sm_buffer_init(&bytes, sm_allocator_or_malloc(NULL), UINT64_MAX);
  MUST(sm_tensor_proto_write(&bytes, view, form, &err) == SM_OK);
  sm_string proto = {(const char *)bytes.data, bytes.size};
  MUST(sm_tensor_read_proto(&tensor, proto, UINT64_MAX, NULL, &err) == SM_OK);
  must_be_same(sm_tensor_get_view(tensor), view);
  sm_tensor_free(tensor);
  sm_buffer_free(&bytes);
}

static void check_elsewhere(const sm_tensor_proto *proto, const sm_tensor_view *view) {
  static uint8_t memory[MAX_BYTES];
  sm_tensor_view other = *view;
  sm_error err;
  other.data = memory;
  sm_status status = sm_tensor_proto_decode_into(memory, view->size, proto, &err);
  MUST(status == (is_text(view) ? SM_INVALID_ARGUMENT : SM_OK));
  if (status == SM_OK) must_be_same(&other, view);
  status = sm_tensor_proto_view(&other, proto, &err);
  MUST(status == SM_OK || status == SM_FAILED_PRECONDITION);
  if (status == SM_OK) must_be_same(&other, view);
}

static void check(const sm_tensor_proto *proto) {
  sm_tensor *tensor;
  uint64_t n_values;
  sm_error err;
  (void)sm_tensor_proto_n_values(&n_values, proto, &err);
  if (sm_tensor_proto_decode(&tensor, proto, MAX_BYTES, NULL, &err) != SM_OK) return;
  const sm_tensor_view *view = sm_tensor_get_view(tensor);
  check_elsewhere(proto, view);
  check_again(view, SM_TENSOR_PROTO_CONTENT);
  if (!is_small(view->dtype)) {
    check_again(view, SM_TENSOR_PROTO_VALUES);
    check_again(view, SM_TENSOR_PROTO_PYTHON);
  }
  sm_tensor_free(tensor);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
  if (size < fuzz_message_at) return 0;
  sm_wire_source source = {.name = "fuzz", .bytes = {data + 1, size - 1}};
  size_t cut = source.bytes.size * data[0] / 256;
  const sm_span pieces[] = {{data + 1, cut}, {data + 1 + cut, source.bytes.size - cut}};
  sm_arena arena;
  sm_tensor_proto proto;
  sm_error err;
  sm_arena_init(&arena, sm_allocator_or_malloc(NULL), UINT64_MAX);
  if (sm_tensor_proto_read(&proto, (sm_spans){pieces, 2}, &source, &arena, &err) == SM_OK) check(&proto);
  sm_arena_free(&arena);
  return 0;
}
