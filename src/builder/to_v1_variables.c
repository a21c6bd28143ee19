/*
 * Variables of a V2 model, as V1 models have them: by the collection "variables" TensorFlow finds the nodes that read them and
 * that give them their first value, without which it neither lists nor saves them (python/saved_model/load_v1_in_v2.py).
 * The first values are zeros, and nobody runs what would assign them.
 */
#include "builder/to_v1.h"

#include "graph/freeze.h"
#include "graph/node_write.h"
#include "graph/reach.h"
#include "objects/objects.h"
#include "objects/structured_write.h"

/* Fields of SaverDef, CollectionDef, its lists, VariableDef, AttrValue, TensorProto: proto/saver.proto, meta_graph.proto,
 * variable.proto, attr_value.proto, tensor.proto. */
enum {
  SAVER_RESTORE = 3,
  BYTES_LIST = 2,
  VALUE = 1,
  VARIABLE_NAME = 1,
  VARIABLE_INITIALIZER = 2,
  VARIABLE_SNAPSHOT = 3,
  VARIABLE_IS_RESOURCE = 5,
  VARIABLE_INITIAL_VALUE = 6,
  VARIABLE_TRAINABLE = 7,
  ATTR_TENSOR = 8,
  TENSOR_DTYPE = 1,
  TENSOR_SHAPE = 2
};

static const char VARIABLES[] = "variables", TRAINABLE[] = "trainable_variables";

typedef struct key_flag {
  sm_string key; /* in the checkpoint */
  bool is_trainable;
} key_flag;

typedef struct lister {
  sm_edit *edit;
  const sm_wire_source *source;
  sm_arena *arena;
  const sm_bundle_reader *reader;
  sm_reach reach;  /* of the graph: to find its nodes */
  key_flag *flags; /* sorted */
  size_t n_flags;
  sm_buffer nodes; /* that are added, as fields of a GraphDef */
} lister;

/* ---- What is trained ---- */

static bool flag_less(const void *a, const void *b) {
  return sm_string_compare(((const key_flag *)a)->key, ((const key_flag *)b)->key) < 0;
}

static sm_status list_flags(lister *l, const sm_meta_graph *graph, sm_error *err) {
  size_t n;
  SM_TRY(sm_meta_graph_n_variables(&n, graph, err));
  l->flags = sm_arena_array(l->arena, key_flag, n);
  if (l->flags == NULL) return sm_arena_fail(l->arena, n * sizeof *l->flags, err);
  for (size_t i = 0; i < n; i++) {
    const sm_variable *variable;
    SM_TRY(sm_meta_graph_get_variable(&variable, graph, i, err));
    if (variable->key != NULL)
      l->flags[l->n_flags++] = (key_flag){{variable->key, variable->key_size}, variable->trainable};
  }
  sm_sort(l->flags, l->n_flags, sizeof *l->flags, flag_less);
  return SM_OK;
}

static bool is_trainable(const lister *l, sm_string key) {
  size_t found = sm_named_find(l->flags, l->n_flags, sizeof *l->flags, key);
  return found != SIZE_MAX && l->flags[found].is_trainable;
}

/* ---- Nodes ---- */

/* A node that was there, or is added. */
typedef struct variable_nodes {
  const char *variable, *zeros, *assign, *read;
} variable_nodes;

static sm_status print(const char **out, const lister *l, const char *a, const char *b, sm_error *err) {
  size_t size = strlen(a) + strlen(b) + 1;
  char *text = sm_arena_alloc(l->arena, size);
  if (text == NULL) return sm_arena_fail(l->arena, size, err);
  snprintf(text, size, "%s%s", a, b);
  *out = text;
  return SM_OK;
}

/* NAME/what, with as many '_' behind it as it takes to be the only node of that name. */
static sm_status name_node(const char **out, const lister *l, const char *variable, const char *what, sm_error *err) {
  enum { MAX_TRIES = 20 };
  SM_TRY(print(out, l, variable, what, err));
  for (int i = 0; i < MAX_TRIES; i++) {
    if (sm_reach_find_node(&l->reach, sm_string_of(*out)) == NULL) return SM_OK;
    SM_TRY(print(out, l, *out, "_", err));
  }
  return SM_FAIL(err, SM_UNIMPLEMENTED, "variable %.200s: the names of nodes for it are taken", variable);
}

static sm_status add_node(lister *l, const sm_node_spec *spec, sm_error *err) {
  size_t node;
  SM_TRY(sm_wire_open(&node, &l->nodes, SM_GRAPH_NODE, err));
  SM_TRY(sm_node_write(&l->nodes, spec, err));
  return sm_wire_close(&l->nodes, node, err);
}

/* A TensorProto without values is all zeros. */
static sm_status write_zeros(sm_buffer *out, const sm_bundle_entry *entry, sm_error *err) {
  size_t tensor;
  SM_TRY(sm_wire_open(&tensor, out, ATTR_TENSOR, err));
  SM_TRY(sm_wire_put_varint(out, TENSOR_DTYPE, (uint64_t)entry->dtype, err));
  SM_TRY(sm_shape_field_write(out, TENSOR_SHAPE, entry->rank, entry->dims, err));
  return sm_wire_close(out, tensor, err);
}

static sm_status add_zeros(lister *l, const char *name, const sm_bundle_entry *entry, sm_error *err) {
  sm_buffer zeros;
  sm_buffer_init(&zeros, l->arena->allocator, UINT64_MAX);
  sm_status status = write_zeros(&zeros, entry, err);
  const sm_attr attrs[] = {sm_attr_type("dtype", entry->dtype),
                           sm_attr_proto("value", (sm_string){(const char *)zeros.data, zeros.size})};
  const sm_node_spec spec = {.op = "Const", .name = name, .attrs = attrs, .n_attrs = 2};
  if (status == SM_OK) status = add_node(l, &spec, err);
  sm_buffer_free(&zeros);
  return status;
}

/* TensorFlow's own models have nodes that read their variables already. */
static sm_status has_read(bool *out, const lister *l, const char *read, sm_error *err) {
  sm_string op = {"", 0};
  const sm_reach_node *node = sm_reach_find_node(&l->reach, sm_string_of(read));
  if (node != NULL) SM_TRY(sm_node_get_op(&op, node->bytes, l->source, err));
  *out = sm_string_equal(op, sm_string_of("ReadVariableOp"));
  return SM_OK;
}

static sm_status add_nodes(variable_nodes *out, lister *l, const sm_bundle_entry *entry, sm_error *err) {
  bool is_read;
  const sm_attr dtype = sm_attr_type("dtype", entry->dtype);
  SM_TRY(name_node(&out->zeros, l, out->variable, "/Initializer/zeros", err));
  SM_TRY(name_node(&out->assign, l, out->variable, "/Assign", err));
  SM_TRY(add_zeros(l, out->zeros, entry, err));
  const sm_node_spec assign = {
      "AssignVariableOp", out->assign, (const char *[]){out->variable, out->zeros}, 2, &dtype, 1, NULL};
  SM_TRY(add_node(l, &assign, err));
  SM_TRY(print(&out->read, l, out->variable, "/Read/ReadVariableOp", err));
  SM_TRY(has_read(&is_read, l, out->read, err));
  if (is_read) return SM_OK;
  SM_TRY(name_node(&out->read, l, out->variable, "/Read/ReadVariableOp", err));
  const sm_node_spec read = {"ReadVariableOp", out->read, &out->variable, 1, &dtype, 1, NULL};
  return add_node(l, &read, err);
}

/* ---- Collections ---- */

static sm_status set_name(sm_draft *def, uint32_t number, const lister *l, const char *node, const char *end,
                          sm_error *err) {
  const char *text = "";
  SM_TRY(print(&text, l, node, end, err));
  return sm_draft_set(def, number, sm_span_of(sm_string_of(text)), err);
}

static sm_status make_def(sm_span *out, const lister *l, const variable_nodes *nodes, bool trainable, sm_error *err) {
  sm_draft def;
  sm_draft_init(&def, l->arena, l->source);
  SM_TRY(set_name(&def, VARIABLE_NAME, l, nodes->variable, ":0", err));
  SM_TRY(set_name(&def, VARIABLE_INITIALIZER, l, nodes->assign, "", err));
  SM_TRY(set_name(&def, VARIABLE_SNAPSHOT, l, nodes->read, ":0", err));
  SM_TRY(sm_draft_set_number(&def, VARIABLE_IS_RESOURCE, 1, err));
  SM_TRY(set_name(&def, VARIABLE_INITIAL_VALUE, l, nodes->zeros, ":0", err));
  if (trainable) SM_TRY(sm_draft_set_number(&def, VARIABLE_TRAINABLE, 1, err));
  return sm_draft_bytes(out, &def, err);
}

/* Behind those that the collection has. */
static sm_status extend(const lister *l, const char *key, const sm_span *defs, size_t n, sm_error *err) {
  sm_draft collection, list;
  sm_spans old;
  bool found;
  sm_draft *meta_graph = &l->edit->draft;
  if (n == 0) return SM_OK;
  SM_TRY(sm_draft_open_entry(&collection, &found, meta_graph, SM_META_GRAPH_COLLECTION, sm_string_of(key), err));
  if (!found) sm_draft_init(&collection, l->arena, l->source);
  SM_TRY(sm_draft_open(&list, &collection, BYTES_LIST, err));
  SM_TRY(sm_draft_get(&old, &list, VALUE, err));
  sm_span *all = sm_arena_array(l->arena, sm_span, old.n + n);
  if (all == NULL) return sm_arena_fail(l->arena, (old.n + n) * sizeof *all, err);
  if (old.n != 0) memcpy(all, old.items, old.n * sizeof *all);
  memcpy(all + old.n, defs, n * sizeof *all);
  SM_TRY(sm_draft_set_list(&list, VALUE, (sm_spans){all, old.n + n}, err));
  SM_TRY(sm_draft_set_draft(&collection, BYTES_LIST, &list, err));
  return sm_draft_set_entry_draft(meta_graph, SM_META_GRAPH_COLLECTION, sm_string_of(key), &collection, err);
}

typedef struct listed_name {
  sm_string name; /* node */
} listed_name;

static bool listed_less(const void *a, const void *b) {
  return sm_string_compare(((const listed_name *)a)->name, ((const listed_name *)b)->name) < 0;
}

/* Variables that the collection has already, as in a V1 model that had got an object graph. */
static sm_status list_known(listed_name **out, size_t *n, const lister *l, sm_error *err) {
  sm_draft collection, list;
  sm_spans defs;
  bool found;
  const sm_string key = sm_string_of(VARIABLES);
  SM_TRY(sm_draft_open_entry(&collection, &found, &l->edit->draft, SM_META_GRAPH_COLLECTION, key, err));
  SM_TRY(sm_draft_open(&list, &collection, BYTES_LIST, err));
  SM_TRY(sm_draft_get(&defs, &list, VALUE, err));
  *n = defs.n;
  *out = sm_arena_array(l->arena, listed_name, defs.n);
  if (*out == NULL) return sm_arena_fail(l->arena, defs.n * sizeof **out, err);
  for (size_t i = 0; i < defs.n; i++) {
    sm_span name;
    SM_TRY(sm_wire_find_bytes(&name, defs.items[i], VARIABLE_NAME, l->source, err));
    (*out)[i].name = sm_tensor_node_name(sm_text_of(name));
  }
  sm_sort(*out, *n, sizeof **out, listed_less);
  return SM_OK;
}

/* ---- All ---- */

static sm_status list_all(lister *l, const sm_restored_variable *restores, size_t n, sm_error *err) {
  listed_name *known;
  size_t n_known, n_all = 0, n_trainable = 0;
  sm_span *all = sm_arena_array(l->arena, sm_span, n), *trainable = sm_arena_array(l->arena, sm_span, n);
  if (all == NULL || trainable == NULL) return sm_arena_fail(l->arena, n * sizeof *all, err);
  SM_TRY(list_known(&known, &n_known, l, err));
  for (size_t i = 0; i < n; i++) {
    sm_bundle_entry entry;
    sm_error failure;
    variable_nodes nodes = {.variable = sm_arena_copy(l->arena, restores[i].node).data};
    if (nodes.variable == NULL) return sm_arena_fail(l->arena, restores[i].node.size, err);
    if (i > 0 && sm_string_equal(restores[i].node, restores[i - 1].node)) continue;
    if (sm_named_find(known, n_known, sizeof *known, restores[i].node) != SIZE_MAX) continue;
    sm_status status = sm_bundle_reader_find_n(&entry, l->reader, restores[i].key, &failure);
    if (status == SM_NOT_FOUND) continue; /* loading fails, in either version */
    SM_TRY(sm_error_pass(err, status, &failure));
    bool trains = is_trainable(l, restores[i].key);
    SM_TRY(add_nodes(&nodes, l, &entry, err));
    SM_TRY(make_def(&all[n_all], l, &nodes, trains, err));
    if (trains) trainable[n_trainable++] = all[n_all];
    n_all++;
  }
  SM_TRY(extend(l, VARIABLES, all, n_all, err));
  return extend(l, TRAINABLE, trainable, n_trainable, err);
}

static sm_status add_to_graph(lister *l, sm_spans graph_def, sm_error *err) {
  sm_draft graph;
  if (l->nodes.size == 0) return SM_OK;
  sm_span *pieces = sm_arena_array(l->arena, sm_span, graph_def.n + 1);
  if (pieces == NULL) return sm_arena_fail(l->arena, (graph_def.n + 1) * sizeof *pieces, err);
  if (graph_def.n != 0) memcpy(pieces, graph_def.items, graph_def.n * sizeof *pieces);
  pieces[graph_def.n] = (sm_span){l->nodes.data, l->nodes.size};
  SM_TRY(sm_draft_read(&graph, (sm_spans){pieces, graph_def.n + 1}, l->arena, l->source, err));
  SM_TRY(sm_draft_set_draft(&l->edit->draft, SM_META_GRAPH_GRAPH, &graph, err));
  return sm_edit_list_ops(&l->edit->draft, err);
}

static sm_status list_variables(lister *l, const sm_meta_graph *graph, sm_error *err) {
  const sm_restored_variable *restores;
  sm_graph_library library;
  size_t n;
  sm_draft saver;
  sm_spans names, graph_def;
  SM_TRY(list_flags(l, graph, err));
  SM_TRY(sm_draft_open(&saver, &l->edit->draft, SM_META_GRAPH_SAVER, err));
  SM_TRY(sm_draft_get(&names, &saver, SAVER_RESTORE, err));
  sm_string restore = names.n != 0 ? sm_text_of(names.items[names.n - 1]) : (sm_string){"", 0};
  SM_TRY(sm_draft_get(&graph_def, &l->edit->draft, SM_META_GRAPH_GRAPH, err));
  SM_TRY(sm_reach_init(&l->reach, graph_def, 0, l->source, l->arena, err));
  SM_TRY(sm_graph_index_functions(&library, graph_def, l->source, l->arena, err));
  SM_TRY(sm_graph_find_restores(&restores, &n, graph_def, &library, restore, l->source, l->arena, err));
  SM_TRY(list_all(l, restores, n, err));
  return add_to_graph(l, graph_def, err);
}

sm_status sm_convert_list_variables(sm_edit *edit, const sm_meta_graph *graph, const sm_bundle_reader *reader,
                                    sm_error *err) {
  lister l = {.edit = edit, .source = edit->draft.source, .arena = edit->draft.arena, .reader = reader};
  sm_buffer_init(&l.nodes, l.arena->allocator, UINT64_MAX);
  sm_status status = list_variables(&l, graph, err);
  sm_buffer_free(&l.nodes);
  return status;
}
