/*
 * The object graph of some signatures. Nodes are numbered by their place, so that those that stay get new numbers wherever
 * one is named: children, dependencies, slot variables, savers of tables, what functions capture.
 */
#include "builder/edit_keep.h"

#include "codec/varint.h"
#include "wire/emit.h"

/* Fields of SavedFunction, CapturedTensor, SavedConstant, SlotVariableReference, SaveableObject: proto/
 * saved_object_graph.proto, trackable_object_graph.proto. */
enum {
  FUNCTION_CONCRETE = 1,
  CAPTURED_FUNCTION = 2,
  CONSTANT_NODE = 1,
  SLOT_ORIGINAL = 1,
  SLOT_VARIABLE = 3,
  SAVEABLE_SAVE = 2,
  SAVEABLE_RESTORE = 3,
  ENTRY_KEY = 1,
  ENTRY_VALUE = 2,
  USER_OBJECT = 4
};

typedef struct object {
  sm_span bytes;
  bool is_user_object;
  bool is_needed; /* a signature needs it, and it all its children */
  bool is_kept;   /* that, or it leads there */
  int64_t id;     /* its new one */
  size_t first_parent;
} object;

/* An edge from a user object, to go from child to parent. */
typedef struct parent {
  size_t id;
  size_t next; /* of the same child; SIZE_MAX: none */
} parent;

typedef struct keeping {
  sm_edit_objects objects;
  const sm_wire_source *source;
  sm_arena *arena;
  sm_reach *reach;
  sm_wire_map functions; /* SavedConcreteFunctions */
  bool *is_used;         /* each of them */
  object *nodes;
  size_t n_nodes;
  size_t *waiting, n_waiting;
  parent *parents;
  size_t n_parents;
} keeping;

/* ---- What is needed ---- */

static sm_status need(keeping *k, int64_t id, sm_error *err) {
  if (id < 0 || (uint64_t)id >= k->n_nodes)
    return SM_FAIL(err, SM_DATA_LOSS, "%s: object %lld, but the object graph has %zu", k->source->name, (long long)id,
                   k->n_nodes);
  if (k->nodes[id].is_needed) return SM_OK;
  k->nodes[id].is_needed = true;
  k->waiting[k->n_waiting++] = (size_t)id;
  return SM_OK;
}

/* Numbers of a field, packed or not. */
typedef sm_status (*number_fn)(keeping *k, void *ctx, uint64_t number, sm_error *err);

static sm_status each_number(keeping *k, const sm_wire_field *field, number_fn fn, void *ctx, sm_error *err) {
  if (sm_wire_type_of(field) == SM_WIRE_VARINT) return fn(k, ctx, field->value, err);
  if (sm_wire_type_of(field) != SM_WIRE_BYTES) return SM_OK;
  const uint8_t *p = field->bytes.data, *end = p + field->bytes.size;
  while (p != NULL && p != end) {
    uint64_t number;
    const uint8_t *at = p;
    p = sm_varint_read(p, end, &number);
    if (p == NULL) return sm_wire_fail(k->source, at, "a number that does not end", err);
    SM_TRY(fn(k, ctx, number, err));
  }
  return SM_OK;
}

static sm_status need_number(keeping *k, void *ctx, uint64_t number, sm_error *err) {
  (void)ctx;
  return need(k, (int32_t)(uint32_t)number, err);
}

/* A function of the library, and what it captures. */
static sm_status need_function(keeping *k, sm_string name, sm_error *err) {
  size_t at = sm_wire_map_find(&k->functions, name);
  sm_reach_mark_function(k->reach, name, SM_KEEP);
  if (at >= k->functions.n || k->is_used[at]) return SM_OK;
  k->is_used[at] = true;
  sm_spans value;
  SM_TRY(sm_wire_entry_value(&value, &k->functions.entries[at], k->source, k->arena, err));
  for (size_t i = 0; i < value.n; i++) {
    sm_wire_reader reader = sm_wire_read(value.items[i], k->source);
    for (sm_wire_field field; sm_wire_next(&reader, &field);)
      if (sm_wire_number(&field) == SM_CONCRETE_BOUND_INPUT) SM_TRY(each_number(k, &field, need_number, NULL, err));
    SM_TRY(sm_wire_finish(&reader, err));
  }
  return SM_OK;
}

static sm_status need_edge(keeping *k, sm_span bytes, sm_error *err) {
  sm_edit_edge edge;
  SM_TRY(sm_edit_read_edge(&edge, bytes, k->source, err));
  return need(k, edge.node_id, err);
}

/* What saves and restores a table. */
static sm_status need_saveable(keeping *k, sm_span entry, sm_error *err) {
  sm_span value;
  SM_TRY(sm_wire_find_bytes(&value, entry, ENTRY_VALUE, k->source, err));
  sm_wire_reader reader = sm_wire_read(value, k->source);
  for (sm_wire_field field; sm_wire_next(&reader, &field);)
    if (sm_wire_number(&field) == SAVEABLE_SAVE || sm_wire_number(&field) == SAVEABLE_RESTORE)
      SM_TRY(each_number(k, &field, need_number, NULL, err));
  return sm_wire_finish(&reader, err);
}

/* Strings of a kind of node that name functions, or the node that is a constant. */
static sm_status need_names(keeping *k, const sm_wire_field *kind, uint32_t number, sm_error *err) {
  sm_wire_reader reader = sm_wire_read(kind->bytes, k->source);
  for (sm_wire_field field; sm_wire_next(&reader, &field);) {
    if (field.tag != SM_WIRE_TAG(number, SM_WIRE_BYTES)) continue;
    if (sm_wire_number(kind) == SM_NODE_CONSTANT)
      sm_reach_mark_tensor(k->reach, sm_text_of(field.bytes), SM_KEEP);
    else
      SM_TRY(need_function(k, sm_text_of(field.bytes), err));
  }
  return sm_wire_finish(&reader, err);
}

static sm_status need_of_node(keeping *k, sm_span node, sm_error *err) {
  sm_wire_reader reader = sm_wire_read(node, k->source);
  for (sm_wire_field field; sm_wire_next(&reader, &field);) {
    if (sm_wire_type_of(&field) != SM_WIRE_BYTES) continue;
    switch (sm_wire_number(&field)) {
      case SM_NODE_CHILD: SM_TRY(need_edge(k, field.bytes, err)); break;
      case SM_NODE_FUNCTION: SM_TRY(need_names(k, &field, FUNCTION_CONCRETE, err)); break;
      case SM_NODE_BARE_FUNCTION: SM_TRY(need_names(k, &field, SM_BARE_NAME, err)); break;
      case SM_NODE_CAPTURED_TENSOR: SM_TRY(need_names(k, &field, CAPTURED_FUNCTION, err)); break;
      case SM_NODE_CONSTANT: SM_TRY(need_names(k, &field, CONSTANT_NODE, err)); break;
      case SM_NODE_SAVEABLE: SM_TRY(need_saveable(k, field.bytes, err)); break;
      default: break;
    }
  }
  return sm_wire_finish(&reader, err);
}

/* An edge of the map of signatures; *stays: signature_def has it, too. */
static sm_status need_signature(keeping *k, bool *stays, const sm_wire_map *signature_def, sm_span bytes,
                                sm_error *err) {
  sm_edit_edge edge;
  SM_TRY(sm_edit_read_edge(&edge, bytes, k->source, err));
  *stays = sm_wire_map_find(signature_def, edge.name) < signature_def->n;
  return *stays ? need(k, edge.node_id, err) : SM_OK;
}

static sm_status need_signatures(keeping *k, const sm_draft *meta_graph, int64_t signatures, sm_error *err) {
  sm_draft map;
  sm_spans message;
  sm_wire_map signature_def;
  size_t kept = 0, place;
  if (signatures < 0) return SM_OK;
  SM_TRY(sm_draft_spans(&message, meta_graph, err));
  SM_TRY(sm_wire_index_map(&signature_def, message, SM_META_GRAPH_SIGNATURE, k->source, k->arena, err));
  SM_TRY(sm_edit_open_node(&map, &k->objects, signatures, err));
  for (size_t i = 0; i < map.n; i++) {
    sm_span edge;
    bool stays = true;
    if (map.fields[i].number == SM_NODE_CHILD && sm_draft_field_value(&edge, &map, &map.fields[i]))
      SM_TRY(need_signature(k, &stays, &signature_def, edge, err));
    if (stays) map.fields[kept++] = map.fields[i];
  }
  map.n = kept;
  place = k->objects.nodes[signatures];
  SM_TRY(sm_draft_replace(&k->objects.draft, place, &map, err));
  sm_draft_field_value(&k->nodes[signatures].bytes, &k->objects.draft, &k->objects.draft.fields[place]);
  return SM_OK;
}

/* ---- What leads there ---- */

/* Counts edges of user objects, or, with parents, lists them by child. */
static sm_status list_parents(keeping *k, sm_error *err) {
  size_t n = 0;
  for (size_t id = 0; id < k->n_nodes; id++) {
    if (!k->nodes[id].is_user_object) continue;
    sm_wire_reader reader = sm_wire_read(k->nodes[id].bytes, k->source);
    for (sm_wire_field field; sm_wire_next(&reader, &field);) {
      sm_edit_edge edge;
      if (field.tag != SM_WIRE_TAG(SM_NODE_CHILD, SM_WIRE_BYTES)) continue;
      SM_TRY(sm_edit_read_edge(&edge, field.bytes, k->source, err));
      if (edge.node_id < 0 || (uint64_t)edge.node_id >= k->n_nodes) continue;
      if (k->parents != NULL) {
        k->parents[n] = (parent){id, k->nodes[edge.node_id].first_parent};
        k->nodes[edge.node_id].first_parent = n;
      }
      n++;
    }
    SM_TRY(sm_wire_finish(&reader, err));
  }
  k->n_parents = n;
  return SM_OK;
}

static void keep_node(keeping *k, size_t id) {
  if (k->nodes[id].is_kept) return;
  k->nodes[id].is_kept = true;
  k->waiting[k->n_waiting++] = id;
}

static sm_status keep_ways(keeping *k, int64_t signatures, sm_error *err) {
  SM_TRY(list_parents(k, err));
  k->parents = sm_arena_array(k->arena, parent, k->n_parents);
  if (k->parents == NULL) return sm_arena_fail(k->arena, k->n_parents * sizeof *k->parents, err);
  SM_TRY(list_parents(k, err));
  k->n_waiting = 0;
  keep_node(k, 0);
  if (signatures >= 0) keep_node(k, (size_t)signatures);
  for (size_t id = 0; id < k->n_nodes; id++)
    if (k->nodes[id].is_needed) keep_node(k, id);
  while (k->n_waiting != 0) {
    size_t id = k->waiting[--k->n_waiting];
    for (size_t at = k->nodes[id].first_parent; at != SIZE_MAX; at = k->parents[at].next)
      keep_node(k, k->parents[at].id);
  }
  int64_t next = 0;
  for (size_t id = 0; id < k->n_nodes; id++) k->nodes[id].id = k->nodes[id].is_kept ? next++ : -1;
  return SM_OK;
}

/* ---- Numbering ---- */

static int64_t new_id(const keeping *k, uint64_t number) {
  int64_t id = (int32_t)(uint32_t)number;
  return id >= 0 && (uint64_t)id < k->n_nodes ? k->nodes[id].id : -1;
}

/* Gives the fields of a message that are ids the new ones; false when one of them is gone. */
static sm_status renumber(bool *out, const keeping *k, sm_draft *message, const uint32_t *fields, size_t n,
                          sm_error *err) {
  *out = true;
  for (size_t i = 0; i < n && *out; i++) {
    uint64_t number = 0;
    bool is_there = false;
    for (size_t at = 0; at < message->n; at++) {
      sm_wire_reader reader = sm_wire_read(message->fields[at].whole, k->source);
      sm_wire_field field;
      if (!sm_wire_next(&reader, &field) || field.tag != SM_WIRE_TAG(fields[i], SM_WIRE_VARINT)) continue;
      number = field.value;
      is_there = true;
    }
    int64_t id = new_id(k, number);
    *out = id >= 0;
    if (*out && (is_there || id != 0)) SM_TRY(sm_draft_set_number(message, fields[i], (uint64_t)id, err));
  }
  return SM_OK;
}

static sm_status renumber_saveable(bool *out, const keeping *k, sm_draft *entry, sm_error *err) {
  static const uint32_t fields[] = {SAVEABLE_SAVE, SAVEABLE_RESTORE};
  sm_draft value;
  SM_TRY(sm_draft_open(&value, entry, ENTRY_VALUE, err));
  SM_TRY(renumber(out, k, &value, fields, 2, err));
  return *out ? sm_draft_set_draft(entry, ENTRY_VALUE, &value, err) : SM_OK;
}

/* A field of a node; *out: does it stay? */
static sm_status renumber_field(bool *out, const keeping *k, sm_draft *node, size_t at, sm_error *err) {
  static const uint32_t edge[] = {SM_EDGE_NODE_ID}, slot[] = {SLOT_ORIGINAL, SLOT_VARIABLE};
  sm_span bytes;
  sm_draft message;
  uint32_t number = node->fields[at].number;
  *out = true;
  bool is_edge = number == SM_NODE_CHILD || number == SM_NODE_DEPENDENCY, is_slot = number == SM_NODE_SLOT_VARIABLE;
  if (!is_edge && !is_slot && number != SM_NODE_SAVEABLE) return SM_OK;
  if (!sm_draft_field_value(&bytes, node, &node->fields[at])) return SM_OK;
  SM_TRY(sm_draft_read(&message, (sm_spans){&bytes, 1}, k->arena, k->source, err));
  if (number == SM_NODE_SAVEABLE)
    SM_TRY(renumber_saveable(out, k, &message, err));
  else
    SM_TRY(renumber(out, k, &message, is_slot ? slot : edge, is_slot ? 2 : 1, err));
  return *out ? sm_draft_replace(node, at, &message, err) : SM_OK;
}

static sm_status renumber_node(keeping *k, size_t id, sm_error *err) {
  sm_draft node;
  size_t kept = 0;
  SM_TRY(sm_edit_open_node(&node, &k->objects, (int64_t)id, err));
  for (size_t i = 0; i < node.n; i++) {
    bool stays;
    SM_TRY(renumber_field(&stays, k, &node, i, err));
    if (stays) node.fields[kept++] = node.fields[i];
  }
  node.n = kept;
  return sm_draft_replace(&k->objects.draft, k->objects.nodes[id], &node, err);
}

static sm_status put_new_id(keeping *k, void *ctx, uint64_t number, sm_error *err) {
  sm_buffer *packed = ctx;
  return sm_wire_put_raw_varint(packed, (uint64_t)new_id(k, number), err);
}

static sm_status pack_captures(sm_buffer *packed, keeping *k, const sm_draft *concrete, sm_error *err) {
  for (size_t i = 0; i < concrete->n; i++) {
    sm_wire_reader reader = sm_wire_read(concrete->fields[i].whole, k->source);
    sm_wire_field field;
    if (concrete->fields[i].number == SM_CONCRETE_BOUND_INPUT && sm_wire_next(&reader, &field))
      SM_TRY(each_number(k, &field, put_new_id, packed, err));
  }
  return SM_OK;
}

/* A function in the map of them: what it captures; *is_kept: is it used? */
static sm_status renumber_function(bool *is_kept, keeping *k, size_t at, sm_error *err) {
  sm_draft *draft = &k->objects.draft;
  sm_span bytes, key;
  sm_draft entry, concrete;
  sm_buffer packed;
  *is_kept = true;
  if (!sm_draft_field_value(&bytes, draft, &draft->fields[at])) return SM_OK;
  SM_TRY(sm_wire_find_bytes(&key, bytes, ENTRY_KEY, k->source, err));
  size_t function = sm_wire_map_find(&k->functions, sm_text_of(key));
  *is_kept = function < k->functions.n && k->is_used[function];
  if (!*is_kept) return SM_OK;
  SM_TRY(sm_draft_read(&entry, (sm_spans){&bytes, 1}, k->arena, k->source, err));
  SM_TRY(sm_draft_open(&concrete, &entry, ENTRY_VALUE, err));
  sm_buffer_init(&packed, k->arena->allocator, UINT64_MAX);
  sm_status status = pack_captures(&packed, k, &concrete, err);
  if (status == SM_OK && packed.size != 0)
    status = sm_draft_set(&concrete, SM_CONCRETE_BOUND_INPUT, (sm_span){packed.data, packed.size}, err);
  sm_buffer_free(&packed);
  if (status != SM_OK) return status;
  SM_TRY(sm_draft_set_draft(&entry, ENTRY_VALUE, &concrete, err));
  return sm_draft_replace(draft, at, &entry, err);
}

/* ---- All of it ---- */

static sm_status begin(keeping *out, const sm_draft *meta_graph, sm_reach *reach, sm_error *err) {
  sm_spans message;
  *out = (keeping){.source = meta_graph->source, .arena = meta_graph->arena, .reach = reach};
  SM_TRY(sm_edit_open_objects(&out->objects, meta_graph, err));
  size_t n = out->n_nodes = out->objects.n_nodes;
  SM_TRY(sm_draft_spans(&message, &out->objects.draft, err));
  SM_TRY(sm_wire_index_map(&out->functions, message, SM_OBJECTS_FUNCTION, out->source, out->arena, err));
  out->is_used = sm_arena_array(out->arena, bool, out->functions.n);
  out->nodes = sm_arena_array(out->arena, object, n);
  out->waiting = sm_arena_array(out->arena, size_t, n);
  if (out->is_used == NULL || out->nodes == NULL || out->waiting == NULL)
    return sm_arena_fail(out->arena, n * sizeof *out->nodes, err);
  for (size_t id = 0; id < n; id++) {
    sm_span user_object;
    object *node = &out->nodes[id];
    sm_draft_field_value(&node->bytes, &out->objects.draft, &out->objects.draft.fields[out->objects.nodes[id]]);
    SM_TRY(sm_wire_find_bytes(&user_object, node->bytes, USER_OBJECT, out->source, err));
    node->is_user_object = user_object.data != NULL;
    node->first_parent = SIZE_MAX;
  }
  return SM_OK;
}

/* Gives what stays its new numbers, and takes out the rest. */
static sm_status put_all(keeping *k, sm_error *err) {
  sm_draft *draft = &k->objects.draft;
  size_t id = 0, kept = 0;
  for (size_t i = 0; i < draft->n; i++) {
    bool is_kept = true;
    if (id < k->n_nodes && i == k->objects.nodes[id]) {
      is_kept = k->nodes[id].is_kept;
      if (is_kept) SM_TRY(renumber_node(k, id, err));
      id++;
    } else if (draft->fields[i].number == SM_OBJECTS_FUNCTION) {
      SM_TRY(renumber_function(&is_kept, k, i, err));
    }
    if (is_kept) draft->fields[kept++] = draft->fields[i];
  }
  draft->n = kept;
  return SM_OK;
}

sm_status sm_keep_objects(sm_draft *meta_graph, sm_reach *reach, sm_error *err) {
  keeping k;
  int64_t signatures;
  SM_TRY(begin(&k, meta_graph, reach, err));
  if (k.n_nodes == 0) return SM_OK;
  SM_TRY(sm_edit_find_signatures(&signatures, &k.objects, err));
  SM_TRY(need_signatures(&k, meta_graph, signatures, err));
  while (k.n_waiting != 0) SM_TRY(need_of_node(&k, k.nodes[k.waiting[--k.n_waiting]].bytes, err));
  SM_TRY(keep_ways(&k, signatures, err));
  SM_TRY(put_all(&k, err));
  return sm_draft_set_draft(meta_graph, SM_META_GRAPH_OBJECT_GRAPH, &k.objects.draft, err);
}
