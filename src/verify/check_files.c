/* Which files there are, and what of them can be read without the model. */
#include <stdio.h>

#include <savedmodel/debug_info.h>
#include <savedmodel/pb/graph_debug_info.pb-c.h>

#include "verify/verify_internal.h"

/* ---- Forms of the model ---- */

/* *out: there is such a file. */
static sm_status find_file(bool *out, const sm_verifier *v, const char *name, sm_error *err) {
  uint64_t size;
  sm_error failure;
  sm_status status = sm_model_get_file_size(&size, v->model, name, &failure);
  *out = status == SM_OK;
  if (status == SM_OK || sm_verify_is_defect(status)) return SM_OK;
  if (err != NULL) *err = failure;
  return status;
}

static sm_status check_forms(sm_verifier *v, sm_error *err) {
  static const char *const forms[] = {SM_FILE_SAVED_MODEL_PB, SM_FILE_SAVED_MODEL_PBTXT, SM_FILE_SAVED_MODEL_CPB};
  for (size_t i = 0; i < sizeof forms / sizeof forms[0]; i++) {
    bool is_there;
    const sm_place place = {.file = forms[i]};
    SM_TRY(find_file(&is_there, v, forms[i], err));
    if (is_there && strcmp(forms[i], v->file) != 0)
      sm_verify_tell(v, SM_SEVERITY_WARNING, &place, "beside %s, which is the one that counts", v->file);
  }
  return SM_OK;
}

/* ---- Links ---- */

static sm_status take_file(void *ctx, const sm_model_file *file, sm_error *err) {
  (void)err;
  const sm_place place = {.file = file->name};
  if (file->is_symlink) sm_verify_tell(ctx, SM_SEVERITY_NOTE, &place, "reached through a symbolic link");
  return SM_OK;
}

/* ---- Files beside the model ---- */

/* Versions before that of TensorFlow 2.21 computed some hashes in other ways. */
static void compare_fingerprints(sm_verifier *v, const sm_fingerprint *stored, const sm_fingerprint *computed) {
  const struct {
    const char *name;
    uint64_t stored, computed;
  } hashes[] = {
      {"saved_model_checksum", stored->saved_model_checksum, computed->saved_model_checksum},
      {"graph_def_program_hash", stored->graph_def_program_hash, computed->graph_def_program_hash},
      {"signature_def_hash", stored->signature_def_hash, computed->signature_def_hash},
      {"saved_object_graph_hash", stored->saved_object_graph_hash, computed->saved_object_graph_hash},
      {"checkpoint_hash", stored->checkpoint_hash, computed->checkpoint_hash},
  };
  const sm_place place = {.file = SM_FILE_FINGERPRINT};
  char names[160] = "";
  size_t size = 0;
  for (size_t i = 0; i < sizeof hashes / sizeof hashes[0]; i++)
    if (hashes[i].stored != hashes[i].computed)
      size += (size_t)snprintf(names + size, sizeof names - size, "%s%s", size != 0 ? ", " : "", hashes[i].name);
  if (size == 0) return;
  const char *differ = strchr(names, ',') != NULL ? "differ" : "differs";
  if (stored->producer == computed->producer)
    sm_verify_tell(v, SM_SEVERITY_WARNING, &place, "it is not of this model: %s %s", names, differ);
  else
    sm_verify_tell(v, SM_SEVERITY_WARNING, &place,
                   "it is not of this model, or version %d computed it otherwise: %s %s", stored->producer, names,
                   differ);
}

static sm_status check_fingerprint(sm_verifier *v, sm_error *err) {
  const sm_fingerprint *stored, *computed;
  const sm_place place = {.file = SM_FILE_FINGERPRINT};
  sm_error failure;
  sm_status status = sm_model_get_fingerprint(&stored, v->model, &failure);
  if (status == SM_NOT_FOUND) return SM_OK;
  if (status != SM_OK && sm_verify_is_defect(status)) {
    sm_verify_tell_error(v, SM_SEVERITY_ERROR, &place, &failure);
    return SM_OK;
  }
  if (status == SM_OK) status = sm_model_compute_fingerprint(&computed, v->model, &failure);
  if (status == SM_OK) compare_fingerprints(v, stored, computed);
  if (status == SM_FAILED_PRECONDITION) sm_verify_tell_error(v, SM_SEVERITY_NOTE, &place, &failure);
  if (status == SM_OK || sm_verify_is_defect(status)) return SM_OK; /* damage is told elsewhere */
  if (err != NULL) *err = failure;
  return status;
}

/* TensorFlow's loader reads it before all else, and fails when it cannot. Source: cc/saved_model/reader.cc,
 * ReadSavedModelDebugInfoIfPresent. */
static sm_status check_debug_info(sm_verifier *v, sm_error *err) {
  sm_bytes bytes;
  const sm_root *root = sm_model_get_root(v->model);
  bool is_there;
  SM_TRY(find_file(&is_there, v, SM_FILE_DEBUG_INFO, err));
  if (!is_there) return SM_OK;
  SM_TRY(sm_bytes_load(&bytes, root, SM_FILE_DEBUG_INFO, v->arena.max_bytes, v->arena.allocator, err));
  const sm_wire_source source = {.name = SM_FILE_DEBUG_INFO, .bytes = {bytes.data, bytes.size}};
  sm_check_bytes(v, SM_FILE_DEBUG_INFO, &tensorflow__graph_debug_info__descriptor, &source);
  sm_bytes_unload(&bytes);
  return SM_OK;
}

sm_status sm_check_files(sm_verifier *v, sm_error *err) {
  if (sm_model_get_root(v->model)->dir == NULL) return SM_OK;
  SM_TRY(check_forms(v, err));
  SM_TRY(sm_model_list_files(v->model, "", take_file, v, err));
  SM_TRY(check_fingerprint(v, err));
  return check_debug_info(v, err);
}

/* ---- Assets ---- */

static sm_status check_asset_file(sm_verifier *v, const char *filename, sm_error *err) {
  char name[SM_PATH_MAX];
  uint64_t size;
  sm_error failure;
  if (sm_model_get_root(v->model)->dir == NULL) return SM_OK;
  if (!sm_path_join(name, sizeof name, SM_DIR_ASSETS, filename))
    return SM_FAIL(err, SM_INVALID_ARGUMENT, "%.200s: the path is too long", filename);
  const sm_place place = {.file = name};
  sm_status status = sm_model_get_file_size(&size, v->model, name, &failure);
  if (status == SM_NOT_FOUND)
    sm_verify_tell(v, SM_SEVERITY_ERROR, &place, "the model lists this asset, but it is not there");
  else if (status == SM_FAILED_PRECONDITION)
    sm_verify_tell_error(v, SM_SEVERITY_ERROR, &place, &failure);
  if (status == SM_OK || sm_verify_is_defect(status)) return SM_OK;
  if (err != NULL) *err = failure;
  return status;
}

/* Objects know an asset by its number: the tensor may be left out. */
static void check_asset_tensor(sm_verifier *v, const sm_graph_facts *facts, const sm_asset *asset,
                               const sm_place *place) {
  sm_tensor_ref ref;
  if (*asset->tensor_name == '\0') return;
  if (!sm_tensor_ref_parse(&ref, sm_string_of(asset->tensor_name)) ||
      sm_node_index_find(&facts->nodes, ref.node) == NULL)
    sm_verify_tell(v, SM_SEVERITY_ERROR, place, "it is fed to %.200s, which is not in the graph", asset->tensor_name);
}

sm_status sm_check_assets(sm_verifier *v, const sm_graph_facts *facts, sm_error *err) {
  for (size_t i = 0; i < sm_meta_graph_n_assets(v->graph); i++) {
    char number[24];
    const sm_asset *asset;
    sm_error failure;
    snprintf(number, sizeof number, "%zu", i);
    const sm_place place = {.kind = "asset", .name = sm_string_of(number)};
    sm_status status = sm_meta_graph_get_asset(&asset, v->graph, i, &failure);
    if (status == SM_OK) {
      check_asset_tensor(v, facts, asset, &place);
      SM_TRY(check_asset_file(v, asset->filename, err));
    } else if (sm_verify_is_defect(status)) {
      sm_verify_tell_error(v, SM_SEVERITY_ERROR, &place, &failure);
    } else {
      if (err != NULL) *err = failure;
      return status;
    }
  }
  return SM_OK;
}
