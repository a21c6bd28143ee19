/* Objects that are saved and restored in a way of their own. Source: python/checkpoint/functional_saver.py,
 * MultiDeviceSaver. TensorFlow's savers write
 * checkpoints of their own to PREFIX-NAME, which are merged with the rest: here they add to it, to the same effect. */
#include "checkpoint/checkpoint_tree.h"

/* PREFIX-NAME. Source: functional_saver.py, registered_saver_filename. */
static sm_status name_files(const char **out, const char *prefix, const char *name, sm_arena *arena, sm_error *err) {
  size_t size = strlen(prefix) + strlen(name) + 2;
  char *text = sm_arena_alloc(arena, size);
  if (text == NULL) return sm_arena_fail(arena, size, err);
  (void)snprintf(text, size, "%s-%s", prefix, name);
  *out = text;
  return SM_OK;
}

static sm_status make_objects(sm_registered_object **out, const sm_checkpoint *tree, sm_arena *arena, sm_error *err) {
  *out = sm_arena_array(arena, sm_registered_object, (size_t)tree->n_nodes);
  return *out != NULL ? SM_OK : sm_arena_fail(arena, (size_t)tree->n_nodes * sizeof **out, err);
}

sm_status sm_tree_save_registered(const sm_checkpoint *tree, const sm_tree_layout *layout, const char *prefix,
                                  sm_bundle_writer *writer, sm_arena *arena, sm_error *err) {
  const char *file_prefix = NULL;
  sm_registered_object *objects = NULL;
  if (tree->first_saver != NULL) SM_TRY(make_objects(&objects, tree, arena, err));
  for (const sm_tree_saver *known = tree->first_saver; known != NULL; known = known->next) {
    const sm_registered_saver *saver = known->saver;
    size_t n = 0;
    for (int32_t i = 0; i < tree->n_nodes; i++) {
      const sm_tree_node *node = &tree->nodes[layout->order[i]];
      if (node->saver != saver) continue;
      objects[n++] = (sm_registered_object){layout->paths[layout->order[i]].data, node->registered};
    }
    if (n == 0) continue; /* it failed to restore the only one that it was registered for */
    SM_TRY(name_files(&file_prefix, prefix, saver->name, arena, err));
    SM_TRY(saver->save(saver->ctx, writer, file_prefix, objects, n, err));
  }
  return SM_OK;
}

bool sm_tree_registered_name(sm_string *name, const sm_checkpoint *tree, int32_t node) {
  int32_t object = tree->nodes[node].object;
  if (object < 0) return false;
  const sm_saved_object *saved = &tree->source.graph.objects[object];
  if (saved->saver.size != 0) {
    *name = saved->saver_object;
    return sm_string_equal(saved->saver, sm_string_of(tree->nodes[node].saver->name));
  }
  if (saved->n_attributes != 0) *name = saved->attributes[0].key;
  return saved->n_attributes != 0;
}

/* Those of one saver that are due. */
static sm_status restore_with(size_t *n_restored, sm_checkpoint *tree, const sm_registered_saver *saver,
                              sm_registered_object *objects, sm_arena *arena, sm_error *err) {
  size_t n = 0;
  sm_string name = {"", 0};
  const char *file_prefix = NULL;
  for (int32_t i = 0; i < tree->source.n_queued; i++) {
    int32_t number = tree->source.node_of[tree->source.queue[i]];
    const sm_tree_node *node = &tree->nodes[number];
    if (node->saver != saver || !node->is_due || node->object != tree->source.queue[i]) continue;
    (void)sm_tree_registered_name(&name, tree, number);
    objects[n] = (sm_registered_object){sm_arena_copy(arena, name).data, node->registered};
    if (objects[n++].name == NULL) return sm_arena_fail(arena, name.size + 1, err);
  }
  if (n == 0) return SM_OK;
  SM_TRY(name_files(&file_prefix, tree->source.prefix, saver->name, arena, err));
  SM_TRY(saver->restore(saver->ctx, tree->source.reader, file_prefix, objects, n, err));
  for (int32_t i = 0; i < tree->n_nodes; i++) {
    if (tree->nodes[i].saver != saver || !tree->nodes[i].is_due) continue;
    tree->nodes[i].is_due = false;
    tree->nodes[i].is_restored = true;
  }
  *n_restored += n;
  return SM_OK;
}

sm_status sm_tree_restore_registered(size_t *n_restored, sm_checkpoint *tree, sm_arena *arena, sm_error *err) {
  sm_registered_object *objects = NULL;
  if (tree->first_saver != NULL) SM_TRY(make_objects(&objects, tree, arena, err));
  for (const sm_tree_saver *known = tree->first_saver; known != NULL; known = known->next)
    SM_TRY(restore_with(n_restored, tree, known->saver, objects, arena, err));
  return SM_OK;
}
