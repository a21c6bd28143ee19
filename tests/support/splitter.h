/* Chunked models by hand (proto/chunk.proto), and the splitting of any message at random. */
#ifndef SM_TESTS_SUPPORT_SPLITTER_H
#define SM_TESTS_SUPPORT_SPLITTER_H

#include <protobuf-c/protobuf-c.h>

#include "support/riegeli_writer.h"

/* Start with {0}, then c_begin; c_free at the end. */
typedef struct c_file {
  r_file file;
  w_buffer infos;  /* ChunkMetadata.chunks */
  w_buffer fields; /* ChunkedMessage.chunked_fields of the outermost message */
  uint64_t n_chunks;
} c_file;

void c_begin(c_file *c);
void c_free(c_file *c);

/* Adds a record and its ChunkInfo. Returns the index of the chunk. */
uint64_t c_chunk(c_file *c, const void *data, size_t size);

/* Parts of a path, a FieldIndex each. */
void c_field(w_buffer *path, uint32_t number);
void c_index(w_buffer *path, uint64_t index);
void c_text_key(w_buffer *path, const void *key, size_t size);
void c_number_key(w_buffer *path, uint32_t member, uint64_t key); /* member: of MapKey */

/* Puts a chunk at a path. */
void c_place(c_file *c, const w_buffer *path, uint64_t chunk);

/* Writes the metadata. With chunk 0 as the outermost message, unless is_without. */
void c_finish(c_file *c, int is_without);

/*
 * Splits a message: takes fields out of it, at any depth, as chunks of their own; cuts it in two between fields. What is
 * done depends on seed alone.
 */
void c_split(c_file *c, const ProtobufCMessageDescriptor *type, const void *data, size_t size, uint32_t seed);

/* A number that depends on all a message holds, and not on the order of different fields and of map entries. */
uint64_t c_digest(const ProtobufCMessageDescriptor *type, const void *data, size_t size);

#endif
