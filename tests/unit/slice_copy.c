/* Copies between boxes, against a copy that goes element by element. */
#include "support/check.h"

#include "tensor/slice.h"

/* Numbers that look random and are the same every time (Marsaglia, Xorshift RNGs, 2003). */
static uint64_t seed = 88172645463325252u;
static uint64_t draw(uint64_t n) {
  seed ^= seed << 13;
  seed ^= seed >> 7;
  seed ^= seed << 17;
  return seed % n;
}

static size_t volume(const sm_extent *box, size_t rank) {
  size_t n = 1;
  for (size_t i = 0; i < rank; i++) n *= (size_t)box[i].length;
  return n;
}

/* Where an element, given by its number in one box, is in another; false when it is not there. */
static bool locate(size_t *at, size_t number, const sm_extent *from, const sm_extent *in, size_t rank) {
  *at = 0;
  size_t stride = 1;
  for (size_t i = rank; i-- > 0;) {
    int64_t index = from[i].start + (int64_t)(number % (size_t)from[i].length) - in[i].start;
    number /= (size_t)from[i].length;
    if (index < 0 || index >= in[i].length) return false;
    *at += (size_t)index * stride;
    stride *= (size_t)in[i].length;
  }
  return true;
}

static void copy_slowly(uint8_t *dst, const sm_extent *dst_box, const uint8_t *src, const sm_extent *src_box,
                        size_t rank, size_t element_size, size_t order_size) {
  for (size_t n = 0, at; n < volume(src_box, rank); n++) {
    if (!locate(&at, n, src_box, dst_box, rank)) continue;
    for (size_t b = 0; b < element_size; b++)
      dst[at * element_size + b] = src[n * element_size + (b / order_size + 1) * order_size - 1 - b % order_size];
  }
}

/* Bytes before and behind what is written must not change: fill says so. */
static void compare(const sm_extent *dst_box, const sm_extent *src_box, size_t rank, size_t element_size,
                    size_t order_size) {
  size_t dst_size = volume(dst_box, rank) * element_size, src_size = volume(src_box, rank) * element_size;
  uint8_t *dst = malloc(dst_size + 1), *wanted = malloc(dst_size + 1), *src = malloc(src_size + 1);
  memset(dst, 0xEE, dst_size);
  memset(wanted, 0xEE, dst_size);
  for (size_t i = 0; i < src_size; i++) src[i] = (uint8_t)draw(256);
  copy_slowly(wanted, dst_box, src, src_box, rank, element_size, order_size);
  sm_box_copy(dst, dst_box, src, src_box, rank, element_size, order_size);
  assert_bytes("box", dst, dst_size, wanted, dst_size);
  free(dst);
  free(wanted);
  free(src);
}

static void slice_copy__random_boxes(void **state) {
  (void)state;
  static const struct {
    size_t element, order;
  } sizes[] = {{1, 1}, {2, 1}, {2, 2}, {4, 1}, {4, 4}, {8, 8}, {8, 4}, {16, 8}, {16, 1}, {3, 1}};
  for (int round = 0; round < 20000; round++) {
    sm_extent dst_box[7], src_box[7];
    size_t rank = (size_t)draw(8);
    for (size_t i = 0; i < rank; i++) {
      dst_box[i] = (sm_extent){(int64_t)draw(3), (int64_t)draw(4) + 1};
      src_box[i] = draw(3) == 0 ? dst_box[i] : (sm_extent){(int64_t)draw(3), (int64_t)draw(4) + 1};
    }
    size_t which = (size_t)draw(N_OF(sizes));
    compare(dst_box, src_box, rank, sizes[which].element, sizes[which].order);
  }
}

static void slice_copy__empty_boxes(void **state) {
  (void)state;
  static const sm_extent empty[] = {{2, 0}, {0, INT64_MAX}, {0, INT64_MAX}}, other[] = {{0, 9}, {3, 1}, {3, 1}};
  uint8_t nothing = 1;
  sm_box_copy(&nothing, empty, &nothing, other, 3, 8, 1);
  sm_box_copy(NULL, other, NULL, empty, 3, 8, 8);
  assert_int_equal(nothing, 1);
}

/* 254 dimensions, of which most are 1: they cost nothing. */
static void slice_copy__highest_rank(void **state) {
  (void)state;
  sm_extent dst_box[SM_MAX_RANK], src_box[SM_MAX_RANK];
  for (size_t i = 0; i < SM_MAX_RANK; i++)
    dst_box[i] = src_box[i] = (sm_extent){i % 3 == 0 ? 5 : 0, i % 20 == 19 ? 2 : 1};
  compare(dst_box, src_box, SM_MAX_RANK, 4, 1);
  for (size_t i = 19; i < SM_MAX_RANK; i += 40) dst_box[i].start++; /* half of it */
  compare(dst_box, src_box, SM_MAX_RANK, 4, 4);
}

/* A tensor whose elements are sm_strings. */
static void slice_copy__strings(void **state) {
  (void)state;
  static const sm_extent src_box[] = {{0, 2}, {0, 3}}, dst_box[] = {{1, 1}, {1, 2}};
  const sm_string src[] = {{"a", 1}, {"b", 1}, {"c", 1}, {"d", 1}, {"e", 1}, {"f", 1}};
  sm_string dst[2];
  sm_box_copy(dst, dst_box, src, src_box, 2, sizeof *src, 1);
  assert_true(dst[0].data == src[4].data && dst[1].data == src[5].data);
}

typedef struct expected_rows {
  const char *what;
  size_t rank, row_size, n_rows, n_axes;
  sm_extent dst[4], src[4];
} expected_rows;

/* Large copies are few: what is whole in both boxes is one row. */
static void slice_copy__merges_dimensions(void **state) {
  (void)state;
  static const expected_rows table[] = {
      {"same", 3, 4 * 5 * 6 * 7, 1, 0, {{0, 5}, {0, 6}, {0, 7}}, {{0, 5}, {0, 6}, {0, 7}}},
      {"rows", 3, 4 * 2 * 6 * 7, 1, 0, {{1, 2}, {0, 6}, {0, 7}}, {{0, 5}, {0, 6}, {0, 7}}},
      {"middle", 3, 4 * 2 * 7, 5, 0, {{0, 5}, {1, 2}, {0, 7}}, {{0, 5}, {0, 6}, {0, 7}}},
      {"columns", 3, 4 * 3, 30, 0, {{0, 5}, {0, 6}, {2, 3}}, {{0, 5}, {0, 6}, {0, 7}}},
      {"both", 3, 4 * 3, 2, 1, {{0, 5}, {1, 2}, {2, 3}}, {{0, 5}, {0, 6}, {0, 7}}},
      {"ones", 4, 4 * 7, 5, 0, {{0, 5}, {3, 1}, {0, 7}, {0, 1}}, {{0, 5}, {0, 6}, {0, 7}, {0, 1}}},
      {"one of several", 3, 4 * 3, 5, 0, {{0, 5}, {3, 1}, {0, 3}}, {{0, 5}, {0, 6}, {0, 7}}},
      {"apart", 1, 0, 0, 0, {{0, 5}}, {{5, 5}}},
      {"scalar", 0, 4, 1, 0, {{0, 0}}, {{0, 0}}},
  };
  for (size_t i = 0; i < N_OF(table); i++) {
    const expected_rows *t = &table[i];
    sm_box_rows rows;
    sm_box_rows_begin(&rows, t->dst, t->src, t->rank, 4);
    assert_number(t->what, rows.n_rows, t->n_rows);
    if (t->n_rows == 0) continue;
    assert_number(t->what, rows.row_size, t->row_size);
    assert_number(t->what, rows.n_axes, t->n_axes);
  }
}

static void slice_copy__reordered(void **state) {
  (void)state;
  static const uint8_t in[] = {1, 2, 3, 4, 5, 6, 7, 8};
  static const uint8_t out[][8] = {
      [1] = {1, 2, 3, 4, 5, 6, 7, 8},
      [2] = {2, 1, 4, 3, 6, 5, 8, 7},
      [4] = {4, 3, 2, 1, 8, 7, 6, 5},
      [8] = {8, 7, 6, 5, 4, 3, 2, 1},
  };
  for (size_t size = 1; size <= 8; size *= 2) {
    uint8_t got[8], in_place[8];
    memcpy(in_place, in, 8);
    sm_copy_reordered(got, in, 8, size);
    sm_copy_reordered(in_place, in_place, 8, size);
    assert_bytes("copy", got, 8, out[size], 8);
    assert_bytes("in place", in_place, 8, out[size], 8);
  }
  sm_copy_reordered(NULL, NULL, 0, 4);
}

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(slice_copy__random_boxes),      cmocka_unit_test(slice_copy__empty_boxes),
      cmocka_unit_test(slice_copy__highest_rank),      cmocka_unit_test(slice_copy__strings),
      cmocka_unit_test(slice_copy__merges_dimensions), cmocka_unit_test(slice_copy__reordered),
  };
  return cmocka_run_group_tests_name("slice_copy", tests, NULL, NULL);
}
