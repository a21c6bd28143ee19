/* Inside checkpoint/: trees of objects. */
#ifndef SM_CHECKPOINT_CHECKPOINT_TREE_H
#define SM_CHECKPOINT_CHECKPOINT_TREE_H

#include "checkpoint/checkpoint_internal.h"
#include "objects/tracked_write.h"

typedef struct sm_tree_edge {
  struct sm_tree_edge *next;
  sm_string name;
  int32_t child;
} sm_tree_edge;

typedef struct sm_tree_value {
  struct sm_tree_value *next;
  sm_string name; /* escaped, as object graphs have it */
  sm_binding *binding;
  bool is_read; /* from the checkpoint that was restored last */
} sm_tree_value;

typedef struct sm_tree_slot {
  struct sm_tree_slot *next;    /* of the same optimizer */
  struct sm_tree_slot *earlier; /* of the tree */
  sm_string name;
  size_t rank; /* of the name among those of the optimizer, in the order of their first use */
  int32_t optimizer, variable, node;
} sm_tree_slot;

typedef struct sm_tree_node {
  sm_tree_edge *first_edge, *last_edge;
  sm_tree_value *first_value, *last_value;
  sm_tree_slot *first_slot, *last_slot;
  int32_t object; /* of the checkpoint that was restored last; -1: none */
  bool is_slot;
  bool is_due, is_restored;         /* by its saver, from the checkpoint that was restored last */
  const sm_registered_saver *saver; /* NULL: it has values */
  void *registered;                 /* what saver is told */
} sm_tree_node;

typedef struct sm_tree_saver {
  struct sm_tree_saver *next;
  const sm_registered_saver *saver;
} sm_tree_saver;

/* The checkpoint that was restored last. */
typedef struct sm_tree_source {
  bool is_open;
  bool is_by_name; /* it has no object graph */
  const char *prefix;
  sm_bundle_reader *reader;
  sm_arena arena;
  sm_checkpoint_graph graph;
  sm_restore_options options;
  int32_t *node_of;                      /* by object; -1: no node of the tree */
  int32_t *queue;                        /* objects that have a node, in the order in which they got it */
  int32_t n_queued, n_followed, n_taken; /* all; those whose children were looked at; those whose values were read */
} sm_tree_source;

struct sm_checkpoint {
  const sm_allocator *allocator;
  sm_arena arena; /* names, edges, values, slots */
  sm_tree_node *nodes;
  int32_t n_nodes, capacity;
  sm_tree_slot *last_slot;
  sm_tree_saver *first_saver, *last_saver;
  int32_t counter_node; /* -1: there is no save counter yet */
  int64_t counter;
  sm_binding counter_binding;
  sm_tree_source source;
  char prefix[SM_PATH_MAX]; /* of the last save */
};

/* ---- checkpoint_tree.c ---- */

/* Errors: NOT_FOUND there is no such node. */
sm_status sm_tree_check_node(const sm_checkpoint *tree, int32_t node, sm_error *err);

/* ---- save_counter.c ---- */

/* Makes it, if there is none. */
sm_status sm_tree_make_counter(sm_checkpoint *tree, sm_error *err);

/* ---- tree_keys.c ---- */

/* How the nodes are numbered and called in a checkpoint. Source: python/checkpoint/graph_view.py,
 * breadth_first_traversal; python/checkpoint/util.py, serialize_slot_variables. */
typedef struct sm_tree_layout {
  const int32_t *order;             /* node of each number: breadth first, slot variables last */
  const int32_t *numbers;           /* of each node */
  const sm_string *paths;           /* of each node: escaped names from the root, '/' between them */
  const sm_tree_slot *const *slots; /* by their node; NULL: no slot variable */
} sm_tree_layout;

sm_status sm_tree_lay_out(sm_tree_layout *out, const sm_checkpoint *tree, sm_arena *arena, sm_error *err);

/* ---- tree_write.c ---- */

/* As sm_checkpoint_write. score: saved beside the values; NULL: none. */
sm_status sm_tree_write(sm_saved *saved, sm_checkpoint *tree, const char *prefix, const double *score,
                        const sm_save_options *options, sm_error *err);

/* ---- tree_match.c ---- */

/* Gives node, which matches object, its object, and all that is below both. */
void sm_tree_match(sm_checkpoint *tree, int32_t node, int32_t object);

/* What an edge, or a slot variable, that is new lets match. */
void sm_tree_match_edge(sm_checkpoint *tree, int32_t parent, const sm_tree_edge *edge);
void sm_tree_match_slots(sm_checkpoint *tree);

/* ---- tree_registered.c ---- */

/* What the object of a node with a saver is called in the checkpoint that was restored last; false: that saver can make
 * nothing of it. */
bool sm_tree_registered_name(sm_string *name, const sm_checkpoint *tree, int32_t node);

/* Calls the savers: for all objects; for those that are due, after which they are not, and counts them. */
sm_status sm_tree_save_registered(const sm_checkpoint *tree, const sm_tree_layout *layout, const char *prefix,
                                  sm_bundle_writer *writer, sm_arena *arena, sm_error *err);
sm_status sm_tree_restore_registered(size_t *n_restored, sm_checkpoint *tree, sm_arena *arena, sm_error *err);

/* ---- tree_restore.c ---- */

/* Ends what is left of the last restore. */
void sm_tree_source_close(sm_checkpoint *tree);

/* Reads what objects that matched since the last call have. */
sm_status sm_tree_read_matched(sm_checkpoint *tree, sm_error *err);

/* Reads a value that was not there before. */
sm_status sm_tree_read_value(sm_checkpoint *tree, int32_t node, sm_tree_value *value, sm_error *err);

/* Restores a node that was given a saver. */
sm_status sm_tree_read_registered(sm_checkpoint *tree, int32_t node, sm_error *err);

typedef sm_status (*sm_unused_fn)(void *ctx, const sm_saved_attribute *attribute, sm_error *err);

/* Calls fn for each value in the checkpoint that no object of the tree has, and each object of a registered saver likewise,
 * whose name is then the attribute's key. A status other than SM_OK ends that. */
sm_status sm_tree_walk_unused(const sm_checkpoint *tree, sm_unused_fn fn, void *ctx, sm_error *err);

#endif
