/* Writing trees of objects: values, and the graph that says which they are. Format: proto/trackable_object_graph.proto.
 * Source of what is written: python/checkpoint/save_util.py. */
#include "checkpoint/checkpoint_tree.h"

/* Fields of TrackableObjectGraph and TrackableObject: proto/trackable_object_graph.proto. */
enum { GRAPH_NODES = 1, OBJECT_CHILDREN = 1 };

typedef struct tree_writer {
  const sm_checkpoint *tree;
  const char *prefix;
  const double *score; /* NULL: none */
  sm_tree_layout layout;
  sm_arena *arena;
  bool *has_values; /* by node */
  sm_bundle_writer *out;
  sm_buffer graph;
  size_t n_values;
} tree_writer;

/* ---- The graph ---- */

/* A node has values when it or a child of it has. There may be cycles, so this goes on until nothing changes; as numbers
 * grow with the distance from the root, mostly twice. */
static sm_status find_values(tree_writer *w, sm_error *err) {
  const sm_checkpoint *tree = w->tree;
  w->has_values = sm_arena_array(w->arena, bool, (size_t)tree->n_nodes);
  if (w->has_values == NULL) return sm_arena_fail(w->arena, (size_t)tree->n_nodes, err);
  for (bool is_changed = true; is_changed;) {
    is_changed = false;
    for (int32_t i = tree->n_nodes; i-- > 0;) {
      int32_t number = w->layout.order[i];
      const sm_tree_node *node = &tree->nodes[number];
      bool has_values = node->first_value != NULL || node->first_slot != NULL || node->saver != NULL;
      for (const sm_tree_edge *edge = node->first_edge; edge != NULL && !has_values; edge = edge->next)
        has_values = w->has_values[edge->child];
      is_changed = is_changed || has_values != w->has_values[number];
      w->has_values[number] = has_values;
    }
  }
  return SM_OK;
}

static sm_status put_children(tree_writer *w, const sm_tree_node *node, sm_error *err) {
  for (const sm_tree_edge *edge = node->first_edge; edge != NULL; edge = edge->next)
    SM_TRY(sm_reference_put(&w->graph, OBJECT_CHILDREN, edge->name, w->layout.numbers[edge->child], err));
  return SM_OK;
}

static sm_status put_attributes(tree_writer *w, int32_t node, sm_error *err) {
  const char *key;
  for (const sm_tree_value *value = w->tree->nodes[node].first_value; value != NULL; value = value->next) {
    const char *full_name = value->binding->key != NULL ? value->binding->key : "";
    SM_TRY(sm_object_key(&key, w->layout.paths[node], value->name, w->arena, err));
    const sm_saved_attribute attribute = {
        .name = value->name, .full_name = sm_string_of(full_name), .key = sm_string_of(key)};
    SM_TRY(sm_saved_attribute_put(&w->graph, &attribute, err));
    SM_TRY(sm_binding_save(w->out, key, value->binding, err));
    w->n_values++;
  }
  return SM_OK;
}

/* Of an optimizer, in the order of their numbers: last is the first that is no optimizer's any more. */
static sm_status put_slots(tree_writer *w, int32_t node, int32_t *next_slot, sm_error *err) {
  size_t n = 0;
  for (const sm_tree_slot *slot = w->tree->nodes[node].first_slot; slot != NULL; slot = slot->next) n++;
  for (; n > 0; n--, ++*next_slot) {
    const sm_tree_slot *slot = w->layout.slots[w->layout.order[*next_slot]];
    const sm_slot_reference reference = {slot->name, w->layout.numbers[slot->variable], *next_slot};
    SM_TRY(sm_slot_reference_put(&w->graph, &reference, err));
  }
  return SM_OK;
}

static sm_status put_object(tree_writer *w, int32_t node, int32_t *next_slot, sm_error *err) {
  size_t object;
  SM_TRY(sm_wire_open(&object, &w->graph, GRAPH_NODES, err));
  SM_TRY(put_children(w, &w->tree->nodes[node], err));
  SM_TRY(put_attributes(w, node, err));
  SM_TRY(put_slots(w, node, next_slot, err));
  if (w->tree->nodes[node].saver != NULL)
    SM_TRY(
        sm_registered_saver_put(&w->graph, sm_string_of(w->tree->nodes[node].saver->name), w->layout.paths[node], err));
  SM_TRY(sm_has_values_put(&w->graph, w->has_values[node], err));
  return sm_wire_close(&w->graph, object, err);
}

/* ---- The checkpoint ---- */

static sm_status put_graph(tree_writer *w, sm_error *err) {
  const sm_string bytes = {(const char *)w->graph.data, w->graph.size};
  const sm_tensor_view view = {.dtype = SM_DT_STRING, .data = &bytes, .size = sizeof bytes};
  return sm_bundle_writer_add(w->out, SM_KEY_OBJECT_GRAPH, &view, err);
}

/* Under a key that no object of the graph has: TensorFlow restores the objects only. */
static sm_status put_score(tree_writer *w, sm_error *err) {
  const sm_tensor_view view = {.dtype = SM_DT_DOUBLE, .data = w->score, .size = sizeof *w->score};
  return w->score != NULL ? sm_bundle_writer_add(w->out, SM_KEY_CHECKPOINT_SCORE, &view, err) : SM_OK;
}

static sm_status put_all(tree_writer *w, sm_error *err) {
  int32_t next_slot = 0;
  SM_TRY(sm_tree_lay_out(&w->layout, w->tree, w->arena, err));
  SM_TRY(find_values(w, err));
  SM_TRY(sm_tree_save_registered(w->tree, &w->layout, w->prefix, w->out, w->arena, err));
  while (next_slot < w->tree->n_nodes && !w->tree->nodes[w->layout.order[next_slot]].is_slot) next_slot++;
  for (int32_t i = 0; i < w->tree->n_nodes; i++) SM_TRY(put_object(w, w->layout.order[i], &next_slot, err));
  SM_TRY(put_score(w, err));
  SM_TRY(put_graph(w, err));
  return sm_bundle_writer_finish(w->out, err);
}

static sm_status write_files(size_t *n_values, const sm_checkpoint *tree, const char *prefix, const double *score,
                             const sm_save_options *options, sm_error *err) {
  sm_arena arena;
  tree_writer w = {.tree = tree, .prefix = prefix, .score = score, .arena = &arena};
  SM_TRY(sm_bundle_writer_open(&w.out, prefix, options, err));
  sm_arena_init(&arena, tree->allocator, UINT64_MAX);
  sm_buffer_init(&w.graph, tree->allocator, UINT64_MAX);
  sm_status status = put_all(&w, err);
  *n_values = w.n_values;
  sm_buffer_free(&w.graph);
  sm_arena_free(&arena);
  sm_bundle_writer_close(w.out);
  return status;
}

sm_status sm_tree_write(sm_saved *saved, sm_checkpoint *tree, const char *prefix, const double *score,
                        const sm_save_options *options, sm_error *err) {
  sm_save_options known;
  size_t n_values, size;
  if (saved != NULL) *saved = (sm_saved){0};
  if (prefix == NULL) return SM_FAIL(err, SM_INVALID_ARGUMENT, "there is no prefix");
  size = strlen(prefix) + 1;
  if (size > sizeof tree->prefix) return SM_FAIL(err, SM_INVALID_ARGUMENT, "%.200s: the path is too long", prefix);
  SM_TRY(sm_save_options_read(&known, options, err));
  known.overwrite = true;
  SM_TRY(write_files(&n_values, tree, prefix, score, &known, err));
  memmove(tree->prefix, prefix, size);
  if (saved == NULL) return SM_OK;
  saved->prefix = tree->prefix;
  saved->n_tensors = n_values + 1 + (score != NULL);
  return sm_saved_measure(saved, known.fs, prefix, err);
}

sm_status sm_checkpoint_write(sm_saved *saved, sm_checkpoint *tree, const char *prefix, const sm_save_options *options,
                              sm_error *err) {
  return sm_tree_write(saved, tree, prefix, NULL, options, err);
}

/* The directory's newest is that one; what was there before is forgotten. */
static sm_status write_state(const char *prefix, const sm_save_options *options, sm_error *err) {
  char dir[SM_PATH_MAX];
  sm_checkpoint_state state = {.n_paths = 1, .paths = &state.latest};
  if (!sm_prefix_split(dir, sizeof dir, &state.latest, prefix))
    return SM_FAIL(err, SM_INVALID_ARGUMENT, "%.200s: the path is too long", prefix);
  return sm_checkpoint_state_write(dir, NULL, &state, options, err);
}

sm_status sm_checkpoint_save(sm_saved *saved, sm_checkpoint *tree, const char *prefix, const sm_save_options *options,
                             sm_error *err) {
  char numbered[SM_PATH_MAX];
  if (saved != NULL) *saved = (sm_saved){0};
  if (prefix == NULL) return SM_FAIL(err, SM_INVALID_ARGUMENT, "there is no prefix");
  SM_TRY(sm_tree_make_counter(tree, err));
  if (!sm_numbered_prefix(numbered, sizeof numbered, prefix, tree->counter + 1, 1))
    return SM_FAIL(err, SM_INVALID_ARGUMENT, "%.200s: the path is too long", prefix);
  tree->counter++;
  sm_status status = sm_checkpoint_write(saved, tree, numbered, options, err);
  if (status != SM_OK) tree->counter--;
  return status == SM_OK ? write_state(tree->prefix, options, err) : status;
}
