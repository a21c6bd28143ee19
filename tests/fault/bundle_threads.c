/* A reader is shared: eight threads find, walk, view, read and restore at once, and get the same. Under the thread
 * sanitizer this is the proof that data files and what was found right are published rightly. */
#include "support/check.h"

#include <pthread.h>
#include <stdatomic.h>

#include "support/bundle_maker.h"
#include "support/files.h"

enum { N_THREADS = 8, N_TENSORS = 60, ROUNDS = 20 };

static const int64_t shape[] = {4, 4};

static void key_of(char key[8], int i) { snprintf(key, 8, "k%02d", i); }

static void value_of(float value[16], int i) {
  for (int k = 0; k < 16; k++) value[k] = (float)(100 * i + k);
}

static void make(const char *dir) {
  b_bundle b;
  b_begin(&b, 3);
  for (int i = 0; i < N_TENSORS; i++) {
    char key[8];
    float value[16];
    key_of(key, i);
    value_of(value, i);
    if (i % 5 != 0) {
      (void)b_put_tensor(&b, key, SM_DT_FLOAT, shape, 2, i % 3, value, sizeof value);
      continue;
    }
    const sm_extent rows[][2] = {{{0, 2}, {0, -1}}, {{2, 2}, {0, -1}}};
    const int64_t half[] = {2, 4};
    w_buffer *parts = b_put_entry(&b, key, strlen(key), &(b_entry){SM_DT_FLOAT, 2, shape, 0, 0, 0, 0});
    for (int k = 0; k < 2; k++) b_put_slice(parts, rows[k], 2);
    for (int k = 0; k < 2; k++) (void)b_put_part(&b, key, SM_DT_FLOAT, rows[k], half, 2, k, value + 8 * k, 32);
  }
  b_finish(&b);
  b_write(&b, dir, "c");
  b_free(&b);
}

typedef struct worker {
  pthread_t thread;
  const sm_bundle_reader *reader;
  atomic_int *ready;
  int first;
  bool can_view, is_right;
} worker;

static bool read_one(const sm_bundle_reader *reader, int i, bool can_view) {
  char key[8];
  float expected[16], copy[16];
  sm_tensor_view view;
  sm_tensor *tensor;
  sm_error err;
  key_of(key, i);
  value_of(expected, i);
  sm_status status = sm_bundle_reader_view(&view, reader, key, &err);
  if (status != (can_view && i % 5 != 0 ? SM_OK : SM_FAILED_PRECONDITION)) return false;
  if (status == SM_OK && memcmp(view.data, expected, sizeof expected) != 0) return false;
  if (sm_bundle_reader_read(reader, key, NULL, copy, sizeof copy, &err) != SM_OK) return false;
  if (memcmp(copy, expected, sizeof expected) != 0) return false;
  if (sm_bundle_reader_read_tensor(&tensor, reader, key, NULL, &err) != SM_OK) return false;
  bool is_right = memcmp(sm_tensor_get_view(tensor)->data, expected, sizeof expected) == 0;
  sm_tensor_free(tensor);
  return is_right;
}

static bool walk(const sm_bundle_reader *reader) {
  sm_bundle_iter *iter;
  const sm_bundle_entry *entry;
  int n = 0;
  if (sm_bundle_iter_new(&iter, reader, NULL, NULL) != SM_OK) return false;
  while (sm_bundle_iter_next(&entry, iter, NULL) == SM_OK && entry != NULL) n++;
  sm_bundle_iter_free(iter);
  return n == N_TENSORS;
}

static void *work(void *ctx) {
  worker *w = ctx;
  atomic_fetch_add(w->ready, 1);
  while (atomic_load(w->ready) < N_THREADS) continue; /* all at once */
  w->is_right = true;
  for (int i = 0; i < N_TENSORS; i++)
    w->is_right = w->is_right && read_one(w->reader, (w->first + i) % N_TENSORS, w->can_view);
  w->is_right = w->is_right && walk(w->reader) && sm_bundle_reader_verify(w->reader, NULL, NULL, NULL, NULL) == SM_OK;
  return NULL;
}

static void bundle_threads__one_reader(void **state) {
  (void)state;
  temp_dir dir = make_temp_dir();
  make(dir.path);
  for (int round = 0; round < ROUNDS; round++) {
    worker workers[N_THREADS];
    atomic_int ready = 0;
    sm_error err;
    sm_bundle_reader *reader;
    sm_open_options options = SM_OPEN_OPTIONS_INIT;
    options.no_mmap = round % 4 == 3;
    assert_ok(sm_bundle_reader_open(&reader, path_in(dir.path, "c"), &options, &err), err);
    for (int i = 0; i < N_THREADS; i++) {
      workers[i] = (worker){.reader = reader, .ready = &ready, .first = i % 2 * 7, .can_view = !options.no_mmap};
      assert_int_equal(pthread_create(&workers[i].thread, NULL, work, &workers[i]), 0);
    }
    for (int i = 0; i < N_THREADS; i++) assert_int_equal(pthread_join(workers[i].thread, NULL), 0);
    for (int i = 0; i < N_THREADS; i++) assert_true(workers[i].is_right);
    sm_bundle_reader_close(reader);
  }
  remove_temp_dir(&dir);
}

/* Tensors in place are freed by other threads than the one that closes the reader. */
static void *free_it(void *tensor) {
  sm_tensor_free(tensor);
  return NULL;
}

static void bundle_threads__tensors_outlive_the_reader(void **state) {
  (void)state;
  temp_dir dir = make_temp_dir();
  make(dir.path);
  for (int round = 0; round < ROUNDS; round++) {
    sm_error err;
    sm_bundle_reader *reader;
    pthread_t threads[N_THREADS];
    assert_ok(sm_bundle_reader_open(&reader, path_in(dir.path, "c"), NULL, &err), err);
    for (int i = 0; i < N_THREADS; i++) {
      sm_tensor *tensor;
      char key[8];
      key_of(key, 5 * i + 1);
      assert_ok(sm_bundle_reader_read_tensor(&tensor, reader, key, NULL, &err), err);
      assert_int_equal(pthread_create(&threads[i], NULL, free_it, tensor), 0);
    }
    sm_bundle_reader_close(reader);
    for (int i = 0; i < N_THREADS; i++) assert_int_equal(pthread_join(threads[i], NULL), 0);
  }
  remove_temp_dir(&dir);
}

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(bundle_threads__one_reader),
      cmocka_unit_test(bundle_threads__tensors_outlive_the_reader),
  };
  return cmocka_run_group_tests_name("bundle_threads", tests, NULL, NULL);
}
