/* Nothing is copied to be hashed: canonical bytes go from where they lie into the hash. */
#include "model/fingerprint.h"

#include <stdatomic.h>

#include <savedmodel/pb/saved_model.pb-c.h>

#include "codec/fingerprint64.h"
#include "graph/regular.h"
#include "model/model_internal.h"
#include "wire/canonical.h"
#include "wire/emit.h"

#define INDEX_NAME SM_DIR_VARIABLES "/" SM_FILE_VARIABLES_PREFIX ".index"

/* Fields: proto/graph.proto, saved_object_graph.proto, fingerprint.proto, versions.proto. */
enum {
  GRAPH_NODE = 1,
  GRAPH_LIBRARY = 2,
  GRAPH_VERSIONS = 4,
  OBJECT_GRAPH_CONCRETE_FUNCTION = 2,
  FINGERPRINT_VERSION = 6,
  FINGERPRINT_UUID = 7,
  VERSION_PRODUCER = 1
};

typedef struct hasher {
  const sm_wire_source *source;
  sm_arena *arena;
  sm_fingerprint64_stream stream;
  sm_canonical writer; /* into stream */
} hasher;

static sm_status add_bytes(void *ctx, const void *data, size_t size, sm_error *err) {
  (void)err;
  sm_fingerprint64_add(ctx, data, size);
  return SM_OK;
}

/* Puts the fingerprint of a message behind those in *hash. */
static sm_status cat_message(uint64_t *hash, hasher *h, const ProtobufCMessageDescriptor *type, sm_spans message,
                             sm_error *err) {
  sm_fingerprint64_begin(&h->stream);
  SM_TRY(sm_canonical_put(&h->writer, type, message, err));
  *hash = sm_fingerprint64_cat(*hash, sm_fingerprint64_end(&h->stream));
  return SM_OK;
}

static void cat_string(uint64_t *hash, sm_string text) {
  *hash = sm_fingerprint64_cat(*hash, sm_fingerprint64(text.data, text.size));
}

/* ---- saved_model_checksum ---- */

static sm_status hash_model(uint64_t *out, hasher *h, sm_span model, sm_error *err) {
  sm_fingerprint64_begin(&h->stream);
  SM_TRY(sm_canonical_put(&h->writer, &tensorflow__saved_model__descriptor, (sm_spans){&model, 1}, err));
  *out = sm_fingerprint64_end(&h->stream);
  return SM_OK;
}

/* ---- graph_def_program_hash ---- */

/* Is it a field of the graph that is hashed in its own way? */
static bool is_special(const sm_wire_field *field) {
  return field->tag == SM_WIRE_TAG(GRAPH_NODE, SM_WIRE_BYTES) ||
         field->tag == SM_WIRE_TAG(GRAPH_LIBRARY, SM_WIRE_BYTES) ||
         field->tag == SM_WIRE_TAG(GRAPH_VERSIONS, SM_WIRE_BYTES);
}

static sm_status add_node(hasher *h, sm_span node, sm_error *err) {
  sm_spans regular;
  sm_arena_mark mark = sm_arena_get_mark(h->arena);
  SM_TRY(sm_node_make_regular(&regular, &node, h->source, h->arena, err));
  SM_TRY(sm_canonical_put_field(&h->writer, GRAPH_NODE, &tensorflow__node_def__descriptor, regular, err));
  sm_arena_rewind(h->arena, mark);
  return SM_OK;
}

/* Hashes the nodes, and counts the fields that are not special. */
static sm_status add_nodes(size_t *n_others, hasher *h, sm_spans graph, sm_error *err) {
  *n_others = 0;
  for (size_t i = 0; i < graph.n; i++) {
    sm_wire_reader reader = sm_wire_read(graph.items[i], h->source);
    for (sm_wire_field field; sm_wire_next(&reader, &field);) {
      if (field.tag == SM_WIRE_TAG(GRAPH_NODE, SM_WIRE_BYTES)) SM_TRY(add_node(h, field.bytes, err));
      if (!is_special(&field)) ++*n_others;
    }
    SM_TRY(sm_wire_finish(&reader, err));
  }
  return SM_OK;
}

/* What stands behind the nodes: library and versions are there but empty, which makes the hash that of what is computed
 * and not of the functions, whose names and order vary. */
static sm_status add_other_fields(hasher *h, sm_spans graph, size_t n_others, sm_error *err) {
  static const uint8_t emptied[] = {GRAPH_LIBRARY << 3 | SM_WIRE_BYTES, 0, GRAPH_VERSIONS << 3 | SM_WIRE_BYTES, 0};
  sm_span *pieces = sm_arena_array(h->arena, sm_span, n_others + 1);
  if (pieces == NULL) return sm_arena_fail(h->arena, (n_others + 1) * sizeof *pieces, err);
  size_t n = 0;
  pieces[n++] = (sm_span){emptied, sizeof emptied};
  for (size_t i = 0; i < graph.n; i++) {
    sm_wire_reader reader = sm_wire_read(graph.items[i], h->source);
    for (sm_wire_field field; sm_wire_next(&reader, &field);)
      if (!is_special(&field)) pieces[n++] = field.whole;
  }
  return sm_canonical_put(&h->writer, &tensorflow__graph_def__descriptor, (sm_spans){pieces, n}, err);
}

static sm_status hash_graph(uint64_t *out, hasher *h, sm_spans graph, sm_error *err) {
  size_t n_others;
  sm_fingerprint64_begin(&h->stream);
  SM_TRY(add_nodes(&n_others, h, graph, err));
  SM_TRY(add_other_fields(h, graph, n_others, err));
  *out = sm_fingerprint64_end(&h->stream);
  return SM_OK;
}

/* ---- signature_def_hash ---- */

static sm_status hash_signatures(uint64_t *out, hasher *h, sm_spans meta_graph, sm_error *err) {
  sm_wire_map map;
  *out = 0;
  SM_TRY(sm_wire_index_map(&map, meta_graph, META_GRAPH_SIGNATURE, h->source, h->arena, err));
  for (size_t i = 0; i < map.n; i++) {
    sm_spans value;
    SM_TRY(sm_wire_entry_value(&value, &map.entries[i], h->source, h->arena, err));
    cat_string(out, map.entries[i].key);
    SM_TRY(cat_message(out, h, &tensorflow__signature_def__descriptor, value, err));
  }
  return SM_OK;
}

/* ---- saved_object_graph_hash ---- */

typedef struct numbered {
  int64_t uid;
  const sm_wire_entry *function;
} numbered;

static bool numbered_less(const void *a, const void *b) {
  const numbered *left = a, *right = b;
  return left->uid != right->uid ? left->uid < right->uid : left->function < right->function;
}

static sm_status number_functions(numbered *functions, const sm_wire_map *map, const sm_wire_source *source,
                                  sm_error *err) {
  for (size_t i = 0; i < map->n; i++) {
    sm_string name = map->entries[i].key;
    functions[i].function = &map->entries[i];
    if (!sm_function_get_uid(&functions[i].uid, name))
      return SM_FAIL(err, SM_FAILED_PRECONDITION,
                     "%s: the name of concrete function %.200s does not end in a number, and so TensorFlow has no "
                     "fingerprint for the model",
                     source->name, name.data);
  }
  sm_sort(functions, map->n, sizeof *functions, numbered_less);
  return SM_OK;
}

/* Of functions with one number TensorFlow takes the one that its hash map has first; here it is the first by name. */
static sm_status hash_functions(uint64_t *out, hasher *h, sm_spans object_graph, sm_error *err) {
  sm_wire_map map;
  *out = 0;
  SM_TRY(sm_wire_index_map(&map, object_graph, OBJECT_GRAPH_CONCRETE_FUNCTION, h->source, h->arena, err));
  numbered *functions = sm_arena_array(h->arena, numbered, map.n);
  if (functions == NULL) return sm_arena_fail(h->arena, map.n * sizeof *functions, err);
  SM_TRY(number_functions(functions, &map, h->source, err));
  for (size_t i = 0; i < map.n; i++) {
    sm_spans value;
    if (i > 0 && functions[i].uid == functions[i - 1].uid) continue;
    SM_TRY(sm_wire_entry_value(&value, functions[i].function, h->source, h->arena, err));
    cat_string(out, sm_function_without_uid(functions[i].function->key, functions[i].uid));
    SM_TRY(cat_message(out, h, &tensorflow__saved_concrete_function__descriptor, value, err));
  }
  return SM_OK;
}

/* ---- uuid: TensorFlow writes 128 bits as a decimal number of at least 20 digits ---- */

enum { MIN_DIGITS = 20, MAX_DIGITS = 39 };

static uint64_t cat_hashes(uint64_t start, const sm_fingerprint *f) {
  const uint64_t hashes[] = {f->saved_model_checksum, f->graph_def_program_hash, f->signature_def_hash,
                             f->saved_object_graph_hash, f->checkpoint_hash};
  for (size_t i = 0; i < sizeof hashes / sizeof hashes[0]; i++) start = sm_fingerprint64_cat(start, hashes[i]);
  return start;
}

static sm_status derive_uuid(sm_fingerprint *f, sm_arena *arena, sm_error *err) {
  char digits[MAX_DIGITS];
  size_t first = MAX_DIGITS;
  uint64_t low = cat_hashes(0, f), high = cat_hashes(low, f);
  uint32_t words[4] = {(uint32_t)(high >> 32), (uint32_t)high, (uint32_t)(low >> 32), (uint32_t)low};
  while (first > MAX_DIGITS - MIN_DIGITS || (words[0] | words[1] | words[2] | words[3]) != 0) {
    uint64_t rest = 0;
    for (size_t i = 0; i < 4; i++) {
      rest = rest << 32 | words[i];
      words[i] = (uint32_t)(rest / 10);
      rest %= 10;
    }
    digits[--first] = (char)('0' + rest);
  }
  f->uuid = sm_arena_copy(arena, (sm_string){digits + first, MAX_DIGITS - first}).data;
  return f->uuid != NULL ? SM_OK : sm_arena_fail(arena, MAX_DIGITS, err);
}

/* ---- The whole ---- */

static sm_status hash_all(sm_fingerprint *out, hasher *h, sm_span model, sm_error *err) {
  sm_spans meta_graphs, graph, object_graph;
  SM_TRY(sm_wire_collect(&meta_graphs, (sm_spans){&model, 1}, SAVED_MODEL_META_GRAPH, h->source, h->arena, err));
  if (meta_graphs.n == 0)
    return SM_FAIL(err, SM_FAILED_PRECONDITION, "%s: there is no meta graph to make a fingerprint of", h->source->name);
  const sm_spans first = {meta_graphs.items, 1};
  SM_TRY(sm_wire_collect(&graph, first, META_GRAPH_GRAPH, h->source, h->arena, err));
  SM_TRY(sm_wire_collect(&object_graph, first, META_GRAPH_OBJECT_GRAPH, h->source, h->arena, err));
  SM_TRY(hash_functions(&out->saved_object_graph_hash, h, object_graph, err));
  SM_TRY(hash_signatures(&out->signature_def_hash, h, first, err));
  SM_TRY(hash_graph(&out->graph_def_program_hash, h, graph, err));
  return hash_model(&out->saved_model_checksum, h, model, err);
}

sm_status sm_fingerprint_compute(sm_fingerprint *out, sm_span model, const sm_span *index, const sm_wire_source *source,
                                 sm_arena *arena, sm_error *err) {
  hasher h = {.source = source, .arena = arena};
  sm_arena_mark mark = sm_arena_get_mark(arena);
  *out = (sm_fingerprint){.producer = SM_FINGERPRINT_PRODUCER};
  sm_status status = sm_canonical_begin(&h.writer, source, arena, add_bytes, &h.stream, err);
  if (status == SM_OK) status = hash_all(out, &h, model, err);
  sm_canonical_end(&h.writer);
  sm_arena_rewind(arena, mark);
  SM_TRY(status);
  if (index != NULL) out->checkpoint_hash = sm_fingerprint64(index->data, index->size);
  return derive_uuid(out, arena, err);
}

sm_status sm_fingerprint_write(sm_buffer *out, const sm_fingerprint *fingerprint, sm_error *err) {
  const uint64_t hashes[] = {fingerprint->saved_model_checksum, fingerprint->graph_def_program_hash,
                             fingerprint->signature_def_hash, fingerprint->saved_object_graph_hash,
                             fingerprint->checkpoint_hash};
  size_t version;
  for (uint32_t i = 0; i < sizeof hashes / sizeof hashes[0]; i++)
    if (hashes[i] != 0) SM_TRY(sm_wire_put_varint(out, i + 1, hashes[i], err));
  SM_TRY(sm_wire_open(&version, out, FINGERPRINT_VERSION, err));
  SM_TRY(sm_wire_put_varint(out, VERSION_PRODUCER, (uint64_t)(int64_t)fingerprint->producer, err));
  SM_TRY(sm_wire_close(out, version, err));
  return sm_wire_put_bytes(out, FINGERPRINT_UUID, fingerprint->uuid, strlen(fingerprint->uuid), err);
}

/* ---- Of a model that is open ---- */

static sm_status compute(sm_fingerprint *out, const sm_model *model, sm_arena *arena, sm_error *err) {
  sm_bytes bytes;
  sm_error failure;
  sm_status status = SM_NOT_FOUND;
  if (model->dir != NULL)
    status = sm_bytes_load(&bytes, &model->root, INDEX_NAME, arena->max_bytes, model->allocator, &failure);
  if (status == SM_NOT_FOUND) return sm_fingerprint_compute(out, model->source.bytes, NULL, &model->source, arena, err);
  SM_TRY(sm_error_pass(err, status, &failure));
  const sm_span index = {bytes.data, bytes.size};
  status = sm_fingerprint_compute(out, model->source.bytes, &index, &model->source, arena, err);
  sm_bytes_unload(&bytes);
  return status;
}

/* The result, where it stays. */
static sm_status keep(void **out, const sm_meta_graph *graph, const void *subject, sm_arena *arena, sm_error *err) {
  (void)graph;
  sm_fingerprint *made = sm_arena_new(arena, sm_fingerprint);
  if (made == NULL) return sm_arena_fail(arena, sizeof *made, err);
  *made = *(const sm_fingerprint *)subject;
  made->uuid = sm_arena_copy(arena, sm_string_of(made->uuid)).data;
  *out = made;
  return made->uuid != NULL ? SM_OK : sm_arena_fail(arena, MAX_DIGITS, err);
}

/* Computed without the lock, for it may take long: of two threads that come at once both compute. */
sm_status sm_model_compute_fingerprint(const sm_fingerprint **out, const sm_model *model, sm_error *err) {
  sm_model *opened = (sm_model *)(uintptr_t)model;
  sm_fingerprint computed;
  sm_arena arena;
  void *made = atomic_load_explicit(&opened->computed_fingerprint, memory_order_acquire);
  *out = made;
  if (made != NULL) return SM_OK;
  sm_model_init_arena(&arena, model);
  sm_status status = compute(&computed, model, &arena, err);
  if (status == SM_OK) status = sm_model_once(&made, opened, &opened->computed_fingerprint, keep, NULL, &computed, err);
  sm_arena_free(&arena);
  *out = status == SM_OK ? made : NULL;
  return status;
}
