/*
 * bench_objects: the object graph of a model, and its variables, looked up many times in one process.
 *
 *     bench_objects views RUNS DIR       each variable's path and view, the index verified alone
 *     bench_objects verified RUNS DIR    the same, and what is viewed
 *     bench_objects graph RUNS DIR       what each object records, its path and its children
 *     bench_objects one RUNS DIR         from the root to the last child of the last child and so on
 *
 * Each run opens the model and closes it. Prints one line of JSON: "n" is how many were looked up, "bytes" how much was
 * viewed; "cpu" is user + system and "wall" the time on the clock, in milliseconds, _min and _med of the RUNS; "heap" is the
 * most that was allocated at one time, in bytes.
 */
#include <string.h>

#include <savedmodel/savedmodel.h>

#include "bench/bench.h"

enum { MAX_RUNS = 10000 };

static sm_error error;

static void check(sm_status status) { bench_check("bench_objects", status, &error); }

typedef struct job {
  const char *dir;
  size_t n, bytes; /* of one run */
} job;

static const sm_meta_graph *graph_of(const sm_model *model) { return sm_model_get_meta_graph(model, 0); }

static void view_variables(job *j, const sm_model *model) {
  const sm_bundle_reader *reader;
  const sm_variable *variable;
  sm_tensor_view view;
  check(sm_model_get_variables(&reader, model, &error));
  check(sm_meta_graph_n_variables(&j->n, graph_of(model), &error));
  for (size_t i = 0; i < j->n; i++) {
    check(sm_meta_graph_get_variable(&variable, graph_of(model), i, &error));
    if (variable->path == NULL || variable->key == NULL) abort(); /* all have both */
    check(sm_bundle_reader_view(&view, reader, variable->key, &error));
    j->bytes += view.size;
  }
}

/* All there is to a node but its key: what it records, the way to it, its children. */
static void look_at(const sm_trackable *node) {
  const sm_object *info;
  const sm_trackable *child;
  const char *text;
  check(sm_trackable_get_info(&info, node, &error));
  check(sm_trackable_get_path(&text, node, &error));
  for (size_t i = 0; i < sm_trackable_n_children(node); i++)
    check(sm_trackable_get_child(&child, &text, node, i, &error));
}

static void look_at_all(job *j, const sm_model *model) {
  const sm_trackable *node;
  check(sm_meta_graph_n_objects(&j->n, graph_of(model), &error));
  for (size_t i = 0; i < j->n; i++) {
    check(sm_meta_graph_get_object(&node, graph_of(model), (int64_t)i, &error));
    look_at(node);
  }
}

/* The last child of the last child and so on. */
static void find_one(job *j, const sm_model *model) {
  const sm_trackable *node;
  const sm_object *info;
  check(sm_meta_graph_get_root(&node, graph_of(model), &error));
  for (size_t n; (n = sm_trackable_n_children(node)) != 0; j->n++)
    check(sm_trackable_get_child(&node, NULL, node, n - 1, &error));
  check(sm_trackable_get_info(&info, node, &error));
}

/* ---- Measuring ---- */

static const struct command {
  const char *name;
  void (*run)(job *j, const sm_model *model);
  sm_verify verify;
} commands[] = {{"views", view_variables, SM_VERIFY_INDEX},
                {"verified", view_variables, SM_VERIFY_DEFAULT},
                {"graph", look_at_all, SM_VERIFY_INDEX},
                {"one", find_one, SM_VERIFY_INDEX}};

static void run(job *j, const struct command *command, const sm_allocator *allocator) {
  sm_open_options options = SM_OPEN_OPTIONS_INIT;
  sm_model *model;
  options.verify = command->verify;
  options.allocator = allocator;
  j->n = j->bytes = 0;
  check(sm_model_open(&model, j->dir, &options, &error));
  command->run(j, model);
  sm_model_close(model);
}

static void measure(job *j, const struct command *command, size_t runs) {
  static double cpu[MAX_RUNS], wall[MAX_RUNS];
  bench_counter memory = {0, 0};
  const sm_allocator allocator = bench_allocator(&memory);
  for (size_t i = 0; i < runs; i++) {
    bench_instant start = bench_instant_now();
    run(j, command, NULL);
    bench_instant end = bench_instant_now();
    cpu[i] = end.cpu - start.cpu;
    wall[i] = end.wall - start.wall;
  }
  run(j, command, &allocator);
  bench_result c = bench_summary(cpu, runs), w = bench_summary(wall, runs);
  printf("{\"job\":\"%s\",\"runs\":%zu,\"n\":%zu,\"bytes\":%zu,\"cpu_min\":%.3f,\"cpu_med\":%.3f", command->name, runs,
         j->n, j->bytes, c.min, c.median);
  printf(",\"wall_min\":%.3f,\"wall_med\":%.3f,\"heap\":%zu}\n", w.min, w.median, memory.peak);
}

int main(int argc, char **argv) {
  const struct command *command = NULL;
  for (size_t i = 0; argc == 4 && i < sizeof commands / sizeof *commands; i++)
    if (strcmp(argv[1], commands[i].name) == 0) command = &commands[i];
  size_t runs = command != NULL ? strtoul(argv[2], NULL, 10) : 0;
  if (runs == 0 || runs > MAX_RUNS) {
    fprintf(stderr, "usage: bench_objects views|verified|graph|one RUNS DIR\n");
    return 2;
  }
  job j = {.dir = argv[3]};
  measure(&j, command, runs);
  return 0;
}
