/* Expected text is what str() of the message gives in TensorFlow 2.21's Python. */
#include <savedmodel/convert.h>
#include <savedmodel/pb/attr_value.pb-c.h>
#include <savedmodel/pb/graph.pb-c.h>
#include <savedmodel/pb/node_def.pb-c.h>
#include <savedmodel/pb/saved_model.pb-c.h>
#include <savedmodel/pb/struct.pb-c.h>

#include "support/check.h"
#include "support/fault_alloc.h"
#include "support/files.h"
#include "support/wire_writer.h"
#include "wire/text.h"

static sm_fault_alloc fa;
static sm_arena arena;
static sm_error err;
static w_buffer w, text;

static int set_up(void **state) {
  (void)state;
  sm_fault_alloc_init(&fa, UINT64_MAX);
  sm_arena_init(&arena, &fa.base, UINT64_MAX);
  w = text = (w_buffer){0};
  return 0;
}

static int tear_down(void **state) {
  (void)state;
  sm_arena_free(&arena);
  w_free(&w);
  w_free(&text);
  return fa.live_blocks == 0 ? 0 : -1;
}

static sm_status append(void *ctx, const void *data, size_t size, sm_error *unused) {
  (void)unused;
  w_raw(ctx, data, size);
  return SM_OK;
}

static sm_status write_text(const ProtobufCMessageDescriptor *type) {
  sm_wire_source source = {.name = "m", .bytes = {w.data, w.size}};
  w_clear(&text);
  return sm_text_write(type, source.bytes, &source, &arena, append, &text, &err);
}

static void check_text(const ProtobufCMessageDescriptor *type, const char *expected) {
  assert_ok(write_text(type), err);
  w_raw(&text, "", 1);
  assert_text(type->name, (const char *)text.data, expected);
  w_clear(&w);
}

static void text_write__values(void **state) {
  (void)state;
  const ProtobufCMessageDescriptor *attr = &tensorflow__attr_value__descriptor;
  check_text(attr, "");
  w_text(&w, 2, "");
  check_text(attr, "s: \"\"\n");
  w_varint(&w, 3, UINT64_MAX);
  check_text(attr, "i: -1\n");
  w_varint(&w, 3, 0x8000000000000000u);
  check_text(attr, "i: -9223372036854775808\n");
  w_fixed32(&w, 4, 0x3DCCCCCD);
  check_text(attr, "f: 0.1\n");
  w_fixed32(&w, 4, 0x80000000);
  check_text(attr, "f: -0\n");
  w_fixed32(&w, 4, 0xFFC00001);
  check_text(attr, "f: nan\n");
  w_varint(&w, 5, 7);
  check_text(attr, "b: true\n");
  w_varint(&w, 6, 19);
  check_text(attr, "type: DT_HALF\n");
  w_varint(&w, 6, 999);
  check_text(attr, "type: 999\n");
  w_varint(&w, 6, UINT64_MAX);
  check_text(attr, "type: -1\n");
  w_varint(&w, 12, 1); /* sint64 */
  check_text(&tensorflow__structured_value__descriptor, "int64_value: -1\n");
  size_t list = w_begin(&w, 1);
  w_end(&w, list);
  check_text(attr, "list {\n}\n");
}

static void text_write__strings(void **state) {
  (void)state;
  static const char bytes[] = "a\0\1\x7F\xC3\xA9'\"\\\n\t\r\xE2\x82\xAC\x1F~";
  w_bytes(&w, 1, bytes, sizeof bytes - 1);
  check_text(&tensorflow__node_def__descriptor,
             "name: \"a\\000\\001\\177\xC3\xA9\\'\\\"\\\\\\n\\t\\r\xE2\x82\xAC\\037~\"\n");
  w_bytes(&w, 2, bytes, sizeof bytes - 1); /* of type bytes: no character is special */
  check_text(&tensorflow__attr_value__descriptor,
             "s: \"a\\000\\001\\177\\303\\251\\'\\\"\\\\\\n\\t\\r\\342\\202\\254\\037~\"\n");
  w_bytes(&w, 1, "\xFF", 1);
  assert_status(write_text(&tensorflow__node_def__descriptor), SM_DATA_LOSS, err);
  assert_text("message", err.message, "m: byte 2: string field name is not UTF-8");
}

/* Larger than what is handed out at once, with an escape wherever a piece may end. */
static void text_write__pieces(void **state) {
  (void)state;
  enum { SIZE = 200000 };
  static char bytes[SIZE], expected[4 * SIZE + 8];
  char *at = expected + snprintf(expected, sizeof expected, "s: \"");
  for (size_t i = 0; i < SIZE; i++) {
    bytes[i] = i % 3 == 0 ? '\x01' : 'x';
    at += snprintf(at, 5, "%s", i % 3 == 0 ? "\\001" : "x");
  }
  at += snprintf(at, 3, "\"\n");
  w_bytes(&w, 2, bytes, SIZE);
  assert_ok(write_text(&tensorflow__attr_value__descriptor), err);
  assert_bytes("text", text.data, text.size, expected, (size_t)(at - expected));
}

/* As the protobuf specification reads it: in the order of numbers, sorted, merged, the last one counting. */
static void text_write__out_of_order(void **state) {
  (void)state;
  w_entry entry = w_begin_entry(&w, 5, "b");
  w_varint(&w, 3, 1);
  w_end_entry(&w, entry);
  w_text(&w, 1, "first");
  entry = w_begin_entry(&w, 5, "a");
  w_end_entry(&w, entry);
  entry = w_begin_entry(&w, 5, "b");
  w_varint(&w, 3, 2);
  w_end_entry(&w, entry);
  size_t lone = w_begin(&w, 5); /* neither key nor value */
  w_end(&w, lone);
  w_text(&w, 1, "last");
  w_text(&w, 3, "x");
  w_text(&w, 2, "");
  w_text(&w, 3, "y");
  check_text(&tensorflow__node_def__descriptor,
             "name: \"last\"\ninput: \"x\"\ninput: \"y\"\n"
             "attr {\n  key: \"\"\n  value {\n  }\n}\n"
             "attr {\n  key: \"a\"\n  value {\n  }\n}\n"
             "attr {\n  key: \"b\"\n  value {\n    i: 2\n  }\n}\n");
  for (int i = 0; i < 2; i++) { /* a tensor twice, between them a member of the same oneof */
    size_t tensor = w_begin(&w, 8);
    w_varint(&w, 1, 1);
    w_end(&w, tensor);
    if (i == 0) w_varint(&w, 3, 5);
  }
  size_t tensor = w_begin(&w, 8);
  w_varint(&w, 3, 4);
  w_fixed32(&w, 5, 0x3F800000);
  w_bytes(&w, 5, "\0\0\0\x40\0\0\x40\x40", 8); /* packed and not */
  w_end(&w, tensor);
  check_text(&tensorflow__attr_value__descriptor,
             "tensor {\n  dtype: DT_FLOAT\n  version_number: 4\n  float_val: 1\n  float_val: 2\n  float_val: 3\n}\n");
}

static void text_write__any_stays_bytes(void **state) {
  (void)state;
  size_t graph = w_begin(&w, 2);
  w_entry entry = w_begin_entry(&w, 4, "k");
  size_t list = w_begin(&w, 5), any = w_begin(&w, 1);
  w_text(&w, 1, "t/tensorflow.AssetFileDef");
  w_bytes(&w, 2, "\x12\1x", 3);
  w_end(&w, any);
  w_end(&w, list);
  w_end_entry(&w, entry);
  w_end(&w, graph);
  check_text(&tensorflow__saved_model__descriptor,
             "meta_graphs {\n  collection_def {\n    key: \"k\"\n    value {\n      any_list {\n        value {\n"
             "          type_url: \"t/tensorflow.AssetFileDef\"\n          value: \"\\022\\001x\"\n"
             "        }\n      }\n    }\n  }\n}\n");
}

static void text_write__refuses(void **state) {
  (void)state;
  const ProtobufCMessageDescriptor *attr = &tensorflow__attr_value__descriptor;
  w_varint(&w, 1000, 1);
  assert_status(write_text(attr), SM_UNIMPLEMENTED, err);
  assert_mentions(err.message, "tensorflow.AttrValue has a field 1000");
  w_clear(&w);
  w_varint(&w, 4, 1); /* known, of another type */
  assert_status(write_text(attr), SM_UNIMPLEMENTED, err);
  w_clear(&w);
  w_tag(&w, 2, W_BYTES);
  w_raw_varint(&w, 5);
  assert_status(write_text(attr), SM_DATA_LOSS, err);
  w_clear(&w);
  size_t list = w_begin(&w, 1);
  w_bytes(&w, 4, "\0\0\0\0\0", 5);
  w_end(&w, list);
  assert_status(write_text(attr), SM_DATA_LOSS, err);
  assert_mentions(err.message, "inside an element");
}

static void text_write__depth(void **state) {
  (void)state;
  static const uint32_t path[] = {51, 1}; /* list_value, values */
  w_nest(&w, path, 2, 50, "", 0);
  assert_ok(write_text(&tensorflow__structured_value__descriptor), err);
  w_clear(&w);
  w_nest(&w, path, 2, 51, "", 0);
  assert_status(write_text(&tensorflow__structured_value__descriptor), SM_DATA_LOSS, err);
  w_clear(&w);
  w_nest(&w, path, 2, 50000, "", 0);
  assert_status(write_text(&tensorflow__structured_value__descriptor), SM_DATA_LOSS, err);
}

/* ---- Whole models ---- */

static int compare_lines(const void *a, const void *b) {
  const char *const *left = a, *const *right = b;
  return strcmp(*left, *right);
}

/* Sorts the lines of a terminated text. */
static size_t sort_lines(const char **lines, size_t max, char *all) {
  size_t n = 0;
  for (char *at = all; *at != '\0' && n < max; n++) {
    char *newline = strchr(at, '\n');
    lines[n] = at;
    if (newline == NULL) return n + 1;
    *newline = '\0';
    at = newline + 1;
  }
  qsort(lines, n, sizeof *lines, compare_lines);
  return n;
}

/* TensorFlow's own text, back to text: the same lines. It has maps in no order. */
static void text_write__tensorflows_text(void **state) {
  (void)state;
  static const char *ours[5000], *theirs[5000];
  size_t size;
  char *original = (char *)read_file(path_in(model_dir("v1/as_text"), "saved_model.pbtxt"), &size);
  sm_string bytes;
  assert_ok(sm_convert_from_text(&bytes, SM_MESSAGE_SAVED_MODEL, original, size, NULL, &err), err);
  assert_ok(sm_convert_to_text(SM_MESSAGE_SAVED_MODEL, bytes.data, bytes.size, NULL, append, &text, NULL, &err), err);
  w_raw(&text, "", 1);
  size_t n = sort_lines(ours, N_OF(ours), (char *)text.data);
  assert_number("lines", n, sort_lines(theirs, N_OF(theirs), original));
  assert_true(n > 1000);
  for (size_t line = 0; line < n; line++) assert_text("line", ours[line], theirs[line]);
  sm_convert_free(&bytes, NULL);
  free(original);
}

/* Text of bytes, its bytes, and text of those: the same text, and bytes that no longer change. */
static void text_write__round_trips(void **state) {
  (void)state;
  static const char *const names[] = {"v2/one_signature", "v1/simple_save", "v2/objects"};
  for (size_t i = 0; i < N_OF(names); i++) {
    size_t size;
    uint8_t *original = read_file(path_in(model_dir(names[i]), "saved_model.pb"), &size);
    sm_string bytes, again;
    w_buffer second = {0};
    w_clear(&text);
    assert_ok(sm_convert_to_text(SM_MESSAGE_SAVED_MODEL, original, size, "m", append, &text, NULL, &err), err);
    assert_ok(sm_convert_from_text(&bytes, SM_MESSAGE_SAVED_MODEL, (char *)text.data, text.size, NULL, &err), err);
    assert_number("size", bytes.size, size); /* only the order differs */
    assert_ok(sm_convert_to_text(SM_MESSAGE_SAVED_MODEL, bytes.data, bytes.size, "m", append, &second, NULL, &err),
              err);
    assert_bytes(names[i], second.data, second.size, text.data, text.size);
    assert_ok(sm_convert_from_text(&again, SM_MESSAGE_SAVED_MODEL, (char *)second.data, second.size, NULL, &err), err);
    assert_bytes(names[i], again.data, again.size, bytes.data, bytes.size);
    sm_convert_free(&bytes, NULL);
    sm_convert_free(&again, NULL);
    w_free(&second);
    free(original);
  }
}

/* ---- Faults, and the public side ---- */

static sm_status fail_after(void *ctx, const void *data, size_t size, sm_error *error) {
  (void)data;
  (void)size;
  size_t *left = ctx;
  if ((*left)-- > 0) return SM_OK;
  error->code = SM_UNAVAILABLE;
  return SM_UNAVAILABLE;
}

static void text_write__sink_fails(void **state) {
  (void)state;
  static uint8_t bytes[300000];
  w_bytes(&w, 2, bytes, sizeof bytes);
  sm_wire_source source = {.name = "m", .bytes = {w.data, w.size}};
  for (size_t n = 0; n < 20; n++) {
    size_t left = n;
    sm_status status =
        sm_text_write(&tensorflow__attr_value__descriptor, source.bytes, &source, &arena, fail_after, &left, &err);
    assert_number("status", status, n < 19 ? SM_UNAVAILABLE : SM_OK); /* 1200006 bytes in pieces of 65536 */
  }
}

static void text_write__faults(void **state) {
  (void)state;
  w_text(&w, 3, "x"); /* out of order, twice, on two levels */
  size_t entry = w_begin(&w, 5), value = w_begin(&w, 2);
  for (int i = 0; i < 2; i++) {
    size_t tensor = w_begin(&w, 8);
    w_varint(&w, 3, 4);
    w_varint(&w, 1, 1);
    w_end(&w, tensor);
  }
  w_end(&w, value);
  w_end(&w, entry);
  w_text(&w, 1, "n");
  sm_open_options options = SM_OPEN_OPTIONS_INIT;
  options.allocator = &fa.base;
  w_buffer node = {0};
  w_message(&node, 1, &w);
  for (size_t n = 0;; n++) {
    sm_fault_alloc_rearm(&fa, n);
    w_clear(&text);
    sm_status status =
        sm_convert_to_text(SM_MESSAGE_GRAPH_DEF, node.data, node.size, "m", append, &text, &options, &err);
    assert_number("live blocks", fa.live_blocks, 0);
    if (!fa.fired) {
      assert_ok(status, err);
      assert_true(n > 1);
      break;
    }
    assert_status(status, SM_RESOURCE_EXHAUSTED, err);
  }
  options.max_bytes = 65536 + 4096;
  assert_status(sm_convert_to_text(SM_MESSAGE_GRAPH_DEF, node.data, node.size, "m", append, &text, &options, &err),
                SM_RESOURCE_EXHAUSTED, err);
  w_free(&node);
}

static void text_write__bad_arguments(void **state) {
  (void)state;
  sm_string bytes;
  sm_open_options forgotten = {0};
  assert_status(sm_convert_to_text((sm_message_kind)0, "", 0, NULL, append, &text, NULL, &err), SM_INVALID_ARGUMENT,
                err);
  assert_status(sm_convert_to_text(SM_MESSAGE_GRAPH_DEF, NULL, 1, NULL, append, &text, NULL, &err), SM_INVALID_ARGUMENT,
                err);
  assert_status(sm_convert_to_text(SM_MESSAGE_GRAPH_DEF, "", 0, NULL, NULL, NULL, NULL, &err), SM_INVALID_ARGUMENT,
                err);
  assert_status(sm_convert_from_text(&bytes, (sm_message_kind)9, "", 0, NULL, &err), SM_INVALID_ARGUMENT, err);
  assert_status(sm_convert_from_text(&bytes, SM_MESSAGE_GRAPH_DEF, NULL, 1, NULL, &err), SM_INVALID_ARGUMENT, err);
  assert_status(sm_convert_from_text(&bytes, SM_MESSAGE_GRAPH_DEF, "", 0, &forgotten, &err), SM_INVALID_ARGUMENT, err);
  assert_null(bytes.data);
  sm_convert_free(&bytes, NULL);
  assert_ok(sm_convert_from_text(&bytes, SM_MESSAGE_GRAPH_DEF, NULL, 0, NULL, &err), err);
  assert_text("nothing, terminated", bytes.data, "");
  sm_convert_free(&bytes, NULL);
  assert_ok(sm_convert_to_text(SM_MESSAGE_GRAPH_DEF, NULL, 0, NULL, append, &text, NULL, &err), err);
  assert_number("size", text.size, 0);
}

int main(void) {
#define CASE(name) cmocka_unit_test_setup_teardown(text_write__##name, set_up, tear_down)
  const struct CMUnitTest tests[] = {CASE(values),          CASE(strings),    CASE(pieces), CASE(out_of_order),
                                     CASE(any_stays_bytes), CASE(refuses),    CASE(depth),  CASE(tensorflows_text),
                                     CASE(round_trips),     CASE(sink_fails), CASE(faults), CASE(bad_arguments)};
#undef CASE
  return cmocka_run_group_tests_name("text_write", tests, NULL, NULL);
}
