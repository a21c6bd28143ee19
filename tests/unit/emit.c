/* Fields written one by one, against the writer of the tests. */
#include "support/check.h"

#include "support/fault_alloc.h"
#include "support/wire_writer.h"
#include "wire/emit.h"

static const uint64_t varints[] = {0, 1, 127, 128, 300, UINT32_MAX, INT64_MAX, UINT64_MAX};
static const size_t sizes[] = {0, 1, 127, 128, 20000};
static char filler[20000];

static void expect(w_buffer *w) {
  for (size_t i = 0; i < N_OF(varints); i++) w_varint(w, 1 + (uint32_t)i * 100, varints[i]);
  w_fixed32(w, 7, 0x01020384);
  for (size_t i = 0; i < N_OF(sizes); i++) w_bytes(w, 536870911, filler, sizes[i]);
  for (size_t i = 0; i < N_OF(sizes); i++) {
    size_t outer = w_begin(w, 2), inner = w_begin(w, 1);
    w_raw(w, filler, sizes[i]);
    w_end(w, inner);
    w_end(w, outer);
  }
}

static sm_status write(sm_buffer *out, sm_error *err) {
  for (size_t i = 0; i < N_OF(varints); i++) SM_TRY(sm_wire_put_varint(out, 1 + (uint32_t)i * 100, varints[i], err));
  SM_TRY(sm_wire_put_fixed32(out, 7, 0x01020384, err));
  for (size_t i = 0; i < N_OF(sizes); i++) SM_TRY(sm_wire_put_bytes(out, 536870911, filler, sizes[i], err));
  for (size_t i = 0; i < N_OF(sizes); i++) {
    size_t outer, inner;
    SM_TRY(sm_wire_open(&outer, out, 2, err));
    SM_TRY(sm_wire_open(&inner, out, 1, err));
    SM_TRY(sm_buffer_put(out, filler, sizes[i], err));
    SM_TRY(sm_wire_close(out, inner, err));
    SM_TRY(sm_wire_close(out, outer, err));
  }
  return SM_OK;
}

static void emit__fields(void **state) {
  (void)state;
  memset(filler, 'x', sizeof filler);
  w_buffer w = {0};
  expect(&w);
  sm_error err;
  sm_buffer out;
  sm_buffer_init(&out, sm_allocator_or_malloc(NULL), UINT64_MAX);
  assert_ok(write(&out, &err), err);
  assert_bytes("fields", out.data, out.size, w.data, w.size);
  sm_buffer_free(&out);
  w_free(&w);
}

/* Messages that end together, of sizes at which lengths grow, with something between their beginnings. */
static void emit__closed_together(void **state) {
  (void)state;
  static const size_t each[] = {0,   1,   119, 120,   121,   122,   123,   124,  125,
                                126, 127, 128, 16370, 16375, 16379, 16381, 20000};
  sm_error err;
  for (size_t i = 0; i < N_OF(each); i++) {
    w_buffer w = {0};
    sm_buffer out;
    size_t begun[3], contents[3];
    sm_buffer_init(&out, sm_allocator_or_malloc(NULL), UINT64_MAX);
    for (uint32_t k = 0; k < N_OF(begun); k++) {
      begun[k] = w_begin(&w, k + 1);
      w_varint(&w, 9, k);
      assert_ok(sm_wire_open(&contents[k], &out, k + 1, &err), err);
      assert_ok(sm_wire_put_varint(&out, 9, k, &err), err);
    }
    w_raw(&w, filler, each[i]);
    assert_ok(sm_buffer_put(&out, filler, each[i], &err), err);
    for (size_t k = N_OF(begun); k-- > 0;) w_end(&w, begun[k]);
    assert_ok(sm_wire_close_all(&out, contents, N_OF(contents), &err), err);
    assert_bytes("messages", out.data, out.size, w.data, w.size);
    sm_buffer_free(&out);
    w_free(&w);
  }
}

/* The maximum of the buffer is heeded, and every allocation may fail. */
static void emit__no_room(void **state) {
  (void)state;
  sm_error err;
  sm_buffer out;
  sm_buffer_init(&out, sm_allocator_or_malloc(NULL), 1000);
  assert_status(write(&out, &err), SM_RESOURCE_EXHAUSTED, err);
  sm_buffer_free(&out);
  sm_fault_alloc fa;
  for (uint64_t n = 0, fired = 1; fired; n++) {
    sm_fault_alloc_init(&fa, n);
    sm_buffer_init(&out, &fa.base, UINT64_MAX);
    sm_status status = write(&out, &err);
    fired = fa.fired;
    assert_status(status, fired ? SM_RESOURCE_EXHAUSTED : SM_OK, err);
    sm_buffer_free(&out);
    assert_number("live blocks", fa.live_blocks, 0);
    sm_fault_alloc_destroy(&fa);
  }
}

/* protobuf's limit, met before a byte is looked at. */
static void emit__more_than_protobuf_takes(void **state) {
  (void)state;
  sm_error err;
  sm_buffer out;
  sm_buffer_init(&out, sm_allocator_or_malloc(NULL), UINT64_MAX);
  assert_status(sm_wire_put_bytes(&out, 1, filler, (size_t)INT32_MAX + 1, &err), SM_RESOURCE_EXHAUSTED, err);
  assert_mentions(err.message, "2147483648");
  sm_buffer_free(&out);
}

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(emit__fields),
      cmocka_unit_test(emit__closed_together),
      cmocka_unit_test(emit__no_room),
      cmocka_unit_test(emit__more_than_protobuf_takes),
  };
  return cmocka_run_group_tests_name("emit", tests, NULL, NULL);
}
