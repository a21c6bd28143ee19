#include <stdarg.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "cli/cli.h"
#include "cli/python.h"

/* ---- Saying ---- */

int cli_fail(const char *format, ...) {
  va_list args;
  va_start(args, format);
  fputs("savedmodel: ", stderr);
  vfprintf(stderr, format, args);
  fputc('\n', stderr);
  va_end(args);
  return CLI_FAILED;
}

int cli_fail_status(const sm_error *err) { return cli_fail("%s (%s)", err->message, sm_status_name(err->code)); }

void cli_put(const char *bytes, size_t size) {
  if (!isatty(STDOUT_FILENO)) {
    fwrite(bytes, 1, size, stdout);
    return;
  }
  for (size_t i = 0; i < size; i++) {
    unsigned char byte = (unsigned char)bytes[i];
    if (byte < 0x20 || byte == 0x7F)
      printf("\\x%02x", byte);
    else
      putchar(byte);
  }
}

/* ---- What commands begin with ---- */

const char *cli_dir(const cli_args *args) {
  return args->values[CLI_dir] != NULL ? args->values[CLI_dir] : args->words[1];
}

int cli_open(sm_model **out, const cli_args *args) {
  sm_error err;
  const char *dir = cli_dir(args);
  sm_status status = sm_model_open(out, dir, NULL, &err);
  if (status == SM_OK) return CLI_OK;
  if (status == SM_NOT_FOUND) return cli_fail("SavedModel file does not exist at: %s", dir);
  if (status != SM_DATA_LOSS) return cli_fail_status(&err);
  char path[4096], shown[4 * sizeof path + 4];
  snprintf(path, sizeof path, "%s%s%s", dir, *dir != '\0' && dir[strlen(dir) - 1] != '/' ? "/" : "",
           SM_FILE_SAVED_MODEL_PB);
  python_repr_bytes(shown, sizeof shown, path, strlen(path));
  return cli_fail("Cannot parse proto file %s: Error parsing message with type 'tensorflow.SavedModel': %s", shown,
                  err.message);
}

static bool is_blank(char c) { return c == ' ' || (c >= '\t' && c <= '\r'); }

bool cli_split_tags(cli_tags *out, const char *list) {
  size_t used = 0;
  out->n = 0;
  for (const char *item = list;; item++) {
    size_t size = strcspn(item, ","), end = size;
    const char *start = item;
    while (end > 0 && is_blank(*start)) start++, end--;
    while (end > 0 && is_blank(start[end - 1])) end--;
    if (end > 0) {
      if (out->n == CLI_MAX_TAGS || end + 1 > sizeof out->text - used) return false;
      memcpy(out->text + used, start, end);
      out->text[used + end] = '\0';
      out->tags[out->n++] = out->text + used;
      used += end + 1;
    }
    item += size;
    if (*item == '\0') return true;
  }
}

/* ---- Commands ---- */

/* TensorFlow hands these to XLA and TensorRT, which are no part of a file format. */
static int refuse(const cli_args *args) { return cli_fail("%s is not supported in this build", args->words[0]); }

static int refuse_convert(const cli_args *args) {
  (void)args;
  return cli_fail("convert tensorrt is not supported in this build");
}

static const char *const needs_dir[] = {"dir", NULL};
static const char *const needs_convert[] = {"dir", "output_dir", "tag_set", NULL};
static const char *const needs_class[] = {"cpp_class", NULL};

const cli_command cli_commands[] = {
    {"show", cli_show, needs_dir, true, "list tag sets, signatures, ops and functions of a model"},
    {"assets", cli_assets, needs_dir, false, "list the files that belong to a model, or copy them out"},
    {"convert tensorrt", refuse_convert, needs_convert, true, NULL},
    {"aot_compile_cpu", refuse, needs_class, true, NULL},
    {NULL, NULL, NULL, false, NULL},
};

static const cli_command *find_command(const char *name) {
  for (const cli_command *command = cli_commands; command->name != NULL; command++)
    if (strcmp(command->name, name) == 0) return command;
  return NULL;
}

/* "convert ... tensorrt" is one command of two words. */
static void join_convert(cli_args *args) {
  if (args->n_words < 2 || strcmp(args->words[0], "convert") != 0 || strcmp(args->words[1], "tensorrt") != 0) return;
  args->words[0] = "convert tensorrt";
  args->n_words--;
  memmove(args->words + 1, args->words + 2, (args->n_words - 1) * sizeof args->words[0]);
}

static int run(int argc, char **argv) {
  cli_args args;
  int code = cli_args_read(&args, argc, argv);
  if (code != CLI_OK) return code;
  if (args.wants_version) return printf("savedmodel %s\n", sm_version()) > 0 ? CLI_OK : CLI_FAILED;
  if (args.wants_help) return cli_help(args.n_words > 0 ? args.words[0] : NULL);
  join_convert(&args);
  const cli_command *command = find_command(args.words[0]);
  if (command == NULL) {
    fprintf(stderr, "savedmodel: no command '%s'; savedmodel --help lists them\n", args.words[0]);
    return CLI_USAGE;
  }
  code = cli_args_check(&args, command);
  return code != CLI_OK ? code : command->run(&args);
}

int main(int argc, char **argv) {
  int code = run(argc, argv);
  if ((fflush(stdout) != 0 || ferror(stdout)) && code == CLI_OK) code = cli_fail("writing to standard output failed");
  return code;
}
