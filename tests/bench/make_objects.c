/*
 * make_objects: writes V2 models that are object graphs and checkpoints, without functions.
 *
 *     bench_make_objects bert DIR       the variables of BERT-base: 199 of 438 MB
 *     bench_make_objects nodes N DIR    N objects, four of five of them variables of one number
 *
 * Names and shapes are those of google-research/bert, uncased_L-12_H-768_A-12; values are zeros.
 */
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include <savedmodel/checkpoint.h>
#include <savedmodel/model.h>

#include "bench/bench.h"
#include "support/wire_writer.h"

/* Fields: proto/saved_model.proto, meta_graph.proto, saved_object_graph.proto, trackable_object_graph.proto, tensor_shape.proto. */
enum { SCHEMA_VERSION = 1, META_GRAPH = 2, INFO = 1, INFO_TAG = 4, OBJECT_GRAPH = 7, GRAPH_NODE = 1 };
enum { NODE_CHILD = 1, NODE_USER_OBJECT = 4, NODE_VARIABLE = 7, CHILD_ID = 1, CHILD_NAME = 2, IDENTIFIER = 1 };
enum { VARIABLE_DTYPE = 1, VARIABLE_SHAPE = 2, VARIABLE_TRAINABLE = 3, VARIABLE_NAME = 6, SHAPE_DIM = 2, DIM_SIZE = 1 };

enum { VOCABULARY = 30522, WIDTH = 768, INNER = 3072, POSITIONS = 512, DEPTH = 12, N_BLOCKS = 100 };

static sm_error error;

static void check(sm_status status) { bench_check("make_objects", status, &error); }

/* Zeros for the largest of them. */
static const float *zeros;

typedef struct object {
  char name[32];
  size_t next, first_child, last_child; /* 0: none */
  int32_t node;                         /* in the checkpoint's tree */
  bool is_variable;
  int64_t dims[2];
  sm_binding binding;
} object;

/* Objects are never moved: the tree borrows their bindings. */
typedef struct maker {
  object *objects;
  size_t n, capacity;
  sm_checkpoint *tree;
} maker;

static object *add(maker *m, object *parent, const char *name) {
  if (m->n == m->capacity) {
    fprintf(stderr, "make_objects: more objects than were announced\n");
    exit(1);
  }
  object *made = &m->objects[m->n++];
  size_t id = (size_t)(made - m->objects);
  (void)snprintf(made->name, sizeof made->name, "%s", name);
  if (parent->last_child != 0)
    m->objects[parent->last_child].next = id;
  else
    parent->first_child = id;
  parent->last_child = id;
  check(sm_checkpoint_add(&made->node, m->tree, parent->node, name, &error));
  return made;
}

static void add_variable(maker *m, object *parent, const char *name, int64_t rows, int64_t columns) {
  object *made = add(m, parent, name);
  made->is_variable = true;
  made->dims[0] = rows;
  made->dims[1] = columns;
  made->binding =
      (sm_binding){.dtype = SM_DT_FLOAT,
                   .rank = columns != 0 ? 2 : rows != 0,
                   .dims = made->dims,
                   .data = (void *)(uintptr_t)zeros,
                   .size = (size_t)(rows != 0 ? rows : 1) * (size_t)(columns != 0 ? columns : 1) * sizeof *zeros};
  check(sm_checkpoint_bind(m->tree, made->node, NULL, &made->binding, &error));
}

/* ---- What there is ---- */

static void add_dense(maker *m, object *parent, const char *name, int64_t from, int64_t to) {
  object *dense = add(m, parent, name);
  add_variable(m, dense, "kernel", from, to);
  add_variable(m, dense, "bias", to, 0);
}

static void add_norm(maker *m, object *parent) {
  object *norm = add(m, parent, "LayerNorm");
  add_variable(m, norm, "gamma", WIDTH, 0);
  add_variable(m, norm, "beta", WIDTH, 0);
}

static void add_layer(maker *m, object *encoder, int number) {
  char name[32];
  (void)snprintf(name, sizeof name, "layer_%d", number);
  object *layer = add(m, encoder, name), *attention = add(m, layer, "attention"), *self = add(m, attention, "self");
  add_dense(m, self, "query", WIDTH, WIDTH);
  add_dense(m, self, "key", WIDTH, WIDTH);
  add_dense(m, self, "value", WIDTH, WIDTH);
  add_dense(m, attention, "output", WIDTH, WIDTH);
  add_norm(m, attention);
  add_dense(m, layer, "intermediate", WIDTH, INNER);
  add_dense(m, layer, "output", INNER, WIDTH);
  add_norm(m, layer);
}

static void add_bert(maker *m) {
  object *embeddings = add(m, m->objects, "embeddings");
  add_variable(m, embeddings, "word_embeddings", VOCABULARY, WIDTH);
  add_variable(m, embeddings, "position_embeddings", POSITIONS, WIDTH);
  add_variable(m, embeddings, "token_type_embeddings", 2, WIDTH);
  add_norm(m, embeddings);
  object *encoder = add(m, m->objects, "encoder");
  for (int i = 0; i < DEPTH; i++) add_layer(m, encoder, i);
  add_dense(m, add(m, m->objects, "pooler"), "dense", WIDTH, WIDTH);
}

static void add_nodes(maker *m) {
  static const char *const variables[] = {"gamma", "beta", "moving_mean", "moving_variance"};
  char name[32];
  object *blocks[N_BLOCKS];
  for (size_t i = 0; i < N_BLOCKS; i++) {
    (void)snprintf(name, sizeof name, "block_%02zu", i);
    blocks[i] = add(m, m->objects, name);
  }
  for (size_t i = 0; m->n != m->capacity; i++) {
    (void)snprintf(name, sizeof name, "layer_%05zu", i);
    object *layer = add(m, blocks[i % N_BLOCKS], name);
    for (size_t v = 0; v < sizeof variables / sizeof *variables && m->n != m->capacity; v++)
      add_variable(m, layer, variables[v], 0, 0);
  }
}

/* ---- Writing ---- */

static void put_variable(w_buffer *w, const object *o) {
  size_t variable = w_begin(w, NODE_VARIABLE);
  w_varint(w, VARIABLE_DTYPE, SM_DT_FLOAT);
  size_t shape = w_begin(w, VARIABLE_SHAPE);
  for (int32_t i = 0; i < o->binding.rank; i++) {
    size_t dim = w_begin(w, SHAPE_DIM);
    w_varint(w, DIM_SIZE, (uint64_t)o->dims[i]);
    w_end(w, dim);
  }
  w_end(w, shape);
  w_varint(w, VARIABLE_TRAINABLE, 1);
  w_text(w, VARIABLE_NAME, o->name);
  w_end(w, variable);
}

static void put_object(w_buffer *w, const maker *m, const object *o) {
  size_t node = w_begin(w, GRAPH_NODE);
  for (size_t i = o->first_child; i != 0; i = m->objects[i].next) {
    size_t child = w_begin(w, NODE_CHILD);
    w_varint(w, CHILD_ID, i);
    w_text(w, CHILD_NAME, m->objects[i].name);
    w_end(w, child);
  }
  if (o->is_variable) {
    put_variable(w, o);
  } else {
    size_t user_object = w_begin(w, NODE_USER_OBJECT);
    w_text(w, IDENTIFIER, "_generic_user_object");
    w_end(w, user_object);
  }
  w_end(w, node);
}

static void write_saved_model(const char *path, const maker *m) {
  w_buffer w = {0};
  w_varint(&w, SCHEMA_VERSION, 1);
  size_t meta_graph = w_begin(&w, META_GRAPH), info = w_begin(&w, INFO);
  w_text(&w, INFO_TAG, SM_TAG_SERVE);
  w_end(&w, info);
  size_t graph = w_begin(&w, OBJECT_GRAPH);
  for (size_t i = 0; i < m->n; i++) put_object(&w, m, &m->objects[i]);
  w_end(&w, graph);
  w_end(&w, meta_graph);
  FILE *file = fopen(path, "wb");
  size_t written = file != NULL ? fwrite(w.data, 1, w.size, file) : 0;
  if (file == NULL || fclose(file) != 0 || written != w.size) {
    perror(path);
    exit(1);
  }
  w_free(&w);
}

static void write_model(const char *dir, void (*fill)(maker *m), size_t capacity) {
  char path[4096];
  maker m = {.objects = calloc(capacity, sizeof(object)), .n = 1, .capacity = capacity};
  if (m.objects == NULL) abort();
  check(sm_checkpoint_new(&m.tree, NULL, &error));
  fill(&m);
  (void)mkdir(dir, 0777);
  (void)snprintf(path, sizeof path, "%s/variables", dir);
  (void)mkdir(path, 0777);
  (void)snprintf(path, sizeof path, "%s/variables/variables", dir);
  check(sm_checkpoint_write(NULL, m.tree, path, NULL, &error));
  (void)snprintf(path, sizeof path, "%s/%s", dir, SM_FILE_SAVED_MODEL_PB);
  write_saved_model(path, &m);
  sm_checkpoint_free(m.tree);
  free(m.objects);
}

int main(int argc, char **argv) {
  bool is_bert = argc == 3 && strcmp(argv[1], "bert") == 0;
  size_t n = argc == 4 && strcmp(argv[1], "nodes") == 0 ? strtoul(argv[2], NULL, 10) : 0;
  if (!is_bert && n <= N_BLOCKS) {
    fprintf(stderr, "usage: bench_make_objects bert DIR | nodes N DIR; N more than %d\n", N_BLOCKS);
    return 2;
  }
  float *values = calloc((size_t)VOCABULARY * WIDTH, sizeof *values);
  if (values == NULL) abort();
  zeros = values;
  write_model(argv[argc - 1], is_bert ? add_bert : add_nodes, is_bert ? 512 : n);
  free(values);
  return 0;
}
