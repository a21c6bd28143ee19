/*
 * graph, checking: does a GraphDef hold together?
 *
 *   graph_check.c   the graph and its functions: names, inputs, calls, what nobody knows
 *   node_order.c    cycles
 *   node_check.c    a node against the definition of its op
 */
#ifndef SM_GRAPH_GRAPH_CHECK_H
#define SM_GRAPH_GRAPH_CHECK_H

#include "graph/op_defs.h"

/* ---- Nodes by name ---- */

/* A node, or an argument of a function. */
typedef struct sm_node_place {
  sm_string name;
  sm_string op;         /* "" for an argument */
  sm_span bytes;        /* NodeDef; of an argument nothing */
  size_t position;      /* in the file */
  int64_t n_outputs;    /* -1: nobody knows */
  const sm_op_def *def; /* NULL: nobody knows */
  sm_dtype dtype;       /* of an argument that is one tensor; SM_DT_INVALID: nobody knows */
} sm_node_place;

typedef struct sm_node_index {
  sm_node_place *nodes; /* sorted by name */
  size_t n;
  sm_string function; /* "": the graph itself */
} sm_node_index;

const sm_node_place *sm_node_index_find(const sm_node_index *index, sm_string name);

/* ---- One node ---- */

/*
 * Its attributes against the definition of its op: are all there, of the kinds, lengths and values that it allows?
 *
 * Errors: INVALID_ARGUMENT, in TensorFlow's words (core/framework/node_def_util.cc, ValidateNodeDef; op_def_util.cc,
 *   ValidateAttrValue); DATA_LOSS.
 */
sm_status sm_node_check_attrs(const sm_op_def *def, const sm_node_attrs *attrs, const sm_wire_source *source,
                              sm_error *err);

/* A type in the words of TensorFlow's C++: "float", "int32_ref". */
typedef struct sm_dtype_word {
  char text[32];
} sm_dtype_word;

sm_dtype_word sm_dtype_text(sm_dtype dtype);

/* May a tensor of that type be an input where another is expected? SM_DT_INVALID: nobody knows, so it may. */
bool sm_dtype_is_compatible(sm_dtype expected, sm_dtype actual);

/* ---- Cycles ---- */

typedef struct sm_node_edge {
  size_t from, to; /* by index */
} sm_node_edge;

/* *out is a node that waits for itself; SIZE_MAX: there is none. Memory from arena, which is left as it was. Errors:
 * RESOURCE_EXHAUSTED. */
sm_status sm_node_find_cycle(size_t *out, const sm_node_edge *edges, size_t n_edges, size_t n_nodes, sm_arena *arena,
                             sm_error *err);

/* ---- All ---- */

/* "node x of function f", without what is not there. */
typedef struct sm_graph_place {
  const char *kind; /* "node"; NULL: the graph as such */
  sm_string name, function;
} sm_graph_place;

typedef struct sm_graph_checker {
  const sm_wire_source *source;
  sm_arena *arena; /* of the index of nodes */
  sm_op_defs *ops;
  const sm_graph_library *library;
  bool by_definition; /* attributes and types of inputs, too */
  void (*tell)(void *ctx, sm_severity severity, const sm_graph_place *place, const char *what);
  sm_status (*visit)(void *ctx, const sm_node_place *node, sm_string function, sm_error *err); /* NULL: nothing */
  void *ctx;
} sm_graph_checker;

/*
 * Tells of all that is wrong in a GraphDef and its functions, and hands each node to visit, those of the graph first.
 *
 * nodes  of the graph itself; they lie in the arena.
 *
 * Errors: RESOURCE_EXHAUSTED; those of visit. Bytes that cannot be read are passed over: what can be is left.
 */
sm_status sm_graph_check_all(sm_node_index *nodes, const sm_graph_checker *checker, sm_spans graph_def, sm_error *err);

#endif
