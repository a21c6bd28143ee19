/*
 * graph, changing GraphDefs: from bytes to bytes. What nobody touches is written as it was.
 *
 *   rewrite.c        walks the nodes of a graph and of its functions, and puts together what is made of them
 *   default_attrs.c  attributes that say what goes without saying: left out, put back
 *   devices.c        where nodes are placed
 *   strip_debug.c    nodes that only watch
 *   op_list.c        the definitions of the operations a graph uses
 */
#ifndef SM_GRAPH_GRAPH_EDIT_H
#define SM_GRAPH_GRAPH_EDIT_H

#include "graph/op_defs.h"

/* ---- Any change of nodes ---- */

/* Appends the fields of what becomes of node; or sets *is_same, and appends what it likes: it will be dropped. */
typedef sm_status (*sm_node_rewrite_fn)(bool *is_same, sm_buffer *out, void *ctx, sm_span node, sm_error *err);

/*
 * Appends a GraphDef with each node as fn makes it, in its place.
 *
 * in_functions  the nodes of functions, too.
 *
 * Errors: DATA_LOSS, RESOURCE_EXHAUSTED, those of fn. Memory: that of the result.
 */
sm_status sm_graph_rewrite(sm_buffer *out, sm_spans graph_def, bool in_functions, sm_node_rewrite_fn fn, void *ctx,
                           const sm_wire_source *source, sm_error *err);

/* ---- Attributes at their defaults ---- */

/*
 * Appends the GraphDef without attributes that say what the definition of their op says; or with all of those again. In
 * functions, too. Ops that nobody knows are left alone, and nodes that call a function of library by name.
 *
 * As TensorFlow: meta_graph.strip_graph_default_valued_attrs; importer._SetDefaultAttrValues (Python).
 * Errors: DATA_LOSS, RESOURCE_EXHAUSTED.
 */
sm_status sm_default_attrs_strip(sm_buffer *out, sm_spans graph_def, sm_op_defs *defs, const sm_graph_library *library,
                                 const sm_wire_source *source, sm_error *err);
sm_status sm_default_attrs_restore(sm_buffer *out, sm_spans graph_def, sm_op_defs *defs,
                                   const sm_graph_library *library, const sm_wire_source *source, sm_error *err);

/* ---- Devices ---- */

/* Appends the GraphDef with nodes that may be placed anywhere. As TensorFlow's clear_devices, which leaves functions alone.
 * Errors: DATA_LOSS, RESOURCE_EXHAUSTED. */
sm_status sm_devices_clear(sm_buffer *out, sm_spans graph_def, bool in_functions, const sm_wire_source *source,
                           sm_error *err);

/* The devices of all nodes, those of functions included, each once and sorted; "" is none of them. Copied to arena. Errors:
 * DATA_LOSS, RESOURCE_EXHAUSTED. */
sm_status sm_devices_list(const sm_string **out, size_t *n, sm_spans graph_def, const sm_graph_library *library,
                          const sm_wire_source *source, sm_arena *arena, sm_error *err);

/* ---- Nodes that only watch ---- */

/*
 * Appends the GraphDef with its debug nodes made into such that do nothing, in functions, too: Assert and PrintV2 become
 * NoOps that wait for what they looked at, CheckNumerics and Print hand their first input on. Their names stay, so whatever
 * names them is right still.
 *
 * As TensorFlow: SaveOptions.experimental_debug_stripper. Errors: DATA_LOSS, RESOURCE_EXHAUSTED.
 */
sm_status sm_debug_ops_strip(sm_buffer *out, sm_spans graph_def, const sm_wire_source *source, sm_error *err);

/* ---- Definitions of what is used ---- */

/*
 * Appends the OpList of ops, sorted by name: TensorFlow's definitions, or those of own_lists (OpLists) for ops that it does
 * not have. What nobody knows, such as functions, is left out. As meta_graph.stripped_op_list_for_graph (Python), with the
 * ops of sm_graph_summary.
 *
 * Errors: DATA_LOSS own_lists is damaged; RESOURCE_EXHAUSTED.
 */
sm_status sm_op_list_put(sm_buffer *out, const sm_string *ops, size_t n_ops, sm_spans own_lists,
                         const sm_wire_source *source, sm_error *err);

#endif
