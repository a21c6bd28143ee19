/* Options of printing by their names: tensorflow/python/tools/inspect_checkpoint.py, parse_numpy_printoption. */
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "cli/array_text.h"

static const char *set_integer(int64_t *out, const char *value, int64_t least) {
  char *end;
  errno = 0;
  long long number = strtoll(value, &end, 10);
  if (end == value || *end != '\0' || errno != 0) return "no integer";
  if (number < least) return "too small";
  *out = number;
  return NULL;
}

/* absl's words. */
static const char *set_bool(bool *out, const char *value) {
  static const char *const words[] = {"false", "true", "f", "t", "0", "1"};
  for (size_t i = 0; i < sizeof words / sizeof words[0]; i++) {
    if (strcasecmp(value, words[i]) != 0) continue;
    *out = i % 2 == 1;
    return NULL;
  }
  return "neither true nor false";
}

static const char *set_floatmode(array_floatmode *out, const char *value) {
  static const char *const names[] = {[ARRAY_MAXPREC_EQUAL] = "maxprec_equal",
                                      [ARRAY_FIXED] = "fixed",
                                      [ARRAY_UNIQUE] = "unique",
                                      [ARRAY_MAXPREC] = "maxprec"};
  for (size_t i = 0; i < sizeof names / sizeof names[0]; i++) {
    if (strcmp(value, names[i]) != 0) continue;
    *out = (array_floatmode)i;
    return NULL;
  }
  return "none of fixed, unique, maxprec, maxprec_equal";
}

/* Versions as numpy.set_printoptions takes them, and truth values, which is what inspect_checkpoint makes of the text: true
 * is to numpy the number 1, older than all. */
static const char *set_legacy(int *out, const char *value) {
  static const struct {
    const char *name;
    int version;
  } versions[] = {{"1.13", ARRAY_LEGACY_1_13}, {"1.21", 121}, {"1.25", 125}, {"2.1", 201}, {"2.2", ARRAY_LEGACY_2_2}};
  for (size_t i = 0; i < sizeof versions / sizeof versions[0]; i++) {
    if (strcmp(value, versions[i].name) != 0) continue;
    *out = versions[i].version;
    return NULL;
  }
  bool is_old = false;
  if (set_bool(&is_old, value) != NULL) return "no version that can be imitated";
  *out = is_old ? ARRAY_LEGACY_OLDEST : ARRAY_LEGACY_NONE;
  return NULL;
}

static const char *set_sign(char *out, const char *value) {
  if (strlen(value) != 1 || strchr("-+ ", *value) == NULL) return "none of '-', '+', ' '";
  *out = *value;
  return NULL;
}

const char *array_text_set_option(array_text_options *options, const char *name, const char *value) {
  if (strcmp(name, "precision") == 0) return set_integer(&options->precision, value, 0);
  if (strcmp(name, "threshold") == 0) return set_integer(&options->threshold, value, INT64_MIN);
  if (strcmp(name, "edgeitems") == 0) return set_integer(&options->edgeitems, value, 0);
  if (strcmp(name, "linewidth") == 0) return set_integer(&options->linewidth, value, INT32_MIN);
  if (strcmp(name, "suppress") == 0) return set_bool(&options->suppress, value);
  if (strcmp(name, "floatmode") == 0) return set_floatmode(&options->floatmode, value);
  if (strcmp(name, "legacy") == 0) return set_legacy(&options->legacy, value);
  if (strcmp(name, "sign") == 0) return set_sign(&options->sign, value);
  if (strcmp(name, "nanstr") == 0) {
    options->nanstr = value;
    return NULL;
  }
  if (strcmp(name, "infstr") == 0) {
    options->infstr = value;
    return NULL;
  }
  if (strcmp(name, "formatter") == 0 || strcmp(name, "override_repr") == 0)
    return "an option that cannot be set from the command line";
  return "not a valid printoption";
}
