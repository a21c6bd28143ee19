/* Inside cut_graph.c, cut_function.c, cut_branches.c and cut_write.c: a function that is being cut. */
#ifndef SM_GRAPH_CUT_INTERNAL_H
#define SM_GRAPH_CUT_INTERNAL_H

#include "graph/cut_function.h"
#include "graph/name_index.h"

/* A node of the graph. What is said of its place in a function is of the function that is being cut. */
typedef struct sm_cut_node {
  sm_string name;
  sm_span bytes;
  size_t position;      /* in the file */
  const sm_op_def *def; /* NULL: not looked for yet */
  sm_node_attrs *attrs; /* NULL: not read yet */
  int64_t n_outputs;    /* when attrs are read; -1: nobody knows */
  bool is_placeholder, is_variable;
  bool is_inside;
  size_t place;        /* in the body */
  bool is_conditional; /* it may not run */
  bool is_control;     /* the spec wants it to */
  size_t first_place;  /* of the arguments that it makes, in sm_cut_work; SIZE_MAX: none */
  sm_string new_name;  /* data NULL: it keeps its own */
} sm_cut_node;

/* A tensor of the graph that is an argument. */
typedef struct sm_cut_place {
  sm_cut_node *node;
  uint64_t index; /* of the node's output */
  size_t next;    /* argument of the same node; SIZE_MAX */
  bool is_input, is_needed;
  sm_function_arg arg; /* as it becomes */
} sm_cut_place;

typedef struct sm_cut_work {
  sm_cut_graph *graph;
  sm_arena scratch; /* of what is not handed out */
  const sm_cut_spec *spec;
  sm_cut_place *places; /* inputs, then captures */
  size_t n_places;
  sm_function_arg *outputs;
  sm_cut_node **body; /* of the function, in the order of the graph */
  size_t n_body;
  sm_name_index names;  /* of arguments and results */
  uint64_t last_number; /* at the end of a name that was made */
} sm_cut_work;

/* The message begins with the name of the function. */
__attribute__((format(printf, 4, 5))) sm_status sm_cut_fail(const sm_cut_work *work, sm_error *err, sm_status code,
                                                            const char *format, ...);

/* NULL: there is none of that name. */
sm_cut_node *sm_cut_find_node(const sm_cut_graph *graph, sm_string name);

/* Fills in def. Errors: INVALID_ARGUMENT its op has no definition. */
sm_status sm_cut_define(sm_cut_work *work, sm_cut_node *node, sm_error *err);

/* Fills in def, attrs and n_outputs. Errors: as above. */
sm_status sm_cut_read_attrs(sm_cut_work *work, sm_cut_node *node, sm_error *err);

/* The argument that a tensor is; NULL: it is made inside. */
sm_cut_place *sm_cut_find_place(const sm_cut_work *work, const sm_cut_node *node, uint64_t index);

/* Does a control input from that node become one of the function's? Arguments are there before it begins. */
bool sm_cut_keeps_control(const sm_cut_work *work, const sm_cut_node *node);

/* Which argument of its op an output belongs to. Errors: INVALID_ARGUMENT it has no such output. */
sm_status sm_cut_find_output(sm_arg_place *out, sm_cut_work *work, sm_cut_node *node, uint64_t index, sm_error *err);

/* Says of the nodes of the body which may not run. */
sm_status sm_cut_find_branches(sm_cut_work *work, sm_error *err);

/* Appends the FunctionDef, when all but its bytes is decided. */
sm_status sm_cut_write(sm_buffer *out, sm_cut_work *work, sm_error *err);

#endif
