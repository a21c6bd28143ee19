/* Inside wire/: the fields of a message in the order of canonical bytes, for these (canonical.h) and for text. */
#ifndef SM_WIRE_CANONICAL_INTERNAL_H
#define SM_WIRE_CANONICAL_INTERNAL_H

#include "codec/varint.h"
#include "wire/canonical.h"
#include "wire/emit.h"
#include "wire/wire_internal.h"

/* ---- Scalars ---- */

/* The type that a field has in bytes, when it is not packed. */
sm_wire_type sm_wire_native_type(const ProtobufCFieldDescriptor *described);

/* A number as 64 bits: sign-extended, not zigzag, a float or double as its bits, a bool as 0 or 1. */
uint64_t sm_wire_decode_scalar(const ProtobufCFieldDescriptor *described, uint64_t encoded);

/* Writes what stands behind the tag at dst, which has room for SM_VARINT_MAX_SIZE bytes; returns the byte behind it. */
uint8_t *sm_wire_write_scalar(uint8_t *dst, const ProtobufCFieldDescriptor *described, uint64_t decoded);

/* Takes an element off a packed list, decoded; false when it ends inside of one. packed->size is not 0. */
bool sm_wire_next_packed(uint64_t *decoded, const ProtobufCFieldDescriptor *described, sm_span *packed);

static inline bool sm_wire_is_text_or_bytes(const ProtobufCFieldDescriptor *described) {
  return described->type == PROTOBUF_C_TYPE_STRING || described->type == PROTOBUF_C_TYPE_BYTES;
}

static inline bool sm_wire_is_singular(const ProtobufCFieldDescriptor *described) {
  return described->label != PROTOBUF_C_LABEL_REPEATED;
}

/* A field that is set to its default is as good as one that is not there. */
static inline bool sm_wire_has_implicit_presence(const ProtobufCFieldDescriptor *described) {
  return described->label == PROTOBUF_C_LABEL_NONE && (described->flags & PROTOBUF_C_FIELD_FLAG_ONEOF) == 0 &&
         described->type != PROTOBUF_C_TYPE_MESSAGE;
}

enum { SM_WIRE_MAX_FIELDS = 128 }; /* described in one message; unit/text_read looks at all of them */

/* ---- Maps ---- */

enum { SM_WIRE_ENTRY_KEY = 1, SM_WIRE_ENTRY_VALUE = 2 };

/* protobuf-c does not tell map entries from other messages; they are those of the form that protoc gives them. */
bool sm_wire_is_map_entry(const ProtobufCMessageDescriptor *type);

/* A key such that comparing number, then bytes, is the order of the map. */
typedef struct sm_wire_key {
  uint64_t number;
  sm_span bytes;
} sm_wire_key;

sm_status sm_wire_find_key(sm_wire_key *out, const ProtobufCMessageDescriptor *entry, sm_span bytes,
                           const sm_wire_source *source, sm_error *err);
int sm_wire_compare_keys(const sm_wire_key *a, const sm_wire_key *b);

/* ---- A message's fields in canonical order ---- */

typedef struct sm_wire_item {
  const ProtobufCFieldDescriptor *described; /* NULL: the schema has no such field */
  size_t ordinal;
  sm_wire_key key; /* of a map entry */
  sm_wire_field field;
  sm_spans pieces; /* of a singular message that is in several; else none */
} sm_wire_item;

typedef struct sm_wire_walk {
  const ProtobufCMessageDescriptor *type;
  bool is_entry;
  bool is_direct; /* the fields lie in order: items is not used, and nothing is allocated */
  sm_wire_reader reader;
  const sm_wire_item *items;
  size_t n_items, at;
} sm_wire_walk;

/* What walks over a message and those inside it have in common. */
typedef struct sm_wire_walker {
  const sm_wire_source *source;
  sm_arena *arena;    /* what a walk allocates lies there */
  bool keeps_unknown; /* fields that the schema does not have come last; else they are UNIMPLEMENTED */
} sm_wire_walker;

/* Errors: DATA_LOSS; UNIMPLEMENTED; RESOURCE_EXHAUSTED. */
sm_status sm_wire_walk_begin(sm_wire_walk *out, const sm_wire_walker *walker, const ProtobufCMessageDescriptor *type,
                             sm_spans pieces, sm_error *err);

/* The next value that counts; false at the end. A packed list is one item. */
bool sm_wire_walk_next(sm_wire_walk *walk, sm_wire_item *item);

/* The pieces of a message item; they live as long as item. */
static inline sm_spans sm_wire_item_pieces(const sm_wire_item *item) {
  return item->pieces.n != 0 ? item->pieces : (sm_spans){&item->field.bytes, 1};
}

/* DATA_LOSS: messages nested more than SM_WIRE_MAX_DEPTH deep, found at a byte. */
sm_status sm_wire_fail_depth(const sm_wire_source *source, const uint8_t *at, sm_error *err);

/* ---- Writing fields ---- */

/* The value alone. */
sm_status sm_wire_put_scalar(sm_buffer *out, const ProtobufCFieldDescriptor *described, uint64_t decoded,
                             sm_error *err);

/* A list that is being packed, field by field. Starts as {0}. */
typedef struct sm_wire_run {
  const ProtobufCFieldDescriptor *described; /* NULL: none is open */
  size_t contents;
} sm_wire_run;

/* Opens a run unless the one of this field is open. */
sm_status sm_wire_run_open(sm_wire_run *run, sm_buffer *out, const ProtobufCFieldDescriptor *described, sm_error *err);
sm_status sm_wire_run_close(sm_wire_run *run, sm_buffer *out, sm_error *err);

/* ---- All types ---- */

/* By full name, "tensorflow.AssetFileDef"; NULL. */
const ProtobufCMessageDescriptor *sm_wire_find_type(const char *name, size_t size);

#endif
