#include "builder/builder.h"

#include "base/base.h"

static sm_status add_graph(sm_builder *builder, const sm_simple_model *model, sm_error *err) {
  static const char *const tags[] = {SM_TAG_SERVE};
  sm_meta_graph_spec spec = SM_META_GRAPH_SPEC_INIT;
  spec.tags = tags;
  spec.n_tags = 1;
  spec.signatures = model->signatures;
  spec.n_signatures = model->n_signatures;
  spec.assets = model->assets;
  spec.n_assets = model->n_assets;
  spec.init_op = model->init_op;
  spec.clear_devices = true;
  spec.collections = sm_graph_get_collections(&spec.n_collections, model->graph);
  SM_TRY(sm_graph_get_def(&spec.graph_def, model->graph, err));
  return sm_builder_add_meta_graph(NULL, builder, &spec, err);
}

static sm_status add_variables(sm_builder *builder, const sm_simple_model *model, sm_error *err) {
  sm_bundle_writer *variables;
  if (model->n_variables == 0) return SM_OK;
  SM_TRY(sm_builder_get_variables(&variables, builder, err));
  for (size_t i = 0; i < model->n_variables; i++)
    SM_TRY(sm_bundle_writer_add(variables, model->variables[i].name, model->variables[i].value, err));
  return SM_OK;
}

sm_status sm_simple_save(const char *dir, const sm_simple_model *model, const sm_save_options *options, sm_error *err) {
  sm_builder *builder;
  SM_TRY(sm_builder_open(&builder, dir, options, err));
  sm_status status = add_graph(builder, model, err);
  if (status == SM_OK) status = add_variables(builder, model, err);
  if (status == SM_OK) status = sm_builder_finish(builder, err);
  sm_builder_close(builder);
  return status;
}
