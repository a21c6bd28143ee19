/* Meta graphs in a few words, for tests of what is in them. */
#ifndef SM_TESTS_SUPPORT_GRAPH_SPEC_H
#define SM_TESTS_SUPPORT_GRAPH_SPEC_H

#include "support/wire_writer.h"

/*
 * A node:
 *   "name=Op(input, input)"
 *   "name=Op(inputs) g"        with attribute f, the function g; "g>h": which has an attribute that is the function h
 *   "name=Op(inputs) #7"       with attribute dtype, the DataType of that number
 *   "name='text'"              a constant
 */

typedef struct function_spec {
  const char *name, *arguments; /* "a b", a list as "b*"; NULL: none */
  const char *nodes[8];
} function_spec;

typedef struct graph_spec {
  const char *nodes[12];
  function_spec functions[3];
  const char *signatures[3];       /* "key=tensor": with that output; "key<tensor": with that input */
  const char *saver[3];            /* filename, save tensor, restore op */
  const char *object_functions[2]; /* "g 0 2": bound to objects 0 and 2 */
  const char *main_op;
  const char *assets[2]; /* "tensor=filename" */
  const char
      *objects[4];      /* "asset 1", or another kind by its field number, "7"; "asset 1 7" is both; behind it ">2" for
                             one that it depends on, "~1:2" for slot variable 2 of variable 1, "=g" for its function */
  const char *gradient; /* a function that is registered as one */
} graph_spec;

/* Field numbers of what is written: proto/graph.proto, function.proto. */
enum { SPEC_NODE = 1, SPEC_FUNCTION_NODE = 3 };

/* Adds a meta graph to a SavedModel. */
void put_meta_graph(w_buffer *w, const graph_spec *spec);

/* The beginning of a node, without attributes, to be ended with w_end; and parts of one. */
size_t begin_node(w_buffer *w, uint32_t number, const char *text);
void put_node(w_buffer *w, uint32_t number, const char *text);
void put_attr_text(w_buffer *w, const char *key, const char *text);

#endif
