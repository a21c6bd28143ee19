#include <stdio.h>
#include <string.h>

#include "cli/cli.h"

/* TensorFlow hands these to XLA and TensorRT, which are no part of a file format. */
static int refuse(const cli_args *args) { return cli_fail("%s is not supported in this build", args->words[0]); }

static int refuse_convert(const cli_args *args) {
  (void)args;
  return cli_fail("convert tensorrt is not supported in this build");
}

static const char *const needs_dir[] = {"dir", NULL};
static const char *const needs_convert[] = {"dir", "output_dir", "tag_set", NULL};
static const char *const needs_freeze[] = {"dir", "output_prefix", "tag_set", NULL};
static const char *const needs_class[] = {"cpp_class", NULL};

const cli_command cli_commands[] = {
    {"show", cli_show, needs_dir, true, "list tag sets, signatures, ops and functions of a model", 0},
    {"assets", cli_assets, needs_dir, false, "list the files that belong to a model, or copy them out", 0},
    {"scan", cli_scan, needs_dir, true, "find operations that reach files, the network or code", 0},
    {"convert", cli_convert, needs_dir, false, "write a .pb as .pbtxt, a checkpoint as .npz, and so on", 1},
    {"edit", cli_edit, needs_dir, false, "write a changed copy of a model, or change it where it is", 1},
    {"tensors", cli_tensors, needs_dir, false, "list the tensors of a checkpoint or a model", 0},
    {"cat", cli_cat, needs_dir, false, "print a tensor, or write it as .npy", 1},
    {"objects", cli_objects, needs_dir, false, "show the object graph of a model or a checkpoint as a tree", 0},
    {"checkpoint", cli_surgery, NULL, false, "rename, leave out, merge or average the tensors of checkpoints",
     CLI_MAX_WORDS},
    {"diff", cli_diff, NULL, false, "say what differs between two models or checkpoints", 1},
    {"verify", cli_verify, needs_dir, false, "check everything that can be checked", 0},
    {"freeze_model", cli_freeze_model, needs_freeze, true,
     "write the graph of a signature with its variables as constants", 0},
    {"convert tensorrt", refuse_convert, needs_convert, true, "not supported: needs TensorRT", 0},
    {"aot_compile_cpu", refuse, needs_class, true, "not supported: needs XLA", 0},
    {NULL, NULL, NULL, false, NULL, 0},
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
  if (argc > 1 && strcmp(argv[1], "inspect_checkpoint") == 0) return cli_inspect_checkpoint(argc, argv);
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
  if (code != CLI_OK) return code;
  cli_storage storage = {.fs = NULL};
  args.storage = &storage;
  code = command->run(&args);
  cli_storage_close(&storage);
  return code;
}

int main(int argc, char **argv) {
  int code = run(argc, argv);
  if ((fflush(stdout) != 0 || ferror(stdout)) && code == CLI_OK) code = cli_fail("writing to standard output failed");
  return code;
}
