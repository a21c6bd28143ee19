/* What is read and what is refused, with which words, was tried with text_format.Parse of TensorFlow 2.21's Python;
 * interop/text_tf.py tries it again. */
#include "wire/text.h"

#include <savedmodel/pb/attr_value.pb-c.h>
#include <savedmodel/pb/graph.pb-c.h>
#include <savedmodel/pb/meta_graph.pb-c.h>
#include <savedmodel/pb/saved_model.pb-c.h>
#include <savedmodel/pb/struct.pb-c.h>

#include "support/check.h"
#include "support/fault_alloc.h"
#include "support/files.h"
#include "support/wire_writer.h"
#include "wire/canonical_internal.h"

static sm_fault_alloc fa;
static sm_buffer out;
static sm_error err;

static int set_up(void **state) {
  (void)state;
  sm_fault_alloc_init(&fa, UINT64_MAX);
  sm_buffer_init(&out, &fa.base, UINT64_MAX);
  return 0;
}

static int tear_down(void **state) {
  (void)state;
  sm_buffer_free(&out);
  return fa.live_blocks == 0 ? 0 : -1;
}

static sm_status read_sized(const ProtobufCMessageDescriptor *type, const char *text, size_t size) {
  /* a copy that ends where the text ends, for the address sanitizer */
  char *copy = malloc(size + 1);
  if (size != 0) memcpy(copy, text, size);
  char *exact = realloc(copy, size != 0 ? size : 1);
  sm_buffer_free(&out);
  sm_status status = sm_text_read(&out, type, (sm_string){exact, size}, &err);
  free(exact);
  return status;
}

static sm_status read_text(const ProtobufCMessageDescriptor *type, const char *text) {
  return read_sized(type, text, strlen(text));
}

static const ProtobufCMessageDescriptor *const attr = &tensorflow__attr_value__descriptor;

typedef struct row {
  const char *text, *bytes;
  size_t size;
} row;
#define ROW(text, bytes) \
  { text, bytes, sizeof(bytes) - 1 }

static void check_rows(const ProtobufCMessageDescriptor *type, const row *rows, size_t n) {
  for (size_t i = 0; i < n; i++) {
    if (read_text(type, rows[i].text) != SM_OK) fail_msg("%s: refused: %s", rows[i].text, err.message);
    assert_bytes(rows[i].text, out.data, out.size, rows[i].bytes, rows[i].size);
  }
}

static void text_read__numbers(void **state) {
  (void)state;
  static const row rows[] = {
      ROW("", ""),
      ROW("f: 1", "\x25\0\0\x80\x3F"),
      ROW("f: -0", "\x25\0\0\0\x80"),
      ROW("f:0", "\x25\0\0\0\0"), /* a member of a oneof: there, though zero */
      ROW("f: 1.5F", "\x25\0\0\xC0\x3F"),
      ROW("f: 1e-45f", "\x25\1\0\0\0"),
      ROW("f: inff", "\x25\0\0\x80\x7F"),
      ROW("f: -InFiNiTy", "\x25\0\0\x80\xFF"),
      ROW("f: nan", "\x25\0\0\xC0\x7F"),
      ROW("f: -nan", "\x25\0\0\xC0\xFF"),
      ROW("f: 3.4028235677973366e38", "\x25\0\0\x80\x7F"),
      /* just above the middle of two floats, and the middle itself as a double: TensorFlow rounds twice */
      ROW("f: 1.00000005960464477539062500000000000000000000000000001", "\x25\0\0\x80\x3F"),
      ROW("i: 0x7fffffffffffffff", "\x18\xFF\xFF\xFF\xFF\xFF\xFF\xFF\xFF\x7F"),
      ROW("i: -9223372036854775808", "\x18\x80\x80\x80\x80\x80\x80\x80\x80\x80\1"),
      ROW("i: 017", "\x18\x0F"),
      ROW("i: -0x10", "\x18\xF0\xFF\xFF\xFF\xFF\xFF\xFF\xFF\xFF\1"),
      ROW("i: +5", "\x18\5"),
      ROW("i: -0", "\x18\0"),
      ROW("b: True", "\x28\1"),
      ROW("b: f", "\x28\0"),
      ROW("type: DT_FLOAT", "\x30\1"),
      ROW("type: 0x1", "\x30\1"),
      ROW("type: 999", "\x30\xE7\7"),
      ROW("type: -1", "\x30\xFF\xFF\xFF\xFF\xFF\xFF\xFF\xFF\xFF\1"),
      ROW("tensor { uint64_val: 18446744073709551615 }", "\x42\x0D\x8A\1\x0A\xFF\xFF\xFF\xFF\xFF\xFF\xFF\xFF\xFF\1"),
      ROW("tensor { double_val: 0.1 }", "\x42\x0A\x32\x08\x9A\x99\x99\x99\x99\x99\xB9\x3F"),
  };
  check_rows(attr, rows, N_OF(rows));
  static const row zigzag[] = {ROW("int64_value: -1", "\x60\1")}; /* sint64 */
  check_rows(&tensorflow__structured_value__descriptor, zigzag, 1);
}

static void text_read__strings(void **state) {
  (void)state;
  static const row rows[] = {
      ROW("s: \"\"", "\x12\0"),
      ROW("s: \"a\" 'b' \t \"c\"", "\x12\3abc"),
      ROW("s: 'it\"s' \"it's\"", "\x12\10it\"sit's"),
      ROW("s: \"\\n\\t\\r\\a\\b\\f\\v\\\\\\'\\\"\\?\"", "\x12\13\n\t\r\a\b\f\v\\'\"?"),
      ROW("s: \"\\0\\7\\18\\101\\1011\\377\"",
          "\x12\10\0\7\1"
          "8AA1\xFF"),
      ROW("s: \"\\x4\\x41\\x411\\xfg\"", "\x12\6\4AA1\xFg"),
      ROW("s: \"\\u00e9\\u20ac\\U0001F600\\u0041\"",
          "\x12\12\xC3\xA9\xE2\x82\xAC\xF0\x9F\x98\x80"
          "A"),
      ROW("s: \"\xC3\xA9#\"", "\x12\3\xC3\xA9#"),
      ROW("placeholder: \"\\303\\251\"", "\x4A\2\xC3\xA9"),
      ROW("placeholder: \"\\xc3\" \"\\xa9\"", "\x4A\2\xC3\xA9"),
      ROW("placeholder: \"a\\000b\"", "\x4A\3a\0b"),
  };
  check_rows(attr, rows, N_OF(rows));
}

static void text_read__messages(void **state) {
  (void)state;
  static const row rows[] = {
      ROW("list {}", "\x0A\0"),
      ROW("list: {}", "\x0A\0"),
      ROW("list < i: 1 >", "\x0A\3\x1A\1\1"),
      ROW("list{i:[1,2,3]}", "\x0A\5\x1A\3\1\2\3"),
      ROW("list { i: [] }", "\x0A\0"),
      ROW("list { i: 1, i: 2; i: 3 }", "\x0A\5\x1A\3\1\2\3"),
      ROW("list { s: [\"a\" \"b\", \"c\"] }", "\x0A\7\x12\2ab\x12\1c"),
      ROW("list { shape: [{}, <unknown_rank: true>] shape {} }", "\x0A\10\x3A\0\x3A\2\x18\1\x3A\0"),
      ROW("# one\nlist { # two\n} # three", "\x0A\0"),
      ROW("\xC2\xA0list\xE2\x80\x83{\xE3\x80\x80}\x1C", "\x0A\0"), /* white space of Unicode */
      /* out of order: by number, lists joined */
      ROW("list { i: 1 f: 2 i: 3 }", "\x0A\12\x1A\2\1\3\x22\4\0\0\0\x40"),
      ROW("list { f: 2 s: \"a\" }", "\x0A\11\x12\1a\x22\4\0\0\0\x40"),
      ROW("shape { unknown_rank: true dim { name: \"b\" size: 3 } }", "\x3A\11\x12\5\x08\3\x12\1b\x18\1"),
      /* zero is as good as nothing, where there is no oneof */
      ROW("shape { dim { size: 0 size: 2 } unknown_rank: false }", "\x3A\4\x12\2\x08\2"),
      ROW("func { name: \"\" }", "\x52\0"),
      ROW("tensor { tensor_content: \"\" dtype: 0 }", "\x42\0"),
  };
  check_rows(attr, rows, N_OF(rows));
}

/* Sorted, with key and value, the last of a key. */
static void text_read__maps(void **state) {
  (void)state;
  static const row texts[] = {
      ROW("func { attr { key: \"a\" value { i: 1 } } }", "\x52\11\x12\7\x0A\1a\x12\2\x18\1"),
      ROW("func { attr { value { i: 1 } key: \"a\" } }", "\x52\11\x12\7\x0A\1a\x12\2\x18\1"),
      ROW("func { attr { key: \"a\" } }", "\x52\7\x12\5\x0A\1a\x12\0"),
      ROW("func { attr {} }", "\x52\6\x12\4\x0A\0\x12\0"),
      ROW("func { attr: [{ key: \"b\" }, { key: \"a\" }] }", "\x52\16\x12\5\x0A\1a\x12\0\x12\5\x0A\1b\x12\0"),
      ROW("func { attr { key: \"a\" value { i: 9 } } attr { key: \"\" } attr { key: \"a\" } }",
          "\x52\15\x12\4\x0A\0\x12\0\x12\5\x0A\1a\x12\0"),
      ROW("func { attr { key: \"\" key: \"b\" } }", "\x52\7\x12\5\x0A\1b\x12\0"),
  };
  check_rows(attr, texts, N_OF(texts));
  assert_ok(read_text(&tensorflow__graph_def__descriptor,
                      "library { function { arg_attr { key: 4294967295 } arg_attr { key: 2 value {} } } }"),
            err);
  w_buffer w = {0};
  size_t library = w_begin(&w, 2), function = w_begin(&w, 1);
  for (int i = 0; i < 2; i++) {
    size_t entry = w_begin(&w, 7);
    w_varint(&w, 1, i == 0 ? 2 : 4294967295u);
    w_bytes(&w, 2, "", 0);
    w_end(&w, entry);
  }
  w_end(&w, function);
  w_end(&w, library);
  assert_bytes("sorted as unsigned numbers", out.data, out.size, w.data, w.size);
  w_free(&w);
}

static void text_read__any(void **state) {
  (void)state;
  static const char *const same[] = {
      "[a.b/tensorflow.AssetFileDef] { filename: 'x' }",
      "[ a.b / tensorflow.AssetFileDef ]: < filename: 'x' >",
      "type_url: 'a.b/tensorflow.AssetFileDef' value: '\\022\\001x'",
      "value: '\\022\\001x' type_url: 'a.b/tensorflow.AssetFileDef'",
      "type_url: 'z' value: 'v' [a.b/tensorflow.AssetFileDef] { filename: 'x' }",
      "[a.b/tensorflow.AssetFileDef] {} [a.b/tensorflow.AssetFileDef] { filename: 'x' }",
      "[a.b/tensorflow.AssetFileDef] {} value: '\\022\\001x'",
      "value: 'v' [a.b/tensorflow.AssetFileDef] {} value: '\\022\\001x'",
  };
  static const char bytes[] =
      "\x0A\x1B"
      "a.b/tensorflow.AssetFileDef\x12\3\x12\1x";
  const ProtobufCMessageDescriptor *any = sm_wire_find_type("google.protobuf.Any", 19);
  assert_non_null(any);
  for (size_t i = 0; i < N_OF(same); i++) {
    if (read_text(any, same[i]) != SM_OK) fail_msg("%s: %s", same[i], err.message);
    assert_bytes(same[i], out.data, out.size, bytes, sizeof bytes - 1);
  }
  static const row rows[] = {
      ROW("[a/tensorflow.VersionDef] { producer: 0 }",
          "\x0A\x17"
          "a/tensorflow.VersionDef"),
      /* in order inside as well */
      ROW("[a/tensorflow.VersionDef] { min_consumer: 2 producer: 1 }",
          "\x0A\x17"
          "a/tensorflow.VersionDef\x12\4\x08\1\x10\2"),
  };
  check_rows(any, rows, N_OF(rows));
}

/* What is out of order around an Any and what is inside of it are two things. */
static void text_read__any_in_disorder(void **state) {
  (void)state;
  static const char text[] =
      "asset_file_def {}\n"
      "collection_def { key: 'k' value { any_list { value { [a/tensorflow.VersionDef] { producer: 1 } } } } }";
  assert_ok(read_text(&tensorflow__meta_graph_def__descriptor, text), err);
  w_buffer w = {0};
  w_entry entry = w_begin_entry(&w, 4, "k");
  size_t list = w_begin(&w, 5), any = w_begin(&w, 1);
  w_text(&w, 1, "a/tensorflow.VersionDef");
  w_bytes(&w, 2, "\x08\1", 2);
  w_end(&w, any);
  w_end(&w, list);
  w_end_entry(&w, entry);
  w_bytes(&w, 6, "", 0);
  assert_bytes("in order", out.data, out.size, w.data, w.size);
  w_free(&w);
}

typedef struct refusal {
  const char *text, *message;
} refusal;

static void check_refusals(const ProtobufCMessageDescriptor *type, const refusal *rows, size_t n) {
  for (size_t i = 0; i < n; i++) {
    if (read_text(type, rows[i].text) == SM_OK) fail_msg("%s was read", rows[i].text);
    assert_number(rows[i].text, err.code, SM_DATA_LOSS);
    assert_text(rows[i].text, err.message, rows[i].message);
  }
}

static void text_read__refuses(void **state) {
  (void)state;
  static const refusal rows[] = {
      {"f: 010", "1:4 : 'f: 010': Invalid octal float: 010"},
      {"f: 0x10", "1:4 : 'f: 0x10': Couldn't parse float: 0x10"},
      {"f: - 1", "1:4 : 'f: - 1': Couldn't parse float: -"},
      {"f:", "1:3 : '': Couldn't parse float: "},
      {"f", "1:2 : '': Expected \":\"."},
      {"f 1", "1:3 : 'f 1': Expected \":\"."},
      {"f: [1]", "1:4 : 'f: [1]': Couldn't parse float: ["},
      {"i: 0x8000000000000000", "1:4 : 'i: 0x8000000000000000': Value out of range: 0x8000000000000000"},
      {"i: 99999999999999999999", "1:4 : 'i: 99999999999999999999': Value out of range: 99999999999999999999"},
      {"i: 08", "1:4 : 'i: 08': Couldn't parse integer: 08"},
      {"i: 1.0", "1:4 : 'i: 1.0': Couldn't parse integer: 1.0"},
      {"tensor{uint32_val:-1}", "1:19 : 'tensor{uint32_val:-1}': Value out of range: -1"},
      {"tensor{version_number:2147483648}",
       "1:23 : 'tensor{version_number:2147483648}': Value out of range: 2147483648"},
      {"b: TRUE", "1:4 : 'b: TRUE': Expected \"true\" or \"false\"."},
      {"type: DT_NOPE", "1:7 : 'type: DT_NOPE': Enum type \"tensorflow.DataType\" has no value named DT_NOPE."},
      {"type: 01", "1:7 : 'type: 01': Enum type \"tensorflow.DataType\" has no value named 01."},
      {"s: a", "1:4 : 's: a': Expected string but found: 'a'"},
      {"s: \"abc\n\"", "1:4 : 's: \"abc': String missing ending quote: '\"abc'"},
      {"s: \"\\400\"", "1:4 : 's: \"\\400\"': Invalid escape sequence in string."},
      {"s: \"\\q\"", "1:4 : 's: \"\\q\"': Invalid escape sequence in string."},
      {"s: \"\\xg\"", "1:4 : 's: \"\\xg\"': Invalid escape sequence in string."},
      {"s: \"\\u12\"", "1:4 : 's: \"\\u12\"': Invalid escape sequence in string."},
      {"s: \"\\ud800\"", "1:4 : 's: \"\\ud800\"': Invalid escape sequence in string."},
      {"s: \"\\U00110000\"", "1:4 : 's: \"\\U00110000\"': Invalid escape sequence in string."},
      {"func{name:\"\\377\"}", "1:17 : 'func{name:\"\\377\"}': Couldn't parse string: not UTF-8"},
      {"nope: 1", "1:1 : Message type \"tensorflow.AttrValue\" has no field named \"nope\"."},
      {"\n# \xC3\xA9\n \t\xC3\xA9"
       "f:1",
       "3:3 : ' \\x09\xC3\xA9"
       "f:1': Expected identifier or number, got \xC3\xA9."},
      {"5: 1", "1:1 : Message type \"tensorflow.AttrValue\" has no field named \"5\"."},
      {"F: 1", "1:1 : Message type \"tensorflow.AttrValue\" has no field named \"F\"."},
      {"lis {}", "1:1 : Message type \"tensorflow.AttrValue\" has no field named \"lis\"."},
      {"[a.b]: 1", "1:4 : Message type \"tensorflow.AttrValue\" does not have extensions."},
      {"list{", "1:5 : Expected \"}\"."},
      {"list<}", "1:6 : 'list<}': Expected identifier or number, got }."},
      {"}", "1:1 : '}': Expected identifier or number, got }."},
      {"list: 1", "1:7 : 'list: 1': Expected \"{\"."},
      {"list: [{}]", "1:7 : 'list: [{}]': Expected \"{\"."},
      {"list{i:[1,]}", "1:11 : 'list{i:[1,]}': Couldn't parse integer: ]"},
      {"list{i:[1;2]}", "1:10 : 'list{i:[1;2]}': Expected \",\"."},
      {"list{i:1,;}", "1:10 : 'list{i:1,;}': Expected identifier or number, got ;."},
      {"list{} list{}", "1:12 : Message type \"tensorflow.AttrValue\" should not have multiple \"list\" fields."},
      {"i: 0 i: 0", "1:9 : Message type \"tensorflow.AttrValue\" should not have multiple \"i\" fields."},
      {"shape{dim{size:2 size:0}}",
       "1:23 : Message type \"tensorflow.TensorShapeProto.Dim\" should not have multiple \"size\" fields."},
      {"f:1\ni:2",
       "2:1 : Field \"i\" is specified along with field \"f\", another member of a oneof for message type "
       "\"tensorflow.AttrValue\"."},
      {"f: 1 # \xFF", "1:8 : not UTF-8"},
  };
  check_refusals(attr, rows, N_OF(rows));
  static const refusal any[] = {
      {"[tensorflow.AssetFileDef] {}", "1:27 : '[tensorflow.AssetFileDef] {}': Type URL does not contain \"/\"."},
      {"[/tensorflow.AssetFileDef] {}", "1:28 : '[/tensorflow.AssetFileDef] {}': Type URL prefix is empty."},
      {"[%2/tensorflow.AssetFileDef] {}",
       "1:30 : '[%2/tensorflow.AssetFileDef] {}': Invalid percent escape, got \"%2\"."},
      {"[a/1.2] {}", "1:9 : '[a/1.2] {}': Expected type name, got \"1.2\"."},
      {"[a/tensorflow.Nope] {}", "1:19 : Type tensorflow.Nope not found in descriptor pool"},
      {"[a/tensorflow.AssetFileDef {}", "1:28 : '[a/tensorflow.AssetFileDef {}': Expected \"]\"."},
      {"[a/tensorflow.AssetFileDef] {} type_url: 'z'",
       "1:42 : Message type \"google.protobuf.Any\" should not have multiple \"type_url\" fields."},
  };
  check_refusals(sm_wire_find_type("google.protobuf.Any", 19), any, N_OF(any));
}

static void text_read__offset(void **state) {
  (void)state;
  assert_status(read_text(attr, "list {\n  \xC3\xA9: 1\n}"), SM_DATA_LOSS, err);
  assert_number("offset", err.offset, 9);
  assert_status(sm_text_read(&out, attr, (sm_string){"x", 1}, NULL), SM_DATA_LOSS, err); /* err is not wanted */
}

/* ---- Limits ---- */

static char *nested(size_t levels) {
  static const char open[] = "list_value{values{";
  char *text = malloc(levels * sizeof open + levels + 1), *at = text;
  for (size_t i = 0; i < levels / 2; i++) at += snprintf(at, sizeof open, "%s", open);
  for (size_t i = 0; i < levels / 2 * 2; i++) *at++ = '}';
  *at = '\0';
  return text;
}

static void text_read__depth(void **state) {
  (void)state;
  char *text = nested(100);
  assert_ok(read_text(&tensorflow__structured_value__descriptor, text), err);
  free(text);
  text = nested(102);
  assert_status(read_text(&tensorflow__structured_value__descriptor, text), SM_DATA_LOSS, err);
  assert_mentions(err.message, "too deep");
  free(text);
  text = nested(1000000);
  assert_status(read_text(&tensorflow__structured_value__descriptor, text), SM_DATA_LOSS, err);
  free(text);
}

static void text_read__max_size(void **state) {
  (void)state;
  static const char text[] = "list { i: [1, 2, 3, 4, 5, 6] }"; /* 10 bytes */
  sm_buffer_init(&out, &fa.base, 64);
  assert_ok(sm_text_read(&out, attr, (sm_string){text, sizeof text - 1}, &err), err);
  sm_buffer_free(&out);
  sm_buffer_init(&out, &fa.base, 9);
  assert_status(sm_text_read(&out, attr, (sm_string){text, sizeof text - 1}, &err), SM_RESOURCE_EXHAUSTED, err);
}

/* Every message fits into what a frame remembers of it, and what is taken for a map is one. */
static void text_read__all_types(void **state) {
  (void)state;
  size_t n_maps = 0;
#define TYPE(type)                                                            \
  {                                                                           \
    extern const ProtobufCMessageDescriptor type;                             \
    assert_true(type.n_fields <= SM_WIRE_MAX_FIELDS);                         \
    assert_ptr_equal(sm_wire_find_type(type.name, strlen(type.name)), &type); \
    n_maps += sm_wire_is_map_entry(&type);                                    \
  }
#include <savedmodel/pb/types.inc>
#undef TYPE
  assert_number("maps", n_maps, SM_TEST_N_MAPS); /* "map<" in proto/ */
  assert_null(sm_wire_find_type("tensorflow.Nope", 15));
  assert_null(sm_wire_find_type("tensorflow.NodeDe", 17));
  assert_null(sm_wire_find_type("", 0));
}

/* ---- Faults ---- */

static void text_read__faults(void **state) {
  (void)state;
  static const char text[] =
      "library { function { arg_attr { key: 3 } arg_attr { key: 1 } } }\n"
      "node { name: 'n' attr { key: 'b' value { tensor { float_val: [1, 2] dtype: 1 float_val: 3 } } } attr { key: 'a' "
      "} }";
  for (size_t n = 0;; n++) {
    sm_fault_alloc_rearm(&fa, n);
    sm_buffer_init(&out, &fa.base, UINT64_MAX);
    sm_status status = sm_text_read(&out, &tensorflow__graph_def__descriptor, (sm_string){text, sizeof text - 1}, &err);
    sm_buffer_free(&out);
    assert_number("live blocks", fa.live_blocks, 0);
    if (!fa.fired) {
      assert_ok(status, err);
      assert_true(n > 3);
      return;
    }
    assert_status(status, SM_RESOURCE_EXHAUSTED, err);
  }
}

/* Cut off, and changed at random: read or refused, and nothing else. */
static void text_read__damaged(void **state) {
  (void)state;
  size_t size;
  char *text = (char *)read_file(path_in(model_dir("v1/as_text"), "saved_model.pbtxt"), &size);
  const ProtobufCMessageDescriptor *type = &tensorflow__saved_model__descriptor;
  assert_ok(read_sized(type, text, size), err);
  for (size_t cut = 0; cut < size; cut += 97) (void)read_sized(type, text, cut);
  uint64_t seed = 1;
  static const char odd[] = "{}<>[]:;,#\"'\\\n .-0x_\xFF\xC3";
  for (unsigned i = 0; i < 1000; i++) {
    seed = seed * 6364136223846793005u + 1442695040888963407u;
    size_t at = (size_t)(seed >> 20) % size;
    char old = text[at];
    text[at] = odd[(seed >> 12) % (sizeof odd - 1)];
    (void)read_sized(type, text, size);
    if ((seed & 0x100) != 0) text[at] = old;
  }
  free(text);
}

int main(void) {
#define CASE(name) cmocka_unit_test_setup_teardown(text_read__##name, set_up, tear_down)
  const struct CMUnitTest tests[] = {CASE(numbers),         CASE(strings), CASE(messages), CASE(maps),  CASE(any),
                                     CASE(any_in_disorder), CASE(refuses), CASE(offset),   CASE(depth), CASE(max_size),
                                     CASE(all_types),       CASE(faults),  CASE(damaged)};
#undef CASE
  return cmocka_run_group_tests_name("text_read", tests, NULL, NULL);
}
