/*
 * A V1 model that gets an object graph. Inside builder/:
 *
 *   to_v2.c            all of it: checks, the order, what is put into the meta graph and into the checkpoint
 *   to_v2_graph.c      reference variables become resources
 *   to_v2_variables.c  objects for variables
 *   to_v2_names.c      what they are called, and where they lie
 *   to_v2_tables.c     objects for assets and tables, and the functions that make and fill those
 *   to_v2_init.c       what the init op does besides
 *   to_v2_functions.c  functions for signatures
 *
 * The objects are those of savedmodel/object_graph.h, numbered and written as if a program had added them.
 */
#ifndef SM_BUILDER_TO_V2_H
#define SM_BUILDER_TO_V2_H

#include "builder/built_objects.h"
#include "builder/edit_internal.h"
#include "graph/freeze.h"
#include "graph/reach.h"

/* Something of the graph that becomes an object below the root. */
typedef struct sm_converted {
  sm_string node;  /* VarHandleOp, or the op of a table */
  sm_string name;  /* of the object: nested at '/' */
  bool is_escaped; /* parts of the name are, as in keys of object graphs: "a.Sb" is "a/b" */
  sm_string key;   /* variable: in the checkpoint; data NULL: the init op gives it its value */
  sm_string slice; /* "4 2 0,2:-", the part of that tensor; "": all of it */
  size_t position; /* in the collection of variables; SIZE_MAX */
  bool is_trainable;
  uint64_t synchronization, aggregation;
  int32_t object;
} sm_converted;

typedef struct sm_conversion {
  sm_builder *builder;
  sm_objects_options options;
  sm_edit edit;
  const sm_wire_source *source;
  sm_arena *arena;                /* the builder's */
  const sm_bundle_reader *reader; /* NULL: there are no variables */
  sm_object_graph *objects;
  sm_op_defs defs;
  /* of the graph, when variables are resources */
  sm_spans graph_def;
  sm_graph_library library;
  size_t n_functions; /* of the model; the objects know them, too, and those that are made behind them */
  sm_reach reach;     /* marked is what the init op leads to */
  sm_cut_graph cut;
  sm_converted *variables; /* in the order of their objects */
  size_t n_variables;
  sm_converted *tables;
  size_t n_tables;
  /* Tensors that functions capture; -1: a variable that nothing gives a value. */
  sm_cut_arg *captures;
  int32_t *captured;
  size_t n_captures;
  sm_built_wrappers signatures;
} sm_conversion;

/* Marks of what the init op leads to, and the saver's restore op. */
enum { SM_OF_INIT = 1, SM_OF_RESTORE = 2 };

/* to_v2_graph.c: the meta graph with resources for variables. Nothing happens to one without reference variables. */
sm_status sm_convert_references(sm_conversion *c, sm_error *err);

/* to_v2_variables.c */
sm_status sm_convert_variables(sm_conversion *c, sm_error *err);

/* to_v2_names.c */

/* Objects that hold others, by the names of what they hold up to there ("a/b" of "a/b/c"). */
typedef struct sm_convert_names {
  sm_name_index names;
  int32_t *objects;
  size_t capacity;
  const sm_string *leaves; /* sorted: names of what holds nothing */
  size_t n_leaves;
} sm_convert_names;

/* Of variables and tables that were found. */
sm_status sm_convert_names_init(sm_convert_names *out, const sm_conversion *c, sm_error *err);
void sm_convert_names_free(sm_convert_names *names, const sm_conversion *c);

/* The name of a variable's object: that of its node; but models that had an object graph before get the same again, for their
 * keys are the paths in it. */
void sm_convert_find_name(sm_converted *variable);

/* Where an object lies: its name is nested at each '/', but not into what holds nothing. */
sm_status sm_convert_find_place(int32_t *parent, const char **name, sm_convert_names *names, sm_conversion *c,
                                const sm_converted *of, sm_error *err);

/* to_v2_tables.c: objects for tables are made before those for variables, which share names with them */
sm_status sm_convert_find_files_and_tables(sm_conversion *c, sm_error *err);
sm_status sm_convert_assets(sm_conversion *c, sm_error *err);
sm_status sm_convert_tables(sm_conversion *c, sm_error *err);
bool sm_convert_is_table(sm_string op);
bool sm_convert_fills_table(sm_string op);

/* An object below the root, under that name or, where the root has one of it, with '_' behind it. */
sm_status sm_convert_add_child(int32_t *out, sm_conversion *c, const char *name, sm_built_kind kind, sm_error *err);

/* to_v2_init.c */
sm_status sm_convert_init_op(sm_conversion *c, sm_error *err);

/* to_v2_functions.c */
sm_status sm_convert_signatures(sm_conversion *c, sm_error *err);

/* A function that is cut out of the graph. out has the structures, which are not copied; stem: of its name. */
sm_status sm_convert_cut(sm_built_function *out, sm_conversion *c, const char *stem, sm_cut_spec *spec, sm_error *err);

/* One more tensor that functions capture. */
void sm_convert_capture(sm_conversion *c, sm_string tensor, int32_t object);

#endif
