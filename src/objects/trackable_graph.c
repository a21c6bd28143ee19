/* TrackableObjectGraph to structs and back. */
#include "objects/trackable_graph_internal.h"

#include "io/io.h"
#include "wire/emit.h"

/* ---- Reading ---- */

static sm_string string_of(sm_span bytes) { return (sm_string){(const char *)bytes.data, bytes.size}; }

static void count(sm_object *object, const sm_wire_field *field) {
  switch (field->tag) {
    case SM_WIRE_TAG(OBJECT_CHILDREN, SM_WIRE_BYTES): object->n_children++; break;
    case SM_WIRE_TAG(OBJECT_ATTRIBUTES, SM_WIRE_BYTES): object->n_values++; break;
    case SM_WIRE_TAG(OBJECT_SLOT_VARIABLES, SM_WIRE_BYTES): object->n_slots++; break;
    case SM_WIRE_TAG(OBJECT_HAS_CHECKPOINT_VALUES, SM_WIRE_BYTES): object->says_values = true; break;
    case SM_WIRE_TAG(OBJECT_REGISTERED_SAVER, SM_WIRE_BYTES): object->has_saver = true; /* fall through */
    default: object->rest.size += field->whole.size;
  }
}

static sm_status count_fields(sm_object *object, sm_span message, const sm_wire_source *source, sm_error *err) {
  sm_wire_reader reader = sm_wire_read(message, source);
  sm_wire_field field;
  while (sm_wire_next(&reader, &field)) count(object, &field);
  return sm_wire_finish(&reader, err);
}

static sm_status make_lists(sm_object *object, sm_arena *arena, sm_error *err) {
  object->children = sm_arena_array(arena, sm_object_edge, object->n_children);
  object->values = sm_arena_array(arena, sm_object_value, object->n_values);
  object->slots = sm_arena_array(arena, sm_object_slot, object->n_slots);
  object->rest.data = sm_arena_alloc(arena, object->rest.size);
  if (object->children == NULL || object->values == NULL || object->slots == NULL || object->rest.data == NULL)
    return sm_arena_fail(arena, object->n_children, err);
  return SM_OK;
}

/* A node's number, which is an int32. */
static sm_status read_node(uint32_t *out, const sm_trackable_graph *graph, const sm_wire_field *field, sm_error *err) {
  if (field->value >= graph->n)
    return sm_wire_fail(&graph->source, field->whole.data, "the object graph has no node of that number", err);
  *out = (uint32_t)field->value;
  return SM_OK;
}

static sm_status read_edge(sm_object_edge *out, const sm_trackable_graph *graph, sm_span message, sm_error *err) {
  sm_wire_reader reader = sm_wire_read(message, &graph->source);
  sm_wire_field field;
  *out = (sm_object_edge){.name = {"", 0}};
  while (sm_wire_next(&reader, &field)) {
    if (field.tag == SM_WIRE_TAG(REFERENCE_NODE_ID, SM_WIRE_VARINT)) SM_TRY(read_node(&out->node, graph, &field, err));
    if (field.tag == SM_WIRE_TAG(REFERENCE_LOCAL_NAME, SM_WIRE_BYTES)) out->name = string_of(field.bytes);
  }
  return sm_wire_finish(&reader, err);
}

static sm_status read_value(sm_object_value *out, const sm_trackable_graph *graph, sm_span message, sm_error *err) {
  sm_span name, key;
  SM_TRY(sm_wire_find_bytes(&name, message, TENSOR_NAME, &graph->source, err));
  SM_TRY(sm_wire_find_bytes(&key, message, TENSOR_CHECKPOINT_KEY, &graph->source, err));
  *out = (sm_object_value){string_of(name), string_of(key), message};
  return SM_OK;
}

static sm_status read_slot(sm_object_slot *out, const sm_trackable_graph *graph, sm_span message, sm_error *err) {
  sm_wire_reader reader = sm_wire_read(message, &graph->source);
  sm_wire_field field;
  *out = (sm_object_slot){.name = {"", 0}};
  while (sm_wire_next(&reader, &field)) {
    if (field.tag == SM_WIRE_TAG(SLOT_ORIGINAL_VARIABLE, SM_WIRE_VARINT))
      SM_TRY(read_node(&out->variable, graph, &field, err));
    if (field.tag == SM_WIRE_TAG(SLOT_VARIABLE, SM_WIRE_VARINT)) SM_TRY(read_node(&out->slot, graph, &field, err));
    if (field.tag == SM_WIRE_TAG(SLOT_NAME, SM_WIRE_BYTES)) out->name = string_of(field.bytes);
  }
  return sm_wire_finish(&reader, err);
}

/* Fills in lists that are as long as count found. */
static sm_status fill(sm_object *object, const sm_trackable_graph *graph, sm_span message, sm_error *err) {
  sm_wire_reader reader = sm_wire_read(message, &graph->source);
  sm_wire_field field;
  size_t n_children = 0, n_values = 0, n_slots = 0, n_rest = 0;
  uint8_t *rest = (uint8_t *)object->rest.data;
  while (sm_wire_next(&reader, &field)) {
    switch (field.tag) {
      case SM_WIRE_TAG(OBJECT_CHILDREN, SM_WIRE_BYTES):
        SM_TRY(read_edge(&object->children[n_children++], graph, field.bytes, err));
        break;
      case SM_WIRE_TAG(OBJECT_ATTRIBUTES, SM_WIRE_BYTES):
        SM_TRY(read_value(&object->values[n_values++], graph, field.bytes, err));
        break;
      case SM_WIRE_TAG(OBJECT_SLOT_VARIABLES, SM_WIRE_BYTES):
        SM_TRY(read_slot(&object->slots[n_slots++], graph, field.bytes, err));
        break;
      case SM_WIRE_TAG(OBJECT_HAS_CHECKPOINT_VALUES, SM_WIRE_BYTES): break;
      default: memcpy(rest + n_rest, field.whole.data, field.whole.size); n_rest += field.whole.size;
    }
  }
  return sm_wire_finish(&reader, err);
}

static sm_status read_objects(sm_trackable_graph *graph, sm_spans messages, sm_error *err) {
  graph->n = messages.n;
  if (graph->n > INT32_MAX) return SM_FAIL(err, SM_DATA_LOSS, "%zu objects, node_id cannot tell them", graph->n);
  graph->objects = sm_arena_array(&graph->arena, sm_object, graph->n);
  if (graph->objects == NULL) return sm_arena_fail(&graph->arena, graph->n, err);
  for (size_t i = 0; i < graph->n; i++) {
    sm_object *object = &graph->objects[i];
    SM_TRY(count_fields(object, messages.items[i], &graph->source, err));
    SM_TRY(make_lists(object, &graph->arena, err));
    SM_TRY(fill(object, graph, messages.items[i], err));
  }
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
  const sm_span whole = {(const uint8_t *)bytes.data, bytes.size};
  sm_spans messages;
  graph->allocator = allocator;
  graph->source = (sm_wire_source){.name = SM_KEY_OBJECT_GRAPH, .bytes = whole};
  sm_arena_init(&graph->arena, allocator, limit);
  sm_buffer_init(&graph->written, allocator, limit);
  sm_status status =
      sm_wire_collect(&messages, (sm_spans){&whole, 1}, OBJECT_GRAPH_NODES, &graph->source, &graph->arena, err);
  if (status == SM_OK) status = read_objects(graph, messages, err);
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
  uint32_t *parents;
  size_t *begins;
} sm_object_parents;

static sm_status find_parents(sm_object_parents *out, sm_trackable_graph *graph, sm_error *err) {
  size_t n_edges = 0;
  for (size_t i = 0; i < graph->n; i++) n_edges += graph->objects[i].n_children;
  out->parents = sm_arena_array(&graph->arena, uint32_t, n_edges);
  out->begins = sm_arena_array(&graph->arena, size_t, graph->n + 2);
  if (out->parents == NULL || out->begins == NULL) return sm_arena_fail(&graph->arena, n_edges, err);
  size_t *ends = out->begins + 1; /* counts, then begins, which become ends as they are filled */
  for (size_t i = 0; i < graph->n; i++)
    for (size_t c = 0; c < graph->objects[i].n_children; c++) ends[graph->objects[i].children[c].node + 1]++;
  for (size_t i = 1; i <= graph->n; i++) ends[i] += ends[i - 1];
  for (size_t i = 0; i < graph->n; i++)
    for (size_t c = 0; c < graph->objects[i].n_children; c++)
      out->parents[ends[graph->objects[i].children[c].node]++] = (uint32_t)i;
  return SM_OK;
}

static sm_status find_values(bool **out, sm_trackable_graph *graph, sm_error *err) {
  sm_object_parents up;
  bool *has = *out = sm_arena_array(&graph->arena, bool, graph->n);
  uint32_t *queue = sm_arena_array(&graph->arena, uint32_t, graph->n);
  size_t n_queued = 0;
  if (has == NULL || queue == NULL) return sm_arena_fail(&graph->arena, graph->n, err);
  SM_TRY(find_parents(&up, graph, err));
  for (size_t i = 0; i < graph->n; i++) {
    const sm_object *object = &graph->objects[i];
    has[i] = object->n_values != 0 || object->n_slots != 0 || object->has_saver;
    if (has[i]) queue[n_queued++] = (uint32_t)i;
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

static sm_status put_number(sm_buffer *out, uint32_t number, uint32_t value, sm_error *err) {
  return value != 0 ? sm_wire_put_varint(out, number, value, err) : SM_OK;
}

static sm_status put_string(sm_buffer *out, uint32_t number, sm_string value, sm_error *err) {
  return value.size != 0 ? sm_wire_put_bytes(out, number, value.data, value.size, err) : SM_OK;
}

static sm_status put_edge(sm_buffer *out, const sm_object_edge *edge, sm_error *err) {
  size_t begin;
  SM_TRY(sm_wire_open(&begin, out, OBJECT_CHILDREN, err));
  SM_TRY(put_number(out, REFERENCE_NODE_ID, edge->node, err));
  SM_TRY(put_string(out, REFERENCE_LOCAL_NAME, edge->name, err));
  return sm_wire_close(out, begin, err);
}

static sm_status put_value(sm_buffer *out, const sm_object_value *value, const sm_wire_source *source, sm_error *err) {
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

static sm_status put_slot(sm_buffer *out, const sm_object_slot *slot, sm_error *err) {
  size_t begin;
  SM_TRY(sm_wire_open(&begin, out, OBJECT_SLOT_VARIABLES, err));
  SM_TRY(put_number(out, SLOT_ORIGINAL_VARIABLE, slot->variable, err));
  SM_TRY(put_string(out, SLOT_NAME, slot->name, err));
  SM_TRY(put_number(out, SLOT_VARIABLE, slot->slot, err));
  return sm_wire_close(out, begin, err);
}

/* A BoolValue, whose only field is 1. */
static sm_status put_has_values(sm_buffer *out, bool value, sm_error *err) {
  size_t begin;
  SM_TRY(sm_wire_open(&begin, out, OBJECT_HAS_CHECKPOINT_VALUES, err));
  SM_TRY(put_number(out, 1, value, err));
  return sm_wire_close(out, begin, err);
}

static sm_status put_object(sm_buffer *out, const sm_object *object, bool has_values, const sm_wire_source *source,
                            sm_error *err) {
  size_t begin;
  SM_TRY(sm_wire_open(&begin, out, OBJECT_GRAPH_NODES, err));
  for (size_t i = 0; i < object->n_children; i++) SM_TRY(put_edge(out, &object->children[i], err));
  for (size_t i = 0; i < object->n_values; i++) SM_TRY(put_value(out, &object->values[i], source, err));
  for (size_t i = 0; i < object->n_slots; i++) SM_TRY(put_slot(out, &object->slots[i], err));
  SM_TRY(sm_buffer_put(out, object->rest.data, object->rest.size, err));
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
