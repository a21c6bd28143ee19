/* savedmodel convert: which way, and .pb to .pbtxt and back. */
#include <stdio.h>
#include <string.h>

#include "cli/cli.h"
#include "cli/convert_tensors.h"
#include "cli/target.h"
#include "cli/whole_file.h"

enum { MAX_PATH = 4096 };

static bool ends_in(const char *text, const char *end) {
  size_t size = strlen(text), end_size = strlen(end);
  return size > end_size && strcmp(text + size - end_size, end) == 0;
}

static bool is_saved_model(const char *path) {
  const char *slash = strrchr(path, '/'), *name = slash != NULL ? slash + 1 : path;
  return strcmp(name, SM_FILE_SAVED_MODEL_PB) == 0 || strcmp(name, SM_FILE_SAVED_MODEL_PBTXT) == 0;
}

/* ---- Protobuf ---- */

typedef struct job {
  char src[MAX_PATH];
  const char *dst;
  bool to_text;
  sm_message_kind kind;
} job;

static sm_status convert(const job *the, target *out, const whole_file *in, sm_error *err) {
  sm_string bytes;
  size_t size = (size_t)in->file.size;
  if (the->to_text) return sm_convert_to_text(the->kind, in->data, size, the->src, target_write, out, NULL, err);
  SM_TRY(sm_convert_from_text(&bytes, the->kind, in->data, size, NULL, err));
  sm_status status = target_write(out, bytes.data, bytes.size, err);
  sm_convert_free(&bytes, NULL);
  return status;
}

static int run(const job *the) {
  sm_error err;
  whole_file in;
  target out;
  if (whole_file_open(&in, the->src, &err) != SM_OK) return cli_fail_status(&err);
  sm_status status = target_open(&out, the->dst, &err);
  if (status == SM_OK) status = target_close(&out, convert(the, &out, &in, &err), &err);
  whole_file_close(&in);
  if (status == SM_OK) return CLI_OK;
  return status == SM_DATA_LOSS && !the->to_text ? cli_fail_parse(the->src, true, &err) : cli_fail_status(&err);
}

static bool is_directory(const char *path) {
  const sm_fs *fs = sm_fs_local();
  sm_dir_entry entry;
  return fs->stat(&entry, fs, "", path, 0, NULL) == SM_OK && entry.kind == SM_FILE_DIRECTORY;
}

static int convert_protobuf(const char *src, const char *dst) {
  job the = {.dst = dst, .to_text = ends_in(dst, ".pbtxt"), .kind = SM_MESSAGE_GRAPH_DEF};
  bool is_model = is_directory(src);
  const char *in_model = the.to_text ? "/" SM_FILE_SAVED_MODEL_PB : "/" SM_FILE_SAVED_MODEL_PBTXT;
  int n = snprintf(the.src, sizeof the.src, "%s%s", src, is_model ? in_model : "");
  if (n < 0 || (size_t)n >= sizeof the.src) return convert_usage("SRC is too long");
  if (!ends_in(the.src, the.to_text ? ".pb" : ".pbtxt"))
    return convert_usage(the.to_text ? "SRC has to end in .pb when DST is a .pbtxt"
                                     : "SRC has to end in .pbtxt when DST is a .pb");
  if (is_saved_model(the.src) || is_saved_model(the.dst)) the.kind = SM_MESSAGE_SAVED_MODEL;
  return run(&the);
}

/* ---- Which way ---- */

static bool is_protobuf(const char *path) { return ends_in(path, ".pb") || ends_in(path, ".pbtxt"); }

static bool has_checkpoint_flags(const cli_args *args) {
  return args->given[CLI_align] || args->given[CLI_shards] || args->given[CLI_shard_size] ||
         args->given[CLI_big_endian];
}

int cli_convert(const cli_args *args) {
  const char *src = cli_dir(args);
  size_t dst_word = args->values[CLI_dir] != NULL ? 1 : 2;
  if (args->n_words <= dst_word) return convert_usage("convert needs SRC and DST");
  const char *dst = args->words[dst_word];
  bool is_tensors = !is_protobuf(src) && !is_protobuf(dst);
  if (has_checkpoint_flags(args) && (!is_tensors || ends_in(dst, ".npz") || ends_in(dst, ".safetensors")))
    return convert_usage("--align, --shards, --shard-size and --big-endian are for checkpoints, and DST is none");
  if (is_tensors) return convert_tensors(args, src, dst);
  if (!is_protobuf(dst)) return convert_usage("DST has to end in .pb or .pbtxt when SRC does");
  return convert_protobuf(src, dst);
}
