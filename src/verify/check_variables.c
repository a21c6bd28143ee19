/* The checkpoint, as sm_bundle_reader_verify sees it, and the object graph that is inside. */
#include <stdio.h>

#include <savedmodel/pb/trackable_object_graph.pb-c.h>

#include "verify/verify_internal.h"

#define INDEX_NAME SM_DIR_VARIABLES "/" SM_FILE_VARIABLES_PREFIX ".index"

/* The key of the object graph. Source: python/trackable/base.py, OBJECT_GRAPH_PROTO_KEY. */
#define OBJECT_GRAPH_KEY "_CHECKPOINTABLE_OBJECT_GRAPH"

/* ---- The checkpoint as such ---- */

/* Defects of the checkpoint: its files lie below variables. */
static void take_defect(void *ctx, const sm_defect *defect) {
  sm_verifier *v = ctx;
  char file[SM_PATH_MAX];
  if (!sm_path_join(file, sizeof file, SM_DIR_VARIABLES, defect->file)) return;
  const sm_place place = {.file = file, .kind = *defect->place != '\0' ? defect->place : NULL};
  sm_verify_tell(v, defect->severity, &place, "%s", defect->what);
}

/* ---- Its object graph ---- */

/* Objects that are saved as several tensors put more behind their key: a table has -keys and -values. */
static sm_status check_key(sm_verifier *v, const sm_bundle_reader *reader, const char *key, sm_error *err) {
  sm_bundle_iter *iter;
  const sm_bundle_entry *entry = NULL;
  const sm_place place = {.file = INDEX_NAME, .kind = key};
  size_t size = strlen(key);
  sm_status status = sm_bundle_iter_new(&iter, reader, key, err);
  if (status == SM_OK) status = sm_bundle_iter_next(&entry, iter, err);
  bool is_there = entry != NULL && entry->key.size >= size && memcmp(entry->key.data, key, size) == 0;
  sm_bundle_iter_free(iter);
  if (status == SM_OK && !is_there)
    sm_verify_tell(v, SM_SEVERITY_ERROR, &place, "an object of the checkpoint has it, the checkpoint has not");
  return status == SM_OK || sm_verify_is_defect(status) ? SM_OK : status;
}

static sm_status check_object(sm_verifier *v, const sm_bundle_reader *reader,
                              const Tensorflow__TrackableObjectGraph__TrackableObject *object, size_t n_objects,
                              sm_error *err) {
  const sm_place place = {.file = INDEX_NAME, .kind = OBJECT_GRAPH_KEY};
  for (size_t i = 0; i < object->n_children; i++) {
    int32_t id = object->children[i]->node_id;
    if (id < 0 || (size_t)id >= n_objects)
      sm_verify_tell(v, SM_SEVERITY_ERROR, &place, "child %.140s leads to object %d, there are %zu",
                     object->children[i]->local_name, id, n_objects);
  }
  for (size_t i = 0; i < object->n_attributes; i++)
    SM_TRY(check_key(v, reader, object->attributes[i]->checkpoint_key, err));
  return SM_OK;
}

static sm_status check_graph_bytes(sm_verifier *v, const sm_bundle_reader *reader, sm_string bytes, sm_error *err) {
  const sm_place place = {.file = INDEX_NAME, .kind = OBJECT_GRAPH_KEY};
  const sm_span span = {(const uint8_t *)bytes.data, bytes.size};
  const sm_wire_source source = {.name = INDEX_NAME, .bytes = span};
  ProtobufCMessage *message;
  sm_error failure;
  sm_status status = sm_wire_unpack(&message, &tensorflow__trackable_object_graph__descriptor, (sm_spans){&span, 1},
                                    &source, &v->arena, &failure);
  if (status != SM_OK && sm_verify_is_defect(status)) {
    sm_verify_tell_error(v, SM_SEVERITY_ERROR, &place, &failure);
    return SM_OK;
  }
  if (status != SM_OK && err != NULL) *err = failure;
  SM_TRY(status);
  const Tensorflow__TrackableObjectGraph *graph = (const Tensorflow__TrackableObjectGraph *)message;
  for (size_t i = 0; i < graph->n_nodes; i++) SM_TRY(check_object(v, reader, graph->nodes[i], graph->n_nodes, err));
  return SM_OK;
}

/* What is damaged in the checkpoint as such has been told. */
static sm_status check_object_graph(sm_verifier *v, const sm_bundle_reader *reader, sm_error *err) {
  sm_tensor *tensor;
  sm_bundle_entry entry;
  sm_status status = sm_bundle_reader_find(&entry, reader, OBJECT_GRAPH_KEY, err);
  if (status != SM_OK) return sm_verify_is_defect(status) ? SM_OK : status;
  if (entry.dtype != SM_DT_STRING || entry.rank != 0) {
    const sm_place place = {.file = INDEX_NAME, .kind = OBJECT_GRAPH_KEY};
    sm_verify_tell(v, SM_SEVERITY_ERROR, &place, "it is not one string");
    return SM_OK;
  }
  status = sm_bundle_reader_read_entry_tensor(&tensor, reader, &entry, NULL, err);
  if (status != SM_OK) return sm_verify_is_defect(status) ? SM_OK : status;
  status = check_graph_bytes(v, reader, *(const sm_string *)sm_tensor_get_view(tensor)->data, err);
  sm_tensor_free(tensor);
  return status;
}

/* ---- Both ---- */

static sm_status check_reader(sm_verifier *v, const sm_bundle_reader *reader, sm_error *err) {
  sm_status status = sm_bundle_reader_verify(reader, take_defect, v, NULL, err);
  if (status != SM_OK && !sm_verify_is_defect(status)) return status;
  return check_object_graph(v, reader, err);
}

sm_status sm_check_variables(sm_verifier *v, bool wanted, sm_error *err) {
  const sm_bundle_reader *reader;
  const sm_place index = {.file = INDEX_NAME};
  sm_error failure;
  if (sm_model_get_root(v->model)->dir == NULL) return SM_OK;
  sm_status status = sm_model_get_variables(&reader, v->model, &failure);
  if (status == SM_OK) return check_reader(v, reader, err);
  if (status == SM_NOT_FOUND) {
    if (wanted) sm_verify_tell(v, SM_SEVERITY_ERROR, &index, "not there, though the model has variables");
    return SM_OK;
  }
  if (sm_verify_is_defect(status)) {
    sm_verify_tell_error(v, SM_SEVERITY_ERROR, &index, &failure);
    return SM_OK;
  }
  if (err != NULL) *err = failure;
  return status;
}
