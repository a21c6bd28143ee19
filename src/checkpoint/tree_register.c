/* Registering savers. Source: python/saved_model/registration/registration.py, register_checkpoint_saver. */
#include "checkpoint/checkpoint_tree.h"

/* _VALID_REGISTERED_NAME. */
static bool is_name(const char *name) {
  static const char allowed[] = "0123456789._-ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz";
  return name != NULL && *name != '\0' && name[strspn(name, allowed)] == '\0';
}

static sm_status check_saver(const sm_checkpoint *tree, const sm_registered_saver *saver, sm_error *err) {
  if (saver == NULL || saver->save == NULL || saver->restore == NULL)
    return SM_FAIL(err, SM_INVALID_ARGUMENT, "a registered saver needs the functions save and restore");
  if (!is_name(saver->name))
    return SM_FAIL(err, SM_INVALID_ARGUMENT,
                   "the name of a registered saver has letters, digits, '.', '_' and '-' only");
  for (const sm_tree_saver *other = tree->first_saver; other != NULL; other = other->next)
    if (other->saver != saver && strcmp(other->saver->name, saver->name) == 0)
      return SM_FAIL(err, SM_INVALID_ARGUMENT, "there is another registered saver of name \"%.200s\"", saver->name);
  return SM_OK;
}

static sm_status check_object(const sm_checkpoint *tree, int32_t number, sm_error *err) {
  SM_TRY(sm_tree_check_node(tree, number, err));
  const sm_tree_node *node = &tree->nodes[number];
  if (node->is_slot) return SM_FAIL(err, SM_INVALID_ARGUMENT, "object %d is a slot variable", (int)number);
  if (node->saver == NULL && node->first_value == NULL) return SM_OK;
  return SM_FAIL(err, SM_ALREADY_EXISTS, "object %d has %s already", (int)number,
                 node->saver != NULL ? "a registered saver" : "values");
}

static sm_status keep_saver(sm_checkpoint *tree, const sm_registered_saver *saver, sm_error *err) {
  for (const sm_tree_saver *known = tree->first_saver; known != NULL; known = known->next)
    if (known->saver == saver) return SM_OK;
  sm_tree_saver *kept = sm_arena_new(&tree->arena, sm_tree_saver);
  if (kept == NULL) return sm_arena_fail(&tree->arena, sizeof *kept, err);
  kept->saver = saver;
  if (tree->last_saver != NULL)
    tree->last_saver->next = kept;
  else
    tree->first_saver = kept;
  tree->last_saver = kept;
  return SM_OK;
}

sm_status sm_checkpoint_register(sm_checkpoint *tree, int32_t node, const sm_registered_saver *saver, void *object,
                                 sm_error *err) {
  SM_TRY(check_saver(tree, saver, err));
  SM_TRY(check_object(tree, node, err));
  SM_TRY(keep_saver(tree, saver, err));
  tree->nodes[node].saver = saver;
  tree->nodes[node].registered = object;
  sm_status status = sm_tree_read_registered(tree, node, err);
  if (status == SM_OK) return SM_OK;
  tree->nodes[node].saver = NULL;
  tree->nodes[node].is_due = false;
  return status;
}
