/* Nodes that only watch a computation, made into such that do nothing, under the same names. Source:
 * python/saved_model/save.py, _strip_debug_nodes. */
#include "graph/graph_edit.h"
#include "wire/emit.h"

/* Fields of NodeDef and of its attr entries: proto/node_def.proto. */
enum { NODE_OP = 2, NODE_INPUT = 3, NODE_ATTR = 5, ENTRY_KEY = 1 };

/* What becomes of them. */
static const struct rule {
  const char *op, *new_op;
  size_t n_inputs; /* that stay what they are; the others are waited for */
  bool has_type;   /* of its own attributes, T stays */
} rules[] = {{"Assert", "NoOp", 0, false},
             {"PrintV2", "NoOp", 0, false},
             {"CheckNumerics", "Identity", 1, true},
             {"Print", "Identity", 1, true}};

static const struct rule *rule_of(sm_string op) {
  for (size_t i = 0; i < sizeof rules / sizeof rules[0]; i++)
    if (sm_string_equal(op, sm_string_of(rules[i].op))) return &rules[i];
  return NULL;
}

/* "node:1", or inside a function "node:output:0", as "^node". */
static sm_status put_control(sm_buffer *out, sm_span input, sm_error *err) {
  size_t contents;
  const uint8_t *colon = input.size != 0 ? memchr(input.data, ':', input.size) : NULL;
  SM_TRY(sm_wire_open(&contents, out, NODE_INPUT, err));
  SM_TRY(sm_buffer_put(out, "^", 1, err));
  SM_TRY(sm_buffer_put(out, input.data, colon != NULL ? (size_t)(colon - input.data) : input.size, err));
  return sm_wire_close(out, contents, err);
}

/* An Identity has T and nothing else; a NoOp what is of no op, such as "_class". */
static sm_status keeps_attr(bool *keeps, const struct rule *rule, sm_span entry, const sm_wire_source *source,
                            sm_error *err) {
  sm_span key;
  SM_TRY(sm_wire_find_bytes(&key, entry, ENTRY_KEY, source, err));
  *keeps = rule->has_type ? sm_string_equal(sm_span_text(key), sm_string_of("T")) : key.size != 0 && key.data[0] == '_';
  return SM_OK;
}

static sm_status put_field(sm_buffer *out, const struct rule *rule, const sm_wire_field *field, size_t *n_inputs,
                           const sm_wire_source *source, sm_error *err) {
  bool keeps = true, is_control = field->bytes.size != 0 && field->bytes.data[0] == '^';
  switch (field->tag) {
    case SM_WIRE_TAG(NODE_OP, SM_WIRE_BYTES):
      return sm_wire_put_bytes(out, NODE_OP, rule->new_op, strlen(rule->new_op), err);
    case SM_WIRE_TAG(NODE_INPUT, SM_WIRE_BYTES):
      if ((*n_inputs)++ >= rule->n_inputs && !is_control) return put_control(out, field->bytes, err);
      break;
    case SM_WIRE_TAG(NODE_ATTR, SM_WIRE_BYTES): SM_TRY(keeps_attr(&keeps, rule, field->bytes, source, err)); break;
    default: break;
  }
  return keeps ? sm_buffer_put(out, field->whole.data, field->whole.size, err) : SM_OK;
}

static sm_status strip_node(bool *is_same, sm_buffer *out, void *ctx, sm_span node, sm_error *err) {
  const sm_wire_source *source = ctx;
  sm_string op;
  size_t n_inputs = 0;
  SM_TRY(sm_node_get_op(&op, node, source, err));
  const struct rule *rule = rule_of(op);
  *is_same = rule == NULL;
  if (rule == NULL) return SM_OK;
  sm_wire_reader reader = sm_wire_read(node, source);
  for (sm_wire_field field; sm_wire_next(&reader, &field);)
    SM_TRY(put_field(out, rule, &field, &n_inputs, source, err));
  return sm_wire_finish(&reader, err);
}

sm_status sm_debug_ops_strip(sm_buffer *out, sm_spans graph_def, const sm_wire_source *source, sm_error *err) {
  return sm_graph_rewrite(out, graph_def, true, strip_node, (void *)(uintptr_t)source, source, err);
}
