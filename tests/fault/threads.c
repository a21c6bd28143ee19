/* A model is shared: eight threads look up everything in it at once and find the same. Under the thread sanitizer
 * this is the proof that what is decoded on first use is published rightly. */
#include "support/check.h"

#include <pthread.h>
#include <stdatomic.h>

#include "support/fault_alloc.h"
#include "support/files.h"
#include "support/models.h"

enum { N_THREADS = 8 };

typedef struct worker {
  pthread_t thread;
  const sm_model *model;
  atomic_int *ready;
  uint64_t digest;
  sm_status status;
} worker;

static void *work(void *ctx) {
  worker *w = ctx;
  atomic_fetch_add(w->ready, 1);
  while (atomic_load(w->ready) < N_THREADS) continue; /* all at once */
  w->status = look_up_everything(w->model, &w->digest);
  return NULL;
}

static void run_all(worker *workers, const sm_model *model) {
  atomic_int ready = 0;
  for (int i = 0; i < N_THREADS; i++) {
    workers[i] = (worker){.model = model, .ready = &ready};
    assert_int_equal(pthread_create(&workers[i].thread, NULL, work, &workers[i]), 0);
  }
  for (int i = 0; i < N_THREADS; i++) assert_int_equal(pthread_join(workers[i].thread, NULL), 0);
}

static void threads__find_the_same(void **state) {
  (void)state;
  static const char *const models[] = {"v1/several_meta_graphs", "v1/assets",           "v2/composite_arguments",
                                       "v2/keras3_export",       "v2/function_aliases", "broken/object_graph_bad_child",
                                       "v2/debug_info",          "v2/variables"};
  for (size_t m = 0; m < N_OF(models); m++) {
    uint64_t wanted;
    sm_model *model = open_data(models[m]);
    assert_int_equal(look_up_everything(model, &wanted), SM_OK);
    sm_model_close(model);
    for (int round = 0; round < 5; round++) {
      worker workers[N_THREADS];
      model = open_data(models[m]); /* nothing decoded yet */
      run_all(workers, model);
      for (int i = 0; i < N_THREADS; i++) {
        assert_number(models[m], workers[i].status, SM_OK);
        assert_number(models[m], workers[i].digest, wanted);
      }
      sm_model_close(model);
    }
  }
}

/* One of the threads runs out of memory: that one is told, the others find all. */
static void threads__with_a_failing_allocation(void **state) {
  (void)state;
  for (uint64_t n = 0; n < 60; n += 3) {
    sm_fault_alloc fa;
    sm_open_options options = SM_OPEN_OPTIONS_INIT;
    sm_model *model;
    sm_error err;
    worker workers[N_THREADS];
    sm_fault_alloc_init(&fa, UINT64_MAX);
    options.allocator = &fa.base;
    assert_ok(sm_model_open(&model, model_dir("v1/table_main_op"), &options, &err), err);
    sm_fault_alloc_rearm(&fa, n);
    run_all(workers, model);
    int n_told = 0;
    for (int i = 0; i < N_THREADS; i++) n_told += workers[i].status != SM_OK;
    assert_int_equal(n_told, fa.fired ? 1 : 0);
    sm_model_close(model);
    assert_number("live blocks", fa.live_blocks, 0);
    sm_fault_alloc_destroy(&fa);
  }
}

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(threads__find_the_same),
      cmocka_unit_test(threads__with_a_failing_allocation),
  };
  return cmocka_run_group_tests_name("threads", tests, NULL, NULL);
}
