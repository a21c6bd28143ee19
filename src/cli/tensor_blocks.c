#include "cli/tensor_blocks.h"

#include <stdlib.h>

#include "cli/failure.h"

/* Finds the first axis of which one index fits into a block, and how many of them do. */
static void divide(tensor_blocks *out) {
  const int64_t *dims = out->entry.dims;
  int32_t axis = out->entry.rank - 1;
  int64_t inner = 1;
  out->n_elements = 1;
  for (int32_t i = 0; i < out->entry.rank; i++) out->n_elements *= dims[i]; /* fits, as entries are checked */
  while (axis > 0 && out->n_elements != 0 && inner * dims[axis] <= MAX_BLOCK_ELEMENTS) inner *= dims[axis--];
  out->axis = axis;
  out->inner = (size_t)inner;
  out->step = MAX_BLOCK_ELEMENTS / inner;
}

static sm_status open_values(tensor_blocks *out, sm_error *err) {
  sm_tensor_view view;
  sm_error failure;
  if (out->n_elements == 0) return SM_OK;
  sm_status status = sm_bundle_reader_view_entry(&view, out->reader, &out->entry, &failure);
  if (status == SM_OK) {
    out->whole = view.data;
  } else if (status != SM_FAILED_PRECONDITION) {
    *err = failure;
    return status;
  } else if (sm_bundle_reader_get_header(out->reader)->format == 1) {
    SM_TRY(sm_bundle_reader_read_entry_tensor(&out->tensor, out->reader, &out->entry, NULL, err));
    out->whole = sm_tensor_get_view(out->tensor)->data;
  } else {
    out->buffer = malloc(MAX_BLOCK_ELEMENTS * sm_dtype_size(out->entry.dtype));
    if (out->buffer == NULL) return failure_no_memory(err);
  }
  return SM_OK;
}

sm_status tensor_blocks_open(tensor_blocks *out, const sm_bundle_reader *reader, const sm_bundle_entry *entry,
                             const sm_fs *fs, sm_error *err) {
  *out = (tensor_blocks){.reader = reader, .entry = *entry, .fs = fs != NULL ? fs : sm_fs_local()};
  divide(out);
  return open_values(out, err);
}

void tensor_blocks_close(tensor_blocks *in) {
  sm_tensor_free(in->tensor);
  free(in->buffer);
}

/* The box that begins at element n_done. Returns its elements. */
static size_t find_box(sm_extent *box, const tensor_blocks *in) {
  const int64_t *dims = in->entry.dims;
  int64_t left = in->n_done / (int64_t)in->inner;
  if (in->axis < 0) return 1;
  for (int32_t i = in->axis + 1; i < in->entry.rank; i++) box[i] = (sm_extent){0, dims[i]};
  for (int32_t i = in->axis; i >= 0; i--) {
    box[i] = (sm_extent){left % dims[i], 1};
    left /= dims[i];
  }
  int64_t length = dims[in->axis] - box[in->axis].start;
  box[in->axis].length = length < in->step ? length : in->step;
  return (size_t)box[in->axis].length * in->inner;
}

/* Mapped memory counts as the tool's until it is given back. */
static void give_back(tensor_blocks *in) {
  enum { WORTH_A_CALL = 1 << 20 };
  size_t used = (size_t)in->n_done * sm_dtype_size(in->entry.dtype), n = used - in->n_passed;
  bool is_mapped = in->whole != NULL && in->tensor == NULL && in->fs->release != NULL;
  if (!is_mapped || (n < WORTH_A_CALL && in->n_done != in->n_elements)) return;
  in->fs->release(in->fs, in->whole + in->n_passed, n);
  in->n_passed = used;
}

sm_status tensor_blocks_next(const void **data, size_t *n, tensor_blocks *in, sm_error *err) {
  sm_extent box[SM_MAX_RANK];
  size_t size = sm_dtype_size(in->entry.dtype);
  const sm_slice_spec slice = {box, (size_t)in->entry.rank};
  *data = NULL;
  *n = 0;
  give_back(in);
  if (in->n_done == in->n_elements) return SM_OK;
  size_t count = find_box(box, in);
  if (in->whole == NULL)
    SM_TRY(sm_bundle_reader_read_entry(in->reader, &in->entry, &slice, in->buffer, count * size, err));
  *data = in->whole != NULL ? in->whole + (size_t)in->n_done * size : in->buffer;
  *n = count;
  in->n_done += (int64_t)count;
  return SM_OK;
}
