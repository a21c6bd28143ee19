/* Writing the state file of a directory with checkpoints. */
#include <savedmodel/pb/checkpoint_state.pb-c.h>

#include "checkpoint/checkpoint_internal.h"
#include "wire/emit.h"
#include "wire/text.h"

static sm_status put_double(sm_buffer *out, double value, sm_error *err) {
  uint64_t bits;
  uint8_t bytes[sizeof bits];
  memcpy(&bits, &value, sizeof bits);
  for (size_t i = 0; i < sizeof bytes; i++) bytes[i] = (uint8_t)(bits >> 8 * i);
  return sm_buffer_put(out, bytes, sizeof bytes, err);
}

static sm_status put_path(sm_buffer *out, uint32_t number, const char *path, sm_error *err) {
  return sm_wire_put_bytes(out, number, path, strlen(path), err);
}

static sm_status put_timestamps(sm_buffer *out, const sm_checkpoint_state *state, sm_error *err) {
  size_t contents;
  SM_TRY(sm_wire_open(&contents, out, STATE_TIMESTAMPS, err));
  for (size_t i = 0; i < state->n_paths; i++) SM_TRY(put_double(out, state->timestamps[i], err));
  return sm_wire_close(out, contents, err);
}

static sm_status put_state(sm_buffer *out, const sm_checkpoint_state *state, sm_error *err) {
  SM_TRY(put_path(out, STATE_LATEST, state->latest, err));
  for (size_t i = 0; i < state->n_paths; i++) SM_TRY(put_path(out, STATE_PATHS, state->paths[i], err));
  if (state->timestamps != NULL && state->n_paths != 0) SM_TRY(put_timestamps(out, state, err));
  if (state->last_preserved == 0) return SM_OK;
  SM_TRY(sm_wire_put_tag(out, STATE_LAST_PRESERVED, SM_WIRE_FIXED64, err));
  return put_double(out, state->last_preserved, err);
}

static sm_status put_text(void *ctx, const void *data, size_t size, sm_error *err) {
  return sm_buffer_put(ctx, data, size, err);
}

/* Python writes 2.0, the text of others is 2. The last line is whole. */
static sm_status put_python_lines(sm_buffer *out, const sm_buffer *text, sm_error *err) {
  const char *line = (const char *)text->data, *end = line + text->size;
  while (line < end) {
    const char *next = (const char *)memchr(line, '\n', (size_t)(end - line));
    const char *number = next;
    while (number > line && number[-1] >= '0' && number[-1] <= '9') number--;
    if (number - line > 1 && number[-1] == '-') number--;
    bool is_integer = number < next && number > line && number[-1] == ' ';
    SM_TRY(sm_buffer_put(out, line, (size_t)(next - line), err));
    SM_TRY(sm_buffer_put(out, is_integer ? ".0\n" : "\n", is_integer ? 3 : 1, err));
    line = next + 1;
  }
  return SM_OK;
}

static sm_status make_text(sm_buffer *text, const sm_checkpoint_state *state, const sm_allocator *allocator,
                           sm_error *err) {
  sm_arena arena;
  sm_buffer message, canonical;
  sm_arena_init(&arena, allocator, UINT64_MAX);
  sm_buffer_init(&message, allocator, UINT64_MAX);
  sm_buffer_init(&canonical, allocator, UINT64_MAX);
  sm_status status = put_state(&message, state, err);
  if (status == SM_OK) {
    const sm_span bytes = {message.data, message.size};
    const sm_wire_source source = {.name = SM_FILE_CHECKPOINT_STATE, .bytes = bytes};
    status =
        sm_text_write(&tensorflow__checkpoint_state__descriptor, bytes, &source, &arena, put_text, &canonical, err);
  }
  if (status == SM_OK) status = put_python_lines(text, &canonical, err);
  sm_buffer_free(&canonical);
  sm_buffer_free(&message);
  sm_arena_free(&arena);
  return status;
}

sm_status sm_checkpoint_state_write(const char *dir, const char *file, const sm_checkpoint_state *state,
                                    const sm_save_options *options, sm_error *err) {
  sm_save_options known;
  sm_buffer text;
  if (dir == NULL || state == NULL || state->latest == NULL || state->latest[0] == '\0')
    return SM_FAIL(err, SM_INVALID_ARGUMENT, "a state needs a directory and a newest checkpoint");
  SM_TRY(sm_save_options_read(&known, options, err));
  sm_buffer_init(&text, known.allocator, UINT64_MAX);
  sm_status status = make_text(&text, state, known.allocator, err);
  if (status == SM_OK)
    status = sm_file_replace(dir, file != NULL ? file : SM_FILE_CHECKPOINT_STATE, (sm_span){text.data, text.size},
                             &known, err);
  sm_buffer_free(&text);
  return status;
}
