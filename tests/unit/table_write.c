/* Expected bytes: design/formats.md 3, by hand (support/table_bytes.h), and files of TensorFlow. Where blocks end is
 * compared with TensorFlow by interop/tables and interop/tables_tf.py. */
#include "support/check.h"

#include "support/fault_alloc.h"
#include "support/files.h"
#include "support/table_bytes.h"
#include "table/table.h"

enum { BLOCK = 262144 };

static sm_error err;

/* ---- A sink ---- */

typedef struct memory {
  w_buffer bytes;
  uint64_t n_calls, fail_at;
} memory;

static sm_status write_memory(void *ctx, const void *data, size_t size, sm_error *error) {
  memory *m = ctx;
  if (m->n_calls++ == m->fail_at) return SM_FAIL(error, SM_UNAVAILABLE, "the disk is full");
  w_raw(&m->bytes, data, size);
  return SM_OK;
}

static sm_table_writer *start(memory *m) {
  sm_table_writer *writer;
  *m = (memory){.fail_at = UINT64_MAX};
  assert_ok(sm_table_writer_new(&writer, (sm_table_sink){write_memory, m}, NULL, &err), err);
  return writer;
}

static void add(sm_table_writer *writer, const char *key, const char *value) {
  assert_ok(sm_table_writer_add(writer, sm_string_of(key), sm_string_of(value), &err), err);
}

static void finish(sm_table_writer *writer) {
  assert_ok(sm_table_writer_finish(writer, &err), err);
  sm_table_writer_free(writer);
}

static sm_table *open_memory(const memory *m) {
  sm_table *table;
  sm_bytes file = {.data = m->bytes.data, .size = m->bytes.size}; /* borrowed */
  assert_ok(sm_table_open(&table, &file, "made", NULL, &err), err);
  return table;
}

/* A key or value of that size, beginning with text. */
static char *long_text(const char *text, size_t size, char filling) {
  char *made = malloc(size + 1);
  memset(made, filling, size);
  memcpy(made, text, strlen(text));
  made[size] = '\0';
  return made;
}

/* ---- Bytes ---- */

static void table_write__nothing(void **state) {
  (void)state;
  memory m;
  w_buffer expected = {0}, index = {0};
  finish(start(&m));
  t_one_restart(&index);
  t_finish(&expected, &index);
  assert_bytes("empty table", m.bytes.data, m.bytes.size, expected.data, expected.size);
  assert_bytes("an empty block", m.bytes.data, 8, "\x00\x00\x00\x00\x01\x00\x00\x00", 8);
  w_free(&m.bytes);
  w_free(&expected);
  w_free(&index);
}

/* 18 entries: prefixes shared, a restart at the seventeenth, the last key shortened in the index. */
static void table_write__one_block(void **state) {
  (void)state;
  memory m;
  w_buffer expected = {0}, block = {0};
  sm_table_writer *writer = start(&m);
  sm_string nothing = {NULL, 0};
  assert_ok(sm_table_writer_add(writer, nothing, sm_string_of("head"), &err), err);
  t_text(&block, 0, "", "head");
  assert_ok(sm_table_writer_add(writer, sm_string_of("key"), nothing, &err), err);
  t_text(&block, 0, "key", "");
  uint32_t second = 0;
  for (int i = 2; i < 18; i++) {
    char key[] = {'k', 'e', 'y', (char)('a' + i), '\0'};
    add(writer, key, "value");
    if (i == 16) second = (uint32_t)block.size;
    t_text(&block, i != 16 ? 3 : 0, key + (i != 16 ? 3 : 0), "value");
  }
  finish(writer);
  t_restarts(&block, (const uint32_t[]){0, second}, 2);
  t_table(&expected, &block, "l");
  assert_bytes("table", m.bytes.data, m.bytes.size, expected.data, expected.size);
  w_free(&m.bytes);
  w_free(&expected);
  w_free(&block);
}

/* The keys of the index, when each entry fills a block of its own. */
static void table_write__index_keys(void **state) {
  (void)state;
  static const struct {
    const char *what, *key, *next; /* next NULL: it is the last one */
    const char *in_index;
  } rows[] = {
      {"one more fits between", "abcde", "abzz", "abd"},
      {"nothing fits between", "abcde", "abdz", "abcde"},
      {"the next goes on", "abc", "abcd", "abc"},
      {"up to FF",
       "a\xFE"
       "b",
       "a\xFF",
       "a\xFE"
       "b"},
      {"FD, FF",
       "a\xFD"
       "b",
       "a\xFF", "a\xFE"},
      {"empty", "", "b", ""},
      {"last", "abc", NULL, "b"},
      {"last, of FF and more",
       "\xFF\xFF"
       "a"
       "b",
       NULL,
       "\xFF\xFF"
       "b"},
      {"last, of FF only", "\xFF\xFF", NULL, "\xFF\xFF"},
      {"last, empty", "", NULL, ""},
  };
  char *value = long_text("", BLOCK, 'v');
  for (size_t i = 0; i < N_OF(rows); i++) {
    memory m;
    w_buffer expected = {0}, block = {0}, index = {0};
    sm_table_writer *writer = start(&m);
    add(writer, rows[i].key, value);
    t_text(&block, 0, rows[i].key, value);
    t_one_restart(&block);
    t_index(&index, 0, rows[i].in_index, t_block(&expected, &block, T_PLAIN));
    uint32_t second = (uint32_t)index.size;
    if (rows[i].next != NULL) {
      char last[] = {(char)(rows[i].next[0] + 1), '\0'};
      add(writer, rows[i].next, "x");
      t_text(&block, 0, rows[i].next, "x");
      t_one_restart(&block);
      t_index(&index, 0, last, t_block(&expected, &block, T_PLAIN));
    }
    finish(writer);
    t_restarts(&index, (const uint32_t[]){0, second}, rows[i].next != NULL ? 2 : 1);
    t_finish(&expected, &index);
    assert_bytes(rows[i].what, m.bytes.data, m.bytes.size, expected.data, expected.size);
    w_free(&m.bytes);
    w_free(&expected);
    w_free(&block);
    w_free(&index);
  }
  free(value);
}

/* Where the first block ends, by the size of one value in it; how many blocks there are. */
static void table_write__blocks(void **state) {
  (void)state;
  enum {
    HEAD = 3 + 2 + 1
  }; /* sizes in front of the entry k, the value's in three bytes; its key; a restart and their
                                number are another 8 */
  static const struct {
    const char *what;
    size_t first, second; /* sizes of values */
    size_t n_blocks;
  } rows[] = {
      {"a byte less than a block", BLOCK - 8 - HEAD - 1, 1, 1},
      {"a block to the byte", BLOCK - 8 - HEAD, 1, 2},
      {"small, then a byte less than two blocks", 10, 2 * BLOCK - 2, 1},
      {"small, then an entry of two blocks", 10, 2 * BLOCK - 1, 2},
      {"two large ones", 2 * BLOCK, 2 * BLOCK, 2},
  };
  for (size_t i = 0; i < N_OF(rows); i++) {
    memory m;
    char *first = long_text("", rows[i].first, 'v'), *second = long_text("", rows[i].second, 'w');
    sm_table_writer *writer = start(&m);
    add(writer, "k", first);
    add(writer, "l", second);
    finish(writer);
    /* sizes of data blocks are what lies before the metaindex block; the second entry has its whole key when it begins
     * a block, and shares nothing with k otherwise: only trailers and restarts differ */
    size_t one = 4 + (rows[i].first < 128 ? 0 : rows[i].first < 16384 ? 1 : 2) + rows[i].first;
    size_t two = 4 + (rows[i].second < 128 ? 0 : rows[i].second < 16384 ? 1 : 2) + rows[i].second;
    size_t metaindex = one + two + rows[i].n_blocks * (8 + T_TRAILER_SIZE);
    assert_bytes(rows[i].what, m.bytes.data + metaindex, 9, "\x00\x00\x00\x00\x01\x00\x00\x00\x00", 9);
    sm_table *table = open_memory(&m);
    sm_string value;
    assert_ok(sm_table_find(&value, table, sm_string_of("l"), &err), err);
    assert_number("value", value.size, rows[i].second);
    sm_table_close(table);
    w_free(&m.bytes);
    free(first);
    free(second);
  }
}

/* Read, and written again. */
static void table_write__files_of_tensorflow(void **state) {
  (void)state;
  static const char *const models[] = {"v1/simple_save", "v1/partitioned_variables", "v2/several_signatures",
                                       "v2/keras3_export"};
  for (size_t i = 0; i < N_OF(models); i++) {
    memory m;
    sm_table *table;
    sm_table_iter iter;
    sm_bytes file = {0};
    file.data = read_file(path_in(model_dir(models[i]), "variables/variables.index"), &file.size);
    void *data = (void *)(uintptr_t)file.data;
    size_t size = file.size;
    assert_ok(sm_table_open(&table, &file, models[i], NULL, &err), err);
    sm_table_writer *writer = start(&m);
    sm_table_iter_init(&iter, table);
    assert_ok(sm_table_iter_seek(&iter, (sm_string){"", 0}, &err), err);
    while (iter.is_valid) {
      assert_ok(sm_table_writer_add(writer, iter.key, iter.value, &err), err);
      assert_ok(sm_table_iter_next(&iter, &err), err);
    }
    sm_table_iter_free(&iter);
    finish(writer);
    assert_bytes(models[i], m.bytes.data, m.bytes.size, data, size);
    sm_table_close(table);
    free(data);
    w_free(&m.bytes);
  }
}

/* ---- Read back ---- */

/* Many blocks; keys of all lengths, with all bytes. */
static void table_write__many_entries(void **state) {
  (void)state;
  enum { N = 30000 };
  memory m;
  sm_table_writer *writer = start(&m);
  char key[16];
  for (int i = 0; i < N; i++) {
    int n = snprintf(key, sizeof key, "%c%05d%c", '\xFF' - 3 + 4 * i / N, i, i % 2 != 0 ? '\xFF' : '\0');
    sm_string value = {key, (size_t)(i % 7)};
    assert_ok(sm_table_writer_add(writer, (sm_string){key, (size_t)n}, value, &err), err);
  }
  finish(writer);
  sm_table *table = open_memory(&m);
  sm_table_iter iter;
  sm_table_iter_init(&iter, table);
  assert_ok(sm_table_iter_seek(&iter, (sm_string){"", 0}, &err), err);
  for (int i = 0; i < N; i++) {
    sm_string value;
    int n = snprintf(key, sizeof key, "%c%05d%c", '\xFF' - 3 + 4 * i / N, i, i % 2 != 0 ? '\xFF' : '\0');
    assert_true(iter.is_valid);
    assert_bytes("key", iter.key.data, iter.key.size, key, (size_t)n);
    assert_bytes("value", iter.value.data, iter.value.size, key, (size_t)(i % 7));
    assert_ok(sm_table_find(&value, table, (sm_string){key, (size_t)n}, &err), err);
    assert_ptr_equal(value.data, iter.value.data);
    assert_ok(sm_table_iter_next(&iter, &err), err);
  }
  assert_false(iter.is_valid);
  sm_table_iter_free(&iter);
  sm_table_close(table);
  w_free(&m.bytes);
}

/* ---- What goes wrong ---- */

static void table_write__order(void **state) {
  (void)state;
  memory m, sound;
  sm_table_writer *writer = start(&m);
  add(writer, "b", "1");
  assert_status(sm_table_writer_add(writer, sm_string_of("b"), sm_string_of("2"), &err), SM_INVALID_ARGUMENT, err);
  assert_status(sm_table_writer_add(writer, sm_string_of("a"), sm_string_of("2"), &err), SM_INVALID_ARGUMENT, err);
  assert_status(sm_table_writer_add(writer, sm_string_of(""), sm_string_of("2"), &err), SM_INVALID_ARGUMENT, err);
  assert_mentions(err.message, "entry 1 is not above");
  if (SIZE_MAX > UINT32_MAX) {
    sm_string huge = {"c", (size_t)UINT32_MAX + 1};
    assert_status(sm_table_writer_add(writer, huge, sm_string_of(""), &err), SM_INVALID_ARGUMENT, err);
    assert_status(sm_table_writer_add(writer, sm_string_of("c"), huge, &err), SM_INVALID_ARGUMENT, err);
  }
  add(writer, "b\x01", "3"); /* none of that did any harm */
  finish(writer);
  writer = start(&sound);
  add(writer, "b", "1");
  add(writer, "b\x01", "3");
  finish(writer);
  assert_bytes("table", m.bytes.data, m.bytes.size, sound.bytes.data, sound.bytes.size);
  w_free(&m.bytes);
  w_free(&sound.bytes);
}

static void table_write__after_the_end(void **state) {
  (void)state;
  memory m;
  sm_table_writer *writer = start(&m);
  add(writer, "a", "1");
  assert_ok(sm_table_writer_finish(writer, &err), err);
  size_t size = m.bytes.size;
  assert_status(sm_table_writer_add(writer, sm_string_of("b"), sm_string_of(""), &err), SM_FAILED_PRECONDITION, err);
  assert_status(sm_table_writer_finish(writer, &err), SM_FAILED_PRECONDITION, err);
  assert_number("size", m.bytes.size, size);
  sm_table_writer_free(writer);
  sm_table_writer_free(NULL);
  w_free(&m.bytes);
}

/* Three blocks and the end; SM_OK: all of it went well. */
static sm_status write_some(sm_table_writer *writer) {
  static char value[100000];
  for (char c = 'a'; c < 'g'; c++)
    SM_TRY(sm_table_writer_add(writer, (sm_string){&c, 1}, (sm_string){value, sizeof value}, &err));
  return sm_table_writer_finish(writer, &err);
}

/* The sink fails once. The table is spoilt from then on, though the sink works again. */
static void table_write__sink_fails(void **state) {
  (void)state;
  for (uint64_t n = 0;; n++) {
    memory m;
    sm_table_writer *writer = start(&m);
    m.fail_at = n;
    sm_status status = write_some(writer);
    bool fired = m.n_calls > n;
    assert_status(status, fired ? SM_UNAVAILABLE : SM_OK, err);
    if (fired) {
      assert_text("message", err.message, "the disk is full");
      uint64_t n_calls = m.n_calls;
      assert_status(sm_table_writer_add(writer, sm_string_of("z"), sm_string_of(""), &err), SM_UNAVAILABLE, err);
      assert_status(sm_table_writer_finish(writer, &err), SM_UNAVAILABLE, err);
      assert_number("calls", m.n_calls, n_calls);
    }
    sm_table_writer_free(writer);
    w_free(&m.bytes);
    if (!fired) {
      assert_number("calls", n, 2 * 4 + 1); /* two data blocks, metaindex and index, with their trailers; the footer */
      break;
    }
  }
}

static void table_write__out_of_memory(void **state) {
  (void)state;
  for (uint64_t n = 0;; n++) {
    sm_fault_alloc fa;
    memory m = {.fail_at = UINT64_MAX};
    sm_table_writer *writer;
    sm_fault_alloc_init(&fa, n);
    sm_status status = sm_table_writer_new(&writer, (sm_table_sink){write_memory, &m}, &fa.base, &err);
    if (status == SM_OK) {
      status = write_some(writer);
      if (fa.fired) assert_status(sm_table_writer_finish(writer, &err), SM_RESOURCE_EXHAUSTED, err);
    } else {
      assert_null(writer);
    }
    assert_status(status, fa.fired ? SM_RESOURCE_EXHAUSTED : SM_OK, err);
    sm_table_writer_free(writer);
    w_free(&m.bytes);
    assert_number("live blocks", fa.live_blocks, 0);
    sm_fault_alloc_destroy(&fa);
    if (!fa.fired) {
      assert_true(n > 6);
      break;
    }
  }
}

/* Memory: a block and the index, however many blocks there are. */
static void table_write__memory(void **state) {
  (void)state;
  sm_fault_alloc fa;
  memory m = {.fail_at = UINT64_MAX};
  sm_table_writer *writer;
  sm_fault_alloc_init(&fa, UINT64_MAX);
  assert_ok(sm_table_writer_new(&writer, (sm_table_sink){write_memory, &m}, &fa.base, &err), err);
  for (int i = 0; i < 200000; i++) {
    char key[32];
    snprintf(key, sizeof key, "layer_%06d/kernel", i);
    add(writer, key, "thirty bytes of value, or so it is");
  }
  assert_ok(sm_table_writer_finish(writer, &err), err);
  assert_true(m.bytes.size > 20 * BLOCK);
  assert_true(fa.peak_bytes < 4 * BLOCK); /* a buffer that grows is there twice while it moves */
  sm_table_writer_free(writer);
  sm_fault_alloc_destroy(&fa);
  w_free(&m.bytes);
}

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(table_write__nothing),
      cmocka_unit_test(table_write__one_block),
      cmocka_unit_test(table_write__index_keys),
      cmocka_unit_test(table_write__blocks),
      cmocka_unit_test(table_write__files_of_tensorflow),
      cmocka_unit_test(table_write__many_entries),
      cmocka_unit_test(table_write__order),
      cmocka_unit_test(table_write__after_the_end),
      cmocka_unit_test(table_write__sink_fails),
      cmocka_unit_test(table_write__out_of_memory),
      cmocka_unit_test(table_write__memory),
  };
  return cmocka_run_group_tests_name("table_write", tests, NULL, NULL);
}
