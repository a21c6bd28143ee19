#include "graph/graph_edit.h"
#include "wire/emit.h"

/* Fields of OpList and OpDef: proto/op_def.proto. */
enum { OP_LIST_OP = 1, OP_NAME = 1 };

/* An OpDef of a list that a model has already. */
typedef struct listed_op {
  sm_string name;
  sm_span bytes;
} listed_op;

static bool op_less(const void *a, const void *b) {
  const listed_op *left = a, *right = b;
  return sm_string_compare(left->name, right->name) < 0;
}

static sm_status index_lists(listed_op **out, size_t *n, sm_spans lists, const sm_wire_source *source, sm_arena *arena,
                             sm_error *err) {
  sm_spans ops;
  SM_TRY(sm_wire_collect(&ops, lists, OP_LIST_OP, source, arena, err));
  listed_op *listed = sm_arena_array(arena, listed_op, ops.n);
  if (listed == NULL) return sm_arena_fail(arena, ops.n * sizeof *listed, err);
  for (size_t i = 0; i < ops.n; i++) {
    sm_span name;
    SM_TRY(sm_wire_find_bytes(&name, ops.items[i], OP_NAME, source, err));
    listed[i] = (listed_op){{(const char *)name.data, name.size}, ops.items[i]};
  }
  sm_sort(listed, ops.n, sizeof *listed, op_less);
  *out = listed;
  *n = ops.n;
  return SM_OK;
}

static sm_status put_op(sm_buffer *out, sm_string op, const listed_op *listed, size_t n, sm_error *err) {
  size_t op_def, i = sm_op_table_find(op);
  if (i != SIZE_MAX) {
    SM_TRY(sm_wire_open(&op_def, out, OP_LIST_OP, err));
    SM_TRY(sm_op_table_put(out, i, err));
    return sm_wire_close(out, op_def, err);
  }
  i = sm_named_find(listed, n, sizeof *listed, op);
  if (i == SIZE_MAX) return SM_OK;
  return sm_wire_put_bytes(out, OP_LIST_OP, listed[i].bytes.data, listed[i].bytes.size, err);
}

sm_status sm_op_list_put(sm_buffer *out, const sm_string *ops, size_t n_ops, sm_spans own_lists,
                         const sm_wire_source *source, sm_error *err) {
  sm_arena arena;
  listed_op *listed = NULL;
  size_t n_listed = 0;
  sm_arena_init(&arena, out->allocator, out->max_size);
  sm_status status = index_lists(&listed, &n_listed, own_lists, source, &arena, err);
  for (size_t i = 0; status == SM_OK && i < n_ops; i++) status = put_op(out, ops[i], listed, n_listed, err);
  sm_arena_free(&arena);
  return status;
}
