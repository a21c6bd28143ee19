#include "base/error.h"

#include <stdarg.h>
#include <stdbool.h>
#include <string.h>

#include "base/poison.h"
#include "base/utf8.h"

const char *sm_status_name(sm_status status) {
  switch (status) {
#define STATUS_CASE(name, number, text) \
  case SM_##name: return #name;
    SM_STATUS_LIST(STATUS_CASE)
#undef STATUS_CASE
  }
  return "UNKNOWN";
}

/* Bytes of the character at text that may be shown as they are; 0: control bytes, and what is not UTF-8. */
static size_t shown_size(const unsigned char *text, const unsigned char *end) {
  bool is_control = text[0] < 0x20 || text[0] == 0x7F || (text[0] == 0xC2 && text + 1 != end && text[1] < 0xA0);
  return is_control ? 0 : sm_utf8_char_size(text, end);
}

static void copy_shown(char *dst, size_t dst_size, const char *text) {
  size_t used = 0;
  const unsigned char *p = (const unsigned char *)text, *end = p + strlen(text);
  while (p != end) {
    size_t n = shown_size(p, end);
    if (used + (n != 0 ? n : 4) >= dst_size) break;
    if (n != 0)
      memcpy(dst + used, p, n);
    else
      snprintf(dst + used, 5, "\\x%02X", *p);
    used += n != 0 ? n : 4;
    p += n != 0 ? n : 1;
  }
  dst[used] = '\0';
}

sm_status sm_fail_at(sm_error *err, sm_status code, uint64_t offset, const char *format, ...) {
  if (err == NULL) return code;
  char raw[sizeof err->message];
  va_list args;
  va_start(args, format);
  vsnprintf(raw, sizeof raw, format, args);
  va_end(args);
  err->code = code;
  err->reserved = 0;
  err->offset = offset;
  copy_shown(err->message, sizeof err->message, raw);
  return code;
}

sm_status sm_error_pass(sm_error *err, sm_status status, const sm_error *failure) {
  if (status != SM_OK && err != NULL) *err = *failure;
  return status;
}

void sm_error_add_place(sm_error *err, const char *place) {
  if (err == NULL) return;
  char message[sizeof err->message];
  memcpy(message, err->message, sizeof message);
  (void)sm_fail_at(err, err->code, err->offset, "%s: %s", place, message);
}
