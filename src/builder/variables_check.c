/* Whether the variables are those that the savers restore: a loader would find out when it is too late. */
#include <inttypes.h>

#include "builder/builder_internal.h"
#include "graph/saver_keys.h"

/* Fields of SaverDef: proto/saver.proto. */
enum { SAVER_FILENAME = 1, SAVER_RESTORE_OP = 3 };

sm_status sm_builder_get_prefix(char prefix[SM_PATH_MAX], const sm_builder *builder, sm_error *err) {
  if (sm_path_join(prefix, SM_PATH_MAX, builder->transaction.staged, SM_DIR_VARIABLES "/" SM_FILE_VARIABLES_PREFIX))
    return SM_OK;
  return SM_FAIL(err, SM_INVALID_ARGUMENT, "%.200s: the path is too long", builder->transaction.dir);
}

/* "[2, ?]" for messages: cut to what fits. */
enum { SHAPE_TEXT_SIZE = 120 };

static const char *shape_text(char text[SHAPE_TEXT_SIZE], int32_t rank, const int64_t *dims) {
  int used = snprintf(text, SHAPE_TEXT_SIZE, "[");
  for (int32_t i = 0; i < rank && used < SHAPE_TEXT_SIZE; i++)
    used += snprintf(text + used, (size_t)(SHAPE_TEXT_SIZE - used), dims[i] < 0 ? "%s?" : "%s%" PRId64,
                     i != 0 ? ", " : "", dims[i]);
  if (used < SHAPE_TEXT_SIZE) snprintf(text + used, (size_t)(SHAPE_TEXT_SIZE - used), "]");
  return text;
}

static int shown_size(sm_string key) { return key.size < 100 ? (int)key.size : 100; }

static bool has_shape(const sm_bundle_entry *entry, const sm_shape *wanted) {
  if (wanted->rank < 0) return true;
  if (wanted->rank != entry->rank) return false;
  for (int32_t i = 0; i < wanted->rank; i++)
    if (wanted->dims[i] >= 0 && wanted->dims[i] != entry->dims[i]) return false;
  return true;
}

static sm_status check_key(const sm_bundle_reader *variables, const char *dir, const sm_saver_key *wanted,
                           sm_error *err) {
  sm_bundle_entry entry;
  sm_error failure;
  char found_text[SHAPE_TEXT_SIZE], wanted_text[SHAPE_TEXT_SIZE];
  sm_status status = sm_bundle_reader_find_n(&entry, variables, wanted->key, &failure);
  if (status == SM_NOT_FOUND)
    return SM_FAIL(err, SM_FAILED_PRECONDITION, "%.100s: no variable \"%.*s\", which the saver restores", dir,
                   shown_size(wanted->key), wanted->key.data);
  if (status != SM_OK && err != NULL) *err = failure;
  SM_TRY(status);
  if (entry.dtype != wanted->dtype)
    return SM_FAIL(err, SM_FAILED_PRECONDITION, "%.100s: variable \"%.*s\": dtype %s, the saver restores %s", dir,
                   shown_size(wanted->key), wanted->key.data, sm_dtype_python_name(entry.dtype),
                   sm_dtype_python_name(wanted->dtype));
  if (has_shape(&entry, &wanted->shape)) return SM_OK;
  return SM_FAIL(err, SM_FAILED_PRECONDITION, "%.100s: variable \"%.*s\": shape %s, the saver restores %s", dir,
                 shown_size(wanted->key), wanted->key.data, shape_text(found_text, entry.rank, entry.dims),
                 shape_text(wanted_text, wanted->shape.rank, wanted->shape.dims));
}

/* What the saver of a meta graph restores. */
static sm_status find_keys(sm_saver_keys *out, const sm_draft *draft, sm_arena *arena, sm_error *err) {
  sm_spans savers, graph;
  sm_span filename, restore_op;
  *out = (sm_saver_keys){NULL, 0};
  SM_TRY(sm_draft_get(&savers, draft, SM_META_GRAPH_SAVER, err));
  if (savers.n == 0) return SM_OK;
  sm_span saver = savers.items[savers.n - 1];
  SM_TRY(sm_wire_find_bytes(&filename, saver, SAVER_FILENAME, draft->source, err));
  SM_TRY(sm_wire_find_bytes(&restore_op, saver, SAVER_RESTORE_OP, draft->source, err));
  SM_TRY(sm_draft_get(&graph, draft, SM_META_GRAPH_GRAPH, err));
  return sm_saver_find_keys(out, graph, (sm_string){(const char *)filename.data, filename.size},
                            (sm_string){(const char *)restore_op.data, restore_op.size}, draft->source, arena, err);
}

static sm_status check_keys(const sm_builder *builder, const sm_saver_keys *keys, sm_error *err) {
  const char *dir = builder->transaction.dir;
  char prefix[SM_PATH_MAX];
  sm_bundle_reader *variables;
  sm_error failure;
  sm_open_options options = SM_OPEN_OPTIONS_INIT;
  if (keys->n == 0) return SM_OK;
  options.fs = builder->options.fs;
  options.allocator = builder->allocator;
  SM_TRY(sm_builder_get_prefix(prefix, builder, err));
  sm_status status = sm_bundle_reader_open(&variables, prefix, &options, &failure);
  if (status == SM_NOT_FOUND)
    return SM_FAIL(err, SM_FAILED_PRECONDITION, "%.100s: no variables, but a saver that restores \"%.*s\"", dir,
                   shown_size(keys->items[0].key), keys->items[0].key.data);
  if (status != SM_OK && err != NULL) *err = failure;
  SM_TRY(status);
  for (size_t i = 0; status == SM_OK && i < keys->n; i++) status = check_key(variables, dir, &keys->items[i], err);
  sm_bundle_reader_close(variables);
  return status;
}

sm_status sm_builder_check_variables(const sm_builder *builder, sm_error *err) {
  for (size_t i = 0; i < builder->n_graphs; i++) {
    const sm_built_graph *graph = builder->graphs[i];
    sm_arena arena;
    sm_saver_keys keys;
    if (graph->is_removed || !graph->wants_variables) continue;
    sm_arena_init(&arena, builder->allocator, UINT64_MAX);
    sm_status status = find_keys(&keys, &graph->draft, &arena, err);
    if (status == SM_OK) status = check_keys(builder, &keys, err);
    sm_arena_free(&arena);
    SM_TRY(status);
  }
  return SM_OK;
}
