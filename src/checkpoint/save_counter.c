/* The counter of saves, which tf.train.Checkpoint keeps in its tree and restores with it. Source: python/checkpoint/
 * checkpoint.py, Checkpoint._maybe_create_save_counter. */
#include "checkpoint/checkpoint_tree.h"

sm_status sm_tree_make_counter(sm_checkpoint *tree, sm_error *err) {
  int32_t node;
  if (tree->counter_node >= 0) return SM_OK;
  SM_TRY(sm_checkpoint_add(&node, tree, 0, "save_counter", err));
  tree->counter_binding =
      (sm_binding){.key = "save_counter", .dtype = SM_DT_INT64, .data = &tree->counter, .size = sizeof tree->counter};
  tree->counter_node = node;
  return sm_checkpoint_bind(tree, node, NULL, &tree->counter_binding, err);
}

int64_t sm_checkpoint_get_save_counter(const sm_checkpoint *tree) { return tree->counter; }

sm_status sm_checkpoint_restore(sm_restore_report *report, sm_checkpoint *tree, const char *prefix,
                                const sm_restore_options *options, const sm_open_options *open, sm_error *err) {
  if (report != NULL) *report = (sm_restore_report){0};
  sm_tree_source_close(tree); /* or the counter would be read from there */
  SM_TRY(sm_tree_make_counter(tree, err));
  return sm_checkpoint_read(report, tree, prefix, options, open, err);
}
