#include "bundle/bundle_internal.h"

struct sm_bundle_iter {
  const sm_bundle_reader *reader;
  sm_table_iter table; /* V2 */
  size_t next;         /* V1 */
  bool is_started;     /* the table's entry was handed out, or is not one */
  sm_status failure;   /* of the index: what every later call gives */
  sm_error failure_text;
  /* Keys of slices come together: whose the last one was, and whether that tensor has slices. */
  sm_buffer name, last_name;
  bool last_is_sliced;
  sm_bundle_entry entry;
};

/* ---- Keys that are not tensors' ---- */

/* A look at the tensor's own entry. */
static sm_status look_up_sliced(bool *is_sliced, const sm_bundle_reader *reader, sm_string name, sm_error *err) {
  sm_string value;
  *is_sliced = false;
  sm_status status = sm_table_find(&value, reader->index, name, err);
  if (status == SM_NOT_FOUND) return SM_OK;
  SM_TRY(status);
  sm_wire_reader fields = sm_wire_read((sm_span){(const uint8_t *)value.data, value.size}, &reader->source);
  for (sm_wire_field field; !*is_sliced && sm_wire_next(&fields, &field);)
    *is_sliced = field.tag == SM_WIRE_TAG(ENTRY_SLICES, SM_WIRE_BYTES);
  return SM_OK;
}

/* Is it the key of a slice? A tensor's name may look like one; it is one where there is a tensor in slices to have it. */
static sm_status check_slice_key(bool *is_slice, sm_bundle_iter *iter, sm_string key, sm_error *err) {
  sm_extent extents[SM_MAX_RANK];
  int32_t rank;
  *is_slice = false;
  if (key.size == 0 || key.data[0] != '\0') return SM_OK;
  SM_TRY(sm_slice_key_parse(&iter->name, extents, &rank, key, err));
  if (rank < 0) return SM_OK;
  sm_string name = {(const char *)iter->name.data, iter->name.size};
  sm_string last = {(const char *)iter->last_name.data, iter->last_name.size};
  if (iter->last_name.data == NULL || !sm_string_equal(name, last)) {
    iter->last_name.size = 0;
    SM_TRY(sm_buffer_put(&iter->last_name, name.data, name.size, err));
    SM_TRY(look_up_sliced(&iter->last_is_sliced, iter->reader, name, err));
  }
  *is_slice = iter->last_is_sliced;
  return SM_OK;
}

/* ---- Walking ---- */

sm_status sm_bundle_iter_new(sm_bundle_iter **out, const sm_bundle_reader *reader, const char *start, sm_error *err) {
  *out = NULL;
  sm_bundle_iter *iter = sm_new(reader->allocator, sm_bundle_iter);
  if (iter == NULL) return SM_FAIL_OOM(err, sizeof *iter);
  iter->reader = reader;
  sm_buffer_init(&iter->name, reader->allocator, sm_reader_limit(reader));
  sm_buffer_init(&iter->last_name, reader->allocator, sm_reader_limit(reader));
  sm_string first = sm_string_of(start != NULL ? start : "");
  sm_status status = SM_OK;
  if (reader->v1 != NULL) {
    iter->next = sm_v1_lower_bound(reader->v1, first);
  } else {
    sm_table_iter_init(&iter->table, reader->index);
    status = sm_table_iter_seek(&iter->table, first, err);
  }
  if (status != SM_OK)
    sm_bundle_iter_free(iter);
  else
    *out = iter;
  return status;
}

void sm_bundle_iter_free(sm_bundle_iter *iter) {
  if (iter == NULL) return;
  if (iter->reader->v1 == NULL) sm_table_iter_free(&iter->table);
  sm_buffer_free(&iter->name);
  sm_buffer_free(&iter->last_name);
  sm_free(iter->reader->allocator, iter);
}

/* To the next entry of the index that is a tensor's; the table is not valid behind the last. */
static sm_status step(sm_bundle_iter *iter, sm_error *err) {
  bool is_other = true;
  while (is_other) {
    if (iter->is_started) SM_TRY(sm_table_iter_next(&iter->table, err));
    iter->is_started = true;
    if (!iter->table.is_valid) return SM_OK;
    SM_TRY(check_slice_key(&is_other, iter, iter->table.key, err));
    is_other = is_other || iter->table.key.size == 0;
  }
  return SM_OK;
}

/* The key and the value of the next tensor; key.data NULL: there is none. */
static sm_status next_value(sm_string *key, sm_string *value, sm_bundle_iter *iter, sm_error *err) {
  const sm_v1_index *v1 = iter->reader->v1;
  *key = *value = (sm_string){NULL, 0};
  if (v1 != NULL) {
    if (iter->next == v1->n_tensors) return SM_OK;
    *key = v1->tensors[iter->next].name;
    *value = v1->tensors[iter->next++].entry;
    return SM_OK;
  }
  SM_TRY(step(iter, err));
  if (iter->table.is_valid) {
    *key = iter->table.key;
    *value = iter->table.value;
  }
  return SM_OK;
}

sm_status sm_bundle_iter_next(const sm_bundle_entry **entry, sm_bundle_iter *iter, sm_error *err) {
  sm_string key, value;
  *entry = NULL;
  if (iter->failure == SM_OK) iter->failure = next_value(&key, &value, iter, &iter->failure_text);
  if (iter->failure != SM_OK) {
    if (err != NULL) *err = iter->failure_text;
    return iter->failure;
  }
  if (key.data == NULL) return SM_OK;
  *entry = &iter->entry;
  sm_status status = sm_entry_read(&iter->entry, key, value, &iter->reader->header, &iter->reader->source, err);
  if (status != SM_OK) iter->entry = (sm_bundle_entry){.key = key};
  return status;
}
