/*
 * What reading a checkpoint costs; the lowest of several rounds, CPU time of all threads next to wall time.
 *
 *   bench_bundle keys PREFIX       open, find, list, open and close over and over
 *   bench_bundle load PREFIX [N]   map and check, read into memory of the library's and of the caller's; N threads
 *   bench_bundle one PREFIX KEY    opens and reads one tensor, and prints nothing: for the time of a process
 */
#define _GNU_SOURCE

#include <savedmodel/bundle.h>

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/resource.h>
#include <time.h>

enum { ROUNDS = 7 };

static double seconds(clockid_t clock) {
  struct timespec t;
  clock_gettime(clock, &t);
  return (double)t.tv_sec + (double)t.tv_nsec * 1e-9;
}

static long resident_kib(void) {
  long pages = 0, resident = 0;
  FILE *file = fopen("/proc/self/statm", "r");
  if (file == NULL || fscanf(file, "%ld %ld", &pages, &resident) != 2) resident = 0;
  if (file != NULL) fclose(file);
  return resident * 4;
}

static void must(sm_status status, const sm_error *err) {
  if (status == SM_OK) return;
  fprintf(stderr, "bench_bundle: %s\n", err->message);
  exit(1);
}

typedef struct lap {
  double wall, cpu;
} lap;

static lap start(void) { return (lap){seconds(CLOCK_MONOTONIC), seconds(CLOCK_PROCESS_CPUTIME_ID)}; }

static void stop(lap *best, lap begun) {
  double wall = seconds(CLOCK_MONOTONIC) - begun.wall, cpu = seconds(CLOCK_PROCESS_CPUTIME_ID) - begun.cpu;
  if (best->wall == 0 || wall < best->wall) best->wall = wall;
  if (best->cpu == 0 || cpu < best->cpu) best->cpu = cpu;
}

/* ---- Keys ---- */

static char **list_keys(const sm_bundle_reader *reader, size_t *n) {
  sm_error err;
  sm_bundle_iter *iter;
  const sm_bundle_entry *entry;
  char **keys = NULL;
  must(sm_bundle_iter_new(&iter, reader, NULL, &err), &err);
  for (*n = 0;; ++*n) {
    must(sm_bundle_iter_next(&entry, iter, &err), &err);
    if (entry == NULL) break;
    if ((*n & (*n - 1)) == 0) keys = realloc(keys, (*n == 0 ? 1 : 2 * *n) * sizeof *keys);
    keys[*n] = malloc(entry->key.size + 1);
    memcpy(keys[*n], entry->key.data, entry->key.size);
    keys[*n][entry->key.size] = '\0';
  }
  sm_bundle_iter_free(iter);
  return keys;
}

static void measure_list(const sm_bundle_reader *reader) {
  sm_error err;
  lap best = {0, 0};
  size_t n = 0;
  for (int round = 0; round < ROUNDS; round++) {
    sm_bundle_iter *iter;
    const sm_bundle_entry *entry;
    lap begun = start();
    must(sm_bundle_iter_new(&iter, reader, NULL, &err), &err);
    for (n = 0;; n++) {
      must(sm_bundle_iter_next(&entry, iter, &err), &err);
      if (entry == NULL) break;
    }
    sm_bundle_iter_free(iter);
    stop(&best, begun);
  }
  printf("list %zu keys: wall %.2f ms, CPU %.2f ms\n", n, best.wall * 1e3, best.cpu * 1e3);
}

static void measure_find(const sm_bundle_reader *reader) {
  sm_error err;
  sm_bundle_entry entry;
  size_t n, at = 0;
  char **keys = list_keys(reader, &n);
  lap best = {0, 0};
  for (int round = 0; round < ROUNDS; round++) {
    lap begun = start();
    for (int i = 0; i < 100000; i++) {
      at = (at + 50021) % n; /* a prime: all over the index */
      must(sm_bundle_reader_find(&entry, reader, keys[at], &err), &err);
    }
    stop(&best, begun);
  }
  printf("find: wall %.0f ns, CPU %.0f ns\n", best.wall * 1e4, best.cpu * 1e4);
  best = (lap){0, 0};
  for (int round = 0; round < ROUNDS; round++) {
    char copy[4096];
    lap begun = start();
    for (int i = 0; i < 10000; i++) {
      at = (at + 50021) % n;
      must(sm_bundle_reader_find(&entry, reader, keys[at], &err), &err);
      if (entry.size <= sizeof copy) must(sm_bundle_reader_read(reader, keys[at], NULL, copy, entry.size, &err), &err);
    }
    stop(&best, begun);
  }
  printf("find and read: wall %.0f ns, CPU %.0f ns\n", best.wall * 1e5, best.cpu * 1e5);
  for (size_t i = 0; i < n; i++) free(keys[i]);
  free(keys);
}

static void measure_open(const char *prefix) {
  sm_error err;
  sm_bundle_reader *reader;
  sm_tensor_view view;
  lap best = {0, 0};
  long before = 0;
  must(sm_bundle_reader_open(&reader, prefix, NULL, &err), &err);
  size_t n;
  char **keys = list_keys(reader, &n);
  sm_bundle_reader_close(reader);
  for (int i = 0; i < 10000; i++) {
    if (i == 100) before = resident_kib();
    lap begun = start();
    must(sm_bundle_reader_open(&reader, prefix, NULL, &err), &err);
    must(sm_bundle_reader_view(&view, reader, keys[n / 2], &err), &err);
    sm_bundle_reader_close(reader);
    stop(&best, begun);
  }
  printf("open, view one, close: wall %.0f us, CPU %.0f us; memory after 10000 times: %+ld KiB\n", best.wall * 1e6,
         best.cpu * 1e6, resident_kib() - before);
}

/* ---- Bytes ---- */

typedef enum way { CHECK_MAPPED, VERIFY, INTO_LIBRARY, INTO_CALLER, N_WAYS } way;
static const char *const names[] = {"map and check every tensor", "verify", "read, memory of the library",
                                    "read, memory of the caller (4 KiB pages)"};

static void load(way how, const sm_bundle_reader *reader, sm_binding *bindings, size_t n, size_t total,
                 uint32_t n_threads) {
  sm_error err;
  sm_restore_options options = SM_RESTORE_OPTIONS_INIT;
  options.n_threads = n_threads;
  options.in_place = how == CHECK_MAPPED;
  if (how == VERIFY) {
    must(sm_bundle_reader_verify(reader, NULL, NULL, &options, &err), &err);
    return;
  }
  char *memory = NULL, *p = NULL;
  if (how == INTO_CALLER) {
    memory = p = mmap(NULL, total, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    (void)madvise(memory, total, MADV_NOHUGEPAGE);
  }
  for (size_t i = 0; i < n; p += p != NULL ? bindings[i].size : 0, i++) bindings[i].data = p;
  must(sm_bundle_reader_restore(NULL, reader, bindings, n, &options, &err), &err);
  for (size_t i = 0; i < n; i++) sm_tensor_free(bindings[i].tensor);
  if (memory != NULL) munmap(memory, total);
}

static void measure_load(const char *prefix, uint32_t n_threads) {
  sm_error err;
  sm_bundle_reader *reader;
  size_t n, total = 0;
  must(sm_bundle_reader_open(&reader, prefix, NULL, &err), &err);
  char **keys = list_keys(reader, &n);
  sm_binding *bindings = calloc(n, sizeof *bindings);
  for (size_t i = 0; i < n; i++) {
    sm_bundle_entry entry;
    must(sm_bundle_reader_find(&entry, reader, keys[i], &err), &err);
    bindings[i] = (sm_binding){.key = keys[i], .rank = -1, .size = entry.size};
    total += entry.size;
  }
  sm_bundle_reader_close(reader);
  for (way how = 0; how < N_WAYS; how++) {
    lap best = {0, 0};
    for (int round = 0; round < ROUNDS; round++) {
      lap begun = start();
      must(sm_bundle_reader_open(&reader, prefix, NULL, &err), &err);
      load(how, reader, bindings, n, total, n_threads);
      sm_bundle_reader_close(reader);
      stop(&best, begun);
    }
    printf("%-42s wall %8.2f ms  cpu %8.2f ms  %6.2f GB/s (%.2f per cpu-s)\n", names[how], best.wall * 1e3,
           best.cpu * 1e3, (double)total / best.wall / 1e9, (double)total / best.cpu / 1e9);
  }
  free(bindings);
}

int main(int argc, char **argv) {
  sm_error err;
  sm_bundle_reader *reader;
  if (argc > 2 && strcmp(argv[1], "keys") == 0) {
    must(sm_bundle_reader_open(&reader, argv[2], NULL, &err), &err);
    measure_list(reader);
    measure_find(reader);
    sm_bundle_reader_close(reader);
    measure_open(argv[2]);
  } else if (argc > 2 && strcmp(argv[1], "load") == 0) {
    measure_load(argv[2], argc > 3 ? (uint32_t)strtoul(argv[3], NULL, 10) : 1);
  } else if (argc > 3 && strcmp(argv[1], "one") == 0) {
    sm_tensor *tensor;
    must(sm_bundle_reader_open(&reader, argv[2], NULL, &err), &err);
    must(sm_bundle_reader_read_tensor(&tensor, reader, argv[3], NULL, &err), &err);
    sm_bundle_reader_close(reader);
    sm_tensor_free(tensor);
  } else {
    fprintf(stderr, "usage: bench_bundle keys|load|one PREFIX ...\n");
    return 2;
  }
  return 0;
}
