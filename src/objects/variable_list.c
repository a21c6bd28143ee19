/* The variables of a model, of either version. */
#include "objects/checkpoint_graph.h"
#include "objects/objects_internal.h"

/* Fields of SavedVariable. */
enum { VARIABLE_TRAINABLE = 3, VARIABLE_NAME = 6 };

/* ---- V2: of the object graph ---- */

typedef struct v2_source {
  const sm_object_links *links;
  const sm_object_tree *tree;
  const sm_object_keys *keys; /* NULL: the model has no checkpoint */
} v2_source;

static sm_status read_variable(sm_variable *out, sm_span bytes, const sm_wire_source *source, sm_arena *arena,
                               sm_error *err) {
  sm_string name = {(const char *)bytes.data, 0};
  sm_wire_reader reader = sm_wire_read(bytes, source);
  for (sm_wire_field field; sm_wire_next(&reader, &field);) {
    if (field.tag == SM_WIRE_TAG(VARIABLE_TRAINABLE, SM_WIRE_VARINT)) out->trainable = field.value != 0;
    if (field.tag == SM_WIRE_TAG(VARIABLE_NAME, SM_WIRE_BYTES)) SM_TRY(sm_name_read(&name, field.bytes, source, err));
  }
  SM_TRY(sm_wire_finish(&reader, err));
  out->name = sm_arena_copy(arena, name).data;
  return out->name != NULL ? SM_OK : sm_arena_fail(arena, name.size, err);
}

static sm_status list_v2(void **out, const sm_meta_graph *graph, const void *subject, sm_arena *arena, sm_error *err) {
  const v2_source *from = subject;
  sm_variable_list *made = sm_arena_new(arena, sm_variable_list);
  size_t n = 0;
  for (size_t i = 0; i < from->links->n; i++) n += from->links->objects[i].kind == SM_OBJECT_VARIABLE;
  sm_variable *variables = sm_arena_array(arena, sm_variable, n);
  if (made == NULL || variables == NULL) return sm_arena_fail(arena, n * sizeof *variables, err);
  for (size_t i = 0; i < from->links->n; i++) {
    if (from->links->objects[i].kind != SM_OBJECT_VARIABLE) continue;
    sm_variable *variable = &variables[made->n++];
    variable->id = (int32_t)i;
    SM_TRY(read_variable(variable, from->links->objects[i].kind_bytes, sm_meta_graph_source(graph), arena, err));
    SM_TRY(sm_object_tree_path(&variable->path, from->tree, (int32_t)i, arena, err));
    if (from->keys == NULL || from->keys->objects[i].n == 0) continue;
    variable->key = from->keys->objects[i].keys[0].key;
    variable->key_size = strlen(variable->key);
  }
  made->variables = variables;
  *out = made;
  return SM_OK;
}

static sm_status get_v2(const sm_variable_list **out, sm_objects *objects, sm_error *err) {
  v2_source from = {NULL, NULL, NULL};
  const sm_bundle_reader *reader;
  sm_error failure;
  void *made;
  SM_TRY(sm_objects_get_links(&from.links, objects, err));
  SM_TRY(sm_objects_get_tree(&from.tree, objects, err));
  sm_status status = sm_model_get_variables(&reader, sm_meta_graph_get_model(objects->graph), &failure);
  if (status == SM_OK) status = sm_objects_get_keys(&from.keys, objects, &failure);
  if (status != SM_NOT_FOUND) SM_TRY(sm_error_pass(err, status, &failure));
  SM_TRY(sm_meta_graph_once(&made, objects->graph, &objects->variables, list_v2, &from, err));
  *out = made;
  return SM_OK;
}

/* ---- V1: of the collections and the checkpoint ---- */

typedef struct v1_source {
  const sm_bundle_reader *reader;
  const sm_collection *all, *trainable;
} v1_source;

static sm_status list_v1(void **out, const sm_meta_graph *graph, const void *subject, sm_arena *arena, sm_error *err) {
  const v1_source *from = subject;
  sm_variable_list *made = sm_arena_new(arena, sm_variable_list);
  (void)graph;
  if (made == NULL) return sm_arena_fail(arena, sizeof *made, err);
  *out = made;
  return sm_v1_variables_list(made, from->reader, from->all, from->trainable, arena, err);
}

/* NULL where there is none, or it holds something else. */
static sm_status find_collection(const sm_collection **out, const sm_meta_graph *graph, const char *key,
                                 sm_error *err) {
  sm_error failure;
  sm_status status = sm_meta_graph_find_collection(out, graph, key, &failure);
  if (status == SM_OK && (*out)->kind != SM_COLLECTION_BYTES) *out = NULL;
  return status == SM_NOT_FOUND ? SM_OK : sm_error_pass(err, status, &failure);
}

static sm_status get_v1(const sm_variable_list **out, const sm_meta_graph *graph, sm_error *err) {
  v1_source from = {NULL, NULL, NULL};
  sm_error failure;
  void *made;
  SM_TRY(find_collection(&from.all, graph, "variables", err));
  SM_TRY(find_collection(&from.trainable, graph, "trainable_variables", err));
  sm_status status = sm_model_get_variables(&from.reader, sm_meta_graph_get_model(graph), &failure);
  if (status != SM_NOT_FOUND) SM_TRY(sm_error_pass(err, status, &failure));
  SM_TRY(sm_meta_graph_once(&made, graph, sm_meta_graph_variables_slot(graph), list_v1, &from, err));
  *out = made;
  return SM_OK;
}

/* ---- Either ---- */

static sm_status get_list(const sm_variable_list **out, const sm_meta_graph *graph, sm_error *err) {
  sm_objects *objects;
  if (sm_meta_graph_object_graph_bytes(graph).n == 0) return get_v1(out, graph, err);
  SM_TRY(sm_objects_get(&objects, graph, err));
  return get_v2(out, objects, err);
}

sm_status sm_meta_graph_n_variables(size_t *out, const sm_meta_graph *graph, sm_error *err) {
  const sm_variable_list *list;
  *out = 0;
  SM_TRY(get_list(&list, graph, err));
  *out = list->n;
  return SM_OK;
}

sm_status sm_meta_graph_get_variable(const sm_variable **out, const sm_meta_graph *graph, size_t i, sm_error *err) {
  const sm_variable_list *list;
  *out = NULL;
  SM_TRY(get_list(&list, graph, err));
  if (i >= list->n) return SM_FAIL(err, SM_NOT_FOUND, "variable %zu: there are %zu", i, list->n);
  *out = &list->variables[i];
  return SM_OK;
}
