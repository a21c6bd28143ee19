/*
 * An input or output gets another name in signature_def and, where the object graph has the signature, there: in the
 * function's structure and keywords. A name that sorts elsewhere makes tensors change places, so the function has to take
 * them in the new order. It is called by a node of the graph too, and perhaps by others: these keep it as it is, and the
 * object graph gets a copy that takes the new order. What the graph's nodes and tensors are called never changes.
 */
#include "builder/edit_internal.h"

/* What is renamed. */
typedef struct renaming {
  sm_edit_direction direction;
  sm_string signature, name, new_name;
} renaming;

/* The signature's node in the object graph, and its function. */
typedef struct subject {
  sm_edit_objects objects;
  int64_t signatures, id;
  bool is_shared;    /* the node has other parents, too */
  sm_draft node;     /* SavedObject */
  sm_draft bare;     /* SavedBareConcreteFunction */
  sm_draft concrete; /* SavedConcreteFunction */
  sm_string function;
} subject;

/* ---- signature_def ---- */

static sm_status rename_in_signature(sm_draft *meta_graph, const renaming *what, sm_error *err) {
  sm_draft signature, value;
  bool has_default, is_input = what->direction == SM_EDIT_INPUT;
  SM_TRY(sm_edit_open_signature(&signature, meta_graph, what->signature, err));
  SM_TRY(sm_edit_rename_entry(&signature, is_input ? SM_SIGNATURE_INPUT : SM_SIGNATURE_OUTPUT,
                              is_input ? "input" : "output", what->name, what->new_name, err));
  SM_TRY(sm_draft_open_entry(&value, &has_default, &signature, SM_SIGNATURE_DEFAULT, what->name, err));
  if (is_input && has_default)
    SM_TRY(sm_edit_rename_entry(&signature, SM_SIGNATURE_DEFAULT, "default", what->name, what->new_name, err));
  return sm_draft_set_entry_draft(meta_graph, SM_META_GRAPH_SIGNATURE, what->signature, &signature, err);
}

/* ---- The object graph ---- */

static sm_status open_subject(subject *out, bool *found, const sm_draft *meta_graph, sm_string key, sm_error *err) {
  sm_draft map;
  sm_spans names;
  size_t n_edges;
  *found = false;
  SM_TRY(sm_edit_open_objects(&out->objects, meta_graph, err));
  SM_TRY(sm_edit_find_signatures(&out->signatures, &out->objects, err));
  if (out->signatures < 0) return SM_OK;
  SM_TRY(sm_edit_open_node(&map, &out->objects, out->signatures, err));
  SM_TRY(sm_edit_find_child(&out->id, &map, key, err));
  if (out->id < 0) return SM_OK;
  SM_TRY(sm_edit_count_edges(&n_edges, &out->objects, out->id, err));
  out->is_shared = n_edges > 1;
  SM_TRY(sm_edit_open_node(&out->node, &out->objects, out->id, err));
  SM_TRY(sm_draft_open(&out->bare, &out->node, SM_NODE_BARE_FUNCTION, err));
  SM_TRY(sm_draft_get(&names, &out->bare, SM_BARE_NAME, err));
  if (names.n == 0)
    return SM_FAIL(err, SM_UNIMPLEMENTED, "signature \"%.100s\" is no concrete function in the object graph", key.data);
  out->function = sm_text_of(names.items[names.n - 1]);
  SM_TRY(sm_draft_open_entry(&out->concrete, found, &out->objects.draft, SM_OBJECTS_FUNCTION, out->function, err));
  if (*found) return SM_OK;
  return SM_FAIL(err, SM_DATA_LOSS, "%s: the function of signature \"%.100s\" is not in the object graph",
                 meta_graph->source->name, key.data);
}

/* argument_keywords: names in the order of the arguments. */
static sm_status rename_keyword(subject *in, const renaming *what, sm_edit_order order, sm_error *err) {
  sm_spans keywords;
  SM_TRY(sm_draft_get(&keywords, &in->bare, SM_BARE_KEYWORD, err));
  sm_span *made = sm_arena_array(in->bare.arena, sm_span, keywords.n);
  if (made == NULL) return sm_arena_fail(in->bare.arena, keywords.n * sizeof *made, err);
  if (order.n != 0 && order.n != keywords.n && keywords.n != 0)
    return SM_FAIL(err, SM_UNIMPLEMENTED, "the function of the signature has %zu keywords for %zu arguments",
                   keywords.n, order.n);
  for (size_t i = 0; i < keywords.n; i++) {
    made[i] = keywords.items[order.n != 0 ? order.from[i] : i];
    if (sm_string_equal(sm_text_of(made[i]), what->name)) made[i] = sm_span_of(what->new_name);
  }
  return sm_draft_set_list(&in->bare, SM_BARE_KEYWORD, (sm_spans){made, keywords.n}, err);
}

/* The function itself takes the new order when nobody else uses it; else a copy does, and becomes the signature's. */
static sm_status change_function(sm_draft *meta_graph, subject *in, const renaming *what, sm_edit_order order,
                                 sm_error *err) {
  size_t n_users, n_callers = 0;
  sm_edit_library library;
  sm_string copy = {NULL, 0};
  SM_TRY(sm_edit_count_function_users(&n_users, &in->objects, in->function, err));
  n_users += in->is_shared;
  if (order.n == 0 && n_users <= 1) return SM_OK;
  SM_TRY(sm_edit_open_library(&library, meta_graph, err));
  SM_TRY(sm_edit_count_callers(&n_callers, &library, in->function, err));
  if (n_users > 1 || n_callers != 0) SM_TRY(sm_edit_make_name(&copy, &library, in->function, err));
  SM_TRY(sm_edit_reorder_function(&library, in->function, copy, what->direction, order, err));
  SM_TRY(sm_edit_close_library(meta_graph, &library, err));
  if (copy.data == NULL) return SM_OK;
  if (n_users <= 1)
    SM_TRY(sm_draft_set_entry(&in->objects.draft, SM_OBJECTS_FUNCTION, in->function, (sm_span){NULL, 0}, err));
  in->function = copy;
  return sm_draft_set(&in->bare, SM_BARE_NAME, sm_span_of(copy), err);
}

/* A node that is also to be had under another name stays what it is there: a copy of it becomes the signature's. */
static sm_status put_node(sm_draft *meta_graph, subject *in, const renaming *what, sm_error *err) {
  sm_draft *objects = &in->objects.draft;
  SM_TRY(sm_draft_set_draft(&in->node, SM_NODE_BARE_FUNCTION, &in->bare, err));
  SM_TRY(sm_draft_set_entry_draft(objects, SM_OBJECTS_FUNCTION, in->function, &in->concrete, err));
  if (in->is_shared) {
    SM_TRY(sm_draft_add(objects, SM_OBJECTS_NODE, &in->node, err));
    SM_TRY(sm_draft_set_draft(meta_graph, SM_META_GRAPH_OBJECT_GRAPH, objects, err));
    SM_TRY(sm_edit_open_objects(&in->objects, meta_graph, err)); /* it may have moved others */
    int64_t id = (int64_t)in->objects.n_nodes - 1;
    SM_TRY(sm_edit_move_child(&in->objects, in->signatures, what->signature, id, err));
  } else {
    SM_TRY(sm_draft_replace(objects, in->objects.nodes[in->id], &in->node, err));
  }
  return sm_draft_set_draft(meta_graph, SM_META_GRAPH_OBJECT_GRAPH, objects, err);
}

static sm_status rename_in_objects(sm_draft *meta_graph, const renaming *what, sm_error *err) {
  subject in;
  bool found;
  sm_string key, new_key;
  sm_edit_order order;
  SM_TRY(open_subject(&in, &found, meta_graph, what->signature, err));
  if (!found) return SM_OK;
  SM_TRY(sm_edit_rename_in_structure(&in.concrete, &key, &new_key, &order, what->direction, what->name, what->new_name,
                                     err));
  if (what->direction == SM_EDIT_INPUT) {
    SM_TRY(rename_keyword(&in, what, order, err));
    SM_TRY(sm_edit_rename_in_spec(&in.bare, key, new_key, err));
  }
  SM_TRY(change_function(meta_graph, &in, what, order, err));
  return put_node(meta_graph, &in, what, err);
}

/* ---- The calls ---- */

static sm_status rename_tensor(sm_builder *builder, size_t graph, const renaming *what, sm_error *err) {
  sm_edit edit;
  SM_TRY(sm_edit_begin(&edit, builder, graph, err));
  if (what->new_name.size == 0 || !sm_utf8_is_valid(what->new_name.data, what->new_name.size))
    return SM_FAIL(err, SM_INVALID_ARGUMENT, "a new name that is empty or not UTF-8");
  SM_TRY(rename_in_signature(&edit.draft, what, err));
  if (sm_string_equal(what->name, what->new_name)) return SM_OK;
  SM_TRY(rename_in_objects(&edit.draft, what, err));
  sm_edit_commit(&edit);
  return SM_OK;
}

sm_status sm_builder_rename_input(sm_builder *builder, size_t graph, const char *key, const char *name,
                                  const char *new_name, sm_error *err) {
  renaming what = {SM_EDIT_INPUT, sm_string_of(key), sm_string_of(name), sm_string_of(new_name)};
  return rename_tensor(builder, graph, &what, err);
}

sm_status sm_builder_rename_output(sm_builder *builder, size_t graph, const char *key, const char *name,
                                   const char *new_name, sm_error *err) {
  renaming what = {SM_EDIT_OUTPUT, sm_string_of(key), sm_string_of(name), sm_string_of(new_name)};
  return rename_tensor(builder, graph, &what, err);
}
