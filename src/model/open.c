#include "model/model_internal.h"

#include <savedmodel/pb/saved_model.pb-c.h>

#include "model/chunked.h"
#include "wire/text.h"

/* ---- Index of the top levels ---- */

static sm_status copy_tags(sm_meta_graph *graph, sm_arena *arena, sm_error *err) {
  sm_spans found;
  SM_TRY(sm_wire_collect(&found, graph->info, INFO_TAG, &graph->model->source, arena, err));
  sm_string *tags = sm_arena_array(arena, sm_string, found.n);
  if (tags == NULL) return sm_arena_fail(arena, found.n * sizeof *tags, err);
  for (size_t i = 0; i < found.n; i++)
    SM_TRY(sm_wire_copy_string(&tags[i], found.items[i], &graph->model->source, arena, err));
  graph->tags = tags;
  graph->n_tags = found.n;
  return SM_OK;
}

static sm_status index_meta_graph(sm_meta_graph *graph, sm_model *model, sm_span bytes, sm_error *err) {
  graph->model = model;
  graph->bytes = bytes;
  const struct {
    uint32_t number;
    sm_spans *pieces;
  } parts[] = {{META_GRAPH_INFO, &graph->info},
               {META_GRAPH_GRAPH, &graph->graph},
               {META_GRAPH_SAVER, &graph->saver},
               {META_GRAPH_OBJECT_GRAPH, &graph->object_graph}};
  for (size_t i = 0; i < sizeof parts / sizeof parts[0]; i++)
    SM_TRY(sm_wire_collect(parts[i].pieces, (sm_spans){&graph->bytes, 1}, parts[i].number, &model->source,
                           &model->arena, err));
  SM_TRY(copy_tags(graph, &model->arena, err));
  SM_TRY(sm_slots_index(&graph->signatures, (sm_spans){&graph->bytes, 1}, META_GRAPH_SIGNATURE, &model->source,
                        &model->arena, err));
  return sm_meta_graph_index_assets(graph, &model->arena, err);
}

static sm_status index_model(sm_model *model, sm_error *err) {
  sm_span whole = model->source.bytes;
  sm_spans found;
  sm_wire_reader reader = sm_wire_read(whole, &model->source);
  for (sm_wire_field field; sm_wire_next(&reader, &field);)
    if (field.tag == SM_WIRE_TAG(SAVED_MODEL_SCHEMA_VERSION, SM_WIRE_VARINT))
      model->schema_version = (int64_t)field.value;
  SM_TRY(sm_wire_finish(&reader, err));
  SM_TRY(sm_wire_collect(&found, (sm_spans){&whole, 1}, SAVED_MODEL_META_GRAPH, &model->source, &model->arena, err));
  model->meta_graphs = sm_arena_array(&model->arena, sm_meta_graph, found.n);
  if (model->meta_graphs == NULL) return sm_arena_fail(&model->arena, found.n * sizeof *model->meta_graphs, err);
  model->n_meta_graphs = found.n;
  for (size_t i = 0; i < found.n; i++) SM_TRY(index_meta_graph(&model->meta_graphs[i], model, found.items[i], err));
  return SM_OK;
}

/* ---- Open and close ---- */

/* Which file of the directory messages speak of. */
static void name_source(sm_model *model, const char *file) {
  (void)sm_path_join(model->source_name, strlen(model->dir) + sizeof "/" SM_FILE_SAVED_MODEL_PBTXT, model->dir, file);
}

static sm_status new_model(sm_model **out, const sm_open_options *options, const char *dir, sm_error *err) {
  const sm_allocator *allocator = sm_allocator_or_malloc(options->allocator);
  sm_model *model = sm_new(allocator, sm_model);
  if (model == NULL) return SM_FAIL_OOM(err, sizeof *model);
  if (!sm_mutex_init(&model->lock)) {
    sm_free(allocator, model);
    return SM_FAIL(err, SM_RESOURCE_EXHAUSTED, "no mutex to be had");
  }
  model->allocator = allocator;
  model->options = *options;
  sm_arena_init(&model->arena, allocator, options->max_bytes);
  *out = model;
  if (dir == NULL) return SM_OK;
  size_t dir_size = strlen(dir), name_size = dir_size + sizeof "/" SM_FILE_SAVED_MODEL_PBTXT;
  model->dir = sm_alloc(allocator, dir_size + 1);
  model->source_name = sm_alloc(allocator, name_size);
  if (model->dir == NULL || model->source_name == NULL) return SM_FAIL_OOM(err, name_size);
  memcpy(model->dir, dir, dir_size + 1);
  name_source(model, SM_FILE_SAVED_MODEL_PB);
  model->root = (sm_root){.fs = options->fs != NULL ? options->fs : sm_fs_local(),
                          .dir = model->dir,
                          .flags = options->refuse_symlinks ? SM_FS_NO_SYMLINKS : 0,
                          .no_mmap = options->no_mmap};
  return SM_OK;
}

/* saved_model.cpb, joined. */
static sm_status load_chunked(sm_model *model, const sm_open_options *options, sm_error *err) {
  sm_bytes file;
  name_source(model, SM_FILE_SAVED_MODEL_CPB);
  SM_TRY(sm_bytes_load(&file, &model->root, SM_FILE_SAVED_MODEL_CPB, UINT64_MAX, model->allocator, err));
  const sm_wire_source source = {.name = model->source_name, .bytes = {file.data, file.size}};
  uint64_t max_bytes = options->max_bytes != 0 ? options->max_bytes : sm_default_max_bytes(file.size);
  sm_status status =
      sm_chunked_join(&model->bytes, &source, &tensorflow__saved_model__descriptor, max_bytes, model->allocator, err);
  sm_bytes_unload(&file);
  return status;
}

/* saved_model.pbtxt, as the bytes of the message that it describes. */
static sm_status load_text(sm_model *model, const sm_open_options *options, sm_error *err) {
  sm_bytes file;
  sm_buffer bytes;
  name_source(model, SM_FILE_SAVED_MODEL_PBTXT);
  SM_TRY(sm_bytes_load(&file, &model->root, SM_FILE_SAVED_MODEL_PBTXT, UINT64_MAX, model->allocator, err));
  uint64_t max_bytes = options->max_bytes != 0 ? options->max_bytes : sm_default_max_bytes(file.size);
  sm_buffer_init(&bytes, model->allocator, max_bytes);
  sm_string text = {(const char *)file.data, file.size};
  sm_status status = sm_text_read(&bytes, &tensorflow__saved_model__descriptor, text, err);
  sm_bytes_unload(&file);
  model->bytes = (sm_bytes){.data = bytes.data, .size = bytes.size, .owned_from = model->allocator};
  if (status != SM_OK) sm_error_add_place(err, model->source_name);
  return status;
}

static sm_status fail_without_model(const sm_model *model, sm_error *err) {
  return SM_FAIL(err, SM_NOT_FOUND, "%s: no %s, %s or %s", model->dir, SM_FILE_SAVED_MODEL_PB,
                 SM_FILE_SAVED_MODEL_PBTXT, SM_FILE_SAVED_MODEL_CPB);
}

static void release_bytes(const void *ctx, sm_span part) {
  const sm_model *model = ctx;
  sm_bytes_release(&model->bytes, part.data, part.size);
}

static sm_status load(sm_model *model, const sm_open_options *options, sm_error *err) {
  sm_status status =
      sm_bytes_load(&model->bytes, &model->root, SM_FILE_SAVED_MODEL_PB, UINT64_MAX, model->allocator, err);
  if (status == SM_NOT_FOUND) status = load_text(model, options, err);
  if (status == SM_NOT_FOUND) status = load_chunked(model, options, err);
  if (status == SM_NOT_FOUND) return fail_without_model(model, err);
  SM_TRY(status);
  if (options->max_bytes == 0) model->arena.max_bytes = sm_default_max_bytes(model->bytes.size);
  model->source = (sm_wire_source){.name = model->source_name,
                                   .bytes = {model->bytes.data, model->bytes.size},
                                   .release = release_bytes,
                                   .ctx = model};
  return index_model(model, err);
}

sm_status sm_model_open(sm_model **out, const char *dir, const sm_open_options *options, sm_error *err) {
  sm_open_options known;
  *out = NULL;
  if (dir == NULL) return SM_FAIL(err, SM_INVALID_ARGUMENT, "dir is NULL");
  SM_TRY(sm_options_read(&known, options, err));
  sm_model *model = NULL;
  sm_status status = new_model(&model, &known, dir, err);
  if (status == SM_OK) status = load(model, &known, err);
  if (status != SM_OK)
    sm_model_close(model);
  else
    *out = model;
  return status;
}

sm_status sm_model_open_buffer(sm_model **out, const void *data, size_t size, const sm_open_options *options,
                               sm_error *err) {
  sm_open_options known;
  *out = NULL;
  if (data == NULL && size != 0) return SM_FAIL(err, SM_INVALID_ARGUMENT, "data is NULL");
  SM_TRY(sm_options_read(&known, options, err));
  sm_model *model = NULL;
  sm_status status = new_model(&model, &known, NULL, err);
  if (status == SM_OK) {
    if (known.max_bytes == 0) model->arena.max_bytes = sm_default_max_bytes(size);
    model->source = (sm_wire_source){.name = "(buffer)", .bytes = {data, size}};
    status = index_model(model, err);
  }
  if (status != SM_OK)
    sm_model_close(model);
  else
    *out = model;
  return status;
}

void sm_model_close(sm_model *model) {
  if (model == NULL) return;
  const sm_allocator *allocator = model->allocator;
  sm_model_close_variables(model);
  sm_arena_free(&model->arena);
  sm_bytes_unload(&model->bytes);
  sm_bytes_unload(&model->debug_bytes);
  sm_free(allocator, model->dir);
  sm_free(allocator, model->source_name);
  sm_mutex_destroy(&model->lock);
  sm_free(allocator, model);
}

/* ---- Getting at it ---- */

int64_t sm_model_get_schema_version(const sm_model *model) { return model->schema_version; }

size_t sm_model_n_meta_graphs(const sm_model *model) { return model->n_meta_graphs; }

const sm_meta_graph *sm_model_get_meta_graph(const sm_model *model, size_t i) {
  return i < model->n_meta_graphs ? &model->meta_graphs[i] : NULL;
}

sm_spans sm_meta_graph_info_bytes(const sm_meta_graph *graph) { return graph->info; }

sm_spans sm_meta_graph_object_graph_bytes(const sm_meta_graph *graph) { return graph->object_graph; }

sm_spans sm_meta_graph_graph_bytes(const sm_meta_graph *graph) { return graph->graph; }

const sm_wire_source *sm_meta_graph_source(const sm_meta_graph *graph) { return &graph->model->source; }

sm_once *sm_meta_graph_objects_slot(const sm_meta_graph *graph) { return (sm_once *)(uintptr_t)&graph->objects_value; }

sm_once *sm_meta_graph_variables_slot(const sm_meta_graph *graph) {
  return (sm_once *)(uintptr_t)&graph->variables_value;
}

const sm_model *sm_meta_graph_get_model(const sm_meta_graph *graph) { return graph->model; }

const sm_wire_source *sm_model_get_source(const sm_model *model) { return &model->source; }

const sm_root *sm_model_get_root(const sm_model *model) { return &model->root; }

void sm_model_init_arena(sm_arena *arena, const sm_model *model) {
  sm_arena_init(arena, model->allocator, model->arena.max_bytes);
}
