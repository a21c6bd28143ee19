/*
 * Where the values of objects are in the checkpoint. The object graphs of the model and of the checkpoint are walked
 * together, by the names of children, and of slots where an optimizer keeps variables for others.
 * Source: python/checkpoint/restore.py; cc/saved_model/bundle_v2.cc, VisitObjectsToRestore.
 */
#include "objects/checkpoint_graph.h"
#include "objects/objects_internal.h"

typedef struct matcher {
  const sm_object_links *links;
  sm_checkpoint_graph saved;
  int32_t *matches; /* by id: the object of the checkpoint; -1: none */
  int32_t *queue;   /* of those that were matched */
  size_t n_queued;
} matcher;

/* What the keys are made from. */
typedef struct key_source {
  const sm_object_links *links;
  const sm_bundle_reader *reader;
  const sm_model *model;
} key_source;

static void match(matcher *m, int32_t id, int32_t saved) {
  if (saved < 0 || !sm_object_links_has(m->links, id) || m->matches[id] >= 0) return;
  m->matches[id] = saved;
  m->queue[m->n_queued++] = id;
}

static void match_children(matcher *m, size_t first) {
  for (size_t next = first; next < m->n_queued; next++) {
    const sm_linked_object *object = &m->links->objects[m->queue[next]];
    const sm_saved_object *saved = &m->saved.objects[m->matches[m->queue[next]]];
    for (size_t i = 0; i < object->n_children; i++)
      match(m, object->children[i].id, sm_saved_object_find_child(saved, object->children[i].name));
  }
}

/* Variables that slots are for were matched before, as children of somebody. */
static void match_slots(matcher *m) {
  for (size_t next = 0, n = m->n_queued; next < n; next++) {
    const sm_linked_object *object = &m->links->objects[m->queue[next]];
    const sm_saved_object *saved = &m->saved.objects[m->matches[m->queue[next]]];
    for (size_t i = 0; i < object->n_slots; i++) {
      const sm_slot_reference *slot = &object->slots[i];
      int32_t variable = sm_object_links_has(m->links, slot->variable) ? m->matches[slot->variable] : -1;
      if (variable >= 0) match(m, slot->id, sm_saved_object_find_slot(saved, variable, slot->name));
    }
  }
}

static sm_status match_all(matcher *m, sm_arena *scratch, sm_error *err) {
  size_t n = m->links->n;
  m->matches = sm_arena_array(scratch, int32_t, n);
  m->queue = sm_arena_array(scratch, int32_t, n);
  if (m->matches == NULL || m->queue == NULL) return sm_arena_fail(scratch, n * 2 * sizeof *m->queue, err);
  for (size_t i = 0; i < n; i++) m->matches[i] = -1;
  if (m->saved.n != 0) match(m, 0, 0);
  match_children(m, 0);
  size_t n_children = m->n_queued;
  match_slots(m);
  match_children(m, n_children);
  return SM_OK;
}

static sm_status copy_text(const char **out, sm_string text, sm_arena *arena, sm_error *err) {
  if (memchr(text.data, '\0', text.size) != NULL)
    return SM_FAIL(err, SM_UNIMPLEMENTED, "%s: a key holds a NUL", SM_KEY_OBJECT_GRAPH);
  *out = sm_arena_copy(arena, text).data;
  return *out != NULL ? SM_OK : sm_arena_fail(arena, text.size, err);
}

static sm_status copy_keys(sm_object_key_list *out, const sm_saved_object *saved, sm_arena *arena, sm_error *err) {
  sm_object_key *keys = sm_arena_array(arena, sm_object_key, saved->n_attributes);
  if (keys == NULL) return sm_arena_fail(arena, saved->n_attributes * sizeof *keys, err);
  for (size_t i = 0; i < saved->n_attributes; i++) {
    SM_TRY(copy_text(&keys[i].attribute, saved->attributes[i].name, arena, err));
    SM_TRY(copy_text(&keys[i].key, saved->attributes[i].key, arena, err));
  }
  *out = (sm_object_key_list){keys, saved->n_attributes};
  return SM_OK;
}

static sm_status match_and_copy(sm_object_key_list *lists, matcher *m, sm_arena *scratch, sm_arena *arena,
                                sm_error *err) {
  SM_TRY(match_all(m, scratch, err));
  for (size_t i = 0; i < m->links->n; i++) {
    const sm_saved_object *saved = m->matches[i] >= 0 ? &m->saved.objects[m->matches[i]] : NULL;
    if (saved != NULL && saved->n_attributes != 0) SM_TRY(copy_keys(&lists[i], saved, arena, err));
  }
  return SM_OK;
}

/* ---- Checkpoints without an object graph ---- */

enum { VARIABLE_NAME = 6 };

static sm_status take_name(sm_object_key_list *out, const sm_linked_object *object, const sm_bundle_reader *reader,
                           const sm_wire_source *source, sm_arena *arena, sm_error *err) {
  sm_span name;
  sm_bundle_entry entry;
  sm_error failure;
  SM_TRY(sm_wire_find_bytes(&name, object->kind_bytes, VARIABLE_NAME, source, err));
  if (name.size == 0) return SM_OK;
  const sm_string text = {(const char *)name.data, name.size};
  sm_status status = sm_bundle_reader_find_n(&entry, reader, text, &failure);
  if (status == SM_NOT_FOUND) return SM_OK;
  SM_TRY(sm_error_pass(err, status, &failure));
  sm_object_key *key = sm_arena_new(arena, sm_object_key);
  if (key == NULL) return sm_arena_fail(arena, sizeof *key, err);
  key->attribute = SM_ATTRIBUTE_VALUE;
  SM_TRY(copy_text(&key->key, text, arena, err));
  *out = (sm_object_key_list){key, 1};
  return SM_OK;
}

static sm_status take_names(sm_object_key_list *lists, const key_source *from, const sm_wire_source *source,
                            sm_arena *arena, sm_error *err) {
  for (size_t i = 0; i < from->links->n; i++)
    if (from->links->objects[i].kind == SM_OBJECT_VARIABLE)
      SM_TRY(take_name(&lists[i], &from->links->objects[i], from->reader, source, arena, err));
  return SM_OK;
}

/* ---- All keys ---- */

static sm_status build_keys(void **out, const sm_meta_graph *graph, const void *subject, sm_arena *arena,
                            sm_error *err) {
  const key_source *from = subject;
  matcher m = {.links = from->links};
  sm_arena scratch;
  sm_object_keys *made = sm_arena_new(arena, sm_object_keys);
  sm_object_key_list *lists = sm_arena_array(arena, sm_object_key_list, from->links->n);
  if (made == NULL || lists == NULL) return sm_arena_fail(arena, from->links->n * sizeof *lists, err);
  sm_model_init_arena(&scratch, from->model);
  sm_status status = sm_checkpoint_graph_read(&m.saved, from->reader, &scratch, err);
  if (status == SM_OK)
    status = match_and_copy(lists, &m, &scratch, arena, err);
  else if (status == SM_NOT_FOUND)
    status = take_names(lists, from, sm_meta_graph_source(graph), arena, err);
  sm_checkpoint_graph_free(&m.saved);
  sm_arena_free(&scratch);
  made->objects = lists;
  *out = made;
  return status;
}

sm_status sm_objects_get_keys(const sm_object_keys **out, sm_objects *objects, sm_error *err) {
  key_source from = {.model = sm_meta_graph_get_model(objects->graph)};
  void *made;
  SM_TRY(sm_objects_get_links(&from.links, objects, err));
  SM_TRY(sm_model_get_variables(&from.reader, from.model, err));
  SM_TRY(sm_meta_graph_once(&made, objects->graph, &objects->keys, build_keys, &from, err));
  *out = made;
  return SM_OK;
}

sm_status sm_trackable_get_key(const char **out, const sm_trackable *node, const char *attribute, sm_error *err) {
  const sm_object_keys *keys;
  *out = NULL;
  SM_TRY(sm_objects_get_keys(&keys, node->objects, err));
  const sm_object_key_list *list = &keys->objects[node->id];
  for (size_t i = 0; *out == NULL && i < list->n; i++)
    if (attribute == NULL || strcmp(list->keys[i].attribute, attribute) == 0) *out = list->keys[i].key;
  if (*out != NULL) return SM_OK;
  return SM_FAIL(err, SM_NOT_FOUND, "%s: the checkpoint has nothing for object %d%s%.100s",
                 sm_meta_graph_source(node->objects->graph)->name, node->id, attribute != NULL ? " and " : "",
                 attribute != NULL ? attribute : "");
}
