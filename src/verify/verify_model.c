/* sm_model_verify: one check after the other. */
#include <savedmodel/pb/saved_model.pb-c.h>

#include "verify/verify_internal.h"

/* ---- One meta graph after the other ---- */

/* wants_variables: it cannot do without a checkpoint. */
static sm_status check_meta_graph(bool *wants_variables, sm_verifier *v, sm_error *err) {
  sm_graph_facts facts;
  size_t n_variables;
  const sm_saver_def *saver;
  SM_TRY(sm_check_graph(&facts, v, err));
  SM_TRY(sm_check_assets(v, &facts, err));
  SM_TRY(sm_check_signatures(v, &facts, err));
  SM_TRY(sm_check_saver(v, &facts, err));
  SM_TRY(sm_check_objects(&n_variables, v, &facts, err));
  /* A model that is restored by its own operations names them in saver_def; one of objects is restored from outside. */
  bool is_restored = facts.has_variables && sm_meta_graph_get_saver_def(&saver, v->graph, NULL) == SM_OK;
  *wants_variables |= is_restored || n_variables != 0;
  return SM_OK;
}

static sm_status check_meta_graphs(bool *wants_variables, sm_verifier *v, sm_error *err) {
  size_t n = sm_model_n_meta_graphs(v->model);
  sm_status status = SM_OK;
  *wants_variables = false;
  if (n == 0) sm_verify_tell(v, SM_SEVERITY_ERROR, NULL, "there is no meta graph in it");
  for (size_t i = 0; status == SM_OK && i < n; i++) {
    v->graph = sm_model_get_meta_graph(v->model, i);
    v->graph_number = i;
    sm_op_defs_init(&v->ops, v->arena.allocator, v->arena.max_bytes);
    status = check_meta_graph(wants_variables, v, err);
    sm_op_defs_free(&v->ops);
    sm_arena_rewind(&v->arena, (sm_arena_mark){NULL, 0});
  }
  v->graph = NULL;
  return status;
}

static sm_status check_all(sm_verifier *v, sm_error *err) {
  bool wants_variables;
  int64_t version = sm_model_get_schema_version(v->model);
  SM_TRY(sm_check_files(v, err));
  if (version != SM_SCHEMA_VERSION)
    sm_verify_tell(v, SM_SEVERITY_WARNING, NULL, "saved_model_schema_version is %lld, expected %d", (long long)version,
                   SM_SCHEMA_VERSION);
  sm_check_bytes(v, v->file, &tensorflow__saved_model__descriptor, v->source);
  SM_TRY(sm_check_tags(v, err));
  SM_TRY(check_meta_graphs(&wants_variables, v, err));
  return sm_check_variables(v, wants_variables, err);
}

sm_status sm_model_verify(const sm_model *model, sm_finding_fn fn, void *ctx, sm_error *err) {
  sm_verifier v = {.model = model, .source = sm_model_get_source(model), .fn = fn, .ctx = ctx};
  const char *slash = strrchr(v.source->name, '/');
  v.file = slash != NULL ? slash + 1 : v.source->name;
  sm_model_init_arena(&v.arena, model);
  sm_status status = check_all(&v, err);
  sm_arena_free(&v.arena);
  if (status != SM_OK || v.status == SM_OK) return status;
  if (err != NULL) *err = v.first;
  return v.status;
}
