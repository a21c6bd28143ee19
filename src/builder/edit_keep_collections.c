/* Collections name nodes: in lists, and in messages that importers look up (variables, savers, queue runners, contexts of
 * loops and branches). A name that is not in the graph makes TensorFlow 1's importer fail. */
#include "builder/edit_keep.h"

/* Fields of CollectionDef, of the lists in it, of map entries, NodeDef: proto/meta_graph.proto, node_def.proto. */
enum { NODE_LIST = 1, BYTES_LIST = 2, VALUE = 1, VARIABLE_NAME = 1, NODE_INPUT = 3, ENTRY_KEY = 1, ENTRY_VALUE = 2 };

/* Collections of messages in which strings of these fields name tensors (python/framework/ops.py, GraphKeys; variable.proto,
 * saver.proto, queue_runner.proto). 0 ends a list. */
static const struct messages {
  const char *key;
  uint32_t names[5];
  bool are_variables;
} messages[] = {
    {"variables", {1, 2, 3, 6}, true},        {"trainable_variables", {1, 2, 3, 6}, true},
    {"local_variables", {1, 2, 3, 6}, true},  {"model_variables", {1, 2, 3, 6}, true},
    {"metric_variables", {1, 2, 3, 6}, true}, {"moving_average_variables", {1, 2, 3, 6}, true},
    {"global_step", {1, 2, 3, 6}, true},      {"savers", {1, 2, 3}, false},
    {"queue_runners", {2, 3, 4}, false},
};

/* Contexts hold the names of all their nodes; they serve to build gradients, which nobody does of a part of a graph. */
static const char *const contexts[] = {"cond_context", "while_context"};

static const struct messages *find_messages(sm_string key) {
  for (size_t i = 0; i < sizeof messages / sizeof messages[0]; i++)
    if (sm_string_equal(key, sm_string_of(messages[i].key))) return &messages[i];
  return NULL;
}

static bool is_context(sm_string key) {
  return sm_string_equal(key, sm_string_of(contexts[0])) || sm_string_equal(key, sm_string_of(contexts[1]));
}

bool sm_keep_has(const sm_reach *reach, sm_string tensor) {
  const sm_reach_node *node = sm_reach_find_node(reach, tensor);
  return node != NULL && node->marks != 0;
}

static bool is_name(const struct messages *of, const sm_wire_field *field) {
  for (size_t i = 0; i < sizeof of->names / sizeof of->names[0] && of->names[i] != 0; i++)
    if (field->tag == SM_WIRE_TAG(of->names[i], SM_WIRE_BYTES)) return field->bytes.size != 0;
  return false;
}

/* ---- Marking ---- */

static sm_status find_first(sm_span *out, sm_span message, uint32_t number, const sm_wire_source *source,
                            sm_error *err) {
  *out = (sm_span){NULL, 0};
  sm_wire_reader reader = sm_wire_read(message, source);
  for (sm_wire_field field; sm_wire_next(&reader, &field);)
    if (out->data == NULL && field.tag == SM_WIRE_TAG(number, SM_WIRE_BYTES)) *out = field.bytes;
  return sm_wire_finish(&reader, err);
}

static sm_status mark_variable(bool *more, sm_span variable, const struct messages *of, sm_reach *reach,
                               sm_error *err) {
  sm_span name;
  SM_TRY(sm_wire_find_bytes(&name, variable, VARIABLE_NAME, reach->source, err));
  if (!sm_keep_has(reach, sm_text_of(name))) return SM_OK;
  sm_wire_reader reader = sm_wire_read(variable, reach->source);
  for (sm_wire_field field; sm_wire_next(&reader, &field);) {
    sm_string tensor = sm_text_of(field.bytes);
    if (!is_name(of, &field) || sm_keep_has(reach, tensor) || sm_reach_find_node(reach, tensor) == NULL) continue;
    sm_reach_mark_tensor(reach, tensor, SM_KEEP);
    *more = true;
  }
  return sm_wire_finish(&reader, err);
}

/* What fills a table that stays: where there is no init op, tf.saved_model.load runs all of this collection. */
static sm_status mark_initializers(bool *more, const sm_draft *meta_graph, sm_reach *reach, sm_error *err) {
  sm_draft collection, list;
  sm_spans names;
  bool found;
  const sm_string key = sm_string_of("table_initializer");
  SM_TRY(sm_draft_open_entry(&collection, &found, meta_graph, SM_META_GRAPH_COLLECTION, key, err));
  SM_TRY(sm_draft_open(&list, &collection, NODE_LIST, err));
  SM_TRY(sm_draft_get(&names, &list, VALUE, err));
  for (size_t i = 0; i < names.n; i++) {
    sm_span table;
    const sm_reach_node *node = sm_reach_find_node(reach, sm_text_of(names.items[i]));
    if (node == NULL || node->marks != 0) continue;
    SM_TRY(find_first(&table, node->bytes, NODE_INPUT, reach->source, err));
    if (!sm_keep_has(reach, sm_text_of(table))) continue;
    sm_reach_mark_tensor(reach, node->name, SM_KEEP);
    *more = true;
  }
  return SM_OK;
}

sm_status sm_keep_mark_variables(bool *more, const sm_draft *meta_graph, sm_reach *reach, sm_error *err) {
  *more = false;
  for (size_t i = 0; i < sizeof messages / sizeof messages[0]; i++) {
    sm_draft collection, list;
    sm_spans values;
    bool found;
    if (!messages[i].are_variables) continue;
    sm_string key = sm_string_of(messages[i].key);
    SM_TRY(sm_draft_open_entry(&collection, &found, meta_graph, SM_META_GRAPH_COLLECTION, key, err));
    SM_TRY(sm_draft_open(&list, &collection, BYTES_LIST, err));
    SM_TRY(sm_draft_get(&values, &list, VALUE, err));
    for (size_t k = 0; k < values.n; k++) SM_TRY(mark_variable(more, values.items[k], &messages[i], reach, err));
  }
  return mark_initializers(more, meta_graph, reach, err);
}

/* ---- Taking out ---- */

/* Does all that the message names stay? */
static sm_status stays(bool *out, sm_span message, const struct messages *of, const sm_reach *reach, sm_error *err) {
  *out = true;
  sm_wire_reader reader = sm_wire_read(message, reach->source);
  for (sm_wire_field field; sm_wire_next(&reader, &field);)
    if (is_name(of, &field) && !sm_keep_has(reach, sm_text_of(field.bytes))) *out = false;
  return sm_wire_finish(&reader, err);
}

/* of NULL: each value is a name itself. */
static sm_status filter(sm_draft *collection, uint32_t kind, const struct messages *of, const sm_reach *reach,
                        sm_error *err) {
  sm_draft list;
  size_t kept = 0;
  SM_TRY(sm_draft_open(&list, collection, kind, err));
  for (size_t i = 0; i < list.n; i++) {
    sm_span value;
    bool is_kept = true;
    if (list.fields[i].number == VALUE && sm_draft_field_value(&value, &list, &list.fields[i])) {
      if (of == NULL)
        is_kept = sm_keep_has(reach, sm_text_of(value));
      else
        SM_TRY(stays(&is_kept, value, of, reach, err));
    }
    if (is_kept) list.fields[kept++] = list.fields[i];
  }
  if (kept == list.n) return SM_OK;
  list.n = kept;
  return kept != 0 ? sm_draft_set_draft(collection, kind, &list, err)
                   : sm_draft_set(collection, kind, (sm_span){NULL, 0}, err);
}

/* An entry of the map; *is_kept: is anything left of it? */
static sm_status filter_entry(bool *is_kept, sm_draft *meta_graph, size_t at, const sm_reach *reach, sm_error *err) {
  sm_span bytes, key;
  sm_draft entry, collection;
  *is_kept = true;
  if (!sm_draft_field_value(&bytes, meta_graph, &meta_graph->fields[at])) return SM_OK;
  SM_TRY(sm_wire_find_bytes(&key, bytes, ENTRY_KEY, reach->source, err));
  *is_kept = !is_context(sm_text_of(key));
  if (!*is_kept) return SM_OK;
  SM_TRY(sm_draft_read(&entry, (sm_spans){&bytes, 1}, meta_graph->arena, meta_graph->source, err));
  SM_TRY(sm_draft_open(&collection, &entry, ENTRY_VALUE, err));
  size_t size = sm_draft_size(&collection);
  const struct messages *of = find_messages(sm_text_of(key));
  SM_TRY(filter(&collection, NODE_LIST, NULL, reach, err));
  if (of != NULL) SM_TRY(filter(&collection, BYTES_LIST, of, reach, err));
  if (sm_draft_size(&collection) == size) return SM_OK;
  *is_kept = collection.n != 0;
  if (!*is_kept) return SM_OK;
  SM_TRY(sm_draft_set_draft(&entry, ENTRY_VALUE, &collection, err));
  return sm_draft_replace(meta_graph, at, &entry, err);
}

sm_status sm_keep_collections(sm_draft *meta_graph, const sm_reach *reach, sm_error *err) {
  size_t kept = 0;
  for (size_t i = 0; i < meta_graph->n; i++) {
    bool is_kept = true;
    if (meta_graph->fields[i].number == SM_META_GRAPH_COLLECTION)
      SM_TRY(filter_entry(&is_kept, meta_graph, i, reach, err));
    if (is_kept) meta_graph->fields[kept++] = meta_graph->fields[i];
  }
  meta_graph->n = kept;
  return SM_OK;
}
