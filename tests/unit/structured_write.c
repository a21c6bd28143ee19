/* Structured values as bytes. Expected are those of proto/struct.proto; that all values of real models come out as they were:
 * interop/check_structures.py. */
#include "support/check.h"

#include <savedmodel/pb/struct.pb-c.h>

#include "objects/objects_internal.h"
#include "objects/structured_write.h"
#include "support/wire_writer.h"

static sm_error err;
static sm_arena arena;
static sm_buffer written;

static int set_up(void **state) {
  (void)state;
  sm_arena_init(&arena, sm_allocator_or_malloc(NULL), UINT64_MAX);
  sm_buffer_init(&written, arena.allocator, UINT64_MAX);
  return 0;
}

static int tear_down(void **state) {
  (void)state;
  sm_buffer_free(&written);
  sm_arena_free(&arena);
  return 0;
}

/* DT_FLOAT, a scalar. */
#define PROTO "\x08\x01\x12\x00"

typedef struct row {
  const char *name, *bytes;
  size_t size;
  sm_structured value;
} row;
#define BYTES(text) (text), sizeof(text) - 1

static const int64_t dims[] = {-1, 4};
static const sm_structured shape = {.kind = SM_STRUCTURED_SHAPE, .rank = 2, .dims = dims};
static const row rows[] = {
    {"none", BYTES("\x0a\x00"), {.kind = SM_STRUCTURED_NONE}},
    {"minus one", BYTES("\x60\x01"), {.kind = SM_STRUCTURED_INT64, .int64_value = -1}},
    {"constant", BYTES("\xba\x03\x04" PROTO), {.kind = SM_STRUCTURED_TENSOR, .proto = {PROTO, 4}}},
    {"array", BYTES("\xc2\x03\x04" PROTO), {.kind = SM_STRUCTURED_NUMPY, .proto = {PROTO, 4}}},
    {"bounded spec",
     BYTES("\x9a\x02\x11\x0a\x01x\x12\x02\x18\x01\x18\x01\x22\x04" PROTO "\x2a\x00"),
     {.kind = SM_STRUCTURED_BOUNDED_TENSOR_SPEC,
      .text = "x",
      .dtype = SM_DT_FLOAT,
      .rank = -1,
      .minimum = {PROTO, 4},
      .maximum = {"", 0}}},
    {"type spec",
     BYTES(
         "\x92\x02\x1e\x08\x03\x12\x14\xfa\x01\x11\x12\x0b\x08\xff\xff\xff\xff\xff\xff\xff\xff\xff\x01\x12\x02\x08\x04"
         "\x1a\x02Rt\x20\x02"),
     {.kind = SM_STRUCTURED_TYPE_SPEC,
      .text = "t",
      .class_name = "Rt",
      .type_spec_class = SM_TYPE_SPEC_RAGGED_TENSOR,
      .n_flat = 2,
      .items = &shape,
      .n_items = 1}},
    {"type spec without state", BYTES("\x92\x02\x03\x1a\x01t"), {.kind = SM_STRUCTURED_TYPE_SPEC, .text = "t"}},
};

static void structured_write__bytes(void **state) {
  (void)state;
  for (size_t i = 0; i < N_OF(rows); i++) {
    sm_structured copy;
    written.size = 0;
    assert_ok(sm_structured_copy(&copy, &rows[i].value, &arena, &err), err);
    assert_ok(sm_structured_write(&written, &copy, &err), err);
    assert_bytes(rows[i].name, written.data, written.size, rows[i].bytes, rows[i].size);
  }
}

/* What is read of them is what was written. */
static void structured_write__is_read(void **state) {
  (void)state;
  for (size_t i = 0; i < N_OF(rows); i++) {
    const sm_span bytes = {(const uint8_t *)rows[i].bytes, rows[i].size};
    const sm_wire_source source = {.name = "value", .bytes = bytes};
    const sm_structured *expected = &rows[i].value, *read;
    ProtobufCMessage *message;
    assert_ok(sm_wire_unpack(&message, &tensorflow__structured_value__descriptor, (sm_spans){&bytes, 1}, &source,
                             &arena, &err),
              err);
    assert_ok(sm_structured_new(&read, (const Tensorflow__StructuredValue *)message, &arena, &err), err);
    assert_number(rows[i].name, read->kind, expected->kind);
    assert_number(rows[i].name, read->n_items, expected->n_items);
    assert_number(rows[i].name, read->n_flat, expected->n_flat);
    assert_number(rows[i].name, read->type_spec_class, expected->type_spec_class);
    assert_bytes(rows[i].name, read->proto.data, read->proto.size, expected->proto.data, expected->proto.size);
    assert_bytes(rows[i].name, read->minimum.data, read->minimum.size, expected->minimum.data, expected->minimum.size);
    assert_number(rows[i].name, read->maximum.data != NULL, expected->maximum.data != NULL);
    if (expected->class_name != NULL) assert_text(rows[i].name, read->class_name, expected->class_name);
  }
}

/* A TypeSpecProto is the same without what is around it. */
static void structured_write__type_spec(void **state) {
  (void)state;
  enum { AROUND = 3 };
  const row *spec = &rows[5];
  assert_ok(sm_buffer_put(&written, "before", 6, &err), err);
  assert_ok(sm_type_spec_write(&written, &spec->value, &err), err);
  assert_bytes(spec->name, written.data + 6, written.size - 6, spec->bytes + AROUND, spec->size - AROUND);
}

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test_setup_teardown(structured_write__bytes, set_up, tear_down),
      cmocka_unit_test_setup_teardown(structured_write__is_read, set_up, tear_down),
      cmocka_unit_test_setup_teardown(structured_write__type_spec, set_up, tear_down),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
