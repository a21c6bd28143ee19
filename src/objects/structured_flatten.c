/* The tensors of a structured value: what a function is passed, and returns, for it. Source: python/util/nest.py, flatten with
 * expand_composites; for each class of type specs its _serialize, which is the state, and its _component_specs. */
#include "objects/structured_write.h"

/* ---- Walking ---- */

typedef struct level {
  const sm_structured *value;
  size_t next;
} level;

typedef struct walk {
  level levels[SM_STRUCTURED_MAX_DEPTH];
  int depth;
  bool enters_types; /* whose components are the specs in their state */
} walk;

/* Is what such a value is made of written in its state, in order, rather than known to TensorFlow? */
static bool is_state_made_of_specs(const sm_structured *type) {
  return type->type_spec_class == SM_TYPE_SPEC_REGISTERED || type->type_spec_class == SM_TYPE_SPEC_EXTENSION_TYPE ||
         type->type_spec_class == SM_TYPE_SPEC_PER_REPLICA;
}

static bool is_entered(const walk *w, const sm_structured *value) {
  if (value->kind != SM_STRUCTURED_TYPE_SPEC) return sm_structured_has_items(value);
  return w->enters_types && is_state_made_of_specs(value);
}

static bool is_spec(const sm_structured *value) {
  return value->kind == SM_STRUCTURED_TENSOR_SPEC || value->kind == SM_STRUCTURED_BOUNDED_TENSOR_SPEC ||
         value->kind == SM_STRUCTURED_TYPE_SPEC;
}

/* The next spec that is not entered, the levels being the way to it; NULL: there are no more. */
static const sm_structured *next_spec(walk *w) {
  while (w->depth > 0) {
    level *top = &w->levels[w->depth - 1];
    bool has_items = is_entered(w, top->value);
    if (has_items && top->next < top->value->n_items) {
      w->levels[w->depth++] = (level){.value = &top->value->items[top->next++]};
      continue;
    }
    if (!has_items && is_spec(top->value) && top->next++ == 0) return top->value;
    w->depth--;
  }
  return NULL;
}

/* ---- Components ---- */

typedef struct spec_list {
  const sm_structured **items;
  size_t n, capacity;
  sm_arena *arena;
} spec_list;

static sm_status add(spec_list *list, const sm_structured *spec, sm_error *err) {
  if (list->n == list->capacity) {
    size_t capacity = 2 * list->capacity + 4;
    const sm_structured **grown = sm_arena_array(list->arena, const sm_structured *, capacity);
    if (grown == NULL) return sm_arena_fail(list->arena, capacity * sizeof *grown, err);
    if (list->n != 0) memcpy(grown, list->items, list->n * sizeof *grown);
    list->items = grown;
    list->capacity = capacity;
  }
  list->items[list->n++] = spec;
  return SM_OK;
}

/* A component of that dtype and shape, whose first dimension is another one. first: NULL: it is not there. */
static sm_status add_component(spec_list *list, sm_dtype dtype, const int64_t *first, int32_t rank, const int64_t *rest,
                               sm_error *err) {
  sm_structured *spec = sm_arena_new(list->arena, sm_structured);
  size_t n_first = first != NULL, n = rank > 0 ? (size_t)rank : 0;
  int64_t *dims = sm_arena_array(list->arena, int64_t, n_first + n);
  if (spec == NULL || dims == NULL) return sm_arena_fail(list->arena, (n_first + n) * sizeof *dims, err);
  if (first != NULL) dims[0] = *first;
  if (n != 0) memcpy(dims + n_first, rest, n * sizeof *dims);
  *spec = (sm_structured){.kind = SM_STRUCTURED_TENSOR_SPEC,
                          .text = "",
                          .dtype = dtype,
                          .rank = rank < 0 ? -1 : (int32_t)(n_first + n),
                          .dims = dims};
  return add(list, spec, err);
}

static const int64_t UNKNOWN = -1;

static sm_status add_vector(spec_list *list, sm_dtype dtype, int64_t length, sm_error *err) {
  return add_component(list, dtype, &length, 0, NULL, err);
}

static sm_status add_scalar(spec_list *list, sm_dtype dtype, sm_error *err) {
  return add_component(list, dtype, NULL, 0, NULL, err);
}

/* The state of a type spec, a tuple. */
typedef struct state {
  const sm_structured *items;
  size_t n;
} state;

/* Its item of that kind; NULL: that is not what it is. */
static const sm_structured *get(const state *s, size_t i, sm_structured_kind kind) {
  return i < s->n && s->items[i].kind == kind ? &s->items[i] : NULL;
}

/* (shape, dtype) */
static sm_status add_sparse(spec_list *list, const state *s, sm_error *err) {
  const sm_structured *shape = get(s, 0, SM_STRUCTURED_SHAPE), *dtype = get(s, 1, SM_STRUCTURED_DTYPE);
  if (shape == NULL || dtype == NULL) return SM_OK;
  const int64_t rank = shape->rank;
  SM_TRY(add_component(list, SM_DT_INT64, &UNKNOWN, 1, &rank, err));
  SM_TRY(add_vector(list, dtype->dtype, UNKNOWN, err));
  return add_vector(list, SM_DT_INT64, rank, err);
}

/* (shape, values dtype, indices dtype, dense shape dtype or None, indices shape) */
static sm_status add_indexed_slices(spec_list *list, const state *s, sm_error *err) {
  const sm_structured *shape = get(s, 0, SM_STRUCTURED_SHAPE), *values = get(s, 1, SM_STRUCTURED_DTYPE);
  const sm_structured *indices = get(s, 2, SM_STRUCTURED_DTYPE), *dense = get(s, 3, SM_STRUCTURED_DTYPE);
  const sm_structured *length = get(s, 4, SM_STRUCTURED_SHAPE);
  if (shape == NULL || values == NULL || indices == NULL || length == NULL) return SM_OK;
  bool is_known = shape->rank > 0 && length->rank == 1;
  SM_TRY(add_component(list, values->dtype, is_known ? length->dims : NULL, is_known ? shape->rank - 1 : -1,
                       is_known ? shape->dims + 1 : NULL, err));
  SM_TRY(add_component(list, indices->dtype, NULL, length->rank, length->dims, err));
  return dense != NULL ? add_vector(list, dense->dtype, shape->rank, err) : SM_OK;
}

/* (shape, dtype, ragged rank, row splits dtype), and the spec of the flat values where they are no plain tensor. */
static sm_status add_ragged(spec_list *list, const state *s, sm_error *err) {
  const sm_structured *shape = get(s, 0, SM_STRUCTURED_SHAPE), *dtype = get(s, 1, SM_STRUCTURED_DTYPE);
  const sm_structured *rank = get(s, 2, SM_STRUCTURED_INT64), *splits = get(s, 3, SM_STRUCTURED_DTYPE);
  if (shape == NULL || dtype == NULL || rank == NULL || splits == NULL || s->n > 4) return SM_OK;
  int64_t n = rank->int64_value;
  if (n <= 0) return add_component(list, dtype->dtype, NULL, shape->rank, shape->dims, err);
  if (n >= SM_STRUCTURED_MAX_FLAT) return SM_OK;
  bool is_known = shape->rank > n;
  SM_TRY(add_component(list, dtype->dtype, is_known ? &UNKNOWN : NULL, is_known ? shape->rank - 1 - (int32_t)n : -1,
                       is_known ? shape->dims + 1 + n : NULL, err));
  bool has_rows = shape->rank > 0 && shape->dims[0] >= 0 && shape->dims[0] != INT64_MAX;
  SM_TRY(add_vector(list, splits->dtype, has_rows ? shape->dims[0] + 1 : UNKNOWN, err));
  for (int64_t i = 1; i < n; i++) SM_TRY(add_vector(list, splits->dtype, UNKNOWN, err));
  return SM_OK;
}

/* (element spec, shape) */
static sm_status add_dataset(spec_list *list, const state *s, sm_error *err) {
  const sm_structured *shape = get(s, 1, SM_STRUCTURED_SHAPE);
  if (shape == NULL) return SM_OK;
  return add_component(list, SM_DT_VARIANT, NULL, shape->rank, shape->dims, err);
}

/* (shape of the number of rows, shape of that of values, length of all rows, dtype) */
static sm_status add_row_partition(spec_list *list, const state *s, sm_error *err) {
  const sm_structured *rows = get(s, 0, SM_STRUCTURED_SHAPE), *dtype = get(s, 3, SM_STRUCTURED_DTYPE);
  if (rows == NULL || dtype == NULL) return SM_OK;
  bool is_known = rows->rank > 0 && rows->dims[0] >= 0 && rows->dims[0] != INT64_MAX;
  return add_vector(list, dtype->dtype, is_known ? rows->dims[0] + 1 : UNKNOWN, err);
}

static sm_status add_known(spec_list *list, const sm_structured *type, sm_error *err) {
  static const sm_structured none = {.kind = SM_STRUCTURED_NONE};
  const sm_structured *value = type->n_items != 0 ? type->items : &none;
  const state s = {value->items, value->kind == SM_STRUCTURED_TUPLE ? value->n_items : 0};
  switch (type->type_spec_class) {
    case SM_TYPE_SPEC_SPARSE_TENSOR: return add_sparse(list, &s, err);
    case SM_TYPE_SPEC_INDEXED_SLICES: return add_indexed_slices(list, &s, err);
    case SM_TYPE_SPEC_RAGGED_TENSOR: return add_ragged(list, &s, err);
    case SM_TYPE_SPEC_DATASET: return add_dataset(list, &s, err);
    case SM_TYPE_SPEC_ROW_PARTITION: return add_row_partition(list, &s, err);
    case SM_TYPE_SPEC_TENSOR_ARRAY:
    case SM_TYPE_SPEC_OPTIONAL: return add_scalar(list, SM_DT_VARIANT, err);
    case SM_TYPE_SPEC_ITERATOR:
    case SM_TYPE_SPEC_VARIABLE: return add_scalar(list, SM_DT_RESOURCE, err);
    default: return SM_OK;
  }
}

static sm_status add_from_state(spec_list *list, const sm_structured *type, sm_error *err) {
  walk w = {.levels = {{.value = type}}, .depth = 1, .enters_types = true};
  for (const sm_structured *spec; (spec = next_spec(&w)) != NULL;)
    SM_TRY(spec->kind == SM_STRUCTURED_TYPE_SPEC ? add_known(list, spec, err)
                                                 : add_component(list, spec->dtype, NULL, spec->rank, spec->dims, err));
  return SM_OK;
}

/* num_flat_components decides: where the class does not tell as many, they are tensors of which nothing is known. */
static sm_status add_components(spec_list *list, const sm_structured *type, sm_error *err) {
  size_t first = list->n, n = (size_t)type->n_flat;
  if (n > SM_STRUCTURED_MAX_FLAT)
    return SM_FAIL(err, SM_INVALID_ARGUMENT, "type spec %.100s of %zu tensors; at most %d are possible", type->text, n,
                   (int)SM_STRUCTURED_MAX_FLAT);
  SM_TRY(is_state_made_of_specs(type) ? add_from_state(list, type, err) : add_known(list, type, err));
  if (list->n == first && n == 0 && !is_state_made_of_specs(type))
    return SM_FAIL(err, SM_INVALID_ARGUMENT, "type spec %.100s does not tell of how many tensors it is", type->text);
  if (n == 0 || list->n - first == n) return SM_OK;
  list->n = first;
  for (size_t i = 0; i < n; i++) SM_TRY(add_component(list, SM_DT_INVALID, NULL, -1, NULL, err));
  return SM_OK;
}

static sm_status add_tensors(spec_list *list, const sm_structured *spec, sm_error *err) {
  return spec->kind == SM_STRUCTURED_TYPE_SPEC ? add_components(list, spec, err) : add(list, spec, err);
}

sm_status sm_structured_flatten(const sm_structured *const **out, size_t *n, const sm_structured *value,
                                sm_arena *arena, sm_error *err) {
  walk w = {.levels = {{.value = value}}, .depth = 1};
  spec_list list = {.arena = arena};
  for (const sm_structured *spec; (spec = next_spec(&w)) != NULL;) SM_TRY(add_tensors(&list, spec, err));
  *out = list.items;
  *n = list.n;
  return SM_OK;
}

/* ---- Paths ---- */

static void print_path(char *dst, size_t dst_size, const walk *w, const char *name) {
  size_t n = (size_t)snprintf(dst, dst_size, "%s", name);
  for (int depth = 1; depth < w->depth && n < dst_size; depth++) {
    const level *parent = &w->levels[depth - 1];
    size_t i = parent->next - 1;
    n += (size_t)(sm_structured_has_keys(parent->value) ? snprintf(dst + n, dst_size - n, "/%s", parent->value->keys[i])
                                                        : snprintf(dst + n, dst_size - n, "/%zu", i));
  }
}

sm_status sm_structured_path(char *dst, size_t dst_size, const char *name, const sm_structured *value, size_t i,
                             sm_arena *arena, sm_error *err) {
  walk w = {.levels = {{.value = value}}, .depth = 1};
  spec_list list = {.arena = arena};
  for (const sm_structured *spec; list.n <= i && (spec = next_spec(&w)) != NULL;) SM_TRY(add_tensors(&list, spec, err));
  print_path(dst, dst_size, &w, name);
  return SM_OK;
}
