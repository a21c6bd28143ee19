/*
 * Changes of meta graphs. A V2 model says what its signatures are in two places, which nothing holds together: in
 * signature_def with the nodes of the graph, for loaders that run a session, and in the object graph with functions of the
 * library, for tf.saved_model.load.
 *
 *   edit.c             beginning and committing
 *   edit_tags.c        tags
 *   edit_signature.c   signature_def
 *   edit_objects.c     where the object graph has a signature
 *   edit_structure.c   names of arguments and results in it, and the order that follows from them
 *   edit_function.c    functions of the library
 *   edit_rename.c      inputs and outputs, in both places
 *   edit_nodes.c       attributes and devices of all nodes
 *   edit_keep.c        what some signatures need
 *   edit_drop_objects.c, to_v1_*.c  no object graph       to_v2_*.c  a new one
 *   freeze_model.c     variables that become constants
 */
#ifndef SM_BUILDER_EDIT_INTERNAL_H
#define SM_BUILDER_EDIT_INTERNAL_H

#include "builder/builder_internal.h"

/* Fields of the messages that are changed: proto/meta_graph.proto, saved_object_graph.proto, struct.proto, graph.proto,
 * function.proto, op_def.proto, node_def.proto, attr_value.proto. */
enum {
  SM_SIGNATURE_INPUT = 1,
  SM_SIGNATURE_OUTPUT = 2,
  SM_SIGNATURE_METHOD = 3,
  SM_SIGNATURE_DEFAULT = 4,
  SM_OBJECTS_NODE = 1,
  SM_OBJECTS_FUNCTION = 2,
  SM_NODE_CHILD = 1,
  SM_NODE_SLOT_VARIABLE = 3,
  SM_NODE_FUNCTION = 6,
  SM_NODE_VARIABLE = 7,
  SM_NODE_BARE_FUNCTION = 8,
  SM_NODE_CONSTANT = 9,
  SM_NODE_RESOURCE = 10,
  SM_NODE_SAVEABLE = 11,
  SM_NODE_CAPTURED_TENSOR = 12,
  SM_NODE_DEPENDENCY = 15,
  SM_EDGE_NODE_ID = 1,
  SM_EDGE_NAME = 2,
  SM_BARE_NAME = 1,
  SM_BARE_KEYWORD = 2,
  SM_BARE_SPEC = 4,
  SM_CONCRETE_BOUND_INPUT = 2,
  SM_CONCRETE_INPUTS = 3,
  SM_CONCRETE_OUTPUTS = 4,
  SM_GRAPH_NODE = 1,
  SM_GRAPH_LIBRARY = 2,
  SM_GRAPH_DEBUG_INFO = 5,
  SM_LIBRARY_FUNCTION = 1,
  SM_FUNCTION_SIGNATURE = 1,
  SM_FUNCTION_ATTR = 5,
  SM_FUNCTION_ARG_ATTR = 7,
  SM_FUNCTION_ARG_UNIQUE_ID = 8,
  SM_OP_NAME = 1,
  SM_OP_INPUT_ARG = 2,
  SM_OP_OUTPUT_ARG = 3,
  SM_NODE_DEF_DEBUG_INFO = 6
};

/* ---- Beginning and committing ---- */

/* A change that is under way. What fails is thrown away: the meta graph stays what it was. */
typedef struct sm_edit {
  sm_built_graph *graph;
  sm_draft draft; /* MetaGraphDef as it will be */
} sm_edit;

sm_status sm_edit_begin(sm_edit *out, sm_builder *builder, size_t graph, sm_error *err);
void sm_edit_commit(const sm_edit *edit);

/* For changes after which the object graph has other numbers, or is gone: the file names objects by number. */
void sm_edit_drop_keras_metadata(sm_builder *builder);

/* What sm_builder_strip_debug_info does to a meta graph: its nodes forget what they were made from, the graph its traces. */
sm_status sm_edit_strip_debug_info(sm_builder *builder, size_t graph, sm_error *err);

/* Brings the list of operations in MetaInfoDef up to date, if there is one. */
sm_status sm_edit_list_ops(sm_draft *meta_graph, sm_error *err);

/* An sm_string as bytes; never NULL, which would remove a field. */
static inline sm_span sm_span_of(sm_string text) {
  return (sm_span){(const uint8_t *)(text.data != NULL ? text.data : ""), text.size};
}
static inline sm_string sm_text_of(sm_span bytes) { return (sm_string){(const char *)bytes.data, bytes.size}; }

/* ---- Signatures ---- */

/* A SignatureDef as a draft. Errors: INVALID_ARGUMENT a reserved key; NOT_FOUND, with the keys there are. */
sm_status sm_edit_open_signature(sm_draft *out, const sm_draft *meta_graph, sm_string key, sm_error *err);

/* Gives an entry of a map another key. what: it is, for messages. Errors: NOT_FOUND, with the keys; ALREADY_EXISTS. */
sm_status sm_edit_rename_entry(sm_draft *draft, uint32_t number, const char *what, sm_string name, sm_string new_name,
                               sm_error *err);

/* fn for each tensor, or op, that a TensorInfo names; that all inputs and outputs of a SignatureDef name. UNIMPLEMENTED:
 * composite tensors of composite tensors, too many levels of them. */
typedef sm_status (*sm_edit_tensor_fn)(void *ctx, sm_string tensor, sm_error *err);
sm_status sm_edit_each_tensor(sm_span info, const sm_wire_source *source, sm_edit_tensor_fn fn, void *ctx,
                              sm_error *err);
sm_status sm_edit_each_signature_tensor(const sm_draft *signature, sm_edit_tensor_fn fn, void *ctx, sm_error *err);

/* ---- Signatures in the object graph ---- */

/* An object graph, its nodes by id. */
typedef struct sm_edit_objects {
  sm_draft draft; /* SavedObjectGraph */
  size_t *nodes;  /* the place of each node in the draft's list */
  size_t n_nodes; /* 0: there is no object graph */
} sm_edit_objects;

sm_status sm_edit_open_objects(sm_edit_objects *out, const sm_draft *meta_graph, sm_error *err);

/* ObjectReference. */
typedef struct sm_edit_edge {
  int64_t node_id;
  sm_string name;
} sm_edit_edge;

sm_status sm_edit_read_edge(sm_edit_edge *out, sm_span edge, const sm_wire_source *source, sm_error *err);

/* The node of that id as a draft; DATA_LOSS when there is none. */
sm_status sm_edit_open_node(sm_draft *out, const sm_edit_objects *objects, int64_t id, sm_error *err);

/* Id of the child of that name; -1: there is none. */
sm_status sm_edit_find_child(int64_t *out, const sm_draft *node, sm_string name, sm_error *err);

/* Id of the node below the root that has the signatures as children; -1: there is none. */
sm_status sm_edit_find_signatures(int64_t *out, const sm_edit_objects *objects, sm_error *err);

/* Renames a child, or removes it: new_name.data NULL. There need be none of the name. */
sm_status sm_edit_rename_child(sm_edit_objects *objects, int64_t parent, sm_string name, sm_string new_name,
                               sm_error *err);

/* Leads the child of that name to another node. */
sm_status sm_edit_move_child(sm_edit_objects *objects, int64_t parent, sm_string name, int64_t id, sm_error *err);

/* Edges to a node, and nodes that name a concrete function. */
sm_status sm_edit_count_edges(size_t *out, const sm_edit_objects *objects, int64_t to, sm_error *err);
sm_status sm_edit_count_function_users(size_t *out, const sm_edit_objects *objects, sm_string function, sm_error *err);

/* ---- Names in a concrete function ---- */

typedef enum sm_edit_direction { SM_EDIT_INPUT, SM_EDIT_OUTPUT } sm_edit_direction;

/* Positions that change places: tensor i is the one that was at from[i]. n is 0 where all stay. */
typedef struct sm_edit_order {
  const size_t *from;
  size_t n;
} sm_edit_order;

/*
 * Renames an argument or a result in a SavedConcreteFunction. Arguments are found by the name of their spec: their keys may
 * be that name with other characters, as Python wants parameters named.
 *
 * key, new_key  what it was called in the dict, and what it is called now.
 *
 * Errors: UNIMPLEMENTED the structure is not a flat dict, or none of that name is in it; ALREADY_EXISTS.
 */
sm_status sm_edit_rename_in_structure(sm_draft *concrete, sm_string *key, sm_string *new_key, sm_edit_order *order,
                                      sm_edit_direction direction, sm_string name, sm_string new_name, sm_error *err);

/* The same in the function_spec of a bare concrete function. */
sm_status sm_edit_rename_in_spec(sm_draft *bare, sm_string key, sm_string new_key, sm_error *err);

/* ---- Functions of the library ---- */

/* The library of a meta graph's graph. */
typedef struct sm_edit_library {
  sm_draft graph;   /* GraphDef */
  sm_draft library; /* FunctionDefLibrary */
} sm_edit_library;

sm_status sm_edit_open_library(sm_edit_library *out, const sm_draft *meta_graph, sm_error *err);
sm_status sm_edit_close_library(sm_draft *meta_graph, sm_edit_library *library, sm_error *err);

/* Nodes of the graph and of functions that name a function, and gradients that do. */
sm_status sm_edit_count_callers(size_t *out, const sm_edit_library *library, sm_string function, sm_error *err);

/*
 * Changes the order of a function's arguments or results. Nothing that calls it is changed.
 *
 * new_name  of a copy that is changed instead; data NULL: the function itself is.
 */
sm_status sm_edit_reorder_function(sm_edit_library *library, sm_string name, sm_string new_name,
                                   sm_edit_direction direction, sm_edit_order order, sm_error *err);

/* A name for a copy: that of the function, with a number at the end that no function has. */
sm_status sm_edit_make_name(sm_string *out, const sm_edit_library *library, sm_string name, sm_error *err);

#endif
