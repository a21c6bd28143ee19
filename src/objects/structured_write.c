#include "objects/structured_write.h"

/* Fields of StructuredValue, of what it holds, and of TensorShapeProto: proto/struct.proto, tensor_shape.proto. */
enum {
  VALUE_NONE = 1,
  VALUE_FLOAT64 = 11,
  VALUE_INT64 = 12,
  VALUE_STRING = 13,
  VALUE_BOOL = 14,
  VALUE_SHAPE = 31,
  VALUE_DTYPE = 32,
  VALUE_SPEC = 33,
  VALUE_TYPE_SPEC = 34,
  VALUE_BOUNDED_SPEC = 35,
  VALUE_LIST = 51,
  VALUE_TUPLE = 52,
  VALUE_DICT = 53,
  VALUE_NAMED_TUPLE = 54,
  VALUE_TENSOR = 55,
  VALUE_NUMPY = 56,
  LIST_VALUE = 1,
  DICT_FIELD = 1,
  PAIR_KEY = 1, /* and of an entry of a dict */
  PAIR_VALUE = 2,
  NAMED_NAME = 1,
  NAMED_VALUE = 2,
  SPEC_NAME = 1,
  SPEC_SHAPE = 2,
  SPEC_DTYPE = 3,
  SPEC_MINIMUM = 4,
  SPEC_MAXIMUM = 5,
  TYPE_CLASS = 1,
  TYPE_STATE = 2,
  TYPE_CLASS_NAME = 3,
  TYPE_N_FLAT = 4,
  SHAPE_DIM = 2,
  SHAPE_UNKNOWN_RANK = 3,
  DIM_SIZE = 1
};

sm_status sm_shape_field_write(sm_buffer *out, uint32_t number, int32_t rank, const int64_t *dims, sm_error *err) {
  size_t shape, dim;
  SM_TRY(sm_wire_open(&shape, out, number, err));
  if (rank < 0) SM_TRY(sm_wire_put_varint(out, SHAPE_UNKNOWN_RANK, true, err));
  for (int32_t i = 0; i < rank; i++) {
    SM_TRY(sm_wire_open(&dim, out, SHAPE_DIM, err));
    if (dims[i] != 0) SM_TRY(sm_wire_put_varint(out, DIM_SIZE, (uint64_t)dims[i], err));
    SM_TRY(sm_wire_close(out, dim, err));
  }
  return sm_wire_close(out, shape, err);
}

static sm_status put_text(sm_buffer *out, uint32_t number, const char *text, sm_error *err) {
  return sm_wire_put_bytes(out, number, text, strlen(text), err);
}

static sm_status put_double(sm_buffer *out, uint32_t number, double value, sm_error *err) {
  uint64_t bits;
  uint8_t bytes[sizeof bits];
  memcpy(&bits, &value, sizeof bits);
  for (size_t i = 0; i < sizeof bytes; i++) bytes[i] = (uint8_t)(bits >> 8 * i);
  SM_TRY(sm_wire_put_tag(out, number, SM_WIRE_FIXED64, err));
  return sm_buffer_put(out, bytes, sizeof bytes, err);
}

static sm_status put_proto(sm_buffer *out, uint32_t number, sm_string proto, sm_error *err) {
  return sm_wire_put_bytes(out, number, proto.data, proto.size, err);
}

static sm_status put_spec(sm_buffer *out, const sm_structured *value, sm_error *err) {
  bool is_bounded = value->kind == SM_STRUCTURED_BOUNDED_TENSOR_SPEC;
  size_t spec;
  SM_TRY(sm_wire_open(&spec, out, is_bounded ? VALUE_BOUNDED_SPEC : VALUE_SPEC, err));
  if (*value->text != '\0') SM_TRY(put_text(out, SPEC_NAME, value->text, err));
  SM_TRY(sm_shape_field_write(out, SPEC_SHAPE, value->rank, value->dims, err));
  SM_TRY(sm_wire_put_varint(out, SPEC_DTYPE, (uint64_t)value->dtype, err));
  if (is_bounded && value->minimum.data != NULL) SM_TRY(put_proto(out, SPEC_MINIMUM, value->minimum, err));
  if (is_bounded && value->maximum.data != NULL) SM_TRY(put_proto(out, SPEC_MAXIMUM, value->maximum, err));
  return sm_wire_close(out, spec, err);
}

static uint64_t zigzag(int64_t value) { return (uint64_t)value << 1 ^ (value < 0 ? UINT64_MAX : 0); }

static sm_status put_leaf(sm_buffer *out, const sm_structured *value, sm_error *err) {
  switch (value->kind) {
    case SM_STRUCTURED_BOOL: return sm_wire_put_varint(out, VALUE_BOOL, value->bool_value, err);
    case SM_STRUCTURED_INT64: return sm_wire_put_varint(out, VALUE_INT64, zigzag(value->int64_value), err);
    case SM_STRUCTURED_FLOAT64: return put_double(out, VALUE_FLOAT64, value->float64_value, err);
    case SM_STRUCTURED_STRING: return put_text(out, VALUE_STRING, value->text, err);
    case SM_STRUCTURED_SHAPE: return sm_shape_field_write(out, VALUE_SHAPE, value->rank, value->dims, err);
    case SM_STRUCTURED_DTYPE: return sm_wire_put_varint(out, VALUE_DTYPE, (uint64_t)value->dtype, err);
    case SM_STRUCTURED_TENSOR_SPEC:
    case SM_STRUCTURED_BOUNDED_TENSOR_SPEC: return put_spec(out, value, err);
    case SM_STRUCTURED_TENSOR: return put_proto(out, VALUE_TENSOR, value->proto, err);
    case SM_STRUCTURED_NUMPY: return put_proto(out, VALUE_NUMPY, value->proto, err);
    default: return sm_wire_put_bytes(out, VALUE_NONE, NULL, 0, err);
  }
}

/* ---- Values that hold others ---- */

typedef struct level {
  const sm_structured *value;
  size_t next;
  size_t message, inner, entry; /* where the messages begin that are open for it */
} level;

static sm_status put_class(sm_buffer *out, const sm_structured *spec, sm_error *err) {
  if (spec->type_spec_class == SM_TYPE_SPEC_UNKNOWN) return SM_OK;
  return sm_wire_put_varint(out, TYPE_CLASS, (uint64_t)spec->type_spec_class, err);
}

static sm_status put_class_name(sm_buffer *out, const sm_structured *spec, sm_error *err) {
  const char *name = spec->class_name != NULL ? spec->class_name : spec->text;
  if (*name != '\0') SM_TRY(put_text(out, TYPE_CLASS_NAME, name, err));
  return spec->n_flat != 0 ? sm_wire_put_varint(out, TYPE_N_FLAT, (uint64_t)spec->n_flat, err) : SM_OK;
}

static sm_status open_container(level *top, sm_buffer *out, sm_error *err) {
  switch (top->value->kind) {
    case SM_STRUCTURED_LIST: return sm_wire_open(&top->inner, out, VALUE_LIST, err);
    case SM_STRUCTURED_TUPLE: return sm_wire_open(&top->inner, out, VALUE_TUPLE, err);
    case SM_STRUCTURED_DICT: return sm_wire_open(&top->inner, out, VALUE_DICT, err);
    case SM_STRUCTURED_TYPE_SPEC:
      SM_TRY(sm_wire_open(&top->inner, out, VALUE_TYPE_SPEC, err));
      return put_class(out, top->value, err);
    default: break;
  }
  SM_TRY(sm_wire_open(&top->inner, out, VALUE_NAMED_TUPLE, err));
  return put_text(out, NAMED_NAME, top->value->text, err);
}

static sm_status close_container(const level *top, sm_buffer *out, sm_error *err) {
  if (top->value->kind == SM_STRUCTURED_TYPE_SPEC) SM_TRY(put_class_name(out, top->value, err));
  return sm_wire_close(out, top->inner, err);
}

/* What stands before the value of an item: the value's message is open then. */
static sm_status open_item(level *item, level *top, sm_buffer *out, sm_error *err) {
  const sm_structured *parent = top->value;
  size_t i = top->next++;
  *item = (level){.value = &parent->items[i]};
  if (parent->kind == SM_STRUCTURED_TYPE_SPEC) return sm_wire_open(&item->message, out, TYPE_STATE, err);
  if (!sm_structured_has_keys(parent)) return sm_wire_open(&item->message, out, LIST_VALUE, err);
  SM_TRY(sm_wire_open(&item->entry, out, parent->kind == SM_STRUCTURED_DICT ? DICT_FIELD : NAMED_VALUE, err));
  SM_TRY(put_text(out, PAIR_KEY, parent->keys[i], err));
  return sm_wire_open(&item->message, out, PAIR_VALUE, err);
}

static sm_status close_item(const level *item, sm_buffer *out, sm_error *err) {
  if (item->message != 0) SM_TRY(sm_wire_close(out, item->message, err));
  return item->entry != 0 ? sm_wire_close(out, item->entry, err) : SM_OK;
}

sm_status sm_structured_write(sm_buffer *out, const sm_structured *value, sm_error *err) {
  level levels[SM_STRUCTURED_MAX_DEPTH] = {{.value = value}};
  for (int depth = 1; depth > 0;) {
    level *top = &levels[depth - 1];
    bool is_container = sm_structured_has_items(top->value);
    if (is_container && top->inner == 0) SM_TRY(open_container(top, out, err));
    if (is_container && top->next < top->value->n_items) {
      SM_TRY(open_item(&levels[depth++], top, out, err));
      continue;
    }
    SM_TRY(is_container ? close_container(top, out, err) : put_leaf(out, top->value, err));
    SM_TRY(close_item(top, out, err));
    depth--;
  }
  return SM_OK;
}

sm_status sm_type_spec_write(sm_buffer *out, const sm_structured *value, sm_error *err) {
  const sm_wire_source source = {.name = "type spec"};
  sm_span spec;
  sm_buffer whole;
  sm_buffer_init(&whole, out->allocator, UINT64_MAX);
  sm_status status = sm_structured_write(&whole, value, err);
  if (status == SM_OK)
    status = sm_wire_find_bytes(&spec, (sm_span){whole.data, whole.size}, VALUE_TYPE_SPEC, &source, err);
  if (status == SM_OK) status = sm_buffer_put(out, spec.data, spec.size, err);
  sm_buffer_free(&whole);
  return status;
}
