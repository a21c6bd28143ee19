/* The checkpoint, as sm_bundle_reader_verify sees it, and the object graph that is inside. */
#include "objects/checkpoint_graph.h"
#include "verify/verify_internal.h"

#define INDEX_NAME SM_DIR_VARIABLES "/" SM_FILE_VARIABLES_PREFIX ".index"

/* ---- The checkpoint as such ---- */

/* Defects of the checkpoint: its files lie below variables. */
static void take_defect(void *ctx, const sm_finding *defect) {
  sm_verifier *v = ctx;
  char file[SM_PATH_MAX];
  if (!sm_path_join(file, sizeof file, SM_DIR_VARIABLES, defect->file)) return;
  const sm_place place = {.file = file, .kind = *defect->place != '\0' ? defect->place : NULL};
  sm_verify_tell(v, defect->severity, &place, "%s", defect->what);
}

/* ---- Its object graph ---- */

/* Keys that objects have, sorted, and the walk over those of the checkpoint that goes along. */
typedef struct key_walk {
  sm_string *wanted;
  size_t n, next;
} key_walk;

static bool key_less(const void *a, const void *b) {
  return sm_string_compare(*(const sm_string *)a, *(const sm_string *)b) < 0;
}

static bool begins_with(sm_string text, sm_string beginning) {
  return text.size >= beginning.size && sm_string_equal((sm_string){text.data, beginning.size}, beginning);
}

/* Takes those that a key of the checkpoint answers, or is already behind. Objects that are saved as several tensors put
 * more behind their key: a table has -keys and -values. found: NULL at the end. */
static void pass_key(key_walk *walk, sm_verifier *v, const sm_string *found) {
  for (; walk->next < walk->n; walk->next++) {
    sm_string key = walk->wanted[walk->next];
    if (found != NULL && begins_with(*found, key)) continue;
    if (found != NULL && sm_string_compare(*found, key) < 0) return;
    const sm_place place = {.file = INDEX_NAME, .kind = "key", .name = key};
    sm_verify_tell(v, SM_SEVERITY_ERROR, &place, "an object of the checkpoint has it, the checkpoint has not");
  }
}

static sm_status walk_keys(key_walk *walk, sm_verifier *v, sm_bundle_iter *iter, sm_error *err) {
  for (;;) {
    const sm_bundle_entry *entry;
    sm_status status = sm_bundle_iter_next(&entry, iter, err);
    if (status != SM_OK && !sm_verify_is_defect(status)) return status;
    if (entry == NULL && status != SM_OK) return SM_OK; /* nobody knows what there is */
    pass_key(walk, v, entry != NULL ? &entry->key : NULL);
    if (entry == NULL || walk->next == walk->n) return SM_OK;
  }
}

static sm_status check_keys(sm_verifier *v, const sm_bundle_reader *reader, const sm_checkpoint_graph *graph,
                            sm_error *err) {
  size_t n = 0;
  sm_bundle_iter *iter;
  for (size_t i = 0; i < graph->n; i++) n += graph->objects[i].n_attributes;
  key_walk walk = {.wanted = sm_arena_array(&v->arena, sm_string, n)};
  if (walk.wanted == NULL) return sm_arena_fail(&v->arena, n * sizeof *walk.wanted, err);
  for (size_t i = 0; i < graph->n; i++)
    for (size_t k = 0; k < graph->objects[i].n_attributes; k++)
      walk.wanted[walk.n++] = graph->objects[i].attributes[k].key;
  sm_sort(walk.wanted, walk.n, sizeof *walk.wanted, key_less);
  sm_status status = sm_bundle_iter_new(&iter, reader, NULL, err);
  if (status == SM_OK) status = walk_keys(&walk, v, iter, err);
  sm_bundle_iter_free(iter);
  return status == SM_OK || sm_verify_is_defect(status) ? SM_OK : status;
}

static sm_status check_graph_bytes(sm_verifier *v, const sm_bundle_reader *reader, sm_string bytes, sm_error *err) {
  const sm_place place = {.file = INDEX_NAME, .kind = SM_KEY_OBJECT_GRAPH};
  const sm_wire_source source = {.name = INDEX_NAME, .bytes = {(const uint8_t *)bytes.data, bytes.size}};
  sm_checkpoint_graph graph;
  sm_error failure;
  sm_status status = sm_checkpoint_graph_parse(&graph, source.bytes, &source, &v->arena, &failure);
  if (status == SM_OK) return check_keys(v, reader, &graph, err);
  if (sm_verify_is_defect(status)) {
    sm_verify_tell_error(v, SM_SEVERITY_ERROR, &place, &failure);
    return SM_OK;
  }
  if (err != NULL) *err = failure;
  return status;
}

/* What is damaged in the checkpoint as such has been told. */
static sm_status check_object_graph(sm_verifier *v, const sm_bundle_reader *reader, sm_error *err) {
  sm_tensor *tensor;
  sm_bundle_entry entry;
  sm_status status = sm_bundle_reader_find(&entry, reader, SM_KEY_OBJECT_GRAPH, err);
  if (status != SM_OK) return sm_verify_is_defect(status) ? SM_OK : status;
  if (entry.dtype != SM_DT_STRING || entry.rank != 0) {
    const sm_place place = {.file = INDEX_NAME, .kind = SM_KEY_OBJECT_GRAPH};
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
