/* sm_meta_graph_scan: what leads into the graph, the graph, the metadata of Keras. */
#include "graph/graph_scan.h"
#include "model/keras_metadata.h"
#include "model/model_internal.h"
#include "model/scan_internal.h"

/* Fields of SavedObjectGraph, SavedObject, SavedUserObject: proto/saved_object_graph.proto. */
enum { OBJECT_NODE = 1, OBJECT_FUNCTION = 2, ENTRY_KEY = 1, OBJECT_USER_OBJECT = 4, USER_METADATA = 3 };

/* ---- What leads into the graph ---- */

typedef struct root_list {
  const sm_allocator *allocator;
  sm_scan_root *items;
  size_t n, capacity;
} root_list;

static sm_status add_root(root_list *roots, sm_string name, uint32_t mark, bool is_function, sm_error *err) {
  if (roots->n == roots->capacity) {
    size_t capacity = roots->capacity == 0 ? 64 : 2 * roots->capacity, size;
    if (!sm_mul_size(capacity, sizeof *roots->items, &size)) return SM_FAIL_OOM(err, SIZE_MAX);
    sm_scan_root *items = sm_realloc(roots->allocator, roots->items, size);
    if (items == NULL) return SM_FAIL_OOM(err, size);
    roots->items = items;
    roots->capacity = capacity;
  }
  roots->items[roots->n++] = (sm_scan_root){name, mark, is_function};
  return SM_OK;
}

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

static sm_status add_signature(root_list *roots, const sm_signature *signature, sm_arena *arena, sm_error *err) {
  uint32_t mark = strcmp(signature->key, SM_KEY_INIT_OP) == 0    ? SM_REACHED_BY_INIT_OP
                  : strcmp(signature->key, SM_KEY_TRAIN_OP) == 0 ? SM_REACHED_BY_TRAIN_OP
                                                                 : SM_REACHED_BY_SIGNATURE;
  waiting *first = NULL;
  for (size_t i = 0; i < signature->n_outputs; i++) SM_TRY(add_waiting(&first, signature->outputs[i], arena, err));
  while (first != NULL) {
    const sm_tensor_info *info = first->info;
    first = first->next;
    SM_TRY(add_root(roots, (sm_string){info->tensor_name, info->tensor_name_size}, mark, false, err));
    for (size_t i = 0; i < info->n_components; i++) SM_TRY(add_waiting(&first, info->components[i], arena, err));
  }
  return SM_OK;
}

static sm_status add_collection(root_list *roots, const sm_meta_graph *graph, const char *key, uint32_t mark,
                                sm_error *err) {
  sm_error failure;
  const sm_collection *collection;
  sm_status status = sm_meta_graph_find_collection(&collection, graph, key, &failure);
  if (status == SM_NOT_FOUND) return SM_OK;
  if (status != SM_OK && err != NULL) *err = failure;
  SM_TRY(status);
  for (size_t i = 0; collection->kind == SM_COLLECTION_NODES && i < collection->n; i++)
    SM_TRY(add_root(roots, collection->strings[i], mark, false, err));
  return SM_OK;
}

static sm_status add_saver(root_list *roots, sm_graph_scan_request *request, const sm_meta_graph *graph,
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
  SM_TRY(add_root(roots, request->saver_save, SM_REACHED_BY_SAVE, false, err));
  return add_root(roots, request->saver_restore, SM_REACHED_BY_RESTORE, false, err);
}

/* Names of the concrete functions, which any program that loads the model may call. */
static sm_status add_object_functions(root_list *roots, const sm_meta_graph *graph, sm_error *err) {
  const sm_wire_source *source = &graph->model->source;
  for (size_t i = 0; i < graph->object_graph.n; i++) {
    sm_wire_reader reader = sm_wire_read(graph->object_graph.items[i], source);
    for (sm_wire_field field; sm_wire_next(&reader, &field);) {
      sm_span name;
      if (field.tag != SM_WIRE_TAG(OBJECT_FUNCTION, SM_WIRE_BYTES)) continue;
      SM_TRY(sm_wire_find_bytes(&name, field.bytes, ENTRY_KEY, source, err));
      SM_TRY(add_root(roots, (sm_string){(const char *)name.data, name.size}, SM_REACHED_BY_OBJECT, true, err));
    }
    SM_TRY(sm_wire_finish(&reader, err));
  }
  return SM_OK;
}

static sm_status add_roots(root_list *roots, sm_graph_scan_request *request, const sm_meta_graph *graph,
                           sm_arena *arena, sm_error *err) {
  for (size_t i = 0; i < sm_meta_graph_n_signatures(graph); i++) {
    const sm_signature *signature;
    SM_TRY(sm_meta_graph_get_signature(&signature, graph, i, err));
    SM_TRY(add_signature(roots, signature, arena, err));
  }
  SM_TRY(add_collection(roots, graph, SM_KEY_MAIN_OP, SM_REACHED_BY_INIT_OP, err));
  SM_TRY(add_collection(roots, graph, SM_KEY_LEGACY_INIT_OP, SM_REACHED_BY_INIT_OP, err));
  SM_TRY(add_collection(roots, graph, SM_KEY_TRAIN_OP_COLLECTION, SM_REACHED_BY_TRAIN_OP, err));
  SM_TRY(add_saver(roots, request, graph, err));
  return add_object_functions(roots, graph, err);
}

/* ---- Keras ---- */

/* Fields that are given twice are looked into twice: which of them counts depends on the reader. */
static sm_status scan_user_object(sm_span user_object, const sm_finding *found, const sm_wire_source *source,
                                  sm_finding_fn fn, void *fn_ctx, sm_arena *arena, sm_error *err) {
  sm_wire_reader reader = sm_wire_read(user_object, source);
  for (sm_wire_field field; sm_wire_next(&reader, &field);) {
    if (field.tag != SM_WIRE_TAG(USER_METADATA, SM_WIRE_BYTES)) continue;
    sm_arena_mark mark = sm_arena_get_mark(arena);
    SM_TRY(sm_keras_metadata_scan(field.bytes, found, fn, fn_ctx, arena, err));
    sm_arena_rewind(arena, mark);
  }
  return sm_wire_finish(&reader, err);
}

static sm_status scan_object(sm_span object, size_t id, sm_finding found, const sm_wire_source *source,
                             sm_finding_fn fn, void *fn_ctx, sm_arena *arena, sm_error *err) {
  char place[40];
  int size = snprintf(place, sizeof place, "object %zu", id);
  found.node = (sm_string){place, (size_t)size};
  sm_wire_reader reader = sm_wire_read(object, source);
  for (sm_wire_field field; sm_wire_next(&reader, &field);)
    if (field.tag == SM_WIRE_TAG(OBJECT_USER_OBJECT, SM_WIRE_BYTES))
      SM_TRY(scan_user_object(field.bytes, &found, source, fn, fn_ctx, arena, err));
  return sm_wire_finish(&reader, err);
}

static sm_status scan_objects(const sm_meta_graph *graph, const sm_finding *found, sm_finding_fn fn, void *fn_ctx,
                              sm_arena *arena, sm_error *err) {
  const sm_wire_source *source = &graph->model->source;
  size_t id = 0;
  for (size_t i = 0; i < graph->object_graph.n; i++) {
    sm_wire_reader reader = sm_wire_read(graph->object_graph.items[i], source);
    for (sm_wire_field field; sm_wire_next(&reader, &field);)
      if (field.tag == SM_WIRE_TAG(OBJECT_NODE, SM_WIRE_BYTES))
        SM_TRY(scan_object(field.bytes, id++, *found, source, fn, fn_ctx, arena, err));
    SM_TRY(sm_wire_finish(&reader, err));
  }
  return SM_OK;
}

/* ---- The whole ---- */

sm_status sm_scan_check_options(sm_scan_options *out, const sm_scan_options *options, sm_error *err) {
  *out = (sm_scan_options)SM_SCAN_OPTIONS_INIT;
  if (options != NULL && options->struct_size == 0)
    return SM_FAIL(err, SM_INVALID_ARGUMENT, "sm_scan_options.struct_size is 0: start from SM_SCAN_OPTIONS_INIT");
  if (options != NULL) memcpy(out, options, options->struct_size < sizeof *out ? options->struct_size : sizeof *out);
  if (out->effects == 0) out->effects = SM_EFFECTS_OF_NOTE;
  return SM_OK;
}

sm_status sm_meta_graph_scan_as(const sm_meta_graph *graph, const char *file, const sm_scan_options *options,
                                sm_finding_fn fn, void *fn_ctx, sm_error *err) {
  const sm_model *model = graph->model;
  sm_graph_scan_request request = {.graph_def = graph->graph, .source = &model->source, .options = *options};
  request.found = (sm_finding){.graph = graph, .meta_graph = (size_t)(graph - model->meta_graphs), .file = file};
  request.found.op = request.found.node = request.found.function = (sm_string){"", 0};
  root_list roots = {.allocator = model->allocator};
  sm_arena arena;
  sm_arena_init(&arena, model->allocator, model->arena.max_bytes);
  sm_status status = add_roots(&roots, &request, graph, &arena, err);
  request.roots = roots.items;
  request.n_roots = roots.n;
  if (status == SM_OK) status = sm_graph_scan(&request, fn, fn_ctx, &arena, err);
  if (status == SM_OK) status = scan_objects(graph, &request.found, fn, fn_ctx, &arena, err);
  sm_free(roots.allocator, roots.items);
  sm_arena_free(&arena);
  return status;
}

const char *sm_model_file_name(const sm_model *model) {
  if (model->dir == NULL) return "";
  const char *slash = strrchr(model->source.name, '/');
  return slash != NULL ? slash + 1 : model->source.name;
}

sm_status sm_meta_graph_scan(const sm_meta_graph *graph, const sm_scan_options *options, sm_finding_fn fn, void *fn_ctx,
                             sm_error *err) {
  sm_scan_options known;
  SM_TRY(sm_scan_check_options(&known, options, err));
  return sm_meta_graph_scan_as(graph, sm_model_file_name(graph->model), &known, fn, fn_ctx, err);
}

sm_status sm_model_scan(const sm_model *model, const sm_scan_options *options, sm_finding_fn fn, void *fn_ctx,
                        sm_error *err) {
  for (size_t i = 0; i < model->n_meta_graphs; i++)
    SM_TRY(sm_meta_graph_scan(&model->meta_graphs[i], options, fn, fn_ctx, err));
  return sm_model_scan_files(model, options, fn, fn_ctx, err);
}
