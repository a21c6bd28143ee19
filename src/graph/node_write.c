#include "graph/node_write.h"

#include "tensor/tensor_proto.h"

/* Fields of NodeDef, map entries, AttrValue, ListValue, NameAttrList, TensorShapeProto: proto/node_def.proto,
 * attr_value.proto, tensor_shape.proto. */
enum {
  NODE_NAME = 1,
  NODE_OP = 2,
  NODE_INPUT = 3,
  NODE_DEVICE = 4,
  NODE_ATTR = 5,
  ENTRY_KEY = 1,
  ENTRY_VALUE = 2,
  ATTR_LIST = 1,
  ATTR_STRING = 2,
  ATTR_INT = 3,
  ATTR_FLOAT = 4,
  ATTR_BOOL = 5,
  ATTR_TYPE = 6,
  ATTR_SHAPE = 7,
  ATTR_TENSOR = 8,
  ATTR_FUNC = 10,
  FUNC_NAME = 1,
  SHAPE_DIM = 2,
  SHAPE_UNKNOWN_RANK = 3,
  DIM_SIZE = 1
};

/* ---- Making attributes ---- */

sm_attr sm_attr_int(const char *name, int64_t value) {
  return (sm_attr){.name = name, .kind = SM_ATTR_INT, .i = value};
}

sm_attr sm_attr_float(const char *name, float value) {
  return (sm_attr){.name = name, .kind = SM_ATTR_FLOAT, .f = value};
}

sm_attr sm_attr_bool(const char *name, bool value) { return (sm_attr){.name = name, .kind = SM_ATTR_BOOL, .i = value}; }

sm_attr sm_attr_string(const char *name, const char *value) {
  return (sm_attr){.name = name, .kind = SM_ATTR_STRING, .s = sm_string_of(value)};
}

sm_attr sm_attr_type(const char *name, sm_dtype value) {
  return (sm_attr){.name = name, .kind = SM_ATTR_TYPE, .type = value};
}

sm_attr sm_attr_shape(const char *name, const int64_t *dims, int32_t rank) {
  return (sm_attr){.name = name, .kind = SM_ATTR_SHAPE, .dims = dims, .rank = rank};
}

sm_attr sm_attr_tensor(const char *name, const sm_tensor_view *value) {
  return (sm_attr){.name = name, .kind = SM_ATTR_TENSOR, .tensor = value};
}

sm_attr sm_attr_func(const char *name, const char *function) {
  return (sm_attr){.name = name, .kind = SM_ATTR_FUNC, .s = sm_string_of(function)};
}

sm_attr sm_attr_ints(const char *name, const int64_t *values, size_t n) {
  return (sm_attr){.name = name, .kind = SM_ATTR_INTS, .ints = values, .n = n};
}

sm_attr sm_attr_floats(const char *name, const float *values, size_t n) {
  return (sm_attr){.name = name, .kind = SM_ATTR_FLOATS, .floats = values, .n = n};
}

sm_attr sm_attr_strings(const char *name, const sm_string *values, size_t n) {
  return (sm_attr){.name = name, .kind = SM_ATTR_STRINGS, .strings = values, .n = n};
}

sm_attr sm_attr_types(const char *name, const sm_dtype *values, size_t n) {
  return (sm_attr){.name = name, .kind = SM_ATTR_TYPES, .types = values, .n = n};
}

sm_attr sm_attr_proto(const char *name, sm_string attr_value) {
  return (sm_attr){.name = name, .kind = SM_ATTR_PROTO, .s = attr_value};
}

/* ---- Writing them ---- */

static sm_status write_shape(sm_buffer *out, const sm_attr *attr, sm_error *err) {
  size_t shape, dim;
  SM_TRY(sm_wire_open(&shape, out, ATTR_SHAPE, err));
  if (attr->rank < 0) SM_TRY(sm_wire_put_varint(out, SHAPE_UNKNOWN_RANK, 1, err));
  for (int32_t i = 0; i < attr->rank; i++) {
    SM_TRY(sm_wire_open(&dim, out, SHAPE_DIM, err));
    if (attr->dims[i] != 0) SM_TRY(sm_wire_put_varint(out, DIM_SIZE, (uint64_t)attr->dims[i], err));
    SM_TRY(sm_wire_close(out, dim, err));
  }
  return sm_wire_close(out, shape, err);
}

static sm_status write_tensor(sm_buffer *out, const sm_attr *attr, sm_error *err) {
  size_t tensor;
  SM_TRY(sm_wire_open(&tensor, out, ATTR_TENSOR, err));
  SM_TRY(sm_tensor_proto_write(out, attr->tensor, SM_TENSOR_PROTO_PYTHON, err));
  return sm_wire_close(out, tensor, err);
}

static sm_status write_func(sm_buffer *out, const sm_attr *attr, sm_error *err) {
  size_t func;
  SM_TRY(sm_wire_open(&func, out, ATTR_FUNC, err));
  SM_TRY(sm_wire_put_bytes(out, FUNC_NAME, attr->s.data, attr->s.size, err));
  return sm_wire_close(out, func, err);
}

static uint32_t bits_of(float value) {
  uint32_t bits;
  memcpy(&bits, &value, sizeof bits);
  return bits;
}

static sm_status write_numbers(sm_buffer *out, const sm_attr *attr, sm_error *err) {
  for (size_t i = 0; i < attr->n; i++) {
    uint32_t bits = attr->kind == SM_ATTR_FLOATS ? bits_of(attr->floats[i]) : 0;
    const uint8_t le[] = {(uint8_t)bits, (uint8_t)(bits >> 8), (uint8_t)(bits >> 16), (uint8_t)(bits >> 24)};
    uint64_t number = attr->kind == SM_ATTR_INTS ? (uint64_t)attr->ints[i] : 0;
    if (attr->kind == SM_ATTR_TYPES) number = (uint64_t)attr->types[i];
    if (attr->kind == SM_ATTR_FLOATS)
      SM_TRY(sm_buffer_put(out, le, sizeof le, err));
    else
      SM_TRY(sm_wire_put_raw_varint(out, number, err));
  }
  return SM_OK;
}

/* The numbers of a list are packed into one field. */
static sm_status write_list(sm_buffer *out, const sm_attr *attr, sm_error *err) {
  size_t list, packed;
  const uint32_t number = attr->kind == SM_ATTR_INTS ? ATTR_INT : attr->kind == SM_ATTR_FLOATS ? ATTR_FLOAT : ATTR_TYPE;
  SM_TRY(sm_wire_open(&list, out, ATTR_LIST, err));
  if (attr->kind == SM_ATTR_STRINGS) {
    for (size_t i = 0; i < attr->n; i++)
      SM_TRY(sm_wire_put_bytes(out, ATTR_STRING, attr->strings[i].data, attr->strings[i].size, err));
  } else if (attr->n != 0) {
    SM_TRY(sm_wire_open(&packed, out, number, err));
    SM_TRY(write_numbers(out, attr, err));
    SM_TRY(sm_wire_close(out, packed, err));
  }
  return sm_wire_close(out, list, err);
}

sm_status sm_attr_write(sm_buffer *out, const sm_attr *attr, sm_error *err) {
  switch (attr->kind) {
    case SM_ATTR_INT: return sm_wire_put_varint(out, ATTR_INT, (uint64_t)attr->i, err);
    case SM_ATTR_FLOAT: return sm_wire_put_fixed32(out, ATTR_FLOAT, bits_of(attr->f), err);
    case SM_ATTR_BOOL: return sm_wire_put_varint(out, ATTR_BOOL, attr->i != 0, err);
    case SM_ATTR_STRING: return sm_wire_put_bytes(out, ATTR_STRING, attr->s.data, attr->s.size, err);
    case SM_ATTR_TYPE: return sm_wire_put_varint(out, ATTR_TYPE, (uint64_t)attr->type, err);
    case SM_ATTR_SHAPE: return write_shape(out, attr, err);
    case SM_ATTR_TENSOR: return write_tensor(out, attr, err);
    case SM_ATTR_FUNC: return write_func(out, attr, err);
    case SM_ATTR_INTS:
    case SM_ATTR_FLOATS:
    case SM_ATTR_STRINGS:
    case SM_ATTR_TYPES: return write_list(out, attr, err);
    case SM_ATTR_PROTO: return sm_buffer_put(out, attr->s.data, attr->s.size, err);
  }
  return SM_FAIL(err, SM_INVALID_ARGUMENT, "attribute %s: %d is no sm_attr_kind", attr->name, (int)attr->kind);
}

/* ---- Nodes ---- */

/* The attribute whose name comes after that of another one; NULL: the first. There are few. */
static const sm_attr *next_attr(const sm_node_spec *spec, const sm_attr *after) {
  const sm_attr *next = NULL;
  for (size_t i = 0; i < spec->n_attrs; i++) {
    const sm_attr *attr = &spec->attrs[i];
    if (after != NULL && strcmp(attr->name, after->name) <= 0) continue;
    if (next == NULL || strcmp(attr->name, next->name) < 0) next = attr;
  }
  return next;
}

static sm_status put_text(sm_buffer *out, uint32_t number, const char *text, sm_error *err) {
  return sm_wire_put_bytes(out, number, text, strlen(text), err);
}

sm_status sm_node_write(sm_buffer *out, const sm_node_spec *spec, sm_error *err) {
  SM_TRY(put_text(out, NODE_NAME, spec->name, err));
  SM_TRY(put_text(out, NODE_OP, spec->op, err));
  for (size_t i = 0; i < spec->n_inputs; i++) SM_TRY(put_text(out, NODE_INPUT, spec->inputs[i], err));
  if (spec->device != NULL && *spec->device != '\0') SM_TRY(put_text(out, NODE_DEVICE, spec->device, err));
  for (const sm_attr *attr = NULL; (attr = next_attr(spec, attr)) != NULL;) {
    size_t entry, value;
    SM_TRY(sm_wire_open(&entry, out, NODE_ATTR, err));
    SM_TRY(put_text(out, ENTRY_KEY, attr->name, err));
    SM_TRY(sm_wire_open(&value, out, ENTRY_VALUE, err));
    SM_TRY(sm_attr_write(out, attr, err));
    SM_TRY(sm_wire_close(out, value, err));
    SM_TRY(sm_wire_close(out, entry, err));
  }
  return SM_OK;
}
