/* Which checkpoint a command is about. */
#include <stdio.h>
#include <string.h>

#include "cli/cli.h"

enum { MAX_PATH = 4096 };

/* PREFIX.index means PREFIX, a directory with a state file the checkpoint that is named there. */
static sm_status find_prefix(char *prefix, const char *path, const sm_open_options *options, sm_error *err) {
  const sm_fs *fs = options->fs != NULL ? options->fs : sm_fs_local();
  static const char index[] = ".index";
  size_t size = strlen(path), end = sizeof index - 1;
  sm_dir_entry entry;
  if (size >= MAX_PATH) {
    *err = (sm_error){.code = SM_INVALID_ARGUMENT, .offset = UINT64_MAX, .message = "the path is too long"};
    return SM_INVALID_ARGUMENT;
  }
  memcpy(prefix, path, size + 1);
  bool is_dir = fs->stat(&entry, fs, path, "", 0, NULL) == SM_OK && entry.kind == SM_FILE_DIRECTORY;
  if (is_dir && !cli_is_model(fs, path) && fs->stat(&entry, fs, path, SM_FILE_CHECKPOINT_STATE, 0, NULL) == SM_OK)
    return sm_latest_checkpoint(prefix, MAX_PATH, path, options, err);
  if (!is_dir && size > end && strcmp(path + size - end, index) == 0) prefix[size - end] = '\0';
  return SM_OK;
}

int cli_checkpoint_try(char *prefix, sm_open_options *options, sm_error *err, const cli_args *args, const char *path) {
  const cli_storage *storage = args->storage;
  int code = cli_storage_open(args->storage, path);
  if (code != CLI_OK) return code;
  options->fs = storage->fs;
  if (storage->fs != NULL) path = storage->dir;
  err->code = SM_OK;
  (void)find_prefix(prefix, path, options, err);
  return CLI_OK;
}

int cli_checkpoint_find(char *prefix, sm_open_options *options, const cli_args *args, const char *path) {
  sm_error err;
  int code = cli_checkpoint_try(prefix, options, &err, args, path);
  return code != CLI_OK || err.code == SM_OK ? code : cli_fail_status(&err);
}

static int open_checkpoint(sm_bundle_reader **out, const cli_args *args, const char *path, sm_verify verify) {
  char prefix[MAX_PATH];
  sm_error err;
  sm_open_options options = SM_OPEN_OPTIONS_INIT;
  int code = cli_checkpoint_find(prefix, &options, args, path);
  if (code != CLI_OK) return code;
  options.verify = verify;
  return sm_bundle_reader_open(out, prefix, &options, &err) == SM_OK ? CLI_OK : cli_fail_status(&err);
}

int cli_checkpoint_open(sm_bundle_reader **out, const cli_args *args, const char *path) {
  return open_checkpoint(out, args, path, SM_VERIFY_DEFAULT);
}

int cli_checkpoint_open_checked(sm_bundle_reader **out, const cli_args *args, const char *path) {
  return open_checkpoint(out, args, path, SM_VERIFY_ALL);
}

const char *cli_check_new_prefix(const char *path) {
  static const char index[] = ".index";
  size_t size = strlen(path), end = sizeof index - 1;
  if (size == 0 || path[size - 1] == '/') return "DST is the prefix of a checkpoint, and ends in a name";
  return size >= end && strcmp(path + size - end, index) == 0 ? "DST is the prefix of a checkpoint, without .index"
                                                              : NULL;
}
