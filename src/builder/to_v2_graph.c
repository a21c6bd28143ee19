#include "builder/to_v2.h"

#include "graph/graph_edit.h"
#include "graph/resource_variables.h"

/* Fields of map entries, TensorInfo, CollectionDef, its lists, VariableDef: proto/meta_graph.proto, variable.proto. */
enum {
  ENTRY_KEY = 1,
  ENTRY_VALUE = 2,
  INFO_NAME = 1,
  INFO_DTYPE = 2,
  BYTES_LIST = 2,
  VALUE = 1,
  VARIABLE_IS_RESOURCE = 5
};

/* ---- Outputs of signatures ---- */

typedef struct name_list {
  sm_string *names;
  size_t n, at;
  bool is_counting;
} name_list;

/* Counts the outputs' tensors, or lists them. */
static sm_status visit_outputs(name_list *list, const sm_draft *signature, sm_error *err) {
  sm_spans entries;
  SM_TRY(sm_draft_get(&entries, signature, SM_SIGNATURE_OUTPUT, err));
  for (size_t i = 0; i < entries.n; i++) {
    sm_span info, name;
    SM_TRY(sm_wire_find_bytes(&info, entries.items[i], ENTRY_VALUE, signature->source, err));
    SM_TRY(sm_wire_find_bytes(&name, info, INFO_NAME, signature->source, err));
    if (!list->is_counting) list->names[list->at] = sm_text_of(name);
    list->at++;
  }
  return SM_OK;
}

/* The SignatureDef of a field of the meta graph, and the entry that it lies in; false: it is another field. */
static sm_status open_signature(bool *is_one, sm_draft *entry, sm_draft *signature, const sm_draft *meta_graph,
                                size_t at, sm_error *err) {
  sm_span bytes;
  *is_one = meta_graph->fields[at].number == SM_META_GRAPH_SIGNATURE &&
            sm_draft_field_value(&bytes, meta_graph, &meta_graph->fields[at]);
  if (!*is_one) return SM_OK;
  SM_TRY(sm_draft_read(entry, (sm_spans){&bytes, 1}, meta_graph->arena, meta_graph->source, err));
  return sm_draft_open(signature, entry, ENTRY_VALUE, err);
}

static sm_status visit_signatures(name_list *list, const sm_draft *meta_graph, sm_error *err) {
  list->at = 0;
  for (size_t i = 0; i < meta_graph->n; i++) {
    sm_draft entry, signature;
    bool is_one;
    SM_TRY(open_signature(&is_one, &entry, &signature, meta_graph, i, err));
    if (is_one) SM_TRY(visit_outputs(list, &signature, err));
  }
  return SM_OK;
}

static sm_status list_outputs(name_list *list, const sm_conversion *c, sm_error *err) {
  *list = (name_list){.is_counting = true};
  SM_TRY(visit_signatures(list, &c->edit.draft, err));
  *list = (name_list){.n = list->at, .names = sm_arena_array(c->arena, sm_string, list->at)};
  if (list->names == NULL) return sm_arena_fail(c->arena, list->n * sizeof *list->names, err);
  return visit_signatures(list, &c->edit.draft, err);
}

/* Of a reference: that of its value. */
static sm_status set_dtype(sm_draft *info, sm_span bytes, sm_error *err) {
  uint64_t dtype = 0;
  sm_wire_reader reader = sm_wire_read(bytes, info->source);
  for (sm_wire_field field; sm_wire_next(&reader, &field);)
    if (field.tag == SM_WIRE_TAG(INFO_DTYPE, SM_WIRE_VARINT)) dtype = field.value;
  SM_TRY(sm_wire_finish(&reader, err));
  if (dtype <= SM_DT_REF_OFFSET) return SM_OK;
  return sm_draft_set_number(info, INFO_DTYPE, dtype - SM_DT_REF_OFFSET, err);
}

/* An output takes the next name of the list. */
static sm_status rename_output(bool *is_changed, name_list *list, sm_draft *signature, size_t at, sm_error *err) {
  sm_draft entry, info;
  sm_span bytes, old;
  if (!sm_draft_field_value(&bytes, signature, &signature->fields[at])) return SM_OK;
  SM_TRY(sm_draft_read(&entry, (sm_spans){&bytes, 1}, signature->arena, signature->source, err));
  SM_TRY(sm_draft_open(&info, &entry, ENTRY_VALUE, err));
  SM_TRY(sm_wire_find_bytes(&bytes, bytes, ENTRY_VALUE, signature->source, err));
  SM_TRY(sm_wire_find_bytes(&old, bytes, INFO_NAME, signature->source, err));
  sm_string name = list->names[list->at++];
  if (sm_string_equal(name, sm_text_of(old))) return SM_OK;
  *is_changed = true;
  SM_TRY(sm_draft_set(&info, INFO_NAME, sm_span_of(name), err));
  SM_TRY(set_dtype(&info, bytes, err));
  SM_TRY(sm_draft_set_draft(&entry, ENTRY_VALUE, &info, err));
  return sm_draft_replace(signature, at, &entry, err);
}

static sm_status rename_outputs(name_list *list, sm_draft *meta_graph, sm_error *err) {
  list->at = 0;
  for (size_t i = 0; i < meta_graph->n; i++) {
    sm_draft entry, signature;
    bool is_one, is_changed = false;
    SM_TRY(open_signature(&is_one, &entry, &signature, meta_graph, i, err));
    if (!is_one) continue;
    for (size_t k = 0; k < signature.n; k++)
      if (signature.fields[k].number == SM_SIGNATURE_OUTPUT)
        SM_TRY(rename_output(&is_changed, list, &signature, k, err));
    if (!is_changed) continue;
    SM_TRY(sm_draft_set_draft(&entry, ENTRY_VALUE, &signature, err));
    SM_TRY(sm_draft_replace(meta_graph, i, &entry, err));
  }
  return SM_OK;
}

/* ---- What is said of variables and operations ---- */

static sm_status mark_resources(sm_draft *meta_graph, const char *key, sm_error *err) {
  sm_draft collection, list, variable;
  bool found;
  SM_TRY(sm_draft_open_entry(&collection, &found, meta_graph, SM_META_GRAPH_COLLECTION, sm_string_of(key), err));
  if (!found) return SM_OK;
  SM_TRY(sm_draft_open(&list, &collection, BYTES_LIST, err));
  for (size_t i = 0; i < list.n; i++) {
    sm_span bytes;
    if (list.fields[i].number != VALUE || !sm_draft_field_value(&bytes, &list, &list.fields[i])) continue;
    SM_TRY(sm_draft_read(&variable, (sm_spans){&bytes, 1}, list.arena, list.source, err));
    SM_TRY(sm_draft_set_number(&variable, VARIABLE_IS_RESOURCE, 1, err));
    SM_TRY(sm_draft_replace(&list, i, &variable, err));
  }
  if (list.n == 0) return SM_OK;
  SM_TRY(sm_draft_set_draft(&collection, BYTES_LIST, &list, err));
  return sm_draft_set_entry_draft(meta_graph, SM_META_GRAPH_COLLECTION, sm_string_of(key), &collection, err);
}

static sm_status describe(sm_conversion *c, sm_error *err) {
  static const char *const lists[] = {"variables",       "trainable_variables", "local_variables",
                                      "model_variables", "metric_variables",    "moving_average_variables",
                                      "global_step"};
  sm_draft *meta_graph = &c->edit.draft;
  for (size_t i = 0; i < sizeof lists / sizeof lists[0]; i++) SM_TRY(mark_resources(meta_graph, lists[i], err));
  return sm_edit_list_ops(meta_graph, err);
}

/* ---- All ---- */

static sm_status has_references(bool *out, sm_spans graph_def, const sm_wire_source *source, sm_arena *arena,
                                sm_error *err) {
  sm_spans nodes;
  *out = false;
  SM_TRY(sm_wire_collect(&nodes, graph_def, SM_GRAPH_NODE, source, arena, err));
  for (size_t i = 0; i < nodes.n && !*out; i++) {
    sm_string op;
    SM_TRY(sm_node_get_op(&op, nodes.items[i], source, err));
    *out = sm_string_equal(op, sm_string_of("VariableV2")) || sm_string_equal(op, sm_string_of("Variable"));
  }
  return SM_OK;
}

sm_status sm_convert_references(sm_conversion *c, sm_error *err) {
  name_list outputs;
  sm_spans graph_def;
  sm_buffer out;
  bool are_there;
  SM_TRY(sm_draft_get(&graph_def, &c->edit.draft, SM_META_GRAPH_GRAPH, err));
  SM_TRY(has_references(&are_there, graph_def, c->source, c->arena, err));
  if (!are_there) return SM_OK;
  SM_TRY(list_outputs(&outputs, c, err));
  sm_buffer_init(&out, c->arena->allocator, UINT64_MAX);
  sm_status status =
      sm_graph_use_resources(&out, graph_def, outputs.names, outputs.n, &c->defs, c->source, c->arena, err);
  if (status == SM_OK) status = sm_draft_set(&c->edit.draft, SM_META_GRAPH_GRAPH, (sm_span){out.data, out.size}, err);
  sm_buffer_free(&out);
  SM_TRY(status);
  SM_TRY(rename_outputs(&outputs, &c->edit.draft, err));
  return describe(c, err);
}
