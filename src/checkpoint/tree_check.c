/* Does what was restored match? Source: python/checkpoint/checkpoint.py, CheckpointLoadStatus. */
#include "checkpoint/checkpoint_tree.h"

typedef struct check {
  const sm_checkpoint *tree;
  sm_difference_fn fn;
  void *ctx;
  sm_arena arena;
  sm_tree_layout layout;
  size_t n_values, n_read, n_differences;
  sm_error *err; /* gets the first difference */
} check;

static void tell(check *c, sm_difference_kind kind, const char *key, const sm_binding *binding, const char *what) {
  const sm_difference difference = {.kind = kind, .key = key, .binding = binding, .what = what};
  if (c->n_differences++ == 0) (void)SM_FAIL(c->err, SM_FAILED_PRECONDITION, "%.300s: %s", key, what);
  if (c->fn != NULL) c->fn(c->ctx, &difference);
}

static sm_status check_value(check *c, int32_t node, const sm_tree_value *value, bool is_told, sm_error *err) {
  const char *key;
  bool is_mismatched = value->binding->status == SM_INVALID_ARGUMENT;
  c->n_values++;
  if (value->is_read) c->n_read++;
  if (value->is_read || !is_told) return SM_OK;
  SM_TRY(sm_object_key(&key, c->layout.paths[node], value->name, &c->arena, err));
  tell(c, is_mismatched ? SM_DIFFERENCE_MISMATCHED : SM_DIFFERENCE_MISSING, key, value->binding,
       is_mismatched ? "of another dtype or shape in the checkpoint" : "has no value from the checkpoint");
  return SM_OK;
}

static void check_registered(check *c, int32_t node, bool is_told) {
  if (c->tree->nodes[node].saver == NULL) return;
  c->n_values++;
  if (c->tree->nodes[node].is_restored) c->n_read++;
  if (!c->tree->nodes[node].is_restored && is_told)
    tell(c, SM_DIFFERENCE_MISSING, c->layout.paths[node].data, NULL, "its saver got nothing from the checkpoint");
}

static sm_status tell_unused(void *ctx, const sm_saved_attribute *attribute, sm_error *err) {
  check *c = ctx;
  const char *key = sm_arena_copy(&c->arena, attribute->key).data;
  if (key == NULL) return sm_arena_fail(&c->arena, attribute->key.size, err);
  tell(c, SM_DIFFERENCE_UNUSED, key, NULL, "no object takes it");
  return SM_OK;
}

static sm_status run(check *c, sm_match match, sm_error *err) {
  const sm_checkpoint *tree = c->tree;
  SM_TRY(sm_tree_lay_out(&c->layout, tree, &c->arena, err));
  for (int32_t i = 0; i < tree->n_nodes; i++) {
    check_registered(c, i, match != SM_MATCH_NONTRIVIAL);
    for (const sm_tree_value *value = tree->nodes[i].first_value; value != NULL; value = value->next)
      SM_TRY(check_value(c, i, value, match != SM_MATCH_NONTRIVIAL, err));
  }
  if (match == SM_MATCH_CONSUMED) SM_TRY(sm_tree_walk_unused(tree, tell_unused, c, err));
  if (c->n_differences != 0) return SM_FAILED_PRECONDITION; /* err has the first */
  bool is_trivial = tree->source.is_by_name ? c->n_read == 0 : tree->source.n_queued <= 1;
  if (match == SM_MATCH_NONTRIVIAL && is_trivial)
    return SM_FAIL(err, SM_FAILED_PRECONDITION, "nothing but the root of %zu values matches the checkpoint",
                   c->n_values);
  return SM_OK;
}

sm_status sm_checkpoint_check_match(const sm_checkpoint *tree, sm_match match, sm_difference_fn fn, void *ctx,
                                    sm_error *err) {
  if (!tree->source.is_open) return SM_FAIL(err, SM_FAILED_PRECONDITION, "nothing was restored");
  check c = {.tree = tree, .fn = fn, .ctx = ctx, .err = err};
  sm_arena_init(&c.arena, tree->allocator, UINT64_MAX);
  sm_status status = run(&c, match, err);
  sm_arena_free(&c.arena);
  return status;
}
