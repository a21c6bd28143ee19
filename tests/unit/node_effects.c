/* Operations that reach files only when an attribute says so. What the values mean:
 * tensorflow/core/kernels/logging_ops.cc, candidate_sampler_ops.cc, core/debug/debug_io_utils.cc,
 * core/util/proto/descriptors.cc. */
#include "support/check.h"

#include "graph/op_effects.h"
#include "support/wire_writer.h"

enum { WRITE = SM_EFFECT_FILE_WRITE, STATE = SM_EFFECT_STATE };

static sm_error err;

/* Effects of a node of op whose attributes are in w. */
static uint32_t effects_of(const char *op, const w_buffer *w) {
  sm_wire_source source = {.name = "m", .bytes = {w->data, w->size}};
  uint32_t effects;
  const char *reason = NULL;
  assert_ok(sm_node_find_effects(&effects, &reason, (sm_string){op, strlen(op)}, source.bytes, &source, &err), err);
  assert_non_null(reason);
  return effects;
}

static void put_text(w_buffer *w, const char *key, const char *text) {
  w_entry entry = w_begin_entry(w, 5, key);
  w_text(w, 2, text);
  w_end_entry(w, entry);
}

static void put_list(w_buffer *w, const char *key, const char *text) {
  w_entry entry = w_begin_entry(w, 5, key);
  size_t list = w_begin(w, 1);
  if (text != NULL) w_text(w, 2, text);
  w_end(w, list);
  w_end_entry(w, entry);
}

static void node_effects__follow_a_text(void **state) {
  (void)state;
  static const struct {
    const char *op, *attr, *value;
    uint32_t effects;
  } rows[] = {
      {"PrintV2", "output_stream", NULL, STATE},
      {"PrintV2", "output_stream", "stderr", STATE},
      {"PrintV2", "output_stream", "log(warning)", STATE},
      {"PrintV2", "output_stream", "file:///tmp/x", STATE | WRITE},
      {"PrintV2", "output_stream", "stderr ", STATE | WRITE},
      {"PrintV2", "output_stream", "", STATE | WRITE},
      {"PrintV2", "end", "file:///tmp/x", STATE},
      {"FixedUnigramCandidateSampler", "vocab_file", NULL, STATE},
      {"FixedUnigramCandidateSampler", "vocab_file", "", STATE},
      {"FixedUnigramCandidateSampler", "vocab_file", "/etc/passwd", SM_EFFECT_FILE_READ},
      {"DecodeProtoV2", "descriptor_source", "local://", 0},
      {"DecodeProtoV2", "descriptor_source", "bytes://abc", 0},
      {"DecodeProtoV2", "descriptor_source", "/etc/passwd", SM_EFFECT_FILE_READ},
      {"EncodeProto", "descriptor_source", "local:///x", SM_EFFECT_FILE_READ},
      {"EncodeProto", "descriptor_source", "", 0},
      {"WriteFile", "output_stream", "stderr", WRITE}, /* no attribute of this op */
  };
  for (size_t i = 0; i < N_OF(rows); i++) {
    w_buffer w = {0};
    if (rows[i].value != NULL) put_text(&w, rows[i].attr, rows[i].value);
    assert_number(rows[i].value != NULL ? rows[i].value : rows[i].op, effects_of(rows[i].op, &w), rows[i].effects);
    w_free(&w);
  }
}

static void node_effects__follow_a_list(void **state) {
  (void)state;
  static const char *const urls[] = {NULL, "", "file:///tmp/x", "grpc://evil:1"};
  for (size_t i = 0; i < N_OF(urls); i++) {
    w_buffer w = {0};
    put_list(&w, "debug_urls", urls[i]);
    bool sends = urls[i] != NULL && *urls[i] != '\0';
    assert_number(urls[i] != NULL ? urls[i] : "none", effects_of("DebugIdentity", &w),
                  sends ? WRITE | SM_EFFECT_NETWORK : 0);
    w_free(&w);
  }
}

/* The last of several values counts for TensorFlow; here the worst does. */
static void node_effects__take_the_worst_of_several(void **state) {
  (void)state;
  w_buffer w = {0};
  put_text(&w, "output_stream", "file:///tmp/x");
  put_text(&w, "output_stream", "stderr");
  assert_number("last is harmless", effects_of("PrintV2", &w), STATE | WRITE);
  w_clear(&w);
  put_text(&w, "output_stream", "stderr");
  put_text(&w, "output_stream", "file:///tmp/x");
  assert_number("first is harmless", effects_of("PrintV2", &w), STATE | WRITE);
  w_free(&w);
}

/* AttrValue.placeholder: the caller of the function fills it in. */
static void node_effects__distrust_a_placeholder(void **state) {
  (void)state;
  w_buffer w = {0};
  w_entry entry = w_begin_entry(&w, 5, "output_stream");
  w_text(&w, 9, "stderr"); /* the name of a function attribute */
  w_end_entry(&w, entry);
  assert_number("placeholder", effects_of("PrintV2", &w), STATE | WRITE);
  w_free(&w);
}

static void node_effects__refuse_damage(void **state) {
  (void)state;
  uint32_t effects;
  const char *reason;
  sm_wire_source source = {.name = "m", .bytes = {(const uint8_t *)"\x2A\x7F", 2}};
  assert_status(sm_node_find_effects(&effects, &reason, (sm_string){"PrintV2", 7}, source.bytes, &source, &err),
                SM_DATA_LOSS, err);
}

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(node_effects__follow_a_text),
      cmocka_unit_test(node_effects__follow_a_list),
      cmocka_unit_test(node_effects__take_the_worst_of_several),
      cmocka_unit_test(node_effects__distrust_a_placeholder),
      cmocka_unit_test(node_effects__refuse_damage),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
