/*
 * Messages that protobuf-c alone reads otherwise than the specification says ("Encoding", "Last One Wins" and
 * "Oneofs"): a message field given twice is merged, of a oneof only the last member counts, groups and fields of
 * unexpected types are unknown. Each is unpacked and looked at; the expected values follow from the specification and
 * are the same that protoc --decode shows.
 */
#include "support/check.h"

#include <savedmodel/pb/attr_value.pb-c.h>
#include <savedmodel/pb/meta_graph.pb-c.h>
#include <savedmodel/pb/node_def.pb-c.h>
#include <savedmodel/pb/struct.pb-c.h>

#include "support/wire_writer.h"
#include "wire/wire.h"

static sm_arena arena;
static w_buffer w;
static sm_error err;

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

static const void *unpack(const ProtobufCMessageDescriptor *type) {
  ProtobufCMessage *message;
  sm_wire_source source = {.name = "m", .bytes = {w.data, w.size}};
  assert_ok(sm_wire_unpack(&message, type, (sm_spans){&source.bytes, 1}, &source, &arena, &err), err);
  assert_ptr_equal(message->descriptor, type);
  return message;
}

static const Tensorflow__AttrValue *unpack_attr(void) { return unpack(&tensorflow__attr_value__descriptor); }

/* MetaGraphDef.meta_info_def twice, the later one with less in it. BASELINES.md: protobuf-c loses the first values. */
static void merge__message_given_twice(void **state) {
  (void)state;
  size_t info = w_begin(&w, 1);
  w_text(&w, 1, "version");
  w_text(&w, 5, "2.21.0");
  w_text(&w, 4, "serve");
  w_varint(&w, 7, 1);
  w_end(&w, info);
  w_varint(&w, 1000, 5); /* something between */
  info = w_begin(&w, 1);
  w_text(&w, 4, "gpu");
  w_text(&w, 5, "9.9");
  w_end(&w, info);
  const Tensorflow__MetaGraphDef *graph = unpack(&tensorflow__meta_graph_def__descriptor);
  const Tensorflow__MetaGraphDef__MetaInfoDef *merged = graph->meta_info_def;
  assert_non_null(merged);
  assert_text("kept", merged->meta_graph_version, "version");
  assert_text("overridden", merged->tensorflow_version, "9.9");
  assert_number("kept", merged->stripped_default_attrs, true);
  assert_number("repeated ones follow each other", merged->n_tags, 2);
  assert_text("tag 0", merged->tags[0], "serve");
  assert_text("tag 1", merged->tags[1], "gpu");
  assert_number("unknown fields", graph->base.n_unknown_fields, 1);
}

/* An explicit default value overrides as well. */
static void merge__explicit_zero_overrides(void **state) {
  (void)state;
  size_t info = w_begin(&w, 1);
  w_varint(&w, 7, 1);
  w_text(&w, 5, "2.21.0");
  w_end(&w, info);
  info = w_begin(&w, 1);
  w_varint(&w, 7, 0);
  w_text(&w, 5, "");
  w_end(&w, info);
  const Tensorflow__MetaGraphDef *graph = unpack(&tensorflow__meta_graph_def__descriptor);
  assert_number("stripped_default_attrs", graph->meta_info_def->stripped_default_attrs, false);
  assert_text("tensorflow_version", graph->meta_info_def->tensorflow_version, "");
}

/* MetaGraphDef.saver_def and graph_def.versions: merges inside merges, three times over. */
static void merge__at_every_level(void **state) {
  (void)state;
  for (uint64_t round = 1; round <= 3; round++) {
    size_t graph = w_begin(&w, 2);
    for (uint64_t half = 0; half < 2; half++) {
      size_t versions = w_begin(&w, 4);
      w_varint(&w, half == 0 ? 1 : 2, 10 * round + half); /* producer, min_consumer */
      w_varint(&w, 3, 100 * round + half);                /* bad_consumers, not packed */
      w_end(&w, versions);
    }
    w_end(&w, graph);
  }
  const Tensorflow__MetaGraphDef *meta_graph = unpack(&tensorflow__meta_graph_def__descriptor);
  const Tensorflow__VersionDef *versions = meta_graph->graph_def->versions;
  assert_number("producer", versions->producer, 30);
  assert_number("min_consumer", versions->min_consumer, 31);
  static const int32_t bad[] = {100, 101, 200, 201, 300, 301};
  assert_number("bad_consumers", versions->n_bad_consumers, N_OF(bad));
  for (size_t i = 0; i < N_OF(bad); i++) assert_number("bad_consumers", versions->bad_consumers[i], bad[i]);
}

/* An entry of a map is a message: its value given twice is merged. The entries themselves are not. */
static void merge__inside_map_entries(void **state) {
  (void)state;
  w_text(&w, 1, "node");
  for (int entries = 0; entries < 2; entries++) {
    size_t entry = w_begin(&w, 5); /* NodeDef.attr */
    w_text(&w, 1, "key");
    for (uint32_t half = 0; half < 2; half++) {
      size_t value = w_begin(&w, 2), shape = w_begin(&w, 7), dim = w_begin(&w, 2);
      w_varint(&w, 1, 5 + half + 10 * (uint32_t)entries);
      w_end(&w, dim), w_end(&w, shape), w_end(&w, value);
    }
    w_end(&w, entry);
  }
  const Tensorflow__NodeDef *node = unpack(&tensorflow__node_def__descriptor);
  assert_number("entries", node->n_attr, 2);
  for (size_t i = 0; i < 2; i++) {
    const Tensorflow__TensorShapeProto *shape = node->attr[i]->value->shape;
    assert_text("key", node->attr[i]->key, "key");
    assert_number("dims", shape->n_dim, 2);
    assert_number("dim 0", shape->dim[0]->size, 5 + 10 * i);
    assert_number("dim 1", shape->dim[1]->size, 6 + 10 * i);
  }
}

/* ---- oneofs: AttrValue.value, whose members here are i (scalar), shape and func (messages) ---- */

static void put_shape(uint64_t size) {
  size_t shape = w_begin(&w, 7), dim = w_begin(&w, 2);
  w_varint(&w, 1, size);
  w_end(&w, dim), w_end(&w, shape);
}

static void put_func(const char *name) {
  size_t func = w_begin(&w, 10);
  w_text(&w, 1, name);
  w_end(&w, func);
}

static void put_int(uint64_t value) { w_varint(&w, 3, value); }

/* order: s a shape, f a func, i an int; dims: the shape that is left has these sizes, 1 for the first field. */
static void merge__oneof_interleaved(void **state) {
  (void)state;
  static const struct {
    const char *order;
    const char *left; /* which of the fields still count, by place */
  } rows[] = {
      {"s", "0"},     {"ss", "01"},     {"sf", "1"},     {"sfs", "2"},   {"sis", "2"},       {"ssis", "3"},
      {"sfss", "23"}, {"fsf", "2"},     {"ffsff", "34"}, {"isi", "2"},   {"iss", "12"},      {"ssi", "2"},
      {"sfsfs", "4"}, {"sfsfss", "45"}, {"ffs", "2"},    {"ifsis", "4"}, {"sssss", "01234"}, {"ssfssfs", "6"},
  };
  for (size_t r = 0; r < N_OF(rows); r++) {
    const char *order = rows[r].order, *left = rows[r].left;
    w_clear(&w);
    for (size_t i = 0; order[i] != '\0'; i++) {
      char name[] = {(char)('0' + i), '\0'};
      if (order[i] == 's') put_shape(i);
      if (order[i] == 'f') put_func(name);
      if (order[i] == 'i') put_int(i);
    }
    const Tensorflow__AttrValue *attr = unpack_attr();
    char last = order[strlen(order) - 1];
    if (last == 'i') {
      assert_number(order, attr->value_case, TENSORFLOW__ATTR_VALUE__VALUE_I);
      assert_number(order, attr->i, (uint64_t)(left[0] - '0'));
    } else if (last == 'f') { /* a name is a scalar: the last one counts */
      assert_number(order, attr->value_case, TENSORFLOW__ATTR_VALUE__VALUE_FUNC);
      assert_number(order, attr->func->name[0], (unsigned char)left[strlen(left) - 1]);
    } else {
      assert_number(order, attr->value_case, TENSORFLOW__ATTR_VALUE__VALUE_SHAPE);
      assert_number(order, attr->shape->n_dim, strlen(left));
      for (size_t i = 0; i < strlen(left); i++)
        assert_number(order, attr->shape->dim[i]->size, (uint64_t)(left[i] - '0'));
    }
  }
}

/* The pieces of a oneof that is inside a message given twice are one sequence. */
static void merge__oneof_across_pieces(void **state) {
  (void)state;
  for (int interrupted = 0; interrupted < 2; interrupted++) {
    w_clear(&w);
    size_t entry = w_begin(&w, 5);
    w_text(&w, 1, "k");
    for (uint64_t piece = 0; piece < 3; piece++) {
      size_t value = w_begin(&w, 2);
      if (piece == 1 && interrupted)
        put_int(3);
      else
        put_shape(piece);
      w_end(&w, value);
    }
    w_end(&w, entry);
    const Tensorflow__NodeDef *node = unpack(&tensorflow__node_def__descriptor);
    const Tensorflow__AttrValue *value = node->attr[0]->value;
    assert_number("case", value->value_case, TENSORFLOW__ATTR_VALUE__VALUE_SHAPE);
    assert_number("dims", value->shape->n_dim, interrupted ? 1 : 3);
    assert_number("last dim", value->shape->dim[value->shape->n_dim - 1]->size, 2);
  }
}

/* A field of an unexpected type is unknown, so it interrupts nothing and is no member. */
static void merge__wrong_types_are_dropped(void **state) {
  (void)state;
  put_shape(1);
  w_fixed32(&w, 10, 5); /* func */
  w_varint(&w, 7, 5);   /* shape */
  w_text(&w, 3, "x");   /* i */
  put_shape(2);
  w_fixed64(&w, 2, 1); /* s */
  const Tensorflow__AttrValue *attr = unpack_attr();
  assert_number("case", attr->value_case, TENSORFLOW__ATTR_VALUE__VALUE_SHAPE);
  assert_number("dims", attr->shape->n_dim, 2);
}

static void merge__groups_are_dropped(void **state) {
  (void)state;
  w_tag(&w, 50, W_GROUP);
  w_text(&w, 9, "inside");
  w_tag(&w, 50, W_GROUP_END);
  put_int(7);
  w_tag(&w, 10, W_GROUP); /* in place of func */
  w_tag(&w, 10, W_GROUP_END);
  const Tensorflow__AttrValue *attr = unpack_attr();
  assert_number("case", attr->value_case, TENSORFLOW__ATTR_VALUE__VALUE_I);
  assert_number("i", attr->i, 7);
}

static void merge__packed_and_single_elements(void **state) {
  (void)state;
  for (int i = 0; i < 2; i++) { /* AttrValue.list twice, so that it is rewritten; ListValue.i in both forms */
    size_t list = w_begin(&w, 1);
    w_varint(&w, 3, 1);
    w_bytes(&w, 3, "\x02\x80\x01", 3);
    w_fixed32(&w, 4, 0x3F800000);                          /* 1.0 */
    w_bytes(&w, 4, "\x00\x00\x00\x40\x00\x00\x40\x40", 8); /* 2.0, 3.0 */
    w_end(&w, list);
  }
  const Tensorflow__AttrValue *attr = unpack_attr();
  static const int64_t ints[] = {1, 2, 128, 1, 2, 128};
  static const float floats[] = {1, 2, 3, 1, 2, 3};
  assert_number("ints", attr->list->n_i, N_OF(ints));
  assert_number("floats", attr->list->n_f, N_OF(floats));
  for (size_t i = 0; i < N_OF(ints); i++) assert_number("int", attr->list->i[i], ints[i]);
  for (size_t i = 0; i < N_OF(floats); i++) assert_true(attr->list->f[i] == floats[i]);
}

/* Any varint but 0 is true. protobuf-c alone refuses all but the bytes 0 and 1. */
static void merge__packed_booleans(void **state) {
  (void)state;
  static const bool wanted[] = {false, true, true, false, true, true};
  size_t list = w_begin(&w, 1);
  w_bytes(&w, 5, "\x00\x02\x81\x00\x80\x00\xFF\xFF\xFF\xFF\xFF\xFF\xFF\xFF\xFF\x01", 16);
  w_varint(&w, 5, 300);
  w_bytes(&w, 5, "", 0);
  w_end(&w, list);
  const Tensorflow__AttrValue *attr = unpack_attr();
  assert_number("booleans", attr->list->n_b, N_OF(wanted));
  for (size_t i = 0; i < N_OF(wanted); i++) assert_number("boolean", attr->list->b[i], wanted[i]);
}

/* Rewritten messages get lengths of five bytes: the worst case is one empty message in another. */
static void merge__as_deep_as_the_limit(void **state) {
  (void)state;
  static const uint32_t path[] = {10, 2, 2};
  for (size_t levels = 0; levels <= 33; levels++) { /* 3 messages each, 99 in all */
    w_clear(&w);
    w_buffer inner = {0};
    w_varint(&inner, 3, 42);
    w_nest(&w, path, 3, levels, inner.data, inner.size);
    w_free(&inner);
    w_tag(&w, 50, W_GROUP); /* reason enough to rewrite it all */
    w_tag(&w, 50, W_GROUP_END);
    const Tensorflow__AttrValue *attr = unpack_attr();
    for (size_t i = 0; i < levels; i++) {
      assert_number("case", attr->value_case, TENSORFLOW__ATTR_VALUE__VALUE_FUNC);
      assert_number("entries", attr->func->n_attr, 1);
      attr = attr->func->attr[0]->value;
    }
    assert_number("i", attr->i, 42);
  }
}

/* 100 messages inside the first one: the deepest that sm_wire_check lets through. */
static void merge__at_the_limit_itself(void **state) {
  (void)state;
  static const uint32_t path[] = {51, 1};
  w_nest(&w, path, 2, 50, NULL, 0);
  w_tag(&w, 60, W_GROUP);
  w_tag(&w, 60, W_GROUP_END);
  const Tensorflow__StructuredValue *value = unpack(&tensorflow__structured_value__descriptor);
  for (size_t i = 0; i < 50; i++) {
    assert_number("case", value->kind_case, TENSORFLOW__STRUCTURED_VALUE__KIND_LIST_VALUE);
    value = value->list_value->values[0];
  }
  assert_number("case", value->kind_case, TENSORFLOW__STRUCTURED_VALUE__KIND__NOT_SET);
}

/* A fifth of a million fields: quadratic work would take minutes, and the test's TIMEOUT with it. */
static void merge__many_fields_stay_linear(void **state) {
  (void)state;
  enum { N = 200000 };
  static const char *const patterns[] = {"s", "sf", "sfi", "si"};
  for (size_t p = 0; p < N_OF(patterns); p++) {
    w_clear(&w);
    size_t len = strlen(patterns[p]);
    for (size_t i = 0; i < N; i++) {
      char kind = patterns[p][i % len];
      if (kind == 's') w_raw(&w, "\x3A\x02\x12\x00", 4);
      if (kind == 'f') w_raw(&w, "\x52\x00", 2);
      if (kind == 'i') w_raw(&w, "\x18\x01", 2);
    }
    w_raw(&w, "\x3A\x02\x12\x00", 4);
    const Tensorflow__AttrValue *attr = unpack_attr();
    assert_number(patterns[p], attr->value_case, TENSORFLOW__ATTR_VALUE__VALUE_SHAPE);
    assert_number(patterns[p], attr->shape->n_dim, len == 1 ? N + 1 : 1);
  }
  w_clear(&w); /* a repeated message field, each element with a value given twice */
  for (size_t i = 0; i < N; i++) w_raw(&w, "\x2A\x04\x12\x00\x12\x00", 6);
  const Tensorflow__NodeDef *node = unpack(&tensorflow__node_def__descriptor);
  assert_number("entries", node->n_attr, N);
}

/* What a merge needs while it lasts is given back: a thousand small messages take memory for what is in them. */
static void merge__leaves_little_behind(void **state) {
  (void)state;
  put_shape(1);
  put_shape(2);
  for (int i = 0; i < 1000; i++) (void)unpack_attr();
  if (arena.bytes > 4000000) fail_msg("%llu bytes for a thousand messages", (unsigned long long)arena.bytes);
}

#define CASE(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)

int main(void) {
  const struct CMUnitTest tests[] = {
      CASE(merge__message_given_twice),
      CASE(merge__explicit_zero_overrides),
      CASE(merge__at_every_level),
      CASE(merge__inside_map_entries),
      CASE(merge__oneof_interleaved),
      CASE(merge__oneof_across_pieces),
      CASE(merge__wrong_types_are_dropped),
      CASE(merge__groups_are_dropped),
      CASE(merge__packed_and_single_elements),
      CASE(merge__packed_booleans),
      CASE(merge__as_deep_as_the_limit),
      CASE(merge__at_the_limit_itself),
      CASE(merge__many_fields_stay_linear),
      CASE(merge__leaves_little_behind),
  };
  return cmocka_run_group_tests_name("merge", tests, NULL, NULL);
}
