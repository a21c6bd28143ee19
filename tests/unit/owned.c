#include "support/check.h"

#include "support/fault_alloc.h"
#include "tensor/tensor.h"

enum { MIB = 1 << 20 };

static sm_error err;

static void check_memory(const sm_allocator *allocator) {
  static const int64_t sizes[] = {0, 1, 63, 64, 1000, 2 * MIB - 1, 2 * MIB, 2 * MIB + 1, 9 * MIB};
  sm_tensor *tensors[N_OF(sizes)];
  for (size_t i = 0; i < N_OF(sizes); i++) {
    assert_ok(sm_tensor_new(&tensors[i], SM_DT_UINT8, &sizes[i], 1, allocator, &err), err);
    const sm_tensor_view *view = sm_tensor_get_view(tensors[i]);
    assert_number("dtype", view->dtype, SM_DT_UINT8);
    assert_number("rank", view->rank, 1);
    assert_number("dim", view->dims[0], sizes[i]);
    assert_number("size", view->size, sizes[i]);
    assert_number("alignment", (uintptr_t)view->data % 64, 0);
    assert_true(sm_tensor_get_data(tensors[i]) == view->data);
    memset(sm_tensor_get_data(tensors[i]), (int)i + 1, (size_t)sizes[i]);
  }
  for (size_t i = 0; i < N_OF(sizes); i++) {
    const sm_tensor_view *view = sm_tensor_get_view(tensors[i]);
    const uint8_t *data = view->data;
    for (size_t k = 0; k < view->size; k++)
      if (data[k] != i + 1) fail_msg("tensor %zu: byte %zu is %d", i, k, data[k]);
    sm_tensor_free(tensors[i]);
  }
}

static void owned__memory(void **state) {
  (void)state;
  check_memory(NULL);
  sm_fault_alloc fa;
  sm_fault_alloc_init(&fa, UINT64_MAX);
  check_memory(&fa.base);
  assert_number("live blocks", fa.live_blocks, 0);
  assert_true(fa.peak_bytes > 15 * MIB); /* all of it came from there */
  sm_fault_alloc_destroy(&fa);
}

static size_t mapped_pages(void) {
  size_t pages = 0;
  FILE *file = fopen("/proc/self/statm", "r");
  if (file == NULL) return 0;
  if (fscanf(file, "%zu", &pages) != 1) pages = 0;
  fclose(file);
  return pages;
}

static void owned__large_memory_is_given_back(void **state) {
  (void)state;
  static const int64_t dim = 64 * MIB;
  size_t before = mapped_pages();
  for (int i = 0; i < 100; i++) {
    sm_tensor *tensor;
    assert_ok(sm_tensor_new(&tensor, SM_DT_INT8, &dim, 1, NULL, &err), err);
    sm_tensor_free(tensor);
  }
  assert_true(mapped_pages() < before + 2 * 64 * MIB / 4096);
}

/* An allocator whose memory is 16 bytes off every alignment that is asked for. */
static void *odd_alloc(void *ctx, size_t size) {
  (void)ctx;
  uint8_t *block = aligned_alloc(64, (size + 16 + 63) / 64 * 64);
  return block != NULL ? block + 16 : NULL;
}
static void odd_free(void *ctx, void *block) {
  (void)ctx;
  if (block != NULL) free((uint8_t *)block - 16);
}

static void owned__aligned_whatever_the_allocator(void **state) {
  (void)state;
  static const sm_allocator odd = {odd_alloc, NULL, odd_free, NULL};
  check_memory(&odd);
}

static void owned__all_dtypes(void **state) {
  (void)state;
  static const int64_t dims[] = {2, 3};
  for (int number = -1; number < 140; number++) {
    sm_dtype dtype = (sm_dtype)number;
    sm_tensor *tensor;
    bool is_there = number >= 1 && number <= SM_DT_FLOAT4_E2M1FN && dtype != SM_DT_RESOURCE;
    assert_status(sm_tensor_new(&tensor, dtype, dims, 2, NULL, &err), is_there ? SM_OK : SM_INVALID_ARGUMENT, err);
    assert_true((tensor != NULL) == is_there);
    if (is_there) assert_number("size", sm_tensor_get_view(tensor)->size, 6 * sm_element_size(dtype));
    sm_tensor_free(tensor);
  }
}

static void owned__shapes_that_cannot_be(void **state) {
  (void)state;
  static const int64_t negative[] = {-1}, huge[] = {INT64_MAX, 2}, most[] = {INT64_MAX};
  static const int64_t many[SM_MAX_RANK + 1];
  sm_tensor *tensor;
  assert_status(sm_tensor_new(&tensor, SM_DT_INT8, negative, 1, NULL, &err), SM_INVALID_ARGUMENT, err);
  assert_status(sm_tensor_new(&tensor, SM_DT_INT8, huge, 2, NULL, &err), SM_INVALID_ARGUMENT, err);
  assert_status(sm_tensor_new(&tensor, SM_DT_INT16, most, 1, NULL, &err), SM_INVALID_ARGUMENT, err);
  assert_status(sm_tensor_new(&tensor, SM_DT_INT8, most, 1, NULL, &err), SM_RESOURCE_EXHAUSTED, err);
  assert_status(sm_tensor_new(&tensor, SM_DT_INT8, NULL, -1, NULL, &err), SM_INVALID_ARGUMENT, err);
  assert_status(sm_tensor_new(&tensor, SM_DT_INT8, many, SM_MAX_RANK + 1, NULL, &err), SM_INVALID_ARGUMENT, err);
  assert_null(tensor);
  assert_ok(sm_tensor_new(&tensor, SM_DT_INT8, many, SM_MAX_RANK, NULL, &err), err);
  sm_tensor_free(tensor);
  assert_ok(sm_tensor_new(&tensor, SM_DT_INT8, NULL, 0, NULL, &err), err);
  assert_number("scalar", sm_tensor_get_view(tensor)->size, 1);
  sm_tensor_free(tensor);
}

static void owned__strings_are_empty(void **state) {
  (void)state;
  static const int64_t dim = 300000; /* in pages of their own */
  sm_tensor *tensor;
  assert_ok(sm_tensor_new(&tensor, SM_DT_STRING, &dim, 1, NULL, &err), err);
  const sm_string *strings = sm_tensor_get_view(tensor)->data;
  for (int64_t i = 0; i < dim; i++)
    if (strings[i].size != 0 || strings[i].data[0] != '\0') fail_msg("string %d", (int)i);
  sm_tensor_free(tensor);
}

static void owned__strings_and_their_bytes(void **state) {
  (void)state;
  static const int64_t dims[] = {2};
  static const sm_shape shape = {1, dims};
  sm_fault_alloc fa;
  sm_fault_alloc_init(&fa, UINT64_MAX);
  sm_tensor *tensor;
  char *bytes;
  assert_ok(sm_tensor_new_strings(&tensor, &bytes, 4, &shape, SM_DT_STRING, &fa.base, &err), err);
  assert_number("blocks", fa.live_blocks, 1);
  memcpy(bytes, "abc", 4);
  const sm_tensor_view *view = sm_tensor_get_view(tensor);
  assert_number("size", view->size, 2 * sizeof(sm_string)); /* without the bytes */
  sm_string *strings = sm_tensor_get_data(tensor);
  assert_number("empty", strings[0].size + strings[1].size, 0);
  strings[1] = (sm_string){bytes, 3};
  sm_tensor_free(tensor);
  assert_number("live blocks", fa.live_blocks, 0);
  sm_fault_alloc_destroy(&fa);
  assert_status(sm_tensor_new_strings(&tensor, &bytes, SIZE_MAX - 8, &shape, SM_DT_STRING, NULL, &err),
                SM_RESOURCE_EXHAUSTED, err);
}

static void count(void *ctx) { ++*(int *)ctx; }

static void owned__in_place(void **state) {
  (void)state;
  static const float values[] = {1, 2};
  sm_tensor_view view = {.dtype = SM_DT_FLOAT, .rank = 1, .data = values, .size = sizeof values, .dims = {2}};
  int n_released = 0;
  sm_tensor *tensor;
  assert_ok(sm_tensor_new_in_place(&tensor, &view, count, &n_released, NULL, &err), err);
  assert_true(sm_tensor_get_view(tensor)->data == values);
  assert_null(sm_tensor_get_data(tensor));
  assert_int_equal(n_released, 0);
  sm_tensor_free(tensor);
  assert_int_equal(n_released, 1);
  assert_ok(sm_tensor_new_in_place(&tensor, &view, NULL, NULL, NULL, &err), err);
  sm_tensor_free(tensor);
  sm_tensor_free(NULL);
}

static void owned__without_memory(void **state) {
  (void)state;
  static const int64_t dim = 5 * MIB;
  static const sm_shape shape = {1, &dim};
  sm_tensor_view view = {.dtype = SM_DT_FLOAT};
  int n_released = 0;
  sm_fault_alloc fa;
  sm_fault_alloc_init(&fa, 0);
  fa.fail_all_after = true;
  sm_tensor *tensor;
  char *bytes;
  assert_status(sm_tensor_new(&tensor, SM_DT_INT8, &dim, 1, &fa.base, &err), SM_RESOURCE_EXHAUSTED, err);
  assert_null(tensor);
  assert_status(sm_tensor_new_strings(&tensor, &bytes, 9, &shape, SM_DT_STRING, &fa.base, &err), SM_RESOURCE_EXHAUSTED,
                err);
  assert_status(sm_tensor_new_in_place(&tensor, &view, count, &n_released, &fa.base, &err), SM_RESOURCE_EXHAUSTED, err);
  assert_null(tensor);
  assert_int_equal(n_released, 0);
  sm_fault_alloc_destroy(&fa);
}

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(owned__memory),
      cmocka_unit_test(owned__large_memory_is_given_back),
      cmocka_unit_test(owned__aligned_whatever_the_allocator),
      cmocka_unit_test(owned__all_dtypes),
      cmocka_unit_test(owned__shapes_that_cannot_be),
      cmocka_unit_test(owned__strings_are_empty),
      cmocka_unit_test(owned__strings_and_their_bytes),
      cmocka_unit_test(owned__in_place),
      cmocka_unit_test(owned__without_memory),
  };
  return cmocka_run_group_tests_name("owned", tests, NULL, NULL);
}
