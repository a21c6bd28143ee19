/* The edges of the whole object graph, read from the bytes: walks over all nodes need them and nothing else. */
#include "objects/objects_internal.h"

/* Fields of SavedObject; its kinds are those from SM_OBJECT_USER_OBJECT on, but for the map of saveable objects. */
enum { OBJECT_CHILD = 1, OBJECT_SLOT = 3, OBJECT_SAVEABLE = 11 };

/* The lists of all objects lie one behind the other: they are counted first, then filled. */
typedef struct linker {
  const sm_wire_source *source;
  sm_reference *children;
  sm_slot_reference *slots;
  size_t n_children, n_slots;
} linker;

static sm_status count_links(linker *l, sm_span bytes, sm_error *err) {
  sm_wire_reader reader = sm_wire_read(bytes, l->source);
  for (sm_wire_field field; sm_wire_next(&reader, &field);) {
    l->n_children += field.tag == SM_WIRE_TAG(OBJECT_CHILD, SM_WIRE_BYTES);
    l->n_slots += field.tag == SM_WIRE_TAG(OBJECT_SLOT, SM_WIRE_BYTES);
  }
  return sm_wire_finish(&reader, err);
}

static bool is_kind(const sm_wire_field *field) {
  uint32_t number = sm_wire_number(field);
  return sm_wire_type_of(field) == SM_WIRE_BYTES && number >= SM_OBJECT_USER_OBJECT &&
         number <= SM_OBJECT_CAPTURED_TENSOR && number != OBJECT_SAVEABLE;
}

static sm_status read_child(linker *l, sm_linked_object *to, sm_span bytes, sm_error *err) {
  sm_reference *child = &l->children[to->n_children++];
  SM_TRY(sm_reference_read(child, bytes, l->source, err));
  if (memchr(child->name.data, '\0', child->name.size) == NULL) return SM_OK;
  return SM_FAIL(err, SM_UNIMPLEMENTED, "%s: the name of a child holds a NUL", l->source->name);
}

static sm_status read_links(sm_linked_object *to, linker *l, sm_span bytes, sm_error *err) {
  to->children = l->children;
  to->slots = l->slots;
  sm_wire_reader reader = sm_wire_read(bytes, l->source);
  for (sm_wire_field field; sm_wire_next(&reader, &field);) {
    if (field.tag == SM_WIRE_TAG(OBJECT_CHILD, SM_WIRE_BYTES)) {
      SM_TRY(read_child(l, to, field.bytes, err));
    } else if (field.tag == SM_WIRE_TAG(OBJECT_SLOT, SM_WIRE_BYTES)) {
      SM_TRY(sm_slot_reference_read(&l->slots[to->n_slots++], field.bytes, l->source, err));
    } else if (is_kind(&field)) {
      to->kind = (sm_object_kind)sm_wire_number(&field);
      to->kind_bytes = field.bytes;
    }
  }
  l->children += to->n_children;
  l->slots += to->n_slots;
  return sm_wire_finish(&reader, err);
}

static sm_status build_links(void **out, const sm_meta_graph *graph, const void *subject, sm_arena *arena,
                             sm_error *err) {
  const sm_objects *objects = subject;
  linker l = {.source = sm_meta_graph_source(graph)};
  size_t n = objects->nodes.n;
  for (size_t i = 0; i < n; i++) SM_TRY(count_links(&l, objects->nodes.items[i], err));
  sm_object_links *made = sm_arena_new(arena, sm_object_links);
  sm_linked_object *linked = sm_arena_array(arena, sm_linked_object, n);
  if (made == NULL || linked == NULL) return sm_arena_fail(arena, n * sizeof *linked, err);
  l.children = sm_arena_array(arena, sm_reference, l.n_children);
  if (l.children == NULL) return sm_arena_fail(arena, l.n_children * sizeof *l.children, err);
  l.slots = sm_arena_array(arena, sm_slot_reference, l.n_slots);
  if (l.slots == NULL) return sm_arena_fail(arena, l.n_slots * sizeof *l.slots, err);
  for (size_t i = 0; i < n; i++) SM_TRY(read_links(&linked[i], &l, objects->nodes.items[i], err));
  *made = (sm_object_links){linked, n};
  *out = made;
  return SM_OK;
}

sm_status sm_objects_get_links(const sm_object_links **out, sm_objects *objects, sm_error *err) {
  void *made;
  SM_TRY(sm_meta_graph_once(&made, objects->graph, &objects->links, build_links, objects, err));
  *out = made;
  return SM_OK;
}
