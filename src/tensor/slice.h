/*
 * Boxes in tensors: what a slice is once its shape is known.
 *
 * Slices come from files and from callers, with lengths of -1 for whole dimensions; a box is an array of extents that were
 * checked against a shape, one for each dimension, none of them -1. A tensor of rank 0 has one box, of no extents.
 */
#ifndef SM_TENSOR_SLICE_H
#define SM_TENSOR_SLICE_H

#include "base/base.h"
#include "tensor/tensor.h"
#include "wire/emit.h"

/* ---- TensorSliceProto (proto/tensor_slice.proto) ---- */

/*
 * Reads the pieces of a TensorSliceProto, as listed: whole dimensions stay -1, as keys of a checkpoint are made of that.
 *
 * extents  room for rank of them.
 *
 * Errors: DATA_LOSS not rank extents, or one that TensorFlow refuses: a negative start, a length of 0 or less, an end
 *   above 2^63-1 (tensor_slice.cc, BuildTensorSlice).
 */
sm_status sm_slice_read(sm_extent *extents, size_t rank, sm_spans pieces, const sm_wire_source *source, sm_error *err);

/* Appends it as field number of the message being written. */
sm_status sm_slice_write(sm_buffer *out, uint32_t number, const sm_slice_spec *slice, sm_error *err);

/* ---- Text: the shape_and_slice attribute of SaveV2 and RestoreV2, "4 6 0,2:-" ---- */

typedef struct sm_shape_and_slice {
  int32_t rank; /* -1: the text is empty, which means all of the tensor, whatever its shape */
  int64_t dims[SM_MAX_RANK];
  sm_extent extents[SM_MAX_RANK];
} sm_shape_and_slice;

/* Errors: INVALID_ARGUMENT not such a text, or the slice is not inside the shape. */
sm_status sm_shape_and_slice_read(sm_shape_and_slice *out, sm_string text, sm_error *err);
sm_status sm_shape_and_slice_write(sm_buffer *out, const int64_t *dims, const sm_slice_spec *slice, sm_error *err);

/* "0,2:-" for a message: cut to what fits. Returns text. */
enum { SM_SLICE_TEXT_SIZE = 120 };
const char *sm_slice_text(char text[SM_SLICE_TEXT_SIZE], const sm_extent *extents, size_t rank);

/* ---- Boxes ---- */

/*
 * The box that a slice is in a tensor of that shape; NULL: all of it. Extents of length 0 are fine.
 *
 * failure  what an error is to be: INVALID_ARGUMENT for a caller's slice, DATA_LOSS for a file's.
 */
sm_status sm_box_of(sm_extent *box, const sm_slice_spec *slice, const int64_t *dims, size_t rank, sm_status failure,
                    sm_error *err);

/* Elements in it. A box inside a shape that has a number of elements has one too. */
bool sm_box_elements(int64_t *out, const sm_extent *box, size_t rank);

/* What two boxes have in common; false when that is nothing. out may be a or b. */
bool sm_box_intersect(sm_extent *out, const sm_extent *a, const sm_extent *b, size_t rank);

/* ---- Copying ---- */

/* A dimension that is stepped through; strides in bytes. */
typedef struct sm_box_axis {
  uint64_t length, at;
  size_t src_stride, dst_stride;
} sm_box_axis;

/*
 * Walks over what two boxes have in common, in groups of rows: bytes that lie together in both. Dimensions that are whole
 * in both boxes make rows longer, so there are as few as can be; where both boxes are the same there is one.
 *
 * Only dimensions longer than 1 are stepped through, and a tensor has at most 62 of these.
 */
typedef struct sm_box_rows {
  size_t row_size;
  size_t n_rows;             /* of the group; 0: the boxes have nothing in common */
  size_t src_at, dst_at;     /* first row of the group: bytes from where each box begins */
  size_t src_step, dst_step; /* from row to row */
  size_t n_axes;             /* of the groups */
  sm_box_axis axes[63];
} sm_box_rows;

/* The bytes of both boxes fit into size_t: their shapes were checked with sm_shape_bytes. */
void sm_box_rows_begin(sm_box_rows *rows, const sm_extent *dst_box, const sm_extent *src_box, size_t rank,
                       size_t element_size);

/* The next group; false when there is none. The first one is there after begin. */
bool sm_box_rows_next(sm_box_rows *rows);

/*
 * Copies what two boxes have in common.
 *
 * dst, src      row-major elements of the whole of each box; they do not overlap. sm_strings are copied as they are, not
 *               what they point to.
 * element_size  bytes.
 * order_size    sm_dtype_order_size where the byte order is to be turned round, else 1.
 */
void sm_box_copy(void *dst, const sm_extent *dst_box, const void *src, const sm_extent *src_box, size_t rank,
                 size_t element_size, size_t order_size);

/* Copies size bytes, each order_size (1, 2, 4 or 8) of them backwards. src and dst are the same, or do not overlap. */
void sm_copy_reordered(void *dst, const void *src, size_t size, size_t order_size);

/* ---- Does a set of boxes cover another? ---- */

/*
 * Checks that of the n_boxes each element of wanted is in exactly one. boxes: n_boxes times rank extents.
 *
 * Cost: n_boxes * rank * log n_boxes to sort where they begin and end; then one step for each cell of the grid which
 * these make, of which there are as many as boxes when the tensor was cut along one dimension or into a grid. Grids of
 * more than SM_COVER_MAX_CELLS are refused: no writer makes them, and n boxes could ask for n^rank cells.
 *
 * Errors: DATA_LOSS an element is in none, or in two (TensorFlow refuses that too: tensor_slice_set.cc, Register);
 *   UNIMPLEMENTED too many cells; RESOURCE_EXHAUSTED. What it allocates lies in arena.
 */
enum { SM_COVER_MAX_CELLS = 1 << 26 };
sm_status sm_box_check_cover(const sm_extent *wanted, const sm_extent *boxes, size_t n_boxes, size_t rank,
                             sm_arena *arena, sm_error *err);

#endif
