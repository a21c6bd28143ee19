#include "support/check.h"

#include "base/base.h"
#include "bundle/bundle.h"
#include "support/fault_alloc.h"

/* Keys that TensorFlow wrote: p from saved_tensor_slice_util.cc's encoding of rows 2..3 of [4,6], the others from a merged
 * and a V1 checkpoint of TensorFlow 2.21. */
static const struct {
  const char *name;
  size_t name_size;
  sm_extent extents[2];
  size_t rank;
  const char *key;
  size_t key_size;
} rows[] = {
    {"p", 1, {{2, 2}, {0, -1}}, 2, "\x00p\x00\x01\x01\x02\x82\x82\x80\x7F", 10},
    {"full",
     4,
     {{4, 2}, {0, -1}},
     2,
     "\x00"
     "full\x00\x01\x01\x02\x84\x82\x80\x7F",
     13},
    {"columns",
     7,
     {{0, 3}, {4, 3}},
     2,
     "\x00"
     "columns\x00\x01\x01\x02\x80\x83\x84\x83",
     16},
    {"sub/vector", 10, {{75, 75}}, 1, "\x00sub/vector\x00\x01\x01\x01\xC0\x4B\xC0\x4B", 19},
    {"whole", 5, {{0, -1}, {0, -1}}, 2, "\x00whole\x00\x01\x01\x02\x80\x7F\x80\x7F", 14},
    {"name", 4, {{0, 0}}, 0, "\x00name\x00\x01\x00", 8}, /* a scalar */
    {"a\x00\xFF",
     3,
     {{0, 0}},
     0,
     "\x00"
     "a\x00\xFF\xFF\x00\x00\x01\x00",
     9},
};

static void slice_key__put(void **state) {
  (void)state;
  for (size_t i = 0; i < N_OF(rows); i++) {
    sm_error err;
    sm_buffer key;
    sm_buffer_init(&key, sm_allocator_or_malloc(NULL), UINT64_MAX);
    assert_ok(sm_slice_key_put(&key, (sm_string){rows[i].name, rows[i].name_size}, rows[i].extents, rows[i].rank, &err),
              err);
    assert_bytes(rows[i].name, key.data, key.size, rows[i].key, rows[i].key_size);
    sm_buffer_free(&key);
    char copy[32];
    size_t size;
    const sm_slice_spec slice = {rows[i].extents, rows[i].rank};
    const sm_string name = {rows[i].name, rows[i].name_size};
    assert_ok(sm_bundle_slice_key(copy, sizeof copy, &size, name, &slice, &err), err);
    assert_bytes(rows[i].name, copy, size, rows[i].key, rows[i].key_size);
    assert_status(sm_bundle_slice_key(copy, size - 1, &size, name, &slice, &err), SM_OUT_OF_RANGE, err);
    assert_number("size that is needed", size, rows[i].key_size);
  }
}

static void slice_key__parse(void **state) {
  (void)state;
  sm_buffer name;
  sm_buffer_init(&name, sm_allocator_or_malloc(NULL), UINT64_MAX);
  for (size_t i = 0; i < N_OF(rows); i++) {
    sm_error err;
    sm_extent extents[SM_MAX_RANK];
    int32_t rank;
    assert_ok(sm_slice_key_parse(&name, extents, &rank, (sm_string){rows[i].key, rows[i].key_size}, &err), err);
    assert_number(rows[i].name, rank, rows[i].rank);
    assert_bytes(rows[i].name, name.data, name.size, rows[i].name, rows[i].name_size);
    for (int32_t d = 0; d < rank; d++) {
      assert_number(rows[i].name, extents[d].start, rows[i].extents[d].start);
      assert_number(rows[i].name, extents[d].length, rows[i].extents[d].length);
    }
  }
  sm_buffer_free(&name);
}

/* Everything that is shorter or longer, and names that begin as they like. */
static void slice_key__other_keys(void **state) {
  (void)state;
  static const struct {
    const char *key;
    size_t size;
  } others[] = {{"", 0},
                {"v", 1},
                {"\x01\x00", 2},
                {"\x00", 1},
                {"\x00\x00", 2},
                {"\x00v\x00\x02", 4},
                {"\x00v\x00\x01\x02\x01\x00", 7} /* 256 dimensions */};
  sm_buffer name;
  sm_buffer_init(&name, sm_allocator_or_malloc(NULL), UINT64_MAX);
  sm_error err;
  sm_extent extents[SM_MAX_RANK];
  int32_t rank;
  for (size_t i = 0; i < N_OF(others); i++) {
    assert_ok(sm_slice_key_parse(&name, extents, &rank, (sm_string){others[i].key, others[i].size}, &err), err);
    assert_number("other", rank, -1);
  }
  for (size_t i = 0; i < N_OF(rows); i++) {
    for (size_t size = 0; size < rows[i].key_size; size++) {
      assert_ok(sm_slice_key_parse(&name, extents, &rank, (sm_string){rows[i].key, size}, &err), err);
      assert_number(rows[i].name, rank, -1);
    }
    char longer[32] = {0};
    memcpy(longer, rows[i].key, rows[i].key_size);
    assert_ok(sm_slice_key_parse(&name, extents, &rank, (sm_string){longer, rows[i].key_size + 1}, &err), err);
    assert_number(rows[i].name, rank, -1);
  }
  sm_buffer_free(&name);
}

static void slice_key__no_memory(void **state) {
  (void)state;
  sm_fault_alloc fa;
  sm_error err;
  sm_buffer buffer;
  sm_extent extents[SM_MAX_RANK];
  int32_t rank;
  sm_fault_alloc_init(&fa, 0);
  sm_buffer_init(&buffer, &fa.base, UINT64_MAX);
  assert_status(sm_slice_key_parse(&buffer, extents, &rank, (sm_string){rows[0].key, rows[0].key_size}, &err),
                SM_RESOURCE_EXHAUSTED, err);
  sm_fault_alloc_rearm(&fa, 0);
  assert_status(sm_slice_key_put(&buffer, (sm_string){"p", 1}, rows[0].extents, 2, &err), SM_RESOURCE_EXHAUSTED, err);
  sm_buffer_free(&buffer);
  sm_fault_alloc_destroy(&fa);
}

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(slice_key__put),
      cmocka_unit_test(slice_key__parse),
      cmocka_unit_test(slice_key__other_keys),
      cmocka_unit_test(slice_key__no_memory),
  };
  return cmocka_run_group_tests_name("slice_key", tests, NULL, NULL);
}
