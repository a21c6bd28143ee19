/*
 * Puts chunks into a message at the places that paths name, on the bytes: nothing is unpacked, and what no path leads to
 * is copied as it stands. For saved_model.cpb, where chunked.c finds out which chunks go where.
 */
#ifndef SM_MODEL_JOIN_H
#define SM_MODEL_JOIN_H

#include "wire/wire.h"

/* How a step finds its field. The schema says which: a map, else a repeated field, else one that is there once. */
typedef enum sm_join_kind { SM_JOIN_SINGLE, SM_JOIN_INDEX, SM_JOIN_KEY } sm_join_kind;

/* From a message into a field of it. The value of a map entry takes two: into the entry, and on into its field value. */
typedef struct sm_join_step {
  const ProtobufCFieldDescriptor *field;
  sm_join_kind kind;
  uint64_t number; /* INDEX: of the element; KEY: what is no string, as a varint holds it */
  sm_span text;    /* KEY: what is one */
} sm_join_step;

/* A chunk and its place: a message, into which it is merged, or a bytes or string field, whose value it becomes. */
typedef struct sm_join_edit {
  const sm_join_step *steps;
  size_t n_steps; /* at most SM_WIRE_MAX_DEPTH; 0: the whole message */
  sm_span chunk;
  uint64_t chunk_index; /* no two edits have the same */
} sm_join_edit;

/* The joined message as pieces to be copied one after the other. */
typedef struct sm_join_piece {
  sm_span bytes;
  const struct sm_join_piece *next;
} sm_join_piece;

typedef struct sm_joined {
  const sm_join_piece *first;
  size_t size; /* of all pieces */
} sm_joined;

/*
 * Chunks of one place are merged in the order of their indexes, after those of the messages around it. What is missing on
 * a path is made; elements of repeated fields one by one.
 *
 * edits: sorted by this function. The result lies in arena, and points into the chunks.
 * Errors: DATA_LOSS an index beyond the end, two chunks for one value, a chunk that is no message; RESOURCE_EXHAUSTED.
 */
sm_status sm_join(sm_joined *out, sm_join_edit *edits, size_t n_edits, const sm_wire_source *source, sm_arena *arena,
                  sm_error *err);

#endif
