#include "builder/edit_internal.h"

sm_status sm_edit_begin(sm_edit *out, sm_builder *builder, size_t graph, sm_error *err) {
  SM_TRY(sm_builder_find_graph(&out->graph, builder, graph, err));
  return sm_draft_copy(&out->draft, &out->graph->draft, err);
}

void sm_edit_commit(const sm_edit *edit) {
  edit->graph->draft = edit->draft;
  edit->graph->is_changed = true;
}

void sm_edit_drop_keras_metadata(sm_builder *builder) {
  (void)sm_file_plan_remove(&builder->files, SM_FILE_KERAS_METADATA);
}

sm_status sm_builder_remove_meta_graph(sm_builder *builder, size_t graph, sm_error *err) {
  sm_built_graph *found;
  SM_TRY(sm_builder_find_graph(&found, builder, graph, err));
  found->is_removed = true;
  return SM_OK;
}
