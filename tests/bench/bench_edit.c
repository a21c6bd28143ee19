/*
 * bench_edit: gives a model other tags, several times in this process.
 *
 *     bench_edit weights PREFIX MIB    writes the checkpoint PREFIX: that many MiB in tensors of 64
 *     bench_edit retag RUNS SRC DST    SRC as DST with the tags a and b; DST is removed
 *
 * Prints one line of JSON. "cpu" is user + system and "wall" the time on the clock, in milliseconds, from opening the model
 * to where the new one has its name; _min and _med are of the RUNS. "synced" is wall where what was written is synced, too.
 * "heap" is the most that was allocated at one time, in bytes.
 */
#include <dirent.h>
#include <string.h>
#include <unistd.h>

#include <savedmodel/builder.h>
#include <savedmodel/savedmodel.h>

#include "bench/bench.h"

enum { MAX_RUNS = 1000, TENSOR_MIB = 64 };

static sm_error error;

static void check(sm_status status) { bench_check("bench_edit", status, &error); }

/* ---- Making ---- */

static void write_weights(const char *prefix, size_t mib) {
  static float values[TENSOR_MIB << 18]; /* zeros: their bytes do not matter here */
  const sm_tensor_view view = {
      .dtype = SM_DT_FLOAT, .rank = 1, .dims = {TENSOR_MIB << 18}, .data = values, .size = sizeof values};
  sm_bundle_writer *writer;
  check(sm_bundle_writer_open(&writer, prefix, NULL, &error));
  for (size_t i = 0; i < mib / TENSOR_MIB; i++) {
    char key[32];
    snprintf(key, sizeof key, "layer_%04zu/kernel", i);
    check(sm_bundle_writer_add(writer, key, &view, &error));
  }
  check(sm_bundle_writer_finish(writer, &error));
  sm_bundle_writer_close(writer);
}

/* ---- Measuring ---- */

static void retag(const char *src, const char *dst, const sm_allocator *allocator, bool no_sync) {
  static const char *const tags[] = {"a", "b"};
  sm_open_options opening = SM_OPEN_OPTIONS_INIT;
  sm_save_options saving = SM_SAVE_OPTIONS_INIT;
  sm_model *model;
  sm_builder *builder;
  opening.allocator = saving.allocator = allocator;
  saving.no_sync = no_sync;
  check(sm_model_open(&model, src, &opening, &error));
  check(sm_builder_open(&builder, dst, &saving, &error));
  check(sm_builder_add_model(builder, model, &error));
  check(sm_builder_set_tags(builder, 0, tags, 2, &error));
  check(sm_builder_finish(builder, &error));
  sm_builder_close(builder);
  sm_model_close(model);
}

/* A directory of files, and of directories of files. */
static void remove_model(const char *path, unsigned depth) {
  char inner[4096];
  DIR *dir = depth != 0 ? opendir(path) : NULL;
  for (struct dirent *entry; dir != NULL && (entry = readdir(dir)) != NULL;) {
    bool is_itself = strcmp(entry->d_name, ".") == 0 || strcmp(entry->d_name, "..") == 0;
    if (is_itself || snprintf(inner, sizeof inner, "%s/%s", path, entry->d_name) >= (int)sizeof inner) continue;
    if (unlink(inner) != 0) remove_model(inner, depth - 1);
  }
  if (dir != NULL) closedir(dir);
  (void)rmdir(path);
}

static void measure(size_t runs, const char *src, const char *dst) {
  static double cpu[MAX_RUNS], wall[MAX_RUNS], synced[MAX_RUNS];
  bench_counter memory = {0, 0};
  const sm_allocator allocator = bench_allocator(&memory);
  for (size_t i = 0; i < runs; i++) {
    bench_instant start = bench_instant_now();
    retag(src, dst, NULL, true);
    bench_instant end = bench_instant_now();
    cpu[i] = end.cpu - start.cpu;
    wall[i] = end.wall - start.wall;
    remove_model(dst, 3);
    double begun = bench_now();
    retag(src, dst, NULL, false);
    synced[i] = bench_now() - begun;
    remove_model(dst, 3);
  }
  retag(src, dst, &allocator, true);
  remove_model(dst, 3);
  bench_result c = bench_summary(cpu, runs), w = bench_summary(wall, runs), s = bench_summary(synced, runs);
  printf("{\"job\":\"retag\",\"runs\":%zu,\"cpu_min\":%.3f,\"cpu_med\":%.3f,\"wall_min\":%.3f,\"wall_med\":%.3f", runs,
         c.min, c.median, w.min, w.median);
  printf(",\"synced_min\":%.3f,\"synced_med\":%.3f,\"heap\":%zu,\"peak\":%ld}\n", s.min, s.median, memory.peak,
         bench_peak_rss_kib());
}

int main(int argc, char **argv) {
  if (argc == 4 && strcmp(argv[1], "weights") == 0) {
    write_weights(argv[2], strtoul(argv[3], NULL, 10));
    return 0;
  }
  size_t runs = argc == 5 && strcmp(argv[1], "retag") == 0 ? strtoul(argv[2], NULL, 10) : 0;
  if (runs == 0 || runs > MAX_RUNS) {
    fprintf(stderr, "usage: bench_edit weights PREFIX MIB | retag RUNS SRC DST\n");
    return 2;
  }
  measure(runs, argv[3], argv[4]);
  return 0;
}
