/* Comparing sm_strings as unsigned bytes, which for UTF-8 is the order of code points and Python's order of str. */
#ifndef SM_BASE_BYTES_H
#define SM_BASE_BYTES_H

#include <stdbool.h>
#include <string.h>

#include <savedmodel/status.h>

static inline int sm_string_compare(sm_string a, sm_string b) {
  size_t shorter = a.size < b.size ? a.size : b.size;
  int order = shorter != 0 ? memcmp(a.data, b.data, shorter) : 0;
  return order != 0 ? order : (a.size > b.size) - (a.size < b.size);
}

static inline bool sm_string_equal(sm_string a, sm_string b) {
  return a.size == b.size && (a.size == 0 || memcmp(a.data, b.data, a.size) == 0);
}

static inline sm_string sm_string_of(const char *text) { return (sm_string){text, strlen(text)}; }

/* For "%.*s", cut where it is long. */
static inline int sm_shown_size(sm_string text) { return text.size < 200 ? (int)text.size : 200; }
#define SM_SHOWN(text) sm_shown_size(text), (text).size != 0 ? (text).data : ""

#endif
