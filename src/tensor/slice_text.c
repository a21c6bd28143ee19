/*
 * "4 6 0,2:-": the dimensions of the whole tensor, then for each the start and length of the slice, or '-' for all of it.
 * Source: saved_tensor_slice_util.cc of TensorFlow (ParseShapeAndSlice), tensor_slice.cc (Parse).
 */
#include <inttypes.h>
#include <stdio.h>

#include "tensor/slice.h"

typedef struct scanner {
  const char *p, *end;
} scanner;

static bool take(scanner *in, char c) {
  if (in->p == in->end || *in->p != c) return false;
  in->p++;
  return true;
}

/* Digits that make a number below 2^63. */
static bool take_number(scanner *in, int64_t *out) {
  const char *start = in->p;
  *out = 0;
  for (; in->p != in->end && *in->p >= '0' && *in->p <= '9'; in->p++)
    if (__builtin_mul_overflow(*out, 10, out) || __builtin_add_overflow(*out, *in->p - '0', out)) return false;
  return in->p != start;
}

static bool take_extent(scanner *in, sm_extent *out) {
  *out = (sm_extent){0, -1};
  if (take(in, '-')) return true;
  return take_number(in, &out->start) && take(in, ',') && take_number(in, &out->length) && out->length > 0;
}

/* The dimensions are the numbers that a blank follows. */
static bool take_dims(scanner *in, sm_shape_and_slice *out) {
  out->rank = 0;
  for (;;) {
    scanner ahead = *in;
    int64_t dim;
    if (!take_number(&ahead, &dim) || !take(&ahead, ' ')) return out->rank > 0;
    if (out->rank == SM_MAX_RANK) return false;
    out->dims[out->rank++] = dim;
    *in = ahead;
  }
}

static bool take_slice(scanner *in, sm_shape_and_slice *out) {
  for (int32_t i = 0; i < out->rank; i++)
    if ((i > 0 && !take(in, ':')) || !take_extent(in, &out->extents[i])) return false;
  return in->p == in->end;
}

sm_status sm_shape_and_slice_read(sm_shape_and_slice *out, sm_string text, sm_error *err) {
  out->rank = -1;
  if (text.size == 0) return SM_OK;
  scanner in = {text.data, text.data + text.size};
  if (!take_dims(&in, out) || !take_slice(&in, out))
    return SM_FAIL(err, SM_INVALID_ARGUMENT, "\"%.*s\" is no shape and slice such as \"4 6 0,2:-\"", SM_SHOWN(text));
  sm_extent box[SM_MAX_RANK];
  sm_slice_spec slice = {out->extents, (size_t)out->rank};
  return sm_box_of(box, &slice, out->dims, (size_t)out->rank, SM_INVALID_ARGUMENT, err);
}

/* "-" or two numbers, with what comes before them. */
enum { EXTENT_SIZE = 64 };

static size_t print_extent(char text[EXTENT_SIZE], const char *before, const sm_extent *extent) {
  int size = extent->start == 0 && extent->length == -1
                 ? snprintf(text, EXTENT_SIZE, "%s-", before)
                 : snprintf(text, EXTENT_SIZE, "%s%" PRId64 ",%" PRId64, before, extent->start, extent->length);
  return (size_t)size;
}

sm_status sm_shape_and_slice_write(sm_buffer *out, const int64_t *dims, const sm_slice_spec *slice, sm_error *err) {
  char text[EXTENT_SIZE];
  for (size_t i = 0; i < slice->n_extents; i++) {
    int size = snprintf(text, sizeof text, "%" PRId64 " ", dims[i]);
    SM_TRY(sm_buffer_put(out, text, (size_t)size, err));
  }
  for (size_t i = 0; i < slice->n_extents; i++) {
    size_t size = print_extent(text, i > 0 ? ":" : "", &slice->extents[i]);
    SM_TRY(sm_buffer_put(out, text, size, err));
  }
  return SM_OK;
}

const char *sm_slice_text(char text[SM_SLICE_TEXT_SIZE], const sm_extent *extents, size_t rank) {
  static const char cut[] = "...";
  size_t at = 0;
  text[0] = '\0';
  for (size_t i = 0; i < rank; i++) {
    char extent[EXTENT_SIZE];
    size_t size = print_extent(extent, i > 0 ? ":" : "", &extents[i]);
    bool fits = at + size + sizeof cut <= SM_SLICE_TEXT_SIZE;
    memcpy(text + at, fits ? extent : cut, fits ? size + 1 : sizeof cut);
    if (!fits) break;
    at += size;
  }
  return text;
}
