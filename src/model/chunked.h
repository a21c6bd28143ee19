/* saved_model.cpb: a message cut into chunks because it may be too large for one (TensorFlow: tools/proto_splitter). */
#ifndef SM_MODEL_CHUNKED_H
#define SM_MODEL_CHUNKED_H

#include "io/io.h"
#include "wire/wire.h"

/*
 * The bytes of the message of that type. file is a riegeli file: the chunks, and as its last record the ChunkMetadata
 * that says where they belong.
 *
 * out: memory of allocator. No more than max_bytes are in use at a time, result included, but for what a decompressor
 *   needs (codec/decompress.h).
 * Errors: DATA_LOSS the file is damaged, or its metadata contradict themselves, the chunks or the type;
 *   FAILED_PRECONDITION it asks for a newer reader; UNIMPLEMENTED as sm_riegeli_read; RESOURCE_EXHAUSTED.
 */
sm_status sm_chunked_join(sm_bytes *out, const sm_wire_source *file, const ProtobufCMessageDescriptor *type,
                          uint64_t max_bytes, const sm_allocator *allocator, sm_error *err);

#endif
