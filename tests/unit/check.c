/* What sm_wire_check finds before protobuf-c sees a message. */
#include "support/check.h"

#include <savedmodel/pb/attr_value.pb-c.h>
#include <savedmodel/pb/meta_graph.pb-c.h>
#include <savedmodel/pb/saved_object_graph.pb-c.h>
#include <savedmodel/pb/struct.pb-c.h>

#include "support/wire_writer.h"
#include "wire/wire_internal.h"

static sm_error err;
static sm_wire_facts facts;

static sm_status check(const ProtobufCMessageDescriptor *type, const w_buffer *w) {
  sm_wire_source source = {.name = "m", .bytes = {w->data, w->size}};
  return sm_wire_check(&facts, type, source.bytes, &source, &err);
}

/* Field numbers of the ways in which TensorFlow's messages nest in themselves, from the root type on. */
static const uint32_t list_path[] = {51, 1};           /* StructuredValue.list_value, ListValue.values */
static const uint32_t dict_path[] = {53, 1, 2};        /* .dict_value, DictValue.fields entry, its value */
static const uint32_t func_path[] = {10, 2, 2};        /* AttrValue.func, NameAttrList.attr entry, its value */
static const uint32_t attr_list_path[] = {1, 9, 2, 2}; /* AttrValue.list, ListValue.func, NameAttrList.attr, value */
static const uint32_t composite_path[] = {5, 2};       /* TensorInfo.composite_tensor, CompositeTensor.components */

static const struct {
  const char *what;
  const ProtobufCMessageDescriptor *type;
  const uint32_t *path;
  size_t path_len;
} nestings[] = {
    {"lists", &tensorflow__structured_value__descriptor, list_path, N_OF(list_path)},
    {"dicts", &tensorflow__structured_value__descriptor, dict_path, N_OF(dict_path)},
    {"functions", &tensorflow__attr_value__descriptor, func_path, N_OF(func_path)},
    {"lists of functions", &tensorflow__attr_value__descriptor, attr_list_path, N_OF(attr_list_path)},
    {"composite tensors", &tensorflow__tensor_info__descriptor, composite_path, N_OF(composite_path)},
};

/* w: depth messages inside the one that is handed in. */
static void nest(w_buffer *w, const uint32_t *path, size_t path_len, size_t depth) {
  w_buffer tail = {0};
  w_clear(w);
  w_nest(&tail, path, depth % path_len, 1, NULL, 0);
  w_nest(w, path, path_len, depth / path_len, tail.data, tail.size);
  w_free(&tail);
}

/* The C++ and Python runtimes take 100 nested messages, map entries included, and refuse 101. */
static void check__depth(void **state) {
  (void)state;
  static const size_t depths[] = {0, 1, 2, 50, 99, 100, 101, 102, 103, 200, 100000};
  w_buffer w = {0};
  for (size_t i = 0; i < N_OF(nestings); i++)
    for (size_t d = 0; d < N_OF(depths); d++) {
      nest(&w, nestings[i].path, nestings[i].path_len, depths[d]);
      sm_status status = check(nestings[i].type, &w);
      bool passes = depths[d] <= 100;
      if ((status == SM_OK) != passes)
        fail_msg("%s nested %zu deep: %s", nestings[i].what, depths[d], sm_status_name(status));
      if (!passes) assert_status(status, SM_DATA_LOSS, err);
    }
  w_free(&w);
}

/* Depth is not what has been passed, but what is open: many messages beside each other are fine. */
static void check__breadth_is_not_depth(void **state) {
  (void)state;
  w_buffer w = {0}, inner = {0};
  nest(&inner, list_path, 2, 98);
  size_t list = w_begin(&w, 51);
  for (int i = 0; i < 1000; i++) w_message(&w, 1, &inner);
  w_end(&w, list);
  assert_ok(check(&tensorflow__structured_value__descriptor, &w), err);
  w_free(&inner);
  w_free(&w);
}

/* What is not described is kept as bytes, so it may hold anything; bytes fields too. */
static void check__looks_into_described_messages_only(void **state) {
  (void)state;
  w_buffer w = {0}, deep = {0};
  nest(&deep, list_path, 2, 500);
  w_message(&w, 4000, &deep); /* unknown field */
  w_bytes(&w, 4001, "\x0A\xFF", 2);
  w_bytes(&w, 2, "\xFF\x00\x0A", 3); /* AttrValue.s */
  assert_ok(check(&tensorflow__attr_value__descriptor, &w), err);
  w_free(&deep);
  w_free(&w);
}

static void check__strings(void **state) {
  (void)state;
  static const struct {
    const char *bytes;
    size_t size;
    sm_status status;
  } rows[] = {
      {"plain", 5, SM_OK},
      {"", 0, SM_OK},
      {"gr\xC3\xBC\xC3\x9F", 6, SM_OK},
      {"\xF4\x8F\xBF\xBF", 4, SM_OK},
      {"\xFF", 1, SM_DATA_LOSS},
      {"ab\xC3", 3, SM_DATA_LOSS},
      {"\xED\xA0\x80", 3, SM_DATA_LOSS},
      {"\xC0\x80", 2, SM_DATA_LOSS},
      {"a\0b", 3, SM_UNIMPLEMENTED},
      {"\0", 1, SM_UNIMPLEMENTED},
      {"a\0", 2, SM_UNIMPLEMENTED},
  };
  w_buffer w = {0};
  for (size_t i = 0; i < N_OF(rows); i++) {
    w_clear(&w);
    w_bytes(&w, 9, rows[i].bytes, rows[i].size); /* AttrValue.placeholder */
    sm_status status = check(&tensorflow__attr_value__descriptor, &w);
    assert_text(rows[i].bytes, sm_status_name(status), sm_status_name(rows[i].status));
    if (status == SM_DATA_LOSS) assert_number("offset", err.offset, 2);
    if (status != SM_OK) assert_mentions(err.message, "placeholder");
    w_clear(&w); /* the same three levels down: func, a map entry, its key */
    size_t func = w_begin(&w, 10), entry = w_begin(&w, 2);
    w_bytes(&w, 1, rows[i].bytes, rows[i].size);
    w_end(&w, entry), w_end(&w, func);
    assert_number("in a map key", check(&tensorflow__attr_value__descriptor, &w), rows[i].status);
    w_clear(&w); /* and as bytes, where all is fine */
    w_bytes(&w, 2, rows[i].bytes, rows[i].size);
    assert_ok(check(&tensorflow__attr_value__descriptor, &w), err);
  }
  w_free(&w);
}

static void check__framing_inside(void **state) {
  (void)state;
  w_buffer w = {0};
  size_t func = w_begin(&w, 10);
  w_text(&w, 1, "f");
  w_raw(&w, "\x12\x05", 2); /* an entry of five bytes, of which there is none */
  w_end(&w, func);
  w_text(&w, 9, "enough bytes behind it");
  assert_status(check(&tensorflow__attr_value__descriptor, &w), SM_DATA_LOSS, err);
  assert_number("offset", err.offset, 7);
  w_free(&w);
}

/* Packed lists: ListValue.i (3, varints), .f (4, fixed32), .b (5), .type (6). */
static void check__packed_lists(void **state) {
  (void)state;
  static const struct {
    const char *what;
    uint32_t number;
    const char *bytes;
    size_t size;
    bool whole;
  } rows[] = {
      {"no varints", 3, "", 0, true},
      {"varints", 3, "\x01\x80\x01\xFF\xFF\xFF\xFF\xFF\xFF\xFF\xFF\xFF\x01", 13, true},
      {"a varint cut", 3, "\x01\x80", 2, false},
      {"a varint of eleven bytes", 3, "\x80\x80\x80\x80\x80\x80\x80\x80\x80\x80\x01", 11, false},
      {"floats", 4, "12345678", 8, true},
      {"a float cut", 4, "1234567", 7, false},
      {"bools", 5, "\x00\x01\x01", 3, true},
      {"bools of several bytes", 5, "\x00\x02\x81\x00", 4, true},
      {"a bool cut", 5, "\x80", 1, false},
      {"enums", 6, "\x01\xFF\xFF\xFF\xFF\x0F", 6, true},
      {"an enum cut", 6, "\x01\xFF", 2, false},
  };
  w_buffer w = {0};
  for (size_t i = 0; i < N_OF(rows); i++) {
    w_clear(&w);
    w_bytes(&w, rows[i].number, rows[i].bytes, rows[i].size);
    sm_status status = check(&tensorflow__attr_value__list_value__descriptor, &w);
    assert_text(rows[i].what, sm_status_name(status), sm_status_name(rows[i].whole ? SM_OK : SM_DATA_LOSS));
  }
  w_free(&w);
}

static void check__says_what_needs_a_merge(void **state) {
  (void)state;
  static const struct {
    const char *what, *bytes;
    size_t size;
    bool needs_merge;
  } rows[] = {
      /* AttrValue: list 1 (message), s 2, i 3, f 4 (fixed32), shape 7 (message), func 10 (message) */
      {"nothing", "", 0, false},
      {"one message", "\x3A\x00", 2, false},
      {"scalars given twice", "\x18\x01\x18\x02\x12\x00\x12\x01x", 9, false},
      {"a message and another of the oneof", "\x3A\x00\x0A\x00", 4, false},
      {"a message given twice", "\x3A\x00\x3A\x00", 4, true},
      {"with another between", "\x3A\x00\x18\x01\x3A\x00", 6, true},
      {"inside a list element", "\x0A\x08\x4A\x06\x12\x04\x12\x00\x12\x00", 10, true}, /* a map value given twice */
      {"repeated messages", "\x0A\x04\x3A\x00\x3A\x00", 6, false},
      {"an unknown field given twice", "\xA2\x06\x00\xA2\x06\x00", 6, false},
      {"a group", "\xA3\x06\xA4\x06", 4, true},
      {"a group in place of a message", "\x3B\x3C", 2, true},
      {"a message field as varint", "\x38\x01", 2, true},
      {"a varint field as bytes", "\x1A\x01x", 3, true},
      {"plain packed booleans", "\x0A\x04\x2A\x02\x00\x01", 6, false},
      {"a packed boolean of 2", "\x0A\x04\x2A\x02\x00\x02", 6, true},
      {"a packed boolean of two bytes", "\x0A\x04\x2A\x02\x80\x00", 6, true},
      {"a fixed32 field as varint", "\x20\x01", 2, true},
      {"a bytes field as fixed64",
       "\x11"
       "12345678",
       9, true},
  };
  w_buffer w = {0};
  for (size_t i = 0; i < N_OF(rows); i++) {
    w_clear(&w);
    w_raw(&w, rows[i].bytes, rows[i].size);
    if (check(&tensorflow__attr_value__descriptor, &w) != SM_OK) fail_msg("%s: %s", rows[i].what, err.message);
    assert_number(rows[i].what, facts.needs_merge, rows[i].needs_merge);
  }
  w_free(&w);
}

/* ---- Limits of merge.c and check.c that the schemas must keep ---- */

enum { MOST_TYPES = 500, MOST_ONEOFS = 12 /* merge.c: MAX_ONEOFS */ };

static const ProtobufCMessageDescriptor *types[MOST_TYPES];
static size_t n_types;

static void add_type(const ProtobufCMessageDescriptor *type) {
  for (size_t i = 0; i < n_types; i++)
    if (types[i] == type) return;
  assert_true(n_types < MOST_TYPES);
  types[n_types++] = type;
}

static size_t count_oneofs(const ProtobufCMessageDescriptor *type) {
  size_t n = 0;
  for (unsigned i = 0; i < type->n_fields; i++) {
    if ((type->fields[i].flags & PROTOBUF_C_FIELD_FLAG_ONEOF) == 0) continue;
    bool is_first = true;
    for (unsigned k = 0; k < i; k++)
      is_first &= (type->fields[k].flags & PROTOBUF_C_FIELD_FLAG_ONEOF) == 0 ||
                  type->fields[k].quantifier_offset != type->fields[i].quantifier_offset;
    n += is_first;
  }
  return n;
}

/* Every message that can be reached from those the library unpacks: its oneofs fit merge.c's table, and its message
 * fields the bits that both files keep for them. */
static void check__schemas_fit_the_tables(void **state) {
  (void)state;
  add_type(&tensorflow__meta_graph_def__descriptor);
  add_type(&tensorflow__saved_object_graph__descriptor);
  for (size_t t = 0; t < n_types; t++) {
    if (count_oneofs(types[t]) > MOST_ONEOFS) fail_msg("%s: %zu oneofs", types[t]->name, count_oneofs(types[t]));
    for (unsigned i = 0; i < types[t]->n_fields; i++) {
      if (types[t]->fields[i].type != PROTOBUF_C_TYPE_MESSAGE) continue;
      if (i >= 64) fail_msg("%s: message field %u", types[t]->name, i);
      add_type(types[t]->fields[i].descriptor);
    }
  }
  assert_true(n_types > 40);
}

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(check__depth),
      cmocka_unit_test(check__breadth_is_not_depth),
      cmocka_unit_test(check__looks_into_described_messages_only),
      cmocka_unit_test(check__strings),
      cmocka_unit_test(check__framing_inside),
      cmocka_unit_test(check__packed_lists),
      cmocka_unit_test(check__says_what_needs_a_merge),
      cmocka_unit_test(check__schemas_fit_the_tables),
  };
  return cmocka_run_group_tests_name("check", tests, NULL, NULL);
}
