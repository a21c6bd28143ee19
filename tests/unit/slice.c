#include "support/check.h"

#include "support/fault_alloc.h"
#include "support/wire_writer.h"
#include "tensor/slice.h"

static w_buffer w;
static sm_error err;

static int set_up(void **state) {
  (void)state;
  w = (w_buffer){0};
  return 0;
}

static int tear_down(void **state) {
  (void)state;
  w_free(&w);
  return 0;
}

static sm_status read_slice(sm_extent *extents, size_t rank, size_t split) {
  sm_wire_source source = {.name = "m", .bytes = {w.data, w.size}};
  const sm_span pieces[] = {{w.data, split}, {split != 0 ? w.data + split : w.data, w.size - split}};
  return sm_slice_read(extents, rank, (sm_spans){pieces, 2}, &source, &err);
}

static void put_extent(int64_t start, int64_t length) {
  size_t extent = w_begin(&w, 1);
  w_varint(&w, 1, (uint64_t)start);
  w_varint(&w, 2, (uint64_t)length);
  w_end(&w, extent);
}

/* Rows 2 and 3 of [4, 6], as TensorFlow writes it (formats: 0A 04 08 02 10 02 0A 00). */
static const uint8_t rows_2_3[] = {0x0A, 4, 0x08, 2, 0x10, 2, 0x0A, 0};

static void slice__reads_as_listed(void **state) {
  (void)state;
  sm_extent extents[4];
  w_raw(&w, rows_2_3, sizeof rows_2_3);
  put_extent(0, 6);  /* all of it, spelled out */
  put_extent(0, -1); /* whole, spelled out: TensorFlow takes it */
  for (size_t split = 0; split <= 6; split += 6) {
    assert_ok(read_slice(extents, 4, split), err);
    static const sm_extent wanted[] = {{2, 2}, {0, -1}, {0, 6}, {0, -1}};
    assert_bytes("extents", extents, sizeof extents, wanted, sizeof wanted);
  }
}

static void slice__last_of_a_field_counts(void **state) {
  (void)state;
  sm_extent extent;
  w_raw(&w, "\x0A\x08\x08\x09\x10\x09\x08\x01\x10\x03", 10);
  assert_ok(read_slice(&extent, 1, w.size), err);
  assert_number("start", extent.start, 1);
  assert_number("length", extent.length, 3);
}

static void slice__refuses_what_tensorflow_refuses(void **state) {
  (void)state;
  static const sm_extent bad[] = {{-1, 2},        {0, 0}, {0, -2},        {1, -1},       {INT64_MAX, 1},
                                  {1, INT64_MAX}, {5, 0}, {INT64_MIN, 1}, {0, INT64_MIN}};
  sm_extent extent;
  for (size_t i = 0; i < N_OF(bad); i++) {
    w_clear(&w);
    put_extent(bad[i].start, bad[i].length);
    assert_status(read_slice(&extent, 1, w.size), SM_DATA_LOSS, err);
  }
  w_clear(&w);
  put_extent(1, INT64_MAX - 1); /* just fits */
  assert_ok(read_slice(&extent, 1, w.size), err);
}

static void slice__rank_must_be_that_of_the_tensor(void **state) {
  (void)state;
  sm_extent extents[3] = {{0, 0}, {7, 7}};
  w_raw(&w, rows_2_3, sizeof rows_2_3);
  assert_status(read_slice(extents, 1, w.size), SM_DATA_LOSS, err);
  assert_number("behind the room there is", extents[1].start, 7);
  assert_status(read_slice(extents, 3, w.size), SM_DATA_LOSS, err);
  assert_mentions(err.message, "2 dimensions, the tensor has 3");
  assert_status(read_slice(extents, 0, w.size), SM_DATA_LOSS, err);
  w_clear(&w);
  assert_ok(read_slice(extents, 0, 0), err);
}

static void slice__damage(void **state) {
  (void)state;
  sm_extent extent;
  static const char *const bad[] = {"\x0A\x05\x08\x02", "\x0A\x02\x08\x80", "\x0A\x02\x08\x80\x01"};
  for (size_t i = 0; i < N_OF(bad); i++) {
    w_clear(&w);
    w_raw(&w, bad[i], strlen(bad[i]));
    assert_status(read_slice(&extent, 1, w.size), SM_DATA_LOSS, err);
  }
}

static void slice__writes_what_tensorflow_writes(void **state) {
  (void)state;
  sm_buffer out;
  sm_buffer_init(&out, sm_allocator_or_malloc(NULL), UINT64_MAX);
  sm_slice_spec slice = {(sm_extent[]){{2, 2}, {0, -1}}, 2};
  assert_ok(sm_slice_write(&out, 7, &slice, &err), err);
  w_bytes(&w, 7, rows_2_3, sizeof rows_2_3);
  assert_bytes("slice", out.data, out.size, w.data, w.size);
  out.size = 0;
  w_clear(&w);
  slice = (sm_slice_spec){(sm_extent[]){{0, 6}, {0, 0}}, 2}; /* a start of 0 is the default, a length of 0 is not */
  assert_ok(sm_slice_write(&out, 7, &slice, &err), err);
  w_bytes(&w, 7, "\x0A\x02\x10\x06\x0A\x02\x10\x00", 8);
  assert_bytes("slice", out.data, out.size, w.data, w.size);
  sm_buffer_free(&out);
}

static void slice__write_without_memory(void **state) {
  (void)state;
  sm_fault_alloc fa;
  sm_fault_alloc_init(&fa, 0);
  sm_buffer out;
  sm_buffer_init(&out, &fa.base, UINT64_MAX);
  sm_slice_spec slice = {(sm_extent[]){{2, 2}}, 1};
  assert_status(sm_slice_write(&out, 7, &slice, &err), SM_RESOURCE_EXHAUSTED, err);
  sm_buffer_free(&out);
  assert_number("live", fa.live_blocks, 0);
  sm_fault_alloc_destroy(&fa);
}

static void slice__box_of_a_shape(void **state) {
  (void)state;
  static const int64_t dims[] = {4, 6, 0, INT64_MAX};
  static const sm_extent fits[] = {{0, -1}, {6, 0}, {0, 0}, {1, INT64_MAX - 1}};
  static const sm_extent wanted[] = {{0, 4}, {6, 0}, {0, 0}, {1, INT64_MAX - 1}};
  static const sm_extent whole[] = {{0, 4}, {0, 6}, {0, 0}, {0, INT64_MAX}};
  sm_extent box[4];
  sm_slice_spec slice = {fits, 4};
  assert_ok(sm_box_of(box, &slice, dims, 4, SM_DATA_LOSS, &err), err);
  assert_bytes("box", box, sizeof box, wanted, sizeof wanted);
  assert_ok(sm_box_of(box, NULL, dims, 4, SM_DATA_LOSS, &err), err);
  assert_bytes("box", box, sizeof box, whole, sizeof whole);
  slice.n_extents = 3;
  assert_status(sm_box_of(box, &slice, dims, 4, SM_DATA_LOSS, &err), SM_DATA_LOSS, err);

  static const sm_extent bad[] = {{0, 5},
                                  {4, 1},
                                  {5, 0},
                                  {-1, 2},
                                  {1, -1},
                                  {0, -2},
                                  {INT64_MAX, INT64_MAX},
                                  {1, INT64_MAX},
                                  {INT64_MIN, INT64_MIN}};
  for (size_t i = 0; i < N_OF(bad); i++) {
    slice = (sm_slice_spec){&bad[i], 1};
    assert_status(sm_box_of(box, &slice, dims, 1, SM_INVALID_ARGUMENT, &err), SM_INVALID_ARGUMENT, err);
    assert_mentions(err.message, "dimension 0, of length 4");
  }
}

static void slice__intersections(void **state) {
  (void)state;
  static const struct {
    sm_extent a, b, common; /* length 0: none */
  } rows[] = {
      {{0, 4}, {2, 4}, {2, 2}}, {{2, 4}, {0, 4}, {2, 2}}, {{0, 9}, {3, 1}, {3, 1}}, {{0, 3}, {3, 3}, {0, 0}},
      {{5, 1}, {0, 3}, {0, 0}}, {{1, 0}, {0, 3}, {0, 0}}, {{1, 2}, {1, 2}, {1, 2}},
  };
  for (size_t i = 0; i < N_OF(rows); i++) {
    sm_extent a[] = {{0, 7}, rows[i].a}, b[] = {{0, 7}, rows[i].b};
    assert_number("is there", sm_box_intersect(a, a, b, 2), rows[i].common.length != 0);
    if (rows[i].common.length != 0) assert_bytes("common", &a[1], sizeof a[1], &rows[i].common, sizeof a[1]);
  }
  assert_true(sm_box_intersect(NULL, NULL, NULL, 0)); /* the one element of a scalar */
}

static void slice__elements(void **state) {
  (void)state;
  int64_t n;
  assert_true(sm_box_elements(&n, NULL, 0));
  assert_number("scalar", n, 1);
  assert_true(sm_box_elements(&n, (sm_extent[]){{5, 3}, {0, 7}}, 2));
  assert_number("box", n, 21);
  assert_false(sm_box_elements(&n, (sm_extent[]){{0, INT64_MAX}, {0, 2}}, 2));
}

#define CASE(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)

int main(void) {
  const struct CMUnitTest tests[] = {
      CASE(slice__reads_as_listed),
      CASE(slice__last_of_a_field_counts),
      CASE(slice__refuses_what_tensorflow_refuses),
      CASE(slice__rank_must_be_that_of_the_tensor),
      CASE(slice__damage),
      CASE(slice__writes_what_tensorflow_writes),
      CASE(slice__write_without_memory),
      CASE(slice__box_of_a_shape),
      CASE(slice__intersections),
      CASE(slice__elements),
  };
  return cmocka_run_group_tests_name("slice", tests, NULL, NULL);
}
