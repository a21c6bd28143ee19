/* "layers/0/kernel": from a node to another one, and back. */
#include <stdio.h>

#include "objects/objects_internal.h"

/* ---- Names in paths ---- */

/* Is a part of a path the name of a child? Source: python/trackable/trackable_utils.py, escape_local_name. */
static bool is_escaped_name(const char *part, size_t size, const char *name) {
  size_t at = 0;
  for (; *name != '\0'; name++) {
    char second = *name == '.' ? '.' : 'S';
    bool is_escaped = *name == '.' || *name == '/';
    if (at == size || part[at++] != (*name == '/' ? '.' : *name)) return false;
    if (is_escaped && (at == size || part[at++] != second)) return false;
  }
  return at == size;
}

/* Bytes that a name takes in a path; false: more than there can be. */
static bool add_escaped_size(size_t *size, sm_string name) {
  if (!sm_add_size(*size, name.size, size)) return false;
  for (size_t i = 0; i < name.size; i++)
    if ((name.data[i] == '.' || name.data[i] == '/') && !sm_add_size(*size, 1, size)) return false;
  return true;
}

/* Writes a name so that it ends before end; returns where it begins. */
static char *put_escaped_before(char *end, sm_string name) {
  for (size_t i = name.size; i-- != 0;) {
    char c = name.data[i];
    if (c == '.' || c == '/') *--end = c == '.' ? '.' : 'S';
    *--end = c == '/' ? '.' : c;
  }
  return end;
}

/* ---- Down ---- */

/* The children there are, as many as fit. */
static void list_children(char *dst, size_t size, const Tensorflow__SavedObject *object) {
  size_t used = 0;
  *dst = '\0';
  for (size_t i = 0; i < object->n_children && used < size; i++)
    used += (size_t)snprintf(dst + used, size - used, "%s%s", i != 0 ? ", " : "", object->children[i]->local_name);
}

static sm_status fail_to_find(const sm_trackable *node, const char *path, size_t known, size_t size, sm_error *err) {
  char names[200];
  list_children(names, sizeof names, node->proto);
  return SM_FAIL(err, SM_NOT_FOUND, "%.60s: object \"%.*s\" has no child \"%.*s\"; there are: %s",
                 sm_meta_graph_source(node->objects->graph)->name, known < 60 ? (int)known : 60, path,
                 size < 60 ? (int)size : 60, path + known + (known != 0), names);
}

sm_status sm_trackable_find(const sm_trackable **out, const sm_trackable *node, const char *path, sm_error *err) {
  const sm_trackable *at = node;
  *out = NULL;
  for (const char *part = path; *path != '\0';) {
    const Tensorflow__SavedObject *object = at->proto;
    size_t size = strcspn(part, "/"), i = object->n_children;
    while (i != 0 && !is_escaped_name(part, size, object->children[i - 1]->local_name)) i--;
    if (i == 0) return fail_to_find(at, path, part != path ? (size_t)(part - path) - 1 : 0, size, err);
    SM_TRY(sm_objects_get_node(&at, node->objects, object->children[i - 1]->node_id, err));
    if (part[size] == '\0') break;
    part += size + 1;
  }
  *out = at;
  return SM_OK;
}

/* ---- Up ---- */

sm_status sm_object_tree_build(sm_object_tree *out, const void *objects, size_t n, sm_object_children_fn children_of,
                               sm_arena *arena, sm_error *err) {
  int32_t *parents = sm_arena_array(arena, int32_t, n);
  const sm_reference **edges = sm_arena_array(arena, const sm_reference *, n);
  int32_t *queue = sm_arena_array(arena, int32_t, n);
  if (parents == NULL || edges == NULL || queue == NULL)
    return sm_arena_fail(arena, n * (sizeof *edges + 2 * sizeof *queue), err);
  for (size_t i = 0; i < n; i++) parents[i] = -1;
  size_t n_queued = n != 0; /* the root, which is 0 */
  for (size_t next = 0; next < n_queued; next++) {
    size_t n_children;
    const sm_reference *children = children_of(&n_children, objects, queue[next]);
    for (size_t i = 0; i < n_children; i++) {
      int32_t child = children[i].id;
      if (child <= 0 || (size_t)child >= n || edges[child] != NULL) continue;
      parents[child] = queue[next];
      edges[child] = &children[i];
      queue[n_queued++] = child;
    }
  }
  *out = (sm_object_tree){parents, edges};
  return SM_OK;
}

static const sm_reference *children_of_linked(size_t *n, const void *objects, int32_t id) {
  const sm_linked_object *object = &((const sm_linked_object *)objects)[id];
  *n = object->n_children;
  return object->children;
}

static sm_status build_tree(void **out, const sm_meta_graph *graph, const void *subject, sm_arena *arena,
                            sm_error *err) {
  const sm_object_links *links = subject;
  (void)graph;
  sm_object_tree *made = sm_arena_new(arena, sm_object_tree);
  if (made == NULL) return sm_arena_fail(arena, sizeof *made, err);
  SM_TRY(sm_object_tree_build(made, links->objects, links->n, children_of_linked, arena, err));
  *out = made;
  return SM_OK;
}

sm_status sm_objects_get_tree(const sm_object_tree **out, sm_objects *objects, sm_error *err) {
  const sm_object_links *links;
  void *made;
  SM_TRY(sm_objects_get_links(&links, objects, err));
  SM_TRY(sm_meta_graph_once(&made, objects->graph, &objects->tree, build_tree, links, err));
  *out = made;
  return SM_OK;
}

sm_status sm_object_tree_path(const char **out, const sm_object_tree *tree, int32_t id, sm_arena *arena,
                              sm_error *err) {
  size_t size = 0;
  *out = id == 0 ? "" : NULL;
  if (tree->edges[id] == NULL) return SM_OK;
  bool fits = true;
  for (int32_t at = id; at != 0; at = tree->parents[at]) /* a '/' or the NUL behind each */
    fits = fits && add_escaped_size(&size, tree->edges[at]->name) && sm_add_size(size, 1, &size);
  char *text = fits ? sm_arena_alloc(arena, size) : NULL;
  if (text == NULL) return sm_arena_fail(arena, fits ? size : SIZE_MAX, err);
  char *begin = text + size;
  for (int32_t at = id; at != 0; at = tree->parents[at]) {
    *--begin = at == id ? '\0' : '/';
    begin = put_escaped_before(begin, tree->edges[at]->name);
  }
  *out = text;
  return SM_OK;
}

/* A path to be built. */
typedef struct path_place {
  const sm_object_tree *tree;
  int32_t id;
} path_place;

static sm_status build_path(void **out, const sm_meta_graph *graph, const void *subject, sm_arena *arena,
                            sm_error *err) {
  const path_place *place = subject;
  const char *path;
  SM_TRY(sm_object_tree_path(&path, place->tree, place->id, arena, err));
  if (path == NULL)
    return SM_FAIL(err, SM_NOT_FOUND, "%s: object %d is no child of any, or of none that the root leads to",
                   sm_meta_graph_source(graph)->name, place->id);
  *out = (void *)(uintptr_t)path;
  return SM_OK;
}

sm_status sm_trackable_get_path(const char **out, const sm_trackable *node, sm_error *err) {
  path_place place = {NULL, node->id};
  void *made;
  *out = NULL;
  SM_TRY(sm_objects_get_tree(&place.tree, node->objects, err));
  SM_TRY(sm_meta_graph_once(&made, node->objects->graph, sm_trackable_slot(&node->path), build_path, &place, err));
  *out = made;
  return SM_OK;
}
