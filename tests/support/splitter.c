#include "support/splitter.h"

#include <stdlib.h>
#include <string.h>

#include "support/check.h"
#include "wire/wire.h"

/* ---- By hand ---- */

void c_begin(c_file *c) { r_begin(&c->file); }

void c_free(c_file *c) {
  r_free(&c->file);
  w_free(&c->infos);
  w_free(&c->fields);
}

uint64_t c_chunk(c_file *c, const void *data, size_t size) {
  size_t info = w_begin(&c->infos, 2);
  w_varint(&c->infos, 1, 1);
  w_varint(&c->infos, 2, size);
  w_varint(&c->infos, 3, r_add(&c->file, data, size));
  w_end(&c->infos, info);
  return c->n_chunks++;
}

void c_field(w_buffer *path, uint32_t number) {
  size_t tag = w_begin(path, 1);
  w_varint(path, 1, number);
  w_end(path, tag);
}

void c_index(w_buffer *path, uint64_t index) {
  size_t tag = w_begin(path, 1);
  w_varint(path, 3, index);
  w_end(path, tag);
}

void c_text_key(w_buffer *path, const void *key, size_t size) {
  size_t tag = w_begin(path, 1), map_key = w_begin(path, 2);
  w_bytes(path, 1, key, size);
  w_end(path, map_key);
  w_end(path, tag);
}

void c_number_key(w_buffer *path, uint32_t member, uint64_t key) {
  size_t tag = w_begin(path, 1), map_key = w_begin(path, 2);
  w_varint(path, member, key);
  w_end(path, map_key);
  w_end(path, tag);
}

void c_place(c_file *c, const w_buffer *path, uint64_t chunk) {
  size_t field = w_begin(&c->fields, 2);
  w_raw(&c->fields, path->data, path->size);
  size_t message = w_begin(&c->fields, 3);
  w_varint(&c->fields, 1, chunk);
  w_end(&c->fields, message);
  w_end(&c->fields, field);
}

void c_finish(c_file *c, int is_without) {
  w_buffer metadata = {0};
  size_t version = w_begin(&metadata, 1);
  w_varint(&metadata, 1, 1);
  w_end(&metadata, version);
  w_raw(&metadata, c->infos.data, c->infos.size);
  size_t message = w_begin(&metadata, 3);
  if (!is_without) w_varint(&metadata, 1, 0);
  w_raw(&metadata, c->fields.data, c->fields.size);
  w_end(&metadata, message);
  r_flush(&c->file);
  r_add(&c->file, metadata.data, metadata.size);
  r_flush(&c->file);
  w_free(&metadata);
}

/* ---- Reading, for both of the following ---- */

static const ProtobufCFieldDescriptor *find_field(const ProtobufCMessageDescriptor *type, const sm_wire_field *field) {
  const ProtobufCFieldDescriptor *found =
      type != NULL ? protobuf_c_message_descriptor_get_field(type, sm_wire_number(field)) : NULL;
  return found != NULL && sm_wire_type_of(field) == SM_WIRE_BYTES ? found : NULL;
}

static bool is_message(const ProtobufCFieldDescriptor *field) { return field->type == PROTOBUF_C_TYPE_MESSAGE; }

static bool is_text(const ProtobufCFieldDescriptor *field) {
  return field->type == PROTOBUF_C_TYPE_BYTES || field->type == PROTOBUF_C_TYPE_STRING;
}

static bool is_map(const ProtobufCFieldDescriptor *field) {
  if (!is_message(field) || field->label != PROTOBUF_C_LABEL_REPEATED) return false;
  const char *name = ((const ProtobufCMessageDescriptor *)field->descriptor)->short_name, *end = strstr(name, "Entry");
  return end != NULL && end[strlen("Entry")] == '\0'; /* the name protoc gives them, and nothing else here has */
}

static const sm_wire_source nothing = {.name = "m"};

/* ---- At random ---- */

typedef struct splitter {
  c_file *c;
  uint32_t state;
} splitter;

static bool happens(splitter *s, unsigned one_in) {
  s->state = s->state * 1664525 + 1013904223;
  return (s->state >> 16) % one_in == 0;
}

static void add_chunk(splitter *s, const w_buffer *path, const void *data, size_t size) {
  static const char compressions[] = {0, 'b', 'z', 0};
  c_place(s->c, path, c_chunk(s->c, data, size));
  if (!happens(s, 3)) return;
  r_flush(&s->c->file);
  char compression = compressions[s->state >> 20 & 3];
#ifndef SM_HAVE_BROTLI
  if (compression == 'b') compression = 0;
#endif
#ifndef SM_HAVE_ZSTD
  if (compression == 'z') compression = 0;
#endif
  s->c->file.compression = compression;
}

/* path with what names this field, the index-th of its kind. False where the path cannot name it. */
static bool extend_path(w_buffer *out, const w_buffer *path, const ProtobufCFieldDescriptor *field, sm_span content,
                        uint64_t index) {
  w_raw(out, path->data, path->size);
  c_field(out, field->id);
  if (field->label != PROTOBUF_C_LABEL_REPEATED) return true;
  if (!is_map(field)) return c_index(out, index), true;
  const ProtobufCFieldDescriptor *key =
      protobuf_c_message_descriptor_get_field((const ProtobufCMessageDescriptor *)field->descriptor, 1);
  sm_wire_reader reader = sm_wire_read(content, &nothing);
  sm_span text = {NULL, 0};
  uint64_t number = 0;
  for (sm_wire_field inner; sm_wire_next(&reader, &inner);)
    if (sm_wire_number(&inner) == 1) text = inner.bytes, number = inner.value;
  switch (key->type) {
    case PROTOBUF_C_TYPE_STRING: c_text_key(out, text.data, text.size); break;
    case PROTOBUF_C_TYPE_UINT32: c_number_key(out, 3, number); break;
    default: return false;
  }
  return true;
}

/* may_cut: what is cut off becomes a chunk now, so the rest has to be one already, or none: the order of chunks counts. */
static void split_message(splitter *s, w_buffer *out, const ProtobufCMessageDescriptor *type, sm_span message,
                          const w_buffer *path, bool may_cut);

/* A field's content as a chunk; of a message parts may be taken out first. */
static void take_out(splitter *s, const ProtobufCFieldDescriptor *field, sm_span content, const w_buffer *path) {
  w_buffer left = {0};
  if (is_message(field))
    split_message(s, &left, field->descriptor, content, path, false);
  else
    w_raw(&left, content.data, content.size);
  add_chunk(s, path, left.data, left.size);
  w_free(&left);
}

/* An entry keeps its key; its value is split, taken out, or kept. */
static void split_entry(splitter *s, w_buffer *out, const ProtobufCFieldDescriptor *field, sm_span entry,
                        const w_buffer *path) {
  const ProtobufCFieldDescriptor *value =
      protobuf_c_message_descriptor_get_field((const ProtobufCMessageDescriptor *)field->descriptor, 2);
  sm_wire_reader reader = sm_wire_read(entry, &nothing);
  for (sm_wire_field inner; sm_wire_next(&reader, &inner);) {
    bool is_value = sm_wire_number(&inner) == 2 && sm_wire_type_of(&inner) == SM_WIRE_BYTES;
    if (is_value && (is_message(value) || is_text(value)) && happens(s, 3)) {
      take_out(s, value, inner.bytes, path);
    } else if (is_value && is_message(value)) {
      size_t begun = w_begin(out, 2);
      split_message(s, out, value->descriptor, inner.bytes, path, true);
      w_end(out, begun);
    } else {
      w_raw(out, inner.whole.data, inner.whole.size);
    }
  }
}

/* One field: kept, split in itself, or its content taken out. An element of a repeated field leaves an empty one. */
static void split_field(splitter *s, w_buffer *out, const ProtobufCFieldDescriptor *field, const sm_wire_field *from,
                        const w_buffer *path, uint64_t index) {
  w_buffer inner = {0};
  bool is_repeated = field->label == PROTOBUF_C_LABEL_REPEATED;
  bool is_kept = !is_message(field) && !(is_text(field) && happens(s, 4));
  if (!extend_path(&inner, path, field, from->bytes, index) || is_kept) {
    w_raw(out, from->whole.data, from->whole.size);
  } else if (is_map(field)) {
    size_t begun = w_begin(out, field->id);
    split_entry(s, out, field, from->bytes, &inner);
    w_end(out, begun);
  } else if (is_text(field) || happens(s, 4)) {
    if (is_repeated) w_bytes(out, field->id, "", 0);
    take_out(s, field, from->bytes, &inner);
  } else {
    size_t begun = w_begin(out, field->id);
    split_message(s, out, field->descriptor, from->bytes, &inner, true);
    w_end(out, begun);
  }
  w_free(&inner);
}

static void split_message(splitter *s, w_buffer *out, const ProtobufCMessageDescriptor *type, sm_span message,
                          const w_buffer *path, bool may_cut) {
  uint64_t *seen = calloc(type->n_fields + 1, sizeof *seen);
  w_buffer rest = {0}, *to = out;
  sm_wire_reader reader = sm_wire_read(message, &nothing);
  for (sm_wire_field from; sm_wire_next(&reader, &from);) {
    const ProtobufCFieldDescriptor *field = find_field(type, &from);
    if (to == out && may_cut && happens(s, 40)) to = &rest; /* what follows becomes a chunk that is merged */
    if (field != NULL)
      split_field(s, to, field, &from, path, seen[field - type->fields]++);
    else
      w_raw(to, from.whole.data, from.whole.size);
  }
  if (to == &rest) add_chunk(s, path, rest.data, rest.size);
  w_free(&rest);
  free(seen);
}

void c_split(c_file *c, const ProtobufCMessageDescriptor *type, const void *data, size_t size, uint32_t seed) {
  splitter s = {c, seed * 2654435761u};
  w_buffer root = {0}, path = {0};
  c->n_chunks = 1; /* chunk 0 is what is left of the message, and known last */
  split_message(&s, &root, type, (sm_span){data, size}, &path, true);
  r_flush(&c->file);
  w_buffer others = c->infos;
  uint64_t n_chunks = c->n_chunks;
  c->infos = (w_buffer){0};
  (void)c_chunk(c, root.data, root.size);
  c->n_chunks = n_chunks;
  w_raw(&c->infos, others.data, others.size);
  w_free(&others);
  c_finish(c, 0);
  w_free(&root);
}

/* ---- Comparing ---- */

static uint64_t mix(uint64_t hash, uint64_t value) {
  hash = (hash ^ value) * 0x9E3779B97F4A7C15u;
  return hash ^ hash >> 29;
}

uint64_t c_digest(const ProtobufCMessageDescriptor *type, const void *data, size_t size) {
  uint64_t sum = 0, *seen = calloc(type->n_fields + 1, sizeof *seen);
  sm_wire_reader reader = sm_wire_read((sm_span){data, size}, &nothing);
  for (sm_wire_field from; sm_wire_next(&reader, &from);) {
    const ProtobufCFieldDescriptor *field = find_field(type, &from);
    uint64_t hash = mix(1, from.tag);
    if (field != NULL && is_message(field)) {
      hash = mix(hash, c_digest(field->descriptor, from.bytes.data, from.bytes.size));
    } else {
      hash = mix(hash, from.bytes.size);
      for (size_t i = 0; i < from.bytes.size; i++) hash = mix(hash, from.bytes.data[i]);
    }
    if (field != NULL && !is_map(field)) hash = mix(hash, seen[field - type->fields]++);
    sum += hash;
  }
  if (reader.fault != NULL) fail_msg("no message: %s", reader.fault);
  free(seen);
  return mix(sum, size);
}
