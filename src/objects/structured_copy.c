/* Copies of structured values, checked and with dicts sorted. */
#include <savedmodel/pb/tensor.pb-c.h>

#include "objects/structured_write.h"

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

/* A TensorProto of the caller's: is all of it a message? */
static sm_status copy_proto(sm_string *out, sm_string proto, sm_arena *arena, sm_error *err) {
  ProtobufCMessage *message;
  sm_arena scratch;
  const sm_wire_source source = {.name = "a constant", .bytes = {(const uint8_t *)proto.data, proto.size}};
  sm_arena_init(&scratch, arena->allocator, UINT64_MAX);
  sm_status status = sm_wire_unpack(&message, &tensorflow__tensor_proto__descriptor, (sm_spans){&source.bytes, 1},
                                    &source, &scratch, err);
  sm_arena_free(&scratch);
  if (status != SM_OK) return status;
  *out = sm_arena_copy(arena, proto);
  return out->data != NULL ? SM_OK : sm_arena_fail(arena, proto.size + 1, err);
}

static sm_status copy_bounds(sm_structured *value, sm_arena *arena, sm_error *err) {
  if (value->minimum.data != NULL) SM_TRY(copy_proto(&value->minimum, value->minimum, arena, err));
  return value->maximum.data != NULL ? copy_proto(&value->maximum, value->maximum, arena, err) : SM_OK;
}

static sm_status copy_class(sm_structured *value, sm_arena *arena, sm_error *err) {
  if (value->n_flat < 0 || value->n_items > 1)
    return SM_FAIL(err, SM_INVALID_ARGUMENT, "type spec %.100s of %d tensors, made from %zu states", value->text,
                   (int)value->n_flat, value->n_items);
  return value->class_name != NULL ? copy_text(&value->class_name, value->class_name, arena, err) : SM_OK;
}

static sm_status copy_dims(sm_structured *value, sm_arena *arena, sm_error *err) {
  if (value->rank < -1 || value->rank > SM_MAX_RANK)
    return SM_FAIL(err, SM_INVALID_ARGUMENT, "a structured value has a rank of %d", (int)value->rank);
  if (value->rank <= 0) return SM_OK;
  int64_t *dims = sm_arena_array(arena, int64_t, (size_t)value->rank);
  if (dims == NULL) return sm_arena_fail(arena, (size_t)value->rank * sizeof *dims, err);
  if (value->dims == NULL) return SM_FAIL(err, SM_INVALID_ARGUMENT, "a structured value has a rank and no dimensions");
  memcpy(dims, value->dims, (size_t)value->rank * sizeof *dims);
  for (int32_t i = 0; i < value->rank; i++)
    if (dims[i] < -1)
      return SM_FAIL(err, SM_INVALID_ARGUMENT, "dimension %d of a structured value is %lld", (int)i,
                     (long long)dims[i]);
  value->dims = dims;
  return SM_OK;
}

/* All of a value but its items. */
static sm_status copy_shallow(sm_structured *value, sm_arena *arena, sm_error *err) {
  SM_TRY(copy_text(&value->text, value->text != NULL ? value->text : "", arena, err));
  switch (value->kind) {
    case SM_STRUCTURED_BOUNDED_TENSOR_SPEC: SM_TRY(copy_bounds(value, arena, err)); return copy_dims(value, arena, err);
    case SM_STRUCTURED_SHAPE:
    case SM_STRUCTURED_TENSOR_SPEC: return copy_dims(value, arena, err);
    case SM_STRUCTURED_TYPE_SPEC: return copy_class(value, arena, err);
    case SM_STRUCTURED_TENSOR:
    case SM_STRUCTURED_NUMPY: return copy_proto(&value->proto, value->proto, arena, err);
    default: return SM_OK;
  }
}

typedef struct keyed_item {
  const char *key;
  const sm_structured *value;
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
  for (size_t i = 0; i < n; i++) sorted[i].value = &value->items[i];
  if (sm_structured_has_keys(value)) SM_TRY(copy_keys(sorted, value, arena, err));
  for (size_t i = 0; i < n; i++) {
    items[i] = *sorted[i].value;
    keys[i] = sorted[i].key;
  }
  value->items = items;
  value->keys = sm_structured_has_keys(value) ? keys : NULL;
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
    if (!sm_structured_has_items(top->value)) continue;
    if (top->depth == SM_STRUCTURED_MAX_DEPTH)
      return SM_FAIL(err, SM_INVALID_ARGUMENT, "a structured value is nested more than %d deep",
                     SM_STRUCTURED_MAX_DEPTH);
    SM_TRY(copy_items(top->value, arena, err));
    for (size_t i = top->value->n_items; i-- > 0;)
      SM_TRY(push(&stack, (sm_structured *)&top->value->items[i], top->depth + 1, arena, err));
  }
  return SM_OK;
}
