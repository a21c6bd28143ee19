#include "graph/graph_edit.h"
#include "graph/name_set.h"

/* Fields of GraphDef and NodeDef: proto/graph.proto, node_def.proto. */
enum { GRAPH_NODE = 1, NODE_DEVICE = 4 };

static sm_status clear_device(bool *is_same, sm_buffer *out, void *ctx, sm_span node, sm_error *err) {
  const sm_wire_source *source = ctx;
  sm_wire_reader reader = sm_wire_read(node, source);
  *is_same = true;
  for (sm_wire_field field; sm_wire_next(&reader, &field);) {
    bool is_device = field.tag == SM_WIRE_TAG(NODE_DEVICE, SM_WIRE_BYTES);
    *is_same &= !is_device;
    if (!is_device) SM_TRY(sm_buffer_put(out, field.whole.data, field.whole.size, err));
  }
  return sm_wire_finish(&reader, err);
}

sm_status sm_devices_clear(sm_buffer *out, sm_spans graph_def, bool in_functions, const sm_wire_source *source,
                           sm_error *err) {
  return sm_graph_rewrite(out, graph_def, in_functions, clear_device, (void *)(uintptr_t)source, source, err);
}

/* ---- Listing ---- */

static sm_status note_device(sm_name_set *names, sm_span node, const sm_wire_source *source, sm_error *err) {
  sm_span device;
  bool was_recent;
  SM_TRY(sm_wire_find_bytes(&device, node, NODE_DEVICE, source, err));
  if (device.size == 0) return SM_OK;
  return sm_name_set_add(&was_recent, names, (sm_string){(const char *)device.data, device.size}, err);
}

static sm_status note_devices(sm_name_set *names, sm_span message, uint32_t number, const sm_wire_source *source,
                              sm_error *err) {
  sm_wire_reader reader = sm_wire_read(message, source);
  for (sm_wire_field field; sm_wire_next(&reader, &field);)
    if (field.tag == SM_WIRE_TAG(number, SM_WIRE_BYTES)) SM_TRY(note_device(names, field.bytes, source, err));
  return sm_wire_finish(&reader, err);
}

static sm_status copy_names(const sm_string **out, size_t *n, sm_name_set *names, sm_arena *arena, sm_error *err) {
  sm_name_set_finish(names);
  sm_string *copies = sm_arena_array(arena, sm_string, names->n);
  if (copies == NULL) return sm_arena_fail(arena, names->n * sizeof *copies, err);
  for (size_t i = 0; i < names->n; i++) {
    copies[i] = sm_arena_copy(arena, names->names[i]);
    if (copies[i].data == NULL) return sm_arena_fail(arena, names->names[i].size, err);
  }
  *out = copies;
  *n = names->n;
  return SM_OK;
}

sm_status sm_devices_list(const sm_string **out, size_t *n, sm_spans graph_def, const sm_graph_library *library,
                          const sm_wire_source *source, sm_arena *arena, sm_error *err) {
  sm_name_set names;
  sm_status status = SM_OK;
  sm_name_set_init(&names, arena->allocator);
  for (size_t i = 0; status == SM_OK && i < graph_def.n; i++)
    status = note_devices(&names, graph_def.items[i], GRAPH_NODE, source, err);
  for (size_t i = 0; status == SM_OK && i < library->n; i++)
    status = note_devices(&names, library->functions[i].def, SM_FUNCTION_NODE, source, err);
  if (status == SM_OK) status = copy_names(out, n, &names, arena, err);
  sm_name_set_free(&names);
  return status;
}
