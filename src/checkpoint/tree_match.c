/* Which object of a checkpoint is which of the tree: the names of edges lead from the roots through both. Source:
 * python/checkpoint/restore.py, _queue_children_for_restoration and _queue_slot_variables. */
#include "checkpoint/checkpoint_tree.h"

static void assign(sm_checkpoint *tree, int32_t node, int32_t object) {
  sm_tree_source *source = &tree->source;
  source->node_of[object] = node;
  source->queue[source->n_queued++] = object;
  if (tree->nodes[node].object < 0) tree->nodes[node].object = object; /* of two the first gives the values */
}

static void follow_edge(sm_checkpoint *tree, int32_t object, const sm_tree_edge *edge) {
  const sm_tree_source *source = &tree->source;
  int32_t child = sm_saved_object_find_child(&source->graph.objects[object], edge->name);
  if (child >= 0 && source->node_of[child] < 0) assign(tree, edge->child, child);
}

/* From all objects that have a node and were not looked at. */
static void follow(sm_checkpoint *tree) {
  sm_tree_source *source = &tree->source;
  while (source->n_followed < source->n_queued) {
    int32_t object = source->queue[source->n_followed++];
    for (const sm_tree_edge *edge = tree->nodes[source->node_of[object]].first_edge; edge != NULL; edge = edge->next)
      follow_edge(tree, object, edge);
  }
  sm_tree_match_slots(tree);
}

void sm_tree_match(sm_checkpoint *tree, int32_t node, int32_t object) {
  assign(tree, node, object);
  follow(tree);
}

void sm_tree_match_edge(sm_checkpoint *tree, int32_t parent, const sm_tree_edge *edge) {
  int32_t object = tree->nodes[parent].object;
  if (!tree->source.is_open || object < 0) return;
  follow_edge(tree, object, edge);
  follow(tree);
}

/* A slot variable has no edges: there is nothing to follow from it. */
void sm_tree_match_slots(sm_checkpoint *tree) {
  const sm_tree_source *source = &tree->source;
  if (!source->is_open) return;
  for (const sm_tree_slot *slot = tree->last_slot; slot != NULL; slot = slot->earlier) {
    int32_t optimizer = tree->nodes[slot->optimizer].object, variable = tree->nodes[slot->variable].object;
    if (optimizer < 0 || variable < 0 || tree->nodes[slot->node].object >= 0) continue;
    int32_t object = sm_saved_object_find_slot(&source->graph.objects[optimizer], variable, slot->name);
    if (object >= 0 && source->node_of[object] < 0) assign(tree, slot->node, object);
  }
}
