/*
 * A model without variables: their values become constants of the graph, and of the object graph. Tables that change keep
 * their contents in the checkpoint.
 *
 *   freeze_objects.c     the object graph
 *   freeze_checkpoint.c  what is left in the checkpoint
 *   freeze_values.c      values of variables, as constants
 */
#include "builder/freeze_work.h"

#include "builder/encode_parts.h"
#include "graph/saver_graph.h"

/* Field of SaverDef: proto/saver.proto. */
enum { SAVER_RESTORE = 3 };

/* ---- What is restored ---- */

/* Without variables a model is frozen already; when its saver restores some, they are lost. */
static sm_status open_variables(sm_freezing *f, size_t n_restored, sm_error *err) {
  sm_error failure;
  sm_status status = sm_model_get_variables(&f->reader, f->builder->model, &failure);
  if (status == SM_NOT_FOUND && n_restored == 0) return SM_OK;
  return sm_error_pass(err, status, &failure);
}

static sm_status find_values(sm_freezing *f, sm_error *err) {
  const sm_restored_variable *restores;
  size_t n;
  sm_draft saver;
  sm_spans names;
  SM_TRY(sm_draft_open(&saver, &f->edit.draft, SM_META_GRAPH_SAVER, err));
  SM_TRY(sm_draft_get(&names, &saver, SAVER_RESTORE, err));
  sm_string restore = names.n != 0 ? sm_text_of(names.items[names.n - 1]) : (sm_string){"", 0};
  SM_TRY(sm_graph_find_restores(&restores, &n, f->graph_def, &f->library, restore, f->source, f->arena, err));
  SM_TRY(sm_graph_find_restored_tables(&f->tables, &f->n_tables, f->graph_def, &f->library, restore, f->source,
                                       f->arena, err));
  SM_TRY(open_variables(f, n + f->n_tables, err));
  return f->reader != NULL ? sm_freeze_values_find(&f->values, restores, n, f->reader, f->arena, err) : SM_OK;
}

/* ---- The graph ---- */

/* What saved and restored variables is of no use any more; nor is a list of them. */
static sm_status drop_variables(sm_draft *meta_graph, sm_error *err) {
  static const char *const lists[] = {"variables",
                                      "trainable_variables",
                                      "model_variables",
                                      "metric_variables",
                                      "moving_average_variables",
                                      "global_step",
                                      "savers"};
  SM_TRY(sm_draft_set(meta_graph, SM_META_GRAPH_SAVER, (sm_span){NULL, 0}, err));
  for (size_t i = 0; i < sizeof lists / sizeof lists[0]; i++)
    SM_TRY(sm_draft_set_entry(meta_graph, SM_META_GRAPH_COLLECTION, sm_string_of(lists[i]), (sm_span){NULL, 0}, err));
  return SM_OK;
}

static sm_status prune(sm_freezing *f, sm_error *err) {
  sm_reach reach;
  SM_TRY(drop_variables(&f->edit.draft, err));
  SM_TRY(sm_reach_init(&reach, f->graph_def, 0, f->source, f->arena, err));
  SM_TRY(sm_freeze_mark_objects(f, &reach, err));
  for (size_t i = 0; i < f->n_tables; i++) sm_reach_mark_tensor(&reach, f->tables[i].node, SM_KEEP);
  SM_TRY(sm_keep_mark_all(&reach, &f->edit.draft, err));
  SM_TRY(sm_keep_collections(&f->edit.draft, &reach, err));
  return sm_keep_prune(&f->edit.draft, f->graph_def, &reach, err);
}

/* ---- A saver for what changes ---- */

static sm_status describe_table(sm_graph_table *out, const sm_freezing *f, const sm_restored_table *table,
                                sm_error *err) {
  sm_bundle_entry keys, values;
  SM_TRY(sm_bundle_reader_find_n(&keys, f->reader, table->keys, err));
  SM_TRY(sm_bundle_reader_find_n(&values, f->reader, table->values, err));
  *out = (sm_graph_table){table->node, table->keys, table->values, keys.dtype, values.dtype};
  return SM_OK;
}

static sm_status put_saver(sm_freezing *f, sm_spans graph_def, const sm_saver_graph *made, sm_error *err) {
  sm_buffer saver;
  const sm_span pieces[] = {graph_def.items[0], sm_span_of(made->nodes)};
  SM_TRY(sm_draft_set_list(&f->edit.draft, SM_META_GRAPH_GRAPH, (sm_spans){pieces, 2}, err));
  sm_buffer_init(&saver, f->arena->allocator, UINT64_MAX);
  sm_status status = sm_encode_saver(&saver, &made->def, err);
  const sm_span bytes = {saver.data, saver.size};
  if (status == SM_OK) status = sm_draft_set(&f->edit.draft, SM_META_GRAPH_SAVER, bytes, err);
  sm_buffer_free(&saver);
  return status;
}

static sm_status save_tables(sm_freezing *f, sm_error *err) {
  sm_spans graph_def;
  sm_saver_graph made;
  if (f->n_tables == 0) return SM_OK;
  sm_graph_table *tables = sm_arena_array(f->arena, sm_graph_table, f->n_tables);
  if (tables == NULL) return sm_arena_fail(f->arena, f->n_tables * sizeof *tables, err);
  for (size_t i = 0; i < f->n_tables; i++) SM_TRY(describe_table(&tables[i], f, &f->tables[i], err));
  const sm_graph_variables saved = {.tables = tables, .n_tables = f->n_tables};
  SM_TRY(sm_draft_get(&graph_def, &f->edit.draft, SM_META_GRAPH_GRAPH, err));
  SM_TRY(sm_saver_graph_make(&made, &saved, graph_def, f->source, f->arena, err));
  return put_saver(f, graph_def, &made, err);
}

/* ---- Constants ---- */

static sm_status freeze_graph(sm_freezing *f, sm_error *err) {
  static const uint8_t head[SM_DRAFT_HEAD_SIZE];
  sm_draft info;
  sm_spans op_lists, graph_def;
  sm_graph_library library;
  sm_op_defs defs;
  sm_buffer out;
  sm_freeze_spec spec = {.variables = f->values.variables,
                         .n_variables = f->values.n,
                         .put_value = sm_freeze_values_put,
                         .ctx = &f->values};
  SM_TRY(sm_freeze_read_bindings(&spec, f, err));
  SM_TRY(sm_draft_open(&info, &f->edit.draft, SM_META_GRAPH_INFO, err));
  SM_TRY(sm_draft_get(&op_lists, &info, SM_META_INFO_STRIPPED_OP_LIST, err));
  SM_TRY(sm_draft_get(&graph_def, &f->edit.draft, SM_META_GRAPH_GRAPH, err));
  SM_TRY(sm_graph_index_functions(&library, graph_def, f->source, f->arena, err));
  sm_op_defs_init(&defs, f->arena->allocator, UINT64_MAX);
  sm_buffer_init(&out, f->arena->allocator, UINT64_MAX);
  sm_status status = sm_op_defs_add(&defs, op_lists, &library, f->source, err);
  if (status == SM_OK) status = sm_buffer_put(&out, head, sizeof head, err);
  if (status == SM_OK) status = sm_graph_freeze(&out, graph_def, &library, &defs, &spec, f->source, f->arena, err);
  if (status == SM_OK) status = sm_draft_take(&f->edit.draft, SM_META_GRAPH_GRAPH, &out, err);
  sm_buffer_free(&out);
  sm_op_defs_free(&defs);
  return status;
}

/* ---- All ---- */

static sm_status freeze(sm_freezing *f, sm_error *err) {
  SM_TRY(sm_freeze_find_objects(f, err));
  SM_TRY(prune(f, err));
  SM_TRY(save_tables(f, err));
  SM_TRY(freeze_graph(f, err));
  return sm_freeze_objects(f, err);
}

/* Is there another meta graph that the checkpoint has to stay for as it is? */
static sm_status is_shared(bool *out, const sm_freezing *f, sm_error *err) {
  *out = false;
  for (size_t i = 0; i < f->builder->n_graphs; i++) {
    const sm_built_graph *other = f->builder->graphs[i];
    sm_spans savers, objects;
    if (other == f->edit.graph || other->is_removed) continue;
    SM_TRY(sm_draft_get(&savers, &other->draft, SM_META_GRAPH_SAVER, err));
    SM_TRY(sm_draft_get(&objects, &other->draft, SM_META_GRAPH_OBJECT_GRAPH, err));
    *out |= savers.n != 0 || objects.n != 0; /* frozen ones have a saver for their tables */
  }
  return SM_OK;
}

sm_status sm_builder_freeze(sm_builder *builder, size_t graph, sm_error *err) {
  bool stays;
  sm_freezing f = {.builder = builder, .arena = &builder->arena};
  SM_TRY(sm_edit_begin(&f.edit, builder, graph, err));
  if (f.edit.graph->is_frozen) return SM_OK;
  if (builder->model == NULL || builder->variables != NULL)
    return SM_FAIL(err, SM_FAILED_PRECONDITION, "%s: a model cannot be frozen that %s", builder->transaction.dir,
                   builder->model == NULL ? "was not taken over" : "gets new variables");
  f.source = f.edit.draft.source;
  SM_TRY(sm_draft_get(&f.graph_def, &f.edit.draft, SM_META_GRAPH_GRAPH, err));
  SM_TRY(sm_graph_index_functions(&f.library, f.graph_def, f.source, f.arena, err));
  SM_TRY(find_values(&f, err));
  if (f.reader == NULL) return SM_OK;
  SM_TRY(freeze(&f, err));
  SM_TRY(is_shared(&stays, &f, err));
  if (!stays && !builder->options.in_place) SM_TRY(sm_freeze_checkpoint(&f, err));
  f.edit.graph->is_frozen = true;
  sm_edit_commit(&f.edit);
  return SM_OK;
}
