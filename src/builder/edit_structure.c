/*
 * canonicalized_input_signature is (positional..., {keyword: spec}) and output_signature {key: spec}. The tensors of a dict
 * are passed in the order of its keys, so a new key may make them change places. Keys of arguments are names that Python
 * allows for parameters, and it is these that are sorted (core/function/polymorphism/function_type.py: sanitize_arg_name,
 * unpack_inputs).
 */
#include "builder/edit_internal.h"
#include "builder/parameter_name.h"

/* Fields of StructuredValue and of what it holds: proto/struct.proto. */
enum {
  VALUE_STRING = 13,
  VALUE_SPEC = 33,
  VALUE_TYPE_SPEC = 34,
  VALUE_BOUNDED_SPEC = 35,
  VALUE_LIST = 51,
  VALUE_TUPLE = 52,
  VALUE_DICT = 53,
  VALUE_NAMED_TUPLE = 54,
  ITEM = 1, /* of lists and tuples; fields of a dict */
  SPEC_NAME = 1,
  TYPE_SPEC_N_COMPONENTS = 4,
  PAIRS = 2, /* of a named tuple */
  PAIR_KEY = 1,
  PAIR_VALUE = 2,
  SPEC_FULLARGSPEC = 1, /* of FunctionSpec */
  KEYWORDS = 1          /* in the pair of arguments */
};

/* Tensors of one result. A ragged tensor has one for each ragged dimension and one more. */
enum { MAX_COMPONENTS = 1024 };

/* ---- The way to the dict and back ---- */

enum { MAX_LEVELS = 4 };

/* Messages, each inside the one before it. */
typedef struct nest {
  sm_draft levels[MAX_LEVELS];
  size_t at[MAX_LEVELS]; /* the place of the next level in the list of this one */
  size_t n;
} nest;

/* The nth value of a field becomes the next level. */
static sm_status descend(nest *in, bool *found, uint32_t number, size_t nth, sm_error *err) {
  sm_draft *level = &in->levels[in->n - 1];
  sm_span value;
  *found = false;
  for (size_t i = 0; i < level->n && !*found; i++) {
    if (level->fields[i].number != number || nth-- != 0) continue;
    if (!sm_draft_field_value(&value, level, &level->fields[i])) return SM_OK;
    in->at[in->n - 1] = i;
    *found = true;
  }
  if (!*found) return SM_OK;
  SM_TRY(sm_draft_read(&in->levels[in->n], (sm_spans){&value, 1}, level->arena, level->source, err));
  in->n++;
  return SM_OK;
}

/* Puts each level back into the one before it. */
static sm_status ascend(nest *in, sm_error *err) {
  for (; in->n > 1; in->n--)
    SM_TRY(sm_draft_replace(&in->levels[in->n - 2], in->at[in->n - 2], &in->levels[in->n - 1], err));
  return SM_OK;
}

static sm_status open_dict(nest *out, const sm_draft *concrete, sm_edit_direction direction, sm_error *err) {
  static const struct {
    uint32_t number;
    size_t nth;
  } inputs[] = {{VALUE_TUPLE, 0}, {ITEM, KEYWORDS}, {VALUE_DICT, 0}}, outputs[] = {{VALUE_DICT, 0}};
  bool is_input = direction == SM_EDIT_INPUT, found = true;
  size_t n = is_input ? sizeof inputs / sizeof inputs[0] : 1;
  out->n = 1;
  SM_TRY(sm_draft_open(&out->levels[0], concrete, is_input ? SM_CONCRETE_INPUTS : SM_CONCRETE_OUTPUTS, err));
  for (size_t i = 0; i < n && found; i++)
    SM_TRY(descend(out, &found, is_input ? inputs[i].number : outputs[i].number, is_input ? inputs[i].nth : 0, err));
  if (found) return SM_OK;
  return SM_FAIL(err, SM_UNIMPLEMENTED, "the function of the signature has no dict of %s",
                 is_input ? "arguments" : "results");
}

/* ---- Entries of the dict ---- */

typedef struct item {
  sm_string sorted_by; /* the first member: what the order comes from */
  sm_string key;
  sm_string spec; /* its name */
  size_t place;   /* in the old order */
  size_t first;   /* of its tensors */
  size_t n;       /* tensors; 0: not known */
} item;

typedef struct item_list {
  item *items;
  size_t n;
} item_list;

static sm_status count_components(size_t *out, sm_span type_spec, const sm_wire_source *source, sm_error *err) {
  *out = 0;
  sm_wire_reader reader = sm_wire_read(type_spec, source);
  for (sm_wire_field field; sm_wire_next(&reader, &field);)
    if (field.tag == SM_WIRE_TAG(TYPE_SPEC_N_COMPONENTS, SM_WIRE_VARINT) && field.value <= MAX_COMPONENTS)
      *out = (size_t)field.value;
  return sm_wire_finish(&reader, err);
}

static sm_status read_item(item *out, const sm_wire_entry *entry, const sm_draft *dict, sm_edit_direction direction,
                           sm_error *err) {
  sm_span value, name;
  *out = (item){.key = entry->key, .sorted_by = entry->key};
  if (direction == SM_EDIT_INPUT) SM_TRY(sm_parameter_name(&out->sorted_by, entry->key, dict->arena, err));
  SM_TRY(sm_wire_find_bytes(&value, entry->bytes, 2, dict->source, err));
  sm_wire_reader reader = sm_wire_read(value, dict->source);
  for (sm_wire_field field; sm_wire_next(&reader, &field);) {
    uint32_t number = sm_wire_number(&field);
    if (sm_wire_type_of(&field) != SM_WIRE_BYTES) continue;
    if (number == VALUE_SPEC || number == VALUE_BOUNDED_SPEC) {
      SM_TRY(sm_wire_find_bytes(&name, field.bytes, SPEC_NAME, dict->source, err));
      out->spec = sm_text_of(name);
      out->n = 1;
    } else if (number == VALUE_TYPE_SPEC) {
      SM_TRY(count_components(&out->n, field.bytes, dict->source, err));
    }
  }
  return sm_wire_finish(&reader, err);
}

static bool item_less(const void *a, const void *b) {
  return sm_string_compare(((const item *)a)->sorted_by, ((const item *)b)->sorted_by) < 0;
}

/* The entries in the order in which their tensors are passed. */
static sm_status list_items(item_list *out, const sm_draft *dict, sm_edit_direction direction, sm_error *err) {
  sm_spans message;
  sm_wire_map map;
  SM_TRY(sm_draft_spans(&message, dict, err));
  SM_TRY(sm_wire_index_map(&map, message, ITEM, dict->source, dict->arena, err));
  *out = (item_list){sm_arena_array(dict->arena, item, map.n), map.n};
  if (out->items == NULL) return sm_arena_fail(dict->arena, map.n * sizeof(item), err);
  for (size_t i = 0; i < map.n; i++) SM_TRY(read_item(&out->items[i], &map.entries[i], dict, direction, err));
  sm_sort(out->items, out->n, sizeof(item), item_less);
  for (size_t i = 1; i < out->n; i++) {
    out->items[i].place = i;
    out->items[i].first = out->items[i - 1].first + out->items[i - 1].n;
  }
  return SM_OK;
}

/* By the name of its spec, else by its key; NULL. */
static item *find_item(const item_list *list, sm_string name) {
  for (size_t i = 0; i < list->n; i++)
    if (list->items[i].spec.size != 0 && sm_string_equal(list->items[i].spec, name)) return &list->items[i];
  for (size_t i = 0; i < list->n; i++)
    if (sm_string_equal(list->items[i].key, name)) return &list->items[i];
  return NULL;
}

/* ---- The order ---- */

/* after: the same items with their old places, in the new order. */
static sm_status compare_order(sm_edit_order *out, const item_list *after, sm_arena *arena, sm_error *err) {
  size_t n = 0, n_tensors = 0;
  bool is_same = true;
  *out = (sm_edit_order){NULL, 0};
  for (size_t i = 0; i < after->n; i++) {
    is_same = is_same && after->items[i].place == i;
    n_tensors += after->items[i].n;
  }
  if (is_same) return SM_OK;
  for (size_t i = 0; i < after->n; i++)
    if (after->items[i].n == 0)
      return SM_FAIL(err, SM_UNIMPLEMENTED,
                     "the new name changes the order, and how many tensors \"%.100s\" is made of is not known",
                     after->items[i].key.data);
  size_t *from = sm_arena_array(arena, size_t, n_tensors);
  if (from == NULL) return sm_arena_fail(arena, n_tensors * sizeof *from, err);
  for (size_t i = 0; i < after->n; i++)
    for (size_t k = 0; k < after->items[i].n; k++) from[n++] = after->items[i].first + k;
  *out = (sm_edit_order){from, n};
  return SM_OK;
}

/* ---- Renaming ---- */

/* The name in the spec of an entry. */
static sm_status rename_spec(sm_draft *value, sm_string name, sm_string new_name, sm_error *err) {
  for (size_t i = 0; i < value->n; i++) {
    sm_span bytes, found;
    sm_draft spec;
    uint32_t number = value->fields[i].number;
    if (number != VALUE_SPEC && number != VALUE_BOUNDED_SPEC) continue;
    if (!sm_draft_field_value(&bytes, value, &value->fields[i])) continue;
    SM_TRY(sm_wire_find_bytes(&found, bytes, SPEC_NAME, value->source, err));
    if (!sm_string_equal(sm_text_of(found), name)) continue;
    SM_TRY(sm_draft_read(&spec, (sm_spans){&bytes, 1}, value->arena, value->source, err));
    SM_TRY(sm_draft_set(&spec, SPEC_NAME, sm_span_of(new_name), err));
    SM_TRY(sm_draft_replace(value, i, &spec, err));
  }
  return SM_OK;
}

static sm_status rename_item(sm_draft *dict, const item *meant, sm_string new_key, sm_string name, sm_string new_name,
                             sm_error *err) {
  sm_draft value;
  bool found;
  SM_TRY(sm_draft_open_entry(&value, &found, dict, ITEM, meant->key, err));
  SM_TRY(rename_spec(&value, name, new_name, err));
  SM_TRY(sm_draft_set_entry(dict, ITEM, meant->key, (sm_span){NULL, 0}, err));
  return sm_draft_set_entry_draft(dict, ITEM, new_key, &value, err);
}

sm_status sm_edit_rename_in_structure(sm_draft *concrete, sm_string *key, sm_string *new_key, sm_edit_order *order,
                                      sm_edit_direction direction, sm_string name, sm_string new_name, sm_error *err) {
  nest in;
  item_list list;
  bool is_input = direction == SM_EDIT_INPUT;
  SM_TRY(open_dict(&in, concrete, direction, err));
  sm_draft *dict = &in.levels[in.n - 1];
  SM_TRY(list_items(&list, dict, direction, err));
  item *meant = find_item(&list, name);
  if (meant == NULL)
    return SM_FAIL(err, SM_UNIMPLEMENTED, "the function of the signature has no %s \"%.100s\"",
                   is_input ? "argument" : "result", name.data);
  *key = meant->key;
  *new_key = new_name;
  if (is_input) SM_TRY(sm_parameter_name(new_key, new_name, dict->arena, err));
  for (size_t i = 0; i < list.n; i++)
    if (&list.items[i] != meant && sm_string_equal(list.items[i].sorted_by, *new_key))
      return SM_FAIL(err, SM_ALREADY_EXISTS, "the function of the signature has a \"%.100s\" already", new_key->data);
  SM_TRY(rename_item(dict, meant, *new_key, name, new_name, err));
  meant->sorted_by = meant->key = *new_key;
  sm_sort(list.items, list.n, sizeof(item), item_less);
  SM_TRY(compare_order(order, &list, dict->arena, err));
  SM_TRY(ascend(&in, err));
  return sm_draft_set_draft(concrete, is_input ? SM_CONCRETE_INPUTS : SM_CONCRETE_OUTPUTS, &in.levels[0], err);
}

/* ---- FullArgSpec ---- */

/* Renames a string in a list of them. */
static sm_status rename_in_list(sm_draft *list, sm_string key, sm_string new_key, sm_error *err) {
  for (size_t i = 0; i < list->n; i++) {
    sm_span bytes, text;
    sm_draft value;
    if (!sm_draft_field_value(&bytes, list, &list->fields[i])) continue;
    SM_TRY(sm_wire_find_bytes(&text, bytes, VALUE_STRING, list->source, err));
    if (text.data == NULL || !sm_string_equal(sm_text_of(text), key)) continue;
    SM_TRY(sm_draft_read(&value, (sm_spans){&bytes, 1}, list->arena, list->source, err));
    SM_TRY(sm_draft_set(&value, VALUE_STRING, sm_span_of(new_key), err));
    SM_TRY(sm_draft_replace(list, i, &value, err));
  }
  return SM_OK;
}

/* The pair named "kwonlyargs" of the named tuple; its value is a list. Others are left alone. */
static sm_status rename_in_pair(sm_draft *named_tuple, size_t at, sm_string key, sm_string new_key, sm_error *err) {
  nest in = {.n = 1};
  sm_span bytes, name;
  bool found;
  if (!sm_draft_field_value(&bytes, named_tuple, &named_tuple->fields[at])) return SM_OK;
  SM_TRY(sm_wire_find_bytes(&name, bytes, PAIR_KEY, named_tuple->source, err));
  if (!sm_string_equal(sm_text_of(name), sm_string_of("kwonlyargs"))) return SM_OK;
  SM_TRY(sm_draft_read(&in.levels[0], (sm_spans){&bytes, 1}, named_tuple->arena, named_tuple->source, err));
  SM_TRY(descend(&in, &found, PAIR_VALUE, 0, err));
  if (found) SM_TRY(descend(&in, &found, VALUE_LIST, 0, err));
  if (!found) return SM_OK;
  SM_TRY(rename_in_list(&in.levels[in.n - 1], key, new_key, err));
  SM_TRY(ascend(&in, err));
  return sm_draft_replace(named_tuple, at, &in.levels[0], err);
}

sm_status sm_edit_rename_in_spec(sm_draft *bare, sm_string key, sm_string new_key, sm_error *err) {
  nest in = {.n = 1};
  bool found;
  SM_TRY(sm_draft_open(&in.levels[0], bare, SM_BARE_SPEC, err));
  SM_TRY(descend(&in, &found, SPEC_FULLARGSPEC, 0, err));
  if (found) SM_TRY(descend(&in, &found, VALUE_NAMED_TUPLE, 0, err));
  if (!found) return SM_OK;
  sm_draft *named_tuple = &in.levels[in.n - 1];
  for (size_t i = 0; i < named_tuple->n; i++)
    if (named_tuple->fields[i].number == PAIRS) SM_TRY(rename_in_pair(named_tuple, i, key, new_key, err));
  SM_TRY(ascend(&in, err));
  return sm_draft_set_draft(bare, SM_BARE_SPEC, &in.levels[0], err);
}
