#include "builder/freeze_values.h"

#include "tensor/slice.h"
#include "tensor/tensor_proto.h"

/* Bytes of the value, all of it or a slice; of strings, what they take in the shard. A slice that is none fails when the
 * value is put. */
static uint64_t size_of(const sm_bundle_entry *entry, sm_string text) {
  sm_shape_and_slice part = {.rank = -1};
  sm_extent box[SM_MAX_RANK];
  int64_t elements;
  size_t size;
  if (text.size != 0 && sm_shape_and_slice_read(&part, text, NULL) != SM_OK) return 0;
  const sm_slice_spec slice = {.extents = part.extents, .n_extents = part.rank < 0 ? 0 : (size_t)part.rank};
  if (sm_box_of(box, part.rank < 0 ? NULL : &slice, entry->dims, (size_t)entry->rank, SM_DATA_LOSS, NULL) != SM_OK ||
      !sm_box_elements(&elements, box, (size_t)entry->rank))
    return 0;
  size_t element_size = sm_dtype_size(entry->dtype);
  if (element_size == 0) return entry->size;
  return sm_mul_size((size_t)elements, element_size, &size) ? size : UINT64_MAX;
}

/* The last of one key is what is found: the first that is all of the tensor. */
static bool key_less(const void *a, const void *b) {
  const sm_freeze_key *left = a, *right = b;
  int order = sm_string_compare(left->key, right->key);
  if (order != 0 || left->is_whole != right->is_whole) return order != 0 ? order < 0 : right->is_whole;
  return left->value > right->value;
}

static sm_status index_keys(sm_freeze_values *values, sm_arena *arena, sm_error *err) {
  values->keys = sm_arena_array(arena, sm_freeze_key, values->n);
  if (values->keys == NULL) return sm_arena_fail(arena, values->n * sizeof *values->keys, err);
  for (size_t i = 0; i < values->n; i++)
    values->keys[i] = (sm_freeze_key){values->values[i].entry.key, values->values[i].slice.size == 0, i};
  sm_sort(values->keys, values->n, sizeof *values->keys, key_less);
  return SM_OK;
}

sm_status sm_freeze_values_find(sm_freeze_values *out, const sm_restored_variable *restores, size_t n,
                                const sm_bundle_reader *reader, sm_arena *arena, sm_error *err) {
  *out = (sm_freeze_values){.reader = reader};
  out->variables = sm_arena_array(arena, sm_freeze_variable, n);
  out->values = sm_arena_array(arena, sm_freeze_value, n);
  if (out->variables == NULL || out->values == NULL) return sm_arena_fail(arena, n * sizeof *out->values, err);
  for (size_t i = 0; i < n; i++) {
    sm_bundle_entry entry;
    if (i > 0 && sm_string_equal(restores[i].node, restores[i - 1].node)) continue;
    sm_status status = sm_bundle_reader_find_n(&entry, reader, restores[i].key, err);
    bool is_missing = status == SM_NOT_FOUND; /* which matters when it is needed */
    if (!is_missing) SM_TRY(status);
    if (is_missing) entry = (sm_bundle_entry){.key = restores[i].key, .dtype = SM_DT_FLOAT};
    out->variables[out->n] = (sm_freeze_variable){restores[i].node, entry.dtype, size_of(&entry, restores[i].slice)};
    out->values[out->n++] = (sm_freeze_value){entry, restores[i].slice, is_missing};
  }
  return index_keys(out, arena, err);
}

bool sm_freeze_values_has_key(const sm_freeze_values *values, sm_string key) {
  return sm_named_find(values->keys, values->n, sizeof *values->keys, key) != SIZE_MAX;
}

size_t sm_freeze_values_find_key(const sm_freeze_values *values, sm_string key) {
  size_t found = sm_named_find(values->keys, values->n, sizeof *values->keys, key);
  return found != SIZE_MAX && values->keys[found].is_whole ? values->keys[found].value : SIZE_MAX;
}

sm_status sm_freeze_values_put(sm_buffer *out, void *ctx, size_t variable, sm_error *err) {
  const sm_freeze_values *values = ctx;
  const sm_freeze_value *value = &values->values[variable];
  sm_shape_and_slice part;
  sm_tensor *tensor;
  if (value->is_missing)
    return SM_FAIL(err, SM_NOT_FOUND, "variable %.*s: the checkpoint has no %.*s",
                   SM_SHOWN(values->variables[variable].node), SM_SHOWN(value->entry.key));
  SM_TRY(sm_shape_and_slice_read(&part, value->slice, err));
  const sm_slice_spec slice = {.extents = part.extents, .n_extents = part.rank < 0 ? 0 : (size_t)part.rank};
  SM_TRY(
      sm_bundle_reader_read_entry_tensor(&tensor, values->reader, &value->entry, part.rank < 0 ? NULL : &slice, err));
  sm_status status = sm_tensor_proto_write(out, sm_tensor_get_view(tensor), SM_TENSOR_PROTO_CONTENT, err);
  sm_tensor_free(tensor);
  return status;
}
