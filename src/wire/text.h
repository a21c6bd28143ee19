/*
 * wire's second door: the text format of protobuf, which a .pbtxt holds.
 *
 *   text_read.c    text to bytes: the messages          text_token.c   what it is made of, and places in messages
 *   text_scalar.c  numbers, names and strings in text   text_write.c   bytes to text
 *   canonical.c    canonical bytes: canonical.h         walk.c         a message's fields in canonical order
 *   emit.c         writing fields                       scalar.c       numbers in bytes
 *
 * Format: "Text Format Language Specification" (protocol buffers documentation). Where it leaves a choice, and in what is
 * refused, as Python's text_format.Parse of TensorFlow 2.21 does; the text is that of str() of a message there.
 */
#ifndef SM_WIRE_TEXT_H
#define SM_WIRE_TEXT_H

#include <savedmodel/convert.h>

#include "wire/wire.h"

/*
 * Appends the canonical bytes of the message of that type that text describes; out is empty before. Its limit holds for
 * what is needed on the way, too.
 *
 * Errors: DATA_LOSS "LINE:COL : what" with the offset in text; RESOURCE_EXHAUSTED.
 */
sm_status sm_text_read(sm_buffer *out, const ProtobufCMessageDescriptor *type, sm_string text, sm_error *err);

/*
 * The text of a message to sink.
 *
 * Errors: DATA_LOSS; UNIMPLEMENTED a field is not described; RESOURCE_EXHAUSTED nested too deeply, or more than the arena may
 * have; those of sink.
 */
sm_status sm_text_write(const ProtobufCMessageDescriptor *type, sm_span message, const sm_wire_source *source,
                        sm_arena *arena, sm_sink_fn sink, void *sink_ctx, sm_error *err);

#endif
