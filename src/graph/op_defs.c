#include "graph/op_defs.h"

#include "wire/canonical.h"
#include "wire/emit.h"

/* Fields of OpList, FunctionDef, OpDef, AttrDef: proto/op_def.proto, function.proto. */
enum { OP_LIST_OP = 1, FUNCTION_SIGNATURE = 1, OP_NAME = 1, OP_ATTR = 4, ATTR_DEFAULT = 3 };

struct sm_own_op {
  sm_string name;
  size_t position;
  sm_span bytes;
  const sm_wire_source *source;
  bool was_read;
  const sm_op_def *def; /* NULL: it cannot be read */
};

/* ---- One definition ---- */

size_t sm_op_def_find_attr(const sm_op_def *def, sm_string name) {
  for (size_t i = 0; i < def->n_attrs; i++)
    if (sm_string_equal(def->attrs[i].name, name)) return i;
  return SM_NO_ATTR;
}

static sm_status copy_default(sm_span *out, sm_span value, const sm_wire_source *source, sm_arena *arena,
                              sm_error *err) {
  sm_buffer canonical;
  sm_arena scratch;
  sm_buffer_init(&canonical, arena->allocator, arena->max_bytes);
  sm_arena_init(&scratch, arena->allocator, arena->max_bytes);
  sm_status status = sm_wire_canonical(&canonical, &tensorflow__attr_value__descriptor, value, source, &scratch, err);
  if (status == SM_OK) {
    const sm_string copy = sm_arena_copy(arena, (sm_string){(const char *)canonical.data, canonical.size});
    *out = (sm_span){(const uint8_t *)copy.data, copy.size};
    if (copy.data == NULL) status = sm_arena_fail(arena, canonical.size, err);
  }
  sm_arena_free(&scratch);
  sm_buffer_free(&canonical);
  return status;
}

static sm_status read_attrs(sm_op_def *def, sm_span bytes, const sm_wire_source *source, sm_arena *arena,
                            sm_error *err) {
  sm_op_attr *attrs = sm_arena_array(arena, sm_op_attr, def->proto->n_attr);
  if (attrs == NULL) return sm_arena_fail(arena, def->proto->n_attr * sizeof *attrs, err);
  sm_wire_reader reader = sm_wire_read(bytes, source);
  for (sm_wire_field field; def->n_attrs < def->proto->n_attr && sm_wire_next(&reader, &field);) {
    if (field.tag != SM_WIRE_TAG(OP_ATTR, SM_WIRE_BYTES)) continue;
    sm_op_attr *attr = &attrs[def->n_attrs];
    attr->proto = def->proto->attr[def->n_attrs++];
    attr->name = sm_string_of(attr->proto->name);
    sm_span value;
    SM_TRY(sm_wire_find_bytes(&value, field.bytes, ATTR_DEFAULT, source, err));
    if (attr->proto->default_value != NULL) SM_TRY(copy_default(&attr->default_value, value, source, arena, err));
  }
  def->attrs = attrs;
  return sm_wire_finish(&reader, err);
}

/* An attribute that the definition does not have counts for none: such an argument cannot be told anything of. */
static uint8_t index_of(bool *is_whole, const sm_op_def *def, const char *attr) {
  if (*attr == '\0') return SM_NO_ATTR;
  size_t i = sm_op_def_find_attr(def, sm_string_of(attr));
  if (i == SM_NO_ATTR) *is_whole = false;
  return (uint8_t)i;
}

static sm_status read_args(sm_op_args *out, bool *is_whole, const sm_op_def *def,
                           Tensorflow__OpDef__ArgDef *const *args, size_t n, sm_arena *arena, sm_error *err) {
  sm_op_arg *items = sm_arena_array(arena, sm_op_arg, n);
  size_t *lists = sm_arena_array(arena, size_t, SM_OP_MAX_LISTS);
  if (items == NULL || lists == NULL)
    return sm_arena_fail(arena, n * sizeof *items + SM_OP_MAX_LISTS * sizeof *lists, err);
  *out = (sm_op_args){.items = items, .n = n, .lists = lists};
  for (size_t i = 0; i < n && *is_whole; i++) {
    items[i] = (sm_op_arg){.name = sm_string_of(args[i]->name),
                           .proto = args[i],
                           .type_attr = index_of(is_whole, def, args[i]->type_attr),
                           .number_attr = index_of(is_whole, def, args[i]->number_attr),
                           .type_list_attr = index_of(is_whole, def, args[i]->type_list_attr)};
    if (items[i].number_attr == SM_NO_ATTR && items[i].type_list_attr == SM_NO_ATTR) continue;
    *is_whole &= out->n_lists < SM_OP_MAX_LISTS;
    if (*is_whole) lists[out->n_lists++] = i;
  }
  return SM_OK;
}

/* Nodes are compared with attributes one by one, so a definition that has too much of them is not read at all. */
static sm_status check_size(bool *is_in_limits, sm_span bytes, const sm_wire_source *source, sm_error *err) {
  size_t n = 0, size = 0;
  sm_wire_reader reader = sm_wire_read(bytes, source);
  for (sm_wire_field field; sm_wire_next(&reader, &field);) {
    if (field.tag != SM_WIRE_TAG(OP_ATTR, SM_WIRE_BYTES)) continue;
    n++;
    size += field.bytes.size;
  }
  *is_in_limits = n <= SM_OP_MAX_ATTRS && size <= SM_OP_MAX_ATTRS_SIZE;
  return sm_wire_finish(&reader, err);
}

/* *out is NULL where the definition makes no sense. */
static sm_status read_def(const sm_op_def **out, sm_span bytes, const sm_wire_source *source, sm_arena *arena,
                          sm_error *err) {
  ProtobufCMessage *message;
  bool is_in_limits;
  *out = NULL;
  SM_TRY(check_size(&is_in_limits, bytes, source, err));
  if (!is_in_limits) return SM_OK;
  SM_TRY(sm_wire_unpack(&message, &tensorflow__op_def__descriptor, (sm_spans){&bytes, 1}, source, arena, err));
  const Tensorflow__OpDef *proto = (const Tensorflow__OpDef *)message;
  sm_op_def *def = sm_arena_new(arena, sm_op_def);
  if (def == NULL) return sm_arena_fail(arena, sizeof *def, err);
  bool is_whole = true;
  *def = (sm_op_def){.name = sm_string_of(proto->name), .proto = proto};
  SM_TRY(read_attrs(def, bytes, source, arena, err));
  SM_TRY(read_args(&def->inputs, &is_whole, def, proto->input_arg, proto->n_input_arg, arena, err));
  SM_TRY(read_args(&def->outputs, &is_whole, def, proto->output_arg, proto->n_output_arg, arena, err));
  if (is_whole) *out = def;
  return SM_OK;
}

/* ---- All ---- */

void sm_op_defs_init(sm_op_defs *defs, const sm_allocator *allocator, uint64_t max_bytes) {
  *defs = (sm_op_defs){.n_own = 0};
  sm_arena_init(&defs->arena, allocator, max_bytes);
}

void sm_op_defs_free(sm_op_defs *defs) { sm_arena_free(&defs->arena); }

static bool op_less(const void *a, const void *b) {
  const sm_own_op *left = a, *right = b;
  int order = sm_string_compare(left->name, right->name);
  return order != 0 ? order < 0 : left->position < right->position;
}

static void add_own(sm_op_defs *defs, sm_span bytes, const sm_wire_source *source) {
  sm_span name;
  if (sm_wire_find_bytes(&name, bytes, OP_NAME, source, NULL) != SM_OK) return;
  defs->own[defs->n_own] = (sm_own_op){
      .name = {(const char *)name.data, name.size}, .position = defs->n_own, .bytes = bytes, .source = source};
  defs->n_own++;
}

sm_status sm_op_defs_add(sm_op_defs *defs, sm_spans op_lists, const sm_graph_library *library,
                         const sm_wire_source *source, sm_error *err) {
  sm_error failure;
  sm_spans ops;
  size_t n_functions = library != NULL ? library->n : 0;
  sm_status status = sm_wire_collect(&ops, op_lists, OP_LIST_OP, source, &defs->arena, &failure);
  if (sm_graph_is_defect(status))
    ops = (sm_spans){NULL, 0};
  else
    SM_TRY(sm_error_pass(err, status, &failure));
  defs->own = sm_arena_array(&defs->arena, sm_own_op, ops.n + n_functions);
  if (defs->own == NULL) return sm_arena_fail(&defs->arena, (ops.n + n_functions) * sizeof *defs->own, err);
  for (size_t i = 0; i < ops.n; i++) add_own(defs, ops.items[i], source);
  for (size_t i = 0; i < n_functions; i++) {
    sm_span signature;
    if (sm_wire_find_bytes(&signature, library->functions[i].def, FUNCTION_SIGNATURE, source, NULL) == SM_OK)
      add_own(defs, signature, source);
  }
  sm_sort(defs->own, defs->n_own, sizeof *defs->own, op_less);
  return SM_OK;
}

static sm_status find_own(const sm_op_def **out, sm_op_defs *defs, sm_own_op *own, sm_error *err) {
  if (!own->was_read) {
    sm_error failure;
    sm_status status = read_def(&own->def, own->bytes, own->source, &defs->arena, &failure);
    if (!sm_graph_is_defect(status)) SM_TRY(sm_error_pass(err, status, &failure));
    own->was_read = true;
  }
  *out = own->def;
  return SM_OK;
}

static sm_status read_tensorflows(const sm_op_def **out, sm_op_defs *defs, size_t i, sm_error *err) {
  sm_buffer bytes;
  sm_buffer_init(&bytes, defs->arena.allocator, UINT64_MAX);
  sm_status status = sm_op_table_put(&bytes, i, err);
  const sm_span message = {bytes.data, bytes.size};
  const sm_wire_source source = {.name = "TensorFlow's operations", .bytes = message};
  if (status == SM_OK) status = read_def(out, message, &source, &defs->arena, err);
  sm_buffer_free(&bytes);
  return status;
}

sm_status sm_op_defs_find(const sm_op_def **out, sm_op_defs *defs, sm_string op, sm_error *err) {
  *out = NULL;
  size_t i = sm_named_find(defs->own, defs->n_own, sizeof *defs->own, op);
  if (i != SIZE_MAX) return find_own(out, defs, &defs->own[i], err);
  i = sm_op_table_find(op);
  if (i == SIZE_MAX) return SM_OK;
  if (defs->tensorflows == NULL)
    defs->tensorflows = sm_arena_array(&defs->arena, const sm_op_def *, sm_op_table_size());
  if (defs->tensorflows == NULL)
    return sm_arena_fail(&defs->arena, sm_op_table_size() * sizeof *defs->tensorflows, err);
  if (defs->tensorflows[i] == NULL) SM_TRY(read_tensorflows(&defs->tensorflows[i], defs, i, err));
  *out = defs->tensorflows[i];
  return SM_OK;
}
