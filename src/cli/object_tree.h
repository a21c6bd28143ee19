/* The object graphs of models and of checkpoints as trees: a line for each object, and for each edge that leads to one
 * that was shown before. */
#ifndef SM_CLI_OBJECT_TREE_H
#define SM_CLI_OBJECT_TREE_H

#include <stdbool.h>
#include <stddef.h>

#include <savedmodel/status.h>

/* The functions are given graph. Object 0 is the root. */
typedef struct object_tree {
  const void *graph;
  size_t n;
  size_t (*n_children)(const void *graph, size_t object);
  void (*get_child)(sm_string *name, size_t *child, const void *graph, size_t object, size_t i);
  const char *(*get_path)(const void *graph, size_t object); /* NULL: nothing leads there */
  void (*print)(const void *graph, size_t object);           /* what it is, and the end of the line */
} object_tree;

/* Returns an exit code. */
int object_tree_print(const object_tree *tree);

#endif
