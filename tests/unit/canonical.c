/* Canonical bytes by the rules of the protobuf specification and of C++'s deterministic serialisation; whole models against
 * TensorFlow: interop/fingerprint_tf.py. */
#include "wire/canonical.h"

#include <savedmodel/pb/attr_value.pb-c.h>
#include <savedmodel/pb/function.pb-c.h>
#include <savedmodel/pb/meta_graph.pb-c.h>
#include <savedmodel/pb/saver.pb-c.h>

#include "support/check.h"
#include "support/fault_alloc.h"
#include "support/wire_writer.h"

static sm_fault_alloc fa;
static sm_arena arena;
static sm_error err;
static w_buffer given, expected, made;
static size_t n_puts; /* how often the sink was called */

static int set_up(void **state) {
  (void)state;
  sm_fault_alloc_init(&fa, UINT64_MAX);
  sm_arena_init(&arena, &fa.base, UINT64_MAX);
  given = expected = made = (w_buffer){0};
  return 0;
}

static int tear_down(void **state) {
  (void)state;
  sm_arena_free(&arena);
  w_free(&given);
  w_free(&expected);
  w_free(&made);
  return fa.live_blocks == 0 ? 0 : -1;
}

static sm_status append(void *ctx, const void *data, size_t size, sm_error *unused) {
  (void)unused;
  n_puts++;
  w_raw(ctx, data, size);
  return SM_OK;
}

static sm_status put(const ProtobufCMessageDescriptor *type, sm_spans pieces, uint32_t number) {
  const sm_wire_source source = {.name = "m", .bytes = {given.data, given.size}};
  sm_canonical writer;
  w_clear(&made);
  n_puts = 0;
  sm_status status = sm_canonical_begin(&writer, &source, &arena, append, &made, &err);
  if (status == SM_OK)
    status = number == 0 ? sm_canonical_put(&writer, type, pieces, &err)
                         : sm_canonical_put_field(&writer, number, type, pieces, &err);
  sm_canonical_end(&writer);
  return status;
}

static sm_status put_given(const ProtobufCMessageDescriptor *type) {
  return put(type, (sm_spans){&(sm_span){given.data, given.size}, 1}, 0);
}

/* given comes out as expected, and that as it is, in one piece; both are empty afterwards. */
static void check(const char *what, const ProtobufCMessageDescriptor *type) {
  assert_ok(put_given(type), err);
  assert_bytes(what, made.data, made.size, expected.data, expected.size);
  w_clear(&given);
  w_raw(&given, expected.data, expected.size);
  assert_ok(put_given(type), err);
  assert_bytes(what, made.data, made.size, expected.data, expected.size);
  assert_number(what, n_puts, expected.size != 0 ? 1 : 0);
  w_clear(&given);
  w_clear(&expected);
}

/* SaverDef: 1 filename_tensor_name, 4 max_to_keep (int32), 5 sharded (bool), 6 a float. */
static void canonical__scalars(void **state) {
  (void)state;
  const ProtobufCMessageDescriptor *saver = &tensorflow__saver_def__descriptor;
  check("nothing", saver);
  w_varint(&given, 4, 3);
  w_text(&given, 1, "a");
  w_varint(&given, 4, 5);
  w_text(&expected, 1, "a");
  w_varint(&expected, 4, 5);
  check("by number, the last of each", saver);
  w_text(&given, 1, "");
  w_varint(&given, 4, 0);
  w_varint(&given, 5, 0);
  w_fixed32(&given, 6, 0);
  check("defaults", saver);
  w_fixed32(&given, 6, 0x80000000);
  w_fixed32(&expected, 6, 0x80000000);
  check("-0.0 is no default", saver);
  w_varint(&given, 4, 0xFFFFFFFF); /* -1 as no writer has it: 32 bits */
  w_varint(&given, 5, 7);
  w_varint(&expected, 4, UINT64_MAX);
  w_varint(&expected, 5, 1);
  check("negative, true", saver);
  w_raw(&given, "\xa0\x80\x00\x83\x80\x00\x8a\x00\x81\x00x", 11); /* fields 4 and 1 */
  w_text(&expected, 1, "x");
  w_varint(&expected, 4, 3);
  check("longer varints than needed", saver);
}

/* AttrValue.ListValue: 2 s, 3 i (packed), 4 f (packed), 5 b (packed). */
static void canonical__lists(void **state) {
  (void)state;
  const ProtobufCMessageDescriptor *list = &tensorflow__attr_value__list_value__descriptor;
  w_varint(&given, 3, 1);
  w_text(&given, 2, "b");
  w_bytes(&given, 3, "\x02\xac\x02", 3);
  w_text(&given, 2, "");
  w_varint(&given, 3, 4);
  w_text(&expected, 2, "b");
  w_text(&expected, 2, "");
  w_bytes(&expected, 3, "\x01\x02\xac\x02\x04", 5);
  check("packed, in the order of the bytes", list);
  w_bytes(&given, 3, "", 0);
  check("an empty list", list);
  w_fixed32(&given, 4, 1);
  w_bytes(&given, 4, "\x02\0\0\0\0\0\0\0", 8);
  w_bytes(&expected, 4, "\x01\0\0\0\x02\0\0\0\0\0\0\0", 12);
  check("floats", list);
  w_bytes(&given, 5, "\x01\x00\x02", 3);
  w_bytes(&expected, 5, "\x01\x00\x01", 3);
  check("a list of as many bytes, but others", list);
  w_bytes(&given, 3, "\x80\x00", 2);
  w_bytes(&expected, 3, "\x00", 1);
  check("longer varints than needed", list);
  w_bytes(&given, 3, "\x01\x80", 2);
  assert_status(put_given(list), SM_DATA_LOSS, err);
  assert_mentions(err.message, "a packed list ends inside an element");
}

/* AttrValue: a oneof of 2 s, 3 i, 7 shape, 10 func. TensorShapeProto: 2 dim, 3 unknown_rank; Dim: 1 size, 2 name. */
static void canonical__messages(void **state) {
  (void)state;
  const ProtobufCMessageDescriptor *attr = &tensorflow__attr_value__descriptor;
  for (int i = 0; i < 2; i++) {
    size_t shape = w_begin(&given, 7);
    if (i == 1) w_varint(&given, 3, 1);
    size_t dim = w_begin(&given, 2);
    w_varint(&given, 1, (uint64_t)i + 5);
    w_end(&given, dim);
    w_end(&given, shape);
  }
  size_t shape = w_begin(&expected, 7);
  for (uint64_t i = 0; i < 2; i++) {
    size_t dim = w_begin(&expected, 2);
    w_varint(&expected, 1, i + 5);
    w_end(&expected, dim);
  }
  w_varint(&expected, 3, 1);
  w_end(&expected, shape);
  check("of one given twice, all", attr);
  w_text(&given, 7, "\x18\x01");
  w_text(&given, 2, "s");
  w_varint(&given, 3, 4);
  w_varint(&expected, 3, 4);
  check("of a oneof, the last", attr);
  w_varint(&given, 3, 0);
  w_varint(&expected, 3, 0);
  check("a member of a oneof has no default", attr);
}

static void put_entry(w_buffer *w, uint32_t number, uint64_t key, const char *value) {
  size_t entry = w_begin(w, number);
  w_varint(w, 1, key);
  if (value != NULL) w_text(w, 2, value);
  w_end(w, entry);
}

/* NameAttrList: 2 attr, a map of strings. FunctionDef: 7 arg_attr, a map of uint32. */
static void canonical__maps(void **state) {
  (void)state;
  const ProtobufCMessageDescriptor *func = &tensorflow__name_attr_list__descriptor;
  static const char *const keys[] = {"b", "a", "ab", "", "b"}, *const sorted[] = {"", "a", "ab", "b"};
  for (size_t i = 0; i < N_OF(keys); i++) {
    w_entry entry = w_begin_entry(&given, 2, keys[i]);
    w_varint(&given, 3, i);
    w_end_entry(&given, entry);
  }
  for (size_t i = 0; i < N_OF(sorted); i++) {
    static const uint64_t values[] = {3, 1, 2, 4};
    w_entry entry = w_begin_entry(&expected, 2, sorted[i]);
    w_varint(&expected, 3, values[i]);
    w_end_entry(&expected, entry);
  }
  check("by key, the last of each", func);
  w_text(&given, 2, "");
  w_bytes(&expected, 2, "\x0a\x00\x12\x00", 4);
  check("an entry has both", func);
  w_bytes(&given, 2, "\x12\x00\x0a\x01k\x1a\x01x", 8);
  w_bytes(&expected, 2, "\x0a\x01k\x12\x00", 5);
  check("and nothing else", func);
  const ProtobufCMessageDescriptor *function = &tensorflow__function_def__descriptor;
  static const uint64_t numbers[] = {300, 2, 0, 1};
  for (size_t i = 0; i < N_OF(numbers); i++) put_entry(&given, 7, numbers[i], i == 2 ? NULL : "");
  static const uint64_t in_order[] = {0, 1, 2, 300};
  for (size_t i = 0; i < N_OF(in_order); i++) put_entry(&expected, 7, in_order[i], "");
  check("by number", function);
}

static void canonical__unknown(void **state) {
  (void)state;
  const ProtobufCMessageDescriptor *saver = &tensorflow__saver_def__descriptor;
  w_varint(&given, 1000, 1);
  w_varint(&given, 1, 2); /* a string by the schema */
  w_text(&given, 1, "a");
  w_tag(&given, 999, W_GROUP);
  w_text(&given, 1, "in it");
  w_tag(&given, 999, W_GROUP_END);
  w_text(&expected, 1, "a");
  w_varint(&expected, 1000, 1);
  w_varint(&expected, 1, 2);
  w_tag(&expected, 999, W_GROUP);
  w_text(&expected, 1, "in it");
  w_tag(&expected, 999, W_GROUP_END);
  check("last, in the order of the bytes", saver);
}

static void canonical__pieces(void **state) {
  (void)state;
  const ProtobufCMessageDescriptor *saver = &tensorflow__saver_def__descriptor;
  w_varint(&given, 4, 1);
  size_t cut = given.size;
  w_text(&given, 1, "a");
  w_varint(&given, 4, 2);
  const sm_span pieces[] = {{given.data, cut}, {given.data + cut, given.size - cut}};
  w_text(&expected, 1, "a");
  w_varint(&expected, 4, 2);
  assert_ok(put(saver, (sm_spans){pieces, 2}, 0), err);
  assert_bytes("two", made.data, made.size, expected.data, expected.size);
  w_buffer field = {0};
  w_message(&field, 300, &expected);
  assert_ok(put(saver, (sm_spans){pieces, 2}, 300), err);
  assert_bytes("as a field", made.data, made.size, field.data, field.size);
  assert_ok(put(saver, (sm_spans){NULL, 0}, 0), err);
  assert_number("none", made.size, 0);
  w_free(&field);
}

/* A canonical message inside of one that is not goes out in one piece: what it holds was not recorded. */
static void canonical__same_inside(void **state) {
  (void)state;
  const ProtobufCMessageDescriptor *graph = &tensorflow__meta_graph_def__descriptor;
  w_bytes(&expected, 2, "\x0a\x03\x0a\x01n", 5); /* graph, node, name */
  w_text(&given, 6, "");
  w_raw(&given, expected.data, expected.size);
  w_text(&expected, 6, "");
  assert_ok(put_given(graph), err);
  assert_bytes("moved", made.data, made.size, expected.data, expected.size);
  assert_number("puts", n_puts, 3); /* tag and length, message; the other, which is empty */
}

static void canonical__depth(void **state) {
  (void)state;
  static const uint32_t path[] = {10, 2, 2}; /* func, attr, value */
  const ProtobufCMessageDescriptor *attr = &tensorflow__attr_value__descriptor;
  w_nest(&given, path, N_OF(path), SM_WIRE_MAX_DEPTH / 3, NULL, 0);
  assert_ok(put_given(attr), err);
  w_clear(&given);
  w_nest(&given, path, N_OF(path), SM_WIRE_MAX_DEPTH / 3 + 1, NULL, 0);
  assert_status(put_given(attr), SM_DATA_LOSS, err);
  assert_mentions(err.message, "nested more than 100 deep");
}

static void canonical__no_memory(void **state) {
  (void)state;
  const ProtobufCMessageDescriptor *func = &tensorflow__name_attr_list__descriptor;
  static const char *const keys[] = {"b", "a"};
  for (size_t i = 0; i < N_OF(keys); i++) w_end_entry(&given, w_begin_entry(&given, 2, keys[i]));
  for (uint64_t n = 0;; n++) {
    sm_arena_free(&arena);
    sm_arena_init(&arena, &fa.base, UINT64_MAX);
    sm_fault_alloc_rearm(&fa, n);
    sm_status status = put_given(func);
    if (!fa.fired) {
      assert_ok(status, err);
      break;
    }
    assert_status(status, SM_RESOURCE_EXHAUSTED, err);
  }
}

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test_setup_teardown(canonical__scalars, set_up, tear_down),
      cmocka_unit_test_setup_teardown(canonical__lists, set_up, tear_down),
      cmocka_unit_test_setup_teardown(canonical__messages, set_up, tear_down),
      cmocka_unit_test_setup_teardown(canonical__maps, set_up, tear_down),
      cmocka_unit_test_setup_teardown(canonical__unknown, set_up, tear_down),
      cmocka_unit_test_setup_teardown(canonical__pieces, set_up, tear_down),
      cmocka_unit_test_setup_teardown(canonical__same_inside, set_up, tear_down),
      cmocka_unit_test_setup_teardown(canonical__depth, set_up, tear_down),
      cmocka_unit_test_setup_teardown(canonical__no_memory, set_up, tear_down),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
