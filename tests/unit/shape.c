#include "support/check.h"

#include "support/wire_writer.h"
#include "tensor/tensor.h"

static sm_arena arena;
static w_buffer w;
static sm_error err;

static int set_up(void **state) {
  (void)state;
  sm_arena_init(&arena, sm_allocator_or_malloc(NULL), UINT64_MAX);
  w = (w_buffer){0};
  return 0;
}

static int tear_down(void **state) {
  (void)state;
  sm_arena_free(&arena);
  w_free(&w);
  return 0;
}

static sm_status read_pieces(sm_shape *out, size_t split) {
  sm_wire_source source = {.name = "m", .bytes = {w.data, w.size}};
  const sm_span pieces[] = {{w.data, split}, {split != 0 ? w.data + split : w.data, w.size - split}};
  return sm_shape_read(out, (sm_spans){pieces, 2}, &source, &arena, &err);
}

static void put_dim(int64_t size, const char *name) {
  size_t dim = w_begin(&w, 2);
  if (size != 0) w_varint(&w, 1, (uint64_t)size);
  if (name != NULL) w_text(&w, 2, name);
  w_end(&w, dim);
}

static void shape__reads_dims(void **state) {
  (void)state;
  static const int64_t wanted[] = {-1, 28, 0, 1, INT64_MAX, INT64_MIN};
  for (size_t i = 0; i < N_OF(wanted); i++) put_dim(wanted[i], i % 2 ? "batch" : NULL);
  sm_shape shape;
  assert_ok(read_pieces(&shape, w.size), err);
  assert_number("rank", shape.rank, N_OF(wanted));
  for (size_t i = 0; i < N_OF(wanted); i++) assert_number("dim", shape.dims[i], wanted[i]);
}

/* proto3: a message that is not there is one of defaults, so a missing shape is that of a scalar. */
static void shape__nothing_is_a_scalar(void **state) {
  (void)state;
  sm_shape shape = {.rank = 7};
  sm_wire_source source = {.name = "m", .bytes = {NULL, 0}};
  assert_ok(sm_shape_read(&shape, (sm_spans){NULL, 0}, &source, &arena, &err), err);
  assert_number("rank", shape.rank, 0);
  shape.rank = 7;
  assert_ok(read_pieces(&shape, 0), err);
  assert_number("rank", shape.rank, 0);
}

static void shape__unknown_rank(void **state) {
  (void)state;
  sm_shape shape;
  put_dim(3, NULL); /* does not count then */
  w_varint(&w, 3, 1);
  assert_ok(read_pieces(&shape, w.size), err);
  assert_int_equal(shape.rank, -1);
  w_varint(&w, 3, 0); /* the last one counts */
  assert_ok(read_pieces(&shape, w.size), err);
  assert_int_equal(shape.rank, 1);
}

static void shape__pieces_follow_each_other(void **state) {
  (void)state;
  sm_shape shape;
  put_dim(2, NULL);
  size_t split = w.size;
  put_dim(3, NULL);
  put_dim(4, NULL);
  assert_ok(read_pieces(&shape, split), err);
  assert_int_equal(shape.rank, 3);
  for (int i = 0; i < 3; i++) assert_number("dim", shape.dims[i], 2 + i);
}

/* More than a tensor can have: a graph may still say so. */
static void shape__any_rank(void **state) {
  (void)state;
  sm_shape shape;
  for (int i = 0; i < 100000; i++) w_raw(&w, "\x12\x00", 2);
  assert_ok(read_pieces(&shape, w.size), err);
  assert_int_equal(shape.rank, 100000);
}

static void shape__damage(void **state) {
  (void)state;
  sm_shape shape;
  w_raw(&w, "\x12\x02\x08\x80", 4); /* a size that does not end */
  assert_status(read_pieces(&shape, w.size), SM_DATA_LOSS, err);
  assert_number("offset", err.offset, 3);
  w_clear(&w);
  w_raw(&w, "\x12\x05", 2);
  assert_status(read_pieces(&shape, w.size), SM_DATA_LOSS, err);
}

static void shape__elements_and_bytes(void **state) {
  (void)state;
  static const struct {
    const char *what;
    size_t rank;
    int64_t dims[3];
    int64_t n; /* -1: no such tensor */
  } rows[] = {
      {"scalar", 0, {0}, 1},
      {"vector", 1, {5}, 5},
      {"empty", 2, {5, 0}, 0},
      {"unknown", 2, {0, -1}, -1},
      {"negative", 1, {INT64_MIN}, -1},
      {"most", 1, {INT64_MAX}, INT64_MAX},
      {"over", 2, {INT64_MAX, 2}, -1},
      {"3037000500 squared is over", 2, {3037000500, 3037000500}, -1},
      {"2^64 is not 0", 2, {INT64_C(1) << 32, INT64_C(1) << 32}, -1},
      {"0 comes too late", 3, {INT64_C(1) << 32, INT64_C(1) << 32, 0}, -1},
      {"0 comes first", 3, {0, INT64_C(1) << 32, INT64_C(1) << 32}, 0},
  };
  for (size_t i = 0; i < N_OF(rows); i++) {
    int64_t n;
    assert_number(rows[i].what, sm_shape_elements(&n, rows[i].dims, rows[i].rank), rows[i].n >= 0);
    if (rows[i].n >= 0) assert_number(rows[i].what, n, rows[i].n);
  }
  static const int64_t zeros[SM_MAX_RANK + 1] = {0}, halves[] = {INT64_C(1) << 62};
  int64_t n;
  size_t size;
  assert_false(sm_shape_elements(&n, zeros, SM_MAX_RANK + 1));
  assert_true(sm_shape_elements(&n, zeros, SM_MAX_RANK));
  assert_true(sm_shape_bytes(&size, SM_DT_COMPLEX128, (int64_t[]){2, 3}, 2));
  assert_number("complex", size, 96);
  assert_true(sm_shape_bytes(&size, SM_DT_STRING, (int64_t[]){2, 3}, 2));
  assert_number("strings", size, 6 * sizeof(sm_string));
  assert_true(sm_shape_bytes(&size, SM_DT_INT8, halves, 1));
  assert_false(sm_shape_bytes(&size, SM_DT_HALF, halves, 1));
  assert_false(sm_shape_bytes(&size, SM_DT_DOUBLE, halves, 1));
  assert_false(sm_shape_bytes(&size, SM_DT_RESOURCE, NULL, 0));
  assert_false(sm_shape_bytes(&size, (sm_dtype)(SM_DT_REF_OFFSET + SM_DT_FLOAT), NULL, 0));
  assert_false(sm_shape_bytes(&size, (sm_dtype)-1, NULL, 0));
}

#define CASE(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)

int main(void) {
  const struct CMUnitTest tests[] = {
      CASE(shape__reads_dims),         CASE(shape__nothing_is_a_scalar),
      CASE(shape__unknown_rank),       CASE(shape__pieces_follow_each_other),
      CASE(shape__any_rank),           CASE(shape__damage),
      CASE(shape__elements_and_bytes),
  };
  return cmocka_run_group_tests_name("shape", tests, NULL, NULL);
}
