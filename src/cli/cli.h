/*
 * cli: the savedmodel tool. It uses public headers only, and so proves them sufficient.
 *
 *   main.c       the commands
 *   flags.c      the command line, as saved_model_cli reads it
 *   cli_open.c   which model, which of its meta graphs
 *   cli_checkpoint.c  which checkpoint
 *   archive.c    models inside archives
 *   target.c     files that appear when they are whole
 *   output.c     words to the user                help.c        --help
 *   show.c       show in text                     show_json.c   show --json
 *   assets.c     assets                           convert.c     convert
 *   run_edit.c   edit                             run_freeze.c  freeze_model
 *   convert_tensors.c  convert, where it is about tensors    tensor_source.c  where they come from
 *   whole_file.c files, mapped
 *   tensors.c    tensors                          cat.c         cat
 *   surgery.c    checkpoint rename, subset, merge    surgery_plan.c  what becomes of each tensor
 *   optimizer_keys.c  keys of optimizers             average.c     checkpoint average
 *   diff.c       diff                             diff_graph.c, diff_objects.c, diff_properties.c, diff_tensors.c,
 *                                                 diff_assets.c  its parts
 *   progress.c   how far long work has come
 *   run_verify.c verify                           sha256.c      checksums of tensors
 *   inspect_checkpoint.c  inspect_checkpoint       show_objects.c  objects
 *   show_saved_objects.c  objects of checkpoints      object_tree.c  objects as trees
 *   run_scan.c   scan                             policy.c      scan --policy
 *   tag_text.c   tags in words
 *   python.c     Python's repr                    json.c        writing JSON
 *
 * Arrays, in text and in files of other formats: array_text.h, npy.h, npz.h, safetensors.h.
 *
 * Results go to stdout, one line "savedmodel: MESSAGE" per failure to stderr. Exit codes: 0 done, 1 the work failed,
 * 2 usage.
 */
#ifndef SM_CLI_CLI_H
#define SM_CLI_CLI_H

#include <savedmodel/savedmodel.h>

#include "cli/flags.h"

enum { CLI_OK = 0, CLI_FAILED = 1, CLI_USAGE = 2 };

typedef struct cli_command {
  const char *name;
  int (*run)(const cli_args *args);
  const char *const *required; /* flags, NULL at the end, in the order in which they are missed */
  bool is_tensorflows;         /* takes all of TensorFlow's flags, heeded or not */
  const char *summary;
  size_t more_words; /* after the model's directory */
} cli_command;

/* All commands, name NULL at the end. */
extern const cli_command cli_commands[];

int cli_show(const cli_args *args);
int cli_show_json(const cli_args *args, const sm_model *model);
int cli_assets(const cli_args *args);
int cli_scan(const cli_args *args);
int cli_convert(const cli_args *args);
int cli_tensors(const cli_args *args);
int cli_cat(const cli_args *args);
int cli_verify(const cli_args *args);
int cli_freeze_model(const cli_args *args);
int cli_edit(const cli_args *args);
int cli_objects(const cli_args *args);
int cli_surgery(const cli_args *args);
int cli_diff(const cli_args *args);

/* Reads a command line of its own: argv[1] is "inspect_checkpoint". */
int cli_inspect_checkpoint(int argc, char **argv);

int cli_help(const char *command);

/* "savedmodel: MESSAGE" to stderr; returns CLI_FAILED. */
__attribute__((format(printf, 1, 2))) int cli_fail(const char *format, ...);

/* The same for a failed call of the library. */
int cli_fail_status(const sm_error *err);

/* Fails with what TensorFlow says of a file that it cannot parse. is_text: .pbtxt; err: why not. */
int cli_fail_parse(const char *path, bool is_text, const sm_error *err);

/* Opens the model that the flags name, in a directory or an archive, or fails with TensorFlow's message. */
int cli_open(sm_model **out, const cli_args *args);

/* An archive that a command's model lies in. It outlives the model: main closes it. */
typedef struct cli_storage {
  sm_fs *fs;                /* NULL: a directory on disk */
  char dir[4096];           /* of the model, inside fs */
  char shown_dir[2 * 4096]; /* the same as the user would write it */
} cli_storage;

/* Opens path when it is an archive, or leads into one ("models.zip/a"), and finds the model in it; otherwise, or when
 * the archive holds no model, leaves storage without fs. Several models: fails and lists them. */
int cli_storage_open(cli_storage *storage, const char *path);
void cli_storage_close(cli_storage *storage);

/*
 * A checkpoint by any of its names: a SavedModel's directory, a prefix, PREFIX.index, a directory with a state file. _find
 * says the prefix (4096 bytes) and, in options, where it lies; _open opens it. They fail and say so; _try leaves in err what
 * is wrong with a state file, or SM_OK.
 */
int cli_checkpoint_try(char *prefix, sm_open_options *options, sm_error *err, const cli_args *args, const char *path);
int cli_checkpoint_find(char *prefix, sm_open_options *options, const cli_args *args, const char *path);
int cli_checkpoint_open(sm_bundle_reader **out, const cli_args *args, const char *path);

/* The same, for those who read tensors slice by slice from end to end: whole parts are checked. */
int cli_checkpoint_open_checked(sm_bundle_reader **out, const cli_args *args, const char *path);

/* What is wrong with the name of a new checkpoint; NULL: nothing. */
const char *cli_check_new_prefix(const char *path);

/* Does dir hold a saved_model file of any form? fs NULL: on disk. */
bool cli_is_model(const sm_fs *fs, const char *dir);

/* Threads for what can be done by several: as many as the machine runs at once. */
uint32_t cli_n_threads(void);

/* The model's directory: of --dir, or the first word after the command. */
const char *cli_dir(const cli_args *args);

/* --tag_set as a list: split at commas, trimmed, empty items dropped. tags has room for CLI_MAX_TAGS and borrows from
 * text. False when there are too many. */
enum { CLI_MAX_TAGS = 64, CLI_MAX_TAG_TEXT = 4096 };
typedef struct cli_tags {
  const char *tags[CLI_MAX_TAGS];
  size_t n;
  char text[CLI_MAX_TAG_TEXT];
} cli_tags;
bool cli_split_tags(cli_tags *out, const char *list);

/* The tags joined by separator, sorted or as stored; freed by the caller. NULL: no memory. */
char *cli_join_tags(const sm_meta_graph *graph, const char *separator, bool is_sorted);

/* Fails with TensorFlow's message: no meta graph has the tags shown, and these are what there is. */
int cli_fail_tags(const sm_model *model, const char *shown);

/* Bytes to stdout; on a terminal control bytes become \xNN. */
void cli_put(const char *bytes, size_t size);

#endif
