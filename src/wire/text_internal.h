/* Inside wire/: text being read. */
#ifndef SM_WIRE_TEXT_INTERNAL_H
#define SM_WIRE_TEXT_INTERNAL_H

#include "wire/canonical_internal.h"
#include "wire/text.h"

/* ---- Tokens ---- */

typedef enum sm_text_kind {
  SM_TEXT_END,
  SM_TEXT_WORD,   /* a letter or '_', then letters, digits, '_', '+', '-' */
  SM_TEXT_NUMBER, /* whatever begins like a number and has such characters */
  SM_TEXT_STRING, /* with its quotes, to the end of the line when there is no second one */
  SM_TEXT_OTHER   /* one character */
} sm_text_kind;

typedef struct sm_text_tokens {
  const char *text, *end;
  const char *token, *token_end; /* the current one; both end at the end of the text */
  const char *previous;          /* start of the one before, or of the text */
  sm_text_kind kind;
} sm_text_tokens;

/* Stands on the first token then. text is UTF-8. */
void sm_text_begin(sm_text_tokens *in, sm_string text);
void sm_text_next(sm_text_tokens *in);

static inline size_t sm_text_token_size(const sm_text_tokens *in) { return (size_t)(in->token_end - in->token); }

/* Is the token this character? */
static inline bool sm_text_is(const sm_text_tokens *in, char c) { return in->kind == SM_TEXT_OTHER && *in->token == c; }

/* Takes it if it is. */
static inline bool sm_text_take(sm_text_tokens *in, char c) {
  if (!sm_text_is(in, c)) return false;
  sm_text_next(in);
  return true;
}

sm_status sm_text_expect(sm_text_tokens *in, char c, sm_error *err);

/* DATA_LOSS "LINE:COL : 'the line': what", of the current token; lines and columns count from 1, columns in characters. */
__attribute__((format(printf, 3, 4))) sm_status sm_text_fail(const sm_text_tokens *in, sm_error *err,
                                                             const char *format, ...);

/* DATA_LOSS "LINE:COL : what", of the token before. */
__attribute__((format(printf, 3, 4))) sm_status sm_text_fail_before(const sm_text_tokens *in, sm_error *err,
                                                                    const char *format, ...);

/* ---- Values ---- */

/* A number, a name of an enum, a boolean: takes the token. As in sm_wire_decode_scalar. */
sm_status sm_text_read_scalar(uint64_t *decoded, sm_text_tokens *in, const ProtobufCFieldDescriptor *described,
                              sm_error *err);

/* One string token or several, which are put together: appended to out. */
sm_status sm_text_read_string(sm_buffer *out, sm_text_tokens *in, bool is_utf8, sm_error *err);

#endif
