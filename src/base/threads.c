#include "base/threads.h"

#include <pthread.h>
#include <signal.h>
#include <stdatomic.h>

/* More do not read memory any faster. */
enum { MAX_THREADS = 256 };

typedef struct job {
  void (*task)(void *task_ctx, size_t index);
  void *task_ctx;
  size_t n_tasks;
  atomic_size_t next; /* index of the first task that nobody has taken; grows past n_tasks by one for each thread */
} job;

static void *work(void *ctx) {
  job *j = ctx;
  for (;;) {
    size_t index = atomic_fetch_add_explicit(&j->next, 1, memory_order_relaxed);
    if (index >= j->n_tasks) return NULL; /* what was written becomes visible when the thread is joined */
    j->task(j->task_ctx, index);
  }
}

/* The program's signals are for the program's threads: ours are born with all of them blocked. */
static size_t start_threads(pthread_t *threads, size_t n, job *j) {
  sigset_t all, before;
  size_t n_started = 0;
  (void)sigfillset(&all);
  if (pthread_sigmask(SIG_SETMASK, &all, &before) != 0) return 0;
  while (n_started < n && pthread_create(&threads[n_started], NULL, work, j) == 0) n_started++;
  (void)pthread_sigmask(SIG_SETMASK, &before, NULL);
  return n_started;
}

void sm_parallel_for(const sm_executor *executor, uint32_t n_threads, size_t n_tasks,
                     void (*task)(void *task_ctx, size_t index), void *task_ctx) {
  if (n_tasks == 0) return;
  if (executor != NULL) {
    executor->run(executor->ctx, n_tasks, task, task_ctx);
    return;
  }
  pthread_t threads[MAX_THREADS - 1];
  job j = {.task = task, .task_ctx = task_ctx, .n_tasks = n_tasks};
  size_t n_wanted = n_threads < MAX_THREADS ? n_threads : MAX_THREADS;
  if (n_wanted > n_tasks) n_wanted = n_tasks;
  size_t n_started = n_wanted > 1 ? start_threads(threads, n_wanted - 1, &j) : 0;
  (void)work(&j);
  for (size_t i = 0; i < n_started; i++) (void)pthread_join(threads[i], NULL);
}
