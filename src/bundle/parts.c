#include "bundle/bundle_internal.h"

/* ---- One part ---- */

/* The entry of a slice: dtype and shape must be those of the slice, and it lies in one piece. */
static sm_status check_part(const sm_bundle_entry *part, const sm_bundle_entry *entry, const sm_extent *box,
                            sm_error *err) {
  if (part->n_slices != 0) return sm_entry_fail(part, err, "a slice that is made of slices");
  if (part->dtype != entry->dtype)
    return sm_entry_fail(part, err, "a slice of %s in a tensor of %s", sm_dtype_name(part->dtype),
                         sm_dtype_name(entry->dtype));
  bool fits = part->rank == entry->rank;
  for (int32_t i = 0; fits && i < part->rank; i++) fits = part->dims[i] == box[i].length;
  return fits ? SM_OK : sm_entry_fail(part, err, "a slice whose entry has another shape");
}

static sm_status fail_missing(const sm_bundle_entry *entry, const sm_extent *slice, sm_error *err) {
  char text[SM_SLICE_TEXT_SIZE];
  return sm_entry_fail(entry, err, "slice %s is listed, but has no entry",
                       sm_slice_text(text, slice, (size_t)entry->rank));
}

static sm_status find_stored(sm_part *part, const sm_bundle_reader *reader, const sm_bundle_entry *entry,
                             sm_string slice_key, sm_error *err) {
  sm_string value;
  sm_bundle_entry stored;
  SM_TRY(sm_table_find(&value, reader->index, slice_key, err));
  SM_TRY(sm_entry_read(&stored, entry->key, value, &reader->header, &reader->source, err));
  SM_TRY(check_part(&stored, entry, part->box, err));
  part->id = value.data;
  part->shard = stored.shard;
  part->crc32c = stored.crc32c;
  part->offset = stored.offset;
  part->size = stored.size;
  return SM_OK;
}

/* A value takes a byte at least. */
static sm_status find_v1(sm_part *part, const sm_bundle_reader *reader, const sm_bundle_entry *entry,
                         sm_string slice_key, sm_error *err) {
  int64_t n;
  SM_TRY(sm_v1_find_part(part, reader->v1, reader, slice_key, err));
  (void)sm_box_elements(&n, part->box, (size_t)entry->rank); /* part of a shape that was checked */
  if ((uint64_t)n <= part->values.size) return SM_OK;
  return sm_entry_fail(entry, err, "a slice of %lld elements in %zu bytes", (long long)n, part->values.size);
}

sm_status sm_part_find(sm_part *part, sm_extent *box, const sm_bundle_reader *reader, const sm_bundle_entry *entry,
                       const sm_extent *slice, sm_buffer *scratch, sm_error *err) {
  size_t rank = (size_t)entry->rank;
  const sm_slice_spec spec = {slice, rank};
  *part = (sm_part){.key = entry->key, .box = box};
  SM_TRY(sm_box_of(box, &spec, entry->dims, rank, SM_DATA_LOSS, err));
  scratch->size = 0;
  SM_TRY(sm_slice_key_put(scratch, entry->key, slice, rank, err));
  const sm_string slice_key = {(const char *)scratch->data, scratch->size};
  sm_status status = reader->v1 != NULL ? find_v1(part, reader, entry, slice_key, err)
                                        : find_stored(part, reader, entry, slice_key, err);
  return status == SM_NOT_FOUND ? fail_missing(entry, slice, err) : status;
}

/* ---- Those that a read touches ---- */

static void use_whole(sm_parts *out, sm_part *whole, sm_extent *box, const sm_bundle_entry *entry) {
  for (int32_t i = 0; i < entry->rank; i++) box[i] = (sm_extent){0, entry->dims[i]};
  *whole = (sm_part){.key = entry->key,
                     .box = box,
                     .id = entry->reserved[0].data,
                     .shard = entry->shard,
                     .crc32c = entry->crc32c,
                     .offset = entry->offset,
                     .size = entry->size};
  *out = (sm_parts){whole, 1};
}

/* Boxes of all slices of the list. */
static sm_status list_boxes(sm_extent **out, size_t *n, const sm_bundle_entry *entry, sm_arena *arena, sm_error *err) {
  size_t rank = (size_t)entry->rank, n_listed = entry->n_slices != 0 ? entry->n_slices : 1, n_extents;
  uint64_t position = 0;
  if (!sm_mul_size(n_listed, rank, &n_extents)) return SM_FAIL_OOM(err, SIZE_MAX);
  sm_extent *boxes = sm_arena_array(arena, sm_extent, n_extents);
  if (boxes == NULL) return sm_arena_fail(arena, n_extents * sizeof *boxes, err);
  for (*n = 0; *n < n_listed; ++*n) {
    sm_extent slice[SM_MAX_RANK];
    const sm_slice_spec spec = {slice, rank};
    sm_status status = sm_entry_next_slice(slice, entry, &position, err);
    if (status == SM_OUT_OF_RANGE) break; /* a V1 tensor of which nothing is stored */
    SM_TRY(status);
    SM_TRY(sm_box_of(&boxes[*n * rank], &spec, entry->dims, rank, SM_DATA_LOSS, err));
  }
  *out = boxes;
  return SM_OK;
}

/* A second walk over the list, for those that have something of wanted. */
static sm_status find_parts(sm_part *parts, size_t *n, const sm_extent *boxes, size_t n_boxes,
                            const sm_bundle_reader *reader, const sm_bundle_entry *entry, const sm_extent *wanted,
                            sm_buffer *scratch, sm_error *err) {
  size_t rank = (size_t)entry->rank;
  uint64_t position = 0;
  *n = 0;
  for (size_t i = 0; i < n_boxes; i++) {
    sm_extent slice[SM_MAX_RANK], common[SM_MAX_RANK], box[SM_MAX_RANK];
    SM_TRY(sm_entry_next_slice(slice, entry, &position, err));
    if (!sm_box_intersect(common, wanted, &boxes[i * rank], rank)) continue;
    SM_TRY(sm_part_find(&parts[*n], box, reader, entry, slice, scratch, err));
    parts[(*n)++].box = &boxes[i * rank];
  }
  return SM_OK;
}

static size_t count_touched(const sm_extent *boxes, size_t n_boxes, const sm_extent *wanted, size_t rank) {
  size_t n = 0;
  sm_extent common[SM_MAX_RANK];
  for (size_t i = 0; i < n_boxes; i++) n += sm_box_intersect(common, wanted, &boxes[i * rank], rank);
  return n;
}

sm_status sm_parts_find(sm_parts *out, sm_part *whole, sm_extent *whole_box, const sm_bundle_reader *reader,
                        const sm_bundle_entry *entry, const sm_extent *wanted, sm_arena *arena, sm_error *err) {
  *out = (sm_parts){NULL, 0};
  if (entry->n_slices == 0 && reader->v1 == NULL) {
    use_whole(out, whole, whole_box, entry);
    return SM_OK;
  }
  sm_extent *boxes;
  size_t n_boxes, rank = (size_t)entry->rank;
  SM_TRY(list_boxes(&boxes, &n_boxes, entry, arena, err));
  sm_status status = sm_box_check_cover(wanted, boxes, n_boxes, rank, arena, err);
  if (status != SM_OK) {
    sm_error_add_place(err, sm_key_text_of(entry->key).text);
    sm_error_add_place(err, reader->source.name);
    return status;
  }
  size_t n_touched = count_touched(boxes, n_boxes, wanted, rank);
  sm_part *parts = sm_arena_array(arena, sm_part, n_touched);
  if (parts == NULL) return sm_arena_fail(arena, n_touched * sizeof *parts, err);
  sm_buffer scratch;
  sm_buffer_init(&scratch, arena->allocator, arena->max_bytes);
  status = find_parts(parts, &out->n, boxes, n_boxes, reader, entry, wanted, &scratch, err);
  sm_buffer_free(&scratch);
  out->items = parts;
  return status;
}
