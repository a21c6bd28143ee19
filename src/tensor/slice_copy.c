/* Copying between boxes. A box's memory is row-major and without gaps, so a dimension's stride is the product of the
 * lengths behind it. */
#include "tensor/slice.h"

static sm_box_axis *last_axis(sm_box_rows *rows) { return rows->n_axes != 0 ? &rows->axes[rows->n_axes - 1] : NULL; }

/* Takes in a dimension, the innermost first: as part of the row, of the axis before it, or as an axis of its own. */
static void add_dimension(sm_box_rows *rows, uint64_t length, size_t src_stride, size_t dst_stride) {
  if (length == 1) return;
  sm_box_axis *inner = last_axis(rows);
  if (inner == NULL && src_stride == rows->row_size && dst_stride == rows->row_size) {
    rows->row_size *= length;
  } else if (inner != NULL && src_stride == inner->src_stride * inner->length &&
             dst_stride == inner->dst_stride * inner->length) {
    inner->length *= length;
  } else {
    rows->axes[rows->n_axes++] = (sm_box_axis){length, 0, src_stride, dst_stride};
  }
}

/* The innermost axis becomes the rows of a group. */
static void take_rows(sm_box_rows *rows) {
  rows->n_rows = 1;
  if (rows->n_axes == 0) return;
  rows->n_rows = rows->axes[0].length;
  rows->src_step = rows->axes[0].src_stride;
  rows->dst_step = rows->axes[0].dst_stride;
  rows->n_axes--;
  memmove(rows->axes, rows->axes + 1, rows->n_axes * sizeof rows->axes[0]);
}

void sm_box_rows_begin(sm_box_rows *rows, const sm_extent *dst_box, const sm_extent *src_box, size_t rank,
                       size_t element_size) {
  sm_extent common[SM_MAX_RANK];
  rows->row_size = element_size;
  rows->n_rows = rows->n_axes = 0;
  rows->src_at = rows->dst_at = rows->src_step = rows->dst_step = 0;
  if (!sm_box_intersect(common, dst_box, src_box, rank)) return;
  size_t src_stride = element_size, dst_stride = element_size;
  for (size_t i = rank; i-- > 0;) {
    rows->src_at += (size_t)(common[i].start - src_box[i].start) * src_stride;
    rows->dst_at += (size_t)(common[i].start - dst_box[i].start) * dst_stride;
    add_dimension(rows, (uint64_t)common[i].length, src_stride, dst_stride);
    src_stride *= (size_t)src_box[i].length;
    dst_stride *= (size_t)dst_box[i].length;
  }
  take_rows(rows);
}

bool sm_box_rows_next(sm_box_rows *rows) {
  for (size_t i = 0; i < rows->n_axes; i++) {
    sm_box_axis *axis = &rows->axes[i];
    rows->src_at += axis->src_stride;
    rows->dst_at += axis->dst_stride;
    if (++axis->at < axis->length) return true;
    rows->src_at -= axis->src_stride * axis->length;
    rows->dst_at -= axis->dst_stride * axis->length;
    axis->at = 0;
  }
  return false;
}

#define REVERSE(bits)                                                        \
  static void reverse##bits(uint8_t *dst, const uint8_t *src, size_t size) { \
    for (size_t i = 0; i + bits / 8 <= size; i += bits / 8) {                \
      uint##bits##_t value;                                                  \
      memcpy(&value, src + i, sizeof value);                                 \
      value = __builtin_bswap##bits(value);                                  \
      memcpy(dst + i, &value, sizeof value);                                 \
    }                                                                        \
  }
REVERSE(16)
REVERSE(32)
REVERSE(64)
#undef REVERSE

void sm_copy_reordered(void *dst, const void *src, size_t size, size_t order_size) {
  switch (order_size) {
    case 2: reverse16(dst, src, size); break;
    case 4: reverse32(dst, src, size); break;
    case 8: reverse64(dst, src, size); break;
    default:
      if (dst != src && size != 0) memcpy(dst, src, size);
  }
}

/* Rows of single elements are common (a column of a matrix): with a size that the compiler knows a copy is a load and a
 * store. */
#define COPY_ELEMENTS(n) \
  for (size_t i = 0; i < rows->n_rows; i++, d += rows->dst_step, s += rows->src_step) memcpy(d, s, n)

static void copy_rows(uint8_t *d, const uint8_t *s, const sm_box_rows *rows) {
  switch (rows->row_size) {
    case 1: COPY_ELEMENTS(1); break;
    case 2: COPY_ELEMENTS(2); break;
    case 4: COPY_ELEMENTS(4); break;
    case 8: COPY_ELEMENTS(8); break;
    case 16: COPY_ELEMENTS(16); break;
    default: COPY_ELEMENTS(rows->row_size);
  }
}
#undef COPY_ELEMENTS

void sm_box_copy(void *dst, const sm_extent *dst_box, const void *src, const sm_extent *src_box, size_t rank,
                 size_t element_size, size_t order_size) {
  sm_box_rows rows;
  sm_box_rows_begin(&rows, dst_box, src_box, rank, element_size);
  if (rows.n_rows == 0) return;
  do {
    uint8_t *d = (uint8_t *)dst + rows.dst_at;
    const uint8_t *s = (const uint8_t *)src + rows.src_at;
    if (order_size == 1) {
      copy_rows(d, s, &rows);
    } else {
      for (size_t i = 0; i < rows.n_rows; i++)
        sm_copy_reordered(d + i * rows.dst_step, s + i * rows.src_step, rows.row_size, order_size);
    }
  } while (sm_box_rows_next(&rows));
}
