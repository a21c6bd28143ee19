#include "support/check.h"

#include "support/fault_alloc.h"
#include "support/tensor_protos.h"
#include "tensor/tensor_proto.h"

static sm_error err;

static sm_tensor_proto_form form_of(const recorded_tensor *line) {
  if (strcmp(line->form, "content") == 0) return SM_TENSOR_PROTO_CONTENT;
  return strcmp(line->form, "python") == 0 ? SM_TENSOR_PROTO_PYTHON : SM_TENSOR_PROTO_VALUES;
}

static void check_bytes(const recorded_tensor *line) {
  sm_buffer out;
  sm_buffer_init(&out, sm_allocator_or_malloc(NULL), UINT64_MAX);
  assert_ok(sm_tensor_proto_write(&out, &line->view, form_of(line), &err), err);
  assert_bytes(line->what, out.data, out.size, line->proto.data, line->proto.size);
  sm_buffer_free(&out);
}

static void tensor_proto_encode__as_tensorflow(void **state) {
  (void)state;
  each_recorded_tensor("content python values", check_bytes);
}

/* Are the upper bits of small numbers as their sign says? Values lose what else is there. */
static bool is_canonical(const sm_tensor_view *view) {
  const int8_t *data = view->data;
  bool is_4 = view->dtype == SM_DT_INT4, is_2 = view->dtype == SM_DT_INT2;
  bool is_u4 = view->dtype == SM_DT_UINT4, is_u2 = view->dtype == SM_DT_UINT2;
  int low = is_4 ? -8 : is_2 ? -2 : 0, high = is_4 ? 7 : is_2 ? 1 : is_u4 ? 15 : 3;
  if (!is_4 && !is_2 && !is_u4 && !is_u2) return true;
  for (size_t i = 0; i < view->size; i++)
    if (data[i] < low || data[i] > high) return false;
  return true;
}

/* Every tensor that TensorFlow decoded, in every form, decoded again. */
static void check_round_trip(const recorded_tensor *line) {
  if (line->is_refused) return;
  for (int form = SM_TENSOR_PROTO_CONTENT; form <= SM_TENSOR_PROTO_PYTHON; form++) {
    sm_buffer out;
    sm_arena arena;
    sm_tensor_proto proto;
    sm_tensor *tensor;
    if (form != SM_TENSOR_PROTO_CONTENT && !is_canonical(&line->view)) continue;
    sm_buffer_init(&out, sm_allocator_or_malloc(NULL), UINT64_MAX);
    sm_arena_init(&arena, sm_allocator_or_malloc(NULL), UINT64_MAX);
    assert_ok(sm_tensor_proto_write(&out, &line->view, (sm_tensor_proto_form)form, &err), err);
    sm_wire_source source = {.name = "m", .bytes = {out.data, out.size}};
    assert_ok(sm_tensor_proto_read(&proto, (sm_spans){&source.bytes, 1}, &source, &arena, &err), err);
    assert_ok(sm_tensor_proto_decode(&tensor, &proto, UINT64_MAX, NULL, &err), err);
    assert_same_tensor(line->what, sm_tensor_get_view(tensor), &line->view);
    sm_tensor_free(tensor);
    sm_arena_free(&arena);
    sm_buffer_free(&out);
  }
}

static void tensor_proto_encode__round_trip(void **state) {
  (void)state;
  each_recorded_tensor("decode", check_round_trip);
}

static void tensor_proto_encode__values_alone(void **state) {
  (void)state;
  static const int32_t numbers[] = {1, -1, 300};
  sm_tensor_view view = {.dtype = SM_DT_INT32, .rank = 1, .data = numbers, .size = sizeof numbers, .dims = {3}};
  w_buffer w = {0};
  sm_buffer out;
  sm_buffer_init(&out, sm_allocator_or_malloc(NULL), UINT64_MAX);
  assert_ok(sm_tensor_proto_write_values(&out, &view, &err), err);
  size_t list = w_begin(&w, 7);
  w_raw_varint(&w, 1);
  w_raw_varint(&w, UINT64_MAX); /* negative numbers are 64 bits wide on the wire */
  w_raw_varint(&w, 300);
  w_end(&w, list);
  assert_bytes("values", out.data, out.size, w.data, w.size);
  out.size = 0;
  view.dims[0] = 0;
  view.size = 0;
  assert_ok(sm_tensor_proto_write_values(&out, &view, &err), err);
  assert_number("of nothing", out.size, 0);
  sm_buffer_free(&out);
  w_free(&w);
}

/* NumPy's memory of the 4-bit integers -2, -1, 7 has zeros in the upper bits. */
static void tensor_proto_encode__upper_bits(void **state) {
  (void)state;
  static const sm_dtype dtypes[] = {SM_DT_INT4, SM_DT_UINT4, SM_DT_INT2, SM_DT_UINT2};
  static const uint64_t wanted[][3] = {
      {(uint64_t)-2, (uint64_t)-1, 7}, {14, 15, 7}, {(uint64_t)-2, (uint64_t)-1, (uint64_t)-1}, {2, 3, 3}};
  for (size_t i = 0; i < N_OF(dtypes); i++) {
    sm_tensor_view view = {.dtype = dtypes[i], .rank = 1, .data = "\x0E\xFF\x07", .size = 3, .dims = {3}};
    w_buffer w = {0};
    sm_buffer out;
    sm_buffer_init(&out, sm_allocator_or_malloc(NULL), UINT64_MAX);
    assert_ok(sm_tensor_proto_write_values(&out, &view, &err), err);
    size_t list = w_begin(&w, 7);
    for (size_t k = 0; k < 3; k++) w_raw_varint(&w, wanted[i][k]);
    w_end(&w, list);
    assert_bytes(sm_dtype_name(dtypes[i]), out.data, out.size, w.data, w.size);
    sm_buffer_free(&out);
    w_free(&w);
  }
}

static void tensor_proto_encode__refused(void **state) {
  (void)state;
  static const float numbers[] = {1, 2};
  static const sm_tensor_view views[] = {
      {.dtype = SM_DT_FLOAT, .rank = 1, .data = numbers, .size = 8, .dims = {3}},
      {.dtype = SM_DT_FLOAT, .rank = 1, .data = numbers, .size = 8, .dims = {-2}},
      {.dtype = SM_DT_FLOAT, .rank = -1, .data = numbers, .size = 4},
      {.dtype = SM_DT_RESOURCE, .rank = 0, .data = numbers, .size = 4},
      {.dtype = SM_DT_INVALID, .rank = 0, .data = numbers, .size = 4},
      {.dtype = (sm_dtype)101, .rank = 0, .data = numbers, .size = 4},
      {.dtype = (sm_dtype)-1, .rank = 0, .data = numbers, .size = 4},
  };
  sm_buffer out;
  sm_buffer_init(&out, sm_allocator_or_malloc(NULL), UINT64_MAX);
  for (size_t i = 0; i < N_OF(views); i++) {
    assert_status(sm_tensor_proto_write(&out, &views[i], SM_TENSOR_PROTO_CONTENT, &err), SM_INVALID_ARGUMENT, err);
    assert_status(sm_tensor_proto_write_values(&out, &views[i], &err), SM_INVALID_ARGUMENT, err);
  }
  assert_number("written", out.size, 0);
  sm_buffer_free(&out);
}

static void check_faults(const recorded_tensor *line) {
  for (uint64_t n = 0, fired = 1; fired; n++) {
    sm_fault_alloc fa;
    sm_fault_alloc_init(&fa, n);
    sm_buffer out;
    sm_buffer_init(&out, &fa.base, UINT64_MAX);
    sm_status status = sm_tensor_proto_write(&out, &line->view, form_of(line), &err);
    fired = fa.fired;
    assert_status(status, fired ? SM_RESOURCE_EXHAUSTED : SM_OK, err);
    sm_buffer_free(&out);
    assert_number("live blocks", fa.live_blocks, 0);
    sm_fault_alloc_destroy(&fa);
  }
}

static void tensor_proto_encode__without_memory(void **state) {
  (void)state;
  each_recorded_tensor("content python values", check_faults);
}

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(tensor_proto_encode__as_tensorflow), cmocka_unit_test(tensor_proto_encode__round_trip),
      cmocka_unit_test(tensor_proto_encode__values_alone),  cmocka_unit_test(tensor_proto_encode__upper_bits),
      cmocka_unit_test(tensor_proto_encode__refused),       cmocka_unit_test(tensor_proto_encode__without_memory),
  };
  return cmocka_run_group_tests_name("tensor_proto_encode", tests, NULL, NULL);
}
