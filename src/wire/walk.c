/*
 * Nearly every message that was ever written has its fields in order. One look over its tags tells; then they are handed out
 * as they lie. Else they are put into an index and sorted, and what does not count is dropped from it.
 */
#include "wire/canonical_internal.h"

/* ---- Map entries ---- */

bool sm_wire_is_map_entry(const ProtobufCMessageDescriptor *type) {
  static const char suffix[] = "Entry";
  if (type->n_fields != 2 || type->fields[0].id != SM_WIRE_ENTRY_KEY || type->fields[1].id != SM_WIRE_ENTRY_VALUE)
    return false;
  size_t size = strlen(type->short_name), suffix_size = sizeof suffix - 1;
  return strcmp(type->fields[0].name, "key") == 0 && strcmp(type->fields[1].name, "value") == 0 && size > suffix_size &&
         strcmp(type->short_name + size - suffix_size, suffix) == 0;
}

static bool is_map(const ProtobufCFieldDescriptor *described) {
  return described->type == PROTOBUF_C_TYPE_MESSAGE && !sm_wire_is_singular(described) &&
         sm_wire_is_map_entry(described->descriptor);
}

static sm_wire_key key_of(const ProtobufCFieldDescriptor *described, const sm_wire_field *field) {
  if (described->type == PROTOBUF_C_TYPE_STRING) return (sm_wire_key){.bytes = field->bytes};
  uint64_t number = sm_wire_decode_scalar(described, field->value);
  switch (described->type) {
    case PROTOBUF_C_TYPE_UINT32:
    case PROTOBUF_C_TYPE_UINT64:
    case PROTOBUF_C_TYPE_FIXED32:
    case PROTOBUF_C_TYPE_FIXED64:
    case PROTOBUF_C_TYPE_BOOL: return (sm_wire_key){.number = number};
    default: return (sm_wire_key){.number = number ^ (uint64_t)1 << 63}; /* negative ones first */
  }
}

sm_status sm_wire_find_key(sm_wire_key *out, const ProtobufCMessageDescriptor *entry, sm_span bytes,
                           const sm_wire_source *source, sm_error *err) {
  const ProtobufCFieldDescriptor *described = &entry->fields[0];
  sm_wire_field field, found = {0};
  sm_wire_reader reader = sm_wire_read(bytes, source);
  while (sm_wire_next(&reader, &field))
    if (field.tag == SM_WIRE_TAG(SM_WIRE_ENTRY_KEY, sm_wire_native_type(described))) found = field;
  SM_TRY(sm_wire_finish(&reader, err));
  *out = key_of(described, &found);
  return SM_OK;
}

int sm_wire_compare_keys(const sm_wire_key *a, const sm_wire_key *b) {
  if (a->number != b->number) return a->number < b->number ? -1 : 1;
  return sm_string_compare((sm_string){(const char *)a->bytes.data, a->bytes.size},
                           (sm_string){(const char *)b->bytes.data, b->bytes.size});
}

/* ---- Is it in order? ---- */

/* The field that was read; NULL: the schema has none such. */
static const ProtobufCFieldDescriptor *describe(const ProtobufCMessageDescriptor *type,
                                                const ProtobufCFieldDescriptor *guess, const sm_wire_field *field) {
  uint32_t number = sm_wire_number(field);
  const ProtobufCFieldDescriptor *found =
      guess != NULL && guess->id == number ? guess : protobuf_c_message_descriptor_get_field(type, number);
  return found != NULL && sm_wire_type_fits(found, sm_wire_type_of(field)) ? found : NULL;
}

static sm_status fail_unknown(const ProtobufCMessageDescriptor *type, const sm_wire_field *field,
                              const sm_wire_source *source, sm_error *err) {
  return SM_FAIL(err, SM_UNIMPLEMENTED,
                 "%s: %s has a field %u of wire type %u that the schema does not have: text cannot hold it",
                 source->name, type->name, sm_wire_number(field), (unsigned)sm_wire_type_of(field));
}

/* What a look over the tags has to remember. */
typedef struct look {
  size_t n, n_unknown;
  const ProtobufCFieldDescriptor *last;
  sm_wire_key last_key; /* when last is a map */
  uint64_t oneofs;      /* met so far, hashed: taking two for one only costs time */
  bool is_in_order;
} look;

static sm_status look_at(look *seen, const ProtobufCFieldDescriptor *described, const sm_wire_field *field,
                         const sm_wire_source *source, sm_error *err) {
  bool is_again = seen->last == described;
  if (seen->last != NULL && (described < seen->last || (is_again && sm_wire_is_singular(described))))
    seen->is_in_order = false;
  if ((described->flags & PROTOBUF_C_FIELD_FLAG_ONEOF) != 0) {
    uint64_t bit = (uint64_t)1 << (described->quantifier_offset / sizeof(int) % 64);
    if ((seen->oneofs & bit) != 0) seen->is_in_order = false;
    seen->oneofs |= bit;
  }
  seen->last = described;
  if (!is_map(described)) return SM_OK;
  sm_wire_key key;
  SM_TRY(sm_wire_find_key(&key, described->descriptor, field->bytes, source, err));
  if (is_again && sm_wire_compare_keys(&seen->last_key, &key) >= 0) seen->is_in_order = false;
  seen->last_key = key;
  return SM_OK;
}

/* Checks and counts all fields. */
static sm_status look_over(look *seen, const sm_wire_walker *walker, const ProtobufCMessageDescriptor *type,
                           sm_spans pieces, sm_error *err) {
  sm_wire_field field;
  *seen = (look){.is_in_order = true};
  for (size_t i = 0; i < pieces.n; i++) {
    sm_wire_reader reader = sm_wire_read(pieces.items[i], walker->source);
    while (sm_wire_next(&reader, &field)) {
      const ProtobufCFieldDescriptor *described = describe(type, seen->last, &field);
      if (described == NULL) {
        if (!walker->keeps_unknown) return fail_unknown(type, &field, walker->source, err);
        seen->n_unknown++;
        continue;
      }
      if (seen->n_unknown != 0) seen->is_in_order = false;
      if (seen->is_in_order) SM_TRY(look_at(seen, described, &field, walker->source, err));
      seen->n++;
    }
    SM_TRY(sm_wire_finish(&reader, err));
  }
  return SM_OK;
}

/* ---- Putting it in order ---- */

/* Where the items of each field begin when they stand by field. Returns whether members of a oneof are among them. */
static bool find_starts(size_t *starts, const ProtobufCMessageDescriptor *type, sm_spans pieces,
                        const sm_wire_source *source) {
  bool has_oneof = false;
  sm_wire_field field;
  memset(starts, 0, type->n_fields * sizeof *starts);
  for (size_t i = 0; i < pieces.n; i++) {
    sm_wire_reader reader = sm_wire_read(pieces.items[i], source);
    while (sm_wire_next(&reader, &field)) {
      const ProtobufCFieldDescriptor *described = describe(type, NULL, &field);
      if (described == NULL) continue;
      starts[described - type->fields]++;
      has_oneof |= (described->flags & PROTOBUF_C_FIELD_FLAG_ONEOF) != 0;
    }
  }
  size_t start = 0;
  for (unsigned i = 0; i < type->n_fields; i++) {
    size_t n = starts[i];
    starts[i] = start;
    start += n;
  }
  return has_oneof;
}

/* starts: where those of each field go; NULL: all in the order of the bytes. */
static sm_status fill_items(sm_wire_item *items, size_t *starts, const ProtobufCMessageDescriptor *type,
                            sm_spans pieces, const sm_wire_source *source, sm_error *err) {
  size_t n = 0;
  sm_wire_field field;
  for (size_t i = 0; i < pieces.n; i++) {
    sm_wire_reader reader = sm_wire_read(pieces.items[i], source);
    while (sm_wire_next(&reader, &field)) {
      const ProtobufCFieldDescriptor *described = describe(type, NULL, &field);
      if (described == NULL) continue;
      sm_wire_item *item = &items[starts != NULL ? starts[described - type->fields]++ : n];
      *item = (sm_wire_item){.described = described, .ordinal = n++, .field = field};
      if (is_map(described)) SM_TRY(sm_wire_find_key(&item->key, described->descriptor, field.bytes, source, err));
    }
  }
  return SM_OK;
}

/* Which member of a oneof counts: the last one, as far back as no other member stands between. */
typedef struct oneof_end {
  unsigned oneof; /* quantifier_offset, which its members share */
  const ProtobufCFieldDescriptor *member;
  bool is_over;
} oneof_end;

enum { MAX_ONEOFS = 12 }; /* in one message; PredictRequest.RequestOptions has the most */

static bool is_overridden(oneof_end *ends, size_t *n_ends, const ProtobufCFieldDescriptor *member) {
  for (size_t i = 0; i < *n_ends; i++) {
    if (ends[i].oneof != member->quantifier_offset) continue;
    if (ends[i].member != member) ends[i].is_over = true;
    return ends[i].is_over;
  }
  if (*n_ends < MAX_ONEOFS) ends[(*n_ends)++] = (oneof_end){member->quantifier_offset, member, false};
  return false;
}

/* Items are in the order of the bytes. */
static size_t drop_overridden_members(sm_wire_item *items, size_t n) {
  oneof_end ends[MAX_ONEOFS];
  size_t n_ends = 0, first = n;
  for (size_t i = n; i-- > 0;) {
    bool is_member = (items[i].described->flags & PROTOBUF_C_FIELD_FLAG_ONEOF) != 0;
    if (!is_member || !is_overridden(ends, &n_ends, items[i].described)) items[--first] = items[i];
  }
  memmove(items, items + first, (n - first) * sizeof *items);
  return n - first;
}

static bool item_less(const void *a, const void *b) {
  const sm_wire_item *left = a, *right = b;
  if (left->described != right->described) return left->described < right->described;
  int order = sm_wire_compare_keys(&left->key, &right->key);
  return order != 0 ? order < 0 : left->ordinal < right->ordinal;
}

/* Sorts items that stand by field, and within each in the order of the bytes: what is left to do is maps. */
static void sort_maps(sm_wire_item *items, size_t n) {
  for (size_t i = 0, end; i < n; i = end) {
    for (end = i + 1; end < n && items[end].described == items[i].described;) end++;
    if (is_map(items[i].described)) sm_sort(items + i, end - i, sizeof *items, item_less);
  }
}

/* From several pieces of one message, one item. */
static sm_status join_pieces(sm_wire_item *item, const sm_wire_item *same, size_t n, sm_arena *arena, sm_error *err) {
  sm_span *pieces = sm_arena_array(arena, sm_span, n);
  if (pieces == NULL) return sm_arena_fail(arena, n * sizeof *pieces, err);
  for (size_t i = 0; i < n; i++) pieces[i] = same[i].field.bytes;
  *item = same[0];
  item->pieces = (sm_spans){pieces, n};
  return SM_OK;
}

/* Items are sorted: of those that stand for one value, leaves what counts. */
static sm_status keep_what_counts(sm_wire_item *items, size_t *n_items, sm_arena *arena, sm_error *err) {
  size_t kept = 0, end;
  for (size_t i = 0; i < *n_items; i = end) {
    const ProtobufCFieldDescriptor *described = items[i].described;
    bool is_singular = sm_wire_is_singular(described), keeps_one = is_singular || is_map(described);
    end = i + 1;
    while (keeps_one && end < *n_items && items[end].described == described &&
           sm_wire_compare_keys(&items[i].key, &items[end].key) == 0)
      end++;
    if (is_singular && described->type == PROTOBUF_C_TYPE_MESSAGE && end - i > 1)
      SM_TRY(join_pieces(&items[kept++], &items[i], end - i, arena, err));
    else
      items[kept++] = items[end - 1];
  }
  *n_items = kept;
  return SM_OK;
}

/* All that counts, in order. Items has room for what there is. */
static sm_status put_in_order(sm_wire_item *items, size_t *n, const ProtobufCMessageDescriptor *type, sm_spans pieces,
                              const sm_wire_source *source, sm_arena *arena, sm_error *err) {
  size_t starts[SM_WIRE_MAX_FIELDS];
  if (find_starts(starts, type, pieces, source)) {
    SM_TRY(fill_items(items, NULL, type, pieces, source, err));
    *n = drop_overridden_members(items, *n);
    sm_sort(items, *n, sizeof *items, item_less);
  } else {
    SM_TRY(fill_items(items, starts, type, pieces, source, err));
    sort_maps(items, *n);
  }
  return keep_what_counts(items, n, arena, err);
}

/* Gives an entry the key or value that it lacks: the default, which is all zero. */
static void complete_entry(sm_wire_item *items, size_t *n, const ProtobufCMessageDescriptor *type) {
  for (unsigned i = 0; i < 2; i++) {
    const ProtobufCFieldDescriptor *described = &type->fields[i];
    if (*n > i && items[i].described == described) continue;
    memmove(items + i + 1, items + i, (*n - i) * sizeof *items);
    items[i] = (sm_wire_item){.described = described};
    items[i].field.tag = SM_WIRE_TAG(described->id, sm_wire_native_type(described));
    ++*n;
  }
}

/* Fields that the schema does not know stay in the order of the bytes. */
static void add_unknown(sm_wire_item *items, size_t *n, const ProtobufCMessageDescriptor *type, sm_spans pieces,
                        const sm_wire_source *source) {
  sm_wire_field field;
  for (size_t i = 0; i < pieces.n; i++) {
    sm_wire_reader reader = sm_wire_read(pieces.items[i], source);
    while (sm_wire_next(&reader, &field))
      if (describe(type, NULL, &field) == NULL) items[(*n)++] = (sm_wire_item){.field = field};
  }
}

sm_status sm_wire_walk_begin(sm_wire_walk *out, const sm_wire_walker *walker, const ProtobufCMessageDescriptor *type,
                             sm_spans pieces, sm_error *err) {
  look seen;
  *out = (sm_wire_walk){.type = type, .is_entry = sm_wire_is_map_entry(type)};
  SM_TRY(look_over(&seen, walker, type, pieces, err));
  if (seen.is_in_order && pieces.n == 1 && (!out->is_entry || (seen.n == 2 && seen.n_unknown == 0))) {
    out->is_direct = true;
    out->reader = sm_wire_read(pieces.items[0], walker->source);
    return SM_OK;
  }
  size_t n = seen.n, capacity = seen.n + seen.n_unknown + 2;
  sm_wire_item *items = sm_arena_array(walker->arena, sm_wire_item, capacity);
  if (items == NULL) return sm_arena_fail(walker->arena, capacity * sizeof *items, err);
  SM_TRY(put_in_order(items, &n, type, pieces, walker->source, walker->arena, err));
  if (out->is_entry)
    complete_entry(items, &n, type); /* of entries no runtime keeps what is unknown */
  else if (seen.n_unknown != 0)
    add_unknown(items, &n, type, pieces, walker->source);
  out->items = items;
  out->n_items = n;
  return SM_OK;
}

static bool is_default(const sm_wire_item *item) {
  if (item->described == NULL || !sm_wire_has_implicit_presence(item->described)) return false;
  return sm_wire_is_text_or_bytes(item->described) ? item->field.bytes.size == 0
                                                   : sm_wire_decode_scalar(item->described, item->field.value) == 0;
}

bool sm_wire_walk_next(sm_wire_walk *walk, sm_wire_item *item) {
  for (;;) {
    if (walk->is_direct) {
      item->pieces.n = 0;
      if (!sm_wire_next(&walk->reader, &item->field)) return false;
      item->described = describe(walk->type, NULL, &item->field);
    } else {
      if (walk->at == walk->n_items) return false;
      *item = walk->items[walk->at++];
    }
    if (walk->is_entry || !is_default(item)) return true;
  }
}

sm_status sm_wire_fail_depth(const sm_wire_source *source, const uint8_t *at, sm_error *err) {
  char what[64];
  snprintf(what, sizeof what, "messages nested more than %d deep", SM_WIRE_MAX_DEPTH);
  return sm_wire_fail(source, at, what, err);
}
