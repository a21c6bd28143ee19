/*
 * bench_table: opens a table and looks up keys, many times in this process.
 *
 *     bench_table RUNS FILE
 *
 * Prints one line of JSON; each time is the least of RUNS. "open_one" is mapping the file, opening it, finding one key and
 * closing, in milliseconds; "list" a walk over all entries of a table that was just opened, in milliseconds, and
 * "list_again" of one where all blocks are known to be good; "find" looking up a key that is there and "miss" one that is
 * not, in nanoseconds, in an order that is no order.
 */

#include "bench/bench.h"
#include "table/table.h"

enum { MAX_RUNS = 10000 };

static sm_error error;

static void check(sm_status status) { bench_check("bench_table", status, &error); }

static void keep_least(double *least, double value) {
  if (*least == 0 || value < *least) *least = value;
}

static sm_table *open_table(const char *path) {
  sm_root root = {.fs = sm_fs_local(), .dir = ""};
  sm_bytes file;
  sm_table *table;
  check(sm_bytes_load(&file, &root, path, UINT64_MAX, sm_allocator_or_malloc(NULL), &error));
  check(sm_table_open(&table, &file, path, NULL, &error));
  return table;
}

/* ---- Keys ---- */

typedef struct keys {
  sm_arena arena;
  sm_string *items;
  size_t n;
} keys;

static size_t walk(const sm_table *table, keys *list) {
  sm_table_iter iter;
  size_t n = 0, bytes = 0;
  sm_table_iter_init(&iter, table);
  sm_status status = sm_table_iter_seek(&iter, (sm_string){"", 0}, &error);
  for (; status == SM_OK && iter.is_valid; status = sm_table_iter_next(&iter, &error)) {
    bytes += iter.key.size + iter.value.size;
    if (list != NULL && list->items != NULL) list->items[n] = sm_arena_copy(&list->arena, iter.key);
    n++;
  }
  check(status);
  sm_table_iter_free(&iter);
  return bytes != 0 ? n : 0;
}

static keys list_keys(const sm_table *table) {
  keys list = {.items = NULL};
  sm_arena_init(&list.arena, sm_allocator_or_malloc(NULL), UINT64_MAX);
  list.n = walk(table, &list);
  list.items = sm_arena_array(&list.arena, sm_string, list.n);
  if (list.n == 0 || list.items == NULL) exit(1);
  (void)walk(table, &list);
  for (size_t i = list.n - 1; i != 0; i--) { /* shuffled, the same each time */
    size_t j = (i * 2654435761u) % (i + 1);
    sm_string item = list.items[i];
    list.items[i] = list.items[j];
    list.items[j] = item;
  }
  return list;
}

/* Nanoseconds for each of them; less is how many bytes of the key are left away. */
static double find_all(const sm_table *table, const keys *list, size_t less, sm_status expected) {
  double start = bench_now();
  size_t n = 0;
  for (size_t i = 0; i < list->n; i++) {
    sm_string key = list->items[i], value;
    if (key.size < less + 2) continue;
    key.size -= less;
    if (sm_table_find(&value, table, key, &error) != expected) exit(1);
    n++;
  }
  return n != 0 ? (bench_now() - start) * 1e6 / (double)n : 0;
}

int main(int argc, char **argv) {
  long runs = argc == 3 ? strtol(argv[1], NULL, 10) : 0;
  if (runs < 1 || runs > MAX_RUNS) {
    fprintf(stderr, "usage: bench_table RUNS FILE, with 1 to %d RUNS\n", MAX_RUNS);
    return 2;
  }
  double open_one = 0, list_first = 0, list_again = 0, find = 0, miss = 0;
  sm_table *table = open_table(argv[2]);
  keys list = list_keys(table);
  for (long i = 0; i < runs; i++) {
    double start = bench_now();
    (void)walk(table, NULL);
    keep_least(&list_again, bench_now() - start);
    keep_least(&find, find_all(table, &list, 0, SM_OK));
    keep_least(&miss, find_all(table, &list, 1, SM_NOT_FOUND));
  }
  sm_table_close(table);
  for (long i = 0; i < runs; i++) {
    sm_string value;
    double start = bench_now();
    table = open_table(argv[2]);
    check(sm_table_find(&value, table, list.items[(size_t)i % list.n], &error));
    sm_table_close(table);
    keep_least(&open_one, bench_now() - start);
    table = open_table(argv[2]);
    start = bench_now();
    (void)walk(table, NULL);
    keep_least(&list_first, bench_now() - start);
    sm_table_close(table);
  }
  printf("{\"keys\":%zu,\"open_one\":%.4f,\"list\":%.3f,\"list_again\":%.3f,\"find\":%.0f,\"miss\":%.0f}\n", list.n,
         open_one, list_first, list_again, find, miss);
  sm_arena_free(&list.arena);
  return 0;
}
