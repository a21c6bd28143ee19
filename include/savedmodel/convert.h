/* SavedModels and GraphDefs as protobuf bytes (.pb) and as protobuf text (.pbtxt), one from the other. */
#ifndef SAVEDMODEL_CONVERT_H
#define SAVEDMODEL_CONVERT_H

#include <savedmodel/options.h>

SM_BEGIN_DECLS

/** What a file holds: neither its bytes nor its text say so. */
typedef enum sm_message_kind { SM_MESSAGE_SAVED_MODEL = 1, SM_MESSAGE_GRAPH_DEF } sm_message_kind;

/** Takes the next bytes of a result. A status other than SM_OK, with err filled, ends the call and is returned by it. */
typedef sm_status (*sm_sink_fn)(void *ctx, const void *data, size_t size, sm_error *err);

/**
 * Text of a message, as TensorFlow writes a .pbtxt (Python's str of the message), with the entries of maps sorted by key.
 * Reading it gives the same message, but that a NaN keeps neither sign nor payload, in the text as in TensorFlow's.
 *
 * name     of the data in messages, such as its path; NULL: none.
 * sink     gets the text in pieces of some 64 KiB.
 * options  allocator and max_bytes count; NULL: defaults.
 *
 * Errors: DATA_LOSS the bytes are no such message; UNIMPLEMENTED a field is not in TensorFlow 2.21's schema, which text cannot
 *   hold; RESOURCE_EXHAUSTED more than max_bytes, or nested more than 100 deep; INVALID_ARGUMENT kind; and those of sink,
 *   which may have got a part of the text when a call fails.
 * Memory: 64 KiB; and an index of one message and those around it, where its fields are not in the order of the text.
 */
SM_API sm_status sm_convert_to_text(sm_message_kind kind, const void *data, size_t size, const char *name,
                                    sm_sink_fn sink, void *sink_ctx, const sm_open_options *options, sm_error *err);

/**
 * Bytes of the message that text describes: canonical ones, which is to say fields by number, maps sorted by key, scalars
 * at their default left out. What TensorFlow's parser reads is read (Python, text_format.Parse), but neither digits grouped
 * by '_' nor escapes that the language does not have.
 *
 * text     size bytes, UTF-8.
 * out      out->data is freed with sm_convert_free; NULL on failure.
 * options  allocator and max_bytes count, as above.
 *
 * Errors: DATA_LOSS this is no such text: message is "LINE:COL : what", as in TensorFlow, offset where; RESOURCE_EXHAUSTED
 *   as above; INVALID_ARGUMENT kind.
 * Memory: that of the bytes, twice where the text is not in their order.
 */
SM_API sm_status sm_convert_from_text(sm_string *out, sm_message_kind kind, const char *text, size_t size,
                                      const sm_open_options *options, sm_error *err);

/** Free what sm_convert_from_text made with the same options. {NULL, 0} is fine. */
SM_API void sm_convert_free(sm_string *bytes, const sm_open_options *options);

SM_END_DECLS

#endif
