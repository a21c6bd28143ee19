/* The numbers and keys that objects have in a checkpoint. */
#include "checkpoint/checkpoint_tree.h"

typedef struct layout {
  const sm_checkpoint *tree;
  sm_arena *arena;
  int32_t *order, *numbers;
  sm_string *paths;
  const sm_tree_slot **slots;
  struct ranked_slot *sorted; /* room for all slots */
  int32_t n;                  /* nodes that have a number */
} layout;

typedef struct ranked_slot {
  const sm_tree_slot *slot;
  int32_t variable; /* its number */
} ranked_slot;

static void number_node(layout *l, int32_t node, sm_string path) {
  l->numbers[node] = l->n;
  l->order[l->n++] = node;
  l->paths[node] = path;
}

static sm_status number_children(layout *l, int32_t parent, sm_error *err) {
  for (const sm_tree_edge *edge = l->tree->nodes[parent].first_edge; edge != NULL; edge = edge->next) {
    sm_string path;
    if (l->numbers[edge->child] >= 0) continue;
    SM_TRY(sm_child_path(&path, l->paths[parent], edge->name, l->arena, err));
    number_node(l, edge->child, path);
  }
  return SM_OK;
}

static bool is_slot_before(const void *a, const void *b) {
  const ranked_slot *x = a, *y = b;
  return x->slot->rank != y->slot->rank ? x->slot->rank < y->slot->rank : x->variable < y->variable;
}

/* Those of an optimizer, name by name, each in the order of the variables' numbers. */
static sm_status number_slots(layout *l, int32_t optimizer, sm_error *err) {
  size_t n = 0;
  for (const sm_tree_slot *slot = l->tree->nodes[optimizer].first_slot; slot != NULL; slot = slot->next)
    l->sorted[n++] = (ranked_slot){slot, l->numbers[slot->variable]};
  sm_sort(l->sorted, n, sizeof *l->sorted, is_slot_before);
  for (size_t i = 0; i < n; i++) {
    const sm_tree_slot *slot = l->sorted[i].slot;
    sm_string path;
    SM_TRY(sm_slot_path(&path, l->paths[slot->variable], l->paths[optimizer], slot->name, l->arena, err));
    number_node(l, slot->node, path);
    l->slots[slot->node] = slot;
  }
  return SM_OK;
}

sm_status sm_tree_lay_out(sm_tree_layout *out, const sm_checkpoint *tree, sm_arena *arena, sm_error *err) {
  size_t n = (size_t)tree->n_nodes;
  layout l = {.tree = tree,
              .arena = arena,
              .order = sm_arena_array(arena, int32_t, n),
              .numbers = sm_arena_array(arena, int32_t, n),
              .paths = sm_arena_array(arena, sm_string, n),
              .slots = sm_arena_array(arena, const sm_tree_slot *, n),
              .sorted = sm_arena_array(arena, ranked_slot, n)};
  if (l.order == NULL || l.numbers == NULL || l.paths == NULL || l.slots == NULL || l.sorted == NULL)
    return sm_arena_fail(arena, n * sizeof(sm_string), err);
  for (size_t i = 0; i < n; i++) l.numbers[i] = -1;
  number_node(&l, 0, (sm_string){"", 0});
  for (int32_t i = 0; i < l.n; i++) SM_TRY(number_children(&l, l.order[i], err));
  for (int32_t i = 0, n_objects = l.n; i < n_objects; i++) SM_TRY(number_slots(&l, l.order[i], err));
  *out = (sm_tree_layout){l.order, l.numbers, l.paths, l.slots};
  return SM_OK;
}
