#include "support/check.h"

#include "tensor/slice.h"

static sm_error err;
static sm_shape_and_slice got;

static void check_printed(const char *text) {
  sm_buffer out;
  sm_buffer_init(&out, sm_allocator_or_malloc(NULL), UINT64_MAX);
  sm_slice_spec slice = {got.extents, (size_t)got.rank};
  assert_ok(sm_shape_and_slice_write(&out, got.dims, &slice, &err), err);
  assert_bytes(text, out.data, out.size, text, strlen(text));
  sm_buffer_free(&out);
}

/* The texts are those of TensorFlow's saved_tensor_slice_util_test.cc and of partitioned variables. */
static void slice_text__read_and_written(void **state) {
  (void)state;
  static const char *const texts[] = {"4 6 0,2:-", "6 0,6",           "5 -",
                                      "4 6 -:0,6", "1 2 3 -:1,1:0,3", "9223372036854775807 1,9223372036854775806"};
  for (size_t i = 0; i < N_OF(texts); i++) {
    assert_ok(sm_shape_and_slice_read(&got, sm_string_of(texts[i]), &err), err);
    check_printed(texts[i]);
  }
  assert_ok(sm_shape_and_slice_read(&got, sm_string_of("4 6 0,2:-"), &err), err);
  assert_number("rank", got.rank, 2);
  assert_number("dim", got.dims[0], 4);
  assert_number("dim", got.dims[1], 6);
  assert_number("start", got.extents[0].start, 0);
  assert_number("length", got.extents[0].length, 2);
  assert_number("length", got.extents[1].length, -1);
}

static void slice_text__nothing_is_everything(void **state) {
  (void)state;
  got.rank = 7;
  assert_ok(sm_shape_and_slice_read(&got, (sm_string){NULL, 0}, &err), err);
  assert_int_equal(got.rank, -1);
}

static void slice_text__refused(void **state) {
  (void)state;
  static const char *const texts[] = {
      " ",
      "4",
      "4 ",
      "4 6",
      "-",
      "0,2",
      "4 6 0,2",
      "4 6 0,2:-:-",
      "4 6 0,2 -",
      "4 6 0,0:-",
      "4 6 -1,2:-",
      "4 6 0,-1:-",
      "4 6 0,5:-",
      "4 6 4,1:-",
      "4 6 0,2:- ",
      " 4 6 0,2:-",
      "4  6 0,2:-",
      "4 6 0:-",
      "4 6 a,b:-",
      "-4 6 0,2:-",
      "4 6 0,2:-x",
      "4 6 0,,2:-",
      "4 6 0,2::-",
      "9223372036854775808 -",
      "9 0,9223372036854775808",
      "9 9223372036854775807,1",
      "4 6 0x0,2:-",
      "4 6 +0,2:-",
      "4.0 0,2",
  };
  for (size_t i = 0; i < N_OF(texts); i++)
    assert_status(sm_shape_and_slice_read(&got, sm_string_of(texts[i]), &err), SM_INVALID_ARGUMENT, err);
  assert_status(sm_shape_and_slice_read(&got, (sm_string){"5 -\0", 4}, &err), SM_INVALID_ARGUMENT, err);
}

/* SM_MAX_RANK dimensions are fine, one more is not; nor is a text of megabytes. */
static void slice_text__ranks(void **state) {
  (void)state;
  for (size_t rank = SM_MAX_RANK; rank <= 1000000; rank = rank == SM_MAX_RANK ? rank + 1 : rank * 3000) {
    sm_buffer text;
    sm_buffer_init(&text, sm_allocator_or_malloc(NULL), UINT64_MAX);
    for (size_t i = 0; i < rank; i++) assert_ok(sm_buffer_put(&text, "2 ", 2, &err), err);
    for (size_t i = 0; i < rank; i++)
      assert_ok(sm_buffer_put(&text, i != 0 ? ":1,1" : "1,1", i != 0 ? 4 : 3, &err), err);
    sm_string all = {(char *)text.data, text.size};
    assert_status(sm_shape_and_slice_read(&got, all, &err), rank == SM_MAX_RANK ? SM_OK : SM_INVALID_ARGUMENT, err);
    sm_buffer_free(&text);
  }
}

static void slice_text__for_messages(void **state) {
  (void)state;
  char text[SM_SLICE_TEXT_SIZE];
  sm_extent extents[SM_MAX_RANK] = {{0, -1}, {2, 2}};
  assert_text("scalar", sm_slice_text(text, extents, 0), "");
  assert_text("two", sm_slice_text(text, extents, 2), "-:2,2");
  for (size_t i = 0; i < SM_MAX_RANK; i++) extents[i] = (sm_extent){INT64_MAX - 1, 1};
  sm_slice_text(text, extents, SM_MAX_RANK);
  assert_true(strlen(text) < SM_SLICE_TEXT_SIZE);
  assert_text("cut", text + strlen(text) - 5, ",1...");
  for (size_t i = 0; i < SM_MAX_RANK; i++) extents[i] = (sm_extent){0, -1};
  assert_true(strlen(sm_slice_text(text, extents, SM_MAX_RANK)) < SM_SLICE_TEXT_SIZE);
  assert_number("58 that fit", strlen(sm_slice_text(text, extents, 58)), 2 * 58 - 1);
  assert_text("59 that do not", sm_slice_text(text, extents, 59) + 110, "-:-:-...");
}

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(slice_text__read_and_written), cmocka_unit_test(slice_text__nothing_is_everything),
      cmocka_unit_test(slice_text__refused),          cmocka_unit_test(slice_text__ranks),
      cmocka_unit_test(slice_text__for_messages),
  };
  return cmocka_run_group_tests_name("slice_text", tests, NULL, NULL);
}
