/* What takes several nodes, or attributes that are a bother: placeholders, constants, variables, tables. */
#include "graph/graph_internal.h"
#include "tensor/tensor.h"
#include "wire/emit.h"

/* Fields of AttrValue, TensorProto, TensorShapeProto, VariableDef: proto/attr_value.proto, tensor.proto,
 * tensor_shape.proto, variable.proto. */
enum {
  ATTR_TENSOR = 8,
  TENSOR_DTYPE = 1,
  TENSOR_SHAPE = 2,
  SHAPE_DIM = 2,
  DIM_SIZE = 1,
  VARIABLE_NAME = 1,
  VARIABLE_INITIALIZER = 2,
  VARIABLE_SNAPSHOT = 3,
  VARIABLE_IS_RESOURCE = 5,
  VARIABLE_INITIAL_VALUE = 6,
  VARIABLE_TRAINABLE = 7
};

#define N_OF(array) (sizeof(array) / sizeof((array)[0]))

/* ---- Placeholders and constants ---- */

sm_status sm_graph_add_placeholder(sm_graph *graph, const char *name, sm_dtype dtype, const int64_t *dims, int32_t rank,
                                   sm_error *err) {
  const sm_attr attrs[] = {sm_attr_type("dtype", dtype), sm_attr_shape("shape", dims, rank)};
  return sm_graph_add_node(
      graph, &(sm_node_spec){.op = "Placeholder", .name = name, .attrs = attrs, .n_attrs = N_OF(attrs)}, err);
}

sm_status sm_graph_add_const(sm_graph *graph, const char *name, const sm_tensor_view *value, sm_error *err) {
  if (value == NULL) return SM_FAIL(err, SM_INVALID_ARGUMENT, "a constant without a value");
  const sm_attr attrs[] = {sm_attr_type("dtype", value->dtype), sm_attr_tensor("value", value)};
  return sm_graph_add_node(graph, &(sm_node_spec){.op = "Const", .name = name, .attrs = attrs, .n_attrs = N_OF(attrs)},
                           err);
}

sm_status sm_graph_add_string(sm_graph *graph, const char *name, const char *value, sm_error *err) {
  const sm_string string = sm_string_of(value);
  return sm_graph_add_const(graph, name,
                            &(sm_tensor_view){.dtype = SM_DT_STRING, .data = &string, .size = sizeof string}, err);
}

/* ---- Variables ---- */

typedef struct variable {
  sm_graph *graph;
  const char *name;
  sm_dtype dtype;
  const int64_t *dims;
  int32_t rank;
  const char *zeros, *assign, *read; /* nodes */
} variable;

/* A TensorProto without values is all zeros, whatever its size. */
static sm_status write_zeros(sm_buffer *out, const variable *v, sm_error *err) {
  size_t tensor, shape, dim;
  SM_TRY(sm_wire_open(&tensor, out, ATTR_TENSOR, err));
  SM_TRY(sm_wire_put_varint(out, TENSOR_DTYPE, (uint64_t)v->dtype, err));
  SM_TRY(sm_wire_open(&shape, out, TENSOR_SHAPE, err));
  for (int32_t i = 0; i < v->rank; i++) {
    SM_TRY(sm_wire_open(&dim, out, SHAPE_DIM, err));
    if (v->dims[i] != 0) SM_TRY(sm_wire_put_varint(out, DIM_SIZE, (uint64_t)v->dims[i], err));
    SM_TRY(sm_wire_close(out, dim, err));
  }
  SM_TRY(sm_wire_close(out, shape, err));
  return sm_wire_close(out, tensor, err);
}

static sm_status add_zeros(const variable *v, sm_error *err) {
  sm_buffer value;
  sm_buffer_init(&value, v->graph->allocator, UINT64_MAX);
  sm_status status = write_zeros(&value, v, err);
  const sm_attr attrs[] = {sm_attr_type("dtype", v->dtype),
                           sm_attr_proto("value", (sm_string){(const char *)value.data, value.size})};
  const sm_node_spec spec = {.op = "Const", .name = v->zeros, .attrs = attrs, .n_attrs = N_OF(attrs)};
  if (status == SM_OK) status = sm_graph_add_node(v->graph, &spec, err);
  sm_buffer_free(&value);
  return status;
}

static sm_status add_handle(const variable *v, sm_error *err) {
  const sm_attr attrs[] = {sm_attr_type("dtype", v->dtype), sm_attr_shape("shape", v->dims, v->rank),
                           sm_attr_string("shared_name", v->name)};
  return sm_graph_add_node(
      v->graph, &(sm_node_spec){.op = "VarHandleOp", .name = v->name, .attrs = attrs, .n_attrs = N_OF(attrs)}, err);
}

static sm_status add_read(const variable *v, sm_error *err) {
  const sm_attr dtype = sm_attr_type("dtype", v->dtype);
  const sm_node_spec spec = {
      .op = "ReadVariableOp", .name = v->read, .inputs = &v->name, .n_inputs = 1, .attrs = &dtype, .n_attrs = 1};
  return sm_graph_add_node(v->graph, &spec, err);
}

static sm_status put_text(sm_buffer *out, uint32_t number, const char *text, const char *suffix, sm_error *err) {
  size_t contents;
  SM_TRY(sm_wire_open(&contents, out, number, err));
  SM_TRY(sm_buffer_put(out, text, strlen(text), err));
  SM_TRY(sm_buffer_put(out, suffix, strlen(suffix), err));
  return sm_wire_close(out, contents, err);
}

/* As Variable.to_proto (Python): names of tensors, but of the operation that initialises. */
static sm_status write_def(sm_buffer *out, const variable *v, bool trainable, sm_error *err) {
  SM_TRY(put_text(out, VARIABLE_NAME, v->name, ":0", err));
  SM_TRY(put_text(out, VARIABLE_INITIALIZER, v->assign, "", err));
  SM_TRY(put_text(out, VARIABLE_SNAPSHOT, v->read, ":0", err));
  SM_TRY(sm_wire_put_varint(out, VARIABLE_IS_RESOURCE, true, err));
  SM_TRY(put_text(out, VARIABLE_INITIAL_VALUE, v->zeros, ":0", err));
  return trainable ? sm_wire_put_varint(out, VARIABLE_TRAINABLE, true, err) : SM_OK;
}

static bool is_trainable(sm_dtype dtype) {
  switch (dtype) {
    case SM_DT_FLOAT:
    case SM_DT_DOUBLE:
    case SM_DT_HALF:
    case SM_DT_BFLOAT16:
    case SM_DT_COMPLEX64:
    case SM_DT_COMPLEX128: return true;
    default: return false;
  }
}

static sm_status list_variable(const variable *v, sm_error *err) {
  sm_buffer def;
  bool trainable = is_trainable(v->dtype);
  sm_buffer_init(&def, v->graph->allocator, UINT64_MAX);
  sm_status status = write_def(&def, v, trainable, err);
  const sm_string bytes = {(const char *)def.data, def.size};
  if (status == SM_OK) status = sm_graph_list_add(v->graph, &v->graph->variables, bytes, err);
  if (status == SM_OK && trainable) status = sm_graph_list_add(v->graph, &v->graph->trainable, bytes, err);
  sm_buffer_free(&def);
  return status;
}

static sm_status add_variable(variable *v, sm_error *err) {
  sm_graph *graph = v->graph;
  SM_TRY(sm_graph_join(&v->zeros, graph, v->name, "/Initializer/zeros", err));
  SM_TRY(sm_graph_join(&v->assign, graph, v->name, "/Assign", err));
  SM_TRY(sm_graph_join(&v->read, graph, v->name, "/Read/ReadVariableOp", err));
  SM_TRY(add_zeros(v, err));
  SM_TRY(add_handle(v, err));
  SM_TRY(sm_graph_add(graph, "AssignVariableOp", v->assign, (const char *[]){v->name, v->zeros}, 2, err));
  SM_TRY(add_read(v, err));
  return list_variable(v, err);
}

sm_status sm_graph_add_variable(sm_graph *graph, const char *name, sm_dtype dtype, const int64_t *dims, int32_t rank,
                                sm_error *err) {
  size_t size;
  if (name == NULL) return SM_FAIL(err, SM_INVALID_ARGUMENT, "a variable without a name");
  if (rank < 0 || (dims == NULL && rank != 0) || !sm_shape_bytes(&size, dtype, dims, (size_t)rank))
    return SM_FAIL(err, SM_INVALID_ARGUMENT, "variable %s: no tensor has that dtype and shape", name);
  variable v = {.graph = graph, .name = name, .dtype = dtype, .dims = dims, .rank = rank};
  const sm_graph_mark mark = sm_graph_get_mark(graph);
  sm_status status = add_variable(&v, err);
  if (status != SM_OK) sm_graph_rewind(graph, mark);
  return status;
}

/* ---- Tables ---- */

static sm_status add_table_node(sm_graph *graph, const sm_table_spec *spec, sm_error *err) {
  bool is_file = spec->file != NULL;
  const sm_attr attrs[] = {sm_attr_type("key_dtype", is_file ? spec->key_dtype : spec->keys->dtype),
                           sm_attr_type("value_dtype", is_file ? spec->value_dtype : spec->values->dtype),
                           sm_attr_string("shared_name", spec->name)};
  return sm_graph_add_node(
      graph, &(sm_node_spec){.op = "HashTableV2", .name = spec->name, .attrs = attrs, .n_attrs = N_OF(attrs)}, err);
}

static sm_status add_import(sm_graph *graph, const sm_table_spec *spec, const char *initialize, sm_error *err) {
  const char *keys, *values;
  SM_TRY(sm_graph_join(&keys, graph, spec->name, "/keys", err));
  SM_TRY(sm_graph_join(&values, graph, spec->name, "/values", err));
  SM_TRY(sm_graph_add_const(graph, keys, spec->keys, err));
  SM_TRY(sm_graph_add_const(graph, values, spec->values, err));
  return sm_graph_add(graph, "LookupTableImportV2", initialize, (const char *[]){spec->name, keys, values}, 3, err);
}

static sm_status add_from_file(sm_graph *graph, const sm_table_spec *spec, const char *initialize, sm_error *err) {
  const char delimiter[] = {spec->delimiter != 0 ? spec->delimiter : '\t', '\0'};
  const sm_attr attrs[] = {sm_attr_int("key_index", spec->key_index), sm_attr_int("value_index", spec->value_index),
                           sm_attr_string("delimiter", delimiter)};
  const sm_node_spec node = {.op = "InitializeTableFromTextFileV2",
                             .name = initialize,
                             .inputs = (const char *[]){spec->name, spec->file},
                             .n_inputs = 2,
                             .attrs = attrs,
                             .n_attrs = N_OF(attrs)};
  return sm_graph_add_node(graph, &node, err);
}

static sm_status add_table(sm_graph *graph, const sm_table_spec *spec, sm_error *err) {
  const char *control;
  SM_TRY(sm_graph_join(&control, graph, "^", spec->name, err));
  SM_TRY(sm_graph_join(&control, graph, control, "/Initialize", err));
  SM_TRY(add_table_node(graph, spec, err));
  SM_TRY(spec->file != NULL ? add_from_file(graph, spec, control + 1, err) : add_import(graph, spec, control + 1, err));
  return sm_graph_list_add(graph, &graph->initializers, sm_string_of(control), err);
}

sm_status sm_graph_add_table(sm_graph *graph, const sm_table_spec *spec, sm_error *err) {
  if (spec->name == NULL) return SM_FAIL(err, SM_INVALID_ARGUMENT, "a table without a name");
  bool has_pairs = spec->keys != NULL && spec->values != NULL;
  if (has_pairs == (spec->file != NULL) || (spec->keys != NULL) != (spec->values != NULL))
    return SM_FAIL(err, SM_INVALID_ARGUMENT, "table %s: of keys and values, or of a file", spec->name);
  const sm_graph_mark mark = sm_graph_get_mark(graph);
  sm_status status = add_table(graph, spec, err);
  if (status != SM_OK) sm_graph_rewind(graph, mark);
  return status;
}

sm_status sm_graph_add_init_op(sm_graph *graph, const char *name, sm_error *err) {
  const sm_string_list *list = &graph->initializers;
  const char **controls = sm_arena_array(&graph->arena, const char *, list->n);
  if (controls == NULL) return sm_arena_fail(&graph->arena, list->n * sizeof *controls, err);
  for (size_t i = 0; i < list->n; i++) controls[i] = list->items[i].data;
  return sm_graph_add(graph, "NoOp", name, controls, list->n, err);
}
