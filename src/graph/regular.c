#include "graph/regular.h"

#include <inttypes.h>

#include <savedmodel/pb/attr_value.pb-c.h>

#include "wire/canonical.h"
#include "wire/emit.h"

/* Fields: proto/node_def.proto, attr_value.proto. */
enum {
  NODE_ATTR = 5,
  ENTRY_KEY = 1,
  ENTRY_VALUE = 2,
  ATTR_LIST = 1,
  ATTR_S = 2,
  ATTR_I = 3,
  ATTR_F = 4,
  ATTR_B = 5,
  ATTR_TYPE = 6,
  ATTR_SHAPE = 7,
  ATTR_TENSOR = 8,
  ATTR_PLACEHOLDER = 9,
  ATTR_FUNC = 10,
  NAME_ATTR_LIST_NAME = 1
};

/* ---- Names ---- */

static bool is_blank(char c) { return c == ' ' || (c >= '\t' && c <= '\r'); }

/* As absl::SimpleAtoi reads it. */
static bool read_int64(int64_t *out, sm_string text) {
  while (text.size != 0 && is_blank(text.data[0])) text = (sm_string){text.data + 1, text.size - 1};
  while (text.size != 0 && is_blank(text.data[text.size - 1])) text.size--;
  bool is_negative = text.size != 0 && text.data[0] == '-';
  size_t i = is_negative || (text.size != 0 && text.data[0] == '+') ? 1 : 0;
  if (i == text.size) return false;
  *out = 0;
  for (; i < text.size; i++) {
    int digit = text.data[i] - '0';
    if (digit < 0 || digit > 9 || __builtin_mul_overflow(*out, 10, out)) return false;
    if (is_negative ? __builtin_sub_overflow(*out, digit, out) : __builtin_add_overflow(*out, digit, out)) return false;
  }
  return true;
}

bool sm_function_get_uid(int64_t *out, sm_string name) {
  size_t start = name.size;
  if (start == 0) return false;
  while (start > 0 && name.data[start - 1] != '_') start--;
  return read_int64(out, (sm_string){name.data + start, name.size - start});
}

sm_string sm_function_without_uid(sm_string name, int64_t uid) {
  char text[24];
  size_t size = (size_t)snprintf(text, sizeof text, "%" PRId64, uid);
  if (name.size >= size && memcmp(name.data + name.size - size, text, size) == 0) name.size -= size;
  return name;
}

/* ---- Attributes ---- */

/* Pieces of the AttrValue of that key; is_there: it has an entry. */
static sm_status find_attr(sm_spans *out, bool *is_there, sm_span node, const char *key, const sm_wire_source *source,
                           sm_arena *arena, sm_error *err) {
  sm_span last = {NULL, 0};
  sm_wire_reader reader = sm_wire_read(node, source);
  for (sm_wire_field field; sm_wire_next(&reader, &field);) {
    sm_span name;
    if (field.tag != SM_WIRE_TAG(NODE_ATTR, SM_WIRE_BYTES)) continue;
    SM_TRY(sm_wire_find_bytes(&name, field.bytes, ENTRY_KEY, source, err));
    if (sm_string_equal((sm_string){(const char *)name.data, name.size}, sm_string_of(key))) last = field.bytes;
  }
  SM_TRY(sm_wire_finish(&reader, err));
  *is_there = last.data != NULL;
  return sm_wire_collect(out, (sm_spans){&last, 1}, ENTRY_VALUE, source, arena, err);
}

static sm_status append(void *ctx, const void *data, size_t size, sm_error *err) {
  return sm_buffer_put(ctx, data, size, err);
}

/* One message of its pieces. */
static sm_status put_joined(sm_buffer *out, sm_spans attr, const sm_wire_source *source, sm_arena *arena,
                            sm_error *err) {
  sm_canonical writer;
  sm_status status = sm_canonical_begin(&writer, source, arena, append, out, err);
  if (status == SM_OK) status = sm_canonical_put(&writer, &tensorflow__attr_value__descriptor, attr, err);
  sm_canonical_end(&writer);
  return status;
}

/* Of the members of a oneof the last counts; one of another wire type is none. */
static void read_member(uint32_t *dtype, const sm_wire_field *field) {
  switch (field->tag) {
    case SM_WIRE_TAG(ATTR_TYPE, SM_WIRE_VARINT): *dtype = (uint32_t)field->value; break;
    case SM_WIRE_TAG(ATTR_LIST, SM_WIRE_BYTES):
    case SM_WIRE_TAG(ATTR_S, SM_WIRE_BYTES):
    case SM_WIRE_TAG(ATTR_I, SM_WIRE_VARINT):
    case SM_WIRE_TAG(ATTR_F, SM_WIRE_FIXED32):
    case SM_WIRE_TAG(ATTR_B, SM_WIRE_VARINT):
    case SM_WIRE_TAG(ATTR_SHAPE, SM_WIRE_BYTES):
    case SM_WIRE_TAG(ATTR_TENSOR, SM_WIRE_BYTES):
    case SM_WIRE_TAG(ATTR_PLACEHOLDER, SM_WIRE_BYTES):
    case SM_WIRE_TAG(ATTR_FUNC, SM_WIRE_BYTES): *dtype = 0; break;
    default: break;
  }
}

static sm_status read_dtype(uint32_t *out, sm_spans attr, const sm_wire_source *source, sm_error *err) {
  *out = 0;
  for (size_t i = 0; i < attr.n; i++) {
    sm_wire_reader reader = sm_wire_read(attr.items[i], source);
    for (sm_wire_field field; sm_wire_next(&reader, &field);) read_member(out, &field);
    SM_TRY(sm_wire_finish(&reader, err));
  }
  return SM_OK;
}

/* ---- Nodes: entries put behind the node, for of those of one key the last counts ---- */

static sm_status put_attr(sm_buffer *out, const char *key, sm_span value, sm_error *err) {
  size_t entry;
  SM_TRY(sm_wire_open(&entry, out, NODE_ATTR, err));
  SM_TRY(sm_wire_put_bytes(out, ENTRY_KEY, key, strlen(key), err));
  SM_TRY(sm_wire_put_bytes(out, ENTRY_VALUE, value.data, value.size, err));
  return sm_wire_close(out, entry, err);
}

/* An AttrValue that is a function of that name. */
static sm_status put_function(sm_buffer *out, sm_string name, sm_error *err) {
  size_t func;
  SM_TRY(sm_wire_open(&func, out, ATTR_FUNC, err));
  SM_TRY(sm_wire_put_bytes(out, NAME_ATTR_LIST_NAME, name.data, name.size, err));
  return sm_wire_close(out, func, err);
}

/* attr: canonical, of the key "f". The new name behind it, for of a message given twice the parts are merged. */
static sm_status put_renamed(sm_buffer *out, const sm_buffer *attr, const sm_wire_source *source, sm_error *err) {
  sm_string name;
  int64_t uid;
  size_t entry, value;
  SM_TRY(sm_attr_get_func_name(&name, (sm_span){attr->data, attr->size}, source, err));
  if (!sm_function_get_uid(&uid, name)) return SM_OK;
  SM_TRY(sm_wire_open(&entry, out, NODE_ATTR, err));
  SM_TRY(sm_wire_put_bytes(out, ENTRY_KEY, "f", 1, err));
  SM_TRY(sm_wire_open(&value, out, ENTRY_VALUE, err));
  SM_TRY(sm_buffer_put(out, attr->data, attr->size, err));
  SM_TRY(put_function(out, sm_function_without_uid(name, uid), err));
  SM_TRY(sm_wire_close(out, value, err));
  return sm_wire_close(out, entry, err);
}

static sm_status put_call(sm_buffer *out, sm_span node, const sm_wire_source *source, sm_arena *arena, sm_error *err) {
  static const uint8_t no_config[] = {ATTR_S << 3 | SM_WIRE_BYTES, 0};
  sm_spans attr;
  sm_buffer joined;
  bool is_there;
  SM_TRY(find_attr(&attr, &is_there, node, "f", source, arena, err));
  sm_buffer_init(&joined, out->allocator, out->max_size);
  sm_status status = put_joined(&joined, attr, source, arena, err);
  if (status == SM_OK) status = put_renamed(out, &joined, source, err);
  sm_buffer_free(&joined);
  SM_TRY(status);
  SM_TRY(find_attr(&attr, &is_there, node, "config_proto", source, arena, err));
  return is_there ? put_attr(out, "config_proto", (sm_span){no_config, sizeof no_config}, err) : SM_OK;
}

static sm_status put_constant(sm_buffer *out, sm_span node, const sm_wire_source *source, sm_arena *arena,
                              sm_error *err) {
  sm_spans attr;
  bool is_there;
  uint32_t dtype;
  SM_TRY(find_attr(&attr, &is_there, node, "dtype", source, arena, err));
  SM_TRY(read_dtype(&dtype, attr, source, err));
  if (dtype != SM_DT_STRING) return SM_OK;
  SM_TRY(find_attr(&attr, &is_there, node, "value", source, arena, err));
  return is_there ? put_attr(out, "value", (sm_span){NULL, 0}, err) : SM_OK;
}

/* Appends what is to be put behind the node. */
static sm_status put_changes(sm_buffer *out, sm_span node, const sm_wire_source *source, sm_arena *arena,
                             sm_error *err) {
  sm_string op;
  SM_TRY(sm_node_get_op(&op, node, source, err));
  if (sm_string_equal(op, sm_string_of("PartitionedCall")) ||
      sm_string_equal(op, sm_string_of("StatefulPartitionedCall")))
    return put_call(out, node, source, arena, err);
  return sm_string_equal(op, sm_string_of("Const")) ? put_constant(out, node, source, arena, err) : SM_OK;
}

/* Both as pieces of one message. */
static sm_status join(sm_spans *out, sm_span node, const sm_buffer *changes, sm_arena *arena, sm_error *err) {
  sm_span *pieces = sm_arena_array(arena, sm_span, 2);
  uint8_t *copy = sm_arena_alloc(arena, changes->size);
  if (pieces == NULL || copy == NULL) return sm_arena_fail(arena, changes->size, err);
  memcpy(copy, changes->data, changes->size);
  pieces[0] = node;
  pieces[1] = (sm_span){copy, changes->size};
  *out = (sm_spans){pieces, 2};
  return SM_OK;
}

sm_status sm_node_make_regular(sm_spans *out, const sm_span *node, const sm_wire_source *source, sm_arena *arena,
                               sm_error *err) {
  sm_buffer changes;
  *out = (sm_spans){node, 1};
  sm_buffer_init(&changes, arena->allocator, arena->max_bytes);
  sm_status status = put_changes(&changes, *node, source, arena, err);
  if (status == SM_OK && changes.size != 0) status = join(out, *node, &changes, arena, err);
  sm_buffer_free(&changes);
  return status;
}
