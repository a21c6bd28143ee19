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
#include <string.h>
#include <unistd.h>

#include <savedmodel/savedmodel.h>

#include "bench/bench.h"

enum { MAX_RUNS = 100000, COLD_RUNS = 5, SUMMARY_RUNS = 20 };

/* ---- The work ---- */

static sm_error error;

static void check(sm_status status) { bench_check("bench_open", status, &error); }

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

static void drop_from_cache(const char *path) {
  int fd = open(path, O_RDONLY);
  if (fd < 0) return;
  (void)posix_fadvise(fd, 0, 0, POSIX_FADV_DONTNEED);
  (void)close(fd);
}

static bench_result time_open(const char *dir, size_t runs, const char *path_to_drop) {
  static double times[MAX_RUNS];
  for (size_t i = 0; i < runs; i++) {
    size_t n_signatures;
    if (path_to_drop != NULL) drop_from_cache(path_to_drop);
    double start = bench_now();
    sm_model_close(open_model(&n_signatures, dir, NULL));
    times[i] = bench_now() - start;
  }
  return bench_summary(times, runs);
}

static bench_result time_archive(const char *path, size_t runs, sm_verify verify) {
  static double times[MAX_RUNS];
  for (size_t i = 0; i < runs; i++) {
    sm_fs *fs;
    size_t n_signatures;
    sm_open_options options = SM_OPEN_OPTIONS_INIT;
    options.verify = verify;
    double start = bench_now();
    check(sm_fs_archive_open(&fs, path, &options, &error));
    options.fs = fs;
    sm_model_close(open_model(&n_signatures, ".", &options));
    sm_fs_close(fs);
    times[i] = bench_now() - start;
  }
  return bench_summary(times, runs);
}

static void print_archive(const char *path, size_t runs) {
  bench_result archive = time_archive(path, runs, SM_VERIFY_DEFAULT),
               unchecked = time_archive(path, runs, SM_VERIFY_NONE);
  printf(",\"archive_min\":%.4f,\"archive_med\":%.4f,\"unchecked_min\":%.4f,\"unchecked_med\":%.4f", archive.min,
         archive.median, unchecked.min, unchecked.median);
}

static bench_result time_summary(const char *dir) {
  double times[SUMMARY_RUNS];
  for (size_t i = 0; i < SUMMARY_RUNS; i++) {
    size_t n_signatures;
    sm_model *model = open_model(&n_signatures, dir, NULL);
    double start = bench_now();
    (void)summarise(model);
    times[i] = bench_now() - start;
    sm_model_close(model);
  }
  return bench_summary(times, SUMMARY_RUNS);
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

  bench_counter memory = {0, 0};
  const sm_allocator allocator = bench_allocator(&memory);
  sm_open_options options = SM_OPEN_OPTIONS_INIT;
  options.allocator = &allocator;
  size_t n_signatures, heap_open;

  bench_result cold = time_open(dir, COLD_RUNS, path);
  bench_result hot = time_open(dir, runs, NULL);
  sm_model *model = open_model(&n_signatures, dir, &options);
  heap_open = memory.peak;
  long rss_open = bench_peak_rss_kib();
  size_t n_nodes = summarise(model);
  sm_model_close(model);
  if (memory.live != 0) fprintf(stderr, "bench_open: %zu bytes were not freed\n", memory.live);
  bench_result summary = time_summary(dir);

  printf(
      "{\"model\":\"%s\",\"runs\":%zu,\"signatures\":%zu,\"nodes\":%zu,\"open_min\":%.4f,\"open_med\":%.4f,"
      "\"cold_min\":%.4f,\"cold_med\":%.4f,\"summary_min\":%.4f,\"summary_med\":%.4f,"
      "\"open_heap\":%zu,\"summary_heap\":%zu,\"open_rss\":%ld,\"summary_rss\":%ld",
      last_part(dir), runs, n_signatures, n_nodes, hot.min, hot.median, cold.min, cold.median, summary.min,
      summary.median, heap_open, memory.peak, rss_open, bench_peak_rss_kib());
  if (argc == 4) print_archive(argv[3], runs);
  puts("}");
  return memory.live != 0;
}
