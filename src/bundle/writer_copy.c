/* Tensors from one checkpoint into another. Numbers go from file to file as they lie there, with the checksum that they
 * have; what is stored otherwise in the other one is read as a tensor and added as any. Linked ones stay where they are, and
 * the data file they lie in comes over. */
#include "bundle/writer_internal.h"
#include "codec/crc32c.h"

static int64_t length_of(const sm_bundle_entry *entry, const sm_slice_spec *slice, int32_t i) {
  bool is_whole = slice == NULL || slice->extents[i].length < 0;
  return is_whole ? entry->dims[i] : slice->extents[i].length;
}

/* Whether the bytes of entry are those that the writer would make of it, and it goes into one data file. */
static bool can_be_taken(const sm_bundle_writer *writer, const sm_bundle_reader *reader, const sm_bundle_entry *entry) {
  return reader->v1 == NULL && sm_dtype_size(entry->dtype) != 0 && writer->cutter.max_size == 0 &&
         reader->header.big_endian == writer->options.big_endian;
}

/* ---- As bytes ---- */

/* A part that is not mapped is read twice, so that no byte is written of one that is damaged. */
static sm_status check_bytes(sm_bundle_writer *writer, const sm_shard *shard, const sm_bundle_reader *reader,
                             const sm_part *part, sm_error *err) {
  uint32_t crc = 0;
  if (shard->data != NULL) return sm_part_check(shard, reader, part, err);
  if (!sm_reader_checks(reader)) return SM_OK;
  for (uint64_t at = 0; at < part->size;) {
    size_t n = part->size - at < SM_SCRATCH_SIZE ? (size_t)(part->size - at) : SM_SCRATCH_SIZE;
    SM_TRY(sm_shard_read(writer->encoder.scratch, n, &crc, shard, at, reader, part, err));
    at += n;
  }
  return sm_part_compare(crc, reader, part, err);
}

static sm_status copy_bytes(sm_bundle_writer *writer, sm_shard_out *out, const sm_shard *shard,
                            const sm_bundle_reader *reader, const sm_part *part, sm_error *err) {
  for (uint64_t at = 0; shard->data != NULL && at < part->size;) {
    size_t n = part->size - at < SM_SHARD_PIECE ? (size_t)(part->size - at) : SM_SHARD_PIECE;
    SM_TRY(sm_shard_out_put_known(out, shard->data + part->offset + at, n, err));
    sm_shard_release(shard, part->offset + at, n);
    at += n;
  }
  if (shard->data != NULL) return SM_OK;
  for (uint64_t at = 0; at < part->size;) {
    size_t n = part->size - at < SM_SCRATCH_SIZE ? (size_t)(part->size - at) : SM_SCRATCH_SIZE;
    SM_TRY(sm_shard_read(writer->encoder.scratch, n, NULL, shard, at, reader, part, err));
    SM_TRY(sm_shard_out_put_known(out, writer->encoder.scratch, n, err));
    at += n;
  }
  return SM_OK;
}

/* Adds a stored part, of which dims are the shape. */
static sm_status take_part(sm_bundle_writer *writer, const sm_position *at, const int64_t *dims,
                           const sm_bundle_reader *reader, const sm_bundle_entry *entry, const sm_part *part,
                           sm_error *err) {
  sm_shard *shard;
  uint32_t number;
  sm_error failure;
  SM_TRY(sm_shard_of(&shard, reader, part, err));
  SM_TRY(check_bytes(writer, shard, reader, part, err));
  SM_TRY(sm_writer_add_entry(&number, writer, at, entry->dtype, dims, entry->rank, err));
  int32_t out_number = 0;
  sm_status status = sm_writer_least_filled(&out_number, writer, &failure);
  if (status != SM_OK) return sm_writer_leave(writer, status, &failure, err);
  sm_shard_out *out = &writer->shards[out_number].out;
  status = sm_shard_out_align(out, writer->options.alignment, &failure);
  writer->index.entries[number].place = (sm_place){out_number, part->crc32c, out->size, part->size};
  if (status == SM_OK) status = copy_bytes(writer, out, shard, reader, part, &failure);
  return sm_writer_leave(writer, status, &failure, err);
}

/* ---- As a tensor ---- */

static sm_status read_and_add(sm_bundle_writer *writer, const sm_position *at, const sm_bundle_reader *reader,
                              const sm_bundle_entry *entry, sm_error *err) {
  sm_tensor *tensor;
  SM_TRY(sm_bundle_reader_read_entry_tensor(&tensor, reader, entry, at->slice, err));
  const sm_tensor_view *view = sm_tensor_get_view(tensor);
  sm_status status = at->slice == NULL ? sm_bundle_writer_add_n(writer, at->key, view, err)
                                       : sm_bundle_writer_add_slice_n(writer, at->key, at->dims, at->slice, view, err);
  sm_tensor_free(tensor);
  return status;
}

/* ---- Where it is ---- */

static sm_status link_part(sm_bundle_writer *writer, const sm_position *at, const int64_t *dims,
                           const sm_bundle_reader *reader, const sm_bundle_entry *entry, const sm_part *part,
                           sm_error *err) {
  sm_shard *shard;
  uint32_t number;
  int32_t out_number = 0;
  sm_error failure;
  SM_TRY(sm_shard_of(&shard, reader, part, err));
  SM_TRY(sm_writer_add_entry(&number, writer, at, entry->dtype, dims, entry->rank, err));
  sm_status status = sm_writer_link_shard(&out_number, writer, reader, part->shard, &failure);
  writer->index.entries[number].place = (sm_place){out_number, part->crc32c, part->offset, part->size};
  return sm_writer_leave(writer, status, &failure, err);
}

/* ---- All ---- */

static sm_status bring_part(sm_bundle_writer *writer, const sm_position *at, const sm_bundle_reader *reader,
                            const sm_bundle_entry *entry, bool is_linked, sm_error *err) {
  sm_part part = {.key = entry->key,
                  .id = entry->reserved[0].data,
                  .shard = entry->shard,
                  .crc32c = entry->crc32c,
                  .offset = entry->offset,
                  .size = entry->size};
  sm_extent box[SM_MAX_RANK];
  int64_t dims[SM_MAX_RANK];
  if (!is_linked && !can_be_taken(writer, reader, entry)) return read_and_add(writer, at, reader, entry, err);
  if (at->slice != NULL) SM_TRY(sm_part_find(&part, box, reader, entry, at->slice->extents, &writer->key, err));
  for (int32_t i = 0; i < entry->rank; i++) dims[i] = length_of(entry, at->slice, i);
  return is_linked ? link_part(writer, at, dims, reader, entry, &part, err)
                   : take_part(writer, at, dims, reader, entry, &part, err);
}

static sm_status bring_parts(sm_bundle_writer *writer, sm_string key, const sm_bundle_reader *reader,
                             const sm_bundle_entry *entry, bool is_linked, sm_error *err) {
  sm_extent extents[SM_MAX_RANK];
  const sm_slice_spec slice = {extents, (size_t)entry->rank};
  sm_position at = {key, entry->dims, &slice};
  uint64_t position = 0;
  for (size_t i = 0; i < entry->n_slices; i++) {
    sm_error failure;
    sm_status status = sm_entry_next_slice(extents, entry, &position, &failure);
    if (status == SM_OK) status = bring_part(writer, &at, reader, entry, is_linked, &failure);
    if (status != SM_OK && i != 0) return sm_writer_leave(writer, status, &failure, err); /* some of it is there */
    if (status != SM_OK && err != NULL) *err = failure;
    SM_TRY(status);
  }
  return SM_OK;
}

static sm_status bring(sm_bundle_writer *writer, const char *key, const sm_bundle_reader *reader,
                       const sm_bundle_entry *entry, bool is_linked, sm_error *err) {
  sm_position at = {key != NULL ? sm_string_of(key) : entry->key, entry->dims, NULL};
  if (at.key.size == 0) return SM_FAIL(err, SM_INVALID_ARGUMENT, "the empty key is that of the header");
  if (entry->n_slices != 0) return bring_parts(writer, at.key, reader, entry, is_linked, err);
  return bring_part(writer, &at, reader, entry, is_linked, err);
}

sm_status sm_bundle_writer_copy(sm_bundle_writer *writer, const char *key, const sm_bundle_reader *reader,
                                const sm_bundle_entry *entry, sm_error *err) {
  SM_TRY(sm_writer_enter(writer, err));
  return bring(writer, key, reader, entry, false, err);
}

sm_status sm_bundle_writer_link(sm_bundle_writer *writer, const char *key, const sm_bundle_reader *reader,
                                const sm_bundle_entry *entry, sm_error *err) {
  SM_TRY(sm_writer_enter(writer, err));
  if (reader->v1 != NULL)
    return SM_FAIL(err, SM_FAILED_PRECONDITION, "%s: a checkpoint of version 1 has no data files to link",
                   reader->source.name);
  if (reader->header.big_endian != writer->options.big_endian)
    return SM_FAIL(err, SM_INVALID_ARGUMENT, "%s: the data files have another byte order", reader->source.name);
  return bring(writer, key, reader, entry, true, err);
}
