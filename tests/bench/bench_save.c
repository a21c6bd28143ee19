/*
 * bench_save: saves a model of objects, and freezes a model, several times in this process.
 *
 *     bench_save objects RUNS N N_READ DST   N variables of 256 numbers in a list, and a function that adds up N_READ of them
 *     bench_save freeze RUNS SRC DST         SRC with its variables as constants; and what it has written, once more by write()
 *
 * DST is a directory that is made and removed. Prints one line of JSON: "cpu" is user + system and "wall" the time on the clock,
 * in milliseconds, from the first object, or from opening SRC, to where the model has its name; _min and _med are of the RUNS.
 * "synced" is wall where what was written is synced, too. "floor" is the CPU time of write() of the same files, in turn with
 * the others. "heap" is the most that was allocated at one time, in bytes; "bytes" what DST has.
 */
#include <dirent.h>
#include <fcntl.h>
#include <stdbool.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include <savedmodel/object_graph.h>
#include <savedmodel/savedmodel.h>

#include "bench/bench.h"

enum { MAX_RUNS = 1000, MAX_VARIABLES = 100000, N_VALUES = 256, MAX_PATH = 4096 };

static sm_error error;

static void check(sm_status status) { bench_check("bench_save", status, &error); }

typedef struct job {
  const char *src;
  size_t n, n_read; /* variables; those that the function has */
} job;

typedef void save_fn(const job *j, const char *dst, const sm_save_options *save);

/* ---- Objects ---- */

/* y = x + v0 + v1 ... of the variables that are read, as a function of x. */
static void make_graph(sm_graph *graph, const sm_function_capture *captures, size_t n) {
  static const int64_t dims[] = {N_VALUES};
  static char reads[MAX_VARIABLES][40];
  static const char *inputs[MAX_VARIABLES + 1];
  check(sm_graph_add_placeholder(graph, "x", SM_DT_FLOAT, dims, 1, &error));
  inputs[0] = "x";
  for (size_t i = 0; i < n; i++) {
    check(sm_graph_add_variable(graph, captures[i].node, SM_DT_FLOAT, dims, 1, &error));
    (void)snprintf(reads[i], sizeof reads[i], "%s/Read/ReadVariableOp", captures[i].node);
    inputs[i + 1] = reads[i];
  }
  check(sm_graph_add(graph, "AddN", "y", inputs, n + 1, &error));
}

static void add_function(sm_object_graph *objects, const sm_function_capture *captures, size_t n,
                         const sm_allocator *allocator) {
  static const int64_t dims[] = {N_VALUES};
  const sm_function_tensor x = {"x", "x:0", SM_DT_FLOAT, 1, dims}, y = {"y", "y:0", SM_DT_FLOAT, 1, dims};
  sm_trace trace = {.inputs = &x, .n_inputs = 1, .outputs = &y, .n_outputs = 1, .captures = captures, .n_captures = n};
  const sm_traced_function call = {.traces = &trace, .n_traces = 1, .is_fixed = true};
  sm_graph *graph;
  check(sm_graph_new(&graph, allocator, &error));
  make_graph(graph, captures, n);
  check(sm_graph_get_def(&trace.graph_def, graph, &error));
  check(sm_object_graph_add_function(NULL, objects, SM_OBJECT_ROOT, "__call__", &call, &error));
  sm_graph_free(graph);
}

static void save_objects(const job *j, const char *dst, const sm_save_options *save) {
  static const float values[N_VALUES];
  static char names[MAX_VARIABLES][16];
  static sm_function_capture captures[MAX_VARIABLES];
  const sm_tensor_view value = {SM_DT_FLOAT, 1, values, sizeof values, {N_VALUES}};
  sm_object_graph *objects;
  int32_t list;
  check(sm_object_graph_new(&objects, save->allocator, &error));
  check(sm_object_graph_add(&list, objects, SM_OBJECT_ROOT, "v", SM_CONTAINER_LIST, &error));
  for (size_t i = 0; i < j->n; i++) {
    char name[16];
    (void)snprintf(name, sizeof name, "%zu", i);
    (void)snprintf(names[i], sizeof names[i], "v%zu", i);
    captures[i].node = names[i];
    check(sm_object_graph_add_variable(&captures[i].object, objects, list, name, &(sm_variable_spec){.value = &value},
                                       &error));
  }
  add_function(objects, captures, j->n_read, save->allocator);
  check(sm_object_graph_save(objects, dst, NULL, save, &error));
  sm_object_graph_free(objects);
}

/* ---- Freezing ---- */

static void freeze_model(const job *j, const char *dst, const sm_save_options *save) {
  sm_open_options opening = SM_OPEN_OPTIONS_INIT;
  sm_model *model;
  sm_builder *builder;
  opening.allocator = save->allocator;
  check(sm_model_open(&model, j->src, &opening, &error));
  check(sm_builder_open(&builder, dst, save, &error));
  check(sm_builder_add_model(builder, model, &error));
  check(sm_builder_freeze(builder, 0, &error));
  check(sm_builder_finish(builder, &error));
  sm_builder_close(builder);
  sm_model_close(model);
}

/* ---- Files ---- */

static void fail(const char *path) {
  perror(path);
  exit(1);
}

/* CPU time of making a file of so many bytes beside dst, and of writing them. */
static double write_once(const char *dst, const void *bytes, size_t size) {
  char path[MAX_PATH];
  if (snprintf(path, sizeof path, "%s.floor", dst) >= (int)sizeof path) exit(1);
  bench_instant start = bench_instant_now();
  int file = open(path, O_WRONLY | O_CREAT | O_TRUNC, 0666);
  if (file < 0 || write(file, bytes, size) != (ssize_t)size || close(file) != 0) fail(path);
  bench_instant end = bench_instant_now();
  if (unlink(path) != 0) fail(path);
  return end.cpu - start.cpu;
}

/* What a walk over a model adds up. */
typedef struct tally {
  const char *dst;
  double floor; /* CPU time of writing each file once more */
  size_t bytes;
  bool is_measured;
} tally;

static void take_file(tally *t, const char *path) {
  struct stat st;
  int file = open(path, O_RDONLY);
  if (file < 0 || fstat(file, &st) != 0) fail(path);
  t->bytes += (size_t)st.st_size;
  void *bytes = t->is_measured ? malloc((size_t)st.st_size + 1) : NULL;
  if (bytes != NULL) {
    if (read(file, bytes, (size_t)st.st_size) != (ssize_t)st.st_size) fail(path);
    t->floor += write_once(t->dst, bytes, (size_t)st.st_size);
  }
  free(bytes);
  close(file);
}

/* Takes the files of a directory, and of the directories in it, and removes all. */
static void take_model(tally *t, const char *path, unsigned depth) {
  char inner[MAX_PATH];
  DIR *dir = opendir(path);
  if (dir == NULL) fail(path);
  for (struct dirent *entry; (entry = readdir(dir)) != NULL;) {
    struct stat st;
    bool is_itself = strcmp(entry->d_name, ".") == 0 || strcmp(entry->d_name, "..") == 0;
    if (is_itself || snprintf(inner, sizeof inner, "%s/%s", path, entry->d_name) >= (int)sizeof inner) continue;
    if (lstat(inner, &st) != 0) fail(inner);
    if (S_ISREG(st.st_mode)) take_file(t, inner);
    if (S_ISDIR(st.st_mode) && depth != 0) take_model(t, inner, depth - 1);
    if (!S_ISDIR(st.st_mode)) (void)unlink(inner);
  }
  closedir(dir);
  (void)rmdir(path);
}

/* ---- Measuring ---- */

static void measure(const char *name, save_fn *save, const job *j, size_t runs, const char *dst) {
  static double cpu[MAX_RUNS], wall[MAX_RUNS], synced[MAX_RUNS], floor[MAX_RUNS];
  bench_counter memory = {0, 0};
  const sm_allocator allocator = bench_allocator(&memory);
  sm_save_options lazy = SM_SAVE_OPTIONS_INIT, sync = SM_SAVE_OPTIONS_INIT;
  lazy.no_sync = true;
  tally t = {.dst = dst};
  for (size_t i = 0; i < runs; i++) {
    bench_instant start = bench_instant_now();
    save(j, dst, &lazy);
    bench_instant end = bench_instant_now();
    cpu[i] = end.cpu - start.cpu;
    wall[i] = end.wall - start.wall;
    t = (tally){.dst = dst, .is_measured = true};
    take_model(&t, dst, 3);
    floor[i] = t.floor;
    double begun = bench_now();
    save(j, dst, &sync);
    synced[i] = bench_now() - begun;
    take_model(&(tally){.dst = dst}, dst, 3);
  }
  lazy.allocator = &allocator;
  save(j, dst, &lazy);
  take_model(&(tally){.dst = dst}, dst, 3);
  bench_result c = bench_summary(cpu, runs), w = bench_summary(wall, runs), s = bench_summary(synced, runs),
               f = bench_summary(floor, runs);
  printf("{\"job\":\"%s\",\"runs\":%zu,\"cpu_min\":%.3f,\"cpu_med\":%.3f,\"wall_min\":%.3f,\"wall_med\":%.3f", name,
         runs, c.min, c.median, w.min, w.median);
  printf(",\"synced_min\":%.3f,\"synced_med\":%.3f,\"floor_min\":%.3f,\"floor_med\":%.3f,\"bytes\":%zu", s.min,
         s.median, f.min, f.median, t.bytes);
  printf(",\"heap\":%zu,\"peak\":%ld}\n", memory.peak, bench_peak_rss_kib());
}

int main(int argc, char **argv) {
  size_t runs = argc > 2 ? strtoul(argv[2], NULL, 10) : 0;
  bool is_objects = argc == 6 && strcmp(argv[1], "objects") == 0,
       is_freeze = argc == 5 && strcmp(argv[1], "freeze") == 0;
  job j = {.src = is_freeze ? argv[3] : NULL};
  if (is_objects) {
    j.n = strtoul(argv[3], NULL, 10);
    j.n_read = strtoul(argv[4], NULL, 10);
  }
  if (runs == 0 || runs > MAX_RUNS || is_objects == is_freeze || j.n > MAX_VARIABLES || j.n_read > j.n) {
    fprintf(stderr, "usage: bench_save objects RUNS N N_READ DST | freeze RUNS SRC DST\n");
    return 2;
  }
  measure(argv[1], is_objects ? save_objects : freeze_model, &j, runs, argv[argc - 1]);
  return 0;
}
