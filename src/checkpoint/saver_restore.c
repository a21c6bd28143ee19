/* Reading tensors by name. A tree of objects remembers what its variables were called in a graph. Source:
 * python/training/saver.py, Saver.restore and object_graph_key_mapping. */
#include "checkpoint/checkpoint_internal.h"
#include "objects/checkpoint_graph.h"

/* A variable's name, and the key that it has. */
typedef struct named_key {
  sm_string name;
  sm_string key;
} named_key;

typedef struct restore {
  const sm_bundle_reader *reader;
  sm_binding *bindings; /* the caller's */
  sm_binding *copies;   /* the same with the keys that they have */
  size_t n_bindings;
  sm_restore_options options;
  sm_arena *arena;
  named_key *names; /* sorted */
  size_t n_names;
} restore;

static bool is_name_before(const void *a, const void *b) {
  return sm_string_compare(((const named_key *)a)->name, ((const named_key *)b)->name) < 0;
}

static sm_status list_names(restore *r, const sm_checkpoint_graph *graph, sm_error *err) {
  size_t n = 0;
  for (size_t i = 0; i < graph->n; i++) n += graph->objects[i].n_attributes;
  r->names = sm_arena_array(r->arena, named_key, n);
  if (r->names == NULL) return sm_arena_fail(r->arena, n * sizeof *r->names, err);
  for (size_t i = 0; i < graph->n; i++)
    for (size_t k = 0; k < graph->objects[i].n_attributes; k++) {
      const sm_saved_attribute *attribute = &graph->objects[i].attributes[k];
      r->names[r->n_names++] = (named_key){attribute->full_name, attribute->key};
    }
  sm_sort(r->names, r->n_names, sizeof *r->names, is_name_before);
  return SM_OK;
}

static sm_status find_keys(restore *r, sm_error *err) {
  sm_bundle_entry entry;
  r->copies = sm_arena_array(r->arena, sm_binding, r->n_bindings);
  if (r->copies == NULL) return sm_arena_fail(r->arena, r->n_bindings * sizeof *r->copies, err);
  for (size_t i = 0; i < r->n_bindings; i++) {
    r->copies[i] = r->bindings[i];
    const char *key = r->bindings[i].key;
    if (key == NULL || sm_bundle_reader_find(&entry, r->reader, key, NULL) == SM_OK) continue;
    size_t found = sm_named_find(r->names, r->n_names, sizeof *r->names, sm_string_of(key));
    if (found == SIZE_MAX || r->names[found].name.size == 0) continue;
    r->copies[i].key = sm_arena_copy(r->arena, r->names[found].key).data;
    if (r->copies[i].key == NULL) return sm_arena_fail(r->arena, r->names[found].key.size, err);
  }
  return SM_OK;
}

/* The caller knows their own bindings only. */
static void pass_on(void *ctx, const sm_difference *difference) {
  const restore *r = ctx;
  sm_difference own = *difference;
  if (own.binding != NULL) own.binding = &r->bindings[own.binding - r->copies];
  r->options.difference(r->options.difference_ctx, &own);
}

static sm_status restore_objects(sm_restore_report *report, restore *r, const sm_checkpoint_graph *graph,
                                 sm_error *err) {
  sm_restore_options options = r->options;
  SM_TRY(list_names(r, graph, err));
  SM_TRY(find_keys(r, err));
  if (options.difference != NULL) options.difference = pass_on;
  options.difference_ctx = r;
  sm_status status = sm_bundle_reader_restore(report, r->reader, r->copies, r->n_bindings, &options, err);
  for (size_t i = 0; i < r->n_bindings; i++) {
    r->bindings[i].status = r->copies[i].status;
    r->bindings[i].tensor = r->copies[i].tensor;
  }
  return status;
}

static sm_status restore_names(sm_restore_report *report, restore *r, sm_error *err) {
  sm_checkpoint_graph graph;
  sm_status status = sm_checkpoint_graph_read(&graph, r->reader, r->arena, err);
  if (status == SM_NOT_FOUND)
    return sm_bundle_reader_restore(report, r->reader, r->bindings, r->n_bindings, &r->options, err);
  SM_TRY(status);
  status = restore_objects(report, r, &graph, err);
  sm_checkpoint_graph_free(&graph);
  return status;
}

sm_status sm_saver_restore(sm_restore_report *report, const char *prefix, sm_binding *bindings, size_t n_bindings,
                           const sm_restore_options *options, const sm_open_options *open, sm_error *err) {
  sm_bundle_reader *reader;
  sm_arena arena;
  sm_open_options known;
  restore r = {.bindings = bindings, .n_bindings = n_bindings, .arena = &arena};
  if (report != NULL) *report = (sm_restore_report){0};
  SM_TRY(sm_options_read(&known, open, err));
  SM_TRY(sm_restore_options_read(&r.options, options, err));
  SM_TRY(sm_bundle_reader_open(&reader, prefix, &known, err));
  r.reader = reader;
  sm_arena_init(&arena, sm_allocator_or_malloc(known.allocator), UINT64_MAX);
  sm_status status = restore_names(report, &r, err);
  sm_arena_free(&arena);
  sm_bundle_reader_close(reader);
  return status;
}
