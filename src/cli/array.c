#include "cli/array.h"

#include <stdlib.h>
#include <string.h>

#include "cli/failure.h"

void array_free(array *a) {
  if (a->map != NULL) a->fs->unmap(a->fs, a->map, a->map_size);
  free(a->memory);
  free(a->bytes);
  free(a->file);
  *a = (array){.memory = NULL};
}

bool array_size(size_t *size, const int64_t *dims, int32_t rank, size_t element_size) {
  size_t n = element_size;
  bool is_empty = false, is_too_large = false;
  for (int32_t i = 0; i < rank; i++) {
    if (dims[i] < 0) return false;
    is_empty |= dims[i] == 0;
    is_too_large |= dims[i] != 0 && n > PTRDIFF_MAX / (uint64_t)dims[i];
    if (dims[i] != 0 && !is_too_large) n *= (size_t)dims[i];
  }
  *size = is_empty ? 0 : n;
  return is_empty || !is_too_large;
}

size_t array_unit(sm_dtype dtype) {
  size_t size = sm_dtype_size(dtype);
  return dtype == SM_DT_COMPLEX64 || dtype == SM_DT_COMPLEX128 ? size / 2 : size;
}

void array_reverse(void *dst, const void *src, size_t size, size_t unit) {
  const unsigned char *from = src;
  unsigned char *to = dst, one[16];
  for (size_t at = 0; at < size; at += unit) {
    for (size_t i = 0; i < unit; i++) one[i] = from[at + unit - 1 - i];
    for (size_t i = 0; i < unit; i++) to[at + i] = one[i];
  }
}

bool array_host_is_big_endian(void) {
  const uint16_t one = 1;
  return *(const unsigned char *)&one == 0;
}

static bool has_odd_bools(const unsigned char *bytes, size_t size) {
  unsigned char all = 0;
  for (size_t i = 0; i < size; i++) all |= bytes[i];
  return all > 1;
}

sm_status array_set_numbers(array *out, const void *src, bool is_foreign, sm_error *err) {
  size_t size = out->view.size, unit = array_unit(out->view.dtype);
  const unsigned char *bytes = src;
  bool is_reversed = is_foreign && unit > 1, is_odd = out->view.dtype == SM_DT_BOOL && has_odd_bools(bytes, size);
  out->view.data = src;
  if (!is_reversed && !is_odd) return SM_OK;
  unsigned char *own = malloc(size + 1);
  out->view.data = out->memory = own;
  if (own == NULL) return failure_no_memory(err);
  if (is_reversed) array_reverse(own, src, size, unit);
  for (size_t i = 0; i < size && is_odd; i++) own[i] = bytes[i] != 0;
  return SM_OK;
}
