#include "graph/graph_edit.h"
#include "tensor/tensor_proto.h"
#include "wire/canonical.h"
#include "wire/emit.h"

/* Fields of NodeDef, its attr entries, AttrValue: proto/node_def.proto, attr_value.proto. */
enum {
  NODE_ATTR = 5,
  ENTRY_KEY = 1,
  ENTRY_VALUE = 2,
  ATTR_S = 2,
  ATTR_I = 3,
  ATTR_F = 4,
  ATTR_B = 5,
  ATTR_TYPE = 6,
  ATTR_TENSOR = 8
};

typedef struct edit {
  sm_op_defs *defs;
  const sm_graph_library *library;
  const sm_wire_source *source;
  sm_arena scratch; /* of one comparison */
  sm_buffer canonical;
} edit;

/* ---- Is it the default? ---- */

/* A number or a short string, in the one form that canonical bytes have for it: most attributes are that. */
static bool is_plainly_canonical(sm_span attr) {
  sm_wire_reader reader = sm_wire_read(attr, NULL);
  sm_wire_field field;
  if (!sm_wire_next(&reader, &field) || field.whole.size != attr.size) return false;
  size_t head = field.whole.size - field.bytes.size; /* tag; of a string its length, too */
  switch (field.tag) {
    case SM_WIRE_TAG(ATTR_S, SM_WIRE_BYTES): return head == 2;
    case SM_WIRE_TAG(ATTR_F, SM_WIRE_FIXED32): return head == 1;
    case SM_WIRE_TAG(ATTR_B, SM_WIRE_VARINT): return head == 1 && field.bytes.size == 1 && field.value <= 1;
    case SM_WIRE_TAG(ATTR_I, SM_WIRE_VARINT):
    case SM_WIRE_TAG(ATTR_TYPE, SM_WIRE_VARINT):
      return head == 1 && (field.bytes.size == 1 || field.bytes.data[field.bytes.size - 1] != 0);
    default: return false;
  }
}

/* What cannot be read is no default. */
static sm_status unless_damaged(sm_status status) {
  return status == SM_DATA_LOSS || status == SM_UNIMPLEMENTED ? SM_OK : status;
}

static bool is_same_shape(const sm_shape *a, const sm_shape *b) {
  return a->rank == b->rank && (a->rank <= 0 || memcmp(a->dims, b->dims, (size_t)a->rank * sizeof *a->dims) == 0);
}

static sm_status decode(sm_tensor **out, const sm_tensor_proto *proto, const edit *e, sm_error *err) {
  return sm_tensor_proto_decode(out, proto, e->scratch.max_bytes, e->scratch.allocator, err);
}

static sm_status compare_decoded(bool *is_same, edit *e, const sm_tensor_proto *a, const sm_tensor_proto *b,
                                 sm_error *err) {
  sm_tensor *left = NULL, *right = NULL;
  sm_status status = decode(&left, a, e, err);
  if (status == SM_OK) status = decode(&right, b, e, err);
  if (status == SM_OK) {
    const sm_tensor_view *l = sm_tensor_get_view(left), *r = sm_tensor_get_view(right);
    *is_same = l->size == r->size && (l->size == 0 || memcmp(l->data, r->data, l->size) == 0);
  }
  sm_tensor_free(left);
  sm_tensor_free(right);
  return unless_damaged(status);
}

/* Tensors of numbers can be written in several ways. */
static sm_status is_same_tensor(bool *is_same, edit *e, sm_span value, sm_span expected, sm_error *err) {
  sm_span pieces[2];
  sm_tensor_proto protos[2];
  const sm_span attrs[2] = {expected, value};
  for (size_t i = 0; i < 2; i++) {
    SM_TRY(sm_wire_find_bytes(&pieces[i], attrs[i], ATTR_TENSOR, e->source, err));
    if (pieces[i].data == NULL) return SM_OK;
    SM_TRY(sm_tensor_proto_read(&protos[i], (sm_spans){&pieces[i], 1}, e->source, &e->scratch, err));
  }
  if (protos[0].dtype != protos[1].dtype || !is_same_shape(&protos[0].shape, &protos[1].shape)) return SM_OK;
  return sm_dtype_size(protos[0].dtype) != 0 ? compare_decoded(is_same, e, &protos[0], &protos[1], err) : SM_OK;
}

/* As AreAttrValuesEqual (core/framework/attr_value_util.cc): the same canonical bytes, or the same tensor. */
static sm_status is_default(bool *is_same, edit *e, const sm_op_attr *attr, sm_span value, sm_error *err) {
  const sm_span expected = attr->default_value;
  *is_same = value.size == expected.size && (value.size == 0 || memcmp(value.data, expected.data, value.size) == 0);
  if (*is_same || is_plainly_canonical(value)) return SM_OK;
  sm_arena_mark mark = sm_arena_get_mark(&e->scratch);
  e->canonical.size = 0;
  sm_status status = unless_damaged(
      sm_wire_canonical(&e->canonical, &tensorflow__attr_value__descriptor, value, e->source, &e->scratch, err));
  *is_same = status == SM_OK && e->canonical.size == expected.size && expected.size != 0 &&
             memcmp(e->canonical.data, expected.data, expected.size) == 0;
  if (status == SM_OK && !*is_same) status = unless_damaged(is_same_tensor(is_same, e, value, expected, err));
  sm_arena_rewind(&e->scratch, mark);
  return status;
}

/* ---- One node ---- */

/* Leaves out the attributes of dropped (bit i: attribute i of def), and adds the defaults of added. */
static sm_status put_defaults(sm_buffer *out, const sm_op_def *def, uint64_t added, sm_error *err) {
  for (size_t i = 0; i < def->n_attrs; i++) {
    size_t entry;
    const sm_op_attr *attr = &def->attrs[i];
    if ((added >> i & 1) == 0) continue;
    SM_TRY(sm_wire_open(&entry, out, NODE_ATTR, err));
    SM_TRY(sm_wire_put_bytes(out, ENTRY_KEY, attr->name.data, attr->name.size, err));
    SM_TRY(sm_wire_put_bytes(out, ENTRY_VALUE, attr->default_value.data, attr->default_value.size, err));
    SM_TRY(sm_wire_close(out, entry, err));
  }
  return SM_OK;
}

static sm_status is_dropped(bool *is, const sm_op_def *def, uint64_t dropped, const sm_wire_field *field,
                            const sm_wire_source *source, sm_error *err) {
  sm_span key;
  *is = false;
  if (field->tag != SM_WIRE_TAG(NODE_ATTR, SM_WIRE_BYTES)) return SM_OK;
  SM_TRY(sm_wire_find_bytes(&key, field->bytes, ENTRY_KEY, source, err));
  size_t i = sm_op_def_find_attr(def, (sm_string){(const char *)key.data, key.size});
  *is = i != SM_NO_ATTR && (dropped >> i & 1) != 0;
  return SM_OK;
}

/* Added attributes come behind the node's own. */
static sm_status put_node(sm_buffer *out, const edit *e, const sm_op_def *def, sm_span node, uint64_t dropped,
                          uint64_t added, sm_error *err) {
  sm_wire_reader reader = sm_wire_read(node, e->source);
  for (sm_wire_field field; sm_wire_next(&reader, &field);) {
    bool is;
    if (sm_wire_number(&field) > NODE_ATTR && added != 0) {
      SM_TRY(put_defaults(out, def, added, err));
      added = 0;
    }
    SM_TRY(is_dropped(&is, def, dropped, &field, e->source, err));
    if (!is) SM_TRY(sm_buffer_put(out, field.whole.data, field.whole.size, err));
  }
  SM_TRY(sm_wire_finish(&reader, err));
  return put_defaults(out, def, added, err);
}

/* *def is NULL where there is nothing to do. */
static sm_status find_def(const sm_op_def **def, sm_node_attrs *attrs, edit *e, sm_span node, sm_error *err) {
  sm_string op;
  *def = NULL;
  SM_TRY(sm_node_get_op(&op, node, e->source, err));
  if (sm_graph_find_function(e->library, op) != SIZE_MAX) return SM_OK;
  SM_TRY(sm_op_defs_find(def, e->defs, op, err));
  return *def != NULL ? sm_node_read_attrs(attrs, *def, node, e->source, err) : SM_OK;
}

static sm_status strip_node(bool *is_same, sm_buffer *out, void *ctx, sm_span node, sm_error *err) {
  edit *e = ctx;
  const sm_op_def *def;
  sm_node_attrs attrs;
  uint64_t dropped = 0;
  *is_same = true;
  SM_TRY(find_def(&def, &attrs, e, node, err));
  for (size_t i = 0; def != NULL && i < def->n_attrs; i++) {
    bool is = false;
    if ((attrs.is_given >> i & 1) != 0 && def->attrs[i].default_value.data != NULL)
      SM_TRY(is_default(&is, e, &def->attrs[i], attrs.values[i], err));
    dropped |= (uint64_t)is << i;
  }
  *is_same = dropped == 0;
  return *is_same ? SM_OK : put_node(out, e, def, node, dropped, 0, err);
}

/* A value that says nothing counts for none. */
static sm_status restore_node(bool *is_same, sm_buffer *out, void *ctx, sm_span node, sm_error *err) {
  edit *e = ctx;
  const sm_op_def *def;
  sm_node_attrs attrs;
  uint64_t added = 0;
  *is_same = true;
  SM_TRY(find_def(&def, &attrs, e, node, err));
  for (size_t i = 0; def != NULL && i < def->n_attrs; i++) {
    bool is_missing = (attrs.is_given >> i & 1) == 0 || attrs.values[i].size == 0;
    added |= (uint64_t)(is_missing && def->attrs[i].default_value.data != NULL) << i;
  }
  *is_same = added == 0;
  return *is_same ? SM_OK : put_node(out, e, def, node, added, added, err);
}

/* ---- All of them ---- */

static sm_status run(sm_buffer *out, sm_spans graph_def, edit *e, sm_node_rewrite_fn fn, sm_error *err) {
  sm_error failure; /* or a value that could not be compared */
  sm_arena_init(&e->scratch, out->allocator, out->max_size);
  sm_buffer_init(&e->canonical, out->allocator, out->max_size);
  sm_status status = sm_graph_rewrite(out, graph_def, true, fn, e, e->source, &failure);
  sm_buffer_free(&e->canonical);
  sm_arena_free(&e->scratch);
  return sm_error_pass(err, status, &failure);
}

sm_status sm_default_attrs_strip(sm_buffer *out, sm_spans graph_def, sm_op_defs *defs, const sm_graph_library *library,
                                 const sm_wire_source *source, sm_error *err) {
  edit e = {.defs = defs, .library = library, .source = source};
  return run(out, graph_def, &e, strip_node, err);
}

sm_status sm_default_attrs_restore(sm_buffer *out, sm_spans graph_def, sm_op_defs *defs,
                                   const sm_graph_library *library, const sm_wire_source *source, sm_error *err) {
  edit e = {.defs = defs, .library = library, .source = source};
  return run(out, graph_def, &e, restore_node, err);
}
