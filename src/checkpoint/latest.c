/* The newest checkpoint of a directory. */
#include "checkpoint/checkpoint_internal.h"

static sm_status copy_found(char *dst, size_t dst_size, const sm_root *root, const char *prefix, sm_error *err) {
  char found[SM_PATH_MAX];
  if (!sm_path_join(found, sizeof found, root->dir, prefix))
    return SM_FAIL(err, SM_INVALID_ARGUMENT, "%.200s: the path is too long", root->dir);
  size_t size = strlen(found) + 1;
  if (size > dst_size) return SM_FAIL(err, SM_OUT_OF_RANGE, "%zu bytes are needed, there are %zu", size, dst_size);
  memcpy(dst, found, size);
  return SM_OK;
}

sm_status sm_latest_checkpoint(char *dst, size_t dst_size, const char *dir, const sm_open_options *options,
                               sm_error *err) {
  sm_open_options known;
  sm_checkpoint_state *state;
  if (dst_size != 0) dst[0] = '\0';
  SM_TRY(sm_checkpoint_state_read(&state, dir, NULL, options, err));
  sm_status status = sm_options_read(&known, options, err);
  if (status == SM_OK) {
    const sm_root root = sm_state_root(dir, &known);
    const char *prefix = sm_state_pick(state, &root);
    status = sm_checkpoint_is_there(&root, prefix)
                 ? copy_found(dst, dst_size, &root, prefix, err)
                 : SM_FAIL(err, SM_NOT_FOUND, "%s/%s: names %.300s, which is not there", dir, SM_FILE_CHECKPOINT_STATE,
                           prefix);
  }
  sm_checkpoint_state_free(state);
  return status;
}
