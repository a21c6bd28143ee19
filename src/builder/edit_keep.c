/*
 * A meta graph of some of its signatures. What they, the init op, the saver and the assets lead to stays; so do, in the
 * object graph, the functions of the signatures and what these capture. The rest goes: nodes, functions, objects, and what
 * names them.
 */
#include "builder/edit_keep.h"

#include "graph/graph_edit.h"
#include "graph/prune.h"

/* Fields of SaverDef, AssetFileDef, CollectionDef and its lists, MetaInfoDef:
 * proto/meta_graph.proto, saver.proto. */
enum {
  SAVER_FILENAME = 1,
  SAVER_SAVE = 2,
  SAVER_RESTORE = 3,
  ASSET_INFO = 1,
  ANY_VALUE = 2,
  NODE_LIST = 1,
  ANY_LIST = 5,
  VALUE = 1,
  META_INFO_ALIASES = 8
};

/* ---- Roots ---- */

static void mark(sm_reach *reach, sm_string tensor) {
  if (tensor.size != 0) sm_reach_mark_tensor(reach, tensor, SM_KEEP);
}

static sm_status mark_tensor(void *ctx, sm_string tensor, sm_error *err) {
  (void)err;
  mark(ctx, tensor);
  return SM_OK;
}

static sm_status mark_saver(sm_reach *reach, const sm_draft *meta_graph, sm_error *err) {
  static const uint32_t fields[] = {SAVER_FILENAME, SAVER_SAVE, SAVER_RESTORE};
  sm_draft saver;
  SM_TRY(sm_draft_open(&saver, meta_graph, SM_META_GRAPH_SAVER, err));
  for (size_t i = 0; i < sizeof fields / sizeof fields[0]; i++) {
    sm_spans names;
    SM_TRY(sm_draft_get(&names, &saver, fields[i], err));
    for (size_t k = 0; k < names.n; k++) mark(reach, sm_text_of(names.items[k]));
  }
  return SM_OK;
}

static sm_status mark_asset(sm_reach *reach, sm_span asset, sm_error *err) {
  sm_span info;
  SM_TRY(sm_wire_find_bytes(&info, asset, ASSET_INFO, reach->source, err));
  return sm_edit_each_tensor(info, reach->source, mark_tensor, reach, err);
}

/* In the field, and in the collection of V1, where each is in an Any. */
static sm_status mark_assets(sm_reach *reach, const sm_draft *meta_graph, sm_error *err) {
  sm_spans assets;
  sm_draft collection, list;
  bool found;
  SM_TRY(sm_draft_get(&assets, meta_graph, SM_META_GRAPH_ASSET, err));
  for (size_t i = 0; i < assets.n; i++) SM_TRY(mark_asset(reach, assets.items[i], err));
  sm_string key = sm_string_of(SM_KEY_ASSETS);
  SM_TRY(sm_draft_open_entry(&collection, &found, meta_graph, SM_META_GRAPH_COLLECTION, key, err));
  SM_TRY(sm_draft_open(&list, &collection, ANY_LIST, err));
  SM_TRY(sm_draft_get(&assets, &list, VALUE, err));
  for (size_t i = 0; i < assets.n; i++) {
    sm_span asset;
    SM_TRY(sm_wire_find_bytes(&asset, assets.items[i], ANY_VALUE, reach->source, err));
    SM_TRY(mark_asset(reach, asset, err));
  }
  return SM_OK;
}

static sm_status mark_init_ops(sm_reach *reach, const sm_draft *meta_graph, sm_error *err) {
  static const char *const keys[] = {SM_KEY_MAIN_OP, SM_KEY_LEGACY_INIT_OP};
  for (size_t i = 0; i < sizeof keys / sizeof keys[0]; i++) {
    sm_draft collection, list;
    sm_spans names;
    bool found;
    sm_string key = sm_string_of(keys[i]);
    SM_TRY(sm_draft_open_entry(&collection, &found, meta_graph, SM_META_GRAPH_COLLECTION, key, err));
    SM_TRY(sm_draft_open(&list, &collection, NODE_LIST, err));
    SM_TRY(sm_draft_get(&names, &list, VALUE, err));
    for (size_t k = 0; k < names.n; k++) mark(reach, sm_text_of(names.items[k]));
  }
  return SM_OK;
}

static sm_status mark_signatures(sm_reach *reach, const sm_draft *meta_graph, sm_error *err) {
  sm_spans message;
  sm_wire_map map;
  SM_TRY(sm_draft_spans(&message, meta_graph, err));
  SM_TRY(sm_wire_index_map(&map, message, SM_META_GRAPH_SIGNATURE, reach->source, meta_graph->arena, err));
  for (size_t i = 0; i < map.n; i++) {
    sm_draft signature;
    sm_spans value;
    SM_TRY(sm_wire_entry_value(&value, &map.entries[i], reach->source, meta_graph->arena, err));
    SM_TRY(sm_draft_read(&signature, value, meta_graph->arena, reach->source, err));
    SM_TRY(sm_edit_each_signature_tensor(&signature, mark_tensor, reach, err));
  }
  return SM_OK;
}

/* Rounds of marking: variables whose initialisers lead to further variables. What is not marked after that is left out of
 * the collections, which the graph works without. */
enum { MAX_ROUNDS = 16 };

sm_status sm_keep_mark_all(sm_reach *reach, const sm_draft *meta_graph, sm_error *err) {
  bool more = true;
  SM_TRY(mark_signatures(reach, meta_graph, err));
  SM_TRY(mark_init_ops(reach, meta_graph, err));
  SM_TRY(mark_saver(reach, meta_graph, err));
  SM_TRY(mark_assets(reach, meta_graph, err));
  SM_TRY(sm_reach_spread(reach, err));
  for (int i = 0; i < MAX_ROUNDS && more; i++) {
    SM_TRY(sm_keep_mark_variables(&more, meta_graph, reach, err));
    SM_TRY(sm_reach_spread(reach, err));
  }
  return SM_OK;
}

/* ---- Signatures ---- */

typedef struct key_list {
  const char *const *keys;
  size_t n;
} key_list;

static bool is_wanted(void *ctx, sm_string key) {
  const key_list *wanted = ctx;
  if (sm_string_equal(key, sm_string_of(SM_KEY_INIT_OP))) return true;
  for (size_t i = 0; i < wanted->n; i++)
    if (sm_string_equal(key, sm_string_of(wanted->keys[i]))) return true;
  return false;
}

static sm_status drop_signatures(sm_draft *meta_graph, key_list wanted, sm_error *err) {
  for (size_t i = 0; i < wanted.n; i++) {
    sm_draft signature;
    SM_TRY(sm_edit_open_signature(&signature, meta_graph, sm_string_of(wanted.keys[i]), err));
  }
  return sm_draft_filter_entries(meta_graph, SM_META_GRAPH_SIGNATURE, is_wanted, &wanted, err);
}

/* ---- The graph ---- */

/* What is marked, as roots. */
static sm_status list_roots(sm_prune_roots *out, const sm_reach *reach, sm_arena *arena, sm_error *err) {
  sm_string *tensors = sm_arena_array(arena, sm_string, reach->n_nodes);
  sm_string *functions = sm_arena_array(arena, sm_string, reach->defs.n);
  *out = (sm_prune_roots){.tensors = tensors, .functions = functions};
  if (tensors == NULL || functions == NULL)
    return sm_arena_fail(arena, (reach->n_nodes + reach->defs.n) * sizeof *tensors, err);
  for (size_t i = 0; i < reach->n_nodes; i++)
    if (reach->nodes[i].marks != 0) tensors[out->n_tensors++] = reach->nodes[i].name;
  for (size_t i = 0; i < reach->defs.n; i++)
    if (reach->functions[i].marks != 0) functions[out->n_functions++] = reach->defs.functions[i].name;
  return SM_OK;
}

sm_status sm_keep_prune(sm_draft *meta_graph, sm_spans graph, const sm_reach *reach, sm_error *err) {
  sm_buffer out;
  sm_prune_roots roots;
  SM_TRY(list_roots(&roots, reach, meta_graph->arena, err));
  sm_buffer_init(&out, meta_graph->arena->allocator, UINT64_MAX);
  sm_status status = sm_buffer_reserve(&out, 1, err); /* an empty graph is one */
  if (status == SM_OK) status = sm_graph_prune_to(&out, graph, &roots, reach->source, meta_graph->arena, err);
  if (status == SM_OK) status = sm_draft_set(meta_graph, SM_META_GRAPH_GRAPH, (sm_span){out.data, out.size}, err);
  sm_buffer_free(&out);
  return status;
}

static bool has_function(void *library, sm_string name) { return sm_graph_find_function(library, name) != SIZE_MAX; }

/* Names that users gave to functions which are gone. */
static sm_status drop_aliases(sm_draft *meta_graph, sm_error *err) {
  sm_draft info;
  sm_spans graph;
  sm_graph_library library;
  SM_TRY(sm_draft_open(&info, meta_graph, SM_META_GRAPH_INFO, err));
  SM_TRY(sm_draft_get(&graph, meta_graph, SM_META_GRAPH_GRAPH, err));
  SM_TRY(sm_graph_index_functions(&library, graph, info.source, info.arena, err));
  size_t n = info.n;
  SM_TRY(sm_draft_filter_entries(&info, META_INFO_ALIASES, has_function, &library, err));
  return info.n != n ? sm_draft_set_draft(meta_graph, SM_META_GRAPH_INFO, &info, err) : SM_OK;
}

static sm_status keep(sm_draft *meta_graph, sm_error *err) {
  sm_spans graph;
  sm_reach reach;
  SM_TRY(sm_draft_get(&graph, meta_graph, SM_META_GRAPH_GRAPH, err));
  SM_TRY(sm_reach_init(&reach, graph, 0, meta_graph->source, meta_graph->arena, err));
  SM_TRY(sm_keep_objects(meta_graph, &reach, err));
  SM_TRY(sm_keep_mark_all(&reach, meta_graph, err));
  SM_TRY(sm_keep_collections(meta_graph, &reach, err));
  SM_TRY(sm_keep_prune(meta_graph, graph, &reach, err));
  return drop_aliases(meta_graph, err);
}

sm_status sm_builder_keep_signatures(sm_builder *builder, size_t graph, const char *const *keys, size_t n_keys,
                                     sm_error *err) {
  sm_edit edit;
  SM_TRY(sm_edit_begin(&edit, builder, graph, err));
  SM_TRY(drop_signatures(&edit.draft, (key_list){keys, n_keys}, err));
  SM_TRY(keep(&edit.draft, err));
  sm_edit_commit(&edit);
  sm_edit_drop_keras_metadata(builder);
  return SM_OK;
}
