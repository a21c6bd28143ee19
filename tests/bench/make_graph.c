/*
 * make_graph: writes a saved_model.pb with one meta graph of N nodes and nothing else, to see what grows with N.
 *
 *     bench_make_graph N FILE
 *
 * With N = 500000 the file is what graph500k of ../shared/bench/make_models.py writes through TensorFlow.
 */
#include <stdio.h>
#include <stdlib.h>

#include "support/wire_writer.h"

/* Fields: proto/saved_model.proto, meta_graph.proto, graph.proto, node_def.proto, attr_value.proto, tensor_shape.proto. */
enum { SCHEMA_VERSION = 1, META_GRAPH = 2, INFO = 1, INFO_TAG = 4, GRAPH = 2, GRAPH_NODE = 1, GRAPH_VERSIONS = 4 };
enum { NODE_NAME = 1, NODE_OP = 2, NODE_INPUT = 3, NODE_DEVICE = 4, NODE_ATTR = 5 };
enum {
  ATTR_LIST = 1,
  ATTR_TYPE = 6,
  ATTR_SHAPE = 7,
  LIST_SHAPE = 7,
  SHAPE_DIM = 2,
  DIM_SIZE = 1,
  PRODUCER = 1,
  FLOAT = 1
};

static void write_type(w_buffer *w, const char *key) {
  w_entry entry = w_begin_entry(w, NODE_ATTR, key);
  w_varint(w, ATTR_TYPE, FLOAT);
  w_end_entry(w, entry);
}

/* A shape of one unknown dimension. */
static void write_shape(w_buffer *w, uint32_t number) {
  size_t shape = w_begin(w, number), dim = w_begin(w, SHAPE_DIM);
  w_varint(w, DIM_SIZE, UINT64_MAX);
  w_end(w, dim);
  w_end(w, shape);
}

static void write_placeholder(w_buffer *w) {
  size_t node = w_begin(w, GRAPH_NODE);
  w_text(w, NODE_NAME, "x");
  w_text(w, NODE_OP, "Placeholder");
  write_type(w, "dtype");
  w_entry entry = w_begin_entry(w, NODE_ATTR, "shape");
  write_shape(w, ATTR_SHAPE);
  w_end_entry(w, entry);
  w_end(w, node);
}

static void write_add(w_buffer *w, const char *name, const char *input) {
  size_t node = w_begin(w, GRAPH_NODE);
  w_text(w, NODE_NAME, name);
  w_text(w, NODE_OP, "AddV2");
  w_text(w, NODE_INPUT, input);
  w_text(w, NODE_INPUT, "x");
  w_text(w, NODE_DEVICE, "/device:CPU:0");
  w_entry entry = w_begin_entry(w, NODE_ATTR, "_output_shapes");
  size_t list = w_begin(w, ATTR_LIST);
  write_shape(w, LIST_SHAPE);
  w_end(w, list);
  w_end_entry(w, entry);
  write_type(w, "T");
  w_end(w, node);
}

static void write_model(w_buffer *w, unsigned long n_nodes) {
  char name[96], input[96] = "x";
  w_varint(w, SCHEMA_VERSION, 1);
  size_t meta_graph = w_begin(w, META_GRAPH), info = w_begin(w, INFO);
  w_text(w, INFO_TAG, "serve");
  w_end(w, info);
  size_t graph = w_begin(w, GRAPH);
  write_placeholder(w);
  for (unsigned long i = 0; i < n_nodes; i++) {
    (void)snprintf(name, sizeof name, "encoder/layer_%lu/attention/output/add_%lu", i / 1000, i);
    write_add(w, name, input);
    (void)snprintf(input, sizeof input, "%s", name);
  }
  size_t versions = w_begin(w, GRAPH_VERSIONS);
  w_varint(w, PRODUCER, 1882);
  w_end(w, versions);
  w_end(w, graph);
  w_end(w, meta_graph);
}

int main(int argc, char **argv) {
  if (argc != 3) {
    fprintf(stderr, "usage: bench_make_graph N FILE\n");
    return 2;
  }
  w_buffer w = {0};
  write_model(&w, strtoul(argv[1], NULL, 10));
  FILE *file = fopen(argv[2], "wb");
  size_t written = file != NULL ? fwrite(w.data, 1, w.size, file) : 0;
  if (file == NULL || fclose(file) != 0 || written != w.size) {
    perror(argv[2]);
    return 1;
  }
  w_free(&w);
  return 0;
}
