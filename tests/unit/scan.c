#include "support/check.h"

#include "support/wire_writer.h"
#include "wire/wire.h"

static sm_error err;

/* Bytes at the end of a block, so that the address sanitizer sees a step behind them. */
typedef struct exact {
  uint8_t *data;
  sm_wire_source source;
} exact;

static exact exactly(const void *data, size_t size) {
  exact made = {.data = malloc(size != 0 ? size : 1)};
  if (size != 0) memcpy(made.data, data, size);
  made.source = (sm_wire_source){.name = "m/saved_model.pb", .bytes = {made.data, size}};
  return made;
}

/* One field of each type; numbers and values from the encoding specification. */
static void scan__every_wire_type(void **state) {
  (void)state;
  static const struct {
    const char *what, *bytes;
    size_t size;
    uint32_t number;
    sm_wire_type type;
    uint64_t value;
    size_t bytes_off, bytes_size;
  } rows[] = {
      {"varint 150", "\x08\x96\x01", 3, 1, SM_WIRE_VARINT, 150, 1, 2},
      {"varint -1", "\x08\xFF\xFF\xFF\xFF\xFF\xFF\xFF\xFF\xFF\x01", 11, 1, SM_WIRE_VARINT, UINT64_MAX, 1, 10},
      {"fixed64", "\x11\x08\x07\x06\x05\x04\x03\x02\x01", 9, 2, SM_WIRE_FIXED64, 0x0102030405060708, 1, 8},
      {"bytes", "\x1A\x03xyz", 5, 3, SM_WIRE_BYTES, 0, 2, 3},
      {"no bytes", "\x1A\x00", 2, 3, SM_WIRE_BYTES, 0, 2, 0},
      {"bytes, a longer length than needed", "\x1A\x81\x80\x80\x80\x00z", 7, 3, SM_WIRE_BYTES, 0, 6, 1},
      {"group", "\x23\x08\x01\x24", 4, 4, SM_WIRE_GROUP, 0, 1, 2},
      {"empty group", "\x23\x24", 2, 4, SM_WIRE_GROUP, 0, 1, 0},
      {"group in group of one number", "\x23\x23\x24\x24", 4, 4, SM_WIRE_GROUP, 0, 1, 2},
      {"group with every type",
       "\x23\x08\x01\x11"
       "12345678\x1A\x01\x24\x2D"
       "1234\x2B\x2C\x24",
       23, 4, SM_WIRE_GROUP, 0, 1, 21},
      {"fixed32", "\x2D\x04\x03\x02\x01", 5, 5, SM_WIRE_FIXED32, 0x01020304, 1, 4},
      {"field 15", "\x78\x00", 2, 15, SM_WIRE_VARINT, 0, 1, 1},
      {"field 16", "\x80\x01\x00", 3, 16, SM_WIRE_VARINT, 0, 2, 1},
      {"field 1 with a long tag", "\x88\x80\x80\x80\x00\x07", 6, 1, SM_WIRE_VARINT, 7, 5, 1},
      {"the highest field", "\xF8\xFF\xFF\xFF\x0F\x07", 6, (1u << 29) - 1, SM_WIRE_VARINT, 7, 5, 1},
  };
  for (size_t i = 0; i < N_OF(rows); i++) {
    exact in = exactly(rows[i].bytes, rows[i].size);
    sm_wire_reader reader = sm_wire_read(in.source.bytes, &in.source);
    sm_wire_field field;
    if (!sm_wire_next(&reader, &field)) fail_msg("%s: %s", rows[i].what, reader.fault);
    assert_number(rows[i].what, sm_wire_number(&field), rows[i].number);
    assert_number(rows[i].what, sm_wire_type_of(&field), rows[i].type);
    if (rows[i].type != SM_WIRE_BYTES && rows[i].type != SM_WIRE_GROUP)
      assert_number(rows[i].what, field.value, rows[i].value);
    assert_number(rows[i].what, field.bytes.data - in.data, rows[i].bytes_off);
    assert_number(rows[i].what, field.bytes.size, rows[i].bytes_size);
    assert_ptr_equal(field.whole.data, in.data);
    assert_number(rows[i].what, field.whole.size, rows[i].size);
    assert_false(sm_wire_next(&reader, &field));
    assert_ok(sm_wire_finish(&reader, &err), err);
    free(in.data);
  }
}

static void scan__faults(void **state) {
  (void)state;
  static const struct {
    const char *what, *bytes;
    size_t size;
    size_t n_before; /* whole fields before the fault */
    uint64_t offset;
  } rows[] = {
      {"field number 0", "\x08\x01\x00\x01", 4, 1, 2},
      {"field number 0, type bytes", "\x02\x00", 2, 0, 0},
      {"field number 0 in two bytes", "\x80\x00\x01", 3, 0, 0},
      {"field number 2^29", "\x80\x80\x80\x80\x10\x00", 6, 0, 0},
      {"tag cut", "\x08\x01\x80", 3, 1, 2},
      {"tag of six bytes", "\x88\x80\x80\x80\x80\x00\x07", 7, 0, 0},
      {"tag of ten bytes", "\x88\x80\x80\x80\x80\x80\x80\x80\x80\x00\x07", 11, 0, 0},
      {"tag of eleven bytes", "\x88\x80\x80\x80\x80\x80\x80\x80\x80\x80\x00\x07", 12, 0, 0},
      {"tag without value", "\x08\x01\x08", 3, 1, 3},
      {"varint cut", "\x08\x01\x08\x96", 4, 1, 3},
      {"varint of eleven bytes", "\x08\x80\x80\x80\x80\x80\x80\x80\x80\x80\x80\x01", 12, 0, 1},
      {"fixed64 cut",
       "\x09"
       "1234567",
       8, 0, 1},
      {"fixed32 cut",
       "\x0D"
       "123",
       4, 0, 1},
      {"length cut", "\x0A\x80", 2, 0, 1},
      {"length missing", "\x0A", 1, 0, 1},
      {"length of six bytes", "\x0A\x81\x80\x80\x80\x80\x00z", 8, 0, 1},
      {"one byte too few", "\x0A\x03xy", 4, 0, 2},
      {"length 2^32", "\x0A\x80\x80\x80\x80\x10", 6, 0, 6},
      {"length 2^64 - 1", "\x0A\xFF\xFF\xFF\xFF\xFF\xFF\xFF\xFF\xFF\x01", 11, 0, 1},
      {"wire type 6", "\x0E\x00", 2, 0, 1},
      {"wire type 7", "\x0F\x00", 2, 0, 1},
      {"group end alone", "\x08\x01\x0C", 3, 1, 2},
      {"group not closed", "\x0B\x08\x01", 3, 0, 1},
      {"group not begun", "\x0B", 1, 0, 1},
      {"group closed by another number", "\x0B\x08\x01\x14", 4, 0, 3},
      {"groups crossing", "\x0B\x13\x0C\x14", 4, 0, 2},
      {"field number 0 in a group", "\x0B\x00\x01\x0C", 4, 0, 1},
      {"length past the end in a group", "\x0B\x12\x05\x0C", 4, 0, 3},
      {"wire type 7 in a group", "\x0B\x0F\x0C", 3, 0, 2},
  };
  for (size_t i = 0; i < N_OF(rows); i++) {
    exact in = exactly(rows[i].bytes, rows[i].size);
    sm_wire_reader reader = sm_wire_read(in.source.bytes, &in.source);
    sm_wire_field field;
    size_t n = 0;
    while (sm_wire_next(&reader, &field)) n++;
    assert_number(rows[i].what, n, rows[i].n_before);
    sm_status status = sm_wire_finish(&reader, &err);
    if (status != SM_DATA_LOSS) fail_msg("%s: %s", rows[i].what, sm_status_name(status));
    assert_number(rows[i].what, err.offset, rows[i].offset);
    assert_mentions(err.message, "m/saved_model.pb: byte ");
    for (int again = 0; again < 3; again++) assert_false(sm_wire_next(&reader, &field)); /* and it stays so */
    assert_status(sm_wire_finish(&reader, &err), SM_DATA_LOSS, err);
    assert_int_equal(sm_wire_finish(&reader, NULL), SM_DATA_LOSS);
    free(in.data);
  }
}

/* What is announced and what is there are both said. */
static void scan__length_message(void **state) {
  (void)state;
  exact in = exactly(
      "\x0A\x90\x4E"
      "abc",
      6);
  sm_wire_reader reader = sm_wire_read(in.source.bytes, &in.source);
  sm_wire_field field;
  assert_false(sm_wire_next(&reader, &field));
  assert_status(sm_wire_finish(&reader, &err), SM_DATA_LOSS, err);
  assert_mentions(err.message, "10000 bytes");
  assert_mentions(err.message, "only 3");
  free(in.data);
}

/* Every prefix of a message with all types ends between two fields, or is at fault; never read past. */
static void scan__every_prefix(void **state) {
  (void)state;
  w_buffer w = {0};
  size_t ends[8], n_ends = 0;
  w_varint(&w, 1, 300), ends[n_ends++] = w.size;
  w_fixed64(&w, 2, 1), ends[n_ends++] = w.size;
  w_text(&w, 300, "text"), ends[n_ends++] = w.size;
  w_tag(&w, 4, W_GROUP), w_fixed32(&w, 1, 7), w_tag(&w, 4, W_GROUP_END), ends[n_ends++] = w.size;
  w_fixed32(&w, 5, 2), ends[n_ends++] = w.size;
  for (size_t size = 0; size <= w.size; size++) {
    exact in = exactly(w.data, size);
    sm_wire_reader reader = sm_wire_read(in.source.bytes, &in.source);
    sm_wire_field field;
    size_t n = 0, wanted = 0;
    bool is_end = size == 0;
    for (size_t i = 0; i < n_ends; i++) wanted += ends[i] <= size, is_end |= ends[i] == size;
    while (sm_wire_next(&reader, &field)) n++;
    assert_number("fields", n, wanted);
    assert_number("status", sm_wire_finish(&reader, NULL), is_end ? SM_OK : SM_DATA_LOSS);
    free(in.data);
  }
  w_free(&w);
}

static void scan__groups_have_a_limit(void **state) {
  (void)state;
  for (size_t depth = 1; depth <= 200000; depth = depth < 98 ? 98 : depth < 102 ? depth + 1 : depth * 40) {
    w_buffer w = {0};
    for (size_t i = 0; i < depth; i++) w_tag(&w, 1, W_GROUP);
    for (size_t i = 0; i < depth; i++) w_tag(&w, 1, W_GROUP_END);
    sm_wire_source source = {.name = "groups", .bytes = {w.data, w.size}};
    sm_wire_reader reader = sm_wire_read(source.bytes, &source);
    sm_wire_field field;
    assert_number("a group of that depth", sm_wire_next(&reader, &field), depth <= SM_WIRE_MAX_DEPTH);
    assert_number("status", sm_wire_finish(&reader, NULL), depth <= SM_WIRE_MAX_DEPTH ? SM_OK : SM_DATA_LOSS);
    w_free(&w);
  }
}

static void scan__offsets_only_inside_the_source(void **state) {
  (void)state;
  static const uint8_t copied[] = {0x08};
  sm_wire_source source = {.name = "elsewhere", .bytes = {(const uint8_t *)"12345", 5}};
  sm_wire_reader reader = sm_wire_read((sm_span){copied, 1}, &source);
  sm_wire_field field;
  assert_false(sm_wire_next(&reader, &field));
  assert_status(sm_wire_finish(&reader, &err), SM_DATA_LOSS, err);
  assert_number("offset", err.offset, UINT64_MAX);
  assert_mentions(err.message, "elsewhere");
}

static void scan__finds_the_last_value(void **state) {
  (void)state;
  w_buffer w = {0};
  sm_span found;
  w_text(&w, 1, "first");
  w_varint(&w, 2, 5); /* a wrong type does not count */
  w_text(&w, 1, "last");
  w_varint(&w, 1, 6);
  sm_wire_source source = {.name = "m", .bytes = {w.data, w.size}};
  assert_ok(sm_wire_find_bytes(&found, source.bytes, 1, &source, &err), err);
  assert_bytes("field 1", found.data, found.size, "last", 4);
  assert_ok(sm_wire_find_bytes(&found, source.bytes, 2, &source, &err), err);
  assert_number("field 2", found.size, 0);
  w_tag(&w, 9, W_VARINT); /* damage behind what was looked for is found too */
  source.bytes = (sm_span){w.data, w.size};
  assert_status(sm_wire_find_bytes(&found, source.bytes, 1, &source, &err), SM_DATA_LOSS, err);
  w_free(&w);
}

static void scan__collects_over_pieces(void **state) {
  (void)state;
  w_buffer w = {0};
  sm_arena arena;
  sm_spans found;
  w_text(&w, 3, "a");
  w_text(&w, 4, "x");
  size_t first = w.size;
  w_text(&w, 3, "b");
  w_varint(&w, 3, 1);
  w_text(&w, 3, "");
  sm_wire_source source = {.name = "m", .bytes = {w.data, w.size}};
  const sm_span pieces[] = {{w.data + first, w.size - first}, {w.data, first}};
  sm_arena_init(&arena, sm_allocator_or_malloc(NULL), UINT64_MAX);
  assert_ok(sm_wire_collect(&found, (sm_spans){pieces, 2}, 3, &source, &arena, &err), err);
  assert_number("values", found.n, 3);
  assert_bytes("0", found.items[0].data, found.items[0].size, "b", 1);
  assert_bytes("1", found.items[1].data, found.items[1].size, "", 0);
  assert_bytes("2", found.items[2].data, found.items[2].size, "a", 1);
  assert_ok(sm_wire_collect(&found, (sm_spans){pieces, 2}, 5, &source, &arena, &err), err);
  assert_number("values", found.n, 0);
  assert_ok(sm_wire_collect(&found, (sm_spans){NULL, 0}, 3, &source, &arena, &err), err);
  assert_number("values", found.n, 0);
  sm_arena_free(&arena);
  w_free(&w);
}

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(scan__every_wire_type),      cmocka_unit_test(scan__faults),
      cmocka_unit_test(scan__length_message),       cmocka_unit_test(scan__every_prefix),
      cmocka_unit_test(scan__groups_have_a_limit),  cmocka_unit_test(scan__offsets_only_inside_the_source),
      cmocka_unit_test(scan__finds_the_last_value), cmocka_unit_test(scan__collects_over_pieces),
  };
  return cmocka_run_group_tests_name("scan", tests, NULL, NULL);
}
