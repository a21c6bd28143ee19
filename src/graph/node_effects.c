/* Operations that touch files only when an attribute says so. An attribute whose value is not plain to see counts as
 * the worst it could be: in a function it may be a placeholder that the caller fills in. */
#include "graph/graph.h"
#include "graph/op_effects.h"

/* Fields of NodeDef and AttrValue: proto/node_def.proto, attr_value.proto. */
enum { NODE_ATTR = 5, ENTRY_KEY = 1, ENTRY_VALUE = 2, ATTR_LIST = 1, ATTR_TEXT = 2, LIST_TEXT = 2 };

static bool starts_with(sm_string text, const char *start) {
  size_t size = strlen(start);
  return text.size >= size && memcmp(text.data, start, size) == 0;
}

static bool is_empty(sm_string text) { return text.size == 0; }

/* What PrintV2 takes for no file (tensorflow/core/kernels/logging_ops.cc). */
static bool is_console(sm_string text) {
  static const char *const streams[] = {"stdout", "stderr", "log(info)", "log(warning)", "log(error)"};
  for (size_t i = 0; i < sizeof streams / sizeof streams[0]; i++)
    if (sm_string_equal(text, sm_string_of(streams[i]))) return true;
  return false;
}

/* Where (De|En)codeProto have the message types from, unless it is a file
 * (tensorflow/core/util/proto/descriptors.cc). */
static bool is_no_descriptor_file(sm_string text) {
  return text.size == 0 || sm_string_equal(text, sm_string_of("local://")) || starts_with(text, "bytes://");
}

static const struct rule {
  const char *op, *attr;
  bool (*is_harmless)(sm_string value);
  uint32_t effects; /* when all values are harmless, or there is none */
  const char *reason;
} rules[] = {
    {"DebugIdentity", "debug_urls", is_empty, 0, "passes its input on: it has no debug_urls"},
    {"DebugIdentityV2", "debug_urls", is_empty, 0, "passes its input on: it has no debug_urls"},
    {"DebugIdentityV3", "debug_urls", is_empty, 0, "passes its input on: it has no debug_urls"},
    {"DebugNanCount", "debug_urls", is_empty, 0, "counts NaNs: it has no debug_urls"},
    {"DebugNumericSummary", "debug_urls", is_empty, 0, "computes a summary: it has no debug_urls"},
    {"DecodeProtoV2", "descriptor_source", is_no_descriptor_file, 0, "decodes messages of types that it has with it"},
    {"EncodeProto", "descriptor_source", is_no_descriptor_file, 0, "encodes messages of types that it has with it"},
    {"FixedUnigramCandidateSampler", "vocab_file", is_empty, SM_EFFECT_STATE, "draws random numbers"},
    {"PrintV2", "output_stream", is_console, SM_EFFECT_STATE, "prints to a stream of the process"},
};

static const struct rule *find_rule(sm_string op) {
  for (size_t i = 0; i < sizeof rules / sizeof rules[0]; i++)
    if (sm_string_equal(op, sm_string_of(rules[i].op))) return &rules[i];
  return NULL;
}

static sm_status check_list(bool *harmless, const struct rule *rule, sm_span list, const sm_wire_source *source,
                            sm_error *err) {
  sm_wire_reader reader = sm_wire_read(list, source);
  for (sm_wire_field field; sm_wire_next(&reader, &field);)
    *harmless &= field.tag == SM_WIRE_TAG(LIST_TEXT, SM_WIRE_BYTES) && rule->is_harmless(sm_span_text(field.bytes));
  return sm_wire_finish(&reader, err);
}

/* All values in an entry of the attributes, given once or more often. */
static sm_status check_entry(bool *harmless, const struct rule *rule, sm_span entry, const sm_wire_source *source,
                             sm_error *err) {
  sm_wire_reader reader = sm_wire_read(entry, source);
  for (sm_wire_field field; sm_wire_next(&reader, &field);) {
    if (field.tag != SM_WIRE_TAG(ENTRY_VALUE, SM_WIRE_BYTES)) continue;
    sm_wire_reader value = sm_wire_read(field.bytes, source);
    for (sm_wire_field kind; sm_wire_next(&value, &kind);) {
      if (kind.tag == SM_WIRE_TAG(ATTR_LIST, SM_WIRE_BYTES))
        SM_TRY(check_list(harmless, rule, kind.bytes, source, err));
      else
        *harmless &= kind.tag == SM_WIRE_TAG(ATTR_TEXT, SM_WIRE_BYTES) && rule->is_harmless(sm_span_text(kind.bytes));
    }
    SM_TRY(sm_wire_finish(&value, err));
  }
  return sm_wire_finish(&reader, err);
}

static sm_status check_node(bool *harmless, const struct rule *rule, sm_span node, const sm_wire_source *source,
                            sm_error *err) {
  sm_wire_reader reader = sm_wire_read(node, source);
  for (sm_wire_field field; sm_wire_next(&reader, &field);) {
    sm_span key;
    if (field.tag != SM_WIRE_TAG(NODE_ATTR, SM_WIRE_BYTES)) continue;
    SM_TRY(sm_wire_find_bytes(&key, field.bytes, ENTRY_KEY, source, err));
    if (sm_string_equal(sm_span_text(key), sm_string_of(rule->attr)))
      SM_TRY(check_entry(harmless, rule, field.bytes, source, err));
  }
  return sm_wire_finish(&reader, err);
}

sm_status sm_node_find_effects(uint32_t *effects, const char **reason, sm_string op, sm_span node,
                               const sm_wire_source *source, sm_error *err) {
  bool harmless = true;
  *effects = sm_op_find_effects(reason, op);
  if ((*effects & SM_EFFECTS_OF_NOTE) == 0) return SM_OK;
  const struct rule *rule = find_rule(op);
  if (rule == NULL) return SM_OK;
  SM_TRY(check_node(&harmless, rule, node, source, err));
  if (!harmless) return SM_OK;
  *effects = rule->effects;
  *reason = rule->reason;
  return SM_OK;
}
