/* The variables of a model: the bundle in its directory. */
#include <savedmodel/bundle.h>

#include "model/model_internal.h"

static sm_status open_variables(void **out, const sm_meta_graph *graph, const void *subject, sm_arena *arena,
                                sm_error *err) {
  const sm_model *model = subject;
  sm_bundle_reader *reader;
  char prefix[SM_PATH_MAX]; /* not the directory, which would stand for a checkpoint beside it, too */
  (void)graph, (void)arena;
  if (!sm_path_join(prefix, sizeof prefix, model->dir, SM_DIR_VARIABLES "/" SM_FILE_VARIABLES_PREFIX))
    return SM_FAIL(err, SM_INVALID_ARGUMENT, "%.200s: the path is too long", model->dir);
  SM_TRY(sm_bundle_reader_open(&reader, prefix, &model->options, err));
  *out = reader;
  return SM_OK;
}

sm_status sm_model_get_variables(const sm_bundle_reader **out, const sm_model *model, sm_error *err) {
  void *made;
  *out = NULL;
  if (model->dir == NULL)
    return SM_FAIL(err, SM_NOT_FOUND, "the model was opened from a buffer, which has no variables beside it");
  sm_model *owner = (sm_model *)(uintptr_t)model;
  SM_TRY(sm_model_once(&made, owner, &owner->variables, open_variables, NULL, model, err));
  *out = made;
  return SM_OK;
}

void sm_model_close_variables(sm_model *model) { sm_bundle_reader_close(model->variables); }
