#include "objects/structured_write.h"

#include "codec/varint.h"

/* Fields of StructuredValue, of what it holds, and of TensorShapeProto: proto/struct.proto, tensor_shape.proto. */
enum {
  VALUE_NONE = 1,
  VALUE_FLOAT64 = 11,
  VALUE_INT64 = 12,
  VALUE_STRING = 13,
  VALUE_BOOL = 14,
  VALUE_SHAPE = 31,
  VALUE_DTYPE = 32,
  VALUE_SPEC = 33,
  VALUE_LIST = 51,
  VALUE_TUPLE = 52,
  VALUE_DICT = 53,
  VALUE_NAMED_TUPLE = 54,
  LIST_VALUE = 1,
  DICT_FIELD = 1,
  PAIR_KEY = 1, /* and of an entry of a dict */
  PAIR_VALUE = 2,
  NAMED_NAME = 1,
  NAMED_VALUE = 2,
  SPEC_NAME = 1,
  SPEC_SHAPE = 2,
  SPEC_DTYPE = 3,
  SHAPE_DIM = 2,
  SHAPE_UNKNOWN_RANK = 3,
  DIM_SIZE = 1
};

static bool has_items(const sm_structured *value) {
  return value->kind == SM_STRUCTURED_LIST || value->kind == SM_STRUCTURED_TUPLE || value->kind == SM_STRUCTURED_DICT ||
         value->kind == SM_STRUCTURED_NAMED_TUPLE;
}

static bool has_keys(const sm_structured *value) {
  return value->kind == SM_STRUCTURED_DICT || value->kind == SM_STRUCTURED_NAMED_TUPLE;
}

/* ---- Copying ---- */

/* A value whose items are still the original's. */
typedef struct unfinished {
  struct unfinished *next;
  sm_structured *value;
  int depth;
} unfinished;

static sm_status copy_text(const char **out, const char *text, sm_arena *arena, sm_error *err) {
  size_t size = strlen(text);
  if (!sm_utf8_is_valid((const uint8_t *)text, size))
    return SM_FAIL(err, SM_INVALID_ARGUMENT, "a structured value has text that is not UTF-8");
  *out = sm_arena_copy(arena, (sm_string){text, size}).data;
  return *out != NULL ? SM_OK : sm_arena_fail(arena, size + 1, err);
}

static sm_status check_kind(const sm_structured *value, sm_error *err) {
  switch (value->kind) {
    case SM_STRUCTURED_BOUNDED_TENSOR_SPEC:
    case SM_STRUCTURED_TYPE_SPEC:
    case SM_STRUCTURED_TENSOR:
    case SM_STRUCTURED_NUMPY:
      return SM_FAIL(err, SM_UNIMPLEMENTED, "structured values with composite or constant tensors cannot be written");
    default: return SM_OK;
  }
}

/* All of a value but its items. */
static sm_status copy_shallow(sm_structured *value, sm_arena *arena, sm_error *err) {
  SM_TRY(check_kind(value, err));
  SM_TRY(copy_text(&value->text, value->text != NULL ? value->text : "", arena, err));
  if (value->rank <= 0 || value->kind == SM_STRUCTURED_DTYPE) return SM_OK;
  int64_t *dims = sm_arena_array(arena, int64_t, (size_t)value->rank);
  if (dims == NULL) return sm_arena_fail(arena, (size_t)value->rank * sizeof *dims, err);
  if (value->dims == NULL) return SM_FAIL(err, SM_INVALID_ARGUMENT, "a structured value has a rank and no dimensions");
  memcpy(dims, value->dims, (size_t)value->rank * sizeof *dims);
  value->dims = dims;
  return SM_OK;
}

typedef struct keyed_item {
  const char *key;
  sm_structured value;
} keyed_item;

static bool is_key_before(const void *a, const void *b) {
  return strcmp(((const keyed_item *)a)->key, ((const keyed_item *)b)->key) < 0;
}

static sm_status copy_keys(keyed_item *items, const sm_structured *value, sm_arena *arena, sm_error *err) {
  for (size_t i = 0; i < value->n_items; i++) {
    if (value->keys == NULL || value->keys[i] == NULL)
      return SM_FAIL(err, SM_INVALID_ARGUMENT, "a dict or named tuple has an item without a key");
    SM_TRY(copy_text(&items[i].key, value->keys[i], arena, err));
  }
  if (value->kind != SM_STRUCTURED_DICT) return SM_OK;
  sm_sort(items, value->n_items, sizeof *items, is_key_before);
  for (size_t i = 1; i < value->n_items; i++)
    if (strcmp(items[i - 1].key, items[i].key) == 0)
      return SM_FAIL(err, SM_INVALID_ARGUMENT, "a dict has two items of the key %.200s", items[i].key);
  return SM_OK;
}

/* Gives value items of its own, which are still shallow. */
static sm_status copy_items(sm_structured *value, sm_arena *arena, sm_error *err) {
  size_t n = value->n_items;
  keyed_item *sorted = sm_arena_array(arena, keyed_item, n);
  sm_structured *items = sm_arena_array(arena, sm_structured, n);
  const char **keys = sm_arena_array(arena, const char *, n);
  if (sorted == NULL || items == NULL || keys == NULL) return sm_arena_fail(arena, n * sizeof *sorted, err);
  for (size_t i = 0; i < n; i++) sorted[i].value = value->items[i];
  if (has_keys(value)) SM_TRY(copy_keys(sorted, value, arena, err));
  for (size_t i = 0; i < n; i++) {
    items[i] = sorted[i].value;
    keys[i] = sorted[i].key;
  }
  value->items = items;
  value->keys = has_keys(value) ? keys : NULL;
  return SM_OK;
}

static sm_status push(unfinished **stack, sm_structured *value, int depth, sm_arena *arena, sm_error *err) {
  unfinished *top = sm_arena_new(arena, unfinished);
  if (top == NULL) return sm_arena_fail(arena, sizeof *top, err);
  *top = (unfinished){*stack, value, depth};
  *stack = top;
  return SM_OK;
}

sm_status sm_structured_copy(sm_structured *out, const sm_structured *value, sm_arena *arena, sm_error *err) {
  unfinished *stack = NULL;
  *out = *value;
  SM_TRY(push(&stack, out, 1, arena, err));
  while (stack != NULL) {
    unfinished *top = stack;
    stack = top->next;
    SM_TRY(copy_shallow(top->value, arena, err));
    if (!has_items(top->value)) continue;
    if (top->depth == SM_STRUCTURED_MAX_DEPTH)
      return SM_FAIL(err, SM_INVALID_ARGUMENT, "a structured value is nested more than %d deep",
                     SM_STRUCTURED_MAX_DEPTH);
    SM_TRY(copy_items(top->value, arena, err));
    for (size_t i = top->value->n_items; i-- > 0;)
      SM_TRY(push(&stack, (sm_structured *)&top->value->items[i], top->depth + 1, arena, err));
  }
  return SM_OK;
}

/* ---- Walking ---- */

typedef struct level {
  const sm_structured *value;
  size_t next;
  size_t message, inner, entry; /* where the messages begin that are open for it */
} level;

sm_status sm_structured_flatten(const sm_structured *const **out, size_t *n, const sm_structured *value,
                                sm_arena *arena, sm_error *err) {
  level levels[SM_STRUCTURED_MAX_DEPTH] = {{.value = value}};
  const sm_structured **specs = NULL;
  size_t n_specs = 0, capacity = 0;
  for (int depth = 1; depth > 0;) {
    level *top = &levels[depth - 1];
    if (top->value->kind == SM_STRUCTURED_TENSOR_SPEC) {
      if (n_specs == capacity) {
        capacity = 2 * capacity + 4;
        const sm_structured **grown = sm_arena_array(arena, const sm_structured *, capacity);
        if (grown == NULL) return sm_arena_fail(arena, capacity * sizeof *grown, err);
        if (n_specs != 0) memcpy(grown, specs, n_specs * sizeof *specs);
        specs = grown;
      }
      specs[n_specs++] = top->value;
    }
    if (has_items(top->value) && top->next < top->value->n_items)
      levels[depth++] = (level){.value = &top->value->items[top->next++]};
    else
      depth--;
  }
  *out = specs;
  *n = n_specs;
  return SM_OK;
}

/* ---- Writing ---- */

sm_status sm_shape_field_write(sm_buffer *out, uint32_t number, int32_t rank, const int64_t *dims, sm_error *err) {
  size_t shape, dim;
  SM_TRY(sm_wire_open(&shape, out, number, err));
  if (rank < 0) SM_TRY(sm_wire_put_varint(out, SHAPE_UNKNOWN_RANK, true, err));
  for (int32_t i = 0; i < rank; i++) {
    SM_TRY(sm_wire_open(&dim, out, SHAPE_DIM, err));
    if (dims[i] != 0) SM_TRY(sm_wire_put_varint(out, DIM_SIZE, (uint64_t)dims[i], err));
    SM_TRY(sm_wire_close(out, dim, err));
  }
  return sm_wire_close(out, shape, err);
}

static sm_status put_text(sm_buffer *out, uint32_t number, const char *text, sm_error *err) {
  return sm_wire_put_bytes(out, number, text, strlen(text), err);
}

static sm_status put_double(sm_buffer *out, uint32_t number, double value, sm_error *err) {
  uint64_t bits;
  uint8_t bytes[sizeof bits];
  memcpy(&bits, &value, sizeof bits);
  for (size_t i = 0; i < sizeof bytes; i++) bytes[i] = (uint8_t)(bits >> 8 * i);
  SM_TRY(sm_wire_put_tag(out, number, SM_WIRE_FIXED64, err));
  return sm_buffer_put(out, bytes, sizeof bytes, err);
}

static sm_status put_spec(sm_buffer *out, const sm_structured *value, sm_error *err) {
  size_t spec;
  SM_TRY(sm_wire_open(&spec, out, VALUE_SPEC, err));
  if (*value->text != '\0') SM_TRY(put_text(out, SPEC_NAME, value->text, err));
  SM_TRY(sm_shape_field_write(out, SPEC_SHAPE, value->rank, value->dims, err));
  SM_TRY(sm_wire_put_varint(out, SPEC_DTYPE, (uint64_t)value->dtype, err));
  return sm_wire_close(out, spec, err);
}

static uint64_t zigzag(int64_t value) { return (uint64_t)value << 1 ^ (value < 0 ? UINT64_MAX : 0); }

static sm_status put_leaf(sm_buffer *out, const sm_structured *value, sm_error *err) {
  switch (value->kind) {
    case SM_STRUCTURED_BOOL: return sm_wire_put_varint(out, VALUE_BOOL, value->bool_value, err);
    case SM_STRUCTURED_INT64: return sm_wire_put_varint(out, VALUE_INT64, zigzag(value->int64_value), err);
    case SM_STRUCTURED_FLOAT64: return put_double(out, VALUE_FLOAT64, value->float64_value, err);
    case SM_STRUCTURED_STRING: return put_text(out, VALUE_STRING, value->text, err);
    case SM_STRUCTURED_SHAPE: return sm_shape_field_write(out, VALUE_SHAPE, value->rank, value->dims, err);
    case SM_STRUCTURED_DTYPE: return sm_wire_put_varint(out, VALUE_DTYPE, (uint64_t)value->dtype, err);
    case SM_STRUCTURED_TENSOR_SPEC: return put_spec(out, value, err);
    default: return sm_wire_put_bytes(out, VALUE_NONE, NULL, 0, err);
  }
}

static sm_status open_container(level *top, sm_buffer *out, sm_error *err) {
  switch (top->value->kind) {
    case SM_STRUCTURED_LIST: return sm_wire_open(&top->inner, out, VALUE_LIST, err);
    case SM_STRUCTURED_TUPLE: return sm_wire_open(&top->inner, out, VALUE_TUPLE, err);
    case SM_STRUCTURED_DICT: return sm_wire_open(&top->inner, out, VALUE_DICT, err);
    default: break;
  }
  SM_TRY(sm_wire_open(&top->inner, out, VALUE_NAMED_TUPLE, err));
  return put_text(out, NAMED_NAME, top->value->text, err);
}

/* What stands before the value of an item: the value's message is open then. */
static sm_status open_item(level *item, level *top, sm_buffer *out, sm_error *err) {
  const sm_structured *parent = top->value;
  size_t i = top->next++;
  *item = (level){.value = &parent->items[i]};
  if (!has_keys(parent)) return sm_wire_open(&item->message, out, LIST_VALUE, err);
  SM_TRY(sm_wire_open(&item->entry, out, parent->kind == SM_STRUCTURED_DICT ? DICT_FIELD : NAMED_VALUE, err));
  SM_TRY(put_text(out, PAIR_KEY, parent->keys[i], err));
  return sm_wire_open(&item->message, out, PAIR_VALUE, err);
}

static sm_status close_item(const level *item, sm_buffer *out, sm_error *err) {
  if (item->message != 0) SM_TRY(sm_wire_close(out, item->message, err));
  return item->entry != 0 ? sm_wire_close(out, item->entry, err) : SM_OK;
}

sm_status sm_structured_write(sm_buffer *out, const sm_structured *value, sm_error *err) {
  level levels[SM_STRUCTURED_MAX_DEPTH] = {{.value = value}};
  for (int depth = 1; depth > 0;) {
    level *top = &levels[depth - 1];
    bool is_container = has_items(top->value);
    if (is_container && top->inner == 0) SM_TRY(open_container(top, out, err));
    if (is_container && top->next < top->value->n_items) {
      SM_TRY(open_item(&levels[depth++], top, out, err));
      continue;
    }
    SM_TRY(is_container ? sm_wire_close(out, top->inner, err) : put_leaf(out, top->value, err));
    SM_TRY(close_item(top, out, err));
    depth--;
  }
  return SM_OK;
}
