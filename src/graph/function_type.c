#include "graph/cut_function.h"

#include "graph/graph_check.h"

/* Fields of FunctionDef, OpDef and ArgDef: proto/function.proto, op_def.proto. */
enum {
  FUNCTION_SIGNATURE = 1,
  OP_NAME = 1,
  OP_INPUT_ARG = 2,
  OP_OUTPUT_ARG = 3,
  OP_IS_STATEFUL = 17,
  ARG_NAME = 1,
  ARG_TYPE = 3,
  ARG_NUMBER_ATTR = 5
};

/* A list has no dtype of its own: not even that of its elements is one for a tensor. */
static sm_status read_arg(sm_function_arg *out, sm_span bytes, const sm_wire_source *source, sm_error *err) {
  bool is_list = false;
  *out = (sm_function_arg){.name = {"", 0}, .dtype = SM_DT_INVALID};
  sm_wire_reader reader = sm_wire_read(bytes, source);
  for (sm_wire_field field; sm_wire_next(&reader, &field);) {
    if (field.tag == SM_WIRE_TAG(ARG_NAME, SM_WIRE_BYTES)) out->name = sm_span_text(field.bytes);
    if (field.tag == SM_WIRE_TAG(ARG_TYPE, SM_WIRE_VARINT)) out->dtype = (sm_dtype)(int32_t)field.value;
    is_list |= field.tag == SM_WIRE_TAG(ARG_NUMBER_ATTR, SM_WIRE_BYTES) && field.bytes.size != 0;
  }
  if (is_list) out->dtype = SM_DT_INVALID;
  return sm_wire_finish(&reader, err);
}

static sm_status read_args(const sm_function_arg **out, size_t *n, sm_spans signature, uint32_t number,
                           const sm_wire_source *source, sm_arena *arena, sm_error *err) {
  sm_spans found;
  SM_TRY(sm_wire_collect(&found, signature, number, source, arena, err));
  sm_function_arg *args = sm_arena_array(arena, sm_function_arg, found.n);
  if (args == NULL) return sm_arena_fail(arena, found.n * sizeof *args, err);
  for (size_t i = 0; i < found.n; i++) SM_TRY(read_arg(&args[i], found.items[i], source, err));
  *out = args;
  *n = found.n;
  return SM_OK;
}

sm_status sm_function_read_type(sm_function_type *out, sm_span function_def, const sm_wire_source *source,
                                sm_arena *arena, sm_error *err) {
  sm_spans signature;
  *out = (sm_function_type){.name = {"", 0}};
  SM_TRY(sm_wire_collect(&signature, (sm_spans){&function_def, 1}, FUNCTION_SIGNATURE, source, arena, err));
  for (size_t i = 0; i < signature.n; i++) {
    sm_wire_reader reader = sm_wire_read(signature.items[i], source);
    for (sm_wire_field field; sm_wire_next(&reader, &field);) {
      if (field.tag == SM_WIRE_TAG(OP_NAME, SM_WIRE_BYTES)) out->name = sm_span_text(field.bytes);
      if (field.tag == SM_WIRE_TAG(OP_IS_STATEFUL, SM_WIRE_VARINT)) out->is_stateful = field.value != 0;
    }
    SM_TRY(sm_wire_finish(&reader, err));
  }
  SM_TRY(read_args(&out->inputs, &out->n_inputs, signature, OP_INPUT_ARG, source, arena, err));
  return read_args(&out->outputs, &out->n_outputs, signature, OP_OUTPUT_ARG, source, arena, err);
}

/* ---- As its users see it ---- */

static sm_status check_dtypes(const sm_function_type *type, const char *what, const sm_function_arg *args,
                              const sm_dtype *dtypes, size_t n, sm_error *err) {
  for (size_t i = 0; i < n; i++) {
    if (args[i].dtype == SM_DT_INVALID || dtypes[i] == SM_DT_INVALID || args[i].dtype == dtypes[i]) continue;
    return SM_FAIL(err, SM_INVALID_ARGUMENT, "function %.*s: %s %.*s is of type %s, expected %s", SM_SHOWN(type->name),
                   what, SM_SHOWN(args[i].name), sm_dtype_text(args[i].dtype).text, sm_dtype_text(dtypes[i]).text);
  }
  return SM_OK;
}

sm_status sm_function_check_use(const sm_function_type *type, const sm_function_use *use, sm_error *err) {
  if (use->n_inputs > type->n_inputs || type->n_inputs - use->n_inputs != use->n_captures)
    return SM_FAIL(err, SM_INVALID_ARGUMENT, "function %.*s: takes %zu arguments, got %zu and %zu captures",
                   SM_SHOWN(type->name), type->n_inputs, use->n_inputs, use->n_captures);
  if (use->n_outputs != type->n_outputs)
    return SM_FAIL(err, SM_INVALID_ARGUMENT, "function %.*s: has %zu results, expected %zu", SM_SHOWN(type->name),
                   type->n_outputs, use->n_outputs);
  SM_TRY(check_dtypes(type, "argument", type->inputs, use->inputs, use->n_inputs, err));
  SM_TRY(check_dtypes(type, "capture", type->inputs + use->n_inputs, use->captures, use->n_captures, err));
  return check_dtypes(type, "result", type->outputs, use->outputs, use->n_outputs, err);
}
