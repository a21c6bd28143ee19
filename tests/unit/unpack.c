#include "support/check.h"

#include <savedmodel/pb/attr_value.pb-c.h>
#include <savedmodel/pb/meta_graph.pb-c.h>
#include <savedmodel/pb/struct.pb-c.h>
#include <savedmodel/pb/tensor.pb-c.h>

#include "support/fault_alloc.h"
#include "support/files.h"
#include "support/wire_writer.h"
#include "wire/wire_internal.h"

static sm_fault_alloc fa;
static sm_arena arena;
static w_buffer w;
static sm_error err;

static int set_up(void **state) {
  (void)state;
  sm_fault_alloc_init(&fa, UINT64_MAX);
  sm_arena_init(&arena, &fa.base, UINT64_MAX);
  w = (w_buffer){0};
  return 0;
}

static int tear_down(void **state) {
  (void)state;
  sm_arena_free(&arena);
  w_free(&w);
  return fa.live_blocks == 0 ? 0 : -1;
}

static sm_status unpack(ProtobufCMessage **out, const ProtobufCMessageDescriptor *type) {
  sm_wire_source source = {.name = "m", .bytes = {w.data, w.size}};
  return sm_wire_unpack(out, type, (sm_spans){&source.bytes, 1}, &source, &arena, &err);
}

static void unpack__nothing_is_all_defaults(void **state) {
  (void)state;
  ProtobufCMessage *message;
  sm_wire_source source = {.name = "m", .bytes = {NULL, 0}};
  assert_ok(sm_wire_unpack(&message, &tensorflow__attr_value__descriptor, (sm_spans){NULL, 0}, &source, &arena, &err),
            err);
  assert_number("case", ((Tensorflow__AttrValue *)message)->value_case, TENSORFLOW__ATTR_VALUE__VALUE__NOT_SET);
}

/* Pieces are put together, and then are one message like any other. */
static void unpack__pieces_are_merged(void **state) {
  (void)state;
  w_text(&w, 5, "2.21");
  w_text(&w, 4, "serve");
  size_t first = w.size;
  w_text(&w, 4, "gpu");
  sm_wire_source source = {.name = "m", .bytes = {w.data, w.size}};
  const sm_span pieces[] = {{w.data, first}, {w.data, 0}, {w.data + first, w.size - first}};
  ProtobufCMessage *message;
  assert_ok(sm_wire_unpack(&message, &tensorflow__meta_graph_def__meta_info_def__descriptor, (sm_spans){pieces, 3},
                           &source, &arena, &err),
            err);
  const Tensorflow__MetaGraphDef__MetaInfoDef *info = (const Tensorflow__MetaGraphDef__MetaInfoDef *)message;
  assert_text("version", info->tensorflow_version, "2.21");
  assert_number("tags", info->n_tags, 2);
}

static void unpack__depth_100000_is_refused(void **state) {
  (void)state;
  static const uint32_t path[] = {51, 1};
  ProtobufCMessage *message;
  w_nest(&w, path, 2, 50, NULL, 0); /* 100 deep */
  assert_ok(unpack(&message, &tensorflow__structured_value__descriptor), err);
  w_clear(&w);
  w_nest(&w, path, 2, 50000, NULL, 0);
  uint64_t calls = fa.n_calls;
  assert_status(unpack(&message, &tensorflow__structured_value__descriptor), SM_DATA_LOSS, err);
  assert_mentions(err.message, "100 deep");
  assert_number("allocations", fa.n_calls, calls);
}

/* The memory a message will take is known before the first byte of it is asked for. */
static void unpack__max_bytes_comes_before_memory(void **state) {
  (void)state;
  ProtobufCMessage *message;
  for (int i = 0; i < 10000; i++) w_raw(&w, "\x12\x00", 2); /* 10000 dims: 20 kB that become 40 times as much */
  arena.max_bytes = 100000;
  assert_status(unpack(&message, &tensorflow__tensor_shape_proto__descriptor), SM_RESOURCE_EXHAUSTED, err);
  assert_mentions(err.message, "max_bytes");
  assert_number("allocations", fa.n_calls, 0);
  arena.max_bytes = 64 << 20;
  assert_ok(unpack(&message, &tensorflow__tensor_shape_proto__descriptor), err);
  assert_number("dims", ((Tensorflow__TensorShapeProto *)message)->n_dim, 10000);
}

/* "never less": what the estimate allows, protobuf-c can have. Models of all kinds, and a limit just as high. */
static void unpack__the_estimate_is_enough(void **state) {
  (void)state;
  static const char *const models[] = {"v1/simple_save",        "v1/several_meta_graphs",  "v1/partitioned_variables",
                                       "v2/keras3_export",      "v2/composite_arguments",  "v2/variables",
                                       "v2/signature_defaults", "broken/pb_unknown_fields"};
  for (size_t i = 0; i < N_OF(models); i++) {
    size_t size;
    uint8_t *bytes = read_file(path_in(model_dir(models[i]), "saved_model.pb"), &size);
    sm_wire_source source = {.name = models[i], .bytes = {bytes, size}};
    sm_span graph;
    assert_ok(sm_wire_find_bytes(&graph, source.bytes, 2, &source, &err), err);
    sm_wire_facts facts;
    assert_ok(sm_wire_check(&facts, &tensorflow__meta_graph_def__descriptor, graph, &source, &err), err);
    assert_false(facts.needs_merge); /* TensorFlow writes plain messages */
    sm_arena limited;
    ProtobufCMessage *message;
    /* Blocks have heads, and their last pieces lie idle: a twentieth more. */
    sm_arena_init(&limited, &fa.base, facts.unpacked_size + facts.unpacked_size / 20 + 4096);
    assert_ok(sm_wire_unpack(&message, &tensorflow__meta_graph_def__descriptor, (sm_spans){&graph, 1}, &source,
                             &limited, &err),
              err);
    uint64_t used = limited.bytes;
    if (used > facts.unpacked_size + facts.unpacked_size / 20 + 4096)
      fail_msg("%s: %llu", models[i], (unsigned long long)used);
    sm_arena_free(&limited);
    free(bytes);
  }
}

/* Whatever protobuf-c refuses has been refused before: what is left to fail is memory alone. */
static void unpack__no_memory(void **state) {
  (void)state;
  size_t size;
  uint8_t *bytes = read_file(path_in(model_dir("v1/no_variables"), "saved_model.pb"), &size);
  sm_wire_source source = {.name = "m", .bytes = {bytes, size}};
  for (uint64_t n = 0;; n++) {
    sm_arena piecewise; /* each rewind gives all back, so that every piece is asked for anew */
    sm_span graph;
    ProtobufCMessage *message;
    sm_arena_init(&piecewise, &fa.base, UINT64_MAX);
    sm_fault_alloc_rearm(&fa, n);
    assert_ok(sm_wire_find_bytes(&graph, source.bytes, 2, &source, &err), err);
    sm_status status = sm_wire_unpack(&message, &tensorflow__meta_graph_def__descriptor, (sm_spans){&graph, 1}, &source,
                                      &piecewise, &err);
    sm_arena_free(&piecewise);
    assert_number("live blocks", fa.live_blocks, 0);
    if (!fa.fired) {
      assert_ok(status, err);
      break;
    }
    assert_status(status, SM_RESOURCE_EXHAUSTED, err);
  }
  free(bytes);
}

/* protobuf-c reads tags and lengths of up to five bytes, and so do we: nothing in between. */
static void unpack__long_varints(void **state) {
  (void)state;
  static const struct {
    const char *what, *bytes;
    size_t size;
    sm_status status;
  } rows[] = {
      {"tag of five bytes", "\x9A\x80\x80\x80\x00\x01z", 7, SM_OK},
      {"tag of six bytes", "\x9A\x80\x80\x80\x80\x00\x01z", 8, SM_DATA_LOSS},
      {"length of five bytes", "\x1A\x81\x80\x80\x80\x00z", 7, SM_OK},
      {"length of six bytes", "\x1A\x81\x80\x80\x80\x80\x00z", 8, SM_DATA_LOSS},
  };
  for (size_t i = 0; i < N_OF(rows); i++) {
    ProtobufCMessage *message;
    w_clear(&w);
    w_raw(&w, rows[i].bytes, rows[i].size);
    sm_status status = unpack(&message, &tensorflow__signature_def__descriptor);
    assert_text(rows[i].what, sm_status_name(status), sm_status_name(rows[i].status));
    if (status == SM_OK) assert_text(rows[i].what, ((Tensorflow__SignatureDef *)message)->method_name, "z");
  }
}

static void unpack__copy_string(void **state) {
  (void)state;
  sm_wire_source source = {.name = "m", .bytes = {(const uint8_t *)"ab\0c\xFF", 5}};
  sm_string text = {"before", 6};
  assert_ok(sm_wire_copy_string(&text, (sm_span){source.bytes.data, 4}, &source, &arena, &err), err);
  assert_bytes("with a NUL", text.data, text.size + 1, "ab\0c", 5);
  assert_true((const uint8_t *)text.data != source.bytes.data);
  assert_status(sm_wire_copy_string(&text, source.bytes, &source, &arena, &err), SM_DATA_LOSS, err);
  assert_ok(sm_wire_copy_string(&text, (sm_span){NULL, 0}, &source, &arena, &err), err);
  assert_bytes("empty", text.data, text.size + 1, "", 1);
}

/* What versions of protobuf-c before 1.4.1 read past the end of, or shifted too far (CVE-2022-33070, CVE-2022-48468):
 * none of it gets as far as to them. In a NameAttrList around a ListValue. */
static void unpack__what_protobuf_c_got_wrong(void **state) {
  (void)state;
  static const struct {
    const char *what, *bytes;
    size_t size;
  } rows[] = {
      {"tag whose bits are shifted out", "\xFA\xFF\xFF\xFF\x7F\x01x", 7},
      {"tag of ten bytes", "\x8A\x80\x80\x80\x80\x80\x80\x80\x80\x01\x01x", 12},
      {"text of 2^32 - 1 bytes", "\x0A\xFF\xFF\xFF\xFF\x0F", 6},
      {"text of 2^32 bytes and one", "\x0A\x81\x80\x80\x80\x10x", 7},
      {"text a byte too long", "\x0A\x02x", 3},
      {"message a byte too long", "\x12\x03\x0A\x01", 4},
      {"entry with a key too long", "\x12\x03\x0A\x05x", 5},
      {"list with a packed length too long", "\x12\x08\x0A\x00\x12\x04\x0A\x02\x1A\x05", 10},
      {"list with a packed varint cut", "\x12\x0A\x0A\x00\x12\x06\x0A\x04\x1A\x02\x80\x80", 12},
      {"list with half a float", "\x12\x0A\x0A\x00\x12\x06\x0A\x04\x22\x02xx", 12},
  };
  for (size_t i = 0; i < N_OF(rows); i++) {
    ProtobufCMessage *message;
    uint64_t calls = fa.n_calls;
    w_clear(&w);
    w_raw(&w, rows[i].bytes, rows[i].size);
    sm_status status = unpack(&message, &tensorflow__name_attr_list__descriptor);
    assert_text(rows[i].what, sm_status_name(status), "DATA_LOSS");
    assert_number(rows[i].what, fa.n_calls, calls);
  }
}

#define CASE(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)

int main(void) {
  const struct CMUnitTest tests[] = {
      CASE(unpack__nothing_is_all_defaults),
      CASE(unpack__pieces_are_merged),
      CASE(unpack__depth_100000_is_refused),
      CASE(unpack__max_bytes_comes_before_memory),
      CASE(unpack__the_estimate_is_enough),
      CASE(unpack__no_memory),
      CASE(unpack__long_varints),
      CASE(unpack__copy_string),
      CASE(unpack__what_protobuf_c_got_wrong),
  };
  return cmocka_run_group_tests_name("unpack", tests, NULL, NULL);
}
