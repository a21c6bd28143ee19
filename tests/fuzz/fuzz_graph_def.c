/*
 * A GraphDef that is the input: changed, listed and checked. What is changed once stays the same when it is changed again;
 * a check tells the same twice; memory stays small.
 */
#include "fuzz.h"

#include <string.h>

#include <savedmodel/graph.h>

#include "support/fault_alloc.h"

const size_t fuzz_message_at = 0;

/* Definitions of all of TensorFlow's operations take some 10 MiB. */
enum { MAX_FIXED = 32 << 20, MAX_FACTOR = 1000 };

typedef struct told {
  size_t n, n_errors, size;
} told;

static void count(void *ctx, const sm_finding *defect) {
  told *t = ctx;
  t->n++;
  t->n_errors += defect->severity == SM_SEVERITY_ERROR;
  t->size += strlen(defect->place) + strlen(defect->what);
}

static void check(sm_string graph_def, const sm_allocator *allocator) {
  told first = {0}, second = {0};
  const sm_string none = {NULL, 0};
  sm_status status = sm_graph_check(graph_def, none, count, &first, allocator, NULL);
  MUST(status == SM_OK || status == SM_DATA_LOSS);
  MUST(status == SM_DATA_LOSS || first.n_errors == 0);
  MUST(sm_graph_check(graph_def, none, count, &second, allocator, NULL) == status);
  MUST(first.n == second.n && first.n_errors == second.n_errors && first.size == second.size);
}

typedef sm_status (*change_fn)(sm_string *out, sm_string graph_def, const sm_allocator *allocator, sm_error *err);

static sm_status clear_devices(sm_string *out, sm_string graph_def, const sm_allocator *allocator, sm_error *err) {
  return sm_graph_clear_devices(out, graph_def, true, allocator, err);
}

static void change_twice(change_fn change, sm_string graph_def, const sm_allocator *allocator) {
  sm_string once, twice;
  sm_status status = change(&once, graph_def, allocator, NULL);
  MUST(status == SM_OK || status == SM_DATA_LOSS);
  if (status != SM_OK) return;
  MUST(change(&twice, once, allocator, NULL) == SM_OK);
  MUST(once.size == twice.size && memcmp(once.data, twice.data, once.size) == 0);
  sm_graph_free_def(&once, allocator);
  sm_graph_free_def(&twice, allocator);
}

static void ignore_name(void *ctx, sm_string name) {
  (void)ctx;
  MUST(name.data[name.size] == '\0');
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
  sm_fault_alloc memory;
  sm_string ops;
  const sm_string graph_def = {(const char *)data, size};
  sm_fault_alloc_init(&memory, UINT64_MAX);
  change_twice(sm_graph_strip_defaults, graph_def, &memory.base);
  change_twice(sm_graph_restore_defaults, graph_def, &memory.base);
  change_twice(clear_devices, graph_def, &memory.base);
  if (sm_graph_list_ops(&ops, graph_def, (sm_string){NULL, 0}, &memory.base, NULL) == SM_OK)
    sm_graph_free_def(&ops, &memory.base);
  (void)sm_graph_list_devices(graph_def, ignore_name, NULL, &memory.base, NULL);
  check(graph_def, &memory.base);
  MUST(memory.live_blocks == 0);
  MUST(memory.peak_bytes <= MAX_FIXED + (uint64_t)MAX_FACTOR * size);
  sm_fault_alloc_destroy(&memory);
  return 0;
}
