/* A V2 model made one of V1: for loaders that run a session it is the same. */
#include "builder/to_v1.h"

/* Fields of CollectionDef and its list: of map entries, of TensorInfo: proto/meta_graph.proto. */
enum { NODE_LIST = 1, VALUE = 1, ENTRY_VALUE = 2, INFO_NAME = 1 };

/* The op that the signature of the init op names; {NULL, 0}: there is none. */
static sm_status find_init_op(sm_span *out, const sm_draft *meta_graph, sm_error *err) {
  sm_draft signature;
  sm_spans outputs;
  bool found;
  *out = (sm_span){NULL, 0};
  SM_TRY(
      sm_draft_open_entry(&signature, &found, meta_graph, SM_META_GRAPH_SIGNATURE, sm_string_of(SM_KEY_INIT_OP), err));
  SM_TRY(sm_draft_get(&outputs, &signature, SM_SIGNATURE_OUTPUT, err));
  for (size_t i = 0; i < outputs.n; i++) {
    sm_span info;
    SM_TRY(sm_wire_find_bytes(&info, outputs.items[i], ENTRY_VALUE, meta_graph->source, err));
    SM_TRY(sm_wire_find_bytes(out, info, INFO_NAME, meta_graph->source, err));
  }
  return SM_OK;
}

static sm_status set_main_op(sm_draft *meta_graph, sm_span op, sm_error *err) {
  sm_draft collection, list;
  sm_draft_init(&collection, meta_graph->arena, meta_graph->source);
  sm_draft_init(&list, meta_graph->arena, meta_graph->source);
  SM_TRY(sm_draft_set(&list, VALUE, op, err));
  SM_TRY(sm_draft_set_draft(&collection, NODE_LIST, &list, err));
  return sm_draft_set_entry_draft(meta_graph, SM_META_GRAPH_COLLECTION, sm_string_of(SM_KEY_MAIN_OP), &collection, err);
}

/* A model that is new has none that are known yet; one without variables needs no list of them. */
static sm_status list_variables(sm_edit *edit, const sm_builder *builder, size_t graph, sm_error *err) {
  const sm_bundle_reader *reader;
  sm_error failure;
  if (builder->model == NULL || builder->variables != NULL || graph >= sm_model_n_meta_graphs(builder->model))
    return SM_OK;
  sm_status status = sm_model_get_variables(&reader, builder->model, &failure);
  if (status == SM_NOT_FOUND) return SM_OK;
  SM_TRY(sm_error_pass(err, status, &failure));
  return sm_convert_list_variables(edit, sm_model_get_meta_graph(builder->model, graph), reader, err);
}

sm_status sm_builder_drop_object_graph(sm_builder *builder, size_t graph, sm_error *err) {
  sm_edit edit;
  sm_span init_op;
  sm_spans objects;
  const sm_string key = sm_string_of(SM_KEY_INIT_OP);
  SM_TRY(sm_edit_begin(&edit, builder, graph, err));
  SM_TRY(sm_draft_get(&objects, &edit.draft, SM_META_GRAPH_OBJECT_GRAPH, err));
  if (objects.n == 0) return SM_OK;
  SM_TRY(list_variables(&edit, builder, graph, err));
  SM_TRY(find_init_op(&init_op, &edit.draft, err));
  if (init_op.size != 0) SM_TRY(set_main_op(&edit.draft, init_op, err));
  SM_TRY(sm_draft_set_entry(&edit.draft, SM_META_GRAPH_SIGNATURE, key, (sm_span){NULL, 0}, err));
  SM_TRY(sm_draft_set(&edit.draft, SM_META_GRAPH_OBJECT_GRAPH, (sm_span){NULL, 0}, err));
  sm_edit_commit(&edit);
  sm_edit_drop_keras_metadata(builder);
  return SM_OK;
}
