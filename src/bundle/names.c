#include <limits.h>

#include "base/base.h"
#include "bundle/bundle.h"

/* At least five digits; more where there are more files. */
enum { LEAST_DIGITS = 5 };

bool sm_prefix_split(char *dir, size_t dir_size, const char **base, const char *prefix) {
  const char *slash = strrchr(prefix, '/');
  *base = slash != NULL ? slash + 1 : prefix;
  size_t size = slash == NULL ? 0 : slash == prefix ? 1 : (size_t)(slash - prefix);
  if (size >= dir_size) return false;
  memcpy(dir, prefix, size);
  dir[size] = '\0';
  return true;
}

static bool fits(int n, size_t dst_size) { return n >= 0 && (size_t)n < dst_size; }

bool sm_index_name(char *dst, size_t dst_size, const char *base) {
  return fits(snprintf(dst, dst_size, "%s.index", base), dst_size);
}

bool sm_shard_name(char *dst, size_t dst_size, const char *base, int32_t shard, int32_t n_shards) {
  int n = snprintf(dst, dst_size, "%s.data-%0*d-of-%0*d", base, LEAST_DIGITS, (int)shard, LEAST_DIGITS, (int)n_shards);
  return fits(n, dst_size);
}

/* Digits only, as %05d prints them; *text moves behind them. */
static bool parse_number(int32_t *out, const char **text) {
  const char *p = *text;
  int64_t value = 0;
  for (; *p >= '0' && *p <= '9' && value <= INT32_MAX; p++) value = 10 * value + (*p - '0');
  bool is_padded = p - *text > LEAST_DIGITS && **text == '0'; /* by more zeros than are written */
  bool is_number = p - *text >= LEAST_DIGITS && !is_padded && value <= INT32_MAX;
  *text = p;
  *out = is_number ? (int32_t)value : 0;
  return is_number;
}

static bool skip(const char **text, const char *expected, size_t size) {
  bool is_there = strncmp(*text, expected, size) == 0;
  if (is_there) *text += size;
  return is_there;
}

bool sm_shard_name_parse(int32_t *shard, int32_t *n_shards, const char *base, const char *name) {
  *shard = *n_shards = 0;
  return skip(&name, base, strlen(base)) && skip(&name, ".data-", 6) && parse_number(shard, &name) &&
         skip(&name, "-of-", 4) && parse_number(n_shards, &name) && *name == '\0';
}

bool sm_v1_name_parse(int32_t *shard, int32_t *n_shards, const char *base, const char *name) {
  *shard = *n_shards = 0;
  return skip(&name, base, strlen(base)) && skip(&name, "-", 1) && parse_number(shard, &name) &&
         skip(&name, "-of-", 4) && parse_number(n_shards, &name) && *name == '\0';
}

bool sm_name_matches(const char *name, const char *pattern) {
  const char *star = NULL, *resume = NULL; /* the last star, and where what it stands for ends */
  while (*name != '\0') {
    if (*pattern == '*') {
      star = pattern++;
      resume = name;
    } else if (*pattern == '?' || *pattern == *name) {
      pattern++;
      name++;
    } else if (star != NULL) { /* let it stand for one more */
      pattern = star + 1;
      name = ++resume;
    } else {
      return false;
    }
  }
  while (*pattern == '*') pattern++;
  return *pattern == '\0';
}
