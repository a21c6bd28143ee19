/*
 * A part of a GraphDef made into a FunctionDef: what leads from some tensors, which become arguments, to others, which
 * become results.
 *
 *   cut_function.c  which nodes belong to it; arguments and results
 *   cut_branches.c  which of them may not run
 *   cut_write.c     its bytes: references as functions have them, control outputs
 *   function_type.c arguments and results of a FunctionDef, and whether they are what its user takes them for
 *   call_order.c    functions that call each other
 *
 * Format: proto/function.proto. TensorFlow's own: GraphToFunctionDef in core/framework/graph_to_functiondef.cc.
 */
#ifndef SM_GRAPH_CUT_FUNCTION_H
#define SM_GRAPH_CUT_FUNCTION_H

#include "graph/op_defs.h"

/* ---- Arguments and results ---- */

typedef struct sm_function_arg {
  sm_string name;
  sm_dtype dtype; /* SM_DT_INVALID: it depends on attributes, or is a list */
} sm_function_arg;

typedef struct sm_function_type {
  sm_string name;
  const sm_function_arg *inputs, *outputs;
  size_t n_inputs, n_outputs;
  bool is_stateful;
} sm_function_type;

/* Borrows from the FunctionDef; the lists lie in arena. Errors: DATA_LOSS, RESOURCE_EXHAUSTED. */
sm_status sm_function_read_type(sm_function_type *out, sm_span function_def, const sm_wire_source *source,
                                sm_arena *arena, sm_error *err);

/* What a user of a function hands in and takes out. SM_DT_INVALID: it is not known. */
typedef struct sm_function_use {
  const sm_dtype *inputs; /* explicit ones */
  size_t n_inputs;
  const sm_dtype *captures; /* behind them */
  size_t n_captures;
  const sm_dtype *outputs;
  size_t n_outputs;
} sm_function_use;

/* Errors: INVALID_ARGUMENT other numbers of arguments or results, or other types, with the function's name. */
sm_status sm_function_check_use(const sm_function_type *type, const sm_function_use *use, sm_error *err);

/*
 * Can these functions, and all that they call, be called? *called, in arena: the indices in library of all of them, each
 * once, ascending.
 *
 * Errors: NOT_FOUND one is not there, with who calls it; INVALID_ARGUMENT one calls itself, perhaps through others, which
 *   TensorFlow cannot do; DATA_LOSS, RESOURCE_EXHAUSTED.
 */
sm_status sm_functions_check_calls(const size_t **called, size_t *n_called, const sm_string *functions,
                                   size_t n_functions, const sm_graph_library *library, const sm_wire_source *source,
                                   sm_arena *arena, sm_error *err);

/* ---- Cutting ---- */

/* A graph from which functions are cut. exclusive. */
typedef struct sm_cut_graph {
  struct sm_cut_node *nodes; /* sorted by name */
  size_t n_nodes;
  const sm_graph_library *library;
  sm_op_defs *defs;
  const sm_wire_source *source;
  sm_arena *arena;
} sm_cut_graph;

/*
 * defs   know the functions of library, which are those of graph_def (sm_op_defs_add). All of it is borrowed.
 * arena  for what is made of the graph and of functions.
 *
 * Errors: INVALID_ARGUMENT two nodes of one name; DATA_LOSS, RESOURCE_EXHAUSTED.
 */
sm_status sm_cut_graph_init(sm_cut_graph *out, sm_spans graph_def, const sm_graph_library *library, sm_op_defs *defs,
                            const sm_wire_source *source, sm_arena *arena, sm_error *err);

/* An argument or a result. */
typedef struct sm_cut_arg {
  sm_string name;   /* "": that of the node. It becomes [a-z][a-z0-9_]*, with a number where it is taken */
  sm_string tensor; /* "x:0", or "x" for its first output */
  sm_dtype dtype;   /* that it has to have; SM_DT_INVALID: any */
} sm_cut_arg;

typedef struct sm_cut_spec {
  sm_string name;
  const sm_cut_arg *inputs; /* here the cut stops; all become arguments, needed or not */
  size_t n_inputs;
  const sm_cut_arg *captures; /* here, too; those that are needed become arguments behind the inputs */
  size_t n_captures;
  const sm_cut_arg *outputs;
  size_t n_outputs;
  const sm_string *controls; /* nodes that have to run whether an output needs them or not: "init", "^init" */
  size_t n_controls;
} sm_cut_spec;

typedef struct sm_cut {
  sm_string function_def; /* serialised; in the graph's arena, like the rest */
  sm_function_type type;  /* names as they became */
  const size_t *captures; /* those that are needed, by index in the spec, ascending */
  size_t n_captures;
  const sm_string *called; /* functions that its nodes name, each once, sorted; these call others */
  size_t n_called;
} sm_cut;

/*
 * Nodes keep their names (but where an argument has it), devices and attributes; colocations stay with nodes that are in the
 * function. All of its stateful nodes become control outputs, without which tf.saved_model.load leaves them out; but of those
 * behind a Switch or in a loop of TensorFlow 1 only the ones that controls names: they run when the outputs need them. Control
 * inputs stay, but those from captures and from Placeholders that are inputs.
 *
 * Errors: NOT_FOUND a tensor or node that is not in the graph. INVALID_ARGUMENT, with the name of the function: a
 *   Placeholder is reached that is no input, or a variable that is no capture; a tensor is two inputs or captures; a dtype
 *   is not what the spec says; an argument or result is a reference; an op has no definition. Those of
 *   sm_functions_check_calls.
 */
sm_status sm_cut_function(sm_cut *out, sm_cut_graph *graph, const sm_cut_spec *spec, sm_error *err);

#endif
