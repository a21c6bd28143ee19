#include "cli/policy.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "cli/cli.h"

/* ---- Reading ---- */

enum { MAX_POLICY_SIZE = 1 << 24 };

static int read_text(char **out, const char *path) {
  *out = NULL;
  FILE *file = fopen(path, "rb");
  if (file == NULL) return cli_fail("%s: cannot be opened", path);
  char *text = malloc(MAX_POLICY_SIZE);
  size_t size = text != NULL ? fread(text, 1, MAX_POLICY_SIZE, file) : 0;
  bool failed = ferror(file) != 0;
  fclose(file);
  if (text == NULL) return cli_fail("out of memory");
  if (failed || size == MAX_POLICY_SIZE || memchr(text, '\0', size) != NULL) {
    free(text);
    return cli_fail("%s: %s", path, failed ? "cannot be read" : "is no policy: it is too large, or holds a NUL");
  }
  text[size] = '\0';
  *out = text;
  return CLI_OK;
}

static char *next_word(char **at) {
  char *word = *at + strspn(*at, " \t\r");
  size_t size = strcspn(word, " \t\r");
  if (size == 0) return NULL;
  *at = word + size;
  if (**at != '\0') *(*at)++ = '\0';
  return word;
}

static bool find_class(policy_line *line, const char *name) {
  line->is_checkpoint = strcmp(name, "checkpoint") == 0;
  line->is_asset = strcmp(name, "asset") == 0;
  if (line->is_checkpoint || line->is_asset || strcmp(name, "pure") == 0) return true;
  for (uint32_t effect = 1; sm_effect_name(effect) != NULL; effect <<= 1) {
    if (strcmp(name, sm_effect_name(effect)) != 0) continue;
    line->effect = effect;
    return true;
  }
  return false;
}

static bool read_line(policy *p, char *line) {
  char *comment = strchr(line, '#');
  if (comment != NULL) *comment = '\0';
  char *verb = next_word(&line);
  if (verb == NULL) return true;
  char *what = next_word(&line);
  if (what == NULL || next_word(&line) != NULL) return false;
  if (strcmp(verb, "default") == 0) {
    p->denies_by_default |= strcmp(what, "deny") == 0;
    return strcmp(what, "deny") == 0;
  }
  policy_line *made = &p->lines[p->n++];
  made->denies = strcmp(verb, "deny") == 0;
  made->pattern = what;
  made->is_class = find_class(made, what);
  return made->denies || strcmp(verb, "allow") == 0;
}

int policy_read(policy *out, const char *path) {
  *out = (policy){.text = NULL};
  int code = read_text(&out->text, path);
  if (code != CLI_OK) return code;
  size_t n = 1;
  for (const char *p = out->text; (p = strchr(p, '\n')) != NULL; p++) n++;
  out->lines = calloc(n, sizeof *out->lines);
  if (out->lines == NULL) return cli_fail("out of memory");
  size_t number = 1;
  for (char *line = out->text; line != NULL; number++) {
    char *end = strchr(line, '\n'), *next = end != NULL ? end + 1 : NULL;
    if (end != NULL) *end = '\0';
    if (!read_line(out, line))
      return cli_fail("%s: line %zu: expected 'allow WHAT', 'deny WHAT' or 'default deny'", path, number);
    line = next;
  }
  return CLI_OK;
}

void policy_free(policy *p) {
  free(p->lines);
  free(p->text);
  *p = (policy){.text = NULL};
}

/* ---- Judging ---- */

/* '*' stands for any bytes, '?' for one. Goes back to the last '*' only, which is enough. */
static bool matches(const char *pattern, sm_string name) {
  const char *star = NULL;
  size_t at = 0, star_at = 0;
  while (at < name.size) {
    if (*pattern == '*') {
      star = ++pattern;
      star_at = at;
    } else if (*pattern == '?' || (*pattern != '\0' && *pattern == name.data[at])) {
      pattern++;
      at++;
    } else if (star != NULL) {
      pattern = star;
      at = ++star_at;
    } else {
      return false;
    }
  }
  while (*pattern == '*') pattern++;
  return *pattern == '\0';
}

/* The saver's operations, and those that read assets, are of their own class alone. */
static bool is_of_class(const policy_line *line, const sm_scan_finding *finding) {
  if (!line->is_class) return false;
  if (finding->is_checkpointing || line->is_checkpoint) return finding->is_checkpointing && line->is_checkpoint;
  if (finding->is_asset_read || line->is_asset) return finding->is_asset_read && line->is_asset;
  return line->effect == 0 ? finding->effects == 0 : (finding->effects & line->effect) != 0;
}

bool policy_denies(const policy *p, const sm_scan_finding *finding) {
  uint32_t left = finding->effects; /* classes that no line allows */
  bool allowed = false;
  for (size_t i = 0; i < p->n; i++) {
    const policy_line *line = &p->lines[i];
    bool is_named = !line->is_class && matches(line->pattern, finding->op), is_class = is_of_class(line, finding);
    if (line->denies && (is_named || is_class)) return true;
    if (!line->denies && is_class) left &= ~line->effect;
    allowed |= !line->denies && (is_named || (is_class && line->effect == 0));
  }
  if (allowed || (finding->effects != 0 && left == 0)) return false;
  if (p->denies_by_default) return true;
  return (left & SM_EFFECTS_OF_NOTE) != 0 && !finding->is_checkpointing && !finding->is_asset_read;
}
