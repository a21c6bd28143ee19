/* What leads into a graph, for its scan: signatures, init op, saver, assets, the functions of the object graph. */
#include "codec/varint.h"
#include "model/model_internal.h"
#include "model/scan_internal.h"

/* Fields of SavedObjectGraph, SavedObject, SavedAsset, SavedConcreteFunction: proto/saved_object_graph.proto. */
enum {
  OBJECT_NODE = 1,
  OBJECT_FUNCTION = 2,
  ENTRY_KEY = 1,
  ENTRY_VALUE = 2,
  OBJECT_FIRST_KIND = 4,
  OBJECT_ASSET = 5,
  OBJECT_SAVEABLES = 11, /* among the kinds, but none */
  OBJECT_LAST_KIND = 12,
  ASSET_INDEX = 1,
  FUNCTION_BOUND = 2
};

static sm_status add_root(sm_scan_roots *roots, sm_scan_root root, sm_error *err) {
  if (roots->n == roots->capacity) {
    size_t capacity = roots->capacity == 0 ? 64 : 2 * roots->capacity, size;
    if (!sm_mul_size(capacity, sizeof *roots->items, &size)) return SM_FAIL_OOM(err, SIZE_MAX);
    sm_scan_root *items = sm_realloc(roots->allocator, roots->items, size);
    if (items == NULL) return SM_FAIL_OOM(err, size);
    roots->items = items;
    roots->capacity = capacity;
  }
  roots->items[roots->n++] = root;
  return SM_OK;
}

static sm_status add_tensor(sm_scan_roots *roots, sm_string name, uint32_t mark, sm_error *err) {
  return add_root(roots, (sm_scan_root){.name = name, .kind = SM_ROOT_TENSOR, .mark = mark}, err);
}

/* ---- Signatures ---- */

/* A TensorInfo to be looked at: those of composite tensors lie in each other, to any depth. */
typedef struct waiting {
  const sm_tensor_info *info;
  struct waiting *next;
} waiting;

static sm_status add_waiting(waiting **first, const sm_tensor_info *info, sm_arena *arena, sm_error *err) {
  waiting *made = sm_arena_new(arena, waiting);
  if (made == NULL) return sm_arena_fail(arena, sizeof *made, err);
  *made = (waiting){info, *first};
  *first = made;
  return SM_OK;
}

/* like: the root that each tensor of them becomes. */
static sm_status add_tensors(sm_scan_roots *roots, const sm_tensor_info *const *infos, size_t n, sm_scan_root like,
                             sm_arena *arena, sm_error *err) {
  waiting *first = NULL;
  for (size_t i = 0; i < n; i++) SM_TRY(add_waiting(&first, infos[i], arena, err));
  while (first != NULL) {
    const sm_tensor_info *info = first->info;
    first = first->next;
    like.name = (sm_string){info->tensor_name, info->tensor_name_size};
    SM_TRY(add_root(roots, like, err));
    for (size_t i = 0; i < info->n_components; i++) SM_TRY(add_waiting(&first, info->components[i], arena, err));
  }
  return SM_OK;
}

static sm_status add_signature(sm_scan_roots *roots, const sm_signature *signature, sm_arena *arena, sm_error *err) {
  const sm_scan_root input = {.kind = SM_ROOT_INPUT};
  sm_scan_root output = {.kind = SM_ROOT_TENSOR, .mark = SM_REACHED_BY_SIGNATURE};
  if (strcmp(signature->key, SM_KEY_INIT_OP) == 0) output.mark = SM_REACHED_BY_INIT_OP;
  if (strcmp(signature->key, SM_KEY_TRAIN_OP) == 0) output.mark = SM_REACHED_BY_TRAIN_OP;
  SM_TRY(add_tensors(roots, signature->inputs, signature->n_inputs, input, arena, err));
  return add_tensors(roots, signature->outputs, signature->n_outputs, output, arena, err);
}

/* ---- Collections, the saver ---- */

static sm_status add_collection(sm_scan_roots *roots, const sm_meta_graph *graph, const char *key, uint32_t mark,
                                sm_error *err) {
  sm_error failure;
  const sm_collection *collection;
  sm_status status = sm_meta_graph_find_collection(&collection, graph, key, &failure);
  if (status == SM_NOT_FOUND) return SM_OK;
  if (status != SM_OK && err != NULL) *err = failure;
  SM_TRY(status);
  for (size_t i = 0; collection->kind == SM_COLLECTION_NODES && i < collection->n; i++)
    SM_TRY(add_tensor(roots, collection->strings[i], mark, err));
  return SM_OK;
}

static sm_status add_saver(sm_scan_roots *roots, sm_graph_scan_request *request, const sm_meta_graph *graph,
                           sm_error *err) {
  sm_error failure;
  const sm_saver_def *saver;
  sm_status status = sm_meta_graph_get_saver_def(&saver, graph, &failure);
  if (status == SM_NOT_FOUND) return SM_OK;
  if (status != SM_OK && err != NULL) *err = failure;
  SM_TRY(status);
  request->saver_filename = sm_string_of(saver->filename_tensor_name);
  request->saver_save = sm_string_of(saver->save_tensor_name);
  request->saver_restore = sm_string_of(saver->restore_op_name);
  SM_TRY(add_tensor(roots, request->saver_save, SM_REACHED_BY_SAVE, err));
  return add_tensor(roots, request->saver_restore, SM_REACHED_BY_RESTORE, err);
}

/* ---- Assets ---- */

/* *out: which of them the loader hands to the graph. Those it refuses, such as one that lies elsewhere, it does not. */
static sm_status add_assets(bool **out, sm_scan_roots *roots, const sm_meta_graph *graph, sm_arena *arena,
                            sm_error *err) {
  size_t n = sm_meta_graph_n_assets(graph);
  bool *is_fed = *out = sm_arena_array(arena, bool, n);
  if (is_fed == NULL) return sm_arena_fail(arena, n, err);
  for (size_t i = 0; i < n; i++) {
    sm_error failure;
    const sm_asset *asset;
    sm_status status = sm_meta_graph_get_asset(&asset, graph, i, &failure);
    if (status == SM_RESOURCE_EXHAUSTED && err != NULL) *err = failure;
    if (status == SM_RESOURCE_EXHAUSTED) return status;
    is_fed[i] = status == SM_OK;
    if (status != SM_OK) continue;
    SM_TRY(add_root(roots, (sm_scan_root){.name = sm_string_of(asset->tensor_name), .kind = SM_ROOT_ASSET}, err));
  }
  return SM_OK;
}

/* ---- The object graph ---- */

typedef struct bool_list {
  bool *items;
  size_t n;
} bool_list;

/* Is it a SavedAsset, and nothing else besides, of an asset that is fed? */
static sm_status is_asset_object(bool *out, sm_span object, const sm_meta_graph *graph, const bool *is_fed,
                                 sm_error *err) {
  const sm_wire_source *source = &graph->model->source;
  size_t n_kinds = 0;
  uint64_t index = 0;
  *out = false;
  sm_wire_reader reader = sm_wire_read(object, source);
  for (sm_wire_field field; sm_wire_next(&reader, &field);) {
    uint32_t number = sm_wire_number(&field);
    if (number >= OBJECT_FIRST_KIND && number <= OBJECT_LAST_KIND && number != OBJECT_SAVEABLES) n_kinds++;
    if (field.tag != SM_WIRE_TAG(OBJECT_ASSET, SM_WIRE_BYTES)) continue;
    sm_wire_reader asset = sm_wire_read(field.bytes, source);
    for (sm_wire_field part; sm_wire_next(&asset, &part);)
      if (part.tag == SM_WIRE_TAG(ASSET_INDEX, SM_WIRE_VARINT)) index = part.value;
    SM_TRY(sm_wire_finish(&asset, err));
    *out = true;
  }
  *out = *out && n_kinds == 1 && index < graph->n_assets && is_fed[index] && !graph->assets[index].in_collection;
  return sm_wire_finish(&reader, err);
}

/* For each object: is it an asset? */
static sm_status find_asset_objects(bool_list *out, const sm_meta_graph *graph, const bool *is_fed, sm_arena *arena,
                                    sm_error *err) {
  sm_spans objects;
  SM_TRY(sm_wire_collect(&objects, graph->object_graph, OBJECT_NODE, &graph->model->source, arena, err));
  *out = (bool_list){sm_arena_array(arena, bool, objects.n), objects.n};
  if (out->items == NULL) return sm_arena_fail(arena, objects.n, err);
  for (size_t i = 0; i < objects.n; i++) SM_TRY(is_asset_object(&out->items[i], objects.items[i], graph, is_fed, err));
  return SM_OK;
}

/* The numbers of a repeated field, packed or not: is the object of that number an asset? out has room for size. */
static void add_bound(bool_list *out, sm_span numbers, const bool_list *objects) {
  const uint8_t *p = numbers.data, *end = p + numbers.size;
  for (uint64_t id; p != end && (p = sm_varint_read(p, end, &id)) != NULL;)
    out->items[out->n++] = id < objects->n && objects->items[id];
}

static sm_status find_bound(bool_list *out, sm_span entry, const bool_list *objects, const sm_wire_source *source,
                            sm_arena *arena, sm_error *err) {
  sm_spans values;
  SM_TRY(sm_wire_collect(&values, (sm_spans){&entry, 1}, ENTRY_VALUE, source, arena, err));
  *out = (bool_list){sm_arena_array(arena, bool, entry.size), 0}; /* a number takes a byte at least */
  if (out->items == NULL) return sm_arena_fail(arena, entry.size, err);
  for (size_t i = 0; i < values.n; i++) {
    sm_wire_reader reader = sm_wire_read(values.items[i], source);
    for (sm_wire_field field; sm_wire_next(&reader, &field);)
      if (field.tag == SM_WIRE_TAG(FUNCTION_BOUND, SM_WIRE_BYTES) ||
          field.tag == SM_WIRE_TAG(FUNCTION_BOUND, SM_WIRE_VARINT))
        add_bound(out, field.bytes, objects);
    SM_TRY(sm_wire_finish(&reader, err));
  }
  return SM_OK;
}

/* The concrete functions, which any program that loads the model may call. */
static sm_status add_object_functions(sm_scan_roots *roots, const sm_meta_graph *graph, const bool *is_fed,
                                      sm_arena *arena, sm_error *err) {
  const sm_wire_source *source = &graph->model->source;
  sm_spans functions;
  bool_list objects, bound;
  SM_TRY(find_asset_objects(&objects, graph, is_fed, arena, err));
  SM_TRY(sm_wire_collect(&functions, graph->object_graph, OBJECT_FUNCTION, source, arena, err));
  for (size_t i = 0; i < functions.n; i++) {
    sm_span name;
    SM_TRY(sm_wire_find_bytes(&name, functions.items[i], ENTRY_KEY, source, err));
    SM_TRY(find_bound(&bound, functions.items[i], &objects, source, arena, err));
    const sm_scan_root root = {.name = {(const char *)name.data, name.size},
                               .kind = SM_ROOT_FUNCTION,
                               .mark = SM_REACHED_BY_OBJECT,
                               .is_asset = bound.items,
                               .n_bound = bound.n};
    SM_TRY(add_root(roots, root, err));
  }
  return SM_OK;
}

/* ---- All of it ---- */

sm_status sm_scan_roots_find(sm_scan_roots *roots, sm_graph_scan_request *request, const sm_meta_graph *graph,
                             sm_arena *arena, sm_error *err) {
  bool *is_fed;
  for (size_t i = 0; i < sm_meta_graph_n_signatures(graph); i++) {
    const sm_signature *signature;
    SM_TRY(sm_meta_graph_get_signature(&signature, graph, i, err));
    SM_TRY(add_signature(roots, signature, arena, err));
  }
  SM_TRY(add_collection(roots, graph, SM_KEY_MAIN_OP, SM_REACHED_BY_INIT_OP, err));
  SM_TRY(add_collection(roots, graph, SM_KEY_LEGACY_INIT_OP, SM_REACHED_BY_INIT_OP, err));
  SM_TRY(add_collection(roots, graph, SM_KEY_TRAIN_OP_COLLECTION, SM_REACHED_BY_TRAIN_OP, err));
  SM_TRY(add_saver(roots, request, graph, err));
  SM_TRY(add_assets(&is_fed, roots, graph, arena, err));
  return add_object_functions(roots, graph, is_fed, arena, err);
}
