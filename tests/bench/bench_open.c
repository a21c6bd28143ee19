/*
 * bench_open: opens a model, decodes every signature of every meta graph, closes it; many times in this process.
 *
 *     bench_open RUNS MODEL_DIR [ARCHIVE]
 *
 * Prints one line of JSON. Times are in milliseconds. "open" is all of the above with the file in the page cache, "cold" the
 * same after the file was dropped from it (as far as the system obeys), "summary" the first sm_meta_graph_get_graph_summary
 * of each meta graph, which reads the whole graph. "heap" is the most that was allocated at one time, in bytes, as the
 * library's allocator saw it; "rss" the peak of the process in KiB, mapped file pages included. With ARCHIVE, which has the
 * model's files at its top, "archive" is "open" through it, opening the archive included, and "unchecked" the same without
 * looking at checksums.
 */
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <time.h>
#include <unistd.h>

#include <savedmodel/savedmodel.h>

enum { MAX_RUNS = 100000, COLD_RUNS = 5, SUMMARY_RUNS = 20 };

/* ---- Memory ---- */

typedef struct counter {
  size_t live, peak;
} counter;

/* In front of each block: its size. */
typedef union header {
  size_t size;
  long double align;
} header;

static void *count_realloc(void *ctx, void *block, size_t size) {
  counter *c = ctx;
  header *old = block != NULL ? (header *)block - 1 : NULL;
  size_t old_size = old != NULL ? old->size : 0;
  header *made = realloc(old, sizeof *made + size);
  if (made == NULL) return NULL;
  made->size = size;
  c->live += size - old_size;
  if (c->live > c->peak) c->peak = c->live;
  return made + 1;
}

static void *count_alloc(void *ctx, size_t size) { return count_realloc(ctx, NULL, size); }

static void count_free(void *ctx, void *block) {
  counter *c = ctx;
  if (block == NULL) return;
  c->live -= ((header *)block - 1)->size;
  free((header *)block - 1);
}

static long peak_rss_kib(void) {
  struct rusage usage;
  (void)getrusage(RUSAGE_SELF, &usage);
  return usage.ru_maxrss;
}

/* ---- The work ---- */

static sm_error error;

static void check(sm_status status) {
  if (status == SM_OK) return;
  fprintf(stderr, "bench_open: %s\n", error.message);
  exit(1);
}

static sm_model *open_model(size_t *n_signatures, const char *dir, const sm_open_options *options) {
  sm_model *model;
  check(sm_model_open(&model, dir, options, &error));
  *n_signatures = 0;
  for (size_t i = 0; i < sm_model_n_meta_graphs(model); i++) {
    const sm_meta_graph *graph = sm_model_get_meta_graph(model, i);
    size_t n = sm_meta_graph_n_signatures(graph);
    *n_signatures += n;
    for (size_t j = 0; j < n; j++) {
      const sm_signature *signature;
      check(sm_meta_graph_get_signature(&signature, graph, j, &error));
    }
  }
  return model;
}

static size_t summarise(const sm_model *model) {
  size_t n_nodes = 0;
  for (size_t i = 0; i < sm_model_n_meta_graphs(model); i++) {
    const sm_graph_summary *summary;
    check(sm_meta_graph_get_graph_summary(&summary, sm_model_get_meta_graph(model, i), &error));
    n_nodes += summary->n_nodes;
  }
  return n_nodes;
}

/* ---- Times ---- */

static double now_ms(void) {
  struct timespec t;
  (void)clock_gettime(CLOCK_MONOTONIC, &t);
  return (double)t.tv_sec * 1e3 + (double)t.tv_nsec * 1e-6;
}

static int by_value(const void *a, const void *b) {
  double x = *(const double *)a, y = *(const double *)b;
  return (x > y) - (x < y);
}

typedef struct result {
  double min, median;
} result;

static result summary_of(double *times, size_t n) {
  qsort(times, n, sizeof *times, by_value);
  return (result){times[0], times[n / 2]};
}

static void drop_from_cache(const char *path) {
  int fd = open(path, O_RDONLY);
  if (fd < 0) return;
  (void)posix_fadvise(fd, 0, 0, POSIX_FADV_DONTNEED);
  (void)close(fd);
}

static result time_open(const char *dir, size_t runs, const char *path_to_drop) {
  static double times[MAX_RUNS];
  for (size_t i = 0; i < runs; i++) {
    size_t n_signatures;
    if (path_to_drop != NULL) drop_from_cache(path_to_drop);
    double start = now_ms();
    sm_model_close(open_model(&n_signatures, dir, NULL));
    times[i] = now_ms() - start;
  }
  return summary_of(times, runs);
}

static result time_archive(const char *path, size_t runs, sm_verify verify) {
  static double times[MAX_RUNS];
  for (size_t i = 0; i < runs; i++) {
    sm_fs *fs;
    size_t n_signatures;
    sm_open_options options = SM_OPEN_OPTIONS_INIT;
    options.verify = verify;
    double start = now_ms();
    check(sm_fs_archive_open(&fs, path, &options, &error));
    options.fs = fs;
    sm_model_close(open_model(&n_signatures, ".", &options));
    sm_fs_close(fs);
    times[i] = now_ms() - start;
  }
  return summary_of(times, runs);
}

static void print_archive(const char *path, size_t runs) {
  result archive = time_archive(path, runs, SM_VERIFY_DEFAULT), unchecked = time_archive(path, runs, SM_VERIFY_NONE);
  printf(",\"archive_min\":%.4f,\"archive_med\":%.4f,\"unchecked_min\":%.4f,\"unchecked_med\":%.4f", archive.min,
         archive.median, unchecked.min, unchecked.median);
}

static result time_summary(const char *dir) {
  double times[SUMMARY_RUNS];
  for (size_t i = 0; i < SUMMARY_RUNS; i++) {
    size_t n_signatures;
    sm_model *model = open_model(&n_signatures, dir, NULL);
    double start = now_ms();
    (void)summarise(model);
    times[i] = now_ms() - start;
    sm_model_close(model);
  }
  return summary_of(times, SUMMARY_RUNS);
}

/* ---- All of it ---- */

static const char *last_part(const char *path) {
  const char *slash = strrchr(path, '/');
  return slash != NULL ? slash + 1 : path;
}

int main(int argc, char **argv) {
  size_t runs = argc == 3 || argc == 4 ? strtoul(argv[1], NULL, 10) : 0;
  if (runs == 0 || runs > MAX_RUNS) {
    fprintf(stderr, "usage: bench_open RUNS MODEL_DIR [ARCHIVE]\n");
    return 2;
  }
  const char *dir = argv[2];
  char path[4096];
  if (snprintf(path, sizeof path, "%s/" SM_FILE_SAVED_MODEL_PB, dir) >= (int)sizeof path) return 2;

  counter memory = {0, 0};
  const sm_allocator allocator = {count_alloc, count_realloc, count_free, &memory};
  sm_open_options options = SM_OPEN_OPTIONS_INIT;
  options.allocator = &allocator;
  size_t n_signatures, heap_open;

  result cold = time_open(dir, COLD_RUNS, path);
  result hot = time_open(dir, runs, NULL);
  sm_model *model = open_model(&n_signatures, dir, &options);
  heap_open = memory.peak;
  long rss_open = peak_rss_kib();
  size_t n_nodes = summarise(model);
  sm_model_close(model);
  if (memory.live != 0) fprintf(stderr, "bench_open: %zu bytes were not freed\n", memory.live);
  result summary = time_summary(dir);

  printf(
      "{\"model\":\"%s\",\"runs\":%zu,\"signatures\":%zu,\"nodes\":%zu,\"open_min\":%.4f,\"open_med\":%.4f,"
      "\"cold_min\":%.4f,\"cold_med\":%.4f,\"summary_min\":%.4f,\"summary_med\":%.4f,"
      "\"open_heap\":%zu,\"summary_heap\":%zu,\"open_rss\":%ld,\"summary_rss\":%ld",
      last_part(dir), runs, n_signatures, n_nodes, hot.min, hot.median, cold.min, cold.median, summary.min,
      summary.median, heap_open, memory.peak, rss_open, peak_rss_kib());
  if (argc == 4) print_archive(argv[3], runs);
  puts("}");
  return memory.live != 0;
}
