/* Taking over a model: its meta graphs where they lie, its files by name. */
#include "builder/builder_internal.h"

/* ---- Files ---- */

/* What the builder writes itself; and what a save under way has put into the directory. */
static bool is_written_anew(const char *name) {
  static const char *const names[] = {SM_FILE_SAVED_MODEL_PB, SM_FILE_SAVED_MODEL_PBTXT, SM_FILE_SAVED_MODEL_CPB,
                                      SM_FILE_FINGERPRINT};
  static const char staged[] = SM_FILE_SAVED_MODEL_PB ".partial";
  for (size_t i = 0; i < sizeof names / sizeof names[0]; i++)
    if (strcmp(name, names[i]) == 0) return true;
  return strncmp(name, staged, sizeof staged - 1) == 0;
}

static sm_status add_file(void *ctx, const sm_model_file *file, sm_error *err) {
  sm_builder *builder = ctx;
  if (is_written_anew(file->name)) return SM_OK;
  sm_planned_file planned = {
      .root = sm_model_get_root(builder->model), .from = sm_string_of(file->name), .is_kept = true, .may_link = true};
  return sm_file_plan_put(&builder->files, file->name, &planned, err);
}

/* ---- Meta graphs ---- */

static sm_status add_graphs(sm_builder *builder, sm_error *err) {
  const sm_wire_source *source = sm_model_get_source(builder->model);
  sm_wire_reader reader = sm_wire_read(source->bytes, source);
  for (sm_wire_field field; sm_wire_next(&reader, &field);) {
    sm_built_graph *graph;
    if (field.tag != SM_WIRE_TAG(SM_SAVED_MODEL_META_GRAPH, SM_WIRE_BYTES)) continue;
    SM_TRY(sm_builder_new_graph(&graph, builder, err));
    SM_TRY(sm_draft_read(&graph->draft, (sm_spans){&field.bytes, 1}, &builder->arena, source, err));
    builder->graphs[builder->n_graphs++] = graph;
  }
  return sm_wire_finish(&reader, err);
}

/* ---- In place ---- */

/* The model was opened before the directory was locked: is it still what lies there? */
static sm_status check_unchanged(const sm_builder *builder, const sm_model *model, sm_error *err) {
  const char *dir = builder->transaction.dir;
  sm_model *now;
  sm_open_options options = SM_OPEN_OPTIONS_INIT;
  options.fs = builder->options.fs;
  options.allocator = builder->allocator;
  if (sm_model_get_root(model)->dir == NULL || sm_model_get_root(model)->fs != builder->options.fs)
    return SM_FAIL(err, SM_INVALID_ARGUMENT, "%s: the model to be changed in place was not opened from there", dir);
  SM_TRY(sm_model_open(&now, dir, &options, err));
  sm_span was = sm_model_get_source(model)->bytes, is = sm_model_get_source(now)->bytes;
  bool is_same = was.size == is.size && (is.size == 0 || memcmp(was.data, is.data, is.size) == 0);
  sm_model_close(now);
  if (is_same) return SM_OK;
  return SM_FAIL(err, SM_ABORTED, "%s: is not the model that was opened, or was changed since then", dir);
}

sm_status sm_builder_add_model(sm_builder *builder, const sm_model *model, sm_error *err) {
  SM_TRY(sm_builder_check_open(builder, err));
  if (builder->n_graphs != 0 || builder->files.n != 0 || builder->variables != NULL || builder->model != NULL)
    return SM_FAIL(err, SM_FAILED_PRECONDITION, "%s: the builder has something already", builder->transaction.dir);
  if (builder->options.in_place) SM_TRY(check_unchanged(builder, model, err));
  builder->model = model;
  SM_TRY(add_graphs(builder, err));
  return sm_model_list_files(model, "", add_file, builder, err);
}
