#include <savedmodel/convert.h>
#include <savedmodel/pb/graph.pb-c.h>
#include <savedmodel/pb/saved_model.pb-c.h>

#include "io/io.h"
#include "wire/text.h"

/* NULL: kind is none. */
static const ProtobufCMessageDescriptor *find_type(sm_message_kind kind) {
  switch (kind) {
    case SM_MESSAGE_SAVED_MODEL: return &tensorflow__saved_model__descriptor;
    case SM_MESSAGE_GRAPH_DEF: return &tensorflow__graph_def__descriptor;
  }
  return NULL;
}

/* The options, with allocator and max_bytes filled in for data of that size. */
static sm_status read_options(sm_open_options *out, const sm_open_options *options, size_t size, sm_error *err) {
  SM_TRY(sm_options_read(out, options, err));
  out->allocator = sm_allocator_or_malloc(out->allocator);
  if (out->max_bytes == 0) out->max_bytes = sm_default_max_bytes(size);
  return SM_OK;
}

sm_status sm_convert_to_text(sm_message_kind kind, const void *data, size_t size, const char *name, sm_sink_fn sink,
                             void *sink_ctx, const sm_open_options *options, sm_error *err) {
  const ProtobufCMessageDescriptor *type = find_type(kind);
  sm_open_options known;
  sm_arena arena;
  if (data == NULL && size != 0) return SM_FAIL(err, SM_INVALID_ARGUMENT, "data is NULL");
  if (sink == NULL) return SM_FAIL(err, SM_INVALID_ARGUMENT, "sink is NULL");
  if (type == NULL) return SM_FAIL(err, SM_INVALID_ARGUMENT, "%d is no sm_message_kind", (int)kind);
  SM_TRY(read_options(&known, options, size, err));
  const sm_wire_source source = {.name = name != NULL ? name : type->short_name, .bytes = {data, size}};
  sm_arena_init(&arena, known.allocator, known.max_bytes);
  sm_status status = sm_text_write(type, source.bytes, &source, &arena, sink, sink_ctx, err);
  sm_arena_free(&arena);
  return status;
}

sm_status sm_convert_from_text(sm_string *out, sm_message_kind kind, const char *text, size_t size,
                               const sm_open_options *options, sm_error *err) {
  const ProtobufCMessageDescriptor *type = find_type(kind);
  sm_open_options known;
  sm_buffer bytes;
  *out = (sm_string){NULL, 0};
  if (text == NULL && size != 0) return SM_FAIL(err, SM_INVALID_ARGUMENT, "text is NULL");
  if (type == NULL) return SM_FAIL(err, SM_INVALID_ARGUMENT, "%d is no sm_message_kind", (int)kind);
  SM_TRY(read_options(&known, options, size, err));
  sm_buffer_init(&bytes, known.allocator, known.max_bytes);
  sm_status status = sm_text_read(&bytes, type, (sm_string){text != NULL ? text : "", size}, err);
  if (status == SM_OK) status = sm_buffer_put(&bytes, "", 1, err); /* terminated */
  if (status != SM_OK)
    sm_buffer_free(&bytes);
  else
    *out = (sm_string){(const char *)bytes.data, bytes.size - 1};
  return status;
}

void sm_convert_free(sm_string *bytes, const sm_open_options *options) {
  sm_open_options known;
  if (bytes->data == NULL || sm_options_read(&known, options, NULL) != SM_OK) return;
  sm_free(sm_allocator_or_malloc(known.allocator), (void *)(uintptr_t)bytes->data);
  *bytes = (sm_string){NULL, 0};
}
