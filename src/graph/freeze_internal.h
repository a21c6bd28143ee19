/* Inside freeze.c, freeze_calls.c, freeze_scope.c, freeze_node.c and freeze_write.c. */
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
  SM_FREEZE_TRUE,  /* "is it initialized?" */
  SM_FREEZE_NO_OP, /* is about the handle, and has no outputs */
  SM_FREEZE_CALL   /* hands its inputs to functions, or on: of other types now */
} sm_freeze_kind;

/* ---- Operations with lists of inputs ---- */

enum { SM_FREEZE_MAX_LISTS = 4, SM_FREEZE_MAX_FUNCTIONS = 2 };

typedef struct sm_freeze_list {
  const char *types;                              /* attribute: of the inputs */
  const char *functions[SM_FREEZE_MAX_FUNCTIONS]; /* attributes: they are the last arguments of these */
} sm_freeze_list;

typedef struct sm_freeze_call {
  const char *op;  /* NULL: the function itself, which is an op */
  size_t n_before; /* inputs in front of the lists, such as a condition */
  sm_freeze_list lists[SM_FREEZE_MAX_LISTS];
  const char *outputs; /* attribute: types of the outputs; NULL: these have nothing to do with the inputs */
  bool returns_inputs; /* outputs are of the types of the inputs; else what the functions return */
} sm_freeze_call;

/* A function that a node calls. Of the node's inputs, counted behind n_before, first .. first + n are its last arguments. */
typedef struct sm_freeze_callee {
  struct sm_freeze_scope *scope;
  size_t first, n;
  bool returns; /* its results are the node's outputs */
} sm_freeze_callee;

/* ---- Nodes and functions ---- */

/* Where an input comes from: a node of the same graph, an argument of the function, or neither. */
typedef struct sm_freeze_input {
  size_t at;       /* which one; SIZE_MAX: a control input, or it is not there */
  uint64_t output; /* of the node */
  bool is_argument;
} sm_freeze_input;

typedef struct sm_freeze_node {
  sm_string name;
  sm_span bytes;
  sm_string op;
  sm_freeze_kind kind;
  size_t variable;   /* CONST: by number in the spec */
  sm_dtype dtype;    /* of the value that its outputs, or what it reads, now are; SM_DT_INVALID */
  bool is_reference; /* its output was one, of TensorFlow 1 */
  bool has_branches; /* PASS: several outputs, all of them handles */
  const sm_freeze_input *inputs;
  size_t n_inputs;
  const sm_freeze_call *call; /* NULL: it has no such lists */
  const sm_freeze_callee *callees;
  size_t n_callees;
  sm_dtype *types; /* CALL: new ones of the inputs in lists, SM_DT_INVALID where nothing changes; NULL: nothing does */
  size_t n_types;
  const sm_dtype *results; /* CALL: new types of the outputs, likewise */
  size_t n_results;
} sm_freeze_node;

/* An argument or a result of a function, by its name. */
typedef struct sm_freeze_arg {
  sm_string name;
  size_t at;
} sm_freeze_arg;

/* The graph, or a function. */
typedef struct sm_freeze_scope {
  sm_string name;           /* of the function; "": the graph */
  sm_span bytes;            /* FunctionDef */
  sm_function_type type;    /* of a function */
  sm_freeze_arg *arg_names; /* type.n_inputs of them, sorted */
  sm_freeze_arg *result_names;
  sm_dtype *args; /* new types; SM_DT_INVALID where nothing changes */
  sm_dtype *results;
  sm_freeze_node *nodes; /* sorted by name; NULL: not looked at yet */
  size_t n_nodes;
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

static inline bool sm_freeze_is_op(sm_string op, const char *name) { return sm_string_equal(op, sm_string_of(name)); }

/* Ops on references to variables begin with it, and go on with the name of the op on values. */
static inline bool sm_freeze_is_ref_op(sm_string op) { return op.size > 3 && memcmp(op.data, "Ref", 3) == 0; }

/* UNIMPLEMENTED, with the names of node and function. */
static inline sm_status sm_freeze_fail(const sm_freeze_scope *scope, const sm_freeze_node *node, const char *what,
                                       sm_error *err) {
  return SM_FAIL(err, SM_UNIMPLEMENTED, "node %.*s%s%.*s: %s", SM_SHOWN(node->name),
                 scope->name.size != 0 ? " of function " : "", SM_SHOWN(scope->name), what);
}

/* ---- freeze_scope.c ---- */

sm_status sm_freeze_open_function(sm_freeze_work *work, size_t function, sm_error *err);

/* Its nodes, where their inputs come from, and whom they call. */
sm_status sm_freeze_open_nodes(sm_freeze_work *work, sm_freeze_scope *scope, sm_error *err);

sm_freeze_node *sm_freeze_find_node(const sm_freeze_scope *scope, sm_string name);

/* The number of the function's result of that name; SIZE_MAX. */
size_t sm_freeze_find_result(const sm_freeze_scope *scope, sm_string name);

/* Where a tensor comes from, named as in the scope. */
sm_freeze_input sm_freeze_find_input(const sm_freeze_scope *scope, sm_string tensor);

/* ---- freeze_calls.c ---- */

/* Fills in call, callees and n_types. Errors: UNIMPLEMENTED an absent function. */
sm_status sm_freeze_find_calls(sm_freeze_node *node, sm_freeze_work *work, const sm_freeze_scope *scope, sm_error *err);

/* The list that an attribute has the types of; NULL: none. *first: where it begins among the inputs behind n_before. */
sm_status sm_freeze_find_list(const sm_freeze_list **out, size_t *first, const sm_freeze_node *node, sm_string attr,
                              const sm_wire_source *source, sm_error *err);

/* Do those who call a function agree about what it gets and returns, and do they all know what it gets? */
sm_status sm_freeze_check_calls(sm_freeze_work *work, const sm_freeze_scope *scope, sm_error *err);

/* ---- freeze_node.c, freeze_write.c ---- */

/* Appends a field with the node as it is now, and what it needs beside it; number: of the field. */
sm_status sm_freeze_put_node(sm_buffer *out, const sm_freeze_work *work, const sm_freeze_scope *scope,
                             const sm_freeze_node *node, uint32_t number, sm_error *err);

/* Appends a field with the name of a tensor, whose output may have got another name. */
sm_status sm_freeze_put_tensor(sm_buffer *out, uint32_t number, const sm_freeze_scope *scope, sm_string tensor,
                               sm_error *err);

sm_status sm_freeze_write(sm_buffer *out, const sm_freeze_work *work, sm_error *err);

#endif
