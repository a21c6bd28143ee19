/* What people say of a model, in SM_FILE_METADATA. */
#include "codec/flat_json.h"
#include "model/model_internal.h"

typedef struct metadata {
  sm_metadata_entry *entries;
  size_t n;
} metadata;

static sm_status read_entries(metadata *out, sm_string text, sm_arena *arena, sm_error *err) {
  sm_json_pairs pairs;
  SM_TRY(sm_flat_json_read(&pairs, text, arena, err));
  out->entries = sm_arena_array(arena, sm_metadata_entry, pairs.n);
  if (out->entries == NULL) return sm_arena_fail(arena, pairs.n * sizeof *out->entries, err);
  for (size_t i = 0; i < pairs.n; i++)
    out->entries[i] = (sm_metadata_entry){pairs.items[i].key.data, pairs.items[i].value.data};
  out->n = pairs.n;
  return SM_OK;
}

static sm_status build_metadata(void **out, const sm_meta_graph *graph, const void *subject, sm_arena *arena,
                                sm_error *err) {
  const sm_model *model = subject;
  sm_bytes bytes;
  sm_error failure;
  (void)graph;
  metadata *made = sm_arena_new(arena, metadata);
  if (made == NULL) return sm_arena_fail(arena, sizeof *made, err);
  *out = made;
  if (model->dir == NULL) return SM_OK;
  sm_status status =
      sm_bytes_load(&bytes, &model->root, SM_FILE_METADATA, arena->max_bytes, model->allocator, &failure);
  if (status == SM_NOT_FOUND) return SM_OK;
  SM_TRY(sm_error_pass(err, status, &failure));
  status = read_entries(made, (sm_string){(const char *)bytes.data, bytes.size}, arena, err);
  sm_bytes_unload(&bytes);
  if (status != SM_OK) sm_error_add_place(err, SM_FILE_METADATA);
  return status;
}

sm_status sm_model_get_metadata(const sm_metadata_entry **out, size_t *n, const sm_model *model, sm_error *err) {
  void *made;
  sm_model *owner = (sm_model *)(uintptr_t)model;
  *out = NULL;
  *n = 0;
  SM_TRY(sm_model_once(&made, owner, &owner->metadata, build_metadata, NULL, owner, err));
  *out = ((const metadata *)made)->entries;
  *n = ((const metadata *)made)->n;
  return SM_OK;
}
