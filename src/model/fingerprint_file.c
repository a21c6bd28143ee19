/* What fingerprint.pb says of a model. */
#include "model/model_internal.h"

#include <savedmodel/pb/fingerprint.pb-c.h>

static sm_status build_fingerprint(void **out, const sm_meta_graph *graph, const void *subject, sm_arena *arena,
                                   sm_error *err) {
  (void)graph;
  const sm_model *model = subject;
  char name[SM_PATH_MAX];
  sm_bytes bytes;
  if (model->dir == NULL)
    return SM_FAIL(err, SM_NOT_FOUND, "the model was opened from a buffer, which has no " SM_FILE_FINGERPRINT);
  (void)sm_path_join(name, sizeof name, model->dir, SM_FILE_FINGERPRINT);
  SM_TRY(sm_bytes_load(&bytes, &model->root, SM_FILE_FINGERPRINT, arena->max_bytes, model->allocator, err));
  const sm_wire_source source = {.name = name, .bytes = {bytes.data, bytes.size}};
  ProtobufCMessage *message;
  sm_status status = sm_wire_unpack(&message, &tensorflow__fingerprint_def__descriptor, (sm_spans){&source.bytes, 1},
                                    &source, arena, err);
  sm_bytes_unload(&bytes);
  SM_TRY(status);
  const Tensorflow__FingerprintDef *def = (const Tensorflow__FingerprintDef *)message;
  sm_fingerprint *made = sm_arena_new(arena, sm_fingerprint);
  if (made == NULL) return sm_arena_fail(arena, sizeof *made, err);
  *made = (sm_fingerprint){.saved_model_checksum = def->saved_model_checksum,
                           .graph_def_program_hash = def->graph_def_program_hash,
                           .signature_def_hash = def->signature_def_hash,
                           .saved_object_graph_hash = def->saved_object_graph_hash,
                           .checkpoint_hash = def->checkpoint_hash,
                           .uuid = def->uuid != NULL ? def->uuid : ""};
  if (def->version != NULL) {
    made->producer = def->version->producer;
    made->min_consumer = def->version->min_consumer;
    made->bad_consumers = def->version->bad_consumers;
    made->n_bad_consumers = def->version->n_bad_consumers;
  }
  *out = made;
  return SM_OK;
}

sm_status sm_model_get_fingerprint(const sm_fingerprint **out, const sm_model *model, sm_error *err) {
  void *made;
  sm_model *opened = (sm_model *)(uintptr_t)model; /* shared: the slot is published, the rest is behind the lock */
  sm_status status = sm_model_once(&made, opened, &opened->fingerprint, build_fingerprint, NULL, opened, err);
  *out = made;
  return status;
}
