/* How many outputs a node has, and of which types: by the definitions that the model carries (meta_info_def's
 * stripped_op_list), and those of its functions. Operations that neither describes are taken as they come. */
#include <savedmodel/pb/op_def.pb-c.h>

#include "codec/varint.h"
#include "verify/verify_internal.h"

/* Fields of MetaInfoDef, OpList, FunctionDef, AttrValue, ListValue. */
enum { INFO_STRIPPED_OP_LIST = 2, OP_LIST_OP = 1, FUNCTION_SIGNATURE = 1, ATTR_LIST = 1, ATTR_I = 3, ATTR_TYPE = 6 };

/* Each argument that is a list takes a walk over the attributes of a node and of its op. No operation of TensorFlow has
 * as many of either. */
enum { MAX_LISTS = 16, MAX_ATTRS = 64 };

typedef struct op_def {
  sm_string name;
  size_t position;
  const Tensorflow__OpDef *def;
  const Tensorflow__OpDef__ArgDef **lists; /* outputs of which there may be any number */
  size_t n_lists;
} op_def;

struct sm_op_defs {
  const sm_wire_source *source;
  op_def *ops; /* sorted by name, then position */
  size_t n;
};

static bool op_less(const void *a, const void *b) {
  const op_def *left = a, *right = b;
  int order = sm_string_compare(left->name, right->name);
  return order != 0 ? order < 0 : left->position < right->position;
}

static bool is_list(const Tensorflow__OpDef__ArgDef *arg) {
  return *arg->type_list_attr != '\0' || *arg->number_attr != '\0';
}

static sm_status find_lists(op_def *op, sm_arena *arena, sm_error *err) {
  size_t n = 0;
  for (size_t i = 0; i < op->def->n_output_arg; i++) n += is_list(op->def->output_arg[i]);
  op->lists = sm_arena_array(arena, const Tensorflow__OpDef__ArgDef *, n);
  if (op->lists == NULL) return sm_arena_fail(arena, n * sizeof *op->lists, err);
  for (size_t i = 0; i < op->def->n_output_arg; i++)
    if (is_list(op->def->output_arg[i])) op->lists[op->n_lists++] = op->def->output_arg[i];
  return SM_OK;
}

/* What cannot be unpacked stays unknown: it has been told of as bytes. */
static sm_status add_op(sm_op_defs *defs, sm_span bytes, sm_arena *arena, sm_error *err) {
  ProtobufCMessage *message;
  sm_status status =
      sm_wire_unpack(&message, &tensorflow__op_def__descriptor, (sm_spans){&bytes, 1}, defs->source, arena, err);
  if (status != SM_OK) return sm_verify_is_defect(status) ? SM_OK : status;
  const Tensorflow__OpDef *def = (const Tensorflow__OpDef *)message;
  op_def op = {.name = sm_string_of(def->name), .position = defs->n, .def = def};
  SM_TRY(find_lists(&op, arena, err));
  if (op.n_lists <= MAX_LISTS && def->n_attr <= MAX_ATTRS) defs->ops[defs->n++] = op;
  return SM_OK;
}

/* Pieces of the op list that are damaged are not there. */
static sm_status find_ops(sm_spans *out, sm_spans meta_info, const sm_wire_source *source, sm_arena *arena,
                          sm_error *err) {
  sm_spans lists;
  sm_status status = sm_wire_collect(&lists, meta_info, INFO_STRIPPED_OP_LIST, source, arena, err);
  if (status == SM_OK) status = sm_wire_collect(out, lists, OP_LIST_OP, source, arena, err);
  if (!sm_verify_is_defect(status)) return status;
  *out = (sm_spans){NULL, 0};
  return SM_OK;
}

sm_status sm_op_defs_read(const sm_op_defs **out, sm_spans meta_info, const sm_graph_library *library,
                          const sm_wire_source *source, sm_arena *arena, sm_error *err) {
  sm_spans ops;
  SM_TRY(find_ops(&ops, meta_info, source, arena, err));
  sm_op_defs *defs = sm_arena_new(arena, sm_op_defs);
  if (defs == NULL) return sm_arena_fail(arena, sizeof *defs, err);
  defs->source = source;
  defs->ops = sm_arena_array(arena, op_def, ops.n + library->n);
  if (defs->ops == NULL) return sm_arena_fail(arena, (ops.n + library->n) * sizeof *defs->ops, err);
  for (size_t i = 0; i < ops.n; i++) SM_TRY(add_op(defs, ops.items[i], arena, err));
  for (size_t i = 0; i < library->n; i++) {
    sm_span signature;
    if (sm_wire_find_bytes(&signature, library->functions[i].def, FUNCTION_SIGNATURE, source, NULL) == SM_OK)
      SM_TRY(add_op(defs, signature, arena, err));
  }
  sm_sort(defs->ops, defs->n, sizeof *defs->ops, op_less);
  *out = defs;
  return SM_OK;
}

static const op_def *find_op(const sm_op_defs *defs, sm_string op) {
  size_t i = sm_named_find(defs->ops, defs->n, sizeof *defs->ops, op);
  return i != SIZE_MAX ? &defs->ops[i] : NULL;
}

/* ---- Attributes ---- */

/* What counts of an attribute. */
typedef struct attr_value {
  bool is_known;
  int64_t i;
  sm_dtype type; /* alone, or number wanted in the list */
  uint64_t n_types;
} attr_value;

static void add_type(attr_value *out, uint64_t type, uint64_t wanted) {
  if (out->n_types++ == wanted) out->type = (sm_dtype)(int32_t)type;
}

static sm_status read_types(attr_value *out, sm_span list, uint64_t wanted, const sm_wire_source *source,
                            sm_error *err) {
  sm_wire_reader reader = sm_wire_read(list, source);
  for (sm_wire_field field; sm_wire_next(&reader, &field);) {
    uint64_t type;
    if (field.tag == SM_WIRE_TAG(ATTR_TYPE, SM_WIRE_VARINT)) add_type(out, field.value, wanted);
    if (field.tag != SM_WIRE_TAG(ATTR_TYPE, SM_WIRE_BYTES)) continue;
    const uint8_t *end = field.bytes.data + field.bytes.size;
    for (const uint8_t *p = field.bytes.data; p != NULL && p != end;)
      if ((p = sm_varint_read(p, end, &type)) != NULL) add_type(out, type, wanted);
  }
  return sm_wire_finish(&reader, err);
}

static void read_default(attr_value *out, const Tensorflow__OpDef *def, const char *name, uint64_t wanted) {
  for (size_t k = 0; k < def->n_attr; k++) {
    const Tensorflow__AttrValue *value = def->attr[k]->default_value;
    if (strcmp(def->attr[k]->name, name) != 0 || value == NULL) continue;
    out->is_known = true;
    if (value->value_case == TENSORFLOW__ATTR_VALUE__VALUE_I) out->i = value->i;
    if (value->value_case == TENSORFLOW__ATTR_VALUE__VALUE_TYPE) out->type = (sm_dtype)value->type;
    if (value->value_case != TENSORFLOW__ATTR_VALUE__VALUE_LIST) continue;
    for (size_t t = 0; t < value->list->n_type; t++) add_type(out, (uint64_t)value->list->type[t], wanted);
  }
}

static sm_status read_attr(attr_value *out, const sm_op_defs *defs, const Tensorflow__OpDef *def, sm_span node,
                           const char *name, uint64_t wanted, sm_error *err) {
  sm_span attr;
  *out = (attr_value){.is_known = false};
  SM_TRY(sm_node_find_attr(&attr, node, name, defs->source, err));
  if (attr.data == NULL) {
    read_default(out, def, name, wanted);
    return SM_OK;
  }
  sm_wire_reader reader = sm_wire_read(attr, defs->source);
  for (sm_wire_field field; sm_wire_next(&reader, &field);) {
    if (field.tag == SM_WIRE_TAG(ATTR_I, SM_WIRE_VARINT)) out->i = (int64_t)field.value;
    if (field.tag == SM_WIRE_TAG(ATTR_TYPE, SM_WIRE_VARINT)) out->type = (sm_dtype)(int32_t)field.value;
    if (field.tag == SM_WIRE_TAG(ATTR_LIST, SM_WIRE_BYTES))
      SM_TRY(read_types(out, field.bytes, wanted, defs->source, err));
    out->is_known |= sm_wire_number(&field) <= ATTR_TYPE; /* and no placeholder */
  }
  return sm_wire_finish(&reader, err);
}

/* ---- Outputs ---- */

/* Outputs of one output argument of the definition; -1: unknown. */
static sm_status count_arg(int64_t *out, const sm_op_defs *defs, const Tensorflow__OpDef *def,
                           const Tensorflow__OpDef__ArgDef *arg, sm_span node, sm_error *err) {
  attr_value value;
  *out = 1;
  if (!is_list(arg)) return SM_OK;
  bool has_types = *arg->type_list_attr != '\0';
  SM_TRY(read_attr(&value, defs, def, node, has_types ? arg->type_list_attr : arg->number_attr, 0, err));
  *out = has_types ? (int64_t)value.n_types : value.i;
  if (!value.is_known || *out < 0 || *out > INT32_MAX) *out = -1;
  return SM_OK;
}

sm_status sm_count_outputs(int64_t *out, const sm_op_defs *defs, sm_string op, sm_span node, sm_error *err) {
  const op_def *found = find_op(defs, op);
  *out = -1;
  if (found == NULL) return SM_OK;
  int64_t total = (int64_t)(found->def->n_output_arg - found->n_lists);
  for (size_t i = 0; i < found->n_lists; i++) {
    int64_t n;
    SM_TRY(count_arg(&n, defs, found->def, found->lists[i], node, err));
    if (n < 0) return SM_OK;
    total += n;
  }
  *out = total;
  return SM_OK;
}

static sm_status find_arg_dtype(sm_dtype *out, const sm_op_defs *defs, const Tensorflow__OpDef *def,
                                const Tensorflow__OpDef__ArgDef *arg, sm_span node, uint64_t index, sm_error *err) {
  attr_value value;
  *out = (sm_dtype)arg->type;
  const char *name = *arg->type_list_attr != '\0' ? arg->type_list_attr : arg->type_attr;
  if (*name == '\0') return SM_OK;
  SM_TRY(read_attr(&value, defs, def, node, name, index, err));
  *out = value.type;
  return SM_OK;
}

/* Many signatures may ask for outputs of one large node: that is given up before it takes for ever. */
static bool is_worth_it(uint64_t *budget, const Tensorflow__OpDef *def, const sm_node_place *node) {
  uint64_t cost = def->n_output_arg + def->n_attr + (MAX_LISTS + 1) * (uint64_t)node->bytes.size;
  if (cost > *budget) return false;
  *budget -= cost;
  return true;
}

sm_status sm_find_output_dtype(sm_dtype *out, const sm_op_defs *defs, const sm_node_place *node, uint64_t index,
                               uint64_t *budget, sm_error *err) {
  const op_def *found = find_op(defs, node->op);
  *out = SM_DT_INVALID;
  if (found == NULL || !is_worth_it(budget, found->def, node)) return SM_OK;
  const Tensorflow__OpDef *def = found->def;
  for (size_t i = 0; i < def->n_output_arg; i++) {
    int64_t n;
    SM_TRY(count_arg(&n, defs, def, def->output_arg[i], node->bytes, err));
    if (n < 0) return SM_OK;
    if (index < (uint64_t)n) return find_arg_dtype(out, defs, def, def->output_arg[i], node->bytes, index, err);
    index -= (uint64_t)n;
  }
  return SM_OK;
}
