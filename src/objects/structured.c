#include <savedmodel/pb/struct.pb-c.h>

#include "objects/objects_internal.h"

/* Values still to be copied wait in a list: nesting in a file is not nesting of calls. */
typedef struct waiting {
  struct waiting *next;
  const Tensorflow__StructuredValue *from; /* NULL: absent, which is None */
  sm_structured *to;
} waiting;

typedef struct copier {
  sm_arena *arena;
  waiting *first;
} copier;

static sm_status wait_for(copier *c, sm_structured *to, const Tensorflow__StructuredValue *from, sm_error *err) {
  waiting *item = sm_arena_new(c->arena, waiting);
  if (item == NULL) return sm_arena_fail(c->arena, sizeof *item, err);
  *item = (waiting){c->first, from, to};
  c->first = item;
  return SM_OK;
}

static sm_status new_items(sm_structured **items, sm_structured *of, size_t n, copier *c, sm_error *err) {
  *items = sm_arena_array(c->arena, sm_structured, n);
  if (*items == NULL) return sm_arena_fail(c->arena, n * sizeof **items, err);
  of->items = *items;
  of->n_items = n;
  return SM_OK;
}

/* ---- Shapes and specifications ---- */

static sm_status copy_shape(sm_structured *to, const Tensorflow__TensorShapeProto *shape, copier *c, sm_error *err) {
  to->rank = shape != NULL && shape->unknown_rank ? -1 : 0;
  if (shape == NULL || shape->unknown_rank) return SM_OK;
  int64_t *dims = sm_arena_array(c->arena, int64_t, shape->n_dim);
  if (dims == NULL) return sm_arena_fail(c->arena, shape->n_dim * sizeof *dims, err);
  for (size_t i = 0; i < shape->n_dim; i++) dims[i] = shape->dim[i]->size;
  to->dims = dims;
  to->rank = (int32_t)shape->n_dim;
  return SM_OK;
}

/* Classes by number, as Python names them. Source: nested_structure_coder.py, _TypeSpecCodec. */
static const char *class_of(const Tensorflow__TypeSpecProto *spec) {
  switch (spec->type_spec_class) {
    case TENSORFLOW__TYPE_SPEC_PROTO__TYPE_SPEC_CLASS__SPARSE_TENSOR_SPEC: return "SparseTensorSpec";
    case TENSORFLOW__TYPE_SPEC_PROTO__TYPE_SPEC_CLASS__INDEXED_SLICES_SPEC: return "IndexedSlicesSpec";
    case TENSORFLOW__TYPE_SPEC_PROTO__TYPE_SPEC_CLASS__RAGGED_TENSOR_SPEC: return "RaggedTensorSpec";
    case TENSORFLOW__TYPE_SPEC_PROTO__TYPE_SPEC_CLASS__TENSOR_ARRAY_SPEC: return "TensorArraySpec";
    case TENSORFLOW__TYPE_SPEC_PROTO__TYPE_SPEC_CLASS__DATA_DATASET_SPEC: return "DatasetSpec";
    case TENSORFLOW__TYPE_SPEC_PROTO__TYPE_SPEC_CLASS__DATA_ITERATOR_SPEC: return "IteratorSpec";
    case TENSORFLOW__TYPE_SPEC_PROTO__TYPE_SPEC_CLASS__OPTIONAL_SPEC: return "OptionalSpec";
    case TENSORFLOW__TYPE_SPEC_PROTO__TYPE_SPEC_CLASS__PER_REPLICA_SPEC: return "PerReplicaSpec";
    case TENSORFLOW__TYPE_SPEC_PROTO__TYPE_SPEC_CLASS__VARIABLE_SPEC: return "VariableSpec";
    case TENSORFLOW__TYPE_SPEC_PROTO__TYPE_SPEC_CLASS__ROW_PARTITION_SPEC: return "RowPartitionSpec";
    default: { /* registered and extension types: the last part of the registered name */
      const char *dot = strrchr(spec->type_spec_class_name, '.');
      return dot != NULL ? dot + 1 : spec->type_spec_class_name;
    }
  }
}

static sm_status copy_tensor_spec(sm_structured *to, const Tensorflow__TensorSpecProto *spec, copier *c,
                                  sm_error *err) {
  to->kind = SM_STRUCTURED_TENSOR_SPEC;
  to->text = spec->name;
  to->dtype = (sm_dtype)spec->dtype;
  return copy_shape(to, spec->shape, c, err);
}

/* The message as bytes again. */
static sm_status copy_proto(sm_string *to, const Tensorflow__TensorProto *proto, copier *c, sm_error *err) {
  if (proto == NULL) return SM_OK;
  size_t size = protobuf_c_message_get_packed_size(&proto->base);
  uint8_t *bytes = sm_arena_alloc(c->arena, size + 1);
  if (bytes == NULL) return sm_arena_fail(c->arena, size + 1, err);
  protobuf_c_message_pack(&proto->base, bytes);
  *to = (sm_string){(const char *)bytes, size};
  return SM_OK;
}

static sm_status copy_constant(sm_structured *to, sm_structured_kind kind, const Tensorflow__TensorProto *proto,
                               copier *c, sm_error *err) {
  to->kind = kind;
  return copy_proto(&to->proto, proto, c, err);
}

static sm_status copy_bounded_spec(sm_structured *to, const Tensorflow__BoundedTensorSpecProto *spec, copier *c,
                                   sm_error *err) {
  to->kind = SM_STRUCTURED_BOUNDED_TENSOR_SPEC;
  to->text = spec->name;
  to->dtype = (sm_dtype)spec->dtype;
  SM_TRY(copy_proto(&to->minimum, spec->minimum, c, err));
  SM_TRY(copy_proto(&to->maximum, spec->maximum, c, err));
  return copy_shape(to, spec->shape, c, err);
}

static sm_status copy_type_spec(sm_structured *to, const Tensorflow__TypeSpecProto *spec, copier *c, sm_error *err) {
  sm_structured *state;
  to->kind = SM_STRUCTURED_TYPE_SPEC;
  to->text = class_of(spec);
  to->type_spec_class = (sm_type_spec_class)spec->type_spec_class;
  to->class_name = spec->type_spec_class_name;
  to->n_flat = spec->num_flat_components;
  if (spec->type_state == NULL) return SM_OK;
  SM_TRY(new_items(&state, to, 1, c, err));
  return wait_for(c, state, spec->type_state, err);
}

/* ---- Collections ---- */

static sm_status copy_list(sm_structured *to, sm_structured_kind kind, Tensorflow__StructuredValue *const *values,
                           size_t n, copier *c, sm_error *err) {
  sm_structured *items;
  to->kind = kind;
  SM_TRY(new_items(&items, to, n, c, err));
  for (size_t i = 0; i < n; i++) SM_TRY(wait_for(c, &items[i], values[i], err));
  return SM_OK;
}

typedef struct pair {
  const char *key;
  const Tensorflow__StructuredValue *value;
  size_t position;
} pair;

static bool pair_less(const void *a, const void *b) {
  const pair *left = a, *right = b;
  int order = strcmp(left->key, right->key);
  return order != 0 ? order < 0 : left->position < right->position;
}

static sm_status copy_pairs(sm_structured *to, const pair *pairs, size_t n, copier *c, sm_error *err) {
  sm_structured *items;
  const char **keys = sm_arena_array(c->arena, const char *, n);
  if (keys == NULL) return sm_arena_fail(c->arena, n * sizeof *keys, err);
  SM_TRY(new_items(&items, to, n, c, err));
  for (size_t i = 0; i < n; i++) {
    keys[i] = pairs[i].key;
    SM_TRY(wait_for(c, &items[i], pairs[i].value, err));
  }
  to->keys = keys;
  return SM_OK;
}

/* Sorted by key; of a key that is given twice the last value counts. */
static sm_status copy_dict(sm_structured *to, const Tensorflow__DictValue *dict, copier *c, sm_error *err) {
  pair *pairs = sm_arena_array(c->arena, pair, dict->n_fields);
  if (pairs == NULL) return sm_arena_fail(c->arena, dict->n_fields * sizeof *pairs, err);
  for (size_t i = 0; i < dict->n_fields; i++) pairs[i] = (pair){dict->fields[i]->key, dict->fields[i]->value, i};
  sm_sort(pairs, dict->n_fields, sizeof *pairs, pair_less);
  size_t n = 0;
  for (size_t i = 0; i < dict->n_fields; i++)
    if (i + 1 == dict->n_fields || strcmp(pairs[i].key, pairs[i + 1].key) != 0) pairs[n++] = pairs[i];
  to->kind = SM_STRUCTURED_DICT;
  return copy_pairs(to, pairs, n, c, err);
}

static sm_status copy_named_tuple(sm_structured *to, const Tensorflow__NamedTupleValue *tuple, copier *c,
                                  sm_error *err) {
  pair *pairs = sm_arena_array(c->arena, pair, tuple->n_values);
  if (pairs == NULL) return sm_arena_fail(c->arena, tuple->n_values * sizeof *pairs, err);
  for (size_t i = 0; i < tuple->n_values; i++) pairs[i] = (pair){tuple->values[i]->key, tuple->values[i]->value, i};
  to->kind = SM_STRUCTURED_NAMED_TUPLE;
  to->text = tuple->name;
  return copy_pairs(to, pairs, tuple->n_values, c, err);
}

/* ---- Any value ---- */

static sm_status copy_value(sm_structured *to, const Tensorflow__StructuredValue *from, copier *c, sm_error *err) {
  *to = (sm_structured){.kind = SM_STRUCTURED_NONE, .text = ""};
  if (from == NULL) return SM_OK;
  switch (from->kind_case) {
    case TENSORFLOW__STRUCTURED_VALUE__KIND_BOOL_VALUE:
      to->kind = SM_STRUCTURED_BOOL;
      to->bool_value = from->bool_value;
      return SM_OK;
    case TENSORFLOW__STRUCTURED_VALUE__KIND_INT64_VALUE:
      to->kind = SM_STRUCTURED_INT64;
      to->int64_value = from->int64_value;
      return SM_OK;
    case TENSORFLOW__STRUCTURED_VALUE__KIND_FLOAT64_VALUE:
      to->kind = SM_STRUCTURED_FLOAT64;
      to->float64_value = from->float64_value;
      return SM_OK;
    case TENSORFLOW__STRUCTURED_VALUE__KIND_STRING_VALUE:
      to->kind = SM_STRUCTURED_STRING;
      to->text = from->string_value;
      return SM_OK;
    case TENSORFLOW__STRUCTURED_VALUE__KIND_TENSOR_DTYPE_VALUE:
      to->kind = SM_STRUCTURED_DTYPE;
      to->dtype = (sm_dtype)from->tensor_dtype_value;
      return SM_OK;
    case TENSORFLOW__STRUCTURED_VALUE__KIND_TENSOR_SHAPE_VALUE:
      to->kind = SM_STRUCTURED_SHAPE;
      return copy_shape(to, from->tensor_shape_value, c, err);
    case TENSORFLOW__STRUCTURED_VALUE__KIND_TENSOR_SPEC_VALUE:
      return copy_tensor_spec(to, from->tensor_spec_value, c, err);
    case TENSORFLOW__STRUCTURED_VALUE__KIND_BOUNDED_TENSOR_SPEC_VALUE:
      return copy_bounded_spec(to, from->bounded_tensor_spec_value, c, err);
    case TENSORFLOW__STRUCTURED_VALUE__KIND_TYPE_SPEC_VALUE: return copy_type_spec(to, from->type_spec_value, c, err);
    case TENSORFLOW__STRUCTURED_VALUE__KIND_LIST_VALUE:
      return copy_list(to, SM_STRUCTURED_LIST, from->list_value->values, from->list_value->n_values, c, err);
    case TENSORFLOW__STRUCTURED_VALUE__KIND_TUPLE_VALUE:
      return copy_list(to, SM_STRUCTURED_TUPLE, from->tuple_value->values, from->tuple_value->n_values, c, err);
    case TENSORFLOW__STRUCTURED_VALUE__KIND_DICT_VALUE: return copy_dict(to, from->dict_value, c, err);
    case TENSORFLOW__STRUCTURED_VALUE__KIND_NAMED_TUPLE_VALUE:
      return copy_named_tuple(to, from->named_tuple_value, c, err);
    case TENSORFLOW__STRUCTURED_VALUE__KIND_TENSOR_VALUE:
      return copy_constant(to, SM_STRUCTURED_TENSOR, from->tensor_value, c, err);
    case TENSORFLOW__STRUCTURED_VALUE__KIND_NUMPY_VALUE:
      return copy_constant(to, SM_STRUCTURED_NUMPY, from->numpy_value, c, err);
    default: return SM_OK; /* None */
  }
}

sm_status sm_structured_new(const sm_structured **out, const Tensorflow__StructuredValue *value, sm_arena *arena,
                            sm_error *err) {
  *out = NULL;
  if (value == NULL) return SM_OK;
  copier c = {.arena = arena};
  sm_structured *root = sm_arena_new(arena, sm_structured);
  if (root == NULL) return sm_arena_fail(arena, sizeof *root, err);
  SM_TRY(wait_for(&c, root, value, err));
  while (c.first != NULL) {
    waiting *item = c.first;
    c.first = item->next;
    SM_TRY(copy_value(item->to, item->from, &c, err));
  }
  *out = root;
  return SM_OK;
}
