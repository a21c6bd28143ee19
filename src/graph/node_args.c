/* How many tensors an argument of a node is, and of which types: the definition says which attributes tell, the node what
 * they are (TensorFlow: core/framework/node_def_util.cc, AddArgToSig). */
#include "codec/varint.h"
#include "graph/op_defs.h"

/* Fields of NodeDef, AttrValue, ListValue: proto/node_def.proto, attr_value.proto. */
enum {
  NODE_ATTR = 5,
  ENTRY_KEY = 1,
  ENTRY_VALUE = 2,
  ATTR_LIST = 1,
  ATTR_I = 3,
  ATTR_TYPE = 6,
  ATTR_FUNC = 10,
  LIST_TYPE = 6
};

/* ---- Attributes ---- */

sm_status sm_node_read_attrs(sm_node_attrs *out, const sm_op_def *def, sm_span node, const sm_wire_source *source,
                             sm_error *err) {
  out->is_given = 0;
  for (size_t i = 0; i < def->n_attrs; i++) out->values[i] = def->attrs[i].default_value;
  sm_wire_reader reader = sm_wire_read(node, source);
  for (sm_wire_field field; sm_wire_next(&reader, &field);) {
    sm_span key;
    if (field.tag != SM_WIRE_TAG(NODE_ATTR, SM_WIRE_BYTES)) continue;
    SM_TRY(sm_wire_find_bytes(&key, field.bytes, ENTRY_KEY, source, err));
    size_t i = sm_op_def_find_attr(def, (sm_string){(const char *)key.data, key.size});
    if (i == SM_NO_ATTR) continue;
    SM_TRY(sm_wire_find_bytes(&out->values[i], field.bytes, ENTRY_VALUE, source, err));
    if (out->values[i].data == NULL) out->values[i] = (sm_span){field.bytes.data, 0}; /* there, but says nothing */
    out->is_given |= UINT64_C(1) << i;
  }
  return sm_wire_finish(&reader, err);
}

/* What counts of an AttrValue. */
typedef struct attr_value {
  uint32_t kind; /* field number of the member that is set; 0: none */
  int64_t i;
  sm_dtype type; /* alone, or number wanted in the list */
  uint64_t n_types;
} attr_value;

typedef struct type_reader {
  sm_wire_reader list;
  sm_span packed; /* what is left of one field */
} type_reader;

/* The next type of a list; false at its end. */
static bool next_type(uint64_t *type, type_reader *r) {
  for (sm_wire_field field;;) {
    if (r->packed.size != 0) {
      const uint8_t *end = r->packed.data + r->packed.size, *next = sm_varint_read(r->packed.data, end, type);
      r->packed = (sm_span){next, next != NULL ? (size_t)(end - next) : 0};
      if (next != NULL) return true;
    }
    if (!sm_wire_next(&r->list, &field)) return false;
    if (field.tag == SM_WIRE_TAG(LIST_TYPE, SM_WIRE_BYTES)) r->packed = field.bytes;
    if (field.tag != SM_WIRE_TAG(LIST_TYPE, SM_WIRE_VARINT)) continue;
    *type = field.value;
    return true;
  }
}

static sm_status read_types(attr_value *out, sm_span list, uint64_t wanted, const sm_wire_source *source,
                            sm_error *err) {
  type_reader r = {.list = sm_wire_read(list, source)};
  for (uint64_t type; next_type(&type, &r);)
    if (out->n_types++ == wanted) out->type = (sm_dtype)(int32_t)type;
  return sm_wire_finish(&r.list, err);
}

/* One of several members that was set last is what counts. */
static sm_status read_value(attr_value *out, sm_span attr, uint64_t wanted, const sm_wire_source *source,
                            sm_error *err) {
  *out = (attr_value){.kind = 0};
  sm_wire_reader reader = sm_wire_read(attr, source);
  for (sm_wire_field field; sm_wire_next(&reader, &field);) {
    uint32_t number = sm_wire_number(&field);
    if (number < ATTR_LIST || number > ATTR_FUNC) continue;
    if (number != out->kind) *out = (attr_value){.kind = number};
    if (field.tag == SM_WIRE_TAG(ATTR_I, SM_WIRE_VARINT)) out->i = (int64_t)field.value;
    if (field.tag == SM_WIRE_TAG(ATTR_TYPE, SM_WIRE_VARINT)) out->type = (sm_dtype)(int32_t)field.value;
    if (field.tag == SM_WIRE_TAG(ATTR_LIST, SM_WIRE_BYTES)) SM_TRY(read_types(out, field.bytes, wanted, source, err));
  }
  return sm_wire_finish(&reader, err);
}

/* ---- Counting ---- */

sm_status sm_arg_count(int64_t *out, const sm_op_arg *arg, const sm_node_attrs *attrs, const sm_wire_source *source,
                       sm_error *err) {
  attr_value value;
  *out = 1;
  bool has_types = arg->type_list_attr != SM_NO_ATTR;
  if (!has_types && arg->number_attr == SM_NO_ATTR) return SM_OK;
  SM_TRY(read_value(&value, attrs->values[has_types ? arg->type_list_attr : arg->number_attr], 0, source, err));
  *out = has_types ? (int64_t)value.n_types : value.i;
  if (value.kind != (has_types ? ATTR_LIST : ATTR_I) || *out < 0 || *out > INT32_MAX) *out = -1;
  return SM_OK;
}

sm_status sm_args_count_before(int64_t *out, const sm_op_args *args, size_t n, const sm_node_attrs *attrs,
                               const sm_wire_source *source, sm_error *err) {
  int64_t total = (int64_t)n;
  for (size_t i = 0; i < args->n_lists && args->lists[i] < n; i++) {
    int64_t count;
    SM_TRY(sm_arg_count(&count, &args->items[args->lists[i]], attrs, source, err));
    total = count < 0 ? -1 : total + count - 1;
    if (total < 0) break;
  }
  *out = total;
  return SM_OK;
}

bool sm_args_have_refs(const sm_op_args *args) {
  for (size_t i = 0; i < args->n; i++)
    if (args->items[i].proto->is_ref) return true;
  return false;
}

sm_status sm_args_count(int64_t *out, const sm_op_args *args, const sm_node_attrs *attrs, const sm_wire_source *source,
                        sm_error *err) {
  return sm_args_count_before(out, args, args->n, attrs, source, err);
}

/* ---- Places ---- */

/* Between two lists each argument is one tensor, so only the lists take steps. */
sm_status sm_args_place(bool *is_there, sm_arg_place *out, const sm_op_args *args, const sm_node_attrs *attrs,
                        uint64_t flat, const sm_wire_source *source, sm_error *err) {
  size_t arg = 0; /* the first that is not behind flat's */
  *is_there = false;
  for (size_t i = 0; i < args->n_lists; i++) {
    size_t list = args->lists[i];
    if (flat < list - arg) break;
    flat -= list - arg;
    int64_t count;
    SM_TRY(sm_arg_count(&count, &args->items[list], attrs, source, err));
    if (count < 0) return SM_OK;
    arg = list;
    *is_there = flat < (uint64_t)count;
    if (*is_there) break;
    flat -= (uint64_t)count;
    arg++;
  }
  *out = *is_there ? (sm_arg_place){arg, flat} : (sm_arg_place){arg + (flat < args->n ? (size_t)flat : args->n), 0};
  *is_there |= out->arg < args->n;
  return SM_OK;
}

sm_status sm_args_flat(bool *is_there, uint64_t *out, const sm_op_args *args, const sm_node_attrs *attrs,
                       sm_string name, uint64_t index, const sm_wire_source *source, sm_error *err) {
  *is_there = false;
  for (size_t i = 0; i < args->n; i++) {
    int64_t before, count;
    if (!sm_string_equal(args->items[i].name, name)) continue;
    SM_TRY(sm_args_count_before(&before, args, i, attrs, source, err));
    SM_TRY(sm_arg_count(&count, &args->items[i], attrs, source, err));
    *is_there = before >= 0 && count >= 0 && index < (uint64_t)count;
    *out = (uint64_t)before + index;
    return SM_OK;
  }
  return SM_OK;
}

/* ---- Types ---- */

static sm_dtype as_ref(sm_dtype type, const sm_op_arg *arg) {
  bool becomes_ref = arg->proto->is_ref && type > SM_DT_INVALID && type < SM_DT_REF_OFFSET;
  return becomes_ref ? (sm_dtype)(type + SM_DT_REF_OFFSET) : type;
}

/* Its type, as if it were no reference. */
static sm_status read_type(sm_dtype *out, const sm_op_arg *arg, uint64_t index, const sm_node_attrs *attrs,
                           const sm_wire_source *source, sm_error *err) {
  attr_value value;
  bool has_list = arg->type_list_attr != SM_NO_ATTR;
  *out = (sm_dtype)arg->proto->type;
  if (!has_list && arg->type_attr == SM_NO_ATTR) return SM_OK;
  SM_TRY(read_value(&value, attrs->values[has_list ? arg->type_list_attr : arg->type_attr], index, source, err));
  *out = value.kind == (has_list ? ATTR_LIST : ATTR_TYPE) ? value.type : SM_DT_INVALID;
  return SM_OK;
}

sm_status sm_arg_dtype(sm_dtype *out, const sm_op_arg *arg, uint64_t index, const sm_node_attrs *attrs,
                       const sm_wire_source *source, sm_error *err) {
  SM_TRY(read_type(out, arg, index, attrs, source, err));
  *out = as_ref(*out, arg);
  return SM_OK;
}

/* Types by attribute, each read once however many arguments have it. */
typedef struct known_types {
  sm_dtype types[SM_OP_MAX_ATTRS];
  uint64_t is_known; /* bit i: types[i] */
} known_types;

/* The type of an argument that is no list of types. */
static sm_status find_type(sm_dtype *out, known_types *known, const sm_op_arg *arg, const sm_node_attrs *attrs,
                           const sm_wire_source *source, sm_error *err) {
  const size_t i = arg->type_attr;
  if (i == SM_NO_ATTR) return sm_arg_dtype(out, arg, 0, attrs, source, err);
  if ((known->is_known >> i & 1) == 0) SM_TRY(read_type(&known->types[i], arg, 0, attrs, source, err));
  known->is_known |= UINT64_C(1) << i;
  *out = as_ref(known->types[i], arg);
  return SM_OK;
}

/* Each list is read once. */
static sm_status put_list_types(sm_buffer *out, const sm_op_arg *arg, const sm_node_attrs *attrs, size_t max_size,
                                const sm_wire_source *source, sm_error *err) {
  sm_wire_reader reader = sm_wire_read(attrs->values[arg->type_list_attr], source);
  for (sm_wire_field field; sm_wire_next(&reader, &field);) {
    if (field.tag != SM_WIRE_TAG(ATTR_LIST, SM_WIRE_BYTES)) continue;
    type_reader types = {.list = sm_wire_read(field.bytes, source)};
    for (uint64_t number; out->size < max_size && next_type(&number, &types);) {
      const sm_dtype type = as_ref((sm_dtype)(int32_t)number, arg);
      SM_TRY(sm_buffer_put(out, &type, sizeof type, err));
    }
  }
  return sm_wire_finish(&reader, err);
}

sm_status sm_args_dtypes(sm_buffer *out, const sm_op_args *args, const sm_node_attrs *attrs, size_t max,
                         const sm_wire_source *source, sm_error *err) {
  size_t max_size;
  known_types known;
  known.is_known = 0;
  if (!sm_mul_size(max, sizeof(sm_dtype), &max_size) || !sm_add_size(max_size, out->size, &max_size))
    return SM_FAIL_OOM(err, SIZE_MAX);
  for (size_t i = 0; i < args->n && out->size < max_size; i++) {
    const sm_op_arg *arg = &args->items[i];
    int64_t n;
    sm_dtype type;
    SM_TRY(sm_arg_count(&n, arg, attrs, source, err));
    if (n < 0) return SM_OK;
    if (arg->type_list_attr != SM_NO_ATTR) {
      SM_TRY(put_list_types(out, arg, attrs, max_size, source, err));
      continue;
    }
    SM_TRY(find_type(&type, &known, arg, attrs, source, err));
    for (; n > 0 && out->size < max_size; n--) SM_TRY(sm_buffer_put(out, &type, sizeof type, err));
  }
  return SM_OK;
}

/* ---- Outputs of a node ---- */

sm_status sm_node_count_outputs(int64_t *out, const sm_op_def *def, sm_span node, const sm_wire_source *source,
                                sm_error *err) {
  sm_node_attrs attrs;
  *out = def == NULL ? -1 : (int64_t)def->outputs.n;
  if (def == NULL || def->outputs.n_lists == 0) return SM_OK;
  SM_TRY(sm_node_read_attrs(&attrs, def, node, source, err));
  return sm_args_count(out, &def->outputs, &attrs, source, err);
}

sm_status sm_node_find_output_dtype(sm_dtype *out, const sm_op_def *def, sm_span node, uint64_t index,
                                    const sm_wire_source *source, sm_error *err) {
  sm_node_attrs attrs;
  sm_arg_place place;
  bool is_there;
  *out = SM_DT_INVALID;
  if (def == NULL) return SM_OK;
  SM_TRY(sm_node_read_attrs(&attrs, def, node, source, err));
  SM_TRY(sm_args_place(&is_there, &place, &def->outputs, &attrs, index, source, err));
  if (!is_there) return SM_OK;
  return sm_arg_dtype(out, &def->outputs.items[place.arg], place.index, &attrs, source, err);
}
