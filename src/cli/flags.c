#include "cli/flags.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "cli/cli.h"

typedef enum flag_kind { STRING, BOOL, INTEGER, PRECISION, REPEATED } flag_kind;

typedef struct flag_facts {
  const char *name;
  flag_kind kind;
  const char *absent;   /* default */
  const char *commands; /* NULL: TensorFlow's, of every command of TensorFlow */
} flag_facts;

#define TENSORFLOW_FACTS(name, kind, absent) {#name, kind, absent, NULL},
#define OWN_FACTS(name, kind, commands) {#name, kind, NULL, commands},
static const flag_facts flags[CLI_N_FLAGS] = {CLI_TENSORFLOW_FLAGS(TENSORFLOW_FACTS) CLI_OWN_FLAGS(OWN_FACTS)};
#undef TENSORFLOW_FACTS
#undef OWN_FACTS

const char *cli_flag_name(cli_flag flag) { return flags[flag].name; }

const char *cli_args_next(const cli_args *args, cli_flag flag, size_t *position) {
  while (*position < args->n_repeated) {
    size_t i = (*position)++;
    if (args->repeated[i].flag == flag) return args->repeated[i].value;
  }
  return NULL;
}

/* ---- Names ---- */

static bool name_is(const char *text, size_t size, const char *name) {
  if (strlen(name) != size) return false;
  for (size_t i = 0; i < size; i++)
    if (text[i] != name[i] && !(text[i] == '-' && name[i] == '_')) return false;
  return true;
}

static int find_flag(const char *text, size_t size) {
  for (int i = 0; i < CLI_N_FLAGS; i++)
    if (name_is(text, size, flags[i].name)) return i;
  return -1;
}

/* Edits that make b of a: insert, delete, replace, and swap neighbours. absl's measure of a misspelt flag. */
static size_t edit_distance(const char *a, size_t a_size, const char *b, size_t b_size) {
  enum { MAX = 64 };
  size_t d[MAX + 1][MAX + 1];
  if (a_size > MAX || b_size > MAX) return MAX;
  for (size_t i = 0; i <= a_size; i++) d[i][0] = i;
  for (size_t j = 0; j <= b_size; j++) d[0][j] = j;
  for (size_t i = 1; i <= a_size; i++) {
    for (size_t j = 1; j <= b_size; j++) {
      size_t cost = a[i - 1] != b[j - 1], best = d[i - 1][j - 1] + cost;
      if (d[i - 1][j] + 1 < best) best = d[i - 1][j] + 1;
      if (d[i][j - 1] + 1 < best) best = d[i][j - 1] + 1;
      if (i > 1 && j > 1 && a[i - 1] == b[j - 2] && a[i - 2] == b[j - 1] && d[i - 2][j - 2] + cost < best)
        best = d[i - 2][j - 2] + cost;
      d[i][j] = best;
    }
  }
  return d[a_size][b_size];
}

static size_t distance_to(const char *text, size_t size, const char *name) {
  size_t prefix = strlen(name) < size ? strlen(name) : size;
  return edit_distance(text, size, name, prefix);
}

/* The flags nearest to a misspelt one; none when that is far off (absl: half of its letters). */
static int fail_unknown(const char *text, size_t size) {
  char near[512] = "";
  size_t least = SIZE_MAX, used = 0;
  for (int i = 0; i < CLI_N_FLAGS; i++) {
    size_t distance = distance_to(text, size, flags[i].name);
    if (distance < least) least = distance;
  }
  for (int i = 0; size > 2 && 2 * least < size && i < CLI_N_FLAGS; i++)
    if (distance_to(text, size, flags[i].name) == least)
      used += (size_t)snprintf(near + used, sizeof near - used, "%s%s", used == 0 ? "" : ", ", flags[i].name);
  if (used == 0) return cli_fail("Unknown command line flag '%.*s'", (int)size, text);
  return cli_fail("Unknown command line flag '%.*s'. Did you mean: %s ?", (int)size, text, near);
}

/* ---- Values ---- */

/* What Python's int takes: decimal, or with a prefix in that base. */
static bool is_integer(const char *text) {
  const char *digits = text + (*text == '-' || *text == '+');
  int base = 10;
  if (digits[0] == '0' && (digits[1] == 'x' || digits[1] == 'X')) base = 16;
  if (digits[0] == '0' && (digits[1] == 'o' || digits[1] == 'O')) base = 8;
  if (digits[0] == '0' && (digits[1] == 'b' || digits[1] == 'B')) base = 2;
  if (base != 10) digits += 2;
  char *end;
  (void)strtoll(digits, &end, base);
  return *digits >= '0' && *digits != '\0' && end != digits && *end == '\0';
}

static int check_value(const flag_facts *flag, const char *value) {
  bool is_precision = strcmp(value, "FP32") == 0 || strcmp(value, "FP16") == 0 || strcmp(value, "INT8") == 0;
  if (flag->kind == INTEGER && !is_integer(value))
    return cli_fail("flag --%s=%s: invalid literal for int() with base 10: '%s'", flag->name, value, value);
  if (flag->kind == PRECISION && !is_precision)
    return cli_fail("flag --%s=%s: value should be one of <FP32|FP16|INT8>", flag->name, value);
  return CLI_OK;
}

/* What is found wrong on the way but reported in the end, when nothing worse was met. */
typedef struct complaints {
  const char *unknown;
  size_t unknown_size;
  const flag_facts *explicit_flag; /* --all=true */
  const char *explicit_value;
  const flag_facts *dash_value; /* --tag_set --all */
} complaints;

/* As argparse says it. command: "" before there is one. */
__attribute__((format(printf, 2, 3))) static int usage_error(const char *command, const char *format, ...) {
  const char *blank = *command != '\0' ? " " : "";
  va_list args;
  fprintf(stderr, "usage: savedmodel%s%s [-h] [--version] ...\nsavedmodel%s%s: error: ", blank, command, blank,
          command);
  va_start(args, format);
  vfprintf(stderr, format, args);
  va_end(args);
  fputc('\n', stderr);
  return CLI_USAGE;
}

/* ---- Reading ---- */

static int add_word(cli_args *args, const char *word) {
  if (args->n_words == CLI_MAX_WORDS) return usage_error("", "too many arguments");
  args->words[args->n_words++] = word;
  return CLI_OK;
}

static int add_repeated(cli_args *args, int flag, const char *value) {
  if (args->n_repeated == CLI_MAX_WORDS) return usage_error("", "too many arguments");
  args->repeated[args->n_repeated].flag = (cli_flag)flag;
  args->repeated[args->n_repeated++].value = value;
  return CLI_OK;
}

static int set_boolean(cli_args *args, int flag, const char *equals, complaints *found) {
  if (equals != NULL && equals[1] == '\0')
    return cli_fail("flag --%s=: ('Non-boolean argument to boolean flag', '')", flags[flag].name);
  if (equals != NULL) {
    found->explicit_flag = &flags[flag];
    found->explicit_value = equals + 1;
  }
  args->values[flag] = "true";
  args->given[flag] = true;
  return CLI_OK;
}

/* A flag that takes a value: after '=', or the next argument. */
static int set_value(cli_args *args, int flag, const char *equals, int argc, char **argv, int *at, complaints *found) {
  const char *value = equals != NULL ? equals + 1 : NULL;
  if (value == NULL) {
    if (*at + 1 >= argc) return cli_fail("Missing value for flag --%s", flags[flag].name);
    value = argv[++*at];
    bool is_number = value[0] == '-' && is_integer(value);
    if (value[0] == '-' && value[1] != '\0' && !is_number) found->dash_value = &flags[flag];
  }
  int code = check_value(&flags[flag], value);
  args->values[flag] = value;
  args->given[flag] = true;
  return code == CLI_OK && flags[flag].kind == REPEATED ? add_repeated(args, flag, value) : code;
}

static int read_long_flag(cli_args *args, int argc, char **argv, int *at, complaints *found) {
  const char *text = argv[*at] + 2, *equals = strchr(text, '=');
  size_t size = equals != NULL ? (size_t)(equals - text) : strlen(text);
  args->wants_help |=
      name_is(text, size, "help") || name_is(text, size, "helpshort") || name_is(text, size, "helpfull");
  args->wants_version |= name_is(text, size, "version");
  if (args->wants_help || args->wants_version) return CLI_OK;
  int flag = find_flag(text, size);
  bool is_no = size > 2 && text[0] == 'n' && text[1] == 'o';
  int negated = flag < 0 && is_no ? find_flag(text + 2, size - 2) : -1;
  if (negated >= 0 && flags[negated].kind == BOOL) {
    if (equals != NULL) return cli_fail("--%s does not take an argument", text);
    args->values[negated] = NULL;
    args->given[negated] = true;
    return CLI_OK;
  }
  if (flag < 0) {
    if (found->unknown == NULL) {
      found->unknown = text;
      found->unknown_size = size;
    }
    return CLI_OK;
  }
  return flags[flag].kind == BOOL ? set_boolean(args, flag, equals, found)
                                  : set_value(args, flag, equals, argc, argv, at, found);
}

static int read_argument(cli_args *args, int argc, char **argv, int *at, complaints *found) {
  const char *text = argv[*at];
  if (text[0] != '-' || text[1] == '\0') return add_word(args, text);
  if (text[1] == '-') return read_long_flag(args, argc, argv, at, found);
  if (strcmp(text, "-o") == 0) return set_value(args, CLI_o, NULL, argc, argv, at, found);
  if (strcmp(text, "-h") == 0) {
    args->wants_help = true;
  } else if (strcmp(text, "-v") == 0) {
    args->wants_version = true;
  } else if (text[2] == '\0') {
    if (found->unknown == NULL) {
      found->unknown = text + 1;
      found->unknown_size = 1;
    }
  } else {
    args->has_dash_word = true;
    return add_word(args, text);
  }
  return CLI_OK;
}

int cli_args_read(cli_args *args, int argc, char **argv) {
  complaints found = {NULL, 0, NULL, NULL, NULL};
  memset(args, 0, sizeof *args);
  for (int i = 0; i < CLI_N_FLAGS; i++) args->values[i] = flags[i].absent;
  bool only_words = false;
  for (int at = 1; at < argc; at++) {
    int code;
    if (!only_words && strcmp(argv[at], "--") == 0) {
      only_words = true;
      continue;
    }
    code = only_words ? add_word(args, argv[at]) : read_argument(args, argc, argv, &at, &found);
    if (code != CLI_OK) return code;
    if (args->wants_help || args->wants_version) return CLI_OK;
  }
  if (found.unknown != NULL) return fail_unknown(found.unknown, found.unknown_size);
  if (args->n_words == 0) return usage_error("", "Too few arguments.");
  if (found.dash_value != NULL)
    return usage_error(args->words[0], "argument --%s: expected one argument", found.dash_value->name);
  if (found.explicit_flag != NULL)
    return usage_error(args->words[0], "argument --%s/--no%s: ignored explicit argument '%s'",
                       found.explicit_flag->name, found.explicit_flag->name, found.explicit_value);
  return CLI_OK;
}

/* ---- Checking ---- */

static bool belongs_to(const flag_facts *flag, const cli_command *command) {
  bool is_shared = strcmp(flag->name, "overwrite") == 0 &&
                   (strcmp(command->name, "convert") == 0 || strcmp(command->name, "edit") == 0 ||
                    strcmp(command->name, "checkpoint") == 0);
  if (flag->commands == NULL) return command->is_tensorflows || is_shared;
  size_t size = strlen(command->name);
  const char *found = strstr(flag->commands, command->name);
  return found != NULL && (found == flag->commands || found[-1] == ' ') && (found[size] == ' ' || found[size] == '\0');
}

static int check_required(const cli_args *args, const cli_command *command) {
  char missing[1024] = "";
  size_t used = 0;
  for (const char *const *name = command->required; name != NULL && *name != NULL; name++) {
    int flag = find_flag(*name, strlen(*name));
    bool by_word = flag == CLI_dir && args->n_words > 1;
    if (args->values[flag] != NULL || by_word) continue;
    used += (size_t)snprintf(missing + used, sizeof missing - used,
                             "%sflag --%s=None: Flag --%s must have a value other than None.", used != 0 ? "\n" : "",
                             *name, *name);
  }
  return used != 0 ? usage_error(command->name, "%s", missing) : CLI_OK;
}

/* The first word after the command may be the model's directory. */
static int check_words(const cli_args *args, const cli_command *command) {
  char words[1024] = "";
  size_t used = 0, allowed = args->values[CLI_dir] == NULL && !args->has_dash_word ? 2 : 1;
  allowed += command->more_words;
  for (size_t i = allowed; i < args->n_words && used < sizeof words; i++)
    used += (size_t)snprintf(words + used, sizeof words - used, " %s", args->words[i]);
  return used != 0 ? usage_error("", "unrecognized arguments:%s", words) : CLI_OK;
}

int cli_args_check(const cli_args *args, const cli_command *command) {
  for (int i = 0; i < CLI_N_FLAGS; i++)
    if (args->given[i] && i != CLI_dir && !belongs_to(&flags[i], command))
      return usage_error(command->name, "%s does not take the flag --%s", command->name, flags[i].name);
  int code = args->has_dash_word ? check_words(args, command) : check_required(args, command);
  return code != CLI_OK ? code : check_words(args, command);
}
