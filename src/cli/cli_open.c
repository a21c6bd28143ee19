/* What commands begin with: which model, and which of its meta graphs. */
#include <stdio.h>
#include <string.h>

#include "cli/cli.h"
#include "cli/python.h"

const char *cli_dir(const cli_args *args) {
  return args->values[CLI_dir] != NULL ? args->values[CLI_dir] : args->words[1];
}

enum { MAX_PATH = 3 * 4096 };

int cli_fail_parse(const char *path, bool is_text, const sm_error *err) {
  char shown[4 * MAX_PATH + 4];
  python_repr_bytes(shown, sizeof shown, path, strlen(path));
  if (is_text) return cli_fail("Cannot parse pbtxt file %s: %s", shown, err->message);
  return cli_fail("Cannot parse proto file %s: Error parsing message with type 'tensorflow.SavedModel': %s", shown,
                  err->message);
}

static void join_path(char *path, size_t size, const char *dir, const char *name) {
  snprintf(path, size, "%s%s%s", dir, *dir != '\0' && dir[strlen(dir) - 1] != '/' ? "/" : "", name);
}

/* Takes the path off the front of the message; false when it is not there. */
static bool cut_path(sm_error *err, const char *path) {
  size_t size = strlen(path);
  if (strncmp(err->message, path, size) != 0 || strncmp(err->message + size, ": ", 2) != 0) return false;
  memmove(err->message, err->message + size + 2, strlen(err->message + size + 2) + 1);
  return true;
}

/* TensorFlow's words for what cannot be parsed. dir: as it was opened; shown_dir: as the user would write it. */
static int fail_parsing(const char *dir, const char *shown_dir, sm_error *err) {
  char path[MAX_PATH];
  join_path(path, sizeof path, dir, SM_FILE_SAVED_MODEL_PBTXT);
  bool is_text = cut_path(err, path);
  join_path(path, sizeof path, shown_dir, is_text ? SM_FILE_SAVED_MODEL_PBTXT : SM_FILE_SAVED_MODEL_PB);
  return cli_fail_parse(path, is_text, err);
}

int cli_open(sm_model **out, const cli_args *args) {
  sm_error err;
  sm_open_options options = SM_OPEN_OPTIONS_INIT;
  const char *dir = cli_dir(args);
  const cli_storage *storage = args->storage;
  int code = cli_storage_open(args->storage, dir);
  if (code != CLI_OK) return code;
  options.fs = storage->fs;
  const char *opened = storage->fs != NULL ? storage->dir : dir;
  sm_status status = sm_model_open(out, opened, &options, &err);
  if (status == SM_OK) return CLI_OK;
  if (status == SM_NOT_FOUND) return cli_fail("SavedModel file does not exist at: %s", dir);
  if (status != SM_DATA_LOSS) return cli_fail_status(&err);
  return fail_parsing(opened, storage->fs != NULL ? storage->shown_dir : dir, &err);
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
