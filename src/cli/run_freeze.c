/* savedmodel freeze_model: the graph of a signature without its variables, and the files that go with it. */
#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "cli/cli.h"
#include "cli/target.h"
#include "cli/text_buffer.h"

enum { MAX_PATH = 4096 };

typedef struct freezing {
  const cli_args *args;
  const sm_meta_graph *graph;
  const sm_signature *signature;
  cli_tags fed; /* variables that are named to be fed */
  bool feeds_all;
  sm_string prefrozen, frozen;
  text_buffer variables; /* what config.pbtxt says of them */
  text_buffer names;     /* of all there are, as Python shows a list */
} freezing;

static void put_number(text_buffer *to, int64_t number) {
  char text[24];
  snprintf(text, sizeof text, "%" PRId64, number);
  text_put_string(to, text);
}

/* ---- config.pbtxt: tensorflow/compiler/tf2xla/tf2xla.proto as protobuf text ---- */

static void put_quoted(text_buffer *to, const char *prefix, const char *text) {
  char escaped[8];
  text_put_string(to, "\"");
  text_put_string(to, prefix);
  for (const char *p = text; *p != '\0'; p++) {
    bool is_plain = *p >= ' ' && *p <= '~' && *p != '"' && *p != '\\' && *p != '\'';
    if (is_plain)
      snprintf(escaped, sizeof escaped, "%c", *p);
    else if (*p > ' ' && *p <= '~')
      snprintf(escaped, sizeof escaped, "\\%c", *p);
    else
      snprintf(escaped, sizeof escaped, "\\%03o", (unsigned)(unsigned char)*p);
    text_put_string(to, escaped);
  }
  text_put_string(to, "\"\n");
}

/* "feed_" and the name, in which '/' is '_'. */
static void put_name(text_buffer *to, const char *prefix, const char *name) {
  char shown[MAX_PATH];
  snprintf(shown, sizeof shown, "%s", name);
  for (char *p = shown; *p != '\0'; p++)
    if (*p == '/') *p = '_';
  text_put_string(to, "  name: ");
  put_quoted(to, prefix, shown);
}

static void put_shape(text_buffer *to, int32_t rank, const int64_t *dims) {
  text_put_string(to, "  shape {\n");
  if (rank < 0) text_put_string(to, "    unknown_rank: true\n");
  for (int32_t i = 0; i < rank; i++) {
    text_put_string(to, "    dim {\n      size: ");
    put_number(to, dims[i]);
    text_put_string(to, "\n    }\n");
  }
  text_put_string(to, "  }\n");
}

static void put_type(text_buffer *to, sm_dtype dtype) {
  text_put_string(to, "  type: ");
  text_put_string(to, sm_dtype_name(dtype));
  text_put_string(to, "\n");
}

/* The node of "x:1", and 1. */
static void split_tensor(char node[MAX_PATH], const char **index, const char *tensor) {
  snprintf(node, MAX_PATH, "%s", tensor);
  char *colon = strrchr(node, ':');
  if (colon != NULL) *colon = '\0';
  *index = colon != NULL ? tensor + (colon - node) + 1 : "0";
}

static void put_id(text_buffer *to, const sm_tensor_info *tensor) {
  char node[MAX_PATH];
  const char *index;
  split_tensor(node, &index, tensor->tensor_name);
  text_put_string(to, "  id {\n    node_name: ");
  put_quoted(to, "", node);
  if (strcmp(index, "0") != 0) {
    text_put_string(to, "    output_index: ");
    text_put_string(to, index);
    text_put_string(to, "\n");
  }
  text_put_string(to, "  }\n");
}

static void put_feed(text_buffer *to, const sm_tensor_info *input) {
  text_put_string(to, "feed {\n");
  put_id(to, input);
  put_shape(to, input->rank, input->dims);
  put_name(to, "feed_", input->name);
  put_type(to, input->dtype);
  text_put_string(to, "}\n");
}

static void put_fetch(text_buffer *to, const sm_tensor_info *output) {
  text_put_string(to, "fetch {\n");
  put_id(to, output);
  put_name(to, "fetch_", output->name);
  put_shape(to, output->rank, output->dims);
  put_type(to, output->dtype);
  text_put_string(to, "}\n");
}

static void put_variable(void *ctx, const sm_freeze_candidate *variable) {
  freezing *the = ctx;
  text_put_string(&the->names, the->names.size == 0 ? "'" : ", '");
  text_put_string(&the->names, variable->name);
  text_put_string(&the->names, "'");
  if (!variable->is_kept) return;
  text_put_string(&the->variables, "variable {\n  node_name: ");
  put_quoted(&the->variables, "", variable->name);
  put_name(&the->variables, "param_", variable->name);
  put_shape(&the->variables, variable->rank, variable->dims);
  put_type(&the->variables, variable->dtype);
  if (!variable->is_written) text_put_string(&the->variables, "  readonly: true\n");
  text_put_string(&the->variables, "}\n");
}

/* ---- What TensorFlow says ---- */

static int fail_signature(const freezing *the, const char *key) {
  sm_error err;
  text_buffer keys = {.data = NULL};
  for (size_t i = 0; i < sm_meta_graph_n_signatures(the->graph); i++) {
    const sm_signature *signature;
    if (sm_meta_graph_get_signature(&signature, the->graph, i, &err) != SM_OK) continue;
    text_put_string(&keys, keys.size == 0 ? "'" : ", '");
    text_put_string(&keys, signature->key);
    text_put_string(&keys, "'");
  }
  int code = cli_fail(
      "Unable to find signature_def_key '%s' in signature def map of `meta_graph_def`. "
      "Available keys: [%.*s]",
      key, (int)keys.size, keys.size != 0 ? keys.data : "");
  text_free(&keys);
  return code;
}

static int fail_shape(const sm_tensor_info *input, const char *node) {
  text_buffer shape = {.data = NULL};
  text_put_string(&shape, input->rank < 0 ? "<unknown>" : "(");
  for (int32_t i = 0; i < input->rank; i++) {
    if (i != 0) text_put_string(&shape, ", ");
    if (input->dims[i] < 0)
      text_put_string(&shape, "None");
    else
      put_number(&shape, input->dims[i]);
  }
  if (input->rank >= 0) text_put_string(&shape, input->rank == 1 ? ",)" : ")");
  int code =
      cli_fail("Expected fully defined input shape for signature_def '%s', tensor name: '%s'; but shape is: %.*s.",
               input->name, node, (int)shape.size, shape.data != NULL ? shape.data : "");
  text_free(&shape);
  return code;
}

static int check_inputs(const freezing *the) {
  char node[MAX_PATH];
  const char *index;
  if (the->signature->n_outputs == 0)
    return cli_fail("Signature key %s must have outputs, but saw none:", the->signature->key);
  for (size_t i = 0; i < the->signature->n_inputs; i++) {
    const sm_tensor_info *input = the->signature->inputs[i];
    bool is_whole = input->rank >= 0;
    for (int32_t k = 0; k < input->rank; k++) is_whole = is_whole && input->dims[k] >= 0;
    split_tensor(node, &index, input->tensor_name);
    if (!is_whole) return fail_shape(input, node);
  }
  return CLI_OK;
}

/* Variables that are asked for, and are not in the graph. */
static int fail_fed(freezing *the) {
  text_buffer missing = {.data = NULL};
  text_put(&the->names, "", 1); /* terminated */
  for (size_t i = 0; i < the->fed.n; i++) {
    char quoted[MAX_PATH];
    int size = snprintf(quoted, sizeof quoted, "'%s'", the->fed.tags[i]);
    if (size > 0 && the->names.data != NULL && strstr(the->names.data, quoted) != NULL) continue;
    if (missing.size != 0) text_put_string(&missing, ", ");
    text_put_string(&missing, quoted);
  }
  int code = cli_fail(
      "Asked to feed variables that were not found in graph: {%.*s}. Variables contained in the graph: "
      "[%.*s]",
      (int)missing.size, missing.data != NULL ? missing.data : "", (int)the->names.size - 1,
      the->names.data != NULL ? the->names.data : "");
  text_free(&missing);
  return code;
}

/* ---- Files ---- */

static sm_status write_file(const char *dir, const char *name, const void *data, size_t size, sm_error *err) {
  target out;
  char path[MAX_PATH];
  snprintf(path, sizeof path, "%s/%s", dir, name);
  SM_TRY(target_open(&out, path, err));
  return target_close(&out, target_write(&out, data, size, err), err);
}

/* Inputs that no output needs are not in the graph any more. */
static bool is_there(const freezing *the, const sm_tensor_info *input) {
  sm_string unused;
  char node[MAX_PATH];
  const char *index, *names[] = {node};
  split_tensor(node, &index, input->tensor_name);
  sm_status status = sm_graph_prune(&unused, the->frozen, names, 1, NULL, NULL);
  sm_graph_free_def(&unused, NULL);
  return status != SM_NOT_FOUND;
}

static sm_status write_config(const freezing *the, const char *dir, sm_error *err) {
  text_buffer config = {.data = NULL};
  for (size_t i = 0; i < the->signature->n_inputs; i++) {
    const sm_tensor_info *input = the->signature->inputs[i];
    if (is_there(the, input))
      put_feed(&config, input);
    else
      fprintf(stderr,
              "Signature input key '%s', tensor name '%s', has been pruned while freezing the graph.  Removing it from "
              "the compiled signatures.\n",
              input->name, input->tensor_name);
  }
  for (size_t i = 0; i < the->signature->n_outputs; i++) put_fetch(&config, the->signature->outputs[i]);
  text_put(&config, the->variables.data, the->variables.size);
  sm_status status = write_file(dir, "config.pbtxt", config.data, config.size, err);
  text_free(&config);
  return status;
}

/* And all above it. */
static sm_status make_dirs(const char *dir, sm_error *err) {
  const sm_fs *fs = sm_fs_local();
  char path[MAX_PATH];
  if (strlen(dir) >= sizeof path) return fs->mkdir(fs, "", dir, err);
  snprintf(path, sizeof path, "%s", dir);
  for (char *p = path + 1; *path != '\0' && *p != '\0'; p++) {
    if (*p != '/') continue;
    *p = '\0';
    (void)fs->mkdir(fs, "", path, NULL); /* what matters is whether the last one is there */
    *p = '/';
  }
  sm_status status = fs->mkdir(fs, "", path, err);
  return status == SM_ALREADY_EXISTS ? SM_OK : status;
}

static sm_status write_files(const freezing *the, const char *dir, sm_error *err) {
  sm_string original;
  SM_TRY(sm_freeze_signature(&original, the->graph, NULL, NULL, err));
  sm_status status = make_dirs(dir, err);
  if (status == SM_OK) status = write_file(dir, "original_graph.pb", original.data, original.size, err);
  sm_graph_free_def(&original, NULL);
  if (status == SM_OK) status = write_file(dir, "prefrozen_graph.pb", the->prefrozen.data, the->prefrozen.size, err);
  if (status == SM_OK) status = write_file(dir, "frozen_graph.pb", the->frozen.data, the->frozen.size, err);
  return status == SM_OK ? write_config(the, dir, err) : status;
}

/* ---- All ---- */

static sm_status freeze(freezing *the, sm_error *err) {
  sm_freeze_options options = SM_FREEZE_OPTIONS_INIT;
  options.checkpoint = the->args->values[CLI_checkpoint_path];
  options.zero_inputs = options.keep_all = true;
  SM_TRY(sm_freeze_signature(&the->prefrozen, the->graph, the->signature, &options, err));
  options.keep_all = the->feeds_all;
  options.kept = the->fed.tags;
  options.n_kept = the->fed.n;
  options.variable = put_variable;
  options.variable_ctx = the;
  return sm_freeze_signature(&the->frozen, the->graph, the->signature, &options, err);
}

static int run(freezing *the) {
  sm_error err;
  const char *key = the->args->values[CLI_signature_def_key], *feed = the->args->values[CLI_variables_to_feed];
  sm_status status = sm_meta_graph_find_signature(&the->signature, the->graph, key, &err);
  if (status == SM_NOT_FOUND) return fail_signature(the, key);
  if (status != SM_OK) return cli_fail_status(&err);
  int code = check_inputs(the);
  if (code != CLI_OK) return code;
  the->feeds_all = strcmp(feed, "all") == 0;
  if (!the->feeds_all && !cli_split_tags(&the->fed, feed)) return cli_fail("--variables_to_feed: too many");
  status = freeze(the, &err);
  if (status == SM_INVALID_ARGUMENT && the->fed.n != 0) return fail_fed(the);
  if (status == SM_OK) status = write_files(the, the->args->values[CLI_output_prefix], &err);
  return status == SM_OK ? CLI_OK : cli_fail_status(&err);
}

int cli_freeze_model(const cli_args *args) {
  sm_model *model;
  cli_tags tags;
  sm_error err;
  freezing the = {.args = args};
  int code = cli_open(&model, args);
  if (code != CLI_OK) return code;
  if (!cli_split_tags(&tags, args->values[CLI_tag_set])) {
    code = cli_fail("--tag_set: too many tags");
  } else if (tags.n == 0) {
    code = cli_fail("tag_set must contain at least one non-empty item.");
  } else if (sm_model_find_meta_graph(&the.graph, model, tags.tags, tags.n, &err) != SM_OK) {
    code = err.code == SM_NOT_FOUND ? cli_fail_tags(model, args->values[CLI_tag_set]) : cli_fail_status(&err);
  } else {
    code = run(&the);
  }
  sm_graph_free_def(&the.prefrozen, NULL);
  sm_graph_free_def(&the.frozen, NULL);
  text_free(&the.variables);
  text_free(&the.names);
  sm_model_close(model);
  return code;
}
