#include "support/check.h"

#include <errno.h>
#include <pthread.h>
#include <signal.h>
#include <stdatomic.h>

#include "base/threads.h"

/* The linker puts this in the place of pthread_create, see ../CMakeLists.txt. */
static struct { size_t n_calls, fail_from; /* the number of the call from which on all fail */ } create;

int __real_pthread_create(pthread_t *thread, const pthread_attr_t *attr, void *(*start)(void *), void *arg);
int __wrap_pthread_create(pthread_t *thread, const pthread_attr_t *attr, void *(*start)(void *), void *arg);

int __wrap_pthread_create(pthread_t *thread, const pthread_attr_t *attr, void *(*start)(void *), void *arg) {
  if (atomic_fetch_add(&create.n_calls, 1) >= create.fail_from) return EAGAIN;
  return __real_pthread_create(thread, attr, start, arg);
}

static int no_failure(void **state) {
  (void)state;
  atomic_store(&create.n_calls, 0);
  create.fail_from = SIZE_MAX;
  return 0;
}

/* ---- Each task once ---- */

enum { MOST_TASKS = 5000 };

/* Plain numbers: the thread sanitizer speaks up when two threads have the same task, or when it is read too early. */
typedef struct counts {
  unsigned of_task[MOST_TASKS];
} counts;

static void count_task(void *ctx, size_t index) {
  counts *c = ctx;
  c->of_task[index]++;
}

static void check_each_once(const char *what, const counts *c, size_t n_tasks) {
  for (size_t i = 0; i < MOST_TASKS; i++) assert_number(what, c->of_task[i], i < n_tasks);
}

static void threads__each_task_once(void **state) {
  (void)state;
  static const struct {
    uint32_t n_threads;
    size_t n_tasks, n_created;
  } rows[] = {
      {0, 0, 0},
      {1, 0, 0},
      {8, 0, 0},
      {0, 100, 0},
      {1, 100, 0},
      {2, 100, 1},
      {8, MOST_TASKS, 7},
      {8, 1, 0},
      {8, 2, 1},
      {8, 7, 6},
      {8, 8, 7},
      {256, MOST_TASKS, 255},
      {257, MOST_TASKS, 255},
      {UINT32_MAX, 3, 2},
  };
  for (size_t i = 0; i < N_OF(rows); i++) {
    char what[40];
    counts c = {{0}};
    atomic_store(&create.n_calls, 0);
    (void)snprintf(what, sizeof what, "%u threads, %zu tasks", (unsigned)rows[i].n_threads, rows[i].n_tasks);
    sm_parallel_for(NULL, rows[i].n_threads, rows[i].n_tasks, count_task, &c);
    check_each_once(what, &c, rows[i].n_tasks);
    assert_number(what, atomic_load(&create.n_calls), rows[i].n_created);
  }
}

static void threads__fewer_when_there_are_no_more(void **state) {
  (void)state;
  for (size_t fail_from = 0; fail_from < 8; fail_from++) {
    counts c = {{0}};
    atomic_store(&create.n_calls, 0);
    create.fail_from = fail_from;
    sm_parallel_for(NULL, 8, MOST_TASKS, count_task, &c);
    check_each_once("creation fails", &c, MOST_TASKS);
    assert_number("stops asking", atomic_load(&create.n_calls), fail_from < 7 ? fail_from + 1 : 7);
  }
}

/* ---- Which threads ---- */

typedef struct meeting {
  pthread_mutex_t lock;
  pthread_cond_t all_here;
  size_t n_here, n_expected;
  pthread_t threads[8];
  bool may_get_signals[8];
} meeting;

/* Comes back when all tasks have started, which they only can on as many threads. */
static void meet(void *ctx, size_t index) {
  meeting *m = ctx;
  sigset_t blocked;
  assert_int_equal(pthread_sigmask(SIG_SETMASK, NULL, &blocked), 0);
  m->threads[index] = pthread_self();
  m->may_get_signals[index] = !sigismember(&blocked, SIGUSR1) || !sigismember(&blocked, SIGTERM);
  (void)pthread_mutex_lock(&m->lock);
  if (++m->n_here == m->n_expected) (void)pthread_cond_broadcast(&m->all_here);
  while (m->n_here < m->n_expected) (void)pthread_cond_wait(&m->all_here, &m->lock);
  (void)pthread_mutex_unlock(&m->lock);
}

static void threads__run_at_once(void **state) {
  (void)state;
  meeting m = {.lock = PTHREAD_MUTEX_INITIALIZER, .all_here = PTHREAD_COND_INITIALIZER, .n_expected = 8};
  sm_parallel_for(NULL, 8, 8, meet, &m);
  size_t n_mine = 0;
  for (size_t i = 0; i < 8; i++) {
    bool is_mine = pthread_equal(m.threads[i], pthread_self());
    n_mine += is_mine;
    assert_number("signals reach the thread of the program, and no other", m.may_get_signals[i], is_mine);
  }
  assert_number("the calling thread works too", n_mine, 1);
}

static void threads__leave_signals_as_they_were(void **state) {
  (void)state;
  sigset_t wanted, is;
  counts c = {{0}};
  (void)sigemptyset(&wanted);
  (void)sigaddset(&wanted, SIGUSR2);
  assert_int_equal(pthread_sigmask(SIG_SETMASK, &wanted, NULL), 0);
  sm_parallel_for(NULL, 4, 100, count_task, &c);
  assert_int_equal(pthread_sigmask(SIG_SETMASK, NULL, &is), 0);
  assert_number("SIGUSR2", sigismember(&is, SIGUSR2), 1);
  assert_number("SIGUSR1", sigismember(&is, SIGUSR1), 0);
}

static void note_thread(void *ctx, size_t index) { ((pthread_t *)ctx)[index] = pthread_self(); }

static void threads__one_is_the_caller(void **state) {
  (void)state;
  for (uint32_t n = 0; n < 2; n++) {
    pthread_t threads[3];
    sm_parallel_for(NULL, n, 3, note_thread, threads);
    for (size_t i = 0; i < 3; i++) assert_true(pthread_equal(threads[i], pthread_self()));
  }
}

static void nested(void *ctx, size_t index) { sm_parallel_for(NULL, 3, 10, count_task, (counts *)ctx + index); }

static void threads__tasks_may_have_tasks(void **state) {
  (void)state;
  static counts c[4];
  sm_parallel_for(NULL, 4, N_OF(c), nested, c);
  for (size_t i = 0; i < N_OF(c); i++) check_each_once("nested", &c[i], 10);
}

/* ---- The caller's executor ---- */

typedef struct backwards {
  size_t n_runs, n_tasks;
} backwards;

static void run_backwards(void *ctx, size_t n_tasks, void (*task)(void *task_ctx, size_t index), void *task_ctx) {
  backwards *b = ctx;
  b->n_runs++;
  b->n_tasks += n_tasks;
  while (n_tasks-- > 0) task(task_ctx, n_tasks);
}

static void threads__executor_is_used(void **state) {
  (void)state;
  backwards b = {0};
  const sm_executor executor = {run_backwards, &b};
  counts c = {{0}};
  sm_parallel_for(&executor, 8, 0, count_task, &c);
  assert_number("not for nothing", b.n_runs, 0);
  sm_parallel_for(&executor, 8, 100, count_task, &c);
  check_each_once("executor", &c, 100);
  assert_number("runs", b.n_runs, 1);
  assert_number("tasks", b.n_tasks, 100);
  assert_number("no threads of our own", atomic_load(&create.n_calls), 0);
}

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test_setup(threads__each_task_once, no_failure),
      cmocka_unit_test_setup(threads__fewer_when_there_are_no_more, no_failure),
      cmocka_unit_test_setup(threads__run_at_once, no_failure),
      cmocka_unit_test_setup(threads__leave_signals_as_they_were, no_failure),
      cmocka_unit_test_setup(threads__one_is_the_caller, no_failure),
      cmocka_unit_test_setup(threads__tasks_may_have_tasks, no_failure),
      cmocka_unit_test_setup(threads__executor_is_used, no_failure),
  };
  return cmocka_run_group_tests_name("threads", tests, NULL, NULL);
}
