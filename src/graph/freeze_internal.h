/* Inside freeze.c and freeze_write.c. */
#ifndef SM_GRAPH_FREEZE_INTERNAL_H
#define SM_GRAPH_FREEZE_INTERNAL_H

#include "graph/cut_function.h"
#include "graph/freeze.h"

/* What becomes of a node. */
typedef enum sm_freeze_kind {
  SM_FREEZE_NOTHING, /* it stays */
  SM_FREEZE_CONST,   /* a variable: its value */
  SM_FREEZE_READ,    /* Identity */
  SM_FREEZE_PASS,    /* hands the handle on: of another type now */
  SM_FREEZE_GATHER,
  SM_FREEZE_GATHER_ND,
  SM_FREEZE_SHAPE,
  SM_FREEZE_CALL
} sm_freeze_kind;

/* Operations that call functions with their inputs. */
typedef struct sm_freeze_call {
  const char *op;
  size_t n_before;          /* inputs that are not for the function, such as a condition */
  const char *functions[2]; /* attributes */
  const char *inputs;       /* attribute with the types of the inputs behind those */
  const char *outputs;      /* of the outputs */
  bool is_loop;             /* results are arguments of the next round */
} sm_freeze_call;

typedef struct sm_freeze_node {
  sm_string name;
  sm_span bytes;
  sm_freeze_kind kind;
  size_t variable;   /* CONST: by number in the spec */
  sm_dtype dtype;    /* of the value that its outputs, or what it reads, now are; SM_DT_INVALID */
  bool is_reference; /* its output was one, of TensorFlow 1 */
  const sm_freeze_call *call;
  sm_dtype *inputs; /* CALL: new types, SM_DT_INVALID where nothing changes; behind n_before */
  const sm_dtype *outputs;
  size_t n_inputs, n_outputs;
} sm_freeze_node;

/* The graph, or a function. */
typedef struct sm_freeze_scope {
  sm_function_type type; /* of a function */
  sm_span bytes;         /* FunctionDef */
  sm_dtype *args;        /* new types; SM_DT_INVALID where nothing changes */
  sm_dtype *results;
  sm_freeze_node *nodes; /* sorted by name; NULL: not looked at yet */
  size_t n_nodes;
  sm_string name; /* of the function; "": the graph */
  bool is_waiting, was_visited;
} sm_freeze_scope;

typedef struct sm_freeze_work {
  sm_spans graph_def;
  const sm_graph_library *library;
  sm_op_defs *defs;
  const sm_freeze_spec *spec;
  const sm_wire_source *source;
  sm_arena *arena;
  sm_freeze_scope *scopes; /* by index in the library; the graph is the last */
  size_t *waiting, n_waiting;
} sm_freeze_work;

sm_freeze_node *sm_freeze_find_node(const sm_freeze_scope *scope, sm_string name);

sm_status sm_freeze_write(sm_buffer *out, const sm_freeze_work *work, sm_error *err);

#endif
