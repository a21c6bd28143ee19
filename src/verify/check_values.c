/* Constants: a type, a shape, and values that fit them. Nothing is decoded, so a shape costs no memory. */
#include "io/io.h"
#include "tensor/tensor_proto.h"
#include "verify/verify_internal.h"

/* Fields of NodeDef and AttrValue: proto/node_def.proto, attr_value.proto. */
enum { NODE_ATTR = 5, ENTRY_KEY = 1, ENTRY_VALUE = 2, ATTR_TYPE = 6, ATTR_TENSOR = 8, ATTR_PLACEHOLDER = 9 };

/* Strings in tensor_content have to be walked to be checked; there cannot be more of them than bytes. */
static sm_status check_strings(const sm_tensor_proto *proto, const sm_allocator *allocator, sm_error *err) {
  sm_tensor *tensor;
  int64_t n;
  if (!sm_shape_elements(&n, proto->shape.dims, (size_t)proto->shape.rank) || (uint64_t)n > proto->content.size)
    return SM_FAIL(err, SM_DATA_LOSS, "more strings than bytes");
  SM_TRY(sm_tensor_proto_decode(&tensor, proto, UINT64_MAX, allocator, err));
  sm_tensor_free(tensor);
  return SM_OK;
}

/* As decoding would, without the memory that decoding takes. */
static sm_status check_tensor(const sm_tensor_proto *proto, const sm_allocator *allocator, sm_error *err) {
  sm_tensor_view view;
  uint64_t n_values;
  sm_status status = sm_tensor_proto_view(&view, proto, err);
  if (status != SM_FAILED_PRECONDITION) return status;
  if (proto->content.size == 0) return sm_tensor_proto_n_values(&n_values, proto, err);
  return check_strings(proto, allocator, err);
}

static void check_memory(sm_verifier *v, const sm_tensor_proto *proto, const sm_place *place) {
  size_t size;
  if (sm_shape_bytes(&size, proto->dtype, proto->shape.dims, (size_t)proto->shape.rank) &&
      size > sm_default_max_bytes(v->source->bytes.size))
    sm_verify_tell(v, SM_SEVERITY_WARNING, place, "a value repeated until it takes %zu bytes", size);
}

static sm_status check_value(sm_dtype *dtype, sm_verifier *v, sm_span tensor, const sm_place *place, sm_error *err) {
  sm_tensor_proto proto;
  sm_error failure;
  sm_arena_mark mark = sm_arena_get_mark(&v->arena);
  sm_status status = sm_tensor_proto_read(&proto, (sm_spans){&tensor, 1}, v->source, &v->arena, &failure);
  *dtype = SM_DT_INVALID;
  if (status == SM_OK) {
    *dtype = proto.dtype;
    status = check_tensor(&proto, v->arena.allocator, &failure);
    if (status == SM_OK)
      check_memory(v, &proto, place);
    else if (status == SM_UNIMPLEMENTED)
      sm_verify_tell_error(v, SM_SEVERITY_WARNING, place, &failure);
    else if (sm_verify_is_defect(status))
      sm_verify_tell_error(v, SM_SEVERITY_ERROR, place, &failure);
  }
  sm_arena_rewind(&v->arena, mark);
  if (status == SM_OK || sm_verify_is_defect(status)) return SM_OK;
  if (err != NULL) *err = failure;
  return status;
}

/* What the attributes of a node say of its value. */
typedef struct const_facts {
  bool has_value;
  sm_dtype dtype, value_dtype; /* of the attributes of these names */
} const_facts;

static sm_status check_attr(const_facts *facts, sm_verifier *v, sm_span entry, const sm_place *place, sm_error *err) {
  sm_span key, value;
  if (sm_wire_find_bytes(&key, entry, ENTRY_KEY, v->source, NULL) != SM_OK ||
      sm_wire_find_bytes(&value, entry, ENTRY_VALUE, v->source, NULL) != SM_OK)
    return SM_OK;
  bool is_value = sm_string_equal(sm_text_of(key), sm_string_of("value"));
  bool is_dtype = sm_string_equal(sm_text_of(key), sm_string_of("dtype"));
  sm_wire_reader reader = sm_wire_read(value, v->source);
  for (sm_wire_field field; sm_wire_next(&reader, &field);) {
    sm_dtype dtype = SM_DT_INVALID;
    if (is_dtype && field.tag == SM_WIRE_TAG(ATTR_TYPE, SM_WIRE_VARINT)) facts->dtype = (sm_dtype)field.value;
    if (field.tag == SM_WIRE_TAG(ATTR_TENSOR, SM_WIRE_BYTES)) SM_TRY(check_value(&dtype, v, field.bytes, place, err));
    if (!is_value) continue;
    facts->has_value |= sm_wire_number(&field) == ATTR_TENSOR || sm_wire_number(&field) == ATTR_PLACEHOLDER;
    if (dtype != SM_DT_INVALID) facts->value_dtype = dtype;
  }
  return SM_OK;
}

static const char *name_of(sm_dtype dtype) {
  const char *name = sm_dtype_name(dtype);
  return name != NULL ? name : "no dtype";
}

sm_status sm_check_values(sm_verifier *v, const sm_node_place *node, sm_string function, sm_error *err) {
  const sm_place place = {.kind = "node", .name = node->name, .function = function};
  const_facts facts = {.has_value = false};
  sm_wire_reader reader = sm_wire_read(node->bytes, v->source);
  for (sm_wire_field field; sm_wire_next(&reader, &field);)
    if (field.tag == SM_WIRE_TAG(NODE_ATTR, SM_WIRE_BYTES)) SM_TRY(check_attr(&facts, v, field.bytes, &place, err));
  if (!sm_string_equal(node->op, sm_string_of("Const"))) return SM_OK;
  if (!facts.has_value) sm_verify_tell(v, SM_SEVERITY_ERROR, &place, "a constant without a value");
  if (facts.dtype != SM_DT_INVALID && facts.value_dtype != SM_DT_INVALID && facts.dtype != facts.value_dtype)
    sm_verify_tell(v, SM_SEVERITY_ERROR, &place, "a constant of %s whose value is of %s", name_of(facts.dtype),
                   name_of(facts.value_dtype));
  return SM_OK;
}
