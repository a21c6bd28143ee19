/*
 * wire: protobuf bytes, read where they lie.
 *
 *   scan.c     walks the fields of one message without unpacking anything; every length is checked against what is left
 *   check.c    walks a message and all inside it by its descriptor, and says whether protobuf-c may see it
 *   inspect.c  the same walk for those who want to know all that is wrong, not the first of it
 *   merge.c    rewrites the rare message that protobuf-c would read otherwise than the protobuf specification says
 *   map.c      finds the entries of a map field
 *   unpack.c   check, merge where needed, then protobuf-c's unpack into an arena
 *
 * Encoding: the protobuf specification, "Encoding" (protocol-buffers documentation). A message is a sequence of fields;
 * a field is a tag (number << 3 | type, a varint) and a value whose type says where it ends. A field of an unexpected
 * type is an unknown field; a singular field given twice keeps the last value, or merges if it is a message.
 */
#ifndef SM_WIRE_WIRE_H
#define SM_WIRE_WIRE_H

#include <stdbool.h>

#include <protobuf-c/protobuf-c.h>

#include "base/base.h"

/* Nested messages, map entries included, counted from the message handed in (as the C++ and Python runtimes count). */
enum { SM_WIRE_MAX_DEPTH = 100 };

/* Bytes that belong to something larger, such as a mapped file. */
typedef struct sm_span {
  const uint8_t *data;
  size_t size;
} sm_span;

static inline sm_string sm_span_text(sm_span bytes) { return (sm_string){(const char *)bytes.data, bytes.size}; }

/* Several spans that make one message: the protobuf rule that a message given twice is the two put together. */
typedef struct sm_spans {
  const sm_span *items;
  size_t n;
} sm_spans;

/* What the spans are part of: names it and gives offsets in messages. */
typedef struct sm_wire_source {
  const char *name;
  sm_span bytes;
  void (*release)(const void *ctx, sm_span part); /* part was read through: its memory may go; NULL: no such thing */
  const void *ctx;
} sm_wire_source;

/* ---- Scanning ---- */

typedef enum sm_wire_type {
  SM_WIRE_VARINT = 0,
  SM_WIRE_FIXED64 = 1,
  SM_WIRE_BYTES = 2,
  SM_WIRE_GROUP = 3,
  SM_WIRE_GROUP_END = 4,
  SM_WIRE_FIXED32 = 5
} sm_wire_type;

/* Number and type as one integer, to switch on: a field of another type falls to default, among the unknown ones. */
#define SM_WIRE_TAG(number, type) ((uint32_t)(number) << 3 | (uint32_t)(type))

typedef struct sm_wire_field {
  uint32_t tag;
  uint64_t value; /* VARINT, FIXED32, FIXED64 */
  sm_span bytes;  /* BYTES: the value; GROUP: what is between its tags; else the value as it is encoded */
  sm_span whole;  /* tag and value */
} sm_wire_field;

static inline uint32_t sm_wire_number(const sm_wire_field *field) { return field->tag >> 3; }
static inline sm_wire_type sm_wire_type_of(const sm_wire_field *field) { return (sm_wire_type)(field->tag & 7); }

typedef struct sm_wire_reader {
  const uint8_t *p, *end;
  const sm_wire_source *source;
  const char *fault; /* why the scan stopped before the end */
  const uint8_t *fault_at;
  uint64_t fault_size; /* the number that is wrong */
  uint64_t fault_left; /* what there was room for */
} sm_wire_reader;

sm_wire_reader sm_wire_read(sm_span message, const sm_wire_source *source);

/* The next field; false at the end and at the first fault. Groups come as one field. */
bool sm_wire_next(sm_wire_reader *reader, sm_wire_field *field);

/* DATA_LOSS when the scan met a fault; SM_OK when it came to the end. */
sm_status sm_wire_finish(const sm_wire_reader *reader, sm_error *err);

/* DATA_LOSS with place: the source, the byte at is found at, and what is wrong with it. */
sm_status sm_wire_fail(const sm_wire_source *source, const uint8_t *at, const char *what, sm_error *err);

/* The last value of a bytes, string or message field, such as the key of a map entry; empty when there is none. */
sm_status sm_wire_find_bytes(sm_span *out, sm_span message, uint32_t number, const sm_wire_source *source,
                             sm_error *err);

/* All values of a field of type bytes, string or message, in the order of the pieces; out lies in arena. */
sm_status sm_wire_collect(sm_spans *out, sm_spans message, uint32_t number, const sm_wire_source *source,
                          sm_arena *arena, sm_error *err);

/* ---- Decoding into an arena ---- */

/* A proto3 string: UTF-8 checked, copied, terminated. Replaces *out. */
sm_status sm_wire_copy_string(sm_string *out, sm_span bytes, const sm_wire_source *source, sm_arena *arena,
                              sm_error *err);

/* ---- Maps ---- */

/* An entry of a map field, its value not looked at. */
typedef struct sm_wire_entry {
  sm_string key; /* terminated */
  sm_span bytes; /* of the whole entry */
} sm_wire_entry;

typedef struct sm_wire_map {
  const sm_wire_entry *entries; /* sorted by key, one for each */
  size_t n;
} sm_wire_map;

/* Entries of a map field with string keys; of those with one key the last counts. The result lies in arena. */
sm_status sm_wire_index_map(sm_wire_map *out, sm_spans message, uint32_t number, const sm_wire_source *source,
                            sm_arena *arena, sm_error *err);

/* Index of the entry with that key; SIZE_MAX. */
size_t sm_wire_map_find(const sm_wire_map *map, sm_string key);

/* Pieces of an entry's value. */
sm_status sm_wire_entry_value(sm_spans *out, const sm_wire_entry *entry, const sm_wire_source *source, sm_arena *arena,
                              sm_error *err);

/* ---- Unpacking with protobuf-c ---- */

/*
 * Unpacks a message into arena. Nothing reaches protobuf-c that was not checked: framing of all fields, nesting depth, and
 * UTF-8 of strings; its memory is bounded by the arena's limit, estimated before the first byte is allocated.
 *
 * Strings that hold a NUL are UNIMPLEMENTED: the structs cannot show them. Values of map entries may be NULL, and keys may
 * come twice (the last one counts).
 */
sm_status sm_wire_unpack(ProtobufCMessage **out, const ProtobufCMessageDescriptor *type, sm_spans message,
                         const sm_wire_source *source, sm_arena *arena, sm_error *err);

/* ---- Looking through a message ---- */

/*
 * Something that was met: a field that the schema does not know, or knows with another type (fault is NULL), or one that
 * cannot be read: DATA_LOSS framing, UTF-8, nested more than SM_WIRE_MAX_DEPTH deep; UNIMPLEMENTED a string with a NUL.
 *
 * in      the message that it lies in.
 * number  of the field; 0 where not even that can be read.
 */
typedef void (*sm_wire_oddity_fn)(void *ctx, const ProtobufCMessageDescriptor *in, uint32_t number,
                                  const sm_error *fault);

/* Walks a message and all inside it, and goes on behind what cannot be read where its length is known. */
void sm_wire_inspect(const ProtobufCMessageDescriptor *type, sm_span message, const sm_wire_source *source,
                     sm_wire_oddity_fn fn, void *ctx);

#endif
