#include "cli/tensor_compare.h"

#include <math.h>
#include <string.h>

#include "cli/element.h"
#include "cli/tensor_blocks.h"

bool tensor_has_form_of(const sm_bundle_entry *a, const sm_bundle_entry *b) {
  if (a->dtype != b->dtype || a->rank != b->rank) return false;
  for (int32_t i = 0; i < a->rank; i++)
    if (a->dims[i] != b->dims[i]) return false;
  return true;
}

/* ---- Numbers ---- */

/* Of integers: exact, then rounded once. */
static double distance_of(sm_dtype dtype, element_class kind, const void *a, const void *b) {
  if (kind == ELEMENT_SIGNED) {
    int64_t x = element_signed(dtype, a), y = element_signed(dtype, b);
    return (double)(x > y ? (uint64_t)x - (uint64_t)y : (uint64_t)y - (uint64_t)x);
  }
  if (kind == ELEMENT_UNSIGNED || kind == ELEMENT_BOOL) {
    uint64_t x = element_unsigned(dtype, a), y = element_unsigned(dtype, b);
    return (double)(x > y ? x - y : y - x);
  }
  double x = element_float(dtype, a), y = element_float(dtype, b);
  double real = x == y || (isnan(x) && isnan(y)) ? 0 : fabs(x - y);
  if (kind != ELEMENT_COMPLEX) return real;
  x = element_imaginary(dtype, a);
  y = element_imaginary(dtype, b);
  return hypot(real, x == y || (isnan(x) && isnan(y)) ? 0 : fabs(x - y));
}

/* fmax would forget a NaN. */
static double larger(double a, double b) { return isnan(a) || isnan(b) ? (double)NAN : a > b ? a : b; }

static void compare_block(tensor_difference *out, sm_dtype dtype, element_class kind, const char *a, const char *b,
                          size_t n) {
  size_t size = sm_dtype_size(dtype);
  if (memcmp(a, b, n * size) == 0) return;
  for (size_t i = 0; i < n; i++, a += size, b += size) {
    if (memcmp(a, b, size) == 0) continue;
    out->n_different++;
    if (out->has_distance) out->distance = larger(out->distance, distance_of(dtype, kind, a, b));
  }
}

static sm_status compare_blocks(tensor_difference *out, tensor_blocks *a, tensor_blocks *b, sm_error *err) {
  element_class kind = element_class_of(a->entry.dtype);
  for (;;) {
    const void *x, *y;
    size_t n;
    SM_TRY(tensor_blocks_next(&x, &n, a, err));
    SM_TRY(tensor_blocks_next(&y, &n, b, err));
    if (n == 0) return SM_OK;
    compare_block(out, a->entry.dtype, kind, x, y, n);
  }
}

/* ---- Strings and variants ---- */

static void compare_strings(tensor_difference *out, const sm_tensor_view *a, const sm_tensor_view *b) {
  const sm_string *x = a->data, *y = b->data;
  for (size_t i = 0; i < a->size / sizeof *x; i++)
    out->n_different += x[i].size != y[i].size || (x[i].size != 0 && memcmp(x[i].data, y[i].data, x[i].size) != 0);
}

static sm_status compare_whole(tensor_difference *out, const tensor_place *a, const tensor_place *b, sm_error *err) {
  sm_tensor *x = NULL, *y = NULL;
  sm_status status = sm_bundle_reader_read_entry_tensor(&x, a->reader, a->entry, NULL, err);
  if (status == SM_OK) status = sm_bundle_reader_read_entry_tensor(&y, b->reader, b->entry, NULL, err);
  if (status == SM_OK) compare_strings(out, sm_tensor_get_view(x), sm_tensor_get_view(y));
  sm_tensor_free(x);
  sm_tensor_free(y);
  return status;
}

sm_status tensor_compare(tensor_difference *out, const tensor_place *a, const tensor_place *b, sm_error *err) {
  tensor_blocks x, y = {.tensor = NULL};
  *out = (tensor_difference){.n_elements = 1, .has_distance = sm_dtype_size(a->entry->dtype) != 0};
  for (int32_t i = 0; i < a->entry->rank; i++) out->n_elements *= (uint64_t)a->entry->dims[i];
  if (!out->has_distance) return compare_whole(out, a, b, err);
  sm_status status = tensor_blocks_open(&x, a->reader, a->entry, a->fs, err);
  if (status == SM_OK) status = tensor_blocks_open(&y, b->reader, b->entry, b->fs, err);
  if (status == SM_OK) status = compare_blocks(out, &x, &y, err);
  tensor_blocks_close(&x);
  tensor_blocks_close(&y);
  return status;
}
