/* assets: what lies in assets and assets.extra, and which tensor reads it. */
#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>

#include "cli/cli.h"
#include "cli/json.h"

enum { MAX_PATH_SIZE = 4096 };

/* What is done with each file. */
typedef struct lister {
  const sm_model *model;
  json *out;           /* NULL: text */
  const char *extract; /* NULL: list only */
  int code;
} lister;

static bool join(char *dst, const char *dir, const char *name) {
  int n = snprintf(dst, MAX_PATH_SIZE, "%s/%s", dir, name);
  return n > 0 && n < MAX_PATH_SIZE;
}

/* Makes the directories that path lies in. */
static int make_parents(const char *path) {
  char part[MAX_PATH_SIZE];
  for (const char *slash = strchr(path + 1, '/'); slash != NULL; slash = strchr(slash + 1, '/')) {
    memcpy(part, path, (size_t)(slash - path));
    part[slash - path] = '\0';
    if (mkdir(part, 0777) != 0 && errno != EEXIST) return cli_fail("%s: %s", part, strerror(errno));
  }
  return CLI_OK;
}

static int extract(const lister *to, const char *name) {
  char path[MAX_PATH_SIZE];
  sm_error err;
  if (!join(path, to->extract, name)) return cli_fail("%s: the path is too long", name);
  int code = make_parents(path);
  if (code == CLI_OK && sm_model_copy_file(to->model, name, path, &err) != SM_OK) code = cli_fail_status(&err);
  return code;
}

static void print_asset(lister *to, const sm_meta_graph *graph, size_t i) {
  const sm_asset *asset;
  sm_error err;
  char name[MAX_PATH_SIZE];
  uint64_t size = 0;
  if (sm_meta_graph_get_asset(&asset, graph, i, &err) != SM_OK) {
    to->code = cli_fail_status(&err);
    return;
  }
  bool is_there =
      join(name, SM_DIR_ASSETS, asset->filename) && sm_model_get_file_size(&size, to->model, name, NULL) == SM_OK;
  if (to->out != NULL) {
    json_begin_object(to->out, NULL);
    if (is_there)
      json_uint(to->out, "bytes", size);
    else
      json_null(to->out, "bytes");
    json_string(to->out, "filename", asset->filename);
    json_string(to->out, "tensor", asset->tensor_name);
    json_end_object(to->out);
  } else {
    if (is_there)
      printf("%s\t%" PRIu64, name, size);
    else
      printf("%s\tmissing", name);
    printf("\t%s\n", asset->tensor_name);
  }
  if (to->extract != NULL && is_there && extract(to, name) != CLI_OK) to->code = CLI_FAILED;
}

static sm_status print_extra(void *ctx, const sm_model_file *file, sm_error *err) {
  lister *to = ctx;
  char name[MAX_PATH_SIZE];
  (void)err;
  if (to->out != NULL) {
    json_begin_object(to->out, NULL);
    json_uint(to->out, "bytes", file->size);
    json_bytes(to->out, "filename", file->name, strlen(file->name));
    json_end_object(to->out);
  } else {
    printf("%s/%s\t%" PRIu64 "\n", SM_DIR_ASSETS_EXTRA, file->name, file->size);
  }
  if (to->extract == NULL) return SM_OK;
  if (!join(name, SM_DIR_ASSETS_EXTRA, file->name) || extract(to, name) != CLI_OK) to->code = CLI_FAILED;
  return SM_OK;
}

static void list_all(lister *to) {
  sm_error err;
  if (to->out != NULL) {
    json_begin_object(to->out, NULL);
    json_begin_list(to->out, "assets");
  }
  for (size_t g = 0; g < sm_model_n_meta_graphs(to->model); g++) {
    const sm_meta_graph *graph = sm_model_get_meta_graph(to->model, g);
    for (size_t i = 0; i < sm_meta_graph_n_assets(graph); i++) print_asset(to, graph, i);
  }
  if (to->out != NULL) {
    json_end_list(to->out);
    json_begin_list(to->out, "assets_extra");
  }
  if (sm_model_list_files(to->model, SM_DIR_ASSETS_EXTRA, print_extra, to, &err) != SM_OK)
    to->code = cli_fail_status(&err);
  if (to->out != NULL) {
    json_end_list(to->out);
    json_string(to->out, "format", "savedmodel/1");
    json_end_object(to->out);
    json_finish(to->out);
  }
}

int cli_assets(const cli_args *args) {
  sm_model *model;
  json out = {.depth = 0};
  int code = cli_open(&model, args);
  if (code != CLI_OK) return code;
  lister to = {.model = model,
               .out = args->values[CLI_json] != NULL ? &out : NULL,
               .extract = args->values[CLI_extract],
               .code = CLI_OK};
  list_all(&to);
  sm_model_close(model);
  return to.code;
}
