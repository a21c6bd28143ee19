/* What a writer is told to add, checked before the first byte of it is written. */
#include "bundle/writer_internal.h"
#include "codec/crc32c.h"

/* ---- Where it goes ---- */

sm_status sm_writer_least_filled(int32_t *number, sm_bundle_writer *writer, sm_error *err) {
  int32_t least = -1;
  if (!writer->has_own) SM_TRY(sm_writer_open_own(writer, err));
  for (int32_t i = 0; i < writer->n_shards; i++)
    if (writer->shards[i].linked == NULL && (least < 0 || writer->shards[i].out.size < writer->shards[least].out.size))
      least = i;
  *number = least;
  return SM_OK;
}

static sm_status finish_current(sm_bundle_writer *writer, sm_error *err) {
  int32_t number = writer->current;
  writer->current = -1;
  return number >= 0 ? sm_shard_out_finish(&writer->shards[number].out, writer->options.no_sync, err) : SM_OK;
}

/* Where a piece goes when tensors are cut. One file is open at a time, or two while one is filled that stands alone. */
static sm_status place_piece(int32_t *number, sm_bundle_writer *writer, sm_cut_target target, sm_error *err) {
  if (target == SM_CUT_NEXT) SM_TRY(finish_current(writer, err));
  if (target != SM_CUT_SAME) {
    uint8_t *buffer = writer->buffers + (target == SM_CUT_ALONE ? writer->buffer_size : 0);
    SM_TRY(sm_writer_open_shard(writer, buffer, target == SM_CUT_ALONE, err));
  }
  *number = target == SM_CUT_SAME ? writer->current : writer->n_shards - 1;
  if (target == SM_CUT_NEXT) writer->current = *number;
  return SM_OK;
}

/* ---- Checks ---- */

static sm_status check_key(sm_string key, sm_error *err) {
  if (key.size == 0) return SM_FAIL(err, SM_INVALID_ARGUMENT, "the empty key is that of the header");
  return SM_OK;
}

static sm_status check_tensor(const sm_bundle_writer *writer, sm_string key, const sm_tensor_view *tensor,
                              sm_error *err) {
  SM_TRY(check_key(key, err));
  sm_status status = sm_encoder_check(&writer->encoder, tensor, err);
  if (status != SM_OK) sm_error_add_place(err, sm_key_text_of(key).text);
  return status;
}

static void set_place(sm_bundle_writer *writer, uint32_t entry, int32_t number, uint64_t offset, uint32_t crc) {
  uint64_t size = writer->shards[number].out.size - offset;
  writer->index.entries[entry].place = (sm_place){number, sm_crc32c_mask(crc), offset, size};
}

/* Writes a tensor, or a box of it, into a data file, as the one that entry tells of. */
static sm_status write_piece(sm_bundle_writer *writer, uint32_t entry, int32_t number, const sm_tensor_view *tensor,
                             const sm_extent *box, sm_error *err) {
  sm_shard_out *shard = &writer->shards[number].out;
  SM_TRY(sm_shard_out_align(shard, writer->options.alignment, err));
  uint64_t offset = shard->size;
  SM_TRY(sm_encode_tensor(&writer->encoder, shard, tensor, box, err));
  set_place(writer, entry, number, offset, shard->crc);
  return SM_OK;
}

static bool is_whole(const sm_extent *extents, const int64_t *dims, size_t rank) {
  for (size_t i = 0; i < rank; i++)
    if (extents[i].length != -1 && extents[i].length != dims[i]) return false;
  return true;
}

/* The slice is inside dims, and part has its shape. */
static sm_status check_slice(sm_string key, const int64_t *dims, const sm_slice_spec *slice, const sm_tensor_view *part,
                             sm_error *err) {
  sm_extent box[SM_MAX_RANK];
  char text[SM_SLICE_TEXT_SIZE];
  const sm_key_text name = sm_key_text_of(key);
  int64_t n;
  if (slice->n_extents != (size_t)part->rank)
    return SM_FAIL(err, SM_INVALID_ARGUMENT, "%s: a slice of %zu dimensions, the part has %d", name.text,
                   slice->n_extents, (int)part->rank);
  if (!sm_shape_elements(&n, dims, slice->n_extents))
    return SM_FAIL(err, SM_INVALID_ARGUMENT, "%s: a dimension is negative, or there are more elements than fit",
                   name.text);
  SM_TRY(sm_box_of(box, slice, dims, slice->n_extents, SM_INVALID_ARGUMENT, err));
  for (size_t i = 0; i < slice->n_extents; i++)
    if (box[i].length != part->dims[i] || slice->extents[i].length == 0)
      return SM_FAIL(err, SM_INVALID_ARGUMENT, "%s: the part has not the shape of the slice %s", name.text,
                     sm_slice_text(text, slice->extents, slice->n_extents));
  return SM_OK;
}

/* ---- Entries ---- */

/* The entries of a part: its own, and the tensor's. */
static sm_status add_part_entries(uint32_t *number, uint32_t *whole, sm_bundle_writer *writer, const sm_position *at,
                                  sm_dtype dtype, const int64_t *part_dims, sm_error *err) {
  sm_index *index = &writer->index;
  const sm_slice_spec *slice = at->slice;
  writer->key.size = 0;
  SM_TRY(sm_slice_key_put(&writer->key, at->key, slice->extents, slice->n_extents, err));
  sm_string part_key = {(const char *)writer->key.data, writer->key.size};
  if (sm_index_find(index, part_key) != NULL)
    return SM_FAIL(err, SM_ALREADY_EXISTS, "%s: this part was added before", sm_key_text_of(at->key).text);
  SM_TRY(sm_index_add_part(whole, index, at->key, dtype, at->dims, slice, err));
  sm_status status = sm_index_add(number, index, part_key, dtype, part_dims, (int32_t)slice->n_extents, err);
  if (status != SM_OK) sm_index_drop_part(index, *whole);
  return status;
}

sm_status sm_writer_add_entry(uint32_t *number, sm_bundle_writer *writer, const sm_position *at, sm_dtype dtype,
                              const int64_t *dims, int32_t rank, sm_error *err) {
  uint32_t whole;
  if (at->slice == NULL) return sm_index_add(number, &writer->index, at->key, dtype, dims, rank, err);
  return add_part_entries(number, &whole, writer, at, dtype, dims, err);
}

/* ---- With a limit on the size of data files ---- */

/* The entry of a box of what is added, which is itself a part or is not. */
static sm_status add_box_entry(uint32_t *number, sm_bundle_writer *writer, const sm_position *at,
                               const sm_tensor_view *tensor, const sm_extent *box, int32_t shard, sm_error *err) {
  sm_extent extents[SM_MAX_RANK];
  int64_t box_dims[SM_MAX_RANK];
  uint32_t number_of_whole;
  sm_slice_spec slice = {extents, (size_t)tensor->rank};
  sm_position inside = {at->key, at->dims, &slice};
  for (size_t i = 0; i < slice.n_extents; i++) {
    int64_t start = at->slice != NULL ? at->slice->extents[i].start : 0;
    extents[i] = (sm_extent){start + box[i].start, box[i].length};
    box_dims[i] = box[i].length;
  }
  if (is_whole(box, tensor->dims, slice.n_extents)) inside.slice = at->slice;
  if (inside.slice == NULL)
    return sm_index_add(number, &writer->index, at->key, tensor->dtype, tensor->dims, tensor->rank, err);
  SM_TRY(add_part_entries(number, &number_of_whole, writer, &inside, tensor->dtype, box_dims, err));
  sm_index_entry *whole = &writer->index.entries[number_of_whole];
  if (whole->first_part == whole->last_part) whole->place.shard = shard; /* as a merge of the files would give it */
  return SM_OK;
}

static sm_status add_boxes(sm_bundle_writer *writer, const sm_position *at, const sm_tensor_view *tensor,
                           sm_error *err) {
  sm_cut cut;
  sm_cut_target target;
  sm_extent box[SM_MAX_RANK];
  sm_cut_begin(&cut, at->key, tensor);
  while (sm_cut_next(&writer->cutter, &cut, box, &target)) {
    int32_t shard;
    uint32_t entry;
    SM_TRY(place_piece(&shard, writer, target, err));
    SM_TRY(add_box_entry(&entry, writer, at, tensor, box, shard, err));
    SM_TRY(write_piece(writer, entry, shard, tensor, box, err));
    if (target == SM_CUT_ALONE) SM_TRY(sm_shard_out_finish(&writer->shards[shard].out, writer->options.no_sync, err));
  }
  return SM_OK;
}

/* ---- The calls ---- */

/* Adds what was checked. Until the first byte is written a failure leaves things as they were. */
static sm_status add_at(sm_bundle_writer *writer, const sm_position *at, const sm_tensor_view *tensor, sm_error *err) {
  sm_error failure;
  uint32_t entry;
  int32_t shard;
  sm_status status;
  if (writer->cutter.max_size != 0) {
    SM_TRY(sm_index_check(&writer->index, at->key, tensor->dtype, at->dims, tensor->rank, at->slice != NULL, err));
    status = add_boxes(writer, at, tensor, &failure);
  } else {
    SM_TRY(sm_writer_add_entry(&entry, writer, at, tensor->dtype, tensor->dims, tensor->rank, err));
    status = sm_writer_least_filled(&shard, writer, &failure);
    if (status == SM_OK) status = write_piece(writer, entry, shard, tensor, NULL, &failure);
  }
  return sm_writer_leave(writer, status, &failure, err);
}

sm_status sm_bundle_writer_add_n(sm_bundle_writer *writer, sm_string key, const sm_tensor_view *tensor, sm_error *err) {
  sm_position at = {key, tensor->dims, NULL};
  SM_TRY(sm_writer_enter(writer, err));
  SM_TRY(check_tensor(writer, key, tensor, err));
  return add_at(writer, &at, tensor, err);
}

sm_status sm_bundle_writer_add(sm_bundle_writer *writer, const char *key, const sm_tensor_view *tensor, sm_error *err) {
  return sm_bundle_writer_add_n(writer, sm_string_of(key), tensor, err);
}

sm_status sm_bundle_writer_add_slice_n(sm_bundle_writer *writer, sm_string key, const int64_t *dims,
                                       const sm_slice_spec *slice, const sm_tensor_view *part, sm_error *err) {
  sm_position at = {key, dims, slice};
  SM_TRY(sm_writer_enter(writer, err));
  SM_TRY(check_tensor(writer, key, part, err));
  SM_TRY(check_slice(key, dims, slice, part, err));
  if (is_whole(slice->extents, dims, slice->n_extents)) at.slice = NULL; /* TensorFlow too stores it as no slice */
  return add_at(writer, &at, part, err);
}

sm_status sm_bundle_writer_add_slice(sm_bundle_writer *writer, const char *key, const int64_t *dims,
                                     const sm_slice_spec *slice, const sm_tensor_view *part, sm_error *err) {
  return sm_bundle_writer_add_slice_n(writer, sm_string_of(key), dims, slice, part, err);
}

/* ---- In pieces of the caller's ---- */

static sm_status end_pending(sm_bundle_writer *writer, sm_error *err) {
  sm_place *place = &writer->index.entries[writer->pending].place;
  SM_TRY(sm_gatherer_finish(&writer->gatherer, err));
  place->crc32c = sm_crc32c_mask(writer->gatherer.shard->crc);
  writer->is_pending = false;
  if (!writer->shards[place->shard].is_alone) return SM_OK;
  return sm_shard_out_finish(&writer->shards[place->shard].out, writer->options.no_sync, err);
}

/* A tensor that comes in pieces is not cut, whatever it takes. */
static sm_status place_pending(int32_t *number, sm_bundle_writer *writer, uint64_t size, sm_error *err) {
  *number = 0;
  if (writer->cutter.max_size != 0) return place_piece(number, writer, sm_cutter_place(&writer->cutter, size), err);
  return sm_writer_least_filled(number, writer, err);
}

static sm_status begin_pending(sm_bundle_writer *writer, uint32_t entry, sm_dtype dtype, uint64_t size, sm_error *err) {
  int32_t number;
  SM_TRY(place_pending(&number, writer, size, err));
  sm_shard_out *shard = &writer->shards[number].out;
  SM_TRY(sm_shard_out_align(shard, writer->options.alignment, err));
  shard->crc = 0;
  writer->index.entries[entry].place = (sm_place){.shard = number, .offset = shard->size, .size = size};
  writer->is_pending = true;
  writer->pending = entry;
  writer->missing = size;
  sm_gatherer_begin(&writer->gatherer, &writer->encoder, shard, dtype);
  return size == 0 ? end_pending(writer, err) : SM_OK;
}

sm_status sm_bundle_writer_begin_n(sm_bundle_writer *writer, sm_string key, sm_dtype dtype, const int64_t *dims,
                                   int32_t rank, sm_error *err) {
  const sm_key_text name = sm_key_text_of(key);
  sm_error failure;
  uint32_t entry;
  size_t size;
  SM_TRY(sm_writer_enter(writer, err));
  SM_TRY(check_key(key, err));
  if (sm_dtype_size(dtype) == 0)
    return SM_FAIL(err, SM_INVALID_ARGUMENT, "%s: dtype %d cannot be written piece by piece", name.text, (int)dtype);
  if (rank < 0 || !sm_shape_bytes(&size, dtype, dims, (size_t)rank))
    return SM_FAIL(err, SM_INVALID_ARGUMENT, "%s: a dimension is negative, or there are more elements than fit",
                   name.text);
  SM_TRY(sm_index_add(&entry, &writer->index, key, dtype, dims, rank, err));
  sm_status status = begin_pending(writer, entry, dtype, size, &failure);
  return sm_writer_leave(writer, status, &failure, err);
}

sm_status sm_bundle_writer_begin(sm_bundle_writer *writer, const char *key, sm_dtype dtype, const int64_t *dims,
                                 int32_t rank, sm_error *err) {
  return sm_bundle_writer_begin_n(writer, sm_string_of(key), dtype, dims, rank, err);
}

sm_status sm_bundle_writer_append(sm_bundle_writer *writer, const void *data, size_t size, sm_error *err) {
  sm_error failure;
  if (writer->failed != SM_OK) return sm_writer_enter(writer, err);
  if (size > (writer->is_pending ? writer->missing : 0))
    return SM_FAIL(err, SM_INVALID_ARGUMENT, "%zu bytes, %llu are missing", size,
                   (unsigned long long)(writer->is_pending ? writer->missing : 0));
  if (size == 0) return SM_OK;
  writer->missing -= size;
  sm_status status = sm_gatherer_put(&writer->gatherer, (sm_span){data, size}, &failure);
  if (status == SM_OK && writer->missing == 0) status = end_pending(writer, &failure);
  return sm_writer_leave(writer, status, &failure, err);
}
