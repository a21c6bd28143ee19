/*
 * ChunkMetadata (proto/chunk.proto) as a list of edits for join.c: which chunk goes where.
 *
 * A ChunkedMessage may hold others; each is put behind the path of the one around it, so that in the end there is one
 * list. TensorFlow's Merger (tools/proto_splitter/merge.cc) joins an inner one whole before it goes on, which comes to
 * the same unless a later chunk of the outer one sets again what the inner one has set; the splitter makes no inner ones.
 *
 * Stricter than the Merger, which goes outside its arrays, or leaves data out without a word: every chunk is a record
 * of the announced size, and is used once.
 */
#include "model/chunked.h"

#include "model/join.h"
#include "wire/riegeli.h"

#include <savedmodel/pb/chunk.pb-c.h>

typedef Tensorflow__ProtoSplitter__ChunkMetadata chunk_metadata;
typedef Tensorflow__ProtoSplitter__ChunkedMessage chunked_message;
typedef Tensorflow__ProtoSplitter__ChunkedField chunked_field;
typedef Tensorflow__ProtoSplitter__FieldIndex field_index;
typedef Tensorflow__ProtoSplitter__FieldIndex__MapKey map_key;

/* The join_version that this reader is; TensorFlow's writers ask for 0. */
enum { JOIN_VERSION = 0 };

enum { ENTRY_KEY = 1, ENTRY_VALUE = 2 };

/* A way into the message. */
typedef struct path {
  sm_join_step *steps;
  size_t n_steps, room;
  const ProtobufCMessageDescriptor *type; /* where it leads; NULL: to a value that is no message */
} path;

/* A ChunkedMessage on the way down. */
typedef struct level {
  const chunked_message *message;
  path at;
  size_t next; /* of its chunked fields */
} level;

/* ChunkedMessages that may lie in each other: each one is a field of a ChunkedField. */
enum { MAX_LEVELS = SM_WIRE_MAX_DEPTH / 2 + 1 };

typedef struct plan {
  const sm_wire_source *file;
  sm_arena *arena;
  sm_riegeli_records records; /* the chunks; without the metadata */
  const chunk_metadata *metadata;
  sm_join_edit *edits;
  size_t n_edits;
  bool *is_used; /* for each chunk */
} plan;

static sm_status fail(const plan *p, sm_error *err, const char *what) {
  return SM_FAIL(err, SM_DATA_LOSS, "%s: chunk metadata: %s", p->file->name, what);
}

/* ---- Paths ---- */

static bool is_map(const ProtobufCFieldDescriptor *field) {
  const ProtobufCMessageDescriptor *entry = field->descriptor;
  if (field->label != PROTOBUF_C_LABEL_REPEATED || field->type != PROTOBUF_C_TYPE_MESSAGE) return false;
  size_t size = strlen(entry->short_name), suffix = strlen("Entry");
  return entry->n_fields == 2 && entry->fields[0].id == ENTRY_KEY && entry->fields[1].id == ENTRY_VALUE &&
         size > suffix && strcmp(entry->short_name + size - suffix, "Entry") == 0;
}

static const ProtobufCFieldDescriptor *entry_field(const ProtobufCFieldDescriptor *map, uint32_t number) {
  return protobuf_c_message_descriptor_get_field(map->descriptor, number);
}

/* Messages, and bytes and strings. TensorFlow's Merger also reads numbers from their decimal text; no splitter makes it. */
static bool can_be_chunk(const ProtobufCFieldDescriptor *field) {
  return field != NULL && (field->type == PROTOBUF_C_TYPE_MESSAGE || field->type == PROTOBUF_C_TYPE_BYTES ||
                           field->type == PROTOBUF_C_TYPE_STRING);
}

static void add_step(path *at, const ProtobufCFieldDescriptor *field, sm_join_kind kind, uint64_t number,
                     sm_span text) {
  at->steps[at->n_steps++] = (sm_join_step){field, kind, number, text};
  at->type = field->type == PROTOBUF_C_TYPE_MESSAGE ? field->descriptor : NULL;
}

/* Sets the key in the form that the map's entries have. False when it is of another type than theirs. */
static bool convert_key(uint64_t *number, sm_span *text, const ProtobufCFieldDescriptor *key, const map_key *given) {
  switch (given->type_case) { /* the maps of a SavedModel have keys of these types only */
    case TENSORFLOW__PROTO_SPLITTER__FIELD_INDEX__MAP_KEY__TYPE_S:
      *text = (sm_span){(const uint8_t *)given->s, strlen(given->s)};
      return key->type == PROTOBUF_C_TYPE_STRING;
    case TENSORFLOW__PROTO_SPLITTER__FIELD_INDEX__MAP_KEY__TYPE_UI32:
      *number = given->ui32;
      return key->type == PROTOBUF_C_TYPE_UINT32;
    default: return false;
  }
}

static sm_status add_map_steps(const plan *p, path *at, const ProtobufCFieldDescriptor *field, const field_index *tag,
                               sm_error *err) {
  uint64_t number = 0;
  sm_span text = {NULL, 0};
  if (tag == NULL || tag->kind_case != TENSORFLOW__PROTO_SPLITTER__FIELD_INDEX__KIND_MAP_KEY)
    return fail(p, err, "a map without a key");
  if (!convert_key(&number, &text, entry_field(field, ENTRY_KEY), tag->map_key))
    return fail(p, err, "a key that its map cannot have");
  add_step(at, field, SM_JOIN_KEY, number, text);
  add_step(at, entry_field(field, ENTRY_VALUE), SM_JOIN_SINGLE, 0, (sm_span){NULL, 0});
  return SM_OK;
}

/* Goes one field further; *next is the tag that names it, and is moved behind it and its index or key. */
static sm_status add_field(const plan *p, path *at, const chunked_field *from, size_t *next, sm_error *err) {
  const field_index *tag = from->field_tag[(*next)++];
  if (tag->kind_case != TENSORFLOW__PROTO_SPLITTER__FIELD_INDEX__KIND_FIELD)
    return fail(p, err, "an index or a key where a field belongs");
  if (at->type == NULL) return fail(p, err, "a path goes on where there is no message");
  if (at->n_steps + 2 > at->room) return fail(p, err, "a path is too long");
  const ProtobufCFieldDescriptor *field = protobuf_c_message_descriptor_get_field(at->type, tag->field);
  if (!can_be_chunk(field) || (is_map(field) && !can_be_chunk(entry_field(field, ENTRY_VALUE))))
    return SM_FAIL(err, SM_DATA_LOSS, "%s: chunk metadata: field %u of %s cannot be a chunk", p->file->name, tag->field,
                   at->type->name);
  if (field->label != PROTOBUF_C_LABEL_REPEATED) {
    add_step(at, field, SM_JOIN_SINGLE, 0, (sm_span){NULL, 0});
    return SM_OK;
  }
  const field_index *which = *next < from->n_field_tag ? from->field_tag[(*next)++] : NULL;
  if (is_map(field)) return add_map_steps(p, at, field, which, err);
  if (which == NULL || which->kind_case != TENSORFLOW__PROTO_SPLITTER__FIELD_INDEX__KIND_INDEX)
    return fail(p, err, "a repeated field without an index");
  add_step(at, field, SM_JOIN_INDEX, which->index, (sm_span){NULL, 0});
  return SM_OK;
}

/* The path of a chunked field, which begins where the message around it is. */
static sm_status make_path(path *out, const plan *p, const path *around, const chunked_field *from, sm_error *err) {
  size_t room = 2 * from->n_field_tag + around->n_steps;
  *out = *around;
  if (from->n_field_tag == 0) return SM_OK;
  out->room = room < SM_WIRE_MAX_DEPTH ? room : SM_WIRE_MAX_DEPTH;
  out->steps = sm_arena_array(p->arena, sm_join_step, out->room);
  if (out->steps == NULL) return sm_arena_fail(p->arena, out->room * sizeof *out->steps, err);
  if (around->n_steps != 0) memcpy(out->steps, around->steps, around->n_steps * sizeof *out->steps);
  for (size_t next = 0; next < from->n_field_tag;) SM_TRY(add_field(p, out, from, &next, err));
  return SM_OK;
}

/* ---- Chunks ---- */

static sm_status add_edit(plan *p, const path *at, uint64_t index, sm_error *err) {
  if (index >= p->metadata->n_chunks)
    return SM_FAIL(err, SM_DATA_LOSS, "%s: chunk metadata: chunk %llu of %zu", p->file->name, (unsigned long long)index,
                   p->metadata->n_chunks);
  if (p->is_used[index])
    return SM_FAIL(err, SM_DATA_LOSS, "%s: chunk metadata: chunk %llu is used twice", p->file->name,
                   (unsigned long long)index);
  const Tensorflow__ProtoSplitter__ChunkInfo *info = p->metadata->chunks[index];
  const sm_riegeli_record *record = sm_riegeli_find(&p->records, info->offset);
  if (record == NULL || record->bytes.size != info->size)
    return SM_FAIL(err, SM_DATA_LOSS, "%s: chunk metadata: chunk %llu: no record of %llu bytes at position %llu",
                   p->file->name, (unsigned long long)index, (unsigned long long)info->size,
                   (unsigned long long)info->offset);
  p->is_used[index] = true;
  p->edits[p->n_edits++] = (sm_join_edit){at->steps, at->n_steps, record->bytes, index};
  return SM_OK;
}

static sm_status add_message(plan *p, const path *at, const chunked_message *message, sm_error *err) {
  bool has_chunk = message->_chunk_index_case == TENSORFLOW__PROTO_SPLITTER__CHUNKED_MESSAGE___CHUNK_INDEX_CHUNK_INDEX;
  if (has_chunk) return add_edit(p, at, message->chunk_index, err);
  return at->type != NULL ? SM_OK : fail(p, err, "a value without a chunk");
}

/* Goes over all ChunkedMessages, outer ones first. */
static sm_status add_messages(plan *p, const ProtobufCMessageDescriptor *type, sm_error *err) {
  level levels[MAX_LEVELS];
  size_t n = 0;
  if (p->metadata->message == NULL) return fail(p, err, "no message");
  levels[n++] = (level){.message = p->metadata->message, .at.type = type};
  SM_TRY(add_message(p, &levels[0].at, levels[0].message, err));
  while (n != 0) {
    level *top = &levels[n - 1];
    if (top->next == top->message->n_chunked_fields) {
      n--;
      continue;
    }
    const chunked_field *field = top->message->chunked_fields[top->next++];
    if (field->message == NULL || n == MAX_LEVELS) return fail(p, err, "a field without a message");
    levels[n] = (level){.message = field->message};
    SM_TRY(make_path(&levels[n].at, p, &top->at, field, err));
    SM_TRY(add_message(p, &levels[n].at, field->message, err));
    n++;
  }
  return SM_OK;
}

static sm_status check_all_used(const plan *p, sm_error *err) {
  for (size_t i = 0; i < p->metadata->n_chunks; i++)
    if (!p->is_used[i])
      return SM_FAIL(err, SM_DATA_LOSS, "%s: chunk metadata: chunk %zu is not used", p->file->name, i);
  if (p->metadata->n_chunks == p->records.n) return SM_OK;
  return SM_FAIL(err, SM_DATA_LOSS, "%s: chunk metadata: %zu chunks, but %zu records", p->file->name,
                 p->metadata->n_chunks, p->records.n);
}

/* ---- The file ---- */

static sm_status read_metadata(plan *p, sm_error *err) {
  SM_TRY(sm_riegeli_read(&p->records, p->file, p->arena, err));
  if (p->records.n == 0) return SM_FAIL(err, SM_DATA_LOSS, "%s: no records", p->file->name);
  const sm_riegeli_record *last = &p->records.items[--p->records.n];
  const sm_wire_source source = {.name = p->file->name, .bytes = last->bytes};
  ProtobufCMessage *message;
  SM_TRY(sm_wire_unpack(&message, &tensorflow__proto_splitter__chunk_metadata__descriptor, (sm_spans){&last->bytes, 1},
                        &source, p->arena, err));
  p->metadata = (const chunk_metadata *)message;
  const Tensorflow__VersionDef *version = p->metadata->version;
  if (version != NULL && version->min_consumer > JOIN_VERSION)
    return SM_FAIL(err, SM_FAILED_PRECONDITION, "%s: asks for join version %d, this library has %d", p->file->name,
                   version->min_consumer, JOIN_VERSION);
  return SM_OK;
}

static sm_status make_edits(plan *p, const ProtobufCMessageDescriptor *type, sm_error *err) {
  const size_t n = p->metadata->n_chunks;
  p->is_used = sm_arena_array(p->arena, bool, n);
  p->edits = sm_arena_array(p->arena, sm_join_edit, n);
  if (p->is_used == NULL || p->edits == NULL) return sm_arena_fail(p->arena, n * sizeof *p->edits, err);
  SM_TRY(add_messages(p, type, err));
  return check_all_used(p, err);
}

static sm_status write_joined(sm_bytes *out, const sm_joined *joined, const plan *p, sm_error *err) {
  if (joined->size > p->arena->max_bytes - p->arena->bytes) return sm_arena_fail(p->arena, joined->size, err);
  uint8_t *data = sm_alloc(p->arena->allocator, joined->size != 0 ? joined->size : 1), *at = data;
  if (data == NULL) return SM_FAIL_OOM(err, joined->size);
  for (const sm_join_piece *piece = joined->first; piece != NULL; piece = piece->next) {
    if (piece->bytes.size != 0) memcpy(at, piece->bytes.data, piece->bytes.size);
    at += piece->bytes.size;
  }
  *out = (sm_bytes){.data = data, .size = joined->size, .owned_from = p->arena->allocator};
  return SM_OK;
}

sm_status sm_chunked_join(sm_bytes *out, const sm_wire_source *file, const ProtobufCMessageDescriptor *type,
                          uint64_t max_bytes, const sm_allocator *allocator, sm_error *err) {
  sm_arena arena;
  sm_joined joined;
  plan p = {.file = file, .arena = &arena};
  const sm_wire_source source = {.name = file->name}; /* chunks may lie outside of the file: no offsets */
  *out = (sm_bytes){0};
  sm_arena_init(&arena, allocator, max_bytes);
  sm_status status = read_metadata(&p, err);
  if (status == SM_OK) status = make_edits(&p, type, err);
  if (status == SM_OK) status = sm_join(&joined, p.edits, p.n_edits, &source, &arena, err);
  if (status == SM_OK) status = write_joined(out, &joined, &p, err);
  sm_arena_free(&arena);
  return status;
}
