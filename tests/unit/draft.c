#include "support/check.h"

#include "builder/draft.h"
#include "support/wire_writer.h"

static sm_arena arena;
static w_buffer w;
static sm_error err;
static sm_wire_source source;
static sm_draft draft;

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

static void read_w(void) {
  source = (sm_wire_source){.name = "m", .bytes = {w.data, w.size}};
  assert_ok(sm_draft_read(&draft, (sm_spans){&source.bytes, 1}, &arena, &source, &err), err);
}

static sm_span span_of(const char *text) { return (sm_span){(const uint8_t *)text, strlen(text)}; }

/* Bytes of the draft are those of expected, in each way of getting at them. */
static void assert_written(const char *what, const w_buffer *expected) {
  sm_span bytes;
  sm_spans spans;
  w_buffer joined = {0};
  assert_number(what, sm_draft_size(&draft), expected->size);
  assert_ok(sm_draft_bytes(&bytes, &draft, &err), err);
  assert_bytes(what, bytes.data, bytes.size, expected->data, expected->size);
  assert_ok(sm_draft_spans(&spans, &draft, &err), err);
  for (size_t i = 0; i < spans.n; i++) w_raw(&joined, spans.items[i].data, spans.items[i].size);
  assert_bytes(what, joined.data, joined.size, expected->data, expected->size);
  w_free(&joined);
}

/* Fields in an odd order, unknown ones, groups, and a length that is longer than it need be. */
static void put_odd(w_buffer *out) {
  w_text(out, 7, "seven");
  w_varint(out, 3, 300);
  w_tag(out, 900, W_GROUP);
  w_varint(out, 1, 1);
  w_tag(out, 900, W_GROUP_END);
  w_raw(out, "\x0A\x81\x80\x00z", 5);
}

static void draft__untouched_is_the_same(void **state) {
  (void)state;
  sm_spans spans;
  put_odd(&w);
  read_w();
  assert_written("as it was", &w);
  assert_ok(sm_draft_spans(&spans, &draft, &err), err);
  assert_number("joined", spans.n, 1);
  assert_ptr_equal(spans.items[0].data, w.data);
}

static void draft__a_field_takes_the_place_of_the_first(void **state) {
  (void)state;
  w_buffer expected = {0};
  w_text(&w, 5, "a");
  w_text(&w, 2, "b");
  w_text(&w, 5, "c");
  w_text(&w, 1, "d");
  read_w();
  assert_ok(sm_draft_set(&draft, 5, span_of("new"), &err), err);
  w_text(&expected, 5, "new");
  w_text(&expected, 2, "b");
  w_text(&expected, 1, "d");
  assert_written("replaced", &expected);
  assert_ok(sm_draft_set(&draft, 5, (sm_span){NULL, 0}, &err), err);
  w_clear(&expected);
  w_text(&expected, 2, "b");
  w_text(&expected, 1, "d");
  assert_written("removed", &expected);
  w_free(&expected);
}

static void draft__a_new_field_stands_by_its_number(void **state) {
  (void)state;
  w_buffer expected = {0};
  w_text(&w, 1, "a");
  w_text(&w, 4, "d");
  read_w();
  assert_ok(sm_draft_set(&draft, 3, span_of(""), &err), err);
  assert_ok(sm_draft_set_number(&draft, 2, 1u << 20, &err), err);
  sm_span values[] = {span_of("x"), span_of("y")};
  assert_ok(sm_draft_set_list(&draft, 9, (sm_spans){values, 2}, &err), err);
  w_text(&expected, 1, "a");
  w_varint(&expected, 2, 1u << 20);
  w_text(&expected, 3, "");
  w_text(&expected, 4, "d");
  w_text(&expected, 9, "x");
  w_text(&expected, 9, "y");
  assert_written("in order", &expected);
  w_free(&expected);
}

static void draft__empty(void **state) {
  (void)state;
  sm_spans spans;
  w_buffer expected = {0};
  sm_draft_init(&draft, &arena, &source);
  assert_written("nothing", &expected);
  assert_ok(sm_draft_spans(&spans, &draft, &err), err);
  assert_number("spans", spans.n, 0);
  assert_ok(sm_draft_set(&draft, 4, (sm_span){NULL, 0}, &err), err);
  assert_written("nothing removed", &expected);
}

static void put_entry(w_buffer *out, const char *key, const char *value) {
  size_t entry = w_begin(out, 4);
  w_text(out, 1, key);
  w_text(out, 2, value);
  w_end(out, entry);
}

/* Of entries with one key the last counts, so all of them go. */
static void draft__entries(void **state) {
  (void)state;
  w_buffer expected = {0};
  put_entry(&w, "m", "1");
  put_entry(&w, "b", "2");
  w_text(&w, 5, "other");
  put_entry(&w, "m", "3");
  read_w();
  assert_ok(sm_draft_set_entry(&draft, 4, sm_string_of("m"), span_of("new"), &err), err);
  assert_ok(sm_draft_set_entry(&draft, 4, sm_string_of("c"), span_of(""), &err), err);
  assert_ok(sm_draft_set_entry(&draft, 4, sm_string_of("z"), span_of("last"), &err), err);
  put_entry(&expected, "c", "");
  put_entry(&expected, "m", "new");
  put_entry(&expected, "b", "2");
  put_entry(&expected, "z", "last");
  w_text(&expected, 5, "other");
  assert_written("set", &expected);
  assert_ok(sm_draft_set_entry(&draft, 4, sm_string_of("m"), (sm_span){NULL, 0}, &err), err);
  assert_ok(sm_draft_set_entry(&draft, 4, sm_string_of("not there"), (sm_span){NULL, 0}, &err), err);
  w_clear(&expected);
  put_entry(&expected, "c", "");
  put_entry(&expected, "b", "2");
  put_entry(&expected, "z", "last");
  w_text(&expected, 5, "other");
  assert_written("removed", &expected);
  w_free(&expected);
}

static bool is_early(void *ctx, sm_string key) { return key.size != 0 && key.data[0] < *(const char *)ctx; }

static void draft__filter(void **state) {
  (void)state;
  w_buffer expected = {0};
  put_entry(&w, "m", "1");
  w_text(&w, 3, "other");
  put_entry(&w, "b", "2");
  put_entry(&w, "x", "3");
  read_w();
  char limit = 'n';
  assert_ok(sm_draft_filter_entries(&draft, 4, is_early, &limit, &err), err);
  put_entry(&expected, "m", "1");
  w_text(&expected, 3, "other");
  put_entry(&expected, "b", "2");
  assert_written("filtered", &expected);
  w_free(&expected);
}

/* Messages inside, one of which is in two pieces. */
static void draft__inside(void **state) {
  (void)state;
  w_buffer expected = {0};
  sm_draft inner;
  size_t begun = w_begin(&w, 2);
  w_varint(&w, 1, 5);
  w_end(&w, begun);
  begun = w_begin(&w, 2);
  w_text(&w, 3, "text");
  w_end(&w, begun);
  w_text(&w, 6, "behind");
  read_w();
  assert_ok(sm_draft_open(&inner, &draft, 2, &err), err);
  assert_number("fields", inner.n, 2);
  assert_ok(sm_draft_set(&inner, 3, span_of("changed"), &err), err);
  assert_written("the outer one is as it was", &w);
  assert_ok(sm_draft_set_draft(&draft, 2, &inner, &err), err);
  assert_ok(sm_draft_add(&draft, 2, &inner, &err), err);
  for (int i = 0; i < 2; i++) {
    begun = w_begin(&expected, 2);
    w_varint(&expected, 1, 5);
    w_text(&expected, 3, "changed");
    w_end(&expected, begun);
  }
  w_text(&expected, 6, "behind");
  assert_written("put back, and added", &expected);
  assert_ok(sm_draft_open(&inner, &draft, 77, &err), err);
  assert_number("of a field that is not there", inner.n, 0);
  w_free(&expected);
}

static void draft__a_copy_is_its_own(void **state) {
  (void)state;
  sm_draft copy;
  put_odd(&w);
  read_w();
  assert_ok(sm_draft_copy(&copy, &draft, &err), err);
  assert_ok(sm_draft_set(&copy, 7, span_of("other"), &err), err);
  assert_ok(sm_draft_set(&copy, 3, (sm_span){NULL, 0}, &err), err);
  assert_written("the first one", &w);
}

/* As sm_draft_set does it, at any length of the head; and the buffer is empty. */
static void draft__takes_a_value(void **state) {
  (void)state;
  static const size_t sizes[] = {0, 1, 127, 128, 20000};
  static const char head[SM_DRAFT_HEAD_SIZE], contents[20000];
  for (size_t i = 0; i < N_OF(sizes); i++) {
    for (uint32_t number = 1; number < 10000000; number *= 20) {
      w_buffer expected = {0};
      sm_buffer value;
      read_w(); /* nothing */
      assert_ok(sm_draft_set_number(&draft, 100, 5, &err), err);
      sm_buffer_init(&value, arena.allocator, UINT64_MAX);
      assert_ok(sm_buffer_put(&value, head, sizeof head, &err), err);
      assert_ok(sm_buffer_put(&value, contents, sizes[i], &err), err);
      assert_ok(sm_draft_take(&draft, number, &value, &err), err);
      assert_null(value.data);
      assert_number("capacity", value.capacity, 0);
      if (number > 100) w_varint(&expected, 100, 5);
      w_bytes(&expected, number, contents, sizes[i]);
      if (number < 100) w_varint(&expected, 100, 5);
      assert_written("taken", &expected);
      w_free(&expected);
    }
  }
}

static void draft__faults(void **state) {
  (void)state;
  sm_draft inner;
  bool found;
  w_raw(&w, "\x0A\x05xy", 4);
  source = (sm_wire_source){.name = "m", .bytes = {w.data, w.size}};
  assert_status(sm_draft_read(&draft, (sm_spans){&source.bytes, 1}, &arena, &source, &err), SM_DATA_LOSS, err);
  assert_mentions(err.message, "5 bytes announced, only 2 left");
  w_clear(&w);
  w_bytes(&w, 4, "\x0A\x05xy", 4);
  read_w();
  assert_status(sm_draft_open(&inner, &draft, 4, &err), SM_DATA_LOSS, err);
  assert_status(sm_draft_open_entry(&inner, &found, &draft, 4, sm_string_of("xy"), &err), SM_DATA_LOSS, err);
  assert_status(sm_draft_set_entry(&draft, 4, sm_string_of("xy"), span_of(""), &err), SM_DATA_LOSS, err);
  assert_written("nothing was changed", &w);
}

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test_setup_teardown(draft__untouched_is_the_same, set_up, tear_down),
      cmocka_unit_test_setup_teardown(draft__a_field_takes_the_place_of_the_first, set_up, tear_down),
      cmocka_unit_test_setup_teardown(draft__a_new_field_stands_by_its_number, set_up, tear_down),
      cmocka_unit_test_setup_teardown(draft__empty, set_up, tear_down),
      cmocka_unit_test_setup_teardown(draft__entries, set_up, tear_down),
      cmocka_unit_test_setup_teardown(draft__filter, set_up, tear_down),
      cmocka_unit_test_setup_teardown(draft__inside, set_up, tear_down),
      cmocka_unit_test_setup_teardown(draft__a_copy_is_its_own, set_up, tear_down),
      cmocka_unit_test_setup_teardown(draft__takes_a_value, set_up, tear_down),
      cmocka_unit_test_setup_teardown(draft__faults, set_up, tear_down),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
