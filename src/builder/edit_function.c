#include "builder/edit_internal.h"

#include "graph/graph.h"

/* Fields of GradientDef, RegisteredGradient, AttrValue, its list, and of map entries: proto/function.proto,
 * attr_value.proto. */
enum {
  LIBRARY_GRADIENT = 2,
  LIBRARY_REGISTERED = 3,
  GRADIENT_FUNCTION = 1,
  GRADIENT_GRADIENT = 2,
  REGISTERED_FUNCTION = 1,
  ATTR_LIST = 1,
  LIST_SHAPE = 7,
  ENTRY_KEY = 1
};

sm_status sm_edit_open_library(sm_edit_library *out, const sm_draft *meta_graph, sm_error *err) {
  SM_TRY(sm_draft_open(&out->graph, meta_graph, SM_META_GRAPH_GRAPH, err));
  return sm_draft_open(&out->library, &out->graph, SM_GRAPH_LIBRARY, err);
}

sm_status sm_edit_close_library(sm_draft *meta_graph, sm_edit_library *library, sm_error *err) {
  SM_TRY(sm_draft_set_draft(&library->graph, SM_GRAPH_LIBRARY, &library->library, err));
  return sm_draft_set_draft(meta_graph, SM_META_GRAPH_GRAPH, &library->graph, err);
}

static sm_status get_function_name(sm_string *out, sm_span function, const sm_wire_source *source, sm_error *err) {
  sm_span signature, name;
  SM_TRY(sm_wire_find_bytes(&signature, function, SM_FUNCTION_SIGNATURE, source, err));
  SM_TRY(sm_wire_find_bytes(&name, signature, SM_OP_NAME, source, err));
  *out = sm_text_of(name);
  return SM_OK;
}

/* ---- Who calls it ---- */

typedef struct counting {
  sm_string function;
  size_t n;
} counting;

static sm_status count_name(void *ctx, sm_string name, sm_error *err) {
  counting *count = ctx;
  (void)err;
  count->n += sm_string_equal(count->function, name);
  return SM_OK;
}

/* Calls by attribute, and nodes whose op is the function. */
static sm_status count_in_nodes(counting *count, sm_span message, uint32_t number, const sm_wire_source *source,
                                sm_error *err) {
  sm_wire_reader reader = sm_wire_read(message, source);
  for (sm_wire_field field; sm_wire_next(&reader, &field);) {
    sm_string op;
    if (field.tag != SM_WIRE_TAG(number, SM_WIRE_BYTES)) continue;
    SM_TRY(sm_node_get_op(&op, field.bytes, source, err));
    SM_TRY(count_name(count, op, err));
    SM_TRY(sm_node_each_nested_func(field.bytes, source, count_name, count, err));
  }
  return sm_wire_finish(&reader, err);
}

static sm_status count_in_library(counting *count, const sm_draft *library, size_t at, sm_error *err) {
  sm_span value, name;
  uint32_t number = library->fields[at].number;
  if (!sm_draft_field_value(&value, library, &library->fields[at])) return SM_OK;
  if (number == SM_LIBRARY_FUNCTION) return count_in_nodes(count, value, SM_FUNCTION_NODE, library->source, err);
  if (number == LIBRARY_GRADIENT) {
    SM_TRY(sm_wire_find_bytes(&name, value, GRADIENT_FUNCTION, library->source, err));
    SM_TRY(count_name(count, sm_text_of(name), err));
    SM_TRY(sm_wire_find_bytes(&name, value, GRADIENT_GRADIENT, library->source, err));
    return count_name(count, sm_text_of(name), err);
  }
  if (number != LIBRARY_REGISTERED) return SM_OK;
  SM_TRY(sm_wire_find_bytes(&name, value, REGISTERED_FUNCTION, library->source, err));
  return count_name(count, sm_text_of(name), err);
}

sm_status sm_edit_count_callers(size_t *out, const sm_edit_library *library, sm_string function, sm_error *err) {
  counting count = {.function = function};
  sm_spans graph;
  SM_TRY(sm_draft_spans(&graph, &library->graph, err));
  for (size_t i = 0; i < graph.n; i++)
    SM_TRY(count_in_nodes(&count, graph.items[i], SM_GRAPH_NODE, library->graph.source, err));
  for (size_t i = 0; i < library->library.n; i++) SM_TRY(count_in_library(&count, &library->library, i, err));
  *out = count.n;
  return SM_OK;
}

/* ---- Names ---- */

/* Length of the name without "_123"; *uid that number, 0 for none. */
static size_t split_uid(sm_string name, uint64_t *uid) {
  size_t at = name.size;
  uint64_t scale = 1;
  *uid = 0;
  for (; at > 0 && name.data[at - 1] >= '0' && name.data[at - 1] <= '9'; at--) {
    if (scale > UINT64_MAX / 100) return name.size; /* too long for TensorFlow to have counted up to */
    *uid += scale * (uint64_t)(name.data[at - 1] - '0');
    scale *= 10;
  }
  return at > 0 && at < name.size && name.data[at - 1] == '_' ? at - 1 : name.size;
}

sm_status sm_edit_make_name(sm_string *out, const sm_edit_library *library, sm_string name, sm_error *err) {
  uint64_t uid, greatest = 0;
  for (size_t i = 0; i < library->library.n; i++) {
    sm_span function;
    sm_string other;
    if (library->library.fields[i].number != SM_LIBRARY_FUNCTION) continue;
    if (!sm_draft_field_value(&function, &library->library, &library->library.fields[i])) continue;
    SM_TRY(get_function_name(&other, function, library->library.source, err));
    if (split_uid(other, &uid) < other.size && uid > greatest) greatest = uid;
  }
  size_t stem = split_uid(name, &uid), size = stem + 24;
  char *made = sm_arena_calloc(library->library.arena, 1, size);
  if (made == NULL) return sm_arena_fail(library->library.arena, size, err);
  if (stem != 0) memcpy(made, name.data, stem);
  int digits = snprintf(made + stem, size - stem, "_%llu", (unsigned long long)greatest + 1);
  *out = (sm_string){made, stem + (size_t)digits};
  return SM_OK;
}

/* ---- Another order ---- */

/* The first values of a repeated field change places; those behind them (captures) stay. false: there are too few. */
static sm_status reorder_list(bool *done, sm_draft *draft, uint32_t number, sm_edit_order order, sm_error *err) {
  sm_spans values;
  SM_TRY(sm_draft_get(&values, draft, number, err));
  *done = values.n >= order.n;
  if (!*done) return SM_OK;
  sm_span *moved = sm_arena_array(draft->arena, sm_span, values.n);
  if (moved == NULL) return sm_arena_fail(draft->arena, values.n * sizeof *moved, err);
  for (size_t i = 0; i < values.n; i++) moved[i] = values.items[i < order.n ? order.from[i] : i];
  return sm_draft_set_list(draft, number, (sm_spans){moved, values.n}, err);
}

/* Maps from the number of an argument. */
static sm_status renumber_entries(sm_draft *function, uint32_t number, sm_edit_order order, sm_error *err) {
  size_t *to = sm_arena_array(function->arena, size_t, order.n);
  if (to == NULL) return sm_arena_fail(function->arena, order.n * sizeof *to, err);
  for (size_t i = 0; i < order.n; i++) to[order.from[i]] = i;
  for (size_t i = 0; i < function->n; i++) {
    sm_span bytes;
    sm_draft entry;
    uint64_t key = 0;
    if (function->fields[i].number != number) continue;
    if (!sm_draft_field_value(&bytes, function, &function->fields[i])) continue;
    sm_wire_reader reader = sm_wire_read(bytes, function->source);
    for (sm_wire_field field; sm_wire_next(&reader, &field);)
      if (field.tag == SM_WIRE_TAG(ENTRY_KEY, SM_WIRE_VARINT)) key = (uint32_t)field.value;
    SM_TRY(sm_wire_finish(&reader, err));
    if (key >= order.n) continue;
    SM_TRY(sm_draft_read(&entry, (sm_spans){&bytes, 1}, function->arena, function->source, err));
    SM_TRY(sm_draft_set_number(&entry, ENTRY_KEY, to[key], err));
    SM_TRY(sm_draft_replace(function, i, &entry, err));
  }
  return SM_OK;
}

/* The attribute that has a shape for each argument: a hint, which goes where it does not fit. */
static sm_status reorder_shapes(sm_draft *function, sm_edit_order order, sm_error *err) {
  sm_string name = sm_string_of("_input_shapes");
  sm_draft attr, list;
  bool found, done;
  SM_TRY(sm_draft_open_entry(&attr, &found, function, SM_FUNCTION_ATTR, name, err));
  if (!found) return SM_OK;
  SM_TRY(sm_draft_open(&list, &attr, ATTR_LIST, err));
  SM_TRY(reorder_list(&done, &list, LIST_SHAPE, order, err));
  if (!done) return sm_draft_set_entry(function, SM_FUNCTION_ATTR, name, (sm_span){NULL, 0}, err);
  SM_TRY(sm_draft_set_draft(&attr, ATTR_LIST, &list, err));
  return sm_draft_set_entry_draft(function, SM_FUNCTION_ATTR, name, &attr, err);
}

static sm_status reorder(sm_draft *function, sm_string new_name, sm_edit_direction direction, sm_edit_order order,
                         sm_error *err) {
  sm_draft signature;
  bool done, is_input = direction == SM_EDIT_INPUT;
  SM_TRY(sm_draft_open(&signature, function, SM_FUNCTION_SIGNATURE, err));
  if (new_name.data != NULL) SM_TRY(sm_draft_set(&signature, SM_OP_NAME, sm_span_of(new_name), err));
  SM_TRY(reorder_list(&done, &signature, is_input ? SM_OP_INPUT_ARG : SM_OP_OUTPUT_ARG, order, err));
  if (!done)
    return SM_FAIL(err, SM_UNIMPLEMENTED, "the function of the signature has fewer than %zu %s", order.n,
                   is_input ? "arguments" : "results");
  SM_TRY(sm_draft_set_draft(function, SM_FUNCTION_SIGNATURE, &signature, err));
  if (!is_input || order.n == 0) return SM_OK;
  SM_TRY(reorder_shapes(function, order, err));
  SM_TRY(renumber_entries(function, SM_FUNCTION_ARG_ATTR, order, err));
  return renumber_entries(function, SM_FUNCTION_ARG_UNIQUE_ID, order, err);
}

sm_status sm_edit_reorder_function(sm_edit_library *library, sm_string name, sm_string new_name,
                                   sm_edit_direction direction, sm_edit_order order, sm_error *err) {
  sm_draft *list = &library->library;
  for (size_t i = list->n; i-- > 0;) { /* of several the last counts */
    sm_span bytes;
    sm_string found;
    sm_draft function;
    if (list->fields[i].number != SM_LIBRARY_FUNCTION || !sm_draft_field_value(&bytes, list, &list->fields[i]))
      continue;
    SM_TRY(get_function_name(&found, bytes, list->source, err));
    if (!sm_string_equal(found, name)) continue;
    SM_TRY(sm_draft_read(&function, (sm_spans){&bytes, 1}, list->arena, list->source, err));
    SM_TRY(reorder(&function, new_name, direction, order, err));
    if (new_name.data != NULL) return sm_draft_add(list, SM_LIBRARY_FUNCTION, &function, err);
    return sm_draft_replace(list, i, &function, err);
  }
  return SM_FAIL(err, SM_DATA_LOSS, "%s: function %.*s is not in the library", list->source->name, SM_SHOWN(name));
}
