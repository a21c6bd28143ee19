/* Tables by hand (support/table_bytes.h), and those that TensorFlow wrote. All those that there are: interop/tables. */
#include "support/check.h"

#include "support/fault_alloc.h"
#include "support/files.h"
#include "support/table_bytes.h"
#include "table/table.h"

static sm_error err;

/* ---- Opening what was made ---- */

/* In memory of exactly that size, so that a sanitizer sees a byte too far. */
static sm_bytes bytes_of(const uint8_t *data, size_t size) {
  const sm_allocator *allocator = sm_allocator_or_malloc(NULL);
  uint8_t *copy = sm_alloc(allocator, size);
  if (size != 0) memcpy(copy, data, size);
  return (sm_bytes){.data = copy, .size = size, .owned_from = allocator};
}

static sm_status open_bytes(sm_table **out, const uint8_t *data, size_t size, const sm_table_options *options) {
  sm_bytes file = bytes_of(data, size);
  sm_status status = sm_table_open(out, &file, "m/v.index", options, &err);
  assert_int_equal(status == SM_OK, *out != NULL);
  assert_int_equal(status == SM_OK, file.data == NULL); /* whose it is */
  sm_bytes_unload(&file);
  return status;
}

static sm_table *open_sound(const w_buffer *file) {
  sm_table *table;
  assert_ok(open_bytes(&table, file->data, file->size, NULL), err);
  return table;
}

static sm_table *open_file(const char *path, const sm_table_options *options) {
  size_t size;
  uint8_t *data = read_file(path, &size);
  sm_table *table;
  assert_ok(open_bytes(&table, data, size, options), err);
  free(data);
  return table;
}

/* "key=value,key=value" of all entries from start on; then "!" and a status when something failed. */
static void list_from(char *dst, size_t dst_size, const sm_table *table, const char *start) {
  sm_table_iter iter;
  size_t used = 0;
  dst[0] = '\0';
  sm_table_iter_init(&iter, table);
  sm_status status = sm_table_iter_seek(&iter, sm_string_of(start), &err);
  for (; status == SM_OK && iter.is_valid; status = sm_table_iter_next(&iter, &err))
    used += (size_t)snprintf(dst + used, dst_size - used, "%s%.*s=%.*s", used != 0 ? "," : "", (int)iter.key.size,
                             iter.key.data, (int)iter.value.size, iter.value.data);
  assert_false(iter.is_valid);
  assert_int_equal(sm_table_iter_next(&iter, &err), SM_OK); /* stays where it is */
  if (status != SM_OK) snprintf(dst + used, dst_size - used, "!%s", sm_status_name(status));
  sm_table_iter_free(&iter);
}

static void assert_list(const sm_table *table, const char *start, const char *expected) {
  char found[2048];
  list_from(found, sizeof found, table, start);
  assert_text(start, found, expected);
}

/* expected NULL: there is no such key. */
static void assert_find(const sm_table *table, const char *key, const char *expected) {
  sm_string value;
  sm_status status = sm_table_find(&value, table, sm_string_of(key), &err);
  assert_number(key, status, expected != NULL ? SM_OK : SM_NOT_FOUND);
  if (expected != NULL)
    assert_bytes(key, value.data, value.size, expected, strlen(expected));
  else
    assert_null(value.data);
}

/* ---- Sound tables ---- */

/* Two blocks of several restarts, prefixes shared, an index key between two blocks that is neither's. */
static void make_sound(w_buffer *file) {
  w_buffer block = {0}, index = {0};
  t_text(&block, 0, "", "head");
  t_text(&block, 0, "a", "1");
  uint32_t second = (uint32_t)block.size;
  t_text(&block, 0, "ab", "2");
  t_text(&block, 2, "c", "3");
  t_text(&block, 1, "cdef", "");
  uint32_t third = (uint32_t)block.size;
  t_text(&block, 0, "b", "5");
  t_restarts(&block, (const uint32_t[]){0, second, third}, 3);
  t_index(&index, 0, "c", t_block(file, &block, T_PLAIN));
  uint32_t index_second = (uint32_t)index.size;
  t_text(&block, 0, "dog", "6");
  t_text(&block, 3, "s", "7");
  t_text(&block, 0, "\xFF\xFF", "8"); /* shares nothing, and is no restart */
  t_one_restart(&block);
  t_index(&index, 0, "\xFF\xFF", t_block(file, &block, T_PLAIN));
  t_restarts(&index, (const uint32_t[]){0, index_second}, 2);
  t_finish(file, &index);
  w_free(&block);
  w_free(&index);
}

static void table_read__finds(void **state) {
  (void)state;
  static const char *const rows[][2] = {
      {"", "head"},
      {"a", "1"},
      {"ab", "2"},
      {"abc", "3"},
      {"acdef", ""},
      {"b", "5"},
      {"dog", "6"},
      {"dogs", "7"},
      {"\xFF\xFF", "8"},
      {"0", NULL},
      {"aa", NULL},
      {"abb", NULL},
      {"abcd", NULL},
      {"ac", NULL},
      {"acdeg", NULL},
      {"bb", NULL},
      {"c", NULL},
      {"cc", NULL},
      {"do", NULL},
      {"dogt", NULL},
      {"\xFE", NULL},
      {"\xFF", NULL},
      {"\xFF\xFF\xFF", NULL},
  };
  w_buffer file = {0};
  make_sound(&file);
  sm_table *table = open_sound(&file);
  for (int again = 0; again < 2; again++)
    for (size_t i = 0; i < N_OF(rows); i++) assert_find(table, rows[i][0], rows[i][1]);
  sm_string value;
  assert_ok(sm_table_find(&value, table, (sm_string){NULL, 0}, &err), err);
  assert_bytes("nothing", value.data, value.size, "head", 4);
  sm_table_close(table);
  w_free(&file);
}

static void table_read__walks(void **state) {
  (void)state;
  w_buffer file = {0};
  make_sound(&file);
  sm_table *table = open_sound(&file);
  assert_list(table, "", "=head,a=1,ab=2,abc=3,acdef=,b=5,dog=6,dogs=7,\xFF\xFF=8");
  assert_list(table, "a", "a=1,ab=2,abc=3,acdef=,b=5,dog=6,dogs=7,\xFF\xFF=8");
  assert_list(table, "abz", "acdef=,b=5,dog=6,dogs=7,\xFF\xFF=8");
  assert_list(table, "acd", "acdef=,b=5,dog=6,dogs=7,\xFF\xFF=8");
  assert_list(table, "b1", "dog=6,dogs=7,\xFF\xFF=8"); /* below the index key, above all of its block */
  assert_list(table, "d", "dog=6,dogs=7,\xFF\xFF=8");
  assert_list(table, "\xFF\xFF", "\xFF\xFF=8");
  assert_list(table, "\xFF\xFF\x01", "");
  sm_table_close(table);
  w_free(&file);
}

/* One iterator, back and forth. */
static void table_read__seeks_again(void **state) {
  (void)state;
  w_buffer file = {0};
  make_sound(&file);
  sm_table *table = open_sound(&file);
  sm_table_iter iter;
  sm_table_iter_init(&iter, table);
  static const char *const rows[][2] = {{"dog", "dog"}, {"", ""}, {"abcd", "acdef"}, {"zz", "\xFF\xFF"}, {"a", "a"}};
  for (size_t i = 0; i < N_OF(rows); i++) {
    assert_ok(sm_table_iter_seek(&iter, sm_string_of(rows[i][0]), &err), err);
    assert_true(iter.is_valid);
    assert_bytes(rows[i][0], iter.key.data, iter.key.size, rows[i][1], strlen(rows[i][1]));
  }
  sm_table_iter_free(&iter);
  sm_table_close(table);
  w_free(&file);
}

static void table_read__value_offset(void **state) {
  (void)state;
  w_buffer file = {0}, whole = {0};
  sm_table *table;
  sm_string value;
  make_sound(&file);
  w_raw(&whole, "-", 1);
  w_raw(&whole, file.data, file.size);
  w_raw(&whole, "-", 1);
  sm_bytes bytes = {.data = whole.data + 1, .size = file.size}; /* borrowed */
  assert_ok(sm_table_open(&table, &bytes, "m/v.index", NULL, &err), err);
  assert_ok(sm_table_find(&value, table, sm_string_of("dogs"), &err), err);
  uint64_t offset = sm_table_value_offset(table, value);
  assert_true(offset < file.size);
  assert_int_equal(file.data[offset], '7');
  value.data = (char *)whole.data;
  assert_number("in front of it", sm_table_value_offset(table, value), SM_NO_OFFSET);
  value.data = (char *)whole.data + whole.size - 1;
  assert_number("behind it", sm_table_value_offset(table, value), SM_NO_OFFSET);
  sm_table_close(table);
  w_free(&file);
  w_free(&whole);
}

static void table_read__empty(void **state) {
  (void)state;
  w_buffer file = {0}, index = {0};
  t_one_restart(&index);
  t_finish(&file, &index);
  sm_table *table = open_sound(&file);
  assert_find(table, "", NULL);
  assert_list(table, "", "");
  sm_table_close(table);
  w_free(&file);
  w_free(&index);
}

/* Empty blocks, one of them without restarts, before, between and after others. */
static void table_read__empty_blocks(void **state) {
  (void)state;
  w_buffer file = {0}, block = {0}, index = {0};
  static const char *const bounds[] = {"a", "b", "c", "d", "e"};
  uint32_t restarts[N_OF(bounds)];
  for (size_t i = 0; i < N_OF(bounds); i++) {
    if (i == 1 || i == 3) t_text(&block, 0, bounds[i], "x");
    if (i == 2) t_text(&block, 0, bounds[i], "of no restart, so not there");
    t_restarts(&block, (const uint32_t[]){0}, i != 2);
    restarts[i] = (uint32_t)index.size;
    t_index(&index, 0, bounds[i], t_block(&file, &block, T_PLAIN));
  }
  t_restarts(&index, restarts, N_OF(bounds));
  t_finish(&file, &index);
  sm_table *table = open_sound(&file);
  assert_list(table, "", "b=x,d=x");
  assert_list(table, "b", "b=x,d=x");
  assert_list(table, "c", "d=x");
  assert_list(table, "e", "");
  assert_find(table, "a", NULL);
  assert_find(table, "d", "x");
  sm_table_close(table);
  w_free(&file);
  w_free(&block);
  w_free(&index);
}

/* An index with shared prefixes and a restart for several entries, which other writers may make. */
static void table_read__shared_index_keys(void **state) {
  (void)state;
  w_buffer file = {0}, block = {0}, index = {0};
  static const struct {
    const char *key;
    uint64_t shared;
    const char *tail;
  } rows[] = {{"layer/a", 0, "layer/a"}, {"layer/ab", 7, "b"}, {"layer/b", 6, "b"}, {"m", 0, "m"}, {"mm", 1, "m"}};
  uint32_t second = 0;
  for (size_t i = 0; i < N_OF(rows); i++) {
    t_text(&block, 0, rows[i].key, rows[i].tail);
    t_one_restart(&block);
    if (i == 3) second = (uint32_t)index.size;
    t_index(&index, rows[i].shared, rows[i].tail, t_block(&file, &block, T_PLAIN));
  }
  t_restarts(&index, (const uint32_t[]){0, second}, 2);
  t_finish(&file, &index);
  sm_table *table = open_sound(&file);
  for (size_t i = 0; i < N_OF(rows); i++) assert_find(table, rows[i].key, rows[i].tail);
  assert_find(table, "layer/aa", NULL);
  assert_list(table, "layer/aa", "layer/ab=b,layer/b=b,m=m,mm=m");
  sm_table_close(table);
  w_free(&file);
  w_free(&block);
  w_free(&index);
}

/* The first is found, whether the others are in the same stretch, behind a restart, or in other blocks. */
static void table_read__duplicates(void **state) {
  (void)state;
  w_buffer file = {0}, block = {0}, index = {0};
  uint32_t restarts[3];
  for (int b = 0; b < 3; b++) {
    char value[2] = {(char)('1' + 3 * b)};
    if (b == 0) t_text(&block, 0, "a", "0");
    t_text(&block, 0, "k", value);
    value[0]++;
    t_text(&block, 1, "", value);
    uint32_t second = (uint32_t)block.size;
    value[0]++;
    t_text(&block, 0, "k", value);
    t_restarts(&block, (const uint32_t[]){0, second}, 2);
    restarts[b] = (uint32_t)index.size;
    t_index(&index, 0, b == 2 ? "l" : "k", t_block(&file, &block, T_PLAIN));
  }
  t_restarts(&index, restarts, 3);
  t_finish(&file, &index);
  sm_table *table = open_sound(&file);
  assert_find(table, "k", "1");
  assert_list(table, "", "a=0,k=1,k=2,k=3,k=4,k=5,k=6,k=7,k=8,k=9");
  assert_list(table, "b", "k=1,k=2,k=3,k=4,k=5,k=6,k=7,k=8,k=9");
  sm_table_close(table);
  w_free(&file);
  w_free(&block);
  w_free(&index);
}

/* A writer need not share all it could, and may share as much as it likes. */
static void table_read__shares_less(void **state) {
  (void)state;
  w_buffer file = {0}, block = {0};
  t_text(&block, 0, "abcd", "1");
  t_text(&block, 1, "bce", "2");
  t_text(&block, 4, "", "3"); /* the same key again */
  t_text(&block, 0, "abcef", "4");
  t_text(&block, 2, "d", "5");
  t_one_restart(&block);
  t_table(&file, &block, "z");
  sm_table *table = open_sound(&file);
  assert_list(table, "", "abcd=1,abce=2,abce=3,abcef=4,abd=5");
  assert_find(table, "abce", "2");
  assert_find(table, "abcef", "4");
  assert_find(table, "abd", "5");
  assert_find(table, "abcf", NULL);
  sm_table_close(table);
  w_free(&file);
  w_free(&block);
}

/* Keys with NUL in them. */
static void table_read__any_bytes(void **state) {
  (void)state;
  w_buffer file = {0}, block = {0};
  sm_string value;
  t_entry(&block, 0, "\x00", 1, "\x00", 1);
  t_entry(&block, 1, "p\x00\x01", 3, "ab\x00", 3);
  t_one_restart(&block);
  t_table(&file, &block, "z");
  sm_table *table = open_sound(&file);
  assert_ok(sm_table_find(&value, table, (sm_string){"\x00", 1}, &err), err);
  assert_bytes("NUL", value.data, value.size, "\x00", 1);
  assert_ok(sm_table_find(&value, table, (sm_string){"\x00p\x00\x01", 4}, &err), err);
  assert_bytes("slice key", value.data, value.size, "ab\x00", 3);
  assert_find(table, "", NULL);
  sm_table_close(table);
  w_free(&file);
  w_free(&block);
}

/* ---- Compressed blocks ---- */

static void make_compressed(w_buffer *file) {
  w_buffer block = {0}, index = {0}, empty = {0};
  t_text(&block, 0, "a", "1");
  t_text(&block, 1, "b", "2");
  t_one_restart(&block);
  t_compress(&block);
  t_index(&index, 0, "b", t_block(file, &block, T_SNAPPY));
  uint32_t second = (uint32_t)index.size;
  t_text(&block, 0, "c", "3");
  t_one_restart(&block);
  t_index(&index, 0, "c", t_block(file, &block, T_PLAIN));
  t_restarts(&index, (const uint32_t[]){0, second}, 2);
  t_one_restart(&empty);
  t_handle metaindex = t_block(file, &empty, T_PLAIN);
  t_compress(&index);
  t_footer(file, metaindex, t_block(file, &index, T_SNAPPY));
  w_free(&block);
  w_free(&index);
  w_free(&empty);
}

static void table_read__compressed(void **state) {
  (void)state;
  w_buffer file = {0};
  sm_string first, again;
  make_compressed(&file);
  sm_table *table = open_sound(&file);
  assert_list(table, "", "a=1,ab=2,c=3");
  assert_ok(sm_table_find(&first, table, sm_string_of("ab"), &err), err);
  assert_ok(sm_table_find(&again, table, sm_string_of("ab"), &err), err);
  assert_ptr_equal(first.data, again.data); /* decompressed once */
  assert_number("offset", sm_table_value_offset(table, first), SM_NO_OFFSET);
  sm_table_close(table);
  w_free(&file);
}

/* What is wrong in a compressed block has no place in the file but the block's. */
static void table_read__damage_in_a_compressed_block(void **state) {
  (void)state;
  w_buffer file = {0}, block = {0}, index = {0};
  sm_table *table;
  sm_string value;
  t_text(&block, 0, "j", "v");
  t_one_restart(&block);
  t_index(&index, 0, "j", t_block(&file, &block, T_PLAIN));
  uint32_t second = (uint32_t)index.size;
  t_text(&block, 0, "k", "v");
  t_text(&block, 2, "k", "v");
  t_one_restart(&block);
  t_compress(&block);
  t_index(&index, 0, "k", t_block(&file, &block, T_SNAPPY));
  t_restarts(&index, (const uint32_t[]){0, second}, 2);
  t_finish(&file, &index);
  table = open_sound(&file);
  assert_status(sm_table_find(&value, table, sm_string_of("k"), &err), SM_DATA_LOSS, err);
  assert_text("message", err.message, "m/v.index: block at 18: entry at byte 5: it shares 2 bytes with a key of 1");
  assert_number("offset", err.offset, 18);
  sm_table_close(table);

  sm_fault_alloc fa; /* whoever tries again and again needs no more memory for it */
  sm_fault_alloc_init(&fa, UINT64_MAX);
  sm_table_options options = {.allocator = &fa.base};
  assert_ok(open_bytes(&table, file.data, file.size, &options), err);
  size_t before = fa.live_bytes;
  for (int i = 0; i < 100; i++) assert_status(sm_table_find(&value, table, sm_string_of("k"), &err), SM_DATA_LOSS, err);
  assert_number("memory", fa.live_bytes, before);
  sm_table_close(table);
  sm_fault_alloc_destroy(&fa);
  w_free(&file);
  w_free(&block);
  w_free(&index);
}

/* What is decompressed counts. The block announces a megabyte, and makes it. */
static void table_read__limit(void **state) {
  (void)state;
  enum { SIZE = 1 << 20 };
  w_buffer file = {0}, block = {0}, plain = {0}, rest = {0};
  t_entry(&plain, 0, "k", 1, "", 0);
  plain.data[2] = 0x80; /* the value's size in three bytes */
  w_clear(&plain);
  w_raw(&plain, "\x00\x01", 2);
  w_raw_varint(&plain, SIZE);
  w_raw(&plain, "k", 1);
  t_one_restart(&rest);
  w_raw_varint(&block, plain.size + SIZE + rest.size);
  w_raw(&block, &(uint8_t){(uint8_t)((plain.size) << 2)}, 1); /* a literal: the head and one more byte */
  w_raw(&block, plain.data, plain.size);
  w_raw(&block, "x", 1);
  for (int left = SIZE - 1; left > 0; left -= 64) {
    int n = left < 64 ? left : 64;
    w_raw(&block, (const uint8_t[]){(uint8_t)((n - 1) << 2 | 2), 1, 0}, 3);
  }
  w_raw(&block, &(uint8_t){(uint8_t)((rest.size - 1) << 2)}, 1);
  w_raw(&block, rest.data, rest.size);
  w_buffer index = {0};
  t_index(&index, 0, "k", t_block(&file, &block, T_SNAPPY));
  t_one_restart(&index);
  t_finish(&file, &index);

  sm_table *table = open_sound(&file);
  sm_string value;
  assert_ok(sm_table_find(&value, table, sm_string_of("k"), &err), err);
  assert_number("size", value.size, SIZE);
  assert_int_equal(value.data[SIZE - 1], 'x');
  sm_table_close(table);

  sm_fault_alloc fa;
  sm_fault_alloc_init(&fa, UINT64_MAX);
  sm_table_options options = {.max_bytes = SIZE / 2, .allocator = &fa.base};
  assert_ok(open_bytes(&table, file.data, file.size, &options), err);
  for (int i = 0; i < 3; i++)
    assert_status(sm_table_find(&value, table, sm_string_of("k"), &err), SM_RESOURCE_EXHAUSTED, err);
  assert_mentions(err.message, "max_bytes");
  assert_true(fa.peak_bytes < SIZE / 2);
  sm_table_close(table);
  sm_fault_alloc_destroy(&fa);
  w_free(&file);
  w_free(&block);
  w_free(&plain);
  w_free(&rest);
  w_free(&index);
}

/* ---- Damage: features.md 3a ---- */

/* The table cannot be opened, or else nothing in it can be found. */
static void assert_damaged(const char *what, const w_buffer *file, const char *message) {
  sm_fault_alloc fa;
  sm_fault_alloc_init(&fa, UINT64_MAX);
  for (int verify = SM_VERIFY_DEFAULT; verify <= SM_VERIFY_NONE; verify++) {
    sm_table_options options = {.verify = (sm_verify)verify, .allocator = &fa.base};
    sm_table *table;
    sm_string value;
    sm_status status = open_bytes(&table, file->data, file->size, &options);
    if (status == SM_OK) status = sm_table_find(&value, table, sm_string_of("k"), &err);
    assert_number(what, status, SM_DATA_LOSS);
    assert_mentions(err.message, "m/v.index: ");
    assert_mentions(err.message, message);
    assert_true(err.offset < (file->size != 0 ? file->size : 1));
    if (table != NULL) {
      char list[256];
      list_from(list, sizeof list, table, "");
      assert_mentions(list, "!DATA_LOSS");
    }
    sm_table_close(table);
    assert_number("live blocks", fa.live_blocks, 0);
    assert_true(fa.peak_bytes < 65536); /* whatever sizes the file claims */
  }
  sm_fault_alloc_destroy(&fa);
}

/* S1, S2: the handle of the data block, and of the index block in the footer. */
static void table_read__s1_s2_handles(void **state) {
  (void)state;
  static const struct {
    const char *what;
    t_handle handle;
  } rows[] = {
      {"S1 offset + size is 2^64", {16, UINT64_MAX - 15}},
      {"S1 size + 5 is 2^64", {0, UINT64_MAX - 4}},
      {"S1 offset + size + 5 is 2^64", {10, UINT64_MAX - 14}},
      {"S1 offset near 2^64", {UINT64_MAX, 1}},
      {"S1 offset 2^63", {(uint64_t)1 << 63, (uint64_t)1 << 63}},
      {"S2 a block of 2^60", {0, (uint64_t)1 << 60}},
      {"S2 a block of 1 GiB", {0, 1 << 30}},
      {"into the footer", {0, 100}},
  };
  for (size_t i = 0; i < N_OF(rows); i++) {
    w_buffer file = {0}, block = {0}, index = {0};
    t_text(&block, 0, "k", "v");
    t_one_restart(&block);
    t_handle sound = t_block(&file, &block, T_PLAIN);
    w_buffer whole = {0};
    w_raw(&whole, file.data, file.size);
    t_index(&index, 0, "k", rows[i].handle);
    t_one_restart(&index);
    t_finish(&whole, &index);
    assert_damaged(rows[i].what, &whole, "does not end before the footer");
    w_clear(&whole);
    w_raw(&whole, file.data, file.size);
    t_footer(&whole, sound, rows[i].handle);
    assert_damaged(rows[i].what, &whole, "does not end before the footer");
    w_free(&whole);
    w_free(&file);
    w_free(&block);
    w_free(&index);
  }
}

/* A trailer that would reach into the footer, by a byte; nothing but a footer. */
static void table_read__s1_trailer(void **state) {
  (void)state;
  w_buffer file = {0}, block = {0};
  t_text(&block, 0, "k", "v");
  t_one_restart(&block);
  t_handle whole = t_block(&file, &block, T_PLAIN);
  t_footer(&file, whole, (t_handle){0, whole.size + 1});
  assert_damaged("by a byte", &file, "a block of 14 bytes at 0 does not end before the footer at 18");
  assert_number("offset", err.offset, 18);
  w_clear(&file);
  t_footer(&file, (t_handle){0, 0}, (t_handle){0, 0});
  assert_damaged("footer only", &file, "a block of 0 bytes at 0 does not end before the footer at 0");
  w_free(&file);
  w_free(&block);
}

static void table_read__handles_that_are_none(void **state) {
  (void)state;
  static const struct {
    const char *what, *value;
    size_t size;
  } rows[] = {{"nothing", "", 0},
              {"no size", "\x00", 1},
              {"cut off", "\x00\x80", 2},
              {"eleven bytes", "\x80\x80\x80\x80\x80\x80\x80\x80\x80\x80\x00\x01", 12}};
  for (size_t i = 0; i < N_OF(rows); i++) {
    w_buffer file = {0}, index = {0};
    t_entry(&index, 0, "k", 1, rows[i].value, rows[i].size);
    t_one_restart(&index);
    t_finish(&file, &index);
    assert_damaged(rows[i].what, &file, "the handle of data block 0 is damaged");
    w_free(&file);
    w_free(&index);
  }
}

/* A small file must not make much work: blocks that overlap are n times the same bytes. */
static void table_read__overlapping_blocks(void **state) {
  (void)state;
  for (int backwards = 0; backwards < 2; backwards++) {
    w_buffer file = {0}, block = {0}, index = {0};
    t_text(&block, 0, "k", "v");
    t_one_restart(&block);
    t_handle first = t_block(&file, &block, T_PLAIN);
    t_text(&block, 0, "l", "v");
    t_one_restart(&block);
    t_handle second = t_block(&file, &block, T_PLAIN);
    t_index(&index, 0, "k", backwards ? second : first);
    uint32_t restart = (uint32_t)index.size;
    t_index(&index, 0, "l", first);
    t_restarts(&index, (const uint32_t[]){0, restart}, 2);
    t_finish(&file, &index);
    assert_damaged("overlap", &file, "data block 1 begins at 0, before the one in front of it ends");
    w_free(&file);
    w_free(&block);
    w_free(&index);
  }
}

/* S3: as data block and as index block; what else can be wrong inside is in unit/snappy. */
static void table_read__s3_snappy(void **state) {
  (void)state;
  static const struct {
    const char *what, *block;
    size_t size;
    const char *message;
  } rows[] = {
      {"S3 4 GiB in 5 bytes", "\xFF\xFF\xFF\xFF\x0F", 5, "announces 4294967295 bytes"},
      {"S3 offset 0",
       "\x08\x0C"
       "abcd\x01\x00",
       8, "snappy element at byte 6"},
      {"S3 literal past the end",
       "\x08\x1C"
       "abcd",
       6, "the literal is cut off"},
      {"nothing", "", 0, "does not begin with a size"},
      {"what comes out is no block",
       "\x02\x04"
       "ab",
       4, "too few"},
  };
  for (size_t i = 0; i < N_OF(rows); i++) {
    w_buffer file = {0}, block = {0}, index = {0};
    w_raw(&block, rows[i].block, rows[i].size);
    t_index(&index, 0, "k", t_block(&file, &block, T_SNAPPY));
    t_one_restart(&index);
    t_finish(&file, &index);
    assert_damaged(rows[i].what, &file, rows[i].message);
    w_clear(&file);
    w_raw(&block, rows[i].block, rows[i].size);
    t_footer(&file, (t_handle){0, 0}, t_block(&file, &block, T_SNAPPY));
    assert_damaged(rows[i].what, &file, rows[i].message);
    w_free(&file);
    w_free(&block);
    w_free(&index);
  }
}

/* The entries of one block, as data block and as index block. The block is at byte 0. */
static void assert_entries_damaged(const char *what, const void *entries, size_t size, const uint32_t *restarts,
                                   size_t n_restarts, const char *message) {
  w_buffer file = {0}, block = {0};
  w_raw(&block, entries, size);
  t_restarts(&block, restarts, n_restarts);
  t_table(&file, &block, "zz");
  assert_damaged(what, &file, message);
  w_clear(&file);
  w_raw(&block, entries, size);
  t_restarts(&block, restarts, n_restarts);
  t_footer(&file, (t_handle){0, 0}, t_block(&file, &block, T_PLAIN));
  assert_damaged(what, &file, message);
  assert_mentions(err.message, "block at 0: ");
  w_free(&file);
  w_free(&block);
}

static void table_read__s4_entries(void **state) {
  (void)state;
  static const struct {
    const char *what, *entries;
    size_t size;
    const char *message;
  } rows[] = {
      {"S4 shares with nothing", "\x01\x01\x00k", 4, "shares 1 bytes with a key of 0"},
      {"S4 shares too much",
       "\x00\x01\x00"
       "a\x02\x01\x00k",
       8, "entry at byte 4: it shares 2 bytes with a key of 1"},
      {"S4 tail + value is 2^32", "\x00\xFF\xFF\xFF\xFF\x0F\x01k", 8, "4294967295 bytes and a value of 1"},
      {"S4 value of 2^32 - 1", "\x00\x01\xFF\xFF\xFF\xFF\x0Fk", 8, "a value of 4294967295, 1 left"},
      {"S4 tail past the end", "\x00\x05\x00k", 4, "a key tail of 5 bytes"},
      {"S4 value past the end", "\x00\x01\x02kv", 5, "a value of 2, 2 left"},
      {"S4 size of 2^32", "\x00\x80\x80\x80\x80\x10\x00k", 8, "the sizes in it are damaged"},
      {"S4 varint of 6 bytes", "\x80\x80\x80\x80\x80\x00\x01\x00k", 9, "the sizes in it are damaged"},
      {"S4 varint of 11 bytes", "\x80\x80\x80\x80\x80\x80\x80\x80\x80\x80\x00\x01\x00k", 14,
       "the sizes in it are damaged"},
      {"S4 sizes cut off", "\x00\x01", 2, "the sizes in it are damaged"},
      {"S4 varint cut off", "\x00\x80", 2, "the sizes in it are damaged"},
      {"out of order", "\x00\x01\x00z\x00\x01\x00k", 8, "its key is below the one before"},
      {"out of order, sharing", "\x00\x02\x00kz\x01\x01\x00k", 9, "its key is below the one before"},
      {"out of order by being shorter", "\x00\x02\x00kz\x01\x00\x00", 8, "its key is below the one before"},
  };
  for (size_t i = 0; i < N_OF(rows); i++)
    assert_entries_damaged(rows[i].what, rows[i].entries, rows[i].size, (const uint32_t[]){0}, 1, rows[i].message);
}

static void table_read__s5_restarts(void **state) {
  (void)state;
  static const char entries[] = "\x00\x01\x00j\x01\x01\x00j\x00\x01\x00k"; /* at 0, 4, 8; the second one shares */
  static const struct {
    const char *what;
    uint32_t restarts[4];
    size_t n;
    const char *message;
  } rows[] = {
      {"inside of an entry", {0, 3}, 2, "restart 1 is byte 3"},
      {"where a key is not whole", {0, 4}, 2, "restart 1 is byte 4"},
      {"not at the beginning", {8}, 1, ""},
      {"descending", {0, 8, 0}, 3, "restart 2 is byte 0"},
      {"twice the same", {0, 8, 8}, 3, "restart 2 is byte 8"},
      {"behind the entries", {0, 12}, 2, "restart 1 is byte 12"},
      {"far behind", {0, UINT32_MAX}, 2, "restart 1 is byte 4294967295"},
  };
  for (size_t i = 0; i < N_OF(rows); i++) {
    if (rows[i].n == 1) continue;
    assert_entries_damaged(rows[i].what, entries, sizeof entries - 1, rows[i].restarts, rows[i].n, rows[i].message);
  }
  assert_entries_damaged("an empty block's restart", "", 0, (const uint32_t[]){4}, 1, "restart 0 is byte 4");
  assert_entries_damaged("two in an empty block", "", 0, (const uint32_t[]){0, 0}, 2, "restart 1 is byte 0");
}

/* S5, S12: counts. */
static void table_read__s5_s12_counts(void **state) {
  (void)state;
  static const struct {
    const char *what;
    uint32_t n;
  } rows[] = {{"S5 one too many", 1}, {"S12 2^30", 1u << 30}, {"S12 2^32 - 1: 4 times and 4 more is 0", UINT32_MAX}};
  for (size_t i = 0; i < N_OF(rows); i++) {
    w_buffer file = {0}, block = {0};
    t_text(&block, 0, "", "");
    t_le32(&block, rows[i].n);
    t_table(&file, &block, "z");
    assert_damaged(rows[i].what, &file, "restarts, and there is room for 0");
    w_free(&file);
    w_free(&block);
  }
  for (size_t size = 0; size < 4; size++) {
    w_buffer file = {0}, block = {0};
    w_raw(&block, "\x00\x00\x00", size);
    t_table(&file, &block, "z");
    assert_damaged("S5 shorter than the count", &file, "too few for the number of restarts");
    w_free(&file);
    w_free(&block);
  }
}

static void table_read__s5_footer(void **state) {
  (void)state;
  w_buffer sound = {0}, file = {0};
  make_sound(&sound);
  for (size_t size = 0; size < sound.size; size++) { /* every truncation */
    w_clear(&file);
    w_raw(&file, sound.data, size);
    sm_table *table;
    assert_status(open_bytes(&table, file.data, file.size, NULL), SM_DATA_LOSS, err);
    assert_mentions(err.message, size < 48 ? "are too few for a table, which ends with 48" : "not a table");
  }
  w_clear(&file);
  w_raw(&file, sound.data, sound.size);
  file.data[file.size - 1] ^= 1;
  assert_damaged("S5 magic", &file, "0xda4775248b80fb57 instead of 0xdb4775248b80fb57");
  w_clear(&file);
  for (int i = 0; i < 40; i++) w_raw(&file, "\x80", 1);
  w_raw(&file, "\x57\xFB\x80\x8B\x24\x75\x47\xDB", 8);
  assert_damaged("S5 handles", &file, "the handles in the footer are damaged");
  w_free(&sound);
  w_free(&file);
}

static void table_read__compression_that_is_unknown(void **state) {
  (void)state;
  w_buffer file = {0}, block = {0}, index = {0};
  t_text(&block, 0, "k", "v");
  t_one_restart(&block);
  t_index(&index, 0, "k", t_block(&file, &block, 7));
  t_one_restart(&index);
  t_finish(&file, &index);
  assert_damaged("kind 7", &file, "block at 0: compression 7 is not known");
  assert_number("offset", err.offset, 13);
  w_free(&file);
  w_free(&block);
  w_free(&index);
}

/* Keys that are not where the index says. */
static void table_read__keys_outside_of_their_block(void **state) {
  (void)state;
  w_buffer file = {0}, block = {0}, index = {0};
  t_text(&block, 0, "l", "v");
  t_one_restart(&block);
  t_table(&file, &block, "k");
  assert_damaged("above", &file, "its last key is above its key in the index");
  w_clear(&file);
  t_text(&block, 0, "a", "v");
  t_one_restart(&block);
  t_index(&index, 0, "j", t_block(&file, &block, T_PLAIN));
  uint32_t second = (uint32_t)index.size;
  t_text(&block, 0, "h", "v");
  t_one_restart(&block);
  t_index(&index, 0, "k", t_block(&file, &block, T_PLAIN));
  t_restarts(&index, (const uint32_t[]){0, second}, 2);
  t_finish(&file, &index);
  assert_damaged("below", &file, "its key is below the one before");
  w_free(&file);
  w_free(&block);
  w_free(&index);
}

/* Index keys that share prefixes could make much of a little: a key of 20 000 bytes shared by 2 000 entries. */
static void table_read__large_shared_index_keys(void **state) {
  (void)state;
  w_buffer file = {0}, block = {0}, index = {0};
  char *key = malloc(20001);
  memset(key, 'a', 20000);
  key[20000] = '\0';
  for (int i = 0; i < 2000; i++) {
    t_one_restart(&block);
    t_index(&index, i != 0 ? 20000 : 0, i != 0 ? "b" : key, t_block(&file, &block, T_PLAIN));
  }
  t_one_restart(&index);
  t_finish(&file, &index);
  sm_fault_alloc fa;
  sm_table *table;
  sm_fault_alloc_init(&fa, UINT64_MAX);
  sm_table_options options = {.allocator = &fa.base};
  assert_status(open_bytes(&table, file.data, file.size, &options), SM_RESOURCE_EXHAUSTED, err);
  assert_true(fa.peak_bytes < 70 * file.size);
  sm_fault_alloc_destroy(&fa);
  free(key);
  w_free(&file);
  w_free(&block);
  w_free(&index);
}

/* ---- Checksums ---- */

/* Each bit of each byte. Only the metaindex block and the padding of the footer are never looked at. */
static void table_read__flipped_bits(void **state) {
  (void)state;
  w_buffer file = {0};
  make_sound(&file);
  size_t footer = file.size - T_FOOTER_SIZE;
  char expected[256], found[256];
  sm_table *table = open_sound(&file);
  list_from(expected, sizeof expected, table, "");
  sm_table_close(table);
  size_t n_unnoticed = 0;
  for (size_t i = 0; i < 8 * file.size; i++) {
    file.data[i / 8] ^= (uint8_t)(1u << i % 8);
    sm_status status = open_bytes(&table, file.data, file.size, NULL);
    if (status == SM_OK) {
      list_from(found, sizeof found, table, "");
      if (strstr(found, "!DATA_LOSS") == NULL) {
        assert_text("unnoticed", found, expected);
        n_unnoticed++;
        assert_true(i / 8 >= footer - 13 - 5 - 60);
      }
      sm_table_close(table);
    } else {
      assert_status(status, SM_DATA_LOSS, err);
    }
    file.data[i / 8] ^= (uint8_t)(1u << i % 8);
  }
  assert_true(n_unnoticed <= 8 * (8 + 5 + 40));
  w_free(&file);
}

static void table_read__one_damaged_block(void **state) {
  (void)state;
  w_buffer file = {0};
  make_sound(&file);
  file.data[3] ^= 0x20; /* "head" */
  sm_table *table = open_sound(&file);
  sm_string value;
  for (int i = 0; i < 2; i++) {
    assert_status(sm_table_find(&value, table, sm_string_of("a"), &err), SM_DATA_LOSS, err);
    assert_mentions(err.message, "m/v.index: block at 0: crc32c 0x");
    assert_mentions(err.message, ", its trailer says 0x");
    assert_null(value.data);
  }
  assert_find(table, "dog", "6");
  assert_list(table, "d", "dog=6,dogs=7,\xFF\xFF=8");
  assert_list(table, "", "!DATA_LOSS");
  sm_table_close(table);

  sm_table_options options = {.verify = SM_VERIFY_NONE};
  assert_ok(open_bytes(&table, file.data, file.size, &options), err);
  assert_find(table, "a", "1");
  assert_find(table, "", "Head");
  sm_table_close(table);
  w_free(&file);
}

/* ---- Files of TensorFlow ---- */

static void table_read__files_of_tensorflow(void **state) {
  (void)state;
  static const char *const models[] = {"v1/simple_save", "v1/partitioned_variables", "v2/several_signatures"};
  for (size_t i = 0; i < N_OF(models); i++) {
    sm_table *table = open_file(path_in(model_dir(models[i]), "variables/variables.index"), NULL);
    sm_string value;
    assert_ok(sm_table_find(&value, table, (sm_string){"", 0}, &err), err); /* the header: one shard, producer 1 */
    assert_bytes(models[i], value.data, value.size, "\x08\x01\x1A\x02\x08\x01", 6);
    sm_table_close(table);
  }
}

/* ---- Memory ---- */

/* Every allocation of opening, finding and walking fails once, and what failed works the next time. */
static void table_read__out_of_memory(void **state) {
  (void)state;
  w_buffer file = {0};
  make_compressed(&file);
  for (uint64_t n = 0;; n++) {
    sm_fault_alloc fa;
    sm_table *table;
    sm_string value;
    char list[64];
    sm_fault_alloc_init(&fa, n);
    sm_table_options options = {.allocator = &fa.base};
    sm_status status = open_bytes(&table, file.data, file.size, &options);
    if (status == SM_OK) {
      status = sm_table_find(&value, table, sm_string_of("c"), &err);
      if (status != SM_OK) assert_find(table, "c", "3");
      list_from(list, sizeof list, table, "");
      if (strcmp(list, "a=1,ab=2,c=3") != 0) {
        assert_mentions(list, "!RESOURCE_EXHAUSTED");
        status = SM_RESOURCE_EXHAUSTED;
      }
      if (fa.fired) assert_list(table, "", "a=1,ab=2,c=3");
    }
    assert_int_equal(status, fa.fired ? SM_RESOURCE_EXHAUSTED : SM_OK);
    sm_table_close(table);
    assert_number("live blocks", fa.live_blocks, 0);
    sm_fault_alloc_destroy(&fa);
    if (!fa.fired) {
      assert_true(n > 5);
      break;
    }
  }
  w_free(&file);
}

/* What was checked once costs nothing any more. */
static void table_read__finding_allocates_nothing(void **state) {
  (void)state;
  w_buffer file = {0};
  make_sound(&file);
  sm_fault_alloc fa;
  sm_table *table;
  sm_fault_alloc_init(&fa, UINT64_MAX);
  sm_table_options options = {.allocator = &fa.base};
  assert_ok(open_bytes(&table, file.data, file.size, &options), err);
  assert_find(table, "a", "1");
  assert_find(table, "dogs", "7");
  uint64_t n = fa.n_calls;
  assert_find(table, "a", "1");
  assert_find(table, "acdef", "");
  assert_find(table, "nothing", NULL);
  assert_number("allocations", fa.n_calls, n);
  sm_table_close(table);
  sm_fault_alloc_destroy(&fa);
  w_free(&file);
}

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(table_read__finds),
      cmocka_unit_test(table_read__walks),
      cmocka_unit_test(table_read__seeks_again),
      cmocka_unit_test(table_read__value_offset),
      cmocka_unit_test(table_read__empty),
      cmocka_unit_test(table_read__empty_blocks),
      cmocka_unit_test(table_read__shared_index_keys),
      cmocka_unit_test(table_read__duplicates),
      cmocka_unit_test(table_read__shares_less),
      cmocka_unit_test(table_read__any_bytes),
      cmocka_unit_test(table_read__compressed),
      cmocka_unit_test(table_read__damage_in_a_compressed_block),
      cmocka_unit_test(table_read__limit),
      cmocka_unit_test(table_read__s1_s2_handles),
      cmocka_unit_test(table_read__s1_trailer),
      cmocka_unit_test(table_read__handles_that_are_none),
      cmocka_unit_test(table_read__overlapping_blocks),
      cmocka_unit_test(table_read__s3_snappy),
      cmocka_unit_test(table_read__s4_entries),
      cmocka_unit_test(table_read__s5_restarts),
      cmocka_unit_test(table_read__s5_s12_counts),
      cmocka_unit_test(table_read__s5_footer),
      cmocka_unit_test(table_read__compression_that_is_unknown),
      cmocka_unit_test(table_read__keys_outside_of_their_block),
      cmocka_unit_test(table_read__large_shared_index_keys),
      cmocka_unit_test(table_read__flipped_bits),
      cmocka_unit_test(table_read__one_damaged_block),
      cmocka_unit_test(table_read__files_of_tensorflow),
      cmocka_unit_test(table_read__out_of_memory),
      cmocka_unit_test(table_read__finding_allocates_nothing),
  };
  return cmocka_run_group_tests_name("table_read", tests, NULL, NULL);
}
