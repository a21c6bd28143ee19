/* Inside resource_variables.c, resource_refs.c and resource_write.c. */
#ifndef SM_GRAPH_RESOURCE_INTERNAL_H
#define SM_GRAPH_RESOURCE_INTERNAL_H

#include "graph/resource_variables.h"

/* What becomes of a node. */
typedef enum sm_resource_kind {
  SM_RESOURCE_NOTHING,  /* its op stays; values that it reads through references come from elsewhere */
  SM_RESOURCE_VARIABLE, /* VarHandleOp */
  SM_RESOURCE_READ,     /* Identity of a reference: ReadVariableOp */
  SM_RESOURCE_PASS,     /* hands a handle on */
  SM_RESOURCE_WRITE     /* takes a handle, and returns nothing or a value */
} sm_resource_kind;

typedef struct sm_resource_node {
  sm_string name;
  sm_span bytes;
  const sm_op_def *def; /* NULL: nobody knows its op */
  sm_resource_kind kind;
  const sm_op_def *new_def;
  /* The variable that its outputs refer to, as far as they are references; NULL: none. */
  const struct sm_resource_node *variable;
  bool was_traced;
  sm_string handle; /* WRITE: what it got, behind all writes before it; "": not looked for yet */
  sm_string value;  /* tensor with the value behind it, that was made for who is no node; data NULL: none was */
} sm_resource_node;

typedef struct sm_resource_work {
  sm_resource_node *nodes; /* sorted by name */
  size_t n_nodes;
  sm_op_defs *defs;
  const sm_wire_source *source;
  sm_arena *arena;
  sm_buffer reads;                  /* NodeDefs that are added, as fields of a GraphDef */
  sm_buffer controls;               /* inputs that a node gets besides */
  sm_buffer waits;                  /* control inputs of the node that is read for */
  const sm_resource_node *waits_of; /* that node; NULL */
  const sm_resource_node *attrs_of; /* whose attributes were read last; NULL */
  sm_node_attrs attrs;
} sm_resource_work;

/* A tensor that refers to a variable. */
typedef struct sm_resource_ref {
  const sm_resource_node *variable; /* NULL: it is no reference */
  sm_string handle;                 /* tensor: the variable, or of a node that hands it on */
  sm_string after;                  /* node that wrote to it; "": none */
} sm_resource_ref;

sm_status sm_resource_find_ref(sm_resource_ref *out, sm_resource_work *work, sm_string tensor, sm_error *err);

sm_resource_node *sm_resource_find_node(const sm_resource_work *work, sm_string name);

/* Does data input number i of a node take a reference? */
sm_status sm_resource_takes_ref(bool *out, sm_resource_work *work, const sm_resource_node *node, size_t i,
                                sm_error *err);

/* Appends the graph, when it is decided what becomes of its nodes. */
sm_status sm_resource_write(sm_buffer *out, sm_spans graph_def, sm_resource_work *work, sm_error *err);

/* Adds a node that reads a variable, for a tensor that is no input. */
sm_status sm_resource_read_for(sm_string *out, sm_resource_work *work, sm_resource_node *node,
                               const sm_resource_ref *ref, sm_error *err);

#endif
