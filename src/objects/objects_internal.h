/* Inside objects/. */
#ifndef SM_OBJECTS_OBJECTS_INTERNAL_H
#define SM_OBJECTS_OBJECTS_INTERNAL_H

#include <savedmodel/pb/saved_object_graph.pb-c.h>

#include "graph/graph.h"
#include "objects/objects.h"
#include "objects/reference.h"

/* The object graph of one meta graph. */
typedef struct sm_objects {
  const sm_meta_graph *graph;
  sm_spans nodes;           /* SavedObject messages, by id */
  sm_once *node_values;     /* sm_trackable */
  sm_wire_map functions;    /* SavedConcreteFunction messages, by name */
  sm_once *function_values; /* sm_concrete_function of a FUNCTION */
  sm_once load_order;
  sm_once links;     /* sm_object_links */
  sm_once tree;      /* sm_object_tree */
  sm_once keys;      /* sm_object_keys */
  sm_once variables; /* sm_variable_list */
  sm_once names;     /* sm_node_names */
  sm_once library;   /* sm_graph_library */
  sm_once keras;     /* sm_keras_file */
} sm_objects;

struct sm_trackable {
  sm_objects *objects;
  int32_t id;
  const Tensorflow__SavedObject *proto;
  sm_once ordered_names; /* of a FUNCTION with several concrete functions */
  sm_once bare_value; /* sm_concrete_function of a BARE_CONCRETE_FUNCTION, which knows more than the function alone */
  sm_once info;       /* sm_object */
  sm_once path;
};

/* A slot of a node that is const to its users. */
static inline sm_once *sm_trackable_slot(const sm_once *slot) { return (sm_once *)(uintptr_t)slot; }

/* ---- nodes.c ---- */

/* Errors: NOT_FOUND the meta graph has none. */
sm_status sm_objects_get(sm_objects **out, const sm_meta_graph *graph, sm_error *err);
sm_status sm_objects_get_node(const sm_trackable **out, sm_objects *objects, int64_t id, sm_error *err);

/* The child of that name, which is not escaped; -1. */
int64_t sm_trackable_find_child(const sm_trackable *node, sm_string name);

/* ---- links.c: all edges, without what else the nodes are ---- */

typedef struct sm_linked_object {
  sm_object_kind kind;
  sm_span kind_bytes; /* the message of that kind */
  const sm_reference *children;
  size_t n_children;
  const sm_slot_reference *slots;
  size_t n_slots;
} sm_linked_object;

typedef struct sm_object_links {
  const sm_linked_object *objects; /* by id; the references may lead nowhere */
  size_t n;
} sm_object_links;

sm_status sm_objects_get_links(const sm_object_links **out, sm_objects *objects, sm_error *err);

/* Is there an object of that number? */
static inline bool sm_object_links_has(const sm_object_links *links, int32_t id) {
  return id >= 0 && (size_t)id < links->n;
}

/* ---- paths.c ---- */

/* From where each object was reached first, in a walk in breadth. */
typedef struct sm_object_tree {
  const int32_t *parents;           /* by id; -1: not reached, or the root */
  const sm_reference *const *edges; /* by which; NULL likewise */
} sm_object_tree;

/* The children of an object, one of those that are walked over. */
typedef const sm_reference *(*sm_object_children_fn)(size_t *n, const void *objects, int32_t id);

/* Walks over n objects, in arena. Children that are none of them are passed over. */
sm_status sm_object_tree_build(sm_object_tree *out, const void *objects, size_t n, sm_object_children_fn children_of,
                               sm_arena *arena, sm_error *err);

sm_status sm_objects_get_tree(const sm_object_tree **out, sm_objects *objects, sm_error *err);

/* The path of an object, in arena; *out is NULL when it was not reached. */
sm_status sm_object_tree_path(const char **out, const sm_object_tree *tree, int32_t id, sm_arena *arena, sm_error *err);

/* ---- keys.c ---- */

typedef struct sm_object_key {
  const char *attribute, *key;
} sm_object_key;

typedef struct sm_object_key_list {
  const sm_object_key *keys;
  size_t n;
} sm_object_key_list;

typedef struct sm_object_keys {
  const sm_object_key_list *objects; /* by id */
} sm_object_keys;

/* Errors: those of sm_model_get_variables and of the checkpoint's object graph. */
sm_status sm_objects_get_keys(const sm_object_keys **out, sm_objects *objects, sm_error *err);

/* ---- variable_list.c, v1_variables.c ---- */

typedef struct sm_variable_list {
  const sm_variable *variables;
  size_t n;
} sm_variable_list;

/* reader, all, trainable: NULL where there is none. */
sm_status sm_v1_variables_list(sm_variable_list *out, const sm_bundle_reader *reader, const sm_collection *all,
                               const sm_collection *trainable, sm_arena *arena, sm_error *err);

/* ---- constant.c ---- */

/* The value of a NodeDef whose op is Const. Freed with sm_tensor_free. */
sm_status sm_const_node_read(sm_tensor **out, sm_span node, const sm_meta_graph *graph, sm_error *err);

/* ---- structured.c, function_spec.c, load_order.c ---- */

/* A plain tree of value in arena; NULL for NULL. */
sm_status sm_structured_new(const sm_structured **out, const Tensorflow__StructuredValue *value, sm_arena *arena,
                            sm_error *err);

/* NULL for NULL. Errors: DATA_LOSS it does not make sense. */
sm_status sm_function_spec_new(const sm_function_spec **out, const Tensorflow__FunctionSpec *proto, sm_arena *arena,
                               sm_error *err);

/* The names that TensorFlow gives to the functions of a library when it loads the model. */
typedef struct sm_load_order {
  const struct sm_loaded_function *functions; /* sorted by stored name */
  size_t n; /* 0 where TensorFlow could not load them: calls in circles, or of functions that are not there */
} sm_load_order;

sm_status sm_load_order_new(sm_load_order *out, sm_spans graph_def, sm_spans meta_info, const sm_wire_source *source,
                            sm_arena *arena, sm_error *err);

/* The name given to a function; its own when it was not loaded. */
sm_string sm_load_order_name(const sm_load_order *order, sm_string stored);

#endif
