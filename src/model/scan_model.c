/* sm_meta_graph_scan: the graph, the metadata of Keras. */
#include "graph/graph_scan.h"
#include "model/keras_metadata.h"
#include "model/model_internal.h"
#include "model/scan_internal.h"

/* Fields of SavedObjectGraph, SavedObject, SavedUserObject: proto/saved_object_graph.proto. */
enum { OBJECT_NODE = 1, OBJECT_USER_OBJECT = 4, USER_METADATA = 3 };

/* ---- Keras ---- */

/* Fields that are given twice are looked into twice: which of them counts depends on the reader. */
static sm_status scan_user_object(sm_span user_object, const sm_scan_finding *found, const sm_wire_source *source,
                                  sm_scan_fn fn, void *fn_ctx, sm_arena *arena, sm_error *err) {
  sm_wire_reader reader = sm_wire_read(user_object, source);
  for (sm_wire_field field; sm_wire_next(&reader, &field);) {
    if (field.tag != SM_WIRE_TAG(USER_METADATA, SM_WIRE_BYTES)) continue;
    sm_arena_mark mark = sm_arena_get_mark(arena);
    SM_TRY(sm_keras_metadata_scan(field.bytes, found, fn, fn_ctx, arena, err));
    sm_arena_rewind(arena, mark);
  }
  return sm_wire_finish(&reader, err);
}

static sm_status scan_object(sm_span object, size_t id, sm_scan_finding found, const sm_wire_source *source,
                             sm_scan_fn fn, void *fn_ctx, sm_arena *arena, sm_error *err) {
  char place[40];
  int size = snprintf(place, sizeof place, "object %zu", id);
  found.node = (sm_string){place, (size_t)size};
  sm_wire_reader reader = sm_wire_read(object, source);
  for (sm_wire_field field; sm_wire_next(&reader, &field);)
    if (field.tag == SM_WIRE_TAG(OBJECT_USER_OBJECT, SM_WIRE_BYTES))
      SM_TRY(scan_user_object(field.bytes, &found, source, fn, fn_ctx, arena, err));
  return sm_wire_finish(&reader, err);
}

static sm_status scan_objects(const sm_meta_graph *graph, const sm_scan_finding *found, sm_scan_fn fn, void *fn_ctx,
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
                                sm_scan_fn fn, void *fn_ctx, sm_error *err) {
  const sm_model *model = graph->model;
  sm_graph_scan_request request = {.graph_def = graph->graph, .source = &model->source, .options = *options};
  request.found = (sm_scan_finding){.graph = graph, .meta_graph = (size_t)(graph - model->meta_graphs), .file = file};
  request.found.op = request.found.node = request.found.function = (sm_string){"", 0};
  sm_scan_roots roots = {.allocator = model->allocator};
  sm_arena arena;
  sm_arena_init(&arena, model->allocator, model->arena.max_bytes);
  sm_status status = sm_scan_roots_find(&roots, &request, graph, &arena, err);
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

sm_status sm_meta_graph_scan(const sm_meta_graph *graph, const sm_scan_options *options, sm_scan_fn fn, void *fn_ctx,
                             sm_error *err) {
  sm_scan_options known;
  SM_TRY(sm_scan_check_options(&known, options, err));
  return sm_meta_graph_scan_as(graph, sm_model_file_name(graph->model), &known, fn, fn_ctx, err);
}
