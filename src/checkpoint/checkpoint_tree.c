/* Trees of objects: nodes, edges, slot variables, values. */
#include "checkpoint/checkpoint_tree.h"

/* ---- Names ---- */

static sm_status copy_name(sm_string *out, sm_checkpoint *tree, const char *name, sm_error *err) {
  *out = sm_arena_copy(&tree->arena, sm_string_of(name));
  return out->data != NULL ? SM_OK : sm_arena_fail(&tree->arena, strlen(name) + 1, err);
}

/* ---- Nodes ---- */

static sm_status make_room(sm_checkpoint *tree, sm_error *err) {
  if (tree->n_nodes < tree->capacity) return SM_OK;
  if (tree->capacity > INT32_MAX / 2) return SM_FAIL(err, SM_RESOURCE_EXHAUSTED, "too many objects");
  int32_t capacity = tree->capacity == 0 ? 16 : 2 * tree->capacity;
  size_t size;
  if (!sm_mul_size((size_t)capacity, sizeof *tree->nodes, &size)) return SM_FAIL_OOM(err, SIZE_MAX);
  sm_tree_node *nodes = sm_realloc(tree->allocator, tree->nodes, size);
  if (nodes == NULL) return SM_FAIL_OOM(err, size);
  tree->nodes = nodes;
  tree->capacity = capacity;
  return SM_OK;
}

/* There is room for it. */
static int32_t add_node(sm_checkpoint *tree, bool is_slot) {
  tree->nodes[tree->n_nodes] = (sm_tree_node){.object = -1, .is_slot = is_slot};
  return tree->n_nodes++;
}

sm_status sm_tree_check_node(const sm_checkpoint *tree, int32_t node, sm_error *err) {
  if (node >= 0 && node < tree->n_nodes) return SM_OK;
  return SM_FAIL(err, SM_NOT_FOUND, "no object %d, there are %d", (int)node, (int)tree->n_nodes);
}

static sm_status check_no_slot(const sm_checkpoint *tree, int32_t node, sm_error *err) {
  SM_TRY(sm_tree_check_node(tree, node, err));
  if (!tree->nodes[node].is_slot) return SM_OK;
  return SM_FAIL(err, SM_INVALID_ARGUMENT, "object %d is a slot variable: it can have values only", (int)node);
}

sm_status sm_checkpoint_new(sm_checkpoint **out, const sm_allocator *allocator, sm_error *err) {
  allocator = sm_allocator_or_malloc(allocator);
  *out = NULL;
  sm_checkpoint *tree = sm_new(allocator, sm_checkpoint);
  if (tree == NULL) return SM_FAIL_OOM(err, sizeof *tree);
  tree->allocator = allocator;
  tree->counter_node = -1;
  sm_arena_init(&tree->arena, allocator, UINT64_MAX);
  sm_status status = make_room(tree, err);
  if (status == SM_OK) {
    (void)add_node(tree, false);
    *out = tree;
  } else {
    sm_checkpoint_free(tree);
  }
  return status;
}

void sm_checkpoint_free(sm_checkpoint *tree) {
  if (tree == NULL) return;
  const sm_allocator *allocator = tree->allocator;
  sm_tree_source_close(tree);
  sm_arena_free(&tree->arena);
  if (tree->nodes != NULL) sm_free(allocator, tree->nodes);
  sm_free(allocator, tree);
}

/* ---- Edges ---- */

static sm_status check_free(const sm_checkpoint *tree, int32_t parent, const char *name, sm_error *err) {
  for (const sm_tree_edge *edge = tree->nodes[parent].first_edge; edge != NULL; edge = edge->next)
    if (sm_string_equal(edge->name, sm_string_of(name)))
      return SM_FAIL(err, SM_ALREADY_EXISTS, "object %d has a child \"%.200s\" already", (int)parent, name);
  return SM_OK;
}

static sm_status add_edge(sm_checkpoint *tree, int32_t parent, const char *name, int32_t child, sm_error *err) {
  sm_tree_edge *edge = sm_arena_new(&tree->arena, sm_tree_edge);
  if (edge == NULL) return sm_arena_fail(&tree->arena, sizeof *edge, err);
  SM_TRY(copy_name(&edge->name, tree, name, err));
  edge->child = child;
  sm_tree_node *node = &tree->nodes[parent];
  if (node->last_edge != NULL)
    node->last_edge->next = edge;
  else
    node->first_edge = edge;
  node->last_edge = edge;
  sm_tree_match_edge(tree, parent, edge);
  return SM_OK;
}

static sm_status check_edge(const sm_checkpoint *tree, int32_t parent, const char *name, sm_error *err) {
  if (name == NULL) return SM_FAIL(err, SM_INVALID_ARGUMENT, "a child needs a name");
  SM_TRY(check_no_slot(tree, parent, err));
  return check_free(tree, parent, name, err);
}

sm_status sm_checkpoint_add(int32_t *node, sm_checkpoint *tree, int32_t parent, const char *name, sm_error *err) {
  if (node != NULL) *node = -1;
  SM_TRY(check_edge(tree, parent, name, err));
  SM_TRY(make_room(tree, err));
  int32_t child = add_node(tree, false);
  sm_status status = add_edge(tree, parent, name, child, err);
  if (status != SM_OK)
    tree->n_nodes--;
  else if (node != NULL)
    *node = child;
  return status;
}

sm_status sm_checkpoint_link(sm_checkpoint *tree, int32_t parent, const char *name, int32_t node, sm_error *err) {
  SM_TRY(check_edge(tree, parent, name, err));
  SM_TRY(check_no_slot(tree, node, err));
  SM_TRY(add_edge(tree, parent, name, node, err));
  return sm_tree_read_matched(tree, err);
}

/* ---- Slot variables ---- */

static sm_status check_slot(size_t *rank, const sm_tree_node *optimizer, int32_t variable, sm_string name,
                            sm_error *err) {
  *rank = 0;
  const sm_tree_slot *same = NULL;
  for (const sm_tree_slot *slot = optimizer->first_slot; slot != NULL; slot = slot->next) {
    if (slot->rank >= *rank) *rank = slot->rank + 1;
    if (!sm_string_equal(slot->name, name)) continue;
    same = slot;
    if (slot->variable == variable)
      return SM_FAIL(err, SM_ALREADY_EXISTS, "there is a slot \"%.200s\" of object %d already", name.data,
                     (int)variable);
  }
  if (same != NULL) *rank = same->rank;
  return SM_OK;
}

sm_status sm_checkpoint_add_slot(int32_t *node, sm_checkpoint *tree, int32_t optimizer, int32_t variable,
                                 const char *slot_name, sm_error *err) {
  size_t rank;
  if (node != NULL) *node = -1;
  if (slot_name == NULL) return SM_FAIL(err, SM_INVALID_ARGUMENT, "a slot needs a name");
  SM_TRY(check_no_slot(tree, optimizer, err));
  SM_TRY(check_no_slot(tree, variable, err));
  SM_TRY(check_slot(&rank, &tree->nodes[optimizer], variable, sm_string_of(slot_name), err));
  SM_TRY(make_room(tree, err));
  sm_tree_slot *slot = sm_arena_new(&tree->arena, sm_tree_slot);
  if (slot == NULL) return sm_arena_fail(&tree->arena, sizeof *slot, err);
  SM_TRY(copy_name(&slot->name, tree, slot_name, err));
  slot->rank = rank;
  slot->earlier = tree->last_slot;
  tree->last_slot = slot;
  slot->optimizer = optimizer;
  slot->variable = variable;
  slot->node = add_node(tree, true);
  sm_tree_node *owner = &tree->nodes[optimizer];
  if (owner->last_slot != NULL)
    owner->last_slot->next = slot;
  else
    owner->first_slot = slot;
  owner->last_slot = slot;
  if (node != NULL) *node = slot->node;
  sm_tree_match_slots(tree);
  return SM_OK; /* it has no values yet that could be read */
}

/* ---- Values ---- */

static sm_status check_value(const sm_tree_node *node, sm_string name, sm_error *err) {
  for (const sm_tree_value *value = node->first_value; value != NULL; value = value->next)
    if (sm_string_equal(value->name, name))
      return SM_FAIL(err, SM_ALREADY_EXISTS, "the object has a value \"%.200s\" already", name.data);
  return SM_OK;
}

sm_status sm_checkpoint_bind(sm_checkpoint *tree, int32_t node, const char *attribute, sm_binding *binding,
                             sm_error *err) {
  if (binding == NULL) return SM_FAIL(err, SM_INVALID_ARGUMENT, "there is no binding");
  SM_TRY(sm_tree_check_node(tree, node, err));
  if (tree->nodes[node].saver != NULL)
    return SM_FAIL(err, SM_ALREADY_EXISTS, "object %d has a registered saver already", (int)node);
  if (attribute == NULL) attribute = SM_ATTRIBUTE_VARIABLE_VALUE;
  sm_tree_value *value = sm_arena_new(&tree->arena, sm_tree_value);
  if (value == NULL) return sm_arena_fail(&tree->arena, sizeof *value, err);
  value->name = sm_escape_name(&tree->arena, sm_string_of(attribute));
  value->binding = binding;
  if (value->name.data == NULL) return sm_arena_fail(&tree->arena, strlen(attribute) + 1, err);
  SM_TRY(check_value(&tree->nodes[node], value->name, err));
  SM_TRY(sm_tree_read_value(tree, node, value, err));
  sm_tree_node *owner = &tree->nodes[node];
  if (owner->last_value != NULL)
    owner->last_value->next = value;
  else
    owner->first_value = value;
  owner->last_value = value;
  return SM_OK;
}
