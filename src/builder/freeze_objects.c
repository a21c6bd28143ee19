/* The object graph of a model whose variables become constants: they become constants there under the same numbers, so that
 * functions go on to capture what they captured. */
#include "builder/freeze_work.h"

#include "codec/varint.h"
#include "objects/checkpoint_graph.h"

/* Fields of map entries, SavedConstant, SavedUserObject, VersionDef: proto/saved_object_graph.proto, versions.proto. */
enum {
  ENTRY_KEY = 1,
  ENTRY_VALUE = 2,
  CONSTANT_OPERATION = 1,
  NODE_USER_OBJECT = 4,
  USER_OBJECT_IDENTIFIER = 1,
  USER_OBJECT_VERSION = 2,
  VERSION_PRODUCER = 1,
  VERSION_MIN_CONSUMER = 2
};

/* ---- Which of them are variables ---- */

/* Objects of the model are those of the checkpoint to which the same names lead. */
static sm_status match_objects(sm_freezing *f, const sm_checkpoint_graph *saved, sm_error *err) {
  size_t n = f->objects.n_nodes, n_queued = 0;
  int32_t *matches = sm_arena_array(f->arena, int32_t, n);
  size_t *queue = sm_arena_array(f->arena, size_t, n);
  if (matches == NULL || queue == NULL) return sm_arena_fail(f->arena, n * sizeof *queue, err);
  for (size_t i = 0; i < n; i++) matches[i] = -1;
  matches[0] = 0;
  queue[n_queued++] = 0;
  for (size_t next = 0; next < n_queued; next++) {
    sm_draft node;
    sm_spans children;
    const sm_saved_object *object = &saved->objects[matches[queue[next]]];
    const sm_saved_attribute *value = sm_saved_object_find_attribute(object, sm_string_of(SM_ATTRIBUTE_VALUE));
    if (value != NULL) f->frozen[queue[next]] = sm_freeze_values_find_key(&f->values, value->key);
    SM_TRY(sm_edit_open_node(&node, &f->objects, (int64_t)queue[next], err));
    SM_TRY(sm_draft_get(&children, &node, SM_NODE_CHILD, err));
    for (size_t i = 0; i < children.n; i++) {
      sm_edit_edge edge;
      SM_TRY(sm_edit_read_edge(&edge, children.items[i], f->source, err));
      int32_t other = sm_saved_object_find_child(object, edge.name);
      if (other < 0 || edge.node_id < 0 || (uint64_t)edge.node_id >= n || matches[edge.node_id] >= 0) continue;
      matches[edge.node_id] = other;
      queue[n_queued++] = (size_t)edge.node_id;
    }
  }
  return SM_OK;
}

sm_status sm_freeze_find_objects(sm_freezing *f, sm_error *err) {
  sm_checkpoint_graph saved;
  SM_TRY(sm_edit_open_objects(&f->objects, &f->edit.draft, err));
  f->frozen = sm_arena_array(f->arena, size_t, f->objects.n_nodes);
  if (f->frozen == NULL) return sm_arena_fail(f->arena, f->objects.n_nodes * sizeof *f->frozen, err);
  for (size_t i = 0; i < f->objects.n_nodes; i++) f->frozen[i] = SIZE_MAX;
  sm_status status = sm_checkpoint_graph_read(&saved, f->reader, f->arena, err);
  if (status == SM_OK && f->objects.n_nodes != 0 && saved.n != 0) status = match_objects(f, &saved, err);
  sm_checkpoint_graph_free(&saved);
  return status == SM_NOT_FOUND ? SM_OK : status;
}

/* ---- In the graph ---- */

sm_status sm_freeze_mark_objects(const sm_freezing *f, sm_reach *reach, sm_error *err) {
  sm_spans functions;
  SM_TRY(sm_draft_get(&functions, &f->objects.draft, SM_OBJECTS_FUNCTION, err));
  for (size_t i = 0; i < functions.n; i++) {
    sm_span name;
    SM_TRY(sm_wire_find_bytes(&name, functions.items[i], ENTRY_KEY, f->source, err));
    sm_reach_mark_function(reach, sm_text_of(name), SM_KEEP);
  }
  for (size_t id = 0; id < f->objects.n_nodes; id++) {
    sm_draft node, constant;
    sm_spans names;
    SM_TRY(sm_edit_open_node(&node, &f->objects, (int64_t)id, err));
    SM_TRY(sm_draft_open(&constant, &node, SM_NODE_CONSTANT, err));
    SM_TRY(sm_draft_get(&names, &constant, CONSTANT_OPERATION, err));
    for (size_t i = 0; i < names.n; i++) sm_reach_mark_tensor(reach, sm_text_of(names.items[i]), SM_KEEP);
    if (f->frozen[id] != SIZE_MAX) sm_reach_mark_tensor(reach, f->values.variables[f->frozen[id]].node, SM_KEEP);
  }
  return SM_OK;
}

/* What a concrete function of the object graph captures. */
static sm_status read_binding(sm_freeze_binding *out, const sm_freezing *f, sm_span entry, sm_error *err) {
  sm_span name, concrete;
  SM_TRY(sm_wire_find_bytes(&name, entry, ENTRY_KEY, f->source, err));
  SM_TRY(sm_wire_find_bytes(&concrete, entry, ENTRY_VALUE, f->source, err));
  sm_dtype *dtypes = sm_arena_array(f->arena, sm_dtype, concrete.size); /* a number takes a byte */
  if (dtypes == NULL) return sm_arena_fail(f->arena, concrete.size * sizeof *dtypes, err);
  *out = (sm_freeze_binding){.function = sm_text_of(name), .dtypes = dtypes};
  sm_wire_reader reader = sm_wire_read(concrete, f->source);
  for (sm_wire_field field; sm_wire_next(&reader, &field);) {
    const uint8_t *p = field.bytes.data, *end = p + field.bytes.size;
    if (sm_wire_number(&field) != SM_CONCRETE_BOUND_INPUT) continue;
    while (p != NULL && p != end) {
      uint64_t id;
      p = sm_varint_read(p, end, &id);
      size_t variable = p != NULL && id < f->objects.n_nodes ? f->frozen[id] : SIZE_MAX;
      if (p != NULL) dtypes[out->n++] = variable != SIZE_MAX ? f->values.variables[variable].dtype : SM_DT_INVALID;
    }
  }
  return sm_wire_finish(&reader, err);
}

sm_status sm_freeze_read_bindings(sm_freeze_spec *spec, const sm_freezing *f, sm_error *err) {
  sm_spans functions;
  SM_TRY(sm_draft_get(&functions, &f->objects.draft, SM_OBJECTS_FUNCTION, err));
  sm_freeze_binding *bindings = sm_arena_array(f->arena, sm_freeze_binding, functions.n);
  if (bindings == NULL) return sm_arena_fail(f->arena, functions.n * sizeof *bindings, err);
  for (size_t i = 0; i < functions.n; i++) SM_TRY(read_binding(&bindings[i], f, functions.items[i], err));
  spec->bindings = bindings;
  spec->n_bindings = functions.n;
  return SM_OK;
}

/* ---- As it will be ---- */

static sm_status make_constant(sm_draft *out, sm_freezing *f, sm_string operation, sm_error *err) {
  sm_draft constant;
  sm_draft_init(out, f->arena, f->source);
  sm_draft_init(&constant, f->arena, f->source);
  SM_TRY(sm_draft_set(&constant, CONSTANT_OPERATION, sm_span_of(operation), err));
  return sm_draft_set_draft(out, SM_NODE_CONSTANT, &constant, err);
}

/* A variable that nothing gives a value, such as what an optimizer keeps, is an object without contents. */
static sm_status make_object(sm_draft *out, sm_freezing *f, sm_error *err) {
  sm_draft object, version;
  sm_draft_init(out, f->arena, f->source);
  sm_draft_init(&object, f->arena, f->source);
  sm_draft_init(&version, f->arena, f->source);
  SM_TRY(sm_draft_set_number(&version, VERSION_PRODUCER, 1, err));
  SM_TRY(sm_draft_set_number(&version, VERSION_MIN_CONSUMER, 1, err));
  SM_TRY(sm_draft_set(&object, USER_OBJECT_IDENTIFIER, sm_span_of(sm_string_of("_generic_user_object")), err));
  SM_TRY(sm_draft_set_draft(&object, USER_OBJECT_VERSION, &version, err));
  return sm_draft_set_draft(out, NODE_USER_OBJECT, &object, err);
}

sm_status sm_freeze_objects(sm_freezing *f, sm_error *err) {
  for (size_t id = 0; id < f->objects.n_nodes; id++) {
    sm_draft node;
    sm_spans variables;
    SM_TRY(sm_edit_open_node(&node, &f->objects, (int64_t)id, err));
    SM_TRY(sm_draft_get(&variables, &node, SM_NODE_VARIABLE, err));
    if (variables.n != 0)
      SM_TRY(f->frozen[id] != SIZE_MAX ? make_constant(&node, f, f->values.variables[f->frozen[id]].node, err)
                                       : make_object(&node, f, err));
    SM_TRY(sm_draft_set(&node, SM_NODE_SLOT_VARIABLE, (sm_span){NULL, 0}, err));
    SM_TRY(sm_draft_replace(&f->objects.draft, f->objects.nodes[id], &node, err));
  }
  if (f->objects.n_nodes == 0) return SM_OK;
  return sm_draft_set_draft(&f->edit.draft, SM_META_GRAPH_OBJECT_GRAPH, &f->objects.draft, err);
}
