#include "builder/parameter_name.h"

static bool is_letter(char c) { return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (unsigned char)c >= 0x80; }

bool sm_is_python_keyword(sm_string name) {
  static const char *const keywords[] = {"False",  "None",   "True",    "and",      "as",       "assert", "async",
                                         "await",  "break",  "class",   "continue", "def",      "del",    "elif",
                                         "else",   "except", "finally", "for",      "from",     "global", "if",
                                         "import", "in",     "is",      "lambda",   "nonlocal", "not",    "or",
                                         "pass",   "raise",  "return",  "try",      "while",    "with",   "yield"};
  for (size_t i = 0; i < sizeof keywords / sizeof keywords[0]; i++)
    if (sm_string_equal(name, sm_string_of(keywords[i]))) return true;
  return false;
}

sm_status sm_parameter_name(sm_string *out, sm_string name, sm_arena *arena, sm_error *err) {
  static const char prefix[] = "arg_";
  bool is_prefixed = name.size == 0 || !is_letter(name.data[0]) || sm_is_python_keyword(name);
  size_t at = is_prefixed ? sizeof prefix - 1 : 0;
  char *made = sm_arena_calloc(arena, 1, at + name.size + 1);
  if (made == NULL) return sm_arena_fail(arena, at + name.size + 1, err);
  memcpy(made, prefix, at);
  for (size_t i = 0; i < name.size; i++) {
    char c = name.data[i];
    made[at + i] = is_letter(c) || (c >= '0' && c <= '9') ? c : '_';
  }
  *out = (sm_string){made, at + name.size};
  return SM_OK;
}
