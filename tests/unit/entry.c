#include "bundle/bundle_internal.h"

#include "support/bundle_maker.h"
#include "support/check.h"

static const sm_wire_source source = {.name = "c.index"};

/* ---- Header ---- */

static sm_status read_header(sm_bundle_header *header, const w_buffer *w, sm_arena *arena, sm_error *err) {
  return sm_header_read(header, (sm_span){w->data, w->size}, &source, arena, err);
}

static void put_version(w_buffer *w, int32_t producer, int32_t min_consumer) {
  size_t version = w_begin(w, 3);
  w_varint(w, 1, (uint64_t)(int64_t)producer);
  w_varint(w, 2, (uint64_t)(int64_t)min_consumer);
  w_end(w, version);
}

/* What TensorFlow writes for one file: formats of the table's value for "". */
static void entry__header(void **state) {
  (void)state;
  static const uint8_t usual[] = {0x08, 0x01, 0x1A, 0x02, 0x08, 0x01};
  sm_error err;
  sm_arena arena;
  sm_bundle_header header;
  sm_arena_init(&arena, sm_allocator_or_malloc(NULL), UINT64_MAX);
  assert_ok(sm_header_read(&header, (sm_span){usual, sizeof usual}, &source, &arena, &err), err);
  assert_number("format", header.format, 2);
  assert_number("shards", header.n_shards, 1);
  assert_number("byte order", header.big_endian, false);
  assert_number("producer", header.producer, 1);
  assert_number("min consumer", header.min_consumer, 0);
  assert_number("bad consumers", header.n_bad_consumers, 0);
  sm_arena_free(&arena);
}

static void entry__header_that_cannot_be(void **state) {
  (void)state;
  static const struct {
    int64_t n_shards, endianness;
    int32_t producer, min_consumer;
    sm_status expected;
  } rows[] = {{1, 0, 1, 0, SM_OK},         {1, 1, 0, 0, SM_OK},
              {1, 1, 99, 1, SM_OK},        {0, 0, 1, 0, SM_DATA_LOSS},
              {-1, 0, 1, 0, SM_DATA_LOSS}, {INT32_MAX, 0, 1, 0, SM_RESOURCE_EXHAUSTED},
              {1, 2, 1, 0, SM_DATA_LOSS},  {1, -1, 1, 0, SM_DATA_LOSS},
              {1, 0, -1, 0, SM_DATA_LOSS}, {1, 0, 1, 2, SM_FAILED_PRECONDITION}};
  for (size_t i = 0; i < N_OF(rows); i++) {
    sm_error err;
    sm_arena arena;
    w_buffer w = {0};
    sm_bundle_header header;
    sm_arena_init(&arena, sm_allocator_or_malloc(NULL), UINT64_MAX);
    w_varint(&w, 1, (uint64_t)rows[i].n_shards);
    w_varint(&w, 2, (uint64_t)rows[i].endianness);
    put_version(&w, rows[i].producer, rows[i].min_consumer);
    assert_status(read_header(&header, &w, &arena, &err), rows[i].expected, err);
    if (rows[i].expected != SM_OK) assert_mentions(err.message, "c.index");
    w_free(&w);
    sm_arena_free(&arena);
  }
}

static void entry__bad_consumers(void **state) {
  (void)state;
  for (int packed = 0; packed < 2; packed++)
    for (uint64_t bad = 1; bad <= 2; bad++) {
      sm_error err;
      sm_arena arena;
      w_buffer w = {0};
      sm_bundle_header header;
      sm_arena_init(&arena, sm_allocator_or_malloc(NULL), UINT64_MAX);
      w_varint(&w, 1, 1);
      size_t version = w_begin(&w, 3);
      if (packed) {
        w_bytes(&w, 3, (const uint8_t[]){7, (uint8_t)bad}, 2);
      } else {
        w_varint(&w, 3, 7);
        w_varint(&w, 3, bad);
      }
      w_end(&w, version);
      assert_status(read_header(&header, &w, &arena, &err), bad == 1 ? SM_FAILED_PRECONDITION : SM_OK, err);
      assert_number("bad consumers", header.n_bad_consumers, 2);
      assert_number("first", header.bad_consumers[0], 7);
      assert_number("second", header.bad_consumers[1], bad);
      w_free(&w);
      sm_arena_free(&arena);
    }
}

/* ---- Entries ---- */

static sm_status read_entry(sm_bundle_entry *entry, const w_buffer *w, sm_error *err) {
  static const sm_bundle_header header = {.format = 2, .n_shards = 2};
  const sm_string value = {(const char *)w->data, w->size};
  return sm_entry_read(entry, (sm_string){"key", 3}, value, &header, &source, err);
}

static void entry__fields(void **state) {
  (void)state;
  sm_error err;
  sm_bundle_entry entry;
  b_bundle b;
  const int64_t dims[] = {3, 0, 5};
  b_begin(&b, 1);
  const b_entry expected = {SM_DT_HALF, 3, dims, 1, 4096, 0, 0x12345678};
  const w_buffer *w = b_put_entry(&b, "key", 3, &expected);
  assert_ok(read_entry(&entry, w, &err), err);
  assert_number("dtype", entry.dtype, SM_DT_HALF);
  assert_number("rank", entry.rank, 3);
  for (int i = 0; i < 3; i++) assert_number("dimension", entry.dims[i], dims[i]);
  assert_number("shard", entry.shard, 1);
  assert_number("offset", entry.offset, 4096);
  assert_number("size", entry.size, 0);
  assert_number("crc", entry.crc32c, 0x12345678);
  assert_number("slices", entry.n_slices, 0);
  b_free(&b);
}

static void entry__that_cannot_be(void **state) {
  (void)state;
  static const int64_t none[1], four[] = {4}, negative[] = {-4}, huge[] = {(int64_t)1 << 40, (int64_t)1 << 40},
                                zero_last[] = {(int64_t)1 << 40, (int64_t)1 << 40, 0}, one_too_many[SM_MAX_RANK + 1];
  static const struct {
    b_entry entry;
    const char *mentions; /* NULL: it can */
  } rows[] = {
      {{SM_DT_FLOAT, 1, four, 0, 0, 16, 1}, NULL},
      {{SM_DT_FLOAT, 0, none, 1, INT64_MAX - 4, 4, 1}, NULL},
      {{SM_DT_INT4, 1, four, 0, 0, 4, 1}, NULL}, /* one byte each */
      {{SM_DT_STRING, 1, four, 0, 0, 8, 1}, NULL},
      {{SM_DT_STRING, 1, four, 0, 0, 7, 1}, "7 bytes"},
      {{SM_DT_STRING, 1, none, 0, 0, 4, 1}, NULL},
      {{SM_DT_STRING, 1, none, 0, 0, 0, 1}, NULL},
      {{SM_DT_STRING, 1, none, 0, 0, 5, 1}, "5 bytes"},
      {{SM_DT_VARIANT, 1, four, 0, 0, 20, 1}, NULL},
      {{SM_DT_VARIANT, 1, four, 0, 0, 19, 1}, "19 bytes"},
      {{SM_DT_FLOAT, 1, four, 0, 0, 12, 1}, "12 bytes"},
      {{SM_DT_FLOAT, 1, four, 0, 0, 17, 1}, "17 bytes"},
      {{0, 1, four, 0, 0, 16, 1}, "dtype 0"},
      {{SM_DT_RESOURCE, 1, four, 0, 0, 16, 1}, "DT_RESOURCE"},
      {{SM_DT_FLOAT + SM_DT_REF_OFFSET, 1, four, 0, 0, 16, 1}, "DT_FLOAT_REF"},
      {{99, 1, four, 0, 0, 16, 1}, "dtype 99"},
      {{-1, 1, four, 0, 0, 16, 1}, "dtype -1"},
      {{SM_DT_FLOAT, 1, negative, 0, 0, 16, 1}, "-4"},
      {{SM_DT_FLOAT, 2, huge, 0, 0, 16, 1}, "shape"},
      {{SM_DT_FLOAT, 3, zero_last, 0, 0, 0, 1}, "shape"}, /* as TensorFlow: the product of the first two is too much */
      {{SM_DT_FLOAT, SM_MAX_RANK, one_too_many, 0, 0, 0, 1}, NULL},
      {{SM_DT_FLOAT, SM_MAX_RANK + 1, one_too_many, 0, 0, 0, 1}, "254"},
      {{SM_DT_FLOAT, 1, four, 2, 0, 16, 1}, "data file 2 of 2"},
      {{SM_DT_FLOAT, 1, four, -1, 0, 16, 1}, "data file -1"},
      {{SM_DT_FLOAT, 1, four, 0, -16, 16, 1}, "-16"},
      {{SM_DT_FLOAT, 1, four, 0, 0, -1, 1}, "-1 bytes"},
      {{SM_DT_FLOAT, 1, four, 0, INT64_MAX - 15, 16, 1}, "16 bytes"},
  };
  for (size_t i = 0; i < N_OF(rows); i++) {
    sm_error err;
    sm_bundle_entry entry;
    b_bundle b;
    b_begin(&b, 1);
    const w_buffer *w = b_put_entry(&b, "key", 3, &rows[i].entry);
    sm_status status = read_entry(&entry, w, &err);
    if (rows[i].mentions == NULL) {
      assert_ok(status, err);
    } else {
      assert_status(status, SM_DATA_LOSS, err);
      assert_mentions(err.message, "c.index: key: ");
      assert_mentions(err.message, rows[i].mentions);
    }
    b_free(&b);
  }
}

static void entry__shape_without_rank(void **state) {
  (void)state;
  sm_error err;
  sm_bundle_entry entry;
  w_buffer w = {0};
  w_varint(&w, 1, SM_DT_FLOAT);
  size_t shape = w_begin(&w, 2);
  w_varint(&w, 3, 1);
  w_end(&w, shape);
  assert_status(read_entry(&entry, &w, &err), SM_DATA_LOSS, err);
  w_free(&w);
}

/* Cut anywhere, it is refused, or it says something else; nothing behind the end is read. */
static void entry__cut_off(void **state) {
  (void)state;
  sm_error err;
  sm_bundle_entry entry;
  b_bundle b;
  const int64_t dims[] = {2, 3};
  const sm_extent slice[] = {{0, 2}, {0, -1}};
  b_begin(&b, 1);
  w_buffer *w = b_put_entry(&b, "key", 3, &(b_entry){SM_DT_FLOAT, 2, dims, 0, 0, 24, 7});
  b_put_slice(w, slice, 2);
  for (size_t size = 0; size < w->size; size++) {
    uint8_t *exact = malloc(size + 1);
    memcpy(exact, w->data, size);
    (void)read_entry(&entry, &(w_buffer){exact, size, size}, &err);
    free(exact);
  }
  assert_ok(read_entry(&entry, w, &err), err);
  b_free(&b);
}

/* ---- Slices ---- */

static void entry__slices(void **state) {
  (void)state;
  sm_error err;
  sm_bundle_entry entry;
  b_bundle b;
  const int64_t dims[] = {4, 6};
  const sm_extent slices[][2] = {{{0, 2}, {0, -1}}, {{2, 2}, {0, 6}}};
  b_begin(&b, 1);
  w_buffer *w = b_put_entry(&b, "key", 3, &(b_entry){SM_DT_FLOAT, 2, dims, 1, 0, 0, 0});
  for (size_t i = 0; i < 2; i++) b_put_slice(w, slices[i], 2);
  assert_ok(read_entry(&entry, w, &err), err);
  assert_number("slices", entry.n_slices, 2);
  assert_number("shard", entry.shard, -1);
  uint64_t position = 0;
  for (size_t i = 0; i < 2; i++) {
    sm_extent extents[2];
    assert_ok(sm_bundle_entry_next_slice(extents, &entry, &position, &err), err);
    for (int d = 0; d < 2; d++) {
      assert_number("start", extents[d].start, slices[i][d].start);
      assert_number("length", extents[d].length, slices[i][d].length);
    }
  }
  sm_extent extents[2];
  assert_status(sm_bundle_entry_next_slice(extents, &entry, &position, &err), SM_OUT_OF_RANGE, err);
  position = UINT64_MAX;
  assert_status(sm_bundle_entry_next_slice(extents, &entry, &position, &err), SM_INVALID_ARGUMENT, err);
  b_free(&b);
}

static void entry__slices_that_cannot_be(void **state) {
  (void)state;
  static const struct {
    sm_extent extents[3];
    size_t rank;
  } rows[] = {{{{0, 2}}, 1},
              {{{0, 2}, {0, 6}, {0, 1}}, 3},
              {{{3, 2}, {0, 6}}, 2},
              {{{5, -1}, {0, 6}}, 2},
              {{{-1, 2}, {0, 6}}, 2},
              {{{0, -2}, {0, 6}}, 2},
              {{{INT64_MAX, INT64_MAX}, {0, 6}}, 2},
              {{{0, 2}, {0, INT64_MAX}}, 2}};
  for (size_t i = 0; i < N_OF(rows); i++) {
    sm_error err;
    sm_bundle_entry entry;
    b_bundle b;
    const int64_t dims[] = {4, 6};
    b_begin(&b, 1);
    w_buffer *w = b_put_entry(&b, "key", 3, &(b_entry){SM_DT_FLOAT, 2, dims, 0, 0, 0, 0});
    b_put_slice(w, rows[i].extents, rows[i].rank);
    assert_status(read_entry(&entry, w, &err), SM_DATA_LOSS, err);
    assert_mentions(err.message, "c.index: key: ");
    b_free(&b);
  }
}

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(entry__header),
      cmocka_unit_test(entry__header_that_cannot_be),
      cmocka_unit_test(entry__bad_consumers),
      cmocka_unit_test(entry__fields),
      cmocka_unit_test(entry__that_cannot_be),
      cmocka_unit_test(entry__shape_without_rank),
      cmocka_unit_test(entry__cut_off),
      cmocka_unit_test(entry__slices),
      cmocka_unit_test(entry__slices_that_cannot_be),
  };
  return cmocka_run_group_tests_name("entry", tests, NULL, NULL);
}
