/* Inside graph/: a GraphDef that is being made. */
#ifndef SM_GRAPH_GRAPH_INTERNAL_H
#define SM_GRAPH_GRAPH_INTERNAL_H

#include <savedmodel/graph.h>

#include "graph/name_index.h"
#include "graph/op_defs.h"

/* A node that was added. */
typedef struct sm_made_node {
  const sm_op_def *def;
  size_t offset, size; /* of its NodeDef in bytes */
  size_t first_type;   /* of its outputs, in output_types */
  size_t n_types;      /* fewer than outputs where these are many more than bytes, as of Split */
} sm_made_node;

/* A function that was added. */
typedef struct sm_made_function {
  const sm_op_def *def; /* its signature */
  sm_op_defs defs;      /* owns def */
} sm_made_function;

/* Strings, one more at a time. */
typedef struct sm_string_list {
  sm_string *items;
  size_t n, capacity;
} sm_string_list;

struct sm_graph {
  const sm_allocator *allocator;
  sm_arena arena; /* names, and what lists hold */
  sm_op_defs defs;
  sm_wire_source source; /* of bytes */
  sm_buffer bytes;       /* nodes, and behind nodes_size what get_def put there */
  size_t nodes_size;
  sm_made_node *nodes; /* by number in names */
  size_t n_nodes, nodes_capacity;
  sm_buffer output_types; /* of the nodes, an sm_dtype each */
  sm_name_index names;
  sm_buffer library;           /* FunctionDefs, as fields of a FunctionDefLibrary */
  sm_made_function *functions; /* by number in function_names */
  size_t n_functions, functions_capacity;
  sm_name_index function_names;
  sm_string_list variables, trainable; /* VariableDefs */
  sm_string_list initializers;         /* of tables: "^NAME" */
  sm_collection collections[2];        /* what get_collections hands out */
};

/* What the graph has now, to be brought back when a call that adds several things fails half way. */
typedef struct sm_graph_mark {
  size_t n_nodes, nodes_size, types_size, n_variables, n_trainable, n_initializers;
  sm_arena_mark arena;
} sm_graph_mark;

sm_graph_mark sm_graph_get_mark(const sm_graph *graph);
void sm_graph_rewind(sm_graph *graph, sm_graph_mark mark);

/* *items, of *capacity, gets room for one more than n. */
sm_status sm_graph_make_room(const sm_graph *graph, void **items, size_t n, size_t *capacity, size_t item_size,
                             sm_error *err);

/* The definition of an operation, or of a function of the graph; NULL: there is none. */
sm_status sm_graph_find_op(const sm_op_def **out, sm_graph *graph, const char *op, sm_error *err);

/* string is copied into the graph's arena. */
sm_status sm_graph_list_add(sm_graph *graph, sm_string_list *list, sm_string string, sm_error *err);

/* "NAME" + suffix, in the graph's arena. */
sm_status sm_graph_join(const char **out, sm_graph *graph, const char *name, const char *suffix, sm_error *err);

/* ---- Attributes that the inputs tell ---- */

/* Room for as many as the definition has, beside those that were given. */
typedef struct sm_full_attrs {
  sm_attr *items;
  size_t n;
} sm_full_attrs;

/*
 * Checks the types of a node's inputs against the definition of its op, and adds to the attributes those that the inputs
 * tell.
 *
 * attrs   as the caller of sm_graph_add_node gave them; what is added borrows from dtypes.
 * dtypes  of the inputs but for control inputs, n of them; made plain where they are reference types that the op only
 *         reads.
 *
 * Errors: INVALID_ARGUMENT.
 */
sm_status sm_infer_attrs(sm_full_attrs *attrs, const sm_op_def *def, sm_dtype *dtypes, size_t n, const char *node,
                         sm_error *err);

#endif
