/* Copies of tensors and of slices of them; numbers only, strings.c has the rest. */
#include "bundle/bundle_internal.h"

/* What is copied, and where to. */
typedef struct copy_job {
  const sm_bundle_reader *reader;
  uint8_t *dst;
  const sm_extent *wanted; /* the box that dst holds */
  size_t rank;
  size_t element_size;
  size_t order_size; /* bytes to be turned round; 1: none */
} copy_job;

static const sm_allocator *allocator_of(const copy_job *job) { return job->reader->allocator; }

/* ---- From a part that is not mapped ---- */

/* Rows that lie further apart than this are read one by one. */
enum { ROWS_BLOCK = 64 << 10 };

/* Reads the rows of a group: several at once, with what lies between them, where they are close together. */
static sm_status read_rows(const copy_job *job, const sm_part *part, const sm_shard *shard, const sm_box_rows *rows,
                           uint8_t *block, sm_error *err) {
  size_t at_once = rows->src_step != 0 && rows->src_step < ROWS_BLOCK ? ROWS_BLOCK / rows->src_step : 1;
  for (size_t i = 0; i < rows->n_rows; i += at_once) {
    size_t n = rows->n_rows - i < at_once ? rows->n_rows - i : at_once;
    uint64_t src = rows->src_at + i * rows->src_step;
    uint8_t *dst = job->dst + rows->dst_at + i * rows->dst_step;
    if (at_once == 1) {
      SM_TRY(sm_shard_read(dst, rows->row_size, NULL, shard, src, job->reader, part, err));
      sm_copy_reordered(dst, dst, rows->row_size, job->order_size);
      continue;
    }
    size_t size = (n - 1) * rows->src_step + rows->row_size;
    SM_TRY(sm_shard_read(block, size, NULL, shard, src, job->reader, part, err));
    for (size_t k = 0; k < n; k++)
      sm_copy_reordered(dst + k * rows->dst_step, block + k * rows->src_step, rows->row_size, job->order_size);
  }
  return SM_OK;
}

static sm_status read_some(const copy_job *job, const sm_part *part, const sm_shard *shard, sm_box_rows *rows,
                           sm_error *err) {
  uint8_t *block = sm_alloc(allocator_of(job), ROWS_BLOCK);
  if (block == NULL) return SM_FAIL_OOM(err, (size_t)ROWS_BLOCK);
  sm_status status;
  do {
    status = read_rows(job, part, shard, rows, block, err);
  } while (status == SM_OK && sm_box_rows_next(rows));
  sm_free(allocator_of(job), block);
  return status;
}

/* All of a part, so that it can be checked, then what is wanted of it. */
static sm_status read_all(const copy_job *job, const sm_part *part, const sm_shard *shard, sm_error *err) {
  uint32_t crc = 0;
  uint8_t *all = sm_alloc(allocator_of(job), (size_t)part->size);
  if (all == NULL) return SM_FAIL_OOM(err, (size_t)part->size);
  sm_status status = sm_shard_read(all, (size_t)part->size, &crc, shard, 0, job->reader, part, err);
  if (status == SM_OK) status = sm_part_compare(crc, job->reader, part, err);
  if (status == SM_OK)
    sm_box_copy(job->dst, job->wanted, all, part->box, job->rank, job->element_size, job->order_size);
  sm_free(allocator_of(job), all);
  return status;
}

/* ---- From any part ---- */

static bool is_box_inside(const sm_extent *inner, const sm_extent *outer, size_t rank) {
  for (size_t i = 0; i < rank; i++)
    if (inner[i].start < outer[i].start || inner[i].start + inner[i].length > outer[i].start + outer[i].length)
      return false;
  return true;
}

/* Bytes that lie together here and there, and of the part are all there is. */
static sm_status copy_whole(const copy_job *job, const sm_part *part, const sm_shard *shard, uint8_t *dst,
                            sm_error *err) {
  uint32_t crc = 0;
  bool is_checked = sm_reader_checks(job->reader);
  SM_TRY(sm_shard_read(dst, (size_t)part->size, is_checked ? &crc : NULL, shard, 0, job->reader, part, err));
  if (is_checked) SM_TRY(sm_part_compare(crc, job->reader, part, err));
  sm_copy_reordered(dst, dst, (size_t)part->size, job->order_size);
  return SM_OK;
}

static sm_status copy_part(const copy_job *job, const sm_part *part, sm_error *err) {
  sm_shard *shard;
  sm_box_rows rows;
  SM_TRY(sm_shard_of(&shard, job->reader, part, err));
  sm_box_rows_begin(&rows, job->wanted, part->box, job->rank, job->element_size);
  bool is_all = is_box_inside(part->box, job->wanted, job->rank);
  bool is_checked = is_all ? sm_reader_checks(job->reader) : job->reader->verify == SM_VERIFY_ALL;
  if (is_all && (part->size == 0 || (rows.n_rows == 1 && rows.n_axes == 0)))
    return copy_whole(job, part, shard, job->dst + rows.dst_at, err);
  if (shard->data != NULL) {
    if (is_checked) SM_TRY(sm_part_check(shard, job->reader, part, err));
    sm_box_copy(job->dst, job->wanted, shard->data + part->offset, part->box, job->rank, job->element_size,
                job->order_size);
    return SM_OK;
  }
  if (rows.n_rows == 0) return SM_OK;
  return is_checked ? read_all(job, part, shard, err) : read_some(job, part, shard, &rows, err);
}

sm_status sm_parts_copy(void *dst, const sm_extent *wanted, const sm_bundle_reader *reader,
                        const sm_bundle_entry *entry, sm_parts parts, sm_error *err) {
  const copy_job job = {.reader = reader,
                        .dst = dst,
                        .wanted = wanted,
                        .rank = (size_t)entry->rank,
                        .element_size = sm_dtype_size(entry->dtype),
                        .order_size = sm_reader_turns(reader) ? sm_dtype_order_size(entry->dtype) : 1};
  for (size_t i = 0; i < parts.n; i++) {
    const sm_part *part = &parts.items[i];
    SM_TRY(reader->v1 != NULL ? sm_v1_copy_part(dst, wanted, reader, entry, part, err) : copy_part(&job, part, err));
  }
  return SM_OK;
}

/* ---- The calls ---- */

sm_status sm_read_box(sm_extent *box, const sm_bundle_reader *reader, const sm_bundle_entry *entry,
                      const sm_slice_spec *slice, sm_error *err) {
  if ((const void *)entry->reserved[1].data != (const void *)&reader->source)
    return SM_FAIL(err, SM_INVALID_ARGUMENT, "an entry of another reader");
  sm_status status = sm_box_of(box, slice, entry->dims, (size_t)entry->rank, SM_INVALID_ARGUMENT, err);
  if (status != SM_OK) sm_error_add_place(err, sm_key_text_of(entry->key).text);
  return status;
}

static sm_status check_dst(const sm_extent *box, const sm_bundle_entry *entry, size_t dst_size, sm_error *err) {
  int64_t n;
  size_t size = sm_dtype_size(entry->dtype);
  if (size == 0)
    return SM_FAIL(err, SM_INVALID_ARGUMENT, "%s: elements of %s have no size: read it as a tensor",
                   sm_key_text_of(entry->key).text, sm_dtype_name(entry->dtype));
  (void)sm_box_elements(&n, box, (size_t)entry->rank);
  size *= (size_t)n;
  if (size == dst_size) return SM_OK;
  return SM_FAIL(err, SM_INVALID_ARGUMENT, "%s: memory of %zu bytes for %zu", sm_key_text_of(entry->key).text, dst_size,
                 size);
}

/* Opens the data files, so that it is known how many bytes there are to make a tensor of. */
static sm_status open_shards(const sm_bundle_reader *reader, sm_parts parts, sm_error *err) {
  sm_shard *shard;
  for (size_t i = 0; reader->v1 == NULL && i < parts.n; i++) SM_TRY(sm_shard_of(&shard, reader, &parts.items[i], err));
  return SM_OK;
}

sm_status sm_bundle_reader_read_entry(const sm_bundle_reader *reader, const sm_bundle_entry *entry,
                                      const sm_slice_spec *slice, void *dst, size_t dst_size, sm_error *err) {
  sm_extent box[SM_MAX_RANK], whole_box[SM_MAX_RANK];
  sm_part whole;
  sm_parts parts;
  uint8_t nothing;
  SM_TRY(sm_read_box(box, reader, entry, slice, err));
  SM_TRY(check_dst(box, entry, dst_size, err));
  sm_arena arena;
  sm_arena_init(&arena, reader->allocator, sm_reader_limit(reader));
  sm_status status = sm_parts_find(&parts, &whole, whole_box, reader, entry, box, &arena, err);
  if (status == SM_OK) status = sm_parts_copy(dst_size != 0 ? dst : &nothing, box, reader, entry, parts, err);
  sm_arena_free(&arena);
  return status;
}

sm_status sm_bundle_reader_read(const sm_bundle_reader *reader, const char *key, const sm_slice_spec *slice, void *dst,
                                size_t dst_size, sm_error *err) {
  sm_bundle_entry entry;
  SM_TRY(sm_bundle_reader_find(&entry, reader, key, err));
  return sm_bundle_reader_read_entry(reader, &entry, slice, dst, dst_size, err);
}

/* ---- Tensors ---- */

/* The dims of a box. */
static void shape_of(int64_t *dims, const sm_extent *box, int32_t rank) {
  for (int32_t i = 0; i < rank; i++) dims[i] = box[i].length;
}

/* Sets view to where box lies in a mapped file, checked; *shard stays NULL when it does not lie there in one piece. */
static sm_status find_in_place(sm_tensor_view *view, sm_shard **shard, const sm_extent *box,
                               const sm_bundle_reader *reader, const sm_bundle_entry *entry, sm_parts parts,
                               sm_error *err) {
  sm_box_rows rows;
  size_t element_size = sm_dtype_size(entry->dtype), rank = (size_t)entry->rank;
  *shard = NULL;
  if (parts.n != 1 || reader->v1 != NULL || element_size == 0) return SM_OK;
  if (sm_reader_turns(reader) && sm_dtype_order_size(entry->dtype) != 1) return SM_OK;
  const sm_part *part = &parts.items[0];
  sm_shard *found;
  SM_TRY(sm_shard_of(&found, reader, part, err));
  sm_box_rows_begin(&rows, box, part->box, rank, element_size);
  if (found->data == NULL || rows.n_rows != 1 || rows.n_axes != 0) return SM_OK;
  bool is_checked = rows.row_size == part->size || reader->verify == SM_VERIFY_ALL;
  if (is_checked) SM_TRY(sm_part_check(found, reader, part, err));
  view->dtype = entry->dtype;
  view->rank = entry->rank;
  view->data = found->data + part->offset + rows.src_at;
  view->size = rows.row_size;
  shape_of(view->dims, box, entry->rank);
  *shard = found;
  return SM_OK;
}

static void release_shard(void *ctx) { sm_shard_let_go(ctx); }

static sm_status make_in_place(sm_tensor **out, const sm_tensor_view *view, sm_shard *shard,
                               const sm_bundle_reader *reader, sm_error *err) {
  sm_shard_keep(shard);
  sm_status status = sm_tensor_new_in_place(out, view, release_shard, shard, reader->allocator, err);
  if (status != SM_OK) sm_shard_let_go(shard);
  return status;
}

static sm_status make_copy(sm_tensor **out, const sm_extent *box, const sm_bundle_reader *reader,
                           const sm_bundle_entry *entry, sm_parts parts, sm_error *err) {
  int64_t dims[SM_MAX_RANK];
  size_t size;
  uint8_t nothing;
  shape_of(dims, box, entry->rank);
  (void)sm_shape_bytes(&size, entry->dtype, dims, (size_t)entry->rank); /* part of a shape that was checked */
  SM_TRY(sm_reader_check_limit(reader, entry->key, size, err));
  SM_TRY(sm_tensor_new(out, entry->dtype, dims, entry->rank, reader->allocator, err));
  void *data = size != 0 ? sm_tensor_get_data(*out) : &nothing;
  sm_status status = sm_parts_copy(data, box, reader, entry, parts, err);
  if (status != SM_OK) {
    sm_tensor_free(*out);
    *out = NULL;
  }
  return status;
}

static sm_status make_tensor(sm_tensor **out, const sm_extent *box, const sm_bundle_reader *reader,
                             const sm_bundle_entry *entry, sm_parts parts, bool is_in_place, sm_arena *arena,
                             sm_error *err) {
  sm_tensor_view view;
  sm_shard *shard = NULL;
  SM_TRY(open_shards(reader, parts, err));
  if (sm_dtype_size(entry->dtype) == 0) return sm_strings_read(out, box, reader, entry, parts, arena, err);
  if (is_in_place) SM_TRY(find_in_place(&view, &shard, box, reader, entry, parts, err));
  if (shard != NULL) return make_in_place(out, &view, shard, reader, err);
  return make_copy(out, box, reader, entry, parts, err);
}

sm_status sm_tensor_read(sm_tensor **out, const sm_bundle_reader *reader, const sm_bundle_entry *entry,
                         const sm_slice_spec *slice, bool is_in_place, sm_error *err) {
  sm_extent box[SM_MAX_RANK], whole_box[SM_MAX_RANK];
  sm_part whole;
  sm_parts parts;
  *out = NULL;
  SM_TRY(sm_read_box(box, reader, entry, slice, err));
  sm_arena arena;
  sm_arena_init(&arena, reader->allocator, sm_reader_limit(reader));
  sm_status status = sm_parts_find(&parts, &whole, whole_box, reader, entry, box, &arena, err);
  if (status == SM_OK) status = make_tensor(out, box, reader, entry, parts, is_in_place, &arena, err);
  sm_arena_free(&arena);
  return status;
}

sm_status sm_bundle_reader_read_entry_tensor(sm_tensor **out, const sm_bundle_reader *reader,
                                             const sm_bundle_entry *entry, const sm_slice_spec *slice, sm_error *err) {
  return sm_tensor_read(out, reader, entry, slice, true, err);
}

sm_status sm_bundle_reader_read_tensor(sm_tensor **out, const sm_bundle_reader *reader, const char *key,
                                       const sm_slice_spec *slice, sm_error *err) {
  sm_bundle_entry entry;
  *out = NULL;
  SM_TRY(sm_bundle_reader_find(&entry, reader, key, err));
  return sm_bundle_reader_read_entry_tensor(out, reader, &entry, slice, err);
}

/* ---- Views ---- */

/* No bytes lie nowhere, and have a checksum all the same. */
static sm_status view_nothing(sm_tensor_view *view, const sm_bundle_reader *reader, const sm_bundle_entry *entry,
                              const sm_part *whole, sm_error *err) {
  sm_shard *shard;
  SM_TRY(sm_shard_of(&shard, reader, whole, err));
  if (sm_reader_checks(reader)) SM_TRY(sm_part_compare(0, reader, whole, err));
  view->dtype = entry->dtype;
  view->rank = entry->rank;
  view->data = NULL;
  view->size = 0;
  for (int32_t i = 0; i < entry->rank; i++) view->dims[i] = entry->dims[i];
  return SM_OK;
}

sm_status sm_bundle_reader_view_entry(sm_tensor_view *view, const sm_bundle_reader *reader,
                                      const sm_bundle_entry *entry, sm_error *err) {
  sm_extent box[SM_MAX_RANK], whole_box[SM_MAX_RANK];
  sm_part whole;
  sm_parts parts = {NULL, 0};
  sm_shard *shard = NULL;
  sm_arena none; /* nothing is allocated for a tensor that is whole */
  SM_TRY(sm_read_box(box, reader, entry, NULL, err));
  sm_arena_init(&none, reader->allocator, 0);
  if (entry->n_slices == 0 && reader->v1 == NULL) {
    SM_TRY(sm_parts_find(&parts, &whole, whole_box, reader, entry, box, &none, err));
    if (whole.size == 0 && sm_dtype_size(entry->dtype) != 0) return view_nothing(view, reader, entry, &whole, err);
  }
  SM_TRY(find_in_place(view, &shard, box, reader, entry, parts, err));
  if (shard != NULL) return SM_OK;
  return SM_FAIL(err, SM_FAILED_PRECONDITION,
                 "%s: %s does not lie in one mapped piece of this machine's byte order: read it", reader->source.name,
                 sm_key_text_of(entry->key).text);
}

sm_status sm_bundle_reader_view(sm_tensor_view *view, const sm_bundle_reader *reader, const char *key, sm_error *err) {
  sm_bundle_entry entry;
  SM_TRY(sm_bundle_reader_find(&entry, reader, key, err));
  return sm_bundle_reader_view_entry(view, reader, &entry, err);
}
