#include "graph/graph.h"

/* Fields of NodeDef, AttrValue and NameAttrList: proto/node_def.proto, attr_value.proto. */
enum {
  NODE_OP = 2,
  NODE_ATTR = 5,
  ENTRY_KEY = 1,
  ENTRY_VALUE = 2,
  ATTR_LIST = 1,
  ATTR_FUNC = 10,
  LIST_FUNC = 9,
  FUNC_NAME = 1,
  FUNC_ATTR = 2
};

sm_status sm_node_get_op(sm_string *out, sm_span node, const sm_wire_source *source, sm_error *err) {
  sm_span op;
  SM_TRY(sm_wire_find_bytes(&op, node, NODE_OP, source, err));
  *out = op.data != NULL ? sm_span_text(op) : (sm_string){"", 0};
  return SM_OK;
}

sm_status sm_node_find_attr(sm_span *out, sm_span node, const char *name, const sm_wire_source *source, sm_error *err) {
  *out = (sm_span){NULL, 0};
  sm_wire_reader reader = sm_wire_read(node, source);
  for (sm_wire_field field; sm_wire_next(&reader, &field);) {
    if (field.tag != SM_WIRE_TAG(NODE_ATTR, SM_WIRE_BYTES)) continue;
    sm_span key;
    SM_TRY(sm_wire_find_bytes(&key, field.bytes, ENTRY_KEY, source, err));
    if (!sm_string_equal(sm_span_text(key), sm_string_of(name))) continue;
    SM_TRY(sm_wire_find_bytes(out, field.bytes, ENTRY_VALUE, source, err));
    if (out->data == NULL) *out = (sm_span){field.bytes.data, 0}; /* there, and the default */
  }
  return sm_wire_finish(&reader, err);
}

sm_status sm_attr_get_func_name(sm_string *out, sm_span attr, const sm_wire_source *source, sm_error *err) {
  sm_span func, name;
  SM_TRY(sm_wire_find_bytes(&func, attr, ATTR_FUNC, source, err));
  SM_TRY(sm_wire_find_bytes(&name, func, FUNC_NAME, source, err));
  *out = name.data != NULL ? sm_span_text(name) : (sm_string){"", 0};
  return SM_OK;
}

/* The functions of one AttrValue. */
static sm_status visit_attr(sm_span attr, const sm_wire_source *source, sm_func_fn fn, void *ctx, sm_error *err) {
  sm_wire_reader reader = sm_wire_read(attr, source);
  for (sm_wire_field field; sm_wire_next(&reader, &field);) {
    sm_span name;
    if (field.tag == SM_WIRE_TAG(ATTR_FUNC, SM_WIRE_BYTES)) {
      SM_TRY(sm_wire_find_bytes(&name, field.bytes, FUNC_NAME, source, err));
      SM_TRY(fn(ctx, sm_span_text(name), err));
    } else if (field.tag == SM_WIRE_TAG(ATTR_LIST, SM_WIRE_BYTES)) {
      sm_wire_reader list = sm_wire_read(field.bytes, source);
      for (sm_wire_field item; sm_wire_next(&list, &item);) {
        if (item.tag != SM_WIRE_TAG(LIST_FUNC, SM_WIRE_BYTES)) continue;
        SM_TRY(sm_wire_find_bytes(&name, item.bytes, FUNC_NAME, source, err));
        SM_TRY(fn(ctx, sm_span_text(name), err));
      }
      SM_TRY(sm_wire_finish(&list, err));
    }
  }
  return sm_wire_finish(&reader, err);
}

sm_status sm_node_each_func(sm_span node, const sm_wire_source *source, sm_func_fn fn, void *ctx, sm_error *err) {
  sm_wire_reader reader = sm_wire_read(node, source);
  for (sm_wire_field field; sm_wire_next(&reader, &field);) {
    if (field.tag != SM_WIRE_TAG(NODE_ATTR, SM_WIRE_BYTES)) continue;
    sm_span value;
    SM_TRY(sm_wire_find_bytes(&value, field.bytes, ENTRY_VALUE, source, err));
    SM_TRY(visit_attr(value, source, fn, ctx, err));
  }
  return sm_wire_finish(&reader, err);
}

/* ---- Functions as values of attributes of functions ---- */

typedef enum message { NODE, ENTRY, VALUE, LIST, FUNC, NAME } message;

/* What leads on to names of functions. */
static const struct {
  message outer;
  uint32_t number;
  message inner;
} inside[] = {{NODE, NODE_ATTR, ENTRY}, {ENTRY, ENTRY_VALUE, VALUE}, {VALUE, ATTR_LIST, LIST}, {VALUE, ATTR_FUNC, FUNC},
              {LIST, LIST_FUNC, FUNC},  {FUNC, FUNC_NAME, NAME},     {FUNC, FUNC_ATTR, ENTRY}};

/* The message or name that a field is; NODE when it is none of them. */
static message inner_of(message outer, uint32_t tag) {
  for (size_t i = 0; i < sizeof inside / sizeof inside[0]; i++)
    if (inside[i].outer == outer && SM_WIRE_TAG(inside[i].number, SM_WIRE_BYTES) == tag) return inside[i].inner;
  return NODE;
}

sm_status sm_node_each_nested_func(sm_span node, const sm_wire_source *source, sm_func_fn fn, void *ctx,
                                   sm_error *err) {
  struct {
    sm_wire_reader reader;
    message what;
  } levels[SM_WIRE_MAX_DEPTH] = {{sm_wire_read(node, source), NODE}};
  for (size_t n = 1; n != 0;) {
    sm_wire_field field;
    if (!sm_wire_next(&levels[n - 1].reader, &field)) {
      SM_TRY(sm_wire_finish(&levels[--n].reader, err));
      continue;
    }
    message inner = inner_of(levels[n - 1].what, field.tag);
    if (inner == NAME) {
      SM_TRY(fn(ctx, sm_span_text(field.bytes), err));
    } else if (inner != NODE && n < SM_WIRE_MAX_DEPTH) {
      levels[n].reader = sm_wire_read(field.bytes, source);
      levels[n++].what = inner;
    }
  }
  return SM_OK;
}

/* ---- Names of nodes and tensors ---- */

static bool is_word_begin(char c) {
  return (c >= 'A' && c <= 'Z') || (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9') || c == '.';
}

bool sm_node_is_name(sm_string name, bool is_internal) {
  bool begins = true;
  for (size_t i = 0; i < name.size; i++) {
    char c = name.data[i];
    bool is_inner = c == '_' ? !begins || (i == 0 && is_internal) : !begins && (c == '/' || c == '-' || c == '>');
    if (!is_word_begin(c) && !is_inner) return false;
    begins = c == '>';
  }
  return !begins;
}

/* As ParseTensorName (core/graph/tensor_id.cc): what is behind a colon that is no number belongs to the name. */
bool sm_tensor_ref_parse(sm_tensor_ref *out, sm_string text) {
  *out = (sm_tensor_ref){.node = text};
  if (text.size != 0 && text.data[0] == '^') {
    *out = (sm_tensor_ref){.node = {text.data + 1, text.size - 1}, .is_control = true};
    return out->node.size != 0;
  }
  size_t colon = text.size;
  while (colon > 0 && text.data[colon - 1] >= '0' && text.data[colon - 1] <= '9') colon--;
  if (colon == text.size || colon < 2 || text.data[colon - 1] != ':') return text.size != 0;
  for (size_t i = colon; i < text.size; i++) {
    if (out->index > INT32_MAX) return false;
    out->index = 10 * out->index + (uint64_t)(text.data[i] - '0');
  }
  out->node.size = colon - 1;
  return true;
}

bool sm_tensor_ref_parse_inside(sm_tensor_ref *out, sm_string text) {
  if (!sm_tensor_ref_parse(out, text)) return false;
  const char *colon = memchr(out->node.data, ':', out->node.size);
  if (colon == NULL || out->is_control) return true;
  size_t size = (size_t)(colon - out->node.data);
  out->output = (sm_string){colon + 1, out->node.size - size - 1};
  out->node.size = size;
  return size != 0;
}
