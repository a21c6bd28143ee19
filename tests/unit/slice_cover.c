/* Covers, against marking element by element. */
#include "support/check.h"

#include <time.h>

#include "support/fault_alloc.h"
#include "tensor/slice.h"

static sm_error err;

static sm_status check_with(const sm_allocator *allocator, uint64_t max_bytes, const sm_extent *wanted,
                            const sm_extent *boxes, size_t n, size_t rank) {
  sm_arena arena;
  sm_arena_init(&arena, sm_allocator_or_malloc(allocator), max_bytes);
  sm_status status = sm_box_check_cover(wanted, boxes, n, rank, &arena, &err);
  sm_arena_free(&arena);
  return status;
}

static sm_status check(const sm_extent *wanted, const sm_extent *boxes, size_t n, size_t rank) {
  return check_with(NULL, UINT64_MAX, wanted, boxes, n, rank);
}

/* Each element of wanted, which is at most 4096 of them, in exactly one box? */
static bool covers(const sm_extent *wanted, const sm_extent *boxes, size_t n, size_t rank) {
  size_t total = 1;
  for (size_t d = 0; d < rank; d++) total *= (size_t)wanted[d].length;
  for (size_t e = 0; e < total; e++) {
    size_t in = 0;
    for (size_t b = 0; b < n; b++) {
      bool inside = true;
      size_t number = e;
      for (size_t d = rank; d-- > 0;) {
        int64_t index = wanted[d].start + (int64_t)(number % (size_t)wanted[d].length);
        number /= (size_t)wanted[d].length;
        const sm_extent *extent = &boxes[b * rank + d];
        inside &= index >= extent->start && index < extent->start + extent->length;
      }
      in += inside;
    }
    if (in != 1) return false;
  }
  return true;
}

static uint64_t seed = 88172645463325252u; /* as in slice_copy.c */
static uint64_t draw(uint64_t n) {
  seed ^= seed << 13;
  seed ^= seed >> 7;
  seed ^= seed << 17;
  return seed % n;
}

/* Cuts one of the boxes in two, at a place where it can be. */
static size_t cut_one(sm_extent *boxes, size_t n, size_t rank) {
  size_t b = (size_t)draw(n), d = (size_t)draw(rank);
  sm_extent *extent = &boxes[b * rank + d];
  if (extent->length < 2) return n;
  memcpy(&boxes[n * rank], &boxes[b * rank], rank * sizeof *boxes);
  int64_t first = 1 + (int64_t)draw((uint64_t)extent->length - 1);
  boxes[n * rank + d] = (sm_extent){extent->start + first, extent->length - first};
  extent->length = first;
  return n + 1;
}

/* Partitions of all kinds, which a nudge to a box makes wrong: overlaps and gaps, often with the right sum. */
static void slice_cover__random_partitions(void **state) {
  (void)state;
  size_t n_good = 0, n_bad = 0;
  for (int round = 0; round < 20000; round++) {
    size_t rank = 1 + (size_t)draw(4), n = 1, n_cuts = (size_t)draw(12);
    sm_extent boxes[16 * 4], wanted[4];
    for (size_t d = 0; d < rank; d++) {
      boxes[d] = (sm_extent){0, 1 + (int64_t)draw(7)};
      wanted[d] = boxes[d];
      if (draw(3) == 0) wanted[d] = (sm_extent){boxes[d].length / 3, boxes[d].length - boxes[d].length / 3};
    }
    for (size_t i = 0; i < n_cuts; i++) n = cut_one(boxes, n, rank);
    if (draw(2) == 0) {
      sm_extent *extent = &boxes[(size_t)draw(n * rank)];
      *extent = draw(2) == 0 ? (sm_extent){extent->start + 1, extent->length} : (sm_extent){0, extent->length};
    }
    bool is_good = covers(wanted, boxes, n, rank);
    assert_status(check(wanted, boxes, n, rank), is_good ? SM_OK : SM_DATA_LOSS, err);
    *(is_good ? &n_good : &n_bad) += 1;
  }
  assert_true(n_good > 5000 && n_bad > 5000);
}

static void slice_cover__says_what_is_wrong(void **state) {
  (void)state;
  static const sm_extent wanted[] = {{0, 4}, {0, 6}};
  static const sm_extent gap[] = {{0, 2}, {0, 6}, {3, 1}, {0, 6}};
  static const sm_extent over[] = {{0, 3}, {0, 6}, {2, 2}, {0, 6}};
  static const sm_extent both[] = {{0, 2}, {0, 6}, {0, 2}, {0, 6}}; /* the sum is right */
  assert_status(check(wanted, gap, 2, 2), SM_DATA_LOSS, err);
  assert_mentions(err.message, "18 elements of the 24");
  assert_mentions(err.message, "gap");
  assert_status(check(wanted, over, 2, 2), SM_DATA_LOSS, err);
  assert_mentions(err.message, "30 elements of the 24");
  assert_mentions(err.message, "overlap");
  assert_status(check(wanted, both, 2, 2), SM_DATA_LOSS, err);
  assert_mentions(err.message, "overlap in 0,2:0,6");
  assert_status(check(wanted, NULL, 0, 2), SM_DATA_LOSS, err);
}

static void slice_cover__scalars_and_nothing(void **state) {
  (void)state;
  static const sm_extent empty[] = {{0, 0}, {0, INT64_MAX}}, box[] = {{0, 5}, {0, 5}};
  assert_ok(check(NULL, NULL, 1, 0), err);
  assert_status(check(NULL, NULL, 0, 0), SM_DATA_LOSS, err);
  assert_status(check(NULL, NULL, 2, 0), SM_DATA_LOSS, err);
  assert_ok(check(empty, box, 1, 2), err);
  assert_ok(check(empty, NULL, 0, 2), err);
}

/* Twenty-seven dimensions of which each box has the same half: counted, these boxes are as much as is wanted. */
static void slice_cover__many_dimensions(void **state) {
  (void)state;
  enum { RANK = 40, N = 1 << 10 };
  sm_extent wanted[RANK], *boxes = calloc((size_t)N * RANK, sizeof *boxes);
  for (size_t d = 0; d < RANK; d++) wanted[d] = (sm_extent){0, d < 10 ? 2 : 1};
  for (size_t i = 0; i < (size_t)N * RANK; i++) boxes[i] = (sm_extent){0, 1};
  assert_status(check(wanted, boxes, N, RANK), SM_DATA_LOSS, err);
  for (size_t d = 0; d < RANK; d++) wanted[d].length = 2; /* 2^40 cells: but counting comes first */
  assert_status(check(wanted, boxes, N, RANK), SM_DATA_LOSS, err);
  for (size_t i = 0; i < N; i++) /* one element each, all of them */
    for (size_t d = 0; d < 10; d++) boxes[i * RANK + d].start = (int64_t)(i >> d & 1);
  for (size_t d = 10; d < RANK; d++) wanted[d].length = 1;
  assert_ok(check(wanted, boxes, N, RANK), err);
  free(boxes);
}

/* Boxes of 2^24 elements, 2^12 of them, for 2^36 elements; they begin in hundreds of places in each of three dimensions. */
static void slice_cover__grid_too_fine(void **state) {
  (void)state;
  enum { N = 1 << 12 };
  static const sm_extent wanted[] = {{0, 1 << 12}, {0, 1 << 12}, {0, 1 << 12}};
  static sm_extent boxes[N * 3];
  for (size_t i = 0; i < N * 3; i++) boxes[i] = (sm_extent){(int64_t)(i * 48271 % 3840), 1 << 8};
  assert_status(check(wanted, boxes, N, 3), SM_UNIMPLEMENTED, err);
  assert_mentions(err.message, "4096 slices");
}

/* A hundred thousand rows, and a grid of as many: quick, and in memory that is a small multiple of theirs. */
static void slice_cover__many_boxes(void **state) {
  (void)state;
  enum { N = 1 << 17 };
  sm_extent *boxes = calloc(N, 2 * sizeof *boxes);
  static const sm_extent rows[] = {{0, N}, {0, 8}}, grid[] = {{0, 1 << 9}, {0, 1 << 8}};
  for (size_t i = 0; i < N; i++) {
    boxes[2 * i] = (sm_extent){(int64_t)(i * 48271 % N), 1};
    boxes[2 * i + 1] = (sm_extent){0, 8};
  }
  sm_fault_alloc fa;
  sm_fault_alloc_init(&fa, UINT64_MAX);
  clock_t start = clock();
  assert_status(check_with(&fa.base, UINT64_MAX, rows, boxes, N, 2), SM_OK, err);
  for (size_t i = 0; i < N; i++) {
    boxes[2 * i] = (sm_extent){(int64_t)(i >> 8), 1};
    boxes[2 * i + 1] = (sm_extent){(int64_t)(i & 255), 1};
  }
  assert_status(check_with(&fa.base, UINT64_MAX, grid, boxes, N, 2), SM_OK, err);
  boxes[1].start = 1; /* twice that cell, and the first one not at all */
  assert_status(check_with(&fa.base, UINT64_MAX, grid, boxes, N, 2), SM_DATA_LOSS, err);
  double seconds = (double)(clock() - start) / CLOCKS_PER_SEC;
  if (seconds > 5) fail_msg("%g seconds", seconds); /* 0.1 where it was written, n^2 would be minutes */
  assert_true(fa.peak_bytes < 8 * N * 2 * sizeof *boxes);
  sm_fault_alloc_destroy(&fa);
  free(boxes);
}

static void slice_cover__without_memory(void **state) {
  (void)state;
  static const sm_extent wanted[] = {{0, 4}, {0, 6}}, boxes[] = {{0, 2}, {0, 6}, {2, 2}, {0, 3}, {2, 2}, {3, 3}};
  assert_status(check_with(NULL, 100, wanted, boxes, 3, 2), SM_RESOURCE_EXHAUSTED, err);
  sm_fault_alloc fa;
  for (uint64_t n = 0, fired = 1; fired; n++) {
    sm_fault_alloc_init(&fa, n);
    sm_status status = check_with(&fa.base, UINT64_MAX, wanted, boxes, 3, 2);
    fired = fa.fired;
    assert_status(status, fired ? SM_RESOURCE_EXHAUSTED : SM_OK, err);
    assert_number("live blocks", fa.live_blocks, 0);
    sm_fault_alloc_destroy(&fa);
  }
}

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(slice_cover__random_partitions),   cmocka_unit_test(slice_cover__says_what_is_wrong),
      cmocka_unit_test(slice_cover__scalars_and_nothing), cmocka_unit_test(slice_cover__many_dimensions),
      cmocka_unit_test(slice_cover__grid_too_fine),       cmocka_unit_test(slice_cover__many_boxes),
      cmocka_unit_test(slice_cover__without_memory),
  };
  return cmocka_run_group_tests_name("slice_cover", tests, NULL, NULL);
}
