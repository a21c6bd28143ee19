/*
 * Definitions of operations: arguments, attributes, defaults, flags.
 *
 *   op_table.c      those of TensorFlow 2.21, packed (op_table.inc, made by pack_op_defs.py)
 *   op_defs.c       definitions by name: a model's own, its functions, TensorFlow's
 *   node_args.c     what a NodeDef makes of its definition: how many inputs and outputs, of which types
 *
 * Format: proto/op_def.proto, proto/node_def.proto.
 */
#ifndef SM_GRAPH_OP_DEFS_H
#define SM_GRAPH_OP_DEFS_H

#include <savedmodel/pb/op_def.pb-c.h>

#include "graph/graph.h"

/* Definitions with more attributes, more bytes of them (defaults, allowed values), or more arguments that are lists, are
 * taken for unknown ones: each costs a step for each node. No operation of TensorFlow has as many; 812 bytes are the most. */
enum { SM_OP_MAX_ATTRS = 64, SM_OP_MAX_ATTRS_SIZE = 4096, SM_OP_MAX_LISTS = 16 };

enum { SM_NO_ATTR = SM_OP_MAX_ATTRS };

typedef struct sm_op_attr {
  sm_string name;
  const Tensorflow__OpDef__AttrDef *proto; /* type, minimum, allowed values */
  sm_span default_value; /* AttrValue, canonical bytes; data NULL: every node must have the attribute */
} sm_op_attr;

/* An input or output. Its type is proto->type, or what an attribute says; it is one tensor, or as many as an attribute
 * says. */
typedef struct sm_op_arg {
  sm_string name;
  const Tensorflow__OpDef__ArgDef *proto;
  uint8_t type_attr, number_attr, type_list_attr; /* indices of attributes; SM_NO_ATTR */
} sm_op_arg;

typedef struct sm_op_args {
  const sm_op_arg *items;
  size_t n;
  const size_t *lists; /* indices of those that are any number of tensors, ascending */
  size_t n_lists;
} sm_op_args;

typedef struct sm_op_def {
  sm_string name;
  const Tensorflow__OpDef *proto; /* flags, deprecation, control outputs */
  const sm_op_attr *attrs;
  size_t n_attrs;
  sm_op_args inputs, outputs;
} sm_op_def;

/* What is wrong with the bytes, not with the machine. */
static inline bool sm_graph_is_defect(sm_status status) { return status == SM_DATA_LOSS || status == SM_UNIMPLEMENTED; }

/* Index of the attribute of that name; SM_NO_ATTR. */
size_t sm_op_def_find_attr(const sm_op_def *def, sm_string name);

/* ---- Those of TensorFlow ---- */

/* Index among all operations, which are sorted by name; SIZE_MAX. */
size_t sm_op_table_find(sm_string op);
size_t sm_op_table_size(void);
sm_string sm_op_table_name(size_t i); /* not terminated */

/* Appends the OpDef message, byte for byte as TensorFlow's stripped_op_list_for_graph has it. */
sm_status sm_op_table_put(sm_buffer *out, size_t i, sm_error *err);

/* ---- By name ---- */

typedef struct sm_own_op sm_own_op;

/* Definitions that were asked for, kept. exclusive. */
typedef struct sm_op_defs {
  sm_arena arena;
  sm_own_op *own; /* of the model, sorted */
  size_t n_own;
  const sm_op_def **tensorflows; /* by index in the table; NULL: not asked for yet */
} sm_op_defs;

/* Knows the operations of TensorFlow. Allocates nothing. */
void sm_op_defs_init(sm_op_defs *defs, const sm_allocator *allocator, uint64_t max_bytes);
void sm_op_defs_free(sm_op_defs *defs);

/*
 * Adds what a model says itself, which comes before what TensorFlow says: OpLists (NULL: none), such as its
 * stripped_op_list, then functions (NULL: none), which come first of all. Once. Bytes and library are borrowed.
 *
 * Errors: RESOURCE_EXHAUSTED. What cannot be read stays unknown.
 */
sm_status sm_op_defs_add(sm_op_defs *defs, sm_spans op_lists, const sm_graph_library *library,
                         const sm_wire_source *source, sm_error *err);

/* *out is NULL when nobody knows the operation. It lives as long as defs. Errors: RESOURCE_EXHAUSTED. */
sm_status sm_op_defs_find(const sm_op_def **out, sm_op_defs *defs, sm_string op, sm_error *err);

/* ---- What a node makes of it ---- */

/* The AttrValue of each attribute of a definition: the node's, else the default; data NULL: neither. */
typedef struct sm_node_attrs {
  sm_span values[SM_OP_MAX_ATTRS];
  uint64_t is_given; /* bit i: the node's own */
} sm_node_attrs;

/* Errors: DATA_LOSS. */
sm_status sm_node_read_attrs(sm_node_attrs *out, const sm_op_def *def, sm_span node, const sm_wire_source *source,
                             sm_error *err);

/*
 * Number of tensors of all arguments, of the first n of them, or of one. -1: an attribute that counts is missing, a
 * placeholder, or absurd. Errors: DATA_LOSS.
 */
sm_status sm_args_count(int64_t *out, const sm_op_args *args, const sm_node_attrs *attrs, const sm_wire_source *source,
                        sm_error *err);
sm_status sm_args_count_before(int64_t *out, const sm_op_args *args, size_t n, const sm_node_attrs *attrs,
                               const sm_wire_source *source, sm_error *err);
sm_status sm_arg_count(int64_t *out, const sm_op_arg *arg, const sm_node_attrs *attrs, const sm_wire_source *source,
                       sm_error *err);

/* Are there references among them? Few operations have any, and of the others no node has to be looked at. */
bool sm_args_have_refs(const sm_op_args *args);

/* A tensor among those of all arguments: which argument it belongs to, and which of its tensors it is. */
typedef struct sm_arg_place {
  size_t arg;
  uint64_t index;
} sm_arg_place;

/* Where tensor `flat` belongs, "node:flat"; and back, "node:argument:index". False: there is no such tensor, or nobody
 * knows. Errors: DATA_LOSS. */
sm_status sm_args_place(bool *is_there, sm_arg_place *out, const sm_op_args *args, const sm_node_attrs *attrs,
                        uint64_t flat, const sm_wire_source *source, sm_error *err);
sm_status sm_args_flat(bool *is_there, uint64_t *out, const sm_op_args *args, const sm_node_attrs *attrs,
                       sm_string name, uint64_t index, const sm_wire_source *source, sm_error *err);

/* Type of one tensor of an argument, a reference type where the argument is one; SM_DT_INVALID: it cannot be told.
 * Errors: DATA_LOSS. */
sm_status sm_arg_dtype(sm_dtype *out, const sm_op_arg *arg, uint64_t index, const sm_node_attrs *attrs,
                       const sm_wire_source *source, sm_error *err);

/* Appends the types of the tensors of all arguments, an sm_dtype each, but not more than max. What cannot be told is
 * SM_DT_INVALID; the list ends before an argument of which nobody knows how many tensors it is. Errors: DATA_LOSS,
 * RESOURCE_EXHAUSTED. */
sm_status sm_args_dtypes(sm_buffer *out, const sm_op_args *args, const sm_node_attrs *attrs, size_t max,
                         const sm_wire_source *source, sm_error *err);

/* Outputs of a node, and the type of one of them. def NULL: an op that nobody knows. *out is -1, or SM_DT_INVALID, where it
 * cannot be told. Errors: DATA_LOSS. */
sm_status sm_node_count_outputs(int64_t *out, const sm_op_def *def, sm_span node, const sm_wire_source *source,
                                sm_error *err);
sm_status sm_node_find_output_dtype(sm_dtype *out, const sm_op_def *def, sm_span node, uint64_t index,
                                    const sm_wire_source *source, sm_error *err);

#endif
