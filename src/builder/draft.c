#include "builder/draft.h"

#include "codec/varint.h"

/* Fields of a map's entries: protobuf specification, "Maps". */
enum { ENTRY_KEY = 1, ENTRY_VALUE = 2 };

/* Tag, and length of a value. */
enum { MAX_HEAD_SIZE = 2 * SM_VARINT_MAX_SIZE };
_Static_assert((int)MAX_HEAD_SIZE <= (int)SM_DRAFT_HEAD_SIZE, "there is room for it in front of a value that is taken");

void sm_draft_init(sm_draft *draft, sm_arena *arena, const sm_wire_source *source) {
  *draft = (sm_draft){.arena = arena, .source = source};
}

/* Room for more fields. The old list stays in the arena: lists double, so that is less than the new one. */
static sm_status reserve(sm_draft *draft, size_t more, sm_error *err) {
  if (draft->capacity - draft->n >= more) return SM_OK;
  size_t capacity = draft->capacity * 2 > draft->n + more ? draft->capacity * 2 : draft->n + more;
  sm_draft_field *fields = sm_arena_array(draft->arena, sm_draft_field, capacity);
  if (fields == NULL) return sm_arena_fail(draft->arena, capacity * sizeof *fields, err);
  if (draft->n != 0) memcpy(fields, draft->fields, draft->n * sizeof *fields);
  draft->fields = fields;
  draft->capacity = capacity;
  return SM_OK;
}

static sm_status count_fields(size_t *n, sm_spans message, const sm_wire_source *source, sm_error *err) {
  *n = 0;
  for (size_t i = 0; i < message.n; i++) {
    sm_wire_reader reader = sm_wire_read(message.items[i], source);
    for (sm_wire_field field; sm_wire_next(&reader, &field);) ++*n;
    SM_TRY(sm_wire_finish(&reader, err));
  }
  return SM_OK;
}

sm_status sm_draft_read(sm_draft *draft, sm_spans message, sm_arena *arena, const sm_wire_source *source,
                        sm_error *err) {
  size_t n;
  sm_draft_init(draft, arena, source);
  SM_TRY(count_fields(&n, message, source, err));
  SM_TRY(reserve(draft, n, err));
  for (size_t i = 0; i < message.n; i++) {
    sm_wire_reader reader = sm_wire_read(message.items[i], source);
    for (sm_wire_field field; sm_wire_next(&reader, &field);)
      draft->fields[draft->n++] = (sm_draft_field){sm_wire_number(&field), field.whole};
  }
  return SM_OK;
}

/* Fields of a draft were scanned, or written here. */
bool sm_draft_field_value(sm_span *out, const sm_draft *draft, const sm_draft_field *field) {
  sm_wire_reader reader = sm_wire_read(field->whole, draft->source);
  sm_wire_field read;
  if (!sm_wire_next(&reader, &read) || sm_wire_type_of(&read) != SM_WIRE_BYTES) return false;
  *out = read.bytes;
  return true;
}

sm_status sm_draft_get(sm_spans *out, const sm_draft *draft, uint32_t number, sm_error *err) {
  size_t n = 0;
  *out = (sm_spans){NULL, 0};
  for (size_t i = 0; i < draft->n; i++) n += draft->fields[i].number == number;
  if (n == 0) return SM_OK;
  sm_span *items = sm_arena_array(draft->arena, sm_span, n);
  if (items == NULL) return sm_arena_fail(draft->arena, n * sizeof *items, err);
  n = 0;
  for (size_t i = 0; i < draft->n; i++)
    if (draft->fields[i].number == number && sm_draft_field_value(&items[n], draft, &draft->fields[i])) n++;
  *out = (sm_spans){items, n};
  return SM_OK;
}

sm_status sm_draft_open(sm_draft *out, const sm_draft *draft, uint32_t number, sm_error *err) {
  sm_spans pieces;
  SM_TRY(sm_draft_get(&pieces, draft, number, err));
  return sm_draft_read(out, pieces, draft->arena, draft->source, err);
}

sm_status sm_draft_open_entry(sm_draft *out, bool *found, const sm_draft *draft, uint32_t number, sm_string key,
                              sm_error *err) {
  sm_spans message, pieces = {NULL, 0};
  sm_wire_map map;
  *found = false;
  SM_TRY(sm_draft_spans(&message, draft, err));
  SM_TRY(sm_wire_index_map(&map, message, number, draft->source, draft->arena, err));
  size_t at = sm_wire_map_find(&map, key);
  *found = at < map.n;
  if (*found) SM_TRY(sm_wire_entry_value(&pieces, &map.entries[at], draft->source, draft->arena, err));
  return sm_draft_read(out, pieces, draft->arena, draft->source, err);
}

/* ---- Changing ---- */

/* Where values of the field go: where the first one stands, else before the first field of a greater number. */
static size_t place_of(const sm_draft *draft, uint32_t number) {
  size_t place = draft->n;
  for (size_t i = draft->n; i-- > 0;)
    if (draft->fields[i].number > number) place = i;
  for (size_t i = 0; i < draft->n; i++)
    if (draft->fields[i].number == number) return i;
  return place;
}

/* Removes all values of the field, and makes a gap of n where new ones go. */
static sm_status make_gap(size_t *place, sm_draft *draft, uint32_t number, size_t n, sm_error *err) {
  SM_TRY(reserve(draft, n, err));
  *place = place_of(draft, number);
  size_t kept = *place;
  for (size_t i = *place; i < draft->n; i++)
    if (draft->fields[i].number != number) draft->fields[kept++] = draft->fields[i];
  size_t tail = kept - *place;
  if (tail != 0) memmove(&draft->fields[*place + n], &draft->fields[*place], tail * sizeof *draft->fields);
  draft->n = kept + n;
  return SM_OK;
}

static sm_status too_large(size_t size, sm_error *err) {
  return SM_FAIL(err, SM_RESOURCE_EXHAUSTED, "a field of %zu bytes: protobuf allows 2^31-1", size);
}

/* Room in the arena for a field of that size, tag and length written: *value is where its value goes. */
static sm_status make_field(sm_draft_field *out, uint8_t **value, sm_draft *draft, uint32_t number, size_t size,
                            sm_error *err) {
  if (size > INT32_MAX) return too_large(size, err);
  uint8_t head[MAX_HEAD_SIZE];
  uint8_t *end = sm_varint_write(sm_varint_write(head, SM_WIRE_TAG(number, SM_WIRE_BYTES)), size);
  size_t head_size = (size_t)(end - head);
  uint8_t *whole = sm_arena_alloc(draft->arena, head_size + size);
  if (whole == NULL) return sm_arena_fail(draft->arena, head_size + size, err);
  memcpy(whole, head, head_size);
  *value = whole + head_size;
  *out = (sm_draft_field){number, {whole, head_size + size}};
  return SM_OK;
}

sm_status sm_draft_set_list(sm_draft *draft, uint32_t number, sm_spans values, sm_error *err) {
  sm_draft_field *made = sm_arena_array(draft->arena, sm_draft_field, values.n);
  if (made == NULL) return sm_arena_fail(draft->arena, values.n * sizeof *made, err);
  for (size_t i = 0; i < values.n; i++) {
    uint8_t *value;
    SM_TRY(make_field(&made[i], &value, draft, number, values.items[i].size, err));
    if (values.items[i].size != 0) memcpy(value, values.items[i].data, values.items[i].size);
  }
  size_t place;
  SM_TRY(make_gap(&place, draft, number, values.n, err));
  if (values.n != 0) memcpy(&draft->fields[place], made, values.n * sizeof *made);
  return SM_OK;
}

sm_status sm_draft_set(sm_draft *draft, uint32_t number, sm_span value, sm_error *err) {
  return sm_draft_set_list(draft, number, (sm_spans){&value, value.data != NULL ? 1 : 0}, err);
}

sm_status sm_draft_take(sm_draft *draft, uint32_t number, sm_buffer *value, sm_error *err) {
  uint8_t head[MAX_HEAD_SIZE], *whole = value->data;
  size_t place, size = value->size - SM_DRAFT_HEAD_SIZE, capacity = value->capacity;
  if (size > INT32_MAX) return too_large(size, err);
  uint8_t *end = sm_varint_write(sm_varint_write(head, SM_WIRE_TAG(number, SM_WIRE_BYTES)), size);
  size_t head_size = (size_t)(end - head), before = SM_DRAFT_HEAD_SIZE - head_size;
  if (!sm_arena_take(draft->arena, whole, capacity)) return sm_arena_fail(draft->arena, capacity, err);
  sm_buffer_init(value, value->allocator, value->max_size);
  memcpy(whole + before, head, head_size);
  SM_TRY(make_gap(&place, draft, number, 1, err));
  draft->fields[place] = (sm_draft_field){number, {whole + before, head_size + size}};
  return SM_OK;
}

sm_status sm_draft_set_number(sm_draft *draft, uint32_t number, uint64_t value, sm_error *err) {
  uint8_t bytes[MAX_HEAD_SIZE];
  uint8_t *end = sm_varint_write(sm_varint_write(bytes, SM_WIRE_TAG(number, SM_WIRE_VARINT)), value);
  size_t place, size = (size_t)(end - bytes);
  uint8_t *whole = sm_arena_alloc(draft->arena, size);
  if (whole == NULL) return sm_arena_fail(draft->arena, size, err);
  memcpy(whole, bytes, size);
  SM_TRY(make_gap(&place, draft, number, 1, err));
  draft->fields[place] = (sm_draft_field){number, {whole, size}};
  return SM_OK;
}

static void copy_fields(uint8_t *to, const sm_draft *draft) {
  for (size_t i = 0; i < draft->n; i++) {
    memcpy(to, draft->fields[i].whole.data, draft->fields[i].whole.size);
    to += draft->fields[i].whole.size;
  }
}

sm_status sm_draft_set_draft(sm_draft *draft, uint32_t number, const sm_draft *value, sm_error *err) {
  sm_draft_field made;
  uint8_t *bytes;
  size_t place;
  SM_TRY(make_field(&made, &bytes, draft, number, sm_draft_size(value), err));
  copy_fields(bytes, value);
  SM_TRY(make_gap(&place, draft, number, 1, err));
  draft->fields[place] = made;
  return SM_OK;
}

sm_status sm_draft_replace(sm_draft *draft, size_t at, const sm_draft *value, sm_error *err) {
  uint8_t *bytes;
  SM_TRY(make_field(&draft->fields[at], &bytes, draft, draft->fields[at].number, sm_draft_size(value), err));
  copy_fields(bytes, value);
  return SM_OK;
}

sm_status sm_draft_add(sm_draft *draft, uint32_t number, const sm_draft *value, sm_error *err) {
  sm_draft_field made;
  uint8_t *bytes;
  SM_TRY(reserve(draft, 1, err));
  SM_TRY(make_field(&made, &bytes, draft, number, sm_draft_size(value), err));
  copy_fields(bytes, value);
  size_t at = place_of(draft, number);
  for (size_t i = at; i < draft->n; i++)
    if (draft->fields[i].number == number) at = i + 1;
  memmove(&draft->fields[at + 1], &draft->fields[at], (draft->n - at) * sizeof *draft->fields);
  draft->fields[at] = made;
  draft->n++;
  return SM_OK;
}

sm_status sm_draft_copy(sm_draft *out, const sm_draft *draft, sm_error *err) {
  sm_draft_init(out, draft->arena, draft->source);
  SM_TRY(reserve(out, draft->n, err));
  if (draft->n != 0) memcpy(out->fields, draft->fields, draft->n * sizeof *draft->fields);
  out->n = draft->n;
  return SM_OK;
}

/* ---- Maps ---- */

static sm_status make_entry(sm_draft_field *out, sm_draft *draft, uint32_t number, sm_string key, sm_span value,
                            sm_error *err) {
  uint8_t key_head[MAX_HEAD_SIZE], value_head[MAX_HEAD_SIZE], *at;
  uint8_t *end = sm_varint_write(sm_varint_write(key_head, SM_WIRE_TAG(ENTRY_KEY, SM_WIRE_BYTES)), key.size);
  size_t key_head_size = (size_t)(end - key_head);
  end = sm_varint_write(sm_varint_write(value_head, SM_WIRE_TAG(ENTRY_VALUE, SM_WIRE_BYTES)), value.size);
  size_t value_head_size = (size_t)(end - value_head);
  if (key.size > INT32_MAX) return too_large(key.size, err);
  if (value.size > INT32_MAX) return too_large(value.size, err);
  SM_TRY(make_field(out, &at, draft, number, key_head_size + key.size + value_head_size + value.size, err));
  memcpy(at, key_head, key_head_size);
  if (key.size != 0) memcpy(at + key_head_size, key.data, key.size);
  at += key_head_size + key.size;
  memcpy(at, value_head, value_head_size);
  if (value.size != 0) memcpy(at + value_head_size, value.data, value.size);
  return SM_OK;
}

static sm_status key_of(sm_string *out, const sm_draft *draft, const sm_draft_field *field, sm_error *err) {
  sm_span entry = {NULL, 0}, key;
  sm_draft_field_value(&entry, draft, field);
  SM_TRY(sm_wire_find_bytes(&key, entry, ENTRY_KEY, draft->source, err));
  *out = (sm_string){(const char *)key.data, key.size};
  return SM_OK;
}

static bool is_entry_of(const sm_draft *draft, const sm_draft_field *field, uint32_t number, sm_string key) {
  sm_string other;
  return field->number == number && key_of(&other, draft, field, NULL) == SM_OK && sm_string_equal(other, key);
}

/* Where the entry of a key goes: where it stands, else before the first with a greater key, else behind the last. All
 * entries are looked at, so that behind this is_entry_of meets no fault. */
static sm_status place_of_key(size_t *out, const sm_draft *draft, uint32_t number, sm_string key, sm_error *err) {
  size_t same = SIZE_MAX, greater = SIZE_MAX, behind_last = place_of(draft, number);
  for (size_t i = 0; i < draft->n; i++) {
    if (draft->fields[i].number != number) continue;
    sm_string other;
    SM_TRY(key_of(&other, draft, &draft->fields[i], err));
    int order = sm_string_compare(other, key);
    if (order == 0 && same == SIZE_MAX) same = i;
    if (order > 0 && greater == SIZE_MAX) greater = i;
    behind_last = i + 1;
  }
  *out = same != SIZE_MAX ? same : greater != SIZE_MAX ? greater : behind_last;
  return SM_OK;
}

sm_status sm_draft_set_entry(sm_draft *draft, uint32_t number, sm_string key, sm_span value, sm_error *err) {
  sm_draft_field made = {0};
  size_t place;
  if (value.data != NULL) SM_TRY(make_entry(&made, draft, number, key, value, err));
  SM_TRY(reserve(draft, 1, err));
  SM_TRY(place_of_key(&place, draft, number, key, err));
  size_t kept = place; /* before it there is no entry of the key */
  for (size_t i = place; i < draft->n; i++)
    if (!is_entry_of(draft, &draft->fields[i], number, key)) draft->fields[kept++] = draft->fields[i];
  draft->n = kept;
  if (value.data == NULL) return SM_OK;
  memmove(&draft->fields[place + 1], &draft->fields[place], (draft->n - place) * sizeof *draft->fields);
  draft->fields[place] = made;
  draft->n++;
  return SM_OK;
}

sm_status sm_draft_filter_entries(sm_draft *draft, uint32_t number, sm_draft_wants_fn wants, void *ctx, sm_error *err) {
  size_t kept = 0;
  for (size_t i = 0; i < draft->n; i++) {
    sm_string key;
    if (draft->fields[i].number == number) SM_TRY(key_of(&key, draft, &draft->fields[i], err));
  }
  for (size_t i = 0; i < draft->n; i++) {
    sm_string key;
    bool is_entry = draft->fields[i].number == number && key_of(&key, draft, &draft->fields[i], NULL) == SM_OK;
    if (!is_entry || wants(ctx, key)) draft->fields[kept++] = draft->fields[i];
  }
  draft->n = kept;
  return SM_OK;
}

sm_status sm_draft_set_entry_draft(sm_draft *draft, uint32_t number, sm_string key, const sm_draft *value,
                                   sm_error *err) {
  sm_span bytes;
  SM_TRY(sm_draft_bytes(&bytes, value, err));
  return sm_draft_set_entry(draft, number, key, bytes, err);
}

/* ---- Writing ---- */

size_t sm_draft_size(const sm_draft *draft) {
  size_t size = 0;
  for (size_t i = 0; i < draft->n; i++) size += draft->fields[i].whole.size;
  return size;
}

sm_status sm_draft_spans(sm_spans *out, const sm_draft *draft, sm_error *err) {
  size_t n = 0;
  *out = (sm_spans){NULL, 0};
  if (draft->n == 0) return SM_OK;
  sm_span *items = sm_arena_array(draft->arena, sm_span, draft->n);
  if (items == NULL) return sm_arena_fail(draft->arena, draft->n * sizeof *items, err);
  for (size_t i = 0; i < draft->n; i++) {
    sm_span whole = draft->fields[i].whole;
    if (n != 0 && items[n - 1].data + items[n - 1].size == whole.data)
      items[n - 1].size += whole.size;
    else
      items[n++] = whole;
  }
  *out = (sm_spans){items, n};
  return SM_OK;
}

sm_status sm_draft_bytes(sm_span *out, const sm_draft *draft, sm_error *err) {
  size_t size = sm_draft_size(draft);
  uint8_t *bytes = sm_arena_alloc(draft->arena, size != 0 ? size : 1);
  if (bytes == NULL) return sm_arena_fail(draft->arena, size, err);
  copy_fields(bytes, draft);
  *out = (sm_span){bytes, size};
  return SM_OK;
}
