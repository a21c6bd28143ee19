/* A meta graph that is made of a spec. Everything is checked before the builder has any of it. */
#include <savedmodel/pb/graph.pb-c.h>
#include <savedmodel/pb/meta_graph.pb-c.h>
#include <savedmodel/pb/saved_object_graph.pb-c.h>

#include "builder/builder_internal.h"
#include "builder/encode_parts.h"
#include "builder/spec_check.h"
#include "graph/graph_edit.h"
#include "graph/saver_graph.h"

static const char ASSET_TYPE_URL[] = "type.googleapis.com/tensorflow.AssetFileDef", VARIABLES[] = "variables";

/* Fields of map entries, CollectionDef and its BytesList. */
enum { ENTRY_KEY = 1, ENTRY_VALUE = 2 };

/* What becomes of a spec. */
typedef struct making {
  sm_builder *builder;
  sm_meta_graph_spec spec; /* as far as the caller knows it */
  sm_wire_source source;
  sm_arena *arena;   /* of the builder */
  sm_span graph_def; /* as it will be, but for the saver's nodes */
  sm_span saver_nodes;
  sm_saver_def saver;
  bool has_saver;
  sm_buffer bytes; /* MetaGraphDef */
} making;

/* ---- What is given ---- */

/* The first thing that is wrong with a message. */
static void note_fault(void *ctx, const ProtobufCMessageDescriptor *in, uint32_t number, const sm_error *fault) {
  sm_error *first = ctx;
  (void)in, (void)number;
  if (fault != NULL && first->code == SM_OK) *first = *fault;
}

static sm_status check_message(const ProtobufCMessageDescriptor *type, const char *name, sm_string bytes,
                               sm_error *err) {
  sm_error first = {.code = SM_OK};
  const sm_wire_source source = {.name = name, .bytes = {(const uint8_t *)bytes.data, bytes.size}};
  sm_wire_inspect(type, source.bytes, &source, note_fault, &first);
  if (first.code == SM_OK) return SM_OK;
  if (err != NULL) *err = first;
  return first.code;
}

static sm_status check_spec(const making *m, sm_error *err) {
  const sm_meta_graph_spec *spec = &m->spec;
  if (spec->graph_def.size == 0) return SM_FAIL(err, SM_INVALID_ARGUMENT, "the meta graph has no graph");
  SM_TRY(check_message(&tensorflow__graph_def__descriptor, "graph_def", spec->graph_def, err));
  SM_TRY(
      check_message(&tensorflow__meta_graph_def__meta_info_def__descriptor, "meta_info_def", spec->meta_info_def, err));
  SM_TRY(check_message(&tensorflow__saved_object_graph__descriptor, "object_graph_def", spec->object_graph_def, err));
  for (size_t i = 0; i < spec->n_signatures; i++) {
    const char *key = spec->signatures[i]->key;
    if (key == NULL) return SM_FAIL(err, SM_INVALID_ARGUMENT, "signature %zu has no key", i);
    bool is_reserved = strcmp(key, SM_KEY_INIT_OP) == 0 || strcmp(key, SM_KEY_TRAIN_OP) == 0;
    if (is_reserved && spec->object_graph_def.size == 0) /* V2 models have the one */
      return SM_FAIL(err, SM_INVALID_ARGUMENT,
                     "SignatureDef map key \"%s\" is reserved for %s. Please use a different key.", key,
                     strcmp(key, SM_KEY_INIT_OP) == 0 ? "initialization" : "the train op");
  }
  return SM_OK;
}

/* ---- The graph ---- */

/* Bytes for as long as the builder. */
static sm_status keep(sm_span *out, making *m, const void *data, size_t size, sm_error *err) {
  sm_string kept = sm_arena_copy(m->arena, (sm_string){data, size});
  if (kept.data == NULL) return sm_arena_fail(m->arena, size, err);
  *out = (sm_span){(const uint8_t *)kept.data, size};
  return SM_OK;
}

static sm_status clear_devices(making *m, sm_error *err) {
  sm_buffer cleared;
  if (!m->spec.clear_devices) return SM_OK;
  sm_buffer_init(&cleared, m->builder->allocator, UINT64_MAX);
  sm_status status = sm_devices_clear(&cleared, (sm_spans){&m->graph_def, 1}, false, &m->source, err);
  if (status == SM_OK) status = keep(&m->graph_def, m, cleared.data, cleared.size, err);
  sm_buffer_free(&cleared);
  return status;
}

static const sm_collection *find_collection(const making *m, const char *key) {
  for (size_t i = 0; i < m->spec.n_collections; i++)
    if (strcmp(m->spec.collections[i].key, key) == 0) return &m->spec.collections[i];
  return NULL;
}

/* Collection "variables", as the pieces that the saver wants. */
static sm_status find_variable_defs(sm_spans *out, making *m, sm_error *err) {
  const sm_collection *defs = find_collection(m, VARIABLES);
  *out = (sm_spans){NULL, 0};
  if (defs == NULL || defs->kind != SM_COLLECTION_BYTES) return SM_OK;
  sm_span *items = sm_arena_array(m->arena, sm_span, defs->n);
  if (items == NULL) return sm_arena_fail(m->arena, defs->n * sizeof *items, err);
  for (size_t i = 0; i < defs->n; i++)
    items[i] = (sm_span){(const uint8_t *)defs->strings[i].data, defs->strings[i].size};
  *out = (sm_spans){items, defs->n};
  return SM_OK;
}

static sm_status add_saver(making *m, sm_error *err) {
  sm_spans defs, graph_def = {&m->graph_def, 1};
  sm_graph_variables variables;
  sm_saver_graph made;
  m->has_saver = m->spec.saver_def != NULL;
  if (m->has_saver) m->saver = *m->spec.saver_def;
  if (m->has_saver || m->spec.no_saver) return SM_OK;
  SM_TRY(find_variable_defs(&defs, m, err));
  SM_TRY(sm_graph_find_variables(&variables, graph_def, defs, &m->source, m->arena, err));
  if (variables.n == 0) return SM_OK;
  SM_TRY(sm_saver_graph_make(&made, &variables, graph_def, &m->source, m->arena, err));
  m->saver_nodes = (sm_span){(const uint8_t *)made.nodes.data, made.nodes.size};
  m->saver = made.def;
  m->has_saver = true;
  return SM_OK;
}

/* ---- MetaGraphDef ---- */

/* meta_info_def, its op list filled in; tags and flags come later, as to any meta graph. */
static sm_status put_info(making *m, sm_error *err) {
  sm_spans lists;
  sm_graph_summary summary;
  size_t info, list;
  sm_span given = {(const uint8_t *)m->spec.meta_info_def.data, m->spec.meta_info_def.size};
  sm_span pieces[2] = {m->graph_def, m->saver_nodes};
  const sm_wire_source source = {.name = "meta_info_def", .bytes = given};
  SM_TRY(sm_wire_collect(&lists, (sm_spans){&given, 1}, SM_META_INFO_STRIPPED_OP_LIST, &source, m->arena, err));
  SM_TRY(sm_wire_open(&info, &m->bytes, SM_META_GRAPH_INFO, err));
  SM_TRY(sm_buffer_put(&m->bytes, given.data, given.size, err));
  if (lists.n == 0) {
    SM_TRY(sm_graph_summarise(&summary, (sm_spans){pieces, 2}, &m->source, m->arena, err));
    SM_TRY(sm_wire_open(&list, &m->bytes, SM_META_INFO_STRIPPED_OP_LIST, err));
    SM_TRY(sm_op_list_put(&m->bytes, summary.ops, summary.n_ops, lists, &m->source, err));
    SM_TRY(sm_wire_close(&m->bytes, list, err));
  }
  return sm_wire_close(&m->bytes, info, err);
}

static sm_status put_graph(making *m, sm_error *err) {
  size_t graph;
  SM_TRY(sm_buffer_reserve(&m->bytes, m->graph_def.size + m->saver_nodes.size, err));
  SM_TRY(sm_wire_open(&graph, &m->bytes, SM_META_GRAPH_GRAPH, err));
  SM_TRY(sm_buffer_put(&m->bytes, m->graph_def.data, m->graph_def.size, err));
  SM_TRY(sm_buffer_put(&m->bytes, m->saver_nodes.data, m->saver_nodes.size, err));
  return sm_wire_close(&m->bytes, graph, err);
}

static sm_status put_saver(making *m, sm_error *err) {
  size_t saver;
  if (!m->has_saver) return SM_OK;
  SM_TRY(sm_wire_open(&saver, &m->bytes, SM_META_GRAPH_SAVER, err));
  SM_TRY(sm_encode_saver(&m->bytes, &m->saver, err));
  return sm_wire_close(&m->bytes, saver, err);
}

static bool collection_less(const void *a, const void *b) {
  return strcmp(((const sm_collection *)a)->key, ((const sm_collection *)b)->key) < 0;
}

static sm_status put_collection(making *m, const sm_collection *collection, sm_error *err) {
  size_t entry, value;
  SM_TRY(sm_wire_open(&entry, &m->bytes, SM_META_GRAPH_COLLECTION, err));
  SM_TRY(sm_encode_text(&m->bytes, ENTRY_KEY, sm_string_of(collection->key), err));
  SM_TRY(sm_wire_open(&value, &m->bytes, ENTRY_VALUE, err));
  SM_TRY(sm_encode_collection(&m->bytes, collection, err));
  SM_TRY(sm_wire_close(&m->bytes, value, err));
  return sm_wire_close(&m->bytes, entry, err);
}

static sm_status put_sorted(making *m, sm_collection *all, size_t n, sm_error *err) {
  sm_sort(all, n, sizeof *all, collection_less);
  for (size_t i = 0; i < n; i++) {
    if (i > 0 && strcmp(all[i - 1].key, all[i].key) == 0)
      return SM_FAIL(err, SM_INVALID_ARGUMENT, "the graph has a collection %.200s, and the spec says what is in it",
                     all[i].key);
    SM_TRY(put_collection(m, &all[i], err));
  }
  return SM_OK;
}

/* An op alone in a collection. */
static void add_op_collection(sm_collection *all, size_t *n, const char *key, const char *op, sm_string *text) {
  if (op == NULL) return;
  *text = sm_string_of(op);
  all[(*n)++] = (sm_collection){.key = key, .kind = SM_COLLECTION_NODES, .n = 1, .strings = text};
}

/* As the builder of TensorFlow 1 lists them. */
static sm_status add_asset_collection(sm_collection *all, size_t *n, making *m, sm_error *err) {
  const sm_meta_graph_spec *spec = &m->spec;
  sm_string *values = sm_arena_array(m->arena, sm_string, spec->n_assets);
  sm_string *urls = sm_arena_array(m->arena, sm_string, spec->n_assets);
  if (values == NULL || urls == NULL) return sm_arena_fail(m->arena, spec->n_assets * sizeof *values, err);
  for (size_t i = 0; i < spec->n_assets; i++) {
    sm_buffer asset;
    sm_span kept = {NULL, 0};
    sm_buffer_init(&asset, m->builder->allocator, UINT64_MAX);
    sm_status status = sm_encode_asset(&asset, spec->assets[i].tensor_name, sm_asset_filename(&spec->assets[i]), err);
    if (status == SM_OK) status = keep(&kept, m, asset.data, asset.size, err);
    sm_buffer_free(&asset);
    SM_TRY(status);
    values[i] = (sm_string){(const char *)kept.data, kept.size};
    urls[i] = sm_string_of(ASSET_TYPE_URL);
  }
  all[(*n)++] = (sm_collection){
      .key = SM_KEY_ASSETS, .kind = SM_COLLECTION_ANY, .n = spec->n_assets, .strings = values, .type_urls = urls};
  return SM_OK;
}

static sm_status put_collections(making *m, sm_error *err) {
  enum { N_OWN = 3 };
  const sm_meta_graph_spec *spec = &m->spec;
  sm_string init_op, train_op;
  sm_collection *all = sm_arena_array(m->arena, sm_collection, spec->n_collections + N_OWN);
  if (all == NULL) return sm_arena_fail(m->arena, (spec->n_collections + N_OWN) * sizeof *all, err);
  size_t n = spec->n_collections;
  for (size_t i = 0; i < n; i++) all[i] = spec->collections[i];
  if (spec->init_op != NULL && find_collection(m, SM_KEY_MAIN_OP) != NULL)
    return SM_FAIL(err, SM_INVALID_ARGUMENT,
                   "Graph already contains one or more main ops under the collection " SM_KEY_MAIN_OP ".");
  add_op_collection(all, &n, SM_KEY_MAIN_OP, spec->init_op, &init_op);
  add_op_collection(all, &n, SM_KEY_TRAIN_OP_COLLECTION, spec->train_op, &train_op);
  if (spec->n_assets != 0 && spec->object_graph_def.size == 0) SM_TRY(add_asset_collection(all, &n, m, err));
  return put_sorted(m, all, n, err);
}

/* ---- Signatures ---- */

static bool signature_less(const void *a, const void *b) {
  return strcmp((*(const sm_signature *const *)a)->key, (*(const sm_signature *const *)b)->key) < 0;
}

static sm_status put_signature(making *m, const sm_signature *signature, sm_error *err) {
  size_t entry, value;
  SM_TRY(sm_wire_open(&entry, &m->bytes, SM_META_GRAPH_SIGNATURE, err));
  SM_TRY(sm_encode_text(&m->bytes, ENTRY_KEY, sm_string_of(signature->key), err));
  SM_TRY(sm_wire_open(&value, &m->bytes, ENTRY_VALUE, err));
  sm_arena_mark mark = sm_arena_get_mark(m->arena);
  sm_status status = sm_encode_signature(&m->bytes, signature, m->arena, err);
  sm_arena_rewind(m->arena, mark);
  if (status != SM_OK) sm_error_add_place(err, signature->key);
  SM_TRY(status);
  SM_TRY(sm_wire_close(&m->bytes, value, err));
  return sm_wire_close(&m->bytes, entry, err);
}

/* An op that V2 models have as the output of a signature of their own. */
typedef struct op_signature {
  sm_tensor_info op;
  const sm_tensor_info *outputs[1];
  sm_signature signature;
} op_signature;

static void add_op_signature(const sm_signature **all, size_t *n, op_signature *made, const char *key, const char *op) {
  if (op == NULL) return;
  made->op = (sm_tensor_info){.name = key, .tensor_name = op, .rank = -1};
  made->outputs[0] = &made->op;
  made->signature = (sm_signature){.key = key, .outputs = made->outputs, .n_outputs = 1};
  all[(*n)++] = &made->signature;
}

static sm_status put_signatures(making *m, sm_error *err) {
  enum { N_OWN = 2 };
  size_t n = m->spec.n_signatures;
  op_signature init_op, train_op;
  const sm_signature **sorted = sm_arena_array(m->arena, const sm_signature *, n + N_OWN);
  if (sorted == NULL) return sm_arena_fail(m->arena, (n + N_OWN) * sizeof *sorted, err);
  for (size_t i = 0; i < n; i++) sorted[i] = m->spec.signatures[i];
  if (m->spec.object_graph_def.size != 0) {
    add_op_signature(sorted, &n, &init_op, SM_KEY_INIT_OP, m->spec.init_op);
    add_op_signature(sorted, &n, &train_op, SM_KEY_TRAIN_OP, m->spec.train_op);
  }
  sm_sort(sorted, n, sizeof *sorted, signature_less);
  for (size_t i = 0; i < n; i++) {
    if (i > 0 && strcmp(sorted[i - 1]->key, sorted[i]->key) == 0)
      return SM_FAIL(err, SM_INVALID_ARGUMENT, "signature %.200s: there are two of that key", sorted[i]->key);
    SM_TRY(put_signature(m, sorted[i], err));
  }
  return SM_OK;
}

static sm_status put_assets(making *m, sm_error *err) {
  for (size_t i = 0; i < m->spec.n_assets; i++) {
    const sm_asset_spec *asset = &m->spec.assets[i];
    size_t contents;
    SM_TRY(sm_wire_open(&contents, &m->bytes, SM_META_GRAPH_ASSET, err));
    SM_TRY(sm_encode_asset(&m->bytes, asset->tensor_name, sm_asset_filename(asset), err));
    SM_TRY(sm_wire_close(&m->bytes, contents, err));
  }
  return SM_OK;
}

static sm_status put_meta_graph(making *m, sm_error *err) {
  sm_string objects = m->spec.object_graph_def;
  SM_TRY(put_info(m, err));
  SM_TRY(put_graph(m, err));
  SM_TRY(put_saver(m, err));
  SM_TRY(put_collections(m, err));
  SM_TRY(put_signatures(m, err));
  SM_TRY(put_assets(m, err));
  return objects.size != 0 ? sm_wire_put_bytes(&m->bytes, SM_META_GRAPH_OBJECT_GRAPH, objects.data, objects.size, err)
                           : SM_OK;
}

/* ---- All ---- */

static sm_status check_graph(making *m, sm_error *err) {
  const sm_span pieces[2] = {m->graph_def, m->saver_nodes};
  sm_arena arena;
  sm_arena_init(&arena, m->builder->allocator, UINT64_MAX);
  sm_status status =
      sm_spec_check(&m->spec, (sm_spans){pieces, 2}, m->has_saver ? &m->saver : NULL, &m->source, &arena, err);
  sm_arena_free(&arena);
  return status;
}

/* From now on it is a meta graph like those of other models. */
static sm_status append_graph(making *m, sm_error *err) {
  sm_builder *builder = m->builder;
  size_t number = builder->n_graphs;
  sm_built_graph *graph;
  sm_span bytes;
  SM_TRY(sm_builder_new_graph(&graph, builder, err));
  SM_TRY(keep(&bytes, m, m->bytes.data, m->bytes.size, err));
  graph->wants_variables = !m->spec.no_variables_check;
  graph->source = (sm_wire_source){.name = "meta graph", .bytes = bytes};
  SM_TRY(sm_draft_read(&graph->draft, (sm_spans){&bytes, 1}, m->arena, &graph->source, err));
  builder->graphs[builder->n_graphs++] = graph;
  sm_status status = sm_builder_set_tags(builder, number, m->spec.tags, m->spec.n_tags, err);
  if (status == SM_OK && m->spec.strip_default_attrs) status = sm_builder_strip_default_attrs(builder, number, err);
  if (status == SM_OK) status = sm_builder_plan_assets(builder, m->spec.assets, m->spec.n_assets, err);
  if (status != SM_OK) builder->n_graphs--;
  return status;
}

static sm_status make_graph(making *m, sm_error *err) {
  SM_TRY(check_spec(m, err));
  m->source =
      (sm_wire_source){.name = "graph_def", .bytes = {(const uint8_t *)m->spec.graph_def.data, m->spec.graph_def.size}};
  m->graph_def = m->source.bytes;
  SM_TRY(clear_devices(m, err));
  SM_TRY(add_saver(m, err));
  SM_TRY(check_graph(m, err));
  SM_TRY(put_meta_graph(m, err));
  return append_graph(m, err);
}

sm_status sm_builder_add_meta_graph(size_t *index, sm_builder *builder, const sm_meta_graph_spec *spec, sm_error *err) {
  making m = {.builder = builder, .arena = &builder->arena};
  SM_TRY(sm_builder_check_open(builder, err));
  if (spec->struct_size == 0)
    return SM_FAIL(err, SM_INVALID_ARGUMENT, "sm_meta_graph_spec.struct_size is 0: start from SM_META_GRAPH_SPEC_INIT");
  memcpy(&m.spec, spec, spec->struct_size < sizeof m.spec ? spec->struct_size : sizeof m.spec);
  sm_buffer_init(&m.bytes, builder->allocator, UINT64_MAX);
  size_t number = builder->n_graphs;
  sm_status status = make_graph(&m, err);
  sm_buffer_free(&m.bytes);
  if (status == SM_OK && index != NULL) *index = number;
  return status;
}
