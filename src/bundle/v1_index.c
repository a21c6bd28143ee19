/*
 * The index of a V1 checkpoint: each of its files has a SavedTensorSliceMeta under the empty key, with a SavedSliceMeta for
 * each tensor that it has slices of. Those of one tensor are put together to a BundleEntryProto, so that all else need not
 * know of two formats. Source: core/util/tensor_slice_reader.cc, LoadShard.
 */
#include "bundle/bundle_internal.h"
#include "wire/emit.h"

/* A SavedSliceMeta. */
typedef struct saved_meta {
  sm_string name;
  size_t order; /* of the file, then in it: what is equal by name stays in order */
  sm_span bytes;
} saved_meta;

/* ---- Collecting ---- */

static sm_status add_meta(sm_buffer *metas, sm_span bytes, const sm_wire_source *source, sm_error *err) {
  sm_span name;
  SM_TRY(sm_wire_find_bytes(&name, bytes, META_NAME, source, err));
  const saved_meta meta = {{(const char *)name.data, name.size}, metas->size / sizeof meta, bytes};
  return sm_buffer_put(metas, &meta, sizeof meta, err);
}

/* A SavedTensorSliceMeta. */
static sm_status add_metas(sm_buffer *metas, sm_span message, sm_bundle_reader *reader, sm_error *err) {
  const sm_wire_source *source = &reader->source;
  sm_wire_reader fields = sm_wire_read(message, source);
  for (sm_wire_field field; sm_wire_next(&fields, &field);) {
    if (field.tag == SM_WIRE_TAG(SLICE_META_TENSOR, SM_WIRE_BYTES)) SM_TRY(add_meta(metas, field.bytes, source, err));
    if (field.tag == SM_WIRE_TAG(SLICE_META_VERSIONS, SM_WIRE_BYTES))
      SM_TRY(sm_header_read_version(&reader->header, field.bytes, source, &reader->arena, err));
  }
  return sm_wire_finish(&fields, err);
}

static sm_status add_file(sm_buffer *metas, const sm_table *file, sm_bundle_reader *reader, sm_error *err) {
  sm_string value = {NULL, 0};
  bool has_meta = false;
  sm_status status = sm_table_find(&value, file, (sm_string){"", 0}, err);
  if (status != SM_NOT_FOUND) SM_TRY(status);
  sm_wire_reader fields = sm_wire_read((sm_span){(const uint8_t *)value.data, value.size}, &reader->source);
  for (sm_wire_field field; sm_wire_next(&fields, &field);) {
    if (field.tag != SM_WIRE_TAG(SLICES_META, SM_WIRE_BYTES)) continue;
    has_meta = true;
    SM_TRY(add_metas(metas, field.bytes, reader, err));
  }
  SM_TRY(sm_wire_finish(&fields, err));
  if (has_meta) return SM_OK;
  return SM_FAIL(err, SM_DATA_LOSS, "%s: a table, but no checkpoint of version 1 (of PREFIX.index name the PREFIX)",
                 reader->source.name);
}

/* ---- Putting together ---- */

static bool is_meta_before(const void *a, const void *b) {
  const saved_meta *x = a, *y = b;
  int order = sm_string_compare(x->name, y->name);
  return order != 0 ? order < 0 : x->order < y->order;
}

/* Appends what one says of its slices, and, as the first, of the tensor. */
static sm_status put_meta(sm_buffer *entry, const saved_meta *meta, bool is_first, const sm_wire_source *source,
                          sm_error *err) {
  sm_wire_reader fields = sm_wire_read(meta->bytes, source);
  for (sm_wire_field field; sm_wire_next(&fields, &field);) {
    if (field.tag == SM_WIRE_TAG(META_TYPE, SM_WIRE_VARINT) && is_first)
      SM_TRY(sm_wire_put_varint(entry, ENTRY_DTYPE, field.value, err));
    if (field.tag == SM_WIRE_TAG(META_SHAPE, SM_WIRE_BYTES) && is_first)
      SM_TRY(sm_wire_put_bytes(entry, ENTRY_SHAPE, field.bytes.data, field.bytes.size, err));
    if (field.tag == SM_WIRE_TAG(META_SLICE, SM_WIRE_BYTES))
      SM_TRY(sm_wire_put_bytes(entry, ENTRY_SLICES, field.bytes.data, field.bytes.size, err));
  }
  return sm_wire_finish(&fields, err);
}

static sm_status read_type(uint64_t *type, sm_span *shape, const saved_meta *meta, const sm_wire_source *source,
                           sm_error *err) {
  *type = 0;
  SM_TRY(sm_wire_find_bytes(shape, meta->bytes, META_SHAPE, source, err));
  sm_wire_reader fields = sm_wire_read(meta->bytes, source);
  for (sm_wire_field field; sm_wire_next(&fields, &field);)
    if (field.tag == SM_WIRE_TAG(META_TYPE, SM_WIRE_VARINT)) *type = field.value;
  return sm_wire_finish(&fields, err);
}

/* Files of one save agree on a tensor, and one writer writes the same shape in the same bytes. */
static sm_status check_same(const saved_meta *a, const saved_meta *b, const sm_wire_source *source, sm_error *err) {
  uint64_t a_type, b_type;
  sm_span a_shape, b_shape;
  SM_TRY(read_type(&a_type, &a_shape, a, source, err));
  SM_TRY(read_type(&b_type, &b_shape, b, source, err));
  if (a_type == b_type && sm_string_equal((sm_string){(const char *)a_shape.data, a_shape.size},
                                          (sm_string){(const char *)b_shape.data, b_shape.size}))
    return SM_OK;
  return SM_FAIL(err, SM_DATA_LOSS, "%s: %s: two files say different things of its dtype or shape", source->name,
                 sm_key_text_of(a->name).text);
}

/* n metas of one name. */
static sm_status put_tensor(sm_v1_tensor *out, const saved_meta *metas, size_t n, sm_buffer *scratch, sm_arena *arena,
                            const sm_wire_source *source, sm_error *err) {
  scratch->size = 0;
  for (size_t i = 0; i < n; i++) {
    if (i != 0) SM_TRY(check_same(&metas[0], &metas[i], source, err));
    SM_TRY(put_meta(scratch, &metas[i], i == 0, source, err));
  }
  out->name = metas[0].name;
  out->entry = sm_arena_copy(arena, (sm_string){(const char *)scratch->data, scratch->size});
  return out->entry.data != NULL ? SM_OK : sm_arena_fail(arena, scratch->size, err);
}

static sm_status put_tensors(sm_v1_index *v1, const saved_meta *metas, size_t n, sm_buffer *scratch,
                             sm_bundle_reader *reader, sm_error *err) {
  sm_v1_tensor *tensors = sm_arena_array(&reader->arena, sm_v1_tensor, n);
  if (tensors == NULL) return sm_arena_fail(&reader->arena, n * sizeof *tensors, err);
  v1->tensors = tensors;
  for (size_t i = 0, same; i < n; i += same) {
    for (same = 1; i + same < n && sm_string_equal(metas[i].name, metas[i + same].name); same++) continue;
    SM_TRY(put_tensor(&tensors[v1->n_tensors], &metas[i], same, scratch, &reader->arena, &reader->source, err));
    v1->n_tensors++;
  }
  return SM_OK;
}

sm_status sm_v1_index_tensors(sm_v1_index *v1, sm_bundle_reader *reader, sm_error *err) {
  sm_buffer metas, scratch;
  sm_status status = SM_OK;
  sm_buffer_init(&metas, reader->allocator, reader->arena.max_bytes);
  sm_buffer_init(&scratch, reader->allocator, reader->arena.max_bytes);
  for (size_t i = 0; status == SM_OK && i < v1->n_files; i++) status = add_file(&metas, v1->files[i], reader, err);
  size_t n = metas.size / sizeof(saved_meta);
  if (status == SM_OK && n != 0) {
    sm_sort(metas.data, n, sizeof(saved_meta), is_meta_before);
    status = put_tensors(v1, (const saved_meta *)metas.data, n, &scratch, reader, err);
  }
  sm_buffer_free(&metas);
  sm_buffer_free(&scratch);
  return status;
}

/* ---- Finding ---- */

size_t sm_v1_lower_bound(const sm_v1_index *v1, sm_string start) {
  size_t low = 0, high = v1->n_tensors;
  while (low < high) {
    size_t middle = low + (high - low) / 2;
    if (sm_string_compare(v1->tensors[middle].name, start) < 0)
      low = middle + 1;
    else
      high = middle;
  }
  return low;
}

sm_status sm_v1_find_part(sm_part *part, const sm_v1_index *v1, const sm_bundle_reader *reader, sm_string key,
                          sm_error *err) {
  sm_string value;
  sm_span data;
  sm_status status = SM_NOT_FOUND;
  for (size_t i = 0; status == SM_NOT_FOUND && i < v1->n_files; i++)
    status = sm_table_find(&value, v1->files[i], key, err);
  SM_TRY(status);
  part->id = value.data;
  SM_TRY(
      sm_wire_find_bytes(&data, (sm_span){(const uint8_t *)value.data, value.size}, SLICES_DATA, &reader->source, err));
  return sm_wire_find_bytes(&part->values, data, SAVED_SLICE_DATA, &reader->source, err);
}
