/* TrackableObjectGraph to structs and back. */
#include "objects/trackable_graph_internal.h"

#include "io/io.h"
#include "wire/emit.h"

/* Field numbers: proto/trackable_object_graph.proto. */
enum {
  OBJECT_GRAPH_NODES = 1,
  OBJECT_CHILDREN = 1,
  OBJECT_ATTRIBUTES = 2,
  OBJECT_SLOT_VARIABLES = 3,
  OBJECT_HAS_CHECKPOINT_VALUES = 5,
  REFERENCE_NODE_ID = 1,
  REFERENCE_LOCAL_NAME = 2,
  TENSOR_CHECKPOINT_KEY = 3,
  SLOT_ORIGINAL_VARIABLE = 1,
  SLOT_NAME = 2,
  SLOT_VARIABLE = 3,
  BOOL_VALUE = 1
};

/* ---- Reading ---- */

static sm_status read_objects(sm_trackable_graph *graph, sm_error *err) {
  sm_checkpoint_graph parsed;
  SM_TRY(sm_checkpoint_graph_parse(&parsed, graph->source.bytes, &graph->source, &graph->arena, err));
  graph->objects = parsed.objects;
  graph->n = parsed.n;
  if (graph->n > INT32_MAX) return SM_FAIL(err, SM_DATA_LOSS, "%zu objects, node_id cannot tell them", graph->n);
  return SM_OK;
}

sm_status sm_trackable_graph_read(sm_trackable_graph **out, sm_string bytes, const sm_open_options *options,
                                  sm_error *err) {
  sm_open_options known;
  *out = NULL;
  SM_TRY(sm_options_read(&known, options, err));
  const sm_allocator *allocator = sm_allocator_or_malloc(known.allocator);
  sm_trackable_graph *graph = sm_new(allocator, sm_trackable_graph);
  if (graph == NULL) return SM_FAIL_OOM(err, sizeof *graph);
  uint64_t limit = known.max_bytes != 0 ? known.max_bytes : sm_default_max_bytes(bytes.size);
  graph->allocator = allocator;
  graph->source = (sm_wire_source){.name = SM_KEY_OBJECT_GRAPH, .bytes = {(const uint8_t *)bytes.data, bytes.size}};
  sm_arena_init(&graph->arena, allocator, limit);
  sm_buffer_init(&graph->written, allocator, limit);
  sm_status status = read_objects(graph, err);
  if (status == SM_OK)
    *out = graph;
  else
    sm_trackable_graph_free(graph);
  return status;
}

void sm_trackable_graph_free(sm_trackable_graph *graph) {
  if (graph == NULL) return;
  sm_arena_free(&graph->arena);
  sm_buffer_free(&graph->written);
  sm_free(graph->allocator, graph);
}

/* ---- Which objects have values, or lead to one that has ---- */

/* The edges backwards: those that lead to object i come from parents[begins[i]] to parents[begins[i + 1] - 1]. */
typedef struct sm_object_parents {
  int32_t *parents;
  size_t *begins;
} sm_object_parents;

static sm_status find_parents(sm_object_parents *out, sm_trackable_graph *graph, sm_error *err) {
  size_t n_edges = 0;
  for (size_t i = 0; i < graph->n; i++) n_edges += graph->objects[i].n_children;
  out->parents = sm_arena_array(&graph->arena, int32_t, n_edges);
  out->begins = sm_arena_array(&graph->arena, size_t, graph->n + 2);
  if (out->parents == NULL || out->begins == NULL)
    return sm_arena_fail(&graph->arena, n_edges * sizeof *out->parents + (graph->n + 2) * sizeof *out->begins, err);
  size_t *ends = out->begins + 1; /* counts, then begins, which become ends as they are filled */
  for (size_t i = 0; i < graph->n; i++)
    for (size_t c = 0; c < graph->objects[i].n_children; c++) ends[graph->objects[i].children[c].id + 1]++;
  for (size_t i = 1; i <= graph->n; i++) ends[i] += ends[i - 1];
  for (size_t i = 0; i < graph->n; i++)
    for (size_t c = 0; c < graph->objects[i].n_children; c++)
      out->parents[ends[graph->objects[i].children[c].id]++] = (int32_t)i;
  return SM_OK;
}

static sm_status find_values(bool **out, sm_trackable_graph *graph, sm_error *err) {
  sm_object_parents up;
  bool *has = *out = sm_arena_array(&graph->arena, bool, graph->n);
  int32_t *queue = sm_arena_array(&graph->arena, int32_t, graph->n);
  size_t n_queued = 0;
  if (has == NULL || queue == NULL) return sm_arena_fail(&graph->arena, graph->n * (sizeof *has + sizeof *queue), err);
  SM_TRY(find_parents(&up, graph, err));
  for (size_t i = 0; i < graph->n; i++) {
    const sm_saved_object *object = &graph->objects[i];
    has[i] = object->n_attributes != 0 || object->n_slots != 0 || object->saver.size != 0;
    if (has[i]) queue[n_queued++] = (int32_t)i;
  }
  for (size_t at = 0; at < n_queued; at++) {
    for (size_t e = up.begins[queue[at]]; e < up.begins[queue[at] + 1]; e++) {
      if (has[up.parents[e]]) continue;
      has[up.parents[e]] = true;
      queue[n_queued++] = up.parents[e];
    }
  }
  return SM_OK;
}

/* ---- Writing ---- */

/* value is not negative. */
static sm_status put_number(sm_buffer *out, uint32_t number, int32_t value, sm_error *err) {
  return value != 0 ? sm_wire_put_varint(out, number, (uint64_t)value, err) : SM_OK;
}

static sm_status put_string(sm_buffer *out, uint32_t number, sm_string value, sm_error *err) {
  return value.size != 0 ? sm_wire_put_bytes(out, number, value.data, value.size, err) : SM_OK;
}

static sm_status put_edge(sm_buffer *out, const sm_reference *edge, sm_error *err) {
  size_t begin;
  SM_TRY(sm_wire_open(&begin, out, OBJECT_CHILDREN, err));
  SM_TRY(put_number(out, REFERENCE_NODE_ID, edge->id, err));
  SM_TRY(put_string(out, REFERENCE_LOCAL_NAME, edge->name, err));
  return sm_wire_close(out, begin, err);
}

static sm_status put_value(sm_buffer *out, const sm_saved_attribute *value, const sm_wire_source *source,
                           sm_error *err) {
  size_t begin;
  SM_TRY(sm_wire_open(&begin, out, OBJECT_ATTRIBUTES, err));
  sm_wire_reader reader = sm_wire_read(value->message, source);
  sm_wire_field field;
  bool is_put = false;
  while (sm_wire_next(&reader, &field)) {
    bool is_key = sm_wire_number(&field) == TENSOR_CHECKPOINT_KEY;
    if (!is_key) SM_TRY(sm_buffer_put(out, field.whole.data, field.whole.size, err));
    if (is_key && !is_put) SM_TRY(put_string(out, TENSOR_CHECKPOINT_KEY, value->key, err));
    is_put |= is_key;
  }
  if (!is_put) SM_TRY(put_string(out, TENSOR_CHECKPOINT_KEY, value->key, err));
  return sm_wire_close(out, begin, err);
}

static sm_status put_slot(sm_buffer *out, const sm_slot_reference *slot, sm_error *err) {
  size_t begin;
  SM_TRY(sm_wire_open(&begin, out, OBJECT_SLOT_VARIABLES, err));
  SM_TRY(put_number(out, SLOT_ORIGINAL_VARIABLE, slot->variable, err));
  SM_TRY(put_string(out, SLOT_NAME, slot->name, err));
  SM_TRY(put_number(out, SLOT_VARIABLE, slot->id, err));
  return sm_wire_close(out, begin, err);
}

static sm_status put_has_values(sm_buffer *out, bool value, sm_error *err) {
  size_t begin;
  SM_TRY(sm_wire_open(&begin, out, OBJECT_HAS_CHECKPOINT_VALUES, err));
  SM_TRY(put_number(out, BOOL_VALUE, value, err));
  return sm_wire_close(out, begin, err);
}

/* The fields of an object that stay as they are. */
static sm_status put_rest(sm_buffer *out, sm_span message, const sm_wire_source *source, sm_error *err) {
  sm_wire_reader reader = sm_wire_read(message, source);
  for (sm_wire_field field; sm_wire_next(&reader, &field);) {
    switch (field.tag) {
      case SM_WIRE_TAG(OBJECT_CHILDREN, SM_WIRE_BYTES):
      case SM_WIRE_TAG(OBJECT_ATTRIBUTES, SM_WIRE_BYTES):
      case SM_WIRE_TAG(OBJECT_SLOT_VARIABLES, SM_WIRE_BYTES):
      case SM_WIRE_TAG(OBJECT_HAS_CHECKPOINT_VALUES, SM_WIRE_BYTES): break;
      default: SM_TRY(sm_buffer_put(out, field.whole.data, field.whole.size, err));
    }
  }
  return sm_wire_finish(&reader, err);
}

static sm_status put_object(sm_buffer *out, const sm_saved_object *object, bool has_values,
                            const sm_wire_source *source, sm_error *err) {
  size_t begin;
  SM_TRY(sm_wire_open(&begin, out, OBJECT_GRAPH_NODES, err));
  for (size_t i = 0; i < object->n_children; i++) SM_TRY(put_edge(out, &object->children[i], err));
  for (size_t i = 0; i < object->n_attributes; i++) SM_TRY(put_value(out, &object->attributes[i], source, err));
  for (size_t i = 0; i < object->n_slots; i++) SM_TRY(put_slot(out, &object->slots[i], err));
  SM_TRY(put_rest(out, object->message, source, err));
  if (object->says_values) SM_TRY(put_has_values(out, has_values, err));
  return sm_wire_close(out, begin, err);
}

sm_status sm_trackable_graph_write(sm_string *out, sm_trackable_graph *graph, sm_error *err) {
  sm_arena_mark mark = sm_arena_get_mark(&graph->arena);
  bool *has;
  *out = (sm_string){NULL, 0};
  SM_TRY(find_values(&has, graph, err));
  graph->written.size = 0;
  sm_status status = SM_OK;
  for (size_t i = 0; i < graph->n && status == SM_OK; i++)
    status = put_object(&graph->written, &graph->objects[i], has[i], &graph->source, err);
  sm_arena_rewind(&graph->arena, mark);
  if (status == SM_OK) *out = (sm_string){(const char *)graph->written.data, graph->written.size};
  return status;
}
