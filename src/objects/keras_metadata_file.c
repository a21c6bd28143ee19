/*
 * What Keras wrote of objects, which it alone understands: in the nodes themselves, since TensorFlow 2.5 in a file.
 * Format: tf_keras/protobuf/saved_metadata.proto: SavedMetadata { repeated SavedObject nodes = 1 }.
 */
#include "objects/objects_internal.h"

enum { METADATA_NODE = 1, NODE_ID = 2, NODE_METADATA = 5 };

/* The texts of all objects that have one, by id. */
typedef struct sm_keras_file {
  const char **texts; /* NULL: none */
} sm_keras_file;

static sm_status take_node(sm_keras_file *to, const sm_objects *objects, sm_span bytes, const sm_wire_source *source,
                           sm_arena *arena, sm_error *err) {
  int32_t id = 0;
  sm_string text = {NULL, 0};
  sm_wire_reader reader = sm_wire_read(bytes, source);
  for (sm_wire_field field; sm_wire_next(&reader, &field);) {
    if (field.tag == SM_WIRE_TAG(NODE_ID, SM_WIRE_VARINT)) id = (int32_t)(uint32_t)field.value;
    if (field.tag == SM_WIRE_TAG(NODE_METADATA, SM_WIRE_BYTES))
      SM_TRY(sm_wire_copy_string(&text, field.bytes, source, arena, err));
  }
  if (id >= 0 && (size_t)id < objects->nodes.n) to->texts[id] = text.data;
  return sm_wire_finish(&reader, err);
}

static sm_status read_file(sm_keras_file *to, const sm_objects *objects, const sm_bytes *bytes, sm_arena *arena,
                           sm_error *err) {
  const sm_wire_source source = {.name = SM_FILE_KERAS_METADATA, .bytes = {bytes->data, bytes->size}};
  sm_wire_reader reader = sm_wire_read(source.bytes, &source);
  for (sm_wire_field field; sm_wire_next(&reader, &field);)
    if (field.tag == SM_WIRE_TAG(METADATA_NODE, SM_WIRE_BYTES))
      SM_TRY(take_node(to, objects, field.bytes, &source, arena, err));
  return sm_wire_finish(&reader, err);
}

static sm_status build_file(void **out, const sm_meta_graph *graph, const void *subject, sm_arena *arena,
                            sm_error *err) {
  const sm_objects *objects = subject;
  const sm_root *root = sm_model_get_root(sm_meta_graph_get_model(graph));
  sm_bytes bytes;
  sm_keras_file *made = sm_arena_new(arena, sm_keras_file);
  if (made != NULL) made->texts = sm_arena_array(arena, const char *, objects->nodes.n);
  if (made == NULL || made->texts == NULL) return sm_arena_fail(arena, objects->nodes.n * sizeof(char *), err);
  if (root->dir == NULL) return SM_FAIL(err, SM_NOT_FOUND, "the model was opened from a buffer");
  SM_TRY(sm_bytes_load(&bytes, root, SM_FILE_KERAS_METADATA, arena->max_bytes, arena->allocator, err));
  sm_status status = read_file(made, objects, &bytes, arena, err);
  sm_bytes_unload(&bytes);
  *out = made;
  return status;
}

sm_status sm_trackable_get_keras_metadata(const char **out, const sm_trackable *node, sm_error *err) {
  const sm_object *info;
  sm_objects *objects = node->objects;
  void *made;
  *out = NULL;
  SM_TRY(sm_trackable_get_info(&info, node, err));
  if (info->user_object != NULL && *info->user_object->metadata != '\0') {
    *out = info->user_object->metadata;
    return SM_OK;
  }
  SM_TRY(sm_meta_graph_once(&made, objects->graph, &objects->keras, build_file, objects, err));
  *out = ((const sm_keras_file *)made)->texts[node->id];
  if (*out != NULL) return SM_OK;
  return SM_FAIL(err, SM_NOT_FOUND, "%s: nothing of object %d", SM_FILE_KERAS_METADATA, node->id);
}
