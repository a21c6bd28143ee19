/*
 * Keys of single slices: number 0, name, rank, start and length of each dimension, all in ordered code. A dimension taken
 * whole is start 0, length -1; one that is spelled out stays spelled out, so two keys can mean the same part.
 * Source: tensorflow/core/util/saved_tensor_slice_util.cc, EncodeTensorNameSlice.
 */
#include "bundle/bundle.h"
#include "codec/ordered_code.h"

sm_status sm_slice_key_put(sm_buffer *out, sm_string name, const sm_extent *extents, size_t rank, sm_error *err) {
  SM_TRY(sm_ordered_put_number(out, 0, err));
  SM_TRY(sm_ordered_put_string(out, name, err));
  SM_TRY(sm_ordered_put_number(out, rank, err));
  for (size_t i = 0; i < rank; i++) {
    SM_TRY(sm_ordered_put_signed(out, extents[i].start, err));
    SM_TRY(sm_ordered_put_signed(out, extents[i].length, err));
  }
  return SM_OK;
}

sm_status sm_slice_key_parse(sm_buffer *name, sm_extent extents[SM_MAX_RANK], int32_t *rank, sm_string key,
                             sm_error *err) {
  uint64_t zero, n;
  *rank = -1;
  name->size = 0;
  if (!sm_ordered_take_number(&zero, &key) || zero != 0) return SM_OK;
  sm_error failure;
  sm_status status = sm_ordered_take_string(name, &key, &failure);
  if (status == SM_DATA_LOSS) return SM_OK; /* some other key */
  if (status != SM_OK) {
    if (err != NULL) *err = failure;
    return status;
  }
  if (!sm_ordered_take_number(&n, &key) || n > SM_MAX_RANK) return SM_OK;
  for (size_t i = 0; i < n; i++)
    if (!sm_ordered_take_signed(&extents[i].start, &key) || !sm_ordered_take_signed(&extents[i].length, &key))
      return SM_OK;
  if (key.size == 0) *rank = (int32_t)n;
  return SM_OK;
}

sm_status sm_bundle_slice_key(char *dst, size_t dst_size, size_t *size, sm_string key, const sm_slice_spec *slice,
                              sm_error *err) {
  sm_buffer buffer;
  sm_buffer_init(&buffer, sm_allocator_or_malloc(NULL), UINT64_MAX);
  sm_status status = sm_slice_key_put(&buffer, key, slice->extents, slice->n_extents, err);
  if (status == SM_OK) {
    *size = buffer.size;
    if (buffer.size <= dst_size)
      memcpy(dst, buffer.data, buffer.size);
    else
      status = SM_FAIL(err, SM_OUT_OF_RANGE, "a key of %zu bytes, room for %zu", buffer.size, dst_size);
  }
  sm_buffer_free(&buffer);
  return status;
}
