/* Reading the values of a tree of objects. */
#include "checkpoint/checkpoint_tree.h"

/* Values that are to be read together. */
typedef struct batch {
  sm_checkpoint *tree;
  sm_arena arena;
  sm_tree_value **values;
  sm_binding *bindings; /* copies of the values' own, with the keys that they have in the checkpoint */
  size_t n, capacity;
  sm_restore_report report;
  const char *first_missing, *first_unused;
  sm_tree_layout layout; /* for the names of what is missing; made when it is needed */
} batch;

/* ---- What is left of the last restore ---- */

void sm_tree_source_close(sm_checkpoint *tree) {
  sm_tree_source *source = &tree->source;
  for (int32_t i = 0; i < tree->n_nodes; i++) {
    tree->nodes[i].object = -1;
    tree->nodes[i].is_due = tree->nodes[i].is_restored = false;
    for (sm_tree_value *value = tree->nodes[i].first_value; value != NULL; value = value->next) value->is_read = false;
  }
  if (!source->is_open) return;
  sm_checkpoint_graph_free(&source->graph);
  sm_arena_free(&source->arena);
  sm_bundle_reader_close(source->reader);
  *source = (sm_tree_source){0};
}

static sm_status make_tables(sm_tree_source *source, sm_error *err) {
  source->node_of = sm_arena_array(&source->arena, int32_t, source->graph.n);
  source->queue = sm_arena_array(&source->arena, int32_t, source->graph.n);
  if (source->node_of == NULL || source->queue == NULL)
    return sm_arena_fail(&source->arena, source->graph.n * sizeof(int32_t), err);
  for (size_t i = 0; i < source->graph.n; i++) source->node_of[i] = -1;
  return SM_OK;
}

static sm_status open_source(sm_checkpoint *tree, const char *prefix, const sm_restore_options *options,
                             const sm_open_options *open, sm_error *err) {
  sm_tree_source *source = &tree->source;
  sm_tree_source_close(tree);
  SM_TRY(sm_bundle_reader_open(&source->reader, prefix, open, err));
  source->is_open = true;
  source->options = *options;
  sm_arena_init(&source->arena, tree->allocator, UINT64_MAX);
  source->prefix = sm_arena_copy(&source->arena, sm_string_of(prefix)).data;
  if (source->prefix == NULL) return sm_arena_fail(&source->arena, strlen(prefix) + 1, err);
  sm_status status = sm_checkpoint_graph_read(&source->graph, source->reader, &source->arena, err);
  source->is_by_name = status == SM_NOT_FOUND;
  if (source->is_by_name) return SM_OK;
  SM_TRY(status);
  if (source->graph.n == 0) return SM_FAIL(err, SM_DATA_LOSS, "%s: the object graph has no root", prefix);
  SM_TRY(make_tables(source, err));
  sm_tree_match(tree, 0, 0);
  return SM_OK;
}

/* ---- Gathering ---- */

static void tell(const batch *b, sm_difference_kind kind, const char *key, const sm_binding *binding,
                 const char *what) {
  const sm_restore_options *options = &b->tree->source.options;
  const sm_difference difference = {.kind = kind, .key = key, .binding = binding, .what = what};
  if (options->difference != NULL) options->difference(options->difference_ctx, &difference);
}

static sm_status make_room(batch *b, sm_error *err) {
  size_t capacity = b->capacity == 0 ? 16 : 2 * b->capacity;
  if (b->n < b->capacity) return SM_OK;
  sm_tree_value **values = sm_arena_array(&b->arena, sm_tree_value *, capacity);
  sm_binding *bindings = sm_arena_array(&b->arena, sm_binding, capacity);
  if (values == NULL || bindings == NULL) return sm_arena_fail(&b->arena, capacity * sizeof *bindings, err);
  if (b->n != 0) memcpy(values, b->values, b->n * sizeof(sm_tree_value *));
  if (b->n != 0) memcpy(bindings, b->bindings, b->n * sizeof *bindings);
  b->values = values;
  b->bindings = bindings;
  b->capacity = capacity;
  return SM_OK;
}

static sm_status gather(batch *b, sm_tree_value *value, sm_string key, sm_error *err) {
  SM_TRY(make_room(b, err));
  const char *copy = sm_arena_copy(&b->arena, key).data;
  if (copy == NULL) return sm_arena_fail(&b->arena, key.size, err);
  b->values[b->n] = value;
  b->bindings[b->n] = *value->binding;
  b->bindings[b->n].key = copy;
  b->bindings[b->n].slice = NULL;
  b->n++;
  return SM_OK;
}

static void miss(batch *b, const char *key, const sm_binding *binding) {
  if (b->report.n_missing++ == 0) b->first_missing = key;
  tell(b, SM_DIFFERENCE_MISSING, key, binding, "not in the checkpoint");
}

/* The save counter may be missing: what was written without a number has none. */
static sm_status miss_value(batch *b, int32_t node, const sm_tree_value *value, sm_error *err) {
  const char *key;
  value->binding->status = SM_NOT_FOUND;
  if (node == b->tree->counter_node) return SM_OK;
  if (b->layout.order == NULL) SM_TRY(sm_tree_lay_out(&b->layout, b->tree, &b->arena, err));
  SM_TRY(sm_object_key(&key, b->layout.paths[node], value->name, &b->arena, err));
  miss(b, key, value->binding);
  return SM_OK;
}

static sm_status gather_registered(batch *b, int32_t number, sm_error *err) {
  sm_string name;
  sm_tree_node *node = &b->tree->nodes[number];
  node->is_due = !node->is_restored && sm_tree_registered_name(&name, b->tree, number);
  if (node->is_due || node->is_restored) return SM_OK;
  if (b->layout.order == NULL) SM_TRY(sm_tree_lay_out(&b->layout, b->tree, &b->arena, err));
  miss(b, b->layout.paths[number].data, NULL);
  return SM_OK;
}

/* The key of a value; false: the checkpoint has none. */
static bool find_key(sm_string *key, const sm_checkpoint *tree, int32_t node, const sm_tree_value *value) {
  const sm_tree_source *source = &tree->source;
  if (source->is_by_name) {
    if (value->binding->key == NULL) return false;
    *key = sm_string_of(value->binding->key);
    return true;
  }
  int32_t object = tree->nodes[node].object;
  const sm_saved_attribute *attribute =
      object < 0 ? NULL : sm_saved_object_find_attribute(&source->graph.objects[object], value->name);
  if (attribute != NULL) *key = attribute->key;
  return attribute != NULL;
}

static sm_status gather_node(batch *b, int32_t node, sm_error *err) {
  sm_string key;
  for (sm_tree_value *value = b->tree->nodes[node].first_value; value != NULL; value = value->next) {
    if (value->is_read) continue;
    if (find_key(&key, b->tree, node, value))
      SM_TRY(gather(b, value, key, err));
    else
      SM_TRY(miss_value(b, node, value, err));
  }
  return b->tree->nodes[node].saver != NULL ? gather_registered(b, node, err) : SM_OK;
}

/* ---- What nobody takes ---- */

static bool is_taken_by_saver(const sm_checkpoint *tree, int32_t node) {
  sm_string name;
  return node >= 0 && tree->nodes[node].saver != NULL && sm_tree_registered_name(&name, tree, node);
}

static bool is_bound(const sm_checkpoint *tree, int32_t node, sm_string attribute) {
  if (node < 0) return false;
  for (const sm_tree_value *value = tree->nodes[node].first_value; value != NULL; value = value->next)
    if (sm_string_equal(value->name, attribute)) return true;
  return false;
}

sm_status sm_tree_walk_unused(const sm_checkpoint *tree, sm_unused_fn fn, void *ctx, sm_error *err) {
  const sm_tree_source *source = &tree->source;
  for (size_t i = 0; i < source->graph.n; i++) {
    const sm_saved_object *object = &source->graph.objects[i];
    const sm_saved_attribute registered = {.name = object->saver, .key = object->saver_object};
    if (is_taken_by_saver(tree, source->node_of[i])) continue;
    if (object->saver.size != 0) SM_TRY(fn(ctx, &registered, err));
    for (size_t k = 0; k < object->n_attributes; k++)
      if (!is_bound(tree, source->node_of[i], object->attributes[k].name)) SM_TRY(fn(ctx, &object->attributes[k], err));
  }
  return SM_OK;
}

static sm_status count_unused(void *ctx, const sm_saved_attribute *attribute, sm_error *err) {
  batch *b = ctx;
  const char *key = sm_arena_copy(&b->arena, attribute->key).data;
  if (key == NULL) return sm_arena_fail(&b->arena, attribute->key.size, err);
  if (b->report.n_unused++ == 0) b->first_unused = key;
  tell(b, SM_DIFFERENCE_UNUSED, key, NULL, "no object takes it");
  return SM_OK;
}

/* ---- Reading ---- */

/* The differences that the bundle finds, with the caller's bindings. */
static void pass_on(void *ctx, const sm_difference *difference) {
  batch *b = ctx;
  bool is_unused = difference->kind == SM_DIFFERENCE_UNUSED;
  if (is_unused && !b->tree->source.is_by_name) return; /* here objects count, not tensors */
  const sm_binding *binding = is_unused ? NULL : b->values[difference->binding - b->bindings]->binding;
  tell(b, difference->kind, difference->key, binding, difference->what);
}

static sm_status check_policies(const batch *b, sm_error *err) {
  const sm_restore_options *options = &b->tree->source.options;
  if (b->report.n_missing != 0 && options->missing == SM_POLICY_ERROR)
    return SM_FAIL(err, SM_NOT_FOUND, "the checkpoint has no %.200s; %zu missing in all",
                   b->first_missing != NULL ? b->first_missing : "", b->report.n_missing);
  if (b->report.n_unused != 0 && options->refuse_unused)
    return SM_FAIL(err, SM_FAILED_PRECONDITION, "no object takes %.200s; %zu unused in all",
                   b->first_unused != NULL ? b->first_unused : "", b->report.n_unused);
  return SM_OK;
}

/* What is there and of which kind, without reading it. */
static sm_status compare(batch *b, sm_error *err) {
  sm_restore_options options = b->tree->source.options;
  sm_restore_report report;
  options.compare_only = true;
  options.missing = options.mismatched = SM_POLICY_SKIP;
  options.refuse_unused = false;
  options.difference = pass_on;
  options.difference_ctx = b;
  SM_TRY(sm_bundle_reader_restore(&report, b->tree->source.reader, b->bindings, b->n, &options, err));
  for (size_t i = 0; i < b->n; i++) {
    b->values[i]->binding->status = b->bindings[i].status;
    if (b->bindings[i].status == SM_NOT_FOUND && b->first_missing == NULL) b->first_missing = b->bindings[i].key;
  }
  b->report.n_missing += report.n_missing;
  b->report.n_mismatched = report.n_mismatched;
  if (b->tree->source.is_by_name) b->report.n_unused = report.n_unused;
  return SM_OK;
}

static sm_status read_all(batch *b, sm_error *err) {
  sm_restore_options options = b->tree->source.options;
  sm_restore_report report;
  options.missing = SM_POLICY_SKIP;
  options.refuse_unused = false;
  options.difference = NULL;
  sm_status status = sm_bundle_reader_restore(&report, b->tree->source.reader, b->bindings, b->n, &options, err);
  for (size_t i = 0; i < b->n; i++) {
    sm_binding *binding = b->values[i]->binding;
    binding->status = b->bindings[i].status;
    binding->tensor = b->bindings[i].tensor;
    b->values[i]->is_read = binding->status == SM_OK && !options.compare_only;
  }
  b->report.n_restored = report.n_restored;
  b->report.n_bytes = report.n_bytes;
  if (status != SM_OK || options.compare_only) return status;
  return sm_tree_restore_registered(&b->report.n_restored, b->tree, &b->arena, err);
}

static void begin(batch *b, sm_checkpoint *tree) {
  *b = (batch){.tree = tree};
  sm_arena_init(&b->arena, tree->allocator, UINT64_MAX);
}

/* ---- The whole tree ---- */

static sm_status restore(batch *b, sm_error *err) {
  for (int32_t i = 0; i < b->tree->n_nodes; i++) SM_TRY(gather_node(b, i, err));
  b->tree->source.n_taken = b->tree->source.n_queued;
  if (!b->tree->source.is_by_name) SM_TRY(sm_tree_walk_unused(b->tree, count_unused, b, err));
  SM_TRY(compare(b, err));
  SM_TRY(check_policies(b, err));
  return read_all(b, err);
}

sm_status sm_checkpoint_read(sm_restore_report *report, sm_checkpoint *tree, const char *prefix,
                             const sm_restore_options *options, const sm_open_options *open, sm_error *err) {
  sm_restore_options known;
  batch b;
  if (report != NULL) *report = (sm_restore_report){0};
  SM_TRY(sm_restore_options_read(&known, options, err));
  begin(&b, tree);
  sm_status status = open_source(tree, prefix, &known, open, err);
  if (status == SM_OK) status = restore(&b, err);
  if (report != NULL) *report = b.report;
  sm_arena_free(&b.arena);
  if (status != SM_OK || known.compare_only) sm_tree_source_close(tree);
  tree->source.options.difference = NULL; /* the caller's, for the time of the call */
  tree->source.options.refuse_unused = false;
  return status;
}

/* ---- What comes later ---- */

sm_status sm_tree_read_matched(sm_checkpoint *tree, sm_error *err) {
  sm_tree_source *source = &tree->source;
  batch b;
  sm_status status = SM_OK;
  if (!source->is_open || source->n_taken == source->n_queued) return SM_OK;
  begin(&b, tree);
  for (; status == SM_OK && source->n_taken < source->n_queued; source->n_taken++)
    status = gather_node(&b, source->node_of[source->queue[source->n_taken]], err);
  if (status == SM_OK) status = read_all(&b, err);
  source->n_taken = source->n_queued;
  sm_arena_free(&b.arena);
  return status;
}

sm_status sm_tree_read_value(sm_checkpoint *tree, int32_t node, sm_tree_value *value, sm_error *err) {
  sm_string key;
  batch b;
  if (!tree->source.is_open) return SM_OK;
  value->binding->status = SM_NOT_FOUND;
  if (!find_key(&key, tree, node, value)) return SM_OK;
  begin(&b, tree);
  sm_status status = gather(&b, value, key, err);
  if (status == SM_OK) status = read_all(&b, err);
  sm_arena_free(&b.arena);
  return status;
}

sm_status sm_tree_read_registered(sm_checkpoint *tree, int32_t node, sm_error *err) {
  batch b;
  if (!tree->source.is_open) return SM_OK;
  begin(&b, tree);
  sm_status status = gather_registered(&b, node, err);
  if (status == SM_OK) status = read_all(&b, err);
  sm_arena_free(&b.arena);
  return status;
}
