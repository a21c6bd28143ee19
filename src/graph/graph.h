/*
 * graph: GraphDefs, read from their bytes. Knows nothing of files and of variables.
 *
 *   node.c      one NodeDef: its op, its attributes, the functions it names
 *   library.c   the functions of a graph, by name
 *   summary.c   ops, functions and number of nodes, in one walk
 *   regular.c   what is hashed of nodes and names: regular.h
 *   name_set.c  the set of names that the walk fills
 *   op_effects.c, node_effects.c, reach.c, saver_use.c, asset_use.c, graph_scan.c   what the nodes do: headers of
 *               their own
 *   prune.c, node_write.c, graph_variables.c, saver_graph.c, saver_keys.c   parts of graphs, new ones, and what
 *               restoring needs: headers of their own
 */
#ifndef SM_GRAPH_GRAPH_H
#define SM_GRAPH_GRAPH_H

#include <savedmodel/model.h>

#include "wire/wire.h"

/* ---- Nodes ---- */

/* Op of a NodeDef; "" when it has none. */
sm_status sm_node_get_op(sm_string *out, sm_span node, const sm_wire_source *source, sm_error *err);

/* The AttrValue of that name, the last if given twice; data NULL when there is none. */
sm_status sm_node_find_attr(sm_span *out, sm_span node, const char *name, const sm_wire_source *source, sm_error *err);

/* Name of the function an AttrValue holds; "" when it holds none. */
sm_status sm_attr_get_func_name(sm_string *out, sm_span attr, const sm_wire_source *source, sm_error *err);

/* fn for each function that an attribute of the node names, alone or in a list. */
typedef sm_status (*sm_func_fn)(void *ctx, sm_string name, sm_error *err);
sm_status sm_node_each_func(sm_span node, const sm_wire_source *source, sm_func_fn fn, void *ctx, sm_error *err);

/* The same, and for each function that is the value of an attribute of such a function, and so on: its body may call it.
 * Not deeper than SM_WIRE_MAX_DEPTH messages, which no protobuf runtime reads. */
sm_status sm_node_each_nested_func(sm_span node, const sm_wire_source *source, sm_func_fn fn, void *ctx, sm_error *err);

/* ---- Names of nodes and tensors ---- */

/* Words of letters, digits and "./_-", joined by '>'; each begins with a letter, a digit or '.', in graphs that TensorFlow
 * has made for itself the first one also with '_'. Source: IsValidNodeName in core/framework/node_def_util.cc. */
bool sm_node_is_name(sm_string name, bool is_internal);

/* "node", "node:1", "^node". False: no such thing. */
typedef struct sm_tensor_ref {
  sm_string node;
  uint64_t index;
  bool is_control;
  sm_string output; /* inside a function, "node:output:1": the argument that index counts in; else "" */
} sm_tensor_ref;

bool sm_tensor_ref_parse(sm_tensor_ref *out, sm_string text);

/* The same inside a function, where a node's output has a name before its number. */
bool sm_tensor_ref_parse_inside(sm_tensor_ref *out, sm_string text);

/* ---- Functions ---- */

typedef struct sm_graph_function {
  sm_string name; /* not terminated */
  sm_span def;    /* FunctionDef */
  size_t position;
} sm_graph_function;

typedef struct sm_graph_library {
  const sm_graph_function *functions; /* sorted by name, those of one name in file order */
  size_t n;
} sm_graph_library;

sm_status sm_graph_index_functions(sm_graph_library *out, sm_spans graph_def, const sm_wire_source *source,
                                   sm_arena *arena, sm_error *err);

/* The same, of FunctionDefLibraries that were found already. */
sm_status sm_graph_index_libraries(sm_graph_library *out, sm_spans libraries, const sm_wire_source *source,
                                   sm_arena *arena, sm_error *err);

/* Index of the last function of that name, as a map would keep it; SIZE_MAX. */
size_t sm_graph_find_function(const sm_graph_library *library, sm_string name);

/* Field number of the nodes in a FunctionDef (proto/function.proto). */
enum { SM_FUNCTION_NODE = 3 };

/* ---- The whole ---- */

/* One walk over a GraphDef, see sm_graph_summary. The result lies in arena; what the walk needs meanwhile does not. */
sm_status sm_graph_summarise(sm_graph_summary *out, sm_spans graph_def, const sm_wire_source *source, sm_arena *arena,
                             sm_error *err);

#endif
