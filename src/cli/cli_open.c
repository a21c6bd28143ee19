/* What commands begin with: which model, and which of its meta graphs. */
#include <stdio.h>
#include <string.h>

#include "cli/cli.h"
#include "cli/python.h"

const char *cli_dir(const cli_args *args) {
  return args->values[CLI_dir] != NULL ? args->values[CLI_dir] : args->words[1];
}

/* TensorFlow's words for what cannot be parsed. */
static int fail_parsing(const char *dir, const sm_error *err) {
  char path[3 * 4096], shown[4 * sizeof path + 4];
  snprintf(path, sizeof path, "%s%s%s", dir, *dir != '\0' && dir[strlen(dir) - 1] != '/' ? "/" : "",
           SM_FILE_SAVED_MODEL_PB);
  python_repr_bytes(shown, sizeof shown, path, strlen(path));
  return cli_fail("Cannot parse proto file %s: Error parsing message with type 'tensorflow.SavedModel': %s", shown,
                  err->message);
}

int cli_open(sm_model **out, const cli_args *args) {
  sm_error err;
  sm_open_options options = SM_OPEN_OPTIONS_INIT;
  const char *dir = cli_dir(args);
  const cli_storage *storage = args->storage;
  int code = cli_storage_open(args->storage, dir);
  if (code != CLI_OK) return code;
  options.fs = storage->fs;
  sm_status status = sm_model_open(out, storage->fs != NULL ? storage->dir : dir, &options, &err);
  if (status == SM_OK) return CLI_OK;
  if (status == SM_NOT_FOUND) return cli_fail("SavedModel file does not exist at: %s", dir);
  if (status != SM_DATA_LOSS) return cli_fail_status(&err);
  return fail_parsing(storage->fs != NULL ? storage->shown_dir : dir, &err);
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
