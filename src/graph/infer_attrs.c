/* What the inputs of a node say of its attributes. Source: op_def_library.py, _ExtractAttrProto and what follows it;
 * node_def_util.cc, InOutTypesForNode. */
#include "graph/graph_internal.h"

typedef struct inference {
  sm_full_attrs *attrs;
  const sm_op_def *def;
  sm_dtype *dtypes;
  size_t n; /* inputs */
  const char *node;
  sm_error *err;
} inference;

static const char *shown(sm_dtype dtype) {
  const char *name = sm_dtype_name(dtype);
  return name != NULL ? name : "no dtype";
}

static const sm_attr *find_attr(const inference *in, uint8_t attr) {
  for (size_t i = 0; i < in->attrs->n; i++)
    if (sm_string_equal(sm_string_of(in->attrs->items[i].name), in->def->attrs[attr].name)) return &in->attrs->items[i];
  return NULL;
}

static const sm_attr *add_attr(inference *in, sm_attr attr) {
  in->attrs->items[in->attrs->n] = attr; /* there is room for each of the definition's, once */
  return &in->attrs->items[in->attrs->n++];
}

/* ---- How many ---- */

/* The attribute that says how many tensors an argument is; SM_NO_ATTR: it is one. */
static uint8_t count_attr(const sm_op_arg *arg) {
  return arg->number_attr != SM_NO_ATTR ? arg->number_attr : arg->type_list_attr;
}

/* By an attribute that is given, more than there can be if that makes no sense; -1: none says it. */
static int64_t known_count(const inference *in, const sm_op_arg *arg) {
  const sm_attr *given;
  if (count_attr(arg) == SM_NO_ATTR) return 1;
  given = find_attr(in, count_attr(arg));
  if (given == NULL) return -1;
  if (given->kind == SM_ATTR_INT) return given->i >= 0 ? given->i : INT64_MAX;
  return given->kind == SM_ATTR_TYPES ? (int64_t)given->n : -1;
}

/* Tensors of each argument whose number nobody gave: what the others leave, if one attribute is all that is open. */
static sm_status count_open(int64_t *out, const inference *in) {
  const sm_op_args *inputs = &in->def->inputs;
  int64_t known = 0, n_open = 0;
  uint8_t open = SM_NO_ATTR;
  *out = 0;
  for (size_t i = 0; i < inputs->n; i++) {
    int64_t count = known_count(in, &inputs->items[i]);
    uint8_t attr = count_attr(&inputs->items[i]);
    if (count >= 0 && count <= (int64_t)in->n) {
      known += count;
    } else if (count >= 0) {
      known = (int64_t)in->n + 1;
      break;
    } else {
      if (open != SM_NO_ATTR && open != attr)
        return SM_FAIL(in->err, SM_INVALID_ARGUMENT, "node %s: its inputs do not tell %s: it has to be given", in->node,
                       in->def->attrs[open].name.data);
      open = attr;
      n_open++;
    }
  }
  int64_t left = (int64_t)in->n - known;
  if (left < 0 || (n_open == 0 ? left != 0 : left % n_open != 0))
    return SM_FAIL(in->err, SM_INVALID_ARGUMENT, "node %s: %zu inputs are not what %s takes (%zu of its arguments)",
                   in->node, in->n, in->def->proto->name, inputs->n);
  if (n_open != 0) *out = left / n_open;
  return SM_OK;
}

/* ---- Which types ---- */

/* A reference may be read as its value; a value is no reference. */
static sm_status check_reference(inference *in, const sm_op_arg *arg, size_t at) {
  bool is_reference = in->dtypes[at] >= SM_DT_REF_OFFSET;
  if (is_reference) in->dtypes[at] -= SM_DT_REF_OFFSET;
  if (arg->proto->is_ref && !is_reference)
    return SM_FAIL(in->err, SM_INVALID_ARGUMENT, "node %s: input %zu is %s, but %s writes to it: it takes a reference",
                   in->node, at, shown(in->dtypes[at]), in->def->proto->name);
  return SM_OK;
}

static sm_status check_dtype(const inference *in, size_t at, sm_dtype wanted, const char *why) {
  if (in->dtypes[at] == wanted) return SM_OK;
  return SM_FAIL(in->err, SM_INVALID_ARGUMENT, "node %s: input %zu is %s, but %s takes %s%s%s", in->node, at,
                 shown(in->dtypes[at]), in->def->proto->name, shown(wanted), *why != '\0' ? " by its attribute " : "",
                 why);
}

static sm_status infer_type(inference *in, const sm_op_arg *arg, size_t at, size_t n) {
  const char *name = in->def->attrs[arg->type_attr].name.data;
  const sm_attr *attr = find_attr(in, arg->type_attr);
  if (attr == NULL && n != 0) attr = add_attr(in, sm_attr_type(name, in->dtypes[at]));
  for (size_t i = 0; i < n && attr->kind == SM_ATTR_TYPE; i++) SM_TRY(check_dtype(in, at + i, attr->type, name));
  return SM_OK;
}

static sm_status infer_types(inference *in, const sm_op_arg *arg, size_t at, size_t n) {
  const char *name = in->def->attrs[arg->type_list_attr].name.data;
  const sm_attr *attr = find_attr(in, arg->type_list_attr);
  if (attr == NULL) attr = add_attr(in, sm_attr_types(name, in->dtypes + at, n));
  for (size_t i = 0; i < n && attr->kind == SM_ATTR_TYPES; i++) SM_TRY(check_dtype(in, at + i, attr->types[i], name));
  return SM_OK;
}

/* The n inputs from at on are those of one argument. */
static sm_status infer_arg(inference *in, const sm_op_arg *arg, size_t at, size_t n) {
  for (size_t i = 0; i < n; i++) SM_TRY(check_reference(in, arg, at + i));
  if (arg->number_attr != SM_NO_ATTR && find_attr(in, arg->number_attr) == NULL)
    add_attr(in, sm_attr_int(in->def->attrs[arg->number_attr].name.data, (int64_t)n));
  if (arg->type_list_attr != SM_NO_ATTR) return infer_types(in, arg, at, n);
  if (arg->type_attr != SM_NO_ATTR) return infer_type(in, arg, at, n);
  for (size_t i = 0; i < n; i++) SM_TRY(check_dtype(in, at + i, (sm_dtype)arg->proto->type, ""));
  return SM_OK;
}

sm_status sm_infer_attrs(sm_full_attrs *attrs, const sm_op_def *def, sm_dtype *dtypes, size_t n, const char *node,
                         sm_error *err) {
  inference in = {attrs, def, dtypes, n, node, err};
  int64_t open_count;
  size_t at = 0;
  SM_TRY(count_open(&open_count, &in));
  for (size_t i = 0; i < def->inputs.n; i++) {
    int64_t count = known_count(&in, &def->inputs.items[i]);
    if (count < 0) count = open_count;
    SM_TRY(infer_arg(&in, &def->inputs.items[i], at, (size_t)count));
    at += (size_t)count;
  }
  return SM_OK;
}
