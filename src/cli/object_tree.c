#include "cli/object_tree.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "cli/cli.h"

/* Where the walk stands: an object, and which of its children comes next. */
typedef struct level {
  size_t object, child;
} level;

/* What the walk needs, room for all objects: each is entered once. */
typedef struct walk {
  const object_tree *tree;
  level *levels;
  bool *is_printed;
} walk;

enum { MAX_INDENT = 32 };

static void indent(size_t depth) {
  for (size_t i = 0; i < depth && i < MAX_INDENT; i++) fputs("  ", stdout);
}

static void put_text(const char *text) { cli_put(text, strlen(text)); }

static void print_shown_path(const char *path) { put_text(*path != '\0' ? path : "/"); }

/* As it is written in paths; NULL: the byte stands for itself. */
static const char *escape(char c) { return c == '.' ? ".." : c == '/' ? ".S" : NULL; }

static void print_escaped(sm_string name) {
  for (size_t i = 0; i < name.size; i++) {
    const char *escaped = escape(name.data[i]);
    if (escaped != NULL)
      fputs(escaped, stdout);
    else
      cli_put(&name.data[i], 1);
  }
}

/* Is the edge the one by which the child got its path? */
static bool is_first_way(const char *parent, sm_string name, const char *path) {
  size_t size = strlen(parent);
  if (size != 0 && (strncmp(path, parent, size) != 0 || path[size] != '/')) return false;
  path += size + (size != 0);
  for (size_t i = 0; i < name.size; i++) {
    const char *wanted = escape(name.data[i]) != NULL ? escape(name.data[i]) : &name.data[i];
    size_t n = escape(name.data[i]) != NULL ? 2 : 1;
    if (strncmp(path, wanted, n) != 0) return false;
    path += n;
  }
  return *path == '\0';
}

/* Prints the next child of where the walk stands; true: it is new, and its own children are next. */
static bool print_child(size_t *child, const walk *w, const level *at, size_t depth) {
  const object_tree *tree = w->tree;
  const char *parent_path = tree->get_path(tree->graph, at->object);
  sm_string name;
  tree->get_child(&name, child, tree->graph, at->object, at->child);
  const char *path = tree->get_path(tree->graph, *child);
  indent(depth);
  if (*parent_path != '\0') {
    put_text(parent_path);
    putchar('/');
  }
  print_escaped(name);
  if (w->is_printed[*child] || !is_first_way(parent_path, name, path)) {
    fputs(" -> ", stdout);
    print_shown_path(path);
    putchar('\n');
    return false;
  }
  w->is_printed[*child] = true;
  fputs(": ", stdout);
  tree->print(tree->graph, *child);
  return true;
}

static void print_tree(const walk *w) {
  const object_tree *tree = w->tree;
  size_t depth = 1, child;
  w->levels[0] = (level){0, 0};
  w->is_printed[0] = true;
  fputs("/: ", stdout);
  tree->print(tree->graph, 0);
  while (depth != 0) {
    level *at = &w->levels[depth - 1];
    if (at->child == tree->n_children(tree->graph, at->object)) {
      depth--;
      continue;
    }
    bool is_new = print_child(&child, w, at, depth);
    at->child++;
    if (is_new) w->levels[depth++] = (level){child, 0};
  }
}

/* Slot variables and the like, which have no place in the tree. */
static void print_rest(const walk *w) {
  for (size_t i = 0; i < w->tree->n; i++) {
    if (w->is_printed[i]) continue;
    printf("object %zu: ", i);
    w->tree->print(w->tree->graph, i);
  }
}

int object_tree_print(const object_tree *tree) {
  walk w = {tree, calloc(tree->n, sizeof *w.levels), calloc(tree->n, sizeof *w.is_printed)};
  bool has_memory = w.levels != NULL && w.is_printed != NULL;
  if (has_memory) {
    print_tree(&w);
    print_rest(&w);
  }
  free(w.levels);
  free(w.is_printed);
  return has_memory ? CLI_OK : cli_fail("out of memory");
}
