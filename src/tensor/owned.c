/*
 * sm_tensor: its description and, in the same block or in pages of its own, its data.
 *
 *   small             [sm_tensor | up to 63 bytes | elements | bytes of strings]
 *   large             [sm_tensor]   [elements, from sm_pages_alloc]
 *   in a mapped file  [sm_tensor]   and somebody to tell when it is no longer needed
 */
#include <assert.h>

#include "base/pages.h"
#include "tensor/tensor.h"

enum {
  ALIGNMENT = 64, /* a cache line, and the widest vector there is */
  LARGE = 2 << 20 /* a huge page */
};

struct sm_tensor {
  sm_tensor_view view;
  void *writable; /* the view's data; NULL: it is not to be written */
  const sm_allocator *allocator;
  void *pages; /* of pages_size bytes; NULL: none */
  size_t pages_size;
  void (*release)(void *ctx); /* NULL: nobody */
  void *release_ctx;
};

/* Memory that a caller's allocator does not see would be a surprise to that caller. */
static bool takes_pages(const sm_allocator *allocator, size_t size) {
  return size >= LARGE && allocator == sm_allocator_or_malloc(NULL);
}

static sm_status allocate(sm_tensor **out, size_t size, const sm_allocator *allocator, sm_error *err) {
  bool apart = takes_pages(allocator, size);
  size_t total;
  if (!sm_add_size(sizeof(sm_tensor) + ALIGNMENT - 1, apart ? 0 : size, &total)) return SM_FAIL_OOM(err, SIZE_MAX);
  sm_tensor *tensor = sm_alloc(allocator, total);
  if (tensor == NULL) return SM_FAIL_OOM(err, total);
  *tensor = (sm_tensor){.allocator = allocator};
  if (apart) {
    tensor->pages = tensor->writable = sm_pages_alloc(size);
    tensor->pages_size = size;
  } else {
    uintptr_t end = (uintptr_t)(tensor + 1);
    tensor->writable = (uint8_t *)(tensor + 1) + -end % ALIGNMENT;
  }
  if (tensor->writable == NULL) {
    sm_free(allocator, tensor);
    return SM_FAIL_OOM(err, size);
  }
  *out = tensor;
  return SM_OK;
}

static sm_status check(size_t *size, sm_dtype dtype, const int64_t *dims, int32_t rank, sm_error *err) {
  const char *name = sm_dtype_name(dtype);
  if (sm_element_size(dtype) == 0)
    return SM_FAIL(err, SM_INVALID_ARGUMENT, "dtype %d (%s): tensors in memory do not have it", (int)dtype,
                   name != NULL ? name : "unknown");
  if (rank < 0 || rank > SM_MAX_RANK)
    return SM_FAIL(err, SM_INVALID_ARGUMENT, "a tensor of %d dimensions: 0 to %d are possible", (int)rank, SM_MAX_RANK);
  if (!sm_shape_bytes(size, dtype, dims, (size_t)rank))
    return SM_FAIL(err, SM_INVALID_ARGUMENT, "%s: a shape with a negative dimension, or of more elements than fit",
                   name);
  return SM_OK;
}

/* extra: bytes behind the elements. */
static sm_status make(sm_tensor **out, size_t extra, sm_dtype dtype, const int64_t *dims, int32_t rank,
                      const sm_allocator *allocator, sm_error *err) {
  size_t size, total;
  *out = NULL;
  SM_TRY(check(&size, dtype, dims, rank, err));
  if (!sm_add_size(size, extra, &total)) return SM_FAIL_OOM(err, SIZE_MAX);
  SM_TRY(allocate(out, total, sm_allocator_or_malloc(allocator), err));
  sm_tensor_view *view = &(*out)->view;
  view->dtype = dtype;
  view->rank = rank;
  view->data = (*out)->writable;
  view->size = size;
  if (rank != 0) memcpy(view->dims, dims, (size_t)rank * sizeof *dims);
  return SM_OK;
}

static void empty_strings(sm_tensor *tensor) {
  sm_string *strings = tensor->writable;
  for (size_t i = 0; i < tensor->view.size / sizeof *strings; i++) strings[i] = (sm_string){"", 0};
}

sm_status sm_tensor_new(sm_tensor **out, sm_dtype dtype, const int64_t *dims, int32_t rank,
                        const sm_allocator *allocator, sm_error *err) {
  SM_TRY(make(out, 0, dtype, dims, rank, allocator, err));
  if (dtype == SM_DT_STRING || dtype == SM_DT_VARIANT) empty_strings(*out);
  return SM_OK;
}

sm_status sm_tensor_new_strings(sm_tensor **out, char **bytes, size_t n_bytes, const sm_shape *shape, sm_dtype dtype,
                                const sm_allocator *allocator, sm_error *err) {
  assert(dtype == SM_DT_STRING || dtype == SM_DT_VARIANT);
  SM_TRY(make(out, n_bytes, dtype, shape->dims, shape->rank, allocator, err));
  empty_strings(*out);
  *bytes = (char *)(*out)->writable + (*out)->view.size;
  return SM_OK;
}

sm_status sm_tensor_new_in_place(sm_tensor **out, const sm_tensor_view *view, void (*release)(void *ctx), void *ctx,
                                 const sm_allocator *allocator, sm_error *err) {
  *out = NULL;
  SM_TRY(allocate(out, 0, sm_allocator_or_malloc(allocator), err));
  (*out)->view = *view;
  (*out)->writable = NULL;
  (*out)->release = release;
  (*out)->release_ctx = ctx;
  return SM_OK;
}

const sm_tensor_view *sm_tensor_get_view(const sm_tensor *tensor) { return &tensor->view; }

void *sm_tensor_get_data(sm_tensor *tensor) { return tensor->writable; }

const sm_allocator *sm_tensor_get_allocator(const sm_tensor *tensor) { return tensor->allocator; }

void sm_tensor_free(sm_tensor *tensor) {
  if (tensor == NULL) return;
  if (tensor->release != NULL) tensor->release(tensor->release_ctx);
  if (tensor->pages != NULL) sm_pages_free(tensor->pages, tensor->pages_size);
  sm_free(tensor->allocator, tensor);
}
