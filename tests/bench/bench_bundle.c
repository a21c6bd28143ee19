/*
 * bench_bundle: one job on a checkpoint, several times in this process; prints one line of JSON.
 *
 *     bench_bundle nothing                     start and end
 *     bench_bundle one PREFIX KEY              open, read one tensor, close; once, and prints nothing: for measure.c
 *     bench_bundle view RUNS PREFIX            open, view every tensor, which checks it
 *     bench_bundle verify RUNS PREFIX          open, sm_bundle_reader_verify
 *     bench_bundle read RUNS PREFIX            open, restore all into memory that the library allocates
 *     bench_bundle read_into RUNS PREFIX       open, restore all into fresh pages of ours
 *     bench_bundle write RUNS PREFIX OUT       write all tensors of PREFIX as checkpoint OUT, no_sync; OUT is removed
 *     bench_bundle write_sync RUNS PREFIX OUT  the same, synced
 *     bench_bundle find RUNS PREFIX            find every key, in random order
 *     bench_bundle get RUNS PREFIX             find and read every tensor, in random order
 *     bench_bundle list RUNS PREFIX            open, iterate over all tensors, close
 *     bench_bundle cycle RUNS PREFIX           open, view the first tensor, close
 *
 * "cpu" is user + system and "wall" the time on the clock, in milliseconds; _min and _med are of the RUNS. Giving back what
 * was read or opened is not in them but for list. "n" is the number of tensors: what find and get take is for all of them.
 * "base", "end" and "peak" are resident memory in KiB, mapped files included: before the first run (of cycle: after the
 * first hundred), after the last, and the most of the process so far. "heap" is the most that was allocated at one time, in
 * bytes, as the library's allocator saw it in one run more (0: not measured).
 */
#define _DEFAULT_SOURCE /* MAP_ANONYMOUS */

#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include <savedmodel/savedmodel.h>

#include "bench/bench.h"

enum { MAX_RUNS = 20000, WARM_CYCLES = 100 };

static sm_error error;

static void check(sm_status status) { bench_check("bench_bundle", status, &error); }

static void *need(void *memory) {
  if (memory != NULL) return memory;
  fprintf(stderr, "bench_bundle: out of memory\n");
  exit(1);
}

/* ---- Memory ---- */

/* 0 where the system does not tell. */
static long present_rss_kib(void) {
  long pages = 0;
  FILE *file = fopen("/proc/self/statm", "r");
  if (file == NULL) return 0;
  if (fscanf(file, "%*d %ld", &pages) != 1) pages = 0;
  fclose(file);
  return pages * (sysconf(_SC_PAGESIZE) / 1024);
}

/* ---- Times ---- */

/* Of all runs so far. */
typedef struct times {
  double cpu[MAX_RUNS + 1], wall[MAX_RUNS + 1]; /* one more for the heap */
  size_t n;
} times;

static times taken;

static void take(bench_instant start) {
  bench_instant end = bench_instant_now();
  taken.cpu[taken.n] = end.cpu - start.cpu;
  taken.wall[taken.n++] = end.wall - start.wall;
}

/* ---- Checkpoints ---- */

typedef struct job {
  const char *prefix, *out;
  size_t runs;
  sm_binding *bindings; /* one for each tensor: key, dtype, size; shuffled where that is wanted */
  size_t n;
  size_t total, largest; /* bytes */
  bench_counter memory;
  long base, end, peak; /* resident memory in KiB */
} job;

static void note_memory(job *j) {
  j->end = present_rss_kib();
  j->peak = bench_peak_rss_kib();
}

static sm_bundle_reader *open_reader(const job *j, const sm_open_options *options) {
  sm_bundle_reader *reader;
  check(sm_bundle_reader_open(&reader, j->prefix, options, &error));
  return reader;
}

static void add_binding(job *j, const sm_bundle_entry *entry) {
  if ((j->n & (j->n + 1)) == 0) j->bindings = need(realloc(j->bindings, 2 * (j->n + 1) * sizeof *j->bindings));
  char *key = need(malloc(entry->key.size + 1));
  memcpy(key, entry->key.data, entry->key.size);
  key[entry->key.size] = '\0';
  j->bindings[j->n++] = (sm_binding){.key = key, .rank = -1, .size = (size_t)entry->size};
  j->total += (size_t)entry->size;
  if (entry->size > j->largest) j->largest = (size_t)entry->size;
}

static void list_bindings(job *j) {
  sm_bundle_reader *reader = open_reader(j, NULL);
  sm_bundle_iter *iter;
  check(sm_bundle_iter_new(&iter, reader, NULL, &error));
  for (const sm_bundle_entry *entry;;) {
    check(sm_bundle_iter_next(&entry, iter, &error));
    if (entry == NULL) break;
    add_binding(j, entry);
  }
  sm_bundle_iter_free(iter);
  sm_bundle_reader_close(reader);
}

static void shuffle(job *j) {
  uint64_t state = 88172645463325252u;
  for (size_t i = j->n; i > 1; i--) {
    state ^= state << 13, state ^= state >> 7, state ^= state << 17;
    sm_binding *a = &j->bindings[i - 1], *b = &j->bindings[state % i], kept = *a;
    *a = *b;
    *b = kept;
  }
}

static void free_bindings(job *j) {
  for (size_t i = 0; i < j->n; i++) free((void *)(uintptr_t)j->bindings[i].key);
  free(j->bindings);
}

/* ---- Reading; options as they are, the time is taken ---- */

static void run_view(job *j, const sm_open_options *options) {
  static sm_tensor_view view;
  bench_instant start = bench_instant_now();
  sm_bundle_reader *reader = open_reader(j, options);
  for (size_t i = 0; i < j->n; i++) check(sm_bundle_reader_view(&view, reader, j->bindings[i].key, &error));
  take(start);
  sm_bundle_reader_close(reader);
}

static void run_verify(job *j, const sm_open_options *options) {
  bench_instant start = bench_instant_now();
  sm_bundle_reader *reader = open_reader(j, options);
  check(sm_bundle_reader_verify(reader, NULL, NULL, NULL, &error));
  take(start);
  sm_bundle_reader_close(reader);
}

static void run_read(job *j, const sm_open_options *options) {
  bench_instant start = bench_instant_now();
  sm_bundle_reader *reader = open_reader(j, options);
  check(sm_bundle_reader_restore(NULL, reader, j->bindings, j->n, NULL, &error));
  take(start);
  sm_bundle_reader_close(reader);
  for (size_t i = 0; i < j->n; i++) sm_tensor_free(j->bindings[i].tensor);
}

static void run_read_into(job *j, const sm_open_options *options) {
  uint8_t *pages = mmap(NULL, j->total, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0), *next = pages;
  if (pages == MAP_FAILED) (void)need(NULL);
  for (size_t i = 0; i < j->n; next += j->bindings[i++].size) j->bindings[i].data = next;
  run_read(j, options);
  (void)munmap(pages, j->total);
}

static void run_list(job *j, const sm_open_options *options) {
  bench_instant start = bench_instant_now();
  const sm_bundle_entry *entry;
  sm_bundle_iter *iter;
  sm_bundle_reader *reader = open_reader(j, options);
  check(sm_bundle_iter_new(&iter, reader, NULL, &error));
  do check(sm_bundle_iter_next(&entry, iter, &error));
  while (entry != NULL);
  sm_bundle_iter_free(iter);
  sm_bundle_reader_close(reader);
  take(start);
}

static void run_cycle(job *j, const sm_open_options *options) {
  static sm_tensor_view view;
  bench_instant start = bench_instant_now();
  sm_bundle_reader *reader = open_reader(j, options);
  check(sm_bundle_reader_view(&view, reader, j->bindings[0].key, &error));
  sm_bundle_reader_close(reader);
  take(start);
}

/* One of them, as often as wanted and once more for the heap. Huge pages do not come from allocators: a run that is
 * counted is another than those that are timed. */
static void repeat(job *j, void (*run)(job *j, const sm_open_options *options)) {
  const sm_allocator allocator = bench_allocator(&j->memory);
  sm_open_options options = SM_OPEN_OPTIONS_INIT;
  options.allocator = &allocator;
  j->base = present_rss_kib();
  for (size_t i = 0; i < j->runs; i++) run(j, NULL);
  note_memory(j);
  run(j, &options);
}

static void time_view(job *j) { repeat(j, run_view); }
static void time_verify(job *j) { repeat(j, run_verify); }
static void time_read(job *j) { repeat(j, run_read); }
static void time_read_into(job *j) { repeat(j, run_read_into); }
static void time_list(job *j) { repeat(j, run_list); }

static void count_cycles(job *j) {
  for (size_t i = 0; i < WARM_CYCLES; i++) run_cycle(j, NULL);
  memset(&taken, 0, sizeof taken); /* so that its pages are counted before */
  repeat(j, run_cycle);
}

/* ---- Look-ups ---- */

static void run_find(job *j, const sm_bundle_reader *reader) {
  static sm_bundle_entry entry;
  bench_instant start = bench_instant_now();
  for (size_t i = 0; i < j->n; i++) check(sm_bundle_reader_find(&entry, reader, j->bindings[i].key, &error));
  take(start);
}

static void run_get(job *j, const sm_bundle_reader *reader) {
  void *dst = need(malloc(j->largest));
  bench_instant start = bench_instant_now();
  for (size_t i = 0; i < j->n; i++)
    check(sm_bundle_reader_read(reader, j->bindings[i].key, NULL, dst, j->bindings[i].size, &error));
  take(start);
  free(dst);
}

static void repeat_open(job *j, void (*run)(job *j, const sm_bundle_reader *reader)) {
  sm_bundle_reader *reader = open_reader(j, NULL);
  shuffle(j);
  j->base = present_rss_kib();
  for (size_t i = 0; i < j->runs; i++) run(j, reader);
  note_memory(j);
  sm_bundle_reader_close(reader);
}

static void time_find(job *j) { repeat_open(j, run_find); }
static void time_get(job *j) { repeat_open(j, run_get); }

/* ---- Writing ---- */

static void remove_checkpoint(const char *prefix) {
  static const char *const endings[] = {".index", ".data-00000-of-00001"};
  char path[4096];
  for (size_t i = 0; i < 2; i++)
    if (snprintf(path, sizeof path, "%s%s", prefix, endings[i]) < (int)sizeof path) (void)unlink(path);
}

static void run_write(job *j, const sm_save_options *options) {
  sm_bundle_writer *writer;
  remove_checkpoint(j->out);
  bench_instant start = bench_instant_now();
  check(sm_bundle_writer_open(&writer, j->out, options, &error));
  for (size_t i = 0; i < j->n; i++)
    check(sm_bundle_writer_add(writer, j->bindings[i].key, sm_tensor_get_view(j->bindings[i].tensor), &error));
  check(sm_bundle_writer_finish(writer, &error));
  take(start);
  sm_bundle_writer_close(writer);
}

/* The files are not mapped when the tensors are read, so that the peak afterwards is that of writing. */
static void repeat_write(job *j, bool no_sync) {
  const sm_allocator allocator = bench_allocator(&j->memory);
  sm_open_options unmapped = SM_OPEN_OPTIONS_INIT;
  sm_save_options save = SM_SAVE_OPTIONS_INIT;
  unmapped.no_mmap = true;
  save.no_sync = no_sync;
  sm_bundle_reader *reader = open_reader(j, &unmapped);
  check(sm_bundle_reader_restore(NULL, reader, j->bindings, j->n, NULL, &error));
  sm_bundle_reader_close(reader);
  j->base = present_rss_kib();
  for (size_t i = 0; i < j->runs; i++) run_write(j, &save);
  note_memory(j);
  save.allocator = &allocator;
  run_write(j, &save);
  remove_checkpoint(j->out);
  for (size_t i = 0; i < j->n; i++) sm_tensor_free(j->bindings[i].tensor);
}

static void time_write(job *j) { repeat_write(j, true); }
static void time_write_sync(job *j) { repeat_write(j, false); }

/* ---- All of it ---- */

static const struct command {
  const char *name;
  void (*run)(job *j);
  bool needs_out;
} commands[] = {
    {"view", time_view, false},           {"verify", time_verify, false}, {"read", time_read, false},
    {"read_into", time_read_into, false}, {"write", time_write, true},    {"write_sync", time_write_sync, true},
    {"find", time_find, false},           {"get", time_get, false},       {"list", time_list, false},
    {"cycle", count_cycles, false},
};

static int read_one(const char *prefix, const char *key) {
  sm_bundle_reader *reader;
  sm_tensor *tensor;
  check(sm_bundle_reader_open(&reader, prefix, NULL, &error));
  check(sm_bundle_reader_read_tensor(&tensor, reader, key, NULL, &error));
  sm_tensor_free(tensor);
  sm_bundle_reader_close(reader);
  return 0;
}

static int usage(void) {
  fprintf(stderr, "usage: bench_bundle COMMAND RUNS PREFIX [OUT]; the source lists them\n");
  return 2;
}

static void print(const job *j, const char *name) {
  size_t n = j->runs; /* the one for the heap is behind them */
  bench_result cpu = bench_summary(taken.cpu, n), wall = bench_summary(taken.wall, n);
  printf("{\"job\":\"%s\",\"runs\":%zu,\"n\":%zu,\"bytes\":%zu", name, n, j->n, j->total);
  printf(",\"cpu_min\":%.4f,\"cpu_med\":%.4f,\"wall_min\":%.4f,\"wall_med\":%.4f", cpu.min, cpu.median, wall.min,
         wall.median);
  printf(",\"base\":%ld,\"end\":%ld,\"peak\":%ld,\"heap\":%zu}\n", j->base, j->end, j->peak, j->memory.peak);
}

int main(int argc, char **argv) {
  const struct command *command = NULL;
  if (argc == 2 && strcmp(argv[1], "nothing") == 0) return 0;
  if (argc == 4 && strcmp(argv[1], "one") == 0) return read_one(argv[2], argv[3]);
  for (size_t i = 0; argc > 1 && i < sizeof commands / sizeof *commands; i++)
    if (strcmp(argv[1], commands[i].name) == 0) command = &commands[i];
  if (command == NULL || argc != (command->needs_out ? 5 : 4)) return usage();
  job j = {.runs = strtoul(argv[2], NULL, 10), .prefix = argv[3], .out = argv[4]};
  if (j.runs == 0 || j.runs > MAX_RUNS) return usage();
  list_bindings(&j);
  if (j.n == 0) return usage();
  command->run(&j);
  print(&j, command->name);
  free_bindings(&j);
  if (j.memory.live != 0) fprintf(stderr, "bench_bundle: %zu bytes were not freed\n", j.memory.live);
  return j.memory.live != 0;
}
