#include "graph/graph.h"
#include "model/model_internal.h"

#include <savedmodel/pb/any.pb-c.h>
#include <savedmodel/pb/meta_graph.pb-c.h>
#include <savedmodel/pb/saver.pb-c.h>

/* Fields of MetaInfoDef, CollectionDef, AnyList, Any: proto/meta_graph.proto, any.proto. */
enum {
  INFO_META_GRAPH_VERSION = 1,
  INFO_TENSORFLOW_VERSION = 5,
  INFO_TENSORFLOW_GIT_VERSION = 6,
  INFO_STRIPPED_DEFAULT_ATTRS = 7,
  INFO_FUNCTION_ALIAS = 8,
  COLLECTION_ANY_LIST = 5,
  ANY_LIST_VALUE = 1
};

static sm_spans one(const sm_span *span) { return (sm_spans){span, 1}; }

static const char *or_empty(const char *text) { return text != NULL ? text : ""; }

/* ---- MetaInfoDef: from the wire, for it holds the definitions of all ops, which nobody wants here ---- */

static sm_status read_info_string(const char **out, const sm_meta_graph *graph, uint32_t number, sm_arena *arena,
                                  sm_error *err) {
  sm_spans found;
  sm_string text = {"", 0};
  SM_TRY(sm_wire_collect(&found, graph->info, number, &graph->model->source, arena, err));
  if (found.n != 0) SM_TRY(sm_wire_copy_string(&text, found.items[found.n - 1], &graph->model->source, arena, err));
  *out = text.data;
  return SM_OK;
}

static sm_status read_stripped(bool *out, const sm_meta_graph *graph, sm_error *err) {
  for (size_t i = 0; i < graph->info.n; i++) {
    sm_wire_reader reader = sm_wire_read(graph->info.items[i], &graph->model->source);
    for (sm_wire_field field; sm_wire_next(&reader, &field);)
      if (field.tag == SM_WIRE_TAG(INFO_STRIPPED_DEFAULT_ATTRS, SM_WIRE_VARINT)) *out = field.value != 0;
    SM_TRY(sm_wire_finish(&reader, err));
  }
  return SM_OK;
}

static sm_status read_aliases(sm_meta_info *out, const sm_meta_graph *graph, sm_arena *arena, sm_error *err) {
  const sm_wire_source *source = &graph->model->source;
  sm_wire_map map;
  SM_TRY(sm_wire_index_map(&map, graph->info, INFO_FUNCTION_ALIAS, source, arena, err));
  sm_function_alias *aliases = sm_arena_array(arena, sm_function_alias, map.n);
  if (aliases == NULL) return sm_arena_fail(arena, map.n * sizeof *aliases, err);
  for (size_t i = 0; i < map.n; i++) {
    sm_spans value;
    sm_string alias = {"", 0};
    SM_TRY(sm_wire_entry_value(&value, &map.entries[i], source, arena, err));
    if (value.n != 0) SM_TRY(sm_wire_copy_string(&alias, value.items[value.n - 1], source, arena, err));
    aliases[i] = (sm_function_alias){map.entries[i].key.data, alias.data};
  }
  out->function_aliases = aliases;
  out->n_function_aliases = map.n;
  return SM_OK;
}

static sm_status build_info(void **out, const sm_meta_graph *graph, const void *subject, sm_arena *arena,
                            sm_error *err) {
  (void)subject;
  sm_meta_info *made = sm_arena_new(arena, sm_meta_info);
  if (made == NULL) return sm_arena_fail(arena, sizeof *made, err);
  SM_TRY(read_info_string(&made->meta_graph_version, graph, INFO_META_GRAPH_VERSION, arena, err));
  SM_TRY(read_info_string(&made->tensorflow_version, graph, INFO_TENSORFLOW_VERSION, arena, err));
  SM_TRY(read_info_string(&made->tensorflow_git_version, graph, INFO_TENSORFLOW_GIT_VERSION, arena, err));
  SM_TRY(read_stripped(&made->stripped_default_attrs, graph, err));
  SM_TRY(read_aliases(made, graph, arena, err));
  *out = made;
  return SM_OK;
}

/* Gets or builds a fact of a meta graph. */
static sm_status get_fact(const void **out, const sm_meta_graph *graph, const sm_once *slot, sm_build_fn build,
                          sm_error *err) {
  void *made;
  sm_status status = sm_meta_graph_once(&made, graph, (sm_once *)(uintptr_t)slot, build, NULL, err);
  *out = made;
  return status;
}

sm_status sm_meta_graph_get_info(const sm_meta_info **out, const sm_meta_graph *graph, sm_error *err) {
  return get_fact((const void **)out, graph, &graph->info_value, build_info, err);
}

/* ---- SaverDef ---- */

static sm_status build_saver(void **out, const sm_meta_graph *graph, const void *subject, sm_arena *arena,
                             sm_error *err) {
  (void)subject;
  ProtobufCMessage *message;
  if (graph->saver.n == 0)
    return SM_FAIL(err, SM_NOT_FOUND, "%s: the meta graph has no saver_def", graph->model->source.name);
  SM_TRY(sm_wire_unpack(&message, &tensorflow__saver_def__descriptor, graph->saver, &graph->model->source, arena, err));
  const Tensorflow__SaverDef *saver = (const Tensorflow__SaverDef *)message;
  sm_saver_def *made = sm_arena_new(arena, sm_saver_def);
  if (made == NULL) return sm_arena_fail(arena, sizeof *made, err);
  *made = (sm_saver_def){.filename_tensor_name = saver->filename_tensor_name,
                         .save_tensor_name = saver->save_tensor_name,
                         .restore_op_name = saver->restore_op_name,
                         .max_to_keep = saver->max_to_keep,
                         .sharded = saver->sharded,
                         .keep_checkpoint_every_n_hours = saver->keep_checkpoint_every_n_hours,
                         .version = (int32_t)saver->version};
  *out = made;
  return SM_OK;
}

sm_status sm_meta_graph_get_saver_def(const sm_saver_def **out, const sm_meta_graph *graph, sm_error *err) {
  return get_fact((const void **)out, graph, &graph->saver_value, build_saver, err);
}

/* ---- Collections ---- */

static sm_status build_collections(void **out, const sm_meta_graph *graph, const void *subject, sm_arena *arena,
                                   sm_error *err) {
  (void)subject;
  sm_slots *made = sm_arena_new(arena, sm_slots);
  if (made == NULL) return sm_arena_fail(arena, sizeof *made, err);
  *out = made;
  return sm_slots_index(made, one(&graph->bytes), META_GRAPH_COLLECTION, &graph->model->source, arena, err);
}

static sm_status get_collections(const sm_slots **out, const sm_meta_graph *graph, sm_error *err) {
  return get_fact((const void **)out, graph, &graph->collections_value, build_collections, err);
}

static sm_status copy_nodes(sm_collection *out, const Tensorflow__CollectionDef__NodeList *list, sm_arena *arena,
                            sm_error *err) {
  sm_string *strings = sm_arena_array(arena, sm_string, list->n_value);
  if (strings == NULL) return sm_arena_fail(arena, list->n_value * sizeof *strings, err);
  for (size_t i = 0; i < list->n_value; i++) strings[i] = sm_string_of(list->value[i]);
  out->kind = SM_COLLECTION_NODES;
  out->strings = strings;
  out->n = list->n_value;
  return SM_OK;
}

static sm_status copy_bytes_list(sm_collection *out, const Tensorflow__CollectionDef__BytesList *list, sm_arena *arena,
                                 sm_error *err) {
  sm_string *strings = sm_arena_array(arena, sm_string, list->n_value);
  if (strings == NULL) return sm_arena_fail(arena, list->n_value * sizeof *strings, err);
  for (size_t i = 0; i < list->n_value; i++)
    strings[i] = (sm_string){(const char *)list->value[i].data, list->value[i].len};
  out->kind = SM_COLLECTION_BYTES;
  out->strings = strings;
  out->n = list->n_value;
  return SM_OK;
}

static sm_status copy_anys(sm_collection *out, const Tensorflow__CollectionDef__AnyList *list, sm_arena *arena,
                           sm_error *err) {
  sm_string *values = sm_arena_array(arena, sm_string, list->n_value);
  sm_string *urls = sm_arena_array(arena, sm_string, list->n_value);
  if (values == NULL || urls == NULL) return sm_arena_fail(arena, list->n_value * sizeof *values, err);
  for (size_t i = 0; i < list->n_value; i++) {
    values[i] = (sm_string){(const char *)list->value[i]->value.data, list->value[i]->value.len};
    urls[i] = sm_string_of(or_empty(list->value[i]->type_url));
  }
  out->kind = SM_COLLECTION_ANY;
  out->strings = values;
  out->type_urls = urls;
  out->n = list->n_value;
  return SM_OK;
}

static sm_status fill_collection(sm_collection *out, const Tensorflow__CollectionDef *def, sm_arena *arena,
                                 sm_error *err) {
  switch (def->kind_case) {
    case TENSORFLOW__COLLECTION_DEF__KIND_NODE_LIST: return copy_nodes(out, def->node_list, arena, err);
    case TENSORFLOW__COLLECTION_DEF__KIND_BYTES_LIST: return copy_bytes_list(out, def->bytes_list, arena, err);
    case TENSORFLOW__COLLECTION_DEF__KIND_ANY_LIST: return copy_anys(out, def->any_list, arena, err);
    case TENSORFLOW__COLLECTION_DEF__KIND_INT64_LIST:
      out->kind = SM_COLLECTION_INT64;
      out->int64s = def->int64_list->value;
      out->n = def->int64_list->n_value;
      return SM_OK;
    case TENSORFLOW__COLLECTION_DEF__KIND_FLOAT_LIST:
      out->kind = SM_COLLECTION_FLOAT;
      out->floats = def->float_list->value;
      out->n = def->float_list->n_value;
      return SM_OK;
    default: return SM_OK;
  }
}

static sm_status build_collection(void **out, const sm_meta_graph *graph, const void *subject, sm_arena *arena,
                                  sm_error *err) {
  const sm_wire_entry *entry = subject;
  const sm_wire_source *source = &graph->model->source;
  sm_spans value;
  ProtobufCMessage *message;
  sm_collection *made = sm_arena_new(arena, sm_collection);
  if (made == NULL) return sm_arena_fail(arena, sizeof *made, err);
  made->key = entry->key.data;
  *out = made;
  SM_TRY(sm_wire_entry_value(&value, entry, source, arena, err));
  SM_TRY(sm_wire_unpack(&message, &tensorflow__collection_def__descriptor, value, source, arena, err));
  return fill_collection(made, (const Tensorflow__CollectionDef *)message, arena, err);
}

static sm_status get_collection(const sm_collection **out, const sm_meta_graph *graph, const sm_slots *all, size_t i,
                                sm_error *err) {
  void *made;
  SM_TRY(sm_meta_graph_once(&made, graph, &all->values[i], build_collection, &all->map.entries[i], err));
  *out = made;
  return SM_OK;
}

sm_status sm_meta_graph_n_collections(size_t *out, const sm_meta_graph *graph, sm_error *err) {
  const sm_slots *all;
  *out = 0;
  SM_TRY(get_collections(&all, graph, err));
  *out = all->map.n;
  return SM_OK;
}

sm_status sm_meta_graph_get_collection(const sm_collection **out, const sm_meta_graph *graph, size_t i, sm_error *err) {
  const sm_slots *all;
  *out = NULL;
  SM_TRY(get_collections(&all, graph, err));
  if (i >= all->map.n) return SM_FAIL(err, SM_NOT_FOUND, "collection %zu: there are %zu", i, all->map.n);
  return get_collection(out, graph, all, i, err);
}

sm_status sm_meta_graph_find_collection(const sm_collection **out, const sm_meta_graph *graph, const char *key,
                                        sm_error *err) {
  const sm_slots *all;
  *out = NULL;
  SM_TRY(get_collections(&all, graph, err));
  size_t i = sm_wire_map_find(&all->map, sm_string_of(key));
  if (i >= all->map.n) return SM_FAIL(err, SM_NOT_FOUND, "%s: no collection \"%s\"", graph->model->source.name, key);
  return get_collection(out, graph, all, i, err);
}

/* ---- Init and train op ---- */

/* The op of signature key: the name of its only output, which has the same key. */
static sm_status op_of_signature(const char **out, const sm_meta_graph *graph, const char *key, sm_error *err) {
  const sm_signature *signature;
  SM_TRY(sm_meta_graph_find_signature(&signature, graph, key, err));
  const sm_tensor_info *output = sm_signature_find_output(signature, key);
  if (output == NULL)
    return SM_FAIL(err, SM_FAILED_PRECONDITION, "%s: signature %s has no output %s", graph->model->source.name, key,
                   key);
  *out = output->tensor_name;
  return SM_OK;
}

static sm_status op_of_collection(const char **out, const sm_meta_graph *graph, const char *key, sm_error *err) {
  const sm_collection *collection;
  SM_TRY(sm_meta_graph_find_collection(&collection, graph, key, err));
  if (collection->kind != SM_COLLECTION_NODES || collection->n != 1)
    return SM_FAIL(err, SM_FAILED_PRECONDITION, "%s: collection %s holds %zu values, expected exactly one op",
                   graph->model->source.name, key, collection->n);
  *out = collection->strings[0].data;
  return SM_OK;
}

static sm_status find_op(const char **out, const sm_meta_graph *graph, const char *signature, const char *collection,
                         const char *older_collection, sm_error *err) {
  sm_error failure; /* err is for the last place looked at */
  *out = NULL;
  sm_status status = op_of_signature(out, graph, signature, &failure);
  if (status == SM_NOT_FOUND) status = op_of_collection(out, graph, collection, &failure);
  if (status == SM_NOT_FOUND && older_collection != NULL)
    status = op_of_collection(out, graph, older_collection, &failure);
  return sm_error_pass(err, status, &failure);
}

sm_status sm_meta_graph_get_init_op(const char **out, const sm_meta_graph *graph, sm_error *err) {
  return find_op(out, graph, SM_KEY_INIT_OP, SM_KEY_MAIN_OP, SM_KEY_LEGACY_INIT_OP, err);
}

sm_status sm_meta_graph_get_train_op(const char **out, const sm_meta_graph *graph, sm_error *err) {
  return find_op(out, graph, SM_KEY_TRAIN_OP, SM_KEY_TRAIN_OP_COLLECTION, NULL, err);
}

/* ---- Assets ---- */

/* Values of the V1 collection; none when there is no such collection. */
static sm_status collect_v1_assets(sm_spans *out, const sm_meta_graph *graph, sm_arena *arena, sm_error *err) {
  const sm_wire_source *source = &graph->model->source;
  sm_wire_map map;
  sm_spans value, lists;
  *out = (sm_spans){NULL, 0};
  SM_TRY(sm_wire_index_map(&map, one(&graph->bytes), META_GRAPH_COLLECTION, source, arena, err));
  size_t i = sm_wire_map_find(&map, sm_string_of(SM_KEY_ASSETS));
  if (i >= map.n) return SM_OK;
  SM_TRY(sm_wire_entry_value(&value, &map.entries[i], source, arena, err));
  SM_TRY(sm_wire_collect(&lists, value, COLLECTION_ANY_LIST, source, arena, err));
  return sm_wire_collect(out, lists, ANY_LIST_VALUE, source, arena, err);
}

sm_status sm_meta_graph_index_assets(sm_meta_graph *graph, sm_arena *arena, sm_error *err) {
  sm_spans found;
  SM_TRY(sm_wire_collect(&found, one(&graph->bytes), META_GRAPH_ASSET, &graph->model->source, arena, err));
  bool in_collection = found.n == 0;
  if (in_collection) SM_TRY(collect_v1_assets(&found, graph, arena, err));
  graph->assets = sm_arena_array(arena, sm_asset_slot, found.n);
  if (graph->assets == NULL) return sm_arena_fail(arena, found.n * sizeof *graph->assets, err);
  graph->n_assets = found.n;
  for (size_t i = 0; i < found.n; i++) {
    graph->assets[i].bytes = found.items[i];
    graph->assets[i].in_collection = in_collection;
  }
  return SM_OK;
}

/* The AssetFileDef inside an Any. */
static sm_status open_any(sm_span *out, sm_span any, const sm_wire_source *source, sm_arena *arena, sm_error *err) {
  static const char wanted[] = "type.googleapis.com/tensorflow.AssetFileDef";
  ProtobufCMessage *message;
  SM_TRY(sm_wire_unpack(&message, &google__protobuf__any__descriptor, one(&any), source, arena, err));
  const Google__Protobuf__Any *opened = (const Google__Protobuf__Any *)message;
  if (strcmp(opened->type_url, wanted) != 0)
    return SM_FAIL(err, SM_DATA_LOSS, "%s: an asset of type %.200s, expected %s", source->name, opened->type_url,
                   wanted);
  *out = (sm_span){opened->value.data, opened->value.len};
  return SM_OK;
}

static sm_status build_asset(void **out, const sm_meta_graph *graph, const void *subject, sm_arena *arena,
                             sm_error *err) {
  const sm_asset_slot *slot = subject;
  const sm_wire_source *source = &graph->model->source;
  sm_span bytes = slot->bytes;
  ProtobufCMessage *message;
  sm_asset *made = sm_arena_new(arena, sm_asset);
  if (made == NULL) return sm_arena_fail(arena, sizeof *made, err);
  if (slot->in_collection) SM_TRY(open_any(&bytes, slot->bytes, source, arena, err));
  SM_TRY(sm_wire_unpack(&message, &tensorflow__asset_file_def__descriptor, one(&bytes), source, arena, err));
  const Tensorflow__AssetFileDef *def = (const Tensorflow__AssetFileDef *)message;
  char clean[SM_PATH_MAX];
  if (!sm_path_clean(clean, sizeof clean, def->filename))
    return SM_FAIL(err, SM_DATA_LOSS, "%s: asset %.200s lies outside of %s/%s", source->name, def->filename,
                   graph->model->dir != NULL ? graph->model->dir : "(buffer)", SM_DIR_ASSETS);
  const Tensorflow__TensorInfo *tensor = def->tensor_info;
  bool is_named = tensor != NULL && tensor->encoding_case == TENSORFLOW__TENSOR_INFO__ENCODING_NAME;
  *made = (sm_asset){.tensor_name = is_named ? tensor->name : "", .filename = def->filename};
  *out = made;
  return SM_OK;
}

size_t sm_meta_graph_n_assets(const sm_meta_graph *graph) { return graph->n_assets; }

sm_status sm_meta_graph_get_asset(const sm_asset **out, const sm_meta_graph *graph, size_t i, sm_error *err) {
  void *made;
  *out = NULL;
  if (i >= graph->n_assets) return SM_FAIL(err, SM_NOT_FOUND, "asset %zu: there are %zu", i, graph->n_assets);
  SM_TRY(sm_meta_graph_once(&made, graph, &graph->assets[i].value, build_asset, &graph->assets[i], err));
  *out = made;
  return SM_OK;
}

/* ---- Graph ---- */

static sm_status build_summary(void **out, const sm_meta_graph *graph, const void *subject, sm_arena *arena,
                               sm_error *err) {
  (void)subject;
  sm_graph_summary *made = sm_arena_new(arena, sm_graph_summary);
  if (made == NULL) return sm_arena_fail(arena, sizeof *made, err);
  *out = made;
  return sm_graph_summarise(made, graph->graph, &graph->model->source, arena, err);
}

sm_status sm_meta_graph_get_graph_summary(const sm_graph_summary **out, const sm_meta_graph *graph, sm_error *err) {
  return get_fact((const void **)out, graph, &graph->summary_value, build_summary, err);
}
